//! Statements.

use super::calls::Call;
use super::code;
use super::function::{Dest, Lowering};
use crate::bytecode::{Handler, ModuleId, Op, Reg};
use crate::resolve::graph::ModuleSource;
use crate::resolve::{Global as ResolvedGlobal, ModuleIndex, NameRef, StaticValue, VarId};
use crate::source::{Diagnostic, Span};
use crate::syntax::ast::{AssignOp, Block, ExprId, ExprKind, ExprList, LogicOp, StmtId, StmtKind};

impl Lowering<'_, '_> {
    /// Binds what the file defines before its first statement runs: functions, structs, and `core` if the file changes
    /// it.
    pub fn module_prologue(&mut self) {
        for &(stmt, global) in &self.scopes.defined {
            let statement = *self.ast.stmt(stmt);
            let register = self.code.alloc();
            let is_definition = match statement.kind {
                StmtKind::Function(id) => {
                    self.make_closure(id, register, statement.span);
                    true
                }
                StmtKind::Struct(id) => {
                    self.make_struct(id, register, statement.span);
                    true
                }
                _ => false,
            };
            if is_definition {
                self.store_name(NameRef::Global(global), register, statement.span);
            }
            self.code.free_to(0);
        }
        let module = self.builder.functions[self.index.0 as usize].module;
        for &global in &self.builder.resolution.module_globals[module.0 as usize] {
            let ResolvedGlobal { implicit, value, .. } = *self.builder.resolution.global(global);
            if let (true, Some(value), Some(_)) = (implicit, value, self.builder.global_id(global)) {
                let span = Span::new(self.file.file, 0, 0);
                let register = self.code.alloc();
                self.load_static(value, register, span);
                self.store_name(NameRef::Global(global), register, span);
                self.code.free_to(0);
            }
        }
    }

    /// The statements of the file itself; its definitions are globals.
    pub fn root_statements(&mut self) {
        let mut defined = self.scopes.defined.iter().copied().peekable();
        for &stmt in self.ast.block(self.ast.root) {
            let mut globals = Vec::new();
            while let Some((_, global)) = defined.next_if(|&(defining, _)| defining == stmt) {
                globals.push(NameRef::Global(global));
            }
            if self.is_unreachable(stmt) {
                return;
            }
            let statement = *self.ast.stmt(stmt);
            match (statement.kind, globals.as_slice()) {
                (StmtKind::Let { value, .. }, &[global]) => {
                    let src = self.expr_any(value);
                    self.store_name(global, src, statement.span);
                }
                (StmtKind::LetEach { values, .. }, globals) => {
                    let base = self.values(globals.len(), values, statement.span);
                    for (index, &global) in globals.iter().enumerate() {
                        self.store_name(global, Reg(base.0.saturating_add(index as u16)), statement.span);
                    }
                }
                (StmtKind::Import { .. }, &[global]) => {
                    if let Some(module) = self.init_module(stmt, statement.span)
                        && self.static_name(global).is_none()
                    {
                        let register = self.code.alloc();
                        self.load_static(StaticValue::Module(module), register, statement.span);
                        self.store_name(global, register, statement.span);
                    }
                }
                (StmtKind::Function(_) | StmtKind::Struct(_), _) => {}
                _ => self.statement(stmt),
            }
            self.code.free_to(0);
        }
        self.warn_of_tasks_never_begun();
    }

    /// A block: its variables end with it.
    pub fn block(&mut self, block: Block) {
        let (locals, mark) = (self.local_mark(), self.code.top());
        for &stmt in self.ast.block(block) {
            if self.is_unreachable(stmt) {
                break;
            }
            self.statement(stmt);
        }
        self.close_locals(locals);
        self.code.free_to(mark);
    }

    /// Whether control never gets to a statement, which is worth a warning unless it only defines something.
    fn is_unreachable(&mut self, stmt: StmtId) -> bool {
        if self.code.reachable {
            return false;
        }
        let statement = self.ast.stmt(stmt);
        let is_mistake = self.warn && !self.code.dead_by_setting;
        if is_mistake && !matches!(statement.kind, StmtKind::Function(_) | StmtKind::Struct(_) | StmtKind::Error) {
            self.builder
                .diagnostics
                .push(Diagnostic::warning("W0202", "Unreachable code", statement.span).labelled("this never runs"));
        }
        true
    }

