//! Lints about tasks: those that are made for nothing, those that wait for each other without need, and responses that
//! are texts.

use super::calls::Call;
use super::function::Lowering;
use crate::bytecode::builtins::{BUILTINS, BuiltinResult, BuiltinSpec};
use crate::bytecode::types::Tags;
use crate::bytecode::{BuiltinId, FuncId, Op};
use crate::resolve::graph::ModuleSource;
use crate::resolve::{FuncIndex, ModuleIndex, NameRef, StaticValue};
use crate::source::{Diagnostic, Span};
use crate::syntax::ast::{Ast, Block, ExprId, ExprKind, ExprList, Function as Source, Ident, Stmt, StmtKind};

/// Built-ins whose tasks may well be left alone: what they are for happens all the same, and in order.
const LEFT_ALONE: [&str; 3] = ["spawn", "tcp_write", "tcp_write_bytes"];

/// Functions of std/http that give the text of a whole response, with those that give what a handler returns.
const WHOLE_RESPONSES: [(&str, &str); 3] = [
    ("response", "make_response"),
    ("response_with_headers", "make_response_with_headers"),
    ("serialize_response", "the dict itself"),
];

impl<'a> Lowering<'_, 'a> {
    /// The function that a call is known to come to, and its file.
    fn tree_of(&self, func: FuncId) -> Option<(&'a Ast, &'a Source)> {
        let info = self.builder.functions[func.index()];
        let ast = &self.builder.file(info.module).0.ast;
        Some((ast, ast.function(info.id?)))
    }

    /// Whether a call gives a task whose value somebody must be meant to use.
    fn makes_task_of_a_value(&mut self, callee: ExprId, args: ExprList) -> bool {
        match self.classify(callee, args) {
            Call::Function(func) => {
                self.tree_of(func).is_some_and(|(ast, source)| source.is_async && gives_a_value(ast, source.body))
            }
            Call::Builtin(builtin) => {
                let spec = self.spec(builtin);
                let gives_task = match spec.result {
                    BuiltinResult::Is(shape) => shape.tags == Tags::TASK,
                    result => result.is_about_tasks(),
                };
                gives_task && !LEFT_ALONE.contains(&spec.name)
            }
            _ => false,
        }
    }

    fn spec(&self, builtin: BuiltinId) -> &'static BuiltinSpec {
        &BUILTINS[self.builder.pools.row(builtin)]
    }

    /// Warns of a statement that only makes a task, of which nobody will hear.
    pub fn warn_if_task_dropped(&mut self, value: ExprId) {
        let ExprKind::Call { callee, args } = self.ast.expr(value).kind else { return };
        // In a `try` it may be there to fail.
        let warns = self.warn && self.code.reachable && self.open_tries == 0;
        if !warns || !self.makes_task_of_a_value(callee, args) {
            return;
        }
        let span = self.ast.expr(value).span;
        let start = Span { hi: span.lo, ..span };
        self.builder.diagnostics.push(
            Diagnostic::warning("W0207", "A task is made, and its value dropped", span)
                .labelled("nobody waits for this")
                .with_suggestion("`await` waits for it", start, "await "),
        );
    }

    /// Warns of tasks that the main program makes when it is about to end, with nothing behind that lets them begin.
    pub fn warn_of_tasks_never_begun(&mut self) {
        let is_main = self.builder.functions[self.index.0 as usize].module == ModuleIndex(0);
        if !self.warn || !self.code.reachable || !is_main {
            return;
        }
        let ast = self.ast;
        for &id in ast.block(ast.root).iter().rev() {
            let stmt = *ast.stmt(id);
            if let StmtKind::Expr(value) = stmt.kind
                && let ExprKind::Call { callee, args } = ast.expr(self.strip_parens(value)).kind
                && let Call::Function(func) = self.classify(callee, args)
                && self.tree_of(func).is_some_and(|(_, source)| source.is_async)
                && !ast.list(args).iter().any(|&arg| ast.any_within(arg, |expr| may_wait(ast, expr)))
            {
                let span = ast.expr(self.strip_parens(value)).span;
                let start = Span { hi: span.lo, ..span };
                self.builder.diagnostics.push(
                    Diagnostic::warning("W0207", "A task is made, and the program ends before it begins", span)
                        .labelled("nothing behind this waits")
                        .with_suggestion("`await` waits for it", start, "await "),
                );
                continue;
            }
            let mut waits = !matches!(
                stmt.kind,
                StmtKind::Function(_)
                    | StmtKind::Struct(_)
                    | StmtKind::Print { .. }
                    | StmtKind::Let { .. }
                    | StmtKind::LetEach { .. }
                    | StmtKind::Assign { .. }
            );
            for_each_operand(stmt.kind, ast, &mut |top| waits |= ast.any_within(top, |expr| may_wait(ast, expr)));
            if waits {
                return;
            }
        }
    }

    /// Warns of a loop, whose code begins at `start`, that makes each task only when the one before has ended, though
    /// it does not depend on that.
    pub fn warn_if_awaited_in_turn(&mut self, names: &[Ident], body: Block, start: u32) {
        if !self.warn || !self.code.ops[start as usize..].iter().any(|op| matches!(op, Op::Await { .. })) {
            return;
        }
        let ast = self.ast;
        let mut awaits = Vec::new();
        let (mut depends, mut is_dropped, mut does_more) = (false, false, false);
        for_each_statement(ast, body, &mut |stmt| {
            // What ends early, or fails on purpose, may count on what is behind not to have begun.
            depends |= matches!(
                stmt.kind,
                StmtKind::Break
                    | StmtKind::Return(_)
                    | StmtKind::Throw(_)
                    | StmtKind::Try { .. }
                    | StmtKind::While { .. }
                    | StmtKind::For { .. }
                    | StmtKind::If { .. }
            );
            let mut is_await = false;
            for_each_operand(stmt.kind, ast, &mut |top| {
                ast.for_each_within(top, |expr| {
                    if let ExprKind::Await(operand) = ast.expr(expr).kind {
                        is_await = matches!(stmt.kind, StmtKind::Expr(whole) if self.strip_parens(whole) == expr);
                        is_dropped |= is_await;
                        awaits.push((expr, self.strip_parens(operand)));
                    }
                });
            });
            does_more |= !is_await && !matches!(stmt.kind, StmtKind::Let { .. } | StmtKind::LetEach { .. });
        });
        let &[(expr, operand)] = awaits.as_slice() else { return };
        let ExprKind::Call { callee, args } = ast.expr(operand).kind else { return };
        let waits_in_vain = match self.classify(callee, args) {
            Call::Function(func) => {
                let work = self.done_by(func);
                !work.is_shared && (work.gives_a_value || (work.waits && !work.only_sleeps))
            }
            // What built-ins do may be there to be done in order, and sleeping to take time.
            _ => !is_dropped && self.makes_task_of_a_value(callee, args),
        };
        // Of what a task does and nobody uses, the order may count for what the loop does beside it.
        if depends || (is_dropped && does_more) || !waits_in_vain {
            return;
        }
        // Of the loop's own variables and what is known beforehand, and nothing that tasks might share.
        let mut is_own = false;
        let mut is_other = false;
        for &arg in ast.list(args) {
            ast.for_each_within(arg, |expr| match ast.expr(expr).kind {
                ExprKind::Name(name) => match names.iter().any(|own| own.name == name) {
                    true => is_own = true,
                    false => is_other |= self.folded(expr).is_none() && self.static_value(expr).is_none(),
                },
                ExprKind::Lambda(_) | ExprKind::Call { .. } => is_other = true,
                _ => {}
            });
        }
        if is_own && !is_other {
            let advice = self.advice_to_gather();
            self.builder.diagnostics.push(
                Diagnostic::warning("W0208", "Tasks of a loop wait for each other", ast.expr(expr).span)
                    .labelled("the next one is made when this one has ended")
                    .with_help(advice),
            );
        }
    }

    /// With the name by which the file knows the module.
    fn advice_to_gather(&self) -> String {
        let is_async = |module: ModuleIndex| {
            matches!(self.builder.graph.modules[module.0 as usize].source, ModuleSource::Std("std/async"))
        };
        let binding = self.file.imports.iter().find(|binding| binding.module.is_some_and(is_async));
        let (name, import) = match binding {
            Some(binding) => (self.builder.interner.get(binding.name.name), ""),
            None => ("tasks", ", with `import \"std/async\" as tasks;`"),
        };
        format!("make all of them first, and await them together: `await {name}.gather(made)`{import}")
    }

    /// What a call of an async function does, as far as its text and those of the functions that it calls tell.
    fn done_by(&self, func: FuncId) -> Done {
        let mut work = Done { only_sleeps: true, ..Done::default() };
        let Some((ast, source)) = self.tree_of(func) else { return work };
        work.gives_a_value = source.is_async && gives_a_value(ast, source.body);
        let mut functions = vec![func];
        let mut next = 0;
        while let Some(&func) = functions.get(next) {
            next += 1;
            let Some((ast, source)) = self.tree_of(func) else { continue };
            let module = self.builder.functions[func.index()].module;
            let (scopes, constants) = (self.builder.file(module).1, &self.builder.constants[module.0 as usize]);
            for_each_statement(ast, source.body, &mut |stmt| {
                work.only_sleeps &= matches!(stmt.kind, StmtKind::Expr(_));
                work.is_shared |= matches!(stmt.kind, StmtKind::Function(_) | StmtKind::Struct(_));
                for_each_operand(stmt.kind, ast, &mut |top| {
                    ast.for_each_within(top, |expr| match ast.expr(expr).kind {
                        ExprKind::Await(_) => work.waits = true,
                        ExprKind::Call { callee, .. } => {
                            let is_sleep = matches!(ast.expr(callee).kind, ExprKind::Member { name, .. }
                                if ["sleep", "yield"].contains(&self.builder.interner.get(name.name)));
                            work.only_sleeps &= is_sleep;
                        }
                        ExprKind::Lambda(_) => work.is_shared = true,
                        ExprKind::Name(_) => {
                            let is_local = matches!(scopes.names[expr.0 as usize], NameRef::Local(_));
                            match self.static_value_in(module, expr) {
                                Some(StaticValue::Function(function)) => {
                                    let called = FuncId(function.0);
                                    if !functions.contains(&called) {
                                        functions.push(called);
                                    }
                                }
                                Some(StaticValue::Struct(_) | StaticValue::Module(_)) => {}
                                None => work.is_shared |= !is_local && constants.value(ast, expr).is_none(),
                            }
                        }
                        _ => {}
                    });
                });
            });
        }
        work
    }

    /// Warns of a handler that returns the text of a whole response, which would be sent as the body of one.
    pub fn warn_of_handler(&mut self, builtin: BuiltinId, args: ExprList) {
        let spec = self.spec(builtin);
        let handler = self.ast.list(args).get(1).copied();
        let (true, true, Some(handler)) = (self.warn, (spec.module, spec.name) == ("std/http", "serve"), handler)
        else {
            return;
        };
        let own = self.builder.functions[self.index.0 as usize].module;
        let mut bodies = match (self.ast.expr(self.strip_parens(handler)).kind, self.static_value(handler)) {
            (ExprKind::Lambda(function), _) => vec![(own, self.ast.function(function).body)],
            (_, Some(StaticValue::Function(function))) => self.body_of(function).into_iter().collect(),
            _ => return,
        };
        let mut next = 0;
        while let Some(&(module, body)) = bodies.get(next) {
            next += 1;
            for value in self.returned(module, body) {
                let ast = &self.builder.file(module).0.ast;
                let ExprKind::Call { callee, .. } = ast.expr(value).kind else { continue };
                if let Some(StaticValue::Function(function)) = self.static_value_in(module, callee) {
                    // What a handler passes on is its answer.
                    bodies.extend(self.body_of(function).filter(|body| !bodies.contains(body)));
                }
                let Some(name) = self.name_in_http(module, callee) else { continue };
                let Some((_, instead)) = WHOLE_RESPONSES.iter().find(|(whole, _)| *whole == name) else { continue };
                let warning =
                    Diagnostic::warning("W0209", "A handler returns a whole response as a text", ast.expr(value).span)
                        .labelled("this becomes the body of a 200")
                        .with_help(format!("what makes a response of its own status and headers: {instead}"));
                self.builder.diagnostics.push(warning);
            }
        }
    }

    /// The body of a function, and the module that it stands in.
    fn body_of(&self, function: FuncIndex) -> Option<(ModuleIndex, Block)> {
        let (_, source) = self.tree_of(FuncId(function.0))?;
        Some((self.builder.functions[function.0 as usize].module, source.body))
    }

    /// What a body returns, but for what surrounds it and variables that only pass it on.
    fn returned(&self, module: ModuleIndex, body: Block) -> Vec<ExprId> {
        let (file, scopes) = self.builder.file(module);
        let ast = &file.ast;
        let (mut open, mut lets) = (Vec::new(), Vec::new());
        for_each_statement(ast, body, &mut |stmt| match stmt.kind {
            StmtKind::Return(Some(value)) => open.push(value),
            StmtKind::Let { name, value } => lets.push((name.span, value)),
            _ => {}
        });
        let mut found = Vec::new();
        while let Some(value) = open.pop() {
            match ast.expr(value).kind {
                ExprKind::Paren(inner) | ExprKind::Await(inner) => open.push(inner),
                ExprKind::If { then, otherwise, .. } => open.extend([then, otherwise]),
                ExprKind::Name(_) => {
                    let NameRef::Local(var) = scopes.names[value.0 as usize] else { continue };
                    let var = scopes.var(var);
                    // Each is taken once: what a variable is made of stands before it.
                    let made = lets.iter().position(|(span, _)| *span == var.span && !var.reassigned);
                    open.extend(made.map(|index| lets.swap_remove(index).1));
                }
                _ => found.push(value),
            }
        }
        found.sort_unstable_by_key(|value| ast.expr(*value).span.lo);
        found
    }

    /// The value that an expression of any function is known to have, if it is a name or a member of one.
    fn static_value_in(&self, module: ModuleIndex, expr: ExprId) -> Option<StaticValue> {
        let (file, scopes) = self.builder.file(module);
        match file.ast.expr(expr).kind {
            ExprKind::Name(_) => {
                let var = match scopes.names[expr.0 as usize] {
                    NameRef::Local(var) => var,
                    NameRef::Capture(_) => *scopes.captured.get(&expr)?,
                    NameRef::Global(global) => return self.builder.resolution.global(global).static_value(),
                    NameRef::SiblingMethod(_) | NameRef::Unresolved => return None,
                };
                let var = scopes.var(var);
                var.value.filter(|_| var.is_static)
            }
            ExprKind::Member { object, name } if matches!(file.ast.expr(object).kind, ExprKind::Name(_)) => {
                let StaticValue::Module(other) = self.static_value_in(module, object)? else { return None };
                let global = self.builder.resolution.export(other, name.name)?;
                self.builder.resolution.global(global).static_value()
            }
            _ => None,
        }
    }

    /// The name of a function of std/http.
    fn name_in_http(&self, module: ModuleIndex, callee: ExprId) -> Option<&str> {
        let ExprKind::Member { object, name } = self.builder.file(module).0.ast.expr(callee).kind else { return None };
        let Some(StaticValue::Module(other)) = self.static_value_in(module, object) else { return None };
        let ModuleSource::Std(path) = self.builder.graph.modules[other.0 as usize].source else { return None };
        (path == "std/http").then(|| self.builder.interner.get(name.name))
    }
}

