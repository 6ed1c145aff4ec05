//! The instruction table.
//!
//! The table, [`for_each_op!`](crate::for_each_op), has one row per instruction: doc sentence, name, operands, effects,
//! use of the heap ([`HeapUse`]), whether it may stand in an inlined function, and a shape where it has one. From it
//! come the enum [`Op`], its 64-bit encoding, [`Opcode`], [`OpInfo`] (for the verifier, the disassembler and the
//! README), and what is asked of an instruction: its operands one by one, the registers it reads, writes and clobbers
//! ([`access`]), whether it is a comparison with a jump, a binary operation, a step of a loop ([`mod@shape`]).
//! Interpreter, analysis and JIT match on [`Op`] without a wildcard, so a new row does not compile until each of them
//! answers it.
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
//! The offsets have names in [`window`]. A call leaves every register above `base` undefined. The lowering allocates
//! registers as a stack, so nothing above `base` is alive then.
//!
//! `CallFn`, `TailCallFn` and `New` give every parameter a value; `LoadAbsent` makes that of an argument which is left
//! out. Where arguments are counted when the program runs, the run time does so. The function's first instructions ask
//! by `JumpIfGiven`, parameter by parameter, and put the default in.
//!
//! # Jumps
//! An offset counts instructions from the one that follows the jump. A backward jump is a back edge of a loop, and
//! every loop has its test at the bottom (or an unconditional `Jump` back), so the interpreter counts iterations there.
//!
//! # Effects and re-execution
//! An instruction that fails has had no effect: native code may leave to the interpreter before any instruction, and
//! the interpreter executes it again and raises the error.

pub mod access;
mod heap_use;
pub mod operand;
pub mod shape;
mod table;
pub mod window;

pub use self::heap_use::HeapUse;

use self::operand::{Kind, Operand};
use self::shape::{Shape, shape};
use super::ids::{FuncId, SiteId, StructId};
use crate::heap_use;

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
    /// What of the heap the runtime may touch when it executes the instruction.
    pub heap: HeapUse,
    /// Whether the instruction may stand in a function that native code inlines.
    pub may_be_inlined: bool,
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
    ($( $(#[doc = $doc:literal])* $name:ident { $($field:ident : $kind:ident),* } [$($effect:ident),*]
        heap($($heap:ident),+) inline($inline:ident) $(as $shape:ident $parts:tt)?; )*) => {
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

            #[inline]
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
            heap: heap_use!($($heap),+),
            may_be_inlined: define_ops!(@yes_or_no $inline),
        }, )*];

        impl Op {
            #[inline]
            pub fn opcode(&self) -> Opcode {
                match self { $( Op::$name { .. } => Opcode::$name, )* }
            }

            /// The 64-bit form: opcode in the low 16 bits, operands above it in declaration order.
            #[allow(unused_assignments, unused_mut, unused_variables, reason = "instructions without operands")]
            pub fn encode(&self) -> u64 {
                match *self {
                    $( Op::$name { $($field),* } => {
                        let mut bits = Opcode::$name as u64;
                        let mut shift = 16;
                        $(
                            bits |= <operand::$kind as Operand>::to_bits($field) << shift;
                            shift += <operand::$kind as Operand>::BITS;
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

            /// The shape in the instruction's row; [`Shape::None`] if it has none.
            #[allow(unused_variables, reason = "a shape need not name all operands")]
            fn shape(&self) -> Shape {
                match *self {
                    $( Op::$name { $($field),* } => shape!($($shape $parts)?), )*
                }
            }

            /// The last operand of these kinds, as a number. Which there is follows from the row.
            #[inline]
            #[allow(unused_variables, reason = "instructions without operands")]
            fn operand_of(&self, is_wanted: impl Fn(Kind) -> bool) -> Option<i64> {
                match *self {
                    $( Op::$name { $($field),* } => {
                        let found = None;
                        $( let found = match <operand::$kind as Operand>::KIND {
                            kind if is_wanted(kind) => {
                                Some(RawOperand::widen(kind, <operand::$kind as Operand>::to_bits($field)))
                            }
                            _ => found,
                        }; )*
                        found
                    } )*
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
    (@yes_or_no yes) => { true };
    (@yes_or_no no) => { false };
}

crate::for_each_op!(define_ops);

const _: () = assert!(size_of::<Op>() == 8, "the interpreter steps by 8 bytes");

impl RawOperand {
    #[inline]
    fn widen(kind: Kind, bits: u64) -> i64 {
        match kind {
            Kind::Jump16 => i64::from(bits as u16 as i16),
            Kind::Jump32 | Kind::Imm => i64::from(bits as u32 as i32),
            _ => bits as i64,
        }
    }
}

impl Op {
    #[inline]
    pub fn info(&self) -> &'static OpInfo {
        self.opcode().info()
    }

    #[inline]
    pub fn effects(&self) -> Effects {
        self.info().effects
    }

    /// The site that tells the name of a member or a method, if the instruction has one.
    pub fn site(&self) -> Option<SiteId> {
        self.operand_of(|kind| matches!(kind, Kind::Site | Kind::CallSite)).map(|value| SiteId(value as u16))
    }

    /// The function that the instruction calls or makes a value of, if it names one.
    pub fn named_function(&self) -> Option<FuncId> {
        let names = |kind| matches!(kind, Kind::Func | Kind::CalledFunc | Kind::ClosureFunc);
        self.operand_of(names).map(|value| FuncId(value as u32))
    }

    /// The struct that the instruction makes, or an instance of, if it names one.
    pub fn named_struct(&self) -> Option<StructId> {
        let names = |kind| matches!(kind, Kind::Struct | Kind::NewStruct | Kind::ClosureStruct);
        self.operand_of(names).map(|value| StructId(value as u32))
    }

    /// The offset of the jump, relative to the following instruction, if this is one. Every jump but `Jump` can also
    /// fall through.
    pub fn jump_offset(&self) -> Option<i32> {
        self.operand_of(|kind| matches!(kind, Kind::Jump16 | Kind::Jump32)).map(|value| value as i32)
    }
}
