//! The recorder: executes a few iterations of a hot loop one instruction at a time and notes the types it sees.
//!
//! It walks into functions that are known when compiling, so that what they do is known when they are inlined. It works
//! on ordinary frames, so it can stop anywhere and leave the rest to the interpreter.

use rustc_hash::FxHashSet;

use super::feedback::{Callee, TypeFeedback, TypeProfile, Via, is_inexact};
use crate::bytecode::op::shape::Over;
use crate::bytecode::op::window::{Call, Iter, MethodCall};
use crate::bytecode::{FuncId, Op, Reg, SiteId};
use crate::facts::native_forms::{fails_on_void, observed};
use crate::runtime::abi::Called;
use crate::runtime::error::Result;
use crate::runtime::regions::Entry;
use crate::runtime::step::Stepped;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// Where a recording ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// The top frame stands at the loop's header after enough iterations.
    AtHeader,
    /// Somewhere else: the loop was left, or an instruction only the interpreter executes was reached.
    Elsewhere,
    /// At the header of another loop, which has native code.
    AtNative(u32),
}

/// A recording ends so many calls above where it began. A recursion shows nothing new there, and each call that is
/// recorded is one less for native code.
const MAX_HEIGHT: usize = 64;

/// So many iterations in a row that show nothing new end a recording.
const REPETITIONS: u32 = 8;
/// Once the loop has taken its back edge, so many instructions that show nothing new do: it is in a loop inside, and
/// what could still be learnt is not worth the wait.
const CONVERGED: u32 = 256;

/// So many items of a list are recorded for which a method of it calls a function.
const RECORDED_ITEMS: usize = 8;

/// A recording: what it is about, how much there is yet to record, and how it goes.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// The unit. A recording of a loop ends at its header, one of a function with the function, or with its budget.
    pub entry: Entry,
    /// The depth of the unit's frame.
    pub depth: usize,
    /// Most iterations.
    pub iterations: u32,
    /// Most instructions to execute.
    pub budget: u32,
    /// So many instructions in a row without a type that is new there end the recording.
    pub patience: u32,
    /// Instructions, and iterations, since the last that showed a type not seen there before.
    pub unsurprising: u32,
    pub repeated: u32,
    /// The depth of the frame that a built-in waits for, as it was before the recording.
    pub inside_built_in: usize,
}

/// What a unit's recordings have shown of its size.
#[derive(Default, Debug)]
pub struct Extent {
    /// Instructions executed, and iterations that were followed to the loop's header.
    pub executed: u64,
    pub rounds: u64,
    /// How often its beginning was come to, also by recursion.
    pub begun: u64,
    /// The instructions that were come to, by the two calls that led there last: deeper differences are rare, and a
    /// recursion would have no end of them.
    places: FxHashSet<[u32; 3]>,
}

impl Extent {
    /// The top frame, which is so high above the unit's own, executes the instruction at `pc`.
    fn note(&mut self, vm: &Vm, height: usize, pc: u32) {
        // A frame that waits goes on behind its call.
        let call = |below: usize| match vm.frame_below(below).filter(|_| below <= height) {
            Some((_, behind)) => behind - 1,
            None => 0,
        };
        self.places.insert([call(1), call(2), pc]);
    }

    /// How many instructions a region would have that is made of what was recorded.
    pub fn size(&self) -> u64 {
        self.places.len() as u64
    }
}

