//! Definite assignment: the fields that every instance of a struct has, wherever the program may look at one.
//!
//! Types say what a field holds once it was assigned, and nothing about whether it was. Between the making of an
//! instance and the end of its `init` only that function knows the instance, unless it hands it on: stores it, passes
//! it, captures it. So what is assigned on every path to the first place where it may do so, or to its end, is there
//! for everybody else. Nothing takes a field away again. The rule is that of Java's blank finals (Gosling et al., *The
//! Java Language Specification*, chapter 16), with leaks of `this` counted as uses of all fields.

use super::forward::{Forward, walk};
use crate::bytecode::op::access::Edge;
use crate::bytecode::{FuncId, FunctionKind, Op, Program, Reg, SiteId, StructId};

/// The register of `self`.
const SELF: Reg = Reg(0);

/// The function that a struct's instances are made by, if it has one.
pub fn init_of(program: &Program, def: StructId) -> Option<FuncId> {
    program.init(def).filter(|init| init.takes_self).map(|init| init.func)
}

/// For each field of a struct's layout, whether every instance has it that is seen outside of `init`.
pub fn always_assigned(program: &Program, def: StructId) -> Vec<bool> {
    let count = program.structs.get(def.index()).map_or(0, |def| def.fields.len());
    let nothing = vec![false; count];
    let Some(init) = init_of(program, def) else { return nothing };
    let function = &program.functions[init.index()];
    if function.kind == FunctionKind::Async || !function.handlers.is_empty() {
        return nothing;
    }
    let mut assigned = Assigned { program, def, init, seen: vec![true; count] };
    match walk(program, function, nothing.clone(), &mut assigned) {
        true => assigned.seen,
        false => nothing,
    }
}

/// Follows the fields that every path has assigned.
struct Assigned<'a> {
    program: &'a Program,
    def: StructId,
    init: FuncId,
    /// Those that were assigned wherever others may look at the instance.
    seen: Vec<bool>,
}

impl Forward for Assigned<'_> {
    type State = Vec<bool>;

    fn join(&self, there: &mut Vec<bool>, other: &Vec<bool>) -> bool {
        meet(there, other)
    }

    fn after(&self, op: &Op, before: &Vec<bool>, _: Edge) -> Vec<bool> {
        let mut now = before.clone();
        if let Op::SetMember { object: SELF, site, .. } = *op
            && let Some(field) = self.field(site)
        {
            now[field] = true;
        }
        now
    }

    fn caught(&self, before: &Vec<bool>, _: Reg) -> Vec<bool> {
        before.clone()
    }

    /// Ends where `self` is given another value.
    fn visit(&mut self, _: u32, op: &Op, before: &Vec<bool>) -> bool {
        if self.shows_self(op, before) {
            meet(&mut self.seen, before);
        }
        !self.writes_self(op)
    }
}

impl Assigned<'_> {
    fn field(&self, site: SiteId) -> Option<usize> {
        let sites = &self.program.functions[self.init.index()].sites;
        let name = self.program.sites.get(sites.start as usize + site.index())?;
        self.program.structs[self.def.index()].fields.iter().position(|field| field == name)
    }

    fn writes_self(&self, op: &Op) -> bool {
        let accesses = op.accesses(self.program);
        accesses.writes.contains(&SELF) || accesses.clobbers_from == Some(SELF.0)
    }

    /// Whether others may look at the instance from here on: it is handed on, or `init` returns.
    fn shows_self(&self, op: &Op, assigned: &[bool]) -> bool {
        let leaks = match *op {
            // What is no field may be a method, which is bound to the instance.
            Op::GetMember { object: SELF, site, .. } => !self.field(site).is_some_and(|field| assigned[field]),
            Op::SetMember { object: SELF, value, .. } => value == SELF,
            _ => op.accesses(self.program).reads.contains(&SELF),
        };
        // An instance whose `init` fails is nobody's.
        let returns = op.effects().ends && !matches!(op, Op::Jump { .. } | Op::Throw { .. });
        leaks || returns
    }
}

/// What both have; whether that is less than the first had.
fn meet(a: &mut [bool], b: &[bool]) -> bool {
    let mut changed = false;
    for (a, b) in a.iter_mut().zip(b) {
        changed |= *a && !b;
        *a &= b;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile_text;

    /// The fields of the only struct that every instance has, for an `init` with this body.
    fn assigned(body: &str) -> Vec<String> {
        let source = format!(
            "let shown = [];\nfn look : o {{ return o; }}\n\
             struct S {{\n    fn init : self, a {{ {body} }}\n    fn read : self {{ return 1; }}\n\
             \x20   fn late : self {{ self.late = 1; }}\n}}\nprintln(S(1));"
        );
        let program = compile_text("t.walrus", &source).program.expect("it compiles");
        let always = always_assigned(&program, StructId(0));
        let fields = program.structs[0].fields.iter().zip(always).filter(|(_, always)| *always);
        fields.map(|(name, _)| program.strings.get(*name).expect("a name").to_owned()).collect()
    }

    #[test]
    fn what_every_path_assigns_is_there() {
        assert_eq!(assigned("self.x = a; self.y = a + 1;"), ["x", "y"]);
        assert_eq!(assigned("if a > 0 { self.x = 1; } else { self.x = 2; } self.y = self.x;"), ["x", "y"]);
        assert_eq!(assigned("self.x = 0; while self.x < a { self.x += 1; self.y = 1; }"), ["x"]);
        assert_eq!(assigned("if a == 0 { return; } self.x = 1;"), [""; 0]);
        // Whoever fails has made no instance.
        assert_eq!(assigned("if a == 0 { throw a; } self.x = 1;"), ["x"]);
    }

    #[test]
    fn what_is_assigned_behind_a_leak_may_be_missing() {
        let leaks = [
            "shown.push(self);",
            "look(self);",
            "let f = : { return self; };",
            "let f = self.read;",
            "self.read();",
            "self.y = self;",
            "let me = self;",
            "shown.push(f\"{self}\");",
            "self[\"z\"] = 1;",
        ];
        for leak in leaks {
            let found = assigned(&format!("self.x = a; {leak} self.w = a;"));
            assert!(found.iter().any(|name| name == "x") && found.iter().all(|name| name != "w"), "{leak}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_followed_assigns_nothing() {
        for body in ["try { self.x = 1; } catch e { }", "self.x = 1; self = a;"] {
            assert_eq!(assigned(body), [""; 0], "{body}");
        }
    }
}
