//! Stack traces of uncaught errors. Built only when nothing catches the error, so that throwing and rethrowing stay cheap.

use std::fmt::Write;

use super::vm::Vm;
use crate::source::Span;

/// Frames shown at each end of a long trace.
const SHOWN: usize = 10;

/// The frames alive when an error was raised, innermost first.
#[derive(Debug)]
pub struct Trace {
    frames: Vec<TraceFrame>,
    /// Frames between the two halves of `frames` that are not kept.
    left_out: usize,
}

#[derive(Debug)]
struct TraceFrame {
    function: String,
    /// Unknown in a stripped program.
    at: Option<Span>,
}

impl Trace {
    /// Reads the frames of a machine whose frames' pcs are all saved.
    pub(super) fn capture(vm: &Vm) -> Trace {
        let depth = vm.stack.depth();
        let kept = |from_top: usize| depth <= 2 * SHOWN + 1 || from_top < SHOWN || from_top >= depth - SHOWN;
        let frames: Vec<TraceFrame> = (0..depth)
            .filter(|&from_top| kept(from_top))
            .map(|from_top| {
                let frame = vm.stack.frame_at(depth - from_top);
                // SAFETY: a frame's function lives as long as the image.
                let function = unsafe { &*frame.function };
                let code = vm.image.program.code.as_ptr();
                // SAFETY: a frame's pc points into the program's code, one past the instruction it executes.
                let pc = unsafe { frame.pc.offset_from(code) } as u32 - 1;
                TraceFrame { function: vm.image.str(function.name).to_owned(), at: vm.image.span_at(pc) }
            })
            .collect();
        let left_out = depth - frames.len();
        Trace { frames, left_out }
    }

    /// The source line with a caret, then one line per frame.
    pub fn render(&self, vm: &Vm) -> String {
        let mut out = String::new();
        if let Some(frame) = self.frames.first()
            && let Some(span) = frame.at
            && let Some(excerpt) = vm.image.excerpt(span)
        {
            out.push_str(&excerpt);
        }
        for (i, frame) in self.frames.iter().enumerate() {
            if i == SHOWN && self.left_out > 0 {
                let _ = writeln!(out, "  ... {} more frames ...", self.left_out);
            }
            let _ = match frame.at.and_then(|span| vm.image.place(span)) {
                Some(place) => writeln!(out, "  at {} ({place})", frame.function),
                None => writeln!(out, "  at {}", frame.function),
            };
        }
        out
    }
}
