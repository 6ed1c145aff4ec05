//! Policy: which loops become native, when, and when not any more.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::backend::{Compiled, Dump};
use super::compiler::{Compiler, Done, Job};
use super::emit::EmitOptions;
use super::feedback::TypeProfile;
use super::ir::{Exit, ExitReason, Region};
use super::opt;
use super::perf_map::PerfMap;
use super::record::{self, Goal, Recorded};
use super::shadow::{self, Shadow};
use super::spots::{self, HotSpot, Version};
use super::stays::Stay;
use super::translate::{self, Flows, Refusal, Spot};
use crate::bytecode::{FunctionKind, Op};
use crate::runtime::error::Result;
use crate::runtime::hooks::Tier;
use crate::runtime::native::{FIRST_EXIT, NOT_ENTERED, TAIL_CALLED};
use crate::runtime::vm::Vm;

/// How events are logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

/// What the user asked for.
#[derive(Clone, Copy, Default, Debug)]
pub struct JitOptions {
    /// Log events to stderr as they happen.
    pub log: Option<LogFormat>,
    /// Make every guard fail once.
    pub stress_exits: bool,
    /// How much of what native code leaves behind is compared with what interpreting does.
    pub shadow: Option<shadow::Limits>,
    /// Make every snapshot wrong, so that the comparison can be tested.
    pub spoil_exits: bool,
    /// Print stages to stderr.
    pub dump: Dump,
    /// Write a map of the code for `perf`.
    pub perf_map: bool,
    /// Iterations after which a loop is hot.
    pub threshold: u32,
    /// Calls after which a function is hot.
    pub function_threshold: u32,
    /// Count and observe, but compile nothing.
    pub observe_only: bool,
    /// Wait for each compilation, so that each run does the same.
    pub wait: bool,
}

/// Iterations to record before a loop is compiled, at most, and how many of them in a row may show nothing new. At what was not seen native code is left,
/// so it is worth some iterations to see the ways that are taken now and then.
const RECORDED_ITERATIONS: u32 = 24;
const REPETITIONS: u32 = 8;
/// Calls to record before a function is compiled.
const RECORDED_CALLS: u32 = 10;
/// Instructions to record of a function at most, and of a loop: enough to see all of a large one once, as what was not seen is left to the interpreter.
const FUNCTION_BUDGET: u32 = 4_000;
const LOOP_BUDGET: u32 = 20_000;
/// Exits by the same guard after which the types are looked at again, and exits to the same code that had not been seen, which cost less each than making
/// the region anew.
const HOT_EXIT: u32 = 6;
const HOT_UNSEEN: u32 = 50;
/// Instructions to record when code is come to that had not been seen: when the region is made anew, whyever, that code is in it.
const GLANCE: u32 = 200;
/// Versions of one loop's code that are there at a time, each for another entry, and how often code is made in all.
const MAX_VERSIONS: usize = 4;
const MAX_COMPILED: u32 = 16;
/// Entries that were refused by every version after which a loop stays interpreted.
const MAX_REFUSED_ENTRIES: u32 = 200;
/// Exits, once no further version may be made, after which a loop that keeps leaving stays interpreted.
const MAX_HOT_EXITS: u64 = 20_000;
/// Compilation may take this much of the run time, and `FREE_BUDGET` besides.
const BUDGET_SHARE: u32 = 4;
const FREE_BUDGET: Duration = Duration::from_millis(100);

/// How many iterations to go on with before looking again what has become of a compilation.
const UNTIL_NEXT_LOOK: u32 = 16;

/// A recording of a loop that has learnt nothing for so many instructions goes round in a loop inside. What it could still learn is not worth the wait.
const SETTLED: u32 = 256;
/// So much of the program's time goes into native code before anything has come of it, and this share of the run time besides.
const ADVANCE: Duration = Duration::from_micros(700);
const SPARE_SHARE: u32 = 20;
/// How often the compilation of a loop is put off when a loop around it has native code, or is about to.
const MAX_DEFERRED: u32 = 8;
/// A loop of fewer iterations a call is left to the function it stands in, and asks so often whether that has native code by now.
const SHORT_TRIP: u64 = 16;
const MAX_DEFERRED_TO_FUNCTION: u32 = 3;
/// A hot function is compiled by itself once it was called this many times as often as made it hot.
const PATIENCE: u32 = 20;
/// How long a counter runs that nobody needs to hear of.
const SELDOM: u32 = 1 << 30;

