//! The walk over one file that gives every name its meaning.
//!
//! Names are looked up in constant time: `innermost` holds, for each symbol, the variable it means right now, and
//! leaving a scope restores what it hid. The walk numbers its moments (`now`), which is how it knows whether a captured
//! variable may change after a closure has copied it: an assignment after the capture, or in a loop that both stand in,
//! needs a cell.

mod undefined;

use rustc_hash::{FxHashMap, FxHashSet};

use super::graph::{ImportBinding, ModuleGraph, ModuleSource};
use super::suggest::unused_variable;
use super::{
    Capture, CaptureFrom, FileScopes, FuncIndex, FunctionScope, Global, GlobalIndex, ModuleIndex, NameRef, Resolution,
    SiblingMethod, StaticValue, StructIndex, StructScope, Var, VarId,
};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::syntax::Interner;
use crate::syntax::ast::{
    AssignOp, Ast, Block, ExprId, ExprKind, ExprList, FunctionId, Ident, IdentList, StmtId, StmtKind, StructId, Symbol,
};

/// Resolves every file of the program.
pub fn resolve(graph: &ModuleGraph, interner: &mut Interner, diagnostics: &mut Diagnostics) -> Resolution {
    let symbols = Symbols { self_: interner.intern("self"), core: interner.intern("core") };
    let mut resolution = Resolution { files: vec![None; graph.modules.len()], ..Resolution::default() };
    resolution.module_globals = vec![Vec::new(); graph.modules.len()];
    let core = graph.modules.iter().position(|module| matches!(module.source, ModuleSource::Std("std/core")));
    let mut innermost = vec![None; interner.len()];
    for (index, module) in graph.modules.iter().enumerate() {
        if let ModuleSource::File(file) = &module.source {
            let mut walk = FileWalk {
                ast: &file.ast,
                imports: &file.imports,
                module: ModuleIndex(index as u32),
                core: core.map(|core| ModuleIndex(core as u32)),
                symbols,
                interner,
                diagnostics,
                resolution: &mut resolution,
                scopes: FileScopes::default(),
                innermost: &mut innermost,
                hidden: Vec::new(),
                open_scopes: Vec::new(),
                scope_count: 0,
                functions: Vec::new(),
                structs: Vec::new(),
                capture_slots: FxHashMap::default(),
                noted_fields: FxHashSet::default(),
                assigned_undefined: FxHashSet::default(),
                is_key: false,
                is_target: false,
                is_updated: false,
                spine: Vec::new(),
                now: 0,
                suggestions_left: 20,
            };
            walk.file();
            let scopes = walk.scopes;
            resolution.files[index] = Some(scopes);
        }
    }
    resolution
}

#[derive(Clone, Copy)]
struct Symbols {
    self_: Symbol,
    core: Symbol,
}

/// A function whose body is being walked.
struct OpenFunction {
    /// `None` for the file's body.
    id: Option<FunctionId>,
    captures: Vec<Capture>,
    /// The moment each open loop began.
    loops: Vec<u32>,
    /// The variable called `self`, in a method that takes it, and the method's struct.
    self_param: Option<(VarId, StructId)>,
}

/// A struct whose methods are being walked.
struct OpenStruct {
    id: StructId,
    /// The variable it is bound to, if it stands in a block.
    var: Option<VarId>,
    /// Its methods by name, once a bare name has been looked for among them.
    methods: Option<FxHashMap<Symbol, FunctionId>>,
}

struct OpenScope {
    hidden: usize,
    first_var: usize,
    id: u32,
}

