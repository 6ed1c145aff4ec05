//! The table of built-in methods: receiver type, name, parameters, effect, memory, result, and a sentence for the
//! library's page in `docs/`. walrusc reads it for analysis and suggestions; the runtime takes its dispatch table from
//! it, so a row without an implementation does not compile, and holds each call to its row in debug builds.

use super::signature::{Memory, Shape, Takes, results::*, takes};
use super::types::Tags;

/// Calls `$then!` with every row. Parameters in parentheses, each with what it takes ([`Takes`]); those after `;` may
/// be left out. Effects: `reads` (looks at the receiver and its elements), `mutates` (changes the receiver), `calls`
/// (runs a function it is given, or the `next` of an instance). Then what it does to the heap: `none` or `allocates`
/// ([`Memory`]). Behind the arrow the result: a [`Shape`], if nothing else is to be said of the call, or a
/// [`MethodRule`] in brackets.
#[macro_export]
macro_rules! for_each_method {
    ($then:ident) => {
        $then! {
            /// Adds an item at the end.
            list push (x: ANY;) mutates allocates -> [Keeps(0)];
            /// Removes the last item and gives it.
            /// Errors: `Cannot pop from an empty list`.
            list pop (;) mutates none -> [Item];
            /// How many items there are.
            list len (;) reads none -> INT;
            /// Removes all items.
            list clear (;) mutates none -> VOID;
            /// Turns the order round.
            list reverse (;) mutates none -> VOID;
            /// Whether an item equals the value.
            list contains (x: ANY;) reads none -> BOOL;
            /// Puts an item in front of the one at an index.
            /// Errors: `Index 10 out of bounds for object with len 2`.
            list insert (i: INT, x: ANY;) mutates allocates -> [Keeps(1)];
            /// Removes the item at an index and gives it.
            /// Errors: `Index 10 out of bounds for object with len 2`.
            list remove (i: INT;) mutates none -> [Item];
            /// Sorts, stably; `by(a, b)` gives an int.
            /// Errors: that of the comparison, `List changed during sort`.
            list sort (; by: ANY) calls allocates -> [Sorts];
            /// A sorted copy.
            /// Errors: that of the comparison.
            list sorted (; by: ANY) calls allocates -> [SortedCopy];
            /// A list of what the function makes of each item.
            list map (f: ANY;) calls allocates -> [Maps];
            /// A list of the items for which the function gives something true.
            list filter (f: ANY;) calls allocates -> [Filters];
            /// What the function makes of the result so far and the next item, from `init` on.
            list reduce (f: ANY, init: ANY;) calls allocates -> [Reduces];
            /// The texts of the items with a separator between them.
            list join (sep: STRING;) reads allocates -> STRING;
            /// Where a value is first; -1 if nowhere.
            list index_of (x: ANY;) reads none -> INT;
            /// Adds all items of a list, tuple, string, range, dict or other iterable.
            /// Errors: `Type 'int' is not iterable`.
            list extend (iterable: ITERABLE;) calls allocates -> [KeepsItems];
            /// A list of the same items.
            list copy (;) reads allocates -> [Receiver];
            /// The first item; void if there is none.
            list first (;) reads none -> [ItemOrVoid];
            /// The last item; void if there is none.
            list last (;) reads none -> [ItemOrVoid];
            /// The sum of the items; 0 of none.
            /// Errors: that of `+`.
            list sum (;) reads none -> [Sum];
            /// The least item; void if there is none.
            /// Errors: that of the comparison.
            list min (;) reads none -> [ItemOrVoid];
            /// The greatest item; void if there is none.
            /// Errors: that of the comparison.
            list max (;) reads none -> [ItemOrVoid];
            /// Sorts by what the function makes of each item, stably.
            /// Errors: that of the comparison, `List changed during sort`.
            list sort_by (key: ANY;) calls allocates -> [CallsWithItem(VOID)];
            /// A copy in the other order.
            list reversed (;) reads allocates -> [Receiver];
            /// The items without those that came before, by the rule for keys of dicts.
            /// Errors: `Type 'list' cannot be a dict key`.
            list unique (;) reads allocates -> [Receiver];
            /// Whether the function gives something true for some item.
            list any (f: ANY;) calls allocates -> [CallsWithItem(BOOL)];
            /// Whether the function gives something true for every item.
            list all (f: ANY;) calls allocates -> [CallsWithItem(BOOL)];
            /// The first item for which the function gives something true; void if there is none.
            list find (f: ANY;) calls allocates -> [Finds];
            /// Where that item is; -1 if there is none.
            list find_index (f: ANY;) calls allocates -> [CallsWithItem(INT)];
            /// How many items equal the value.
            list count (x: ANY;) reads none -> INT;
            /// The items of the lists that the function makes, in one list.
            list flat_map (f: ANY;) calls allocates -> [FlatMaps];
            /// A dict of lists of items by what the function makes of them.
            /// Errors: `Type 'list' cannot be a dict key`.
            list group_by (f: ANY;) calls allocates -> [Groups];
            /// The item of which the function makes the least; void if there is none.
            /// Errors: that of the comparison.
            list min_by (key: ANY;) calls allocates -> [Finds];
            /// The item of which the function makes the greatest; void if there is none.
            /// Errors: that of the comparison.
            list max_by (key: ANY;) calls allocates -> [Finds];
            /// Tuples of an item and the other list's at the same index, as many as the shorter list has.
            list zip (other: LIST;) reads allocates -> [Zips];
            /// Tuples of an index and its item.
            list enumerate (;) reads allocates -> [Enumerates];
            /// Lists of `n` items each, the last of what is left.
            /// Errors: `Chunk size must be at least 1`.
            list chunks (n: INT;) reads allocates -> [Chunks];

            /// How many characters there are.
            string len (;) reads none -> INT;
            /// In upper case.
            string upper (;) reads allocates -> STRING;
            /// In lower case.
            string lower (;) reads allocates -> STRING;
            /// Without white space at both ends.
            string trim (;) reads allocates -> STRING;
            /// The parts between separators; the characters for an empty one; the words between white space without
            /// one.
            string split (; sep: STRING) reads allocates -> LIST_OF_STRINGS;
            /// Whether a text is in it.
            string contains (s: STRING;) reads none -> BOOL;
            /// Whether it begins with a text.
            string starts_with (s: STRING;) reads none -> BOOL;
            /// Whether it ends with a text.
            string ends_with (s: STRING;) reads none -> BOOL;
            /// With every `a` replaced by `b`.
            string replace (a: STRING, b: STRING;) reads allocates -> STRING;
            /// The characters.
            string chars (;) reads allocates -> LIST_OF_STRINGS;
            /// The lines, without an empty last one.
            string lines (;) reads allocates -> LIST_OF_STRINGS;
            /// Where a text is first, from a character on; -1 if nowhere.
            /// Errors: `Index 10 out of bounds for object with len 2`.
            string index_of (s: STRING; from: INT) reads none -> INT;
            /// So many times.
            /// Errors: `Value too large`.
            string repeat (n: INT;) reads allocates -> STRING;
            /// Filled in front to so many characters.
            /// Errors: `Value too large`.
            string pad_left (n: INT, s: STRING;) reads allocates -> STRING;
            /// Filled behind to so many characters.
            /// Errors: `Value too large`.
            string pad_right (n: INT, s: STRING;) reads allocates -> STRING;
            /// The int it is in decimal; void if it is none.
            string to_int (;) reads none -> INT_OR_VOID;
            /// The float it is in decimal; void if it is none.
            string to_float (;) reads none -> FLOAT_OR_VOID;
            /// What stands before and behind the first separator; void if there is none.
            /// Errors: `Empty separator`.
            string split_once (sep: STRING;) reads allocates -> PAIR_OF_STRINGS_OR_VOID;
            /// Without white space at the beginning.
            string trim_start (;) reads allocates -> STRING;
            /// Without white space at the end.
            string trim_end (;) reads allocates -> STRING;
            /// How often a text is in it, without overlaps.
            string count (s: STRING;) reads none -> INT;
            /// The characters in the other order.
            string reversed (;) reads allocates -> STRING;
            /// The number of the character at an index.
            /// Errors: `Index 10 out of bounds for object with len 2`.
            string code_at (i: INT;) reads none -> INT;
            /// Whether it is not empty and all its characters are 0 to 9.
            string is_digit (;) reads none -> BOOL;
            /// Likewise, letters of any script.
            string is_alpha (;) reads none -> BOOL;
            /// Likewise, letters or numbers of any script.
            string is_alnum (;) reads none -> BOOL;
            /// Likewise, white space.
            string is_space (;) reads none -> BOOL;
            /// Likewise, upper case.
            string is_upper (;) reads none -> BOOL;
            /// Likewise, lower case.
            string is_lower (;) reads none -> BOOL;

            /// How many entries there are.
            dict len (;) reads none -> INT;
            /// The keys, in order.
            dict keys (;) reads allocates -> [Keys];
            /// The values, in order.
            dict values (;) reads allocates -> [Values];
            /// Tuples of key and value, in order.
            dict items (;) reads allocates -> [Entries];
            /// Whether there is an entry of a key.
            /// Errors: `Type 'list' cannot be a dict key`.
            dict contains (k: KEY;) reads none -> BOOL;
            /// The value at a key; the default, or void, if there is none.
            dict get (k: KEY; default: ANY) reads none -> [ValueOrDefault];
            /// Removes an entry and gives its value; void if there is none.
            dict remove (k: KEY;) mutates none -> [ValueOrVoid];
            /// Removes all entries.
            dict clear (;) mutates none -> VOID;
            /// A dict of the same entries.
            dict copy (;) reads allocates -> [Receiver];
            /// A dict of the same keys with what `f(key, value)` gives.
            /// Errors: `Dict changed size during iteration`.
            dict map_values (f: ANY;) calls allocates -> [MapsValues];
            /// A dict of the entries for which `f(key, value)` gives something true.
            /// Errors: `Dict changed size during iteration`.
            dict filter (f: ANY;) calls allocates -> [CallsWithEntry];
            /// A dict of the same entries in the order of what `f(key, value)` gives.
            /// Errors: that of the comparison, `Dict changed size during iteration`.
            dict sort_by (f: ANY;) calls allocates -> [CallsWithEntry];
            /// The value at a key, after inserting the default if there was none.
            dict get_or_insert (k: KEY, default: ANY;) mutates allocates -> [GetsOrInserts];

            /// How many items there are.
            tuple len (;) reads none -> INT;
            /// Whether an item equals the value.
            tuple contains (x: ANY;) reads none -> BOOL;
            /// Where a value is first; -1 if nowhere.
            tuple index_of (x: ANY;) reads none -> INT;

            /// How many ints there are.
            /// Errors: `Value too large`.
            range len (;) reads none -> INT;
            /// Whether an int is in it, or a float that equals one.
            range contains (x: ANY;) reads none -> BOOL;
        }
    };
}

