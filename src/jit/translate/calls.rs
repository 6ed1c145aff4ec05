//! Calls: functions that are inlined or called, built-in methods and builtins with forms of their own, and what other
//! instructions may do.

use std::rc::Rc;

use super::env::{Slot, Typed};
use super::loops::Return;
use super::{Builder, Built, Context, Goes, Purpose, Stop};
use crate::bytecode::builtins::BUILTINS;
use crate::bytecode::flow::RegSet;
use crate::bytecode::methods::find_method;
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::{BuiltinId, FuncId, Op, Reg, SiteId, StructId, flow};
use crate::facts::native_forms::{FEW_INLINED, MAX_INLINE_DEPTH, SMALLEST, may_be_inlined};
use crate::jit::feedback::{Callee as SeenCallee, Via};
use crate::jit::ir::{Compare, ExitId, ExitReason, InlinedFrame, Inst, Mem, Repr, Terminator, Unary, Val, Width};
use crate::runtime::methods::receiver_of;
use crate::runtime::object::{BoundMethod, Closure, Instance};
use crate::runtime::value::{Tag, Value};

/// A function that a call comes to.
#[derive(Clone, Copy)]
pub(super) struct Callee {
    pub func: FuncId,
    /// The closure, if the function is one.
    pub closure: Option<Val>,
    pub args: Args,
}

/// Where the arguments of a call stand.
#[derive(Clone, Copy)]
pub(super) enum Args {
    /// Where the function wants them.
    InPlace,
    /// Above a receiver that the function, found in its field, does not get: so many.
    BehindReceiver(u16),
    /// The receiver that a method is bound to comes first, then those that stand from so far above the call's base up.
    Bound { receiver: Typed, first: u16, argc: u16 },
}

impl Callee {
    /// A function that has captured nothing and whose arguments stand in their place.
    pub(super) fn plain(func: FuncId) -> Callee {
        Callee { func, closure: None, args: Args::InPlace }
    }
}

/// A value that is called, and where its arguments stand: from so far above the call's base up.
#[derive(Clone, Copy)]
pub(super) struct Called {
    pub value: Typed,
    pub first: u16,
    pub argc: u16,
}

/// How many instructions the copies of a function within itself may have.
const MAX_RECURSIVE: usize = 56;
/// How many a function may have that calls itself and the one it is copied into.
const MAX_MUTUAL: usize = 16;

/// One of several functions that a call may come to: what tells it, and the struct that an instance then is of.
pub(super) type Case = (u32, Callee, Option<(Val, StructId)>);

/// Goes on with a call where it is known what it comes to.
type WithCallee<'b, 'a> = &'b mut dyn FnMut(&mut Builder<'a>, Callee) -> Built<Goes>;

impl<'a> Builder<'a> {
    /// Calls a function that is known, or was found to be this one: walks into it if it is small, else calls its native
    /// code.
    pub(super) fn call_function(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        match self.is_inlinable(callee.func) {
            true => {
                self.move_args(base, &callee)?;
                self.inline(base, callee)
            }
            false => self.call_out_of_line(base, callee),
        }
    }

    /// Calls the native code of a function.
    fn call_out_of_line(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        let func = callee.func;
        if !self.is_called_directly(func) {
            self.step()
        } else if self.has_leading_return(func) {
            self.call_behind_leading(base, callee)
        } else {
            self.call_directly(base, callee)
        }
    }

    /// Moves the arguments of a call to where the function has them, as the interpreter does.
    pub(super) fn move_args(&mut self, base: Reg, callee: &Callee) -> Built<()> {
        let (first, argc) = match callee.args {
            Args::InPlace => return Ok(()),
            Args::BehindReceiver(argc) => (MethodCall::ARGS, argc),
            Args::Bound { first, argc, .. } => (first, argc),
        };
        let args = (0..argc).map(|index| self.get(base.above(first + index))).collect::<Built<Vec<Typed>>>()?;
        let receiver = match callee.args {
            Args::Bound { receiver, .. } => Some(receiver),
            _ => None,
        };
        let to = self.home(base.above(Call::ARGS));
        for (register, value) in (to..).zip(receiver.into_iter().chain(args)) {
            self.env.set_register(register, Slot::Value { value, dirty: true });
        }
        Ok(())
    }

