//! Rules for elements, members and iteration.

use super::index::{ModuleEntry, Name};
use super::inputs::{Args, Members};
use super::{Place, SIDE_FIELDS, TypeEnv, any_part, calls, made, slot, smear_parts};
use crate::bytecode::op::window::Iter;
use crate::bytecode::types::{IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{FuncId, Reg, StructId};

/// `object[key]`; `constant` is the key's value where it is known.
#[inline(never)]
pub fn get_index<E: TypeEnv>(env: &mut E, object: Type, key: Type, constant: Option<i32>) -> Type {
    let mut out = Type::NEVER;
    let (by_int, by_range) = (key.tags.meets(Tags::INT), key.tags.meets(Tags::RANGE));
    if object.tags.meets(Tags::STR) && (by_int || by_range) {
        out = Type::STR;
    }
    if object.tags.meets(Tags::LIST) {
        if by_int {
            let item = slot(env, object, Slot::Item);
            out = env.join(out, item);
        }
        if by_range {
            out = env.join(out, Type::container(Tags::LIST, object.class));
        }
    }
    if object.tags.meets(Tags::TUPLE) {
        if by_int {
            let item = match constant.and_then(|index| usize::try_from(index).ok()) {
                Some(index) => slot(env, object, Slot::part(index)),
                None => any_part(env, object.class),
            };
            out = env.join(out, item);
        }
        if by_range {
            smear_parts(env, object.class);
            out = env.join(out, Type::container(Tags::TUPLE, object.class));
        }
    }
    if object.tags.meets(Tags::DICT) {
        let value = slot(env, object, Slot::Value);
        out = env.join(out, value);
    }
    if object.tags.meets(Tags::INSTANCE.or(Tags::MODULE)) && key.tags.meets(Tags::STR) {
        let member = get_member(env, object.without(Tags::DICT.or(Tags::RANGE).or(Tags::STRUCT)), None);
        out = env.join(out, member);
    }
    out
}

/// `object[key] = value`; whether it may succeed.
#[inline(never)]
pub fn set_index<E: TypeEnv>(env: &mut E, object: Type, key: Type, value: Type) -> bool {
    let mut may = false;
    if object.tags.meets(Tags::LIST) {
        env.flow(Place::Slot(object.class, Slot::Item), value);
        may = true;
    }
    if object.tags.meets(Tags::DICT) {
        env.flow(Place::Slot(object.class, Slot::Key), key);
        env.flow(Place::Slot(object.class, Slot::Value), value);
        may = true;
    }
    if object.tags.meets(Tags::INSTANCE) && key.tags.meets(Tags::STR) {
        set_member(env, object.without(Tags::DICT), None, value);
        may = true;
    }
    may
}

/// The positions of a struct's fields, [`SIDE_FIELDS`] included.
fn all_fields<E: TypeEnv>(env: &E, def: StructId) -> impl Iterator<Item = u32> + use<E> {
    let count = env.program().structs.get(def.index()).map_or(0, |def| def.fields.len() as u32);
    (0..count).chain([SIDE_FIELDS])
}

/// `object.name`; `None` for a name found at run time.
#[inline(never)]
pub fn get_member<E: TypeEnv>(env: &mut E, object: Type, name: Option<Name>) -> Type {
    let mut out = Type::NEVER;
    if object.tags.meets(Tags::RANGE) {
        out = Type::INT;
    }
    if object.tags.meets(Tags::DICT) {
        let value = slot(env, object, Slot::Value);
        out = env.join(out, value);
    }
    if !object.tags.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
        return out;
    }
    if object.ids == IdSet::TOP {
        return env.join(out, Type::ANY);
    }
    let mut members = Members::of(object.ids);
    while let Some(id) = members.next(env) {
        let member = match id {
            IdKind::Instance(def) if object.tags.meets(Tags::INSTANCE) => instance_member(env, def, name),
            IdKind::Struct(def) if object.tags.meets(Tags::STRUCT) => struct_member(env, def, name),
            IdKind::Module(module) if object.tags.meets(Tags::MODULE) => {
                let entry = name.map(|name| env.index().export(env.program(), module.0, name));
                match entry {
                    Some(Some(ModuleEntry::Global(global))) => env.read(Place::Global(global)),
                    Some(Some(ModuleEntry::Builtin(_))) => Type { ids: IdSet::TOP, ..Type::of(Tags::FUNCTION) },
                    Some(None) => Type::NEVER,
                    None => {
                        env.escape(object);
                        Type::ANY
                    }
                }
            }
            _ => Type::NEVER,
        };
        out = env.join(out, member);
    }
    out
}

