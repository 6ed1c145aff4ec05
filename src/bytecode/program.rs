//! A compiled program as plain data: what walrusc writes and walrus-run reads. No recursive types, so decoding
//! a hostile file cannot exhaust the native stack.
//!
//! Facts about the program that are not needed to run it (loop regions, debug information) are kept apart from what is.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, Reason, Refused, Region};
use super::ids::{CaptureId, FuncId, GlobalId, LoopId, ModuleId, Reg, StrId, StructId};
use super::op::Op;
use crate::source::Span;

/// A whole program: the entry file and all it imports.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    pub strings: Strings,
    /// Without duplicates. Constants that short operands name come first.
    pub constants: Vec<Constant>,
    /// The instructions of all functions, one after another; [`Function::code`] says which are whose.
    pub code: Vec<Op>,
    pub functions: Vec<Function>,
    pub structs: Vec<StructDef>,
    pub modules: Vec<Module>,
    pub globals: Vec<Global>,
    pub builtins: Vec<BuiltinRef>,
    /// The member name of each site of all functions; [`Function::sites`] says which are whose.
    pub sites: Vec<StrId>,
    /// In source order of their headers within a function; an inner loop follows the loop around it.
    pub loops: Vec<LoopRegion>,
    /// The entry file's module; its body is where execution starts.
    pub main: ModuleId,
    /// Absent after `--strip`.
    pub debug: Option<DebugInfo>,
    /// What walrusc found out by analysis; hints that running does not need.
    pub facts: Option<Facts>,
    /// The regions that are not compiled, in the order of [`Facts::regions`]: what of the facts native code asks for,
    /// without the rest. Hints too.
    pub refused: Vec<Refused>,
}

impl Program {
    /// Why a region is not compiled, if walrusc has seen a reason.
    pub fn refusal(&self, region: Region) -> Option<Reason> {
        let index = self.refused.binary_search_by_key(&region.position(), |refused| refused.region.position()).ok()?;
        Some(self.refused[index].reason)
    }

    /// What making an instance of a struct calls.
    pub fn init(&self, def: StructId) -> Option<Method> {
        let methods = &self.structs.get(def.index())?.methods;
        methods.iter().find(|method| self.strings.get(method.name) == Some("init")).copied()
    }

    /// How many arguments the `init` of a struct takes besides `self`; none if it has no `init`.
    pub fn init_arguments(&self, def: StructId) -> u16 {
        self.init(def)
            .and_then(|init| {
                Some(self.functions.get(init.func.index())?.params.saturating_sub(u16::from(init.takes_self)))
            })
            .unwrap_or(0)
    }
}

/// All strings of the program in one piece of text.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Strings {
    pub text: String,
    /// Where each string ends in `text`; it starts where the one before it ends.
    pub ends: Vec<u32>,
}

impl Strings {
    /// The string, or `None` if there is no such string or its bounds are no character boundaries.
    pub fn get(&self, id: StrId) -> Option<&str> {
        let end = *self.ends.get(id.index())? as usize;
        let start = match id.index() {
            0 => 0,
            i => self.ends[i - 1] as usize,
        };
        self.text.get(start..end)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Constant {
    Int(i64),
    /// The bits of a float, so that NaN and -0.0 stay what they are.
    Float(u64),
    Str(StrId),
}

/// A run of elements of one of the program's pools.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    pub start: u32,
    pub len: u32,
}

impl Run {
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// A function, method, lambda or module body.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Function {
    /// As `core.str` and stack traces show it: `name`, `Struct.name`, `<anonymous>`, or the module's name for a body.
    pub name: StrId,
    pub kind: FunctionKind,
    pub module: ModuleId,
    pub params: u16,
    /// How many parameters have no default: so many arguments must be given.
    pub required: u16,
    /// Size of the frame window, parameters included. At least 1.
    pub registers: u16,
    pub code: Run,
    pub sites: Run,
    /// Where a closure of this function finds what it captures, in the frame that makes it.
    pub captures: Vec<CaptureSource>,
    /// Innermost first, so the first match wins.
    pub handlers: Vec<Handler>,
}

impl Function {
    /// A function without code.
    pub fn empty() -> Function {
        Function {
            name: StrId(0),
            kind: FunctionKind::Plain,
            module: ModuleId(0),
            params: 0,
            required: 0,
            registers: 1,
            code: Run::default(),
            sites: Run::default(),
            captures: Vec::new(),
            handlers: Vec::new(),
        }
    }
}

impl Function {
    /// Whether it may be called with so many arguments, the receiver among them.
    pub fn takes(&self, count: u16) -> bool {
        (self.required..=self.params).contains(&count)
    }