    /// The method that a call comes to for instances of the only struct that was seen, with the receiver to check for
    /// being one.
    pub(super) fn method_seen(&self, argc: u16, name: &str, receiver: Typed) -> Option<(Val, StructId, FuncId)> {
        let (instance, id) = (self.plain_instance(receiver)?, self.feedback().instance_of.one()?);
        Some((instance, id, self.vm.plain_method(id, name, argc)?))
    }

    /// A receiver that is an instance, unless one was seen to have fields of its own, which may hide methods.
    pub(super) fn plain_instance(&self, receiver: Typed) -> Option<Val> {
        receiver.as_tag(Tag::Instance).filter(|_| !self.feedback().extra)
    }

    /// Calls a method of an instance whose struct was seen. `None` if that calls no function of its own, and nothing
    /// was done.
    fn method_of_one(&mut self, base: Reg, argc: u16, name: &str, receiver: Typed) -> Built<Option<Goes>> {
        let Some((instance, id, func)) = self.method_seen(argc, name, receiver) else { return Ok(None) };
        if !self.is_called_directly(func) {
            return Ok(None);
        }
        self.guard_struct(instance, id, self.proves_struct(id));
        self.guard_no_extra(instance, Some(id));
        self.call_function(base, Callee::plain(func)).map(Some)
    }

    /// Calls a method of an instance of one of several structs that were seen: a chain of struct checks, each leading
    /// to its method. `None` if that calls no functions of their own, and nothing was done.
    fn method_of_several(&mut self, base: Reg, argc: u16, name: &str, receiver: Typed) -> Built<Option<Goes>> {
        let Some((instance, cases)) = self.methods_seen(argc, name, receiver) else { return Ok(None) };
        let mut ends = Vec::new();
        let are_many = cases.len() > FEW_INLINED;
        self.choose_method(instance, cases, &mut |builder, callee| {
            builder.call_in_case(base, callee, are_many, &mut ends)
        })?;
        self.meet_cases(base, ends).map(Some)
    }

    /// The methods that a call comes to for instances of several structs that were seen, with the receiver to check
    /// for being of one of them.
    pub(super) fn methods_seen(&self, argc: u16, name: &str, receiver: Typed) -> Option<(Val, Vec<Case>)> {
        let instance = self.plain_instance(receiver)?;
        let cases = self.methods_of(self.feedback().structs.all(), argc, name, instance)?;
        (cases.len() > 1).then_some((instance, cases))
    }

    /// The methods that a call comes to for instances of these structs, if it comes to one for each.
    pub(super) fn methods_of(&self, ids: &[StructId], argc: u16, name: &str, instance: Val) -> Option<Vec<Case>> {
        let case = |&id: &StructId| {
            let func = self.vm.plain_method(id, name, argc).filter(|&func| self.is_called_directly(func))?;
            Some((id.0, Callee::plain(func), Some((instance, id))))
        };
        ids.iter().map(case).collect()
    }

    /// Goes on with the method of the struct that an instance is of; takes an exit if it is of none of them. Ends the
    /// block.
    pub(super) fn choose_method(&mut self, instance: Val, cases: Vec<Case>, go_on: WithCallee<'_, 'a>) -> Built<()> {
        self.guard_no_extra(instance, None);
        let found = self.struct_of(instance);
        let exit = self.exit(ExitReason::Field);
        self.choose_case(found, cases, exit, go_on)
    }

    /// Calls a value: functions that were seen, if they are few, are called behind a chain of checks.
    pub(super) fn call_value(&mut self, base: Reg, argc: u16) -> Built<Goes> {
        let value = self.operand(base, self.feedback().a)?;
        let Some(callees) = self.callees_of(argc) else { return self.step() };
        let exit = self.exit(ExitReason::Callee);
        self.call_chosen(base, Called { value, first: Call::ARGS, argc }, &callees, exit)
    }

