//! Writes the solution of inference down in the form that the loader can check.
//!
//! Only what a check needs is written: frames where jumps lead and at function starts, and in them live registers only;
//! between them the types follow from the instructions.

use rustc_hash::FxHashMap;

use super::cfg::BlockId;
use super::infer::{Inference, slot_types};
use super::program_flow::{FunctionFlow, ProgramFlow};
use crate::bytecode::facts::{FrameFacts, FunctionFacts, StructFacts, TypeFacts, TypeId};
use crate::bytecode::flow::jump_target;
use crate::bytecode::graph::Graph;
use crate::bytecode::types::{ClassId, IdSet, Type};
use crate::bytecode::{CaptureId, FuncId, Function, GlobalId, Op, Program, Reg, StructId};
use crate::facts::rules::{Place, SIDE_FIELDS};

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

    /// Adds the frames of a run of functions, which follow those added before. `numbers` are the table's for the part's
    /// own.
    pub fn add_frames(&mut self, frames: Frames, numbers: &[TypeId]) {
        self.facts.frames.extend(frames.frames);
        let registers = frames.registers.into_iter().map(|(reg, ty)| (reg, numbers[ty.index()]));
        self.facts.frame_registers.extend(registers);
    }

    /// Writes the slots of all classes met; those of one may bring up others.
    fn close(&mut self, inference: &Inference<'_>) {
        while let Some(&class) = self.met.get(self.facts.classes.len()) {
            let slots = slot_types(inference, class);
            let slots = slots.map(|ty| self.add(inference, ty));
            self.facts.classes.push(slots);
        }
    }
}

/// Numbers of types in a part of the program: a part knows no table, so that parts can be made side by side.
pub struct Numbers {
    types: Vec<Type>,
    numbers: FxHashMap<Type, TypeId>,
    /// What was asked for lately, by a few bits of the type. Nearly every question is about one of a few types.
    recent: [(Type, TypeId); Numbers::RECENT],
}

impl Default for Numbers {
    /// What is not known has the number 0 here as in the table.
    fn default() -> Numbers {
        let unknown = (Type::ANY, TypeId(0));
        Numbers { types: vec![unknown.0], numbers: [unknown].into_iter().collect(), recent: [unknown; Numbers::RECENT] }
    }
}

impl Numbers {
    const RECENT: usize = 256;

    pub fn of(&mut self, ty: Type) -> TypeId {
        let mixed = u32::from(ty.tags.0).wrapping_mul(0x9e37) ^ ty.class.0.wrapping_mul(31) ^ ty.ids.0.wrapping_mul(7);
        let recent = &mut self.recent[(mixed ^ mixed >> 9) as usize % Numbers::RECENT];
        if recent.0 != ty {
            let next = TypeId(self.types.len() as u32);
            let number = *self.numbers.entry(ty).or_insert_with(|| {
                self.types.push(ty);
                next
            });
            *recent = (ty, number);
        }
        recent.1
    }

    /// The types in the order of their numbers.
    pub fn into_types(self) -> Vec<Type> {
        self.types
    }
}

/// Frames of a run of functions, with a part's own numbers of types.
#[derive(Default)]
pub struct Frames {
    frames: Vec<FrameFacts>,
    registers: Vec<(Reg, TypeId)>,
}

impl Frames {
    /// Adds the frames of a function whose instructions are `code`.
    pub fn add(
        &mut self,
        func: FuncId,
        function: &Function,
        own: &FunctionFlow,
        code: &[Op],
        types: &Inference<'_>,
        numbers: &mut Numbers,
    ) {
        if !types.is_reached(func) || !own.is_followed() {
            return;
        }
        for block in 0..own.cfg.len() as BlockId {
            if !is_declared(own, block, code) || !types.is_block_reached(func, block) {
                continue;
            }
            let entry = types.entry(func, block);
            self.frames.push(FrameFacts {
                pc: function.code.start + own.cfg.blocks[block as usize].start,
                count: entry.len() as u32,
            });
            self.registers.extend(entry.map(|(reg, ty)| (reg, numbers.of(ty))));
        }
    }
}

/// Whether control gets to a block other than by falling into it.
fn is_declared(own: &FunctionFlow, block: BlockId, code: &[Op]) -> bool {
    let cfg = &own.cfg;
    let start = cfg.blocks[block as usize].start;
    block == 0
        || cfg.preds(block).iter().any(|&pred| {
            let bounds = cfg.blocks[pred as usize];
            let last = bounds.end - 1;
            pred + 1 != block
                || bounds.handler.is_some_and(|(target, _)| target == block)
                || jump_target(&code[last as usize], last, code.len() as u32) == Some(start)
        })
}

/// The type facts of a sealed solution, without frames. The table stays open for these and for the types of regions;
/// [`finish`] closes it.
pub fn build(program: &Program, flow: &ProgramFlow, inference: &Inference<'_>) -> TypeTable {
    let mut table = TypeTable::new();
    // Any of the solution's types may be written, so the wholly unknown one is number 0 and costs nothing to say.
    table.add(inference, Type::ANY);
    places(program, inference, &mut table);
    let escapes = &inference.places.escapes;
    table.facts.functions = (0..program.functions.len())
        .map(|index| FunctionFacts {
            reached: inference.is_reached(FuncId(index as u32)),
            escaped: escapes.functions[index],
            result_escaped: escapes.results[index],
            followed: flow.of(FuncId(index as u32)).is_followed(),
        })
        .collect();
    for (pc, class) in inference.places.sites() {
        if class != ClassId::ANY {
            let number = table.class(class);
            table.facts.sites.push((pc, number.0));
        }
    }
    table
}

/// The finished facts.
pub fn finish(mut table: TypeTable, inference: &Inference<'_>) -> TypeFacts {
    table.close(inference);
    table.facts
}

fn places(program: &Program, inference: &Inference<'_>, table: &mut TypeTable) {
    let mut add = |inference: &Inference<'_>, place: Place| {
        let ty = inference.type_of(place);
        table.add(inference, ty)
    };
    let mut facts = TypeFacts::default();
    for index in 0..program.globals.len() as u32 {
        facts.globals.push(add(inference, Place::Global(GlobalId(index))));
    }
    for (index, function) in program.functions.iter().enumerate() {
        let func = FuncId(index as u32);
        for param in 0..function.params {
            facts.params.push(add(inference, Place::Param(func, param)));
        }
        for capture in 0..function.captures.len() as u16 {
            facts.captures.push(add(inference, Place::Capture(func, CaptureId(capture))));
        }
        facts.results.push(add(inference, Place::Result(func)));
    }
    for (index, def) in program.structs.iter().enumerate() {
        for field in (0..def.fields.len() as u32).chain([SIDE_FIELDS]) {
            facts.fields.push(add(inference, Place::Field(StructId(index as u32), field)));
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
