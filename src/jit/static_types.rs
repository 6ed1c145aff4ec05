//! What the program's checked facts say of types: proofs, and feedback for instructions that were not executed while
//! recording.
//!
//! walrusc has proven the types of nearly all instructions, so code that a recording did not come to need not be left
//! to the interpreter, and what facts say of a type needs no guard. What they cannot tell does: how a list keeps its
//! elements before it has any, and whether a variable was assigned; of fields, [`definite`] tells that.

use std::cell::OnceCell;

use super::feedback::{ALL_TAGS, TagSet, TypeFeedback};
use crate::bytecode::builtins::{BUILTINS, BuiltinSpec, find_builtin};
use crate::bytecode::op::access::Edge;
use crate::bytecode::op::shape::Over;
use crate::bytecode::op::window::Iter;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Slot, Tags, Type};
use crate::bytecode::{BuiltinId, FuncId, Op, Program, Reg, StructId};
use crate::facts::check::CheckedTypes;
use crate::facts::definite;
use crate::facts::native_forms::{self, Form, Operation, fails_on_void, observed};
use crate::runtime::object::Storage;
use crate::runtime::value::Tag;

/// Facts of programs with more instructions are not asked: they are checked all at once, while the program waits.
pub const MAX_CODE: usize = 200_000;

/// See the module documentation.
pub struct StaticTypes {
    types: CheckedTypes,
    /// By function, the feedback of its instructions.
    functions: Vec<OnceCell<Box<[Known]>>>,
    /// By struct, which of its fields every instance has.
    assigned: Vec<OnceCell<Vec<bool>>>,
    judging: Option<Judging>,
}

/// What is proved is tested in native code and where it is left: see [`super::judge`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judging {
    AsProved,
    /// Ints are held to be no ints, so that the tests can be tested.
    Spoilt,
}

impl StaticTypes {
    /// From the types of a program.
    pub fn new(types: CheckedTypes, program: &Program, judging: Option<Judging>) -> StaticTypes {
        StaticTypes {
            types,
            functions: std::iter::repeat_with(OnceCell::new).take(program.functions.len()).collect(),
            assigned: std::iter::repeat_with(OnceCell::new).take(program.structs.len()).collect(),
            judging,
        }
    }

    /// Whether an instance of a struct has a field of its layout wherever code of a function looks at it.
    pub fn always_has_field(&self, program: &Program, def: StructId, field: usize, func: FuncId) -> bool {
        let assigned = self.assigned[def.index()].get_or_init(|| definite::always_assigned(program, def));
        definite::init_of(program, def) != Some(func) && assigned.get(field) == Some(&true)
    }

    /// Whether no instance of a struct has fields that its layout does not name.
    pub fn never_has_side_fields(&self, program: &Program, def: StructId) -> bool {
        never_has_side_fields(&self.types, program, def)
    }

    /// What is known of the instruction at `pc` (an index into the program's code), which is one of the function's.
    pub fn at(&self, program: &Program, func: FuncId, pc: u32) -> &TypeFeedback {
        &self.known(program, func, pc).proved
    }

    /// What the same instruction meets where it succeeds, as far as that is known.
    pub fn expected_at(&self, program: &Program, func: FuncId, pc: u32) -> &TypeFeedback {
        &self.known(program, func, pc).expected
    }

    fn known(&self, program: &Program, func: FuncId, pc: u32) -> &Known {
        let start = program.functions[func.index()].code.start;
        let known = self.functions[func.index()].get_or_init(|| self.of_function(program, func));
        &known[(pc - start) as usize]
    }

    /// Whether what is proved is tested.
    pub fn judging(&self) -> Option<Judging> {
        self.judging
    }

    /// The types of a function's registers before the instruction at `pc` (an index into the program's code).
    pub fn before(&self, program: &Program, func: FuncId, pc: u32) -> Vec<Type> {
        let mut before = Vec::new();
        self.follow(program, func, |_, current, registers| {
            if current == pc {
                before = registers.to_vec();
            }
        });
        before
    }

    fn of_function(&self, program: &Program, func: FuncId) -> Box<[Known]> {
        let mut known = Vec::with_capacity(program.functions[func.index()].code.len as usize);
        self.follow(program, func, |op, pc, registers| {
            let proved = self.of_instruction(op, pc, registers);
            known.push(Known { proved, expected: where_it_succeeds(op, proved) });
        });
        known.into()
    }

