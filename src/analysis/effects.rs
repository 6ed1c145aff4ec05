//! What instructions, regions and functions may do beyond writing registers.

use std::collections::BTreeSet;

use super::infer::Inference;
use crate::bytecode::facts::RegionEffects;
use crate::bytecode::natives::{NATIVES, NativeEffect};
use crate::bytecode::type_rules::TypeEnv;
use crate::bytecode::types::{IdKind, IdSet, Tags, Type};
use crate::bytecode::{FuncId, GlobalId, Op, Program, Reg, SiteId, StructId};

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

    pub fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }
}

/// Effects of one instruction under the types inferred for it.
#[derive(Clone, Debug, Default)]
pub struct InstructionEffects {
    flags: Flags,
    global_read: Option<GlobalId>,
    global_written: Option<GlobalId>,
    field_read: Vec<(StructId, u32)>,
    field_written: Vec<(StructId, u32)>,
    calls: Vec<FuncId>,
}

impl InstructionEffects {
    /// The effects of `op` before which the solution stands.
    pub fn of(types: &mut Inference<'_>, func: FuncId, op: Op) -> InstructionEffects {
        let row = op.effects();
        let mut effects = InstructionEffects::default();
        let mut flag = |on: bool, flag: Flags| {
            if on {
                effects.flags.add(flag);
            }
        };
        let numeric = |types: &mut Inference<'_>, reg: Reg| types.register(reg).tags.within(Tags::NUMBER);
        // Arithmetic on numbers allocates nothing, and but for division and powers it cannot fail.
        let plain = match op {
            Op::Add { a, b, .. } | Op::Sub { a, b, .. } | Op::Mul { a, b, .. } => {
                numeric(types, a) && numeric(types, b)
            }
            Op::AddK { a, .. } | Op::SubK { a, .. } | Op::MulK { a, .. } | Op::Neg { a, .. } => numeric(types, a),
            Op::KAdd { b, .. } | Op::KSub { b, .. } | Op::KMul { b, .. } => numeric(types, b),
            Op::Lt { a, b, .. }
            | Op::Le { a, b, .. }
            | Op::Gt { a, b, .. }
            | Op::Ge { a, b, .. }
            | Op::Eq { a, b, .. }
            | Op::Ne { a, b, .. }
            | Op::JumpEq { a, b, .. }
            | Op::JumpNe { a, b, .. }
            | Op::JumpLt { a, b, .. }
            | Op::JumpLe { a, b, .. }
            | Op::JumpGt { a, b, .. }
            | Op::JumpGe { a, b, .. }
            | Op::JumpNotLt { a, b, .. }
            | Op::JumpNotLe { a, b, .. }
            | Op::JumpNotGt { a, b, .. }
            | Op::JumpNotGe { a, b, .. } => numeric(types, a) && numeric(types, b),
            Op::JumpLtK { a, .. }
            | Op::JumpLeK { a, .. }
            | Op::JumpGtK { a, .. }
            | Op::JumpGeK { a, .. }
            | Op::JumpNotLtK { a, .. }
            | Op::JumpNotLeK { a, .. }
            | Op::JumpNotGtK { a, .. }
            | Op::JumpNotGeK { a, .. } => numeric(types, a),
            Op::ForPrep { base, .. } => {
                types.register(base) == Type::INT && types.register(Reg(base.0.saturating_add(1))) == Type::INT
            }
            _ => false,
        };
        flag(row.throws && !plain, Flags::THROWS);
        flag(row.allocates && !plain, Flags::ALLOCATES);
        flag(row.outputs, Flags::OUTPUTS);
        match op {
            Op::Await { .. } => flag(true, Flags::AWAITS),
            Op::SetIndex { .. } | Op::ListAppend { .. } | Op::DictInsert { .. } => flag(true, Flags::WRITES_ITEMS),
            Op::GetGlobal { global, .. } => effects.global_read = Some(global),
            Op::SetGlobal { global, .. } => effects.global_written = Some(global),
            Op::GetMember { object, site, .. } => effects.field_read = fields(types, func, object, site),
            Op::SetMember { object, site, .. } => {
                effects.field_written = fields(types, func, object, site);
                if effects.field_written.is_empty() {
                    effects.flags.add(Flags::WRITES_ITEMS);
                }
            }
            Op::SetMemberNamed { .. } | Op::InitModule { .. } => flag(true, Flags::CALLS_UNKNOWN),
            Op::CallFn { func, .. } | Op::TailCallFn { func, .. } => effects.calls.push(func),
            Op::New { def, .. } => effects.calls.extend(types.index().init(def).map(|init| init.func)),
            Op::Call { base, .. } | Op::TailCall { base, .. } => {
                let callee = types.get(base);
                effects.calls_value(types, callee);
            }
            Op::CallNative { native, .. } => match types.index().native(native).map(|row| NATIVES[row].effect) {
                Some(NativeEffect::Pure | NativeEffect::Reads) => {}
                Some(NativeEffect::Io) => flag(true, Flags::OUTPUTS),
                Some(NativeEffect::Calls) | None => flag(true, Flags::CALLS_UNKNOWN),
            },
            Op::CallMethod { base, site, .. } | Op::TailCallMethod { base, site, .. } => {
                let receiver = types.get(Reg(base.0.saturating_add(1)));
                effects.calls_method(types, func, receiver, site);
            }
            Op::IterPrep { base, .. }
            | Op::IterNext { base, .. }
            | Op::IterPrep2 { base, .. }
            | Op::IterNext2 { base, .. } => {
                let simple = types.register(base).tags.and(Tags::INSTANCE.or(Tags::MODULE)).is_empty();
                flag(!simple, Flags::CALLS_UNKNOWN);
            }
            _ => {}
        }
        effects
    }

