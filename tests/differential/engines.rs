//! One program in every mode, inside this process.

use std::sync::{Arc, Mutex};

use walrus::bytecode;
use walrus::compile::compile_text;
use walrus::run::{JitSettings, RunOptions, Stress, run};

use crate::host::MemoryHost;

/// Back edges and calls after which a program is dropped: it would only take time.
const FUEL: u64 = 60_000;
/// Small, so that a program whose texts grow without bound is dropped soon.
const MAX_HEAP: usize = 48 << 20;
/// A program that needs more is not run under GC stress: looking through its heap at each instruction would take
/// minutes.
const MAX_STRESSED_HEAP: usize = 512 << 10;

/// How to run a program, other than in the interpreter without any flag.
pub struct Mode {
    pub name: &'static str,
    gc_stress: bool,
    check_facts: bool,
    jit: bool,
    eager: bool,
    exits: bool,
    shadow: bool,
    facts: bool,
    /// With a limit of fuel, at which it ends as it does interpreted.
    limited: bool,
    /// Whether compilations are waited for, so that the program behaves alike when it is run again.
    wait: bool,
    /// Only every n-th program runs in this mode, as it takes long.
    pub every: u64,
}

const PLAIN: Mode = Mode {
    name: "",
    gc_stress: false,
    check_facts: false,
    jit: false,
    eager: false,
    exits: false,
    shadow: false,
    facts: false,
    limited: false,
    wait: true,
    every: 1,
};

pub const MODES: &[Mode] = &[
    Mode { name: "jit", jit: true, ..PLAIN },
    Mode { name: "jit-eager", jit: true, eager: true, ..PLAIN },
    Mode { name: "jit-exits", jit: true, eager: true, exits: true, ..PLAIN },
    Mode { name: "jit-shadow", jit: true, shadow: true, every: 2, ..PLAIN },
    Mode { name: "jit-exits-shadow", jit: true, eager: true, exits: true, shadow: true, every: 3, ..PLAIN },
    // With everything that depends on the clock.
    Mode { name: "jit-usual", jit: true, wait: false, every: 2, ..PLAIN },
    Mode { name: "jit-beside", jit: true, eager: true, wait: false, ..PLAIN },
    Mode { name: "jit-facts", jit: true, eager: true, exits: true, facts: true, ..PLAIN },
    Mode { name: "jit-fuel", jit: true, eager: true, limited: true, ..PLAIN },
    Mode { name: "jit-fuel-exits", jit: true, eager: true, exits: true, limited: true, every: 2, ..PLAIN },
    Mode { name: "check-facts", check_facts: true, ..PLAIN },
    Mode { name: "gc-stress", gc_stress: true, every: 5, ..PLAIN },
    Mode { name: "jit-eager-gc-stress", jit: true, eager: true, gc_stress: true, every: 5, ..PLAIN },
];

/// What a program did, as a user sees it.
#[derive(PartialEq, Eq, Debug)]
pub struct Observed {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// What became of a program.
pub enum Verdict {
    /// It behaved alike in all modes.
    Same,
    /// It takes too long or too much memory to be of use.
    Dropped,
    Differs(Box<Difference>),
}

/// A mode in which a program does something else than in the interpreter.
pub struct Difference {
    pub mode: &'static str,
    pub expected: Observed,
    pub seen: Observed,
}

/// Runs `source` in the interpreter and in all modes that `wanted` lets through; `starts` hears of each run before it
/// begins.
pub fn judge(source: &str, wanted: &dyn Fn(&Mode) -> bool, starts: &mut dyn FnMut(&str)) -> Verdict {
    starts("compile");
    let compilation = compile_text("main.walrus", source);
    let Some(bytes) = compilation.encode() else {
        let codes: Vec<String> = compilation.diagnostics.iter().map(|diagnostic| format!("{diagnostic:?}")).collect();
        let seen = Observed { status: 1, stdout: String::new(), stderr: codes.join("\n") };
        return differs("compile", Observed { status: 0, stdout: String::new(), stderr: String::new() }, seen);
    };
    starts("interp");
    let expected = observe(&bytes, &PLAIN, Some(FUEL), MAX_HEAP);
    let first_line = expected.stderr.lines().next().unwrap_or("");
    // Where exactly memory ends depends on when garbage was collected last, which no mode promises.
    if ["Out of fuel", "Out of memory"].iter().any(|end| first_line.starts_with(end)) {
        return Verdict::Dropped;
    }
    if is_broken(&expected) {
        return differs("interp", Observed { status: 0, stdout: String::new(), stderr: String::new() }, expected);
    }
    let is_small = std::cell::LazyCell::new(|| observe(&bytes, &PLAIN, None, MAX_STRESSED_HEAP) == expected);
    for mode in MODES.iter().filter(|mode| wanted(mode)) {
        starts(mode.name);
        if mode.gc_stress && !*is_small {
            continue;
        }
        if mode.limited {
            // One of many ends, most of them soon.
            let hash = source.bytes().fold(0u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            let fuel = (hash >> 8) % (1 << (2 + hash % 12));
            let [expected, seen] = [&PLAIN, mode].map(|mode| observe(&bytes, mode, Some(fuel), MAX_HEAP));
            if seen != expected {
                return differs(mode.name, expected, seen);
            }
            continue;
        }
        let mut seen = observe(&bytes, mode, None, MAX_HEAP);
        if mode.check_facts && seen.status == 0 && seen.stderr.ends_with("agree with their static types\n") {
            // That line comes last, behind what tasks failed with.
            let judgement = seen.stderr.trim_end().rfind('\n').map_or(0, |end| end + 1);
            seen.stderr.truncate(judgement);
        }
        if seen != expected {
            return differs(mode.name, expected, seen);
        }
    }
    Verdict::Same
}

fn differs(mode: &'static str, expected: Observed, seen: Observed) -> Verdict {
    Verdict::Differs(Box::new(Difference { mode, expected, seen }))
}

/// No program may do this, whatever it is.
fn is_broken(observed: &Observed) -> bool {
    observed.status == walrus::run::status::USAGE
}

fn observe(bytes: &[u8], mode: &Mode, fuel: Option<u64>, max_heap: usize) -> Observed {
    let program = bytecode::load(bytes).expect("what the compiler writes can be loaded");
    let thresholds = JitSettings::default();
    let stress = [(mode.exits, Stress::Exits), (mode.shadow, Stress::Shadow), (mode.facts, Stress::Facts)];
    let jit = JitSettings {
        compile: mode.jit,
        loop_threshold: if mode.eager { 1 } else { thresholds.loop_threshold },
        function_threshold: if mode.eager { 1 } else { thresholds.function_threshold },
        stress: stress.into_iter().filter_map(|(wanted, stress)| wanted.then_some(stress)).collect(),
        wait: mode.wait,
        ..thresholds
    };
    let options = RunOptions {
        max_heap,
        fuel,
        gc_stress: mode.gc_stress,
        task_stress: false,
        check_facts: mode.check_facts,
        jit,
        ..RunOptions::default()
    };
    let out = Arc::new(Mutex::new(Vec::new()));
    let outcome = run(program, &options, Box::new(MemoryHost { out: Arc::clone(&out) }));
    let stdout = String::from_utf8_lossy(&out.lock().unwrap_or_else(|poisoned| poisoned.into_inner())).into_owned();
    Observed { status: outcome.status, stdout, stderr: outcome.message }
}
