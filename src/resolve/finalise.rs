//! What is decided once the whole file is known: which names always mean the same definition, and what closures carry.

use rustc_hash::FxHashMap;

use super::{FileScopes, FuncIndex, FunctionScope, StaticValue, StructIndex, VarId};
use crate::syntax::ast::Ast;

impl FileScopes {
    /// Decides which variables are static and which captures remain, `is_constant` telling which variables are known at
    /// each use.
    pub fn finalise(&mut self, ast: &Ast, is_constant: impl Fn(VarId) -> bool) {
        let mut functions: FxHashMap<FuncIndex, usize> = FxHashMap::default();
        for (id, function) in self.functions.iter().enumerate() {
            functions.insert(function.index, id);
        }
        let mut structs: FxHashMap<StructIndex, usize> = FxHashMap::default();
        for (id, definition) in self.structs.iter().enumerate() {
            structs.insert(definition.index, id);
        }
        // In order of declaration: what a function captures was declared before it, or is itself.
        for index in 0..self.vars.len() {
            let var = self.vars[index];
            let needs_nothing = |var: VarId| self.var(var).is_static || is_constant(var);
            let captures_static = |function: &FunctionScope| {
                let mut captures = function.captures.iter().map(|capture| capture.var);
                captures.all(|var| var.0 as usize == index || needs_nothing(var))
            };
            // A function that is a new one each time needs a home, unless nobody can tell.
            let is_one = |function: &FunctionScope| !(var.is_value && function.mentions_outer);
            let may_be_static = |function: &FunctionScope| captures_static(function) && is_one(function);
            let is_static = !var.reassigned
                && match var.value {
                    Some(StaticValue::Module(_)) => true,
                    Some(StaticValue::Function(function)) => may_be_static(&self.functions[functions[&function]]),
                    Some(StaticValue::Struct(index)) => {
                        let methods = &ast.structs[structs[&index]].methods;
                        methods.iter().all(|&method| may_be_static(&self.functions[method.0 as usize]))
                    }
                    None => false,
                };
            let var = &mut self.vars[index];
            var.is_static = is_static;
            var.in_cell &= !is_static;
        }
        for function in &mut self.functions {
            let mut slot = 0;
            for capture in &mut function.captures {
                if !self.vars[capture.var.0 as usize].is_static && !is_constant(capture.var) {
                    capture.slot = Some(slot);
                    slot = slot.saturating_add(1);
                }
            }
        }
    }
}
