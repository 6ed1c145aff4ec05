//! Loops by what leads to their back edges and by what changes with each iteration: rounds that end with errors,
//! counters and indices that go by other steps than one, fields of objects whose struct changes, and divisions.
//!
//! Each is sometimes long enough for the usual thresholds, whatever its place; nothing in them loops over more than a
//! few items.

use super::{Generator, Kind};

/// Structs that share names of fields, at other places and with other values.
const STRUCTS: [&str; 4] = [
    "struct Near { fn init : self, n { self.a = n; self.b = n * 2; } fn sum : self { return self.a + self.b; } }",
    "struct Far { fn init : self, n { self.z = \"z\"; self.y = 0.5; self.b = n; self.a = n + 1; } fn sum : self { return self.a - self.b; } }",
    "struct Mixed { fn init : self, n { self.b = n * 0.5; self.c = [n]; self.a = n; } fn sum : self { self.a += 1; return self.a; } }",
    "struct Half { fn init : self, n { self.c = n; self.a = 0 - n; } fn sum : self { throw self.a; } }",
];

/// A function that fails for some arguments, in each way there is.
const FAILING: &str = "fn failing : n, k { if n % 5 == k { throw n; } if n % 7 == k { return [1, 2][n]; } if n % 11 == k { return n / (k - k); } \
                       if n % 13 == k { return n - \"text\"; } return n; }";

impl Generator {
    /// What the loops here call and make.
    pub(super) fn definitions_of_rounds(&mut self) {
        self.lines(&STRUCTS);
        self.line(FAILING);
    }

    pub(super) fn rounds(&mut self) -> u64 {
        if self.iterations == 1 && self.random.percent(25) {
            self.random.between(1020, 2400) as u64
        } else {
            self.random.between(3, 60) as u64
        }
    }

    /// The round in which something is seen that no round before has shown: mostly a late one.
    pub(super) fn late_round(&mut self, count: u64) -> u64 {
        match self.random.below(3) {
            0 => count - 1,
            1 => count / 2,
            _ => self.random.below(count),
        }
    }

    /// Ends what [`Self::open_round`] has begun, with the step that it gave.
    pub(super) fn close_round(&mut self, end: Option<String>) {
        if let Some(end) = end {
            self.line(&end);
        }
        self.close();
    }

    /// Opens a loop of some kind over a counter. What is to be written before its end is returned, and whether the
    /// counter is changed first, so that `continue` is harmless.
    pub(super) fn open_round(&mut self, count: u64) -> (String, Option<String>, bool) {
        let i = self.name("i");
        match self.random.below(5) {
            0 => {
                let step = self.random.between(1, 3);
                self.line(&format!("let {i} = 0;"));
                self.open(&format!("while {i} < {count}"));
                self.line(&format!("{i} += {step};"));
                (i, None, true)
            }
            1 => {
                let step = self.random.between(1, 3);
                self.line(&format!("let {i} = 0;"));
                self.open(&format!("while {i} < {count}"));
                (i.clone(), Some(format!("{i} = {i} + {step};")), false)
            }
            2 => {
                let list = self.name("l");
                self.line(&format!("let {list} = []; for k in 0..{count} {{ {list}.push(k); }}"));
                self.open(&format!("for {i} in {list}"));
                (i, None, true)
            }
            _ => {
                self.open(&format!("for {i} in 0..{count}"));
                (i, None, true)
            }
        }
    }

