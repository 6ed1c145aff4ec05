//! Live registers at block entries, as bitsets.
//!
//! A call leaves every register above its base undefined, so none of them is live after it. Errors can leave
//! a block before any of its instructions has written, so what a handler needs is live through the whole block.

use super::cfg::{BlockId, Cfg};
use crate::bytecode::op::operand::Kind;
use crate::bytecode::{CaptureSource, Op, Program, Reg};

/// Live registers per block.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    words: usize,
    live_in: Vec<u64>,
}

/// The registers that an instruction reads, writes and destroys.
///
/// `reads` may be called more than once for a register. The result is the register above which all are undefined afterwards.
pub fn visit_registers(
    program: &Program,
    op: &Op,
    mut reads: impl FnMut(u16),
    mut writes: impl FnMut(u16),
) -> Option<u16> {
    let mut base = None;
    let (mut count, mut func, mut def) = (0u16, None, None);
    let mut run = None;
    op.for_each_operand(|operand| {
        let value = operand.value as u16;
        match operand.kind {
            Kind::Out => writes(value),
            Kind::In => reads(value),
            Kind::Seq
            | Kind::PairSeq
            | Kind::CallBase
            | Kind::FnBase
            | Kind::BuiltinBase
            | Kind::MethodBase
            | Kind::NewBase
            | Kind::InitBase
            | Kind::RangeBase
            | Kind::IterBase
            | Kind::PairIterBase => run = Some((operand.kind, value)),
            Kind::Count => count = value,
            Kind::Func => func = Some(operand.value as usize),
            Kind::Struct => def = Some(operand.value as usize),
            _ => {}
        }
    });
    // What a closure captures is named by its function, not by the instruction.
    let mut captures = |func: usize| {
        let sources = program.functions.get(func).map_or(&[][..], |function| &function.captures);
        for source in sources {
            if let CaptureSource::Register(reg) = source {
                reads(reg.0);
            }
        }
    };
    match (op, func, def) {
        (Op::MakeClosure { .. }, Some(func), _) => captures(func),
        (Op::MakeStruct { .. }, _, Some(def)) => {
            let methods = program.structs.get(def).map_or(&[][..], |def| &def.methods);
            methods.iter().for_each(|method| captures(method.func.index()));
        }
        _ => {}
    }
    let (kind, first) = run?;
    let mut read_run = |from: u16, count: u16| (0..count).for_each(|at| reads(from.saturating_add(at)));
    match kind {
        Kind::Seq => read_run(first, count),
        Kind::PairSeq => read_run(first, count.saturating_mul(2)),
        Kind::CallBase => {
            read_run(first, count.saturating_add(1));
            base = Some(first);
        }
        Kind::FnBase => {
            let params = func.and_then(|func| program.functions.get(func)).map_or(0, |function| function.params);
            read_run(first.saturating_add(1), params);
            base = Some(first);
        }
        Kind::BuiltinBase => {
            read_run(first.saturating_add(1), count);
            base = Some(first);
        }
        Kind::MethodBase => {
            read_run(first.saturating_add(1), count.saturating_add(1));
            base = Some(first);
        }
        Kind::NewBase => {
            let args = def.map_or(0, |def| init_args(program, def));
            read_run(first.saturating_add(3), args);
            base = Some(first);
        }
        Kind::InitBase => base = Some(first),
        // The variables of a loop are written on the way into the body only. The lowering gives each loop its own, out of scope
        // behind it, so on the way out they are as good as written.
        Kind::RangeBase => {
            read_run(first, 2);
            writes(first);
            writes(first.saturating_add(2));
        }
        Kind::IterBase | Kind::PairIterBase => {
            let prep = matches!(op, Op::IterPrep { .. } | Op::IterPrep2 { .. });
            read_run(first, if prep { 1 } else { 3 });
            let last = if kind == Kind::IterBase { 3 } else { 4 };
            (if prep { 0 } else { 3 }..=last).for_each(|at| writes(first.saturating_add(at)));
        }
        _ => {}
    }
    if let Some(base) = base {
        writes(base);
    }
    base
}

/// How many arguments the `init` of a struct takes besides `self`.
fn init_args(program: &Program, def: usize) -> u16 {
    let Some(def) = program.structs.get(def) else { return 0 };
    let init = def.methods.iter().find(|method| program.strings.get(method.name) == Some("init"));
    init.and_then(|init| program.functions.get(init.func.index()).map(|f| (f.params, init.takes_self)))
        .map_or(0, |(params, takes_self)| params.saturating_sub(u16::from(takes_self)))
}

