//! The interpreter: one `match` over the instruction table.
//!
//! The loop keeps two things in machine registers: the pc and the frame's base. Each arm handles the common types in
//! place and leaves everything else to a method outside the loop, so that the loop stays small enough for the compiler
//! to allocate registers well.
//!
//! # What is relied on
//! The verifier proved that every register lies in its window, every index in its table, and every jump in its
//! function, so operands are used unchecked. Types are never assumed: each arm tests the tags it needs.
//!
//! # Safepoints
//! Allocation never collects. After an instruction that may have allocated, the loop asks the heap whether a collection
//! is due; at that point every live value is in a register, a global or a table of the image. A call that made an
//! instance asks at the beginning of the frame that it has started, and an error that is caught, whose text is a new
//! string, before its handler begins ([`Vm::unwind`]).
//!
//! # Errors
//! An instruction that fails has had no effect. The error is looked up in the handler tables of the frames
//! ([`Vm::unwind`]).

use super::call::Begun;
use super::error::{Error, Result};
use super::hooks::Event;
use super::object::{Cell, List, Range, Tuple};
use super::operators::{BinaryOp, OrderOp};
use super::stack::Frame;
use super::unwinding::Unwound;
use super::value::{Tag, Value};
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::op::window::Call;
use crate::bytecode::{Op, Reg};

/// Whether both are ints: `Int` is tag 0.
#[inline(always)]
fn both_int(x: Value, y: Value) -> bool {
    (x.tag() as u64 | y.tag() as u64) == Tag::Int as u64
}

/// Both as floats, if one is an int and the other a float.
#[inline(always)]
fn mixed_numbers(x: Value, y: Value) -> Option<(f64, f64)> {
    if x.is_float() && y.is_int() {
        Some((x.float_bits(), y.int_bits() as f64))
    } else if x.is_int() && y.is_float() {
        Some((x.int_bits() as f64, y.float_bits()))
    } else {
        None
    }
}

