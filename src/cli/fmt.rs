//! `walrus fmt`: brings files into the one style, or says which are not in it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Status;
use super::files::{read, write_file};
use super::terminal::{Color, write_stderr, write_stdout};
use crate::format::{FormatError, format};
use crate::source::reason;
use crate::source::render::{self, Format};

/// What to format.
#[derive(Args, Debug)]
pub struct FormatFlags {
    /// Files, and folders with all .walrus files below them; `-` is standard input, formatted to standard output.
    /// Default: the working folder
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Change nothing; list the files that are not in the style, and exit with 1 if there are any
    #[arg(long)]
    check: bool,

    /// Whether messages are coloured
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

/// Formats what the flags say.
pub fn run(flags: &FormatFlags) -> Result<Status, String> {
    let here = [PathBuf::from(".")];
    let paths = if flags.paths.is_empty() { &here[..] } else { &flags.paths };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { collect(path, &mut files)? } else { files.push(path.clone()) }
    }
    let mut status = Status::Success;
    for file in files {
        status = status.max(one(&file, flags).unwrap_or_else(|message| {
            write_stderr(&format!("error: {message}\n"));
            Status::Usage
        }));
    }
    Ok(status)
}

/// The programs in a folder and all below it, by name; hidden ones are left out, and links to folders are not followed.
pub(super) fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |error| format!("cannot read '{}': {}", folder.display(), reason(&error));
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    let mut entries: Vec<_> = entries.into_iter().filter(|entry| !is_hidden(&entry.path())).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // What is in the working folder is named without it.
        let path = entry.path();
        let path = path.strip_prefix(".").map_or(path.clone(), Path::to_path_buf);
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "walrus") && !waits(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether there is something that is no file: a pipe, which reading would wait for.
fn waits(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| !about.is_file())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn one(file: &Path, flags: &FormatFlags) -> Result<Status, String> {
    let is_stdin = file == Path::new("-");
    let name = if is_stdin { "<stdin>".to_string() } else { file.display().to_string() };
    let text = String::from_utf8(read(file)?).map_err(|error| {
        format!("'{name}' is left alone: Invalid UTF-8 at byte offset {}", error.utf8_error().valid_up_to())
    })?;
    let formatted = match format(&name, &text) {
        Ok(formatted) => formatted,
        Err(FormatError::Errors(found)) => {
            let (sources, diagnostics) = *found;
            let report = diagnostics.into_report();
            write_stderr(&render::report(&report, &sources, Format::Human, flags.color.on_stderr()));
            write_stderr(&format!("'{name}' has errors and is left alone\n"));
            return Ok(Status::Program);
        }
        Err(FormatError::Broken(why)) => {
            return Err(format!(
                "'{name}' is left alone: the formatter could not make sure that {why}; please report this"
            ));
        }
    };
    if flags.check {
        if formatted == text {
            return Ok(Status::Success);
        }
        return write_stdout(format!("{name}\n").as_bytes()).map(|()| Status::Program);
    }
    if is_stdin {
        return write_stdout(formatted.as_bytes()).map(|()| Status::Success);
    }
    if formatted != text {
        if fs::metadata(file).is_ok_and(|about| about.permissions().readonly()) {
            return Err(format!("'{name}' is read-only and left alone"));
        }
        write_file(file, formatted.as_bytes())?;
    }
    Ok(Status::Success)
}
