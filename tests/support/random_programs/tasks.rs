//! Random programs about tasks: spawned, awaited, cancelled, in groups, behind timers and channels, with failures,
//! nested calls and hot loops around the waits. They always end, whatever waits for what: deadlocks are errors, and
//! every wait for a channel has a limit.
//!
//! An asynchronous function calls only those before it, and one in a loop only the first, so what a program does is
//! bounded.

use super::random::Random;

struct Generator {
    random: Random,
    lines: Vec<String>,
    indent: usize,
    names: usize,
}

/// The program of a seed.
pub fn task_program(seed: u64) -> String {
    let mut generator = Generator { random: Random::new(seed ^ 0x7a5c_0000), lines: Vec::new(), indent: 0, names: 0 };
    generator.whole();
    generator.lines.join("\n") + "\n"
}

impl Generator {
    fn whole(&mut self) {
        self.line("import \"std/async\" as tasks;");
        self.line("let shared = 0;");
        self.line("let started = [];");
        for at in 0..2 {
            let size = self.random.pick(&["", "1", "2", "5"]);
            self.line(&format!("let c{at} = tasks.channel({size});"));
        }
        self.plain_functions();
        let functions = self.random.between(2, 4) as usize;
        for at in 0..functions {
            let name = format!("a{at}");
            self.open(&format!("async fn {name} : n {{"));
            self.line("let x = n % 7;");
            self.body(at, true, &name);
            self.close();
        }
        self.line("let n = 3;");
        self.line("let x = 1;");
        self.body(functions, false, "main");
        self.line("println(shared, tasks.status(tasks.sleep(1)));");
        self.line("for outcome in await tasks.all_settled(started) { println(outcome); }");
        if self.random.percent(20) {
            self.line("await tasks.recv(tasks.channel()[1]);");
        }
    }

    /// Functions that run hot, wait, or do both, called from everywhere; and a struct whose steps wait.
    fn plain_functions(&mut self) {
        let (bound, factor) = (self.random.between(10, 120), self.random.between(3, 40));
        self.line(&format!(
            "fn hot : n {{ let s = n; for i in 0..{bound} {{ s = (s * {factor} + i) % 997; }} return s; }}"
        ));
        let (every, pause) = (self.random.between(2, 9), self.wait("n % 4"));
        self.line(&format!("fn waits : n {{ if n % {every} != 1 {{ {pause} }} return n + 1; }}"));
        self.line("fn deep : n, d { if d > 0 { return deep(n, d - 1) + 1; } return waits(n); }");
        let pause = self.wait("1");
        self.open("struct Steps {");
        self.line("fn init : self, n { self.n = n; }");
        self.line(&format!("fn next : self {{ if self.n == 0 {{ return; }} self.n -= 1; {pause} return self.n; }}"));
        self.close();
    }

    /// A statement that waits.
    fn wait(&mut self, milliseconds: &str) -> String {
        match self.random.below(3) {
            0 => "tasks.yield();".to_owned(),
            1 => format!("await tasks.sleep({milliseconds});"),
            _ => format!("await tasks.timeout(tasks.sleep({milliseconds}), 50);"),
        }
    }

    fn body(&mut self, functions: usize, is_task: bool, name: &str) {
        for _ in 0..self.random.between(2, 7) {
            self.guarded(functions, is_task, name);
        }
        if is_task {
            let result = self.random.pick(&["x", "x + n", "[x, n]", "f\"{x}\"", "hot(x)", "waits(x)"]);
            self.line(&format!("return {result};"));
        }
    }

    /// A statement, mostly where its failure is caught.
    fn guarded(&mut self, functions: usize, is_task: bool, name: &str) {
        if is_task && self.random.percent(60) {
            return self.statement(functions, name);
        }
        self.open("try {");
        self.statement(functions, name);
        self.indent -= 1;
        self.line(&format!("}} catch e {{ println(\"{name} caught\", e); x = n; }}"));
    }

    /// A call of an asynchronous function.
    fn task(&mut self, functions: usize) -> String {
        let argument = self.argument();
        match functions {
            0 => match self.random.below(3) {
                0 => format!("tasks.sleep({argument} % 5)"),
                1 => format!("tasks.spawn(waits, [{argument}])"),
                _ => format!("tasks.spawn(deep, [{argument}, 3])"),
            },
            _ => match self.random.below(8) {
                0 => format!("tasks.sleep({argument} % 6)"),
                1 => format!("tasks.spawn(waits, [{argument}])"),
                2 => format!(
                    "tasks.timeout(a{}({argument}), {})",
                    self.random.below(functions as u64),
                    self.random.below(6)
                ),
                _ => format!("a{}({argument})", self.random.below(functions as u64)),
            },
        }
    }

    fn argument(&mut self) -> String {
        match self.random.below(4) {
            0 => "n".to_owned(),
            1 => format!("n + {}", self.random.below(5)),
            _ => self.random.below(12).to_string(),
        }
    }

    fn tasks(&mut self, functions: usize) -> String {
        let count = self.random.below(4);
        let tasks: Vec<String> = (0..count).map(|_| self.task(functions)).collect();
        format!("[{}]", tasks.join(", "))
    }

