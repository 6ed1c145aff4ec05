//! Statements and loops.

use super::{Generator, Kind, Loop, MAX_COST, Variable};

impl Generator {
    /// Loops with much in them; sometimes long enough for the usual thresholds.
    pub(super) fn hot_loop(&mut self) {
        let count = if self.random.percent(12) {
            self.random.between(1020, 1600) as u64
        } else {
            self.random.between(1, 40) as u64
        };
        self.a_loop(count, 2);
    }

    fn a_loop(&mut self, count: u64, nest: u32) {
        match self.random.weighted(&[45, 18, 14, 6, 6, 5, 6, 8, 5, 5, 7, 12, 12, 10, 10, 10, 10, 40, 40, 120, 10]) {
            0 => self.for_range(count, nest),
            1 => self.while_loop(count, nest),
            2 => self.for_list(nest),
            3 => self.for_text(nest),
            4 => self.for_dict(nest),
            5 => self.for_pairs(nest),
            6 => self.for_object(nest),
            7 => self.receivers_loop(count, nest),
            8 => self.changing_dict_loop(count),
            9 => self.characters_loop(count),
            10 => self.throwing_loop(count),
            11 => self.scan(),
            12 => self.fields_loop(count, nest),
            13 => self.erring_loop(),
            14 => self.striding_loop(),
            15 => self.dividing_loop(),
            16 => self.several_structs_loop(),
            17 => self.object_loop(),
            18 => self.alias_loop(),
            19 => self.library_loop(),
            _ => self.ordering_loop(count),
        }
    }

    pub(super) fn for_range(&mut self, count: u64, nest: u32) {
        let i = self.name("i");
        let iterable = match self.random.below(14) {
            0 => format!("..{count}"),
            1 => format!("-{}..{}", count / 2, count - count / 2),
            2 => match self.writable(Kind::Ints) {
                Some(list) => format!("0..{list}.len()"),
                None => format!("0..{count}"),
            },
            3 => "9223372036854775800..9223372036854775807".into(),
            4 => format!("3..{count}"),
            _ => format!("0..{count}"),
        };
        self.open(&format!("for {i} in {iterable}"));
        self.scope.push(Variable { name: i.clone(), kind: Kind::Int, writable: true });
        self.body(Loop { may_continue: true, counter: Some(i), iterations: count }, nest);
        self.scope.pop();
        self.close();
    }

    fn while_loop(&mut self, count: u64, nest: u32) {
        let w = self.name("w");
        let start = if self.random.percent(10) { 9_223_372_036_854_770_000u64 } else { 0 };
        self.line(&format!("let {w} = {start};"));
        let bound = format!("{w} < {}", start + count);
        let condition = match self.random.below(6) {
            0 => format!("{bound} and {}", self.condition(1)),
            1 => format!("({bound}) == true"),
            _ => bound,
        };
        let first = self.random.percent(60);
        self.open(&format!("while {condition}"));
        self.scope.push(Variable { name: w.clone(), kind: Kind::Int, writable: false });
        if first {
            self.line(&format!("{w} += 1;"));
        }
        self.body(Loop { may_continue: first, counter: Some(w.clone()), iterations: count }, nest);
        if !first {
            self.line(&format!("{w} = {w} + 1;"));
        }
        self.close();
    }

