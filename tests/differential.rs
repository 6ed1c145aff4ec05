//! Random programs, run in every mode: each must print, raise and exit alike.
//!
//! The generator likes what native code finds hard: hot nested loops, types that change at some iteration, aliased lists, lists that change while they
//! are iterated, exceptions, wraparound, NaN and -0.0, closures, globals that callees change. `WALRUS_PROGRAMS=100000 cargo test --release --test
//! differential` runs more of them than CI does; `WALRUS_SEED` sets the first seed.
#![cfg(all(feature = "jit", feature = "compile"))]

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use walrus::bytecode::verify::verify;
use walrus::compile::compile_text;
use walrus::run::{JitSettings, Outcome, RunOptions, run};
use walrus::runtime::host::{Host, HostFile, OpenMode};

/// A host that keeps the output and has nothing else.
struct Capture {
    out: Arc<Mutex<Vec<u8>>>,
}

impl Host for Capture {
    fn out_is_terminal(&self) -> bool {
        false
    }
    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
        Ok(())
    }
    fn read_line(&mut self) -> io::Result<String> {
        Ok(String::new())
    }
    fn timestamp(&self) -> i64 {
        0
    }
    fn clock(&self) -> f64 {
        0.0
    }
    fn env(&self, _name: &str) -> Option<String> {
        None
    }
    fn args(&self) -> &[String] {
        &[]
    }
    fn current_dir(&self) -> io::Result<String> {
        Ok(String::new())
    }
    fn open(&mut self, _path: &str, _mode: OpenMode) -> io::Result<Box<dyn HostFile>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn exists(&self, _path: &str) -> bool {
        false
    }
    fn read_file(&self, _path: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn write_file(&mut self, _path: &str, _text: &str) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    /// An int or a float.
    Num,
    Bool,
    Str,
    /// A list of numbers that never gets shorter than five.
    List,
    Instance,
    Dict,
}

/// A program being written.
struct Writer {
    random: Random,
    out: String,
    vars: Vec<(String, Kind)>,
    indent: usize,
    names: usize,
    loops: usize,
    /// Iterations of the loops around, multiplied: keeps programs short.
    weight: u64,
    functions: Vec<String>,
    in_function: bool,
}

impl Writer {
    fn program(seed: u64) -> String {
        let mut writer = Writer {
            random: Random(seed),
            out: String::new(),
            vars: Vec::new(),
            indent: 0,
            names: 0,
            loops: 0,
            weight: 1,
            functions: Vec::new(),
            in_function: false,
        };
        writer.line("struct P { fn init : self, a { self.a = a; self.n = 0; } fn bump : self, d { self.n = self.n + d; return self.n; } }");
        for kind in [Kind::Int, Kind::Num, Kind::List, Kind::Int, Kind::Num] {
            writer.declare(kind);
        }
        for _ in 0..1 + writer.random.below(3) {
            writer.function();
        }
        for kind in [Kind::Instance, Kind::Str, Kind::Bool, Kind::Dict, Kind::List] {
            if writer.random.chance(60) {
                writer.declare(kind);
            }
        }
        if writer.random.chance(40) {
            writer.alias();
        }
        for _ in 0..2 + writer.random.below(3) {
            writer.statement(0);
            writer.hot_loop(0);
        }
        for (name, kind) in writer.vars.clone() {
            match kind {
                Kind::Instance => writer.line(&format!("println({name}.a, {name}.n);")),
                _ => writer.line(&format!("println({name});")),
            }
        }
        writer.out
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "", indent = self.indent * 2);
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn declare(&mut self, kind: Kind) {
        let name = self.fresh("v");
        let value = self.value(kind);
        self.line(&format!("let {name} = {value};"));
        self.vars.push((name, kind));
    }

    fn alias(&mut self) {
        if let Some(list) = self.var(Kind::List) {
            let name = self.fresh("v");
            self.line(&format!("let {name} = {list};"));
            self.vars.push((name, Kind::List));
        }
    }

