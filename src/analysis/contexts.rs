//! Functions and structs in contexts: the same function called with ints here and with strings there, or a struct that
//! holds rows in one place and names in another.
//!
//! Inference gives each variable, field and class of containers one type over the whole program. Where that leaves a
//! condition open, the program is written out with copies: of a function for each call of it, of a struct with its
//! methods for each place that makes instances, of closures with the function that makes them. What is copied does the
//! same as the original, so whatever is inferred of the copies is true of the original when it is called from there. A
//! condition that no copy has left open is none. (Copies of a closure are not the same function as the original, and
//! are not equal to it; no type depends on that.)
//!
//! Nothing of this is run or written: code and facts are those of the program as it is. Copies are made only of what
//! some mixed type passes through, and there is room for so many; a call beyond that shares the original with others.

mod unchanged;

use std::collections::VecDeque;
use std::ops::Range;

use self::unchanged::Unchanged;
pub use self::unchanged::compare_unchanged;
use rustc_hash::{FxHashMap, FxHashSet};

use super::costs::{self, Act, Acts, Noted};
use super::infer::{Contacts, Inference, TypeCursor};
use super::program_flow::{FunctionFlow, ProgramFlow, code_of};
use super::verdict::unmet;
use crate::bytecode::graph::Graph;
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::parallel::{both, middle};
use crate::bytecode::types::{ClassId, IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{CaptureId, FuncId, Function, FunctionKind, Op, Program, Reg, Run, SiteId, StructId};
use crate::facts::rules::{Name, Place, RuleIndex, SIDE_FIELDS, TypeEnv};

/// A program with more instructions is not looked at in contexts: types are inferred again, which takes as long as the
/// first time.
const MOST_CODE: usize = 50_000;

/// Copies may have so many times the instructions of the program, and so many more: the types of a program in contexts
/// take about twice as long as those of the program as it is.
const TIMES: usize = 1;
const AT_LEAST: usize = 4_000;

/// Most copies of one function.
const MOST_COPIES: u16 = 32;

/// How often a struct may stand in its own context: what the methods of a copy make is a copy of its own once.
const NESTED: usize = 2;

/// A program with copies.
pub struct Expanded {
    pub program: Program,
    originals: Originals,
    /// What has the types that it has in the program as it was.
    unchanged: Unchanged,
}

/// What each function and struct of a program with copies is a copy of; itself, if it is none.
struct Originals {
    functions: Vec<FuncId>,
    structs: Vec<StructId>,
}

/// What is found of a program in contexts.
#[derive(Default)]
pub struct InContexts {
    /// By function of the program: its copies that run, each with the operands that the program as it is leaves open.
    copies: FxHashMap<FuncId, Vec<Vec<Operand>>>,
    /// What its copies do together, if that is asked for.
    pub acts: FxHashMap<FuncId, Acts>,
}

/// An operand of an instruction that may be of several kinds as the program is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Operand {
    pc: u32,
    register: Reg,
    /// What it may be in this context.
    kinds: Tags,
    /// Whether it is of several kinds here, too.
    is_open: bool,
}

impl InContexts {
    /// Looks at the functions that have open conditions.
    pub fn find(types: &Inference<'_>, open: &[FuncId], with_costs: bool) -> Option<InContexts> {
        let open: FxHashSet<FuncId> = open.iter().copied().collect();
        let first = Expanded::new(types, &|func| open.contains(&func), None)?;
        let found = first.inferred(types, |within| {
            let found = InContexts::of(types, within, &first.originals, &open, with_costs);
            if !found.copies.values().flatten().flatten().any(|operand| operand.is_open) {
                return found;
            }
            // In contexts it may be known which function a value is that is called.
            let is_open = |func: FuncId| open.contains(&first.originals.functions[func.index()]);
            let Some(second) = Expanded::new(within, &is_open, Some(&first.unchanged)) else { return found };
            let originals = second.originals.over(&first.originals);
            second.inferred(within, |deeper| InContexts::of(types, deeper, &originals, &open, with_costs))
        });
        Some(found)
    }

