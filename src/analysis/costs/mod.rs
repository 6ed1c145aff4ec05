//! What one iteration of a loop, or one call of a function, does beside plain native code.
//!
//! Each instruction is asked of the [table of native forms](crate::facts::native_forms), which the native tier asks
//! too, under the types that are inferred for it; then a region takes what lies in it, with what stands in the
//! functions that are inlined into it.

mod escape;
pub mod words;

use std::borrow::Cow;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use self::escape::Fate;
use super::infer::{Inference, TypeCursor};
use super::names::Names;
use super::program_flow::{ProgramFlow, code_of};
use crate::bytecode::builtins::BuiltinSpec;
use crate::bytecode::facts::{Region, RegionFacts, Verdict};
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::types::{ClassId, IdSet, Identity, Slot, Tags, Type};
use crate::bytecode::{BuiltinId, FuncId, LoopId, Op, Program, Reg, StructId};
use crate::facts::native_forms::{
    Form, MAX_INLINE_DEPTH, Made, Operation, StaticTypes, may_be_inlined, may_be_inlined_in_part, observed,
};
use crate::facts::rules::{Members, Place, SIDE_FIELDS, TypeEnv, able_kinds};
use crate::source::Span;

/// What a region costs. Places are listed once, however many calls lead there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cost {
    /// Objects that are made.
    pub allocations: Vec<CostItem>,
    /// Objects that the program makes and native code does not: they stay in the region.
    pub not_made: Vec<CostItem>,
    /// Calls of functions that do not stand where they are called.
    pub calls: Vec<CostItem>,
    /// Calls of functions of which some levels, or what comes before an early return, stand there.
    pub calls_in_part: Vec<CostItem>,
    /// Calls of the tier's helpers.
    pub helpers: Vec<CostItem>,
    /// Instructions that the run time executes.
    pub steps: Vec<CostItem>,
    /// Instructions that the run time executes unless what is seen there has a native form, which the types leave open.
    pub possible_steps: Vec<CostItem>,
    /// The loop around it, which is waited for: it will be compiled with that.
    pub waits_for: Option<LoopId>,
    /// How many instructions do what makes a region slower; see [`Cost::compared`].
    instructions: [usize; 4],
}

/// Something at a place in the source.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CostItem {
    pub span: Span,
    pub what: String,
    /// The instruction that does it, counted from its function's first.
    pub pc: (FuncId, u32),
}

impl Cost {
    /// Whether it is native code and nothing else.
    pub fn is_nothing(&self) -> bool {
        [&self.allocations, &self.calls, &self.calls_in_part, &self.helpers, &self.steps, &self.possible_steps]
            .iter()
            .all(|list| list.is_empty())
    }

    /// How many places of each kind there are that make a region slower.
    pub fn counts(&self) -> [usize; 4] {
        let calls = self.calls.len() + self.calls_in_part.len();
        [self.steps.len(), self.possible_steps.len(), calls, self.allocations.len()]
    }

    /// How much of each there is: what a comparison of two builds looks at. Instructions are counted, not places in the
    /// source, of which a stripped file has none.
    pub fn compared(&self) -> [(&'static str, usize); 4] {
        const NAMES: [&str; 4] = ["steps", "possible steps", "calls that are not inlined", "allocations"];
        std::array::from_fn(|kind| (NAMES[kind], self.instructions[kind]))
    }
}

/// What an instruction does that is worth telling.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Makes an object, of this struct if it is an instance.
    Makes {
        made: Made,
        def: Option<StructId>,
    },
    Helper(String),
    /// As [`Act::Helper`], of a list or tuple, which neither is nor calls anything if that was made for this alone.
    Asks {
        what: String,
        question: Question,
    },
    Step(String),
    /// A step unless what is seen has a native form.
    PerhapsStep(String),
    /// Calls one of these functions, and what else is not known.
    Calls {
        callees: Vec<FuncId>,
        others: bool,
    },
}

/// The acts of one function, ascending by pc (counted from its first instruction).
pub type Acts = Vec<(u32, Act)>;

/// Where an instruction stands that is noted.
#[derive(Clone, Copy)]
pub struct Noted {
    pub func: FuncId,
    pub pc: u32,
    /// The kinds of its operands are a condition of the region.
    pub is_conditional: bool,
    /// Its error is caught in the function.
    pub is_caught: bool,
}

