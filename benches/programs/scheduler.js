class Task {
  constructor(name, action) {
    this.name = name;
    this.action = action;
    this.mail = [];
    this.runs = 0;
    this.value = 0;
    this.next = null;
  }
}

class Scheduler {
  constructor() {
    this.tasks = [];
    this.trace = () => {};
    this.sent = 0;
    this.checksum = 0;
  }

  add(task) {
    this.tasks.push(task);
    return task;
  }

  send(task, message) {
    this.sent++;
    task.mail.push(message);
  }

  turn() {
    for (const task of this.tasks) {
      task.runs++;
      task.action(this, task);
      this.trace(task);
    }
  }
}

const producer = (step) => (scheduler, task) => {
  task.value = (task.value + step) % 1009;
  scheduler.send(task.next, task.value);
};

const filter = (accepts) => (scheduler, task) => {
  while (task.mail.length > 0) {
    const message = task.mail.pop();
    if (accepts(message)) scheduler.send(task.next, message + (task.runs % 3));
  }
};

function consume(scheduler, task) {
  while (task.mail.length > 0) {
    task.value = (task.value * 31 + task.mail.pop()) % 1000003;
  }
}

const scheduler = new Scheduler();
const sink = new Task("sink", consume);
const odd = new Task("odd", filter((message) => message % 2 === 1));
const small = new Task("small", filter((message) => message < 500));
odd.next = small;
small.next = sink;
for (const step of [3, 7, 11, 19, 29]) {
  const task = scheduler.add(new Task(`producer ${step}`, producer(step)));
  task.next = step < 10 ? odd : small;
}
scheduler.add(odd);
scheduler.add(small);
scheduler.add(sink);
scheduler.trace = (task) => {
  scheduler.checksum = (scheduler.checksum * 7 + task.value + task.runs) % 1000003;
};
for (let turn = 0; turn < 300000; turn++) scheduler.turn();
console.log(`${scheduler.sent} ${scheduler.checksum} ${sink.value}`);
