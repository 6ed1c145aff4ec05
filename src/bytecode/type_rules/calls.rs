//! Rules for calls.

use super::index::ModuleEntry;
use super::inline::Args;
use super::{At, Place, SIDE_FIELDS, TypeEnv, builtins, slot};
use crate::bytecode::methods::Receiver;
use crate::bytecode::natives::{NATIVES, NativeEffect};
use crate::bytecode::types::{IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{FuncId, FunctionKind, NativeId, Reg, SiteId, StructId};

const CALLABLE: Tags = Tags::FUNCTION.or(Tags::STRUCT);

/// Ends a call instruction: everything above `base` is gone, and the result is in it.
pub fn returned<E: TypeEnv>(env: &mut E, base: Reg, ty: Type) -> bool {
    env.clobber_above(base);
    env.set(base, ty);
    !ty.is_never()
}

/// The types in a run of registers.
pub fn arguments<E: TypeEnv>(env: &mut E, first: Reg, count: u16) -> Args {
    let mut args = Args::new();
    (0..count).for_each(|at| args.push(env.get(Reg(first.0.saturating_add(at)))));
    args
}

fn above(base: Reg, count: u16) -> Reg {
    Reg(base.0.saturating_add(count))
}

/// A call of code nothing is known about.
fn call_unknown<E: TypeEnv>(env: &mut E, args: &[Type]) -> Type {
    for &arg in args {
        env.escape(arg);
    }
    Type::ANY
}

/// The result of a call of `func` once its parameters are settled.
fn result_of<E: TypeEnv>(env: &mut E, func: FuncId) -> Type {
    match env.program().functions.get(func.index()).map(|function| function.kind) {
        Some(FunctionKind::Async) => Type::of(Tags::TASK),
        Some(_) => env.read(Place::Result(func)),
        None => Type::ANY,
    }
}

/// A call of a function with these arguments; a wrong number of them throws.
pub fn call_function<E: TypeEnv>(env: &mut E, func: FuncId, args: &[Type]) -> Type {
    let params = env.program().functions.get(func.index()).map(|function| usize::from(function.params));
    if params != Some(args.len()) {
        return Type::NEVER;
    }
    env.reach(func);
    for (at, &arg) in args.iter().enumerate() {
        env.flow(Place::Param(func, at as u16), arg);
    }
    result_of(env, func)
}

/// `CallFn`: as [`call_function`], without collecting the arguments.
pub fn call_known<E: TypeEnv>(env: &mut E, base: Reg, func: FuncId) -> Type {
    let params = env.program().functions.get(func.index()).map_or(0, |function| function.params);
    env.reach(func);
    for at in 0..params {
        let arg = env.get(above(base, at.saturating_add(1)));
        env.flow(Place::Param(func, at), arg);
    }
    result_of(env, func)
}

/// `Call`.
pub fn call_register<E: TypeEnv>(env: &mut E, base: Reg, argc: u16) -> Type {
    let callee = env.get(base);
    let args = arguments(env, above(base, 1), argc);
    call_value(env, callee, &args)
}

/// A call of a value.
pub fn call_value<E: TypeEnv>(env: &mut E, callee: Type, args: &[Type]) -> Type {
    if !callee.tags.meets(CALLABLE) {
        return Type::NEVER;
    }
    if callee.ids == IdSet::TOP {
        return call_unknown(env, args);
    }
    let mut out = Type::NEVER;
    for id in env.members(callee.ids) {
        let result = match id {
            IdKind::Function(func) if callee.tags.meets(Tags::FUNCTION) => call_function(env, func, args),
            IdKind::Native(native) if callee.tags.meets(Tags::FUNCTION) => call_native(env, native, args),
            IdKind::Struct(def) if callee.tags.meets(Tags::STRUCT) => instantiate(env, def, args),
            _ => Type::NEVER,
        };
        out = env.join(out, result);
    }
    out
}

/// Makes an instance and calls its `init`, if there is one.
pub fn instantiate<E: TypeEnv>(env: &mut E, def: StructId, args: &[Type]) -> Type {
    let instance = Type { ids: env.identity(IdKind::Instance(def)), ..Type::of(Tags::INSTANCE) };
    let Some(init) = env.index().init(def) else {
        return if args.is_empty() { instance } else { Type::NEVER };
    };
    let result = if init.takes_self {
        call_function(env, init.func, &Args::with_self(instance, args))
    } else {
        call_function(env, init.func, args)
    };
    if result.is_never() { Type::NEVER } else { instance }
}

/// `CallNative`, or a call of a native function as a value.
pub fn call_native<E: TypeEnv>(env: &mut E, native: NativeId, args: &[Type]) -> Type {
    match env.index().native(native) {
        Some(row) => call_native_row(env, row, args),
        None => call_unknown(env, args),
    }
}

fn call_native_row<E: TypeEnv>(env: &mut E, row: usize, args: &[Type]) -> Type {
    let spec = &NATIVES[row];
    if spec.effect == NativeEffect::Calls {
        return call_unknown(env, args);
    }
    match builtins::native_result(spec.module, spec.name, args) {
        Some(ty) => ty,
        // A function without a rule: it may keep its arguments or give them back.
        None => call_unknown(env, args),
    }
}

/// `CallMethod`: what the receiver may be decides what may be called.
pub fn call_method<E: TypeEnv>(env: &mut E, at: &At, base: Reg, argc: u16, site: SiteId) -> Type {
    let receiver = env.get(above(base, 1));
    let args = arguments(env, above(base, 2), argc);
    let Some(name) = env.index().site_name(env.program(), at.func, site) else {
        env.escape(receiver);
        return call_unknown(env, &args);
    };
    let mut out = Type::NEVER;
    for (tag, kind) in [
        (Tags::LIST, Receiver::List),
        (Tags::STR, Receiver::String),
        (Tags::DICT, Receiver::Dict),
        (Tags::TUPLE, Receiver::Tuple),
        (Tags::RANGE, Receiver::Range),
    ] {
        if !receiver.tags.meets(tag) {
            continue;
        }
        if tag == Tags::DICT {
            // Entries come before methods.
            let key = slot(env, receiver, Slot::Key);
            if key.tags.meets(Tags::STR) {
                let value = slot(env, receiver, Slot::Value);
                let result = call_value(env, value, &args);
                out = env.join(out, result);
            }
        }
        if let Some(row) = env.index().builtin(kind, name) {
            let result = builtins::call_builtin(env, at, kind, row, Type::container(tag, receiver.class), &args);
            out = env.join(out, result);
        }
    }
    if !receiver.tags.meets(Tags::INSTANCE.or(Tags::STRUCT).or(Tags::MODULE)) {
        return out;
    }
    if receiver.ids == IdSet::TOP {
        return call_unknown(env, &args);
    }
    for id in env.members(receiver.ids) {
        let result = match id {
            IdKind::Instance(def) if receiver.tags.meets(Tags::INSTANCE) => {
                let field = env.index().field(def, name).unwrap_or(SIDE_FIELDS);
                let value = env.read(Place::Field(def, field));
                let called = call_value(env, value, &args);
                let method = match env.index().method(def, name) {
                    Some(method) if method.takes_self => {
                        let this = Type { ids: env.identity(id), ..Type::of(Tags::INSTANCE) };
                        call_function(env, method.func, &Args::with_self(this, &args))
                    }
                    Some(method) => call_function(env, method.func, &args),
                    None => Type::NEVER,
                };
                env.join(called, method)
            }
            IdKind::Struct(def) if receiver.tags.meets(Tags::STRUCT) => match env.index().method(def, name) {
                Some(method) => call_function(env, method.func, &args),
                None => Type::NEVER,
            },
            IdKind::Module(module) if receiver.tags.meets(Tags::MODULE) => {
                match env.index().export(env.program(), module.0, name) {
                    Some(ModuleEntry::Global(global)) => {
                        let value = env.read(Place::Global(global));
                        call_value(env, value, &args)
                    }
                    Some(ModuleEntry::Native(row)) => call_native_row(env, row, &args),
                    None => Type::NEVER,
                }
            }
            _ => Type::NEVER,
        };
        out = env.join(out, result);
    }
    out
}

/// Calls a function that a built-in method was given, and says what it returns.
pub fn call_back<E: TypeEnv>(env: &mut E, callee: Option<&Type>, args: &[Type]) -> Type {
    match callee {
        Some(&callee) => call_value(env, callee, args),
        None => Type::NEVER,
    }
}
