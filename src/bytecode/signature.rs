//! What the tables of built-ins and of built-in methods say of results and memory: the columns that both share.
//!
//! Every row states each column; none has a default, so a new row cannot be believed to do less than it does. The type rules take
//! results from here, the native tier and the effects what a call may do, and debug builds hold each call to it.

use super::types::Tags;

/// A type that depends on no argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub tags: Tags,
    pub contents: Contents,
}

/// What a container made by a call holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contents {
    /// Anything; also of a value that is no container.
    Unknown,
    /// A list of such items.
    Items(Tags),
    /// A tuple of such items.
    Parts(Tags),
    /// A dict of such keys and values.
    Entries(Tags, Tags),
}

impl Shape {
    pub const fn of(tags: Tags) -> Shape {
        Shape { tags, contents: Contents::Unknown }
    }

    const fn list_of(items: Tags) -> Shape {
        Shape { tags: Tags::LIST, contents: Contents::Items(items) }
    }

    const fn dict_of(values: Tags) -> Shape {
        Shape { tags: Tags::DICT, contents: Contents::Entries(Tags::STR, values) }
    }

    const fn tuple_of(items: Tags) -> Shape {
        Shape { tags: Tags::TUPLE, contents: Contents::Parts(items) }
    }

    const fn or_void(self) -> Shape {
        Shape { tags: self.tags.or(Tags::VOID), contents: self.contents }
    }
}

/// What a call may do to the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// It allocates nothing.
    None,
    /// It may allocate; if there is too little room, that is found before it has had an effect.
    Allocates,
    /// It may collect garbage without the heap's asking for it, or change when the heap asks.
    Collects,
}

/// Names for the result columns.
pub mod results {
    use super::{Shape, Tags};

    pub const VOID: Shape = Shape::of(Tags::VOID);
    pub const INT: Shape = Shape::of(Tags::INT);
    pub const FLOAT: Shape = Shape::of(Tags::FLOAT);
    pub const BOOL: Shape = Shape::of(Tags::BOOL);
    pub const STRING: Shape = Shape::of(Tags::STR);
    pub const INT_OR_VOID: Shape = INT.or_void();
    pub const FLOAT_OR_VOID: Shape = FLOAT.or_void();
    pub const STRING_OR_VOID: Shape = STRING.or_void();
    pub const LIST_OF_INTS: Shape = Shape::list_of(Tags::INT);
    pub const LIST_OF_STRINGS: Shape = Shape::list_of(Tags::STR);
    pub const LIST_OF_DICTS: Shape = Shape::list_of(Tags::DICT);
    pub const DICT: Shape = Shape::of(Tags::DICT);
    pub const DICT_OR_VOID: Shape = DICT.or_void();
    pub const DICT_OF_STRINGS: Shape = Shape::dict_of(Tags::STR);
    pub const LIST_OF_LISTS: Shape = Shape::list_of(Tags::LIST);
    pub const DICT_OF_INTS: Shape = Shape::dict_of(Tags::INT);
    pub const DICT_OF_INTS_AND_STRINGS: Shape = Shape::dict_of(Tags::INT.or(Tags::STR));
    pub const PAIR_OF_STRINGS_OR_VOID: Shape = Shape::tuple_of(Tags::STR).or_void();
    pub const TASK: Shape = Shape::of(Tags::TASK);
    pub const TASK_OR_BOOL: Shape = Shape::of(Tags::TASK.or(Tags::BOOL));
    /// Ends of channels count as tasks.
    pub const LIST_OF_CHANNELS: Shape = Shape::list_of(Tags::TASK);
    /// What JSON can say.
    pub const JSON: Shape =
        Shape::of(Tags::NUMBER.or(Tags::BOOL).or(Tags::STR).or(Tags::LIST).or(Tags::DICT)).or_void();
}
