//! `walrus test`: finds the tests of a package or folder, runs each in a process of its own, and reports.
//!
//! The tests of a file become one program, which imports the file and calls the function that its first argument names.
//! So a test function is called like any other, and nothing but `core.assert` is compiled differently.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args};

use super::Status;
use super::compile_flags::LintFlags;
use super::files::{write_file, write_report};
use super::fmt::collect;
use super::in_order::{in_order, processors};
use super::job::read_entry;
use super::package::Package;
use super::terminal::{Color, write_stderr, write_stdout};
use crate::compile::{self, Disk, Entry, Format, Goal, Options};
use crate::source::reason;

/// How names of files with tests end, and those of test functions begin.
const FILE_END: &str = "_test.walrus";
const FUNCTION_START: &str = "test_";
/// What the program that calls the tests is called where it shows.
const CALLER: &str = "<test>";
/// The exit status of a test that came to its end. Any other, 0 too, is that of one which ended before.
const CAME_TO_ITS_END: i32 = 97;
/// How much of a line a report shows, in characters, and how many lines.
const SHOWN_LINE: usize = 400;
const SHOWN_LINES: usize = 60;

/// Which tests to run, and how.
#[derive(Args, Debug)]
pub struct TestFlags {
    /// Files with tests, and folders with `*_test.walrus` files below them. Default: the package with all in its
    /// `tests` folder, else the working folder
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Only the tests in whose `FILE: NAME` this text is
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,

    /// How many tests run at once. Default: the number of processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Run each test interpreted, natively from the first iteration on, and with every guard of native code failing
    /// once
    #[arg(long)]
    all_modes: bool,

    /// End a test that takes longer, in each mode; it has failed
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    #[command(flatten)]
    lints: LintFlags,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

/// A way to run a test.
struct Mode {
    name: &'static str,
    flags: &'static [&'static str],
}

const NATIVE: Mode = Mode { name: "", flags: &[] };
const EAGER: [&str; 5] = ["--jit-wait", "--jit-threshold", "1", "--jit-function-threshold", "1"];
const ALL_MODES: [Mode; 3] = [
    Mode { name: "interpreted", flags: &["--no-jit"] },
    Mode { name: "native", flags: &EAGER },
    Mode { name: "forced exits", flags: &["--jit-stress", "exits", EAGER[0], EAGER[1], EAGER[2], EAGER[3], EAGER[4]] },
];

/// The tests of a file, compiled.
struct Suite {
    /// The file, as messages name it.
    file: String,
    program: PathBuf,
    tests: Vec<String>,
}

/// How a test went.
struct Outcome {
    time: Duration,
    /// In which mode it failed, and how.
    failure: Option<(&'static str, Output)>,
}

/// Runs what the flags say.
pub fn run(flags: &TestFlags, matches: &ArgMatches) -> Result<Status, String> {
    let options = Options { levels: LintFlags::levels(matches)?, explain_asserts: true, ..Options::default() };
    let files = files(&flags.paths)?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a temporary folder: {}", reason(&error)))?;
    let (mut suites, mut broken) = (Vec::new(), Vec::new());
    for (index, file) in files.iter().enumerate() {
        let name = file.display().to_string();
        let program = folder.path().join(format!("{index}.wbc"));
        match compile_tests(file, &name, &options, flags) {
            Ok((_, tests)) if tests.is_empty() => {}
            Ok((bytes, tests)) => {
                write_file(&program, &bytes)?;
                suites.push(Suite { file: name, program, tests });
            }
            Err(Broken::Reported) => broken.push(name),
            Err(Broken::Unreadable(why)) => return Err(format!("cannot read '{name}': {why}")),
        }
    }
    let cases: Vec<(usize, usize)> = suites
        .iter()
        .enumerate()
        .flat_map(|(suite, all)| (0..all.tests.len()).map(move |test| (suite, test)))
        .collect();
    let outcomes = run_cases(&suites, &cases, flags)?;
    let failed: Vec<usize> = (0..cases.len()).filter(|&case| outcomes[case].failure.is_some()).collect();
    let mut report = String::new();
    for &case in &failed {
        let (suite, test) = cases[case];
        describe(&mut report, &suites[suite], &suites[suite].tests[test], &outcomes[case]);
    }
    for name in &broken {
        let _ = writeln!(report, "\n{name} does not compile, so none of its tests ran");
    }
    let _ = writeln!(report, "\n{} passed, {} failed", cases.len() - failed.len(), failed.len() + broken.len());
    write_stdout(report.as_bytes())?;
    if let Some(path) = &flags.junit {
        write_report(Some(path), junit(&suites, &cases, &outcomes, &broken).as_bytes())?;
    }
    Ok(if failed.is_empty() && broken.is_empty() { Status::Success } else { Status::Program })
}

/// The files that are named, and those with tests in folders that are.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut add = |file: PathBuf| {
        if !found.contains(&file) {
            found.push(file);
        }
    };
    let is_test = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(FILE_END));
    let below = |folder: &Path| {
        let mut all = Vec::new();
        collect(folder, &mut all).map(|()| all)
    };
    if !paths.is_empty() {
        for path in paths {
            match path.is_dir() {
                true => below(path)?.into_iter().filter(is_test).for_each(&mut add),
                false => add(path.clone()),
            }
        }
        return Ok(found);
    }
    let package = Package::nearest()?;
    let folder = package.as_ref().map_or(PathBuf::new(), |package| package.folder.clone());
    let here = |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() };
    below(&here(&folder))?.into_iter().filter(is_test).for_each(&mut add);
    let tests = folder.join("tests");
    if package.is_some() && tests.is_dir() {
        below(&tests)?.into_iter().for_each(&mut add);
    }
    Ok(found)
}

