//! Making native code: recording, building, compiling, installing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::policy::{self, MAX_COMPILED};
use super::unit::{self, Contents, MadeAt, Phase, Remake, Unit, Version};
use super::{Jit, State};
use crate::jit::backend::Compiled;
use crate::jit::compiler::{Done, Job};
use crate::jit::dump::Stage;
use crate::jit::emit::EmitOptions;
use crate::jit::helpers::Helper;
use crate::jit::ir::{Inst, Region, Val};
use crate::jit::record::{self, Extent, Recorded, Recording};
use crate::jit::static_types::{MAX_CODE, StaticTypes};
use crate::jit::stopwatch::Stopwatch;
use crate::jit::translate::{self, Refusal};
use crate::jit::{log, opt, shadow};
use crate::runtime::error::Result;
use crate::runtime::regions::Entry;
use crate::runtime::vm::Vm;

/// Iterations to record before a loop is compiled, at most. At what was not seen native code is left, so it is worth
/// some iterations to see the paths that are taken now and then.
const RECORDED_ITERATIONS: u32 = 24;
/// Calls to record before a function is compiled.
const RECORDED_CALLS: u32 = 10;
/// Instructions to record of a function at most, and of a loop: enough to see all of a large one once, as what was not
/// seen is left to the interpreter.
const FUNCTION_BUDGET: u32 = 4_000;
const LOOP_BUDGET: u32 = 20_000;
/// Instructions to record when code is come to that had not been seen: when the region is made anew, whyever, that code
/// is in it.
const GLANCE: u32 = 200;
/// A recording of a loop that has not taken its back edge yet and has learnt nothing for so many instructions is in a
/// loop inside. What stands behind that is worth a long wait: without it, native code would be left in each iteration.
const CONVERGED_INSIDE: u32 = 4_000;
/// A recording of a function ends that learns nothing new for so many instructions, and counts as so many calls.
const CONVERGED_FUNCTION: u32 = 500;
/// Or for so many calls of it, if that is more: a recursion ends some calls below.
const CONVERGED_CALLS: u32 = 32;
const LONG_CALL: u32 = 4;
/// Calls or iterations after which a unit is recorded from another frame, while native code runs in a recording of it.
const UNTIL_NEXT_RECORDING: u32 = 64;
/// Compilation may take this much of the run time, and `FREE_BUDGET` besides.
const BUDGET_SHARE: u32 = 4;
const FREE_BUDGET: Duration = Duration::from_millis(100);

/// What the compiler is at work on.
pub struct Pending {
    pub(super) entry: Entry,
    parent: Option<Entry>,
    forced: Option<Box<[Cell<u8>]>>,
    /// By exit, whether a handler of the region covers it.
    caught: Vec<bool>,
    counts_rounds: bool,
    signature: Vec<u64>,
    is_open: bool,
    /// What the profile knew: see [`Version::news`].
    news: u64,
    contents: Contents,
    /// What building the region took.
    built_in: Duration,
}

/// A region that was built and optimised, and what is known of it.
struct Made {
    region: Region,
    signature: Vec<u64>,
    is_open: bool,
}

impl Jit {
    /// Records what the top frame does from here on: some iterations of the loop, or a call of the function. Whether
    /// the next decision can be taken where the top frame stands now.
    pub(super) fn record(&self, vm: &mut Vm, entry: Entry) -> Result<bool> {
        let mut recording = recording_of(entry, vm.depth());
        if matches!(entry, Entry::Function(_)) {
            let function = &vm.program().functions[vm.top_function().index()];
            recording.patience = recording.patience.max(function.code.len.saturating_mul(CONVERGED_CALLS));
        }
        let is_at_entry = self.record_towards(vm, &mut recording)?;
        if !is_at_entry && matches!(entry, Entry::Function(_)) {
            let state = &mut *self.state.borrow_mut();
            let unit = state.units.entry(entry).or_default();
            unit.recorded_calls += if recording.unsurprising < recording.patience { 1 } else { LONG_CALL };
            // One call of a recursive function may see nothing but its end.
            unit.is_recorded = unit.recorded_calls >= RECORDED_CALLS;
        }
        Ok(is_at_entry)
    }

