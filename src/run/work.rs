//! Reports of work and the gate that they make: `--work-report`, `--work-gate`.
//!
//! A report has what a run has done by region, as counts that depend on the program, its input and the flags alone. A
//! gate is such a report from before: a run that does more work in any region is at fault.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::options::{JitSettings, RunOptions, Stress, WorkSettings};
use super::{Outcome, say_unwritten, status};
use crate::bytecode::VerifiedProgram;
use crate::runtime::counts::Tally;
use crate::runtime::regions::{Entry, LocatedRegion, regions};
use crate::runtime::vm::Vm;
use crate::source::reason;

/// The version of the document; fields may be added to it.
const VERSION: u32 = 1;

/// How often native code was left, by reason.
type Exits = BTreeMap<String, u64>;

/// A report: see `docs/programs.md`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct WorkReport {
    version: u32,
    /// Hash of the sources.
    program: String,
    /// The name of the main file.
    main: String,
    /// The flags that the counts depend on.
    flags: String,
    total: Total,
    regions: Vec<RegionWork>,
}

#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
struct Total {
    interpreted: u64,
    iterations: u64,
    calls: u64,
    steps: u64,
    allocations: u64,
    allocated_bytes: u64,
    exits: Exits,
}

/// What was done in a loop or function, but not in the loops inside.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
struct RegionWork {
    id: usize,
    kind: String,
    function: Option<String>,
    /// Its place among the regions of this kind in functions of this name and file.
    ordinal: usize,
    file: String,
    line: usize,
    column: usize,
    /// Instructions.
    interpreted: u64,
    /// Jumps back to the head of a loop, wherever they ran; and those of them in native code.
    iterations: u64,
    native_iterations: u64,
    /// Calls of a function, the same.
    calls: u64,
    steps: u64,
    allocations: u64,
    exits: Exits,
    #[serde(default)]
    native_calls: u64,
}

/// The flags that counts depend on, of those that were given.
fn flags_of(options: &RunOptions) -> String {
    let (jit, usual) = (&options.jit, JitSettings::default());
    let mut flags = Vec::new();
    let mut add = |given: bool, flag: String| {
        if given {
            flags.push(flag);
        }
    };
    add(jit.compile, "--jit".into());
    add(!jit.profile, "--no-jit-profile".into());
    add(jit.loop_threshold != usual.loop_threshold, format!("--jit-threshold {}", jit.loop_threshold));
    add(
        jit.function_threshold != usual.function_threshold,
        format!("--jit-function-threshold {}", jit.function_threshold),
    );
    for stress in Stress::value_variants() {
        let name = stress.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
        add(jit.stress.contains(stress), format!("--jit-stress {name}"));
    }
    add(options.gc_stress, "--gc-stress".into());
    add(options.alloc_stress, "--alloc-stress".into());
    add(options.task_stress, "--task-stress".into());
    add(options.simulate.is_some(), format!("--simulate {}", options.simulate.unwrap_or(0)));
    add(options.fuel.is_some(), format!("--fuel {}", options.fuel.unwrap_or(0)));
    flags.join(" ")
}

/// Work that is counted, for a report or a gate.
pub struct WorkWatch {
    subject: Subject,
    /// What it is held against.
    gate: Option<WorkReport>,
}

impl WorkWatch {
    /// What has to be known before the program runs, if its work is counted; an error if its gate cannot be read.
    pub fn start(program: &VerifiedProgram, options: &RunOptions) -> Result<Option<WorkWatch>, String> {
        if !options.work.counts() {
            return Ok(None);
        }
        let subject = Subject::new(program, options);
        let gate = options.work.gate.as_ref().filter(|_| !options.work.bless);
        let gate = gate.map(|path| subject.read_gate(path)).transpose()?;
        Ok(Some(WorkWatch { subject, gate }))
    }

