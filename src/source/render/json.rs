//! One JSON object per line. Fields may be added, never changed; `version` counts changes of meaning.

use serde_json::{Value, json};

use super::{human, severity_word};
use crate::source::{Diagnostic, SourceMap, Span};

const VERSION: u32 = 1;

/// One line, with its line break. `rendered` is the human form without colour.
pub fn json(diagnostic: &Diagnostic, map: &SourceMap) -> String {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let mut value = place(label.span, map);
            value["label"] = label.text.clone().into();
            value["primary"] = (index == 0).into();
            value
        })
        .collect();
    let suggestions: Vec<Value> = diagnostic
        .suggestions
        .iter()
        .map(|suggestion| {
            let mut value = place(suggestion.span, map);
            value["message"] = suggestion.message.clone().into();
            value["replacement"] = suggestion.replacement.clone().into();
            let applicability = if suggestion.machine_applicable { "machine-applicable" } else { "maybe-incorrect" };
            value["applicability"] = applicability.into();
            value
        })
        .collect();
    let value = json!({
        "version": VERSION,
        "severity": severity_word(diagnostic.severity),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": map.get(diagnostic.primary().file).map(|file| file.shown.as_str()),
        "spans": labels,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "suggestions": suggestions,
        "rendered": human(diagnostic, map, false),
    });
    format!("{value}\n")
}

fn place(span: Span, map: &SourceMap) -> Value {
    let Some(file) = map.get(span.file) else { return json!({}) };
    let (start, end) = (file.position(span.lo), file.position(span.hi));
    json!({
        "file": file.shown,
        "byte_start": span.lo,
        "byte_end": span.hi,
        "line_start": start.line,
        "column_start": start.column,
        "line_end": end.line,
        "column_end": end.column,
    })
}