    fn statement(&mut self, stmt: StmtId) {
        let statement = *self.ast.stmt(stmt);
        let span = statement.span;
        let mark = self.code.top();
        match statement.kind {
            StmtKind::Let { value, .. } => {
                let register = self.expr_top(value);
                if let Some(var) = self.scopes.declared[stmt.0 as usize] {
                    self.note_type(var, value);
                }
                return self.declare(stmt, register, span);
            }
            StmtKind::LetEach { names, values } => {
                let names = self.ast.names(names);
                let base = self.values(names.len(), values, span);
                let first = self.scopes.declared[stmt.0 as usize].expect("the resolver declared them");
                for (index, name) in names.iter().enumerate() {
                    self.bind_var(VarId(first.0 + index as u32), Reg(base.0.saturating_add(index as u16)), name.span);
                }
                return;
            }
            StmtKind::Function(id) => {
                return self.local_definition(stmt, span, |this, dst| this.make_closure(id, dst, span));
            }
            StmtKind::Struct(id) => {
                return self.local_definition(stmt, span, |this, dst| this.make_struct(id, dst, span));
            }
            StmtKind::Import { .. } => {
                let Some(module) = self.init_module(stmt, span) else { return };
                if let Some(var) = self.scopes.declared[stmt.0 as usize]
                    && !self.scopes.var(var).is_static
                {
                    let register = self.code.alloc();
                    self.load_static(StaticValue::Module(module), register, span);
                    self.bind_var(var, register, span);
                    return;
                }
            }
            StmtKind::Assign { target, op, value } => self.assignment(target, op, value, span),
            StmtKind::AssignEach { targets, values } => {
                let targets = self.ast.list(targets);
                let base = self.values(targets.len(), values, span);
                for (index, &target) in targets.iter().enumerate() {
                    let mark = self.code.top();
                    self.assign_register(target, Reg(base.0.saturating_add(index as u16)), span);
                    self.code.free_to(mark);
                }
            }
            StmtKind::Expr(value) => self.expr_statement(stmt, value),
            StmtKind::Print { items, newline } => self.print(items, newline, span),
            StmtKind::If { .. } => self.if_chain(stmt),
            StmtKind::While { condition, body } => self.while_loop(condition, body, span),
            StmtKind::For { names, iterable, body } => self.for_loop(stmt, names, iterable, body, span),
            StmtKind::Break => {
                if let Some((open, _)) = self.open_loops.last() {
                    let to = open.break_to;
                    self.code.jump(Op::Jump { to: 0 }, to, span);
                }
            }
            StmtKind::Continue => {
                if let Some((open, _)) = self.open_loops.last() {
                    let to = open.continue_to;
                    self.code.jump(Op::Jump { to: 0 }, to, span);
                }
            }
            StmtKind::Return(None) => self.code.emit(Op::ReturnVoid {}, span),
            StmtKind::Return(Some(value)) => self.return_value(value, span),
            StmtKind::Throw(value) => {
                let src = self.expr_any(value);
                self.code.emit(Op::Throw { src }, span);
            }
            StmtKind::Try { body, handler, .. } => self.try_catch(stmt, body, handler, span),
            StmtKind::Block(block) => self.block(block),
            StmtKind::Error => {}
        }
        self.code.free_to(mark);
    }

    fn declare(&mut self, stmt: StmtId, register: Reg, span: Span) {
        let var = self.scopes.declared[stmt.0 as usize].expect("the resolver declared it");
        self.bind_var(var, register, span);
    }