    /// What is found of these functions in a program with copies.
    fn of(
        types: &Inference<'_>,
        expanded_types: &Inference<'_>,
        originals: &Originals,
        open: &FxHashSet<FuncId>,
        with_costs: bool,
    ) -> InContexts {
        let program = expanded_types.program();
        let of_run = |functions: Range<usize>| {
            let (mut before, mut within) = (TypeCursor::new(types), TypeCursor::new(expanded_types));
            let mut wanted: FxHashMap<FuncId, Wanted> = FxHashMap::default();
            let mut found = InContexts::default();
            for index in functions {
                let (copy, original) = (FuncId(index as u32), originals.functions[index]);
                if !open.contains(&original) || !expanded_types.is_reached(copy) {
                    continue;
                }
                let wanted = wanted.entry(original).or_insert_with(|| open_operands(&mut before, original));
                let acts = with_costs.then(|| found.acts.entry(original).or_default());
                let operands = operands(&mut within, copy, wanted, originals, acts);
                found.copies.entry(original).or_default().push(operands);
            }
            found
        };
        let middle = middle(program);
        let (mut found, more) = both(program, || of_run(0..middle), || of_run(middle..program.functions.len()));
        for (func, copies) in more.copies {
            found.copies.entry(func).or_default().extend(copies);
        }
        for (func, acts) in more.acts {
            found.acts.entry(func).or_default().extend(acts);
        }
        found.acts.values_mut().for_each(merge);
        found
    }

    /// Whether an operand is of several kinds in some context.
    pub fn is_open(&self, func: FuncId, pc: u32, register: Reg) -> bool {
        let Some(copies) = self.copies.get(&func) else { return true };
        copies.iter().flatten().any(|one| one.pc == pc && one.register == register && one.is_open)
    }

    /// How many combinations of kinds the contexts bring to a range of a function.
    pub fn combinations(&self, func: FuncId, range: &std::ops::Range<u32>) -> usize {
        let mut found: Vec<Vec<Operand>> = Vec::new();
        for copy in self.copies.get(&func).into_iter().flatten() {
            let own: Vec<Operand> = copy.iter().filter(|one| range.contains(&one.pc)).copied().collect();
            // Ways that a context does not take need no version of their own.
            let agree = |other: &Vec<Operand>| {
                own.iter().all(|one| {
                    let same = other.iter().find(|other| other.pc == one.pc && other.register == one.register);
                    same.is_none_or(|same| same.kinds == one.kinds)
                })
            };
            match found.iter_mut().find(|other| agree(other)) {
                Some(other) => {
                    let new = own.into_iter().filter(|one| !other.contains(one)).collect::<Vec<_>>();
                    other.extend(new);
                }
                None => found.push(own),
            }
        }
        found.len()
    }
}

/// The operands that are open in a function as it is, ascending by pc.
type Wanted = Vec<(u32, Reg)>;

fn open_operands(types: &mut TypeCursor<'_>, func: FuncId) -> Wanted {
    let own = types.solution().control_flow().of(func);
    let mut found = Wanted::new();
    for block in 0..own.cfg.len() as u32 {
        let is_caught = own.cfg.blocks[block as usize].handler.is_some();
        types.block(func, block, |types, pc, op| {
            found.extend(unmet(types, func, op, is_caught).iter().flatten().map(|one| (pc, one.register)));
        });
    }
    found.sort_by_key(|&(pc, _)| pc);
    found
}

/// What such operands are in a copy of the function. What the copy does is noted, if that is asked for.
fn operands(
    types: &mut TypeCursor<'_>,
    copy: FuncId,
    wanted: &Wanted,
    originals: &Originals,
    mut acts: Option<&mut Acts>,
) -> Vec<Operand> {
    let own = types.solution().control_flow().of(copy);
    let first_act = acts.as_ref().map_or(0, |acts| acts.len());
    let mut found = Vec::new();
    for block in 0..own.cfg.len() as u32 {
        let is_caught = own.cfg.blocks[block as usize].handler.is_some();
        types.block(copy, block, |types, pc, op| {
            let open = unmet(types, copy, op, is_caught);
            let first = wanted.partition_point(|one| one.0 < pc);
            for &(pc, register) in wanted[first..].iter().take_while(|one| one.0 == pc) {
                let is_open = open.iter().flatten().any(|one| one.register == register);
                let kinds = types.get(register).without(Tags::VOID).tags;
                found.push(Operand { pc, register, kinds, is_open });
            }
            if let Some(acts) = &mut acts {
                let noted = Noted { func: copy, pc, is_conditional: open[0].is_some(), is_caught };
                costs::note(types, noted, op, acts);
            }
        });
    }
    for (_, act) in acts.into_iter().flat_map(|acts| &mut acts[first_act..]) {
        match act {
            Act::Makes { def: Some(def), .. } => *def = originals.structs[def.index()],
            Act::Calls { callees, .. } => {
                callees.iter_mut().for_each(|callee| *callee = originals.functions[callee.index()]);
            }
            _ => {}
        }
    }
    found
}

