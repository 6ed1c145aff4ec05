//! Where values lost the one kind that a condition asks for: which assignment or call gave another.

use rustc_hash::FxHashMap;

use super::infer::Replay;
use super::names::Names;
use crate::bytecode::facts::Region;
use crate::bytecode::op::window::{Call, MethodCall, New};
use crate::bytecode::types::{IdKind, Tags};
use crate::bytecode::{FuncId, GlobalId, Op, Program, Reg};
use crate::facts::rules::{Members, TypeEnv};
use crate::source::Span;

/// What a condition is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Holder {
    Local(FuncId, Reg),
    Global(GlobalId),
}

/// A value that a variable is given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Given {
    holder: Holder,
    kinds: Tags,
    /// The instruction, counted from the first of its function.
    func: FuncId,
    pc: u32,
    is_argument: bool,
}

/// A condition, with what it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    pub region: Region,
    pub name: String,
    pub holder: Holder,
    pub wanted: Tags,
}

/// A place where a condition of a region is not met.
#[derive(Clone, PartialEq, Debug)]
pub struct Loss {
    pub region: Region,
    /// What the variable is called.
    pub name: String,
    /// What it becomes there: `float`, `int or void`.
    pub kinds: String,
    /// What it is to be.
    pub wanted: String,
    pub span: Span,
    /// It is an argument of a call that stands there.
    pub is_argument: bool,
}

/// Most places that are told of one region.
const TOLD: usize = 4;

/// Notes what `op`, the next instruction that may be executed, gives to globals and parameters.
pub fn note(types: &mut Replay<'_>, func: FuncId, pc: u32, op: Op, given: &mut Vec<Given>) {
    let mut pass = |types: &mut Replay<'_>, callee: FuncId, param: u16, register: Reg, count: u16| {
        for at in 0..count {
            let kinds = types.register(register.above(at)).tags;
            let holder = Holder::Local(callee, Reg(param + at));
            given.push(Given { holder, kinds, func, pc, is_argument: true });
        }
    };
    match op {
        Op::SetGlobal { src, global } => {
            let kinds = types.register(src).tags;
            given.push(Given { holder: Holder::Global(global), kinds, func, pc, is_argument: false });
        }
        Op::CallFn { base, func: callee } | Op::TailCallFn { base, func: callee } => {
            let count = types.program().functions[callee.index()].params;
            pass(types, callee, 0, base.above(Call::ARGS), count);
        }
        Op::New { base, def } => {
            if let Some(init) = types.index().init(def) {
                let count = types.program().functions[init.func.index()].params.saturating_sub(1);
                pass(types, init.func, 1, base.above(New::ARGS), count);
            }
        }
        Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site } => {
            let receiver = types.register(base.above(MethodCall::RECEIVER));
            let Some(name) = types.index().site_name(types.program(), func, site) else { return };
            let mut members = Members::of(receiver.ids);
            while let Some(id) = members.next(types) {
                let IdKind::Instance(def) = id else { continue };
                if let Some(method) = types.index().method(def, name).filter(|method| method.takes_self) {
                    pass(types, method.func, 1, base.above(MethodCall::ARGS), argc);
                }
            }
        }
        _ => {}
    }
}

/// Notes what the instruction at `pc` has given to a register, before the next one is executed.
pub fn note_written(types: &mut Replay<'_>, func: FuncId, pc: u32, register: Reg, given: &mut Vec<Given>) {
    let kinds = types.register(register).tags;
    given.push(Given { holder: Holder::Local(func, register), kinds, func, pc, is_argument: false });
}

/// Where each condition is not met, in the order of the source.
pub fn find(program: &Program, given: &[Given], asked: &[Asked]) -> Vec<Loss> {
    let names = Names::new(program);
    let mut by_holder: FxHashMap<Holder, Vec<&Given>> = FxHashMap::default();
    for one in given {
        by_holder.entry(one.holder).or_default().push(one);
    }
    let words = |kinds: Tags| match Tags::VISIBLE.within(kinds) {
        true => "anything".to_owned(),
        false => kinds.words(),
    };
    let mut found = Vec::new();
    for asked in asked {
        let mut own: Vec<Loss> = Vec::new();
        for one in by_holder.get(&asked.holder).map_or(&[][..], Vec::as_slice) {
            let is_other = !one.kinds.is_empty() && !one.kinds.within(asked.wanted.or(Tags::CELL).or(Tags::ITER));
            // A register that is shared with what has another name, or none, tells nothing.
            let is_named = match asked.holder {
                Holder::Local(func, register) if !one.is_argument => {
                    names.local(func, one.pc + 1, register) == Some(asked.name.as_str())
                }
                _ => true,
            };
            let span = names.span(one.func, one.pc);
            if is_other && is_named && !own.iter().any(|loss| loss.span == span) {
                own.push(Loss {
                    region: asked.region,
                    name: asked.name.clone(),
                    kinds: words(one.kinds),
                    wanted: words(asked.wanted),
                    span,
                    is_argument: one.is_argument,
                });
            }
        }
        own.sort_by_key(|loss| loss.span);
        own.truncate(TOLD);
        found.append(&mut own);
    }
    found
}
