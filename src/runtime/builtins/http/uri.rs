//! Queries, paths and routes.

use super::{dict_of, put};
use crate::runtime::builtins::value::{arg, expected_type, list, str_arg};
use crate::runtime::error::Result;
use crate::runtime::object::Dict;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Undoes percent-encoding. A `%` that no two digits follow stays; what is no UTF-8 becomes U+FFFD.
fn decode(text: &str, plus_is_space: bool) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut offset = 0;
    while let Some(&byte) = bytes.get(offset) {
        offset += 1;
        match (byte, digit(bytes.get(offset)), digit(bytes.get(offset + 1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                offset += 2;
            }
            (b'+', ..) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Percent-encodes for a query.
fn encode(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(DIGITS[usize::from(byte >> 4)].into());
                out.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
}

/// Names and values of a query.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name, true), decode(value, true))
    })
}

pub fn parse_query(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    let dict = Dict::new(&mut vm.heap);
    for (name, value) in pairs(text.as_str()) {
        put(vm, dict, &name, &value)?;
    }
    Ok(Value::from_dict(dict))
}

pub fn parse_query_pairs(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    let mut found = Vec::new();
    for (name, value) in pairs(text.as_str()) {
        let pair = [vm.heap.str_value(&name), vm.heap.str_value(&value)];
        found.push(list(vm, &pair)?);
    }
    list(vm, &found)
}

pub fn encode_query(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    let Some(dict) = value.as_dict() else { return Err(expected_type("dict", value)) };
    let mut out = String::new();
    let mut next = 0;
    while let Some((following, key, value)) = dict.next_entry(next) {
        next = following;
        if !out.is_empty() {
            out.push('&');
        }
        encode(&mut out, &vm.text(key)?);
        out.push('=');
        encode(&mut out, &vm.text(value)?);
    }
    vm.string(&out)
}

/// How many dots a segment is, written as they are or encoded; none if it is something else.
fn dots(segment: &str) -> Option<usize> {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..").then_some(plain.len())
}

fn normalized(path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dots(segment) {
            None => {
                kept.push(segment);
                continue;
            }
            Some(1) => {}
            Some(_) => {
                kept.pop();
            }
        }
        // A folder is meant: its slash stays.
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

pub fn normalize_path(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let path = normalized(str_arg(args, 0)?.as_str());
    vm.string(&path)
}

/// A segment decoded, if it can be trusted to be one.
fn segment(text: &str) -> Option<String> {
    let decoded = decode(text, false);
    (decoded != ".." && !decoded.contains(['/', '\0'])).then_some(decoded)
}

/// The parameters of a route by name, and what its `*` took.
type Matched = (Vec<(String, String)>, Option<String>);

/// What a pattern's names took of a path, and its `*`.
fn matched(pattern: &str, path: &str) -> Option<Matched> {
    let mut params = Vec::new();
    let mut wanted = pattern.split('/').peekable();
    let mut given = path.split('/');
    while let Some(part) = wanted.next() {
        if part == "*" && wanted.peek().is_none() {
            let first = given.next()?;
            let rest: Option<Vec<String>> = std::iter::once(first).chain(given).map(segment).collect();
            return Some((params, Some(rest?.join("/"))));
        }
        let found = segment(given.next()?)?;
        match part.strip_prefix(':') {
            Some(name) if !found.is_empty() => params.push((name.to_owned(), found)),
            None if part == found => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some((params, None))
}

pub fn match_route(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (pattern, path) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let matched = matched(pattern.as_str(), path.as_str());
    let found = matched.is_some();
    let (params, wildcard) = matched.unwrap_or_default();
    let dict = Dict::new(&mut vm.heap);
    for (name, value) in params {
        put(vm, dict, &name, &value)?;
    }
    let wildcard = wildcard.map_or(Value::VOID, |rest| vm.heap.str_value(&rest));
    dict_of(vm, &[("found", Value::bool(found)), ("params", Value::from_dict(dict)), ("wildcard", wildcard)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_never_lead_above_the_root() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/a/./b", "/a/b"),
            ("/a/../../../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/%2e%2E/%2e./a", "/a"),
            ("a//b", "/a//b"),
            ("/...", "/..."),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }

    #[test]
    fn bad_escapes_stay() {
        assert_eq!(decode("a%2", true), "a%2");
        assert_eq!(decode("%zz%41+", true), "%zzA ");
        assert_eq!(decode("%ff+", false), "\u{fffd}+");
    }
}
