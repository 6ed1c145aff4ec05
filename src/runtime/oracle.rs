//! The judge of static types: runs a program and compares every value an instruction writes with what walrusc proved of
//! it.
//!
//! A testing mode (`walrus-run --check-facts`). The interpreter's loop has an instance that calls [`Oracle::judge`]
//! before each instruction; what the instruction before it wrote, and the registers a declared frame names, are looked
//! at there. The judge knows nothing of how types were inferred: it only asks whether a value is one of those a type
//! allows, and whether an instruction that by the types of its operands always fails has not.

use super::error::{Error, Result};
use super::heap::Heap;
use super::image::Image;
use super::object::{Gc, TaskState};
use super::stack::{Frame, Stack};
use super::value::{Tag, Value};
use crate::bytecode::op::access::Edge;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Slot, Tags, Type};
use crate::bytecode::{FuncId, Op, Reg};
use crate::facts::check::CheckedTypes;

/// How many items of a container are looked at, at each level.
const ITEMS: usize = 8;
/// How many levels of containers are looked into.
const LEVELS: u32 = 4;

/// See the module documentation.
pub struct Oracle {
    types: CheckedTypes,
    /// For each frame by depth: the instruction it executed last.
    last: Vec<Option<u32>>,
    /// Values compared with a type so far.
    checked: u64,
}

impl Oracle {
    pub fn new(types: CheckedTypes) -> Oracle {
        Oracle { types, last: Vec::new(), checked: 0 }
    }

    /// Another task's frames take the place of those that were looked at.
    pub(super) fn forget_frames(&mut self) {
        self.last.clear();
    }

    /// How many values were compared.
    pub fn checked(&self) -> u64 {
        self.checked
    }
}

/// What the judge looks at.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) image: &'a Image,
    pub(super) stack: &'a Stack,
    pub(super) heap: &'a Heap,
    pub(super) globals: &'a [Value],
}

impl Oracle {
    /// The top frame is about to execute the instruction at `pc`.
    pub(super) fn judge(&mut self, seen: Seen, frame: &Frame, pc: u32) -> Result<()> {
        let depth = seen.stack.depth();
        self.last.resize(depth + 1, None);
        // SAFETY: a frame's function lives as long as the image.
        let function = unsafe { &*frame.function };
        let start = seen.image.program.functions[function.id.index()].code.start;
        let is_entry = pc == start;
        let caught = function.handlers.iter().any(|handler| handler.target + start == pc);
        // An instruction that wanted memory has written nothing yet. Only a jump comes to itself in other ways.
        let is_repeated = |before| before == pc && seen.image.program.code[pc as usize].jump_offset().is_none();
        if let Some(before) = self.last[depth]
            && !is_entry
            && !caught
            && !is_repeated(before)
        {
            self.judge_written(seen, frame, before, pc)?;
        }
        self.last[depth] = Some(pc);
        let declared: Vec<(Reg, Type)> = self.types.frame(pc).unwrap_or_default().to_vec();
        for (register, ty) in declared {
            // The error register of a handler, iterator state and the like are declared with types that no value has to
            // have.
            if ty.tags.meets(Tags::ITER) {
                continue;
            }
            let value = read(frame, register);
            // What stands for an argument that is left out has no type.
            if value.tag() == Tag::Undef {
                continue;
            }
            self.expect(seen, value, ty, pc, || format!("register {} at a declared frame", register.0))?;
        }
        Ok(())
    }

    /// Looks at what the instruction at `before` has written, now that control is at `pc`.
    fn judge_written(&mut self, seen: Seen, frame: &Frame, before: u32, pc: u32) -> Result<()> {
        let op = seen.image.program.code[before as usize];
        if self.types.always_fails(before) {
            let place = place_of(seen, before);
            return Err(Error::fatal(format!(
                "A proven fact does not hold: {} did not fail (instruction {before}, {place})",
                op.info().name
            )));
        }
        let jumped = op.jump_offset().is_some_and(|offset| i64::from(before) + 1 + i64::from(offset) == i64::from(pc));
        let edge = if jumped { Edge::Taken } else { Edge::FallThrough };
        if let Op::SetGlobal { global, .. } = op {
            let value = seen.globals[global.index()];
            return self.expect(seen, value, self.types.global(global), before, || format!("global {}", global.0));
        }
        // What stands for an argument that is left out has no type, nor has what stands for a method.
        let is_absent = match op {
            Op::LoadAbsent { .. } => true,
            Op::FindMethod { dst, .. } => read(frame, dst).is_undef(),
            _ => false,
        };
        if op.effects().ends || is_absent {
            return Ok(());
        }
        for register in op.writes_on(&seen.image.program, edge) {
            if let Some(ty) = self.types.written(op, before, register) {
                let value = read(frame, register);
                self.expect(seen, value, ty, before, || {
                    format!("what {} wrote to register {}", op.info().name, register.0)
                })?;
            }
        }
        Ok(())
    }

