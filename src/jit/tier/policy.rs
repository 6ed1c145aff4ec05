//! What is to become of a unit that is hot: a decision from what is known, without the machine and without a clock.
//!
//! | the unit | is |
//! |---|---|
//! | was refused | left alone |
//! | has code, and none is to be made anew | entered |
//! | has code that is to be replaced, while that must wait | entered |
//! | would have to be recorded or compiled while the compiler is at work, or recorded when too much time went into native code | waiting |
//! | was not recorded, stands in a loop that may be compiled with it, or in a function that is about to be | waiting, some times |
//! | has yet to do too little to pay for its code | waiting |
//! | was not recorded, otherwise | recorded |
//! | was recorded, where nothing is to be compiled | waiting |
//! | was recorded, otherwise | compiled |

use super::unit::{Remake, Unit};
use crate::bytecode::facts::Why;

/// How often a loop waits for one around it that has native code or is about to, for one that waits in turn, and for
/// one that was never asked about.
pub const WAITS_FOR_NATIVE_LOOP: u32 = 8;
const WAITS_FOR_WAITING_LOOP: u32 = 2;
const WAITS_FOR_NEW_LOOP: u32 = 1;
/// How often a short loop waits for its function.
pub const WAITS_FOR_FUNCTION: u32 = 3;
/// Versions of one unit's code that are there at a time, each for another entry, and how often code is made in all.
pub const MAX_VERSIONS: usize = 4;
pub const MAX_COMPILED: u32 = 16;
/// Entries that were refused by every version after which a unit stays interpreted.
const MAX_REFUSED_ENTRIES: u32 = 200;
/// Exits, once no further version may be made, after which a unit that keeps leaving stays interpreted.
const MAX_HOT_EXITS: u64 = 20_000;

/// What the compiler does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompilerState {
    Idle,
    Busy,
    BusyWithThis,
}

/// What stands around a loop that was not recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Around {
    /// Nothing that could be compiled with it.
    Nothing,
    /// A loop that has native code, or will be compiled at its next iteration.
    NativeLoop,
    /// A loop that has taken its back edge since it was asked about, and that nothing was made of.
    WaitingLoop,
    /// A loop that was never asked about.
    NewLoop,
    /// No loop, but a function that is called often, whose calls run few iterations each, and that may be compiled.
    Function,
}

/// What a decision depends on besides the unit.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    pub compiler: CompilerState,
    /// The program has got back, or can spare, the time it has given to making native code.
    pub may_spend: bool,
    /// What the unit has yet to do is worth the making of its code, for all that is known.
    pub pays: bool,
    /// Count and observe, but compile nothing.
    pub observes_only: bool,
    pub around: Around,
}

/// What to do with a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing, and never again.
    Rest,
    Enter,
    Wait(Why),
    Record,
    Compile,
}

/// What the unit alone decides, whatever is around it.
pub fn decide_alone(unit: &Unit) -> Option<Action> {
    if unit.is_refused() {
        return Some(Action::Rest);
    }
    (!unit.versions.is_empty() && unit.remake.is_none()).then_some(Action::Enter)
}

/// See the module documentation.
pub fn decide(unit: &Unit, surroundings: Surroundings) -> Action {
    if let Some(action) = decide_alone(unit) {
        return action;
    }
    let wait = |why| if unit.may_be_entered_meanwhile() { Action::Enter } else { Action::Wait(why) };
    match surroundings.compiler {
        CompilerState::Idle => {}
        CompilerState::Busy => return wait(Why::Compiler),
        CompilerState::BusyWithThis => return wait(Why::Compiling),
    }
    // What was recorded is compiled: most of its price is paid.
    if !unit.is_recorded && !surroundings.may_spend {
        return wait(Why::Budget);
    }
    // Others may be worth more together with it.
    if !unit.is_recorded
        && let Some(why) = waits_for(unit, surroundings.around)
    {
        return Action::Wait(why);
    }
    if !surroundings.pays {
        return wait(Why::Worth);
    }
    if !unit.is_recorded {
        return Action::Record;
    }
    if surroundings.observes_only { Action::Wait(Why::Observing) } else { Action::Compile }
}

/// Whom a unit that was not recorded waits for, if it has not waited long enough.
fn waits_for(unit: &Unit, around: Around) -> Option<Why> {
    let (limit, why) = match around {
        Around::Nothing => return None,
        Around::NativeLoop => (WAITS_FOR_NATIVE_LOOP, Why::OuterLoop),
        Around::WaitingLoop => (WAITS_FOR_WAITING_LOOP, Why::OuterLoop),
        Around::NewLoop => (WAITS_FOR_NEW_LOOP, Why::OuterLoop),
        Around::Function => (WAITS_FOR_FUNCTION, Why::Function),
    };
    (unit.put_off < limit).then_some(why)
}

