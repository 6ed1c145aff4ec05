//! What no copy changes: the functions that have to do with nothing that is copied, and the places that they share with
//! the others.
//!
//! Types of a program with copies are inferred without these functions. Their effects are known from the program as it
//! was: the types of places that can be no other, and which functions they call. A function is unchanged if all that it
//! reads and writes are such places, and containers that only unchanged functions use.

use super::{Expanded, Expansion, is_several};
use crate::analysis::infer::{Contacts, Inference};
use crate::analysis::program_flow::ProgramFlow;
use crate::bytecode::graph::Graph;
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Type};
use crate::bytecode::{CaptureId, FuncId, Function, FunctionKind, GlobalId, Op, Program, StructId};
use crate::facts::rules::{Place, RuleIndex, SIDE_FIELDS};

/// See the module documentation.
pub struct Unchanged {
    /// By function of the program as it was.
    pub functions: Vec<bool>,
    /// What unchanged functions call.
    pub called: Vec<FuncId>,
    copied: Copied,
}

/// What has copies, or may have if copies are copied.
struct Copied {
    functions: Vec<bool>,
    structs: Vec<bool>,
}

impl Copied {
    /// Whether what is in a place of this type may be another in the program with copies. That void is no longer
    /// possible there is not looked for.
    fn may_change(&self, ty: Type, sets: &IdSets) -> bool {
        let is_copied = |id| match id {
            Some(IdKind::Function(func)) => self.functions[func.index()],
            Some(IdKind::Struct(def) | IdKind::Instance(def)) => self.structs[def.index()],
            Some(IdKind::Builtin(_) | IdKind::Module(_)) => false,
            None => true,
        };
        is_several(ty) || ty.ids == IdSet::TOP || sets.members(ty.ids).iter().any(|id| is_copied(id.unpack()))
    }
}

impl Unchanged {
    /// `contacts` are those of each function. Functions with open conditions are what copies are made for. When copies
    /// are copied, what was unchanged `earlier` still is, as it has to do with nothing that may ever have copies; more
    /// is not looked for, and there are no contacts.
    pub(super) fn new(
        types: &Inference<'_>,
        expansion: &Expansion<'_>,
        mut contacts: Vec<Contacts>,
        is_open: &dyn Fn(FuncId) -> bool,
        earlier: Option<&Unchanged>,
    ) -> Unchanged {
        let (before, made) = (expansion.program, &expansion.made);
        let count = before.functions.len();
        let mut copied = Copied {
            functions: expansion.copies.iter().map(|&copies| copies > 0).collect(),
            structs: expansion.mixed.structs.clone(),
        };
        copied.functions.iter_mut().zip(&expansion.mixed.functions).for_each(|(copied, mixed)| *copied |= mixed);
        for op in &before.code {
            if let Op::MakeClosure { func, .. } = op {
                copied.functions[func.index()] = true;
            }
        }
        if let Some(earlier) = earlier {
            let mut functions = earlier.functions.clone();
            functions.resize(count, false);
            return Unchanged { functions, called: earlier.called.clone(), copied };
        }
        let (flow, sets) = (types.control_flow(), &types.places.sets);
        let mut users: Vec<Vec<u32>> = vec![Vec::new(); types.places.class_count()];
        let mut is_unchanged = vec![true; count];
        let mut work: Vec<u32> = Vec::new();
        for (index, (function, contacts)) in before.functions.iter().zip(&mut contacts).enumerate() {
            let func = FuncId(index as u32);
            contacts.types.extend(places_of(func, function).map(|place| types.type_of(place)));
            let changes = copied.functions[index]
                || function.kind == FunctionKind::Async
                || is_open(func)
                // Registers that are not followed let escape what is put into them.
                || flow.of(func).cfg.len() > 0 && !flow.of(func).is_followed()
                || before.code[function.code.range()] != made.code[function.code.range()];
            let mut may_change = changes;
            for &ty in &contacts.types {
                may_change |= ty.class == ClassId::ANY || copied.may_change(ty, sets);
                if ty.class != ClassId::NONE && users[ty.class.index()].last() != Some(&func.0) {
                    users[ty.class.index()].push(func.0);
                }
            }
            if may_change {
                is_unchanged[index] = false;
                work.push(func.0);
            }
        }
        while let Some(changed) = work.pop() {
            let classes = contacts[changed as usize].types.iter().map(|ty| ty.class);
            for class in classes.filter(|&class| class != ClassId::NONE && class != ClassId::ANY) {
                for user in std::mem::take(&mut users[class.index()]) {
                    if std::mem::replace(&mut is_unchanged[user as usize], false) {
                        work.push(user);
                    }
                }
            }
        }
        let of_unchanged = contacts.iter().zip(&is_unchanged).filter(|(_, is_unchanged)| **is_unchanged);
        let mut called: Vec<FuncId> =
            of_unchanged.flat_map(|(contacts, _)| contacts.functions.iter().copied()).collect();
        called.sort_unstable();
        called.dedup();
        Unchanged { functions: is_unchanged, called, copied }
    }

