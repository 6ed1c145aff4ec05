//! The second opinion: an evaluator of the language in Python (`tests/oracle/`), written from the language's page,
//! which shares no code with the product. Every fixture that it can run must come out as `walrus-run` has it, and so
//! must random programs.
//!
//! `WALRUS_ORACLE=SEED:COUNT cargo test --test oracle` runs other random programs than the usual ones. Without a Python
//! of version 3.11 or later the suite says so and passes.

mod support;

#[path = "support/random_programs/mod.rs"]
mod random_programs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use support::{Outcome, run, shorten, walrus_run, walrusc};

/// What the oracle answers with when a program needs something that it leaves out.
const LEFT_OUT: i32 = 3;
/// A tree of closures in Python is some hundred times slower than the interpreter: what takes longer is left out too.
const PATIENCE: Duration = Duration::from_secs(20);
/// The random programs of a usual run.
const SEEDS: (u64, u64) = (1, 500);
/// The random programs about tasks of a usual run.
const TASK_SEEDS: (u64, u64) = (1, 200);
/// In which they have to come out the same.
const TASK_MODES: [&[&str]; 6] = [
    &["--task-stress"],
    &["--jit", "--jit-wait", "--jit-threshold", "1", "--jit-function-threshold", "1"],
    &["--jit", "--jit-wait", "--jit-threshold", "10", "--jit-function-threshold", "5"],
    &["--jit", "--jit-wait", "--jit-threshold", "1", "--jit-function-threshold", "1", "--task-stress"],
    &["--jit", "--jit-wait", "--jit-threshold", "1", "--jit-function-threshold", "1", "--jit-stress", "exits"],
    &["--check-facts", "--gc-stress"],
];
/// Units of fuel after which a random program is too long for the oracle.
const FUEL: &str = "60000";

/// Fixtures that the oracle is not asked about, each with the reason.
const SKIPPED: &[(&str, &str)] = &[
    ("builtins/decisions", "decides what the page leaves open, such as the order of NaN in a sorted list"),
    ("language/constants_of_modules", "which name of a module that was not imported yet is undefined is open"),
    ("language/f_string_formats", "how an error names a format without a type is open"),
    ("limit/deep_values", "values deeper than Python's own stack"),
    ("limit/many_of_everything", "too much for a tree of closures"),
    ("std/core_gc", "figures of the heap"),
    ("tasks/overflow", "deeper than the oracle's threads go"),
];

/// Whether a fixture is compared, and if not, why.
enum Answer {
    Same,
    LeftOut(String),
    Differs(String),
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The interpreter itself, if `python3` is one of version 3.11 or later. Asked once: `python3` may be a script that
/// looks for it, which takes longer than a random program.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let tell = "import sys; print(sys.executable); sys.exit(sys.version_info < (3, 11))";
        let output = Command::new("python3").args(["-c", tell]).output().ok()?;
        output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    };
    PYTHON.get_or_init(find).as_deref()
}

/// A program, how it is started, and its second opinion.
struct Case<'a> {
    source: &'a Path,
    args: Vec<String>,
    stdin: String,
    flags: &'a [&'a str],
}

