//! The table of native forms: what native code makes of an instruction, by the kinds of its operands.
//!
//! The native tier asks it which instructions the run time executes, and walrusc tells from it what an iteration costs;
//! so neither can promise what the other does not keep. A row that is new in the tier is new here first: an instruction
//! that this table calls a step never gets to the tier's own code, and debug builds stop where the tier steps and the
//! table says that it need not.

mod rows;
mod words;

pub use rows::rows;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::rules::constant_type;
use crate::bytecode::builtins::BuiltinSpec;
use crate::bytecode::methods::{ListLoop, METHODS, MethodEffect, Receiver, find_method};
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::shape::{Operator, Source, Test, any_binary, any_compare_jump, any_comparison};
use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Tags, Type};
use crate::bytecode::{BuiltinId, FuncId, FunctionKind, Method, Op, Program, Reg, ShortConst, StructId};

/// The most structs or functions between which native code chooses.
pub const FEW: usize = 8;
/// Of more functions than this between which native code chooses, only the smallest stand where they are called.
pub const FEW_INLINED: usize = 4;
/// The largest of those, in instructions.
pub const SMALLEST: u32 = 12;
/// The most items of a list literal that native code makes; more are few for what a call of the run time costs.
pub const MOST_ITEMS: u16 = 16;
/// More items of a list that is made only to look for a value in it are for the runtime to compare.
pub const MOST_COMPARED: usize = 8;
/// Largest function to inline, in instructions.
pub const MAX_INLINED: u32 = 80;
/// Calls inlined into one another.
pub const MAX_INLINE_DEPTH: usize = 3;

/// What native code makes of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Instructions of the machine.
    Plain,
    /// A call of one of the tier's helpers, which is given what it needs.
    Helper,
    /// One of the former for what is usually seen; what decides is not the operands' kinds: how a list keeps its items,
    /// whether an instance has fields of its own, how many functions were called.
    Seen,
    /// As [`Form::Seen`], where the types leave open that something else is seen: then the run time executes it.
    Open,
    /// The run time executes it: a step.
    Step,
}

/// An instruction with what is known of its operands: proven, or seen.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    pub program: &'a Program,
    pub op: Op,
    /// What the first of the [`observed`] operands may be, and the second.
    pub a: Tags,
    pub b: Tags,
    /// The name of its site.
    pub name: &'a str,
    /// What is called, if that is a function of the library.
    pub builtin: Option<&'static BuiltinSpec>,
    /// Whether it is certain how the list keeps its items that is accessed or made, as far as types tell; of a method
    /// call, that no instance of the structs has fields beside its layout, one of which might come before the method.
    pub is_regular: bool,
    /// The structs that the first operand may be, or be an instance of; none if that is not known.
    pub structs: Cow<'a, [StructId]>,
    /// The functions that a called value may be, or what a method of lists is given; `None` if that is not known; none
    /// at all if it may be something that is no function of the program.
    pub callees: Option<Cow<'a, [FuncId]>>,
}

/// How many kinds of an operand are told apart at most.
const MOST_KINDS: usize = 4;

/// An operand whose kinds are told apart: see [`Operation::apart`].
#[derive(Debug)]
pub struct Apart {
    /// Whether it is the first of the [`observed`] operands.
    pub is_first: bool,
    pub kinds: SmallVec<[Tags; MOST_KINDS]>,
}

/// An object that an instruction makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The kind of value it is; none if that is not told apart.
    pub kind: Tags,
    /// In a word or two.
    pub what: String,
}

/// Who knows the static types before an instruction: inference on its way through the code, or checked facts.
pub trait StaticTypes<'p> {
    fn program(&self) -> &'p Program;
    fn register(&mut self, reg: Reg) -> Type;
    /// The identities in a set; `None` if any are possible.
    fn identities(&mut self, set: IdSet) -> Option<Vec<Identity>>;
    /// What lists of a class hold.
    fn items(&mut self, class: ClassId) -> Tags;
    /// Whether an instance of the struct may have fields that its layout does not name.
    fn may_have_side_fields(&mut self, def: StructId) -> bool;
    /// The row of a function of the library.
    fn builtin(&self, builtin: BuiltinId) -> Option<&'static BuiltinSpec>;
}

/// What the identities of a value tell beside its kind: see [`Operation::structs`] and [`Operation::callees`].
#[derive(Debug, Default)]
struct Identified {
    structs: Vec<StructId>,
    callees: Option<Vec<FuncId>>,
}

