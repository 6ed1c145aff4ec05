//! Which registers an instruction reads, writes and clobbers: said by the kinds of its operands alone.
//!
//! The jumps that drive loops write on one of their edges only: a loop's variable is written on the edge into the body,
//! never on the one out of the loop.

use smallvec::SmallVec;

use super::Op;
use super::operand::Kind;
use super::window::{Call, Iter, MethodCall, New, Range};
use crate::bytecode::{CaptureSource, FuncId, Program, Reg, StructId};

/// Where an instruction leads that is a jump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// On to the following instruction.
    FallThrough,
    /// To the jump's target.
    Taken,
}

/// What an instruction does to a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reads it, before anything is written.
    Reads(Reg),
    /// Writes it, on whichever edge it goes on.
    Writes(Reg),
    /// Writes it on one edge only.
    WritesOn(Edge, Reg),
    /// Leaves every register above this one undefined.
    ClobbersAbove(Reg),
}

/// A few registers. Every instruction that is recorded or built asks for some, so they take no allocation.
pub type Registers = SmallVec<[Reg; 6]>;

/// What an instruction does to registers on all its edges.
pub struct Accesses {
    pub reads: Registers,
    pub writes: Registers,
    /// From here up all registers are undefined afterwards.
    pub clobbers_from: Option<u16>,
}

impl Op {
    /// Calls `visit` with each access; a register may be read more than once.
    #[inline]
    pub fn for_each_access(&self, program: &Program, mut visit: impl FnMut(Access)) {
        // The window that starts at one operand has a size that another tells, whichever comes first.
        let (mut count, mut window) = (0u16, None);
        self.for_each_operand(|operand| {
            let reg = Reg(operand.value as u16);
            match operand.kind {
                Kind::Out => visit(Access::Writes(reg)),
                Kind::In => visit(Access::Reads(reg)),
                Kind::Seq
                | Kind::PairSeq
                | Kind::CallBase
                | Kind::FnBase
                | Kind::BuiltinBase
                | Kind::MethodBase
                | Kind::NewBase
                | Kind::InitBase
                | Kind::RangeStart
                | Kind::RangeNext
                | Kind::IterStart
                | Kind::IterNext
                | Kind::PairsStart
                | Kind::PairsNext => window = Some((operand.kind, reg)),
                Kind::Count => count = operand.value as u16,
                Kind::CalledFunc => count = program.functions.get(operand.value as usize).map_or(0, |f| f.params),
                Kind::NewStruct => count = program.init_arguments(StructId(operand.value as u32)),
                Kind::ClosureFunc => captured(program, FuncId(operand.value as u32), &mut visit),
                Kind::ClosureStruct => {
                    let methods = program.structs.get(operand.value as usize).map_or(&[][..], |def| &def.methods);
                    methods.iter().for_each(|method| captured(program, method.func, &mut visit));
                }
                Kind::Const
                | Kind::NumConst
                | Kind::AnyConst
                | Kind::Func
                | Kind::Builtin
                | Kind::Module
                | Kind::Struct
                | Kind::Global
                | Kind::Capture
                | Kind::Site
                | Kind::CallSite
                | Kind::Jump16
                | Kind::Jump32
                | Kind::Imm
                | Kind::Flag
                | Kind::Types => {}
            }
        });
        if let Some((kind, base)) = window {
            window_accesses(kind, base, count, visit);
        }
    }

    /// All accesses but those that depend on the edge.
    pub fn accesses(&self, program: &Program) -> Accesses {
        let mut all = Accesses { reads: Registers::new(), writes: Registers::new(), clobbers_from: None };
        self.for_each_access(program, |access| match access {
            Access::Reads(reg) => all.reads.push(reg),
            Access::Writes(reg) => all.writes.push(reg),
            Access::ClobbersAbove(base) => all.clobbers_from = Some(base.0.saturating_add(1)),
            Access::WritesOn(..) => {}
        });
        all
    }

    /// The registers that are written when control goes on along an edge, those of both edges included.
    pub fn writes_on(&self, program: &Program, edge: Edge) -> Registers {
        let mut written = Registers::new();
        self.for_each_access(program, |access| match access {
            Access::Writes(reg) => written.push(reg),
            Access::WritesOn(on, reg) if on == edge => written.push(reg),
            _ => {}
        });
        written
    }

    /// Calls `visit` with each register that is written on some edge. The result is the register above which all are
    /// undefined afterwards.
    pub fn for_each_written(&self, program: &Program, mut visit: impl FnMut(Reg)) -> Option<Reg> {
        let mut clobbers_above = None;
        self.for_each_access(program, |access| match access {
            Access::Writes(reg) | Access::WritesOn(_, reg) => visit(reg),
            Access::ClobbersAbove(base) => clobbers_above = Some(base),
            Access::Reads(_) => {}
        });
        clobbers_above
    }

    /// Whether the instruction may write a register or leave it undefined.
    pub fn may_change(&self, program: &Program, register: Reg) -> bool {
        let mut written = false;
        let base = self.for_each_written(program, |reg| written |= reg == register);
        written || base.is_some_and(|base| base < register)
    }

