//! What is known of loops before types are: which are irregular, which registers they change, how they count.
//!
//! A function's code is gone through once for all its loops. Each asks for what lies in its interval of code, so loops
//! that nest hundreds deep do not take the square of that.

use std::ops::Range;

use super::inductions::{self, Counting, Step};
use super::loops::LoopTree;
use super::program_flow::{FunctionFlow, ProgramFlow, code_of};
use crate::bytecode::facts::MAX_REGION_INSTRUCTIONS;
use crate::bytecode::graph::{Dominators, Graph};
use crate::bytecode::{FuncId, LoopId, LoopRegion, Op, Program, Reg};

/// The loops of a program, and which functions have cycles that are none of them.
#[derive(Debug)]
pub struct LoopShapes {
    loops: Vec<LoopShape>,
    irregular_functions: Vec<bool>,
}

/// What is known of one loop. Of one too large to compile it is only whether it is irregular.
#[derive(Clone, Debug, Default)]
pub struct LoopShape {
    pub is_irregular: bool,
    /// The registers that are alive at the header and never change, ascending.
    pub invariants: Vec<Reg>,
    /// The registers that the loop changes and that are alive where it is left, ascending.
    pub live_out: Vec<Reg>,
    pub counting: Counting,
}

impl LoopShapes {
    /// `by_function` are the loops of each function, inner ones after those around them.
    pub fn new(program: &Program, flow: &ProgramFlow, by_function: &[Vec<LoopId>]) -> LoopShapes {
        let mut shapes = LoopShapes {
            loops: vec![LoopShape::default(); program.loops.len()],
            irregular_functions: vec![false; program.functions.len()],
        };
        let mut changes = Changes::default();
        for (index, loops) in by_function.iter().enumerate() {
            let own = flow.of(FuncId(index as u32));
            if !own.cfg.is_empty() && (!loops.is_empty() || own.cfg.goes_back()) {
                shapes.add_function(program, index, own, loops, &mut changes);
            }
        }
        shapes
    }

    pub fn of(&self, id: LoopId) -> &LoopShape {
        &self.loops[id.index()]
    }

    /// Whether a function has cycles that no loop accounts for.
    pub fn is_irregular(&self, func: FuncId) -> bool {
        self.irregular_functions[func.index()]
    }

    fn add_function(
        &mut self,
        program: &Program,
        index: usize,
        own: &FunctionFlow,
        loops: &[LoopId],
        changes: &mut Changes,
    ) {
        let code = code_of(program, &program.functions[index]);
        let regions: Vec<&LoopRegion> = loops.iter().map(|id| &program.loops[id.index()]).collect();
        let dominators = Dominators::new(&own.order, own.cfg.predecessors());
        let tree = LoopTree::new(&own.cfg, &dominators, &own.order, &regions);
        self.irregular_functions[index] = !tree.unregistered.is_empty();
        if loops.is_empty() {
            return;
        }
        changes.find(program, code);
        for ((&id, region), fault) in loops.iter().zip(&regions).zip(&tree.faults) {
            let range = region.header..region.end.min(code.len() as u32);
            let shape = &mut self.loops[id.index()];
            shape.is_irregular = fault.is_some();
            if range.is_empty() || range.end - range.start > MAX_REGION_INSTRUCTIONS {
                continue;
            }
            let within = changes.within(range.clone());
            let live_in = own.live_in(own.cfg.block_of[range.start as usize]);
            shape.invariants.extend(live_in.iter().filter(|&&reg| !within.has(reg)));
            shape.live_out = live_out(own, region, &within);
            // Inner loops follow the loop around them.
            let after = &program.loops[id.index() + 1..];
            let inside = after.iter().take_while(|other| other.func == region.func && other.header < range.end).count();
            let steps = within.only_steps();
            let (inner, invariants) = (&after[..inside], &shape.invariants[..]);
            shape.counting = inductions::find(program, region, inner, own, &dominators, code, invariants, steps);
        }
    }
}