fn instance_member<E: TypeEnv>(env: &mut E, def: StructId, name: Option<Name>) -> Type {
    let Some(name) = name else {
        // Any field, or any method bound to the instance.
        let ids = env.identity(IdKind::Instance(def));
        env.escape(Type { ids, ..Type::of(Tags::INSTANCE) });
        return Type::ANY;
    };
    let mut out = match env.index().field(def, name) {
        Some(field) => env.read(Place::Field(def, field)),
        None => env.read(Place::Field(def, SIDE_FIELDS)),
    };
    if let Some(method) = env.index().method(def, name) {
        if method.takes_self {
            bind(env, def, method.func);
        } else {
            let ids = env.identity(IdKind::Function(method.func));
            env.escape(Type { ids, ..Type::of(Tags::FUNCTION) });
        }
        out = env.join(out, Type { ids: IdSet::TOP, ..Type::of(Tags::FUNCTION) });
    }
    out
}

/// A bound method is called from wherever it gets to, with any arguments behind the instance that it is bound to.
fn bind<E: TypeEnv>(env: &mut E, def: StructId, func: FuncId) {
    env.reach(func);
    // As a parameter of a function that has escaped, `self` could be anything, and what is stored in its fields would
    // be nobody's.
    let this = Type { ids: env.identity(IdKind::Instance(def)), ..Type::of(Tags::INSTANCE) };
    env.flow(Place::Param(func, 0), this);
    let params = env.program().functions.get(func.index()).map_or(0, |function| function.params);
    for param in 1..params {
        env.flow(Place::Param(func, param), Type::ANY);
    }
    let result = env.read(Place::Result(func));
    env.escape(result);
}

fn struct_member<E: TypeEnv>(env: &mut E, def: StructId, name: Option<Name>) -> Type {
    let Some(name) = name else {
        let ids = env.identity(IdKind::Struct(def));
        env.escape(Type { ids, ..Type::of(Tags::STRUCT) });
        return Type::ANY;
    };
    match env.index().method(def, name) {
        Some(method) => Type { ids: env.identity(IdKind::Function(method.func)), ..Type::of(Tags::FUNCTION) },
        None => Type::NEVER,
    }
}

/// `object.name = value`; `None` for a name found at run time.
#[inline(never)]
pub fn set_member<E: TypeEnv>(env: &mut E, object: Type, name: Option<Name>, value: Type) {
    if object.tags.meets(Tags::DICT) {
        env.flow(Place::Slot(object.class, Slot::Key), Type::STR);
        env.flow(Place::Slot(object.class, Slot::Value), value);
    }
    if !object.tags.meets(Tags::INSTANCE) {
        return;
    }
    if object.ids == IdSet::TOP {
        return env.escape(value);
    }
    let mut members = Members::of(object.ids);
    while let Some(id) = members.next(env) {
        let IdKind::Instance(def) = id else { continue };
        match name {
            Some(name) => {
                let field = env.index().field(def, name).unwrap_or(SIDE_FIELDS);
                env.flow(Place::Field(def, field), value);
            }
            None => {
                for field in all_fields(env, def) {
                    env.flow(Place::Field(def, field), value);
                }
            }
        }
    }
}

/// How deep an iterator made by an iterator is followed.
const ITERATOR_DEPTH: u32 = 3;

/// The items of a `for` loop over `container`. A dict's or module's items are tuples made by the instruction at
/// [`TypeEnv::at`].
pub fn items<E: TypeEnv>(env: &mut E, container: Type) -> Type {
    items_within(env, container, ITERATOR_DEPTH)
}

fn items_within<E: TypeEnv>(env: &mut E, container: Type, depth: u32) -> Type {
    let mut out = Type::NEVER;
    if container.tags.meets(Tags::RANGE) {
        out = Type::INT;
    }
    if container.tags.meets(Tags::STR) {
        out = env.join(out, Type::STR);
    }
    if container.tags.meets(Tags::LIST) {
        let item = slot(env, container, Slot::Item);
        out = env.join(out, item);
    }
    if container.tags.meets(Tags::TUPLE) {
        let item = any_part(env, container.class);
        out = env.join(out, item);
    }
    if container.tags.meets(Tags::DICT) {
        let pair = made(env, Tags::TUPLE);
        for (part, from) in [(Slot::Part0, Slot::Key), (Slot::Part1, Slot::Value)] {
            let ty = slot(env, container, from);
            env.flow(Place::Slot(pair.class, part), ty);
        }
        if !slot(env, container, Slot::Key).is_never() {
            out = env.join(out, pair);
        }
    }
    if container.tags.meets(Tags::MODULE) {
        env.escape(container);
        out = env.join(out, Type::ANY);
    }
    if container.tags.meets(Tags::INSTANCE) {
        let item = instance_items(env, container, depth);
        out = env.join(out, item);
    }
    out
}