    /// The register that gets the value the instruction is there for: a result, or a loop's variable or (first) item.
    #[inline]
    pub fn result(&self) -> Option<Reg> {
        let mut result = None;
        self.for_each_operand(|operand| {
            let reg = Reg(operand.value as u16);
            match operand.kind {
                Kind::Out => result = Some(reg),
                Kind::CallBase | Kind::FnBase | Kind::BuiltinBase => result = Some(reg.above(Call::RESULT)),
                Kind::MethodBase => result = Some(reg.above(MethodCall::RESULT)),
                Kind::NewBase => result = Some(reg.above(New::INSTANCE)),
                Kind::RangeStart | Kind::RangeNext => result = Some(reg.above(Range::VARIABLE)),
                Kind::IterStart | Kind::IterNext | Kind::PairsStart | Kind::PairsNext => {
                    result = Some(reg.above(Iter::ITEM));
                }
                Kind::In
                | Kind::Seq
                | Kind::PairSeq
                | Kind::InitBase
                | Kind::Const
                | Kind::NumConst
                | Kind::AnyConst
                | Kind::Func
                | Kind::CalledFunc
                | Kind::ClosureFunc
                | Kind::Builtin
                | Kind::Module
                | Kind::Struct
                | Kind::NewStruct
                | Kind::ClosureStruct
                | Kind::Global
                | Kind::Capture
                | Kind::Site
                | Kind::CallSite
                | Kind::Jump16
                | Kind::Jump32
                | Kind::Imm
                | Kind::Count
                | Kind::Flag
                | Kind::Types => {}
            }
        });
        result
    }
}

/// What a closure captures is named by its function, not by the instruction that makes it.
fn captured(program: &Program, func: FuncId, visit: &mut impl FnMut(Access)) {
    let sources = program.functions.get(func.index()).map_or(&[][..], |function| &function.captures);
    for source in sources {
        match source {
            CaptureSource::Register(reg) => visit(Access::Reads(*reg)),
            CaptureSource::Capture(_) => {}
        }
    }
}

#[inline]
fn window_accesses(kind: Kind, base: Reg, count: u16, mut visit: impl FnMut(Access)) {
    let mut call = |first: u16, count: u16| {
        (0..count).for_each(|arg| visit(Access::Reads(base.above(first.saturating_add(arg)))));
        visit(Access::Writes(base));
        visit(Access::ClobbersAbove(base));
    };
    match kind {
        Kind::CallBase => return call(Call::CALLEE, count.saturating_add(1)),
        Kind::FnBase | Kind::BuiltinBase => return call(Call::ARGS, count),
        Kind::MethodBase => return call(MethodCall::RECEIVER, count.saturating_add(1)),
        Kind::NewBase => return call(New::ARGS, count),
        Kind::InitBase => return call(Call::ARGS, 0),
        _ => {}
    }
    let mut reads = |count: u16| (0..count).for_each(|slot| visit(Access::Reads(base.above(slot))));
    match kind {
        Kind::Seq => reads(count),
        Kind::PairSeq => reads(count.saturating_mul(2)),
        Kind::RangeStart => {
            reads(Range::VARIABLE);
            visit(Access::WritesOn(Edge::FallThrough, base.above(Range::VARIABLE)));
        }
        Kind::RangeNext => {
            reads(Range::VARIABLE);
            visit(Access::WritesOn(Edge::Taken, base.above(Range::COUNTER)));
            visit(Access::WritesOn(Edge::Taken, base.above(Range::VARIABLE)));
        }
        Kind::IterStart | Kind::PairsStart => {
            visit(Access::Reads(base.above(Iter::ITERABLE)));
            (0..Iter::STATE).for_each(|slot| visit(Access::Writes(base.above(slot))));
            items(kind, base, Edge::FallThrough, visit);
        }
        Kind::IterNext | Kind::PairsNext => {
            reads(Iter::STATE);
            visit(Access::WritesOn(Edge::Taken, base.above(Iter::POSITION)));
            items(kind, base, Edge::Taken, visit);
        }
        _ => unreachable!("not the base of a window"),
    }
}

fn items(kind: Kind, base: Reg, edge: Edge, mut visit: impl FnMut(Access)) {
    visit(Access::WritesOn(edge, base.above(Iter::ITEM)));
    if matches!(kind, Kind::PairsStart | Kind::PairsNext) {
        visit(Access::WritesOn(edge, base.above(Iter::SECOND)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::{BuiltinId, SiteId};

    fn registers(found: &[Reg]) -> Vec<u16> {
        found.iter().map(|reg| reg.0).collect()
    }

    #[test]
    fn a_loop_writes_its_variable_on_the_way_into_the_body_only() {
        let program = Program::default();
        let on = |op: Op, edge| registers(&op.writes_on(&program, edge));
        let (start, next) = (Op::ForPrep { base: Reg(4), exit: 9 }, Op::ForLoop { base: Reg(4), back: -3 });
        assert_eq!((on(start, Edge::FallThrough), on(start, Edge::Taken)), (vec![6], vec![]));
        assert_eq!((on(next, Edge::FallThrough), on(next, Edge::Taken)), (vec![], vec![4, 6]));
        let (start, next) = (Op::IterPrep2 { base: Reg(4), exit: 9 }, Op::IterNext2 { base: Reg(4), back: -3 });
        assert_eq!((on(start, Edge::FallThrough), on(start, Edge::Taken)), (vec![4, 5, 6, 7, 8], vec![4, 5, 6]));
        assert_eq!((on(next, Edge::FallThrough), on(next, Edge::Taken)), (vec![], vec![5, 7, 8]));
    }

    #[test]
    fn a_call_reads_its_window_and_clobbers_what_is_above_its_base() {
        let program = Program::default();
        let reads = |op: Op| {
            let all = op.accesses(&program);
            assert_eq!((registers(&all.writes), all.clobbers_from), (vec![2], Some(3)));
            registers(&all.reads)
        };
        assert_eq!(reads(Op::Call { base: Reg(2), argc: 2 }), [2, 3, 4]);
        assert_eq!(reads(Op::CallBuiltin { base: Reg(2), builtin: BuiltinId(0), argc: 2 }), [3, 4]);
        assert_eq!(reads(Op::CallMethod { base: Reg(2), argc: 1, site: SiteId(0) }), [3, 4]);
    }
}