struct FileWalk<'a> {
    ast: &'a Ast,
    imports: &'a [ImportBinding],
    module: ModuleIndex,
    core: Option<ModuleIndex>,
    symbols: Symbols,
    interner: &'a Interner,
    diagnostics: &'a mut Diagnostics,
    resolution: &'a mut Resolution,
    scopes: FileScopes,
    innermost: &'a mut Vec<Option<VarId>>,
    /// What the declarations of the open scopes have hidden, to be restored.
    hidden: Vec<(Symbol, Option<VarId>)>,
    open_scopes: Vec<OpenScope>,
    scope_count: u32,
    functions: Vec<OpenFunction>,
    structs: Vec<OpenStruct>,
    capture_slots: FxHashMap<(u32, VarId), u16>,
    /// The fields that have a slot, so that a struct with many takes no longer for each.
    noted_fields: FxHashSet<(StructId, Symbol)>,
    /// Undefined names that were assigned to, by the function they stand in: defining them is one thing to mend,
    /// however often they are used.
    assigned_undefined: FxHashSet<(Option<FunctionId>, Symbol)>,
    /// Whether the name being walked is a key of a dict, or all that a plain assignment assigns to.
    is_key: bool,
    is_target: bool,
    /// Whether the target is of an assignment that takes its value first, such as `+=`.
    is_updated: bool,
    /// Right operands of the binary chains being walked.
    spine: Vec<ExprId>,
    now: u32,
    /// Looking for similar names costs time in proportion to all names, so a file full of errors gets only so many.
    suggestions_left: u32,
}

