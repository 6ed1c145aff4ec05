//! The random generator of `std/math`: xoshiro256++ seeded through SplitMix64, so that a seed gives the same sequence
//! on every machine.
//!
//! Everything is derived from whole 64-bit outputs by integer arithmetic and exact float operations.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::runtime::host::Host;

/// The generator of a program, seeded by the program or else by the clock when it is first used.
#[derive(Default)]
pub struct Random(Option<Generator>);

impl Random {
    pub fn seed(&mut self, seed: i64) {
        self.0 = Some(Generator::new(seed as u64));
    }

    pub fn generator(&mut self, host: &dyn Host) -> &mut Generator {
        self.0.get_or_insert_with(|| {
            // The monotonic clock tells apart programs that start in the same millisecond.
            Generator::new((host.timestamp() as u64).rotate_left(24) ^ host.clock().to_bits())
        })
    }
}

/// A seeded generator.
pub struct Generator(Xoshiro256PlusPlus);

impl Generator {
    pub fn new(seed: u64) -> Generator {
        Generator(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A multiple of 2**-53 in `0..1`.
    pub fn float(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    pub fn bool(&mut self) -> bool {
        self.0.next_u64() >> 63 != 0
    }

    /// An int of `low..=high`, each equally likely. `low` is at most `high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let count = (high.wrapping_sub(low) as u64).wrapping_add(1);
        if count == 0 {
            return self.0.next_u64() as i64;
        }
        // Lemire's method: the high half of the product, rejecting the few low halves that would favour some results.
        let unfair = count.wrapping_neg() % count;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(count);
            if product as u64 >= unfair {
                return low.wrapping_add((product >> 64) as i64);
            }
        }
    }

    /// A float of `low..high`, which are finite and in this order.
    pub fn float_between(&mut self, low: f64, high: f64) -> f64 {
        let part = self.float();
        let width = high - low;
        let value = if width.is_finite() { low + width * part } else { low * (1.0 - part) + high * part };
        // Rounding may reach the end, which is not to be reached.
        value.clamp(low, high.next_down())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_everywhere() {
        let mut generator = Generator::new(42);
        let ints: Vec<i64> = (0..6).map(|_| generator.int(1, 100)).collect();
        // Computed by another implementation; a change of these numbers is a change of the language.
        assert_eq!(ints, [82, 32, 99, 71, 80, 59]);
        let mut again = Generator::new(42);
        assert!(ints.iter().all(|&int| again.int(1, 100) == int));
    }

    #[test]
    fn results_stay_in_range_and_reach_its_ends() {
        let mut generator = Generator::new(1);
        let mut seen = [false; 3];
        for _ in 0..200 {
            seen[(generator.int(-1, 1) + 1) as usize] = true;
            let float = generator.float();
            assert!((0.0..1.0).contains(&float));
            let tiny = generator.float_between(1.0, 1.0f64.next_up());
            assert_eq!(tiny, 1.0);
            assert!(generator.float_between(-f64::MAX, f64::MAX).is_finite());
        }
        assert_eq!(seen, [true; 3]);
        assert_eq!(generator.int(5, 5), 5);
        generator.int(i64::MIN, i64::MAX);
    }
}
