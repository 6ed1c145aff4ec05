//! Counting of back edges and calls, for limits and for the JIT.
//!
//! The interpreter's loop is compiled twice: without a trace of this, and with a call here on every back edge, every call, and before the
//! first iteration of loops that an instruction stands in front of. Counters
//! stand in one array beside the code, so that the counter of an instruction is found from its pc alone. They count down:
//! reaching zero is what is worth telling someone.

use std::rc::Rc;

use super::error::{Error, Result};
use super::image::Image;
use super::vm::Vm;
use crate::bytecode::Op;

/// What watches a running program and may execute part of it some other way. The interpreter knows the JIT as this alone.
///
/// A tier may be asked again while it is answering: native code runs helpers, which may run the interpreter.
pub trait Tier {
    /// The counter of the loop whose header stands at `header` (index into the program's code) has run out; the top frame is about to execute it.
    /// May run native code that moves the top frame on. Returns the next number of iterations to count before asking again.
    fn at_loop(&self, vm: &mut Vm, header: u32) -> Result<u32>;

    /// The counter of the function whose code starts at `entry` has run out; the top frame is about to execute it.
    ///
    /// May run native code that ends that frame, and others above it, but none below.
    fn at_function(&self, vm: &mut Vm, entry: u32) -> Result<u32>;

    /// Native code has called native code of a function, whose frame is on top, and that was left by an exit. Makes the interpreter's state what the exit
    /// says; may run native code as in [`Tier::at_function`].
    fn after_exit(&self, vm: &mut Vm, left: u64) -> Result<()>;
}

/// Counters, limits and the tier.
pub struct Hooks {
    code: *const Op,
    /// What is left of each loop's and each function's count; at the index of the header or entry.
    left: Box<[u32]>,
    /// How often each counter has been wound up, as a total of iterations or calls.
    wound: Box<[u64]>,
    fuel: Option<u64>,
    tier: Option<Rc<dyn Tier>>,
}

/// How many iterations and calls are counted before the first question.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    pub loops: u32,
    pub functions: u32,
}

impl Hooks {
    pub fn new(image: &Image, fuel: Option<u64>, thresholds: Thresholds, tier: Option<Rc<dyn Tier>>) -> Hooks {
        let mut left = vec![thresholds.loops.max(1); image.program.code.len()];
        for function in &image.program.functions {
            left[function.code.start as usize] = thresholds.functions.max(1);
        }
        let wound = left.iter().map(|&count| count.into()).collect();
        Hooks { code: image.program.code.as_ptr(), left: left.into(), wound, fuel, tier }
    }

    pub(super) fn tier(&self) -> Option<Rc<dyn Tier>> {
        self.tier.clone()
    }

    /// How often the loop or function at this index was counted so far.
    pub fn count(&self, index: usize) -> u64 {
        self.wound[index] - u64::from(self.left[index])
    }
}

impl Vm {
    /// The top frame, whose pc is saved, has just jumped back.
    #[inline]
    pub(super) fn on_back_edge(&mut self) -> Result<()> {
        self.burn()?;
        self.count(false)
    }

    /// The top frame, whose pc is saved, has come to a loop's header from in front of the loop.
    #[inline]
    pub(super) fn on_first_iteration(&mut self) -> Result<()> {
        self.count(false)
    }

    /// The top frame has just been started.
    #[inline]
    pub(super) fn on_call(&mut self) -> Result<()> {
        self.burn()?;
        self.count(true)
    }

    /// Takes one from the fuel, if that is limited.
    #[inline]
    fn burn(&mut self) -> Result<()> {
        if let Some(hooks) = &mut self.hooks
            && let Some(fuel) = &mut hooks.fuel
        {
            match fuel.checked_sub(1) {
                Some(left) => *fuel = left,
                None => {
                    // A trace takes a pc to be one past the instruction it is about.
                    // SAFETY: the frame is alive; code does not end with the instruction that control has just come to.
                    unsafe { (*self.stack.frame()).pc = (*self.stack.frame()).pc.add(1) };
                    return Err(Error::fatal("Out of fuel: the program passed the limit of --fuel"));
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn count(&mut self, call: bool) -> Result<()> {
        let Some(hooks) = &mut self.hooks else { return Ok(()) };
        // SAFETY: a frame is alive, and its pc points into the program's code.
        let index = unsafe { (*self.stack.frame()).pc.offset_from(hooks.code) } as usize;
        let left = &mut hooks.left[index];
        *left -= 1;
        if *left == 0 { self.ran_out(index, call) } else { Ok(()) }
    }

    #[cold]
    fn ran_out(&mut self, index: usize, call: bool) -> Result<()> {
        // Until the answer is there, nothing that runs meanwhile asks about this counter.
        self.wind_up(index, u32::MAX);
        let Some(tier) = self.hooks.as_ref().and_then(|hooks| hooks.tier.clone()) else { return Ok(()) };
        let answer = if call { tier.at_function(self, index as u32) } else { tier.at_loop(self, index as u32) };
        self.wind_up(index, *answer.as_ref().unwrap_or(&1));
        answer.map(|_| ())
    }

    fn wind_up(&mut self, index: usize, count: u32) {
        let Some(hooks) = &mut self.hooks else { return };
        let count = count.max(1);
        hooks.wound[index] = hooks.wound[index] - u64::from(hooks.left[index]) + u64::from(count);
        hooks.left[index] = count;
    }

    /// How often the loop or function at an index of the program's code was counted so far.
    pub fn times_counted(&self, index: u32) -> u64 {
        self.hooks.as_ref().map_or(0, |hooks| hooks.count(index as usize))
    }

    /// Makes the counter at an index of the program's code run out the next time it is counted.
    pub fn ask_soon(&mut self, index: u32) {
        self.wind_up(index as usize, 1);
    }
}
