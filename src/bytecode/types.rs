//! The lattice of static types, shared by inference, the loader's check of facts, and the JIT.
//!
//! A [`Type`] says which kinds of value may be there ([`Tags`]), which *class* the containers among them belong to, and
//! which functions, structs, instances and modules they may be ([`IdSet`]).
//!
//! A class stands for a set of lists, tuples, dicts, cells and tasks, all objects created by one or more instructions;
//! it has one type for list items, one for dict keys, one for dict values and what tasks give, and four for tuple
//! items. Two types meet by merging their classes (Steensgaard's unification, Points-to Analysis in Almost Linear Time,
//! 1996), so whatever two names may share is one class, and a store through either is seen by both.
//!
//! Values that reach places nothing is known about belong to [`ClassId::ANY`], whose items may be anything, and to
//! [`IdSet::TOP`]. Invariant of every solution: what flows into `ANY` and `TOP` has *escaped*: items of escaped
//! containers, fields of escaped instances and parameters of escaped functions have type [`Type::ANY`], so code that
//! works on unknown values can do no harm to what is known.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

/// A set of kinds of value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tags(pub u16);

macro_rules! tags {
    ($($name:ident = $bit:literal, $text:literal;)*) => {
        impl Tags {
            $( pub const $name: Tags = Tags(1 << $bit); )*
            const NAMES: &[(Tags, &str)] = &[$( (Tags::$name, $text) ),*];
        }
    };
}

tags! {
    INT = 0, "int";
    FLOAT = 1, "float";
    BOOL = 2, "bool";
    STR = 3, "string";
    VOID = 4, "void";
    RANGE = 5, "range";
    LIST = 6, "list";
    TUPLE = 7, "tuple";
    DICT = 8, "dict";
    FUNCTION = 9, "function";
    STRUCT = 10, "struct";
    INSTANCE = 11, "struct instance";
    MODULE = 12, "module";
    // Channels share the bit, for want of another.
    TASK = 13, "task";
    CELL = 14, "cell";
    ITER = 15, "iterator";
}

impl Tags {
    pub const NONE: Tags = Tags(0);
    pub const ALL: Tags = Tags(u16::MAX);
    pub const NUMBER: Tags = Tags(Self::INT.0 | Self::FLOAT.0);
    /// Values that are no objects of the heap.
    pub const UNBOXED: Tags = Tags(Self::NUMBER.0 | Self::BOOL.0 | Self::VOID.0);
    /// Values that have a class.
    pub const CONTAINERS: Tags = Tags(Self::LIST.0 | Self::TUPLE.0 | Self::DICT.0 | Self::CELL.0 | Self::TASK.0);
    /// Values that have an identity.
    pub const IDENTIFIED: Tags = Tags(Self::FUNCTION.0 | Self::STRUCT.0 | Self::INSTANCE.0 | Self::MODULE.0);
    /// What can be called.
    pub const CALLABLE: Tags = Tags(Self::FUNCTION.0 | Self::STRUCT.0);
    /// What a `for` loop can go over; of instances, those with `iter` or `next`.
    pub const ITERABLE: Tags = Tags(
        Self::RANGE.0 | Self::STR.0 | Self::LIST.0 | Self::TUPLE.0 | Self::DICT.0 | Self::MODULE.0 | Self::INSTANCE.0,
    );
    /// What has a length.
    pub const SIZED: Tags =
        Tags(Self::STR.0 | Self::LIST.0 | Self::TUPLE.0 | Self::DICT.0 | Self::RANGE.0 | Self::MODULE.0);
    /// What a dict may have as a key; of tuples, those of such.
    pub const KEYS: Tags =
        Tags(Self::INT.0 | Self::FLOAT.0 | Self::BOOL.0 | Self::STR.0 | Self::VOID.0 | Self::RANGE.0 | Self::TUPLE.0);
    /// Values a program can see.
    pub const VISIBLE: Tags = Tags(Self::ALL.0 & !Self::CELL.0 & !Self::ITER.0);

