//! Live registers of one function, as bitsets: a register is live where some path leads to an instruction that reads it
//! before one writes it.
//!
//! A call leaves every register above its base undefined, so none of them is live after it. Errors can leave a block
//! before any of its instructions has written, so what a handler needs is live through the whole block. The jumps that
//! drive loops write on one of their edges only, so they kill there.

use std::ops::Range;

use super::graph::{Adjacency, Graph, Node};
use super::op::access::{Access, Edge, Registers};
use super::{Op, Program, Reg};

/// The basic blocks of a function. Only the last instruction of one may be a jump.
pub trait Blocks: Graph {
    /// Its instructions, counted from the function's first.
    fn instructions(&self, block: Self::Node) -> Range<usize>;

    /// Where its last instruction leads, errors aside.
    fn edges(&self, block: Self::Node, code: &[Op]) -> impl Iterator<Item = (Self::Node, Edge)>;

    /// Where errors that are raised in it lead, and the register that receives them, if that is not out of the
    /// function.
    fn handler(&self, block: Self::Node) -> Option<(Self::Node, Reg)>;
}

/// A set of registers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegSet(Vec<u64>);

impl RegSet {
    pub fn with_room(registers: u16) -> Self {
        RegSet(vec![0; usize::from(registers).div_ceil(64)])
    }

    pub fn contains(&self, reg: Reg) -> bool {
        self.0.get(reg.index() / 64).is_some_and(|word| word >> (reg.index() % 64) & 1 == 1)
    }

    /// Adds a register.
    pub fn insert(&mut self, reg: Reg) {
        self.make_room(reg.index() / 64 + 1);
        self.0[reg.index() / 64] |= 1 << (reg.index() % 64);
    }

    fn make_room(&mut self, words: usize) {
        if self.0.len() < words {
            self.0.resize(words, 0);
        }
    }

    /// Adds the registers from a number up to the frame's last.
    pub fn add_from(&mut self, first: u16, registers: u16) {
        (first..registers).for_each(|reg| self.insert(Reg(reg)));
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &RegSet) {
        self.make_room(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// The registers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Reg> + '_ {
        registers_of(&self.0)
    }
}

fn registers_of(words: &[u64]) -> impl Iterator<Item = Reg> + '_ {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Reg((index * 64) as u16 + bit as u16)
            })
        })
    })
}

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
    /// What the block does not write, whichever edge it goes on along; and what its last instruction does not write on
    /// each [`Edge`].
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
    for (index, word) in live.iter().enumerate() {
        let killed = written.iter().filter(|reg| reg.index() / 64 == index);
        set[index] |= killed.fold(*word, |word, reg| word & !(1 << (reg.index() % 64)));
    }
}

