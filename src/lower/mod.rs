//! From resolved trees to bytecode.
//!
//! [`lower`] finds out which variables are constant, makes the tables of the program (modules, globals, structs) and
//! then lowers its functions one by one, in the order of their numbers, so that a function comes after the one that
//! makes closures of it. A function whose fused branches do not reach is lowered a second time with long jumps.
//!
//! | file | holds |
//! |---|---|
//! | `constants` | which expressions have a value that is known now |
//! | `fold` | the arithmetic of such values, and the lints about them |
//! | `code` | instructions, labels and registers of one function |
//! | `pools` | strings, constants, builtins without duplicates |
//! | `function` | one function: its frame, names, and what it reports to the program |
//! | `asserts` | conditions that explain why they do not hold, for tests |
//! | `indexed_loops` | `for` over `enumerate` and `zip` without a list of pairs |
//! | `task_lints` | lints about tasks |
//! | `statements`, `loops`, `expressions`, `conditions`, `calls` | what the names say |

mod asserts;
mod calls;
mod code;
mod conditions;
mod constants;
mod expressions;
mod fold;
mod function;
mod indexed_loops;
mod loops;
mod marks;
mod pools;
mod statements;
mod task_lints;

use rustc_hash::FxHashMap;

use crate::bytecode::builtins::{BUILTINS, BuiltinEffect, find_builtin};
use crate::bytecode::format_spec;
use crate::bytecode::{
    DebugInfo, Export, FuncId, Function, FunctionKind, Global, GlobalId, Method, Module, ModuleId, ModuleKind, Program,
    SourceFile, StrId, StructDef, StructId,
};
use crate::resolve::graph::{FileModule, ModuleGraph, ModuleSource};
use crate::resolve::{FileScopes, FuncIndex, GlobalIndex, ModuleIndex, Resolution, StructIndex};
use crate::source::{Diagnostic, Diagnostics, SourceMap, Span};
use crate::syntax::Interner;
use crate::syntax::ast::{self, FunctionId, Symbol};

use function::lower_function;
use pools::Pools;

/// What lowering reads.
pub struct Input<'a> {
    pub graph: &'a ModuleGraph,
    /// Its files are settled here.
    pub resolution: &'a mut Resolution,
    /// The texts of strings that are known now are added to it.
    pub interner: &'a mut Interner,
    pub sources: &'a SourceMap,
    /// Calls of `core.assert` show their condition and its operands where they fail.
    pub explains_asserts: bool,
}

/// Lowers a program that resolved without errors. Limits that it passes are reported; the program is then not fit to
/// run.
pub fn lower(input: Input<'_>, diagnostics: &mut Diagnostics) -> Program {
    let constants = constants::find(input.graph, input.resolution, input.interner);
    for ((module, scopes), constants) in input.graph.modules.iter().zip(&mut input.resolution.files).zip(&constants) {
        if let (ModuleSource::File(file), Some(scopes)) = (&module.source, scopes) {
            scopes.finalise(&file.ast, |var| constants.is_constant(var));
            marks::warn(&file.ast, file.file, input.sources.file(file.file), diagnostics);
        }
    }
    let mut builder = Builder::new(input, constants, diagnostics);
    builder.check_formats();
    builder.declare_globals();
    builder.declare_modules();
    builder.declare_functions();
    builder.declare_structs();
    builder.lower_functions();
    builder.embed_sources();
    builder.program
}

/// A function of the program, before and while it is lowered.
#[derive(Clone, Copy)]
struct FunctionInfo {
    module: ModuleIndex,
    /// `None` for a module's body.
    id: Option<FunctionId>,
    params: u16,
    /// How many of them have no default.
    required: u16,
}

impl FunctionInfo {
    /// Whether it may be called with so many arguments, the receiver among them.
    fn takes(self, count: usize) -> bool {
        (usize::from(self.required)..=usize::from(self.params)).contains(&count)
    }
}

/// A struct of the program: what calls need to know.
struct StructInfo {
    methods: FxHashMap<Symbol, FuncIndex>,
    /// The constructor and whether it takes `self`.
    init: Option<(FuncIndex, bool)>,
}

/// The program under construction.
struct Builder<'a> {
    graph: &'a ModuleGraph,
    resolution: &'a Resolution,
    interner: &'a Interner,
    sources: &'a SourceMap,
    diagnostics: &'a mut Diagnostics,
    program: Program,
    pools: Pools,
    functions: Vec<FunctionInfo>,
    structs: Vec<StructInfo>,
    /// By global of the resolution; module aliases that never change have none.
    globals: Vec<Option<GlobalId>>,
    debug: DebugInfo,
    symbols: Symbols,
    /// By module; empty for standard ones.
    constants: Vec<constants::Constants>,
    explains_asserts: bool,
}