impl Identified {
    fn of(ty: Type, identities: Option<Vec<Identity>>) -> Identified {
        let Some(identities) = identities else { return Identified::default() };
        let (mut structs, mut callees, mut has_others) = (Vec::new(), Vec::new(), ty.tags.meets(Tags::STRUCT));
        for kind in identities.into_iter().filter_map(Identity::unpack) {
            match kind {
                IdKind::Function(func) => callees.push(func),
                IdKind::Struct(def) | IdKind::Instance(def) => structs.push(def),
                IdKind::Builtin(_) => has_others = true,
                IdKind::Module(_) => {}
            }
        }
        if has_others {
            callees.clear();
        }
        Identified { structs, callees: Some(callees) }
    }
}

/// Whether lists of such items all keep them in the same way: numbers and truth values are kept unboxed as long as
/// there is one kind of them.
fn have_one_storage(items: Tags) -> bool {
    items.is_single() || !items.is_empty() && !items.meets(Tags::NUMBER.or(Tags::BOOL))
}

/// The registers that decide about an instruction's form: object and index, receiver and first argument, iterable,
/// callee.
pub fn observed(op: &Op) -> (Option<Reg>, Option<Reg>) {
    use crate::bytecode::op::operand::Kind;
    match *op {
        Op::CallMethod { base, argc, .. } | Op::TailCallMethod { base, argc, .. } => {
            (Some(base.above(MethodCall::RECEIVER)), (argc > 0).then_some(base.above(MethodCall::ARGS)))
        }
        Op::CallBuiltin { base, argc, .. } => {
            let arg = |index| (argc > index).then_some(base.above(Call::ARGS + index));
            (arg(0), arg(1))
        }
        Op::IterPrep { base, .. }
        | Op::IterNext { base, .. }
        | Op::IterPrep2 { base, .. }
        | Op::IterNext2 { base, .. }
        | Op::Call { base, .. }
        | Op::TailCall { base, .. } => (Some(base), None),
        _ => {
            let mut reads = [None; 2];
            let mut count = 0;
            op.for_each_operand(|operand| {
                if operand.kind == Kind::In && count < reads.len() {
                    reads[count] = Some(Reg(operand.value as u16));
                    count += 1;
                }
            });
            (reads[0], reads[1])
        }
    }
}

/// What is gone through without calling anything.
const PLAIN_ITERABLES: Tags = Tags::LIST.or(Tags::TUPLE).or(Tags::DICT).or(Tags::STR).or(Tags::RANGE);

/// Whether an instruction is known to fail if the first of its [`observed`] operands is void, and if the second is. Of
/// others nothing is known, which costs a guard.
pub fn fails_on_void(op: &Op) -> (bool, bool) {
    let both = |is_ordering: bool| (is_ordering, is_ordering);
    match op {
        any_binary!() | Op::Neg { .. } | Op::BitNot { .. } => (true, true),
        any_comparison!() => both(op.as_comparison().is_some_and(|comparison| comparison.test.is_ordering())),
        any_compare_jump!() => both(op.as_compare_jump().is_some_and(|jump| jump.test.is_ordering())),
        Op::GetIndex { .. }
        | Op::SetIndex { .. }
        | Op::GetMember { .. }
        | Op::SetMember { .. }
        | Op::FindMethod { .. }
        | Op::CallMethod { .. }
        | Op::TailCallMethod { .. }
        | Op::IterPrep { .. }
        | Op::IterPrep2 { .. }
        | Op::Unpack { .. } => (true, false),
        _ => (false, false),
    }
}

/// Whether a function may stand where it is called, as far as its code tells: it must not stand in the call chain there
/// already, and have no steps, and no calls that are none of its kind.
pub fn may_be_inlined(program: &Program, func: FuncId) -> bool {
    let Some(function) = program.functions.get(func.index()) else { return false };
    let code = program.code.get(function.code.range()).unwrap_or_default();
    function.kind != FunctionKind::Async
        && function.code.len <= MAX_INLINED
        && code.iter().all(|op| op.info().may_be_inlined)
}

/// Leading instructions of a function at most: they are made anew at each call site, and done twice where the function
/// is called after all.
pub const MAX_LEADING: usize = 24;

/// Whether an instruction may be executed twice without a difference, and at little cost.
pub fn is_leading(op: Op) -> bool {
    let (info, effects) = (op.info(), op.effects());
    let reads =
        matches!(op, Op::GetGlobal { .. } | Op::GetCaptureCell { .. } | Op::GetIndex { .. } | Op::GetMember { .. });
    let computes = info.heap == HeapUse::NONE && (!effects.allocates || op.as_binary().is_some());
    info.may_be_inlined && !effects.calls && (reads || computes) && !matches!(op, Op::Throw { .. })
}

