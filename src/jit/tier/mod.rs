//! The tier: which loops and functions become native, when, and when not any more.
//!
//! Each that has been hot is a [`Unit`] with a phase. A counter that runs out asks the tier ([`Jit::run`]);
//! [`policy::decide`] says what to do from what is known, and what is done changes the phase by [`Jit::transition`],
//! which `--jit-log` prints.
//!
//! | file | holds |
//! |---|---|
//! | [`mod@unit`] | units, their phases and versions |
//! | [`policy`] | decisions: pure, tested as a table |
//! | [`work`] | recording, building, compiling, installing |
//! | [`native`] | entering native code, and what follows from leaving it |
//! | [`residency`] | how long native code runs once it was entered |
//! | [`worth`] | whether making native code will pay |

mod native;
pub mod policy;
pub mod residency;
pub mod unit;
mod work;
pub mod worth;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::census;
use super::compiler::Compiler;
use super::dump::{Dump, Dumps};
use super::feedback::TypeProfile;
use super::log::{self, LogFormat};
use super::perf_map::PerfMap;
use super::shadow::{self, Shadow};
use super::static_types::{Judging, StaticTypes};
use super::translate::{Flows, Refusal, is_too_large};
use crate::bytecode::FunctionKind;
use crate::bytecode::facts::Why;
use crate::bytecode::flow::{Flow, LoopIndex};
use crate::runtime::abi::TakenExit;
use crate::runtime::error::Result;
use crate::runtime::hooks::Tier;
use crate::runtime::regions::Entry;
use crate::runtime::vm::Vm;
use native::Entered;
use policy::{Action, Around, CompilerState, Misfit, Surroundings};
use unit::{Phase, Remake, Unit, Version};
use worth::Spans;

/// What the user asked for.
#[derive(Clone, Default, Debug)]
pub struct JitOptions {
    /// What the program that runs others is called.
    pub tool: &'static str,
    /// Log events to stderr as they happen.
    pub log: Option<LogFormat>,
    /// Make every guard fail once.
    pub stress_exits: bool,
    /// Test what facts prove all the same.
    pub judges_facts: Option<Judging>,
    /// How much of what native code leaves behind is compared with what interpreting does.
    pub shadow: Option<shadow::Limits>,
    /// Make every snapshot wrong, so that the comparison can be tested.
    pub spoil_exits: bool,
    /// Stages to be shown.
    pub dump: Vec<Dump>,
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

/// How many iterations to go on with before looking again what has become of a compilation.
const UNTIL_NEXT_LOOK: u32 = 16;
/// How many before asking again whether there is time for a loop whose iterations are long.
const UNTIL_NEXT_SELDOM: u32 = 4;
/// So much of the program's time goes into native code before anything has come of it.
const ADVANCE: Duration = Duration::from_micros(700);
/// And this share of the run time besides.
const SPARE_SHARE: u32 = 4;
/// A loop of fewer iterations a call is left to the function it stands in.
const SHORT_TRIP: u64 = 16;
/// A hot function is compiled by itself once it was called this many times as often as made it hot.
const PATIENCE: u32 = 20;
/// How long a counter runs that nobody needs to hear of.
const SELDOM: u32 = 1 << 30;
/// Bytes of native stack for compiling: deep in a recursion less may be left.
const COMPILER_STACK: usize = 2 << 20;

/// The tier: see the module documentation.
pub struct Jit {
    pub(super) options: JitOptions,
    perf_map: PerfMap,
    dumps: Dumps,
    pub(super) profile: RefCell<TypeProfile>,
    pub(super) shadow: Option<Shadow>,
    state: RefCell<State>,
}

/// What changes while the program runs.
pub(super) struct State {
    compiler: Compiler,
    pending: Option<work::Pending>,
    flows: Flows,
    /// The loops around loops that were asked about, by header. Asking is frequent, and finding one reads the function.
    parents: FxHashMap<u32, Option<Entry>>,
    /// The loops and functions whose work is counted, once that matters.
    spans: OnceCell<Spans>,
    /// What facts say, once that was asked: nothing, if there are none or they are wrong.
    types: OnceCell<Option<StaticTypes>>,
    pub(super) units: FxHashMap<Entry, Unit>,
    /// Loops that were asked about for the sake of a function that a built-in calls in them: their iterations are long.
    seldom: FxHashSet<Entry>,
    /// All versions of functions: native code that was left says which it is.
    functions: Vec<(Entry, Rc<Version>)>,
    started: Instant,
    pub(super) compile_time: Duration,
    /// What making native code has taken: recording, building, and what the compiler did beside the program.
    spent: Duration,
    /// Time spent in native code, by samples.
    earned: Duration,
    pub(super) code_bytes: usize,
}

impl State {
    /// What the program's facts say, if they were asked for.
    pub(super) fn types(&self) -> Option<&StaticTypes> {
        self.types.get().and_then(Option::as_ref)
    }

