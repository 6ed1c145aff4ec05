//! The part of SARIF 2.1.0 that code scanners read: one run, its rules, its results.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{severity_word, text};
use crate::source::codes::find_code;
use crate::source::{Diagnostic, Label, Report, SourceFile, SourceMap, Span, Suggestion};

/// A document in the making: results of any number of programs.
#[derive(Debug, Default)]
pub struct Sarif {
    codes: BTreeSet<&'static str>,
    results: Vec<Value>,
}

impl Sarif {
    /// What one compilation found.
    pub fn of(report: &Report, map: &SourceMap) -> Sarif {
        let results = report.diagnostics.iter().map(|diagnostic| result(diagnostic, map)).collect();
        Sarif { codes: report.diagnostics.iter().map(|diagnostic| diagnostic.code).collect(), results }
    }

    /// Adds what another compilation found. What two programs have in common is said once.
    pub fn add(&mut self, other: Sarif) {
        self.codes.extend(other.codes);
        for result in other.results {
            if !self.results.contains(&result) {
                self.results.push(result);
            }
        }
    }

    /// The whole document, with a line break at its end.
    pub fn document(mut self) -> String {
        let codes: Vec<&str> = self.codes.iter().copied().collect();
        for result in &mut self.results {
            let index = result["ruleId"].as_str().and_then(|code| codes.binary_search(&code).ok());
            result["ruleIndex"] = index.unwrap_or(0).into();
        }
        let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "walrusc", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
                "columnKind": "unicodeCodePoints",
                "results": self.results,
            }],
        });
        format!("{document:#}\n")
    }
}

fn rule(code: &str) -> Value {
    match find_code(code) {
        Some(info) => json!({
            "id": code,
            "shortDescription": { "text": info.title },
            "fullDescription": { "text": info.explanation, "markdown": info.explanation },
        }),
        None => json!({ "id": code }),
    }
}

fn result(diagnostic: &Diagnostic, map: &SourceMap) -> Value {
    let related = |label: &Label| {
        let mut value = location(label.span, map);
        value["message"] = json!({ "text": label.text });
        value
    };
    let related: Vec<Value> = diagnostic.labels.iter().skip(1).map(related).collect();
    let fixes: Vec<Value> = diagnostic.suggestions.iter().filter_map(|suggestion| fix(suggestion, map)).collect();
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": severity_word(diagnostic.severity),
        "message": { "text": text(diagnostic) },
        "locations": [location(diagnostic.primary(), map)],
        "relatedLocations": related,
    });
    if !fixes.is_empty() {
        result["fixes"] = fixes.into();
    }
    result
}

fn fix(suggestion: &Suggestion, map: &SourceMap) -> Option<Value> {
    let file = map.get(suggestion.span.file)?;
    Some(json!({
        "description": { "text": suggestion.message },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&file.shown) },
            "replacements": [{
                "deletedRegion": region(file, suggestion.span),
                "insertedContent": { "text": suggestion.replacement },
            }],
        }],
    }))
}

fn region(file: &SourceFile, span: Span) -> Value {
    let (start, end) = (file.position(span.lo), file.position(span.hi));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn location(span: Span, map: &SourceMap) -> Value {
    let Some(file) = map.get(span.file) else { return json!({}) };
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&file.shown) },
            "region": region(file, span),
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
