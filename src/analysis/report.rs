//! Facts for people and tools: notes on the source, JSON of regions, a listing of all types, and the difference of two
//! programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::costs::{Cost, words};
use super::losses::{Loss, Losses, Lost, Transfer};
use super::names::{A_TEMPORARY, Names};
use super::{Analysis, Asked, examine};
use crate::bytecode::disassemble::instruction;
use crate::bytecode::facts::{Facts, Reason, Region, RegionFacts, TypeId, Verdict, type_text};
use crate::bytecode::types::with_article;
use crate::bytecode::{FuncId, FunctionKind, LoopId, Program};
use crate::source::{Diagnostic, Severity, SourceMap};

/// A program with what is known of it, to be reported.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub program: &'a Program,
    pub facts: &'a Facts,
    /// What regions cost, in the order of [`Facts::regions`]; empty if that is not to be told.
    pub costs: &'a [Cost],
    /// Where conditions are not met.
    pub losses: &'a Losses,
    pub sources: &'a SourceMap,
}

impl<'a> Subject<'a> {
    /// What a region costs, if that is known and makes sense of it.
    pub fn cost(&self, region: &RegionFacts) -> Option<&'a Cost> {
        let position = self.facts.position(region.region)?;
        self.costs.get(position).filter(|_| region.verdict != Verdict::Incompatible)
    }

    /// The same in words.
    pub fn cost_line(&self, region: &RegionFacts) -> Option<String> {
        Some(words::line(self.cost(region)?, self.program, self.sources, region.span.file))
    }
}

/// Most types that a note lists.
const NOTED_TYPES: usize = 8;

/// The regions of a program with their facts, in the order of the source.
pub fn in_source_order(facts: &Facts) -> Vec<&RegionFacts> {
    let mut regions: Vec<&RegionFacts> = facts.regions.iter().collect();
    regions.sort_by_key(|facts| (facts.span, facts.region.is_loop()));
    regions
}

/// The name of the function a region is or lies in; `None` at top level.
pub fn function_name(program: &Program, region: Region) -> Option<&str> {
    program.function_name(region.func(program))
}

pub fn title(program: &Program, region: Region) -> String {
    match (region, function_name(program, region)) {
        (Region::Loop(_), Some(name)) => format!("loop in '{name}'"),
        (Region::Loop(_), None) => "loop at top level".to_owned(),
        (Region::Function(_), name) => format!("function '{}'", name.unwrap_or("?")),
    }
}

fn conditions_text(facts: &RegionFacts) -> String {
    let words: Vec<String> =
        facts.conditions.iter().map(|condition| format!("{}: {}", condition.name, condition.ty)).collect();
    words.join(", ")
}

/// One note per loop and function that is reached, or per any: its verdict with what it rests on.
pub fn notes(subject: &Subject<'_>, all: bool) -> Vec<Diagnostic> {
    let names = Names::new(subject.program);
    let regions = in_source_order(subject.facts).into_iter().filter(|region| all || region.reached);
    regions.map(|region| note(subject, &names, region)).collect()
}

/// What is to be said of one region.
pub fn note(subject: &Subject<'_>, names: &Names<'_>, region: &RegionFacts) -> Diagnostic {
    let &Subject { program, facts, .. } = subject;
    let what = title(program, region.region);
    let verdict = region.verdict.name();
    let mut note = match (region.verdict, region.reason) {
        (_, Some(refusal)) => {
            let reason = refusal.reason;
            let mut note =
                Diagnostic::warning(reason.code(), format!("{what} is {verdict}: it {}", reason.text()), region.span)
                    .with_help(reason.remedy());
            if refusal.span != region.span {
                note = note.with_label(refusal.span, "here");
            }
            note
        }
        (Verdict::Conditional, _) => {
            let label = match unreached(program, facts, region) {
                Some(why) => format!("{why}; if it were, it would be compiled if {}", conditions_text(region)),
                None => format!("compiled if {}", conditions_text(region)),
            };
            let note = Diagnostic::warning("N0102", format!("{what} is {verdict}"), region.span).labelled(label);
            with_losses(note, subject, region)
        }
        _ => {
            let types = type_words(program, facts, names, region);
            let label = match (unreached(program, facts, region), types.is_empty()) {
                (Some(why), _) => why,
                (None, true) => "compiled when hot".to_owned(),
                (None, false) => format!("compiled when hot, with {types}"),
            };
            let note = Diagnostic::warning("N0101", format!("{what} is {verdict}"), region.span).labelled(label);
            match subject.losses.of(region.region).map_or(1, |combined| combined.versions) {
                versions @ 2.. if region.reached => note.with_note(IN_CONTEXTS.replace("{}", &versions.to_string())),
                _ => note,
            }
        }
    };
    note.severity = Severity::Note;
    if let Some(count) = region.trip_count.filter(|_| region.reached) {
        note = note.with_note(format!("it runs {count} times, unless an error ends it"));
    }
    if let Some(cost) = subject.cost_line(region) {
        note = note.with_note(format!("cost: {cost}"));
    }
    if region.effects.awaits && region.reason.is_none() {
        note = note.with_note(WAITS);
    }
    note
}