impl Case<'_> {
    /// `scratch` holds the compiled program and is the folder that both run in.
    fn judge(&self, scratch: &Path) -> Answer {
        let wbc = scratch.join("program.wbc");
        let compiled = match run(walrusc().arg(self.source).arg("-o").arg(&wbc), b"") {
            Ok(outcome) => outcome,
            Err(error) => return Answer::Differs(error),
        };
        let ours = if compiled.status == Some(0) {
            let mut command = walrus_run();
            command.args(self.flags).arg(&wbc).args(&self.args).current_dir(scratch);
            match run(&mut command, self.stdin.as_bytes()) {
                Ok(outcome) => outcome,
                Err(error) => return Answer::Differs(error),
            }
        } else {
            compiled.clone()
        };
        if ours.err().starts_with("Out of fuel") {
            return Answer::LeftOut("too long".into());
        }
        let Some(theirs) = self.ask(scratch) else { return Answer::LeftOut("takes too long".into()) };
        if theirs.status == Some(LEFT_OUT) {
            return Answer::LeftOut(theirs.err().trim().into());
        }
        let is_same = if compiled.status == Some(0) {
            let first = |outcome: &Outcome| outcome.err().lines().next().unwrap_or_default().to_owned();
            (ours.status, &ours.stdout, first(&ours)) == (theirs.status, &theirs.stdout, first(&theirs))
        } else {
            // Both refuse; how the compiler words what the page does not is its own affair.
            theirs.status == Some(1) && theirs.err().starts_with("error: ")
        };
        if is_same {
            return Answer::Same;
        }
        Answer::Differs(format!("the oracle:\n{}\nwalrus-run:\n{}", theirs.describe(), ours.describe()))
    }

    /// The oracle's outcome, or `None` if it takes too long.
    fn ask(&self, scratch: &Path) -> Option<Outcome> {
        let mut command = Command::new(python().expect("asked for before"));
        command.arg(root().join("tests/oracle/oracle.py")).arg(self.source).args(&self.args).current_dir(scratch);
        let files = ["oracle.stdin", "oracle.stdout", "oracle.stderr"].map(|name| scratch.join(name));
        std::fs::write(&files[0], &self.stdin).expect("writable");
        let create = |path: &PathBuf| std::fs::File::create(path).expect("writable");
        let stdin = Stdio::from(std::fs::File::open(&files[0]).expect("readable"));
        command.stdin(stdin).stdout(create(&files[1])).stderr(create(&files[2]));
        // The oracle is compiled once, not for each program, and not beside its sources.
        command.env_remove("PYTHONDONTWRITEBYTECODE").env("PYTHONPYCACHEPREFIX", env!("CARGO_TARGET_TMPDIR"));
        let mut child = command.spawn().expect("python3 starts");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().and_then(|()| child.wait()).expect("a child can be ended");
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let read = |path: &PathBuf| std::fs::read(path).expect("readable");
        Some(Outcome { status: status.code(), stdout: read(&files[1]), stderr: read(&files[2]) })
    }
}

/// Works through items on as many threads as there are processors.
fn for_each<T: Sync>(items: &[T], work: impl Fn(&T, &Path) + Sync) {
    let next = Mutex::new(0usize);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a temporary folder");
                loop {
                    let index = {
                        let mut next = next.lock().expect("no worker panics");
                        *next += 1;
                        *next - 1
                    };
                    let Some(item) = items.get(index) else { break };
                    work(item, folder.path());
                }
            });
        }
    });
}

fn fixtures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("fixtures can be listed") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "lib" || name.starts_with('_') {
            continue;
        }
        if path.is_dir() {
            fixtures(&path, found);
        } else if name.ends_with(".walrus") {
            found.push(path);
        }
    }
}

#[test]
fn fixtures_come_out_as_the_oracle_says() {
    if python().is_none() {
        println!("not run: python3 of version 3.11 or later is not installed");
        return;
    }
    let mut sources = Vec::new();
    fixtures(&root().join("fixtures"), &mut sources);
    sources.sort();
    let (differing, left_out) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    for_each(&sources, |source, scratch| {
        let relative = source.strip_prefix(root().join("fixtures")).expect("inside").with_extension("");
        let name = relative.to_str().expect("UTF-8").replace('\\', "/");
        let text = String::from_utf8_lossy(&std::fs::read(source).expect("readable")).into_owned();
        let comments = |start: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix(start)).map(str::to_owned).collect()
        };
        let skipped = SKIPPED.iter().find(|(skipped, _)| *skipped == name).map(|(_, reason)| *reason);
        let reason = skipped.or(text.contains("// flags:").then_some("flags of walrus-run"));
        let answer = match reason {
            Some(reason) => Answer::LeftOut(reason.into()),
            None => Case {
                source,
                args: comments("// args: ").iter().flat_map(|line| line.split(' ').map(str::to_owned)).collect(),
                stdin: comments("// stdin: ").iter().map(|line| format!("{line}\n")).collect(),
                // The oracle's clock passes only while everything waits.
                flags: if name.starts_with("tasks/") { &["--simulate", "0"] } else { &[] },
            }
            .judge(scratch),
        };
        match answer {
            Answer::Same => {}
            Answer::LeftOut(why) => drop(left_out.lock().expect("no worker panics").insert(name, why)),
            Answer::Differs(how) => drop(differing.lock().expect("no worker panics").insert(name, how)),
        }
    });
    let (differing, left_out) = (differing.into_inner().expect("done"), left_out.into_inner().expect("done"));
    for (name, why) in &left_out {
        println!("left out: {name}: {why}");
    }
    let report: Vec<String> = differing.iter().map(|(name, how)| format!("{name}\n{how}")).collect();
    assert!(report.is_empty(), "{} fixtures differ:\n{}", report.len(), report.join("\n\n"));
    let asked = sources.len() - left_out.len();
    assert!(asked * 4 > sources.len() * 3, "only {asked} of {} fixtures were compared", sources.len());
}

