//! Tasks and channels: what a program holds of them. What they do is in [`crate::runtime::tasks`].

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use super::{Closure, Gc, Header, ObjKind};
use crate::runtime::heap::Heap;
use crate::runtime::stack::Frame;
use crate::runtime::trace::Trace;
use crate::runtime::value::Value;

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskState {
    /// It runs, waits, or stands in the queue.
    Pending,
    Ready,
    /// By an error of the language; the result is its message.
    FailedWith,
    /// By `throw`; the result is what was thrown.
    Threw,
    Cancelled,
}

/// What a task that has not ended is made of; some are about a value, which the task holds where its result will be.
/// There may be a million tasks, so none is larger than two words beside its kind.
#[derive(Default)]
pub enum Work {
    /// Nothing is kept here: it runs, or it has ended.
    #[default]
    None,
    /// It has ended by an error that was raised there.
    Failed(Rc<Trace>),
    /// It has not started: the arguments. The value is what is called.
    Start(Box<[Value]>),
    /// Likewise; the arguments are the registers that an async function was called with: its frame is ready but for
    /// them.
    Enter(Box<[Value]>),
    /// It waits, or is ready to go on: its part of the stack, copied.
    Suspended(Box<Saved>),
    /// It ends when others do.
    Group(Box<Group>),
    /// It ends at a time.
    Timer,
    /// An operation on a handle of the network, or a timer of one.
    Operation(usize),
    /// A `serve` of a listener. The value is the handler.
    Serve(usize),
    /// Waits for a handler's task on behalf of a connection, which it names; never ends.
    Exchange(usize),
    /// A `recv` that found nothing.
    Receive(Gc<Channel>),
    /// A `send` that found no room. The value is what is sent.
    Send(Gc<Channel>),
}

/// The frames of a suspended task with their registers. They go back to where they were, so pointers into them stay
/// good.
#[derive(Default)]
pub struct Saved {
    pub frames: Box<[Frame]>,
    pub registers: Box<[Value]>,
    /// What built-ins that are on the task's native stack hold on to.
    pub pinned: Vec<Value>,
    /// The native stack that it waits on, if native code or a built-in lies below what waits; a number of the
    /// scheduler's.
    pub fiber: Option<usize>,
    /// The first frame is that of an `init`: the result is not what it returns but what stands below it.
    pub constructs: bool,
}

impl Saved {
    /// Bytes that the blocks take.
    pub fn bytes(&self) -> usize {
        size_of::<Saved>() + size_of_val(&*self.frames) + size_of_val(&*self.registers) + size_of_val(&*self.pinned)
    }
}

/// How a task depends on others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    Gather,
    Race,
    AllSettled,
    Timeout,
}

/// Who waits for a task, in the order in which they came: mostly nobody or one.
#[derive(Default)]
pub enum Waiters {
    #[default]
    None,
    One(Gc<Task>),
    Several(Box<Several>),
}

/// More than one may be many, but then there are few such tasks.
pub struct Several(Vec<Gc<Task>>);

impl Waiters {
    pub fn push(&mut self, task: Gc<Task>) {
        match self {
            Waiters::None => *self = Waiters::One(task),
            Waiters::One(first) => *self = Waiters::Several(Box::new(Several(vec![*first, task]))),
            Waiters::Several(several) => several.0.push(task),
        }
    }

    pub fn remove(&mut self, task: Gc<Task>) {
        match self {
            Waiters::None => {}
            Waiters::One(one) if *one == task => *self = Waiters::None,
            Waiters::One(_) => {}
            Waiters::Several(several) => several.0.retain(|&waiter| waiter != task),
        }
    }

    pub fn as_slice(&self) -> &[Gc<Task>] {
        match self {
            Waiters::None => &[],
            Waiters::One(one) => std::slice::from_ref(one),
            Waiters::Several(several) => &several.0,
        }
    }
}

/// The tasks that a task made by `gather` and its like waits for.
pub struct Group {
    pub rule: Rule,
    pub members: Box<[Gc<Task>]>,
    /// How many of them have not ended.
    pub left: usize,
}

