//! What each instruction does to types: one set of rules, run by two judges.
//!
//! [`step`] takes the types of a frame's registers from before an instruction to after it, through a [`TypeEnv`].
//! Inference (`analysis::infer`) implements `flow` by joining until nothing changes; the loader's check
//! ([`super::check`]) implements it by demanding that nothing need be joined. So a solution that inference found passes
//! the check, and a forged one does not.
//!
//! Rules may say too much, never too little: an instruction that always fails gives [`Type::NEVER`], and control stops
//! there.

mod able;
mod calls;
mod failure;
mod index;
mod inputs;
mod library;
mod literals;
mod members;

pub use able::able_kinds;
pub use failure::{Callee, Cause, Failure, Owner, certain_failure, pass_failure};
pub use index::{Name, RuleIndex};
pub use inputs::Members;
pub use literals::{only_way, told_failure};

use self::inputs::Args;
use crate::bytecode::op::Op;
use crate::bytecode::op::shape::{CompareJump, Source, Test, any_compare_jump};
use crate::bytecode::op::window;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Slot, Tags, Type};
use crate::bytecode::{CaptureId, CaptureSource, Constant, FuncId, GlobalId, ModuleKind, Program, Reg, StructId};

/// A place of the whole program that has one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Global(GlobalId),
    /// A field by its position in the struct's fixed layout, or [`SIDE_FIELDS`].
    Field(StructId, u32),
    Capture(FuncId, CaptureId),
    Param(FuncId, u16),
    Result(FuncId),
    Slot(ClassId, Slot),
    /// Whatever is thrown anywhere.
    Thrown,
}

/// Stands for all fields of a struct's instances that its layout does not name.
pub const SIDE_FIELDS: u32 = u32::MAX;

/// The state a judge keeps, and what it makes of the rules.
pub trait TypeEnv {
    fn program(&self) -> &Program;
    fn index(&self) -> &RuleIndex;
    /// The instruction that is being judged.
    fn at(&self) -> At;

    /// The type of a register as it was set.
    fn register(&mut self, reg: Reg) -> Type;
    fn set(&mut self, reg: Reg, ty: Type);
    /// Sets a register to what another holds.
    #[inline(always)]
    fn copy(&mut self, dst: Reg, src: Reg) {
        let ty = self.get(src);
        self.set(dst, ty);
    }
    /// Undoes a `set` for the path on which the instruction has not written the register.
    fn restore(&mut self, reg: Reg, ty: Type);
    /// Forgets every register above `base`.
    fn clobber_above(&mut self, base: Reg);
    /// Control may go on where a jump `to` leads, with the registers as they are.
    fn edge(&mut self, to: i32);

    fn read(&mut self, place: Place) -> Type;
    /// A value of type `ty` is stored in `place`.
    fn flow(&mut self, place: Place, ty: Type);
    /// Every value of either type is of the result.
    fn join(&mut self, a: Type, b: Type) -> Type;
    /// A value of type `ty` gets to where nothing is known.
    fn escape(&mut self, ty: Type);
    /// The class of the objects that the instruction at `pc` (counted in the whole program) makes.
    fn site(&mut self, pc: u32) -> ClassId;
    /// The function may be called.
    fn reach(&mut self, func: FuncId);
    fn identity(&mut self, kind: IdKind) -> IdSet;
    /// The type of a register as an operand. The state of an iterator is no value; code that reads it all the same is
    /// walrusc's in no case, so it is told nothing.
    #[inline(always)]
    fn get(&mut self, reg: Reg) -> Type {
        let ty = self.register(reg);
        if ty.tags.meets(Tags::ITER) {
            self.escape(ty);
            return Type::ANY;
        }
        ty
    }
    /// A member of a set other than `TOP`, which has few, by position.
    fn member(&self, set: IdSet, index: usize) -> Option<Identity>;
}

/// Where an instruction stands. Pcs are counted in the whole program.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub func: FuncId,
    pub pc: u32,
    /// The first instruction of the block: whoever is here has come through all from there on.
    pub entered: u32,
}

