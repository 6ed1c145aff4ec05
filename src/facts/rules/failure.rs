//! What an instruction cannot do with operands of these types: whether it fails in every execution in which it is
//! reached, and of what.
//!
//! Types hold every value that may come, so an instruction for which none of them leaves a way to succeed always fails.
//! The question is asked by walrusc, which warns, and by the judge of `walrus-run --check-facts`, which sees to it that
//! such an instruction never succeeds.
//!
//! Invariant: a doubt is no failure. What holds no value at all is code that is never reached, and of an unknown
//! function, struct, instance or module nothing is said.

use super::index::{ModuleEntry, Name};
use super::inputs::Members;
use super::{Place, SIDE_FIELDS, Slot, TypeEnv, constant_type, slot};
use crate::bytecode::builtins::BuiltinSpec;
use crate::bytecode::methods::{METHODS, MethodSpec, Receiver};
use crate::bytecode::op::Op;
use crate::bytecode::op::shape::{Operator, Source, Test, any_binary, any_compare_jump, any_comparison};
use crate::bytecode::op::window::{self, MethodCall, Range};
use crate::bytecode::signature::{ArgumentError, Takes};
use crate::bytecode::types::{IdKind, IdSet, Tags, Type};
use crate::bytecode::{FuncId, ModuleId, Reg, StrId, StructId};

/// Why an instruction always fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    pub cause: Cause,
    /// The register whose value has the wrong type, where one is to blame.
    pub register: Option<Reg>,
}

/// What cannot be done, with what the message names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    Operands {
        operator: &'static str,
        left: Tags,
        right: Tags,
    },
    Operand {
        operator: &'static str,
        found: Tags,
    },
    /// A value that must be of one kind.
    Expected {
        expected: &'static str,
        found: Tags,
    },
    /// `x in 5`.
    NothingIn {
        found: Tags,
    },
    NotIterable {
        found: Tags,
    },
    CannotIndex {
        object: Tags,
        index: Tags,
    },
    CannotAssign {
        object: Tags,
    },
    /// Of a value that has no such member.
    Member {
        owner: Owner,
        name: StrId,
    },
    /// A call of a method that there is not.
    Method {
        owner: Owner,
        name: StrId,
    },
    NotCallable {
        found: Tags,
    },
    Arity {
        callee: Callee,
        given: u16,
    },
    /// An argument that a built-in refuses, by its position in the call.
    Argument {
        refusal: ArgumentError,
        found: Tags,
        position: u16,
    },
    /// A key that no dict can have.
    Key {
        found: Tags,
    },
    /// A call of a dict's entry of this name, which is no function, or, if it has none, of a method that there is not.
    Entry {
        name: StrId,
        found: Tags,
    },
    /// A list or tuple of another length than there are targets.
    Unpack {
        expected: u16,
        found: u16,
    },
    /// A format that a value does not have.
    Format {
        format: StrId,
        found: Tags,
    },
}

/// Whose member is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Kind(Tags),
    Instance(StructId),
    Struct(StructId),
    Module(ModuleId),
}

/// What is called with a wrong number of arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callee {
    Function(FuncId),
    /// A struct without `init`.
    Struct(StructId),
    BuiltIn {
        name: &'static str,
        required: u16,
        most: u16,
    },
}

/// What comes of one of the alternatives that an operation has.
type Outcome = Result<(), Failure>;

fn fails(cause: Cause) -> Outcome {
    Err(Failure { cause, register: None })
}

/// Collects the alternatives that an operation has: it fails if there are some and each does. The first failure is the
/// one that is told.
#[derive(Default)]
struct Alternatives {
    first: Option<Failure>,
    may_succeed: bool,
}

impl Alternatives {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Ok(()) => self.may_succeed = true,
            Err(failure) => {
                self.first.get_or_insert(failure);
            }
        }
    }

    fn outcome(self) -> Outcome {
        match self.first {
            Some(failure) if !self.may_succeed => Err(failure),
            _ => Ok(()),
        }
    }
}

/// The type of a register as an operand; the state of an iterator is nothing to judge by.
pub(super) fn operand<E: TypeEnv>(env: &mut E, reg: Reg) -> Type {
    let ty = env.register(reg);
    if ty.tags.meets(Tags::ITER) { Type::ANY } else { ty }
}

