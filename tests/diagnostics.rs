//! What users read when a program is wrong: one snapshot for each file of `tests/diagnostics`.
//!
//! `INSTA_UPDATE=always cargo test --test diagnostics` accepts changes.
#![cfg(feature = "compile")]

use std::path::Path;

use walrus::source::codes::CODES;
use walrus::source::render::{Format, report};
use walrus::source::{Diagnostic, Diagnostics, SourceMap};
use walrus::syntax::{Interner, parse};

/// Everything printed for one program; the one place here that knows the API.
fn diagnose(name: &str, bytes: Vec<u8>) -> String {
    let mut map = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    match map.add_bytes(name, None, bytes) {
        Ok(file) => _ = parse(map.file(file).text(), file, &mut Interner::new(), &mut diagnostics),
        Err(refused) => diagnostics.push(refused.1),
    }
    report(&diagnostics.into_report(), &map, Format::Human, false)
}

/// The names of the programs in a folder.
fn programs(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".walrus"))
        .collect();
    names.sort();
    names
}

#[test]
fn syntax_errors_read_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let names = programs(&folder);
    assert!(names.len() > 15, "programs are missing");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("diagnostics");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in names {
            let text = diagnose(&name, std::fs::read(folder.join(&name)).expect("readable"));
            assert!(text.contains("error"), "{name} was accepted");
            insta::assert_snapshot!(name.trim_end_matches(".walrus"), text);
        }
    });
}

/// What is suggested is right when it is done: programs all of whose faults have a fix have none behind it.
#[test]
fn what_is_suggested_mends_the_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let names = programs(&folder);
    let names: Vec<&String> = names.iter().filter(|name| name.starts_with("mended_")).collect();
    assert!(names.len() > 4, "programs are missing");
    for name in names {
        let mut text = std::fs::read_to_string(folder.join(name)).expect("readable");
        let mut fixes: Vec<(u32, u32, String)> = Vec::new();
        for fault in faults(&text) {
            let [fix] = &fault.suggestions[..] else { panic!("{name} has a fault without a fix: {fault:?}") };
            fixes.push((fix.span.lo, fix.span.hi, fix.replacement.clone()));
        }
        fixes.sort();
        for (lo, hi, replacement) in fixes.iter().rev() {
            text.replace_range(*lo as usize..*hi as usize, replacement);
        }
        assert_eq!(diagnose(name, text.clone().into()), "", "{name}:\n{text}");
    }
}

/// All that is wrong with a text.
fn faults(text: &str) -> Vec<Diagnostic> {
    let mut map = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let file = map.add_bytes("main.walrus", None, text.into()).expect("valid UTF-8");
    parse(text, file, &mut Interner::new(), &mut diagnostics);
    diagnostics.iter().cloned().collect()
}

/// Repairs look ahead and behind; wherever a text ends, they stay within it, and tokens stay in order (which debug
/// builds see to).
#[test]
fn texts_that_end_anywhere_are_repaired() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    for name in programs(&folder).into_iter().filter(|name| name.starts_with("from_") || name.starts_with("mended_")) {
        let text = std::fs::read_to_string(folder.join(name)).expect("readable");
        let lines: Vec<&str> = text.lines().collect();
        // A few lines are enough for any form, and parsing all before them again is not what this is about.
        for window in lines.windows(5) {
            let part = window.join("\n");
            for (end, _) in part.char_indices().skip_while(|&(at, _)| at < window[0].len()).step_by(2) {
                diagnose("part.walrus", part[..end].into());
            }
        }
        for window in lines.windows(5).step_by(5) {
            let part = window.join("\n");
            part.char_indices().for_each(|(start, _)| _ = diagnose("part.walrus", part[start..].into()));
        }
    }
}

/// The first example of an explanation shows the fault, the second is mended. Faults of meaning are beyond the parser,
/// but their examples have to be programs.
#[test]
fn examples_in_explanations_are_true() {
    for info in CODES {
        let examples: Vec<&str> =
            info.explanation.split("```walrus\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("")).collect();
        let [wrong, mended] = examples[..] else { continue };
        let name = format!("{}.walrus", info.code);
        let said = diagnose(&name, wrong.into());
        let is_syntax = info.code.starts_with("E01") || info.code.starts_with("E02");
        assert_eq!(said.contains(&format!("error[{}]", info.code)), is_syntax, "{name}: {said}");
        assert_eq!(said.is_empty(), !is_syntax, "{name}: {said}");
        assert_eq!(diagnose(&name, mended.into()), "", "{name}");
    }
}
