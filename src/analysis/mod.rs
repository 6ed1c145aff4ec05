//! Algorithms that produce facts from bytecode: control flow, loops, types, effects, verdicts.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value; a [`Program`] goes in, plain data comes
//! out. All passes use dense vectors and worklists, and their time is linear in the program but for the depth of its loops.

pub mod cfg;
pub mod effects;
pub mod failures;
pub mod flow;
pub mod inductions;
pub mod infer;
pub mod loops;
pub mod names;
pub mod regions;
pub mod report;
mod spelling;
pub mod type_facts;
pub mod verdict;

use crate::bytecode::facts::Facts;
use crate::bytecode::parallel::both;
use crate::bytecode::{FuncId, Program, VERDICT_RULES_VERSION};
use crate::facts::rules::RuleIndex;

use self::failures::CertainFailure;
use self::flow::ProgramFlow;
use self::infer::Inference;

/// What is known of a program before it runs.
#[derive(Debug)]
pub struct Analysis {
    pub facts: Facts,
    /// What always fails where it runs, in the order of the code.
    pub failures: Vec<CertainFailure>,
}

/// The facts of a program. The program must be one that [`crate::bytecode::verify()`] accepts.
pub fn analyse(program: &Program) -> Facts {
    examine(program, false).facts
}

/// Everything that is known of a program before it runs, what always fails included if that is asked for.
pub fn examine(program: &Program, with_failures: bool) -> Analysis {
    let flow = ProgramFlow::new(program);
    let index = RuleIndex::new(program);
    // Inference goes wherever types change next, which is one thread's work.
    let infer = || Inference::run(program, &flow, &index);
    let (mut inference, shared) = both(program, infer, || regions::Shared::new(program, &flow));
    let all_reached = (0..program.functions.len() as u32).all(|at| inference.is_reached(FuncId(at)));
    let mut supposed = (!all_reached).then(|| inference.suppose_all_called());
    inference.seal();
    if let Some(supposed) = &mut supposed {
        supposed.seal();
    }
    let mut table = type_facts::build(program, &flow, &inference);
    let (regions, failures) = regions::build(&shared, &inference, supposed.as_ref(), &mut table);
    let types = type_facts::finish(table, &inference);
    let facts = Facts { rules: VERDICT_RULES_VERSION, types, regions };
    let failures = if with_failures { failures::complete(failures, program, &flow, &index) } else { Vec::new() };
    Analysis { facts, failures }
}
