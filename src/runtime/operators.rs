//! The binary operators by name, for what the interpreter's loop does not do in place.

use super::error::{Error, Result};
use super::methods;
use super::ops::{arith, compare, equal};
use super::value::Value;
use super::vm::Vm;

/// A binary operator of the language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
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

/// An ordering operator of the language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderOp {
    Lt,
    Le,
    Gt,
    Ge,
}

impl Vm {
    /// `x op y` for operands of any type.
    #[inline(never)]
    pub(super) fn binary(&mut self, op: BinaryOp, x: Value, y: Value) -> Result<Value> {
        match op {
            BinaryOp::Add => arith::add(&mut self.heap, x, y),
            BinaryOp::Sub => arith::sub(x, y),
            BinaryOp::Mul => arith::mul(&mut self.heap, x, y),
            BinaryOp::Div => arith::div(x, y),
            BinaryOp::Mod => arith::rem(x, y),
            BinaryOp::Pow => arith::pow(x, y),
            BinaryOp::BitAnd => arith::bit_and(x, y),
            BinaryOp::BitOr => arith::bit_or(x, y),
            BinaryOp::BitXor => arith::bit_xor(x, y),
            BinaryOp::Shl => arith::shl(x, y),
            BinaryOp::Shr => arith::shr(x, y),
        }
    }

    /// Whether `x op y` for operands of any type.
    #[inline(never)]
    pub(super) fn ordering(&mut self, op: OrderOp, x: Value, y: Value) -> Result<bool> {
        match op {
            OrderOp::Lt => compare::less(&self.heap, x, y),
            OrderOp::Le => compare::less_equal(&self.heap, x, y),
            OrderOp::Gt => compare::greater(&self.heap, x, y),
            OrderOp::Ge => compare::greater_equal(&self.heap, x, y),
        }
    }

    /// Whether `x == y` for operands of any type.
    #[inline(never)]
    pub(super) fn equal(&mut self, x: Value, y: Value) -> bool {
        equal::equal(&self.heap, x, y)
    }

    /// `item in object` for operands of any type.
    #[inline(never)]
    pub fn is_member(&mut self, object: Value, item: Value) -> Result<bool> {
        methods::is_member(self, object, item)
    }

    #[cold]
    pub(super) fn bad_operands(&self, op: &str, x: Value, y: Value) -> Error {
        arith::invalid_operation(op, x, y)
    }

    #[cold]
    pub(super) fn bad_unary(&self, op: &str, operand: Value) -> Error {
        arith::invalid_unary(op, operand)
    }

    #[cold]
    pub(super) fn expected_type(&self, expected: &str, found: Value) -> Error {
        Error::message(format!("Expected type '{expected}', but found type '{}'", found.tag().type_name()))
    }
}