    /// Loops over a list whose indices follow the counters, and mostly, but not always, lie in it.
    fn scan(&mut self) {
        let (list, t, n, i) = (self.name("s"), self.name("t"), self.name("n"), self.name("i"));
        let length = self.random.between(3, 30);
        let element = self.random.pick(&["k", "k", "k * 0.5", "k % 2 == 0", "[k, 1, 2]"]);
        self.line(&format!("let {list} = []; for k in 0..{length} {{ {list}.push({element}); }}"));
        self.line(&format!("let {t} = 0; let {n} = {list}.len();"));
        let guarded = self.random.percent(70);
        if guarded {
            self.open("try");
        }
        let bound = match self.random.below(8) {
            0 => format!("{n} - 2"),
            1 => format!("{n} / 2"),
            2 => format!("{n} + 1"),
            3 => "9223372036854775807".into(),
            _ => n.clone(),
        };
        let step = self.random.between(1, 3);
        let counts = match self.random.below(4) {
            0 => {
                let text = self.random.pick(&["0", "1", "-1", "-3"]).to_string();
                self.line(&format!("let {i} = {text};"));
                let text = self.random.pick(&["<", "<", "<="]).to_string();
                self.open(&format!("while {i} {text} {bound}"));
                Some(format!("{i} = {i} + {step};"))
            }
            1 => {
                self.line(&format!("let {i} = {n} - 1;"));
                let text = self.random.pick(&["> 0", ">= 0", ">= 1 - 1", "> -2"]).to_string();
                self.open(&format!("while {i} {text}"));
                Some(format!("{i} = {i} - {step};"))
            }
            _ => {
                let text = self.random.pick(&["0", "0", "1", "2", "-2"]).to_string();
                self.open(&format!("for {i} in {text}..{bound}"));
                None
            }
        };
        let nested = self.random.percent(30);
        let j = if nested { self.name("j") } else { "1".into() };
        if nested {
            let text = self.random.pick(&["0..2", "0..3", "1..2", "0..0"]).to_string();
            self.open(&format!("for {j} in {text}"));
        }
        for _ in 0..self.random.between(1, 2) {
            let at = match self.random.below(9) {
                0 => format!("{i} + {j}"),
                1 => format!("{i} - {j}"),
                2 => format!("{i} * 2"),
                3 => format!("{n} - 1 - {i}"),
                4 => format!("{i} / 2"),
                5 => format!("{i} + 9223372036854775807 + {i}"),
                _ => i.clone(),
            };
            let use_it = match (element, self.random.below(6)) {
                ("[k, 1, 2]", 0) => format!("{list}[{at}].push({i});"),
                ("[k, 1, 2]", _) => format!("{t} = {t} + {list}[{at}][{j}];"),
                ("k % 2 == 0", _) => format!("if {list}[{at}] {{ {t} = {t} + 1; }}"),
                (_, 0) => format!("{list}[{at}] = {t};"),
                (_, 1) => format!("if {t} % 3 == 1 {{ {list}[{at}] += 1; }}"),
                _ => format!("{t} = {t} + {list}[{at}];"),
            };
            self.line(&use_it);
        }
        match self.random.below(10) {
            0 => self.line(&format!("if {i} == 7 {{ {list}.pop(); }}")),
            1 => self.line(&format!("if {i} == 5 {{ {list}.push({t}); }}")),
            2 => self.line(&format!("if {i} == 4 {{ {list}[0] = \"other\"; }}")),
            3 => self.line(&format!("if {i} > 8 {{ break; }}")),
            4 => self.line(&format!("if {i} == 6 {{ println({t}, {i}); }}")),
            _ => {}
        }
        if nested {
            self.close();
            if bound.starts_with("92") {
                // The inner loop may be empty, and then no index ends the outer one.
                self.line(&format!("if {i} > 99 {{ break; }}"));
            }
        }
        if let Some(counts) = counts {
            self.line(&counts);
        }
        self.close();
        if guarded {
            self.turn("catch e");
            self.line(&format!("println({t}, e);"));
            self.close();
        }
        self.line(&format!("println({t}, {list}.len());"));
    }

    fn for_list(&mut self, nest: u32) {
        let Some(list) = self.variable_where(|variable| variable.kind.is_list()) else {
            return self.for_range(9, nest);
        };
        let kind = self.scope.iter().find(|variable| variable.name == list).map_or(Kind::Scalar, |v| v.kind.element());
        let limit = self.random.between(5, 40);
        let (n, x) = (self.name("n"), self.name("x"));
        self.line(&format!("let {n} = 0;"));
        let iterable = match self.random.below(8) {
            0 => format!("{list}.sorted()"),
            1 => format!("{list}[0..-1]"),
            _ => list.clone(),
        };
        self.open(&format!("for {x} in {iterable}"));
        self.line(&format!("{n} += 1;"));
        self.open(&format!("if {n} > {limit}"));
        self.line("break;");
        self.close();
        self.scope.push(Variable { name: n.clone(), kind: Kind::Int, writable: false });
        self.scope.push(Variable { name: x, kind, writable: true });
        if self.random.percent(30) {
            self.list_statement(&list);
        }
        self.body(Loop { may_continue: true, counter: Some(n), iterations: 10 }, nest);
        self.scope.pop();
        self.close();
    }

