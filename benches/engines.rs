//! Whole-process times of the programs in `benches/programs` under Walrus and whatever other engines are installed.
//!
//! `cargo bench --bench engines` runs every engine on every program in turn, several rounds, and prints the best time
//! of each and its ratio to Lua 5.4's. Machines are noisy: rounds are interleaved so that a slow minute does not land
//! on one engine, and only ratios within one run mean anything. A program whose output differs between engines is
//! reported instead of timed.
//!
//! `cargo bench --bench engines -- NAME…` runs only the programs whose names contain one of the words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

struct Engine {
    name: &'static str,
    program: PathBuf,
    args: &'static [&'static str],
    extension: &'static str,
}

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
    let mut best: BTreeMap<(usize, usize), Duration> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (row, name) in names.iter().enumerate() {
            let mut expected: Option<Vec<u8>> = None;
            for (column, engine) in engines.iter().enumerate() {
                let folder = if engine.extension == "wbc" { build.path() } else { &folder };
                let mut command = Command::new(&engine.program);
                command.arg(folder.join(name).with_extension(engine.extension)).args(engine.args);
                if engine.args == ["-joff"] {
                    command = Command::new(&engine.program);
                    command.args(engine.args).arg(folder.join(name).with_extension(engine.extension));
                }
                let started = Instant::now();
                let output = command.stdin(Stdio::null()).output().expect("an installed engine runs");
                let took = started.elapsed();
                match &expected {
                    None => expected = Some(output.stdout),
                    Some(expected) if *expected == output.stdout => {}
                    Some(_) => println!("{name}: {} prints something else; its time is not comparable", engine.name),
                }
                let cell = best.entry((row, column)).or_insert(took);
                *cell = took.min(*cell);
            }
        }
    }
    print_table(&names, &engines, &best);
}

/// Walrus, and the other engines that are on the search path.
fn installed() -> Vec<Engine> {
    let run = PathBuf::from(env!("CARGO_BIN_EXE_walrus-run"));
    let mut engines = vec![Engine { name: "walrus", program: run.clone(), args: &[], extension: "wbc" }];
    if cfg!(feature = "jit") {
        engines.push(Engine { name: "walrus --jit", program: run, args: &["--jit"], extension: "wbc" });
    }
    for (name, program, args) in
        [("lua5.4", "lua5.4", &[][..]), ("luajit", "luajit", &[]), ("luajit -joff", "luajit", &["-joff"])]
    {
        let found = std::env::var_os("PATH").and_then(|paths| {
            std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
        });
        match found {
            Some(program) => engines.push(Engine { name, program, args, extension: "lua" }),
            None => println!("{name} is not installed: left out"),
        }
    }
    engines
}

fn print_table(names: &[String], engines: &[Engine], best: &BTreeMap<(usize, usize), Duration>) {
    let base = engines.iter().position(|engine| engine.name == "lua5.4").unwrap_or(0);
    print!("{:12}", "");
    engines.iter().for_each(|engine| print!("{:>22}", engine.name));
    println!();
    let mut logs = vec![0.0; engines.len()];
    for (row, name) in names.iter().enumerate() {
        print!("{name:12}");
        for column in 0..engines.len() {
            let ratio = best[&(row, column)].as_secs_f64() / best[&(row, base)].as_secs_f64();
            logs[column] += ratio.ln();
            print!("{:>13.3} s {ratio:>6.2}", best[&(row, column)].as_secs_f64());
        }
        println!();
    }
    print!("{:12}", "geomean");
    logs.iter().for_each(|log| print!("{:>22.2}", (log / names.len().max(1) as f64).exp()));
    println!("\nratios are to {}", engines[base].name);
}
