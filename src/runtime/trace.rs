//! Stack traces of uncaught errors. Built only when nothing catches the error, so that throwing and rethrowing stay
//! cheap.

use std::fmt::Write;

use super::image::Image;
use super::stack::Stack;
use crate::bytecode::FuncId;
use crate::source::Span;

/// Frames shown at each end of a long trace.
const SHOWN: usize = 10;

/// Lines of a trace through many tasks.
const MOST_LINES: usize = 100;

/// The frames alive when an error was raised, innermost first.
///
/// If the error came from a task that was awaited, that one's frames stand first.
#[derive(Debug)]
pub struct Trace {
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
enum Line {
    Frame(TraceFrame),
    /// So many frames are not kept.
    LeftOut(usize),
}

#[derive(Clone, Debug)]
struct TraceFrame {
    function: String,
    /// Unknown in a stripped program.
    span: Option<Span>,
    /// It awaits the task whose frames stand above.
    awaits: bool,
}

impl Trace {
    /// Reads the frames of a stack whose frames' pcs are all saved.
    pub(super) fn capture(image: &Image, stack: &Stack, awaited: Option<&Trace>) -> Trace {
        let depth = stack.depth();
        let kept = |from_top: usize| depth <= 2 * SHOWN + 1 || from_top < SHOWN || from_top >= depth - SHOWN;
        let frames = (0..depth).filter(|&from_top| kept(from_top)).map(|from_top| {
            let frame = stack.frame_at(depth - from_top);
            // SAFETY: a frame's function lives as long as the image.
            let function = unsafe { &*frame.function };
            let code = image.program.code.as_ptr();
            // SAFETY: a frame's pc points into the program's code, one past the instruction it executes.
            let pc = unsafe { frame.pc.offset_from(code) } as u32 - 1;
            let function = image.str(function.name).to_owned();
            TraceFrame { function, span: image.span_at(pc), awaits: from_top == 0 && awaited.is_some() }
        });
        let mut lines: Vec<Line> = awaited.map_or_else(Vec::new, |awaited| awaited.lines.clone());
        let is_long = lines.len() >= MOST_LINES;
        let before = lines.len();
        lines.extend(frames.map(Line::Frame));
        let left_out = depth - (lines.len() - before);
        if left_out > 0 {
            lines.insert(before + SHOWN, Line::LeftOut(left_out));
        }
        if is_long {
            // Each of many tasks has awaited the one before it.
            let surplus = lines.drain(MOST_LINES / 2..lines.len() - MOST_LINES / 4);
            let count = surplus.map(|line| if let Line::LeftOut(count) = line { count } else { 1 }).sum();
            lines.insert(MOST_LINES / 2, Line::LeftOut(count));
        }
        Trace { lines }
    }

    /// As [`Trace::capture`], with the head of a function first: not a frame of it is at fault, but what it has given.
    pub(super) fn blaming(image: &Image, stack: &Stack, func: Option<FuncId>) -> Trace {
        let mut trace = Trace::capture(image, stack, None);
        if let Some(func) = func {
            let function = image.str(image.function(func).name).to_owned();
            let heads = image.program.debug.as_ref().map(|debug| &debug.functions);
            let span = heads.and_then(|heads| heads.get(func.index()).copied());
            trace.lines.insert(0, Line::Frame(TraceFrame { function, span, awaits: false }));
        }
        trace
    }

    /// The source line with a caret, then one line per frame.
    pub fn render(&self, image: &Image) -> String {
        let mut out = String::new();
        if let Some(Line::Frame(frame)) = self.lines.first()
            && let Some(span) = frame.span
            && let Some(excerpt) = image.excerpt(span)
        {
            out.push_str(&excerpt);
        }
        for line in &self.lines {
            let _ = match line {
                Line::LeftOut(count) => writeln!(out, "  ... {count} more frames ..."),
                Line::Frame(TraceFrame { function, span, awaits }) => {
                    let word = if *awaits { "awaited at" } else { "at" };
                    match span.and_then(|span| image.place(span)) {
                        Some(place) => writeln!(out, "  {word} {function} ({place})"),
                        None => writeln!(out, "  {word} {function}"),
                    }
                }
            };
        }
        out
    }
}
