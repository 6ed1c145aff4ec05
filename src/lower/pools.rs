//! The program's pools while they are filled: strings, constants, builtins, each without duplicates.

use rustc_hash::FxHashMap;

use crate::bytecode::builtins::find_builtin;
use crate::bytecode::{BuiltinId, BuiltinRef, ConstId, Constant, Program, ShortConst, StrId};
use crate::syntax::Interner;
use crate::syntax::ast::Symbol;

#[derive(Default)]
pub struct Pools {
    strings_of_symbols: Vec<Option<StrId>>,
    strings: FxHashMap<String, StrId>,
    constants: FxHashMap<Constant, u32>,
    builtins: FxHashMap<(&'static str, Symbol), Option<BuiltinId>>,
    /// By id: the position in the table of built-ins.
    builtin_rows: Vec<usize>,
}

impl Pools {
    /// The string of a symbol.
    pub fn symbol(&mut self, program: &mut Program, interner: &Interner, symbol: Symbol) -> StrId {
        let index = symbol.0 as usize;
        if index >= self.strings_of_symbols.len() {
            self.strings_of_symbols.resize(interner.len(), None);
        }
        if let Some(id) = self.strings_of_symbols[index] {
            return id;
        }
        let id = self.string(program, interner.get(symbol));
        self.strings_of_symbols[index] = Some(id);
        id
    }

    /// The row of a built-in in the table.
    pub fn row(&self, builtin: BuiltinId) -> usize {
        self.builtin_rows[builtin.index()]
    }

    pub fn string(&mut self, program: &mut Program, text: &str) -> StrId {
        if let Some(&id) = self.strings.get(text) {
            return id;
        }
        let id = StrId(program.strings.ends.len() as u32);
        program.strings.text.push_str(text);
        program.strings.ends.push(program.strings.text.len() as u32);
        self.strings.insert(text.to_string(), id);
        id
    }

    pub fn constant(&mut self, program: &mut Program, constant: Constant) -> ConstId {
        ConstId(*self.constants.entry(constant).or_insert_with(|| {
            program.constants.push(constant);
            program.constants.len() as u32 - 1
        }))
    }

    /// The constant for an operand of 16 bits; `None` if the pool has grown beyond their reach.
    pub fn short_constant(&mut self, program: &mut Program, constant: Constant) -> Option<ShortConst> {
        // A full pool is not made fuller by constants that then have to be loaded as small integers anyway.
        if program.constants.len() > usize::from(u16::MAX) && !self.constants.contains_key(&constant) {
            return None;
        }
        u16::try_from(self.constant(program, constant).0).ok().map(ShortConst)
    }

    /// A function of a standard module; `None` if it has no such function.
    pub fn builtin(
        &mut self,
        program: &mut Program,
        interner: &Interner,
        module: &'static str,
        name: Symbol,
    ) -> Option<(BuiltinId, usize)> {
        let id = match self.builtins.get(&(module, name)) {
            Some(&id) => id,
            None => {
                let row = find_builtin(module, interner.get(name));
                let id = row.map(|row| {
                    let module = self.string(program, module);
                    let name = self.symbol(program, interner, name);
                    program.builtins.push(BuiltinRef { module, name });
                    self.builtin_rows.push(row);
                    BuiltinId(program.builtins.len() as u16 - 1)
                });
                self.builtins.insert((module, name), id);
                id
            }
        };
        id.map(|id| (id, self.builtin_rows[id.index()]))
    }
}
