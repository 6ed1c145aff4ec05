//! Types seen at run time, by instruction.

use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, StructId};
use crate::facts::native_forms::FEW;
use crate::runtime::object::Storage;
use crate::runtime::value::Tag;

/// A set of types.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TagSet(u32);

impl TagSet {
    pub const NUMBERS: TagSet = TagSet(1 << Tag::Int as u32 | 1 << Tag::Float as u32);
    /// Whatever a value may be.
    pub const ALL: TagSet = TagSet(!(1 << Tag::Undef as u32));
    /// What is iterated without calling anything.
    pub const PLAIN_ITERABLES: TagSet = TagSet(
        1 << Tag::List as u32
            | 1 << Tag::Tuple as u32
            | 1 << Tag::Dict as u32
            | 1 << Tag::Str as u32
            | 1 << Tag::Range as u32,
    );

    pub fn add(&mut self, tag: Tag) {
        self.0 |= 1 << tag as u32;
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The one type, if there is exactly one.
    pub fn single(self) -> Option<Tag> {
        if self.0.count_ones() != 1 {
            return None;
        }
        ALL_TAGS.into_iter().find(|&tag| self.contains(tag))
    }

    pub fn contains(self, tag: Tag) -> bool {
        self.0 >> tag as u32 & 1 == 1
    }

    pub fn without(self, tag: Tag) -> TagSet {
        TagSet(self.0 & !(1 << tag as u32))
    }

    pub fn within(self, other: TagSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The set as bits, one for each tag's number.
    pub fn bits(self) -> u32 {
        self.0
    }

    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The kinds of value that these are, for the table of native forms. Several types that are one kind are told apart
    /// by native code, so they are as good as anything; and so is nothing.
    pub fn kinds(self) -> Tags {
        let kinds =
            ALL_TAGS.into_iter().filter(|tag| self.contains(*tag)).fold(Tags::NONE, |all, tag| all.or(tag.kind()));
        if self.is_empty() || self.count() > 1 && kinds.is_single() { Tags::ALL } else { kinds }
    }
}

/// Where an entry of a dict was seen first, if that was near the dict's beginning.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Position(u8);

impl Position {
    pub fn note(&mut self, position: usize) {
        if self.0 == 0 {
            self.0 = u8::try_from(position + 1).unwrap_or(0);
        }
    }

    pub fn get(self) -> Option<u8> {
        self.0.checked_sub(1)
    }
}

/// Every type, in the order of its number.
pub const ALL_TAGS: [Tag; 21] = [
    Tag::Int,
    Tag::Float,
    Tag::Bool,
    Tag::Void,
    Tag::Undef,
    Tag::Function,
    Tag::Builtin,
    Tag::Module,
    Tag::Str,
    Tag::List,
    Tag::Tuple,
    Tag::Dict,
    Tag::Range,
    Tag::Closure,
    Tag::Struct,
    Tag::Instance,
    Tag::BoundMethod,
    Tag::Cell,
    Tag::Task,
    Tag::Channel,
    Tag::ChannelCore,
];

/// One thing, several things, or nothing yet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Seen<T> {
    #[default]
    Nothing,
    One(T),
    Many,
}

impl<T: PartialEq + Copy> Seen<T> {
    pub fn add(&mut self, value: T) {
        *self = match *self {
            Seen::Nothing => Seen::One(value),
            Seen::One(known) if known == value => Seen::One(known),
            _ => Seen::Many,
        }
    }

    pub fn one(self) -> Option<T> {
        if let Seen::One(value) = self { Some(value) } else { None }
    }
}

/// A function, and what calls of values come to it by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Callee {
    pub func: FuncId,
    pub via: Via,
}

/// What is called when a function is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The function, which has captured nothing.
    Function,
    Closure,
    /// A method bound to its receiver, which becomes the first argument.
    BoundMethod,
    /// The same of a method that has captured something.
    BoundClosure,
}

