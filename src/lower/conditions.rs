//! Expressions as conditions: branches instead of values.

use super::code::Label;
use super::fold::Folded;
use super::function::Lowering;
use crate::bytecode::types::Tags;
use crate::bytecode::{Constant, Op, Reg};
use crate::resolve::graph::ModuleSource;
use crate::resolve::{NameRef, StaticValue, VarId};
use crate::source::spelling::closest;
use crate::source::{Diagnostic, Span};
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, LogicOp, Symbol, UnaryOp};

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
            ExprKind::Binary { op: op @ (BinaryOp::In | BinaryOp::NotIn), left, right }
                if let Some(bounds) = self.range_bounds(right) =>
            {
                self.branch_in_range(left, bounds, to, (op == BinaryOp::In) == sense, expr.span);
            }
            ExprKind::Binary { op: op @ (BinaryOp::In | BinaryOp::NotIn), left, right } => {
                let mark = self.code.top();
                let (item, object) = (self.expr_any(left), self.expr_any(right));
                let a = self.code.alloc();
                self.code.emit(Op::Contains { dst: a, item, object }, expr.span);
                self.code.free_to(mark);
                self.jump_on(a, (op == BinaryOp::In) == sense, to, expr.span);
            }
            _ => {
                let mark = self.code.top();
                let a = self.expr_any(condition);
                self.code.free_to(mark);
                self.jump_on(a, sense, to, expr.span);
            }
        }
    }

    /// The bounds of a range that is written out.
    pub fn range_bounds(&self, range: ExprId) -> Option<(Option<ExprId>, ExprId)> {
        match self.ast.expr(self.strip_parens(range)).kind {
            ExprKind::Range { start, end } => Some((start, end)),
            _ => None,
        }
    }

    /// Goes to `to` if whether `item` is between the bounds is `sense`. Ints are compared with them; the range is made
    /// only for an item of another type, or for the error that bounds of another type are.
    fn branch_in_range(
        &mut self,
        item: ExprId,
        (start, end): (Option<ExprId>, ExprId),
        to: Label,
        sense: bool,
        span: Span,
    ) {
        let mark = self.code.top();
        let (general, done) = (self.code.new_label(), self.code.new_label());
        let value = self.expr_any(item);
        let a = self.range_start(start, span);
        let b = self.expr_any(end);
        for (register, expr) in [(value, Some(item)), (a, start), (b, Some(end))] {
            let is_int = expr.is_none_or(|expr| matches!(self.folded(expr), Some(Folded::Int(_))));
            if !is_int {
                self.code.jump(Op::JumpIfNotType { a: register, types: Tags::INT, to: 0 }, general, span);
            }
        }
        let (inside, outside) = if sense { (to, done) } else { (done, to) };
        self.code.jump(Op::JumpLt { a: value, b: a, to: 0 }, outside, span);
        self.code.jump(Op::JumpLt { a: value, b, to: 0 }, inside, span);
        self.code.jump(Op::Jump { to: 0 }, outside, span);
        self.code.bind(general);
        let range = self.code.alloc();
        self.code.emit(Op::MakeRange { dst: range, a, b }, span);
        self.code.emit(Op::Contains { dst: range, item: value, object: range }, span);
        self.jump_on(range, sense, to, span);
        self.code.bind(done);
        self.code.free_to(mark);
    }

    /// Jumps if a value is as truthy as that.
    pub(super) fn jump_on(&mut self, a: Reg, sense: bool, to: Label, span: Span) {
        let op = if sense { Op::JumpIf { a, to: 0 } } else { Op::JumpIfNot { a, to: 0 } };
        self.code.jump(op, to, span);
    }

    /// A condition as `true` or `false` in a register, which is written only after everything was read.
    pub fn condition_into(&mut self, condition: ExprId, dst: Reg, span: Span) {
        let (holds, end) = (self.code.new_label(), self.code.new_label());
        self.branch(condition, holds, true);
        self.code.emit(Op::LoadFalse { dst }, span);
        self.code.jump(Op::Jump { to: 0 }, end, span);
        self.code.bind(holds);
        self.code.emit(Op::LoadTrue { dst }, span);
        self.code.bind(end);
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
        if is_equality && let Some((tested, name)) = self.type_test(left, right) {
            let types = self.named_types(name, left, right);
            let a = match tested {
                Tested::Value(expr) => self.expr_any(expr),
                Tested::Variable(var) => self.registers[var.0 as usize],
            };
            self.code.free_to(mark);
            let is_jump = (op == BinaryOp::Eq) == sense;
            let op = if is_jump { Op::JumpIfType { a, types, to: 0 } } else { Op::JumpIfNotType { a, types, to: 0 } };
            return self.code.jump(op, to, span);
        }
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

/// What the type is asked of in a comparison with a type's name.
enum Tested {
    Value(ExprId),
    Variable(VarId),
}

impl Lowering<'_, '_> {
    /// Takes `core.type(x) == "name"` apart, whichever side the name stands on. A variable that holds `core.type(x)`
    /// stands for it while neither changes.
    fn type_test(&self, left: ExprId, right: ExprId) -> Option<(Tested, Symbol)> {
        let known = |expr| match self.folded(expr) {
            // Tasks and channels are one kind to the instruction.
            Some(Folded::Str(name)) if !matches!(self.builder.interner.get(name), "task" | "channel") => Some(name),
            _ => None,
        };
        let (asked, name) = match (known(left), known(right)) {
            (None, Some(name)) => (left, name),
            (Some(name), None) => (right, name),
            _ => return None,
        };
        if let Some(value) = self.type_argument(asked) {
            return Some((Tested::Value(value), name));
        }
        let NameRef::Local(var) = self.scopes.names[self.strip_parens(asked).0 as usize] else { return None };
        self.types_of.get(&var).map(|&of| (Tested::Variable(of), name))
    }

    /// Whether an expression compares `core.type(x)` with a name. As a value that is a branch, too, since only a branch
    /// asks for the type without making a string of it.
    pub fn is_type_test(&self, op: BinaryOp, left: ExprId, right: ExprId) -> bool {
        matches!(op, BinaryOp::Eq | BinaryOp::Ne) && self.type_test(left, right).is_some()
    }

    /// The types that are called `name`, which one side of a comparison is. If there are none, the comparison is always
    /// false.
    fn named_types(&mut self, name: Symbol, left: ExprId, right: ExprId) -> Tags {
        let text = self.builder.interner.get(name);
        let types = Tags::named(text);
        if types.is_empty() && self.warn && self.code.reachable {
            let side = if self.folded(right).is_some() { right } else { left };
            let span = self.ast.expr(side).span;
            let mut warning = Diagnostic::warning("W0204", format!("No type is called '{text}'"), span)
                .labelled("`core.type` never gives this name");
            if let Some(similar) = closest(text, Tags::VISIBLE.names()) {
                // What stands there may be a variable that holds the name.
                if matches!(self.ast.expr(self.strip_parens(side)).kind, ExprKind::Str(_)) {
                    warning =
                        warning.with_suggestion(format!("did you mean '{similar}'?"), span, format!("\"{similar}\""));
                } else {
                    warning = warning.with_help(format!("did you mean '{similar}'?"));
                }
            }
            self.builder.diagnostics.push(warning);
        }
        types
    }

    /// The argument of a call of `core.type`.
    fn type_argument(&self, call: ExprId) -> Option<ExprId> {
        let ExprKind::Call { callee, args } = self.ast.expr(self.strip_parens(call)).kind else { return None };
        let ExprKind::Member { object, name } = self.ast.expr(self.strip_parens(callee)).kind else { return None };
        let &[argument] = self.ast.list(args) else { return None };
        let Some(StaticValue::Module(module)) = self.static_value(object) else { return None };
        let is_core = matches!(self.builder.graph.modules[module.0 as usize].source, ModuleSource::Std("std/core"));
        (is_core && self.builder.interner.get(name.name) == "type").then_some(argument)
    }

    /// Remembers that a variable is `core.type` of another.
    pub fn note_type(&mut self, var: VarId, value: ExprId) {
        let is_fixed = |var: VarId| !self.scopes.var(var).reassigned && !self.scopes.var(var).in_cell;
        if let Some(argument) = self.type_argument(value)
            && let NameRef::Local(of) = self.scopes.names[self.strip_parens(argument).0 as usize]
            && is_fixed(var)
            && is_fixed(of)
            && !self.scopes.var(of).is_static
        {
            self.types_of.insert(var, of);
        }
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge)
}
