//! Requests and responses between the wire and programs: dicts of what has arrived, and the bytes of what is to be
//! sent.

use super::message::{Fields, check_status, entry, fields_of_response, reason_phrase};
use super::uri::pairs;
use super::{dict_of, put};
use crate::runtime::builtins::value::{byte_list, bytes_arg, expected_type, list};
use crate::runtime::error::{Error, Result};
use crate::runtime::http::head::Field;
use crate::runtime::http::is_bodyless;
use crate::runtime::http::request::Request;
use crate::runtime::http::response::Response;
use crate::runtime::object::Dict;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// The text of bytes that are ASCII, or at least meant to be: what is not UTF-8 is read as Latin-1.
fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// A body: text, or a list of bytes if it is none.
fn body_value(vm: &mut Vm, body: &[u8]) -> Result<Value> {
    match std::str::from_utf8(body) {
        Ok(text) => vm.string(text),
        Err(_) => byte_list(vm, body),
    }
}

/// The dict of headers, in which those of a name are joined, and the list of all in order.
fn headers_of(vm: &mut Vm, message: &[u8], fields: &[Field]) -> Result<[Value; 2]> {
    let headers = Dict::with_capacity(&mut vm.heap, fields.len())?;
    let mut all = Vec::with_capacity(fields.len());
    for field in fields {
        let name = text_of(field.name(message)).to_ascii_lowercase();
        let value = text_of(field.value(message));
        let pair = [vm.heap.str_value(&name), vm.heap.str_value(&value)];
        all.push(list(vm, &pair)?);
        let earlier = pair[0].as_str().and_then(|name| headers.get_str(&vm.heap, name));
        let joined = match earlier.and_then(|earlier| earlier.as_str()) {
            None => pair[1],
            Some(earlier) => {
                let between = if name == "cookie" { "; " } else { ", " };
                vm.string(&format!("{}{between}{value}", earlier.as_str()))?
            }
        };
        headers.insert(&mut vm.heap, pair[0], joined)?;
    }
    Ok([Value::from_dict(headers), list(vm, &all)?])
}

/// The dict of a request.
pub(in crate::runtime) fn request_dict(vm: &mut Vm, message: &[u8], request: &Request) -> Result<Value> {
    let query = text_of(request.query(message));
    let params = Dict::new(&mut vm.heap);
    let mut query_pairs = Vec::new();
    for (name, value) in pairs(&query) {
        let pair = put(vm, params, &name, &value)?;
        query_pairs.push(list(vm, &pair)?);
    }
    let query_pairs = list(vm, &query_pairs)?;
    let [method, target, path] = [request.method(message), request.target(message), request.path(message)].map(text_of);
    let [headers, header_pairs] = headers_of(vm, message, request.fields())?;
    let body = request.body.bytes(message);
    let body_of_request = body_value(vm, &body)?;
    let mut text = |text: &str| vm.heap.str_value(text);
    let entries = [
        ("ok", Value::TRUE),
        ("method", text(&method)),
        ("target", text(&target)),
        ("path", text(&path)),
        ("query", text(&query)),
        ("query_params", Value::from_dict(params)),
        ("query_pairs", query_pairs),
        ("version", text(request.version())),
        ("headers", headers),
        ("header_pairs", header_pairs),
        ("content_length", Value::int(body.len() as i64)),
        ("body", body_of_request),
        ("keep_alive", Value::bool(request.keeps_alive)),
    ];
    dict_of(vm, &entries)
}

/// The dict of a request that is refused.
pub(in crate::runtime) fn refusal_dict(vm: &mut Vm, status: u16, error: &str) -> Result<Value> {
    let error = vm.heap.str_value(error);
    dict_of(vm, &[("ok", Value::FALSE), ("status", Value::int(status.into())), ("error", error)])
}

/// The dict of a response.
pub(in crate::runtime) fn response_dict(vm: &mut Vm, message: &[u8], response: &Response) -> Result<Value> {
    let [headers, header_pairs] = headers_of(vm, message, response.fields())?;
    let body = response.body.bytes(message);
    let body_of_response = body_value(vm, &body)?;
    let version = vm.heap.str_value(response.version());
    let entries = [
        ("ok", Value::bool((200..300).contains(&response.status))),
        ("status", Value::int(response.status.into())),
        ("version", version),
        ("headers", headers),
        ("header_pairs", header_pairs),
        ("content_length", Value::int(body.len() as i64)),
        ("body", body_of_response),
    ];
    dict_of(vm, &entries)
}

/// What a body is in bytes: of a text, of a list of bytes, or none.
pub(in crate::runtime) fn body_bytes(body: Value) -> Result<Vec<u8>> {
    match body.tag() {
        Tag::Void => Ok(Vec::new()),
        _ if body.as_list().is_some() => bytes_arg(&[body], 0),
        _ => match body.as_str() {
            Some(text) => Ok(text.as_str().as_bytes().to_vec()),
            None => Err(expected_type("string", body)),
        },
    }
}

