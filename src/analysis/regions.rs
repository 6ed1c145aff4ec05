//! Facts and verdicts of loops and functions.
//!
//! Each function is gone through once: every instruction's unmet needs, effects and callees are noted by pc, and a region takes
//! what lies in its interval of code.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::dominators::Dominators;
use super::effects::{CallGraph, Effects, InstructionEffects};
use super::flow::{FunctionFlow, ProgramFlow, code_of};
use super::halves::{both, is_worth_a_thread, middle};
use super::inductions;
use super::infer::Inference;
use super::liveness::visit_registers;
use super::loops::LoopTree;
use super::names::Names;
use super::type_facts::TypeTable;
use super::verdict::{Unmet, unmet};
use crate::bytecode::facts::{
    Condition, MAX_REGION_INSTRUCTIONS, Reason, Refusal, Region, RegionFacts, TypeId, Verdict,
};
use crate::bytecode::types::Type;
use crate::bytecode::{FuncId, Function, FunctionKind, LoopId, LoopRegion, Op, Program, Reg};
use crate::source::Span;

/// A region with more conditions than this lists the first ones; nobody reads, and no profile confirms, more.
const MAX_CONDITIONS: usize = 16;

/// What making the facts of any region looks at.
struct Shared<'p> {
    program: &'p Program,
    flow: &'p ProgramFlow,
    names: Names<'p>,
    graph: CallGraph,
    by_function: Vec<Vec<LoopId>>,
}

/// The facts of all regions: loops in the order of the program's table, then functions. `types` is the solution for what runs, `supposed` the
/// one that supposes that every function does.
pub fn build<'t>(
    program: &Program,
    flow: &ProgramFlow,
    types: &mut Inference<'t>,
    mut supposed: Option<Inference<'t>>,
    table: &mut TypeTable,
) -> Vec<RegionFacts> {
    let mut by_function: Vec<Vec<LoopId>> = vec![Vec::new(); program.functions.len()];
    for (at, region) in program.loops.iter().enumerate() {
        if let Some(loops) = by_function.get_mut(region.func.index()) {
            loops.push(LoopId(at as u32));
        }
    }
    let shared = Shared { program, flow, names: Names::new(program), graph: CallGraph::new(program), by_function };
    types.forget_readers();
    if let Some(supposed) = &mut supposed {
        supposed.forget_readers();
    }
    let all = 0..program.functions.len();
    let parts = if is_worth_a_thread(program) {
        let (mut other_types, mut other_supposed) = (types.clone(), supposed.clone());
        let middle = middle(program);
        let (first, second) = both(
            program,
            || Regions::new(&shared, types, supposed.as_mut()).build(all.start..middle),
            || Regions::new(&shared, &mut other_types, other_supposed.as_mut()).build(middle..all.end),
        );
        vec![first, second]
    } else {
        vec![Regions::new(&shared, types, supposed.as_mut()).build(all)]
    };
    let mut loops: Vec<Option<RegionFacts>> = vec![None; program.loops.len()];
    let mut functions = Vec::new();
    for part in parts {
        // The part's numbers of types become the table's.
        let numbers: Vec<TypeId> = part.types.iter().map(|&ty| table.add(types, ty)).collect();
        for mut facts in part.facts {
            for (_, ty) in facts.live_in.iter_mut().chain(&mut facts.live_out) {
                *ty = numbers[ty.index()];
            }
            match facts.region {
                Region::Loop(id) => loops[id.index()] = Some(facts),
                Region::Function(_) => functions.push(facts),
            }
        }
    }
    loops.into_iter().flatten().chain(functions).collect()
}

/// Makes the facts of a run of functions.
struct Regions<'p, 'a, 't> {
    shared: &'a Shared<'p>,
    types: &'a mut Inference<'t>,
    supposed: Option<&'a mut Inference<'t>>,
    part: Part,
    numbers: FxHashMap<Type, TypeId>,
}

/// What [`Regions`] makes. A [`TypeId`] in it is a position in `types`.
#[derive(Default)]
struct Part {
    facts: Vec<RegionFacts>,
    types: Vec<Type>,
}

