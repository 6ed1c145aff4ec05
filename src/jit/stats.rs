//! What `--jit-stats` and `--jit-log` say.

use std::fmt::Write as _;
use std::io::Write as _;

use super::tier::{Jit, LogFormat};
use super::translate::{Refusal, Spot};
use crate::bytecode::facts::{RegionFacts, Verdict};
use crate::bytecode::{FuncId, FunctionKind, LoopId, Program};
use crate::runtime::vm::Vm;

/// File, line and column of an instruction, if the program still has its debug information.
fn location(program: &Program, pc: u32) -> Option<(&str, usize, usize)> {
    let lines = &program.debug.as_ref()?.lines;
    let at = lines.partition_point(|entry| entry.pc <= pc).checked_sub(1)?;
    let span = lines[at].span;
    source_place(program, span.file.0, span.lo)
}

/// File, line and column of a byte of a source file.
fn source_place(program: &Program, file: u32, at: u32) -> Option<(&str, usize, usize)> {
    let file = program.debug.as_ref()?.files.get(file as usize)?;
    let before = file.text.get(..at as usize)?;
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Some((&file.name, line, column))
}

/// Where the lines of each source file end, found once: a report names a place for every region, and counting lines for each would take
/// time quadratic in the program.
struct LineEnds<'p> {
    program: &'p Program,
    ends: Vec<Vec<u32>>,
}

impl<'p> LineEnds<'p> {
    fn new(program: &'p Program) -> LineEnds<'p> {
        let ends = |text: &str| text.match_indices('\n').map(|(at, _)| at as u32).collect();
        let files = program.debug.iter().flat_map(|debug| &debug.files);
        LineEnds { program, ends: files.map(|file| ends(&file.text)).collect() }
    }

    /// File and line of a byte of a source file; an empty name and 0 without debug information.
    fn place(&self, file: u32, at: u32) -> (String, usize) {
        let name = self.program.debug.as_ref().and_then(|debug| Some(debug.files.get(file as usize)?.name.clone()));
        name.map_or_else(Default::default, |name| (name, self.ends[file as usize].partition_point(|&end| end < at) + 1))
    }
}

/// `prog.walrus:3`, or the pc if the lines were stripped.
pub(super) fn place(program: &Program, pc: u32) -> String {
    match location(program, pc) {
        Some((file, line, _)) => format!("{file}:{line}"),
        None => format!("pc {pc}"),
    }
}

/// Writes an event to stderr. That nobody reads it is no reason to stop.
pub fn log_event(format: LogFormat, event: &str, place: &str, details: &[(&str, String)]) {
    let mut line = match format {
        LogFormat::Text => format!("jit: {event} {place}"),
        LogFormat::Json => format!("{{\"event\": \"{event}\", \"at\": {}", quoted(place)),
    };
    for (name, value) in details {
        let _ = match format {
            LogFormat::Text => write!(line, " {name}={value}"),
            LogFormat::Json => write!(line, ", \"{name}\": {}", quoted(value)),
        };
    }
    if format == LogFormat::Json {
        line.push('}');
    }
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

struct RegionStats {
    id: usize,
    is_loop: bool,
    function: Option<String>,
    file: String,
    line: usize,
    verdict: Option<Verdict>,
    /// The code of the static refusal.
    reason: Option<&'static str>,
    count: u64,
    compiled: u32,
    entered: u64,
    exits: u64,
    polymorphic: bool,
    refused: Option<Refusal>,
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
        let mut regions = Vec::new();
        let facts = program.facts.as_ref();
        let lines = LineEnds::new(program);
        for (index, region) in program.loops.iter().enumerate() {
            let known = facts.and_then(|facts| facts.of_loop(LoopId(index as u32)));
            let header = program.functions[region.func.index()].code.start + region.header;
            let hot = state.spots.get(&Spot::Loop(header));
            let (file, line) = lines.place(region.span.file.0, region.span.lo);
            regions.push(RegionStats {
                id: regions.len(),
                is_loop: true,
                function: function_name(program, region.func.index()),
                file,
                line,
                verdict: known.map(|facts| facts.verdict),
                reason: known.and_then(static_refusal),
                count: vm.times_counted(header),
                compiled: hot.map_or(0, |hot| hot.compiled),
                entered: hot.map_or(0, |hot| hot.stays.entered()),
                exits: hot.map_or(0, |hot| hot.exits),
                polymorphic: hot.is_some_and(|hot| hot.is_polymorphic),
                refused: hot.and_then(|hot| hot.refused),
            });
        }
        for (index, function) in program.functions.iter().enumerate() {
            if function.kind == FunctionKind::Body {
                continue;
            }
            let entry = function.code.start;
            let hot = state.spots.get(&Spot::Function(entry));
            let known = facts.and_then(|facts| facts.of_function(FuncId(index as u32)));
            let span = program.debug.as_ref().and_then(|debug| debug.functions.get(index));
            let (file, line) = span.map_or_else(Default::default, |span| lines.place(span.file.0, span.lo));
            regions.push(RegionStats {
                id: regions.len(),
                is_loop: false,
                function: function_name(program, index),
                file,
                line,
                verdict: known.map(|facts| facts.verdict),
                reason: known.and_then(static_refusal),
                count: vm.times_counted(entry),
                compiled: hot.map_or(0, |hot| hot.compiled),
                entered: hot.map_or(0, |hot| hot.stays.entered()),
                exits: hot.map_or(0, |hot| hot.exits),
                polymorphic: hot.is_some_and(|hot| hot.is_polymorphic),
                refused: hot.and_then(|hot| hot.refused),
            });
        }
        let (observed, monomorphic) = self.profile.borrow().counts();
        Statistics {
            hot_loops: state.spots.keys().filter(|spot| matches!(spot, Spot::Loop(_))).count(),
            hot_functions: state.hot_functions.len(),
            observed,
            monomorphic,
            compile_ms: state.compile_time.as_secs_f64() * 1e3,
            code_bytes: state.code_bytes,
            shadow: self.shadow.as_ref().map(|shadow| shadow.counts()),
            regions,
        }
    }
}

fn static_refusal(facts: &RegionFacts) -> Option<&'static str> {
    facts.reason.map(|refusal| refusal.reason.code())
}