    /// Calls a value that is one of these functions; takes the exit if it is not.
    fn call_chosen(&mut self, base: Reg, called: Called, callees: &[SeenCallee], exit: ExitId) -> Built<Goes> {
        let mut ends = Vec::new();
        let are_many = callees.len() > FEW_INLINED;
        self.choose_callee(called, callees, exit, &mut |builder, callee| {
            builder.call_in_case(base, callee, are_many, &mut ends)
        })?;
        self.meet_cases(base, ends)
    }

    /// Calls a function in one of several cases, and notes where that ends.
    pub(super) fn call_in_case(
        &mut self,
        base: Reg,
        callee: Callee,
        are_many: bool,
        ends: &mut Vec<Return>,
    ) -> Built<Goes> {
        let is_small = self.program.functions[callee.func.index()].code.len <= SMALLEST;
        let goes = match are_many && !is_small {
            true => self.call_out_of_line(base, callee)?,
            false => self.call_function(base, callee)?,
        };
        if goes == Goes::On {
            ends.push((self.current, self.env.clone()));
        }
        Ok(goes)
    }

    /// Goes on behind a call where the cases of it meet.
    pub(super) fn meet_cases(&mut self, base: Reg, ends: Vec<Return>) -> Built<Goes> {
        if ends.is_empty() {
            return Ok(Goes::Nowhere);
        }
        let mut alive = self.live[self.live_at + 1].clone();
        alive.insert(base);
        self.merge(ends, &alive)?;
        Ok(Goes::On)
    }

    /// The functions that a call of a value with so many arguments was seen to come to, if there is native code to be
    /// made for all of them.
    pub(super) fn callees_of(&self, argc: u16) -> Option<Vec<SeenCallee>> {
        let callees = self.feedback().callees.all();
        let fits = |callee: &SeenCallee| {
            let argc = match callee.via {
                Via::Function | Via::Closure => argc,
                Via::BoundMethod => argc.saturating_add(1),
                Via::BoundClosure => return false,
            };
            self.vm.takes(callee.func, argc) && self.is_called_directly(callee.func)
        };
        (!callees.is_empty() && callees.iter().all(fits)).then(|| callees.to_vec())
    }

    /// Goes on with each function that a called value may be, behind a chain of checks; takes the exit if it is none of
    /// them. Ends the block.
    pub(super) fn choose_callee(
        &mut self,
        called: Called,
        callees: &[SeenCallee],
        exit: ExitId,
        go_on: WithCallee<'_, 'a>,
    ) -> Built<()> {
        let of = |via: Via| callees.iter().filter(|callee| callee.via == via).map(|callee| callee.func).collect();
        let mut groups: Vec<(Tag, Vec<FuncId>)> = vec![
            (Tag::Function, of(Via::Function)),
            (Tag::Closure, of(Via::Closure)),
            (Tag::BoundMethod, of(Via::BoundMethod)),
        ];
        groups.retain(|(tag, funcs)| !funcs.is_empty() && called.value.tag().is_none_or(|known| known == *tag));
        let last = groups.pop();
        if let Typed::Any { tag, payload } = called.value {
            for (wanted, funcs) in groups {
                let wanted_word = self.int(wanted as i64);
                let same = self.push(Inst::Icmp(Compare::Eq, tag, wanted_word), Repr::Bool);
                let (yes, no) = (self.new_block(), self.new_block());
                self.finish(Terminator::Branch(same, yes, no));
                let before = self.env.clone();
                self.current = yes;
                self.choose_of_kind(called, wanted, payload, &funcs, exit, go_on)?;
                (self.current, self.env) = (no, before);
            }
        }
        match (last, called.value) {
            (Some((wanted, funcs)), Typed::Any { tag, payload }) => {
                self.guard_tag(tag, wanted, exit);
                self.choose_of_kind(called, wanted, payload, &funcs, exit, go_on)
            }
            (Some((tag, funcs)), Typed::Known(_, payload)) => {
                self.choose_of_kind(called, tag, payload, &funcs, exit, go_on)
            }
            (None, _) => {
                self.finish(Terminator::Exit(exit));
                Ok(())
            }
        }
    }