/// What a region's waits cost.
const WAITS: &str = "it may wait for tasks: each wait is a switch to another task, some hundred nanoseconds, behind which its native code goes on; a task \
                     that waits in it keeps a native stack, of two pages at least";

/// What is said of a region that is proven because each of its contexts has one type where together they have several.
const IN_CONTEXTS: &str =
    "each call or instance that it works for gives it one type: it is compiled for each of {} combinations";

/// Most versions that are counted out; the tier makes a few.
const COUNTED_VERSIONS: u32 = 64;

/// Adds where the conditions of a region get which types, what to do, and how many versions there may be.
fn with_losses(mut note: Diagnostic, subject: &Subject<'_>, region: &RegionFacts) -> Diagnostic {
    let lost = subject.losses.of(region.region);
    for loss in lost.map_or(&[][..], |lost| &lost.places) {
        note = note.with_label(loss.span, loss_text(loss));
    }
    if !region.reached {
        return note;
    }
    if let Some(versions) = lost.map(|lost| lost.versions).filter(|&versions| versions > 1) {
        note = note.with_note(match versions {
            COUNTED_VERSIONS.. => format!("there can be more than {COUNTED_VERSIONS} versions of it, one for each combination of types; a few are made"),
            _ => format!("it needs a version for each combination of types that comes: up to {versions}"),
        });
    }
    note.with_help(remedy(lost, region))
}

/// What happens at a loss: `\`x\` becomes a float here`.
fn loss_text(loss: &Loss) -> String {
    let (name, kinds) = (&loss.name, with_article(&loss.kinds));
    match loss.transfer {
        Transfer::Argument => format!("`{name}` is {kinds} in this call"),
        Transfer::Assigned => format!("`{name}` becomes {kinds} here"),
        Transfer::Stored => format!("`{name}` is given {kinds} here"),
        Transfer::Returned => format!("`{name}` is {kinds} where this returns"),
    }
}

/// What to do about the conditions of a region.
fn remedy(lost: Option<&Lost>, region: &RegionFacts) -> String {
    let named = region.conditions.iter().filter(|one| one.name != A_TEMPORARY);
    let names: Vec<String> = named.take(3).map(|one| format!("`{}`", one.name)).collect();
    let names = if names.is_empty() { "what is computed here".to_owned() } else { names.join(", ") };
    if lost.is_some_and(|lost| lost.is_generic) {
        return format!(
            "it works on values of many types, as from JSON or in an interpreter of a language: take {names} apart once, \
             into variables or fields of one type each, and let it work on these"
        );
    }
    let losses = lost.map_or(&[][..], |lost| &lost.places);
    let Some(loss) = losses.first() else {
        return format!(
            "give {names} one type everywhere: in the calls, assignments and containers that it comes from"
        );
    };
    let Loss { name, wanted, .. } = loss;
    let name = if name == A_TEMPORARY { "what is computed here".to_owned() } else { format!("`{name}`") };
    match (loss.transfer, losses.iter().all(|other| other.transfer == loss.transfer)) {
        (Transfer::Argument, true) => {
            format!("pass one type as {name} everywhere ({wanted}), or call a function of its own for each")
        }
        (Transfer::Assigned, true) => {
            format!("keep {name} of one type throughout ({wanted}), or use a variable of its own for the other value")
        }
        _ if wanted == "int or float" => {
            format!("give {name} one type everywhere ({wanted}): `1.0` is a float, and `core.float(x)` makes one")
        }
        _ => format!("give {name} one type everywhere ({wanted})"),
    }
}

