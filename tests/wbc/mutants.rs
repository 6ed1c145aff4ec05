//! Damaged files that were sealed again: whatever is left of them decodes and verifies, or is refused on one line;
//! nothing panics. The seed is fixed; `WALRUS_MUTANTS` sets how many are made.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::wbc::{self, Header};
use walrus::bytecode::{Op, Opcode, verify};

use crate::{meta, reseal, sample};

pub struct Mutator {
    random: Xoshiro256PlusPlus,
}

impl Mutator {
    pub fn new() -> Self {
        Mutator { random: Xoshiro256PlusPlus::seed_from_u64(0x77616c727573) }
    }

    /// A resealed copy of the file with a few changes.
    pub fn mutant(&mut self, file: &[u8]) -> Vec<u8> {
        let mut mutant = file.to_vec();
        for _ in 0..=self.below(3) {
            self.mutate(&mut mutant);
        }
        reseal(&mut mutant);
        mutant
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.random.next_u64() % limit as u64) as usize
    }

    /// A number that is often at the edge of something.
    fn number(&mut self) -> u32 {
        match self.below(4) {
            0 => [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, u32::MAX][self.below(10)],
            1 => self.below(40) as u32,
            _ => self.random.next_u64() as u32,
        }
    }

    fn mutate(&mut self, file: &mut [u8]) {
        // Most damage goes to the body: the header's checks are few.
        let body = Header::read(file).map_or(0, |header| file.len() - header.body_len as usize);
        let from = if self.below(8) == 0 { 0 } else { body };
        let at = from + self.below(file.len() - from);
        match self.below(6) {
            0 => file[at] ^= 1 << self.below(8),
            1 => file[at] = self.number() as u8,
            2 => {
                let bytes = self.number().to_le_bytes();
                let end = file.len().min(at + 4);
                file[at..end].copy_from_slice(&bytes[..end - at]);
            }
            3 => {
                let other = from + self.below(file.len() - from);
                let len = self.below(16).min(file.len() - at.max(other));
                file.copy_within(other..other + len, at);
            }
            4 => self.replace_instruction(file),
            _ => {
                // An instruction of another kind with the same operands.
                if let Some(code) = code_range(file) {
                    let at = code.start + 8 * self.below(code.len() / 8);
                    file[at..at + 2].copy_from_slice(&(self.below(Opcode::ALL.len()) as u16).to_le_bytes());
                }
            }
        }
    }

    fn replace_instruction(&mut self, file: &mut [u8]) {
        let Some(code) = code_range(file) else { return };
        let opcode = self.below(Opcode::ALL.len()) as u64;
        for _ in 0..8 {
            let operands = (0..3).fold(0, |bits, _| bits << 16 | u64::from(self.number() as u16 % 12));
            let bits = opcode | operands << 16;
            // Instructions with fewer operands need zeros above them.
            for shift in [0, 16, 32, 48] {
                let bits = bits << shift >> shift;
                if Op::decode(bits).is_some() {
                    let at = code.start + 8 * self.below(code.len() / 8);
                    file[at..at + 8].copy_from_slice(&bits.to_le_bytes());
                    return;
                }
            }
        }
    }
}

/// `WALRUS_MUTANTS`, or so many.
pub fn how_many(default: u32) -> u32 {
    std::env::var("WALRUS_MUTANTS").map_or(default, |count| count.parse().expect("a number"))
}

fn code_range(file: &[u8]) -> Option<std::ops::Range<usize>> {
    let header = Header::read(file).ok()?;
    let code = header.sections.iter().find(|section| section.id == wbc::Section::Code as u32)?;
    let start = file.len() - header.body_len as usize + code.offset as usize;
    (code.len >= 8).then(|| start..start + code.len as usize)
}

#[test]
fn resealed_mutants_are_refused_or_verify() {
    let count = how_many(30_000);
    let file = wbc::encode(&sample::program(), &meta());
    let mut mutator = Mutator::new();
    let (mut accepted, mut undecodable, mut refused) = (0, 0, 0);
    for round in 0..count {
        let mutant = mutator.mutant(&file);
        let program = match wbc::decode(&mutant) {
            Ok(program) => program,
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "one line: {error}");
                undecodable += 1;
                continue;
            }
        };
        if round % 16 == 0 {
            disassemble(&program);
            wbc::info(&mutant).expect("its header was read");
        }
        match verify(program) {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "one line: {error}");
                refused += 1;
            }
        }
    }
    // A mutator that only makes rubbish, or changes nothing, would test nothing.
    for (what, number) in [("accepted", accepted), ("undecodable", undecodable), ("refused", refused)] {
        assert!(number > count / 50, "{number} of {count} {what}");
    }
}
