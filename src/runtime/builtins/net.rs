//! `std/net`: TCP. The work is done in [`crate::runtime::net`].

use super::value::{arg, expected_type, host_error, int_arg, milliseconds_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::net::Wanted;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

fn handle_of(args: &[Value]) -> Result<(i64, usize)> {
    let handle = int_arg(args, 0)?;
    Ok((handle, usize::try_from(handle).unwrap_or(0)))
}

fn stream_arg(vm: &Vm, args: &[Value], name: &str) -> Result<usize> {
    let (number, handle) = handle_of(args)?;
    match vm.is_stream(handle) {
        true => Ok(handle),
        false => Err(Error::message(format!("net.{name}: invalid stream handle {number}"))),
    }
}

fn listener_arg(vm: &Vm, args: &[Value], name: &str) -> Result<usize> {
    let (number, handle) = handle_of(args)?;
    match vm.is_listener(handle) {
        true => Ok(handle),
        false => Err(Error::message(format!("net.{name}: invalid listener handle {number}"))),
    }
}

fn port_arg(args: &[Value], name: &str, least: i64) -> Result<u16> {
    let port = int_arg(args, 1)?;
    match u16::try_from(port) {
        Ok(number) if port >= least => Ok(number),
        _ => Err(Error::message(format!("net.{name}: invalid port {port}"))),
    }
}

fn max_arg(args: &[Value], name: &str) -> Result<usize> {
    match int_arg(args, 1)? {
        max if max >= 1 => Ok(usize::try_from(max).unwrap_or(usize::MAX)),
        max => Err(Error::message(format!("net.{name}: invalid limit {max}"))),
    }
}

/// The bytes of a list of ints from 0 to 255.
fn bytes_arg(args: &[Value], index: usize, name: &str) -> Result<Vec<u8>> {
    let value = arg(args, index);
    let Some(list) = value.as_list() else { return Err(expected_type("list", value)) };
    let byte = |item: Value| match item.as_int() {
        None => Err(expected_type("int", item)),
        Some(number) => u8::try_from(number).map_err(|_| Error::message(format!("net.{name}: {number} is no byte"))),
    };
    list.to_vec().into_iter().map(byte).collect()
}

pub fn tcp_bind(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let host = str_arg(args, 0)?;
    let port = port_arg(args, "tcp_bind", 0)?;
    Ok(Value::int(vm.bind(host.as_str(), port)? as i64))
}

pub fn tcp_local_port(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let listener = listener_arg(vm, args, "tcp_local_port")?;
    Ok(Value::int(vm.local_port(listener).unwrap_or(0).into()))
}

pub fn tcp_accept(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let listener = listener_arg(vm, args, "tcp_accept")?;
    Ok(vm.accept(listener))
}

pub fn tcp_close_listener(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let listener = listener_arg(vm, args, "tcp_close_listener")?;
    vm.close_listener(listener);
    Ok(Value::VOID)
}

pub fn tcp_connect(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let host = str_arg(args, 0)?;
    let port = port_arg(args, "tcp_connect", 1)?;
    vm.connect(host.as_str(), port)
}

fn address(vm: &mut Vm, args: &[Value], name: &str, own: bool) -> Result<Value> {
    let stream = stream_arg(vm, args, name)?;
    match vm.stream_addr(stream, own) {
        Some(Ok(address)) => vm.string(&address),
        Some(Err(error)) => Err(host_error(&format!("net.{name}"), &error)),
        None => Ok(Value::VOID),
    }
}

pub fn tcp_peer_addr(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    address(vm, args, "tcp_peer_addr", false)
}

pub fn tcp_stream_local_addr(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    address(vm, args, "tcp_stream_local_addr", true)
}

fn time_limit(vm: &mut Vm, args: &[Value], name: &str, of_reads: bool) -> Result<Value> {
    let stream = stream_arg(vm, args, name)?;
    let milliseconds = match arg(args, 1).tag() {
        Tag::Void => None,
        _ => Some(milliseconds_arg(args, 1, &format!("net.{name}"))?),
    };
    vm.set_time_limit(stream, of_reads, milliseconds);
    Ok(Value::VOID)
}

pub fn tcp_set_read_timeout(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    time_limit(vm, args, "tcp_set_read_timeout", true)
}

pub fn tcp_set_write_timeout(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    time_limit(vm, args, "tcp_set_write_timeout", false)
}

pub fn tcp_set_nodelay(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_set_nodelay")?;
    let nodelay = arg(args, 1);
    let Some(nodelay) = nodelay.as_bool() else { return Err(expected_type("bool", nodelay)) };
    vm.set_nodelay(stream, nodelay).map_err(|error| host_error("net.tcp_set_nodelay", &error))?;
    Ok(Value::VOID)
}

pub fn tcp_shutdown(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_shutdown")?;
    let (reading, writing) = match str_arg(args, 1)?.as_str() {
        "read" => (true, false),
        "write" => (false, true),
        "both" => (true, true),
        other => {
            let message = format!("net.tcp_shutdown: invalid side '{other}'. Supported sides: read, write, both");
            return Err(Error::message(message));
        }
    };
    vm.shut_down(stream, reading, writing);
    Ok(Value::VOID)
}

pub fn tcp_close(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_close")?;
    vm.close_stream(stream);
    Ok(Value::VOID)
}

pub fn tcp_read(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_read")?;
    let max = max_arg(args, "tcp_read")?;
    Ok(vm.read_stream(stream, Wanted::Text(max)))
}

pub fn tcp_read_bytes(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_read_bytes")?;
    let max = max_arg(args, "tcp_read_bytes")?;
    Ok(vm.read_stream(stream, Wanted::Bytes(max)))
}

pub fn tcp_read_line(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_read_line")?;
    Ok(vm.read_stream(stream, Wanted::Line))
}

pub fn tcp_write(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_write")?;
    let text = str_arg(args, 1)?.as_str().as_bytes().to_vec();
    Ok(vm.write_stream(stream, text))
}

pub fn tcp_write_bytes(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let stream = stream_arg(vm, args, "tcp_write_bytes")?;
    let bytes = bytes_arg(args, 1, "tcp_write_bytes")?;
    Ok(vm.write_stream(stream, bytes))
}
