"""Section 8 without network: tasks, timers, groups and channels, on a clock that passes only while everything waits.

Each task has a thread, of which one runs at a time: it goes on when it is released, and waits when it has released another.
A cancelled task is never released again.
"""

import heapq
import threading
from collections import deque

import values
from library import Unsupported
from values import Bound, Builtin, Dict, Function, Module, Struct, Thrown, error, is_int, is_number, type_name, want

PENDING, READY, FAILED, CANCELLED = "pending", "ready", "failed", "cancelled"
STACK = 64 << 20
MANY = 400


class Task:
    def __init__(self):
        self.state, self.value, self.is_error = PENDING, None, False
        self.waiters, self.waits_for = [], None
        self.start = self.rule = self.members = self.queue = None
        self.left = self.ended = self.depth = 0
        self.sent = None
        self.is_queued = self.was_awaited = False
        self.inside, self.turn, self.thread = [], threading.Semaphore(0), None

    def is_pending(self):
        return self.state == PENDING


class Channel:
    def __init__(self, size):
        self.size, self.is_open = size, True
        self.values, self.receivers, self.senders = deque(), deque(), deque()


class End:
    def __init__(self, channel, sends):
        self.channel, self.sends = channel, sends


values.TYPES.update({Task: "task", End: "channel"})
values.TEXTS.update({
    Task: lambda task: f"<task:{task.state}>",
    End: lambda end: "<sender>" if end.sends else "<receiver>",
})


