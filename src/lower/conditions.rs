//! Expressions as conditions: branches instead of values.

use super::code::Label;
use super::function::Lowering;
use crate::bytecode::{Constant, Op};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, LogicOp, UnaryOp};

impl Lowering<'_, '_> {
    /// Goes to `to` if the truth of the condition is `sense`, and falls through otherwise.
    pub fn branch(&mut self, condition: ExprId, to: Label, sense: bool) {
        let condition = self.strip_parens(condition);
        let expr = *self.ast.expr(condition);
        if let Some(truth) = self.folded_truth(condition) {
            let is_setting = self.is_setting(condition);
            self.settings_met += u32::from(is_setting);
            if truth == sense && self.code.reachable {
                self.code.jump(Op::Jump { to: 0 }, to, expr.span);
                self.code.dead_by_setting = is_setting;
            }
            return;
        }
        match expr.kind {
            ExprKind::Unary { op: UnaryOp::Not, operand } => self.branch(operand, to, !sense),
            ExprKind::Logic { op, .. } => self.branch_logic(condition, op, to, sense),
            ExprKind::Binary { op, left, right } if is_comparison(op) => {
                self.branch_comparison(op, left, right, to, sense, expr.span);
            }
            _ => {
                let mark = self.code.top();
                let a = self.expr_any(condition);
                self.code.free_to(mark);
                let op = if sense { Op::JumpIf { a, to: 0 } } else { Op::JumpIfNot { a, to: 0 } };
                self.code.jump(op, to, expr.span);
            }
        }
    }

    fn branch_logic(&mut self, condition: ExprId, op: LogicOp, to: Label, sense: bool) {
        let operands = self.logic_operands(condition, op);
        // `and` is decided by the first false operand, `or` by the first true one.
        let decisive = op == LogicOp::Or;
        if sense == decisive {
            for operand in operands {
                self.branch(operand, to, sense);
            }
            return;
        }
        let decided = self.code.new_label();
        let (last, others) = operands.split_last().expect("a chain has operands");
        for &operand in others {
            self.branch(operand, decided, decisive);
        }
        self.branch(*last, to, sense);
        self.code.bind(decided);
    }

    /// The operands of a chain of one short-circuit operator.
    pub fn logic_operands(&self, mut chain: ExprId, op: LogicOp) -> Vec<ExprId> {
        let mut operands = Vec::new();
        loop {
            match self.ast.expr(chain).kind {
                ExprKind::Logic { op: inner, left, right } if inner == op => {
                    operands.push(right);
                    chain = left;
                }
                _ => break,
            }
        }
        operands.push(chain);
        operands.reverse();
        operands
    }

    fn branch_comparison(&mut self, op: BinaryOp, left: ExprId, right: ExprId, to: Label, sense: bool, span: Span) {
        let mark = self.code.top();
        let is_equality = matches!(op, BinaryOp::Eq | BinaryOp::Ne);
        if is_equality
            && let Some(constant) = self.known_constant(left)
            && self.known_constant(right).is_none()
            && let Some(k) = self.builder.pools.short_constant(&mut self.builder.program, constant)
        {
            // Equality is symmetric and cannot fail here, so the sides may be swapped.
            let a = self.expr_any(right);
            self.code.free_to(mark);
            let op =
                if (op == BinaryOp::Eq) == sense { Op::JumpEqK { a, k, to: 0 } } else { Op::JumpNeK { a, k, to: 0 } };
            return self.code.jump(op, to, span);
        }
        let a = self.expr_any(left);
        let constant =
            self.known_constant(right).filter(|constant| is_equality || !matches!(constant, Constant::Str(_)));
        if let Some(constant) = constant
            && let Some(k) = self.builder.pools.short_constant(&mut self.builder.program, constant)
        {
            self.code.free_to(mark);
            let op = match (op, sense) {
                (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => Op::JumpEqK { a, k, to: 0 },
                (BinaryOp::Eq, false) | (BinaryOp::Ne, true) => Op::JumpNeK { a, k, to: 0 },
                (BinaryOp::Lt, true) => Op::JumpLtK { a, k, to: 0 },
                (BinaryOp::Le, true) => Op::JumpLeK { a, k, to: 0 },
                (BinaryOp::Gt, true) => Op::JumpGtK { a, k, to: 0 },
                (BinaryOp::Lt, false) => Op::JumpNotLtK { a, k, to: 0 },
                (BinaryOp::Le, false) => Op::JumpNotLeK { a, k, to: 0 },
                (BinaryOp::Gt, false) => Op::JumpNotGtK { a, k, to: 0 },
                (_, true) => Op::JumpGeK { a, k, to: 0 },
                (_, false) => Op::JumpNotGeK { a, k, to: 0 },
            };
            return self.code.jump(op, to, span);
        }
        let b = self.expr_any(right);
        self.code.free_to(mark);
        let op = match (op, sense) {
            (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => Op::JumpEq { a, b, to: 0 },
            (BinaryOp::Eq, false) | (BinaryOp::Ne, true) => Op::JumpNe { a, b, to: 0 },
            (BinaryOp::Lt, true) => Op::JumpLt { a, b, to: 0 },
            (BinaryOp::Le, true) => Op::JumpLe { a, b, to: 0 },
            (BinaryOp::Gt, true) => Op::JumpGt { a, b, to: 0 },
            (BinaryOp::Lt, false) => Op::JumpNotLt { a, b, to: 0 },
            (BinaryOp::Le, false) => Op::JumpNotLe { a, b, to: 0 },
            (BinaryOp::Gt, false) => Op::JumpNotGt { a, b, to: 0 },
            (_, true) => Op::JumpGe { a, b, to: 0 },
            (_, false) => Op::JumpNotGe { a, b, to: 0 },
        };
        self.code.jump(op, to, span);
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge)
}
