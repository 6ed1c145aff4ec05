//! Costs in words, and as JSON.

use std::collections::BTreeMap;

use super::{Cost, CostItem};
use crate::bytecode::Program;
use crate::source::{FileId, SourceMap, Span};

/// Most places that one part of a cost line names.
const NAMED_PLACES: usize = 4;

/// The cost line of a region in a file: `allocates 1 Point (3:36); 1 step through the run time (4:12, tuple slice)`.
pub fn line(cost: &Cost, program: &Program, sources: &SourceMap, file: FileId) -> String {
    let words = Words { sources, file };
    let mut parts = Vec::new();
    for (places, verb) in [(&cost.allocations, "allocates"), (&cost.not_made, "does not make")] {
        for (what, places) in by_what(places) {
            let positions: Vec<String> = places.iter().map(|place| words.position(place.span)).collect();
            parts.push(format!("{verb} {} ({})", counted(places.len(), what), listed(&positions, ", ")));
        }
    }
    if !cost.calls.is_empty() {
        let what = counted(cost.calls.len(), "function");
        parts.push(format!("calls {what} it cannot inline ({})", words.places(&cost.calls)));
    }
    if !cost.calls_in_part.is_empty() {
        let what = counted(cost.calls_in_part.len(), "function");
        parts.push(format!("calls {what} it inlines in part ({})", words.places(&cost.calls_in_part)));
    }
    if !cost.helpers.is_empty() {
        let what = counted(cost.helpers.len(), "helper");
        parts.push(format!("calls {what} of the run time ({})", words.places(&cost.helpers)));
    }
    if !cost.steps.is_empty() {
        let what = counted(cost.steps.len(), "step");
        parts.push(format!("{what} through the run time ({})", words.places(&cost.steps)));
    }
    if !cost.possible_steps.is_empty() {
        let what = counted(cost.possible_steps.len(), "possible step");
        parts.push(format!("{what} through the run time ({})", words.places(&cost.possible_steps)));
    }
    if cost.is_nothing() {
        parts.push("nothing beside native code".to_owned());
    }
    if let Some(around) = cost.waits_for {
        let position = words.position(program.loops[around.index()].span);
        parts.push(format!("waits for the loop around it ({position})"));
    }
    parts.join("; ")
}

/// The cost as the member of a region's JSON object.
pub fn json(cost: &Cost, program: &Program, sources: &SourceMap) -> serde_json::Value {
    let place = |span: Span| {
        let position = sources.position(span);
        serde_json::json!({ "file": sources.file(span.file).name, "line": position.line, "column": position.column })
    };
    let list = |places: &[CostItem]| -> Vec<serde_json::Value> {
        let of = |one: &CostItem| {
            let mut value = place(one.span);
            value["what"] = one.what.clone().into();
            value
        };
        places.iter().map(of).collect()
    };
    serde_json::json!({
        "allocations": list(&cost.allocations),
        "not_made": list(&cost.not_made),
        "calls": list(&cost.calls),
        "calls_in_part": list(&cost.calls_in_part),
        "helpers": list(&cost.helpers),
        "steps": list(&cost.steps),
        "possible_steps": list(&cost.possible_steps),
        "waits_for": cost.waits_for.map(|around| place(program.loops[around.index()].span)),
    })
}

struct Words<'a> {
    sources: &'a SourceMap,
    /// Places elsewhere are told with their file.
    file: FileId,
}

impl Words<'_> {
    fn position(&self, span: Span) -> String {
        let position = self.sources.position(span);
        match span.file == self.file {
            true => format!("{}:{}", position.line, position.column),
            false => format!("{}:{}:{}", self.sources.file(span.file).shown, position.line, position.column),
        }
    }

    fn places(&self, places: &[CostItem]) -> String {
        let words: Vec<String> =
            places.iter().map(|place| format!("{}, {}", self.position(place.span), place.what)).collect();
        listed(&words, "; ")
    }
}

/// Places by what is there, in the order in which these come first.
fn by_what(places: &[CostItem]) -> Vec<(&str, Vec<&CostItem>)> {
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: Vec<(&str, Vec<&CostItem>)> = Vec::new();
    for place in places {
        let index = *groups.entry(&place.what).or_insert(found.len());
        if index == found.len() {
            found.push((&place.what, Vec::new()));
        }
        found[index].1.push(place);
    }
    found
}

/// `1 list`, `2 lists`, `2 results of string.split`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    let (noun, rest) = what.split_at(what.find(" of ").unwrap_or(what.len()));
    format!("{count} {noun}s{rest}")
}

fn listed(words: &[String], separator: &str) -> String {
    match words.len().checked_sub(NAMED_PLACES) {
        Some(more) if more > 0 => format!("{}{separator}and {more} more", words[..NAMED_PLACES].join(separator)),
        _ => words.join(separator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_and_lists_are_short() {
        assert_eq!(counted(1, "result of list.map"), "1 result of list.map");
        assert_eq!(counted(3, "result of list.map"), "3 results of list.map");
        assert_eq!(counted(2, "captured variable"), "2 captured variables");
        let words: Vec<String> = (1..=6).map(|number: u8| number.to_string()).collect();
        assert_eq!(listed(&words, ", "), "1, 2, 3, 4, and 2 more");
        assert_eq!(listed(&words[..4], "; "), "1; 2; 3; 4");
    }
}