/// Makes one list of the acts of several copies.
fn merge(acts: &mut Acts) {
    acts.sort_by_key(|&(pc, _)| pc);
    let mut merged: Acts = Vec::with_capacity(acts.len());
    for (pc, act) in acts.drain(..) {
        let start = merged.iter().rposition(|&(other, _)| other != pc).map_or(0, |before| before + 1);
        let same = &mut merged[start..];
        if let Act::Calls { callees, others } = &act
            && let Some((_, Act::Calls { callees: known, others: known_others })) =
                same.iter_mut().find(|(_, other)| matches!(other, Act::Calls { .. }))
        {
            *known_others |= others;
            for callee in callees {
                if !known.contains(callee) {
                    known.push(*callee);
                }
            }
        } else if !same.iter().any(|(_, other)| *other == act) {
            merged.push((pc, act));
        }
    }
    *acts = merged;
}

/// What types of several kinds pass through, in a program as it is.
struct Mixed {
    functions: Vec<bool>,
    structs: Vec<bool>,
}

impl Mixed {
    fn new(types: &Inference<'_>) -> Mixed {
        let program = types.program();
        let classes = types.places.class_count();
        let (structs, functions) = (program.structs.len(), program.functions.len());
        let of_struct = |def: StructId| classes + def.index();
        let of_function = |func: FuncId| classes + structs + func.index();
        let mut is_mixed = vec![false; classes + structs + functions];
        // What holds each.
        let mut holders: Vec<Vec<u32>> = vec![Vec::new(); is_mixed.len()];
        let mut work: Vec<usize> = Vec::new();
        let mut hold = |holder: usize, ty: Type| {
            if is_several(ty) && !std::mem::replace(&mut is_mixed[holder], true) {
                work.push(holder);
            }
            if ty.class != ClassId::NONE && ty.class != ClassId::ANY {
                holders[ty.class.index()].push(holder as u32);
            }
            if ty.ids == IdSet::TOP {
                return;
            }
            for id in types.places.sets.members(ty.ids) {
                match id.unpack() {
                    Some(IdKind::Instance(def)) => holders[of_struct(def)].push(holder as u32),
                    Some(IdKind::Function(func)) => holders[of_function(func)].push(holder as u32),
                    _ => {}
                }
            }
        };
        for class in types.places.classes() {
            for slot in Slot::ALL {
                hold(class.index(), types.type_of(Place::Slot(class, slot)));
            }
        }
        for (index, def) in program.structs.iter().enumerate() {
            let id = StructId(index as u32);
            for field in (0..def.fields.len() as u32).chain([SIDE_FIELDS]) {
                hold(of_struct(id), types.type_of(Place::Field(id, field)));
            }
        }
        for (index, function) in program.functions.iter().enumerate() {
            let func = FuncId(index as u32);
            let params = (0..function.params).map(|param| Place::Param(func, param));
            let captures = (0..function.captures.len() as u16).map(|capture| Place::Capture(func, CaptureId(capture)));
            for place in params.chain(captures).chain([Place::Result(func)]) {
                hold(of_function(func), types.type_of(place));
            }
        }
        while let Some(one) = work.pop() {
            for holder in std::mem::take(&mut holders[one]) {
                if !std::mem::replace(&mut is_mixed[holder as usize], true) {
                    work.push(holder as usize);
                }
            }
        }
        let functions = is_mixed.split_off(classes + structs);
        Mixed { functions, structs: is_mixed.split_off(classes) }
    }
}

/// Whether a value may be of several kinds, void aside.
fn is_several(ty: Type) -> bool {
    let kinds = ty.tags.and(Tags::VISIBLE).without(Tags::VOID);
    !kinds.is_empty() && !kinds.is_single() || ty.class == ClassId::ANY
}

