//! Writes the solution of inference down in the form that the loader can check.
//!
//! Only what a check needs is written: frames where jumps lead and at function starts, and in them live registers only; between them the
//! types follow from the instructions.

use rustc_hash::FxHashMap;

use super::cfg::jump_target;
use super::flow::{ProgramFlow, code_of};
use super::infer::{Inference, slot_types};
use crate::bytecode::facts::{FrameFacts, FunctionFacts, StructFacts, TypeFacts, TypeId};
use crate::bytecode::type_rules::{Place, SIDE_FIELDS};
use crate::bytecode::types::{ClassId, IdSet, Type};
use crate::bytecode::{CaptureId, FuncId, GlobalId, Program, StructId};

/// Numbers types, classes and sets of identities in the order in which they are met.
#[derive(Default)]
pub struct TypeTable {
    pub facts: TypeFacts,
    types: FxHashMap<Type, TypeId>,
    classes: FxHashMap<ClassId, u32>,
    /// Classes in the order of their numbers; the slots of the first `facts.classes.len()` have been written.
    met: Vec<ClassId>,
    sets: FxHashMap<IdSet, u32>,
}

impl TypeTable {
    fn new() -> TypeTable {
        let mut table = TypeTable::default();
        table.facts.id_sets.push(Vec::new());
        table.sets.insert(IdSet::EMPTY, 0);
        table
    }

    fn class(&mut self, class: ClassId) -> ClassId {
        if class == ClassId::NONE || class == ClassId::ANY {
            return class;
        }
        let next = self.classes.len() as u32 + 1;
        let number = *self.classes.entry(class).or_insert_with(|| {
            self.met.push(class);
            next
        });
        ClassId(number)
    }

    /// The number of a type of the solution.
    pub fn add(&mut self, inference: &Inference<'_>, ty: Type) -> TypeId {
        let class = self.class(ty.class);
        let ids = match self.sets.get(&ty.ids) {
            _ if ty.ids == IdSet::TOP => IdSet::TOP,
            Some(&known) => IdSet(known),
            None => {
                let number = self.facts.id_sets.len() as u32;
                self.facts.id_sets.push(inference.places.sets.members(ty.ids).to_vec());
                self.sets.insert(ty.ids, number);
                IdSet(number)
            }
        };
        let ty = Type { class, ids, ..ty };
        let next = TypeId(self.facts.types.len() as u32);
        *self.types.entry(ty).or_insert_with(|| {
            self.facts.types.push(ty);
            next
        })
    }

    /// Writes the slots of all classes met; those of one may bring up others.
    fn close(&mut self, inference: &mut Inference<'_>) {
        while let Some(&class) = self.met.get(self.facts.classes.len()) {
            let slots = slot_types(inference, class);
            let slots = slots.map(|ty| self.add(inference, ty));
            self.facts.classes.push(slots);
        }
    }
}

/// The type facts of a solved program. The table stays open for the types of regions; [`finish`] closes it.
pub fn build(program: &Program, flow: &ProgramFlow, inference: &mut Inference<'_>) -> TypeTable {
    let mut table = TypeTable::new();
    // Any of the solution's types may be written, so the wholly unknown one is number 0 and costs nothing to say.
    table.add(inference, Type::ANY);
    places(program, inference, &mut table);
    frames(program, flow, inference, &mut table);
    for (pc, class) in inference.places.sites() {
        if class != ClassId::ANY {
            let number = table.class(class);
            table.facts.sites.push((pc, number.0));
        }
    }
    table
}

/// The finished facts.
pub fn finish(mut table: TypeTable, inference: &mut Inference<'_>) -> TypeFacts {
    table.close(inference);
    table.facts
}

fn places(program: &Program, inference: &mut Inference<'_>, table: &mut TypeTable) {
    let mut add = |inference: &mut Inference<'_>, place: Place| {
        let ty = inference.type_of(place);
        table.add(inference, ty)
    };
    let mut facts = TypeFacts::default();
    for at in 0..program.globals.len() as u32 {
        facts.globals.push(add(inference, Place::Global(GlobalId(at))));
    }
    for (at, function) in program.functions.iter().enumerate() {
        let func = FuncId(at as u32);
        for param in 0..function.params {
            facts.params.push(add(inference, Place::Param(func, param)));
        }
        for capture in 0..function.captures.len() as u16 {
            facts.captures.push(add(inference, Place::Capture(func, CaptureId(capture))));
        }
        facts.results.push(add(inference, Place::Result(func)));
    }
    for (at, def) in program.structs.iter().enumerate() {
        for field in (0..def.fields.len() as u32).chain([SIDE_FIELDS]) {
            facts.fields.push(add(inference, Place::Field(StructId(at as u32), field)));
        }
    }
    facts.thrown = add(inference, Place::Thrown);
    let escapes = &inference.places.escapes;
    facts.structs = (escapes.structs.iter().zip(&escapes.instances))
        .map(|(&escaped, &instances_escaped)| StructFacts { escaped, instances_escaped })
        .collect();
    facts.escaped_modules = escapes.modules.clone();
    facts.escaped_globals = escapes.globals.clone();
    let written = &mut table.facts;
    facts.id_sets = std::mem::take(&mut written.id_sets);
    facts.types = std::mem::take(&mut written.types);
    facts.classes = std::mem::take(&mut written.classes);
    *written = facts;
}

fn frames(program: &Program, flow: &ProgramFlow, inference: &mut Inference<'_>, table: &mut TypeTable) {
    for (at, function) in program.functions.iter().enumerate() {
        let func = FuncId(at as u32);
        let own = flow.of(func);
        let escapes = &inference.places.escapes;
        table.facts.functions.push(FunctionFacts {
            reached: inference.is_reached(func),
            escaped: escapes.functions[at],
            result_escaped: escapes.results[at],
            followed: own.is_followed(),
        });
        if !inference.is_reached(func) || !own.is_followed() {
            continue;
        }
        let code = code_of(program, function);
        let mut wanted = vec![false; own.cfg.len()];
        wanted[0] = true;
        for (pc, op) in code.iter().enumerate() {
            if let Some(target) = jump_target(op, pc as u32, code.len() as u32) {
                wanted[own.cfg.block_of[target as usize] as usize] = true;
            }
        }
        for handler in &function.handlers {
            if let Some(&block) = own.cfg.block_of.get(handler.target as usize) {
                wanted[block as usize] = true;
            }
        }
        for block in (0..own.cfg.len() as u32).filter(|&block| wanted[block as usize]) {
            if !inference.is_block_reached(func, block) {
                continue;
            }
            let entry = inference.entry(func, block);
            table.facts.frames.push(FrameFacts {
                pc: function.code.start + own.cfg.blocks[block as usize].start,
                count: entry.len() as u32,
            });
            for (reg, ty) in entry {
                let ty = table.add(inference, ty);
                table.facts.frame_registers.push((reg, ty));
            }
        }
    }
}