fn function_name(program: &Program, index: usize) -> Option<String> {
    let function = &program.functions[index];
    (function.kind != FunctionKind::Body).then(|| program.strings.get(function.name).unwrap_or("").to_owned())
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
            let _ = writeln!(out, "  Hottest spot: {name}@{}:{} ({}x)", hottest.file, hottest.line, hottest.count);
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
            let place = format!("{}:{}", region.file, region.line);
            let what = match region.refused {
                Some(refusal) => refusal.code().to_owned(),
                None if region.compiled > 0 => {
                    format!("compiled {}x  entered {}x  exits {}", region.compiled, region.entered, region.exits)
                }
                None => region.reason.unwrap_or("interpreted").to_owned(),
            };
            let verdict = region.verdict.map_or("unknown", Verdict::name);
            let _ = writeln!(out, "  {place:<20} {:<20} {verdict:<13} {what}", format!("{kind}{within}"));
        }
        out
    }

    /// Where what happened disagrees with the static verdicts, a line each.
    ///
    /// A region that cannot be compiled must not have been; one that can must not have been refused, unless it was merely too late, or the
    /// types that were its conditions did not hold.
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
            match region.refused {
                None | Some(Refusal::Budget) => {}
                Some(Refusal::Unstable) if verdict == Verdict::Conditional => {}
                Some(refusal) => disagree(format!("was refused: {}", refusal.code())),
            }
        }
        lines
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
            let refused = region.refused.map_or("null".to_owned(), |refusal| quoted(refusal.code()));
            let verdict = region.verdict.map_or("null".to_owned(), |verdict| quoted(verdict.name()));
            let _ = write!(
                out,
                "{comma}{{\"id\": {}, \"kind\": \"{kind}\", \"function\": {function}, \"file\": {}, \"line\": {}, \"verdict\": {verdict}, \
                 \"count\": {}, \"compiled\": {}, \"entered\": {}, \"exits\": {}, \"polymorphic\": {}, \"refused\": {refused}}}",
                region.id,
                quoted(&region.file),
                region.line,
                region.count,
                region.compiled,
                region.entered,
                region.exits,
                region.polymorphic
            );
        }
        out.push_str("]}\n");
        out
    }
}
