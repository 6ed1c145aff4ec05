//! What `--jit-stats` says.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use super::log::{quoted, source_place};
use super::static_types::StaticTypes;
use super::tier::Jit;
use super::tier::unit::{Phase, Unit};
use super::translate::Refusal;
use crate::bytecode::facts::{Reason, Region, RegionFacts, Verdict};
use crate::bytecode::{FuncId, Program};
use crate::runtime::regions::{self, Entry};
use crate::runtime::vm::Vm;

struct RegionStats {
    id: usize,
    is_loop: bool,
    function: Option<String>,
    file: String,
    line: usize,
    column: usize,
    verdict: Option<Verdict>,
    /// Why walrusc refuses it.
    reason: Option<Reason>,
    count: u64,
    compiled: u32,
    entered: u64,
    exits: u64,
    polymorphic: bool,
    phase: Phase,
    /// The region whose native code runs this one, which has none of its own.
    inside: Option<usize>,
    /// Places in its newest native code that have the runtime execute one instruction.
    steps: usize,
    /// Those of all its native code of which walrusc's cost lines are silent: place and operation.
    untold: Vec<String>,
}

impl RegionStats {
    /// How it runs, for people.
    fn what_became_of_it(&self) -> String {
        if let Some(outer) = self.inside {
            return format!("native inside {outer}");
        }
        if self.compiled > 0 && self.refused().is_none() {
            let steps = if self.steps > 0 { format!("  steps {}", self.steps) } else { String::new() };
            return format!("native {}x  entered {}x  exits {}{steps}", self.compiled, self.entered, self.exits);
        }
        match (self.phase.why(), self.reason) {
            (_, Some(reason)) => format!("interpreted: {} {}", reason.code(), reason.text()),
            (Some((code, text)), None) => format!("interpreted: {code} {text}"),
            (None, None) => "interpreted".to_owned(),
        }
    }

    fn refused(&self) -> Option<Refusal> {
        if let Phase::Refused(refusal) = self.phase { Some(refusal) } else { None }
    }

    /// The phase as reported: what runs as part of native code is native.
    fn phase(&self) -> Phase {
        if self.inside.is_some() { Phase::Native } else { self.phase }
    }
}

/// Everything the statistics are made of, taken when the program has ended.
pub struct Statistics {
    regions: Vec<RegionStats>,
    hot_loops: usize,
    hot_functions: usize,
    observed: usize,
    monomorphic: usize,
    compile_ms: f64,
    code_bytes: usize,
    /// Exits compared with the shadow interpreter, and exits passed over by it.
    shadow: Option<(u64, u64)>,
}

impl Jit {
    /// Takes the statistics.
    pub fn statistics(&self, vm: &Vm) -> Statistics {
        let program = vm.program();
        let state = self.state();
        let facts = program.facts.as_ref();
        let places = regions::regions(program);
        let entries: Vec<Entry> = places.iter().map(|place| place.entry).collect();
        let inside = regions_inside(program, &state.units, &entries);
        let mut regions = Vec::new();
        for (id, place) in places.into_iter().enumerate() {
            let entry = place.entry;
            let unit = state.units.get(&entry);
            let known = facts.and_then(|facts| facts.of(place.region));
            let has_code = unit.is_some_and(Unit::is_native);
            regions.push(RegionStats {
                id,
                is_loop: place.is_loop(),
                function: place.function,
                file: place.file,
                line: place.line,
                column: place.column,
                verdict: known.map(|facts| facts.verdict),
                reason: known.and_then(static_refusal),
                count: vm.times_counted(entry.pc()),
                compiled: unit.map_or(0, |unit| unit.compiled),
                entered: unit.map_or(0, |unit| unit.residency.entered()),
                exits: unit.map_or(0, |unit| unit.exits),
                polymorphic: unit.is_some_and(|unit| unit.is_polymorphic),
                phase: unit.map_or(Phase::Cold, Unit::phase),
                inside: inside[id].filter(|_| !has_code),
                steps: unit.and_then(|unit| unit.versions.first()).map_or(0, |version| version.contents.steps.len()),
                untold: unit.map_or(Vec::new(), |unit| {
                    let is_conditional = known.is_some_and(|facts| facts.verdict == Verdict::Conditional);
                    untold_steps(program, state.types(), unit, is_conditional)
                }),
            });
        }
        let (observed, monomorphic) = self.profile.borrow().counts();
        Statistics {
            hot_loops: state.units.keys().filter(|entry| matches!(entry, Entry::Loop(_))).count(),
            hot_functions: state.units.keys().filter(|entry| matches!(entry, Entry::Function(_))).count(),
            observed,
            monomorphic,
            compile_ms: state.compile_time.as_secs_f64() * 1e3,
            code_bytes: state.code_bytes,
            shadow: self.shadow.as_ref().map(|shadow| shadow.counts()),
            regions,
        }
    }
}

