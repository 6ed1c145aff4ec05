//! What always fails, told as warnings: the message that the run would end with, the place, and what was meant.
//!
//! Which instructions these are is the question of [`certain_failure`]; here it is asked of each instruction that is
//! reached and that no `try` of its function guards. Where there are some, the program is inferred once more as if they
//! succeeded, so that what stands behind them is looked at, too: what is found there is true of every execution, as
//! there is none.

use rustc_hash::FxHashSet;

use super::infer::{Inference, TypeCursor};
use super::names::Names;
use super::program_flow::{ProgramFlow, code_of};
use super::spelling::{closest_name, names_of, of_other_languages};
use crate::bytecode::graph::Graph;
use crate::bytecode::methods::Receiver;
use crate::bytecode::signature::{ArgumentError, arity_message};
use crate::bytecode::types::{Tags, with_article};
use crate::bytecode::{FuncId, FunctionKind, Op, Program, Reg, StrId};
use crate::facts::rules::{Callee, Cause, Failure, Owner, RuleIndex, certain_failure};
use crate::source::{Diagnostic, Span};

/// An instruction that always fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CertainFailure {
    pub func: FuncId,
    /// Counted from the function's first.
    pub pc: u32,
    pub failure: Failure,
}

/// All that always fails, given what does by the solution for what runs; in the order of the code.
pub fn complete(
    found: Vec<CertainFailure>,
    program: &Program,
    flow: &ProgramFlow,
    index: &RuleIndex,
) -> Vec<CertainFailure> {
    if found.is_empty() {
        return found;
    }
    let mut beyond = Inference::run_beyond_failures(program, flow, index);
    beyond.seal();
    let mut all = found;
    let known: FxHashSet<(FuncId, u32)> = all.iter().map(|one| (one.func, one.pc)).collect();
    let mut cursor = TypeCursor::new(&beyond);
    for number in 0..program.functions.len() as u32 {
        let func = FuncId(number);
        let own = flow.of(func);
        for block in 0..own.cfg.len() as u32 {
            if own.cfg.blocks[block as usize].handler.is_some() {
                continue;
            }
            cursor.block(func, block, |types, pc, op| {
                if let Some(failure) = certain_failure(types, op)
                    && !known.contains(&(func, pc))
                {
                    all.push(CertainFailure { func, pc, failure });
                }
            });
        }
    }
    let names = Names::new(program);
    all.retain(|one| !is_decided_in_passing(program, flow, &names, one));
    let failing: FxHashSet<(FuncId, u32)> = all.iter().map(|one| (one.func, one.pc)).collect();
    all.retain(|one| {
        let method = method_instead(program, &names, one);
        method.is_none_or(|pc| {
            let block = flow.of(one.func).cfg.block_of[pc as usize];
            failing.contains(&(one.func, pc)) || !beyond.is_block_reached(one.func, block)
        })
    });
    all.sort_by_key(|one| (one.func, one.pc));
    // A method that is looked up before its arguments is missing again when it is called.
    let mut missing = FxHashSet::default();
    all.retain(|one| {
        let pc = one.pc as usize;
        let op = code_of(program, &program.functions[one.func.index()])[pc];
        let span = names.span(one.func, one.pc);
        let place = (one.func, span.file, span.lo, span.hi);
        match (one.failure.cause, op) {
            (_, Op::FindMethod { .. }) => missing.insert(place),
            (Cause::Member { .. } | Cause::Method { .. }, _) => !missing.contains(&place),
            _ => true,
        }
    });
    all
}

