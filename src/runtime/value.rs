//! The value: 16 bytes, a tag and a 64-bit payload, `Copy`.
//!
//! The tag fills a whole word so that native code and the interpreter write it without partial stores, and it names the
//! precise type, so that a type test never follows a pointer. `Int` is 0: "both are ints" is one `or` and one test, and
//! fresh zeroed memory is a run of valid values.
//!
//! Invariant: a value whose tag [`Tag::is_heap`] holds a pointer to a live object of that very type. It is kept by the
//! constructors here (the only way to make one) and by the collector (which frees nothing a reachable value points to).

use std::ptr::NonNull;

use super::object::{
    BoundMethod, Cell, Channel, ChannelEnd, Closure, Dict, Gc, Header, Instance, List, Range, Str, StructObject, Task,
    Tuple,
};
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, ModuleId};

/// The type of a value. Tags from `Str` on are pointers to heap objects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u64)]
pub enum Tag {
    Int = 0,
    Float = 1,
    /// Payload 0 or 1.
    Bool = 2,
    Void = 3,
    /// A global or field that nothing was assigned to yet. Never reaches an operation of the language.
    Undef = 4,
    /// A function without captures; the payload is its [`FuncId`].
    Function = 5,
    /// A native function; the payload is its position in the table of built-ins.
    Builtin = 6,
    /// The payload is the [`ModuleId`].
    Module = 7,
    Str = 8,
    List = 9,
    Tuple = 10,
    Dict = 11,
    Range = 12,
    Closure = 13,
    Struct = 14,
    Instance = 15,
    BoundMethod = 16,
    /// The home of a captured variable. Only the cell instructions see it in a well-formed program.
    Cell = 17,
    Task = 18,
    /// An end of a channel.
    Channel = 19,
    /// What both ends of a channel share. No register holds it.
    ChannelCore = 20,
}

impl Tag {
    /// The last one.
    pub const LAST: Tag = Tag::ChannelCore;

    /// Whether the payload is a pointer that the collector follows.
    #[inline(always)]
    pub fn is_heap(self) -> bool {
        self >= Tag::Str
    }

    /// The kind of value that static types know it as; none if no register may hold it.
    #[inline(always)]
    pub fn kind(self) -> Tags {
        match self {
            Tag::Int => Tags::INT,
            Tag::Float => Tags::FLOAT,
            Tag::Bool => Tags::BOOL,
            Tag::Void => Tags::VOID,
            Tag::Undef => Tags::NONE,
            Tag::Function | Tag::Builtin | Tag::Closure | Tag::BoundMethod => Tags::FUNCTION,
            Tag::Module => Tags::MODULE,
            Tag::Str => Tags::STR,
            Tag::List => Tags::LIST,
            Tag::Tuple => Tags::TUPLE,
            Tag::Dict => Tags::DICT,
            Tag::Range => Tags::RANGE,
            Tag::Struct => Tags::STRUCT,
            Tag::Instance => Tags::INSTANCE,
            Tag::Cell => Tags::CELL,
            Tag::Task | Tag::Channel => Tags::TASK,
            Tag::ChannelCore => Tags::NONE,
        }
    }

    /// What `core.type` and messages call the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Tag::Int => "int",
            Tag::Float => "float",
            Tag::Bool => "bool",
            Tag::Void => "void",
            Tag::Undef => "undefined",
            Tag::Function | Tag::Builtin | Tag::Closure | Tag::BoundMethod => "function",
            Tag::Module => "module",
            Tag::Str => "string",
            Tag::List => "list",
            Tag::Tuple => "tuple",
            Tag::Dict => "dict",
            Tag::Range => "range",
            Tag::Struct => "struct",
            Tag::Instance => "struct instance",
            Tag::Cell => "cell",
            Tag::Task => "task",
            Tag::Channel | Tag::ChannelCore => "channel",
        }
    }
}

/// A value of the language. Layout: tag at offset 0, payload at offset 8.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Value {
    tag: Tag,
    payload: u64,
}

const _: () = assert!(size_of::<Value>() == 16);

impl Value {
    /// Byte offset of the tag.
    pub const TAG_OFFSET: usize = 0;
    /// Byte offset of the payload.
    pub const PAYLOAD_OFFSET: usize = 8;

    pub const VOID: Value = Value { tag: Tag::Void, payload: 0 };
    pub const UNDEF: Value = Value { tag: Tag::Undef, payload: 0 };
    pub const TRUE: Value = Value { tag: Tag::Bool, payload: 1 };
    pub const FALSE: Value = Value { tag: Tag::Bool, payload: 0 };

    #[inline(always)]
    pub const fn int(value: i64) -> Value {
        Value { tag: Tag::Int, payload: value as u64 }
    }

    #[inline(always)]
    pub const fn float(value: f64) -> Value {
        Value { tag: Tag::Float, payload: value.to_bits() }
    }

    #[inline(always)]
    pub const fn bool(value: bool) -> Value {
        Value { tag: Tag::Bool, payload: value as u64 }
    }

