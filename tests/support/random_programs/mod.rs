//! Random programs that always end, always do the same, and like hot loops. Both suites of random programs take theirs
//! from here: `tests/differential` runs each in every mode, `tests/generated_facts.rs` under the judge of facts.
//!
//! A program has globals, structs, functions, and a few procedures full of loops that are called several times, with
//! arguments of changing types. The generator knows names in scope and what kind of value each was made for, but a
//! *kind* is a hint only: now and then something else is put there, so operations fail and loops meet new types late.
//! Every `while` counts in a variable that nothing else writes, every loop over a list that may grow has a counter,
//! functions call only those before them or themselves with less.

use random::Random;

mod aliases;
mod expressions;
mod functions;
mod library;
mod objects;
pub mod random;
mod rounds;
mod shapes;
mod statements;
#[allow(dead_code, reason = "not every suite has programs about tasks")]
pub mod tasks;
mod unruly;
mod values;

/// What a variable was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Int,
    Float,
    Bool,
    Text,
    /// Lists, by what they were made with.
    Ints,
    Floats,
    Bools,
    Texts,
    Mixed,
    /// A list of lists of ints.
    Rows,
    Tuple,
    Dict,
    Object,
    Objects,
    /// A closure of one argument.
    Closure,
    /// A list of such.
    Closures,
    Scalar,
}

impl Kind {
    const SCALARS: [Kind; 4] = [Kind::Int, Kind::Float, Kind::Bool, Kind::Text];

    fn is_list(self) -> bool {
        matches!(self, Kind::Ints | Kind::Floats | Kind::Bools | Kind::Texts | Kind::Mixed)
    }

    /// What an element of such a list was made for.
    fn element(self) -> Kind {
        match self {
            Kind::Ints => Kind::Int,
            Kind::Floats => Kind::Float,
            Kind::Bools => Kind::Bool,
            Kind::Texts => Kind::Text,
            _ => Kind::Scalar,
        }
    }
}

#[derive(Clone)]
struct Variable {
    name: String,
    kind: Kind,
    writable: bool,
}

#[derive(Clone)]
struct Function {
    name: String,
    parameters: Vec<Kind>,
    returns: Kind,
    /// About how many steps a call takes.
    cost: u64,
    /// The last argument may be left out.
    has_default: bool,
}

struct Generator {
    random: Random,
    lines: Vec<String>,
    indent: usize,
    scope: Vec<Variable>,
    functions: Vec<Function>,
    structs: usize,
    names: usize,
    /// Iterations of all loops around, multiplied.
    iterations: u64,
    /// Loops around, within the function.
    loops: Vec<Loop>,
    in_function: bool,
    cost: u64,
    /// The chance, in percent, that an expression is of another kind than asked for.
    confusion: u64,
    /// Modules are imported that the oracle does not have.
    has_more_modules: bool,
}

#[derive(Clone)]
struct Loop {
    may_continue: bool,
    /// A variable that counts, if it is known to.
    counter: Option<String>,
    iterations: u64,
}

/// Steps of one procedure, roughly.
const MAX_COST: u64 = 6000;

/// The program of a seed.
pub fn program(seed: u64) -> String {
    let mut random = Random::new(seed);
    let confusion = [0, 1, 4][random.below(3) as usize];
    let mut generator = Generator {
        random,
        lines: Vec::new(),
        indent: 0,
        scope: Vec::new(),
        functions: Vec::new(),
        structs: 0,
        names: 0,
        iterations: 1,
        loops: Vec::new(),
        in_function: false,
        cost: 0,
        confusion,
        has_more_modules: false,
    };
    generator.whole();
    generator.lines.join("\n") + "\n"
}

impl Generator {
    fn whole(&mut self) {
        self.line("import \"std/math\" as math;");
        if self.random.percent(30) {
            self.unruly_part();
        }
        self.some_structs();
        self.definitions_of_rounds();
        self.definitions_of_objects();
        self.definitions_of_aliases();
        self.definitions_of_the_library();
        self.constants();
        for _ in 0..self.random.between(2, 5) {
            let kind = self.any_kind();
            self.declare(kind, "g");
        }
        for _ in 0..self.random.between(1, 4) {
            self.function();
        }
        for _ in 0..self.random.between(1, 3) {
            self.procedure();
        }
        if self.random.percent(40) {
            self.cost = 0;
            let depth = self.scope.len();
            self.hot_loop();
            self.scope.truncate(depth);
        }
        self.print_all(0);
        if self.random.percent(15) {
            let call = self.call(Kind::Int);
            self.line(&format!("println({call});"));
        }
    }

