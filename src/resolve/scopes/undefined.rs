//! Names that mean nothing: each is reported once, with what was likely meant.

use super::FileWalk;
use crate::resolve::suggest::{foreign_name, hint};
use crate::source::spelling::closest;
use crate::source::{Diagnostic, Span};
use crate::syntax::STANDARD_MODULES;
use crate::syntax::ast::Symbol;

impl FileWalk<'_> {
    /// Whether this function, or one of those around it, has assigned to the undefined name before.
    pub(super) fn is_known_undefined(&self, name: Symbol) -> bool {
        self.functions.iter().any(|function| self.assigned_undefined.contains(&(function.id, name)))
    }

    pub(super) fn report_undefined(&mut self, name: Symbol, span: Span) {
        if self.is_known_undefined(name) {
            return;
        }
        let text = self.interner.get(name);
        let mut diagnostic = Diagnostic::error("E0301", format!("Undefined variable '{text}'"), span);
        if self.is_key {
            diagnostic =
                diagnostic.with_suggestion("write a key that is a text with quotes", span, format!("\"{text}\""));
        } else if let Some(written) = foreign_name(text) {
            diagnostic = diagnostic.with_suggestion(format!("write `{written}`"), span, written);
        } else if STANDARD_MODULES.contains(&text) {
            diagnostic =
                diagnostic.with_help(format!("a module is imported before it is used: `import \"std/{text}\";`"));
        } else if text == "self" {
            diagnostic = match self.structs.is_empty() {
                true => diagnostic.with_help("only a method has `self`, as its first parameter"),
                false => {
                    let head = self.head_with_self();
                    diagnostic.with_help(format!("the first parameter of a method is `self`: `{head}`"))
                }
            };
        } else if self.is_field_of_self(name) {
            let place = Span::new(span.file, span.lo, span.lo);
            diagnostic = diagnostic.with_suggestion("a field is written with its instance", place, "self.");
        } else if let Some(help) = hint(text).filter(|_| !self.is_target) {
            diagnostic = diagnostic.with_help(help);
        } else if self.suggestions_left > 0 {
            self.suggestions_left -= 1;
            let locals =
                self.hidden.iter().map(|&(name, _)| name).filter(|name| self.innermost[name.0 as usize].is_some());
            let globals = self.resolution.module_globals[self.module.0 as usize]
                .iter()
                .map(|&index| self.resolution.global(index))
                // Functions, structs and modules are hardly meant by what is assigned to.
                .filter(|global| !self.is_target || global.value.is_none())
                .map(|global| global.name);
            let open_structs = if self.is_target { &[][..] } else { &self.structs[..] };
            let methods = open_structs.iter().flat_map(|open| {
                let methods = &self.ast.struct_def(open.id).methods;
                methods.iter().filter_map(|&method| Some(self.ast.function(method).name?.name))
            });
            let names = locals.chain(globals).chain(methods).chain([self.symbols.core]);
            if let Some(similar) = closest(text, names.map(|name| self.interner.get(name))) {
                diagnostic = diagnostic.with_suggestion(format!("did you mean '{similar}'?"), span, similar);
            }
        }
        if self.is_target && diagnostic.suggestions.is_empty() && diagnostic.help.is_empty() {
            let place = Span::new(span.file, span.lo, span.lo);
            diagnostic = match self.is_updated {
                true => {
                    diagnostic.with_help(format!("define it before, with the value to begin with: `let {text} = 0;`"))
                }
                false => diagnostic.with_suggestion("define it with `let`", place, "let "),
            };
        }
        self.diagnostics.push(diagnostic);
    }

    /// Whether a method is being read whose struct has assigned to a field of this name.
    fn is_field_of_self(&self, name: Symbol) -> bool {
        let has_self = self.innermost.get(self.symbols.self_.0 as usize).is_some_and(Option::is_some);
        has_self && self.structs.last().is_some_and(|open| self.noted_fields.contains(&(open.id, name)))
    }

    /// The head of the function that is being read, with the `self` that it lacks.
    fn head_with_self(&self) -> String {
        let mut functions = self.functions.iter().rev().filter_map(|open| Some(self.ast.function(open.id?)));
        let Some((function, name)) = functions.find_map(|function| Some((function, function.name?))) else {
            return "fn name : self { }".to_owned();
        };
        let params = function.params.iter().map(|param| format!(", {}", self.interner.get(param.name)));
        format!("fn {} : self{} {{ }}", self.interner.get(name.name), params.collect::<String>())
    }
}
