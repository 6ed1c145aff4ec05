//! Indices that follow an induction variable: their guards are replaced by guards of the extremes in front of the loop.
//!
//! This is loop versioning by deoptimisation, as in Würthinger, Wimmer and Mössenböck, *Array Bounds Check Elimination
//! for the Java HotSpot Client Compiler*, on linear forms of one induction variable.
//!
//! # The argument
//! Let `p` be a parameter of the header that starts as `a` and changes by a constant step `s > 0` on each back edge
//! (for `s < 0` all is mirrored; a step that is no constant but does not change in the loop is checked to be positive
//! and not huge), and let every back edge, or the path to the guard and every back edge, be taken only if the new, or
//! the present, value is at most `e`, which the loop does not change. If stepping never wraps, `p` lies in `[a, max(a,
//! e)]` at the guard. It does not wrap if `a` and `e` are at most `MAX - s`, or `MAX` less the largest `s` there may
//! be.
//!
//! An index `f(p) = k * p + r`, computed modulo 2^64 with `k` constant and small and `r` invariant, is then in `[0,
//! len)` for all these if `f(a)` and `f(e)` are and the distance between them, `k * (e - a)`, does not wrap. Lists are
//! shorter than 2^47, so it suffices that `e - a` is below `len` too. That check is left out where it follows: for `k =
//! ±1`, if `a` is a constant not below 0 or `r` a small constant.
//!
//! Where a branch that dominates the guard has found the index to be at most `l`, which the loop does not change, its
//! last value is not asked for: the inner of `for i in 0..n { for j in i + 1..n {` is entered for no `i` of which `i +
//! 1` is no index. For `k = s = 1` and `r` a small constant it suffices that `f(a)` is not negative and small, that `e`
//! is far enough from `MAX` for `f` not to wrap, and that `l` is in `[0, len)`; mirrored, that `f(a)` is in `[0, len)`,
//! `e` far enough from `MIN`, and `l` not negative.
//!
//! With a step other than 1, `e` is first lowered to the last value that `p` really takes, as loops over pairs would
//! fail otherwise.

use super::Hoister;

use crate::jit::ir::{Binary, BlockId, Compare, ExitId, Inst, Mem, Region, Repr, Terminator, Unary, Val};
use crate::jit::opt::cfg::LoopBlocks;
use crate::jit::opt::fold::{Values, int_of};
use crate::runtime::object::List;

/// Largest step of an induction variable, and largest factor in an index.
const MAX_STEP: i64 = 1 << 12;
/// Largest step that is known only when running.
const MAX_OPEN_STEP: i64 = 1 << 40;
/// Constants that are small against what wraps, and large against lists.
const SMALL: i64 = 1 << 40;
/// Depth to which an index is looked into.
const MAX_DEPTH: u32 = 8;

/// How a variable changes on each back edge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Constant(i64),
    /// By a value that the loop does not change. It is taken to be positive, which has to be checked.
    Open(Val),
}

impl Step {
    fn is_up(self) -> bool {
        !matches!(self, Step::Constant(..0))
    }

    fn is_unit(self) -> bool {
        matches!(self, Step::Constant(1 | -1))
    }
}

/// A variable that steps evenly as long as it is within a bound.
struct Recurrence {
    param: Val,
    init: Val,
    step: Step,
    /// The bound, and whether the variable may reach it.
    bound: Val,
    inclusive: bool,
    /// The block behind whose dominating branch the bound holds; everywhere in the loop if `None`.
    holds_in: Option<BlockId>,
}

/// The induction variables of a loop.
pub(super) struct Inductions(Vec<Recurrence>);

/// `factor * p + rest`.
#[derive(Clone, Copy)]
struct Linear {
    factor: i64,
    /// The rest, if it is a constant.
    rest: Option<i64>,
}

impl Linear {
    fn has_small_rest(self) -> bool {
        self.rest.is_some_and(|rest| is_within(rest, SMALL))
    }
}

