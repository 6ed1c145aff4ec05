//! What the grammar's actions do: put nodes into the arenas of an [`Ast`], and report the faults that a grammar cannot
//! say well.
//!
//! Lists are collected on stacks here while their items are parsed, so that the parser itself carries only numbers. An
//! inner list is complete before the next item of the outer one is pushed, so the last `n` entries are always the list
//! that is being closed.

use super::ast::{
    AssignOp, Ast, BinaryOp, Block, Expr, ExprId, ExprKind, ExprList, Function, FunctionId, Ident, IdentList,
    ImportPath, LogicOp, Stmt, StmtId, StmtKind, StructDef, StructId, Symbol, UnaryOp,
};
use super::lexer::NESTING_LIMIT;
use crate::source::{Diagnostic, FileId, Span};

/// The tree under construction, and what is remembered about it until the file is read.
#[derive(Default)]
pub struct Builder {
    pub ast: Ast,
    pub diagnostics: Vec<Diagnostic>,
    /// The top-level statements that are complete.
    pub done: Vec<StmtId>,
    /// The state behind the last of them.
    pub checkpoint: Checkpoint,
    file: FileId,
    numbers: Vec<u64>,
    exprs: Vec<ExprId>,
    stmts: Vec<StmtId>,
    params: Vec<(Ident, Option<ExprId>)>,
    names: Vec<Ident>,
    methods: Vec<FunctionId>,
    /// The infix operators whose right operand is not complete.
    pending: Vec<Pending>,
    /// How deep the tree is below each node, parallel to the arenas. A left operand, callee or object adds nothing,
    /// because whoever walks the tree goes down the left spine in a loop; nor does an `else if`.
    expr_depths: Vec<u16>,
    stmt_depths: Vec<u16>,
    said_too_deep: bool,
    /// Literals `9223372036854775808` that no minus has claimed.
    unclaimed: Vec<ExprId>,
}

/// An operator between two operands; powers and ranges are the grammar's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Infix {
    Logic(LogicOp),
    Binary(BinaryOp),
}

impl Infix {
    /// The greater, the tighter. All are left-associative.
    fn tightness(self) -> u8 {
        match self {
            Infix::Logic(LogicOp::Or) => 1,
            Infix::Logic(LogicOp::And) => 2,
            Infix::Binary(op) => match op {
                _ if op.is_comparison() => 3,
                BinaryOp::BitOr => 4,
                BinaryOp::BitXor => 5,
                BinaryOp::BitAnd => 6,
                BinaryOp::Shl | BinaryOp::Shr => 7,
                BinaryOp::Add | BinaryOp::Sub => 8,
                _ => 9,
            },
        }
    }
}

/// An operator with its left operand, and whether it is the first of its chain.
#[derive(Clone, Copy, Debug)]
struct Pending {
    op: Infix,
    left: ExprId,
    is_first: bool,
}

/// Lengths of everything a statement adds to, so that a statement can be parsed again as if it had not been.
#[derive(Clone, Copy, Default, Debug)]
pub struct Checkpoint {
    /// Byte offset behind the last complete top-level statement.
    pub end: u32,
    exprs: u32,
    stmts: u32,
    expr_lists: u32,
    stmt_lists: u32,
    idents: u32,
    functions: u32,
    structs: u32,
    diagnostics: u32,
    unclaimed: u32,
}

impl Builder {
    pub fn new(file: FileId, numbers: Vec<u64>, tokens: usize) -> Self {
        let mut builder = Builder { file, numbers, ..Builder::default() };
        builder.ast.exprs.reserve(tokens / 2);
        builder.expr_depths.reserve(tokens / 2);
        builder.ast.stmts.reserve(tokens / 6);
        builder.stmt_depths.reserve(tokens / 6);
        builder
    }