/// Whether a function that does not stand where it is called as a whole may do so in part: some levels of a recursion,
/// or what it does before it returns at once.
pub fn may_be_inlined_in_part(program: &Program, func: FuncId) -> bool {
    let Some(function) = program.functions.get(func.index()) else { return false };
    let code = program.code.get(function.code.range()).unwrap_or_default();
    let mut leading = code.iter().take(MAX_LEADING).take_while(|op| is_leading(**op));
    let returns_at_once = leading.any(|op| matches!(op, Op::Return { .. } | Op::ReturnVoid {}));
    may_be_inlined(program, func) || function.kind != FunctionKind::Async && returns_at_once
}

impl<'p> Operation<'p> {
    /// An instruction of a function, by the static types before it.
    pub fn of(types: &mut impl StaticTypes<'p>, func: FuncId, op: Op) -> Operation<'p> {
        let program = types.program();
        let (first, second) = observed(&op);
        let [a, b] = [first, second].map(|reg| reg.map_or(Type::NEVER, |reg| types.register(reg)));
        let Identified { structs, mut callees } = Identified::of(a, types.identities(a.ids));
        let sites = program.sites.get(program.functions[func.index()].sites.range()).unwrap_or_default();
        let name = op.site().and_then(|site| program.strings.get(*sites.get(site.index())?)).unwrap_or("");
        let builtin = if let Op::CallBuiltin { builtin, .. } = op { types.builtin(builtin) } else { None };
        if let Op::CallMethod { argc, .. } | Op::TailCallMethod { argc, .. } = op
            && a.tags.meets(Tags::LIST)
            && ListLoop::named(name, argc).is_some()
        {
            callees = Identified::of(b, types.identities(b.ids)).callees;
        }
        let is_regular = match op {
            Op::GetIndex { .. } | Op::SetIndex { .. } if a.tags.meets(Tags::LIST) && a != Type::ANY => {
                have_one_storage(types.items(a.class))
            }
            Op::MakeList { base, count, .. } => {
                (0..count).all(|slot| types.register(base.above(slot)).tags.is_single())
            }
            Op::CallMethod { .. } | Op::TailCallMethod { .. } => {
                !structs.iter().any(|&def| types.may_have_side_fields(def))
            }
            _ => true,
        };
        // What drives an iteration lies beside its state.
        let kinds = |ty: Type| if ty == Type::ANY { Tags::ALL } else { ty.tags.without(Tags::ITER) };
        // What void makes fail it does with other kinds only.
        let able = |kinds: Tags, fails: bool| {
            if fails && kinds != Tags::ALL && !kinds.is_single() { kinds.without(Tags::VOID) } else { kinds }
        };
        let (first_fails, second_fails) = fails_on_void(&op);
        Operation {
            program,
            op,
            a: able(kinds(a), first_fails),
            b: able(kinds(b), second_fails),
            name,
            builtin,
            is_regular,
            structs: structs.into(),
            callees: callees.map(Cow::from),
        }
    }
}

impl Operation<'_> {
    /// The table. An operand of several kinds is told apart where it has no form for all of them together.
    pub fn form(&self) -> Form {
        match self.form_of_all() {
            Form::Step => self.apart().map_or(Form::Step, |apart| self.form_of_some(apart)),
            form => form,
        }
    }

    /// The form where kinds are told apart: as open as one of theirs.
    fn form_of_some(&self, Apart { is_first, kinds }: Apart) -> Form {
        let is_open = kinds.into_iter().any(|kind| self.with(is_first, kind).form() == Form::Open);
        if is_open { Form::Open } else { Form::Seen }
    }

    /// Whether a helper serves one of the kinds that are told apart, which [`Operation::form`] does not say.
    pub fn is_helped(&self) -> bool {
        if self.op.as_iteration().is_some() {
            return !self.a.is_single() && self.form() == Form::Seen;
        }
        self.apart().is_some_and(|Apart { is_first, kinds }| {
            kinds.into_iter().any(|kind| {
                let one = self.with(is_first, kind);
                one.form() == Form::Helper || one.is_helped()
            })
        })
    }

    /// As this, with an operand of that kind.
    fn with(&self, is_first: bool, kind: Tags) -> Self {
        let (a, b) = if is_first { (kind, self.b) } else { (self.a, kind) };
        Operation { a, b, ..self.clone() }
    }