    /// As [`Self::choose_callee`], for a value that is known to be of this type.
    fn choose_of_kind(
        &mut self,
        Called { value, first, argc }: Called,
        tag: Tag,
        payload: Val,
        funcs: &[FuncId],
        exit: ExitId,
        go_on: WithCallee<'_, 'a>,
    ) -> Built<()> {
        // What is read of an object stays behind the check of its type.
        let payload = match value {
            Typed::Any { .. } if tag.is_heap() => self.push(Inst::Unary(Unary::Refine, payload), Repr::I64),
            _ => payload,
        };
        let in_place = if first == Call::ARGS { Args::InPlace } else { Args::BehindReceiver(argc) };
        let (found, closure, args) = match tag {
            Tag::Closure => {
                let offset = Closure::FUNC_OFFSET as i32;
                let load = Inst::Load { mem: Mem::Header, base: payload, offset, repr: Repr::I64, width: Width::U32 };
                (self.push(load, Repr::I64), Some(payload), in_place)
            }
            Tag::BoundMethod => {
                let word = |part: usize, of: usize| (part + of) as i32;
                let method = |of| word(BoundMethod::METHOD_OFFSET, of);
                let method_tag = self.load(Mem::Capture, payload, method(Value::TAG_OFFSET), Repr::I64);
                self.guard_tag(method_tag, Tag::Function, exit);
                let found = self.load(Mem::Capture, payload, method(Value::PAYLOAD_OFFSET), Repr::I64);
                let offset = BoundMethod::RECEIVER_OFFSET as i32;
                let receiver = self.load_value(Mem::Capture, payload, offset, None, |_, _, _| ());
                (found, None, Args::Bound { receiver, first, argc })
            }
            _ => (payload, None, in_place),
        };
        let cases = funcs.iter().map(|&func| (func.0, Callee { func, closure, args }, None)).collect();
        self.choose_case(found, cases, exit, go_on)
    }

    /// Goes on with the function whose number is found; takes the exit if it is none of them. A case may tell the
    /// struct of an instance. Ends the block.
    fn choose_case(&mut self, found: Val, mut cases: Vec<Case>, exit: ExitId, go_on: WithCallee<'_, 'a>) -> Built<()> {
        let last = cases.pop();
        for (number, callee, known) in cases {
            let wanted = self.int(number.into());
            let same = self.push(Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool);
            let (yes, no) = (self.new_block(), self.new_block());
            self.finish(Terminator::Branch(same, yes, no));
            let before = self.env.clone();
            self.current = yes;
            self.env.instances.extend(known);
            go_on(self, callee)?;
            (self.current, self.env) = (no, before);
        }
        if let Some((number, callee, known)) = last {
            let wanted = self.int(number.into());
            let same = self.push(Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool);
            self.guard(same, true, exit);
            self.env.instances.extend(known);
            go_on(self, callee)?;
        }
        Ok(())
    }

    /// A field of a method's name in the side table would come before the method. Facts may say that instances of the
    /// struct, if that is known, have none.
    pub(super) fn guard_no_extra(&mut self, instance: Val, known: Option<StructId>) {
        let extra = self.load(Mem::Header, instance, Instance::EXTRA_OFFSET as i32, Repr::I64);
        let has_extra = self.push(Inst::Unary(Unary::BitsToBool, extra), Repr::Bool);
        let exit = self.exit(ExitReason::Field);
        let never_has = |id| self.types.is_some_and(|types| types.never_has_side_fields(self.program, id));
        self.mark(exit, known.is_some_and(never_has));
        self.guard(has_extra, false, exit);
    }

    /// The function that a call of a method of a struct itself comes to, if it is that struct or was seen to be; whose
    /// test comes first.
    pub(super) fn method_of_struct(&mut self, argc: u16, name: &str, receiver: Typed) -> Option<Callee> {
        let object = receiver.as_tag(Tag::Struct)?;
        let objects = &self.vm.image().struct_objects;
        let known = self.const_int(object);
        let id = match known {
            Some(object) => {
                let is_it = |known: &Value| known.tag() == Tag::Struct && known.int_bits() == object;
                StructId(objects.iter().position(is_it)? as u32)
            }
            None => self.feedback().instance_of.one()?,
        };
        // Of structs whose methods capture something there may be many.
        let wanted = objects.get(id.index()).filter(|known| known.tag() == Tag::Struct)?.int_bits();
        let func = self.vm.method_of_struct(id, name, argc).filter(|&func| self.is_called_directly(func))?;
        if known.is_none() {
            let exit = self.exit(ExitReason::Callee);
            let wanted = self.int(wanted);
            let same = self.push(Inst::Icmp(Compare::Eq, object, wanted), Repr::Bool);
            self.guard(same, true, exit);
        }
        Some(Callee { args: Args::BehindReceiver(argc), ..Callee::plain(func) })
    }