fn source<E: TypeEnv>(env: &mut E, source: Source) -> Type {
    match source {
        Source::Register(reg) => operand(env, reg),
        Source::Constant(k) => constant_type(env.program().constants.get(usize::from(k.0))),
    }
}

/// Why the instruction `op`, the one at [`TypeEnv::at`], fails in every execution that gets to it.
pub fn certain_failure<E: TypeEnv>(env: &mut E, op: Op) -> Option<Failure> {
    outcome(env, op).err()
}

/// Goes on behind an instruction that always fails, as if it had succeeded with a result nothing is known of; whether
/// control may reach the next instruction. What is found behind it is true of every execution, as there is none. For
/// use after [`super::step`] said that control stops.
pub fn pass_failure<E: TypeEnv>(env: &mut E, op: Op) -> bool {
    if let Some(to) = op.jump_offset() {
        // A loop that cannot begin: there is nothing to go over.
        env.edge(to);
        return false;
    }
    if op.effects().ends {
        return false;
    }
    if let Some(dst) = op.result() {
        env.set(dst, Type::ANY);
    }
    true
}

#[inline]
fn outcome<E: TypeEnv>(env: &mut E, op: Op) -> Outcome {
    use Op::*;
    match op {
        any_binary!() => {
            let Some(binary) = op.as_binary() else { return Ok(()) };
            let (left, right) = (source(env, binary.left), source(env, binary.right));
            // Nearly all arithmetic is on numbers.
            if left.tags.and(right.tags).meets(Tags::INT) {
                return Ok(());
            }
            let may = left.is_never() || right.is_never() || operator_applies(binary.operator, left.tags, right.tags);
            check_operands(may, binary.operator.symbol(), (left, binary.left), (right, binary.right))
        }
        any_comparison!() => match op.as_comparison() {
            Some(comparison) => order(env, comparison.test, comparison.left.into(), comparison.right.into()),
            None => Ok(()),
        },
        any_compare_jump!() => match op.as_compare_jump() {
            Some(jump) => order(env, jump.test, jump.left.into(), jump.right),
            None => Ok(()),
        },
        Neg { a, .. } => unary(env, "-", a, Tags::NUMBER),
        BitNot { a, .. } => unary(env, "~", a, Tags::INT),
        ForPrep { base, .. } => bounds(env, base.above(Range::COUNTER), base.above(Range::END)),
        MakeRange { a, b, .. } => bounds(env, a, b),
        Contains { item, object, .. } => contains(env, item, object),
        IterPrep { base, .. } | IterPrep2 { base, .. } => iterate(env, base),
        Unpack { src, .. } => {
            let parts = Tags::LIST.or(Tags::TUPLE).or(Tags::STR).or(Tags::RANGE);
            expected(env, "tuple", src, parts)
        }
        Await { src, .. } => expected(env, "task", src, Tags::TASK),
        GetIndex { object, index, .. } => get_index(env, object, index),
        SetIndex { object, index, .. } => set_index(env, object, index),
        GetMember { object, site, .. } => {
            let (ty, func) = (operand(env, object), env.at().func);
            let Some(name) = env.index().site_name(env.program(), func, site) else { return Ok(()) };
            at_register(member(env, ty, name), object)
        }
        SetMember { object, .. } => {
            let ty = operand(env, object);
            let may = ty.is_never() || ty.tags.meets(Tags::INSTANCE.or(Tags::DICT));
            at_register(if may { Ok(()) } else { fails(Cause::CannotAssign { object: ty.tags }) }, object)
        }
        MakeDict { base, count, .. } | DictInsert { base, count, .. } => keys(env, base, count),
        Call { base, argc } | TailCall { base, argc } => {
            let callee = operand(env, base.above(window::Call::CALLEE));
            let called = call_value(env, callee, Arguments { first: base.above(window::Call::ARGS), count: argc });
            match called {
                Err(Failure { cause: cause @ Cause::NotCallable { .. }, .. }) => {
                    Err(Failure { cause, register: Some(base) })
                }
                other => other,
            }
        }
        CallBuiltin { base, builtin, argc } => match env.index().builtin(builtin) {
            Some(spec) => call_builtin(env, spec, Arguments { first: base.above(window::Call::ARGS), count: argc }),
            None => Ok(()),
        },
        CallMethod { base, argc, site } | TailCallMethod { base, argc, site } => {
            let receiver = base.above(MethodCall::RECEIVER);
            let (ty, func) = (operand(env, receiver), env.at().func);
            let Some(name) = env.index().site_name(env.program(), func, site) else { return Ok(()) };
            let args = Arguments { first: base.above(MethodCall::ARGS), count: argc };
            match call_method(env, ty, name, args) {
                Err(Failure {
                    cause: cause @ (Cause::Member { .. } | Cause::Method { .. } | Cause::Entry { .. }),
                    ..
                }) => Err(Failure { cause, register: Some(receiver) }),
                other => other,
            }
        }
        FindMethod { object, site, .. } => {
            let (ty, func) = (operand(env, object), env.at().func);
            let Some(name) = env.index().site_name(env.program(), func, site) else { return Ok(()) };
            at_register(find_method(env, ty, name), object)
        }
        // These never fail for the types of their operands, or take what walrusc has seen to.
        Move { .. }
        | LoadInt { .. }
        | LoadConst { .. }
        | LoadVoid { .. }
        | LoadAbsent { .. }
        | LoadTrue { .. }
        | LoadFalse { .. }
        | LoadFn { .. }
        | LoadBuiltin { .. }
        | LoadModule { .. }
        | LoadStruct { .. }
        | GetGlobal { .. }
        | SetGlobal { .. }
        | NewCell { .. }
        | GetCell { .. }
        | SetCell { .. }
        | GetCapture { .. }
        | GetCaptureCell { .. }
        | SetCaptureCell { .. }
        | MakeClosure { .. }
        | MakeStruct { .. }
        | Not { .. }
        | Jump { .. }
        | JumpIf { .. }
        | JumpIfNot { .. }
        | JumpIfGiven { .. }
        | JumpIfType { .. }
        | JumpIfNotType { .. }
        | ForLoop { .. }
        | IterNext { .. }
        | IterNext2 { .. }
        | MakeList { .. }
        | ListAppend { .. }
        | MakeTuple { .. }
        | TupleFromList { .. }
        | Concat { .. }
        | Print { .. }
        | GetMemberNamed { .. }
        | SetMemberNamed { .. }
        | CallFn { .. }
        | New { .. }
        | TailCallFn { .. }
        | Return { .. }
        | ReturnVoid {}
        | Throw { .. }
        | InitModule { .. }
        | StartTask {} => Ok(()),
    }
}

