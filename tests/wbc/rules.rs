//! Each rule of the verifier, broken in as many ways as it has clauses: the sample with one change.

use std::collections::HashSet;

use walrus::bytecode::facts::{Facts, Reason, Refused, Region, TypeId};
use walrus::bytecode::types::{Identity, Tags};
use walrus::bytecode::verify::Rule;
use walrus::bytecode::*;
use walrus::facts::verify_with_facts;
use walrus::source::{FileId, Span};

use crate::sample::{self, Names};

fn refused(change: &dyn Fn(&mut Program)) -> VerifyError {
    let mut program = sample::program();
    change(&mut program);
    verify(program).expect_err("a broken program")
}

/// Replaces an instruction of the body, which has 8 registers, 17 instructions, 1 site and no captures.
fn with(op: Op) -> impl Fn(&mut Program) {
    move |program| program.code[0] = op
}

fn intern(program: &mut Program, text: &str) -> StrId {
    let mut names = Names(std::mem::take(&mut program.strings));
    let id = names.id(text);
    program.strings = names.0;
    id
}

/// Appends a function that captures what `source` says, and returns its id.
fn add_closure(program: &mut Program, source: CaptureSource) -> FuncId {
    let mut function = program.functions[4].clone();
    function.code.start = program.code.len() as u32;
    function.captures = vec![source];
    program.code.extend([Op::GetCapture { dst: Reg(0), capture: CaptureId(0) }, Op::Return { src: Reg(0) }]);
    if let Some(debug) = &mut program.debug {
        debug.functions.push(Span::default());
    }
    program.functions.push(function);
    FuncId(program.functions.len() as u32 - 1)
}

/// Makes the methods of the sample's struct closures.
fn capture_in_method(program: &mut Program, source: CaptureSource) {
    program.functions[3].captures = vec![source];
    // They also make instances and load the struct, which is then forbidden.
    program.code[5] = Op::LoadVoid { dst: Reg(1) };
    program.code[13] = Op::LoadVoid { dst: Reg(5) };
    program.code[30] = Op::LoadVoid { dst: Reg(0) };
}

/// Gives the sample's last function, which captures one value, other code.
fn set_last(program: &mut Program, registers: u16, code: Vec<Op>, handlers: Vec<Handler>) {
    let function = program.functions.last_mut().expect("the sample has functions");
    program.code.truncate(function.code.start as usize);
    function.code.len = code.len() as u32;
    (function.registers, function.handlers) = (registers, handlers);
    program.code.extend(code);
    if let Some(debug) = &mut program.debug {
        debug.lines.retain(|line| line.pc < function.code.start);
        debug.locals.clear();
    }
}

/// So many branches that are all open at once.
fn many_jumps(count: i32) -> Vec<Op> {
    let mut code = vec![Op::GetCapture { dst: Reg(0), capture: CaptureId(0) }];
    code.extend((0..count).map(|at| Op::JumpIf { a: Reg(0), to: 2 * (count - at) - 1 }));
    code.extend((0..2 * count).map(|_| Op::LoadVoid { dst: Reg(1) }));
    code.push(Op::ReturnVoid {});
    code
}

/// Gives the sample's struct fields of different names until it has `count`.
fn add_fields(program: &mut Program, count: usize) {
    for number in program.structs[0].fields.len()..count {
        program.strings.text.push_str(&format!("field {number}"));
        program.strings.ends.push(program.strings.text.len() as u32);
        program.structs[0].fields.push(StrId(program.strings.len() as u32 - 1));
    }
}

fn debug(program: &mut Program) -> &mut DebugInfo {
    program.debug.as_mut().expect("the sample has debug information")
}

