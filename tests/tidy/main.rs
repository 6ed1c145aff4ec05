//! Conventions of the repository, as tests: which room may import which, what every file must have, what none may, and
//! what documents say of it.
//!
//! `ARCHITECTURE.md` says why the arrows are as they are. These tests read source text line by line; they know no more
//! Rust than comments, paths and braces.

mod documents;

use std::fs;
use std::path::{Path, PathBuf};

use walrus::source::codes::CODES;

/// Rooms of `src/`, each with those it may import. `compile` and `run` are façades: a file and maybe a folder of the
/// same name.
const ROOMS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("syntax", &["source"]),
    ("format", &["syntax", "source"]),
    ("resolve", &["syntax", "source"]),
    ("bytecode", &["source"]),
    ("facts", &["bytecode"]),
    ("lower", &["resolve", "syntax", "bytecode", "source"]),
    ("analysis", &["facts", "bytecode", "source"]),
    ("runtime", &["facts", "bytecode", "source"]),
    ("jit", &["facts", "bytecode", "runtime"]),
    ("compile", &["resolve", "syntax", "lower", "analysis", "bytecode", "source"]),
    ("run", &["facts", "bytecode", "runtime", "jit", "source"]),
    ("cli", &["compile", "run", "format", "source"]),
];

/// The programs and their façades.
const PROGRAMS: &[(&str, &[&str])] =
    &[("walrus", &["cli", "compile", "run"]), ("walrusc", &["cli", "compile"]), ("walrus-run", &["cli", "run"])];

/// Rooms with `unsafe` code, each with the most pieces of it that there may be: a number to be lowered, or raised with
/// a reason in the commit. All other rooms forbid it to the compiler, in `lib.rs`.
const UNSAFE_ROOMS: &[(&str, usize)] = &[("runtime", 246), ("jit", 10), ("run", 10)];

/// Rooms that may open files, read clocks and write to the terminal; of other rooms nothing may.
const ROOMS_OF_THE_SYSTEM: &[&str] = &["cli", "compile", "run"];

/// Single files of other rooms, each with what it may use of the system and the reason.
const FILES_OF_THE_SYSTEM: &[(&str, &[&str], &str)] = &[
    ("src/jit/stopwatch.rs", &["Instant"], "what making code takes is counted against the budget"),
    ("src/jit/tier/", &["Instant"], "time in native code is what the budget grows by"),
    ("src/jit/dump.rs", &["std::fs", "eprintln!"], "--dump prints and writes files"),
    ("src/jit/log.rs", &["io::stderr"], "--jit-log prints"),
    ("src/jit/perf_map.rs", &["std::fs", "File::", "std::env", "std::process", "eprintln!"], "perf reads that file"),
];

/// What reaches the system without being given a way there.
const SYSTEM: &[&str] = &[
    "std::fs",
    "File::",
    "std::env",
    "std::process",
    "TcpStream",
    "Instant",
    "SystemTime",
    "println!",
    "eprintln!",
    "print!(",
    "io::stdin",
    "io::stdout",
    "io::stderr",
];

/// The width of comments, which `rustfmt.toml` sets for code; rustfmt leaves comments as they are.
const MAX_WIDTH: usize = 120;

/// Longer files hold more than one idea.
const MAX_LINES: usize = 900;

/// Files that may be longer, each with the reason. Find the seam before adding one.
const LONG_FILES: &[(&str, &str)] = &[];

struct SourceFile {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

impl SourceFile {
    /// The lines without comments, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, before_comment(line)))
    }

    /// [`Self::code`] up to the unit tests, which may use any room to make what they test.
    fn shipped_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.lines().collect::<Vec<_>>();
        let end = (1..tests.len())
            .find(|i| {
                tests[i - 1].trim() == "#[cfg(test)]" && tests[*i].starts_with("mod ") && tests[*i].ends_with('{')
            })
            .unwrap_or(tests.len());
        let is_tests = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        self.code().take(if is_tests { 0 } else { end })
    }
}

