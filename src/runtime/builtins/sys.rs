//! `std/sys`: the program's environment, and its end.

use super::value::{host_error, int_arg, list, str_arg};
use crate::runtime::error::{Error, ErrorKind, Result};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

pub fn env_get(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    match vm.io.host.env(str_arg(args, 0)?.as_str()) {
        Some(value) => vm.string(&value),
        None => Ok(Value::VOID),
    }
}

pub fn args(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let args: Vec<Value> = vm.io.host.args().iter().map(|arg| vm.heap.str_value(arg)).collect();
    list(vm, &args)
}

pub fn cwd(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let path = vm.io.host.current_dir().map_err(|error| host_error("Failed to get the current folder", &error))?;
    vm.string(&path)
}

/// The system keeps the low bits of the code that it has room for.
pub fn exit(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let code = int_arg(args, 0)?;
    vm.io.flush()?;
    Err(Error::new(ErrorKind::Exit(code as i32)))
}
