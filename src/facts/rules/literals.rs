//! What fails for what a literal just in front of an instruction says: a format that a value does not have, a list or
//! tuple of a wrong length, a function that is called with each of some items.
//!
//! Unlike [`super::certain_failure`], this is for people, and for the judge that sees to it that it is true: no types
//! are concluded from it, so how far back a literal is looked for is nobody else's matter.

use super::failure::{Arguments, Cause, Failure, certain_failure, instantiate, operand};
use super::inputs::Members;
use super::{Place, TypeEnv, slot};
use crate::bytecode::builtins::BuiltinSpec;
use crate::bytecode::format_spec;
use crate::bytecode::op::Op;
use crate::bytecode::op::access::Access;
use crate::bytecode::op::window::{self, MethodCall, Range};
use crate::bytecode::types::{IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{Constant, FunctionKind, Program, Reg, SiteId, StrId};

/// Why the instruction `op`, the one at [`TypeEnv::at`], fails in every execution that gets to it, for the types of its
/// operands or for a literal in front of it.
pub fn told_failure<E: TypeEnv>(env: &mut E, op: Op) -> Option<Failure> {
    certain_failure(env, op).or_else(|| of_literals(env, op))
}

fn of_literals<E: TypeEnv>(env: &mut E, op: Op) -> Option<Failure> {
    match op {
        Op::CallBuiltin { base, builtin, argc: 2 } => {
            let spec = env.index().builtin(builtin)?;
            format(env, spec, Arguments { first: base.above(window::Call::ARGS), count: 2 })
        }
        Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site } if argc > 0 => {
            callback(env, base, argc, site)
        }
        Op::Unpack { src, count, .. } => {
            let found = items_of_literal(env, src)?;
            let cause = Cause::Unpack { expected: count, found };
            (found != count).then_some(Failure { cause, register: None })
        }
        Op::IterPrep2 { base, .. } => pairs(env, base),
        _ => None,
    }
}

/// Whether a conditional jump always jumps or never does, if one of these is sure.
pub fn only_way<E: TypeEnv>(env: &mut E, op: Op) -> Option<bool> {
    let (a, types, jumps) = match op {
        Op::JumpIfType { a, types, .. } => (a, types, true),
        Op::JumpIfNotType { a, types, .. } => (a, types, false),
        // A loop with items is entered.
        Op::IterPrep { base, .. } | Op::IterPrep2 { base, .. } => return has_items(env, base).then_some(false),
        Op::ForPrep { base, .. } => {
            return is_range(env, base.above(Range::COUNTER), base.above(Range::END)).then_some(false);
        }
        _ => return None,
    };
    let found = operand(env, a).tags;
    if found.is_empty() {
        return None;
    }
    if found.within(types) {
        return Some(jumps);
    }
    (!found.meets(types)).then_some(!jumps)
}

/// Whether a literal is gone over, a list, tuple or range, that has items.
fn has_items<E: TypeEnv>(env: &E, register: Reg) -> bool {
    match writer(env, register) {
        Some(Op::MakeRange { a, b, .. }) => is_range(env, a, b),
        _ => items_of_literal(env, register).is_some_and(|count| count > 0),
    }
}

/// Whether two registers have just been loaded with the ends of a range that has items.
fn is_range<E: TypeEnv>(env: &E, first: Reg, end: Reg) -> bool {
    let value = |register| match writer(env, register)? {
        Op::LoadInt { value, .. } => Some(value),
        _ => None,
    };
    matches!((value(first), value(end)), (Some(first), Some(end)) if first < end)
}

/// The instructions of the block that have been executed before the one that is looked at.
fn in_front<E: TypeEnv>(env: &E) -> Option<&[Op]> {
    let judged = env.at();
    env.program().code.get(judged.entered as usize..judged.pc as usize)
}

/// The instruction of the same block that has written a register last.
fn writer<E: TypeEnv>(env: &E, register: Reg) -> Option<Op> {
    let program = env.program();
    let last = in_front(env)?.iter().rev().find(|op| op.may_change(program, register))?;
    (last.result() == Some(register)).then_some(*last)
}

/// How many items there are in the list or tuple that the register holds, if it is the value of a literal. Nobody has
/// seen the list yet, so that it still has them.
fn items_of_literal<E: TypeEnv>(env: &E, register: Reg) -> Option<u16> {
    let program = env.program();
    for op in in_front(env)?.iter().rev() {
        match *op {
            Op::MakeList { dst, count, .. } | Op::MakeTuple { dst, count, .. } if dst == register => {
                return Some(count);
            }
            _ if op.may_change(program, register) || is_read(op, program, register) => return None,
            _ => {}
        }
    }
    None
}

fn is_read(op: &Op, program: &Program, register: Reg) -> bool {
    let mut is_read = false;
    op.for_each_access(program, |access| is_read |= matches!(access, Access::Reads(reg) if reg == register));
    is_read
}