    /// Walks into a function whose parameters stand above `base`.
    fn inline(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        let returns = self.walk_into_callee(base.above(Call::ARGS), callee.func, callee.closure, Purpose::Whole)?;
        self.return_to_caller(base, returns)
    }

    /// Walks into a function whose parameters stand so far above the base of the call, and goes on behind it.
    pub(super) fn inline_above(&mut self, base: Reg, params: u16, func: FuncId) -> Built<Goes> {
        let returns = self.walk_into_callee(base.above(params), func, None, Purpose::Whole)?;
        self.return_to_caller(base, returns)
    }

    /// Walks into a function whose parameters stand from `first` up, and which may be a closure. Its result comes to
    /// the register below them.
    pub(super) fn walk_into_callee(
        &mut self,
        first: Reg,
        func: FuncId,
        closure: Option<Val>,
        purpose: Purpose,
    ) -> Built<Vec<Return>> {
        let flow = self.flows.of(self.program, func).map_err(Stop::Refused)?;
        if purpose != Purpose::Leading {
            self.region.inlined.insert(func);
        }
        let function = &self.program.functions[func.index()];
        let callee_base = self.home(first);
        let result = callee_base - 1;
        self.region.window = self.region.window.max(callee_base + u32::from(function.registers));

        let mut frames = self.context.frames.clone();
        let has_closure = closure.is_some();
        frames.push(InlinedFrame { func, base: callee_base, return_pc: self.pc + 1, has_closure });
        self.region.inlined_depth = self.region.inlined_depth.max(frames.len());
        let live = Rc::clone(&self.live);
        let after: Vec<u32> =
            live[self.live_at + 1].iter().map(|reg| self.home(reg)).filter(|register| *register != result).collect();
        let mut saved = self.context.saved.clone();
        saved.extend(after.iter().copied());
        if let Some(closure) = closure {
            saved.push(result);
            self.env.set_register(result, Slot::Value { value: Typed::Known(Tag::Closure, closure), dirty: true });
        }
        self.env.kill_from(callee_base + u32::from(function.params));

        let inner = Context {
            func,
            flow: Rc::clone(&flow),
            base: callee_base,
            frames,
            saved,
            call_pc: Some(self.pc),
            outer_loop: self.current_loop,
            closure,
            tail_calls: 0,
            list_loop: if let Purpose::Item(_) = purpose { Some(self.pc) } else { self.context.list_loop },
            catcher: self.catcher().filter(|_| purpose == Purpose::Whole),
            purpose,
        };
        self.walk_into(inner)
    }

    /// Goes on behind a call, with the result in `base`, where all edges on which it returns meet.
    pub(super) fn return_to_caller(&mut self, base: Reg, mut returns: Vec<Return>) -> Built<Goes> {
        if returns.is_empty() {
            return Ok(Goes::Nowhere);
        }
        let after = self.live[self.live_at + 1].clone();
        if after.contains(base) {
            for edge in &mut returns {
                self.check_result(base, edge, &after);
            }
        }
        let mut alive = after;
        alive.insert(base);
        self.merge(returns, &alive)?;
        let above = self.home(base) + 1;
        self.env.kill_from(above);
        Ok(Goes::On)
    }