/// How many loops and functions have which verdict, and what costs most: lines for the end of the notes.
pub fn summary(subject: &Subject<'_>) -> String {
    let &Subject { program, facts, sources, .. } = subject;
    let reached: Vec<&RegionFacts> = facts.regions.iter().filter(|region| region.reached).collect();
    let mut counts = Vec::new();
    for (what, is_loop) in [("loop", true), ("function", false)] {
        let own = reached.iter().filter(|region| region.region.is_loop() == is_loop);
        let of = |verdict| own.clone().filter(|region| region.verdict == verdict).count();
        let all = own.clone().count();
        let verdicts = [Verdict::Proven, Verdict::Conditional, Verdict::Incompatible];
        let words = verdicts.map(|verdict| (of(verdict), verdict.name())).into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, name)| format!("{count} {name}")).collect();
        let plural = if all == 1 { "" } else { "s" };
        counts.push(match words.is_empty() {
            true => format!("0 {what}s"),
            false => format!("{all} {what}{plural}: {}", words.join(", ")),
        });
    }
    let unreached = facts.regions.len() - reached.len();
    let mut text = counts.join("; ");
    if unreached > 0 {
        let _ = write!(text, "; {unreached} never reached (--explain=all shows them)");
    }
    text.push('\n');
    // A step costs more than a call, and that more than an object.
    let weight = |cost: &Cost| cost.steps.len() * 4 + cost.calls.len() * 2 + cost.allocations.len();
    let costs = reached.iter().filter_map(|region| Some((*region, subject.cost(region)?)));
    let most = costs
        .filter(|(_, cost)| weight(cost) > 0)
        .max_by_key(|(region, cost)| (weight(cost), region.region.is_loop(), std::cmp::Reverse(region.span)));
    if let Some((region, cost)) = most {
        let position = sources.position(region.span);
        let file = &sources.file(region.span.file).shown;
        let what = title(program, region.region);
        let line = words::line(cost, program, sources, region.span.file);
        let _ = writeln!(text, "what costs most: {what} ({file}:{}:{}): {line}", position.line, position.column);
    }
    text
}

/// That a region is never executed, and why; `None` if it may be.
fn unreached(program: &Program, facts: &Facts, region: &RegionFacts) -> Option<String> {
    if region.reached {
        return None;
    }
    let func = region.region.func(program);
    let called = facts.types.functions.get(func.index()).is_none_or(|known| known.reached);
    Some(match (region.region, function_name(program, region.region)) {
        (Region::Function(_), _) => "never called: nothing that runs calls it".to_owned(),
        (Region::Loop(_), Some(name)) if !called => format!("never reached: nothing that runs calls '{name}'"),
        (Region::Loop(_), _) => "never reached".to_owned(),
    })
}

/// The types of named registers at a region's start, and of the globals it uses.
fn type_words(program: &Program, facts: &Facts, names: &Names<'_>, region: &RegionFacts) -> String {
    let func = region.region.func(program);
    let pc = region.region.code(program).start;
    let text = |ty: TypeId| type_text(program, &facts.types, ty);
    let locals = region.live_in.iter().filter_map(|&(reg, ty)| Some((names.local(func, pc, reg)?, text(ty))));
    let globals = region.effects.globals_read.iter().chain(&region.effects.globals_written).map(|global| {
        let name = program.strings.get(program.globals[global.index()].name).unwrap_or("?");
        (name, text(facts.types.globals[global.index()]))
    });
    let mut words: Vec<String> = Vec::new();
    for (name, ty) in locals.chain(globals) {
        let word = format!("{name}: {ty}");
        if !words.contains(&word) && words.len() < NOTED_TYPES {
            words.push(word);
        }
    }
    words.join(", ")
}

/// Which loops a lint on incompatible loops is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Those that the user has marked.
    Marked,
    All,
}

