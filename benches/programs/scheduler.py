class Task:
    def __init__(self, name, action):
        self.name = name
        self.action = action
        self.mail = []
        self.runs = 0
        self.value = 0
        self.next = None


class Scheduler:
    def __init__(self):
        self.tasks = []
        self.trace = lambda task: None
        self.sent = 0
        self.checksum = 0

    def add(self, task):
        self.tasks.append(task)
        return task

    def send(self, task, message):
        self.sent += 1
        task.mail.append(message)

    def turn(self):
        for task in self.tasks:
            task.runs += 1
            task.action(self, task)
            self.trace(task)


def producer(step):
    def action(scheduler, task):
        task.value = (task.value + step) % 1009
        scheduler.send(task.next, task.value)

    return action


def only(accepts):
    def action(scheduler, task):
        while task.mail:
            message = task.mail.pop()
            if accepts(message):
                scheduler.send(task.next, message + task.runs % 3)

    return action


def consume(scheduler, task):
    while task.mail:
        task.value = (task.value * 31 + task.mail.pop()) % 1000003


def main():
    scheduler = Scheduler()
    sink = Task("sink", consume)
    odd = Task("odd", only(lambda message: message % 2 == 1))
    small = Task("small", only(lambda message: message < 500))
    odd.next = small
    small.next = sink
    for step in [3, 7, 11, 19, 29]:
        task = scheduler.add(Task(f"producer {step}", producer(step)))
        task.next = odd if step < 10 else small
    scheduler.add(odd)
    scheduler.add(small)
    scheduler.add(sink)

    def trace(task):
        scheduler.checksum = (scheduler.checksum * 7 + task.value + task.runs) % 1000003

    scheduler.trace = trace
    for _ in range(300000):
        scheduler.turn()
    print(scheduler.sent, scheduler.checksum, sink.value)


main()
