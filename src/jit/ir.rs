//! The region IR: typed SSA between bytecode and CLIF.
//!
//! Values are machine values; what they mean to the language (int, float, list …) was decided when the region was
//! built, and every assumption is a [`Inst::Guard`] with an exit of its own. Blocks take parameters instead of phis. A
//! block stands in [`Region::order`] after all blocks that dominate it.
//!
//! # Exits
//! An [`Exit`] says where the interpreter goes on and what must be in memory then: for each home slot that differs, the
//! value; for each word of an object that a loop keeps in a machine register, what has to be stored there. Frames of
//! inlined functions are listed outermost first and rebuilt by whoever called the native code.

mod exit_reason;
mod memory;

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

pub use exit_reason::ExitReason;
pub use memory::{Element, Mem, MemSet, Shape, Width};

use super::helpers::Helper;
use crate::bytecode::op::shape::Test;
use crate::bytecode::{FuncId, GlobalId};
use crate::runtime::value::Tag;

/// An SSA value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Val(pub u32);

/// A block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockId(pub u32);

/// An exit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExitId(pub u32);

/// The machine type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Repr {
    I64,
    F64,
    /// A truth value, 0 or 1.
    Bool,
    /// Two floats in one register.
    F64x2,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unary {
    Ineg,
    Inot,
    Fneg,
    Fabs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    /// An int as the nearest float.
    IntToFloat,
    /// A float toward zero; the nearest int if it is out of range, and 0 if it is NaN.
    FloatToInt,
    FloatToBits,
    BitsToFloat,
    /// A truth value's negation.
    Not,
    BoolToBits,
    /// Whether a payload is not 0.
    BitsToBool,
    /// The payload of the result whose tag a [`Inst::CallFunction`] gave.
    CallPayload,
    /// A payload that a guard before has found to be a pointer: the same bits, but what is done with them stays behind
    /// the guard.
    Refine,
    /// The string of an ASCII character, given its number. The backend makes it where it is used, as it does constants.
    CharOf,
    /// The floats of a pair.
    First,
    Second,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Binary {
    Iadd,
    Isub,
    Imul,
    /// Divisor neither 0 nor, unless the dividend cannot be the smallest int, -1.
    Idiv,
    Irem,
    And,
    Or,
    Xor,
    /// The count is taken modulo 64.
    Shl,
    Shr,
    ShrUnsigned,
    /// The upper half of the product of signed ints.
    MulHigh,
    Fadd,
    Fsub,
    Fmul,
    Fdiv,
    /// Truth values.
    BoolAnd,
    BoolOr,
    /// The sum of ints, which the backend makes where it is used, as it does constants.
    Late,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Unsigned.
    Below,
    BelowEq,
}

impl From<Test> for Compare {
    fn from(test: Test) -> Compare {
        match test {
            Test::Eq => Compare::Eq,
            Test::Ne => Compare::Ne,
            Test::Lt => Compare::Lt,
            Test::Le => Compare::Le,
            Test::Gt => Compare::Gt,
            Test::Ge => Compare::Ge,
        }
    }
}

impl Compare {
    /// The signed comparison that holds for `b` and `a` where this one holds for `a` and `b`.
    pub fn swapped(self) -> Compare {
        match self {
            Compare::Lt => Compare::Gt,
            Compare::Le => Compare::Ge,
            Compare::Gt => Compare::Lt,
            Compare::Ge => Compare::Le,
            same => same,
        }
    }

    /// Whether the comparison holds for two ints.
    pub fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Compare::Eq => a == b,
            Compare::Ne => a != b,
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Gt => a > b,
            Compare::Ge => a >= b,
            Compare::Below => (a as u64) < b as u64,
            Compare::BelowEq => a as u64 <= b as u64,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Inst {
    Int(i64),
    /// The bits of a float.
    Float(u64),
    Bool(bool),
    Unary(Unary, Val),
    Binary(Binary, Val, Val),
    Icmp(Compare, Val, Val),
    Fcmp(Compare, Val, Val),
    /// Two floats in one register. Arithmetic on such pairs is that of floats, twice.
    Pack(Val, Val),
    /// The first if the truth value holds, else the second.
    Select(Val, Val, Val),
    Load {
        mem: Mem,
        base: Val,
        offset: i32,
        repr: Repr,
        width: Width,
    },
    Store {
        mem: Mem,
        base: Val,
        offset: i32,
        value: Val,
    },
    LoadElement {
        element: Element,
        data: Val,
        index: Val,
    },
    StoreElement {
        element: Element,
        data: Val,
        index: Val,
        value: Val,
    },
    /// Goes on if the condition is as expected, else takes the exit.
    Guard {
        condition: Val,
        expect: bool,
        exit: ExitId,
    },
    Call {
        helper: Helper,
        args: Vec<Val>,
        /// What the helper may write.
        writes: MemSet,
    },
    /// What a helper finds that reads of memory nothing but which keys a dict has: where the value of a key is.
    Find {
        helper: Helper,
        args: Vec<Val>,
        /// Where the key was seen among the dict's entries, so that it is looked for there first; only if the key is
        /// always the same string.
        guess: Option<u8>,
    },
    /// Makes an object in a cell of the heap. Taken if a collection is due: then nothing was done.
    Make {
        shape: Shape,
        /// What follows its header.
        words: Vec<Val>,
        exit: ExitId,
    },
    /// Starts the frames of inlined functions, for a helper that looks at frames.
    StartFrames(Vec<StartedFrame>),
    /// Ends the frames that were started: that of the region is on top again.
    EndFrames,
    /// Gives the region's frame up to the function at this address, whose code follows.
    TakeOver(usize),
    /// Calls a function whose arguments stand in registers from `base` up, natively if it has native code. Gives the
    /// tag of its result.
    CallFunction {
        /// Frames of inlined functions that stand below its own while it runs.
        frames: Vec<StartedFrame>,
        func: FuncId,
        /// The closure that is called, if the function is one.
        closure: Option<Val>,
        /// Its register 0, counted from the base of the region's frame.
        base: u32,
        /// The function, and where its caller goes on: see
        /// [`Vm::call_addresses`](crate::runtime::vm::Vm::call_addresses).
        addresses: [usize; 2],
        /// Taken if it ended with an error, or was not called at all.
        exit: ExitId,
        /// An error that may be caught is told by [`Outcome::RAISED`](crate::runtime::abi::Outcome::RAISED) for a tag.
        is_caught: bool,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub enum Terminator {
    /// Not built yet.
    None,
    Jump(BlockId, Vec<Val>),
    /// To the first block if the condition holds, else to the second; neither takes arguments.
    Branch(Val, BlockId, BlockId),
    Exit(ExitId),
    /// Ends the region's frame with a result: tag and payload.
    Return(Val, Val),
    /// Gives the region's frame up to the function at this address, whose arguments are in its registers, and which may
    /// be this closure; with `None`, to one that a helper has put there.
    TailCall(Option<(usize, Option<Val>)>),
}

#[derive(Clone, Debug)]
pub struct Block {
    pub params: Vec<Val>,
    pub insts: Vec<(Option<Val>, Inst)>,
    pub end: Terminator,
    /// Where the code comes from: index into the program's code.
    pub pc: u32,
    pub is_loop_header: bool,
    /// The block ends in a branch whose first target is in a loop that the second leaves: code of the first should
    /// follow.
    pub stays_in_loop: bool,
}

/// Where a value lives while the interpreter runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Home {
    /// A register, counted from the base of the region's frame; inlined frames lie above it.
    Register(u32),
    Global(GlobalId),
}

/// A value of the language in parts, to be written to its home.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Boxed {
    pub tag: BoxedTag,
    pub payload: Val,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BoxedTag {
    Known(u64),
    Dynamic(Val),
}

/// A frame above the region's own that an exit rebuilds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InlinedFrame {
    pub func: FuncId,
    /// Its register 0, counted from the base of the region's frame.
    pub base: u32,
    /// Where the frame below goes on after the call: index into the program's code.
    pub return_pc: u32,
    /// The register below its own has the closure that runs.
    pub has_closure: bool,
}

/// The frame of an inlined function that exists for the time of a call, outermost first.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StartedFrame {
    /// The function, and where the frame below goes on: see
    /// [`Vm::call_addresses`](crate::runtime::vm::Vm::call_addresses).
    pub addresses: [usize; 2],
    /// The closure that runs, if the function is one.
    pub closure: Option<Val>,
    /// Its register 0, counted from the base of the region's frame.
    pub base: u32,
}

/// A word of an object, or of a global.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Word {
    pub mem: Mem,
    pub base: Val,
    pub offset: i32,
}

