//! The pipeline of `walrus-run`: load, verify, run, report.

use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(feature = "jit")]
use std::rc::Rc;

use crate::bytecode::wbc::{Header, Wanted};
use crate::bytecode::{self, FunctionKind, LoadError};
use crate::facts;
#[cfg(feature = "jit")]
use crate::jit;
use crate::runtime::error::{Error, ErrorKind};
use crate::runtime::heap::reserve;
use crate::runtime::hooks::Thresholds;
#[cfg(feature = "jit")]
use crate::runtime::hooks::Tier;
use crate::runtime::oracle::Oracle;
use crate::runtime::vm::{Limits, Vm};
use crate::source::{read_at_most, reason};
use work::WorkWatch;

mod ending;
mod machine;
mod options;
mod simulation;
mod system_host;
mod system_network;
mod work;

pub use crate::bytecode::VerifiedProgram;
pub use crate::runtime::heap::reserve::WithReserve;
pub use crate::runtime::host::{Capability, Host, HostValue};
pub use options::{DumpRequest, DumpStage, JitSettings, ReportFormat, RunOptions, StatsReport, Stress, WorkSettings};
pub use system_host::SystemHost;

/// Whether this build can compile to native code.
pub const JIT_BUILT_IN: bool = cfg!(feature = "jit");

/// Exit statuses that do not come from the program.
pub mod status {
    /// The program is at fault.
    pub const PROGRAM: i32 = 1;
    /// The invocation, a file or the output is.
    pub const USAGE: i32 = 2;
}

impl RunOptions {
    /// This machine as a host with these options; `args` as for [`SystemHost::new`].
    pub fn host(&self, args: Vec<String>) -> SystemHost {
        let host = SystemHost::new(args).forbidding(self.forbidden());
        match self.simulate {
            Some(seed) => host.simulating(seed),
            None => host,
        }
    }

    /// Whether anything is to become native.
    #[cfg(feature = "jit")]
    fn compiles(&self) -> bool {
        self.jit.compile && self.jit.profile
    }
}

/// What `--version` of a program that runs others prints.
pub fn version_text(program: &str) -> String {
    let Versions { tool, format, rules, cranelift, target } = Versions::here();
    format!("{program} {tool}\n.wbc format {format}\nverdict rules {rules}\nCranelift {cranelift}\ntarget {target}\n")
}

/// What `--version --json` prints. No part needs escaping.
pub fn version_json(program: &str) -> String {
    let Versions { tool, format, rules, cranelift, target } = Versions::here();
    format!(
        "{{\"tool\": \"{program}\", \"version\": \"{tool}\", \"wbc_format\": {format}, \"verdict_rules\": {rules}, \
         \"cranelift\": \"{cranelift}\", \"target\": \"{target}\"}}\n"
    )
}

struct Versions {
    tool: &'static str,
    format: u32,
    rules: u32,
    cranelift: &'static str,
    target: String,
}

impl Versions {
    fn here() -> Versions {
        Versions {
            tool: env!("CARGO_PKG_VERSION"),
            format: bytecode::wbc::FORMAT_VERSION,
            rules: bytecode::VERDICT_RULES_VERSION,
            cranelift: CRANELIFT_VERSION,
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }
}

#[cfg(feature = "jit")]
const CRANELIFT_VERSION: &str = cranelift_codegen::VERSION;
#[cfg(not(feature = "jit"))]
const CRANELIFT_VERSION: &str = "not built in";

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status.
    pub status: i32,
    /// What to say on stderr; empty if all went well.
    pub message: String,
    /// Reports that were asked for, for stderr after the message.
    pub report: String,
}

impl Outcome {
    fn new(status: i32, message: impl Into<String>) -> Outcome {
        Outcome { status, message: message.into(), report: String::new() }
    }

    /// An error that is not the program's, in one line that begins with the name of who says so.
    fn of_tool(options: &RunOptions, message: &str) -> Outcome {
        Outcome::new(status::USAGE, format!("{}: {message}\n", options.tool))
    }
}

/// Reads and verifies a compiled program, as far as a run with these options will look at it; an error is one line.
pub fn load(path: &Path, options: &RunOptions) -> Result<VerifiedProgram, String> {
    let name = path.display();
    let unreadable = |error: io::Error| format!("cannot read '{name}': {}", reason(&error));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(format!("cannot read '{name}': it is a folder; give the .wbc file that walrusc wrote"));
    }
    let file = File::open(path).map_err(unreadable)?;
    let bytes = read_at_most(file, metadata.len(), bytecode::wbc::MAX_FILE_SIZE).map_err(unreadable)?;
    load_bytes(&bytes, options).map_err(|error| format!("'{name}': {error}"))
}