/// A few structs or functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Few<T> {
    /// The first `count` are there; the others are as they were made.
    ids: [T; FEW],
    count: usize,
    more: bool,
}

impl Few<StructId> {
    const NONE: Self = Few { ids: [StructId(0); FEW], count: 0, more: false };
}

impl Few<Callee> {
    const NONE: Self = Few { ids: [Callee { func: FuncId(0), via: Via::Function }; FEW], count: 0, more: false };
}

impl<T: PartialEq + Copy> Few<T> {
    pub fn add(&mut self, id: T) {
        if self.ids[..self.count].contains(&id) {
            return;
        }
        match self.ids.get_mut(self.count) {
            Some(place) => (*place, self.count) = (id, self.count + 1),
            None => self.more = true,
        }
    }

    /// Something that cannot be remembered was seen besides.
    pub fn add_other(&mut self) {
        self.more = true;
    }

    /// All that were seen, in the order they were seen; nothing if they were more than can be remembered.
    pub fn all(&self) -> &[T] {
        if self.more { &[] } else { &self.ids[..self.count] }
    }
}

/// Ints up to this magnitude are exact as floats.
pub const EXACT: i64 = 1 << 53;

/// Whether an int is beyond those that floats tell apart.
pub fn is_inexact(int: i64) -> bool {
    int.unsigned_abs() > EXACT as u64
}

/// What was seen at one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeFeedback {
    /// It was executed while recording, whether or not it has operands to note.
    pub reached: bool,
    /// The value it wrote (the item, for an iteration).
    pub result: TagSet,
    /// The second value it wrote.
    pub second: TagSet,
    /// First and second operand, as [`observed`](crate::facts::native_forms::observed) has them; the second of an
    /// iteration over a list by pairs are the items that are taken apart.
    pub a: TagSet,
    pub b: TagSet,
    /// How the list that is accessed keeps its elements; empty lists do not count.
    pub storage: Seen<Storage>,
    /// A list that is accessed was empty, and so may keep its elements in any way.
    pub empty: bool,
    /// Whether the texts that are accessed are all ASCII.
    pub ascii: Seen<bool>,
    /// An index, a divisor or an exponent was negative.
    pub negative: bool,
    /// An int beside something else was beyond those that floats tell apart.
    pub inexact: bool,
    /// The struct of the instance that is accessed.
    pub instance_of: Seen<StructId>,
    /// The structs of the instances that were accessed.
    pub structs: Few<StructId>,
    /// It raised an error that was caught in code which was recorded along with it.
    pub raised: bool,
    /// An instance had fields beside its fixed slots, one of which may be called like a method.
    pub extra: bool,
    /// The functions that were called.
    pub callees: Few<Callee>,
    /// Where the entry is that is accessed, among those that its dict lists.
    pub position: Position,
}

impl TypeFeedback {
    /// What is known of an instruction that was never recorded.
    pub const NOTHING: TypeFeedback = TypeFeedback {
        reached: false,
        result: TagSet(0),
        second: TagSet(0),
        a: TagSet(0),
        b: TagSet(0),
        storage: Seen::Nothing,
        empty: false,
        ascii: Seen::Nothing,
        negative: false,
        inexact: false,
        instance_of: Seen::Nothing,
        structs: Few::<StructId>::NONE,
        raised: false,
        extra: false,
        callees: Few::<Callee>::NONE,
        position: Position(0),
    };

    /// Whether every value seen here was of one type.
    pub fn is_monomorphic(&self) -> bool {
        self.result.count() <= 1 && self.a.count() <= 1 && self.b.count() <= 1
    }

    fn is_seen(&self) -> bool {
        !(self.result.is_empty() && self.a.is_empty() && self.b.is_empty())
    }
}

/// Instructions of a page of [`TypeProfile`].
const PAGE: usize = 64;