impl At {
    /// The value of a register that the instruction before has just loaded with a constant.
    fn constant(self, program: &Program, reg: Reg) -> Option<i32> {
        let before = self.pc.checked_sub(1).filter(|&before| before >= self.entered)?;
        match program.code.get(before as usize) {
            Some(&Op::LoadInt { dst, value }) if dst == reg => Some(value),
            _ => None,
        }
    }
}

/// Type of a value that is one known thing.
fn identified<E: TypeEnv>(env: &mut E, tags: Tags, kind: IdKind) -> Type {
    Type { tags, class: ClassId::NONE, ids: env.identity(kind) }
}

pub fn constant_type(constant: Option<&Constant>) -> Type {
    match constant {
        Some(Constant::Int(_)) => Type::INT,
        Some(Constant::Float(_)) => Type::FLOAT,
        Some(Constant::Str(_)) => Type::STR,
        None => Type::ANY,
    }
}

/// Numbers in, numbers out: an int if both can be, a float if either can be.
#[inline(always)]
fn arithmetic(a: Type, b: Type) -> Tags {
    let (a, b) = (a.tags.and(Tags::NUMBER), b.tags.and(Tags::NUMBER));
    if a.is_empty() || b.is_empty() {
        return Tags::NONE;
    }
    a.and(b).and(Tags::INT).or(a.or(b).and(Tags::FLOAT))
}

#[inline(always)]
fn add<E: TypeEnv>(env: &mut E, a: Type, b: Type) -> Type {
    if a.tags.or(b.tags).within(Tags::NUMBER) { Type::of(arithmetic(a, b)) } else { add_any(env, a, b) }
}

#[inline(never)]
fn add_any<E: TypeEnv>(env: &mut E, a: Type, b: Type) -> Type {
    let mut out = Type::of(arithmetic(a, b));
    let both = a.tags.and(b.tags);
    out.tags = out.tags.or(both.and(Tags::STR));
    for tag in [Tags::LIST, Tags::TUPLE, Tags::DICT] {
        if both.meets(tag) {
            let sum = env.join(Type::container(tag, a.class), Type::container(tag, b.class));
            if tag == Tags::TUPLE {
                smear_parts(env, sum.class);
            }
            out = env.join(out, sum);
        }
    }
    out
}

#[inline(always)]
fn multiply<E: TypeEnv>(env: &mut E, a: Type, b: Type) -> Type {
    if a.tags.or(b.tags).within(Tags::NUMBER) { Type::of(arithmetic(a, b)) } else { multiply_any(env, a, b) }
}

#[inline(never)]
fn multiply_any<E: TypeEnv>(env: &mut E, a: Type, b: Type) -> Type {
    let mut out = Type::of(arithmetic(a, b));
    for (sequence, count) in [(a, b), (b, a)] {
        if count.tags.meets(Tags::INT) {
            out.tags = out.tags.or(sequence.tags.and(Tags::STR));
            if sequence.tags.meets(Tags::LIST) {
                out = env.join(out, Type::container(Tags::LIST, sequence.class));
            }
        }
    }
    out
}

/// After an operation that moves a tuple's items about, each position may hold any of them.
fn smear_parts<E: TypeEnv>(env: &mut E, class: ClassId) {
    let all = any_part(env, class);
    for part in Slot::PARTS {
        env.flow(Place::Slot(class, part), all);
    }
}

/// The type of a tuple's item at an unknown position.
fn any_part<E: TypeEnv>(env: &mut E, class: ClassId) -> Type {
    let mut all = Type::NEVER;
    for part in Slot::PARTS {
        let ty = env.read(Place::Slot(class, part));
        all = env.join(all, ty);
    }
    all
}

/// The type of what a container of type `ty` holds.
pub fn slot<E: TypeEnv>(env: &mut E, ty: Type, slot: Slot) -> Type {
    env.read(Place::Slot(ty.class, slot))
}