impl Inductions {
    pub fn of(hoister: &Hoister, blocks: &LoopBlocks) -> Inductions {
        let region = &*hoister.region;
        let region_loop = &region.loops[blocks.index];
        let header = region.block(region_loop.header);
        let Terminator::Jump(_, init) = &region.block(region_loop.preheader).end else { return Inductions(Vec::new()) };
        let facts: Vec<Vec<Fact>> =
            blocks.latches.iter().map(|latch| facts_behind(hoister, blocks.index, *latch)).collect();
        let mut found = Vec::new();
        for (place, &param) in header.params.iter().enumerate() {
            if region.repr(param) != Repr::I64 {
                continue;
            }
            let nexts: Option<Vec<Val>> = blocks.latches.iter().map(|latch| argument(region, *latch, place)).collect();
            let Some(nexts) = nexts else { continue };
            let Some(step) = common_step(hoister, blocks.index, param, &nexts) else { continue };
            let new = |(bound, inclusive, holds_in)| Recurrence {
                param,
                init: init[place],
                step,
                bound,
                inclusive,
                holds_in,
            };
            // The bound holds for the new value on every back edge, or for the present one.
            let bounds =
                nexts.iter().zip(&facts).map(|(next, facts)| bound_of(hoister, blocks.index, *next, step, facts));
            if let Some((bound, inclusive, _)) = agreeing(bounds) {
                found.push(new((bound, inclusive, None)));
            } else if let Some((bound, inclusive, block)) =
                agreeing(facts.iter().map(|facts| bound_of(hoister, blocks.index, param, step, facts)))
            {
                found.push(new((bound, inclusive, Some(block))));
            }
        }
        Inductions(found)
    }

    /// Checks before the loop that an index stays within a list's length throughout; whether that was possible.
    pub fn cover(&self, hoister: &mut Hoister, index: usize, condition: Val, block: BlockId) -> bool {
        let Some(&Inst::Icmp(Compare::Below, position, len)) = hoister.definition(condition) else { return false };
        let is_len = matches!(hoister.definition(len), Some(&Inst::Load { mem: Mem::Header, offset, .. }) if offset == List::LEN_OFFSET as i32);
        if !is_len || !hoister.is_invariant(index, len) {
            return false;
        }
        for induction in &self.0 {
            if induction.holds_in.is_some_and(|behind| !hoister.cfg.dominates(behind, block)) {
                continue;
            }
            if let Some(linear) = linear(hoister, index, position, induction.param, MAX_DEPTH)
                && linear.factor != 0
                && is_within(linear.factor, MAX_STEP)
                && let Some(exit) = hoister.check_exit(index)
            {
                match induction.limit_behind_branch(hoister, index, position, linear, block) {
                    Some(limit) => induction.check_up_to(hoister, index, position, len, limit, exit),
                    None => induction.check(hoister, index, position, len, linear, exit),
                }
                return true;
            }
        }
        false
    }
}

