//! Random programs do the same in every mode of execution: same output, same error and trace, same exit status.
//!
//! `cargo test --test differential` runs the same programs every time. Others are run by hand:
//!
//! | `WALRUS_DIFFERENTIAL=` | |
//! |---|---|
//! | `SEED:COUNT` | the programs of so many seeds from `SEED` on |
//! | `print:SEED` | writes the program of a seed and runs nothing |
//! | `file:PATH` | runs a program from a file in every mode |
//!
//! For many programs use `--release`. With debug assertions a run ends with how often each row of the tier's tables
//! occurred: native forms, helpers, kinds of exits, and reasons. Each has to in a run of [`occurrences::ENOUGH`]
//! programs or more, but for those that are listed there with the reason:
//!
//!     WALRUS_DIFFERENTIAL=1:3000 cargo test --test differential
//!
//! A program that fails is shrunk, and printed with its seed, the mode and both outputs.
//!
//! Programs run inside worker processes, some hundred in each, as native code that is wrong may take its process with
//! it: the worker says what it begins, so the last thing it said is what killed it. A worker is this same test binary,
//! told so by an environment variable.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use engines::{Verdict, judge};
use occurrences::Occurrences;

mod engines;
#[path = "../support/host.rs"]
mod host;
mod occurrences;
#[path = "../support/random_programs/mod.rs"]
mod random_programs;
mod shrink;

/// What CI runs.
const SEED: u64 = 1;
const COUNT: u64 = 500;
/// Programs for one worker. What a program leaves behind in memory is given back when its worker ends.
const BATCH: u64 = 50;
/// Programs between two signs of life.
const PROGRESS: u64 = 5000;
/// After this many, no more are looked for.
const MAX_FAILURES: usize = 5;
/// Times that a failing program is run to make it smaller.
const SHRINKING: usize = 1500;
const SHRINKING_TIME: Duration = Duration::from_secs(90);
/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const WORKER: &str = "WALRUS_DIFFERENTIAL_WORKER";

