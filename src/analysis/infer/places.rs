//! The places of a program that have a type each, classes with their merging, and who has read what.

use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Kin, Slot, Type};
use crate::bytecode::{FuncId, Op, Program, StructId};
use crate::facts::rules::{Place, SIDE_FIELDS};

/// What has got to where nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Escapes {
    /// Called by unknown code, with unknown arguments.
    pub functions: Vec<bool>,
    /// What they return gets to unknown code.
    pub results: Vec<bool>,
    pub structs: Vec<bool>,
    pub instances: Vec<bool>,
    pub modules: Vec<bool>,
    /// Read by unknown code, through a module.
    pub globals: Vec<bool>,
}

/// All places.
#[derive(Clone, Debug)]
pub struct Places {
    types: Vec<Type>,
    /// For each place, the blocks that have read it. None are kept once the types are final.
    readers: Vec<Readers>,
    first_field: Vec<u32>,
    first_param: Vec<u32>,
    first_capture: Vec<u32>,
    first_result: u32,
    thrown: u32,
    /// Union-find over classes.
    parents: Vec<u32>,
    slots: Vec<[Type; Slot::COUNT]>,
    class_readers: Vec<Readers>,
    /// For each instruction, the class of what it makes.
    sites: Vec<u32>,
    pub sets: IdSets,
    pub escapes: Escapes,
    /// Merges that joins have asked for and nobody has carried out yet.
    pending: Vec<(ClassId, ClassId)>,
    /// Identities that have flowed into `TOP`.
    pub escaping: Vec<IdKind>,
    /// Blocks to run again.
    pub woken: Vec<u32>,
}

const NO_SITE: u32 = u32::MAX;

/// Which functions a program uses as values, by their parameters. Few programs use more than sets are exact for.
fn kin(program: &Program) -> Kin {
    let mut used: Vec<FuncId> = Vec::new();
    used.extend(program.code.iter().filter_map(|op| match *op {
        Op::LoadFn { func, .. } | Op::MakeClosure { func, .. } => Some(func),
        _ => None,
    }));
    let mut kin = Kin::default();
    if used.len() > IdSets::EXACT {
        used.sort_unstable();
        used.dedup();
        for func in used {
            kin.add(func, program.functions.get(func.index()).map_or(0, |function| function.params));
        }
    }
    kin
}

impl Places {
    pub fn new(program: &Program) -> Places {
        let mut next = program.globals.len() as u32;
        let mut take = |count: u32| {
            let first = next;
            next += count;
            first
        };
        let first_field = program.structs.iter().map(|def| take(def.fields.len() as u32 + 1)).collect();
        let first_param = program.functions.iter().map(|function| take(function.params.into())).collect();
        let first_capture = program.functions.iter().map(|function| take(function.captures.len() as u32)).collect();
        let first_result = take(program.functions.len() as u32);
        let thrown = take(1);
        let functions = program.functions.len();
        Places {
            types: vec![Type::NEVER; next as usize],
            readers: vec![Readers::default(); next as usize],
            first_field,
            first_param,
            first_capture,
            first_result,
            thrown,
            parents: vec![0],
            slots: vec![[Type::ANY; Slot::COUNT]],
            class_readers: vec![Readers::default()],
            sites: vec![NO_SITE; program.code.len()],
            sets: IdSets::growing(kin(program)),
            escapes: Escapes {
                functions: vec![false; functions],
                results: vec![false; functions],
                structs: vec![false; program.structs.len()],
                instances: vec![false; program.structs.len()],
                modules: vec![false; program.modules.len()],
                globals: vec![false; program.globals.len()],
            },
            pending: Vec::new(),
            escaping: Vec::new(),
            woken: Vec::new(),
        }
    }

    /// The position of a place other than a slot; `None` for what does not exist.
    fn position(&self, place: Place) -> Option<usize> {
        let position = match place {
            Place::Global(global) => global.index() as u32,
            Place::Field(def, SIDE_FIELDS) => {
                let end =
                    self.first_field.get(def.index() + 1).or(self.first_param.first()).unwrap_or(&self.first_result);
                end - 1
            }
            Place::Field(def, field) => self.first_field.get(def.index())? + field,
            Place::Capture(func, capture) => self.first_capture.get(func.index())? + u32::from(capture.0),
            Place::Param(func, param) => self.first_param.get(func.index())? + u32::from(param),
            Place::Result(func) => self.first_result + func.0,
            Place::Thrown => self.thrown,
            Place::Slot(..) => return None,
        };
        ((position as usize) < self.types.len()).then_some(position as usize)
    }

    pub fn find(&mut self, class: ClassId) -> ClassId {
        let mut current = class.index();
        while self.parents[current] as usize != current {
            let up = self.parents[current] as usize;
            self.parents[current] = self.parents[up];
            current = up;
        }
        ClassId(current as u32)
    }

    /// The type with its class named as it is called after all merging.
    #[inline]
    pub fn normal(&mut self, ty: Type) -> Type {
        if ty.class == ClassId::NONE || self.parents[ty.class.index()] == ty.class.0 {
            return ty;
        }
        Type { class: self.find(ty.class), ..ty }
    }