impl Recurrence {
    /// Emits the checks of the module's argument.
    fn check(&self, hoister: &mut Hoister, index: usize, position: Val, len: Val, linear: Linear, exit: ExitId) {
        let (init, step) = (self.init, self.step);
        if let Step::Open(step) = step {
            for (op, limit) in [(Compare::Ge, 1), (Compare::Le, MAX_OPEN_STEP)] {
                let limit = hoister.constant(Inst::Int(limit));
                require(hoister, index, (op, step, limit), exit);
            }
        }
        let mut last = self.last_within(hoister, index, self.bound, self.inclusive);
        let const_init = int_of(hoister, init);
        let small_rest = linear.has_small_rest();
        let unit = linear.factor.unsigned_abs() == 1;

        // Stepping does not wrap. From an exclusive bound, steps of 1 cannot.
        if !(unit && small_rest) {
            self.check_room(hoister, index, init, exit);
        }
        if !step.is_unit() || self.inclusive {
            self.check_room(hoister, index, self.bound, exit);
        }

        let starts_right = step.is_up() && const_init.is_some_and(|init| (0..=SMALL).contains(&init));
        let needs_distance = !(unit && (small_rest || starts_right));
        if needs_distance || !step.is_unit() {
            let (high, low) = if step.is_up() { (last, init) } else { (init, last) };
            let distance = hoister.compute_before(index, Inst::Binary(Binary::Isub, high, low), Repr::I64);
            require(hoister, index, (Compare::Below, distance, len), exit);
            if !step.is_unit() {
                // A divisor that is no constant was checked above to be positive.
                let by = match step {
                    Step::Constant(step) => hoister.constant(Inst::Int(step.abs())),
                    Step::Open(step) => step,
                };
                let over = hoister.compute_before(index, Inst::Binary(Binary::Irem, distance, by), Repr::I64);
                let op = if step.is_up() { Binary::Isub } else { Binary::Iadd };
                last = hoister.compute_before(index, Inst::Binary(op, last, over), Repr::I64);
            }
        }
        for extreme in [init, last] {
            let position = evaluate(hoister, index, position, self.param, extreme);
            require(hoister, index, (Compare::Below, position, len), exit);
        }
    }

    /// The last value that an index can have because a branch that dominates it has compared it, if it goes up or down
    /// with the variable.
    fn limit_behind_branch(
        &self,
        hoister: &mut Hoister,
        index: usize,
        position: Val,
        linear: Linear,
        block: BlockId,
    ) -> Option<Val> {
        if position == self.param || linear.factor != 1 || !linear.has_small_rest() || !self.step.is_unit() {
            return None;
        }
        let facts = facts_behind(hoister, index, block);
        let (bound, inclusive, _) = bound_of(hoister, index, position, self.step, &facts)?;
        Some(self.last_within(hoister, index, bound, inclusive))
    }

    /// The last int within a bound in the direction of the step.
    fn last_within(&self, hoister: &mut Hoister, index: usize, bound: Val, inclusive: bool) -> Val {
        if inclusive {
            return bound;
        }
        let back = hoister.constant(Inst::Int(if self.step.is_up() { -1 } else { 1 }));
        hoister.compute_before(index, Inst::Binary(Binary::Iadd, bound, back), Repr::I64)
    }

    /// Emits the checks for an index that a branch has found not to be past `limit`: the module's second argument.
    fn check_up_to(&self, hoister: &mut Hoister, index: usize, position: Val, len: Val, limit: Val, exit: ExitId) {
        let first = evaluate(hoister, index, position, self.param, self.init);
        let mut int = |value| hoister.constant(Inst::Int(value));
        let checks = if self.step.is_up() {
            let (small, room) = (int(SMALL), int(i64::MAX - SMALL));
            [(Compare::Below, first, small), (Compare::Le, self.bound, room), (Compare::Below, limit, len)]
        } else {
            let (zero, room) = (int(0), int(i64::MIN + SMALL));
            [(Compare::Below, first, len), (Compare::Ge, self.bound, room), (Compare::Ge, limit, zero)]
        };
        checks.into_iter().for_each(|check| require(hoister, index, check, exit));
    }

    /// Checks that a step from a value does not wrap.
    fn check_room(&self, hoister: &mut Hoister, index: usize, from: Val, exit: ExitId) {
        let (op, limit) = match self.step {
            Step::Open(_) => (Compare::Le, i64::MAX - MAX_OPEN_STEP),
            Step::Constant(step) if step > 0 => (Compare::Le, i64::MAX - step),
            Step::Constant(step) => (Compare::Ge, i64::MIN - step),
        };
        let limit = hoister.constant(Inst::Int(limit));
        require(hoister, index, (op, from, limit), exit);
    }
}

/// Checks in front of a loop that a comparison holds.
fn require(hoister: &mut Hoister, index: usize, (op, a, b): (Compare, Val, Val), exit: ExitId) {
    let holds = hoister.compute_before(index, Inst::Icmp(op, a, b), Repr::Bool);
    hoister.check_before(index, holds, exit);
}

