//! The book keeps its word: every example in it runs and prints what it says, and every link in it leads somewhere.
//!
//! A block of a page under `docs/` that is marked `walrus` is a whole program. `// prints: text` is the next line of
//! its output; all output must be named.

#[path = "docs/library.rs"]
mod library;
mod support;

use std::path::{Path, PathBuf};

use support::{run, walrus_run, walrusc};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The pages, folders below included, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the book can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    collect(&docs(), &mut paths);
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("readable"))).collect()
}

/// The blocks of a page that are marked `walrus`, each with the line on which it begins, from 1.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut current: Option<(usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match &mut current {
            None if line == "```walrus" => current = Some((index + 2, String::new())),
            None => {}
            Some(_) if line == "```" => found.extend(current.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(current.is_none(), "a block of code has no end");
    found
}

#[test]
fn every_example_prints_what_it_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, wbc) = (folder.path().join("example.walrus"), folder.path().join("example.wbc"));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, page) in pages() {
        for (line, text) in examples(&page) {
            count += 1;
            let said: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("// prints: ")?.1)).collect();
            std::fs::write(&source, &text).expect("writable");
            let compiled = run(walrusc().arg(&source).arg("-o").arg(&wbc), b"").expect("walrusc ends");
            let outcome = match compiled.status {
                Some(0) => run(walrus_run().arg(&wbc).arg("--jit"), b"").expect("walrus-run ends"),
                _ => compiled,
            };
            if outcome.status != Some(0) || outcome.out().lines().collect::<Vec<_>>() != said {
                wrong.push(format!("{}:{line}: {}", path.display(), outcome.describe()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count >= 15, "only {count} examples were found");
}

#[test]
fn every_link_leads_to_a_page_and_every_page_is_in_the_summary() {
    let summary = std::fs::read_to_string(docs().join("SUMMARY.md")).expect("a summary");
    let mut wrong = Vec::new();
    for (path, page) in pages() {
        let folder = path.parent().expect("a folder");
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                wrong.push(format!("{}: {link} leads nowhere", path.display()));
            }
        }
        let name = path.strip_prefix(docs()).expect("inside").to_str().expect("UTF-8").replace('\\', "/");
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            wrong.push(format!("{name} is not in the summary"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
