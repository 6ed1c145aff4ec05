//! The rules of verdicts: what keeps a region from being compiled, and what an instruction needs to know about its
//! operands to be compiled without a guard. One table for both programs: the first change here after a release raises
//! [`VERDICT_RULES_VERSION`](crate::bytecode::VERDICT_RULES_VERSION).
//!
//! | instruction | needs |
//! |---|---|
//! | arithmetic | each operand of one kind; beside a float, a number of either kind |
//! | ordering | each operand of one kind |
//! | `for` over a value | a value of one kind |
//! | index, slice | an object of one kind; of a list, string or tuple, an index of one kind |
//! | member, method call | an object of one kind |
//! | anything else | nothing: it works on any value through the run time |
//!
//! Of the kinds that an operand may be only those count with which the instruction can succeed: with `void` in a field
//! that is read the next moment, the program has failed, and native code makes one cheap test. So a need is open only
//! if a value may be of several kinds that all go on. In a `try` of the same function what fails goes on at the
//! `catch`, so there all kinds count.
//!
//! A region all of whose needs are met is *proven*. What is open becomes a condition that names the value's source.

use crate::bytecode::methods::METHODS;
use crate::bytecode::op::shape::{Source, any_binary, any_compare_jump, any_comparison};
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::types::{IdSet, Tags, Type};
use crate::bytecode::{FuncId, Op, Reg, StrId, StructId};
use crate::facts::rules::{Name, Place, SIDE_FIELDS, TypeEnv, able_kinds, constant_type};

use super::infer::TypeCursor;

/// A need that is not met: the register, and what it may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unmet {
    pub register: Reg,
    /// Kinds of value, any of which will do; those that a condition names.
    pub wanted: Tags,
    /// All kinds that it may be, those with which the instruction fails included.
    pub found: Tags,
}

/// The needs of `op` that the types before it do not meet; at most two. Where a failure `is_caught` in the function,
/// what fails goes on, too.
pub fn unmet(types: &mut TypeCursor<'_>, func: FuncId, op: Op, is_caught: bool) -> [Option<Unmet>; 2] {
    let [a, b] = operands(types, op);
    let mut unmet = |register: Reg| {
        let ty = types.get(register);
        // Nearly all are of one kind.
        if ty.is_single() { None } else { unmet_of(types, func, op, is_caught, register, ty) }
    };
    [a.and_then(&mut unmet), b.and_then(&mut unmet)]
}

/// The same of one operand, which may be of several kinds.
fn unmet_of(
    types: &mut TypeCursor<'_>,
    func: FuncId,
    op: Op,
    is_caught: bool,
    register: Reg,
    ty: Type,
) -> Option<Unmet> {
    let able = able_kinds(types, op, register);
    let able = without_strangers(types, func, op, ty, able);
    if able.is_empty() || able.is_single() && !is_caught {
        return None;
    }
    // It is converted, which has a native form for either kind, and the result is a float in any case.
    let goes_on = if is_caught { ty.tags } else { ty.tags.without(Tags::VOID) };
    if goes_on.within(Tags::NUMBER) && is_beside_float(types, op, register) {
        return None;
    }
    let likely = able.and(likely_kinds(op));
    let wanted = if likely.is_empty() { able } else { likely };
    Some(Unmet { register, wanted, found: ty.tags })
}

/// Whether the other operand of arithmetic is a float.
fn is_beside_float(types: &mut TypeCursor<'_>, op: Op, register: Reg) -> bool {
    let Some(binary) = op.as_binary() else { return false };
    let other = if binary.left.register() == Some(register) { binary.right } else { binary.left };
    let other = match other {
        Source::Register(other) => types.get(other),
        Source::Constant(k) => constant_type(types.program().constants.get(usize::from(k.0))),
    };
    other == Type::FLOAT && !binary.operator.is_bitwise()
}

/// The kinds that are worth naming in a condition.
fn likely_kinds(op: Op) -> Tags {
    use Op::*;
    match op {
        GetMember { .. } | SetMember { .. } | GetMemberNamed { .. } | SetMemberNamed { .. } => {
            Tags::INSTANCE.or(Tags::DICT).or(Tags::RANGE)
        }
        CallMethod { .. } | TailCallMethod { .. } => Tags::VISIBLE.without(Tags::STRUCT.or(Tags::MODULE)),
        _ => Tags::VISIBLE.without(Tags::MODULE),
    }
}

