//! Runs every program under `fixtures/` and `examples/` in every mode of walrus-run and holds the outcome against the
//! expectations written in the program. `fixtures/README.md` explains the format.
//!
//! Invariants:
//! - A comment that starts like an expectation and is not one fails its fixture, so that a typo cannot pass.
//! - A fixture without any expectation fails.
//! - All modes must agree with `interp` byte for byte on standard output, standard error and exit status.
//! - Claims of `// expect jit:` lines are held against `--jit-stats=json`; a build without the JIT only parses them.

mod directives;
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use directives::{CompileError, Expectations, JitClaim};
use libtest_mimic::{Arguments, Failed, Trial};
use support::{Outcome, run, shorten, walrus_run, walrusc};

/// A way to run a program.
struct Mode {
    name: &'static str,
    flags: &'static [&'static str],
}

/// Flags that make everything native at once, and more.
macro_rules! eager {
    ($($more:literal),*) => {
        &["--jit", "--jit-wait", "--jit-threshold", "1", "--jit-function-threshold", "1", $($more),*]
    };
}

const MODES: &[Mode] = &[
    Mode { name: "interp", flags: &[] },
    Mode { name: "gc-stress", flags: &["--gc-stress"] },
    Mode { name: "alloc-stress", flags: &["--alloc-stress"] },
    Mode { name: "jit", flags: &["--jit", "--jit-wait"] },
    Mode { name: "jit-eager", flags: eager![] },
    // Compilation runs beside the program here, so what gets native differs from run to run; what the program does must
    // not.
    Mode { name: "jit-beside", flags: &["--jit", "--jit-threshold", "1", "--jit-function-threshold", "1"] },
    Mode { name: "jit-exits", flags: eager!["--jit-stress", "exits"] },
    Mode { name: "jit-facts", flags: eager!["--jit-stress", "facts"] },
    Mode { name: "jit-alloc-stress", flags: eager!["--alloc-stress"] },
];

/// More modes for the programs about tasks: a switch wherever a task need not wait. In all modes these have a simulated
/// clock: what was compiled or collected between the making of two timers must not decide which runs out first.
const TASK_MODES: &[Mode] = &[
    Mode { name: "task-stress", flags: &["--task-stress"] },
    Mode { name: "task-stress-gc", flags: &["--task-stress", "--gc-stress"] },
    Mode { name: "task-stress-jit", flags: eager!["--task-stress"] },
];

/// The folder of programs about tasks, and that of those about connections.
const TASKS: &str = "tasks/";
const NET: &str = "net/";

/// More modes for programs about connections: a network that does everything at once, and two that are slow and give
/// little at a time.
const NET_MODES: &[Mode] = &[
    Mode { name: "simulated", flags: &["--simulate", "0"] },
    Mode { name: "simulated-1", flags: &["--simulate", "1", "--task-stress"] },
    Mode { name: "simulated-jit", flags: eager!["--simulate", "2"] },
];

/// A program with its expectations, and what is computed once for all its modes.
struct Fixture {
    /// Path from the fixtures folder, with `/`; this is also how walrusc is given the file.
    name: String,
    root: PathBuf,
    scratch: PathBuf,
    expected: Expectations,
    compiled: OnceLock<Result<PathBuf, String>>,
    interpreted: OnceLock<Result<Outcome, String>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = Vec::new();
    // Examples are named with their folder, fixtures without.
    for (folder, root) in [("fixtures", repository.join("fixtures")), ("examples", repository.to_owned())] {
        let mut sources = Vec::new();
        find_sources(&repository.join(folder), &mut sources);
        sources.sort();
        for (index, source) in sources.iter().enumerate() {
            let scratch = scratch.path().join(format!("{folder}-{index}"));
            add_trials(&root, source, scratch, &mut trials);
        }
    }
    assert!(!trials.is_empty(), "no fixtures found");
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(scratch);
    conclusion.exit_code()
}

/// Folders of examples that have a runner of their own, `serving_examples.rs` and `gates.rs`.
const HELD_ELSEWHERE: &[&str] = &["servers", "gates"];

/// Collects the programs that are run by themselves: not what is called `lib`, nor what has a name that
/// starts with `_`, nor what is held elsewhere.
fn find_sources(folder: &Path, sources: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder entry can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name == "lib" || HELD_ELSEWHERE.contains(&name.as_str()) || name.starts_with('_') {
            continue;
        }
        if path.is_dir() {
            find_sources(&path, sources);
        } else if name.ends_with(".walrus") {
            sources.push(path);
        }
    }
}

