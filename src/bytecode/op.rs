//! The instruction table.
//!
//! [`for_each_op!`](crate::for_each_op) has one row per instruction: doc sentence, name, operands, effects. The enum [`Op`], its 64-bit
//! encoding, [`Opcode`], [`OpInfo`] (for the verifier, the disassembler and the README) and the operand visitor
//! come from it. Interpreter, analysis and JIT match on [`Op`] without a wildcard, so a new row does not compile until
//! each of them answers it.
//!
//! # Encoding
//! An instruction is 8 bytes: a 16-bit opcode, then up to 48 bits of operands, each 16 or 32 bits wide. [`Op`] has that
//! very layout in memory (`repr(u16)`, operands in declaration order), so decoding is done once, at load.
//!
//! # Registers and windows
//! A function addresses a window of `registers` consecutive slots from its base. Parameters are the first registers.
//! Calls overlay windows: the callee's base is the caller's register just above `base`, so arguments are passed
//! where they were computed, and the result comes back in `base`:
//!
//! | instruction | `base` | `base + 1` | `base + 2` | `base + 3` |
//! |---|---|---|---|---|
//! | `Call` | callee, then result | argument 0 | argument 1 | … |
//! | `CallFn`, `CallBuiltin` | result | argument 0 | argument 1 | … |
//! | `CallMethod` | result | receiver | argument 0 | … |
//! | `New` | the instance | (scratch) | `self` | argument 0 |
//!
//! `CallFn`, `TailCallFn` and `New` give every parameter a value; `LoadAbsent` makes that of an argument which is left out. Where arguments are counted
//! when the program runs, the run time does so. The function's first instructions ask by `JumpIfGiven`, parameter by parameter, and put
//! the default in.
//!
//! A call leaves every register above `base` undefined. The lowering allocates registers as a stack, so nothing above
//! `base` is alive then.
//!
//! # Jumps
//! An offset counts instructions from the one that follows the jump. A backward jump is a back edge of a loop, and every loop
//! has its test at the bottom (or an unconditional `Jump` back), so the interpreter counts iterations there.
//!
//! # Effects and re-execution
//! An instruction that fails has had no effect: native code may leave to the interpreter before any instruction, and
//! the interpreter executes it again and raises the error.

use super::ids::*;
use super::types::Tags;

