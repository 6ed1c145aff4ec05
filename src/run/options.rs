//! How to run a program: what embedders set, and the flags that `walrus-run` and `walrus` have in common, are one and
//! the same.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::runtime::hooks::Thresholds;
use crate::runtime::host::Capability;

const WALRUS_RUN: &str = "walrus-run";

/// Headings of `--help`, the flags for testing last.
const LIMITS: &str = "Limits";
const NATIVE: &str = "Native code";
const REPORTS: &str = "Reports";
const TESTING: &str = "Testing";

/// How to run a program.
#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// What the program that runs others is called, in its own errors.
    #[arg(skip = WALRUS_RUN)]
    pub tool: &'static str,

    /// Most memory the program's values may take, such as 512M or 4G
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = LIMITS)]
    #[arg(default_value_t = super::machine::default_max_heap(), hide_default_value = true)]
    pub max_heap: usize,

    /// Most back edges and calls the program may make, in native code too
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub fuel: Option<u64>,

    /// What the program may not do
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = LIMITS)]
    pub forbid: Vec<Permission>,

    /// What it may do all the same; without --forbid, nothing else
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = LIMITS)]
    pub permit: Vec<Permission>,

    /// Native code, profile, and reports about them.
    #[command(flatten)]
    pub jit: JitSettings,

    /// Reports of work and the gate that they make.
    #[command(flatten)]
    pub work: WorkSettings,

    /// Collect garbage at every allocation
    #[arg(long, help_heading = TESTING)]
    pub gc_stress: bool,

    /// Refuse every request for memory once before it is granted
    #[arg(long, help_heading = TESTING)]
    pub alloc_stress: bool,

    /// Suspend tasks wherever they need not wait
    #[arg(long, help_heading = TESTING)]
    pub task_stress: bool,

    /// Simulate clocks and network: time passes only while all tasks wait, and the network reaches this program alone;
    /// SEED varies it, 0 does not
    #[arg(long, value_name = "SEED", help_heading = TESTING)]
    pub simulate: Option<u64>,

    /// Compare every value with its static type, and stop where one is wrong
    #[arg(long, conflicts_with = "fuel", help_heading = TESTING)]
    pub check_facts: bool,
}

/// What `--forbid` and `--permit` name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Permission {
    /// std/fs
    Fs,
    /// std/net, and of std/http what uses it
    Net,
    /// std/process
    Process,
    /// sys.env_get
    Env,
    /// std/io; println and core.input stay
    Io,
    /// All of these
    All,
}

impl Permission {
    fn covers(self, capability: Capability) -> bool {
        match self {
            Permission::Fs => capability == Capability::Fs,
            Permission::Net => capability == Capability::Net,
            Permission::Process => capability == Capability::Process,
            Permission::Env => capability == Capability::Env,
            Permission::Io => capability == Capability::Io,
            Permission::All => true,
        }
    }
}

impl RunOptions {
    /// The parts of the library that are kept from the program.
    pub fn forbidden(&self) -> Vec<Capability> {
        let covered = |list: &[Permission], capability| list.iter().any(|entry| entry.covers(capability));
        let all_else = self.forbid.is_empty() && !self.permit.is_empty();
        let is_forbidden = |capability: &Capability| {
            (all_else || covered(&self.forbid, *capability)) && !covered(&self.permit, *capability)
        };
        Capability::ALL.into_iter().filter(is_forbidden).collect()
    }
}

/// What is asked of the tier above the interpreter. A build without it must refuse `compile` ([`super::JIT_BUILT_IN`]).
#[derive(Args, Clone, Debug)]
pub struct JitSettings {
    /// Compile hot loops. `walrus-run` asks for it with a flag and `walrus` does without one, so it is no flag here.
    #[arg(skip)]
    pub compile: bool,

    /// No counting and no type feedback
    #[arg(long = "no-jit-profile", action = ArgAction::SetFalse, help_heading = NATIVE)]
    pub profile: bool,

    /// Iterations after which a loop is hot
    #[arg(long = "jit-threshold", value_name = "N", help_heading = NATIVE)]
    #[arg(default_value_t = Thresholds::DEFAULT.loops, value_parser = clap::value_parser!(u32).range(1..))]
    pub loop_threshold: u32,

    /// Calls after which a function is hot
    #[arg(long = "jit-function-threshold", value_name = "N", help_heading = NATIVE)]
    #[arg(default_value_t = Thresholds::DEFAULT.functions, value_parser = clap::value_parser!(u32).range(1..))]
    pub function_threshold: u32,

    /// Wait for each compilation instead of running on beside it: slower, but each run does the same
    #[arg(long = "jit-wait", help_heading = NATIVE)]
    pub wait: bool,

    /// Write a map of native code for Linux perf
    #[arg(long, help_heading = NATIVE)]
    pub perf_map: bool,

    /// Print statistics about hot code (text or json) at the end, to stderr or into a file
    #[arg(long = "jit-stats", value_name = "FORMAT[:FILE]", value_parser = StatsReport::parse, help_heading = REPORTS)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub stats: Option<StatsReport>,

    /// Log what is compiled, refused and left, to stderr
    #[arg(long = "jit-log", value_enum, value_name = "FORMAT", help_heading = REPORTS)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub log: Option<ReportFormat>,

    /// Compare every static verdict with what happened; status 1 if one is wrong
    #[arg(long, help_heading = REPORTS)]
    pub audit_verdicts: bool,

    /// Show stages of compilation to native code (ir, clif, asm; several with commas), on stderr or one file each in a
    /// folder
    #[arg(long, value_name = "STAGES[:FOLDER]", value_parser = DumpRequest::parse, help_heading = REPORTS)]
    pub dump: Vec<DumpRequest>,