/// Whether a number is no farther from 0 than that. The least int is not, though its absolute value as an int would not
/// say so.
fn is_within(number: i64, limit: i64) -> bool {
    number.unsigned_abs() <= limit.unsigned_abs()
}

/// What a block passes for a parameter of the block it jumps to.
fn argument(region: &Region, block: BlockId, place: usize) -> Option<Val> {
    match &region.block(block).end {
        Terminator::Jump(_, args) => args.get(place).copied(),
        _ => None,
    }
}

/// The step from a parameter to each of its next values, if it is one constant, or one value that the loop does not
/// change.
fn common_step(hoister: &Hoister, index: usize, param: Val, nexts: &[Val]) -> Option<Step> {
    let mut common = None;
    for &next in nexts {
        let Some(&Inst::Binary(Binary::Iadd, a, b)) = hoister.definition(next) else { return None };
        let by = if a == param { b } else { a };
        if a != param && b != param {
            return None;
        }
        let step = match int_of(hoister, by) {
            Some(step) if step == 0 || !is_within(step, MAX_STEP) => return None,
            Some(step) => Step::Constant(step),
            None if hoister.is_invariant(index, by) => Step::Open(by),
            None => return None,
        };
        if common.is_some_and(|known| known != step) {
            return None;
        }
        common = Some(step);
    }
    common
}

/// A comparison known to hold, and the block from which on it is.
#[derive(Clone, Copy)]
struct Fact {
    op: Compare,
    a: Val,
    b: Val,
    block: BlockId,
}

/// What branches between the header and a block say.
fn facts_behind(hoister: &Hoister, index: usize, block: BlockId) -> Vec<Fact> {
    let header = hoister.region.loops[index].header;
    let mut facts = Vec::new();
    let mut current = block;
    while current != header {
        let Some(idom) = hoister.cfg.idom(current) else { break };
        if let Terminator::Branch(mut condition, yes, no) = hoister.region.block(idom).end
            && hoister.cfg.only_pred(current) == Some(idom)
            && yes != no
        {
            let mut holds = current == yes;
            while let Some(&Inst::Unary(Unary::Not, inner)) = hoister.definition(condition) {
                (condition, holds) = (inner, !holds);
            }
            if let Some(&Inst::Icmp(op, a, b)) = hoister.definition(condition)
                && let Some(op) = if holds { Some(op) } else { inverse(op) }
            {
                facts.push(Fact { op, a, b, block: current });
            }
        }
        current = idom;
    }
    facts
}

fn inverse(op: Compare) -> Option<Compare> {
    Some(match op {
        Compare::Eq => Compare::Ne,
        Compare::Ne => Compare::Eq,
        Compare::Lt => Compare::Ge,
        Compare::Le => Compare::Gt,
        Compare::Gt => Compare::Le,
        Compare::Ge => Compare::Lt,
        Compare::Below | Compare::BelowEq => return None,
    })
}

type Bound = (Val, bool, BlockId);

/// An invariant bound of a value in the direction of a step.
fn bound_of(hoister: &Hoister, index: usize, val: Val, step: Step, facts: &[Fact]) -> Option<Bound> {
    facts.iter().find_map(|fact| {
        let (op, bound) = match *fact {
            Fact { op, a, b, .. } if a == val => (op, b),
            Fact { op, a, b, .. } if b == val => (op.swapped(), a),
            _ => return None,
        };
        let inclusive = match op {
            Compare::Lt if step.is_up() => false,
            Compare::Gt if !step.is_up() => false,
            Compare::Le if step.is_up() => true,
            Compare::Ge if !step.is_up() => true,
            _ => return None,
        };
        hoister.is_invariant(index, bound).then_some((bound, inclusive, fact.block))
    })
}

/// The bound that holds on all back edges.
fn agreeing(mut bounds: impl Iterator<Item = Option<Bound>>) -> Option<Bound> {
    let first = bounds.next()??;
    bounds.all(|bound| bound == Some(first)).then_some(first)
}

