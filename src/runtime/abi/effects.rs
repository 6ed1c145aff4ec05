//! What an operation that native code has executed may do to memory, and the checks of debug builds that it does no
//! more.

use crate::bytecode::op::HeapUse;
use crate::runtime::error::Result;
use crate::runtime::heap::Watched;
use crate::runtime::vm::Vm;

impl Vm {
    /// Runs something during which no operation collects garbage: one that wants memory fails with
    /// [`NeedsMemory`](crate::runtime::error::ErrorKind::NeedsMemory) before it has had an effect.
    #[inline(always)]
    pub fn without_collections<T>(&mut self, run: impl FnOnce(&mut Vm) -> T) -> T {
        let outer = std::mem::replace(&mut self.native.must_not_collect, true);
        let result = run(self);
        self.native.must_not_collect = outer;
        result
    }

    /// Runs something that touches no more of the heap than this: native code relies on it.
    #[inline(always)]
    pub fn touching_only<T>(&mut self, heap: HeapUse, run: impl FnOnce(&mut Vm) -> T) -> T {
        if !cfg!(debug_assertions) {
            return run(self);
        }
        let outer = std::mem::replace(&mut self.native.touchable, heap);
        let result = run(self);
        self.native.touchable = outer;
        result
    }

    /// As [`Vm::touching_only`], for the operation of this name. Debug builds compare memory before and after it, the
    /// first times and then ever more seldom.
    #[inline(always)]
    pub fn keeping_to<T>(&mut self, name: &'static str, heap: HeapUse, run: impl FnOnce(&mut Vm) -> T) -> T {
        if !cfg!(debug_assertions) || heap == HeapUse::ANY {
            return run(self);
        }
        self.run_watched(name, heap, run)
    }

    /// The body of [`Vm::keeping_to`] in debug builds, which is too large to be in every helper.
    #[inline(never)]
    fn run_watched<T>(&mut self, name: &'static str, heap: HeapUse, run: impl FnOnce(&mut Vm) -> T) -> T {
        let times = self.native.times_run.entry(name).or_insert(0);
        *times += 1;
        let watched = (*times < 8 || times.is_power_of_two()).then(|| Watched::new(&self.heap, &self.globals, heap));
        let result = self.touching_only(heap, run);
        if let Some(changed) = watched.flatten().and_then(|watched| watched.changed(&self.heap, &self.globals)) {
            panic!("'{name}' has changed {changed:?}, and its row names {heap:?}");
        }
        result
    }

    /// An operation is about to look at this part of the heap, or to change it. Debug builds compare that with what it
    /// may touch.
    #[inline(always)]
    pub(in crate::runtime) fn touches(&self, part: HeapUse) {
        debug_assert!(self.native.touchable.meets(part), "an instruction touches what its row does not tell: {part:?}");
    }

    /// Collects garbage; everything alive must be in its home.
    pub fn collect_now(&mut self) -> Result<()> {
        self.collect()
    }

    /// A cell for an object of `size` bytes that native code makes and has accounted for; it writes the object at once.
    pub fn cell_for_native(&mut self, size: usize) -> *mut u8 {
        self.heap.allocate_cell(size).as_ptr()
    }
}