#[derive(Clone, Copy)]
struct Symbols {
    init: Option<Symbol>,
    format: Symbol,
    repr: Symbol,
    len: Symbol,
}

impl<'a> Builder<'a> {
    fn new(input: Input<'a>, constants: Vec<constants::Constants>, diagnostics: &'a mut Diagnostics) -> Self {
        let Input { graph, resolution, interner, sources, explains_asserts } = input;
        let symbols = Symbols {
            init: interner.find("init"),
            format: interner.intern("format"),
            repr: interner.intern("repr"),
            len: interner.intern("len"),
        };
        Builder {
            graph,
            resolution,
            interner,
            sources,
            diagnostics,
            program: Program::default(),
            pools: Pools::default(),
            functions: Vec::new(),
            structs: Vec::new(),
            globals: Vec::new(),
            debug: DebugInfo::default(),
            symbols,
            constants,
            explains_asserts,
        }
    }

    fn symbol(&mut self, symbol: Symbol) -> StrId {
        self.pools.symbol(&mut self.program, self.interner, symbol)
    }

    fn string(&mut self, text: &str) -> StrId {
        self.pools.string(&mut self.program, text)
    }

    /// The tree and the side tables of a file.
    fn file(&self, module: ModuleIndex) -> (&'a FileModule, &'a FileScopes) {
        let ModuleSource::File(file) = &self.graph.modules[module.0 as usize].source else {
            unreachable!("standard modules have no functions in the program")
        };
        let scopes = self.resolution.files[module.0 as usize].as_ref().expect("every file was resolved");
        (file, scopes)
    }

    fn files(&self) -> Vec<ModuleIndex> {
        let is_file = |index: &ModuleIndex| self.resolution.files[index.0 as usize].is_some();
        (0..self.graph.modules.len() as u32).map(ModuleIndex).filter(is_file).collect()
    }

    /// Reports formats that no value accepts, also where control never gets.
    fn check_formats(&mut self) {
        for module in self.files() {
            let (file, _) = self.file(module);
            for expr in &file.ast.exprs {
                if let ast::ExprKind::Formatted { format, format_span, .. } = expr.kind
                    && format_spec::parse(self.interner.get(format)).is_none()
                {
                    let text = self.interner.get(format);
                    self.diagnostics.push(
                        Diagnostic::error("E0112", format!("Invalid format '{text}'"), format_span)
                            .labelled("no value accepts this")
                            .with_help("the parts of a format are: fill and alignment, sign, `#`, `0`, width, `,` or `_`, precision, type"),
                    );
                }
            }
        }
    }

    fn declare_globals(&mut self) {
        for global in &self.resolution.globals {
            let id = global.is_materialized().then(|| {
                let name = self.pools.symbol(&mut self.program, self.interner, global.name);
                self.program.globals.push(Global { name, module: ModuleId(global.module.0) });
                GlobalId(self.program.globals.len() as u32 - 1)
            });
            self.globals.push(id);
        }
    }

    fn declare_modules(&mut self) {
        for (index, module) in self.graph.modules.iter().enumerate() {
            let name = self.string(&module.name);
            let kind = match &module.source {
                ModuleSource::Std(path) => ModuleKind::Std(self.string(path)),
                ModuleSource::File(_) => {
                    let (_, scopes) = self.file(ModuleIndex(index as u32));
                    ModuleKind::File(FuncId(scopes.body.0))
                }
            };
            let mut exports = Vec::new();
            for &global in &self.resolution.module_globals[index] {
                if let (true, Some(id)) = (self.resolution.global(global).exported, self.global_id(global)) {
                    exports.push(Export { name: self.program.globals[id.index()].name, global: id });
                }
            }
            self.program.modules.push(Module { name, kind, exports });
        }
    }

    fn global_id(&self, global: GlobalIndex) -> Option<GlobalId> {
        self.globals[global.0 as usize]
    }

    /// Makes an empty function for each, so that calls know parameters before their callee is lowered.
    fn declare_functions(&mut self) {
        let count = self.resolution.function_count as usize;
        let nowhere = FunctionInfo { module: ModuleIndex(0), id: None, params: 0, required: 0 };
        self.functions = vec![nowhere; count];
        self.debug.functions = vec![Span::default(); count];
        self.program.functions = vec![Function::empty(); count];
        for module in self.files() {
            let (file, scopes) = self.file(module);
            let body = scopes.body.0 as usize;
            self.functions[body] = FunctionInfo { module, id: None, params: 0, required: 0 };
            self.program.functions[body].name = self.string(&self.graph.modules[module.0 as usize].name);
            self.program.functions[body].kind = FunctionKind::Body;
            self.program.functions[body].module = ModuleId(module.0);
            self.debug.functions[body] = Span::new(file.file, 0, self.sources.file(file.file).text().len() as u32);
            for (id, function) in file.ast.functions.iter().enumerate() {
                self.declare_function(module, file, scopes, FunctionId(id as u32), function);
            }
        }
    }