    /// Forgets everything since the last complete top-level statement, except what was reported.
    pub fn rewind(&mut self) {
        let to = self.checkpoint;
        self.ast.exprs.truncate(to.exprs as usize);
        self.expr_depths.truncate(to.exprs as usize);
        self.ast.stmts.truncate(to.stmts as usize);
        self.stmt_depths.truncate(to.stmts as usize);
        self.ast.expr_lists.truncate(to.expr_lists as usize);
        self.ast.stmt_lists.truncate(to.stmt_lists as usize);
        self.ast.idents.truncate(to.idents as usize);
        self.ast.functions.truncate(to.functions as usize);
        self.ast.structs.truncate(to.structs as usize);
        self.diagnostics.truncate(to.diagnostics as usize);
        self.unclaimed.truncate(to.unclaimed as usize);
        self.exprs.clear();
        self.stmts.clear();
        self.params.clear();
        self.names.clear();
        self.methods.clear();
        self.pending.clear();
    }

    /// The finished tree, and what was found wrong with it.
    pub fn finish(mut self, text: &str, jit_marks: Vec<u32>) -> (Ast, Vec<Diagnostic>) {
        for literal in std::mem::take(&mut self.unclaimed) {
            let span = self.ast.expr(literal).span;
            let written = text.get(span.lo as usize..span.hi as usize).unwrap_or_default();
            self.diagnostics.push(
                Diagnostic::error("E0103", format!("Number '{written}' is too large"), span)
                    .labelled(format!("only `-{written}` is an int")),
            );
        }
        self.ast.root = store_block(&mut self.ast.stmt_lists, &self.done);
        self.ast.jit_marks = jit_marks;
        (self.ast, self.diagnostics)
    }

    fn span(&self, lo: u32, hi: u32) -> Span {
        Span { file: self.file, lo, hi: hi.max(lo) }
    }

    fn span_of(&self, expr: ExprId) -> Span {
        self.ast.expr(expr).span
    }

    fn depth(&self, expr: ExprId) -> u16 {
        self.expr_depths[expr.0 as usize]
    }

    /// Reports, once per file, a node that lies too deep; whoever asks puts an error node in its place.
    fn too_deep(&mut self, depth: u16, span: Span) -> bool {
        let too_deep = usize::from(depth) > NESTING_LIMIT;
        if too_deep && !self.said_too_deep {
            self.said_too_deep = true;
            self.diagnostics.push(
                Diagnostic::error("E0502", "Nested too deeply", Span::new(self.file, span.lo, span.lo + 1))
                    .labelled(format!("this is more than {NESTING_LIMIT} levels deep")),
            );
        }
        too_deep
    }

    // Statements.

    pub fn top_level(&mut self, statement: StmtId, hi: u32) {
        self.done.push(statement);
        self.checkpoint = Checkpoint {
            end: hi,
            exprs: self.ast.exprs.len() as u32,
            stmts: self.ast.stmts.len() as u32,
            expr_lists: self.ast.expr_lists.len() as u32,
            stmt_lists: self.ast.stmt_lists.len() as u32,
            idents: self.ast.idents.len() as u32,
            functions: self.ast.functions.len() as u32,
            structs: self.ast.structs.len() as u32,
            diagnostics: self.diagnostics.len() as u32,
            unclaimed: self.unclaimed.len() as u32,
        };
    }

    pub fn push_statement(&mut self, n: u32, statement: StmtId) -> u32 {
        self.stmts.push(statement);
        n + 1
    }

    pub fn block(&mut self, n: u32) -> Block {
        let from = self.stmts.len() - n as usize;
        let block = store_block(&mut self.ast.stmt_lists, &self.stmts[from..]);
        self.stmts.truncate(from);
        block
    }

    fn function_depth(&self, id: FunctionId) -> u16 {
        let function = self.ast.function(id);
        let defaults = function.defaults.iter().map(|&default| self.depth(default)).max().unwrap_or(0);
        self.block_depth(function.body).max(defaults)
    }

    fn block_depth(&self, block: Block) -> u16 {
        self.ast.block(block).iter().map(|stmt| self.stmt_depths[stmt.0 as usize]).max().unwrap_or(0)
    }

