//! Induction variables and trip counts.
//!
//! A range loop's counter is one by construction. In any loop, a register whose only write inside is `r = r ± c` in a
//! block that every path to the back edge passes is another; its bound is what the test at a back edge compares it
//! with.

use super::cfg::BlockId;
use super::program_flow::FunctionFlow;
use crate::bytecode::facts::{Bound, Induction};
use crate::bytecode::graph::Dominators;
use crate::bytecode::op::shape::{Source, Test};
use crate::bytecode::op::window;
use crate::bytecode::{Constant, LoopKind, LoopRegion, Op, Program, Reg, ShortConst};

/// What is known of how a loop counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counting {
    pub inductions: Vec<Induction>,
    pub trip_count: Option<u64>,
}

/// An instruction that adds a constant to a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub register: Reg,
    pub by: i64,
    pub pc: u32,
}

impl Step {
    /// The instruction at `pc` as a step, if it is one.
    pub fn of(program: &Program, pc: u32, op: &Op) -> Option<Step> {
        let int = |k: ShortConst| match program.constants.get(usize::from(k.0)) {
            Some(Constant::Int(value)) => Some(*value),
            _ => None,
        };
        let (register, by) = match *op {
            Op::AddK { dst, a, k } if dst == a => (dst, int(k)?),
            Op::SubK { dst, a, k } if dst == a => (dst, int(k)?.wrapping_neg()),
            Op::KAdd { dst, k, b } if dst == b => (dst, int(k)?),
            _ => return None,
        };
        Some(Step { register, by, pc })
    }
}

/// Finds the induction variables of a loop; `inner` are the loops in it, `invariants` live-in registers that it does
/// not write, `steps` those in it of registers that nothing else in it changes.
#[allow(clippy::too_many_arguments, reason = "what is known of the function and of the loop, each found once")]
pub fn find(
    program: &Program,
    region: &LoopRegion,
    inner: &[LoopRegion],
    own: &FunctionFlow,
    dominators: &Dominators<BlockId>,
    code: &[Op],
    invariants: &[Reg],
    steps: impl Iterator<Item = Step>,
) -> Counting {
    let mut counting = Counting::default();
    let body = region.header as usize..(region.end as usize).min(code.len());
    if region.kind == LoopKind::Range
        && let Some(Op::ForLoop { base, .. }) = region.back_edges.last().and_then(|&pc| code.get(pc as usize))
    {
        let entered = body.start.checked_sub(1).filter(|&pc| matches!(code[pc], Op::ForPrep { .. }));
        let known = |reg: Reg| entered.and_then(|pc| constant_before(program, code, pc, reg));
        let (start, end) = (known(*base), known(base.above(window::Range::END)));
        let bound = end.map_or(Bound::Register(base.above(window::Range::END)), Bound::Constant);
        counting.inductions.push(Induction { register: base.above(window::Range::VARIABLE), start, step: 1, bound });
        if let (Some(start), Some(end)) = (start, end)
            && region.exits.len() <= 1
            && !leaves(code, region)
        {
            counting.trip_count = Some(i128::max(0, i128::from(end) - i128::from(start)) as u64);
        }
    }
    for Step { register, by: step, pc } in steps {
        let block = own.cfg.block_of[pc as usize];
        let every_round =
            region.back_edges.iter().all(|&edge| dominators.dominates(block, own.cfg.block_of[edge as usize]));
        // Inside an inner loop the step may happen any number of times per round.
        let in_inner_loop = inner.iter().any(|other| (other.header..other.end).contains(&pc));
        if !every_round || in_inner_loop {
            continue;
        }
        let start = constant_before(program, code, body.start, register);
        let bound = region
            .back_edges
            .iter()
            .find_map(|&edge| compared_with(program, code[edge as usize], register, invariants))
            .unwrap_or(Bound::None);
        counting.inductions.push(Induction { register, start, step, bound });
    }
    counting
}

/// Whether control may leave the loop other than by its test: by returning, throwing past it, or jumping out.
fn leaves(code: &[Op], region: &LoopRegion) -> bool {
    let (start, end) = (region.header, region.end.min(code.len() as u32));
    (start..end).any(|pc| {
        let op = &code[pc as usize];
        let ends = op.jump_offset().is_none() && op.effects().ends;
        let jumps_out = op.jump_offset().is_some_and(|offset| {
            let target = i64::from(pc) + 1 + i64::from(offset);
            target < i64::from(start) || target >= i64::from(end)
        });
        ends || jumps_out || op.is_tail_call()
    })
}

/// The constant that a register was loaded with just before `pc`, in straight-line code.
fn constant_before(program: &Program, code: &[Op], pc: usize, register: Reg) -> Option<i64> {
    for before in (pc.saturating_sub(16)..pc).rev() {
        match code[before] {
            Op::LoadInt { dst, value } if dst == register => return Some(value.into()),
            Op::LoadConst { dst, constant } if dst == register => {
                return match program.constants.get(constant.index()) {
                    Some(Constant::Int(value)) => Some(*value),
                    _ => None,
                };
            }
            op => {
                if op.may_change(program, register) || op.effects().ends {
                    return None;
                }
                // A forward jump over the load may lead here from elsewhere, but a loop's test at its top is only left
                // forwards, so looking past it is safe; past any other jump it is not.
                if op.jump_offset().is_some_and(|offset| before as i64 + 1 + i64::from(offset) <= pc as i64) {
                    return None;
                }
            }
        }
    }
    None
}

fn compared_with(program: &Program, op: Op, register: Reg, invariants: &[Reg]) -> Option<Bound> {
    let with_register = |a: Reg, b: Reg| {
        let other = if a == register {
            b
        } else if b == register {
            a
        } else {
            return None;
        };
        invariants.contains(&other).then_some(Bound::Register(other))
    };
    let with_constant = |a: Reg, k: ShortConst| match program.constants.get(usize::from(k.0)) {
        Some(Constant::Int(value)) if a == register => Some(Bound::Constant(*value)),
        _ => None,
    };
    let jump = op.as_compare_jump().filter(|jump| !jump.negated && jump.test != Test::Eq)?;
    match jump.right {
        Source::Register(right) => with_register(jump.left, right),
        Source::Constant(k) => with_constant(jump.left, k),
    }
}
