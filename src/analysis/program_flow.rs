//! The control flow of a whole program, computed once and shared by all later passes.

use std::ops::Deref;
use std::sync::Arc;

use super::cfg::{BlockId, Cfg};
use crate::bytecode::graph::{Graph, reverse_postorder};
use crate::bytecode::liveness::Liveness;
use crate::bytecode::parallel::{both, split};
use crate::bytecode::{FuncId, Function, Op, Program, Reg};

/// Most words of liveness bitsets per function, and most live registers over all blocks of a function. A function
/// beyond either is analysed without following its registers.
const LIVENESS_WORDS: usize = 1 << 24;
const LIVE_REGISTERS: usize = 1 << 23;

/// Control flow and live registers of one function, wherever it stands in a program.
#[derive(Debug, Default)]
pub struct OwnFlow {
    pub cfg: Cfg,
    pub order: Vec<BlockId>,
    /// Where each block's live registers end in `live`. Empty for functions whose registers are not followed, because
    /// blocks times registers pass the limit.
    live_ends: Vec<u32>,
    live: Vec<Reg>,
}

/// Control flow and live registers of one function of a program. Copies of a function share what is their own.
#[derive(Clone, Debug, Default)]
pub struct FunctionFlow {
    own: Arc<OwnFlow>,
    /// Number of its first block when the blocks of all functions are counted through.
    pub first_block: u32,
    /// Position of its first entry when the live registers of all blocks of all functions are counted through.
    pub first_live: u32,
}

impl Deref for FunctionFlow {
    type Target = OwnFlow;

    fn deref(&self) -> &OwnFlow {
        &self.own
    }
}

impl FunctionFlow {
    /// Without its place in the numbering of the program's blocks and live registers.
    fn new(program: &Program, function: &Function) -> FunctionFlow {
        let code = code_of(program, function);
        if code.is_empty() {
            return FunctionFlow::default();
        }
        let cfg = Cfg::new(function, code);
        let order = reverse_postorder(&cfg);
        let liveness = Liveness::new(program, &cfg, cfg.predecessors(), code, function.registers, LIVENESS_WORDS)
            .filter(|live| live.total() <= LIVE_REGISTERS);
        let mut one = OwnFlow { order, ..OwnFlow::default() };
        if let Some(liveness) = &liveness {
            one.live.reserve_exact(liveness.total());
            one.live_ends.reserve_exact(cfg.len());
            for block in 0..cfg.len() as u32 {
                liveness.add_live_in(block, &mut one.live);
                one.live_ends.push(one.live.len() as u32);
            }
        }
        FunctionFlow { own: Arc::new(OwnFlow { cfg, ..one }), ..FunctionFlow::default() }
    }

    /// The registers live at a block's entry, ascending; none if registers are not followed.
    pub fn live_in(&self, block: BlockId) -> &[Reg] {
        if self.live_ends.is_empty() {
            return &[];
        }
        let (start, end) = self.live_range(block);
        &self.live[start..end]
    }

    /// The part of the numbering of live registers that belongs to a block.
    pub fn live_slots(&self, block: BlockId) -> std::ops::Range<usize> {
        if self.live_ends.is_empty() {
            return 0..0;
        }
        let (start, end) = self.live_range(block);
        self.first_live as usize + start..self.first_live as usize + end
    }

    fn live_range(&self, block: BlockId) -> (usize, usize) {
        let block = block as usize;
        let start = if block == 0 { 0 } else { self.live_ends[block - 1] as usize };
        (start, self.live_ends[block] as usize)
    }

    /// Whether the types of registers are followed.
    pub fn is_followed(&self) -> bool {
        !self.live_ends.is_empty()
    }
}

/// Control flow of all functions.
#[derive(Debug, Default)]
pub struct ProgramFlow {
    pub functions: Vec<FunctionFlow>,
    /// Whose each block is.
    pub owners: Vec<FuncId>,
    pub block_count: u32,
    pub live_count: u32,
    /// Most registers of any function.
    pub max_registers: u16,
}

/// The instructions of a function; empty if its run is out of bounds.
pub fn code_of<'p>(program: &'p Program, function: &Function) -> &'p [Op] {
    program.code.get(function.code.range()).unwrap_or_default()
}

impl ProgramFlow {
    pub fn new(program: &Program) -> ProgramFlow {
        ProgramFlow::beside(program, || ()).0
    }

    /// The same, and what `other` gives, which is asked on the thread that has less to do: module bodies come first,
    /// and hardly branch.
    pub fn beside<T>(program: &Program, other: impl FnOnce() -> T) -> (ProgramFlow, T) {
        let (first, second) = split(program);
        let flows = |functions: &[Function]| -> Vec<FunctionFlow> {
            functions.iter().map(|function| FunctionFlow::new(program, function)).collect()
        };
        let ((mut functions, other), rest) = both(program, || (flows(first), other()), || flows(second));
        functions.extend(rest);
        (ProgramFlow::numbered(program, functions), other)
    }

    /// The flow of a program whose functions have these, which are numbered anew.
    pub fn numbered(program: &Program, functions: Vec<FunctionFlow>) -> ProgramFlow {
        let mut flow = ProgramFlow { functions, ..ProgramFlow::default() };
        let blocks = flow.functions.iter().map(|one| one.cfg.len()).sum();
        flow.owners.reserve_exact(blocks);
        for (index, (one, function)) in flow.functions.iter_mut().zip(&program.functions).enumerate() {
            flow.owners.extend(std::iter::repeat_n(FuncId(index as u32), one.cfg.len()));
            one.first_block = flow.block_count;
            one.first_live = flow.live_count;
            flow.block_count += one.cfg.len() as u32;
            flow.live_count += one.live.len() as u32;
            flow.max_registers = flow.max_registers.max(function.registers);
        }
        flow
    }

    pub fn of(&self, func: FuncId) -> &FunctionFlow {
        &self.functions[func.index()]
    }

    /// The instruction in front of `pc`, in the same block, whose result a register holds there.
    pub fn written_before(&self, program: &Program, func: FuncId, pc: u32, register: Reg) -> Option<(u32, Op)> {
        let code = code_of(program, &program.functions[func.index()]);
        let cfg = &self.of(func).cfg;
        let first = cfg.blocks[cfg.block_of[pc as usize] as usize].start;
        let last = (first..pc).rev().find(|&pc| code[pc as usize].may_change(program, register))?;
        let op = code[last as usize];
        (op.result() == Some(register)).then_some((last, op))
    }
}
