//! `walrus-run prog.wbc [args...]`: arguments in, exit status out; the work is in `walrus::run`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, ValueEnum};
use walrus::run::{self, DumpStage, JitSettings, Outcome, ReportFormat, RunOptions, SystemHost, status};

/// Runs a program that walrusc compiled.
#[derive(Parser, Debug)]
#[command(
    name = "walrus-run",
    disable_version_flag = true,
    after_help = "Flags may stand before or after the file; after `--` all belong to the program.\n\
                  Exit status: the program's own; 1 for an uncaught error, 2 for bad usage or an invalid file."
)]
struct Args {
    /// The compiled program
    #[arg(required_unless_present = "version", value_name = "PROG.wbc")]
    file: Option<PathBuf>,

    /// The program's arguments
    #[arg(value_name = "ARGS")]
    args: Vec<String>,

    /// Collect garbage at every allocation (testing)
    #[arg(long)]
    gc_stress: bool,

    /// Compare every value with its static type, and stop where one is wrong (testing)
    #[arg(long, conflicts_with_all = ["fuel"])]
    check_facts: bool,

    /// Most memory the program's values may take, such as 512M or 4G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_heap: Option<usize>,

    /// Most back edges and calls the program may make
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,

    /// Compile hot loops to native code
    #[arg(long)]
    jit: bool,

    /// Print statistics about hot code to stderr at the end
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    jit_stats: Option<Report>,

    /// Compare every static verdict with what happened; status 1 if one is wrong
    #[arg(long)]
    audit_verdicts: bool,

    /// No counting and no type feedback
    #[arg(long)]
    no_jit_profile: bool,

    /// Log what is compiled, refused and left, to stderr
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    jit_log: Option<Report>,

    /// Iterations after which a loop is hot
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    jit_threshold: u32,

    /// Calls after which a function is hot
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    jit_function_threshold: u32,

    /// Make native code fail where it could (testing)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    jit_stress: Vec<Stress>,

    /// Wait for each compilation instead of running on beside it: slower, but each run does the same
    #[arg(long)]
    jit_wait: bool,

    /// Write a map of native code for Linux perf
    #[arg(long)]
    perf_map: bool,

    /// Print stages of compilation to native code to stderr
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',')]
    dump: Vec<Stage>,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,

    /// Print versions: tool, .wbc format, verdict rules, Cranelift, target
    #[arg(short = 'V', long)]
    version: bool,

    /// With --version: print them as JSON
    #[arg(long, requires = "version")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Report {
    Text,
    Json,
}

impl From<Report> for ReportFormat {
    fn from(report: Report) -> Self {
        match report {
            Report::Text => ReportFormat::Text,
            Report::Json => ReportFormat::Json,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Stress {
    /// Every guard fails once
    Exits,
    /// What native code leaves behind is compared with what interpreting does
    Shadow,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Stage {
    Region,
    Clif,
    Asm,
}

fn main() {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help goes to stdout with status 0, mistakes to stderr with 2; a closed pipe is nobody's fault.
            let status = error.exit_code();
            let _ = error.print();
            exit(status)
        }
    };
    if args.version {
        let text = if args.json { run::version_json() } else { run::version_text() };
        match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => exit(status::USAGE),
            _ => exit(0),
        }
    }
    if args.jit && !run::JIT_BUILT_IN {
        report(
            "walrus-run: this build cannot compile to native code (--jit): it was built without the 'jit' feature\n",
            args.color,
        );
        exit(status::USAGE)
    }
    let Some(file) = args.file else {
        let _ = Args::command().print_help();
        exit(status::USAGE)
    };
    let options = RunOptions {
        max_heap: args.max_heap.unwrap_or_else(run::default_max_heap),
        fuel: args.fuel,
        gc_stress: args.gc_stress,
        check_facts: args.check_facts,
        jit: JitSettings {
            compile: args.jit,
            profile: !args.no_jit_profile,
            loop_threshold: args.jit_threshold,
            function_threshold: args.jit_function_threshold,
            stats: args.jit_stats.map(ReportFormat::from),
            audit_verdicts: args.audit_verdicts,
            log: args.jit_log.map(ReportFormat::from),
            stress_exits: args.jit_stress.contains(&Stress::Exits),
            stress_shadow: args.jit_stress.contains(&Stress::Shadow),
            spoil_exits: false,
            perf_map: args.perf_map,
            dump: args
                .dump
                .iter()
                .map(|stage| match stage {
                    Stage::Region => DumpStage::Region,
                    Stage::Clif => DumpStage::Clif,
                    Stage::Asm => DumpStage::Asm,
                })
                .collect(),
            wait: args.jit_wait,
        },
    };
    let program = match run::load(&file, &options) {
        Ok(program) => program,
        Err(message) => {
            report(&format!("walrus-run: {message}\n"), args.color);
            exit(status::USAGE)
        }
    };
    let program_args = std::iter::once(file.display().to_string()).chain(args.args).collect();
    let color = args.color;
    run::run_then(program, &options, Box::new(SystemHost::new(program_args)), move |outcome: Outcome| {
        report(&outcome.message, color);
        let _ = io::stderr().write_all(outcome.report.as_bytes());
        exit(outcome.status)
    })
}

/// Writes a message to stderr, its first line emphasised where colour is wanted.
fn report(message: &str, color: Color) {
    let coloured = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => match (std::env::var_os("NO_COLOR"), std::env::var_os("CLICOLOR_FORCE")) {
            (Some(no), _) if !no.is_empty() => false,
            (_, Some(force)) if !force.is_empty() && force != "0" => true,
            _ => io::stderr().is_terminal(),
        },
    };
    let _ = match message.split_once('\n') {
        Some((first, rest)) if coloured => write!(io::stderr(), "\x1b[1;31m{first}\x1b[0m\n{rest}"),
        _ => write!(io::stderr(), "{message}"),
    };
}

/// Ends the process at once: nothing is left that a destructor would have to write.
fn exit(status: i32) -> ! {
    std::process::exit(status)
}

/// A number of bytes, optionally followed by K, M or G (powers of 1024).
fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("'{text}' is not a size; write a number of bytes, or one with K, M or G behind it");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err(wrong()),
    };
    let number: usize = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}