/// Blames a failure on a register.
fn at_register(outcome: Outcome, register: Reg) -> Outcome {
    outcome.map_err(|failure| Failure { register: Some(register), ..failure })
}

fn check_operands(may: bool, operator: &'static str, left: (Type, Source), right: (Type, Source)) -> Outcome {
    if may {
        return Ok(());
    }
    let cause = Cause::Operands { operator, left: left.0.tags, right: right.0.tags };
    // Of a number and something else, the latter.
    let blamed = if left.0.tags.within(Tags::NUMBER) { right.1 } else { left.1 };
    Err(Failure { cause, register: blamed.register() })
}

/// Whether some values of these kinds can be operands.
fn operator_applies(operator: Operator, a: Tags, b: Tags) -> bool {
    if operator.is_bitwise() {
        return a.meets(Tags::INT) && b.meets(Tags::INT);
    }
    let numbers = a.meets(Tags::NUMBER) && b.meets(Tags::NUMBER);
    let sequences = |own: Tags, count: Tags| own.meets(Tags::STR.or(Tags::LIST)) && count.meets(Tags::INT);
    match operator {
        Operator::Add => numbers || a.and(b).meets(Tags::STR.or(Tags::LIST).or(Tags::TUPLE).or(Tags::DICT)),
        Operator::Mul => numbers || sequences(a, b) || sequences(b, a),
        Operator::Sub
        | Operator::Div
        | Operator::Mod
        | Operator::Pow
        | Operator::BitAnd
        | Operator::BitOr
        | Operator::BitXor
        | Operator::Shl
        | Operator::Shr => numbers,
    }
}

fn order<E: TypeEnv>(env: &mut E, test: Test, left: Source, right: Source) -> Outcome {
    if !test.is_ordering() {
        return Ok(());
    }
    let (a, b) = (source(env, left), source(env, right));
    let may = a.is_never()
        || b.is_never()
        || a.tags.meets(Tags::NUMBER) && b.tags.meets(Tags::NUMBER)
        || a.tags.and(b.tags).meets(Tags::STR.or(Tags::TUPLE).or(Tags::LIST));
    check_operands(may, test.symbol(), (a, left), (b, right))
}

