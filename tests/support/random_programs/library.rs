//! The library in hot loops: here methods of lists that call functions, in [`super::values`] the rest.
//!
//! The functions are lambdas that stand in the loop, named ones, methods bound to a receiver, functions of the library,
//! and closures that others have made. Some throw, some change what they are called on, or variables around them, or go
//! over lists in turn. Numbers are now and then at the limits of what a float holds exactly, and of an int.

use super::Generator;

const DEFINITIONS: [&str; 16] = [
    "struct Lib { fn init : self, k { self.k = k; self.seen = []; self.n = 0; } fn twice : self, x { return x * self.k; } \
     fn over : self, x { return x > self.k; } fn keep : self, x { self.seen.push(x); if self.seen.len() > 6 { self.seen.clear(); } return self.seen.len() % 2 == 0; } \
     fn count : self, x { self.n += 1; return self.n; } fn pure : x { return x; } fn fails : self, x { if x == self.k { throw x; } return x; } \
     fn all : self, xs { return xs.map(: x { self.n += 1; return x + self.k; }); } }",
    "let lib_count = 0; let lib_list = [1, 2, 3];",
    "fn lib_double : x { return x * 2; } fn lib_even : x { return x % 2 == 0; } fn lib_square : x { return x ** 2; }",
    "fn lib_fails : x { if x == 3 { throw x; } return x; } fn lib_divides : x { return 12 / x; }",
    "fn lib_counts : x { lib_count = (lib_count + 1) % 1000; return x > lib_count % 3; }",
    "fn lib_add : a, b { return a + b; } fn lib_larger : a, b { if a < b { return b; } return a; } fn lib_last : a, b { return b; }",
    "fn lib_maker : k { return : x { k = (k + 1) % 100; return x + k; }; } fn lib_both : k { return [: x { k += x; return k; }, : x { return k; }]; }",
    "fn lib_default : x, y = 2 { return x + y; } fn lib_order : a, b { return core.int(a > b) - core.int(a < b); }",
    "fn lib_tail : xs, k { return xs.map(: x { return x + k; }); } fn lib_sum : xs { return xs.reduce(lib_add, 0); } fn lib_none : xs { return xs.any(: x { return false; }); }",
    "fn lib_tree : n { if n <= 0 { return 1; } return [n - 1, n - 2].map(lib_tree).sum(); }",
    "async fn lib_task : x { if x == 3 { throw x; } return x + 1; } fn lib_waits : x { return await lib_task(x); }",
    "fn lib_pass : f, x { return f(x); } fn lib_len : x { return x.len(); } fn lib_deep : n { if n <= 0 { return 0; } return 1 + lib_deep(n - 1); }",
    "fn lib_ends : n, k { if n <= 0 { return 12 / n; } return k + lib_ends(n - 1, k); }",
    "fn lib_any : x, n { let k = 0; while k < n { k += 1; if x == k { k += 1; } } return x + x; }",
    "fn lib_find : xs, x { return xs.find_index(: y { return y == x; }); } fn lib_twice : f, x { return f(f(x)); }",
    "fn lib_long : x { let s = x; for j in 0..3 { if j == 2 { continue; } s = s + j; } let u = s; if u == 7 { u = 8; } else { u = u + 1; } return u - 1; }",
];

/// What lists are made of: of one kind mostly, and at the limits of it.
const ITEMS: [&[&str]; 9] = [
    &["1", "2", "3", "4", "0", "-1", "7", "12"],
    &["1", "2", "3", "4", "0", "-1", "7", "12"],
    &["140737488355327", "-140737488355328", "281474976710655", "281474976710656", "3", "-281474976710657"],
    &["9223372036854775807", "-9223372036854775808", "4611686018427387904", "9007199254740993", "-1", "3", "2"],
    &["0.5", "1.5", "-2.25", "3.0", "-0.0", "0.0", "1e9"],
    &["1e300", "-1e300", "9007199254740992.0", "9223372036854775807.0", "-0.0", "1e-300", "2.0"],
    &["1", "2.0", "3", "-0.0", "0.5", "9007199254740993"],
    &["true", "false", "true"],
    &["\"a\"", "\"bc\"", "\"\"", "\"é\"", "\"12\""],
];

/// The names of a loop of this part.
struct Names {
    i: String,
    /// The lists.
    xs: String,
    ys: String,
    total: String,
    /// What was made last.
    made: String,
    /// A variable that functions change.
    seen: String,
    object: String,
    /// A function.
    f: String,
}

