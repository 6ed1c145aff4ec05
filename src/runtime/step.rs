//! One instruction at a time, outside the interpreter's loop: for native code, which leaves to this what it has no form
//! of its own for, and for the recorder of type feedback.
//!
//! Invariant: each arm does what the interpreter's arm does, by the same methods. Calls run to completion inside the
//! step.

use super::call::Begun;
use super::error::{Error, Result};
use super::object::{Cell, List, Range, Tuple};
use super::operators::{BinaryOp, OrderOp};
use super::value::{Tag, Value};
use super::vm::Vm;
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::window::{self, Call};
use crate::bytecode::{Op, Reg};

/// How control goes on after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stepped {
    /// To the following instruction.
    Next,
    /// To the instruction's jump target.
    Jump,
}

impl Vm {
    /// Executes an instruction of the top frame. Instructions that end control (returns, throws, tail calls but of
    /// built-in methods) are not for this: they must be left to the interpreter.
    ///
    /// A collection may follow, so every live value must be in its home.
    ///
    /// # Safety
    /// `op` is an instruction of the top frame's function.
    pub unsafe fn step(&mut self, op: *const Op) -> Result<Stepped> {
        // SAFETY: passed on to the caller.
        let stepped = unsafe { self.step_without_safepoint(op)? };
        if self.heap.should_collect() {
            self.collect()?;
        }
        Ok(stepped)
    }

    /// As [`Vm::step`], but nothing is collected after the instruction itself, so only what it reads need be at home
    /// unless it calls.
    ///
    /// # Safety
    /// `op` is an instruction of the top frame's function.
    pub unsafe fn step_without_safepoint(&mut self, op: *const Op) -> Result<Stepped> {
        if !cfg!(debug_assertions) {
            // SAFETY: passed on to the caller.
            return unsafe { self.execute(op) };
        }
        // SAFETY: the caller answers for the instruction.
        let row = unsafe { *op }.info();
        // SAFETY: as above.
        self.keeping_to(row.name, row.heap.within(self.native.touchable), |vm| unsafe { vm.execute(op) })
    }