    /// The type in a place as it was written.
    pub fn get(&mut self, place: Place) -> Type {
        match place {
            Place::Slot(class, slot) => match class {
                ClassId::NONE => Type::NEVER,
                _ => {
                    let root = self.find(class);
                    self.slots[root.index()][slot as usize]
                }
            },
            _ => self.position(place).map_or(Type::ANY, |position| self.types[position]),
        }
    }

    /// The type in a place, for the block `reader`, which will be woken when the place grows.
    pub fn read(&mut self, place: Place, reader: u32) -> Type {
        let ty = match place {
            Place::Slot(ClassId::NONE, _) => return Type::NEVER,
            Place::Slot(class, slot) => {
                let root = self.find(class);
                if let Some(readers) = self.class_readers.get_mut(root.index()) {
                    readers.add(reader);
                }
                self.slots[root.index()][slot as usize]
            }
            _ => {
                let Some(position) = self.position(place) else { return Type::ANY };
                if let Some(readers) = self.readers.get_mut(position) {
                    readers.add(reader);
                }
                self.types[position]
            }
        };
        self.normal(ty)
    }

    /// Gives a place the type without class that one in another solution has, whose sets these are.
    pub fn give(&mut self, place: Place, ty: Type, sets: &IdSets) {
        debug_assert!(ty.class == ClassId::NONE && ty.ids != IdSet::TOP);
        let ids = self.sets.intern(sets.members(ty.ids));
        if let Some(position) = self.position(place) {
            self.types[position] = Type { ids, ..ty };
        }
    }

    /// See [`super::Inference::seal`]. Who has read what is forgotten.
    pub fn seal(&mut self) {
        self.readers = Vec::new();
        self.class_readers = Vec::new();
        // A class is merged into one with a smaller number, so one pass leaves every class one step from what it is
        // called now.
        for index in 0..self.parents.len() {
            self.parents[index] = self.parents[self.parents[index] as usize];
        }
        let parents = &self.parents;
        let normal = |ty: &mut Type| {
            if ty.class != ClassId::NONE {
                ty.class = ClassId(parents[ty.class.index()]);
            }
        };
        self.types.iter_mut().chain(self.slots.iter_mut().flatten()).for_each(normal);
    }

    /// The type in a place, once types are sealed.
    #[inline]
    pub fn final_type(&self, place: Place) -> Type {
        match place {
            Place::Slot(ClassId::NONE, _) => Type::NEVER,
            Place::Slot(class, slot) => {
                debug_assert_eq!(self.parents[class.index()], class.0);
                self.slots[class.index()][slot as usize]
            }
            _ => self.position(place).map_or(Type::ANY, |position| self.types[position]),
        }
    }

    /// The class of what the instruction at `pc` makes, once types are sealed. Every site that runs has been met by
    /// then.
    pub fn known_site(&self, pc: u32) -> ClassId {
        match self.sites.get(pc as usize) {
            Some(&site) if site != NO_SITE => ClassId(self.parents[site as usize]),
            _ => ClassId::ANY,
        }
    }

    /// Joins a type into a place; whether the place's type has changed. Readers are woken.
    pub fn grow(&mut self, place: Place, ty: Type) -> bool {
        let (changed, readers) = match place {
            Place::Slot(ClassId::NONE, _) => return false,
            Place::Slot(class, slot) => {
                let root = self.find(class).index();
                let old = self.slots[root][slot as usize];
                let Some((new, changed)) = self.grown(old, ty) else { return false };
                self.slots[root][slot as usize] = new;
                (changed, self.class_readers.get(root))
            }
            _ => {
                let Some(position) = self.position(place) else {
                    if ty != Type::ANY {
                        self.escape(ty);
                    }
                    return ty != Type::ANY;
                };
                let Some((new, changed)) = self.grown(self.types[position], ty) else { return false };
                self.types[position] = new;
                (changed, self.readers.get(position))
            }
        };
        if changed && let Some(readers) = readers {
            self.woken.extend(readers.iter());
        }
        // Even an unchanged type may have asked for a merge.
        changed || !self.pending.is_empty() || !self.escaping.is_empty()
    }

    /// What becomes of a place's type when another is joined into it, and whether that is a change; `None` if they are
    /// the same.
    #[inline]
    fn grown(&mut self, old: Type, ty: Type) -> Option<(Type, bool)> {
        let old = self.normal(old);
        if old == ty {
            return None;
        }
        let new = self.join(old, ty);
        Some((new, new != old))
    }