    /// The loop around a loop of the running function.
    fn parent_of(&mut self, vm: &Vm, entry: Entry) -> Option<Entry> {
        let Entry::Loop(header) = entry else { return None };
        if let Some(&parent) = self.parents.get(&header) {
            return parent;
        }
        let parent = self.find_parent(vm, header);
        self.parents.insert(header, parent);
        parent
    }

    fn find_parent(&mut self, vm: &Vm, header: u32) -> Option<Entry> {
        // Nor is what stands around a large loop compiled.
        if is_too_large(vm.program(), vm.top_function(), header) {
            return None;
        }
        let flow = self.flows.of(vm.program(), vm.top_function()).ok()?;
        let index = flow.loop_with_header(header - flow.start)?;
        let parent = flow.loop_at(index).parent?;
        Some(header_of(&flow, parent))
    }

    /// Asks about a loop at its next iteration, if it has not been asked about.
    fn ask_if_new(&self, vm: &mut Vm, entry: Entry) {
        if !self.units.contains_key(&entry) {
            vm.ask_soon(entry.pc());
        }
    }

    /// Whether a loop or one around it has native code, or will be compiled at its next iteration.
    fn will_be_native(&mut self, vm: &Vm, innermost: Entry) -> bool {
        let mut next = Some(innermost);
        while let Some(entry) = next {
            if self.units.get(&entry).is_some_and(Unit::will_be_native) {
                return true;
            }
            next = self.parent_of(vm, entry);
        }
        false
    }

    /// The outermost of a loop and those around it that have taken a back edge since they were asked about, and that
    /// nothing has been made of.
    fn outermost_waiting(&mut self, vm: &Vm, innermost: Entry) -> Option<Entry> {
        let mut outermost = None;
        let mut next = Some(innermost);
        while let Some(entry) = next
            && self.units.get(&entry).is_some_and(Unit::is_waiting)
        {
            outermost = Some(entry);
            next = self.parent_of(vm, entry);
        }
        outermost
    }

    /// What stands around a unit that was not recorded, and which of it is to be asked about soon. If the loop around
    /// begins another iteration within as many iterations as made this one hot, it is compiled with this one in it, and
    /// compiling this one alone would have been in vain.
    fn around(&mut self, vm: &Vm, entry: Entry, options: &JitOptions) -> (Around, Option<Entry>) {
        let Some(parent) = self.parent_of(vm, entry) else {
            // Where all is compiled as soon as it is met, nothing waits for its function.
            let function = if options.threshold == 1 { None } else { self.function_around(vm, entry, options) };
            return match function {
                Some(asked) => (Around::Function, asked),
                None => (Around::Nothing, None),
            };
        };
        if self.will_be_native(vm, parent) {
            return (Around::NativeLoop, None);
        }
        if !self.units.contains_key(&parent) {
            return (Around::NewLoop, Some(parent));
        }
        match self.outermost_waiting(vm, parent) {
            Some(waiting) => (Around::WaitingLoop, Some(waiting)),
            None => (Around::Nothing, None),
        }
    }

