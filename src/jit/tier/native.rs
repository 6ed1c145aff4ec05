//! Entering native code, and what follows from leaving it.

use std::rc::Rc;
use std::time::Instant;

use super::residency::Run;
use super::unit::{Phase, Version};
use super::{Jit, policy, work};
use crate::jit::ir::ExitReason;
use crate::jit::translate::Refusal;
use crate::jit::{census, judge, record};
use crate::runtime::abi::{Ended, TakenExit};
use crate::runtime::error::Result;
use crate::runtime::regions::Entry;
use crate::runtime::vm::Vm;

/// Exits by the same guard after which the types are looked at again.
const HOT_EXIT: u32 = 6;
/// Exits to the same code that had not been seen: each costs less than making the region anew.
const HOT_UNSEEN: u32 = 50;

/// What came of an attempt to enter native code.
pub(super) enum Entered {
    /// It ran and was left; the top frame may be anywhere. So many iterations are to be interpreted before the next
    /// entry.
    Exited { backoff: u32 },
    /// No version was compiled for these types.
    NotFitting,
    /// The stacks are too full.
    NoRoom,
}

/// What an exit means.
enum Counted {
    /// The code was not entered: it was compiled for other types.
    NotEntered,
    /// The same, but only because exits are forced.
    ForcedAtEntry,
    Exited(Interest),
}

/// What to make of an exit beside leaving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Interest {
    None,
    /// Code is come to that had not been seen. It was taken note of.
    Unseen,
    /// Something new is come to by this exit for the first time: to be recorded until the loop's next iteration or a
    /// small budget is spent, so that whichever exit has the region made again, that is in it.
    Glance,
    /// The region is to be recorded and made again.
    Remake,
}

impl Jit {
    /// Runs native code of the loop or function from its beginning.
    pub(super) fn enter(&self, vm: &mut Vm, entry: Entry) -> Result<Entered> {
        let (versions, is_timed, phase, backoff) = match self.state.borrow().units.get(&entry) {
            Some(unit) => {
                let residency = &unit.residency;
                (Rc::clone(&unit.versions), residency.next_is_timed(), unit.phase(), residency.backoff())
            }
            None => return Ok(Entered::NotFitting),
        };
        let is_timed = is_timed && !self.is_repeatable();
        let func = vm.top_function();
        for version in versions.iter() {
            if !vm.room_for_native(version.window, version.inlined_depth) {
                return Ok(Entered::NoRoom);
            }
            if let Phase::Waiting(_) = phase {
                self.transition(vm, entry, Phase::Native, &[]);
            }
            let base = vm.top_base();
            let shadow = self.shadow.as_ref().filter(|_| version.replayable);
            let before = shadow.and_then(|shadow| shadow.before(vm, version.window));
            if let Entry::Function(_) = entry {
                vm.uncount_call(func);
            }
            let outer_rounds = vm.rounds();
            vm.set_rounds(0);
            let entered = is_timed.then(Instant::now);
            vm.let_others_ask(entry.pc(), true);
            vm.ask_meanwhile(entry.pc(), backoff);
            // SAFETY: the code was compiled for this loop or function of this machine's program, whose frame is on top
            // with its pc at the beginning; the window that it uses above the base exists, and there is room for the
            // frames it starts.
            let result = unsafe { (version.code)(vm, base, vm.top_frame()) };
            let run = entered.map(|entered| Run {
                time: entered.elapsed(),
                rounds: version.counts_rounds.then(|| vm.rounds()),
                nests: version.nests,
            });
            vm.set_rounds(outer_rounds);
            vm.let_others_ask(entry.pc(), false);
            let ended = result.outcome.decode();
            let left = match ended {
                Ended::Exited(taken) => self.version_left(entry, version, taken),
                _ => Rc::clone(version),
            };
            let was_entered = match ended {
                Ended::NotEntered => false,
                Ended::Exited(taken) => left.exits[taken.exit as usize].reason != ExitReason::EntryType,
                Ended::Returned | Ended::TailCalled => true,
            };
            if !was_entered && let Entry::Function(_) = entry {
                vm.count_call_again(func);
            }
            vm.charge(entry.pc());
            let number = match ended {
                Ended::NotEntered => return Ok(Entered::NoRoom),
                Ended::Returned => {
                    // SAFETY: the code says so, and has ended the frame that had this base.
                    unsafe { vm.take_native_result(base, result) };
                    return Ok(Entered::Exited { backoff: self.count_run(vm, entry, run) });
                }
                Ended::TailCalled => {
                    let backoff = self.count_run(vm, entry, run);
                    match vm.follow_tail_calls(result.outcome).decode() {
                        Ended::Returned => {}
                        Ended::Exited(taken) => self.after_function_exit(vm, taken)?,
                        Ended::NotEntered | Ended::TailCalled if vm.may_nest() => vm.begin_not_entered()?,
                        Ended::NotEntered | Ended::TailCalled => {
                            vm.count_native_call_unasked()?;
                        }
                    }
                    return Ok(Entered::Exited { backoff });
                }
                Ended::Exited(taken) => taken.exit as usize,
            };
            let exit = &left.exits[number];
            if let Some((shadow, before)) = shadow.zip(before) {
                shadow.compare(vm, &mut self.state.borrow_mut().flows, before, entry, exit)?;
            }
            match self.count_exit(vm, entry, &left, number) {
                Counted::NotEntered => continue,
                Counted::ForcedAtEntry => return Ok(Entered::Exited { backoff: 1 }),
                Counted::Exited(interest) => {
                    // What ends in code not seen will not end there for long: no reason to enter more seldom.
                    let backoff = self.count_run(vm, entry, run.filter(|_| interest == Interest::None));
                    let finished = self.leave(vm, entry, &left, number, interest);
                    if finished.is_err() {
                        vm.ask_after_error(backoff);
                    }
                    return finished.map(|()| Entered::Exited { backoff });
                }
            }
        }
        Ok(Entered::NotFitting)
    }

