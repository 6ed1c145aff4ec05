//! One instruction after another: which native form it has, and the step for the rest.

use std::rc::Rc;

use super::calls::Callee;
use super::env::{Env, Slot, Typed};
use super::heap_use::StepNeeds;
use super::{BASE, Builder, Built, Goes, MAX_INLINED_WITH_STEPS, MAX_WITH_STEPS_INLINED, Purpose, Refusal, Stop, VM};
use crate::bytecode::flow::RegSet;
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::access::Edge;
use crate::bytecode::op::shape::{
    self, CompareJump, Comparison, Iteration, Over, Source, Test, any_binary, any_compare_jump, any_comparison,
    any_iteration,
};
use crate::bytecode::op::window::{Iter, MethodCall, Range};
use crate::bytecode::types::Tags;
use crate::bytecode::{ConstId, Op, Reg};
use crate::facts::native_forms::Form;
use crate::jit::feedback::{ALL_TAGS, TagSet};
use crate::jit::helpers::{Helper, Status};
use crate::jit::ir::{Binary, Compare, ExitReason, Inst, Mem, MemSet, Repr, StartedFrame, Terminator, Unary, Val};
use crate::runtime::value::{Tag, Value};

impl Builder<'_> {
    /// Translates an instruction that neither jumps nor ends control.
    pub(super) fn instruction(&mut self, op: Op) -> Built<Goes> {
        if !self.is_reached() && self.calls_code(op)? {
            return Ok(self.unseen());
        }
        if self.form(op)? == Form::Step && !self.gives_up_frame(op) {
            return self.step();
        }
        self.raising = self.may_raise(op)?;
        let goes = self.form_by_types(op);
        self.raising = None;
        goes
    }

    /// Translates an instruction that has a form, or one for each type of an operand.
    pub(super) fn form_by_types(&mut self, op: Op) -> Built<Goes> {
        match self.apart(op)? {
            Some((reg, types)) => self.tell_apart(op, reg, &types),
            None => self.native_form(op),
        }
    }

    /// Translates an instruction that has a form of its own for what was seen.
    pub(super) fn native_form(&mut self, op: Op) -> Built<Goes> {
        if let Some(binary) = op.as_binary() {
            return self.binary(binary);
        }
        if let Some(comparison) = op.as_comparison() {
            return self.compare_into(comparison);
        }
        match op {
            Op::Move { dst, src } => {
                let value = self.get(src)?;
                self.set(dst, value);
            }
            Op::LoadInt { dst, value } => {
                let value = self.int(value.into());
                self.set(dst, Typed::Known(Tag::Int, value));
            }
            Op::LoadConst { dst, constant } => {
                let value = self.constant(constant);
                self.set(dst, value);
            }
            Op::LoadVoid { dst } => self.set_constant(dst, Tag::Void, 0),
            Op::LoadAbsent { dst } => self.set_constant(dst, Tag::Undef, 0),
            Op::LoadTrue { dst } => {
                let value = self.truth(true);
                self.set(dst, Typed::Known(Tag::Bool, value));
            }
            Op::LoadFalse { dst } => {
                let value = self.truth(false);
                self.set(dst, Typed::Known(Tag::Bool, value));
            }
            Op::LoadFn { dst, func } => self.set_constant(dst, Tag::Function, func.0.into()),
            Op::LoadBuiltin { dst, builtin } => {
                let index = self.vm.image().builtin(builtin);
                self.set_constant(dst, Tag::Builtin, index as i64);
            }
            Op::LoadModule { dst, module } => self.set_constant(dst, Tag::Module, module.0.into()),
            Op::GetGlobal { dst, global } => return self.get_global(dst, global),
            Op::SetGlobal { src, global } => return self.set_global(src, global),
            Op::GetCell { dst, cell } => {
                let cell = self.get(cell)?;
                return self.get_cell(dst, cell);
            }
            Op::SetCell { cell, src } => {
                let cell = self.get(cell)?;
                return self.set_cell(cell, src);
            }
            Op::GetCapture { dst, capture } => match self.capture(capture, self.feedback().result.single()) {
                Some(value) => self.set(dst, value),
                None => return self.step(),
            },
            Op::GetCaptureCell { dst, capture } => match self.capture(capture, Some(Tag::Cell)) {
                Some(cell) => return self.get_cell(dst, cell),
                None => return self.step(),
            },
            Op::SetCaptureCell { src, capture } => match self.capture(capture, Some(Tag::Cell)) {
                Some(cell) => return self.set_cell(cell, src),
                None => return self.step(),
            },

            Op::Neg { dst, a } => {
                let value = self.operand(a, self.feedback().a)?;
                match self.negate(value) {
                    Some(result) => self.set(dst, result),
                    None => return self.step(),
                }
            }
            Op::Not { dst, a } => {
                let seen = self.feedback().a;
                let value = self.operand(a, seen)?;
                match self.truth_of(value, seen)? {
                    Some(truth) => {
                        let inverse = self.not(truth);
                        self.set(dst, Typed::Known(Tag::Bool, inverse));
                    }
                    None => return self.step(),
                }
            }
            Op::BitNot { dst, a } => {
                let value = self.operand(a, self.feedback().a)?;
                match value.as_tag(Tag::Int) {
                    Some(int) => {
                        let result = self.push(Inst::Unary(Unary::Inot, int), Repr::I64);
                        self.set(dst, Typed::Known(Tag::Int, result));
                    }
                    None => return self.step(),
                }
            }
            Op::Unpack { dst, src, count } => return self.check_count(dst, src, count),
            Op::Contains { dst, item, object } => return self.contains(dst, item, object),
            Op::GetIndex { dst, object, index } => return self.get_index(dst, object, index),
            Op::SetIndex { object, index, value } => return self.set_index(object, index, value),
            Op::GetMember { dst, object, site } => return self.get_member(dst, object, site),
            Op::SetMember { object, value, site } => return self.set_member(object, value, site),
            Op::FindMethod { dst, object, site } => return self.find_method(dst, object, site),
            Op::CallMethod { base, argc, site } => return self.call_method(base, argc, site),
            Op::CallBuiltin { base, builtin, argc } => return self.call_builtin(base, builtin, argc),
            Op::CallFn { base, func } => return self.call_function(base, Callee::plain(func)),
            Op::Call { base, argc } => return self.call_value(base, argc),
            Op::New { base, def } => return self.new_instance(base, def),

            Op::LoadStruct { dst, def } => {
                // The image holds on to it as long as the program runs.
                let object = self.vm.image().struct_objects[def.index()];
                match object.tag() {
                    Tag::Struct => self.set_constant(dst, Tag::Struct, object.int_bits()),
                    _ => return self.step(),
                }
            }
            Op::NewCell { dst, src } => return self.new_cell(dst, src),
            Op::MakeClosure { dst, func } => return self.make_closure(dst, func),
            Op::MakeTuple { dst, base, count } => return self.make_tuple(dst, base, count),
            Op::MakeRange { dst, a, b } => return self.make_range(dst, a, b),
            Op::MakeList { dst, base, count } => return self.make_list(dst, base, count),
            Op::MakeStruct { .. }
            | Op::ListAppend { .. }
            | Op::TupleFromList { .. }
            | Op::DictInsert { .. }
            | Op::GetMemberNamed { .. }
            | Op::SetMemberNamed { .. }
            | Op::InitModule { .. } => return self.step(),
            Op::MakeDict { dst, base, count } => return self.make_dict(dst, base, count),
            Op::Concat { dst, base, count } => return self.concat(dst, base, count),
            Op::Print { base, count, newline } => return self.print(base, count, newline != 0),

            Op::TailCall { base, argc } => return self.tail_call_value(base, argc),
            Op::TailCallMethod { base, argc, site } => return self.tail_call_method(base, argc, site),
            // If the task has to wait, its native stack is kept until it goes on: see `Vm::step_at`.
            Op::Await { .. } => return self.step(),
            // Of functions that only the interpreter runs.
            Op::StartTask {} => return Ok(self.leave()),

            any_binary!() | any_comparison!() => unreachable!("their shapes were asked above"),
            any_compare_jump!()
            | any_iteration!()
            | Op::Jump { .. }
            | Op::JumpIf { .. }
            | Op::JumpIfNot { .. }
            | Op::JumpIfGiven { .. }
            | Op::JumpIfType { .. }
            | Op::JumpIfNotType { .. }
            | Op::TailCallFn { .. }
            | Op::Return { .. }
            | Op::ReturnVoid {}
            | Op::Throw { .. } => unreachable!("these end their blocks"),
        }
        Ok(Goes::On)
    }

    /// Leaves the instruction, and what comes behind it, to the interpreter.
    pub(super) fn leave(&mut self) -> Goes {
        let exit = self.exit(ExitReason::Leaves);
        self.finish(Terminator::Exit(exit));
        Goes::Nowhere
    }

    /// Whether the instruction was executed while recording.
    pub(super) fn is_reached(&self) -> bool {
        self.feedback().reached
    }

    /// Whether an instruction that was not executed may run Walrus code. A call that nobody may ever come to would keep
    /// the loop from being improved: whatever is called may change anything.
    pub(super) fn calls_code(&mut self, op: Op) -> Built<bool> {
        Ok(match op {
            Op::CallBuiltin { .. } => false,
            Op::CallMethod { base, .. } => {
                let receiver = self.operand(base.above(MethodCall::RECEIVER), self.feedback().a)?;
                // They are receivers of built-in methods, too.
                !receiver.tag().is_some_and(|tag| TagSet::PLAIN_ITERABLES.contains(tag))
            }
            _ => op.effects().calls,
        })
    }

    /// Leaves an instruction of which nothing is known, and what comes behind it, to the interpreter: once control
    /// comes here often, the region is recorded and compiled again.
    pub(super) fn unseen(&mut self) -> Goes {
        let exit = self.exit(ExitReason::Unseen);
        self.finish(Terminator::Exit(exit));
        Goes::Nowhere
    }

    pub(super) fn set_constant(&mut self, dst: Reg, tag: Tag, payload: i64) {
        let payload = self.int(payload);
        self.set(dst, Typed::Known(tag, payload));
    }

    pub(super) fn constant(&mut self, id: ConstId) -> Typed {
        let value = self.vm.image().constant(id);
        let payload = match value.tag() {
            Tag::Float => self.float(value.float_bits()),
            Tag::Str => self.constant_text(value),
            _ => self.int(value.int_bits()),
        };
        Typed::Known(value.tag(), payload)
    }

    fn binary(&mut self, shape::Binary { operator, dst, left, right }: shape::Binary) -> Built<Goes> {
        let feedback = *self.feedback();
        // The only register of an instruction with a constant is noted as its first operand.
        let x = self.source(left, feedback.a)?;
        let y = self.source(right, if left.register().is_some() { feedback.b } else { feedback.a })?;
        match self.arithmetic(operator, x, y) {
            Some(result) => {
                self.set(dst, result);
                Ok(Goes::On)
            }
            None => self.object_operator(operator, dst, x, y),
        }
    }

    /// The value of a register, or of a constant.
    fn source(&mut self, source: Source, seen: TagSet) -> Built<Typed> {
        match source {
            Source::Register(reg) => self.operand(reg, seen),
            Source::Constant(k) => Ok(self.constant(k.into())),
        }
    }

    /// The truth of a comparison that has a native form.
    fn compared(&mut self, test: Test, left: Reg, right: Source) -> Built<Option<Val>> {
        let feedback = *self.feedback();
        let (x, y) = (self.operand(left, feedback.a)?, self.source(right, feedback.b)?);
        let test = test.into();
        let truth = self.comparison(test, x, y).or_else(|| self.object_comparison(test, x, y));
        let is_open = x.tag().is_none() || y.tag().is_none();
        match truth {
            None if is_open && self.is_reached() => Ok(Some(self.open_comparison(test, x, y))),
            truth => Ok(truth),
        }
    }

    fn compare_into(&mut self, Comparison { test, dst, left, right }: Comparison) -> Built<Goes> {
        match self.compared(test, left, right.into())? {
            Some(truth) => {
                self.set(dst, Typed::Known(Tag::Bool, truth));
                Ok(Goes::On)
            }
            None => self.step(),
        }
    }

    /// Whether a value is truthy of which such types were seen; `None` if nothing was.
    pub(super) fn truth_of(&mut self, value: Typed, seen: TagSet) -> Built<Option<Val>> {
        match self.known_truth(value)? {
            None if self.is_reached() => self.open_truth(value, seen).map(Some),
            truth => Ok(truth),
        }
    }

    /// Whether a value is truthy, if its type is known, and tells; lists tell by their length.
    pub(super) fn known_truth(&mut self, value: Typed) -> Built<Option<Val>> {
        if let Some(list) = value.as_tag(Tag::List) {
            let len = self.list_len(list);
            return Ok(Some(self.push(Inst::Unary(Unary::BitsToBool, len), Repr::Bool)));
        }
        if let Some(count) = self.truth_count(value) {
            return Ok(Some(self.push(Inst::Unary(Unary::BitsToBool, count), Repr::Bool)));
        }
        Ok(self.truthiness(value))
    }

    /// The condition of a conditional jump, with the environment on its taken and its other edge. `None` if the block
    /// was ended.
    pub(super) fn branch(&mut self, op: Op) -> Built<Option<(Val, Env, Env)>> {
        let feedback = *self.feedback();
        let condition = match op {
            _ if op.as_iteration().is_none() && self.form(op)? == Form::Step => None,
            Op::JumpIf { a, .. } => {
                let value = self.operand(a, feedback.a)?;
                self.truth_of(value, feedback.a)?
            }
            Op::JumpIfNot { a, .. } => {
                let value = self.operand(a, feedback.a)?;
                let truth = self.truth_of(value, feedback.a)?;
                truth.map(|truth| self.not(truth))
            }
            Op::JumpIfGiven { a, .. } => Some(match self.get(a)? {
                Typed::Known(tag, _) => self.truth(tag != Tag::Undef),
                Typed::Any { tag, .. } => {
                    let undef = self.int(Tag::Undef as i64);
                    self.push(Inst::Icmp(Compare::Ne, tag, undef), Repr::Bool)
                }
            }),
            Op::JumpIfType { a, types, .. } => return self.jump_type(a, types, false),
            Op::JumpIfNotType { a, types, .. } => return self.jump_type(a, types, true),
            Op::ForPrep { base, .. } => return self.for_prep(base),
            Op::ForLoop { base, .. } => return self.for_loop(base),
            Op::IterPrep { .. } | Op::IterNext { .. } | Op::IterPrep2 { .. } | Op::IterNext2 { .. }
                if !self.is_reached() && self.feedback().a.is_empty() =>
            {
                self.unseen();
                return Ok(None);
            }
            Op::IterPrep { base, .. } => return self.iterate(op, base, true),
            Op::IterNext { base, .. } => return self.iterate(op, base, false),
            Op::IterPrep2 { base, .. } | Op::IterNext2 { base, .. } => {
                self.operand(base, feedback.a)?;
                if self.native_iteration(op, base) {
                    return self.iterate(op, base, matches!(op, Op::IterPrep2 { .. }));
                }
                self.iterate_by_helper(op, base)?
            }
            _ => match op.as_compare_jump() {
                Some(jump) => self.jump_comparison(jump)?,
                None => unreachable!("not a conditional jump"),
            },
        };
        let condition = match condition {
            Some(condition) => condition,
            None if !self.is_reached() => {
                self.unseen();
                return Ok(None);
            }
            None => self.step_jump()?,
        };
        Ok(Some((condition, self.env.clone(), self.env.clone())))
    }

    fn jump_comparison(&mut self, jump: CompareJump) -> Built<Option<Val>> {
        let truth = self.compared(jump.test, jump.left, jump.right)?;
        Ok(truth.map(|truth| if jump.negated { self.not(truth) } else { truth }))
    }

    /// A jump on the type of a value. Where it is one without a pointer, the value is of that type from there on; reads
    /// through a pointer could be moved in front of the test.
    fn jump_type(&mut self, a: Reg, types: Tags, inverse: bool) -> Built<Option<(Val, Env, Env)>> {
        let value = self.operand(a, self.feedback().a)?;
        let (truth, found) = match value {
            Typed::Known(tag, _) => (self.truth(tag.kind().meets(types)), None),
            Typed::Any { tag, payload } => {
                let mut wanted = ALL_TAGS.into_iter().filter(|tag| tag.kind().meets(types));
                match (wanted.next(), wanted.next()) {
                    (None, _) => (self.truth(false), None),
                    (Some(only), None) => {
                        let found = (!only.is_heap()).then(|| self.unpack(only, payload));
                        let only = self.int(only as i64);
                        (self.push(Inst::Icmp(Compare::Eq, tag, only), Repr::Bool), found)
                    }
                    (Some(_), Some(_)) => {
                        let mut wanted = TagSet::default();
                        ALL_TAGS.into_iter().filter(|tag| tag.kind().meets(types)).for_each(|tag| wanted.add(tag));
                        (self.has_type_in(tag, wanted), None)
                    }
                }
            }
        };
        let other = self.env.clone();
        if let Some(found) = found {
            self.refine(a, found);
        }
        let one_of = std::mem::replace(&mut self.env, other.clone());
        Ok(Some(if inverse { (self.not(truth), other, one_of) } else { (truth, one_of, other) }))
    }

    /// Starts a counted loop: goes on with the variable set, or jumps past an empty one.
    fn for_prep(&mut self, base: Reg) -> Built<Option<(Val, Env, Env)>> {
        let (counter, end) = (self.get(base)?, self.get(base.above(Range::END))?);
        let counter = self.counter_operand(base, counter)?;
        let end = self.counter_operand(base.above(Range::END), end)?;
        let (Some(from), Some(to)) = (counter, end) else {
            self.leave();
            return Ok(None);
        };
        let empty = self.comparison(Compare::Ge, Typed::Known(Tag::Int, from), Typed::Known(Tag::Int, to));
        let empty = empty.ok_or(Stop::Refused(Refusal::Untranslatable))?;
        let taken = self.env.clone();
        self.set(base.above(Range::VARIABLE), Typed::Known(Tag::Int, from));
        Ok(Some((empty, taken, self.env.clone())))
    }

    /// A bound of a counted loop as an int; `None` if it cannot be one.
    fn counter_operand(&mut self, reg: Reg, value: Typed) -> Built<Option<Val>> {
        match value {
            Typed::Known(Tag::Int, payload) => Ok(Some(payload)),
            Typed::Known(..) => Ok(None),
            Typed::Any { tag, payload } => {
                let exit = self.exit(ExitReason::Type);
                self.guard_tag(tag, Tag::Int, exit);
                self.refine(reg, Typed::Known(Tag::Int, payload));
                Ok(Some(payload))
            }
        }
    }

    fn for_loop(&mut self, base: Reg) -> Built<Option<(Val, Env, Env)>> {
        let (counter, end) = (self.get(base)?, self.get(base.above(Range::END))?);
        let counter = self.counter_operand(base, counter)?;
        let end = self.counter_operand(base.above(Range::END), end)?;
        let (Some(counter), Some(end)) = (counter, end) else {
            self.leave();
            return Ok(None);
        };
        let one = self.int(1);
        let next = self.push(Inst::Binary(Binary::Iadd, counter, one), Repr::I64);
        let more = self.push(Inst::Icmp(Compare::Lt, next, end), Repr::Bool);
        let done = self.env.clone();
        self.set(base, Typed::Known(Tag::Int, next));
        self.set(base.above(Range::VARIABLE), Typed::Known(Tag::Int, next));
        Ok(Some((more, self.env.clone(), done)))
    }

    /// What a jump does on its way to a block: registers that the run time wrote are picked up.
    pub(super) fn arrive(&mut self, op: Op, taken: bool, target: u32, live: &RegSet) -> Built<()> {
        let feedback = *self.feedback();
        let iteration = op.as_iteration().filter(|iteration| iteration.over != Over::Range);
        if let Some(Iteration { over, base, starts, .. }) = iteration
            && self.native_iteration(op, base)
        {
            // What may fail in it is the instruction's, which has not jumped then.
            if taken != starts {
                self.take_item(base, over)?;
            }
            self.count_arrival(op, taken, target);
            return Ok(());
        }
        self.count_arrival(op, taken, target);
        let Some(Iteration { base, starts, .. }) = iteration else { return Ok(()) };
        if self.iterates_by_next(op, base) {
            return if taken != starts { self.check_items(op, target, live) } else { Ok(()) };
        }
        let written = op.writes_on(self.program, if taken { Edge::Taken } else { Edge::FallThrough });
        let proof = self.proof();
        // All first, as the exits of the checks below must not write old values over them.
        written.iter().for_each(|reg| self.reload(*reg));
        for reg in written {
            let (seen, proof) = match reg.0 - base.0 {
                Iter::ITEM => (feedback.result.single(), proof.result),
                Iter::SECOND => (feedback.second.single(), proof.second),
                Iter::POSITION => (Some(Tag::Int), TagSet::default()),
                _ => (None, TagSet::default()),
            };
            self.check_seen(reg, seen, proof, target, live);
        }
        Ok(())
    }

    // The run time.

    /// Leaves the current instruction, which has no native form for what was seen, to the run time. One that was not
    /// seen may have a form.
    pub(super) fn step(&mut self) -> Built<Goes> {
        if !self.is_reached() {
            return Ok(self.unseen());
        }
        let op = self.op();
        let needs = self.prepare_step(&op)?;
        self.assert_step(op)?;
        let exit = self.exit(ExitReason::Throw);
        let seen = self.feedback().result.single();
        let status = self.call_step(needs)?;
        let done = self.is_status(status, Status::Next);
        self.go_on_if_done(done, exit);
        if needs.heap.meets(HeapUse::LISTS) {
            self.lists_change();
        }
        let accesses = op.accesses(self.program);
        if let Some(from) = accesses.clobbers_from {
            let from = self.home(Reg(from));
            self.env.kill_from(from);
        }
        for reg in accesses.writes {
            let proof = if op.result() == Some(reg) { self.proof().result } else { TagSet::default() };
            let live = Rc::clone(&self.live);
            self.reload(reg);
            self.check_seen(reg, seen, proof, self.pc + 1, &live[self.live_at + 1]);
        }
        self.check_size()?;
        Ok(Goes::On)
    }

    /// Leaves a conditional jump to the run time; whether it jumps.
    pub(super) fn step_jump(&mut self) -> Built<Val> {
        let op = self.op();
        let needs = self.prepare_step(&op)?;
        self.assert_step(op)?;
        let exit = self.exit(ExitReason::Throw);
        let status = self.call_step(needs)?;
        let leave = self.int(Status::Leave as i64);
        let has_exited = self.push(Inst::Icmp(Compare::BelowEq, leave, status), Repr::Bool);
        self.guard(has_exited, false, exit);
        if needs.heap.meets(HeapUse::LISTS) {
            self.lists_change();
        }
        Ok(self.push(Inst::Unary(Unary::BitsToBool, status), Repr::Bool))
    }

    fn call_step(&mut self, needs: StepNeeds) -> Built<Val> {
        let helper = if needs.calls { Helper::StepCall } else { Helper::Step };
        let frames = self.started_frames()?;
        Ok(self.execute(helper, needs.heap, frames))
    }

    /// Has a helper execute the current instruction, with these frames of inlined functions; its status.
    pub(super) fn execute(&mut self, helper: Helper, heap: HeapUse, frames: Vec<StartedFrame>) -> Val {
        let pc = self.int(self.pc.into());
        let has_frames = !frames.is_empty();
        if has_frames {
            self.effect(Inst::StartFrames(frames));
        }
        let status = if helper == Helper::StepCall {
            self.call(helper, vec![VM, pc], MemSet::ALL)
        } else {
            let writes = MemSet::of(Mem::Frame).with(MemSet::of(Mem::Vm)).with(MemSet::of_heap(heap));
            let heap = self.int(heap.bits().into());
            self.call(helper, vec![VM, pc, heap], writes)
        };
        if has_frames {
            self.effect(Inst::EndFrames);
        }
        status
    }

    /// Gives up inlining the function that is called there.
    pub(super) fn refuse_inlining<T>(&mut self, call: u32) -> Built<T> {
        self.plan.not_inlined.insert(call);
        Err(Stop::Again)
    }

    /// Writes home what the run time will look at. Inlined functions have frames as long as it does: see
    /// [`Self::started_frames`].
    pub(super) fn prepare_step(&mut self, op: &Op) -> Built<StepNeeds> {
        self.may_start_frames()?;
        let needs = self.step_needs(op)?;
        self.cannot_wait(needs.calls || matches!(op, Op::CallBuiltin { .. }))?;
        self.shows(needs.heap)?;
        for reg in op.accesses(self.program).reads {
            self.get(reg)?;
            self.write_home(self.home(reg));
        }
        if needs.calls {
            let live = Rc::clone(&self.live);
            let own: Vec<u32> = live[self.live_at].iter().map(|reg| self.home(reg)).collect();
            self.write_objects_home(own);
        }
        Ok(needs)
    }

    /// Whether something may look at frames at the current instruction: not in leading blocks, nor in inlined functions
    /// that are more than the call they make, nor where code has grown large already.
    pub(super) fn may_start_frames(&mut self) -> Built<()> {
        let Some(call) = self.context.call_pc else { return Ok(()) };
        if self.context.purpose == Purpose::Leading {
            self.plan.not_leading.insert(call);
            return Err(Stop::Again);
        }
        let func = self.context.func;
        let size = self.program.functions[func.index()].code.len;
        // A function with loops takes longer than a call of it.
        let is_small = size <= MAX_INLINED_WITH_STEPS && self.context.flow.loops.is_empty();
        if (is_small || func == self.own_function) && self.region.reprs.len() <= MAX_WITH_STEPS_INLINED {
            return Ok(());
        }
        self.refuse_inlining(call)
    }

    /// Globals that something may look at are in memory throughout the region.
    pub(super) fn shows(&mut self, heap: HeapUse) -> Built<()> {
        if heap.meets(HeapUse::GLOBALS) && !self.plan.globals_in_memory {
            self.plan.globals_in_memory = true;
            return Err(Stop::Again);
        }
        Ok(())
    }

    /// Writes home what a collection has to see: of the callers of the inlined function at hand, and of these
    /// registers.
    pub(super) fn write_objects_home(&mut self, own: Vec<u32>) {
        let callers = self.context.saved.clone();
        for register in callers.into_iter().chain(own) {
            if let Slot::Value { value, dirty: true } = self.env.register(register)
                && value.may_be_object()
            {
                self.write_home(register);
            }
        }
    }

    pub(super) fn write_home(&mut self, register: u32) {
        let Slot::Value { value, dirty: true } = self.env.register(register) else { return };
        let (tag, payload) = self.parts(value);
        let offset = register as i32 * size_of::<Value>() as i32;
        let tag_offset = offset + Value::TAG_OFFSET as i32;
        self.effect(Inst::Store { mem: Mem::Frame, base: BASE, offset: tag_offset, value: tag });
        let payload_offset = offset + Value::PAYLOAD_OFFSET as i32;
        self.effect(Inst::Store { mem: Mem::Frame, base: BASE, offset: payload_offset, value: payload });
        self.env.set_register(register, Slot::Value { value, dirty: false });
    }

    /// Takes the value of a register that the run time has written.
    pub(super) fn reload(&mut self, reg: Reg) {
        let register = self.home(reg);
        let offset = register as i32 * size_of::<Value>() as i32;
        let tag = self.load(Mem::Frame, BASE, offset + Value::TAG_OFFSET as i32, Repr::I64);
        let payload = self.load(Mem::Frame, BASE, offset + Value::PAYLOAD_OFFSET as i32, Repr::I64);
        self.env.set_register(register, Slot::Value { value: Typed::Any { tag, payload }, dirty: false });
    }

    /// Finds a value of any type to be of the only one that was seen, on the way to `target`, before which these
    /// registers are alive. Facts say it to be of the types in `proof`.
    pub(super) fn check_seen(&mut self, reg: Reg, seen: Option<Tag>, proof: TagSet, target: u32, live: &RegSet) {
        if let Slot::Value { value: Typed::Any { tag, payload }, .. } = self.env.register(self.home(reg))
            && let Some(seen) = seen
            && live.contains(reg)
        {
            let exit = self.exit_with(ExitReason::Type, target, live);
            self.guard_type(tag, seen, proof, exit);
            let value = self.unpack(seen, payload);
            self.refine(reg, value);
        }
    }
}