    /// Whether a loop is better compiled with its function: if that is called often and the loop soon over each time,
    /// entering the loop would take as long as its iterations do, whereas the function is called by native code. And
    /// the function, if it has yet to be asked about.
    fn function_around(&self, vm: &Vm, entry: Entry, options: &JitOptions) -> Option<Option<Entry>> {
        let Entry::Loop(header) = entry else { return None };
        let start = vm.program().functions[vm.top_function().index()].code.start;
        let (calls, rounds) = (vm.times_counted(start), vm.times_counted(header));
        if calls < options.function_threshold.into() || rounds / calls >= SHORT_TRIP || !ends_natively(vm) {
            return None;
        }
        match self.units.get(&Entry::Function(start)).map(Unit::phase) {
            Some(Phase::Refused(_)) => None,
            None | Some(Phase::Waiting(Why::Calls)) => Some(Some(Entry::Function(start))),
            Some(_) => Some(None),
        }
    }
}

impl Jit {
    /// A tier for a program with so many instructions.
    pub fn new(code_len: usize, mut options: JitOptions) -> Jit {
        Jit {
            dumps: Dumps::new(std::mem::take(&mut options.dump), options.tool),
            perf_map: PerfMap::default(),
            profile: RefCell::new(TypeProfile::new(code_len)),
            shadow: options.shadow.map(Shadow::new),
            options,
            state: RefCell::new(State {
                compiler: Compiler::default(),
                pending: None,
                flows: Flows::default(),
                parents: FxHashMap::default(),
                spans: OnceCell::new(),
                types: OnceCell::new(),
                units: FxHashMap::default(),
                seldom: FxHashSet::default(),
                functions: Vec::new(),
                started: Instant::now(),
                compile_time: Duration::ZERO,
                spent: Duration::ZERO,
                earned: Duration::ZERO,
                code_bytes: 0,
            }),
        }
    }

    pub(super) fn state(&self) -> std::cell::Ref<'_, State> {
        self.state.borrow()
    }

    /// The loop or function is hot, and the top frame is there: does what the policy decides, as long as that is
    /// anything to go on from. After how many iterations or calls to ask again.
    fn run(&self, vm: &mut Vm, entry: Entry) -> Result<u32> {
        loop {
            self.take_finished(vm, self.options.wait);
            let (action, asked) = self.decide(vm, entry);
            match action {
                Action::Rest => return Ok(SELDOM),
                Action::Wait(why) => {
                    let phase = if why == Why::Compiling { Phase::Compiling } else { Phase::Waiting(why) };
                    self.transition(vm, entry, phase, &[]);
                    return Ok(self.wait(vm, entry, why, asked));
                }
                Action::Enter => match self.enter(vm, entry)? {
                    Entered::Exited { backoff } => return Ok(backoff),
                    Entered::NoRoom => {
                        self.transition(vm, entry, Phase::Waiting(Why::NativeStack), &[]);
                        return Ok(1);
                    }
                    Entered::NotFitting => {
                        if let Some(until) = self.after_misfit(vm, entry) {
                            return Ok(until);
                        }
                    }
                },
                Action::Record => {
                    self.transition(vm, entry, Phase::Recording, &[]);
                    if !self.record(vm, entry)? {
                        return Ok(1);
                    }
                }
                Action::Compile => match vm.with_native_room(COMPILER_STACK, |vm| self.compile(vm, entry)) {
                    Ok(()) => self.transition(vm, entry, Phase::Compiling, &[]),
                    Err(refusal) => self.refuse(vm, entry, refusal),
                },
            }
        }
    }