impl Vm {
    /// Runs from the top frame until the `entry`-th returns, which is the top one or below it. `HOOKS` turns on
    /// counting of back edges and calls, for limits and for the JIT; `OBSERVED` shows every instruction to the judge of
    /// facts, and `COUNTED` counts each for a report. Without them the loop has no trace of any.
    pub(super) fn run<const HOOKS: bool, const OBSERVED: bool, const COUNTED: bool>(
        &mut self,
        entry: usize,
    ) -> Result<Value> {
        debug_assert!(self.stack.depth() >= entry);
        let entry_frame = self.stack.frame_place(entry);
        let mut frame: *mut Frame;
        let mut pc: *const Op;
        let mut base: Window;

        /// Takes up the top frame where it left off.
        macro_rules! resume {
            () => {{
                frame = self.stack.frame();
                // SAFETY: a frame is alive: the entry frame at the start, the callee after a call, the caller after a
                // return.
                unsafe {
                    pc = (*frame).pc;
                    base = (*frame).base;
                }
            }};
        }
        resume!();
        // How the loop lies to cache lines makes up to a third of a program's speed. This does not make it lie well,
        // but keeps it from being moved about by changes elsewhere, so that measurements before and after them can be
        // compared. It is a few no-operations at the start of a run.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: no-operations.
        unsafe {
            std::arch::asm!(".p2align 6", options(nomem, nostack, preserves_flags));
        }

        'run: loop {
            let event: Event = 'count: {
                let error: Error = 'dispatch: loop {
                    // SAFETY: the verifier proved that control stays inside the function's code, and that code ends in
                    // an instruction that does not fall through.
                    let op = unsafe { &*pc };
                    pc = pc.wrapping_add(1);

                    if COUNTED {
                        self.watch.count_instruction(op);
                    }
                    if OBSERVED && let Err(error) = self.observe(op, frame) {
                        break 'dispatch error;
                    }

                    /// A register as a place.
                    macro_rules! reg {
                        ($reg:expr) => {
                            // SAFETY: the verifier proved the register to lie in the frame's window, and `Stack::enter`
                            // that the window lies in the stack.
                            *unsafe { &mut *base.first().add($reg.0 as usize) }
                        };
                    }
                    /// The value of a constant.
                    macro_rules! constant {
                        ($k:expr) => {
                            // SAFETY: the verifier proved the constant to exist.
                            *unsafe { self.image.constants.get_unchecked($k.0 as usize) }
                        };
                    }
                    /// Leaves the instruction with an error.
                    macro_rules! attempt {
                        ($result:expr) => {
                            match $result {
                                Ok(value) => value,
                                Err(error) => break 'dispatch error,
                            }
                        };
                    }
                    /// Counts that control has come to where `pc` is, the beginning of a loop's iteration or of a
                    /// function.
                    macro_rules! count {
                        ($event:ident) => {
                            if HOOKS && self.watch.expires(pc) {
                                break 'count Event::$event;
                            }
                        };
                    }
                    macro_rules! jump {
                        ($offset:expr) => {{
                            let offset = $offset as isize;
                            pc = pc.wrapping_offset(offset);
                            if HOOKS && offset < 0 {
                                if COUNTED {
                                    self.watch.count_back_edge(pc);
                                }
                                count!(BackEdge);
                            }
                        }};
                    }
                    /// After the instruction in front of a loop, if it goes on to the loop's header: native code of the
                    /// loop can begin here.
                    macro_rules! first_iteration {
                        () => {
                            count!(FirstIteration)
                        };
                    }
                    macro_rules! save_pc {
                        () => {
                            // SAFETY: the frame is alive.
                            unsafe { (*frame).pc = pc }
                        };
                    }
                    macro_rules! safepoint {
                        () => {{
                            if COUNTED {
                                self.charge_at(op);
                            }
                            if self.heap.should_collect() {
                                save_pc!();
                                attempt!(self.collect());
                            }
                        }};
                    }
                    /// Goes on with the frame that was just started.
                    macro_rules! begin_frame {
                        () => {{
                            resume!();
                            if COUNTED {
                                self.count_call();
                            }
                            count!(Call);
                        }};
                    }
                    /// After an instruction that may have started a frame for the call at a register.
                    macro_rules! begun {
                        ($first:expr, $begun:expr) => {{
                            save_pc!();
                            match attempt!($begun) {
                                Begun::Frame => {
                                    let (caller, plain) = (frame, base.of($first).above(Call::ARGS));
                                    resume!();
                                    if COUNTED {
                                        self.charge_at(op);
                                    }
                                    // The frame of a constructor starts one slot higher. An instance was made, and what
                                    // the frame runs need not allocate.
                                    if base > plain
                                        && self.heap.should_collect()
                                        && let Err(error) = self.collect()
                                    {
                                        // The call raises it.
                                        self.stack.leave();
                                        frame = caller;
                                        // SAFETY: the frame is alive, as it made the call.
                                        pc = unsafe { (*frame).pc };
                                        break 'dispatch error;
                                    }
                                    if COUNTED {
                                        self.count_call();
                                    }
                                    count!(Call);
                                }
                                Begun::Done => safepoint!(),
                            }
                        }};
                    }
                    /// Arithmetic with an int and a float path that cannot fail.
                    macro_rules! arithmetic {
                        ($dst:expr, $x:expr, $y:expr, $op:ident, $int:expr, $float:expr) => {{
                            let (x, y): (Value, Value) = ($x, $y);
                            if both_int(x, y) {
                                let int: fn(i64, i64) -> i64 = $int;
                                reg!($dst) = Value::int(int(x.int_bits(), y.int_bits()));
                            } else if x.is_float() && y.is_float() {
                                let float: fn(f64, f64) -> f64 = $float;
                                reg!($dst) = Value::float(float(x.float_bits(), y.float_bits()));
                            } else if let Some((x, y)) = mixed_numbers(x, y) {
                                let float: fn(f64, f64) -> f64 = $float;
                                reg!($dst) = Value::float(float(x, y));
                            } else {
                                reg!($dst) = attempt!(self.binary(BinaryOp::$op, x, y));
                                safepoint!();
                            }
                        }};
                    }
                    /// Division and remainder: the int path fails for zero.
                    macro_rules! division {
                        ($dst:expr, $x:expr, $y:expr, $op:ident, $int:expr, $float:expr) => {{
                            let (x, y): (Value, Value) = ($x, $y);
                            // A divisor of 0 has no quotient and -1 must wrap; both go the slow way.
                            if both_int(x, y) && (y.int_bits() as u64).wrapping_add(1) > 1 {
                                let int: fn(i64, i64) -> i64 = $int;
                                reg!($dst) = Value::int(int(x.int_bits(), y.int_bits()));
                            } else if x.is_float() && y.is_float() {
                                let float: fn(f64, f64) -> f64 = $float;
                                reg!($dst) = Value::float(float(x.float_bits(), y.float_bits()));
                            } else if let Some((x, y)) = mixed_numbers(x, y) {
                                let float: fn(f64, f64) -> f64 = $float;
                                reg!($dst) = Value::float(float(x, y));
                            } else {
                                reg!($dst) = attempt!(self.binary(BinaryOp::$op, x, y));
                            }
                        }};
                    }
                    macro_rules! bitwise {
                        ($dst:expr, $a:expr, $b:expr, $op:ident, $int:expr) => {{
                            let (x, y) = (reg!($a), reg!($b));
                            if both_int(x, y) {
                                let int: fn(i64, i64) -> i64 = $int;
                                reg!($dst) = Value::int(int(x.int_bits(), y.int_bits()));
                            } else {
                                reg!($dst) = attempt!(self.binary(BinaryOp::$op, x, y));
                            }
                        }};
                    }
                    /// The truth of an ordering.
                    macro_rules! ordered {
                    ($x:expr, $y:expr, $op:ident, $sign:tt) => {{
                        let (x, y): (Value, Value) = ($x, $y);
                        if both_int(x, y) {
                            x.int_bits() $sign y.int_bits()
                        } else if x.is_float() && y.is_float() {
                            x.float_bits() $sign y.float_bits()
                        } else {
                            attempt!(self.ordering(OrderOp::$op, x, y))
                        }
                    }};
                }
                    macro_rules! equal {
                        ($x:expr, $y:expr) => {{
                            let (x, y): (Value, Value) = ($x, $y);
                            if both_int(x, y) { x.bits() == y.bits() } else { self.equal(x, y) }
                        }};
                    }
                    macro_rules! jump_when {
                        ($condition:expr, $to:expr) => {
                            if $condition {
                                // Keeps this a branch, which is predicted. As a conditional move of `pc` the next
                                // instruction would wait for the comparison. SAFETY: no instruction at all.
                                unsafe { std::arch::asm!("", options(nomem, nostack, preserves_flags)) };
                                jump!($to);
                            }
                        };
                    }

                    match *op {
                        Op::Move { dst, src } => reg!(dst) = reg!(src),
                        Op::LoadInt { dst, value } => reg!(dst) = Value::int(value.into()),
                        Op::LoadConst { dst, constant } => reg!(dst) = constant!(constant),
                        Op::LoadVoid { dst } => reg!(dst) = Value::VOID,
                        Op::LoadAbsent { dst } => reg!(dst) = Value::UNDEF,
                        Op::LoadTrue { dst } => reg!(dst) = Value::TRUE,
                        Op::LoadFalse { dst } => reg!(dst) = Value::FALSE,
                        Op::LoadFn { dst, func } => reg!(dst) = Value::function(func),
                        Op::LoadBuiltin { dst, builtin } => reg!(dst) = Value::builtin(self.image.builtin(builtin)),
                        Op::LoadModule { dst, module } => reg!(dst) = Value::module(module),
                        Op::LoadStruct { dst, def } => reg!(dst) = self.image.struct_objects[def.index()],

                        Op::GetGlobal { dst, global } => {
                            // SAFETY: the verifier proved the global to exist.
                            let value = *unsafe { self.globals.get_unchecked(global.index()) };
                            if value.is_undef() {
                                break 'dispatch self.undefined_global(global);
                            }
                            reg!(dst) = value;
                        }
                        Op::SetGlobal { src, global } => {
                            // SAFETY: the verifier proved the global to exist.
                            *unsafe { self.globals.get_unchecked_mut(global.index()) } = reg!(src);
                        }
                        Op::NewCell { dst, src } => {
                            reg!(dst) = Value::from_cell(Cell::new(&mut self.heap, reg!(src)));
                            safepoint!();
                        }
                        Op::GetCell { dst, cell } => reg!(dst) = attempt!(self.cell_value(reg!(cell))),
                        Op::SetCell { cell, src } => attempt!(self.set_cell_value(reg!(cell), reg!(src))),
                        Op::GetCapture { dst, capture } => reg!(dst) = self.capture(capture),
                        Op::GetCaptureCell { dst, capture } => {
                            reg!(dst) = attempt!(self.cell_value(self.capture(capture)));
                        }
                        Op::SetCaptureCell { src, capture } => {
                            attempt!(self.set_cell_value(self.capture(capture), reg!(src)));
                        }
                        Op::MakeClosure { dst, func } => {
                            reg!(dst) = self.make_closure(func, base);
                            safepoint!();
                        }
                        Op::MakeStruct { dst, def } => {
                            reg!(dst) = self.make_struct(def, base);
                            safepoint!();
                        }

                        Op::Add { dst, a, b } => {
                            arithmetic!(dst, reg!(a), reg!(b), Add, |x, y| x.wrapping_add(y), |x, y| x + y);
                        }
                        Op::Sub { dst, a, b } => {
                            arithmetic!(dst, reg!(a), reg!(b), Sub, |x, y| x.wrapping_sub(y), |x, y| x - y);
                        }
                        Op::Mul { dst, a, b } => {
                            arithmetic!(dst, reg!(a), reg!(b), Mul, |x, y| x.wrapping_mul(y), |x, y| x * y);
                        }
                        Op::Div { dst, a, b } => {
                            division!(dst, reg!(a), reg!(b), Div, |x, y| x.wrapping_div(y), |x, y| x / y);
                        }
                        Op::Mod { dst, a, b } => {
                            division!(dst, reg!(a), reg!(b), Mod, |x, y| x.wrapping_rem(y), |x, y| x % y);
                        }
                        Op::Pow { dst, a, b } => {
                            reg!(dst) = attempt!(self.binary(BinaryOp::Pow, reg!(a), reg!(b)));
                        }
                        Op::BitAnd { dst, a, b } => bitwise!(dst, a, b, BitAnd, |x, y| x & y),
                        Op::BitOr { dst, a, b } => bitwise!(dst, a, b, BitOr, |x, y| x | y),
                        Op::BitXor { dst, a, b } => bitwise!(dst, a, b, BitXor, |x, y| x ^ y),
                        Op::Shl { dst, a, b } => {
                            let (x, y) = (reg!(a), reg!(b));
                            if both_int(x, y) && y.int_bits() >= 0 {
                                reg!(dst) = Value::int(x.int_bits().wrapping_shl(y.int_bits() as u32));
                            } else {
                                reg!(dst) = attempt!(self.binary(BinaryOp::Shl, x, y));
                            }
                        }
                        Op::Shr { dst, a, b } => {
                            let (x, y) = (reg!(a), reg!(b));
                            if both_int(x, y) && y.int_bits() >= 0 {
                                reg!(dst) = Value::int(x.int_bits().wrapping_shr(y.int_bits() as u32));
                            } else {
                                reg!(dst) = attempt!(self.binary(BinaryOp::Shr, x, y));
                            }
                        }
                        Op::AddK { dst, a, k } => {
                            arithmetic!(dst, reg!(a), constant!(k), Add, |x, y| x.wrapping_add(y), |x, y| x + y);
                        }
                        Op::SubK { dst, a, k } => {
                            arithmetic!(dst, reg!(a), constant!(k), Sub, |x, y| x.wrapping_sub(y), |x, y| x - y);
                        }
                        Op::MulK { dst, a, k } => {
                            arithmetic!(dst, reg!(a), constant!(k), Mul, |x, y| x.wrapping_mul(y), |x, y| x * y);
                        }
                        Op::DivK { dst, a, k } => {
                            division!(dst, reg!(a), constant!(k), Div, |x, y| x.wrapping_div(y), |x, y| x / y);
                        }
                        Op::ModK { dst, a, k } => {
                            division!(dst, reg!(a), constant!(k), Mod, |x, y| x.wrapping_rem(y), |x, y| x % y);
                        }
                        Op::KAdd { dst, k, b } => {
                            arithmetic!(dst, constant!(k), reg!(b), Add, |x, y| x.wrapping_add(y), |x, y| x + y);
                        }
                        Op::KSub { dst, k, b } => {
                            arithmetic!(dst, constant!(k), reg!(b), Sub, |x, y| x.wrapping_sub(y), |x, y| x - y);
                        }
                        Op::KMul { dst, k, b } => {
                            arithmetic!(dst, constant!(k), reg!(b), Mul, |x, y| x.wrapping_mul(y), |x, y| x * y);
                        }
                        Op::KDiv { dst, k, b } => {
                            division!(dst, constant!(k), reg!(b), Div, |x, y| x.wrapping_div(y), |x, y| x / y);
                        }
                        Op::Neg { dst, a } => {
                            let x = reg!(a);
                            reg!(dst) = match x.tag() {
                                Tag::Int => Value::int(x.int_bits().wrapping_neg()),
                                Tag::Float => Value::float(-x.float_bits()),
                                _ => break 'dispatch self.bad_unary("-", x),
                            };
                        }
                        Op::Not { dst, a } => reg!(dst) = Value::bool(!self.truthy(reg!(a))),
                        Op::BitNot { dst, a } => {
                            let x = reg!(a);
                            if !x.is_int() {
                                break 'dispatch self.bad_unary("~", x);
                            }
                            reg!(dst) = Value::int(!x.int_bits());
                        }

                        Op::Eq { dst, a, b } => reg!(dst) = Value::bool(equal!(reg!(a), reg!(b))),
                        Op::Ne { dst, a, b } => reg!(dst) = Value::bool(!equal!(reg!(a), reg!(b))),
                        Op::Lt { dst, a, b } => reg!(dst) = Value::bool(ordered!(reg!(a), reg!(b), Lt, <)),
                        Op::Le { dst, a, b } => reg!(dst) = Value::bool(ordered!(reg!(a), reg!(b), Le, <=)),
                        Op::Gt { dst, a, b } => reg!(dst) = Value::bool(ordered!(reg!(a), reg!(b), Gt, >)),
                        Op::Ge { dst, a, b } => reg!(dst) = Value::bool(ordered!(reg!(a), reg!(b), Ge, >=)),
                        Op::Contains { dst, item, object } => {
                            reg!(dst) = Value::bool(attempt!(self.is_member(reg!(object), reg!(item))));
                        }

                        Op::Jump { to } => jump!(to),
                        Op::JumpIf { a, to } => jump_when!(self.truthy(reg!(a)), to),
                        Op::JumpIfNot { a, to } => jump_when!(!self.truthy(reg!(a)), to),
                        Op::JumpIfGiven { a, to } => jump_when!(reg!(a).tag() != Tag::Undef, to),
                        Op::JumpEq { a, b, to } => jump_when!(equal!(reg!(a), reg!(b)), to),
                        Op::JumpNe { a, b, to } => jump_when!(!equal!(reg!(a), reg!(b)), to),
                        Op::JumpLt { a, b, to } => jump_when!(ordered!(reg!(a), reg!(b), Lt, <), to),
                        Op::JumpLe { a, b, to } => jump_when!(ordered!(reg!(a), reg!(b), Le, <=), to),
                        Op::JumpGt { a, b, to } => jump_when!(ordered!(reg!(a), reg!(b), Gt, >), to),
                        Op::JumpGe { a, b, to } => jump_when!(ordered!(reg!(a), reg!(b), Ge, >=), to),
                        Op::JumpNotLt { a, b, to } => jump_when!(!ordered!(reg!(a), reg!(b), Lt, <), to),
                        Op::JumpNotLe { a, b, to } => jump_when!(!ordered!(reg!(a), reg!(b), Le, <=), to),
                        Op::JumpNotGt { a, b, to } => jump_when!(!ordered!(reg!(a), reg!(b), Gt, >), to),
                        Op::JumpNotGe { a, b, to } => jump_when!(!ordered!(reg!(a), reg!(b), Ge, >=), to),
                        Op::JumpEqK { a, k, to } => jump_when!(equal!(reg!(a), constant!(k)), to),
                        Op::JumpNeK { a, k, to } => jump_when!(!equal!(reg!(a), constant!(k)), to),
                        Op::JumpLtK { a, k, to } => jump_when!(ordered!(reg!(a), constant!(k), Lt, <), to),
                        Op::JumpLeK { a, k, to } => jump_when!(ordered!(reg!(a), constant!(k), Le, <=), to),
                        Op::JumpGtK { a, k, to } => jump_when!(ordered!(reg!(a), constant!(k), Gt, >), to),
                        Op::JumpGeK { a, k, to } => jump_when!(ordered!(reg!(a), constant!(k), Ge, >=), to),
                        Op::JumpNotLtK { a, k, to } => jump_when!(!ordered!(reg!(a), constant!(k), Lt, <), to),
                        Op::JumpNotLeK { a, k, to } => jump_when!(!ordered!(reg!(a), constant!(k), Le, <=), to),
                        Op::JumpNotGtK { a, k, to } => jump_when!(!ordered!(reg!(a), constant!(k), Gt, >), to),
                        Op::JumpNotGeK { a, k, to } => jump_when!(!ordered!(reg!(a), constant!(k), Ge, >=), to),
                        Op::JumpIfType { a, types, to } => jump_when!(reg!(a).tag().kind().meets(types), to),
                        Op::JumpIfNotType { a, types, to } => jump_when!(!reg!(a).tag().kind().meets(types), to),

                        Op::ForPrep { base: first, exit } => {
                            let (counter, end) = (reg!(first), reg!(first.above(1)));
                            if !both_int(counter, end) {
                                break 'dispatch self.bad_operands("..", counter, end);
                            }
                            if counter.int_bits() < end.int_bits() {
                                reg!(first.above(2)) = counter;
                                first_iteration!();
                            } else {
                                jump!(exit);
                            }
                        }
                        Op::ForLoop { base: first, back } => {
                            // The two registers are the loop's own. Should a hand-made file have put something else
                            // there, the loop ends: counting its bits would tell the program addresses.
                            let (counter, end) = (reg!(first), reg!(first.above(1)));
                            let next = counter.int_bits().wrapping_add(1);
                            if next < end.int_bits() && both_int(counter, end) {
                                reg!(first) = Value::int(next);
                                reg!(first.above(2)) = Value::int(next);
                                jump!(back);
                            }
                        }
                        Op::IterPrep { base: first, exit } => {
                            save_pc!();
                            let begun = attempt!(self.start_iteration(base.of(first), false));
                            if !begun {
                                jump!(exit);
                            }
                            safepoint!();
                            if begun {
                                first_iteration!();
                            }
                        }
                        Op::IterNext { base: first, back } => {
                            save_pc!();
                            let more = attempt!(self.next_item(base.of(first)));
                            safepoint!();
                            jump_when!(more, back);
                        }
                        Op::IterPrep2 { base: first, exit } => {
                            save_pc!();
                            let begun = attempt!(self.start_iteration(base.of(first), true));
                            if !begun {
                                jump!(exit);
                            }
                            safepoint!();
                            if begun {
                                first_iteration!();
                            }
                        }
                        Op::IterNext2 { base: first, back } => {
                            save_pc!();
                            let more = attempt!(self.next_pair(base.of(first)));
                            safepoint!();
                            jump_when!(more, back);
                        }

                        Op::MakeList { dst, base: first, count } => {
                            reg!(dst) = Value::from_list(attempt!(List::from_values(
                                &mut self.heap,
                                window(base, first, count)
                            )));
                            safepoint!();
                        }
                        Op::ListAppend { list, base: first, count } => {
                            attempt!(self.append_items(reg!(list), window(base, first, count)));
                            safepoint!();
                        }
                        Op::MakeTuple { dst, base: first, count } => {
                            reg!(dst) = Value::from_tuple(Tuple::new(&mut self.heap, window(base, first, count)));
                            safepoint!();
                        }
                        Op::TupleFromList { dst, list } => {
                            reg!(dst) = attempt!(self.tuple_from_list(reg!(list)));
                            safepoint!();
                        }
                        Op::MakeDict { dst, base: first, count } => {
                            reg!(dst) = attempt!(self.make_dict(window(base, first, 2 * u32::from(count))));
                            safepoint!();
                        }
                        Op::DictInsert { dict, base: first, count } => {
                            attempt!(self.insert_pairs(reg!(dict), window(base, first, 2 * u32::from(count))));
                            safepoint!();
                        }
                        Op::Unpack { dst, src, count } => {
                            let x = reg!(src);
                            if x.as_tuple().is_some_and(|tuple| tuple.items().len() == usize::from(count)) {
                                reg!(dst) = x;
                            } else {
                                reg!(dst) = attempt!(self.unpackable(x, count));
                                safepoint!();
                            }
                        }
                        Op::MakeRange { dst, a, b } => {
                            let (x, y) = (reg!(a), reg!(b));
                            if !both_int(x, y) {
                                break 'dispatch self.bad_operands("..", x, y);
                            }
                            reg!(dst) = Value::from_range(Range::new(&mut self.heap, x.int_bits(), y.int_bits()));
                            safepoint!();
                        }
                        Op::Concat { dst, base: first, count } => {
                            reg!(dst) = attempt!(self.concat_texts(window(base, first, count)));
                            safepoint!();
                        }
                        Op::Print { base: first, count, newline } => {
                            attempt!(self.print(window(base, first, count), newline != 0));
                        }

                        Op::GetIndex { dst, object, index } => {
                            let (x, i) = (reg!(object), reg!(index));
                            if let Some(list) = x.as_list()
                                && i.is_int()
                                && let Some(item) = list.try_get(i.int_bits() as usize)
                            {
                                reg!(dst) = item;
                            } else {
                                reg!(dst) = attempt!(self.index(x, i));
                                safepoint!();
                            }
                        }
                        Op::SetIndex { object, index, value } => {
                            let (x, i, v) = (reg!(object), reg!(index), reg!(value));
                            if let Some(list) = x.as_list()
                                && i.is_int()
                                && (i.int_bits() as usize) < list.len()
                            {
                                attempt!(list.set(&mut self.heap, i.int_bits() as usize, v));
                            } else {
                                attempt!(self.set_index(x, i, v));
                                safepoint!();
                            }
                        }
                        Op::GetMember { dst, object, site } => {
                            let x = reg!(object);
                            if let Some(value) = self.cached_field(x, frame, site) {
                                reg!(dst) = value;
                            } else {
                                reg!(dst) = attempt!(self.member_at(x, frame, site));
                                safepoint!();
                            }
                        }
                        Op::SetMember { object, value, site } => {
                            let (x, v) = (reg!(object), reg!(value));
                            if !self.set_cached_field(x, v, frame, site) {
                                attempt!(self.set_member_at(x, v, frame, site));
                                safepoint!();
                            }
                        }
                        Op::GetMemberNamed { dst, object, name } => {
                            reg!(dst) = attempt!(self.member(reg!(object), reg!(name)));
                            safepoint!();
                        }
                        Op::SetMemberNamed { object, name, value } => {
                            attempt!(self.set_member(reg!(object), reg!(name), reg!(value)));
                            safepoint!();
                        }

                        Op::Call { base: first, argc } => {
                            begun!(first, self.begin_call(base.of(first), argc));
                        }
                        Op::CallFn { base: first, func } => {
                            save_pc!();
                            // SAFETY: the verifier proved the function to exist. The image outlives the run and its
                            // tables never move.
                            let function = unsafe { &*self.image.functions.as_ptr().add(func.index()) };
                            if self.stack.enter(function, base.of(first).above(Call::ARGS), None).is_err() {
                                break 'dispatch self.stack_overflow();
                            }
                            begin_frame!();
                        }
                        Op::CallBuiltin { base: first, builtin, argc } => {
                            save_pc!();
                            let slot = base.of(first);
                            let result = attempt!(self.call_builtin(
                                self.image.builtin(builtin),
                                slot.above(Call::ARGS),
                                argc.into()
                            ));
                            reg!(first) = result;
                            safepoint!();
                        }
                        Op::CallMethod { base: first, argc, site } => {
                            begun!(first, self.begin_method_call(base.of(first), argc, frame, site));
                        }
                        Op::FindMethod { dst, object, site } => {
                            reg!(dst) = attempt!(self.find_method(reg!(object), frame, site));
                        }
                        Op::New { base: first, def } => {
                            begun!(first, self.begin_new(base.of(first), def));
                        }
                        Op::TailCall { base: first, argc } => {
                            begun!(first, self.begin_tail_call(base.of(first), argc));
                        }
                        Op::TailCallFn { base: first, func } => {
                            save_pc!();
                            attempt!(self.replace_frame(func, base.of(first).above(Call::ARGS), None));
                            begin_frame!();
                        }
                        Op::TailCallMethod { base: first, argc, site } => {
                            begun!(first, self.begin_tail_method_call(base.of(first), argc, frame, site));
                        }
                        Op::Return { src } => {
                            let result = reg!(src);
                            self.stack.leave();
                            if frame == entry_frame {
                                return Ok(result);
                            }
                            // Below it lies the caller's `base` register of the call.
                            base.result().set(Call::RESULT, result);
                            resume!();
                        }
                        Op::ReturnVoid {} => {
                            self.stack.leave();
                            if frame == entry_frame {
                                return Ok(Value::VOID);
                            }
                            base.result().set(Call::RESULT, Value::VOID);
                            resume!();
                        }
                        Op::Throw { src } => break 'dispatch Error::thrown(reg!(src)),
                        Op::InitModule { base: first, module } => {
                            save_pc!();
                            if attempt!(self.begin_module(base.of(first), module)) == Begun::Frame {
                                begin_frame!();
                            }
                        }
                        Op::StartTask {} => {
                            save_pc!();
                            let task = attempt!(self.task_of_frame());
                            self.stack.leave();
                            if frame == entry_frame {
                                return Ok(task);
                            }
                            base.result().set(Call::RESULT, task);
                            resume!();
                            safepoint!();
                        }
                        Op::Await { dst, src } => {
                            save_pc!();
                            reg!(dst) = attempt!(self.result_of(reg!(src)));
                        }
                    }
                };

