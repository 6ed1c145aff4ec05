//! The rule that a register is written before it is read, on every path that control may take.
//!
//! Without it a program could look at what frames before it have left on the stack: harmless to the machine, but
//! another thing in each tier.
//!
//! # One pass
//! The instructions are looked at once, in their order, with the set of registers that are written on all paths to
//! each. What is known at a forward jump waits at its target. At the target of a backward jump, the header of a loop,
//! what is known from above holds less what the calls between header and jump leave undefined, which is found out
//! beforehand; the jump then has to find all of that. Code made of nested loops always passes; other code might be
//! refused, and control that comes to a header from below first is. A handler begins with what is known at all
//! instructions it covers, and not with what a call among them has left undefined.
//!
//! Sets take time and memory by the size of the frame, so both are limited, as [`super::Rule::Registers`] says; no
//! program that anybody wrote comes near that.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{Rule, VerifyError, code};
use crate::bytecode::op::access::{Access, Edge};
use crate::bytecode::{Function, Op, Program, Reg};

/// Words of sets that a function may need at once.
const MOST_WORDS: usize = 1 << 22;
/// Words of sets that may be looked at for a function, and for each of its instructions.
const MOST_WORK: usize = 1 << 24;
const MOST_WORK_PER_INSTRUCTION: usize = 64;

pub fn check(program: &Program) -> Result<(), VerifyError> {
    let mut pass = Pass::default();
    for (id, function) in program.functions.iter().enumerate() {
        let code = &program.code[function.code.range()];
        if let Err((pc, rule)) = pass.function(program, function, code) {
            return Err(code::error_at(program, id, pc, code[pc], rule));
        }
    }
    Ok(())
}

/// What is kept from function to function is memory alone.
#[derive(Default)]
struct Pass {
    /// Registers that are written, while the instruction at hand can be reached.
    state: Set,
    is_reachable: bool,
    /// What is known on the edges that lead forward to an instruction.
    waiting: FxHashMap<u32, Set>,
    loops: FxHashMap<u32, Header>,
    /// What was known wherever a handler may begin.
    caught: FxHashMap<usize, Set>,
    words_in_use: usize,
    work: usize,
    unused: Vec<Set>,
}

type Set = Vec<u64>;

/// The target of backward jumps.
struct Header {
    /// The last of them.
    latch: u32,
    /// Calls in between leave the registers above this one undefined.
    clobbers_above: Option<Reg>,
    /// What holds there, if it can be reached from above.
    state: Option<Set>,
}

impl Pass {
    fn function(&mut self, program: &Program, function: &Function, code: &[Op]) -> Result<(), (usize, Rule)> {
        self.begin(function);
        self.find_loops(program, code);
        let mut handlers = Handlers::of(function);
        for (pc, op) in code.iter().enumerate() {
            let with_pc = |rule| (pc, rule);
            let mut is_new = self.arrive(pc as u32);
            if let Some(handlers) = &mut handlers {
                is_new |= handlers.advance(function, pc as u32, |ended| self.leave_to_handler(function, ended));
                // An end of a range may be where its handler begins.
                is_new |= self.arrive(pc as u32);
            }
            if !self.is_reachable {
                continue;
            }
            let handler = handlers.as_ref().and_then(Handlers::innermost);
            if is_new && let Some(handler) = handler {
                self.may_be_caught(handler);
            }
            let (mut writes, mut on_edge) = (SmallVec::<[Reg; 6]>::new(), SmallVec::<[(Edge, Reg); 4]>::new());
            let (mut unwritten, mut clobbers_above) = (false, None);
            op.for_each_access(program, |access| match access {
                Access::Reads(reg) => unwritten |= !contains(&self.state, reg),
                Access::Writes(reg) => writes.push(reg),
                Access::WritesOn(edge, reg) => on_edge.push((edge, reg)),
                Access::ClobbersAbove(base) => clobbers_above = Some(base),
            });
            if unwritten {
                return Err(with_pc(Rule::Unwritten));
            }
            if let Some(base) = clobbers_above {
                keep_up_to(&mut self.state, base);
                self.work += self.state.len();
                if let Some(caught) = handler.and_then(|handler| self.caught.get_mut(&handler)) {
                    keep_up_to(caught, base);
                }
            }
            // A module that has run before leaves its register as it was, another one writes it: it is undefined.
            let change = if matches!(op, Op::InitModule { .. }) { remove } else { insert };
            writes.iter().for_each(|reg| change(&mut self.state, *reg));
            if let Some(offset) = op.jump_offset() {
                let target = (pc as i64 + 1 + i64::from(offset)) as u32;
                let taken = on_edge.iter().filter(|(edge, _)| *edge == Edge::Taken).map(|(_, reg)| *reg);
                if target as usize > pc {
                    self.jump_forward(target, taken);
                } else {
                    self.jump_back(target, pc as u32, taken).map_err(with_pc)?;
                }
            }
            let falls = on_edge.iter().filter(|(edge, _)| *edge == Edge::FallThrough);
            falls.for_each(|(_, reg)| insert(&mut self.state, *reg));
            self.is_reachable = !op.effects().ends;
            let most_work = MOST_WORK + MOST_WORK_PER_INSTRUCTION * code.len();
            if self.words_in_use > MOST_WORDS || self.work > most_work {
                return Err(with_pc(Rule::Registers));
            }
        }
        Ok(())
    }