/// The loops that a gate is about, and what messages add for those that the user has marked.
fn gated<'a>(
    program: &'a Program,
    facts: &'a Facts,
    gate: Gate,
) -> impl Iterator<Item = (&'a RegionFacts, &'static str)> {
    in_source_order(facts).into_iter().filter_map(move |region| {
        let Region::Loop(id) = region.region else { return None };
        match program.loops[id.index()].marked {
            true => Some((region, " though it is marked `// @jit`")),
            false => (gate == Gate::All).then_some((region, "")),
        }
    })
}

/// A warning for each loop that cannot be compiled though the gate asks for it.
pub fn incompatible_loops(program: &Program, facts: &Facts, gate: Gate) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (region, marked) in gated(program, facts, gate) {
        let Some(refusal) = region.reason else { continue };
        let what = title(program, region.region);
        let message = format!("{what} cannot be compiled{marked}: it {}", refusal.reason.text());
        let warning =
            Diagnostic::warning(refusal.reason.code(), message, region.span).with_help(refusal.reason.remedy());
        found.push(if refusal.span == region.span { warning } else { warning.with_label(refusal.span, "here") });
    }
    found
}

/// A warning for each loop that is compiled only if types agree though the gate asks for more.
pub fn conditional_loops(subject: &Subject<'_>, gate: Gate) -> Vec<Diagnostic> {
    let &Subject { program, facts, .. } = subject;
    let mut found = Vec::new();
    for (region, marked) in gated(program, facts, gate) {
        if region.verdict != Verdict::Conditional {
            continue;
        }
        let what = title(program, region.region);
        let conditions: Vec<String> =
            region.conditions.iter().map(|one| format!("`{}` is {}", one.name, with_article(&one.ty))).collect();
        let message = format!("{what} is not proven{marked}: it is compiled if {}", conditions.join(" and "));
        found.push(with_losses(Diagnostic::warning("W0106", message, region.span), subject, region));
    }
    found
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The document of `--emit loops`: one object per region, one line each.
pub fn loops_json(subject: &Subject<'_>) -> String {
    let &Subject { program, facts, sources, .. } = subject;
    let mut out = String::from("{\"version\": 1, \"regions\": [");
    for (id, region) in in_source_order(facts).into_iter().enumerate() {
        let (kind, depth) = match region.region {
            Region::Loop(id) => ("loop", program.loops[id.index()].depth),
            Region::Function(_) => ("function", 0),
        };
        let name = function_name(program, region.region).map_or("null".to_owned(), json_string);
        let position = sources.position(region.span);
        let file = json_string(&sources.file(region.span.file).name);
        let conditions: Vec<String> = (region.conditions.iter())
            .map(|one| format!("{{\"name\": {}, \"type\": {}}}", json_string(&one.name), json_string(&one.ty)))
            .collect();
        let reason = |text: fn(Reason) -> &'static str| {
            region.reason.map_or("null".to_owned(), |refusal| json_string(text(refusal.reason)))
        };
        let _ = write!(
            out,
            "{}\n{{\"id\": {id}, \"kind\": \"{kind}\", \"function\": {name}, \"file\": {file}, \"line\": {}, \"column\": {}, \
             \"depth\": {depth}, \"verdict\": \"{}\", \"conditions\": [{}], \"code\": {}, \"reason\": {}, \"remedy\": {}, \
             \"trip_count\": {}, \"reached\": {}, \"cost\": {}{}}}",
            if id == 0 { "" } else { "," },
            position.line,
            position.column,
            region.verdict.name(),
            conditions.join(", "),
            reason(Reason::code),
            reason(Reason::text),
            reason(Reason::remedy),
            region.trip_count.map_or("null".to_owned(), |count| count.to_string()),
            region.reached,
            subject.cost(region).map_or("null".to_owned(), |cost| words::json(cost, program, sources).to_string()),
            conditional_json(subject, region),
        );
    }
    out.push_str(if facts.regions.is_empty() { "]}\n" } else { "\n]}\n" });
    out
}