impl FileWalk<'_> {
    fn file(&mut self) {
        self.number_definitions();
        self.scopes.names = vec![NameRef::Unresolved; self.ast.exprs.len()];
        self.scopes.declared = vec![None; self.ast.stmts.len()];
        self.hoist();
        self.functions.push(OpenFunction { id: None, captures: Vec::new(), loops: Vec::new(), self_param: None });
        for &stmt in self.ast.block(self.ast.root) {
            self.root_statement(stmt);
        }
        self.functions.pop();
    }

    /// Gives the file's functions and structs their numbers, in source order.
    fn number_definitions(&mut self) {
        let first = self.resolution.function_count;
        self.scopes.body = FuncIndex(first);
        let mut order: Vec<usize> = (0..self.ast.functions.len()).collect();
        order.sort_by_key(|&id| self.ast.functions[id].span.lo);
        let unnumbered = FunctionScope {
            index: FuncIndex::default(),
            params: Vec::new(),
            captures: Vec::new(),
            mentions_outer: false,
            method_of: None,
            takes_self: false,
        };
        self.scopes.functions = vec![unnumbered; order.len()];
        for (position, id) in order.iter().enumerate() {
            self.scopes.functions[*id].index = FuncIndex(first + 1 + position as u32);
        }
        self.resolution.function_count += 1 + order.len() as u32;

        let first = self.resolution.struct_count;
        let mut order: Vec<usize> = (0..self.ast.structs.len()).collect();
        order.sort_by_key(|&id| self.ast.structs[id].span.lo);
        self.scopes.structs = vec![StructScope { index: StructIndex(0), fields: Vec::new() }; order.len()];
        for (position, id) in order.iter().enumerate() {
            self.scopes.structs[*id].index = StructIndex(first + position as u32);
        }
        self.resolution.struct_count += order.len() as u32;
    }

    /// Defines the file's top-level names, which are visible everywhere in it.
    fn hoist(&mut self) {
        for &stmt in self.ast.block(self.ast.root) {
            let (name, value) = match self.ast.stmt(stmt).kind {
                StmtKind::Let { name, .. } => (name, None),
                StmtKind::LetEach { names, .. } => {
                    for &name in self.ast.names(names) {
                        let global = self.define_global(name, None, false);
                        self.scopes.defined.push((stmt, global));
                    }
                    continue;
                }
                StmtKind::Function(id) => match self.ast.function(id).name {
                    Some(name) => (name, Some(StaticValue::Function(self.scopes.functions[id.0 as usize].index))),
                    None => continue,
                },
                StmtKind::Struct(id) => {
                    let index = self.scopes.structs[id.0 as usize].index;
                    (self.ast.struct_def(id).name, Some(StaticValue::Struct(index)))
                }
                StmtKind::Import { .. } => match self.import_binding(stmt) {
                    Some(binding) => (binding.name, binding.module.map(StaticValue::Module)),
                    None => continue,
                },
                _ => continue,
            };
            let is_import = matches!(self.ast.stmt(stmt).kind, StmtKind::Import { .. });
            let global = self.define_global(name, value, is_import);
            self.scopes.defined.push((stmt, global));
        }
    }

    fn define_global(&mut self, name: Ident, value: Option<StaticValue>, is_import: bool) -> GlobalIndex {
        let exported = !is_import;
        let is_definition = |value| matches!(value, Some(StaticValue::Function(_) | StaticValue::Struct(_)));
        if let Some(&index) = self.resolution.globals_by_name.get(&(self.module, name.name)) {
            let old = self.resolution.globals[index.0 as usize];
            if is_definition(value) && is_definition(old.value) {
                let text = self.interner.get(name.name);
                self.diagnostics.push(
                    Diagnostic::error("E0303", format!("Duplicate definition of '{text}'"), name.span)
                        .labelled("defined again here")
                        .with_label(old.span, "first defined here"),
                );
            }
            let global = &mut self.resolution.globals[index.0 as usize];
            global.exported |= exported;
            // Importing the same module twice under one name changes nothing.
            global.reassigned |= exported || old.value != value;
            if is_definition(value) {
                global.value = value;
            }
            return index;
        }
        self.add_global(Global {
            name: name.name,
            module: self.module,
            span: name.span,
            value,
            reassigned: false,
            exported,
            implicit: false,
        })
    }

    fn add_global(&mut self, global: Global) -> GlobalIndex {
        let index = GlobalIndex(self.resolution.globals.len() as u32);
        self.resolution.globals_by_name.insert((self.module, global.name), index);
        self.resolution.globals.push(global);
        self.resolution.module_globals[self.module.0 as usize].push(index);
        index
    }

    fn import_binding(&self, stmt: StmtId) -> Option<ImportBinding> {
        let index = self.imports.binary_search_by_key(&stmt, |binding| binding.stmt).ok()?;
        Some(self.imports[index])
    }

    // Scopes and variables.

    fn open_scope(&mut self) {
        self.scope_count += 1;
        self.open_scopes.push(OpenScope {
            hidden: self.hidden.len(),
            first_var: self.scopes.vars.len(),
            id: self.scope_count,
        });
    }

    fn close_scope(&mut self) {
        let scope = self.open_scopes.pop().expect("scopes are opened and closed in pairs");
        for (name, var) in self.hidden.drain(scope.hidden..).rev() {
            self.innermost[name.0 as usize] = var;
        }
    }

    fn depth(&self) -> u32 {
        self.functions.len() as u32 - 1
    }

    /// Declares a variable in the innermost scope.
    fn declare(&mut self, name: Ident, value: Option<StaticValue>) -> VarId {
        let scope = self.open_scopes.last().map_or(0, |scope| scope.id);
        let hidden = self.innermost[name.name.0 as usize];
        if let Some(old) = hidden
            && self.scopes.var(old).scope == scope
        {
            let text = self.interner.get(name.name);
            let old = self.scopes.var(old).span;
            self.diagnostics.push(
                Diagnostic::error("E0302", format!("Cannot redefine local variable with name '{text}'"), name.span)
                    .with_label(old, "first defined here")
                    .with_help(format!("to change the variable, assign to it: {text} = …")),
            );
        }
        let var = VarId(self.scopes.vars.len() as u32);
        self.scopes.vars.push(Var {
            name: name.name,
            span: name.span,
            value,
            is_static: false,
            in_cell: false,
            reassigned: false,
            used: false,
            renews: None,
            is_value: false,
            function_depth: self.depth(),
            scope,
            loop_depth: self.functions.last().map_or(0, |function| function.loops.len() as u32),
            last_assignment: 0,
            captured_from: u32::MAX,
        });
        self.hidden.push((name.name, hidden));
        self.innermost[name.name.0 as usize] = Some(var);
        var
    }

    fn tick(&mut self) -> u32 {
        self.now += 1;
        self.now
    }

    /// A reference to a variable from the function being walked, capturing it if it belongs to an outer one.
    fn refer(&mut self, var: VarId) -> NameRef {
        let home = self.scopes.var(var).function_depth;
        if home == self.depth() {
            return NameRef::Local(var);
        }
        let moment = self.tick();
        let loops = &self.functions[home as usize].loops;
        let variable = &mut self.scopes.vars[var.0 as usize];
        // A loop that began after the variable runs the assignment before it, too, after the capture.
        let from = loops.get(variable.loop_depth as usize).copied().unwrap_or(moment);
        variable.in_cell |= variable.last_assignment >= from;
        variable.captured_from = variable.captured_from.min(from);

        let mut from = CaptureFrom::Var(var);
        for depth in home + 1..=self.depth() {
            let function = &mut self.functions[depth as usize];
            let id = function.id.expect("only the outermost function is the file's body");
            let slot = *self.capture_slots.entry((id.0, var)).or_insert_with(|| {
                function.captures.push(Capture { var, from, slot: None });
                (function.captures.len() - 1).min(usize::from(u16::MAX)) as u16
            });
            from = CaptureFrom::Outer(slot);
        }
        match from {
            CaptureFrom::Outer(slot) => NameRef::Capture(slot),
            CaptureFrom::Var(_) => unreachable!("the variable belongs to an outer function"),
        }
    }

    /// What a name means here; reports it if it means nothing.
    fn look_up(&mut self, name: Symbol, span: Span) -> NameRef {
        if let Some(var) = self.innermost[name.0 as usize] {
            self.scopes.vars[var.0 as usize].used = true;
            return self.refer(var);
        }
        if let Some(&index) = self.resolution.globals_by_name.get(&(self.module, name)) {
            let global = self.resolution.global(index);
            if let Some(StaticValue::Module(_)) = global.static_value()
                && self.functions.len() == 1
                && span.hi <= global.span.lo
            {
                let text = self.interner.get(name);
                let import = global.span;
                self.diagnostics.push(
                    Diagnostic::error("E0301", format!("Undefined variable '{text}'"), span)
                        .labelled("used before its import")
                        .with_label(import, "imported here"),
                );
            }
            return NameRef::Global(index);
        }
        if name == self.symbols.core
            && let Some(core) = self.core
        {
            return NameRef::Global(self.add_global(Global {
                name,
                module: self.module,
                span: Span::new(span.file, 0, 0),
                value: Some(StaticValue::Module(core)),
                reassigned: false,
                exported: false,
                implicit: true,
            }));
        }
        if let Some(method) = self.sibling_method(name) {
            return method;
        }
        self.report_undefined(name, span);
        NameRef::Unresolved
    }

    fn sibling_method(&mut self, name: Symbol) -> Option<NameRef> {
        for position in (0..self.structs.len()).rev() {
            let OpenStruct { id, var, ref mut methods } = self.structs[position];
            let methods = methods.get_or_insert_with(|| {
                // The first of several with one name, which are an error.
                let methods = self.ast.struct_def(id).methods.iter().rev();
                methods.filter_map(|&method| Some((self.ast.function(method).name?.name, method))).collect()
            });
            let method = methods.get(&name).copied();
            if let Some(method) = method {
                let owner = var.map(|var| self.refer(var));
                let function = self.scopes.functions[method.0 as usize].index;
                self.scopes.sibling_methods.push(SiblingMethod { function, name, owner });
                return Some(NameRef::SiblingMethod(self.scopes.sibling_methods.len() as u32 - 1));
            }
        }
        None
    }

    /// Notes that a name is assigned to.
    fn assign(&mut self, reference: NameRef) {
        let moment = self.tick();
        let var = match reference {
            NameRef::Local(var) => var,
            NameRef::Capture(_) => {
                let var = self.variable(reference).expect("a capture is of a variable");
                self.scopes.vars[var.0 as usize].in_cell = true;
                var
            }
            NameRef::Global(index) => {
                self.resolution.globals[index.0 as usize].reassigned = true;
                return;
            }
            NameRef::SiblingMethod(_) | NameRef::Unresolved => return,
        };
        let var = &mut self.scopes.vars[var.0 as usize];
        var.reassigned = true;
        var.last_assignment = moment;
        var.in_cell |= var.captured_from != u32::MAX;
    }

    // Statements.

    /// A statement of the file itself, whose definitions are globals.
    fn root_statement(&mut self, stmt: StmtId) {
        match self.ast.stmt(stmt).kind {
            StmtKind::Let { value, .. } => self.expr(value),
            StmtKind::LetEach { values, .. } => self.exprs(values),
            StmtKind::Function(id) => self.function(id, None, None),
            StmtKind::Struct(id) => self.struct_def(id, None),
            StmtKind::Import { .. } => {}
            _ => self.statement(stmt),
        }
    }

    fn block(&mut self, block: Block) {
        self.open_scope();
        self.statements(block);
        self.close_scope();
    }

    fn statements(&mut self, block: Block) {
        for &stmt in self.ast.block(block) {
            self.statement(stmt);
        }
        self.report_unused();
    }

    /// Warns about the innermost scope's variables that nothing reads.
    fn report_unused(&mut self) {
        let scope = self.open_scopes.last().expect("statements stand in a scope");
        let (first, id) = (scope.first_var, scope.id);
        for var in first..self.scopes.vars.len() {
            let var = self.scopes.vars[var];
            let text = self.interner.get(var.name);
            if var.scope == id && !var.used && var.value.is_none() && !text.starts_with('_') {
                self.diagnostics.push(unused_variable(&var, text));
            }
        }
    }

    /// Whether a value is an operation whose leftmost operand is this name.
    fn begins_with(&self, mut value: ExprId, name: Symbol) -> bool {
        let ExprKind::Binary { .. } = self.ast.expr(value).kind else { return false };
        while let ExprKind::Binary { left, .. } = self.ast.expr(value).kind {
            value = left;
        }
        self.ast.expr(value).kind == ExprKind::Name(name)
    }

    fn statement(&mut self, stmt: StmtId) {
        let span = self.ast.stmt(stmt).span;
        match self.ast.stmt(stmt).kind {
            StmtKind::Let { name, value } => {
                self.expr(value);
                let var = self.declare(name, None);
                let r#let = Span::new(span.file, span.lo, name.span.lo);
                self.scopes.vars[var.0 as usize].renews = self.begins_with(value, name.name).then_some(r#let);
                self.scopes.declared[stmt.0 as usize] = Some(var);
            }
            StmtKind::LetEach { names, values } => {
                self.exprs(values);
                self.declare_all(stmt, names);
            }
            StmtKind::Assign { target, op, value } => self.assignment(target, op, Some(value)),
            StmtKind::AssignEach { targets, values } => {
                self.exprs(values);
                for &target in self.ast.list(targets) {
                    self.assignment(target, AssignOp::Plain, None);
                }
            }
            StmtKind::Expr(value) | StmtKind::Throw(value) => self.expr(value),
            StmtKind::Print { items, .. } => self.exprs(items),
            StmtKind::If { .. } => self.if_chain(stmt),
            StmtKind::While { condition, body } => {
                self.open_loop();
                self.expr(condition);
                self.block(body);
                self.close_loop();
            }
            StmtKind::For { names, iterable, body } => {
                self.expr(iterable);
                self.open_loop();
                self.open_scope();
                self.declare_all(stmt, names);
                self.block(body);
                self.close_scope();
                self.close_loop();
            }
            StmtKind::Break => self.check_in_loop("E0304", "Break", span),
            StmtKind::Continue => self.check_in_loop("E0305", "Continue", span),
            StmtKind::Return(value) => {
                if self.functions.len() == 1 {
                    self.diagnostics.push(Diagnostic::error("E0306", "Return statement outside of function", span));
                }
                if let Some(value) = value {
                    self.expr(value);
                }
            }
            StmtKind::Try { body, error, handler } => {
                self.block(body);
                self.open_scope();
                self.scopes.declared[stmt.0 as usize] = Some(self.declare(error, None));
                self.block(handler);
                self.close_scope();
            }
            StmtKind::Function(id) => {
                let value = StaticValue::Function(self.scopes.functions[id.0 as usize].index);
                if let Some(name) = self.ast.function(id).name {
                    let var = self.declare(name, Some(value));
                    self.scopes.declared[stmt.0 as usize] = Some(var);
                    self.function(id, None, Some(var));
                    self.close_definition(var);
                }
            }
            StmtKind::Struct(id) => {
                let value = StaticValue::Struct(self.scopes.structs[id.0 as usize].index);
                let var = self.declare(self.ast.struct_def(id).name, Some(value));
                self.scopes.declared[stmt.0 as usize] = Some(var);
                self.struct_def(id, Some(var));
                self.close_definition(var);
            }
            StmtKind::Import { .. } => {
                if let Some(binding) = self.import_binding(stmt) {
                    let var = self.declare(binding.name, binding.module.map(StaticValue::Module));
                    self.scopes.vars[var.0 as usize].used = true;
                    self.scopes.declared[stmt.0 as usize] = Some(var);
                }
            }
            StmtKind::Block(block) => self.block(block),
            StmtKind::Error => {}
        }
    }

    /// Declares the variables of a statement, one after the other.
    fn declare_all(&mut self, stmt: StmtId, names: IdentList) {
        self.scopes.declared[stmt.0 as usize] = Some(VarId(self.scopes.vars.len() as u32));
        for &name in self.ast.names(names) {
            self.declare(name, None);
        }
    }

    /// A `fn` or `struct` that its own body captures is captured before it is bound.
    fn close_definition(&mut self, var: VarId) {
        let var = &mut self.scopes.vars[var.0 as usize];
        var.in_cell |= var.captured_from != u32::MAX;
    }

    /// Walks `if … else if …` without recursion, as generated code has long ones.
    fn if_chain(&mut self, mut stmt: StmtId) {
        while let StmtKind::If { condition, then, otherwise } = self.ast.stmt(stmt).kind {
            self.expr(condition);
            self.block(then);
            let Some(otherwise) = otherwise else { return };
            match *self.ast.block(otherwise) {
                [next] if matches!(self.ast.stmt(next).kind, StmtKind::If { .. }) => stmt = next,
                _ => return self.block(otherwise),
            }
        }
    }

    fn open_loop(&mut self) {
        let moment = self.tick();
        self.functions.last_mut().expect("a function is open").loops.push(moment);
    }

    fn close_loop(&mut self) {
        self.functions.last_mut().expect("a function is open").loops.pop();
    }

    fn check_in_loop(&mut self, code: &'static str, what: &str, span: Span) {
        if self.functions.last().is_some_and(|function| function.loops.is_empty()) {
            self.diagnostics.push(Diagnostic::error(code, format!("{what} statement outside of loop"), span));
        }
    }

    /// An assignment to one target; its value, unless it was walked before.
    fn assignment(&mut self, target: ExprId, op: AssignOp, value: Option<ExprId>) {
        let walk_value = |this: &mut Self| value.into_iter().for_each(|value| this.expr(value));
        let expr = *self.ast.expr(target);
        match expr.kind {
            ExprKind::Name(name) => {
                // Being assigned to is no use.
                let was_used = self.innermost[name.0 as usize].map(|var| (var, self.scopes.var(var).used));
                self.is_target = value.is_some();
                self.is_updated = op != AssignOp::Plain;
                let reference = self.look_up(name, expr.span);
                self.is_target = false;
                if let (Some((var, used)), AssignOp::Plain) = (was_used, op) {
                    self.scopes.vars[var.0 as usize].used = used;
                }
                self.scopes.names[target.0 as usize] = reference;
                if let NameRef::SiblingMethod(_) = reference {
                    self.report_undefined(name, expr.span);
                }
                if let (NameRef::Unresolved, AssignOp::Plain) = (reference, op) {
                    let function = self.functions.last().and_then(|function| function.id);
                    self.assigned_undefined.insert((function, name));
                }
                walk_value(self);
                self.assign(reference);
            }
            ExprKind::Member { object, name } => {
                self.expr(target);
                self.note_field(object, name);
                walk_value(self);
            }
            _ => {
                self.expr(target);
                walk_value(self);
            }
        }
    }

    /// Gives `name` a slot if `object` is the `self` of a method.
    fn note_field(&mut self, object: ExprId, name: Ident) {
        let ExprKind::Name(symbol) = self.ast.expr(object).kind else { return };
        if symbol != self.symbols.self_ {
            return;
        }
        let var = self.innermost[symbol.0 as usize];
        let method = self.functions.iter().rev().find_map(|function| function.self_param);
        if let Some((self_param, owner)) = method
            && var == Some(self_param)
            && self.noted_fields.insert((owner, name.name))
        {
            self.scopes.structs[owner.0 as usize].fields.push(name.name);
        }
    }

    // Functions and structs.

    /// `own` is the local variable that is the function's own name, or that of the struct it is a method of.
    fn function(&mut self, id: FunctionId, method_of: Option<StructId>, own: Option<VarId>) {
        let ast = self.ast;
        let function = ast.function(id);
        if function.params.len() > 255 {
            let message = format!("A function has at most 255 parameters, but this one has {}", function.params.len());
            self.diagnostics.push(Diagnostic::error("E0501", message, function.head));
        }
        self.functions.push(OpenFunction { id: Some(id), captures: Vec::new(), loops: Vec::new(), self_param: None });
        self.open_scope();
        let takes_self =
            method_of.is_some() && function.params.first().is_some_and(|param| param.name == self.symbols.self_);
        if takes_self && function.params.len() == function.defaults.len() {
            let span = function.params[0].span;
            self.diagnostics.push(
                Diagnostic::error("E0212", "'self' has no default", span).labelled("the receiver is always given"),
            );
        }
        let first_default = function.params.len() - function.defaults.len();
        let mut params = Vec::with_capacity(function.params.len());
        for (index, &param) in function.params.iter().enumerate() {
            // A default sees the parameters before its own.
            if let Some(default) = index.checked_sub(first_default) {
                self.expr(function.defaults[default]);
            }
            let var = self.declare(param, None);
            params.push(var);
            if let (0, true, Some(owner)) = (index, takes_self, method_of) {
                self.functions.last_mut().expect("just pushed").self_param = Some((var, owner));
            }
        }
        self.block(function.body);
        self.close_scope();

        let open = self.functions.pop().expect("just pushed");
        if open.captures.len() > usize::from(u16::MAX) {
            let message =
                format!("A function captures at most 65535 variables, but this one captures {}", open.captures.len());
            self.diagnostics.push(Diagnostic::error("E0501", message, function.head));
        }
        let scope = &mut self.scopes.functions[id.0 as usize];
        scope.params = params;
        scope.mentions_outer = open.captures.iter().any(|capture| Some(capture.var) != own);
        scope.captures = open.captures;
        scope.method_of = method_of;
        scope.takes_self = takes_self;
    }

    fn struct_def(&mut self, id: StructId, var: Option<VarId>) {
        let ast = self.ast;
        self.structs.push(OpenStruct { id, var, methods: None });
        let mut names: FxHashMap<Symbol, Span> = FxHashMap::default();
        for &method in &ast.struct_def(id).methods {
            if let Some(name) = ast.function(method).name
                && let Some(first) = names.insert(name.name, name.span)
            {
                let text = self.interner.get(name.name);
                self.diagnostics.push(
                    Diagnostic::error("E0303", format!("Duplicate definition of '{text}'"), name.span)
                        .labelled("defined again here")
                        .with_label(first, "first defined here"),
                );
            }
            self.function(method, Some(id), var);
        }
        let fields = self.scopes.structs[id.0 as usize].fields.len();
        if fields > usize::from(u16::MAX) {
            let message = format!("The methods of a struct assign at most 65535 fields, but these assign {fields}");
            let help = "keep such data in a list or a dict";
            let span = ast.struct_def(id).name.span;
            self.diagnostics.push(Diagnostic::error("E0501", message, span).with_help(help));
        }
        self.structs.pop();
    }

    // Expressions.

    fn exprs(&mut self, list: ExprList) {
        for &expr in self.ast.list(list) {
            self.expr(expr);
        }
    }

    fn expr(&mut self, mut id: ExprId) {
        let spine = self.spine.len();
        while let ExprKind::Binary { left, right, .. } | ExprKind::Logic { left, right, .. } = self.ast.expr(id).kind {
            self.spine.push(right);
            id = left;
        }
        self.operand(id);
        while self.spine.len() > spine {
            let right = self.spine.pop().expect("longer than before");
            self.expr(right);
        }
    }

    fn operand(&mut self, id: ExprId) {
        let expr = *self.ast.expr(id);
        match expr.kind {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Void
            | ExprKind::Str(_)
            | ExprKind::Error => {}
            ExprKind::Name(_) => {
                let reference = self.name(id);
                if let Some(var) = self.variable(reference) {
                    self.scopes.vars[var.0 as usize].is_value = true;
                }
            }
            ExprKind::Format(list) | ExprKind::List(list) | ExprKind::Tuple(list) => self.exprs(list),
            ExprKind::Dict(list) => {
                for (index, &item) in self.ast.list(list).iter().enumerate() {
                    self.is_key = index % 2 == 0 && matches!(self.ast.expr(item).kind, ExprKind::Name(_));
                    self.expr(item);
                    self.is_key = false;
                }
            }
            ExprKind::Range { start, end } => {
                if let Some(start) = start {
                    self.expr(start);
                }
                self.expr(end);
            }
            ExprKind::Unary { operand, .. } | ExprKind::Paren(operand) | ExprKind::Formatted { value: operand, .. } => {
                self.expr(operand)
            }
            ExprKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.expr(then);
                self.expr(otherwise);
            }
            ExprKind::Call { callee, args } => {
                self.callee(callee);
                self.exprs(args);
            }
            ExprKind::Index { object, index } => {
                self.expr(object);
                self.expr(index);
            }
            ExprKind::Member { object, .. } => self.expr(object),
            ExprKind::Lambda(function) => self.function(function, None, None),
            ExprKind::Await(operand) => self.expr(operand),
            ExprKind::Binary { .. } | ExprKind::Logic { .. } => unreachable!("the caller takes chains apart"),
        }
    }

    fn name(&mut self, id: ExprId) -> NameRef {
        let expr = *self.ast.expr(id);
        let ExprKind::Name(name) = expr.kind else { unreachable!("the caller has seen a name") };
        let reference = self.look_up(name, expr.span);
        self.scopes.names[id.0 as usize] = reference;
        if let NameRef::Capture(slot) = reference {
            let function = self.functions.last().expect("a function is open");
            self.scopes.captured.insert(id, function.captures[usize::from(slot)].var);
        }
        reference
    }

    /// What is called: to call a function or struct by name, or a method of a struct by its, shows nobody which one it
    /// is.
    fn callee(&mut self, callee: ExprId) {
        let is_name = |id: ExprId| matches!(self.ast.expr(id).kind, ExprKind::Name(_));
        match self.ast.expr(callee).kind {
            ExprKind::Name(_) => {
                self.name(callee);
            }
            ExprKind::Member { object, .. } if is_name(object) => {
                self.name(object);
            }
            _ => self.expr(callee),
        }
    }

    /// The local variable that a reference from the function being walked reads.
    fn variable(&self, reference: NameRef) -> Option<VarId> {
        match reference {
            NameRef::Local(var) => Some(var),
            NameRef::Capture(slot) => {
                let function = self.functions.last().expect("a function is open");
                Some(function.captures[usize::from(slot)].var)
            }
            NameRef::SiblingMethod(index) => self.variable(self.scopes.sibling_methods[index as usize].owner?),
            NameRef::Global(_) | NameRef::Unresolved => None,
        }
    }
}
