//! `std/regex`: patterns of the crate `regex`, whose searches take time linear in the text.
//!
//! Places are told in characters, while the crate counts bytes; [`Places`] goes along with the matches and counts once.

use std::collections::VecDeque;
use std::rc::Rc;

use regex::{Captures, Regex, RegexBuilder};
use rustc_hash::FxHashMap;

use super::value::{arg, count_value, expected_type, insert_named, list, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::methods::string::parts;
use crate::runtime::methods::with_pins;
use crate::runtime::object::{Dict, Gc, Str};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// What most patterns stay below when they are compiled, in bytes.
const USUAL_SIZE: usize = 256 << 10;
/// More than this is refused; the crate's own limit.
const LARGEST_SIZE: usize = 10 << 20;
/// How much compiled patterns may take together before the oldest are dropped.
const KEPT_SIZE: usize = 64 << 20;
/// How much of a pattern an error quotes, in characters.
const QUOTED: usize = 200;

/// The compiled patterns.
#[derive(Default)]
pub struct Patterns {
    compiled: FxHashMap<String, Rc<Regex>>,
    /// In the order of compiling, each with what it may take.
    order: VecDeque<(String, usize)>,
    size: usize,
}

impl Patterns {
    fn get(&mut self, pattern: &str) -> Result<Rc<Regex>> {
        if let Some(regex) = self.compiled.get(pattern) {
            return Ok(regex.clone());
        }
        let (regex, size) = compile(pattern)?;
        let regex = Rc::new(regex);
        while self.size + size > KEPT_SIZE
            && let Some((oldest, freed)) = self.order.pop_front()
        {
            self.compiled.remove(&oldest);
            self.size -= freed;
        }
        self.size += size;
        self.order.push_back((pattern.to_owned(), size));
        self.compiled.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}

/// A pattern, compiled, and the limit that it stayed below.
fn compile(pattern: &str) -> Result<(Regex, usize)> {
    let mut last = None;
    for limit in [USUAL_SIZE, LARGEST_SIZE] {
        match RegexBuilder::new(pattern).size_limit(limit).build() {
            Ok(regex) => return Ok((regex, limit)),
            Err(error @ regex::Error::CompiledTooBig(_)) => last = Some(error),
            Err(error) => return Err(invalid(pattern, &error)),
        }
    }
    Err(last.map_or_else(|| Error::message("Value too large"), |error| invalid(pattern, &error)))
}

/// The error of a pattern, which says where in it.
#[cold]
fn invalid(pattern: &str, error: &regex::Error) -> Error {
    let place = |offset: usize| pattern.get(..offset).map_or(0, |before| before.chars().count());
    let reason = match regex_syntax::Parser::new().parse(pattern) {
        Err(regex_syntax::Error::Parse(error)) => {
            format!("{} at character {}", error.kind(), place(error.span().start.offset))
        }
        Err(regex_syntax::Error::Translate(error)) => {
            format!("{} at character {}", error.kind(), place(error.span().start.offset))
        }
        _ => match error {
            regex::Error::CompiledTooBig(_) => format!("it takes more than {} MiB", LARGEST_SIZE >> 20),
            error => error.to_string(),
        },
    };
    let mut quoted: String = pattern.chars().take(QUOTED).collect();
    if quoted.len() < pattern.len() {
        quoted.push('…');
    }
    Error::message(format!("Invalid pattern '{quoted}': {reason}"))
}

/// The pattern and the text of a call.
fn pattern_and_text(vm: &mut Vm, args: &[Value]) -> Result<(Rc<Regex>, Gc<Str>)> {
    let (pattern, text) = (str_arg(args, 0)?, str_arg(args, 1)?);
    Ok((vm.library.patterns.get(pattern.as_str())?, text))
}

/// Turns places in bytes, which never go back, into places in characters.
struct Places<'t> {
    text: &'t str,
    is_ascii: bool,
    bytes: usize,
    characters: usize,
}

impl<'t> Places<'t> {
    fn new(text: &'t Str) -> Places<'t> {
        Places { text: text.as_str(), is_ascii: text.is_ascii(), bytes: 0, characters: 0 }
    }

    fn of(&mut self, bytes: usize) -> Value {
        if self.is_ascii {
            return count_value(bytes);
        }
        self.characters += self.text.get(self.bytes..bytes).map_or(0, |between| between.chars().count());
        self.bytes = bytes;
        count_value(self.characters)
    }
}

/// The dict of a match.
fn match_dict(vm: &mut Vm, regex: &Regex, captures: &Captures<'_>, places: &mut Places<'_>) -> Result<Value> {
    let dict = Dict::new(&mut vm.heap);
    let whole = captures.get_match();
    let (start, end) = (places.of(whole.start()), places.of(whole.end()));
    insert_named(vm, dict, "start", start)?;
    insert_named(vm, dict, "end", end)?;
    let text = vm.string(whole.as_str())?;
    insert_named(vm, dict, "text", text)?;
    let mut groups = Vec::with_capacity(captures.len() - 1);
    for group in captures.iter().skip(1) {
        groups.push(match group {
            Some(part) => vm.string(part.as_str())?,
            None => Value::VOID,
        });
    }
    let names = Dict::new(&mut vm.heap);
    for (name, &group) in regex.capture_names().skip(1).zip(&groups) {
        if let Some(name) = name {
            insert_named(vm, names, name, group)?;
        }
    }
    let groups = list(vm, &groups)?;
    insert_named(vm, dict, "groups", groups)?;
    insert_named(vm, dict, "names", Value::from_dict(names))?;
    Ok(Value::from_dict(dict))
}

pub fn matches(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (regex, text) = pattern_and_text(vm, args)?;
    Ok(Value::bool(regex.is_match(text.as_str())))
}

pub fn find(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (regex, text) = pattern_and_text(vm, args)?;
    match regex.captures(text.as_str()) {
        Some(captures) => match_dict(vm, &regex, &captures, &mut Places::new(&text)),
        None => Ok(Value::VOID),
    }
}

pub fn find_all(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (regex, text) = pattern_and_text(vm, args)?;
    let mut places = Places::new(&text);
    let before = vm.heap.bytes();
    let mut found = Vec::new();
    for captures in regex.captures_iter(text.as_str()) {
        found.push(match_dict(vm, &regex, &captures, &mut places)?);
        vm.heap.check_growth(before, 2 * size_of_val(found.as_slice()))?;
    }
    list(vm, &found)
}

/// A function is called with each match, in order; so the memory for the matches and the result must be got here.
pub fn replace(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (regex, text) = pattern_and_text(vm, args)?;
    let with = arg(args, 2);
    let template = with.as_str();
    if template.is_none() {
        let is_function =
            matches!(with.tag(), Tag::Function | Tag::Closure | Tag::Builtin | Tag::BoundMethod | Tag::Struct);
        if !is_function {
            return Err(expected_type("string", with));
        }
        vm.check_callable(with, 1)?;
    }
    let whole = text.as_str();
    let (mut places, mut result, mut end) = (Places::new(&text), String::new(), 0);
    for captures in regex.captures_iter(whole) {
        let found = captures.get_match();
        result.push_str(whole.get(end..found.start()).unwrap_or(""));
        end = found.end();
        match template {
            Some(template) => captures.expand(template.as_str(), &mut result),
            None => {
                let dict = vm.with_memory(|vm| match_dict(vm, &regex, &captures, &mut places))?;
                let made = with_pins(vm, dict, |vm| vm.call(with, &[dict]))?;
                let made = made.as_str().ok_or_else(|| expected_type("string", made))?;
                result.push_str(made.as_str());
            }
        }
        vm.with_memory(|vm| vm.heap.check_room(result.len()))?;
    }
    if end == 0 && result.is_empty() {
        return Ok(arg(args, 1));
    }
    result.push_str(whole.get(end..).unwrap_or(""));
    vm.with_memory(|vm| vm.string(&result))
}

pub fn split(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (regex, text) = pattern_and_text(vm, args)?;
    // The crate's iterator cannot be begun anew, which counting the parts beforehand needs.
    let ends: Vec<(usize, usize)> = regex.find_iter(text.as_str()).map(|found| (found.start(), found.end())).collect();
    let whole = text.as_str();
    let starts = std::iter::once(0).chain(ends.iter().map(|&(_, end)| end));
    let pieces = starts
        .zip(ends.iter().map(|&(start, _)| start).chain([whole.len()]))
        .map(|(start, end)| whole.get(start..end).unwrap_or(""));
    parts(vm, whole, pieces)
}