    fn begin(&mut self, function: &Function) {
        self.waiting.clear();
        self.loops.clear();
        self.caught.clear();
        self.unused.clear();
        (self.words_in_use, self.work) = (0, 0);
        self.state.clear();
        self.state.resize(usize::from(function.registers).div_ceil(64), 0);
        (0..function.params).for_each(|param| insert(&mut self.state, Reg(param)));
        self.is_reachable = true;
    }

    /// Notes the headers of loops, and what calls between each and its last backward jump leave undefined.
    fn find_loops(&mut self, program: &Program, code: &[Op]) {
        for (pc, op) in code.iter().enumerate() {
            let Some(offset) = op.jump_offset().filter(|offset| *offset < 0) else { continue };
            let header = (pc as i64 + 1 + i64::from(offset)) as u32;
            let new = || Header { latch: pc as u32, clobbers_above: None, state: None };
            self.loops.entry(header).or_insert_with(new).latch = pc as u32;
        }
        if self.loops.is_empty() {
            return;
        }
        // The loops that are open, outermost first; what the inner ones find out counts for the outer ones when they
        // end.
        let mut open: Vec<(u32, u32, Option<Reg>)> = Vec::new();
        for (pc, op) in code.iter().enumerate() {
            if let Some(header) = self.loops.get(&(pc as u32)) {
                open.push((pc as u32, header.latch, None));
            }
            if open.is_empty() {
                continue;
            }
            let base = if op.effects().calls { op.for_each_written(program, |_| {}) } else { None };
            if let Some((.., lowest)) = open.last_mut() {
                *lowest = lower(*lowest, base);
            }
            while let Some((header, latch, lowest)) = open.pop() {
                if latch > pc as u32 {
                    open.push((header, latch, lowest));
                    break;
                }
                self.loops.get_mut(&header).expect("it was noted").clobbers_above = lowest;
                if let Some((.., outer)) = open.last_mut() {
                    *outer = lower(*outer, lowest);
                }
            }
        }
    }

    /// Takes in what waits at an instruction, and begins a loop there. Whether anything was.
    fn arrive(&mut self, pc: u32) -> bool {
        let arrived = self.waiting.remove(&pc);
        let is_new = arrived.is_some();
        if let Some(set) = arrived {
            self.work += set.len();
            if self.is_reachable {
                intersect(&mut self.state, &set);
                self.give_up(set);
            } else {
                self.words_in_use -= set.len();
                self.unused.push(std::mem::replace(&mut self.state, set));
                self.is_reachable = true;
            }
        }
        let Some(clobbers_above) = self.loops.get(&pc).map(|header| header.clobbers_above) else { return is_new };
        if self.is_reachable {
            if let Some(base) = clobbers_above {
                keep_up_to(&mut self.state, base);
            }
            let state = self.copy();
            let header = self.loops.get_mut(&pc).expect("it was there a moment ago");
            if let Some(earlier) = header.state.replace(state) {
                self.give_up(earlier);
            }
        }
        true
    }

    fn jump_forward(&mut self, target: u32, taken: impl Iterator<Item = Reg>) {
        let mut set = self.copy();
        taken.for_each(|reg| insert(&mut set, reg));
        self.wait_at(target, set);
    }