/// A container made by the instruction at [`TypeEnv::at`].
fn made<E: TypeEnv>(env: &mut E, tags: Tags) -> Type {
    let pc = env.at().pc;
    let class = env.site(pc);
    Type::container(tags, class)
}

/// The type of a call's result, and whether control goes on.
#[inline]
fn finish<E: TypeEnv>(env: &mut E, dst: Reg, ty: Type) -> bool {
    env.set(dst, ty);
    !ty.is_never()
}

/// Applies `op`, which is the one at [`TypeEnv::at`]. Edges to jump targets are reported on the way; the result says
/// whether control may reach the next instruction.
#[inline(always)]
pub fn step<E: TypeEnv>(env: &mut E, op: Op) -> bool {
    use Op::*;
    match op {
        Move { dst, src } => env.copy(dst, src),
        LoadInt { dst, .. } => env.set(dst, Type::INT),
        LoadConst { dst, constant } => {
            let ty = constant_type(env.program().constants.get(constant.index()));
            env.set(dst, ty);
        }
        LoadVoid { dst } => env.set(dst, Type::VOID),
        // It flows into parameters only, and adds nothing to what they may be: their defaults do.
        LoadAbsent { dst } => env.set(dst, Type::NEVER),
        LoadTrue { dst } | LoadFalse { dst } => env.set(dst, Type::BOOL),
        LoadFn { dst, func } => {
            let ty = identified(env, Tags::FUNCTION, IdKind::Function(func));
            env.set(dst, ty);
        }
        LoadBuiltin { dst, builtin } => {
            let ty = identified(env, Tags::FUNCTION, IdKind::Builtin(builtin));
            env.set(dst, ty);
        }
        LoadModule { dst, module } => {
            let ty = identified(env, Tags::MODULE, IdKind::Module(module));
            env.set(dst, ty);
        }
        LoadStruct { dst, def } => {
            let ty = identified(env, Tags::STRUCT, IdKind::Struct(def));
            env.set(dst, ty);
        }

        GetGlobal { dst, global } => {
            let ty = env.read(Place::Global(global));
            return finish(env, dst, ty);
        }
        SetGlobal { src, global } => {
            let ty = env.get(src);
            env.flow(Place::Global(global), ty);
        }
        NewCell { dst, src } => {
            let ty = env.get(src);
            let cell = made(env, Tags::CELL);
            env.flow(Place::Slot(cell.class, Slot::Item), ty);
            env.set(dst, cell);
        }
        GetCell { dst, cell } => {
            let cell = env.get(cell);
            let ty = read_cell(env, cell);
            return finish(env, dst, ty);
        }
        SetCell { cell, src } => {
            let (cell, ty) = (env.get(cell), env.get(src));
            write_cell(env, cell, ty);
        }
        GetCapture { dst, capture } => {
            let ty = env.read(Place::Capture(env.at().func, capture));
            return finish(env, dst, ty);
        }
        GetCaptureCell { dst, capture } => {
            let cell = env.read(Place::Capture(env.at().func, capture));
            let ty = read_cell(env, cell);
            return finish(env, dst, ty);
        }
        SetCaptureCell { src, capture } => {
            let ty = env.get(src);
            let cell = env.read(Place::Capture(env.at().func, capture));
            write_cell(env, cell, ty);
        }
        MakeClosure { dst, func } => {
            capture(env, func);
            let ty = identified(env, Tags::FUNCTION, IdKind::Function(func));
            env.set(dst, ty);
        }
        MakeStruct { dst, def } => {
            let methods = env.program().structs.get(def.index()).map_or(0, |def| def.methods.len());
            for method in 0..methods {
                let func = env.program().structs[def.index()].methods[method].func;
                capture(env, func);
            }
            let ty = identified(env, Tags::STRUCT, IdKind::Struct(def));
            env.set(dst, ty);
        }

        Add { dst, a, b } => {
            let (a, b) = (env.get(a), env.get(b));
            let ty = add(env, a, b);
            return finish(env, dst, ty);
        }
        Mul { dst, a, b } => {
            let (a, b) = (env.get(a), env.get(b));
            let ty = multiply(env, a, b);
            return finish(env, dst, ty);
        }
        Sub { dst, a, b } | Div { dst, a, b } | Mod { dst, a, b } => {
            let ty = Type::of(arithmetic(env.get(a), env.get(b)));
            return finish(env, dst, ty);
        }
        Pow { dst, a, b } => {
            let (base, exponent) = (env.get(a), env.get(b));
            let mut tags = arithmetic(base, exponent);
            if tags.meets(Tags::INT) && env.at().constant(env.program(), b).is_none_or(|value| value < 0) {
                tags = tags.or(Tags::FLOAT);
            }
            return finish(env, dst, Type::of(tags));
        }
        BitAnd { dst, a, b } | BitOr { dst, a, b } | BitXor { dst, a, b } | Shl { dst, a, b } | Shr { dst, a, b } => {
            let both = env.get(a).tags.and(env.get(b).tags);
            return finish(env, dst, Type::of(both.and(Tags::INT)));
        }
        AddK { dst, a: operand, k }
        | SubK { dst, a: operand, k }
        | DivK { dst, a: operand, k }
        | ModK { dst, a: operand, k } => {
            let k = constant_type(env.program().constants.get(usize::from(k.0)));
            let ty = Type::of(arithmetic(env.get(operand), k));
            return finish(env, dst, ty);
        }
        KAdd { dst, k, b: operand } | KSub { dst, k, b: operand } | KDiv { dst, k, b: operand } => {
            let k = constant_type(env.program().constants.get(usize::from(k.0)));
            let ty = Type::of(arithmetic(k, env.get(operand)));
            return finish(env, dst, ty);
        }
        MulK { dst, a: operand, k } | KMul { dst, k, b: operand } => {
            let k = constant_type(env.program().constants.get(usize::from(k.0)));
            let operand = env.get(operand);
            let ty = multiply(env, operand, k);
            return finish(env, dst, ty);
        }
        Neg { dst, a } => {
            let ty = Type::of(env.get(a).tags.and(Tags::NUMBER));
            return finish(env, dst, ty);
        }
        BitNot { dst, a } => {
            let ty = Type::of(env.get(a).tags.and(Tags::INT));
            return finish(env, dst, ty);
        }
        Not { dst, .. }
        | Eq { dst, .. }
        | Ne { dst, .. }
        | Lt { dst, .. }
        | Le { dst, .. }
        | Gt { dst, .. }
        | Ge { dst, .. }
        | Contains { dst, .. } => env.set(dst, Type::BOOL),

        Jump { to } => {
            env.edge(to);
            return false;
        }
        JumpIf { a, to } => {
            let (truthy, falsy) = by_truth(env.register(a));
            return fork(env, a, (truthy, falsy), to);
        }
        JumpIfNot { a, to } => {
            let (truthy, falsy) = by_truth(env.register(a));
            return fork(env, a, (falsy, truthy), to);
        }
        JumpIfGiven { a, to } => {
            if !env.get(a).is_never() {
                env.edge(to);
            }
        }
        JumpIfType { a, types, to } => {
            let ty = env.get(a);
            return fork(env, a, by_type(ty, types), to.into());
        }
        JumpIfNotType { a, types, to } => {
            let ty = env.get(a);
            let (one_of, other) = by_type(ty, types);
            return fork(env, a, (other, one_of), to.into());
        }
        any_compare_jump!() => return compare_jump(env, op),

        ForPrep { base, exit } => {
            let (a, b) = (env.get(base), env.get(base.above(window::Range::END)));
            if !a.tags.meets(Tags::INT) || !b.tags.meets(Tags::INT) {
                return false;
            }
            env.set(base, Type::INT);
            env.set(base.above(window::Range::END), Type::INT);
            env.edge(exit);
            env.set(base.above(window::Range::VARIABLE), Type::INT);
        }
        ForLoop { base, back } => {
            // The verifier does not know that a counter is an int, so neither does this rule: a counter of another type
            // is only possible in a forged program, and ends the loop.
            let (a, b) = (env.get(base), env.get(base.above(window::Range::END)));
            let ty = if a == Type::INT && b == Type::INT { Type::INT } else { Type::ANY };
            let old = env.register(base.above(window::Range::VARIABLE));
            env.set(base, ty);
            env.set(base.above(window::Range::VARIABLE), ty);
            env.edge(back);
            env.restore(base.above(window::Range::VARIABLE), old);
        }
        IterPrep { base, exit } => return members::iterate(env, base, exit, true, false),
        IterPrep2 { base, exit } => return members::iterate(env, base, exit, true, true),
        IterNext { base, back } => return members::iterate(env, base, back, false, false),
        IterNext2 { base, back } => return members::iterate(env, base, back, false, true),

        MakeList { dst, base, count } => {
            let list = made(env, Tags::LIST);
            flow_items(env, list.class, base, count);
            env.set(dst, list);
        }
        ListAppend { list, base, count } => {
            let list = env.get(list);
            if list.tags.meets(Tags::LIST) {
                flow_items(env, list.class, base, count);
            }
        }
        MakeTuple { dst, base, count } => {
            let tuple = made(env, Tags::TUPLE);
            flow_parts(env, tuple.class, base, count);
            env.set(dst, tuple);
        }
        TupleFromList { dst, list } => {
            let tuple = tuple_of_list(env, list);
            env.set(dst, tuple);
        }
        MakeDict { dst, base, count } => {
            let dict = made(env, Tags::DICT);
            flow_pairs(env, dict.class, base, count);
            env.set(dst, dict);
        }
        DictInsert { dict, base, count } => {
            let dict = env.get(dict);
            if dict.tags.meets(Tags::DICT) {
                flow_pairs(env, dict.class, base, count);
            }
        }
        MakeRange { dst, .. } => env.set(dst, Type::of(Tags::RANGE)),
        Unpack { dst, src, .. } => {
            let src = env.get(src);
            let mut ty = src.only(Tags::LIST.or(Tags::TUPLE).or(Tags::STR));
            if src.tags.meets(Tags::RANGE) {
                let list = made(env, Tags::LIST);
                env.flow(Place::Slot(list.class, Slot::Item), Type::INT);
                ty = env.join(ty, list);
            }
            return finish(env, dst, ty);
        }
        Concat { dst, .. } => env.set(dst, Type::STR),
        Print { .. } => {}

        GetIndex { dst, object, index } => {
            let (ty, key) = (env.get(object), env.get(index));
            let constant = env.at().constant(env.program(), index);
            let ty = members::get_index(env, ty, key, constant);
            return finish(env, dst, ty);
        }
        SetIndex { object, index, value } => {
            let (object, key, value) = (env.get(object), env.get(index), env.get(value));
            return members::set_index(env, object, key, value);
        }
        GetMember { dst, object, site } => {
            let object = env.get(object);
            let name = env.index().site_name(env.program(), env.at().func, site);
            let ty = members::get_member(env, object, name);
            return finish(env, dst, ty);
        }
        SetMember { object, value, site } => {
            let (object, value) = (env.get(object), env.get(value));
            let name = env.index().site_name(env.program(), env.at().func, site);
            members::set_member(env, object, name, value);
        }
        GetMemberNamed { dst, object, .. } => {
            let object = env.get(object);
            let ty = members::get_member(env, object, None);
            return finish(env, dst, ty);
        }
        SetMemberNamed { object, value, .. } => {
            let (object, value) = (env.get(object), env.get(value));
            members::set_member(env, object, None, value);
        }

        Call { base, argc } => {
            let ty = calls::call_register(env, base, argc);
            return calls::returned(env, base, ty);
        }
        CallFn { base, func } => {
            let ty = calls::call_known(env, base, func);
            return calls::returned(env, base, ty);
        }
        CallBuiltin { base, builtin, argc } => {
            let args = Args::In { first: base.above(window::Call::ARGS), count: argc };
            let ty = calls::call_builtin(env, builtin, args);
            return calls::returned(env, base, ty);
        }
        FindMethod { dst, object, site } => {
            let (value, may_be_method) = calls::find_method(env, object, site);
            env.set(dst, value);
            return may_be_method || !value.is_never();
        }
        CallMethod { base, argc, site } => {
            let ty = calls::call_method(env, base, argc, site);
            return calls::returned(env, base, ty);
        }
        New { base, def } => {
            let args = Args::In { first: base.above(window::New::ARGS), count: env.index().init_args(def) };
            let ty = calls::instantiate(env, def, args);
            return calls::returned(env, base, ty);
        }
        TailCall { base, argc } => {
            let ty = calls::call_register(env, base, argc);
            return_value(env, ty);
            return calls::returned(env, base, ty);
        }
        TailCallFn { base, func } => {
            let ty = calls::call_known(env, base, func);
            return_value(env, ty);
            return false;
        }
        TailCallMethod { base, argc, site } => {
            let ty = calls::call_method(env, base, argc, site);
            return_value(env, ty);
            return calls::returned(env, base, ty);
        }
        Return { src } => {
            let ty = env.get(src);
            return_value(env, ty);
            return false;
        }
        ReturnVoid {} => {
            return_value(env, Type::VOID);
            return false;
        }
        Throw { src } => {
            let ty = env.get(src);
            env.flow(Place::Thrown, ty);
            return false;
        }
        InitModule { base, module } => {
            let kind = env.program().modules.get(module.index()).map(|module| module.kind);
            if let Some(ModuleKind::File(body)) = kind {
                env.reach(body);
            }
            env.clobber_above(base);
            env.set(base, Type::ANY);
        }
        // What the caller gets is no business of the body's: see `result_of`.
        StartTask {} => {}
        Await { dst, src } => {
            let task = env.get(src).only(Tags::TASK);
            // Of one that can only fail, or never end, nothing comes.
            let given = slot(env, task, Slot::Value);
            return finish(env, dst, given);
        }
    }
    true
}

