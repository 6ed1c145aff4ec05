//! Rules for calls.

use super::index::{ModuleEntry, Name};
use super::inputs::{Args, Members};
use super::{Place, SIDE_FIELDS, TypeEnv, library, made, members, slot};
use crate::bytecode::methods::Receiver;
use crate::bytecode::types::{IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{BuiltinId, FuncId, FunctionKind, Reg, SiteId, StructId};

/// Ends a call instruction: everything above `base` is gone, and the result is in it.
#[inline(never)]
pub fn returned<E: TypeEnv>(env: &mut E, base: Reg, ty: Type) -> bool {
    env.clobber_above(base);
    env.set(base, ty);
    !ty.is_never()
}

fn above(base: Reg, count: u16) -> Reg {
    Reg(base.0.saturating_add(count))
}

/// A call of code nothing is known about.
fn call_unknown<E: TypeEnv>(env: &mut E, args: Args) -> Type {
    args.escape(env);
    Type::ANY
}

/// The result of a call of `func` once its parameters are settled.
fn result_of<E: TypeEnv>(env: &mut E, func: FuncId) -> Type {
    match env.program().functions.get(func.index()).map(|function| function.kind) {
        Some(FunctionKind::Async) => {
            let given = env.read(Place::Result(func));
            let task = made(env, Tags::TASK);
            env.flow(Place::Slot(task.class, Slot::Value), given);
            task
        }
        Some(_) => env.read(Place::Result(func)),
        None => Type::ANY,
    }
}

/// A call of a function with these arguments, those of a method behind the instance; a wrong number of them throws.
pub fn call_function<E: TypeEnv>(env: &mut E, func: FuncId, this: Option<Type>, args: Args) -> Type {
    let before = u16::from(this.is_some());
    let function = env.program().functions.get(func.index());
    let takes = function.is_some_and(|function| args.len().checked_add(before).is_some_and(|n| function.takes(n)));
    if !takes {
        return Type::NEVER;
    }
    env.reach(func);
    if let Some(this) = this {
        env.flow(Place::Param(func, 0), this);
    }
    for index in 0..args.len() {
        let arg = args.get(env, index);
        env.flow(Place::Param(func, before + index), arg);
    }
    result_of(env, func)
}

/// `CallFn`: as many arguments as the function takes.
#[inline(never)]
pub fn call_known<E: TypeEnv>(env: &mut E, base: Reg, func: FuncId) -> Type {
    let count = env.program().functions.get(func.index()).map_or(0, |function| function.params);
    call_function(env, func, None, Args::In { first: above(base, 1), count })
}

/// `Call`.
#[inline(never)]
pub fn call_register<E: TypeEnv>(env: &mut E, base: Reg, argc: u16) -> Type {
    let callee = env.get(base);
    call_value(env, callee, Args::In { first: above(base, 1), count: argc })
}

/// A call of a value.
pub fn call_value<E: TypeEnv>(env: &mut E, callee: Type, args: Args) -> Type {
    if !callee.tags.meets(Tags::CALLABLE) {
        return Type::NEVER;
    }
    if callee.ids == IdSet::TOP {
        return call_unknown(env, args);
    }
    let mut out = Type::NEVER;
    let mut members = Members::of(callee.ids);
    while let Some(id) = members.next(env) {
        let result = match id {
            IdKind::Function(func) if callee.tags.meets(Tags::FUNCTION) => call_function(env, func, None, args),
            IdKind::Builtin(builtin) if callee.tags.meets(Tags::FUNCTION) => call_builtin(env, builtin, args),
            IdKind::Struct(def) if callee.tags.meets(Tags::STRUCT) => instantiate(env, def, args),
            _ => Type::NEVER,
        };
        out = env.join(out, result);
    }
    out
}

/// Makes an instance and calls its `init`, if there is one.
#[inline(never)]
pub fn instantiate<E: TypeEnv>(env: &mut E, def: StructId, args: Args) -> Type {
    let instance = Type { ids: env.identity(IdKind::Instance(def)), ..Type::of(Tags::INSTANCE) };
    let Some(init) = env.index().init(def) else {
        return if args.len() == 0 { instance } else { Type::NEVER };
    };
    let result = call_function(env, init.func, init.takes_self.then_some(instance), args);
    if result.is_never() { Type::NEVER } else { instance }
}

/// `CallBuiltin`, or a call of a native function as a value.
#[inline(never)]
pub fn call_builtin<E: TypeEnv>(env: &mut E, builtin: BuiltinId, args: Args) -> Type {
    match env.index().builtin(builtin) {
        Some(spec) => library::call_builtin(env, spec, args),
        None => call_unknown(env, args),
    }
}

fn call_built_in<E: TypeEnv>(env: &mut E, receiver: Type, name: Name, args: Args) -> Type {
    let mut out = Type::NEVER;
    for (tag, kind) in Receiver::ALL {
        if !receiver.tags.meets(tag) {
            continue;
        }
        if tag == Tags::DICT {
            // Entries come before methods.
            let key = slot(env, receiver, Slot::Key);
            if key.tags.meets(Tags::STR) {
                let value = slot(env, receiver, Slot::Value);
                let result = call_value(env, value, args);
                out = env.join(out, result);
            }
        }
        if let Some(row) = env.index().builtin_method(kind, name) {
            let result = library::call_method(env, row, Type::container(tag, receiver.class), args);
            out = env.join(out, result);
        }
    }
    out
}

/// `FindMethod`: the values that may be found under the name, and whether it may be a method instead.
#[inline(never)]
pub fn find_method<E: TypeEnv>(env: &mut E, object: Reg, site: SiteId) -> (Type, bool) {
    let receiver = env.get(object);
    let Some(name) = env.index().site_name(env.program(), env.at().func, site) else {
        return (members::get_member(env, receiver, None), true);
    };
    let has_built_in =
        |env: &E, (tag, kind)| receiver.tags.meets(tag) && env.index().builtin_method(kind, name).is_some();
    let mut may_be_method = Receiver::ALL.into_iter().any(|row| has_built_in(env, row));
    let mut out = Type::NEVER;
    if receiver.tags.meets(Tags::DICT) && slot(env, receiver, Slot::Key).tags.meets(Tags::STR) {
        out = slot(env, receiver, Slot::Value);
    }
    if receiver.tags.meets(Tags::STRUCT.or(Tags::MODULE)) {
        let member = members::get_member(env, receiver.only(Tags::STRUCT.or(Tags::MODULE)), Some(name));
        out = env.join(out, member);
    }
    if !receiver.tags.meets(Tags::INSTANCE) {
        return (out, may_be_method);
    }
    if receiver.ids == IdSet::TOP {
        return (Type::ANY, true);
    }
    let mut ids = Members::of(receiver.ids);
    while let Some(id) = ids.next(env) {
        let IdKind::Instance(def) = id else { continue };
        let field = env.index().field(def, name).unwrap_or(SIDE_FIELDS);
        let value = env.read(Place::Field(def, field));
        out = env.join(out, value);
        match env.index().method(def, name) {
            Some(method) if method.takes_self => may_be_method = true,
            Some(method) => {
                let function = Type { ids: env.identity(IdKind::Function(method.func)), ..Type::of(Tags::FUNCTION) };
                out = env.join(out, function);
            }
            None => {}
        }
    }
    (out, may_be_method)
}

/// `CallMethod`: what the receiver may be decides what may be called.
#[inline(never)]
pub fn call_method<E: TypeEnv>(env: &mut E, base: Reg, argc: u16, site: SiteId) -> Type {
    let receiver = env.get(above(base, 1));
    let args = Args::In { first: above(base, 2), count: argc };
    let Some(name) = env.index().site_name(env.program(), env.at().func, site) else {
        env.escape(receiver);
        return call_unknown(env, args);
    };
    let mut out = Type::NEVER;
    if receiver.tags.meets(Receiver::TAGS) {
        out = call_built_in(env, receiver, name, args);
    }
    if !receiver.tags.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
        return out;
    }
    if receiver.ids == IdSet::TOP {
        return call_unknown(env, args);
    }
    let mut members = Members::of(receiver.ids);
    while let Some(id) = members.next(env) {
        let result = match id {
            IdKind::Instance(def) if receiver.tags.meets(Tags::INSTANCE) => {
                let field = env.index().field(def, name).unwrap_or(SIDE_FIELDS);
                let value = env.read(Place::Field(def, field));
                let called = call_value(env, value, args);
                let method = match env.index().method(def, name) {
                    Some(method) => {
                        let this = method.takes_self.then(|| members.instance(env, id));
                        call_function(env, method.func, this, args)
                    }
                    None => Type::NEVER,
                };
                env.join(called, method)
            }
            IdKind::Struct(def) if receiver.tags.meets(Tags::STRUCT) => match env.index().method(def, name) {
                Some(method) => call_function(env, method.func, None, args),
                None => Type::NEVER,
            },
            IdKind::Module(module) if receiver.tags.meets(Tags::MODULE) => {
                match env.index().export(env.program(), module.0, name) {
                    Some(ModuleEntry::Global(global)) => {
                        let value = env.read(Place::Global(global));
                        call_value(env, value, args)
                    }
                    Some(ModuleEntry::Builtin(spec)) => library::call_builtin(env, spec, args),
                    None => Type::NEVER,
                }
            }
            _ => Type::NEVER,
        };
        out = env.join(out, result);
    }
    out
}