    fn for_text(&mut self, nest: u32) {
        let text = self.leaf(Kind::Text);
        let c = self.name("c");
        self.open(&format!("for {c} in {text}"));
        self.scope.push(Variable { name: c, kind: Kind::Text, writable: true });
        self.body(Loop { may_continue: true, counter: None, iterations: 6 }, nest);
        self.scope.pop();
        self.close();
    }

    fn for_dict(&mut self, nest: u32) {
        let dict = self.leaf(Kind::Dict);
        let (k, v) = (self.name("k"), self.name("x"));
        self.open(&format!("for {k}, {v} in {dict}"));
        self.scope.push(Variable { name: k, kind: Kind::Scalar, writable: true });
        self.scope.push(Variable { name: v, kind: Kind::Int, writable: true });
        self.body(Loop { may_continue: true, counter: None, iterations: 5 }, nest);
        self.scope.pop();
        self.scope.pop();
        self.close();
    }

    fn for_pairs(&mut self, nest: u32) {
        let count = self.random.between(1, 8);
        let pairs: Vec<String> = (0..count)
            .map(|_| {
                let (a, b) = (self.leaf(Kind::Int), self.leaf(Kind::Float));
                match self.random.below(12) {
                    0 => format!("({a}, {b}, 1)"),
                    1 | 2 => format!("[{a}, {b}]"),
                    _ => format!("({a}, {b})"),
                }
            })
            .collect();
        let (a, b) = (self.name("x"), self.name("y"));
        let pairs = match self.random.percent(20) {
            true => format!("({},)", pairs.join(", ")),
            false => format!("[{}]", pairs.join(", ")),
        };
        self.open(&format!("for {a}, {b} in {pairs}"));
        self.scope.push(Variable { name: a, kind: Kind::Int, writable: true });
        self.scope.push(Variable { name: b, kind: Kind::Float, writable: true });
        self.body(Loop { may_continue: true, counter: None, iterations: 5 }, nest);
        self.scope.pop();
        self.scope.pop();
        self.close();
    }

    /// A list of objects, or the iterator protocol. The counter is for methods that are called in the loop and start it
    /// again.
    fn for_object(&mut self, nest: u32) {
        if self.random.percent(50)
            && let Some(objects) = self.variable(Kind::Objects)
        {
            let x = self.name("x");
            self.open(&format!("for {x} in {objects}"));
            self.scope.push(Variable { name: x, kind: Kind::Object, writable: true });
            self.object_statement();
            self.body(Loop { may_continue: true, counter: None, iterations: 3 }, nest);
            self.scope.pop();
            return self.close();
        }
        let Some(object) = self.variable(Kind::Object) else { return self.for_range(7, nest) };
        let (n, x) = (self.name("n"), self.name("x"));
        self.line(&format!("let {n} = 0;"));
        self.open(&format!("for {x} in {object}"));
        self.line(&format!("{n} += 1;"));
        self.open(&format!("if {n} > 20"));
        self.line("break;");
        self.close();
        self.scope.push(Variable { name: n.clone(), kind: Kind::Int, writable: false });
        self.scope.push(Variable { name: x, kind: Kind::Scalar, writable: true });
        self.body(Loop { may_continue: true, counter: Some(n), iterations: 6 }, nest);
        self.scope.pop();
        self.close();
    }

    pub(super) fn body(&mut self, around: Loop, nest: u32) {
        let depth = self.scope.len();
        let outer = self.iterations;
        self.iterations = outer.saturating_mul(around.iterations.max(1));
        self.loops.push(around);
        let statements = self.random.between(1, if nest == 2 { 6 } else { 4 });
        let caught = self.random.percent(40);
        if caught {
            self.open("try");
        }
        let inner = self.scope.len();
        for _ in 0..statements {
            self.statement(nest);
        }
        self.scope.truncate(inner);
        if caught {
            self.turn("catch e");
            match self.writable(Kind::Int) {
                Some(name) => self.line(&format!("{name} += core.len(core.str(e));")),
                None => self.line("core.len(core.str(e));"),
            }
            self.close();
        }
        self.loops.pop();
        self.iterations = outer;
        self.scope.truncate(depth);
    }

