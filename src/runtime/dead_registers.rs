//! Clears registers that nothing reads any more, before the machine says that it is out of memory.
//!
//! A register keeps its last value until something else is written there, so a large value may stay alive long after
//! its last use. Which values linger depends on who runs the code: native code keeps variables in machine registers and
//! writes home only what is read later, and the frames of inlined functions do not exist. A program may still have to
//! run out of memory in every mode or in none. So when a collection did not make enough room, registers that are dead
//! by [`flow`](crate::bytecode::flow) are cleared in all frames, and what they held is collected too: what counts
//! against the limit in the end is what live variables reach.
//!
//! Finding the dead ones takes an analysis of each function that has a frame, hence the last resort. Under GC stress
//! each collection does it, so a register that is called dead and read later shows.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::stack::Stack;
use super::value::Value;
use crate::bytecode::flow::{Flow, RegSet};
use crate::bytecode::{FuncId, Op, Program, Reg};

/// Functions of more instructions keep all registers: analysing one takes more than linear time.
const MAX_INSTRUCTIONS: u32 = 1 << 14;

/// What was found out about the program's registers so far.
#[derive(Default)]
pub(super) struct Liveness {
    /// `None`: nothing is known about the function, so all its registers count as alive.
    flows: FxHashMap<FuncId, Option<Flow>>,
    /// By the pc that a frame has saved.
    kept: FxHashMap<(FuncId, u32), Option<Rc<RegSet>>>,
}

impl Liveness {
    /// Registers that a frame needs whose saved pc, counted from the function's first instruction, is `pc`; `None` if
    /// all.
    ///
    /// A saved pc is one past the instruction that is being executed, was just executed or will be executed again;
    /// between instructions it is that of the next one, which is not always the one behind. The set is good for each of
    /// these cases. The judge of types looks at what the last instruction has written, whether it is read or not.
    fn kept(&mut self, program: &Program, func: FuncId, pc: u32, is_judged: bool) -> Option<Rc<RegSet>> {
        if let Some(kept) = self.kept.get(&(func, pc)) {
            return kept.clone();
        }
        let flow = self.flows.entry(func).or_insert_with(|| {
            let function = &program.functions[func.index()];
            if function.code.len <= MAX_INSTRUCTIONS { Flow::of(program, function).ok() } else { None }
        });
        let kept = flow.as_ref().and_then(|flow| needed_around(program, flow, pc, is_judged)).map(Rc::new);
        self.kept.insert((func, pc), kept.clone());
        kept
    }
}

/// What is alive before the instruction in front of `pc`, behind it on both edges it may take, and before the one at
/// `pc`.
fn needed_around(program: &Program, flow: &Flow, pc: u32, is_judged: bool) -> Option<RegSet> {
    let mut needed = RegSet::default();
    if let Some(block) = flow.block_around(pc) {
        let index = pc - flow.block(block).start;
        needed.add(&flow.live_before_each(program, block)[index as usize]);
    }
    let Some(before) = pc.checked_sub(1) else { return Some(needed) };
    let block = flow.block_around(before)?;
    let index = (before - flow.block(block).start) as usize;
    let live = flow.live_before_each(program, block);
    needed.add(&live[index]);
    needed.add(&live[index + 1]);
    // What a jump writes on its taken edge is alive at the target only.
    for target in flow.block(block).next.into_iter().chain(flow.block(block).taken) {
        needed.add(flow.live_in(target));
    }
    let op = &program.code[(flow.start + before) as usize];
    let accesses = op.accesses(program);
    accesses.writes.into_iter().for_each(|reg| needed.insert(reg));
    if is_judged {
        op.for_each_written(program, |reg| needed.insert(reg));
    }
    // A call moves its arguments about in its window, where a function of the run time may still be looking at them.
    needed.add_from(accesses.clobbers_from.unwrap_or(u16::MAX), flow.registers());
    Some(needed)
}

impl Liveness {
    /// Clears the dead registers of all frames, whose pcs are saved.
    #[cold]
    pub(super) fn forget_dead_registers(&mut self, stack: &mut Stack, program: &Program, is_judged: bool) {
        for depth in 1..=stack.depth() {
            let frame = *stack.frame_at(depth);
            // SAFETY: a frame's function lives as long as the image.
            let function = unsafe { &*frame.function };
            let end = if depth < stack.depth() { stack.frame_at(depth + 1).base } else { stack.registers_end() };
            let below_next = frame.base.registers_to(end);
            let Some(pc) = (frame.pc as usize).checked_sub(function.code as usize) else { continue };
            let Ok(pc) = u32::try_from(pc / size_of::<Op>()) else { continue };
            let Some(kept) = self.kept(program, function.id, pc, is_judged) else { continue };
            for register in (0..function.registers).take(below_next).filter(|&register| !kept.contains(Reg(register))) {
                frame.base.set(register, Value::VOID);
            }
        }
    }
}
