//! Strings, tuples and printing: helpers that are given what they need, so that the loop's values stay in machine
//! registers.
//!
//! A helper that could not do its work has had no effect; the code is left, and the interpreter executes the
//! instruction.

use std::rc::Rc;

use super::env::Typed;
use super::{BASE, Builder, Built, Goes, VM};
use crate::bytecode::op::shape::Operator;
use crate::bytecode::{Op, Reg, SiteId};
use crate::jit::feedback::TagSet;
use crate::jit::helpers::{Helper, Status};
use crate::jit::ir::{Binary, Compare, Element, ExitReason, Inst, Mem, MemSet, Repr, Unary, Val};
use crate::runtime::abi::layout;
use crate::runtime::object::{Dict, Str, Tuple};
use crate::runtime::value::{Tag, Value};

/// What most helpers write: figures of the heap, and the value they hand over.
pub(super) const STATE: MemSet = MemSet::of(Mem::Vm);

impl Builder<'_> {
    /// Calls a helper that gives an object, or 0.
    pub(super) fn call_for_object(&mut self, helper: Helper, args: Vec<Val>) -> Val {
        let exit = self.exit(ExitReason::Throw);
        let object = self.call(helper, args, STATE);
        let made = self.push(Inst::Unary(Unary::BitsToBool, object), Repr::Bool);
        self.guard(made, true, exit);
        object
    }

    /// Calls a helper that gives a status; goes on if it is [`Status::Next`].
    pub(super) fn call_to_be_done(&mut self, helper: Helper, args: Vec<Val>, writes: MemSet) {
        let exit = self.exit(ExitReason::Throw);
        let status = self.call(helper, args, writes);
        let done = self.is_status(status, Status::Next);
        self.go_on_if_done(done, exit);
    }

    /// Calls a helper that gives a status; whether it is [`Status::Jump`].
    pub(super) fn call_for_truth(&mut self, helper: Helper, args: Vec<Val>, writes: MemSet) -> Val {
        let exit = self.exit(ExitReason::Throw);
        let status = self.call(helper, args, writes);
        let has_exited = self.is_status(status, Status::Leave);
        self.guard(has_exited, false, exit);
        debug_assert_eq!((Status::Next as u64, Status::Jump as u64), (0, 1));
        self.push(Inst::Unary(Unary::BitsToBool, status), Repr::Bool)
    }

    /// Takes the value that a helper has handed over, of a known type if only one was seen.
    pub(super) fn take_result(&mut self, dst: Reg) {
        let (tag, payload) = self.result_words();
        self.take_value(dst, tag, payload);
    }

    /// Tag and payload of the value that a helper has handed over.
    pub(super) fn result_words(&mut self) -> (Val, Val) {
        let mut load = |offset: usize| self.load(Mem::Vm, VM, layout::RESULT + offset as i32, Repr::I64);
        (load(Value::TAG_OFFSET), load(Value::PAYLOAD_OFFSET))
    }

    /// Whether a helper has given this status.
    pub(super) fn is_status(&mut self, status: Val, wanted: Status) -> Val {
        let wanted = self.int(wanted as i64);
        self.push(Inst::Icmp(Compare::Eq, status, wanted), Repr::Bool)
    }

    /// Takes a value that an instruction has found, of a known type if only one was seen.
    pub(super) fn take_value(&mut self, dst: Reg, tag: Val, payload: Val) {
        self.set(dst, Typed::Any { tag, payload });
        let live = Rc::clone(&self.live);
        self.check_seen(
            dst,
            self.feedback().result.single(),
            self.proof().result,
            self.pc + 1,
            &live[self.live_at + 1],
        );
    }

    /// The address of a register.
    fn address(&mut self, reg: Reg) -> Val {
        let offset = self.int(i64::from(self.home(reg)) * size_of::<Value>() as i64);
        self.push(Inst::Binary(Binary::Iadd, BASE, offset), Repr::I64)
    }

    /// Writes registers home for a helper that is given their address.
    pub(super) fn write_window(&mut self, first: Reg, count: u16) -> Built<Val> {
        for register in first.0..first.0.saturating_add(count) {
            self.get(Reg(register))?;
            self.write_home(self.home(Reg(register)));
        }
        Ok(self.address(first))
    }

    pub(super) fn length_at(&mut self, object: Val, offset: usize) -> Val {
        self.load(Mem::Header, object, offset as i32, Repr::I64)
    }

    /// An operator that has no form of its own for these operands, unless they are strings or lists.
    pub(super) fn object_operator(&mut self, op: Operator, dst: Reg, x: Typed, y: Typed) -> Built<Goes> {
        let (Typed::Known(left, a), Typed::Known(right, b)) = (x, y) else { return self.step() };
        let (tag, object) = match (op, left, right) {
            (Operator::Add, Tag::Str, Tag::Str) => (Tag::Str, self.call_for_object(Helper::StrConcat, vec![VM, a, b])),
            (Operator::Add, Tag::List, Tag::List) => {
                (Tag::List, self.call_for_object(Helper::ListConcat, vec![VM, a, b]))
            }
            (Operator::Mul, Tag::List, Tag::Int) => (Tag::List, self.repeat_list(a, b)),
            (Operator::Mul, Tag::Int, Tag::List) => (Tag::List, self.repeat_list(b, a)),
            _ => return self.step(),
        };
        self.set(dst, Typed::Known(tag, object));
        Ok(Goes::On)
    }

    /// The truth of a comparison of strings, of values made of others, or of what is equal only to itself.
    pub(super) fn object_comparison(&mut self, op: Compare, x: Typed, y: Typed) -> Option<Val> {
        let (Typed::Known(tag, a), Typed::Known(other, b)) = (x, y) else { return None };
        if tag != other {
            return None;
        }
        let is_equality = matches!(op, Compare::Eq | Compare::Ne);
        match tag {
            Tag::Str => Some(self.compare_texts(op, a, b)),
            Tag::Function | Tag::Builtin | Tag::Module | Tag::Closure | Tag::Struct | Tag::Instance if is_equality => {
                Some(self.push(Inst::Icmp(op, a, b), Repr::Bool))
            }
            Tag::Tuple => Some(self.compare_tuples(op, a, b)),
            Tag::List => Some(self.compare_by_helper(op, x, y)),
            _ if is_equality => Some(self.compare_by_helper(op, x, y)),
            _ => None,
        }
    }

    /// The number that decides whether an object is truthy, if its type has one.
    pub(super) fn truth_count(&mut self, value: Typed) -> Option<Val> {
        let Typed::Known(tag, object) = value else { return None };
        let (mem, offset) = match tag {
            Tag::Str => (Mem::Constant, Str::LEN_OFFSET),
            Tag::Dict => (Mem::Dict, Dict::LEN_OFFSET),
            Tag::Tuple => (Mem::Header, Tuple::LEN_OFFSET),
            _ => return None,
        };
        Some(self.load(mem, object, offset as i32, Repr::I64))
    }

    /// `len` of a string, dict or tuple.
    pub(super) fn object_len(&mut self, value: Typed) -> Option<Val> {
        match value {
            Typed::Known(Tag::Str, text) => Some(self.text_len(text)),
            _ => self.truth_count(value),
        }
    }

    /// `object[index]` for anything but a list.
    pub(super) fn index_object(&mut self, dst: Reg, object: Typed, index: Reg) -> Built<Goes> {
        if let Some(text) = object.as_tag(Tag::Str) {
            return self.index_text(dst, text, index);
        }
        let index = self.operand(index, self.feedback().b)?;
        match (object, index.as_tag(Tag::Int)) {
            (Typed::Known(Tag::Dict, dict), _) => self.dict_get(dst, dict, index, None),
            (Typed::Known(Tag::Tuple, tuple), Some(index)) => {
                let len = self.length_at(tuple, Tuple::LEN_OFFSET);
                let index = self.index_from_start(index, len);
                let inside = self.push(Inst::Icmp(Compare::Below, index, len), Repr::Bool);
                let exit = self.exit(ExitReason::Bounds);
                self.guard(inside, true, exit);
                let (tag, payload) = match self.const_int(index).and_then(|n| i32::try_from(n).ok()?.checked_mul(16)) {
                    // Behind the check of the index, though it may be moved: the place is no element that a loop goes
                    // through.
                    Some(offset) => {
                        let offset = offset.saturating_add(Tuple::ITEMS_OFFSET as i32);
                        let word = |builder: &mut Self, part| {
                            builder.load(Mem::Header, tuple, offset.saturating_add(part), Repr::I64)
                        };
                        (word(self, Value::TAG_OFFSET as i32), word(self, Value::PAYLOAD_OFFSET as i32))
                    }
                    None => {
                        let offset = self.int(Tuple::ITEMS_OFFSET as i64);
                        let data = self.push(Inst::Binary(Binary::Iadd, tuple, offset), Repr::I64);
                        let tag = self.push(Inst::LoadElement { element: Element::ValueTag, data, index }, Repr::I64);
                        let payload =
                            self.push(Inst::LoadElement { element: Element::ValuePayload, data, index }, Repr::I64);
                        (tag, payload)
                    }
                };
                let value = match self.feedback().result.single() {
                    Some(seen) => {
                        let exit = self.exit(ExitReason::Type);
                        self.guard_type(tag, seen, self.proof().result, exit);
                        self.unpack(seen, payload)
                    }
                    None => Typed::Any { tag, payload },
                };
                self.set(dst, value);
            }
            _ => return self.step(),
        }
        Ok(Goes::On)
    }

    /// `object[index] = value` for anything but a list.
    pub(super) fn set_index_of_object(&mut self, object: Typed, index: Reg, value: Typed) -> Built<Goes> {
        let Some(dict) = object.as_tag(Tag::Dict) else { return self.step() };
        let index = self.operand(index, self.feedback().b)?;
        self.dict_set(dict, index, value);
        Ok(Goes::On)
    }

    /// A built-in method of a string, dict or tuple; `None` if it has no form of its own, and nothing was done.
    pub(super) fn object_method(&mut self, base: Reg, argc: u16, site: SiteId, receiver: Typed) -> Built<Option<Goes>> {
        let name = self.vm.site_name(self.context.func, site);
        if let Some(dict) = receiver.as_tag(Tag::Dict) {
            return self.dict_method(base, argc, site, dict, name);
        }
        let result = match (name, argc) {
            ("len", 0) => self.object_len(receiver).map(|len| Typed::Known(Tag::Int, len)),
            (_, 0) if let Some(code) = self.char_code(receiver) => self.char_method(code, name),
            _ => None,
        };
        let Some(result) = result else { return Ok(None) };
        self.env.kill_from(self.home(base));
        self.set(base, result);
        Ok(Some(Goes::On))
    }

    /// A list or tuple that is to be taken apart into `count` values: it is itself, if it has so many.
    pub(super) fn check_count(&mut self, dst: Reg, src: Reg, count: u16) -> Built<Goes> {
        let value = self.operand(src, self.feedback().a)?;
        let len = match value {
            Typed::Known(Tag::List, list) => self.list_len(list),
            Typed::Known(Tag::Tuple, tuple) => self.length_at(tuple, Tuple::LEN_OFFSET),
            _ => return self.step(),
        };
        let count = self.int(count.into());
        let fits = self.push(Inst::Icmp(Compare::Eq, len, count), Repr::Bool);
        let exit = self.exit(ExitReason::Bounds);
        self.guard(fits, true, exit);
        self.set(dst, value);
        Ok(Goes::On)
    }

    /// `item in object`, for operands of any type.
    pub(super) fn contains(&mut self, dst: Reg, item: Reg, object: Reg) -> Built<Goes> {
        let (item, object) = (self.get(item)?, self.operand(object, self.feedback().b)?);
        if matches!(object.tag(), None | Some(Tag::Module | Tag::Instance)) {
            // The names of a module are globals.
            return self.step();
        }
        if let Some(dict) = object.as_tag(Tag::Dict) {
            let found = self.dict_contains(dict, item);
            self.set(dst, Typed::Known(Tag::Bool, found));
            return Ok(Goes::On);
        }
        if let Some(made) = object.as_tag(Tag::List).or(object.as_tag(Tag::Tuple)) {
            let item = self.of_seen_type(item, self.feedback().a, self.proof().a).unwrap_or(item);
            if let Some(found) = self.contained_in_new(made, item) {
                self.set(dst, Typed::Known(Tag::Bool, found));
                return Ok(Goes::On);
            }
        }
        if let Some(text) = object.as_tag(Tag::Str)
            && let Some(found) = self.constant_contains_char(text, item)
        {
            self.set(dst, Typed::Known(Tag::Bool, found));
            return Ok(Goes::On);
        }
        let ((item_tag, item), (tag, object)) = (self.parts(item), self.parts(object));
        let found = self.call_for_truth(Helper::Contains, vec![VM, tag, object, item_tag, item], MemSet::NONE);
        self.set(dst, Typed::Known(Tag::Bool, found));
        Ok(Goes::On)
    }

    /// The texts of values, joined.
    pub(super) fn concat(&mut self, dst: Reg, first: Reg, count: u16) -> Built<Goes> {
        let address = self.write_window(first, count)?;
        let count = self.int(count.into());
        let text = self.call_for_object(Helper::Concat, vec![VM, address, count]);
        self.set(dst, Typed::Known(Tag::Str, text));
        Ok(Goes::On)
    }

    /// Prints values. What could not be written is an error of the top frame, so an inlined function leaves it to the
    /// run time.
    pub(super) fn print(&mut self, first: Reg, count: u16, newline: bool) -> Built<Goes> {
        if self.context.call_pc.is_some() {
            return self.step();
        }
        let address = self.write_window(first, count)?;
        let (pc, count, newline) = (self.int(self.pc.into()), self.int(count.into()), self.int(newline.into()));
        self.call_to_be_done(Helper::Print, vec![VM, pc, address, count, newline], STATE);
        Ok(Goes::On)
    }

    /// Whether a step of an iteration that calls nothing jumps; `None` if the iterable may call something.
    pub(super) fn iterate_by_helper(&mut self, op: Op, base: Reg) -> Built<Option<Val>> {
        let seen = self.feedback().a;
        let iterable = self.operand(base, seen)?;
        // Facts prove nothing of the state of an iteration, but tell what to expect.
        let told = self.proof().a;
        let is_plain = |types: TagSet| !types.is_empty() && types.within(TagSet::PLAIN_ITERABLES);
        match iterable {
            Typed::Known(tag, _) if TagSet::PLAIN_ITERABLES.contains(tag) => {}
            // A version that is to fit whatever comes has the run time do it.
            Typed::Any { tag, .. } if is_plain(told) || is_plain(seen) && self.plan.open.is_none() => {
                let is_known = self.has_type_in(tag, TagSet::PLAIN_ITERABLES);
                let exit = self.exit(ExitReason::Type);
                self.guard(is_known, true, exit);
            }
            _ => return Ok(None),
        }
        for reg in op.accesses(self.program).reads {
            self.get(reg)?;
            self.write_home(self.home(reg));
        }
        let helper = match op {
            Op::IterPrep { .. } => Helper::StartItems,
            Op::IterNext { .. } => Helper::NextItem,
            Op::IterPrep2 { .. } => Helper::StartPairs,
            _ => Helper::NextPair,
        };
        let state = self.address(base);
        Ok(Some(self.call_for_truth(helper, vec![VM, state], STATE.with(MemSet::of(Mem::Frame)))))
    }
}
