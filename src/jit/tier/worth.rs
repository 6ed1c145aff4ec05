//! Whether native code will pay: what a loop or function still has to do, as far as can be told, against what its code
//! takes to make.
//!
//! Both are counted in interpreted instructions, never measured, so nothing here depends on how busy the machine is.
//! What is to come is known of loops over ranges and lists: each of those that the frames stand in says how many
//! iterations it has yet to do. Of everything else nothing is known but what was: that it goes on for as long again.
//! What code takes to make grows with the instructions that go into it, those of inlined functions at each place where
//! they are called; how many these are, a recording tells.

use smallvec::SmallVec;

use super::{Jit, State};
use crate::bytecode::op::shape::Over;
use crate::bytecode::op::window::{Iter, Range};
use crate::bytecode::{FuncId, LoopRegion, Op, Program, Run};
use crate::runtime::hooks::Thresholds;
use crate::runtime::regions::Entry;
use crate::runtime::vm::Vm;

/// What it takes to make native code, in interpreted instructions: the compiler itself when it is first used, a region
/// however small, and each instruction in it.
const FIRST: u64 = 200_000;
const REGION: u64 = 70_000;
const INSTRUCTION: u64 = 1_800;
/// Instructions that a call stands for whose callee is not known, and most that it stands for if that is known.
const UNKNOWN_CALLEE: u64 = 12;
const LARGEST_CALLEE: u64 = 60;
/// Native code has to do so many times the work that it took to make.
const GAIN: u64 = 2;
/// What nothing is known of is taken to go on for as long again; it counts so many times, so that it needs no gain
/// besides: a loop that has run for long will not end soon.
const AGAIN: u64 = 2;
/// What an exit costs, in interpreted instructions, with those that are executed until native code is entered again.
const EXIT: u64 = 3_000;
/// Frames that are looked at.
const MAX_FRAMES: usize = 8;

/// One loop that the program is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Level {
    /// Where its counter is, an index into the program's code.
    pc: u32,
    /// Its iterations so far.
    count: u64,
    /// Its iterations to come, if they are known.
    remaining: Option<u64>,
}

/// The loops that the program is in, from the inside out.
#[derive(Default, Debug)]
struct Nest {
    levels: SmallVec<[Level; 8]>,
    /// What is around these is not known: a recursion, or more frames than are looked at.
    is_open: bool,
}

impl Nest {
    /// How many iterations or calls are to come of what had `own` so far. That stands in all of the loops; the first of
    /// them is the loop itself, if it is one. `seen` is what was counted when it was looked at first.
    fn to_come(&self, own: u64, is_loop: bool, seen: &Seen) -> u64 {
        let mut known = 0u64;
        let mut is_known = !self.is_open && !self.levels.is_empty();
        for (index, level) in self.levels.iter().enumerate() {
            let Some(remaining) = level.remaining else {
                is_known = false;
                continue;
            };
            // Each iteration of a loop around it has so many of its own.
            known = known.saturating_add(match index == 0 && is_loop {
                true => remaining,
                false => {
                    let (own, count) = seen.since(own, level);
                    (u128::from(own) * u128::from(remaining) / u128::from(count.max(1))) as u64
                }
            });
        }
        if is_known { known } else { known.max(own.saturating_mul(AGAIN)) }
    }
}

/// What was counted of a unit, and of the loops that the program was in, when it was first looked at there.
#[derive(Clone, Default, Debug)]
struct Seen {
    own: u64,
    /// By where their counters are.
    around: SmallVec<[(u32, u64); 4]>,
}

impl Seen {
    /// Now, if the program was not in the same loops before.
    fn look(&mut self, own: u64, nest: &Nest) {
        if !self.around.iter().map(|(pc, _)| pc).eq(nest.levels.iter().map(|level| &level.pc)) {
            self.own = own;
            self.around = nest.levels.iter().map(|level| (level.pc, level.count)).collect();
        }
    }

    /// What the unit and a loop around it have counted since then; all that they have, as long as that loop has done no
    /// iteration since. It may have run before for something else: a function that calls what it is given.
    fn since(&self, own: u64, level: &Level) -> (u64, u64) {
        let before = self.around.iter().find(|(pc, _)| *pc == level.pc).map_or(level.count, |(_, count)| *count);
        match level.count.saturating_sub(before) {
            0 => (own, level.count),
            count => (own.saturating_sub(self.own), count),
        }
    }
}

