//! Operands of open type: those types that were seen are told apart in native code. For comparisons and truth a helper
//! answers for the others; other instructions have, for each type, the form that they have for it alone. Loads behind
//! such a test stay there, as nothing moves them out of what is conditional.

use super::env::{ListFacts, Typed};
use super::{Builder, Built, Goes, VM};
use crate::bytecode::op::access::Registers;
use crate::bytecode::{Op, Reg};
use crate::jit::feedback::{ALL_TAGS, TagSet};
use crate::jit::helpers::Helper;
use crate::jit::ir::{Binary, BlockId, Compare, ExitReason, Inst, MemSet, Repr, Terminator, Unary, Val};
use crate::runtime::object::Tuple;
use crate::runtime::value::Tag;

/// How many types that were seen are told apart at most.
const MOST_TYPES: usize = 3;

/// What an instruction came to for one type of its operand.
struct Arm {
    block: BlockId,
    /// What is known of lists behind it.
    lists: Vec<(Val, ListFacts)>,
    /// The registers that it writes.
    values: Vec<Typed>,
}

impl Builder<'_> {
    /// Makes an instruction once for each type that the value of a register has been seen to have, and goes on where
    /// the results meet. What the arms found out or wrote to the frame is forgotten behind them.
    pub(super) fn tell_apart(&mut self, op: Op, reg: Reg, types: &[Tag]) -> Built<Goes> {
        let Typed::Any { tag, payload } = self.get(reg)? else { return self.native_form(op) };
        let mut written = Registers::new();
        let above = op.for_each_written(self.program, |reg| written.push(reg));
        let before = self.env.clone();
        let mut arms = Vec::new();
        // A version that is to fit whatever comes has the run time do the rest.
        let fits_all = self.plan.open.is_some();
        let arm_types = types.iter().map(|&tag| Some(tag)).chain(fits_all.then_some(None));
        for (index, likely) in arm_types.enumerate() {
            let is_last = index + 1 == types.len() + usize::from(fits_all);
            let mut other = self.current;
            let goes = match likely {
                Some(likely) => {
                    if is_last {
                        let proof = self.proof_of(reg);
                        let exit = self.exit(ExitReason::Type);
                        let mut told = TagSet::default();
                        types.iter().for_each(|&tag| told.add(tag));
                        self.mark(exit, !proof.is_empty() && proof.within(told));
                        self.guard_tag(tag, likely, exit);
                    } else {
                        other = self.branch_on_tag(tag, likely);
                    }
                    let value = self.unpack(likely, payload);
                    self.refine(reg, value);
                    self.form_by_types(op)?
                }
                None => self.step()?,
            };
            if let Goes::On = goes {
                let values = written.iter().map(|&reg| self.get(reg)).collect::<Built<Vec<Typed>>>()?;
                arms.push(Arm { block: self.current, lists: std::mem::take(&mut self.env.lists), values });
            }
            self.env = before.clone();
            self.current = other;
        }
        if arms.is_empty() {
            return Ok(Goes::Nowhere);
        }
        self.env.lists.retain(|known| arms.iter().all(|arm| arm.lists.contains(known)));
        let results = self.meet_of_arms(&arms, written.len());
        if let Some(above) = above {
            self.env.kill_from(self.home(above) + 1);
        }
        for (reg, result) in written.into_iter().zip(results) {
            self.set(reg, result);
        }
        Ok(Goes::On)
    }

    /// The results of the arms, of a known type where all have the same.
    fn meet_of_arms(&mut self, arms: &[Arm], count: usize) -> Vec<Typed> {
        let type_of = |index: usize| {
            let first = arms[0].values[index].tag();
            first.filter(|_| arms.iter().all(|arm| arm.values[index].tag() == first))
        };
        let types: Vec<Option<Tag>> = (0..count).map(type_of).collect();
        let mut edges = Vec::new();
        for arm in arms {
            self.current = arm.block;
            let mut args = Vec::new();
            for (&value, of) in arm.values.iter().zip(&types) {
                match (value, of) {
                    (Typed::Known(_, payload), Some(_)) => args.push(payload),
                    _ => {
                        let (tag, payload) = self.parts(value);
                        args.extend([tag, payload]);
                    }
                }
            }
            edges.push((self.current, args));
        }
        let mut params = self.join(edges).into_iter();
        let mut next = || params.next().expect("as many as arguments");
        types
            .into_iter()
            .map(|of| match of {
                Some(tag) => Typed::Known(tag, next()),
                None => Typed::Any { tag: next(), payload: next() },
            })
            .collect()
    }

    /// Whether a tag is that of one of these types.
    pub(super) fn has_type_in(&mut self, tag: Val, types: TagSet) -> Val {
        let types = self.int(types.bits().into());
        let shifted = self.push(Inst::Binary(Binary::ShrUnsigned, types, tag), Repr::I64);
        let one = self.int(1);
        let bit = self.push(Inst::Binary(Binary::And, shifted, one), Repr::I64);
        self.push(Inst::Unary(Unary::BitsToBool, bit), Repr::Bool)
    }

    /// Goes on where a value is of a type; the block for the others is given.
    fn branch_on_tag(&mut self, tag: Val, wanted: Tag) -> BlockId {
        let wanted = self.int(wanted as i64);
        let is_it = self.push(Inst::Icmp(Compare::Eq, tag, wanted), Repr::Bool);
        let (it, other) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_it, it, other));
        self.current = it;
        other
    }

    /// The truth of a comparison of which an operand is of open type: if the other one is not, the type of that is the
    /// likely one.
    pub(super) fn open_comparison(&mut self, op: Compare, x: Typed, y: Typed) -> Val {
        let (tag, payload, known) = match (x, y) {
            (Typed::Any { tag, payload }, Typed::Known(known, _))
            | (Typed::Known(known, _), Typed::Any { tag, payload }) => (tag, payload, known),
            _ => return self.compare_by_helper(op, x, y),
        };
        let other = self.branch_on_tag(tag, known);
        let likely = self.unpack(known, payload);
        let (left, right) = if matches!(x, Typed::Any { .. }) { (likely, y) } else { (x, likely) };
        let truth = self.comparison(op, left, right).or_else(|| self.object_comparison(op, left, right));
        let truth = truth.unwrap_or_else(|| self.compare_by_helper(op, left, right));
        let mut edges = vec![(self.current, vec![truth])];
        self.current = other;
        // Of different types only numbers may be equal.
        let is_equality = matches!(op, Compare::Eq | Compare::Ne);
        let are_numbers = matches!(known, Tag::Int | Tag::Float);
        if is_equality && are_numbers {
            let other_number = if known == Tag::Int { Tag::Float } else { Tag::Int };
            let no_number = self.branch_on_tag(tag, other_number);
            let truth = self.compare_by_helper(op, x, y);
            edges.push((self.current, vec![truth]));
            self.current = no_number;
        }
        let truth = if is_equality { self.truth(op == Compare::Ne) } else { self.compare_by_helper(op, x, y) };
        edges.push((self.current, vec![truth]));
        self.join(edges)[0]
    }

    /// The truth of a comparison of tuples. Mostly their first items decide, which mostly are numbers of one kind;
    /// where they do not a helper goes on.
    pub(super) fn compare_tuples(&mut self, op: Compare, x: Val, y: Val) -> Val {
        let [has_item, other_has_item] = [x, y].map(|tuple| {
            let len = self.length_at(tuple, Tuple::LEN_OFFSET);
            self.push(Inst::Unary(Unary::BitsToBool, len), Repr::Bool)
        });
        let have_items = self.push(Inst::Binary(Binary::BoolAnd, has_item, other_has_item), Repr::Bool);
        let (with_items, without) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(have_items, with_items, without));
        self.current = with_items;
        let [(tag, first), (other_tag, other)] = [x, y].map(|tuple| {
            let item = self.item_of_pair(tuple, 0);
            self.parts(item)
        });
        let (mut decided, mut undecided) = (Vec::new(), vec![(without, Vec::new())]);
        for kind in [Tag::Int, Tag::Float] {
            let of_another_kind = self.branch_on_tag(tag, kind);
            undecided.push((self.branch_on_tag(other_tag, kind), Vec::new()));
            let (left, right) = (self.unpack(kind, first), self.unpack(kind, other));
            let is_less = matches!(op, Compare::Lt | Compare::Le | Compare::Ne);
            let is_greater = matches!(op, Compare::Gt | Compare::Ge | Compare::Ne);
            for (test, truth) in [(Compare::Lt, is_less), (Compare::Gt, is_greater)] {
                let Some(decides) = self.comparison(test, left, right) else { continue };
                let (yes, no) = (self.new_block(), self.new_block());
                self.finish(Terminator::Branch(decides, yes, no));
                self.current = yes;
                decided.push((yes, vec![self.truth(truth)]));
                self.current = no;
            }
            undecided.push((self.current, Vec::new()));
            self.current = of_another_kind;
        }
        undecided.push((self.current, Vec::new()));
        self.join(undecided);
        let truth = self.compare_by_helper(op, Typed::Known(Tag::Tuple, x), Typed::Known(Tag::Tuple, y));
        decided.push((self.current, vec![truth]));
        self.join(decided)[0]
    }

    /// The truth of a comparison of any values.
    pub(super) fn compare_by_helper(&mut self, op: Compare, x: Typed, y: Typed) -> Val {
        let (helper, first, second) = match op {
            Compare::Lt => (Helper::Less, x, y),
            Compare::Gt => (Helper::Less, y, x),
            Compare::Le => (Helper::LessEqual, x, y),
            Compare::Ge => (Helper::LessEqual, y, x),
            _ => (Helper::Equal, x, y),
        };
        let ((tag, a), (other, b)) = (self.parts(first), self.parts(second));
        let args = vec![VM, tag, a, other, b];
        if helper != Helper::Equal {
            return self.call_for_truth(helper, args, MemSet::NONE);
        }
        let equal = self.call(helper, args, MemSet::NONE);
        let equal = self.push(Inst::Unary(Unary::BitsToBool, equal), Repr::Bool);
        if op == Compare::Ne { self.not(equal) } else { equal }
    }

    /// Whether a value is truthy of which such types were seen.
    pub(super) fn open_truth(&mut self, value: Typed, seen: TagSet) -> Built<Val> {
        let (tag, payload) = self.parts(value);
        let mut edges = Vec::new();
        for likely in ALL_TAGS.into_iter().filter(|tag| seen.contains(*tag)).take(MOST_TYPES) {
            let other = self.branch_on_tag(tag, likely);
            let value = self.unpack(likely, payload);
            let truth = match self.known_truth(value)? {
                Some(truth) => truth,
                None => self.truth_by_helper(tag, payload),
            };
            edges.push((self.current, vec![truth]));
            self.current = other;
        }
        let truth = self.truth_by_helper(tag, payload);
        edges.push((self.current, vec![truth]));
        Ok(self.join(edges)[0])
    }

    fn truth_by_helper(&mut self, tag: Val, payload: Val) -> Val {
        let truth = self.call(Helper::Truthy, vec![VM, tag, payload], MemSet::NONE);
        self.push(Inst::Unary(Unary::BitsToBool, truth), Repr::Bool)
    }
}
