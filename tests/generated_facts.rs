//! Random programs under the judge of facts: no value that they compute may contradict its static type.
//!
//! The generator likes what makes inference hard: containers with several names, items of several types, fields written from
//! outside, closures over variables that change, functions passed about, errors thrown with anything as their value, and callbacks.
//! `WALRUS_GENERATED=10000 cargo test --test generated_facts` runs that many programs instead of the usual few hundred.

use std::fmt::Write;
use std::process::{Command, Stdio};

/// Xorshift64*: the same programs on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % u64::from(limit)) as u32
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u32) as usize]
    }
}

struct Generator {
    random: Random,
    out: String,
    /// Names in scope.
    names: Vec<String>,
    depth: u32,
    next: u32,
}

const PRELUDE: &str = "import \"std/json\";\n\
    struct Box { fn init : self, v { self.v = v; self.n = 0; } fn get : self { self.n += 1; return self.v; } fn put : self, v { self.v = v; } }\n\
    struct Pair { fn init : self, a, b { self.a = a; self.b = b; } fn get : self { return self.a; } fn put : self, v { self.b = v; } }\n\
    struct Steps { fn init : self, n { self.n = n; } fn next : self { if self.n <= 0 { return void; } self.n -= 1; return self.n; } }\n\
    fn id : x { return x; }\nfn twice : f, x { return f(f(x)); }\nfn fail : x { throw x; }\nfn first : xs { for x in xs { return x; } return 0; }\n\
    fn swap : xs, ys { for i in 0..xs.len() { if i < ys.len() { let t = xs[i]; xs[i] = ys[i]; ys[i] = t; } } return xs; }\n\
    let ga = 1; let gb = [1]; let gc = {\"a\": 1};\n";