/// Notes what `op` does, the next instruction that may be executed. Of an instruction whose kinds of operand are a
/// condition of the region, nothing is said: it is native if the condition holds.
pub fn note(types: &mut TypeCursor<'_>, noted: Noted, op: Op, acts: &mut Acts) {
    let Noted { func, pc, is_conditional, is_caught } = noted;
    let mut operation = Operation::of(types, func, op);
    if !is_caught && matches!(operation.form(), Form::Step | Form::Open) {
        suppose_success(types, op, &mut operation);
    }
    let form = operation.form();
    let mut add = |act: Act| acts.push((pc, act));
    if let Some(made) = operation.makes().filter(|_| !is_conditional) {
        let def = if let Op::New { def, .. } = op { Some(def) } else { None };
        add(Act::Makes { made, def });
    }
    match form {
        _ if is_conditional => {}
        Form::Step => return add(Act::Step(operation.words())),
        Form::Open => add(Act::PerhapsStep(operation.words())),
        Form::Helper if let Some(question) = question(types, op, operation.name) => {
            add(Act::Asks { what: operation.words(), question });
        }
        Form::Helper => add(Act::Helper(operation.words())),
        Form::Seen if operation.is_helped() => add(Act::Helper(operation.words())),
        Form::Plain | Form::Seen => {}
    }
    match op {
        Op::CallFn { func, .. } | Op::TailCallFn { func, .. } => add(Act::Calls { callees: vec![func], others: false }),
        Op::New { def, .. } => {
            if let Some(init) = types.index().init(def) {
                add(Act::Calls { callees: vec![init.func], others: false });
            }
        }
        Op::Call { .. } | Op::TailCall { .. } => {
            let callees = operation.callees.map_or(Vec::new(), Cow::into_owned);
            add(Act::Calls { others: callees.is_empty(), callees });
        }
        Op::CallMethod { site, .. } | Op::TailCallMethod { site, .. }
            if operation.a.meets(Tags::INSTANCE.or(Tags::STRUCT)) =>
        {
            let name = types.index().site_name(operation.program, func, site);
            let method = |&def: &StructId| name.and_then(|name| types.index().method(def, name));
            let is_field = |&def: &StructId| name.is_some_and(|name| types.index().field(def, name).is_some());
            let callees: Vec<FuncId> = operation.structs.iter().filter_map(method).map(|method| method.func).collect();
            let others = operation.structs.iter().any(is_field) || callees.len() < operation.structs.len();
            add(Act::Calls { others: others || callees.is_empty(), callees });
        }
        Op::IterPrep { .. } | Op::IterNext { .. } if operation.a == Tags::INSTANCE => {
            if let &[def] = &*operation.structs
                && let Some(next) = types.index().next(def)
            {
                add(Act::Calls { callees: vec![next.func], others: false });
            }
        }
        _ => {}
    }
}

/// What is asked of a list whose items native code compares itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    list: Reg,
    /// Whether it has an item; else for the least or greatest one.
    is_about_one: bool,
    /// Texts are compared, of which all but one must be known.
    of_texts: bool,
}

/// The question that an instruction is, if numbers, truth values or texts are compared for it.
fn question(types: &mut TypeCursor<'_>, op: Op, name: &str) -> Option<Question> {
    let (list, asked) = match op {
        Op::Contains { item, object, .. } => (object, Some(item)),
        Op::CallMethod { base, argc, .. } => match (name, argc) {
            ("min" | "max", 0) => (base.above(MethodCall::RECEIVER), None),
            ("contains", 1) => (base.above(MethodCall::RECEIVER), Some(base.above(MethodCall::ARGS))),
            _ => return None,
        },
        _ => return None,
    };
    let ty = TypeEnv::register(types, list);
    let items = if ty.tags == Tags::LIST { types.items(ty.class) } else { return None };
    let asked = asked.map(|asked| TypeEnv::register(types, asked).tags);
    let is_number = |kinds: Tags| kinds == Tags::INT || kinds == Tags::FLOAT;
    let are_plain = items == Tags::BOOL || items == Tags::STR;
    let is_plain = match asked {
        None => is_number(items),
        Some(asked) => is_number(items) && is_number(asked) || items == asked && are_plain,
    };
    is_plain.then_some(Question { list, is_about_one: asked.is_some(), of_texts: items == Tags::STR })
}

