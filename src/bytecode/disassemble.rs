//! Bytecode as readable text: `walrusc dis`, `--emit bytecode` and the snapshot tests.
//!
//! Indices are shown with what they stand for (`k2("größe")`, `fn1(sum_to)`, `r3(i)`), jumps with the pc they lead to;
//! `>` marks an instruction that a jump leads to. Source lines stand above their instructions.
//!
//! Invariant: any decodable program prints, verified or not. What does not exist is shown as `?`, and no more
//! instructions are printed than the program has, however its functions overlap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::facts::{Region, RegionFacts, type_text};
use super::op::operand::Kind;
use super::types::Tags;
use super::{
    BuiltinId, CaptureSource, ConstId, Constant, FuncId, FunctionKind, GlobalId, Handler, LocalName, LoopId, LoopKind,
    LoopRegion, ModuleId, ModuleKind, Op, Program, Reg, StrId, StructId,
};
use crate::source::Span;

/// The whole program as text.
pub fn disassemble(program: &Program) -> String {
    let mut out = String::new();
    Disassembler::new(program).program(&mut out).expect("writing to a String cannot fail");
    out
}

/// One function as text.
pub fn disassemble_function(program: &Program, func: FuncId) -> String {
    let mut out = String::new();
    Disassembler::new(program).function(&mut out, func).expect("writing to a String cannot fail");
    out
}

/// One instruction as text, without source names and with relative jumps: `JumpLt r4, r3, -2`.
pub fn instruction(program: &Program, op: Op) -> String {
    let mut out = String::new();
    Disassembler::bare(program).instruction(&mut out, None, 0, op).expect("writing to a String cannot fail");
    out
}

struct Disassembler<'a> {
    program: &'a Program,
    /// By function and header.
    loops: BTreeMap<(FuncId, u32), Vec<(usize, &'a LoopRegion)>>,
    /// By where their scope starts. A register has one name at a time, so the last that starts before a pc decides.
    locals: BTreeMap<(FuncId, Reg), Vec<&'a LocalName>>,
    /// For each file, where its lines start.
    line_starts: Vec<Vec<u32>>,
    /// Instructions that may still be printed.
    budget: usize,
}

impl<'a> Disassembler<'a> {
    fn bare(program: &'a Program) -> Self {
        let budget = program.code.len();
        Disassembler { program, loops: BTreeMap::new(), locals: BTreeMap::new(), line_starts: Vec::new(), budget }
    }

    fn new(program: &'a Program) -> Self {
        let mut this = Self::bare(program);
        for (id, region) in program.loops.iter().enumerate() {
            this.loops.entry((region.func, region.header)).or_default().push((id, region));
        }
        if let Some(debug) = &program.debug {
            for local in &debug.locals {
                this.locals.entry((local.func, local.register)).or_default().push(local);
            }
            for scopes in this.locals.values_mut() {
                scopes.sort_by_key(|local| local.start);
            }
            this.line_starts = debug.files.iter().map(|file| line_starts(&file.text)).collect();
        }
        this
    }

    fn program(&mut self, out: &mut String) -> fmt::Result {
        let program = self.program;
        self.pools(out)?;
        for func in 0..program.functions.len() {
            if self.budget == 0 && program.functions[func].code.len > 0 {
                writeln!(out, "\n; the remaining functions claim instructions that others have")?;
                break;
            }
            writeln!(out)?;
            self.function(out, FuncId(func as u32))?;
        }
        Ok(())
    }