    /// What to do with a unit, and which other to ask about soon if it waits for that.
    fn decide(&self, vm: &Vm, entry: Entry) -> (Action, Option<Entry>) {
        let state = &mut *self.state.borrow_mut();
        let unit = state.units.entry(entry).or_default();
        // Everything else is asked only if it matters: a unit that is native is decided on at each entry.
        if let Some(action) = policy::decide_alone(unit) {
            return (action, None);
        }
        let (is_made_anew, is_recorded) = (unit.remake.is_some(), unit.is_recorded);
        let may_spend = self.can_afford_more(state);
        // What is decided without these is not asked for them: while something is compiled, that is often.
        let matters = state.pending.is_none() && (is_recorded || may_spend);
        let (mut around, mut asked) = (Around::Nothing, None);
        if matters && !is_recorded {
            (around, asked) = state.around(vm, entry, &self.options);
        }
        let surroundings = Surroundings {
            compiler: match &state.pending {
                None => CompilerState::Idle,
                Some(pending) if pending.entry == entry => CompilerState::BusyWithThis,
                Some(_) => CompilerState::Busy,
            },
            may_spend,
            // Making code anew was found to pay before. What a function does that a built-in calls is counted where it
            // is interpreted only, so nothing is known of how much such a loop does.
            pays: !matters || is_made_anew || state.seldom.contains(&entry) || self.pays(state, vm, entry),
            observes_only: self.options.observe_only,
            around,
        };
        (policy::decide(&state.units[&entry], surroundings), asked)
    }

    /// Has a unit wait; after how many iterations or calls to ask again.
    fn wait(&self, vm: &mut Vm, entry: Entry, why: Why, asked: Option<Entry>) -> u32 {
        match why {
            Why::Compiler | Why::Compiling => {
                // The compiler may be waiting for this very processor.
                std::thread::yield_now();
                UNTIL_NEXT_LOOK
            }
            Why::OuterLoop | Why::Function => {
                if let Some(unit) = self.state.borrow_mut().units.get_mut(&entry) {
                    unit.put_off += 1;
                }
                if let Some(asked) = asked {
                    vm.ask_soon(asked.pc());
                }
                self.options.threshold
            }
            Why::Observing => SELDOM,
            Why::Budget if self.state.borrow().seldom.contains(&entry) => UNTIL_NEXT_SELDOM,
            Why::Worth => {
                let state = self.state.borrow();
                let until = |unit: &Unit| unit.outlook.until_next_look(self.options.threshold);
                state.units.get(&entry).map_or(self.options.threshold, until)
            }
            _ => self.options.threshold,
        }
    }

    /// No version was made for the values at hand. After how many iterations or calls to ask again, unless there is
    /// something to do at once.
    fn after_misfit(&self, vm: &mut Vm, entry: Entry) -> Option<u32> {
        let misfit = {
            let state = &mut *self.state.borrow_mut();
            let unit = state.units.entry(entry).or_default();
            unit.refused_entries += 1;
            // A version is being made already, to replace one that did not fit either.
            if unit.remake.is_some() {
                return Some(UNTIL_NEXT_LOOK);
            }
            unit.note_entry_types(vm);
            unit.is_polymorphic = true;
            let misfit = policy::on_misfit(unit);
            // One more version may cost more than interpreting what does not fit.
            if misfit == Misfit::Remake && !self.pays_again(state, vm, entry) {
                return Some(UNTIL_NEXT_LOOK);
            }
            misfit
        };
        match misfit {
            Misfit::Remake => {
                self.remake(vm, entry, Remake::ForEntry);
                None
            }
            Misfit::Interpret => Some(1),
            Misfit::Refuse => {
                self.refuse(vm, entry, Refusal::Unstable);
                Some(SELDOM)
            }
        }
    }

    /// Changes the phase of a unit: the only way in which one changes. With details it is about a version that was
    /// made.
    pub(super) fn transition(&self, vm: &Vm, entry: Entry, phase: Phase, details: &[(&str, String)]) {
        let is_new = self.state.borrow_mut().units.entry(entry).or_default().change_phase(phase);
        if is_new && let Some((code, _)) = phase.why() {
            census::reason(code);
        }
        // Each version is worth a line.
        if self.options.log.is_none() || (!is_new && details.is_empty()) {
            return;
        }
        match phase.why() {
            Some((code, _)) => self.log(vm, phase.name(), entry, &[("reason", code.to_string())]),
            None if details.is_empty() => self.log(vm, phase.name(), entry, &[]),
            None => self.log(vm, "compiled", entry, details),
        }
    }

