//! The rules about pools: everything but instructions, loops and debug information. What the instructions' rules need
//! to know of functions, structs and builtins is put together on the way, so that each instruction takes constant time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Rule, VerifyError, limits};
use crate::bytecode::builtins::{BUILTINS, HOST_MODULE, STD_MODULES, find_builtin};
use crate::bytecode::{
    CaptureSource, Constant, FuncId, FunctionKind, Handler, ModuleId, ModuleKind, Op, Program, Run, StrId, Strings,
    StructId,
};

/// What a function or struct demands of the frame that makes it: one more than the highest index it captures.
#[derive(Clone, Copy, Default)]
pub struct Demand {
    pub registers: u32,
    pub captures: u32,
    /// Whether anything is captured at all.
    pub any: bool,
}

/// What checking instructions looks up.
pub struct Tables {
    pub functions: Vec<Demand>,
    pub structs: Vec<StructFacts>,
    /// The least and greatest number of arguments of each native.
    pub builtins: Vec<(usize, usize)>,
}

pub struct StructFacts {
    /// What the methods' captures demand together.
    pub demand: Demand,
    /// Arguments of `init`, not counting `self`; `None` if there is no `init`.
    pub init: Option<u32>,
}

pub fn check(program: &Program) -> Result<Tables, VerifyError> {
    check_limits(program)?;
    check_strings(&program.strings)?;
    for (i, constant) in program.constants.iter().enumerate() {
        if let Constant::Str(id) = constant {
            string(program, *id, "constants", i)?;
        }
    }
    for (i, name) in program.sites.iter().enumerate() {
        string(program, *name, "sites", i)?;
    }
    for (i, global) in program.globals.iter().enumerate() {
        string(program, global.name, "globals", i)?;
        file_module(program, global.module, "globals", i)?;
    }
    let functions = check_functions(program)?;
    check_modules(program)?;
    let structs = check_structs(program, &functions)?;
    let builtins = check_builtins(program)?;
    Ok(Tables { functions, structs, builtins })
}

/// The rule that the names of a struct's fields, of its methods, and of a module's exports are different. It takes
/// longer than all the other rules about pools, and no other rule needs it.
pub fn check_names(program: &Program) -> Result<(), VerifyError> {
    let mut names = Names::of(program)?;
    let twice = |pool, index, what: &str, name| {
        let what = format!("two {what} {:?}", text(program, name));
        VerifyError::pool(Rule::UniqueNames, pool, index, what)
    };
    for (i, module) in program.modules.iter().enumerate() {
        names.start_set();
        if let Some(export) = module.exports.iter().find(|export| !names.insert(export.name)) {
            return Err(twice("modules", i, "exports", export.name));
        }
    }
    for (i, def) in program.structs.iter().enumerate() {
        names.start_set();
        if let Some(&field) = def.fields.iter().find(|field| !names.insert(**field)) {
            return Err(twice("structs", i, "fields", field));
        }
        names.start_set();
        if let Some(method) = def.methods.iter().find(|method| !names.insert(method.name)) {
            return Err(twice("structs", i, "methods", method.name));
        }
    }
    Ok(())
}

fn check_limits(program: &Program) -> Result<(), VerifyError> {
    let pools = [
        ("code", program.code.len(), limits::CODE),
        ("functions", program.functions.len(), limits::FUNCTIONS),
        ("constants", program.constants.len(), limits::CONSTANTS),
        ("strings", program.strings.len(), limits::STRINGS),
        // Each takes more memory than its place in the file, and belongs to an instruction.
        ("sites", program.sites.len(), limits::SITES.min(program.code.len())),
        ("structs", program.structs.len(), limits::STRUCTS),
        ("globals", program.globals.len(), limits::GLOBALS),
        ("loops", program.loops.len(), limits::LOOPS),
        ("modules", program.modules.len(), limits::MODULES),
        ("builtins", program.builtins.len(), limits::BUILTINS),
    ];
    for (pool, len, limit) in pools {
        if len > limit {
            return Err(VerifyError::pool(Rule::Limits, pool, None, format!("{len} entries, limit {limit}")));
        }
    }
    Ok(())
}

fn check_strings(strings: &Strings) -> Result<(), VerifyError> {
    let mut start = 0;
    for (i, end) in strings.ends.iter().enumerate() {
        if *end < start || !strings.text.is_char_boundary(*end as usize) {
            return Err(VerifyError::pool(Rule::StringBounds, "strings", i, format!("it ends at {end}")));
        }
        start = *end;
    }
    if start as usize != strings.text.len() {
        let what = format!("the last ends at {start}, the text at {}", strings.text.len());
        return Err(VerifyError::pool(Rule::StringBounds, "strings", None, what));
    }
    Ok(())
}

