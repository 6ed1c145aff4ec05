//! What instructions, regions and functions may do beyond writing registers.

use std::ops::Range;

use super::infer::TypeCursor;
use crate::bytecode::builtins::BuiltinEffect;
use crate::bytecode::facts::RegionEffects;
use crate::bytecode::methods::{METHODS, MethodEffect, Receiver};
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::shape::{Operator, Source, any_binary, any_compare_jump, any_comparison};
use crate::bytecode::op::window::{self, MethodCall};
use crate::bytecode::signature::Memory;
use crate::bytecode::types::{IdKind, IdSet, Tags, Type};
use crate::bytecode::{FuncId, FunctionKind, GlobalId, Op, Program, Reg, SiteId, StructId};
use crate::facts::rules::{Members, TypeEnv};

/// Effects that are yes or no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    pub const ALLOCATES: Flags = Flags(1);
    pub const THROWS: Flags = Flags(2);
    pub const OUTPUTS: Flags = Flags(4);
    pub const AWAITS: Flags = Flags(8);
    pub const CALLS_UNKNOWN: Flags = Flags(16);
    pub const WRITES_ITEMS: Flags = Flags(32);

    const fn all() -> Flags {
        Flags(63)
    }

    fn add(&mut self, other: Flags) {
        self.0 |= other.0;
    }

    fn remove(&mut self, other: Flags) {
        self.0 &= !other.0;
    }

    pub fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }
}

/// An effect on something with a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    ReadsGlobal(GlobalId),
    WritesGlobal(GlobalId),
    ReadsField(StructId, u32),
    WritesField(StructId, u32),
    Calls(FuncId),
}

/// Effects of a function's instructions under the types inferred for them.
#[derive(Debug, Default)]
pub struct InstructionEffects {
    /// For each instruction; none for those that are never executed.
    flags: Vec<Flags>,
    /// Ascending by pc.
    effects: Vec<(u32, Effect)>,
}

impl InstructionEffects {
    /// Makes room for another function, of `len` instructions.
    pub fn start(&mut self, len: usize) {
        self.flags.clear();
        self.flags.resize(len, Flags::default());
        self.effects.clear();
    }

    /// The effects of instructions in a range of pcs.
    fn within(&self, range: &Range<u32>) -> impl Iterator<Item = Effect> {
        let first = self.effects.partition_point(|&(pc, _)| pc < range.start);
        let end = range.end;
        self.effects[first..].iter().take_while(move |&&(pc, _)| pc < end).map(|&(_, effect)| effect)
    }

    /// Whether an instruction in the range writes the global.
    pub fn write_global(&self, range: &Range<u32>, global: GlobalId) -> bool {
        self.within(range).any(|effect| effect == Effect::WritesGlobal(global))
    }

    /// Notes the effects of `op`, the next instruction that may be executed.
    pub fn note(&mut self, types: &mut TypeCursor<'_>, func: FuncId, pc: u32, op: Op) {
        let mut one = Notes { pc, flags: Flags::default(), effects: &mut self.effects };
        one.of(types, func, op);
        self.flags[pc as usize] = one.flags;
    }
}

/// The effects of one instruction, being noted.
struct Notes<'a> {
    pc: u32,
    flags: Flags,
    effects: &'a mut Vec<(u32, Effect)>,
}

