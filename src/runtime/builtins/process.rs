//! `std/process`: running another program to its end.

use super::value::{failed, insert_named, list_arg, str_arg};
use crate::runtime::error::Result;
use crate::runtime::object::Dict;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Runs a program, without a shell, and waits for it: a dict of its status and of what it wrote.
pub fn run(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (program, list) = (str_arg(args, 0)?, list_arg(args, 1)?);
    let program_args = (0..list.len())
        .map(|index| Ok(str_arg(&[list.get(index)], 0)?.as_str().to_owned()))
        .collect::<Result<Vec<String>>>()?;
    let input = match args.get(2) {
        Some(_) => str_arg(args, 2)?.as_str().to_owned(),
        None => String::new(),
    };
    vm.io.flush()?;
    let most = vm.heap.max_heap();
    let ended = vm
        .io
        .host
        .run(program.as_str(), &program_args, &input, most)
        .map_err(|error| failed("run", program.as_str(), &error))?;
    // The program has run, so nothing here may ask for a second attempt.
    let dict = Dict::new(&mut vm.heap);
    insert_named(vm, dict, "status", Value::int(ended.status.into()))?;
    for (name, bytes) in [("out", ended.out), ("err", ended.err)] {
        let text = vm.heap.str_value(&String::from_utf8_lossy(&bytes));
        insert_named(vm, dict, name, text)?;
    }
    Ok(Value::from_dict(dict))
}