/// A call that was begun and will be over some time.
#[repr(C)]
pub struct Task {
    header: Header,
    state: Cell<TaskState>,
    /// Somebody has waited for it, or taken its result.
    awaited: Cell<bool>,
    /// It is in the scheduler's queue.
    pub queued: Cell<bool>,
    /// It was switched away from within an instruction that is about to be executed again.
    pub switched: Cell<bool>,
    /// What it has come to; before that the value that its work is about.
    result: Cell<Value>,
    /// Counts ends: the order in which tasks have ended.
    ended: Cell<u64>,
    /// The task that this one waits for in an `await`.
    pub waits_for: Cell<Option<Gc<Task>>>,
    parts: RefCell<Parts>,
}

/// What a task has outside of its cell.
#[derive(Default)]
struct Parts {
    waiters: Waiters,
    work: Work,
}

impl Task {
    pub fn new(heap: &mut Heap, work: Work) -> Gc<Task> {
        Task::about(heap, work, Value::VOID)
    }

    /// A task whose work is about a value.
    pub fn about(heap: &mut Heap, work: Work, value: Value) -> Gc<Task> {
        let header = heap.header(ObjKind::Task, 0, 0);
        let task = heap.alloc(Task {
            header,
            state: Cell::new(TaskState::Pending),
            awaited: Cell::new(false),
            queued: Cell::new(false),
            switched: Cell::new(false),
            result: Cell::new(value),
            ended: Cell::new(0),
            waits_for: Cell::new(None),
            parts: RefCell::default(),
        });
        task.set_work(heap, work);
        task
    }

    pub fn state(&self) -> TaskState {
        self.state.get()
    }

    pub fn is_pending(&self) -> bool {
        self.state.get() == TaskState::Pending
    }

    /// The value or error of a task that has ended.
    pub fn result(&self) -> Value {
        self.result.get()
    }

    /// The value that the work of a task is about that has not.
    pub fn subject(&self) -> Value {
        self.result.get()
    }

    /// Which one it was to end.
    pub fn ended(&self) -> u64 {
        self.ended.get()
    }

    /// Notes how it has ended.
    pub fn end(&self, state: TaskState, result: Value, number: u64) {
        self.state.set(state);
        self.result.set(result);
        self.ended.set(number);
    }

    pub fn has_failed(&self) -> bool {
        matches!(self.state.get(), TaskState::FailedWith | TaskState::Threw)
    }

    pub fn was_awaited(&self) -> bool {
        self.awaited.get()
    }

    pub fn note_awaited(&self) {
        self.awaited.set(true);
    }

    pub fn waiters(&self) -> RefMut<'_, Waiters> {
        RefMut::map(self.parts.borrow_mut(), |parts| &mut parts.waiters)
    }

    pub fn work(&self) -> Ref<'_, Work> {
        Ref::map(self.parts.borrow(), |parts| &parts.work)
    }

    /// Changes the task's work in place. What it takes in memory must stay the same.
    pub fn work_mut(&self) -> RefMut<'_, Work> {
        RefMut::map(self.parts.borrow_mut(), |parts| &mut parts.work)
    }

    /// Replaces the task's work.
    pub fn set_work(&self, heap: &mut Heap, work: Work) -> Work {
        let bytes = work.bytes();
        let previous = std::mem::replace(&mut *self.work_mut(), work);
        heap.account(previous.bytes(), bytes);
        previous
    }

    pub fn take_work(&self, heap: &mut Heap) -> Work {
        self.set_work(heap, Work::None)
    }

    /// Where the error was raised that it failed with.
    pub fn trace(&self) -> Option<Rc<Trace>> {
        match &*self.work() {
            Work::Failed(trace) => Some(Rc::clone(trace)),
            _ => None,
        }
    }

    /// Drops what the object keeps outside of its cell; the bytes that were accounted for.
    pub(in crate::runtime) fn release(&self) -> usize {
        self.parts.take().work.bytes()
    }

    pub(in crate::runtime) fn for_each_child(&self, mut visit: impl FnMut(Value)) {
        visit(self.result.get());
        self.waits_for.get().into_iter().for_each(|task| visit(Value::from_task(task)));
        let parts = self.parts.borrow();
        parts.waiters.as_slice().iter().for_each(|&task| visit(Value::from_task(task)));
        match &parts.work {
            Work::None | Work::Failed(_) | Work::Timer => {}
            Work::Operation(_) | Work::Serve(_) | Work::Exchange(_) => {}
            Work::Start(args) | Work::Enter(args) => args.iter().for_each(|&arg| visit(arg)),
            Work::Suspended(saved) => {
                saved.registers.iter().chain(&saved.pinned).for_each(|&value| visit(value));
                let closures = saved.frames.iter().filter_map(|frame: &Frame| frame.closure);
                closures.for_each(|closure: Gc<Closure>| visit(Value::from_closure(closure)));
            }
            Work::Group(group) => group.members.iter().for_each(|&member| visit(Value::from_task(member))),
            Work::Receive(channel) | Work::Send(channel) => visit(Value::from_channel_core(*channel)),
        }
    }
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Work::None | Work::Failed(_) | Work::Timer | Work::Operation(_) | Work::Serve(_) => 0,
            Work::Exchange(_) | Work::Receive(_) | Work::Send(_) => 0,
            Work::Start(args) | Work::Enter(args) => size_of_val(&**args),
            Work::Suspended(saved) => saved.bytes(),
            Work::Group(group) => size_of::<Group>() + size_of_val(&*group.members),
        }
    }
}

