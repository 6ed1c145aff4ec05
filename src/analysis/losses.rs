//! Where values lost the one kind that a condition could ask for: which assignments, calls and stores gave which.

use rustc_hash::FxHashMap;

use super::infer::TypeCursor;
use super::names::Names;
use crate::bytecode::facts::Region;
use crate::bytecode::methods::{METHODS, MethodRule, Receiver, find_method};
use crate::bytecode::op::window::{Call, Iter, MethodCall, New};
use crate::bytecode::types::{ClassId, IdKind, Slot, Tags, Type};
use crate::bytecode::{FuncId, GlobalId, Op, Program, Reg, SiteId, StrId, StructId};
use crate::facts::rules::{Members, Place, SIDE_FIELDS, TypeEnv};
use crate::source::Span;

/// What a condition is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Holder {
    Local(FuncId, Reg),
    Global(GlobalId),
    /// A field by its position in the struct's layout.
    Field(StructId, u32),
    /// What containers of a class hold, closures' shared variables among them.
    Items(ClassId, Slot),
    Result(FuncId),
}

/// How a value gets to its holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// It is an argument of a call.
    Argument,
    /// It is assigned to a variable.
    Assigned,
    /// It is put into a field or a container.
    Stored,
    /// A function returns it.
    Returned,
}

/// A value that a variable is given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Given {
    holder: Holder,
    kinds: Tags,
    /// The instruction, counted from the first of its function.
    func: FuncId,
    pc: u32,
    transfer: Transfer,
}

/// A condition, with what it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    pub region: Region,
    pub name: String,
    /// Where its values come from, as far as that is known.
    pub holders: Vec<Holder>,
    pub wanted: Tags,
    /// All that it may be, what fails included.
    pub found: Tags,
}

/// A place where a condition of a region gets a type that others do not give it.
#[derive(Clone, PartialEq, Debug)]
pub struct Loss {
    /// What the variable is called.
    pub name: String,
    /// What it becomes there: `float`, `int or void`.
    pub kinds: String,
    /// What it is to be.
    pub wanted: String,
    pub span: Span,
    pub transfer: Transfer,
}

/// What is known of the conditions of a region that are not met.
#[derive(Clone, PartialEq, Debug)]
pub struct Lost {
    pub places: Vec<Loss>,
    /// As many versions there can be of it, one for each combination of types.
    pub versions: u32,
    /// Values of many kinds come there, if not of any.
    pub is_generic: bool,
}

/// The same of all regions that have such.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Losses(FxHashMap<Region, Lost>);

impl Losses {
    pub fn of(&self, region: Region) -> Option<&Lost> {
        self.0.get(&region)
    }
}

/// Values of so many kinds are no accident: the program works on values of any type.
const MANY_KINDS: u32 = 4;

/// Most places that are told of one region.
const TOLD: usize = 4;