/// A function or struct that is copied, and in what.
#[derive(Clone, Copy)]
struct Context {
    of: Copied,
    within: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// With the copy.
    Function(FuncId, FuncId),
    Struct(StructId, StructId),
}

/// Writes a program out with copies, breadth first from the bodies of its modules.
struct Expansion<'p> {
    /// As it was.
    program: &'p Program,
    made: Program,
    originals: Originals,
    mixed: Mixed,
    /// What is called by calls of methods and values, where that is known: by the pc of the call, counted in the
    /// program as it was.
    known_calls: FxHashMap<u32, FuncId>,
    /// How often the code names each function.
    named: Vec<u32>,
    /// How often the code makes instances of each struct, or takes it for a value that may be called for them.
    instantiated: Vec<u32>,
    copies: Vec<u16>,
    contexts: Vec<Context>,
    /// By function: the context that it is a copy in.
    context_of: Vec<Option<u32>>,
    queue: VecDeque<FuncId>,
    is_queued: Vec<bool>,
    room: usize,
}

impl Expanded {
    /// The program with copies of what has mixed types, whether or not these leave conditions open.
    pub fn of(program: &Program) -> Option<Expanded> {
        let (flow, index) = (ProgramFlow::new(program), RuleIndex::new(program));
        let mut types = Inference::run(program, &flow, &index);
        types.seal();
        Expanded::new(&types, &|_| true, None)
    }

    /// What is inferred of the program, which as it was had these types.
    fn inferred<R>(&self, types: &Inference<'_>, look: impl FnOnce(&Inference<'_>) -> R) -> R {
        let own = |(number, func): (usize, &FuncId)| match self.unchanged.functions.get(number) {
            Some(true) => FunctionFlow::default(),
            _ => types.control_flow().of(*func).clone(),
        };
        // A call by name in place of another reads no register that the other does not.
        let flows = self.originals.functions.iter().enumerate().map(own).collect();
        let (flow, index) = (ProgramFlow::numbered(&self.program, flows), types.index().of_copies(&self.program));
        let given = self.unchanged.places(types);
        let sets = &types.places.sets;
        let mut types = Inference::run_without(&self.program, &flow, &index, given, sets, &self.unchanged.called);
        types.seal();
        look(&types)
    }

    /// `None` if there is nothing to copy, or too much code. Of a program that has copies itself, it is known what is
    /// unchanged.
    fn new(types: &Inference<'_>, is_open: &dyn Fn(FuncId) -> bool, earlier: Option<&Unchanged>) -> Option<Expanded> {
        let program = types.program();
        if program.code.len() > MOST_CODE {
            return None;
        }
        let functions = program.functions.len();
        let (mut named, mut instantiated) = (vec![0; functions], vec![0; program.structs.len()]);
        for op in &program.code {
            if let Some(func) = op.named_function() {
                named[func.index()] += 1;
            }
            if let Op::New { def, .. } | Op::LoadStruct { def, .. } = *op {
                instantiated[def.index()] += 1;
            }
        }
        let mixed = Mixed::new(types);
        let (known_calls, contacts) = known_calls(types, &mixed, earlier.is_none());
        known_calls.values().for_each(|callee| named[callee.index()] += 1);
        // The first copy is made where nothing is one yet.
        let is_copied = named.iter().zip(&mixed.functions).any(|(&named, &is_mixed)| named > 1 && is_mixed)
            || instantiated.iter().zip(&mixed.structs).any(|(&made, &is_mixed)| made > 1 && is_mixed);
        if !is_copied {
            return None;
        }
        let mut expansion = Expansion {
            mixed,
            known_calls,
            named,
            instantiated,
            copies: vec![0; functions],
            contexts: Vec::new(),
            context_of: vec![None; functions],
            queue: VecDeque::new(),
            is_queued: vec![false; functions],
            room: program.code.len() * TIMES + AT_LEAST,
            program,
            originals: Originals {
                functions: (0..functions as u32).map(FuncId).collect(),
                structs: (0..program.structs.len() as u32).map(StructId).collect(),
            },
            made: without_hints(program),
        };
        for index in 0..functions {
            if expansion.made.functions[index].kind == FunctionKind::Body {
                expansion.reach(FuncId(index as u32));
            }
        }
        while let Some(func) = expansion.queue.pop_front() {
            expansion.write_out(func);
        }
        if expansion.made.functions.len() == functions {
            return None;
        }
        let unchanged = Unchanged::new(types, &expansion, contacts, is_open, earlier);
        let Expansion { made, originals, .. } = expansion;
        Some(Expanded { program: made, originals, unchanged })
    }
}

