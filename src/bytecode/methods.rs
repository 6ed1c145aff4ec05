//! The table of built-in methods: receiver type, name, parameters, effect, memory, result. walrusc reads it for analysis and
//! suggestions; the runtime takes its dispatch table from it, so a row without an implementation does not compile, and holds each
//! call to its row in debug builds.

use super::signature::{Memory, Shape, results::*};
use super::types::Tags;

/// Calls `$then!` with every row. Parameters after `;` may be left out. Effects: `reads` (looks at the receiver and its elements),
/// `mutates` (changes the receiver), `calls` (runs a function it is given, or the `next` of an instance). Then what it does to the
/// heap: `none` or `allocates` ([`Memory`]). Behind the arrow the result: a [`Shape`], if nothing else is to be said of the call,
/// or a [`MethodRule`] in brackets.
#[macro_export]
macro_rules! for_each_method {
    ($then:ident) => {
        $then! {
            list push (x;) mutates allocates -> [Keeps(0)];
            list pop (;) mutates none -> [Item];
            list len (;) reads none -> INT;
            list clear (;) mutates none -> VOID;
            list reverse (;) mutates none -> VOID;
            list contains (x;) reads none -> BOOL;
            list insert (i, x;) mutates allocates -> [Keeps(1)];
            list remove (i;) mutates none -> [Item];
            list sort (;by) calls allocates -> [Sorts];
            list sorted (;by) calls allocates -> [SortedCopy];
            list map (f;) calls allocates -> [Maps];
            list filter (f;) calls allocates -> [Filters];
            list reduce (f, init;) calls allocates -> [Reduces];
            list join (sep;) reads allocates -> STRING;
            list index_of (x;) reads none -> INT;
            list extend (iterable;) calls allocates -> [KeepsItems];
            list copy (;) reads allocates -> [Receiver];
            list first (;) reads none -> [ItemOrVoid];
            list last (;) reads none -> [ItemOrVoid];
            list sum (;) reads none -> [Sum];
            list min (;) reads none -> [ItemOrVoid];
            list max (;) reads none -> [ItemOrVoid];
            list sort_by (key;) calls allocates -> [CallsWithItem(VOID)];
            list reversed (;) reads allocates -> [Receiver];
            list unique (;) reads allocates -> [Receiver];
            list any (f;) calls allocates -> [CallsWithItem(BOOL)];
            list all (f;) calls allocates -> [CallsWithItem(BOOL)];
            list find (f;) calls allocates -> [Finds];
            list find_index (f;) calls allocates -> [CallsWithItem(INT)];
            list count (x;) reads none -> INT;
            list flat_map (f;) calls allocates -> [FlatMaps];
            list group_by (f;) calls allocates -> [Groups];
            list min_by (key;) calls allocates -> [Finds];
            list max_by (key;) calls allocates -> [Finds];
            list zip (other;) reads allocates -> [Zips];
            list enumerate (;) reads allocates -> [Enumerates];
            list chunks (n;) reads allocates -> [Chunks];

            string len (;) reads none -> INT;
            string upper (;) reads allocates -> STRING;
            string lower (;) reads allocates -> STRING;
            string trim (;) reads allocates -> STRING;
            string split (;sep) reads allocates -> LIST_OF_STRINGS;
            string contains (s;) reads none -> BOOL;
            string starts_with (s;) reads none -> BOOL;
            string ends_with (s;) reads none -> BOOL;
            string replace (a, b;) reads allocates -> STRING;
            string chars (;) reads allocates -> LIST_OF_STRINGS;
            string lines (;) reads allocates -> LIST_OF_STRINGS;
            string index_of (s; from) reads none -> INT;
            string repeat (n;) reads allocates -> STRING;
            string pad_left (n, s;) reads allocates -> STRING;
            string pad_right (n, s;) reads allocates -> STRING;
            string to_int (;) reads none -> INT_OR_VOID;
            string to_float (;) reads none -> FLOAT_OR_VOID;
            string split_once (sep;) reads allocates -> PAIR_OF_STRINGS_OR_VOID;
            string trim_start (;) reads allocates -> STRING;
            string trim_end (;) reads allocates -> STRING;
            string count (s;) reads none -> INT;
            string reversed (;) reads allocates -> STRING;
            string code_at (i;) reads none -> INT;
            string is_digit (;) reads none -> BOOL;
            string is_alpha (;) reads none -> BOOL;
            string is_alnum (;) reads none -> BOOL;
            string is_space (;) reads none -> BOOL;
            string is_upper (;) reads none -> BOOL;
            string is_lower (;) reads none -> BOOL;

            dict len (;) reads none -> INT;
            dict keys (;) reads allocates -> [Keys];
            dict values (;) reads allocates -> [Values];
            dict items (;) reads allocates -> [Entries];
            dict contains (k;) reads none -> BOOL;
            dict get (k; default) reads none -> [ValueOrDefault];
            dict remove (k;) mutates none -> [ValueOrVoid];
            dict clear (;) mutates none -> VOID;
            dict copy (;) reads allocates -> [Receiver];
            dict map_values (f;) calls allocates -> [MapsValues];
            dict filter (f;) calls allocates -> [CallsWithEntry];
            dict sort_by (f;) calls allocates -> [CallsWithEntry];
            dict get_or_insert (k, default;) mutates allocates -> [GetsOrInserts];

            tuple len (;) reads none -> INT;
            tuple contains (x;) reads none -> BOOL;
            tuple index_of (x;) reads none -> INT;

            range len (;) reads none -> INT;
            range contains (x;) reads none -> BOOL;
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

/// What a call of a built-in method may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodEffect {
    Reads,
    Mutates,
    Calls,
}

/// What a call of a built-in method gives, and what it does with the types of receiver and arguments. A function among the arguments
/// is the first of them.
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

/// A row of the table.
#[derive(Debug)]
pub struct MethodSpec {
    pub receiver: Receiver,
    pub name: &'static str,
    /// Names of all parameters, the receiver not among them.
    pub params: &'static [&'static str],
    /// How many of them must be given.
    pub required: usize,
    pub effect: MethodEffect,
    pub memory: Memory,
    pub rule: MethodRule,
}

macro_rules! define_methods {
    ($(
        $receiver:ident $name:ident ($($param:ident),* ; $($optional:ident),*) $effect:ident $memory:ident -> $rule:tt;
    )*) => {
        /// Every built-in method, in the order of the table.
        pub static METHODS: &[MethodSpec] = &[$( MethodSpec {
            receiver: define_methods!(@receiver $receiver),
            name: stringify!($name),
            params: &[$( stringify!($param), )* $( stringify!($optional), )*],
            required: <[&str]>::len(&[$( stringify!($param) ),*]),
            effect: define_methods!(@effect $effect),
            memory: define_methods!(@memory $memory),
            rule: define_methods!(@rule $rule),
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
