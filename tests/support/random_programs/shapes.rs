//! Loops whose shapes the other generators come by too seldom: receivers of several structs that change at an
//! iteration, dicts and texts that are changed while they are iterated, fields that are added to in every iteration,
//! errors thrown and caught in every iteration.

use super::{Generator, Kind, Loop, Variable};

impl Generator {
    /// Methods and fields of objects of several structs in turn. At some iteration one of them becomes another.
    pub(super) fn receivers_loop(&mut self, count: u64, nest: u32) {
        let objects = self.name("o");
        let some = self.random.between(2, 6);
        let items: Vec<String> = (0..some).map(|_| self.fresh_value(Kind::Object)).collect();
        self.line(&format!("let {objects} = [{}];", items.join(", ")));
        let total = self.declare(Kind::Int, "v");
        let i = self.name("i");
        self.open(&format!("for {i} in 0..{count}"));
        let object = self.name("x");
        self.line(&format!("let {object} = {objects}[{i} % {objects}.len()];"));
        self.scope.push(Variable { name: i.clone(), kind: Kind::Int, writable: false });
        self.scope.push(Variable { name: object.clone(), kind: Kind::Object, writable: true });
        for _ in 0..self.random.between(1, 3) {
            let argument = self.expression(Kind::Int, 1);
            match self.random.below(7) {
                6 => {
                    let operator = self.random.pick(&["==", "!="]);
                    let same = format!("{object}.get {operator} {object}.get");
                    self.line(&format!("if {same} {{ {total} += 1; }} {total} += core.len(core.str({same}));"));
                }
                0 => self.line(&format!("{total} += {object}.get();")),
                1 => self.line(&format!("{total} = {total} ^ {object}.add({argument});")),
                2 => self.line(&format!("{total} += {object}.both({argument}, {i});")),
                3 => self.line(&format!("{object}.b = {object}.a - {total} % 7;")),
                4 => self.line(&format!("{total} += {object}.add({i}) + {object}.get();")),
                _ => self.line(&format!("{total} -= {object}.c;")),
            }
        }
        if self.random.percent(60) {
            let k = self.random.below(count.max(1));
            let place = self.random.below(some as u64);
            self.open(&format!("if {i} == {k}"));
            match self.random.below(6) {
                0 => self.line(&format!("{objects}[{place}].get = : {{ return {k}; }};")),
                1 => self.line(&format!("{objects}[{place}].late = {k};")),
                2 => {
                    let other = self.scalar(0);
                    self.line(&format!("{objects}[{place}] = {other};"));
                }
                3 => self.line(&format!("{objects}[{place}].a = 0.5;")),
                _ => {
                    let other = self.fresh_value(Kind::Object);
                    self.line(&format!("{objects}[{place}] = {other};"));
                }
            }
            self.close();
        }
        self.body(Loop { may_continue: true, counter: Some(i), iterations: count }, nest.min(1));
        self.scope.pop();
        self.scope.pop();
        self.close();
    }