    /// A `fn` or `struct` in a block.
    fn local_definition(&mut self, stmt: StmtId, span: Span, make: impl FnOnce(&mut Self, Reg)) {
        let Some(var) = self.scopes.declared[stmt.0 as usize] else { return };
        let variable = self.scopes.var(var);
        if variable.is_static {
            return;
        }
        let register = self.code.alloc();
        if !variable.in_cell {
            make(self, register);
            return self.declare(stmt, register, span);
        }
        // It captures itself, so its cell exists before it does.
        self.code.emit(Op::LoadVoid { dst: register }, span);
        self.declare(stmt, register, span);
        let mark = self.code.top();
        let value = self.code.alloc();
        make(self, value);
        self.code.emit(Op::SetCell { cell: register, src: value }, span);
        self.code.free_to(mark);
    }

    /// Runs the body of an imported module, if it is a file.
    fn init_module(&mut self, stmt: StmtId, span: Span) -> Option<ModuleIndex> {
        let imports = &self.file.imports;
        let index = imports.binary_search_by_key(&stmt, |binding| binding.stmt).ok()?;
        let module = imports[index].module?;
        if let ModuleSource::File(_) = self.builder.graph.modules[module.0 as usize].source {
            let mark = self.code.top();
            let base = self.code.alloc();
            self.code.emit(Op::InitModule { base, module: ModuleId(module.0) }, span);
            self.code.free_to(mark);
        }
        Some(module)
    }

    fn expr_statement(&mut self, stmt: StmtId, value: ExprId) {
        let value = self.strip_parens(value);
        self.warn_if_dropped(stmt, value);
        self.warn_if_task_dropped(value);
        match self.ast.expr(value).kind {
            // Reading a variable has no effect, unless it is a global that may not be set.
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Void | ExprKind::Str(_) => {}
            _ => {
                self.expr_any(value);
            }
        }
    }

    /// Warns of a statement that only computes a value. In a `try` it may be there to fail.
    fn warn_if_dropped(&mut self, stmt: StmtId, value: ExprId) {
        let warns = self.warn && self.code.reachable && self.open_tries == 0;
        if !warns || !self.only_computes(value) {
            return;
        }
        let span = self.ast.expr(value).span;
        let mut warning =
            Diagnostic::warning("W0205", "The value is computed and dropped", span).labelled("nothing uses this");
        if self.result_position == Some(stmt) {
            let start = Span { hi: span.lo, ..span };
            warning = warning.with_suggestion("`return` makes it the function's result", start, "return ");
        } else {
            warning = warning.with_help("assign it, print it, or leave it out");
        }
        self.builder.diagnostics.push(warning);
    }

    /// Whether evaluating an expression last of all computes something, and does nothing else.
    fn only_computes(&self, mut value: ExprId) -> bool {
        loop {
            value = self.strip_parens(value);
            match self.ast.expr(value).kind {
                ExprKind::Call { .. } | ExprKind::Await(_) | ExprKind::Error => return false,
                // What is decided first may be a call; what counts is what is decided on.
                ExprKind::Logic { right, .. } => value = right,
                ExprKind::If { then, otherwise, .. } => {
                    if !self.only_computes(then) {
                        return false;
                    }
                    value = otherwise;
                }
                _ => return true,
            }
        }
    }

    fn print(&mut self, items: ExprList, newline: bool, span: Span) {
        let items = self.ast.list(items);
        let base = self.sequence(items);
        let (count, newline) = (items.len().min(usize::from(u16::MAX)) as u16, u16::from(newline));
        self.code.emit(Op::Print { base, count, newline }, span);
    }

