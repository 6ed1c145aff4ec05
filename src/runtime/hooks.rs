//! Counting of back edges and calls, for limits and for the JIT.
//!
//! The interpreter's loop is compiled twice: without a trace of this, and with a counter on every back edge, every
//! call, and before the first iteration of loops that an instruction stands in front of. Counters stand in one array
//! beside the code, half as wide as instructions, so that the counter of an instruction is found from its pc by a shift
//! and an addition. They count down: reaching zero is what is worth telling someone. So counting costs one subtraction
//! in memory, and whatever else there is to do hides behind the zero: with a limit of fuel, all counters stand at one.
//! Fuel itself, and counts for reports, are kept by [`super::counts`].

use std::cell::Cell;
use std::rc::Rc;

use super::abi::TakenExit;
use super::error::Result;
use super::image::Image;
use super::vm::Vm;
use super::watch::Watch;
use crate::bytecode::Op;

/// What watches a running program and may execute part of it some other way. The interpreter knows the JIT as this
/// alone.
///
/// A tier may be asked again while it is answering: native code runs helpers, which may run the interpreter.
pub trait Tier {
    /// The counter of the loop whose header stands at `header` (index into the program's code) has run out; the top
    /// frame is about to execute it. May run native code that moves the top frame on. Returns the next number of
    /// iterations to count before asking again.
    fn at_loop(&self, vm: &mut Vm, header: u32) -> Result<u32>;

    /// The counter of the function whose code starts at `entry` has run out; the top frame is about to execute it.
    ///
    /// May run native code that ends that frame, and others above it, but none below.
    fn at_function(&self, vm: &mut Vm, entry: u32) -> Result<u32>;

    /// Native code has called native code of a function, whose frame is on top, and that was left by an exit. Makes the
    /// interpreter's state what the exit says; may run native code as in [`Tier::at_function`].
    fn after_exit(&self, vm: &mut Vm, taken: TakenExit) -> Result<()>;
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// The top frame has jumped back to a loop's header.
    BackEdge,
    /// The top frame has come to a loop's header from in front of the loop.
    FirstIteration,
    /// The top frame has just been started.
    Call,
}

/// Bytes of code to a byte of counters.
const CODE_TO_COUNTERS: usize = size_of::<Op>() / size_of::<Cell<u32>>();

/// Counters, limits and the tier.
pub struct Hooks {
    code: *const Op,
    /// How many events are left until somebody is told, of each loop and each function; at the index of the header or
    /// entry. Never 0 while the interpreter's loop runs.
    remaining: Box<[Cell<u32>]>,
    /// What is left behind that; empty unless each event has to be looked at, because it burns fuel.
    deferred: Box<[u32]>,
    /// At which total of iterations or calls each counter expires.
    expires_at: Box<[u64]>,
    /// How many events to count before asking again, if the answer is an error.
    after_error: u32,
    /// The counters about which the running task asks, from the outside in, and whether other tasks may ask while that
    /// one waits.
    asking: Vec<(usize, bool)>,
    tier: Option<Rc<dyn Tier>>,
}

/// What a task that waits asks the tier about.
#[derive(Default)]
pub(super) struct Questions(Vec<(usize, bool)>);

/// How many iterations and calls are counted before the first question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    pub loops: u32,
    pub functions: u32,
}

impl Thresholds {
    pub const DEFAULT: Thresholds = Thresholds { loops: 1000, functions: 100 };
}

impl Hooks {
    pub fn new(image: &Image, is_limited: bool, thresholds: Thresholds, tier: Option<Rc<dyn Tier>>) -> Hooks {
        let mut counts = vec![thresholds.loops.max(1); image.program.code.len()];
        for function in &image.program.functions {
            counts[function.code.start as usize] = thresholds.functions.max(1);
        }
        let expires_at = counts.iter().map(|&count| count.into()).collect();
        let (remaining, deferred) = match is_limited {
            true => (vec![1; counts.len()], counts.iter().map(|&count| count - 1).collect()),
            false => (counts, Box::default()),
        };
        let remaining = remaining.into_iter().map(Cell::new).collect();
        Hooks {
            code: image.program.code.as_ptr(),
            remaining,
            deferred,
            expires_at,
            after_error: 1,
            asking: Vec::new(),
            tier,
        }
    }

    /// Where the counter of an instruction at address 0 would be. Valid as long as the hooks are.
    pub(super) fn counters(&self) -> *const Cell<u32> {
        self.remaining.as_ptr().wrapping_byte_sub(self.code as usize / CODE_TO_COUNTERS)
    }

    pub(super) fn has_tier(&self) -> bool {
        self.tier.is_some()
    }

    pub(super) fn tier(&self) -> Option<Rc<dyn Tier>> {
        self.tier.clone()
    }

    /// How often the loop or function at this index was counted so far.
    pub fn count(&self, index: usize) -> u64 {
        self.expires_at[index] - u64::from(self.rest(index))
    }

    /// What is left of the count at this index.
    fn rest(&self, index: usize) -> u32 {
        self.remaining[index].get() + self.deferred.get(index).unwrap_or(&0)
    }

    fn restart_counter(&mut self, index: usize, count: u32) {
        let count = count.max(1);
        self.expires_at[index] = self.count(index) + u64::from(count);
        match self.deferred.get_mut(index) {
            Some(deferred) => {
                *deferred = count - 1;
                self.remaining[index].set(1);
            }
            None => self.remaining[index].set(count),
        }
    }
}

