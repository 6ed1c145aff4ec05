//! `walrusc report`: a program as a page of HTML.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Status;
use super::files::{read, refuse_overwriting, write_report};
use super::job::read_entry;
use super::terminal::{Color, reason, write_stderr};
use crate::compile::{self, Disk, Dump, Format, Options, WorkReport};

/// What to show, and beside what.
#[derive(Args, Debug)]
pub struct PageFlags {
    /// The program; `-` is standard input
    #[arg(value_name = "PROG.walrus")]
    file: PathBuf,

    /// Where to write; default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What a run did, as `walrus-run --work-report=FILE` writes it: shown beside the lines and regions
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,

    /// A folder of what `walrus-run --dump WHAT:FOLDER` wrote: shown behind the regions
    #[arg(long, value_name = "FOLDER")]
    dumps: Option<PathBuf>,
}

/// Writes the page.
pub fn write_page(flags: &PageFlags, color: Color) -> Result<Status, String> {
    let work = flags.with.as_deref().map(read_work).transpose()?;
    let dumps = flags.dumps.as_deref().map_or(Ok(Vec::new()), read_dumps)?;
    let cannot_read = |why: String| format!("cannot read '{}': {why}", flags.file.display());
    let entry = read_entry(&flags.file).map_err(cannot_read)?;
    let options = Options { costs: true, hovers: true, ..Options::default() };
    let mut compilation = compile::compile(entry, &Disk, &options).map_err(|error| cannot_read(reason(&error)))?;
    if let Some(output) = &flags.output {
        let inputs: Vec<PathBuf> = compilation.input_paths().into_iter().chain(flags.with.clone()).collect();
        refuse_overwriting(output, &inputs)?;
    }
    let page = compilation.page_text(work.as_ref(), &dumps);
    write_stderr(&compilation.render_diagnostics(Format::Human, color.on_stderr()).0);
    let Some(page) = page else { return Ok(Status::Program) };
    write_report(flags.output.as_deref(), page.as_bytes())?;
    Ok(Status::Success)
}

fn read_work(file: &Path) -> Result<WorkReport, String> {
    WorkReport::parse(&read(file)?).map_err(|why| format!("'{}' {why}", file.display()))
}

/// The dumps in a folder that are of regions, by name.
fn read_dumps(folder: &Path) -> Result<Vec<Dump>, String> {
    let cannot_read =
        |path: &Path, error: &std::io::Error| format!("cannot read '{}': {}", path.display(), reason(error));
    let entries = fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| cannot_read(folder, &error))?.path());
    }
    paths.sort();
    let mut dumps = Vec::new();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let text = || Ok(String::from_utf8_lossy(&read(&path)?).into_owned());
        if let Some(dump) = Dump::of_file(name, text) {
            dumps.push(dump?);
        }
    }
    if dumps.is_empty() {
        return Err(format!(
            "'{}' holds no dump of a region: walrus-run --jit --dump ir,clif,asm:{} writes some",
            folder.display(),
            folder.display()
        ));
    }
    Ok(dumps)
}