    /// Whose exit was taken where a version was entered: of a function, native code goes on in an older one if the
    /// types do not fit.
    fn version_left(&self, entry: Entry, entered: &Rc<Version>, taken: TakenExit) -> Rc<Version> {
        let found = match entry {
            Entry::Function(_) => self.state.borrow().functions.get(taken.version as usize).cloned(),
            Entry::Loop(_) => None,
        };
        found.map_or_else(|| Rc::clone(entered), |(_, version)| version)
    }

    /// Native code of a function, called from native code, was left by an exit: see
    /// [`Tier::after_exit`](crate::runtime::hooks::Tier::after_exit).
    pub(super) fn after_function_exit(&self, vm: &mut Vm, taken: TakenExit) -> Result<()> {
        let index = taken.version as usize;
        let found = self.state.borrow().functions.get(index).map(|(entry, version)| (*entry, Rc::clone(version)));
        let Some((entry, version)) = found else { return Ok(()) };
        let number = taken.exit as usize;
        match self.count_exit(vm, entry, &version, number) {
            // Another version may fit, or one has to be made.
            Counted::NotEntered => {
                vm.count_native_call_unasked()?;
                self.run(vm, entry).map(|_| ())
            }
            Counted::ForcedAtEntry => vm.count_native_call_unasked(),
            Counted::Exited(interest) => {
                self.count_run(vm, entry, None);
                self.leave(vm, entry, &version, number, interest)
            }
        }
    }

    /// Takes note of a run of native code, and of how long it was if that was measured. After how many iterations or
    /// calls to enter it again.
    fn count_run(&self, vm: &mut Vm, entry: Entry, run: Option<Run>) -> u32 {
        let state = &mut *self.state.borrow_mut();
        let unit = state.units.entry(entry).or_default();
        state.earned += unit.residency.count(run);
        let backoff = unit.residency.backoff();
        if run.is_some_and(|run| !run.is_long())
            && let Some(around) = unit.around.take()
        {
            state.ask_if_new(vm, around);
        }
        backoff
    }