/// The registers that change in a loop and are alive where one of its exits leads, ascending.
fn live_out(own: &FunctionFlow, region: &LoopRegion, within: &Within<'_>) -> Vec<Reg> {
    let exits = region.exits.iter().filter_map(|&exit| own.cfg.block_of.get(exit as usize));
    let mut found: Vec<Reg> =
        exits.flat_map(|&block| own.live_in(block)).copied().filter(|&reg| within.has(reg)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Where a function changes registers. Its memory is used for one function after another.
#[derive(Default)]
struct Changes {
    /// Where the writes of each register end in `pcs`.
    ends: Vec<u32>,
    /// The pcs of writes, register by register and ascending.
    pcs: Vec<u32>,
    /// The writes in the order of the code.
    writes: Vec<(u32, Reg)>,
    /// The calls, with the register above which they leave all undefined.
    clobbers: Vec<(u32, Reg)>,
    steps: Vec<StepAmongWrites>,
}

/// A step, and the nearest other writes of its register: whether it is the only one in a range follows from these.
struct StepAmongWrites {
    step: Step,
    before: Option<u32>,
    after: Option<u32>,
}

impl Changes {
    fn find(&mut self, program: &Program, code: &[Op]) {
        self.ends.clear();
        self.writes.clear();
        self.clobbers.clear();
        for (pc, op) in (0..).zip(code) {
            let base = op.for_each_written(program, |reg| {
                if self.ends.len() <= reg.index() {
                    self.ends.resize(reg.index() + 1, 0);
                }
                self.ends[reg.index()] += 1;
                self.writes.push((pc, reg));
            });
            self.clobbers.extend(base.map(|base| (pc, base)));
        }
        self.sort_by_register();
        self.steps.clear();
        for step in (0..).zip(code).filter_map(|(pc, op)| Step::of(program, pc, op)) {
            let own = self.of(step.register);
            let position = own.partition_point(|&pc| pc < step.pc);
            let before = position.checked_sub(1).map(|before| own[before]);
            let after = own.get(position + 1).copied();
            self.steps.push(StepAmongWrites { step, before, after });
        }
    }

    fn sort_by_register(&mut self) {
        let mut total = 0;
        for end in &mut self.ends {
            // Where the list starts for now; adding to it moves that to its end.
            total += std::mem::replace(end, total);
        }
        self.pcs.clear();
        self.pcs.resize(self.writes.len(), 0);
        for &(pc, reg) in &self.writes {
            let end = &mut self.ends[reg.index()];
            self.pcs[*end as usize] = pc;
            *end += 1;
        }
    }

    /// The pcs at which a register is written, ascending.
    fn of(&self, reg: Reg) -> &[u32] {
        let Some(&end) = self.ends.get(reg.index()) else { return &[] };
        let start = reg.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.pcs[start as usize..end as usize]
    }

    fn within(&self, range: Range<u32>) -> Within<'_> {
        let first = self.clobbers.partition_point(|&(pc, _)| pc < range.start);
        let calls = self.clobbers[first..].iter().take_while(|&&(pc, _)| pc < range.end);
        Within { changes: self, lowest: calls.map(|&(_, base)| base).min(), range }
    }
}

/// What changes in a range of code.
struct Within<'c> {
    changes: &'c Changes,
    range: Range<u32>,
    /// Calls leave every register above it undefined.
    lowest: Option<Reg>,
}

impl<'c> Within<'c> {
    fn has(&self, reg: Reg) -> bool {
        let own = self.changes.of(reg);
        let first = own.partition_point(|&pc| pc < self.range.start);
        self.is_clobbered(reg) || own.get(first).is_some_and(|&pc| pc < self.range.end)
    }

    fn is_clobbered(&self, reg: Reg) -> bool {
        self.lowest.is_some_and(|base| base < reg)
    }

    /// The steps of registers that nothing else in the range changes.
    fn only_steps(&self) -> impl Iterator<Item = Step> + use<'_, 'c> {
        let steps = &self.changes.steps;
        let first = steps.partition_point(|one| one.step.pc < self.range.start);
        let inside = steps[first..].iter().take_while(|one| one.step.pc < self.range.end);
        let is_only = |one: &&StepAmongWrites| {
            one.before.is_none_or(|pc| pc < self.range.start) && one.after.is_none_or(|pc| pc >= self.range.end)
        };
        inside.filter(is_only).map(|one| one.step).filter(|step| !self.is_clobbered(step.register))
    }
}
