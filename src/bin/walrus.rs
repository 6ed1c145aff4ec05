//! `walrus`, the one command for people at a keyboard: it runs programs, and has a subcommand for all else that one
//! does with them.

#[path = "walrus/new.rs"]
mod new;
#[path = "walrus/run.rs"]
mod run;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use walrus::cli::Status;
use walrus::cli::args::{expand_files, parse};
use walrus::cli::build::build;
use walrus::cli::compile_flags::{CompileFlags, LintFlags};
use walrus::cli::files::write_file;
use walrus::cli::fmt::{self, FormatFlags};
use walrus::cli::package::Package;
use walrus::cli::terminal::{write_stderr, write_stdout};
use walrus::cli::test::{self, TestFlags};
use walrus::run::{WithReserve, version_json, version_text};

use run::RunArgs;

/// Keeps something back for the moment at which the system refuses memory.
#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

/// Runs Walrus programs, builds, checks and looks after them.
#[derive(Parser, Debug)]
#[command(
    name = "walrus",
    disable_version_flag = true,
    override_usage = "walrus [FLAGS] FILE.walrus [ARGS]...\n       walrus -e CODE [ARGS]...\n       walrus COMMAND",
    after_help = "`walrus FILE` is short for `walrus run FILE`; see `walrus run --help` for its flags.\n\
                  Exit status: 0 for success, 1 if a program is at fault, 2 for bad usage or unreadable input; a program's own if it runs."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print versions: tool, .wbc format, verdict rules, Cranelift, target
    #[arg(short = 'V', long)]
    version: bool,

    /// With --version: print them as JSON
    #[arg(long, requires = "version")]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Compile a program and run it
    Run(Box<RunArgs>),
    /// Compile programs, those of Walrus.toml if none is named
    Build(Box<CompileFlags>),
    /// Report diagnostics only
    Check(Box<CompileFlags>),
    /// Bring files into the one style
    Fmt(FormatFlags),
    /// Run the tests of a package or folder
    Test(TestFlags),
    /// Write Walrus.lock: the versions of the dependencies that are there now
    Lock,
    /// Make a package that runs
    New {
        /// Its name and that of its folder
        name: String,
    },
    /// Print a script that completes commands and flags
    Completions { shell: Shell },
    /// Print the manual page
    Man,
}

fn main() -> ExitCode {
    let status = start(std::env::args_os().collect()).unwrap_or_else(|message| {
        write_stderr(&format!("error: {message}\n"));
        Status::Usage
    });
    status.into()
}

fn start(words: Vec<OsString>) -> Result<Status, String> {
    let first = words.get(1).map(|word| word.to_string_lossy());
    match first.as_deref() {
        // The flags of all commands need not be known where a program is to start quickly.
        Some("run") => return run::run(words.into_iter().skip(1)),
        Some(word) if !is_for_commands(word) => return run::run(words),
        _ => {}
    }
    let (cli, matches) = match parse::<Cli>(expand_files(words)?) {
        Ok(parsed) => parsed,
        Err(status) => return Ok(status),
    };
    if cli.version {
        let text = if cli.json { version_json("walrus") } else { version_text("walrus") };
        return write_stdout(text.as_bytes()).map(|()| Status::Success);
    }
    let levels = || matches.subcommand().map_or(Ok(Vec::new()), |(_, matches)| LintFlags::levels(matches));
    match cli.command {
        None => {
            write_stderr(&Cli::command().render_help().to_string());
            Ok(Status::Usage)
        }
        // Taken care of above.
        Some(Command::Run(_)) => Ok(Status::Usage),
        Some(Command::Build(flags)) => build(with_programs(*flags)?, levels()?),
        Some(Command::Check(mut flags)) => {
            flags.check = true;
            build(with_programs(*flags)?, levels()?)
        }
        Some(Command::Fmt(flags)) => fmt::run(&flags),
        Some(Command::Test(flags)) => match matches.subcommand() {
            Some((_, matches)) => test::run(&flags, matches),
            None => Ok(Status::Usage),
        },
        Some(Command::Lock) => lock(),
        Some(Command::New { name }) => new::new(&name),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "walrus", &mut script);
            write_stdout(&script).map(|()| Status::Success)
        }
        Some(Command::Man) => {
            let page = manual().map_err(|error| format!("cannot write the manual page: {error}"))?;
            write_stdout(&page).map(|()| Status::Success)
        }
    }
}

/// Whether the first word is one of the commands, or a flag of no command; otherwise a program is to run.
fn is_for_commands(word: &str) -> bool {
    let is_flag = ["-h", "--help", "-V", "--version", "--json", "help"].contains(&word);
    is_flag || Command::has_subcommand(word)
}

/// The flags with the programs of the package where none is named.
fn with_programs(mut flags: CompileFlags) -> Result<CompileFlags, String> {
    let explains = flags.explain.as_ref().is_some_and(|word| !word.is_empty());
    if flags.files.is_empty() && !explains {
        flags.files = Package::required("no program is given")?.programs()?;
    }
    Ok(flags)
}

fn lock() -> Result<Status, String> {
    let package = Package::required("'walrus lock' is about a package")?;
    let text = package.lock()?;
    write_file(&package.folder.join("Walrus.lock"), text.as_bytes()).map(|()| Status::Success)
}

/// One page about all commands: that of `walrus`, then the flags of each.
fn manual() -> io::Result<Vec<u8>> {
    let mut cli = Cli::command();
    cli.build();
    let mut page = Vec::new();
    let main = clap_mangen::Man::new(cli.clone());
    main.render(&mut page)?;
    for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        page.extend_from_slice(format!(".SH \"WALRUS {}\"\n{about}\n", command.get_name().to_uppercase()).as_bytes());
        clap_mangen::Man::new(command.clone()).render_options_section(&mut page)?;
    }
    Ok(page)
}