/// What a stretch of code is counted by: a loop without those in it, or a function without its loops.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Where its counter is, an index into the program's code.
    start: u32,
    /// Instructions that are in no loop inside.
    own: u32,
}

/// All loops and functions of a program.
#[derive(Debug)]
pub struct Spans(Vec<Span>);

impl Spans {
    pub fn of(program: &Program) -> Spans {
        let functions = program.functions.iter().map(|function| {
            let Run { start, len } = function.code;
            Span { start, own: len }
        });
        let mut spans: Vec<Span> = functions.collect();
        let first_loop = spans.len();
        for region in &program.loops {
            let start = program.functions[region.func.index()].code.start;
            let own = region.end.saturating_sub(region.header);
            spans.push(Span { start: start + region.header, own });
            let around = region.parent.map_or(region.func.index(), |parent| first_loop + parent.index());
            spans[around].own = spans[around].own.saturating_sub(own);
        }
        Spans(spans)
    }

    /// Instructions that were interpreted in a stretch of the program's code, about: each iteration of a loop and each
    /// call of a function is taken to execute all of it once.
    fn interpreted(&self, code: std::ops::Range<u32>, count: &dyn Fn(u32) -> u64) -> u64 {
        let spans = self.0.iter().filter(|span| code.contains(&span.start));
        spans.map(|span| u64::from(span.own) * count(span.start)).fold(0, u64::saturating_add)
    }
}

/// What is remembered of a unit that does not pay yet.
#[derive(Clone, Default, Debug)]
pub struct Outlook {
    /// How often it was looked at.
    looks: u32,
    seen: Seen,
    /// The counts of what is around it, and its own and the whole program's when that was first seen: as long as the
    /// former stay the same, it is the loop that the program is in.
    around: u64,
    count: u64,
    interpreted: u64,
}

impl Outlook {
    /// After how many iterations or calls to look again: soon at first, as each may be long.
    pub fn until_next_look(&self, most: u32) -> u32 {
        (4u32 << self.looks.min(16)).min(most).max(1)
    }
}

/// What it takes to make code of so many instructions.
fn cost(instructions: u64, is_first: bool) -> u64 {
    REGION + instructions.saturating_mul(INSTRUCTION) + if is_first { FIRST } else { 0 }
}

/// Whether so many iterations or calls that each execute so many instructions are worth a price.
fn is_worth(to_come: u64, each: u64, price: u64) -> bool {
    to_come.saturating_mul(each) >= price.saturating_mul(GAIN)
}

impl State {
    /// Instructions that were interpreted so far in the whole program, about, if that matters.
    pub(super) fn interpreted(&self, vm: &Vm) -> u64 {
        let code = 0..vm.program().code.len() as u32;
        self.spans.get().map_or(0, |spans| spans.interpreted(code, &|pc| vm.times_counted(pc)))
    }
}

impl Jit {
    /// Whether native code of a unit that has none pays, for all that is known.
    pub(super) fn pays(&self, state: &mut State, vm: &Vm, entry: Entry) -> bool {
        if !self.weighs() {
            return true;
        }
        let program = vm.program();
        let count = |pc: u32| vm.times_counted(pc);
        let code = code_of(program, entry);
        let own = count(entry.pc());
        let nest = nest_of(vm, entry);
        let spans = state.spans.get_or_init(|| Spans::of(program));
        let unit = state.units.entry(entry).or_default();
        unit.outlook.looks += 1;
        unit.outlook.seen.look(own, &nest);
        let mut each = spans.interpreted(code.clone(), &count) / own.max(1);
        if let Entry::Loop(_) = entry {
            // Its iterations may do most of their work in functions that they call.
            let function = program.functions[vm.top_function().index()].code.start;
            let around = nest.levels.iter().skip(1).fold(count(function), |all, level| all.wrapping_add(level.count));
            let everything = spans.interpreted(0..program.code.len() as u32, &count);
            let outlook = &mut unit.outlook;
            if outlook.looks == 1 || outlook.around != around {
                (outlook.around, outlook.count, outlook.interpreted) = (around, own, everything);
            } else if own > outlook.count {
                each = each.max(everything.saturating_sub(outlook.interpreted) / (own - outlook.count));
            }
        }
        // A function does most of its work in those that it calls, too. Calls of itself are counted by themselves.
        if let Some(recorded) = unit.extent.executed.checked_div(unit.extent.begun) {
            each = each.max(recorded);
        }
        let size = match entry {
            _ if unit.is_recorded => unit.extent.size(),
            Entry::Loop(_) => estimated_size(program, code),
            // What is called is not counted yet, so its code is not either.
            Entry::Function(_) => code.len() as u64,
        };
        let to_come = nest.to_come(own, matches!(entry, Entry::Loop(_)), &unit.outlook.seen);
        is_worth(to_come, each, cost(size, state.code_bytes == 0))
    }

