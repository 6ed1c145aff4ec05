//! `walrus-run prog.wbc [args...]`: arguments in, exit status out; the work is in `walrus::run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use walrus::cli::Status;
use walrus::cli::args::{parse, texts};
use walrus::cli::terminal::{Color, report, write_stderr, write_stdout};
use walrus::run::{self, Outcome, RunOptions, status};

/// Keeps something back for the moment at which the system refuses memory.
#[global_allocator]
static ALLOCATOR: run::WithReserve = run::WithReserve;

/// Runs a program that walrusc compiled.
#[derive(Parser, Debug)]
#[command(
    name = "walrus-run",
    disable_version_flag = true,
    after_help = "Flags may stand before or after the file; after `--`, and after the program's first own argument, all belong to the program.\n\
                  Exit status: the program's own; 1 for an uncaught error, 2 for bad usage or an invalid file."
)]
struct Args {
    /// The compiled program
    #[arg(required_unless_present = "version", value_name = "PROG.wbc")]
    file: Option<PathBuf>,

    /// The program's arguments
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    args: Vec<OsString>,

    /// Compile hot loops to native code
    #[arg(long)]
    jit: bool,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,

    /// Print versions: tool, .wbc format, verdict rules, Cranelift, target
    #[arg(short = 'V', long)]
    version: bool,

    /// With --version: print them as JSON
    #[arg(long, requires = "version")]
    json: bool,

    #[command(flatten)]
    options: RunOptions,
}

fn main() {
    let mut args = match parse::<Args>(std::env::args_os()) {
        Ok((args, _)) => args,
        Err(status) => exit(status as i32),
    };
    let file = match args.file {
        Some(file) if !args.version => file,
        _ => {
            let text = if args.json { run::version_json("walrus-run") } else { run::version_text("walrus-run") };
            exit(if write_stdout(text.as_bytes()).is_ok() { 0 } else { status::USAGE })
        }
    };
    if args.jit && !run::JIT_BUILT_IN {
        report(
            "walrus-run: this build cannot compile to native code (--jit): it was built without the 'jit' feature\n",
            args.color,
        );
        exit(status::USAGE)
    }
    args.options.jit.compile = args.jit;
    if let Some(flag) = args.options.jit.wants_native_code() {
        report(
            &format!("walrus-run: {flag} is about native code, and there is none without --jit: add --jit\n"),
            args.color,
        );
        exit(status::USAGE)
    }
    let program = match run::load(&file, &args.options) {
        Ok(program) => program,
        Err(message) => {
            report(&format!("walrus-run: {message}\n"), args.color);
            exit(Status::Usage as i32)
        }
    };
    let program_args = std::iter::once(file.display().to_string()).chain(texts(args.args)).collect();
    let color = args.color;
    run::run_then(program, &args.options, Box::new(args.options.host(program_args)), move |outcome: Outcome| {
        report(&outcome.message, color);
        write_stderr(&outcome.report);
        exit(outcome.status)
    })
}

/// Ends the process at once: nothing is left that a destructor would have to write.
fn exit(status: i32) -> ! {
    std::process::exit(status)
}