/// Notes what `op`, the next instruction that may be executed, gives to variables, fields, containers and parameters.
pub fn note(types: &mut TypeCursor<'_>, func: FuncId, pc: u32, op: Op, given: &mut Vec<Given>) {
    let mut give =
        |holder: Holder, kinds: Tags, transfer: Transfer| given.push(Given { holder, kinds, func, pc, transfer });
    let mut pass = |types: &mut TypeCursor<'_>, callee: FuncId, param: u16, register: Reg, count: u16| {
        for index in 0..count {
            let kinds = types.register(register.above(index)).tags;
            give(Holder::Local(callee, Reg(param + index)), kinds, Transfer::Argument);
        }
    };
    match op {
        Op::SetGlobal { src, global } => give(Holder::Global(global), types.register(src).tags, Transfer::Assigned),
        Op::CallFn { base, func: callee } | Op::TailCallFn { base, func: callee } => {
            let count = types.program().functions[callee.index()].params;
            pass(types, callee, 0, base.above(Call::ARGS), count);
        }
        Op::New { base, def } => {
            if let Some(init) = types.index().init(def) {
                let count = types.program().functions[init.func.index()].params.saturating_sub(1);
                pass(types, init.func, 1, base.above(New::ARGS), count);
            }
        }
        Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site } => {
            let receiver = types.register(base.above(MethodCall::RECEIVER));
            let Some(name) = types.index().site_name(types.program(), func, site) else { return };
            let mut members = Members::of(receiver.ids);
            while let Some(id) = members.next(types) {
                let IdKind::Instance(def) = id else { continue };
                if let Some(method) = types.index().method(def, name).filter(|method| method.takes_self) {
                    pass(types, method.func, 1, base.above(MethodCall::ARGS), argc);
                }
            }
            if receiver.tags.meets(Tags::LIST) {
                let text = types.program().strings.get(StrId(name.0)).unwrap_or("");
                let method = find_method(Receiver::List, text).map(|row| &METHODS[row]);
                let Some(MethodRule::Keeps(stored)) = method.map(|method| method.rule) else { return };
                if stored >= argc {
                    return;
                }
                let kinds = types.register(base.above(MethodCall::ARGS + stored)).tags;
                give(Holder::Items(receiver.class, Slot::Item), kinds, Transfer::Stored);
            }
        }
        Op::SetMember { object, value, site } => {
            let (object, kinds) = (types.register(object), types.register(value).tags);
            for holder in fields(types, func, object, site) {
                give(holder, kinds, Transfer::Stored);
            }
        }
        Op::SetIndex { object, value, .. } => {
            let (object, kinds) = (types.register(object), types.register(value).tags);
            for holder in items(object) {
                give(holder, kinds, Transfer::Stored);
            }
        }
        Op::MakeList { base, count, .. } | Op::ListAppend { base, count, .. } => {
            let class = match op {
                Op::ListAppend { list, .. } => types.register(list).class,
                _ => types.site(types.at().pc),
            };
            for index in 0..count {
                give(Holder::Items(class, Slot::Item), types.register(base.above(index)).tags, Transfer::Stored);
            }
        }
        Op::MakeDict { base, count, .. } | Op::DictInsert { base, count, .. } => {
            let class = match op {
                Op::DictInsert { dict, .. } => types.register(dict).class,
                _ => types.site(types.at().pc),
            };
            for index in 0..count {
                let value = base.above(index * 2 + 1);
                give(Holder::Items(class, Slot::Value), types.register(value).tags, Transfer::Stored);
            }
        }
        Op::NewCell { src, .. } => {
            let class = types.site(types.at().pc);
            give(Holder::Items(class, Slot::Item), types.register(src).tags, Transfer::Assigned);
        }
        Op::SetCell { cell, src } => {
            give(Holder::Items(types.register(cell).class, Slot::Item), types.register(src).tags, Transfer::Assigned);
        }
        Op::SetCaptureCell { src, capture } => {
            let class = types.read(Place::Capture(func, capture)).class;
            give(Holder::Items(class, Slot::Item), types.register(src).tags, Transfer::Assigned);
        }
        Op::Return { src } => give(Holder::Result(func), types.register(src).tags, Transfer::Returned),
        Op::ReturnVoid {} => give(Holder::Result(func), Tags::VOID, Transfer::Returned),
        _ => {}
    }
}

/// The fields that an access by name may be about.
fn fields(types: &mut TypeCursor<'_>, func: FuncId, object: Type, site: SiteId) -> Vec<Holder> {
    let Some(name) = types.index().site_name(types.program(), func, site) else { return Vec::new() };
    let mut found = Vec::new();
    let mut members = Members::of(object.ids);
    while let Some(id) = members.next(types) {
        if let IdKind::Instance(def) = id {
            found.push(Holder::Field(def, types.index().field(def, name).unwrap_or(SIDE_FIELDS)));
        }
    }
    found
}

/// What the items of a list or dict are held by.
fn items(object: Type) -> Vec<Holder> {
    let slots = [(Tags::LIST, Slot::Item), (Tags::DICT, Slot::Value)];
    let own = slots.into_iter().filter(|(kind, _)| object.tags.meets(*kind) && object.class != ClassId::ANY);
    own.map(|(_, slot)| Holder::Items(object.class, slot)).collect()
}

/// Where the values in registers come from, as far as one block shows it.
#[derive(Default)]
pub struct Sources {
    registers: FxHashMap<Reg, Vec<Holder>>,
    /// Of loops' variables, in the whole function.
    variables: FxHashMap<Reg, Vec<Holder>>,
}

impl Sources {
    pub fn start_function(&mut self) {
        self.variables.clear();
    }

    pub fn start_block(&mut self) {
        self.registers.clear();
    }

    /// What holds the value in a register.
    pub fn of(&self, func: FuncId, register: Reg) -> Vec<Holder> {
        let known = self.registers.get(&register).or_else(|| self.variables.get(&register));
        let mut holders = known.cloned().unwrap_or_default();
        holders.push(Holder::Local(func, register));
        holders
    }