    /// Whether making a unit's code anew pays: as much was interpreted since it was made, or lost at exits.
    pub(super) fn pays_again(&self, state: &State, vm: &Vm, entry: Entry) -> bool {
        let Some(unit) = state.units.get(&entry).filter(|_| self.weighs()) else { return true };
        let interpreted = state.interpreted(vm).saturating_sub(unit.made_at.interpreted);
        let lost = interpreted + (unit.exits - unit.made_at.exits) * EXIT;
        is_worth(AGAIN, lost, cost(unit.extent.size(), false))
    }

    /// Whether it matters what pays: not where all is to be seen that can be compiled, nor to a user who says what is
    /// hot.
    fn weighs(&self) -> bool {
        let thresholds = Thresholds { loops: self.options.threshold, functions: self.options.function_threshold };
        !self.is_repeatable() && !self.options.observe_only && thresholds == Thresholds::DEFAULT
    }
}

/// Where a unit stands in the program's code.
fn code_of(program: &Program, entry: Entry) -> std::ops::Range<u32> {
    entry.region(program).map_or(entry.pc()..entry.pc() + 1, |region| region.pcs(program))
}

/// How many instructions a region would have that was not recorded, about.
fn estimated_size(program: &Program, code: std::ops::Range<u32>) -> u64 {
    let called = |op: &Op| match *op {
        Op::CallFn { func, .. } => u64::from(program.functions[func.index()].code.len).min(LARGEST_CALLEE),
        Op::Call { .. } | Op::CallMethod { .. } | Op::New { .. } => UNKNOWN_CALLEE,
        _ => 0,
    };
    let ops = program.code.get(code.start as usize..code.end as usize).unwrap_or_default();
    ops.len() as u64 + ops.iter().map(called).sum::<u64>()
}

/// The loops that the program is in, from the unit outwards.
fn nest_of(vm: &Vm, entry: Entry) -> Nest {
    let program = vm.program();
    // What a built-in has yet to call it with is not known.
    let mut nest = Nest { is_open: vm.is_called_by_built_in(), ..Nest::default() };
    let mut seen: SmallVec<[FuncId; MAX_FRAMES]> = SmallVec::new();
    let mut below = 0;
    while let Some((func, pc)) = vm.frame_below(below) {
        if below == MAX_FRAMES || seen.contains(&func) {
            nest.is_open = true;
            break;
        }
        seen.push(func);
        let start = program.functions[func.index()].code.start;
        // A frame below the top one goes on behind its call.
        let relative = match entry {
            Entry::Function(_) if below == 0 => None,
            _ if below == 0 => Some(entry.pc() - start),
            _ => pc.checked_sub(start + 1),
        };
        let is_around = |region: &&LoopRegion| {
            region.func == func && relative.is_some_and(|relative| (region.header..region.end).contains(&relative))
        };
        // The compiler lists loops before those in them.
        for region in program.loops.iter().rev().filter(is_around) {
            let remaining = remaining_iterations(vm, region, below, start);
            let header = start + region.header;
            nest.levels.push(Level { pc: header, count: vm.times_counted(header), remaining });
        }
        below += 1;
    }
    nest
}