    /// Adds the report, and compares it with the gate.
    pub fn report(self, vm: &Vm, settings: &WorkSettings, outcome: &mut Outcome) {
        let Some(tally) = vm.tally() else { return };
        let report = self.subject.report(vm, &tally);
        let text = report.json();
        match &settings.report {
            Some(Some(path)) => say_unwritten(path, write_whole(path, &text), outcome),
            Some(None) => outcome.report.push_str(&text),
            None => {}
        }
        match &settings.gate {
            Some(path) if settings.bless && outcome.status == 0 => {
                say_unwritten(path, write_whole(path, &text), outcome)
            }
            Some(path) if settings.bless => {
                let left = format!("work: '{}' was not written, as the program has failed\n", path.display());
                outcome.report.push_str(&left);
            }
            _ => {}
        }
        if let (Some(gate), Some(path)) = (&self.gate, &settings.gate)
            && gate.flags != report.flags
        {
            let shown = |flags: &str| if flags.is_empty() { "no flags".to_owned() } else { format!("'{flags}'") };
            let (then, now) = (shown(&gate.flags), shown(&report.flags));
            let path = path.display();
            outcome.report.push_str(&format!(
                "work: note: '{path}' is of a run with {then}, and this one has {now}: counts depend on them\n"
            ));
        }
        let more = self.gate.map_or(Vec::new(), |gate| report.more_than(&gate, settings.slack));
        for line in &more {
            outcome.report.push_str(&format!("work: {line}\n"));
        }
        if !more.is_empty() && outcome.status == 0 {
            outcome.status = status::PROGRAM;
        }
    }
}

/// What a report says of a program before it has run.
struct Subject {
    program: String,
    main: String,
    flags: String,
    regions: Vec<RegionWork>,
    places: Vec<LocatedRegion>,
}

impl Subject {
    fn new(program: &VerifiedProgram, options: &RunOptions) -> Subject {
        let places = regions(program);
        let mut known: HashMap<(String, Option<String>, bool), usize> = HashMap::new();
        let region = |(id, place): (usize, &LocatedRegion)| {
            let ordinal = known.entry((place.file.clone(), place.function.clone(), place.is_loop())).or_insert(0);
            *ordinal += 1;
            RegionWork {
                id,
                kind: if place.is_loop() { "loop" } else { "function" }.to_owned(),
                function: place.function.clone(),
                ordinal: *ordinal - 1,
                file: place.file.clone(),
                line: place.line,
                column: place.column,
                ..RegionWork::default()
            }
        };
        let regions = places.iter().enumerate().map(region).collect();
        let main = program.debug.as_ref().and_then(|debug| debug.files.first()).map(|file| file.name.clone());
        Subject {
            program: blake3::Hash::from_bytes(*program.sources()).to_hex().to_string(),
            main: main.unwrap_or_default(),
            flags: flags_of(options),
            regions,
            places,
        }
    }

    /// The report of a run that has ended.
    fn report(self, vm: &Vm, tally: &Tally) -> WorkReport {
        let Subject { program, main, flags, mut regions, places } = self;
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let all = |counts: &[[u64; 2]]| counts.iter().map(|count| count[0]).sum::<u64>();
        let mut total = Total {
            interpreted: sum(&tally.executed),
            iterations: all(&tally.back_edges),
            calls: all(&tally.calls),
            steps: sum(&tally.steps),
            allocations: tally.all_objects,
            allocated_bytes: tally.all_bytes,
            exits: Exits::new(),
        };
        let mut numbers: HashMap<Entry, usize> = HashMap::new();
        for (id, place) in places.iter().enumerate() {
            numbers.insert(place.entry, id);
            let region = &mut regions[id];
            if place.is_loop() {
                [region.iterations, region.native_iterations] = tally.back_edges[place.entry.pc() as usize];
            } else {
                [region.calls, region.native_calls] = tally.calls[place.func.index()];
            }
        }
        for (pc, id) in region_of_each(vm, &places).into_iter().enumerate() {
            let Some(id) = id else { continue };
            regions[id].interpreted += tally.executed[pc];
            regions[id].steps += tally.steps[pc];
            regions[id].allocations += tally.objects[pc];
        }
        for &(entry, reason, count) in &tally.exits {
            *total.exits.entry(reason.to_owned()).or_insert(0) += count;
            if let Some(&id) = numbers.get(&entry) {
                *regions[id].exits.entry(reason.to_owned()).or_insert(0) += count;
            }
        }
        WorkReport { version: VERSION, program, main, flags, total, regions }
    }