/// By region, another whose native code has it in it.
fn regions_inside(program: &Program, units: &FxHashMap<Entry, Unit>, entries: &[Entry]) -> Vec<Option<usize>> {
    let numbers: FxHashMap<Entry, usize> = entries.iter().enumerate().map(|(id, entry)| (*entry, id)).collect();
    let mut inside = vec![None; entries.len()];
    for (id, entry) in entries.iter().enumerate() {
        let Some(version) = units.get(entry).filter(|unit| unit.is_native()).and_then(|unit| unit.versions.first())
        else {
            continue;
        };
        let loops = version.contents.loops.iter().map(|&header| Entry::Loop(header));
        let start = |func: &FuncId| Entry::of(program, Region::Function(*func));
        for part in loops.chain(version.contents.functions.iter().map(start)).filter(|part| part != entry) {
            if let Some(&part) = numbers.get(&part) {
                inside[part].get_or_insert(id);
            }
        }
    }
    inside
}

/// The steps in a unit's native code that the table of native forms does not tell of, by the types in the file.
fn untold_steps(program: &Program, types: Option<&StaticTypes>, unit: &Unit, is_conditional: bool) -> Vec<String> {
    let Some(types) = types else { return Vec::new() };
    let mut pcs: Vec<u32> = unit.versions.iter().flat_map(|version| &version.contents.steps).copied().collect();
    pcs.sort_unstable();
    pcs.dedup();
    let mut untold = Vec::new();
    for (index, function) in program.functions.iter().enumerate() {
        let code = function.code.range();
        let own: Vec<u32> = pcs.iter().copied().filter(|&pc| code.contains(&(pc as usize))).collect();
        if !own.is_empty() {
            let found = types.not_steps(program, FuncId(index as u32), &own, is_conditional);
            untold.extend(found.into_iter().map(|(pc, words)| format!("{}: {words}", place_of_code(program, pc))));
        }
    }
    untold
}

/// The place of an instruction in the source.
fn place_of_code(program: &Program, pc: u32) -> String {
    let found = program.debug.as_ref().and_then(|debug| {
        let after = debug.lines.partition_point(|line| line.pc <= pc);
        let span = debug.lines[after.checked_sub(1)?].span;
        source_place(program, span.file.0, span.lo)
    });
    found.map_or(format!("pc {pc}"), |(file, line, column)| format!("{file}:{line}:{column}"))
}

fn static_refusal(facts: &RegionFacts) -> Option<Reason> {
    facts.reason.map(|refusal| refusal.reason)
}

impl Statistics {
    fn compiled(&self) -> u32 {
        self.regions.iter().map(|region| region.compiled).sum()
    }

    fn exits(&self) -> u64 {
        self.regions.iter().map(|region| region.exits).sum()
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let mut out = String::from("Hot-spot Statistics:\n");
        let tracked = self.regions.iter().filter(|region| region.count > 0).count();
        let compiled_regions = self.regions.iter().filter(|region| region.compiled > 0).count();
        let _ = writeln!(out, "  Total tracked regions: {tracked}");
        let _ = writeln!(out, "  Hot loops: {}", self.hot_loops);
        let _ = writeln!(out, "  Hot functions: {}", self.hot_functions);
        let _ = writeln!(out, "  JIT compiled regions: {compiled_regions}");
        if let Some(hottest) = self.regions.iter().max_by_key(|region| region.count).filter(|region| region.count > 0) {
            let name = hottest.function.as_deref().unwrap_or("<main>");
            let place = if hottest.line > 0 { format!("@{}:{}", hottest.file, hottest.line) } else { String::new() };
            let _ = writeln!(out, "  Hottest spot: {name}{place} ({}x)", hottest.count);
        }
        let polymorphic = self.observed - self.monomorphic;
        let _ = writeln!(
            out,
            "\nType Profile: {} locations observed ({} monomorphic, {polymorphic} polymorphic)",
            self.observed, self.monomorphic
        );
        let _ = writeln!(
            out,
            "JIT Stats: {} functions compiled in {:.2} ms, {} bytes of code, {} exits taken",
            self.compiled(),
            self.compile_ms,
            self.code_bytes,
            self.exits()
        );
        if let Some((compared, passed_over)) = self.shadow {
            let _ = writeln!(out, "Shadow: {compared} exits compared, {passed_over} passed over");
        }
        out.push_str("\nRegions:\n");
        for region in self.regions.iter().filter(|region| region.count > 0) {
            let kind = if region.is_loop { "loop" } else { "function" };
            let within = region.function.as_deref().map_or(String::new(), |name| format!(" in {name}"));
            // A stripped program has no lines; its regions go by their numbers.
            let place = match region.line {
                0 => "-".to_owned(),
                line => format!("{}:{line}:{}", region.file, region.column),
            };
            let verdict = region.verdict.map_or("unknown", Verdict::name);
            let what = region.what_became_of_it();
            let _ =
                writeln!(out, "{:>4} {place:<20} {:<20} {verdict:<13} {what}", region.id, format!("{kind}{within}"));
        }
        out
    }

