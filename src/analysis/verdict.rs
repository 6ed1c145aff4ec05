//! The rules of verdicts: what keeps a region from being compiled, and what an instruction needs to know about its
//! operands to be compiled without a guard. One table for both programs: the first change here after a release raises
//! [`VERDICT_RULES_VERSION`](crate::bytecode::VERDICT_RULES_VERSION).
//!
//! | instruction | needs |
//! |---|---|
//! | arithmetic, ordering | each operand of one kind; an int for bits |
//! | `for` over a range | int bounds |
//! | `for` over a value | a value of one kind |
//! | index, slice | an object of one kind; an int or a range as index of a list, string or tuple |
//! | member, method call | an object of one kind |
//! | anything else | nothing: it works on any value through the run time |
//!
//! A region all of whose needs are met is *proven*. What is not met becomes a condition that names the value's source.

use crate::bytecode::methods::METHODS;
use crate::bytecode::op::shape::{Operator, Source, any_binary, any_compare_jump, any_comparison};
use crate::bytecode::op::window::{MethodCall, Range};
use crate::bytecode::types::{Tags, Type};
use crate::bytecode::{FuncId, Op, Reg};
use crate::facts::rules::{TypeEnv, constant_type};

use super::infer::Replay;

/// A need that is not met: the register, and what it would have to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unmet {
    pub register: Reg,
    /// Kinds of value, any of which will do.
    pub wanted: Tags,
}

/// The first of the kinds that `tags` allows, in the order in which programs use them.
fn likeliest(tags: Tags, preferred: &[Tags]) -> Tags {
    preferred.iter().copied().find(|&kind| tags.meets(kind)).unwrap_or(preferred[0])
}

/// The one kind of a type, if a condition may ask for it.
fn kind_of(ty: Type) -> Option<Tags> {
    const ASKED: Tags = Tags::NUMBER
        .or(Tags::STR)
        .or(Tags::LIST)
        .or(Tags::DICT)
        .or(Tags::TUPLE)
        .or(Tags::RANGE)
        .or(Tags::INSTANCE)
        .or(Tags::BOOL);
    (ty.is_single() && ty.tags.within(ASKED)).then_some(ty.tags)
}

