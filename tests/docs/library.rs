//! The library's page: its tables are made from those of the built-ins and methods, and its examples call each
//! function.
//!
//! `WALRUS_BLESS=1 cargo test --test docs` writes the tables anew between their marks; what stands around them is
//! written by hand.

use std::fmt::Write;

use walrus::bytecode::builtins::{BUILTINS, BuiltinResult, STD_MODULES};
use walrus::bytecode::methods::{METHODS, MethodRule, Receiver};
use walrus::bytecode::signature::{Contents, Shape};
use walrus::bytecode::types::Tags;

use super::{docs, examples};

const RECEIVERS: [(Receiver, &str); 5] = [
    (Receiver::List, "list"),
    (Receiver::String, "string"),
    (Receiver::Dict, "dict"),
    (Receiver::Tuple, "tuple"),
    (Receiver::Range, "range"),
];

/// Functions that no example of the page calls, each with the reason.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[];

fn kinds(tags: Tags) -> String {
    if Tags::VISIBLE.within(tags) { "anything".to_string() } else { tags.names().collect::<Vec<_>>().join(" or ") }
}

fn shape(shape: Shape) -> String {
    let (container, contents) = match shape.contents {
        Contents::Unknown => return kinds(shape.tags),
        Contents::Items(items) => (Tags::LIST, format!("list of {}", kinds(items))),
        Contents::Parts(items) => (Tags::TUPLE, format!("tuple of {}", kinds(items))),
        Contents::Entries(keys, values) => (Tags::DICT, format!("dict of {} to {}", kinds(keys), kinds(values))),
        Contents::Given(value) => (Tags::TASK, format!("task of {}", kinds(value))),
    };
    let others = shape.tags.without(container);
    if others.is_empty() { contents } else { format!("{contents}, or {}", kinds(others)) }
}

fn result_of(rule: MethodRule) -> String {
    use MethodRule::*;
    let text = match rule {
        Is(given) | CallsWithItem(given) => return shape(given),
        Keeps(_) | KeepsItems | Sorts => "void",
        Item | GetsOrInserts => "what it holds",
        ItemOrVoid | Finds | ValueOrVoid => "what it holds, or void",
        ValueOrDefault => "what it holds, the default, or void",
        Reduces => "what the function gives",
        Sum => "a sum of items",
        Receiver | CallsWithEntry => "the like",
        SortedCopy | Maps | Filters | FlatMaps | Keys | Values => "list",
        Groups => "dict of lists",
        MapsValues => "dict",
        Zips | Enumerates | Entries => "list of tuples",
        Chunks => "list of lists",
    };
    text.to_string()
}

/// A line of a table. The doc sentence may have a second part that names errors.
fn row(table: &mut String, name: &str, params: &[&str], required: usize, result: &str, doc: &str) {
    let mut call = format!("{name}({}", params[..required].join(", "));
    for (at, optional) in params[required..].iter().enumerate() {
        let comma = if at + required > 0 { ", " } else { "" };
        let _ = write!(call, "[{comma}{optional}");
    }
    call.push_str(&"]".repeat(params.len() - required));
    let (what, errors) = doc.trim().split_once("Errors: ").unwrap_or((doc.trim(), ""));
    let cell = |text: &str| text.trim().replace('|', "\\|");
    let _ =
        writeln!(table, "| `{call})` | {} | {} | {} |", cell(result), cell(what), cell(errors.trim_end_matches('.')));
}

/// Each table by the name in its marks, with the calls that the examples below it must have.
fn tables() -> Vec<(String, String, Vec<String>)> {
    let head = "| | gives | | errors |\n|---|---|---|---|\n";
    let mut tables = Vec::new();
    for module in STD_MODULES {
        let (mut table, mut calls) = (head.to_string(), Vec::new());
        let short = module.trim_start_matches("std/");
        for spec in BUILTINS.iter().filter(|spec| spec.module == *module) {
            let result = match spec.result {
                BuiltinResult::Is(given) => shape(given),
                BuiltinResult::Number(_) => "int or float".to_string(),
                result => {
                    assert!(result.is_about_tasks());
                    "task".to_string()
                }
            };
            row(&mut table, spec.name, spec.params, spec.required, &result, spec.doc);
            calls.push(format!("{}.{}(", if short == "async" { "tasks" } else { short }, spec.name));
        }
        tables.push((module.to_string(), table, calls));
    }
    for (receiver, name) in RECEIVERS {
        let (mut table, mut calls) = (head.to_string(), Vec::new());
        for spec in METHODS.iter().filter(|spec| spec.receiver == receiver) {
            row(&mut table, spec.name, spec.params, spec.required, &result_of(spec.rule), spec.doc);
            calls.push(format!(".{}(", spec.name));
        }
        tables.push((name.to_string(), table, calls));
    }
    tables
}

#[test]
fn the_library_page_has_every_function_as_the_tables_have_it() {
    let path = docs().join("library.md");
    let page = std::fs::read_to_string(&path).expect("readable");
    let (mut made, mut wrong, mut rest) = (String::new(), Vec::new(), page.as_str());
    for (name, table, calls) in tables() {
        let mark = format!("<!-- table: {name} -->\n");
        let Some((before, behind)) = rest.split_once(&mark) else {
            panic!("the page has no '{}' behind the table before it", mark.trim())
        };
        let (_, behind) = behind.split_once("<!-- end -->\n").expect("a table has an end");
        let _ = writeln!(made, "{before}{mark}{table}<!-- end -->");
        rest = behind;
        let section = rest.split("<!-- table: ").next().unwrap_or_default();
        let code: String = examples(section).into_iter().map(|(_, text)| text).collect();
        for call in calls {
            let is_left_out = WITHOUT_EXAMPLE.iter().any(|(left_out, _)| *left_out == call);
            // A function may also be passed on.
            if code.contains(&call) == is_left_out && !code.contains(&format!("{})", call.trim_end_matches('('))) {
                wrong.push(format!("{name}: no example of the page has {call}…)"));
            }
        }
    }
    made.push_str(rest);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if std::env::var_os("WALRUS_BLESS").is_some() {
        std::fs::write(&path, &made).expect("writable");
    } else {
        assert!(
            made == page,
            "docs/library.md and the tables differ; WALRUS_BLESS=1 cargo test --test docs writes it anew"
        );
    }
}
