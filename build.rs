//! Builds the parser from `grammar/walrus.lalrpop`, if the compiler is part of this build, and chooses the unwinder.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=grammar/walrus.lalrpop");
    link_unwinder();
    if env::var_os("CARGO_FEATURE_COMPILE").is_none() {
        return;
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let mut config = lalrpop::Configuration::new();
    config.emit_rerun_directives(false).set_in_dir("grammar").set_out_dir(out);
    if let Err(error) = config.process() {
        eprintln!("grammar/walrus.lalrpop: {error}");
        std::process::exit(1);
    }
}

/// Links GCC's unwinder into the programs where its archive is at hand, as it is beside every GCC. Otherwise it is a shared library, whose loading
/// is a tenth of what starting a program takes.
fn link_unwinder() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|is| is == value);
    if !is("CARGO_CFG_TARGET_OS", "linux")
        || !is("CARGO_CFG_TARGET_ENV", "gnu")
        || env::var("HOST") != env::var("TARGET")
    {
        return;
    }
    const ARCHIVE: &str = "libgcc_eh.a";
    let Ok(answer) = Command::new("cc").arg(format!("-print-file-name={ARCHIVE}")).output() else { return };
    let path = String::from_utf8_lossy(&answer.stdout);
    // A compiler that has none answers with the bare name.
    if let Some(folder) = Path::new(path.trim()).parent().filter(|folder| folder.is_absolute()) {
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}