    pub const fn or(self, other: Tags) -> Tags {
        Tags(self.0 | other.0)
    }

    pub const fn and(self, other: Tags) -> Tags {
        Tags(self.0 & other.0)
    }

    pub const fn without(self, other: Tags) -> Tags {
        Tags(self.0 & !other.0)
    }

    pub const fn meets(self, other: Tags) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn within(self, other: Tags) -> bool {
        self.0 & !other.0 == 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether exactly one kind of value is possible.
    pub const fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// The kinds, one by one.
    pub fn each(self) -> impl Iterator<Item = Tags> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lowest = rest & rest.wrapping_neg();
            rest ^= lowest;
            (lowest != 0).then_some(Tags(lowest))
        })
    }

    /// The kind that `core.type` calls so; none if it calls nothing so.
    pub fn named(name: &str) -> Tags {
        let found = Self::NAMES.iter().find(|(tag, text)| *text == name && tag.within(Self::VISIBLE));
        found.map_or(Self::NONE, |&(tag, _)| tag)
    }

    /// The names of the kinds, as `core.type` gives them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(tag, _)| self.meets(*tag)).map(|(_, name)| *name)
    }

    /// The kinds that a program can see, as messages name them: `int or string`.
    pub fn words(self) -> String {
        self.and(Tags::VISIBLE).names().collect::<Vec<_>>().join(" or ")
    }
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join("|"))
    }
}

/// What messages call a value of a type: `an int`, `a list of int`; of `void` there is only one.
pub fn with_article(ty: &str) -> String {
    match ty {
        "void" | "anything" => ty.to_owned(),
        _ if ty.starts_with("int") => format!("an {ty}"),
        _ => format!("a {ty}"),
    }
}

/// A class of containers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClassId(pub u32);

impl ClassId {
    /// Of types without containers.
    pub const NONE: ClassId = ClassId(u32::MAX);
    /// Containers that may hold anything and may be written by code that knows nothing of them.
    pub const ANY: ClassId = ClassId(0);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of identities, interned in [`IdSets`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct IdSet(pub u32);

impl IdSet {
    pub const EMPTY: IdSet = IdSet(0);
    /// Any function, struct, instance or module that has escaped.
    pub const TOP: IdSet = IdSet(u32::MAX);
}

/// Something with an identity known when compiling, in one word: two bits and a half of kind, the rest an index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity(pub u32);

/// An [`Identity`], unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdKind {
    Function(super::FuncId),
    Builtin(super::BuiltinId),
    Struct(super::StructId),
    Instance(super::StructId),
    Module(super::ModuleId),
}

impl Identity {
    /// One past the largest index an identity can hold; programs with more functions have [`IdSet::TOP`] instead.
    pub const LIMIT: u32 = 1 << 29;

    /// The kind, less than 8, and the index.
    fn parts(self) -> (usize, usize) {
        ((self.0 >> 29) as usize, (self.0 & (Self::LIMIT - 1)) as usize)
    }

    #[inline]
    pub fn unpack(self) -> Option<IdKind> {
        let index = self.0 & (Self::LIMIT - 1);
        Some(match self.0 >> 29 {
            0 => IdKind::Function(super::FuncId(index)),
            1 => IdKind::Builtin(super::BuiltinId(u16::try_from(index).ok()?)),
            2 => IdKind::Struct(super::StructId(index)),
            3 => IdKind::Instance(super::StructId(index)),
            4 => IdKind::Module(super::ModuleId(index)),
            _ => return None,
        })
    }
}

impl From<IdKind> for Identity {
    fn from(kind: IdKind) -> Identity {
        let (kind, index) = match kind {
            IdKind::Function(id) => (0, id.0),
            IdKind::Builtin(id) => (1, id.0.into()),
            IdKind::Struct(id) => (2, id.0),
            IdKind::Instance(id) => (3, id.0),
            IdKind::Module(id) => (4, id.0),
        };
        Identity(kind << 29 | index & (Self::LIMIT - 1))
    }
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    pub tags: Tags,
    pub class: ClassId,
    pub ids: IdSet,
}

impl Type {
    /// No value: what has this type is never reached.
    pub const NEVER: Type = Type::of(Tags::NONE);
    pub const ANY: Type = Type { tags: Tags::ALL, class: ClassId::ANY, ids: IdSet::TOP };
    pub const INT: Type = Type::of(Tags::INT);
    pub const FLOAT: Type = Type::of(Tags::FLOAT);
    pub const NUMBER: Type = Type::of(Tags::NUMBER);
    pub const BOOL: Type = Type::of(Tags::BOOL);
    pub const STR: Type = Type::of(Tags::STR);
    pub const VOID: Type = Type::of(Tags::VOID);

