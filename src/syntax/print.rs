//! The tree as text, for `walrusc --emit ast` and for tests.
//!
//! One statement a line, expressions in prefix form, blocks indented. The printer keeps its own stack, so that a tree
//! of any shape prints; what it writes depends on the tree alone.

use std::fmt::Write;

use super::Interner;
use super::ast::{
    AssignOp, Ast, BinaryOp, Block, ExprId, ExprKind, ExprList, FunctionId, IdentList, ImportPath, LogicOp, StmtId,
    StmtKind, Symbol, UnaryOp,
};

/// Prints a whole tree, one line per statement.
pub fn print(ast: &Ast, interner: &Interner) -> String {
    let mut printer = Printer { ast, interner, out: String::new(), work: Vec::new() };
    for &statement in ast.block(ast.root).iter().rev() {
        printer.work.extend([Work::Text("\n"), Work::Stmt(statement, 0)]);
    }
    printer.run();
    printer.out
}

enum Work {
    Text(&'static str),
    Name(Symbol),
    Expr(ExprId, usize),
    Stmt(StmtId, usize),
    /// A block's statements, each on its own line.
    Block(Block, usize),
    Function(FunctionId, usize),
}

struct Printer<'a> {
    ast: &'a Ast,
    interner: &'a Interner,
    out: String,
    work: Vec<Work>,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(work) = self.work.pop() {
            match work {
                Work::Text(text) => self.out.push_str(text),
                Work::Name(name) => self.out.push_str(self.interner.get(name)),
                Work::Expr(id, indent) => self.expr(id, indent),
                Work::Stmt(id, indent) => self.stmt(id, indent),
                Work::Block(block, indent) => {
                    let statements = self.ast.block(block).iter().rev();
                    self.work.extend(statements.map(|&id| Work::Stmt(id, indent)));
                }
                Work::Function(id, indent) => self.function(id, indent),
            }
        }
    }

    /// Puts a form on the stack, to be written in the order given.
    fn form(&mut self, head: &str, parts: impl IntoIterator<Item = Work, IntoIter: DoubleEndedIterator>) {
        self.out.push('(');
        self.out.push_str(head);
        self.work.push(Work::Text(")"));
        for part in parts.into_iter().rev() {
            let own_line = matches!(part, Work::Block(..) | Work::Function(..) | Work::Stmt(..) | Work::Text(_));
            self.work.push(part);
            if !own_line {
                self.work.push(Work::Text(" "));
            }
        }
    }

    fn expr(&mut self, id: ExprId, indent: usize) {
        let ast = self.ast;
        let sub = |id: ExprId| Work::Expr(id, indent);
        let items = |list: ExprList| ast.list(list).iter().map(move |&id| Work::Expr(id, indent));
        match ast.expr(id).kind {
            ExprKind::Int(value) => _ = write!(self.out, "{value}"),
            ExprKind::Float(value) => _ = write!(self.out, "{value:?}"),
            ExprKind::Bool(value) => _ = write!(self.out, "{value}"),
            ExprKind::Void => self.out.push_str("void"),
            ExprKind::Str(text) => _ = write!(self.out, "{:?}", self.interner.get(text)),
            ExprKind::Name(name) => self.out.push_str(self.interner.get(name)),
            ExprKind::Error => self.out.push_str("<error>"),
            ExprKind::Format(list) => self.form("format", items(list)),
            ExprKind::Formatted { value, format, .. } => {
                let head = format!("formatted {:?}", self.interner.get(format));
                self.form(&head, [sub(value)]);
            }
            ExprKind::List(list) => self.form("list", items(list)),
            ExprKind::Tuple(list) => self.form("tuple", items(list)),
            ExprKind::Dict(list) => self.form("dict", items(list)),
            ExprKind::Range { start: Some(start), end } => self.form("..", [sub(start), sub(end)]),
            ExprKind::Range { start: None, end } => self.form("..", [sub(end)]),
            ExprKind::Unary { op, operand } => self.form(unary_text(op), [sub(operand)]),
            ExprKind::Binary { op, left, right } => self.form(binary_text(op), [sub(left), sub(right)]),
            ExprKind::Logic { op, left, right } => self.form(logic_text(op), [sub(left), sub(right)]),
            ExprKind::If { condition, then, otherwise } => {
                self.form("if-else", [sub(condition), sub(then), sub(otherwise)]);
            }
            ExprKind::Call { callee, args } => {
                let parts: Vec<Work> = std::iter::once(sub(callee)).chain(items(args)).collect();
                self.form("call", parts);
            }
            ExprKind::Index { object, index } => self.form("index", [sub(object), sub(index)]),
            ExprKind::Member { object, name } => self.form("member", [sub(object), Work::Name(name.name)]),
            ExprKind::Lambda(function) => self.function(function, indent),
            ExprKind::Await(operand) => self.form("await", [sub(operand)]),
            ExprKind::Paren(inner) => self.form("paren", [sub(inner)]),
        }
    }

    fn stmt(&mut self, id: StmtId, indent: usize) {
        let ast = self.ast;
        if indent > 0 {
            self.out.push('\n');
            // Depth is limited, but not so far that full indentation would stay small.
            self.out.extend(std::iter::repeat_n("  ", indent.min(100)));
        }
        let sub = |id: ExprId| Work::Expr(id, indent);
        let block = |block: Block| Work::Block(block, indent + 1);
        let names = |list: IdentList| ast.names(list).iter().map(|ident| Work::Name(ident.name));
        let subs = |list: ExprList| ast.list(list).iter().map(move |&id| Work::Expr(id, indent));
        match ast.stmt(id).kind {
            StmtKind::Let { name, value } => self.form("let", [Work::Name(name.name), sub(value)]),
            StmtKind::LetEach { names: list, values } => {
                let parts: Vec<Work> = names(list).chain([Work::Text(" =")]).chain(subs(values)).collect();
                self.form("let", parts);
            }
            StmtKind::AssignEach { targets, values } => {
                let parts: Vec<Work> = subs(targets).chain([Work::Text(" =")]).chain(subs(values)).collect();
                self.form("=", parts);
            }
            StmtKind::Assign { target, op, value } => {
                let head = match op {
                    AssignOp::Plain => "=".to_string(),
                    AssignOp::Binary(op) => format!("{}=", binary_text(op)),
                    AssignOp::Logic(op) => format!("{}=", logic_text(op)),
                };
                self.form(&head, [sub(target), sub(value)]);
            }
            StmtKind::Expr(e) => self.form("do", [sub(e)]),
            StmtKind::Print { items, newline } => {
                let head = if newline { "println" } else { "print" };
                self.form(head, subs(items).collect::<Vec<Work>>());
            }
            // A chain of `else if` stays at one depth.
            StmtKind::If { condition, then, otherwise } => {
                let mut parts = vec![sub(condition), block(then)];
                if let Some(otherwise) = otherwise {
                    parts.extend([Work::Text(" else"), block_of_else(ast, otherwise, indent)]);
                }
                self.form("if", parts);
            }
            StmtKind::While { condition, body } => self.form("while", [sub(condition), block(body)]),
            StmtKind::For { names: list, iterable, body } => {
                let parts: Vec<Work> = names(list).chain([sub(iterable), block(body)]).collect();
                self.form("for", parts);
            }
            StmtKind::Break => self.form("break", []),
            StmtKind::Continue => self.form("continue", []),
            StmtKind::Return(value) => self.form("return", value.map(sub)),
            StmtKind::Throw(value) => self.form("throw", [sub(value)]),
            StmtKind::Try { body, error, handler } => {
                let catch = [Work::Text(" catch"), Work::Name(error.name), block(handler)];
                self.form("try", [block(body)].into_iter().chain(catch));
            }
            StmtKind::Function(function) => self.function(function, indent),
            StmtKind::Struct(id) => {
                let definition = ast.struct_def(id);
                let methods = definition.methods.iter().map(|&id| Work::Function(id, indent + 1));
                let parts: Vec<Work> = std::iter::once(Work::Name(definition.name.name)).chain(methods).collect();
                self.form("struct", parts);
            }
            StmtKind::Import { what, alias, .. } => {
                self.out.push_str("(import ");
                _ = match what {
                    ImportPath::File(path) => write!(self.out, "{:?}", self.interner.get(path)),
                    ImportPath::Package(name) => write!(self.out, "@{}", self.interner.get(name)),
                };
                if let Some(alias) = alias {
                    _ = write!(self.out, " as {}", self.interner.get(alias.name));
                }
                self.out.push(')');
            }
            StmtKind::Block(inner) => self.form("block", [block(inner)]),
            StmtKind::Error => self.out.push_str("<error>"),
        }
    }

    /// A function where the printer stands; a method (whose work item says so by its depth) on its own line.
    fn function(&mut self, id: FunctionId, indent: usize) {
        let ast = self.ast;
        let function = ast.function(id);
        if self.out.ends_with(|c: char| c != '\n' && c != ' ' && c != '(') && !self.out.is_empty() {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", indent.min(100)));
        }
        let word = if function.is_async { "async fn" } else { "fn" };
        let name = function.name.map_or("", |name| self.interner.get(name.name));
        let params: Vec<&str> = function.params.iter().map(|param| self.interner.get(param.name)).collect();
        let space = if name.is_empty() { "" } else { " " };
        let first = function.params.len() - function.defaults.len();
        let mut parts = Vec::new();
        for (param, &default) in function.params[first..].iter().zip(&function.defaults) {
            parts.extend([Work::Name(param.name), Work::Text(" ="), Work::Expr(default, indent)]);
        }
        parts.push(Work::Block(function.body, indent + 1));
        self.form(&format!("{word}{space}{name} ({})", params.join(" ")), parts);
    }
}

fn block_of_else(ast: &Ast, otherwise: Block, indent: usize) -> Work {
    let chains = matches!(ast.block(otherwise), &[only] if matches!(ast.stmt(only).kind, StmtKind::If { .. }));
    Work::Block(otherwise, if chains { indent.max(1) } else { indent + 1 })
}

fn unary_text(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Not => "not",
        UnaryOp::BitNot => "~",
    }
}

fn binary_text(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::NotIn => "not-in",
    }
}

fn logic_text(op: LogicOp) -> &'static str {
    match op {
        LogicOp::And => "and",
        LogicOp::Or => "or",
    }
}
