//! Functions on numbers, methods of texts and dicts, and conversions, in hot loops: a part of
//! [what the library has](super::library).

use super::Generator;

const NUMBERS: [&str; 26] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "10",
    "0.0",
    "-0.0",
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "-2.5",
    "0.49999999999999994",
    "100.0",
    "1e15",
    "1e300",
    "-1e-300",
    "(0.0 / 0.0)",
    "(1.0 / 0.0)",
    "(-1.0 / 0.0)",
    "9007199254740993",
    "281474976710656",
    "9223372036854775807",
    "(-9223372036854775808)",
    "4503599627370497.5",
];

const TEXTS: [&str; 14] =
    ["", "a", "abc", "a b  c ", " 12 ", "-7", "3.5", "1e3", "aXbXc", "日本語", "éa", "q😀r", "AbC", "0x1"];

impl Generator {
    /// Functions of other modules whose result depends on their arguments alone. The oracle has none of them.
    pub(super) fn more_modules_loop(&mut self) {
        let count = self.rounds().min(200);
        let (t, made) = (self.name("mt"), self.name("mm"));
        self.line(&format!("let {t} = 0; let {made} = void;"));
        let (i, end) = self.open_library_round(count);
        let lines = self.random.between(4, 9);
        let forms = [
            "path.join(\"a\", f\"{$}\")",
            "path.base(f\"a/{$}.b\")",
            "path.dir(f\"a/{$}\")",
            "path.stem(f\"a/{$}.b\")",
            "path.ext(f\"a/{$}.b\")",
            "path.normalize(f\"a/../{$}//b\")",
            "path.is_absolute(f\"/{$}\")",
            "regex.matches(\"[0-4]\", f\"{$}\")",
            "regex.find(\"(1)(2)?\", f\"{$}\")",
            "regex.find_all(\"[12]\", f\"{$}\")",
            "regex.split(\"1\", f\"{$}\")",
            "regex.replace(\"1\", f\"{$}\", \"x\")",
            "regex.replace(\"1\", f\"{$}\", : m { return m.text + \"y\"; })",
            "regex.matches(\"(\", f\"{$}\")",
            "time.format($ * 86400000, \"%F\")",
            "time.parse(\"2024-01-02\", \"%F\") + $",
            "time.parts($ * 1000)",
            "http.parse_request_line(f\"GET /{$} HTTP/1.1\")",
            "http.parse_query(f\"a={$}&b=2\")",
            "http.parse_query_pairs(f\"a={$}&a=2\")",
            "http.encode_query({\"a\": f\"{$}\"})",
            "http.normalize_path(f\"/a/../{$}\")",
            "http.match_route(\"/a/:b\", f\"/a/{$}\")",
            "http.status_text(200 + $)",
            "http.response(200, f\"{$}\")",
            "http.response_with_headers(200, f\"{$}\", {\"x\": \"y\"})",
            "http.make_response(200, f\"{$}\")",
            "http.make_response_with_headers(200, f\"{$}\", {\"x\": \"y\"})",
            "http.serialize_response(http.make_response(200, f\"{$}\"))",
            "json.encode([$, 0.5], 2)",
            "json.decode(f\"[{$}, 1.5]\")",
        ];
        self.keep_forms(lines, &forms, ["", &i, &made, &t]);
        self.close_library_round(end);
        self.line(&format!("println({t}, {made});"));
    }

    /// So many lines that keep what one of the forms gives: `@` stands for the value at hand, `$` for the counter.
    fn keep_forms(&mut self, lines: i64, forms: &[&str], [value, counter, made, total]: [&str; 4]) {
        for _ in 0..lines {
            let form = self.random.pick(forms).replace('@', value).replace('$', counter);
            self.guarded(&format!("{made} = {form}; {total} += core.len(core.str({made}));"), total);
        }
    }

    /// A number that is known only when the loop runs.
    fn some_number(&mut self, names: [&str; 4]) -> String {
        let [i, ns, x, n] = names;
        match self.random.below(12) {
            0 | 1 => i.to_owned(),
            2 | 3 => x.to_owned(),
            4 | 5 => n.to_owned(),
            6 | 7 => format!("{ns}[{i} % {ns}.len()]"),
            8 => format!("({i} * 0.25 - 2.0)"),
            9 => format!("({x} + {i})"),
            10 => format!("({i} - 3)"),
            _ => self.random.pick(&NUMBERS).to_owned(),
        }
    }