impl Watch {
    /// Counts that the top frame has come to `pc`; whether [`Vm::on_expiry`] is to be called.
    #[inline(always)]
    pub(super) fn expires(&self, pc: *const Op) -> bool {
        debug_assert!(self.hooks.as_ref().is_some_and(|hooks| {
            let index = (pc as usize).wrapping_sub(hooks.code as usize) / size_of::<Op>();
            self.counters == hooks.counters() && index < hooks.remaining.len()
        }));
        let counter = self.counters.wrapping_byte_add(pc as usize / CODE_TO_COUNTERS);
        // SAFETY: `pc` points into the program's code, as the verifier proved of every jump and call, and there is a
        // counter for each instruction. There are hooks, and `set_hooks` has put `counters` where they are; the
        // interpreter's loop asks only if there are.
        let counter = unsafe { &*counter };
        let remaining = counter.get() - 1;
        counter.set(remaining);
        remaining == 0
    }
}

impl Vm {
    /// The top frame has just been started.
    pub(super) fn on_call(&mut self) -> Result<()> {
        if self.watch.hooks.is_none() {
            return Ok(());
        }
        self.count_call();
        // SAFETY: a frame is alive.
        let pc = unsafe { (*self.stack.frame()).pc };
        if self.watch.expires(pc) { self.on_expiry(Event::Call) } else { Ok(()) }
    }

    /// The top frame has just been started by a native, which waits for its result. It is counted as any call is.
    /// There is no tier to be asked.
    pub(super) fn count_native_call(&mut self) -> Result<()> {
        if self.watch.counts.is_some() { self.on_call() } else { Ok(()) }
    }

    /// The counter at the top frame's pc, which is saved, has come to zero by this event.
    #[cold]
    pub(super) fn on_expiry(&mut self, event: Event) -> Result<()> {
        let frame = self.stack.frame();
        let Some(hooks) = &mut self.watch.hooks else { return Ok(()) };
        // SAFETY: a frame is alive, and its pc points into the program's code.
        let index = unsafe { (*frame).pc.offset_from(hooks.code) } as usize;
        let burns = event != Event::FirstIteration;
        if burns && self.watch.counts.as_ref().is_some_and(|counts| !counts.burn()) {
            hooks.remaining[index].set(1);
            return Err(self.out_of_fuel_here());
        }
        if let Some(deferred) = hooks.deferred.get_mut(index)
            && *deferred > 0
        {
            *deferred -= 1;
            hooks.remaining[index].set(1);
            return Ok(());
        }
        // Until the answer is there, nothing that runs meanwhile asks about this counter.
        hooks.restart_counter(index, u32::MAX);
        let Some(tier) = hooks.tier.clone() else { return Ok(()) };
        hooks.asking.push((index, false));
        let answer = match event {
            Event::Call => tier.at_function(self, index as u32),
            Event::BackEdge | Event::FirstIteration => tier.at_loop(self, index as u32),
        };
        if let Some(hooks) = &mut self.watch.hooks {
            hooks.asking.pop();
            let after_error = std::mem::replace(&mut hooks.after_error, 1);
            hooks.restart_counter(index, *answer.as_ref().unwrap_or(&after_error));
        }
        answer.map(|_| ())
    }

    /// The answer to the question about the counter at an index of the program's code may take long, as native code
    /// runs or is recorded; or it need not any more.
    pub fn let_others_ask(&mut self, index: u32, may_ask: bool) {
        if let Some(asking) = self.answering(index).and_then(|hooks| hooks.asking.last_mut()) {
            asking.1 = may_ask;
        }
    }

    /// While the question about the counter at an index is being answered, native code runs, perhaps to the program's
    /// end: what calls or iterates the same code meanwhile, interpreted, asks again after so many events.
    pub fn ask_meanwhile(&mut self, index: u32, count: u32) {
        if let Some(hooks) = self.answering(index) {
            hooks.restart_counter(index as usize, count);
        }
    }

    /// The hooks, if what they ask about now is the counter at this index.
    fn answering(&mut self, index: u32) -> Option<&mut Hooks> {
        let hooks = self.watch.hooks.as_deref_mut()?;
        hooks.asking.last().is_some_and(|&(asked, _)| asked == index as usize).then_some(hooks)
    }

    /// The running task waits, with native code or a recording below it. What that is about the other tasks may ask
    /// about meanwhile, if `lets_others_ask`.
    pub(super) fn put_questions_off(&mut self, lets_others_ask: bool) -> Questions {
        let Some(hooks) = &mut self.watch.hooks else { return Questions::default() };
        let asking = std::mem::take(&mut hooks.asking);
        if lets_others_ask {
            asking.iter().filter(|(_, may_ask)| *may_ask).for_each(|&(index, _)| hooks.restart_counter(index, 1));
        }
        Questions(asking)
    }

    /// The task goes on.
    pub(super) fn take_questions_up(&mut self, questions: Questions) {
        let Some(hooks) = &mut self.watch.hooks else { return };
        questions.0.iter().for_each(|&(index, _)| hooks.restart_counter(index, u32::MAX));
        hooks.asking = questions.0;
    }

    /// How often the loop or function at an index of the program's code was counted so far.
    pub fn times_counted(&self, index: u32) -> u64 {
        self.watch.hooks.as_ref().map_or(0, |hooks| hooks.count(index as usize))
    }

    /// Makes the counter at an index of the program's code run out the next time it is counted.
    pub fn ask_soon(&mut self, index: u32) {
        if let Some(hooks) = &mut self.watch.hooks {
            hooks.restart_counter(index as usize, 1);
        }
    }

    /// Says how many events to count before the tier is asked again, whose answer is about to be an error.
    pub fn ask_after_error(&mut self, count: u32) {
        if let Some(hooks) = &mut self.watch.hooks {
            hooks.after_error = count;
        }
    }
}