fn instance_items<E: TypeEnv>(env: &mut E, container: Type, depth: u32) -> Type {
    if container.ids == IdSet::TOP || depth == 0 {
        env.escape(container);
        return Type::ANY;
    }
    let mut out = Type::NEVER;
    let mut members = Members::of(container.ids);
    while let Some(id) = members.next(env) {
        let IdKind::Instance(def) = id else { continue };
        let this = Some(members.instance(env, id));
        let none = Args::Of(&[]);
        let item = if let Some(method) = env.index().iter(def).filter(|_| depth == ITERATOR_DEPTH) {
            let iterator = calls::call_function(env, method.func, this, none);
            items_within(env, iterator, depth - 1)
        } else if let Some(method) = env.index().next(def) {
            calls::call_function(env, method.func, this, none).without(Tags::VOID)
        } else if let Some(method) = env.index().iter(def) {
            let iterator = calls::call_function(env, method.func, this, none);
            items_within(env, iterator, depth - 1)
        } else {
            Type::NEVER
        };
        out = env.join(out, item);
    }
    out
}

/// The two parts of each item.
fn pairs<E: TypeEnv>(env: &mut E, container: Type) -> (Type, Type) {
    let (mut first, mut second) = (Type::NEVER, Type::NEVER);
    let rest = container.without(Tags::DICT);
    if container.tags.meets(Tags::DICT) {
        first = slot(env, container, Slot::Key);
        second = slot(env, container, Slot::Value);
    }
    let item = items(env, rest);
    let mut add = |env: &mut E, a: Type, b: Type| {
        first = env.join(first, a);
        second = env.join(second, b);
    };
    if item.tags.meets(Tags::STR) {
        add(env, Type::STR, Type::STR);
    }
    if item.tags.meets(Tags::RANGE) {
        add(env, Type::INT, Type::INT);
    }
    if item.tags.meets(Tags::LIST) {
        let ty = slot(env, item, Slot::Item);
        add(env, ty, ty);
    }
    if item.tags.meets(Tags::TUPLE) {
        let (a, b) = (slot(env, item, Slot::Part0), slot(env, item, Slot::Part1));
        add(env, a, b);
    }
    if item.tags.meets(Tags::DICT.or(Tags::INSTANCE).or(Tags::MODULE)) {
        // No sequences by the letter of the language; nothing is claimed of what a lenient runtime makes of them.
        env.escape(item);
        add(env, Type::ANY, Type::ANY);
    }
    (first, second)
}

/// `IterPrep`, `IterNext` and their pairing forms; `target` is the exit of the first two, the loop's body of the
/// others.
#[inline(never)]
pub fn iterate<E: TypeEnv>(env: &mut E, base: Reg, target: i32, prepares: bool, unpacks: bool) -> bool {
    let state = |slot: u16| base.above(slot);
    let held = env.register(base);
    let container = match (prepares, held.tags.meets(Tags::ITER)) {
        (false, true) if held.tags != Tags::ITER => held.without(Tags::ITER),
        (true, false) => held,
        // Stepping what is no iterator or not the first register of one, or starting one on another's state.
        _ => {
            env.escape(held);
            Type::ANY
        }
    };
    let container = container.without(Tags::ALL.without(Tags::ITERABLE));
    if container.is_never() {
        return false;
    }
    let (first, second) = if unpacks { pairs(env, container) } else { (items(env, container), Type::INT) };
    if prepares {
        env.set(base, Type { tags: container.tags.or(Tags::ITER), ..container });
        env.set(state(Iter::POSITION), Type::of(Tags::ITER));
        env.set(state(Iter::VERSION), Type::of(Tags::ITER));
        env.edge(target);
    }
    let before = (env.register(state(Iter::ITEM)), env.register(state(Iter::SECOND)));
    let some = !first.is_never() && !second.is_never();
    if some {
        env.set(state(Iter::ITEM), first);
        if unpacks {
            env.set(state(Iter::SECOND), second);
        }
    }
    if prepares {
        return some;
    }
    if some {
        env.edge(target);
        env.restore(state(Iter::ITEM), before.0);
        if unpacks {
            env.restore(state(Iter::SECOND), before.1);
        }
    }
    true
}
