//! Inference over hand-built programs: what is found, and what must not be.

use super::*;
use crate::bytecode::*;

struct Builder {
    program: Program,
}

impl Builder {
    fn new() -> Builder {
        let mut builder = Builder { program: Program::default() };
        let name = builder.string("main");
        builder.program.modules.push(Module { name, kind: ModuleKind::File(FuncId(0)), exports: vec![] });
        builder
    }

    fn string(&mut self, text: &str) -> StrId {
        self.program.strings.text.push_str(text);
        self.program.strings.ends.push(self.program.strings.text.len() as u32);
        StrId(self.program.strings.ends.len() as u32 - 1)
    }

    fn function(
        &mut self,
        kind: FunctionKind,
        params: u16,
        code: &[Op],
        sites: &[&str],
        handlers: Vec<Handler>,
    ) -> FuncId {
        let sites_start = self.program.sites.len() as u32;
        for site in sites {
            let id = self.string(site);
            self.program.sites.push(id);
        }
        let start = self.program.code.len() as u32;
        self.program.code.extend_from_slice(code);
        self.program.functions.push(Function {
            name: StrId(0),
            kind,
            module: ModuleId(0),
            params,
            required: params,
            registers: 16,
            code: Run { start, len: code.len() as u32 },
            sites: Run { start: sites_start, len: sites.len() as u32 },
            captures: vec![],
            handlers,
        });
        FuncId(self.program.functions.len() as u32 - 1)
    }

    fn globals(&mut self, count: usize) {
        self.program.globals = vec![Global { name: StrId(0), module: ModuleId(0) }; count];
    }

