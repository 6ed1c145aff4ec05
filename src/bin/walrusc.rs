//! `walrusc`: arguments, files and exit codes around [`walrus::compile`].

use std::path::PathBuf;
use std::process::ExitCode;

use walrus::compile::{Disk, Entry, Options, compile};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, flag, output] = &args[..] else {
        eprintln!("usage: walrusc FILE -o OUTPUT");
        return ExitCode::from(2);
    };
    if flag != "-o" {
        return ExitCode::from(2);
    }
    let compilation = match compile(Entry::File(PathBuf::from(input)), &Disk, Options::default()) {
        Ok(compilation) => compilation,
        Err(error) => {
            eprintln!("{input}: {error}");
            return ExitCode::from(2);
        }
    };
    let Some(bytes) = compilation.encode() else {
        for diagnostic in compilation.diagnostics.into_report().diagnostics {
            let at = compilation.sources.position(diagnostic.primary());
            eprintln!("{input}:{}:{}: {}", at.line, at.column, diagnostic.message);
        }
        return ExitCode::from(1);
    };
    match std::fs::write(output, bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{output}: {error}");
            ExitCode::from(2)
        }
    }
}