    /// The operand whose kinds native code tells apart, as there is a form for each of them, and none for all.
    pub fn apart(&self) -> Option<Apart> {
        if !self.may_be_told_apart() || self.form_of_all() != Form::Step {
            return None;
        }
        [(true, self.a), (false, self.b)].into_iter().find_map(|(is_first, kinds)| {
            let each: SmallVec<[Tags; MOST_KINDS]> = kinds.each().take(MOST_KINDS + 1).collect();
            let is_few = (2..=MOST_KINDS).contains(&each.len());
            (is_few && each.iter().all(|&kind| self.with(is_first, kind).form() != Form::Step))
                .then_some(Apart { is_first, kinds: each })
        })
    }

    /// Whether an instruction does nothing beside its result or its store, so that it may be made once for each kind of
    /// operand.
    fn may_be_told_apart(&self) -> bool {
        match self.op {
            any_binary!()
            | Op::Neg { .. }
            | Op::GetIndex { .. }
            | Op::SetIndex { .. }
            | Op::GetMember { .. }
            | Op::SetMember { .. }
            | Op::Unpack { .. } => true,
            Op::CallMethod { .. } => self.a.each().all(|kind| {
                let method = self.with(true, kind).built_in();
                method.is_some_and(|method| METHODS[method].effect == MethodEffect::Reads)
            }),
            // What no one has thought about is a step, as it was.
            _ => false,
        }
    }

    fn form_of_all(&self) -> Form {
        use Form::*;
        use Op::*;
        let (a, b) = (self.a, self.b);
        match self.op {
            any_binary!() => match self.op.as_binary() {
                Some(binary) => {
                    let (left, right) = self.sides(binary.left, binary.right);
                    arithmetic(binary.operator, left, right)
                }
                None => Step,
            },
            any_comparison!() => self.op.as_comparison().map_or(Step, |comparison| compare(comparison.test, a, b)),
            any_compare_jump!() => match self.op.as_compare_jump() {
                Some(jump) => {
                    let (left, right) = self.sides(jump.left.into(), jump.right);
                    compare(jump.test, left, right)
                }
                None => Step,
            },
            Neg { .. } => plain_if(a == Tags::INT || a == Tags::FLOAT),
            BitNot { .. } => plain_if(a == Tags::INT),
            Not { .. } | JumpIf { .. } | JumpIfNot { .. } => truth(a),
            Unpack { .. } => plain_if(a == Tags::LIST || a == Tags::TUPLE),
            MakeRange { .. } => plain_if(a == Tags::INT && b == Tags::INT),
            MakeList { count, .. } => match count <= MOST_ITEMS {
                true => seen_if(self.is_regular),
                false => Step,
            },
            // The names of a module are globals, and an instance may have an entry of any name.
            Contains { .. } => match b.is_single() && !b.meets(Tags::MODULE.or(Tags::INSTANCE)) {
                true => Helper,
                false => Step,
            },
            GetIndex { .. } => match (a, b) {
                // Lists that keep their items in different ways are read by a helper.
                (Tags::LIST, Tags::INT) if !self.is_regular => Helper,
                (Tags::LIST | Tags::TUPLE, Tags::INT) => Seen,
                // Characters of ASCII texts are found without help.
                (Tags::STR, Tags::INT) => Seen,
                (Tags::STR | Tags::LIST, Tags::RANGE) | (Tags::DICT, _) => Helper,
                _ => Step,
            },
            SetIndex { .. } => match (a, b) {
                (Tags::LIST, Tags::INT) => seen_if(self.is_regular),
                (Tags::DICT, _) => Helper,
                _ => Step,
            },
            GetMember { .. } | SetMember { .. } => match a {
                Tags::INSTANCE if self.structs.iter().all(|&def| self.has_field(def)) => {
                    seen_if(self.are_few(&self.structs))
                }
                Tags::DICT => Helper,
                _ => Step,
            },
            FindMethod { .. } => match a {
                Tags::LIST | Tags::STR | Tags::TUPLE | Tags::RANGE if self.built_in().is_some() => Plain,
                Tags::DICT => Helper,
                Tags::INSTANCE if self.structs.iter().all(|&def| self.is_found_natively(def)) => {
                    seen_if(self.are_few(&self.structs))
                }
                _ => Step,
            },
            CallMethod { argc, .. } | TailCallMethod { argc, .. } => self.method(argc),
            Call { argc, .. } | TailCall { argc, .. } => match (a, self.callees.as_deref()) {
                (Tags::FUNCTION, Some([])) => Step,
                (Tags::FUNCTION, Some(callees)) if !callees.iter().all(|&func| self.is_called_as_value(func, argc)) => {
                    Step
                }
                (Tags::FUNCTION, callees) => seen_if(callees.is_some_and(|callees| self.are_few(callees))),
                _ => Step,
            },
            CallFn { func, .. } | TailCallFn { func, .. } => match self.program.functions.get(func.index()) {
                Some(function) if function.kind != FunctionKind::Async => Seen,
                _ => Step,
            },
            New { def, .. } => match self.init(def).map(|init| self.program.functions[init.index()].kind) {
                Some(FunctionKind::Async) => Step,
                _ => Seen,
            },
            CallBuiltin { argc, .. } => self.library(argc),
            IterPrep { .. } | IterNext { .. } => match a {
                _ if !a.is_single() && !a.is_empty() && a.within(PLAIN_ITERABLES) => Seen,
                // Some are gone through by a helper: lists that keep their items in different ways, and texts that are
                // not ASCII.
                Tags::LIST | Tags::STR => Seen,
                Tags::DICT | Tags::TUPLE | Tags::RANGE => Helper,
                Tags::INSTANCE => self.by_next(),
                _ => Step,
            },
            IterPrep2 { .. } | IterNext2 { .. } => match a {
                Tags::DICT => Plain,
                // Tuples of two are taken apart without help.
                Tags::TUPLE | Tags::STR | Tags::RANGE => Helper,
                _ if !a.is_empty() && a.within(PLAIN_ITERABLES) => Seen,
                Tags::INSTANCE => self.by_next(),
                _ => Step,
            },
            MakeDict { .. } | Concat { .. } | Print { .. } => Helper,
            MakeStruct { .. }
            | ListAppend { .. }
            | TupleFromList { .. }
            | DictInsert { .. }
            | GetMemberNamed { .. }
            | SetMemberNamed { .. }
            | InitModule { .. }
            | Await { .. } => Step,
            // A cell may not be known for one, a closure may be inlined, and an object may be too large for a cell of
            // the heap.
            GetCell { .. }
            | SetCell { .. }
            | GetCapture { .. }
            | GetCaptureCell { .. }
            | SetCaptureCell { .. }
            | LoadStruct { .. }
            | MakeClosure { .. }
            | MakeTuple { .. } => Seen,
            // Functions that begin with it are not compiled.
            StartTask { .. } => Seen,
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
            | GetGlobal { .. }
            | SetGlobal { .. }
            | NewCell { .. }
            | Jump { .. }
            | JumpIfGiven { .. }
            | JumpIfType { .. }
            | JumpIfNotType { .. }
            | ForPrep { .. }
            | ForLoop { .. }
            | Return { .. }
            | ReturnVoid {}
            | Throw { .. } => Plain,
        }
    }