    /// An expression for a new variable.
    fn value(&mut self, kind: Kind) -> String {
        match kind {
            Kind::List => {
                let storage = self.random.below(4);
                let items: Vec<String> = (0..5 + self.random.below(4))
                    .map(|i| match storage {
                        0 => format!("{i}"),
                        1 => format!("{i}.5"),
                        2 if i % 2 == 0 => format!("{i}.25"),
                        _ => self.int_literal(),
                    })
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Instance => format!("P({})", self.expr(Kind::Num, 1)),
            Kind::Dict => "{\"a\": 1, \"b\": 2.5, \"c\": 3}".into(),
            kind => self.expr(kind, 1),
        }
    }

    fn var(&mut self, kind: Kind) -> Option<String> {
        let fits = |k: Kind| k == kind || kind == Kind::Num && k == Kind::Int;
        let names: Vec<String> = self.vars.iter().filter(|(_, k)| fits(*k)).map(|(name, _)| name.clone()).collect();
        if names.is_empty() { None } else { Some(self.random.pick(&names).clone()) }
    }

    fn exact_var(&mut self, kind: Kind) -> Option<String> {
        let names: Vec<String> = self.vars.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name.clone()).collect();
        if names.is_empty() { None } else { Some(self.random.pick(&names).clone()) }
    }

    fn int_literal(&mut self) -> String {
        const EDGES: [&str; 8] = [
            "0",
            "1",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
            "4611686018427387904",
            "9007199254740993",
            "255",
        ];
        if self.random.chance(12) {
            (*self.random.pick(&EDGES)).into()
        } else {
            format!("{}", self.random.below(20) as i64 - 6)
        }
    }

    fn expr(&mut self, kind: Kind, depth: usize) -> String {
        let leaf = depth >= 3 || self.random.chance(30);
        match kind {
            Kind::Int => self.int_expr(depth, leaf),
            Kind::Num => self.num_expr(depth, leaf),
            Kind::Bool => self.bool_expr(depth, leaf),
            Kind::Str => match self.random.below(4) {
                0 => "\"ab\"".into(),
                1 => format!("f\"<{{{}}}>\"", self.expr(Kind::Int, depth + 1)),
                2 => format!("(\"x\" + {})", self.short_str()),
                _ => self.short_str(),
            },
            kind => match self.var(kind) {
                Some(name) => name,
                None => self.value(kind),
            },
        }
    }

    fn short_str(&mut self) -> String {
        "\"yz\"".into()
    }

    fn int_expr(&mut self, depth: usize, leaf: bool) -> String {
        if leaf {
            return match self.var(Kind::Int) {
                Some(name) if self.random.chance(75) => name,
                _ => self.int_literal(),
            };
        }
        let a = self.expr(Kind::Int, depth + 1);
        let b = self.expr(Kind::Int, depth + 1);
        match self.random.below(14) {
            0..=2 => format!("({a} + {b})"),
            3 | 4 => format!("({a} - {b})"),
            5 => format!("({a} * {b})"),
            6 => format!("({a} / {})", self.divisor(&b)),
            7 => format!("({a} % {})", self.divisor(&b)),
            8 => format!("({a} & {b})"),
            9 => format!("({a} ^ {b})"),
            10 => format!("({a} << ({b} & 7))"),
            11 => format!("({a} >> ({b} & 63))"),
            12 => match self.var(Kind::List) {
                Some(list) => format!("{list}.len()"),
                None => format!("(-{a})"),
            },
            _ => format!("(~{a})"),
        }
    }

    fn divisor(&mut self, b: &str) -> String {
        match self.random.below(6) {
            0 => b.into(),
            1 => "-1".into(),
            2 => "7".into(),
            3 => "2".into(),
            _ => format!("({b} % 5 + 6)"),
        }
    }