/// What the compiler is at work on.
struct Pending {
    spot: Spot,
    parent: Option<Spot>,
    forced: Option<Box<[std::cell::Cell<u8>]>>,
    /// By exit, whether a handler of the region covers it.
    caught: Vec<bool>,
    counts_rounds: bool,
    entry: Vec<u64>,
    is_open: bool,
    news: u64,
    /// What building the region took.
    built_in: Duration,
}

/// The tier: see the module documentation of [`super`].
pub struct Jit {
    pub(super) options: JitOptions,
    perf_map: PerfMap,
    pub(super) profile: RefCell<TypeProfile>,
    pub(super) shadow: Option<Shadow>,
    state: RefCell<State>,
}

pub(super) struct State {
    compiler: Compiler,
    pending: Option<Pending>,
    flows: Flows,
    pub(super) spots: FxHashMap<Spot, HotSpot>,
    /// All versions of functions: native code that was left says which it is.
    functions: Vec<(Spot, Rc<Version>)>,
    pub(super) hot_functions: FxHashMap<u32, u64>,
    started: Instant,
    pub(super) compile_time: Duration,
    /// What making native code has taken: recording, building, and what the compiler did beside the program.
    spent: Duration,
    /// Time spent in native code, by samples.
    earned: Duration,
    pub(super) code_bytes: usize,
    pub(super) exit_reasons: [u64; ExitReason::COUNT],
}

impl State {
    /// The loop around a loop of the running function.
    fn parent_of(&mut self, vm: &Vm, spot: Spot) -> Option<Spot> {
        let Spot::Loop(header) = spot else { return None };
        let flow = self.flows.of(vm.program(), vm.top_function()).ok()?;
        let index = flow.loop_with_header(header - flow.start)?;
        let parent = flow.loop_at(index).parent?;
        Some(Spot::Loop(flow.start + flow.block(flow.loop_at(parent).header).start))
    }

    /// Asks about a loop at its next iteration, if it has not been asked about.
    fn ask_if_new(&self, vm: &mut Vm, spot: Spot) {
        if !self.spots.contains_key(&spot) {
            vm.ask_soon(spot.pc());
        }
    }

    /// Whether a loop or one around it has native code, or will be compiled when it comes round again.
    fn will_be_native(&mut self, vm: &Vm, innermost: Spot) -> bool {
        let mut next = Some(innermost);
        while let Some(spot) = next {
            if self.spots.get(&spot).is_some_and(HotSpot::will_be_native) {
                return true;
            }
            next = self.parent_of(vm, spot);
        }
        false
    }

    /// Whether to wait until the function that a loop stands in has become native. That is better if the function is called often and the loop
    /// soon over each time: entering the loop would take as long as its iterations do, whereas the function is called by native code.
    fn defer_to_function(&mut self, vm: &mut Vm, spot: Spot, threshold: u32) -> bool {
        let Spot::Loop(header) = spot else { return false };
        let entry = vm.program().functions[vm.top_function().index()].code.start;
        let (calls, rounds) = (vm.times_counted(entry), vm.times_counted(header));
        if calls < threshold.into() || rounds / calls >= SHORT_TRIP || !ends_natively(vm) {
            return false;
        }
        let function = self.spots.get(&Spot::Function(entry));
        let (is_new, is_refused) = (function.is_none(), function.is_some_and(|hot| hot.refused.is_some()));
        let deferred = self.spots.get(&spot).map_or(0, |hot| hot.deferred);
        if deferred >= MAX_DEFERRED_TO_FUNCTION || is_refused {
            return false;
        }
        self.spots.entry(spot).or_default().deferred += 1;
        if is_new {
            vm.ask_soon(entry);
        }
        true
    }

    /// The outermost of a loop and those around it that have come round since they were asked about, and that nothing has been made of.
    fn outermost_waiting(&mut self, vm: &Vm, innermost: Spot) -> Option<Spot> {
        let mut outermost = None;
        let mut next = Some(innermost);
        while let Some(spot) = next
            && self.spots.get(&spot).is_some_and(HotSpot::is_waiting)
        {
            outermost = Some(spot);
            next = self.parent_of(vm, spot);
        }
        outermost
    }
}

impl Jit {
    /// A tier for a program with so many instructions.
    pub fn new(code_len: usize, options: JitOptions) -> Jit {
        Jit {
            options,
            perf_map: PerfMap::default(),
            profile: RefCell::new(TypeProfile::new(code_len)),
            shadow: options.shadow.map(Shadow::new),
            state: RefCell::new(State {
                compiler: Compiler::default(),
                pending: None,
                flows: Flows::default(),
                spots: FxHashMap::default(),
                functions: Vec::new(),
                hot_functions: FxHashMap::default(),
                started: Instant::now(),
                compile_time: Duration::ZERO,
                spent: Duration::ZERO,
                earned: Duration::ZERO,
                code_bytes: 0,
                exit_reasons: [0; ExitReason::COUNT],
            }),
        }
    }

