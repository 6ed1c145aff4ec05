//! Loops that make objects: variables that are a new object in each round, objects in objects, tuples, lists and
//! closures, most of which nobody sees outside of their round. A few are seen after all, mostly late: kept, compared,
//! thrown, given to somebody, changed in type.

use super::Generator;

const DEFINITIONS: [&str; 5] = [
    "struct Pt { fn init : self, x, y { self.x = x; self.y = y; } fn add : self, o { return Pt(self.x + o.x, self.y + o.y); } \
     fn turn : self { return Pt(0 - self.y, self.x); } fn set : self, x { self.x = x; return self; } }",
    "struct Link { fn init : self, v, next { self.v = v; self.next = next; } fn last : self { let l = self; let k = 0; \
     while l.next != void and k < 9 { l = l.next; k += 1; } return l.v; } }",
    "struct Few { fn init : self, n { if n % 3 == 0 { self.odd = n; } self.n = n; if n == 77 { throw \"seventy-seven\"; } } }",
    "struct Count { fn init : self, n { self.i = 0; self.n = n; } fn next : self { if self.i >= self.n { return void; } self.i += 1; return self.i; } }",
    "fn halves : a, b { return (a + b, a - b); } fn look : o { try { return o.x; } catch e { return 0; } }",
];

impl Generator {
    pub(super) fn definitions_of_objects(&mut self) {
        self.lines(&DEFINITIONS);
    }

    pub(super) fn object_loop(&mut self) {
        let count = self.rounds();
        let total = self.name("t");
        let [a, b, c, l, n, out] = ["pa", "pb", "pc", "pl", "pn", "po"].map(|stem| self.name(stem));
        if self.random.percent(15) {
            self.line("core.gc_threshold(2000);");
        }
        let first = self.random.pick(&["Pt(1, 2)", "Pt(0.5, 0.25)", "Pt(1, 2.5)", "Few(1)", "void"]);
        let second = self.random.pick(&["@", "@", "Pt(3, 1)", "Pt(0.5, 1.5)", "Link(1, void)"]).replace('@', &a);
        self.line(&format!("let {a} = {first}; let {b} = {second}; let {n} = void; let {out} = []; let {total} = 0;"));
        self.open("try");
        let (i, end, _) = self.open_round(count);
        let late = self.late_round(count);
        let value = self.random.pick(&["@", "@ * 0.5", "@ % 5", "\"s\""]).replace('@', &i);
        self.line(&format!("let {c} = Pt({i}, {value}); let {l} = Link({c}, Link({i}, void));"));
        let guarded = self.random.percent(30);
        if guarded {
            self.open("try");
        }
        for _ in 0..self.random.between(2, 7) {
            let k = self.random.between(2, 5);
            let [p, q] = [(); 2].map(|()| self.random.pick(&[&a, &a, &b, &c]).to_string());
            let line = match self.random.below(26) {
                0 | 1 => format!("{a} = {a}.add({q});"),
                2 => format!("{a} = Pt({i}, {p}.x);"),
                3 => format!("{b} = {p};"),
                4 => format!("{b} = {p}.add({q}).turn();"),
                5 => format!("{total} += {p}.x;"),
                6 => format!("{p}.x = {i};"),
                7 => format!("{c}.x += {i}; {total} += {c}.x;"),
                8 => format!("{l}.v.y = {i}; {total} += {c}.y;"),
                9 => format!("{total} += {l}.next.v + {l}.last();"),
                10 => format!("if {p} == {q} {{ {total} += 1; }}"),
                11 => {
                    let f = self.name("f");
                    format!("let {f} = : z {{ return z + {i}; }}; {total} += {f}({k});")
                }
                12 => {
                    let (x, y) = (self.name("x"), self.name("y"));
                    format!("let {x}, {y} = halves({i}, {k}); {total} += {x} * {y};")
                }
                13 => {
                    let r = self.name("r");
                    format!("let {r} = [{i}, {k}]; {r}[0] = {r}[1] + {i}; {total} += {r}[0] + {r}.len();")
                }
                14 => {
                    let r = self.name("r");
                    format!("let {r} = ({i}, {k}, {p}); {total} += {r}[0]; {total} += {r}[2].y;")
                }
                15 => format!("{n} = Link({i}, {n});"),
                16 => format!("if {i} % {k} == 1 {{ {c}.y = 0.5; }} else {{ {c} = {p}; }}"),
                17 => format!("{c}.late = {i}; {total} += {c}.late;"),
                18 => format!("{total} += look({p});"),
                19 => format!("for z in Count({k}) {{ {total} += z; }}"),
                20 => format!("for z in 0..{k} {{ {c} = {c}.add(Pt(z, 1)); }}"),
                21 => format!("try {{ {total} += Few({i}).odd; }} catch e {{ {total} -= 1; }}"),
                22 => {
                    let (w, f) = (self.name("w"), self.name("f"));
                    format!("let {w} = {i}; let {f} = : {{ {w} += {k}; return {w}; }}; {total} += {f}() + {w};")
                }
                23 => format!("{c} = {c}.set({k}); {total} += {c}.x;"),
                24 => format!("{l}.next = {l}; {total} += {l}.next.next.v.x;"),
                _ => format!("if {i} % 10 == 3 {{ {out}.push({p}); }}"),
            };
            self.line(&line);
        }
        if guarded {
            self.turn("catch e");
            self.line(&format!("{total} += 1;"));
            self.close();
        }
        for _ in 0..self.random.below(3) {
            let p = self.random.pick(&[&a, &b, &c, &l]).to_string();
            let seen = match self.random.below(9) {
                0 => format!("{out}.push({p}); {out}.push({c});"),
                1 => format!("throw {p};"),
                2 => format!("{p}.x = \"late\";"),
                3 => format!("{b} = {{\"x\": 1, \"y\": 2}};"),
                4 => format!("{a} = Few({i});"),
                5 => format!("{out}.push(: {{ return {p}; }}());"),
                6 => format!("{n} = {p};"),
                7 => format!("{out}.push(({p}, {c})[0]);"),
                _ => "break;".into(),
            };
            self.line(&format!("if {i} == {late} {{ {seen} }}"));
        }
        self.close_round(end);
        self.turn("catch e");
        self.line(&format!("try {{ println(e.x, e.y); }} catch f {{ println(core.type(e), {total}); }}"));
        self.close();
        self.line(&format!("println({total}, {out}.len(), {a} == {b});"));
        self.line(&format!(
            "for o in [{a}, {b}, {n}] {{ try {{ println(o.x, o.y); }} catch e {{ println(core.type(o)); }} }}"
        ));
        self.line(&format!("for o in {out} {{ try {{ {total} += o.x; o.x = 1; }} catch e {{ {total} += 1; }} }}"));
        self.line(&format!("println({total});"));
    }
}
