//! The verifier: what turns a [`Program`] from anywhere into one that may run.
//!
//! A [`VerifiedProgram`] can only be made by [`verify`], and it is all that the interpreter accepts. Once made, these
//! things hold and are not checked again:
//!
//! **Pools.** Every index of one pool into another exists. Strings are cut at character boundaries. Totals are below
//! the [`limits`], and so are a function's captures and a struct's fields. A struct's fields have different names, and
//! so have its methods and a module's exports. A method's function says it belongs to that struct, and takes `self` (as
//! its first parameter) exactly if the method does. Each native is in this build's table, and so is each standard
//! module. The entry module is a file.
//!
//! **Functions.** The functions' code divides the program's code, in order and without gap; none is empty. The last
//! instruction of each does not fall through. A frame has at least one register and room for the parameters. The body
//! of a file belongs to that file alone, has no parameters and captures nothing. Handlers lie inside their function,
//! and lead forward in it: every cycle of control has a backward jump or a call, where the interpreter counts.
//!
//! **Instructions.** Registers lie inside the frame, and so do whole windows: of literals, calls and loops, with the
//! argument count known from the instruction, the function, or the struct's `init`. Constants, functions, structs,
//! modules, globals, builtins, sites and captures exist; a numeric constant is a number. A register is written before
//! it is read, on every path that control may take. Jumps lead to instructions of the same function. A site belongs to
//! one function, and to accesses of members or to calls of methods. A native gets as many arguments as it takes. A
//! function that captures is only ever made by `MakeClosure`, and a struct whose methods do by `MakeStruct`, in a frame
//! that has every register and capture named. Module bodies are only run by `InitModule`. There is no async code, as no
//! scheduler exists to run it.
//!
//! **Hints and debug information.** Loop regions lie inside their function, their back edges are jumps to the header
//! from inside, and a parent comes first, is in the same function, and encloses. Spans lie inside their files on
//! character boundaries; the line table ascends. A program with malformed hints is refused, not repaired.
//!
//! What does *not* hold, and is checked when it matters: types of values, lengths, argument counts of dynamic calls,
//! depth, memory. That a loop region is a natural loop is for its user to prove.
//!
//! Invariant: one pass, whose every check takes constant time (amortised over the bytes of the program); nothing is
//! iterated to a fixed point.

mod code;
mod error;
mod facts;
mod hints;
mod pools;
mod registers;

pub use error::{ErrorPlace, Rule, VerifyError};
pub use facts::{FactTables, FactsError, Held, validate_regions};

use super::Program;

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
    /// The hash of its sources, if the reader took it over from the file.
    sources: [u8; 32],
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

    /// What came of checking the facts, if that was done while the rules were checked.
    pub fn checked(&self) -> Option<&Result<(), FactsError>> {
        self.checked.as_ref()
    }

    /// The facts as they lie in the file, if they were not decoded.
    pub fn packed_facts(&self) -> Option<&[u8]> {
        self.packed.as_deref()
    }

    /// The hash of its sources, zeros if nobody asked for it: see [`VerifiedProgram::with_sources`].
    pub fn sources(&self) -> &[u8; 32] {
        &self.sources
    }

    /// The program with the hash of its sources, as its file's header says it.
    pub fn with_sources(self, sources: [u8; 32]) -> VerifiedProgram {
        VerifiedProgram { sources, ..self }
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
    Rules(&program).check(|| {})?;
    pools::check_names(&program)?;
    if let Some(facts) = &program.facts {
        facts::validate(&program, facts).map_err(FactsError::refuse)?;
    }
    Ok(VerifiedProgram { program, checked: None, packed: None, sources: [0; 32] })
}

/// As [`verify`], of a program whose facts are checked at the same time: by `check`, which is given the rules and
/// returns what it found, together with the proof that it has had them checked. It answers for all that
/// [`validate_regions`] and [`FactTables::new`] find.
pub fn verify_beside(
    program: Program,
    check: impl for<'p> FnOnce(Rules<'p>) -> Result<(RulesHold<'p>, Result<(), FactsError>), VerifyError>,
) -> Result<VerifiedProgram, VerifyError> {
    let (RulesHold(verified), checked) = check(Rules(&program))?;
    assert!(std::ptr::eq(verified, &program), "the rules hold for another program");
    if let Err(error @ FactsError::Malformed(_)) = checked {
        return Err(error.refuse());
    }
    Ok(VerifiedProgram { program, checked: Some(checked), packed: None, sources: [0; 32] })
}

/// The rules for a program, still to be checked.
#[derive(Clone, Copy)]
pub struct Rules<'p>(&'p Program);

/// The proof that all rules but those about facts hold for a program. Only [`Rules::check`] and
/// [`NamesLeft::check_names`] make it.
pub struct RulesHold<'p>(&'p Program);

/// A program for which all rules hold but those about facts and about names being different.
pub struct NamesLeft<'p>(&'p Program);

impl<'p> Rules<'p> {
    pub fn program(self) -> &'p Program {
        self.0
    }

    /// All rules but those about facts and about names being different. `code_is_safe` is called when those are checked
    /// that checking facts relies on.
    pub fn check(self, code_is_safe: impl FnOnce()) -> Result<NamesLeft<'p>, VerifyError> {
        let tables = pools::check(self.0)?;
        code::check(self.0, &tables)?;
        code_is_safe();
        registers::check(self.0)?;
        hints::check(self.0)?;
        Ok(NamesLeft(self.0))
    }
}

impl<'p> NamesLeft<'p> {
    /// Names that must be different are found to be so here, unless that follows from an index that was made of them.
    pub fn check_names(self, differ: bool) -> Result<RulesHold<'p>, VerifyError> {
        if !differ {
            pools::check_names(self.0)?;
        }
        Ok(RulesHold(self.0))
    }
}

impl FactsError {
    /// What is malformed refuses the program.
    fn refuse(self) -> VerifyError {
        VerifyError::pool(Rule::Facts, "facts", None, self.to_string())
    }
}