/// Leaves out kinds of operand with which the instruction can but fail: the error leaves the function, so that its
/// native code is not made for them.
fn suppose_success(types: &mut TypeCursor<'_>, op: Op, operation: &mut Operation<'_>) {
    let (first, second) = observed(&op);
    for (register, kinds) in [(first, &mut operation.a), (second, &mut operation.b)] {
        if let Some(register) = register
            && !kinds.is_single()
            && *kinds != Tags::ALL
        {
            let able = kinds.and(able_kinds(types, op, register));
            if !able.is_empty() {
                *kinds = able;
            }
        }
    }
}

impl<'p> StaticTypes<'p> for TypeCursor<'p> {
    fn program(&self) -> &'p Program {
        self.solution().program()
    }

    fn register(&mut self, reg: Reg) -> Type {
        TypeEnv::register(self, reg)
    }

    fn identities(&mut self, set: IdSet) -> Option<Vec<Identity>> {
        let mut members = Members::of(set);
        (set != IdSet::TOP).then(|| std::iter::from_fn(|| members.next(self).map(Identity::from)).collect())
    }

    fn items(&mut self, class: ClassId) -> Tags {
        self.read(Place::Slot(class, Slot::Item)).tags
    }

    fn may_have_side_fields(&mut self, def: StructId) -> bool {
        !self.read(Place::Field(def, SIDE_FIELDS)).is_never()
    }

    fn builtin(&self, builtin: BuiltinId) -> Option<&'static BuiltinSpec> {
        self.index().builtin(builtin)
    }
}

/// The costs of all regions, in the order of their facts, from the acts of all functions.
pub fn resolve(
    program: &Program,
    flow: &ProgramFlow,
    types: &Inference<'_>,
    acts: &[Acts],
    regions: &[RegionFacts],
) -> Vec<Cost> {
    let names = Names::new(program);
    let mut resolver =
        Resolver { program, flow, types, names, acts, heights: FxHashMap::default(), parameters: FxHashMap::default() };
    regions.iter().map(|region| resolver.of_region(region, regions)).collect()
}

struct Resolver<'a> {
    program: &'a Program,
    flow: &'a ProgramFlow,
    types: &'a Inference<'a>,
    names: Names<'a>,
    acts: &'a [Acts],
    /// How many calls deep a function is that may be inlined; `None` of others, and of one that is being asked about.
    heights: FxHashMap<FuncId, Option<usize>>,
    /// What becomes of objects that are passed as parameters.
    parameters: FxHashMap<(FuncId, u16), Fate>,
}

/// What a call site adds to the acts of a function that is inlined there.
#[derive(Clone, Copy)]
struct Within<'a> {
    func: FuncId,
    stack: &'a [FuncId],
    /// What becomes of objects that it returns.
    returned: Fate,
}

