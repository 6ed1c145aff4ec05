//! Facts and verdicts of loops and functions.
//!
//! Each function is gone through once: every instruction's unmet needs, effects and callees are noted by pc, and a
//! region takes what lies in its interval of code.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::contexts::InContexts;
use super::costs::{self, Acts, Noted};
use super::effects::{CallGraph, InstructionEffects};
use super::failures::CertainFailure;
use super::infer::{Inference, TypeCursor};
use super::loop_shapes::LoopShapes;
use super::losses::{self, Asked, Given, Holder, Sources};
use super::names::{A_TEMPORARY, Names};
use super::program_flow::{FunctionFlow, ProgramFlow, code_of};
use super::type_facts::{self, Frames, Numbers, TypeTable};
use super::verdict::{Unmet, unmet};
use crate::bytecode::facts::{
    Condition, MAX_REGION_INSTRUCTIONS, Obstacle, Reason, Region, RegionFacts, TypeId, Verdict,
};
use crate::bytecode::graph::Graph;
use crate::bytecode::parallel::{both, middle};
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, FunctionKind, LoopId, Op, Program, Reg};
use crate::facts::rules::told_failure;

/// A region with more conditions than this lists the first ones; nobody reads, and no profile confirms, more.
const MAX_CONDITIONS: usize = 16;

/// A region is compiled for so many combinations of types. What contexts bring more of is better told as conditions.
const MAX_VERSIONS: usize = 4;

/// What making the facts of any region looks at, types aside.
pub struct Shared<'p> {
    program: &'p Program,
    flow: &'p ProgramFlow,
    names: Names<'p>,
    graph: CallGraph,
    by_function: Vec<Vec<LoopId>>,
    shapes: LoopShapes,
    /// Whether it is noted what instructions cost.
    with_costs: bool,
}

impl<'p> Shared<'p> {
    pub fn new(program: &'p Program, flow: &'p ProgramFlow, with_costs: bool) -> Shared<'p> {
        let mut by_function: Vec<Vec<LoopId>> = vec![Vec::new(); program.functions.len()];
        for (index, region) in program.loops.iter().enumerate() {
            if let Some(loops) = by_function.get_mut(region.func.index()) {
                loops.push(LoopId(index as u32));
            }
        }
        let shapes = LoopShapes::new(program, flow, &by_function);
        let (names, graph) = (Names::new(program), CallGraph::new(program));
        Shared { program, flow, names, graph, by_function, shapes, with_costs }
    }
}

/// The facts of all regions: loops in the order of the program's table, then functions. `types` is the solution for
/// what runs, `supposed` the one that supposes that every function does; both are sealed. Beside the facts: the
/// instructions that always fail, and what those of each function do that costs something. The table of types is made
/// on the way, as its frames too are made function by function.
pub fn build(shared: &Shared<'_>, types: &Inference<'_>, supposed: Option<&Inference<'_>>) -> (Built, TypeTable) {
    let program = shared.program;
    let middle = middle(program);
    let ((first, mut table), second) = both(
        program,
        // The bodies of modules, which come first, have no facts of their own: here is less to do.
        || {
            let first = Regions::new(shared, types, supposed).build(0..middle);
            (first, type_facts::build(program, shared.flow, types))
        },
        || Regions::new(shared, types, supposed).build(middle..program.functions.len()),
    );
    let (mut loops, mut functions) = (Vec::new(), Vec::new());
    let mut failures = Vec::new();
    let mut acts = Vec::with_capacity(program.functions.len());
    let (mut given, mut asked) = (Vec::new(), Vec::new());
    for mut part in [first, second] {
        // The part's numbers of types become the table's.
        let numbers: Vec<TypeId> = part.numbers.into_types().into_iter().map(|ty| table.add(types, ty)).collect();
        for facts in part.loops.iter_mut().chain(&mut part.functions) {
            for (_, ty) in facts.live_in.iter_mut().chain(&mut facts.live_out) {
                *ty = numbers[ty.index()];
            }
        }
        table.add_frames(part.frames, &numbers);
        failures.append(&mut part.failures);
        acts.append(&mut part.acts);
        given.append(&mut part.given);
        asked.append(&mut part.asked);
        append(&mut loops, part.loops);
        append(&mut functions, part.functions);
    }
    let position = |facts: &RegionFacts| match facts.region {
        Region::Loop(id) => id.0,
        Region::Function(_) => u32::MAX,
    };
    if !loops.is_sorted_by_key(position) {
        loops.sort_by_key(position);
    }
    loops.append(&mut functions);
    (Built { facts: loops, failures, acts, given, asked, combined: Vec::new() }, table)
}

/// Appends a list that may be large: what is first stays where it is.
fn append<T>(list: &mut Vec<T>, mut more: Vec<T>) {
    if list.is_empty() {
        *list = more;
    } else {
        list.append(&mut more);
    }
}