    /// Make native code fail where it could, and compare what it leaves
    #[arg(long = "jit-stress", value_enum, value_name = "WHAT", value_delimiter = ',', help_heading = TESTING)]
    pub stress: Vec<Stress>,

    /// Make native code leave wrong state behind, to test the comparison.
    #[arg(skip)]
    pub spoil_exits: bool,

    /// Hold what was proved of ints to be wrong, to test `--jit-stress facts`.
    #[arg(skip)]
    pub spoil_facts: bool,
}

/// What is asked of counts of work.
#[derive(Args, Clone, Default, Debug)]
pub struct WorkSettings {
    /// Count the work of each loop and function exactly, the same in each run; JSON on stderr or in a file. Native code
    /// is made as with --jit-wait
    #[arg(long = "work-report", value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = REPORTS)]
    #[arg(conflicts_with = "check_facts")]
    pub report: Option<Option<PathBuf>>,

    /// Compare with the work report in a file: more work in any region is listed, and the status is 1
    #[arg(long = "work-gate", value_name = "FILE", conflicts_with = "check_facts", help_heading = REPORTS)]
    pub gate: Option<PathBuf>,

    /// With --work-gate: how much more work is let through
    #[arg(long = "work-slack", value_name = "PERCENT", default_value_t = 0, requires = "gate", help_heading = REPORTS)]
    pub slack: u32,

    /// With --work-gate: write its file anew instead
    #[arg(long, requires = "gate", help_heading = REPORTS)]
    pub bless: bool,
}

impl WorkSettings {
    /// Whether work is to be counted.
    pub fn counts(&self) -> bool {
        self.report.is_some() || self.gate.is_some()
    }
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum ReportFormat {
    Text,
    Json,
}

/// Statistics that were asked for, and the file that they go into instead of stderr.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatsReport {
    pub format: ReportFormat,
    pub file: Option<PathBuf>,
}

impl StatsReport {
    /// From `text`, `json`, either with `:FILE` behind it, or `:FILE` alone.
    fn parse(value: &str) -> Result<StatsReport, String> {
        let (format, file) = value.split_once(':').map_or((value, None), |(format, file)| (format, Some(file)));
        let format = match format {
            "text" | "" if file != Some("") && !value.is_empty() => ReportFormat::Text,
            "json" if file != Some("") => ReportFormat::Json,
            _ => return Err("give `text` or `json`, and `:FILE` behind it for a file".to_string()),
        };
        Ok(StatsReport { format, file: file.map(PathBuf::from) })
    }
}

/// A stage of compilation to native code that can be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpStage {
    /// The typed SSA of a region
    Ir,
    Clif,
    Asm,
}

/// Stages that are to be shown, and the folder that they go into instead of stderr.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DumpRequest {
    pub stages: Vec<DumpStage>,
    pub folder: Option<PathBuf>,
}

impl DumpRequest {
    /// From names of stages with commas between, and perhaps `:FOLDER`.
    fn parse(value: &str) -> Result<DumpRequest, String> {
        let (stages, folder) = value.split_once(':').map_or((value, None), |(stages, folder)| (stages, Some(folder)));
        if folder == Some("") {
            return Err("name a folder behind the colon".to_string());
        }
        let stage = |name: &str| match name {
            // What it was called.
            "ir" | "region" => Ok(DumpStage::Ir),
            "clif" => Ok(DumpStage::Clif),
            "asm" => Ok(DumpStage::Asm),
            _ => Err(format!(
                "there is no stage '{name}'; give `ir`, `clif` or `asm`, and `:FOLDER` behind it for files"
            )),
        };
        let stages = stages.split(',').map(stage).collect::<Result<_, _>>()?;
        Ok(DumpRequest { stages, folder: folder.map(PathBuf::from) })
    }
}

/// What native code is put through.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Stress {
    /// Every guard fails once
    Exits,
    /// What native code leaves behind is compared with what interpreting does. Debug builds do some of it anyway
    Shadow,
    /// What was proved of types is tested all the same, and a value of another type is an internal error
    Facts,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            tool: WALRUS_RUN,
            max_heap: super::machine::default_max_heap(),
            forbid: Vec::new(),
            permit: Vec::new(),
            fuel: None,
            jit: JitSettings::default(),
            work: WorkSettings::default(),
            gc_stress: false,
            alloc_stress: false,
            task_stress: false,
            simulate: None,
            check_facts: false,
        }
    }
}

impl Default for JitSettings {
    fn default() -> Self {
        JitSettings {
            compile: false,
            profile: true,
            loop_threshold: Thresholds::DEFAULT.loops,
            function_threshold: Thresholds::DEFAULT.functions,
            stats: None,
            audit_verdicts: false,
            log: None,
            stress: Vec::new(),
            spoil_exits: false,
            spoil_facts: false,
            perf_map: false,
            wait: false,
            dump: Vec::new(),
        }
    }
}

impl JitSettings {
    /// The first of the flags given that say something only where code is compiled, if nothing is to be.
    pub fn wants_native_code(&self) -> Option<&'static str> {
        let wants = [
            (self.audit_verdicts, "--audit-verdicts"),
            (!self.dump.is_empty(), "--dump"),
            (self.perf_map, "--perf-map"),
        ];
        wants.into_iter().find(|(given, _)| *given && !self.compile).map(|(_, flag)| flag)
    }

    /// Whether anything is to be said of what gets hot and native.
    pub(super) fn reports(&self) -> bool {
        self.stats.is_some() || self.log.is_some() || self.audit_verdicts
    }
}

/// A number of bytes, optionally followed by K, M or G (powers of 1024).
fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("'{text}' is not a size; write a number of bytes, or one with K, M or G behind it");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err(wrong()),
    };
    let number: usize = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}