static NOTHING: TypeFeedback = TypeFeedback::NOTHING;

/// The feedback of a whole program, by index into its code. Most of a large program is never recorded, so there is
/// memory only for pages that were.
#[derive(Debug, Default)]
pub struct TypeProfile {
    pages: Vec<Option<Box<[TypeFeedback; PAGE]>>>,
    /// How often a site has shown something new.
    news: u64,
}

impl TypeProfile {
    pub fn new(code_len: usize) -> TypeProfile {
        TypeProfile { pages: vec![None; code_len.div_ceil(PAGE)], news: 0 }
    }

    pub fn at(&self, pc: u32) -> &TypeFeedback {
        let index = pc as usize;
        self.pages[index / PAGE].as_ref().map_or(&NOTHING, |page| &page[index % PAGE])
    }

    /// Adds to what was seen at an instruction; whether that was anything new.
    pub fn note(&mut self, pc: u32, add: impl FnOnce(&mut TypeFeedback)) -> bool {
        let site = self.site(pc);
        let before = *site;
        add(site);
        let is_new = *site != before;
        self.news += u64::from(is_new);
        is_new
    }

    /// Notes that an instruction is come to; whether it is for the first time. As [`TypeProfile::note`], for every
    /// instruction that is recorded.
    pub fn reach(&mut self, pc: u32) -> bool {
        let is_new = !std::mem::replace(&mut self.site(pc).reached, true);
        self.news += u64::from(is_new);
        is_new
    }

    fn site(&mut self, pc: u32) -> &mut TypeFeedback {
        let index = pc as usize;
        let page = self.pages[index / PAGE].get_or_insert_with(|| Box::new([TypeFeedback::NOTHING; PAGE]));
        &mut page[index % PAGE]
    }

    /// How often anything new was seen so far: code that was built at the same number would be built the same again.
    pub fn news(&self) -> u64 {
        self.news
    }

    /// How many instructions were observed, and how many of them are monomorphic.
    pub fn counts(&self) -> (usize, usize) {
        let sites = self.pages.iter().flatten().flat_map(|page| page.iter());
        let observed = sites.filter(|site| site.is_seen());
        let (all, monomorphic) =
            observed.fold((0, 0), |(all, mono), site| (all + 1, mono + usize::from(site.is_monomorphic())));
        (all, monomorphic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_recorded_is_empty_and_shares_no_page_with_what_was() {
        let mut profile = TypeProfile::new(2 * PAGE + 1);
        assert!(profile.reach(PAGE as u32));
        assert!(!profile.reach(PAGE as u32) && !profile.note(PAGE as u32, |site| site.reached = true), "nothing new");
        assert_eq!(profile.pages.iter().flatten().count(), 1);
        assert!(profile.at(PAGE as u32).reached && !profile.at(PAGE as u32 + 1).reached);
        assert_eq!(*profile.at(2 * PAGE as u32), TypeFeedback::NOTHING);
    }

    #[test]
    fn a_few_structs_are_remembered_and_many_are_not() {
        let mut structs = Few::<StructId>::NONE;
        let ids = (0..FEW as u32).map(|index| StructId(7 * index + 3)).collect::<Vec<_>>();
        for id in ids.iter().chain(&ids[..2]) {
            structs.add(*id);
        }
        assert_eq!(structs.all(), ids);
        structs.add(StructId(9));
        assert!(structs.all().is_empty());
    }

    #[test]
    fn one_type_is_monomorphic_and_two_are_not() {
        let mut feedback = TypeFeedback::NOTHING;
        feedback.result.add(Tag::Int);
        assert!(feedback.is_monomorphic());
        assert_eq!(feedback.result.single(), Some(Tag::Int));
        feedback.result.add(Tag::Float);
        assert!(!feedback.is_monomorphic());
        assert_eq!(feedback.result.single(), None);
        assert!(feedback.result.within(TagSet::NUMBERS));
    }
}
