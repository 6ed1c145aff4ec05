//! The book keeps its word: every example in it runs and prints what it says, and every link in it leads somewhere.
//!
//! A block of a page under `docs/` that is marked `walrus` is a whole program. `// prints: text` is the next line of
//! its output; all output must be named.

#[path = "docs/library.rs"]
mod library;
mod support;

use std::path::{Path, PathBuf};

use support::{Outcome, clean, run, walrus_run, walrusc};

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

/// What an example prints, or why it does not compile.
fn outcome_of(text: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, wbc) = (folder.path().join("example.walrus"), folder.path().join("example.wbc"));
    std::fs::write(&source, text).expect("writable");
    let compiled = run(walrusc().arg(&source).arg("-o").arg(&wbc), b"").expect("walrusc ends");
    match compiled.status {
        Some(0) => run(walrus_run().arg(&wbc).arg("--jit"), b"").expect("walrus-run ends"),
        _ => compiled,
    }
}

#[test]
fn every_example_prints_what_it_says() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, page) in pages() {
        for (line, text) in examples(&page) {
            count += 1;
            let said: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("// prints: ")?.1)).collect();
            let outcome = outcome_of(&text);
            if outcome.status != Some(0) || outcome.out().lines().collect::<Vec<_>>() != said {
                wrong.push(format!("{}:{line}: {}", path.display(), outcome.describe()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count >= 15, "only {count} examples were found");
}

/// The first program that anybody sees, which says in plain comments what it prints.
#[test]
fn the_example_of_the_readme_prints_what_it_says() {
    let page = std::fs::read_to_string(docs().join("../README.md")).expect("readable");
    let found = examples(&page);
    let [(_, text)] = &found[..] else { panic!("{} examples", found.len()) };
    let said: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(" // ")?.1)).collect();
    let outcome = outcome_of(text);
    assert_eq!((outcome.status, outcome.out().lines().collect::<Vec<_>>()), (Some(0), said), "{}", outcome.describe());
}

