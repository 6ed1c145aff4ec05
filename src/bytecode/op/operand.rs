//! What an operand is: a type per kind, each with its in-memory representation.

use crate::bytecode::ids::{
    BuiltinId, CaptureId, ConstId, FuncId, GlobalId, ModuleId, Reg, ShortConst, SiteId, StructId,
};
use crate::bytecode::types::Tags;

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
    /// A [`super::window::Range`] whose counter and end are set: the first number goes into its variable.
    RangeStart,
    /// A [`super::window::Range`] whose loop goes on: the next number goes into counter and variable.
    RangeNext,
    /// A [`super::window::Iter`] that holds what to iterate and becomes the iteration's state: the first item.
    IterStart,
    /// A [`super::window::Iter`] whose loop goes on: the next item.
    IterNext,
    /// As `IterStart`; both parts of the item.
    PairsStart,
    /// As `IterNext`; both parts of the item.
    PairsNext,
    Const,
    /// A constant that is an int or a float.
    NumConst,
    /// A constant of any type.
    AnyConst,
    /// A function that captures nothing.
    Func,
    /// A function that captures nothing and is called with the arguments above the base.
    CalledFunc,
    /// A function, and with it the registers that it captures, which are read.
    ClosureFunc,
    Builtin,
    Module,
    /// A struct whose methods capture nothing.
    Struct,
    /// A struct whose methods capture nothing and whose `init` is called with the arguments above `self`.
    NewStruct,
    /// A struct, and with it the registers that its methods capture, which are read.
    ClosureStruct,
    Global,
    Capture,
    /// A site for a member that is read or written.
    Site,
    /// A site for a method that is called: its cache holds other things.
    CallSite,
    Jump16,
    Jump32,
    Imm,
    Count,
    /// 0 or 1.
    Flag,
    /// A set of types that values of the language have.
    Types,
}

/// How a kind of operand is held in [`Op`](super::Op) and encoded.
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

            #[inline]
            fn to_bits(value: $repr) -> u64 {
                let to: fn($repr) -> u64 = $to;
                to(value)
            }

            #[inline]
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
    RangeStart: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    RangeNext: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    IterStart: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    IterNext: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    PairsStart: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    PairsNext: Reg = 16, |r| r.0.into(), |b| Reg(b as u16);
    Const: ConstId = 32, |c| c.0.into(), |b| ConstId(b as u32);
    NumConst: ShortConst = 16, |c| c.0.into(), |b| ShortConst(b as u16);
    AnyConst: ShortConst = 16, |c| c.0.into(), |b| ShortConst(b as u16);
    Func: FuncId = 32, |f| f.0.into(), |b| FuncId(b as u32);
    CalledFunc: FuncId = 32, |f| f.0.into(), |b| FuncId(b as u32);
    ClosureFunc: FuncId = 32, |f| f.0.into(), |b| FuncId(b as u32);
    Builtin: BuiltinId = 16, |n| n.0.into(), |b| BuiltinId(b as u16);
    Module: ModuleId = 32, |m| m.0.into(), |b| ModuleId(b as u32);
    Struct: StructId = 32, |s| s.0.into(), |b| StructId(b as u32);
    NewStruct: StructId = 32, |s| s.0.into(), |b| StructId(b as u32);
    ClosureStruct: StructId = 32, |s| s.0.into(), |b| StructId(b as u32);
    Global: GlobalId = 32, |g| g.0.into(), |b| GlobalId(b as u32);
    Capture: CaptureId = 16, |c| c.0.into(), |b| CaptureId(b as u16);
    Site: SiteId = 16, |s| s.0.into(), |b| SiteId(b as u16);
    CallSite: SiteId = 16, |s| s.0.into(), |b| SiteId(b as u16);
    Jump16: i16 = 16, |j| u64::from(j as u16), |b| b as u16 as i16;
    Jump32: i32 = 32, |j| u64::from(j as u32), |b| b as u32 as i32;
    Imm: i32 = 32, |i| u64::from(i as u32), |b| b as u32 as i32;
    Count: u16 = 16, |c| c.into(), |b| b as u16;
    Flag: u16 = 16, |c| c.into(), |b| b as u16;
    Types: Tags = 16, |t| t.0.into(), |b| Tags(b as u16);
}