/// Types that have built-in methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Receiver {
    List,
    String,
    Dict,
    Tuple,
    Range,
}

impl Receiver {
    /// Each with the kind of value that it is.
    pub const ALL: [(Tags, Receiver); 5] = [
        (Tags::LIST, Receiver::List),
        (Tags::STR, Receiver::String),
        (Tags::DICT, Receiver::Dict),
        (Tags::TUPLE, Receiver::Tuple),
        (Tags::RANGE, Receiver::Range),
    ];
    /// The kinds of value that have built-in methods.
    pub const TAGS: Tags = Tags::LIST.or(Tags::STR).or(Tags::DICT).or(Tags::TUPLE).or(Tags::RANGE);

    /// The kind of value that it is.
    pub fn tag(self) -> Tags {
        Receiver::ALL.into_iter().find(|(_, receiver)| *receiver == self).map_or(Tags::NONE, |(tag, _)| tag)
    }
}

/// What a call of a built-in method may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodEffect {
    Reads,
    Mutates,
    Calls,
}

/// What a call of a built-in method gives, and what it does with the types of receiver and arguments. A function among
/// the arguments is the first of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodRule {
    /// A value of this shape; the arguments are looked at only.
    Is(Shape),
    /// Void. The list keeps an argument as an item.
    Keeps(u16),
    /// Void. The list keeps the items of the first argument.
    KeepsItems,
    /// An item of the list.
    Item,
    ItemOrVoid,
    /// A container that may hold what the receiver holds.
    Receiver,
    /// The sum of the items.
    Sum,
    /// Void. Two items are given to the function, if there is one.
    Sorts,
    /// Likewise, with a list of the same items as result.
    SortedCopy,
    /// A list of what the function makes of an item.
    Maps,
    /// A list of those items of which the function says so.
    Filters,
    /// A value of this shape; the function is given an item.
    CallsWithItem(Shape),
    /// An item, found by giving items to the function, or void.
    Finds,
    /// A list of the items of the lists that the function makes of an item.
    FlatMaps,
    /// A dict of what the function makes of an item, with lists of such items.
    Groups,
    /// A list of pairs: an item, and one of the list that is the first argument.
    Zips,
    /// A list of pairs: an int and an item.
    Enumerates,
    /// A list of lists of items.
    Chunks,
    /// What the function makes of the last result, the second argument at first, and an item.
    Reduces,
    /// A list of the keys of the dict.
    Keys,
    /// A list of its values.
    Values,
    /// A list of tuples of both.
    Entries,
    /// A value of the dict, or the second argument, or void.
    ValueOrDefault,
    ValueOrVoid,
    /// A dict of the same keys, with what the function makes of a key and its value.
    MapsValues,
    /// A dict of the same entries, which are given to the function as key and value.
    CallsWithEntry,
    /// A value of the dict, which may keep both arguments as an entry.
    GetsOrInserts,
}

