//! Structs, functions and procedures.

use super::{Function, Generator, Kind, Variable};

impl Generator {
    /// Structs that share the names of fields and methods, so that a receiver can be any of them.
    pub(super) fn some_structs(&mut self) {
        self.structs = self.random.between(1, 5) as usize;
        for number in 0..self.structs {
            self.open(&format!("struct S{number}"));
            self.open("fn init : self, a");
            let fields = ["self.a = a;", "self.b = 1;", "self.c = 0;"];
            // The order of fields is part of an instance's shape.
            for i in 0..3 {
                let field = fields[(i + number) % 3];
                self.line(field);
            }
            if self.random.percent(30) {
                let start = self.literal(Kind::Float);
                self.line(&format!("self.b = {start};"));
            }
            self.close();
            let b = self.random.between(1, 9);
            let get = ["self.a", "self.b + self.a", "self.c", "self.a * 2"];
            let get = self.random.pick(&get);
            self.method("get : self", &[&format!("return {get};")]);
            let operator = self.random.pick(&["+", "-", "^", "*"]);
            let bump = format!("self.a = self.a {operator} x;");
            let count = format!("self.c += {b};");
            let result = self.random.pick(&["return self.a;", "return self.c + x;", "return x;", "return self.get();"]);
            self.method("add : self, x", &[&bump, &count, result]);
            let step = self.random.pick(&[
                "self.a += i;",
                "self.c = self.c + self.b;",
                "self.add(i);",
                "self.late = i; self.a -= self.late;",
                "if i > 4 { return self.b; }",
                "self.a = self.b * i;",
            ]);
            let other =
                self.random.pick(&["self.c += 1;", "self.b = self.b + 1;", "self.helper(i, self.a);", "self.a;"]);
            self.method("run : self, n", &["for i in 0..n {", step, other, "}", "return self.a;"]);
            let both = self.random.pick(&[
                "return self.add(x) + y;",
                "return x * y - self.b;",
                "if x > y { return x; }",
                "return helper(x, y);",
            ]);
            self.method("both : self, x, y", &[both, "return self.add(y);"]);
            self.method("helper : x, y", &[&format!("return x + y * {b};")]);
            if self.random.percent(50) {
                let limit = self.random.between(0, 12);
                let body = [
                    format!("if self.c >= {limit} {{ self.c = 0; return void; }}"),
                    "self.c += 1;".to_owned(),
                    "return self.c;".to_owned(),
                ];
                self.method("next : self", &body.iter().map(String::as_str).collect::<Vec<_>>());
            } else {
                let list = self.random.pick(&["[1, 2, 3]", "0..7", "\"abc\"", "[1.5, 2.5]"]);
                self.method("iter : self", &[&format!("return {list};")]);
            }
            self.close();
        }
    }

    fn method(&mut self, head: &str, body: &[&str]) {
        self.open(&format!("fn {head}"));
        for line in body {
            self.line(line);
        }
        self.close();
    }

    /// A function that loops may call.
    pub(super) fn function(&mut self) {
        let outer = self.scope.clone();
        match self.random.weighted(&[50, 12, 8, 8, 22, 14]) {
            0 => self.small_function(),
            1 => self.recursive_function(),
            2 => self.tail_recursive_function(),
            3 => self.generic_function(),
            4 => self.looping_function(),
            _ => self.maker(),
        }
        self.scope = outer;
    }

    /// A function that makes closures with loops in them, over its parameters and variables.
    fn maker(&mut self) {
        let kinds = vec![self.parameter_kind(), Kind::Int];
        let name = self.begin("k", &kinds);
        let kind = if self.random.percent(60) { Kind::Int } else { self.any_kind() };
        self.declare(kind, "v");
        let depth = self.scope.len();
        let parameter = self.parameters(&[Kind::Int]);
        self.open(&format!("return : {parameter}"));
        let total = self.declare(Kind::Int, "v");
        let count = self.random.between(2, 6) as u64;
        self.for_range(count, 0);
        self.line(&format!("return {total};"));
        self.indent -= 1;
        self.line("};");
        self.scope.truncate(depth);
        self.cost = 3;
        self.end(name, kinds, Kind::Closure);
    }