    fn statement(&mut self, nest: u32) {
        match self.random.weighted(&[50, 12, 10, 11, 5, 4, 5, 5, 5]) {
            0 => self.simple_statement(),
            1 => {
                let condition = self.condition(2);
                self.open(&format!("if {condition}"));
                self.nested(nest);
                if self.random.percent(40) {
                    self.turn("else");
                    self.nested(nest);
                }
                self.close();
            }
            2 if nest > 0 && self.cost < MAX_COST => {
                let room = 2500 / self.iterations.max(1);
                let count = self.random.between(1, 25).min(room.max(1) as i64) as u64;
                let depth = self.scope.len();
                self.a_loop(count, nest - 1);
                self.scope.truncate(depth);
            }
            3 => self.late_change(),
            4 => self.leave(),
            5 => {
                self.open("try");
                self.nested(nest);
                if self.random.percent(30) {
                    let thrown = self.scalar(1);
                    self.line(&format!("throw {thrown};"));
                }
                self.turn("catch e");
                match self.writable(Kind::Text) {
                    Some(name) => self.line(&format!("{name} = core.str(e)[0..1];")),
                    None => self.line("print(core.str(e).len());"),
                }
                self.close();
            }
            6 => self.print_some(),
            7 => self.type_test(nest),
            _ => {
                if self.random.percent(20) {
                    return self.local_function();
                }
                let kind = if self.random.percent(40) { Kind::Closure } else { self.any_kind() };
                self.declare(kind, "u");
            }
        }
    }

    /// What is done with a value depends on its type.
    fn type_test(&mut self, nest: u32) {
        let value = match self.variable_where(|variable| !matches!(variable.kind, Kind::Closure | Kind::Closures)) {
            Some(name) => name,
            None => return self.simple_statement(),
        };
        let ty = self.random.pick(&["int", "int", "float", "string", "list", "struct instance", "bool", "void"]);
        let (test, other) = match self.random.below(3) {
            0 => (format!("core.type({value}) != \"{ty}\""), true),
            1 => (format!("\"{ty}\" == core.type({value})"), false),
            _ => (format!("core.type({value}) == \"{ty}\""), false),
        };
        let total = self.writable(Kind::Int);
        let use_it = |ty: &str| match (ty, &total) {
            ("int" | "float", Some(total)) => format!("{total} += core.int({value} % 7);"),
            ("string" | "list", Some(total)) => format!("{total} += {value}.len();"),
            ("bool", Some(total)) => format!("if {value} {{ {total} -= 1; }}"),
            ("struct instance", Some(total)) => format!("{total} ^= {value}.get();"),
            _ => format!("core.str({value}).len();"),
        };
        self.open(&format!("if {test}"));
        if other {
            self.nested(nest);
            self.turn("else");
        }
        let line = use_it(ty);
        self.line(&line);
        if !other && self.random.percent(40) {
            let ty = self.random.pick(&["float", "int", "string"]);
            self.turn(&format!("else if core.type({value}) == \"{ty}\""));
            let line = use_it(ty);
            self.line(&line);
        }
        self.close();
    }

    /// Statements in a block of their own.
    fn nested(&mut self, nest: u32) {
        let depth = self.scope.len();
        for _ in 0..self.random.between(1, 2) {
            if self.random.percent(70) {
                self.simple_statement();
            } else {
                self.statement(nest.saturating_sub(1));
            }
        }
        self.scope.truncate(depth);
    }

    /// Something is of another type from some iteration on.
    fn late_change(&mut self) {
        let Some(around) = self.loops.last().cloned() else { return };
        let Some(counter) = around.counter else { return };
        let k = self.random.between(0, around.iterations.min(1500) as i64);
        let operator = self.random.pick(&["==", "==", ">=", ">"]);
        self.open(&format!("if {counter} {operator} {k}"));
        let kind = self.scalar_kind();
        match self.random.below(4) {
            0 => {
                if let Some(list) = self.variable_where(|variable| variable.kind.is_list()) {
                    let value = self.expression(kind, 1);
                    match self.random.below(2) {
                        0 => self.line(&format!("{list}[0] = {value};")),
                        _ => self.line(&format!("{list}.push({value});")),
                    }
                }
            }
            1 => {
                if let Some(object) = self.variable(Kind::Object) {
                    let field = self.random.pick(&["a", "b", "c", "late"]);
                    let value = self.expression(kind, 1);
                    self.line(&format!("{object}.{field} = {value};"));
                }
            }
            2 => {
                let kind = [Kind::Object, Kind::Ints, Kind::Floats][self.random.below(3) as usize];
                if let Some(name) = self.writable(kind) {
                    let value = self.fresh_value(if kind == Kind::Ints { Kind::Floats } else { kind });
                    self.line(&format!("{name} = {value};"));
                }
            }
            _ => {
                let old = self.scalar_kind();
                if let Some(name) = self.writable(old) {
                    let value = self.expression(kind, 1);
                    self.line(&format!("{name} = {value};"));
                }
            }
        }
        self.close();
    }

