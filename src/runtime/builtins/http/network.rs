//! What of `std/http` uses the network: arguments are checked here, the work is done in [`crate::runtime::net`].

use super::exchange::body_bytes;
use super::message::fields_of;
use crate::runtime::builtins::value::{arg, int_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::http::is_token;
use crate::runtime::http::url::Url;
use crate::runtime::net::Wanted;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// The largest body of a request, unless a program says another number.
const MAX_BODY: usize = 10_000_000;

fn max_body(args: &[Value], index: usize, name: &str) -> Result<usize> {
    let max = int_arg(args, index)?;
    usize::try_from(max).map_err(|_| Error::message(format!("http.{name}: max_body_bytes must be >= 0")))
}

pub fn read_request(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let handle = int_arg(args, 0)?;
    let stream = usize::try_from(handle).unwrap_or(0);
    if !vm.is_stream(stream) {
        return Err(Error::message(format!("http.read_request: invalid stream handle {handle}")));
    }
    let max = max_body(args, 1, "read_request")?;
    Ok(vm.read_stream(stream, Wanted::Request(max)))
}

pub fn serve(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let handle = int_arg(args, 0)?;
    let listener = usize::try_from(handle).unwrap_or(0);
    if !vm.is_listener(listener) {
        return Err(Error::message(format!("http.serve: invalid listener handle {handle}")));
    }
    let handler = arg(args, 1);
    vm.check_callable(handler, 1)?;
    let max = if args.len() > 2 { max_body(args, 2, "serve")? } else { MAX_BODY };
    vm.serve(listener, handler, max)
}

pub fn fetch(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (method, address) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let (method, address) = (method.as_str(), address.as_str());
    if !is_token(method.as_bytes()) || method == "CONNECT" {
        return Err(Error::message(format!("http.fetch: invalid method '{method}'")));
    }
    let url = Url::parse(address).map_err(|problem| Error::message(format!("http.fetch: {problem}")))?;
    let headers = arg(args, 2);
    let fields = if headers.tag() == Tag::Void { Vec::new() } else { fields_of(vm, headers, "fetch")? };
    let body = body_bytes(arg(args, 3))?;
    let request = request_bytes(method, &url, &fields, &body)?;
    vm.fetch(method, url, request)
}

/// A request in bytes, with the fields that it needs unless they are given.
fn request_bytes(method: &str, url: &Url, fields: &[(String, String)], body: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256 + body.len());
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
    let has = |name: &str| fields.iter().any(|(given, _)| given == name);
    put(&[method, " ", &url.target, " HTTP/1.1\r\n"]);
    if !has("host") {
        put(&["host: ", &url.authority, "\r\n"]);
    }
    if !has("user-agent") {
        put(&["user-agent: walrus/", env!("CARGO_PKG_VERSION"), "\r\n"]);
    }
    for (name, value) in fields {
        let is_right = match name.as_str() {
            "content-length" => *value == body.len().to_string(),
            "transfer-encoding" => false,
            _ => true,
        };
        if !is_right {
            return Err(Error::message(format!("http.fetch: the request's {name} is not right: {value}")));
        }
        if name != "connection" {
            put(&[name, ": ", value, "\r\n"]);
        }
    }
    let needs_length = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
    if needs_length && !has("content-length") {
        put(&["content-length: ", itoa::Buffer::new().format(body.len()), "\r\n"]);
    }
    put(&["connection: close\r\n\r\n"]);
    bytes.extend_from_slice(body);
    Ok(bytes)
}
