//! Result types of built-in methods and native functions.
//!
//! A method or function that no rule here knows gives `ANY`, and its arguments escape; so a new row in either table is sound
//! before anyone thinks of its type.

use super::calls::call_value;
use super::inputs::Args;
use super::{Place, TypeEnv, made, members, slot};
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect, find_builtin};
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::types::{ClassId, IdSet, Slot, Tags, Type};

const OR_VOID: Tags = Tags::VOID;

fn or_void(ty: Type) -> Type {
    Type { tags: ty.tags.or(OR_VOID), ..ty }
}

/// Text lists and the like: a list made here of items of one type.
fn list_of<E: TypeEnv>(env: &mut E, item: Type) -> Type {
    let list = made(env, Tags::LIST);
    env.flow(Place::Slot(list.class, Slot::Item), item);
    list
}

/// The result of a built-in method; the rows of the table are reached by position.
pub fn call_method<E: TypeEnv>(env: &mut E, kind: Receiver, row: usize, receiver: Type, args: Args) -> Type {
    let name = METHODS[row].name;
    let count = usize::from(args.len());
    if count < METHODS[row].required || count > METHODS[row].params.len() {
        return Type::NEVER;
    }
    let known = match kind {
        Receiver::List => list_method(env, name, receiver, args),
        Receiver::String => string_method(env, name),
        Receiver::Dict => dict_method(env, name, receiver, args),
        Receiver::Tuple => match name {
            "len" | "index_of" => Some(Type::INT),
            "contains" => Some(Type::BOOL),
            _ => None,
        },
        Receiver::Range => match name {
            "len" => Some(Type::INT),
            "contains" => Some(Type::BOOL),
            _ => None,
        },
    };
    known.unwrap_or_else(|| {
        env.escape(receiver);
        args.escape(env);
        Type::ANY
    })
}

fn list_method<E: TypeEnv>(env: &mut E, name: &str, list: Type, args: Args) -> Option<Type> {
    let items = Place::Slot(list.class, Slot::Item);
    Some(match name {
        "push" => {
            let item = args.get(env, 0);
            env.flow(items, item);
            Type::VOID
        }
        "insert" => {
            let item = args.get(env, 1);
            env.flow(items, item);
            Type::VOID
        }
        "extend" => {
            let container = args.get(env, 0);
            let added = members::items(env, container);
            env.flow(items, added);
            Type::VOID
        }
        "clear" | "reverse" => Type::VOID,
        "pop" | "remove" => env.read(items),
        "len" | "index_of" => Type::INT,
        "contains" => Type::BOOL,
        "join" => Type::STR,
        "copy" => list,
        "first" | "last" | "min" | "max" => or_void(env.read(items)),
        "sum" => {
            let item = env.read(items);
            if item.tags.within(Tags::NUMBER) {
                // The sum of no floats is the int 0.
                Type::of(item.tags.or(Tags::INT))
            } else {
                env.escape(item);
                Type::ANY
            }
        }
        "sort" | "sorted" => {
            let item = env.read(items);
            call_back(env, args, &[item, item]);
            if name == "sort" { Type::VOID } else { list }
        }
        "map" => {
            let item = env.read(items);
            let result = if item.is_never() { Type::NEVER } else { call_back(env, args, &[item]) };
            list_of(env, result)
        }
        "filter" => {
            let item = env.read(items);
            if !item.is_never() {
                call_back(env, args, &[item]);
            }
            list
        }
        "reduce" => {
            let item = env.read(items);
            // The accumulator has the type of what came out last; a cell stands for it.
            let accumulator = made(env, Tags::CELL);
            let home = Place::Slot(accumulator.class, Slot::Item);
            let start = args.get(env, 1);
            env.flow(home, start);
            if !item.is_never() {
                let held = env.read(home);
                let result = call_back(env, args, &[held, item]);
                env.flow(home, result);
            }
            env.read(home)
        }
        _ => return None,
    })
}

fn string_method<E: TypeEnv>(env: &mut E, name: &str) -> Option<Type> {
    Some(match name {
        "len" | "index_of" => Type::INT,
        "upper" | "lower" | "trim" | "replace" | "repeat" | "pad_left" | "pad_right" => Type::STR,
        "contains" | "starts_with" | "ends_with" => Type::BOOL,
        "split" | "chars" | "lines" => list_of(env, Type::STR),
        "to_int" => or_void(Type::INT),
        "to_float" => or_void(Type::FLOAT),
        _ => return None,
    })
}

