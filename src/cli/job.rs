//! One program: compile it, render its diagnostics, write its outputs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Status;
use super::compile_flags::Emit;
use super::files::{dependency_rule, write_file};
use super::terminal::write_stdout;
use crate::compile::{self, Compilation, Disk, Entry, Findings, Format, Goal, Options};
use crate::source::reason;

/// What all programs of one invocation have in common.
#[derive(Debug)]
pub struct BuildPlan {
    pub options: Options,
    pub emit: Vec<Emit>,
    pub format: Format,
    pub colour: bool,
    pub depfile: Option<PathBuf>,
    /// Where the one document of all programs goes, in formats that have one. Standard output, if nothing is said.
    pub report: Option<PathBuf>,
    pub print_cache_key: bool,
    /// The process ends after one job, so that nothing it has made need be freed.
    pub is_last: bool,
}

/// A program to compile and where its outputs go.
#[derive(Debug)]
pub struct Job {
    /// `-` is standard input.
    pub input: PathBuf,
    /// In the order of [`BuildPlan::emit`]; `-` is standard output.
    pub outputs: Vec<PathBuf>,
}

/// What a job has to say, and how it went.
#[derive(Debug, Default)]
pub struct Done {
    pub messages: String,
    /// What goes into the one document of all programs, in formats that have one.
    pub findings: Findings,
    pub status: Status,
}

impl Done {
    fn fail(&mut self, status: Status, message: &str) {
        self.messages.push_str(&format!("error: {message}\n"));
        self.status = self.status.max(status);
    }
}

pub fn run(job: &Job, plan: &BuildPlan) -> Done {
    let mut done = Done::default();
    let mut compilation = match read_entry(&job.input)
        .and_then(|entry| compile::compile(entry, &Disk, &plan.options).map_err(|error| reason(&error)))
    {
        Ok(compilation) => compilation,
        Err(why) => {
            done.fail(Status::Usage, &format!("cannot read '{}': {why}", job.input.display()));
            return done;
        }
    };
    let has_errors = compilation.diagnostics.has_errors();
    if plan.format == Format::Sarif {
        done.findings = compilation.findings();
    } else {
        done.messages = compilation.render_diagnostics(plan.format, plan.colour).0;
        let is_for_people = matches!(plan.format, Format::Human | Format::Short);
        if let Some(summary) = compilation.summary_text().filter(|_| plan.options.explain && is_for_people) {
            done.messages.push_str(&summary);
        }
    }
    if has_errors {
        done.status = Status::Program;
    } else if let Err(Unwritten { status, message }) = write_outputs(job, plan, &compilation) {
        done.fail(status, &message);
    }
    if plan.is_last {
        // The process ends now; freeing every tree and table first would only cost time.
        std::mem::forget(compilation);
    }
    done
}

/// The file, or the text of standard input for `-`.
pub fn read_entry(input: &Path) -> Result<Entry, String> {
    if input == Path::new("-") {
        let text = compile::read_input(io::stdin().lock()).map_err(|error| reason(&error))?;
        return Ok(Entry::Text { name: "<stdin>".to_string(), text, folder: PathBuf::new() });
    }
    if fs::metadata(input).map_err(|error| reason(&error))?.is_dir() {
        return Err("it is a folder; give a .walrus file".to_string());
    }
    Ok(Entry::File(input.to_path_buf()))
}

/// Why an output was not written, and whose fault that is.
struct Unwritten {
    status: Status,
    message: String,
}

impl From<String> for Unwritten {
    fn from(message: String) -> Unwritten {
        Unwritten { status: Status::Usage, message }
    }
}

fn write_outputs(job: &Job, plan: &BuildPlan, compilation: &Compilation) -> Result<(), Unwritten> {
    if plan.print_cache_key {
        let key = format!("{}\n", compilation.cache_key(&plan.options, &flags(plan)));
        return Ok(write_stdout(key.as_bytes())?);
    }
    if plan.options.goal == Goal::Check {
        return Ok(());
    }
    let dependencies = compilation.input_paths();
    let outputs =
        job.outputs.iter().chain(&plan.depfile).chain(&plan.report).filter(|path| path.as_path() != Path::new("-"));
    for output in outputs {
        let same = |input: &PathBuf| fs::canonicalize(input).ok() == fs::canonicalize(output).ok();
        if output.exists() && dependencies.iter().any(same) {
            let output = output.display();
            return Err(
                format!("'{output}' is a source of the program; writing the output there would destroy it").into()
            );
        }
    }
    // The program itself is written last, so that whoever waits for it finds the other outputs in place.
    let mut order: Vec<usize> = (0..plan.emit.len()).collect();
    order.sort_by_key(|&index| plan.emit[index] == Emit::Wbc);
    if let Some(path) = &plan.depfile {
        write_file(path, &dependency_rule(&target(job, plan)?, &dependencies)?)?;
    }
    for index in order {
        let bytes = match plan.emit[index] {
            Emit::Wbc => {
                let bytes = compilation.encode().unwrap_or_default();
                compile::check_runnable(&bytes)
                    .map_err(|message| Unwritten { status: Status::Program, message })
                    .map(|()| bytes)?
            }
            Emit::Ast => compilation.trees_text().into_bytes(),
            Emit::Bytecode => compilation.bytecode_text().unwrap_or_default().into_bytes(),
            Emit::Facts => compilation.facts_text().unwrap_or_default().into_bytes(),
            Emit::Loops => compilation.loops_text().unwrap_or_default().into_bytes(),
            Emit::Deps => dependency_rule(&target(job, plan)?, &dependencies)?,
        };
        let path = &job.outputs[index];
        if path == Path::new("-") { write_stdout(&bytes)? } else { write_file(path, &bytes)? }
    }
    Ok(())
}

/// What a dependency rule is about: the compiled program, also when it is not among the outputs of this invocation.
fn target(job: &Job, plan: &BuildPlan) -> Result<PathBuf, String> {
    let named = |path: &&PathBuf| path.as_path() != Path::new("-");
    let program = plan.emit.iter().zip(&job.outputs).find(|(emit, _)| **emit == Emit::Wbc).map(|(_, path)| path);
    if let Some(path) = program.filter(named) {
        return Ok(path.clone());
    }
    match job.outputs.first().filter(named).or(Some(&job.input)).filter(named) {
        Some(path) => Ok(path.with_extension("wbc")),
        None => Err("a dependency rule needs the name of the output: give -o".to_string()),
    }
}

/// The flags that change what is written.
fn flags(plan: &BuildPlan) -> String {
    let emit: Vec<&str> = plan.emit.iter().map(|emit| emit.extension()).collect();
    format!("emit={}", emit.join(","))
}