fn unary<E: TypeEnv>(env: &mut E, operator: &'static str, register: Reg, takes: Tags) -> Outcome {
    let found = operand(env, register);
    let may = found.is_never() || found.tags.meets(takes);
    let cause = Cause::Operand { operator, found: found.tags };
    if may { Ok(()) } else { at_register(fails(cause), register) }
}

fn bounds<E: TypeEnv>(env: &mut E, start: Reg, end: Reg) -> Outcome {
    let (a, b) = (operand(env, start), operand(env, end));
    let is_int = |ty: Type| ty.is_never() || ty.tags.meets(Tags::INT);
    if is_int(a) && is_int(b) {
        return Ok(());
    }
    let blamed = if is_int(a) { end } else { start };
    at_register(fails(Cause::Operands { operator: "..", left: a.tags, right: b.tags }), blamed)
}

fn expected<E: TypeEnv>(env: &mut E, expected: &'static str, register: Reg, takes: Tags) -> Outcome {
    let found = operand(env, register);
    let may = found.is_never() || found.tags.meets(takes);
    let cause = Cause::Expected { expected, found: found.tags };
    if may { Ok(()) } else { at_register(fails(cause), register) }
}

fn key(ty: Type) -> Outcome {
    if ty.is_never() || ty.tags.meets(Tags::KEYS) { Ok(()) } else { fails(Cause::Key { found: ty.tags }) }
}

fn keys<E: TypeEnv>(env: &mut E, base: Reg, count: u16) -> Outcome {
    for index in 0..count {
        let register = Reg(base.0.saturating_add(index.saturating_mul(2)));
        let ty = operand(env, register);
        at_register(key(ty), register)?;
    }
    Ok(())
}

fn contains<E: TypeEnv>(env: &mut E, item: Reg, object: Reg) -> Outcome {
    let (item_type, container) = (operand(env, item), operand(env, object));
    if item_type.is_never() || container.is_never() {
        return Ok(());
    }
    let mut alternatives = Alternatives::default();
    if container.tags.meets(Tags::LIST.or(Tags::TUPLE).or(Tags::RANGE)) {
        alternatives.add(Ok(()));
    }
    if container.tags.meets(Tags::STR) {
        let may = item_type.tags.meets(Tags::STR);
        let cause = Cause::Expected { expected: "string", found: item_type.tags };
        alternatives.add(if may { Ok(()) } else { at_register(fails(cause), item) });
    }
    if container.tags.meets(Tags::DICT) {
        alternatives.add(at_register(key(item_type), item));
    }
    alternatives.add_rest(container.tags.without(Tags::SIZED.without(Tags::MODULE)), |found| {
        at_register(fails(Cause::NothingIn { found }), object)
    });
    alternatives.outcome()
}

fn iterate<E: TypeEnv>(env: &mut E, register: Reg) -> Outcome {
    let ty = operand(env, register);
    let mut alternatives = Alternatives::default();
    if ty.tags.meets(Tags::ITERABLE.without(Tags::INSTANCE)) {
        alternatives.add(Ok(()));
    }
    if ty.tags.meets(Tags::INSTANCE) {
        let mut may = ty.ids == IdSet::TOP;
        let mut members = Members::of(ty.ids);
        let mut any = false;
        while let Some(id) = members.next(env) {
            let IdKind::Instance(def) = id else { continue };
            any = true;
            may |= env.index().iter(def).is_some() || env.index().next(def).is_some();
        }
        alternatives.add(if may || !any { Ok(()) } else { fails(Cause::NotIterable { found: Tags::INSTANCE }) });
    }
    alternatives.add_rest(ty.tags.without(Tags::ITERABLE), |found| fails(Cause::NotIterable { found }));
    at_register(alternatives.outcome(), register)
}

impl Alternatives {
    /// The kinds of value with which an operation can do nothing.
    fn add_rest(&mut self, found: Tags, fails: impl FnOnce(Tags) -> Outcome) {
        if !found.is_empty() {
            self.add(fails(found));
        }
    }
}

const SEQUENCES: Tags = Tags::LIST.or(Tags::TUPLE).or(Tags::STR);

