//! The register stack and the frame stack.
//!
//! Registers live in one reserved piece of address space that never moves, so interpreter and native code hold pointers
//! into it. The system hands out zeroed pages on first touch, and zero is a valid value (the int 0), so a register that
//! was never written is harmless.
//!
//! Invariant (kept by [`Stack::enter`] and [`Stack::forget_above`]): every slot below [`Stack::limit`] holds a valid
//! value. A slot of a frame that has returned may hold a stale pointer, but only to an object that no collection has
//! freed since: each collection clears what lies above the running frame.

use memmap2::{MmapMut, MmapOptions};

use super::image::Function;
use super::object::{Closure, Gc};
use super::value::Value;
use super::window::Window;
use super::window::extent::Extent;
use crate::bytecode::Op;

/// Most frames alive at once; the language promises at least 200,000.
pub const MAX_FRAMES: usize = 220_000;

/// Most bytes of reserved address space. A register number has 16 bits, so the deepest recursion of the largest
/// window would not fit; it ends in `Stack overflow` earlier.
const MOST_BYTES: usize = if cfg!(target_pointer_width = "64") { 1 << 30 } else { 1 << 25 };
/// Less would not do.
const LEAST_BYTES: usize = 4 << 20;

/// How far the stack's limit is moved at a time; the collector clears what lies between the running frame and the
/// limit.
const STEP: u16 = 4096;

/// What a call must remember. Layout is read by native code.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    pub function: *const Function,
    /// Register 0.
    pub base: Window,
    /// Where this frame goes on when its callee returns; while it runs itself, where it last called something.
    pub pc: *const Op,
    /// The closure that runs, if the function captures anything.
    pub closure: Option<Gc<Closure>>,
}

/// Registers and frames of one thread of execution.
pub struct Stack {
    memory: MmapMut,
    _extent: Extent,
    /// Registers may be used below this; moved up in steps.
    limit: Window,
    frames: Box<[std::mem::MaybeUninit<Frame>]>,
    /// The last frame there is room for.
    last: *mut Frame,
    /// The running frame; one before the first while none runs.
    top: *mut Frame,
}

/// The frame or register stack is full.
#[derive(Debug)]
pub struct Overflow;

impl Stack {
    /// Where native code finds the pointer to the running frame.
    pub const TOP_OFFSET: usize = std::mem::offset_of!(Stack, top);
    /// Where it finds the pointer to the last frame there is room for.
    pub const LAST_OFFSET: usize = std::mem::offset_of!(Stack, last);
    /// Where it finds the pointer to the end of the registers in use.
    pub const LIMIT_OFFSET: usize = std::mem::offset_of!(Stack, limit);

    /// Reserves the stacks, of about `bytes` for registers; an error if the system has no address space to give.
    pub fn new(bytes: usize) -> std::io::Result<Stack> {
        let mut bytes = bytes.clamp(LEAST_BYTES, MOST_BYTES).next_multiple_of(LEAST_BYTES);
        let memory = loop {
            match MmapOptions::new().len(bytes).no_reserve_swap().map_anon() {
                Ok(memory) => break memory,
                Err(error) if bytes <= LEAST_BYTES => return Err(error),
                Err(_) => bytes = (bytes / 2).next_multiple_of(LEAST_BYTES),
            }
        };
        let mut frames = Box::new_uninit_slice(MAX_FRAMES + 1);
        let top = frames.as_mut_ptr().cast();
        let last = frames.as_mut_ptr().wrapping_add(MAX_FRAMES).cast();
        let limit = Window::at(memory.as_ptr().cast_mut().cast());
        let address = memory.as_ptr() as usize;
        let extent = Extent::new(address..address + memory.len());
        Ok(Stack { memory, _extent: extent, limit, frames, last, top })
    }

    /// Register 0 of the first frame.
    pub fn bottom(&self) -> Window {
        Window::at(self.memory.as_ptr().cast_mut().cast())
    }

    fn end(&self) -> Window {
        self.bottom().far_above((self.memory.len() / size_of::<Value>()) as u32)
    }

    /// The frame at a depth, as a place.
    pub fn frame_place(&self, depth: usize) -> *mut Frame {
        assert!(depth <= MAX_FRAMES);
        self.frames.as_ptr().wrapping_add(depth).cast_mut().cast()
    }

    /// The running frame. Not to be read while no frame runs.
    #[inline(always)]
    pub fn frame(&self) -> *mut Frame {
        self.top
    }

    /// How many frames are alive.
    pub fn depth(&self) -> usize {
        (self.top as usize - self.frames.as_ptr() as usize) / size_of::<Frame>()
    }