/// The members that conditional regions have besides: `versions`, `losses` and `advice`.
fn conditional_json(subject: &Subject<'_>, region: &RegionFacts) -> String {
    if region.verdict != Verdict::Conditional || !region.reached {
        return String::new();
    }
    let lost = subject.losses.of(region.region);
    let sources = subject.sources;
    let place = |loss: &Loss| {
        let position = sources.position(loss.span);
        let file = &sources.file(loss.span.file).name;
        serde_json::json!({
            "name": loss.name, "type": loss.kinds, "file": file, "line": position.line, "column": position.column,
            "text": loss_text(loss),
        })
    };
    let places: Vec<serde_json::Value> = lost.into_iter().flat_map(|lost| &lost.places).map(place).collect();
    let advice = remedy(lost, region);
    format!(
        ", \"versions\": {}, \"losses\": {}, \"advice\": {}",
        lost.map_or(1, |lost| lost.versions),
        serde_json::Value::from(places),
        json_string(&advice)
    )
}

/// Everything known, as text: types of globals, fields, parameters and results, then each region.
pub fn facts_text(program: &Program, facts: &Facts, sources: &SourceMap) -> String {
    let mut out = format!("verdict rules {}\n", facts.rules);
    let types = &facts.types;
    let text = |ty: TypeId| type_text(program, types, ty);
    let string = |id| program.strings.get(id).unwrap_or("?");
    for (global, &ty) in program.globals.iter().zip(&types.globals) {
        let _ = writeln!(out, "global {}: {}", string(global.name), text(ty));
    }
    let mut field = types.fields.iter();
    for def in &program.structs {
        let _ = writeln!(out, "struct {}", string(def.name));
        for &name in &def.fields {
            let ty = field.next().copied().unwrap_or_default();
            let _ = writeln!(out, "  .{}: {}", string(name), text(ty));
        }
        field.next();
    }
    let mut param = types.params.iter().copied();
    for (index, function) in program.functions.iter().enumerate() {
        let params: Vec<String> = param.by_ref().take(function.params.into()).map(text).collect();
        if function.kind != FunctionKind::Body {
            let known = types.functions[index];
            let reached = if known.reached { "" } else { ", never called" };
            let escaped = if known.escaped { ", called by unknown code" } else { "" };
            let result = text(types.results[index]);
            let _ = writeln!(out, "fn {}({}) -> {result}{reached}{escaped}", string(function.name), params.join(", "));
        }
    }
    let names = Names::new(program);
    for region in in_source_order(facts) {
        let position = sources.position(region.span);
        let _ = writeln!(
            out,
            "{} at {}:{}: {}, {} blocks, {} instructions",
            title(program, region.region),
            sources.file(region.span.file).name,
            position.line,
            verdict_text(region),
            region.blocks,
            region.instructions
        );
        let func = region.region.func(program);
        let pc = region.region.code(program).start;
        let register = |reg: crate::bytecode::Reg| match names.local(func, pc, reg) {
            Some(name) => format!("r{}({name})", reg.0),
            None => format!("r{}", reg.0),
        };
        for (what, list) in [("live in", &region.live_in), ("live out", &region.live_out)] {
            let words: Vec<String> = list.iter().map(|&(reg, ty)| format!("{}: {}", register(reg), text(ty))).collect();
            if !words.is_empty() {
                let _ = writeln!(out, "  {what}: {}", words.join(", "));
            }
        }
        if !region.invariants.is_empty() {
            let words: Vec<String> = region.invariants.iter().map(|&reg| register(reg)).collect();
            let _ = writeln!(out, "  invariant: {}", words.join(", "));
        }
        for one in &region.inductions {
            let start = one.start.map_or("?".to_owned(), |start| start.to_string());
            let bound = match one.bound {
                crate::bytecode::facts::Bound::None => "?".to_owned(),
                crate::bytecode::facts::Bound::Constant(value) => value.to_string(),
                crate::bytecode::facts::Bound::Register(reg) => register(reg),
            };
            let _ = writeln!(out, "  induction: {} from {start} by {} to {bound}", register(one.register), one.step);
        }
        if let Some(count) = region.trip_count {
            let _ = writeln!(out, "  runs {count} times");
        }
        let effects = effects_text(program, region);
        if !effects.is_empty() {
            let _ = writeln!(out, "  effects: {effects}");
        }
    }
    out
}

