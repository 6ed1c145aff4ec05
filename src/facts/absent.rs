//! Values that are absent: arguments that were left out, and methods that were looked up and are called by the
//! instruction that does. Types do not tell of them. walrusc's code asks for them (`JumpIfGiven`) before it does
//! anything else; a file may have been made by somebody else, and then nothing that types say would hold of it.

use std::collections::BTreeSet;

use super::forward::{Forward, walk};
use crate::bytecode::op::access::Edge;
use crate::bytecode::op::window::{Call, New};
use crate::bytecode::{FuncId, Function, Op, Program, Reg, StructId};
use crate::facts::definite::init_of;

/// The first instruction (an index into the program's code) that may take an absent value for an ordinary one; `None`
/// if there is none.
pub fn first_misuse(program: &Program) -> Option<u32> {
    program.functions.iter().find_map(|function| misuse_in(program, function))
}

fn misuse_in(program: &Program, function: &Function) -> Option<u32> {
    let makes = |op: &Op| matches!(op, Op::LoadAbsent { .. } | Op::FindMethod { .. });
    if function.required == function.params && !program.code.get(function.code.range())?.iter().any(makes) {
        return None;
    }
    let mut absence = Absence { program, misuse: None };
    walk(program, function, (function.required..function.params).map(Reg).collect(), &mut absence);
    Some(function.code.start + absence.misuse?)
}

/// Follows the registers that may be absent.
struct Absence<'a> {
    program: &'a Program,
    misuse: Option<u32>,
}

impl Forward for Absence<'_> {
    type State = BTreeSet<Reg>;

    fn join(&self, there: &mut BTreeSet<Reg>, other: &BTreeSet<Reg>) -> bool {
        let count = there.len();
        there.extend(other);
        there.len() != count
    }

    fn after(&self, op: &Op, before: &BTreeSet<Reg>, edge: Edge) -> BTreeSet<Reg> {
        let mut state = before.clone();
        if let Some(from) = op.accesses(self.program).clobbers_from {
            state.retain(|reg| reg.0 < from);
        }
        op.writes_on(self.program, edge).iter().for_each(|reg| _ = state.remove(reg));
        match *op {
            Op::LoadAbsent { dst } | Op::FindMethod { dst, .. } => _ = state.insert(dst),
            Op::JumpIfGiven { a, .. } if edge == Edge::Taken => _ = state.remove(&a),
            _ => {}
        }
        state
    }

    fn caught(&self, before: &BTreeSet<Reg>, error: Reg) -> BTreeSet<Reg> {
        before.iter().copied().filter(|reg| *reg != error).collect()
    }

    fn visit(&mut self, pc: u32, op: &Op, before: &BTreeSet<Reg>) -> bool {
        if self.misuses(op, before) {
            self.misuse = Some(pc);
        }
        self.misuse.is_none()
    }
}

impl Absence<'_> {
    fn misuses(&self, op: &Op, absent: &BTreeSet<Reg>) -> bool {
        if absent.is_empty() || matches!(op, Op::JumpIfGiven { .. }) {
            return false;
        }
        op.accesses(self.program).reads.iter().any(|reg| absent.contains(reg) && !self.may_be_absent(op, *reg))
    }

    /// Whether an instruction reads a register that may be absent for it: an argument that may be left out, or what a
    /// method call has looked up before.
    fn may_be_absent(&self, op: &Op, reg: Reg) -> bool {
        match *op {
            Op::CallFn { base, func } | Op::TailCallFn { base, func } => {
                self.may_be_left_out(func, reg.0.checked_sub(base.0 + Call::ARGS))
            }
            Op::New { base, def } => self.may_init_go_without(def, reg.0.checked_sub(base.0 + New::ARGS)),
            Op::CallMethod { base, .. } | Op::TailCallMethod { base, .. } => reg == base,
            _ => false,
        }
    }

    fn may_be_left_out(&self, func: FuncId, param: Option<u16>) -> bool {
        let callee = &self.program.functions[func.index()];
        param.is_some_and(|param| (callee.required..callee.params).contains(&param))
    }

    fn may_init_go_without(&self, def: StructId, argument: Option<u16>) -> bool {
        let param = argument.and_then(|argument| argument.checked_add(1));
        init_of(self.program, def).is_some_and(|init| self.may_be_left_out(init, param))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile_text;

    const SOURCE: &str = "fn f : a, b = [1], c = 2 { if c > 1 { return b; } return [a, c]; }\n\
        struct S { fn init : self, x = 1 { self.x = x; } fn get : self, d = void { if d == void { return self.x; } return d; } }\n\
        fn later : s, n { let t = 0; for i in 0..n { try { t += s.get(f(i)[0]); } catch e { t = 0; } } return t; }\n\
        async fn task : a, b = 3 { return a + b; }\n\
        println(f(1), f(1, [2]), f(1, [2], 0), S().get(), S(2).get(3), later(S(), 3), await task(1));";

    #[test]
    fn what_walrusc_makes_asks_first() {
        let program = compile_text("t.walrus", SOURCE).program.expect("it compiles");
        assert!(program.code.iter().any(|op| matches!(op, Op::JumpIfGiven { .. })));
        assert_eq!(first_misuse(&program), None);
    }

    #[test]
    fn what_does_not_ask_is_found() {
        let program = compile_text("t.walrus", SOURCE).program.expect("it compiles");
        let asks = (0..program.code.len()).filter(|pc| matches!(program.code[*pc], Op::JumpIfGiven { .. }));
        for pc in asks {
            let mut forged = program.clone();
            let Op::JumpIfGiven { to, .. } = forged.code[pc] else { unreachable!("those were looked for") };
            forged.code[pc] = Op::Jump { to };
            assert!(first_misuse(&forged).is_some(), "pc {pc}");
        }
    }
}