    /// Functions on numbers, and arithmetic at the limits of floats and ints.
    pub(super) fn numbers_loop(&mut self) {
        let count = self.rounds();
        let [t, ns, x, n, made] = ["nt", "nn", "nx", "ni", "nm"].map(|stem| self.name(stem));
        let numbers = match self.random.below(4) {
            0 => self.items(&["1", "2", "-3", "281474976710656", "9223372036854775807", "-9223372036854775808"], 1, 5),
            1 => self.items(&NUMBERS, 1, 6),
            _ => self.items(&["0.5", "1.5", "-2.5", "-0.0", "3.0", "0.25"], 1, 5),
        };
        let (start, other) = (self.random.pick(&["0.5", "1.0", "-0.0", "2"]), self.random.pick(&NUMBERS));
        self.line(&format!("let {t} = 0; let {ns} = {numbers}; let {x} = {start}; let {n} = {other}; let {made} = 0;"));
        let random = self.random.percent(12);
        if random {
            self.line(&format!("math.seed({count});"));
        }
        let (i, end) = self.open_library_round(count);
        let late = self.late_round(count);
        for _ in 0..self.random.between(2, 6) {
            let names = [&*i, &ns, &x, &n];
            let [a, b, c] = [(); 3].map(|()| self.some_number(names));
            let one = self.random.pick(&[
                "abs",
                "sign",
                "floor",
                "ceil",
                "round",
                "trunc",
                "fract",
                "sqrt",
                "cbrt",
                "sin",
                "cos",
                "tan",
                "asin",
                "acos",
                "atan",
                "exp",
                "ln",
                "log2",
                "log10",
                "degrees",
                "radians",
                "is_finite",
                "is_nan",
                "is_inf",
            ]);
            let two = self.random.pick(&["min", "max", "min", "max", "pow", "hypot", "atan2", "log"]);
            let value = match self.random.below(26) {
                0..=5 if random => self
                    .random
                    .pick(&[
                        "math.rand_int(0, 9)",
                        "math.rand_float()",
                        "math.rand_bool()",
                        "math.rand_range(-1, 2.5)",
                        "math.rand_int(3, 2)",
                    ])
                    .to_owned(),
                22 => format!("core.int(math.floor({a}))"),
                0..=7 => format!("math.{one}({a})"),
                8..=11 => format!("math.{two}({a}, {b})"),
                12 => format!("math.clamp({a}, {b}, {c})"),
                13 => format!("math.clamp({a}, -1, 2)"),
                14 => format!("math.lerp({a}, {b}, {c})"),
                15 | 25 => format!("math.{}()", self.random.pick(&["pi", "e", "tau", "inf", "nan"])),
                16 => format!("{a} ** {}", self.random.pick(&["2", "3", "0", "-1", "0.5", "2.0", "63", "64"])),
                17 => format!("{a} ** {b}"),
                18 => format!("{a} {} {b}", self.random.pick(&["%", "/", "*", "-", "+"])),
                19 => format!("{a} {} {b}", self.random.pick(&["<", "<=", ">", ">=", "==", "!="])),
                20 => format!("core.int({a})"),
                21 => format!("core.float({a})"),
                24 => format!("{a} {} {b}", self.random.pick(&["<<", ">>", "&", "|", "^"])),
                _ => format!("{x} * 0.5 + math.{one}({a})"),
            };
            let keeps = match self.random.below(8) {
                0 => format!("{x} = {value}; if {x} > 1e6 or {x} < -1e6 {{ {x} = 0.5; }}"),
                1 => format!("{n} = {value};"),
                2 => format!("if {value} {{ {t} += 1; }}"),
                3 => format!("{made} = [{value}, {a}];"),
                4 => format!("{t} += core.len(f\"{{{value}}}\");"),
                _ => format!("{made} = {value}; {t} += core.len(core.str({made}));"),
            };
            self.guarded(&keeps, &t);
        }
        if self.random.percent(40) {
            let change = self.random.pick(&[
                "@.push(0.5);",
                "@.push(9223372036854775807);",
                "@ = [1];",
                "@[0] = -1;",
                "@.push(\"1\");",
            ]);
            self.line(&format!("if {i} == {late} {{ {} }}", change.replace('@', &ns)));
        }
        self.close_library_round(end);
        self.line(&format!("println({t}, {x}, {n}, {made});"));
    }

