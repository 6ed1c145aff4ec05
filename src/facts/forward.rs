//! Walks over a function's instructions along control: what holds before each, of all paths that lead there, by
//! iteration to a fixed point (Kildall, *A Unified Approach to Global Program Optimization*, 1973).

use crate::bytecode::flow::jump_target;
use crate::bytecode::op::access::Edge;
use crate::bytecode::{Function, Op, Program, Reg};

/// What a walk knows, and how instructions change it.
pub trait Forward {
    type State: Clone;

    /// Takes in what holds on another path to the same instruction; whether that changed anything.
    fn join(&self, there: &mut Self::State, other: &Self::State) -> bool;

    /// What holds behind an instruction that control leaves by an edge.
    fn after(&self, op: &Op, before: &Self::State, edge: Edge) -> Self::State;

    /// What holds where a handler begins that has caught an error of an instruction: the register has the error.
    fn caught(&self, before: &Self::State, error: Reg) -> Self::State;

    /// Looks at an instruction, at the pc within its function; `false` ends the walk. It is looked at again when more
    /// is known.
    fn visit(&mut self, pc: u32, op: &Op, before: &Self::State) -> bool;
}

/// Walks over a function that begins in a state. Handlers begin in what holds before any of the instructions that they
/// cover. Whether no visit ended it, and control stays in the code.
pub fn walk<F: Forward>(program: &Program, function: &Function, start: F::State, forward: &mut F) -> bool {
    let Some(code) = program.code.get(function.code.range()) else { return false };
    let mut before: Vec<Option<F::State>> = vec![None; code.len()];
    let Some(first) = before.first_mut() else { return false };
    *first = Some(start);
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for (pc, op) in code.iter().enumerate() {
            let Some(state) = before[pc].clone() else { continue };
            if !forward.visit(pc as u32, op, &state) {
                return false;
            }
            let covering =
                function.handlers.iter().filter(|handler| (handler.start..handler.end).contains(&(pc as u32)));
            let caught = covering.map(|handler| (handler.target as usize, forward.caught(&state, handler.error)));
            let target = jump_target(op, pc as u32, code.len() as u32);
            let taken = target.map(|target| (target as usize, forward.after(op, &state, Edge::Taken)));
            let falls_through = !op.effects().ends;
            let next = falls_through.then(|| (pc + 1, forward.after(op, &state, Edge::FallThrough)));
            for (to, state) in caught.chain(taken).chain(next) {
                let Some(there) = before.get_mut(to) else { return false };
                match there {
                    Some(there) => changed |= forward.join(there, &state),
                    None => {
                        *there = Some(state);
                        changed = true;
                    }
                }
            }
        }
    }
    true
}