fn effects_text(program: &Program, region: &RegionFacts) -> String {
    let effects = &region.effects;
    let string = |id| program.strings.get(id).unwrap_or("?");
    let mut words: Vec<String> = [
        (effects.allocates, "may allocate"),
        (effects.throws, "may throw"),
        (effects.outputs, "outputs"),
        (effects.awaits, "may await"),
        (effects.calls_unknown, "may call unknown code"),
        (effects.writes_items, "writes items"),
    ]
    .iter()
    .filter(|(on, _)| *on)
    .map(|(_, text)| (*text).to_owned())
    .collect();
    for (what, list) in [("reads global", &effects.globals_read), ("writes global", &effects.globals_written)] {
        words.extend(list.iter().map(|id| format!("{what} {}", string(program.globals[id.index()].name))));
    }
    for (what, list) in [("reads field", &effects.fields_read), ("writes field", &effects.fields_written)] {
        words.extend(list.iter().map(|&(def, field)| {
            let def = &program.structs[def.index()];
            format!("{what} {}.{}", string(def.name), string(def.fields[field as usize]))
        }));
    }
    words.extend(effects.calls.iter().map(|id| format!("calls {}", string(program.functions[id.index()].name))));
    words.join(", ")
}

/// A verdict in a few words: `conditional (n: int)`.
pub fn verdict_text(region: &RegionFacts) -> String {
    match region.reason {
        Some(refusal) => format!("incompatible ({} {})", refusal.reason.code(), refusal.reason.text()),
        None if region.conditions.is_empty() => region.verdict.name().to_owned(),
        None => format!("{} ({})", region.verdict.name(), conditions_text(region)),
    }
}

