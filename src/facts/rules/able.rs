//! With which kinds of operand an instruction may succeed: what a value must be wherever it goes on.

use super::failure::certain_failure;
use super::{At, Place, RuleIndex, TypeEnv};
use crate::bytecode::op::Op;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Tags, Type};
use crate::bytecode::{FuncId, Program, Reg};

/// Of the kinds of value that `register` may hold, those with which `op`, the instruction at [`TypeEnv::at`], may
/// succeed. Whatever else is there makes it fail, so behind it the register holds one of these.
pub fn able_kinds<E: TypeEnv>(env: &mut E, op: Op, register: Reg) -> Tags {
    let ty = env.register(register);
    if ty.tags.meets(Tags::ITER) && ty.tags != Tags::ALL {
        return ty.tags;
    }
    let mut able = Tags::NONE;
    for bit in 0..u16::BITS {
        let tag = Tags(1 << bit);
        if ty.tags.meets(tag) && tag.within(Tags::VISIBLE) {
            let mut supposed = Supposed { env: &mut *env, register, ty: ty.only(tag) };
            if certain_failure(&mut supposed, op).is_none() {
                able = able.or(tag);
            }
        }
    }
    able
}

/// An environment in which one register has another type.
struct Supposed<'a, E> {
    env: &'a mut E,
    register: Reg,
    ty: Type,
}

impl<E: TypeEnv> TypeEnv for Supposed<'_, E> {
    fn program(&self) -> &Program {
        self.env.program()
    }

    fn index(&self) -> &RuleIndex {
        self.env.index()
    }

    fn at(&self) -> At {
        self.env.at()
    }

    fn register(&mut self, reg: Reg) -> Type {
        if reg == self.register { self.ty } else { self.env.register(reg) }
    }

    // Asking whether an instruction fails writes nothing.
    fn set(&mut self, _: Reg, _: Type) {}

    fn restore(&mut self, _: Reg, _: Type) {}

    fn clobber_above(&mut self, _: Reg) {}

    fn edge(&mut self, _: i32) {}

    fn read(&mut self, place: Place) -> Type {
        self.env.read(place)
    }

    fn flow(&mut self, _: Place, _: Type) {}

    fn join(&mut self, a: Type, b: Type) -> Type {
        self.env.join(a, b)
    }

    fn escape(&mut self, _: Type) {}

    fn site(&mut self, pc: u32) -> ClassId {
        self.env.site(pc)
    }

    fn reach(&mut self, _: FuncId) {}

    fn identity(&mut self, kind: IdKind) -> IdSet {
        self.env.identity(kind)
    }

    fn member(&self, set: IdSet, index: usize) -> Option<Identity> {
        self.env.member(set, index)
    }
}