    /// `if … else if …`, without recursion, as generated code has long ones.
    fn if_chain(&mut self, mut stmt: StmtId) {
        let end = self.code.new_label();
        let settings = self.settings_met;
        while let StmtKind::If { condition, then, otherwise } = self.ast.stmt(stmt).kind {
            let span = self.ast.stmt(stmt).span;
            self.warn_if_constant(condition, false);
            let known = self.folded_truth(condition);
            match known {
                None => {
                    let next = self.code.new_label();
                    self.branch(condition, next, false);
                    self.block(then);
                    if otherwise.is_some() {
                        self.code.jump(Op::Jump { to: 0 }, end, span);
                    }
                    self.code.bind(next);
                }
                Some(truth) => {
                    let is_setting = self.is_setting(condition);
                    self.settings_met += u32::from(is_setting);
                    let (taken, skipped) = if truth { (Some(then), otherwise) } else { (None, Some(then)) };
                    self.skipped_block(skipped, is_setting);
                    if let Some(taken) = taken {
                        self.block(taken);
                        break;
                    }
                }
            }
            let Some(otherwise) = otherwise else { break };
            self.code.dead_by_setting |= self.settings_met > settings;
            match *self.ast.block(otherwise) {
                [inner] if matches!(self.ast.stmt(inner).kind, StmtKind::If { .. }) => stmt = inner,
                _ => {
                    self.block(otherwise);
                    break;
                }
            }
        }
        self.code.bind(end);
        self.code.dead_by_setting |= self.settings_met > settings;
    }

    /// A block that a known condition closes: nothing is emitted for it, and control goes on as it was.
    fn skipped_block(&mut self, block: Option<Block>, is_setting: bool) {
        let (reachable, by_setting) = (self.code.reachable, self.code.dead_by_setting);
        if let (Some(block), true) = (block, reachable) {
            self.code.reachable = false;
            self.code.dead_by_setting = is_setting;
            self.block(block);
            (self.code.reachable, self.code.dead_by_setting) = (reachable, by_setting);
        }
    }

    fn return_value(&mut self, value: ExprId, span: Span) {
        let inner = self.strip_parens(value);
        let expr = *self.ast.expr(inner);
        if self.open_tries == 0
            && let ExprKind::Call { callee, args } = expr.kind
        {
            let call = self.classify(callee, args);
            if !matches!(call, Call::Builtin(_) | Call::New(_)) {
                return self.tail_call(call, args, expr.span);
            }
        }
        match expr.kind {
            ExprKind::Void => return self.code.emit(Op::ReturnVoid {}, span),
            ExprKind::If { condition, then, otherwise } if self.folded(inner).is_none() => {
                return self.conditional(condition, span, then, otherwise, |this, part| this.return_value(part, span));
            }
            _ => {}
        }
        let src = self.expr_any(inner);
        self.code.emit(Op::Return { src }, span);
    }

    fn try_catch(&mut self, stmt: StmtId, body: Block, handler: Block, span: Span) {
        let start = self.code.pc();
        self.open_tries += 1;
        self.block(body);
        self.open_tries -= 1;
        let end = self.code.pc();
        let after = self.code.new_label();
        if start < end {
            self.code.jump(Op::Jump { to: 0 }, after, span);
            let mark = self.code.top();
            let error = self.code.alloc();
            self.handlers.push(Handler { start, end, target: self.code.pc(), error });
            self.code.reachable = true;
            let locals = self.local_mark();
            self.declare(stmt, error, span);
            self.block(handler);
            self.close_locals(locals);
            self.code.free_to(mark);
        }
        self.code.bind(after);
    }

    // Assignment.

    /// The values for several targets, in registers of their own, from the first on that was free: each of its
    /// expression, or all taken from the only one.
    fn values(&mut self, count: usize, values: ExprList, span: Span) -> Reg {
        let mut values = self.ast.list(values);
        // A tuple that is written out is a list of expressions, too.
        if let &[only] = values
            && let ExprKind::Tuple(items) = self.ast.expr(self.strip_parens(only)).kind
            && items.len as usize == count
        {
            values = self.ast.list(items);
        }
        if let &[whole] = values {
            let base = self.code.alloc();
            (1..count).for_each(|_| _ = self.code.alloc());
            let mark = self.code.top();
            let whole = self.expr_any(whole);
            self.take_apart(whole, base, count, span);
            self.code.free_to(mark);
            return base;
        }
        let mut values = values.iter();
        let base = values.next().map_or(Reg(0), |&first| self.expr_top(first));
        for &value in values {
            self.expr_top(value);
        }
        base
    }