                // SAFETY: the frame is alive.
                unsafe { (*frame).pc = pc };
                match self.unwind(error, entry) {
                    Unwound::Resume => {
                        resume!();
                        continue 'run;
                    }
                    Unwound::Leave(error) => return Err(error),
                }
            };

            // SAFETY: the frame is alive.
            unsafe { (*frame).pc = pc };
            let counted = self.on_expiry(event);
            // Native code may have run the function to its end, or moved the frame on, or left others above it before
            // it failed.
            if self.stack.depth() < entry {
                // A tail call has ended this run.
                // SAFETY: the frame was there a moment ago.
                return counted.map(|()| unsafe { (*entry_frame).base }.result().get(Call::RESULT));
            }
            if let Err(error) = counted
                && let Unwound::Leave(error) = self.unwind(error, entry)
            {
                return Err(error);
            }
            resume!();
        }
    }
}

/// A run of registers as a slice. It is copied from before anything runs that could change it.
#[inline(always)]
fn window<'a>(base: Window, first: Reg, count: impl Into<u32>) -> &'a [Value] {
    // SAFETY: the verifier proved the window to lie in the frame. The lifetime is that of the instruction: no callee
    // keeps the slice, and none runs Walrus code while it reads it.
    unsafe { base.of(first).values(count.into() as usize) }
}

/// Keeps `numeric` the one place that says what arithmetic means: the fast paths above must agree with it.
#[cfg(test)]
mod tests {
    use crate::bytecode::numeric;

    #[test]
    fn fast_division_agrees_with_the_definition() {
        for (x, y) in [(7, 2), (-7, 2), (7, -2), (i64::MIN, 3), (i64::MAX, i64::MIN)] {
            assert_eq!(Some(x.wrapping_div(y)), numeric::int_div(x, y));
            assert_eq!(Some(x.wrapping_rem(y)), numeric::int_rem(x, y));
        }
    }
}