/// Records from the top frame's pc on, and adds to the extent of the unit that this is for. `has_native` tells whether
/// a loop has native code.
pub fn record(
    vm: &mut Vm,
    profile: &std::cell::RefCell<TypeProfile>,
    recording: &mut Recording,
    extent: &mut Extent,
    has_native: &dyn Fn(u32) -> bool,
) -> Result<Recorded> {
    while recording.budget > 0 && recording.unsurprising < recording.patience {
        if vm.depth() > recording.depth + MAX_HEIGHT {
            break;
        }
        recording.budget -= 1;
        recording.unsurprising += 1;
        let pc = vm.top_pc();
        let op = vm.program().code[pc as usize];
        extent.note(vm, vm.depth().saturating_sub(recording.depth), pc);
        extent.begun += u64::from(pc == recording.entry.pc());
        if profile.borrow_mut().reach(pc) {
            (recording.unsurprising, recording.repeated) = (0, 0);
        }
        match op {
            Op::Return { .. } | Op::ReturnVoid {} | Op::StartTask {} if vm.depth() > recording.depth => {
                let result = match op {
                    Op::Return { src } => vm.top_register(src.0.into()),
                    Op::StartTask {} => vm.start_task_of_top_frame()?,
                    _ => Value::VOID,
                };
                vm.count_recorded(pc);
                if vm.is_in_next() {
                    profile.borrow_mut().note(pc, |site| site.a.add(result.tag()));
                    if let Some(recorded) = finish_next(vm, profile, recording, result, has_native)? {
                        return Ok(recorded);
                    }
                    continue;
                }
                vm.step_out(result);
                let call = vm.top_pc() - 1;
                // What `init` returns is dropped.
                if !matches!(vm.program().code[call as usize], Op::New { .. }) {
                    profile.borrow_mut().note(call, |site| site.result.add(result.tag()));
                }
                continue;
            }
            Op::CallMethod { .. } | Op::TailCallMethod { .. } if vm.is_list_loop(op) => {
                note_operands(vm, &mut profile.borrow_mut(), pc, &op);
                vm.step_into_list_loop(op)?;
                vm.mark_list_loops(recording.depth, recording.inside_built_in);
                count_call(vm, pc)?;
                continue;
            }
            Op::TailCallFn { base, func } if may_give_up_frame(vm, recording) => {
                vm.step_into_instead(func, None, base)?;
                count_call(vm, pc)?;
                continue;
            }
            Op::TailCall { base, argc } if may_give_up_frame(vm, recording) => {
                if let Some(called) = prepare_call(vm, &mut profile.borrow_mut(), base, argc) {
                    vm.step_into_instead(called.func, called.closure, base)?;
                    count_call(vm, pc)?;
                    continue;
                }
            }
            Op::TailCallMethod { base, argc, site } if may_give_up_frame(vm, recording) => {
                if let Some(called) = prepare_member_call(vm, &mut profile.borrow_mut(), base, argc, site) {
                    vm.step_into_instead(called.func, called.closure, base)?;
                    count_call(vm, pc)?;
                    continue;
                }
            }
            _ if let Some(called) = vm.called_by_step(op) => {
                note_operands(vm, &mut profile.borrow_mut(), pc, &op);
                vm.step_into_next(called, op)?;
                count_call(vm, pc)?;
                continue;
            }
            Op::Throw { src } if vm.throw_above(src, recording.depth) => {
                vm.count_recorded(pc);
                continue;
            }
            Op::CallFn { base, func } => {
                vm.step_into(func, base)?;
                count_call(vm, pc)?;
                continue;
            }
            Op::New { base, def } if vm.init_of_struct(def).is_some() => {
                vm.step_into_new(def, base)?;
                count_call(vm, pc)?;
                continue;
            }
            Op::Call { base, argc } => {
                if let Some(called) = prepare_call(vm, &mut profile.borrow_mut(), base, argc) {
                    vm.step_into_closure(called.func, called.closure, base)?;
                    count_call(vm, pc)?;
                    continue;
                }
            }
            Op::CallMethod { base, argc, site } => {
                if let Some(called) = prepare_member_call(vm, &mut profile.borrow_mut(), base, argc, site) {
                    vm.step_into_closure(called.func, called.closure, base)?;
                    count_call(vm, pc)?;
                    continue;
                }
            }
            _ => {}
        }
        if !is_stepped(vm, &op) {
            return Ok(Recorded::Elsewhere);
        }
        let operands_are_new = note_operands(vm, &mut profile.borrow_mut(), pc, &op);
        let stepped = match vm.step_at(pc) {
            Ok(stepped) => stepped,
            Err(error) => {
                vm.raise_above(error, pc, recording.depth)?;
                if profile.borrow_mut().note(pc, |site| site.raised = true) {
                    (recording.unsurprising, recording.repeated) = (0, 0);
                }
                vm.count_recorded(pc);
                continue;
            }
        };
        vm.count_recorded(pc);
        let results_are_new = note_results(vm, &mut profile.borrow_mut(), pc, &op, stepped);
        if operands_are_new || results_are_new {
            (recording.unsurprising, recording.repeated) = (0, 0);
        }
        if stepped == Stepped::Jump {
            let offset = op.jump_offset().unwrap_or(0);
            vm.set_top_pc((i64::from(pc) + 1 + i64::from(offset)) as u32);
            if offset < 0 {
                vm.count_back_edge_unasked()?;
            }
        }
        if let Some(recorded) = arrive(vm, recording, pc, stepped == Stepped::Jump, has_native) {
            return Ok(recorded);
        }
    }
    Ok(Recorded::Elsewhere)
}