    /// The kinds of two operands of which one may be a constant: the only register is observed first.
    fn sides(&self, left: Source, right: Source) -> (Tags, Tags) {
        let constant = |k: ShortConst| constant_type(self.program.constants.get(usize::from(k.0))).tags;
        match (left, right) {
            (Source::Register(_), Source::Register(_)) => (self.a, self.b),
            (Source::Register(_), Source::Constant(k)) => (self.a, constant(k)),
            (Source::Constant(k), Source::Register(_)) => (constant(k), self.a),
            (Source::Constant(k), Source::Constant(other)) => (constant(k), constant(other)),
        }
    }

    /// Whether native code chooses between these: they are known, and not many.
    fn are_few<T>(&self, choices: &[T]) -> bool {
        (1..=FEW).contains(&choices.len())
    }

    fn has_field(&self, def: StructId) -> bool {
        let fields = self.program.structs.get(def.index()).map_or(&[][..], |def| &def.fields);
        fields.iter().any(|&field| self.program.strings.get(field) == Some(self.name))
    }

    /// Whether what is found under the name, if anything is, is a field or a method that takes the instance.
    fn is_found_natively(&self, def: StructId) -> bool {
        self.has_field(def) || self.method_of(def, self.name).is_none_or(|method| method.takes_self)
    }

    fn method_of(&self, def: StructId, name: &str) -> Option<Method> {
        let methods = self.program.structs.get(def.index()).map_or(&[][..], |def| &def.methods);
        methods.iter().find(|method| self.program.strings.get(method.name) == Some(name)).copied()
    }

