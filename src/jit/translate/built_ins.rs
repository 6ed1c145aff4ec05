//! Built-in methods and functions of the library that have no form of their own and run no Walrus code: a helper is
//! given the row of the table and the arguments, so nothing is looked up, and what is known of the result is used.

use super::env::Typed;
use super::heap_use::use_through;
use super::objects::STATE;
use super::{Builder, Built, Goes, VM};
use crate::bytecode::builtins::{BUILTINS, BuiltinResult};
use crate::bytecode::methods::{METHODS, MethodEffect, find_method};
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::types::Tags;
use crate::bytecode::{BuiltinId, Reg, SiteId};
use crate::jit::feedback::ALL_TAGS;
use crate::jit::helpers::Helper;
use crate::jit::ir::{Mem, MemSet, Repr};
use crate::runtime::abi::layout;
use crate::runtime::methods::receiver_of;
use crate::runtime::value::{Tag, Value};

/// The type of all values of these kinds, if it is one.
fn only_tag(kinds: Tags) -> Option<Tag> {
    let mut tags = ALL_TAGS.into_iter().filter(|tag| kinds.is_single() && tag.kind() == kinds);
    tags.next().filter(|_| tags.next().is_none())
}

impl Builder<'_> {
    /// Calls the built-in method of a receiver whose type is known. `None` if there is none, or it runs Walrus code:
    /// then nothing was done.
    pub(super) fn call_built_in_method(
        &mut self,
        base: Reg,
        argc: u16,
        site: SiteId,
        receiver: Typed,
    ) -> Built<Option<Goes>> {
        let name = self.vm.site_name(self.context.func, site);
        let Typed::Known(tag, _) = receiver else { return Ok(None) };
        let Some(row) = receiver_of(tag).and_then(|kind| find_method(kind, name)) else { return Ok(None) };
        let method = &METHODS[row];
        let is_reached = self.is_reached();
        let heap = match method.effect {
            _ if !method.is_called_by_row(argc.into()) => return Ok(None),
            MethodEffect::Reads => HeapUse::NONE,
            // It changes what is known of containers in the whole loop, for a call that may never come.
            MethodEffect::Mutates if is_reached => use_through(Some(tag)),
            MethodEffect::Mutates | MethodEffect::Calls => return Ok(None),
        };
        if let Typed::Known(Tag::Dict, dict) = receiver {
            self.guard_no_entry(dict, site);
        }
        let heap = heap.with(self.use_of_arguments(base.above(MethodCall::ARGS), argc)?);
        let first = base.above(MethodCall::RECEIVER);
        self.call_row(Helper::CallMethod, row, (base, first, argc + 1), heap, method.rule.tags()).map(Some)
    }

    /// Calls a function of the library whose result depends on its arguments alone. `None` if it is no such function:
    /// then nothing was done.
    pub(super) fn call_library(&mut self, base: Reg, builtin: BuiltinId, argc: u16) -> Built<Option<Goes>> {
        let row = self.vm.image().builtin(builtin);
        let spec = &BUILTINS[row];
        if !spec.is_called_by_row(argc.into()) {
            return Ok(None);
        }
        let first = base.above(Call::ARGS);
        let mut heap = self.use_of_arguments(first, argc)?;
        for index in 0..argc {
            let is_flat = |tag| matches!(tag, Tag::Int | Tag::Float | Tag::Bool | Tag::Void | Tag::Str | Tag::Range);
            if !self.get(first.above(index))?.tag().is_some_and(is_flat) {
                heap = heap.with(HeapUse::FIELDS);
            }
        }
        let kinds = match spec.result {
            BuiltinResult::Is(shape) => shape.tags,
            _ => Tags::VISIBLE,
        };
        self.call_row(Helper::CallLibrary, row, (base, first, argc), heap, kinds).map(Some)
    }

    /// Has a helper call a row of a table with the values of some registers; `base` gets the result.
    fn call_row(
        &mut self,
        helper: Helper,
        row: usize,
        (base, first, count): (Reg, Reg, u16),
        heap: HeapUse,
        kinds: Tags,
    ) -> Built<Goes> {
        self.shows(heap)?;
        let address = self.write_window(first, count)?;
        let [row, count, bits] = [row as i64, count.into(), heap.bits().into()].map(|word| self.int(word));
        self.call_to_be_done(helper, vec![VM, row, address, count, bits], STATE.with(MemSet::of_heap(heap)));
        if heap.meets(HeapUse::LISTS) {
            self.lists_change();
        }
        self.env.kill_from(self.home(base));
        match only_tag(kinds) {
            Some(Tag::Void) => self.set_constant(base, Tag::Void, 0),
            Some(tag) => {
                let payload = self.load(Mem::Vm, VM, layout::RESULT + Value::PAYLOAD_OFFSET as i32, Repr::I64);
                let value = self.unpack(tag, payload);
                self.set(base, value);
            }
            None => self.take_result(base),
        }
        self.check_size()?;
        Ok(Goes::On)
    }
}
