//! The shadow interpreter: what native code left behind is compared with what interpreting leaves behind.
//!
//! Before a version's code is entered, all that it can reach and change is written down ([`Snapshot`]). When it has
//! been left, that is put back and the same stretch interpreted, one instruction at a time, until the machine is as the
//! exit says: the same frames at the same pcs, the same values in the registers that are alive there, in globals, and
//! in every object. If control leaves the loop without that ever having been so, the exit was wrong. Either way the
//! machine ends up as the native code left it.
//!
//! A state that interpreting passes through at some iteration is right at whatever iteration: what follows depends on
//! nothing else. So no count of iterations is kept, and code that is unrolled or reordered is judged like any other.
//!
//! # Limits
//! - Code that may run Walrus functions through the runtime, or do what cannot be undone (input, output other than
//!   printing, the clock, the random generator), is not compared. What is printed is not compared here; the fixtures
//!   and random programs do that.
//! - Which registers are alive is taken from [`crate::bytecode::flow`], as the builder takes it. Of the frame that an
//!   inlined function returns to, what its return is yet to write is not compared: the result of a call; the item, and
//!   at its beginning the version, of an iteration.
//! - A stretch that is too long, or reaches or makes too much, is not compared: see [`Limits`].

use std::cell::Cell;

use super::helpers::Helper;
use super::ir::{Boxed, BoxedTag, Exit, ExitReason, Inst, Region, Val};
use super::translate::Flows;
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect};
use crate::bytecode::flow::{Flow, RegSet};
use crate::bytecode::op::window::Iter;
use crate::bytecode::{FuncId, Op, Program, Reg};
use crate::runtime::error::{Error, ErrorKind, Result};
use crate::runtime::regions::Entry;
use crate::runtime::replay::{Replayed, Snapshot};
use crate::runtime::value::Tag;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

/// How much to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Instructions and compared values per exit.
    pub work: u64,
    /// The same for the whole run.
    pub total: u64,
    /// Objects and elements to write down before an entry.
    pub reach: usize,
}

impl Limits {
    /// For debug builds, in passing.
    pub const IN_PASSING: Limits = Limits { work: 50_000, total: 1_000_000, reach: 4_000 };
    /// For `--jit-stress shadow`.
    pub const THOROUGH: Limits = Limits { work: 20_000_000, total: 2_000_000_000, reach: 1_000_000 };
}

/// Bytes that a stretch may make at most while it is interpreted again, which nothing collects meanwhile.
const MOST_MADE: usize = 256 << 20;

/// See the module documentation.
pub struct Shadow {
    limits: Limits,
    remaining: Cell<u64>,
    compared: Cell<u64>,
    passed_over: Cell<u64>,
}

/// A frame as the exit wants it: function, base, where it goes on, registers alive there.
struct Wanted {
    func: FuncId,
    base: u32,
    pc: u32,
}

impl Shadow {
    pub fn new(limits: Limits) -> Shadow {
        Shadow { limits, remaining: Cell::new(limits.total), compared: Cell::new(0), passed_over: Cell::new(0) }
    }

    /// Exits compared so far, and exits that were not.
    pub fn counts(&self) -> (u64, u64) {
        (self.compared.get(), self.passed_over.get())
    }

    /// To be called before native code is entered that [`can_be_replayed`].
    pub fn before(&self, vm: &Vm, window: u32) -> Option<Snapshot> {
        let snapshot = if self.remaining.get() == 0 { None } else { Snapshot::take(vm, window, self.limits.reach) };
        if snapshot.is_none() {
            self.passed_over.set(self.passed_over.get() + 1);
        }
        snapshot
    }

    /// To be called when native code has been left, before the exit's frames are rebuilt. An error if interpreting does
    /// not come by the state that the exit describes.
    pub fn compare(&self, vm: &mut Vm, flows: &mut Flows, before: Snapshot, entry: Entry, exit: &Exit) -> Result<()> {
        // A state that is half put back would be worse than a heap that is too large for a moment.
        let outer = vm.heap.set_granting(true);
        let compared = self.compare_undisturbed(vm, flows, before, entry, exit);
        vm.heap.set_granting(outer);
        compared
    }

