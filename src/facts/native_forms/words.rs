//! Instructions in words: what they do, and what they make, for people who want to know what it costs.

use super::{Made, Operation};
use crate::bytecode::methods::{METHODS, MethodEffect};
use crate::bytecode::op::shape::any_binary;
use crate::bytecode::signature::Memory;
use crate::bytecode::types::Tags;
use crate::bytecode::{Op, StructId};

impl Operation<'_> {
    /// What the instruction makes on the heap; `None` if it makes nothing.
    pub fn makes(&self) -> Option<Made> {
        use Op::*;
        let called = |kind, what: &str| Made { kind, what: what.to_owned() };
        let one = |kind: Tags| Made { kind, what: kind.words() };
        let result = |memory: Memory| {
            (memory != Memory::None).then(|| called(Tags::NONE, &format!("result of {}", self.words())))
        };
        Some(match self.op {
            New { def, .. } => {
                let name = self.program.structs.get(def.index())?.name;
                called(Tags::INSTANCE, self.program.strings.get(name).unwrap_or("?"))
            }
            MakeList { .. } => one(Tags::LIST),
            MakeTuple { .. } | TupleFromList { .. } => one(Tags::TUPLE),
            MakeDict { .. } => one(Tags::DICT),
            MakeRange { .. } => one(Tags::RANGE),
            MakeClosure { .. } => called(Tags::FUNCTION, "closure"),
            MakeStruct { .. } => one(Tags::STRUCT),
            NewCell { .. } => called(Tags::CELL, "captured variable"),
            Concat { .. } => one(Tags::STR),
            GetIndex { .. } => match (self.a, self.b) {
                (Tags::STR, Tags::RANGE) => one(Tags::STR),
                (Tags::LIST, Tags::RANGE) => one(Tags::LIST),
                (Tags::TUPLE, Tags::RANGE) => one(Tags::TUPLE),
                _ => return None,
            },
            any_binary!() => {
                let binary = self.op.as_binary()?;
                match self.sides(binary.left, binary.right) {
                    (Tags::STR, _) | (_, Tags::STR) => one(Tags::STR),
                    (Tags::LIST, _) | (_, Tags::LIST) => one(Tags::LIST),
                    (Tags::TUPLE, _) => one(Tags::TUPLE),
                    (Tags::DICT, _) => one(Tags::DICT),
                    _ => return None,
                }
            }
            CallBuiltin { .. } => return result(self.builtin?.memory),
            CallMethod { .. } | TailCallMethod { .. } => {
                let row = &METHODS[self.built_in()?];
                // Numbers and truth values are no objects, and an item is one that exists.
                let results = row.rule.tags();
                let is_new = results != Tags::VISIBLE && results.meets(Tags::VISIBLE.without(Tags::UNBOXED));
                return result(if is_new && row.effect != MethodEffect::Mutates { row.memory } else { Memory::None });
            }
            IterPrep { .. } | IterNext { .. } if self.a == Tags::DICT => one(Tags::TUPLE),
            GetMember { .. } if self.a == Tags::INSTANCE && !self.structs.is_empty() => {
                let is_bound = |&def: &StructId| !self.has_field(def) && self.method_of(def, self.name).is_some();
                match self.structs.iter().all(is_bound) {
                    true => called(Tags::FUNCTION, "bound method"),
                    false => return None,
                }
            }
            _ => return None,
        })
    }

    /// The operation in words: `string slice`, `list + list`, ``list.map``.
    pub fn words(&self) -> String {
        use Op::*;
        let kind = |tags: Tags| match tags.and(Tags::VISIBLE) {
            Tags::NONE => "value".to_owned(),
            Tags::VISIBLE => "any value".to_owned(),
            tags => tags.words(),
        };
        let (a, b) = (kind(self.a), kind(self.b));
        let between = |left, symbol, right| {
            let (left, right) = self.sides(left, right);
            format!("{} {symbol} {}", kind(left), kind(right))
        };
        if let Some(binary) = self.op.as_binary() {
            return between(binary.left, binary.operator.symbol(), binary.right);
        }
        if let Some(comparison) = self.op.as_comparison() {
            return between(comparison.left.into(), comparison.test.symbol(), comparison.right.into());
        }
        if let Some(jump) = self.op.as_compare_jump() {
            return between(jump.left.into(), jump.test.symbol(), jump.right);
        }
        match self.op {
            Not { .. } | JumpIf { .. } | JumpIfNot { .. } => format!("truth of {a}"),
            Neg { .. } => format!("-{a}"),
            BitNot { .. } => format!("~{a}"),
            Contains { .. } => format!("in {b}"),
            Unpack { .. } => format!("taking apart of {a}"),
            GetIndex { .. } => match (self.a, self.b) {
                (Tags::DICT, _) => "dict look-up".to_owned(),
                (Tags::STR, Tags::INT) => "character of a string".to_owned(),
                (_, Tags::RANGE) => format!("{a} slice"),
                _ => format!("index of {a}"),
            },
            SetIndex { .. } => match (self.a, self.b) {
                (Tags::DICT, _) => "dict store".to_owned(),
                _ => format!("store to an index of {a}"),
            },
            GetMember { .. } | FindMethod { .. } => format!("{a}.{}", self.name),
            SetMember { .. } => format!("store to {a}.{}", self.name),
            GetMemberNamed { .. } | SetMemberNamed { .. } => "member".to_owned(),
            CallMethod { .. } | TailCallMethod { .. } => format!("{a}.{}", self.name),
            CallBuiltin { .. } => self.builtin.map_or("library call".to_owned(), |spec| {
                format!("{}.{}", spec.module.trim_start_matches("std/"), spec.name)
            }),
            Call { .. } | TailCall { .. } => match self.a {
                Tags::FUNCTION => match self.callees.as_deref() {
                    Some(callees) if callees.len() > 1 => format!("call of one of {} functions", callees.len()),
                    _ => "call of a library function".to_owned(),
                },
                _ => format!("call of a {a}"),
            },
            CallFn { .. } | TailCallFn { .. } => "call of an async function".to_owned(),
            New { .. } => "making an instance".to_owned(),
            IterPrep { .. } | IterNext { .. } | IterPrep2 { .. } | IterNext2 { .. } => format!("iteration over {a}"),
            MakeList { .. } | ListAppend { .. } => "list literal".to_owned(),
            MakeTuple { .. } | TupleFromList { .. } => "tuple literal".to_owned(),
            MakeDict { .. } | DictInsert { .. } => "dict literal".to_owned(),
            MakeRange { .. } => format!("range of {a} and {b}"),
            MakeStruct { .. } => "struct".to_owned(),
            Concat { .. } => "f-string".to_owned(),
            Print { .. } => "printing".to_owned(),
            InitModule { .. } => "import".to_owned(),
            _ => self.op.info().name.to_owned(),
        }
    }
}