fn before_comment(line: &str) -> &str {
    let mut in_string = false;
    let bytes = line.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if in_string => i += 1,
            // A quote in a character literal opens no string.
            b'"' if !(i > 0 && bytes[i - 1] == b'\'') => in_string = !in_string,
            b'/' if !in_string && bytes.get(i + 1) == Some(&b'/') => return &line[..i],
            _ => {}
        }
        i += 1;
    }
    line
}

/// The line with its string literals emptied.
fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

fn files(folders: &[&str]) -> Vec<SourceFile> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.map(|entry| entry.expect("a readable folder").path()) {
            if entry.is_dir() {
                collect(&entry, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| SourceFile {
        text: fs::read_to_string(&path).expect("a readable file"),
        path: path.strip_prefix(root).expect("inside").to_str().expect("UTF-8").replace('\\', "/"),
    };
    paths.into_iter().map(read).collect()
}

fn every_file() -> Vec<SourceFile> {
    let mut all = files(&["src", "tests", "benches"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    all.push(SourceFile {
        path: "build.rs".into(),
        text: fs::read_to_string(root.join("build.rs")).expect("build.rs"),
    });
    all
}

/// Fails with all findings at once.
fn report(findings: Vec<String>, why: &str) {
    assert!(findings.is_empty(), "\n{}\n{why}\n", findings.join("\n"));
}

/// The first names of the paths that start with `prefix` (`crate::`), those in braces included.
fn roots_of_paths(line: &str, prefix: &str) -> Vec<String> {
    let mut roots = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        if line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        let name = |text: &str| {
            text.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("").to_owned()
        };
        let Some(group) = rest.strip_prefix('{') else {
            roots.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    roots.push(name(&group[start..i]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    roots.push(name(&group[start..i]));
                    start = i + 1;
                }
                _ => {}
            }
        }
    }
    roots.retain(|root| !root.is_empty());
    roots
}

/// The room that a path with enough `super::` in it leads to, if it leaves the room at all.
fn root_of_supers(line: &str, depth: usize) -> Option<&str> {
    let at = line.find("super::")?;
    let mut rest = &line[at..];
    let mut supers = 0;
    while let Some(after) = rest.strip_prefix("super::") {
        rest = after;
        supers += 1;
    }
    (supers >= depth).then(|| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(""))
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let mut findings = Vec::new();
    for file in files(&["src"]) {
        let inside = file.path.strip_prefix("src/").expect("a file of src");
        let first = inside.split('/').next().expect("a path").trim_end_matches(".rs");
        if first == "lib" || first == "bin" {
            continue;
        }
        let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| *room == first) else {
            findings.push(format!("{}: '{first}' is no room", file.path));
            continue;
        };
        let modules = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let depth = modules.split('/').count();
        // A `use` may go over several lines; paths are looked for in whole statements.
        let mut statement = String::new();
        for (number, line) in file.shipped_code() {
            statement.push_str(line.trim());
            let is_use = statement.starts_with("use ") || statement.starts_with("pub") && statement.contains(" use ");
            if is_use && !line.contains(';') {
                continue;
            }
            let mut targets: Vec<String> = roots_of_paths(&statement, "crate::");
            targets.extend(root_of_supers(&statement, depth).map(str::to_owned));
            for target in targets {
                let is_room = ROOMS.iter().any(|(other, _)| *other == target);
                if is_room && target != *room && !allowed.contains(&target.as_str()) {
                    findings.push(format!("{}:{number}: room '{room}' imports '{target}'", file.path));
                }
            }
            statement.clear();
        }
    }
    report(findings, "Imports go along the arrows of ARCHITECTURE.md only; move the code or pass the value in.");
}

#[test]
fn programs_import_only_their_facade() {
    let mut findings = Vec::new();
    for file in files(&["src/bin"]) {
        let name = file.path.strip_prefix("src/bin/").expect("a file of bin");
        let name = name.split(['/', '.']).next().expect("a name");
        let Some((_, allowed)) = PROGRAMS.iter().find(|(program, _)| *program == name) else {
            findings.push(format!("{}: '{name}' is no program", file.path));
            continue;
        };
        for (number, line) in file.shipped_code() {
            for target in roots_of_paths(line, "walrus::") {
                let is_room = ROOMS.iter().any(|(room, _)| *room == target);
                if is_room && !allowed.contains(&target.as_str()) {
                    findings.push(format!("{}:{number}: program '{name}' imports '{target}'", file.path));
                }
            }
        }
    }
    report(findings, "A program is arguments, files and exit codes; what it needs of the rooms its façade offers.");
}

#[test]
fn rooms_reach_the_system_only_where_they_say_so() {
    let mut findings = Vec::new();
    for file in files(&["src"]) {
        let room = file.path.trim_start_matches("src/").split(['/', '.']).next().expect("a room");
        if room == "bin" || ROOMS_OF_THE_SYSTEM.contains(&room) {
            continue;
        }
        let allowed = FILES_OF_THE_SYSTEM.iter().filter(|(path, ..)| file.path.starts_with(path));
        let allowed: Vec<&str> = allowed.flat_map(|(_, words, _)| words.iter().copied()).collect();
        for (number, line) in file.shipped_code() {
            let line = without_strings(line);
            for word in SYSTEM.iter().filter(|word| has_word(&line, word) && !allowed.contains(*word)) {
                findings.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    report(
        findings,
        "Library rooms open no file and read no clock: take a `FileLoader` or a `Host`, or say here why not.",
    );
}

/// Whether `word` stands in a line, not as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn comments_keep_to_the_width_of_code() {
    let mut wide: Vec<String> = Vec::new();
    for file in every_file() {
        for (i, line) in file.text.lines().enumerate() {
            // A word alone, such as an address, cannot be broken, nor can the row of a table.
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_comment = words.len() > 2 && words[0].starts_with("//") && words[1] != "|";
            if is_comment && line.chars().count() > MAX_WIDTH {
                wide.push(format!("{}:{}: {} columns", file.path, i + 1, line.chars().count()));
            }
        }
    }
    report(wide, "Comments are as wide as code at most: 120 columns.");
}

#[test]
fn names_are_imported_one_by_one() {
    let mut findings = Vec::new();
    for file in files(&["src"]) {
        for (number, line) in file.shipped_code().filter(|(_, line)| imports_everything(line)) {
            findings.push(format!("{}:{number}: {line}", file.path));
        }
    }
    report(findings, "A file names what it uses at its head, so that a reader knows where each name comes from.");
}

/// Whether a line at the head of a file imports all names of a module; within a function it may, for the arms of a
/// match.
fn imports_everything(line: &str) -> bool {
    line.starts_with("use ") && line.ends_with("::*;")
}

#[test]
fn every_file_says_what_it_holds() {
    // What unit tests are about, their parent says.
    let is_unit_tests = |file: &SourceFile| file.path.starts_with("src/") && file.path.ends_with("/tests.rs");
    let missing = every_file().into_iter().filter(|file| !file.text.starts_with("//!") && !is_unit_tests(file));
    report(
        missing.map(|file| file.path).collect(),
        "A file starts with module docs (`//!`): what it holds and its invariants.",
    );
}

#[test]
fn files_hold_one_idea() {
    let long = every_file().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        let excused = LONG_FILES.iter().any(|(path, _)| *path == file.path);
        (lines > MAX_LINES && !excused).then(|| format!("{}: {lines} lines", file.path))
    });
    report(long.collect(), "Files over 900 lines hold two ideas. Find the seam between them and make two files.");
}

#[test]
fn unsafe_code_says_what_keeps_it_sound() {
    let mut findings = Vec::new();
    for file in every_file() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, code) in file.code() {
            let code = &without_strings(code);
            let words: Vec<&str> = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '{')).collect();
            let Some(at) = words.iter().position(|word| *word == "unsafe") else { continue };
            let after: Vec<&str> = words[at + 1..].iter().filter(|word| !word.is_empty()).copied().collect();
            let (marker, where_it_goes) = match after.first() {
                Some(word) if word.starts_with('{') => ("SAFETY:", "comment"),
                None => ("SAFETY:", "comment"),
                Some(&"impl") => ("SAFETY:", "comment"),
                // A declaration states what its callers owe; a type or a trait's method has it from elsewhere.
                Some(&"fn") | Some(&"extern") if declares_function(code) => ("# Safety", "doc comment"),
                _ => continue,
            };
            if !comment_above(&lines, number - 1).contains(marker) && !lines[number - 1].contains(marker) {
                findings.push(format!("{}:{number}: unsafe without a `{marker}` {where_it_goes}", file.path));
            }
        }
    }
    report(findings, "Name the invariant that makes it sound and who keeps it.");
}