/// See the module documentation.
#[derive(Clone, Debug)]
pub struct Exit {
    pub reason: ExitReason,
    /// Where the interpreter goes on: index into the program's code.
    pub pc: u32,
    pub frames: Vec<InlinedFrame>,
    /// Taking it counts the call that the last of its frames is of: that was not counted yet.
    pub uncounted: bool,
    /// The innermost frame is that of a function which was to take over the frame of an inlined one, and is about to
    /// begin. If it ended with an error, that is raised in the frame below.
    pub is_tail_call: bool,
    pub values: Vec<(Home, Boxed)>,
    /// Stores that loops have put off, in order.
    pub stores: Vec<(Word, Val)>,
    /// Objects to be made.
    pub made: Vec<Made>,
    /// Checked facts prove that the guard which it is the exit of never fails: see [`super::opt`].
    pub proved: bool,
}

/// An object that an exit makes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Made {
    /// What it is called in this exit, and nowhere else.
    pub object: Val,
    pub shape: Shape,
    /// What follows its header; other objects that the exit makes may be among it, unless it may exist.
    pub words: Vec<Val>,
    /// If this word is not 0, it is an object that exists already.
    pub existing: Option<Val>,
}

/// A loop of a region.
#[derive(Clone, Debug)]
pub struct Loop {
    pub header: BlockId,
    /// The block from which alone the loop is entered. It ends in a jump to the header.
    pub preheader: BlockId,
    /// The state at the header before the first iteration, for exits of what is hoisted into the preheader.
    pub entry: Exit,
}