fn add_trials(root: &Path, source: &Path, scratch: PathBuf, trials: &mut Vec<Trial>) {
    let relative = source.strip_prefix(root).expect("the file was found under the root");
    let name = relative.to_str().expect("fixture names are UTF-8").replace('\\', "/");
    let parsed = std::fs::read_to_string(source).map_err(|error| error.to_string()).and_then(|text| {
        directives::parse(&text, MODES.iter().chain(TASK_MODES).chain(NET_MODES).map(|mode| mode.name))
    });
    let expected = match parsed {
        Ok(expected) => expected,
        Err(problem) => {
            let message = format!("{name}: {problem}");
            trials.push(Trial::test(format!("{name}::directives"), move || Err(Failed::from(message))));
            return;
        }
    };
    let fixture = Arc::new(Fixture {
        name,
        root: root.to_owned(),
        scratch,
        expected,
        compiled: OnceLock::new(),
        interpreted: OnceLock::new(),
    });
    if !fixture.expected.compile_errors.is_empty() {
        let shared = Arc::clone(&fixture);
        trials.push(Trial::test(format!("{}::compile", fixture.name), move || Ok(shared.check_compile_errors()?)));
        return;
    }
    if !fixture.expected.warnings.is_empty() || fixture.expected.no_warnings {
        let shared = Arc::clone(&fixture);
        trials.push(Trial::test(format!("{}::warnings", fixture.name), move || Ok(shared.check_warnings()?)));
    }
    let more = match &fixture.name {
        name if name.starts_with(TASKS) => TASK_MODES,
        name if name.starts_with(NET) => NET_MODES,
        _ => &[],
    };
    for mode in MODES.iter().chain(more) {
        let shared = Arc::clone(&fixture);
        let skipped = fixture.expected.skipped.iter().any(|name| name == mode.name);
        let trial = Trial::test(format!("{}::{}", fixture.name, mode.name), move || Ok(shared.check_mode(mode)?));
        trials.push(trial.with_ignored_flag(skipped));
    }
}

impl Fixture {
    fn compiled(&self) -> Result<&Path, String> {
        let compiled = self.compiled.get_or_init(|| {
            std::fs::create_dir_all(&self.scratch).map_err(|error| error.to_string())?;
            let output = self.scratch.join("program.wbc");
            let outcome = run(walrusc().current_dir(&self.root).arg(&self.name).arg("-o").arg(&output), b"")?;
            if outcome.status != Some(0) {
                return Err(format!("walrusc refused it: {}", outcome.describe()));
            }
            Ok(output)
        });
        compiled.as_deref().map_err(String::clone)
    }

    /// Runs the program in a folder of its own, so that what one mode writes no other mode sees.
    fn run_mode(&self, mode: &Mode, extra: &[&str]) -> Result<Outcome, String> {
        let program = self.compiled()?;
        let folder = self.scratch.join(mode.name);
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let mut command = walrus_run();
        command.current_dir(folder).env("WALRUS_FIXTURE", "set").env_remove("WALRUS_UNSET");
        command.args(mode.flags).args(extra).args(&self.expected.flags);
        if self.name.starts_with(TASKS) {
            command.args(["--simulate", "0"]);
        }
        command.arg(program).args(&self.expected.args);
        run(&mut command, self.expected.stdin.as_bytes())
    }

    fn interpreted(&self) -> Result<&Outcome, String> {
        self.interpreted.get_or_init(|| self.run_mode(&MODES[0], &[])).as_ref().map_err(String::clone)
    }

    fn check_mode(&self, mode: &Mode) -> Result<(), String> {
        if mode.name == MODES[0].name {
            return self.check_outcome(self.interpreted()?);
        }
        let judged = cfg!(feature = "jit") && mode.name == "jit" && !self.expected.jit.is_empty();
        let mut outcome = self.run_mode(mode, if judged { &["--jit-stats=json"] } else { &[] })?;
        if judged {
            let statistics = take_last_line(&mut outcome.stderr);
            check_jit(&statistics, &self.name, &self.expected.jit)?;
        }
        self.check_outcome(&outcome)?;
        let reference = self.interpreted()?;
        if *reference != outcome {
            return Err(format!(
                "differs from the interpreter\n=== interp: {}\n=== {}: {}",
                reference.describe(),
                mode.name,
                outcome.describe()
            ));
        }
        Ok(())
    }

    fn check_outcome(&self, outcome: &Outcome) -> Result<(), String> {
        let expected = &self.expected;
        compare_output(&expected.stdout, &outcome.out())
            .map_err(|problem| format!("{problem}\n=== whole outcome: {}", outcome.describe()))?;
        let stderr = outcome.err();
        let fail = |problem: String| Err(format!("{problem}\n=== whole outcome: {}", outcome.describe()));
        match &expected.error {
            None if !stderr.is_empty() => return fail("unexpected text on standard error".into()),
            None => {}
            Some(error) => {
                let first = stderr.lines().next().unwrap_or_default();
                if first != error.message && first.strip_prefix("error: ") != Some(&error.message) {
                    return fail(format!("expected the error '{}', found '{first}'", error.message));
                }
                if let Some(line) = error.line {
                    let place = format!("{}:{line}:", file_name(&self.name));
                    let frame = stderr.lines().find(|text| text.trim_start().starts_with("at "));
                    if !frame.unwrap_or(&stderr).contains(&place) {
                        return fail(format!("the innermost frame of the trace is not at {place}"));
                    }
                }
            }
        }
        let mut rest = stderr.lines();
        for wanted in &expected.trace {
            if !rest.any(|line| line.contains(wanted.as_str())) {
                return fail(format!("the trace lacks '{wanted}' (or has it in another order)"));
            }
        }
        let status = expected.exit.unwrap_or(if expected.error.is_some() { 1 } else { 0 });
        if outcome.status != Some(status) {
            return fail(format!("expected exit status {status}"));
        }
        Ok(())
    }

