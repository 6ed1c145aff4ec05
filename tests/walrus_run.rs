//! The command line of walrus-run: flags, exit statuses, limits, and files that are no good programs.

mod support;

#[path = "support/build.rs"]
mod build;
#[path = "support/source.rs"]
mod source;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::{Outcome, run, walrus_run, walrusc};

/// A folder with one compiled program.
struct Program {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Program {
    #[track_caller]
    fn new(source: &str) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match source::build(folder.path(), "program", source) {
            Ok(path) => Program { folder, path },
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Runs with arguments among which `@` stands for the program.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = walrus_run();
        for argument in arguments {
            match *argument {
                "@" => command.arg(&self.path),
                other => command.arg(other),
            };
        }
        run(&mut command, b"").expect("walrus-run ends")
    }
}

/// A usage error or a bad file: exit status 2, nothing on standard output.
#[track_caller]
fn assert_refused(outcome: &Outcome, message: &str) {
    assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
    assert!(outcome.stdout.is_empty(), "{}", outcome.describe());
    assert!(outcome.err().contains(message), "expected '{message}': {}", outcome.describe());
}

#[track_caller]
fn assert_runs(outcome: &Outcome, output: &str) {
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    assert_eq!(outcome.out(), output);
    assert_eq!(outcome.err(), "");
}

const SHOW_ARGS: &str = "import \"std/sys\"; let xs = sys.args(); println(xs[1..-1].join(\"|\"));";

#[test]
fn flags_stand_before_or_after_the_file() {
    let program = Program::new(SHOW_ARGS);
    assert_runs(&program.run(&["@"]), "\n");
    assert_runs(&program.run(&["@", "a", "b c"]), "a|b c\n");
    assert_runs(&program.run(&["--gc-stress", "@", "a"]), "a\n");
    assert_runs(&program.run(&["@", "--gc-stress", "a"]), "a\n");
    // After the program's first own argument, all is the program's.
    assert_runs(&program.run(&["@", "--gc-stress", "a", "--gc-stress", "-V", "--"]), "a|--gc-stress|-V|--\n");
}

#[test]
fn after_two_dashes_all_belongs_to_the_program() {
    let program = Program::new(SHOW_ARGS);
    assert_runs(&program.run(&["@", "--", "--gc-stress", "--nonsense", "-V"]), "--gc-stress|--nonsense|-V\n");
    assert_runs(&program.run(&["--gc-stress", "@", "--", "--", "b"]), "--|b\n");
    assert_runs(&program.run(&["--", "@", "--gc-stress"]), "--gc-stress\n");
}

#[test]
fn arguments_keep_their_text() {
    let program = Program::new(SHOW_ARGS);
    assert_runs(&program.run(&["@", "--", "", "é😀", "a\nb", "*"]), "|é😀|a\nb|*\n");
}

#[test]
#[cfg(unix)]
fn arguments_that_are_no_text_get_replacement_characters() {
    use std::os::unix::ffi::OsStrExt;
    let program = Program::new(SHOW_ARGS);
    let word = std::ffi::OsStr::from_bytes(b"a\xFFb");
    let outcome = run(walrus_run().arg(&program.path).arg(word), b"").expect("it ends");
    assert_runs(&outcome, "a\u{FFFD}b\n");
}

#[test]
fn help_shows_flags_for_testing_last() {
    let help = run(walrus_run().arg("--help"), b"").expect("it ends").out();
    let place = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text} in {help}"));
    assert!(place("Limits:") < place("Native code:") && place("Reports:") < place("Testing:"), "{help}");
    assert!(place("--gc-stress") > place("Testing:") && place("--fuel") < place("Native code:"), "{help}");
}

#[test]
fn usage_errors_exit_with_2() {
    let program = Program::new("println(1);");
    assert_refused(&program.run(&[]), "Usage");
    assert_refused(&program.run(&["--nonsense", "@"]), "--nonsense");
    assert_refused(&program.run(&["@", "--nonsense"]), "--nonsense");
    assert_refused(&program.run(&["--max-heap", "lots", "@"]), "--max-heap");
    assert_refused(&program.run(&["--fuel", "much", "@"]), "--fuel");
    assert_refused(&program.run(&["--jit-threshold", "many", "@"]), "--jit-threshold");
    assert_refused(&program.run(&["--jit-stress", "nonsense", "@"]), "--jit-stress");
    assert_refused(&program.run(&["--color", "purple", "@"]), "--color");
}