impl Originals {
    /// The same of copies of copies.
    fn over(&self, below: &Originals) -> Originals {
        Originals {
            functions: self.functions.iter().map(|func| below.functions[func.index()]).collect(),
            structs: self.structs.iter().map(|def| below.structs[def.index()]).collect(),
        }
    }
}

/// The calls of functions with mixed types that are not called by name, where one alone can be called: values without
/// captures, and methods of structs that have no mixed types, as those of others are copied by instance. On the way:
/// what each function has to do with, if that is asked for.
fn known_calls(types: &Inference<'_>, mixed: &Mixed, with_contacts: bool) -> (FxHashMap<u32, FuncId>, Vec<Contacts>) {
    let program = types.program();
    let wanted = Callees::new(types, mixed);
    let (middle, all) = (middle(program) as u32, program.functions.len() as u32);
    let ((mut found, mut contacts), (more, rest)) = both(
        program,
        || known_calls_of(types, mixed, &wanted, with_contacts, 0..middle),
        || known_calls_of(types, mixed, &wanted, with_contacts, middle..all),
    );
    found.extend(more);
    contacts.extend(rest);
    (found, contacts)
}

/// The same of a run of functions.
fn known_calls_of(
    types: &Inference<'_>,
    mixed: &Mixed,
    wanted: &Callees,
    with_contacts: bool,
    functions: Range<u32>,
) -> (FxHashMap<u32, FuncId>, Vec<Contacts>) {
    let (program, flow) = (types.program(), types.control_flow());
    let mut found = FxHashMap::default();
    let mut contacts: Vec<Contacts> = Vec::with_capacity(functions.len());
    let mut cursor = TypeCursor::new(types);
    for func in functions.map(FuncId) {
        if !types.is_reached(func) {
            contacts.push(Contacts::default());
            continue;
        }
        let function = &program.functions[func.index()];
        let (start, code) = (function.code.start, code_of(program, function));
        cursor.contacts = with_contacts.then(Contacts::default);
        for (block, bounds) in (0..).zip(&flow.of(func).cfg.blocks) {
            let code = &code[bounds.start as usize..bounds.end as usize];
            if !with_contacts && !code.iter().any(|&op| wanted.may_be_called(types, func, op)) {
                continue;
            }
            cursor.block(func, block, |types, pc, op| {
                let callee = match op {
                    Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site } => {
                        let receiver = types.get(base.above(MethodCall::RECEIVER));
                        known_method(types, func, receiver, argc, site, mixed)
                    }
                    Op::Call { base, argc } | Op::TailCall { base, argc } => {
                        let value = types.get(base);
                        known_function(types, value, argc, mixed)
                    }
                    _ => None,
                };
                found.extend(callee.map(|callee| (start + pc, callee)));
            });
        }
        contacts.push(cursor.contacts.take().unwrap_or_default());
    }
    (found, contacts)
}

/// What may be found by [`known_calls`], by what a call tells without its types.
struct Callees {
    methods: FxHashSet<Name>,
    /// How many parameters functions without captures have.
    params: FxHashSet<u16>,
}

impl Callees {
    fn new(types: &Inference<'_>, mixed: &Mixed) -> Callees {
        let program = types.program();
        let unmixed = program.structs.iter().zip(&mixed.structs).filter(|(_, is_mixed)| !**is_mixed);
        let methods = unmixed.flat_map(|(def, _)| &def.methods).filter(|method| mixed.functions[method.func.index()]);
        let functions = program.functions.iter().zip(&mixed.functions).filter(|(_, is_mixed)| **is_mixed);
        Callees {
            methods: methods.map(|method| types.index().name(method.name)).collect(),
            params: functions
                .filter(|(function, _)| function.captures.is_empty())
                .map(|(function, _)| function.params)
                .collect(),
        }
    }