    /// The errors reported and the errors expected must be the same set, line by line.
    fn check_compile_errors(&self) -> Result<(), String> {
        std::fs::create_dir_all(&self.scratch).map_err(|error| error.to_string())?;
        let output = self.scratch.join("program.wbc");
        let mut command = walrusc();
        command.current_dir(&self.root).args(["--message-format", "short", &self.name, "-o"]).arg(&output);
        let outcome = run(&mut command, b"")?;
        let fail = |problem: String| Err(format!("{problem}\n=== whole outcome: {}", outcome.describe()));
        if outcome.status != Some(1) {
            return fail("expected exit status 1".into());
        }
        if output.exists() {
            return fail("a failed compile wrote its output".into());
        }
        let stderr = outcome.err();
        self.compare("error", &self.expected.compile_errors, &stderr).or_else(fail)
    }

    /// The warnings reported and the warnings expected must be the same set.
    fn check_warnings(&self) -> Result<(), String> {
        let mut command = walrusc();
        command.current_dir(&self.root).args(["--message-format", "short", "--check", &self.name]);
        let outcome = run(&mut command, b"")?;
        let fail = |problem: String| Err(format!("{problem}\n=== whole outcome: {}", outcome.describe()));
        self.compare("warning", &self.expected.warnings, &outcome.err()).or_else(fail)
    }

    /// Compares what walrusc has reported with what is expected of one severity.
    fn compare(&self, severity: &str, wanted: &[CompileError], stderr: &str) -> Result<(), String> {
        let mut reported: Vec<ShortError<'_>> =
            stderr.lines().filter_map(|line| short_message(line, severity)).collect();
        for wanted in wanted {
            let own = file_name(&self.name);
            let found = reported.iter().position(|error| {
                let place = wanted.line.is_none_or(|line| line == error.line && error.file == own);
                place && error.message.contains(&wanted.message)
            });
            match found {
                Some(index) => drop(reported.remove(index)),
                None => return Err(format!("no {severity} '{}' on line {:?}", wanted.message, wanted.line)),
            }
        }
        match reported.first() {
            Some(error) => Err(format!("unexpected {severity} on line {}: {}", error.line, error.message)),
            None => Ok(()),
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A line of `--message-format short` that reports an error or a warning.
struct ShortError<'a> {
    file: &'a str,
    line: u32,
    message: &'a str,
}

/// Reads `path:line:column: error[CODE]: message`; `None` for anything that is not of this severity.
fn short_message<'a>(text: &'a str, severity: &str) -> Option<ShortError<'a>> {
    let (place, message) = text.split_once(&format!(": {severity}"))?;
    let (_, message) = message.split_once(": ")?;
    let mut parts = place.rsplitn(3, ':');
    let _column: u32 = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some(ShortError { file: file_name(parts.next()?), line, message })
}

fn compare_output(expected: &[String], actual: &str) -> Result<(), String> {
    if expected.is_empty() && actual.is_empty() {
        return Ok(());
    }
    let Some(body) = actual.strip_suffix('\n') else {
        return Err("standard output does not end with a line feed".into());
    };
    let lines: Vec<&str> = body.split('\n').collect();
    for (index, wanted) in expected.iter().enumerate() {
        match lines.get(index) {
            Some(line) if line == wanted => {}
            Some(line) => {
                return Err(format!(
                    "line {} of the output\n  expected: {}\n     found: {}",
                    index + 1,
                    shorten(wanted),
                    shorten(line)
                ));
            }
            None => return Err(format!("the output ends before its line {}: {}", index + 1, shorten(wanted))),
        }
    }
    match lines.get(expected.len()) {
        Some(line) => Err(format!("unexpected line {} of the output: {}", expected.len() + 1, shorten(line))),
        None => Ok(()),
    }
}

/// Removes the last line of a text and returns it.
fn take_last_line(text: &mut Vec<u8>) -> String {
    let end = text.strip_suffix(b"\n").unwrap_or(text).len();
    let start = text[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let line = String::from_utf8_lossy(&text[start..end]).into_owned();
    text.truncate(start);
    line
}

fn check_jit(statistics: &str, name: &str, claims: &[JitClaim]) -> Result<(), String> {
    let statistics: serde_json::Value = serde_json::from_str(statistics)
        .map_err(|error| format!("--jit-stats=json is not JSON: {error}: {statistics}"))?;
    for claim in claims {
        claim
            .check(&statistics, file_name(name))
            .map_err(|problem| format!("{problem}\n=== statistics: {statistics}"))?;
    }
    Ok(())
}