    /// Adds to fields of a few objects, of which two may be the same, and to a captured variable; something may happen
    /// to them at an iteration.
    pub(super) fn fields_loop(&mut self, count: u64, nest: u32) {
        let (first, second, inner, cell) = (self.name("o"), self.name("o"), self.name("o"), self.name("c"));
        let fresh: Vec<String> = (0..3).map(|_| self.fresh_value(Kind::Object)).collect();
        self.line(&format!("let {first} = {};", fresh[0]));
        let alias = self.random.percent(30);
        self.line(&format!("let {second} = {};", if alias { &first } else { &fresh[1] }));
        self.line(&format!("let {inner} = {};", fresh[2]));
        if self.random.percent(70) {
            self.line(&format!("{first}.a = 0; {second}.a = 1;"));
        }
        let has_inner = self.random.percent(40);
        if has_inner {
            self.line(&format!("{first}.c = {inner};"));
        }
        self.line(&format!("let {cell} = 0;"));
        let show = self.name("f");
        self.line(&format!("let {show} = : {{ {cell} += 1; return {cell}; }};"));
        let i = self.name("i");
        self.open(&format!("for {i} in 0..{count}"));
        self.scope.push(Variable { name: i.clone(), kind: Kind::Int, writable: false });
        let guarded = self.random.percent(30);
        if guarded {
            self.open("try");
        }
        for _ in 0..self.random.between(2, 5) {
            let value = self.expression(Kind::Int, 1);
            let object = if self.random.percent(60) { first.clone() } else { second.clone() };
            let field = self.random.pick(&["a", "a", "b"]);
            let k = self.random.below(count.max(1));
            let k2 = self.random.between(2, 4);
            match self.random.below(14) {
                0 | 1 => self.line(&format!("{object}.{field} = {object}.{field} + {i};")),
                2 => self.line(&format!("{object}.{field} += {value};")),
                3 => self.line(&format!("{object}.a = {first}.b * 3 - {second}.a;")),
                4 => self.line(&format!("{cell} = {cell} + {i};")),
                5 => self.line(&format!("if {i} % {k2} == 1 {{ {object}.{field} += 1; }}")),
                6 => self.line(&format!("for j in 0..{k2} {{ {object}.{field} = {object}.{field} + j; }}")),
                7 if has_inner => self.line(&format!("{first}.c.a += {i};")),
                8 => self.line(&format!("{object}.add({i});")),
                9 => self.line(&format!("if {i} == {k} {{ {object}.{field} = 0.5; }}")),
                10 => self.line(&format!("if {i} == {k} {{ {second} = {first}; }}")),
                11 => self.line(&format!("if {i} == {k} {{ print({object}.a, {show}()); }}")),
                12 => self.line(&format!("if {i} == {k} {{ {object}.a = [1, 2][{i}]; }}")),
                _ => self.line(&format!("{object}.a = {object}.a ^ [1, 2, 3][{i} % 3];")),
            }
        }
        if guarded {
            let k = self.random.between(2, 5);
            self.line(&format!("if {i} % {k} == 0 {{ {first}.b = 10 / ({i} % 3); }}"));
            self.turn("catch e");
            self.line(&format!("{second}.b = {first}.a; {cell} += 1;"));
            self.close();
        }
        if self.random.percent(30) {
            self.body(Loop { may_continue: true, counter: Some(i), iterations: count }, nest.min(1));
        }
        self.scope.pop();
        self.close();
        for object in [first, second, inner] {
            self.line(&format!("println({object}.a, {object}.b);"));
        }
        self.line(&format!("println({cell});"));
    }

    /// Goes over a dict again and again. Values change meanwhile, and sometimes keys, which is an error.
    pub(super) fn changing_dict_loop(&mut self, count: u64) {
        let dict = self.declare(Kind::Dict, "d");
        let total = self.declare(Kind::Int, "v");
        let i = self.name("i");
        let rounds = count.min(60);
        self.open(&format!("for {i} in 0..{rounds}"));
        if self.random.percent(50) {
            let key = self.key();
            self.line(&format!("{dict}[{key}] = {i};"));
        }
        let caught = self.random.percent(60);
        if caught {
            self.open("try");
        }
        let (k, v) = (self.name("k"), self.name("x"));
        let pairs = self.random.percent(70);
        self.open(&if pairs { format!("for {k}, {v} in {dict}") } else { format!("for {k} in {dict}") });
        if !pairs {
            self.line(&format!("let {v} = {k}[1];"));
            self.line(&format!("{k} = {k}[0];"));
        }
        for _ in 0..self.random.between(1, 3) {
            let at = self.random.below(rounds);
            let key = self.key();
            match self.random.below(8) {
                0 => self.line(&format!("{dict}[{k}] = {v} + 1;")),
                1 => self.line(&format!("{total} += {v};")),
                2 => self.line(&format!("if {dict}.contains({i} % 5) {{ {total} += {dict}[{i} % 5]; }}")),
                3 => self.line(&format!("{total} += {dict}.get({k}, 3) - {dict}.get({key}, {i});")),
                4 => self.line(&format!("if {i} == {at} {{ {dict}[{i} + 100] = {v}; }}")),
                5 => self.line(&format!("if {i} == {at} {{ {dict}.remove({k}); }}")),
                6 => self.line(&format!("if {i} == {at} {{ {dict}[{k}] = 0.5; }}")),
                _ => self.line(&format!("{total} += {dict}.len() + core.len({dict});")),
            }
        }
        self.close();
        if caught {
            self.turn("catch e");
            self.line(&format!("{total} += core.len(core.str(e));"));
            self.line(&format!("if {dict}.len() > 12 {{ {dict}.clear(); }}"));
            self.close();
        }
        self.close();
    }