    /// Takes note of an exit that was taken.
    fn count_exit(&self, vm: &mut Vm, entry: Entry, version: &Version, number: usize) -> Counted {
        let exit = &version.exits[number];
        let forced = version.forced.as_ref().is_some_and(|flags| flags[number].replace(0) == 1);
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        census::exit(exit.reason);
        if is_work(vm, exit.reason) {
            vm.count_exit(entry, exit.reason.name());
        }
        if exit.reason == ExitReason::EntryType {
            return if forced { Counted::ForcedAtEntry } else { Counted::NotEntered };
        }
        let unit = state.units.entry(entry).or_default();
        if !exit.reason.asks_for_recompilation() {
            return Counted::Exited(Interest::None);
        }
        unit.exits += 1;
        if forced {
            return Counted::Exited(Interest::None);
        }
        // Errors that the code catches itself are its business, not a sign of other types.
        unit.guard_exits += u64::from(!version.caught[number]);
        let taken = {
            let taken = &mut version.taken.borrow_mut()[number];
            *taken += 1;
            *taken
        };
        let is_last = unit.compiled >= policy::MAX_COMPILED;
        let is_about_numbers = exit.reason.is_about_numbers();
        if (is_last || (is_about_numbers && unit.remake.is_none())) && policy::is_unstable(unit) {
            drop(guard);
            self.refuse(vm, entry, if is_about_numbers { Refusal::Numbers } else { Refusal::Unstable });
            return Counted::Exited(Interest::None);
        }
        // While the next version is made, the one after it is learnt for.
        let is_first = taken == 1 && !exit.reason.may_be_an_error() && !is_last;
        let otherwise = match exit.reason {
            _ if is_first => Interest::Glance,
            ExitReason::Unseen if !is_last => Interest::Unseen,
            _ => Interest::None,
        };
        if is_last || !work::may_be_made_again(unit) {
            return Counted::Exited(otherwise);
        }
        // No recording has followed the loop to its header again: each iteration would be left there.
        let never_iterated = matches!(entry, Entry::Loop(_)) && unit.extent.rounds == 0;
        let is_in_vain = exit.reason == ExitReason::Unseen && is_first && never_iterated;
        let is_hot = is_hot(exit.reason, taken);
        if (is_in_vain && self.pays(state, vm, entry)) || (is_hot && self.pays_again(state, vm, entry)) {
            let unit = state.units.entry(entry).or_default();
            if exit.reason == ExitReason::Hoisted {
                unit.speculation_ban.loops.insert(exit.pc);
            }
            return Counted::Exited(Interest::Remake);
        }
        Counted::Exited(otherwise)
    }

    /// Makes the interpreter's state what the exit says. Where `next` of an iteration was inlined, it and the
    /// iteration's step are run to their ends.
    fn leave(&self, vm: &mut Vm, entry: Entry, version: &Rc<Version>, number: usize, interest: Interest) -> Result<()> {
        let depth = vm.depth();
        let result = self.leave_in_the_middle(vm, entry, version, number, interest);
        vm.finish_iterations(depth, result)
    }