    fn compare_undisturbed(
        &self,
        vm: &mut Vm,
        flows: &mut Flows,
        before: Snapshot,
        entry: Entry,
        exit: &Exit,
    ) -> Result<()> {
        // Of where fuel is used up, or a fact is wrong, nothing but frames and pc is told.
        if matches!(exit.reason, ExitReason::EntryType | ExitReason::Fuel | ExitReason::Fact) {
            return Ok(());
        }
        let program = vm.program();
        let header = before.pc();
        let region = vm.top_function();
        let (Ok(flow), true) = (flows.of(program, region), before.is_intact(vm)) else {
            self.passed_over.set(self.passed_over.get() + 1);
            return Ok(());
        };
        let mut wanted = vec![Wanted { func: region, base: 0, pc: exit.pc }];
        for frame in &exit.frames {
            let pc = frame.return_pc;
            wanted.last_mut().expect("never empty").pc = pc;
            wanted.push(Wanted { func: frame.func, base: frame.base, pc: exit.pc });
        }
        let mut live = Vec::new();
        for (index, frame) in wanted.iter().enumerate() {
            // A call that is under way has yet to write its result.
            let callee = wanted.get(index + 1);
            let result = callee.map(|callee| callee.base - 1);
            if let Ok(flow) = flows.of(program, frame.func) {
                let pending = match callee {
                    Some(_) => pending_at(&flow, program, frame.pc - 1),
                    None => given_by_iter(program, exit).into_iter().collect(),
                };
                let registers = live_at(&flow, program, frame.pc);
                let registers = registers.iter().filter(|reg| !pending.contains(reg));
                live.extend(registers.map(|reg| frame.base + u32::from(reg.0)).filter(|slot| Some(*slot) != result));
            }
        }

        let after = before.again(vm);
        before.restore(vm)?;
        let verdict = self.replay(vm, &flow, header, &wanted, &live, &after);
        if !before.is_intact(vm) {
            return Err(Error::fatal("The shadow interpreter collected garbage"));
        }
        after.restore(vm)?;
        match verdict {
            Verdict::Same => self.compared.set(self.compared.get() + 1),
            Verdict::GaveUp => self.passed_over.set(self.passed_over.get() + 1),
            Verdict::Differs(how) => {
                return Err(Error::fatal(format!(
                    "Native code of the loop at {} left by an exit ({}, to {}) that interpreting does not come by: {how}",
                    super::log::place(vm.program(), entry),
                    exit.reason.name(),
                    exit.pc,
                )));
            }
        }
        Ok(())
    }

    fn replay(
        &self,
        vm: &mut Vm,
        flow: &Flow,
        header: u32,
        wanted: &[Wanted],
        live: &[u32],
        after: &Snapshot,
    ) -> Verdict {
        let depth = vm.depth();
        let base = vm.top_base();
        let region = flow.loop_with_header(header - flow.start);
        let mut work = self.limits.work.min(self.remaining.get());
        let mut spend = |amount: u64| {
            let enough = amount <= work;
            work = work.saturating_sub(amount);
            self.remaining.set(self.remaining.get().saturating_sub(amount));
            enough
        };
        let mut how = String::from("its pc is never reached");
        let most = vm.heap.bytes() + MOST_MADE;
        loop {
            if vm.heap.bytes() > most {
                return Verdict::GaveUp;
            }
            if stands_at(vm, depth, base, wanted) {
                match after.difference(vm, live) {
                    None => return Verdict::Same,
                    Some(difference) => how = difference,
                }
                if !spend(after.size() as u64) {
                    return Verdict::GaveUp;
                }
            }
            let pc = vm.top_pc();
            let inside = vm.depth() > depth
                || region
                    .zip(flow.block_around(pc - flow.start))
                    .is_some_and(|(l, block)| flow.loop_contains(l, block));
            if !inside || vm.depth() < depth {
                return Verdict::Differs(how);
            }
            if !spend(1) {
                return Verdict::GaveUp;
            }
            match vm.replay(depth) {
                Ok(Replayed::Executed) => {}
                Ok(Replayed::Refused) => return Verdict::Differs(how),
                Err(error) if matches!(error.kind(), ErrorKind::NeedsMemory(_)) => return Verdict::GaveUp,
                Err(_) => return Verdict::Differs(how),
            }
        }
    }
}