    /// Characters by iteration and by index, compared and put together.
    pub(super) fn characters_loop(&mut self, count: u64) {
        let text = self.declare(Kind::Text, "t");
        let out = self.name("t");
        self.line(&format!("let {out} = \"\";"));
        self.scope.push(Variable { name: out.clone(), kind: Kind::Text, writable: true });
        let total = self.declare(Kind::Int, "v");
        let i = self.name("i");
        let rounds = count.min(120);
        self.open(&format!("for {i} in 0..{rounds}"));
        let c = self.name("c");
        self.open(&format!("for {c} in {text}"));
        let other = self.literal(Kind::Text);
        for _ in 0..self.random.between(1, 3) {
            match self.random.below(9) {
                8 => self.line(&format!(
                    "if \"twenty characters or\" + {c} == \"twenty characters or\" + {out} {{ {total} += 3; }}"
                )),
                0 => self.line(&format!("if {c} == {other} {{ {total} += 1; }}")),
                1 => self.line(&format!("if {c} < {other} or {out} > {text} {{ {total} += 2; }}")),
                2 => self.line(&format!("{out} = {out} + {c};")),
                3 => self.line(&format!("{out} += f\"{{{i}}}{{{c}}}\";")),
                4 => self.line(&format!("{total} += {out}.len() * core.len({c});")),
                5 => self.line(&format!("if {out} != \"\" and {out}[{i} % {out}.len()] != {c} {{ {total} -= 1; }}")),
                6 => self.line(&format!("if {out} {{ {out} = {out}[-1] + {c}; }}")),
                _ => {
                    let k = self.random.below(rounds);
                    let value = self.scalar(0);
                    self.line(&format!("if {i} == {k} {{ {c} = {value}; {total} += core.len({c} + {c}); }}"));
                }
            }
        }
        self.close();
        self.line(&format!("if {out}.len() > 30 {{ {out} = {other}; }}"));
        if self.random.percent(30) {
            let k = self.random.below(rounds);
            let value = self.scalar(0);
            self.line(&format!("if {i} == {k} {{ {text} = {value}; }}"));
        }
        self.close();
    }