/// The functions that have conditions and run, ascending.
pub fn open_functions(program: &Program, regions: &[RegionFacts]) -> Vec<FuncId> {
    let mut found: Vec<FuncId> =
        regions.iter().filter(|facts| is_open(facts)).map(|facts| facts.region.func(program)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn is_open(facts: &RegionFacts) -> bool {
    facts.verdict == Verdict::Conditional && facts.reached
}

/// Takes back the conditions of these functions that hold in each context.
pub fn refine(shared: &Shared<'_>, types: &Inference<'_>, contexts: &InContexts, open: &[FuncId], built: &mut Built) {
    let program = shared.program;
    let mut regions = Regions::new(shared, types, None);
    let mut notes = Notes::default();
    let mut changed: FxHashSet<Region> = FxHashSet::default();
    for &func in open {
        let function = &program.functions[func.index()];
        let code = code_of(program, function);
        regions.part.acts.push(Acts::new());
        regions.note(func, shared.flow.of(func), code, &mut notes);
        notes.unmet.retain(|need| contexts.is_open(func, need.0, need.1.register));
        let loops = shared.by_function[func.index()].iter().map(|id| id.index());
        let key = Region::Function(func).position();
        let own = built.facts.binary_search_by_key(&key, |facts| facts.region.position()).ok();
        for index in loops.chain(own) {
            let facts = &mut built.facts[index];
            if !is_open(facts) {
                continue;
            }
            let range = facts.region.code(program);
            let versions = contexts.combinations(func, &range);
            if versions > MAX_VERSIONS {
                continue;
            }
            facts.conditions = regions.conditions(facts.region, func, &range, code, &notes);
            if facts.conditions.is_empty() {
                facts.verdict = Verdict::Proven;
                built.combined.push((facts.region, versions as u32));
            }
            changed.insert(facts.region);
        }
        if let Some(acts) = contexts.acts.get(&func) {
            built.acts[func.index()].clone_from(acts);
        }
    }
    built.asked.retain(|asked| !changed.contains(&asked.region));
    built.asked.append(&mut regions.part.asked);
}

/// What [`build`] makes.
pub struct Built {
    pub facts: Vec<RegionFacts>,
    pub failures: Vec<CertainFailure>,
    /// By function.
    pub acts: Vec<Acts>,
    /// What variables are given, and what conditions ask of them.
    pub given: Vec<Given>,
    pub asked: Vec<Asked>,
    /// The regions that are proven in contexts, with how many combinations of types there are.
    pub combined: Vec<(Region, u32)>,
}

/// Makes the facts of a run of functions.
struct Regions<'a> {
    shared: &'a Shared<'a>,
    types: TypeCursor<'a>,
    supposed: Option<TypeCursor<'a>>,
    part: Part,
}

/// What [`Regions`] makes. A [`TypeId`] in it is one of `numbers`.
struct Part {
    loops: Vec<RegionFacts>,
    functions: Vec<RegionFacts>,
    frames: Frames,
    numbers: Numbers,
    failures: Vec<CertainFailure>,
    acts: Vec<Acts>,
    given: Vec<Given>,
    asked: Vec<Asked>,
}

/// What one pass over a function notes.
#[derive(Default)]
struct Notes {
    /// Ascending by pc, with where the value comes from, if that is to be told.
    unmet: Vec<(u32, Unmet, Vec<Holder>)>,
    sources: Sources,
    effects: InstructionEffects,
    /// Pcs of instructions that keep a region from being compiled, ascending.
    refusals: Vec<(u32, Reason)>,
}

impl<'a> Regions<'a> {
    fn new(shared: &'a Shared<'a>, types: &'a Inference<'a>, supposed: Option<&'a Inference<'a>>) -> Regions<'a> {
        let part = Part {
            loops: Vec::new(),
            functions: Vec::new(),
            frames: Frames::default(),
            numbers: Numbers::default(),
            failures: Vec::new(),
            acts: Vec::new(),
            given: Vec::new(),
            asked: Vec::new(),
        };
        Regions { shared, types: TypeCursor::new(types), supposed: supposed.map(TypeCursor::new), part }
    }

    fn build(mut self, functions: Range<usize>) -> Part {
        let shared = self.shared;
        let program = shared.program;
        let mut notes = Notes::default();
        // Facts of regions are large. There is room for those of the whole program: they are moved once at most.
        self.part.loops.reserve(program.loops.len() + program.functions.len());
        self.part.functions.reserve(program.functions.len());
        for number in functions {
            let function = &program.functions[number];
            let func = FuncId(number as u32);
            let own = shared.flow.of(func);
            self.part.acts.push(Acts::new());
            if own.cfg.is_empty() {
                continue;
            }
            let code = code_of(program, function);
            self.part.frames.add(func, function, own, code, self.types.solution(), &mut self.part.numbers);
            self.note(func, own, code, &mut notes);
            for &id in &shared.by_function[number] {
                let facts = self.of_loop(id, own, code, &notes);
                self.part.loops.push(facts);
            }
            if function.kind != FunctionKind::Body {
                let facts = self.of_function(func, own, code, &notes);
                self.part.functions.push(facts);
            }
        }
        self.part
    }

    fn note(&mut self, func: FuncId, own: &FunctionFlow, code: &[Op], notes: &mut Notes) {
        let Notes { unmet: found, sources, effects, refusals } = notes;
        found.clear();
        sources.start_function();
        effects.start(code.len());
        refusals.clear();
        let Part { failures, acts, given, .. } = &mut self.part;
        let mut acts = acts.last_mut().filter(|_| self.shared.with_costs);
        let runs = self.types.solution().is_reached(func);
        // A function that is never run has types only by supposition.
        let types = match &mut self.supposed {
            Some(supposed) if !self.types.solution().is_reached(func) => supposed,
            _ => &mut self.types,
        };
        for block in 0..own.cfg.len() as u32 {
            let is_caught = own.cfg.blocks[block as usize].handler.is_some();
            let is_told = runs && !is_caught;
            let mut written: Option<(u32, Reg)> = None;
            sources.start_block();
            types.block(func, block, |types, pc, op| {
                if is_told && let Some(failure) = told_failure(types, op) {
                    failures.push(CertainFailure { func, pc, failure });
                }
                let needs = unmet(types, func, op, is_caught);
                for need in needs.into_iter().flatten() {
                    let holders = if acts.is_some() { sources.of(func, need.register) } else { Vec::new() };
                    found.push((pc, need, holders));
                }
                if let Some(acts) = &mut acts {
                    let noted = Noted { func, pc, is_conditional: needs[0].is_some(), is_caught };
                    costs::note(types, noted, op, acts);
                    if runs {
                        if let Some((pc, register)) = written {
                            losses::note_written(types, func, pc, register, given);
                        }
                        losses::note(types, func, pc, op, given);
                        written = op.result().map(|register| (pc, register));
                    }
                    sources.pass(types, func, op);
                }
                effects.note(types, func, pc, op);
            });
        }
        for (pc, op) in code.iter().enumerate() {
            if let Op::InitModule { .. } = op {
                refusals.push((pc as u32, Reason::InitialisesModule));
            }
        }
    }

    fn of_loop(&mut self, id: LoopId, own: &FunctionFlow, code: &[Op], notes: &Notes) -> RegionFacts {
        let shared = self.shared;
        let (region, shape) = (&shared.program.loops[id.index()], shared.shapes.of(id));
        let func = region.func;
        let (start, end) = (region.header, region.end.min(code.len() as u32));
        let mut facts = self.judge(Region::Loop(id), func, start..end, shape.is_irregular, own, code, notes);
        if facts.instructions > MAX_REGION_INSTRUCTIONS || start >= end {
            return facts;
        }
        facts.live_in = self.entry_types(func, own.cfg.block_of[start as usize]).collect();
        facts.live_out.reserve_exact(shape.live_out.len());
        for &exit in &region.exits {
            let Some(&block) = own.cfg.block_of.get(exit as usize) else { continue };
            for (reg, ty) in self.entry_types(func, block) {
                let is_changed = shape.live_out.binary_search(&reg).is_ok();
                if is_changed && !facts.live_out.iter().any(|known| known.0 == reg) {
                    facts.live_out.push((reg, ty));
                }
            }
        }
        facts.live_out.sort_unstable();
        facts.invariants.clone_from(&shape.invariants);
        facts.inductions.clone_from(&shape.counting.inductions);
        facts.trip_count = shape.counting.trip_count;
        facts
    }

    fn of_function(&mut self, func: FuncId, own: &FunctionFlow, code: &[Op], notes: &Notes) -> RegionFacts {
        let irregular = self.shared.shapes.is_irregular(func);
        let mut facts = self.judge(Region::Function(func), func, 0..code.len() as u32, irregular, own, code, notes);
        facts.live_in = self.entry_types(func, 0).collect();
        facts
    }

    /// Types of live registers where a block starts, as numbers of the table. Types that are only supposed are not
    /// facts.
    fn entry_types(&mut self, func: FuncId, block: u32) -> impl Iterator<Item = (Reg, TypeId)> + use<'_, 'a> {
        let (types, numbers) = (self.types.solution(), &mut self.part.numbers);
        let is_known = types.is_reached(func) && types.is_block_reached(func, block);
        types.entry(func, block).map(move |(reg, ty)| (reg, if is_known { numbers.of(ty) } else { TypeId(0) }))
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one function, each computed once for all its loops")]
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
            None => self.conditions(region, func, &range, code, notes),
        };
        let verdict = match (&refusal, conditions.is_empty()) {
            (Some(_), _) => Verdict::Incompatible,
            (None, true) => Verdict::Proven,
            (None, false) => Verdict::Conditional,
        };
        let header = own.cfg.block_of[range.start as usize];
        let last = own.cfg.block_of[range.end.max(range.start + 1) as usize - 1];
        // Of a region too large to compile, nothing finer than "anything" is worth its space.
        let effects = (instructions <= MAX_REGION_INSTRUCTIONS).then_some((&notes.effects, range));
        let types = self.types.solution();
        RegionFacts {
            region,
            span: region.span(self.shared.program).unwrap_or_default(),
            verdict,
            conditions,
            reason: refusal,
            reached: types.is_reached(func) && types.is_block_reached(func, header),
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

    fn refusal(
        &self,
        region: Region,
        func: FuncId,
        range: &Range<u32>,
        irregular: bool,
        notes: &Notes,
    ) -> Option<Obstacle> {
        let whole = region.span(self.shared.program).unwrap_or_default();
        let first = notes.refusals.partition_point(|&(pc, _)| pc < range.start);
        if let Some(&(pc, reason)) = notes.refusals.get(first).filter(|&&(pc, _)| pc < range.end) {
            return Some(Obstacle { reason, span: self.shared.names.span(func, pc) });
        }
        if irregular {
            return Some(Obstacle { reason: Reason::Irregular, span: whole });
        }
        let size = range.end - range.start;
        (size > MAX_REGION_INSTRUCTIONS).then_some(Obstacle { reason: Reason::TooLarge, span: whole })
    }

    /// What the region's instructions need and the types do not give, by source name. What is computed inside from
    /// other conditions is left out while there are such others.
    fn conditions(
        &mut self,
        region: Region,
        func: FuncId,
        range: &Range<u32>,
        code: &[Op],
        notes: &Notes,
    ) -> Vec<Condition> {
        let first = notes.unmet.partition_point(|&(pc, ..)| pc < range.start);
        let mut roots: Vec<Open> = Vec::new();
        let mut derived: Vec<Open> = Vec::new();
        let mut computed: Option<FxHashSet<Reg>> = None;
        let mut seen: FxHashSet<(Reg, Option<&str>, Tags)> = FxHashSet::default();
        for (pc, need, holders) in notes.unmet[first..].iter().take_while(|&&(pc, ..)| pc < range.end) {
            let pc = *pc;
            let local = self.shared.names.local(func, pc, need.register);
            if local.is_some() && !seen.insert((need.register, local, need.wanted)) {
                continue;
            }
            let origin = self.shared.names.origin(func, code, pc, need.register);
            let is_computed = origin.local.is_some_and(|reg| {
                let inside = &code[range.start as usize..range.end as usize];
                computed.get_or_insert_with(|| computed_registers(inside)).contains(&reg)
            });
            let is_computed =
                is_computed || origin.global.is_some_and(|global| notes.effects.write_global(range, global));
            let list = if is_computed || origin.name == A_TEMPORARY { &mut derived } else { &mut roots };
            let room = list.len() < MAX_CONDITIONS;
            match list.iter_mut().find(|known| known.name == origin.name) {
                // What one instruction takes and another does not makes the program fail.
                Some(known) => {
                    let both = known.wanted.and(need.wanted);
                    if !both.is_empty() {
                        known.wanted = both;
                    }
                }
                None if room => list.push(Open {
                    name: origin.name,
                    wanted: need.wanted,
                    found: need.found,
                    holders: holders.clone(),
                }),
                None => {}
            }
            if roots.len() == MAX_CONDITIONS {
                break;
            }
        }
        let open = if roots.is_empty() { derived } else { roots };
        let condition = |one: &Open| Condition { name: one.name.clone(), ty: one.wanted.words() };
        let conditions = open.iter().map(condition).collect();
        if self.shared.with_costs {
            let asked = |Open { name, wanted, found, holders }| Asked { region, name, holders, wanted, found };
            self.part.asked.extend(open.into_iter().map(asked));
        }
        conditions
    }
}

/// A condition as it is gathered.
struct Open {
    name: String,
    wanted: Tags,
    found: Tags,
    holders: Vec<Holder>,
}

/// Registers that arithmetic inside the region writes.
fn computed_registers(code: &[Op]) -> FxHashSet<Reg> {
    let mut found = FxHashSet::default();
    for op in code {
        match op.as_binary() {
            Some(binary) if !binary.operator.is_bitwise() => found.insert(binary.dst),
            _ => matches!(*op, Op::Neg { dst, .. } if found.insert(dst)),
        };
    }
    found
}