enum Verdict {
    Same,
    GaveUp,
    Differs(String),
}

/// Whether the machine's frames from `depth` up are these.
fn stands_at(vm: &Vm, depth: usize, base: Window, wanted: &[Wanted]) -> bool {
    let (Some(top), above) = (wanted.last(), &wanted[1..]) else { return false };
    vm.depth() == depth + above.len()
        && vm.top_pc() == top.pc
        && vm.frames_above(depth).zip(above.iter().zip(wanted)).all(|((func, window, return_pc), (frame, below))| {
            func == frame.func && window == base.far_above(frame.base) && return_pc == below.pc
        })
}

/// Registers alive before an instruction.
fn live_at(flow: &Flow, program: &Program, pc: u32) -> RegSet {
    let Some(block) = flow.block_around(pc - flow.start) else { return RegSet::default() };
    let index = (pc - flow.start - flow.block(block).start) as usize;
    flow.live_before_each(program, block).swap_remove(index)
}

/// Registers that the step of an iteration writes when the `next` or `iter` it has called returns, and that nothing
/// reads until then; none for what is no such step. The position is written before the call: it tells `iter` from
/// `next` when the run time takes the step.
fn pending_at(flow: &Flow, program: &Program, pc: u32) -> Vec<Reg> {
    let op = program.code[pc as usize];
    // The function of a method of lists runs above all registers.
    if let Op::CallMethod { base, .. } | Op::TailCallMethod { base, .. } = op {
        return vec![base];
    }
    let Some(step) = op.as_iteration() else { return Vec::new() };
    let before = live_at(flow, program, pc);
    let items = [Iter::VERSION, Iter::ITEM, Iter::SECOND].into_iter().map(|offset| step.base.above(offset));
    items.filter(|reg| !before.contains(*reg)).collect()
}

/// The register of what is iterated over, where memory was refused after an inlined `iter` had returned: it holds what
/// that gave. Interpreting comes by the instance alone, at the same pc, and goes on alike from either.
pub fn given_by_iter(program: &Program, exit: &Exit) -> Option<Reg> {
    match program.code[exit.pc as usize] {
        Op::IterPrep { base, .. } | Op::IterPrep2 { base, .. } => Some(base),
        _ => None,
    }
    .filter(|_| exit.reason == ExitReason::Throw)
}

/// Whether all that the region does can be undone and interpreted again.
pub fn can_be_replayed(vm: &Vm, region: &Region) -> bool {
    let constant = |val: Val| {
        let insts = region.order.iter().flat_map(|&id| &region.block(id).insts);
        insts.into_iter().find_map(|(result, inst)| match inst {
            Inst::Int(value) if *result == Some(val) => Some(*value),
            _ => None,
        })
    };
    let is_harmless = |inst: &Inst| match inst {
        Inst::Call { helper: Helper::StepCall, .. } | Inst::CallFunction { .. } => false,
        Inst::Call { helper, .. } if helper.is_random() => false,
        Inst::Call { helper: Helper::Step | Helper::Raise, args, .. } => {
            let pc = args.get(1).and_then(|pc| constant(*pc));
            pc.and_then(|pc| vm.program().code.get(pc as usize)).is_some_and(|op| match *op {
                Op::CallBuiltin { builtin, .. } => BUILTINS[vm.image().builtin(builtin)].effect == BuiltinEffect::Pure,
                _ => true,
            })
        }
        _ => true,
    };
    // A function that returns leaves no frame to compare.
    !region.is_function
        && region.order.iter().flat_map(|&id| &region.block(id).insts).all(|(_, inst)| is_harmless(inst))
}

/// Makes what the exits of a region write home wrong, for the test of the comparison: the machine's address takes the
/// place of each int.
pub fn spoil_exits(region: &mut Region) {
    let ints = |boxed: &&mut Boxed| boxed.tag == BoxedTag::Known(Tag::Int as u64);
    let exits = region.exits.iter_mut().filter(|exit| exit.reason != ExitReason::EntryType);
    for exit in exits {
        exit.values.iter_mut().map(|(_, boxed)| boxed).filter(ints).for_each(|boxed| boxed.payload = Val(0));
    }
}