    fn expect(&mut self, seen: Seen, value: Value, ty: Type, pc: u32, what: impl Fn() -> String) -> Result<()> {
        self.checked += 1;
        if self.allows(seen, ty, value, LEVELS) {
            return Ok(());
        }
        let place = place_of(seen, pc);
        Err(Error::fatal(format!(
            "A proven fact does not hold: {} is {value:?}, which is not {:?} (instruction {pc}, {place})",
            what(),
            ty.tags
        )))
    }

    /// Whether a type allows a value, looking `levels` deep into containers.
    fn allows(&self, seen: Seen, ty: Type, value: Value, levels: u32) -> bool {
        if ty == Type::ANY {
            return true;
        }
        let tag = value.tag().kind();
        if !tag.meets(ty.tags) {
            return false;
        }
        self.identity_is_allowed(seen, ty, value)
            && (levels == 0 || self.contents_are_allowed(seen, ty.class, value, levels - 1))
    }

    fn identity_is_allowed(&self, seen: Seen, ty: Type, value: Value) -> bool {
        if ty.ids == IdSet::TOP {
            return true;
        }
        let Some(allowed) = self.types.identities(ty.ids) else { return true };
        let is_one = |kind: IdKind| allowed.contains(&kind.into());
        match value.tag() {
            Tag::Function => is_one(IdKind::Function(FuncId(value.bits() as u32))),
            Tag::Closure => value.as_closure().is_some_and(|closure| is_one(IdKind::Function(closure.func()))),
            Tag::Struct => value.as_struct().is_some_and(|object| is_one(IdKind::Struct(object.id()))),
            Tag::Instance => value.as_instance().is_some_and(|object| is_one(IdKind::Instance(object.struct_id()))),
            Tag::Module => value.as_module().is_some_and(|module| is_one(IdKind::Module(module))),
            Tag::Builtin => allowed.iter().filter_map(|id| id.unpack()).any(
                |kind| matches!(kind, IdKind::Builtin(builtin) if seen.image.builtin(builtin) == value.bits() as usize),
            ),
            _ => true,
        }
    }

    fn contents_are_allowed(&self, seen: Seen, class: ClassId, value: Value, levels: u32) -> bool {
        let slot = |slot| self.types.slot(class, slot);
        if let Some(list) = value.as_list() {
            let ty = slot(Slot::Item);
            return (0..list.len().min(ITEMS)).all(|i| self.allows(seen, ty, list.get(i), levels));
        }
        if let Some(tuple) = value.as_tuple() {
            let items = tuple.items().iter().enumerate().take(ITEMS);
            return items.into_iter().all(|(i, &item)| self.allows(seen, slot(Slot::part(i)), item, levels));
        }
        if let Some(dict) = value.as_dict() {
            let (key, item) = (slot(Slot::Key), slot(Slot::Value));
            return dict
                .entries(seen.heap)
                .take(ITEMS)
                .all(|(k, v)| self.allows(seen, key, k, levels) && self.allows(seen, item, v, levels));
        }
        if let Some(task) = value.as_task() {
            return task.state() != TaskState::Ready || self.allows(seen, slot(Slot::Value), task.result(), levels);
        }
        if let Some(cell) = value.as_cell() {
            let held = Gc::clone(&cell).get();
            return held.is_undef() || self.allows(seen, slot(Slot::Item), held, levels);
        }
        if let Some(instance) = value.as_instance() {
            let fields = seen.image.struct_def(instance.struct_id()).fields.len();
            return (0..fields).all(|field| {
                let held = instance.slot(field);
                held.is_undef() || self.allows(seen, self.types.field(instance.struct_id(), field as u32), held, levels)
            });
        }
        true
    }
}

fn place_of(seen: Seen, pc: u32) -> String {
    seen.image.span_at(pc).and_then(|span| seen.image.place(span)).unwrap_or_default()
}

fn read(frame: &Frame, register: Reg) -> Value {
    // Facts that passed the check name registers of the function's window only.
    frame.base.get(register.0)
}