/// The call of a method that is made where no value is found under its name, of a call of such a value. A dict may have
/// other entries than that one.
fn method_instead(program: &Program, names: &Names<'_>, found: &CertainFailure) -> Option<u32> {
    let code = code_of(program, &program.functions[found.func.index()]);
    let (Op::Call { base, .. } | Op::TailCall { base, .. }) = code[found.pc as usize] else { return None };
    let place = names.span(found.func, found.pc);
    let is_it = |pc: &u32| {
        let (Op::CallMethod { base: other, .. } | Op::TailCallMethod { base: other, .. }) = code[*pc as usize] else {
            return false;
        };
        other == base && names.span(found.func, *pc) == place
    };
    // It stands in front, and between the two the moves of at most 255 arguments.
    (0..found.pc).rev().take(256 + 2).find(is_it)
}

/// How many blocks in front are looked at.
const REACH: usize = 8;

/// Whether a failure stands in a part of an expression or assignment that a jump within the same one passes over: the
/// right side of `and`, or what `or=` stores. Its line may well run without it.
fn is_decided_in_passing(program: &Program, flow: &ProgramFlow, names: &Names<'_>, found: &CertainFailure) -> bool {
    let own = flow.of(found.func);
    let code = code_of(program, &program.functions[found.func.index()]);
    let place = names.span(found.func, found.pc);
    let mut block = own.cfg.block_of[found.pc as usize];
    for _ in 0..REACH {
        let &[before] = own.cfg.preds(block) else { return false };
        let last = own.cfg.blocks[before as usize].end - 1;
        let op = &code[last as usize];
        let span = names.span(found.func, last);
        let encloses = span.file == place.file && span.lo <= place.lo && place.hi <= span.hi;
        // What a method call goes on with is decided by what was found, not by what the program says.
        let decides = op.jump_offset().is_some() && !op.effects().ends && !matches!(op, Op::JumpIfGiven { .. });
        if decides && encloses {
            return true;
        }
        block = before;
    }
    false
}

/// A warning for each.
pub fn warnings(program: &Program, failures: &[CertainFailure]) -> Vec<Diagnostic> {
    if failures.is_empty() {
        return Vec::new();
    }
    let teller = Teller { program, names: Names::new(program) };
    failures.iter().map(|failure| teller.warning(failure)).collect()
}

struct Teller<'p> {
    program: &'p Program,
    names: Names<'p>,
}

/// What is to be done to a task that stands where its value is meant.
const AWAIT: &str = "`await` gives what a task comes to";

/// Most places of calls that are named.
const MAX_CALLS: usize = 3;