/// What follows from an entry that no version was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// A version for it is to be made.
    Remake,
    /// It is interpreted: enough versions were made.
    Interpret,
    /// That happens too often.
    Refuse,
}

/// See [`Misfit`].
pub fn on_misfit(unit: &Unit) -> Misfit {
    let is_last = unit.versions.len() >= MAX_VERSIONS || unit.compiled >= MAX_COMPILED;
    match (is_last, unit.refused_entries > MAX_REFUSED_ENTRIES) {
        (false, _) => Misfit::Remake,
        (true, false) => Misfit::Interpret,
        (true, true) => Misfit::Refuse,
    }
}

/// Whether a unit that may get no further version is left so often that it is better interpreted.
pub fn is_unstable(unit: &Unit) -> bool {
    unit.guard_exits > MAX_HOT_EXITS && unit.guard_exits > unit.residency.entered() / 2
}

/// Whether the next version is made for whatever types may come: because it is the last, or replaces one that is.
pub fn is_last_version(unit: &Unit) -> bool {
    let adds = !matches!(unit.remake, Some(Remake::InsteadOf(_)));
    unit.compiled + 1 >= MAX_COMPILED || (adds && unit.versions.len() + 1 >= MAX_VERSIONS)
}

#[cfg(test)]
mod tests {
    use super::super::unit::Phase;
    use super::*;
    use crate::jit::translate::Refusal;

    const READY: Surroundings = Surroundings {
        compiler: CompilerState::Idle,
        may_spend: true,
        pays: true,
        observes_only: false,
        around: Around::Nothing,
    };

    fn unit(change: impl FnOnce(&mut Unit)) -> Unit {
        let mut unit = Unit::default();
        change(&mut unit);
        unit
    }

    #[test]
    fn a_unit_goes_from_recording_to_compiling_if_nothing_stands_against_it() {
        let busy = Surroundings { compiler: CompilerState::Busy, ..READY };
        let at_work = Surroundings { compiler: CompilerState::BusyWithThis, ..READY };
        let poor = Surroundings { may_spend: false, ..READY };
        let in_vain = Surroundings { pays: false, ..READY };
        let idle = Surroundings { observes_only: true, ..READY };
        for (is_recorded, surroundings, expected) in [
            (false, READY, Action::Record),
            (true, READY, Action::Compile),
            (false, busy, Action::Wait(Why::Compiler)),
            (true, busy, Action::Wait(Why::Compiler)),
            (true, at_work, Action::Wait(Why::Compiling)),
            (false, poor, Action::Wait(Why::Budget)),
            (true, poor, Action::Compile),
            (false, in_vain, Action::Wait(Why::Worth)),
            (true, in_vain, Action::Wait(Why::Worth)),
            (false, idle, Action::Record),
            (true, idle, Action::Wait(Why::Observing)),
        ] {
            let unit = unit(|unit| unit.is_recorded = is_recorded);
            assert_eq!(decide(&unit, surroundings), expected, "{is_recorded} {surroundings:?}");
        }
    }

    #[test]
    fn a_loop_waits_for_what_is_around_it_a_few_times() {
        for (around, limit, why) in [
            (Around::NativeLoop, 8, Why::OuterLoop),
            (Around::WaitingLoop, 2, Why::OuterLoop),
            (Around::NewLoop, 1, Why::OuterLoop),
            (Around::Function, 3, Why::Function),
        ] {
            let surroundings = Surroundings { around, ..READY };
            let waiting = unit(|unit| unit.put_off = limit - 1);
            assert_eq!(decide(&waiting, surroundings), Action::Wait(why));
            // What is around it is asked first, even if it does not pay by itself.
            assert_eq!(decide(&waiting, Surroundings { pays: false, ..surroundings }), Action::Wait(why));
            let tired = unit(|unit| unit.put_off = limit);
            assert_eq!(decide(&tired, surroundings), Action::Record);
            let recorded = unit(|unit| unit.is_recorded = true);
            assert_eq!(decide(&recorded, surroundings), Action::Compile);
        }
    }

    #[test]
    fn what_was_refused_rests_whatever_is_around() {
        let mut refused = unit(|unit| unit.is_recorded = true);
        refused.change_phase(Phase::Refused(Refusal::Unstable));
        for compiler in [CompilerState::Idle, CompilerState::Busy] {
            assert_eq!(decide(&refused, Surroundings { compiler, ..READY }), Action::Rest);
        }
    }

    #[test]
    fn an_entry_that_does_not_fit_makes_versions_up_to_a_limit() {
        for (compiled, refused_entries, expected) in [
            (1, 1, Misfit::Remake),
            (MAX_COMPILED, 1, Misfit::Interpret),
            (MAX_COMPILED, MAX_REFUSED_ENTRIES + 1, Misfit::Refuse),
        ] {
            let unit = unit(|unit| (unit.compiled, unit.refused_entries) = (compiled, refused_entries));
            assert_eq!(on_misfit(&unit), expected);
        }
    }
}
