//! Certain failures of ten kinds, made by changing fixtures: walrusc names them where they are.
//!
//! A change counts if the run of the changed program ends with an error of the changed line, whatever it says. So what
//! is to be found is decided by the runtime, not by the analysis that is asked to find it.
#![cfg(feature = "compile")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use host::MemoryHost;
use regex::{Captures, Regex};
use walrus::bytecode;
use walrus::compile::compile_text;
use walrus::run::{RunOptions, run};

#[path = "support/certain_failures.rs"]
mod certain_failures;
#[path = "support/host.rs"]
mod host;

/// Back edges and calls that a program may make.
const FUEL: u64 = 200_000;

/// So many failures of each kind are made.
const OF_EACH: usize = 20;

/// A way to make a line fail: what stands there, with `FUNCTION` for the name of any function of the program, and what
/// is put in its place.
struct Kind {
    name: &'static str,
    stands: &'static str,
    put: fn(&Captures) -> String,
}

/// The arguments of a call with more behind them.
fn with_more(arguments: &str) -> String {
    let comma = if arguments.trim().is_empty() { "" } else { ", " };
    format!("{arguments}{comma}1, 2, 3, 4, 5, 6, 7, 8, 9")
}

const KINDS: [Kind; 10] = [
    Kind {
        name: "a method's name misspelt",
        stands: r"\.(push|pop|len|sort|join|split|keys|values|contains|reverse|upper|lower|trim|get|remove)\(",
        put: |found| format!(".{}e(", &found[1]),
    },
    Kind {
        name: "a library function's name misspelt",
        stands: r"\b(math|json|core|time|sys|path)\.(\w+)\(",
        put: |found| format!("{}.{}e(", &found[1], &found[2]),
    },
    Kind {
        name: "too many arguments",
        stands: r"\b(FUNCTION)\(([^()]*)\)",
        put: |found| format!("{}({})", &found[1], with_more(&found[2])),
    },
    Kind {
        name: "too few arguments",
        stands: r"\b(FUNCTION)\([^()]*[^() ][^()]*\)",
        put: |found| format!("{}()", &found[1]),
    },
    Kind { name: "a text subtracted", stands: r" - (\d+)\b", put: |found| format!(" - \"{}\"", &found[1]) },
    Kind { name: "ordered against a list", stands: r" (<|>|<=|>=) (\d+)\b", put: |found| format!(" {} []", &found[1]) },
    Kind { name: "a number indexed", stands: r"\b[a-z]\w*\[(\w+)\]", put: |found| format!("5[{}]", &found[1]) },
    Kind { name: "a number iterated over", stands: r"\bin [a-z]\w* \{", put: |_| "in 5 {".to_owned() },
    Kind { name: "a text called", stands: r"\b(FUNCTION)\(", put: |found| format!("\"{}\"(", &found[1]) },
    Kind {
        name: "an argument that is refused",
        stands: r"\b(math\.\w+|core\.len|core\.ord|core\.chr|json\.decode|\w+\.split|\w+\.join)\([^()]+\)",
        put: |found| format!("{}({})", &found[1], if found[1].starts_with("math") { "\"a\"" } else { "2.5" }),
    },
];

/// Programs of one file, in the order of their names.
fn fixtures() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["programs", "functions", "loops", "language", "std"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
        for entry in std::fs::read_dir(folder).expect("the fixtures are there") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|extension| extension == "walrus") {
                let text = String::from_utf8(std::fs::read(&path).expect("readable"));
                found.extend(text.ok().filter(|text| !text.contains("import \"./")).map(|text| (path, text)));
            }
        }
    }
    found.sort();
    found
}

/// The line and the text of the error that ends a program; `None` if none does, or it is another end.
fn error_of(bytes: &[u8]) -> Option<(usize, String)> {
    let options = RunOptions { fuel: Some(FUEL), ..RunOptions::default() };
    let program = bytecode::load(bytes).expect("it loads");
    let outcome = run(program, &options, Box::new(MemoryHost { out: Arc::new(Mutex::new(Vec::new())) }));
    let (said, trace) = outcome.message.split_once("\n --> ").or_else(|| outcome.message.split_once("\n  --> "))?;
    let line = trace.lines().next()?.split(':').nth(1)?.parse().ok()?;
    Some((line, said.to_owned()))
}

/// What walrusc warns of in each line.
type Warnings = BTreeMap<usize, Vec<String>>;

/// The warnings about what always fails, and the compiled program; `None` if it does not compile.
fn compile(text: &str) -> Option<(Warnings, Vec<u8>)> {
    let compilation = compile_text("main.walrus", text);
    let bytes = compilation.encode()?;
    Some((certain_failures::by_line(&compilation, text), bytes))
}

/// A number that tells apart, and has no order that the programs have.
fn scatter(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn certain_failures_are_named_at_their_place() {
    let fixtures = fixtures();
    let function = Regex::new(r"(?m)^\s*fn (\w+) :").expect("a pattern");
    let (mut all, mut named, mut report) = (0, 0, String::new());
    for kind in &KINDS {
        // Each place of each program that the kind fits, in an order that mixes programs.
        let mut places = Vec::new();
        for (at, (path, text)) in fixtures.iter().enumerate() {
            let names: Vec<&str> =
                function.captures_iter(text).map(|found| found.get(1).expect("a group").as_str()).collect();
            if names.is_empty() && kind.stands.contains("FUNCTION") {
                continue;
            }
            let pattern = Regex::new(&kind.stands.replace("FUNCTION", &names.join("|"))).expect("a pattern");
            for found in pattern.captures_iter(text) {
                let whole = found.get(0).expect("the whole").range();
                let line_start = text[..whole.start].rfind('\n').map_or(0, |at| at + 1);
                if text[line_start..whole.start].contains("//") || text[line_start..whole.start].contains('"') {
                    continue;
                }
                let order = scatter(&format!("{}:{}", path.display(), whole.start));
                places.push((order, at, whole, (kind.put)(&found)));
            }
        }
        places.sort_by_key(|(order, ..)| *order);
        let (mut made, mut missed) = (0, Vec::new());
        for (_, at, range, put) in places {
            if made == OF_EACH {
                break;
            }
            let (path, text) = &fixtures[at];
            let line = 1 + text[..range.start].matches('\n').count();
            let changed = format!("{}{put}{}", &text[..range.start], &text[range.end..]);
            let Some((warnings, bytes)) = compile(&changed) else { continue };
            let Some((_, said)) = error_of(&bytes).filter(|(failed, _)| *failed == line) else { continue };
            // What fails as it is was not made to fail.
            if compile(text).is_none_or(|(_, bytes)| error_of(&bytes).is_some()) {
                continue;
            }
            made += 1;
            match warnings.get(&line).is_some_and(|warnings| warnings.contains(&said)) {
                true => named += 1,
                false => missed.push(format!("{}:{line}: {said}: {:?}", path.display(), warnings.get(&line))),
            }
        }
        all += made;
        let _ = writeln!(report, "{}: {} of {made}", kind.name, made - missed.len());
        missed.iter().for_each(|missed| report.push_str(&format!("    {missed}\n")));
    }
    println!("{report}{named} of {all}");
    assert!(all >= 200 && named * 10 >= all * 9, "{named} of {all} are named:\n{report}");
}
