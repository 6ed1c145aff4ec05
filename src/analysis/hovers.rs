//! The types of what the source names, where it names it: for a page on which one points at a word.

use super::infer::{Inference, TypeCursor};
use super::names::Names;
use super::program_flow::ProgramFlow;
use super::type_facts::TypeTable;
use crate::bytecode::facts::{Region, TypeId};
use crate::bytecode::graph::Graph;
use crate::bytecode::op::access::Access;
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::types::{Slot, Tags, Type};
use crate::bytecode::{FuncId, Op, Program, Reg, StrId};
use crate::facts::rules::{Place, TypeEnv, slot};
use crate::source::Span;

/// A name that stands somewhere in a span, and the type of what it names there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hover {
    pub span: Span,
    pub name: String,
    pub ty: TypeId,
    /// The type is of what calling it gives.
    pub is_result: bool,
}

/// What is known of the names in code that is reached, in the order of the code. The solution is sealed; its types are
/// added to the table.
pub fn find(program: &Program, flow: &ProgramFlow, types: &Inference<'_>, table: &mut TypeTable) -> Vec<Hover> {
    let names = Names::new(program);
    let mut finder = Finder { program, names, types, table, found: Vec::new() };
    let mut cursor = TypeCursor::new(types);
    for index in 0..program.functions.len() as u32 {
        let func = FuncId(index);
        if !types.is_reached(func) {
            continue;
        }
        let span = Region::Function(func).span(program);
        for param in 0..program.functions[func.index()].params {
            if let (Some(span), Some(name)) = (span, finder.names.local(func, 0, Reg(param))) {
                finder.add(span, name, types.type_of(Place::Param(func, param)), false);
            }
        }
        for block in 0..flow.of(func).cfg.len() as u32 {
            let mut written = None;
            cursor.block(func, block, |types, pc, op| {
                if let Some(before) = written.take() {
                    finder.note_result(types, func, before);
                }
                finder.note_reads(types, func, pc, op);
                written = Some((pc, op));
            });
        }
    }
    finder.found
}

struct Finder<'a, 'p> {
    program: &'p Program,
    names: Names<'p>,
    types: &'a Inference<'p>,
    table: &'a mut TypeTable,
    found: Vec<Hover>,
}

impl Finder<'_, '_> {
    fn add(&mut self, span: Span, name: &str, ty: Type, is_result: bool) {
        if !ty.is_never() {
            let ty = self.table.add(self.types, ty);
            self.found.push(Hover { span, name: name.to_owned(), ty, is_result });
        }
    }

    /// The variables that an instruction reads, with their types before it.
    fn note_reads(&mut self, types: &mut TypeCursor<'_>, func: FuncId, pc: u32, op: Op) {
        let span = self.names.span(func, pc);
        op.for_each_access(self.program, |access| {
            if let Access::Reads(register) = access
                && let Some(name) = self.names.local(func, pc, register)
            {
                let ty = value(types, register);
                self.add(span, name, ty, false);
            }
        });
        let (global, ty) = match op {
            Op::GetGlobal { global, .. } => (global, types.read(Place::Global(global))),
            Op::SetGlobal { src, global } => (global, types.register(src)),
            _ => return,
        };
        if let Some(name) =
            self.program.globals.get(global.index()).and_then(|known| self.program.strings.get(known.name))
        {
            self.add(span, name, ty, false);
        }
    }

    /// What the instruction before has written, with its type: a variable, a member, what a call gives.
    fn note_result(&mut self, types: &mut TypeCursor<'_>, func: FuncId, (pc, op): (u32, Op)) {
        let span = self.names.span(func, pc);
        if let Some(register) = op.result()
            && let Some(name) = self.names.local(func, pc + 1, register)
        {
            let ty = value(types, register);
            self.add(span, name, ty, false);
        }
        if let Op::GetCapture { dst, capture } | Op::GetCaptureCell { dst, capture } = op
            && let Some(name) = self.names.captured(func, capture)
        {
            let ty = value(types, dst);
            self.add(span, name, ty, false);
        }
        let site = |site| types.index().site_name(self.program, func, site).map(|name| StrId(name.0));
        let (name, register, is_result) = match op {
            Op::GetMember { dst, site: named, .. } => (site(named), dst, false),
            Op::SetMember { value, site: named, .. } => (site(named), value, false),
            Op::CallMethod { base, site: named, .. } => (site(named), base.above(MethodCall::RESULT), true),
            Op::CallFn { base, func } => (Some(self.program.functions[func.index()].name), base, true),
            Op::CallBuiltin { base, builtin, .. } => {
                (self.program.builtins.get(builtin.index()).map(|known| known.name), base, true)
            }
            Op::New { base, def } => (Some(self.program.structs[def.index()].name), base, true),
            _ => return,
        };
        if let Some(name) = name.and_then(|name| self.program.strings.get(name)) {
            let ty = types.register(register);
            // `Vector.push` and `math.sqrt` stand in the source by their last word.
            self.add(span, name.rsplit('.').next().unwrap_or(name), ty, is_result);
        }
    }
}

/// The type of a variable's value: of one that closures share, of what its cell holds.
fn value(types: &mut TypeCursor<'_>, register: Reg) -> Type {
    let ty = types.register(register);
    if ty.tags == Tags::CELL { slot(types, ty, Slot::Item) } else { ty }
}