    fn pools(&self, out: &mut String) -> fmt::Result {
        let program = self.program;
        writeln!(out, "main {}", self.module(program.main))?;
        for (id, module) in program.modules.iter().enumerate() {
            let name = self.text(module.name);
            match module.kind {
                ModuleKind::File(body) => write!(out, "module{id} {name}: file, body {}", self.func(body))?,
                ModuleKind::Std(path) => write!(out, "module{id} {name}: {}", self.text(path))?,
            }
            for (i, export) in module.exports.iter().enumerate() {
                let before = if i == 0 { ", exports " } else { ", " };
                write!(out, "{before}{} = {}", self.text(export.name), self.global(export.global))?;
            }
            writeln!(out)?;
        }
        for (id, global) in program.globals.iter().enumerate() {
            writeln!(out, "g{id} {} of {}", self.text(global.name), self.module(global.module))?;
        }
        for (id, builtin) in program.builtins.iter().enumerate() {
            writeln!(out, "builtin{id} {}.{}", self.text(builtin.module), self.text(builtin.name))?;
        }
        for (id, def) in program.structs.iter().enumerate() {
            let fields: Vec<_> = def.fields.iter().map(|field| self.text(*field)).collect();
            let name = self.text(def.name);
            writeln!(out, "struct{id} {name} of {}: fields [{}]", self.module(def.module), fields.join(", "))?;
            for method in &def.methods {
                let receiver = if method.takes_self { " (self)" } else { "" };
                writeln!(out, "  .{}{receiver} = {}", self.text(method.name), self.func(method.func))?;
            }
        }
        for id in 0..program.constants.len() {
            writeln!(out, "k{id} {}", self.constant_value(ConstId(id as u32)))?;
        }
        Ok(())
    }