/// What one pass over a function notes.
struct Notes {
    /// Ascending by pc.
    unmet: Vec<(u32, Unmet)>,
    effects: Vec<InstructionEffects>,
    /// Pcs of instructions that keep a region from being compiled, ascending.
    refusals: Vec<(u32, Reason)>,
}

impl<'p, 'a, 't> Regions<'p, 'a, 't> {
    fn new(
        shared: &'a Shared<'p>,
        types: &'a mut Inference<'t>,
        supposed: Option<&'a mut Inference<'t>>,
    ) -> Regions<'p, 'a, 't> {
        let mut regions = Regions { shared, types, supposed, part: Part::default(), numbers: FxHashMap::default() };
        // What is not known has the number 0 here as in the table.
        regions.number(Type::ANY);
        regions
    }

    fn number(&mut self, ty: Type) -> TypeId {
        let next = TypeId(self.part.types.len() as u32);
        *self.numbers.entry(ty).or_insert_with(|| {
            self.part.types.push(ty);
            next
        })
    }

    fn build(mut self, functions: Range<usize>) -> Part {
        let shared = self.shared;
        let program = shared.program;
        for at in functions {
            let function = &program.functions[at];
            let func = FuncId(at as u32);
            let own = shared.flow.of(func);
            if own.cfg.is_empty() {
                continue;
            }
            let code = code_of(program, function);
            let notes = self.notes(func, function, own, code);
            let loops = &shared.by_function[at];
            let regions: Vec<&LoopRegion> = loops.iter().map(|id| &program.loops[id.index()]).collect();
            let dominators = Dominators::new(&own.cfg, &own.order);
            let tree = LoopTree::new(&own.cfg, &dominators, &own.order, &regions);
            for (index, &id) in loops.iter().enumerate() {
                let irregular = tree.faults[index].is_some();
                let facts = self.of_loop(id, regions[index], irregular, own, &dominators, code, &notes);
                self.part.facts.push(facts);
            }
            if function.kind != FunctionKind::Body {
                let facts = self.of_function(func, !tree.unregistered.is_empty(), own, code, &notes);
                self.part.facts.push(facts);
            }
        }
        self.part
    }

    /// The solution to ask about a function: one that is never run has types only by supposition.
    fn types_for(&mut self, func: FuncId) -> &mut Inference<'t> {
        match &mut self.supposed {
            Some(supposed) if !self.types.is_reached(func) => supposed,
            _ => self.types,
        }
    }

    fn notes(&mut self, func: FuncId, function: &Function, own: &FunctionFlow, code: &[Op]) -> Notes {
        let mut found = Vec::new();
        let mut effects = vec![InstructionEffects::default(); code.len()];
        let types = self.types_for(func);
        for block in 0..own.cfg.len() as u32 {
            types.replay(func, block, |types, pc, op| {
                for need in unmet(types, func, op).into_iter().flatten() {
                    found.push((pc, need));
                }
                effects[pc as usize] = InstructionEffects::of(types, func, op);
            });
        }
        let mut refusals = Vec::new();
        for (pc, op) in code.iter().enumerate() {
            let reason = match op {
                Op::Await { .. } => Reason::Suspends,
                Op::InitModule { .. } => Reason::InitialisesModule,
                Op::CallFn { func, .. } | Op::TailCallFn { func, .. } if self.shared.graph.suspends(*func) => {
                    Reason::CallsSuspending
                }
                _ => continue,
            };
            refusals.push((pc as u32, reason));
        }
        debug_assert_eq!(function.code.len as usize, code.len());
        Notes { unmet: found, effects, refusals }
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one function, each computed once for all its loops")]
    fn of_loop(
        &mut self,
        id: LoopId,
        region: &LoopRegion,
        irregular: bool,
        own: &FunctionFlow,
        dominators: &Dominators,
        code: &[Op],
        notes: &Notes,
    ) -> RegionFacts {
        let func = region.func;
        let (start, end) = (region.header, region.end.min(code.len() as u32));
        let mut facts = self.judge(Region::Loop(id), func, start..end, irregular, own, code, notes);
        if facts.instructions > MAX_REGION_INSTRUCTIONS || start >= end {
            return facts;
        }
        let (written, clobbered) = writes(self.shared.program, &code[start as usize..end as usize]);
        let is_written = |reg: Reg| written.contains(&reg) || clobbered.is_some_and(|base| base < reg);
        let header = own.cfg.block_of[start as usize];
        facts.live_in = self.entry_types(func, header);
        facts.invariants = own.live_in(header).iter().copied().filter(|&reg| !is_written(reg)).collect();
        for &exit in &region.exits {
            let Some(&block) = own.cfg.block_of.get(exit as usize) else { continue };
            for (reg, ty) in self.entry_types(func, block) {
                if is_written(reg) && !facts.live_out.iter().any(|known| known.0 == reg) {
                    facts.live_out.push((reg, ty));
                }
            }
        }
        facts.live_out.sort_unstable();
        // Inner loops follow the loop around them.
        let after = &self.shared.program.loops[id.index() + 1..];
        let inside = after.iter().take_while(|other| other.func == func && other.header < end).count();
        let inner = &after[..inside];
        let found = inductions::find(self.shared.program, region, inner, own, dominators, code, &facts.invariants);
        facts.inductions = found.inductions;
        facts.trip_count = found.trip_count;
        facts
    }

    fn of_function(
        &mut self,
        func: FuncId,
        irregular: bool,
        own: &FunctionFlow,
        code: &[Op],
        notes: &Notes,
    ) -> RegionFacts {
        let mut facts = self.judge(Region::Function(func), func, 0..code.len() as u32, irregular, own, code, notes);
        facts.live_in = self.entry_types(func, 0);
        facts
    }

    /// Types of live registers where a block starts, as numbers of the table. Types that are only supposed are not facts.
    fn entry_types(&mut self, func: FuncId, block: u32) -> Vec<(Reg, TypeId)> {
        if !self.types.is_reached(func) || !self.types.is_block_reached(func, block) {
            let live = self.shared.flow.of(func).live_in(block);
            return live.iter().map(|&reg| (reg, TypeId(0))).collect();
        }
        let entry = self.types.entry(func, block);
        entry.into_iter().map(|(reg, ty)| (reg, self.number(ty))).collect()
    }

    #[allow(clippy::too_many_arguments, reason = "see of_loop")]
    fn judge(
        &mut self,
        region: Region,
        func: FuncId,
        range: Range<u32>,
        irregular: bool,
        own: &FunctionFlow,
        code: &[Op],
        notes: &Notes,
    ) -> RegionFacts {
        let instructions = range.end.saturating_sub(range.start);
        let refusal = self.refusal(region, func, &range, irregular, notes);
        let conditions = match refusal {
            Some(_) => Vec::new(),
            None => self.conditions(func, &range, code, notes),
        };
        let verdict = match (&refusal, conditions.is_empty()) {
            (Some(_), _) => Verdict::Incompatible,
            (None, true) => Verdict::Proven,
            (None, false) => Verdict::Conditional,
        };
        let header = own.cfg.block_of[range.start as usize];
        let last = own.cfg.block_of[range.end.max(range.start + 1) as usize - 1];
        let mut effects = Effects::default();
        if instructions <= MAX_REGION_INSTRUCTIONS {
            for one in &notes.effects[range.start as usize..range.end as usize] {
                effects.add(one);
            }
        } else {
            effects.assume_all();
        }
        RegionFacts {
            region,
            span: self.span(region),
            verdict,
            conditions,
            reason: refusal,
            reached: self.types.is_reached(func) && self.types.is_block_reached(func, header),
            blocks: last - header + 1,
            instructions,
            live_in: Vec::new(),
            live_out: Vec::new(),
            invariants: Vec::new(),
            inductions: Vec::new(),
            trip_count: None,
            effects: self.shared.graph.close(effects),
        }
    }

    fn span(&self, region: Region) -> Span {
        match region {
            Region::Loop(id) => self.shared.program.loops[id.index()].span,
            Region::Function(func) => {
                let spans = self.shared.program.debug.as_ref().map(|debug| &debug.functions);
                spans.and_then(|spans| spans.get(func.index()).copied()).unwrap_or_default()
            }
        }
    }

    fn refusal(
        &self,
        region: Region,
        func: FuncId,
        range: &Range<u32>,
        irregular: bool,
        notes: &Notes,
    ) -> Option<Refusal> {
        let whole = self.span(region);
        let first = notes.refusals.partition_point(|&(pc, _)| pc < range.start);
        if let Some(&(pc, reason)) = notes.refusals.get(first).filter(|&&(pc, _)| pc < range.end) {
            return Some(Refusal { reason, span: self.shared.names.span(func, pc) });
        }
        if irregular {
            return Some(Refusal { reason: Reason::Irregular, span: whole });
        }
        let size = range.end - range.start;
        (size > MAX_REGION_INSTRUCTIONS).then_some(Refusal { reason: Reason::TooLarge, span: whole })
    }

    /// What the region's instructions need and the types do not give, by source name. What is computed inside from other conditions is
    /// left out while there are such others.
    fn conditions(&self, func: FuncId, range: &Range<u32>, code: &[Op], notes: &Notes) -> Vec<Condition> {
        let first = notes.unmet.partition_point(|&(pc, _)| pc < range.start);
        let mut roots: Vec<Condition> = Vec::new();
        let mut derived: Vec<Condition> = Vec::new();
        let mut computed: Option<FxHashSet<Reg>> = None;
        let mut seen: FxHashSet<(Reg, Option<&str>, &str)> = FxHashSet::default();
        for &(pc, need) in notes.unmet[first..].iter().take_while(|&&(pc, _)| pc < range.end) {
            let local = self.shared.names.local(func, pc, need.register);
            if local.is_some() && !seen.insert((need.register, local, need.wanted.name())) {
                continue;
            }
            let origin = self.shared.names.origin(func, code, pc, need.register);
            let ty = match (origin.item, need.wanted) {
                (true, wanted) => format!("list of {}", wanted.name()),
                (false, wanted) => wanted.name().to_owned(),
            };
            let condition = Condition { name: origin.name, ty };
            let is_computed = origin.local.is_some_and(|reg| {
                let inside = &code[range.start as usize..range.end as usize];
                computed.get_or_insert_with(|| computed_registers(inside)).contains(&reg)
            });
            let is_computed = is_computed
                || origin.global.is_some_and(|global| {
                    let inside = &notes.effects[range.start as usize..range.end as usize];
                    inside.iter().any(|effects| effects.writes_global(global))
                });
            let list = if is_computed || condition.name == "a temporary value" { &mut derived } else { &mut roots };
            let room = list.len() < MAX_CONDITIONS;
            match list.iter_mut().find(|known| known.name == condition.name) {
                // `list of int` says more than `list`.
                Some(known) if condition.ty.starts_with(&known.ty) => *known = condition,
                Some(_) => {}
                None if room => list.push(condition),
                None => {}
            }
            if roots.len() == MAX_CONDITIONS {
                break;
            }
        }
        if roots.is_empty() { derived } else { roots }
    }
}

