//! How the windows of registers lie that instructions have: names for the offsets from `base`.
//!
//! `base.above(Range::END)` is the register that holds the end of a counting loop.

/// The window of `ForPrep` and `ForLoop`.
pub struct Range;

impl Range {
    /// The loop's own counter.
    pub const COUNTER: u16 = 0;
    pub const END: u16 = 1;
    /// The variable of the program, a copy of the counter that it may change.
    pub const VARIABLE: u16 = 2;
    pub const LEN: u16 = 3;
}

/// The window of `IterPrep`, `IterNext` and their forms for pairs.
pub struct Iter;

impl Iter {
    /// What is iterated; the first of the registers that hold the iteration's state.
    pub const ITERABLE: u16 = 0;
    pub const POSITION: u16 = 1;
    /// Tells whether a dict has changed.
    pub const VERSION: u16 = 2;
    /// The item, or the first part of one that is unpacked.
    pub const ITEM: u16 = 3;
    /// The second part of an item that is unpacked.
    pub const SECOND: u16 = 4;
    /// The position where an instance is iterated by its `next`.
    pub const BY_NEXT: i64 = -1;
    /// The position while the `iter` of an instance runs in a frame on that of the loop.
    pub const BY_ITER: i64 = -2;
    /// How many registers hold the state.
    pub const STATE: u16 = 3;
    /// How far above the registers of the function that iterates the frame of `next` begins: its receiver stands above
    /// a place for the callee.
    pub const NEXT_FRAME: u16 = 1;
}

/// The windows of calls of values, functions and built-ins.
pub struct Call;

impl Call {
    /// The callee, if it is a value.
    pub const CALLEE: u16 = 0;
    pub const RESULT: u16 = 0;
    pub const ARGS: u16 = 1;
}

/// The window of a method call.
pub struct MethodCall;

impl MethodCall {
    pub const RESULT: u16 = 0;
    pub const RECEIVER: u16 = 1;
    pub const ARGS: u16 = 2;
}

/// The window of `New`. The register between instance and `self` receives what `init` returns, which is dropped.
pub struct New;

impl New {
    pub const INSTANCE: u16 = 0;
    pub const SELF: u16 = 2;
    pub const ARGS: u16 = 3;
}

/// What a method of lists has to know between two calls of its function, if these have frames that stand on that of
/// the caller: it lies above the caller's registers, and above it a place for the callee and the function's frame.
pub struct Items;

impl Items {
    /// The list that is being made, if any.
    pub const RESULTS: u16 = 0;
    /// The index of the item that the function was given.
    pub const POSITION: u16 = 1;
    pub const ITEM: u16 = 2;
    /// How many registers hold the state.
    pub const STATE: u16 = 3;
    /// How many results native code has made; nothing is kept there.
    pub const COUNT: u16 = 3;
    pub const CALLEE: u16 = 4;
    /// How far above the caller's registers the function's frame begins.
    pub const FRAME: u16 = 5;
}