impl Generator {
    fn expression(&mut self, depth: u32) -> String {
        let leaf = depth == 0;
        let kind = self.random.below(if leaf { 9 } else { 30 });
        let name = |this: &mut Self| {
            let at = this.random.below(this.names.len() as u32) as usize;
            this.names[at].clone()
        };
        match kind {
            0 => self.random.below(5).to_string(),
            1 => self
                .random
                .pick(&["1.5", "0.0", "true", "void", "\"s\"", "\"ab\"", "[]", "{}", "()", "(0..3)"])
                .to_string(),
            2..=8 => name(self),
            9..=13 => {
                let (a, b) = (self.expression(depth - 1), self.expression(depth - 1));
                let op = self.random.pick(&["+", "-", "*", "/", "%", "**", "<", "==", "and", "or", "&", "<<"]);
                format!("({a} {op} {b})")
            }
            14 | 15 => {
                let (a, b) = (self.expression(depth - 1), self.expression(depth - 1));
                self.random
                    .pick(&[
                        "[@, #]",
                        "[@]",
                        "(@, #)",
                        "(@,)",
                        "{\"a\": @, \"k\": #}",
                        "{1: @}",
                        "Box(@)",
                        "Pair(@, #)",
                        "Steps(3)",
                    ])
                    .replace('@', &a)
                    .replace('#', &b)
            }
            16..=18 => {
                let index = self.random.pick(&["0", "1", "-1", "\"a\"", "0..1", "\"v\""]);
                format!("{}[{index}]", name(self))
            }
            19 | 20 => format!("{}.{}", name(self), self.random.pick(&["v", "a", "b", "n", "k"])),
            21..=25 => {
                let (a, object) = (self.expression(depth - 1), name(self));
                let call = self.random.pick(&[
                    "pop()",
                    "len()",
                    "first()",
                    "last()",
                    "copy()",
                    "get()",
                    "get(\"a\", @)",
                    "keys()",
                    "values()",
                    "items()",
                    "sum()",
                    "sorted()",
                    "map(id)",
                    "map(: x { return [x, @]; })",
                    "filter(: x { return x; })",
                    "reduce(: x, y { return x + y; }, @)",
                    "min()",
                    "reverse()",
                    "put(@)",
                    "push(@)",
                    "extend(@)",
                    "insert(0, @)",
                    "chars()",
                    "remove(0)",
                    "contains(@)",
                    "split(\"a\")",
                    "to_int()",
                ]);
                format!("{object}.{}", call.replace('@', &a))
            }
            26 | 27 => {
                let (a, b) = (self.expression(depth - 1), self.expression(depth - 1));
                self.random
                    .pick(&[
                        "id(@)",
                        "twice(id, @)",
                        "first(@)",
                        "swap(@, #)",
                        "fail(@)",
                        "core.str(@)",
                        "core.len(@)",
                        "json.decode(json.encode(@))",
                        "core.int(@)",
                        "twice(: x { return [x]; }, @)",
                        "id(id)(@)",
                        "f\"{(@)}\"",
                    ])
                    .replace('@', &a)
                    .replace('#', &b)
            }
            28 => format!("(: {{ return {}; }})()", self.expression(depth - 1)),
            _ => format!("[{0}, {0}]", name(self)),
        }
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    fn block(&mut self, count: u32) {
        let scope = self.names.len();
        self.depth += 1;
        for _ in 0..count {
            self.statement();
        }
        self.depth -= 1;
        self.names.truncate(scope);
    }

    fn statement(&mut self) {
        let at = self.random.below(self.names.len() as u32) as usize;
        let name = self.names[at].clone();
        let nested = self.depth < 3;
        match self.random.below(if nested { 17 } else { 9 }) {
            0..=2 => {
                let (value, fresh) = (self.expression(2), self.fresh());
                let _ = writeln!(self.out, "let {fresh} = {name}; try {{ {fresh} = {value}; }} catch err {{ }}");
                self.names.push(fresh);
            }
            3 | 4 => {
                let value = self.expression(2);
                let _ = writeln!(self.out, "try {{ {name} = {value}; }} catch err {{ {name} = err; }}");
            }
            5 => {
                let (index, value) = (self.random.pick(&["[0]", "[\"a\"]", ".v", ".a", ".extra"]), self.expression(1));
                let _ = writeln!(self.out, "try {{ {name}{index} = {value}; }} catch err {{ }}");
            }
            6 => {
                let value = self.expression(2);
                let _ = writeln!(self.out, "try {{ ({value}); }} catch err {{ {name} = [err]; }}");
            }
            7 => {
                let (value, fresh) = (self.expression(1), self.fresh());
                let _ = writeln!(self.out, "let {fresh} = : p {{ {name} = p; return {value}; }};");
                self.names.push(fresh);
            }
            8 => {
                let value = self.expression(1);
                let _ = writeln!(self.out, "try {{ {name} = {name}({value}); }} catch err {{ }}");
            }
            9..=11 => {
                let variable = self.fresh();
                let _ = writeln!(self.out, "for {variable} in 0..{} {{", self.random.below(4) + 1);
                self.names.push(variable);
                self.block(3);
                self.names.pop();
                self.out.push_str("}\n");
            }
            12 | 13 => {
                let (items, variable) = (self.expression(1), self.fresh());
                let _ = writeln!(
                    self.out,
                    "try {{ let left = 9; for {variable} in {items} {{ left -= 1; if left < 0 {{ break; }}"
                );
                self.names.push(variable);
                self.block(2);
                self.names.pop();
                let _ = writeln!(self.out, "}} }} catch err {{ {name} = err; }}");
            }
            14 => {
                let condition = self.expression(1);
                let _ = writeln!(self.out, "if core.str({condition}) != \"0\" {{");
                self.block(2);
                self.out.push_str("} else {\n");
                self.block(2);
                self.out.push_str("}\n");
            }
            15 => {
                self.out.push_str("try {\n");
                self.block(3);
                self.out.push_str("} catch err {\n");
                self.names.push("err".to_string());
                self.block(2);
                self.names.pop();
                self.out.push_str("}\n");
            }
            _ => {
                let (items, a, b) = (self.expression(1), self.fresh(), self.fresh());
                let _ = writeln!(
                    self.out,
                    "try {{ let left = 9; for {a}, {b} in {items} {{ left -= 1; if left < 0 {{ break; }}"
                );
                self.names.extend([a, b]);
                self.block(2);
                self.names.truncate(self.names.len() - 2);
                self.out.push_str("} } catch err { }\n");
            }
        }
    }
}

fn program(seed: u64) -> String {
    let globals = ["ga", "gb", "gc"].map(String::from).to_vec();
    let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut generator = Generator { random, out: PRELUDE.to_string(), names: globals, depth: 0, next: 0 };
    for function in 0..3 {
        let _ = writeln!(generator.out, "fn f{function} : p, q {{");
        generator.names.extend(["p".to_string(), "q".to_string()]);
        generator.block(6);
        let value = generator.expression(1);
        generator.names.truncate(3);
        let _ = writeln!(generator.out, "return 1; }}\nfn r{function} : p, q {{ f{function}(p, q); return p; }}");
        let _ = value;
    }
    for call in 0..6 {
        let (a, b) = (generator.expression(1), generator.expression(1));
        let function = call % 3;
        let _ = writeln!(
            generator.out,
            "try {{ ga = r{function}({a}, {b}); f{function}(gb, gc); }} catch err {{ gb = [err]; }}"
        );
    }
    generator.block(8);
    generator.out
}

#[test]
fn no_generated_program_contradicts_its_facts() {
    let count = std::env::var("WALRUS_GENERATED").ok().and_then(|count| count.parse().ok()).unwrap_or(300u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, wbc) = (folder.path().join("prog.walrus"), folder.path().join("prog.wbc"));
    let (mut judged, mut values) = (0u64, 0u64);
    for seed in 1..=count {
        let text = program(seed);
        std::fs::write(&source, &text).expect("writable");
        let compiled = Command::new(env!("CARGO_BIN_EXE_walrusc"))
            .arg(&source)
            .arg("-o")
            .arg(&wbc)
            .output()
            .expect("walrusc runs");
        let errors = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "seed {seed}: {errors}\n{text}");
        let run = Command::new(env!("CARGO_BIN_EXE_walrus-run"))
            .args(["--check-facts".as_ref(), "--max-heap".as_ref(), "256M".as_ref(), wbc.as_os_str()])
            .stdin(Stdio::null())
            .output()
            .expect("walrus-run runs");
        let stderr = String::from_utf8_lossy(&run.stderr);
        let sound = !stderr.contains("A proven fact does not hold") && !stderr.contains("walrus-run:");
        assert!(sound && run.status.code().is_some_and(|code| code <= 1), "seed {seed}: {stderr}\n{text}");
        judged += u64::from(run.status.success());
        let checked = stderr.lines().find(|line| line.ends_with("agree with their static types"));
        values += checked.and_then(|line| line.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    }
    assert!(
        judged * 2 > count && values > 20 * count,
        "{judged} of {count} programs ran to their end, {values} values judged"
    );
}
