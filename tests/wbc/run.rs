//! What the verifier accepts runs safely: mutants of the language's fixtures, run with little fuel and memory, come to
//! some end. What they print does not matter; that nothing panics or reaches beyond its frame does. Debug builds check
//! the invariants behind each `unsafe`. And it runs alike in every tier: mutants that end by themselves do the same as
//! native code.
//!
//! `WALRUS_MUTANTS` sets how many are made; with `WALRUS_MUTANT_FILE` each is written there before it runs, so that one
//! which takes the process with it can be looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use walrus::bytecode::{Constant, Op, Program, Reg, StructDef, VerifiedProgram, load, wbc};
use walrus::runtime::heap::Heap;
use walrus::runtime::hooks::Thresholds;
use walrus::runtime::image::Image;
use walrus::runtime::vm::{Limits, Vm};

use crate::host::MemoryHost;
use crate::meta;
use crate::mutants::{Mutator, how_many};

const NATIVE_STACK: usize = 64 << 20;

fn run(program: VerifiedProgram, gc_stress: bool) {
    // Stress collects at each allocation, so its time is the square of what the heap holds.
    let max_heap = if gc_stress { 256 << 10 } else { 4 << 20 };
    let limits = Limits { max_heap, native_stack: NATIVE_STACK };
    let mut vm = Vm::new(program, &limits, Box::<MemoryHost>::default()).expect("address space for a stack");
    vm.heap.set_stress(gc_stress);
    vm.set_counts(Some(300), false);
    vm.set_hooks(Thresholds { loops: u32::MAX, functions: u32::MAX }, None);
    let _ = vm.run_main();
    let _ = vm.finish();
    vm.take_trace();
}

/// The fixtures that compile, as files. Those that test limits take too long to be run often.
fn compiled_fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files = Vec::new();
    for folder in ["language", "builtins", "gc", "loops", "std"] {
        let Ok(entries) = root.join(folder).read_dir() else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "walrus")) {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let Some(program) = walrus::compile::compile_text("prog.walrus", &text).program else { continue };
            files.push((path.display().to_string(), wbc::encode(&program, &meta())));
        }
    }
    files
}

fn run_mutants() {
    let files = compiled_fixtures();
    assert!(files.len() > 20, "only {} fixtures compile", files.len());
    let save = std::env::var_os("WALRUS_MUTANT_FILE");
    let mut mutator = Mutator::new();
    let mut ran = 0;
    let count = how_many(6_000);
    for (round, (name, file)) in (0..count).zip(files.iter().cycle()) {
        let mutant = mutator.mutant(file);
        let Ok(program) = load(&mutant) else { continue };
        if let Some(path) = &save {
            std::fs::write(path, &mutant).expect("WALRUS_MUTANT_FILE can be written");
        }
        ran += 1;
        let result = catch_unwind(AssertUnwindSafe(|| run(program, round % 4 == 0)));
        assert!(result.is_ok(), "mutant {round}, of {name}");
    }
    assert!(ran > count / 20, "only {ran} of {count} mutants verify");
}

#[test]
fn accepted_mutants_run_safely() {
    let thread = std::thread::Builder::new().stack_size(NATIVE_STACK).spawn(run_mutants).expect("a thread");
    assert!(thread.join().is_ok(), "see above");
}

/// What a program that works by itself came to: status, output, message.
#[cfg(feature = "jit")]
type Came = (i32, Vec<u8>, String);

/// Runs a mutant to its end. Interpreted, fuel ends what would not end by itself, or would take long natively.
#[cfg(feature = "jit")]
fn observe(program: VerifiedProgram, jit: bool) -> Came {
    use walrus::run::{JitSettings, RunOptions};
    let jit_settings =
        JitSettings { compile: jit, loop_threshold: 1, function_threshold: 1, wait: true, ..JitSettings::default() };
    let fuel = (!jit).then_some(2000);
    let options = RunOptions { max_heap: 16 << 20, fuel, jit: jit_settings, ..RunOptions::default() };
    let host = MemoryHost::default();
    let out = std::sync::Arc::clone(&host.out);
    let outcome = walrus::run::run(program, &options, Box::new(host));
    let text = std::mem::take(&mut *out.lock().expect("no writer panics"));
    (outcome.status, text, outcome.message)
}

/// Whether all that a program does is the same in each run and in each tier: it asks neither for figures of the heap
/// nor for chance.
#[cfg(feature = "jit")]
fn is_steady(program: &Program) -> bool {
    let unsteady = ["gc", "heap_stats", "gc_threshold", "rand_float", "rand_int", "rand_bool", "rand_range"];
    let name = |id| program.strings.get(id).unwrap_or_default();
    !program.builtins.iter().any(|builtin| unsteady.contains(&name(builtin.name)))
        // Through the module as a value any of them can be reached.
        && !program.code.iter().any(|op| matches!(op, Op::LoadModule { .. }))
}

