//! Shapes: what groups of instructions have in common, for those who treat a group alike. The last column of the table
//! says them.

use super::Op;
use crate::bytecode::{Reg, ShortConst};

/// A comparison operator of the language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Test {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Test {
    /// Whether the order of the operands matters; equality is defined for all values.
    pub fn is_ordering(self) -> bool {
        !matches!(self, Test::Eq | Test::Ne)
    }

    /// As the program writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Test::Eq => "==",
            Test::Ne => "!=",
            Test::Lt => "<",
            Test::Le => "<=",
            Test::Gt => ">",
            Test::Ge => ">=",
        }
    }
}

/// A binary operator of the language that computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
}

impl Operator {
    /// Whether it takes ints alone.
    pub fn is_bitwise(self) -> bool {
        matches!(self, Operator::BitAnd | Operator::BitOr | Operator::BitXor | Operator::Shl | Operator::Shr)
    }

    /// As the program writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::Mod => "%",
            Operator::Pow => "**",
            Operator::BitAnd => "&",
            Operator::BitOr => "|",
            Operator::BitXor => "^",
            Operator::Shl => "<<",
            Operator::Shr => ">>",
        }
    }
}

/// Where an operand's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    Register(Reg),
    Constant(ShortConst),
}

impl Source {
    pub fn register(self) -> Option<Reg> {
        match self {
            Source::Register(reg) => Some(reg),
            Source::Constant(_) => None,
        }
    }
}

impl From<Reg> for Source {
    fn from(reg: Reg) -> Source {
        Source::Register(reg)
    }
}

impl From<ShortConst> for Source {
    fn from(constant: ShortConst) -> Source {
        Source::Constant(constant)
    }
}

/// Goes to `to` if the test holds, or if `negated` unless it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompareJump {
    pub test: Test,
    pub left: Reg,
    pub right: Source,
    pub negated: bool,
    pub to: i16,
}

/// `dst = left test right`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comparison {
    pub test: Test,
    pub dst: Reg,
    pub left: Reg,
    pub right: Reg,
}

/// `dst = left operator right`; at most one of the two is a constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binary {
    pub operator: Operator,
    pub dst: Reg,
    pub left: Source,
    pub right: Source,
}

/// What a loop goes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// Ints from a counter to an end: a window of [`super::window::Range`].
    Range,
    /// Items: a window of [`super::window::Iter`].
    Items,
    /// Items that are unpacked.
    Pairs,
}

/// A step of a loop: the one in front of it, or the one at its bottom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Iteration {
    pub over: Over,
    /// Whether this begins the loop. Then its jump leads behind the loop, else to its body.
    pub starts: bool,
    pub base: Reg,
    pub to: i32,
}

/// The shape of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Like no other.
    None,
    CompareJump(CompareJump),
    Comparison(Comparison),
    Binary(Binary),
    Iteration(Iteration),
}

/// A [`Shape`] from the column of a row.
macro_rules! shape {
    () => { Shape::None };
    (compare_jump ($test:ident, $a:ident, $b:ident, $to:ident)) => { shape!(@jump false, $test, $a, $b, $to) };
    (compare_jump (not $test:ident, $a:ident, $b:ident, $to:ident)) => { shape!(@jump true, $test, $a, $b, $to) };
    (@jump $negated:literal, $test:ident, $a:ident, $b:ident, $to:ident) => {
        Shape::CompareJump(shape::CompareJump {
            test: shape::Test::$test,
            left: $a,
            right: $b.into(),
            negated: $negated,
            to: $to,
        })
    };
    (comparison ($test:ident, $dst:ident, $a:ident, $b:ident)) => {
        Shape::Comparison(shape::Comparison { test: shape::Test::$test, dst: $dst, left: $a, right: $b })
    };
    (binary ($operator:ident, $dst:ident, $a:ident, $b:ident)) => {
        Shape::Binary(shape::Binary {
            operator: shape::Operator::$operator,
            dst: $dst,
            left: $a.into(),
            right: $b.into(),
        })
    };
    (iteration ($over:ident, start, $base:ident, $to:ident)) => { shape!(@step $over, true, $base, $to) };
    (iteration ($over:ident, next, $base:ident, $to:ident)) => { shape!(@step $over, false, $base, $to) };
    (@step $over:ident, $starts:literal, $base:ident, $to:ident) => {
        Shape::Iteration(shape::Iteration { over: shape::Over::$over, starts: $starts, base: $base, to: $to })
    };
}

pub(super) use shape;

// The same groups as patterns, for matches without a wildcard.

/// Every instruction with a [`CompareJump`].
macro_rules! any_compare_jump {
    () => {
        $crate::bytecode::Op::JumpEq { .. }
            | $crate::bytecode::Op::JumpNe { .. }
            | $crate::bytecode::Op::JumpLt { .. }
            | $crate::bytecode::Op::JumpLe { .. }
            | $crate::bytecode::Op::JumpGt { .. }
            | $crate::bytecode::Op::JumpGe { .. }
            | $crate::bytecode::Op::JumpNotLt { .. }
            | $crate::bytecode::Op::JumpNotLe { .. }
            | $crate::bytecode::Op::JumpNotGt { .. }
            | $crate::bytecode::Op::JumpNotGe { .. }
            | $crate::bytecode::Op::JumpEqK { .. }
            | $crate::bytecode::Op::JumpNeK { .. }
            | $crate::bytecode::Op::JumpLtK { .. }
            | $crate::bytecode::Op::JumpLeK { .. }
            | $crate::bytecode::Op::JumpGtK { .. }
            | $crate::bytecode::Op::JumpGeK { .. }
            | $crate::bytecode::Op::JumpNotLtK { .. }
            | $crate::bytecode::Op::JumpNotLeK { .. }
            | $crate::bytecode::Op::JumpNotGtK { .. }
            | $crate::bytecode::Op::JumpNotGeK { .. }
    };
}