    /// Reads a report that a run of this program is to be held against; an error if it is none.
    fn read_gate(&self, path: &Path) -> Result<WorkReport, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let remedy = match error.kind() {
                std::io::ErrorKind::NotFound => ": add --bless to make it",
                _ => "",
            };
            format!("cannot read '{name}' for --work-gate: {}{remedy}", reason(&error))
        })?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| format!("'{name}' is no work report: it is not JSON ({error}); --bless writes one"))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                return Err(format!(
                    "'{name}' is a work report of version {version}, and this program reads {VERSION}: --bless writes one anew"
                ));
            }
            None => return Err(format!("'{name}' is no work report: it has no \"version\"; --bless writes one")),
        }
        let gate: WorkReport = serde_json::from_value(value)
            .map_err(|error| format!("'{name}' is no work report: {error}; --bless writes one"))?;
        let keys: Vec<_> = self.regions.iter().map(RegionWork::key).collect();
        let knows_none = !gate.regions.is_empty()
            && !keys.is_empty()
            && !gate.regions.iter().any(|region| keys.contains(&region.key()));
        if gate.main != self.main || (knows_none && gate.program != self.program) {
            return Err(format!(
                "'{name}' is the work report of another program, '{}', and this is '{}': --bless writes one for this",
                gate.main, self.main
            ));
        }
        Ok(gate)
    }
}

/// By index into the program's code, the innermost region that an instruction belongs to.
fn region_of_each(vm: &Vm, places: &[LocatedRegion]) -> Vec<Option<usize>> {
    let program = vm.program();
    let mut of_each = vec![None; program.code.len()];
    for (id, place) in places.iter().enumerate().filter(|(_, place)| !place.is_loop()) {
        of_each[program.functions[place.func.index()].code.range()].fill(Some(id));
    }
    // An inner loop follows the one around it.
    for (id, place) in places.iter().enumerate().filter(|(_, place)| place.is_loop()) {
        of_each[place.entry.pc() as usize..place.end as usize].fill(Some(id));
    }
    of_each
}

impl RegionWork {
    /// What makes it the same region in another version of the program.
    fn key(&self) -> (&str, &str, Option<&str>, usize) {
        (&self.file, &self.kind, self.function.as_deref(), self.ordinal)
    }

    fn name(&self) -> String {
        let within = self.function.as_deref().map_or(String::new(), |name| match self.kind.as_str() {
            "loop" => format!(" in {name}"),
            _ => format!(" {name}"),
        });
        format!("{}:{}:{}: {}{within}", self.file, self.line, self.column, self.kind)
    }

    fn all_exits(&self) -> u64 {
        self.exits.values().sum()
    }

    fn is_native(&self) -> bool {
        self.native_iterations > 0 || self.native_calls > 0
    }
}

impl WorkReport {
    /// The document: a line for each region, so that versions of it can be compared as texts.
    fn json(&self) -> String {
        let line = |value: serde_json::Result<String>| value.unwrap_or_default();
        let mut text = format!(
            "{{\"version\": {}, \"program\": {}, \"flags\": {}, \"main\": {},\n \"total\": {},\n \"regions\": [",
            self.version,
            line(serde_json::to_string(&self.program)),
            line(serde_json::to_string(&self.flags)),
            line(serde_json::to_string(&self.main)),
            line(serde_json::to_string(&self.total)),
        );
        for (index, region) in self.regions.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(text, "{comma}\n  {}", line(serde_json::to_string(region)));
        }
        text.push_str("]}\n");
        text
    }

    /// What of a run's work is not in any region.
    fn rest(&self) -> RegionWork {
        let sum = |count: fn(&RegionWork) -> u64| self.regions.iter().map(count).sum::<u64>();
        let less = |all: u64, count: fn(&RegionWork) -> u64| all.saturating_sub(sum(count));
        RegionWork {
            interpreted: less(self.total.interpreted, |region| region.interpreted),
            steps: less(self.total.steps, |region| region.steps),
            allocations: less(self.total.allocations, |region| region.allocations),
            calls: less(self.total.calls, |region| region.calls),
            ..RegionWork::default()
        }
    }

    /// Where this run did more work than one before, by more than so many parts of a hundred: a line for each kind.
    fn more_than(&self, before: &WorkReport, slack: u32) -> Vec<String> {
        let known: HashMap<_, &RegionWork> = before.regions.iter().map(|region| (region.key(), region)).collect();
        let none = RegionWork::default();
        let mut lines = Vec::new();
        for region in &self.regions {
            let old = known.get(&region.key()).copied();
            let name = region.name();
            region.compare(old.unwrap_or(&none), old.is_none(), &name, slack, &mut lines);
        }
        let outside = format!("{}: outside of functions and loops", self.main);
        self.rest().compare(&before.rest(), false, &outside, slack, &mut lines);
        lines
    }
}

