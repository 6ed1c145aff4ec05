//! Which expressions have a value that is known now: literals, operators on such values, and variables that are
//! initialised with one and never assigned again.
//!
//! A local variable is read only after its `let` has run, since its scope begins there and nothing jumps into a scope.
//! A global can be read earlier, by a function that is called too soon, and that is an error which must stay. So a read
//! of a global counts only where its `let` is sure to have run. Statements of a file run in order, so that holds for
//! all that stands in a later statement, closures included. A function or struct of the file itself runs when something
//! mentions it: the earliest statement that does, directly or through other functions, is found by going along mentions
//! ([`Timeline`]). Other modules can call it through their alias of the module. They come too late to matter if every
//! module imports before anything of its own may run, and if imports stand at the top level only, where an error in a
//! module's body ends the program. In a program where that is not so, functions take no global for a constant.
//!
//! Constants stay variables: a global is stored, as others may look at it through its module, and a local has its
//! register, since that is as quick to read as a constant where an instruction has no form with one. Closures do not
//! carry them.

use rustc_hash::FxHashMap;

use super::fold::{self, Folded, Known, Origin};
use crate::resolve::graph::{FileModule, ModuleGraph, ModuleSource};
use crate::resolve::{FileScopes, GlobalIndex, ModuleIndex, NameRef, Resolution, StaticValue, VarId};
use crate::syntax::Interner;
use crate::syntax::ast::{Ast, ExprId, ExprKind, LogicOp, StmtKind, Symbol};

/// The known values of a file.
#[derive(Default)]
pub(super) struct Constants {
    known: Vec<Known>,
    /// By expression, other than literals: its place in `known`, or [`UNKNOWN`].
    exprs: Vec<u32>,
    /// By variable: likewise.
    locals: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl Constants {
    /// The value of an expression, if it is known.
    pub fn value(&self, ast: &Ast, expr: ExprId) -> Option<Known> {
        let value = match ast.expr(expr).kind {
            ExprKind::Int(value) => Folded::Int(value),
            ExprKind::Float(value) => Folded::Float(value),
            ExprKind::Bool(value) => Folded::Bool(value),
            ExprKind::Str(text) => Folded::Str(text),
            ExprKind::Void => Folded::Void,
            _ => return self.known.get(self.exprs[expr.0 as usize] as usize).copied(),
        };
        Some(Known { value, origin: Origin::Literals })
    }

    pub fn is_constant(&self, var: VarId) -> bool {
        self.local(var).is_some()
    }

    fn local(&self, var: VarId) -> Option<Known> {
        self.known.get(self.locals[var.0 as usize] as usize).copied()
    }
}

/// Finds the constants of every file.
pub(super) fn find(graph: &ModuleGraph, resolution: &Resolution, interner: &mut Interner) -> Vec<Constants> {
    let mut all: Vec<Constants> = graph.modules.iter().map(|_| Constants::default()).collect();
    let timelines: Vec<Option<Timeline>> = (0..graph.modules.len() as u32)
        .map(|index| {
            file(graph, resolution, ModuleIndex(index)).map(|(file, scopes)| Timeline::of(file, scopes, resolution))
        })
        .collect();
    let is_orderly = timelines.iter().flatten().all(|timeline| timeline.imports_first);
    let mut globals = vec![None; resolution.globals.len()];
    for module in imported_first(graph) {
        let index = module.0 as usize;
        let (Some((file, scopes)), Some(timeline)) = (file(graph, resolution, module), &timelines[index]) else {
            continue;
        };
        let mut search = Search {
            file,
            scopes,
            resolution,
            timeline,
            is_orderly,
            module,
            globals: &mut globals,
            interner,
            found: &mut all[index],
        };
        search.run();
    }
    all
}

fn file<'a>(
    graph: &'a ModuleGraph,
    resolution: &'a Resolution,
    module: ModuleIndex,
) -> Option<(&'a FileModule, &'a FileScopes)> {
    let ModuleSource::File(file) = &graph.modules[module.0 as usize].source else { return None };
    Some((file, resolution.files[module.0 as usize].as_ref()?))
}

/// The modules, each after those it imports.
fn imported_first(graph: &ModuleGraph) -> Vec<ModuleIndex> {
    let imports = |module: ModuleIndex| match &graph.modules[module.0 as usize].source {
        ModuleSource::File(file) => file.imports.as_slice(),
        ModuleSource::Std(_) => &[],
    };
    let mut order = Vec::with_capacity(graph.modules.len());
    let mut visited = vec![false; graph.modules.len()];
    // The first module imports all others, but for `core`, which is no file.
    let mut open = vec![(ModuleIndex(0), 0)];
    visited[0] = true;
    while let Some((module, next)) = open.last_mut() {
        match imports(*module).get(*next) {
            Some(binding) => {
                *next += 1;
                if let Some(import) = binding.module
                    && !std::mem::replace(&mut visited[import.0 as usize], true)
                {
                    open.push((import, 0));
                }
            }
            None => {
                order.push(*module);
                open.pop();
            }
        }
    }
    order
}