impl Notes<'_> {
    fn add(&mut self, effect: Effect) {
        self.effects.push((self.pc, effect));
    }

    fn flag(&mut self, on: bool, flag: Flags) {
        if on {
            self.flags.add(flag);
        }
    }

    fn of(&mut self, types: &mut TypeCursor<'_>, func: FuncId, op: Op) {
        let row = op.effects();
        let plain = is_plain(types, op);
        self.flag(row.throws && !plain, Flags::THROWS);
        let frugal = match op {
            Op::CallBuiltin { builtin, .. } => {
                types.index().builtin(builtin).is_some_and(|spec| spec.memory == Memory::None)
            }
            _ => plain,
        };
        self.flag(row.allocates && !frugal, Flags::ALLOCATES);
        self.flag(row.outputs, Flags::OUTPUTS);
        self.touches(types, func, op);
    }

    /// What the instruction reads and writes beside registers, and which code it runs. No wildcard: a new row has to
    /// say so here.
    fn touches(&mut self, types: &mut TypeCursor<'_>, func: FuncId, op: Op) {
        match op {
            Op::Await { .. } => self.flags.add(Flags::AWAITS),
            Op::SetIndex { .. } | Op::ListAppend { .. } | Op::DictInsert { .. } => {
                self.flag(writes_items(op), Flags::WRITES_ITEMS)
            }
            Op::GetGlobal { global, .. } => self.add(Effect::ReadsGlobal(global)),
            Op::SetGlobal { global, .. } => self.add(Effect::WritesGlobal(global)),
            Op::GetMember { object, site, .. } | Op::FindMethod { object, site, .. } => {
                self.fields(types, func, object, site, Effect::ReadsField);
            }
            Op::SetMember { object, site, .. } => {
                let known = self.fields(types, func, object, site, Effect::WritesField);
                self.flag(!known && writes_items(op), Flags::WRITES_ITEMS);
            }
            Op::SetMemberNamed { .. } | Op::InitModule { .. } => self.flags.add(Flags::CALLS_UNKNOWN),
            Op::CallFn { func, .. } | Op::TailCallFn { func, .. } => self.add(Effect::Calls(func)),
            Op::New { def, .. } => self.makes(types, def),
            Op::Call { base, .. } | Op::TailCall { base, .. } => {
                let callee = types.get(base);
                self.calls_value(types, callee);
            }
            Op::CallBuiltin { builtin, .. } => match types.index().builtin(builtin).map(|rule| rule.effect) {
                Some(BuiltinEffect::Pure | BuiltinEffect::Reads) => {}
                Some(BuiltinEffect::Io) => self.flags.add(Flags::OUTPUTS),
                Some(BuiltinEffect::Calls) | None => self.flags.add(Flags::CALLS_UNKNOWN),
            },
            Op::CallMethod { base, site, .. } | Op::TailCallMethod { base, site, .. } => {
                let receiver = types.get(base.above(MethodCall::RECEIVER));
                self.calls_method(types, func, receiver, site);
            }
            Op::IterPrep { base, .. }
            | Op::IterNext { base, .. }
            | Op::IterPrep2 { base, .. }
            | Op::IterNext2 { base, .. } => {
                let simple = types.register(base).tags.and(Tags::INSTANCE.or(Tags::MODULE)).is_empty();
                self.flag(!simple, Flags::CALLS_UNKNOWN);
            }
            // Captured variables have no names here, nor does what a name in a register or an index means.
            Op::GetCell { .. }
            | Op::SetCell { .. }
            | Op::GetCapture { .. }
            | Op::GetCaptureCell { .. }
            | Op::SetCaptureCell { .. }
            | Op::GetMemberNamed { .. }
            | Op::GetIndex { .. }
            | Op::Contains { .. } => {}
            // Registers, constants and new objects alone.
            any_binary!()
            | any_comparison!()
            | any_compare_jump!()
            | Op::Move { .. }
            | Op::LoadInt { .. }
            | Op::LoadConst { .. }
            | Op::LoadVoid { .. }
            | Op::LoadAbsent { .. }
            | Op::LoadTrue { .. }
            | Op::LoadFalse { .. }
            | Op::LoadFn { .. }
            | Op::LoadBuiltin { .. }
            | Op::LoadModule { .. }
            | Op::LoadStruct { .. }
            | Op::NewCell { .. }
            | Op::MakeClosure { .. }
            | Op::MakeStruct { .. }
            | Op::Neg { .. }
            | Op::Not { .. }
            | Op::BitNot { .. }
            | Op::Jump { .. }
            | Op::JumpIf { .. }
            | Op::JumpIfNot { .. }
            | Op::JumpIfGiven { .. }
            | Op::JumpIfType { .. }
            | Op::JumpIfNotType { .. }
            | Op::ForPrep { .. }
            | Op::ForLoop { .. }
            | Op::MakeList { .. }
            | Op::MakeTuple { .. }
            | Op::TupleFromList { .. }
            | Op::MakeDict { .. }
            | Op::Unpack { .. }
            | Op::MakeRange { .. }
            | Op::Concat { .. }
            | Op::Print { .. }
            | Op::Return { .. }
            | Op::ReturnVoid {}
            | Op::Throw { .. }
            | Op::StartTask {} => {}
        }
    }

    /// An instance is made, and its `init` called.
    fn makes(&mut self, types: &TypeCursor<'_>, def: StructId) {
        if let Some(init) = types.index().init(def) {
            self.add(Effect::Calls(init.func));
        }
    }

    fn calls_value(&mut self, types: &TypeCursor<'_>, callee: Type) {
        if callee.ids == IdSet::TOP {
            return self.flags.add(Flags::CALLS_UNKNOWN);
        }
        let mut members = Members::of(callee.ids);
        while let Some(id) = members.next(types) {
            match id {
                IdKind::Function(func) => self.add(Effect::Calls(func)),
                IdKind::Struct(def) => self.makes(types, def),
                IdKind::Builtin(_) => self.flags.add(Flags::OUTPUTS),
                IdKind::Instance(_) | IdKind::Module(_) => {}
            }
        }
    }

    fn calls_method(&mut self, types: &TypeCursor<'_>, func: FuncId, receiver: Type, site: SiteId) {
        let name = types.index().site_name(types.program(), func, site);
        for (tag, kind) in [(Tags::LIST, Receiver::List), (Tags::DICT, Receiver::Dict)] {
            if receiver.tags.meets(tag) {
                let row = name.and_then(|name| types.index().builtin_method(kind, name));
                match row.map(|row| METHODS[row].effect) {
                    Some(MethodEffect::Reads) => {}
                    Some(MethodEffect::Mutates) => self.flags.add(Flags::WRITES_ITEMS),
                    Some(MethodEffect::Calls) => {
                        self.flags.add(Flags::WRITES_ITEMS);
                        self.flags.add(Flags::CALLS_UNKNOWN);
                    }
                    // An entry of a dict, or an error.
                    None => self.flags.add(Flags::CALLS_UNKNOWN),
                }
            }
        }
        if !receiver.tags.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
            return;
        }
        let (Some(name), true) = (name, receiver.ids != IdSet::TOP) else {
            return self.flags.add(Flags::CALLS_UNKNOWN);
        };
        let mut members = Members::of(receiver.ids);
        while let Some(id) = members.next(types) {
            match id {
                IdKind::Instance(def) | IdKind::Struct(def) => match types.index().method(def, name) {
                    Some(method) => self.add(Effect::Calls(method.func)),
                    None => self.flags.add(Flags::CALLS_UNKNOWN),
                },
                _ => self.flags.add(Flags::CALLS_UNKNOWN),
            }
        }
    }

    /// The fields that `object.name` may mean; whether there are any.
    fn fields(
        &mut self,
        types: &mut TypeCursor<'_>,
        func: FuncId,
        object: Reg,
        site: SiteId,
        effect: impl Fn(StructId, u32) -> Effect,
    ) -> bool {
        let object = types.get(object);
        let Some(name) = types.index().site_name(types.program(), func, site) else { return false };
        let mut any = false;
        let mut members = Members::of(object.ids);
        while let Some(id) = members.next(types) {
            if let IdKind::Instance(def) = id
                && let Some(field) = types.index().field(def, name)
            {
                self.add(effect(def, field));
                any = true;
            }
        }
        any
    }
}