/// Functions, loops and verdicts that differ between two programs, a line each; empty if none do. Functions go by name
/// and, where several share one, by their order; loops by their order in the function.
///
/// What regions cost is found out anew for both: it is not in the files.
pub fn difference(old: &Program, new: &Program) -> Difference {
    let costs = |program| examine(program, Asked { costs: true, ..Asked::default() });
    let (before, after) = (outline(old, &costs(old)), outline(new, &costs(new)));
    let moved = moved(&before, &after);
    let mut out = String::new();
    let mut is_worse = false;
    for (name, entry) in &before {
        let now = moved.get(name.as_str()).copied().unwrap_or(name);
        if now != name {
            let _ = writeln!(out, "> {name}: moved to {now}");
        }
        match after.get(now) {
            None => {
                let _ = writeln!(out, "- {name}");
            }
            Some(other) => {
                let name = now;
                if entry.code != other.code {
                    let (a, b) = (entry.code.len(), other.code.len());
                    let _ = writeln!(out, "~ {name}: code changed ({a} -> {b} instructions)");
                }
                let count = entry.verdicts.len().max(other.verdicts.len());
                for index in 0..count {
                    let what = match index {
                        0 => name.to_owned(),
                        _ => format!("{name}, loop {index}"),
                    };
                    match (entry.verdicts.get(index), other.verdicts.get(index)) {
                        (Some(a), Some(b)) if (&a.text, a.rank) != (&b.text, b.rank) => {
                            is_worse |= b.rank > a.rank;
                            let _ = writeln!(out, "~ {what}: {a} -> {b}");
                        }
                        _ => {}
                    }
                    match (entry.verdicts.get(index), other.verdicts.get(index)) {
                        (Some(a), Some(b)) if a.rank == b.rank => {
                            for ((name, before), (_, now)) in a.costs.iter().zip(&b.costs) {
                                is_worse |= now > before;
                                if now != before {
                                    let _ = writeln!(out, "~ {what}: {name}: {before} -> {now}");
                                }
                            }
                        }
                        (Some(a), None) => {
                            let _ = writeln!(out, "- {what}: {a}");
                        }
                        (None, Some(b)) => {
                            let _ = writeln!(out, "+ {what}: {b}");
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    let arrived: BTreeSet<&str> = moved.values().copied().collect();
    let is_new = |name: &str| !before.contains_key(name) && !arrived.contains(name);
    for (name, entry) in after.iter().filter(|(name, _)| is_new(name)) {
        let _ = writeln!(out, "+ {name}: {}", entry.verdicts[0]);
    }
    Difference { text: out, is_worse }
}

/// What two programs differ in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// A line each.
    pub text: String,
    /// Whether a loop or function that both have is less sure to be compiled than it was, or costs more.
    pub is_worse: bool,
}

/// The functions that only one of two programs has under this name, and the other in another file: by the old name the
/// new one. A function's own name must tell which it is.
fn moved<'a>(
    before: &'a BTreeMap<String, Outline>,
    after: &'a BTreeMap<String, Outline>,
) -> BTreeMap<&'a str, &'a str> {
    fn alone<'a>(
        own: &'a BTreeMap<String, Outline>,
        other: &BTreeMap<String, Outline>,
    ) -> BTreeMap<&'a str, Option<&'a str>> {
        let mut alone: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for name in own.keys().filter(|name| !other.contains_key(*name)) {
            let Some((_, function)) = name.split_once(": ") else { continue };
            let is_anonymous = function.starts_with('<') || function == "top level";
            let first = !alone.contains_key(function) && !is_anonymous;
            alone.insert(function, first.then_some(name));
        }
        alone
    }
    let (gone, come) = (alone(before, after), alone(after, before));
    let pair = |(function, old): (&&str, &Option<&'a str>)| Some(((*old)?, (*come.get(function)?)?));
    gone.iter().filter_map(pair).collect()
}

/// What is compared of a function.
struct Outline {
    code: Vec<String>,
    /// The function's verdict, then its loops'.
    verdicts: Vec<Judged>,
}

/// A verdict in words, and how bad it is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Judged {
    text: String,
    rank: u8,
    /// How many of what it costs.
    costs: Vec<(&'static str, usize)>,
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Judged {
    fn of(region: Option<&RegionFacts>, cost: Option<&Cost>) -> Judged {
        let rank = region.map_or(0, |region| match region.verdict {
            Verdict::Proven => 0,
            Verdict::Conditional => 1,
            Verdict::Incompatible => 2,
        });
        let costs = cost.map_or(Vec::new(), |cost| cost.compared().to_vec());
        Judged { text: region.map_or("no verdict".to_owned(), verdict_text), rank, costs }
    }
}

fn outline(program: &Program, known: &Analysis) -> BTreeMap<String, Outline> {
    let cost_of = |region: Region| known.costs.get(known.facts.position(region)?);
    let mut outlines: Vec<Outline> = Vec::new();
    for (index, function) in program.functions.iter().enumerate() {
        let code = program.code.get(function.code.range()).unwrap_or_default();
        let own = program.facts.as_ref().and_then(|facts| facts.of(Region::Function(FuncId(index as u32))));
        outlines.push(Outline {
            code: code.iter().map(|op| without_numbers(&instruction(program, *op))).collect(),
            verdicts: vec![match function.kind {
                FunctionKind::Body => Judged { text: String::new(), rank: 0, costs: Vec::new() },
                _ => Judged::of(own, cost_of(Region::Function(FuncId(index as u32)))),
            }],
        });
    }
    for (index, own) in program.loops.iter().enumerate() {
        let region = Region::Loop(LoopId(index as u32));
        let facts = program.facts.as_ref().and_then(|facts| facts.of(region));
        if let Some(outline) = outlines.get_mut(own.func.index()) {
            outline.verdicts.push(Judged::of(facts, cost_of(region)));
        }
    }
    let mut named = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (function, outline) in program.functions.iter().zip(outlines) {
        let module = program.modules.get(function.module.index()).and_then(|module| program.strings.get(module.name));
        let own = program.strings.get(function.name).unwrap_or("?");
        let base = match function.kind {
            FunctionKind::Body => format!("{}: top level", module.unwrap_or("?")),
            _ => format!("{}: {own}", module.unwrap_or("?")),
        };
        let count = counts.entry(base.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { base } else { format!("{base} #{count}") };
        named.insert(name, outline);
    }
    named
}

/// An instruction without the numbers of what it names (`k2("x")` is `k("x")`), which shift when something else is
/// added.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut offset = 0;
    while offset < bytes.len() {
        let rest = &text[offset..];
        let prefix = ["struct", "module", "native", "fn", "k", "g", "s"].into_iter().find(|prefix| {
            let after = rest.strip_prefix(prefix).unwrap_or("");
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && after[digits..].starts_with('(') && (offset == 0 || bytes[offset - 1] == b' ')
        });
        match prefix {
            Some(prefix) => {
                out.push_str(prefix);
                offset += prefix.len();
                offset += bytes[offset..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
            None => {
                let len = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..len]);
                offset += len;
            }
        }
    }
    out
}