/// The seeds that a variable of the environment asks for, or the usual ones.
fn seeds(variable: &str, usual: (u64, u64)) -> Vec<u64> {
    let (seed, count) = std::env::var(variable).map_or(usual, |wanted| {
        let numbers = wanted.split_once(':').and_then(|(seed, count)| Some((seed.parse().ok()?, count.parse().ok()?)));
        numbers.unwrap_or_else(|| panic!("{variable} is SEED:COUNT"))
    });
    (seed..seed + count).collect()
}

/// What differs in a mode, if anything does, of a program that was compiled to `program.wbc`.
fn difference_of_modes(flags: &[&str], scratch: &Path) -> Option<String> {
    let outcome = |mode: &[&str]| {
        let mut command = walrus_run();
        command.args(flags).args(mode).arg(scratch.join("program.wbc")).current_dir(scratch);
        run(&mut command, b"").unwrap_or_else(|error| panic!("{mode:?}: {error}"))
    };
    let usual = outcome(&[]);
    TASK_MODES.into_iter().find_map(|mode| {
        let mut other = outcome(mode);
        if mode.contains(&"--check-facts") {
            let is_judgement = |line: &str| line.ends_with("agree with their static types");
            let lines: Vec<String> =
                other.err().lines().filter(|line| !is_judgement(line)).map(|line| format!("{line}\n")).collect();
            other.stderr = lines.concat().into_bytes();
        }
        (other != usual).then(|| format!("{mode:?}:\n{}\ninterpreted:\n{}", other.describe(), usual.describe()))
    })
}

#[test]
fn random_programs_about_tasks_come_out_as_the_oracle_says_in_every_mode() {
    if python().is_none() {
        println!("not run: python3 of version 3.11 or later is not installed");
        return;
    }
    let seeds = seeds("WALRUS_ORACLE_TASKS", TASK_SEEDS);
    let (compared, failure) = (Mutex::new(0usize), Mutex::new(None));
    for_each(&seeds, |seed, scratch| {
        if failure.lock().expect("no worker panics").is_some() {
            return;
        }
        let (text, source) = (random_programs::tasks::task_program(*seed), scratch.join("program.walrus"));
        std::fs::write(&source, &text).expect("writable");
        let flags = &["--max-heap", "256M", "--simulate", "0"];
        let how = match (Case { source: &source, args: Vec::new(), stdin: String::new(), flags }).judge(scratch) {
            Answer::Differs(how) => Some(how),
            Answer::LeftOut(_) => None,
            Answer::Same => {
                *compared.lock().expect("no worker panics") += 1;
                difference_of_modes(flags, scratch)
            }
        };
        if let Some(how) = how {
            *failure.lock().expect("no worker panics") = Some(format!("seed {seed}: {how}\n{text}"));
        }
    });
    if let Some(failure) = failure.into_inner().expect("done") {
        panic!("{failure}");
    }
    let (compared, count) = (compared.into_inner().expect("done"), seeds.len());
    println!("{compared} of {count} programs about tasks were compared");
    assert!(compared * 10 >= count * 9, "only {compared} of {count} programs were compared");
}

#[test]
fn random_programs_come_out_as_the_oracle_says() {
    if python().is_none() {
        println!("not run: python3 of version 3.11 or later is not installed");
        return;
    }
    let seeds = seeds("WALRUS_ORACLE", SEEDS);
    let count = seeds.len();
    let (compared, failure) = (Mutex::new(0usize), Mutex::new(None));
    for_each(&seeds, |seed, scratch| {
        if failure.lock().expect("no worker panics").is_some() {
            return;
        }
        let (text, source) = (random_programs::program(*seed), scratch.join("program.walrus"));
        std::fs::write(&source, &text).expect("writable");
        let flags = &["--max-heap", "256M", "--fuel", FUEL];
        match (Case { source: &source, args: Vec::new(), stdin: String::new(), flags }).judge(scratch) {
            Answer::Same => *compared.lock().expect("no worker panics") += 1,
            Answer::LeftOut(_) => {}
            Answer::Differs(how) => {
                let report = format!("seed {seed}: {how}\n{}", shorten(&text));
                *failure.lock().expect("no worker panics") = Some(report);
            }
        }
    });
    if let Some(failure) = failure.into_inner().expect("done") {
        panic!("{failure}");
    }
    let compared = compared.into_inner().expect("done");
    println!("{compared} of {count} programs were compared");
    assert!(compared * 3 > seeds.len(), "only {compared} of {count} programs were compared");
}