impl Liveness {
    /// Computes liveness; `None` if the bitsets would take more than `limit` words.
    pub fn new<B: Blocks>(
        program: &Program,
        blocks: &B,
        predecessors: &Adjacency<B::Node>,
        code: &[Op],
        registers: u16,
        limit: usize,
    ) -> Option<Liveness> {
        let words = usize::from(registers).div_ceil(64);
        if words * blocks.len() > limit {
            return None;
        }
        if words == 1 {
            return Some(Liveness { words, live_in: Self::one_word(program, blocks, predecessors, code) });
        }
        let mut live = Liveness { words, live_in: vec![0; words * blocks.len()] };
        let mut queued = vec![true; blocks.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<B::Node> = (0..blocks.len()).map(B::Node::new).collect();
        let mut set = vec![0u64; words];
        while let Some(block) = work.pop() {
            queued[block.index()] = false;
            live.after(program, blocks, block, code, &mut set);
            for op in code[blocks.instructions(block)].iter().rev() {
                step(program, op, &mut set);
            }
            live.add_caught(blocks, block, &mut set);
            let own = &mut live.live_in[block.index() * words..][..words];
            if own != &set[..] {
                own.copy_from_slice(&set);
                for &pred in predecessors.of(block) {
                    if !std::mem::replace(&mut queued[pred.index()], true) {
                        work.push(pred);
                    }
                }
            }
        }
        Some(live)
    }

    /// The same for functions of at most 64 registers, which are nearly all: what a block makes of a whole set is two
    /// masks, and going over its instructions once is enough to know them.
    fn one_word<B: Blocks>(program: &Program, blocks: &B, predecessors: &Adjacency<B::Node>, code: &[Op]) -> Vec<u64> {
        let bit = |reg: Reg| if reg.0 < 64 { 1u64 << reg.0 } else { 0 };
        let masks: Vec<Masks> = (0..blocks.len())
            .map(|index| {
                let mut masks = Masks { reads: 0, kept: u64::MAX, kept_on: [u64::MAX; 2] };
                for op in code[blocks.instructions(B::Node::new(index))].iter().rev() {
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
        let mut live = vec![0u64; blocks.len()];
        let mut queued = vec![true; blocks.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<B::Node> = (0..blocks.len()).map(B::Node::new).collect();
        while let Some(block) = work.pop() {
            queued[block.index()] = false;
            let Masks { reads, kept, kept_on } = masks[block.index()];
            let after = (blocks.edges(block, code))
                .fold(0, |after, (succ, edge)| after | live[succ.index()] & kept_on[edge as usize]);
            let handler = blocks.handler(block);
            let caught = handler.map_or(0, |(target, error)| live[target.index()] & !bit(error));
            let set = reads | (after & kept) | caught;
            if std::mem::replace(&mut live[block.index()], set) != set {
                for &pred in predecessors.of(block) {
                    if !std::mem::replace(&mut queued[pred.index()], true) {
                        work.push(pred);
                    }
                }
            }
        }
        live
    }

    fn words_of<N: Node>(&self, block: N) -> &[u64] {
        &self.live_in[block.index() * self.words..][..self.words]
    }

    /// Sets `set` to what is live after a block's last instruction, errors aside.
    fn after<B: Blocks>(&self, program: &Program, blocks: &B, block: B::Node, code: &[Op], set: &mut [u64]) {
        set.fill(0);
        let last = &code[blocks.instructions(block).end - 1];
        for (succ, edge) in blocks.edges(block, code) {
            add_before_edge(program, last, edge, self.words_of(succ), set);
        }
    }

    /// Adds what the handler of a block needs.
    fn add_caught<B: Blocks>(&self, blocks: &B, block: B::Node, set: &mut [u64]) {
        let Some((target, error)) = blocks.handler(block) else { return };
        for (index, (word, needed)) in set.iter_mut().zip(self.words_of(target)).enumerate() {
            let received = if index == error.index() / 64 { 1 << (error.index() % 64) } else { 0 };
            *word |= needed & !received;
        }
    }

    /// For each instruction of a block the registers live before it; and after the last one on top.
    pub fn before_each<B: Blocks>(&self, program: &Program, blocks: &B, block: B::Node, code: &[Op]) -> Vec<RegSet> {
        let mut live = vec![0; self.words];
        self.after(program, blocks, block, code, &mut live);
        self.add_caught(blocks, block, &mut live);
        let mut sets = vec![RegSet(live.clone())];
        for op in code[blocks.instructions(block)].iter().rev() {
            step(program, op, &mut live);
            self.add_caught(blocks, block, &mut live);
            sets.push(RegSet(live.clone()));
        }
        sets.reverse();
        sets
    }

    /// The registers live at a block's entry.
    pub fn set_of<N: Node>(&self, block: N) -> RegSet {
        RegSet(self.words_of(block).to_vec())
    }

    /// Adds the registers live at a block's entry to a list, ascending.
    pub fn add_live_in<N: Node>(&self, block: N, list: &mut Vec<Reg>) {
        for (&word, first) in self.words_of(block).iter().zip((0..).step_by(64)) {
            let mut rest = word;
            while rest != 0 {
                list.push(Reg(first + rest.trailing_zeros() as u16));
                rest &= rest - 1;
            }
        }
    }

    /// How many (block, register) pairs are live.
    pub fn total(&self) -> usize {
        self.live_in.iter().map(|word| word.count_ones() as usize).sum()
    }
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

#[cfg(test)]
mod tests {
    use crate::bytecode::flow::Flow;
    use crate::bytecode::*;

    fn live_in(code: &[Op], registers: u16, handlers: Vec<Handler>, pc: usize) -> Vec<u16> {
        let function = Function {
            name: StrId(0),
            kind: FunctionKind::Plain,
            module: ModuleId(0),
            params: 2,
            required: 2,
            registers,
            code: Run { start: 0, len: code.len() as u32 },
            sites: Run::default(),
            captures: Vec::new(),
            handlers,
        };
        let program = Program { functions: vec![function], code: code.to_vec(), ..Program::default() };
        let flow = Flow::of(&program, &program.functions[0]).unwrap();
        flow.live_in(flow.block_around(pc as u32).unwrap()).iter().map(|reg| reg.0).collect()
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
}