    /// The frame at a depth, 1 being the first.
    pub fn frame_at(&self, depth: usize) -> &Frame {
        assert!((1..=self.depth()).contains(&depth));
        // SAFETY: `enter` initialised every frame from 1 up to the top.
        unsafe { self.frames[depth].assume_init_ref() }
    }

    /// One past the last register of the running frame.
    pub fn registers_end(&self) -> Window {
        if self.depth() == 0 {
            return self.bottom();
        }
        let frame = self.frame_at(self.depth());
        // SAFETY: a frame's function belongs to the image, which outlives the stack's use; see `enter`.
        frame.base.above(unsafe { (*frame.function).registers })
    }

    /// Starts a frame of `function` at `base`.
    #[inline(always)]
    pub fn enter(&mut self, function: &Function, base: Window, closure: Option<Gc<Closure>>) -> Result<(), Overflow> {
        let next = self.top.wrapping_add(1);
        self.make_room(base, function.registers)?;
        if next as usize >= self.frames.as_ptr_range().end as usize {
            return Err(Overflow);
        }
        // SAFETY: `next` lies in `frames`: it is above its start, because `top` never is below it, and the test
        // just above keeps it below its end.
        unsafe { next.write(Frame { function, base, pc: function.code, closure }) };
        self.top = next;
        Ok(())
    }

    /// Makes sure that a window of `registers` slots at `base` may be used.
    #[inline(always)]
    pub fn make_room(&mut self, base: Window, registers: u16) -> Result<(), Overflow> {
        debug_assert!(base >= self.bottom());
        let end = base.above(registers);
        if end > self.limit { self.raise_limit(end) } else { Ok(()) }
    }

    #[cold]
    fn raise_limit(&mut self, end: Window) -> Result<(), Overflow> {
        if end > self.end() {
            return Err(Overflow);
        }
        self.limit = end.above(STEP).min(self.end());
        Ok(())
    }

    /// Ends the running frame.
    #[inline(always)]
    pub fn leave(&mut self) {
        debug_assert!(self.depth() > 0);
        self.top = self.top.wrapping_sub(1);
    }

    /// Ends frames until `depth` of them are left.
    pub fn unwind_to(&mut self, depth: usize) {
        assert!(depth <= self.depth());
        self.top = self.frames.as_mut_ptr().wrapping_add(depth).cast();
    }

    /// Copies all frames and the registers in use, and ends the frames.
    pub fn take(&mut self) -> (Box<[Frame]>, Box<[Value]>) {
        let registers = self.live().into();
        let frames = (1..=self.depth()).map(|depth| *self.frame_at(depth)).collect();
        self.unwind_to(0);
        (frames, registers)
    }

    /// Likewise, into blocks that have held frames before, if they have just the room. Whether they had.
    pub fn take_into(&mut self, frames: &mut [Frame], registers: &mut [Value]) -> bool {
        let live = self.live();
        if live.len() != registers.len() || self.depth() != frames.len() {
            return false;
        }
        registers.copy_from_slice(live);
        for (depth, frame) in (1..).zip(frames) {
            *frame = *self.frame_at(depth);
        }
        self.unwind_to(0);
        true
    }

    /// Puts back what [`Stack::take`] gave, where it was. No frame is alive.
    pub fn put_back(&mut self, frames: &[Frame], registers: &[Value]) {
        debug_assert!(self.depth() == 0);
        let end = self.bottom().far_above(registers.len() as u32);
        if end > self.limit {
            self.raise_limit(end).expect("there was room when they were taken");
        }
        self.bottom().fill(registers);
        // SAFETY: the frames were in `frames` before, above its first place.
        unsafe {
            let first = self.frames.as_mut_ptr().cast::<Frame>().add(1);
            first.copy_from_nonoverlapping(frames.as_ptr(), frames.len());
        }
        self.top = self.frames.as_mut_ptr().wrapping_add(frames.len()).cast();
    }

    /// The registers in use: all windows up to the end of the running one.
    pub fn live(&self) -> &[Value] {
        let len = self.bottom().registers_to(self.registers_end());
        // SAFETY: `make_room` proved the running window to lie in the mapping; whoever looks at all of it lets nothing
        // run meanwhile.
        unsafe { self.bottom().values(len) }
    }

    /// Clears all slots above the running frame and lowers the limit to what is in use. Called by each collection,
    /// before it frees anything those slots may point to.
    pub fn forget_above(&mut self) {
        let end = self.registers_end();
        let count = end.registers_to(self.limit);
        // SAFETY: `end..limit` lies in the mapping, and zero is the int 0.
        unsafe { end.first().write_bytes(0, count) };
        self.limit = end.above(STEP).min(self.end()).min(self.limit.max(end));
    }
}
