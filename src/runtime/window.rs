//! Windows: registers side by side on the stack, as a frame has them, a call or the state of an iteration.

use super::value::Value;
use crate::bytecode::Reg;

/// Where a window begins. [`crate::bytecode::op::window`] has the names of the offsets from there.
///
/// Invariant: what is read and written through it lies in the stack: in a frame's registers, as the verifier proved of
/// every window that an instruction names, or above them, where room was made. Debug builds check each access against
/// the stacks that there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Window(*mut Value);

impl Window {
    /// The window that begins at a place of the stack.
    pub(super) fn at(first: *mut Value) -> Window {
        Window(first)
    }

    /// Its first register as a place.
    #[inline(always)]
    pub(super) fn first(self) -> *mut Value {
        self.0
    }

    /// The window that begins so many registers above.
    #[inline(always)]
    pub fn above(self, offset: u16) -> Window {
        Window(self.0.wrapping_add(offset.into()))
    }

    /// As [`Window::above`], of registers of frames above.
    pub fn far_above(self, offset: u32) -> Window {
        Window(self.0.wrapping_add(offset as usize))
    }

    /// The window of an instruction of the frame whose registers begin here.
    #[inline(always)]
    pub fn of(self, base: Reg) -> Window {
        self.above(base.0)
    }

    /// The window that begins so many registers below.
    #[inline(always)]
    pub fn below(self, offset: u16) -> Window {
        Window(self.0.wrapping_sub(offset.into()))
    }

    /// The caller's register that gets the result of the call whose frame begins here.
    #[inline(always)]
    pub fn result(self) -> Window {
        self.below(1)
    }

    /// The value of the register so far above the first.
    #[inline(always)]
    pub fn get(self, offset: u16) -> Value {
        self.above(offset).hold_to_stacks(1);
        // SAFETY: the register lies in the stack, whose slots all hold valid values.
        unsafe { *self.0.add(offset.into()) }
    }

    /// Writes the register so far above the first.
    #[inline(always)]
    pub fn set(self, offset: u16, value: Value) {
        self.above(offset).hold_to_stacks(1);
        // SAFETY: the register lies in the stack.
        unsafe { *self.0.add(offset.into()) = value };
    }

    /// Writes values side by side, from the first register up.
    #[inline(always)]
    pub(super) fn fill(self, values: &[Value]) {
        self.hold_to_stacks(values.len());
        // SAFETY: the registers lie in the stack, and no slice of values is one of registers above those in use.
        unsafe { self.0.copy_from(values.as_ptr(), values.len()) };
    }

    /// Moves the first `count` values to another window, which may overlap.
    pub(super) fn shift(self, to: Window, count: usize) {
        self.hold_to_stacks(count);
        to.hold_to_stacks(count);
        // SAFETY: both lie in the stack.
        unsafe { self.0.copy_to(to.0, count) };
    }

    /// The first `count` values.
    ///
    /// # Safety
    /// Nothing writes them for as long as the slice is looked at.
    #[inline(always)]
    pub(super) unsafe fn values<'a>(self, count: usize) -> &'a [Value] {
        self.hold_to_stacks(count);
        // SAFETY: the registers lie in the stack, which stays where it is; the caller vouches for the rest.
        unsafe { std::slice::from_raw_parts(self.0, count) }
    }

    /// How many registers lie between this and a window that begins no lower.
    pub(super) fn registers_to(self, end: Window) -> usize {
        (end.0 as usize).saturating_sub(self.0 as usize) / size_of::<Value>()
    }

    #[inline(always)]
    fn hold_to_stacks(self, count: usize) {
        if cfg!(debug_assertions) && count > 0 {
            extent::check(self.0 as usize, count * size_of::<Value>());
        }
    }
}

/// Where the stacks of this thread lie, for the checks of debug builds.
pub(super) mod extent {
    use std::cell::{Cell, RefCell};
    use std::ops::Range;

    thread_local! {
        static STACKS: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
        /// The one that was asked about last, as debug builds ask at each access.
        static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    /// Says that a stack lies there, for as long as this lives.
    pub struct Extent(usize);

    impl Extent {
        pub fn new(stack: Range<usize>) -> Extent {
            let start = stack.start;
            if cfg!(debug_assertions) {
                STACKS.with_borrow_mut(|stacks| stacks.push(stack));
            }
            Extent(start)
        }
    }

    impl Drop for Extent {
        fn drop(&mut self) {
            if cfg!(debug_assertions) {
                STACKS.with_borrow_mut(|stacks| stacks.retain(|stack| stack.start != self.0));
                LAST.set((0, 0));
            }
        }
    }

    /// Panics unless these bytes lie in a stack.
    pub(super) fn check(first: usize, bytes: usize) {
        let (start, end) = LAST.get();
        if start > first || first + bytes > end {
            look_up(first, bytes);
        }
    }

    fn look_up(first: usize, bytes: usize) {
        let lies_within = |stack: &&Range<usize>| stack.start <= first && first + bytes <= stack.end;
        let found = STACKS.with_borrow(|stacks| stacks.iter().find(lies_within).cloned());
        let found = found.expect("registers outside the stack");
        LAST.set((found.start, found.end));
    }
}

#[cfg(test)]
mod tests {
    use crate::runtime::stack::Stack;
    use crate::runtime::value::Value;

    #[test]
    fn values_move_within_a_window() {
        let stack = Stack::new(1 << 16).unwrap();
        let window = stack.bottom();
        window.fill(&[Value::int(1), Value::int(2), Value::int(3)]);
        window.shift(window.above(1), 3);
        let ints: Vec<_> = (0..4).map(|index| window.get(index).as_int()).collect();
        assert_eq!(ints, [Some(1), Some(1), Some(2), Some(3)]);
        assert_eq!(window.registers_to(window.above(4)), 4);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "registers outside the stack")]
    fn registers_below_the_stack_are_not_read() {
        let stack = Stack::new(1 << 16).unwrap();
        stack.bottom().below(1).get(0);
    }
}
