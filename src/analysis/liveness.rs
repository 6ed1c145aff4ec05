//! Live registers at block entries, as bitsets.
//!
//! A call leaves every register above its base undefined, so none of them is live after it. Errors can leave
//! a block before any of its instructions has written, so what a handler needs is live through the whole block. The jumps that drive
//! loops write on one of their edges only, so they kill there.

use super::cfg::{BlockId, Cfg};
use crate::bytecode::op::access::{Access, Edge, Registers};
use crate::bytecode::{Op, Program, Reg};

/// Live registers per block.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    words: usize,
    live_in: Vec<u64>,
}

/// What a block of few registers makes of a set of live ones.
#[derive(Clone, Copy)]
struct Masks {
    reads: u64,
    /// What the block does not write, whichever way it goes on; and what its last instruction does not write on each [`Edge`].
    kept: u64,
    kept_on: [u64; 2],
}

fn remove(set: &mut [u64], reg: Reg) {
    if let Some(word) = set.get_mut(reg.index() / 64) {
        *word &= !(1 << (reg.index() % 64));
    }
}

/// Adds to `set` what is live in front of an edge, which leads from `op` to where `live` are.
fn add_before_edge(program: &Program, op: &Op, edge: Edge, live: &[u64], set: &mut [u64]) {
    let mut written = Registers::new();
    op.for_each_access(program, |access| match access {
        Access::WritesOn(on, reg) if on == edge => written.push(reg),
        _ => {}
    });
    for (at, word) in live.iter().enumerate() {
        let killed = written.iter().filter(|reg| reg.index() / 64 == at);
        set[at] |= killed.fold(*word, |word, reg| word & !(1 << (reg.index() % 64)));
    }
}

