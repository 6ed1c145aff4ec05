//! Lists: element access, appending, iteration.
//!
//! Storage, length and buffer of a list are facts until something may change lists. Where nothing in a loop does, they
//! are established in its preheader.

use super::env::{Env, ListFacts, Slot, Typed};
use super::loops::ExitSource;
use super::objects::STATE;
use super::{Builder, Built, Goes, LoopKey, Refusal, Stop, VM};
use crate::bytecode::op::shape::Over;
use crate::bytecode::op::window::Iter;
use crate::bytecode::{Op, Reg};
use crate::facts::native_forms::MOST_COMPARED;
use crate::jit::feedback::{ALL_TAGS, Seen, TagSet};
use crate::jit::helpers::{Helper, Status};
use crate::jit::ir::{
    Binary, Compare, Element, ExitReason, Inst, Mem, MemSet, Repr, Shape, Terminator, Unary, Val, Width,
};
use crate::runtime::object::{List, ObjKind, Range, Storage, Tuple};
use crate::runtime::value::Tag;

fn element_tag(storage: Storage) -> Option<Tag> {
    match storage {
        Storage::Ints => Some(Tag::Int),
        Storage::Floats => Some(Tag::Float),
        Storage::Bools => Some(Tag::Bool),
        Storage::Values => None,
    }
}

pub(super) fn storage_for(value: Typed) -> Option<Storage> {
    value.tag().map(Storage::of_tag)
}

fn tag_numbered(number: i64) -> Option<Tag> {
    ALL_TAGS.into_iter().find(|tag| *tag as i64 == number)
}