/// Whether an expression may let other tasks run, but for what is in it.
fn may_wait(ast: &Ast, expr: ExprId) -> bool {
    matches!(ast.expr(expr).kind, ExprKind::Call { .. } | ExprKind::Await(_))
}

/// What a function does, see [`Lowering::done_by`].
#[derive(Default)]
struct Done {
    gives_a_value: bool,
    waits: bool,
    /// It only takes time, as between two attempts.
    only_sleeps: bool,
    /// It may use what other calls of it change.
    is_shared: bool,
}

/// Whether a function's body returns a value somewhere.
fn gives_a_value(ast: &Ast, body: Block) -> bool {
    let mut gives = false;
    for_each_statement(ast, body, &mut |stmt| gives |= matches!(stmt.kind, StmtKind::Return(Some(_))));
    gives
}

/// Visits the statements of a block and of the blocks in it; not those of functions. Blocks are nested no deeper than
/// the parser lets them.
fn for_each_statement(ast: &Ast, block: Block, visit: &mut impl FnMut(Stmt)) {
    for &id in ast.block(block) {
        let stmt = *ast.stmt(id);
        visit(stmt);
        match stmt.kind {
            StmtKind::If { then, otherwise, .. } => {
                for_each_statement(ast, then, visit);
                otherwise.into_iter().for_each(|block| for_each_statement(ast, block, visit));
            }
            StmtKind::While { body, .. } | StmtKind::For { body, .. } | StmtKind::Block(body) => {
                for_each_statement(ast, body, visit);
            }
            StmtKind::Try { body, handler, .. } => {
                for_each_statement(ast, body, visit);
                for_each_statement(ast, handler, visit);
            }
            _ => {}
        }
    }
}

/// Visits the expressions that a statement itself evaluates.
fn for_each_operand(stmt: StmtKind, ast: &Ast, visit: &mut impl FnMut(ExprId)) {
    match stmt {
        StmtKind::Let { value, .. }
        | StmtKind::Expr(value)
        | StmtKind::Throw(value)
        | StmtKind::Return(Some(value)) => visit(value),
        StmtKind::LetEach { values, .. } => ast.list(values).iter().copied().for_each(visit),
        StmtKind::Assign { target, value, .. } => [target, value].into_iter().for_each(visit),
        StmtKind::AssignEach { targets, values } => {
            ast.list(targets).iter().chain(ast.list(values)).copied().for_each(visit);
        }
        StmtKind::Print { items, .. } => ast.list(items).iter().copied().for_each(visit),
        StmtKind::If { condition, .. } | StmtKind::While { condition, .. } => visit(condition),
        StmtKind::For { iterable, .. } => visit(iterable),
        _ => {}
    }
}