    /// Whether nothing is left to be carried out.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.escaping.is_empty() && self.woken.is_empty()
    }

    /// The least type above both. Merges of classes and escapes are noted, for the caller to settle.
    pub fn join(&mut self, a: Type, b: Type) -> Type {
        let (a, b) = (self.normal(a), self.normal(b));
        if a == b || b.is_never() {
            return a;
        }
        if a.is_never() {
            return b;
        }
        let class = match (a.class, b.class) {
            (ClassId::NONE, class) | (class, ClassId::NONE) => class,
            (x, y) if x == y => x,
            (x, y) => {
                self.pending.push((x, y));
                x.min(y)
            }
        };
        let ids = self.sets.union(a.ids, b.ids);
        if ids == IdSet::TOP {
            for set in [a.ids, b.ids] {
                self.escape_set(set);
            }
        }
        Type { tags: a.tags.or(b.tags), class, ids }
    }

    fn escape_set(&mut self, set: IdSet) {
        if set != IdSet::TOP {
            let members = self.sets.members(set);
            self.escaping.extend(members.iter().filter_map(|id| id.unpack()));
        }
    }

    /// Joins a type with `ANY`.
    pub fn escape(&mut self, ty: Type) {
        let ty = self.normal(ty);
        if ty.class != ClassId::NONE && ty.class != ClassId::ANY {
            self.pending.push((ClassId::ANY, ty.class));
        }
        self.escape_set(ty.ids);
    }

    /// Carries out merges until none is left. What two classes hold is joined slot by slot, which may ask for more.
    pub fn merge_pending(&mut self) {
        while let Some((a, b)) = self.pending.pop() {
            let (a, b) = (self.find(a), self.find(b));
            if a == b {
                continue;
            }
            // The smaller number stays: `ANY` is the smallest, and results do not depend on the order of merges.
            let (root, merged) = (a.min(b), a.max(b));
            self.parents[merged.index()] = root.0;
            let mut readers_of_merged =
                self.class_readers.get_mut(merged.index()).map(std::mem::take).unwrap_or_default();
            let (root_slots, merged_slots) = (self.slots[root.index()], self.slots[merged.index()]);
            let mut joined = root_slots;
            for slot in 0..Slot::COUNT {
                joined[slot] = self.join(root_slots[slot], merged_slots[slot]);
            }
            self.slots[root.index()] = joined;
            self.woken.extend(readers_of_merged.iter());
            let Some(readers) = self.class_readers.get_mut(root.index()) else { continue };
            self.woken.extend(readers.iter());
            if readers.len() < readers_of_merged.len() {
                std::mem::swap(readers, &mut readers_of_merged);
            }
            readers_of_merged.iter().for_each(|reader| readers.add(reader));
        }
    }

    /// Gives every field of a struct's instances the type `ANY`.
    pub fn open_fields(&mut self, def: StructId) {
        let Some(side) = self.position(Place::Field(def, SIDE_FIELDS)) else { return };
        for position in self.first_field[def.index()] as usize..=side {
            let old = std::mem::replace(&mut self.types[position], Type::ANY);
            self.escape(old);
            self.woken.extend(self.readers.get(position).into_iter().flat_map(Readers::iter));
        }
    }

    /// The class of what the instruction at `pc` makes.
    pub fn site(&mut self, pc: u32) -> ClassId {
        let Some(&site) = self.sites.get(pc as usize) else { return ClassId::ANY };
        if site != NO_SITE {
            return self.find(ClassId(site));
        }
        let class = self.parents.len() as u32;
        self.parents.push(class);
        self.slots.push([Type::NEVER; Slot::COUNT]);
        self.class_readers.push(Readers::default());
        self.sites[pc as usize] = class;
        ClassId(class)
    }

    /// One past the largest number of a class.
    pub fn class_count(&self) -> usize {
        self.parents.len()
    }

    /// The classes that are left after all merging, once types are sealed.
    pub fn classes(&self) -> impl Iterator<Item = ClassId> {
        (1..self.parents.len() as u32).filter(|&index| self.parents[index as usize] == index).map(ClassId)
    }

    /// The instructions that make containers, with the classes of what they make.
    pub fn sites(&self) -> impl Iterator<Item = (u32, ClassId)> {
        let made = (0..).zip(&self.sites).filter(|&(_, &site)| site != NO_SITE);
        made.map(|(pc, &site)| (pc, ClassId(self.parents[site as usize])))
    }
}

/// The blocks that have read a place. Most places have one or two, which need no allocation.
#[derive(Clone, Debug)]
struct Readers {
    few: [u32; 2],
    many: Vec<u32>,
}

impl Default for Readers {
    fn default() -> Self {
        Readers { few: [Readers::NONE; 2], many: Vec::new() }
    }
}

impl Readers {
    const NONE: u32 = u32::MAX;

    fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        // They are filled in order, and one that is free is followed by none.
        let few = self.few.iter().take_while(|&&reader| reader != Readers::NONE);
        few.chain(&self.many).copied()
    }

    fn add(&mut self, reader: u32) {
        for known in &mut self.few {
            if *known == reader {
                return;
            }
            if *known == Readers::NONE {
                *known = reader;
                return;
            }
        }
        let many = &mut self.many;
        // Blocks read in runs, so looking at the last few keeps most duplicates out; the rest is sorted out when a list
        // has doubled.
        if many.iter().rev().take(4).any(|&known| known == reader) {
            return;
        }
        many.push(reader);
        if many.len() >= 64 && many.len().is_power_of_two() {
            many.sort_unstable();
            many.dedup();
        }
    }
}
