//! What the tables of built-ins and of built-in methods say of arguments, results and memory: the columns that both
//! share.
//!
//! Every row states each column; none has a default, so a new row cannot be believed to do less than it does. The type
//! rules take results from here, the native tier and the effects what a call may do, the search for what always fails
//! which arguments are refused; and debug builds hold each call to it.

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
    /// A task of such a value.
    Given(Tags),
}

impl Shape {
    pub const fn of(tags: Tags) -> Shape {
        Shape { tags, contents: Contents::Unknown }
    }

    const fn list_of(items: Tags) -> Shape {
        Shape { tags: Tags::LIST, contents: Contents::Items(items) }
    }

    /// A task of values of such kinds.
    const fn task_of(values: Tags) -> Shape {
        Shape { tags: Tags::TASK, contents: Contents::Given(values) }
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

    /// Any value that a program can see.
    pub const ANYTHING: Shape = Shape::of(Tags::VISIBLE);
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
    pub const TASK_OF_VOID: Shape = Shape::task_of(Tags::VOID);
    pub const TASK_OF_INT: Shape = Shape::task_of(Tags::INT);
    pub const TASK_OF_TEXT: Shape = Shape::task_of(Tags::STR.or(Tags::VOID));
    pub const TASK_OF_LIST: Shape = Shape::task_of(Tags::LIST);
    pub const TASK_OF_BYTES: Shape = Shape::task_of(Tags::LIST.or(Tags::VOID));
    pub const TASK_OF_DICT: Shape = Shape::task_of(Tags::DICT);
    pub const TASK_OF_DICT_OR_VOID: Shape = Shape::task_of(Tags::DICT.or(Tags::VOID));
    /// A bool, or a task of one.
    pub const TASK_OR_BOOL: Shape = Shape { tags: Tags::TASK.or(Tags::BOOL), ..Shape::task_of(Tags::BOOL) };
    /// Ends of channels count as tasks.
    pub const LIST_OF_CHANNELS: Shape = Shape::list_of(Tags::TASK);
    /// What JSON can say.
    pub const JSON: Shape =
        Shape::of(Tags::NUMBER.or(Tags::BOOL).or(Tags::STR).or(Tags::LIST).or(Tags::DICT)).or_void();
}

/// What a call says that gives too few arguments, or too many.
pub fn arity_message(name: &str, required: usize, most: usize, got: usize) -> String {
    let expected = if required == most { most.to_string() } else { format!("{required} to {most}") };
    format!("Function '{name}' expected {expected} arg(s) but got {got} arg(s)")
}

/// What a parameter takes. A call with an argument of another kind fails, whatever the other arguments are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Takes {
    pub tags: Tags,
    pub refusal: ArgumentError,
}

/// What a call says of an argument that it does not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgumentError {
    /// `Expected type 'string', but found type 'int'`.
    Expected(&'static str),
    /// `Type 'list' cannot be a dict key`.
    Key,
    /// `Cannot get length of non-indexable type 'int'`.
    Length,
    /// `Cannot convert 'void' to int`.
    Convert(&'static str),
    /// `Cannot call non-function 'int'`.
    Call,
    /// `Type 'int' is not iterable`.
    Iteration,
}

impl ArgumentError {
    /// The message for a value of the kind `found`; `text` is what the value prints as, if that is known.
    pub fn message(self, found: &str, text: Option<&str>) -> String {
        match self {
            ArgumentError::Expected(expected) => format!("Expected type '{expected}', but found type '{found}'"),
            ArgumentError::Key => format!("Type '{found}' cannot be a dict key"),
            ArgumentError::Length => format!("Cannot get length of non-indexable type '{found}'"),
            ArgumentError::Convert(target) => format!("Cannot convert '{}' to {target}", text.unwrap_or("…")),
            ArgumentError::Call => format!("Cannot call non-function '{found}'"),
            ArgumentError::Iteration => format!("Type '{found}' is not iterable"),
        }
    }
}

/// Names for what parameters take.
pub mod takes {
    use super::{ArgumentError, Tags, Takes};

    const fn only(tags: Tags, refusal: ArgumentError) -> Takes {
        Takes { tags, refusal }
    }

    const fn expecting(tags: Tags, expected: &'static str) -> Takes {
        only(tags, ArgumentError::Expected(expected))
    }

    /// Anything, or what depends on other arguments: a list's callback is not looked at where the list is empty.
    pub const ANY: Takes = expecting(Tags::ALL, "anything");
    pub const INT: Takes = expecting(Tags::INT, "int");
    pub const NUMBER: Takes = expecting(Tags::NUMBER, "float");
    pub const NUMBER_OR_VOID: Takes = expecting(Tags::NUMBER.or(Tags::VOID), "float");
    pub const BOOL: Takes = expecting(Tags::BOOL, "bool");
    pub const STRING: Takes = expecting(Tags::STR, "string");
    pub const LIST: Takes = expecting(Tags::LIST, "list");
    pub const DICT: Takes = expecting(Tags::DICT, "dict");
    pub const TASK: Takes = expecting(Tags::TASK, "task");
    /// Ends of channels count as tasks.
    pub const CHANNEL: Takes = expecting(Tags::TASK, "channel");
    /// A path, or a list of parts where it is the only argument.
    pub const PATHS: Takes = expecting(Tags::STR.or(Tags::LIST), "string");
    /// The body of a response: text or bytes.
    pub const BODY: Takes = expecting(Tags::STR.or(Tags::LIST), "string");
    /// What replaces a match: a text, or a function of the match.
    pub const TEXT_OR_FUNCTION: Takes = expecting(Tags::STR.or(Tags::CALLABLE), "string");
    pub const KEY: Takes = only(Tags::KEYS, ArgumentError::Key);
    pub const SIZED: Takes = only(Tags::SIZED, ArgumentError::Length);
    pub const TO_INT: Takes = only(Tags::NUMBER.or(Tags::BOOL).or(Tags::STR), ArgumentError::Convert("int"));
    pub const TO_FLOAT: Takes = only(Tags::NUMBER.or(Tags::BOOL).or(Tags::STR), ArgumentError::Convert("float"));
    pub const CALLABLE: Takes = only(Tags::CALLABLE, ArgumentError::Call);
    pub const ITERABLE: Takes = only(Tags::ITERABLE, ArgumentError::Iteration);
}