impl Liveness {
    /// Computes liveness; `None` if the bitsets would take more than `limit` words.
    pub fn new(program: &Program, cfg: &Cfg, code: &[Op], registers: u16, limit: usize) -> Option<Liveness> {
        let words = usize::from(registers).div_ceil(64);
        if words * cfg.len() > limit {
            return None;
        }
        if words == 1 {
            return Some(Liveness { words, live_in: Self::one_word(program, cfg, code) });
        }
        let mut live = Liveness { words, live_in: vec![0; words * cfg.len()] };
        let mut queued = vec![true; cfg.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<BlockId> = (0..cfg.len() as u32).collect();
        let mut set = vec![0u64; words];
        while let Some(block) = work.pop() {
            queued[block as usize] = false;
            set.fill(0);
            let bounds = cfg.blocks[block as usize];
            let last = &code[bounds.end as usize - 1];
            for (succ, edge) in cfg.edges(block, code) {
                add_before_edge(program, last, edge, live.words_of(succ), &mut set);
            }
            for pc in (bounds.start..bounds.end).rev() {
                Self::step(program, &code[pc as usize], &mut set);
            }
            if let Some((target, error)) = bounds.handler {
                for (at, word) in set.iter_mut().enumerate() {
                    let mut needed = live.live_in[target as usize * words + at];
                    if at == error.index() / 64 {
                        needed &= !(1 << (error.index() % 64));
                    }
                    *word |= needed;
                }
            }
            let own = &mut live.live_in[block as usize * words..][..words];
            if own != &set[..] {
                own.copy_from_slice(&set);
                for &pred in cfg.preds(block) {
                    if !std::mem::replace(&mut queued[pred as usize], true) {
                        work.push(pred);
                    }
                }
            }
        }
        Some(live)
    }

    /// The same for functions of at most 64 registers, which are nearly all: what a block makes of a whole set is two masks, and going over
    /// its instructions once is enough to know them.
    fn one_word(program: &Program, cfg: &Cfg, code: &[Op]) -> Vec<u64> {
        let bit = |reg: Reg| if reg.0 < 64 { 1u64 << reg.0 } else { 0 };
        let masks: Vec<Masks> = (cfg.blocks.iter())
            .map(|block| {
                let mut masks = Masks { reads: 0, kept: u64::MAX, kept_on: [u64::MAX; 2] };
                for op in code[block.start as usize..block.end as usize].iter().rev() {
                    let (mut read, mut written) = (0, 0);
                    op.for_each_access(program, |access| match access {
                        Access::Reads(reg) => read |= bit(reg),
                        Access::Writes(reg) => written |= bit(reg),
                        // Only a block's last instruction is a jump.
                        Access::WritesOn(edge, reg) => masks.kept_on[edge as usize] &= !bit(reg),
                        Access::ClobbersAbove(base) => {
                            written |= u64::MAX.checked_shl(u32::from(base.0) + 1).unwrap_or(0);
                        }
                    });
                    masks.reads = (masks.reads & !written) | read;
                    masks.kept &= !written;
                }
                masks
            })
            .collect();
        let mut live = vec![0u64; cfg.len()];
        let mut queued = vec![true; cfg.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<BlockId> = (0..cfg.len() as u32).collect();
        while let Some(block) = work.pop() {
            queued[block as usize] = false;
            let Masks { reads, kept, kept_on } = masks[block as usize];
            let after = (cfg.edges(block, code))
                .fold(0, |after, (succ, edge)| after | live[succ as usize] & kept_on[edge as usize]);
            let handler = cfg.blocks[block as usize].handler;
            let caught = handler.map_or(0, |(target, error)| live[target as usize] & !bit(error));
            let set = reads | (after & kept) | caught;
            if std::mem::replace(&mut live[block as usize], set) != set {
                for &pred in cfg.preds(block) {
                    if !std::mem::replace(&mut queued[pred as usize], true) {
                        work.push(pred);
                    }
                }
            }
        }
        live
    }

    fn words_of(&self, block: BlockId) -> &[u64] {
        &self.live_in[block as usize * self.words..][..self.words]
    }

    /// Takes `set` from after an instruction to before it. What the instruction writes on one edge only is not for this.
    fn step(program: &Program, op: &Op, set: &mut [u64]) {
        let accesses = op.accesses(program);
        accesses.writes.iter().for_each(|&reg| remove(set, reg));
        if let Some(first) = accesses.clobbers_from.map(usize::from) {
            if let Some(word) = set.get_mut(first / 64) {
                *word &= (1u64 << (first % 64)) - 1;
            }
            let rest = (first / 64 + 1).min(set.len());
            set[rest..].fill(0);
        }
        for reg in accesses.reads {
            if let Some(word) = set.get_mut(reg.index() / 64) {
                *word |= 1 << (reg.index() % 64);
            }
        }
    }

    pub fn is_live_in(&self, block: BlockId, reg: Reg) -> bool {
        self.words_of(block).get(reg.index() / 64).is_some_and(|word| word >> (reg.index() % 64) & 1 != 0)
    }

    /// The registers live at a block's entry, ascending.
    pub fn live_in(&self, block: BlockId) -> impl Iterator<Item = Reg> + '_ {
        self.words_of(block).iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    Reg((at * 64) as u16 + bit as u16)
                })
            })
        })
    }

    /// How many (block, register) pairs are live.
    pub fn total(&self) -> usize {
        self.live_in.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cfg::tests::function;
    use crate::bytecode::*;

    fn live_in(code: &[Op], registers: u16, handlers: Vec<Handler>, pc: usize) -> Vec<u16> {
        let program = Program { functions: vec![function(registers, 2, vec![])], ..Program::default() };
        let cfg = Cfg::new(&function(registers, 1, handlers), code);
        let live = Liveness::new(&program, &cfg, code, registers, usize::MAX).unwrap();
        live.live_in(cfg.block_of[pc]).map(|reg| reg.0).collect()
    }

    #[test]
    fn a_loop_keeps_what_it_reads_alive() {
        let code = [
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(0) },
            Op::JumpLt { a: Reg(1), b: Reg(2), to: -2 },
            Op::Return { src: Reg(1) },
        ];
        assert_eq!(live_in(&code, 3, vec![], 1), [0, 1, 2]);
        assert_eq!(live_in(&code, 3, vec![], 0), [0, 2]);
    }

    #[test]
    fn a_call_ends_everything_above_its_base() {
        let code = [
            Op::Jump { to: 0 },
            Op::CallFn { base: Reg(1), func: FuncId(0) },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(70) },
            Op::Return { src: Reg(1) },
        ];
        // Arguments 2 and 3 are read; 70 is undefined after the call, so no earlier value of it can matter.
        assert_eq!(live_in(&code, 71, vec![], 1), [2, 3]);
    }

    #[test]
    fn a_handler_keeps_its_registers_alive_through_writes() {
        let code = [
            Op::LoadInt { dst: Reg(0), value: 1 },
            Op::Add { dst: Reg(0), a: Reg(0), b: Reg(0) },
            Op::ReturnVoid {},
            Op::Return { src: Reg(0) },
        ];
        let handlers = vec![Handler { start: 0, end: 2, target: 3, error: Reg(1) }];
        assert_eq!(live_in(&code, 2, handlers, 0), [0]);
    }

    #[test]
    fn few_registers_and_many_are_done_alike() {
        let code = [
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::ForPrep { base: Reg(3), exit: 4 },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(5) },
            Op::CallFn { base: Reg(6), func: FuncId(0) },
            Op::JumpLt { a: Reg(6), b: Reg(0), to: -3 },
            Op::ForLoop { base: Reg(3), back: -4 },
            Op::Return { src: Reg(1) },
            Op::Return { src: Reg(2) },
        ];
        let handlers = vec![Handler { start: 2, end: 5, target: 7, error: Reg(9) }];
        for pc in 0..code.len() {
            assert_eq!(live_in(&code, 64, handlers.clone(), pc), live_in(&code, 65, handlers.clone(), pc), "at {pc}");
        }
        assert_eq!(live_in(&code, 64, handlers, 2), [0, 1, 2, 3, 4, 5, 7, 8]);
    }

    #[test]
    fn the_limit_refuses_instead_of_allocating() {
        let code = [Op::ReturnVoid {}];
        let function = function(6400, 0, vec![]);
        let cfg = Cfg::new(&function, &code);
        assert!(Liveness::new(&Program::default(), &cfg, &code, 6400, 99).is_none());
    }
}
