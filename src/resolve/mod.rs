//! From trees to meaning: which files belong to the program, what every name refers to, which variables closures
//! capture and how, and which fields of a struct have fixed slots.
//!
//! [`graph::load`] reads the import graph through a [`graph::FileLoader`], so nothing here touches a file system;
//! [`resolve`] then walks each file once and fills side tables beside its tree. The tree itself is never changed.
//!
//! Invariants:
//! - Functions, structs and globals are numbered over the whole program; functions in source order within a file, with
//!   the file's body first, so a function's number is larger than that of every function around it.
//! - What depends on values is not decided here: lowering finds out which variables are constant, and
//!   [`FileScopes::finalise`] then decides what closures need not carry.
//! - Which functions are equal follows from their text alone ([`FunctionScope::mentions_outer`]), whatever is known of
//!   the variables they mention.
//! - After `resolve` without an error, every [`ExprKind::Name`](crate::syntax::ast::ExprKind::Name) that can be
//!   executed has a [`NameRef`] other than `Unresolved`.

mod finalise;
pub mod graph;
pub mod packages;
mod scopes;
pub mod suggest;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use crate::source::Span;
use crate::syntax::ast::{ExprId, StmtId, StructId, Symbol};

pub use scopes::resolve;

/// A function of the program: a module's body, or one of the functions in its tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FuncIndex(pub u32);

/// A struct definition of the program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StructIndex(pub u32);

/// A top-level name of a module, import aliases included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GlobalIndex(pub u32);

/// A module of the [`graph::ModuleGraph`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ModuleIndex(pub u32);

/// A local variable of one file: an index into [`FileScopes::vars`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VarId(pub u32);

/// What a name in the source refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameRef {
    /// No name stands here, or an error was reported.
    #[default]
    Unresolved,
    /// A variable of the function the name stands in.
    Local(VarId),
    /// A variable of an enclosing function, by position in [`FunctionScope::captures`].
    Capture(u16),
    Global(GlobalIndex),
    /// A bare name that means a method of the struct around it, by position in [`FileScopes::sibling_methods`].
    SiblingMethod(u32),
}

/// A bare reference to a method from within its struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SiblingMethod {
    pub function: FuncIndex,
    pub name: Symbol,
    /// Where the struct itself is found, if it is a local one: its methods may then be closures.
    pub owner: Option<NameRef>,
}

/// A value that a name is known to have whenever it can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StaticValue {
    Function(FuncIndex),
    Struct(StructIndex),
    Module(ModuleIndex),
}

/// A local variable: a parameter, `let`, loop variable, `catch` variable, or a `fn`, `struct` or `import` in a block.
#[derive(Clone, Copy, Debug)]
pub struct Var {
    pub name: Symbol,
    pub span: Span,
    /// What it is bound to by its declaration; the truth only while [`Var::is_static`].
    pub value: Option<StaticValue>,
    /// Whether the name always means [`Var::value`], so that it needs no register. [`FileScopes::finalise`] decides it.
    pub is_static: bool,
    /// Whether its register holds a cell, because a closure shares it and it may change after capture.
    pub in_cell: bool,
    /// Whether anything but its declaration assigns to it.
    pub reassigned: bool,
    used: bool,
    /// Its `let`, up to its name, if that begins its value with an outer variable of the same name: `let n = n + 1`.
    renews: Option<Span>,
    /// Whether it is read other than to be called, so that one may find out which function or struct it is.
    is_value: bool,
    /// Depth of the function that declares it.
    function_depth: u32,
    scope: u32,
    /// How many loops of its function were open where it was declared.
    loop_depth: u32,
    last_assignment: u32,
    /// From this moment of the walk on, a closure may hold a copy. `u32::MAX` if none captures it.
    captured_from: u32,
}