#[cfg(feature = "jit")]
fn compare_tiers() {
    let files = compiled_fixtures();
    let save = std::env::var_os("WALRUS_MUTANT_FILE");
    let mut mutator = Mutator::new();
    let (mut accepted, mut compared, count) = (0, 0, how_many(400));
    for (round, (name, file)) in (0..count).zip(files.iter().cycle()) {
        let mutant = mutator.mutant(file);
        let Ok(program) = load(&mutant) else { continue };
        accepted += 1;
        if !is_steady(&program) {
            continue;
        }
        if let Some(path) = &save {
            std::fs::write(path, &mutant).expect("WALRUS_MUTANT_FILE can be written");
        }
        let interpreted = observe(program.clone(), false);
        // What the limits end may end elsewhere.
        if ["Out of fuel", "Out of memory", "Stack overflow"].iter().any(|end| interpreted.2.starts_with(end)) {
            continue;
        }
        compared += 1;
        let native = observe(program, true);
        assert!(
            interpreted == native,
            "mutant {round}, of {name}: interpreted\n{}\n{:?}\nwith native code\n{}\n{:?}",
            String::from_utf8_lossy(&interpreted.1),
            (interpreted.0, &interpreted.2),
            String::from_utf8_lossy(&native.1),
            (native.0, &native.2),
        );
    }
    println!("{count} mutants, {accepted} accepted, {compared} compared");
    assert!(compared > count / 50, "only {compared} of {count} mutants were compared");
}

/// A register that nothing had written once held what was left on the stack, which differs by tier; and whatever else a
/// file makes up must not differ either.
#[cfg(feature = "jit")]
#[test]
fn accepted_mutants_do_the_same_in_each_tier() {
    let thread = std::thread::Builder::new().stack_size(NATIVE_STACK).spawn(compare_tiers).expect("a thread");
    assert!(thread.join().is_ok(), "see above");
}

/// A counting loop whose registers hold something else. The bits of the text, an address, were counted and printed,
/// which differed from run to run and from tier to tier.
#[cfg(feature = "jit")]
#[test]
fn only_ints_are_counted() {
    let source = "println(\"one\"); [1].map(: x { return x; }); println(\"two\");";
    let mut program = walrus::compile::compile_text("t.walrus", source).program.expect("it compiles");
    program.facts = None;
    let call = program.code.iter().position(|op| matches!(op, Op::CallMethod { .. })).expect("a call of a method");
    // From the call past the loading of the second text: what is printed then is register 0, a text or a count.
    program.code[call] = Op::ForLoop { base: Reg(0), back: 1 };
    let program = load(&wbc::encode(&program, &meta())).expect("a program that may run");
    for jit in [false, true] {
        let (status, out, message) = observe(program.clone(), jit);
        assert_eq!((status, String::from_utf8_lossy(&out).as_ref(), message.as_str()), (0, "one\ntwo\n", ""));
    }
}

/// The machine goes with its run, and the native code with the machine: a process that ran many programs kept those of
/// all, with gigabytes of addresses for each.
#[cfg(all(feature = "jit", target_os = "linux"))]
#[test]
fn a_run_leaves_nothing_behind() {
    let source = "fn f : n { let t = 0; for i in 0..n { t += i; } return t; } println(f(1000), f(2000));";
    let program = walrus::compile::compile_text("t.walrus", source).program.expect("it compiles");
    let program = load(&wbc::encode(&program, &meta())).expect("a program that may run");
    let addresses = || {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
        statm.split(' ').next().and_then(|pages| pages.parse::<usize>().ok()).expect("pages of the process")
    };
    let run = || assert_eq!(observe(program.clone(), true), (0, b"499500 1999000\n".to_vec(), String::new()));
    run();
    let before = addresses();
    (0..200).for_each(|_| run());
    // Other tests run beside, and have code of their own: less than a tenth of the code that 200 runs would keep.
    let grown = addresses().saturating_sub(before) * 4096;
    assert!(grown < 20 * (64 << 20), "{} MiB", grown >> 20);
}

/// A small file must not fill the memory by naming one long string again and again.
#[test]
fn a_string_of_the_file_is_made_once() {
    let long = "x".repeat(1 << 20);
    let source = format!("struct S {{ fn init : self {{ self.{long} = \"{long}\"; }} }} S();");
    let mut program = walrus::compile::compile_text("t.walrus", &source).program.expect("it compiles");
    program.facts = None;
    let name = program.constants.iter().find(|constant| matches!(constant, Constant::Str(_))).copied();
    program.constants.extend(std::iter::repeat_n(name.expect("a string"), 2000));
    let again = StructDef { methods: Vec::new(), ..program.structs[0].clone() };
    program.structs.extend(std::iter::repeat_n(again, 4000));

    let program = load(&wbc::encode(&program, &meta())).expect("a program that may run");
    let mut heap = Heap::new();
    let image = Image::new(program, &mut heap);
    assert!(heap.bytes() < 4 << 20, "{} bytes", heap.bytes());
    assert_eq!(image.structs[0].fields[0].len(), long.len());
    assert_eq!(image.structs[0].fields[0].as_ptr(), image.structs[4000].fields[0].as_ptr());
}