/// Calls `$then!` with every row of the instruction table.
///
/// Operand kinds (each a type in [`operand`]) say what an operand is and which registers it reads and writes.
/// Effects, in brackets: `throws` (may raise a catchable error), `allocates` (may collect garbage), `calls` (may run Walrus code or
/// built-ins with arbitrary effects), `outputs` (prints), `ends` (control never reaches the following instruction).
#[macro_export]
macro_rules! for_each_op {
    ($then:ident) => {
        $then! {
            /// `dst = src`.
            Move { dst: Out, src: In } [];
            /// `dst =` a small integer.
            LoadInt { dst: Out, value: Imm } [];
            /// `dst =` a constant of the program.
            LoadConst { dst: Out, constant: Const } [];
            /// `dst = void`.
            LoadVoid { dst: Out } [];
            /// `dst =` no value: an argument that is left out, for a parameter with a default.
            LoadAbsent { dst: Out } [];
            /// `dst = true`.
            LoadTrue { dst: Out } [];
            /// `dst = false`.
            LoadFalse { dst: Out } [];
            /// `dst =` a function that captures nothing.
            LoadFn { dst: Out, func: Func } [];
            /// `dst =` a native function of the standard library.
            LoadBuiltin { dst: Out, builtin: Builtin } [];
            /// `dst =` a module; its body may not have run yet.
            LoadModule { dst: Out, module: Module } [];
            /// `dst =` a struct whose methods capture nothing.
            LoadStruct { dst: Out, def: Struct } [];

            /// `dst =` a global; an error if its `let` has not run.
            GetGlobal { dst: Out, global: Global } [throws];
            /// A global `= src`.
            SetGlobal { src: In, global: Global } [];
            /// `dst =` a new cell that holds `src`: the home of a captured variable that is assigned after capture.
            NewCell { dst: Out, src: In } [allocates];
            /// `dst =` the value in a cell.
            GetCell { dst: Out, cell: In } [throws];
            /// The value in a cell `= src`.
            SetCell { cell: In, src: In } [throws];
            /// `dst =` a captured variable that was copied into the closure (or the cell itself, to pass it on).
            GetCapture { dst: Out, capture: Capture } [];
            /// `dst =` the value in a captured cell.
            GetCaptureCell { dst: Out, capture: Capture } [throws];
            /// The value in a captured cell `= src`.
            SetCaptureCell { src: In, capture: Capture } [throws];
            /// `dst =` a closure of `func` over the variables its capture list names.
            MakeClosure { dst: Out, func: Func } [allocates];
            /// `dst =` a struct whose methods are closures over this frame.
            MakeStruct { dst: Out, def: Struct } [allocates];

            /// `dst = a + b`.
            Add { dst: Out, a: In, b: In } [throws, allocates];
            /// `dst = a - b`.
            Sub { dst: Out, a: In, b: In } [throws];
            /// `dst = a * b`.
            Mul { dst: Out, a: In, b: In } [throws, allocates];
            /// `dst = a / b`.
            Div { dst: Out, a: In, b: In } [throws];
            /// `dst = a % b`.
            Mod { dst: Out, a: In, b: In } [throws];
            /// `dst = a ** b`.
            Pow { dst: Out, a: In, b: In } [throws];
            /// `dst = a & b`.
            BitAnd { dst: Out, a: In, b: In } [throws];
            /// `dst = a | b`.
            BitOr { dst: Out, a: In, b: In } [throws];
            /// `dst = a ^ b`.
            BitXor { dst: Out, a: In, b: In } [throws];
            /// `dst = a << b`.
            Shl { dst: Out, a: In, b: In } [throws];
            /// `dst = a >> b`.
            Shr { dst: Out, a: In, b: In } [throws];
            /// `dst = a + k`, `k` an int or float constant.
            AddK { dst: Out, a: In, k: NumConst } [throws];
            /// `dst = a - k`.
            SubK { dst: Out, a: In, k: NumConst } [throws];
            /// `dst = a * k`.
            MulK { dst: Out, a: In, k: NumConst } [throws, allocates];
            /// `dst = a / k`.
            DivK { dst: Out, a: In, k: NumConst } [throws];
            /// `dst = a % k`.
            ModK { dst: Out, a: In, k: NumConst } [throws];
            /// `dst = k + b`, the constant on the left.
            KAdd { dst: Out, k: NumConst, b: In } [throws];
            /// `dst = k - b`.
            KSub { dst: Out, k: NumConst, b: In } [throws];
            /// `dst = k * b`.
            KMul { dst: Out, k: NumConst, b: In } [throws, allocates];
            /// `dst = k / b`.
            KDiv { dst: Out, k: NumConst, b: In } [throws];
            /// `dst = -a`.
            Neg { dst: Out, a: In } [throws];
            /// `dst = not a`.
            Not { dst: Out, a: In } [];
            /// `dst = ~a`.
            BitNot { dst: Out, a: In } [throws];

            /// `dst = a == b`.
            Eq { dst: Out, a: In, b: In } [throws];
            /// `dst = a != b`.
            Ne { dst: Out, a: In, b: In } [throws];
            /// `dst = a < b`.
            Lt { dst: Out, a: In, b: In } [throws];
            /// `dst = a <= b`.
            Le { dst: Out, a: In, b: In } [throws];
            /// `dst = a > b`.
            Gt { dst: Out, a: In, b: In } [throws];
            /// `dst = a >= b`.
            Ge { dst: Out, a: In, b: In } [throws];

            /// `dst =` whether `object` has the member `item`: an element, a part of a string, a key, an int of a range.
            Contains { dst: Out, item: In, object: In } [throws];

            /// Go to `to`.
            Jump { to: Jump32 } [ends];
            /// Go to `to` if `a` is truthy.
            JumpIf { a: In, to: Jump32 } [];
            /// Go to `to` if `a` is falsy.
            JumpIfNot { a: In, to: Jump32 } [];
            /// Go to `to` if the parameter `a` was given an argument; else its default follows.
            JumpIfGiven { a: In, to: Jump32 } [];
            /// Go to `to` if `a == b`.
            JumpEq { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a != b`.
            JumpNe { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a < b`.
            JumpLt { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a <= b`.
            JumpLe { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a > b`.
            JumpGt { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a >= b`.
            JumpGe { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` unless `a < b` (which is not `a >= b` when one is NaN).
            JumpNotLt { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` unless `a <= b`.
            JumpNotLe { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` unless `a > b`.
            JumpNotGt { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` unless `a >= b`.
            JumpNotGe { a: In, b: In, to: Jump16 } [throws];
            /// Go to `to` if `a == k`.
            JumpEqK { a: In, k: AnyConst, to: Jump16 } [];
            /// Go to `to` if `a != k`.
            JumpNeK { a: In, k: AnyConst, to: Jump16 } [];
            /// Go to `to` if `a < k`.
            JumpLtK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` if `a <= k`.
            JumpLeK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` if `a > k`.
            JumpGtK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` if `a >= k`.
            JumpGeK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` unless `a < k`.
            JumpNotLtK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` unless `a <= k`.
            JumpNotLeK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` unless `a > k`.
            JumpNotGtK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` unless `a >= k`.
            JumpNotGeK { a: In, k: NumConst, to: Jump16 } [throws];
            /// Go to `to` if the type of `a`, as `core.type` tells it, is one of `types`.
            JumpIfType { a: In, types: Types, to: Jump16 } [];
            /// Go to `to` unless the type of `a` is one of `types`.
            JumpIfNotType { a: In, types: Types, to: Jump16 } [];

            /// Start `for i in a..b`: `base` is the counter, `base + 1` the end, `base + 2` the variable. Goes to `exit` if
            /// the range is empty, else sets the variable; an error unless both bounds are ints.
            ForPrep { base: RangeBase, exit: Jump32 } [throws];
            /// Count `base` up; while below `base + 1`, set the variable `base + 2` and go to `back`.
            ForLoop { base: RangeBase, back: Jump32 } [];
            /// Start `for x in v`: `base` holds `v` and becomes the iterator's first state slot (`base + 1` and `base + 2`
            /// are the others). Puts the first item into `base + 3`, or goes to `exit`.
            IterPrep { base: IterBase, exit: Jump32 } [throws, allocates, calls];
            /// Put the next item into `base + 3` and go to `back`; falls through at the end.
            IterNext { base: IterBase, back: Jump32 } [throws, allocates, calls];
            /// As `IterPrep`, unpacking each item, a sequence of two, into `base + 3` and `base + 4`.
            IterPrep2 { base: PairIterBase, exit: Jump32 } [throws, allocates, calls];
            /// As `IterNext`, unpacking.
            IterNext2 { base: PairIterBase, back: Jump32 } [throws, allocates, calls];

            /// `dst =` a list of `count` items from `base` up.
            MakeList { dst: Out, base: Seq, count: Count } [allocates];
            /// Append `count` items from `base` up to a list that a literal is building.
            ListAppend { list: In, base: Seq, count: Count } [throws, allocates];
            /// `dst =` a tuple of `count` items from `base` up.
            MakeTuple { dst: Out, base: Seq, count: Count } [allocates];
            /// `dst =` a tuple of the items of a list that a literal has built.
            TupleFromList { dst: Out, list: In } [throws, allocates];
            /// `dst =` a dict of `count` pairs (key, value) from `base` up.
            MakeDict { dst: Out, base: PairSeq, count: Count } [throws, allocates];
            /// Insert `count` pairs from `base` up into a dict that a literal is building.
            DictInsert { dict: In, base: PairSeq, count: Count } [throws, allocates];
            /// `dst = src`, which must be a list, tuple or string of `count` items, or a list of such a range: what is then taken apart by
            /// `GetIndex` with the positions in turn.
            Unpack { dst: Out, src: In, count: Count } [throws, allocates];
            /// `dst = a..b`.
            MakeRange { dst: Out, a: In, b: In } [throws, allocates];
            /// `dst =` the texts of `count` values from `base` up, joined.
            Concat { dst: Out, base: Seq, count: Count } [throws, allocates];
            /// Print the texts of `count` values from `base` up with spaces between them, then a newline if `newline` is 1.
            Print { base: Seq, count: Count, newline: Flag } [throws, outputs];

            /// `dst = object[index]`.
            GetIndex { dst: Out, object: In, index: In } [throws, allocates];
            /// `object[index] = value`.
            SetIndex { object: In, index: In, value: In } [throws, allocates];
            /// `dst = object.name`, the name taken from the site.
            GetMember { dst: Out, object: In, site: Site } [throws, allocates];
            /// `object.name = value`.
            SetMember { object: In, value: In, site: Site } [throws, allocates];
            /// `dst = object.name` for functions with more sites than a `SiteId` can name; `name` holds the string.
            GetMemberNamed { dst: Out, object: In, name: In } [throws, allocates];
            /// `object.name = value` for functions with more sites than a `SiteId` can name.
            SetMemberNamed { object: In, name: In, value: In } [throws, allocates];

            /// Call the value in `base` with `argc` arguments.
            Call { base: CallBase, argc: Count } [throws, allocates, calls];
            /// Call a function known when compiling; the argument count is its parameter count.
            CallFn { base: FnBase, func: Func } [throws, allocates, calls];
            /// Call a native function known when compiling.
            CallBuiltin { base: BuiltinBase, builtin: Builtin, argc: Count } [throws, allocates, calls];
            /// Call the method (or the function in the field) that the site names, of the receiver in `base + 1`.
            CallMethod { base: MethodBase, argc: Count, site: Site } [throws, allocates, calls];
            /// Make an instance of a struct known when compiling and call its `init`, if any.
            New { base: NewBase, def: Struct } [throws, allocates, calls];
            /// `return` the call of the value in `base`. If that is a Walrus function the call takes over the frame; any other is called as by
            /// `Call`, and the `Return` of `base` that follows hands its result on.
            TailCall { base: CallBase, argc: Count } [throws, allocates, calls];
            /// `return` the call of a known function, which takes over the frame.
            TailCallFn { base: FnBase, func: Func } [throws, allocates, calls, ends];
            /// `return` a method call; as `TailCall`, a `Return` of `base` follows.
            TailCallMethod { base: MethodBase, argc: Count, site: Site } [throws, allocates, calls];
            /// Return `src` to the caller.
            Return { src: In } [ends];
            /// Return `void` to the caller.
            ReturnVoid {} [ends];
            /// Throw `src`.
            Throw { src: In } [throws, ends];
            /// Run a module's body unless it has begun already; `base` is left undefined.
            InitModule { base: InitBase, module: Module } [throws, allocates, calls];
            /// What an async function begins with, and nothing else has: called, it returns a task that is queued to go on behind this.
            StartTask {} [allocates];
            /// `dst =` the result of the task in `src`, waiting for it.
            Await { dst: Out, src: In } [throws, allocates, calls];
        }
    };
}

/// What an operand is: a type per kind, each with its in-memory representation.
pub mod operand {
    use super::*;

    /// The kinds of operand, for readers that treat all instructions alike.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Kind {
        /// A register that is written.
        Out,
        /// A register that is read.
        In,
        /// First of `count` registers that are read.
        Seq,
        /// First of `2 * count` registers that are read.
        PairSeq,
        /// Callee at `base` (read), `argc` arguments above it (read), result in `base`.
        CallBase,
        /// As many arguments above `base` as the function has parameters, result in `base`.
        FnBase,
        /// `argc` arguments above `base`, result in `base`.
        BuiltinBase,
        /// Receiver at `base + 1`, `argc` arguments above it, result in `base`.
        MethodBase,
        /// Instance in `base`, `self` in `base + 2`, as many arguments above it as `init` takes.
        NewBase,
        /// `base` is clobbered; the module body's window starts above it.
        InitBase,
        /// Counter, end, variable.
        RangeBase,
        /// Three state registers and the item.
        IterBase,
        /// Three state registers and the two parts of the item.
        PairIterBase,
        Const,
        /// A constant that is an int or a float.
        NumConst,
        /// A constant of any type.
        AnyConst,
        Func,
        Builtin,
        Module,
        Struct,
        Global,
        Capture,
        Site,
        Jump16,
        Jump32,
        Imm,
        Count,
        /// 0 or 1.
        Flag,
        /// A set of types that values of the language have.
        Types,
    }

    /// How a kind of operand is held in [`Op`] and encoded.
    pub trait Operand {
        type Repr: Copy + PartialEq + std::fmt::Debug;
        const KIND: Kind;
        /// 16 or 32.
        const BITS: u32;
        fn to_bits(value: Self::Repr) -> u64;
        fn from_bits(bits: u64) -> Self::Repr;
    }

    macro_rules! kinds {
        ($($kind:ident: $repr:ty = $bits:literal, $to:expr, $from:expr;)*) => {$(
            #[doc = concat!("Marker for [`Kind::", stringify!($kind), "`].")]
            pub enum $kind {}

            impl Operand for $kind {
                type Repr = $repr;
                const KIND: Kind = Kind::$kind;
                const BITS: u32 = $bits;

                fn to_bits(value: $repr) -> u64 {
                    let to: fn($repr) -> u64 = $to;
                    to(value)
                }

                fn from_bits(bits: u64) -> $repr {
                    let from: fn(u64) -> $repr = $from;
                    from(bits)
                }
            }
        )*};
    }

    kinds! {
        Out: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        In: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        Seq: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        PairSeq: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        CallBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        FnBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        BuiltinBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        MethodBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        NewBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        InitBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        RangeBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        IterBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        PairIterBase: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
        Const: ConstId = 32, |c| c.0.into(), |b| ConstId(b as u32);
        NumConst: ShortConst = 16, |c| c.0.into(), |b| ShortConst(b as u16);
        AnyConst: ShortConst = 16, |c| c.0.into(), |b| ShortConst(b as u16);
        Func: FuncId = 32, |f| f.0.into(), |b| FuncId(b as u32);
        Builtin: BuiltinId = 16, |n| n.0.into(), |b| BuiltinId(b as u16);
        Module: ModuleId = 32, |m| m.0.into(), |b| ModuleId(b as u32);
        Struct: StructId = 32, |s| s.0.into(), |b| StructId(b as u32);
        Global: GlobalId = 32, |g| g.0.into(), |b| GlobalId(b as u32);
        Capture: CaptureId = 16, |c| c.0.into(), |b| CaptureId(b as u16);
        Site: SiteId = 16, |s| s.0.into(), |b| SiteId(b as u16);
        Jump16: i16 = 16, |j| u64::from(j as u16), |b| b as u16 as i16;
        Jump32: i32 = 32, |j| u64::from(j as u32), |b| b as u32 as i32;
        Imm: i32 = 32, |i| u64::from(i as u32), |b| b as u32 as i32;
        Count: u16 = 16, |c| c.into(), |b| b as u16;
        Flag: u16 = 16, |c| c.into(), |b| b as u16;
        Types: Tags = 16, |t| t.0.into(), |b| Tags(b as u16);
    }
}

use operand::{Kind, Operand};

/// Effects of an instruction, as in the brackets of its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    /// May raise a catchable error.
    pub throws: bool,
    /// May allocate, and so collect garbage.
    pub allocates: bool,
    /// May run other code with arbitrary effects; every register above the operand base is undefined afterwards.
    pub calls: bool,
    /// Writes to the program's output.
    pub outputs: bool,
    /// Control does not reach the following instruction.
    pub ends: bool,
}

/// A row of the table, as data.
#[derive(Debug)]
pub struct OpInfo {
    pub name: &'static str,
    pub doc: &'static str,
    pub operands: &'static [(&'static str, Kind)],
    pub effects: Effects,
}

/// The operand of an instruction as a number, beside its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawOperand {
    pub name: &'static str,
    pub kind: Kind,
    /// Jumps and immediates sign-extended, indices zero-extended.
    pub value: i64,
}