/// A value as a linear form of a parameter, its other parts invariant.
fn linear(hoister: &Hoister, index: usize, val: Val, param: Val, depth: u32) -> Option<Linear> {
    if val == param {
        return Some(Linear { factor: 1, rest: Some(0) });
    }
    if hoister.is_invariant(index, val) {
        return Some(Linear { factor: 0, rest: int_of(hoister, val) });
    }
    let part = |val| if depth == 0 { None } else { linear(hoister, index, val, param, depth - 1) };
    let both = |a: Option<i64>, b: Option<i64>, op: fn(i64, i64) -> Option<i64>| a.zip(b).and_then(|(a, b)| op(a, b));
    match *hoister.definition(val)? {
        Inst::Binary(Binary::Iadd, a, b) => {
            let (a, b) = (part(a)?, part(b)?);
            Some(Linear { factor: a.factor.checked_add(b.factor)?, rest: both(a.rest, b.rest, i64::checked_add) })
        }
        Inst::Binary(Binary::Isub, a, b) => {
            let (a, b) = (part(a)?, part(b)?);
            Some(Linear { factor: a.factor.checked_sub(b.factor)?, rest: both(a.rest, b.rest, i64::checked_sub) })
        }
        Inst::Binary(Binary::Imul, a, b) => {
            let (a, by) = (part(a)?, int_of(hoister, b)?);
            Some(Linear { factor: a.factor.checked_mul(by)?, rest: both(a.rest, Some(by), i64::checked_mul) })
        }
        _ => None,
    }
}

