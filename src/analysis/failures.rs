//! What always fails, told as warnings: the message that the run would end with, the place, and what was meant.
//!
//! Which instructions these are is the question of [`told_failure`]; here it is asked of each instruction that is
//! reached and that no `try` of its function guards. Where there are some, the program is inferred once more as if they
//! succeeded, so that what stands behind them is looked at, too: what is found there is true of every execution, as
//! there is none.

mod doubts;
mod entries;
mod help;

use rustc_hash::FxHashSet;

use self::doubts::{Doubts, Ways};
use self::entries::{Taken, is_written_as_key};
use super::infer::{Inference, TypeCursor};
use super::names::Names;
use super::program_flow::{ProgramFlow, code_of};
use crate::bytecode::format_spec;
use crate::bytecode::graph::Graph;
use crate::bytecode::methods::Receiver;
use crate::bytecode::signature::{ArgumentError, arity_message};
use crate::bytecode::types::{Tags, with_article};
use crate::bytecode::{FuncId, FunctionKind, Op, Program, Reg, StrId};
use crate::facts::rules::{Callee, Cause, Failure, Owner, RuleIndex, told_failure};
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
    let (mut taken, mut ways) = (Taken::default(), Ways::default());
    for number in 0..program.functions.len() as u32 {
        let func = FuncId(number);
        let own = flow.of(func);
        for block in 0..own.cfg.len() as u32 {
            if own.cfg.blocks[block as usize].handler.is_some() {
                continue;
            }
            cursor.block(func, block, |types, pc, op| {
                taken.note(types, func, pc, op);
                ways.note(types, func, pc, op);
                if let Some(failure) = told_failure(types, op)
                    && !known.contains(&(func, pc))
                {
                    all.push(CertainFailure { func, pc, failure });
                }
            });
        }
    }
    let names = Names::new(program);
    let doubts = Doubts { program, flow, names: &names, beyond: &beyond, ways: &ways };
    all.retain(|one| !doubts.is_decided_in_passing(one));
    let failing: FxHashSet<(FuncId, u32)> = all.iter().map(|one| (one.func, one.pc)).collect();
    all.retain(|one| {
        let method = doubts.method_instead(one);
        method.is_none_or(|pc| {
            let block = flow.of(one.func).cfg.block_of[pc as usize];
            failing.contains(&(one.func, pc)) || !beyond.is_block_reached(one.func, block)
        })
    });
    all.sort_by_key(|one| (one.func, one.pc));
    tell_once(&mut all, program, &names);
    for one in &mut all {
        taken.blame_member(one, program, flow);
    }
    all
}

/// A method that is looked up before its arguments is missing again when it is called, and what stands in its place is
/// no function however it is called.
fn tell_once(all: &mut Vec<CertainFailure>, program: &Program, names: &Names<'_>) {
    let mut missing = FxHashSet::default();
    let mut no_functions = FxHashSet::default();
    all.retain(|one| {
        let pc = one.pc as usize;
        let op = code_of(program, &program.functions[one.func.index()])[pc];
        let span = names.span(one.func, one.pc);
        let place = (one.func, span.file, span.lo, span.hi);
        match (one.failure.cause, op) {
            (_, Op::FindMethod { .. }) => missing.insert(place),
            (Cause::Member { .. } | Cause::Method { .. }, _) => !missing.contains(&place),
            (Cause::NotCallable { .. } | Cause::Entry { .. }, _) => no_functions.insert(place),
            _ => true,
        }
    });
}

/// A warning for each that does not stand in one of some places: what is written in a `try`, also in a function there,
/// may be there to fail.
pub fn warnings(program: &Program, failures: &[CertainFailure], tries: &[Span]) -> Vec<Diagnostic> {
    if failures.is_empty() {
        return Vec::new();
    }
    let teller = Teller { program, names: Names::new(program) };
    let is_in_try =
        |place: Span| tries.iter().any(|body| body.file == place.file && body.lo <= place.lo && place.hi <= body.hi);
    let warnings = failures.iter().map(|failure| teller.warning(failure));
    warnings.filter(|warning| !is_in_try(warning.primary())).collect()
}

struct Teller<'p> {
    program: &'p Program,
    names: Names<'p>,
}

/// Most places of calls that are named.
const MAX_CALLS: usize = 3;

impl Teller<'_> {
    fn text(&self, id: StrId) -> &str {
        self.program.strings.get(id).unwrap_or("?")
    }

    fn warning(&self, found: &CertainFailure) -> Diagnostic {
        let CertainFailure { func, pc, failure } = self.settled(found);
        let span = self.names.span(func, pc);
        let code = code_of(self.program, &self.program.functions[func.index()]);
        let mut warning = Diagnostic::warning(code_of_cause(failure.cause), self.message(failure.cause), span)
            .labelled("this always fails");
        if let Some((name, kinds)) = self.blamed(&CertainFailure { func, pc, failure }, code) {
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
            | Cause::Format { found, .. }
            | Cause::Key { found } => found,
            Cause::CannotAssign { object } => object,
            Cause::CannotIndex { .. }
            | Cause::Member { .. }
            | Cause::Method { .. }
            | Cause::Entry { .. }
            | Cause::Unpack { .. }
            | Cause::Arity { .. } => return None,
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
            Cause::Entry { name, .. } => format!("Type 'dict' has no method '{}'", self.text(name)),
            Cause::Unpack { expected, found } => format!("Expected {expected} values to unpack, but found {found}"),
            Cause::Format { format, found } => {
                let text = self.text(format);
                format_spec::parse(text).map_or_else(String::new, |spec| spec.refusal(text, &found.words()))
            }
        }
    }

    /// The failure, once it is decided what the call of an entry that is no function is called: the name of an entry
    /// that the program writes somewhere, else a method that there is not.
    fn settled(&self, found: &CertainFailure) -> CertainFailure {
        let mut settled = *found;
        if let Cause::Entry { name, found } = found.failure.cause {
            settled.failure.cause = match is_written_as_key(self.program, self.text(name)) {
                true => Cause::NotCallable { found },
                false => Cause::Method { owner: Owner::Kind(Tags::DICT), name },
            };
            settled.failure.register = None;
        }
        settled
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
        Cause::Member { .. } | Cause::Method { .. } | Cause::Entry { .. } => "W0302",
        Cause::Arity { .. } => "W0303",
        Cause::NotCallable { .. } => "W0304",
        Cause::Argument { .. } => "W0305",
        Cause::Expected { .. }
        | Cause::NothingIn { .. }
        | Cause::NotIterable { .. }
        | Cause::CannotIndex { .. }
        | Cause::CannotAssign { .. }
        | Cause::Unpack { .. }
        | Cause::Format { .. }
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
