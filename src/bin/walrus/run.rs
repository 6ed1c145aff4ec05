//! `walrus run`: compile and run in one process, or run what was compiled before.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use walrus::cli::Status;
use walrus::cli::args::{parse, texts};
use walrus::cli::build::read_entry;
use walrus::cli::cache::{Cache, RecordingDisk};
use walrus::cli::compile_flags::LintFlags;
use walrus::cli::package::Package;
use walrus::cli::terminal::{Color, reason, report, write_stderr};
use walrus::compile::{self, Entry, Format, Options};
use walrus::run::{self, Outcome, RunOptions};

/// Compiles a program and runs it
#[derive(Parser, Debug)]
#[command(
    name = "walrus run",
    bin_name = "walrus run",
    after_help = "Flags may stand before or after the file; after `--`, and after the program's first own argument, all belong to the program.\n\
                  Programs are kept compiled in the user's cache folder ($XDG_CACHE_HOME, or ~/.cache).\n\
                  Exit status: the program's own; 1 for a compile error or an uncaught error, 2 for bad usage."
)]
pub struct RunArgs {
    /// The program: a .walrus file, `-` for standard input, or a compiled .wbc file. Default: the first program of
    /// Walrus.toml
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The program's arguments
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    args: Vec<OsString>,

    /// Run this text instead of a file
    #[arg(short = 'e', long = "eval", value_name = "CODE", allow_hyphen_values = true)]
    code: Option<String>,

    /// Interpret everything
    #[arg(long, overrides_with = "jit")]
    no_jit: bool,

    /// What is so without it: as a flag of walrus-run it may be given here, too
    #[arg(long, overrides_with = "no_jit", hide = true)]
    jit: bool,

    /// Compile anew, and keep nothing
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    lints: LintFlags,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,

    #[command(flatten)]
    options: RunOptions,
}

/// What is to run.
enum Program {
    /// A source file, `-` for standard input.
    Source(PathBuf),
    Text(String),
    /// A `.wbc` file.
    Compiled(PathBuf),
}

impl Program {
    fn of(args: &mut RunArgs) -> Result<Program, String> {
        if let Some(code) = args.code.take() {
            // What would be the file is the first argument.
            args.args.splice(0..0, args.file.take().map(PathBuf::into_os_string));
            return Ok(Program::Text(code));
        }
        let file = match args.file.take() {
            Some(file) => file,
            None => Package::required("no program is given")?.programs()?.swap_remove(0),
        };
        if file.extension().is_some_and(|extension| extension == "wbc") {
            return Ok(Program::Compiled(file));
        }
        Ok(Program::Source(file))
    }

    /// The first of the program's arguments: its own name.
    fn name(&self) -> String {
        match self {
            Program::Source(file) | Program::Compiled(file) => file.display().to_string(),
            Program::Text(_) => "-e".to_string(),
        }
    }
}

/// Runs what the words ask for; comes back only if nothing ran.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Status, String> {
    let (mut args, matches) = match parse::<RunArgs>(words) {
        Ok(parsed) => parsed,
        Err(status) => return Ok(status),
    };
    args.options.tool = "walrus";
    args.options.jit.compile = args.jit || !args.no_jit;
    if let Some(flag) = args.options.jit.wants_native_code() {
        return Err(format!("{flag} is about native code, and there is none with --no-jit: leave one of them out"));
    }
    let compiling = Options { levels: LintFlags::levels(&matches)?, ..Options::default() };
    let program = Program::of(&mut args)?;
    let loaded = match load(&program, &args, &compiling)? {
        Some(loaded) => loaded,
        None => return Ok(Status::Program),
    };
    let own_args = std::iter::once(program.name()).chain(texts(args.args)).collect();
    let color = args.color;
    run::run_then(loaded, &args.options, Box::new(args.options.host(own_args)), move |outcome: Outcome| {
        report(&outcome.message, color);
        write_stderr(&outcome.report);
        // Nothing is left that a destructor would have to write.
        std::process::exit(outcome.status)
    })
}

/// The program, ready to run; `None` if it has errors, which were reported.
fn load(program: &Program, args: &RunArgs, compiling: &Options) -> Result<Option<run::VerifiedProgram>, String> {
    let loaded = |bytes: &[u8]| run::load_bytes(bytes, &args.options);
    match program {
        Program::Compiled(file) => run::load(file, &args.options).map(Some),
        Program::Source(file) if file != Path::new("-") => {
            let cache = if args.no_cache { None } else { Cache::of_user() };
            // An entry that cannot be loaded is made anew.
            let kept = cache.as_ref().and_then(|cache| loaded(&cache.find(file, compiling)?).ok());
            match kept {
                Some(program) => Ok(Some(program)),
                None => compile(
                    read_entry(file),
                    &program.name(),
                    cache.as_ref().map(|cache| (cache, &**file)),
                    args,
                    compiling,
                ),
            }
        }
        Program::Source(file) => compile(read_entry(file), "-", None, args, compiling),
        Program::Text(code) => {
            let text = code.clone().into_bytes();
            let entry = Entry::Text { name: "<eval>".to_string(), text, folder: PathBuf::new() };
            compile(Ok(entry), "-e", None, args, compiling)
        }
    }
}

/// Compiles a program and keeps what came of it, unless there is something to say about it: warnings are to be seen
/// each time.
fn compile(
    entry: Result<Entry, String>,
    name: &str,
    keep: Option<(&Cache, &Path)>,
    args: &RunArgs,
    compiling: &Options,
) -> Result<Option<run::VerifiedProgram>, String> {
    let disk = RecordingDisk::default();
    let mut compilation = entry
        .and_then(|entry| compile::compile(entry, &disk, compiling).map_err(|error| reason(&error)))
        .map_err(|why| format!("cannot read '{name}': {why}"))?;
    let (messages, _) = compilation.render_diagnostics(Format::Human, args.color.on_stderr());
    write_stderr(&messages);
    let Some(bytes) = compilation.encode() else { return Ok(None) };
    if let Some((cache, file)) = keep.filter(|_| messages.is_empty()) {
        cache.keep(file, compiling, disk, &compilation.cache_key(compiling, cache.flags()), &bytes);
    }
    // The process ends with the program; freeing every tree and table first would only cost time.
    std::mem::forget(compilation);
    run::load_bytes(&bytes, &args.options).map(Some).map_err(|error| format!("'{name}': {error}"))
}