    pub fn writes_global(&self, global: GlobalId) -> bool {
        self.global_written == Some(global)
    }

    fn calls_value(&mut self, types: &mut Inference<'_>, callee: Type) {
        if callee.ids == IdSet::TOP {
            return self.flags.add(Flags::CALLS_UNKNOWN);
        }
        for id in types.members(callee.ids) {
            match id {
                IdKind::Function(func) => self.calls.push(func),
                IdKind::Struct(def) => self.calls.extend(types.index().init(def).map(|init| init.func)),
                IdKind::Native(_) => self.flags.add(Flags::OUTPUTS),
                IdKind::Instance(_) | IdKind::Module(_) => {}
            }
        }
    }

    fn calls_method(&mut self, types: &mut Inference<'_>, func: FuncId, receiver: Type, site: SiteId) {
        let name = types.index().site_name(types.program(), func, site);
        if receiver.tags.meets(Tags::LIST.or(Tags::DICT)) {
            // Which built-in it is matters little: most that change anything change items, and some call what they are given.
            self.flags.add(Flags::WRITES_ITEMS);
            let text = name.and_then(|name| types.program().strings.get(crate::bytecode::StrId(name.0)));
            if matches!(text, Some("sort" | "sorted" | "map" | "filter" | "reduce" | "extend") | None) {
                self.flags.add(Flags::CALLS_UNKNOWN);
            }
        }
        if !receiver.tags.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
            return;
        }
        let (Some(name), true) = (name, receiver.ids != IdSet::TOP) else {
            return self.flags.add(Flags::CALLS_UNKNOWN);
        };
        for id in types.members(receiver.ids) {
            match id {
                IdKind::Instance(def) | IdKind::Struct(def) => match types.index().method(def, name) {
                    Some(method) => self.calls.push(method.func),
                    None => self.flags.add(Flags::CALLS_UNKNOWN),
                },
                _ => self.flags.add(Flags::CALLS_UNKNOWN),
            }
        }
    }
}

/// The fields that `object.name` may mean.
fn fields(types: &mut Inference<'_>, func: FuncId, object: Reg, site: SiteId) -> Vec<(StructId, u32)> {
    let object = types.get(object);
    let Some(name) = types.index().site_name(types.program(), func, site) else { return Vec::new() };
    let members = types.members(object.ids);
    members
        .into_iter()
        .filter_map(|id| match id {
            IdKind::Instance(def) => Some((def, types.index().field(def, name)?)),
            _ => None,
        })
        .collect()
}