/// A function returns. What an async one returns, its task gives: see `result_of` in [`calls`].
#[inline(never)]
fn return_value<E: TypeEnv>(env: &mut E, ty: Type) {
    if !ty.is_never() {
        env.flow(Place::Result(env.at().func), ty);
    }
}

#[inline(never)]
fn read_cell<E: TypeEnv>(env: &mut E, cell: Type) -> Type {
    if cell.tags.meets(Tags::CELL) { slot(env, cell, Slot::Item) } else { Type::NEVER }
}

#[inline(never)]
fn write_cell<E: TypeEnv>(env: &mut E, cell: Type, ty: Type) {
    if cell.tags.meets(Tags::CELL) {
        env.flow(Place::Slot(cell.class, Slot::Item), ty);
    }
}

/// A closure of `func` takes its captures from the running frame.
#[inline(never)]
fn capture<E: TypeEnv>(env: &mut E, func: FuncId) {
    let sources = env.program().functions.get(func.index()).map_or(0, |function| function.captures.len());
    for index in 0..sources {
        let ty = match env.program().functions[func.index()].captures[index] {
            CaptureSource::Register(reg) => env.get(reg),
            CaptureSource::Capture(outer) => env.read(Place::Capture(env.at().func, outer)),
        };
        env.flow(Place::Capture(func, CaptureId(index as u16)), ty);
    }
}

