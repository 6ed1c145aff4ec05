//! Builds the parser from `grammar/walrus.lalrpop`, if the compiler is part of this build, and links the programs so
//! that they start quickly.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=grammar/walrus.lalrpop");
    link_statically();
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

/// Links GCC's unwinder and the C library into the programs where their archives are at hand, as they are beside every
/// GCC on Debian and its kin. Loading them as shared libraries takes a fifth of what starting a program takes, and the
/// unwinder alone a tenth. What calls for a shared C library, looking up users and hosts, these programs do not do.
fn link_statically() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|is| is == value);
    if !is("CARGO_CFG_TARGET_OS", "linux")
        || !is("CARGO_CFG_TARGET_ENV", "gnu")
        || env::var("HOST") != env::var("TARGET")
    {
        return;
    }
    let Some(unwinder) = file_of_c_compiler("libgcc_eh.a") else { return };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    // Everything that is linked, tests included.
    let for_all = out.join("unwinder");
    if let Err(error) = stand_in(&for_all, "gcc_eh", &unwinder) {
        println!("cargo:warning=the unwinder is linked dynamically: {}: {error}", for_all.display());
        return;
    }
    println!("cargo:rustc-link-search=native={}", for_all.display());
    println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");

    // `-C target-feature=+crt-static` would be the way, but cargo applies it to macros as well, which cannot be linked
    // so. rustc asks for shared libraries by name: in a folder that is searched first, the names stand for archives.
    let (Some(libc), Some(libm), Some(_)) =
        (file_of_c_compiler("libc.a"), file_of_c_compiler("libm.a"), file_of_c_compiler("rcrt1.o"))
    else {
        return;
    };
    let for_programs = out.join("static");
    for (name, file) in [("gcc_s", &unwinder), ("c", &libc), ("m", &libm)] {
        if let Err(error) = stand_in(&for_programs, name, file) {
            println!("cargo:warning=programs are linked dynamically: {}: {error}", for_programs.display());
            return;
        }
    }
    println!("cargo:rustc-link-arg-bins=-L{}", for_programs.display());
    // The unwinder needs the C library, and that the unwinder.
    for argument in ["-static-pie", "-lgcc", "-lgcc_eh", "-lc"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    if relocates_packed() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether the C library can relocate a program that lists its relocations as bitmaps (RELR), as glibc can since 2.36:
/// two kilobytes to read at each start instead of two hundred.
fn relocates_packed() -> bool {
    let Ok(answer) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let answer = String::from_utf8_lossy(&answer.stdout);
    let mut numbers = answer.trim().trim_start_matches("glibc ").split('.').map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (2u32, 36u32))
}

/// Makes a folder in which an archive is found under another name: a linker script that names it.
fn stand_in(folder: &Path, name: &str, archive: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("lib{name}.a")), format!("INPUT(\"{}\")\n", archive.display()))
}

/// A file that the C compiler links, by its name.
fn file_of_c_compiler(name: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={name}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    // A compiler that has none answers with the bare name.
    path.is_absolute().then_some(path)
}