    /// Methods of texts.
    pub(super) fn texts_loop(&mut self) {
        let count = self.rounds().min(300);
        let [t, ss, made] = ["tt", "ts", "tm"].map(|stem| self.name(stem));
        let texts: Vec<String> =
            (0..self.random.between(1, 5)).map(|_| format!("\"{}\"", self.random.pick(&TEXTS))).collect();
        self.line(&format!("let {t} = 0; let {ss} = [{}]; let {made} = void;", texts.join(", ")));
        let (i, end) = self.open_library_round(count);
        let s = self.name("s");
        self.line(&format!("let {s} = {ss}[{i} % {ss}.len()];"));
        let lines = self.random.between(2, 5);
        let forms = [
            "@.len()",
            "@.upper()",
            "@.lower()",
            "@.trim()",
            "@.trim_start()",
            "@.trim_end()",
            "@.split(\"X\")",
            "@.split()",
            "@.split(\"\")",
            "@.contains(\"b\")",
            "@.starts_with(\"a\")",
            "@.ends_with(\"c\")",
            "@.replace(\"a\", \"bb\")",
            "@.replace(\"\", \"-\")",
            "@.chars()",
            "@.lines()",
            "@.index_of(\"b\")",
            "@.index_of(\"b\", 1)",
            "@.repeat($ % 4)",
            "@.pad_left(6, \"*\")",
            "@.pad_right($ % 9, \"ab\")",
            "@.to_int()",
            "@.to_float()",
            "@.split_once(\"X\")",
            "@.count(\"a\")",
            "@.count(\"\")",
            "@.reversed()",
            "@.code_at(0)",
            "@.is_digit()",
            "@.is_alpha()",
            "@.is_alnum()",
            "@.is_space()",
            "@.is_upper()",
            "@.is_lower()",
            "core.ord(@)",
            "core.ord(@[0])",
            "core.chr(65 + $ % 26)",
            "core.chr($ - 3)",
            "@[$ % 4]",
            "@[0..-1]",
            "@[1..$ % 4]",
            "\"a\" in @",
            "@ in \"abc\"",
            "@ + @",
            "@ * 2",
            "($ % 3) * @",
            "@ == \"a\"",
            "@ < \"b\"",
            "f\"{@}-{$}\"",
            "core.format($, \"05\")",
            "core.format(@, \">6\")",
            "core.repr(@)",
            "core.bytes(@)",
            "core.text([97, 98])",
            "@.split().map(core.len)",
            "@.chars().filter(: c { return c > \"a\"; })",
            "@.missing()",
            "@.len(1)",
            "@.index_of($)",
            "core.len(@)",
            "core.int(@)",
            "core.float(@)",
            "core.str(@)",
            "core.type(@)",
            "f\"{$:>6}|{@:5}\"",
        ];
        self.keep_forms(lines, &forms, [&s, &i, &made, &t]);
        if self.random.percent(30) {
            let other = self.random.pick(&["1", "void", "\"late\"", "[1]", "\"日\""]);
            self.line(&format!("if {i} == {} {{ {ss}.push({other}); }}", count / 2));
        }
        self.close_library_round(end);
        self.line(&format!("println({t}, {made}, {ss});"));
    }

    /// Conversions between kinds of values.
    pub(super) fn conversions_loop(&mut self) {
        let count = self.rounds();
        let [t, vs, made] = ["ct", "cv", "cm"].map(|stem| self.name(stem));
        let values = [
            "1",
            "-7",
            "2.9",
            "-2.9",
            "-0.0",
            "1e18",
            "1e19",
            "true",
            "false",
            "\"12\"",
            "\" 7 \"",
            "\"x\"",
            "\"3.5\"",
            "void",
            "9223372036854775807",
            "[1]",
            "(0.0 / 0.0)",
            "{\"a\": 1}",
            "(1, 2)",
            "0..4",
            "lib_double",
            "Lib(2)",
            "\"\"",
            "Lib",
            "math",
            "lib_task(0)",
            "core.len",
        ];
        let low = self.random.below(values.len() as u64 - 3) as usize;
        let values = match self.random.below(3) {
            0 => &values[..],
            1 => &values[low..low + 3],
            // One kind, so that native code is made for it.
            _ => &values[low..low + 1],
        };
        let values = self.items(values, 1, 5);
        self.line(&format!("let {t} = 0; let {vs} = {values}; let {made} = void;"));
        let (i, end) = self.open_library_round(count);
        let v = self.name("v");
        self.line(&format!("let {v} = {vs}[{i} % {vs}.len()];"));
        let lines = self.random.between(1, 4);
        let forms = [
            "core.int(@)",
            "core.int(@)",
            "core.float(@)",
            "core.float(@)",
            "core.str(@)",
            "core.type(@)",
            "core.len(@)",
            "core.repr(@)",
            "core.format(@, \"\")",
            "core.format(@, \".2f\")",
            "core.int(core.float(@))",
            "core.float(core.int(@))",
            "core.int(core.str(@))",
            "not @",
            "-@",
            "~@",
            "@ == @",
            "@ == $",
            "@ < $",
            "@ + $",
            "@ * 2",
            "@ and $",
            "@ or $",
            "[@] == [@]",
            "@ in [$, @]",
            "f\"{@}{$}\"",
            "if @ { 1 } else { 2 }",
            "core.int($ * 0.5)",
            "core.float($) / 3",
            "core.int($ > 3)",
            "core.assert(@)",
            "@ != void",
            "@.len()",
            "@[0]",
            "core.int($ * 4503599627370496.0)",
            "$ in @",
            "void in @",
            "@ .. $",
            "core.len(0..$)",
            "core.bytes(@)",
            "@ <= $",
            "@ >= $",
            "@ > @",
            "@ != @",
            "$ >> @",
            "@ ^ $",
            "@ ** 2",
            "$ ** 2 + $ ** 3",
            "@ % 3",
            "core.type(@) == \"int\"",
        ];
        self.keep_forms(lines, &forms, [&v, &i, &made, &t]);
        self.close_library_round(end);
        self.line(&format!("println({t}, core.len(core.str({made})));"));
    }

