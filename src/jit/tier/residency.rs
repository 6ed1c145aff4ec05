//! Residency: how long native code runs once it was entered, and what follows from that.
//!
//! Entering and leaving takes about as long as interpreting an iteration. A loop that leaves at once each time is
//! entered more and more seldom: exponential back-off. One that stays for a short while only is better entered as part
//! of the loop around it.

use std::time::Duration;

/// A run shorter than this was hardly worth its entry.
const SHORT: Duration = Duration::from_nanos(60);
/// So was a run that an error ended after so few iterations.
const FEW_ROUNDS: u64 = 4;
/// But not if it took this long.
const BRIEF: Duration = Duration::from_micros(2);
/// Of a longer run the entry is less than a twentieth: compiling the loop around it would bring no more than that.
const LONG: Duration = Duration::from_micros(4);
/// One run in so many is timed, as long as runs are not short.
const TIMED: u64 = 32;
/// Iterations to interpret before entering again, at most, while runs are short.
const LONGEST_BACKOFF: u32 = 1024;

/// One run of native code, from its entry to its exit, as measured.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub time: Duration,
    /// The iterations that it began, if the code counts them.
    pub rounds: Option<u64>,
    /// The code is that of a function that calls functions natively.
    pub nests: bool,
}

impl Run {
    /// Whether it was hardly worth its entry.
    ///
    /// Of a function that calls others, one run says nothing about the next: most calls of a recursion are its leaves,
    /// and while their like is waited for, the calls above them, which are all the work, would be interpreted.
    fn is_too_short(self) -> bool {
        if self.nests {
            return false;
        }
        let has_few_rounds = self.rounds.is_some_and(|rounds| rounds < FEW_ROUNDS);
        self.time < SHORT || (has_few_rounds && self.time < BRIEF)
    }

    /// Whether its entry was no matter.
    pub fn is_long(self) -> bool {
        self.time >= LONG
    }
}

/// The runs of the native code of one loop or function.
#[derive(Default)]
pub struct Residency {
    entered: u64,
    backoff: u32,
}

impl Residency {
    /// How often native code was entered.
    pub fn entered(&self) -> u64 {
        self.entered
    }

    /// Iterations or calls to interpret before entering again.
    pub fn backoff(&self) -> u32 {
        self.backoff.max(1)
    }

    /// Whether the next run is to be measured.
    pub fn next_is_timed(&self) -> bool {
        self.backoff > 1 || self.entered.is_multiple_of(TIMED)
    }

    /// Takes note of a run, and of how long it was if that was measured. The time spent in native code since the last
    /// measured one, as far as can be told.
    pub fn count(&mut self, run: Option<Run>) -> Duration {
        self.entered += 1;
        let Some(run) = run else { return Duration::ZERO };
        let runs = if self.backoff > 1 || self.entered == 1 { 1 } else { TIMED as u32 };
        let backoff = if run.is_too_short() { self.backoff.max(1) * 2 } else { self.backoff / 2 };
        self.backoff = backoff.clamp(1, LONGEST_BACKOFF);
        run.time * runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(nanoseconds: u64) -> Option<Run> {
        Some(Run { time: Duration::from_nanos(nanoseconds), rounds: None, nests: false })
    }

    #[test]
    fn short_runs_are_followed_by_a_longer_and_longer_back_off() {
        let mut residency = Residency::default();
        for expected in [2, 4, 8, 16] {
            residency.count(run(50));
            assert_eq!(residency.backoff(), expected);
        }
        for _ in 0..20 {
            residency.count(run(50));
        }
        assert_eq!(residency.backoff(), LONGEST_BACKOFF);
        residency.count(run(500));
        assert_eq!(residency.backoff(), LONGEST_BACKOFF / 2);
    }

    #[test]
    fn few_rounds_are_short_unless_they_took_long() {
        let of_two_rounds = |time| Run { time, rounds: Some(2), nests: false };
        assert!(of_two_rounds(BRIEF / 2).is_too_short());
        assert!(!of_two_rounds(BRIEF * 2).is_too_short());
    }

    #[test]
    fn short_runs_of_a_function_that_calls_others_are_no_reason_to_enter_it_more_seldom() {
        let leaf = Run { time: SHORT / 2, rounds: None, nests: true };
        let mut residency = Residency::default();
        (0..20).for_each(|_| _ = residency.count(Some(leaf)));
        assert_eq!(residency.backoff(), 1);
    }

    #[test]
    fn a_measured_run_stands_for_those_since_the_last() {
        let mut residency = Residency::default();
        assert_eq!(residency.count(run(1000)), Duration::from_micros(1));
        while !residency.next_is_timed() {
            assert_eq!(residency.count(None), Duration::ZERO);
        }
        assert_eq!((residency.entered(), residency.count(run(1000))), (TIMED, Duration::from_micros(TIMED)));
    }
}