#[inline(never)]
fn tuple_of_list<E: TypeEnv>(env: &mut E, list: Reg) -> Type {
    let list = env.get(list);
    let item = if list.tags.meets(Tags::LIST) { slot(env, list, Slot::Item) } else { Type::NEVER };
    let tuple = made(env, Tags::TUPLE);
    for part in Slot::PARTS {
        env.flow(Place::Slot(tuple.class, part), item);
    }
    tuple
}

#[inline(never)]
fn flow_parts<E: TypeEnv>(env: &mut E, class: ClassId, base: Reg, count: u16) {
    for index in 0..count {
        let ty = env.get(Reg(base.0.saturating_add(index)));
        env.flow(Place::Slot(class, Slot::part(index.into())), ty);
    }
}

#[inline(never)]
fn flow_items<E: TypeEnv>(env: &mut E, class: ClassId, base: Reg, count: u16) {
    for index in 0..count {
        let ty = env.get(Reg(base.0.saturating_add(index)));
        env.flow(Place::Slot(class, Slot::Item), ty);
    }
}

#[inline(never)]
fn flow_pairs<E: TypeEnv>(env: &mut E, class: ClassId, base: Reg, count: u16) {
    for index in 0..count {
        let key = Reg(base.0.saturating_add(index.saturating_mul(2)));
        let (key_type, value) = (env.get(key), env.get(Reg(key.0.saturating_add(1))));
        env.flow(Place::Slot(class, Slot::Key), key_type);
        env.flow(Place::Slot(class, Slot::Value), value);
    }
}

