//! Counts of what a run does, and the limit of fuel.
//!
//! An event is a back edge or a call. With a limit each burns a unit of fuel; with counts each is counted, together
//! with the instructions that are interpreted, steps that native code has the run time take, objects that are made, and
//! exits. Nothing here depends on a clock or an address, so a run of the same program with the same input and flags
//! comes to the same numbers.
//!
//! Native code counts by itself: it adds to [`Counts::cells`], whose places are known when it is made. Without a limit
//! and without counts none of this exists, nor code for it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::regions::Entry;
use super::vm::Vm;
use super::watch::Watch;
use crate::bytecode::{FuncId, Op, Program};

/// A count that may be added to through a shared reference.
type Count = Cell<u64>;

fn counts(len: usize) -> Box<[Count]> {
    vec![0; len].into_iter().map(Cell::new).collect()
}

fn add(count: &Count, by: u64) {
    count.set(count.get().wrapping_add(by));
}

/// What is left of the fuel.
const FUEL: usize = 0;
/// The instruction for which a helper is called, so that objects which it makes are counted there.
const PLACE: usize = 1;
const FIRST: usize = 2;

/// See the module documentation.
pub struct Counts {
    /// Words that native code reads and writes: fuel and place; back edges by the pc of their header, and objects by
    /// the pc of what makes them, by index into the program's code; calls by function.
    cells: Box<[Count]>,
    is_limited: bool,
    work: Option<Work>,
    code: *const Op,
    code_len: usize,
}

/// What is counted for a report. By index into the program's code, unless something else is said.
struct Work {
    /// Instructions that were interpreted.
    executed: Box<[Count]>,
    /// Back edges by their header, taken by the interpreter or the recorder.
    back_edges: Box<[Count]>,
    /// Calls by function, the same.
    calls: Box<[Count]>,
    /// Instructions that native code had the run time execute.
    steps: Box<[Count]>,
    /// Objects, but for those that native code has made itself.
    objects: Box<[Count]>,
    /// How many of the heap's objects are counted so far.
    charged: Count,
    /// Bytes that were there before the program began.
    bytes_before: usize,
    exits: RefCell<BTreeMap<Exit, u64>>,
}

/// Native code of a loop or function was left for this reason: see [`Tally::exits`].
type Exit = (Entry, &'static str);

/// A back edge, by the pc of the loop's header, or a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    BackEdge(u32),
    Call(FuncId),
}

/// What native code has to do about events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NativeCounts {
    /// Address of the words that it counts in.
    pub cells: usize,
    /// Each event burns fuel, which may be used up.
    pub burns: bool,
    /// Events and objects are counted.
    pub counts: bool,
    code_len: usize,
}

impl NativeCounts {
    /// Offset from [`NativeCounts::cells`] of what is left of the fuel.
    pub const FUEL: i32 = offset(FUEL);
    /// The same of the place for which helpers are called.
    pub const PLACE: i32 = offset(PLACE);

    /// The same of the count of an event.
    pub fn of_event(self, event: Counted) -> i32 {
        offset(match event {
            Counted::BackEdge(header) => FIRST + header as usize,
            Counted::Call(func) => FIRST + 2 * self.code_len + func.index(),
        })
    }

    /// The same of the count of objects that an instruction makes.
    pub fn of_objects(self, pc: u32) -> i32 {
        offset(FIRST + self.code_len + pc as usize)
    }
}

const fn offset(cell: usize) -> i32 {
    (cell * size_of::<Count>()) as i32
}

/// Code is too large to be counted natively.
#[derive(Clone, Copy, Debug)]
pub struct TooLarge;

/// Code with more instructions is not counted natively: offsets would not fit.
const MOST_CODE: usize = 1 << 24;

/// The counts of a run.
pub struct Tally {
    /// By index into the program's code.
    pub executed: Vec<u64>,
    pub steps: Vec<u64>,
    pub objects: Vec<u64>,
    /// Back edges by their header: all, and those in native code.
    pub back_edges: Vec<[u64; 2]>,
    /// Calls by function, the same.
    pub calls: Vec<[u64; 2]>,
    /// Exits of native code by what was left and why.
    pub exits: Vec<(Entry, &'static str, u64)>,
    /// All objects, and bytes that were given for them and their buffers.
    pub all_objects: u64,
    pub all_bytes: u64,
}

impl Counts {
    fn new(program: &Program, fuel: Option<u64>, with_work: bool, bytes_before: usize, objects_before: u64) -> Counts {
        let len = program.code.len();
        let work = with_work.then(|| Work {
            executed: counts(len),
            back_edges: counts(len),
            calls: counts(program.functions.len()),
            steps: counts(len),
            objects: counts(len),
            charged: Cell::new(objects_before),
            bytes_before,
            exits: RefCell::default(),
        });
        let cells = counts(if with_work { FIRST + 2 * len + program.functions.len() } else { FIRST });
        cells[FUEL].set(fuel.unwrap_or(0));
        Counts { cells, is_limited: fuel.is_some(), work, code: program.code.as_ptr(), code_len: len }
    }