impl Resolver<'_> {
    fn of_region(&mut self, region: &RegionFacts, all: &[RegionFacts]) -> Cost {
        let mut cost = Cost::default();
        if region.verdict == Verdict::Incompatible {
            return cost;
        }
        let (func, range) = (region.region.func(self.program), region.region.code(self.program));
        if let Region::Loop(id) = region.region {
            cost.waits_for = self.loop_around(id, all);
        }
        let is_function = !region.region.is_loop();
        let within = Within { func, stack: &[func], returned: Fate::Made };
        self.add(&mut cost, within, range, is_function);
        let Cost { allocations, not_made, calls, calls_in_part, helpers, steps, possible_steps, instructions, .. } =
            &mut cost;
        *instructions = [
            count_instructions(&[steps]),
            count_instructions(&[possible_steps]),
            count_instructions(&[calls, calls_in_part]),
            count_instructions(&[allocations]),
        ];
        for list in [allocations, not_made, calls, calls_in_part, helpers, steps] {
            let mut seen = BTreeSet::new();
            list.retain(|place| seen.insert((place.span, place.what.clone())));
        }
        // What is made on one way and not on another is made.
        let Cost { allocations, not_made, .. } = &mut cost;
        let is_made =
            |place: &CostItem| allocations.iter().any(|made| (made.span, &made.what) == (place.span, &place.what));
        not_made.retain(|place| !is_made(place));
        cost
    }

    /// The loop in whose body a loop stands, if that is compiled.
    fn loop_around(&self, id: LoopId, all: &[RegionFacts]) -> Option<LoopId> {
        let own = &self.program.loops[id.index()];
        let before = (0..id.0).rev().map(LoopId);
        let around = before.take_while(|other| self.program.loops[other.index()].func == own.func).find(|other| {
            let other = &self.program.loops[other.index()];
            other.depth < own.depth && other.header <= own.header && own.end <= other.end
        })?;
        let facts = all.iter().find(|facts| facts.region == Region::Loop(around))?;
        (facts.verdict != Verdict::Incompatible).then_some(around)
    }

    fn add(&mut self, cost: &mut Cost, within: Within<'_>, range: std::ops::Range<u32>, is_function: bool) {
        let Within { func, stack, returned } = within;
        let acts = self.acts;
        let own = &acts[func.index()];
        let first = own.partition_point(|&(pc, _)| pc < range.start);
        let code = code_of(self.program, &self.program.functions[func.index()]);
        for (pc, act) in own[first..].iter().take_while(|&&(pc, _)| pc < range.end) {
            let span = self.names.span(func, *pc);
            let place = |what: String| CostItem { span, what, pc: (func, *pc) };
            let op = code[*pc as usize];
            let is_tail = op.is_tail_call();
            match act {
                Act::Asks { question, .. } if self.is_of_new(func, *pc, *question) => {}
                Act::Helper(what) | Act::Asks { what, .. } => cost.helpers.push(place(what.clone())),
                Act::Step(what) => cost.steps.push(place(what.clone())),
                Act::PerhapsStep(what) => cost.possible_steps.push(place(what.clone())),
                Act::Makes { made, def } => {
                    let place = place(made.what.clone());
                    let fate = match self.fate_of_made(func, *pc, *def) {
                        Fate::Returned => returned,
                        fate => fate,
                    };
                    if fate == Fate::Unmade { cost.not_made.push(place) } else { cost.allocations.push(place) }
                }
                // Who returns a call leaves the loop by it.
                Act::Calls { .. } if is_tail && !is_function && stack.len() == 1 => {}
                Act::Calls { callees, others } => {
                    if *others {
                        cost.calls.push(place("a value".to_owned()));
                    }
                    for &callee in callees {
                        let is_itself = is_tail && callee == func && stack.len() == 1;
                        let fits =
                            self.height(callee).is_some_and(|height| height + stack.len() <= MAX_INLINE_DEPTH + 1);
                        if fits && !stack.contains(&callee) {
                            let returned = match is_tail {
                                true => returned,
                                false => match self.fate_of_result(func, *pc) {
                                    Fate::Returned => returned,
                                    fate => fate,
                                },
                            };
                            let stack = &[stack, &[callee]].concat();
                            let range = 0..self.program.functions[callee.index()].code.len;
                            self.add(cost, Within { func: callee, stack, returned }, range, true);
                        } else if !is_itself {
                            let list = match may_be_inlined_in_part(self.program, callee) {
                                true => &mut cost.calls_in_part,
                                false => &mut cost.calls,
                            };
                            list.push(place(self.name(callee)));
                        }
                    }
                }
            }
        }
    }

    fn name(&self, func: FuncId) -> String {
        let function = &self.program.functions[func.index()];
        self.program.strings.get(function.name).unwrap_or("?").to_owned()
    }

    /// How many calls deep a function is that stands where it is called: see [`may_be_inlined`].
    fn height(&mut self, func: FuncId) -> Option<usize> {
        if let Some(&known) = self.heights.get(&func) {
            return known;
        }
        self.heights.insert(func, None);
        let found = self.find_height(func);
        self.heights.insert(func, found);
        found
    }

    fn find_height(&mut self, func: FuncId) -> Option<usize> {
        if !may_be_inlined(self.program, func) {
            return None;
        }
        let mut height = 1;
        let acts = self.acts;
        for (_, act) in &acts[func.index()] {
            match act {
                Act::Makes { .. } | Act::Helper(_) | Act::Asks { .. } | Act::PerhapsStep(_) => {}
                Act::Step(_) => return None,
                Act::Calls { others: true, .. } => return None,
                Act::Calls { callees, .. } => {
                    for &callee in callees {
                        height = height.max(1 + self.height(callee)?);
                    }
                }
            }
        }
        Some(height)
    }
}

/// How many instructions do what stands in some lists.
fn count_instructions(lists: &[&Vec<CostItem>]) -> usize {
    let of_all = lists.iter().flat_map(|list| list.iter());
    of_all.map(|place| (place.pc, &place.what)).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_costs_nothing() {
        assert!(Cost::default().is_nothing());
        let place = CostItem { span: Span::default(), what: "list".to_owned(), pc: (FuncId(0), 0) };
        let cost = Cost { not_made: vec![place.clone()], ..Cost::default() };
        assert!(cost.is_nothing());
        assert!(!Cost { steps: vec![place], ..Cost::default() }.is_nothing());
    }
}