impl Generator {
    pub(super) fn definitions_of_the_library(&mut self) {
        self.lines(&DEFINITIONS);
        self.has_more_modules = self.random.percent(4);
        if self.has_more_modules {
            for module in ["path", "regex", "time", "http"] {
                self.line(&format!("import \"std/{module}\" as {module};"));
            }
            self.line("import \"std/json\" as json;");
        }
    }

    pub(super) fn library_loop(&mut self) {
        if self.iterations == 1 && self.random.below(100) == 0 {
            return self.large_loop();
        }
        if self.has_more_modules && self.random.percent(40) {
            return self.more_modules_loop();
        }
        match self.random.below(21) {
            0..=7 => self.list_functions_loop(),
            8..=11 => self.numbers_loop(),
            12..=14 => self.texts_loop(),
            15..=18 => self.conversions_loop(),
            _ => self.dict_functions_loop(),
        }
    }

    pub(super) fn items(&mut self, choices: &[&str], low: i64, high: i64) -> String {
        let count = self.random.between(low, high);
        let items: Vec<&str> = (0..count).map(|_| self.random.pick(choices)).collect();
        format!("[{}]", items.join(", "))
    }

    /// In a `try` of its own, or not; what is caught shows in the total.
    pub(super) fn guarded(&mut self, line: &str, total: &str) {
        if self.random.percent(60) {
            self.line(&format!("try {{ {line} }} catch e {{ {total} += core.len(core.str(e)); }}"));
        } else {
            self.line(line);
        }
    }

    /// Begins a loop of this part: what may end it is caught around it.
    pub(super) fn open_library_round(&mut self, count: u64) -> (String, Option<String>) {
        self.open("try");
        let (i, end, _) = self.open_round(count);
        (i, end)
    }

    pub(super) fn close_library_round(&mut self, end: Option<String>) {
        self.close_round(end);
        self.turn("catch e");
        self.line("println(e);");
        self.close();
    }

    /// A function of one argument, which lists are given.
    fn function_of_item(&mut self, names: &Names, depth: u32) -> String {
        let Names { i, xs, ys, seen, object, f, .. } = names;
        let x = self.name("x");
        let k = self.random.between(-1, 4);
        let form = match self.random.below(44) {
            0 => format!(": {x} {{ return {x} + {i}; }}"),
            1 => format!(": {x} {{ return {x} * 2 - {k}; }}"),
            2..=4 => format!(": {x} {{ return {x} > {k}; }}"),
            5 => format!(": {x} {{ return {x} % 2 == {k}; }}"),
            6 => format!(": {x} {{ {seen} = {seen} + 1; return {x}; }}"),
            7 => format!(": {x} {{ {seen} = {seen} ^ {i}; return {seen} % 3 == 0; }}"),
            8 => format!(": {x} {{ {seen} = {x}; return {seen}; }}"),
            9 => format!(": {x} {{ if {x} == {k} {{ throw {x}; }} return {x}; }}"),
            10 => format!(": {x} {{ if {i} % 5 == 4 {{ throw \"{k}\"; }} return {x}; }}"),
            11 => format!(": {x} {{ if {xs}.len() < 6 {{ {xs}.push({i} % 5); }} return {x}; }}"),
            12 => format!(": {x} {{ if {xs}.len() > 2 {{ {xs}.pop(); }} return {x}; }}"),
            13 => format!(": {x} {{ {xs}[0] = {i} % 7; return {x}; }}"),
            14 => format!(": {x} {{ if {i} % 9 == 8 {{ {xs}[-1] = 0.5; }} return {x}; }}"),
            15 => format!(": {x} {{ if {i} % 9 == 8 {{ {xs}.clear(); }} return {x}; }}"),
            16 => format!(": {x} {{ {xs} = {ys}; return {x}; }}"),
            17 if depth > 0 => {
                let y = self.name("y");
                format!(": {x} {{ return {ys}.map(: {y} {{ return {x} + {y}; }}).len(); }}")
            }
            18 if depth > 0 => {
                let y = self.name("y");
                format!(": {x} {{ return {ys}.any(: {y} {{ return {x} == {y}; }}); }}")
            }
            19 if depth > 0 => {
                let (a, b) = (self.name("a"), self.name("b"));
                format!(": {x} {{ return {ys}.reduce(: {a}, {b} {{ return {a} + {b}; }}, {x}); }}")
            }
            20 if depth > 0 => {
                let inner = self.call_of_list(names, depth - 1);
                format!(": {x} {{ let r = {inner}; return r; }}")
            }
            21 => format!(": {x} {{ return [{x}, {i}]; }}"),
            22 => format!(": {x} {{ return ({x}, {x}); }}"),
            23 => format!(": {x} {{ let s = 0; for j in 0..3 {{ s = s + {x}; }} return s; }}"),
            24 => format!(": {x} {{ return core.str({x}); }}"),
            25 => format!(": {x} {{ return if {x} > {k} {{ \"a\" }} else {{ 2 }}; }}"),
            26 => format!(": {x} {{ if {x} == {k} {{ return; }} return {x} * 0.5; }}"),
            27 => format!(": {x} {{ try {{ return 12 / {x}; }} catch e {{ return {k}; }} }}"),
            28 => format!(": {x} {{ return : y {{ return {x}; }}; }}"),
            29 => format!(": {x} {{ return Lib({x}); }}"),
            30 => format!(": {x} {{ return {object}.twice({x}) + {k}; }}"),
            31 => format!(": {x} {{ {object}.n = {object}.n + 1; return {object}.n; }}"),
            32 => format!(": {x} {{ return -{x}; }}"),
            33 => format!(": {x} {{ return not {x}; }}"),
            34 => self.random.pick(&["lib_double", "lib_even", "lib_square", "lib_counts", "lib_long"]).to_owned(),
            35 => self.random.pick(&["lib_fails", "lib_divides", "lib_default", "lib_double"]).to_owned(),
            36 => format!("{object}.{}", self.random.pick(&["twice", "over", "keep", "count", "fails"])),
            37 => self
                .random
                .pick(&["core.str", "core.int", "core.type", "math.floor", "math.sqrt", "math.abs", "core.len"])
                .to_owned(),
            38 => format!("lib_maker({k})"),
            39 => format!("lib_both({k})[{i} % 2]"),
            40 if self.random.percent(50) => "lib_waits".into(),
            40 => self.random.pick(&["lib_add", "3", "Lib", "void", "\"f\""]).to_owned(),
            _ => f.clone(),
        };
        if form.starts_with(':') && self.random.percent(6) { format!("(: {{ return {form}; }})()") } else { form }
    }