#[test]
fn unsafe_code_stands_in_few_rooms() {
    let mut findings = Vec::new();
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    let sources = files(&["src"]);
    for (room, _) in ROOMS {
        let inside = |file: &&SourceFile| {
            file.path.starts_with(&format!("src/{room}/")) || file.path == format!("src/{room}.rs")
        };
        let count: usize = sources.iter().filter(inside).map(pieces_of_unsafe_code).sum();
        match UNSAFE_ROOMS.iter().find(|(unsafe_room, _)| unsafe_room == room) {
            Some((_, most)) if count > *most => {
                findings.push(format!("room '{room}' has {count} pieces of unsafe code, limit {most}"));
            }
            Some(_) => {}
            None if library.contains(&format!("#[forbid(unsafe_code)]\npub mod {room};")) => {}
            None => findings.push(format!("src/lib.rs: room '{room}' does not forbid unsafe code")),
        }
    }
    let programs = sources.iter().filter(|file| file.path.starts_with("src/bin/"));
    findings
        .extend(programs.filter(|file| pieces_of_unsafe_code(file) > 0).map(|file| format!("{}: unsafe", file.path)));
    report(findings, "Find a safe way, or say in the commit why there is none and change the number.");
}

/// Blocks, functions and implementations that are `unsafe`.
fn pieces_of_unsafe_code(file: &SourceFile) -> usize {
    let is_piece = |after: &str| ["{", "fn ", "impl ", "extern "].iter().any(|word| after.starts_with(word));
    file.code()
        .map(|(_, line)| without_strings(line).split("unsafe ").skip(1).filter(|after| is_piece(after)).count())
        .sum()
}

