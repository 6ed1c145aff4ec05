//! Compilation units: what the tier knows of each loop and function that has been hot, the phase it is in, and the
//! versions of its code.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::residency::Residency;
use super::worth::Outlook;
use crate::bytecode::facts::{Reason, Why};
use crate::bytecode::{FuncId, Program};
use crate::jit::ir::{Exit, Home, Region};
use crate::jit::opt::SpeculationBan;
use crate::jit::record::Extent;
use crate::jit::translate::{EntryTypes, Refusal};
use crate::runtime::abi::NativeCode;
use crate::runtime::regions::Entry;
use crate::runtime::vm::Vm;

/// One version of the native code of a loop or function.
pub struct Version {
    pub code: NativeCode,
    pub exits: Vec<Exit>,
    /// How often each exit was taken.
    pub taken: RefCell<Vec<u32>>,
    pub window: u32,
    pub inlined_depth: usize,
    /// What it does can be undone and interpreted again.
    pub replayable: bool,
    /// For `--jit-stress exits`: which guards have yet to fail.
    pub forced: Option<Box<[Cell<u8>]>>,
    /// By exit, whether a handler of the region covers it.
    pub caught: Vec<bool>,
    /// The code counts iterations, because some are ended by errors.
    pub counts_rounds: bool,
    /// It is a function that calls functions natively.
    pub nests: bool,
    /// What the code asks of its entry: see [`Region::entry_signature`].
    pub entry: Vec<u64>,
    /// Made for whatever types may come.
    pub is_open: bool,
    /// What the profile knew when the code was built: see
    /// [`TypeProfile::news`](crate::jit::feedback::TypeProfile::news).
    pub news: u64,
    pub contents: Contents,
}

/// What a version's code consists of, for reports.
#[derive(Default, Debug)]
pub struct Contents {
    /// Headers of the loops in it, and functions inlined into it.
    pub loops: Vec<u32>,
    pub functions: Vec<FuncId>,
    /// The instructions (indices into the program's code) that the runtime executes.
    pub steps: Vec<u32>,
}

/// Where a unit stands between its first question and its native code.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Phase {
    /// Nothing was decided yet.
    #[default]
    Cold,
    /// It is hot, and interpreted until something else has happened.
    Waiting(Why),
    /// Some iterations or calls are, or have been, executed instruction by instruction.
    Recording,
    /// The compiler is at work on it.
    Compiling,
    /// It has code that may be entered.
    Native,
    /// It stays interpreted.
    Refused(Refusal),
}

impl Phase {
    /// The phase's name in logs and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Cold => "cold",
            Phase::Waiting(_) => "waiting",
            Phase::Recording => "recording",
            Phase::Compiling => "compiling",
            Phase::Native => "native",
            Phase::Refused(_) => "refused",
        }
    }

    /// The code and text of the reason for a phase that is not the last.
    pub fn why(self) -> Option<(&'static str, &'static str)> {
        let of = |why: Why| Some((why.code(), why.text()));
        match self {
            Phase::Cold | Phase::Native => None,
            Phase::Waiting(why) => of(why),
            Phase::Recording => of(Why::Recording),
            Phase::Compiling => of(Why::Compiling),
            Phase::Refused(refusal) => Some((refusal.code(), refusal.text())),
        }
    }
}

/// Why native code is to be made again.
pub enum Remake {
    /// No version could be entered: one is to be added.
    ForEntry,
    /// This version is left too often, and is to be replaced. It may be entered until then.
    InsteadOf(Rc<Version>),
}

/// What was counted when code was made.
#[derive(Clone, Copy, Default, Debug)]
pub struct MadeAt {
    /// Instructions interpreted in the whole program.
    pub interpreted: u64,
    /// Exits of the unit.
    pub exits: u64,
}