/// Registers that arithmetic inside the region writes.
fn computed_registers(code: &[Op]) -> FxHashSet<Reg> {
    let mut found = FxHashSet::default();
    for op in code {
        match *op {
            Op::Add { dst, .. }
            | Op::Sub { dst, .. }
            | Op::Mul { dst, .. }
            | Op::Div { dst, .. }
            | Op::Mod { dst, .. }
            | Op::Pow { dst, .. }
            | Op::AddK { dst, .. }
            | Op::SubK { dst, .. }
            | Op::MulK { dst, .. }
            | Op::DivK { dst, .. }
            | Op::ModK { dst, .. }
            | Op::KAdd { dst, .. }
            | Op::KSub { dst, .. }
            | Op::KMul { dst, .. }
            | Op::KDiv { dst, .. }
            | Op::Neg { dst, .. } => {
                found.insert(dst);
            }
            _ => {}
        }
    }
    found
}

/// The registers a run of instructions writes, and the lowest above which calls destroy all.
fn writes(program: &Program, code: &[Op]) -> (FxHashSet<Reg>, Option<Reg>) {
    let mut written = FxHashSet::default();
    let mut clobbered: Option<Reg> = None;
    for op in code {
        let base = visit_registers(
            program,
            op,
            |_| {},
            |reg| {
                written.insert(Reg(reg));
            },
        );
        if let Some(base) = base {
            clobbered = Some(clobbered.map_or(Reg(base), |known| known.min(Reg(base))));
        }
    }
    (written, clobbered)
}