/// As [`load`], of a file that was read already. Facts cost as much to read as all the rest, and a run without reports
/// needs none before something is compiled: refusals lie in a section of their own.
pub fn load_bytes(bytes: &[u8], options: &RunOptions) -> Result<VerifiedProgram, LoadError> {
    let program = load_wanted_parts(bytes, options)?;
    if !options.work.counts() {
        return Ok(program);
    }
    let header = Header::read(bytes).map_err(LoadError::File)?;
    Ok(program.with_sources(header.sources))
}

fn load_wanted_parts(bytes: &[u8], options: &RunOptions) -> Result<VerifiedProgram, LoadError> {
    if options.jit.reports() {
        return facts::load_checking_facts(bytes);
    }
    if options.check_facts {
        return bytecode::load(bytes);
    }
    #[cfg(feature = "jit")]
    if options.compiles() {
        return bytecode::load_with_packed_facts(bytes);
    }
    bytecode::load_wanted(bytes, Wanted::WithoutFacts)
}

/// Runs a program to its end.
pub fn run(program: VerifiedProgram, options: &RunOptions, host: Box<dyn Host>) -> Outcome {
    run_then(program, options, host, |outcome| outcome)
}

/// Runs a program to its end, on a stack of known size. What it came to is given to `end` still on that stack, and
/// while the program's objects and native code exist: a process that ends there need not spend time on freeing them.
pub fn run_then<T>(
    program: VerifiedProgram,
    options: &RunOptions,
    host: Box<dyn Host>,
    end: impl Fn(Outcome) -> T,
) -> T {
    // Changing to another stack takes a fraction of the time that starting a thread does.
    let native_stack = machine::native_stack();
    let work = || {
        stacker::grow(native_stack, || {
            let (outcome, machine) = run_here(program, options, host, native_stack);
            let value = end(outcome);
            drop(machine);
            value
        })
    };
    ending::unless_it_panics(work).unwrap_or_else(|| end(Outcome::of_tool(options, "internal error, see above")))
}

/// What the run came to, and the machine if the program began.
fn run_here(
    program: VerifiedProgram,
    options: &RunOptions,
    host: Box<dyn Host>,
    native_stack: usize,
) -> (Outcome, Option<Vm>) {
    let refused = |message: &str| (Outcome::of_tool(options, message), None);
    reserve::fill(machine::reserve());
    let missing = missing_host_functions(&program, &*host);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return refused(&format!("the program needs functions that nobody offers here: {missing}"));
    }
    let oracle = match options.check_facts.then(|| oracle_of(&program)).transpose() {
        Ok(oracle) => oracle,
        Err(message) => return refused(&message),
    };
    if let Err(message) = make_folders(&options.jit) {
        return refused(&message);
    }
    let work = match WorkWatch::start(&program, options) {
        Ok(work) => work,
        Err(message) => return refused(&message),
    };
    let limits = Limits { max_heap: options.max_heap, native_stack };
    let mut vm = match Vm::new(program, &limits, host) {
        Ok(vm) => vm,
        Err(error) => return refused(&format!("cannot reserve a stack: {error}")),
    };
    vm.heap.set_stress(options.gc_stress);
    vm.heap.set_alloc_stress(options.alloc_stress);
    vm.set_task_stress(options.task_stress);
    if let Some(oracle) = oracle {
        vm.set_oracle(oracle);
    }
    vm.set_counts(options.fuel, options.work.counts());
    let tier = Watch::start(&mut vm, options);
    let result = vm.run_main();
    let flushed = vm.finish();
    let judged = vm.oracle().map(|oracle| format!("{} values agree with their static types\n", oracle.checked()));
    let mut outcome = match (result, flushed) {
        (Err(error), Ok(())) => failed(&mut vm, options, error),
        (Ok(()), Ok(())) => Outcome::new(0, ""),
        (Ok(()), Err(error)) => failed(&mut vm, options, error),
        (Err(error), Err(unwritable)) => failed_twice(&mut vm, options, error, unwritable),
    };
    outcome.message.insert_str(0, &vm.unawaited_failures());
    if let (0, Some(judged)) = (outcome.status, judged) {
        outcome.message.push_str(&judged);
    }
    tier.report(&mut vm, options, &mut outcome);
    if let Some(work) = work {
        work.report(&vm, &options.work, &mut outcome);
    }
    (outcome, Some(vm))
}