/// A region ready to be emitted.
#[derive(Debug, Default)]
pub struct Region {
    pub blocks: Vec<Block>,
    pub order: Vec<BlockId>,
    /// Outer loops before those in them.
    pub loops: Vec<Loop>,
    pub reprs: Vec<Repr>,
    pub exits: Vec<Exit>,
    /// Registers above the region's base that must exist before it is entered.
    pub window: u32,
    /// Frames that exits may rebuild, or calls start, at most.
    pub inlined_depth: usize,
    /// Functions that were inlined somewhere in it.
    pub inlined: BTreeSet<FuncId>,
    /// A function from its beginning, not a loop.
    pub is_function: bool,
    /// It counts events.
    pub counts: bool,
    /// The types that homes had when the region was built.
    pub entry_types: Vec<(Home, Tag)>,
    /// The number of slots of structs that guards look for.
    pub struct_slots: FxHashMap<u32, usize>,
    /// Values that are cells, as was checked in the entry block.
    pub cells: Vec<Val>,
    /// Parameters of loops' headers that are instances, whichever edge control takes.
    pub instances: BTreeSet<Val>,
    /// What facts prove is tested all the same.
    pub tests_proofs: bool,
}

impl Region {
    pub fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.0 as usize]
    }

    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    pub fn exit(&self, id: ExitId) -> &Exit {
        &self.exits[id.0 as usize]
    }

    pub fn repr(&self, val: Val) -> Repr {
        self.reprs[val.0 as usize]
    }

    pub fn new_val(&mut self, repr: Repr) -> Val {
        self.reprs.push(repr);
        Val(self.reprs.len() as u32 - 1)
    }

    pub fn new_exit(&mut self, exit: Exit) -> ExitId {
        self.exits.push(exit);
        ExitId(self.exits.len() as u32 - 1)
    }

    pub fn new_block(&mut self, pc: u32) -> BlockId {
        let block = Block {
            params: Vec::new(),
            insts: Vec::new(),
            end: Terminator::None,
            pc,
            is_loop_header: false,
            stays_in_loop: false,
        };
        self.blocks.push(block);
        BlockId(self.blocks.len() as u32 - 1)
    }

    /// What the region asks of its entry: equal for regions that can be entered in the same states. Each guard that
    /// leaves before anything has happened counts by how its condition is computed.
    pub fn entry_signature(&self) -> Vec<u64> {
        let mut computed: Vec<u64> = (0..self.reprs.len() as u64).collect();
        let mut conditions = Vec::new();
        for (result, inst) in self.order.iter().flat_map(|&id| &self.block(id).insts) {
            if let Inst::Guard { condition, expect, exit } = inst
                && self.exit(*exit).reason == ExitReason::EntryType
            {
                conditions.push(computed[condition.0 as usize] ^ u64::from(*expect));
            }
            let Some(result) = result.filter(|_| inst.is_pure()) else { continue };
            // By place and by what it is made of: the values' numbers differ from one region to the next.
            let (mut shape, mut hasher) = (inst.clone(), FxHasher::default());
            inst.for_each_arg(|arg| computed[arg.0 as usize].hash(&mut hasher));
            shape.for_each_arg_mut(|arg| *arg = Val(0));
            shape.hash(&mut hasher);
            computed[result.0 as usize] = hasher.finish();
        }
        conditions.sort_unstable();
        conditions
    }

    pub fn instruction_count(&self) -> usize {
        self.order.iter().map(|&id| self.block(id).insts.len() + 1).sum()
    }
}