    /// The innermost handler that covers an instruction, counted from the function's first.
    pub fn handler_at(&self, pc: u32) -> Option<&Handler> {
        self.handlers.iter().find(|handler| handler.start <= pc && pc < handler.end)
    }
}

impl Program {
    /// The name of a function as reports call it; `None` for the body of a module.
    pub fn function_name(&self, func: FuncId) -> Option<&str> {
        let function = &self.functions[func.index()];
        (function.kind != FunctionKind::Body).then(|| self.strings.get(function.name).unwrap_or(""))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FunctionKind {
    /// The top-level statements of a module; no parameters.
    Body,
    Plain,
    /// A method whose first parameter is `self`.
    Method(StructId),
    /// A method without `self`: called on the struct or an instance, it gets the arguments only.
    Static(StructId),
    Async,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CaptureSource {
    /// A register of the frame that makes the closure: a value, or a cell.
    Register(Reg),
    /// A capture of the closure that runs in that frame.
    Capture(CaptureId),
}

/// An entry of a function's handler table: errors raised by the instructions `start..end` (counted from the
/// function's first) continue at `target` with the error in `error`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Handler {
    pub start: u32,
    pub end: u32,
    pub target: u32,
    pub error: Reg,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StructDef {
    pub name: StrId,
    pub module: ModuleId,
    /// Fields with a fixed slot, in slot order: those assigned to `self` in the methods.
    pub fields: Vec<StrId>,
    /// In source order, without two of one name. `init` is the constructor.
    pub methods: Vec<Method>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Method {
    pub name: StrId,
    /// Its kind is `Method` or `Static` of this struct (or `Async`).
    pub func: FuncId,
    /// Whether the first parameter is `self`.
    pub takes_self: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Module {
    /// `<module name>`: the file's stem, or `math` for `std/math`.
    pub name: StrId,
    pub kind: ModuleKind,
    /// Name and global of each top-level definition, in order. Empty for a standard module, whose names come from
    /// the table of built-ins.
    pub exports: Vec<Export>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ModuleKind {
    /// A file of the program; the function is its body.
    File(FuncId),
    /// A module of the standard library; the string is its import path (`std/math`).
    Std(StrId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Export {
    pub name: StrId,
    pub global: GlobalId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Global {
    /// For `Undefined variable '…'`.
    pub name: StrId,
    pub module: ModuleId,
}

/// A native function by name, so that its number in the runtime may change between versions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct BuiltinRef {
    /// `std/math`.
    pub module: StrId,
    pub name: StrId,
}

/// A natural loop. Pcs are counted from the function's first instruction. The verifier proves: header and back edges
/// lie in the function, each back edge is a jump to the header, and the parent encloses the loop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoopRegion {
    pub func: FuncId,
    pub kind: LoopKind,
    /// First instruction of the body (or of the test, for a loop tested at the top): the target of its back edges.
    pub header: u32,
    /// One past the last instruction that belongs to the loop: `header..end` holds the loop and all loops in it.
    pub end: u32,
    /// The jumps back to the header, in code order.
    pub back_edges: Vec<u32>,
    /// Pcs outside `header..end` that a jump or a fall-through from inside leads to, in code order.
    pub exits: Vec<u32>,
    pub parent: Option<LoopId>,
    /// 1 for an outermost loop.
    pub depth: u16,
    /// Marked `// @jit` by the user.
    pub marked: bool,
    /// From the keyword to the end of the loop's head.
    pub span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LoopKind {
    /// `for i in a..b`, written so.
    Range,
    /// `for x in v`.
    Iterator,
    /// `for k, v in x`.
    Pairs,
    While,
}

/// What traces, the disassembler and reports need, and running does not.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct DebugInfo {
    pub files: Vec<SourceFile>,
    /// For all of `Program::code`: the span of the instructions from `pc` on, up to the next entry. Ascending.
    pub lines: Vec<LineEntry>,
    /// Where each function is defined, in the order of `Program::functions`.
    pub functions: Vec<Span>,
    /// Source names of registers (parameters and locals), for reports.
    pub locals: Vec<LocalName>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SourceFile {
    /// Relative to the entry file's folder, with `/`: `prog.walrus`, `lib/util.walrus`.
    pub name: String,
    /// The whole text, for source lines in traces.
    pub text: String,
}

impl SourceFile {
    /// The column of a byte, counted in characters from 1 as the compiler tells it: a byte-order mark is none.
    /// `start` is where its line begins.
    pub fn column(&self, start: usize, offset: usize) -> Option<usize> {
        Some(self.text.get(start..offset)?.trim_start_matches('\u{FEFF}').chars().count() + 1)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineEntry {
    /// Index into `Program::code`.
    pub pc: u32,
    pub span: Span,
}

/// `register` is called `name` in the instructions `start..end` of `func`, counted from its first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LocalName {
    pub func: FuncId,
    pub register: Reg,
    pub name: StrId,
    pub start: u32,
    pub end: u32,
}