/// See the module documentation.
#[derive(Default)]
pub struct Unit {
    phase: Phase,
    /// Newest first; one that is open comes last. No two are for the same entry.
    pub versions: Rc<Vec<Rc<Version>>>,
    pub remake: Option<Remake>,
    /// The profile knows the types of the loop or function.
    pub is_recorded: bool,
    /// Calls of the function that were recorded, since it was last compiled.
    pub recorded_calls: u32,
    /// What its recordings have shown of its size.
    pub extent: Extent,
    /// What is remembered while it does not pay.
    pub outlook: Outlook,
    /// When it was made last.
    pub made_at: MadeAt,
    /// How often compilation was put off, because of the loop around it or its function.
    pub put_off: u32,
    pub refused_entries: u32,
    /// How often code was made.
    pub compiled: u32,
    pub exits: u64,
    pub guard_exits: u64,
    pub residency: Residency,
    /// The loop around it, to be asked about once native code turns out to be left soon.
    pub around: Option<Entry>,
    /// Loops in front of which checks for all iterations have failed too often.
    pub speculation_ban: SpeculationBan,
    pub entry_types: EntryTypes,
    /// Code was made anew because values had other types than seen before.
    pub is_polymorphic: bool,
}

impl Unit {
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Changes the phase; whether it was another. Called by [`Jit::transition`](super::Jit::transition) alone, which
    /// logs it.
    pub(super) fn change_phase(&mut self, phase: Phase) -> bool {
        std::mem::replace(&mut self.phase, phase) != phase
    }

    pub fn is_refused(&self) -> bool {
        matches!(self.phase, Phase::Refused(_))
    }

    /// Whether there is code that may be entered.
    pub fn is_native(&self) -> bool {
        !self.is_refused() && !self.versions.is_empty()
    }

    /// Whether there is code that may be entered, or all is known that is needed to compile it.
    pub fn will_be_native(&self) -> bool {
        !self.is_refused() && (self.is_recorded || !self.versions.is_empty())
    }

    /// Whether nothing was made of it yet, nor found against it.
    pub fn is_waiting(&self) -> bool {
        !self.is_refused() && self.versions.is_empty() && !self.is_recorded
    }

    /// Whether it has code that it may be entered by while better code is waited for.
    pub fn may_be_entered_meanwhile(&self) -> bool {
        !self.versions.is_empty() && !matches!(self.remake, Some(Remake::ForEntry))
    }

    /// Takes note of the types at hand of what its versions look at when they are entered: none was made for them.
    pub fn note_entry_types(&mut self, vm: &Vm) {
        for (home, seen) in &mut self.entry_types {
            seen.add(match *home {
                Home::Register(register) => vm.top_register(register).tag(),
                Home::Global(global) => vm.global(global).tag(),
            });
        }
    }
}

/// Whether native code of a region counts its iterations: those of a loop that catches errors are often few, as each
/// error is the interpreter's. Of any other loop, how long it stays tells enough.
pub fn counts_rounds(region: &Region, caught: &[bool]) -> bool {
    !region.is_function && caught.contains(&true)
}

/// Whether an error of the instruction at which an exit goes on is caught in a function of the region, of which `func`
/// is the outermost.
pub fn is_caught(program: &Program, func: FuncId, exit: &Exit) -> bool {
    let covers = |func: FuncId, pc: u32| {
        let function = &program.functions[func.index()];
        // Another function may have taken over the region's frame.
        function.code.range().contains(&(pc as usize)) && function.handler_at(pc - function.code.start).is_some()
    };
    let funcs = std::iter::once(func).chain(exit.frames.iter().map(|frame| frame.func));
    // A frame below another one stands at its call, before the instruction where it goes on.
    let pcs = exit.frames.iter().map(|frame| frame.return_pc - 1).chain([exit.pc]);
    funcs.zip(pcs).any(|(func, pc)| covers(func, pc))
}

/// Why walrusc says that the region cannot be compiled, if it does. A false claim costs speed and nothing else.
pub fn statically_refused(program: &Program, entry: Entry) -> Option<Reason> {
    if program.refused.is_empty() {
        return None;
    }
    program.refusal(entry.region(program)?)
}
