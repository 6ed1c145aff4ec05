//! Result types of built-in methods and native functions.
//!
//! A method or function that no rule here knows gives `ANY`, and its arguments escape; so a new row in either table is sound
//! before anyone thinks of its type.

use super::calls::{call_back, call_value};
use super::{At, Place, TypeEnv, made, members, slot};
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::types::{ClassId, IdSet, Slot, Tags, Type};

const OR_VOID: Tags = Tags::VOID;

fn or_void(ty: Type) -> Type {
    Type { tags: ty.tags.or(OR_VOID), ..ty }
}

/// Text lists and the like: a list made here of items of one type.
fn list_of<E: TypeEnv>(env: &mut E, at: &At, item: Type) -> Type {
    let list = made(env, at, Tags::LIST);
    env.flow(Place::Slot(list.class, Slot::Item), item);
    list
}

/// The result of a built-in method; the rows of the table are reached by position.
pub fn call_builtin<E: TypeEnv>(
    env: &mut E,
    at: &At,
    kind: Receiver,
    row: usize,
    receiver: Type,
    args: &[Type],
) -> Type {
    let name = METHODS[row].name;
    if args.len() < METHODS[row].required || args.len() > METHODS[row].params.len() {
        return Type::NEVER;
    }
    let known = match kind {
        Receiver::List => list_method(env, at, name, receiver, args),
        Receiver::String => string_method(env, at, name),
        Receiver::Dict => dict_method(env, at, name, receiver, args),
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
        for &arg in args {
            env.escape(arg);
        }
        Type::ANY
    })
}

fn list_method<E: TypeEnv>(env: &mut E, at: &At, name: &str, list: Type, args: &[Type]) -> Option<Type> {
    let items = Place::Slot(list.class, Slot::Item);
    Some(match name {
        "push" => {
            env.flow(items, args[0]);
            Type::VOID
        }
        "insert" => {
            env.flow(items, args[1]);
            Type::VOID
        }
        "extend" => {
            let added = members::items(env, at, args[0]);
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
            if let Some(&by) = args.first() {
                call_value(env, by, &[item, item]);
            }
            if name == "sort" { Type::VOID } else { list }
        }
        "map" => {
            let item = env.read(items);
            let result = if item.is_never() { Type::NEVER } else { call_back(env, args.first(), &[item]) };
            list_of(env, at, result)
        }
        "filter" => {
            let item = env.read(items);
            if !item.is_never() {
                call_back(env, args.first(), &[item]);
            }
            list
        }
        "reduce" => {
            let item = env.read(items);
            // The accumulator has the type of what came out last; a cell stands for it.
            let accumulator = made(env, at, Tags::CELL);
            let home = Place::Slot(accumulator.class, Slot::Item);
            env.flow(home, args[1]);
            if !item.is_never() {
                let held = env.read(home);
                let result = call_back(env, args.first(), &[held, item]);
                env.flow(home, result);
            }
            env.read(home)
        }
        _ => return None,
    })
}

fn string_method<E: TypeEnv>(env: &mut E, at: &At, name: &str) -> Option<Type> {
    Some(match name {
        "len" | "index_of" => Type::INT,
        "upper" | "lower" | "trim" | "replace" | "repeat" | "pad_left" | "pad_right" => Type::STR,
        "contains" | "starts_with" | "ends_with" => Type::BOOL,
        "split" | "chars" | "lines" => list_of(env, at, Type::STR),
        "to_int" => or_void(Type::INT),
        "to_float" => or_void(Type::FLOAT),
        _ => return None,
    })
}

fn dict_method<E: TypeEnv>(env: &mut E, at: &At, name: &str, dict: Type, args: &[Type]) -> Option<Type> {
    Some(match name {
        "len" => Type::INT,
        "contains" => Type::BOOL,
        "clear" => Type::VOID,
        "copy" => dict,
        "keys" => {
            let key = slot(env, dict, Slot::Key);
            list_of(env, at, key)
        }
        "values" => {
            let value = slot(env, dict, Slot::Value);
            list_of(env, at, value)
        }
        "items" => {
            // One class serves the list and the tuples in it: they use different slots of it.
            let list = made(env, at, Tags::LIST);
            for (part, from) in [(Slot::Part0, Slot::Key), (Slot::Part1, Slot::Value)] {
                let ty = slot(env, dict, from);
                env.flow(Place::Slot(list.class, part), ty);
            }
            env.flow(Place::Slot(list.class, Slot::Item), Type::container(Tags::TUPLE, list.class));
            list
        }
        "get" => {
            let value = slot(env, dict, Slot::Value);
            let default = args.get(1).copied().unwrap_or(Type::VOID);
            env.join(value, default)
        }
        "remove" => or_void(slot(env, dict, Slot::Value)),
        _ => return None,
    })
}

/// The result of a native function; `None` if no rule says. None of these keeps its arguments, and the containers they make hold
/// nothing of them, or what they hold is unknown.
pub fn native_result(module: &str, name: &str, args: &[Type]) -> Option<Type> {
    let number = |at: usize| args.get(at).map_or(Tags::NUMBER, |ty| ty.tags.and(Tags::NUMBER));
    Some(match (module, name) {
        ("std/core", "len" | "int" | "timestamp" | "gc_threshold") => Type::INT,
        ("std/core", "str" | "type" | "input") => Type::STR,
        ("std/core", "float" | "clock") => Type::FLOAT,
        ("std/core", "gc" | "heap_stats") => Type::container(Tags::DICT, ClassId::ANY),
        ("std/core", "assert") => Type::VOID,
        ("std/math", "abs") => Type::of(number(0)),
        ("std/math", "min" | "max") => Type::of(number(0).or(number(1))),
        ("std/math", "clamp") => Type::of(number(0).or(number(1)).or(number(2))),
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
