//! The rows of the table of native forms, for reports of which were come by.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Form, Operation};
use crate::bytecode::builtins::BUILTINS;
use crate::bytecode::methods::METHODS;
use crate::bytecode::op::Opcode;
use crate::bytecode::op::shape::{Source, Test};
use crate::bytecode::types::Tags;
use crate::bytecode::{BuiltinId, Function, Op, Program, Reg, SiteId};

impl Operation<'_> {
    /// The row of the table that the operation comes under, in a few words and with its form: which names a program has
    /// and how an operand is given make no difference, nor how certain it is that what was seen is seen again.
    pub fn row(&self) -> String {
        use Op::*;
        let form = match self.form() {
            Form::Plain => "plain",
            Form::Helper => "helper",
            Form::Seen | Form::Open => "seen",
            Form::Step => return format!("{}: step", self.kind_of_step()),
        };
        let what = match (self.op, self.test()) {
            (FindMethod { .. }, _) => format!("method of {}", self.a.words()),
            (_, Some(test)) if !self.a.within(Tags::NUMBER) || !self.b.within(Tags::NUMBER) => match self.a == self.b {
                true => self.words(),
                false => format!("{} of different kinds", test.symbol()),
            },
            _ if self.built_in().is_some() => self.words(),
            _ => Operation { name: "_", ..self.clone() }.words(),
        };
        format!("{what}: {form}")
    }

    /// What a step is an instance of.
    fn kind_of_step(&self) -> &'static str {
        if let Some(binary) = self.op.as_binary() {
            return binary.operator.symbol();
        }
        self.test().map_or(self.op.info().name, |test| test.symbol())
    }

    /// What a comparison asks, or a jump by one.
    fn test(&self) -> Option<Test> {
        let compared = self.op.as_comparison().map(|comparison| comparison.test);
        compared.or(self.op.as_compare_jump().map(|jump| jump.test))
    }
}

/// All that [`Operation::row`] may say of operands of one kind each.
pub fn rows() -> BTreeSet<String> {
    let program = Program { functions: vec![Function::empty()], ..Program::default() };
    let kinds: Vec<Tags> = (0..u16::BITS).map(|bit| Tags(1 << bit)).filter(|kind| kind.within(Tags::VISIBLE)).collect();
    let operation = |op, (a, b), name| Operation {
        program: &program,
        op,
        a,
        b,
        name,
        builtin: None,
        is_regular: true,
        structs: Cow::Borrowed(&[]),
        callees: None,
    };
    let pairs = || kinds.iter().flat_map(|&a| kinds.iter().map(move |&b| (a, b)));
    let mut rows = BTreeSet::new();
    for op in Opcode::ALL.iter().filter_map(|opcode| Op::decode(*opcode as u64)) {
        // Constants are like registers of their kind.
        let has_constant = op.as_binary().is_some_and(|binary| {
            matches!(binary.left, Source::Constant(_)) || matches!(binary.right, Source::Constant(_))
        }) || op.as_compare_jump().is_some_and(|jump| matches!(jump.right, Source::Constant(_)));
        if !has_constant && !matches!(op, Op::CallMethod { .. } | Op::TailCallMethod { .. } | Op::CallBuiltin { .. }) {
            rows.extend(pairs().map(|operands| operation(op, operands, "_").row()));
        }
    }
    let (base, site) = (Reg(0), SiteId(0));
    for method in METHODS {
        for argc in method.required..=method.params.len() {
            let op = Op::CallMethod { base, argc: argc as u16, site };
            rows.insert(operation(op, (method.receiver.tag(), Tags::FUNCTION), method.name).row());
        }
    }
    let of_structs = Op::CallMethod { base, argc: 0, site };
    let receivers = [Tags::INSTANCE, Tags::STRUCT].map(|receiver| (receiver, Tags::NONE));
    rows.extend(receivers.map(|operands| operation(of_structs, operands, "_").row()));
    for spec in BUILTINS {
        let forms = (spec.required..=spec.params.len()).flat_map(|argc| {
            let op = Op::CallBuiltin { base, argc: argc as u16, builtin: BuiltinId(0) };
            pairs().map(move |operands| Operation { builtin: Some(spec), ..operation(op, operands, "_") }.row())
        });
        let forms: BTreeSet<String> = forms.collect();
        // A function with a form of its own is called by its row for operands that it does not take.
        let has_own = forms.iter().any(|row| !row.ends_with(": step") && !row.ends_with(": helper"));
        rows.extend(forms.into_iter().filter(|row| !has_own || !row.ends_with(": helper")));
    }
    rows
}