    /// Variables of the program that nothing assigns to, and sometimes one that a function reads before it is there.
    fn constants(&mut self) {
        for _ in 0..self.random.below(4) {
            let kind = self.scalar_kind();
            let name = self.declare(kind, "k");
            self.scope.last_mut().expect("it was just declared").writable = false;
            if self.random.percent(30) {
                let (other, value) = (self.name("k"), self.literal(kind));
                let operator = self.random.pick(&["+", "*", "==", "<", "and", "or"]);
                self.line(&format!("let {other} = {value};"));
                self.line(&format!("try {{ println({name} {operator} {other}); }} catch e {{ println(e); }}"));
            }
        }
        if self.random.percent(15) {
            let (early, late) = (self.name("early"), self.name("late"));
            let value = self.scalar(0);
            self.line(&format!("fn {early} : {{ return {late}; }}"));
            if self.random.percent(70) {
                self.line(&format!("try {{ println({early}()); }} catch e {{ println(e); }}"));
            }
            self.line(&format!("let {late} = {value};"));
            self.line(&format!("println({early}(), {late});"));
        }
    }

    fn line(&mut self, text: &str) {
        self.lines.push(format!("{}{text}", "    ".repeat(self.indent)));
        self.cost += self.iterations;
    }

    fn lines(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.line(text));
    }

    fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
    }

    fn close(&mut self) {
        self.indent -= 1;
        self.line("}");
    }

    /// The end of one block and the start of the next of the same statement.
    fn turn(&mut self, middle: &str) {
        self.indent -= 1;
        self.line(&format!("}} {middle} {{"));
        self.indent += 1;
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A new variable with a value of its kind.
    fn declare(&mut self, kind: Kind, prefix: &str) -> String {
        let value = self.fresh_value(kind);
        let name = self.name(prefix);
        self.line(&format!("let {name} = {value};"));
        self.scope.push(Variable { name: name.clone(), kind, writable: true });
        name
    }

    /// What is in scope, as a check of everything that happened. Objects show their fields.
    fn print_all(&mut self, from: usize) {
        for i in from..self.scope.len() {
            let variable = self.scope[i].clone();
            let name = &variable.name;
            match variable.kind {
                Kind::Object => self.line(&format!("println(f\"{name}: {{{name}.a}} {{{name}.b}} {{{name}.c}}\");")),
                Kind::Objects | Kind::Closure | Kind::Closures => {}
                _ => self.line(&format!("println(f\"{name}: {{{name}}}\");")),
            }
        }
    }

    fn any_kind(&mut self) -> Kind {
        const KINDS: [Kind; 15] = [
            Kind::Int,
            Kind::Float,
            Kind::Bool,
            Kind::Text,
            Kind::Ints,
            Kind::Floats,
            Kind::Bools,
            Kind::Texts,
            Kind::Mixed,
            Kind::Rows,
            Kind::Tuple,
            Kind::Dict,
            Kind::Object,
            Kind::Objects,
            Kind::Closures,
        ];
        let at = self.random.weighted(&[30, 20, 6, 10, 14, 10, 4, 4, 5, 4, 5, 8, 10, 5, 3]);
        KINDS[at]
    }

    fn scalar_kind(&mut self) -> Kind {
        Kind::SCALARS[self.random.weighted(&[10, 6, 2, 3])]
    }

    /// A variable in scope of that kind.
    fn variable(&mut self, kind: Kind) -> Option<String> {
        self.variable_where(|variable| variable.kind == kind)
    }

    fn writable(&mut self, kind: Kind) -> Option<String> {
        self.variable_where(|variable| variable.kind == kind && variable.writable)
    }

    /// Later ones are more likely, as they belong to the loops around.
    fn variable_where(&mut self, fits: impl Fn(&Variable) -> bool) -> Option<String> {
        let found: Vec<&Variable> = self.scope.iter().filter(|variable| fits(variable)).collect();
        if found.is_empty() {
            return None;
        }
        let a = self.random.below(found.len() as u64);
        let b = self.random.below(found.len() as u64);
        Some(found[a.max(b) as usize].name.clone())
    }
}