    fn statement(&mut self, functions: usize, name: &str) {
        let at = self.names;
        self.names += 1;
        match self.random.below(24) {
            0 | 1 => {
                let task = self.task(functions);
                self.line(&format!("let v{at} = await {task};"));
                self.line(&format!("println(\"{name}\", n, v{at});"));
            }
            2 => {
                let wait = self.wait("n % 3 + 1");
                self.line(&wait);
            }
            3 => self.line(&format!("println(\"{name} at {at}\", n, x, shared);")),
            4 => self.line("shared += x % 5 + 1;"),
            5 => {
                let (modulus, rest) = (self.random.between(2, 5), self.random.below(3));
                let failure = self.random.pick(&["throw f\"t{n}\";", "throw [n, x];", "x = [1][n];", "x += void;"]);
                self.line(&format!("if n % {modulus} == {rest} {{ {failure} }}"));
            }
            6 => {
                let task = self.task(functions);
                self.line(&format!("let t{at} = {task};"));
                let wait = self.wait("1");
                if self.random.percent(60) {
                    self.line(&wait);
                }
                self.line(&format!("println(tasks.cancel(t{at}), t{at}, tasks.cancelled(t{at}));"));
                if self.random.percent(30) {
                    self.line(&format!("await t{at};"));
                }
            }
            7 => {
                let tasks = self.tasks(functions);
                self.line(&format!("for v in await tasks.gather({tasks}) {{ println(\"{name}\", v); }}"));
            }
            8 => {
                let tasks = self.tasks(functions);
                self.line(&format!("println(await tasks.race({tasks}));"));
            }
            9 => {
                let tasks = self.tasks(functions);
                self.line(&format!("println(await tasks.all_settled({tasks}));"));
            }
            10 => {
                let (task, limit) = (self.task(functions), self.random.below(8));
                self.line(&format!("println(await tasks.timeout({task}, {limit}.5));"));
            }
            11 | 12 => {
                let channel = self.random.below(2);
                self.line(&format!("let s{at} = tasks.send(c{channel}[0], n * 10 + {});", at % 10));
                if self.random.percent(40) {
                    self.line(&format!(
                        "if s{at} != true and s{at} != false {{ println(await tasks.timeout(s{at}, 3)); }}"
                    ));
                }
            }
            13 | 14 => {
                let (channel, limit) = (self.random.below(2), self.random.below(7));
                self.line(&format!("println(\"got\", await tasks.timeout(tasks.recv(c{channel}[1]), {limit}));"));
            }
            15 => {
                let (channel, end) = (self.random.below(2), self.random.below(2));
                if self.random.percent(30) {
                    self.line(&format!("println(tasks.close(c{channel}[{end}]));"));
                }
            }
            16..=18 => self.hot_loop(functions),
            19 => {
                let task = self.task(functions);
                self.line(&format!("started.push({task});"));
            }
            20 => self
                .line("if started.len() > 0 { println(tasks.status(started.last()), tasks.cancel(started.first())); }"),
            21 => {
                let steps = self.random.below(5);
                self.line(&format!("for v in Steps({steps}) {{ x += v; shared += 1; }}"));
            }
            22 => {
                let call = self.random.pick(&["waits(v)", "deep(v, 2)", "hot(v)", "await tasks.sleep(v)"]);
                self.line(&format!("println([1, 2, 3].map(: v {{ return {call}; }}));"));
            }
            _ => self.line("x = deep(x % 50, 4) + hot(n);"),
        }
    }

    /// A loop that may become native, with waits in it.
    fn hot_loop(&mut self, functions: usize) {
        let (bound, factor) = (self.random.between(5, 90), self.random.between(2, 30));
        let head = match self.random.below(3) {
            0 => format!("for i in 0..{bound} {{"),
            1 => format!("for i in [{}, 2, 3, n] {{", self.random.below(9)),
            _ => format!("while i < {bound} {{"),
        };
        let counts = head.starts_with("while");
        if counts {
            self.open("{");
            self.line("let i = 0;");
        }
        self.open(&head);
        if counts {
            self.line("i += 1;");
        }
        for _ in 0..self.random.between(1, 3) {
            let every = self.random.between(2, 12);
            let wait = self.wait("i % 3");
            let text = match self.random.below(8) {
                0 | 1 => format!("x = (x * {factor} + i) % 1009;"),
                2 | 3 => format!("if i % {every} == 1 {{ {wait} }}"),
                4 => wait,
                5 if functions > 0 && !counts => {
                    "try { shared += await tasks.timeout(a0(i), 20) % 7; } catch e { x += 1; }".to_owned()
                }
                5 | 6 => "x = (x + waits(i)) % 1013;".to_owned(),
                _ => format!("if i == {every} {{ {} }}", self.random.pick(&["break;", "continue;", "throw i;"])),
            };
            self.line(&text);
        }
        self.close();
        if counts {
            self.close();
        }
    }

    fn line(&mut self, text: &str) {
        self.lines.push(format!("{}{text}", "    ".repeat(self.indent)));
    }

    fn open(&mut self, head: &str) {
        self.line(head);
        self.indent += 1;
    }

    fn close(&mut self) {
        self.indent -= 1;
        self.line("}");
    }
}