/// Effects of a region, being collected.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    flags: Flags,
    globals_read: BTreeSet<GlobalId>,
    globals_written: BTreeSet<GlobalId>,
    fields_read: BTreeSet<(StructId, u32)>,
    fields_written: BTreeSet<(StructId, u32)>,
    calls: BTreeSet<FuncId>,
}

impl Effects {
    pub fn add(&mut self, one: &InstructionEffects) {
        self.flags.add(one.flags);
        self.globals_read.extend(one.global_read);
        self.globals_written.extend(one.global_written);
        self.fields_read.extend(&one.field_read);
        self.fields_written.extend(&one.field_written);
        self.calls.extend(&one.calls);
    }

    /// Of a region too large to say more.
    pub fn assume_all(&mut self) {
        self.flags = Flags::all();
    }
}

/// Which functions call which, as far as the instructions say, and what follows for the callers.
#[derive(Debug)]
pub struct CallGraph {
    suspends: Vec<bool>,
    /// Flags of each function, its callees' included.
    flags: Vec<Flags>,
}

impl CallGraph {
    pub fn new(program: &Program) -> CallGraph {
        let count = program.functions.len();
        let mut callers: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut flags = vec![Flags::default(); count];
        for (at, function) in program.functions.iter().enumerate() {
            for op in program.code.get(function.code.range()).unwrap_or_default() {
                let row = op.effects();
                let mut flag = |on: bool, flag: Flags| {
                    if on {
                        flags[at].add(flag);
                    }
                };
                flag(row.throws, Flags::THROWS);
                flag(row.allocates, Flags::ALLOCATES);
                flag(row.outputs, Flags::OUTPUTS);
                match op {
                    Op::CallFn { func, .. } | Op::TailCallFn { func, .. } => callers[func.index()].push(at as u32),
                    Op::Await { .. } => flag(true, Flags::AWAITS),
                    Op::SetIndex { .. } | Op::ListAppend { .. } | Op::DictInsert { .. } => {
                        flag(true, Flags::WRITES_ITEMS)
                    }
                    _ => flag(row.calls, Flags::CALLS_UNKNOWN),
                }
            }
        }
        let mut work: Vec<u32> = (0..count as u32).collect();
        while let Some(callee) = work.pop() {
            let own = flags[callee as usize];
            for &caller in &callers[callee as usize] {
                let before = flags[caller as usize];
                flags[caller as usize].add(own);
                if flags[caller as usize] != before {
                    work.push(caller);
                }
            }
        }
        CallGraph { suspends: flags.iter().map(|flags| flags.has(Flags::AWAITS)).collect(), flags }
    }

    /// Whether a call of the function may wait for a task.
    pub fn suspends(&self, func: FuncId) -> bool {
        self.suspends.get(func.index()).copied().unwrap_or(true)
    }

    /// The effects with those of known callees.
    pub fn close(&self, effects: Effects) -> RegionEffects {
        let mut flags = effects.flags;
        for func in &effects.calls {
            flags.add(self.flags.get(func.index()).copied().unwrap_or(Flags::all()));
        }
        RegionEffects {
            allocates: flags.has(Flags::ALLOCATES),
            throws: flags.has(Flags::THROWS),
            outputs: flags.has(Flags::OUTPUTS),
            awaits: flags.has(Flags::AWAITS),
            calls_unknown: flags.has(Flags::CALLS_UNKNOWN),
            writes_items: flags.has(Flags::WRITES_ITEMS),
            globals_read: effects.globals_read.into_iter().collect(),
            globals_written: effects.globals_written.into_iter().collect(),
            fields_read: effects.fields_read.into_iter().collect(),
            fields_written: effects.fields_written.into_iter().collect(),
            calls: effects.calls.into_iter().collect(),
        }
    }
}
