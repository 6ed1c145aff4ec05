//! What the documents name exists: files, modules, flags; and the table of rooms is the one that is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{ROOMS, files, report};

/// Files that documents name and that are not of this repository.
const OF_OTHERS: &[&str] = &["Walrus.toml"];

struct Document {
    path: String,
    text: String,
}

impl Document {
    /// The spans in backticks, each with the number of its line. Code blocks have none.
    fn code_spans(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut in_block = false;
        let lines = self.text.lines().enumerate().filter(move |(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            in_block ^= is_fence;
            !in_block && !is_fence
        });
        lines.flat_map(|(i, line)| line.split('`').skip(1).step_by(2).map(move |span| (i + 1, span)))
    }
}

/// All Markdown files but those that are history, or are shown to users with the codes they explain.
fn documents() -> Vec<Document> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<String> = repository();
    paths.retain(|path| {
        path.ends_with(".md") && !["CHANGELOG.md", "src/", "examples/"].iter().any(|start| path.starts_with(start))
    });
    let read = |path: String| Document { text: fs::read_to_string(root.join(&path)).expect("a readable file"), path };
    paths.into_iter().map(read).collect()
}

/// The paths of all files and folders, relative to the repository.
fn repository() -> Vec<String> {
    fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path()) {
            let path = entry.strip_prefix(root).expect("inside").to_str().expect("UTF-8").replace('\\', "/");
            if matches!(&path[..], "target" | ".git") || path.ends_with("node_modules") {
                continue;
            }
            if entry.is_dir() {
                collect(root, &entry, found);
            }
            found.push(path);
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, root, &mut found);
    found.sort();
    found
}

/// Whether a span names a file or a folder of this repository, by the look of it.
fn is_path(span: &str) -> bool {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let is_file = [".rs", ".lalrpop", ".toml", ".md", ".py", ".svg"].iter().any(|end| span.ends_with(end));
    let folders = ["src", "tests", "docs", "fixtures", "benches", "fuzz", "editors", "grammar", "examples", ".ci"];
    let in_folder = span.split_once('/').is_some_and(|(first, _)| folders.contains(&first));
    plain && !span.starts_with('.') | span.starts_with(".ci") && (is_file || in_folder)
}

/// Whether a path of the repository ends with what is named: `op/access.rs` is in `src/bytecode/`.
fn exists(repository: &[String], named: &str) -> bool {
    let named = named.trim_end_matches('/');
    repository
        .iter()
        .any(|path| path.strip_suffix(named).is_some_and(|before| before.is_empty() || before.ends_with('/')))
}

#[test]
fn files_that_documents_name_exist() {
    let repository = repository();
    let mut findings = Vec::new();
    for document in documents() {
        for (line, span) in document.code_spans() {
            if is_path(span) && !OF_OTHERS.contains(&span) && !exists(&repository, span) {
                findings.push(format!("{}:{line}: `{span}`", document.path));
            }
        }
    }
    report(findings, "A document names a file that is not there: where did it go?");
}

#[test]
fn items_that_documents_name_exist() {
    let sources = files(&["src"]);
    let mut findings = Vec::new();
    for document in documents() {
        for (line, span) in document.code_spans() {
            let Some((path, item)) = span.trim_end_matches("()").rsplit_once("::") else { continue };
            let is_item = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !span.starts_with(|c: char| c.is_ascii_lowercase()) || !path.split("::").chain([item]).all(is_item) {
                continue;
            }
            // Rust of an embedding program may name the library, or another.
            let path = path.trim_start_matches("walrus::").trim_start_matches("crate::");
            let folder = path.replace("::", "/");
            let in_room = |path: &str| {
                ROOMS.iter().any(|(room, _)| path.split('/').any(|part| part.trim_end_matches(".rs") == *room))
            };
            let is_module = |path: &str| {
                [format!("{folder}.rs"), format!("{folder}/mod.rs")]
                    .iter()
                    .any(|file| path.strip_suffix(&file[..]).is_some_and(|before| before.ends_with('/')))
            };
            let declares = |text: &str| {
                ["fn", "struct", "enum", "trait", "type", "const", "mod", "static", "macro_rules!"]
                    .iter()
                    .any(|kind| text.contains(&format!("{kind} {item}")))
                    || text.contains(&format!("::{item}")) && text.contains("pub use")
            };
            let mut modules = sources.iter().filter(|file| in_room(&file.path) && is_module(&file.path)).peekable();
            if modules.peek().is_some() && !modules.any(|file| declares(&file.text)) {
                findings.push(format!("{}:{line}: `{span}`", document.path));
            }
        }
    }
    report(findings, "A document names an item that its module does not have.");
}

