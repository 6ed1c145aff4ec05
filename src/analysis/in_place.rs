//! Values that there are not: `let sorted = xs.sort();`. Methods that change their list in place give void, which
//! whoever comes from a language where they give the list finds out late.

use super::cfg::Block;
use super::infer::{Inference, TypeCursor};
use super::names::Names;
use super::program_flow::{ProgramFlow, code_of};
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::op::access::Access;
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, Op, Program, Reg};
use crate::facts::rules::{RuleIndex, TypeEnv};
use crate::source::{Diagnostic, Span};

/// Instructions behind a call among which its result is read if it is used. Most often it is the next.
const LOOK_AHEAD: usize = 64;

/// Warnings of calls whose void is used, in the order of the code. The solution is sealed.
pub fn warnings(program: &Program, flow: &ProgramFlow, types: &Inference<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut cursor = TypeCursor::new(types);
    let functions = (0..program.functions.len() as u32).map(FuncId).filter(|func| types.is_reached(*func));
    for func in functions {
        let (code, cfg) = (code_of(program, &program.functions[func.index()]), &flow.of(func).cfg);
        for (block, &Block { start, end, .. }) in (0..).zip(&cfg.blocks) {
            // Types are asked for where there is such a call only.
            let call = |pc: u32| {
                let (base, name) = method(types.index(), program, func, code[pc as usize])?;
                is_read(program, &code[pc as usize + 1..end as usize], base).then_some((pc, base, name))
            };
            let mut calls = (start..end).filter_map(call).peekable();
            if calls.peek().is_none() {
                continue;
            }
            cursor.block(func, block, |types, pc, _| {
                if let Some((_, base, name)) = calls.next_if(|(call_pc, ..)| *call_pc == pc)
                    && types.register(base.above(MethodCall::RECEIVER)).tags.without(Tags::VOID) == Tags::LIST
                {
                    found.push((func, pc, name));
                }
            });
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let names = Names::new(program);
    found.into_iter().map(|(func, pc, name)| warning(name, names.span(func, pc))).collect()
}

/// The window of a call and the name of the method of lists that it may be of, if that gives nothing.
fn method(index: &RuleIndex, program: &Program, func: FuncId, op: Op) -> Option<(Reg, &'static str)> {
    let Op::CallMethod { base, site, .. } = op else { return None };
    let name = index.site_name(program, func, site)?;
    let method = &METHODS[index.builtin_method(Receiver::List, name)?];
    (method.rule.tags() == Tags::VOID).then_some((base, method.name))
}

/// Whether the code that follows a call reads its result. One that is returned is not meant to be used: the body of
/// many a lambda is such a call.
fn is_read(program: &Program, code: &[Op], result: Reg) -> bool {
    for op in code.iter().take(LOOK_AHEAD) {
        let (mut reads, mut writes) = (false, false);
        op.for_each_access(program, |access| match access {
            Access::Reads(register) => reads |= register == result,
            Access::Writes(register) | Access::WritesOn(_, register) => writes |= register == result,
            Access::ClobbersAbove(register) => writes |= register < result,
        });
        if reads || writes {
            return reads && !matches!(op, Op::Return { .. });
        }
    }
    false
}

fn warning(name: &str, span: Span) -> Diagnostic {
    let warning = Diagnostic::warning("W0210", format!("`{name}` changes its list and gives nothing"), span)
        .labelled("this is always void");
    match name {
        "sort" => warning.with_help("`sorted` gives a sorted copy; `xs.sort();` by itself sorts `xs`"),
        "reverse" => warning.with_help("`reversed` gives a reversed copy; `xs.reverse();` by itself reverses `xs`"),
        _ => warning.with_help("call it by itself, and use the list then"),
    }
}