    /// Walks into a function that an inlined one calls last: its frame takes the place of the caller's, and what it
    /// returns is what that returns. If it cannot be inlined, it is called from there.
    pub(super) fn inline_tail_call(
        &mut self,
        base: Reg,
        func: FuncId,
        closure: Option<Val>,
        call: u32,
    ) -> Built<Vec<Return>> {
        if !self.is_called_directly(func) {
            return self.refuse_inlining(call);
        }
        let recurs = self.levels(func) > 0;
        let is_inlined = !recurs && self.context.tail_calls < MAX_INLINE_DEPTH && self.is_inlinable(func);
        if !is_inlined {
            if matches!(self.context.purpose, Purpose::Pairs | Purpose::Item(_)) || closure.is_some() {
                return self.refuse_inlining(call);
            }
            self.cannot_wait(true)?;
            self.may_start_frames()?;
            self.shows(HeapUse::ANY)?;
            self.write_objects_home(Vec::new());
        }
        let flow = self.flows.of(self.program, func).map_err(Stop::Refused)?;
        let (params, registers) = {
            let function = &self.program.functions[func.index()];
            (function.params, u32::from(function.registers))
        };
        let own = self.context.base;
        self.region.window = self.region.window.max(own + registers);
        let args = (0..params).map(|index| self.get(base.above(Call::ARGS + index))).collect::<Built<Vec<Typed>>>()?;
        for (index, value) in args.into_iter().enumerate() {
            self.env.set_register(own + index as u32, Slot::Value { value, dirty: true });
        }
        self.env.kill_from(own + u32::from(params));
        if !is_inlined && !self.has_leading_return(func) {
            return Ok(vec![self.call_in_place(func)?]);
        }
        if is_inlined {
            self.region.inlined.insert(func);
        }
        let (mut frames, mut saved) = (self.context.frames.clone(), self.context.saved.clone());
        let frame = frames.last_mut().expect("an inlined function has a frame");
        (frame.func, frame.has_closure) = (func, closure.is_some());
        if let Some(closure) = closure {
            saved.retain(|register| *register != own - 1);
            saved.push(own - 1);
            self.env.set_register(own - 1, Slot::Value { value: Typed::Known(Tag::Closure, closure), dirty: true });
        }
        let inner = Context {
            func,
            flow,
            base: own,
            frames,
            saved,
            call_pc: Some(if is_inlined { call } else { self.pc }),
            outer_loop: self.current_loop,
            closure,
            tail_calls: self.context.tail_calls + 1,
            list_loop: self.context.list_loop,
            catcher: self.context.catcher.filter(|_| is_inlined),
            purpose: if is_inlined { self.context.purpose } else { Purpose::Leading },
        };
        if is_inlined {
            return self.walk_into(inner);
        }
        self.behind_leading(|builder| builder.walk_into(inner), |builder| builder.call_in_place(func).map(Some))
    }

    /// Walks into a function that has taken over the region's frame, with these arguments.
    pub(super) fn walk_into_successor(&mut self, func: FuncId, args: Vec<Typed>) -> Built<()> {
        self.region.inlined.insert(func);
        let params = args.len() as u32;
        for (index, value) in args.into_iter().enumerate() {
            self.env.set_register(index as u32, Slot::Value { value, dirty: true });
        }
        self.env.kill_from(params);
        let inner = Context {
            func,
            flow: self.flows.of(self.program, func).map_err(Stop::Refused)?,
            base: 0,
            frames: Vec::new(),
            saved: Vec::new(),
            call_pc: None,
            outer_loop: self.current_loop,
            closure: None,
            tail_calls: self.context.tail_calls + 1,
            list_loop: None,
            catcher: None,
            purpose: Purpose::Whole,
        };
        self.walk_into(inner).map(|_| ())
    }

    /// Walks through a function in a context of its own, and comes back to the present one.
    fn walk_into(&mut self, inner: Context) -> Built<Vec<Return>> {
        let outer = std::mem::replace(&mut self.context, inner);
        let (pc, live, live_at, in_loop) = (self.pc, Rc::clone(&self.live), self.live_at, self.current_loop);
        if self.context.purpose != Purpose::Leading {
            self.count_call();
        }
        let start = (self.current, self.env.clone());
        let returns = self.walk(None, flow::BlockId(0), start);
        self.context = outer;
        (self.pc, self.live, self.live_at, self.current_loop) = (pc, live, live_at, in_loop);
        returns
    }

    /// Finds a result of any type to be of the only one that was seen.
    fn check_result(&mut self, base: Reg, (block, env): &mut Return, after: &RegSet) {
        if let Slot::Value { value: Typed::Any { .. }, .. } = env.register(self.home(base)) {
            (self.current, self.env) = (*block, env.clone());
            self.check_seen(base, self.feedback().result.single(), self.proof().result, self.pc + 1, after);
            (*block, *env) = (self.current, self.env.clone());
        }
    }