/// What a register may hold if it is true and if it is false. Nothing is told apart where nothing is known yet, or
/// anything is possible.
fn by_truth(ty: Type) -> (Type, Type) {
    const ALWAYS_TRUE: Tags = Tags::FUNCTION.or(Tags::STRUCT).or(Tags::INSTANCE).or(Tags::TASK);
    if ty.is_never() || ty.tags.meets(Tags::ITER) {
        return (ty, ty);
    }
    (ty.without(Tags::VOID), ty.without(ALWAYS_TRUE))
}

/// A comparison with a jump. One for equality with void narrows the type of what it compares.
fn compare_jump(env: &mut impl TypeEnv, op: Op) -> bool {
    let Some(CompareJump { test, left, right, to, .. }) = op.as_compare_jump() else { return true };
    match (test, right) {
        (Test::Eq, Source::Register(right)) => {
            let (tested, equal, other) = by_void(env, left, right);
            fork(env, tested, (equal, other), to.into())
        }
        (Test::Ne, Source::Register(right)) => {
            let (tested, equal, other) = by_void(env, left, right);
            fork(env, tested, (other, equal), to.into())
        }
        _ => {
            env.edge(to.into());
            true
        }
    }
}

/// Of two registers that are compared, the one that is compared with void, and what it may hold if they are equal and
/// if they are not.
fn by_void(env: &mut impl TypeEnv, a: Reg, b: Reg) -> (Reg, Type, Type) {
    let (left, right) = (env.register(a), env.register(b));
    let (tested, ty) = if left == Type::VOID { (b, right) } else { (a, left) };
    if (left != Type::VOID && right != Type::VOID) || ty.is_never() || ty.tags.meets(Tags::ITER) {
        return (tested, ty, ty);
    }
    let equal = if ty.tags.meets(Tags::VOID) { Type::VOID } else { Type::NEVER };
    (tested, equal, ty.without(Tags::VOID))
}

/// What an operand may hold if its type is one of `types` and if it is not. An operand is never the state of an
/// iterator ([`TypeEnv::get`]).
fn by_type(ty: Type, types: Tags) -> (Type, Type) {
    (ty.only(types), ty.without(types.or(Tags::ITER)))
}

/// A branch on what `reg` holds: its types if control goes where `to` leads, and if it goes on. An edge on which it
/// would hold nothing is not gone, unless it holds nothing on either: then nothing is known of it yet.
#[inline(never)]
fn fork(env: &mut impl TypeEnv, reg: Reg, (there, here): (Type, Type), to: i32) -> bool {
    let known = there != here;
    if !known {
        env.edge(to);
        return true;
    }
    if !there.is_never() {
        env.restore(reg, there);
        env.edge(to);
    }
    env.restore(reg, here);
    !here.is_never()
}
