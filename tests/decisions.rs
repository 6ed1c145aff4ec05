//! What the tier decides over the programs of `fixtures/programs` and `benches/programs`, as a record: a change of
//! policy shows in review as a change of what is native, and why not. Only whether code pays, and whether there is time
//! to make it, is not asked with `--jit-wait`, so that no decision depends on the clock and the record is the same on
//! each run.

#[path = "support/build.rs"]
mod build;
mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use build::{compile, execute};
use serde_json::Value;

/// The programs of a folder, in the order of their names.
fn programs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "walrus")).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The decisions about one program's regions, a line each.
fn decisions(path: &Path, compiled: &Path) -> String {
    let outcome = compile(path, compiled).expect("it ends");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    let outcome = execute(compiled, &["--jit", "--jit-wait", "--jit-stats=json"]).expect("it ends");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    let errors = outcome.err();
    let start = errors.find("{\"version\"").expect("statistics");
    let statistics: Value = serde_json::from_str(&errors[start..]).expect("JSON");
    let regions = statistics["regions"].as_array().expect("regions");
    let mut text = format!("{}\n", path.file_name().expect("a name").to_string_lossy());
    for region in regions {
        let word = |name: &str| region[name].as_str().unwrap_or("top level").to_owned();
        let (kind, function, phase) = (word("kind"), word("function"), word("phase"));
        let _ = write!(text, "  {kind} {function} {}:{}: {phase}", region["line"], region["column"]);
        if let Some(why) = region["why"].as_str() {
            let _ = write!(text, " {why}");
        }
        if let Some(outer) = region["inside"].as_u64() {
            let outer = &regions[outer as usize];
            let _ = write!(text, " inside {}:{}", outer["line"], outer["column"]);
        }
        for name in ["compiled", "steps"] {
            if let Some(count) = region[name].as_u64().filter(|count| *count > 0) {
                let _ = write!(text, ", {name} {count}");
            }
        }
        text.push('\n');
    }
    text
}

/// The record of a folder's programs, some run side by side.
fn record(folder: &str) -> String {
    let paths = programs(folder);
    let name = folder.replace('/', "-");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return done };
            let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("decisions-{name}-{at}.wbc"));
            done.push((at, decisions(path, &compiled)));
        }
    };
    let mut texts: Vec<(usize, String)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no program fails")).collect()
    });
    texts.sort();
    texts.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn about_the_programs_of_fixtures() {
    insta::assert_snapshot!(record("fixtures/programs"));
}

#[test]
fn about_the_programs_of_benches() {
    insta::assert_snapshot!(record("benches/programs"));
}