    /// Lists or tuples in order: rows of a list compared with each other, with a row of the round, and, at some
    /// iteration, with one of another length or kind.
    pub(super) fn ordering_loop(&mut self, count: u64) {
        let (open, close) = self.random.pick(&["[]", "()"]).split_at(1);
        let items = [Kind::Int, Kind::Int, Kind::Float, Kind::Text][self.random.below(4) as usize];
        let length = self.random.between(2, 3);
        let row = |generator: &mut Self| {
            let parts: Vec<String> = (0..length).map(|_| generator.literal(items)).collect();
            format!("{open}{}{close}", parts.join(", "))
        };
        let rows = self.name("l");
        let some: Vec<String> = (0..self.random.between(2, 6)).map(|_| row(self)).collect();
        self.line(&format!("let {rows} = [{}];", some.join(", ")));
        let total = self.declare(Kind::Int, "v");
        let (i, a, b) = (self.name("i"), self.name("x"), self.name("x"));
        self.open(&format!("for {i} in 0..{count}"));
        self.line(&format!("let {a} = {rows}[{i} % {rows}.len()];"));
        let other = match self.random.below(3) {
            0 => row(self),
            1 if items == Kind::Int => format!("{open}{i} % 5, {i}{close}"),
            _ => format!("{rows}[{i} * 3 % {rows}.len()]"),
        };
        self.line(&format!("let {b} = {other};"));
        for worth in 1..=self.random.between(1, 4) {
            let operator = self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
            match self.random.below(3) {
                0 => self.line(&format!("if {a} {operator} {b} {{ {total} += {worth}; }}")),
                1 => self.line(&format!("{total} += core.len(core.str({a} {operator} {b})) * {worth};")),
                _ => {
                    self.line(&format!("if not ({b} {operator} {a}) {{ {total} -= {worth}; }}"));
                    self.line(&format!("else {{ {rows}[0], {rows}[1] = {rows}[1], {rows}[0]; }}"));
                }
            }
        }
        if self.random.percent(30) {
            let k = self.random.below(count.max(1));
            let odd = match self.random.below(3) {
                0 => format!("{open}{}, {i}{close}", self.scalar(0)),
                1 => self.scalar(0),
                _ => format!("{open}{a}, {b}{close}"),
            };
            self.line(&format!("if {i} == {k} {{ {rows}[{i} % {rows}.len()] = {odd}; }}"));
        }
        self.close();
    }

    /// A `try` that throws in many iterations, values of several kinds, also from its handler and out of a loop in it.
    pub(super) fn throwing_loop(&mut self, count: u64) {
        let total = self.declare(Kind::Int, "v");
        let changed = self.declare(Kind::Scalar, "v");
        let i = self.name("i");
        self.open(&format!("for {i} in 0..{count}"));
        let outer = self.random.percent(50);
        if outer {
            self.open("try");
        }
        self.open("try");
        for _ in 0..self.random.between(1, 3) {
            let k = self.random.between(1, 5);
            let thrown = if self.random.percent(50) { i.clone() } else { self.scalar(1) };
            let value = self.scalar(0);
            match self.random.below(7) {
                0 => self.line(&format!("if {i} % {k} == 0 {{ throw {thrown}; }}")),
                1 => self.line(&format!("{changed} = {value};")),
                2 => self.line(&format!("{total} += 10 / ({i} % {k});")),
                3 => self.line(&format!("for j in 0..{k} {{ if j == {i} % 3 {{ throw j; }} {total} += j; }}")),
                4 => self.line(&format!("{total} += [1, 2][{i} % {k}];")),
                5 => self.line(&format!("{changed} = {i}; if {i} > {k} {{ {changed} = {value}; throw {thrown}; }}")),
                _ => self.line(&format!("{changed} = {changed} + 1;")),
            }
        }
        if self.random.percent(50) {
            let thrown = self.scalar(1);
            self.line(&format!("throw {thrown};"));
        }
        self.turn("catch e");
        self.line(&format!(
            "if core.type(e) == \"int\" {{ {total} += e; }} else {{ {total} += core.len(core.str(e)); }}"
        ));
        if outer {
            let k = self.random.between(2, 4);
            self.line(&format!("if {i} % {k} == 1 {{ throw {changed}; }}"));
            self.close();
            self.turn("catch e2");
            self.line(&format!("{total} = {total} * 3 + core.len(core.str(e2));"));
            if self.random.percent(30) {
                let way = self.random.pick(&["break;", "continue;", "throw e2;"]);
                self.line(&format!("if {i} > 20 {{ {way} }}"));
            }
        }
        self.close();
        self.line(&format!("{total} += core.len(core.str({changed}));"));
        self.close();
    }
}