/// What both ends of a channel share. No value of the language points to it.
#[repr(C)]
pub struct Channel {
    header: Header,
    /// How many values it holds at most, if that is limited.
    pub size: Option<usize>,
    pub is_open: Cell<bool>,
    /// Values that nobody has received.
    values: RefCell<VecDeque<Value>>,
    /// Tasks of `recv` that wait for a value; there are none while there are values.
    receivers: RefCell<VecDeque<Gc<Task>>>,
    /// Tasks of `send` that wait for room.
    senders: RefCell<VecDeque<Gc<Task>>>,
    accounted: Cell<usize>,
}

impl Channel {
    pub fn new(heap: &mut Heap, size: Option<usize>) -> Gc<Channel> {
        let header = heap.header(ObjKind::Channel, 0, 0);
        heap.alloc(Channel {
            header,
            size,
            is_open: Cell::new(true),
            values: RefCell::default(),
            receivers: RefCell::default(),
            senders: RefCell::default(),
            accounted: Cell::new(0),
        })
    }

    pub fn values(&self) -> RefMut<'_, VecDeque<Value>> {
        self.values.borrow_mut()
    }

    pub fn receivers(&self) -> RefMut<'_, VecDeque<Gc<Task>>> {
        self.receivers.borrow_mut()
    }

    pub fn senders(&self) -> RefMut<'_, VecDeque<Gc<Task>>> {
        self.senders.borrow_mut()
    }

    /// Tells the heap how much the queued values take by now.
    pub fn account(&self, heap: &mut Heap) {
        let bytes = self.values.borrow().capacity() * size_of::<Value>();
        heap.account(self.accounted.replace(bytes), bytes);
    }

    pub(in crate::runtime) fn release(&self) -> usize {
        self.values.take();
        self.receivers.take();
        self.senders.take();
        self.accounted.get()
    }

    pub(in crate::runtime) fn for_each_child(&self, mut visit: impl FnMut(Value)) {
        self.values.borrow().iter().for_each(|&value| visit(value));
        let tasks = [self.receivers.borrow(), self.senders.borrow()];
        tasks.iter().flat_map(|tasks| tasks.iter()).for_each(|&task| visit(Value::from_task(task)));
    }
}

/// An end of a channel, which is what a program holds.
#[repr(C)]
pub struct ChannelEnd {
    header: Header,
    pub channel: Gc<Channel>,
    pub sends: bool,
}

impl ChannelEnd {
    pub fn new(heap: &mut Heap, channel: Gc<Channel>, sends: bool) -> Gc<ChannelEnd> {
        let header = heap.header(ObjKind::ChannelEnd, 0, 0);
        heap.alloc(ChannelEnd { header, channel, sends })
    }
}