    pub fn statement(&mut self, kind: StmtKind, lo: u32, hi: u32) -> StmtId {
        let depth = match kind {
            StmtKind::Let { value, .. } => self.depth(value),
            StmtKind::LetEach { values, .. } => self.list_depth(values),
            StmtKind::AssignEach { targets, values } => self.list_depth(targets).max(self.list_depth(values)),
            StmtKind::Assign { target, value, .. } => self.depth(target).max(self.depth(value)),
            StmtKind::Expr(e) | StmtKind::Throw(e) | StmtKind::Return(Some(e)) => self.depth(e),
            StmtKind::Print { items, .. } => self.list_depth(items),
            StmtKind::If { condition, then, otherwise } => {
                let inner = self.depth(condition).max(self.block_depth(then)) + 1;
                match otherwise.map(|block| (block, self.ast.block(block))) {
                    Some((_, &[only])) if matches!(self.ast.stmt(only).kind, StmtKind::If { .. }) => {
                        inner.max(self.stmt_depths[only.0 as usize])
                    }
                    Some((block, _)) => inner.max(self.block_depth(block) + 1),
                    None => inner,
                }
            }
            StmtKind::While { condition, body } => self.depth(condition).max(self.block_depth(body)) + 1,
            StmtKind::For { iterable, body, .. } => self.depth(iterable).max(self.block_depth(body)) + 1,
            StmtKind::Try { body, handler, .. } => self.block_depth(body).max(self.block_depth(handler)) + 1,
            StmtKind::Block(block) => self.block_depth(block) + 1,
            StmtKind::Function(function) => self.function_depth(function) + 1,
            StmtKind::Struct(id) => {
                let methods = &self.ast.struct_def(id).methods;
                methods.iter().map(|&id| self.function_depth(id) + 1).max().unwrap_or(0)
            }
            StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Return(None)
            | StmtKind::Import { .. }
            | StmtKind::Error => 0,
        };
        let span = self.span(lo, hi);
        let (kind, depth) = if self.too_deep(depth, span) { (StmtKind::Error, 0) } else { (kind, depth) };
        let id = StmtId(self.ast.stmts.len() as u32);
        self.ast.stmts.push(Stmt { kind, span });
        self.stmt_depths.push(depth);
        id
    }

    /// `let` with `n` names and `m` values.
    pub fn let_statement(&mut self, n: u32, m: u32, lo: u32, hi: u32) -> StmtId {
        let names = self.idents(n);
        let values = self.list(m);
        let kind = match (self.ast.names(names), self.ast.list(values)) {
            (&[name], &[value]) => StmtKind::Let { name, value },
            (&[name], _) => {
                let help = "a tuple is written in parentheses: `let name = (1, 2);`".to_string();
                self.wrong_count(name.span, n, values, Some(help));
                StmtKind::Error
            }
            (&[first, .., last], _) if m != 1 && m != n => {
                self.wrong_count(first.span.to(last.span), n, values, None);
                StmtKind::Error
            }
            _ => StmtKind::LetEach { names, values },
        };
        self.statement(kind, lo, hi)
    }

    /// An assignment to `n` targets of `m` values.
    pub fn assignment(&mut self, n: u32, op: AssignOp, m: u32, lo: u32, hi: u32) -> StmtId {
        let values = self.list(m);
        let targets = self.list(n);
        let (first, last) = (self.ast.list(targets)[0], self.ast.list(targets)[n as usize - 1]);
        let are_targets = (0..n).all(|index| self.check_target(self.ast.list(targets)[index as usize]));
        let span = self.span_of(first).to(self.span_of(last));
        let kind = match (are_targets, op, self.ast.list(targets), self.ast.list(values)) {
            (false, ..) => StmtKind::Error,
            (true, op, &[target], &[value]) => StmtKind::Assign { target, op, value },
            (true, AssignOp::Plain, &[_], _) => {
                let help = "a tuple is written in parentheses: `name = (1, 2);`".to_string();
                self.wrong_count(span, n, values, Some(help));
                StmtKind::Error
            }
            (true, AssignOp::Plain, ..) if m == 1 || m == n => StmtKind::AssignEach { targets, values },
            (true, AssignOp::Plain, ..) => {
                self.wrong_count(span, n, values, None);
                StmtKind::Error
            }
            (true, ..) => {
                let all = span.to(self.values_span(values));
                self.diagnostics.push(
                    Diagnostic::error("E0211", "Only `=` assigns several values at once", all)
                        .with_help("write a statement for each"),
                );
                StmtKind::Error
            }
        };
        self.statement(kind, lo, hi)
    }

