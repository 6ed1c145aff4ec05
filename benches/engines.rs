//! Whole-process times of the programs in `benches/programs` under Walrus and whatever other engines are installed.
//!
//! `cargo bench --bench engines` runs every engine on every program in turn, several rounds, and prints the best time
//! of each and its ratio to Lua 5.4's. The last column is what `walrus --jit` takes over the best of its peers, the
//! engines that compile at run time: LuaJIT, node and PyPy. Machines are noisy: rounds are interleaved so that a slow
//! minute does not land on one engine, and only ratios within one run mean anything. An engine whose output differs or
//! that fails is named and left out of that row, and the run ends with an error.
//!
//! `cargo bench --bench engines -- NAME…` runs only the programs whose names contain one of the words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const JIT: &str = "walrus --jit";

struct Engine {
    name: &'static str,
    program: PathBuf,
    /// Stand before the program's file.
    args: &'static [&'static str],
    extension: &'static str,
    /// Whether `walrus --jit` is measured against it.
    peer: bool,
}

/// The best time of each program (row) under each engine (column) that ran it and agreed with the first.
type Times = BTreeMap<(usize, usize), Duration>;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/programs");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the programs are part of the repository")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            (path.extension()? == "walrus").then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
        })
        .filter(|name| wanted.is_empty() || wanted.iter().any(|word| name.contains(word)))
        .collect();
    names.sort();

    let build = tempfile::tempdir().expect("a temporary folder");
    for name in &names {
        let status = Command::new(env!("CARGO_BIN_EXE_walrusc"))
            .arg(folder.join(name).with_extension("walrus"))
            .arg("-o")
            .arg(build.path().join(name).with_extension("wbc"))
            .status()
            .expect("walrusc runs");
        assert!(status.success(), "walrusc refuses {name}");
    }

    let engines = installed();
    let mut best = Times::new();
    let mut wrong: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (row, name) in names.iter().enumerate() {
            let mut expected: Option<Vec<u8>> = None;
            for (column, engine) in engines.iter().enumerate() {
                let folder = if engine.extension == "wbc" { build.path() } else { &folder };
                let file = folder.join(name).with_extension(engine.extension);
                if !file.is_file() || wrong.contains_key(&(row, column)) {
                    continue;
                }
                let mut command = Command::new(&engine.program);
                command.args(engine.args).arg(file).stdin(Stdio::null());
                let started = Instant::now();
                let output = command.output().expect("an installed engine runs");
                let took = started.elapsed();
                if !output.status.success() {
                    wrong.insert((row, column), "fails");
                } else if expected.get_or_insert_with(|| output.stdout.clone()) != &output.stdout {
                    wrong.insert((row, column), "prints something else");
                } else {
                    let cell = best.entry((row, column)).or_insert(took);
                    *cell = took.min(*cell);
                }
            }
        }
    }
    best.retain(|cell, _| !wrong.contains_key(cell));
    print_table(&names, &engines, &best);
    for ((row, column), what) in &wrong {
        println!("{}: {} {what}", names[*row], engines[*column].name);
    }
    if !wrong.is_empty() {
        std::process::exit(1);
    }
}

/// Walrus, and the other engines that are on the search path.
fn installed() -> Vec<Engine> {
    let run = PathBuf::from(env!("CARGO_BIN_EXE_walrus-run"));
    let mut engines = vec![Engine { name: "walrus", program: run.clone(), args: &[], extension: "wbc", peer: false }];
    if cfg!(feature = "jit") {
        engines.push(Engine { name: JIT, program: run, args: &["--jit"], extension: "wbc", peer: false });
    }
    for (name, program, args, extension, peer) in [
        ("lua5.4", "lua5.4", &[][..], "lua", false),
        ("luajit", "luajit", &[], "lua", true),
        ("luajit -joff", "luajit", &["-joff"], "lua", false),
        ("node", "node", &[], "js", true),
        ("pypy3", "pypy3", &[], "py", true),
    ] {
        let found = std::env::var_os("PATH").and_then(|paths| {
            std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
        });
        match found {
            Some(program) => engines.push(Engine { name, program, args, extension, peer }),
            None => println!("{name} is not installed: left out"),
        }
    }
    engines
}

fn print_table(names: &[String], engines: &[Engine], best: &Times) {
    let base = engines.iter().position(|engine| engine.name == "lua5.4").unwrap_or(0);
    let jit = engines.iter().position(|engine| engine.name == JIT);
    let seconds = |row: usize, column: usize| best.get(&(row, column)).map(Duration::as_secs_f64);
    print!("{:14}", "");
    engines.iter().for_each(|engine| print!("{:>20}", engine.name));
    println!("{:>22}", "--jit over best peer");
    let mut ratios = vec![Vec::new(); engines.len() + 1];
    for (row, name) in names.iter().enumerate() {
        print!("{name:14}");
        for (column, ratios) in ratios.iter_mut().enumerate().take(engines.len()) {
            match (seconds(row, column), seconds(row, base)) {
                (Some(took), Some(of_base)) => {
                    ratios.push(took / of_base);
                    print!("{took:>11.3} s {:>6.2}", took / of_base);
                }
                (Some(took), None) => print!("{took:>11.3} s {:>6}", ""),
                (None, _) => print!("{:>20}", "-"),
            }
        }
        let peers = (0..engines.len()).filter(|&column| engines[column].peer);
        let fastest = peers
            .filter_map(|column| Some((seconds(row, column)?, engines[column].name)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match (jit.and_then(|column| seconds(row, column)), fastest) {
            (Some(took), Some((of_peer, peer))) => {
                ratios[engines.len()].push(took / of_peer);
                println!("{:>14.2} {peer:>7}", took / of_peer);
            }
            _ => println!("{:>22}", "-"),
        }
    }
    print!("{:14}", "geomean");
    for (column, ratios) in ratios.iter().enumerate() {
        let width = if column == engines.len() { 14 } else { 20 };
        match ratios.len() {
            0 => print!("{:>width$}", "-"),
            n => print!("{:>width$.2}", (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / n as f64).exp()),
        }
    }
    println!("\nratios but the last are to {}", engines[base].name);
}