/// A linear form for another value of its parameter, computed before the loop.
fn evaluate(hoister: &mut Hoister, index: usize, val: Val, param: Val, value: Val) -> Val {
    if val == param {
        return value;
    }
    if hoister.is_invariant(index, val) {
        return val;
    }
    match hoister.definition(val) {
        Some(&Inst::Binary(op, a, b)) => {
            let a = evaluate(hoister, index, a, param, value);
            let b = evaluate(hoister, index, b, param, value);
            hoister.compute_before(index, Inst::Binary(op, a, b), Repr::I64)
        }
        _ => unreachable!("a linear form consists of sums and products"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::cfg::Cfg;
    use crate::jit::opt::test_regions::{TestRegion, in_loops, text};
    use crate::jit::opt::{SpeculationBan, optimise};

    /// A loop with the index that `make` computes from the counter guarded against the length of a list; the guards
    /// left in it and in front.
    fn guards(
        from: Option<i64>,
        step: i64,
        op: Compare,
        ban: &SpeculationBan,
        make: fn(&mut TestRegion, Val) -> Val,
    ) -> (usize, usize) {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let end = region.load(Mem::Frame, Val(1), 24);
        let len = region.len(list);
        let from = match from {
            Some(from) => region.int(from),
            None => region.load(Mem::Frame, Val(1), 40),
        };
        region.counted(from, step, op, end, |region, counter| {
            let position = make(region, counter);
            let inside = region.push(Inst::Icmp(Compare::Below, position, len));
            region.guard(inside, ExitReason::Bounds);
        });
        let mut region = region.finish();
        optimise(&mut region, ban);
        let count = |text: &str| text.matches("guard").count();
        (count(&in_loops(&region)), count(&text(&region, region.order[0])))
    }

    fn affine(region: &mut TestRegion, counter: Val, factor: i64, rest: i64) -> Val {
        let (factor, rest) = (region.int(factor), region.int(rest));
        let product = region.push(Inst::Binary(Binary::Imul, counter, factor));
        region.push(Inst::Binary(Binary::Iadd, product, rest))
    }

    #[test]
    fn the_counter_itself_takes_two_checks() {
        let none = SpeculationBan::default();
        assert_eq!(guards(Some(0), 1, Compare::Lt, &none, |_, i| i), (0, 2));
        assert_eq!(guards(None, 1, Compare::Lt, &none, |_, i| i), (0, 2));
        assert_eq!(guards(None, -1, Compare::Gt, &none, |_, i| i), (0, 2));
    }

    #[test]
    fn what_could_wrap_is_checked() {
        let none = SpeculationBan::default();
        // `i <= end` steps once more at the largest int.
        assert_eq!(guards(Some(0), 1, Compare::Le, &none, |_, i| i), (0, 3));
        assert_eq!(guards(None, -1, Compare::Ge, &none, |_, i| i), (0, 3));
        // Steps of 3 from a known start: room at the bound, the distance to the last value, two extremes.
        assert_eq!(guards(Some(0), 3, Compare::Lt, &none, |_, i| i), (0, 4));
        // A factor: room at the start, which is unknown, the distance, two extremes.
        assert_eq!(guards(None, 1, Compare::Lt, &none, |region, i| affine(region, i, 4, 1)), (0, 4));
        assert_eq!(guards(None, 1, Compare::Lt, &none, |region, i| affine(region, i, 1, -1)), (0, 2));
    }

    #[test]
    fn an_index_that_does_not_follow_the_counter_stays_checked() {
        let none = SpeculationBan::default();
        let square = |region: &mut TestRegion, i: Val| region.push(Inst::Binary(Binary::Imul, i, i));
        assert_eq!(guards(Some(0), 1, Compare::Lt, &none, square), (1, 0));
        let masked = |region: &mut TestRegion, i: Val| {
            let mask = region.int(7);
            region.push(Inst::Binary(Binary::And, i, mask))
        };
        assert_eq!(guards(Some(0), 1, Compare::Lt, &none, masked), (1, 0));
        assert_eq!(guards(Some(0), 1, Compare::Lt, &none, |region, i| affine(region, i, 1 << 20, 0)), (1, 0));
        // The comparison does not bound the counter in the direction of its step.
        assert_eq!(guards(Some(0), 1, Compare::Gt, &none, |_, i| i), (1, 0));
        assert_eq!(guards(Some(0), 1, Compare::Ne, &none, |_, i| i), (1, 0));
    }

    /// As [`guards`], for a counter that goes up by what the frame says, or by what each iteration finds there.
    fn open_guards(changes: bool, op: Compare) -> (usize, usize) {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let (end, by) = (region.load(Mem::Frame, Val(1), 24), region.load(Mem::Frame, Val(1), 56));
        let (len, from) = (region.len(list), region.load(Mem::Frame, Val(1), 40));
        let mut steps = Vec::new();
        region.counted(from, 1, op, end, |region, counter| {
            let inside = region.push(Inst::Icmp(Compare::Below, counter, len));
            region.guard(inside, ExitReason::Bounds);
            if changes {
                region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 56, value: counter });
                steps.push(region.load(Mem::Frame, Val(1), 56));
            } else {
                steps.push(by);
            }
        });
        let mut region = region.finish();
        let header = region.loops[0].header;
        for (_, inst) in &mut region.block_mut(header).insts {
            if let Inst::Binary(Binary::Iadd, _, step) = inst {
                *step = steps[0];
            }
        }
        optimise(&mut region, &SpeculationBan::default());
        let count = |text: &str| text.matches("guard").count();
        (count(&in_loops(&region)), count(&text(&region, region.order[0])))
    }

    #[test]
    fn a_step_that_stays_is_checked_once() {
        // It is positive and not huge; room at the bound, the distance to the last value, two extremes.
        assert_eq!(open_guards(false, Compare::Lt), (0, 6));
        assert_eq!(open_guards(false, Compare::Le), (0, 6));
        // Upwards is what is taken to be likely.
        assert_eq!(open_guards(false, Compare::Gt), (1, 0));
        assert_eq!(open_guards(true, Compare::Lt), (1, 0));
    }

    #[test]
    fn a_speculation_ban_leaves_the_check_in_the_loop() {
        let everywhere = SpeculationBan { everywhere: true, ..SpeculationBan::default() };
        assert_eq!(guards(Some(0), 1, Compare::Lt, &everywhere, |_, i| i), (1, 0));
        let this_loop = SpeculationBan { loops: [7].into_iter().collect(), ..SpeculationBan::default() };
        assert_eq!(guards(Some(0), 1, Compare::Lt, &this_loop, |_, i| i), (1, 0));
        let another = SpeculationBan { loops: [8].into_iter().collect(), ..SpeculationBan::default() };
        assert_eq!(guards(Some(0), 1, Compare::Lt, &another, |_, i| i), (0, 2));
    }

    /// Guards in the loops and in front of both, of an inner loop that starts one step behind the outer counter, behind
    /// a branch that compares its start with the end, or with something else.
    fn triangle(step: i64, op: Compare, asks_for_start: bool) -> (usize, Vec<String>) {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let (from, end) = (region.load(Mem::Frame, Val(1), 24), region.load(Mem::Frame, Val(1), 40));
        let len = region.len(list);
        region.counted(from, step, op, end, |region, counter| {
            let by = region.int(step);
            let next = region.push(Inst::Binary(Binary::Iadd, counter, by));
            let any = region.push(Inst::Icmp(op, if asks_for_start { next } else { len }, end));
            region.when(any, |region| {
                region.counted(next, step, op, end, |region, inner| {
                    let inside = region.push(Inst::Icmp(Compare::Below, inner, len));
                    region.guard(inside, ExitReason::Bounds);
                });
            });
        });
        let mut region = region.finish();
        optimise(&mut region, &SpeculationBan::default());
        let (inside, before) = (in_loops(&region), text(&region, region.order[0]));
        (
            inside.matches("guard").count(),
            before.lines().filter(|line| line.starts_with("icmp")).map(str::to_owned).collect(),
        )
    }

    #[test]
    fn an_index_that_a_branch_has_compared_is_not_asked_for_at_the_end() {
        for (step, op) in [(1, Compare::Lt), (-1, Compare::Gt), (1, Compare::Le), (-1, Compare::Ge)] {
            // The first index, room at the bound, and the limit, which is also the inner loop's last index.
            let (inside, before) = triangle(step, op, true);
            assert_eq!(inside, 0, "{op:?} {before:?}");
            let with_room = before.iter().filter(|line| line.starts_with("icmp le") || line.starts_with("icmp ge"));
            assert!(with_room.count() >= 1, "{op:?} {before:?}");
            // What is compared is not the index: its last value is asked for.
            let (inside, general) = triangle(step, op, false);
            assert_eq!(inside, 0, "{op:?} {general:?}");
            assert_ne!(before, general, "{op:?}");
        }
    }

    #[test]
    fn a_length_that_may_change_stays_checked() {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 24));
        region.counted(zero, 1, Compare::Lt, end, |region, counter| {
            let len = region.len(list);
            let inside = region.push(Inst::Icmp(Compare::Below, counter, len));
            region.guard(inside, ExitReason::Bounds);
            region.effect(Inst::Store { mem: Mem::Header, base: list, offset: List::LEN_OFFSET as i32, value: zero });
        });
        let mut region = region.finish();
        optimise(&mut region, &SpeculationBan::default());
        assert!(in_loops(&region).contains("guard"), "{region}");
    }

    #[test]
    fn an_index_of_two_counters_is_checked_in_front_of_both_loops() {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 24));
        let len = region.len(list);
        region.counted(zero, 1, Compare::Lt, end, |region, i| {
            region.counted(zero, 1, Compare::Lt, end, |region, j| {
                let eight = region.int(8);
                let row = region.push(Inst::Binary(Binary::Imul, i, eight));
                let position = region.push(Inst::Binary(Binary::Iadd, row, j));
                let inside = region.push(Inst::Icmp(Compare::Below, position, len));
                region.guard(inside, ExitReason::Bounds);
            });
        });
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        assert_eq!(cfg.loops.len(), 2);
        optimise(&mut region, &SpeculationBan::default());
        assert!(!in_loops(&region).contains("guard"), "{region}");
    }
}