    /// Whether to walk into a function that is called at the current instruction.
    pub(super) fn is_inlinable(&mut self, func: FuncId) -> bool {
        !self.plan.no_inlining
            && !self.plan.not_inlined.contains(&self.pc)
            && self.context.frames.len() < MAX_INLINE_DEPTH
            && may_be_inlined(self.program, func)
            && self.may_recur(func)
    }

    /// How many inlined copies of a function the current instruction stands in.
    fn levels(&self, func: FuncId) -> usize {
        let is_own = self.region.is_function && self.own_function == func;
        usize::from(is_own) + self.context.frames.iter().filter(|frame| frame.func == func).count()
    }

    /// How many calls of a function stand in another, as far as names tell. Those that it ends with do not count: they
    /// are not walked into again.
    fn calls_of(&self, callee: FuncId, func: FuncId) -> usize {
        let (_, name) =
            self.vm.image().str(self.program.functions[callee.index()].name).split_once('.').unwrap_or_default();
        let is_closure = !self.program.functions[callee.index()].captures.is_empty();
        let is_call = |op: &&Op| match **op {
            Op::CallFn { func, .. } => func == callee,
            Op::Call { .. } => is_closure,
            Op::CallMethod { site, .. } => self.vm.site_name(func, site) == name,
            _ => false,
        };
        self.program.code[self.program.functions[func.index()].code.range()].iter().filter(is_call).count()
    }

    /// Whether a function may stand once more within itself. Only the region's own function is unrolled so, and what
    /// calls that in turn, as far as they are small.
    fn may_recur(&self, func: FuncId) -> bool {
        let (levels, own_calls) = (self.levels(func), self.calls_of(func, func));
        let size = self.program.functions[func.index()].code.len as usize;
        if levels == 0 {
            // Of one that calls itself, its own code will be better.
            let is_outermost = self.region.is_function && self.context.frames.is_empty();
            return own_calls == 0
                || (is_outermost && size <= MAX_MUTUAL && self.calls_of(self.own_function, func) > 0);
        }
        let copies = (1..=levels as u32).map(|level| own_calls.max(1).saturating_pow(level));
        levels <= MAX_INLINE_DEPTH && copies.sum::<usize>().saturating_mul(size) <= MAX_RECURSIVE
    }

    /// A built-in method that has a form of its own; `None` if it has none, and nothing was done.
    pub(super) fn built_in_method(
        &mut self,
        base: Reg,
        argc: u16,
        site: SiteId,
        receiver: Typed,
    ) -> Built<Option<Goes>> {
        let name = self.vm.site_name(self.context.func, site);
        if let Some(list) = receiver.as_tag(Tag::List) {
            if let Some(goes) = self.list_loop(base, argc, name, list)? {
                return Ok(Some(goes));
            }
            match (name, argc) {
                ("len", 0) => {
                    let len = self.list_len(list);
                    self.env.kill_from(self.home(base));
                    self.set(base, Typed::Known(Tag::Int, len));
                    return Ok(Some(Goes::On));
                }
                ("min" | "max", 0) => {
                    let wanted = if name == "min" { Compare::Lt } else { Compare::Gt };
                    if let Some(best) = self.extreme_of_new(list, wanted) {
                        self.env.kill_from(self.home(base));
                        self.set(base, best);
                        return Ok(Some(Goes::On));
                    }
                }
                ("contains", 1) => {
                    let item = self.operand(base.above(MethodCall::ARGS), self.feedback().b)?;
                    if let Some(found) = self.contained_in_new(list, item) {
                        self.env.kill_from(self.home(base));
                        self.set(base, Typed::Known(Tag::Bool, found));
                        return Ok(Some(Goes::On));
                    }
                }
                // It changes what is known of lists in the whole loop, for a call that may never come.
                ("push", 1) if self.is_reached() => {
                    let goes = self.push_element(base, list, base.above(MethodCall::ARGS))?;
                    let above = self.home(base) + 1;
                    self.env.kill_from(above);
                    return Ok(Some(goes));
                }
                ("pop", 0) if self.is_reached() => {
                    self.pop_element(base, list);
                    return Ok(Some(Goes::On));
                }
                _ => {}
            }
        }
        match self.object_method(base, argc, site, receiver)? {
            Some(goes) => Ok(Some(goes)),
            None => self.call_built_in_method(base, argc, site, receiver),
        }
    }

