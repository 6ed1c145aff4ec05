//! From the words of the command line to flags: help and mistakes as everywhere, files of arguments.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::Status;
use super::terminal::{Color, write_stderr, write_stdout};
use crate::source::reason;

/// The flags among the words, the program's name first, and where each stood. Help that was asked for is written, and
/// so is what is wrong.
pub fn parse<T: CommandFactory + FromArgMatches>(
    words: impl IntoIterator<Item = OsString>,
) -> Result<(T, ArgMatches), Status> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let parsed = loop {
        let matches = T::command().try_get_matches_from(&words);
        match matches.and_then(|matches| Ok((T::from_arg_matches(&matches)?, matches))) {
            Ok(parsed) => break Ok(parsed),
            // A word like this that stands for a flag is none to clap; an argument of the program is no error.
            Err(error) => match words.iter_mut().find_map(|word| Some((with_equals(word)?, word))) {
                Some((flag, word)) => *word = flag,
                None => break Err(error),
            },
        }
    };
    parsed.map_err(|error| {
        let text = |color: bool| {
            let text = error.render();
            if color { text.ansi().to_string() } else { text.to_string() }
        };
        if error.use_stderr() {
            write_stderr(&text(Color::Auto.on_stderr()));
            return Status::Usage;
        }
        match write_stdout(text(Color::Auto.on_stdout()).as_bytes()) {
            Ok(()) => Status::Success,
            Err(_) => Status::Usage,
        }
    })
}

/// `--jit-stats:FILE` with the `=` that clap wants before a value.
fn with_equals(word: &OsString) -> Option<OsString> {
    let file = word.to_str()?.strip_prefix("--jit-stats:")?;
    Some(format!("--jit-stats=text:{file}").into())
}

/// The words with each `@FILE` before a `--` replaced by the lines of that file, so that more arguments fit than the
/// system lets through.
pub fn expand_files(words: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, String> {
    let mut expanded = Vec::new();
    let mut words = words.into_iter();
    for word in words.by_ref() {
        match word.to_str().and_then(|word| word.strip_prefix('@')) {
            Some(file) if !file.is_empty() => {
                let text = std::fs::read_to_string(Path::new(file))
                    .map_err(|error| format!("cannot read the arguments in '{file}': {}", reason(&error)))?;
                expanded.extend(text.lines().filter(|line| !line.is_empty()).map(OsString::from));
            }
            _ if word == "--" => {
                expanded.push(word);
                break;
            }
            _ => expanded.push(word),
        }
    }
    expanded.extend(words);
    Ok(expanded)
}

/// The arguments of a Walrus program as texts; what is not UTF-8 becomes replacement characters.
pub fn texts(words: Vec<OsString>) -> impl Iterator<Item = String> {
    words.into_iter().map(|word| match word.into_string() {
        Ok(text) => text,
        Err(word) => word.to_string_lossy().into_owned(),
    })
}