/// How many iterations a loop that a frame stands in has yet to do, if it is one that knows.
fn remaining_iterations(vm: &Vm, region: &LoopRegion, below: usize, start: u32) -> Option<u64> {
    let [back_edge] = region.back_edges[..] else { return None };
    let step = vm.program().code.get((start + back_edge) as usize)?.as_iteration().filter(|step| !step.starts)?;
    let int = |offset: u16| vm.int_below(below, step.base.above(offset));
    let (next, end) = match step.over {
        Over::Range => (int(Range::COUNTER)?, int(Range::END)?),
        // What is alive in a frame below is not known here.
        Over::Items | Over::Pairs if below > 0 => return None,
        Over::Items | Over::Pairs => {
            let len = vm.top_register(u32::from(step.base.above(Iter::ITERABLE).0)).as_list()?.len();
            (int(Iter::POSITION)?, len as i64)
        }
    };
    u64::try_from(end.saturating_sub(next)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(levels: &[(u64, Option<u64>)]) -> Nest {
        let level = |(pc, &(count, remaining))| Level { pc, count, remaining };
        Nest { levels: (0..).zip(levels).map(level).collect(), is_open: false }
    }

    impl Nest {
        /// As when it is looked at for the first time.
        fn at_first(&self, own: u64, is_loop: bool) -> u64 {
            self.to_come(own, is_loop, &Seen::default())
        }
    }

    #[test]
    fn a_loop_around_counts_from_the_first_look() {
        // It has done 900 iterations for others, and since the first look 2, in each of which the unit did 1000.
        let mut seen = Seen::default();
        seen.look(1000, &nest(&[(1000, Some(10)), (901, Some(299))]));
        let later = nest(&[(3000, Some(10)), (903, Some(297))]);
        seen.look(3000, &later);
        assert_eq!(later.to_come(3000, true, &seen), 10 + 297_000);
        // In other loops that starts anew; until they have done an iteration all counts.
        let elsewhere =
            Nest { levels: [Level { pc: 7, count: 10, remaining: Some(20) }].into_iter().collect(), ..nest(&[]) };
        seen.look(4000, &elsewhere);
        assert_eq!(elsewhere.to_come(4000, false, &seen), 8000);
    }

    #[test]
    fn loops_over_ranges_say_what_is_to_come() {
        // Alone; in one that has done 10 iterations of 30; in a function that such a loop calls.
        assert_eq!(nest(&[(1000, Some(200))]).at_first(1000, true), 200);
        assert_eq!(nest(&[(1000, Some(50)), (10, Some(20))]).at_first(1000, true), 50 + 2000);
        assert_eq!(nest(&[(10, Some(20))]).at_first(1000, false), 2000);
    }

    #[test]
    fn of_all_else_as_much_again_is_expected_and_needs_no_gain() {
        assert_eq!(nest(&[(1000, None)]).at_first(1000, true), 1000 * AGAIN);
        assert_eq!(nest(&[(1000, Some(1)), (10, None)]).at_first(1000, true), 1000 * AGAIN);
        assert_eq!(nest(&[]).at_first(1000, false), 1000 * AGAIN);
        // At least what the loops that are known say.
        assert_eq!(nest(&[(1000, None), (10, Some(90))]).at_first(1000, true), 9000);
        let open = Nest { is_open: true, ..nest(&[(1000, Some(1))]) };
        assert_eq!(open.at_first(1000, true), 1000 * AGAIN);
        assert_eq!(AGAIN, GAIN);
    }

    #[test]
    fn a_price_grows_with_the_region_and_is_to_be_won_back_twice() {
        assert!(cost(10, true) > cost(10, false) && cost(20, false) > cost(10, false));
        let price = cost(10, false);
        assert!(is_worth(price * GAIN / 10, 10, price) && !is_worth(price * GAIN / 10 - 1, 10, price));
    }

    #[test]
    fn what_does_not_pay_is_looked_at_soon_and_then_more_and_more_seldom() {
        let looks = |looks| Outlook { looks, ..Outlook::default() }.until_next_look(1000);
        assert_eq!([1, 2, 3, 8, 100].map(looks), [8, 16, 32, 1000, 1000]);
        assert_eq!(Outlook::default().until_next_look(1), 1);
    }

    #[test]
    fn work_is_counted_by_loops_and_functions_without_what_is_in_them() {
        // A function of 10 instructions, in which a loop stands from 2 to 9, and in that one from 4 to 7.
        let spans = Spans(vec![Span { start: 0, own: 3 }, Span { start: 2, own: 4 }, Span { start: 4, own: 3 }]);
        let count =
            |counter: u32| [(0, 2), (2, 10), (4, 100)].into_iter().find(|(pc, _)| *pc == counter).map_or(0, |(_, n)| n);
        assert_eq!(spans.interpreted(0..10, &count), 2 * 3 + 10 * 4 + 100 * 3);
        assert_eq!(spans.interpreted(2..9, &count), 10 * 4 + 100 * 3);
    }
}