    /// A type without containers and identities.
    pub const fn of(tags: Tags) -> Type {
        Type { tags, class: ClassId::NONE, ids: IdSet::EMPTY }
    }

    pub const fn container(tags: Tags, class: ClassId) -> Type {
        Type { tags, class, ids: IdSet::EMPTY }
    }

    pub const fn is_never(self) -> bool {
        self.tags.is_empty()
    }

    /// This type less some kinds of value.
    pub fn without(self, tags: Tags) -> Type {
        let tags = self.tags.without(tags);
        Type {
            tags,
            class: if tags.meets(Tags::CONTAINERS) { self.class } else { ClassId::NONE },
            ids: if tags.meets(Tags::IDENTIFIED) { self.ids } else { IdSet::EMPTY },
        }
    }

    /// Those values of this type that are of some kinds.
    pub fn only(self, tags: Tags) -> Type {
        self.without(Tags::ALL.without(tags))
    }

    /// Whether exactly one kind of value is possible.
    pub const fn is_single(self) -> bool {
        self.tags.is_single()
    }
}

/// The types a class has for what its containers hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Slot {
    /// Items of lists; the value in a cell.
    Item,
    Key,
    /// Values of dicts; what a task gives.
    Value,
    Part0,
    Part1,
    Part2,
    /// Items of tuples from the fourth on.
    Rest,
}

impl Slot {
    pub const COUNT: usize = 7;
    pub const ALL: [Slot; Slot::COUNT] =
        [Slot::Item, Slot::Key, Slot::Value, Slot::Part0, Slot::Part1, Slot::Part2, Slot::Rest];
    pub const PARTS: [Slot; 4] = [Slot::Part0, Slot::Part1, Slot::Part2, Slot::Rest];

    /// The slot of a tuple's item.
    pub fn part(index: usize) -> Slot {
        Slot::PARTS[index.min(3)]
    }
}

/// Interned sets of identities. Past [`IdSets::MAX`] a set becomes [`IdSet::TOP`].
///
/// While types grow, a set that passes [`IdSets::EXACT`] takes in whatever is akin to its members: it has then done
/// most of its growing, and what comes later is within it.
#[derive(Clone, Debug)]
pub struct IdSets {
    /// The members of all sets, end to end.
    members: Vec<Identity>,
    /// Where the members of each set end.
    ends: Vec<u32>,
    /// The sets of one member, which nearly all are, by the kind and the index of that; [`IdSet::EMPTY`] where there is
    /// none.
    singles: [Vec<IdSet>; 8],
    /// The other sets by their members.
    index: HashTable<IdSet>,
    unions: FxHashMap<(IdSet, IdSet), IdSet>,
    kin: Kin,
}

/// Which identities are akin, for sets that grow large.
#[derive(Clone, Debug, Default)]
pub struct Kin {
    /// The functions that a program uses as values, by how many parameters they have; each ascending.
    functions: Vec<Vec<Identity>>,
}

impl Kin {
    /// With a function that is used as a value; functions come in ascending order.
    pub fn add(&mut self, func: super::FuncId, params: u16) {
        let params = usize::from(params);
        if self.functions.len() <= params {
            self.functions.resize(params + 1, Vec::new());
        }
        self.functions[params].push(IdKind::Function(func).into());
    }