impl Liveness {
    /// Computes liveness; `None` if the bitsets would take more than `limit` words.
    pub fn new(program: &Program, cfg: &Cfg, code: &[Op], registers: u16, limit: usize) -> Option<Liveness> {
        let words = usize::from(registers).div_ceil(64);
        if words * cfg.len() > limit {
            return None;
        }
        if words == 1 {
            return Some(Liveness { words, live_in: Self::one_word(program, cfg, code) });
        }
        let mut live = Liveness { words, live_in: vec![0; words * cfg.len()] };
        let mut queued = vec![true; cfg.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<BlockId> = (0..cfg.len() as u32).collect();
        let mut set = vec![0u64; words];
        while let Some(block) = work.pop() {
            queued[block as usize] = false;
            set.fill(0);
            let bounds = cfg.blocks[block as usize];
            for &succ in cfg.succs(block) {
                if bounds.handler.is_some_and(|(target, _)| target == succ) {
                    continue;
                }
                for (word, from) in set.iter_mut().zip(live.words_of(succ)) {
                    *word |= from;
                }
            }
            for pc in (bounds.start..bounds.end).rev() {
                live.step(program, &code[pc as usize], &mut set);
            }
            if let Some((target, error)) = bounds.handler {
                for (at, word) in set.iter_mut().enumerate() {
                    let mut needed = live.live_in[target as usize * words + at];
                    if at == error.index() / 64 {
                        needed &= !(1 << (error.index() % 64));
                    }
                    *word |= needed;
                }
            }
            let own = &mut live.live_in[block as usize * words..][..words];
            if own != &set[..] {
                own.copy_from_slice(&set);
                for &pred in cfg.preds(block) {
                    if !std::mem::replace(&mut queued[pred as usize], true) {
                        work.push(pred);
                    }
                }
            }
        }
        Some(live)
    }

    /// The same for functions of at most 64 registers, which are nearly all: what a block makes of a whole set is two masks, and going over
    /// its instructions once is enough to know them.
    fn one_word(program: &Program, cfg: &Cfg, code: &[Op]) -> Vec<u64> {
        let bit = |reg: u16| if reg < 64 { 1u64 << reg } else { 0 };
        let masks: Vec<(u64, u64)> = (cfg.blocks.iter())
            .map(|block| {
                let (mut reads, mut kept) = (0, u64::MAX);
                for op in code[block.start as usize..block.end as usize].iter().rev() {
                    let (mut read, mut written) = (0, 0);
                    let base = visit_registers(program, op, |reg| read |= bit(reg), |reg| written |= bit(reg));
                    if let Some(base) = base {
                        written |= u64::MAX.checked_shl(u32::from(base) + 1).unwrap_or(0);
                    }
                    reads = (reads & !written) | read;
                    kept &= !written;
                }
                (reads, kept)
            })
            .collect();
        let mut live = vec![0u64; cfg.len()];
        let mut queued = vec![true; cfg.len()];
        // Popped from the end, so later blocks come first: most edges lead forward.
        let mut work: Vec<BlockId> = (0..cfg.len() as u32).collect();
        while let Some(block) = work.pop() {
            queued[block as usize] = false;
            let (reads, kept) = masks[block as usize];
            let handler = cfg.blocks[block as usize].handler;
            let mut after = 0;
            for &succ in cfg.succs(block) {
                if handler.is_none_or(|(target, _)| target != succ) {
                    after |= live[succ as usize];
                }
            }
            let caught = handler.map_or(0, |(target, error)| live[target as usize] & !bit(error.0));
            let set = reads | (after & kept) | caught;
            if std::mem::replace(&mut live[block as usize], set) != set {
                for &pred in cfg.preds(block) {
                    if !std::mem::replace(&mut queued[pred as usize], true) {
                        work.push(pred);
                    }
                }
            }
        }
        live
    }

    fn words_of(&self, block: BlockId) -> &[u64] {
        &self.live_in[block as usize * self.words..][..self.words]
    }

    /// Takes `set` from after an instruction to before it.
    pub fn step(&self, program: &Program, op: &Op, set: &mut [u64]) {
        // Writes are undone before reads are added, though the visitor reports them in operand order.
        let mut reads = [0u16; 8];
        let mut count = 0;
        let mut spilled: Vec<u16> = Vec::new();
        let clear = |set: &mut [u64], reg: u16| {
            if let Some(word) = set.get_mut(usize::from(reg) / 64) {
                *word &= !(1 << (reg % 64));
            }
        };
        let mut cleared: [u16; 6] = [u16::MAX; 6];
        let mut clears = 0;
        let base = visit_registers(
            program,
            op,
            |reg| {
                if count < reads.len() {
                    reads[count] = reg;
                    count += 1;
                } else {
                    spilled.push(reg);
                }
            },
            |reg| {
                if clears < cleared.len() {
                    cleared[clears] = reg;
                    clears += 1;
                }
            },
        );
        for &reg in &cleared[..clears] {
            clear(set, reg);
        }
        if let Some(base) = base {
            let first = usize::from(base) + 1;
            if let Some(word) = set.get_mut(first / 64) {
                *word &= (1u64 << (first % 64)) - 1;
            }
            let rest = (first / 64 + 1).min(set.len());
            set[rest..].fill(0);
        }
        for &reg in reads[..count].iter().chain(&spilled) {
            if let Some(word) = set.get_mut(usize::from(reg) / 64) {
                *word |= 1 << (reg % 64);
            }
        }
    }

    pub fn is_live_in(&self, block: BlockId, reg: Reg) -> bool {
        self.words_of(block).get(reg.index() / 64).is_some_and(|word| word >> (reg.index() % 64) & 1 != 0)
    }

    /// The registers live at a block's entry, ascending.
    pub fn live_in(&self, block: BlockId) -> impl Iterator<Item = Reg> + '_ {
        self.words_of(block).iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    Reg((at * 64) as u16 + bit as u16)
                })
            })
        })
    }

    /// How many (block, register) pairs are live.
    pub fn total(&self) -> usize {
        self.live_in.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cfg::tests::function;
    use crate::bytecode::*;

    fn live_in(code: &[Op], registers: u16, handlers: Vec<Handler>, pc: usize) -> Vec<u16> {
        let program = Program { functions: vec![function(registers, 2, vec![])], ..Program::default() };
        let cfg = Cfg::new(&function(registers, 1, handlers), code);
        let live = Liveness::new(&program, &cfg, code, registers, usize::MAX).unwrap();
        live.live_in(cfg.block_of[pc]).map(|reg| reg.0).collect()
    }

    #[test]
    fn a_loop_keeps_what_it_reads_alive() {
        let code = [
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(0) },
            Op::JumpLt { a: Reg(1), b: Reg(2), to: -2 },
            Op::Return { src: Reg(1) },
        ];
        assert_eq!(live_in(&code, 3, vec![], 1), [0, 1, 2]);
        assert_eq!(live_in(&code, 3, vec![], 0), [0, 2]);
    }

    #[test]
    fn a_call_ends_everything_above_its_base() {
        let code = [
            Op::Jump { to: 0 },
            Op::CallFn { base: Reg(1), func: FuncId(0) },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(70) },
            Op::Return { src: Reg(1) },
        ];
        // Arguments 2 and 3 are read; 70 is undefined after the call, so no earlier value of it can matter.
        assert_eq!(live_in(&code, 71, vec![], 1), [2, 3]);
    }

    #[test]
    fn a_handler_keeps_its_registers_alive_through_writes() {
        let code = [
            Op::LoadInt { dst: Reg(0), value: 1 },
            Op::Add { dst: Reg(0), a: Reg(0), b: Reg(0) },
            Op::ReturnVoid {},
            Op::Return { src: Reg(0) },
        ];
        let handlers = vec![Handler { start: 0, end: 2, target: 3, error: Reg(1) }];
        assert_eq!(live_in(&code, 2, handlers, 0), [0]);
    }

    #[test]
    fn few_registers_and_many_are_done_alike() {
        let code = [
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::ForPrep { base: Reg(3), exit: 4 },
            Op::Add { dst: Reg(1), a: Reg(1), b: Reg(5) },
            Op::CallFn { base: Reg(6), func: FuncId(0) },
            Op::JumpLt { a: Reg(6), b: Reg(0), to: -3 },
            Op::ForLoop { base: Reg(3), back: -4 },
            Op::Return { src: Reg(1) },
            Op::Return { src: Reg(2) },
        ];
        let handlers = vec![Handler { start: 2, end: 5, target: 7, error: Reg(9) }];
        for pc in 0..code.len() {
            assert_eq!(live_in(&code, 64, handlers.clone(), pc), live_in(&code, 65, handlers.clone(), pc), "at {pc}");
        }
        assert_eq!(live_in(&code, 64, handlers, 2), [0, 1, 2, 3, 4, 5, 7, 8]);
    }

    #[test]
    fn the_limit_refuses_instead_of_allocating() {
        let code = [Op::ReturnVoid {}];
        let function = function(6400, 0, vec![]);
        let cfg = Cfg::new(&function, &code);
        assert!(Liveness::new(&Program::default(), &cfg, &code, 6400, 99).is_none());
    }
}