/// The page about the programs knows what they know.
#[cfg(all(feature = "compile", feature = "jit"))]
#[test]
fn every_flag_is_in_the_page_about_the_programs() {
    let page = std::fs::read_to_string(docs().join("programs.md")).expect("readable");
    let is_named = |flag: &str| {
        page.match_indices(flag)
            .any(|(at, _)| !page[at + flag.len()..].starts_with(|c: char| c == '-' || c.is_alphanumeric()))
    };
    let calls: [&[&str]; 9] =
        [&["run"], &["build"], &["check"], &["test"], &["fmt"], &["lock"], &["new"], &["completions"], &["man"]];
    let walrus = || clean(std::process::Command::new(env!("CARGO_BIN_EXE_walrus")));
    let mut helps: Vec<_> = calls.iter().map(|words| (words.to_vec(), walrus())).collect();
    helps.extend([(vec![], walrusc()), (vec![], walrus_run())]);
    helps.extend(["dis", "info", "diff", "report"].map(|command| (vec![command], walrusc())));
    let mut wrong = Vec::new();
    for (words, mut command) in helps {
        let help = run(command.args(&words).arg("--help"), b"").expect("it ends").out();
        assert!(help.contains("Usage: "), "{words:?}: {help}");
        for word in help.lines().flat_map(|line| line.split([' ', ',', '[', '='])).filter(|word| word.len() > 2) {
            let is_flag = word.starts_with("--") && word[2..].chars().all(|c| c == '-' || c.is_ascii_lowercase());
            if is_flag && word != "--help" && !is_named(word) {
                wrong.push(format!("{words:?}: {word}"));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "docs/programs.md says nothing of\n{}", wrong.join("\n"));
}

#[test]
fn mdbook_builds_the_book_where_it_is_installed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut mdbook = std::process::Command::new("mdbook");
    let Ok(output) = mdbook.arg("build").arg(docs()).arg("--dest-dir").arg(folder.path()).output() else {
        println!("not run: mdbook is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for page in ["index.html", "language.html", "library.html", "programs.html", "internals/native-tier.html"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

#[test]
fn every_link_leads_to_a_page_and_every_page_is_in_the_summary() {
    let summary = std::fs::read_to_string(docs().join("SUMMARY.md")).expect("a summary");
    let mut wrong = Vec::new();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let pages = pages().into_iter().chain([(readme.clone(), std::fs::read_to_string(readme).expect("readable"))]);
    for (path, page) in pages {
        let folder = path.parent().expect("a folder");
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                wrong.push(format!("{}: {link} leads nowhere", path.display()));
            }
        }
        let Ok(name) = path.strip_prefix(docs()) else { continue };
        let name = name.to_str().expect("UTF-8").replace('\\', "/");
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            wrong.push(format!("{name} is not in the summary"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The commands of the page about CI: in shells, as steps of build servers, and as rules of build systems.
fn commands_for_ci(page: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let line = line.trim_start();
        let command = line
            .strip_prefix("$ ")
            .or_else(|| line.strip_prefix("- run: "))
            .or_else(|| line.strip_prefix("run: "))
            .or_else(|| line.strip_prefix("- walrus").map(|_| &line[2..]));
        if let Some(command) = command {
            return Some(command.split("  # ").next().unwrap_or(command).trim().to_owned());
        }
        if let Some(command) = line.strip_prefix("command = ") {
            return Some(command.replace("$in", "prog.walrus").replace("$out", "prog.wbc"));
        }
        let arguments = line.strip_prefix("arguments = [")?.strip_suffix("],")?;
        let words = arguments.split(", ").map(|word| match word {
            "ctx.file.main.path" => "prog.walrus",
            "out.path" => "prog.wbc",
            text => text.trim_matches('"'),
        });
        Some(std::iter::once("walrusc").chain(words).collect::<Vec<_>>().join(" "))
    };
    page.lines().filter_map(of_line).collect()
}

#[cfg(all(unix, feature = "compile", feature = "jit"))]
#[test]
fn every_command_of_the_page_about_ci_works() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    let program = "let total = 0;\n// @jit\nfor i in 0..5000 {\n    total += i;\n}\nprintln(total);\n";
    std::fs::create_dir(folder.path().join("src")).expect("a folder can be made");
    write("prog.walrus", program);
    write("src/main.walrus", program);
    write("Walrus.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nprograms = [\"prog.walrus\"]\n");
    write("sum_test.walrus", "fn test_sum : {\n    core.assert([1, 2].sum() == 3);\n}\n");
    for name in ["old.wbc", "new.wbc"] {
        let compiled = run(walrusc().current_dir(folder.path()).args(["prog.walrus", "-o", name]), b"");
        assert_eq!(compiled.expect("walrusc ends").status, Some(0));
    }
    // The report that the page has people keep beside their sources.
    let blessing = ["old.wbc", "--jit", "--work-gate", "work.json", "--bless"];
    let blessed = run(walrus_run().current_dir(folder.path()).args(blessing), b"").expect("walrus-run ends");
    assert_eq!(blessed.status, Some(0), "{}", blessed.describe());
    let programs = Path::new(env!("CARGO_BIN_EXE_walrus")).parent().expect("a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let page = std::fs::read_to_string(docs().join("ci.md")).expect("readable");
    let commands = commands_for_ci(&page);
    assert!(commands.len() >= 17, "only {} commands were found: {commands:?}", commands.len());
    for command in commands {
        let mut shell = clean(std::process::Command::new("sh"));
        shell.args(["-c", &command]).current_dir(folder.path()).env("PATH", &path);
        shell.env("GITHUB_OUTPUT", folder.path().join("output"));
        let outcome = run(&mut shell, b"").expect("it ends");
        assert_eq!(outcome.status, Some(0), "{command}: {}", outcome.describe());
    }
    // What the steps hand on.
    let key = std::fs::read_to_string(folder.path().join("output")).expect("the key was written");
    assert_eq!(key.trim().strip_prefix("key=").map(str::len), Some(64), "{key}");
    for name in ["prog.wbc", "prog.wbc.d", "results.xml"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    // The rest of the recipes as text: what a build server or build system wants of them.
    for words in
        ["uses: actions/cache@v4", "deps = gcc", "depfile = $out.d", "rule(", "allow_single_file", "paths: [prog.wbc]"]
    {
        assert!(page.contains(words), "{words}");
    }
}

/// The table of promises names places that there are.
#[test]
fn every_promise_is_tested_somewhere() {
    let page = std::fs::read_to_string(docs().join("internals/promises.md")).expect("readable");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise")) {
        count += 1;
        let place = row.rsplit(" | `").next().and_then(|place| place.trim_end_matches(" |").split_once("`: \""));
        let Some((file, words)) = place.and_then(|(file, words)| Some((file, words.strip_suffix('"')?))) else {
            wrong.push(format!("no place: {row}"));
            continue;
        };
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        if !text.contains(words) {
            wrong.push(format!("{file} does not say: {words}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 70, "only {count} promises were found");
}