    /// Goes over the instruction at which `types` is.
    pub fn pass(&mut self, types: &mut TypeCursor<'_>, func: FuncId, op: Op) {
        let found = match op {
            Op::Move { src, .. } => self.registers.get(&src).cloned().unwrap_or_else(|| vec![Holder::Local(func, src)]),
            Op::Unpack { .. } => Vec::new(),
            Op::GetGlobal { global, .. } => vec![Holder::Global(global)],
            Op::GetMember { object, site, .. } => {
                let object = types.register(object);
                fields(types, func, object, site)
            }
            Op::GetIndex { object, .. } => items(types.register(object)),
            Op::GetCell { cell, .. } => vec![Holder::Items(types.register(cell).class, Slot::Item)],
            Op::GetCaptureCell { capture, .. } => {
                vec![Holder::Items(types.read(Place::Capture(func, capture)).class, Slot::Item)]
            }
            Op::CallFn { func, .. } => vec![Holder::Result(func)],
            Op::CallMethod { base, site, .. } => {
                let receiver = types.register(base.above(MethodCall::RECEIVER));
                let Some(name) = types.index().site_name(types.program(), func, site) else { return };
                let mut found = Vec::new();
                let mut members = Members::of(receiver.ids);
                while let Some(id) = members.next(types) {
                    let IdKind::Instance(def) = id else { continue };
                    found.extend(types.index().method(def, name).map(|method| Holder::Result(method.func)));
                }
                found
            }
            Op::IterPrep { base, .. } => {
                let holders = items(types.register(base));
                self.variables.insert(base.above(Iter::ITEM), holders);
                return;
            }
            _ => Vec::new(),
        };
        op.for_each_written(types.program(), |register| {
            self.registers.remove(&register);
        });
        if let Some(register) = op.result().filter(|_| !found.is_empty()) {
            self.registers.insert(register, found);
        }
    }
}

/// Notes what the instruction at `pc` has given to a register, before the next one is executed.
pub fn note_written(types: &mut TypeCursor<'_>, func: FuncId, pc: u32, register: Reg, given: &mut Vec<Given>) {
    let kinds = types.register(register).tags;
    given.push(Given { holder: Holder::Local(func, register), kinds, func, pc, transfer: Transfer::Assigned });
}

/// Where each condition is given what types, in the order of the source, and how many there are. Of regions that are
/// proven in contexts, `combined` is how many combinations of types these bring.
pub fn find(program: &Program, given: &[Given], asked: &[Asked], combined: &[(Region, u32)]) -> Losses {
    let names = Names::new(program);
    let mut by_holder: FxHashMap<Holder, Vec<&Given>> = FxHashMap::default();
    for one in given {
        by_holder.entry(one.holder).or_default().push(one);
    }
    let mut found = Losses::default();
    for &(region, versions) in combined {
        found.0.insert(region, Lost { places: Vec::new(), versions, is_generic: false });
    }
    for asked in asked {
        let lost = Lost { places: Vec::new(), versions: 1, is_generic: false };
        let lost = found.0.entry(asked.region).or_insert(lost);
        lost.places.append(&mut places(asked, &by_holder, &names));
        lost.versions = lost.versions.saturating_mul(asked.wanted.0.count_ones().max(1));
        lost.is_generic |= asked.found.and(Tags::VISIBLE).0.count_ones() >= MANY_KINDS;
    }
    found
}

/// The first place for each type that a condition is given, if there are several.
fn places(asked: &Asked, by_holder: &FxHashMap<Holder, Vec<&Given>>, names: &Names<'_>) -> Vec<Loss> {
    let words = |kinds: Tags| match Tags::VISIBLE.within(kinds) {
        true => "anything".to_owned(),
        false => kinds.words(),
    };
    let mut own: Vec<(Tags, Loss)> = Vec::new();
    let all = asked.holders.iter().flat_map(|holder| by_holder.get(holder).into_iter().flatten());
    for one in all {
        let kinds = one.kinds.and(Tags::VISIBLE);
        // A register that is shared with what has another name, or none, tells nothing.
        let is_named = match one.holder {
            Holder::Local(func, register) if one.transfer != Transfer::Argument => {
                names.local(func, one.pc + 1, register) == Some(asked.name.as_str())
            }
            _ => true,
        };
        if !kinds.is_empty() && is_named {
            let (name, span) = (asked.name.clone(), names.span(one.func, one.pc));
            let (kinds_text, wanted) = (words(kinds), words(asked.wanted));
            let loss = Loss { name, kinds: kinds_text, wanted, span, transfer: one.transfer };
            own.push((kinds, loss));
        }
    }
    own.sort_by_key(|(_, loss)| loss.span);
    let all_kinds = own.iter().fold(Tags::NONE, |all, (kinds, _)| all.or(*kinds));
    // What everyone gives is no news, nor is what fails anyway.
    let mut seen: Vec<Tags> = Vec::new();
    own.retain(|(kinds, _)| {
        let is_new = !seen.contains(kinds);
        seen.push(*kinds);
        is_new
    });
    if own.len() < 2 && all_kinds.within(asked.wanted) && all_kinds.is_single() {
        return Vec::new();
    }
    own.truncate(TOLD);
    own.into_iter().map(|(_, loss)| loss).collect()
}