    /// Does what the instruction says.
    ///
    /// # Safety
    /// `op` is an instruction of the top frame's function.
    unsafe fn execute(&mut self, op: *const Op) -> Result<Stepped> {
        let frame = self.stack.frame();
        // SAFETY: a frame is alive, and the caller answers for the instruction.
        let (base, op) = unsafe {
            (*frame).pc = op.add(1);
            ((*frame).base, *op)
        };
        let read = |reg: Reg| base.get(reg.0);
        let write = |reg: Reg, value: Value| base.set(reg.0, value);
        let slot = |reg: Reg| base.of(reg);
        let constant = |vm: &Vm, k: crate::bytecode::ShortConst| vm.image.constants[k.index()];
        // SAFETY: nobody keeps the slice, and none runs Walrus code while it reads it.
        let window = |first: Reg, count: usize| unsafe { base.of(first).values(count) };

        macro_rules! binary {
            ($dst:expr, $x:expr, $y:expr, $op:ident) => {{
                let (x, y) = ($x, $y);
                write($dst, self.binary(BinaryOp::$op, x, y)?);
            }};
        }
        macro_rules! jump_when {
            ($condition:expr) => {{
                let condition = $condition;
                return Ok(jumped(condition));
            }};
        }
        macro_rules! ordered {
            ($x:expr, $y:expr, $op:ident) => {{
                let (x, y) = ($x, $y);
                self.ordering(OrderOp::$op, x, y)?
            }};
        }
        macro_rules! equal {
            ($x:expr, $y:expr) => {{
                let (x, y) = ($x, $y);
                self.equal(x, y)
            }};
        }

        match op {
            Op::Move { dst, src } => write(dst, read(src)),
            Op::LoadInt { dst, value } => write(dst, Value::int(value.into())),
            Op::LoadConst { dst, constant } => write(dst, self.image.constant(constant)),
            Op::LoadVoid { dst } => write(dst, Value::VOID),
            Op::LoadAbsent { dst } => write(dst, Value::UNDEF),
            Op::LoadTrue { dst } => write(dst, Value::TRUE),
            Op::LoadFalse { dst } => write(dst, Value::FALSE),
            Op::LoadFn { dst, func } => write(dst, Value::function(func)),
            Op::LoadBuiltin { dst, builtin } => write(dst, Value::builtin(self.image.builtin(builtin))),
            Op::LoadModule { dst, module } => write(dst, Value::module(module)),
            Op::LoadStruct { dst, def } => write(dst, self.image.struct_objects[def.index()]),
            Op::GetGlobal { dst, global } => {
                let value = self.globals[global.index()];
                if value.is_undef() {
                    return Err(self.undefined_global(global));
                }
                write(dst, value);
            }
            Op::SetGlobal { src, global } => {
                self.touches(HeapUse::GLOBALS);
                self.globals[global.index()] = read(src);
            }
            Op::NewCell { dst, src } => write(dst, Value::from_cell(Cell::new(&mut self.heap, read(src)))),
            Op::GetCell { dst, cell } => write(dst, self.cell_value(read(cell))?),
            Op::SetCell { cell, src } => self.set_cell_value(read(cell), read(src))?,
            Op::GetCapture { dst, capture } => write(dst, self.capture(capture)),
            Op::GetCaptureCell { dst, capture } => write(dst, self.cell_value(self.capture(capture))?),
            Op::SetCaptureCell { src, capture } => self.set_cell_value(self.capture(capture), read(src))?,
            Op::MakeClosure { dst, func } => write(dst, self.make_closure(func, base)),
            Op::MakeStruct { dst, def } => write(dst, self.make_struct(def, base)),

            Op::Add { dst, a, b } => binary!(dst, read(a), read(b), Add),
            Op::Sub { dst, a, b } => binary!(dst, read(a), read(b), Sub),
            Op::Mul { dst, a, b } => binary!(dst, read(a), read(b), Mul),
            Op::Div { dst, a, b } => binary!(dst, read(a), read(b), Div),
            Op::Mod { dst, a, b } => binary!(dst, read(a), read(b), Mod),
            Op::Pow { dst, a, b } => binary!(dst, read(a), read(b), Pow),
            Op::BitAnd { dst, a, b } => binary!(dst, read(a), read(b), BitAnd),
            Op::BitOr { dst, a, b } => binary!(dst, read(a), read(b), BitOr),
            Op::BitXor { dst, a, b } => binary!(dst, read(a), read(b), BitXor),
            Op::Shl { dst, a, b } => binary!(dst, read(a), read(b), Shl),
            Op::Shr { dst, a, b } => binary!(dst, read(a), read(b), Shr),
            Op::AddK { dst, a, k } => binary!(dst, read(a), constant(self, k), Add),
            Op::SubK { dst, a, k } => binary!(dst, read(a), constant(self, k), Sub),
            Op::MulK { dst, a, k } => binary!(dst, read(a), constant(self, k), Mul),
            Op::DivK { dst, a, k } => binary!(dst, read(a), constant(self, k), Div),
            Op::ModK { dst, a, k } => binary!(dst, read(a), constant(self, k), Mod),
            Op::KAdd { dst, k, b } => binary!(dst, constant(self, k), read(b), Add),
            Op::KSub { dst, k, b } => binary!(dst, constant(self, k), read(b), Sub),
            Op::KMul { dst, k, b } => binary!(dst, constant(self, k), read(b), Mul),
            Op::KDiv { dst, k, b } => binary!(dst, constant(self, k), read(b), Div),
            Op::Neg { dst, a } => {
                let x = read(a);
                let negated = match x.tag() {
                    Tag::Int => Value::int(x.int_bits().wrapping_neg()),
                    Tag::Float => Value::float(-x.float_bits()),
                    _ => return Err(self.bad_unary("-", x)),
                };
                write(dst, negated);
            }
            Op::Not { dst, a } => write(dst, Value::bool(!self.truthy(read(a)))),
            Op::BitNot { dst, a } => match read(a).as_int() {
                Some(x) => write(dst, Value::int(!x)),
                None => return Err(self.bad_unary("~", read(a))),
            },

            Op::Eq { dst, a, b } => write(dst, Value::bool(equal!(read(a), read(b)))),
            Op::Ne { dst, a, b } => write(dst, Value::bool(!equal!(read(a), read(b)))),
            Op::Lt { dst, a, b } => write(dst, Value::bool(ordered!(read(a), read(b), Lt))),
            Op::Le { dst, a, b } => write(dst, Value::bool(ordered!(read(a), read(b), Le))),
            Op::Gt { dst, a, b } => write(dst, Value::bool(ordered!(read(a), read(b), Gt))),
            Op::Ge { dst, a, b } => write(dst, Value::bool(ordered!(read(a), read(b), Ge))),
            Op::Contains { dst, item, object } => write(dst, Value::bool(self.is_member(read(object), read(item))?)),

            Op::Jump { .. } => return Ok(Stepped::Jump),
            Op::JumpIf { a, .. } => jump_when!(self.truthy(read(a))),
            Op::JumpIfNot { a, .. } => jump_when!(!self.truthy(read(a))),
            Op::JumpIfGiven { a, .. } => jump_when!(read(a).tag() != Tag::Undef),
            Op::JumpEq { a, b, .. } => jump_when!(equal!(read(a), read(b))),
            Op::JumpNe { a, b, .. } => jump_when!(!equal!(read(a), read(b))),
            Op::JumpLt { a, b, .. } => jump_when!(ordered!(read(a), read(b), Lt)),
            Op::JumpLe { a, b, .. } => jump_when!(ordered!(read(a), read(b), Le)),
            Op::JumpGt { a, b, .. } => jump_when!(ordered!(read(a), read(b), Gt)),
            Op::JumpGe { a, b, .. } => jump_when!(ordered!(read(a), read(b), Ge)),
            Op::JumpNotLt { a, b, .. } => jump_when!(!ordered!(read(a), read(b), Lt)),
            Op::JumpNotLe { a, b, .. } => jump_when!(!ordered!(read(a), read(b), Le)),
            Op::JumpNotGt { a, b, .. } => jump_when!(!ordered!(read(a), read(b), Gt)),
            Op::JumpNotGe { a, b, .. } => jump_when!(!ordered!(read(a), read(b), Ge)),
            Op::JumpEqK { a, k, .. } => jump_when!(equal!(read(a), constant(self, k))),
            Op::JumpNeK { a, k, .. } => jump_when!(!equal!(read(a), constant(self, k))),
            Op::JumpLtK { a, k, .. } => jump_when!(ordered!(read(a), constant(self, k), Lt)),
            Op::JumpLeK { a, k, .. } => jump_when!(ordered!(read(a), constant(self, k), Le)),
            Op::JumpGtK { a, k, .. } => jump_when!(ordered!(read(a), constant(self, k), Gt)),
            Op::JumpGeK { a, k, .. } => jump_when!(ordered!(read(a), constant(self, k), Ge)),
            Op::JumpNotLtK { a, k, .. } => jump_when!(!ordered!(read(a), constant(self, k), Lt)),
            Op::JumpNotLeK { a, k, .. } => jump_when!(!ordered!(read(a), constant(self, k), Le)),
            Op::JumpNotGtK { a, k, .. } => jump_when!(!ordered!(read(a), constant(self, k), Gt)),
            Op::JumpNotGeK { a, k, .. } => jump_when!(!ordered!(read(a), constant(self, k), Ge)),
            Op::JumpIfType { a, types, .. } => jump_when!(read(a).tag().kind().meets(types)),
            Op::JumpIfNotType { a, types, .. } => jump_when!(!read(a).tag().kind().meets(types)),

            Op::ForPrep { base: first, .. } => {
                let (counter, end) = (read(first), read(first.above(window::Range::END)));
                let (Some(from), Some(to)) = (counter.as_int(), end.as_int()) else {
                    return Err(self.bad_operands("..", counter, end));
                };
                if from >= to {
                    return Ok(Stepped::Jump);
                }
                write(first.above(window::Range::VARIABLE), counter);
            }
            Op::ForLoop { base: first, .. } => {
                if let (Some(counter), Some(end)) =
                    (read(first).as_int(), read(first.above(window::Range::END)).as_int())
                    && counter.wrapping_add(1) < end
                {
                    let next = Value::int(counter.wrapping_add(1));
                    write(first, next);
                    write(first.above(window::Range::VARIABLE), next);
                    return Ok(Stepped::Jump);
                }
            }
            Op::IterPrep { base: first, .. } => {
                let any = self.start_iteration(slot(first), false)?;
                return Ok(jumped(!any));
            }
            Op::IterNext { base: first, .. } => {
                let more = self.next_item(slot(first))?;
                return Ok(jumped(more));
            }
            Op::IterPrep2 { base: first, .. } => {
                let any = self.start_iteration(slot(first), true)?;
                return Ok(jumped(!any));
            }
            Op::IterNext2 { base: first, .. } => {
                let more = self.next_pair(slot(first))?;
                return Ok(jumped(more));
            }

            Op::MakeList { dst, base: first, count } => {
                write(dst, Value::from_list(List::from_values(&mut self.heap, window(first, count.into()))?));
            }
            Op::ListAppend { list, base: first, count } => {
                self.append_items(read(list), window(first, count.into()))?
            }
            Op::MakeTuple { dst, base: first, count } => {
                write(dst, Value::from_tuple(Tuple::new(&mut self.heap, window(first, count.into()))));
            }
            Op::TupleFromList { dst, list } => write(dst, self.tuple_from_list(read(list))?),
            Op::MakeDict { dst, base: first, count } => {
                write(dst, self.make_dict(window(first, 2 * usize::from(count)))?)
            }
            Op::DictInsert { dict, base: first, count } => {
                self.insert_pairs(read(dict), window(first, 2 * usize::from(count)))?;
            }
            Op::Unpack { dst, src, count } => write(dst, self.unpackable(read(src), count)?),
            Op::MakeRange { dst, a, b } => {
                let (x, y) = (read(a), read(b));
                let (Some(from), Some(to)) = (x.as_int(), y.as_int()) else {
                    return Err(self.bad_operands("..", x, y));
                };
                write(dst, Value::from_range(Range::new(&mut self.heap, from, to)));
            }
            Op::Concat { dst, base: first, count } => write(dst, self.concat_texts(window(first, count.into()))?),
            Op::Print { base: first, count, newline } => self.print(window(first, count.into()), newline != 0)?,

            Op::GetIndex { dst, object, index } => write(dst, self.index(read(object), read(index))?),
            Op::SetIndex { object, index, value } => self.set_index(read(object), read(index), read(value))?,
            Op::GetMember { dst, object, site } => {
                let x = read(object);
                let value = match self.cached_field(x, frame, site) {
                    Some(value) => value,
                    None => self.member_at(x, frame, site)?,
                };
                write(dst, value);
            }
            Op::SetMember { object, value, site } => {
                let (x, v) = (read(object), read(value));
                if !self.set_cached_field(x, v, frame, site) {
                    self.set_member_at(x, v, frame, site)?;
                }
            }
            Op::GetMemberNamed { dst, object, name } => write(dst, self.member(read(object), read(name))?),
            Op::SetMemberNamed { object, name, value } => self.set_member(read(object), read(name), read(value))?,

            Op::Call { base: first, argc } => {
                let begun = self.begin_call(slot(first), argc)?;
                self.finish_call(begun)?;
            }
            Op::CallFn { base: first, func } => {
                self.start_frame(func, slot(first).above(Call::ARGS), None)?;
                self.finish_call(Begun::Frame)?;
            }
            Op::CallBuiltin { base: first, builtin, argc } => {
                let result =
                    self.call_builtin(self.image.builtin(builtin), slot(first).above(Call::ARGS), argc.into())?;
                write(first, result);
            }
            // A built-in method starts no frame that could take the place of this one; the `Return` follows.
            Op::TailCallMethod { base: first, site, .. } if !self.calls_built_in(first, site) => {
                return Err(Error::fatal("a tail call that only the interpreter executes"));
            }
            Op::CallMethod { base: first, argc, site } | Op::TailCallMethod { base: first, argc, site } => {
                let begun = self.begin_method_call(slot(first), argc, frame, site)?;
                self.finish_call(begun)?;
            }
            Op::FindMethod { dst, object, site } => write(dst, self.find_method(read(object), frame, site)?),
            Op::New { base: first, def } => {
                let begun = self.begin_new(slot(first), def)?;
                self.finish_call(begun)?;
            }
            Op::InitModule { base: first, module } => {
                let begun = self.begin_module(slot(first), module)?;
                self.finish_call(begun)?;
            }
            Op::Await { dst, src } => write(dst, self.result_of(read(src))?),
            Op::TailCall { .. }
            | Op::TailCallFn { .. }
            | Op::Return { .. }
            | Op::ReturnVoid {}
            | Op::Throw { .. }
            | Op::StartTask {} => return Err(Error::fatal("an instruction that only the interpreter executes")),
        }
        Ok(Stepped::Next)
    }

    /// Runs the frame that a call has begun, if it has, and puts its result where the call wants it.
    pub(super) fn finish_call(&mut self, begun: Begun) -> Result<()> {
        if begun == Begun::Done {
            return Ok(());
        }
        // SAFETY: a frame was just started.
        let result = unsafe { (*self.stack.frame()).base }.result();
        let entry = self.stack.depth();
        let counted = self.on_call();
        if self.stack.depth() < entry {
            // Native code has run it to its end.
            return counted;
        }
        let value = self.run_on(entry, counted)?;
        result.set(Call::RESULT, value);
        Ok(())
    }
}

fn jumped(jump: bool) -> Stepped {
    if jump { Stepped::Jump } else { Stepped::Next }
}