/// The needs of `op` that the types before it do not meet; at most two.
pub fn unmet(types: &mut Replay<'_>, func: FuncId, op: Op) -> [Option<Unmet>; 2] {
    use Op::*;
    let need = |holds: bool, register: Reg, wanted: Tags| (!holds).then_some(Unmet { register, wanted });
    match op {
        any_binary!() => op.as_binary().map_or([None, None], |binary| match binary.operator.is_bitwise() {
            true => [binary.left, binary.right].map(|source| {
                let operand = source.register()?;
                need(types.get(operand) == Type::INT, operand, Tags::INT)
            }),
            false => operands(types, Some(binary.operator), binary.left, binary.right),
        }),
        any_comparison!() => (op.as_comparison().filter(|comparison| comparison.test.is_ordering()))
            .map_or([None, None], |comparison| two_operands(types, None, comparison.left, comparison.right)),
        any_compare_jump!() => (op.as_compare_jump().filter(|jump| jump.test.is_ordering()))
            .map_or([None, None], |jump| operands(types, None, jump.left.into(), jump.right)),
        BitNot { a, .. } => [need(types.get(a) == Type::INT, a, Tags::INT), None],
        Neg { a, .. } => {
            let ty = types.get(a);
            [need(ty.is_single(), a, likeliest(ty.tags, &[Tags::INT, Tags::FLOAT])), None]
        }
        ForPrep { base, .. } => [Range::COUNTER, Range::END]
            .map(|at| base.above(at))
            .map(|bound| need(types.get(bound) == Type::INT, bound, Tags::INT)),
        IterPrep { base, .. } | IterPrep2 { base, .. } => {
            let ty = types.get(base);
            let kinds = [Tags::LIST, Tags::DICT, Tags::RANGE, Tags::STR, Tags::TUPLE, Tags::INSTANCE];
            [need(ty.is_single(), base, likeliest(ty.tags, &kinds)), None]
        }
        Unpack { src, .. } => {
            let ty = types.get(src);
            [need(ty.is_single(), src, likeliest(ty.tags, &[Tags::TUPLE, Tags::LIST, Tags::STR])), None]
        }
        GetIndex { object, index, .. } | SetIndex { object, index, .. } => {
            let (ty, key) = (types.get(object), types.get(index));
            let kinds = match key.tags {
                Tags::STR => [Tags::DICT, Tags::INSTANCE, Tags::LIST, Tags::STR],
                _ => [Tags::LIST, Tags::DICT, Tags::STR, Tags::TUPLE],
            };
            let keyed = ty.tags == Tags::DICT || !ty.is_single();
            [
                need(ty.is_single(), object, likeliest(ty.tags, &kinds)),
                need(keyed || key.is_single(), index, likeliest(key.tags, &[Tags::INT, Tags::RANGE])),
            ]
        }
        GetMember { object, .. }
        | SetMember { object, .. }
        | GetMemberNamed { object, .. }
        | SetMemberNamed { object, .. } => {
            let ty = types.get(object);
            [need(ty.is_single(), object, likeliest(ty.tags, &[Tags::INSTANCE, Tags::DICT])), None]
        }
        CallMethod { base, site, argc } | TailCallMethod { base, site, argc } => {
            let receiver = base.above(MethodCall::RECEIVER);
            let ty = types.get(receiver);
            if ty.is_single() {
                return [None, None];
            }
            let program = types.solution().program();
            let sites = program.functions[func.index()].sites.range();
            let name = program.sites.get(sites).and_then(|sites| program.strings.get(*sites.get(site.index())?));
            let wanted = name.map_or(Tags::INSTANCE, |name| receivers(types, ty, name, argc));
            [Some(Unmet { register: receiver, wanted }), None]
        }
        // Equality, truth, copies, texts, allocation and calls work on any value.
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

/// What a value may be that a method of this name is called on with so many arguments: the kinds that have it, of those
/// that the value may be.
fn receivers(types: &Replay<'_>, ty: Type, name: &str, argc: u16) -> Tags {
    let count = usize::from(argc);
    let mut tags = Tags::NONE;
    for method in METHODS.iter().filter(|method| method.name == name) {
        if (method.required..=method.params.len()).contains(&count) {
            tags = tags.or(method.receiver.tag());
        }
    }
    let program = types.solution().program();
    let is_called_so = |id| program.strings.get(id) == Some(name);
    let has_it = program.structs.iter().flat_map(|def| &def.methods).any(|method| is_called_so(method.name));
    let tags = if has_it { tags.or(Tags::INSTANCE) } else { tags }.and(ty.tags);
    if tags.is_empty() { Tags::INSTANCE } else { tags }
}

/// The needs of an operation on numbers, of which one may be a constant.
fn operands(types: &mut Replay<'_>, operator: Option<Operator>, left: Source, right: Source) -> [Option<Unmet>; 2] {
    let (register, k) = match (left, right) {
        (Source::Register(a), Source::Register(b)) => return two_operands(types, operator, a, b),
        (Source::Register(register), Source::Constant(k)) | (Source::Constant(k), Source::Register(register)) => {
            (register, k)
        }
        (Source::Constant(_), Source::Constant(_)) => return [None, None],
    };
    let ty = types.get(register);
    let wanted = kind_of(constant_type(types.program().constants.get(usize::from(k.0))));
    let wanted = wanted.filter(|&wanted| ty.tags.meets(wanted));
    let wanted = wanted.unwrap_or_else(|| likeliest(ty.tags, &[Tags::INT, Tags::FLOAT]));
    [(!ty.is_single()).then_some(Unmet { register, wanted }), None]
}

/// Each operand must be of one kind; what is not should be of the other's. What repeats a list or a string is an int.
fn two_operands(types: &mut Replay<'_>, operator: Option<Operator>, a: Reg, b: Reg) -> [Option<Unmet>; 2] {
    let (left, right) = (types.get(a), types.get(b));
    let wanted = |own: Type, other: Type| {
        let is_repeated = other.tags.within(Tags::LIST.or(Tags::STR)) && !other.is_never();
        if operator == Some(Operator::Mul) && is_repeated && own.tags.meets(Tags::INT) {
            return Tags::INT;
        }
        let like_other = kind_of(other).filter(|&wanted| own.tags.meets(wanted));
        like_other.unwrap_or_else(|| likeliest(own.tags, &[Tags::INT, Tags::FLOAT, Tags::STR]))
    };
    let one = |register: Reg, own: Type, other: Type| {
        (!own.is_single()).then(|| Unmet { register, wanted: wanted(own, other) })
    };
    let second = if a == b { None } else { one(b, right, left) };
    [one(a, left, right), second]
}