    /// A function in a block, under a name that nothing assigns.
    pub(super) fn local_function(&mut self) {
        let loops = std::mem::take(&mut self.loops);
        let depth = self.scope.len();
        let name = self.name("h");
        let parameter = self.parameters(&[Kind::Int]);
        let outside = std::mem::replace(&mut self.in_function, true);
        self.open(&format!("fn {name} : {parameter}"));
        if self.iterations < 500 && self.random.percent(50) {
            let count = self.random.between(2, 5) as u64;
            self.for_range(count, 0);
        } else {
            self.simple_statement();
        }
        let result = self.expression(Kind::Int, 1);
        self.line(&format!("return {result};"));
        self.close();
        self.in_function = outside;
        self.scope.truncate(depth);
        self.loops = loops;
        self.scope.push(Variable { name, kind: Kind::Closure, writable: false });
    }

    fn parameters(&mut self, kinds: &[Kind]) -> String {
        let mut names = Vec::new();
        for (at, &kind) in kinds.iter().enumerate() {
            let name = self.name("p");
            let is_last = at > 0 && at + 1 == kinds.len();
            let has_default =
                is_last && matches!(kind, Kind::Int | Kind::Float | Kind::Text) && self.random.percent(40);
            // What a default sees are the parameters before.
            let default = if has_default { format!(" = {}", self.leaf(kind)) } else { String::new() };
            self.scope.push(Variable { name: name.clone(), kind, writable: true });
            names.push(name + &default);
        }
        names.join(", ")
    }

    fn begin(&mut self, prefix: &str, kinds: &[Kind]) -> String {
        let name = self.name(prefix);
        let parameters = self.parameters(kinds);
        self.open(&format!("fn {name} : {parameters}"));
        self.in_function = true;
        self.cost = 0;
        name
    }

    fn end(&mut self, name: String, parameters: Vec<Kind>, returns: Kind) {
        self.close();
        self.in_function = false;
        let cost = self.cost.max(1);
        let head = format!("fn {name} :");
        let has_default =
            self.lines.iter().rev().find(|line| line.contains(&head)).is_some_and(|line| line.contains('='));
        self.functions.push(Function { name, parameters, returns, cost, has_default });
    }

    fn small_function(&mut self) {
        let kinds: Vec<Kind> = (0..self.random.between(1, 3)).map(|_| self.parameter_kind()).collect();
        let name = self.begin("f", &kinds);
        let returns = if self.random.percent(70) { Kind::Int } else { Kind::Float };
        for _ in 0..self.random.below(3) {
            self.simple_statement();
        }
        if self.random.percent(25) {
            let condition = self.condition(1);
            self.open(&format!("if {condition}"));
            let early = self.expression(returns, 1);
            self.line(&format!("return {early};"));
            self.close();
        }
        if self.random.percent(8) {
            let condition = self.condition(1);
            let thrown = self.scalar(1);
            self.open(&format!("if {condition}"));
            self.line(&format!("throw {thrown};"));
            self.close();
        }
        let result = self.expression(returns, 2);
        self.line(&format!("return {result};"));
        self.end(name, kinds, returns);
    }

    fn parameter_kind(&mut self) -> Kind {
        const KINDS: [Kind; 7] =
            [Kind::Int, Kind::Float, Kind::Ints, Kind::Floats, Kind::Object, Kind::Text, Kind::Dict];
        KINDS[self.random.weighted(&[40, 15, 12, 6, 10, 4, 4])]
    }

    fn recursive_function(&mut self) {
        let kinds = vec![Kind::Int, Kind::Int];
        let name = self.begin("r", &kinds);
        let (n, x) = (format!("p{}", self.names - 1), format!("p{}", self.names));
        let base = self.expression(Kind::Int, 1);
        self.open(&format!("if not ({n} > 0)"));
        self.line(&format!("return {base};"));
        self.close();
        let step = self.expression(Kind::Int, 1);
        match self.random.below(3) {
            0 => self.line(&format!("return {name}({n} - 1, {step}) + {name}({n} - 2, {x});")),
            1 => self.line(&format!("return {x} ^ {name}({n} - 1, {step});")),
            _ => {
                let t = self.name("t");
                self.line(&format!("let {t} = 0;"));
                let branches = self.random.between(1, 4);
                self.open(&format!("for q in 0..{branches}"));
                self.line(&format!("{t} += {name}({n} - 3, {x} + q);"));
                self.close();
                self.line(&format!("return {t} + {step};"));
            }
        }
        self.cost = 60;
        self.end(name, kinds, Kind::Int);
    }