    /// As [`Jit::record`], as far as a recording says. Whatever becomes of it, the next question leads to compilation.
    fn record_towards(&self, vm: &mut Vm, recording: &mut Recording) -> Result<bool> {
        let entry = recording.entry;
        let mut extent = self.with_unit(entry, |unit| std::mem::take(&mut unit.extent));
        let (iterations, budget) = (recording.iterations, recording.budget);
        // What is recorded may wait, for as long as a network does.
        vm.let_others_ask(entry.pc(), true);
        recording.inside_built_in = vm.depth_inside_built_in();
        vm.mark_list_loops(recording.depth, recording.inside_built_in);
        let recorded = self.record_walking(vm, recording, &mut extent);
        vm.set_inside_built_in(recording.inside_built_in);
        vm.let_others_ask(entry.pc(), false);
        extent.rounds += u64::from(iterations - recording.iterations);
        extent.executed += u64::from(budget - recording.budget);
        self.with_unit(entry, |unit| unit.extent = extent);
        // It may have ended anywhere.
        let (is_at_entry, raised) = match recorded {
            Ok(is_at_entry) => (is_at_entry, Ok(())),
            Err(error) => (false, Err(error)),
        };
        vm.finish_iterations(recording.depth, raised).map(|()| is_at_entry)
    }

    fn with_unit<T>(&self, entry: Entry, look: impl FnOnce(&mut Unit) -> T) -> T {
        look(self.state.borrow_mut().units.entry(entry).or_default())
    }