impl Inst {
    /// Whether nothing but the result matters.
    pub fn is_pure(&self) -> bool {
        !matches!(
            self,
            Inst::Store { .. }
                | Inst::StoreElement { .. }
                | Inst::Guard { .. }
                | Inst::Call { .. }
                | Inst::Make { .. }
                | Inst::StartFrames(_)
                | Inst::EndFrames
                | Inst::TakeOver(_)
                | Inst::CallFunction { .. }
        )
    }

    /// Where native code is left if the instruction does not go on.
    pub fn exit(&self) -> Option<ExitId> {
        match self {
            Inst::Guard { exit, .. } | Inst::Make { exit, .. } | Inst::CallFunction { exit, .. } => Some(*exit),
            _ => None,
        }
    }

    pub fn exit_mut(&mut self) -> Option<&mut ExitId> {
        match self {
            Inst::Guard { exit, .. } | Inst::Make { exit, .. } | Inst::CallFunction { exit, .. } => Some(exit),
            _ => None,
        }
    }

    /// The memory that is read.
    pub fn reads(&self) -> MemSet {
        match self {
            Inst::Load { mem, .. } => MemSet::of(*mem),
            Inst::LoadElement { element, .. } => MemSet::of_element(*element),
            Inst::Find { .. } => MemSet::of(Mem::Keys),
            _ => MemSet::NONE,
        }
    }

    /// The memory that may be written.
    pub fn writes(&self) -> MemSet {
        match self {
            Inst::Store { mem, .. } => MemSet::of(*mem),
            Inst::StoreElement { element, .. } => MemSet::of_element(*element),
            Inst::Call { writes, .. } => *writes,
            Inst::CallFunction { .. } => MemSet::ALL,
            _ => MemSet::NONE,
        }
    }

    pub fn for_each_arg_mut(&mut self, mut visit: impl FnMut(&mut Val)) {
        match self {
            Inst::Int(_) | Inst::Float(_) | Inst::Bool(_) => {}
            Inst::EndFrames | Inst::TakeOver(_) => {}
            Inst::StartFrames(frames) => frames.iter_mut().filter_map(|frame| frame.closure.as_mut()).for_each(visit),
            Inst::CallFunction { frames, closure, .. } => {
                frames.iter_mut().filter_map(|frame| frame.closure.as_mut()).chain(closure).for_each(visit)
            }
            Inst::Unary(_, a) => visit(a),
            Inst::Binary(_, a, b) | Inst::Icmp(_, a, b) | Inst::Fcmp(_, a, b) | Inst::Pack(a, b) => {
                visit(a);
                visit(b);
            }
            Inst::Select(c, a, b) => [c, a, b].into_iter().for_each(visit),
            Inst::Load { base, .. } => visit(base),
            Inst::Store { base, value, .. } => {
                visit(base);
                visit(value);
            }
            Inst::LoadElement { data, index, .. } => {
                visit(data);
                visit(index);
            }
            Inst::StoreElement { data, index, value, .. } => [data, index, value].into_iter().for_each(visit),
            Inst::Guard { condition, .. } => visit(condition),
            Inst::Call { args: all, .. } | Inst::Find { args: all, .. } | Inst::Make { words: all, .. } => {
                all.iter_mut().for_each(visit);
            }
        }
    }

    pub fn for_each_arg(&self, mut visit: impl FnMut(Val)) {
        match self {
            Inst::Int(_) | Inst::Float(_) | Inst::Bool(_) => {}
            Inst::EndFrames | Inst::TakeOver(_) => {}
            Inst::StartFrames(frames) => {
                frames.iter().filter_map(|frame| frame.closure.as_ref()).for_each(|v| visit(*v))
            }
            Inst::CallFunction { frames, closure, .. } => {
                frames.iter().filter_map(|frame| frame.closure.as_ref()).chain(closure).for_each(|v| visit(*v))
            }
            Inst::Unary(_, a) => visit(*a),
            Inst::Binary(_, a, b) | Inst::Icmp(_, a, b) | Inst::Fcmp(_, a, b) | Inst::Pack(a, b) => {
                visit(*a);
                visit(*b);
            }
            Inst::Select(c, a, b) => [c, a, b].into_iter().for_each(|v| visit(*v)),
            Inst::Load { base, .. } => visit(*base),
            Inst::Store { base, value, .. } => {
                visit(*base);
                visit(*value);
            }
            Inst::LoadElement { data, index, .. } => {
                visit(*data);
                visit(*index);
            }
            Inst::StoreElement { data, index, value, .. } => [data, index, value].into_iter().for_each(|v| visit(*v)),
            Inst::Guard { condition, .. } => visit(*condition),
            Inst::Call { args: all, .. } | Inst::Find { args: all, .. } | Inst::Make { words: all, .. } => {
                all.iter().for_each(|v| visit(*v));
            }
        }
    }
}

