//! The syntax tree of one file: flat arenas of nodes that name each other by index.
//!
//! Nodes live in two vectors, [`Ast::exprs`] and [`Ast::stmts`]; a child is an index, and a list of children
//! is a range of one of the pools. Dropping a tree therefore never recurses, building one allocates only when a
//! vector grows, and every node is built after its children, so an index is always larger than those below it.
//!
//! Invariant: the tree is what the source says. Names are not looked up here and nothing is desugared, except
//! that a minus directly before a number literal is part of the literal.

use crate::source::Span;

/// An interned identifier or string; see [`super::Interner`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Symbol(pub u32);

/// Index of an expression in [`Ast::exprs`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ExprId(pub u32);

/// Index of a statement in [`Ast::stmts`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StmtId(pub u32);

/// Index of a function body in [`Ast::functions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FunctionId(pub u32);

/// Index of a struct definition in [`Ast::structs`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StructId(pub u32);

/// A run of expression ids in [`Ast::expr_lists`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExprList {
    pub start: u32,
    pub len: u32,
}

/// A run of statement ids in [`Ast::stmt_lists`]: the statements of a block or file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Block {
    pub start: u32,
    pub len: u32,
}

/// A run of names in [`Ast::idents`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IdentList {
    pub start: u32,
    pub len: u32,
}

/// A name where it stands in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ident {
    pub name: Symbol,
    pub span: Span,
}

/// One expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ExprKind {
    Int(i64),
    Float(f64),
    Bool(bool),
    Void,
    /// A string literal, its escapes already decoded.
    Str(Symbol),
    /// `f"..."`: literal parts are [`ExprKind::Str`], holes are any expression, in source order. Those with a format
    /// are [`ExprKind::Formatted`], which stands nowhere else.
    Format(ExprList),
    /// The hole `{value:format}`.
    Formatted {
        value: ExprId,
        format: Symbol,
        format_span: Span,
    },
    Name(Symbol),
    List(ExprList),
    Tuple(ExprList),
    /// Keys and values alternate.
    Dict(ExprList),
    /// `start..end`; the start is absent in `..end`.
    Range {
        start: Option<ExprId>,
        end: ExprId,
    },
    Unary {
        op: UnaryOp,
        operand: ExprId,
    },
    Binary {
        op: BinaryOp,
        left: ExprId,
        right: ExprId,
    },
    /// Short-circuit `and` / `or`.
    Logic {
        op: LogicOp,
        left: ExprId,
        right: ExprId,
    },
    /// The conditional expression `if c { a } else { b }`.
    If {
        condition: ExprId,
        then: ExprId,
        /// An `else if` is another conditional expression.
        otherwise: ExprId,
    },
    Call {
        callee: ExprId,
        args: ExprList,
    },
    Index {
        object: ExprId,
        index: ExprId,
    },
    Member {
        object: ExprId,
        name: Ident,
    },
    Lambda(FunctionId),
    Await(ExprId),
    /// Parentheses, kept because `println((1, 2))` and `(-5) ** 2` differ from what they are without.
    Paren(ExprId),
    /// Stands where the parser recovered; an error was reported.
    Error,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    Neg,
    Not,
    BitNot,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

impl BinaryOp {
    /// Whether it compares, or looks for a member: such operators do not chain.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::{Eq, Ge, Gt, In, Le, Lt, Ne, NotIn};
        matches!(self, Eq | Ne | Lt | Le | Gt | Ge | In | NotIn)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LogicOp {
    And,
    Or,
}

/// What stands left of `=` in `a op= b`, or nothing for plain `=`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AssignOp {
    Plain,
    Binary(BinaryOp),
    Logic(LogicOp),
}

/// One statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum StmtKind {
    Let {
        name: Ident,
        value: ExprId,
    },
    /// `let a, b = x, y;`, a value for each name, or one value that is taken apart.
    LetEach {
        names: IdentList,
        values: ExprList,
    },
    /// `target` is a `Name`, `Index` or `Member`; the parser reports any other.
    Assign {
        target: ExprId,
        op: AssignOp,
        value: ExprId,
    },
    /// `a, b[0] = x, y;`, a value for each target, or one value that is taken apart. Targets are what `Assign` has.
    AssignEach {
        targets: ExprList,
        values: ExprList,
    },
    Expr(ExprId),
    /// Items are printed with one space between them.
    Print {
        items: ExprList,
        newline: bool,
    },
    If {
        condition: ExprId,
        then: Block,
        /// An `else if` is a block of one `If`.
        otherwise: Option<Block>,
    },
    While {
        condition: ExprId,
        body: Block,
    },
    For {
        /// The loop variable, or those that each item is taken apart into.
        names: IdentList,
        iterable: ExprId,
        body: Block,
    },
    Break,
    Continue,
    Return(Option<ExprId>),
    Throw(ExprId),
    Try {
        body: Block,
        error: Ident,
        handler: Block,
    },
    Function(FunctionId),
    Struct(StructId),
    Import {
        what: ImportPath,
        path_span: Span,
        alias: Option<Ident>,
    },
    /// A bare `{ }` block.
    Block(Block),
    /// Stands where the parser recovered; an error was reported.
    Error,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ImportPath {
    /// `import "std/math";` or `import "./lib/util.walrus";`
    File(Symbol),
    /// `import @name;`
    Package(Symbol),
}