    /// A call of a method of a list that is given a function, in a form that shows what came of it.
    fn call_of_list(&mut self, names: &Names, depth: u32) -> String {
        let Names { i, xs, ys, seen, .. } = names;
        let list = match self.random.below(12) {
            0 | 1 => ys.clone(),
            2 => format!("[{i}, {i} + 1, {i} % 3]"),
            3 => format!("{xs}[0..2]"),
            4 => format!("{xs}.copy()"),
            5 => "lib_list".into(),
            _ => xs.clone(),
        };
        let f = self.function_of_item(names, depth);
        match self.random.below(34) {
            0..=3 => format!("{list}.map({f})"),
            4 => format!("{list}.map({f}).len()"),
            5 => format!("{list}.map({f})[0]"),
            6 => format!("{list}.map({f}).sum()"),
            7..=9 => format!("{list}.filter({f})"),
            10 => format!("{list}.filter({f}).map(lib_double)"),
            11 => format!("{list}.reduce(lib_add, {i})"),
            12 => {
                let (a, b, k) = (self.name("a"), self.name("b"), self.random.between(0, 3));
                let body = match self.random.below(8) {
                    0 => format!("return {a} + {b};"),
                    1 => format!("return {a} * {b} + {k};"),
                    2 => format!("if {b} == {k} {{ throw {a}; }} return {b};"),
                    3 => format!("{seen} = {seen} + 1; return {a};"),
                    4 => format!("if {xs}.len() < 6 {{ {xs}.push({k}); }} return {b};"),
                    5 => format!("return if {a} < {b} {{ {a} }} else {{ {b} }};"),
                    6 => format!("return [{a}, {b}].len() + {k};"),
                    _ => format!("return {a} + {b} * 0.5;"),
                };
                let start = self.random.pick(&["0", "1", "0.0", "-0.0", "\"\"", "9223372036854775807", "true"]);
                format!("{list}.reduce(: {a}, {b} {{ {body} }}, {start})")
            }
            13 => format!("{list}.reduce({}, 0)", self.random.pick(&["lib_add", "lib_larger", "lib_last", "math.max"])),
            14 | 15 => format!("{list}.any({f})"),
            16 | 17 => format!("{list}.all({f})"),
            18 | 19 => format!("{list}.find({f})"),
            20 | 21 => format!("{list}.find_index({f})"),
            22 => format!("{list}.min_by({f})"),
            23 => format!("{list}.max_by({f})"),
            24 => format!("{list}.group_by({f})"),
            25 => format!("{list}.flat_map({f})"),
            26 => {
                let x = self.name("x");
                format!("{list}.flat_map(: {x} {{ return [{x}, {x}]; }})")
            }
            27 => format!("lib_tail({list}, {i})"),
            28 => format!("{}({list})", self.random.pick(&["lib_sum", "lib_none", "core.len"])),
            29 => format!("lib_find({list}, {i} % 4)"),
            30 => format!("lib_tree({i} % 4)"),
            31 => format!("{}.all({list})", names.object),
            32 => format!("lib_twice({f}, {i} % 3)"),
            _ => format!("{list}.map({f}).filter(: x {{ return x; }})"),
        }
    }