    /// Whether an expression can be assigned to; reports it if not.
    fn check_target(&mut self, target: ExprId) -> bool {
        let Expr { kind, span } = *self.ast.expr(target);
        if let ExprKind::Name(_) | ExprKind::Index { .. } | ExprKind::Member { .. } | ExprKind::Error = kind {
            return true;
        }
        let mut diagnostic = Diagnostic::error("E0205", "Invalid assignment target", span)
            .labelled("cannot be assigned to")
            .with_help("only a name, a member `x.field` and an element `x[i]` can be assigned to");
        if matches!(kind, ExprKind::Tuple(_) | ExprKind::List(_)) {
            diagnostic = diagnostic.with_help("several are assigned to without brackets: `a, b = b, a;`");
        }
        if matches!(kind, ExprKind::Binary { op: BinaryOp::Eq, .. }) {
            diagnostic = diagnostic.with_note("`==` compares and `=` assigns");
        }
        self.diagnostics.push(diagnostic);
        false
    }

    fn values_span(&self, values: ExprList) -> Span {
        match self.ast.list(values) {
            [first, .., last] => self.span_of(*first).to(self.span_of(*last)),
            [only] => self.span_of(*only),
            [] => self.span(0, 0),
        }
    }

    /// Reports targets and values of different numbers.
    fn wrong_count(&mut self, targets: Span, n: u32, values: ExprList, help: Option<String>) {
        let plural = |n: u32| if n == 1 { "" } else { "s" };
        let found = values.len;
        let message = format!("Expected {n} value{}, but found {found}", plural(n));
        let mut diagnostic = Diagnostic::error("E0211", message, self.values_span(values))
            .labelled(format!("{found} values"))
            .with_label(targets, format!("{n} target{}", plural(n)));
        if let Some(help) = help {
            diagnostic = diagnostic.with_help(help);
        }
        self.diagnostics.push(diagnostic);
    }

    /// The items of a tuple that stands right behind the word are what is printed.
    pub fn print(&mut self, newline: bool, value: Option<ExprId>, lo: u32, hi: u32) -> StmtId {
        let items = match value {
            None => ExprList::default(),
            Some(value) => match self.ast.expr(value).kind {
                ExprKind::Tuple(items) => items,
                _ => {
                    self.exprs.push(value);
                    self.list(1)
                }
            },
        };
        self.statement(StmtKind::Print { items, newline }, lo, hi)
    }

    pub fn import(
        &mut self,
        what: ImportPath,
        path_lo: u32,
        path_hi: u32,
        alias: Option<Ident>,
        lo: u32,
        hi: u32,
    ) -> StmtId {
        let path_span = self.span(path_lo, path_hi);
        self.statement(StmtKind::Import { what, path_span, alias }, lo, hi)
    }

    pub fn else_if(&mut self, condition: ExprId, then: Block, next: StmtId, lo: u32, hi: u32) -> StmtId {
        let otherwise = Some(store_block(&mut self.ast.stmt_lists, &[next]));
        self.statement(StmtKind::If { condition, then, otherwise }, lo, hi)
    }

    pub fn struct_def(&mut self, name: Ident, n: u32, lo: u32, hi: u32) -> StmtId {
        let methods = self.methods.split_off(self.methods.len() - n as usize);
        let id = StructId(self.ast.structs.len() as u32);
        let span = self.span(lo, hi);
        self.ast.structs.push(StructDef { name, methods, span });
        self.statement(StmtKind::Struct(id), lo, hi)
    }

    pub fn push_method(&mut self, n: u32, method: FunctionId) -> u32 {
        self.methods.push(method);
        n + 1
    }

