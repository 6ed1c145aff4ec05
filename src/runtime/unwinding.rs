//! Unwinding: who handles an error, and what is remembered of errors on their way.
//!
//! Each run of the interpreter's loop unwinds its own frames. An error that none of them handles leaves it through the
//! native code that started it, and is looked at again by the run below.

use std::rc::Rc;

use super::error::{Error, ErrorKind};
use super::heap::Heap;
use super::image::Image;
use super::stack::Stack;
use super::trace::Trace;
use super::value::Value;
use crate::bytecode::{FuncId, Op, Reg};

/// See the module documentation.
#[derive(Default)]
pub(super) struct Unwinding {
    /// Where the running error was raised, once it is known that nothing catches it.
    pub(super) trace: Option<Trace>,
    /// Depth of a frame that was found to handle the error that is leaving nested runs.
    outer_handler: Option<usize>,
    /// Where an awaited task failed whose error is being raised.
    pub(super) cause: Option<Rc<Trace>>,
    /// The last instruction that was executed again for want of memory.
    last_attempt: Option<Attempt>,
}

/// How an error left the dispatch loop.
pub(super) enum Unwound {
    /// A handler was found: the top frame goes on there.
    Resume,
    /// No frame of this run handles it.
    Leave(Error),
}

/// An instruction that is executed again for want of memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) pc: *const Op,
    /// The bytes that it wants.
    pub(super) wanted: usize,
    /// What the heap has given by then.
    pub(super) given: usize,
}

/// A handler of a frame that is alive.
struct Found {
    depth: usize,
    target: u32,
    register: Reg,
}

impl Unwinding {
    /// Makes the frame the top one that handles the error, and lets it go on at its handler; or ends all frames from
    /// the `entry`-th up, which are those of this run, and gives the error back.
    pub(super) fn enter_handler(
        &mut self,
        error: Error,
        entry: usize,
        image: &Image,
        stack: &mut Stack,
        heap: &mut Heap,
    ) -> Result<(), Error> {
        let Err(error) = self.enter_handler_above(error, entry, stack, heap) else { return Ok(()) };
        let cause = self.cause.take();
        if self.trace.is_none() && !matches!(error.kind(), ErrorKind::Exit(_) | ErrorKind::Cancelled) {
            // Only an error that nobody handles needs a trace.
            if !(error.is_catchable() && self.is_handled_below(stack, entry)) {
                self.trace = Some(Trace::capture(image, stack, cause.as_deref()));
            }
        }
        stack.unwind_to(entry - 1);
        Err(error)
    }

    /// As [`Self::enter_handler`], if a frame from the `lowest`-th up handles the error; all else is left as it is, and
    /// the error given back.
    pub(super) fn enter_handler_above(
        &mut self,
        error: Error,
        lowest: usize,
        stack: &mut Stack,
        heap: &mut Heap,
    ) -> Result<(), Error> {
        let handler = if error.is_catchable() { find_handler(stack, lowest, stack.depth()) } else { None };
        let Some(handler) = handler else { return Err(error) };
        self.cause = None;
        enter(stack, &handler, caught_value(error, heap));
        Ok(())
    }

    /// What native code goes on with at the handler that it has for a catchable error.
    pub(super) fn caught_by_native(&mut self, error: Error, heap: &mut Heap) -> Value {
        self.cause = None;
        caught_value(error, heap)
    }

    /// A function has given something wrong to the built-in that called it: an uncaught error's trace begins with it.
    pub(super) fn blame(&mut self, image: &Image, stack: &Stack, func: Option<FuncId>) {
        if self.trace.is_none() && find_handler(stack, 1, stack.depth()).is_none() {
            self.trace = Some(Trace::blaming(image, stack, func));
        }
    }

    /// Whether an instruction may be executed again. If nothing was given since the last attempt, that would go on for
    /// ever.
    pub(super) fn may_attempt(&mut self, attempt: Attempt) -> bool {
        let is_new = self.last_attempt != Some(attempt);
        self.last_attempt = is_new.then_some(attempt);
        is_new
    }

    /// Whether a frame below depth `entry` handles the error. Each run that an error leaves asks this; the answer is
    /// kept, or leaving many nested runs would search all frames as many times.
    fn is_handled_below(&mut self, stack: &Stack, entry: usize) -> bool {
        let known = self.outer_handler.filter(|&depth| depth < entry && find_handler(stack, depth, depth).is_some());
        self.outer_handler = known.or_else(|| find_handler(stack, 1, entry - 1).map(|handler| handler.depth));
        self.outer_handler.is_some()
    }
}

/// What a handler receives of a catchable error.
fn caught_value(error: Error, heap: &mut Heap) -> Value {
    match error.into_kind() {
        ErrorKind::Thrown(value) => value,
        ErrorKind::Message(text) => heap.str_value(&text),
        _ => unreachable!("only these are catchable"),
    }
}

/// Makes the handler's frame the top one, which goes on there.
fn enter(stack: &mut Stack, handler: &Found, value: Value) {
    stack.unwind_to(handler.depth);
    let frame = stack.frame();
    // SAFETY: the frame is alive, the verifier proved the handler's register and target to lie in it.
    unsafe {
        (*frame).base.set(handler.register.0, value);
        (*frame).pc = (*(*frame).function).code.add(handler.target as usize);
    }
}

/// The innermost handler of the frames from depth `low` to `high`, whose pcs are saved.
fn find_handler(stack: &Stack, low: usize, high: usize) -> Option<Found> {
    (low..=high).rev().find_map(|depth| {
        let frame = stack.frame_at(depth);
        // SAFETY: a frame's function lives as long as the image.
        let function = unsafe { &*frame.function };
        if function.handlers.is_empty() {
            return None;
        }
        // A saved pc is one past the instruction that raised or called.
        // SAFETY: both point into the code of the same function.
        let pc = unsafe { frame.pc.offset_from(function.code) } as u32 - 1;
        let handler = function.handlers.iter().find(|handler| handler.start <= pc && pc < handler.end)?;
        Some(Found { depth, target: handler.target, register: handler.error })
    })
}
