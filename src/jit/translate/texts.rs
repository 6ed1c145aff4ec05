//! Texts: characters by position, comparisons, slices.
//!
//! Texts that were seen to be ASCII are arrays of bytes, behind a check of that. A character of one is a string that
//! exists already, so it is no more than its number until something wants the string; comparing it with another is
//! comparing numbers. Texts of other characters are left to helpers.

use super::env::Typed;
use super::loops::ExitSource;
use super::{Builder, Built, Goes, LoopKey, VM};
use crate::bytecode::Reg;
use crate::jit::helpers::Helper;
use crate::jit::ir::{
    Binary, Compare, Element, ExitReason, Home, Inst, Mem, MemSet, Repr, Terminator, Unary, Val, Width,
};
use crate::runtime::object::{Gc, Range, Str};
use crate::runtime::value::{Tag, Value};

/// What is known of a text that is ASCII. It never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TextFacts {
    pub len: Val,
    /// The address of its bytes.
    data: Val,
}

impl Builder<'_> {
    /// Length and bytes of the text that an instruction accesses, if all that were seen there are ASCII. Guards that it
    /// is.
    pub(super) fn text_facts(&mut self, text: Val) -> Option<TextFacts> {
        if self.feedback().ascii.one() != Some(true) {
            return None;
        }
        let mut enclosing = self.current_loop;
        while let Some(index) = enclosing {
            if let Some((_, facts)) = self.loops[index].texts.iter().find(|(known, _)| *known == text) {
                return Some(*facts);
            }
            enclosing = self.loops[index].parent;
        }
        Some(match self.hoist_target(&[text], |_| true) {
            Some(index) => {
                let facts = self.in_preheader(index, |builder, source| builder.load_text_facts(text, source));
                self.loops[index].texts.push((text, facts));
                facts
            }
            None => self.load_text_facts(text, ExitSource::Here),
        })
    }

    fn load_text_facts(&mut self, text: Val, source: ExitSource) -> TextFacts {
        let exit = self.exit_from(source, ExitReason::Storage);
        let offset = Str::FLAGS_OFFSET as i32;
        let load = Inst::Load { mem: Mem::Constant, base: text, offset, repr: Repr::I64, width: Width::U16 };
        let (flags, ascii) = (self.push(load, Repr::I64), self.int(Str::ASCII_FLAG.into()));
        let flag = self.push(Inst::Binary(Binary::And, flags, ascii), Repr::I64);
        let is_ascii = self.push(Inst::Icmp(Compare::Eq, flag, ascii), Repr::Bool);
        self.guard(is_ascii, true, exit);
        TextFacts { len: self.byte_len(text), data: self.text_data(text) }
    }

    fn byte_len(&mut self, text: Val) -> Val {
        self.load(Mem::Constant, text, Str::LEN_OFFSET as i32, Repr::I64)
    }

    fn text_data(&mut self, text: Val) -> Val {
        self.load(Mem::Constant, text, Str::DATA_OFFSET as i32, Repr::I64)
    }

    /// The string of an ASCII character.
    pub(super) fn char_of(&mut self, code: Val) -> Val {
        let text = self.push(Inst::Unary(Unary::CharOf, code), Repr::I64);
        self.chars.insert(text, code);
        text
    }

    /// A constant text. One of a single character is made of its number, for it may be compared with others that are.
    pub(super) fn constant_text(&mut self, value: Value) -> Val {
        match self.vm.ascii_char(value) {
            Some(code) => {
                let code = self.int(code.into());
                self.char_of(code)
            }
            None => {
                let text = self.int(value.int_bits());
                self.constant_texts.extend(value.as_str().map(|known| (text, known)));
                text
            }
        }
    }

    /// The number of the ASCII character that a value is known to be a string of.
    pub(super) fn char_code(&self, value: Typed) -> Option<Val> {
        self.chars.get(&value.as_tag(Tag::Str)?).copied()
    }

    /// What a loop's variable begins with, as a string of one ASCII character if the region is entered with one. Guards
    /// that it is.
    pub(super) fn as_char(&mut self, value: Typed, home: Home, key: LoopKey, is_region: bool) -> Typed {
        let Some(text) = value.as_tag(Tag::Str).filter(|_| is_region) else { return value };
        let now = match home {
            Home::Register(register) => self.vm.top_register(register),
            Home::Global(global) => self.vm.global(global),
        };
        let is_open = self.plan.open.is_some() || self.plan.not_chars.contains(&(key, home));
        if is_open || self.chars.contains_key(&text) || self.vm.ascii_char(now).is_none() {
            return value;
        }
        self.at_entry(|builder| {
            let (len, one) = (builder.byte_len(text), builder.int(1));
            let is_char = builder.push(Inst::Icmp(Compare::Eq, len, one), Repr::Bool);
            let exit = builder.entry_exit();
            builder.guard(is_char, true, exit);
            let (data, zero) = (builder.text_data(text), builder.int(0));
            let code = builder.push(Inst::LoadElement { element: Element::Byte, data, index: zero }, Repr::I64);
            Typed::Known(Tag::Str, builder.char_of(code))
        })
    }

    /// The character at a position that is below the length.
    pub(super) fn char_at(&mut self, facts: TextFacts, position: Val) -> Typed {
        let load = Inst::LoadElement { element: Element::Byte, data: facts.data, index: position };
        let code = self.push(load, Repr::I64);
        Typed::Known(Tag::Str, self.char_of(code))
    }

    /// `text[index]`.
    pub(super) fn index_text(&mut self, dst: Reg, text: Val, index: Reg) -> Built<Goes> {
        let index_value = self.operand(index, self.feedback().b)?;
        if let Some(range) = index_value.as_tag(Tag::Range) {
            let start = self.load(Mem::Header, range, Range::START_OFFSET as i32, Repr::I64);
            let end = self.load(Mem::Header, range, Range::END_OFFSET as i32, Repr::I64);
            let slice = self.call_for_object(Helper::StrSlice, vec![VM, text, start, end]);
            self.set(dst, Typed::Known(Tag::Str, slice));
            return Ok(Goes::On);
        }
        let Some(position) = index_value.as_tag(Tag::Int) else { return self.step() };
        let char = match self.text_facts(text) {
            Some(facts) => {
                let Some(position) = self.position(index, facts.len)? else { return self.step() };
                self.char_at(facts, position)
            }
            None => Typed::Known(Tag::Str, self.call_for_object(Helper::StrIndex, vec![VM, text, position])),
        };
        self.set(dst, char);
        Ok(Goes::On)
    }

    /// The number of characters.
    pub(super) fn text_len(&mut self, text: Val) -> Val {
        match self.text_facts(text) {
            Some(facts) => facts.len,
            None => self.call(Helper::StrLen, vec![text], MemSet::NONE),
        }
    }

    /// Whether there is no other string of the same text.
    fn is_unique(&self, text: Val) -> bool {
        let is_empty = |bits: i64| self.vm.empty_text().int_bits() == bits;
        self.chars.contains_key(&text) || self.const_int(text).is_some_and(is_empty)
    }

    /// Whether a comparison with a text takes no more than a few instructions.
    pub(super) fn is_known_text(&self, text: Val) -> bool {
        let is_short = |known: &Gc<Str>| known.short_words().is_some();
        self.chars.contains_key(&text) || self.is_unique(text) || self.constant_texts.get(&text).is_some_and(is_short)
    }

    /// The truth of a comparison of texts.
    pub(super) fn compare_texts(&mut self, op: Compare, a: Val, b: Val) -> Val {
        let (x, y) = (self.chars.get(&a).copied(), self.chars.get(&b).copied());
        match (op, x, y) {
            (_, Some(x), Some(y)) => self.push(Inst::Icmp(op, x, y), Repr::Bool),
            (Compare::Eq | Compare::Ne, ..) if self.is_unique(a) || self.is_unique(b) => {
                self.push(Inst::Icmp(op, a, b), Repr::Bool)
            }
            (Compare::Eq | Compare::Ne, ..) => {
                let same = self.equal_texts(a, b);
                if op == Compare::Ne { self.not(same) } else { same }
            }
            (_, Some(x), None) => {
                let (x, y) = (self.rank_of_char(x), self.rank(b));
                self.push(Inst::Icmp(op, x, y), Repr::Bool)
            }
            (_, None, Some(y)) => {
                let (x, y) = (self.rank(a), self.rank_of_char(y));
                self.push(Inst::Icmp(op, x, y), Repr::Bool)
            }
            _ => {
                let (order, zero) = (self.call(Helper::StrCompare, vec![a, b], MemSet::NONE), self.int(0));
                self.push(Inst::Icmp(op, order, zero), Repr::Bool)
            }
        }
    }

    /// Whether a text is a constant one of a few bytes: then the words behind its string are known.
    fn equals_constant(&mut self, text: Val, constant: Val) -> Option<Val> {
        let known = *self.constant_texts.get(&constant)?;
        let words = known.short_words()?;
        // Behind its end a text has zeros, so the second word of texts as long as this tells nothing unless they reach
        // into it. A zero may also be a character.
        let second = Some(words[1]).filter(|_| known.byte_len() > size_of::<u64>());
        let wanted = [Some(known.byte_len() as u64), Some(words[0]), second];
        let offsets = [Str::LEN_OFFSET, Str::TAIL_OFFSET, Str::TAIL_OFFSET + size_of::<u64>()];
        let known = offsets.into_iter().zip(wanted).filter_map(|(offset, wanted)| Some((offset, wanted?)));
        let pairs: Vec<(Val, Val)> = known
            .map(|(offset, wanted)| {
                (self.load(Mem::Constant, text, offset as i32, Repr::I64), self.int(wanted.cast_signed()))
            })
            .collect();
        Some(self.are_pairs_equal(&pairs))
    }

    /// Whether texts are equal: they are not if their lengths differ, and only otherwise their bytes are looked at.
    /// Those of short ones are two words.
    fn equal_texts(&mut self, a: Val, b: Val) -> Val {
        if let Some(same) = self.equals_constant(a, b) {
            return same;
        }
        if let Some(same) = self.equals_constant(b, a) {
            return same;
        }
        let (x, y) = (self.byte_len(a), self.byte_len(b));
        let may_be_equal = self.push(Inst::Icmp(Compare::Eq, x, y), Repr::Bool);
        let [alike, no, short, long] = [(); 4].map(|()| self.new_block());
        self.finish(Terminator::Branch(may_be_equal, alike, no));
        self.current = alike;
        let most = self.int(Str::SHORT as i64);
        let are_short = self.push(Inst::Icmp(Compare::BelowEq, x, most), Repr::Bool);
        self.finish(Terminator::Branch(are_short, short, long));
        self.current = short;
        let words = [0, size_of::<u64>()].map(|word| {
            let word = (Str::TAIL_OFFSET + word) as i32;
            (self.load(Mem::Constant, a, word, Repr::I64), self.load(Mem::Constant, b, word, Repr::I64))
        });
        let same_words = self.are_pairs_equal(&words);
        self.current = long;
        let same_bytes = self.call(Helper::StrEqual, vec![a, b], MemSet::NONE);
        let same_bytes = self.push(Inst::Unary(Unary::BitsToBool, same_bytes), Repr::Bool);
        self.current = no;
        let differ = self.truth(false);
        self.join(vec![(short, vec![same_words]), (long, vec![same_bytes]), (no, vec![differ])])[0]
    }

    /// Whether in each of some pairs both numbers are the same.
    fn are_pairs_equal(&mut self, pairs: &[(Val, Val)]) -> Val {
        let differ = pairs.iter().fold(None, |before, &(x, y)| {
            let here = self.push(Inst::Binary(Binary::Xor, x, y), Repr::I64);
            Some(before.map_or(here, |before| self.push(Inst::Binary(Binary::Or, before, here), Repr::I64)))
        });
        let zero = self.int(0);
        self.push(Inst::Icmp(Compare::Eq, differ.unwrap_or(zero), zero), Repr::Bool)
    }

    /// A number by which a text and strings of one ASCII character are ordered as the texts are: twice the first byte,
    /// plus one if more follow; less than any for the empty text.
    fn rank(&mut self, text: Val) -> Val {
        let len = self.byte_len(text);
        let data = self.text_data(text);
        let (zero, one) = (self.int(0), self.int(1));
        let first = self.push(Inst::LoadElement { element: Element::Byte, data, index: zero }, Repr::I64);
        let rank = self.rank_of_char(first);
        let is_longer = self.push(Inst::Icmp(Compare::Gt, len, one), Repr::Bool);
        let is_longer = self.push(Inst::Unary(Unary::BoolToBits, is_longer), Repr::I64);
        let rank = self.push(Inst::Binary(Binary::Or, rank, is_longer), Repr::I64);
        let (is_empty, least) = (self.push(Inst::Icmp(Compare::Eq, len, zero), Repr::Bool), self.int(-1));
        self.push(Inst::Select(is_empty, least, rank), Repr::I64)
    }

    fn rank_of_char(&mut self, code: Val) -> Val {
        let one = self.int(1);
        self.push(Inst::Binary(Binary::Shl, code, one), Repr::I64)
    }

    /// Whether an ASCII character is in a set, a bit for each number.
    fn is_among(&mut self, code: Val, set: u128) -> Val {
        let first = set.trailing_zeros();
        let count = set.count_ones();
        // A run of numbers, as most are.
        if set != 0 && set >> first == u128::MAX >> (128 - count) {
            let (first, count) = (self.int(first.into()), self.int(count.into()));
            let distance = self.push(Inst::Binary(Binary::Isub, code, first), Repr::I64);
            return self.push(Inst::Icmp(Compare::Below, distance, count), Repr::Bool);
        }
        let [lower, upper] = [set as u64, (set >> 64) as u64].map(|half| self.int(half.cast_signed()));
        let (half, one) = (self.int(64), self.int(1));
        let is_lower = self.push(Inst::Icmp(Compare::Below, code, half), Repr::Bool);
        let bits = self.push(Inst::Select(is_lower, lower, upper), Repr::I64);
        let mask = self.int(63);
        let position = self.push(Inst::Binary(Binary::And, code, mask), Repr::I64);
        let shifted = self.push(Inst::Binary(Binary::ShrUnsigned, bits, position), Repr::I64);
        let bit = self.push(Inst::Binary(Binary::And, shifted, one), Repr::I64);
        self.push(Inst::Unary(Unary::BitsToBool, bit), Repr::Bool)
    }

    /// A method without arguments of a single ASCII character; `None` if it has no form of its own.
    pub(super) fn char_method(&mut self, code: Val, name: &str) -> Option<Typed> {
        let set = |kind: fn(char) -> bool| {
            (0..128u8).filter(|code| kind(char::from(*code))).fold(0, |set, code| set | 1u128 << code)
        };
        let test = match name {
            "is_digit" => set(|char| char.is_ascii_digit()),
            "is_alpha" => set(char::is_alphabetic),
            "is_alnum" => set(char::is_alphanumeric),
            "is_space" => set(char::is_whitespace),
            "is_upper" => set(char::is_uppercase),
            "is_lower" => set(char::is_lowercase),
            "upper" | "lower" => {
                let changes = if name == "upper" { set(char::is_lowercase) } else { set(char::is_uppercase) };
                let changes = self.is_among(code, changes);
                let changes = self.push(Inst::Unary(Unary::BoolToBits, changes), Repr::I64);
                let five = self.int(5);
                let bit = self.push(Inst::Binary(Binary::Shl, changes, five), Repr::I64);
                let other = self.push(Inst::Binary(Binary::Xor, code, bit), Repr::I64);
                return Some(Typed::Known(Tag::Str, self.char_of(other)));
            }
            _ => return None,
        };
        Some(Typed::Known(Tag::Bool, self.is_among(code, test)))
    }

    /// Whether a text has a single ASCII character in it, if the text is a constant one.
    pub(super) fn constant_contains_char(&mut self, text: Val, item: Typed) -> Option<Val> {
        let code = self.char_code(item)?;
        let known = *self.constant_texts.get(&text)?;
        let ascii = known.as_str().bytes().filter(u8::is_ascii);
        let set = ascii.fold(0, |set, code| set | 1u128 << code);
        Some(self.is_among(code, set))
    }

    /// `core.ord` of a text; `None` if it has no form for what was seen.
    pub(super) fn char_number(&mut self, text: Val) -> Option<Val> {
        if let Some(code) = self.chars.get(&text) {
            return Some(*code);
        }
        let facts = self.text_facts(text)?;
        let (zero, one) = (self.int(0), self.int(1));
        let is_char = self.push(Inst::Icmp(Compare::Eq, facts.len, one), Repr::Bool);
        let exit = self.exit(ExitReason::Domain);
        self.guard(is_char, true, exit);
        Some(self.push(Inst::LoadElement { element: Element::Byte, data: facts.data, index: zero }, Repr::I64))
    }

    /// `core.chr` of an int.
    pub(super) fn char_with_number(&mut self, number: Val) -> Val {
        if self.feedback().ascii.one() == Some(true) {
            let end = self.int(128);
            let is_ascii = self.push(Inst::Icmp(Compare::Below, number, end), Repr::Bool);
            let exit = self.exit(ExitReason::Storage);
            self.guard(is_ascii, true, exit);
            return self.char_of(number);
        }
        self.call_for_object(Helper::CharStr, vec![VM, number])
    }
}