    /// A way out of the loop, or of the iteration.
    fn leave(&mut self) {
        let may_continue = self.loops.last().is_some_and(|around| around.may_continue);
        let condition = self.condition(2);
        self.open(&format!("if {condition}"));
        match self.random.weighted(&[3, if may_continue { 4 } else { 0 }, u64::from(self.in_function), 1]) {
            0 => self.line("break;"),
            1 => self.line("continue;"),
            2 => {
                let result = self.scalar(1);
                self.line(&format!("return {result};"));
            }
            _ => {
                let thrown = self.scalar(1);
                self.line(&format!("throw {thrown};"));
            }
        }
        self.close();
    }

    fn print_some(&mut self) {
        let Some(counter) = self.loops.last().and_then(|around| around.counter.clone()) else { return };
        let value = self.scalar(1);
        let k = self.random.between(3, 11);
        self.open(&format!("if {counter} % {k} == 1"));
        self.line(&format!("println({counter}, {value});"));
        self.close();
    }

    /// A statement without a block of its own. Texts and lists are kept short.
    pub(super) fn simple_statement(&mut self) {
        match self.random.weighted(&[45, 20, 8, 12, 6, 8, 5, 4, 5, 6]) {
            0 => self.accumulate(Kind::Int),
            1 => self.accumulate(Kind::Float),
            2 => {
                if let Some(name) = self.writable(Kind::Text) {
                    let value = self.expression(Kind::Text, 2);
                    self.open(&format!("if {name}.len() > 30"));
                    self.line(&format!("{name} = \"z\";"));
                    self.close();
                    let operator = self.random.pick(&["+=", "+=", "="]);
                    self.line(&format!("{name} {operator} {value};"));
                }
            }
            3 => match self.variable_where(|variable| variable.kind.is_list()) {
                Some(list) => self.list_statement(&list),
                None => self.accumulate(Kind::Int),
            },
            4 => self.dict_statement(),
            5 => self.object_statement(),
            6 => {
                if let Some(name) = self.writable(Kind::Bool) {
                    let value = self.condition(2);
                    self.line(&format!("{name} = {value};"));
                }
            }
            7 => self.alias(),
            8 => self.logical_or_closure(),
            _ => self.unpacking(),
        }
    }

    /// Several targets at once, of a list of values or of one that is taken apart.
    fn unpacking(&mut self) {
        let (Some(a), Some(b)) = (self.writable(Kind::Int), self.writable(Kind::Int)) else {
            return self.accumulate(Kind::Int);
        };
        let (x, y) = (self.expression(Kind::Int, 1), self.expression(Kind::Int, 1));
        let line = match self.random.below(5) {
            0 => format!("{a}, {b} = {b}, {a};"),
            1 => format!("{a}, {b} = [{x}, {y}];"),
            2 => format!("{a}, {b} = ({x}, {y}) + ();"),
            3 => format!("{a}, {b} = 5..7;"),
            _ => format!("{a}, {b} = ({x} & 65535), ({y} & 65535);"),
        };
        self.line(&line);
    }

    fn logical_or_closure(&mut self) {
        if self.random.percent(60)
            && let Some(closures) = self.variable(Kind::Closures)
        {
            let closure = self.closure();
            self.open(&format!("if {closures}.len() < 6"));
            self.line(&format!("{closures}.push({closure});"));
            self.close();
            return;
        }
        let kind = self.scalar_kind();
        let Some(name) = self.writable(kind) else { return };
        if self.loops.last().and_then(|around| around.counter.as_deref()) == Some(&name) {
            return;
        }
        let value = self.expression(kind, 1);
        let operator = self.random.pick(&["and=", "or="]);
        self.line(&format!("{name} {operator} {value};"));
    }

