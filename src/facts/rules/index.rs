//! What the rules look up by name, found once per program.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use crate::bytecode::builtins::{BUILTINS, BuiltinSpec, find_builtin};
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::{BuiltinId, FuncId, GlobalId, ModuleKind, Program, SiteId, StrId, StructId};

/// A name, the same for equal strings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(pub u32);

/// A method of a struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MethodEntry {
    pub func: FuncId,
    pub takes_self: bool,
}

/// What a name means in a module.
#[derive(Clone, Copy, Debug)]
pub enum ModuleEntry {
    Global(GlobalId),
    Builtin(&'static BuiltinSpec),
}

fn builtin_row(module: &str, name: &str) -> Option<&'static BuiltinSpec> {
    find_builtin(module, name).map(|row| &BUILTINS[row])
}

/// What a name means for a struct. Names in a struct are different in any verified program.
fn among<T: Copy>(entries: &[(Name, T)], first: &[u32], def: StructId, name: Name) -> Option<T> {
    let (start, end) = (*first.get(def.index())?, *first.get(def.index() + 1)?);
    let own = &entries[start as usize..end as usize];
    let index = if own.len() <= 8 {
        own.iter().position(|entry| entry.0 == name)?
    } else {
        own.binary_search_by_key(&name, |entry| entry.0).ok()?
    };
    Some(own[index].1)
}

/// Lookups by name.
#[derive(Default, Debug)]
pub struct RuleIndex {
    /// For each string, the first equal one.
    names: Vec<u32>,
    /// The fields of all structs, end to end, those of each by name: its position in the layout. Sorted runs take less
    /// than half the time of one large hash table, whose every answer is a cache miss.
    fields: Vec<(Name, u32)>,
    first_field: Vec<u32>,
    /// Likewise.
    methods: Vec<(Name, MethodEntry)>,
    first_method: Vec<u32>,
    exports: FxHashMap<(u32, Name), GlobalId>,
    /// The built-ins the program uses.
    builtins: Vec<Option<&'static BuiltinSpec>>,
    /// Position in the table of built-in methods, per receiver.
    builtin_methods: FxHashMap<(Receiver, Name), usize>,
    init: Option<Name>,
    iter: Option<Name>,
    next: Option<Name>,
    init_args: Vec<u16>,
    differ: bool,
}

impl RuleIndex {
    pub fn new(program: &Program) -> RuleIndex {
        let text = |id: u32| program.strings.get(StrId(id)).unwrap_or("");
        // The standard hasher is keyed at random: no file can be made whose names collide.
        let keys = RandomState::new();
        let hash = |text: &str| keys.hash_one(text);
        // The first of all equal strings.
        let mut first: HashTable<u32> = HashTable::with_capacity(program.strings.len());
        let names: Vec<u32> = (0..program.strings.len() as u32)
            .map(|id| {
                let own = text(id);
                *first.entry(hash(own), |&other| text(other) == own, |&other| hash(text(other))).or_insert(id).get()
            })
            .collect();
        let named = |wanted: &str| first.find(hash(wanted), |&id| text(id) == wanted).map(|&id| Name(id));
        let index = RuleIndex {
            init: named("init"),
            iter: named("iter"),
            next: named("next"),
            builtin_methods: METHODS
                .iter()
                .enumerate()
                .filter_map(|(position, method)| Some(((method.receiver, named(method.name)?), position)))
                .collect(),
            names,
            builtins: program
                .builtins
                .iter()
                .map(|builtin| builtin_row(program.strings.get(builtin.module)?, program.strings.get(builtin.name)?))
                .collect(),
            ..RuleIndex::default()
        };
        index.with_members(program)
    }

    /// The same for a program with the same strings and built-ins.
    pub fn of_copies(&self, program: &Program) -> RuleIndex {
        let index = RuleIndex {
            names: self.names.clone(),
            builtins: self.builtins.clone(),
            builtin_methods: self.builtin_methods.clone(),
            init: self.init,
            iter: self.iter,
            next: self.next,
            ..RuleIndex::default()
        };
        index.with_members(program)
    }