    fn index(&self, pc: *const Op) -> usize {
        (pc as usize).wrapping_sub(self.code as usize) / size_of::<Op>()
    }

    /// Takes a unit of fuel; false if there is none left.
    pub(super) fn burn(&self) -> bool {
        let left = self.cells[FUEL].get();
        if self.is_limited && left > 0 {
            self.cells[FUEL].set(left - 1);
        }
        !self.is_limited || left > 0
    }

    /// Where the interpreter counts the instruction at address 0, if it counts; valid as long as the counts are.
    fn executed(&self) -> *const Count {
        let first = self.work.as_ref().map_or(std::ptr::null(), |work| work.executed.as_ptr());
        first.wrapping_byte_sub(self.code as usize)
    }
}

const _: () = assert!(size_of::<Count>() == size_of::<Op>(), "an instruction's count is found by an addition");

#[cold]
fn out_of_fuel() -> Error {
    Error::fatal("Out of fuel: the program passed the limit of --fuel")
}

impl Watch {
    /// Whether each event burns fuel.
    pub(super) fn is_limited(&self) -> bool {
        self.counts.as_ref().is_some_and(|counts| counts.is_limited)
    }

    fn work(&self) -> Option<&Work> {
        self.counts.as_ref()?.work.as_ref()
    }

    /// Whether work is counted.
    pub(super) fn counts_work(&self) -> bool {
        self.work().is_some()
    }

    /// Counts an instruction that is about to be interpreted.
    #[inline(always)]
    pub(super) fn count_instruction(&self, op: *const Op) {
        debug_assert!(self.counts.as_ref().is_some_and(|counts| counts.index(op) < counts.code_len));
        let count = self.executed.wrapping_byte_add(op as usize);
        // SAFETY: `op` points into the program's code, for each instruction of which there is a count; `set_counts` has
        // put `executed` there, and the interpreter's loop counts only if that was asked for.
        add(unsafe { &*count }, 1);
    }

    /// Counts a back edge of the interpreter's, to the instruction at `header`.
    pub(super) fn count_back_edge(&self, header: *const Op) {
        if let Some(counts) = &self.counts
            && let Some(work) = &counts.work
        {
            add(&work.back_edges[counts.index(header)], 1);
        }
    }

    /// Burns fuel for something that is no event of the program's code.
    pub(super) fn burn(&self) -> Result<()> {
        match &self.counts {
            Some(counts) if !counts.burn() => Err(out_of_fuel()),
            _ => Ok(()),
        }
    }
}

impl Vm {
    /// Limits the fuel and counts work, if that is asked for. To be called before the program begins.
    pub fn set_counts(&mut self, fuel: Option<u64>, with_work: bool) {
        if fuel.is_none() && !with_work {
            return;
        }
        let (bytes, objects) = (self.heap.bytes_given(), self.heap.objects_given());
        let counts = Box::new(Counts::new(&self.image.program, fuel, with_work, bytes, objects));
        self.watch.executed = counts.executed();
        self.watch.counts = Some(counts);
    }

    /// Whether fuel is limited or work is counted.
    pub fn is_counted(&self) -> bool {
        self.watch.counts.is_some()
    }

    /// What native code has to do about events, if anything; an error if it cannot.
    pub fn native_counts(&self) -> std::result::Result<Option<NativeCounts>, TooLarge> {
        let Some(counts) = &self.watch.counts else { return Ok(None) };
        if counts.code_len > MOST_CODE {
            return Err(TooLarge);
        }
        Ok(Some(NativeCounts {
            cells: counts.cells.as_ptr() as usize,
            burns: counts.is_limited,
            counts: counts.work.is_some(),
            code_len: counts.code_len,
        }))
    }

    /// Counts an instruction that was executed while recording, and what it has made.
    pub fn count_recorded(&self, pc: u32) {
        if let Some(work) = self.watch.work() {
            add(&work.executed[pc as usize], 1);
            self.charge(pc);
        }
    }

    /// Counts that the interpreter has started the top frame.
    pub(super) fn count_call(&self) {
        if let Some(work) = self.watch.work() {
            add(&work.calls[self.top_function().index()], 1);
        }
    }

    /// Counts the objects that were made since this was last called, for the instruction at this index of the program's
    /// code.
    pub fn charge(&self, pc: u32) {
        if let Some(work) = self.watch.work() {
            let made = self.heap.objects_given();
            add(&work.objects[pc as usize], made - work.charged.replace(made));
        }
    }