    fn function(&mut self, out: &mut String, id: FuncId) -> fmt::Result {
        let program = self.program;
        let Some(function) = program.functions.get(id.index()) else {
            return writeln!(out, "fn{} ?", id.0);
        };
        let kind = match function.kind {
            FunctionKind::Body => "body".to_owned(),
            FunctionKind::Plain => "function".to_owned(),
            FunctionKind::Method(def) => format!("method of {}", self.structure(def)),
            FunctionKind::Static(def) => format!("method without self of {}", self.structure(def)),
            FunctionKind::Async => "async function".to_owned(),
        };
        write!(out, "fn{} {}: {kind}, {}", id.0, self.text(function.name), self.module(function.module))?;
        write!(out, ", {} params", function.params)?;
        if function.required < function.params {
            write!(out, ", {} of them required", function.required)?;
        }
        writeln!(out, ", {} registers", function.registers)?;
        if let Some(facts) = program.facts.as_ref().and_then(|facts| facts.of(Region::Function(id))) {
            self.facts(out, facts)?;
        }
        for (i, capture) in function.captures.iter().enumerate() {
            match capture {
                CaptureSource::Register(register) => writeln!(out, "; c{i} is r{} of the maker", register.0)?,
                CaptureSource::Capture(capture) => writeln!(out, "; c{i} is c{} of the maker", capture.0)?,
            }
        }
        for handler in &function.handlers {
            let Handler { start, end, target, error } = handler;
            writeln!(out, "; errors in {start}..{end} go to {target}, error in r{}", error.0)?;
        }

        let range = function.code.range();
        let code = program.code.get(range.clone()).unwrap_or(&[]);
        if code.len() < range.len() {
            writeln!(out, "; its code {}..{} lies outside the program's", range.start, range.end)?;
        }
        let shown = code.len().min(self.budget);
        self.budget -= shown;
        let mut targets: Vec<i64> = code[..shown].iter().enumerate().filter_map(|(pc, op)| target(pc, op)).collect();
        targets.extend(function.handlers.iter().map(|handler| i64::from(handler.target)));
        targets.sort_unstable();

        let mut last_line = None;
        for (pc, op) in code[..shown].iter().enumerate() {
            let line = self.line(range.start + pc);
            if let Some((file, line)) = line.filter(|line| Some(*line) != last_line) {
                writeln!(out, "{:>6} | {}", line + 1, self.line_text(file, line).trim_end())?;
                last_line = Some((file, line));
            }
            for (loop_id, region) in self.loops.get(&(id, pc as u32)).into_iter().flatten() {
                self.region(out, *loop_id, region)?;
            }
            let mark = if targets.binary_search(&(pc as i64)).is_ok() { '>' } else { ' ' };
            write!(out, "{mark}{pc:>5}  ")?;
            self.instruction(out, Some(id), pc, *op)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn region(&self, out: &mut String, id: usize, region: &LoopRegion) -> fmt::Result {
        let kind = match region.kind {
            LoopKind::Range => "range",
            LoopKind::Iterator => "iterator",
            LoopKind::Pairs => "pairs",
            LoopKind::While => "while",
        };
        let list = |pcs: &[u32]| pcs.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        write!(out, "       ; loop {id}: {kind}, depth {}, {}..{}", region.depth, region.header, region.end)?;
        write!(out, ", back edges [{}], exits [{}]", list(&region.back_edges), list(&region.exits))?;
        if let Some(parent) = region.parent {
            write!(out, ", in loop {}", parent.0)?;
        }
        if region.marked {
            write!(out, ", marked @jit")?;
        }
        writeln!(out)?;
        match self.program.facts.as_ref().and_then(|facts| facts.of(Region::Loop(LoopId(id as u32)))) {
            Some(facts) => self.facts(out, facts),
            None => Ok(()),
        }
    }

    /// A verdict with what it rests on.
    fn facts(&self, out: &mut String, region: &RegionFacts) -> fmt::Result {
        write!(out, "       ; {}", region.verdict.name())?;
        for (i, condition) in region.conditions.iter().enumerate() {
            let before = if i == 0 { " if" } else { "," };
            write!(out, "{before} {}: {}", condition.name.escape_debug(), condition.ty.escape_debug())?;
        }
        if let Some(refusal) = region.reason {
            write!(out, ", {} {}", refusal.reason.code(), refusal.reason.text())?;
        }
        if let Some(count) = region.trip_count {
            write!(out, ", runs {count} times")?;
        }
        writeln!(out)?;
        if let Some(facts) = self.program.facts.as_ref().filter(|_| !region.live_in.is_empty()) {
            let words: Vec<String> = (region.live_in.iter())
                .map(|&(reg, ty)| format!("r{}: {}", reg.0, type_text(self.program, &facts.types, ty).escape_debug()))
                .collect();
            writeln!(out, "       ; live in {}", words.join(", "))?;
        }
        Ok(())
    }

    /// `func` and `pc` say which names registers and sites have; without `func` they have none and jumps are relative.
    fn instruction(&self, out: &mut String, func: Option<FuncId>, pc: usize, op: Op) -> fmt::Result {
        let mut operands = Vec::with_capacity(4);
        op.for_each_operand(|operand| operands.push(operand));
        if operands.is_empty() {
            return out.write_str(op.info().name);
        }
        // In a listing the operands of neighbours stand below each other.
        let width = if func.is_some() { 14 } else { 0 };
        write!(out, "{:<width$}", op.info().name)?;
        for (i, operand) in operands.iter().enumerate() {
            out.write_str(if i == 0 { " " } else { ", " })?;
            let value = operand.value;
            match operand.kind {
                Kind::Out
                | Kind::In
                | Kind::Seq
                | Kind::PairSeq
                | Kind::CallBase
                | Kind::FnBase
                | Kind::BuiltinBase
                | Kind::MethodBase
                | Kind::NewBase
                | Kind::InitBase
                | Kind::RangeStart
                | Kind::RangeNext
                | Kind::IterStart
                | Kind::IterNext
                | Kind::PairsStart
                | Kind::PairsNext => {
                    write!(out, "r{value}")?;
                    if let Some(name) = self.local(func, pc, value) {
                        write!(out, "({name})")?;
                    }
                }
                Kind::Const | Kind::NumConst | Kind::AnyConst => {
                    write!(out, "k{value}({})", self.constant_value(ConstId(value as u32)))?;
                }
                Kind::Func | Kind::CalledFunc | Kind::ClosureFunc => out.write_str(&self.func(FuncId(value as u32)))?,
                Kind::Builtin => out.write_str(&self.builtin(BuiltinId(value as u16)))?,
                Kind::Module => out.write_str(&self.module(ModuleId(value as u32)))?,
                Kind::Struct | Kind::NewStruct | Kind::ClosureStruct => {
                    out.write_str(&self.structure(StructId(value as u32)))?;
                }
                Kind::Global => out.write_str(&self.global(GlobalId(value as u32)))?,
                Kind::Capture => write!(out, "c{value}")?,
                Kind::Site | Kind::CallSite => write!(out, "s{value}(.{})", self.site(func, value as u16))?,
                Kind::Jump16 | Kind::Jump32 if func.is_none() => write!(out, "{value:+}")?,
                Kind::Jump16 | Kind::Jump32 => write!(out, "-> {}", pc as i64 + 1 + value)?,
                Kind::Imm | Kind::Count => write!(out, "{value}")?,
                Kind::Flag => write!(out, "{}={value}", operand.name)?,
                Kind::Types if value == 0 => out.write_str("none")?,
                Kind::Types => write!(out, "{:?}", Tags(value as u16))?,
            }
        }
        Ok(())
    }

    /// A name. Those of a crafted file may hold anything; a terminal shall not obey it.
    fn text(&self, id: StrId) -> Cow<'a, str> {
        match self.program.strings.get(id) {
            None => "?".into(),
            Some(name) if name.contains(char::is_control) => name.escape_debug().to_string().into(),
            Some(name) => name.into(),
        }
    }

    fn func(&self, id: FuncId) -> String {
        let name = self.program.functions.get(id.index()).map_or("?".into(), |function| self.text(function.name));
        format!("fn{}({name})", id.0)
    }

    fn module(&self, id: ModuleId) -> String {
        let name = self.program.modules.get(id.index()).map_or("?".into(), |module| self.text(module.name));
        format!("module{}({name})", id.0)
    }

    fn structure(&self, id: StructId) -> String {
        let name = self.program.structs.get(id.index()).map_or("?".into(), |def| self.text(def.name));
        format!("struct{}({name})", id.0)
    }

    fn global(&self, id: GlobalId) -> String {
        let name = self.program.globals.get(id.index()).map_or("?".into(), |global| self.text(global.name));
        format!("g{}({name})", id.0)
    }

    fn builtin(&self, id: BuiltinId) -> String {
        match self.program.builtins.get(id.index()) {
            Some(native) => format!("native{}({}.{})", id.0, self.text(native.module), self.text(native.name)),
            None => format!("native{}(?)", id.0),
        }
    }

    fn site(&self, func: Option<FuncId>, site: u16) -> Cow<'a, str> {
        let name = || {
            let function = self.program.functions.get(func?.index())?;
            let index = function.sites.start as usize + usize::from(site);
            self.program.sites.get(index).map(|name| self.text(*name))
        };
        name().unwrap_or("?".into())
    }

