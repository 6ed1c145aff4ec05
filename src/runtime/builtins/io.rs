//! `std/io`: files, whole or through handles.

use std::collections::BTreeMap;

use super::value::{byte_list, bytes_arg, count_value, failed, host_error, int_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::host::{HostFile, OpenMode};
use crate::runtime::methods::string::parts;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// The files that a program has open. Handles are never given twice, so a stale one cannot reach another file.
#[derive(Default)]
pub struct Files {
    open: BTreeMap<i64, OpenFile>,
    /// Handles given so far.
    given: i64,
}

struct OpenFile {
    path: String,
    file: Box<dyn HostFile>,
}

impl Files {
    fn add(&mut self, path: &str, file: Box<dyn HostFile>) -> i64 {
        self.given += 1;
        self.open.insert(self.given, OpenFile { path: path.to_owned(), file });
        self.given
    }

    fn get(&mut self, handle: i64) -> Result<&mut OpenFile> {
        self.open.get_mut(&handle).ok_or_else(|| invalid_handle(handle))
    }

    fn remove(&mut self, handle: i64) -> Result<OpenFile> {
        self.open.remove(&handle).ok_or_else(|| invalid_handle(handle))
    }

    pub fn close_all(&mut self) {
        for (_, mut open) in std::mem::take(&mut self.open) {
            // The program is over: nobody is left to hear of a failure.
            let _ = open.file.flush();
        }
    }
}

#[cold]
fn invalid_handle(handle: i64) -> Error {
    Error::message(format!("Invalid file handle: {handle}"))
}

pub fn file_open(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (path, mode) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let path = path.as_str();
    let mode = match mode.as_str() {
        "r" => OpenMode::Read,
        "w" => OpenMode::Write,
        "a" => OpenMode::Append,
        "rw" => OpenMode::ReadWrite,
        other => {
            return Err(Error::message(format!("Invalid file mode '{other}'. Supported modes: r, w, a, rw")));
        }
    };
    let file = vm.io.host.open(path, mode).map_err(|error| failed("open file", path, &error))?;
    Ok(Value::int(vm.library.files.add(path, file)))
}

pub fn file_read(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let most = vm.heap.max_heap();
    let open = vm.library.files.get(int_arg(args, 0)?)?;
    let rest = open.file.read_rest(most).map_err(|error| failed("read", &open.path, &error))?;
    // What was read is gone from the file, so this must not ask for a second attempt.
    Ok(vm.heap.str_value(&rest))
}

pub fn file_read_line(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let most = vm.heap.max_heap();
    let open = vm.library.files.get(int_arg(args, 0)?)?;
    let line = open.file.read_line(most).map_err(|error| failed("read", &open.path, &error))?;
    if line.is_empty() {
        return Ok(Value::VOID);
    }
    let line = line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(vm.heap.str_value(line))
}

pub fn file_write(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let handle = int_arg(args, 0)?;
    let text = str_arg(args, 1)?;
    let open = vm.library.files.get(handle)?;
    open.file.write(text.as_str()).map_err(|error| failed("write", &open.path, &error))?;
    Ok(count_value(text.byte_len()))
}

pub fn file_close(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let mut open = vm.library.files.remove(int_arg(args, 0)?)?;
    open.file.flush().map_err(|error| failed("write", &open.path, &error))?;
    Ok(Value::VOID)
}

pub fn file_exists(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(vm.io.host.exists(str_arg(args, 0)?.as_str())))
}

/// All bytes of a file.
fn contents(vm: &mut Vm, path: &str) -> Result<Vec<u8>> {
    vm.io.host.read_file(path, vm.heap.max_heap()).map_err(|error| failed("read", path, &error))
}

/// All text of a file.
fn text(vm: &mut Vm, path: &str) -> Result<String> {
    let invalid = || std::io::Error::new(std::io::ErrorKind::InvalidData, "stream did not contain valid UTF-8");
    String::from_utf8(contents(vm, path)?).map_err(|_| failed("read", path, &invalid()))
}

pub fn read_file(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = text(vm, str_arg(args, 0)?.as_str())?;
    vm.string(&text)
}

/// Lines end with `\n` or `\r\n`, the last one need not.
pub fn read_lines(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = text(vm, str_arg(args, 0)?.as_str())?;
    parts(vm, &text, text.lines())
}

pub fn read_bytes(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let bytes = contents(vm, str_arg(args, 0)?.as_str())?;
    byte_list(vm, &bytes)
}

fn written(path: &str, done: std::io::Result<()>) -> Result<Value> {
    done.map(|()| Value::VOID).map_err(|error| failed("write", path, &error))
}

pub fn write_file(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (path, text) = (str_arg(args, 0)?, str_arg(args, 1)?);
    written(path.as_str(), vm.io.host.write_file(path.as_str(), text.as_str().as_bytes()))
}

pub fn append_file(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (path, text) = (str_arg(args, 0)?, str_arg(args, 1)?);
    written(path.as_str(), vm.io.host.append_file(path.as_str(), text.as_str().as_bytes()))
}

pub fn write_bytes(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (path, bytes) = (str_arg(args, 0)?, bytes_arg(args, 1)?);
    written(path.as_str(), vm.io.host.write_file(path.as_str(), &bytes))
}

/// All that is left of standard input.
pub fn read_stdin(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    vm.io.flush()?;
    let read = vm.io.host.read_input(vm.heap.max_heap());
    let bytes = read.map_err(|error| host_error("Failed to read input", &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::message("Failed to read input: stream did not contain valid UTF-8"))?;
    // The input is gone, so this must not ask for a second attempt.
    Ok(vm.heap.str_value(&text))
}