/// Why a file's tests cannot run.
enum Broken {
    /// It has errors, which were reported.
    Reported,
    Unreadable(String),
}

/// The program that runs one of a file's tests, and their names as far as they are asked for.
fn compile_tests(
    file: &Path,
    name: &str,
    options: &Options,
    flags: &TestFlags,
) -> Result<(Vec<u8>, Vec<String>), Broken> {
    let unreadable = |error: &std::io::Error| Broken::Unreadable(reason(error));
    let entry = read_entry(file).map_err(Broken::Unreadable)?;
    let loading = Options { goal: Goal::Load, ..options.clone() };
    let mut loaded = compile::compile(entry, &Disk, &loading).map_err(|error| unreadable(&error))?;
    if loaded.diagnostics.has_errors() {
        write_stderr(&loaded.render_diagnostics(Format::Human, flags.color.on_stderr()).0);
        return Err(Broken::Reported);
    }
    let mut tests = loaded.top_level_functions();
    tests.retain(|(test, _)| test.starts_with(FUNCTION_START) && format!("{name}: {test}").contains(&flags.filter));
    if tests.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (Some(folder), Some(file_name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return Err(Broken::Unreadable("its name is not UTF-8".to_string()));
    };
    let text = caller(file_name, &tests).into_bytes();
    let entry = Entry::Text { name: CALLER.to_string(), text, folder: folder.to_path_buf() };
    let mut compiled = compile::compile(entry, &Disk, options).map_err(|error| unreadable(&error))?;
    write_stderr(&compiled.render_diagnostics(Format::Human, flags.color.on_stderr()).0);
    let bytes = compiled.encode().ok_or(Broken::Reported)?;
    Ok((bytes, tests.into_iter().map(|(test, _)| test).collect()))
}

/// A program that calls the function which its first argument names.
fn caller(file: &str, tests: &[(String, bool)]) -> String {
    let file = file.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = format!("import \"std/sys\";\nimport \"./{file}\" as tests;\nlet wanted = sys.args()[1];\n");
    for (test, is_async) in tests {
        let wait = if *is_async { "await " } else { "" };
        let _ = writeln!(text, "if wanted == \"{test}\" {{ {wait}tests.{test}(); }}");
    }
    let _ = writeln!(text, "sys.exit({CAME_TO_ITS_END});");
    text
}

/// Runs tests side by side and says how each went, in order, as soon as all before it have.
fn run_cases(suites: &[Suite], cases: &[(usize, usize)], flags: &TestFlags) -> Result<Vec<Outcome>, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find walrus itself: {}", reason(&error)))?;
    let modes = if flags.all_modes { &ALL_MODES[..] } else { &[NATIVE][..] };
    let jobs = flags.jobs.map_or_else(processors, usize::from);
    let run_one = |case: usize| -> Result<Outcome, String> {
        let (suite, test) = (&suites[cases[case].0], &suites[cases[case].0].tests[cases[case].1]);
        let started = Instant::now();
        for mode in modes {
            let mut command = Command::new(&program);
            command.arg("run").args(mode.flags).arg(&suite.program).arg(test).stdin(Stdio::null());
            let limit = Duration::from_secs(flags.timeout.into());
            let output =
                output_within(command, limit).map_err(|error| format!("cannot run '{test}': {}", reason(&error)))?;
            if output.status.code() != Some(CAME_TO_ITS_END) {
                return Ok(Outcome { time: started.elapsed(), failure: Some((mode.name, output)) });
            }
        }
        Ok(Outcome { time: started.elapsed(), failure: None })
    };
    let (mut outcomes, mut last_suite) = (Vec::new(), None);
    in_order(cases.len(), jobs, run_one, |case, outcome| {
        let (outcome, (suite, test)) = (outcome?, cases[case]);
        let mut line = String::new();
        if last_suite.replace(suite) != Some(suite) {
            let _ = writeln!(line, "{}", suites[suite].file);
        }
        let word = if outcome.failure.is_some() { "FAILED" } else { "ok" };
        let _ = writeln!(line, "  {word:6} {}", suites[suite].tests[test]);
        write_stdout(line.as_bytes())?;
        outcomes.push(outcome);
        Ok::<_, String>(())
    })?;
    Ok(outcomes)
}

