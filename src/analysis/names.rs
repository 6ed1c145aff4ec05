//! What values are called in the source: for conditions and reports.

use crate::bytecode::op::window::MethodCall;
use crate::bytecode::{FuncId, GlobalId, LocalName, Op, Program, Reg};
use crate::source::Span;

/// Names of registers and places of instructions. Without debug information there are neither.
#[derive(Debug)]
pub struct Names<'p> {
    program: &'p Program,
    /// By function, register, and where their scope starts.
    locals: Vec<&'p LocalName>,
}

/// How far back an operand's origin is looked for.
const REACH: u32 = 64;

/// Where a value comes from, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub name: String,
    /// The value is an item of what the name names: `list` or `dict`.
    pub item: bool,
    /// The register of a local variable, if the value is simply its.
    pub local: Option<Reg>,
    /// The global variable, if the value is simply its.
    pub global: Option<GlobalId>,
}

impl<'p> Names<'p> {
    pub fn new(program: &'p Program) -> Names<'p> {
        let mut locals: Vec<&LocalName> = program.debug.iter().flat_map(|debug| &debug.locals).collect();
        locals.sort_by_key(|local| (local.func, local.register, local.start));
        Names { program, locals }
    }

    /// The name of a register at a pc of its function.
    pub fn local(&self, func: FuncId, pc: u32, register: Reg) -> Option<&'p str> {
        let at = (func, register, pc);
        let after = self.locals.partition_point(|local| (local.func, local.register, local.start) <= at);
        let local = self.locals.get(after.checked_sub(1)?)?;
        let is_there = (local.func, local.register) == (func, register) && pc < local.end;
        if is_there { self.program.strings.get(local.name) } else { None }
    }

    /// The place in the source of an instruction.
    pub fn span(&self, func: FuncId, pc: u32) -> Span {
        let global = self.program.functions[func.index()].code.start + pc;
        let Some(debug) = &self.program.debug else { return Span::default() };
        let after = debug.lines.partition_point(|line| line.pc <= global);
        after.checked_sub(1).map_or(Span::default(), |at| debug.lines[at].span)
    }

    /// Where the value comes from that `register` holds before the instruction at `pc`.
    pub fn origin(&self, func: FuncId, code: &[Op], pc: u32, register: Reg) -> Origin {
        self.trace(func, code, pc, register, 0).unwrap_or_else(|| Origin {
            name: "a temporary value".to_owned(),
            item: false,
            local: None,
            global: None,
        })
    }

    fn trace(&self, func: FuncId, code: &[Op], pc: u32, register: Reg, depth: u32) -> Option<Origin> {
        let plain = |name: String| Some(Origin { name, item: false, local: None, global: None });
        if let Some(name) = self.local(func, pc, register) {
            return Some(Origin { name: name.to_owned(), item: false, local: Some(register), global: None });
        }
        if depth > 4 {
            return None;
        }
        let text = |id| self.program.strings.get(id).unwrap_or("?");
        for at in (pc.saturating_sub(REACH)..pc).rev() {
            let op = code[at as usize];
            let deeper = |register: Reg| self.trace(func, code, at, register, depth + 1);
            match op {
                Op::Move { dst, src } | Op::Unpack { dst, src, .. } if dst == register => return deeper(src),
                Op::GetGlobal { dst, global } if dst == register => {
                    let named = plain(text(self.program.globals.get(global.index())?.name).to_owned())?;
                    return Some(Origin { global: Some(global), ..named });
                }
                Op::GetIndex { dst, object, .. } if dst == register => {
                    let object = deeper(object)?;
                    return Some(Origin { item: true, local: None, global: None, name: object.name });
                }
                Op::GetMember { dst, object, site } if dst == register => {
                    let sites = self.program.functions[func.index()].sites.range();
                    let name = text(*self.program.sites.get(sites)?.get(site.index())?);
                    return plain(match deeper(object) {
                        Some(object) => format!("{}.{name}", object.name),
                        None => format!(".{name}"),
                    });
                }
                Op::CallFn { base, func: callee } if base == register => {
                    let name = text(self.program.functions.get(callee.index())?.name);
                    return plain(format!("{name}(…)"));
                }
                Op::CallMethod { base, site, .. } if base == register => {
                    let sites = self.program.functions[func.index()].sites.range();
                    let name = text(*self.program.sites.get(sites)?.get(site.index())?);
                    return plain(match deeper(base.above(MethodCall::RECEIVER)) {
                        Some(object) => format!("{}.{name}(…)", object.name),
                        None => format!(".{name}(…)"),
                    });
                }
                Op::CallBuiltin { base, builtin, .. } if base == register => {
                    let name = text(self.program.builtins.get(builtin.index())?.name);
                    return plain(format!("{name}(…)"));
                }
                Op::Call { base, .. } if base == register => {
                    return plain(match deeper(base) {
                        Some(callee) => format!("{}(…)", callee.name),
                        None => "the result of a call".to_owned(),
                    });
                }
                Op::GetCapture { dst, .. } | Op::GetCaptureCell { dst, .. } | Op::GetCell { dst, .. }
                    if dst == register =>
                {
                    return plain("a captured variable".to_owned());
                }
                _ if op.may_change(self.program, register) => return None,
                _ => {}
            }
        }
        None
    }
}
