//! Expressions of a kind.

use super::{Generator, Kind};

impl Generator {
    /// A value to start a variable with.
    pub(super) fn fresh_value(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Closure if self.random.percent(50) => {
                let made = self.call(Kind::Closure);
                if made.ends_with(')') { made } else { self.closure() }
            }
            Kind::Closure => self.closure(),
            Kind::Closures => {
                let count = self.random.between(0, 2);
                let items: Vec<String> = (0..count).map(|_| self.closure()).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Object => {
                let number = self.random.below(self.structs as u64);
                let a = self.expression(Kind::Int, 1);
                format!("S{number}({a})")
            }
            Kind::Objects => {
                let count = self.random.between(1, 4);
                let items: Vec<String> = (0..count).map(|_| self.fresh_value(Kind::Object)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Rows => {
                let count = self.random.between(1, 4);
                let items: Vec<String> = (0..count).map(|_| self.list_literal(Kind::Ints)).collect();
                format!("[{}]", items.join(", "))
            }
            _ if kind.is_list() => self.list_literal(kind),
            Kind::Tuple => {
                let count = self.random.between(1, 4);
                let items: Vec<String> = (0..count).map(|_| self.scalar(0)).collect();
                format!("({},)", items.join(", "))
            }
            Kind::Dict => {
                let count = self.random.between(0, 4);
                let items: Vec<String> = (0..count)
                    .map(|_| {
                        let key = self.key();
                        let value = self.leaf(Kind::Int);
                        format!("{key}: {value}")
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
            _ => self.literal(kind),
        }
    }

    fn list_literal(&mut self, kind: Kind) -> String {
        let element = kind.element();
        if self.random.percent(15) {
            let item = self.literal(element);
            let count = self.random.between(0, 12);
            return format!("([{item}] * {count})");
        }
        let count = if self.random.percent(10) { 0 } else { self.random.between(1, 8) };
        let items: Vec<String> = (0..count)
            .map(|_| match element {
                Kind::Scalar => self.scalar(0),
                _ => self.leaf(element),
            })
            .collect();
        format!("[{}]", items.join(", "))
    }

    pub(super) fn key(&mut self) -> String {
        match self.random.below(9) {
            0 => self.literal(Kind::Float),
            1 => self.literal(Kind::Bool),
            2 => format!("({}, {})", self.random.below(3), self.random.below(2)),
            3 | 4 => self.literal(Kind::Text),
            5 => format!("({} % 5)", self.leaf(Kind::Int)),
            _ => self.random.below(5).to_string(),
        }
    }

    pub(super) fn scalar(&mut self, depth: u32) -> String {
        if self.random.percent(3) {
            return "void".into();
        }
        let kind = self.scalar_kind();
        self.expression(kind, depth)
    }

    pub(super) fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int => match self.random.below(20) {
                0 => self
                    .random
                    .pick(&[
                        "9223372036854775807",
                        "(-9223372036854775808)",
                        "4611686018427387904",
                        "9007199254740993",
                        "4294967296",
                        "2147483648",
                        "(-2147483649)",
                        "65536",
                        "32768",
                    ])
                    .to_owned(),
                1 => "0".into(),
                2 => "(-1)".into(),
                3 => format!("({})", self.random.between(-100, -1)),
                4 => self.random.between(100, 100_000).to_string(),
                _ => self.random.between(0, 12).to_string(),
            },
            Kind::Float => match self.random.below(16) {
                0 => "(0.0 / 0.0)".into(),
                1 => "(1.0 / 0.0)".into(),
                2 => "(-1.0 / 0.0)".into(),
                3 => "(-0.0)".into(),
                4 => self
                    .random
                    .pick(&["1e300", "9007199254740992.0", "9223372036854775807.0", "1e-9", "3.0", "2.0"])
                    .to_owned(),
                5 => format!("({}.5)", self.random.between(-9, -1)),
                _ => format!("{}.{}", self.random.below(10), [0, 25, 5, 75, 125][self.random.below(5) as usize]),
            },
            Kind::Bool => self.random.pick(&["true", "false"]).to_owned(),
            Kind::Text => {
                format!("\"{}\"", self.random.pick(&["", "a", "bc", "xyz", "é", "日本", "12", "a b", "q😀r"]))
            }
            Kind::Scalar => {
                let kind = self.scalar_kind();
                self.literal(kind)
            }
            _ => self.fresh_value(kind),
        }
    }

    pub(super) fn leaf(&mut self, kind: Kind) -> String {
        if self.random.percent(70)
            && let Some(name) = self.variable(kind)
        {
            return name;
        }
        self.literal(kind)
    }

    /// An expression that mostly gives a value of that kind.
    pub(super) fn expression(&mut self, kind: Kind, depth: u32) -> String {
        let kind = if self.random.percent(self.confusion) { self.scalar_kind() } else { kind };
        if depth == 0 {
            return match kind {
                Kind::Scalar => self.scalar(0),
                _ => self.leaf(kind),
            };
        }
        if self.random.percent(4) && !matches!(kind, Kind::Closure | Kind::Closures) {
            let condition = self.condition(depth - 1);
            let (a, b) = (self.expression(kind, depth - 1), self.expression(kind, depth - 1));
            return format!("(if {condition} {{ {a} }} else {{ {b} }})");
        }
        match kind {
            Kind::Int => self.int(depth - 1),
            Kind::Float => self.float(depth - 1),
            Kind::Bool => self.condition(depth - 1),
            Kind::Text => self.text(depth - 1),
            Kind::Scalar => self.scalar(depth - 1),
            _ => self.leaf(kind),
        }
    }

    /// An index that mostly is within a list of some elements.
    pub(super) fn index(&mut self, list: &str) -> String {
        match self.random.below(10) {
            0 => self.expression(Kind::Int, 1),
            1 => self.random.between(-3, 3).to_string(),
            2 => format!("(-1 - {} % 2)", self.leaf(Kind::Int)),
            3 | 4 => format!("({} % {list}.len())", self.leaf(Kind::Int)),
            5 => self.random.below(3).to_string(),
            6 => format!("({} & 3)", self.leaf(Kind::Int)),
            _ => match self.loops.last().and_then(|around| around.counter.clone()) {
                Some(counter) if self.random.percent(25) => counter,
                Some(counter) => format!("({counter} % {list}.len())"),
                None => "0".into(),
            },
        }
    }

    fn int(&mut self, depth: u32) -> String {
        match self.random.weighted(&[30, 30, 5, 5, 5, 8, 3, 5, 4, 4, 3, 8, 3, 3, 3]) {
            0 => self.leaf(Kind::Int),
            1 => {
                let operator = self.random.pick(&["+", "+", "+", "-", "-", "*", "*", "&", "|", "^"]);
                let (a, b) = (self.expression(Kind::Int, depth), self.expression(Kind::Int, depth));
                format!("({a} {operator} {b})")
            }
            2 => {
                let operator = self.random.pick(&["/", "%", "%"]);
                let a = self.expression(Kind::Int, depth);
                let b = match self.random.below(4) {
                    0 => self.expression(Kind::Int, depth),
                    1 => self.literal(Kind::Int),
                    _ => self.random.between(1, 9).to_string(),
                };
                format!("({a} {operator} {b})")
            }
            3 => {
                let operator = self.random.pick(&["<<", ">>"]);
                let a = self.expression(Kind::Int, depth);
                let b = match self.random.below(4) {
                    0 => self.expression(Kind::Int, depth),
                    1 => self.random.pick(&["63", "64", "65", "127", "200", "31"]).to_owned(),
                    _ => format!("({} & 15)", self.leaf(Kind::Int)),
                };
                format!("({a} {operator} {b})")
            }
            4 => {
                let operator = self.random.pick(&["-", "~", "-"]);
                let a = self.expression(Kind::Int, depth);
                format!("({operator}{a})")
            }
            5 => match self.variable(Kind::Ints) {
                Some(list) => {
                    let index = self.index(&list);
                    format!("{list}[{index}]")
                }
                None => self.leaf(Kind::Int),
            },
            6 => {
                let text = self.leaf_variable_or(Kind::Text, "\"abc\"");
                match self.random.below(3) {
                    0 => format!("{text}.len()"),
                    1 => format!("{text}.index_of({})", self.literal(Kind::Text)),
                    _ => format!("core.len({text})"),
                }
            }
            7 => match self.variable_where(|variable| variable.kind.is_list()) {
                Some(list) => match self.random.below(6) {
                    0 => format!("{list}.index_of({})", self.literal(Kind::Int)),
                    1 => format!("core.len({list})"),
                    _ => format!("{list}.len()"),
                },
                None => self.leaf(Kind::Int),
            },
            8 => match self.variable(Kind::Dict) {
                Some(dict) => {
                    let key = self.key();
                    let default = self.leaf(Kind::Int);
                    match self.random.below(5) {
                        0 => format!("{dict}[{key}]"),
                        1 => format!("{dict}.len()"),
                        _ => format!("{dict}.get({key}, {default})"),
                    }
                }
                None => self.leaf(Kind::Int),
            },
            9 => self.call(Kind::Int),
            10 => {
                let a = self.expression(Kind::Float, depth);
                match self.random.below(3) {
                    0 => format!("math.sign({a})"),
                    _ => format!("core.int({a})"),
                }
            }
            11 => self.member(),
            12 => match self.variable(Kind::Tuple) {
                Some(tuple) if self.random.percent(60) => {
                    let at = self.random.between(-1, 2);
                    format!("{tuple}[{at}]")
                }
                _ => self.reduction(),
            },
            13 => match self.variable(Kind::Closures) {
                Some(closures) => {
                    let (index, argument) = (self.index(&closures), self.leaf(Kind::Int));
                    format!("{closures}[{index}]({argument})")
                }
                None => self.leaf(Kind::Int),
            },
            _ => {
                if let Some(rows) = self.variable(Kind::Rows) {
                    let (i, j) = (self.index(&rows), self.random.below(3));
                    return format!("{rows}[{i}][{j}]");
                }
                let b = self.random.between(-1, 3);
                format!("({} ** {b})", self.leaf(Kind::Int))
            }
        }
    }

    /// A value made of a whole list, often by a function that is called from native code.
    fn reduction(&mut self) -> String {
        let Some(list) = self.variable_where(|variable| variable.kind.is_list()) else {
            return self.leaf(Kind::Int);
        };
        let (a, b) = (self.name("p"), self.name("p"));
        let k = self.random.between(1, 5);
        match self.random.below(7) {
            0 => format!("{list}.sum()"),
            1 => format!("{list}.min()"),
            2 => format!("{list}.reduce(: {a}, {b} {{ return {a} + {b}; }}, {k})"),
            3 => format!("{list}.filter(: {a} {{ return {a} > {k}; }}).len()"),
            4 => format!("({list} + [{k}]).len()"),
            5 => format!("{list}[0..{k}].len()"),
            _ => match self.variable(Kind::Closure) {
                Some(closure) => format!("{list}.map({closure}).len()"),
                None => format!("{list}.last()"),
            },
        }
    }

    fn leaf_variable_or(&mut self, kind: Kind, otherwise: &str) -> String {
        self.variable(kind).unwrap_or_else(|| otherwise.into())
    }

    fn member(&mut self) -> String {
        let object = if self.random.percent(35) {
            self.variable(Kind::Objects).map(|objects| {
                let index = self.index(&objects);
                format!("{objects}[{index}]")
            })
        } else {
            self.variable(Kind::Object)
        };
        let Some(object) = object else {
            return match self.variable(Kind::Closure) {
                Some(closure) => {
                    let argument = self.leaf(Kind::Int);
                    format!("{closure}({argument})")
                }
                None => self.leaf(Kind::Int),
            };
        };
        match self.random.below(8) {
            0 => format!("{object}.a"),
            1 => format!("{object}.b"),
            2 => format!("{object}.c"),
            3 => format!("{object}.get()"),
            7 if self.iterations < 500 => format!("{object}.run({})", self.random.between(0, 9)),
            4 => format!("{object}.both({}, {})", self.leaf(Kind::Int), self.leaf(Kind::Int)),
            _ => format!("{object}.add({})", self.leaf(Kind::Int)),
        }
    }

    fn float(&mut self, depth: u32) -> String {
        match self.random.weighted(&[25, 30, 8, 8, 8, 5, 5, 4, 4]) {
            0 => self.leaf(Kind::Float),
            1 => {
                let operator = self.random.pick(&["+", "-", "*", "/", "%", "+", "*"]);
                let (a, b) = (self.expression(Kind::Float, depth), self.expression(Kind::Float, depth));
                format!("({a} {operator} {b})")
            }
            2 => {
                let operator = self.random.pick(&["+", "-", "*", "/", "%"]);
                let (a, b) = (self.expression(Kind::Float, depth), self.expression(Kind::Int, depth));
                if self.random.percent(50) { format!("({a} {operator} {b})") } else { format!("({b} {operator} {a})") }
            }
            3 => match self.variable(Kind::Floats) {
                Some(list) => {
                    let index = self.index(&list);
                    format!("{list}[{index}]")
                }
                None => self.leaf(Kind::Float),
            },
            4 => {
                let function = self.random.pick(&["floor", "ceil", "round", "trunc", "abs", "sqrt", "sin", "fract"]);
                let a = self.expression(Kind::Float, depth);
                format!("math.{function}({a})")
            }
            5 => {
                let function = self.random.pick(&["min", "max", "pow", "hypot"]);
                let (a, b) = (self.expression(Kind::Float, depth), self.expression(Kind::Scalar, 0));
                format!("math.{function}({a}, {b})")
            }
            6 => format!("(-{})", self.expression(Kind::Float, depth)),
            7 => {
                let a = self.expression(Kind::Int, depth);
                format!("core.float({a})")
            }
            _ => self.call(Kind::Float),
        }
    }

    pub(super) fn condition(&mut self, depth: u32) -> String {
        match self.random.weighted(&[50, 8, 8, 6, 5, 4, 4, 3, 3]) {
            0 => {
                let operator = self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let kind = [Kind::Int, Kind::Int, Kind::Float, Kind::Text][self.random.below(4) as usize];
                let other = match kind {
                    Kind::Int if self.random.percent(15) => Kind::Float,
                    _ => kind,
                };
                let (a, b) = (self.expression(kind, depth), self.expression(other, depth));
                format!("({a} {operator} {b})")
            }
            1 => {
                let operator = self.random.pick(&["and", "or"]);
                let (a, b) = (self.condition(depth.saturating_sub(1)), self.condition(depth.saturating_sub(1)));
                format!("({a} {operator} {b})")
            }
            2 => format!("(not {})", self.expression(Kind::Bool, depth)),
            3 => match self.variable(Kind::Bools) {
                Some(list) => {
                    let index = self.index(&list);
                    format!("{list}[{index}]")
                }
                None => self.leaf(Kind::Bool),
            },
            4 => match self.variable_where(|variable| variable.kind.is_list() || variable.kind == Kind::Dict) {
                Some(list) => match self.random.below(3) {
                    0 => format!("{list}.contains({})", self.leaf(Kind::Int)),
                    1 => format!("({} in {list})", self.leaf(Kind::Int)),
                    _ => format!("({} not in {list})", self.leaf(Kind::Int)),
                },
                None => self.leaf(Kind::Bool),
            },
            // Whatever is truthy.
            5 => self.scalar(depth),
            6 => {
                let kind = [Kind::Scalar, Kind::Scalar, Kind::Ints, Kind::Floats, Kind::Tuple, Kind::Dict];
                let (a, b) = (kind[self.random.below(6) as usize], kind[self.random.below(6) as usize]);
                let (a, b) = (self.expression(a, 0), self.expression(b, 0));
                format!("({a} == {b})")
            }
            7 => {
                // Where floats skip every other int.
                let operator = self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let int = format!("(9007199254740991 + ({} & 3))", self.leaf(Kind::Int));
                let float = self.random.pick(&["9007199254740992.0", "9007199254740994.0"]).to_owned();
                let (a, b) = if self.random.percent(50) { (int, float) } else { (float, int) };
                format!("({a} {operator} {b})")
            }
            _ => self.leaf(Kind::Bool),
        }
    }

    fn text(&mut self, depth: u32) -> String {
        match self.random.weighted(&[30, 10, 10, 8, 6, 5, 5, 5]) {
            0 => self.leaf(Kind::Text),
            1 => {
                let (a, b) = (self.expression(Kind::Text, depth), self.literal(Kind::Text));
                format!("({a} + {b})")
            }
            2 => {
                let (a, b) = (self.scalar(0), self.expression(Kind::Int, depth));
                if a.contains('"') || b.contains('"') { b } else { format!("f\"<{{{a}}}-{{{b}}}>\"") }
            }
            3 => {
                let text = self.leaf_variable_or(Kind::Text, "\"abcdé\"");
                let index = self.index(&text);
                format!("{text}[{index}]")
            }
            4 => {
                let text = self.leaf_variable_or(Kind::Text, "\"abcdé\"");
                match self.random.below(4) {
                    0 => format!("{text}.upper()"),
                    1 => format!("{text}[0..{}]", self.random.between(-2, 3)),
                    2 => format!("{text}.replace(\"a\", \"b\")"),
                    _ => format!("{text}.trim()"),
                }
            }
            5 => format!("core.str({})", self.scalar(depth)),
            6 => format!("core.type({})", self.scalar(depth)),
            _ => match self.variable(Kind::Texts) {
                Some(list) => {
                    let index = self.index(&list);
                    format!("{list}[{index}]")
                }
                None => self.literal(Kind::Text),
            },
        }
    }

    /// An anonymous function over what is in scope; it may change an int that it captures.
    pub(super) fn closure(&mut self) -> String {
        let local = self.in_function;
        let captured = self.variable_where(|variable| variable.kind == Kind::Int && variable.writable);
        let p = self.name("p");
        match (self.random.below(4), captured) {
            (0 | 1, Some(name)) => {
                let operator = self.random.pick(&["+=", "-=", "+=", "^="]);
                format!(": {p} {{ {name} {operator} {p}; return {name}; }}")
            }
            (2, Some(name)) if local => format!(": {p} {{ return {name} + {p}; }}"),
            _ => format!(": {p} {{ return {p} * {}; }}", self.random.between(2, 5)),
        }
    }

    /// A call of one of the functions so far that gives such a value.
    pub(super) fn call(&mut self, kind: Kind) -> String {
        let room = MAX_CALLS / self.iterations.max(1);
        let fitting: Vec<usize> = (0..self.functions.len())
            .filter(|&i| self.functions[i].returns == kind && self.functions[i].cost <= room)
            .collect();
        if fitting.is_empty() {
            return self.leaf(kind);
        }
        let function = self.functions[fitting[self.random.below(fitting.len() as u64) as usize]].clone();
        self.cost += function.cost * self.iterations;
        let mut arguments: Vec<String> = function
            .parameters
            .iter()
            .enumerate()
            .map(|(i, &parameter)| {
                // The first parameter of a recursive function is how deep it goes.
                if i == 0 && function.name.starts_with('r') {
                    format!("({} % {})", self.leaf(Kind::Int), self.random.between(2, 9))
                } else {
                    self.expression(parameter, 1)
                }
            })
            .collect();
        if function.has_default && self.random.percent(50) {
            arguments.pop();
        }
        format!("{}({})", function.name, arguments.join(", "))
    }
}

/// Steps that calls in one statement may take, iterations of the loops around counted.
const MAX_CALLS: u64 = 4000;