macro_rules! define_ops {
    ($( $(#[doc = $doc:literal])* $name:ident { $($field:ident : $kind:ident),* } [$($effect:ident),*]; )*) => {
        /// One instruction; see the table in [`for_each_op!`](crate::for_each_op).
        #[derive(Clone, Copy, PartialEq, Debug)]
        #[repr(u16)]
        pub enum Op {
            $( $(#[doc = $doc])* $name { $($field: <operand::$kind as Operand>::Repr),* }, )*
        }

        /// The name of an instruction without its operands; the number is the encoding.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub enum Opcode { $( $name, )* }

        impl Opcode {
            pub const ALL: &[Opcode] = &[$( Opcode::$name, )*];

            pub fn info(self) -> &'static OpInfo {
                &INFO[self as usize]
            }
        }

        static INFO: &[OpInfo] = &[$( OpInfo {
            name: stringify!($name),
            doc: concat!($($doc),*),
            operands: &[$( (stringify!($field), <operand::$kind as Operand>::KIND) ),*],
            #[allow(clippy::needless_update, reason = "a row may name every effect")]
            effects: Effects {
                $( $effect: true, )*
                ..Effects { throws: false, allocates: false, calls: false, outputs: false, ends: false }
            },
        }, )*];

        impl Op {
            pub fn opcode(&self) -> Opcode {
                match self { $( Op::$name { .. } => Opcode::$name, )* }
            }

            /// The 64-bit form: opcode in the low 16 bits, operands above it in declaration order.
            #[allow(unused_assignments, unused_mut, unused_variables, reason = "instructions without operands")]
            pub fn encode(&self) -> u64 {
                match *self {
                    $( Op::$name { $($field),* } => {
                        let mut bits = Opcode::$name as u64;
                        let mut at = 16;
                        $(
                            bits |= <operand::$kind as Operand>::to_bits($field) << at;
                            at += <operand::$kind as Operand>::BITS;
                        )*
                        bits
                    } )*
                }
            }

            /// Reads the 64-bit form; `None` for an unknown opcode or if bits that no operand uses are set.
            #[allow(non_upper_case_globals, reason = "constants named after the instructions, for patterns")]
            #[allow(unused_assignments, unused_mut, unused_variables, reason = "instructions without operands")]
            pub fn decode(bits: u64) -> Option<Op> {
                $( const $name: u16 = Opcode::$name as u16; )*
                match bits as u16 {
                    $( $name => {
                        let mut rest = bits >> 16;
                        $(
                            let $field = <operand::$kind as Operand>::from_bits(rest);
                            rest >>= <operand::$kind as Operand>::BITS;
                        )*
                        (rest == 0).then_some(Op::$name { $($field),* })
                    } )*
                    _ => None,
                }
            }

            /// Calls `visit` with each operand in declaration order.
            #[allow(unused_variables, reason = "instructions without operands")]
            pub fn for_each_operand(&self, mut visit: impl FnMut(RawOperand)) {
                match *self {
                    $( Op::$name { $($field),* } => {
                        $( visit(RawOperand {
                            name: stringify!($field),
                            kind: <operand::$kind as Operand>::KIND,
                            value: RawOperand::widen(
                                <operand::$kind as Operand>::KIND,
                                <operand::$kind as Operand>::to_bits($field),
                            ),
                        }); )*
                    } )*
                }
            }
        }
    };
}

for_each_op!(define_ops);

const _: () = assert!(size_of::<Op>() == 8, "the interpreter steps by 8 bytes");

impl RawOperand {
    fn widen(kind: Kind, bits: u64) -> i64 {
        match kind {
            Kind::Jump16 => i64::from(bits as u16 as i16),
            Kind::Jump32 | Kind::Imm => i64::from(bits as u32 as i32),
            _ => bits as i64,
        }
    }
}

impl Op {
    pub fn info(&self) -> &'static OpInfo {
        self.opcode().info()
    }

    pub fn effects(&self) -> Effects {
        self.info().effects
    }

    /// The offset of the jump, relative to the following instruction, if this is one. Every jump but `Jump` can also fall through.
    pub fn jump_offset(&self) -> Option<i32> {
        let mut offset = None;
        self.for_each_operand(|operand| {
            if matches!(operand.kind, Kind::Jump16 | Kind::Jump32) {
                offset = Some(operand.value as i32);
            }
        });
        offset
    }
}
