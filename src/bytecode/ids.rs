//! One newtype per index, so that a register is never taken for a constant. Bare integers stay at the codec.

use serde::{Deserialize, Serialize};

macro_rules! index_types {
    ($($(#[$doc:meta])* $name:ident($repr:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
        pub struct $name(pub $repr);

        impl $name {
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index_types! {
    /// A register: a slot of the running function's frame window, counted from its base.
    Reg(u16);
    /// A constant of [`super::Program::constants`] whose index fits an instruction with three operands.
    ShortConst(u16);
    /// A constant of [`super::Program::constants`].
    ConstId(u32);
    /// A function of [`super::Program::functions`].
    FuncId(u32);
    /// A global variable of [`super::Program::globals`]; one numbering for all modules.
    GlobalId(u32);
    /// A struct definition of [`super::Program::structs`].
    StructId(u32);
    /// A module of [`super::Program::modules`].
    ModuleId(u32);
    /// A native function the program uses, of [`super::Program::builtins`].
    BuiltinId(u16);
    /// A string of [`super::Program::strings`].
    StrId(u32);
    /// A member-access or method-call site of the running function; see [`super::Function::sites`].
    SiteId(u16);
    /// A captured variable of the running closure; see [`super::Function::captures`].
    CaptureId(u16);
    /// A loop region of [`super::Program::loops`].
    LoopId(u32);
}

impl Reg {
    /// The register `count` slots higher. The verifier proves windows to lie in the frame, so the sum fits.
    #[inline(always)]
    pub fn above(self, count: u16) -> Reg {
        Reg(self.0.wrapping_add(count))
    }
}

impl From<ShortConst> for ConstId {
    fn from(short: ShortConst) -> Self {
        ConstId(short.0.into())
    }
}