    /// The places that unchanged functions may share with others, with their types.
    pub(super) fn places<'t>(&'t self, types: &'t Inference<'_>) -> impl Iterator<Item = (Place, Type)> + use<'t> {
        let program = types.program();
        let globals = (0..program.globals.len() as u32).map(|index| Place::Global(GlobalId(index)));
        let fields = program.structs.iter().enumerate().flat_map(|(index, def)| {
            let id = StructId(index as u32);
            (0..def.fields.len() as u32).chain([SIDE_FIELDS]).map(move |field| Place::Field(id, field))
        });
        let functions = program.functions.iter().enumerate();
        let of_functions = functions.flat_map(|(index, function)| places_of(FuncId(index as u32), function));
        let all = globals.chain(fields).chain(of_functions).chain([Place::Thrown]);
        let known = all.map(|place| (place, types.type_of(place)));
        known.filter(|(_, ty)| ty.class == ClassId::NONE && !self.copied.may_change(*ty, &types.places.sets))
    }
}

/// Parameters, captured variables and result of a function.
fn places_of(func: FuncId, function: &Function) -> impl Iterator<Item = Place> + use<> {
    let params = (0..function.params).map(move |param| Place::Param(func, param));
    let captures = (0..function.captures.len() as u16).map(move |capture| Place::Capture(func, CaptureId(capture)));
    params.chain(captures).chain([Place::Result(func)])
}

/// How many functions are unchanged, and the places of the others whose types are other than if all were inferred
/// again. Tests ask for it: there must be none.
pub fn compare_unchanged(program: &Program) -> (usize, Vec<String>) {
    let (flow, index) = (ProgramFlow::new(program), RuleIndex::new(program));
    let mut types = Inference::run(program, &flow, &index);
    types.seal();
    let Some(expanded) = Expanded::new(&types, &|_| false, None) else { return (0, Vec::new()) };
    let copies = &expanded.program;
    let (flow, index) = (ProgramFlow::new(copies), RuleIndex::new(copies));
    let mut complete = Inference::run(copies, &flow, &index);
    complete.seal();
    let unchanged = &expanded.unchanged.functions;
    let differing = expanded.inferred(&types, |partly| {
        let mut found = Vec::new();
        for (number, function) in copies.functions.iter().enumerate() {
            let func = FuncId(number as u32);
            if unchanged.get(number) == Some(&true) {
                continue;
            }
            if complete.is_reached(func) && !partly.is_reached(func) {
                found.push(format!("{func:?} is not reached"));
            }
            let params = (0..function.params).map(|param| Place::Param(func, param));
            for place in params.chain([Place::Result(func)]).filter(|_| complete.is_reached(func)) {
                let (whole, part) = (complete.type_of(place).tags, partly.type_of(place).tags);
                if whole != part {
                    found.push(format!("{place:?}: {whole:?} is {part:?}"));
                }
            }
        }
        found
    });
    (unchanged.iter().filter(|is_unchanged| **is_unchanged).count(), differing)
}
