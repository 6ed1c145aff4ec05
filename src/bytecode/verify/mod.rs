//! The verifier: what turns a [`Program`] from anywhere into one that may run.
//!
//! A [`VerifiedProgram`] can only be made by [`verify`], and it is all that the interpreter accepts. Once made, these things
//! hold and are not checked again:
//!
//! **Pools.** Every index of one pool into another exists. Strings are cut at character boundaries. Totals are below the
//! [`limits`], and so are a function's captures and a struct's fields. A struct's fields have different names, and so have its methods and a module's exports. A method's function says
//! it belongs to that struct, and takes `self` (as its first parameter) exactly if the method does. Each native is in this
//! build's table, and so is each standard module. The entry module is a file.
//!
//! **Functions.** The functions' code divides the program's code, in order and without gap; none is empty. The last
//! instruction of each does not fall through. A frame has at least one register and room for the parameters. The body of a file
//! belongs to that file alone, has no parameters and captures nothing. Handlers lie inside their function, and
//! lead forward in it: every cycle of control has a backward jump or a call, where the interpreter counts.
//!
//! **Instructions.** Registers lie inside the frame, and so do whole windows: of literals, calls and loops, with the argument count known
//! from the instruction, the function, or the struct's `init`. Constants, functions, structs, modules, globals, builtins, sites and captures
//! exist; a numeric constant is a number. A register is written before it is read, on every way that control may take. Jumps lead to instructions of the same function. A site belongs to one function, and to accesses of members or
//! to calls of methods. A native gets as many arguments as it takes. A function that captures is only ever made by `MakeClosure`, and a struct whose methods do by `MakeStruct`, in a
//! frame that has every register and capture named. Module bodies are only run by `InitModule`. There is no
//! async code, as no scheduler exists to run it.
//!
//! **Hints and debug information.** Loop regions lie inside their function, their back edges are jumps to the header from inside,
//! and a parent comes first, is in the same function, and encloses. Spans lie inside their files on character
//! boundaries; the line table ascends. A program with malformed hints is refused, not repaired.
//!
//! What does *not* hold, and is checked when it matters: types of values, lengths, argument counts of dynamic calls, depth,
//! memory. That a loop region is a natural loop is for its user to prove.
//!
//! Invariant: one pass, whose every check takes constant time (amortised over the bytes of the program); nothing is iterated to a fixed point.

mod code;
mod error;
mod hints;
mod pools;
mod registers;

pub use error::{Place, Rule, VerifyError};

use std::sync::{OnceLock, mpsc};
use std::thread;

use super::check_facts::{self, Check, CheckedTypes, FactsError};
use super::facts::Facts;
use super::{Program, VERDICT_RULES_VERSION, wbc};

/// How many entries each pool may have. Indices in the format are wider or as wide, so these bound memory and time.
pub mod limits {
    /// Instructions of all functions: a file cannot hold more.
    pub const CODE: usize = super::super::wbc::MAX_FILE_SIZE / 8;
    pub const FUNCTIONS: usize = 1 << 21;
    pub const CONSTANTS: usize = 1 << 24;
    pub const STRINGS: usize = 1 << 24;
    pub const SITES: usize = 1 << 24;
    pub const STRUCTS: usize = 1 << 20;
    pub const GLOBALS: usize = 1 << 22;
    pub const LOOPS: usize = 1 << 22;
    pub const MODULES: usize = 1 << 16;
    /// What a [`super::super::BuiltinId`] can name.
    pub const BUILTINS: usize = 1 << 16;
    /// What a [`super::super::CaptureId`] can name.
    pub const CAPTURES: usize = 1 << 16;
    /// Fields of one struct with fixed slots: what the header of an instance can count.
    pub const FIELDS: usize = u16::MAX as usize;
}

/// A program for which the rules at the head of this module hold.
#[derive(Clone, Debug)]
pub struct VerifiedProgram {
    program: Program,
    /// What came of checking its facts, if they were checked on the way.
    checked: Option<Result<(), FactsError>>,
    /// Its facts as they lie in the file, if they were not decoded.
    packed: Option<Box<[u8]>>,
}

impl std::ops::Deref for VerifiedProgram {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl VerifiedProgram {
    /// Gives the program up, to be changed.
    pub fn into_inner(self) -> Program {
        self.program
    }

