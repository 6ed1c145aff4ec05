//! What becomes of objects that code makes: whether native code need make them.
//!
//! An object that stays in the region is not made: what is in it are values (`jit/opt/unmake`). Here that is found out
//! from the bytecode: the registers that hold the object are followed until they are overwritten or dead; reading and
//! writing its fields lets it stay, anything else does not.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Act, MAX_INLINE_DEPTH, Question, Resolver};
use crate::analysis::cfg::BlockId;
use crate::analysis::program_flow::code_of;
use crate::bytecode::op::shape::Operator;
use crate::bytecode::op::window::{Call, MethodCall, New};
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, Op, Reg, StructId};
use crate::facts::native_forms::{MOST_COMPARED, MOST_ITEMS};

/// What becomes of an object, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// It stays where it is known.
    Unmade,
    /// It is returned to the caller, who may know more.
    Returned,
    Made,
}

/// An object is followed through so many instructions.
const PATIENCE: usize = 2_000;

/// The registers that hold the object, and whether something may have been collected meanwhile.
#[derive(Clone, PartialEq, Eq, Default)]
struct Held {
    registers: BTreeSet<Reg>,
    /// A call may have collected garbage: what is used after it had to be made before it.
    has_called: bool,
}

impl Resolver<'_> {
    /// What becomes of the object that the instruction at `pc` makes; of an instance of this struct, if it is one.
    pub(super) fn fate_of_made(&mut self, func: FuncId, pc: u32, def: Option<StructId>) -> Fate {
        let code = code_of(self.program, &self.program.functions[func.index()]);
        let op = code[pc as usize];
        match op {
            Op::MakeTuple { .. } | Op::MakeRange { .. } | Op::NewCell { .. } | Op::MakeClosure { .. } => {}
            Op::MakeList { count, .. } if count <= MOST_ITEMS => {}
            Op::New { .. } => {
                if let Some(init) = self.program.init(def.unwrap_or(StructId(0))).map(|method| method.func)
                    && (self.height(init).is_none() || self.fate_of_parameter(init, 0) != Fate::Unmade)
                {
                    return Fate::Made;
                }
            }
            _ => return Fate::Made,
        }
        self.fate_of_result(func, pc)
    }

    /// What becomes of the object in the register that the instruction at `pc` writes.
    pub(super) fn fate_of_result(&mut self, func: FuncId, pc: u32) -> Fate {
        let code = code_of(self.program, &self.program.functions[func.index()]);
        let Some(result) = code[pc as usize].result() else { return Fate::Made };
        self.follow(func, pc + 1, result)
    }

    /// What becomes of an object that a function is given.
    pub(super) fn fate_of_parameter(&mut self, func: FuncId, param: u16) -> Fate {
        if let Some(&known) = self.parameters.get(&(func, param)) {
            return known;
        }
        // While it is asked about: recursion is not inlined.
        self.parameters.insert((func, param), Fate::Made);
        let fate = self.follow(func, 0, Reg(param));
        self.parameters.insert((func, param), fate);
        fate
    }

    fn follow(&mut self, func: FuncId, start: u32, register: Reg) -> Fate {
        let flow = self.flow;
        let own = flow.of(func);
        let code = code_of(self.program, &self.program.functions[func.index()]);
        if !own.is_followed() || start as usize >= code.len() {
            return Fate::Made;
        }
        let held = Held { registers: BTreeSet::from([register]), has_called: false };
        let mut work: Vec<(BlockId, u32, Held)> = vec![(own.cfg.block_of[start as usize], start, held)];
        let mut entered: FxHashMap<BlockId, Held> = FxHashMap::default();
        let (mut fate, mut patience) = (Fate::Unmade, PATIENCE);
        while let Some((block, from, mut held)) = work.pop() {
            let bounds = own.cfg.blocks[block as usize];
            let mut is_returned = false;
            for pc in from..bounds.end {
                patience = patience.saturating_sub(1);
                match self.execute(func, pc, code, &mut held) {
                    Fate::Unmade => {}
                    Fate::Returned => is_returned = true,
                    Fate::Made => return Fate::Made,
                }
                if held.registers.is_empty() || is_returned {
                    break;
                }
            }
            if patience == 0 {
                return Fate::Made;
            }
            if is_returned {
                fate = Fate::Returned;
                continue;
            }
            let runs = self.types.is_reached(func);
            for &next in own.cfg.succs(block) {
                // Where a method is found, no field is called in its place.
                if runs && !self.types.is_block_reached(func, next) {
                    continue;
                }
                let live = own.live_in(next);
                let mut there = held.clone();
                there.registers.retain(|reg| live.binary_search(reg).is_ok());
                if there.registers.is_empty() {
                    continue;
                }
                // Where another value may come in its place, it must be an object of the same kind.
                if own.cfg.preds(next).len() > 1 {
                    let is_one_kind = |reg: &Reg| {
                        runs && self.types.entry(func, next).any(|(known, ty)| known == *reg && ty.is_single())
                    };
                    if !there.registers.iter().all(is_one_kind) {
                        return Fate::Made;
                    }
                }
                let known = entered.entry(next).or_default();
                let before = known.clone();
                known.registers.extend(&there.registers);
                known.has_called |= there.has_called;
                if *known != before {
                    work.push((next, own.cfg.blocks[next as usize].start, known.clone()));
                }
            }
        }
        fate
    }

    /// Whether the instruction at `pc` repeats a list of a single item that is made right in front of it: the item is
    /// all that is wanted.
    fn repeats_one_item(&self, func: FuncId, pc: u32, op: Op) -> bool {
        let Some(binary) = op.as_binary().filter(|binary| binary.operator == Operator::Mul) else { return false };
        let made = binary.left.register().and_then(|list| self.flow.written_before(self.program, func, pc, list));
        matches!(made, Some((_, Op::MakeList { count: 1, .. })))
    }

    /// Whether the question at `pc` is of a short list that is made right in front of it, which native code does not
    /// make then.
    pub(super) fn is_of_new(&self, func: FuncId, pc: u32, question: Question) -> bool {
        let made = self.flow.written_before(self.program, func, pc, question.list);
        let Some((made, Op::MakeList { base, count, .. })) = made else { return false };
        let is_known = |index: u16| {
            matches!(
                self.flow.written_before(self.program, func, made, base.above(index)),
                Some((_, Op::LoadConst { .. }))
            )
        };
        let is_short = !question.is_about_one || usize::from(count) <= MOST_COMPARED;
        count > 0 && is_short && (!question.of_texts || (0..count).all(is_known))
    }

    /// What an instruction does with the object that some registers hold.
    fn execute(&mut self, func: FuncId, pc: u32, code: &[Op], held: &mut Held) -> Fate {
        let op = code[pc as usize];
        let accesses = op.accesses(self.program);
        let reads = accesses.reads.iter().any(|reg| held.registers.contains(reg));
        let acts = self.acts;
        let own = &acts[func.index()];
        let first = own.partition_point(|&(act_pc, _)| act_pc < pc);
        let here = || own[first..].iter().take_while(|&&(act_pc, _)| act_pc == pc).map(|(_, act)| act);
        let is_step = here().any(|act| matches!(act, Act::Step(_)));
        let gives_slice = here()
            .any(|act| matches!(act, Act::Makes { made, .. } if made.kind == Tags::STR || made.kind == Tags::LIST));
        let mut copy = None;
        if reads {
            if held.has_called || is_step {
                return Fate::Made;
            }
            let holds = |reg: Reg| held.registers.contains(&reg);
            let is_constant = |index: Reg| {
                let before = pc.checked_sub(1).map(|before| code[before as usize]);
                matches!(before, Some(Op::LoadInt { dst, .. }) if dst == index)
            };
            let stays_unmade = match op {
                Op::Move { dst, .. } | Op::Unpack { dst, .. } => {
                    copy = Some(dst);
                    true
                }
                Op::GetMember { .. } | Op::FindMethod { .. } | Op::GetCell { .. } => true,
                Op::SetMember { value, .. } => !holds(value),
                Op::SetCell { src, .. } => !holds(src),
                // The bounds of a slice are all that is wanted of a range.
                Op::GetIndex { object, index, .. } => {
                    is_constant(index) || gives_slice && holds(index) && !holds(object)
                }
                Op::SetIndex { index, value, .. } => is_constant(index) && !holds(value),
                Op::JumpIf { .. }
                | Op::JumpIfNot { .. }
                | Op::JumpIfType { .. }
                | Op::JumpIfNotType { .. }
                | Op::Not { .. } => true,
                Op::Return { .. } => return Fate::Returned,
                Op::Contains { .. } | Op::CallMethod { .. }
                    if here().any(|act| match act {
                        Act::Asks { question, .. } => holds(question.list) && self.is_of_new(func, pc, *question),
                        _ => false,
                    }) =>
                {
                    true
                }
                _ if self.repeats_one_item(func, pc, op) => true,
                Op::CallFn { base, .. } | Op::TailCallFn { base, .. } => {
                    match self.fate_of_arguments(here(), base.above(Call::ARGS), held) {
                        Fate::Unmade => true,
                        Fate::Returned => {
                            copy = Some(base);
                            true
                        }
                        Fate::Made => false,
                    }
                }
                Op::CallMethod { base, .. } | Op::TailCallMethod { base, .. } => {
                    match self.fate_of_arguments(here(), base.above(MethodCall::RECEIVER), held) {
                        Fate::Unmade => true,
                        Fate::Returned => {
                            copy = Some(base);
                            true
                        }
                        Fate::Made => false,
                    }
                }
                Op::New { base, .. } => self.fate_of_arguments(here(), base.above(New::SELF), held) == Fate::Unmade,
                _ => false,
            };
            if !stays_unmade {
                return Fate::Made;
            }
            if copy.is_some() && op.is_tail_call() {
                return Fate::Returned;
            }
        }
        let collects = here().any(|act| match act {
            Act::Step(_) => op.effects().calls,
            Act::Calls { callees, others } => *others || callees.iter().any(|callee| self.height(*callee).is_none()),
            _ => false,
        });
        held.has_called |= collects;
        if let Some(first) = accesses.clobbers_from {
            held.registers.retain(|reg| reg.0 < first);
        }
        for written in accesses.writes.iter().chain(&op.result()) {
            held.registers.remove(written);
        }
        held.registers.extend(copy);
        Fate::Unmade
    }

    /// What becomes of the object where it is passed to the only function that a call comes to, whose parameters stand
    /// from `first` up.
    fn fate_of_arguments<'a>(&mut self, acts: impl Iterator<Item = &'a Act>, first: Reg, held: &Held) -> Fate {
        let mut fate = Fate::Unmade;
        let mut callee = None;
        for act in acts {
            if let Act::Calls { callees, others: false } = act
                && let [only] = callees[..]
            {
                callee = Some(only);
            }
        }
        let Some(callee) = callee else { return Fate::Made };
        if self.height(callee).is_none_or(|height| height > MAX_INLINE_DEPTH) {
            return Fate::Made;
        }
        for param in 0..self.program.functions[callee.index()].params {
            if held.registers.contains(&first.above(param)) {
                fate = fate.max(self.fate_of_parameter(callee, param));
            }
        }
        fate
    }
}
