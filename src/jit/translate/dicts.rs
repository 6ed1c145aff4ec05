//! Dicts: entries at int keys of dense tables are read and written in place. In others a helper finds where the value
//! of a key is, once for all that is done with it until a key is added or removed, and it is read and written there.
//! Pairs are taken in place from either kind.

use super::env::Typed;
use super::iterators::Stepped;
use super::objects::STATE;
use super::{BASE, Builder, Built, Goes, VM};
use crate::bytecode::flow::RegSet;
use crate::bytecode::op::shape::{Iteration, Over};
use crate::bytecode::op::window::{Iter, MethodCall};
use crate::bytecode::{Op, Reg, SiteId};
use crate::jit::feedback::TagSet;
use crate::jit::helpers::{Helper, NO_KEY};
use crate::jit::ir::{
    Binary, BlockId, Compare, Element, ExitId, ExitReason, Inst, Mem, MemSet, Repr, Terminator, Unary, Val, Width,
};
use crate::runtime::object::{Dict, Entry};
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
        let mut load = |offset: usize| self.load(Mem::Dict, entry, offset as i32, Repr::I64);
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

    /// A step of `for key, value in dict`, if the iterable is a dict; `into_body` and `behind` are what is alive where
    /// the step goes on with an entry, and without.
    pub(super) fn next_of_dict(&mut self, op: Op, into_body: &RegSet, behind: &RegSet) -> Built<Option<Stepped>> {
        let Some(Iteration { over: Over::Pairs, starts, base, .. }) = op.as_iteration() else { return Ok(None) };
        if !self.is_reached() {
            return Ok(None);
        }
        let feedback = *self.feedback();
        let Some(dict) = self.operand(base, feedback.a)?.as_tag(Tag::Dict) else { return Ok(None) };
        let [position_reg, version_reg] = [Iter::POSITION, Iter::VERSION].map(|offset| base.above(offset));
        let state = match starts {
            true => None,
            false => match (self.get(position_reg)?.as_tag(Tag::Int), self.get(version_reg)?.as_tag(Tag::Int)) {
                (Some(position), Some(version)) => Some((position, version)),
                _ => return Ok(None),
            },
        };
        let version = self.load(Mem::Keys, dict, Dict::KEY_VERSION_OFFSET as i32, Repr::I64);
        let position = match state {
            None => self.int(0),
            Some((position, begun_with)) => {
                let is_same = self.push(Inst::Icmp(Compare::Eq, version, begun_with), Repr::Bool);
                let exit = self.exit(ExitReason::Throw);
                self.guard(is_same, true, exit);
                position
            }
        };
        let mut ends = Vec::new();
        let places = self.dict_word(dict, Dict::PLACES_OFFSET);
        let is_dense = self.push(Inst::Unary(Unary::BitsToBool, places), Repr::Bool);
        let (dense, listed) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_dense, dense, listed));
        self.current = dense;
        let of_dense = self.next_dense(dict, position, &mut ends);
        let of_dense = (self.current, of_dense);
        self.current = listed;
        let of_listed = self.next_listed(dict, position, &mut ends);
        let parts = self.join(vec![of_dense, (self.current, of_listed)]);
        let &[found, key_tag, key, tag, payload] = &*parts else { unreachable!("five were passed") };
        let before = self.env.clone();
        let proof = self.proof();
        let mut part = |tag: Val, payload: Val, seen: TagSet, proof: TagSet| {
            let part = Typed::Any { tag, payload };
            self.of_seen_type(part, seen, proof).unwrap_or(part)
        };
        let key = part(key_tag, key, feedback.result, proof.result);
        let value = part(tag, payload, feedback.second, proof.second);
        let one = self.int(1);
        let next = self.int_binary(Binary::Iadd, found, one);
        let version = Typed::Known(Tag::Int, version);
        let state = [(Iter::POSITION, Typed::Known(Tag::Int, next)), (Iter::VERSION, version)];
        for (offset, part) in state.into_iter().chain([(Iter::ITEM, key), (Iter::SECOND, value)]) {
            self.set(base.above(offset), part);
        }
        let more = self.meet(vec![(self.current, self.env.clone())], into_body)?;
        self.env = before;
        self.join(ends.into_iter().map(|block| (block, Vec::new())).collect());
        if starts {
            // State registers are written when the loop starts, whether or not there is an item.
            let zero = self.int(0);
            self.set(position_reg, Typed::Known(Tag::Int, zero));
            self.set(version_reg, version);
        }
        let done = self.meet(vec![(self.current, self.env.clone())], behind)?;
        Ok(Some(Stepped { more, done }))
    }

    /// The first entry of a dense table at or behind a position in the order of the keys: its position, and the words
    /// of key and value. Where there is none the blocks end that are added to `ends`.
    fn next_dense(&mut self, dict: Val, position: Val, ends: &mut Vec<BlockId>) -> Vec<Val> {
        let count = self.load(Mem::Keys, dict, Dict::ORDERED_OFFSET as i32, Repr::I64);
        let order = self.load(Mem::Keys, dict, Dict::ORDER_OFFSET as i32, Repr::I64);
        let key_at = |builder: &mut Self, index: Val| {
            let base = builder.place_in(order, index, size_of::<u32>());
            let load = Inst::Load { mem: Mem::Keys, base, offset: 0, repr: Repr::I64, width: Width::U32 };
            builder.push(load, Repr::I64)
        };
        let found = self.next_position(dict, position, count, ends, |builder| {
            let key = key_at(builder, position);
            let tags = builder.dict_word(dict, Dict::TAGS_OFFSET);
            let element = Element::DictTag;
            builder.push(Inst::LoadElement { element, data: tags, index: key }, Repr::I64)
        });
        let key = key_at(self, found);
        let [tags, payloads] = [Dict::TAGS_OFFSET, Dict::PAYLOADS_OFFSET].map(|offset| self.dict_word(dict, offset));
        let mut part = |element, data| self.push(Inst::LoadElement { element, data, index: key }, Repr::I64);
        let (tag, payload) = (part(Element::DictTag, tags), part(Element::DictPayload, payloads));
        vec![found, self.int(Tag::Int as i64), key, tag, payload]
    }

    /// Likewise, of a table that lists its entries.
    fn next_listed(&mut self, dict: Val, position: Val, ends: &mut Vec<BlockId>) -> Vec<Val> {
        let count = self.load(Mem::Keys, dict, Dict::LISTED_OFFSET as i32, Repr::I64);
        let entries = self.load(Mem::Keys, dict, Dict::ENTRIES_OFFSET as i32, Repr::I64);
        let key_word = |builder: &mut Self, entry: Val, of: usize| {
            builder.load(Mem::Keys, entry, (Entry::KEY_OFFSET + of) as i32, Repr::I64)
        };
        let found = self.next_position(dict, position, count, ends, |builder| {
            let entry = builder.place_in(entries, position, size_of::<Entry>());
            key_word(builder, entry, Value::TAG_OFFSET)
        });
        let entry = self.place_in(entries, found, size_of::<Entry>());
        let key = [Value::TAG_OFFSET, Value::PAYLOAD_OFFSET].map(|of| key_word(self, entry, of));
        let value = [Value::TAG_OFFSET, Value::PAYLOAD_OFFSET]
            .map(|of| self.load(Mem::Dict, entry, (Entry::VALUE_OFFSET + of) as i32, Repr::I64));
        vec![found, key[0], key[1], value[0], value[1]]
    }

    /// Goes on with the first of `count` positions at or behind one where there is an entry, and not a hole. `tag`
    /// loads a word of what is there that tells.
    fn next_position(
        &mut self,
        dict: Val,
        position: Val,
        count: Val,
        ends: &mut Vec<BlockId>,
        tag: impl FnOnce(&mut Self) -> Val,
    ) -> Val {
        let is_inside = |builder: &mut Self, index: Val, ends: &mut Vec<BlockId>| {
            let is_inside = builder.push(Inst::Icmp(Compare::Below, index, count), Repr::Bool);
            let (inside, end) = (builder.new_block(), builder.new_block());
            builder.finish(Terminator::Branch(is_inside, inside, end));
            builder.current = inside;
            ends.push(end);
        };
        is_inside(self, position, ends);
        let tag = tag(self);
        let is_there = self.is_there(tag);
        let (found, hole) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_there, found, hole));
        self.current = hole;
        let next = self.call_pure(Helper::DictNext, vec![dict, position]);
        is_inside(self, next, ends);
        self.join(vec![(found, vec![position]), (self.current, vec![next])])[0]
    }

    /// The address of what stands at a place, each so many bytes, a power of two.
    fn place_in(&mut self, data: Val, index: Val, size: usize) -> Val {
        let shift = self.int(size.trailing_zeros().into());
        let offset = self.push(Inst::Binary(Binary::Shl, index, shift), Repr::I64);
        self.push(Inst::Binary(Binary::Iadd, data, offset), Repr::I64)
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