    fn num_expr(&mut self, depth: usize, leaf: bool) -> String {
        if leaf {
            return match self.random.below(10) {
                0 => "0.5".into(),
                1 => "-0.0".into(),
                2 if self.random.chance(30) => "(0.0 / 0.0)".into(),
                3 => "1e300".into(),
                _ => match self.var(Kind::Num) {
                    Some(name) => name,
                    None => self.int_literal(),
                },
            };
        }
        match self.random.below(10) {
            0 | 1 => format!("({} + {})", self.expr(Kind::Num, depth + 1), self.expr(Kind::Num, depth + 1)),
            2 => format!("({} - {})", self.expr(Kind::Num, depth + 1), self.expr(Kind::Num, depth + 1)),
            3 => format!("({} * {})", self.expr(Kind::Num, depth + 1), self.expr(Kind::Num, depth + 1)),
            4 => format!("({} / 3.0)", self.expr(Kind::Num, depth + 1)),
            5 => format!("({} % 2.5)", self.expr(Kind::Num, depth + 1)),
            6 | 7 => match self.var(Kind::List) {
                Some(list) => format!("{list}[{} % 5]", self.expr(Kind::Int, depth + 1)),
                None => self.expr(Kind::Int, depth + 1),
            },
            8 => match self.var(Kind::Instance) {
                Some(instance) => format!("{instance}.{}", self.random.pick(&["a", "n"])),
                None => format!("(-{})", self.expr(Kind::Num, depth + 1)),
            },
            _ => {
                if self.functions.is_empty() || self.weight > 3000 {
                    return self.expr(Kind::Int, depth + 1);
                }
                let function = self.random.pick(&self.functions).clone();
                format!("{function}({}, {})", self.expr(Kind::Num, depth + 1), self.expr(Kind::Int, depth + 1))
            }
        }
    }

    fn bool_expr(&mut self, depth: usize, leaf: bool) -> String {
        if leaf && self.random.chance(40) {
            return match self.var(Kind::Bool) {
                Some(name) => name,
                None => "true".into(),
            };
        }
        let op = *self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
        match self.random.below(6) {
            0 | 1 => format!("{} {op} {}", self.expr(Kind::Int, depth + 1), self.expr(Kind::Int, depth + 1)),
            2 | 3 => format!("{} {op} {}", self.expr(Kind::Num, depth + 1), self.expr(Kind::Num, depth + 1)),
            4 => format!("({} and {})", self.comparison(depth), self.comparison(depth)),
            _ => format!("(not ({}) or {})", self.comparison(depth), self.comparison(depth)),
        }
    }

    fn comparison(&mut self, depth: usize) -> String {
        format!("{} < {}", self.expr(Kind::Num, depth + 1), self.expr(Kind::Int, depth + 1))
    }

    fn function(&mut self) {
        let name = self.fresh("f");
        self.line(&format!("fn {name} : p, q {{"));
        let outer = std::mem::take(&mut self.vars);
        // The globals can be seen from here.
        self.vars = outer.clone();
        self.vars.push(("p".into(), Kind::Num));
        self.vars.push(("q".into(), Kind::Int));
        let weight = std::mem::replace(&mut self.weight, 400);
        self.indent += 1;
        self.in_function = true;
        for _ in 0..self.random.below(3) {
            self.statement(1);
        }
        if self.random.chance(30) {
            let result = self.expr(Kind::Num, 1);
            self.line(&format!("if q > 3 {{ return {result}; }}"));
        }
        let result = self.expr(Kind::Num, 1);
        self.line(&format!("return {result};"));
        self.in_function = false;
        self.indent -= 1;
        self.line("}");
        self.vars = outer;
        self.weight = weight;
        self.functions.push(name);
    }

    fn block(&mut self, depth: usize) {
        let scope = self.vars.len();
        self.indent += 1;
        for _ in 0..1 + self.random.below(3) {
            self.statement(depth + 1);
        }
        self.indent -= 1;
        self.vars.truncate(scope);
    }

