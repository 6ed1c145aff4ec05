//! Algorithms that produce facts from bytecode: control flow, loops, types, effects, verdicts.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value; a [`Program`] goes in, plain data comes out. All
//! passes use dense vectors and worklists, and their time is linear in the program but for the depth of its loops.

pub mod cfg;
pub mod contexts;
pub mod costs;
pub mod effects;
pub mod failures;
pub mod hovers;
mod in_place;
pub mod inductions;
pub mod infer;
mod late_fields;
mod loop_shapes;
pub mod loops;
pub mod losses;
pub mod names;
pub mod program_flow;
pub mod regions;
pub mod report;
mod spelling;
pub mod type_facts;
pub mod verdict;

use crate::bytecode::facts::Facts;
use crate::bytecode::parallel::both;
use crate::bytecode::{FuncId, Program, StrId, StructId, VERDICT_RULES_VERSION};
use crate::facts::rules::RuleIndex;
use crate::source::Diagnostic;

use self::contexts::InContexts;
use self::costs::Cost;
use self::failures::CertainFailure;
use self::hovers::Hover;
use self::infer::Inference;
use self::losses::Losses;
use self::program_flow::ProgramFlow;

/// What is known of a program before it runs.
#[derive(Debug)]
pub struct Analysis {
    pub facts: Facts,
    /// What always fails where it runs, in the order of the code.
    pub failures: Vec<CertainFailure>,
    /// Of what is used though it gives nothing; asked for with failures.
    pub warnings: Vec<Diagnostic>,
    /// What each region costs, in the order of [`Facts::regions`].
    pub costs: Vec<Cost>,
    /// Where conditions get which types; asked for with costs.
    pub losses: Losses,
    /// The types of what the source names, if they are asked for.
    pub hovers: Vec<Hover>,
}

/// What is asked for beside facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// What always fails.
    pub failures: bool,
    /// What loops and functions cost.
    pub costs: bool,
    /// The types of names where they stand. The facts have these types, too, and are not those of a compiled file.
    pub hovers: bool,
}

/// The facts of a program. The program must be one that [`crate::bytecode::verify()`] accepts.
pub fn analyse(program: &Program) -> Facts {
    examine(program, Asked::default()).facts
}

/// Everything that is known of a program before it runs, with what is asked for.
pub fn examine(program: &Program, asked: Asked) -> Analysis {
    match examine_unless_late(program, asked, false) {
        Ok(analysis) => analysis,
        Err(_) => unreachable!("nothing is found that is not looked for"),
    }
}

/// Likewise, of a program whose structs are first given slots for the fields that are assigned from outside, if there
/// are any.
pub fn lay_out_and_examine(program: &mut Program, asked: Asked) -> Analysis {
    match examine_unless_late(program, asked, true) {
        Ok(analysis) => analysis,
        Err(late) => {
            late_fields::add(program, &late);
            examine(program, asked)
        }
    }
}

/// Everything that is known, unless late fields are looked for and found.
fn examine_unless_late(
    program: &Program,
    asked: Asked,
    looks_for_late: bool,
) -> Result<Analysis, Vec<(StructId, StrId)>> {
    let (flow, index) = ProgramFlow::beside(program, || RuleIndex::new(program));
    // Inference goes wherever types change next, which is one thread's work.
    let infer = || Inference::run(program, &flow, &index);
    let (mut inference, shared) = both(program, infer, || regions::Shared::new(program, &flow, asked.costs));
    let all_reached = (0..program.functions.len() as u32).all(|number| inference.is_reached(FuncId(number)));
    let mut supposed = (!all_reached).then(|| inference.suppose_all_called());
    inference.seal();
    if looks_for_late {
        let late = late_fields::find(program, &flow, &inference);
        if !late.is_empty() {
            return Err(late);
        }
    }
    if let Some(supposed) = &mut supposed {
        supposed.seal();
    }
    let (mut built, mut table) = regions::build(&shared, &inference, supposed.as_ref());
    let open = regions::open_functions(program, &built.facts);
    if !open.is_empty()
        && let Some(contexts) = InContexts::find(&inference, &open, asked.costs)
    {
        regions::refine(&shared, &inference, &contexts, &open, &mut built);
    }
    let costs = match asked.costs {
        true => costs::resolve(program, &flow, &inference, &built.acts, &built.facts),
        false => Vec::new(),
    };
    let losses = match asked.costs {
        true => losses::find(program, &built.given, &built.asked, &built.combined),
        false => Losses::default(),
    };
    let hovers = match asked.hovers {
        true => hovers::find(program, &flow, &inference, &mut table),
        false => Vec::new(),
    };
    let types = type_facts::finish(table, &inference);
    let facts = Facts { rules: VERDICT_RULES_VERSION, types, regions: built.facts };
    let failures = if asked.failures { failures::complete(built.failures, program, &flow, &index) } else { Vec::new() };
    let warnings = if asked.failures { in_place::warnings(program, &flow, &inference) } else { Vec::new() };
    Ok(Analysis { facts, failures, warnings, costs, losses, hovers })
}