fn dict_method<E: TypeEnv>(env: &mut E, name: &str, dict: Type, args: Args) -> Option<Type> {
    Some(match name {
        "len" => Type::INT,
        "contains" => Type::BOOL,
        "clear" => Type::VOID,
        "copy" => dict,
        "keys" => {
            let key = slot(env, dict, Slot::Key);
            list_of(env, key)
        }
        "values" => {
            let value = slot(env, dict, Slot::Value);
            list_of(env, value)
        }
        "items" => {
            // One class serves the list and the tuples in it: they use different slots of it.
            let list = made(env, Tags::LIST);
            for (part, from) in [(Slot::Part0, Slot::Key), (Slot::Part1, Slot::Value)] {
                let ty = slot(env, dict, from);
                env.flow(Place::Slot(list.class, part), ty);
            }
            env.flow(Place::Slot(list.class, Slot::Item), Type::container(Tags::TUPLE, list.class));
            list
        }
        "get" => {
            let value = slot(env, dict, Slot::Value);
            let default = if args.len() > 1 { args.get(env, 1) } else { Type::VOID };
            env.join(value, default)
        }
        "remove" => or_void(slot(env, dict, Slot::Value)),
        _ => return None,
    })
}

/// Calls the function that a built-in method was given first, if any, and says what it returns.
fn call_back<E: TypeEnv>(env: &mut E, args: Args, types: &[Type]) -> Type {
    let callee = args.get(env, 0);
    call_value(env, callee, Args::Of(types))
}

/// What a native function returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinResult {
    /// A value of this type.
    Is(Type),
    /// A number of the kind of one of so many arguments from the first on.
    Number(u16),
    /// No rule says.
    Unknown,
}

/// What the rules know of a native function.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinRule {
    pub effect: BuiltinEffect,
    pub result: BuiltinResult,
}

/// The rule about a native function; `None` if there is no such function.
pub fn builtin_rule(module: &str, name: &str) -> Option<BuiltinRule> {
    let effect = BUILTINS[find_builtin(module, name)?].effect;
    let result = match (module, name) {
        _ if effect == BuiltinEffect::Calls => BuiltinResult::Unknown,
        ("std/math", "abs") => BuiltinResult::Number(1),
        ("std/math", "min" | "max") => BuiltinResult::Number(2),
        ("std/math", "clamp") => BuiltinResult::Number(3),
        _ => fixed_result(module, name).map_or(BuiltinResult::Unknown, BuiltinResult::Is),
    };
    Some(BuiltinRule { effect, result })
}

/// The type of what a native function returns whatever it is given. None of these keeps its arguments, and the containers they make hold
/// nothing of them, or what they hold is unknown.
fn fixed_result(module: &str, name: &str) -> Option<Type> {
    Some(match (module, name) {
        ("std/core", "len" | "int" | "timestamp" | "gc_threshold") => Type::INT,
        ("std/core", "str" | "type" | "input") => Type::STR,
        ("std/core", "float" | "clock") => Type::FLOAT,
        ("std/core", "gc" | "heap_stats") => Type::container(Tags::DICT, ClassId::ANY),
        ("std/core", "assert") => Type::VOID,
        ("std/math", "sign" | "rand_int") => Type::INT,
        ("std/math", "is_finite" | "is_nan" | "is_inf" | "rand_bool") => Type::BOOL,
        ("std/math", "seed") => Type::VOID,
        (
            "std/math",
            "pi" | "e" | "tau" | "inf" | "nan" | "floor" | "ceil" | "round" | "trunc" | "fract" | "sqrt" | "cbrt"
            | "pow" | "hypot" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "atan2" | "exp" | "ln" | "log2"
            | "log10" | "log" | "lerp" | "degrees" | "radians" | "rand_float" | "rand_range",
        ) => Type::FLOAT,
        ("std/io", "file_open" | "file_write") => Type::INT,
        ("std/io", "file_read" | "read_file") => Type::STR,
        ("std/io", "file_read_line") => or_void(Type::STR),
        ("std/io", "file_exists") => Type::BOOL,
        ("std/io", "file_close" | "write_file") => Type::of(Tags::VOID.or(Tags::INT).or(Tags::BOOL)),
        ("std/sys", "env_get") => or_void(Type::STR),
        ("std/sys", "args") => Type::container(Tags::LIST, ClassId::ANY),
        ("std/sys", "cwd") => Type::STR,
        ("std/sys", "exit") => Type::VOID,
        ("std/json", "encode") => Type::STR,
        ("std/json", "decode") => Type {
            tags: Tags::NUMBER.or(Tags::BOOL).or(Tags::STR).or(Tags::VOID).or(Tags::LIST).or(Tags::DICT),
            class: ClassId::ANY,
            ids: IdSet::EMPTY,
        },
        _ => return None,
    })
}