    pub(super) fn state(&self) -> std::cell::Ref<'_, State> {
        self.state.borrow()
    }

    /// The loop or function is hot, and the top frame is there: goes on as long as the tier has something to do.
    fn run_spot(&self, vm: &mut Vm, spot: Spot) -> Result<u32> {
        loop {
            self.take_finished(vm, false);
            let (refused, has_code, recorded) = {
                let mut state = self.state.borrow_mut();
                // One thing at a time: whoever else is hot asks again at its next iteration.
                let busy = state.pending.is_some();
                let is_mine = state.pending.as_ref().is_some_and(|pending| pending.spot == spot);
                let hot = state.spots.entry(spot).or_default();
                let has_code = !hot.versions.is_empty() && (!hot.stale || (is_mine && hot.left.is_some()));
                if busy && !has_code && hot.refused.is_none() {
                    // The compiler may be waiting for this very processor.
                    std::thread::yield_now();
                    return Ok(UNTIL_NEXT_LOOK);
                }
                (hot.refused.is_some(), has_code, hot.recorded)
            };
            if refused {
                return Ok(SELDOM);
            }
            if has_code {
                match self.enter(vm, spot)? {
                    Entered::Left { pause } => return Ok(pause),
                    Entered::NotFitting => {
                        let mut state = self.state.borrow_mut();
                        let hot = state.spots.entry(spot).or_default();
                        hot.refused_entries += 1;
                        // The version being made replaces one that did not fit either.
                        if hot.stale {
                            return Ok(UNTIL_NEXT_LOOK);
                        }
                        hot.note_entry_types(vm);
                        let is_last = hot.versions.len() >= MAX_VERSIONS || hot.compiled >= MAX_COMPILED;
                        let too_often = hot.refused_entries > MAX_REFUSED_ENTRIES;
                        hot.is_polymorphic = true;
                        drop(state);
                        if is_last && too_often {
                            self.refuse(vm, spot, Refusal::Unstable);
                            return Ok(SELDOM);
                        }
                        if is_last {
                            return Ok(1);
                        }
                        self.make_stale(vm, spot);
                    }
                    Entered::NoRoom => return Ok(1),
                }
                continue;
            }
            if !self.can_afford_more() {
                return Ok(self.options.threshold);
            }
            let started = Instant::now();
            if !recorded && self.defer(vm, spot) {
                return Ok(self.options.threshold);
            }
            if !recorded && !self.record(vm, spot)? {
                let mut state = self.state.borrow_mut();
                let hot = state.spots.entry(spot).or_default();
                hot.recorded_calls += 1;
                // One call of a recursive function may see nothing but its end.
                hot.recorded = !matches!(spot, Spot::Function(_)) || hot.recorded_calls >= RECORDED_CALLS;
                return Ok(1);
            }
            if self.options.observe_only {
                return Ok(SELDOM);
            }
            // Recording may have passed other loops that had something compiled.
            self.take_finished(vm, self.options.wait);
            if self.state.borrow().pending.is_some() {
                return Ok(UNTIL_NEXT_LOOK);
            }
            self.state.borrow_mut().spent += started.elapsed();
            if let Err(refusal) = self.compile(vm, spot) {
                self.refuse(vm, spot, refusal);
                return Ok(SELDOM);
            }
            self.take_finished(vm, self.options.wait);
        }
    }

    /// Whether the program has got back, or can spare, the time it has given to making native code. What one loop costs is soon earned by it; but hundreds
    /// of loops that end just after they were compiled would cost more than they save.
    fn can_afford_more(&self) -> bool {
        let state = self.state.borrow();
        self.is_repeatable() || state.spent <= ADVANCE + state.earned + state.started.elapsed() / SPARE_SHARE
    }

    /// Whether the run is to be the same each time, and so must not depend on the clock.
    fn is_repeatable(&self) -> bool {
        self.options.wait || self.is_eager()
    }

    /// Whether all is to be compiled as soon as it is met.
    fn is_eager(&self) -> bool {
        self.options.threshold == 1
    }

    /// Whether to wait for the loop around this one: if that comes round within as many iterations as made this one hot, it is compiled with this
    /// one in it, and compiling this one alone would have been in vain. If it does come round but waits for a loop around itself in turn, and that
    /// does not come, this one has waited long enough for both of them. If a loop around it has native code, or will have some when it comes round
    /// again, this one runs in the interpreter only until then, so it has to be hot several times over. A loop that no other is around may wait for
    /// its function.
    fn defer(&self, vm: &mut Vm, spot: Spot) -> bool {
        let state = &mut *self.state.borrow_mut();
        let Some(parent) = state.parent_of(vm, spot) else {
            return !self.is_eager() && state.defer_to_function(vm, spot, self.options.function_threshold);
        };
        let deferred = state.spots.get(&spot).map_or(0, |hot| hot.deferred);
        let (limit, asked) = if state.will_be_native(vm, parent) {
            (MAX_DEFERRED, None)
        } else if state.spots.contains_key(&parent) {
            match state.outermost_waiting(vm, parent) {
                Some(waiting) => (2, Some(waiting)),
                None => return false,
            }
        } else {
            (1, Some(parent))
        };
        if deferred >= limit {
            return false;
        }
        state.spots.entry(spot).or_default().deferred += 1;
        if let Some(asked) = asked {
            vm.ask_soon(asked.pc());
        }
        true
    }

    /// Records what the top frame does from here on: some iterations of the loop, or a call of the function. Whether the top frame stands at the
    /// loop's header again.
    fn record(&self, vm: &mut Vm, spot: Spot) -> Result<bool> {
        self.record_towards(vm, spot, goal(spot, vm.depth()))
    }

    fn record_towards(&self, vm: &mut Vm, spot: Spot, mut goal: Goal) -> Result<bool> {
        // Whatever becomes of the recording, the next question leads to compilation.
        self.state.borrow_mut().spots.entry(spot).or_default().recorded = true;
        let has_native = |at: u32| {
            let (state, inner) = (self.state.borrow(), Spot::Loop(at));
            let hot = state.spots.get(&inner).filter(|_| inner != spot);
            hot.is_some_and(HotSpot::is_native)
        };
        loop {
            match record::record(vm, &self.profile, &mut goal, &has_native)? {
                Recorded::AtHeader => return Ok(true),
                Recorded::Elsewhere => return Ok(false),
                Recorded::AtNative(inner) => {
                    self.run_spot(vm, Spot::Loop(inner))?;
                    if vm.depth() < goal.depth {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn refuse(&self, vm: &mut Vm, spot: Spot, refusal: Refusal) {
        self.forget_native(vm, spot);
        self.state.borrow_mut().spots.entry(spot).or_default().refused = Some(refusal);
        self.log(vm, "refused", spot.pc(), &[("reason", refusal.code().to_string())]);
    }

    /// Builds the loop's region and gives it to the compiler.
    fn compile(&self, vm: &mut Vm, spot: Spot) -> std::result::Result<(), Refusal> {
        let started = Instant::now();
        if let Some(reason) = spots::statically_refused(vm.program(), spot) {
            return Err(Refusal::Static(reason));
        }
        let state = &mut *self.state.borrow_mut();
        if !self.is_repeatable() && state.compile_time > FREE_BUDGET + state.started.elapsed() / BUDGET_SHARE {
            return Err(Refusal::Budget);
        }
        let hot = state.spots.entry(spot).or_default();
        // The last version is made for whatever may come.
        let replaces_open = hot.left.as_ref().is_some_and(|version| version.is_open);
        let is_last =
            hot.compiled + 1 >= MAX_COMPILED || (hot.left.is_none() && hot.versions.len() + 1 >= MAX_VERSIONS);
        let mut is_open = is_last || replaces_open;
        let profile = &*self.profile.borrow();
        let mut build = |hot: &mut HotSpot, is_open: bool| -> std::result::Result<Region, Refusal> {
            let open = is_open.then_some(&hot.entry_types);
            let mut region = translate::build(vm, profile, &mut state.flows, spot, open)?;
            hot.caution.everywhere |= is_last;
            opt::optimise(&mut region, &hot.caution);
            Ok(region)
        };
        let mut region = build(hot, is_open)?;
        let mut entry = region.entry_signature();
        // What did not fit is gone by now, and the values at hand have a version already: the new one takes the types that did not fit beside theirs.
        if !is_open && hot.left.is_none() && hot.versions.iter().any(|version| version.entry == entry) {
            is_open = true;
            region = build(hot, is_open)?;
            entry = region.entry_signature();
        }
        for (home, tag) in region.entry_types.drain(..) {
            hot.entry_types.entry(home).or_default().add(tag);
        }
        let news = profile.news();
        if self.options.spoil_exits {
            shadow::spoil_exits(&mut region);
        }
        if self.options.dump.region {
            eprintln!("region {}:\n{region}", super::stats::place(vm.program(), spot.pc()));
        }
        let forced: Option<Box<[std::cell::Cell<u8>]>> =
            self.options.stress_exits.then(|| region.exits.iter().map(|_| std::cell::Cell::new(1)).collect());
        // Only one compilation is under way at a time, so this is the index that a function's version will have.
        let version = if region.is_function { state.functions.len() as u32 } else { 0 };
        let parent = state.parent_of(vm, spot);
        let func = vm.top_function();
        let caught: Vec<bool> = region.exits.iter().map(|exit| spots::is_caught(vm.program(), func, exit)).collect();
        let counts_rounds = spots::counts_rounds(&region, &caught);
        let options =
            EmitOptions { stress: forced.as_ref().map(|flags| flags.as_ptr() as usize), version, counts_rounds };
        let built_in = started.elapsed();
        state.pending = Some(Pending { spot, parent, forced, caught, counts_rounds, entry, is_open, news, built_in });
        let job = Job { region, options, dump: self.options.dump };
        if !state.compiler.submit(job) {
            state.pending = None;
            return Err(Refusal::Backend);
        }
        Ok(())
    }

    /// Takes what the compiler has finished; with `wait`, whatever it is at work on.
    fn take_finished(&self, vm: &mut Vm, wait: bool) {
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
        let spot = pending.spot;
        match done {
            None => self.refuse(vm, spot, Refusal::Backend),
            Some(Done { compiled: Err(refusal), .. }) => self.refuse(vm, spot, refusal),
            Some(Done { region, compiled: Ok(compiled), time }) => self.install(vm, pending, region, compiled, time),
        }
    }

    /// Waits for what is being compiled, so that a report can count it.
    pub fn settle(&self, vm: &mut Vm) {
        self.take_finished(vm, true);
    }

    fn install(&self, vm: &mut Vm, pending: Pending, region: Region, compiled: Compiled, time: Duration) {
        let Pending { spot, parent, forced, caught, counts_rounds, entry, is_open, news, built_in } = pending;
        if !compiled.text.is_empty() {
            eprintln!("{}", compiled.text);
        }
        if self.options.perf_map {
            let place = super::stats::place(vm.program(), spot.pc());
            self.perf_map.add(compiled.code as usize, compiled.size, &place);
        }
        let replayable = self.shadow.is_some() && shadow::can_be_replayed(vm, &region);
        let state = &mut *self.state.borrow_mut();
        let time = built_in + time;
        state.spent += time;
        state.compile_time += time;
        state.code_bytes += compiled.size;
        let hot = state.spots.entry(spot).or_default();
        hot.stale = false;
        let left = hot.left.take();
        hot.compiled += 1;
        let version = hot.compiled;
        let installed = Rc::new(Version {
            code: compiled.code,
            taken: RefCell::new(vec![0; region.exits.len()]),
            counts_rounds,
            exits: region.exits,
            window: region.window,
            inlined_depth: region.inlined_depth,
            replayable,
            forced,
            caught,
            entry,
            is_open,
            news,
        });
        let versions = Rc::make_mut(&mut hot.versions);
        versions.retain(|version| {
            version.entry != installed.entry && !left.as_ref().is_some_and(|left| Rc::ptr_eq(left, version))
        });
        let at = if is_open { versions.len() } else { 0 };
        versions.insert(at, Rc::clone(&installed));
        if let Spot::Function(entry) = spot {
            state.functions.push((spot, installed));
            if let Some(func) = spots::function_at(vm.program(), entry) {
                vm.set_native_function(func, Some(compiled.code));
            }
        }
        // The loop around it has been running for as long.
        match parent {
            Some(parent) if self.is_repeatable() => state.ask_if_new(vm, parent),
            _ => hot.around = parent,
        }
        let details = [
            ("ms", format!("{:.3}", time.as_secs_f64() * 1e3)),
            ("bytes", compiled.size.to_string()),
            ("version", version.to_string()),
        ];
        self.log(vm, "compiled", spot.pc(), &details);
    }

    /// Runs native code of the loop or function from its beginning.
    fn enter(&self, vm: &mut Vm, spot: Spot) -> Result<Entered> {
        let (versions, is_timed) = match self.state.borrow().spots.get(&spot) {
            Some(hot) => (Rc::clone(&hot.versions), hot.stays.next_is_timed()),
            None => return Ok(Entered::NotFitting),
        };
        let is_timed = is_timed && !self.is_repeatable();
        for version in versions.iter() {
            if !vm.room_for_native(version.window, version.inlined_depth) {
                return Ok(Entered::NoRoom);
            }
            let base = vm.top_base();
            let shadow = self.shadow.as_ref().filter(|_| version.replayable);
            let before = shadow.and_then(|shadow| shadow.before(vm, version.window));
            let outer_rounds = vm.rounds();
            vm.set_rounds(0);
            let entered = is_timed.then(Instant::now);
            // SAFETY: the code was compiled for this loop or function of this machine's program, whose frame is on top with its pc at the
            // beginning; the window that it uses above the base exists, and there is room for the frames it starts.
            let result = unsafe { (version.code)(vm, base) };
            let stay = entered
                .map(|entered| Stay { time: entered.elapsed(), rounds: version.counts_rounds.then(|| vm.rounds()) });
            vm.set_rounds(outer_rounds);
            let left = result.said;
            if left == NOT_ENTERED {
                return Ok(Entered::NoRoom);
            }
            if left < FIRST_EXIT {
                // SAFETY: the code says so, and has ended the frame that had this base.
                unsafe { vm.take_native_result(base, result) };
                let pause = self.count_stay(vm, spot, stay);
                return Ok(Entered::Left { pause });
            }
            if left == TAIL_CALLED {
                let pause = self.count_stay(vm, spot, stay);
                match vm.follow_tail_calls(left) {
                    left if left < FIRST_EXIT => {}
                    NOT_ENTERED if vm.may_nest() => vm.begin_not_entered()?,
                    NOT_ENTERED => vm.set_top_pc_to_start(),
                    left => self.after_exit(vm, left)?,
                }
                return Ok(Entered::Left { pause });
            }
            let exit = &version.exits[exit_number(left)];
            if let Some((shadow, before)) = shadow.zip(before) {
                shadow.compare(vm, &mut self.state.borrow_mut().flows, before, exit)?;
            }
            match self.count_exit(spot, version, exit_number(left)) {
                Counted::NotEntered => continue,
                Counted::ForcedAtEntry => return Ok(Entered::Left { pause: 1 }),
                Counted::Left(interest) => {
                    // What ends in code not seen will not end there for long: no reason to enter more seldom.
                    let pause = self.count_stay(vm, spot, stay.filter(|_| interest == Interest::None));
                    let left = self.leave(vm, spot, base, version, exit, interest);
                    if left.is_err() {
                        vm.ask_after_error(pause);
                    }
                    return left.map(|()| Entered::Left { pause });
                }
            }
        }
        Ok(Entered::NotFitting)
    }

    /// Takes note of a stay in native code, and of how long it was if that was measured. After how many iterations or calls to enter it again.
    fn count_stay(&self, vm: &mut Vm, spot: Spot, stay: Option<Stay>) -> u32 {
        let state = &mut *self.state.borrow_mut();
        let hot = state.spots.entry(spot).or_default();
        state.earned += hot.stays.count(stay);
        let pause = hot.stays.pause();
        if stay.is_some_and(|stay| !stay.is_long())
            && let Some(around) = hot.around.take()
        {
            state.ask_if_new(vm, around);
        }
        pause
    }

    /// Takes note of an exit that was taken.
    fn count_exit(&self, spot: Spot, version: &Version, number: usize) -> Counted {
        let exit = &version.exits[number];
        let forced = version.forced.as_ref().is_some_and(|flags| flags[number].replace(0) == 1);
        let state = &mut *self.state.borrow_mut();
        state.exit_reasons[exit.reason as usize] += 1;
        if exit.reason == ExitReason::EntryType {
            return if forced { Counted::ForcedAtEntry } else { Counted::NotEntered };
        }
        let hot = state.spots.entry(spot).or_default();
        let (mut hot_exit, mut is_first, mut may_be_remade) = (false, false, false);
        if exit.reason.asks_for_recompilation() {
            hot.exits += 1;
            if !forced {
                // Errors that the code catches itself are its business, not a sign of other types.
                hot.guard_exits += u64::from(!version.caught[number]);
                let taken = &mut version.taken.borrow_mut()[number];
                *taken += 1;
                let is_last = hot.compiled >= MAX_COMPILED || exit.reason.is_about_numbers();
                hot_exit = is_hot(exit.reason, *taken) && !is_last && !hot.stale;
                is_first = *taken == 1;
                may_be_remade = !is_last && !hot.stale;
                if hot_exit && exit.reason == ExitReason::Hoisted {
                    hot.caution.loops.insert(exit.pc);
                }
                if is_last && hot.guard_exits > MAX_HOT_EXITS && hot.guard_exits > hot.stays.entered() / 2 {
                    hot.refused = Some(Refusal::Unstable);
                }
            }
        }
        Counted::Left(match (hot_exit, is_first) {
            (true, _) => Interest::Remake,
            (_, true) if exit.reason == ExitReason::Unseen => Interest::Glance,
            (_, false) if exit.reason == ExitReason::Unseen && may_be_remade => Interest::Unseen,
            _ => Interest::None,
        })
    }

    /// Makes the interpreter's state what the exit says.
    fn leave(
        &self,
        vm: &mut Vm,
        spot: Spot,
        base: *mut crate::runtime::value::Value,
        version: &Rc<Version>,
        exit: &Exit,
        interest: Interest,
    ) -> Result<()> {
        let pending = vm.take_pending();
        if exit.reason == ExitReason::Throw
            && let Some(error) = pending
        {
            // The helper has left the pc behind the instruction, as raising an error wants it.
            return Err(error);
        }
        let depth = vm.depth();
        for frame in &exit.frames {
            vm.push_inlined(frame.func, frame.base, frame.return_pc, base)?;
        }
        vm.set_top_pc(exit.pc);
        if matches!(exit.reason, ExitReason::Throw | ExitReason::Safepoint) && vm.heap.should_collect() {
            vm.collect_now()?;
        }
        self.check_frame(vm);
        if exit.reason.asks_for_recompilation() {
            self.log(vm, "exit", spot.pc(), &[("reason", exit.reason.name().to_string()), ("pc", exit.pc.to_string())]);
        }
        // An index out of range is an error, unless it counts from the end.
        let may_fit_better = || exit.reason != ExitReason::Bounds || record::note_instruction(vm, &self.profile);
        match interest {
            Interest::Remake if may_fit_better() => self.record_to_remake(vm, spot, depth, version, exit.reason),
            Interest::Glance if !self.options.observe_only => {
                let glance = Goal { iterations: 1, budget: GLANCE, ..goal(spot, depth) };
                self.record_towards(vm, spot, glance).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// An exit was taken often, and the top frame stands where it has led: records from there on, and has the version replaced if that showed anything that it
    /// was not made for.
    fn record_to_remake(
        &self,
        vm: &mut Vm,
        spot: Spot,
        depth: usize,
        version: &Rc<Version>,
        reason: ExitReason,
    ) -> Result<()> {
        self.log(vm, "recompile", spot.pc(), &[("reason", reason.name().to_string())]);
        if let Some(hot) = self.state.borrow_mut().spots.get_mut(&spot) {
            hot.stale = true;
        }
        if reason == ExitReason::Type {
            record::note_last_result(vm, &self.profile);
        }
        // What did not fit comes next, or has just come. The following calls may not show it.
        let recorded = self.record_towards(vm, spot, goal(spot, depth));
        let is_new = reason == ExitReason::Hoisted || self.profile.borrow().news() != version.news;
        if let Some(hot) = self.state.borrow_mut().spots.get_mut(&spot) {
            hot.stale = is_new;
            hot.left = is_new.then(|| Rc::clone(version));
            hot.is_polymorphic |= is_new && !matches!(reason, ExitReason::Hoisted | ExitReason::Unseen);
        }
        if let Spot::Function(_) = spot
            && is_new
        {
            self.make_stale(vm, spot);
        }
        recorded.map(|_| ())
    }

    /// Native code of a loop or function does not fit what happens: it is recorded and compiled anew.
    fn make_stale(&self, vm: &mut Vm, spot: Spot) {
        let mut state = self.state.borrow_mut();
        let hot = state.spots.entry(spot).or_default();
        hot.stale = true;
        hot.recorded = false;
        hot.recorded_calls = 0;
        drop(state);
        self.forget_native(vm, spot);
    }

    /// Makes calls in native code ask the tier again.
    fn forget_native(&self, vm: &mut Vm, spot: Spot) {
        if let Spot::Function(entry) = spot
            && let Some(func) = spots::function_at(vm.program(), entry)
        {
            vm.set_native_function(func, None);
            vm.ask_soon(entry);
        }
    }

    /// In debug builds: every register of the top frame holds a value that could be there.
    fn check_frame(&self, vm: &Vm) {
        if cfg!(debug_assertions) {
            let registers = vm.image().function(vm.top_function()).registers;
            for register in 0..u32::from(registers) {
                let value = vm.top_register(register);
                if let Some(object) = value.as_object() {
                    assert_eq!(object.kind() as u64, value.tag() as u64, "an exit wrote a value of the wrong type");
                }
                if let Some(truth) = value.as_bool() {
                    assert_eq!(u64::from(truth), value.bits(), "an exit wrote a bool that is neither 0 nor 1");
                }
            }
        }
    }

    /// Logs an event, if the user wants to see them.
    pub(super) fn log(&self, vm: &Vm, event: &str, at: u32, details: &[(&str, String)]) {
        if let Some(format) = self.options.log {
            super::stats::log_event(format, event, &super::stats::place(vm.program(), at), details);
        }
    }
}

/// How much to record of a loop or function in a frame of that depth.
fn goal(spot: Spot, depth: usize) -> Goal {
    let (header, patience, budget) = match spot {
        Spot::Loop(header) => (header, SETTLED, LOOP_BUDGET),
        // No header has this index, so the recording ends with the function or with its budget.
        Spot::Function(_) => (record::NO_HEADER, u32::MAX, FUNCTION_BUDGET),
    };
    Goal {
        header,
        depth,
        iterations: RECORDED_ITERATIONS,
        repetitions: REPETITIONS,
        budget,
        patience,
        unsurprising: 0,
        repeated: 0,
    }
}

/// Whether an exit that was taken so often is to be looked into: the first time it is hot, and more and more seldom after that.
fn is_hot(reason: ExitReason, taken: u32) -> bool {
    let often = if reason == ExitReason::Unseen { HOT_UNSEEN } else { HOT_EXIT };
    taken.is_multiple_of(often) && (taken / often).is_power_of_two()
}

/// The exit in what native code said when it was left.
fn exit_number(left: u64) -> usize {
    (left as u32 - FIRST_EXIT as u32) as usize
}

/// What an exit means.
enum Counted {
    /// The code was not entered: it was compiled for other types.
    NotEntered,
    /// The same, but only because exits are forced.
    ForcedAtEntry,
    Left(Interest),
}

/// What to make of an exit beside leaving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Interest {
    None,
    /// Code is come to that had not been seen, which was counted.
    Unseen,
    /// The same for the first time: to be recorded until the loop comes round or a small budget is spent.
    Glance,
    /// The region is to be recorded and made again.
    Remake,
}

/// What came of an attempt to enter native code.
enum Entered {
    /// It ran and was left; the top frame may be anywhere. So many iterations are to be interpreted before the next entry.
    Left { pause: u32 },
    /// No version was compiled for these types.
    NotFitting,
    /// The stacks are too full.
    NoRoom,
}

impl Tier for Jit {
    fn at_loop(&self, vm: &mut Vm, header: u32) -> Result<u32> {
        let is_new = !self.state.borrow().spots.contains_key(&Spot::Loop(header));
        if is_new {
            self.log(vm, "hot", header, &[]);
        }
        self.run_spot(vm, Spot::Loop(header))
    }

    fn at_function(&self, vm: &mut Vm, entry: u32) -> Result<u32> {
        let calls = vm.times_counted(entry);
        let known = self.state.borrow_mut().hot_functions.insert(entry, calls);
        if known.is_some() {
            return self.run_spot(vm, Spot::Function(entry));
        }
        self.log(vm, "hot-function", entry, &[]);
        if self.options.observe_only || !ends_natively(vm) {
            return Ok(SELDOM);
        }
        // Most functions that are called often are called by a loop, and become native with it.
        Ok((self.options.function_threshold - 1).saturating_mul(PATIENCE))
    }

    fn after_exit(&self, vm: &mut Vm, left: u64) -> Result<()> {
        let found =
            self.state.borrow().functions.get((left >> 32) as usize).map(|(spot, version)| (*spot, Rc::clone(version)));
        let Some((spot, version)) = found else { return Ok(()) };
        let base = vm.top_base();
        match self.count_exit(spot, &version, exit_number(left)) {
            // Another version may fit, or one has to be made.
            Counted::NotEntered => {
                vm.set_top_pc_to_start();
                self.run_spot(vm, spot).map(|_| ())
            }
            Counted::ForcedAtEntry => {
                vm.set_top_pc_to_start();
                Ok(())
            }
            Counted::Left(interest) => {
                self.count_stay(vm, spot, None);
                self.leave(vm, spot, base, &version, &version.exits[exit_number(left)], interest)
            }
        }
    }
}

/// Whether native code of the running function would run it to its end: waiting is left to the interpreter.
fn ends_natively(vm: &Vm) -> bool {
    let program = vm.program();
    let function = &program.functions[vm.top_function().index()];
    let waits = |op: &Op| matches!(op, Op::Await { .. });
    function.kind != FunctionKind::Async && !program.code[function.code.range()].iter().any(waits)
}