    /// Most rounds, or all, or some, end in a handler: of the loop itself, of one in it, or of one around it.
    pub(super) fn erring_loop(&mut self) {
        let count = self.rounds();
        let total = self.declare(Kind::Int, "v");
        let (list, zero, dict) = (self.name("l"), self.name("z"), self.name("d"));
        self.line(&format!("let {list} = [1, 2, 3]; let {zero} = 0; let {dict} = {{\"a\": 1}};"));
        let (i, end, may_continue) = self.open_round(count);
        let tries = self.random.between(1, 2);
        for _ in 0..tries {
            self.open("try");
            let seldom =
                self.random.pick(&["", "", "", "if @ % 2 == 0 ", "if @ % 3 != 1 ", "if @ % 50 == 7 ", "if @ > 30 "]);
            let seldom = seldom.replace('@', &i);
            let k = self.random.between(0, 4);
            if self.random.percent(50) {
                self.line(&format!("{total} += {i};"));
            }
            let fails = match self.random.below(13) {
                0 | 1 => format!("throw {i};"),
                2 => format!("throw \"{k}\";"),
                3 => format!("{total} += {list}[{i} + {k}];"),
                4 => format!("{total} += {list}[{k} - {i}];"),
                5 => format!("{total} += {i} / {zero};"),
                6 => format!("{total} += {i} % ({i} % 2 - {zero});"),
                7 => format!("{total} += failing({i}, {k});"),
                8 => format!("{total} -= \"x\" - {i};"),
                9 => format!("{total} += {dict}[\"b\"];"),
                10 => format!("{list}[{i}] = {total};"),
                11 => format!("{total} += {list}.missing;"),
                _ => format!("for j in 0..3 {{ if j == {i} % 4 {{ throw j; }} {total} += j; }}"),
            };
            self.line(&format!("{seldom}{{ {fails} }}"));
            if self.random.percent(50) {
                self.line(&format!("{total} = {total} ^ {i};"));
            }
            self.turn("catch e");
            let handled = match self.random.below(6) {
                0 => format!("{total} = {total} * 3 + core.len(core.str(e));"),
                1 => format!("if core.type(e) == \"int\" {{ {total} += e; }}"),
                2 => format!("try {{ throw [e]; }} catch f {{ {total} += f.len(); }}"),
                _ => format!("{total} += 1;"),
            };
            self.line(&handled);
            match self.random.below(12) {
                0..=3 if may_continue => self.line("continue;"),
                4 => self.line(&format!("if {i} == {} {{ break; }}", count - 2)),
                5 => self.line(&format!("if {i} == {} {{ {zero} = 2; {list}.push(4); }}", count / 2)),
                6 => self.line(&format!("if {i} == {} {{ {zero} = \"0\"; }}", count / 2)),
                _ => {}
            }
            self.close();
        }
        if self.random.percent(60) {
            self.line(&format!("{total} += {i} % 3;"));
        }
        self.close_round(end);
        self.line(&format!("println({total}, {list});"));
    }

    /// Indices that go by twos and threes, from either end, from an offset, and by two counters at once.
    pub(super) fn striding_loop(&mut self) {
        let count = self.rounds();
        let (list, t, w) = (self.name("s"), self.declare(Kind::Int, "v"), self.name("w"));
        let element = self.random.pick(&["k", "k", "k * 0.5", "[k, 1]", "k % 3 == 0"]);
        let length = match self.random.below(4) {
            0 => count,
            1 => count * 3,
            _ => count * 2 + 3,
        };
        self.line(&format!("let {list} = []; for k in 0..{length} {{ {list}.push({element}); }}"));
        let step = self.random.between(2, 4);
        let offset = self.random.pick(&["1", "2", "5", "-1", "-2", "-5"]);
        self.line(&format!("let {w} = {offset};"));
        self.open("try");
        let i = self.name("i");
        let (end, upwards) = match self.random.below(4) {
            0 => {
                self.line(&format!("let {i} = 0;"));
                self.open(&format!("while {i} < {count}"));
                (Some(format!("{i} += {step};")), true)
            }
            1 => {
                self.line(&format!("let {i} = {count} - 1;"));
                self.open(&format!("while {i} >= 0"));
                (Some(format!("{i} -= {step};")), false)
            }
            _ => {
                self.open(&format!("for {i} in 0..{count}"));
                (None, true)
            }
        };
        let inner = self.random.percent(20) && count < 100;
        let j = if inner { self.name("j") } else { "1".into() };
        if inner {
            self.open(&format!("for {j} in 0..{step}"));
        }
        for _ in 0..self.random.between(1, 3) {
            let at = match self.random.below(11) {
                0 | 1 => format!("{i} * 2"),
                2 => format!("{i} * 2 + 1"),
                3 => format!("{i} * {step} - {j}"),
                4 => format!("{i} + {w}"),
                5 => format!("{i} - {w}"),
                6 => format!("{count} - {i} - {j}"),
                7 => format!("({i} + {j}) / 2"),
                8 => format!("{i} % {step} + {w}"),
                9 if upwards => format!("{w} * {step} + {i}"),
                _ => format!("{i} + {step}"),
            };
            let use_it = match (element, self.random.below(6)) {
                ("[k, 1]", 0) => format!("{list}[{at}] = [{i}];"),
                ("[k, 1]", _) => format!("{t} += {list}[{at}][0];"),
                ("k % 3 == 0", 0) => format!("{list}[{at}] = not {list}[{i}];"),
                ("k % 3 == 0", _) => format!("if {list}[{at}] {{ {t} += {i}; }}"),
                (_, 0) => format!("{list}[{at}] = {i};"),
                (_, 1) => format!("{list}[{at}] += {list}[{i}];"),
                (_, 2) => {
                    let x = self.name("x");
                    format!("let {x} = {list}[{i}]; {list}[{i}] = {list}[{at}]; {list}[{at}] = {x};")
                }
                _ => format!("{t} += {list}[{at}];"),
            };
            // One more is out of range than need be, so that some loops end with an error and others catch it.
            if self.random.percent(25) {
                self.line(&format!("try {{ {use_it} }} catch e {{ {t} += 1; }}"));
            } else {
                self.line(&use_it);
            }
        }
        if self.random.percent(15) {
            let change =
                self.random.pick(&["@.pop();", "@.push(1);", "@[0] = \"other\";", "@ = [];"]).replace('@', &list);
            self.line(&format!("if {i} == {} {{ {change} }}", count / 2));
        }
        if self.random.percent(30) {
            let change = self.random.pick(&["1", "-1", "0", "2"]);
            self.line(&format!("{w} += {change};"));
        }
        if inner {
            self.close();
        }
        self.close_round(end);
        self.turn("catch e");
        self.line("println(e);");
        self.close();
        self.line(&format!("println({t}, {list}.len(), {w});"));
    }

