//! What `--jit-log` says, and how loops and functions are called in all that the tier tells.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::bytecode::{FactsError, Program};
use crate::runtime::regions::Entry;

/// How events are logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

/// File, line and column of a byte of a source file.
pub(super) fn source_place(program: &Program, file: u32, offset: u32) -> Option<(&str, usize, usize)> {
    let file = program.debug.as_ref()?.files.get(file as usize)?;
    let before = file.text.get(..offset as usize)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    Some((&file.name, before.matches('\n').count() + 1, file.column(start, before.len())?))
}

/// `prog.walrus:3:5`, or the pc if the lines were stripped.
pub(super) fn place(program: &Program, entry: Entry) -> String {
    let head = entry.region(program).and_then(|region| region.span(program));
    match head.and_then(|head| source_place(program, head.file.0, head.lo)) {
        Some((file, line, column)) => format!("{file}:{line}:{column}"),
        None => format!("pc {}", entry.pc()),
    }
}

/// What files about it are called.
pub(super) fn file_name(program: &Program, entry: Entry) -> String {
    let place = place(program, entry);
    entry.region(program).map_or_else(|| place.clone(), |region| region.file_name(program, &place))
}

/// Writes an event to stderr. That nobody reads it is no reason to stop.
pub fn log_event(format: LogFormat, event: &str, place: &str, details: &[(&str, String)]) {
    let mut line = match format {
        LogFormat::Text => format!("jit: {event} {place}"),
        LogFormat::Json => format!("{{\"event\": \"{event}\", \"at\": {}", quoted(place)),
    };
    for (name, value) in details {
        let _ = match format {
            LogFormat::Text => write!(line, " {name}={value}"),
            LogFormat::Json => write!(line, ", \"{name}\": {}", quoted(value)),
        };
    }
    if format == LogFormat::Json {
        line.push('}');
    }
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Says that the file's facts are not used.
pub fn log_facts_dropped(format: LogFormat, error: &FactsError) {
    log_event(format, "facts-dropped", "program", &[("because", error.to_string())]);
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