    fn solve<R>(&self, ask: impl FnOnce(&mut Inference<'_>) -> R) -> R {
        let flow = ProgramFlow::new(&self.program);
        let index = RuleIndex::new(&self.program);
        let mut types = Inference::run(&self.program, &flow, &index);
        types.seal();
        ask(&mut types)
    }
}

fn r(number: u16) -> Reg {
    Reg(number)
}

/// `fn sum_to : n { let sum = 0; for i in 0..n { sum = sum + i; } return sum; }` and
/// `let total = 0; total = total + sum_to(arg);`
fn sum_program(arg: Op) -> Builder {
    let mut b = Builder::new();
    b.globals(1);
    let body = [
        Op::LoadInt { dst: r(0), value: 0 },
        Op::SetGlobal { src: r(0), global: GlobalId(0) },
        arg,
        Op::CallFn { base: r(1), func: FuncId(1) },
        Op::GetGlobal { dst: r(0), global: GlobalId(0) },
        Op::Add { dst: r(0), a: r(0), b: r(1) },
        Op::SetGlobal { src: r(0), global: GlobalId(0) },
        Op::ReturnVoid {},
    ];
    b.function(FunctionKind::Body, 0, &body, &[], vec![]);
    let sum_to = [
        Op::LoadInt { dst: r(1), value: 0 },
        Op::LoadInt { dst: r(2), value: 0 },
        Op::Move { dst: r(3), src: r(0) },
        Op::ForPrep { base: r(2), exit: 2 },
        Op::Add { dst: r(1), a: r(1), b: r(4) },
        Op::ForLoop { base: r(2), back: -2 },
        Op::Return { src: r(1) },
    ];
    b.function(FunctionKind::Plain, 1, &sum_to, &[], vec![]);
    b
}

#[test]
fn types_cross_calls_and_globals() {
    let b = sum_program(Op::LoadInt { dst: r(2), value: 1000 });
    b.solve(|types| {
        assert_eq!(types.type_of(Place::Param(FuncId(1), 0)), Type::INT);
        assert_eq!(types.type_of(Place::Result(FuncId(1))), Type::INT);
        assert_eq!(types.type_of(Place::Global(GlobalId(0))), Type::INT);
        let block = types.flow.of(FuncId(1)).cfg.block_of[4];
        assert!(types.entry(FuncId(1), block).all(|(_, ty)| ty == Type::INT));
    });
}

#[test]
fn a_range_with_a_bound_that_is_no_int_never_runs() {
    let b = sum_program(Op::LoadTrue { dst: r(2) });
    b.solve(|types| {
        assert_eq!(types.type_of(Place::Param(FuncId(1), 0)), Type::BOOL);
        assert_eq!(types.type_of(Place::Result(FuncId(1))), Type::NEVER);
    });
}

/// `let xs = [1]; <store>; g = xs[0];` with the list in register 0.
fn list_program(store: &[Op], sites: &[&str]) -> Builder {
    let mut b = Builder::new();
    b.globals(2);
    let mut body = vec![
        Op::LoadInt { dst: r(1), value: 1 },
        Op::MakeList { dst: r(0), base: r(1), count: 1 },
        Op::Move { dst: r(2), src: r(0) },
    ];
    body.extend_from_slice(store);
    body.extend([
        Op::LoadInt { dst: r(1), value: 0 },
        Op::GetIndex { dst: r(1), object: r(0), index: r(1) },
        Op::SetGlobal { src: r(1), global: GlobalId(0) },
        Op::ReturnVoid {},
    ]);
    b.function(FunctionKind::Body, 0, &body, sites, vec![]);
    b
}

#[test]
fn items_of_a_list_have_its_items_types() {
    list_program(&[], &[]).solve(|types| assert_eq!(types.type_of(Place::Global(GlobalId(0))), Type::INT));
}

#[test]
fn a_store_through_an_alias_is_seen() {
    let push = [
        Op::Move { dst: r(5), src: r(2) },
        Op::LoadTrue { dst: r(6) },
        Op::CallMethod { base: r(4), argc: 1, site: SiteId(0) },
    ];
    list_program(&push, &["push"]).solve(|types| {
        assert_eq!(types.type_of(Place::Global(GlobalId(0))).tags, Tags::INT.or(Tags::BOOL));
    });
}

#[test]
fn a_thrown_list_is_seen_by_its_catcher() {
    let mut b = Builder::new();
    b.globals(1);
    let body = [
        Op::LoadInt { dst: r(1), value: 1 },
        Op::MakeList { dst: r(0), base: r(1), count: 1 },
        Op::Throw { src: r(0) },
        // catch r3: r3[0] = true
        Op::LoadInt { dst: r(1), value: 0 },
        Op::LoadTrue { dst: r(2) },
        Op::SetIndex { object: r(3), index: r(1), value: r(2) },
        Op::GetIndex { dst: r(1), object: r(0), index: r(1) },
        Op::SetGlobal { src: r(1), global: GlobalId(0) },
        Op::ReturnVoid {},
    ];
    b.function(FunctionKind::Body, 0, &body, &[], vec![Handler { start: 2, end: 3, target: 3, error: r(3) }]);
    b.solve(|types| {
        assert_eq!(types.type_of(Place::Global(GlobalId(0))).tags, Tags::INT.or(Tags::BOOL));
        let handler = types.flow.of(FuncId(0)).cfg.block_of[3];
        let mut entry = types.entry(FuncId(0), handler);
        assert_eq!(entry.find(|(reg, _)| *reg == r(3)).unwrap().1.tags, Tags::LIST.or(Tags::STR));
    });
}

#[test]
fn a_handler_sees_every_value_its_registers_had() {
    let mut b = Builder::new();
    b.globals(2);
    let body = [
        Op::LoadInt { dst: r(0), value: 1 },
        Op::GetGlobal { dst: r(1), global: GlobalId(1) },
        Op::LoadTrue { dst: r(0) },
        Op::GetGlobal { dst: r(1), global: GlobalId(1) },
        Op::LoadInt { dst: r(0), value: 1 },
        Op::ReturnVoid {},
        Op::SetGlobal { src: r(0), global: GlobalId(0) },
        Op::SetGlobal { src: r(0), global: GlobalId(1) },
        Op::ReturnVoid {},
    ];
    b.function(FunctionKind::Body, 0, &body, &[], vec![Handler { start: 1, end: 5, target: 6, error: r(3) }]);
    b.solve(|types| assert_eq!(types.type_of(Place::Global(GlobalId(0))).tags, Tags::INT.or(Tags::BOOL)));
}

#[test]
fn what_unknown_code_may_change_is_unknown() {
    // A dict of unknown contents is called with the list as an argument.
    let call = [
        Op::CallBuiltin { base: r(4), builtin: BuiltinId(0), argc: 0 },
        Op::Move { dst: r(5), src: r(2) },
        Op::Call { base: r(4), argc: 1 },
    ];
    let mut b = list_program(&call, &[]);
    let (module, name) = (b.string("std/none"), b.string("unheard_of"));
    b.program.builtins.push(BuiltinRef { module, name });
    b.solve(|types| assert_eq!(types.type_of(Place::Global(GlobalId(0))), Type::ANY));
}

#[test]
fn fields_are_known_until_an_instance_escapes() {
    for escapes in [false, true] {
        let mut b = Builder::new();
        b.globals(2);
        let mut body = vec![
            Op::LoadInt { dst: r(3), value: 4 },
            Op::New { base: r(0), def: StructId(0) },
            Op::GetMember { dst: r(1), object: r(0), site: SiteId(0) },
            Op::SetGlobal { src: r(1), global: GlobalId(0) },
        ];
        if escapes {
            body.push(Op::CallBuiltin { base: r(1), builtin: BuiltinId(0), argc: 0 });
            body.push(Op::Move { dst: r(2), src: r(0) });
            body.push(Op::Call { base: r(1), argc: 1 });
        }
        body.push(Op::ReturnVoid {});
        b.function(FunctionKind::Body, 0, &body, &["side"], vec![]);
        let init = [Op::SetMember { object: r(0), value: r(1), site: SiteId(0) }, Op::ReturnVoid {}];
        b.function(FunctionKind::Method(StructId(0)), 2, &init, &["side"], vec![]);
        let (name, field) = (b.string("init"), b.string("side"));
        b.program.structs.push(StructDef {
            name,
            module: ModuleId(0),
            fields: vec![field],
            methods: vec![Method { name, func: FuncId(1), takes_self: true }],
        });
        b.program.builtins.push(BuiltinRef { module: StrId(0), name: StrId(0) });
        b.solve(|types| {
            let expected = if escapes { Type::ANY } else { Type::INT };
            assert_eq!(types.type_of(Place::Global(GlobalId(0))), expected);
        });
    }
}

#[test]
fn functions_nobody_calls_are_supposed_in_a_copy_only() {
    let mut b = sum_program(Op::LoadInt { dst: r(2), value: 1 });
    let unused =
        [Op::Move { dst: r(2), src: r(0) }, Op::CallFn { base: r(1), func: FuncId(1) }, Op::Return { src: r(1) }];
    b.function(FunctionKind::Plain, 1, &unused, &[], vec![]);
    let flow = ProgramFlow::new(&b.program);
    let index = RuleIndex::new(&b.program);
    let mut supposed = Inference::run(&b.program, &flow, &index).suppose_all_called();
    supposed.seal();
    b.solve(|types| {
        assert!(!types.is_reached(FuncId(2)));
        assert!(supposed.is_reached(FuncId(2)));
        assert_eq!(supposed.type_of(Place::Param(FuncId(1), 0)), Type::ANY);
        assert_eq!(types.type_of(Place::Param(FuncId(1), 0)), Type::INT);
    });
}

#[test]
fn ten_thousand_mutually_recursive_functions_take_no_native_stack() {
    let mut b = Builder::new();
    const COUNT: u32 = 10_000;
    b.function(
        FunctionKind::Body,
        0,
        &[Op::LoadInt { dst: r(1), value: 1 }, Op::CallFn { base: r(0), func: FuncId(1) }, Op::ReturnVoid {}],
        &[],
        vec![],
    );
    for number in 1..=COUNT {
        let code = [
            Op::JumpIf { a: r(0), to: 3 },
            Op::Move { dst: r(2), src: r(0) },
            Op::CallFn { base: r(1), func: FuncId(number % COUNT + 1) },
            Op::Return { src: r(1) },
            Op::Return { src: r(0) },
        ];
        b.function(FunctionKind::Plain, 1, &code, &[], vec![]);
    }
    b.solve(|types| assert_eq!(types.type_of(Place::Result(FuncId(COUNT / 2))), Type::INT));
}