type Case = (Rule, Box<dyn Fn(&mut Program)>);

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    const R7: Reg = Reg(7);
    const R8: Reg = Reg(8);
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |rule, change: Box<dyn Fn(&mut Program)>| cases.push((rule, change));

    case(Rule::Limits, Box::new(|p| p.builtins = vec![p.builtins[0]; verify::limits::BUILTINS + 1]));
    case(Rule::Limits, Box::new(|p| p.functions[4].captures = vec![CaptureSource::Register(Reg(0)); verify::limits::CAPTURES + 1]));
    case(Rule::Limits, Box::new(|p| add_fields(p, verify::limits::FIELDS + 1)));

    case(Rule::StringBounds, Box::new(|p| p.strings.ends[0] = u32::MAX));
    case(Rule::StringBounds, Box::new(|p| p.strings.ends.swap(0, 1)));
    case(Rule::StringBounds, Box::new(|p| {
        let inside_ö = p.strings.text.find('ö').unwrap() as u32 + 1;
        let id = p.strings.ends.partition_point(|end| *end < inside_ö);
        p.strings.ends[id] = inside_ö;
    }));
    case(Rule::StringBounds, Box::new(|p| p.strings.text.push('x')));

    const NO_STR: StrId = StrId(1000);
    case(Rule::StringIndex, Box::new(|p| p.constants[2] = Constant::Str(NO_STR)));
    case(Rule::StringIndex, Box::new(|p| p.sites[1] = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.globals[0].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.functions[1].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.modules[0].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.modules[1].kind = ModuleKind::Std(NO_STR)));
    case(Rule::StringIndex, Box::new(|p| p.modules[0].exports[0].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.structs[0].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.structs[0].fields[0] = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.structs[0].methods[0].name = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.builtins[0].module = NO_STR));
    case(Rule::StringIndex, Box::new(|p| p.builtins[0].name = NO_STR));

    case(Rule::ConstantIndex, Box::new(with(Op::LoadConst { dst: R7, constant: ConstId(4) })));
    case(Rule::ConstantIndex, Box::new(with(Op::AddK { dst: R7, a: R7, k: ShortConst(4) })));
    case(Rule::ConstantIndex, Box::new(with(Op::JumpEqK { a: R7, k: ShortConst(4), to: 0 })));
    case(Rule::NumericConstant, Box::new(with(Op::AddK { dst: R7, a: R7, k: ShortConst(2) })));

    case(Rule::FunctionIndex, Box::new(with(Op::LoadFn { dst: R7, func: FuncId(5) })));
    case(Rule::FunctionIndex, Box::new(|p| p.modules[1].kind = ModuleKind::File(FuncId(5))));
    case(Rule::FunctionIndex, Box::new(|p| p.structs[0].methods[0].func = FuncId(5)));
    case(Rule::StructIndex, Box::new(with(Op::LoadStruct { dst: R7, def: StructId(1) })));
    case(Rule::StructIndex, Box::new(|p| p.functions[2].kind = FunctionKind::Method(StructId(1))));
    case(Rule::ModuleIndex, Box::new(with(Op::LoadModule { dst: R7, module: ModuleId(2) })));
    case(Rule::ModuleIndex, Box::new(|p| p.functions[1].module = ModuleId(2)));
    case(Rule::ModuleIndex, Box::new(|p| p.structs[0].module = ModuleId(2)));
    case(Rule::ModuleIndex, Box::new(|p| p.globals[0].module = ModuleId(2)));
    case(Rule::GlobalIndex, Box::new(with(Op::GetGlobal { dst: R7, global: GlobalId(1) })));
    case(Rule::GlobalIndex, Box::new(with(Op::SetGlobal { src: R7, global: GlobalId(1) })));
    case(Rule::BuiltinIndex, Box::new(with(Op::LoadBuiltin { dst: R7, builtin: BuiltinId(1) })));
    case(Rule::BuiltinIndex, Box::new(with(Op::CallBuiltin { base: Reg(0), builtin: BuiltinId(1), argc: 1 })));
    case(Rule::SiteIndex, Box::new(with(Op::GetMember { dst: R7, object: R7, site: SiteId(1) })));
    case(Rule::CaptureIndex, Box::new(with(Op::GetCapture { dst: R7, capture: CaptureId(0) })));

    case(Rule::CodePartition, Box::new(|p| p.functions[1].code.start -= 1));
    case(Rule::CodePartition, Box::new(|p| p.functions[1].code.len = 0));
    case(Rule::CodePartition, Box::new(|p| p.functions[4].code.len = u32::MAX));
    case(Rule::CodePartition, Box::new(|p| p.code.push(Op::ReturnVoid {})));
    case(Rule::LastInstruction, Box::new(|p| p.code[16] = Op::LoadVoid { dst: R7 }));
    case(Rule::LastInstruction, Box::new(|p| p.code[16] = Op::JumpIf { a: R7, to: -1 }));

    case(Rule::JumpTarget, Box::new(with(Op::Jump { to: 16 })));
    case(Rule::JumpTarget, Box::new(with(Op::Jump { to: -2 })));
    case(Rule::JumpTarget, Box::new(with(Op::Jump { to: i32::MAX })));
    case(Rule::JumpTarget, Box::new(with(Op::Jump { to: i32::MIN })));
    case(Rule::JumpTarget, Box::new(with(Op::JumpLt { a: R7, b: R7, to: i16::MAX })));
    case(Rule::JumpTarget, Box::new(with(Op::ForPrep { base: Reg(0), exit: 16 })));

    for op in [
        Op::Move { dst: R8, src: Reg(0) },
        Op::Move { dst: Reg(0), src: R8 },
        Op::Move { dst: Reg(0), src: Reg(u16::MAX) },
        Op::MakeList { dst: Reg(0), base: Reg(6), count: 3 },
        Op::MakeList { dst: Reg(0), base: Reg(9), count: 0 },
        Op::MakeList { dst: Reg(0), base: Reg(u16::MAX), count: u16::MAX },
        Op::MakeDict { dst: Reg(0), base: Reg(5), count: 2 },
        Op::MakeDict { dst: Reg(0), base: Reg(1), count: 0x8000 },
        Op::Call { base: R7, argc: 1 },
        Op::TailCall { base: R7, argc: 1 },
        Op::CallFn { base: R7, func: FuncId(1) },
        Op::TailCallFn { base: R7, func: FuncId(1) },
        Op::CallBuiltin { base: R7, builtin: BuiltinId(0), argc: 1 },
        Op::CallMethod { base: R7, argc: 0, site: SiteId(0) },
        Op::CallMethod { base: Reg(6), argc: 1, site: SiteId(0) },
        Op::TailCallMethod { base: Reg(6), argc: 1, site: SiteId(0) },
        Op::New { base: Reg(5), def: StructId(0) },
        Op::InitModule { base: R8, module: ModuleId(0) },
        Op::ForPrep { base: Reg(6), exit: 0 },
        Op::ForLoop { base: Reg(6), back: 0 },
        Op::IterPrep { base: Reg(5), exit: 0 },
        Op::IterNext { base: Reg(5), back: 0 },
        Op::IterPrep2 { base: Reg(4), exit: 0 },
        Op::IterNext2 { base: Reg(4), back: 0 },
        Op::Print { base: Reg(4), count: 5, newline: 0 },
    ] {
        case(Rule::Register, Box::new(with(op)));
    }

    case(Rule::Unwritten, Box::new(with(Op::Move { dst: R7, src: R7 })));
    case(Rule::Unwritten, Box::new(with(Op::MakeList { dst: R7, base: Reg(0), count: 1 })));
    case(Rule::Unwritten, Box::new(with(Op::MakeClosure { dst: R7, func: FuncId(4) })));
    let [r0, r1, r2] = [0, 1, 2].map(Reg);
    let load = |dst| Op::GetCapture { dst, capture: CaptureId(0) };
    for code in [
        // On one side of a branch.
        vec![load(r0), Op::JumpIf { a: r0, to: 1 }, load(r1), Op::Return { src: r1 }],
        vec![load(r0), Op::JumpIf { a: r0, to: 1 }, load(r1), Op::Move { dst: r2, src: r1 }, Op::ReturnVoid {}],
        // Left undefined by a call, on the way, or on the way round.
        vec![load(r0), load(r1), Op::Call { base: r0, argc: 0 }, Op::Return { src: r1 }],
        vec![load(r0), load(r2), Op::Move { dst: r0, src: r2 }, load(r1), Op::Call { base: r1, argc: 0 }, Op::JumpIf { a: r0, to: -4 }, Op::ReturnVoid {}],
        // A loop that is never entered from above: what it finds at its header is not known.
        vec![Op::Jump { to: 2 }, load(r0), Op::Jump { to: 1 }, load(r1), Op::JumpIf { a: r1, to: -4 }, Op::ReturnVoid {}],
        // A loop's variable behind the loop.
        vec![load(r0), load(r1), Op::ForPrep { base: r0, exit: 1 }, Op::ForLoop { base: r0, back: -1 }, Op::Return { src: r2 }],
        // A module that was run before leaves its register as it was.
        vec![Op::InitModule { base: r0, module: ModuleId(0) }, Op::Return { src: r0 }],
        // That it was written before is no help: native code keeps no value that is undefined behind. The 903,069th of
        // a million damaged files printed what a loop had counted to, and 9 where its last iterations were native.
        vec![load(r0), Op::InitModule { base: r0, module: ModuleId(0) }, Op::Return { src: r0 }],
    ] {
        case(Rule::Unwritten, Box::new(move |p| set_last(p, 4, code.clone(), vec![])));
    }
    for code in [
        // Written by what a handler covers, or left undefined by it.
        vec![load(r0), load(r1), Op::Return { src: r1 }],
        vec![load(r1), load(r0), Op::Call { base: r0, argc: 0 }, Op::Return { src: r1 }],
    ] {
        let end = code.len() as u32 - 1;
        case(Rule::Unwritten, Box::new(move |p| set_last(p, 4, code.clone(), vec![Handler { start: 1, end, target: end, error: r2 }])));
    }
    case(Rule::Registers, Box::new(|p| set_last(p, u16::MAX, many_jumps(5000), vec![])));
    case(Rule::Frame, Box::new(|p| p.functions[4].registers = 0));
    case(Rule::Frame, Box::new(|p| p.functions[1].params = 6));
    case(Rule::Limits, Box::new(|p| p.sites.resize(p.code.len() + 1, p.sites[0])));
    case(Rule::Sites, Box::new(|p| p.functions[0].sites.len = 3));
    case(Rule::Sites, Box::new(|p| p.functions[0].sites.start = u32::MAX));
    case(Rule::Sites, Box::new(|p| p.functions[0].sites.len = 2));
    case(Rule::SiteKind, Box::new(with(Op::GetMember { dst: R7, object: R7, site: SiteId(0) })));
    case(Rule::SiteKind, Box::new(with(Op::SetMember { object: R7, value: R7, site: SiteId(0) })));
    case(Rule::Handler, Box::new(|p| p.functions[0].handlers[0].start = 12));
    case(Rule::Handler, Box::new(|p| p.functions[0].handlers[0].end = 18));
    case(Rule::Handler, Box::new(|p| p.functions[0].handlers[0].target = 17));
    case(Rule::Handler, Box::new(|p| p.functions[0].handlers[0].target = 11));
    case(Rule::Handler, Box::new(|p| p.functions[0].handlers[0].error = R8));

    case(Rule::BodyShape, Box::new(|p| p.functions[0].params = 1));
    case(Rule::BodyShape, Box::new(|p| p.functions[0].captures.push(CaptureSource::Register(Reg(0)))));
    case(Rule::BodyShape, Box::new(|p| p.functions[0].kind = FunctionKind::Plain));
    case(Rule::BodyShape, Box::new(|p| p.functions[3].kind = FunctionKind::Body));
    case(Rule::BodyShape, Box::new(|p| {
        // Two modules with one body.
        p.modules.push(p.modules[0].clone());
        p.modules[2].exports.clear();
    }));
    case(Rule::BodyCall, Box::new(with(Op::CallFn { base: Reg(0), func: FuncId(0) })));
    case(Rule::BodyCall, Box::new(with(Op::LoadFn { dst: Reg(0), func: FuncId(0) })));
    case(Rule::BodyCall, Box::new(with(Op::MakeClosure { dst: Reg(0), func: FuncId(0) })));
    case(Rule::FunctionModule, Box::new(|p| p.functions[1].module = ModuleId(1)));
    case(Rule::FunctionModule, Box::new(|p| p.structs[0].module = ModuleId(1)));
    case(Rule::FunctionModule, Box::new(|p| p.globals[0].module = ModuleId(1)));
    case(Rule::MethodShape, Box::new(|p| p.functions[2].params = 0));
    case(Rule::MethodShape, Box::new(|p| p.structs[0].methods[0].takes_self = false));
    case(Rule::MethodShape, Box::new(|p| p.structs[0].methods[1].takes_self = true));
    case(Rule::MethodShape, Box::new(|p| p.structs[0].methods[1].func = FuncId(1)));
    case(Rule::MethodShape, Box::new(|p| p.structs.push(p.structs[0].clone())));

    case(Rule::CaptureSource, Box::new(|p| {
        let func = add_closure(p, CaptureSource::Register(Reg(8)));
        p.code[0] = Op::MakeClosure { dst: Reg(0), func };
    }));
    case(Rule::CaptureSource, Box::new(|p| {
        let func = add_closure(p, CaptureSource::Capture(CaptureId(0)));
        p.code[0] = Op::MakeClosure { dst: Reg(0), func };
    }));
    case(Rule::CaptureSource, Box::new(|p| {
        capture_in_method(p, CaptureSource::Register(Reg(8)));
        p.code[0] = Op::MakeStruct { dst: Reg(0), def: StructId(0) };
    }));
    case(Rule::NoCaptures, Box::new(with(Op::LoadFn { dst: Reg(0), func: FuncId(4) })));
    case(Rule::NoCaptures, Box::new(with(Op::CallFn { base: Reg(0), func: FuncId(4) })));
    case(Rule::NoCaptures, Box::new(with(Op::TailCallFn { base: Reg(0), func: FuncId(4) })));
    case(Rule::NoCaptures, Box::new(|p| {
        capture_in_method(p, CaptureSource::Register(Reg(0)));
        p.code[0] = Op::LoadStruct { dst: Reg(0), def: StructId(0) };
    }));
    case(Rule::NoCaptures, Box::new(|p| {
        capture_in_method(p, CaptureSource::Register(Reg(0)));
        p.code[0] = Op::New { base: Reg(0), def: StructId(0) };
    }));

    case(Rule::UniqueNames, Box::new(|p| { let x = p.structs[0].fields[0]; p.structs[0].fields.push(x) }));
    case(Rule::UniqueNames, Box::new(|p| {
        // The same name as another string.
        p.strings.text.push('x');
        p.strings.ends.push(p.strings.text.len() as u32);
        p.structs[0].fields.push(StrId(p.strings.len() as u32 - 1));
    }));
    case(Rule::UniqueNames, Box::new(|p| { let method = p.structs[0].methods[0]; p.structs[0].methods.push(method) }));
    case(Rule::UniqueNames, Box::new(|p| { let export = p.modules[0].exports[0]; p.modules[0].exports.push(export) }));
    case(Rule::Exports, Box::new(|p| p.modules[0].exports[0].global = GlobalId(1)));
    case(Rule::Exports, Box::new(|p| p.modules[1].exports = p.modules[0].exports.clone()));
    case(Rule::MainModule, Box::new(|p| p.main = ModuleId(1)));
    case(Rule::MainModule, Box::new(|p| p.main = ModuleId(2)));
    case(Rule::UnknownModule, Box::new(|p| p.modules[1].kind = ModuleKind::Std(intern(p, "std/magic"))));
    case(Rule::UnknownBuiltin, Box::new(|p| p.builtins[0].name = intern(p, "squirt")));
    case(Rule::UnknownBuiltin, Box::new(|p| p.builtins[0].module = intern(p, "std/core")));
    case(Rule::BuiltinArity, Box::new(with(Op::CallBuiltin { base: Reg(0), builtin: BuiltinId(0), argc: 0 })));
    case(Rule::BuiltinArity, Box::new(with(Op::CallBuiltin { base: Reg(0), builtin: BuiltinId(0), argc: 2 })));
    case(Rule::TypeSet, Box::new(with(Op::JumpIfType { a: R7, types: Tags::CELL.or(Tags::INT), to: 0 })));
    case(Rule::FlagValue, Box::new(with(Op::Print { base: Reg(0), count: 1, newline: 2 })));
    case(Rule::Async, Box::new(with(Op::StartTask {})));
    case(Rule::Async, Box::new(|p| p.functions[1].kind = FunctionKind::Async));

    case(Rule::LoopRegion, Box::new(|p| p.loops[0].func = FuncId(5)));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].header = 7));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].end = 11));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].back_edges = vec![5]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].back_edges = vec![7]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].back_edges = vec![6, 6]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].back_edges = vec![u32::MAX]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].header = 4));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].exits = vec![5]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].exits = vec![10]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].exits = vec![8, 7]));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].parent = Some(LoopId(0))));
    case(Rule::LoopRegion, Box::new(|p| p.loops[0].depth = 2));
    case(Rule::LoopRegion, Box::new(|p| (p.loops[0].span.lo, p.loops[0].span.hi) = (2, 1)));
    case(Rule::LoopRegion, Box::new(|p| {
        // A parent that is smaller than its child.
        let mut inner = p.loops[0].clone();
        (inner.end, inner.exits) = (8, vec![8]);
        (inner.parent, inner.depth) = (Some(LoopId(0)), 2);
        p.loops.push(inner);
    }));

    const NOWHERE: Span = Span { file: FileId(1), lo: 0, hi: 0 };
    case(Rule::DebugInfo, Box::new(|p| p.loops[0].span = NOWHERE));
    case(Rule::DebugInfo, Box::new(|p| { debug(p).functions.pop(); }));
    case(Rule::DebugInfo, Box::new(|p| debug(p).functions[0] = NOWHERE));
    case(Rule::DebugInfo, Box::new(|p| debug(p).functions[0].hi = u32::MAX));
    case(Rule::DebugInfo, Box::new(|p| {
        debug(p).files[0].text.insert(0, 'ö');
        debug(p).functions[0].hi = 1;
    }));
    case(Rule::DebugInfo, Box::new(|p| debug(p).lines[1].pc = 0));
    case(Rule::DebugInfo, Box::new(|p| debug(p).lines[10].pc = 34));
    case(Rule::DebugInfo, Box::new(|p| debug(p).lines[0].span = NOWHERE));
    case(Rule::DebugInfo, Box::new(|p| debug(p).locals[0].func = FuncId(5)));
    case(Rule::DebugInfo, Box::new(|p| debug(p).locals[0].register = Reg(5)));
    case(Rule::DebugInfo, Box::new(|p| debug(p).locals[0].name = NO_STR));
    case(Rule::DebugInfo, Box::new(|p| debug(p).locals[0].end = 11));
    case(Rule::DebugInfo, Box::new(|p| (debug(p).locals[0].start, debug(p).locals[0].end) = (6, 5)));

    case(Rule::Facts, Box::new(|p| p.facts = Some(Facts::default())));
    let with_facts = |change: fn(&mut Facts)| -> Box<dyn Fn(&mut Program)> {
        Box::new(move |p: &mut Program| {
            let mut facts = walrus::analysis::analyse(p);
            change(&mut facts);
            p.facts = Some(facts);
        })
    };
    case(Rule::Facts, with_facts(|facts| facts.types.results[0] = TypeId(u32::MAX)));
    case(Rule::Facts, with_facts(|facts| facts.types.frame_registers[0].0 = Reg(u16::MAX)));
    case(Rule::Facts, with_facts(|facts| facts.types.frames.swap(0, 1)));
    case(Rule::Facts, with_facts(|facts| facts.types.frames[0].count += 1));
    case(Rule::Facts, with_facts(|facts| facts.types.id_sets.push(vec![Identity(u32::MAX)])));
    case(Rule::Facts, with_facts(|facts| { facts.regions.pop(); }));
    let refuse = |regions: &'static [Region]| -> Box<dyn Fn(&mut Program)> {
        Box::new(|p: &mut Program| {
            p.refused = regions.iter().map(|&region| Refused { region, reason: Reason::TooLarge }).collect();
        })
    };
    case(Rule::Facts, refuse(&[Region::Loop(LoopId(u32::MAX))]));
    case(Rule::Facts, refuse(&[Region::Function(FuncId(u32::MAX))]));
    case(Rule::Facts, refuse(&[Region::Function(FuncId(0)), Region::Loop(LoopId(0))]));
    case(Rule::Facts, refuse(&[Region::Loop(LoopId(0)), Region::Loop(LoopId(0))]));
    case(Rule::Facts, with_facts(|facts| facts.regions[0].invariants.push(Reg(99))));
    cases
}