fn declares_function(code: &str) -> bool {
    let code = code.trim_start();
    // `unsafe extern "C" fn(…)` in a type has no name after `fn`.
    let named = code.split("fn ").nth(1).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    named && (code.starts_with("pub") || code.starts_with("unsafe"))
}

/// The comments and attributes directly above a line, and above the statement it continues.
fn comment_above(lines: &[&str], index: usize) -> String {
    let mut above = String::new();
    let mut statement_lines = 0;
    for line in lines[..index].iter().rev() {
        let line = line.trim();
        if line.starts_with("//") {
            above.push_str(line);
            above.push('\n');
        } else if line.starts_with("#[") || line.starts_with(")]") {
        } else if above.is_empty() && statement_lines < 4 && !line.ends_with([';', '}']) && !line.is_empty() {
            // The head of a statement that goes on over several lines.
            statement_lines += 1;
        } else {
            break;
        }
    }
    above
}

#[test]
fn nothing_is_left_for_later() {
    let banned = ["todo!(", "unimplemented!(", "dbg!(", "allow(dead_code", "allow(unused"];
    let mut findings = Vec::new();
    for file in files(&["src", "benches"]) {
        for (number, line) in file.shipped_code() {
            for word in banned {
                // An exception with its reason beside it is a decision.
                if line.contains(word) && !line.contains("reason =") {
                    findings.push(format!("{}:{number}: {word}", file.path));
                }
            }
        }
    }
    report(findings, "Capabilities are whole: no stubs, no dead code, no silenced warnings without a reason.");
}

