//! `--jit-stress facts`: what facts prove is tested all the same, and a value of another type is an internal error.
//!
//! Native code tests the operands and results of its instructions, where it does not know their types by guards anyway;
//! and whenever it is left, what is alive in the frame that it leaves is tested. So each value is tested that a wrong
//! proof could let through, whether native code would have gone on with it or not.

use super::ir::Exit;
use super::shadow::given_by_iter;
use super::static_types::{Judging, StaticTypes};
use super::translate::Flows;
use crate::bytecode::types::{Tags, Type};
use crate::runtime::error::{Error, Result};
use crate::runtime::vm::Vm;

/// A value that is not of the type that was proved for it.
pub fn wrong(vm: &Vm, exit: &Exit, what: &str) -> Error {
    let place = vm.image().span_at(exit.pc).and_then(|span| vm.image().place(span));
    let place = place.unwrap_or_else(|| format!("pc {}", exit.pc));
    Error::fatal(format!("Internal error: {what} at {place} is not of the type that was proved for it"))
}

/// Tests what is alive in the top frame, which native code has just left by this exit.
pub fn judge_frame(vm: &Vm, flows: &mut Flows, types: &StaticTypes, exit: &Exit) -> Result<()> {
    let Some(judging) = types.judging() else { return Ok(()) };
    let (program, func) = (vm.program(), vm.top_function());
    let Ok(flow) = flows.of(program, func) else { return Ok(()) };
    let Some(block) = flow.block_around(exit.pc - flow.start) else { return Ok(()) };
    let index = (exit.pc - flow.start - flow.block(block).start) as usize;
    let live = flow.live_before_each(program, block).swap_remove(index);
    let proved = types.before(program, func, exit.pc);
    let given = given_by_iter(program, exit);
    for reg in live.iter().filter(|reg| Some(*reg) != given) {
        let Some(ty) = proved.get(reg.index()) else { continue };
        let kind = vm.top_register(reg.0.into()).tag().kind();
        let is_spoilt = judging == Judging::Spoilt && kind == Tags::INT && *ty != Type::ANY;
        // What is absent is of no type, and the state of an iteration is told as a whole.
        let is_told = kind != Tags::NONE && !ty.tags.meets(Tags::ITER);
        if is_told && (!kind.meets(ty.tags) || is_spoilt) {
            return Err(wrong(vm, exit, &format!("register {}", reg.0)));
        }
    }
    Ok(())
}
