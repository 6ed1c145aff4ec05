//! Dicts whose methods are written like entries: `d.keys` where `d.keys()` is meant. A dict with any string for a key
//! may have an entry of that name as far as types tell, so what fails is only what is done with its value.

use rustc_hash::FxHashMap;

use super::super::infer::TypeCursor;
use super::super::program_flow::{ProgramFlow, code_of};
use super::CertainFailure;
use crate::bytecode::methods::Receiver;
use crate::bytecode::types::Tags;
use crate::bytecode::{Constant, FuncId, Op, Program, Reg, StrId};
use crate::facts::rules::{Cause, Failure, Owner, TypeEnv};

/// Where something is taken from a dict by the name of a method.
#[derive(Default)]
pub(super) struct Taken(FxHashMap<(FuncId, u32), StrId>);

impl Taken {
    pub fn note(&mut self, types: &mut TypeCursor<'_>, func: FuncId, pc: u32, op: Op) {
        let Op::GetMember { object, site, .. } = op else { return };
        let program = types.program();
        let Some(name) = types.index().site_name(program, func, site) else { return };
        if types.register(object).tags == Tags::DICT && types.index().builtin_method(Receiver::Dict, name).is_some() {
            self.0.insert((func, pc), StrId(name.0));
        }
    }

    /// If a failure is one of such a value, and no dict is given an entry of that name, it is the name that is wrong.
    pub fn blame_member(&self, one: &mut CertainFailure, program: &Program, flow: &ProgramFlow) {
        let Some(register) = one.failure.register else { return };
        let Some((pc, _)) = flow.written_before(program, one.func, one.pc, register) else { return };
        let Some(&name) = self.0.get(&(one.func, pc)) else { return };
        if program.strings.get(name).is_some_and(|text| !is_written_as_key(program, text)) {
            let cause = Cause::Member { owner: Owner::Kind(Tags::DICT), name };
            *one = CertainFailure { pc, failure: Failure { cause, register: None }, ..*one };
        }
    }
}

/// Whether the program gives some dict an entry of this name: in a literal, by index or as a member.
pub(super) fn is_written_as_key(program: &Program, name: &str) -> bool {
    program.functions.iter().any(|function| {
        let code = code_of(program, function);
        let sites = program.sites.get(function.sites.range()).unwrap_or_default();
        code.iter().enumerate().any(|(pc, op)| match *op {
            Op::SetMember { site, .. } => {
                sites.get(site.index()).and_then(|&id| program.strings.get(id)).is_some_and(|text| text == name)
            }
            Op::LoadConst { dst, constant } => {
                let constant = program.constants.get(constant.index());
                let is_name = matches!(constant, Some(&Constant::Str(id)) if program.strings.get(id) == Some(name));
                is_name && is_used_as_key(program, &code[pc + 1..], dst)
            }
            _ => false,
        })
    })
}

/// Whether what a register holds becomes a key before something else is put there.
fn is_used_as_key(program: &Program, code: &[Op], register: Reg) -> bool {
    let is_key = |op: &Op| match *op {
        Op::MakeDict { base, count, .. } | Op::DictInsert { base, count, .. } => {
            let offset = register.0.checked_sub(base.0);
            offset.is_some_and(|offset| offset % 2 == 0 && offset / 2 < count)
        }
        Op::SetIndex { index, .. } => index == register,
        _ => false,
    };
    let end = code.iter().position(|op| op.may_change(program, register));
    // The instruction that writes the register may read it first.
    code.iter().take(end.map_or(code.len(), |end| end + 1)).any(is_key)
}