impl MethodRule {
    /// The kinds of value that a call may give.
    pub fn tags(self) -> Tags {
        use MethodRule::*;
        match self {
            Is(shape) | CallsWithItem(shape) => shape.tags,
            Keeps(_) | KeepsItems | Sorts => Tags::VOID,
            Item | ItemOrVoid | Finds | Reduces | Sum | ValueOrDefault | ValueOrVoid | GetsOrInserts => Tags::VISIBLE,
            Groups | MapsValues | CallsWithEntry => Tags::DICT,
            Receiver => Tags::LIST.or(Tags::DICT),
            SortedCopy | Maps | FlatMaps | Filters | Zips | Enumerates | Chunks | Keys | Values | Entries => Tags::LIST,
        }
    }
}

/// The methods of lists whose calls can be taken apart: the function that they are given is called with one item after
/// the other, and in between little is to be done. Native code makes loops of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListLoop {
    Map,
    Filter,
    Reduce,
    Any,
    All,
    Find,
    FindIndex,
}

impl ListLoop {
    /// The method of this name that takes so many arguments, if it is one of these.
    pub fn named(name: &str, argc: u16) -> Option<ListLoop> {
        let all = [
            ("map", ListLoop::Map),
            ("filter", ListLoop::Filter),
            ("reduce", ListLoop::Reduce),
            ("any", ListLoop::Any),
            ("all", ListLoop::All),
            ("find", ListLoop::Find),
            ("find_index", ListLoop::FindIndex),
        ];
        let (_, method) = all.into_iter().find(|(known, _)| *known == name)?;
        (method.takes() == argc).then_some(method)
    }

