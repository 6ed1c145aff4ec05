//! The flags of compiling, as `walrusc` and `walrus` have them.

use std::path::PathBuf;

use clap::{ArgMatches, Args, ValueEnum};

use super::terminal::Color;
use crate::compile::{Format, HostModule, Level, known_lint};

/// Headings of `--help`.
const OUTPUT: &str = "Output";
const MESSAGES: &str = "Messages";

/// What to compile, what to write, and what to say.
#[derive(Args, Debug)]
pub struct CompileFlags {
    /// Programs to compile; `-` is standard input, `@FILE` a file with more arguments, one a line
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Report diagnostics only
    #[arg(long, conflicts_with_all = ["out_dir", "emit", "depfile"])]
    pub check: bool,

    /// Where to write; `-` is standard output. Default: beside the source. With `--check`, where the SARIF document
    /// goes
    #[arg(short, long, value_name = "FILE", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,

    /// Folder for the outputs
    #[arg(long, value_name = "DIR", conflicts_with = "output", help_heading = OUTPUT)]
    pub out_dir: Option<PathBuf>,

    /// What to write
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS", default_values_t = [Emit::Wbc], help_heading = OUTPUT)]
    pub emit: Vec<Emit>,

    /// Write a dependency rule for make or ninja
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub depfile: Option<PathBuf>,

    /// Leave out names, line tables and sources not needed to run
    #[arg(long, help_heading = OUTPUT)]
    pub strip: bool,

    /// A function of the program that embeds Walrus, with the number of its arguments: `shop.price/1` is `price` of the
    /// module `host/shop`
    #[arg(long, value_name = "MODULE.FUNCTION/N", value_parser = host_function, help_heading = OUTPUT)]
    pub host: Vec<HostFunction>,

    /// Print a fact about the compilation instead of compiling
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["check", "depfile", "output", "out_dir"], help_heading = OUTPUT)]
    pub print: Option<Print>,

    /// Say for every loop and function that is reached whether it is compiled, what it costs, and if not why; `all`: of
    /// those that are not reached, too. With a CODE, print the long text of that diagnostic instead
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", help_heading = MESSAGES)]
    pub explain: Option<String>,

    /// How diagnostics are written
    #[arg(long, value_enum, default_value_t = MessageFormat::Human, value_name = "FORMAT", help_heading = MESSAGES)]
    pub message_format: MessageFormat,

    #[command(flatten)]
    pub lints: LintFlags,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true, help_heading = MESSAGES)]
    pub color: Color,
}

/// A function that the embedding program offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostFunction {
    module: String,
    name: String,
    arguments: usize,
}

/// Reads `MODULE.FUNCTION/N`.
fn host_function(text: &str) -> Result<HostFunction, String> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let parts =
        text.rsplit_once('/').and_then(|(path, count)| Some((path.split_once('.')?, count.parse::<u8>().ok()?)));
    match parts {
        Some(((module, name), arguments)) if is_name(module) && is_name(name) => {
            Ok(HostFunction { module: module.to_owned(), name: name.to_owned(), arguments: arguments.into() })
        }
        _ => Err("write module, function and number of arguments, as in 'shop.price/1'".to_owned()),
    }
}

/// The modules that functions make up, each in the order in which they were given.
pub(super) fn host_modules(functions: Vec<HostFunction>) -> Result<Vec<HostModule>, String> {
    let mut modules: Vec<HostModule> = Vec::new();
    for HostFunction { module, name, arguments } in functions {
        let index = modules.iter().position(|known| known.name == module).unwrap_or_else(|| {
            modules.push(HostModule { name: module, functions: Vec::new() });
            modules.len() - 1
        });
        let known = &mut modules[index];
        if known.functions.iter().any(|(other, _)| *other == name) {
            return Err(format!("'{}.{name}' is given to --host twice", known.name));
        }
        known.functions.push((name, arguments));
    }
    Ok(modules)
}

/// How warnings are taken. In which order the flags stand matters, so [`LintFlags::levels`] reads them from the
/// matches.
#[derive(Args, Clone, Debug)]
pub struct LintFlags {
    /// Make a warning an error (a code, or `warnings` for all)
    #[arg(long, value_name = "CODE", help_heading = MESSAGES)]
    pub deny: Vec<String>,

    /// Make a warning a warning again
    #[arg(long, value_name = "CODE", help_heading = MESSAGES)]
    pub warn: Vec<String>,

    /// Silence a warning
    #[arg(long, value_name = "CODE", help_heading = MESSAGES)]
    pub allow: Vec<String>,
}

impl LintFlags {
    /// The levels in the order in which they were given; the last that fits a warning counts.
    pub fn levels(matches: &ArgMatches) -> Result<Vec<(String, Level)>, String> {
        let mut levels = Vec::new();
        for (name, level) in [("deny", Level::Deny), ("warn", Level::Warn), ("allow", Level::Allow)] {
            let codes = matches.get_many::<String>(name).into_iter().flatten();
            let places = matches.indices_of(name).into_iter().flatten();
            levels.extend(codes.zip(places).map(|(code, place)| (place, code.clone(), level)));
        }
        levels.sort_by_key(|&(place, ..)| place);
        let levels: Vec<_> = levels.into_iter().map(|(_, code, level)| (code, level)).collect();
        levels.iter().try_for_each(|(code, _)| known_lint(code))?;
        Ok(levels)
    }
}

/// What can be written about a program.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Emit {
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
    pub(super) fn extension(self) -> &'static str {
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

/// How diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum MessageFormat {
    /// The source with what is wrong under it
    Human,
    /// A line each
    Short,
    /// A JSON object a line
    Json,
    /// One SARIF document, for code scanners
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

impl From<MessageFormat> for Format {
    fn from(format: MessageFormat) -> Self {
        match format {
            MessageFormat::Human => Format::Human,
            MessageFormat::Short => Format::Short,
            MessageFormat::Json => Format::Json,
            MessageFormat::Sarif => Format::Sarif,
            MessageFormat::Github => Format::Github,
        }
    }
}

/// Facts about a compilation.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Print {
    /// A line that changes when the output could
    CacheKey,
}