    fn leave_in_the_middle(
        &self,
        vm: &mut Vm,
        entry: Entry,
        version: &Rc<Version>,
        number: usize,
        interest: Interest,
    ) -> Result<()> {
        let exit = &version.exits[number];
        let pending = vm.take_pending();
        if exit.reason == ExitReason::Fact {
            return Err(judge::wrong(vm, exit, "a value"));
        }
        let (depth, base) = (vm.depth(), vm.top_base());
        let error = pending.filter(|_| exit.reason == ExitReason::Throw);
        let (frames, called_last) = match exit.frames.split_last() {
            Some((last, below)) if error.is_some() && exit.is_tail_call => (below, Some(last)),
            _ => (&*exit.frames, None),
        };
        for frame in frames {
            vm.push_inlined(frame.func, frame.base, frame.return_pc, base, frame.has_closure)?;
        }
        if exit.reason == ExitReason::Fuel {
            vm.set_top_pc(exit.pc);
            return Err(vm.out_of_fuel_here());
        }
        if let Some(error) = error {
            // A function that was to take over a frame has counted its call itself.
            if let Some(frame) = exit.frames.last().filter(|_| exit.uncounted && called_last.is_none()) {
                vm.count_call_again(frame.func);
            }
            // Raising an error wants the pc behind the instruction.
            vm.set_pc_behind(called_last.map_or(exit.pc, |last| last.return_pc - 1));
            return Err(error);
        }
        if exit.uncounted {
            vm.count_native_call_unasked()?;
        }
        vm.set_top_pc(exit.pc);
        if matches!(exit.reason, ExitReason::Throw | ExitReason::Safepoint)
            && vm.heap.should_collect()
            && let Err(error) = vm.collect_now()
        {
            // The instruction raises it that would have allocated, and an error's pc is one past its instruction.
            vm.set_top_pc(exit.pc + 1);
            return Err(error);
        }
        self.check_frame(vm);
        if self.options.judges_facts.is_some() {
            let state = &mut *self.state.borrow_mut();
            if let Some(types) = state.types.get().and_then(Option::as_ref) {
                judge::judge_frame(vm, &mut state.flows, types, exit)?;
            }
        }
        let reason = ("reason", exit.reason.name().to_string());
        if exit.reason.asks_for_recompilation() {
            self.log(vm, "exit", entry, &[reason.clone(), ("pc", exit.pc.to_string())]);
        }
        match interest {
            // An index out of range is an error, unless it counts from the end; and so on.
            Interest::Remake if !exit.reason.may_be_an_error() || self.shows_new(vm, version.caught[number]) => {
                self.log(vm, "recompile", entry, &[reason]);
                if exit.reason == ExitReason::Type {
                    record::note_last_result(vm, &self.profile);
                }
                // What did not fit comes next, or has just come. The following calls may not show it.
                let always = exit.reason == ExitReason::Hoisted;
                let is_new = self.record_to_replace(vm, entry, depth, version, always)?;
                if let Some(unit) = self.state.borrow_mut().units.get_mut(&entry) {
                    unit.is_polymorphic |= is_new && !matches!(exit.reason, ExitReason::Hoisted | ExitReason::Unseen);
                }
                Ok(())
            }
            Interest::Glance if !self.options.observe_only => {
                if exit.reason == ExitReason::Type {
                    record::note_last_result(vm, &self.profile);
                }
                self.glance(vm, entry, depth)
            }
            _ => Ok(()),
        }
    }

    /// Whether the operands of an instruction that native code was left at, maybe for an error, show anything new, or
    /// the error does, where it is caught in the region.
    fn shows_new(&self, vm: &Vm, is_caught: bool) -> bool {
        let operands_are_new = record::note_instruction(vm, &self.profile);
        (is_caught && record::note_raising(vm, &self.profile)) || operands_are_new
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
}

/// Whether an exit is one that reports of work count: it is no end of a loop, nor a collection that is due, which
/// helpers have native code left for as they do for errors.
fn is_work(vm: &Vm, reason: ExitReason) -> bool {
    match reason {
        ExitReason::LoopDone | ExitReason::Safepoint | ExitReason::Fuel | ExitReason::Fact => false,
        ExitReason::Throw => vm.has_pending(),
        _ => true,
    }
}

/// Whether an exit that was taken so often is to be looked into: the first time it is hot, and more and more seldom
/// after that.
fn is_hot(reason: ExitReason, taken: u32) -> bool {
    let often = if reason == ExitReason::Unseen { HOT_UNSEEN } else { HOT_EXIT };
    taken.is_multiple_of(often) && (taken / often).is_power_of_two()
}
