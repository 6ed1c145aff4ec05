//! The rules between declarations, which hold without regard to code; and what is within what is declared.

use crate::bytecode::facts::TypeId;
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Tags, Type};
use crate::bytecode::verify::{FactTables, Held};
use crate::bytecode::{FactsError, FuncId, FunctionKind, GlobalId, ModuleKind, StructId};
use crate::facts::rules::{Place, SIDE_FIELDS};

/// A register that no frame names and nothing has set. No rule makes this type, no declaration can, and no value of it
/// has escaped: its class is none that a program has. It passes for the state of an iterator, so that
/// [`get`](crate::facts::rules::TypeEnv::get) tells both from values with one test, and an instruction that goes on
/// with such a state as with a value of any type is found out.
const UNSET: Type = Type { tags: Tags::ITER, class: ClassId(u32::MAX - 1), ids: IdSet::EMPTY };

impl Held {
    pub const UNSET: Held = Held::of(UNSET);

    pub fn is_unset(&self) -> bool {
        self.is_of(&Held::UNSET)
    }

    /// Whether this is within the type with a number, which is noted if it is that very type.
    #[inline(always)]
    pub fn is_within(&mut self, declared: TypeId, known: &FactTables, sets: &IdSets) -> bool {
        if self.declared == declared {
            return true;
        }
        let wanted = &known.types[declared.index()];
        if self.is_of(wanted) {
            self.declared = declared;
            return true;
        }
        known.is_below(sets, self.ty(), wanted.ty())
    }
}

impl FactTables<'_> {
    #[inline(always)]
    pub fn declared(&self, place: Place) -> Type {
        match place {
            Place::Global(global) => self.global(global),
            Place::Field(def, SIDE_FIELDS) => self.field(def, self.program.structs[def.index()].fields.len() as u32),
            Place::Field(def, field) => self.field(def, field),
            Place::Capture(func, capture) => {
                self.of(self.facts.captures[self.first_capture[func.index()] as usize + capture.index()])
            }
            Place::Param(func, param) => self.param(func, param),
            Place::Result(func) => self.result(func),
            Place::Slot(class, slot) => self.slot(class, slot),
            Place::Thrown => self.of(self.facts.thrown),
        }
    }

    /// Rules between declarations: what is said to have escaped must be declared unknown.
    pub fn declarations(&self) -> Result<(), FactsError> {
        let facts = self.facts;
        let need = |holds: bool, what: &'static str| if holds { Ok(()) } else { Err(FactsError::Contradictory(what)) };
        let main = self.program.modules.get(self.program.main.index()).map(|module| module.kind);
        if let Some(ModuleKind::File(body)) = main {
            need(facts.functions[body.index()].reached, "the main program is said not to run")?;
        }
        for (index, function) in self.program.functions.iter().enumerate() {
            let (func, claimed) = (FuncId(index as u32), facts.functions[index]);
            if claimed.escaped {
                need(claimed.reached, "a function called by unknown code is said not to run")?;
                let params = (0..function.params).all(|param| self.param(func, param) == Type::ANY);
                need(params, "a parameter that unknown code sets has a type")?;
            }
            if claimed.escaped || claimed.result_escaped || function.kind == FunctionKind::Async {
                need(self.has_escaped(&self.sets, self.result(func)), "what unknown code gets is not said to escape")?;
            }
            if claimed.reached && !claimed.followed {
                let params = (0..function.params).all(|param| self.has_escaped(&self.sets, self.param(func, param)));
                need(params, "a function without types is passed values that are not said to escape")?;
            }
        }
        let mut sets = self.sets.clone();
        for (index, def) in self.program.structs.iter().enumerate() {
            let (id, claimed) = (StructId(index as u32), facts.structs[index]);
            if claimed.escaped {
                need(claimed.instances_escaped, "unknown code can make instances that are not said to escape")?;
                let methods = def.methods.iter().all(|method| facts.functions[method.func.index()].escaped);
                need(methods, "unknown code can call a method that is not said to escape")?;
            }
            if claimed.instances_escaped {
                let fields = 0..=def.fields.len() as u32;
                need(
                    fields.into_iter().all(|f| self.field(id, f) == Type::ANY),
                    "a field that unknown code sets has a type",
                )?;
                let instance = Type { ids: sets.singleton(IdKind::Instance(id)), ..Type::of(Tags::INSTANCE) };
                for method in &def.methods {
                    let claimed = facts.functions[method.func.index()];
                    need(
                        claimed.reached && claimed.result_escaped,
                        "unknown code can call a method that is said not to run",
                    )?;
                    for param in 0..self.program.functions[method.func.index()].params {
                        let declared = self.param(method.func, param);
                        let passed = if method.takes_self && param == 0 { instance } else { Type::ANY };
                        need(self.is_within(&sets, passed, declared), "a parameter that unknown code sets has a type")?;
                    }
                }
            }
        }
        for (index, module) in self.program.modules.iter().enumerate() {
            if facts.escaped_modules[index] {
                for export in &module.exports {
                    need(facts.escaped_globals[export.global.index()], "unknown code can read a global of a module")?;
                }
            }
        }
        for index in 0..facts.escaped_globals.len() {
            if facts.escaped_globals[index] {
                need(
                    self.has_escaped(&sets, self.global(GlobalId(index as u32))),
                    "what unknown code gets is not said to escape",
                )?;
            }
        }
        Ok(())
    }

    /// Whether unknown code may have a value of this type.
    pub fn has_escaped(&self, sets: &IdSets, ty: Type) -> bool {
        (ty.class == ClassId::NONE || ty.class == ClassId::ANY) && self.ids_escaped(sets, ty.ids)
    }

    pub fn ids_escaped(&self, sets: &IdSets, set: IdSet) -> bool {
        let facts = self.facts;
        set == IdSet::TOP
            || sets.members(set).iter().all(|id| match id.unpack() {
                Some(IdKind::Function(func)) => facts.functions[func.index()].escaped,
                Some(IdKind::Struct(def)) => facts.structs[def.index()].escaped,
                Some(IdKind::Instance(def)) => facts.structs[def.index()].instances_escaped,
                Some(IdKind::Module(module)) => facts.escaped_modules[module.index()],
                Some(IdKind::Builtin(_)) => true,
                None => false,
            })
    }

    #[inline]
    pub fn is_within(&self, sets: &IdSets, a: Type, b: Type) -> bool {
        a == b || self.is_below(sets, a, b)
    }

    /// [`Self::is_within`] of types that differ.
    #[inline(never)]
    pub fn is_below(&self, sets: &IdSets, a: Type, b: Type) -> bool {
        a.tags.within(b.tags)
            && (a.class == ClassId::NONE || a.class == b.class)
            && (sets.is_subset(a.ids, b.ids) || (b.ids == IdSet::TOP && self.ids_escaped(sets, a.ids)))
    }
}