    /// The functions that are akin to some of these, with these.
    fn of(&self, members: &[Identity]) -> Vec<Identity> {
        let mut all = members.to_vec();
        let are_met = |kin: &&Vec<Identity>| members.iter().any(|id| kin.binary_search(id).is_ok());
        self.functions.iter().filter(are_met).for_each(|kin| all.extend(kin));
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Default for IdSets {
    fn default() -> Self {
        let (members, ends, singles) = (Vec::new(), vec![0], Default::default());
        let (index, unions, kin) = (HashTable::new(), FxHashMap::default(), Kin::default());
        IdSets { members, ends, singles, index, unions, kin }
    }
}

fn hash_members(members: &[Identity]) -> u64 {
    let mut hasher = FxHasher::default();
    members.iter().for_each(|id| hasher.write_u32(id.0));
    hasher.finish()
}

fn members_of<'a>(members: &'a [Identity], ends: &[u32], set: IdSet) -> &'a [Identity] {
    let index = set.0 as usize;
    let Some(&end) = ends.get(index) else { return &[] };
    let start = index.checked_sub(1).map_or(0, |before| ends[before]);
    &members[start as usize..end as usize]
}

impl IdSets {
    /// A set of more members loses what is known of them all.
    pub const MAX: usize = 1024;

    /// As many functions as one parameter is given in large programs. A set with more is of all functions with as many
    /// parameters, so that it need not be made again for each that comes.
    pub const EXACT: usize = 256;

    /// Sets that are to grow, in a program where these identities are akin.
    pub fn growing(kin: Kin) -> IdSets {
        IdSets { kin, ..IdSets::default() }
    }

    /// With room for so many sets, most of them of one member.
    pub fn with_capacity(sets: usize) -> IdSets {
        let mut all = IdSets::default();
        all.members.reserve(sets);
        all.ends.reserve(sets);
        all
    }

    /// The set with these members, which must be ascending and without duplicates.
    pub fn intern(&mut self, members: &[Identity]) -> IdSet {
        debug_assert!(members.windows(2).all(|pair| pair[0] < pair[1]));
        if members.len() > Self::MAX {
            return IdSet::TOP;
        }
        if let Some(set) = self.find(members) {
            return set;
        }
        let set = IdSet(self.ends.len() as u32);
        self.members.extend_from_slice(members);
        self.ends.push(self.members.len() as u32);
        if let &[id] = members {
            let (kind, index) = id.parts();
            let singles = &mut self.singles[kind];
            if singles.len() <= index {
                singles.resize(index + 1, IdSet::EMPTY);
            }
            singles[index] = set;
        } else {
            let (all, ends) = (&self.members, &self.ends);
            self.index.insert_unique(hash_members(members), set, |&set| hash_members(members_of(all, ends, set)));
        }
        set
    }

    fn find(&self, members: &[Identity]) -> Option<IdSet> {
        match *members {
            [] => Some(IdSet::EMPTY),
            [id] => {
                let (kind, index) = id.parts();
                self.singles[kind].get(index).copied().filter(|&set| set != IdSet::EMPTY)
            }
            _ => self.index.find(hash_members(members), |&set| self.members(set) == members).copied(),
        }
    }

    pub fn singleton(&mut self, kind: IdKind) -> IdSet {
        self.intern(&[kind.into()])
    }