class Tasks:
    def __init__(self, machine):
        self.machine, self.main, self.now = machine, Task(), 0
        self.current, self.ready, self.timers, self.made, self.ends = self.main, deque(), [], 0, 0
        self.failed, self.is_deadlocked, self.left_by, self.threads = [], False, None, 0

    # Whose turn it is.

    def queue(self, task):
        if not task.is_queued:
            task.is_queued = True
            self.ready.append(task)

    def begin(self, start):
        task = Task()
        task.start = start
        self.queue(task)
        return task

    def timer(self, task, milliseconds):
        self.made += 1
        heapq.heappush(self.timers, (self.now + int(milliseconds * 1e6), self.made, task))

    def fire(self):
        over = []
        while self.timers and (not self.timers[0][2].is_pending() or self.timers[0][0] <= self.now):
            task = heapq.heappop(self.timers)[2]
            if task.is_pending():
                over.append(task) if task.rule else self.end(task, READY, None)
        for task in over:
            self.queue(task)

    def next(self):
        while True:
            self.fire()
            if self.ready:
                task = self.ready.popleft()
                task.is_queued = False
                if not task.is_pending():
                    continue
                if task.rule:
                    self.time_out(task)
                    continue
                return task
            if self.timers:
                self.now = self.timers[0][0]
                continue
            self.is_deadlocked = True
            if self.main.waits_for:
                self.main.waits_for.waiters.remove(self.main)
                self.main.waits_for = None
            return self.main

    def release(self, task):
        self.current = task
        if task.start is None:
            task.turn.release()
            return
        start, task.start = task.start, None
        self.threads += 1
        if self.threads > MANY:
            self.left_by = Unsupported("so many tasks")
            self.current = self.main
            self.main.turn.release()
            return
        threading.stack_size(STACK)
        task.thread = threading.Thread(target=self.live, args=(task, start), daemon=True)
        task.thread.start()

    def live(self, task, start):
        self.machine.depth = 0
        try:
            value, state, is_error = start(), READY, False
        except Thrown as thrown:
            value, state, is_error = thrown.value, FAILED, thrown.is_error
        except BaseException as whatever:  # Ends the program, from wherever it comes.
            self.left_by = whatever
            self.current = self.main
            self.main.turn.release()
            return
        self.threads -= 1
        if task.is_pending():
            self.end(task, state, value, is_error)
        self.release(self.next())

    def switch(self):
        """Lets others run until it is the running task's turn again."""
        own, following = self.current, self.next()
        if following is own:
            return
        own.depth = self.machine.depth
        self.release(following)
        own.turn.acquire()
        self.machine.depth = own.depth
        if self.left_by is not None:
            raise self.left_by

    def check_cancelled(self):
        if self.current.state == CANCELLED:
            self.switch()

    # Waiting.

    def wait(self, task):
        if not isinstance(task, Task):
            raise error(f"Expected type 'task', but found type '{type_name(task)}'")
        own = self.current
        if task.is_pending():
            if own.inside:
                raise error(f"Cannot wait inside '{own.inside[-1]}'")
            own.waits_for = task
            task.waiters.append(own)
            self.switch()
            if self.is_deadlocked:
                self.is_deadlocked = False
                raise error("Deadlock: every task is waiting")
        if task.state == READY:
            return task.value
        task.was_awaited = True
        raise Thrown(task.value, task.is_error) if task.state == FAILED else error("task cancelled")

    def give_way(self, _):
        own = self.current
        if own.inside[:-1]:
            if not self.ready:
                return
            raise error(f"Cannot wait inside '{own.inside[-2]}'")
        self.queue(own)
        self.switch()

    # Ends.

    def note(self, task, state, value, is_error):
        self.ends += 1
        task.state, task.value, task.is_error, task.ended = state, value, is_error, self.ends
        if state == FAILED:
            self.failed.append(task)

    def end(self, task, state, value, is_error=False):
        self.note(task, state, value, is_error)
        self.wake([task])

    def wake(self, ended):
        for task in ended:  # Grows on the way.
            waiters, task.waiters = task.waiters, []
            for waiter in waiters:
                if not waiter.is_pending():
                    continue
                task.was_awaited = True
                waiter.waits_for = None
                if not waiter.rule:
                    self.queue(waiter)
                    continue
                waiter.left -= 1
                outcome = self.outcome(waiter, task)
                if outcome:
                    self.note(waiter, *outcome)
                    ended.append(waiter)

    @staticmethod
    def of_member(member):
        if member.state == CANCELLED:
            return FAILED, "task cancelled", True
        return member.state, member.value, member.is_error

    @staticmethod
    def of_all(group):
        def settled(task):
            status = {READY: "ok", FAILED: "error", CANCELLED: "cancelled"}[task.state]
            value = "task cancelled" if task.state == CANCELLED else task.value
            return Dict([("status", status), ("value" if task.state == READY else "error", value)])

        settles = group.rule == "all_settled"
        return READY, [settled(task) if settles else task.value for task in group.members], False

    def outcome(self, group, member):
        succeeded = member.state == READY
        if group.rule == "timeout" or group.rule == "gather" and not succeeded:
            return self.of_member(member)
        if group.rule == "race" and (succeeded or group.left == 0):
            return self.of_member(member)
        if group.rule in ("gather", "all_settled") and group.left == 0:
            return self.of_all(group)

    def group(self, rule, members):
        group = Task()
        group.rule, group.members = rule, members
        for member in members:
            member.was_awaited = True
        group.left = sum(member.is_pending() for member in members)
        ended = sorted((member for member in members if not member.is_pending()), key=lambda member: member.ended)
        failed = [member for member in ended if member.state != READY]
        by = None
        if rule == "gather":
            by = failed[0] if failed else None
        elif rule == "race":
            by = next((member for member in ended if member.state == READY), None)
            if by is None and group.left == 0:
                by = failed[-1]
        elif rule == "timeout":
            by = ended[0] if ended else None
        if by:
            self.end(group, *self.of_member(by))
        elif group.left == 0:
            self.end(group, *self.of_all(group))
        else:
            for member in members:
                if member.is_pending():
                    member.waiters.append(group)
        return group

    def time_out(self, group):
        self.note(group, FAILED, "task timed out", True)
        for member in group.members:
            self.cancel(member)
        self.wake([group])

    def cancel(self, task):
        if not task.is_pending():
            return False
        cancelled = [task]
        for task in cancelled:
            if not task.is_pending():
                continue
            waited_for = [task.waits_for] if task.waits_for else []
            if task.rule:
                waited_for += task.members
            if task.queue is not None and task in task.queue:
                task.queue.remove(task)
            task.waits_for = task.start = None
            self.note(task, CANCELLED, None, False)
            for other in waited_for:
                if not other.is_pending():
                    continue
                other.waiters = [waiter for waiter in other.waiters if waiter is not task]
                if not any(waiter.is_pending() for waiter in other.waiters):
                    cancelled.append(other)
        self.wake(cancelled)
        return True

    # Channels.

    def ended(self, value):
        task = Task()
        self.end(task, READY, value)
        return task

    def send(self, channel, value):
        if channel.receivers:
            self.end(channel.receivers.popleft(), READY, value)
        elif channel.is_open:
            if channel.size is not None and len(channel.values) >= channel.size:
                task = Task()
                task.queue, task.sent = channel.senders, value
                channel.senders.append(task)
                return task
            channel.values.append(value)
        return channel.is_open if channel.size is None else self.ended(channel.is_open)

    def receive(self, channel):
        if channel.values:
            value = channel.values.popleft()
            if channel.senders:
                sender = channel.senders.popleft()
                channel.values.append(sender.sent)
                self.end(sender, READY, True)
            return self.ended(value)
        if not channel.is_open:
            return self.ended(None)
        task = Task()
        task.queue = channel.receivers
        channel.receivers.append(task)
        return task

    def close(self, channel):
        if not channel.is_open:
            return False
        channel.is_open = False
        receivers, senders = list(channel.receivers), list(channel.senders)
        channel.receivers.clear(), channel.senders.clear()
        for task in receivers:
            self.end(task, READY, None)
        for task in senders:
            self.end(task, READY, False)
        return True

    def told(self):
        """What is told of failures that nobody awaited."""
        failed = [task for task in self.failed if not task.was_awaited][:10]
        return "".join(f"Task failed and nobody awaited it: {values.text(task.value)}\n" for task in failed)


