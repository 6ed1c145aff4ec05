use super::*;
use crate::source::{FileId, Span};

fn map(text: &str) -> SourceMap {
    let mut map = SourceMap::new();
    map.add("a.walrus", None, text);
    map
}

fn error(lo: u32, hi: u32) -> Diagnostic {
    Diagnostic::error("E0201", "Expected an expression", Span { file: FileId(0), lo, hi }).labelled("here")
}

#[test]
fn human_shows_the_line_and_the_label() {
    let text = human(&error(8, 9), &map("let x = ;\n"), false);
    assert!(text.contains("error[E0201]: Expected an expression"), "{text}");
    assert!(text.contains("a.walrus:1:9"), "{text}");
    assert!(text.contains("^ here"), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(human(&error(8, 9), &map("let x = ;\n"), true).contains('\u{1b}'));
}

#[test]
fn a_long_line_is_clipped_and_keeps_its_column() {
    let line = "x".repeat(3_000_000);
    let text = human(&error(1_000_000, 1_000_001), &map(&line), false);
    assert!(text.len() < 2_000, "{}", text.len());
    assert!(text.contains("a.walrus:1:1000001"), "{text}");
    assert!(text.contains("^ here"), "{text}");
}

#[test]
fn short_is_one_line() {
    assert_eq!(short(&error(8, 9), &map("let x = ;\n")), "a.walrus:1:9: error[E0201]: Expected an expression\n");
}

#[test]
fn json_is_one_object_with_places() {
    let diagnostic = error(8, 9).with_suggestion("write 1", Span { file: FileId(0), lo: 8, hi: 8 }, "1");
    let line = json(&diagnostic, &map("let x = ;\n"));
    assert_eq!(line.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["severity"], "error");
    assert_eq!(value["spans"][0]["column_start"], 9);
    assert_eq!(value["spans"][0]["byte_end"], 9);
    assert_eq!(value["suggestions"][0]["applicability"], "maybe-incorrect");
    assert!(value["rendered"].as_str().unwrap().contains("^ here"));
}

#[test]
fn github_escapes_what_would_end_a_command() {
    let diagnostic = error(8, 9).with_note("100 %\nof it");
    let line = github(&diagnostic, &map("let x = ;\n"));
    let place = "file=a.walrus,line=1,endLine=1,col=9,endColumn=10,title=E0201";
    assert_eq!(line, format!("::error {place}::Expected an expression%0Anote: 100 %25%0Aof it\n"));
}

#[test]
fn sarif_has_rules_and_results() {
    let report = Report { diagnostics: vec![error(8, 9)], more_errors: 0 };
    let value: serde_json::Value = serde_json::from_str(&Sarif::of(&report, &map("let x = ;\n")).document()).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "E0201");
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"], 9);
}

#[test]
fn the_summary_counts_what_is_not_shown() {
    let report = Report { diagnostics: vec![error(0, 1), error(1, 2)], more_errors: 3 };
    assert_eq!(summary(&report), "2 errors shown, 3 more not shown\n");
}

#[test]
fn odd_spans_never_panic() {
    let texts = [
        "",
        "\n",
        "\r\n",
        "a",
        "a\tb\té\u{301}漢字\r\n\r\n\tx",
        "\u{FEFF}let",
        "\u{0}\u{1b}[31m\u{202E}x",
        "x\r",
        "a\n\n\nb\nc\n",
    ];
    let long = format!("{}\n{}", "é".repeat(500), "\t".repeat(500));
    for text in texts.into_iter().chain([long.as_str()]) {
        let map = map(text);
        let offsets: Vec<u32> =
            (0..=text.len().min(24) as u32 + 3).chain([480, 999, 1001, 1400, u32::MAX - 1]).collect();
        for &lo in &offsets {
            for &hi in &offsets {
                let span = Span { file: FileId(0), lo, hi };
                let other = Span { file: FileId(0), lo: hi / 2, hi: lo.max(hi / 2) };
                let diagnostic = error(lo, hi).with_label(other, "").with_suggestion("do", span, "x\ny").with_note("n");
                for format in [Format::Human, Format::Short, Format::Json, Format::Sarif] {
                    let diagnostics = vec![diagnostic.clone()];
                    report(&Report { diagnostics, more_errors: 0 }, &map, format, lo % 2 == 0);
                }
            }
        }
    }
    let nowhere = Diagnostic::error("E0201", "x", Span { file: FileId(7), lo: 1, hi: 2 });
    assert!(human(&nowhere, &map(""), false).contains("error[E0201]: x"));
}
