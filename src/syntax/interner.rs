//! Identifiers and strings as numbers.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::ast::Symbol;
use super::token::KEYWORDS;

/// Gives each distinct text one [`Symbol`]; all texts live in one buffer.
///
/// Invariant: the keywords are the first symbols, in the order of [`KEYWORDS`], so that the lexer tells a keyword from
/// an identifier by the number alone.
#[derive(Debug)]
pub struct Interner {
    text: String,
    /// End of each symbol's text; it starts where the one before ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Default for Interner {
    fn default() -> Self {
        Self::new()
    }
}

impl Interner {
    pub fn new() -> Self {
        let mut interner = Interner { text: String::new(), ends: Vec::new(), table: HashTable::new() };
        for (word, _) in KEYWORDS {
            interner.intern(word);
        }
        interner
    }

    pub fn intern(&mut self, text: &str) -> Symbol {
        let Interner { text: buffer, ends, table } = self;
        let hash = hash(text.as_bytes());
        let entry = table.entry(
            hash,
            |&id| text_of(buffer, ends, id) == text.as_bytes(),
            |&id| self::hash(text_of(buffer, ends, id)),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => Symbol(*entry.get()),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let id = ends.len() as u32;
                entry.insert(id);
                buffer.push_str(text);
                ends.push(buffer.len() as u32);
                Symbol(id)
            }
        }
    }

    /// The symbol of a text that has one.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        let found =
            self.table.find(hash(text.as_bytes()), |&id| text_of(&self.text, &self.ends, id) == text.as_bytes());
        found.map(|&id| Symbol(id))
    }

    pub fn get(&self, symbol: Symbol) -> &str {
        let index = symbol.0 as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn text_of<'a>(buffer: &'a str, ends: &[u32], id: u32) -> &'a [u8] {
    let start = if id == 0 { 0 } else { ends[id as usize - 1] as usize };
    &buffer.as_bytes()[start..ends[id as usize] as usize]
}

fn hash(text: &[u8]) -> u64 {
    FxBuildHasher.hash_one(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_symbol_per_text() {
        let mut interner = Interner::new();
        let a = interner.intern("alpha");
        let b = interner.intern("beta");
        assert_ne!(a, b);
        assert_eq!(interner.intern("alpha"), a);
        assert_eq!(interner.get(b), "beta");
        assert_eq!(interner.find("beta"), Some(b));
        assert_eq!(interner.find("gamma"), None);
        let empty = interner.intern("");
        assert_eq!(interner.get(empty), "");
    }

    #[test]
    fn keywords_come_first() {
        let mut interner = Interner::new();
        for (index, (word, _)) in KEYWORDS.iter().enumerate() {
            assert_eq!(interner.intern(word), Symbol(index as u32));
        }
    }
}
