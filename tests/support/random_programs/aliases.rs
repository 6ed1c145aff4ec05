//! One thing by several names in a hot loop: members by string beside members by name, modules as values, aliases
//! through fields and elements, containers that contain themselves, names that hide others, functions that are
//! assigned anew, and expressions whose parts change what their other parts read.

use super::Generator;

const DEFINITIONS: [&str; 4] = [
    "struct Al { fn init : self, a, b { self.a = a; self.b = b; } fn bump : self { self.a = (self.a + 1) % 1000; return self.a; } \
     fn put : self, v { self[\"b\"] = v; return self; } }",
    "let al_count = 0; fn al_tick : { al_count = (al_count + 1) % 1000; return al_count; }",
    "fn al_first : x { return x % 7; } fn al_second : x { return x % 5 + 1; } let al_f = al_first;",
    "fn al_maker : k { let one = 1; return if k % 2 == 0 { : x { return x + one; } } else { : x { return x + k; } }; }",
];

impl Generator {
    pub(super) fn definitions_of_aliases(&mut self) {
        self.lines(&DEFINITIONS);
    }

    pub(super) fn alias_loop(&mut self) {
        let count = self.rounds();
        let [t, o, p, d, xs, m, f, key] = ["at", "ao", "ap", "ad", "ax", "am", "af", "ak"].map(|stem| self.name(stem));
        let second = self.random.pick(&["@", "@", "Al(5, 6)", "Al(0.5, 1)", "Al(1, \"s\")"]).replace('@', &o);
        self.line(&format!("let {t} = 0; let {o} = Al(1, 2); let {p} = {second}; let {d} = {{\"o\": {o}, \"n\": 1}};"));
        self.line(&format!("let {xs} = [{o}, {p}, 3]; let {m} = math; let {f} = al_first; let {key} = \"a\";"));
        self.line(&format!("{d}.me = {d}; {xs}.push({xs}); {o}.late = {p};"));
        self.open("try");
        let (i, end, _) = self.open_round(count);
        let late = self.late_round(count);
        for _ in 0..self.random.between(3, 8) {
            let [u, v] = [(); 2].map(|()| self.random.pick(&[&o, &p]).to_string());
            let line = match self.random.below(30) {
                0 => format!("{u}[\"a\"] = ({v}.a + 1) % 1000;"),
                1 => format!("{t} += {u}[\"b\"];"),
                2 => format!("{u}.b = {i}; {t} += {v}[\"b\"];"),
                3 => format!("{xs}[0].a = {i} % 9; {t} += {o}.a;"),
                4 => format!("{d}.o.b = ({d}[\"o\"].b + 1) % 50; {t} += {u}.b;"),
                5 => format!("{key} = if {i} % 2 == 0 {{ \"a\" }} else {{ \"b\" }}; {t} += {u}[{key}];"),
                6 => format!("{u}[{key}] = {i} % 11; {t} += {v}.a + {v}.b;"),
                7 => format!("{t} += {u}.a + {v}.bump() + {u}[\"a\"];"),
                8 => format!("{u}.a, {v}.b = {v}.b, {u}[\"a\"];"),
                9 => format!("{xs}[al_tick() % 2].a = al_tick() + {u}.a % 10;"),
                10 => format!("{t} += al_count + al_tick() * al_count;"),
                11 => format!("{t} += {m}[\"floor\"]({i} / 3) + [{m}][0].abs({i});"),
                12 => format!("{t} += {d}.me.me.n; {d}.me.n = {i} % 4;"),
                13 => format!("{t} += {xs}[3][3][2]; {xs}[3][2] = {i} % 6;"),
                14 => format!("{t} += core.len({xs}) + core.len({d}.me);"),
                15 => format!("if {xs}[3] == {xs} and {d}.me == {d} {{ {t} += 1; }}"),
                16 => format!("if {i} % 100 == 0 {{ println({xs}[3].len(), {d}.me.keys()); }}"),
                17 => {
                    let x = self.name("x");
                    format!(
                        "let {x} = {i}; {{ let {x} = {x} * 2; {t} += {x}; {{ let {o} = Al({x}, 1); {t} += {o}.bump(); }} }} {t} += {x} + {o}.a;"
                    )
                }
                18 => format!("for {i} in 0..2 {{ {t} += {i}; }} {t} += {i};"),
                19 => format!("{t} += {f}({i}); if {i} == {late} {{ {f} = al_second; }}"),
                20 => format!("{f} = if {i} % 3 == 0 {{ al_first }} else {{ al_second }}; {t} += {f}({i});"),
                21 => format!("al_f = al_maker({i}); {t} += al_f({i});"),
                22 => format!("if al_maker({i}) == al_maker({i}) {{ {t} += 1; }}"),
                23 => format!("{t} += {u}.late.a + {v}[\"late\"].b;"),
                24 => format!("{u}.late = {v}; {u}.late.late = {u}; {t} += {u}.late.late.a;"),
                25 => format!("{t} += {u}.put({i}).b + {v}[\"b\"];"),
                26 => format!("{d}[\"o\"] = {u}; {xs}[1] = {d}.o; {xs}[1].a += 1; {t} += {u}[\"a\"];"),
                27 => format!("{u}.f = {f}; {t} += {u}.f({i}) + {u}[\"f\"]({i});"),
                28 => format!("try {{ {t} += {u}[\"nothing\"]; }} catch e {{ {t} += 1; }}"),
                _ => format!("print f\"{{{u}.a}}{{{v}.bump()}}{{{u}[\"a\"]}}\"; {t} += 1;"),
            };
            self.line(&line);
        }
        let seen = match self.random.below(8) {
            0 => format!("{o}[\"a\"] = \"late\";"),
            1 => format!("{p} = {{\"a\": 1, \"b\": 2}};"),
            2 => format!("{m} = {{\"floor\": al_first, \"abs\": al_second}};"),
            3 => format!("{o}.bump = al_first;"),
            4 => format!("{key} = \"late\";"),
            5 => format!("{d}.me = void;"),
            6 => format!("{xs}[3] = [1, 2, 3, [4, 5, 6]];"),
            _ => format!("{p} = {o};"),
        };
        self.line(&format!("if {i} == {late} {{ {seen} }}"));
        self.close_round(end);
        self.turn("catch e");
        self.line("println(e);");
        self.close();
        self.line(&format!("println(); println({t}, {o}.a, {o}[\"b\"], {key}, al_count, {f} == al_first, al_f(3));"));
        self.line(&format!(
            "try {{ println({p}.a, {p}[\"b\"], {xs}[2], {d}.n, {xs}[3] == {xs}); }} catch e {{ println(e); }}"
        ));
    }
}