/// When the parts of a file can run, counted in its top-level statements.
struct Timeline {
    /// Where each top-level statement ends.
    ends: Vec<u32>,
    /// By top-level statement: the statement that is the first to run its code. For a definition, the first that may
    /// call it.
    runs_from: Vec<u32>,
    is_definition: Vec<bool>,
    /// Whether all imports of files are at the top level, before any function of the file can run or exist.
    imports_first: bool,
}

const NEVER: u32 = u32::MAX;

impl Timeline {
    fn of(file: &FileModule, scopes: &FileScopes, resolution: &Resolution) -> Self {
        let ast = &file.ast;
        let root = ast.block(ast.root);
        let mut timeline = Timeline {
            ends: root.iter().map(|&stmt| ast.stmt(stmt).span.hi).collect(),
            runs_from: (0..root.len() as u32).collect(),
            is_definition: vec![false; root.len()],
            imports_first: true,
        };
        let mut definitions: FxHashMap<GlobalIndex, usize> = FxHashMap::default();
        let mut defined = scopes.defined.iter().copied().peekable();
        for (index, &stmt) in root.iter().enumerate() {
            while let Some((_, global)) = defined.next_if(|&(defining, _)| defining == stmt) {
                if let StmtKind::Function(_) | StmtKind::Struct(_) = ast.stmt(stmt).kind {
                    timeline.is_definition[index] = true;
                    timeline.runs_from[index] = NEVER;
                    definitions.insert(global, index);
                }
            }
        }
        let mentions = timeline.mentions(file, scopes, &definitions);
        timeline.imports_first = timeline.imports_come_first(file, resolution, &mentions);
        timeline.follow(&mentions);
        timeline
    }

    /// The top-level statement around a place.
    fn statement_at(&self, offset: u32) -> usize {
        self.ends.partition_point(|&end| end <= offset).min(self.ends.len().saturating_sub(1))
    }

    /// By top-level statement: the definitions of the file that it names.
    fn mentions(
        &self,
        file: &FileModule,
        scopes: &FileScopes,
        definitions: &FxHashMap<GlobalIndex, usize>,
    ) -> Vec<Vec<usize>> {
        let mut mentions = vec![Vec::new(); self.ends.len()];
        if definitions.is_empty() {
            return mentions;
        }
        for (name, expr) in scopes.names.iter().zip(&file.ast.exprs) {
            if let NameRef::Global(global) = name
                && let Some(&definition) = definitions.get(global)
            {
                let list = &mut mentions[self.statement_at(expr.span.lo)];
                if list.last() != Some(&definition) {
                    list.push(definition);
                }
            }
        }
        mentions
    }

    fn imports_come_first(&self, file: &FileModule, resolution: &Resolution, mentions: &[Vec<usize>]) -> bool {
        let ast = &file.ast;
        let is_file = |module: ModuleIndex| resolution.files[module.0 as usize].is_some();
        let root = ast.block(ast.root);
        let mut last = 0;
        for binding in file.imports.iter().filter(|binding| binding.module.is_some_and(is_file)) {
            let statement = self.statement_at(ast.stmt(binding.stmt).span.lo);
            if root[statement] != binding.stmt {
                return false;
            }
            last = last.max(statement);
        }
        let before = |statement: &usize| *statement < last && !self.is_definition[*statement];
        let makes_closures = ast
            .functions
            .iter()
            .map(|function| self.statement_at(function.span.lo))
            .any(|statement| before(&statement));
        !makes_closures && (0..last).filter(before).all(|statement| mentions[statement].is_empty())
    }

    /// Takes from each statement, in order, what can run from it on.
    fn follow(&mut self, mentions: &[Vec<usize>]) {
        let mut open = Vec::new();
        for statement in 0..self.ends.len() {
            if self.is_definition[statement] {
                continue;
            }
            open.push(statement);
            while let Some(from) = open.pop() {
                for &definition in &mentions[from] {
                    if self.runs_from[definition] == NEVER {
                        self.runs_from[definition] = statement as u32;
                        open.push(definition);
                    }
                }
            }
        }
    }
}

/// A global that is initialised with a known value and never assigned.
#[derive(Clone, Copy)]
struct GlobalConstant {
    known: Known,
    /// The top-level statement that is its `let`.
    statement: u32,
}

/// The search of one file.
struct Search<'a> {
    file: &'a FileModule,
    scopes: &'a FileScopes,
    resolution: &'a Resolution,
    timeline: &'a Timeline,
    is_orderly: bool,
    module: ModuleIndex,
    globals: &'a mut [Option<GlobalConstant>],
    interner: &'a mut Interner,
    found: &'a mut Constants,
}