/// What of a request its answer depends on.
#[derive(Clone, Copy, Debug)]
pub(in crate::runtime) struct Asked {
    pub is_head: bool,
    pub is_http_1_0: bool,
    /// The connection is to serve further requests.
    pub keeps_alive: bool,
}

/// A response in bytes.
pub(in crate::runtime) struct Answer {
    pub bytes: Vec<u8>,
    /// The connection is over behind it.
    pub closes: bool,
}

/// The bytes of what a handler gave.
pub(in crate::runtime) fn answer_of(vm: &mut Vm, given: Value, asked: Asked, date: &str) -> Result<Answer> {
    if let Some(text) = given.as_str() {
        return answer(200, &Vec::new(), Body::Text(text.as_str().as_bytes()), asked, date);
    }
    let Some(response) = given.as_dict() else {
        let found = given.tag().type_name();
        let message =
            format!("http.serve: expected a response dict or a text from the handler, but found type '{found}'");
        return Err(Error::message(message));
    };
    let Some(status) = entry(vm, response, "status") else {
        return Err(Error::message("http.serve: the handler's response has no status"));
    };
    let status = check_status(status.as_int().ok_or_else(|| expected_type("int", status))?, "serve")?;
    let fields = fields_of_response(vm, response, "serve")?;
    let body = entry(vm, response, "body").unwrap_or(Value::VOID);
    let bytes = body_bytes(body)?;
    let body = if body.as_list().is_some() { Body::Bytes(&bytes) } else { Body::Text(&bytes) };
    answer(status, &fields, body, asked, date)
}

/// The response to a request that is refused, or whose handler failed.
pub(in crate::runtime) fn plain_answer(status: u16, text: &str, asked: Asked, date: &str) -> Answer {
    let body = Body::Text(text.as_bytes());
    // Without fields of its own there is nothing in it that could be wrong.
    answer(status.into(), &Vec::new(), body, asked, date).unwrap_or_else(|_| Answer { bytes: Vec::new(), closes: true })
}

/// A body, and whether it is text.
enum Body<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

fn answer(status: i64, fields: &Fields, body: Body<'_>, asked: Asked, date: &str) -> Result<Answer> {
    let (body, content_type) = match body {
        Body::Text(bytes) => (bytes, "text/plain; charset=utf-8"),
        Body::Bytes(bytes) => (bytes, "application/octet-stream"),
    };
    let is_bodyless = is_bodyless(status);
    check_length(fields, body, asked.is_head || is_bodyless)?;
    let given = |name: &str| fields.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let lists_close = |value: &str| value.split(',').any(|item| item.trim().eq_ignore_ascii_case("close"));
    // What follows an interim response would be taken for the answer.
    let closes = !asked.keeps_alive || given("connection").is_some_and(lists_close) || status < 200;
    let mut bytes = Vec::with_capacity(256 + body.len());
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
    let mut number = itoa::Buffer::new();
    put(&["HTTP/1.1 ", number.format(status), " ", reason_phrase(status), "\r\n"]);
    let is_left_out = |name: &str| match name {
        "connection" => closes || asked.is_http_1_0,
        "content-length" => is_bodyless && status != 304,
        _ => false,
    };
    for (name, value) in fields.iter().filter(|(name, _)| !is_left_out(name)) {
        put(&[name, ": ", value, "\r\n"]);
    }
    if given("content-type").is_none() && !is_bodyless {
        put(&["content-type: ", content_type, "\r\n"]);
    }
    if given("content-length").is_none() && !is_bodyless {
        put(&["content-length: ", number.format(body.len()), "\r\n"]);
    }
    if closes {
        put(&["connection: close\r\n"]);
    } else if asked.is_http_1_0 {
        put(&["connection: keep-alive\r\n"]);
    }
    if given("date").is_none() {
        put(&["date: ", date, "\r\n"]);
    }
    put(&["\r\n"]);
    if !is_bodyless && !asked.is_head {
        bytes.extend_from_slice(body);
    }
    Ok(Answer { bytes, closes })
}

/// What a handler says about the length of its body must be so. Where no body is sent it may say what one would have.
fn check_length(fields: &Fields, body: &[u8], sends_none: bool) -> Result<()> {
    for (name, value) in fields {
        let is_right = match name.as_str() {
            "content-length" => {
                let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                is_plain && (value.parse() == Ok(body.len()) || (sends_none && body.is_empty()))
            }
            "transfer-encoding" => false,
            _ => true,
        };
        if !is_right {
            return Err(Error::message(format!("http.serve: the handler's {name} is not right: {value}")));
        }
    }
    match fields.iter().filter(|(name, _)| name == "content-length").count() {
        0 | 1 => Ok(()),
        _ => Err(Error::message("http.serve: the handler's response has more than one content-length")),
    }
}