    fn list_functions_loop(&mut self) {
        let count = self.rounds();
        let [t, xs, ys, made, seen, o, f] = ["lt", "lx", "ly", "lm", "ls", "lo", "lf"].map(|stem| self.name(stem));
        let kind = ITEMS[self.random.below(ITEMS.len() as u64) as usize];
        let other = ITEMS[self.random.below(2) as usize * 4];
        let most = if count > 1000 { 4 } else { 8 };
        let (first, second) = (self.items(kind, 0, most), self.items(other, 1, 3));
        let function = self.random.pick(&["lib_double", "lib_even", ": x { return x; }", "lib_maker(1)", "core.str"]);
        self.line(&format!("let {t} = 0; let {xs} = {first}; let {ys} = {second}; let {made} = void; let {seen} = 0;"));
        let k = self.random.pick(&["1", "2", "0.5", "3"]);
        self.line(&format!("let {o} = Lib({k}); let {f} = {function};"));
        let (i, end) = self.open_library_round(count);
        let late = self.late_round(count);
        let names = Names {
            i: i.clone(),
            xs: xs.clone(),
            ys: ys.clone(),
            total: t.clone(),
            made: made.clone(),
            seen: seen.clone(),
            object: o.clone(),
            f: f.clone(),
        };
        for _ in 0..self.random.between(1, if count > 1000 { 3 } else { 5 }) {
            self.list_functions_line(&names);
        }
        if self.random.percent(40) {
            self.line(&format!("if {xs}.len() == 0 {{ {xs} = {first}; }}"));
        }
        if self.random.percent(60) {
            let change = match self.random.below(10) {
                0 => format!("{xs} = [0.5, -0.0];"),
                1 => format!("{xs}.push(\"late\");"),
                2 => format!("{f} = lib_fails;"),
                3 => format!("{f} = : x {{ return {seen}; }};"),
                4 => format!("{o}.k = 0.5;"),
                5 => format!("{o}.twice = : x {{ return 1; }};"),
                6 => format!("{xs} = (1, 2);"),
                7 => format!("{ys} = [];"),
                8 => format!("{seen} = 0.5;"),
                _ => format!("{xs}.push(9223372036854775807);"),
            };
            self.line(&format!("if {i} == {late} {{ {change} println({made}); }}"));
        }
        self.line(&format!("{t} = {t} % 1000003;"));
        self.close_library_round(end);
        self.line(&format!(
            "println({t}, {xs}, {seen}, {o}.n, {o}.seen, core.len(core.str({made})), lib_count, lib_list.len());"
        ));
    }