    /// The instructions of a function, among these pcs (indices into the program's code), that the table of native
    /// forms calls no steps, in words: those of which a cost line is silent. Where conditions did not hold, anything
    /// may have been seen that decides about a form.
    pub fn not_steps(&self, program: &Program, func: FuncId, pcs: &[u32], is_conditional: bool) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        self.follow(program, func, |op, pc, registers| {
            if !pcs.contains(&pc) {
                return;
            }
            let operation = Operation::of(&mut Before { program, types: &self.types, registers }, func, op);
            let is_told = match operation.form() {
                Form::Step | Form::Open => true,
                Form::Seen => is_conditional,
                Form::Plain | Form::Helper => false,
            };
            if !is_told {
                found.push((pc, operation.words()));
            }
        });
        found
    }

    /// Follows the types of registers through the code: frames declare them where jumps lead.
    fn follow(&self, program: &Program, func: FuncId, mut visit: impl FnMut(Op, u32, &[Type])) {
        let function = &program.functions[func.index()];
        let mut registers = vec![Type::ANY; function.registers.into()];
        for pc in function.code.range() {
            let op = program.code[pc];
            let pc = pc as u32;
            if let Some(frame) = self.types.frame(pc) {
                registers.fill(Type::ANY);
                frame.iter().for_each(|&(reg, ty)| registers[reg.index()] = ty);
            }
            visit(op, pc, &registers);
            let accesses = op.accesses(program);
            if let Some(first) = accesses.clobbers_from
                && let Some(lost) = registers.get_mut(first.into()..)
            {
                lost.fill(Type::ANY);
            }
            // Where a jump leads, a frame declares the types; what is written on the way there is among them.
            for reg in op.writes_on(program, Edge::FallThrough) {
                registers[reg.index()] = self.types.written(op, pc, reg).unwrap_or(Type::ANY);
            }
            if op.effects().ends {
                registers.fill(Type::ANY);
            }
        }
    }

    fn of_instruction(&self, op: Op, pc: u32, registers: &[Type]) -> TypeFeedback {
        let mut feedback = TypeFeedback::NOTHING;
        let (a, b) = observed(&op);
        // The state of an iteration is for its steps alone: it may be of what `iter` gave for what is declared.
        let is_value = |ty: &Type| op.as_iteration().is_some() || !ty.tags.meets(Tags::ITER);
        let ty = |reg: Reg| registers.get(reg.index()).copied().filter(is_value).unwrap_or(Type::ANY);
        if let Some(a) = a.map(ty) {
            feedback.a = tags_of(a);
            self.note_object(a, &mut feedback);
        }
        if let Some(b) = b.map(ty) {
            feedback.b = tags_of(b);
        }
        // A method that was looked up is absent, which no type tells.
        if let Some(result) = op.result().filter(|_| !matches!(op, Op::FindMethod { .. })) {
            let result = self.types.written(op, pc, result).unwrap_or(Type::ANY);
            feedback.result = tags_of(result);
            if let Op::MakeList { .. } = op {
                self.note_object(result, &mut feedback);
            }
        }
        if let Some(iteration) = op.as_iteration().filter(|iteration| iteration.over == Over::Pairs) {
            let second = self.types.written(op, pc, iteration.base.above(Iter::SECOND));
            feedback.second = tags_of(second.unwrap_or(Type::ANY));
        }
        feedback
    }

    /// What feedback tells of an object beside its type.
    fn note_object(&self, ty: Type, feedback: &mut TypeFeedback) {
        if ty.tags.meets(Tags::LIST) {
            let items = self.types.slot(ty.class, Slot::Item).tags;
            // A list that may hold numbers among others keeps them unboxed until the first other comes.
            match items {
                Tags::INT => feedback.storage.add(Storage::Ints),
                Tags::FLOAT => feedback.storage.add(Storage::Floats),
                Tags::BOOL => feedback.storage.add(Storage::Bools),
                // Nothing is ever put into it: it is as it was made.
                Tags::NONE => {}
                _ if !items.meets(Tags::NUMBER.or(Tags::BOOL)) => feedback.storage.add(Storage::Values),
                _ => {}
            }
        }
        if ty.tags.meets(Tags::INSTANCE) {
            for kind in self.types.identities(ty.ids).into_iter().flatten().filter_map(|id| id.unpack()) {
                if let IdKind::Instance(id) = kind {
                    feedback.instance_of.add(id);
                    feedback.structs.add(id);
                }
            }
        }
    }
}

/// The types of registers before an instruction, and what is known beside them.
struct Before<'a, 'p> {
    program: &'p Program,
    types: &'a CheckedTypes,
    registers: &'a [Type],
}

impl<'p> native_forms::StaticTypes<'p> for Before<'_, 'p> {
    fn program(&self) -> &'p Program {
        self.program
    }

    fn register(&mut self, reg: Reg) -> Type {
        self.registers.get(reg.index()).copied().unwrap_or(Type::ANY)
    }

    fn identities(&mut self, set: IdSet) -> Option<Vec<Identity>> {
        self.types.identities(set).map(<[Identity]>::to_vec)
    }

    fn items(&mut self, class: ClassId) -> Tags {
        self.types.slot(class, Slot::Item).tags
    }

    fn may_have_side_fields(&mut self, def: StructId) -> bool {
        !never_has_side_fields(self.types, self.program, def)
    }

    fn builtin(&self, builtin: BuiltinId) -> Option<&'static BuiltinSpec> {
        let used = self.program.builtins.get(builtin.index())?;
        let text = |id| self.program.strings.get(id);
        find_builtin(text(used.module)?, text(used.name)?).map(|row| &BUILTINS[row])
    }
}

/// Whether no instance of a struct has fields that its layout does not name.
fn never_has_side_fields(types: &CheckedTypes, program: &Program, def: StructId) -> bool {
    // Their type comes behind those that the layout names.
    types.field(def, program.structs[def.index()].fields.len() as u32).is_never()
}

/// What facts say of an instruction.
struct Known {
    proved: TypeFeedback,
    expected: TypeFeedback,
}

/// What an instruction meets where it succeeds: no void, if that makes it fail, unless it is void for certain.
fn where_it_succeeds(op: Op, proved: TypeFeedback) -> TypeFeedback {
    let able = |tags: TagSet, fails: bool| if fails && tags.count() > 1 { tags.without(Tag::Void) } else { tags };
    let (first_fails, second_fails) = fails_on_void(&op);
    TypeFeedback { a: able(proved.a, first_fails), b: able(proved.b, second_fails), ..proved }
}

/// The types a value of a static type may have; none if it may have any, of which nothing follows.
fn tags_of(ty: Type) -> TagSet {
    let mut tags = TagSet::default();
    if ty != Type::ANY {
        let possible = ALL_TAGS.into_iter().filter(|tag: &Tag| tag.kind().meets(ty.tags));
        possible.for_each(|tag| tags.add(tag));
    }
    tags
}