/// Whether the row of an instruction says that it may change lists or dicts itself. One that may touch anything runs
/// other code, which is told of by itself.
fn writes_items(op: Op) -> bool {
    let heap = op.info().heap;
    heap != HeapUse::ANY && heap.meets(HeapUse::LISTS.with(HeapUse::DICTS))
}

/// Whether an operation on the types before it allocates nothing and cannot fail: arithmetic on numbers but for
/// division and powers, and comparisons of numbers.
fn is_plain(types: &mut TypeCursor<'_>, op: Op) -> bool {
    let mut numeric =
        |source: Source| source.register().is_none_or(|reg| types.register(reg).tags.within(Tags::NUMBER));
    match op {
        any_binary!() => op.as_binary().is_some_and(|binary| {
            let simple = matches!(binary.operator, Operator::Add | Operator::Sub | Operator::Mul);
            simple && numeric(binary.left) && numeric(binary.right)
        }),
        any_comparison!() => op
            .as_comparison()
            .is_some_and(|comparison| numeric(comparison.left.into()) && numeric(comparison.right.into())),
        any_compare_jump!() => {
            op.as_compare_jump().is_some_and(|jump| numeric(jump.left.into()) && numeric(jump.right))
        }
        Op::Neg { a, .. } => numeric(a.into()),
        Op::ForPrep { base, .. } => [window::Range::COUNTER, window::Range::END]
            .iter()
            .all(|&offset| types.register(base.above(offset)) == Type::INT),
        _ => false,
    }
}

