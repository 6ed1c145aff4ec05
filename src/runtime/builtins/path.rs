//! `std/path`: paths as texts with `/` between names. Nothing here looks at the file system, but for the current
//! folder.

use super::value::{arg, host_error, str_arg};
use crate::runtime::error::Result;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// The path without slashes at its end, unless it is nothing else.
fn without_end(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() { "/" } else { trimmed }
}

/// The last name of a path.
fn base_of(path: &str) -> &str {
    let path = without_end(path);
    if path == "/" { path } else { path.rsplit('/').next().unwrap_or(path) }
}

/// What stands before the last name.
fn dir_of(path: &str) -> &str {
    let path = without_end(path);
    match path.rfind('/') {
        None => ".",
        Some(slash) => without_end(&path[..=slash]),
    }
}

/// The last name before and behind its last dot. A dot that begins the name begins no extension.
fn stem_and_ext(path: &str) -> (&str, &str) {
    let base = base_of(path);
    match base.rfind('.') {
        Some(dot) if !base[..dot].trim_start_matches('.').is_empty() => (&base[..dot], &base[dot + 1..]),
        _ => (base, ""),
    }
}

/// The path without `.`, without a name that `..` follows, and without doubled slashes.
fn normalized(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => {
                names.pop();
            }
            ".." if absolute => {}
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Both paths as one; an absolute second one stands for itself.
fn push(path: &mut String, part: &str) {
    if part.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(part);
}

pub fn join(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let mut joined = String::new();
    if let (1, Some(list)) = (args.len(), arg(args, 0).as_list()) {
        for index in 0..list.len() {
            push(&mut joined, str_arg(&[list.get(index)], 0)?.as_str());
            vm.heap.check_room(joined.len())?;
        }
    } else {
        for index in 0..args.len() {
            push(&mut joined, str_arg(args, index)?.as_str());
        }
    }
    vm.string(&joined)
}

pub fn base(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(base_of(str_arg(args, 0)?.as_str()))
}

pub fn dir(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(dir_of(str_arg(args, 0)?.as_str()))
}

pub fn stem(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(stem_and_ext(str_arg(args, 0)?.as_str()).0)
}

pub fn ext(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(stem_and_ext(str_arg(args, 0)?.as_str()).1)
}

pub fn normalize(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(&normalized(str_arg(args, 0)?.as_str()))
}

pub fn is_absolute(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(str_arg(args, 0)?.as_str().starts_with('/')))
}

/// The path from the root on, normalized.
pub fn absolute(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = str_arg(args, 0)?;
    let mut whole = String::new();
    if !path.as_str().starts_with('/') {
        let what = format!("Failed to make '{}' absolute", path.as_str());
        whole = vm.io.host.current_dir().map_err(|error| host_error(&what, &error))?;
    }
    push(&mut whole, path.as_str());
    vm.string(&normalized(&whole))
}