#[test]
fn a_program_that_breaks_a_rule_is_refused_by_that_rule() {
    for (i, (rule, change)) in cases().iter().enumerate() {
        let error = refused(change);
        assert_eq!(error.rule, *rule, "case {i}: {error}");
        assert!(!error.to_string().contains('\n'), "one line: {error}");
        let mut with_facts = sample::program();
        with_facts.facts = Some(walrus::analysis::analyse(&with_facts));
        change(&mut with_facts);
        let error = verify_with_facts(with_facts).expect_err("a broken program");
        assert_eq!(error.rule, *rule, "case {i}, checking facts: {error}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let covered: HashSet<Rule> = cases().iter().map(|(rule, _)| *rule).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !covered.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The greatest window of each kind that fits: the twins of the `Register` cases.
#[test]
fn windows_may_reach_the_last_register() {
    for op in [
        Op::Move { dst: Reg(7), src: Reg(7) },
        Op::MakeList { dst: Reg(0), base: Reg(6), count: 2 },
        Op::MakeList { dst: Reg(0), base: Reg(8), count: 0 },
        Op::MakeDict { dst: Reg(0), base: Reg(4), count: 2 },
        Op::Call { base: Reg(6), argc: 1 },
        Op::CallFn { base: Reg(6), func: FuncId(1) },
        Op::CallBuiltin { base: Reg(6), builtin: BuiltinId(0), argc: 1 },
        Op::CallMethod { base: Reg(5), argc: 1, site: SiteId(0) },
        Op::New { base: Reg(4), def: StructId(0) },
        Op::InitModule { base: Reg(7), module: ModuleId(0) },
        Op::ForPrep { base: Reg(5), exit: 0 },
        Op::IterPrep { base: Reg(4), exit: 0 },
        Op::IterPrep2 { base: Reg(3), exit: 0 },
        Op::Jump { to: 15 },
        Op::Jump { to: -1 },
    ] {
        let mut program = sample::program();
        program.code[0] = op;
        // What the windows hold does not matter, so nothing has written it.
        if let Err(error) = verify(program)
            && error.rule != Rule::Unwritten
        {
            panic!("{error}");
        }
    }
}

/// The twins of the `Unwritten` cases: what is written on every way may be read.
#[test]
fn a_register_may_be_read_where_every_way_has_written_it() {
    let written = |code: Vec<Op>, handlers| {
        let mut program = sample::program();
        set_last(&mut program, 4, code, handlers);
        if let Err(error) = verify(program) {
            panic!("{error}");
        }
    };
    let [r0, r1, r2, r3] = [0, 1, 2, 3].map(Reg);
    // On both sides of a branch.
    let branch = vec![
        Op::GetCapture { dst: r0, capture: CaptureId(0) },
        Op::JumpIf { a: r0, to: 2 },
        Op::LoadVoid { dst: r1 },
        Op::Jump { to: 1 },
        Op::LoadTrue { dst: r1 },
        Op::Return { src: r1 },
    ];
    written(branch, vec![]);
    // In front of a loop whose calls leave only other registers undefined.
    let around = vec![
        Op::LoadTrue { dst: r0 },
        Op::LoadTrue { dst: r2 },
        Op::GetCapture { dst: r1, capture: CaptureId(0) },
        Op::Call { base: r1, argc: 0 },
        Op::JumpIf { a: r0, to: -3 },
        Op::Return { src: r1 },
    ];
    written(around, vec![]);
    // In front of what a handler covers, and by the handler.
    let caught = vec![
        Op::LoadTrue { dst: r0 },
        Op::GetCapture { dst: r2, capture: CaptureId(0) },
        Op::Call { base: r2, argc: 0 },
        Op::Return { src: r2 },
        Op::Move { dst: r3, src: r1 },
        Op::Return { src: r0 },
    ];
    written(caught, vec![Handler { start: 1, end: 3, target: 4, error: r1 }]);
}

/// Only code that no compiler makes comes near what the pass about registers may take.
#[test]
fn large_frames_with_many_jumps_take_bounded_time() {
    let mut program = sample::program();
    set_last(&mut program, u16::MAX, many_jumps(3000), vec![]);
    if let Err(error) = verify(program) {
        panic!("{error}");
    }
    let mut program = sample::program();
    set_last(&mut program, u16::MAX, many_jumps(300_000), vec![]);
    let began = std::time::Instant::now();
    assert_eq!(verify(program).expect_err("too much").rule, Rule::Registers);
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

/// The twin of the struct with one field too many.
#[test]
fn a_struct_may_have_as_many_fields_as_an_instance_can_count() {
    let mut program = sample::program();
    add_fields(&mut program, verify::limits::FIELDS);
    // What facts say of fields is about those that the sample had.
    program.facts = None;
    if let Err(error) = verify(program) {
        panic!("{error}");
    }
}

#[test]
fn errors_say_where_what_and_what_to_do() {
    let error = refused(&|program| program.code[17 + 4] = Op::Add { dst: Reg(4), a: Reg(4), b: Reg(900) });
    insta::assert_snapshot!(error, @"invalid program: fn1(sum_to) at 4 `Add r4, r4, r900`: the frame has 5 registers (registers and windows lie inside the frame): run walrusc again");
    let error = refused(&|program| program.builtins[0].name = intern(program, "squirt"));
    insta::assert_snapshot!(error, @"invalid program: builtins[0]: there is no 'std/math.squirt' (a native function must exist in this version): use the walrus-run of the walrusc that built it, or run walrusc again");
    let error = refused(&|program| program.functions[1].code.len = 0);
    insta::assert_snapshot!(error, @"invalid program: functions[1]: 0 instructions from 17 where 17 is next (the functions' code divides the program's code, in order and without gap): run walrusc again");
}