    /// The top frame's function is called often by a built-in: has the loop that this is called in, whose iterations
    /// are longer, asked about at its next one.
    fn ask_around_caller(&self, vm: &mut Vm) {
        let Some((func, pc)) = vm.frame_below(1) else { return };
        let state = &mut *self.state.borrow_mut();
        let Ok(flow) = state.flows.of(vm.program(), func) else { return };
        // The caller goes on behind the call.
        let block = flow.block_around(pc - 1 - flow.start);
        if let Some(inner) = block.and_then(|block| flow.block(block).innermost) {
            let around = header_of(&flow, inner);
            state.ask_if_new(vm, around);
            state.seldom.insert(around);
        }
    }

    fn refuse(&self, vm: &mut Vm, entry: Entry, refusal: Refusal) {
        Jit::forget_native(vm, entry);
        self.transition(vm, entry, Phase::Refused(refusal), &[]);
    }

    /// Whether the program has got back, or can spare, the time it has given to making native code. What one loop costs
    /// is soon earned by it; but hundreds of loops that end just after they were compiled would cost more than they
    /// save.
    fn can_afford_more(&self, state: &State) -> bool {
        self.is_repeatable() || state.spent <= ADVANCE + state.earned + state.started.elapsed() / SPARE_SHARE
    }

    /// Whether the run is to be the same each time, and so must not depend on the clock.
    fn is_repeatable(&self) -> bool {
        self.options.wait || self.options.threshold == 1
    }

    /// Logs an event, if the user wants to see them.
    pub(super) fn log(&self, vm: &Vm, event: &str, entry: Entry, details: &[(&str, String)]) {
        if let Some(format) = self.options.log {
            log::log_event(format, event, &log::place(vm.program(), entry), details);
        }
    }
}

/// The header of a loop.
fn header_of(flow: &Flow, index: LoopIndex) -> Entry {
    Entry::Loop(flow.start + flow.block(flow.loop_at(index).header).start)
}

impl Tier for Jit {
    fn at_loop(&self, vm: &mut Vm, header: u32) -> Result<u32> {
        let entry = Entry::Loop(header);
        let is_new = !self.state.borrow().units.contains_key(&entry);
        if is_new {
            self.log(vm, "hot", entry, &[]);
        }
        self.run(vm, entry)
    }

    fn at_function(&self, vm: &mut Vm, start: u32) -> Result<u32> {
        let entry = Entry::Function(start);
        if self.state.borrow().units.contains_key(&entry) {
            return self.run(vm, entry);
        }
        self.log(vm, "hot-function", entry, &[]);
        if self.options.observe_only {
            self.transition(vm, entry, Phase::Waiting(Why::Observing), &[]);
            return Ok(SELDOM);
        }
        if !ends_natively(vm) {
            self.transition(vm, entry, Phase::Waiting(Why::Tasks), &[]);
            return Ok(SELDOM);
        }
        // No loop may take it along, though one may that the built-in is called in.
        if vm.is_called_by_built_in() {
            self.ask_around_caller(vm);
            return self.run(vm, entry);
        }
        // Most functions that are called often are called by a loop, and become native with it.
        self.transition(vm, entry, Phase::Waiting(Why::Calls), &[]);
        Ok((self.options.function_threshold - 1).saturating_mul(PATIENCE))
    }

    fn after_exit(&self, vm: &mut Vm, taken: TakenExit) -> Result<()> {
        self.after_function_exit(vm, taken)
    }
}

/// Whether native code of the running function would run it to its end: calling an asynchronous one only makes a task.
fn ends_natively(vm: &Vm) -> bool {
    vm.program().functions[vm.top_function().index()].kind != FunctionKind::Async
}