impl Teller<'_> {
    fn text(&self, id: StrId) -> &str {
        self.program.strings.get(id).unwrap_or("?")
    }

    fn warning(&self, found: &CertainFailure) -> Diagnostic {
        let CertainFailure { func, pc, failure } = *found;
        let span = self.names.span(func, pc);
        let code = code_of(self.program, &self.program.functions[func.index()]);
        let mut warning = Diagnostic::warning(code_of_cause(failure.cause), self.message(failure.cause), span)
            .labelled("this always fails");
        if let Some((name, kinds)) = self.blamed(found, code) {
            warning =
                warning.labelled(format!("this always fails: `{name}` is always {}", with_article(&kinds.words())));
        }
        warning = self.help(warning, failure.cause, span, code[pc as usize]);
        if let Some(register) = failure.register {
            for call in self.calls_that_pass(func, pc, register) {
                warning = warning.with_label(call, "what it is given comes from this call");
            }
        }
        warning
    }

    /// The name of what has the wrong type, if it has one, and its kinds.
    fn blamed(&self, found: &CertainFailure, code: &[Op]) -> Option<(String, Tags)> {
        let register = found.failure.register?;
        let kinds = match found.failure.cause {
            Cause::Operands { left, right, .. } if left.within(Tags::NUMBER) => right,
            Cause::Operands { left, .. } => left,
            Cause::Operand { found, .. }
            | Cause::Expected { found, .. }
            | Cause::NothingIn { found }
            | Cause::NotIterable { found }
            | Cause::NotCallable { found }
            | Cause::Argument { found, .. }
            | Cause::Key { found } => found,
            Cause::CannotAssign { object } => object,
            Cause::CannotIndex { .. } | Cause::Member { .. } | Cause::Method { .. } | Cause::Arity { .. } => {
                return None;
            }
        };
        let origin = self.names.origin(found.func, code, found.pc, register);
        let is_plain = origin.local.is_some() || origin.global.is_some();
        is_plain.then_some((origin.name, kinds))
    }

    /// What the run says.
    fn message(&self, cause: Cause) -> String {
        match cause {
            Cause::Operands { operator, left, right } => {
                format!("Invalid operation '{operator}' on operands '{}' and '{}'", left.words(), right.words())
            }
            Cause::Operand { operator, found } => {
                format!("Invalid unary operation '{operator}' on operand {}", found.words())
            }
            Cause::Expected { expected, found } => ArgumentError::Expected(expected).message(&found.words(), None),
            Cause::NothingIn { found } => format!("Type '{}' has no members to look in", found.words()),
            Cause::NotIterable { found } => ArgumentError::Iteration.message(&found.words(), None),
            Cause::CannotIndex { object, index } => {
                let indexable = Tags::LIST.or(Tags::TUPLE).or(Tags::STR).or(Tags::MODULE).or(Tags::INSTANCE);
                match object.meets(indexable) {
                    true => format!("Cannot index type '{}' with type '{}'", object.words(), index.words()),
                    false => format!("Cannot index non-indexable type '{}'", object.words()),
                }
            }
            Cause::CannotAssign { object } => format!("Cannot assign into type '{}'", object.words()),
            Cause::Member { owner, name } => {
                format!("Type '{}' has no member '{}'", self.owner(owner), self.text(name))
            }
            Cause::Method { owner: Owner::Kind(tags), name } if !tags.meets(Receiver::TAGS) => {
                format!("Cannot call method '{}' on value of type '{}'", self.text(name), tags.words())
            }
            Cause::Method { owner, name } => {
                format!("Type '{}' has no method '{}'", self.owner(owner), self.text(name))
            }
            Cause::NotCallable { found } => ArgumentError::Call.message(&found.words(), None),
            Cause::Arity { callee, given } => {
                let (name, required, most, hidden) = self.arity(callee, given);
                arity_message(name, required.into(), most.into(), (given - hidden).into())
            }
            Cause::Argument { refusal, found, .. } => {
                let text = (found == Tags::VOID).then_some("void");
                refusal.message(&found.words(), text)
            }
            Cause::Key { found } => ArgumentError::Key.message(&found.words(), None),
        }
    }

    fn owner(&self, owner: Owner) -> String {
        match owner {
            Owner::Kind(tags) => tags.words(),
            Owner::Instance(def) => self.text(self.program.structs[def.index()].name).to_owned(),
            Owner::Struct(_) => "struct".to_owned(),
            Owner::Module(_) => "module".to_owned(),
        }
    }

    /// Name, fewest and most arguments, and how many more the call passes that the program does not write.
    fn arity(&self, callee: Callee, given: u16) -> (&str, u16, u16, u16) {
        match callee {
            Callee::Function(func) => {
                let function = &self.program.functions[func.index()];
                let takes_self = match function.kind {
                    FunctionKind::Method(_) => true,
                    FunctionKind::Async => {
                        let mut methods = self.program.structs.iter().flat_map(|def| &def.methods);
                        methods.any(|method| method.func == func && method.takes_self)
                    }
                    FunctionKind::Body | FunctionKind::Plain | FunctionKind::Static(_) => false,
                };
                // A method that is called on its struct without anything lacks its receiver.
                let hidden = u16::from(takes_self).min(given);
                let [required, most] = [function.required, function.params].map(|count| count.saturating_sub(hidden));
                (self.text(function.name), required, most, hidden)
            }
            Callee::Struct(def) => (self.text(self.program.structs[def.index()].name), 0, 0, 0),
            Callee::BuiltIn { name, required, most } => (name, required, most, 0),
        }
    }

    /// What was meant, and how to do it.
    fn help(&self, warning: Diagnostic, cause: Cause, span: Span, op: Op) -> Diagnostic {
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
            Cause::Operands { operator: "+", left, right }
                if left.or(right).meets(Tags::STR) && left.or(right).meets(Tags::NUMBER.or(Tags::BOOL)) =>
            {
                warning.with_help("make it a string first: `core.str(…)`, or one f-string for all: `f\"… {…}\"`")
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
            Cause::CannotAssign { object: Tags::STR } => warning.with_help("strings never change: make a new one"),
            Cause::CannotAssign { object: Tags::TUPLE } => warning.with_help("tuples never change: use a list"),
            Cause::Key { found } if found.meets(Tags::LIST) => {
                warning.with_help("a tuple of such values can be a key, a list cannot")
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
        if let Some(advice) = of_other_languages(self.program, owner, name) {
            return warning.with_help(advice);
        }
        let known = names_of(self.program, owner);
        if let (false, Owner::Kind(_)) = (is_call, owner)
            && known.contains(&name)
        {
            return warning
                .with_help(format!("`{name}` is a method, and methods of built-in types are no values: call it"));
        }
        let Some(similar) = closest_name(name, &known) else { return warning };
        match self.place_of_name(span, name) {
            Some(place) => warning.with_suggestion(format!("did you mean '{similar}'?"), place, similar),
            None => warning.with_help(format!("did you mean '{similar}'?")),
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

    /// Where a function is called whose parameter is to blame.
    fn calls_that_pass(&self, func: FuncId, pc: u32, register: Reg) -> Vec<Span> {
        let function = &self.program.functions[func.index()];
        let code = code_of(self.program, function);
        let origin = self.names.origin(func, code, pc, register);
        let Some(local) = origin.local.filter(|local| local.0 < function.params) else { return Vec::new() };
        // A parameter that is assigned to no longer holds what was passed.
        if code[..pc as usize].iter().any(|op| op.may_change(self.program, local)) {
            return Vec::new();
        }
        let mut calls = Vec::new();
        for (index, caller) in self.program.functions.iter().enumerate() {
            for (pc, op) in code_of(self.program, caller).iter().enumerate() {
                if matches!(*op, Op::CallFn { func: callee, .. } | Op::TailCallFn { func: callee, .. } if callee == func)
                {
                    calls.push(self.names.span(FuncId(index as u32), pc as u32));
                    if calls.len() == MAX_CALLS {
                        return calls;
                    }
                }
            }
        }
        calls
    }
}

fn code_of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Operands { .. } | Cause::Operand { .. } => "W0301",
        Cause::Member { .. } | Cause::Method { .. } => "W0302",
        Cause::Arity { .. } => "W0303",
        Cause::NotCallable { .. } => "W0304",
        Cause::Argument { .. } => "W0305",
        Cause::Expected { .. }
        | Cause::NothingIn { .. }
        | Cause::NotIterable { .. }
        | Cause::CannotIndex { .. }
        | Cause::CannotAssign { .. }
        | Cause::Key { .. } => "W0306",
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::compile_text;

    fn messages(text: &str) -> Vec<String> {
        let program = compile_text("t.walrus", text);
        program.diagnostics.iter().map(|one| format!("{} {}", one.code, one.message)).collect()
    }

    #[test]
    fn each_of_several_in_one_line_is_told() {
        let found = messages(
            "import \"std/math\"; fn f : a { } println(math.squareroot(2), \"a\" + 3, [1].append(2), f(1, 2));",
        );
        let expected = [
            "W0302 Type 'module' has no member 'squareroot'",
            "W0301 Invalid operation '+' on operands 'string' and 'int'",
            "W0302 Type 'list' has no method 'append'",
            "W0303 Function 'f' expected 1 arg(s) but got 2 arg(s)",
        ];
        assert_eq!(found, expected);
    }
}