impl Builder<'_> {
    /// Something just may have changed any list.
    pub(super) fn lists_change(&mut self) {
        self.env.lists.clear();
        let mut enclosing = self.current_loop;
        while let Some(index) = enclosing {
            let state = &mut self.loops[index];
            if self.plan.lists_change.insert(state.key) {
                self.again = true;
            }
            enclosing = state.parent;
        }
    }

    pub(super) fn lists_may_change(&self, key: LoopKey) -> bool {
        self.plan.lists_change.contains(&key)
    }

    fn known_facts(&self, list: Val) -> Option<ListFacts> {
        let here = self.env.list_facts(list);
        here.or_else(|| {
            let mut enclosing = self.current_loop;
            while let Some(index) = enclosing {
                let state = &self.loops[index];
                if self.plan.lists_change.contains(&state.key) {
                    return None;
                }
                if let Some((_, facts)) = state.lists.iter().find(|(known, _)| *known == list) {
                    return Some(*facts);
                }
                enclosing = state.parent;
            }
            None
        })
    }

    /// Length and buffer of a list whose storage is as seen.
    pub(super) fn list_facts(&mut self, list: Val, storage: Storage) -> ListFacts {
        if let Some(facts) = self.known_facts(list)
            && facts.storage == storage
        {
            return facts;
        }
        // How a list keeps its elements does not follow from facts: while it has none, as elements of any type. Nothing
        // is asked of it where the loop begins for the sake of code that was never come to.
        let target = match self.is_reached() {
            true => self.hoist_target(&[list], |key| !self.plan.lists_change.contains(&key)),
            false => None,
        };
        match target {
            Some(index) => {
                let facts = self.in_preheader(index, |builder, source| builder.load_facts(list, storage, source));
                self.loops[index].lists.push((list, facts));
                facts
            }
            None => {
                let facts = self.load_facts(list, storage, ExitSource::Here);
                self.env.lists.push((list, facts));
                facts
            }
        }
    }

    fn load_facts(&mut self, list: Val, storage: Storage, source: ExitSource) -> ListFacts {
        self.guard_storage(list, storage, self.feedback().empty, source);
        self.facts_unguarded(list, storage)
    }

    /// Checks how a list keeps its elements. One that was made empty and is still may be as good as any: nothing is
    /// read of it.
    pub(super) fn guard_storage(&mut self, list: Val, storage: Storage, or_empty: bool, source: ExitSource) {
        let exit = self.exit_from(source, ExitReason::Storage);
        let mut suits = self.storage_is(list, storage);
        if or_empty {
            let (len, zero) = (self.header_word(list, List::LEN_OFFSET), self.int(0));
            let is_empty = self.push(Inst::Icmp(Compare::Eq, len, zero), Repr::Bool);
            suits = self.push(Inst::Binary(Binary::BoolOr, suits, is_empty), Repr::Bool);
        }
        self.guard(suits, true, exit);
    }

    /// The facts of a list that is known to keep its elements so.
    pub(super) fn facts_unguarded(&mut self, list: Val, storage: Storage) -> ListFacts {
        let (len, data) = (List::LEN_OFFSET, List::DATA_OFFSET);
        ListFacts { storage, len: self.header_word(list, len), data: self.header_word(list, data) }
    }

    pub(super) fn storage_is(&mut self, list: Val, storage: Storage) -> Val {
        let offset = List::STORAGE_OFFSET as i32;
        let load = Inst::Load { mem: Mem::Header, base: list, offset, repr: Repr::I64, width: Width::U16 };
        let found = self.push(load, Repr::I64);
        let wanted = self.int(storage as i64);
        self.push(Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool)
    }

    pub(super) fn header_word(&mut self, object: Val, offset: usize) -> Val {
        self.load(Mem::Header, object, offset as i32, Repr::I64)
    }

    pub(super) fn list_len(&mut self, list: Val) -> Val {
        match self.known_facts(list) {
            Some(facts) => facts.len,
            None => self.header_word(list, List::LEN_OFFSET),
        }
    }

    /// The index as a position, guarded to lie in the list. `None` if it cannot be an int.
    pub(super) fn position(&mut self, reg: Reg, len: Val) -> Built<Option<Val>> {
        let feedback = *self.feedback();
        let index = self.operand(reg, feedback.b)?;
        let Some(index) = index.as_tag(Tag::Int) else { return Ok(None) };
        let index = self.index_from_start(index, len);
        let inside = self.push(Inst::Icmp(Compare::Below, index, len), Repr::Bool);
        let exit = self.exit(ExitReason::Bounds);
        self.guard(inside, true, exit);
        Ok(Some(index))
    }

    /// An index counted from the start, if one was seen that counts from the end; as it is otherwise.
    pub(super) fn index_from_start(&mut self, index: Val, len: Val) -> Val {
        if !self.feedback().negative {
            return index;
        }
        let from_end = self.int_binary(Binary::Iadd, index, len);
        if let Some(constant) = self.const_int(index) {
            return if constant < 0 { from_end } else { index };
        }
        let zero = self.int(0);
        let negative = self.push(Inst::Icmp(Compare::Lt, index, zero), Repr::Bool);
        self.push(Inst::Select(negative, from_end, index), Repr::I64)
    }

    /// `dst = object[index]`.
    pub(super) fn get_index(&mut self, dst: Reg, object: Reg, index: Reg) -> Built<Goes> {
        let feedback = *self.feedback();
        let object = self.operand(object, feedback.a)?;
        if let Some(list) = object.as_tag(Tag::List)
            && let Some(range) = self.operand(index, feedback.b)?.as_tag(Tag::Range)
        {
            self.slice_list(dst, list, range);
            return Ok(Goes::On);
        }
        // A list that has been empty whenever it was looked at may be of any storage.
        if let (Some(list), Seen::Many | Seen::Nothing) = (object.as_tag(Tag::List), feedback.storage) {
            let Some(index) = self.operand(index, feedback.b)?.as_tag(Tag::Int) else { return self.step() };
            self.call_to_be_done(Helper::ListItem, vec![VM, list, index], STATE);
            self.take_result(dst);
            return Ok(Goes::On);
        }
        let (Some(list), Some(storage)) = (object.as_tag(Tag::List), feedback.storage.one()) else {
            return self.index_object(dst, object, index);
        };
        match self.operand(index, feedback.b)? {
            Typed::Known(Tag::Int, _) => {}
            _ => return self.step(),
        }
        let facts = self.list_facts(list, storage);
        let Some(position) = self.position(index, facts.len)? else { return self.step() };
        let value = self.element_seen(facts, position);
        self.set(dst, value);
        Ok(Goes::On)
    }

    /// An element of a list, of the type that was seen. Reading it has no effect, so where it has another one the
    /// instruction may simply be executed again.
    fn element_seen(&mut self, facts: ListFacts, index: Val) -> Typed {
        match self.element(facts, index, self.feedback().result.single()) {
            (Typed::Any { tag: found, payload }, Some(tag)) => {
                let exit = self.exit(ExitReason::Type);
                self.guard_type(found, tag, self.proof().result, exit);
                self.unpack(tag, payload)
            }
            (value, _) => value,
        }
    }

    /// An element of a list, and the type it must be guarded to have, if it is open and only one was seen.
    pub(super) fn element(&mut self, facts: ListFacts, index: Val, seen: Option<Tag>) -> (Typed, Option<Tag>) {
        let data = facts.data;
        let (element, repr) = match facts.storage {
            Storage::Ints => (Element::Int, Repr::I64),
            Storage::Floats => (Element::Float, Repr::F64),
            Storage::Bools => (Element::Bool, Repr::Bool),
            Storage::Values => {
                let tag = self.push(Inst::LoadElement { element: Element::ValueTag, data, index }, Repr::I64);
                let payload = self.push(Inst::LoadElement { element: Element::ValuePayload, data, index }, Repr::I64);
                return (Typed::Any { tag, payload }, seen);
            }
        };
        let value = self.push(Inst::LoadElement { element, data, index }, repr);
        (Typed::Known(element_tag(facts.storage).expect("not boxed"), value), None)
    }

    /// `object[index] = value`.
    pub(super) fn set_index(&mut self, object: Reg, index: Reg, value: Reg) -> Built<Goes> {
        let feedback = *self.feedback();
        let object = self.operand(object, feedback.a)?;
        let value = self.get(value)?;
        let (Some(list), Some(storage)) = (object.as_tag(Tag::List), feedback.storage.one()) else {
            return self.set_index_of_object(object, index, value);
        };
        if storage != Storage::Values && storage_for(value) != Some(storage) {
            return self.step();
        }
        if self.operand(index, feedback.b)?.as_tag(Tag::Int).is_none() {
            return self.step();
        }
        let facts = self.list_facts(list, storage);
        let Some(position) = self.position(index, facts.len)? else { return self.step() };
        self.store_element(storage, facts.data, position, value);
        Ok(Goes::On)
    }

    fn store_element(&mut self, storage: Storage, data: Val, index: Val, value: Typed) {
        let element = match (storage, value) {
            (Storage::Ints, Typed::Known(_, payload)) => (Element::Int, payload),
            (Storage::Floats, Typed::Known(_, payload)) => (Element::Float, payload),
            (Storage::Bools, Typed::Known(_, payload)) => (Element::Bool, payload),
            _ => {
                let (tag, payload) = self.parts(value);
                self.effect(Inst::StoreElement { element: Element::ValueTag, data, index, value: tag });
                (Element::ValuePayload, payload)
            }
        };
        self.effect(Inst::StoreElement { element: element.0, data, index, value: element.1 });
    }

    /// `list.push(value)`: in place while there is room in a storage that suits, else by the run time.
    pub(super) fn push_element(&mut self, base: Reg, list: Val, value: Reg) -> Built<Goes> {
        let seen = self.feedback().storage.one();
        let value = self.get(value)?;
        let storage = match (seen, storage_for(value)) {
            (Some(Storage::Values), _) | (_, None) => Storage::Values,
            (_, Some(storage)) => storage,
        };
        self.lists_change();
        let suits = self.storage_is(list, storage);
        let len = self.header_word(list, List::LEN_OFFSET);
        self.append(list, len, Some(suits), storage, value);
        let void = self.int(0);
        self.set(base, Typed::Known(Tag::Void, void));
        Ok(Goes::On)
    }

    /// Appends a value to a list of so many elements, which `suits` tells to keep them in this way, or which certainly
    /// does. What is known of other lists stays as it is.
    pub(super) fn append(&mut self, list: Val, len: Val, suits: Option<Val>, storage: Storage, value: Typed) {
        let cap = self.header_word(list, List::CAP_OFFSET);
        let room = self.push(Inst::Icmp(Compare::Below, len, cap), Repr::Bool);
        let fits = match suits {
            Some(suits) => self.push(Inst::Binary(Binary::BoolAnd, room, suits), Repr::Bool),
            None => room,
        };
        let exit = self.exit(ExitReason::Safepoint);

        let (fast, slow) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(fits, fast, slow));
        let env = self.env.clone();

        self.current = fast;
        let data = self.header_word(list, List::DATA_OFFSET);
        self.store_element(storage, data, len, value);
        let one = self.int(1);
        let longer = self.push(Inst::Binary(Binary::Iadd, len, one), Repr::I64);
        let offset = List::LEN_OFFSET as i32;
        self.effect(Inst::Store { mem: Mem::Header, base: list, offset, value: longer });

        self.current = slow;
        let (tag, payload) = self.parts(value);
        let status = self.call(Helper::ListPush, vec![VM, list, tag, payload], MemSet::LISTS.with(MemSet::of(Mem::Vm)));
        let done = self.is_status(status, Status::Next);
        self.guard(done, true, exit);

        let done = self.new_block();
        for block in [fast, slow] {
            self.region.block_mut(block).end = Terminator::Jump(done, Vec::new());
        }
        (self.current, self.env) = (done, env);
    }

    /// `list.pop()`: in place if it was seen how the list keeps its elements.
    pub(super) fn pop_element(&mut self, base: Reg, list: Val) {
        let above = self.home(base) + 1;
        let Some(storage) = self.feedback().storage.one() else {
            self.call_to_be_done(Helper::ListPop, vec![VM, list], MemSet::LISTS.with(MemSet::of(Mem::Vm)));
            self.lists_change();
            self.env.kill_from(above);
            return self.take_result(base);
        };
        let facts = self.list_facts(list, storage);
        let has_any = self.push(Inst::Unary(Unary::BitsToBool, facts.len), Repr::Bool);
        let exit = self.exit(ExitReason::Bounds);
        self.guard(has_any, true, exit);
        let one = self.int(1);
        let last = self.push(Inst::Binary(Binary::Isub, facts.len, one), Repr::I64);
        let value = self.element_seen(facts, last);
        let offset = List::LEN_OFFSET as i32;
        self.effect(Inst::Store { mem: Mem::Header, base: list, offset, value: last });
        self.lists_change();
        self.env.kill_from(above);
        self.set(base, value);
    }

    /// `list[a..b]`.
    fn slice_list(&mut self, dst: Reg, list: Val, range: Val) {
        let start = self.load(Mem::Header, range, Range::START_OFFSET as i32, Repr::I64);
        let end = self.load(Mem::Header, range, Range::END_OFFSET as i32, Repr::I64);
        let slice = self.call_for_object(Helper::ListSlice, vec![VM, list, start, end]);
        self.set(dst, Typed::Known(Tag::List, slice));
    }

    /// A list that many times over. Of one with a single item that was made for this alone, only the item is needed.
    pub(super) fn repeat_list(&mut self, list: Val, count: Val) -> Val {
        match self.items_of_new(list).as_deref() {
            Some(&[item]) => {
                let (tag, payload) = self.parts(item);
                self.call_for_object(Helper::ListFilled, vec![VM, tag, payload, count])
            }
            _ => self.call_for_object(Helper::ListRepeat, vec![VM, list, count]),
        }
    }

    /// The least item of a list that was made for this alone, or the greatest, as with `[a, b].min()`: the list is not
    /// needed. `None` if the items are not all ints, or all floats.
    pub(super) fn extreme_of_new(&mut self, list: Val, wanted: Compare) -> Option<Typed> {
        let items = self.items_of_new(list)?;
        let (&best, others) = items.split_first()?;
        others.iter().try_fold(best, |best, &item| {
            // Of equal items the first is taken, and so it is beside what is no number.
            let (tag, better, item, best) = match (item, best) {
                (Typed::Known(Tag::Int, item), Typed::Known(Tag::Int, best)) => {
                    (Tag::Int, self.push(Inst::Icmp(wanted, item, best), Repr::Bool), item, best)
                }
                (Typed::Known(Tag::Float, item), Typed::Known(Tag::Float, best)) => {
                    (Tag::Float, self.push(Inst::Fcmp(wanted, item, best), Repr::Bool), item, best)
                }
                _ => return None,
            };
            let repr = self.region.repr(item);
            Some(Typed::Known(tag, self.push(Inst::Select(better, item, best), repr)))
        })
    }

    /// Whether one of a few items equals a value, of a list or tuple that was made for this alone, as with
    /// `x in [a, b]`: that is not needed. `None` if they are of types that only the runtime compares.
    pub(super) fn contained_in_new(&mut self, object: Val, value: Typed) -> Option<Val> {
        let items = self.items_of_new(object).filter(|items| items.len() <= MOST_COMPARED)?;
        let none = self.truth(false);
        items.into_iter().try_fold(none, |found, item| {
            let same = match (value.as_tag(Tag::Str), item.as_tag(Tag::Str)) {
                (Some(text), Some(item)) if self.is_known_text(item) => self.compare_texts(Compare::Eq, text, item),
                _ => self.comparison(Compare::Eq, value, item)?,
            };
            Some(self.push(Inst::Binary(Binary::BoolOr, found, same), Repr::Bool))
        })
    }

    /// The items of a list or tuple that was made in the current block, if nothing that came since may have changed it.
    fn items_of_new(&mut self, object: Val) -> Option<Vec<Typed>> {
        let (shape, words) = self.made_in_block(object)?;
        let words = match (shape.kind, Storage::numbered(shape.flags)) {
            (ObjKind::Tuple, _) => &words[1..],
            (ObjKind::List, Storage::Values) => &words,
            (ObjKind::List, storage) => {
                let tag = element_tag(storage)?;
                return Some(words.into_iter().map(|payload| Typed::Known(tag, payload)).collect());
            }
            _ => return None,
        };
        let mut typed = |tag: Val, payload: Val| match self.const_int(tag).and_then(tag_numbered) {
            Some(tag @ (Tag::Float | Tag::Bool)) => self.unpack(tag, payload),
            Some(tag) => Typed::Known(tag, payload),
            None => Typed::Any { tag, payload },
        };
        Some(words.chunks_exact(2).map(|pair| typed(pair[0], pair[1])).collect())
    }

    /// How an object was made in the current block, if nothing that came since may have changed it.
    fn made_in_block(&self, object: Val) -> Option<(Shape, Vec<Val>)> {
        for (result, inst) in self.region.block(self.current).insts.iter().rev() {
            match inst {
                Inst::Make { shape, words, .. } if *result == Some(object) => return Some((*shape, words.clone())),
                Inst::StoreElement { .. } | Inst::Call { .. } | Inst::CallFunction { .. } => return None,
                Inst::Store { mem: Mem::Header, .. } => return None,
                _ => {}
            }
        }
        None
    }

    /// Whether an iteration has a native form: over a list whose storage was seen, or over an ASCII text.
    pub(super) fn native_iteration(&mut self, op: Op, base: Reg) -> bool {
        let feedback = self.feedback();
        let tag = match self.env.register(self.home(base)) {
            Slot::Value { value, .. } => value.tag(),
            _ => None,
        };
        match (op.as_iteration().map(|step| step.over), tag) {
            (Some(Over::Items), Some(Tag::List)) => feedback.storage.one().is_some(),
            (Some(Over::Items), Some(Tag::Str)) => feedback.ascii.one() == Some(true),
            (Some(Over::Pairs), Some(Tag::List)) => {
                feedback.storage.one() == Some(Storage::Values) && feedback.b.single() == Some(Tag::Tuple)
            }
            _ => false,
        }
    }

    /// The condition and the environments of a step of `for x in v`.
    pub(super) fn iterate(&mut self, op: Op, base: Reg, starts: bool) -> Built<Option<(Val, Env, Env)>> {
        let feedback = *self.feedback();
        let iterable = self.operand(base, feedback.a)?;
        // What may call Walrus code is not gone through unseen: it would never be improved.
        let calls = !iterable.tag().is_some_and(|tag| TagSet::PLAIN_ITERABLES.contains(tag));
        if calls && !self.is_reached() {
            self.unseen();
            return Ok(None);
        }
        if let Some(step) = self.iterate_by_next(op, base, starts)? {
            return Ok(Some(step));
        }
        let position_reg = base.above(Iter::POSITION);
        let is_native = self.native_iteration(op, base);
        let position = match (starts, is_native) {
            (true, true) => Some(self.int(0)),
            (false, true) => self.get(position_reg)?.as_tag(Tag::Int),
            _ => None,
        };
        let Some(position) = position else {
            if is_native {
                let exit = self.exit(ExitReason::Leaves);
                self.finish(Terminator::Exit(exit));
                return Ok(None);
            }
            let status = match self.iterate_by_helper(op, base)? {
                Some(status) => status,
                None => self.step_jump()?,
            };
            return Ok(Some((status, self.env.clone(), self.env.clone())));
        };
        let len = match (iterable, feedback.storage.one()) {
            (Typed::Known(Tag::List, list), Some(storage)) => self.list_facts(list, storage).len,
            (Typed::Known(Tag::Str, text), _) if let Some(facts) = self.text_facts(text) => facts.len,
            _ => unreachable!("a native iteration is over one of these"),
        };
        let more = self.push(Inst::Icmp(Compare::Below, position, len), Repr::Bool);
        // State registers are written when the loop starts, whether or not there is an item.
        if starts {
            let zero = self.int(0);
            self.set(position_reg, Typed::Known(Tag::Int, zero));
            self.set(base.above(Iter::VERSION), Typed::Known(Tag::Int, zero));
        }
        let jumps = if starts { self.not(more) } else { more };
        Ok(Some((jumps, self.env.clone(), self.env.clone())))
    }

    /// Takes the item and moves the position, on the edge of a native iteration that leads into the loop's body.
    pub(super) fn take_item(&mut self, base: Reg, over: Over) -> Built<()> {
        let feedback = *self.feedback();
        let seen = if over == Over::Pairs { Some(Tag::Tuple) } else { feedback.result.single() };
        let (position_reg, item_reg) = (base.above(Iter::POSITION), base.above(Iter::ITEM));
        let Some(position) = self.get(position_reg)?.as_tag(Tag::Int) else {
            return Err(Stop::Refused(Refusal::Untranslatable));
        };
        let (value, guard) = match (self.get(base)?, feedback.storage.one()) {
            (Typed::Known(Tag::List, list), Some(storage)) => {
                let facts = self.list_facts(list, storage);
                self.element(facts, position, seen)
            }
            (Typed::Known(Tag::Str, text), _) if let Some(facts) = self.text_facts(text) => {
                (self.char_at(facts, position), None)
            }
            _ => return Err(Stop::Refused(Refusal::Untranslatable)),
        };
        let value = match (value, guard) {
            (Typed::Any { tag, payload }, Some(wanted)) => {
                // Nothing the instruction does not write again has been written: the interpreter takes the step once
                // more.
                let proof = if over == Over::Pairs { TagSet::default() } else { self.proof().result };
                let exit = self.exit(ExitReason::Type);
                self.guard_type(tag, wanted, proof, exit);
                self.unpack(wanted, payload)
            }
            (value, _) => value,
        };
        let pair = value.as_tag(Tag::Tuple).filter(|_| over == Over::Pairs);
        let parts = pair.map(|tuple| self.parts_of_pair(tuple));
        let one = self.int(1);
        let next = self.int_binary(Binary::Iadd, position, one);
        self.set(position_reg, Typed::Known(Tag::Int, next));
        let Some((first, second)) = parts else {
            self.set(item_reg, value);
            return Ok(());
        };
        self.set(item_reg, first);
        self.set(base.above(Iter::SECOND), second);
        Ok(())
    }

    /// The parts of an item that is a tuple of two, each of the type that was seen. Leaves before anything is written
    /// if it is another.
    fn parts_of_pair(&mut self, tuple: Val) -> (Typed, Typed) {
        let feedback = *self.feedback();
        let len = self.length_at(tuple, Tuple::LEN_OFFSET);
        let two = self.int(2);
        let is_pair = self.push(Inst::Icmp(Compare::Eq, len, two), Repr::Bool);
        let exit = self.exit(ExitReason::Bounds);
        self.guard(is_pair, true, exit);
        let proof = self.proof();
        let mut part = |index: usize, seen: TagSet, proof: TagSet| {
            let part = self.item_of_pair(tuple, index);
            self.of_seen_type(part, seen, proof).unwrap_or(part)
        };
        (part(0, feedback.result, proof.result), part(1, feedback.second, proof.second))
    }
}