    /// Methods of dicts, also those that call functions, some of which change the dict.
    pub(super) fn dict_functions_loop(&mut self) {
        let count = self.rounds().min(400);
        let [t, d, made, seen] = ["dt", "dd", "dm", "ds"].map(|stem| self.name(stem));
        let keys = self.random.pick(&[
            "1: 10, 2: 20, 3: 5",
            "\"a\": 1, \"b\": 0.5",
            "0: \"x\"",
            "true: 1, 1: 2, 1.0: 3",
            "(1, 2): 3, -0.0: 4",
            "\"len\": 5, \"a\": 1",
            "\"keys\": lib_double, \"lens\": 2",
            "\"1\": 1, 2: 2, 0.5: 3",
            "",
        ]);
        self.line(&format!("let {t} = 0; let {d} = {{{keys}}}; let {made} = void; let {seen} = 0;"));
        let (i, end) = self.open_library_round(count);
        for _ in 0..self.random.between(2, 5) {
            let function = self.random.pick(&[
                ": k, v { return v; }",
                ": k, v { return v > 1; }",
                ": k, v { # += 1; return #; }",
                ": k, v { return core.str(k) + core.str(v); }",
                ": k, v { @[k] = 1; return true; }",
                ": k, v { if $ % 5 == 4 { @[$ + 50] = v; } return v; }",
                ": k, v { if v == 5 { throw k; } return v; }",
                ": k, v { @.remove(k); return v; }",
                "lib_last",
                "lib_add",
                "lib_double",
                ": k, v { return [v, k].map(core.str).join(\"\"); }",
            ]);
            let form = self.random.pick(&[
                "@.get($ % 5, #)",
                "@.get(\"a\")",
                "@.get($ % 3)",
                "@.get([$ % 3, \"1\", 0.5][$ % 3])",
                "@.get([2, \"a\", 0.5][$ % 3])",
                "@.get([2, \"a\", 0.5][$ % 3])",
                "@.get([1, \"1\"][$ % 2], #)",
                "@.contains([$ % 3, \"1\", 0.5][$ % 3])",
                "@[[1, \"1\"][$ % 2]]",
                "@.keys(2)",
                "@.len()",
                "@.keys()",
                "@.contains($ % 5)",
                "@.contains(\"a\")",
                "@.keys()",
                "@.values()",
                "@.items()",
                "@.len()",
                "@.copy()",
                "@.remove($ % 6)",
                "@.get_or_insert($ % 7, #)",
                "@.get_or_insert(\"a\", []).len()",
                "@.map_values(F)",
                "@.filter(F)",
                "@.sort_by(F)",
                "@.map_values(F).len()",
                "@[$ % 4]",
                "@ == @.copy()",
                "$ in @",
                "\"a\" in @",
                "core.len(@)",
                "@ + {$ % 3: #}",
                "{$ % 5: $, \"b\": #}",
                "@.keys().map(core.type)",
                "@.get([1])",
                "@.values().filter(: v { return v; })",
                "not @",
            ]);
            let made_of = form.replace('F', function).replace('@', &d).replace('$', &i).replace('#', &seen);
            let line = match self.random.below(10) {
                0 => format!("{d}[{i} % 6] = {i};"),
                1 => format!("{d}[\"a\"] += 1; {d}[[{i} % 3, \"1\"][{i} % 2]] = 2;"),
                2 => format!("for k, v in {d} {{ {seen} += core.len(core.str(v)); }}"),
                3 => format!("{d}[{i} * 0.5] = {seen};"),
                _ => format!("{made} = {made_of}; {t} += core.len(core.str({made}));"),
            };
            self.guarded(&line, &t);
        }
        self.line(&format!("if {d}.len() > 9 {{ {d}.clear(); {seen} = {seen} % 1000; }}"));
        self.close_library_round(end);
        self.line(&format!("println({t}, {d}, {seen}, core.len(core.str({made})));"));
    }
}