/// Which functions call which, as far as the instructions say, and what follows for the callers.
#[derive(Debug)]
pub struct CallGraph {
    /// Flags of each function, its callees' included.
    flags: Vec<Flags>,
}

impl CallGraph {
    pub fn new(program: &Program) -> CallGraph {
        let count = program.functions.len();
        let mut callers: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut flags = vec![Flags::default(); count];
        for (index, function) in program.functions.iter().enumerate() {
            for op in program.code.get(function.code.range()).unwrap_or_default() {
                let row = op.effects();
                let mut flag = |on: bool, flag: Flags| {
                    if on {
                        flags[index].add(flag);
                    }
                };
                flag(row.throws, Flags::THROWS);
                flag(row.allocates, Flags::ALLOCATES);
                flag(row.outputs, Flags::OUTPUTS);
                flag(writes_items(*op), Flags::WRITES_ITEMS);
                match op {
                    Op::CallFn { func, .. } | Op::TailCallFn { func, .. } => callers[func.index()].push(index as u32),
                    Op::Await { .. } => flag(true, Flags::AWAITS),
                    _ => flag(row.calls, Flags::CALLS_UNKNOWN),
                }
            }
        }
        let mut work: Vec<u32> = (0..count as u32).collect();
        // A call of an async function makes a task, and waits for nothing.
        let awaits_if_called = |func: usize| program.functions[func].kind != FunctionKind::Async;
        while let Some(callee) = work.pop() {
            let mut own = flags[callee as usize];
            if !awaits_if_called(callee as usize) {
                own.remove(Flags::AWAITS);
            }
            for &caller in &callers[callee as usize] {
                let before = flags[caller as usize];
                flags[caller as usize].add(own);
                if flags[caller as usize] != before {
                    work.push(caller);
                }
            }
        }
        for (index, flags) in flags.iter_mut().enumerate() {
            if !awaits_if_called(index) {
                flags.remove(Flags::AWAITS);
            }
        }
        CallGraph { flags }
    }

    /// The effects of a range of instructions, with those of known callees; `None` stands for a region too large to say
    /// more.
    pub fn close(&self, effects: Option<(&InstructionEffects, Range<u32>)>) -> RegionEffects {
        let mut region = RegionEffects::default();
        let mut flags = Flags::all();
        if let Some((own, range)) = effects {
            flags = Flags::default();
            own.flags[range.start as usize..range.end as usize].iter().for_each(|&one| flags.add(one));
            for effect in own.within(&range) {
                match effect {
                    Effect::ReadsGlobal(global) => region.globals_read.push(global),
                    Effect::WritesGlobal(global) => region.globals_written.push(global),
                    Effect::ReadsField(def, field) => region.fields_read.push((def, field)),
                    Effect::WritesField(def, field) => region.fields_written.push((def, field)),
                    Effect::Calls(func) => region.calls.push(func),
                }
            }
            make_set(&mut region.globals_read);
            make_set(&mut region.globals_written);
            make_set(&mut region.fields_read);
            make_set(&mut region.fields_written);
            make_set(&mut region.calls);
        }
        for func in &region.calls {
            flags.add(self.flags.get(func.index()).copied().unwrap_or(Flags::all()));
        }
        RegionEffects {
            allocates: flags.has(Flags::ALLOCATES),
            throws: flags.has(Flags::THROWS),
            outputs: flags.has(Flags::OUTPUTS),
            awaits: flags.has(Flags::AWAITS),
            calls_unknown: flags.has(Flags::CALLS_UNKNOWN),
            writes_items: flags.has(Flags::WRITES_ITEMS),
            ..region
        }
    }
}

fn make_set<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}