fn get_index<E: TypeEnv>(env: &mut E, object: Reg, index: Reg) -> Outcome {
    let (ty, by) = (operand(env, object), operand(env, index));
    if ty.is_never() || by.is_never() {
        return Ok(());
    }
    let mut alternatives = Alternatives::default();
    let sequences = ty.tags.and(SEQUENCES);
    let cannot = |object: Tags| fails(Cause::CannotIndex { object, index: by.tags });
    if !sequences.is_empty() {
        let may = by.tags.meets(Tags::INT.or(Tags::RANGE));
        alternatives.add(at_register(if may { Ok(()) } else { cannot(sequences) }, index));
    }
    if ty.tags.meets(Tags::DICT) {
        alternatives.add(at_register(key(by), index));
    }
    let named = ty.tags.and(Tags::MODULE.or(Tags::INSTANCE));
    if !named.is_empty() {
        alternatives.add(at_register(if by.tags.meets(Tags::STR) { Ok(()) } else { cannot(named) }, index));
    }
    let others = ty.tags.without(SEQUENCES.or(Tags::DICT).or(Tags::MODULE).or(Tags::INSTANCE));
    alternatives.add_rest(others, |found| at_register(cannot(found), object));
    alternatives.outcome()
}

fn set_index<E: TypeEnv>(env: &mut E, object: Reg, index: Reg) -> Outcome {
    let (ty, by) = (operand(env, object), operand(env, index));
    if ty.is_never() || by.is_never() {
        return Ok(());
    }
    let mut alternatives = Alternatives::default();
    if ty.tags.meets(Tags::LIST) {
        let cause = Cause::CannotIndex { object: Tags::LIST, index: by.tags };
        alternatives.add(at_register(if by.tags.meets(Tags::INT) { Ok(()) } else { fails(cause) }, index));
    }
    if ty.tags.meets(Tags::DICT) {
        alternatives.add(at_register(key(by), index));
    }
    if ty.tags.meets(Tags::INSTANCE) && by.tags.meets(Tags::STR) {
        alternatives.add(Ok(()));
    }
    alternatives.add_rest(ty.tags.without(Tags::LIST.or(Tags::DICT)), |found| {
        at_register(fails(Cause::CannotAssign { object: found }), object)
    });
    alternatives.outcome()
}

/// Whether a dict may have an entry of this name: it may if it has any string for a key.
fn may_have_entry<E: TypeEnv>(env: &mut E, dict: Type) -> bool {
    slot(env, dict, Slot::Key).tags.meets(Tags::STR)
}

/// `value.name`.
fn member<E: TypeEnv>(env: &mut E, ty: Type, name: Name) -> Outcome {
    let text = StrId(name.0);
    let missing = |owner: Owner| fails(Cause::Member { owner, name: text });
    let mut alternatives = Alternatives::default();
    if ty.tags.meets(Tags::RANGE) {
        let is_bound = matches!(env.program().strings.get(text), Some("start" | "end"));
        alternatives.add(if is_bound { Ok(()) } else { missing(Owner::Kind(Tags::RANGE)) });
    }
    if ty.tags.meets(Tags::DICT) {
        let may = may_have_entry(env, ty);
        alternatives.add(if may { Ok(()) } else { missing(Owner::Kind(Tags::DICT)) });
    }
    each_identity(env, ty, &mut alternatives, |env, id| match id {
        IdKind::Instance(def) => {
            let has = has_field(env, def, name) || env.index().method(def, name).is_some();
            if has { Ok(()) } else { missing(Owner::Instance(def)) }
        }
        IdKind::Struct(def) => match env.index().method(def, name) {
            Some(_) => Ok(()),
            None => missing(Owner::Struct(def)),
        },
        IdKind::Module(module) => match env.index().export(env.program(), module.0, name) {
            Some(_) => Ok(()),
            None => missing(Owner::Module(module)),
        },
        IdKind::Function(_) | IdKind::Builtin(_) => Ok(()),
    });
    let others = ty.tags.without(Tags::RANGE.or(Tags::DICT).or(NAMED));
    alternatives.add_rest(others, |found| missing(Owner::Kind(found)));
    alternatives.outcome()
}

/// What has members of its own that the program defines.
const NAMED: Tags = Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE);

