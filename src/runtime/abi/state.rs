//! What the machine has for native code only.

use rustc_hash::FxHashMap;

use super::outcome::{NativeCode, NativeResult, Outcome};
use crate::bytecode::op::HeapUse;
use crate::runtime::error::Error;
use crate::runtime::stack::Frame;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

/// See the module documentation. Native code finds some of it by the offsets in [`super::layout`].
pub struct NativeState {
    /// Native stack pointers below this are too deep for native code of functions, which calls itself: it leaves half
    /// of the stack to everything else.
    pub(in crate::runtime) code_limit: usize,
    /// Native code of functions, or [`not_native`].
    pub(in crate::runtime) functions: Box<[NativeCode]>,
    /// An error on its way through native code.
    pub(in crate::runtime) pending: Option<Error>,
    /// Counted by native code of loops that catch errors.
    pub(in crate::runtime) rounds: u64,
    /// What a helper gives native code, which takes it at once.
    pub(in crate::runtime) result: Value,
    /// Not every live value is where the collector looks: an operation that wants memory fails, and is executed again
    /// later.
    pub(in crate::runtime) must_not_collect: bool,
    /// What of the heap may be touched by the instruction that is executed for native code, or one at a time.
    pub(in crate::runtime) touchable: HeapUse,
    /// How often debug builds have run the operations of [`Vm::keeping_to`], by name.
    pub(in crate::runtime) times_run: FxHashMap<&'static str, u32>,
}

impl NativeState {
    /// No function has native code any more.
    pub(in crate::runtime) fn forget_functions(&mut self) {
        self.functions.fill(not_native);
    }

    /// Of a program with so many functions, none of them native yet.
    pub(in crate::runtime) fn new(functions: usize, code_limit: usize) -> NativeState {
        NativeState {
            code_limit,
            functions: vec![not_native as NativeCode; functions].into(),
            pending: None,
            rounds: 0,
            result: Value::VOID,
            must_not_collect: false,
            touchable: HeapUse::ANY,
            times_run: FxHashMap::default(),
        }
    }
}

/// Stands for the code of a function that has none.
///
/// # Safety
/// There is nothing to keep: it looks at no argument.
pub(in crate::runtime) unsafe extern "C" fn not_native(_: *mut Vm, _: Window, _: *mut Frame) -> NativeResult {
    NativeResult::without_value(Outcome::NOT_ENTERED)
}