    /// What making an instance calls.
    fn init(&self, def: StructId) -> Option<FuncId> {
        self.program.init(def).map(|method| method.func)
    }

    /// The row of the built-in method that the site names, of the first operand.
    fn built_in(&self) -> Option<usize> {
        let (_, receiver) = Receiver::ALL.into_iter().find(|(tag, _)| *tag == self.a)?;
        find_method(receiver, self.name)
    }

    /// Whether a function is called by its number: it takes so many arguments, captures nothing and makes no task.
    fn is_called_natively(&self, func: FuncId, argc: u16) -> bool {
        let function = self.program.functions.get(func.index());
        function.is_some_and(|function| {
            function.params == argc && function.captures.is_empty() && function.kind != FunctionKind::Async
        })
    }

    /// The same of a function that is called as a value: then it may be a closure, or a method bound to its receiver.
    fn is_called_as_value(&self, func: FuncId, argc: u16) -> bool {
        let function = self.program.functions.get(func.index());
        function.is_some_and(|function| {
            let is_bound = matches!(function.kind, FunctionKind::Method(_))
                && function.captures.is_empty()
                && Some(function.params) == argc.checked_add(1);
            function.kind != FunctionKind::Async && (function.params == argc || is_bound)
        })
    }

    fn method(&self, argc: u16) -> Form {
        match (self.a, self.name, argc) {
            (Tags::LIST, "len", 0) | (Tags::TUPLE, "len", 0) => Form::Plain,
            (Tags::LIST, "push", 1) | (Tags::LIST, "pop", 0) => Form::Seen,
            (Tags::STR, "len", 0) => Form::Seen,
            (Tags::DICT, "len", 0) => Form::Helper,
            (Tags::DICT, "contains", 1) | (Tags::DICT, "get", 1 | 2) => Form::Helper,
            (Tags::INSTANCE, ..) => {
                let is_native = |&def: &StructId| {
                    self.has_field(def)
                        || self.method_of(def, self.name).is_some_and(|method| {
                            let with_self = argc.checked_add(1);
                            method.takes_self
                                && with_self.is_some_and(|argc| self.is_called_natively(method.func, argc))
                        })
                };
                // Nothing may be known of the structs, and of the functions in fields nothing is.
                match self.structs.iter().all(is_native) {
                    true => {
                        let in_fields = self.structs.iter().any(|&def| self.has_field(def));
                        seen_if(self.is_regular && self.are_few(&self.structs) && !in_fields)
                    }
                    false => Form::Step,
                }
            }
            (Tags::STRUCT, ..) => {
                let is_native = |&def: &StructId| {
                    let method = self.method_of(def, self.name);
                    method.is_some_and(|method| self.is_called_natively(method.func, argc))
                };
                match self.structs.len() < 2 && self.structs.iter().all(is_native) {
                    true => seen_if(!self.structs.is_empty()),
                    false => Form::Step,
                }
            }
            // What functions are in entries, nobody knows.
            (Tags::DICT, ..) if self.built_in().is_none() => seen_if(false),
            (Tags::LIST, name, _) if let Some(method) = ListLoop::named(name, argc) => self.list_loop(method),
            _ => self.built_in_row(argc),
        }
    }

    /// A method that calls a function with each item is a loop of the region if the function stands in it, which also
    /// depends on what that calls in turn.
    fn list_loop(&self, method: ListLoop) -> Form {
        let fits = |&func: &FuncId| {
            let function = self.program.functions.get(func.index());
            function.is_some_and(|function| function.params == method.takes()) && may_be_inlined(self.program, func)
        };
        match self.callees.as_deref() {
            Some(callees) if !callees.iter().any(fits) => Form::Step,
            _ => Form::Open,
        }
    }

    /// A built-in method without a form of its own is a helper that is given its row, unless it runs Walrus code.
    fn built_in_row(&self, argc: u16) -> Form {
        match self.built_in() {
            Some(row) if METHODS[row].is_called_by_row(argc.into()) => Form::Helper,
            _ => Form::Step,
        }
    }

