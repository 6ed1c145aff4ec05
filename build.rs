//! Builds the parser from `grammar/walrus.lalrpop`, if the compiler is part of this build.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=grammar/walrus.lalrpop");
    if std::env::var_os("CARGO_FEATURE_COMPILE").is_none() {
        return;
    }
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let mut config = lalrpop::Configuration::new();
    config.emit_rerun_directives(false).set_in_dir("grammar").set_out_dir(out);
    if let Err(error) = config.process() {
        eprintln!("grammar/walrus.lalrpop: {error}");
        std::process::exit(1);
    }
}