impl Search<'_> {
    fn run(&mut self) {
        let ast = &self.file.ast;
        self.found.exprs = vec![UNKNOWN; ast.exprs.len()];
        self.found.locals = vec![UNKNOWN; self.scopes.vars.len()];
        let mut lets: FxHashMap<ExprId, VarId> = FxHashMap::default();
        for (index, stmt) in ast.stmts.iter().enumerate() {
            if let (StmtKind::Let { value, .. }, Some(var)) = (stmt.kind, self.scopes.declared[index])
                && !self.scopes.var(var).reassigned
            {
                lets.insert(value, var);
            }
        }
        for &(stmt, global) in &self.scopes.defined {
            if let StmtKind::Let { value, .. } = ast.stmt(stmt).kind
                && !self.resolution.global(global).reassigned
            {
                let statement = self.timeline.statement_at(ast.stmt(stmt).span.lo) as u32;
                // A function may stand before the globals that it reads, so they come first.
                if let Some(known) = self.operators(value) {
                    self.globals[global.0 as usize] = Some(GlobalConstant { known, statement });
                }
            }
        }
        // No recursion, as the parser makes operands before the expressions they belong to, and a local's `let` before
        // its uses.
        for expr in (0..ast.exprs.len() as u32).map(ExprId) {
            let Some(known) = self.visit(expr) else { continue };
            if let Some(var) = lets.get(&expr) {
                self.found.locals[var.0 as usize] = self.found.known.len() as u32;
                self.found.known.push(known);
            }
        }
    }

    /// Operators on operators, and their value.
    fn operators(&mut self, whole: ExprId) -> Option<Known> {
        let mut parts = vec![whole];
        let mut index = 0;
        while let Some(&part) = parts.get(index) {
            index += 1;
            match self.file.ast.expr(part).kind {
                ExprKind::Paren(inner) | ExprKind::Unary { operand: inner, .. } => parts.push(inner),
                ExprKind::Binary { left, right, .. } | ExprKind::Logic { left, right, .. } => {
                    parts.extend([left, right]);
                }
                _ => {}
            }
        }
        // An operand comes after what it belongs to.
        parts.into_iter().rev().map(|part| self.visit(part)).last().flatten()
    }

    /// Evaluates an expression whose operands were visited.
    fn visit(&mut self, expr: ExprId) -> Option<Known> {
        let known = self.evaluate(expr)?;
        let place = &mut self.found.exprs[expr.0 as usize];
        if *place == UNKNOWN && !is_literal(self.file.ast.expr(expr).kind) {
            *place = self.found.known.len() as u32;
            self.found.known.push(known);
        }
        Some(known)
    }

    fn evaluate(&mut self, expr: ExprId) -> Option<Known> {
        let ast = &self.file.ast;
        let get = |id: ExprId| self.found.value(ast, id);
        match ast.expr(expr).kind {
            ExprKind::Paren(inner) => get(inner),
            ExprKind::Unary { op, operand } => {
                let Known { value, origin } = get(operand)?;
                Some(Known { value: fold::unary(op, value, self.interner)?, origin })
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (get(left)?, get(right)?);
                let value = fold::binary(op, left.value, right.value, self.interner)?;
                Some(Known { value, origin: left.origin.max(right.origin) })
            }
            ExprKind::Logic { op, left, right } => {
                let left = get(left)?;
                if left.value.is_truthy(self.interner) == (op == LogicOp::Or) {
                    return Some(left);
                }
                let right = get(right)?;
                Some(Known { value: right.value, origin: left.origin.max(right.origin) })
            }
            ExprKind::If { condition, then, otherwise } => {
                let condition = get(condition)?;
                let taken = get(if condition.value.is_truthy(self.interner) { then } else { otherwise })?;
                Some(Known { value: taken.value, origin: condition.origin.max(taken.origin) })
            }
            ExprKind::Name(_) => self.name(expr),
            ExprKind::Member { object, name } => self.member(object, name.name),
            _ => get(expr),
        }
    }

    fn name(&self, expr: ExprId) -> Option<Known> {
        let (known, origin) = match self.scopes.names[expr.0 as usize] {
            NameRef::Local(var) => (self.found.local(var)?, Origin::Locals),
            NameRef::Capture(_) => (self.found.local(*self.scopes.captured.get(&expr)?)?, Origin::Settings),
            NameRef::Global(global) => {
                let constant = self.globals[global.0 as usize]?;
                let statement = self.timeline.statement_at(self.file.ast.expr(expr).span.lo);
                let is_set = constant.statement < self.timeline.runs_from[statement];
                if !is_set || (self.timeline.is_definition[statement] && !self.is_orderly) {
                    return None;
                }
                (constant.known, Origin::Settings)
            }
            NameRef::SiblingMethod(_) | NameRef::Unresolved => return None,
        };
        Some(Known { value: known.value, origin: known.origin.max(origin) })
    }

    /// `module.name`: what the statements of a file that imports first can say only after the module's body has run.
    fn member(&self, object: ExprId, name: Symbol) -> Option<Known> {
        let NameRef::Global(alias) = self.scopes.names[object.0 as usize] else { return None };
        let StaticValue::Module(module) = self.resolution.global(alias).static_value()? else { return None };
        if !self.is_orderly || module == self.module {
            return None;
        }
        let constant = self.globals[self.resolution.export(module, name)?.0 as usize]?;
        Some(Known { origin: Origin::Settings, ..constant.known })
    }
}

fn is_literal(kind: ExprKind) -> bool {
    matches!(kind, ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) | ExprKind::Void)
}