    fn local(&self, func: Option<FuncId>, pc: usize, register: i64) -> Option<Cow<'a, str>> {
        let scopes = self.locals.get(&(func?, Reg(register as u16)))?;
        let after = scopes.partition_point(|local| local.start as usize <= pc);
        let local = scopes.get(after.checked_sub(1)?)?;
        (pc < local.end as usize).then(|| self.text(local.name))
    }

    fn constant_value(&self, id: ConstId) -> String {
        const SHOWN: usize = 40;
        match self.program.constants.get(id.index()) {
            None => "?".to_owned(),
            Some(Constant::Int(value)) => value.to_string(),
            Some(Constant::Float(bits)) => format!("{:?}", f64::from_bits(*bits)),
            Some(Constant::Str(id)) => {
                let text = self.program.strings.get(*id).unwrap_or("?");
                match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{:?}…", &text[..end]),
                    None => format!("{text:?}"),
                }
            }
        }
    }

    fn span(&self, pc: usize) -> Option<Span> {
        let lines = &self.program.debug.as_ref()?.lines;
        let after = lines.partition_point(|line| line.pc as usize <= pc);
        Some(lines.get(after.checked_sub(1)?)?.span)
    }

    /// File and line, both counted from 0, of an instruction of the program.
    fn line(&self, pc: usize) -> Option<(usize, usize)> {
        let span = self.span(pc)?;
        let starts = self.line_starts.get(span.file.0 as usize)?;
        Some((span.file.0 as usize, starts.partition_point(|start| *start <= span.lo).checked_sub(1)?))
    }

    fn line_text(&self, file: usize, line: usize) -> &'a str {
        let text = || {
            let start = *self.line_starts.get(file)?.get(line)? as usize;
            self.program.debug.as_ref()?.files.get(file)?.text.get(start..)?.lines().next()
        };
        text().unwrap_or("")
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|offset| offset as u32 + 1)).collect()
}

/// Where a jump leads, counted from the function's first instruction; anywhere in an unverified program.
fn target(pc: usize, op: &Op) -> Option<i64> {
    op.jump_offset().map(|offset| pc as i64 + 1 + i64::from(offset))
}