    fn declare_function(
        &mut self,
        module: ModuleIndex,
        file: &FileModule,
        scopes: &FileScopes,
        id: FunctionId,
        function: &ast::Function,
    ) {
        let scope = &scopes.functions[id.0 as usize];
        let owner =
            scope.method_of.map(|owner| (file.ast.struct_def(owner).name.name, scopes.structs[owner.0 as usize].index));
        let name = match (function.name, owner) {
            (None, _) => self.string("<anonymous>"),
            (Some(name), None) => self.symbol(name.name),
            (Some(name), Some((owner, _))) => {
                let name = format!("{}.{}", self.interner.get(owner), self.interner.get(name.name));
                self.string(&name)
            }
        };
        let kind = match owner {
            _ if function.is_async => FunctionKind::Async,
            None => FunctionKind::Plain,
            Some((_, owner)) if scope.takes_self => FunctionKind::Method(StructId(owner.0)),
            Some((_, owner)) => FunctionKind::Static(StructId(owner.0)),
        };
        // More parameters than an instruction can count were reported by the resolver.
        let params = function.params.len().min(255) as u16;
        let required = ((function.params.len() - function.defaults.len()) as u16).min(params);
        let index = scope.index.0 as usize;
        self.functions[index] = FunctionInfo { module, id: Some(id), params, required };
        self.debug.functions[index] = function.head;
        let target = &mut self.program.functions[index];
        target.name = name;
        target.kind = kind;
        target.module = ModuleId(module.0);
        target.params = params;
        target.required = required;
    }

    fn declare_structs(&mut self) {
        let count = self.resolution.struct_count as usize;
        let mut definitions: Vec<Option<(StructDef, StructInfo)>> = (0..count).map(|_| None).collect();
        for module in self.files() {
            let (file, scopes) = self.file(module);
            for (definition, scope) in file.ast.structs.iter().zip(&scopes.structs) {
                let name = self.symbol(definition.name.name);
                let fields = scope.fields.iter().map(|&field| self.symbol(field)).collect();
                let mut info = StructInfo { methods: FxHashMap::default(), init: None };
                let mut methods = Vec::new();
                for &id in &definition.methods {
                    let function = &scopes.functions[id.0 as usize];
                    let Some(name) = file.ast.function(id).name else { continue };
                    methods.push(Method {
                        name: self.symbol(name.name),
                        func: FuncId(function.index.0),
                        takes_self: function.takes_self,
                    });
                    info.methods.insert(name.name, function.index);
                    if Some(name.name) == self.symbols.init {
                        info.init = Some((function.index, function.takes_self));
                    }
                }
                let module = ModuleId(module.0);
                definitions[scope.index.0 as usize] = Some((StructDef { name, module, fields, methods }, info));
            }
        }
        for (definition, info) in definitions.into_iter().flatten() {
            self.program.structs.push(definition);
            self.structs.push(info);
        }
    }

    fn lower_functions(&mut self) {
        // About as many instructions as expressions, most with a line of their own.
        let size = self.files().iter().map(|&module| self.file(module).0.ast.exprs.len()).sum();
        self.program.code.reserve(size);
        self.debug.lines.reserve(size);
        // Where each variable of the file being lowered lives; functions of one file follow one another.
        let mut registers = Vec::new();
        let mut current = None;
        for index in 0..self.functions.len() as u32 {
            let module = self.functions[index as usize].module;
            if current != Some(module) {
                current = Some(module);
                let (_, scopes) = self.file(module);
                registers = vec![crate::bytecode::Reg(0); scopes.vars.len()];
            }
            lower_function(self, FuncIndex(index), &mut registers);
        }
    }

    fn struct_info(&self, index: StructIndex) -> &StructInfo {
        &self.structs[index.0 as usize]
    }

    /// What a function of a standard module may do.
    fn builtin_effect(&self, module: ModuleIndex, name: Symbol) -> Option<BuiltinEffect> {
        let ModuleSource::Std(path) = self.graph.modules[module.0 as usize].source else { return None };
        find_builtin(path, self.interner.get(name)).map(|row| BUILTINS[row].effect)
    }

    fn embed_sources(&mut self) {
        for file in self.sources.files() {
            self.debug.files.push(SourceFile { name: file.name.clone(), text: file.text().to_string() });
        }
        self.program.debug = Some(std::mem::take(&mut self.debug));
    }
}