/// A named function, method or lambda.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// Absent for lambdas.
    pub name: Option<Ident>,
    pub params: Vec<Ident>,
    /// The defaults of the last parameters, one for each that has one.
    pub defaults: Vec<ExprId>,
    pub body: Block,
    pub is_async: bool,
    /// From `fn` (or `:`) to the parameter list's end; where messages about the function point.
    pub head: Span,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StructDef {
    pub name: Ident,
    pub methods: Vec<FunctionId>,
    pub span: Span,
}

/// The tree of one file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ast {
    pub exprs: Vec<Expr>,
    pub stmts: Vec<Stmt>,
    pub expr_lists: Vec<ExprId>,
    pub stmt_lists: Vec<StmtId>,
    pub idents: Vec<Ident>,
    pub functions: Vec<Function>,
    pub structs: Vec<StructDef>,
    /// The file's top-level statements.
    pub root: Block,
    /// Byte offsets of the `// @jit` comments, in order.
    pub jit_marks: Vec<u32>,
    /// Spans of all comments that begin with `@jit`, those among them; others are none.
    pub jit_comments: Vec<(u32, u32)>,
}

impl Ast {
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }

    pub fn stmt(&self, id: StmtId) -> &Stmt {
        &self.stmts[id.0 as usize]
    }

    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.0 as usize]
    }

    pub fn struct_def(&self, id: StructId) -> &StructDef {
        &self.structs[id.0 as usize]
    }

    pub fn list(&self, list: ExprList) -> &[ExprId] {
        &self.expr_lists[list.start as usize..][..list.len as usize]
    }

    pub fn names(&self, list: IdentList) -> &[Ident] {
        &self.idents[list.start as usize..][..list.len as usize]
    }

    pub fn block(&self, block: Block) -> &[StmtId] {
        &self.stmt_lists[block.start as usize..][..block.len as usize]
    }

    /// From the first to the last statement of each `try`; not what its `catch` does.
    pub fn try_bodies(&self) -> impl Iterator<Item = Span> {
        self.stmts.iter().filter_map(|stmt| {
            let StmtKind::Try { body, .. } = stmt.kind else { return None };
            let (first, last) = (*self.block(body).first()?, *self.block(body).last()?);
            Some(self.stmt(first).span.to(self.stmt(last).span))
        })
    }

    /// Visits the expressions directly below an expression, in the order of the source; not the bodies of functions.
    pub fn for_each_part(&self, expr: ExprId, mut visit: impl FnMut(ExprId)) {
        match self.expr(expr).kind {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Void
            | ExprKind::Str(_)
            | ExprKind::Name(_)
            | ExprKind::Lambda(_)
            | ExprKind::Error => {}
            ExprKind::Format(list) | ExprKind::List(list) | ExprKind::Tuple(list) | ExprKind::Dict(list) => {
                self.list(list).iter().copied().for_each(visit);
            }
            ExprKind::Range { start, end } => start.into_iter().chain([end]).for_each(visit),
            ExprKind::Unary { operand: inner, .. }
            | ExprKind::Await(inner)
            | ExprKind::Formatted { value: inner, .. }
            | ExprKind::Paren(inner)
            | ExprKind::Member { object: inner, .. } => visit(inner),
            ExprKind::Binary { left, right, .. } | ExprKind::Logic { left, right, .. } => {
                [left, right].into_iter().for_each(visit);
            }
            ExprKind::If { condition, then, otherwise } => [condition, then, otherwise].into_iter().for_each(visit),
            ExprKind::Call { callee, args } => {
                visit(callee);
                self.list(args).iter().copied().for_each(visit);
            }
            ExprKind::Index { object, index } => [object, index].into_iter().for_each(visit),
        }
    }

    /// Visits an expression and all that are below it; not the bodies of functions.
    pub fn for_each_within(&self, expr: ExprId, mut visit: impl FnMut(ExprId)) {
        self.any_within(expr, |expr| {
            visit(expr);
            false
        });
    }

    /// Whether one of an expression and those below it is such; not in the bodies of functions. Expressions may be
    /// nested deeply, so this does not recurse.
    pub fn any_within(&self, expr: ExprId, mut is_such: impl FnMut(ExprId) -> bool) -> bool {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if is_such(expr) {
                return true;
            }
            self.for_each_part(expr, |part| open.push(part));
        }
        false
    }
}
