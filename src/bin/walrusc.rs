//! `walrusc`: arguments, files and exit codes around [`walrus::compile`].

#[path = "walrusc/job.rs"]
mod job;
#[path = "walrusc/output.rs"]
mod output;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use walrus::compile::{
    Format, Goal, Level, Options, describe_file, difference_of_files, disassemble_file, explain, known_lint,
    version_json, version_text,
};

use job::{Done, Job, Plan};
use output::{reason, write_report, write_stderr, write_stdout};

/// A compiler makes many small things that live until its end; this allocator takes a third less time for them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit statuses, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
enum Status {
    #[default]
    Success = 0,
    /// The Walrus program is at fault.
    Program = 1,
    /// The invocation, an input or an output is.
    Usage = 2,
}

/// Compiles Walrus programs to .wbc files.
#[derive(Parser, Debug)]
#[command(
    name = "walrusc",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 for success, 1 if a program has errors, 2 for bad usage, unreadable input or unwritable output."
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Programs to compile; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Where to write; `-` is standard output. Default: beside the source
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Folder for the outputs
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    out_dir: Option<PathBuf>,

    /// Report diagnostics only
    #[arg(long, conflicts_with_all = ["output", "out_dir", "emit", "depfile"])]
    check: bool,

    /// What to write
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS", default_values_t = [Emit::Wbc])]
    emit: Vec<Emit>,

    /// Say for every loop and function whether it is compiled, and if not why; with a CODE, print the long text of that diagnostic instead
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,

    /// Make a warning an error (a code, or `warnings` for all)
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,

    /// Make a warning a warning again
    #[arg(long, value_name = "CODE")]
    warn: Vec<String>,

    /// Silence a warning
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,

    /// How diagnostics are written
    #[arg(long, value_enum, default_value_t = MessageFormat::Human, value_name = "FORMAT")]
    message_format: MessageFormat,

    /// Write a dependency rule for make or ninja
    #[arg(long, value_name = "FILE")]
    depfile: Option<PathBuf>,

    /// Print a fact about the compilation instead of compiling
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["check", "depfile", "output", "out_dir"])]
    print: Option<Print>,

    /// Leave out names, line tables and sources not needed to run
    #[arg(long)]
    strip: bool,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    color: Color,

    /// Print versions: tool, .wbc format, verdict rules, Cranelift, target
    #[arg(short = 'V', long)]
    version: bool,

    /// With --version: print them as JSON
    #[arg(long, requires = "version")]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print a .wbc file as readable bytecode
    Dis {
        #[arg(value_name = "FILE.wbc")]
        file: PathBuf,
        /// Where to write; default: standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print which functions, loops and verdicts differ between two .wbc files
    Diff {
        #[arg(value_name = "A.wbc")]
        old: PathBuf,
        #[arg(value_name = "B.wbc")]
        new: PathBuf,
        /// Where to write; default: standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print what a .wbc file of any version says of itself
    Info {
        #[arg(value_name = "FILE.wbc")]
        file: PathBuf,
        /// Where to write; default: standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// What can be written about a program.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Emit {
    /// The compiled program
    Wbc,
    /// The syntax trees
    Ast,
    /// The instructions
    Bytecode,
    /// What the analysis knows
    Facts,
    /// Loops and functions with their verdicts, as JSON
    Loops,
    /// A dependency rule for make and ninja
    Deps,
}

impl Emit {
    fn extension(self) -> &'static str {
        match self {
            Emit::Wbc => "wbc",
            Emit::Ast => "ast",
            Emit::Bytecode => "bytecode",
            Emit::Facts => "facts",
            Emit::Loops => "loops.json",
            Emit::Deps => "d",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum MessageFormat {
    Human,
    Short,
    Json,
    Sarif,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Print {
    /// A line that changes when the output could
    CacheKey,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Color {
    Auto,
    Always,
    Never,
}

fn main() -> ExitCode {
    let status = match parse() {
        Ok((args, levels)) => dispatch(args, levels).unwrap_or_else(|message| {
            write_stderr(&format!("error: {message}\n"));
            Status::Usage
        }),
        Err(status) => status,
    };
    ExitCode::from(status as u8)
}

/// The arguments and the lint levels in the order in which they were given.
fn parse() -> Result<(Args, Vec<(String, Level)>), Status> {
    let parsed = Args::command().try_get_matches().and_then(|matches| Ok((Args::from_arg_matches(&matches)?, matches)));
    match parsed {
        Ok((args, matches)) => Ok((args, lint_levels(&matches))),
        Err(error) => {
            let text = error.render();
            if error.use_stderr() {
                let text = if use_colour(Color::Auto, io::stderr().is_terminal()) {
                    text.ansi().to_string()
                } else {
                    text.to_string()
                };
                write_stderr(&text);
                return Err(Status::Usage);
            }
            // Help was asked for.
            let text = if use_colour(Color::Auto, io::stdout().is_terminal()) {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            Err(if write_stdout(text.as_bytes()).is_ok() { Status::Success } else { Status::Usage })
        }
    }
}

fn lint_levels(matches: &ArgMatches) -> Vec<(String, Level)> {
    let mut levels = Vec::new();
    for (name, level) in [("deny", Level::Deny), ("warn", Level::Warn), ("allow", Level::Allow)] {
        let codes = matches.get_many::<String>(name).into_iter().flatten();
        let places = matches.indices_of(name).into_iter().flatten();
        levels.extend(codes.zip(places).map(|(code, place)| (place, code.clone(), level)));
    }
    levels.sort_by_key(|&(place, ..)| place);
    levels.into_iter().map(|(_, code, level)| (code, level)).collect()
}

/// Whether the word after `--explain` is a diagnostic code; otherwise it is a program.
fn is_code(word: &str) -> bool {
    matches!(word.as_bytes(), [letter, digits @ ..]
        if letter.is_ascii_alphabetic() && digits.len() == 4 && digits.iter().all(u8::is_ascii_digit))
}

fn dispatch(args: Args, levels: Vec<(String, Level)>) -> Result<Status, String> {
    if args.version {
        let text = if args.json { version_json() } else { version_text() };
        return write_stdout(text.as_bytes()).map(|()| Status::Success);
    }
    if let Some(code) = args.explain.as_ref().filter(|value| is_code(value)) {
        if !args.files.is_empty() {
            return Err("--explain with a code takes no files".to_string());
        }
        return write_stdout(explain(code)?.as_bytes()).map(|()| Status::Success);
    }
    match args.command {
        Some(Command::Dis { file, output }) => report_on(&file, output.as_deref(), disassemble_file),
        Some(Command::Diff { old, new, output }) => {
            let (before, after) = (read(&old)?, read(&new)?);
            let report = difference_of_files(&before, &after)
                .map_err(|error| format!("'{}' and '{}': {error}", old.display(), new.display()))?;
            write_report(output.as_deref(), report.as_bytes()).map(|()| Status::Success)
        }
        Some(Command::Info { file, output }) => report_on(&file, output.as_deref(), describe_file),
        None => {
            let (jobs, plan) = plan(args, levels)?;
            Ok(run_jobs(&jobs, &plan))
        }
    }
}

/// Writes a report on a compiled file.
fn report_on(
    file: &Path,
    output: Option<&Path>,
    report: fn(&[u8]) -> Result<String, String>,
) -> Result<Status, String> {
    let text = report(&read(file)?).map_err(|error| format!("'{}': {error}", file.display()))?;
    write_report(output, text.as_bytes()).map(|()| Status::Success)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else if file.is_dir() {
        return Err(format!("cannot read '{}': it is a folder", file.display()));
    } else {
        std::fs::read(file).map(|read| bytes = read)
    };
    read.map_err(|error| format!("cannot read '{}': {}", file.display(), reason(&error)))?;
    Ok(bytes)
}

/// Turns the arguments into jobs, refusing what cannot be meant.
fn plan(mut args: Args, levels: Vec<(String, Level)>) -> Result<(Vec<Job>, Plan), String> {
    if let Some(file) = args.explain.as_ref().filter(|word| !word.is_empty()) {
        args.files.insert(0, PathBuf::from(file));
    }
    if args.files.is_empty() {
        return Err("no input: give a .walrus file, or '-' for standard input (see --help)".to_string());
    }
    let several = args.files.len() > 1;
    let mut emit: Vec<Emit> = Vec::new();
    for kind in args.emit {
        if !emit.contains(&kind) {
            emit.push(kind);
        }
    }
    let is_stdin = |file: &PathBuf| file == Path::new("-");
    if args.files.iter().filter(|file| is_stdin(file)).count() > 1 {
        return Err("standard input ('-') is given twice".to_string());
    }
    if several && args.output.is_some() {
        return Err("-o names one file, but several programs are given: use --out-dir".to_string());
    }
    if emit.len() > 1 && args.output.is_some() {
        return Err("-o names one file, but --emit asks for several: use --out-dir".to_string());
    }
    if several && args.depfile.is_some() {
        return Err("--depfile names one file, but several programs are given: use --emit wbc,deps".to_string());
    }
    if several && args.message_format == MessageFormat::Sarif {
        return Err("a SARIF document is about one program, but several are given".to_string());
    }
    for (code, _) in &levels {
        known_lint(code)?;
    }
    let writes = !args.check && args.print.is_none();
    let mut jobs = Vec::new();
    let mut owners: HashMap<PathBuf, PathBuf> = HashMap::new();
    for input in args.files {
        let mut outputs = Vec::new();
        for &kind in emit.iter().filter(|_| writes) {
            let path = output_path(&input, kind, args.output.as_deref(), args.out_dir.as_deref())?;
            if path != Path::new("-")
                && let Some(other) = owners.insert(path.clone(), input.clone())
            {
                let (other, input, path) = (other.display(), input.display(), path.display());
                return Err(format!("'{other}' and '{input}' would both be written to '{path}'"));
            }
            outputs.push(path);
        }
        jobs.push(Job { input, outputs });
    }
    let goal = match (args.print, args.check) {
        (Some(Print::CacheKey), _) => Goal::Load,
        (None, true) => Goal::Check,
        (None, false) => Goal::Build,
    };
    let plan = Plan {
        options: Options { goal, strip: args.strip, levels, explain: args.explain.is_some() },
        emit,
        format: match args.message_format {
            MessageFormat::Human => Format::Human,
            MessageFormat::Short => Format::Short,
            MessageFormat::Json => Format::Json,
            MessageFormat::Sarif => Format::Sarif,
        },
        colour: use_colour(args.color, io::stderr().is_terminal()),
        depfile: args.depfile,
        print_cache_key: args.print == Some(Print::CacheKey),
        is_last: jobs.len() == 1,
    };
    Ok((jobs, plan))
}

fn output_path(input: &Path, kind: Emit, output: Option<&Path>, out_dir: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(output) = output {
        return Ok(output.to_path_buf());
    }
    if input == Path::new("-") {
        return Err("the output of a program from standard input needs a name: give -o".to_string());
    }
    let name = Path::new(input.file_name().unwrap_or(input.as_os_str())).with_extension(kind.extension());
    Ok(match out_dir {
        Some(folder) => folder.join(name),
        None => input.with_file_name(name),
    })
}

/// Compiles all programs, as many at a time as there are processors, and reports in the order they were given.
fn run_jobs(jobs: &[Job], plan: &Plan) -> Status {
    if let [job] = jobs {
        let done = job::run(job, plan);
        write_stderr(&done.messages);
        return done.status;
    }
    let bar = progress_bar(jobs.len(), plan);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let next = AtomicUsize::new(0);
    let (sender, finished) = mpsc::channel::<(usize, Done)>();
    let mut status = Status::Success;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((index, job)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(index).map(|job| (index, job))
                } {
                    if sender.send((index, job::run(job, plan))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut turn = 0;
        for (index, done) in finished {
            bar.inc(1);
            waiting.insert(index, done);
            while let Some(done) = waiting.remove(&turn) {
                turn += 1;
                status = status.max(done.status);
                if !done.messages.is_empty() {
                    bar.suspend(|| write_stderr(&done.messages));
                }
            }
        }
    });
    bar.finish_and_clear();
    status
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(total: usize, plan: &Plan) -> ProgressBar {
    if plan.format != Format::Human || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} programs").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total as u64).with_style(style)
}

fn use_colour(color: Color, is_terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto
            if set("CLICOLOR_FORCE") && std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0") =>
        {
            true
        }
        Color::Auto => is_terminal,
    }
}