#[test]
fn positions_say_of_what_they_are() {
    let mut findings = Vec::new();
    for file in files(&["src"]) {
        for (number, line) in file.code() {
            if binds_at(&without_strings(line)) {
                findings.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    report(findings, "`at` may be a pc, an offset, an index, a register or a time: say which it is.");
}

/// Whether a line gives the name `at` to a variable, a parameter or a field.
fn binds_at(line: &str) -> bool {
    let before = ["let ", "mut ", "for ", "ref ", "(", ", ", "|", "{ ", "pub ", "&"];
    line.match_indices("at").any(|(i, _)| {
        let (head, tail) = (&line[..i], line[i + 2..].trim_start());
        let is_bound = head.trim().is_empty() || before.iter().any(|word| head.ends_with(word));
        let ends = [":", ",", ")", "|", "=", "}", "in "].iter().any(|end| tail.starts_with(end));
        is_bound
            && ends
            && !line[i + 2..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            && !tail.starts_with("::")
    })
}

/// String literals that are codes of diagnostics.
fn codes_in(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2).filter(|literal| {
        let (family, number) = literal.split_at_checked(1).unwrap_or(("", ""));
        matches!(family, "E" | "W") && number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn every_code_of_a_diagnostic_is_explained() {
    let mut findings = Vec::new();
    for file in files(&["src"]).into_iter().filter(|file| !file.path.contains("source/codes")) {
        for (number, line) in file.shipped_code() {
            for code in codes_in(line) {
                if !CODES.iter().any(|info| info.code == code) {
                    findings.push(format!("{}:{number}: {code} has no row in source/codes.rs", file.path));
                }
            }
        }
    }
    for info in CODES {
        if info.title.is_empty() || info.explanation.len() < 40 {
            findings.push(format!("{}: its row explains nothing", info.code));
        }
    }
    if !CODES.is_sorted_by(|a, b| a.code < b.code) {
        findings.push("the rows of source/codes.rs do not ascend".into());
    }
    report(findings, "`walrusc --explain CODE` must have something to say about every code that users see.");
}

/// The scanners themselves: a scanner that sees nothing proves nothing.
mod scanners {
    use super::*;

    #[test]
    fn see_paths() {
        assert_eq!(roots_of_paths("use crate::{a::{b, c}, d};", "crate::"), ["a", "d"]);
        assert_eq!(roots_of_paths("let x = crate::runtime::f(crate::jit::g());", "crate::"), ["runtime", "jit"]);
        assert_eq!(roots_of_paths("pub(in crate::bytecode) fn f()", "crate::"), ["bytecode"]);
        assert_eq!(root_of_supers("use super::super::jit::X;", 2), Some("jit"));
        assert_eq!(root_of_supers("use super::op::X;", 2), None);
    }

    #[test]
    fn see_names_that_say_nothing() {
        let bound =
            ["let at = 0;", "    at: usize,", "fn f(at: u32) {", ".map(|at| at + 1)", "for at in 0..9 {", "S { at }"];
        assert!(bound.iter().all(|line| binds_at(line)));
        let other = ["fn at(&self)", "code.at(pc)", "let attempts = 0;", "Window::at(ptr)", "f(found_at, x)"];
        assert!(!other.iter().any(|line| binds_at(line)));
    }

    #[test]
    fn see_comments_and_codes() {
        assert_eq!(before_comment("let a = \"//\"; // crate::jit"), "let a = \"//\"; ");
        assert!(has_word("let x = Instant::now();", "Instant") && !has_word("MyInstant::now()", "Instant"));
        assert_eq!(codes_in("error(\"E0101\", \"E1\", \"x\")").collect::<Vec<_>>(), ["E0101"]);
    }

    #[test]
    fn see_imports_of_everything() {
        assert!(imports_everything("use super::*;") && imports_everything("use crate::jit::ir::*;"));
        assert!(!imports_everything("    use Op::*;") && !imports_everything("pub use ids::*;"));
    }

    #[test]
    fn see_safety_comments() {
        let lines = ["// SAFETY: kept by the caller.", "#[inline]", "let x =", "    unsafe { f() };"];
        assert!(comment_above(&lines, 3).contains("SAFETY:"));
        assert!(!comment_above(&["// SAFETY: of another.", "f();", "unsafe { g() };"], 2).contains("SAFETY:"));
        assert!(declares_function("pub unsafe fn f(x: u8) {"));
        assert!(!declares_function("type F = unsafe extern \"C\" fn(u8);"));
    }
}