/// Says that a report was not written, if it was not.
fn say_unwritten(file: &Path, written: io::Result<()>, outcome: &mut Outcome) {
    let Err(error) = written else { return };
    outcome.report.push_str(&format!("error: cannot write '{}': {}\n", file.display(), reason(&error)));
    // The program's own failure says more.
    outcome.status = if outcome.status == 0 { status::USAGE } else { outcome.status };
}

/// Makes the folders of `--dump` before the program begins.
fn make_folders(settings: &JitSettings) -> Result<(), String> {
    for folder in settings.dump.iter().filter_map(|request| request.folder.as_ref()) {
        let unmakable = |error| format!("cannot make the folder '{}' for --dump: {}", folder.display(), reason(&error));
        std::fs::create_dir_all(folder).map_err(unmakable)?;
    }
    Ok(())
}

/// The functions of `host/` modules that a program imports and its host does not have, each with the number of its
/// arguments.
fn missing_host_functions(program: &VerifiedProgram, host: &dyn Host) -> Vec<String> {
    let name_of = |id| program.strings.get(id).unwrap_or_default();
    let mut missing = Vec::new();
    for (index, module) in program.modules.iter().enumerate() {
        let Some(name) = name_of(module.name).strip_prefix("host/") else { continue };
        let functions = program.functions.iter().filter(|function| function.module.index() == index);
        for function in functions.filter(|function| function.kind == FunctionKind::Plain) {
            let (called, arguments) = (name_of(function.name), usize::from(function.params));
            if !host.offers(name, called, arguments) {
                missing.push(format!("host/{name}.{called} ({arguments} arg(s))"));
            }
        }
    }
    missing
}

/// The judge of a program's facts; an error if it has none, or if they contradict its code.
fn oracle_of(program: &VerifiedProgram) -> Result<Oracle, String> {
    let facts = program.facts.as_ref().ok_or("the program carries no facts: compile it again without --strip")?;
    let types = facts::check::checked_types(program, facts).map_err(|error| error.to_string())?;
    Ok(Oracle::new(types))
}

/// What watches the running program: counters, and the tier if one is built in and wanted.
struct Watch {
    #[cfg(feature = "jit")]
    jit: Option<Rc<jit::Jit>>,
}

impl Watch {
    const NEVER: Thresholds = Thresholds { loops: u32::MAX, functions: u32::MAX };

    #[cfg(feature = "jit")]
    fn start(vm: &mut Vm, options: &RunOptions) -> Watch {
        let settings = &options.jit;
        let compile = options.compiles();
        if !settings.profile || !(compile || settings.reports()) {
            Self::count_without_tier(vm);
            return Watch { jit: None };
        }
        let jit_options = jit::JitOptions {
            tool: options.tool,
            log: settings.log.map(|format| match format {
                ReportFormat::Text => jit::LogFormat::Text,
                ReportFormat::Json => jit::LogFormat::Json,
            }),
            stress_exits: settings.stress.contains(&Stress::Exits),
            judges_facts: match (settings.stress.contains(&Stress::Facts), settings.spoil_facts) {
                (true, false) => Some(jit::Judging::AsProved),
                (true, true) => Some(jit::Judging::Spoilt),
                (false, _) => None,
            },
            shadow: match settings.stress.contains(&Stress::Shadow) {
                true => Some(jit::ShadowLimits::THOROUGH),
                // What it interprets again would be counted again.
                false => (cfg!(debug_assertions) && !options.work.counts()).then_some(jit::ShadowLimits::IN_PASSING),
            },
            spoil_exits: settings.spoil_exits,
            dump: Self::dumps(settings),
            perf_map: settings.perf_map,
            threshold: settings.loop_threshold,
            function_threshold: settings.function_threshold,
            observe_only: !compile,
            wait: settings.wait || settings.audit_verdicts || options.work.counts(),
        };
        if settings.reports() {
            Self::drop_wrong_facts(vm, jit_options.log);
        }
        let tier = Rc::new(jit::Jit::new(vm.program().code.len(), jit_options));
        let thresholds = Thresholds { loops: settings.loop_threshold, functions: settings.function_threshold };
        vm.set_hooks(thresholds, Some(Rc::clone(&tier) as Rc<dyn Tier>));
        Watch { jit: Some(tier) }
    }

