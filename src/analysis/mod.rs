//! Algorithms that produce facts from bytecode: control flow, dominators, loops, liveness, types, effects, verdicts.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value; a [`Program`](crate::bytecode::Program) goes in, plain data comes
//! out. All passes use dense vectors and worklists, and their time is linear in the program but for the depth of its loops.

pub mod cfg;
pub mod dominators;
pub mod flow;
pub mod infer;
pub mod liveness;
pub mod loops;
pub mod type_facts;

use crate::bytecode::facts::Facts;
use crate::bytecode::type_rules::RuleIndex;
use crate::bytecode::{Program, VERDICT_RULES_VERSION};

use self::flow::ProgramFlow;
use self::infer::Inference;

/// Everything that is known of a program before it runs. The program must be one that [`crate::bytecode::verify()`] accepts.
pub fn analyse(program: &Program) -> Facts {
    let flow = ProgramFlow::new(program);
    let index = RuleIndex::new(program);
    let mut inference = Inference::run(program, &flow, &index);
    let table = type_facts::build(program, &flow, &mut inference);
    let types = type_facts::finish(table, &mut inference);
    Facts { rules: VERDICT_RULES_VERSION, types, regions: Vec::new() }
}