def task_of(value):
    if not isinstance(value, Task):
        raise error(f"Expected type 'task', but found type '{type_name(value)}'")
    return value


def tasks_of(value):
    return [task_of(item) for item in list(want(value, list))]


def milliseconds(value, name):
    if not is_number(value):
        raise error(f"Expected type 'float', but found type '{type_name(value)}'")
    if not value >= 0:
        raise error(f"async.{name}: milliseconds must be >= 0")
    return value


def channel_of(value, sends=None):
    if not isinstance(value, End):
        raise error(f"Expected type 'channel', but found type '{type_name(value)}'")
    if sends is not None and value.sends != sends:
        wanted, found = ("sender", "receiver") if sends else ("receiver", "sender")
        raise error(f"Expected a {wanted}, but found a {found}")
    return value.channel


def functions(vm):
    """The rows of std/async: name, what it does, least and most arguments."""
    tasks = vm.tasks

    def spawn(vm, function, *args):
        args = list(want(args[0], list)) if args else []
        inner = function.function if type(function) is Bound else function
        if not isinstance(inner, (Function, Builtin, Struct)):
            raise error(f"Cannot call non-function '{type_name(function)}'")
        vm.check_arity(function, args)
        if isinstance(inner, Function) and inner.is_async:
            return vm.call(function, args)
        return tasks.begin(lambda: vm.call(function, args))

    def sleep(vm, ms):
        task = Task()
        tasks.timer(task, milliseconds(ms, "sleep"))
        return task

    def timeout(vm, task, ms):
        member, limit = task_of(task), milliseconds(ms, "timeout")
        group = tasks.group("timeout", [member])
        if group.is_pending():
            tasks.timer(group, limit)
        return group

    def race(vm, members):
        members = tasks_of(members)
        if not members:
            raise error("async.race: no tasks")
        return tasks.group("race", members)

    def cancel(vm, task):
        was_pending = tasks.cancel(task_of(task))
        tasks.check_cancelled()
        return was_pending

    def channel(vm, *size):
        if size and not is_int(size[0]):
            raise error(f"Expected type 'int', but found type '{type_name(size[0])}'")
        if size and size[0] < 1:
            raise error("async.channel: size must be >= 1")
        made = Channel(size[0] if size else None)
        return [End(made, True), End(made, False)]

    return {
        "spawn": (spawn, 1, 2), "sleep": (sleep, 1), "timeout": (timeout, 2), "race": (race, 1),
        "gather": (lambda vm, members: tasks.group("gather", tasks_of(members)), 1),
        "all_settled": (lambda vm, members: tasks.group("all_settled", tasks_of(members)), 1),
        "status": (lambda vm, task: task_of(task).state, 1), "cancel": (cancel, 1),
        "cancelled": (lambda vm, task: task_of(task).state == CANCELLED, 1), "yield": (tasks.give_way, 0),
        "channel": (channel, 0, 1), "send": (lambda vm, end, value: tasks.send(channel_of(end, True), value), 2),
        "recv": (lambda vm, end: tasks.receive(channel_of(end, False)), 1),
        "close": (lambda vm, end: tasks.close(channel_of(end)), 1),
    }


def module(vm):
    made = Module("async")
    for name, row in functions(vm).items():
        made.names[name] = [Builtin(name, row[0], row[1], row[-1])]
        made.exported.append(name)
    return made