    /// How many arguments it takes; its function is given as many.
    pub fn takes(self) -> u16 {
        if self == ListLoop::Reduce { 2 } else { 1 }
    }

    /// Whether what it makes is a list.
    pub fn makes_list(self) -> bool {
        matches!(self, ListLoop::Map | ListLoop::Filter)
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct MethodSpec {
    pub receiver: Receiver,
    pub name: &'static str,
    /// Names of all parameters, the receiver not among them.
    pub params: &'static [&'static str],
    /// What each of them takes.
    pub takes: &'static [Takes],
    /// How many of them must be given.
    pub required: usize,
    pub effect: MethodEffect,
    pub memory: Memory,
    pub rule: MethodRule,
    pub doc: &'static str,
}

impl MethodSpec {
    /// Whether it may be called with so many arguments.
    pub fn fits(&self, argc: usize) -> bool {
        (self.required..=self.params.len()).contains(&argc)
    }

    /// Whether native code, which has no form of its own for a call of it with so many arguments, gives a helper its
    /// row: it runs no Walrus code.
    pub fn is_called_by_row(&self, argc: usize) -> bool {
        match self.effect {
            MethodEffect::Reads | MethodEffect::Mutates => self.fits(argc),
            MethodEffect::Calls => false,
        }
    }
}

macro_rules! define_methods {
    ($(
        $(#[doc = $doc:literal])*
        $receiver:ident $name:ident ($($param:ident: $takes:ident),* ; $($optional:ident: $optional_takes:ident),*) $effect:ident $memory:ident -> $rule:tt;
    )*) => {
        /// Every built-in method, in the order of the table.
        pub static METHODS: &[MethodSpec] = &[$( MethodSpec {
            receiver: define_methods!(@receiver $receiver),
            name: stringify!($name),
            params: &[$( stringify!($param), )* $( stringify!($optional), )*],
            takes: &[$( takes::$takes, )* $( takes::$optional_takes, )*],
            required: <[&str]>::len(&[$( stringify!($param) ),*]),
            effect: define_methods!(@effect $effect),
            memory: define_methods!(@memory $memory),
            rule: define_methods!(@rule $rule),
            doc: concat!($($doc),*),
        }, )*];
    };
    (@receiver list) => { Receiver::List };
    (@receiver string) => { Receiver::String };
    (@receiver dict) => { Receiver::Dict };
    (@receiver tuple) => { Receiver::Tuple };
    (@receiver range) => { Receiver::Range };
    (@effect reads) => { MethodEffect::Reads };
    (@effect mutates) => { MethodEffect::Mutates };
    (@effect calls) => { MethodEffect::Calls };
    (@memory none) => { Memory::None };
    (@memory allocates) => { Memory::Allocates };
    (@rule [$rule:ident $(($($args:tt)*))?]) => { MethodRule::$rule $(($($args)*))? };
    (@rule $shape:ident) => { MethodRule::Is($shape) };
}

for_each_method!(define_methods);

/// Position in [`METHODS`] of a type's method.
pub fn find_method(receiver: Receiver, name: &str) -> Option<usize> {
    METHODS.iter().position(|method| method.receiver == receiver && method.name == name)
}