/// The instruction at `pc` has started the top frame.
fn count_call(vm: &mut Vm, pc: u32) -> Result<()> {
    vm.count_recorded(pc);
    vm.count_call_unasked()
}

/// Control has come to the top frame's pc from the instruction at `from`; where the recording ends, if it does here.
fn arrive(
    vm: &Vm,
    recording: &mut Recording,
    from: u32,
    jumped: bool,
    has_native: &dyn Fn(u32) -> bool,
) -> Option<Recorded> {
    let target = vm.top_pc();
    if !jumped {
        let is_behind_a_jump = vm.program().code[from as usize].jump_offset().is_some();
        return (is_behind_a_jump && has_native(target)).then_some(Recorded::AtNative(target));
    }
    if target > from {
        return None;
    }
    if Entry::Loop(target) == recording.entry && vm.depth() == recording.depth {
        recording.iterations -= 1;
        recording.patience = CONVERGED;
        if recording.iterations == 0 || recording.repeated == REPETITIONS {
            return Some(Recorded::AtHeader);
        }
        recording.repeated += 1;
        return None;
    }
    has_native(target).then_some(Recorded::AtNative(target))
}

/// Ends the frame of `next` or `iter` and the step of the iteration that has called it.
fn finish_next(
    vm: &mut Vm,
    profile: &std::cell::RefCell<TypeProfile>,
    recording: &mut Recording,
    item: Value,
    has_native: &dyn Fn(u32) -> bool,
) -> Result<Option<Recorded>> {
    // Most items are like the first ones.
    let are_enough = vm.item_of_list_loop().is_some_and(|position| position + 1 >= RECORDED_ITEMS);
    let finished = vm.finish_next(item, are_enough)?;
    vm.mark_list_loops(recording.depth, recording.inside_built_in);
    let Some((jumped, step)) = finished else {
        vm.count_call_unasked()?;
        return Ok(None);
    };
    if jumped && vm.top_pc() <= step {
        vm.count_back_edge_unasked()?;
    }
    let op = vm.program().code[step as usize];
    let taken = if jumped { Stepped::Jump } else { Stepped::Next };
    if note_results(vm, &mut profile.borrow_mut(), step, &op, taken) {
        (recording.unsurprising, recording.repeated) = (0, 0);
    }
    Ok(arrive(vm, recording, step, jumped, has_native))
}

/// Notes what the instruction in front of the top frame's pc has written: native code has found that the run time, or a
/// function that it called, gave a value of another type than seen. If control came here by another edge, a type is
/// noted in vain.
pub fn note_last_result(vm: &Vm, profile: &std::cell::RefCell<TypeProfile>) {
    let pc = vm.top_pc();
    let start = vm.program().functions[vm.top_function().index()].code.start;
    let Some(last) = pc.checked_sub(1).filter(|last| *last >= start) else { return };
    let op = &vm.program().code[last as usize];
    // A loop's variable is written on one edge only, and which one was taken is not known here.
    if let (Some(dst), None) = (op.result(), op.as_iteration()) {
        let tag = register(vm, dst).tag();
        profile.borrow_mut().note(last, |site| site.result.add(tag));
    }
}