    fn library(&self, argc: u16) -> Form {
        let Some(spec) = self.builtin else { return Form::Step };
        let by_row = if spec.is_called_by_row(argc.into()) { Form::Helper } else { Form::Step };
        match (spec.module, spec.name, self.a) {
            ("std/math", "pi" | "e" | "tau" | "inf" | "nan", _) if argc == 0 => Form::Plain,
            ("std/math", "rand_float" | "rand_bool", _) if argc == 0 => Form::Helper,
            ("std/math", "rand_int", Tags::INT) if argc == 2 && self.b == Tags::INT => Form::Helper,
            ("std/math", "rand_range", Tags::INT | Tags::FLOAT)
                if argc == 2 && matches!(self.b, Tags::INT | Tags::FLOAT) =>
            {
                Form::Helper
            }
            ("std/math", "min" | "max", Tags::INT | Tags::FLOAT) if argc == 2 && self.b == self.a => Form::Plain,
            _ if argc != 1 => by_row,
            ("std/core", "len", Tags::LIST | Tags::DICT | Tags::TUPLE) => Form::Plain,
            ("std/core", "len" | "ord", Tags::STR) | ("std/core", "chr", Tags::INT) => Form::Seen,
            ("std/core", "int" | "float", Tags::INT | Tags::FLOAT) => Form::Plain,
            (
                "std/math",
                "abs" | "sign" | "sqrt" | "floor" | "ceil" | "round" | "trunc" | "fract" | "is_nan" | "is_inf"
                | "is_finite",
                Tags::INT | Tags::FLOAT,
            ) => Form::Plain,
            _ => by_row,
        }
    }

    /// Iteration over instances of one struct: by its `next`, or by what its `iter` gives.
    fn by_next(&self) -> Form {
        use Form::{Open, Step};
        let &[def] = &*self.structs else { return if self.structs.is_empty() { Open } else { Step } };
        let starts = matches!(self.op, Op::IterPrep { .. } | Op::IterPrep2 { .. });
        let takes_apart = matches!(self.op, Op::IterPrep2 { .. } | Op::IterNext2 { .. });
        // What it gives may be of any kind.
        if let Some(iter) = self.method_of(def, "iter").filter(|_| starts) {
            let is_native =
                iter.takes_self && self.is_called_natively(iter.func, 1) && may_be_inlined(self.program, iter.func);
            return if is_native { Open } else { Step };
        }
        // An item is taken apart where `next` returns it.
        let is_native =
            |next: FuncId| self.is_called_natively(next, 1) && (!takes_apart || may_be_inlined(self.program, next));
        let next = self.method_of(def, "next").filter(|next| next.takes_self && is_native(next.func));
        // The start of an iteration may not have been seen when its later steps were.
        if next.is_some() { Open } else { Step }
    }
}

fn plain_if(holds: bool) -> Form {
    if holds { Form::Plain } else { Form::Step }
}

fn seen_if(is_certain: bool) -> Form {
    if is_certain { Form::Seen } else { Form::Open }
}

fn arithmetic(operator: Operator, left: Tags, right: Tags) -> Form {
    let are_numbers = !left.is_empty() && !right.is_empty() && left.within(Tags::NUMBER) && right.within(Tags::NUMBER);
    if left == Tags::INT && right == Tags::INT {
        return if operator == Operator::Pow { Form::Helper } else { Form::Plain };
    }
    match operator {
        Operator::Add if left == right && (left == Tags::STR || left == Tags::LIST) => Form::Helper,
        Operator::Mul if matches!((left, right), (Tags::LIST, Tags::INT) | (Tags::INT, Tags::LIST)) => Form::Helper,
        _ if !are_numbers || operator.is_bitwise() => Form::Step,
        Operator::Add | Operator::Sub | Operator::Mul => Form::Plain,
        // One must be known for a float: what two numbers of either kind give, only their kinds tell.
        _ if left != Tags::FLOAT && right != Tags::FLOAT => Form::Step,
        Operator::Div => Form::Plain,
        _ => Form::Helper,
    }
}

fn compare(test: Test, left: Tags, right: Tags) -> Form {
    if !left.is_single() || !right.is_single() {
        let with_void = !test.is_ordering() && (left == Tags::VOID || right == Tags::VOID);
        return if with_void { Form::Plain } else { Form::Helper };
    }
    if left.within(Tags::NUMBER) && right.within(Tags::NUMBER) {
        return Form::Plain;
    }
    // Single characters are compared as numbers.
    if left == Tags::STR && right == Tags::STR {
        return Form::Seen;
    }
    match left {
        Tags::LIST | Tags::TUPLE if left == right => Form::Helper,
        _ if test.is_ordering() => Form::Step,
        _ if left != right => Form::Plain,
        Tags::DICT | Tags::RANGE => Form::Helper,
        Tags::VOID | Tags::BOOL | Tags::MODULE | Tags::STRUCT | Tags::INSTANCE => Form::Plain,
        // Methods that are bound to a receiver are compared by the run time.
        Tags::FUNCTION => Form::Seen,
        _ => Form::Step,
    }
}

