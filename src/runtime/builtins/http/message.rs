//! Request lines, and responses as dicts and as text.

use super::{dict_of, put};
use crate::runtime::builtins::value::{arg, expected_type, int_arg, list, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::http::{is_bodyless, is_token};
use crate::runtime::object::{Dict, Gc};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// What the standards call a status.
pub(super) fn reason_phrase(status: i64) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "Unknown",
    }
}

pub(super) fn check_status(status: i64, name: &str) -> Result<i64> {
    match status {
        100..=599 => Ok(status),
        _ => Err(Error::message(format!("http.{name}: invalid status code {status}"))),
    }
}

pub fn status_text(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let status = check_status(int_arg(args, 0)?, "status_text")?;
    vm.string(reason_phrase(status))
}

/// Method, target and version of a request line, or what is wrong with it.
fn request_line(line: &str) -> std::result::Result<(&str, &str, &str), &'static str> {
    let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("expected a method, a target and a version with one space between them");
    };
    if !is_token(method.as_bytes()) {
        return Err("invalid method");
    }
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("invalid target");
    }
    let is_version = |text: &str| matches!(text.as_bytes(), [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit());
    match version.strip_prefix("HTTP/") {
        Some(number) if is_version(number) => Ok((method, target, version)),
        _ => Err("invalid version"),
    }
}

pub fn parse_request_line(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let line = str_arg(args, 0)?;
    match request_line(line.as_str()) {
        Ok((method, target, version)) => {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let [method, target, path, query, version] =
                [method, target, path, query, version].map(|text| vm.heap.str_value(text));
            let ok = ("ok", Value::TRUE);
            let parts =
                [("method", method), ("target", target), ("path", path), ("query", query), ("version", version)];
            dict_of(vm, &[ok, parts[0], parts[1], parts[2], parts[3], parts[4]])
        }
        Err(problem) => {
            let problem = vm.heap.str_value(problem);
            dict_of(vm, &[("ok", Value::FALSE), ("error", problem)])
        }
    }
}

/// Names in lower case with their values, in order.
pub(super) type Fields = Vec<(String, String)>;

/// The fields of a dict of headers. Nothing in them may end a line.
pub(super) fn fields_of(vm: &Vm, headers: Value, name: &str) -> Result<Fields> {
    let Some(dict) = headers.as_dict() else { return Err(expected_type("dict", headers)) };
    let mut fields = Vec::new();
    let mut next = 0;
    while let Some((following, key, value)) = dict.next_entry(next) {
        next = following;
        let Some(key) = key.as_str() else { return Err(expected_type("string", key)) };
        fields.push((key.as_str().to_ascii_lowercase(), vm.text(value)?));
    }
    check_fields(&fields, name)?;
    Ok(fields)
}

fn check_fields(fields: &Fields, name: &str) -> Result<()> {
    let splits = |text: &str| text.contains(['\r', '\n', '\0']);
    if fields.iter().any(|(key, value)| splits(key) || splits(value)) {
        return Err(Error::message(format!("http.{name}: header names/values must not contain newlines")));
    }
    match fields.iter().find(|(key, _)| !is_token(key.as_bytes())) {
        Some((key, _)) => Err(Error::message(format!("http.{name}: invalid header name '{key}'"))),
        None => Ok(()),
    }
}

/// The text of a response, with the fields that it needs unless they are given.
fn text_of_response(status: i64, body: &str, fields: &Fields) -> String {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status));
    let mut field = |name: &str, value: &str| {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push_str("\r\n");
    };
    let has = |name: &str| fields.iter().any(|(given, _)| given == name);
    fields.iter().for_each(|(name, value)| field(name, value));
    if !has("content-type") && !is_bodyless(status) {
        field("content-type", "text/plain; charset=utf-8");
    }
    if !has("content-length") && !has("transfer-encoding") && !is_bodyless(status) {
        field("content-length", &body.len().to_string());
    }
    if !has("connection") {
        field("connection", "close");
    }
    out.push_str("\r\n");
    if !is_bodyless(status) {
        out.push_str(body);
    }
    out
}