    fn wait_at(&mut self, target: u32, set: Set) {
        match self.waiting.get_mut(&target) {
            Some(waiting) => {
                intersect(waiting, &set);
                self.give_up(set);
            }
            None => drop(self.waiting.insert(target, set)),
        }
    }

    fn jump_back(&mut self, target: u32, pc: u32, taken: impl Iterator<Item = Reg>) -> Result<(), Rule> {
        let header = self.loops.get_mut(&target).expect("backward jumps were noted");
        let is_last = header.latch == pc;
        let state = if is_last { header.state.take() } else { header.state.clone() };
        let Some(mut missing) = state else { return Err(Rule::Unwritten) };
        self.work += missing.len();
        missing.iter_mut().zip(&self.state).for_each(|(word, written)| *word &= !written);
        taken.for_each(|reg| missing[reg.index() / 64] &= !(1 << (reg.index() % 64)));
        let is_complete = missing.iter().all(|word| *word == 0);
        if is_last {
            self.give_up(missing);
        }
        if is_complete { Ok(()) } else { Err(Rule::Unwritten) }
    }

    /// An error may be raised here that a handler catches.
    fn may_be_caught(&mut self, handler: usize) {
        self.work += self.state.len();
        match self.caught.get_mut(&handler) {
            Some(caught) => intersect(caught, &self.state),
            None => {
                let state = self.copy();
                self.caught.insert(handler, state);
            }
        }
    }

    /// The range of a handler ends.
    fn leave_to_handler(&mut self, function: &Function, handler: usize) {
        let Some(mut set) = self.caught.remove(&handler) else { return };
        let handler = &function.handlers[handler];
        insert(&mut set, handler.error);
        self.wait_at(handler.target, set);
    }

    fn copy(&mut self) -> Set {
        self.words_in_use += self.state.len();
        self.work += self.state.len();
        let mut copy = self.unused.pop().unwrap_or_default();
        copy.clone_from(&self.state);
        copy
    }

    fn give_up(&mut self, set: Set) {
        self.words_in_use -= set.len();
        self.unused.push(set);
    }
}

/// Which handlers cover the instruction at hand.
struct Handlers {
    /// Starts and ends of ranges, the last first.
    boundaries: Vec<(u32, usize)>,
    /// Positions in the function's list; the first that covers an instruction is the innermost.
    open: BTreeSet<usize>,
}

impl Handlers {
    fn of(function: &Function) -> Option<Handlers> {
        let ranges = function.handlers.iter().enumerate();
        let mut boundaries: Vec<(u32, usize)> =
            ranges.flat_map(|(index, handler)| [(handler.start, index), (handler.end, index)]).collect();
        boundaries.sort_unstable_by(|a, b| b.cmp(a));
        (!boundaries.is_empty()).then_some(Handlers { boundaries, open: BTreeSet::new() })
    }

    /// Moves on to an instruction; whether other handlers cover it. `end` is told of those whose range ends in front of
    /// it.
    fn advance(&mut self, function: &Function, pc: u32, mut end: impl FnMut(usize)) -> bool {
        let mut changed = false;
        while let Some((_, index)) = self.boundaries.pop_if(|(boundary, _)| *boundary <= pc) {
            let handler = &function.handlers[index];
            changed = true;
            if handler.start < handler.end && handler.end > pc {
                self.open.insert(index);
            } else if self.open.remove(&index) {
                end(index);
            }
        }
        changed
    }

    fn innermost(&self) -> Option<usize> {
        self.open.first().copied()
    }
}

fn contains(set: &Set, reg: Reg) -> bool {
    set[reg.index() / 64] >> (reg.index() % 64) & 1 == 1
}

fn insert(set: &mut Set, reg: Reg) {
    set[reg.index() / 64] |= 1 << (reg.index() % 64);
}

fn remove(set: &mut Set, reg: Reg) {
    set[reg.index() / 64] &= !(1 << (reg.index() % 64));
}

/// Takes out all registers above one.
fn keep_up_to(set: &mut Set, base: Reg) {
    let (word, bit) = (base.index() / 64, base.index() % 64);
    set[word] &= u64::MAX >> (63 - bit);
    set[word + 1..].fill(0);
}

fn intersect(set: &mut Set, other: &Set) {
    set.iter_mut().zip(other).for_each(|(word, also)| *word &= also);
}

fn lower(a: Option<Reg>, b: Option<Reg>) -> Option<Reg> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
