//! What makes inference hard: containers with several names, items of several types, fields written from outside,
//! closures over variables that change, functions passed about, errors thrown with anything as their value, and
//! callbacks.
//!
//! Other than the rest of the generator, this part knows no kinds: every name may hold anything, nearly every statement
//! may fail, and each that may stands in a `try` of its own. Loops are short.

use super::Generator;

const DEFINITIONS: [&str; 9] = [
    "import \"std/json\";",
    "struct Box { fn init : self, v { self.v = v; self.n = 0; } fn get : self { self.n += 1; return self.v; } fn put : self, v { self.v = v; } }",
    "struct Pair { fn init : self, a, b { self.a = a; self.b = b; } fn get : self { return self.a; } fn put : self, v { self.b = v; } }",
    "struct Steps { fn init : self, n { self.n = n; } fn next : self { if self.n <= 0 { return void; } self.n -= 1; return self.n; } }",
    "fn id : x { return x; }",
    "fn twice : f, x { return f(f(x)); }",
    "fn fail : x { throw x; }",
    "fn first : xs { for x in xs { return x; } return 0; }",
    "fn swap : xs, ys { for i in 0..xs.len() { if i < ys.len() { let t = xs[i]; xs[i] = ys[i]; ys[i] = t; } } return xs; }",
];

/// Names in scope, and how deep blocks are nested.
struct Scope {
    names: Vec<String>,
    depth: u32,
}

impl Generator {
    /// Definitions, functions that do anything with anything, calls of them, and more of the same at the top level.
    pub(super) fn unruly_part(&mut self) {
        self.lines(&DEFINITIONS);
        self.line("let ga = 1; let gb = [1]; let gc = {\"a\": 1};");
        let mut scope = Scope { names: ["ga", "gb", "gc"].map(String::from).to_vec(), depth: 0 };
        for function in 0..3 {
            self.open(&format!("fn unruly{function} : p, q"));
            scope.names.extend(["p", "q"].map(String::from));
            self.unruly_block(&mut scope, 6);
            scope.names.truncate(3);
            self.line("return 1;");
            self.close();
            self.line(&format!("fn same{function} : p, q {{ unruly{function}(p, q); return p; }}"));
        }
        for call in 0..6 {
            let (a, b) = (self.anything(&scope, 1), self.anything(&scope, 1));
            let function = call % 3;
            self.line(&format!(
                "try {{ ga = same{function}({a}, {b}); unruly{function}(gb, gc); }} catch err {{ gb = [err]; }}"
            ));
        }
        self.unruly_block(&mut scope, 8);
        // Short, as what holds itself twice prints long.
        self.line("for value in [ga, gb, gc] { println(core.type(value), value == value, value == ga); }");
    }

    fn unruly_block(&mut self, scope: &mut Scope, count: u32) {
        let outer = scope.names.len();
        scope.depth += 1;
        for _ in 0..count {
            self.unruly_statement(scope);
        }
        scope.depth -= 1;
        scope.names.truncate(outer);
    }

    fn name_in(&mut self, scope: &Scope) -> String {
        scope.names[self.random.below(scope.names.len() as u64) as usize].clone()
    }

    /// An expression that may give anything, or fail.
    fn anything(&mut self, scope: &Scope, depth: u32) -> String {
        let kind = self.random.below(if depth == 0 { 9 } else { 30 });
        // Operands only where they are used, as each may be long.
        let fill = |this: &mut Self, form: &str| {
            let mut filled = form.to_owned();
            for hole in ['@', '#'] {
                if filled.contains(hole) {
                    filled = filled.replace(hole, &this.anything(scope, depth - 1));
                }
            }
            filled
        };
        match kind {
            0 => self.random.below(5).to_string(),
            1 => self
                .random
                .pick(&["1.5", "0.0", "true", "void", "\"s\"", "\"ab\"", "[]", "{}", "()", "(0..3)"])
                .to_owned(),
            2..=8 => self.name_in(scope),
            9..=13 => {
                let op = self.random.pick(&["+", "-", "*", "/", "%", "**", "<", "==", "and", "or", "&", "<<"]);
                fill(self, &format!("(@ {op} #)"))
            }
            14 | 15 => {
                let form = self.random.pick(&[
                    "[@, #]",
                    "[@]",
                    "(@, #)",
                    "(@,)",
                    "{\"a\": @, \"k\": #}",
                    "{1: @}",
                    "Box(@)",
                    "Pair(@, #)",
                    "Steps(3)",
                ]);
                fill(self, form)
            }
            16..=18 => {
                let index = self.random.pick(&["0", "1", "-1", "\"a\"", "0..1", "\"v\""]);
                format!("{}[{index}]", self.name_in(scope))
            }
            19 | 20 => {
                let member = self.random.pick(&["v", "a", "b", "n", "k"]);
                format!("{}.{member}", self.name_in(scope))
            }
            21..=25 => {
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
                let object = self.name_in(scope);
                format!("{object}.{}", fill(self, call))
            }
            26 | 27 => {
                let form = self.random.pick(&[
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
                ]);
                fill(self, form)
            }
            28 => fill(self, "(: { return @; })()"),
            _ => {
                let name = self.name_in(scope);
                format!("[{name}, {name}]")
            }
        }
    }