    /// The members; empty for [`IdSet::TOP`], which has to be looked for first.
    pub fn members(&self, set: IdSet) -> &[Identity] {
        members_of(&self.members, &self.ends, set)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn union(&mut self, a: IdSet, b: IdSet) -> IdSet {
        if a == b || b == IdSet::EMPTY {
            return a;
        }
        if a == IdSet::EMPTY {
            return b;
        }
        if a == IdSet::TOP || b == IdSet::TOP {
            return IdSet::TOP;
        }
        let key = (a.min(b), a.max(b));
        if let Some(&set) = self.unions.get(&key) {
            return set;
        }
        let mut members = [self.members(a), self.members(b)].concat();
        members.sort_unstable();
        members.dedup();
        if members.len() > Self::EXACT && !self.kin.functions.is_empty() {
            members = self.kin.of(&members);
        }
        let set = self.intern(&members);
        self.unions.insert(key, set);
        set
    }

    /// As [`Self::singleton`], for a set that is known to exist; `TOP` if it does not.
    pub fn known_singleton(&self, kind: IdKind) -> IdSet {
        let known = self.find(&[kind.into()]);
        debug_assert!(known.is_some(), "{kind:?} has not been met");
        known.unwrap_or(IdSet::TOP)
    }

    /// As [`Self::union`], for sets that have been united before.
    pub fn known_union(&self, a: IdSet, b: IdSet) -> IdSet {
        if self.is_subset(b, a) {
            return a;
        }
        if self.is_subset(a, b) {
            return b;
        }
        if a == IdSet::TOP || b == IdSet::TOP {
            return IdSet::TOP;
        }
        let known = self.unions.get(&(a.min(b), a.max(b))).copied();
        debug_assert!(known.is_some(), "{a:?} and {b:?} have not been united");
        known.unwrap_or(IdSet::TOP)
    }

    pub fn is_subset(&self, a: IdSet, b: IdSet) -> bool {
        a == b
            || a == IdSet::EMPTY
            || (a != IdSet::TOP
                && b != IdSet::TOP
                && self.members(a).iter().all(|id| self.members(b).binary_search(id).is_ok()))
    }
}

impl PartialOrd for IdSet {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdSet {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::{BuiltinId, FuncId, ModuleId, StructId};

    #[test]
    fn identities_keep_kind_and_index() {
        for kind in [
            IdKind::Function(FuncId(7)),
            IdKind::Builtin(BuiltinId(9)),
            IdKind::Struct(StructId(0)),
            IdKind::Instance(StructId(123_456)),
            IdKind::Module(ModuleId(3)),
        ] {
            assert_eq!(Identity::from(kind).unpack(), Some(kind));
        }
        assert_eq!(Identity(u32::MAX).unpack(), None);
    }

    #[test]
    fn unions_are_canonical_and_bounded() {
        let mut sets = IdSets::default();
        let one = |sets: &mut IdSets, func| sets.singleton(IdKind::Function(FuncId(func)));
        let (a, b) = (one(&mut sets, 1), one(&mut sets, 2));
        let ab = sets.union(a, b);
        assert_eq!(ab, sets.union(b, a));
        assert!(sets.is_subset(a, ab) && !sets.is_subset(ab, a));
        let mut all = ab;
        for func in 3..=IdSets::MAX as u32 + 1 {
            let next = one(&mut sets, func);
            all = sets.union(all, next);
        }
        assert_eq!(all, IdSet::TOP);
        assert!(!sets.is_subset(a, IdSet::TOP), "what is in TOP must have escaped, which the set alone cannot tell");
    }

    #[test]
    fn large_sets_take_in_what_is_akin() {
        let mut kin = Kin::default();
        let count = IdSets::EXACT as u32 + 100;
        (0..count).for_each(|func| kin.add(FuncId(func), (func % 2) as u16));
        let mut sets = IdSets::growing(kin);
        let mut all = IdSet::EMPTY;
        for func in 0..IdSets::EXACT as u32 {
            let next = sets.singleton(IdKind::Function(FuncId(func)));
            all = sets.union(all, next);
            assert_eq!(sets.members(all).len(), func as usize + 1);
        }
        let other = sets.singleton(IdKind::Struct(StructId(3)));
        all = sets.union(all, other);
        assert_eq!(sets.members(all).len(), count as usize + 1);
        let last = sets.singleton(IdKind::Function(FuncId(count - 1)));
        assert_eq!(sets.union(all, last), all);
    }

    #[test]
    fn removing_kinds_drops_what_only_they_had() {
        let list = Type::container(Tags::LIST.or(Tags::VOID), ClassId(4));
        assert_eq!(list.without(Tags::LIST), Type::VOID);
        assert_eq!(list.without(Tags::VOID), Type::container(Tags::LIST, ClassId(4)));
    }
}