    /// Fields of objects of two to four structs, read and written at one place.
    pub(super) fn several_structs_loop(&mut self) {
        let count = self.rounds();
        let objects = self.name("o");
        let some = self.random.between(2, 5);
        let items: Vec<String> = (0..some)
            .map(|n| format!("{}({n})", self.random.pick(&["Near", "Near", "Far", "Far", "Mixed", "Half"])))
            .collect();
        self.line(&format!("let {objects} = [{}];", items.join(", ")));
        let total = self.declare(Kind::Int, "v");
        let (i, end, _) = self.open_round(count);
        let x = self.name("x");
        self.line(&format!("let {x} = {objects}[{i} % {objects}.len()];"));
        let guarded = self.random.percent(60);
        if guarded {
            self.open("try");
        }
        for _ in 0..self.random.between(1, 4) {
            let k = self.random.between(2, 5);
            match self.random.below(9) {
                0 | 1 => self.line(&format!("{total} += {x}.a;")),
                2 => self.line(&format!("{total} += {x}.b;")),
                3 => self.line(&format!("{x}.a = {i} - {x}.a;")),
                4 => self.line(&format!("{x}.a += 1;")),
                5 => self.line(&format!("{total} += {x}.sum();")),
                6 => self.line(&format!("if {i} % {k} == 1 {{ {x}.b = {total} % 100; }}")),
                7 => self.line(&format!("{total} += {objects}[0].a - {objects}[-1].a;")),
                _ => self.line(&format!("{x}.late = {i}; {total} += {x}.late;")),
            }
        }
        if guarded {
            self.turn("catch e");
            self.line(&format!("{total} += 1;"));
            self.close();
        }
        if self.random.percent(40) {
            let at = self.random.below(count.max(1));
            let place = self.random.below(some as u64);
            let change = self.random.pick(&["Far(7)", "Half(8)", "Mixed(9)", "{\"a\": 5}", "[1]", "void"]);
            self.line(&format!("if {i} == {at} {{ {objects}[{place}] = {change}; }}"));
        }
        self.close_round(end);
        self.line(&format!("println({total});"));
    }

    /// Float arithmetic of a counter and of what the round before left, with divisions.
    pub(super) fn dividing_loop(&mut self) {
        let count = self.rounds();
        let (sum, a, b, list) = (self.name("q"), self.name("q"), self.name("q"), self.name("q"));
        let start = self.random.pick(&["0.0", "-0.0", "1.0", "0.5", "-3.0"]);
        self.line(&format!("let {sum} = {start}; let {a} = 1.0; let {b} = 0.5; let {list} = [];"));
        self.line(&format!("for k in 0..{count} {{ {list}.push(k - 2.0); }}"));
        let (i, end, _) = self.open_round(count);
        let mut known = vec![i.clone(), a.clone(), b.clone(), sum.clone(), "2.0".into(), "-1.0".into()];
        for _ in 0..self.random.between(2, 6) {
            let x = self.name("q");
            let [left, right] = [(); 2].map(|()| known[self.random.below(known.len() as u64) as usize].clone());
            let value = match self.random.below(10) {
                0..=3 => format!("({left} * 1.0) / ({right} + 0.5)"),
                4 => format!("{left} / {list}[{i}]"),
                5 => format!("{left} * {right}"),
                6 => format!("{left} - {right}"),
                7 => format!("1.0 / {i}"),
                8 => format!("{left} * 2.0"),
                _ => format!("{left} + {right} * 0.25"),
            };
            self.line(&format!("let {x} = {value};"));
            known.push(x);
        }
        let last = known.last().expect("it is not empty").clone();
        self.line(&format!("{sum} = {sum} + {last};"));
        match self.random.below(8) {
            0 => {
                let c = self.name("q");
                self.line(&format!("let {c} = {a}; {a} = {b}; {b} = {c};"));
            }
            1 => self.line(&format!("{a} = {last};")),
            2 => self.line(&format!("{list}[{i}] = {last};")),
            3 => self.line(&format!("if {i} == {} {{ break; }}", count / 2)),
            4 => self.line(&format!("if {last} > 1000.0 {{ {b} = 0; }}")),
            _ => {}
        }
        self.close_round(end);
        self.line(&format!("println({sum}, {a}, {b}, {list}[0], {list}[-1]);"));
    }
}