    /// Whether the facts, if there are any, may be used: their types agree with the code, and their verdicts are by the rules of this version.
    pub fn check_facts(&self) -> Result<(), FactsError> {
        let Some(facts) = &self.program.facts else { return Ok(()) };
        if facts.rules != VERDICT_RULES_VERSION {
            return Err(FactsError::OtherRules { file: facts.rules });
        }
        self.checked.clone().unwrap_or_else(|| check_facts::check(&self.program, facts))
    }

    /// The types that the facts give, if there are any and they agree with the code. Those of a file that was loaded without them are decoded here.
    pub fn checked_types(&self) -> Result<Option<CheckedTypes>, FactsError> {
        let decoded;
        let facts = match (&self.program.facts, &self.packed) {
            (Some(facts), _) => facts,
            (None, Some(packed)) => {
                decoded = wbc::decode_facts(packed).map_err(|_| FactsError::Malformed("they cannot be decoded"))?;
                &decoded
            }
            (None, None) => return Ok(None),
        };
        if facts.rules != VERDICT_RULES_VERSION {
            return Err(FactsError::OtherRules { file: facts.rules });
        }
        check_facts::checked_types(&self.program, facts).map(Some)
    }

    /// Keeps facts that were not decoded.
    pub(super) fn keep_facts(&mut self, packed: Option<Box<[u8]>>) {
        self.packed = packed;
    }

    /// Forgets what the file says of its own code; it stays verified without.
    pub fn drop_facts(&mut self) {
        self.packed = None;
        self.program.facts = None;
        self.program.refused.clear();
        self.checked = None;
    }
}

/// Checks every rule; the first that is broken is the error.
pub fn verify(program: Program) -> Result<VerifiedProgram, VerifyError> {
    check_rules(&program, || {})?;
    pools::check_names(&program)?;
    if let Some(facts) = &program.facts {
        check_facts::validate(&program, facts).map_err(malformed)?;
    }
    Ok(VerifiedProgram { program, checked: None, packed: None })
}

/// As [`verify`], and finds out for [`VerifiedProgram::check_facts`] whether type facts agree with the code. In a large program that takes hardly
/// longer, as another thread begins with it beside the rules, and as it needs an index of names, from which follows that they are different.
pub fn verify_with_facts(program: Program) -> Result<VerifiedProgram, VerifyError> {
    let Some(facts) = &program.facts else { return verify(program) };
    let checked = check_rules_and_facts(&program, facts)?;
    if let Err(error @ FactsError::Malformed(_)) = checked {
        return Err(malformed(error));
    }
    Ok(VerifiedProgram { program, checked: Some(checked), packed: None })
}

/// All rules but those about facts and about names being different. `code_is_safe` is called when those are checked that checking facts relies on.
fn check_rules(program: &Program, code_is_safe: impl FnOnce()) -> Result<(), VerifyError> {
    let tables = pools::check(program)?;
    code::check(program, &tables)?;
    code_is_safe();
    registers::check(program)?;
    hints::check(program)
}

/// A program with fewer instructions is verified, and its facts checked, before a second thread has started.
const WORTH_A_THREAD: usize = 10_000;

/// Checks the rules on this thread and facts on another; whoever is first helps the other with the code.
fn check_rules_and_facts(program: &Program, facts: &Facts) -> Result<Result<(), FactsError>, VerifyError> {
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
    let here = thread::scope(|scope| {
        if program.code.len() >= WORTH_A_THREAD {
            // If the system has no thread to give, all is done here. The thread is not joined: the scope waits for its work, joining
            // would also wait for its memory to be given back.
            let _ = thread::Builder::new().spawn_scoped(scope, beside);
        }
        // The closure owns the sender, so that the other thread hears of it if a rule is broken before.
        check_rules(program, move || {
            // Fails if there is no other thread.
            let _ = tell.send(());
        })?;
        let regions = check_facts::validate_regions(program, facts);
        let check = prepare();
        if !check.as_ref().is_ok_and(|check| check.names_differ()) {
            pools::check_names(program)?;
        }
        Ok(check.and_then(|check| regions.map(|()| check.take_part())))
    })?;
    // What is malformed refuses the file, whatever else is wrong.
    let here = match here {
        Ok(here) => here,
        Err(malformed) => return Ok(Err(malformed)),
    };
    let declarations = || prepare()?.declarations();
    let there = there.get().cloned().unwrap_or_else(declarations);
    Ok(check_facts::first_error(there, here))
}

fn malformed(error: FactsError) -> VerifyError {
    VerifyError::pool(Rule::Facts, "facts", None, error.to_string())
}
