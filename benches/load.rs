//! Loading a large program: decoding its `.wbc` and verifying it. About what 200,000 lines compile to.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use walrus::bytecode::wbc::{self, Meta};
use walrus::bytecode::*;
use walrus::source::{FileId, Span};

const FUNCTIONS: u32 = 20_000;
const INSTRUCTIONS: usize = 1_200_000;

fn program() -> Program {
    let body = [
        Op::LoadInt { dst: Reg(2), value: 0 },
        Op::Move { dst: Reg(3), src: Reg(0) },
        Op::ForPrep { base: Reg(2), exit: 6 },
        Op::GetMember { dst: Reg(5), object: Reg(1), site: SiteId(0) },
        Op::Add { dst: Reg(5), a: Reg(5), b: Reg(4) },
        Op::MulK { dst: Reg(6), a: Reg(5), k: ShortConst(0) },
        Op::JumpNotLtK { a: Reg(6), k: ShortConst(0), to: 0 },
        Op::SetGlobal { src: Reg(6), global: GlobalId(0) },
        Op::ForLoop { base: Reg(2), back: -6 },
        Op::JumpLt { a: Reg(5), b: Reg(6), to: 0 },
    ];
    let mut strings = Strings::default();
    let mut intern = |text: &str| {
        strings.text.push_str(text);
        strings.ends.push(strings.text.len() as u32);
        StrId(strings.ends.len() as u32 - 1)
    };
    let name = intern("main");
    let mut program = Program {
        constants: vec![Constant::Int(1 << 40)],
        globals: vec![Global { name, module: ModuleId(0) }],
        modules: vec![Module { name, kind: ModuleKind::File(FuncId(0)), exports: vec![] }],
        sites: vec![name],
        ..Program::default()
    };
    let mut debug = DebugInfo::default();
    let line = "        total += i * 3; // thirty-two\n";
    debug.files.push(SourceFile { name: "main.walrus".into(), text: line.repeat(200_000) });
    for id in 0..FUNCTIONS {
        let start = program.code.len() as u32;
        let len = INSTRUCTIONS / FUNCTIONS as usize;
        program.code.extend(body.iter().cycle().take(len - 1));
        program.code.push(Op::ReturnVoid {});
        let name = intern(&format!("function_{id}"));
        program.functions.push(Function {
            name,
            kind: if id == 0 { FunctionKind::Body } else { FunctionKind::Plain },
            module: ModuleId(0),
            params: if id == 0 { 0 } else { 2 },
            required: if id == 0 { 0 } else { 2 },
            registers: 8,
            code: Run { start, len: len as u32 },
            sites: Run { start: 0, len: 1 },
            captures: vec![],
            handlers: vec![],
        });
        program.loops.push(LoopRegion {
            func: FuncId(id),
            kind: LoopKind::Range,
            header: 3,
            end: 9,
            back_edges: vec![8],
            exits: vec![9],
            parent: None,
            depth: 1,
            marked: false,
            span: Span { file: FileId(0), lo: 0, hi: 4 },
        });
        debug.functions.push(Span { file: FileId(0), lo: id, hi: id + 9 });
        for register in 0..5 {
            debug.locals.push(LocalName { func: FuncId(id), register: Reg(register), name, start: 0, end: 60 });
        }
    }
    for pc in 0..program.code.len() as u32 {
        let lo = pc / 6 * line.len() as u32 + pc % 6 * 3;
        debug.lines.push(LineEntry { pc, span: Span { file: FileId(0), lo, hi: lo + 5 } });
    }
    program.debug = Some(debug);
    program.strings = strings;
    program
}

fn load(criterion: &mut Criterion) {
    let program = program();
    let meta = Meta::new([0; 32]);
    let file = wbc::encode(&program, &meta);
    let mut group = criterion.benchmark_group("load");
    group.sample_size(20).throughput(Throughput::Elements(program.code.len() as u64));
    group.bench_function("encode", |bench| bench.iter(|| wbc::encode(&program, &meta)));
    group.bench_function("decode", |bench| bench.iter(|| wbc::decode(&file).expect("a valid file")));
    group.bench_function("verify", |bench| {
        bench.iter_batched(
            || program.clone(),
            |program| verify(program).expect("a valid program"),
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