    fn record_walking(&self, vm: &mut Vm, recording: &mut Recording, extent: &mut Extent) -> Result<bool> {
        let entry = recording.entry;
        self.with_unit(entry, |unit| unit.is_recorded = true);
        let has_native = |header: u32| {
            let (state, inner) = (self.state.borrow(), Entry::Loop(header));
            inner != entry && state.units.get(&inner).is_some_and(Unit::is_native)
        };
        loop {
            // What native loops do meanwhile is no part of it: that may be the rest of the program.
            let stopwatch = Stopwatch::start();
            let recorded = record::record(vm, &self.profile, recording, extent, &has_native);
            self.state.borrow_mut().spent += stopwatch.elapsed();
            match recorded? {
                Recorded::AtHeader => return Ok(true),
                Recorded::Elsewhere => return Ok(false),
                Recorded::AtNative(inner) => {
                    // In a recursion that may run all the rest, which another recording shows as well.
                    self.with_unit(entry, |unit| unit.is_recorded = false);
                    vm.ask_meanwhile(entry.pc(), UNTIL_NEXT_RECORDING);
                    let ran = self.run(vm, Entry::Loop(inner));
                    vm.ask_meanwhile(entry.pc(), u32::MAX);
                    self.with_unit(entry, |unit| unit.is_recorded = true);
                    ran?;
                    if vm.depth() < recording.depth {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Records a little of code that had not been seen, which the top frame is about to execute for a unit whose frame
    /// is so deep.
    pub(super) fn glance(&self, vm: &mut Vm, entry: Entry, depth: usize) -> Result<()> {
        let mut recording = Recording { iterations: 1, budget: GLANCE, ..recording_of(entry, depth) };
        self.record_towards(vm, &mut recording).map(|_| ())
    }

    /// Records from where a version was left, and has it replaced if that showed anything that it was not made for.
    pub(super) fn record_to_replace(
        &self,
        vm: &mut Vm,
        entry: Entry,
        depth: usize,
        version: &Rc<Version>,
        always: bool,
    ) -> Result<bool> {
        let mark = |remake| {
            if let Some(unit) = self.state.borrow_mut().units.get_mut(&entry) {
                unit.remake = remake;
            }
        };
        // Nothing that runs meanwhile decides to make it again.
        mark(Some(Remake::InsteadOf(Rc::clone(version))));
        let recorded = self.record_towards(vm, &mut recording_of(entry, depth));
        let is_new = always || self.profile.borrow().news() != version.news;
        if !is_new {
            mark(None);
        } else if let Entry::Function(_) = entry {
            self.remake(vm, entry, Remake::InsteadOf(Rc::clone(version)));
        }
        recorded.map(|_| is_new)
    }

    /// Has a unit recorded and compiled anew.
    pub(super) fn remake(&self, vm: &mut Vm, entry: Entry, remake: Remake) {
        let state = &mut *self.state.borrow_mut();
        let unit = state.units.entry(entry).or_default();
        unit.remake = Some(remake);
        unit.is_recorded = false;
        unit.recorded_calls = 0;
        Jit::forget_native(vm, entry);
    }

    /// Makes calls in native code ask the tier again.
    pub(super) fn forget_native(vm: &mut Vm, entry: Entry) {
        if let Some(func) = entry.func(vm.program()) {
            vm.set_native_function(func, None);
            vm.ask_soon(entry.pc());
        }
    }

    /// Builds the unit's region and gives it to the compiler.
    pub(super) fn compile(&self, vm: &mut Vm, entry: Entry) -> std::result::Result<(), Refusal> {
        let stopwatch = Stopwatch::start();
        if let Some(reason) = unit::statically_refused(vm.program(), entry) {
            return Err(Refusal::Static(reason));
        }
        let state = &mut *self.state.borrow_mut();
        if !self.is_repeatable() && state.compile_time > FREE_BUDGET + state.started.elapsed() / BUDGET_SHARE {
            return Err(Refusal::Budget);
        }
        let profile = &*self.profile.borrow();
        state.ask_for_types(self, vm);
        let Made { mut region, signature, is_open } = state.make(vm, profile, entry)?;
        if self.options.spoil_exits {
            shadow::spoil_exits(&mut region);
        }
        let number = state.units.entry(entry).or_default().compiled + 1;
        if self.dumps.wants(Stage::Ir) {
            self.dump(vm, entry, number, Stage::Ir, &region.to_string());
        }
        let forced: Option<Box<[Cell<u8>]>> =
            self.options.stress_exits.then(|| region.exits.iter().map(|_| Cell::new(1)).collect());
        // Only one compilation is under way at a time, so this is the index that a function's version will have.
        let version = if region.is_function { state.functions.len() as u32 } else { 0 };
        let parent = state.parent_of(vm, entry);
        let func = vm.top_function();
        let caught: Vec<bool> = region.exits.iter().map(|exit| unit::is_caught(vm.program(), func, exit)).collect();
        let counts_rounds = unit::counts_rounds(&region, &caught);
        let options = EmitOptions {
            stress: forced.as_ref().map(|flags| flags.as_ptr() as usize),
            version,
            counts_rounds,
            chars: vm.char_table(),
            counting: vm.native_counts().map_err(|_| Refusal::Budget)?,
            pc: entry.pc(),
            // Who compares or forces exits wants to know each.
            older: state.older_code(entry, &signature).filter(|_| self.shadow.is_none() && forced.is_none()),
        };
        state.pending = Some(Pending {
            entry,
            parent,
            forced,
            caught,
            counts_rounds,
            signature,
            is_open,
            news: profile.news(),
            contents: contents(&region),
            built_in: stopwatch.elapsed(),
        });
        let job = Job { region, options, texts: self.dumps.texts() };
        state.compiler.submit(job);
        Ok(())
    }

    /// Shows a stage of a version.
    fn dump(&self, vm: &Vm, entry: Entry, version: u32, stage: Stage, text: &str) {
        let program = vm.program();
        self.dumps.show(stage, &log::place(program, entry), &log::file_name(program, entry), version, text);
    }

    /// Takes what the compiler has finished; with `wait`, whatever it is at work on.
    pub(super) fn take_finished(&self, vm: &mut Vm, wait: bool) {
        let (pending, done) = {
            let state = &mut *self.state.borrow_mut();
            if state.pending.is_none() {
                return;
            }
            let done = if wait { state.compiler.wait() } else { state.compiler.poll() };
            if done.is_none() && !wait {
                return;
            }
            (state.pending.take(), done)
        };
        let Some(pending) = pending else { return };
        match done {
            None => self.refuse(vm, pending.entry, Refusal::Backend),
            Some(Done { compiled: Err(refusal), .. }) => self.refuse(vm, pending.entry, refusal),
            Some(Done { region, compiled: Ok(compiled), time }) => self.install(vm, pending, region, compiled, time),
        }
    }

    /// Waits for what is being compiled, so that a report can count it.
    pub fn finish(&self, vm: &mut Vm) {
        self.take_finished(vm, true);
    }

    fn install(&self, vm: &mut Vm, pending: Pending, region: Region, compiled: Compiled, time: Duration) {
        let Pending { entry, parent, forced, caught, counts_rounds, signature, is_open, news, contents, built_in } =
            pending;
        if self.options.perf_map {
            let place = log::place(vm.program(), entry);
            self.perf_map.add(compiled.code as usize, compiled.size, &place, self.options.tool);
        }
        let replayable = self.shadow.is_some() && shadow::can_be_replayed(vm, &region);
        let nests = region.is_function && calls_functions(&region);
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let time = built_in + time;
        state.spent += time;
        state.compile_time += time;
        state.code_bytes += compiled.size;
        let version = Rc::new(Version {
            code: compiled.code,
            taken: RefCell::new(vec![0; region.exits.len()]),
            counts_rounds,
            nests,
            exits: region.exits,
            window: region.window,
            inlined_depth: region.inlined_depth,
            replayable,
            forced,
            caught,
            entry: signature,
            is_open,
            news,
            contents,
        });
        let interpreted = state.interpreted(vm);
        let unit = state.units.entry(entry).or_default();
        unit.compiled += 1;
        unit.made_at = MadeAt { interpreted, exits: unit.exits };
        let (number, size) = (unit.compiled, unit.extent.size());
        add_version(unit, &version);
        // The loop around it has been running for as long.
        match parent {
            Some(parent) if self.is_repeatable() => state.ask_if_new(vm, parent),
            _ => unit.around = parent,
        }
        if let Entry::Function(_) = entry {
            state.functions.push((entry, version));
            if let Some(func) = entry.func(vm.program()) {
                vm.set_native_function(func, Some(compiled.code));
            }
        }
        drop(guard);
        for (stage, text) in [(Stage::Clif, compiled.clif), (Stage::Asm, compiled.asm)] {
            if let Some(text) = text {
                self.dump(vm, entry, number, stage, &text);
            }
        }
        let details = [
            ("ms", format!("{:.3}", time.as_secs_f64() * 1e3)),
            ("bytes", compiled.size.to_string()),
            ("bytecodes", size.to_string()),
            ("version", number.to_string()),
        ];
        self.transition(vm, entry, Phase::Native, &details);
    }
}

impl State {
    /// Reads and checks the program's facts, when the first region is built. Wrong ones are not used.
    fn ask_for_types(&mut self, jit: &Jit, vm: &Vm) {
        self.types.get_or_init(|| {
            let program = vm.program();
            if program.code.len() > MAX_CODE {
                return None;
            }
            match vm.checked_types() {
                Ok(types) => types.map(|types| StaticTypes::new(types, program, jit.options.judges_facts)),
                Err(error) => {
                    if let Some(format) = jit.options.log {
                        log::log_facts_dropped(format, &error);
                    }
                    None
                }
            }
        });
    }

    /// Of a function, the newest native code for values of other types, which the one that is about to be made does not
    /// replace.
    fn older_code(&self, entry: Entry, signature: &[u64]) -> Option<usize> {
        let Entry::Function(_) = entry else { return None };
        let unit = self.units.get(&entry)?;
        let stays = |version: &&Rc<Version>| !is_replaced(unit.remake.as_ref(), signature, version);
        unit.versions.iter().find(stays).map(|version| version.code as usize)
    }

    /// Builds and optimises a unit's region for the values at hand; for whatever may come, if it is the last that may
    /// be made.
    fn make(
        &mut self,
        vm: &Vm,
        profile: &crate::jit::feedback::TypeProfile,
        entry: Entry,
    ) -> std::result::Result<Made, Refusal> {
        let unit = self.units.entry(entry).or_default();
        let replaces_open = matches!(&unit.remake, Some(Remake::InsteadOf(version)) if version.is_open);
        let adds = matches!(unit.remake, Some(Remake::ForEntry));
        let is_last = policy::is_last_version(unit);
        unit.speculation_ban.everywhere |= is_last;
        let (flows, types) = (&mut self.flows, self.types.get().and_then(Option::as_ref));
        let mut build = |is_open: bool| -> std::result::Result<Made, Refusal> {
            let open = is_open.then_some(&unit.entry_types);
            let mut region = translate::build(vm, profile, flows, entry, types, open)?;
            opt::optimise(&mut region, &unit.speculation_ban);
            let signature = region.entry_signature();
            Ok(Made { region, signature, is_open })
        };
        let mut made = build(is_last || replaces_open)?;
        // What did not fit is gone by now, and the values at hand have a version already: the new one takes the types
        // that did not fit beside theirs.
        if !made.is_open && adds && unit.versions.iter().any(|version| version.entry == made.signature) {
            made = build(true)?;
        }
        for (home, tag) in made.region.entry_types.drain(..) {
            unit.entry_types.entry(home).or_default().add(tag);
        }
        Ok(made)
    }
}

/// Adds a version to a unit, instead of the one that it replaces and of any for the same entry.
fn add_version(unit: &mut Unit, version: &Rc<Version>) {
    let remake = unit.remake.take();
    let versions = Rc::make_mut(&mut unit.versions);
    versions.retain(|known| !is_replaced(remake.as_ref(), &version.entry, known));
    let place = if version.is_open { versions.len() } else { 0 };
    versions.insert(place, Rc::clone(version));
}

/// Whether a version gives its place to one that is made for such an entry.
fn is_replaced(remake: Option<&Remake>, signature: &[u64], known: &Rc<Version>) -> bool {
    let is_remade = matches!(remake, Some(Remake::InsteadOf(version)) if Rc::ptr_eq(version, known));
    is_remade || known.entry == signature
}

/// Whether functions are called natively.
fn calls_functions(region: &Region) -> bool {
    let mut insts = region.order.iter().flat_map(|&id| &region.block(id).insts);
    insts.any(|(_, inst)| matches!(inst, Inst::CallFunction { .. }))
}

/// What a region consists of.
fn contents(region: &Region) -> Contents {
    let insts = || region.order.iter().flat_map(|&id| &region.block(id).insts);
    let ints: FxHashMap<Val, i64> = insts()
        .filter_map(|(val, inst)| match inst {
            Inst::Int(value) => Some(((*val)?, *value)),
            _ => None,
        })
        .collect();
    // The helpers of steps are given the instruction as their second argument.
    let stepped = |inst: &Inst| match inst {
        Inst::Call { helper: Helper::Step | Helper::StepCall | Helper::TailCall, args, .. } => {
            ints.get(&args[1]).map(|&pc| pc as u32)
        }
        _ => None,
    };
    Contents {
        loops: region.loops.iter().map(|inner| inner.entry.pc).collect(),
        functions: region.inlined.iter().copied().collect(),
        steps: insts().filter_map(|(_, inst)| stepped(inst)).collect(),
    }
}

/// How much to record of a loop or function in a frame of that depth.
fn recording_of(entry: Entry, depth: usize) -> Recording {
    let (patience, budget) = match entry {
        Entry::Loop(_) => (CONVERGED_INSIDE, LOOP_BUDGET),
        Entry::Function(_) => (CONVERGED_FUNCTION, FUNCTION_BUDGET),
    };
    Recording {
        entry,
        depth,
        iterations: RECORDED_ITERATIONS,
        budget,
        patience,
        unsurprising: 0,
        repeated: 0,
        inside_built_in: 0,
    }
}

/// Whether a unit may get another version.
pub(super) fn may_be_made_again(unit: &Unit) -> bool {
    unit.compiled < MAX_COMPILED && unit.remake.is_none()
}