    fn list_functions_line(&mut self, names: &Names) {
        let Names { i, xs, ys, total: t, made, f, .. } = names;
        let line = match self.random.below(36) {
            0..=8 => {
                let call = self.call_of_list(names, 2);
                format!("{made} = {call}; {t} += core.len(core.str({made}));")
            }
            9 | 10 => {
                let call = self.call_of_list(names, 1);
                format!("{t} += {call};")
            }
            11 | 12 => {
                let call = self.call_of_list(names, 1);
                format!("if {call} {{ {t} += 1; }} else {{ {t} += 2; }}")
            }
            13 => {
                let (x, call) = (self.name("x"), self.call_of_list(names, 1));
                format!("for {x} in {call} {{ {t} += core.len(core.str({x})); if {t} % 7 == 3 {{ break; }} }}")
            }
            14 => format!("let fs = {xs}.map(: x {{ return : y {{ return x + y; }}; }}); {t} += fs[0]({i});"),
            15 => {
                let by = self.random.pick(&[
                    "",
                    "",
                    "lib_order",
                    ": a, b { return lib_order(b, a); }",
                    ": a, b { return 0; }",
                ]);
                format!("let c = {xs}.copy(); c.sort({by}); {made} = c; {t} += core.len(core.str(c));")
            }
            16 => {
                let key = self.function_of_item(names, 0);
                format!("let c = {ys}.copy(); c.sort_by({key}); {made} = c; {t} += c.len();")
            }
            17 => format!("for a, b in {xs}.zip({ys}) {{ {t} += core.len(core.str(a)) + core.int(b == a); }}"),
            18 => format!("for k, x in {xs}.enumerate() {{ if x == k {{ {t} += k; }} }}"),
            24 | 25 => {
                let value = self.random.pick(&[
                    "2",
                    "0.5",
                    "true",
                    "void",
                    "\"a\"",
                    "(1, 2)",
                    "0..3",
                    "{1: 2}",
                    "lib_add",
                    "Lib",
                    "Lib(1)",
                    "math",
                    "lib_task(0)",
                ]);
                // From a list, so that nothing is known of it when the program is compiled.
                let form = self.random.pick(&[
                    "if $ in v { @ += 1; } if v == # { @ += 2; } if not v { @ += 3; }",
                    "if 1 in v { @ += 1; }",
                    "if 1 in v { @ += 1; }",
                    "for w in v { @ += core.len(core.str(w)); if v { break; } }",
                    "@ += core.len(core.str(-v));",
                    "@ += v.pure($);",
                    "if v != v { @ += 1; } if [v] == [#] { @ += 2; } @ += core.len(core.repr(v));",
                ]);
                format!("let v = [{value}][0]; {}", form.replace('@', t).replace('$', i).replace('#', &names.seen))
            }
            23 | 26 | 30..=35 => {
                let form = self.random.pick(&[
                    "@ += lib_default($);",
                    "@ += lib_default($, 3);",
                    "@ += Lib.pure($);",
                    "@ += [Lib][0].pure($) + [Lib, Pt][$ % 2](1, 2).k;",
                    "let s = Lib; @ += s($).k;",
                    "let s = [Lib][0]; @ += s.pure($);",
                    "struct Of { fn get : self, a { return a + #; } } @ += Of().get($);",
                    "struct In { fn init : self, a { self.a = a + #; } fn get : self { return self.a; } } @ += In(2).get();",
                    "@ += core.len(core.str(lib_pass(&, $)));",
                    "@ += lib_pass(lib_double, $) + lib_pass(: x { return x + $; }, 1);",
                    "@ += core.len(core.str(lib_pass(core.str, $))) + lib_pass(Lib, $).k;",
                    "@ += lib_len(^) + lib_len(\"abc\") + lib_len((1, 2));",
                    "let r = 0..$ % 5; for q in r { @ += q; } @ += r.len() + core.int(r.contains(2)); if r == 0..3 { @ += 1; }",
                    "let r = ($, 2); @ += r.len() + r.index_of(2) + core.int(r.contains($)); if r { @ += r[0]; }",
                    "for a, b in [($, 1), [2, 3], \"xy\", 0..2] { @ += core.len(core.str(a)); }",
                    "let b = $ % 2 == 0; if b != ($ % 3 == 0) { @ += 1; } if b == true { @ += 2; }",
                    "let m = [math, core][$ % 2]; if m == [core][0] { @ += 1; } if m != [math][0] { @ += 2; }",
                    "let s = [Lib, Pt][$ % 2]; if s == [Lib][0] { @ += 1; } if s != [Pt][0] { @ += 2; } if s { @ += 3; }",
                    "let v = [void][0]; if v != [void][$ % 1] { @ += 1; } if v == # { @ += 2; }",
                    "let f = [lib_add, lib_last][$ % 2]; if f { @ += 1; } if f == lib_add { @ += f(1, 2); } if [lib_last][0] { @ += 3; }",
                    "let b = [$ % 2 == 0][0]; if b != ($ % 3 == 0) { @ += 1; } if (b == [true][0]) != false { @ += 2; }",
                    "if void != # and # != void { @ += 1; } if lib_add == lib_double { @ += 9; } if lib_add { @ += 1; } if Lib { @ += 1; }",
                    "core.gc_threshold(8000000);",
                    "@ += lib_deep($ % 9);",
                    "try { @ += lib_ends($ % 4, 1); } catch e { @ += 1; }",
                    "@ += core.len(core.str(lib_any([$, $ * 0.5, \"s\", [$], (1, $), {$: 1}, 0..$][$ % 6], 4)));",
                    "@ += core.len(core.str(lib_any([$, $ * 0.5, \"s\", [$], (1, $), {$: 1}][$ % 6], 2)));",
                    "let one = [0] * ($ % 9); @ += one.len() + ([$] * 3).sum() + (one * 2).len() + (^ * ($ % 3)).len(); one.push($); @ += one.pop();",
                    "@ += ($ % 4) ** ($ % 5) + ($ - 3) ** 2;",
                ]);
                let made_of = form.replace('@', t).replace('$', i).replace('#', &names.seen);
                made_of.replace('&', f).replace('^', xs)
            }
            19 | 27..=28 => {
                let form = self.random.pick(&[
                    "@.zip(#)",
                    "@.enumerate()",
                    "@.chunks(2)",
                    "@.unique()",
                    "@.reversed()",
                    "@.sorted()",
                    "@.first()",
                    "@.last()",
                    "@.min()",
                    "@.max()",
                    "@.sum()",
                    "@.count(1)",
                    "@.index_of(2)",
                    "@.contains(3)",
                    "@.join(\"-\")",
                    "@.copy()",
                    "@.zip(@).len()",
                    "@.chunks($)",
                    "(@ + #).unique()",
                    "@ * 2",
                    "2 * #",
                    "@[0..1]",
                    "@[$..-1]",
                    "@ == #",
                    "@ < #",
                    "@ in [#]",
                    "$ in @",
                ]);
                let made_of = form.replace('@', xs).replace('#', ys).replace('$', &format!("({i} % 4)"));
                format!("{made} = {made_of}; {t} += core.len(core.str({made}));")
            }
            20 => {
                let change = self.random.pick(&[
                    "@.insert(0, $);",
                    "@.insert(-1, $);",
                    "@.remove(0);",
                    "@.reverse();",
                    "@.extend([$]);",
                    "@.extend(#);",
                    "@.push($);",
                    "@.pop();",
                    "@.extend(0..2);",
                    "@[0], @[-1] = @[-1], @[0];",
                ]);
                let change = change.replace('@', xs).replace('#', ys).replace('$', &format!("({i} % 6)"));
                format!("{change} if {xs}.len() > 7 {{ {xs}.clear(); {xs}.push({i}); }} {t} += {xs}.len();")
            }
            21 if self.random.percent(40) => self
                .random
                .pick(&[
                    "@ += await lib_task($);",
                    "@ += lib_waits($ % 9);",
                    "lib_task(0);",
                    "let lk = lib_task(1); @ += core.len(core.str(lk == lk)) + core.len(core.str(lib_task(2) != lk));",
                ])
                .replace('@', t)
                .replace('$', i),
            21 => format!("{t} += core.len(core.str({f}({i} % 5)));"),
            22 => {
                format!("{f} = if {i} % 3 == 0 {{ lib_double }} else {{ : x {{ return x + {i}; }} }}; {t} += {f}(2);")
            }
            _ => format!("{ys}.push({i}); if {ys}.len() > 4 {{ {ys}.remove(0); }} {t} += {ys}[-1];"),
        };
        let line = format!("{{ {line} }}");
        self.guarded(&line, t);
    }

    /// A loop that is too large to be native, or nearly so.
    fn large_loop(&mut self) {
        let (t, i) = (self.name("lt"), self.name("i"));
        self.line(&format!("let {t} = 1;"));
        self.open(&format!("for {i} in 0..12"));
        let cost = self.cost;
        let lines = self.random.pick(&["3", "400", "1500"]);
        for _ in 0..lines.parse().expect("a number") {
            let k = self.random.between(2, 9);
            self.line(&format!("{t} = ({t} * {k} + {i}) % 1009;"));
        }
        if self.random.percent(50) {
            // Literals that are made piece by piece.
            let items = vec![format!("{i} + 1"); 70].join(", ");
            let entries: Vec<String> = (0..70).map(|key| format!("{key}: {i}")).collect();
            self.line(&format!("{t} += [{items}].sum() + ({items}).len() + {{{}}}.len();", entries.join(", ")));
        }
        self.cost = cost;
        self.close();
        self.line(&format!("println({t});"));
    }
}