    fn may_be_called(&self, types: &Inference<'_>, func: FuncId, op: Op) -> bool {
        match op {
            Op::CallMethod { site, .. } | Op::TailCallMethod { site, .. } => {
                let name = types.index().site_name(types.program(), func, site);
                name.is_some_and(|name| self.methods.contains(&name))
            }
            Op::Call { argc, .. } | Op::TailCall { argc, .. } => self.params.contains(&argc),
            _ => false,
        }
    }
}

fn known_function(types: &TypeCursor<'_>, value: Type, argc: u16, mixed: &Mixed) -> Option<FuncId> {
    let &[only] = types.solution().places.sets.members(value.ids) else { return None };
    let Some(IdKind::Function(func)) = only.unpack().filter(|_| value.tags == Tags::FUNCTION) else { return None };
    let function = &types.program().functions[func.index()];
    (function.params == argc && function.captures.is_empty() && mixed.functions[func.index()]).then_some(func)
}

fn known_method(
    types: &mut TypeCursor<'_>,
    func: FuncId,
    receiver: Type,
    argc: u16,
    site: SiteId,
    mixed: &Mixed,
) -> Option<FuncId> {
    let &[only] = types.solution().places.sets.members(receiver.ids) else { return None };
    let Some(IdKind::Instance(def)) = only.unpack().filter(|_| receiver.tags == Tags::INSTANCE) else { return None };
    let name = types.index().site_name(types.program(), func, site)?;
    let method = types.index().method(def, name)?;
    // A function in a field of that name would be called in its place.
    let field = types.index().field(def, name).unwrap_or(SIDE_FIELDS);
    let is_field = !types.read(Place::Field(def, field)).is_never();
    let fits = method.takes_self && types.program().functions[method.func.index()].params == argc + 1;
    (fits && !is_field && !mixed.structs[def.index()] && mixed.functions[method.func.index()]).then_some(method.func)
}

/// A copy of what runs of a program.
fn without_hints(program: &Program) -> Program {
    Program {
        strings: program.strings.clone(),
        constants: program.constants.clone(),
        code: program.code.clone(),
        functions: program.functions.clone(),
        structs: program.structs.clone(),
        modules: program.modules.clone(),
        globals: program.globals.clone(),
        builtins: program.builtins.clone(),
        sites: program.sites.clone(),
        main: program.main,
        ..Program::default()
    }
}