fn truth(of: Tags) -> Form {
    const TOLD: Tags = Tags::NUMBER
        .or(Tags::BOOL)
        .or(Tags::VOID)
        .or(Tags::STR)
        .or(Tags::LIST)
        .or(Tags::TUPLE)
        .or(Tags::DICT)
        .or(Tags::FUNCTION)
        .or(Tags::STRUCT)
        .or(Tags::INSTANCE);
    if of.is_single() && of.within(TOLD) { Form::Plain } else { Form::Helper }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(program: &Program, op: Op, a: Tags, b: Tags) -> Operation<'_> {
        Operation {
            program,
            op,
            a,
            b,
            name: "x",
            builtin: None,
            is_regular: true,
            structs: (&[]).into(),
            callees: None,
        }
    }

    #[test]
    fn numbers_are_plain_and_what_only_the_run_time_can_tell_is_a_step() {
        let forms = |operator, left, right| arithmetic(operator, left, right);
        assert_eq!(forms(Operator::Add, Tags::INT, Tags::INT), Form::Plain);
        assert_eq!(forms(Operator::Div, Tags::NUMBER, Tags::FLOAT), Form::Plain);
        assert_eq!(forms(Operator::Add, Tags::NUMBER, Tags::INT), Form::Plain);
        assert_eq!(forms(Operator::Div, Tags::NUMBER, Tags::INT), Form::Step);
        let (program, div) = (Program::default(), Op::Div { dst: Reg(0), a: Reg(1), b: Reg(2) });
        let told_apart = |a, b| operation(&program, div, a, b).form();
        assert_eq!(told_apart(Tags::NUMBER, Tags::NUMBER), Form::Seen);
        assert_eq!(told_apart(Tags::NUMBER.or(Tags::STR), Tags::INT), Form::Step);
        assert_eq!(forms(Operator::Add, Tags::STR, Tags::STR), Form::Helper);
        assert_eq!(forms(Operator::Add, Tags::LIST, Tags::LIST), Form::Helper);
        assert_eq!(forms(Operator::Add, Tags::TUPLE, Tags::TUPLE), Form::Step);
        assert_eq!(forms(Operator::BitAnd, Tags::FLOAT, Tags::FLOAT), Form::Step);
        assert_eq!(forms(Operator::Add, Tags::NONE, Tags::INT), Form::Step);
        assert_eq!(compare(Test::Eq, Tags::INSTANCE.or(Tags::VOID), Tags::VOID), Form::Plain);
        assert_eq!(compare(Test::Lt, Tags::INT.or(Tags::VOID), Tags::INT), Form::Helper);
        assert_eq!(truth(Tags::RANGE), Form::Helper);
    }

    #[test]
    fn what_is_accessed_decides() {
        let program = Program::default();
        let index = Op::GetIndex { dst: Reg(0), object: Reg(1), index: Reg(2) };
        let form = |a, b| operation(&program, index, a, b).form();
        assert_eq!(form(Tags::LIST, Tags::INT), Form::Seen);
        assert_eq!(form(Tags::LIST, Tags::RANGE), Form::Helper);
        assert_eq!(form(Tags::TUPLE, Tags::RANGE), Form::Step);
        assert_eq!(form(Tags::DICT, Tags::ALL), Form::Helper);
        let mixed = Operation { is_regular: false, ..operation(&program, index, Tags::LIST, Tags::INT) };
        assert_eq!(mixed.form(), Form::Helper);
        // Each kind has a form; a text indexed by one would raise.
        assert_eq!(form(Tags::LIST.or(Tags::DICT).or(Tags::TUPLE), Tags::INT), Form::Seen);
        assert_eq!(form(Tags::LIST.or(Tags::VOID), Tags::INT), Form::Step);
        let is_helped = |a| operation(&program, index, a, Tags::INT).is_helped();
        assert!(is_helped(Tags::LIST.or(Tags::DICT)) && !is_helped(Tags::LIST.or(Tags::TUPLE)));
        assert_eq!(operation(&program, index, Tags::STR, Tags::RANGE).words(), "string slice");
        let made = |kind| operation(&program, index, Tags::STR, kind).makes().map(|made| made.kind);
        // Strings of one character are there already.
        assert_eq!((made(Tags::RANGE), made(Tags::INT)), (Some(Tags::STR), None));
    }
}