/// Of what an operand may be, less the kinds that cannot be meant in this program: where it is not known which struct,
/// instance or module it is, it is still one that has got to unknown code, and has the member that is asked for.
fn without_strangers(types: &mut TypeCursor<'_>, func: FuncId, op: Op, ty: Type, able: Tags) -> Tags {
    let name = match op {
        Op::GetMember { site, .. } | Op::CallMethod { site, .. } | Op::TailCallMethod { site, .. } => {
            types.index().site_name(types.program(), func, site)
        }
        _ => None,
    };
    let mut able = able;
    if let (Op::CallMethod { argc, .. } | Op::TailCallMethod { argc, .. }, Some(name)) = (op, name) {
        // A dict may have an entry of that name, and a struct anything.
        let others = Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE).or(Tags::DICT);
        able = able.and(built_in_receivers(types, name, argc.into()).or(others));
    }
    if ty.ids != IdSet::TOP || !able.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
        return able;
    }
    let solution = types.solution();
    let escaped = |all: &[bool]| (0..).zip(all).filter(|(_, is)| **is).map(|(index, _)| index).collect::<Vec<u32>>();
    let escapes = &solution.places.escapes;
    let instances = escaped(&escapes.instances);
    let is_named =
        |types: &TypeCursor<'_>, def: u32| name.is_none_or(|name| types.index().method(StructId(def), name).is_some());
    let may_be_instance = match op {
        Op::IterPrep { .. } | Op::IterPrep2 { .. } => instances
            .iter()
            .any(|&def| types.index().iter(StructId(def)).is_some() || types.index().next(StructId(def)).is_some()),
        _ => instances
            .iter()
            .any(|&def| is_named(types, def) || name.is_some_and(|name| may_have_field(types, StructId(def), name))),
    };
    if !may_be_instance {
        able = able.without(Tags::INSTANCE);
    }
    if !escaped(&escapes.structs).iter().any(|&def| is_named(types, def)) {
        able = able.without(Tags::STRUCT);
    }
    let exports = |types: &TypeCursor<'_>, module: u32| {
        name.is_none_or(|name| types.index().export(types.program(), module, name).is_some())
    };
    if !escaped(&escapes.modules).iter().any(|&module| exports(types, module)) {
        able = able.without(Tags::MODULE);
    }
    able
}

/// The kinds of value that have a built-in method of this name for so many arguments.
fn built_in_receivers(types: &TypeCursor<'_>, name: Name, argc: usize) -> Tags {
    let text = types.program().strings.get(StrId(name.0)).unwrap_or("");
    let own = METHODS.iter().filter(|method| method.name == text && method.fits(argc));
    own.fold(Tags::NONE, |all, method| all.or(method.receiver.tag()))
}

/// Whether anything is ever assigned to a field of this name.
fn may_have_field(types: &mut TypeCursor<'_>, def: StructId, name: Name) -> bool {
    let field = types.index().field(def, name);
    let mut is_assigned = |field: u32| !types.read(Place::Field(def, field)).is_never();
    field.is_some_and(&mut is_assigned) || is_assigned(SIDE_FIELDS)
}

/// The operands whose kinds decide about an instruction.
fn operands(types: &mut TypeCursor<'_>, op: Op) -> [Option<Reg>; 2] {
    use Op::*;
    let two = |a: Option<Reg>, b: Option<Reg>| if a == b { [a, None] } else { [a, b] };
    match op {
        any_binary!() => match op.as_binary() {
            Some(binary) => two(binary.left.register(), binary.right.register()),
            None => [None, None],
        },
        any_comparison!() => match op.as_comparison() {
            Some(comparison) if comparison.test.is_ordering() => two(Some(comparison.left), Some(comparison.right)),
            _ => [None, None],
        },
        any_compare_jump!() => match op.as_compare_jump() {
            Some(jump) if jump.test.is_ordering() => two(Some(jump.left), jump.right.register()),
            _ => [None, None],
        },
        Neg { a, .. } | BitNot { a, .. } => [Some(a), None],
        IterPrep { base, .. } | IterPrep2 { base, .. } => [Some(base), None],
        Unpack { src, .. } => [Some(src), None],
        GetIndex { object, index, .. } | SetIndex { object, index, .. } => {
            // Of a dict, any key is as good.
            let is_keyed = types.get(object).tags == Tags::DICT || !types.get(object).is_single();
            [Some(object), (!is_keyed).then_some(index)]
        }
        GetMember { object, .. }
        | SetMember { object, .. }
        | GetMemberNamed { object, .. }
        | SetMemberNamed { object, .. } => [Some(object), None],
        CallMethod { base, .. } | TailCallMethod { base, .. } => [Some(base.above(MethodCall::RECEIVER)), None],
        // Equality, truth, copies, texts, allocation and calls work on any value, and a range is one of ints.
        Move { .. }
        | LoadInt { .. }
        | LoadConst { .. }
        | LoadVoid { .. }
        | LoadAbsent { .. }
        // The call that follows needs what this needs.
        | FindMethod { .. }
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
        | Contains { .. }
        | JumpIfType { .. }
        | JumpIfNotType { .. }
        | ForPrep { .. }
        | ForLoop { .. }
        | IterNext { .. }
        | IterNext2 { .. }
        | MakeList { .. }
        | ListAppend { .. }
        | MakeTuple { .. }
        | TupleFromList { .. }
        | MakeDict { .. }
        | DictInsert { .. }
        | MakeRange { .. }
        | Concat { .. }
        | Print { .. }
        | Call { .. }
        | CallFn { .. }
        | CallBuiltin { .. }
        | New { .. }
        | TailCall { .. }
        | TailCallFn { .. }
        | Return { .. }
        | ReturnVoid {}
        | Throw { .. }
        | InitModule { .. }
        | StartTask {}
        | Await { .. } => [None, None],
    }
}
