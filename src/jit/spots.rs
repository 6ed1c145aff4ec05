//! What the tier knows about loops and functions that have been hot, and can tell about their regions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ir::{Exit, Home, Region};
use super::opt::Caution;
use super::stays::Stays;
use super::translate::{EntryTypes, Refusal, Spot};
use crate::bytecode::facts::{self, Reason};
use crate::bytecode::{FuncId, LoopId, LoopRegion, Program};
use crate::runtime::native::NativeCode;
use crate::runtime::vm::Vm;

/// One version of the native code of a loop or function.
pub struct Version {
    pub code: NativeCode,
    pub exits: Vec<Exit>,
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
    /// What the code asks of its entry: see [`Region::entry_signature`].
    pub entry: Vec<u64>,
    /// Made for whatever types may come.
    pub is_open: bool,
    /// What the profile knew when the code was built: see [`TypeProfile::news`](super::feedback::TypeProfile::news).
    pub news: u64,
}

/// What is known about a loop or function that has been hot.
#[derive(Default)]
pub struct HotSpot {
    /// Newest first; one that is open comes last.
    pub versions: Rc<Vec<Rc<Version>>>,
    pub refused: Option<Refusal>,
    /// How often compilation was put off, because of the loop around it.
    pub deferred: u32,
    /// The profile knows the types of the loop or function.
    pub recorded: bool,
    /// Calls of the function that were recorded, since it was last compiled.
    pub recorded_calls: u32,
    /// The code is to be made anew.
    pub stale: bool,
    /// The version that is to be replaced then, because it is left too often; none, if one is to be added, because none could be entered.
    pub left: Option<Rc<Version>>,
    /// Code was made anew because values had other types than seen before.
    pub is_polymorphic: bool,
    pub refused_entries: u32,
    pub compiled: u32,
    pub exits: u64,
    pub guard_exits: u64,
    pub stays: Stays,
    /// The loop around it, to be asked about once a stay turns out not to be long.
    pub around: Option<Spot>,
    /// Loops in front of which checks for all iterations have failed too often.
    pub caution: Caution,
    pub entry_types: EntryTypes,
}

impl HotSpot {
    /// Whether there is code that may be entered.
    pub fn is_native(&self) -> bool {
        self.refused.is_none() && !self.versions.is_empty()
    }

    /// Whether there is code that may be entered, or all is known that is needed to compile it.
    pub fn will_be_native(&self) -> bool {
        self.refused.is_none() && (self.recorded || !self.versions.is_empty())
    }

    /// Takes note of the types at hand of what its versions look at when they are entered: none was made for them.
    pub fn note_entry_types(&mut self, vm: &Vm) {
        for (home, seen) in &mut self.entry_types {
            seen.add(match *home {
                Home::Register(at) => vm.top_register(at).tag(),
                Home::Global(global) => vm.global(global).tag(),
            });
        }
    }

    /// Whether nothing was made of it yet, nor found against it.
    pub fn is_waiting(&self) -> bool {
        self.refused.is_none() && self.versions.is_empty() && !self.recorded
    }
}

/// Whether native code of a region counts its iterations: those of a loop that catches errors are often few, as each error is the interpreter's. Of any
/// other loop, how long it stays tells enough.
pub fn counts_rounds(region: &Region, caught: &[bool]) -> bool {
    !region.is_function && caught.contains(&true)
}

/// Whether an error of the instruction at which an exit goes on is caught in a function of the region, of which `func` is the outermost.
pub fn is_caught(program: &Program, func: FuncId, exit: &Exit) -> bool {
    let covers = |func: FuncId, pc: u32| {
        let function = &program.functions[func.index()];
        function.handler_at(pc - function.code.start).is_some()
    };
    let funcs = std::iter::once(func).chain(exit.frames.iter().map(|frame| frame.func));
    // A frame below another one stands at its call, before the instruction where it goes on.
    let pcs = exit.frames.iter().map(|frame| frame.return_pc - 1).chain([exit.pc]);
    funcs.zip(pcs).any(|(func, pc)| covers(func, pc))
}

/// Why walrusc says that the region cannot be compiled, if it does. A false claim costs speed and nothing else.
pub fn statically_refused(program: &Program, spot: Spot) -> Option<Reason> {
    if program.refused.is_empty() {
        return None;
    }
    let region = match spot {
        Spot::Loop(header) => {
            let at = |region: &LoopRegion| program.functions[region.func.index()].code.start + region.header == header;
            facts::Region::Loop(LoopId(program.loops.iter().position(at)? as u32))
        }
        Spot::Function(entry) => facts::Region::Function(function_at(program, entry)?),
    };
    program.refusal(region)
}

/// The function whose code starts at an index of the program's code.
pub fn function_at(program: &Program, entry: u32) -> Option<FuncId> {
    let index = program.functions.iter().position(|function| function.code.start == entry)?;
    Some(FuncId(index as u32))
}