    /// Takes a value apart into `count` registers from `base` up.
    pub fn take_apart(&mut self, whole: Reg, base: Reg, count: usize, span: Span) {
        let mark = self.code.top();
        let object = self.code.alloc();
        self.code.emit(Op::Unpack { dst: object, src: whole, count: count.min(usize::from(u16::MAX)) as u16 }, span);
        for index in 0..count as u16 {
            let dst = Reg(base.0.saturating_add(index));
            self.code.emit(Op::LoadInt { dst, value: index.into() }, span);
            self.code.emit(Op::GetIndex { dst, object, index: dst }, span);
        }
        self.code.free_to(mark);
    }

    /// Assigns what is in a register.
    fn assign_register(&mut self, target: ExprId, value: Reg, span: Span) {
        match self.ast.expr(target).kind {
            ExprKind::Name(_) => self.store_name(self.scopes.names[target.0 as usize], value, span),
            ExprKind::Index { object, index } => {
                let object = self.expr_any(object);
                let index = self.expr_any(index);
                self.code.emit(Op::SetIndex { object, index, value }, span);
            }
            ExprKind::Member { object, name } => {
                let object = self.expr_any(object);
                self.set_member(object, name.name, value, span);
            }
            // The parser admits no other target.
            _ => {}
        }
    }

    fn assignment(&mut self, target: ExprId, op: AssignOp, value: ExprId, span: Span) {
        let target = self.strip_parens(target);
        match self.ast.expr(target).kind {
            ExprKind::Name(_) => self.assign_name(target, op, value, span),
            ExprKind::Index { object, index } => {
                let object = self.expr_any(object);
                let index = self.expr_any(index);
                self.update(
                    op,
                    value,
                    span,
                    |this, dst| this.code.emit(Op::GetIndex { dst, object, index }, span),
                    |this, value| this.code.emit(Op::SetIndex { object, index, value }, span),
                );
            }
            ExprKind::Member { object, name } => {
                let object = self.expr_any(object);
                self.update(
                    op,
                    value,
                    span,
                    |this, dst| this.get_member(dst, object, name.name, span),
                    |this, value| this.set_member(object, name.name, value, span),
                );
            }
            // The parser admits no other target.
            _ => {}
        }
    }

    fn assign_name(&mut self, target: ExprId, op: AssignOp, value: ExprId, span: Span) {
        let name = self.scopes.names[target.0 as usize];
        let Some(register) = self.plain_local(target) else {
            return self.update(
                op,
                value,
                span,
                |this, dst| this.load_name(name, dst, span),
                |this, value| this.store_name(name, value, span),
            );
        };
        match op {
            AssignOp::Plain => self.expr_into(value, Dest::live(register)),
            AssignOp::Binary(op) => self.binary_onto(op, register, value, Dest::live(register), span),
            AssignOp::Logic(op) => {
                let end = self.code.new_label();
                self.skip_if_decided(op, register, end, span);
                self.expr_into(value, Dest::live(register));
                self.code.bind(end);
            }
        }
    }

    /// Assigns to a place that `load` reads and `store` writes.
    fn update(
        &mut self,
        op: AssignOp,
        value: ExprId,
        span: Span,
        load: impl FnOnce(&mut Self, Reg),
        store: impl FnOnce(&mut Self, Reg),
    ) {
        match op {
            AssignOp::Plain => {
                let value = self.expr_any(value);
                store(self, value);
            }
            AssignOp::Binary(op) => {
                let current = self.code.alloc();
                load(self, current);
                self.binary_onto(op, current, value, Dest::fresh(current), span);
                store(self, current);
            }
            AssignOp::Logic(op) => {
                let end = self.code.new_label();
                let current = self.code.alloc();
                load(self, current);
                self.skip_if_decided(op, current, end, span);
                self.expr_into(value, Dest::fresh(current));
                store(self, current);
                self.code.bind(end);
            }
        }
    }

    fn skip_if_decided(&mut self, op: LogicOp, a: Reg, end: code::Label, span: Span) {
        let jump = match op {
            LogicOp::And => Op::JumpIfNot { a, to: 0 },
            LogicOp::Or => Op::JumpIf { a, to: 0 },
        };
        self.code.jump(jump, end, span);
    }
}
