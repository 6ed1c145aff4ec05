//! Channels: values that go from task to task.
//!
//! Invariants: tasks wait to receive only while there is no value, and to send only while there is no room.

use crate::runtime::error::Result;
use crate::runtime::object::{Channel, ChannelEnd, Gc, List, Task, TaskState, Work};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

impl Vm {
    /// The two ends of a new channel.
    pub(in crate::runtime) fn channel(&mut self, size: Option<usize>) -> Result<Value> {
        let channel = Channel::new(&mut self.heap, size);
        let ends = [true, false].map(|sends| Value::from_channel(ChannelEnd::new(&mut self.heap, channel, sends)));
        Ok(Value::from_list(List::from_values(&mut self.heap, &ends)?))
    }

    /// Sends a value. With a bound that is a task.
    pub(in crate::runtime) fn send(&mut self, channel: Gc<Channel>, value: Value) -> Value {
        let receiver = channel.receivers().pop_front();
        if let Some(receiver) = receiver {
            self.end(receiver, TaskState::Ready, value);
        } else if channel.is_open.get() {
            let has_room = channel.size.is_none_or(|size| channel.values().len() < size);
            if !has_room {
                let task = Task::about(&mut self.heap, Work::Send(channel), value);
                channel.senders().push_back(task);
                return Value::from_task(task);
            }
            channel.values().push_back(value);
            channel.account(&mut self.heap);
        }
        let sent = Value::bool(channel.is_open.get());
        if channel.size.is_some() { self.ended_task(TaskState::Ready, sent) } else { sent }
    }

    /// A task of the next value.
    pub(in crate::runtime) fn receive(&mut self, channel: Gc<Channel>) -> Value {
        let value = channel.values().pop_front();
        if let Some(value) = value {
            self.take_sender(channel);
            channel.account(&mut self.heap);
            return self.ended_task(TaskState::Ready, value);
        }
        if !channel.is_open.get() {
            return self.ended_task(TaskState::Ready, Value::VOID);
        }
        let task = Task::new(&mut self.heap, Work::Receive(channel));
        channel.receivers().push_back(task);
        Value::from_task(task)
    }

    /// There is room: the first who waits for it sends.
    fn take_sender(&mut self, channel: Gc<Channel>) {
        let sender = channel.senders().pop_front();
        if let Some(sender) = sender {
            channel.values().push_back(sender.subject());
            self.end(sender, TaskState::Ready, Value::TRUE);
        }
    }

    /// Closes a channel; whether it was open.
    pub(in crate::runtime) fn close_channel(&mut self, channel: Gc<Channel>) -> bool {
        if !channel.is_open.replace(false) {
            return false;
        }
        let receivers = std::mem::take(&mut *channel.receivers());
        receivers.into_iter().for_each(|task| self.end(task, TaskState::Ready, Value::VOID));
        let senders = std::mem::take(&mut *channel.senders());
        senders.into_iter().for_each(|task| self.end(task, TaskState::Ready, Value::FALSE));
        true
    }
}