impl Terminator {
    pub fn for_each_arg_mut(&mut self, visit: impl FnMut(&mut Val)) {
        match self {
            Terminator::Jump(_, args) => args.iter_mut().for_each(visit),
            Terminator::Branch(condition, ..) => [condition].into_iter().for_each(visit),
            Terminator::Return(tag, payload) => [tag, payload].into_iter().for_each(visit),
            Terminator::TailCall(Some((_, closure))) => closure.iter_mut().for_each(visit),
            Terminator::None | Terminator::Exit(_) | Terminator::TailCall(None) => {}
        }
    }

    pub fn for_each_arg(&self, mut visit: impl FnMut(Val)) {
        match self {
            Terminator::Jump(_, args) => args.iter().for_each(|arg| visit(*arg)),
            Terminator::Branch(condition, ..) => visit(*condition),
            Terminator::Return(tag, payload) => [tag, payload].into_iter().for_each(|val| visit(*val)),
            Terminator::TailCall(Some((_, closure))) => closure.iter().for_each(|val| visit(*val)),
            Terminator::None | Terminator::Exit(_) | Terminator::TailCall(None) => {}
        }
    }

    pub fn successors(&self) -> impl Iterator<Item = BlockId> + use<> {
        let (first, second) = match self {
            Terminator::Jump(target, _) => (Some(*target), None),
            Terminator::Branch(_, yes, no) => (Some(*yes), Some(*no)),
            Terminator::None | Terminator::Exit(_) | Terminator::Return(..) | Terminator::TailCall(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Exit {
    /// An exit that writes nothing.
    pub fn plain(reason: ExitReason, pc: u32) -> Exit {
        Exit {
            reason,
            pc,
            frames: Vec::new(),
            uncounted: false,
            is_tail_call: false,
            values: Vec::new(),
            stores: Vec::new(),
            made: Vec::new(),
            proved: false,
        }
    }

    /// Calls `visit` with all values that the exit uses; objects that it makes are none.
    pub fn for_each_val(&self, mut visit: impl FnMut(Val)) {
        let mut visit = |val: Val| {
            if !self.made.iter().any(|made| made.object == val) {
                visit(val);
            }
        };
        for made in &self.made {
            made.words.iter().chain(&made.existing).for_each(|val| visit(*val));
        }
        for (_, boxed) in &self.values {
            visit(boxed.payload);
            if let BoxedTag::Dynamic(tag) = boxed.tag {
                visit(tag);
            }
        }
        for (word, value) in &self.stores {
            visit(word.base);
            visit(*value);
        }
    }

    pub fn for_each_val_mut(&mut self, mut visit: impl FnMut(&mut Val)) {
        let objects: Vec<Val> = self.made.iter().map(|made| made.object).collect();
        let mut visit = |val: &mut Val| {
            if !objects.contains(val) {
                visit(val);
            }
        };
        for made in &mut self.made {
            made.words.iter_mut().chain(&mut made.existing).for_each(&mut visit);
        }
        for (_, boxed) in &mut self.values {
            visit(&mut boxed.payload);
            if let BoxedTag::Dynamic(tag) = &mut boxed.tag {
                visit(tag);
            }
        }
        for (word, value) in &mut self.stores {
            visit(&mut word.base);
            visit(value);
        }
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Home::Register(register) => write!(f, "r{register}"),
            Home::Global(global) => write!(f, "g{}", global.0),
        }
    }
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{item}");
    }
    text
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lower = |name: &dyn fmt::Debug| format!("{name:?}").to_lowercase();
        match self {
            Inst::Int(value) => write!(f, "int {value}"),
            Inst::Float(bits) => write!(f, "float {:?}", f64::from_bits(*bits)),
            Inst::Bool(value) => write!(f, "bool {value}"),
            Inst::Unary(op, a) => write!(f, "{} {a}", lower(op)),
            Inst::Binary(op, a, b) => write!(f, "{} {a}, {b}", lower(op)),
            Inst::Icmp(op, a, b) => write!(f, "icmp {} {a}, {b}", lower(op)),
            Inst::Fcmp(op, a, b) => write!(f, "fcmp {} {a}, {b}", lower(op)),
            Inst::Pack(a, b) => write!(f, "pack {a}, {b}"),
            Inst::Select(c, a, b) => write!(f, "select {c}, {a}, {b}"),
            Inst::Load { mem, base, offset, .. } => write!(f, "load {} [{base} + {offset}]", lower(mem)),
            Inst::Store { mem, base, offset, value } => write!(f, "store {} [{base} + {offset}], {value}", lower(mem)),
            Inst::LoadElement { element, data, index } => write!(f, "load {} {data}[{index}]", lower(element)),
            Inst::StoreElement { element, data, index, value } => {
                write!(f, "store {} {data}[{index}], {value}", lower(element))
            }
            Inst::Guard { condition, expect, exit } => {
                let not = if *expect { "" } else { "not " };
                write!(f, "guard {not}{condition} else x{}", exit.0)
            }
            Inst::Make { shape, words, exit } => {
                write!(f, "make {} {}({}) else x{}", lower(&shape.kind), shape.aux, list(words), exit.0)
            }
            Inst::StartFrames(frames) => write!(f, "start {} frames", frames.len()),
            Inst::EndFrames => write!(f, "end frames"),
            Inst::TakeOver(_) => write!(f, "take over"),
            Inst::CallFunction { frames, func, closure, base, exit, .. } => {
                let above = if frames.is_empty() { String::new() } else { format!(" above {} frames", frames.len()) };
                write!(f, "call fn {}", func.0)?;
                closure.map_or(Ok(()), |closure| write!(f, " of {closure}"))?;
                write!(f, " at r{base}{above} else x{}", exit.0)
            }
            Inst::Call { helper, args, .. } | Inst::Find { helper, args, .. } => {
                write!(f, "call {}({})", helper.symbol(), list(args))
            }
        }
    }
}

/// The text of `--dump ir`.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &id in &self.order {
            let block = self.block(id);
            let params = block.params.iter().map(|&param| format!("{param}: {:?}", self.repr(param)).to_lowercase());
            let header = if block.is_loop_header { " loop" } else { "" };
            writeln!(f, "{id}({}):{header}", list(params))?;
            for (result, inst) in &block.insts {
                match result {
                    Some(result) => writeln!(f, "    {result} = {inst}")?,
                    None => writeln!(f, "    {inst}")?,
                }
            }
            match &block.end {
                Terminator::None => writeln!(f, "    unfinished")?,
                Terminator::Jump(target, args) => writeln!(f, "    jump {target}({})", list(args))?,
                Terminator::Branch(condition, yes, no) => writeln!(f, "    branch {condition}, {yes}, {no}")?,
                Terminator::Return(tag, payload) => writeln!(f, "    return {tag}, {payload}")?,
                Terminator::TailCall(_) => writeln!(f, "    tail call")?,
                Terminator::Exit(exit) => writeln!(f, "    exit x{}", exit.0)?,
            }
        }
        for (index, exit) in self.exits.iter().enumerate() {
            let values = exit.values.iter().map(|(home, boxed)| match boxed.tag {
                BoxedTag::Known(tag) => format!("{home} = {}:{tag}", boxed.payload),
                BoxedTag::Dynamic(tag) => format!("{home} = {}:{tag}", boxed.payload),
            });
            write!(f, "x{index}: {} at {}", exit.reason.name(), exit.pc)?;
            for frame in &exit.frames {
                write!(f, " in fn {} at r{}", frame.func.0, frame.base)?;
            }
            write!(f, " [{}]", list(values))?;
            for Made { object, shape, words, existing } in &exit.made {
                write!(f, " {object} = ")?;
                if let Some(existing) = existing {
                    write!(f, "{existing} or ")?;
                }
                write!(f, "make {} {}({})", format!("{:?}", shape.kind).to_lowercase(), shape.aux, list(words))?;
            }
            for (Word { mem, base, offset }, value) in &exit.stores {
                write!(f, " {} [{base} + {offset}] = {value}", format!("{mem:?}").to_lowercase())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
