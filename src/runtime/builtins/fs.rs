//! `std/fs`: what there is at a path, and making, moving and removing it.

use std::io;

use super::value::{failed, list, str_arg};
use crate::runtime::error::Result;
use crate::runtime::host::FileInfo;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

pub fn exists(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(vm.io.host.exists(str_arg(args, 0)?.as_str())))
}

/// What there is at a path; what cannot be looked at is not there.
fn is(vm: &mut Vm, args: &[Value], kind: fn(&FileInfo) -> bool) -> Result<Value> {
    Ok(Value::bool(vm.io.host.info(str_arg(args, 0)?.as_str()).is_ok_and(|info| kind(&info))))
}

pub fn is_file(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    is(vm, args, |info| info.is_file)
}

pub fn is_dir(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    is(vm, args, |info| info.is_dir)
}

fn info(vm: &mut Vm, args: &[Value]) -> Result<FileInfo> {
    let path = str_arg(args, 0)?;
    vm.io.host.info(path.as_str()).map_err(|error| failed("look at", path.as_str(), &error))
}

pub fn size(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::int(i64::try_from(info(vm, args)?.size).unwrap_or(i64::MAX)))
}

pub fn modified(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::int(info(vm, args)?.modified))
}

pub fn list_dir(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = str_arg(args, 0)?;
    let mut names = vm.io.host.list_dir(path.as_str()).map_err(|error| failed("list", path.as_str(), &error))?;
    names.sort_unstable();
    let before = vm.heap.bytes();
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        values.push(vm.heap.str_value(&name));
        vm.heap.check_growth(before, 2 * size_of_val(values.as_slice()))?;
    }
    list(vm, &values)
}

pub fn make_dir(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = str_arg(args, 0)?;
    vm.io.host.make_dir(path.as_str()).map_err(|error| failed("make folder", path.as_str(), &error))?;
    Ok(Value::VOID)
}

pub fn remove(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = str_arg(args, 0)?;
    vm.io.host.remove(path.as_str()).map_err(|error| failed("remove", path.as_str(), &error))?;
    Ok(Value::VOID)
}

pub fn remove_all(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = str_arg(args, 0)?;
    vm.io.host.remove_all(path.as_str()).map_err(|error| failed("remove", path.as_str(), &error))?;
    Ok(Value::VOID)
}

pub fn rename(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (from, to) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let done = vm.io.host.rename(from.as_str(), to.as_str());
    done.map_err(|error| both_failed("rename", from.as_str(), to.as_str(), &error))?;
    Ok(Value::VOID)
}

pub fn copy(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (from, to) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let done = vm.io.host.copy(from.as_str(), to.as_str());
    done.map_err(|error| both_failed("copy", from.as_str(), to.as_str(), &error))?;
    Ok(Value::VOID)
}

/// Which of the two paths is at fault the system does not say.
#[cold]
fn both_failed(verb: &str, from: &str, to: &str, error: &io::Error) -> crate::runtime::error::Error {
    failed(verb, &format!("{from}' to '{to}"), error)
}

pub fn temp_dir(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let path = vm.io.host.temp_dir();
    vm.string(&path)
}

pub fn make_temp_dir(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let parent = vm.io.host.temp_dir();
    let path = vm.io.host.make_temp_dir().map_err(|error| failed("make a folder in", &parent, &error))?;
    // The folder is there, so this must not ask for a second attempt.
    Ok(vm.heap.str_value(&path))
}