fn whole_response(vm: &mut Vm, args: &[Value], headers: Option<Value>, name: &str) -> Result<Value> {
    let status = check_status(int_arg(args, 0)?, name)?;
    let body = str_arg(args, 1)?;
    let fields = headers.map_or_else(|| Ok(Vec::new()), |headers| fields_of(vm, headers, name))?;
    let text = text_of_response(status, body.as_str(), &fields);
    vm.string(&text)
}

pub fn response(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    whole_response(vm, args, None, "response")
}

pub fn response_with_headers(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    whole_response(vm, args, Some(arg(args, 2)), "response")
}

/// A dict of a response.
fn made_response(vm: &mut Vm, args: &[Value], headers: Option<Value>, name: &str) -> Result<Value> {
    let status = check_status(int_arg(args, 0)?, name)?;
    let body = arg(args, 1);
    if body.as_str().is_none() && body.as_list().is_none() {
        return Err(expected_type("string", body));
    }
    let fields = headers.map_or_else(|| Ok(Vec::new()), |headers| fields_of(vm, headers, name))?;
    let dict = Dict::new(&mut vm.heap);
    let mut pairs = Vec::new();
    for (key, value) in &fields {
        let pair = put(vm, dict, key, value)?;
        pairs.push(list(vm, &pair)?);
    }
    let pairs = list(vm, &pairs)?;
    let headers = Value::from_dict(dict);
    dict_of(vm, &[("status", Value::int(status)), ("body", body), ("headers", headers), ("header_pairs", pairs)])
}

pub fn make_response(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    made_response(vm, args, None, "make_response")
}

pub fn make_response_with_headers(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    made_response(vm, args, Some(arg(args, 2)), "make_response_with_headers")
}

/// An entry of a response dict.
pub(super) fn entry(vm: &mut Vm, response: Gc<Dict>, name: &str) -> Option<Value> {
    let name = vm.heap.new_str(name);
    response.get_str(&vm.heap, name)
}

/// The fields of a response dict. A name that is set in `headers` wins over those of the same name in `header_pairs`.
pub(super) fn fields_of_response(vm: &mut Vm, response: Gc<Dict>, name: &str) -> Result<Fields> {
    let set = match entry(vm, response, "headers") {
        Some(headers) => fields_of(vm, headers, name)?,
        None => Vec::new(),
    };
    let mut fields: Fields = Vec::new();
    if let Some(pairs) = entry(vm, response, "header_pairs") {
        let Some(pairs) = pairs.as_list() else { return Err(expected_type("list", pairs)) };
        for pair in pairs.to_vec() {
            let parts = pair.as_list().map(|pair| pair.to_vec());
            let Some([key, value]) = parts.as_deref() else {
                return Err(Error::message(format!("http.{name}: header_pairs holds lists of a name and a value")));
            };
            let Some(key) = key.as_str() else { return Err(expected_type("string", *key)) };
            let key = key.as_str().to_ascii_lowercase();
            if !set.iter().any(|(given, _)| *given == key) {
                fields.push((key, vm.text(*value)?));
            }
        }
    }
    fields.extend(set);
    check_fields(&fields, name)?;
    Ok(fields)
}

pub fn serialize_response(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    let Some(response) = value.as_dict() else { return Err(expected_type("dict", value)) };
    let name = "serialize_response";
    let status = entry(vm, response, "status").unwrap_or(Value::int(200));
    let status = check_status(status.as_int().ok_or_else(|| expected_type("int", status))?, name)?;
    let fields = fields_of_response(vm, response, name)?;
    let body = match entry(vm, response, "body") {
        None => String::new(),
        Some(body) => body.as_str().ok_or_else(|| expected_type("string", body))?.as_str().to_owned(),
    };
    let text = text_of_response(status, &body, &fields);
    vm.string(&text)
}