    /// `receiver.name(args)`.
    pub(super) fn call_method(&mut self, base: Reg, argc: u16, site: SiteId) -> Built<Goes> {
        let receiver = self.operand(base.above(MethodCall::RECEIVER), self.feedback().a)?;
        let name = self.vm.site_name(self.context.func, site);
        if let Some(goes) = self.built_in_method(base, argc, site, receiver)? {
            return Ok(goes);
        }
        if let Some(goes) = self.method_of_one(base, argc, name, receiver)? {
            return Ok(goes);
        }
        if let Some(goes) = self.method_of_several(base, argc, name, receiver)? {
            return Ok(goes);
        }
        if let Some(callee) = self.method_of_struct(argc, name, receiver) {
            return self.call_function(base, callee);
        }
        if let Some(callees) = self.callees_of(argc)
            && let Some((value, exit)) = self.value_in_field(base, site)?
        {
            return self.call_chosen(base, Called { value, first: MethodCall::ARGS, argc }, &callees, exit);
        }
        if let Some(goes) = self.member_of_several(base, argc, name, receiver)? {
            return Ok(goes);
        }
        self.step()
    }

    /// A native function: some are instructions.
    pub(super) fn call_builtin(&mut self, base: Reg, builtin: BuiltinId, argc: u16) -> Built<Goes> {
        let spec = &BUILTINS[self.vm.image().builtin(builtin)];
        let feedback = *self.feedback();
        if let Some(number) = self.call_on_numbers(base, spec, argc)? {
            return Ok(self.builtin_result(base, number));
        }
        if argc != 1 {
            return self.library_or_step(base, builtin, argc);
        }
        let arg = self.operand(base.above(Call::ARGS), feedback.a)?;
        if let ("std/core", "len", Some(list)) = (spec.module, spec.name, arg.as_tag(Tag::List)) {
            let len = self.list_len(list);
            return Ok(self.builtin_result(base, Typed::Known(Tag::Int, len)));
        }
        if (spec.module, spec.name) == ("std/core", "len")
            && let Some(len) = self.object_len(arg)
        {
            return Ok(self.builtin_result(base, Typed::Known(Tag::Int, len)));
        }
        let char = match (spec.module, spec.name, arg) {
            ("std/core", "ord", Typed::Known(Tag::Str, text)) => {
                self.char_number(text).map(|number| Typed::Known(Tag::Int, number))
            }
            ("std/core", "chr", Typed::Known(Tag::Int, number)) => {
                Some(Typed::Known(Tag::Str, self.char_with_number(number)))
            }
            _ => None,
        };
        match char {
            Some(char) => Ok(self.builtin_result(base, char)),
            None => self.library_or_step(base, builtin, argc),
        }
    }

    fn library_or_step(&mut self, base: Reg, builtin: BuiltinId, argc: u16) -> Built<Goes> {
        match self.call_library(base, builtin, argc)? {
            Some(goes) => Ok(goes),
            None => self.step(),
        }
    }

    fn builtin_result(&mut self, base: Reg, value: Typed) -> Goes {
        let register = self.home(base);
        self.env.kill_from(register);
        self.set(base, value);
        Goes::On
    }

    /// The built-in method that a call comes to, by the type that the receiver has or was seen to have.
    pub(super) fn built_in(&mut self, base: Reg, site: SiteId) -> Built<Option<usize>> {
        let seen = self.feedback().a;
        let receiver = self.operand(base.above(MethodCall::RECEIVER), seen)?;
        // An entry of a dict may come before its methods.
        let kind = receiver.tag().filter(|tag| *tag != Tag::Dict).and_then(receiver_of);
        Ok(kind.and_then(|kind| find_method(kind, self.vm.site_name(self.context.func, site))))
    }
}