fn check_functions(program: &Program) -> Result<Vec<Demand>, VerifyError> {
    let mut demands = Vec::with_capacity(program.functions.len());
    let mut code_end = 0;
    let mut has_owner = vec![false; program.sites.len()];
    for (i, function) in program.functions.iter().enumerate() {
        let fail = |rule, what: String| Err(VerifyError::pool(rule, "functions", i, what));
        string(program, function.name, "functions", i)?;
        file_module(program, function.module, "functions", i)?;
        if function.code.start as usize != code_end || function.code.len == 0 {
            let Run { start, len } = function.code;
            return fail(Rule::CodePartition, format!("{len} instructions from {start} where {code_end} is next"));
        }
        code_end = function.code.range().end;
        if function.sites.range().end > program.sites.len() {
            let Run { start, len } = function.sites;
            return fail(Rule::Sites, format!("{len} sites from {start} of {}", program.sites.len()));
        }
        for (owned, site) in has_owner[function.sites.range()].iter_mut().zip(function.sites.range()) {
            if std::mem::replace(owned, true) {
                return fail(Rule::Sites, format!("site {site} is another function's"));
            }
        }
        if function.registers < function.params.max(1) {
            return fail(Rule::Frame, format!("{} registers for {} params", function.registers, function.params));
        }
        if function.captures.len() > limits::CAPTURES {
            return fail(Rule::Limits, format!("{} captures, limit {}", function.captures.len(), limits::CAPTURES));
        }
        match function.kind {
            FunctionKind::Plain => {}
            FunctionKind::Body => {
                let owner = program.modules[function.module.index()].kind;
                if function.params != 0 || !function.captures.is_empty() || owner != ModuleKind::File(FuncId(i as u32))
                {
                    return fail(Rule::BodyShape, format!("body of module {}", function.module.0));
                }
            }
            FunctionKind::Method(def) | FunctionKind::Static(def) => {
                if def.index() >= program.structs.len() {
                    return fail(Rule::StructIndex, format!("struct {} of {}", def.0, program.structs.len()));
                }
                if matches!(function.kind, FunctionKind::Method(_)) && function.params == 0 {
                    return fail(Rule::MethodShape, "a method without a parameter for self".to_owned());
                }
            }
            FunctionKind::Async => {
                if !matches!(program.code.get(function.code.start as usize), Some(Op::StartTask {})) {
                    return fail(Rule::Async, "an async function that begins otherwise".to_owned());
                }
            }
        }
        if function.required > function.params {
            return fail(Rule::Frame, format!("{} params required of {}", function.required, function.params));
        }
        for handler in &function.handlers {
            let Handler { start, end, target, error } = *handler;
            // A handler leads forward, so that no loop is without a jump back, where limits are counted.
            let inside = start < end && end <= target && target < function.code.len;
            if !inside || error.0 >= function.registers {
                let what = format!("handler {start}..{end} to {target} with r{}", error.0);
                return fail(Rule::Handler, what);
            }
        }
        demands.push(function.captures.iter().fold(Demand::default(), |demand, capture| match capture {
            CaptureSource::Register(register) => {
                Demand { any: true, registers: demand.registers.max(u32::from(register.0) + 1), ..demand }
            }
            CaptureSource::Capture(capture) => {
                Demand { any: true, captures: demand.captures.max(u32::from(capture.0) + 1), ..demand }
            }
        }));
    }
    if code_end != program.code.len() {
        let what = format!("the functions end at {code_end}, the code at {}", program.code.len());
        return Err(VerifyError::pool(Rule::CodePartition, "code", None, what));
    }
    Ok(demands)
}

fn check_modules(program: &Program) -> Result<(), VerifyError> {
    for (i, module) in program.modules.iter().enumerate() {
        let fail = |rule, what: String| Err(VerifyError::pool(rule, "modules", i, what));
        match module.kind {
            ModuleKind::File(body) => {
                let Some(function) = program.functions.get(body.index()) else {
                    return fail(Rule::FunctionIndex, format!("function {} of {}", body.0, program.functions.len()));
                };
                if function.kind != FunctionKind::Body || function.module.index() != i {
                    return fail(Rule::BodyShape, format!("its body is function {}", body.0));
                }
            }
            ModuleKind::Std(path) => {
                let path = string(program, path, "modules", i)?;
                if !STD_MODULES.contains(&path) && path != HOST_MODULE {
                    return fail(Rule::UnknownModule, format!("there is no module {path:?}"));
                }
                if !module.exports.is_empty() {
                    return fail(Rule::Exports, format!("{path} with {} exports", module.exports.len()));
                }
            }
        }
        for export in &module.exports {
            if program.globals.get(export.global.index()).is_none_or(|global| global.module.index() != i) {
                return fail(Rule::Exports, format!("it exports global {}", export.global.0));
            }
        }
    }
    match program.modules.get(program.main.index()).map(|module| module.kind) {
        Some(ModuleKind::File(_)) => Ok(()),
        _ => Err(VerifyError::pool(Rule::MainModule, "modules", program.main.index(), "the entry module")),
    }
}