    fn accumulate(&mut self, kind: Kind) {
        let Some(name) = self.writable(kind) else { return };
        let value = self.expression(kind, 3);
        let operator = match kind {
            Kind::Int => self.random.pick(&["+=", "+=", "+=", "-=", "*=", "^=", "=", "=", "&=", "|=", "%=", "<<="]),
            _ => self.random.pick(&["+=", "+=", "-=", "*=", "=", "/="]),
        };
        let counted = self.loops.last().and_then(|around| around.counter.as_deref()) == Some(&name);
        // A loop variable that is a counter in conditions stays a number.
        let operator = if counted { "+=" } else { operator };
        self.line(&format!("{name} {operator} {value};"));
    }

    fn list_statement(&mut self, list: &str) {
        let kind = self.scope.iter().find(|variable| variable.name == list).map_or(Kind::Scalar, |v| v.kind.element());
        let value = self.expression(kind, 2);
        let index = self.index(list);
        match self.random.weighted(&[25, 15, 20, 6, 4, 3, 3, 3, 3, 3]) {
            0 => self.line(&format!("{list}[{index}] = {value};")),
            1 => {
                let operator = self.random.pick(&["+=", "-=", "+="]);
                self.line(&format!("{list}[{index}] {operator} {value};"));
            }
            2 => {
                let limit = self.random.between(4, 40);
                self.open(&format!("if {list}.len() < {limit}"));
                self.line(&format!("{list}.push({value});"));
                self.close();
            }
            3 => {
                let limit = self.random.below(4);
                self.open(&format!("if {list}.len() > {limit}"));
                self.line(&format!("{list}.pop();"));
                self.close();
            }
            4 => self.line(&format!("{list}.reverse();")),
            5 => {
                let limit = self.random.between(5, 30);
                self.open(&format!("if {list}.len() > {limit}"));
                self.line(&format!("{list}.clear();"));
                self.close();
            }
            6 => {
                self.open(&format!("if {list}.len() < 20"));
                self.line(&format!("{list}.insert({index}, {value});"));
                self.close();
            }
            7 => self.line(&format!("{list}.remove({index});")),
            8 if self.random.percent(50) => self.line(&format!("{list}.sort();")),
            8 => {
                let (a, b) = (self.name("p"), self.name("p"));
                self.line(&format!("{list}.sort(: {a}, {b} {{ return core.int({b} - {a}); }});"));
            }
            _ => {
                let x = self.name("x");
                let factor = self.random.between(2, 4);
                self.line(&format!("{list}.map(: {x} {{ return {x} * {factor}; }});"));
            }
        }
    }

    fn dict_statement(&mut self) {
        let Some(dict) = self.variable(Kind::Dict) else { return };
        let key = self.key();
        let value = self.expression(Kind::Int, 1);
        match self.random.below(6) {
            0 => self.line(&format!("{dict}.remove({key});")),
            1 => self.line(&format!("{dict}[{key}] += {value};")),
            2 => self.line(&format!("{dict}[{key}] = {dict}.get({key}, 0) + {value};")),
            _ => self.line(&format!("{dict}[{key}] = {value};")),
        }
    }

    fn object_statement(&mut self) {
        let object = match self.variable(Kind::Objects) {
            Some(objects) if self.random.percent(40) => {
                let index = self.index(&objects);
                format!("{objects}[{index}]")
            }
            _ => match self.variable(Kind::Object) {
                Some(object) => object,
                None => return,
            },
        };
        let value = self.expression(Kind::Int, 1);
        let field = self.random.pick(&["a", "a", "b", "c"]);
        match self.random.below(6) {
            0 => self.line(&format!("{object}.{field} = {value};")),
            1 => self.line(&format!("{object}.late = {value};")),
            2 => self.line(&format!("{object}.add({value});")),
            3 => {
                let y = self.random.below(5);
                self.line(&format!("{object}.both({value}, {y});"));
            }
            _ => self.line(&format!("{object}.{field} += {value};")),
        }
    }

    /// Two names for one thing, or another thing of the same kind.
    fn alias(&mut self) {
        let kind = [Kind::Ints, Kind::Floats, Kind::Object, Kind::Dict, Kind::Mixed][self.random.below(5) as usize];
        if let (Some(a), Some(b)) = (self.writable(kind), self.variable(kind)) {
            match self.random.below(5) {
                0 => {
                    let value = self.fresh_value(kind);
                    self.line(&format!("{a} = {value};"));
                }
                _ => self.line(&format!("{a} = {b};")),
            }
        }
    }
}