    fn hot_loop(&mut self, depth: usize) {
        let count = match self.loops {
            0 => 20 + self.random.below(60),
            _ => 2 + self.random.below(12),
        };
        if self.weight * count > 8000 || self.loops >= 3 {
            return;
        }
        let weight = self.weight;
        self.weight *= count;
        self.loops += 1;
        let scope = self.vars.len();
        match self.random.below(5) {
            0..=2 => {
                let i = self.fresh("i");
                let start = self.random.below(3) as i64 - 1;
                self.line(&format!("for {i} in {start}..{count} {{"));
                self.vars.push((i.clone(), Kind::Int));
                self.change_at(&i, count);
                self.block(depth);
            }
            3 => {
                let i = self.fresh("w");
                self.line(&format!("let {i} = 0;"));
                self.line(&format!("while {i} < {count} {{"));
                self.line(&format!("  {i} = {i} + 1;"));
                // Not among the variables: the body must not assign it.
                self.change_at(&i, count);
                self.block(depth);
            }
            _ => match self.var(Kind::List) {
                Some(list) => {
                    let x = self.fresh("x");
                    self.line(&format!("for {x} in {list} {{"));
                    self.line(&format!("  if {list}.len() > 40 {{ break; }}"));
                    self.vars.push((x, Kind::Num));
                    self.block(depth);
                }
                None => {
                    self.line(&format!("for _u in 0..{count} {{"));
                    self.block(depth);
                }
            },
        }
        self.line("}");
        self.vars.truncate(scope);
        self.loops -= 1;
        self.weight = weight;
    }

    /// Something that is different from some iteration on.
    fn change_at(&mut self, i: &str, count: u64) {
        if !self.random.chance(50) {
            return;
        }
        let at = self.random.below(count);
        let change = match self.random.below(6) {
            0 => self.exact_var(Kind::Num).map(|v| format!("{v} = 0.5;")),
            1 => self.exact_var(Kind::Num).map(|v| format!("{v} = 3;")),
            2 => self.var(Kind::List).map(|v| format!("{v}.push(2.5);")),
            3 => self.var(Kind::List).map(|v| format!("{v}[1] = {};", self.int_literal())),
            4 => self.var(Kind::Instance).map(|v| format!("{v}.a = 7;")),
            _ => Some("continue;".to_string()).filter(|_| self.loops > 0),
        };
        if let Some(change) = change {
            self.line(&format!("  if {i} == {at} {{ {change} }}"));
        }
    }

    fn statement(&mut self, depth: usize) {
        match self.random.below(22) {
            0..=3 => self.assign(Kind::Int),
            4..=7 => self.assign(Kind::Num),
            8 => self.assign(Kind::Bool),
            9 => {
                if let Some(list) = self.var(Kind::List) {
                    let (index, value) = (self.expr(Kind::Int, 1), self.expr(Kind::Num, 1));
                    self.line(&format!("{list}[{index} % 5] = {value};"));
                }
            }
            10 => {
                if let Some(list) = self.var(Kind::List) {
                    let value = self.expr(Kind::Num, 1);
                    self.line(&format!("if {list}.len() < 30 {{ {list}.push({value}); }}"));
                }
            }
            11 | 12 => {
                let condition = self.expr(Kind::Bool, 0);
                self.line(&format!("if {condition} {{"));
                self.block(depth);
                if self.random.chance(50) {
                    self.line("} else {");
                    self.block(depth);
                }
                self.line("}");
            }
            13 | 14 => self.hot_loop(depth),
            15 => {
                self.line("try {");
                self.block(depth);
                if self.random.chance(50) {
                    let condition = self.expr(Kind::Bool, 1);
                    self.line(&format!("  if {condition} {{ throw 5; }}"));
                } else {
                    self.line("  let bad = 1 / 0;");
                }
                let e = self.fresh("e");
                self.line(&format!("}} catch {e} {{"));
                self.block(depth);
                self.line("}");
            }
            16 => {
                if let Some(instance) = self.var(Kind::Instance) {
                    let value = self.expr(Kind::Num, 1);
                    let text = match self.random.below(3) {
                        0 => format!("{instance}.a = {value};"),
                        1 => format!("{instance}.n = {instance}.n + 1;"),
                        _ => format!("{instance}.bump({value});"),
                    };
                    self.line(&text);
                }
            }
            17 => {
                let value = self.expr(Kind::Num, 1);
                if self.weight < 200 {
                    self.line(&format!("println({value});"));
                }
            }
            18 => {
                if depth > 0 {
                    self.declare_local();
                }
            }
            19 => {
                if let Some(dict) = self.var(Kind::Dict) {
                    let value = self.expr(Kind::Int, 1);
                    self.line(&format!("{dict}[\"a\"] = {value};"));
                }
            }
            20 => {
                if self.loops > 0 && self.random.chance(30) {
                    let condition = self.expr(Kind::Bool, 1);
                    let what = *self.random.pick(&["break", "continue"]);
                    self.line(&format!("if {condition} {{ {what}; }}"));
                }
            }
            _ => self.closure(depth),
        }
    }

