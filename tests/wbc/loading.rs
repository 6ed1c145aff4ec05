//! How much memory loading takes: at most 64 MiB and eight times the file's size, whatever the file holds much of.
#![cfg(unix)]

use std::process::Command;

use walrus::bytecode::*;
use walrus::source::Span;

use crate::meta;

/// A program that does little, to which something is added.
fn plain() -> Program {
    let source = "fn f : a { for i in 0..3 { a = i; } return a; }\nf(1);\n";
    let mut program = walrus::compile::compile_text("t.walrus", source).program.expect("it compiles");
    program.facts = None;
    program
}

/// Tells how a command ended and its largest size in KiB. A process of its own, as what is started has its starter's
/// size at first.
const MEASURE: &str = "import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// Runs a file; its exit status and its largest size in bytes.
fn run(file: &[u8], flags: &[&str]) -> (i32, u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("p.wbc");
    std::fs::write(&path, file).expect("a file");
    let mut command = Command::new("python3");
    command.args(["-c", MEASURE, env!("CARGO_BIN_EXE_walrus-run")]).args(flags).arg(&path);
    let output = command.output().expect("there is a python3").stdout;
    let text = String::from_utf8(output).expect("text");
    let numbers: Vec<i64> = text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    (numbers[0] as i32, numbers[1] as u64 * 1024)
}

/// Adds many strings of two characters, all different; the first of them.
fn add_strings(program: &mut Program, count: u32) -> StrId {
    let first = program.strings.len() as u32;
    for at in 0..count {
        let letter = |n: u32| char::from_u32(0x4E00 + n % 20_000).expect("a character");
        program.strings.text.extend([letter(at), letter(at / 20_000)]);
        program.strings.ends.push(program.strings.text.len() as u32);
    }
    StrId(first)
}

fn add_function(program: &mut Program, code: Run, sites: Run) {
    program.functions.push(Function {
        name: program.functions[0].name,
        kind: FunctionKind::Plain,
        module: program.functions[0].module,
        params: 0,
        required: 0,
        registers: 1,
        code,
        sites,
        captures: Vec::new(),
        handlers: Vec::new(),
    });
    program.debug.iter_mut().for_each(|debug| debug.functions.push(Span::default()));
}

/// Programs with much of one thing, about 4 MB each.
fn crafted() -> Vec<(&'static str, Program)> {
    let mut files = Vec::new();
    let mut with = |name, add: &dyn Fn(&mut Program)| {
        let mut program = plain();
        add(&mut program);
        files.push((name, program));
    };
    with("ints", &|p| p.constants.extend((0..350_000).map(|n| Constant::Int(n + 1_000_000))));
    with("long string named often", &|p| {
        p.strings.text.push_str(&"x".repeat(1 << 20));
        p.strings.ends.push(p.strings.text.len() as u32);
        let long = StrId(p.strings.len() as u32 - 1);
        p.constants.extend(std::iter::repeat_n(Constant::Str(long), 250_000));
    });
    with("strings", &|p| _ = add_strings(p, 400_000));
    with("strings as constants", &|p| {
        let first = add_strings(p, 200_000).0;
        p.constants.extend((0..200_000).map(|at| Constant::Str(StrId(first + at))));
    });
    with("sites", &|p| {
        let name = p.functions[0].name;
        for _ in 0..5 {
            let code = Run { start: p.code.len() as u32, len: 60_000 };
            let sites = Run { start: p.sites.len() as u32, len: 60_000 };
            p.code.resize(code.range().end, Op::ReturnVoid {});
            p.sites.resize(sites.range().end, name);
            add_function(p, code, sites);
        }
    });
    with("functions", &|p| {
        for _ in 0..60_000 {
            let code = Run { start: p.code.len() as u32, len: 1 };
            p.code.push(Op::ReturnVoid {});
            add_function(p, code, Run::default());
        }
    });
    let plain_struct = |p: &Program| StructDef {
        name: p.functions[0].name,
        module: p.functions[0].module,
        fields: Vec::new(),
        methods: Vec::new(),
    };
    with("structs", &|p| p.structs.extend(std::iter::repeat_n(plain_struct(p), 160_000)));
    with("fields", &|p| {
        let first = add_strings(p, 15_000).0;
        let fields: Vec<StrId> = (0..15_000).map(|at| StrId(first + at)).collect();
        p.structs.extend(std::iter::repeat_n(StructDef { fields, ..plain_struct(p) }, 66));
    });
    with("fields of many names", &|p| {
        let first = add_strings(p, 300_000).0;
        for from in (0..300_000).step_by(30_000) {
            let fields = (from..from + 30_000).map(|at| StrId(first + at)).collect();
            p.structs.push(StructDef { fields, ..plain_struct(p) });
        }
    });
    with("globals", &|p| {
        let global = Global { name: p.functions[0].name, module: p.functions[0].module };
        p.globals.extend(std::iter::repeat_n(global, 500_000));
    });
    with("exports", &|p| {
        let first = add_strings(p, 280_000).0;
        let global = Global { name: p.functions[0].name, module: p.functions[0].module };
        p.globals.push(global);
        let global = GlobalId(p.globals.len() as u32 - 1);
        p.modules[0].exports.extend((0..280_000).map(|at| Export { name: StrId(first + at), global }));
    });
    with("lines", &|p| {
        let debug = p.debug.as_mut().expect("not stripped");
        let code = p.code.len() as u32;
        debug.lines.extend((0..1_200_000).map(|_| LineEntry { pc: code, span: Span::default() }));
    });
    with("loops", &|p| {
        let last = p.loops[0].clone();
        p.loops.extend(std::iter::repeat_n(last, 75_000));
    });
    with("facts", &|p| {
        let mut facts = walrus::analysis::analyse(p);
        let region = facts.regions[0].clone();
        facts.regions.extend(std::iter::repeat_n(region, 50_000));
        p.facts = Some(facts);
    });
    with("facts of frames", &|p| {
        let mut facts = walrus::analysis::analyse(p);
        let types = &mut facts.types;
        types.frame_registers.extend(std::iter::repeat_n(types.frame_registers[0], 1_500_000));
        p.facts = Some(facts);
    });
    files
}

/// Held against the size of a plain program instead of the 64 MiB, which would hide much in files as small as these.
#[test]
fn loading_takes_memory_in_proportion_to_the_file() {
    const SLACK: u64 = 4 << 20;
    for flags in [&[][..], &["--jit"]] {
        let (_, base) = run(&wbc::encode(&plain(), &meta()), flags);
        for (name, program) in crafted() {
            let file = wbc::encode(&program, &meta());
            let (status, bytes) = run(&file, flags);
            let (size, taken) = (file.len() as u64, bytes.saturating_sub(base));
            println!("{name} {flags:?}: {size} bytes take {taken}, {:.1} x; {status}", taken as f64 / size as f64);
            assert!(size > 2 << 20 && taken <= 8 * size + SLACK, "{name} {flags:?}: {size} bytes take {taken}");
        }
    }
}