    /// The stages that are to be shown.
    #[cfg(feature = "jit")]
    fn dumps(settings: &JitSettings) -> Vec<jit::Dump> {
        let of_request = |request: &DumpRequest| {
            let folder = request.folder.clone();
            let stage = |stage: &DumpStage| match stage {
                DumpStage::Ir => jit::Stage::Ir,
                DumpStage::Clif => jit::Stage::Clif,
                DumpStage::Asm => jit::Stage::Asm,
            };
            let dump = |stage| jit::Dump { stage, folder: folder.clone() };
            request.stages.iter().map(stage).map(dump).collect::<Vec<_>>()
        };
        settings.dump.iter().flat_map(of_request).collect()
    }

    /// Checks the file's facts before a report repeats them. Nothing that runs relies on them, so a run without reports
    /// need not.
    #[cfg(feature = "jit")]
    fn drop_wrong_facts(vm: &mut Vm, log: Option<jit::LogFormat>) {
        if let (Err(error), Some(format)) = (vm.drop_wrong_facts(), log) {
            jit::log_facts_dropped(format, &error);
        }
    }

    #[cfg(not(feature = "jit"))]
    fn start(vm: &mut Vm, _: &RunOptions) -> Watch {
        Self::count_without_tier(vm);
        Watch {}
    }

    fn count_without_tier(vm: &mut Vm) {
        if vm.is_counted() {
            vm.set_hooks(Self::NEVER, None);
        }
    }

    /// Adds the reports that were asked for.
    #[cfg(feature = "jit")]
    fn report(&self, vm: &mut Vm, options: &RunOptions, outcome: &mut Outcome) {
        let Some(jit) = &self.jit else { return };
        if !options.jit.audit_verdicts && options.jit.stats.is_none() {
            return;
        }
        jit.finish(vm);
        let statistics = jit.statistics(vm);
        if options.jit.audit_verdicts {
            let disagreements = statistics.disagreements();
            for line in &disagreements {
                outcome.report.push_str(&format!("verdict: {line}\n"));
            }
            match disagreements.is_empty() {
                true => outcome.report.push_str(&statistics.agreement()),
                false => outcome.status = status::PROGRAM,
            }
        }
        let Some(StatsReport { format, file }) = &options.jit.stats else { return };
        let text = match format {
            ReportFormat::Text => statistics.text(),
            ReportFormat::Json => statistics.json(),
        };
        let Some(file) = file else { return outcome.report.push_str(&text) };
        say_unwritten(file, std::fs::write(file, text), outcome);
    }

    #[cfg(not(feature = "jit"))]
    fn report(&self, _vm: &mut Vm, _options: &RunOptions, _outcome: &mut Outcome) {}
}

/// The program's own error comes first; that its output was lost besides is said behind it.
fn failed_twice(vm: &mut Vm, options: &RunOptions, error: Error, unwritable: Error) -> Outcome {
    let had_its_say = !matches!(error.kind(), ErrorKind::Exit(_));
    let (mut outcome, lost) = (failed(vm, options, error), failed(vm, options, unwritable));
    if !had_its_say && lost.status != 0 {
        return lost;
    }
    outcome.message.push_str(&lost.message);
    outcome
}

fn failed(vm: &mut Vm, options: &RunOptions, error: Error) -> Outcome {
    let headline = match error.into_kind() {
        ErrorKind::Exit(status) => return Outcome::new(status, ""),
        ErrorKind::Unwritable(reason) => {
            return Outcome::of_tool(options, &format!("cannot write the output: {reason}"));
        }
        ErrorKind::Thrown(value) => match vm.text(value) {
            Ok(text) => format!("Thrown value: {text}"),
            Err(_) => "Thrown value: (a value nested too deeply to print)".into(),
        },
        ErrorKind::Message(message) | ErrorKind::Fatal(message) => message,
        ErrorKind::NeedsMemory(_) => "Out of memory".into(),
        ErrorKind::Suspend(_) | ErrorKind::Cancelled => unreachable!("these end at the task that they are about"),
    };
    Outcome::new(status::PROGRAM, format!("{headline}\n{}", vm.take_trace()))
}
