//! Dicts: entries at int keys of dense tables are read and written in place. In others a helper finds where the value
//! of a key is, once for all that is done with it until a key is added or removed, and it is read and written there.

use super::env::Typed;
use super::objects::STATE;
use super::{BASE, Builder, Built, Goes, VM};
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::{Reg, SiteId};
use crate::jit::helpers::{Helper, NO_KEY};
use crate::jit::ir::{
    BlockId, Compare, Element, ExitId, ExitReason, Inst, Mem, MemSet, Repr, Terminator, Unary, Val, Width,
};
use crate::runtime::object::Dict;
use crate::runtime::value::{Tag, Value};

/// What changing a dict writes.
const DICTS: MemSet = STATE.with(MemSet::DICTS);

impl Builder<'_> {
    fn dict_word(&mut self, dict: Val, offset: usize) -> Val {
        self.load(Mem::Dict, dict, offset as i32, Repr::I64)
    }

    /// Branches on whether a key has a place in a dense table. Goes on where it has, with the tag that is there; the
    /// other block is given.
    fn branch_on_place(&mut self, dict: Val, key: Val) -> (Val, BlockId) {
        let places = self.dict_word(dict, Dict::PLACES_OFFSET);
        let has_place = self.push(Inst::Icmp(Compare::Below, key, places), Repr::Bool);
        let (dense, other) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(has_place, dense, other));
        self.current = dense;
        let tags = self.dict_word(dict, Dict::TAGS_OFFSET);
        (self.push(Inst::LoadElement { element: Element::DictTag, data: tags, index: key }, Repr::I64), other)
    }

    fn is_there(&mut self, tag: Val) -> Val {
        let undef = self.int(Tag::Undef as i64);
        self.push(Inst::Icmp(Compare::Ne, tag, undef), Repr::Bool)
    }

    /// Goes on in a new block where the current one and others lead, each with values for its parameters.
    pub(super) fn join(&mut self, edges: Vec<(BlockId, Vec<Val>)>) -> Vec<Val> {
        let done = self.new_block();
        let reprs: Vec<Repr> = edges[0].1.iter().map(|val| self.region.repr(*val)).collect();
        for (block, args) in edges {
            self.region.block_mut(block).end = Terminator::Jump(done, args);
        }
        self.current = done;
        let params: Vec<Val> = reprs.into_iter().map(|repr| self.new_val(repr, self.current_loop)).collect();
        self.region.block_mut(done).params.extend(&params);
        params
    }

    /// The address of the value that a dict lists at a key of a known type, or 0; looked for once, as long as no key
    /// may have been added or removed. Leaves if that cannot be a key.
    fn find(&mut self, dict: Val, tag: Tag, key: Val) -> Val {
        if tag == Tag::Str {
            let guess = self.const_int(key).and(self.feedback().position.get());
            return self.push(Inst::Find { helper: Helper::DictFindStr, args: vec![VM, dict, key], guess }, Repr::I64);
        }
        let (key_tag, key) = self.parts(Typed::Known(tag, key));
        let args = vec![VM, dict, key_tag, key];
        let entry = self.push(Inst::Find { helper: Helper::DictFind, args, guess: None }, Repr::I64);
        if tag != Tag::Int {
            let no_key = self.int(NO_KEY as i64);
            let fits = self.push(Inst::Icmp(Compare::Ne, entry, no_key), Repr::Bool);
            let exit = self.exit(ExitReason::Throw);
            self.guard(fits, true, exit);
        }
        entry
    }

    fn is_found(&mut self, entry: Val) -> Val {
        self.push(Inst::Unary(Unary::BitsToBool, entry), Repr::Bool)
    }

    /// Tag and payload of what is at a key that no dense table has a place for; the default if it is not there.
    fn get_listed(&mut self, dict: Val, tag: Tag, key: Val, default: Option<(Val, Val)>) -> (Val, Val) {
        let entry = self.find(dict, tag, key);
        let is_found = self.is_found(entry);
        let Some((default_tag, default)) = default else {
            let exit = self.exit(ExitReason::Throw);
            self.guard(is_found, true, exit);
            return self.value_of_entry(entry);
        };
        let (found, missing) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_found, found, missing));
        self.current = found;
        let (tag, payload) = self.value_of_entry(entry);
        let joined = self.join(vec![(self.current, vec![tag, payload]), (missing, vec![default_tag, default])]);
        (joined[0], joined[1])
    }

    fn value_of_entry(&mut self, entry: Val) -> (Val, Val) {
        let mut load = |at: usize| self.load(Mem::Dict, entry, at as i32, Repr::I64);
        (load(Value::TAG_OFFSET), load(Value::PAYLOAD_OFFSET))
    }

    /// `dst =` the value at a key; with a default, that where there is none.
    pub(super) fn dict_get(&mut self, dst: Reg, dict: Val, key: Typed, default: Option<Typed>) {
        let default = default.map(|default| self.parts(default));
        let (tag, payload) = match key {
            Typed::Known(Tag::Int, key) => self.get_at_int(dict, key, default),
            Typed::Known(tag, key) => self.get_listed(dict, tag, key, default),
            Typed::Any { tag, payload } => {
                let args = [VM, dict, tag, payload].into_iter().chain(default.into_iter().flat_map(|(a, b)| [a, b]));
                let helper = if default.is_some() { Helper::DictGetOr } else { Helper::DictGet };
                self.call_to_be_done(helper, args.collect(), STATE);
                self.take_result(dst);
                return;
            }
        };
        self.take_value(dst, tag, payload);
    }

    fn get_at_int(&mut self, dict: Val, key: Val, default: Option<(Val, Val)>) -> (Val, Val) {
        let (tag, other) = self.branch_on_place(dict, key);
        let payloads = self.dict_word(dict, Dict::PAYLOADS_OFFSET);
        let payload = Inst::LoadElement { element: Element::DictPayload, data: payloads, index: key };
        let payload = self.push(payload, Repr::I64);
        let is_there = self.is_there(tag);
        let found = match default {
            None => {
                let exit = self.exit(ExitReason::Throw);
                self.guard(is_there, true, exit);
                vec![tag, payload]
            }
            Some((default_tag, default)) => {
                let tag = self.push(Inst::Select(is_there, tag, default_tag), Repr::I64);
                vec![tag, self.push(Inst::Select(is_there, payload, default), Repr::I64)]
            }
        };
        let dense = (self.current, found);
        self.current = other;
        let (tag, payload) = self.get_listed(dict, Tag::Int, key, default);
        let found = self.join(vec![dense, (self.current, vec![tag, payload])]);
        (found[0], found[1])
    }

    /// The value at a key that is a string; takes the exit if there is none.
    pub(super) fn value_at_name(&mut self, dict: Val, name: Val, exit: ExitId) -> Typed {
        let entry = self.find(dict, Tag::Str, name);
        let is_found = self.is_found(entry);
        self.guard(is_found, true, exit);
        let (tag, payload) = self.value_of_entry(entry);
        Typed::Any { tag, payload }
    }

    /// Puts a value at a key.
    pub(super) fn dict_set(&mut self, dict: Val, key: Typed, value: Typed) {
        let ((key_tag, key_bits), (tag, payload)) = (self.parts(key), self.parts(value));
        let args = vec![VM, dict, key_tag, key_bits, tag, payload];
        match key {
            Typed::Known(Tag::Int, key) => self.set_at_int(dict, key, args),
            Typed::Known(key_tag, key) => self.set_listed(dict, key_tag, key, args),
            Typed::Any { .. } => self.call_to_be_done(Helper::DictSet, args, DICTS),
        }
    }

    /// Puts a value at a key that no dense table has; the arguments of the helper that adds it are given.
    fn set_listed(&mut self, dict: Val, key_tag: Tag, key: Val, args: Vec<Val>) {
        let (tag, payload) = (args[4], args[5]);
        let entry = self.find(dict, key_tag, key);
        let is_found = self.is_found(entry);
        let (found, missing) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_found, found, missing));
        self.current = found;
        for (offset, value) in [(Value::TAG_OFFSET, tag), (Value::PAYLOAD_OFFSET, payload)] {
            self.effect(Inst::Store { mem: Mem::Dict, base: entry, offset: offset as i32, value });
        }
        self.current = missing;
        self.call_to_be_done(Helper::DictAdd, args, DICTS);
        self.join(vec![(found, Vec::new()), (self.current, Vec::new())]);
    }

    fn set_at_int(&mut self, dict: Val, key: Val, args: Vec<Val>) {
        let (tag, payload) = (args[4], args[5]);
        let (before, other) = self.branch_on_place(dict, key);
        let is_there = self.is_there(before);
        let (write, new, slow) = (self.new_block(), self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_there, write, new));
        self.current = write;
        let tags = self.dict_word(dict, Dict::TAGS_OFFSET);
        let payloads = self.dict_word(dict, Dict::PAYLOADS_OFFSET);
        self.effect(Inst::StoreElement { element: Element::DictTag, data: tags, index: key, value: tag });
        self.effect(Inst::StoreElement { element: Element::DictPayload, data: payloads, index: key, value: payload });
        for block in [new, other] {
            self.region.block_mut(block).end = Terminator::Jump(slow, Vec::new());
        }
        self.current = slow;
        self.set_listed(dict, Tag::Int, key, args);
        self.join(vec![(write, Vec::new()), (self.current, Vec::new())]);
    }

    /// Whether a key is there.
    pub(super) fn dict_contains(&mut self, dict: Val, key: Typed) -> Val {
        let key = match key {
            Typed::Known(Tag::Int, key) => key,
            Typed::Known(tag, key) => {
                let entry = self.find(dict, tag, key);
                return self.is_found(entry);
            }
            Typed::Any { tag, payload } => {
                return self.call_for_truth(Helper::DictContains, vec![VM, dict, tag, payload], MemSet::NONE);
            }
        };
        let (tag, other) = self.branch_on_place(dict, key);
        let dense = vec![self.is_there(tag)];
        let dense = (self.current, dense);
        self.current = other;
        let entry = self.find(dict, Tag::Int, key);
        let found = self.is_found(entry);
        self.join(vec![dense, (self.current, vec![found])])[0]
    }

    /// `dst =` a dict of so many keys, each with its value behind it.
    pub(super) fn make_dict(&mut self, dst: Reg, base: Reg, count: u16) -> Built<Goes> {
        // The window of an empty one may be anywhere.
        let address = if count == 0 { BASE } else { self.write_window(base, 2 * count)? };
        let words = self.int((2 * count).into());
        let dict = self.call_for_object(Helper::MakeDict, vec![VM, address, words]);
        self.set(dst, Typed::Known(Tag::Dict, dict));
        Ok(Goes::On)
    }

    /// A built-in method of a dict; `None` if it has no form of its own, and nothing was done.
    pub(super) fn dict_method(
        &mut self,
        base: Reg,
        argc: u16,
        site: SiteId,
        dict: Val,
        name: &str,
    ) -> Built<Option<Goes>> {
        if !matches!((name, argc), ("len", 0) | ("contains", 1) | ("get", 1 | 2)) {
            return Ok(None);
        }
        self.guard_no_entry(dict, site);
        if argc == 0 {
            let len = self.dict_word(dict, Dict::LEN_OFFSET);
            self.env.kill_from(self.home(base));
            self.set(base, Typed::Known(Tag::Int, len));
            return Ok(Some(Goes::On));
        }
        let key = self.operand(base.above(MethodCall::ARGS), self.feedback().b)?;
        if name == "contains" {
            let found = self.dict_contains(dict, key);
            self.env.kill_from(self.home(base));
            self.set(base, Typed::Known(Tag::Bool, found));
            return Ok(Some(Goes::On));
        }
        let default = match argc {
            2 => self.get(base.above(MethodCall::ARGS + 1))?,
            _ => Typed::Known(Tag::Void, self.int(0)),
        };
        self.dict_get(base, dict, key, Some(default));
        self.env.kill_from(self.home(base) + 1);
        Ok(Some(Goes::On))
    }

    /// An entry of the site's name would come before the dict's method. Few dicts have keys that name methods at all.
    pub(super) fn guard_no_entry(&mut self, dict: Val, site: SiteId) {
        let name = self.name_of_site(site);
        let exit = self.exit(ExitReason::Throw);
        let offset = Dict::FLAGS_OFFSET as i32;
        let flags = Inst::Load { mem: Mem::Dict, base: dict, offset, repr: Repr::I64, width: Width::U16 };
        let flags = self.push(flags, Repr::I64);
        let may_be_named = self.push(Inst::Unary(Unary::BitsToBool, flags), Repr::Bool);
        let (yes, no) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(may_be_named, yes, no));
        self.current = yes;
        let named = self.call(Helper::DictHasName, vec![VM, dict, name], MemSet::NONE);
        let named = self.push(Inst::Unary(Unary::BitsToBool, named), Repr::Bool);
        self.guard(named, false, exit);
        self.join(vec![(yes, Vec::new()), (no, Vec::new())]);
    }
}