/// Asks about each thing with members that a value may be.
fn each_identity<E: TypeEnv>(
    env: &mut E,
    ty: Type,
    alternatives: &mut Alternatives,
    mut ask: impl FnMut(&mut E, IdKind) -> Outcome,
) {
    if !ty.tags.meets(NAMED) {
        return;
    }
    let mut any = false;
    let mut members = Members::of(ty.ids);
    while ty.ids != IdSet::TOP
        && let Some(id) = members.next(env)
    {
        let tag = match id {
            IdKind::Instance(_) => Tags::INSTANCE,
            IdKind::Struct(_) => Tags::STRUCT,
            IdKind::Module(_) => Tags::MODULE,
            IdKind::Function(_) | IdKind::Builtin(_) => continue,
        };
        if ty.tags.meets(tag) {
            any = true;
            let outcome = ask(env, id);
            alternatives.add(outcome);
        }
    }
    if !any {
        alternatives.add(Ok(()));
    }
}

/// Whether instances of a struct may have a field of this name. One that nothing is ever assigned to is none.
fn has_field<E: TypeEnv>(env: &mut E, def: StructId, name: Name) -> bool {
    !field(env, def, name).is_never()
}

fn field<E: TypeEnv>(env: &mut E, def: StructId, name: Name) -> Type {
    let slot = env.index().field(def, name).unwrap_or(SIDE_FIELDS);
    env.read(Place::Field(def, slot))
}

/// The registers of a call's arguments.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub first: Reg,
    pub count: u16,
}

impl Arguments {
    pub fn register(self, index: u16) -> Reg {
        Reg(self.first.0.saturating_add(index))
    }
}

pub(super) fn call_function<E: TypeEnv>(env: &E, func: FuncId, given: u16) -> Outcome {
    match env.program().functions.get(func.index()) {
        Some(function) if !function.takes(given) => fails(Cause::Arity { callee: Callee::Function(func), given }),
        _ => Ok(()),
    }
}

fn call_value<E: TypeEnv>(env: &mut E, callee: Type, args: Arguments) -> Outcome {
    let mut alternatives = Alternatives::default();
    if callee.tags.meets(Tags::CALLABLE) {
        let mut any = false;
        let mut members = Members::of(callee.ids);
        while callee.ids != IdSet::TOP
            && let Some(id) = members.next(env)
        {
            let outcome = match id {
                IdKind::Function(func) if callee.tags.meets(Tags::FUNCTION) => call_function(env, func, args.count),
                IdKind::Builtin(builtin) if callee.tags.meets(Tags::FUNCTION) => match env.index().builtin(builtin) {
                    Some(spec) => call_builtin(env, spec, args),
                    None => Ok(()),
                },
                IdKind::Struct(def) if callee.tags.meets(Tags::STRUCT) => instantiate(env, def, args.count),
                _ => continue,
            };
            any = true;
            alternatives.add(outcome);
        }
        if !any {
            alternatives.add(Ok(()));
        }
    }
    alternatives.add_rest(callee.tags.without(Tags::CALLABLE), |found| fails(Cause::NotCallable { found }));
    alternatives.outcome()
}

pub(super) fn instantiate<E: TypeEnv>(env: &E, def: StructId, given: u16) -> Outcome {
    match env.index().init(def) {
        // The instance is passed in any case.
        Some(init) => call_function(env, init.func, given.saturating_add(1)),
        None if given == 0 => Ok(()),
        None => fails(Cause::Arity { callee: Callee::Struct(def), given }),
    }
}

fn call_builtin<E: TypeEnv>(env: &mut E, spec: &'static BuiltinSpec, args: Arguments) -> Outcome {
    arguments(env, spec.name, spec.required, spec.takes, args)
}

fn call_built_in_method<E: TypeEnv>(env: &mut E, spec: &'static MethodSpec, args: Arguments) -> Outcome {
    arguments(env, spec.name, spec.required, spec.takes, args)
}

/// Whether a built-in takes as many arguments of these types.
fn arguments<E: TypeEnv>(
    env: &mut E,
    name: &'static str,
    required: usize,
    takes: &'static [Takes],
    args: Arguments,
) -> Outcome {
    let count = usize::from(args.count);
    if count < required || count > takes.len() {
        let callee = Callee::BuiltIn { name, required: required as u16, most: takes.len() as u16 };
        return fails(Cause::Arity { callee, given: args.count });
    }
    for (position, takes) in (0..args.count).zip(takes) {
        let register = args.register(position);
        let found = operand(env, register);
        if !found.is_never() && !found.tags.meets(takes.tags) {
            let cause = Cause::Argument { refusal: takes.refusal, found: found.tags, position };
            return at_register(fails(cause), register);
        }
    }
    Ok(())
}