fn main() -> ExitCode {
    if let Ok(task) = std::env::var(WORKER) {
        return work(&task);
    }
    // Test runners ask for lists and pass filters.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("programs_do_the_same_in_every_mode: test");
        return ExitCode::SUCCESS;
    }
    let wanted = std::env::var("WALRUS_DIFFERENTIAL").unwrap_or_else(|_| format!("{SEED}:{COUNT}"));
    match wanted.split_once(':') {
        Some(("print", seed)) => {
            print!("{}", random_programs::program(number(seed)));
            ExitCode::SUCCESS
        }
        Some(("file", path)) => {
            let report = ask(Path::new(path), PATIENCE);
            print!("{}", report.text());
            if matches!(report, Answer::Same) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Some((seed, count)) => run_all(number(seed), number(count)),
        None => panic!("WALRUS_DIFFERENTIAL is SEED:COUNT, print:SEED or file:PATH"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("'{text}' is not a number"))
}

/// The task of a worker: `SEED:COUNT`, or `file:PATH`.
fn work(task: &str) -> ExitCode {
    let say = |text: &str| {
        let mut out = std::io::stdout().lock();
        // A parent that is gone needs no answer.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    };
    match task.split_once(':') {
        Some(("file", path)) => {
            let source = std::fs::read_to_string(path).expect("the parent wrote it");
            match judge(&source, &|_| true, &mut |mode| say(&format!("run 0 {mode}"))) {
                Verdict::Same => say("same"),
                Verdict::Dropped => say("dropped"),
                Verdict::Differs(difference) => {
                    say(&format!("differs {}", difference.mode));
                    say(&format!("interpreter: {}", describe(&difference.expected)));
                    say(&format!("{}: {}", difference.mode, describe(&difference.seen)));
                }
            }
        }
        Some((first, count)) => {
            let first = number(first);
            for seed in first..first + number(count) {
                let source = random_programs::program(seed);
                let wanted = |mode: &engines::Mode| seed.is_multiple_of(mode.every);
                match judge(&source, &wanted, &mut |mode| say(&format!("run {seed} {mode}"))) {
                    Verdict::Same => say("same"),
                    Verdict::Dropped => say("dropped"),
                    Verdict::Differs(difference) => say(&format!("differs {}", difference.mode)),
                }
            }
            occurrences::counted().iter().for_each(|line| say(line));
        }
        None => panic!("a worker's task is SEED:COUNT or file:PATH"),
    }
    ExitCode::SUCCESS
}

fn describe(observed: &engines::Observed) -> String {
    let cut = |text: &str| match text.char_indices().nth(3000) {
        Some((end, _)) => format!("{}[…]", &text[..end]),
        None => text.to_owned(),
    };
    format!("status {}\n--- stdout\n{}\n--- stderr\n{}", observed.status, cut(&observed.stdout), cut(&observed.stderr))
}

/// A worker, and the lines it says.
struct Worker {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Worker {
    fn start(task: &str) -> Worker {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .env(WORKER, task)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a worker starts");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Worker { child, lines }
    }

    /// How it ended; it is made to if it hangs.
    fn end(mut self, hangs: bool) -> String {
        if hangs {
            let _ = self.child.kill();
        }
        match self.child.wait() {
            _ if hangs => "it hangs".into(),
            Ok(status) => format!("the process ended: {status}"),
            Err(error) => error.to_string(),
        }
    }
}

struct Failure {
    seed: u64,
    mode: String,
}

struct Counts {
    same: AtomicU64,
    dropped: AtomicU64,
    occurrences: Mutex<Occurrences>,
}

fn run_all(seed: u64, count: u64) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(seed);
    let end = seed + count;
    let counts =
        Counts { same: AtomicU64::new(0), dropped: AtomicU64::new(0), occurrences: Mutex::new(Occurrences::new()) };
    let failures = Mutex::new(Vec::new());
    let enough = || failures.lock().expect("no worker panics").len() >= MAX_FAILURES;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= end || enough() {
                        return;
                    }
                    run_batch(first, end.min(first + BATCH), &counts, &failures);
                    if (first - seed) / PROGRESS != (first + BATCH - seed) / PROGRESS {
                        println!("seed {}: {:.0} s", first + BATCH, started.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    let (same, dropped) = (counts.same.into_inner(), counts.dropped.into_inner());
    let occurrences = counts.occurrences.into_inner().expect("no worker panics");
    let failures = failures.into_inner().expect("no worker panics");
    let seconds = started.elapsed().as_secs_f64();
    let total = same + dropped + failures.len() as u64;
    println!(
        "{total} programs from seed {seed} in {seconds:.1} s ({:.0}/s): {same} the same in every mode, {dropped} dropped, {} differ",
        total as f64 / seconds,
        failures.len()
    );
    for failure in failures.iter().take(MAX_FAILURES) {
        explain(failure);
    }
    let all_occurred = occurrences.report(total, std::env::var("WALRUS_DIFFERENTIAL").is_ok());
    if !failures.is_empty() || dropped * 4 > total || !all_occurred {
        println!("FAILED");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run_batch(mut first: u64, end: u64, counts: &Counts, failures: &Mutex<Vec<Failure>>) {
    while first < end {
        let worker = Worker::start(&format!("{first}:{}", end - first));
        let (mut seed, mut mode) = (first, String::new());
        let mut running = true;
        let hangs = loop {
            let line = match worker.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(error) => break error == mpsc::RecvTimeoutError::Timeout,
            };
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["run", begun, now] => {
                    (seed, mode) = (number(begun), now.to_owned());
                    running = true;
                    continue;
                }
                ["same"] => {
                    counts.same.fetch_add(1, Ordering::Relaxed);
                }
                ["dropped"] => {
                    counts.dropped.fetch_add(1, Ordering::Relaxed);
                }
                ["count", table, name, times] => {
                    counts.occurrences.lock().expect("no worker panics").add(table, name, number(times));
                    continue;
                }
                ["differs", mode] => {
                    failures.lock().expect("no worker panics").push(Failure { seed, mode: mode.to_owned() });
                }
                _ => continue,
            }
            running = false;
        };
        worker.end(hangs);
        if running {
            failures.lock().expect("no worker panics").push(Failure { seed, mode });
        }
        first = seed + 1;
    }
}

/// What a worker says of one program.
enum Answer {
    Same,
    Dropped,
    Differs { mode: String, text: String },
}

impl Answer {
    fn text(&self) -> &str {
        match self {
            Answer::Same => "the same in every mode\n",
            Answer::Dropped => "dropped: it takes too long or too much memory\n",
            Answer::Differs { text, .. } => text,
        }
    }
}

fn ask(path: &Path, patience: Duration) -> Answer {
    let worker = Worker::start(&format!("file:{}", path.display()));
    let mut running = String::new();
    let mut differs = None;
    let mut text = String::new();
    let hangs = loop {
        let line = match worker.lines.recv_timeout(patience) {
            Ok(line) => line,
            Err(error) => break error == mpsc::RecvTimeoutError::Timeout,
        };
        if differs.is_some() {
            text.push_str(&line);
            text.push('\n');
        } else if let Some(run) = line.strip_prefix("run 0 ") {
            running = run.to_owned();
        } else if let Some(mode) = line.strip_prefix("differs ") {
            differs = Some(mode.to_owned());
        } else if line == "same" {
            worker.end(false);
            return Answer::Same;
        } else if line == "dropped" {
            worker.end(false);
            return Answer::Dropped;
        }
    };
    let ended = worker.end(hangs);
    match differs {
        Some(mode) => Answer::Differs { mode, text },
        None => Answer::Differs { text: format!("{running}: {ended}\n"), mode: running },
    }
}

/// Shrinks and prints a failing program. Shrinking keeps the mode, so that a program with two faults stays with its
/// own.
fn explain(failure: &Failure) {
    let source = random_programs::program(failure.seed);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let path = scratch.path().join("main.walrus");
    let patience = Duration::from_secs(10);
    let started = Instant::now();
    let mut fails = |candidate: &str| {
        std::fs::write(&path, candidate).expect("a writable file");
        started.elapsed() < SHRINKING_TIME
            && matches!(ask(&path, patience), Answer::Differs { mode, .. } if mode == failure.mode)
    };
    // What does not compile stays so whatever is taken away.
    let compiles = failure.mode != "compile";
    let small = if compiles { shrink::shrink(&source, SHRINKING, &mut fails) } else { source };
    std::fs::write(&path, &small).expect("a writable file");
    let answer = ask(&path, patience);
    println!("\n==== seed {} fails in mode {}; smaller:\n{small}----\n{}", failure.seed, failure.mode, answer.text());
}