/// `core.format`, also as a hole of an f-string calls it.
fn format<E: TypeEnv>(env: &mut E, spec: &BuiltinSpec, args: Arguments) -> Option<Failure> {
    if (spec.module, spec.name) != ("std/core", "format") {
        return None;
    }
    let Op::LoadConst { constant, .. } = writer(env, args.register(1))? else { return None };
    let Some(&Constant::Str(text)) = env.program().constants.get(constant.index()) else { return None };
    let format = format_spec::parse(env.program().strings.get(text)?)?;
    let register = args.register(0);
    let found = operand(env, register).tags;
    let may = found.is_empty() || format.kinds().meets(found);
    (!may).then_some(Failure { cause: Cause::Format { format: text, found }, register: Some(register) })
}

/// `for i, x in [1, 2]`: there is an item, and none can be taken apart.
fn pairs<E: TypeEnv>(env: &mut E, base: Reg) -> Option<Failure> {
    const PARTED: Tags = Tags::LIST.or(Tags::TUPLE).or(Tags::STR).or(Tags::RANGE);
    let gone_over = operand(env, base);
    if !has_items(env, base) {
        return None;
    }
    let found = match gone_over.tags {
        Tags::LIST => slot(env, gone_over, Slot::Item).tags,
        Tags::RANGE => Tags::INT,
        _ => return None,
    };
    let may = found.is_empty() || found.meets(PARTED);
    (!may).then_some(Failure { cause: Cause::Expected { expected: "tuple", found }, register: None })
}

/// How a method of lists calls its function, the first argument.
struct Calls {
    /// How many items it needs to do so.
    items: u16,
    /// With how many arguments.
    given: u16,
    /// What the function has to give: what the run calls it, and what it is.
    gives: Option<(&'static str, Tags)>,
}

fn calls_of(method: &str, argc: u16) -> Option<Calls> {
    let calls = Calls { items: 1, given: 1, gives: None };
    Some(match (method, argc) {
        ("map" | "filter" | "any" | "all" | "find" | "find_index", 1) => calls,
        ("group_by" | "sort_by" | "min_by" | "max_by", 1) => calls,
        ("flat_map", 1) => Calls { gives: Some(("list", Tags::LIST)), ..calls },
        ("reduce", 2) => Calls { given: 2, ..calls },
        ("sort" | "sorted", 1) => Calls { items: 2, given: 2, gives: Some(("int", Tags::INT)) },
        _ => return None,
    })
}

/// A function given to a method of a list that has items.
fn callback<E: TypeEnv>(env: &mut E, base: Reg, argc: u16, site: SiteId) -> Option<Failure> {
    let receiver = base.above(MethodCall::RECEIVER);
    if operand(env, receiver).tags != Tags::LIST {
        return None;
    }
    let items = items_of_literal(env, receiver)?;
    let func = env.at().func;
    let name = env.index().site_name(env.program(), func, site)?;
    let calls = calls_of(env.program().strings.get(StrId(name.0))?, argc)?;
    if items < calls.items {
        return None;
    }
    let callee = operand(env, base.above(MethodCall::ARGS));
    call(env, callee, calls.given).or_else(|| result(env, callee, calls.gives?))
}

/// Why a value cannot be called with so many arguments, of which nothing is known.
fn call<E: TypeEnv>(env: &mut E, callee: Type, given: u16) -> Option<Failure> {
    let fails = |cause| Some(Failure { cause, register: None });
    if callee.is_never() || callee.tags.meets(Tags::VOID) {
        return None;
    }
    if !callee.tags.meets(Tags::CALLABLE) {
        return fails(Cause::NotCallable { found: callee.tags });
    }
    if !callee.tags.within(Tags::CALLABLE) || callee.ids == IdSet::TOP {
        return None;
    }
    let mut first = None;
    let mut members = Members::of(callee.ids);
    while let Some(id) = members.next(env) {
        let failure = match id {
            IdKind::Function(func) => super::failure::call_function(env, func, given).err(),
            IdKind::Struct(def) => instantiate(env, def, given).err(),
            _ => None,
        };
        first = Some(first.unwrap_or(failure?));
    }
    first
}

/// Why what a function gives is of no use, if it has to be of some kinds.
fn result<E: TypeEnv>(env: &mut E, callee: Type, (expected, kinds): (&'static str, Tags)) -> Option<Failure> {
    if callee.tags != Tags::FUNCTION || callee.ids == IdSet::TOP {
        return None;
    }
    let mut found = Tags::NONE;
    let mut members = Members::of(callee.ids);
    while let Some(id) = members.next(env) {
        let IdKind::Function(func) = id else { return None };
        if env.program().functions.get(func.index())?.kind == FunctionKind::Async {
            return None;
        }
        found = found.or(env.read(Place::Result(func)).tags);
    }
    let may = found.is_empty() || found.meets(kinds);
    (!may).then_some(Failure { cause: Cause::Expected { expected, found }, register: None })
}
