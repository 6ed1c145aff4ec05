//! The `debug` section: files, line table, function spans, names of locals.
//!
//! A large program has about as many line entries as instructions, and they are read at every start though only an
//! error needs them. So entries are stored as differences in variable width, most in three bytes. Differences wrap, so
//! any table has an encoding and the verifier is what judges it.

use super::reader::{Reader, unzigzag, write_varint, zigzag};
use super::{Section, WbcError};
use crate::bytecode::{DebugInfo, FuncId, LineEntry, LocalName, Reg, SourceFile, StrId};
use crate::source::{FileId, Span};

pub fn encode(info: &DebugInfo) -> Vec<u8> {
    let texts: usize = info.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    let entries = 12 * info.functions.len() + 4 * info.lines.len() + 8 * info.locals.len();
    let mut out = Vec::with_capacity(texts + entries);
    let count = |out: &mut Vec<u8>, len: usize| out.extend((len as u32).to_le_bytes());

    count(&mut out, info.files.len());
    for file in &info.files {
        for text in [&file.name, &file.text] {
            count(&mut out, text.len());
            out.extend(text.as_bytes());
        }
    }

    count(&mut out, info.functions.len());
    for span in &info.functions {
        out.extend([span.file.0, span.lo, span.hi].iter().flat_map(|word| word.to_le_bytes()));
    }

    count(&mut out, info.lines.len());
    let mut last = LineEntry { pc: 0, span: Span::default() };
    for line in &info.lines {
        let file_changes = line.span.file != last.span.file;
        write_varint(&mut out, u64::from(line.pc.wrapping_sub(last.pc)) << 1 | u64::from(file_changes));
        if file_changes {
            write_varint(&mut out, line.span.file.0.into());
        }
        write_varint(&mut out, zigzag(line.span.lo.wrapping_sub(last.span.lo)).into());
        write_varint(&mut out, line.span.hi.wrapping_sub(line.span.lo).into());
        last = *line;
    }

    count(&mut out, info.locals.len());
    let mut last_func = 0;
    for local in &info.locals {
        write_varint(&mut out, zigzag(local.func.0.wrapping_sub(last_func)).into());
        write_varint(&mut out, local.register.0.into());
        write_varint(&mut out, local.name.0.into());
        write_varint(&mut out, local.start.into());
        write_varint(&mut out, local.end.wrapping_sub(local.start).into());
        last_func = local.func.0;
    }
    out
}

pub fn decode(bytes: &[u8]) -> Result<DebugInfo, WbcError> {
    let mut reader = Reader::new(Section::Debug, bytes);

    let count = reader.count(8)?;
    let mut files = Vec::with_capacity(count);
    for _ in 0..count {
        let mut text = || {
            let len = reader.u32()?;
            Ok(reader.text(len as usize)?.to_owned())
        };
        files.push(SourceFile { name: text()?, text: text()? });
    }

    let count = reader.count(12)?;
    let mut functions = Vec::with_capacity(count);
    for _ in 0..count {
        let (file, lo, hi) = (reader.u32()?, reader.u32()?, reader.u32()?);
        functions.push(Span { file: FileId(file), lo, hi });
    }

    let count = reader.count(3)?;
    let mut lines = Vec::with_capacity(count);
    let mut last = LineEntry { pc: 0, span: Span::default() };
    for _ in 0..count {
        // Nearly every entry: a few instructions on, in the same file, a short span near the last.
        if let Some([tag, lo, len]) = reader.short_varints(|[tag, ..]| tag & 1 == 0) {
            last.pc = last.pc.wrapping_add(u32::from(tag >> 1));
            last.span.lo = last.span.lo.wrapping_add(unzigzag(lo.into()));
            last.span.hi = last.span.lo.wrapping_add(len.into());
            lines.push(last);
            continue;
        }
        let tag = reader.varint()?;
        let Ok(step) = u32::try_from(tag >> 1) else {
            return Err(reader.damaged("a number is too large"));
        };
        last.pc = last.pc.wrapping_add(step);
        if tag & 1 == 1 {
            last.span.file = FileId(reader.varint32()?);
        }
        last.span.lo = last.span.lo.wrapping_add(unzigzag(reader.varint32()?));
        last.span.hi = last.span.lo.wrapping_add(reader.varint32()?);
        lines.push(last);
    }

    let count = reader.count(5)?;
    let mut locals = Vec::with_capacity(count);
    let mut func = 0u32;
    for _ in 0..count {
        func = func.wrapping_add(unzigzag(reader.varint32()?));
        let Ok(register) = u16::try_from(reader.varint32()?) else {
            return Err(reader.damaged("a number is too large"));
        };
        let (name, start) = (reader.varint32()?, reader.varint32()?);
        let end = start.wrapping_add(reader.varint32()?);
        locals.push(LocalName { func: FuncId(func), register: Reg(register), name: StrId(name), start, end });
    }

    reader.finish()?;
    Ok(DebugInfo { files, lines, functions, locals })
}