    /// With the fields and methods of structs, and what modules export.
    fn with_members(self, program: &Program) -> RuleIndex {
        let mut index = self;
        index.first_field.push(0);
        index.first_method.push(0);
        index.fields.reserve(program.structs.iter().map(|def| def.fields.len()).sum());
        index.methods.reserve(program.structs.iter().map(|def| def.methods.len()).sum());
        index.exports.reserve(program.modules.iter().map(|module| module.exports.len()).sum());
        index.init_args.reserve(program.structs.len());
        let exists = |name: StrId| name.index() < program.strings.len();
        let mut differ = program.modules.iter().all(|module| exists(module.name))
            && program.structs.iter().all(|def| exists(def.name));
        for (position, def) in program.structs.iter().enumerate() {
            let id = StructId(position as u32);
            let (fields, methods) = (index.fields.len(), index.methods.len());
            for (slot, &field) in def.fields.iter().enumerate() {
                differ &= exists(field);
                let name = index.name(field);
                index.fields.push((name, slot as u32));
            }
            for method in &def.methods {
                differ &= exists(method.name);
                let name = index.name(method.name);
                index.methods.push((name, MethodEntry { func: method.func, takes_self: method.takes_self }));
            }
            index.fields[fields..].sort_unstable_by_key(|&(name, _)| name);
            index.methods[methods..].sort_unstable_by_key(|&(name, _)| name);
            differ &= index.fields[fields..].windows(2).all(|pair| pair[0].0 != pair[1].0)
                && index.methods[methods..].windows(2).all(|pair| pair[0].0 != pair[1].0);
            index.first_field.push(index.fields.len() as u32);
            index.first_method.push(index.methods.len() as u32);
            let init = index.init(id).and_then(|init| {
                Some(program.functions.get(init.func.index())?.params.saturating_sub(u16::from(init.takes_self)))
            });
            index.init_args.push(init.unwrap_or(0));
        }
        for (position, module) in program.modules.iter().enumerate() {
            for export in &module.exports {
                differ &= exists(export.name);
                let before = index.exports.insert((position as u32, index.name(export.name)), export.global);
                differ &= before.is_none();
            }
        }
        index.differ = differ;
        index
    }

    /// Whether the names of modules, of structs and of all that these hold exist, and those in one struct or module are
    /// different. It is the verifier's rule about names, which comes out of making the index.
    pub fn names_differ(&self) -> bool {
        self.differ
    }

    pub fn name(&self, string: StrId) -> Name {
        Name(self.names.get(string.index()).copied().unwrap_or(string.0))
    }

    /// The name at a site of a function.
    pub fn site_name(&self, program: &Program, func: FuncId, site: SiteId) -> Option<Name> {
        let sites = program.functions.get(func.index())?.sites.range();
        program.sites.get(sites)?.get(site.index()).map(|&name| self.name(name))
    }

    pub fn field(&self, def: StructId, name: Name) -> Option<u32> {
        among(&self.fields, &self.first_field, def, name)
    }

    pub fn method(&self, def: StructId, name: Name) -> Option<MethodEntry> {
        among(&self.methods, &self.first_method, def, name)
    }

    pub fn init(&self, def: StructId) -> Option<MethodEntry> {
        self.method(def, self.init?)
    }

    pub fn iter(&self, def: StructId) -> Option<MethodEntry> {
        self.method(def, self.iter?)
    }

    pub fn next(&self, def: StructId) -> Option<MethodEntry> {
        self.method(def, self.next?)
    }

    /// How many arguments making an instance takes.
    pub fn init_args(&self, def: StructId) -> u16 {
        self.init_args.get(def.index()).copied().unwrap_or(0)
    }

    pub fn builtin_method(&self, receiver: Receiver, name: Name) -> Option<usize> {
        self.builtin_methods.get(&(receiver, name)).copied()
    }

    /// A built-in's row of the table.
    pub fn builtin(&self, builtin: BuiltinId) -> Option<&'static BuiltinSpec> {
        self.builtins.get(builtin.index()).copied().flatten()
    }

    /// What a member of a module is.
    pub fn export(&self, program: &Program, module: u32, name: Name) -> Option<ModuleEntry> {
        if let Some(&global) = self.exports.get(&(module, name)) {
            return Some(ModuleEntry::Global(global));
        }
        match program.modules.get(module as usize)?.kind {
            ModuleKind::Std(path) => {
                let text = program.strings.get(StrId(name.0))?;
                builtin_row(program.strings.get(path)?, text).map(ModuleEntry::Builtin)
            }
            ModuleKind::File(_) => None,
        }
    }
}
