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
    pub wanted: Wanted,
}

/// The kind of value that a condition asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wanted {
    Int,
    Float,
    Str,
    List,
    Dict,
    Tuple,
    Range,
    Instance,
    Bool,
    /// One of several kinds, any of which will do.
    OneOf(Tags),
}

impl Wanted {
    pub fn name(self) -> String {
        let name = match self {
            Wanted::Int => "int",
            Wanted::Float => "float",
            Wanted::Str => "string",
            Wanted::List => "list",
            Wanted::Dict => "dict",
            Wanted::Tuple => "tuple",
            Wanted::Range => "range",
            Wanted::Instance => "struct instance",
            Wanted::Bool => "bool",
            Wanted::OneOf(tags) => return tags.names().collect::<Vec<_>>().join(" or "),
        };
        name.to_owned()
    }

    /// The first of the kinds that `tags` allows, in the order in which programs use them.
    fn likeliest(tags: Tags, preferred: &[Wanted]) -> Wanted {
        preferred.iter().copied().find(|wanted| tags.meets(wanted.kinds())).unwrap_or(preferred[0])
    }

    /// The kinds of value that satisfy it.
    pub fn kinds(self) -> Tags {
        match self {
            Wanted::Int => Tags::INT,
            Wanted::Float => Tags::FLOAT,
            Wanted::Str => Tags::STR,
            Wanted::List => Tags::LIST,
            Wanted::Dict => Tags::DICT,
            Wanted::Tuple => Tags::TUPLE,
            Wanted::Range => Tags::RANGE,
            Wanted::Instance => Tags::INSTANCE,
            Wanted::Bool => Tags::BOOL,
            Wanted::OneOf(tags) => tags,
        }
    }

    fn of(ty: Type) -> Option<Wanted> {
        const ALL: [Wanted; 9] = [
            Wanted::Int,
            Wanted::Float,
            Wanted::Str,
            Wanted::List,
            Wanted::Dict,
            Wanted::Tuple,
            Wanted::Range,
            Wanted::Instance,
            Wanted::Bool,
        ];
        ALL.into_iter().find(|wanted| ty.tags == wanted.kinds())
    }
}

/// The needs of `op` that the types before it do not meet; at most two.
pub fn unmet(types: &mut Replay<'_>, func: FuncId, op: Op) -> [Option<Unmet>; 2] {
    use Op::*;
    let need = |holds: bool, register: Reg, wanted: Wanted| (!holds).then_some(Unmet { register, wanted });
    match op {
        any_binary!() => op.as_binary().map_or([None, None], |binary| match binary.operator.is_bitwise() {
            true => [binary.left, binary.right].map(|source| {
                let operand = source.register()?;
                need(types.get(operand) == Type::INT, operand, Wanted::Int)
            }),
            false => operands(types, Some(binary.operator), binary.left, binary.right),
        }),
        any_comparison!() => (op.as_comparison().filter(|comparison| comparison.test.is_ordering()))
            .map_or([None, None], |comparison| two_operands(types, None, comparison.left, comparison.right)),
        any_compare_jump!() => (op.as_compare_jump().filter(|jump| jump.test.is_ordering()))
            .map_or([None, None], |jump| operands(types, None, jump.left.into(), jump.right)),
        BitNot { a, .. } => [need(types.get(a) == Type::INT, a, Wanted::Int), None],
        Neg { a, .. } => {
            let ty = types.get(a);
            [need(ty.is_single(), a, Wanted::likeliest(ty.tags, &[Wanted::Int, Wanted::Float])), None]
        }
        ForPrep { base, .. } => [Range::COUNTER, Range::END]
            .map(|at| base.above(at))
            .map(|bound| need(types.get(bound) == Type::INT, bound, Wanted::Int)),
        IterPrep { base, .. } | IterPrep2 { base, .. } => {
            let ty = types.get(base);
            let kinds = [Wanted::List, Wanted::Dict, Wanted::Range, Wanted::Str, Wanted::Tuple, Wanted::Instance];
            [need(ty.is_single(), base, Wanted::likeliest(ty.tags, &kinds)), None]
        }
        Unpack { src, .. } => {
            let ty = types.get(src);
            [need(ty.is_single(), src, Wanted::likeliest(ty.tags, &[Wanted::Tuple, Wanted::List, Wanted::Str])), None]
        }
        GetIndex { object, index, .. } | SetIndex { object, index, .. } => {
            let (ty, key) = (types.get(object), types.get(index));
            let kinds = match key.tags {
                Tags::STR => [Wanted::Dict, Wanted::Instance, Wanted::List, Wanted::Str],
                _ => [Wanted::List, Wanted::Dict, Wanted::Str, Wanted::Tuple],
            };
            let keyed = ty.tags == Tags::DICT || !ty.is_single();
            [
                need(ty.is_single(), object, Wanted::likeliest(ty.tags, &kinds)),
                need(keyed || key.is_single(), index, Wanted::likeliest(key.tags, &[Wanted::Int, Wanted::Range])),
            ]
        }
        GetMember { object, .. }
        | SetMember { object, .. }
        | GetMemberNamed { object, .. }
        | SetMemberNamed { object, .. } => {
            let ty = types.get(object);
            [need(ty.is_single(), object, Wanted::likeliest(ty.tags, &[Wanted::Instance, Wanted::Dict])), None]
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
            let wanted = name.map_or(Wanted::Instance, |name| receivers(types, ty, name, argc));
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
fn receivers(types: &Replay<'_>, ty: Type, name: &str, argc: u16) -> Wanted {
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
    if tags.is_empty() { Wanted::Instance } else { Wanted::OneOf(tags) }
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
    let wanted = Wanted::of(constant_type(types.program().constants.get(usize::from(k.0))));
    let wanted = wanted.filter(|wanted| ty.tags.meets(wanted.kinds()));
    let wanted = wanted.unwrap_or_else(|| Wanted::likeliest(ty.tags, &[Wanted::Int, Wanted::Float]));
    [(!ty.is_single()).then_some(Unmet { register, wanted }), None]
}

/// Each operand must be of one kind; what is not should be of the other's. What repeats a list or a string is an int.
fn two_operands(types: &mut Replay<'_>, operator: Option<Operator>, a: Reg, b: Reg) -> [Option<Unmet>; 2] {
    let (left, right) = (types.get(a), types.get(b));
    let wanted = |own: Type, other: Type| {
        let is_repeated = other.tags.within(Tags::LIST.or(Tags::STR)) && !other.is_never();
        if operator == Some(Operator::Mul) && is_repeated && own.tags.meets(Tags::INT) {
            return Wanted::Int;
        }
        let like_other = Wanted::of(other).filter(|wanted| own.tags.meets(wanted.kinds()));
        like_other.unwrap_or_else(|| Wanted::likeliest(own.tags, &[Wanted::Int, Wanted::Float, Wanted::Str]))
    };
    let one = |register: Reg, own: Type, other: Type| {
        (!own.is_single()).then(|| Unmet { register, wanted: wanted(own, other) })
    };
    let second = if a == b { None } else { one(b, right, left) };
    [one(a, left, right), second]
}
