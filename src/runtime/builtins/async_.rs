//! `std/async`: tasks and channels, as far as they are functions. The work is done in [`crate::runtime::tasks`].

use super::value::{arg, expected_type, milliseconds_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Channel, Gc, Rule, Task, TaskState, Work};
use crate::runtime::ops::text::state_name;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn task_arg(args: &[Value], index: usize) -> Result<Gc<Task>> {
    let value = arg(args, index);
    value.as_task().ok_or_else(|| expected_type("task", value))
}

pub fn spawn(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let callee = arg(args, 0);
    let list = arg(args, 1);
    let arguments = match list.as_list() {
        Some(list) => list.to_vec(),
        None if args.len() < 2 => Vec::new(),
        None => return Err(expected_type("list", list)),
    };
    vm.check_callable(callee, arguments.len())?;
    if vm.calls_async(callee) {
        return vm.call(callee, &arguments);
    }
    Ok(vm.start_later(callee, Work::Start(arguments.into())))
}

pub fn sleep(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let milliseconds = milliseconds_arg(args, 0, "async.sleep")?;
    Ok(vm.sleeping_task(milliseconds))
}

pub fn timeout(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let task = task_arg(args, 0)?;
    let milliseconds = milliseconds_arg(args, 1, "async.timeout")?;
    vm.timeout(task, milliseconds)
}

pub fn gather(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let tasks = vm.tasks_in(arg(args, 0))?;
    vm.group(Rule::Gather, tasks)
}

pub fn race(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let tasks = vm.tasks_in(arg(args, 0))?;
    vm.race(tasks)
}

pub fn all_settled(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let tasks = vm.tasks_in(arg(args, 0))?;
    vm.group(Rule::AllSettled, tasks)
}

pub fn status(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let name = state_name(task_arg(args, 0)?.state());
    Ok(vm.heap.str_value(name))
}

pub fn cancel(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let cancelled = vm.cancel(task_arg(args, 0)?);
    vm.check_cancelled()?;
    Ok(Value::bool(cancelled))
}

pub fn cancelled(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(task_arg(args, 0)?.state() == TaskState::Cancelled))
}

pub fn yield_turn(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    vm.yield_turn()?;
    Ok(Value::VOID)
}

pub fn channel(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let size = arg(args, 0);
    let size = match size.as_int() {
        None if args.is_empty() => None,
        None => return Err(expected_type("int", size)),
        Some(size) if size < 1 => return Err(Error::message("async.channel: size must be >= 1")),
        Some(size) => Some(usize::try_from(size).unwrap_or(usize::MAX)),
    };
    vm.channel(size)
}

/// The channel that one of its ends belongs to, which must be the right one.
fn channel_of(value: Value, sends: bool) -> Result<Gc<Channel>> {
    let Some(end) = value.as_channel() else { return Err(expected_type("channel", value)) };
    match (end.sends, sends) {
        (true, false) => Err(Error::message("Expected a receiver, but found a sender")),
        (false, true) => Err(Error::message("Expected a sender, but found a receiver")),
        _ => Ok(end.channel),
    }
}

pub fn send(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let channel = channel_of(arg(args, 0), true)?;
    Ok(vm.send(channel, arg(args, 1)))
}

pub fn recv(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let channel = channel_of(arg(args, 0), false)?;
    Ok(vm.receive(channel))
}

pub fn close(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let end = arg(args, 0);
    match end.as_channel() {
        Some(end) => Ok(Value::bool(vm.close_channel(end.channel))),
        None => Err(expected_type("channel", end)),
    }
}