    pub fn function(id: FuncId) -> Value {
        Value { tag: Tag::Function, payload: id.0.into() }
    }

    /// A native function, by its position in [`crate::bytecode::builtins::BUILTINS`].
    pub fn builtin(index: usize) -> Value {
        Value { tag: Tag::Builtin, payload: index as u64 }
    }

    pub fn module(id: ModuleId) -> Value {
        Value { tag: Tag::Module, payload: id.0.into() }
    }

    #[inline(always)]
    pub fn tag(self) -> Tag {
        self.tag
    }

    /// The value of two words, the number of its tag and its payload: as native code passes it, and as a dict keeps it.
    ///
    /// # Safety
    /// The words are the tag and the payload of a value that is alive.
    #[inline(always)]
    pub unsafe fn of_words(tag: u64, payload: u64) -> Value {
        debug_assert!(tag <= Tag::LAST as u64);
        // SAFETY: the caller answers for the tag: it is the number of one, of which there are no gaps up to the last.
        Value { tag: unsafe { std::mem::transmute::<u64, Tag>(tag) }, payload }
    }

    /// The payload's bits, whatever they mean.
    #[inline(always)]
    pub fn bits(self) -> u64 {
        self.payload
    }

    /// The payload as an int; meaningful if the tag is `Int`.
    #[inline(always)]
    pub fn int_bits(self) -> i64 {
        self.payload as i64
    }

    /// The payload as a float; meaningful if the tag is `Float`.
    #[inline(always)]
    pub fn float_bits(self) -> f64 {
        f64::from_bits(self.payload)
    }

    #[inline(always)]
    pub fn is_int(self) -> bool {
        self.tag == Tag::Int
    }

    #[inline(always)]
    pub fn is_float(self) -> bool {
        self.tag == Tag::Float
    }

    #[inline(always)]
    pub fn is_undef(self) -> bool {
        self.tag == Tag::Undef
    }

    #[inline(always)]
    pub fn is_void(self) -> bool {
        self.tag == Tag::Void
    }

    pub fn as_int(self) -> Option<i64> {
        self.is_int().then(|| self.int_bits())
    }

    pub fn as_float(self) -> Option<f64> {
        self.is_float().then(|| self.float_bits())
    }

    pub fn as_bool(self) -> Option<bool> {
        (self.tag == Tag::Bool).then_some(self.payload != 0)
    }

    pub fn as_function(self) -> Option<FuncId> {
        (self.tag == Tag::Function).then_some(FuncId(self.payload as u32))
    }

    pub fn as_builtin(self) -> Option<usize> {
        (self.tag == Tag::Builtin).then_some(self.payload as usize)
    }

    pub fn as_module(self) -> Option<ModuleId> {
        (self.tag == Tag::Module).then_some(ModuleId(self.payload as u32))
    }

    /// The object a heap value points to, as its header.
    #[inline(always)]
    pub fn as_object(self) -> Option<Gc<Header>> {
        if self.tag.is_heap() {
            // SAFETY: the payload is a pointer to a live object (the invariant above), and every object begins with its
            // header.
            NonNull::new(self.payload as *mut Header).map(|object| unsafe { Gc::from_non_null(object) })
        } else {
            None
        }
    }
}

macro_rules! heap_values {
    ($($make:ident, $get:ident: $type:ident = $tag:ident;)*) => {
        impl Value {$(
            #[doc = concat!("A value of type `", stringify!($type), "`.")]
            #[allow(clippy::should_implement_trait, reason = "one constructor per type; `from_str` takes a `Str`")]
            #[inline(always)]
            pub fn $make(object: Gc<$type>) -> Value {
                Value { tag: Tag::$tag, payload: object.as_ptr() as u64 }
            }

            #[doc = concat!("The `", stringify!($type), "` this is, if it is one.")]
            #[inline(always)]
            pub fn $get(self) -> Option<Gc<$type>> {
                if self.tag == Tag::$tag {
                    // SAFETY: the tag says that the payload is a pointer to a live object of this type (the invariant
                    // above).
                    NonNull::new(self.payload as *mut $type).map(|object| unsafe { Gc::from_non_null(object) })
                } else {
                    None
                }
            }
        )*}
    };
}

heap_values! {
    from_str, as_str: Str = Str;
    from_list, as_list: List = List;
    from_tuple, as_tuple: Tuple = Tuple;
    from_dict, as_dict: Dict = Dict;
    from_range, as_range: Range = Range;
    from_closure, as_closure: Closure = Closure;
    from_struct, as_struct: StructObject = Struct;
    from_instance, as_instance: Instance = Instance;
    from_bound_method, as_bound_method: BoundMethod = BoundMethod;
    from_cell, as_cell: Cell = Cell;
    from_task, as_task: Task = Task;
    from_channel, as_channel: ChannelEnd = Channel;
    from_channel_core, as_channel_core: Channel = ChannelCore;
}
