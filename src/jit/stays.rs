//! Stays in native code: how long they last, and what follows from that.
//!
//! Entering and leaving takes about as long as interpreting an iteration. A loop that leaves at once each time is entered more and more seldom; one that
//! stays for a short while only is better entered as part of the loop around it.

use std::time::Duration;

/// A stay shorter than this was hardly worth its entry.
const SHORT: Duration = Duration::from_nanos(60);
/// So was one that was left, by an error for instance, after so few iterations, and was not so long that entering it is no matter.
const FEW_ROUNDS: u64 = 4;
const BRIEF: Duration = Duration::from_micros(2);
/// Of a longer stay the entry is less than a twentieth, and compiling the loop around it would bring no more than that.
const LONG: Duration = Duration::from_micros(4);
/// One stay in so many is timed, as long as stays are not short.
const TIMED: u64 = 32;
/// Iterations to interpret before entering again, at most, while stays are short.
const LONGEST_PAUSE: u32 = 1024;

/// A stay that was measured.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    pub time: Duration,
    /// The iterations that it began, if the code counts them.
    pub rounds: Option<u64>,
}

impl Stay {
    /// Whether it was hardly worth its entry.
    fn is_too_short(self) -> bool {
        let has_few_rounds = self.rounds.is_some_and(|rounds| rounds < FEW_ROUNDS);
        self.time < SHORT || (has_few_rounds && self.time < BRIEF)
    }

    /// Whether its entry was no matter.
    pub fn is_long(self) -> bool {
        self.time >= LONG
    }
}

/// The stays in the native code of one loop or function.
#[derive(Default)]
pub struct Stays {
    entered: u64,
    pause: u32,
}

impl Stays {
    /// How often native code was entered.
    pub fn entered(&self) -> u64 {
        self.entered
    }

    /// Iterations or calls to interpret before entering again.
    pub fn pause(&self) -> u32 {
        self.pause.max(1)
    }

    /// Whether the next stay is to be measured.
    pub fn next_is_timed(&self) -> bool {
        self.pause > 1 || self.entered.is_multiple_of(TIMED)
    }

    /// Takes note of a stay, and of how long it was if that was measured. The time spent in native code since the last measured one, as far as can be told.
    pub fn count(&mut self, stay: Option<Stay>) -> Duration {
        self.entered += 1;
        let Some(stay) = stay else { return Duration::ZERO };
        let stays = if self.pause > 1 || self.entered == 1 { 1 } else { TIMED as u32 };
        let pause = if stay.is_too_short() { self.pause.max(1) * 2 } else { self.pause / 2 };
        self.pause = pause.clamp(1, LONGEST_PAUSE);
        stay.time * stays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(nanoseconds: u64) -> Option<Stay> {
        Some(Stay { time: Duration::from_nanos(nanoseconds), rounds: None })
    }

    #[test]
    fn short_stays_are_followed_by_longer_and_longer_pauses() {
        let mut stays = Stays::default();
        for expected in [2, 4, 8, 16] {
            stays.count(stay(50));
            assert_eq!(stays.pause(), expected);
        }
        for _ in 0..20 {
            stays.count(stay(50));
        }
        assert_eq!(stays.pause(), LONGEST_PAUSE);
        stays.count(stay(500));
        assert_eq!(stays.pause(), LONGEST_PAUSE / 2);
    }

    #[test]
    fn few_rounds_are_short_unless_they_took_long() {
        let of_two_rounds = |time| Stay { time, rounds: Some(2) };
        assert!(of_two_rounds(BRIEF / 2).is_too_short());
        assert!(!of_two_rounds(BRIEF * 2).is_too_short());
    }

    #[test]
    fn a_measured_stay_stands_for_those_since_the_last() {
        let mut stays = Stays::default();
        assert_eq!(stays.count(stay(1000)), Duration::from_micros(1));
        while !stays.next_is_timed() {
            assert_eq!(stays.count(None), Duration::ZERO);
        }
        assert_eq!((stays.entered(), stays.count(stay(1000))), (TIMED, Duration::from_micros(TIMED)));
    }
}