/// Every instruction with a [`Comparison`].
macro_rules! any_comparison {
    () => {
        $crate::bytecode::Op::Eq { .. }
            | $crate::bytecode::Op::Ne { .. }
            | $crate::bytecode::Op::Lt { .. }
            | $crate::bytecode::Op::Le { .. }
            | $crate::bytecode::Op::Gt { .. }
            | $crate::bytecode::Op::Ge { .. }
    };
}

/// Every instruction with a [`Binary`].
macro_rules! any_binary {
    () => {
        $crate::bytecode::Op::Add { .. }
            | $crate::bytecode::Op::Sub { .. }
            | $crate::bytecode::Op::Mul { .. }
            | $crate::bytecode::Op::Div { .. }
            | $crate::bytecode::Op::Mod { .. }
            | $crate::bytecode::Op::Pow { .. }
            | $crate::bytecode::Op::BitAnd { .. }
            | $crate::bytecode::Op::BitOr { .. }
            | $crate::bytecode::Op::BitXor { .. }
            | $crate::bytecode::Op::Shl { .. }
            | $crate::bytecode::Op::Shr { .. }
            | $crate::bytecode::Op::AddK { .. }
            | $crate::bytecode::Op::SubK { .. }
            | $crate::bytecode::Op::MulK { .. }
            | $crate::bytecode::Op::DivK { .. }
            | $crate::bytecode::Op::ModK { .. }
            | $crate::bytecode::Op::KAdd { .. }
            | $crate::bytecode::Op::KSub { .. }
            | $crate::bytecode::Op::KMul { .. }
            | $crate::bytecode::Op::KDiv { .. }
    };
}

/// Every instruction with an [`Iteration`].
#[cfg(feature = "jit")]
macro_rules! any_iteration {
    () => {
        $crate::bytecode::Op::ForPrep { .. }
            | $crate::bytecode::Op::ForLoop { .. }
            | $crate::bytecode::Op::IterPrep { .. }
            | $crate::bytecode::Op::IterNext { .. }
            | $crate::bytecode::Op::IterPrep2 { .. }
            | $crate::bytecode::Op::IterNext2 { .. }
    };
}

pub(crate) use any_compare_jump;
#[cfg(feature = "jit")]
pub(crate) use any_iteration;
pub(crate) use {any_binary, any_comparison};

impl Op {
    /// The instruction as a comparison with a jump.
    pub fn as_compare_jump(&self) -> Option<CompareJump> {
        match self.shape() {
            Shape::CompareJump(jump) => Some(jump),
            _ => None,
        }
    }

    /// The instruction as a comparison that gives a bool.
    pub fn as_comparison(&self) -> Option<Comparison> {
        match self.shape() {
            Shape::Comparison(comparison) => Some(comparison),
            _ => None,
        }
    }

    /// The instruction as a binary operation.
    pub fn as_binary(&self) -> Option<Binary> {
        match self.shape() {
            Shape::Binary(binary) => Some(binary),
            _ => None,
        }
    }

    /// Whether the instruction calls and returns what it gets: the callee may take over the frame. A row whose call
    /// does so by itself also `ends`; behind the others a `Return` follows.
    pub fn is_tail_call(&self) -> bool {
        matches!(self, Op::TailCall { .. } | Op::TailCallFn { .. } | Op::TailCallMethod { .. })
    }

    /// The instruction as a step of a loop.
    pub fn as_iteration(&self) -> Option<Iteration> {
        match self.shape() {
            Shape::Iteration(iteration) => Some(iteration),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::Opcode;

    /// A match without a wildcard catches a row that has a shape and is missing in the pattern; this catches a pattern
    /// with a row too many.
    #[test]
    fn patterns_and_shapes_agree() {
        let ops = (0..Opcode::ALL.len() as u64).map(|bits| Op::decode(bits).unwrap());
        for op in ops {
            assert_eq!(op.as_compare_jump().is_some(), matches!(op, any_compare_jump!()), "{op:?}");
            assert_eq!(op.as_comparison().is_some(), matches!(op, any_comparison!()), "{op:?}");
            assert_eq!(op.as_binary().is_some(), matches!(op, any_binary!()), "{op:?}");
            assert_eq!(op.as_iteration().is_some(), matches!(op, any_iteration!()), "{op:?}");
        }
    }

    #[test]
    fn a_row_says_its_shape() {
        let jump = Op::JumpNotLtK { a: Reg(3), k: ShortConst(5), to: -2 }.as_compare_jump();
        let right = Source::Constant(ShortConst(5));
        assert_eq!(jump, Some(CompareJump { test: Test::Lt, left: Reg(3), right, negated: true, to: -2 }));
        let binary = Op::KSub { dst: Reg(1), k: ShortConst(2), b: Reg(3) }.as_binary();
        let (left, right) = (Source::Constant(ShortConst(2)), Source::Register(Reg(3)));
        assert_eq!(binary, Some(Binary { operator: Operator::Sub, dst: Reg(1), left, right }));
        let step = Op::IterNext2 { base: Reg(2), back: -7 }.as_iteration();
        assert_eq!(step, Some(Iteration { over: Over::Pairs, starts: false, base: Reg(2), to: -7 }));
        assert_eq!((Op::Jump { to: 1 }.as_iteration(), Op::Neg { dst: Reg(0), a: Reg(0) }.as_binary()), (None, None));
    }
}