/// The flags that programs have, as their argument structs declare them, and those that tests give to one another.
fn flags() -> BTreeSet<String> {
    let mut flags: BTreeSet<String> = ["--help", "--version"].map(str::to_owned).into();
    for file in files(&["src/bin", "src/cli", "src/run"]) {
        let mut is_long = false;
        for line in file.text.lines().map(str::trim) {
            if let Some(attribute) = line.strip_prefix("#[arg(") {
                let name = attribute.split("long = \"").nth(1).and_then(|rest| rest.split('"').next());
                flags.extend(name.map(|name| format!("--{name}")));
                is_long = name.is_none() && attribute.split(['(', ',', ')']).any(|word| word.trim() == "long");
            } else if let Some((field, _)) = line.split_once(':').filter(|_| is_long) {
                flags.insert(format!("--{}", field.trim_start_matches("pub ").replace('_', "-")));
                is_long = false;
            }
        }
    }
    for file in files(&["tests"]).iter().filter(|file| !file.path.starts_with("tests/tidy")) {
        let literals = file.text.split('"').skip(1).step_by(2);
        flags.extend(literals.filter(|text| text.starts_with("--")).map(|text| flag_of(text).to_owned()));
    }
    flags
}

/// `--dump` of `--dump=region` and of `--dump region`.
fn flag_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    &text[..end]
}

#[test]
fn flags_that_documents_name_exist() {
    let flags = flags();
    let mut findings = Vec::new();
    for document in documents() {
        for (line, span) in document.code_spans() {
            // A flag alone is one of ours; other commands have theirs.
            let command = span.split(' ').next().unwrap_or_default();
            if !(["walrus", "walrusc", "walrus-run"].contains(&command) || command.starts_with("--")) {
                continue;
            }
            for word in span.split(' ').filter(|word| word.starts_with("--") && word.len() > 2) {
                if !flags.contains(flag_of(word)) {
                    findings.push(format!("{}:{line}: `{span}`", document.path));
                }
            }
        }
    }
    report(findings, "A document names a flag that no program has.");
}

#[test]
fn the_table_of_rooms_is_the_one_that_is_tested() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).expect("the map");
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for row in map.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [rooms, _, imports] = cells[..] else { continue };
        let names = |cell: &str| -> BTreeSet<String> {
            cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches(".rs").to_owned()).collect()
        };
        for name in names(rooms) {
            let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| *room == name) else { continue };
            told.insert(name);
            let allowed: BTreeSet<String> = allowed.iter().map(|room| (*room).to_owned()).collect();
            // A façade may import rooms of either program: those are in `ROOMS` only.
            if !imports.contains("their rooms") && names(imports) != allowed {
                findings.push(format!("ARCHITECTURE.md: '{room}' may import {imports}, and the test says {allowed:?}"));
            }
        }
    }
    findings
        .extend(ROOMS.iter().filter(|(room, _)| !told.contains(*room)).map(|(room, _)| format!("no row: '{room}'")));
    report(findings, "The table of rooms in ARCHITECTURE.md and `ROOMS` say the same.");
}

/// The scanners themselves.
mod scanners {
    use super::*;

    #[test]
    fn tell_paths_from_other_spans() {
        assert!(["op/access.rs", "tests/oracle", ".ci/run", "ARCHITECTURE.md"].iter().all(|span| is_path(span)));
        assert!(!["std/math", "a.b", "src/…", "fn f", ".wbc", "x + y.rs"].iter().any(|span| is_path(span)));
        let repository = ["src/bytecode/op/access.rs".to_owned()];
        assert!(exists(&repository, "op/access.rs") && !exists(&repository, "p/access.rs"));
    }

    #[test]
    fn see_spans_outside_blocks() {
        let document = Document { path: String::new(), text: "a `b` `c`\n```\n`d`\n```\n`e`\n".to_owned() };
        assert_eq!(document.code_spans().collect::<Vec<_>>(), [(1, "b"), (1, "c"), (5, "e")]);
    }

    #[test]
    fn see_flags() {
        assert_eq!(flag_of("--dump=region"), "--dump");
        assert!(flags().contains("--jit-threshold") && flags().contains("--out-dir") && flags().contains("--eval"));
    }
}