    fn declare_local(&mut self) {
        let kind = *self.random.pick(&[Kind::Int, Kind::Num, Kind::List, Kind::Num]);
        self.declare(kind);
    }

    fn assign(&mut self, kind: Kind) {
        if let Some(name) = self.exact_var(kind) {
            if name.starts_with('i') || name.starts_with('x') {
                return;
            }
            let value = self.expr(kind, 0);
            self.line(&format!("{name} = {value};"));
        }
    }

    fn closure(&mut self, depth: usize) {
        if depth == 0 || self.weight > 2000 {
            return;
        }
        let (local, name) = (self.fresh("c"), self.fresh("k"));
        let start = self.random.below(5);
        self.line(&format!("let {local} = {start};"));
        self.line(&format!("let {name} = : d {{ {local} = {local} + d; return {local}; }};"));
        let value = self.expr(Kind::Num, 1);
        self.line(&format!("for u in 0..4 {{ {name}({value}); {local} = {local} - 1; }}"));
        if let Some(target) = self.exact_var(Kind::Num).filter(|name| name.starts_with('v')) {
            self.line(&format!("{target} = {name}(1);"));
        }
    }
}

struct Mode {
    name: &'static str,
    threshold: u32,
    stress_exits: bool,
    gc_stress: bool,
}

const MODES: [Mode; 5] = [
    Mode { name: "threshold 1", threshold: 1, stress_exits: false, gc_stress: false },
    Mode { name: "threshold 7", threshold: 7, stress_exits: false, gc_stress: false },
    Mode { name: "threshold 30", threshold: 30, stress_exits: false, gc_stress: false },
    Mode { name: "forced exits", threshold: 2, stress_exits: true, gc_stress: false },
    Mode { name: "collection at every allocation", threshold: 1, stress_exits: false, gc_stress: true },
];

fn execute(source: &str, mode: Option<&Mode>) -> (String, Outcome) {
    let compilation = compile_text("t.walrus", source);
    let program = compilation.program.unwrap_or_else(|| panic!("{:?}\n{source}", compilation.diagnostics));
    let program = verify(program).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let mut options = RunOptions {
        max_heap: 1 << 28,
        fuel: None,
        gc_stress: mode.is_some_and(|mode| mode.gc_stress),
        check_facts: false,
        jit: JitSettings::default(),
    };
    if let Some(mode) = mode {
        options.jit.compile = true;
        options.jit.loop_threshold = mode.threshold;
        options.jit.stress_exits = mode.stress_exits;
    }
    let out = Arc::new(Mutex::new(Vec::new()));
    let outcome = run(program, &options, Box::new(Capture { out: Arc::clone(&out) }));
    let text = String::from_utf8_lossy(&out.lock().expect("the program has ended")).into_owned();
    (text, outcome)
}

fn compare(seed: u64) {
    let source = Writer::program(seed);
    let (text, outcome) = execute(&source, None);
    for mode in &MODES {
        let (other_text, other) = execute(&source, Some(mode));
        assert!(
            text == other_text && outcome.status == other.status && outcome.message == other.message,
            "seed {seed}, {}: the interpreter gave status {} and\n{text}{}\nbut native code gave status {} and\n{other_text}{}\nfor\n{source}",
            mode.name,
            outcome.status,
            outcome.message,
            other.status,
            other.message
        );
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_programs_run_alike_in_every_mode() {
    let (first, count) = (number("WALRUS_SEED", 1), number("WALRUS_PROGRAMS", 500));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || (first..first + count).filter(|seed| seed % threads == thread).for_each(compare));
        }
    });
}

/// The generator would prove nothing if its programs never got past their first lines.
#[test]
fn most_random_programs_do_something() {
    let ended = (1..=40).filter(|&seed| execute(&Writer::program(seed), None).1.status == 0).count();
    assert!(ended >= 10, "only {ended} of 40 programs end without an error");
}
