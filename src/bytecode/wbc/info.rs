//! What `walrusc info` prints: the header of any file with the right magic, and of one this version reads, its
//! contents.

use std::fmt::Write;

use super::{FLAG_STRIPPED, FORMAT_VERSION, Header, Section, WbcError, decode};
use crate::bytecode::{ModuleKind, Program, StrId};

/// A report on a file, also of another version. Only a file whose header cannot be read is an error.
pub fn info(file: &[u8]) -> Result<String, WbcError> {
    let header = Header::read(file)?;
    let mut out = String::new();
    let sealed = if header.check_seal(file).is_ok() { "intact" } else { "DOES NOT MATCH the contents" };
    let stripped = if header.flags & FLAG_STRIPPED != 0 { " (stripped)" } else { "" };
    line(&mut out, "format", format_args!("{}", header.version));
    line(&mut out, "producer", format_args!("{}", header.producer));
    line(&mut out, "flags", format_args!("{:#x}{stripped}", header.flags));
    line(&mut out, "sources", format_args!("{}", hex(&header.sources)));
    line(&mut out, "seal", format_args!("{} ({sealed})", hex(&header.seal)));
    line(&mut out, "size", format_args!("{} bytes, body {}", file.len(), header.body_len));
    out.push_str("sections\n");
    for entry in &header.sections {
        // Section numbers keep their meaning from version to version, so the names hold for other formats too.
        let name = match Section::from_id(entry.id) {
            Some(section) => section.name().to_owned(),
            None => format!("#{}", entry.id),
        };
        let optional = if entry.optional { ", optional" } else { "" };
        line(&mut out, &format!("  {name}"), format_args!("{} bytes{optional}", entry.len));
    }
    match decode(file) {
        Ok(program) => contents(&mut out, &program),
        Err(error) if header.version != FORMAT_VERSION => line(&mut out, "contents", format_args!("{error}")),
        Err(error) => line(&mut out, "contents", format_args!("unreadable: {error}")),
    }
    Ok(out)
}

fn contents(out: &mut String, program: &Program) {
    // A crafted file's names may hold anything; a terminal shall not obey them.
    let text = |id: StrId| program.strings.get(id).unwrap_or("?").escape_debug();
    out.push_str("contents\n");
    for (name, count) in [
        ("  functions", program.functions.len()),
        ("  instructions", program.code.len()),
        ("  loops", program.loops.len()),
        ("  structs", program.structs.len()),
        ("  globals", program.globals.len()),
        ("  constants", program.constants.len()),
        ("  strings", program.strings.len()),
        ("  sites", program.sites.len()),
    ] {
        line(out, name, format_args!("{count}"));
    }
    out.push_str("modules\n");
    for (id, module) in program.modules.iter().enumerate() {
        let main = if id == program.main.index() { ", main" } else { "" };
        match module.kind {
            ModuleKind::File(_) => {
                line(
                    out,
                    &format!("  {}", text(module.name)),
                    format_args!("file, {} exports{main}", module.exports.len()),
                );
            }
            ModuleKind::Std(path) => line(out, &format!("  {}", text(module.name)), format_args!("{}", text(path))),
        }
    }
    if let Some(debug) = &program.debug {
        out.push_str("files\n");
        for file in &debug.files {
            line(out, &format!("  {}", file.name.escape_debug()), format_args!("{} bytes", file.text.len()));
        }
    }
}

fn line(out: &mut String, name: &str, value: std::fmt::Arguments) {
    writeln!(out, "{name:<16}{value}").expect("writing to a String cannot fail");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