fn check_structs(program: &Program, demands: &[Demand]) -> Result<Vec<StructFacts>, VerifyError> {
    let mut facts = Vec::with_capacity(program.structs.len());
    for (i, def) in program.structs.iter().enumerate() {
        let fail = |rule, what: String| Err(VerifyError::pool(rule, "structs", i, what));
        file_module(program, def.module, "structs", i)?;
        if def.fields.len() > limits::FIELDS {
            return fail(Rule::Limits, format!("{} fields, limit {}", def.fields.len(), limits::FIELDS));
        }
        let mut fact = StructFacts { demand: Demand::default(), init: None };
        for method in &def.methods {
            let Some(function) = program.functions.get(method.func.index()) else {
                return fail(Rule::FunctionIndex, format!("function {} of {}", method.func.0, program.functions.len()));
            };
            let id = StructId(i as u32);
            let kind = if method.takes_self { FunctionKind::Method(id) } else { FunctionKind::Static(id) };
            let has_self = !method.takes_self || function.params > 0;
            if !(function.kind == kind || function.kind == FunctionKind::Async && has_self) {
                return fail(Rule::MethodShape, format!("method {:?}", text(program, method.name)));
            }
            if text(program, method.name) == "init" {
                fact.init = Some(u32::from(function.params) - u32::from(method.takes_self));
            }
            let demand = demands[method.func.index()];
            fact.demand = Demand {
                registers: fact.demand.registers.max(demand.registers),
                captures: fact.demand.captures.max(demand.captures),
                any: fact.demand.any | demand.any,
            };
        }
        facts.push(fact);
    }
    Ok(facts)
}

fn check_builtins(program: &Program) -> Result<Vec<(usize, usize)>, VerifyError> {
    let mut arities = Vec::with_capacity(program.builtins.len());
    for (i, builtin) in program.builtins.iter().enumerate() {
        let module = string(program, builtin.module, "builtins", i)?;
        let name = string(program, builtin.name, "builtins", i)?;
        let Some(found) = find_builtin(module, name) else {
            let what = format!("there is no '{}.{}'", module.escape_debug(), name.escape_debug());
            return Err(VerifyError::pool(Rule::UnknownBuiltin, "builtins", i, what));
        };
        let spec = &BUILTINS[found];
        arities.push((spec.required, spec.params.len()));
    }
    Ok(arities)
}

fn string<'a>(program: &'a Program, id: StrId, pool: &'static str, index: usize) -> Result<&'a str, VerifyError> {
    program.strings.get(id).ok_or_else(|| {
        VerifyError::pool(Rule::StringIndex, pool, index, format!("string {} of {}", id.0, program.strings.len()))
    })
}

/// The text of a string that was found to exist.
fn text(program: &Program, id: StrId) -> &str {
    program.strings.get(id).unwrap_or_default()
}

fn file_module(program: &Program, id: ModuleId, pool: &'static str, index: usize) -> Result<(), VerifyError> {
    let fail = |rule, what| Err(VerifyError::pool(rule, pool, index, what));
    match program.modules.get(id.index()).map(|module| module.kind) {
        Some(ModuleKind::File(_)) => Ok(()),
        Some(ModuleKind::Std(_)) => fail(Rule::FunctionModule, format!("of module {}, which is no file", id.0)),
        None => fail(Rule::ModuleIndex, format!("module {} of {}", id.0, program.modules.len())),
    }
}

/// Compares the names of fields, methods and exports by text, at the cost of one look at each distinct string: a
/// crafted file may name one long string a million times, or hold it twice.
struct Names {
    /// For each string that is such a name, the first string of the same text.
    canonical: HashMap<StrId, StrId>,
    /// The set that each name was in last. Sets are numbered, not cleared: clearing takes as long as the largest was
    /// large.
    last_set: HashMap<StrId, u32>,
    set: u32,
}

impl Names {
    fn of(program: &Program) -> Result<Names, VerifyError> {
        // The standard hasher is keyed at random: no file can be made whose names collide.
        let mut by_text: HashMap<&str, StrId> = HashMap::new();
        let mut canonical = HashMap::new();
        let mut add = |id: StrId, pool, index| -> Result<(), VerifyError> {
            if let Entry::Vacant(entry) = canonical.entry(id) {
                let text = string(program, id, pool, index)?;
                entry.insert(*by_text.entry(text).or_insert(id));
            }
            Ok(())
        };
        for (i, module) in program.modules.iter().enumerate() {
            add(module.name, "modules", i)?;
            for export in &module.exports {
                add(export.name, "modules", i)?;
            }
        }
        for (i, def) in program.structs.iter().enumerate() {
            add(def.name, "structs", i)?;
            for field in &def.fields {
                add(*field, "structs", i)?;
            }
            for method in &def.methods {
                add(method.name, "structs", i)?;
            }
        }
        Ok(Names { canonical, last_set: HashMap::new(), set: 0 })
    }

    fn start_set(&mut self) {
        self.set += 1;
    }

    /// Whether the name is new in the set.
    fn insert(&mut self, name: StrId) -> bool {
        self.last_set.insert(self.canonical[&name], self.set) != Some(self.set)
    }
}
