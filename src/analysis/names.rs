//! What values are called in the source: for conditions and reports.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::bytecode::op::window::MethodCall;
use crate::bytecode::{CaptureId, CaptureSource, FuncId, GlobalId, LocalName, Op, Program, Reg};
use crate::source::Span;

/// Names of registers and places of instructions. Without debug information there are neither.
#[derive(Debug)]
pub struct Names<'p> {
    program: &'p Program,
    /// By function, register, and where their scope starts.
    locals: Vec<&'p LocalName>,
    /// Which instruction of which function makes the closures of a function; found when first asked for.
    makers: OnceLock<FxHashMap<FuncId, (FuncId, u32)>>,
}

/// What a value is called that has no name.
pub const A_TEMPORARY: &str = "a temporary value";

/// How far back an operand's origin is looked for.
const REACH: u32 = 64;

/// Where a value comes from, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub name: String,
    /// The register of a local variable, if the value is simply its.
    pub local: Option<Reg>,
    /// The global variable, if the value is simply its.
    pub global: Option<GlobalId>,
}

impl<'p> Names<'p> {
    pub fn new(program: &'p Program) -> Names<'p> {
        let mut locals: Vec<&LocalName> = program.debug.iter().flat_map(|debug| &debug.locals).collect();
        locals.sort_by_key(|local| (local.func, local.register, local.start));
        Names { program, locals, makers: OnceLock::new() }
    }

    /// The name of a register at a pc of its function.
    pub fn local(&self, func: FuncId, pc: u32, register: Reg) -> Option<&'p str> {
        let place = (func, register, pc);
        let after = self.locals.partition_point(|local| (local.func, local.register, local.start) <= place);
        let local = self.locals.get(after.checked_sub(1)?)?;
        let is_there = (local.func, local.register) == (func, register) && pc < local.end;
        if is_there { self.program.strings.get(local.name) } else { None }
    }

    /// The name of what a closure captures.
    pub fn captured(&self, func: FuncId, capture: CaptureId) -> Option<&'p str> {
        let makers = self.makers.get_or_init(|| self.find_makers());
        let (mut func, mut capture) = (func, capture);
        // Closures nest as deep as the source does.
        loop {
            let source = *self.program.functions.get(func.index())?.captures.get(capture.index())?;
            let &(outer, pc) = makers.get(&func)?;
            match source {
                CaptureSource::Register(register) => return self.local(outer, pc, register),
                CaptureSource::Capture(next) => (func, capture) = (outer, next),
            }
        }
    }

    fn find_makers(&self) -> FxHashMap<FuncId, (FuncId, u32)> {
        let mut makers = FxHashMap::default();
        for (index, function) in self.program.functions.iter().enumerate() {
            let code = self.program.code.get(function.code.range()).unwrap_or_default();
            for (pc, op) in (0..).zip(code) {
                match *op {
                    Op::MakeClosure { func, .. } => {
                        makers.insert(func, (FuncId(index as u32), pc));
                    }
                    Op::MakeStruct { def, .. } => {
                        let methods = self.program.structs.get(def.index()).map_or(&[][..], |def| &def.methods);
                        makers.extend(methods.iter().map(|method| (method.func, (FuncId(index as u32), pc))));
                    }
                    _ => {}
                }
            }
        }
        makers
    }

    /// The place in the source of an instruction.
    pub fn span(&self, func: FuncId, pc: u32) -> Span {
        let global = self.program.functions[func.index()].code.start + pc;
        let Some(debug) = &self.program.debug else { return Span::default() };
        let after = debug.lines.partition_point(|line| line.pc <= global);
        after.checked_sub(1).map_or(Span::default(), |index| debug.lines[index].span)
    }

    /// Where the value comes from that `register` holds before the instruction at `pc`.
    pub fn origin(&self, func: FuncId, code: &[Op], pc: u32, register: Reg) -> Origin {
        self.trace(func, code, pc, register, 0).unwrap_or_else(|| Origin {
            name: A_TEMPORARY.to_owned(),
            local: None,
            global: None,
        })
    }

    fn trace(&self, func: FuncId, code: &[Op], pc: u32, register: Reg, depth: u32) -> Option<Origin> {
        let plain = |name: String| Some(Origin { name, local: None, global: None });
        if let Some(name) = self.local(func, pc, register) {
            return Some(Origin { name: name.to_owned(), local: Some(register), global: None });
        }
        if depth > 4 {
            return None;
        }
        let text = |id| self.program.strings.get(id).unwrap_or("?");
        for before in (pc.saturating_sub(REACH)..pc).rev() {
            let op = code[before as usize];
            let deeper = |register: Reg| self.trace(func, code, before, register, depth + 1);
            match op {
                Op::Move { dst, src } | Op::Unpack { dst, src, .. } if dst == register => return deeper(src),
                Op::GetGlobal { dst, global } if dst == register => {
                    let named = plain(text(self.program.globals.get(global.index())?.name).to_owned())?;
                    return Some(Origin { global: Some(global), ..named });
                }
                Op::GetIndex { dst, object, .. } if dst == register => {
                    return plain(match deeper(object) {
                        Some(object) => format!("{}[…]", object.name),
                        None => "an item".to_owned(),
                    });
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
                Op::GetCapture { dst, capture } | Op::GetCaptureCell { dst, capture } if dst == register => {
                    return plain(self.captured(func, capture).unwrap_or("a captured variable").to_owned());
                }
                Op::GetCell { dst, cell } if dst == register => {
                    return plain(self.local(func, before, cell).unwrap_or("a captured variable").to_owned());
                }
                _ if op.may_change(self.program, register) => return None,
                _ => {}
            }
        }
        None
    }
}