/// Notes what the instruction at the top frame's pc is about to read; whether that shows anything new.
pub fn note_instruction(vm: &Vm, profile: &std::cell::RefCell<TypeProfile>) -> bool {
    let pc = vm.top_pc();
    note_operands(vm, &mut profile.borrow_mut(), pc, &vm.program().code[pc as usize])
}

/// Notes that the instruction at the top frame's pc is about to raise an error that native code may catch; whether that
/// is new.
pub fn note_raising(vm: &Vm, profile: &std::cell::RefCell<TypeProfile>) -> bool {
    profile.borrow_mut().note(vm.top_pc(), |site| site.raised = true)
}

/// Whether a tail call at the top frame's pc can be followed. A loop ends with its frame; a function goes on as the one
/// it calls.
fn may_give_up_frame(vm: &Vm, recording: &Recording) -> bool {
    vm.depth() > recording.depth || matches!(recording.entry, Entry::Function(_))
}

/// The function that a call of a method of an instance comes to, if its fields do not matter.
fn plain_method(vm: &Vm, base: Reg, argc: u16, site: SiteId) -> Option<FuncId> {
    let instance =
        register(vm, base.above(MethodCall::RECEIVER)).as_instance().filter(|instance| instance.extra().is_none())?;
    vm.plain_method(instance.struct_id(), vm.site_name(vm.top_function(), site), argc)
}

/// What the call of a value at the top frame's pc comes to, if it can be stepped into: what the call shows is noted,
/// and the function's arguments stand above `base`.
fn prepare_call(vm: &mut Vm, profile: &mut TypeProfile, base: Reg, argc: u16) -> Option<Called> {
    let called = vm.called_with(register(vm, base), argc)?;
    let pc = vm.top_pc();
    note_operands(vm, profile, pc, &vm.program().code[pc as usize]);
    vm.put_receiver_of(&called, base, Call::ARGS, argc).then_some(called)
}

/// As [`prepare_call`], of the call of a member.
fn prepare_member_call(vm: &mut Vm, profile: &mut TypeProfile, base: Reg, argc: u16, site: SiteId) -> Option<Called> {
    let method = plain_method(vm, base, argc, site);
    let pc = vm.top_pc();
    let called = match method {
        Some(func) => Called { func, closure: None, receiver: None },
        None => vm.called_with(vm.called_field(base, site)?, argc)?,
    };
    note_operands(vm, profile, pc, &vm.program().code[pc as usize]);
    if method.is_some() {
        return Some(called);
    }
    if called.receiver.is_none() {
        vm.drop_receiver(base, argc);
    }
    vm.put_receiver_of(&called, base, MethodCall::ARGS, argc).then_some(called)
}

/// What a call has come to, as feedback has it.
fn callee(called: Called) -> Callee {
    let via = match (called.closure, called.receiver) {
        (None, None) => Via::Function,
        (Some(_), None) => Via::Closure,
        (None, Some(_)) => Via::BoundMethod,
        (Some(_), Some(_)) => Via::BoundClosure,
    };
    Callee { func: called.func, via }
}

/// Whether [`Vm::step`] executes the instruction; it leaves ends of frames to the interpreter.
fn is_stepped(vm: &Vm, op: &Op) -> bool {
    match *op {
        Op::StartTask {} | Op::TailCall { .. } => false,
        Op::TailCallMethod { base, site, .. } => vm.calls_built_in(base, site),
        _ => !op.effects().ends || matches!(op, Op::Jump { .. }),
    }
}

fn register(vm: &Vm, reg: Reg) -> Value {
    vm.top_register(reg.0.into())
}

