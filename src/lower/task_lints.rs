//! Lints about tasks: those that are made for nothing, those that wait for each other without need, and responses that
//! are texts.

use super::calls::Call;
use super::function::Lowering;
use crate::bytecode::builtins::{BUILTINS, BuiltinResult, BuiltinSpec};
use crate::bytecode::types::Tags;
use crate::bytecode::{BuiltinId, FuncId, Op};
use crate::resolve::StaticValue;
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

    /// Warns of a loop, whose code begins at `start`, that makes each task only when the one before has ended, though
    /// it does not depend on that.
    pub fn warn_if_awaited_in_turn(&mut self, names: &[Ident], body: Block, start: u32) {
        if !self.warn || !self.code.ops[start as usize..].iter().any(|op| matches!(op, Op::Await { .. })) {
            return;
        }
        let ast = self.ast;
        let mut awaits = Vec::new();
        let mut depends = false;
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
            for_each_operand(stmt.kind, ast, &mut |top| {
                ast.for_each_within(top, |expr| {
                    if let ExprKind::Await(operand) = ast.expr(expr).kind {
                        // A value that nobody uses: what counts is what the task does, and perhaps the order.
                        let is_dropped = matches!(stmt.kind, StmtKind::Expr(whole) if self.strip_parens(whole) == expr);
                        depends |= is_dropped;
                        awaits.push((expr, self.strip_parens(operand)));
                    }
                });
            });
        });
        let &[(expr, operand)] = awaits.as_slice() else { return };
        let ExprKind::Call { callee, args } = ast.expr(operand).kind else { return };
        if depends || !self.makes_task_of_a_value(callee, args) {
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
            self.builder.diagnostics.push(
                Diagnostic::warning("W0208", "Tasks of a loop wait for each other", ast.expr(expr).span)
                    .labelled("the next one is made when this one has ended")
                    .with_help("make all of them first, and await them together: `await tasks.gather(made)`"),
            );
        }
    }

    /// Warns of a handler that returns the text of a whole response, which would be sent as the body of one.
    pub fn warn_of_handler(&mut self, builtin: BuiltinId, args: ExprList) {
        let spec = self.spec(builtin);
        let handler = self.ast.list(args).get(1).copied();
        let (true, true, Some(handler)) = (self.warn, (spec.module, spec.name) == ("std/http", "serve"), handler)
        else {
            return;
        };
        let ast = self.ast;
        let body = match (ast.expr(self.strip_parens(handler)).kind, self.static_value(handler)) {
            (ExprKind::Lambda(function), _) => ast.function(function).body,
            (_, Some(StaticValue::Function(function))) => match self.tree_of(FuncId(function.0)) {
                // Names of other files mean something there.
                Some((other, source)) if std::ptr::eq(other, ast) => source.body,
                _ => return,
            },
            _ => return,
        };
        let mut found = Vec::new();
        for_each_statement(ast, body, &mut |stmt| {
            if let StmtKind::Return(Some(value)) = stmt.kind {
                found.push(self.strip_parens(value));
            }
        });
        for value in found {
            let ExprKind::Call { callee, args } = ast.expr(value).kind else { continue };
            let Call::Builtin(builtin) = self.classify(callee, args) else { continue };
            let spec = self.spec(builtin);
            let instead = WHOLE_RESPONSES.iter().find(|(name, _)| *name == spec.name);
            if let (Some((_, instead)), "std/http") = (instead, spec.module) {
                self.builder.diagnostics.push(
                    Diagnostic::warning("W0209", "A handler returns a whole response as a text", ast.expr(value).span)
                        .labelled("this becomes the body of a 200")
                        .with_help(format!("what makes a response of its own status and headers: {instead}")),
                );
            }
        }
    }
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
