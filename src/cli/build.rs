//! What `walrusc` does with its flags: programs to compile and where their outputs go, many at a time.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::Status;
use super::compile_flags::{CompileFlags, Emit, MessageFormat, Print, host_modules};
use super::files::write_report;
use super::in_order::{in_order, processors};
use super::job::{self, BuildPlan, Job};
use super::terminal::write_stderr;
use crate::compile::{Findings, Format, Goal, Level, Options};

pub use super::job::read_entry;

/// Compiles what the flags say. An error is about the invocation.
pub fn build(flags: CompileFlags, levels: Vec<(String, Level)>) -> Result<Status, String> {
    let (jobs, plan) = plan(flags, levels)?;
    run_jobs(&jobs, &plan)
}

/// Turns the flags into jobs, refusing what cannot be meant.
fn plan(mut args: CompileFlags, levels: Vec<(String, Level)>) -> Result<(Vec<Job>, BuildPlan), String> {
    let explain_all = args.explain.as_deref() == Some("all");
    if let Some(file) = args.explain.as_ref().filter(|word| !word.is_empty() && !explain_all) {
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
    // With `--check` nothing else is written, so `-o` says where the document goes.
    let reports = args.check && args.message_format == MessageFormat::Sarif;
    if args.check && args.output.is_some() && !reports {
        return Err("--check writes nothing, so -o has no meaning but for '--message-format sarif'".to_string());
    }
    let report = args.output.take_if(|_| reports);
    if several && args.output.is_some() {
        return Err("-o names one file, but several programs are given: use --out-dir".to_string());
    }
    if emit.len() > 1 && args.output.is_some() {
        return Err("-o names one file, but --emit asks for several: use --out-dir".to_string());
    }
    if several && args.depfile.is_some() {
        return Err("--depfile names one file, but several programs are given: use --emit wbc,deps".to_string());
    }
    let writes = !args.check && args.print.is_none();
    let mut jobs = Vec::new();
    let mut owners: HashMap<PathBuf, PathBuf> = HashMap::new();
    for input in args.files {
        let mut outputs = Vec::new();
        for &kind in emit.iter().filter(|_| writes) {
            let path = output_path(&input, kind, args.output.as_deref(), args.out_dir.as_deref())?;
            if path == Path::new("-") && args.message_format == MessageFormat::Sarif {
                return Err(
                    "the SARIF document goes to standard output: give the program another name with -o".to_string()
                );
            }
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
    if let Some(depfile) = &args.depfile
        && owners.contains_key(depfile)
    {
        return Err(format!("the program and its --depfile would both be written to '{}'", depfile.display()));
    }
    let goal = match (args.print, args.check) {
        (Some(Print::CacheKey), _) => Goal::Load,
        (None, true) => Goal::Check,
        (None, false) => Goal::Build,
    };
    let plan = BuildPlan {
        options: Options {
            goal,
            strip: args.strip,
            levels,
            explain: args.explain.is_some(),
            explain_all,
            costs: emit.contains(&Emit::Loops),
            host_modules: host_modules(args.host)?,
            ..Options::default()
        },
        emit,
        format: args.message_format.into(),
        colour: args.color.on_stderr(),
        depfile: args.depfile,
        report,
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
fn run_jobs(jobs: &[Job], plan: &BuildPlan) -> Result<Status, String> {
    if let [job] = jobs {
        let done = job::run(job, plan);
        write_stderr(&done.messages);
        write_document(done.findings, plan)?;
        return Ok(done.status);
    }
    let bar = progress_bar(jobs.len(), plan);
    let (mut status, mut findings) = (Status::Success, Findings::default());
    let run = |index: usize| {
        let done = job::run(&jobs[index], plan);
        bar.inc(1);
        done
    };
    in_order(jobs.len(), processors(), run, |_, done| {
        status = status.max(done.status);
        if !done.messages.is_empty() {
            bar.suspend(|| write_stderr(&done.messages));
        }
        findings.add(done.findings);
        Ok::<_, String>(())
    })?;
    bar.finish_and_clear();
    write_document(findings, plan)?;
    Ok(status)
}

/// Writes the one document of all programs, if the format has one.
fn write_document(findings: Findings, plan: &BuildPlan) -> Result<(), String> {
    if plan.format != Format::Sarif {
        return Ok(());
    }
    write_report(plan.report.as_deref(), findings.document().as_bytes())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(total: usize, plan: &BuildPlan) -> ProgressBar {
    if plan.format != Format::Human || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} programs").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total as u64).with_style(style)
}