/// Whether there is anything that a call of the method could call.
fn find_method<E: TypeEnv>(env: &mut E, receiver: Type, name: Name) -> Outcome {
    let text = StrId(name.0);
    let found = |is_there: bool, cause: Cause| if is_there { Ok(()) } else { fails(cause) };
    let missing = |owner: Owner| Cause::Method { owner, name: text };
    let mut alternatives = Alternatives::default();
    for (tag, kind) in Receiver::ALL {
        if receiver.tags.meets(tag) {
            let has_entry = tag == Tags::DICT && may_have_entry(env, receiver);
            let is_there = has_entry || env.index().builtin_method(kind, name).is_some();
            alternatives.add(found(is_there, missing(Owner::Kind(tag))));
        }
    }
    each_identity(env, receiver, &mut alternatives, |env, id| match id {
        IdKind::Instance(def) => {
            let is_there = env.index().method(def, name).is_some() || !field(env, def, name).is_never();
            found(is_there, missing(Owner::Instance(def)))
        }
        IdKind::Struct(def) => {
            found(env.index().method(def, name).is_some(), Cause::Member { owner: Owner::Struct(def), name: text })
        }
        IdKind::Module(module) => {
            let is_there = env.index().export(env.program(), module.0, name).is_some();
            found(is_there, Cause::Member { owner: Owner::Module(module), name: text })
        }
        IdKind::Function(_) | IdKind::Builtin(_) => Ok(()),
    });
    let others = receiver.tags.without(NAMED.or(Receiver::TAGS));
    alternatives.add_rest(others, |found| fails(missing(Owner::Kind(found))));
    alternatives.outcome()
}

fn call_method<E: TypeEnv>(env: &mut E, receiver: Type, name: Name, args: Arguments) -> Outcome {
    let text = StrId(name.0);
    let missing = |owner: Owner| fails(Cause::Method { owner, name: text });
    let mut alternatives = Alternatives::default();
    for (tag, kind) in Receiver::ALL {
        if !receiver.tags.meets(tag) {
            continue;
        }
        alternatives.add(match env.index().builtin_method(kind, name) {
            Some(row) => call_built_in_method(env, &METHODS[row], args),
            None if tag == Tags::DICT && may_have_entry(env, receiver) => {
                let found = slot(env, receiver, Slot::Value).tags;
                fails(Cause::Entry { name: text, found })
            }
            None => missing(Owner::Kind(tag)),
        });
        if tag == Tags::DICT && may_have_entry(env, receiver) {
            // An entry comes before a method.
            let entry = slot(env, receiver, Slot::Value);
            if entry.tags.meets(Tags::CALLABLE) {
                alternatives.add(Ok(()));
            }
        }
    }
    each_identity(env, receiver, &mut alternatives, |env, id| match id {
        IdKind::Instance(def) => {
            let value = field(env, def, name);
            let mut alternatives = Alternatives::default();
            // A field comes before a method, and so does what is said of it.
            if !value.is_never() {
                alternatives.add(call_value(env, value, args));
            }
            match env.index().method(def, name) {
                Some(method) => {
                    let given = args.count.saturating_add(u16::from(method.takes_self));
                    alternatives.add(call_function(env, method.func, given));
                }
                None => alternatives.add(missing(Owner::Instance(def))),
            }
            alternatives.outcome()
        }
        IdKind::Struct(def) => match env.index().method(def, name) {
            Some(method) => call_function(env, method.func, args.count),
            None => fails(Cause::Member { owner: Owner::Struct(def), name: text }),
        },
        IdKind::Module(module) => match env.index().export(env.program(), module.0, name) {
            Some(ModuleEntry::Global(global)) => {
                let value = env.read(Place::Global(global));
                if value.is_never() { Ok(()) } else { call_value(env, value, args) }
            }
            Some(ModuleEntry::Builtin(spec)) => call_builtin(env, spec, args),
            None => fails(Cause::Member { owner: Owner::Module(module), name: text }),
        },
        IdKind::Function(_) | IdKind::Builtin(_) => Ok(()),
    });
    let others = receiver.tags.without(NAMED.or(Receiver::TAGS));
    alternatives.add_rest(others, |found| missing(Owner::Kind(found)));
    alternatives.outcome()
}
