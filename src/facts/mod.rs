//! What facts mean: how each instruction treats types ([`rules`]), and whether the facts in a file agree with its code
//! ([`check`]), and what native code makes of instructions on values of known kinds ([`native_forms`]).
//!
//! Facts themselves are plain data in `bytecode/facts.rs`, and the verifier finds out that they are well formed. Here
//! is the theory. Inference, in `analysis`, and the check apply the same rules.
//!
//! Invariant: facts that pass the check hold in every run. Nothing else may be believed of a file, and a program runs
//! the same without facts.

pub mod absent;
pub mod check;
pub mod definite;
mod forward;
pub mod native_forms;
pub mod rules;

use std::sync::{OnceLock, mpsc};
use std::thread;

use self::check::{Check, CheckedTypes, first_error};
use crate::bytecode::facts::Facts;
use crate::bytecode::verify::{Rules, RulesHold, validate_regions, verify_beside};
use crate::bytecode::wbc::{self, Wanted};
use crate::bytecode::{FactsError, LoadError, Program, VERDICT_RULES_VERSION, VerifiedProgram, VerifyError};

/// Reads and verifies a file, and finds out for [`check_facts`] whether type facts agree with the code.
pub fn load_checking_facts(file: &[u8]) -> Result<VerifiedProgram, LoadError> {
    let program = wbc::decode_wanted(file, Wanted::All).map_err(LoadError::File)?;
    verify_with_facts(program).map_err(LoadError::Program)
}

/// As [`verify`](crate::bytecode::verify()), and finds out for [`check_facts`] whether type facts agree with the code.
/// In a large program that takes hardly longer, as another thread begins with it beside the rules, and as it needs an
/// index of names, from which follows that they are different.
pub fn verify_with_facts(program: Program) -> Result<VerifiedProgram, VerifyError> {
    verify_beside(program, |rules| match &rules.program().facts {
        Some(facts) => check_rules_and_facts(rules, facts),
        None => Ok((rules.check(|| {})?.check_names(false)?, Ok(()))),
    })
}

/// Whether the facts of a program, if there are any, may be used: their types agree with the code, and their verdicts
/// are by the rules of this version.
pub fn check_facts(program: &VerifiedProgram) -> Result<(), FactsError> {
    let Some(facts) = &program.facts else { return Ok(()) };
    check_version(facts)?;
    program.checked().cloned().unwrap_or_else(|| check::check(program, facts))
}

/// The types that the facts of a program give, if there are any and they agree with the code. Those of a file that was
/// loaded without them are decoded here.
pub fn checked_types(program: &VerifiedProgram) -> Result<Option<CheckedTypes>, FactsError> {
    let decoded;
    let facts = match (&program.facts, program.packed_facts()) {
        (Some(facts), _) => facts,
        (None, Some(packed)) => {
            decoded = wbc::decode_facts(packed).map_err(|_| FactsError::Malformed("they cannot be decoded"))?;
            &decoded
        }
        (None, None) => return Ok(None),
    };
    check_version(facts)?;
    check::checked_types(program, facts).map(Some)
}

fn check_version(facts: &Facts) -> Result<(), FactsError> {
    match facts.rules {
        VERDICT_RULES_VERSION => Ok(()),
        file => Err(FactsError::OtherRules { file }),
    }
}

/// A program with fewer instructions is verified, and its facts checked, before a second thread has started.
const WORTH_CHECKING_BESIDE: usize = 10_000;

/// Checks the rules on this thread and facts on another; whoever is first helps the other with the code.
fn check_rules_and_facts<'p>(
    rules: Rules<'p>,
    facts: &'p Facts,
) -> Result<(RulesHold<'p>, Result<(), FactsError>), VerifyError> {
    let program = rules.program();
    let (prepared, there) = (OnceLock::new(), OnceLock::new());
    let prepare = || {
        let prepared = prepared.get_or_init(|| Check::prepare(program, facts));
        prepared.as_ref().map_err(FactsError::clone)
    };
    let (tell, is_safe) = mpsc::sync_channel(1);
    let beside = || {
        let check = prepare();
        // Nobody is left to tell if the program has been refused.
        if is_safe.into_iter().next().is_some() {
            let checked = check.and_then(|check| check.declarations().and_then(|()| check.take_part()));
            there.get_or_init(|| checked);
        }
    };
    let (hold, here) = thread::scope(|scope| {
        if program.code.len() >= WORTH_CHECKING_BESIDE {
            // If the system has no thread to give, all is done here. The thread is not joined: the scope waits for its
            // work, joining would also wait for its memory to be given back.
            let _ = thread::Builder::new().spawn_scoped(scope, beside);
        }
        // The closure owns the sender, so that the other thread hears of it if a rule is broken before.
        let names_left = rules.check(move || {
            // Fails if there is no other thread.
            let _ = tell.send(());
        })?;
        let regions = validate_regions(program, facts);
        let check = prepare();
        let hold = names_left.check_names(check.as_ref().is_ok_and(|check| check.names_differ()))?;
        Ok((hold, check.and_then(|check| regions.map(|()| check.take_part()))))
    })?;
    // What is malformed refuses the file, whatever else is wrong.
    let here = match here {
        Ok(here) => here,
        Err(malformed) => return Ok((hold, Err(malformed))),
    };
    let declarations = || prepare()?.declarations();
    let there = there.get().cloned().unwrap_or_else(declarations);
    Ok((hold, first_error(there, here)))
}