impl RegionWork {
    /// Adds a line for each kind of work of which there is more than before.
    fn compare(&self, old: &RegionWork, is_new: bool, name: &str, slack: u32, lines: &mut Vec<String>) {
        let allowed = |count: u64| (u128::from(count) * (100 + u128::from(slack)) / 100) as u64;
        // What native code has the run time do, and leaves to the interpreter, was interpreted before.
        let runs_through = |region: &RegionWork| region.interpreted + region.steps + region.all_exits();
        let became_native =
            self.is_native() && !old.is_native() && !is_new && runs_through(self) <= allowed(old.interpreted);
        let mut compare = |what: &str, now: u64, before: u64| {
            if now > allowed(before) {
                let was = match is_new {
                    true => "the region is new".to_owned(),
                    false => format!("{before} before"),
                };
                lines.push(format!("{name}: {now} {what}, {was}"));
            }
        };
        compare("instructions interpreted", self.interpreted, old.interpreted);
        compare("iterations", self.iterations, old.iterations);
        compare("calls", self.calls, old.calls);
        compare("allocations", self.allocations, old.allocations);
        if became_native {
            return;
        }
        compare("steps", self.steps, old.steps);
        for (reason, &count) in &self.exits {
            compare(&format!("exits ({reason})"), count, old.exits.get(reason).copied().unwrap_or(0));
        }
    }
}

/// Writes a file: whoever looks sees the old one or the whole new one.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link; a device or pipe is written to.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if std::fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return std::fs::write(&target, text);
    }
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &target));
    written.inspect_err(|_| _ = std::fs::remove_file(&unfinished))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(change: impl FnOnce(&mut RegionWork)) -> WorkReport {
        let mut region = RegionWork {
            kind: "loop".into(),
            function: Some("f".into()),
            file: "main.walrus".into(),
            line: 3,
            column: 5,
            interpreted: 1000,
            iterations: 100,
            ..RegionWork::default()
        };
        change(&mut region);
        let total = Total { interpreted: region.interpreted, ..Total::default() };
        let main = "main.walrus".to_owned();
        WorkReport { version: 1, program: String::new(), main, flags: String::new(), total, regions: vec![region] }
    }

    #[test]
    fn more_work_of_any_kind_is_told_and_less_is_not() {
        let before = report(|_| {});
        assert!(before.more_than(&before, 0).is_empty());
        type Change = fn(&mut RegionWork);
        let changes: [(Change, &str); 5] = [
            (|region| region.interpreted = 1001, "1001 instructions interpreted, 1000 before"),
            (|region| region.iterations = 101, "101 iterations, 100 before"),
            (|region| region.steps = 1, "1 steps, 0 before"),
            (|region| region.allocations = 2, "2 allocations, 0 before"),
            (|region| region.exits = [("type".to_owned(), 3)].into(), "3 exits (type), 0 before"),
        ];
        for (change, what) in changes {
            let after = report(change);
            let lines = after.more_than(&before, 0);
            assert_eq!(lines, [format!("main.walrus:3:5: loop in f: {what}")]);
            assert!(before.more_than(&after, 0).is_empty(), "{what}");
        }
        let after = report(|region| region.interpreted = 1100);
        assert!(after.more_than(&before, 10).is_empty() && after.more_than(&before, 9).len() == 1);
    }

    #[test]
    fn lines_may_move_and_loops_become_native() {
        let before = report(|_| {});
        let native = |region: &mut RegionWork| {
            (region.line, region.interpreted, region.native_iterations, region.steps) = (70, 10, 90, 90);
            region.exits.insert("unseen".into(), 1);
        };
        assert!(report(native).more_than(&before, 0).is_empty());
        // And back.
        let lines = before.more_than(&report(native), 0);
        assert_eq!(lines, ["main.walrus:3:5: loop in f: 1000 instructions interpreted, 10 before"]);
        let renamed = report(|region| region.function = Some("g".into()));
        assert_eq!(renamed.more_than(&before, 0).len(), 2, "a new region's work is more work");
    }
}