impl Expansion<'_> {
    fn reach(&mut self, func: FuncId) {
        if !std::mem::replace(&mut self.is_queued[func.index()], true) {
            self.queue.push_back(func);
        }
    }

    fn reach_struct(&mut self, def: StructId) {
        for index in 0..self.made.structs[def.index()].methods.len() {
            self.reach(self.made.structs[def.index()].methods[index].func);
        }
    }

    /// Lets a function name the copies that are its own.
    fn write_out(&mut self, func: FuncId) {
        let code = self.made.functions[func.index()].code.range();
        let original = self.program.functions[self.originals.functions[func.index()].index()].code.start;
        for pc in code.clone() {
            let mut op = self.made.code[pc];
            if let Op::CallMethod { base, .. }
            | Op::TailCallMethod { base, .. }
            | Op::Call { base, .. }
            | Op::TailCall { base, .. } = op
                && let Some(&callee) = self.known_calls.get(&(original + (pc - code.start) as u32))
            {
                let copy = self.function(func, callee, false);
                // Arguments, the receiver before them, stand where they do for a call by name; a tail call is a call
                // with a return behind.
                if copy != callee {
                    op = Op::CallFn { base, func: copy };
                }
            }
            // What is named is renamed here, where it has a copy, and followed whatever names it.
            match &mut op {
                Op::CallFn { func: callee, .. } | Op::TailCallFn { func: callee, .. }
                    if callee.index() < self.program.functions.len() =>
                {
                    *callee = self.function(func, *callee, false);
                }
                // One that the code names elsewhere, too, stays itself: it may be compared.
                Op::LoadFn { func: callee, .. }
                    if self.context_of[func.index()].is_some() && self.named[callee.index()] == 1 =>
                {
                    *callee = self.function(func, *callee, false);
                }
                Op::MakeClosure { func: callee, .. } => *callee = self.function(func, *callee, true),
                Op::New { def, .. } => *def = self.instance(func, *def),
                _ => {}
            }
            if let Some(callee) = op.named_function() {
                self.reach(callee);
            }
            if let Some(def) = op.named_struct() {
                self.reach_struct(def);
            }
            self.made.code[pc] = op;
        }
    }

    /// The contexts that a function is in, the innermost first.
    fn around(&self, func: FuncId) -> impl Iterator<Item = Copied> {
        let mut next = self.context_of[func.index()];
        std::iter::from_fn(move || {
            let context = self.contexts[next? as usize];
            next = context.within;
            Some(context.of)
        })
    }

    /// What a function names in place of another: a copy that is its own, or one that it is in itself.
    fn function(&mut self, from: FuncId, callee: FuncId, is_closure: bool) -> FuncId {
        if self.originals.functions[from.index()] == callee {
            return from;
        }
        let is_copy = self.context_of[from.index()].is_some();
        let is_worth_it = match is_closure {
            true => is_copy,
            false => self.mixed.functions[callee.index()] && (is_copy || self.named[callee.index()] > 1),
        };
        if !is_worth_it {
            return callee;
        }
        let known = self.around(from).find_map(|of| match of {
            Copied::Function(original, copy) if original == callee => Some(copy),
            _ => None,
        });
        if let Some(known) = known {
            return known;
        }
        let size = self.program.functions[callee.index()].code.len as usize;
        if self.copies[callee.index()] >= MOST_COPIES || self.room < size {
            return callee;
        }
        self.copy(callee, |copy| Copied::Function(callee, copy), self.context_of[from.index()])
    }

    /// The struct that a function makes instances of in place of another.
    fn instance(&mut self, from: FuncId, def: StructId) -> StructId {
        let program = self.program;
        let methods = &program.structs[def.index()].methods;
        let has_captures = methods.iter().any(|method| !program.functions[method.func.index()].captures.is_empty());
        let is_worth_it = self.context_of[from.index()].is_some() || self.instantiated[def.index()] > 1;
        if !self.mixed.structs[def.index()] || has_captures || !is_worth_it {
            return def;
        }
        let size: usize = methods.iter().map(|method| program.functions[method.func.index()].code.len as usize).sum();
        let is_spent = methods.iter().any(|method| self.copies[method.func.index()] >= MOST_COPIES);
        let mut own = self.around(from).filter_map(|of| match of {
            Copied::Struct(original, copy) if original == def => Some(copy),
            _ => None,
        });
        let (nearest, depth) = (own.next(), 1 + own.count());
        if let Some(nearest) = nearest.filter(|_| depth >= NESTED) {
            return nearest;
        }
        if is_spent || self.room < size {
            return nearest.unwrap_or(def);
        }
        let copy = StructId(self.made.structs.len() as u32);
        let mut layout = program.structs[def.index()].clone();
        self.contexts.push(Context { of: Copied::Struct(def, copy), within: self.context_of[from.index()] });
        let within = Some(self.contexts.len() as u32 - 1);
        for method in &mut layout.methods {
            let original = method.func;
            method.func = self.copy(original, |copy| Copied::Function(original, copy), within);
            let kind = &mut self.made.functions[method.func.index()].kind;
            *kind = match *kind {
                FunctionKind::Method(_) => FunctionKind::Method(copy),
                FunctionKind::Static(_) => FunctionKind::Static(copy),
                kind => kind,
            };
        }
        self.made.structs.push(layout);
        self.originals.structs.push(def);
        copy
    }

    fn copy(&mut self, func: FuncId, of: impl FnOnce(FuncId) -> Copied, within: Option<u32>) -> FuncId {
        let original = &self.program.functions[func.index()];
        let code = code_of(self.program, original);
        let program = &mut self.made;
        let sites = &self.program.sites[original.sites.range()];
        let copy = FuncId(program.functions.len() as u32);
        let function = Function {
            code: Run { start: program.code.len() as u32, len: code.len() as u32 },
            sites: Run { start: program.sites.len() as u32, len: sites.len() as u32 },
            ..original.clone()
        };
        program.code.extend(code);
        program.sites.extend(sites);
        program.functions.push(function);
        self.contexts.push(Context { of: of(copy), within });
        self.context_of.push(Some(self.contexts.len() as u32 - 1));
        self.is_queued.push(false);
        self.originals.functions.push(func);
        self.copies[func.index()] += 1;
        self.room = self.room.saturating_sub(code.len());
        copy
    }
}
