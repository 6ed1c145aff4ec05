//! Objects that native code makes itself.

use super::env::{ListFacts, Typed};
use super::{Builder, Built, Goes};
use crate::bytecode::op::window::{MethodCall, New};
use crate::bytecode::{CaptureSource, FuncId, Op, Reg, StructId};
use crate::facts::native_forms::MOST_ITEMS;
use crate::jit::ir::{ExitReason, Inst, Mem, Repr, Shape, Val};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Header, List, ObjKind, Storage};
use crate::runtime::value::Tag;

/// The most words that an object of a cell can have behind its header.
fn fits_cell(words: usize) -> bool {
    Heap::native_cell(size_of::<Header>() + words * size_of::<u64>()).is_some()
}

/// How many instructions are looked at for a push onto a list that is made empty.
const LOOKED_AT_TO_BE_FILLED: usize = 200;

impl Builder<'_> {
    /// `New`: an instance of a known struct, and the call of its `init`.
    pub(super) fn new_instance(&mut self, base: Reg, def: StructId) -> Built<Goes> {
        let class = self.vm.image().struct_objects[def.index()];
        let slots = self.vm.image().struct_def(def).fields.len();
        let init = self.vm.init_of_struct(def);
        let Ok(flags) = u16::try_from(slots) else { return self.step() };
        if class.tag() != Tag::Struct || !fits_cell(2 + 2 * slots) || init.is_some_and(|f| !self.is_called_directly(f))
        {
            return self.step();
        }
        let is_inlined = init.is_none_or(|init| self.is_inlinable(init));
        if !is_inlined {
            // What may be collected during the call goes home before there is the instance.
            let op = self.op();
            self.prepare_step(&op)?;
        }
        let exit = self.exit(ExitReason::Throw);
        let (class, none, undef) = (self.int(class.int_bits()), self.int(0), self.int(Tag::Undef as i64));
        let mut words = vec![class, none];
        words.extend((0..slots).flat_map(|_| [undef, none]));
        let instance = self.make(Shape { kind: ObjKind::Instance, flags, aux: def.0 }, words);
        self.env.instances.push((instance, def));
        self.region.struct_slots.insert(def.0, slots);
        let value = Typed::Known(Tag::Instance, instance);
        let register = self.home(base);
        match init {
            None => self.env.kill_from(register + 1),
            Some(init) => {
                self.set(base.above(New::SELF), value);
                self.set(base, value);
                if is_inlined {
                    let goes = self.inline_above(base, New::SELF, init)?;
                    self.env.kill_from(register + 1);
                    return Ok(goes);
                }
                self.write_home(self.home(base.above(New::SELF)));
                self.write_home(register);
                self.call_native(self.home(base.above(New::SELF)), init, None, exit)?;
                self.lists_change();
                self.env.kill_from(register + 1);
            }
        }
        self.set(base, value);
        self.check_size()?;
        Ok(Goes::On)
    }

    /// `dst =` a new cell that holds `src`.
    pub(super) fn new_cell(&mut self, dst: Reg, src: Reg) -> Built<Goes> {
        let value = self.get(src)?;
        let (tag, payload) = self.parts(value);
        let cell = self.make(Shape { kind: ObjKind::Cell, flags: 0, aux: 0 }, vec![tag, payload]);
        self.set(dst, Typed::Known(Tag::Cell, cell));
        Ok(Goes::On)
    }

    /// `dst =` a closure of a function over what its capture list names.
    pub(super) fn make_closure(&mut self, dst: Reg, func: FuncId) -> Built<Goes> {
        let program = self.program;
        let captures = &program.functions[func.index()].captures;
        if !fits_cell(1 + 2 * captures.len()) {
            return self.step();
        }
        let mut words = vec![self.int(captures.len() as i64)];
        for source in captures {
            let value = match *source {
                CaptureSource::Register(reg) => self.get(reg)?,
                CaptureSource::Capture(capture) => match self.capture(capture, None) {
                    Some(value) => value,
                    None => return self.step(),
                },
            };
            let (tag, payload) = self.parts(value);
            words.extend([tag, payload]);
        }
        let closure = self.make(Shape { kind: ObjKind::Closure, flags: 0, aux: func.0 }, words);
        self.set(dst, Typed::Known(Tag::Closure, closure));
        Ok(Goes::On)
    }

    /// `dst =` a tuple of the items from `base` up.
    pub(super) fn make_tuple(&mut self, dst: Reg, base: Reg, count: u16) -> Built<Goes> {
        if !fits_cell(1 + 2 * usize::from(count)) {
            return self.step();
        }
        let mut words = vec![self.int(count.into())];
        for index in 0..count {
            let item = self.get(base.above(index))?;
            let (tag, payload) = self.parts(item);
            words.extend([tag, payload]);
        }
        let tuple = self.make(Shape { kind: ObjKind::Tuple, flags: 0, aux: 0 }, words);
        self.set(dst, Typed::Known(Tag::Tuple, tuple));
        Ok(Goes::On)
    }

    /// `dst = a..b`.
    pub(super) fn make_range(&mut self, dst: Reg, a: Reg, b: Reg) -> Built<Goes> {
        let feedback = *self.feedback();
        let (a, b) = (self.operand(a, feedback.a)?, self.operand(b, feedback.b)?);
        let (Some(start), Some(end)) = (a.as_tag(Tag::Int), b.as_tag(Tag::Int)) else { return self.step() };
        let range = self.make(Shape { kind: ObjKind::Range, flags: 0, aux: 0 }, vec![start, end]);
        self.set(dst, Typed::Known(Tag::Range, range));
        Ok(Goes::On)
    }

    /// `dst =` a list of the items from `base` up, in the storage that their types make certain.
    pub(super) fn make_list(&mut self, dst: Reg, base: Reg, count: u16) -> Built<Goes> {
        if count > MOST_ITEMS {
            return self.step();
        }
        let items = (0..count).map(|index| self.get(base.above(index))).collect::<Built<Vec<Typed>>>()?;
        let storage = if items.is_empty() { Some(self.storage_to_come()) } else { storage_of_all(&items) };
        let Some(storage) = storage else { return self.step() };
        let mut words = Vec::new();
        for item in items {
            match (storage, item) {
                (Storage::Values, _) | (_, Typed::Any { .. }) => {
                    let (tag, payload) = self.parts(item);
                    words.extend([tag, payload]);
                }
                (_, Typed::Known(_, payload)) => words.push(payload),
            }
        }
        let room = if count == 0 && self.is_filled_later(dst) { List::ROOM_TO_FILL } else { 0 };
        let list = self.make(Shape { kind: ObjKind::List, flags: storage as u16, aux: room as u32 }, words);
        self.set(dst, Typed::Known(Tag::List, list));
        if count > 0 {
            let len = self.int(count.into());
            let data = self.load(Mem::Header, list, List::DATA_OFFSET as i32, Repr::I64);
            self.env.lists.push((list, ListFacts { storage, len, data }));
        }
        Ok(Goes::On)
    }

    /// The storage that an empty list is made with: what it will hold as far as facts tell, so that the first element
    /// is like the others.
    fn storage_to_come(&self) -> Storage {
        self.proof().storage.one().unwrap_or(Storage::Ints)
    }

    /// Whether instructions that come soon push onto the list that is about to be in a register, as far as the code
    /// tells without being followed.
    fn is_filled_later(&self, list: Reg) -> bool {
        let end = self.program.functions[self.context.func.index()].code.range().end;
        let next = self.pc as usize + 1;
        let mut receivers = Vec::new();
        self.program.code[next..end.min(next + LOOKED_AT_TO_BE_FILLED)].iter().any(|op| match *op {
            Op::Move { dst, src } if src == list => {
                receivers.push(dst);
                false
            }
            Op::CallMethod { base, site, .. } if receivers.contains(&base.above(MethodCall::RECEIVER)) => {
                self.vm.site_name(self.context.func, site) == "push"
            }
            _ => false,
        })
    }

    /// An object of a cell: the words that follow its header are given.
    pub(super) fn make(&mut self, shape: Shape, words: Vec<Val>) -> Val {
        let exit = self.exit(ExitReason::Safepoint);
        self.push(Inst::Make { shape, words, exit }, Repr::I64)
    }
}

/// The storage that a list of these items has; `None` if that depends on types which only running shows.
fn storage_of_all(items: &[Typed]) -> Option<Storage> {
    let mut storages = items.iter().map(|item| item.tag().map(Storage::of_tag));
    let Some(first) = storages.next() else { return Some(Storage::Ints) };
    storages.try_fold(first?, |all, storage| Some(if storage? == all { all } else { Storage::Values }))
}