    fn unruly_statement(&mut self, scope: &mut Scope) {
        let name = self.name_in(scope);
        match self.random.below(if scope.depth < 3 { 19 } else { 10 }) {
            0..=2 => {
                let (value, fresh) = (self.anything(scope, 2), self.name("v"));
                self.line(&format!("let {fresh} = {name};"));
                self.line(&format!("try {{ {fresh} = {value}; }} catch err {{ }}"));
                scope.names.push(fresh);
            }
            3 | 4 => {
                let value = self.anything(scope, 2);
                self.line(&format!("try {{ {name} = {value}; }} catch err {{ {name} = err; }}"));
            }
            5 => {
                let place = self.random.pick(&["[0]", "[\"a\"]", ".v", ".a", ".extra"]);
                let value = self.anything(scope, 1);
                self.line(&format!("try {{ {name}{place} = {value}; }} catch err {{ }}"));
            }
            6 => {
                let value = self.anything(scope, 2);
                self.line(&format!("try {{ ({value}); }} catch err {{ {name} = [err]; }}"));
            }
            7 => {
                let (value, fresh) = (self.anything(scope, 1), self.name("v"));
                self.line(&format!("let {fresh} = : p {{ {name} = p; return {value}; }};"));
                scope.names.push(fresh);
            }
            8 => {
                let value = self.anything(scope, 1);
                self.line(&format!("try {{ {name} = {name}({value}); }} catch err {{ }}"));
            }
            9 => {
                // Constants, which are what they were made.
                let fresh = self.name("k");
                let value = self.random.pick(&["3", "0.5", "\"ab\"", "false", "void", "2 * 3 - 6", "\"a\" * 2"]);
                self.line(&format!("let {fresh} = {value};"));
                let use_it = self.anything(&Scope { names: vec![fresh.clone(), name.clone()], depth: 0 }, 1);
                self.line(&format!("try {{ if {fresh} {{ {name} = {use_it}; }} }} catch err {{ }}"));
            }
            10..=12 => {
                let variable = self.name("v");
                let count = self.random.between(1, 4);
                self.open(&format!("for {variable} in 0..{count}"));
                self.unruly_loop(scope, &[variable], 3);
                self.close();
            }
            13 | 14 => {
                let (items, variable) = (self.anything(scope, 1), self.name("v"));
                self.unruly_iteration(scope, &items, vec![variable], &format!("{name} = err;"));
            }
            15 => {
                let condition = self.anything(scope, 1);
                self.open(&format!("if core.type({condition}) != \"int\""));
                self.unruly_block(scope, 2);
                self.turn("else");
                self.unruly_block(scope, 2);
                self.close();
            }
            16 => {
                self.open("try");
                self.unruly_block(scope, 3);
                self.turn("catch err");
                self.unruly_loop(scope, &["err".to_owned()], 2);
                self.close();
            }
            17 => self.unruly_type_tests(scope, &name),
            _ => {
                let (items, a, b) = (self.anything(scope, 1), self.name("v"), self.name("v"));
                self.unruly_iteration(scope, &items, vec![a, b], "");
            }
        }
    }

    /// A block in which some more names are in scope.
    fn unruly_loop(&mut self, scope: &mut Scope, names: &[String], count: u32) {
        let outer = scope.names.len();
        scope.names.extend_from_slice(names);
        self.unruly_block(scope, count);
        scope.names.truncate(outer);
    }

    fn unruly_iteration(&mut self, scope: &mut Scope, items: &str, names: Vec<String>, handler: &str) {
        let left = self.name("left");
        self.open("try");
        self.line(&format!("let {left} = 9;"));
        self.open(&format!("for {} in {items}", names.join(", ")));
        self.line(&format!("{left} -= 1; if {left} < 0 {{ break; }}"));
        self.unruly_loop(scope, &names, 2);
        self.close();
        self.turn("catch err");
        self.line(handler);
        self.close();
    }

    /// Asks for the type of a value in each way, and uses it as one of that type.
    fn unruly_type_tests(&mut self, scope: &mut Scope, name: &str) {
        let value = self.name_in(scope);
        let uses = [
            ("int", format!("{name} = {value} + 1;")),
            ("float", format!("{name} = {value} * 0.5;")),
            ("string", format!("{name} = {value}.len();")),
            ("list", format!("{name} = {value}[0];")),
            ("dict", format!("{value}[\"a\"] = {name};")),
            ("function", format!("{name} = {value}(1);")),
            ("struct instance", format!("{name} = {value}.get();")),
            ("void", format!("{name} = {value};")),
        ];
        let asked = if self.random.percent(50) {
            let held = self.name("t");
            self.line(&format!("let {held} = core.type({value});"));
            held
        } else {
            format!("core.type({value})")
        };
        for _ in 0..self.random.between(1, 3) {
            let (ty, use_it) = &uses[self.random.below(uses.len() as u64) as usize];
            let test = match self.random.below(4) {
                0 => format!("\"{ty}\" == {asked}"),
                1 => format!("not ({asked} != \"{ty}\")"),
                _ => format!("{asked} == \"{ty}\""),
            };
            self.open("try");
            self.open(&format!("if {test}"));
            self.line(use_it);
            self.turn("else");
            self.unruly_block(scope, 1);
            self.close();
            self.turn("catch err");
            self.close();
        }
    }
}
