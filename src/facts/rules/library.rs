//! Result types of built-in methods and built-ins: what the columns of their tables mean to the type rules.

use super::calls::{call_function, call_value};
use super::inputs::{Args, Members};
use super::{Place, TypeEnv, made, members, slot};
use crate::bytecode::FunctionKind;
use crate::bytecode::builtins::{BuiltinEffect, BuiltinResult, BuiltinSpec};
use crate::bytecode::methods::{METHODS, MethodRule};
use crate::bytecode::signature::{Contents, Shape};
use crate::bytecode::types::{ClassId, IdKind, IdSet, Slot, Tags, Type};

fn or_void(ty: Type) -> Type {
    Type { tags: ty.tags.or(Tags::VOID), ..ty }
}

/// The type of values of which nothing is known but their kinds.
fn of_kinds(tags: Tags) -> Type {
    Type {
        tags,
        class: if tags.meets(Tags::CONTAINERS) { ClassId::ANY } else { ClassId::NONE },
        ids: if tags.meets(Tags::IDENTIFIED) { IdSet::TOP } else { IdSet::EMPTY },
    }
}

/// The type of a shape made by the instruction at hand.
fn of_shape<E: TypeEnv>(env: &mut E, shape: Shape) -> Type {
    let slots: &[(Slot, Tags)] = match shape.contents {
        Contents::Unknown => return of_kinds(shape.tags),
        Contents::Items(items) => &[(Slot::Item, items)],
        Contents::Parts(items) => &Slot::PARTS.map(|part| (part, items)),
        Contents::Entries(keys, values) => &[(Slot::Key, keys), (Slot::Value, values)],
        Contents::Given(value) => &[(Slot::Value, value)],
    };
    let container = made(env, shape.tags);
    for &(slot, tags) in slots {
        env.flow(Place::Slot(container.class, slot), of_kinds(tags));
    }
    container
}

/// A list made here of items of one type.
fn list_of<E: TypeEnv>(env: &mut E, item: Type) -> Type {
    let list = made(env, Tags::LIST);
    env.flow(Place::Slot(list.class, Slot::Item), item);
    list
}

/// A list made here of pairs. One class serves the list and the tuples in it: they use different slots of it.
fn list_of_pairs<E: TypeEnv>(env: &mut E, first: Type, second: Type) -> Type {
    let list = made(env, Tags::LIST);
    for (part, ty) in [(Slot::Part0, first), (Slot::Part1, second)] {
        env.flow(Place::Slot(list.class, part), ty);
    }
    env.flow(Place::Slot(list.class, Slot::Item), Type::container(Tags::TUPLE, list.class));
    list
}

/// A dict made here.
fn dict_of<E: TypeEnv>(env: &mut E, key: Type, value: Type) -> Type {
    let dict = made(env, Tags::DICT);
    for (part, ty) in [(Slot::Key, key), (Slot::Value, value)] {
        env.flow(Place::Slot(dict.class, part), ty);
    }
    dict
}

/// The result of a built-in method; the rows of the table are reached by position.
pub fn call_method<E: TypeEnv>(env: &mut E, row: usize, receiver: Type, args: Args) -> Type {
    let spec = &METHODS[row];
    if !spec.fits(args.len().into()) {
        return Type::NEVER;
    }
    let items = Place::Slot(receiver.class, Slot::Item);
    match spec.rule {
        MethodRule::Is(shape) => of_shape(env, shape),
        MethodRule::Keeps(argument) => {
            let item = args.get(env, argument);
            env.flow(items, item);
            Type::VOID
        }
        MethodRule::KeepsItems => {
            let container = args.get(env, 0);
            let added = members::items(env, container);
            env.flow(items, added);
            Type::VOID
        }
        MethodRule::Item => env.read(items),
        MethodRule::ItemOrVoid => or_void(env.read(items)),
        MethodRule::Receiver => receiver,
        MethodRule::Sum => {
            let item = env.read(items);
            if item.tags.within(Tags::NUMBER) {
                // The sum of no floats is the int 0.
                Type::of(item.tags.or(Tags::INT))
            } else {
                env.escape(item);
                Type::ANY
            }
        }
        MethodRule::Sorts | MethodRule::SortedCopy => {
            let item = env.read(items);
            call_back(env, args, &[item, item]);
            if spec.rule == MethodRule::Sorts { Type::VOID } else { receiver }
        }
        MethodRule::Maps => {
            let result = call_with_item(env, receiver, args);
            list_of(env, result)
        }
        MethodRule::Filters => {
            call_with_item(env, receiver, args);
            receiver
        }
        MethodRule::CallsWithItem(shape) => {
            call_with_item(env, receiver, args);
            of_shape(env, shape)
        }
        MethodRule::Finds => {
            call_with_item(env, receiver, args);
            or_void(env.read(items))
        }
        MethodRule::FlatMaps => {
            let result = call_with_item(env, receiver, args);
            let item = if result.tags.meets(Tags::LIST) { slot(env, result, Slot::Item) } else { Type::NEVER };
            list_of(env, item)
        }
        MethodRule::Groups => {
            let key = call_with_item(env, receiver, args);
            dict_of(env, key, Type::container(Tags::LIST, receiver.class))
        }
        MethodRule::Zips => {
            let other = args.get(env, 0);
            let first = env.read(items);
            let second = if other.tags.meets(Tags::LIST) { slot(env, other, Slot::Item) } else { Type::NEVER };
            list_of_pairs(env, first, second)
        }
        MethodRule::Enumerates => {
            let item = env.read(items);
            list_of_pairs(env, Type::INT, item)
        }
        MethodRule::Chunks => list_of(env, Type::container(Tags::LIST, receiver.class)),
        MethodRule::Reduces => reduce(env, receiver, args),
        MethodRule::Keys => {
            let key = slot(env, receiver, Slot::Key);
            list_of(env, key)
        }
        MethodRule::Values => {
            let value = slot(env, receiver, Slot::Value);
            list_of(env, value)
        }
        MethodRule::Entries => {
            let (key, value) = (slot(env, receiver, Slot::Key), slot(env, receiver, Slot::Value));
            list_of_pairs(env, key, value)
        }
        MethodRule::ValueOrDefault => {
            let value = slot(env, receiver, Slot::Value);
            let default = if args.len() > 1 { args.get(env, 1) } else { Type::VOID };
            env.join(value, default)
        }
        MethodRule::ValueOrVoid => or_void(slot(env, receiver, Slot::Value)),
        MethodRule::MapsValues => {
            let key = slot(env, receiver, Slot::Key);
            let value = call_with_entry(env, receiver, args);
            dict_of(env, key, value)
        }
        MethodRule::CallsWithEntry => {
            call_with_entry(env, receiver, args);
            receiver
        }
        MethodRule::GetsOrInserts => {
            for (index, part) in [(0, Slot::Key), (1, Slot::Value)] {
                let kept = args.get(env, index);
                env.flow(Place::Slot(receiver.class, part), kept);
            }
            slot(env, receiver, Slot::Value)
        }
    }
}