#[test]
fn help_and_version() {
    let program = Program::new("println(1);");
    for flag in ["-h", "--help"] {
        let outcome = program.run(&[flag]);
        assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
        assert!(outcome.out().contains("--max-heap") && outcome.err().is_empty(), "{}", outcome.describe());
    }
    for flag in ["-V", "--version"] {
        let outcome = program.run(&[flag]);
        assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
        let text = outcome.out();
        assert!(text.contains(env!("CARGO_PKG_VERSION")) && text.contains("format"), "{text}");
        assert!(outcome.err().is_empty());
    }
    let outcome = program.run(&["--version", "--json"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    let value: serde_json::Value = serde_json::from_str(&outcome.out()).expect("the version is JSON");
    assert!(value.is_object());
    assert!(outcome.out().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn exit_statuses() {
    assert_eq!(Program::new("").run(&["@"]).status, Some(0));
    assert_eq!(Program::new("throw 1;").run(&["@"]).status, Some(1));
    assert_eq!(Program::new("import \"std/sys\"; sys.exit(42);").run(&["@"]).status, Some(42));
    assert_eq!(Program::new("import \"std/sys\"; sys.exit(255);").run(&["@"]).status, Some(255));
    assert_eq!(Program::new("import \"std/sys\"; sys.exit(0); throw 1;").run(&["@"]).status, Some(0));
}

#[test]
fn output_is_flushed_before_an_error() {
    let outcome = Program::new("print \"partial\"; throw \"late\";").run(&["@"]);
    assert_eq!(outcome.out(), "partial");
    assert!(outcome.err().starts_with("Thrown value: late") || outcome.err().starts_with("error: Thrown value: late"));
    assert_eq!(outcome.status, Some(1));
}

#[test]
fn output_and_errors_keep_their_order_in_one_stream() {
    let program = Program::new("for i in 0..5000 { println(i); } throw \"end\";");
    let folder = program.folder.path();
    let both = std::fs::File::create(folder.join("both.txt")).expect("a file can be made");
    let status = walrus_run()
        .arg(&program.path)
        .stdout(both.try_clone().expect("a handle can be copied"))
        .stderr(both)
        .status()
        .expect("walrus-run starts");
    assert_eq!(status.code(), Some(1));
    let text = std::fs::read_to_string(folder.join("both.txt")).expect("the file can be read");
    let last = text.find("4999\n").expect("the last number is there");
    assert!(text.find("Thrown value: end").expect("the error is there") > last);
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let program = Program::new("while true { println(\"a line of output\"); }");
    let mut child = walrus_run()
        .arg(&program.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("walrus-run starts");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    std::io::Read::read_exact(&mut stdout, &mut [0; 100]).expect("there is output");
    drop(stdout);
    let outcome = child.wait_with_output().expect("walrus-run ends");
    assert_eq!(String::from_utf8_lossy(&outcome.stderr), "");
    assert_ne!(outcome.status.code(), Some(101));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let program = Program::new("for i in 0..100000 { println(i); }");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the full device can be opened");
    let outcome = walrus_run().arg(&program.path).stdout(full).output().expect("walrus-run starts");
    assert!(matches!(outcome.status.code(), Some(1 | 2)), "{:?}", outcome.status);
    assert!(!outcome.stderr.is_empty());
}

#[test]
fn max_heap_is_an_uncaught_error() {
    let program = Program::new("println(\"start\"); let xs = []; while true { xs.push([1, 2, 3]); }");
    for flags in [["--max-heap", "16M"], ["--max-heap", "16MiB"], ["--max-heap", "16777216"]] {
        let outcome = program.run(&[flags[0], flags[1], "@"]);
        assert_eq!(outcome.status, Some(1), "{flags:?}: {}", outcome.describe());
        assert_eq!(outcome.out(), "start\n");
        assert!(!outcome.stderr.is_empty(), "{}", outcome.describe());
    }
    let outcome = Program::new("let s = \"x\"; while true { s += s; }").run(&["--max-heap", "16M", "@"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    let outcome =
        Program::new("let d = {}; let i = 0; while true { d[i] = i; i += 1; }").run(&["--max-heap", "16M", "@"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    let caught = "while true { try { let xs = [1]; while true { xs.push(1.5); } } catch e { } }";
    let outcome = Program::new(caught).run(&["--max-heap", "16M", "@"]);
    assert_eq!(outcome.status, Some(1), "the limit cannot be caught: {}", outcome.describe());
}

#[test]
fn garbage_does_not_count_against_max_heap() {
    let program = Program::new("let t = 0; for i in 0..200000 { let xs = [i, i]; t += xs.len(); } println(t);");
    assert_runs(&program.run(&["--max-heap", "8M", "@"]), "400000\n");
}

#[test]
fn fuel_is_an_uncaught_error() {
    let endless = Program::new("println(\"start\"); while true { try { while true { } } catch e { } }");
    let outcome = endless.run(&["--fuel", "100000", "@"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert_eq!(outcome.out(), "start\n");
    assert!(outcome.err().to_lowercase().contains("fuel"), "{}", outcome.describe());
    let recursion = Program::new("fn f : n { return f(n + 1); } f(0);");
    assert_eq!(recursion.run(&["--fuel", "100000", "@"]).status, Some(1));
    let short = Program::new("println(1 + 1);");
    assert_runs(&short.run(&["--fuel", "100000", "@"]), "2\n");
}

/// It asked for a temporary list besides, after the collection too, and so was tried again for ever.
#[test]
fn repeating_a_list_takes_no_memory_but_for_the_result() {
    let program = Program::new("let a = [1] * 20000;\nlet b = a * 3;\nprintln(b.len(), b[-1]);\n");
    assert_runs(&program.run(&["--max-heap", "700K", "@"]), "60000 1\n");
    assert!(program.run(&["--max-heap", "600K", "@"]).err().contains("Out of memory"));
}

/// An instruction that finds too little memory is executed again after a collection. One that asks for memory twice,
/// the second time for what the first has taken, would be executed for ever.
#[test]
fn operations_that_nearly_fill_the_memory_come_to_an_end() {
    let of_lists = "y = x + x|y = x * 2|y = x * 3|y = x[0..-1]|y = x.copy()|y = x.sorted()|x.sort()|x.sort(: a, b { return 0; })|x.reverse()
        |y = x.map(: v { return [v]; })|y = x.filter(: v { return true; })|x.extend(x)|x.extend(0..n)|x += x|y = f\"{x}\"|y = x.join(\",\")|x.push(1)
        |x.insert(0, 1)|y = x == x.copy()|y = [x, x + x]|y = x + x + x|y = json.encode(x)|println(x)";
    let of_strings = "y = x + x|y = x * 3|y = x.repeat(3)|y = x.upper()|y = (\" \" + x).trim()|y = x.split(\"\")|y = x.split(\"a\")|y = x.chars()
        |y = x.replace(\"a\", \"bcd\")|y = x.pad_left(2 * n, \"zy\")|y = x.pad_right(2 * n, \"z\")|y = x[0..-1]|y = x + x + x|y = f\"{x}{x}\"|x += x|y = x.lines()
        |y = x + \"\u{e9}\"|for c in x { y = c; }|y = {x: x + x}|y = json.encode(x)|println(x)";
    let of_dicts = "y = x.copy()|y = x.keys()|y = x.values()|y = x.items()|y = f\"{x}\"|for k, v in x { y = [k, v]; }|x[-1] = 1|y = x == x.copy()
        |for i in 0..n { x[f\"{i}s\"] = i; }|y = json.encode(x)|println(x)";
    let kinds = [
        (of_lists, "[1] * n", 85_000),
        (of_lists, "[\"\"] * n", 45_000),
        (of_strings, "\"a\" * n", 680_000),
        (of_strings, "\"a\u{e9}\" * n", 230_000),
        (of_dicts, "{}; for i in 0..n { x[f\"{i}\"] = i; }", 10_000),
    ];
    for (operations, make, most) in kinds {
        for operation in operations.split('|') {
            let program = Program::new(&format!(
                "import \"std/sys\"; import \"std/json\"; let y = void; let n = sys.args()[1].to_int(); let x = {make}; {operation};"
            ));
            for part in 1..=12 {
                let outcome = program.run(&["--max-heap", "700K", "@", &(most * part / 12).to_string()]);
                let message = outcome.err();
                let is_refused = message.contains("Out of memory") || message.contains("Value too large");
                assert!(outcome.status == Some(0) || is_refused, "{operation}: {}", outcome.describe());
            }
        }
    }
}

/// Nothing but a built-in method calls the functions: they have no loops, and their caller's loop has one iteration.
#[test]
fn calls_by_built_in_methods_burn_fuel() {
    let calls = [
        "xs.map(: x { xs.push(0); xs.remove(0); xs.insert(0, 0); return x; });",
        "try { xs.filter(: x { xs.insert(0, 0); return true; }); } catch e { println(\"caught\"); }",
        "xs.map(Grows);",
    ];
    for call in calls {
        let source = format!("let xs = [1];\nstruct Grows {{ fn init : self, x {{ xs.push(x); }} }}\n{call}\n");
        let outcome = Program::new(&source).run(&["--fuel", "10000", "@"]);
        assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
        assert_eq!(outcome.out(), "", "fuel cannot be caught");
        assert!(outcome.err().contains("Out of fuel"), "{}", outcome.describe());
    }
    let sorts = Program::new("let xs = [3, 1, 2];\nxs.sort(: a, b { return a - b; });\nprintln(xs);\n");
    assert_runs(&sorts.run(&["--fuel", "4", "@"]), "[1, 2, 3]\n");
    assert_eq!(sorts.run(&["--fuel", "1", "@"]).status, Some(1), "two comparisons at the least");
}

#[test]
fn jit_stats_are_json_with_every_field() {
    let source = "fn f : n {\n    let t = 0;\n    for i in 0..n { t += i; }\n    return t;\n}\nprintln(f(5000));\n";
    let program = Program::new(source);
    let outcome = program.run(&["--jit", "--jit-stats=json", "@"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    assert_eq!(outcome.out(), "12497500\n");
    let text = outcome.err();
    assert_eq!(text.lines().count(), 1, "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).expect("the statistics are JSON");
    assert_eq!(value["version"], 1);
    for field in ["functions_compiled", "code_bytes", "exits"] {
        assert!(value[field].is_u64(), "{field}: {text}");
    }
    assert!(value["compile_ms"].is_number(), "{text}");
    let regions = value["regions"].as_array().expect("regions are a list");
    let region = regions
        .iter()
        .find(|region| region["kind"] == "loop" && region["line"] == 3)
        .unwrap_or_else(|| panic!("the loop is no region: {text}"));
    assert_eq!(region["function"], "f");
    assert!(region["file"].as_str().is_some_and(|file| file.ends_with("program.walrus")), "{text}");
    assert!(region["count"].as_u64().is_some_and(|count| count >= 1), "{text}");
    for field in ["compiled", "entered", "exits", "id"] {
        assert!(region[field].is_u64(), "{field}: {text}");
    }
}

#[test]
fn jit_stats_for_people() {
    let outcome = Program::new("for i in 0..5000 { }").run(&["--jit-stats", "@"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    let text = outcome.err();
    assert!(text.starts_with("Hot-spot Statistics:\n"), "{text}");
    for part in ["Total tracked regions:", "Hot loops:", "Hot functions:", "JIT compiled regions:", "JIT Stats:"] {
        assert!(text.contains(part), "no '{part}' in {text}");
    }
    let after_error = Program::new("for i in 0..5000 { } throw 1;").run(&["--jit-stats", "@"]);
    assert_eq!(after_error.status, Some(1));
    assert!(after_error.err().contains("Hot-spot Statistics:"), "{}", after_error.describe());
}

#[test]
fn jit_stats_go_into_a_file_that_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("stats:1.txt");
    let name = file.display();
    let program = Program::new("for i in 0..5000 { } println(1);");
    for (flag, start) in [
        (format!("--jit-stats:{name}"), "Hot-spot Statistics:\n"),
        (format!("--jit-stats=:{name}"), "Hot-spot Statistics:\n"),
        (format!("--jit-stats=text:{name}"), "Hot-spot Statistics:\n"),
        (format!("--jit-stats=json:{name}"), "{\"version\": 1,"),
    ] {
        let outcome = program.run(&[&flag, "@"]);
        let seen = (outcome.status, outcome.out(), outcome.err());
        assert_eq!(seen, (Some(0), "1\n".to_string(), String::new()), "{flag}");
        let text = std::fs::read_to_string(&file).expect("it was written");
        assert!(text.starts_with(start), "{flag}: {text}");
        std::fs::remove_file(&file).expect("it is there");
    }
    for flag in ["--jit-stats=xml", "--jit-stats=json:", "--jit-stats:", "--jit-stats="] {
        assert_eq!(program.run(&[flag, "@"]).status, Some(2), "{flag}");
    }
    let lost = program.run(&["--jit-stats:/nowhere/at/all", "@"]);
    assert_eq!((lost.status, lost.out().as_str()), (Some(2), "1\n"), "{}", lost.describe());
    assert!(lost.err().contains("cannot write '/nowhere/at/all'"), "{}", lost.err());
    // An argument of the program stays as it is.
    let echo = Program::new("import \"std/sys\"; println(sys.args()[1]);");
    assert_eq!(echo.run(&["@", "--", "--jit-stats:x"]).out(), "--jit-stats:x\n");
}

#[test]
fn a_file_that_is_missing_or_a_folder() {
    let program = Program::new("println(1);");
    assert_refused(&program.run(&["no-such-file.wbc"]), "no-such-file.wbc");
    let folder = program.folder.path().to_str().expect("the path is UTF-8").to_owned();
    assert_refused(&program.run(&[&folder]), &folder);
}

/// Runs the bytes as a .wbc file.
#[track_caller]
fn run_bytes(folder: &Path, bytes: &[u8]) -> Outcome {
    let path = folder.join("bad.wbc");
    std::fs::write(&path, bytes).expect("the file can be written");
    run(walrus_run().arg("--fuel").arg("1000000").arg(&path), b"").expect("walrus-run ends")
}

/// A bad file gives one line, exit status 2 and no output.
#[track_caller]
fn assert_bad_file(outcome: &Outcome) {
    assert_refused(outcome, "");
    assert_eq!(outcome.err().lines().count(), 1, "{}", outcome.describe());
}

#[test]
fn files_that_are_no_programs() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    assert_bad_file(&run_bytes(folder.path(), b""));
    assert_bad_file(&run_bytes(folder.path(), b"x"));
    assert_bad_file(&run_bytes(folder.path(), b"println(1);\n"));
    assert_bad_file(&run_bytes(folder.path(), &[0; 4096]));
    assert_bad_file(&run_bytes(folder.path(), &[0xFF; 4096]));
    assert_bad_file(&run_bytes(folder.path(), b"\x7fELF\x02\x01\x01"));
}

const RICH: &str = "
import \"std/math\";
struct P { fn init : self, x { self.x = x; } fn get : self { return self.x; } }
fn f : n { let t = 0; for i in 0..n { try { t += i * 2; } catch e { return e; } } return t; }
let c = : a { return a + 1; };
println(f(10), c(1), P(3).get(), math.floor(2.5), [1, \"s\", 2.5], {\"k\": (1,)});
";

#[test]
fn truncated_files() {
    let program = Program::new(RICH);
    let bytes = std::fs::read(&program.path).expect("the program can be read");
    let step = (bytes.len() / 60).max(1);
    for length in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        assert_bad_file(&run_bytes(program.folder.path(), &bytes[..length]));
    }
    let mut longer = bytes;
    longer.extend_from_slice(b"trailing");
    assert_bad_file(&run_bytes(program.folder.path(), &longer));
}

#[test]
fn bit_flipped_files() {
    let program = Program::new(RICH);
    let expected = program.run(&["@"]);
    assert_eq!(expected.status, Some(0), "{}", expected.describe());
    let bytes = std::fs::read(&program.path).expect("the program can be read");
    let step = (bytes.len() * 8 / 150).max(1);
    for bit in (0..bytes.len() * 8).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = run_bytes(program.folder.path(), &flipped);
        // Some bits of the header (the producer's name, say) may change nothing.
        if outcome.status == Some(0) {
            assert_eq!(outcome.stdout, expected.stdout, "bit {bit}: {}", outcome.describe());
        } else {
            assert_bad_file(&outcome);
        }
    }
}

#[test]
fn running_needs_no_source() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("helper.walrus"), "let v = 5;").expect("the helper can be written");
    let program =
        source::build(folder.path(), "main", "import \"./helper.walrus\"; println(helper.v);").expect("it compiles");
    std::fs::remove_file(folder.path().join("helper.walrus")).expect("the helper can be removed");
    std::fs::remove_file(folder.path().join("main.walrus")).expect("the source can be removed");
    assert_runs(&build::execute::<&str>(&program, &[]).expect("walrus-run ends"), "5\n");
}

#[test]
fn traces_are_the_same_without_the_source() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let program = source::build(folder.path(), "main", "fn f : {\n    throw 1;\n}\nf();\n").expect("it compiles");
    std::fs::remove_file(folder.path().join("main.walrus")).expect("the source can be removed");
    let outcome = build::execute::<&str>(&program, &[]).expect("walrus-run ends");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.err().contains("main.walrus:2:"), "{}", outcome.describe());
    assert!(outcome.err().contains("main.walrus:4:"), "{}", outcome.describe());
}

#[test]
fn long_traces_are_shortened_in_the_middle() {
    let outcome = Program::new("fn f : n { return 1 + f(n + 1); }\nf(0);\n").run(&["@"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert!(outcome.err().contains("Stack overflow"), "{}", outcome.describe());
    assert!(outcome.err().lines().count() < 200, "the trace has {} lines", outcome.err().lines().count());
    assert!(outcome.err().contains("program.walrus:2:"), "the outermost frame is shown: {}", outcome.describe());
}

/// What walrusc and walrus-run call a region by.
#[cfg(all(feature = "compile", feature = "jit"))]
#[test]
fn regions_have_one_number_in_all_reports() {
    // A byte-order mark is no column.
    let source = "\u{FEFF}fn sum_to : n { let s = 0; for i in 0..n { for k in 0..2 { s += i; } } return s; }\n\
                  struct P { fn m : self { let n = 3; while n > 0 { n -= 1; } return n; } }\n\
                  let t = 0; for k in 0..50 { t += sum_to(9); } for q in 0..2000 { t += P().m(); }\n\
                  println([1].map(: x { return x + t; }).len());\n";
    let program = Program::new(source);
    let file = program.folder.path().join("numbers.walrus");
    std::fs::write(&file, source).expect("writable");
    let regions_of = |document: &str| -> Vec<String> {
        let document: serde_json::Value = serde_json::from_str(document).expect("JSON");
        let text = |region: &serde_json::Value, name: &str| region[name].to_string();
        let regions = document["regions"].as_array().expect("regions").iter();
        regions
            .map(|region| ["id", "kind", "function", "line", "column"].map(|name| text(region, name)).join(" "))
            .collect()
    };
    let emitted = run(walrusc().args(["--emit", "loops", "-o", "-"]).arg(&file), b"").expect("walrusc ends");
    let said = regions_of(&emitted.out());
    assert_eq!(said.len(), 8, "{}", emitted.describe());
    let ran = program.run(&["--jit", "--jit-stats=json", "@"]);
    let statistics = ran.err();
    let statistics = statistics.lines().last().expect("statistics");
    assert_eq!(regions_of(statistics), said);
}