/// Where a closure finds a captured variable, in the frame that makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaptureFrom {
    Var(VarId),
    /// A capture of the enclosing function, by position in its [`FunctionScope::captures`].
    Outer(u16),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capture {
    pub var: VarId,
    pub from: CaptureFrom,
    /// Position among the captures that are kept at run time; absent for a static variable or a constant, and before
    /// [`FileScopes::finalise`].
    pub slot: Option<u16>,
}

/// What resolving found out about one function of a tree.
#[derive(Clone, Debug)]
pub struct FunctionScope {
    pub index: FuncIndex,
    /// The parameters, in order.
    pub params: Vec<VarId>,
    pub captures: Vec<Capture>,
    /// Whether its text mentions a variable of an enclosing function or block but its own name, or its struct's: it is
    /// then a new function each time it is evaluated, even if it needs none of them to run.
    pub mentions_outer: bool,
    /// The struct it is a method of, as an index into the tree's structs.
    pub method_of: Option<StructId>,
    pub takes_self: bool,
}

/// What resolving found out about one struct of a tree.
#[derive(Clone, Debug)]
pub struct StructScope {
    pub index: StructIndex,
    /// Fields with a fixed slot: those assigned through `self` in the methods, in order of appearance.
    pub fields: Vec<Symbol>,
}

/// A top-level name.
#[derive(Clone, Copy, Debug)]
pub struct Global {
    pub name: Symbol,
    pub module: ModuleIndex,
    pub span: Span,
    /// What its only definition binds; the truth only if it is not reassigned.
    pub value: Option<StaticValue>,
    /// Defined more than once or assigned to.
    pub reassigned: bool,
    /// Whether other modules see it: `let`, `fn` and `struct` names.
    pub exported: bool,
    /// `core`, which no statement binds.
    pub implicit: bool,
}

impl Global {
    /// What the name always means, if that is known.
    pub fn static_value(&self) -> Option<StaticValue> {
        if self.reassigned { None } else { self.value }
    }

    /// Whether it exists at run time: a module alias that never changes does not.
    pub fn is_materialized(&self) -> bool {
        self.exported || !matches!(self.static_value(), Some(StaticValue::Module(_)))
    }
}

/// The side tables of one file, indexed as its tree is.
#[derive(Clone, Debug, Default)]
pub struct FileScopes {
    /// By expression; only names have one.
    pub names: Vec<NameRef>,
    /// The variables of those names that are a [`NameRef::Capture`].
    pub captured: FxHashMap<ExprId, VarId>,
    /// By statement: the variable it declares, if it declares a local one. If it declares several, they follow the
    /// first.
    pub declared: Vec<Option<VarId>>,
    /// The global that each top-level definition binds, in source order.
    pub defined: Vec<(StmtId, GlobalIndex)>,
    pub vars: Vec<Var>,
    pub sibling_methods: Vec<SiblingMethod>,
    pub functions: Vec<FunctionScope>,
    pub structs: Vec<StructScope>,
    /// The function that is the file's body.
    pub body: FuncIndex,
}

impl Default for FuncIndex {
    fn default() -> Self {
        FuncIndex(u32::MAX)
    }
}

impl FileScopes {
    pub fn var(&self, id: VarId) -> &Var {
        &self.vars[id.0 as usize]
    }
}

/// What resolving found out about a program.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    /// By module; standard modules have none.
    pub files: Vec<Option<FileScopes>>,
    pub globals: Vec<Global>,
    /// By module: its globals in order of definition.
    pub module_globals: Vec<Vec<GlobalIndex>>,
    globals_by_name: FxHashMap<(ModuleIndex, Symbol), GlobalIndex>,
    /// How many functions and structs the program has.
    pub function_count: u32,
    pub struct_count: u32,
}

impl Resolution {
    pub fn global(&self, index: GlobalIndex) -> &Global {
        &self.globals[index.0 as usize]
    }

    /// The global that a module exports under a name.
    pub fn export(&self, module: ModuleIndex, name: Symbol) -> Option<GlobalIndex> {
        let index = *self.globals_by_name.get(&(module, name))?;
        self.global(index).exported.then_some(index)
    }
}