fn reduce<E: TypeEnv>(env: &mut E, list: Type, args: Args) -> Type {
    let item = slot(env, list, Slot::Item);
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

/// Calls the function that a built-in method was given first, if any, and says what it returns.
fn call_back<E: TypeEnv>(env: &mut E, args: Args, types: &[Type]) -> Type {
    let callee = args.get(env, 0);
    call_value(env, callee, Args::Of(types))
}

/// Calls that function with each item of a list.
fn call_with_item<E: TypeEnv>(env: &mut E, list: Type, args: Args) -> Type {
    let item = slot(env, list, Slot::Item);
    if item.is_never() { Type::NEVER } else { call_back(env, args, &[item]) }
}

/// Calls it with each key of a dict and its value.
fn call_with_entry<E: TypeEnv>(env: &mut E, dict: Type, args: Args) -> Type {
    let (key, value) = (slot(env, dict, Slot::Key), slot(env, dict, Slot::Value));
    if key.is_never() { Type::NEVER } else { call_back(env, args, &[key, value]) }
}

/// A task of a call of the first argument with the items of the second, a list of any length.
fn spawn<E: TypeEnv>(env: &mut E, args: Args) -> Type {
    let callee = args.get(env, 0);
    let list = if args.len() > 1 { args.get(env, 1).only(Tags::LIST) } else { Type::NEVER };
    let item = slot(env, list, Slot::Item);
    let task = made(env, Tags::TASK);
    let mut members = Members::of(callee.ids);
    let mut are_functions = callee.tags == Tags::FUNCTION && callee.ids != IdSet::TOP;
    while are_functions && let Some(id) = members.next(env) {
        let IdKind::Function(func) = id else {
            are_functions = false;
            break;
        };
        let Some(function) = env.program().functions.get(func.index()) else { continue };
        let (counts, is_async) = (function.required..=function.params, function.kind == FunctionKind::Async);
        for count in counts.filter(|&count| count == 0 || !item.is_never()) {
            let result = call_function(env, func, None, Args::Of(&vec![item; count.into()]));
            // A task that the call gives is the one.
            if !is_async {
                env.flow(Place::Slot(task.class, Slot::Value), result);
            }
        }
    }
    if !are_functions {
        // Who knows what is called.
        args.escape(env);
        env.flow(Place::Slot(task.class, Slot::Value), Type::ANY);
    }
    task
}

/// The result of a built-in.
pub fn call_builtin<E: TypeEnv>(env: &mut E, spec: &BuiltinSpec, args: Args) -> Type {
    if spec.effect == BuiltinEffect::Calls && !spec.result.is_about_tasks() {
        // A function among the arguments is called with who knows what.
        args.escape(env);
    }
    match spec.result {
        BuiltinResult::Is(shape) => of_shape(env, shape),
        BuiltinResult::Same => args.get(env, 0).only(Tags::TASK),
        BuiltinResult::OneOf => {
            let list = args.get(env, 0).only(Tags::LIST);
            slot(env, list, Slot::Item).only(Tags::TASK)
        }
        BuiltinResult::Gathered => {
            let list = args.get(env, 0).only(Tags::LIST);
            let task = slot(env, list, Slot::Item).only(Tags::TASK);
            let given = slot(env, task, Slot::Value);
            // One class serves the task and the list that it gives.
            let all = list_of(env, given);
            env.flow(Place::Slot(all.class, Slot::Value), all);
            Type::container(Tags::TASK, all.class)
        }
        BuiltinResult::Spawned => spawn(env, args),
        BuiltinResult::Number(first) => {
            let numbers =
                (0..first).map(|index| if index < args.len() { args.get(env, index).tags } else { Tags::NUMBER });
            Type::of(numbers.fold(Tags::NONE, Tags::or).and(Tags::NUMBER))
        }
    }
}