    pub fn push_param(&mut self, n: u32, name: Ident, default: Option<ExprId>) -> u32 {
        self.params.push((name, default));
        n + 1
    }

    pub fn push_name(&mut self, n: u32, name: Ident) -> u32 {
        self.names.push(name);
        n + 1
    }

    /// The list made of the last `n` names.
    fn idents(&mut self, n: u32) -> IdentList {
        let from = self.names.len() - n as usize;
        let start = self.ast.idents.len() as u32;
        self.ast.idents.extend(self.names.drain(from..));
        IdentList { start, len: n }
    }

    pub fn for_loop(&mut self, n: u32, iterable: ExprId, body: Block, lo: u32, hi: u32) -> StmtId {
        let names = self.idents(n);
        self.statement(StmtKind::For { names, iterable, body }, lo, hi)
    }

    pub fn ident(&self, name: Symbol, lo: u32, hi: u32) -> Ident {
        Ident { name, span: self.span(lo, hi) }
    }

    /// The three places are where the function begins, where its head ends, and where it ends.
    pub fn function(
        &mut self,
        name: Option<Ident>,
        n: u32,
        body: Block,
        is_async: bool,
        (lo, head, hi): (u32, u32, u32),
    ) -> FunctionId {
        let list = self.params.split_off(self.params.len() - n as usize);
        let params = list.iter().map(|&(name, _)| name).collect();
        let mut defaults = Vec::new();
        for &(name, default) in &list {
            match default {
                Some(default) => defaults.push(default),
                None if !defaults.is_empty() => {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "E0212",
                            "A parameter without a default stands before those with one",
                            name.span,
                        )
                        .labelled("has none"),
                    );
                    break;
                }
                None => {}
            }
        }
        let id = FunctionId(self.ast.functions.len() as u32);
        let (head, span) = (self.span(lo, head), self.span(lo, hi));
        self.ast.functions.push(Function { name, params, defaults, body, is_async, head, span });
        id
    }

    // Expressions.

    fn add(&mut self, kind: ExprKind, span: Span, depth: u16) -> ExprId {
        let (kind, depth) = if self.too_deep(depth, span) { (ExprKind::Error, 0) } else { (kind, depth) };
        let id = ExprId(self.ast.exprs.len() as u32);
        self.ast.exprs.push(Expr { kind, span });
        self.expr_depths.push(depth);
        id
    }

    /// A leaf.
    pub fn expr(&mut self, kind: ExprKind, lo: u32, hi: u32) -> ExprId {
        self.add(kind, self.span(lo, hi), 0)
    }

    pub fn int(&mut self, number: u32, lo: u32, hi: u32) -> ExprId {
        let magnitude = self.numbers[number as usize];
        let id = self.expr(ExprKind::Int(magnitude as i64), lo, hi);
        if magnitude > i64::MAX as u64 {
            self.unclaimed.push(id);
        }
        id
    }

    pub fn float(&mut self, number: u32, lo: u32, hi: u32) -> ExprId {
        let value = f64::from_bits(self.numbers[number as usize]);
        self.expr(ExprKind::Float(value), lo, hi)
    }

    /// The first operator of a chain `a + b * c`, behind its left operand.
    pub fn first_operator(&mut self, op: Infix, left: ExprId) {
        self.pending.push(Pending { op, left, is_first: true });
    }

    /// A further operator of the chain, behind the operand between.
    pub fn next_operator(&mut self, op: Infix, operand: ExprId) {
        let (left, is_first) = self.close(op.tightness(), operand);
        self.pending.push(Pending { op, left, is_first });
    }

    /// The whole chain, behind its last operand.
    pub fn last_operand(&mut self, operand: ExprId) -> ExprId {
        self.close(0, operand).0
    }

    /// Gives `operand` to the operators in front of it that are at least so tight; what comes of it, and whether that
    /// is the first of its chain.
    fn close(&mut self, tightness: u8, operand: ExprId) -> (ExprId, bool) {
        let mut operand = operand;
        while let Some(Pending { op, left, is_first }) =
            self.pending.pop_if(|pending| pending.op.tightness() >= tightness)
        {
            operand = self.infix(op, left, operand);
            if is_first {
                return (operand, true);
            }
        }
        (operand, false)
    }

    fn infix(&mut self, op: Infix, left: ExprId, right: ExprId) -> ExprId {
        match op {
            Infix::Logic(op) => self.pair(ExprKind::Logic { op, left, right }, left, right),
            Infix::Binary(op) if op.is_comparison() => self.comparison(op, left, right),
            Infix::Binary(op) => self.binary(op, left, right),
        }
    }

    pub fn binary(&mut self, op: BinaryOp, left: ExprId, right: ExprId) -> ExprId {
        self.pair(ExprKind::Binary { op, left, right }, left, right)
    }

    fn pair(&mut self, kind: ExprKind, left: ExprId, right: ExprId) -> ExprId {
        let span = self.span_of(left).to(self.span_of(right));
        let depth = self.depth(left).max(self.depth(right) + 1);
        self.add(kind, span, depth)
    }

    fn comparison(&mut self, op: BinaryOp, left: ExprId, right: ExprId) -> ExprId {
        let node = *self.ast.expr(left);
        if let ExprKind::Binary { op: first, right: middle, .. } = node.kind
            && first.is_comparison()
        {
            let span = node.span.to(self.span_of(right));
            self.diagnostics.push(
                Diagnostic::error("E0206", "Comparisons do not chain", span)
                    .with_label(self.span_of(middle), "compared on both sides")
                    .with_help("write both comparisons and join them with `and`: `a < b and b < c`"),
            );
            return self.add(ExprKind::Error, span, 0);
        }
        if let (BinaryOp::In | BinaryOp::NotIn, ExprKind::Unary { op: UnaryOp::Not, .. }) = (op, node.kind) {
            let span = node.span.to(self.span_of(right));
            let meant = if op == BinaryOp::In { "a not in b" } else { "a in b" };
            self.diagnostics.push(
                Diagnostic::error("E0210", format!("Write '{meant}'"), span)
                    .with_label(node.span, "`not` binds more tightly than `in`, so it would negate this alone")
                    .with_help("if that is meant, put it into parentheses: `(not a) in b`"),
            );
            return self.add(ExprKind::Error, span, 0);
        }
        self.binary(op, left, right)
    }

    /// `if condition { then } else { otherwise }`.
    pub fn conditional(&mut self, condition: ExprId, then: ExprId, otherwise: ExprId, lo: u32, hi: u32) -> ExprId {
        let depth = [condition, then, otherwise].map(|part| self.depth(part)).into_iter().max().unwrap_or(0) + 1;
        self.add(ExprKind::If { condition, then, otherwise }, self.span(lo, hi), depth)
    }

    pub fn range(&mut self, start: Option<ExprId>, end: ExprId, lo: Option<u32>) -> ExprId {
        let end_span = self.span_of(end);
        let span = match (start, lo) {
            (Some(start), _) => self.span_of(start).to(end_span),
            (None, lo) => self.span(lo.unwrap_or(end_span.lo), end_span.hi),
        };
        let depth = start.map_or(0, |start| self.depth(start)).max(self.depth(end)) + 1;
        self.add(ExprKind::Range { start, end }, span, depth)
    }

    pub fn unary(&mut self, op: UnaryOp, operand: ExprId, lo: u32) -> ExprId {
        let span = self.span(lo, self.span_of(operand).hi);
        self.add(ExprKind::Unary { op, operand }, span, self.depth(operand) + 1)
    }

    /// A minus directly before a literal is part of it.
    pub fn negate(&mut self, operand: ExprId, lo: u32) -> ExprId {
        let Expr { kind, span } = *self.ast.expr(operand);
        let folded = match kind {
            ExprKind::Int(_) if self.unclaimed.last() == Some(&operand) => {
                self.unclaimed.pop();
                ExprKind::Int(i64::MIN)
            }
            ExprKind::Int(value) if value >= 0 => ExprKind::Int(-value),
            ExprKind::Float(value) if value.is_sign_positive() => ExprKind::Float(-value),
            _ => return self.unary(UnaryOp::Neg, operand, lo),
        };
        let span = self.span(lo, span.hi);
        self.ast.exprs[operand.0 as usize] = Expr { kind: folded, span };
        operand
    }

    pub fn await_expr(&mut self, operand: ExprId, lo: u32) -> ExprId {
        let span = self.span(lo, self.span_of(operand).hi);
        self.add(ExprKind::Await(operand), span, self.depth(operand) + 1)
    }

    pub fn paren(&mut self, inner: ExprId, lo: u32, hi: u32) -> ExprId {
        self.add(ExprKind::Paren(inner), self.span(lo, hi), self.depth(inner) + 1)
    }

    pub fn call(&mut self, callee: ExprId, n: u32, hi: u32) -> ExprId {
        let args = self.list(n);
        let span = self.span(self.span_of(callee).lo, hi);
        let depth = self.depth(callee).max(self.list_depth(args) + 1);
        self.add(ExprKind::Call { callee, args }, span, depth)
    }

    pub fn index(&mut self, object: ExprId, index: ExprId, hi: u32) -> ExprId {
        let span = self.span(self.span_of(object).lo, hi);
        let depth = self.depth(object).max(self.depth(index) + 1);
        self.add(ExprKind::Index { object, index }, span, depth)
    }

    pub fn member(&mut self, object: ExprId, name: Ident) -> ExprId {
        let span = self.span_of(object).to(name.span);
        self.add(ExprKind::Member { object, name }, span, self.depth(object))
    }

    pub fn lambda(&mut self, n: u32, body: Block, is_async: bool, place: (u32, u32, u32)) -> ExprId {
        let function = self.function(None, n, body, is_async, place);
        let depth = self.function_depth(function) + 1;
        self.add(ExprKind::Lambda(function), self.span(place.0, place.2), depth)
    }

    /// A node made of the last `n` expressions.
    pub fn sequence(&mut self, make: fn(ExprList) -> ExprKind, n: u32, lo: u32, hi: u32) -> ExprId {
        let list = self.list(n);
        self.add(make(list), self.span(lo, hi), self.list_depth(list) + 1)
    }

    pub fn push_expr(&mut self, n: u32, expr: ExprId) -> u32 {
        self.exprs.push(expr);
        n + 1
    }

    pub fn push_two(&mut self, first: ExprId, second: ExprId) -> u32 {
        self.push_pair(0, first, second)
    }

    pub fn push_pair(&mut self, n: u32, key: ExprId, value: ExprId) -> u32 {
        self.exprs.extend([key, value]);
        n + 2
    }

    pub fn push_part(&mut self, n: u32, text: Symbol, lo: u32, hi: u32) -> u32 {
        let part = self.expr(ExprKind::Str(text), lo, hi);
        self.push_expr(n, part)
    }

    /// A hole with a format, which stands from `lo` to `hi`.
    pub fn push_formatted(&mut self, n: u32, value: ExprId, format: Symbol, lo: u32, hi: u32) -> u32 {
        let format_span = self.span(lo, hi);
        let kind = ExprKind::Formatted { value, format, format_span };
        let hole = self.add(kind, self.span_of(value).to(format_span), self.depth(value) + 1);
        self.push_expr(n, hole)
    }

    fn list(&mut self, n: u32) -> ExprList {
        let from = self.exprs.len() - n as usize;
        let start = self.ast.expr_lists.len() as u32;
        self.ast.expr_lists.extend_from_slice(&self.exprs[from..]);
        self.exprs.truncate(from);
        ExprList { start, len: n }
    }

    fn list_depth(&self, list: ExprList) -> u16 {
        self.ast.list(list).iter().map(|&expr| self.depth(expr)).max().unwrap_or(0)
    }
}

fn store_block(lists: &mut Vec<StmtId>, statements: &[StmtId]) -> Block {
    let start = lists.len() as u32;
    lists.extend_from_slice(statements);
    Block { start, len: statements.len() as u32 }
}