    /// Where what happened disagrees with the static verdicts, a line each.
    ///
    /// A region that cannot be compiled must not have been; one that can must not have been refused, unless it was
    /// merely too late, or the types that were its conditions did not hold.
    pub fn disagreements(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for region in &self.regions {
            let Some(verdict) = region.verdict else { continue };
            let place = format!("{}:{}", region.file, region.line);
            let kind = if region.is_loop { "loop" } else { "function" };
            let mut disagree = |what: String| lines.push(format!("{place}: {kind} is {}, but {what}", verdict.name()));
            if verdict == Verdict::Incompatible {
                if region.compiled > 0 {
                    disagree("was compiled".into());
                }
                continue;
            }
            for step in &region.untold {
                disagree(format!("goes through the run time where no cost line says so: {step}"));
            }
            match region.refused() {
                // A verdict is about types, not about errors, nor about what the system allows.
                None | Some(Refusal::Budget | Refusal::Numbers | Refusal::Forbidden) => {}
                Some(Refusal::Unstable) if verdict == Verdict::Conditional => {}
                Some(refusal) => disagree(format!("was refused: {}", refusal.code())),
            }
        }
        lines
    }

    /// What was compared where nothing disagrees, in one line: `38 regions: 31 compiled as promised, 7 never hot`.
    pub fn agreement(&self) -> String {
        let judged: Vec<&RegionStats> = self.regions.iter().filter(|region| region.verdict.is_some()).collect();
        let count = |holds: fn(&RegionStats) -> bool| judged.iter().filter(|region| holds(region)).count();
        let is_native = |region: &RegionStats| region.compiled > 0 || region.inside.is_some();
        let cold =
            |region: &RegionStats| region.compiled == 0 && region.inside.is_none() && region.phase == Phase::Cold;
        let refused = |region: &RegionStats| {
            let is_inside = region.inside.is_some();
            region.verdict == Some(Verdict::Incompatible) && region.phase != Phase::Cold && !is_inside
        };
        let (native, refused, cold) = (count(is_native), count(refused), count(cold));
        let rest = judged.len() - native - refused - cold;
        let mut parts = vec![format!("{native} compiled as promised")];
        for (count, what) in [(refused, "interpreted as promised"), (rest, "not compiled yet"), (cold, "never hot")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        // A step in code that is inlined, or in a loop inside, is in several regions' code.
        let steps: usize = judged.iter().filter(|region| region.inside.is_none()).map(|region| region.steps).sum();
        if steps > 0 {
            parts.push(format!("{steps} steps as their cost lines say"));
        }
        format!("{} regions: {}\n", judged.len(), parts.join(", "))
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "{{\"version\": 1, \"functions_compiled\": {}, \"compile_ms\": {:.3}, \"code_bytes\": {}, \"exits\": {}, \"regions\": [",
            self.compiled(),
            self.compile_ms,
            self.code_bytes,
            self.exits()
        );
        for (index, region) in self.regions.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let kind = if region.is_loop { "loop" } else { "function" };
            let function = region.function.as_deref().map_or("null".to_owned(), quoted);
            let refused = region.refused().map_or("null".to_owned(), |refusal| quoted(refusal.code()));
            let why = region.phase().why().map_or("null".to_owned(), |(code, _)| quoted(code));
            let inside = region.inside.map_or("null".to_owned(), |outer| outer.to_string());
            let verdict = region.verdict.map_or("null".to_owned(), |verdict| quoted(verdict.name()));
            let _ = write!(
                out,
                "{comma}{{\"id\": {}, \"kind\": \"{kind}\", \"function\": {function}, \"file\": {}, \"line\": {}, \"verdict\": {verdict}, \
                 \"count\": {}, \"compiled\": {}, \"entered\": {}, \"exits\": {}, \"polymorphic\": {}, \"refused\": {refused}, \
                 \"column\": {}, \"phase\": {}, \"why\": {why}, \"inside\": {inside}, \"steps\": {}}}",
                region.id,
                quoted(&region.file),
                region.line,
                region.count,
                region.compiled,
                region.entered,
                region.exits,
                region.polymorphic,
                region.column,
                quoted(region.phase().name()),
                region.steps
            );
        }
        out.push_str("]}\n");
        out
    }
}