    fn tail_recursive_function(&mut self) {
        let kinds = vec![Kind::Int, Kind::Int];
        let name = self.begin("r", &kinds);
        let (n, x) = (format!("p{}", self.names - 1), format!("p{}", self.names));
        self.open(&format!("if not ({n} > 0)"));
        self.line(&format!("return {x};"));
        self.close();
        let step = self.expression(Kind::Int, 1);
        // A call of itself, by another function, as a method, of a value, or of a built-in method.
        let form = self.random.below(6);
        let other = self.name("r");
        match form {
            0 | 1 => self.line(&format!("return {name}({n} - 1, {step});")),
            2 | 3 => self.line(&format!("return {other}({n} - 1, {step});")),
            4 => self.line(&format!("if {n} % 3 == 1 {{ return [{n}, {x}].len(); }} return {name}({n} - 1, {step});")),
            _ => {
                let object = self.fresh_value(Kind::Object);
                self.line(&format!("let o = {object};"));
                self.line(&format!("if {n} % 4 == 1 {{ return o.add({x}); }}"));
                self.line(&format!("return {other}({n} - 1, {step});"));
            }
        }
        self.cost = 20;
        self.end(name.clone(), kinds, Kind::Int);
        let (n, x) = ("a", "b");
        match form {
            2 => self.line(&format!("fn {other} : {n}, {x} {{ return {name}({n}, {x} ^ {n}); }}")),
            3 => self.line(&format!(
                "fn {other} : {n}, {x} {{ let f = {name}; if {x} == 3 {{ f = : a, b {{ return a; }}; }} return f({n}, {x}); }}"
            )),
            5 => self.line(&format!("fn {other} : {n}, {x} {{ let i = {n}; while i > 3 {{ i -= 2; }} return {name}(i, {x}); }}")),
            _ => {}
        }
    }

    /// A function whose argument may be anything that can be added to.
    fn generic_function(&mut self) {
        let kinds = vec![Kind::Scalar, Kind::Scalar];
        let name = self.begin("f", &kinds);
        let (a, b) = (format!("p{}", self.names - 1), format!("p{}", self.names));
        let operator = self.random.pick(&["+", "<", "==", "*", "-"]);
        self.open("try");
        match operator {
            "<" | "==" => {
                self.open(&format!("if {a} {operator} {b}"));
                self.line("return 1;");
                self.close();
            }
            "*" => self.line(&format!("return core.len(core.str({a} {operator} ({b} % 7)));")),
            _ => self.line(&format!("return core.len(core.str({a} {operator} {b}));")),
        }
        self.turn("catch e");
        self.line("return e.len();");
        self.close();
        self.line("return 0;");
        self.end(name, kinds, Kind::Int);
    }

    fn looping_function(&mut self) {
        let kinds: Vec<Kind> = (0..self.random.between(1, 2)).map(|_| self.parameter_kind()).collect();
        let name = self.begin("f", &kinds);
        let depth = self.scope.len();
        let kind = self.scalar_kind();
        let total = self.declare(kind, "v");
        let count = self.random.between(2, 7) as u64;
        self.for_range(count, 1);
        self.line(&format!("return {total};"));
        self.scope.truncate(depth);
        let returns = if kind == Kind::Float { Kind::Float } else { Kind::Int };
        self.end(name, kinds, returns);
    }

    /// A function full of loops, and calls of it.
    pub(super) fn procedure(&mut self) {
        let outer = self.scope.clone();
        let kinds: Vec<Kind> = (0..self.random.between(0, 2)).map(|_| self.parameter_kind()).collect();
        let name = self.begin("main", &kinds);
        let from = self.scope.len();
        for _ in 0..self.random.between(3, 7) {
            let kind = if self.random.percent(8) { Kind::Closure } else { self.any_kind() };
            self.declare(kind, "v");
        }
        for _ in 0..self.random.between(1, 2) {
            let depth = self.scope.len();
            self.hot_loop();
            self.scope.truncate(depth);
        }
        if self.random.percent(40) {
            self.library_loop();
        }
        self.print_all(from);
        let result = self.scalar(1);
        self.line(&format!("return {result};"));
        self.close();
        self.in_function = false;
        self.scope = outer;

        let calls = self.random.between(1, 3);
        for _ in 0..calls {
            let arguments: Vec<String> = kinds.iter().map(|&kind| self.argument(kind)).collect();
            let call = format!("println({name}({}));", arguments.join(", "));
            if self.random.percent(85) {
                self.open("try");
                self.line(&call);
                self.turn("catch e");
                self.line("println(\"caught\", e);");
                self.close();
            } else {
                self.line(&call);
            }
        }
    }

    fn argument(&mut self, kind: Kind) -> String {
        let kind = match kind {
            Kind::Int if self.random.percent(15) => Kind::Float,
            Kind::Float if self.random.percent(15) => Kind::Int,
            Kind::Ints if self.random.percent(25) => Kind::Floats,
            _ => kind,
        };
        if self.random.percent(60) { self.fresh_value(kind) } else { self.leaf(kind) }
    }
}
