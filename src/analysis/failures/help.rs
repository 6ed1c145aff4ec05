//! What is said beside a failure: what was meant, and how to do it.

use super::super::spelling::{closest_name, names_of, of_other_languages};
use super::Teller;
use crate::bytecode::Op;
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::types::Tags;
use crate::facts::rules::{Callee, Cause, Owner};
use crate::source::{Diagnostic, Span};

/// What is to be done to a task that stands where its value is meant.
const AWAIT: &str = "`await` gives what a task comes to";

impl Teller<'_> {
    /// What was meant, and how to do it.
    pub(super) fn help(&self, warning: Diagnostic, cause: Cause, span: Span, op: Op) -> Diagnostic {
        match cause {
            Cause::Operands { left, right, .. } if left == Tags::TASK || right == Tags::TASK => {
                warning.with_help(AWAIT)
            }
            Cause::Expected { found: Tags::FUNCTION, .. } if matches!(op, Op::Await { .. }) => {
                warning.with_help("calling an async function makes the task: `await f()`")
            }
            Cause::Operand { found: Tags::TASK, .. }
            | Cause::Expected { found: Tags::TASK, .. }
            | Cause::NotIterable { found: Tags::TASK }
            | Cause::NothingIn { found: Tags::TASK }
            | Cause::NotCallable { found: Tags::TASK }
            | Cause::Argument { found: Tags::TASK, .. }
            | Cause::CannotIndex { object: Tags::TASK, .. }
            | Cause::Member { owner: Owner::Kind(Tags::TASK), .. }
            | Cause::Method { owner: Owner::Kind(Tags::TASK), .. } => warning.with_help(AWAIT),
            Cause::Member { owner, name } | Cause::Method { owner, name } => {
                let is_call = matches!(op, Op::CallMethod { .. } | Op::TailCallMethod { .. } | Op::FindMethod { .. });
                self.help_with_name(warning, owner, self.text(name), is_call, span)
            }
            Cause::Expected { expected: "tuple", .. } if matches!(op, Op::IterPrep2 { .. }) => warning.with_help(
                "each item is taken apart for the two names; to number items, write `.enumerate()` behind the list",
            ),
            Cause::Expected { expected: "int", found: Tags::BOOL }
                if matches!(op, Op::CallMethod { .. } | Op::TailCallMethod { .. }) =>
            {
                warning
                    .with_help("a comparison gives a number below, at or above 0, as `a - b` is, not whether `a < b`")
            }
            Cause::Format { found: Tags::STR, .. } => warning.with_help(
                "formats of numbers are for numbers; `core.int(…)` and `core.float(…)` read one from a string",
            ),
            Cause::Format { found: Tags::FLOAT, .. } => {
                warning.with_help("`core.int(…)` makes an int of it, and the format `.0f` writes it without a fraction")
            }
            Cause::Format { .. } => warning
                .with_help("these formats are for numbers and strings; `core.str(…)` makes a string of any value"),
            Cause::Operands { operator: "+", left, right }
                if left.or(right).meets(Tags::STR) && left.or(right).meets(Tags::NUMBER.or(Tags::BOOL)) =>
            {
                warning.with_help("make it a string first: `core.str(…)`, or one f-string for all: `f\"… {…}\"`")
            }
            Cause::Operands { operator: "%", left: Tags::STR, .. } => {
                warning.with_help("values are put into a text by a format string: `f\"x = {x}\"`")
            }
            Cause::Operands { operator: "..", left: Tags::STR, right: Tags::STR } => {
                warning.with_help("texts are joined with `+`")
            }
            Cause::Operands { operator: "..", right, .. } if right.within(Tags::LIST.or(Tags::TUPLE).or(Tags::STR)) => {
                warning.with_help("the number of its items is `core.len(x)`; `for item in x` goes over them")
            }
            Cause::Operands { left: Tags::INSTANCE, right: Tags::INSTANCE, .. } => {
                warning.with_help("structs define no operators: write a method, as `a.plus(b)`")
            }
            Cause::Operands { left, right, .. }
                if left.or(right).meets(Tags::STR) && left.or(right).meets(Tags::NUMBER) =>
            {
                warning.with_help("`core.int(…)` and `core.float(…)` read a number from a string")
            }
            Cause::Operands { left, right, .. } if left.or(right).meets(Tags::VOID) => {
                warning.with_help("void is what a function without `return` gives, and what is not there")
            }
            Cause::NotIterable { found: Tags::INT } => warning.with_help("`0..n` goes over the ints below `n`"),
            Cause::NotIterable { found: Tags::INSTANCE } => {
                warning.with_help("give its struct a method `iter` or `next`")
            }
            Cause::CannotIndex { object, index: Tags::FLOAT } if object.meets(Tags::LIST.or(Tags::STR)) => {
                warning.with_help("`core.int(…)` makes an int of it; int `/` int is an int")
            }
            Cause::CannotIndex { object: Tags::RANGE, index: Tags::INT } => {
                warning.with_help("a range holds only its ends: its item at `i` is `r.start + i`")
            }
            Cause::CannotAssign { object: Tags::STR } => warning.with_help("strings never change: make a new one"),
            Cause::CannotAssign { object: Tags::TUPLE } => warning.with_help("tuples never change: use a list"),
            Cause::Key { found } if found.meets(Tags::LIST) => {
                warning.with_help("a tuple of such values can be a key, a list cannot")
            }
            Cause::Arity { callee: Callee::BuiltIn { name: name @ ("min" | "max"), required: 2, .. }, given }
                if given > 2 =>
            {
                warning.with_help(format!("it takes two numbers; of more, make a list: `[a, b, c].{name}()`"))
            }
            Cause::Arity { callee: Callee::Function(func), .. } => {
                let spans = self.program.debug.as_ref().map(|debug| &debug.functions);
                match spans.and_then(|spans| spans.get(func.index())) {
                    Some(&defined) if defined != Span::default() => warning.with_label(defined, "defined here"),
                    _ => warning,
                }
            }
            _ => warning,
        }
    }

    fn help_with_name(&self, warning: Diagnostic, owner: Owner, name: &str, is_call: bool, span: Span) -> Diagnostic {
        let known = names_of(self.program, owner);
        if let (false, Owner::Kind(tags)) = (is_call, owner)
            && known.contains(&name)
        {
            return self.help_to_call(warning, tags, name, span);
        }
        if let Some(advice) = of_other_languages(self.program, owner, name) {
            return warning.with_help(advice);
        }
        let Some(similar) = closest_name(name, &known) else {
            return match (is_call, owner) {
                (false, Owner::Kind(Tags::DICT)) => warning
                    .with_help(format!("assign it first; `d.get(\"{name}\", 0)` is 0 where there is no such entry")),
                _ => warning,
            };
        };
        match self.place_of_name(span, name) {
            Some(place) => warning.with_suggestion(format!("did you mean '{similar}'?"), place, similar),
            None => warning.with_help(format!("did you mean '{similar}'?")),
        }
    }

    /// A method that is written like a field.
    fn help_to_call(&self, warning: Diagnostic, tags: Tags, name: &str, span: Span) -> Diagnostic {
        let advice = format!("`{name}` is a method, and methods of built-in types are no values: call it");
        let needs_nothing = METHODS
            .iter()
            .filter(|method| method.name == name)
            .all(|method| method.required == 0 || !Receiver::ALL.contains(&(tags, method.receiver)));
        match self.place_of_name(span, name).filter(|_| needs_nothing) {
            Some(place) => warning.with_suggestion(advice, place, format!("{name}()")),
            None => warning.with_help(advice),
        }
    }

    /// Where in a span a member's name stands, if it stands there once.
    fn place_of_name(&self, span: Span, name: &str) -> Option<Span> {
        let debug = self.program.debug.as_ref()?;
        let text = debug.files.get(span.file.0 as usize)?.text.get(span.lo as usize..span.hi as usize)?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut places = text
            .match_indices(name)
            .filter(|&(offset, _)| text[..offset].ends_with('.') && !text[offset + name.len()..].starts_with(is_part));
        let (offset, _) = places.next()?;
        if places.next().is_some() {
            return None;
        }
        let lo = span.lo + offset as u32;
        Some(Span::new(span.file, lo, lo + name.len() as u32))
    }
}