/// Notes what an instruction is about to read; whether that shows anything new.
fn note_operands(vm: &Vm, profile: &mut TypeProfile, pc: u32, op: &Op) -> bool {
    let called = match *op {
        Op::Call { base, .. } | Op::TailCall { base, .. } => Some(register(vm, base)),
        Op::CallMethod { base, site, .. } | Op::TailCallMethod { base, site, .. } => {
            vm.called_field(base, site).or_else(|| vm.function_of_list_loop(*op))
        }
        _ => None,
    };
    let (a, b) = observed(op);
    let (a, b) = (a.map(|reg| register(vm, reg)), b.map(|reg| register(vm, reg)));
    if a.is_none() && b.is_none() && called.is_none() {
        return false;
    }
    // The only register of an instruction with a constant is its first operand, whichever side it is on.
    let right = if op.as_binary().is_some_and(|binary| binary.left.register().is_none()) { a } else { b };
    let position = a.and_then(Value::as_dict).and_then(|dict| {
        let key = match *op {
            Op::GetMember { site, .. } | Op::SetMember { site, .. } | Op::FindMethod { site, .. } => {
                vm.site_name_value(vm.top_function(), site)
            }
            Op::CallMethod { site, .. } | Op::TailCallMethod { site, .. } if called.is_some() => {
                vm.site_name_value(vm.top_function(), site)
            }
            _ => b?,
        };
        dict.position_listed(&vm.heap, key)
    });
    let is_compared = op.as_comparison().is_some() || op.as_compare_jump().is_some();
    // Of what makes it fail, no form is made: it is the error that counts, if that is caught.
    let (first_fails, second_fails) = fails_on_void(op);
    let is_able = |value: &Value, fails: bool| !fails || value.tag() != Tag::Void;
    profile.note(pc, |site| {
        if let Some(a) = a.filter(|a| is_able(a, first_fails)) {
            note_first_operand(site, a);
        }
        if let Some(b) = b.filter(|b| is_able(b, second_fails)) {
            site.b.add(b.tag());
        }
        if let Some(position) = position {
            site.position.note(position);
        }
        if let Some(called) = called {
            match Vm::called(called) {
                Some(called) => site.callees.add(callee(called)),
                None => site.callees.add_other(),
            }
        }
        site.negative |= right.and_then(Value::as_int).is_some_and(|int| int < 0);
        site.inexact |= is_compared && [a, b].into_iter().flatten().filter_map(Value::as_int).any(is_inexact);
    })
}

fn note_first_operand(site: &mut TypeFeedback, a: Value) {
    site.a.add(a.tag());
    match a.as_list() {
        Some(list) if list.is_empty() => site.empty = true,
        Some(list) => site.storage.add(list.storage()),
        None => {}
    }
    if let Some(text) = a.as_str() {
        site.ascii.add(text.is_ascii());
    }
    if let Some(instance) = a.as_instance() {
        site.instance_of.add(instance.struct_id());
        site.structs.add(instance.struct_id());
        site.extra |= instance.extra().is_some();
    }
    if let Some(class) = a.as_struct() {
        site.instance_of.add(class.id());
        site.structs.add(class.id());
    }
}

/// Notes what an instruction has written; whether that shows anything new.
fn note_results(vm: &Vm, profile: &mut TypeProfile, pc: u32, op: &Op, stepped: Stepped) -> bool {
    let Some(result) = op.result() else { return false };
    profile.note(pc, |site| {
        let Some(iteration) = op.as_iteration() else {
            let result = register(vm, result);
            site.result.add(result.tag());
            if let (Op::CallBuiltin { .. }, Some(text)) = (op, result.as_str()) {
                site.ascii.add(text.is_ascii());
            }
            return;
        };
        let into_body = if iteration.starts { Stepped::Next } else { Stepped::Jump };
        // A range gives ints; nothing is to be learned of it.
        if iteration.over == Over::Range || stepped != into_body {
            return;
        }
        site.result.add(register(vm, result).tag());
        if iteration.over == Over::Pairs {
            let state = |offset: u16| register(vm, iteration.base.above(offset));
            site.second.add(state(Iter::SECOND).tag());
            // What was taken apart stands in front of the position.
            let taken = state(Iter::POSITION).as_int().and_then(|next| usize::try_from(next - 1).ok());
            let item = taken.zip(state(Iter::ITERABLE).as_list()).and_then(|(position, list)| list.try_get(position));
            item.into_iter().for_each(|item| site.b.add(item.tag()));
        }
    })
}