    /// As [`Vm::charge`], for an instruction by its address.
    pub(super) fn charge_at(&self, op: *const Op) {
        if let Some(counts) = &self.watch.counts {
            self.charge(counts.index(op) as u32);
        }
    }

    /// As [`Vm::charge`], for the instruction that has called a helper and that native code has named.
    #[inline(always)]
    pub fn charge_named(&self) {
        // Helpers ask this each time they are called, and few runs are counted.
        if let Some(counts) = &self.watch.counts {
            self.charge_place(counts);
        }
    }

    /// The place is meaningful only if work is counted: a limit of fuel alone sets none.
    #[cold]
    #[inline(never)]
    fn charge_place(&self, counts: &Counts) {
        if counts.work.is_some() {
            self.charge(counts.cells[PLACE].get() as u32);
        }
    }

    /// Counts an instruction that native code has the run time execute, and what it has made.
    pub fn count_step(&self, pc: u32) {
        if let Some(work) = self.watch.work() {
            add(&work.steps[pc as usize], 1);
            self.charge(pc);
        }
    }

    /// Counts an exit of native code.
    pub fn count_exit(&self, entry: Entry, reason: &'static str) {
        if let Some(work) = self.watch.work() {
            *work.exits.borrow_mut().entry((entry, reason)).or_insert(0) += 1;
        }
    }

    /// Burns fuel for the event that has brought the top frame to where its pc is.
    pub(super) fn burn_event(&mut self) -> Result<()> {
        self.watch.burn().inspect_err(|_| self.stand_behind())
    }

    /// The error of used up fuel, where the top frame's pc is.
    pub fn out_of_fuel_here(&mut self) -> Error {
        self.stand_behind();
        out_of_fuel()
    }

    /// A trace takes a pc to be one past the instruction it is about.
    fn stand_behind(&mut self) {
        // Code does not end with the instruction that control has just come to.
        self.move_top_pc(1);
    }

    /// The top frame has just been started by something other than the interpreter's loop, and the tier is not to be
    /// asked: counts that.
    pub fn count_call_unasked(&mut self) -> Result<()> {
        self.count_call();
        self.burn_event()
    }

    /// The same of a frame that native code has started, which leaves its pc to whoever needs it.
    pub fn count_native_call_unasked(&mut self) -> Result<()> {
        self.set_top_pc_to_start();
        self.count_call_unasked()
    }

    /// The top frame has come back to a header by something other than the interpreter's loop: counts that.
    pub fn count_back_edge_unasked(&mut self) -> Result<()> {
        if let Some(work) = self.watch.work() {
            add(&work.back_edges[self.top_pc() as usize], 1);
        }
        self.burn_event()
    }

    /// A call that was counted is about to be counted again by native code that is entered for it.
    pub fn uncount_call(&self, func: FuncId) {
        self.recount_call(func, 1u64.wrapping_neg());
    }

    /// That native code was not entered after all.
    pub fn count_call_again(&self, func: FuncId) {
        self.recount_call(func, 1);
    }

    /// Counts so many calls more, and burns as much fuel.
    fn recount_call(&self, func: FuncId, calls: u64) {
        let Some(counts) = &self.watch.counts else { return };
        if let Some(work) = &counts.work {
            add(&work.calls[func.index()], calls);
        }
        if counts.is_limited {
            add(&counts.cells[FUEL], calls.wrapping_neg());
        }
    }

    /// The counts so far, if work is counted.
    pub fn tally(&self) -> Option<Tally> {
        let counts = self.watch.counts.as_ref()?;
        let work = counts.work.as_ref()?;
        let values = |counts: &[Count]| counts.iter().map(Cell::get).collect::<Vec<u64>>();
        let cells = values(&counts.cells[FIRST..]);
        let (native_back_edges, rest) = cells.split_at(counts.code_len);
        let (native_objects, native_calls) = rest.split_at(counts.code_len);
        let with_all = |own: &[Count], native: &[u64]| {
            own.iter().zip(native).map(|(own, native)| [own.get() + native, *native]).collect::<Vec<_>>()
        };
        let objects: Vec<u64> =
            work.objects.iter().zip(native_objects).map(|(own, native)| own.get() + native).collect();
        let uncharged = self.heap.objects_given() - work.charged.get();
        Some(Tally {
            executed: values(&work.executed),
            steps: values(&work.steps),
            all_objects: objects.iter().sum::<u64>() + uncharged,
            all_bytes: (self.heap.bytes_given() - work.bytes_before) as u64,
            objects,
            back_edges: with_all(&work.back_edges, native_back_edges),
            calls: with_all(&work.calls, native_calls),
            exits: work.exits.borrow().iter().map(|(&(entry, reason), &count)| (entry, reason, count)).collect(),
        })
    }
}
