//! Tasks that depend on others: `gather`, `race`, `all_settled`, `timeout`.

use smallvec::smallvec;

use super::CANCELLED;
use crate::runtime::error::{Error, ErrorKind, Result};
use crate::runtime::object::{Dict, Gc, Group, List, Rule, Task, TaskState, Work};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// How a task ends.
type End = (TaskState, Value);

impl Vm {
    /// A task that ends by a rule about others.
    pub(in crate::runtime) fn group(&mut self, rule: Rule, members: Vec<Gc<Task>>) -> Result<Value> {
        members.iter().for_each(|member| member.note_awaited());
        let left = members.iter().filter(|member| member.is_pending()).count();
        let group = Group { rule, members: members.into(), left };
        let decided = self.decided_at_once(&group);
        let group = Task::new(&mut self.heap, Work::Group(Box::new(group)));
        if let Some((by, (state, result))) = decided {
            self.end_traced(group, state, result, by.and_then(|by| by.trace()));
            return Ok(Value::from_task(group));
        }
        if let Work::Group(parts) = &*group.work() {
            for member in parts.members.iter().filter(|member| member.is_pending()) {
                member.waiters().push(group);
            }
        }
        Ok(Value::from_task(group))
    }

    /// A task that ends as another does, or fails when its time is over.
    pub(in crate::runtime) fn timeout(&mut self, task: Gc<Task>, milliseconds: f64) -> Result<Value> {
        let group = self.group(Rule::Timeout, vec![task])?;
        if let Some(group) = group.as_task()
            && group.is_pending()
        {
            self.start_timer(group, milliseconds);
        }
        Ok(group)
    }

    /// What those members come to that have ended already, and the one that decided it.
    fn decided_at_once(&mut self, group: &Group) -> Option<(Option<Gc<Task>>, End)> {
        let ended = || group.members.iter().copied().filter(|member| !member.is_pending());
        let failed = || ended().filter(|member| member.state() != TaskState::Ready);
        let by = match group.rule {
            Rule::Gather => failed().min_by_key(|member| member.ended()),
            Rule::Race => {
                let first =
                    ended().filter(|member| member.state() == TaskState::Ready).min_by_key(|member| member.ended());
                let last = || failed().max_by_key(|member| member.ended()).filter(|_| group.left == 0);
                first.or_else(last)
            }
            Rule::Timeout => ended().next(),
            Rule::AllSettled => None,
        };
        if let Some(by) = by {
            return Some((Some(by), self.end_of_member(by)));
        }
        (group.left == 0).then(|| (None, self.end_of_all(group)))
    }

    /// A member of a group has ended; how the group ends, if it does.
    pub(super) fn member_ended(&mut self, group: Gc<Task>, member: Gc<Task>) -> Option<End> {
        let (rule, left) = match &mut *group.work_mut() {
            Work::Group(parts) => {
                parts.left -= 1;
                (parts.rule, parts.left)
            }
            _ => return None,
        };
        let is_ready = member.state() == TaskState::Ready;
        match rule {
            Rule::Timeout => Some(self.end_of_member(member)),
            Rule::Gather if !is_ready => Some(self.end_of_member(member)),
            Rule::Race if is_ready || left == 0 => Some(self.end_of_member(member)),
            Rule::Gather | Rule::AllSettled if left == 0 => {
                let work = group.take_work(&mut self.heap);
                let Work::Group(parts) = &work else { return None };
                Some(self.end_of_all(parts))
            }
            _ => None,
        }
    }

    /// As a member ended; being cancelled is a failure to a group.
    fn end_of_member(&mut self, member: Gc<Task>) -> End {
        match member.state() {
            TaskState::Cancelled => (TaskState::FailedWith, self.heap.str_value(CANCELLED)),
            state => (state, member.result()),
        }
    }

    /// As all members ended. Whoever notices that may hold tasks that no collection would see, so the list is granted
    /// beyond the limit.
    fn end_of_all(&mut self, group: &Group) -> End {
        let outer = self.heap.set_granting(true);
        let results: Result<Vec<Value>> = group
            .members
            .iter()
            .map(|member| match group.rule {
                Rule::AllSettled => self.outcome(*member),
                _ => Ok(member.result()),
            })
            .collect();
        let list = results.and_then(|results| List::from_values(&mut self.heap, &results));
        self.heap.set_granting(outer);
        match list {
            Ok(list) => (TaskState::Ready, Value::from_list(list)),
            Err(error) => {
                let error = match *error.kind() {
                    ErrorKind::NeedsMemory(bytes) => self.no_memory(bytes),
                    _ => error,
                };
                (TaskState::FailedWith, self.heap.str_value(&error.to_string()))
            }
        }
    }

    /// How a task ended, as a dict.
    fn outcome(&mut self, task: Gc<Task>) -> Result<Value> {
        let (status, key, value) = match task.state() {
            TaskState::Ready => ("ok", "value", task.result()),
            TaskState::Cancelled => ("cancelled", "error", self.heap.str_value(CANCELLED)),
            _ => ("error", "error", task.result()),
        };
        let dict = Dict::new(&mut self.heap);
        for (name, value) in [("status", self.heap.str_value(status)), (key, value)] {
            let name = self.heap.str_value(name);
            dict.insert(&mut self.heap, name, value)?;
        }
        Ok(Value::from_dict(dict))
    }

    /// The time of a `timeout` is over.
    pub(super) fn time_out(&mut self, timeout: Gc<Task>) {
        let members = match timeout.take_work(&mut self.heap) {
            Work::Group(group) => group.members,
            _ => return,
        };
        let message = self.heap.str_value("task timed out");
        self.note_end(timeout, TaskState::FailedWith, message, None);
        members.iter().for_each(|&member| {
            self.cancel(member);
        });
        self.wake_waiters(smallvec![timeout]);
    }

    /// Tasks of a `race`, of which there must be some.
    pub(in crate::runtime) fn race(&mut self, members: Vec<Gc<Task>>) -> Result<Value> {
        if members.is_empty() {
            return Err(Error::message("async.race: no tasks"));
        }
        self.group(Rule::Race, members)
    }
}