/// How long a test that takes too long has to write what it printed.
const GRACE: Duration = Duration::from_secs(2);

/// Asks a program to end, where there is a way: what it has printed is then written.
fn ask_to_end(child: &Child) {
    #[cfg(target_os = "linux")]
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // One that is gone already needs no asking.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = child;
}

/// Runs a command and takes what it writes; one that runs longer than the limit is ended, and its errors say so.
/// Written to files, which need nobody to read them while it runs.
fn output_within(mut command: Command, limit: Duration) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    let started = Instant::now();
    let mut pause = Duration::from_micros(200);
    let mut is_late = false;
    let (status, is_late) = loop {
        if let Some(status) = child.try_wait()? {
            break (status, is_late);
        }
        if started.elapsed() >= limit + GRACE {
            child.kill()?;
            break (child.wait()?, true);
        }
        if started.elapsed() >= limit && !is_late {
            is_late = true;
            ask_to_end(&child);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    };
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    let mut output = Output { status, stdout: read(&mut stdout)?, stderr: read(&mut stderr)? };
    if is_late {
        output.stderr.extend(format!("it was ended after {} s (see --timeout)\n", limit.as_secs()).bytes());
    }
    Ok(output)
}

/// What a failed test said, under its name.
fn describe(report: &mut String, suite: &Suite, test: &str, outcome: &Outcome) {
    let Some((mode, output)) = &outcome.failure else { return };
    let mode = if mode.is_empty() { String::new() } else { format!(" ({mode})") };
    let _ = writeln!(report, "\n{}: {test}{mode}", suite.file);
    shown(report, &error_of(output));
    if !output.stdout.is_empty() {
        let _ = writeln!(report, "  it printed:");
        shown(report, &String::from_utf8_lossy(&output.stdout));
    }
}

/// What a test wrote to standard error, or how it ended if that is nothing; without the frame of what called it.
fn error_of(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(index) = lines.iter().rposition(|line| line.starts_with("  at ") && line.contains(CALLER)) {
        lines.remove(index);
    }
    match output.status.code() {
        Some(0) => lines.push("it ended the program with status 0, before it came to its end"),
        _ if !lines.is_empty() => {}
        _ => return format!("it ended with {}", output.status),
    }
    lines.join("\n")
}

fn shown(report: &mut String, text: &str) {
    let count = text.lines().count();
    for line in text.lines().take(SHOWN_LINES) {
        let mut kept: String = line.chars().take(SHOWN_LINE).collect();
        if kept.len() < line.len() {
            kept.push('…');
        }
        let _ = writeln!(report, "    {kept}");
    }
    if count > SHOWN_LINES {
        let _ = writeln!(report, "    … {} more lines", count - SHOWN_LINES);
    }
}

/// The results in the form that build servers read.
fn junit(suites: &[Suite], cases: &[(usize, usize)], outcomes: &[Outcome], broken: &[String]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (index, suite) in suites.iter().enumerate() {
        let own: Vec<(usize, &Outcome)> = cases
            .iter()
            .zip(outcomes)
            .filter(|(case, _)| case.0 == index)
            .map(|(case, outcome)| (case.1, outcome))
            .collect();
        let failures = own.iter().filter(|(_, outcome)| outcome.failure.is_some()).count();
        let time: f64 = own.iter().map(|(_, outcome)| outcome.time.as_secs_f64()).sum();
        let name = escaped(&suite.file);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{time:.3}\">",
            own.len()
        );
        for (test, outcome) in own {
            let _ = write!(
                text,
                "    <testcase classname=\"{name}\" name=\"{}\" time=\"{:.3}\"",
                escaped(&suite.tests[test]),
                outcome.time.as_secs_f64()
            );
            let Some((mode, output)) = &outcome.failure else {
                text.push_str("/>\n");
                continue;
            };
            let error = error_of(output);
            let mut message = error.lines().next().unwrap_or_default().to_string();
            if !mode.is_empty() {
                let _ = write!(message, " ({mode})");
            }
            let _ = write!(text, ">\n      <failure message=\"{}\">{}</failure>\n", escaped(&message), escaped(&error));
            if !output.stdout.is_empty() {
                let printed = escaped(&String::from_utf8_lossy(&output.stdout));
                let _ = writeln!(text, "      <system-out>{printed}</system-out>");
            }
            text.push_str("    </testcase>\n");
        }
        text.push_str("  </testsuite>\n");
    }
    for name in broken {
        let name = escaped(name);
        let _ = write!(
            text,
            "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0.000\">\n    \
             <testcase classname=\"{name}\" name=\"compiles\">\n      <error message=\"does not compile\"/>\n    \
             </testcase>\n  </testsuite>\n"
        );
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text as XML takes it, in attributes as well; characters that XML has none for become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_xml_holds_nothing_that_xml_does_not_take() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{1b}[1m\u{0}"), "a&lt;b&gt; &amp; &quot;c&quot;\n\u{fffd}[1m\u{fffd}");
    }
}
