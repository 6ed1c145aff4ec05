//! `std/host`: the way out to the program that embeds this one. Values are copied on the way.

use super::value::{list, list_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::host::HostValue;
use crate::runtime::object::{Dict, Tuple};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// What is nested deeper is not passed.
const DEEPEST: usize = 200;

pub fn call(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (module, name, list) = (str_arg(args, 0)?, str_arg(args, 1)?, list_arg(args, 2)?);
    let arguments = (0..list.len()).map(|index| outward(vm, list.get(index), 0)).collect::<Result<Vec<_>>>()?;
    // What it does may show.
    vm.io.flush()?;
    let result = vm.io.host.call(module.as_str(), name.as_str(), arguments).map_err(Error::message)?;
    // The function has run, so the memory for its result must be got here.
    vm.with_memory(|vm| inward(vm, &result, 0))
}

fn too_deep() -> Error {
    Error::message("Nested too deeply")
}

fn outward(vm: &Vm, value: Value, depth: usize) -> Result<HostValue> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    let cannot_pass = || Error::message(format!("Cannot pass type '{}' to the host", value.tag().type_name()));
    Ok(match value.tag() {
        Tag::Void => HostValue::Void,
        Tag::Bool => HostValue::Bool(value.as_bool().ok_or_else(cannot_pass)?),
        Tag::Int => HostValue::Int(value.as_int().ok_or_else(cannot_pass)?),
        Tag::Float => HostValue::Float(value.as_float().ok_or_else(cannot_pass)?),
        Tag::Str => HostValue::Str(value.as_str().ok_or_else(cannot_pass)?.as_str().to_owned()),
        Tag::List => {
            let list = value.as_list().ok_or_else(cannot_pass)?;
            HostValue::List(
                (0..list.len()).map(|index| outward(vm, list.get(index), depth + 1)).collect::<Result<_>>()?,
            )
        }
        Tag::Tuple => {
            let tuple = value.as_tuple().ok_or_else(cannot_pass)?;
            let items = tuple.items().iter().map(|&item| outward(vm, item, depth + 1));
            HostValue::Tuple(items.collect::<Result<_>>()?)
        }
        Tag::Dict => {
            let dict = value.as_dict().ok_or_else(cannot_pass)?;
            let entries = dict
                .entries(&vm.heap)
                .map(|(key, value)| Ok((outward(vm, key, depth + 1)?, outward(vm, value, depth + 1)?)));
            HostValue::Dict(entries.collect::<Result<_>>()?)
        }
        _ => return Err(cannot_pass()),
    })
}

fn inward(vm: &mut Vm, value: &HostValue, depth: usize) -> Result<Value> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    Ok(match value {
        HostValue::Void => Value::VOID,
        HostValue::Bool(bool) => Value::bool(*bool),
        HostValue::Int(int) => Value::int(*int),
        HostValue::Float(float) => Value::float(*float),
        HostValue::Str(text) => vm.string(text)?,
        HostValue::List(items) => {
            let items = items.iter().map(|item| inward(vm, item, depth + 1)).collect::<Result<Vec<_>>>()?;
            list(vm, &items)?
        }
        HostValue::Tuple(items) => {
            let items = items.iter().map(|item| inward(vm, item, depth + 1)).collect::<Result<Vec<_>>>()?;
            Value::from_tuple(Tuple::new(&mut vm.heap, &items))
        }
        HostValue::Dict(entries) => {
            let dict = Dict::new(&mut vm.heap);
            for (key, value) in entries {
                let (key, value) = (inward(vm, key, depth + 1)?, inward(vm, value, depth + 1)?);
                dict.insert(&mut vm.heap, key, value)?;
            }
            Value::from_dict(dict)
        }
    })
}
