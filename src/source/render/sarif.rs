//! The part of SARIF 2.1.0 that code scanners read: one run, its rules, its results.

use serde_json::{Value, json};

use super::severity_word;
use crate::source::codes::find_code;
use crate::source::{Diagnostic, Report, SourceMap, Span};

/// The whole document, with a line break at its end.
pub fn sarif(report: &Report, map: &SourceMap) -> String {
    let mut codes: Vec<&str> = report.diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| match find_code(code) {
            Some(info) => json!({
                "id": code,
                "shortDescription": { "text": info.title },
                "fullDescription": { "text": info.explanation, "markdown": info.explanation },
            }),
            None => json!({ "id": code }),
        })
        .collect();
    let results: Vec<Value> = report
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let related: Vec<Value> = diagnostic
                .labels
                .iter()
                .skip(1)
                .map(|label| {
                    let mut value = location(label.span, map);
                    value["message"] = json!({ "text": label.text });
                    value
                })
                .collect();
            json!({
                "ruleId": diagnostic.code,
                "ruleIndex": codes.binary_search(&diagnostic.code).unwrap_or(0),
                "level": severity_word(diagnostic.severity),
                "message": { "text": text(diagnostic) },
                "locations": [location(diagnostic.primary(), map)],
                "relatedLocations": related,
            })
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "walrusc", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn text(diagnostic: &Diagnostic) -> String {
    let notes = diagnostic.notes.iter().map(|note| format!("\nnote: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}"));
    std::iter::once(diagnostic.message.clone()).chain(notes).chain(help).collect()
}

fn location(span: Span, map: &SourceMap) -> Value {
    let Some(file) = map.get(span.file) else { return json!({}) };
    let (start, end) = (file.position(span.lo), file.position(span.hi));
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&file.name) },
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        },
    })
}

/// A path as a relative URI reference.
fn uri(name: &str) -> String {
    let mut uri = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(byte as char),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
