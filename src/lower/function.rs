//! One function: its frame, what its names mean in registers, and its entry in the program.

use rustc_hash::FxHashMap;

use super::code::{Code, Label, REGISTER_LIMIT};
use super::{Builder, FunctionInfo};
use crate::bytecode::{
    CaptureId, CaptureSource, Constant, FuncId, Handler, LineEntry, LocalName, LoopId, LoopKind, LoopRegion, ModuleId,
    Op, Reg, Run, SiteId, StrId, StructId,
};
use crate::resolve::graph::FileModule;
use crate::resolve::{Capture, CaptureFrom, FileScopes, FuncIndex, NameRef, StaticValue, VarId};
use crate::source::{Diagnostic, Span};
use crate::syntax::ast::{self, Ast, ExprId, FunctionId, Symbol};

/// Lowers a function and enters it into the program.
pub(super) fn lower_function(builder: &mut Builder<'_>, index: FuncIndex, registers: &mut [Reg]) {
    let info = builder.functions[index.0 as usize];
    let (file, scopes) = builder.file(info.module);
    let captures: &[Capture] = info.id.map_or(&[], |id| &scopes.functions[id.0 as usize].captures);
    // A closure over variables is only made by code that can be reached; without that there is nothing it could read.
    let is_dead = captures.iter().any(|capture| capture.slot.is_some())
        && builder.program.functions[index.0 as usize].captures.is_empty();
    let mut long_jumps = false;
    loop {
        let mut lowering = Lowering {
            file,
            ast: &file.ast,
            scopes,
            captures,
            index,
            code: Code::new(u32::from(info.params), long_jumps),
            registers: &mut *registers,
            sites: Vec::new(),
            shared_sites: FxHashMap::default(),
            handlers: Vec::new(),
            loops: Vec::new(),
            open_loops: Vec::new(),
            open_locals: Vec::new(),
            locals: Vec::new(),
            open_tries: 0,
            site_overflow: false,
            types_of: FxHashMap::default(),
            settings_met: 0,
            warn: !long_jumps,
            result_position: None,
            builder: &mut *builder,
        };
        if is_dead {
            let is_async = info.id.is_some_and(|id| file.ast.function(id).is_async);
            if is_async {
                lowering.code.emit(Op::StartTask {}, lowering.builder.debug.functions[index.0 as usize]);
            }
            lowering.code.emit(Op::ReturnVoid {}, lowering.builder.debug.functions[index.0 as usize]);
        } else {
            lowering.function(info);
        }
        if lowering.code.link().is_ok() {
            lowering.finish(info);
            return;
        }
        long_jumps = true;
    }
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dest {
    pub register: Reg,
    /// Nothing alive is in the register, so it may be written before the value is complete.
    pub fresh: bool,
}

impl Dest {
    pub fn fresh(register: Reg) -> Self {
        Dest { register, fresh: true }
    }

    pub fn live(register: Reg) -> Self {
        Dest { register, fresh: false }
    }
}

/// A loop whose body is being lowered.
pub(super) struct OpenLoop {
    pub continue_to: Label,
    pub break_to: Label,
}

pub(super) struct PendingLoop {
    pub kind: LoopKind,
    pub header: u32,
    pub end: u32,
    /// Position among the pending loops of the function.
    pub parent: Option<usize>,
    pub marked: bool,
    pub span: Span,
}

/// What is known while one function is lowered.
pub(super) struct Lowering<'b, 'a> {
    pub builder: &'b mut Builder<'a>,
    pub file: &'a FileModule,
    pub ast: &'a Ast,
    pub scopes: &'a FileScopes,
    pub captures: &'a [Capture],
    pub index: FuncIndex,
    pub code: Code,
    /// By variable of the file: its register, once it is declared.
    pub registers: &'b mut [Reg],
    sites: Vec<StrId>,
    /// Sites by name, once there are so many that they have to be shared.
    shared_sites: FxHashMap<(StrId, bool), SiteId>,
    pub handlers: Vec<Handler>,
    pub loops: Vec<PendingLoop>,
    pub open_loops: Vec<(OpenLoop, Option<usize>)>,
    /// Variables in scope and where they were declared.
    open_locals: Vec<(VarId, u32)>,
    locals: Vec<LocalName>,
    /// How many `try` bodies are open: a call in them is no tail call.
    pub open_tries: u32,
    site_overflow: bool,
    /// Variables that hold `core.type` of another, where neither is assigned again.
    pub types_of: FxHashMap<VarId, VarId>,
    /// How many conditions were decided by settings.
    pub settings_met: u32,
    /// Whether lints are reported: not when the function is lowered again.
    pub warn: bool,
    /// The last statement of the function, where other languages have its result.
    pub result_position: Option<crate::syntax::ast::StmtId>,
}

/// Past this many sites, accesses of one name share a site.
const OWN_SITES: usize = 60_000;

impl Lowering<'_, '_> {
    fn function(&mut self, info: FunctionInfo) {
        match info.id {
            None => {
                self.module_prologue();
                self.root_statements();
            }
            Some(id) => {
                let vars = &self.scopes.functions[id.0 as usize].params;
                let function = self.ast.function(id);
                if function.is_async {
                    self.code.emit(Op::StartTask {}, function.head);
                }
                let first_default = function.params.len() - function.defaults.len();
                for (position, param) in function.params.iter().take(usize::from(info.params)).enumerate() {
                    let register = Reg(position as u16);
                    if let Some(default) = position.checked_sub(first_default) {
                        let given = self.code.new_label();
                        self.code.jump(Op::JumpIfGiven { a: register, to: 0 }, given, param.span);
                        self.expr_into(function.defaults[default], Dest::fresh(register));
                        self.code.bind(given);
                    }
                    self.bind_var(vars[position], register, param.span);
                }
                self.result_position = self.ast.block(function.body).last().copied();
                self.block(function.body);
                self.close_locals(0);
            }
        }
        let span = self.builder.debug.functions[self.index.0 as usize];
        let end = Span { lo: span.hi, ..span };
        self.code.emit(Op::ReturnVoid {}, end);
    }

    fn finish(mut self, info: FunctionInfo) {
        let span = self.builder.debug.functions[self.index.0 as usize];
        if self.code.overflowed() {
            let message = format!(
                "A function needs at most {REGISTER_LIMIT} registers for its variables and temporary values, but this one needs {}",
                self.code.register_count()
            );
            let help = "split it into smaller functions";
            self.builder.diagnostics.push(Diagnostic::error("E0501", message, span).with_help(help));
        }
        if self.site_overflow {
            let message = "A function calls methods of at most 65536 names";
            self.builder.diagnostics.push(Diagnostic::error("E0501", message, span));
        }
        self.register_loops();
        let program = &mut self.builder.program;
        let base = program.code.len() as u32;
        let target = &mut program.functions[self.index.0 as usize];
        target.code = Run { start: base, len: self.code.ops.len() as u32 };
        target.sites = Run { start: program.sites.len() as u32, len: self.sites.len() as u32 };
        target.handlers = std::mem::take(&mut self.handlers);
        self.code.finish(target);
        debug_assert!(target.registers >= info.params.max(1));
        program.code.append(&mut self.code.ops);
        program.sites.append(&mut self.sites);
        let lines = self.code.spans.iter().map(|&(pc, span)| LineEntry { pc: base + pc, span });
        self.builder.debug.lines.extend(lines);
        self.builder.debug.locals.append(&mut self.locals);
    }

    /// Finds the back edges and exits of the function's loops; a loop without a back edge is none.
    fn register_loops(&mut self) {
        let mut ids: Vec<Option<LoopId>> = Vec::with_capacity(self.loops.len());
        for pending in &self.loops {
            let parent = pending.parent.and_then(|parent| ids[parent]);
            let mut back_edges = Vec::new();
            let mut exits = Vec::new();
            for pc in pending.header..pending.end {
                let op = &self.code.ops[pc as usize];
                let falls_through = !op.effects().ends;
                let target = op.jump_offset().map(|offset| (i64::from(pc) + 1 + i64::from(offset)) as u32);
                if target == Some(pending.header) {
                    back_edges.push(pc);
                }
                for next in target.into_iter().chain(falls_through.then_some(pc + 1)) {
                    if !(pending.header..pending.end).contains(&next) {
                        exits.push(next);
                    }
                }
            }
            if back_edges.is_empty() {
                ids.push(parent);
                continue;
            }
            exits.sort_unstable();
            exits.dedup();
            let loops = &mut self.builder.program.loops;
            let depth = parent.map_or(1, |parent| loops[parent.index()].depth + 1);
            ids.push(Some(LoopId(loops.len() as u32)));
            loops.push(LoopRegion {
                func: FuncId(self.index.0),
                kind: pending.kind,
                header: pending.header,
                end: pending.end,
                back_edges,
                exits,
                parent,
                depth,
                marked: pending.marked,
                span: pending.span,
            });
        }
    }

    // Variables.

    /// Makes `register`, which holds the value, the home of a variable.
    pub fn bind_var(&mut self, var: VarId, register: Reg, span: Span) {
        if self.scopes.var(var).in_cell {
            self.code.emit(Op::NewCell { dst: register, src: register }, span);
        }
        self.registers[var.0 as usize] = register;
        self.open_locals.push((var, self.code.pc()));
    }

    pub fn local_mark(&self) -> usize {
        self.open_locals.len()
    }

    /// Ends the scope of the variables from `mark` on.
    pub fn close_locals(&mut self, mark: usize) {
        let end = self.code.pc();
        for (var, start) in self.open_locals.drain(mark..) {
            let variable = self.scopes.var(var);
            if start < end {
                let name = self.builder.pools.symbol(&mut self.builder.program, self.builder.interner, variable.name);
                self.locals.push(LocalName {
                    func: FuncId(self.index.0),
                    register: self.registers[var.0 as usize],
                    name,
                    start,
                    end,
                });
            }
        }
    }

    /// The register of a name that is a plain local variable.
    pub fn plain_local(&self, expr: ExprId) -> Option<Reg> {
        let expr = self.strip_parens(expr);
        match self.scopes.names[expr.0 as usize] {
            NameRef::Local(var) => {
                let variable = self.scopes.var(var);
                (!variable.in_cell && !variable.is_static).then(|| self.registers[var.0 as usize])
            }
            _ => None,
        }
    }

    /// The value a name always has, if that is known.
    pub fn static_name(&self, name: NameRef) -> Option<StaticValue> {
        let var = match name {
            NameRef::Local(var) => var,
            NameRef::Capture(slot) => self.captures[usize::from(slot)].var,
            NameRef::Global(global) => return self.builder.resolution.global(global).static_value(),
            NameRef::SiblingMethod(index) => {
                let method = self.scopes.sibling_methods[index as usize];
                let is_static = method.owner.is_none_or(|owner| self.static_name(owner).is_some());
                return is_static.then_some(StaticValue::Function(method.function));
            }
            NameRef::Unresolved => return None,
        };
        let var = self.scopes.var(var);
        if var.is_static { var.value } else { None }
    }

    pub fn load_name(&mut self, name: NameRef, dst: Reg, span: Span) {
        if let Some(value) = self.static_name(name) {
            return self.load_static(value, dst, span);
        }
        let op = match name {
            NameRef::Local(var) => {
                let src = self.registers[var.0 as usize];
                if self.scopes.var(var).in_cell {
                    Op::GetCell { dst, cell: src }
                } else if src == dst {
                    return;
                } else {
                    Op::Move { dst, src }
                }
            }
            NameRef::Capture(slot) => {
                let capture = self.captures[usize::from(slot)];
                let id = CaptureId(capture.slot.unwrap_or_default());
                if self.scopes.var(capture.var).in_cell {
                    Op::GetCaptureCell { dst, capture: id }
                } else {
                    Op::GetCapture { dst, capture: id }
                }
            }
            NameRef::Global(global) => match self.builder.global_id(global) {
                Some(global) => Op::GetGlobal { dst, global },
                None => unreachable!("only module aliases, which are static, have no global"),
            },
            NameRef::SiblingMethod(index) => {
                let method = self.scopes.sibling_methods[index as usize];
                let owner = method.owner.expect("a method of a struct of the file is static");
                self.load_name(owner, dst, span);
                self.get_member(dst, dst, method.name, span);
                return;
            }
            // The resolver reported it, and a program with errors is not lowered.
            NameRef::Unresolved => Op::LoadVoid { dst },
        };
        self.code.emit(op, span);
    }

    pub fn load_static(&mut self, value: StaticValue, dst: Reg, span: Span) {
        let op = match value {
            StaticValue::Function(function) => Op::LoadFn { dst, func: FuncId(function.0) },
            StaticValue::Struct(definition) => Op::LoadStruct { dst, def: StructId(definition.0) },
            StaticValue::Module(module) => Op::LoadModule { dst, module: ModuleId(module.0) },
        };
        self.code.emit(op, span);
    }

    /// Stores into a variable that is no plain local.
    pub fn store_name(&mut self, name: NameRef, src: Reg, span: Span) {
        let op = match name {
            NameRef::Local(var) => {
                let register = self.registers[var.0 as usize];
                if self.scopes.var(var).in_cell {
                    Op::SetCell { cell: register, src }
                } else {
                    Op::Move { dst: register, src }
                }
            }
            NameRef::Capture(slot) => {
                let capture = CaptureId(self.captures[usize::from(slot)].slot.unwrap_or_default());
                Op::SetCaptureCell { src, capture }
            }
            NameRef::Global(global) => match self.builder.global_id(global) {
                Some(global) => Op::SetGlobal { src, global },
                None => unreachable!("a name that is assigned to is no static alias"),
            },
            NameRef::SiblingMethod(_) | NameRef::Unresolved => return,
        };
        self.code.emit(op, span);
    }

    // Closures.

    /// Tells the function which variables of this frame its closures hold. Returns whether there are any.
    fn set_captures(&mut self, function: FunctionId) -> bool {
        let scope = &self.scopes.functions[function.0 as usize];
        let mut sources = Vec::new();
        for capture in &scope.captures {
            if capture.slot.is_none() {
                continue;
            }
            sources.push(match capture.from {
                CaptureFrom::Var(var) => CaptureSource::Register(self.registers[var.0 as usize]),
                CaptureFrom::Outer(slot) => {
                    CaptureSource::Capture(CaptureId(self.captures[usize::from(slot)].slot.unwrap_or_default()))
                }
            });
        }
        let any = !sources.is_empty();
        if self.code.reachable {
            self.builder.program.functions[scope.index.0 as usize].captures = sources;
        }
        any
    }

    pub fn make_closure(&mut self, function: FunctionId, dst: Reg, span: Span) {
        let func = FuncId(self.scopes.functions[function.0 as usize].index.0);
        let is_new = self.set_captures(function) | self.scopes.functions[function.0 as usize].mentions_outer;
        let op = if is_new { Op::MakeClosure { dst, func } } else { Op::LoadFn { dst, func } };
        self.code.emit(op, span);
    }

    pub fn make_struct(&mut self, definition: ast::StructId, dst: Reg, span: Span) {
        let def = StructId(self.scopes.structs[definition.0 as usize].index.0);
        let mut is_new = false;
        for &method in &self.ast.struct_def(definition).methods {
            is_new |= self.set_captures(method) | self.scopes.functions[method.0 as usize].mentions_outer;
        }
        let op = if is_new { Op::MakeStruct { dst, def } } else { Op::LoadStruct { dst, def } };
        self.code.emit(op, span);
    }

    // Pools.

    pub fn string_constant(&mut self, symbol: Symbol) -> Constant {
        Constant::Str(self.builder.symbol(symbol))
    }

    pub fn load_constant(&mut self, constant: Constant, dst: Reg, span: Span) {
        let op = match constant {
            Constant::Int(value) if i32::try_from(value).is_ok() => Op::LoadInt { dst, value: value as i32 },
            _ => {
                let constant = self.builder.pools.constant(&mut self.builder.program, constant);
                Op::LoadConst { dst, constant }
            }
        };
        self.code.emit(op, span);
    }

    /// A new site for a member of this name; `None` if there are too many of them for an access to have its own.
    pub fn own_site(&mut self, name: StrId) -> Option<SiteId> {
        // An instruction that is not emitted needs none; a file has no more sites than instructions.
        if !self.code.reachable {
            return Some(SiteId(0));
        }
        if self.sites.len() >= OWN_SITES {
            return None;
        }
        self.sites.push(name);
        Some(SiteId(self.sites.len() as u16 - 1))
    }

    /// A site for a method call, shared with others of the name if there are too many: with those whose method is found
    /// before their arguments, as this one's is, or with those whose is not.
    pub fn call_site(&mut self, name: StrId, is_found: bool) -> SiteId {
        if let Some(site) = self.own_site(name) {
            return site;
        }
        if let Some(&site) = self.shared_sites.get(&(name, is_found)) {
            return site;
        }
        if self.sites.len() > usize::from(u16::MAX) {
            self.site_overflow = true;
            return SiteId(0);
        }
        self.sites.push(name);
        let site = SiteId(self.sites.len() as u16 - 1);
        self.shared_sites.insert((name, is_found), site);
        site
    }

    pub fn get_member(&mut self, dst: Reg, object: Reg, name: Symbol, span: Span) {
        let string = self.builder.symbol(name);
        match self.own_site(string) {
            Some(site) => self.code.emit(Op::GetMember { dst, object, site }, span),
            None => {
                let mark = self.code.top();
                let name = self.code.alloc();
                self.load_constant(Constant::Str(string), name, span);
                self.code.emit(Op::GetMemberNamed { dst, object, name }, span);
                self.code.free_to(mark);
            }
        }
    }

    pub fn set_member(&mut self, object: Reg, name: Symbol, value: Reg, span: Span) {
        let string = self.builder.symbol(name);
        match self.own_site(string) {
            Some(site) => self.code.emit(Op::SetMember { object, value, site }, span),
            None => {
                let mark = self.code.top();
                let name = self.code.alloc();
                self.load_constant(Constant::Str(string), name, span);
                self.code.emit(Op::SetMemberNamed { object, name, value }, span);
                self.code.free_to(mark);
            }
        }
    }
}
