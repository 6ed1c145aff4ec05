//! `core.assert` as tests have it: one that fails shows its condition and the values in it.
//!
//! Operands are evaluated once, into registers of their own, and compared by the instructions that compare elsewhere.
//! Only where the condition does not hold are they put into words; the built-in then fails with these as its message.

use super::code::Label;
use super::function::{Dest, Lowering};
use crate::bytecode::builtins::BUILTINS;
use crate::bytecode::op::window::Call as Window;
use crate::bytecode::{BuiltinId, Constant, Op, Reg};
use crate::source::Span;
use crate::syntax::ast::{ExprId, ExprKind, ExprList, LogicOp, UnaryOp};

impl Lowering<'_, '_> {
    /// Whether a call is one of `core.assert` that is to explain itself.
    pub fn explains(&self, builtin: BuiltinId) -> bool {
        let spec = &BUILTINS[self.builder.pools.row(builtin)];
        self.builder.explains_asserts && (spec.module, spec.name) == ("std/core", "assert")
    }

    /// A call of `core.assert` with one or two arguments.
    pub fn explained_assert(&mut self, assert: BuiltinId, args: ExprList, dest: Dest, span: Span) {
        let mark = self.code.top();
        let (condition, message) = match *self.ast.list(args) {
            [condition] => (condition, None),
            [condition, message] => (condition, Some(message)),
            _ => unreachable!("the built-in takes one argument or two"),
        };
        // False while all holds, then a text.
        let details = self.code.alloc();
        let decided = self.code.new_label();
        let condition = self.strip_parens(condition);
        let parts = match self.ast.expr(condition).kind {
            ExprKind::Logic { op: LogicOp::And, .. } => self.logic_operands(condition, LogicOp::And),
            _ => vec![condition],
        };
        let mut start = if message.is_some() { "\n  ".to_string() } else { String::new() };
        start.push_str(&self.source_of(condition));
        for &part in &parts {
            let holds = self.code.new_label();
            let mut start = start.clone();
            if parts.len() > 1 {
                start.push_str("\n  this part does not hold: ");
                start.push_str(&self.source_of(part));
            }
            self.check_part(part, holds, &start, details);
            self.code.jump(Op::Jump { to: 0 }, decided, span);
            self.code.bind(holds);
        }
        self.code.emit(Op::LoadFalse { dst: details }, span);
        self.code.bind(decided);
        let base = self.code.alloc();
        let (holds, text) = (self.code.alloc(), self.code.alloc());
        debug_assert_eq!(base.above(Window::ARGS), holds);
        let done = self.code.new_label();
        if let Some(message) = message {
            self.expr_into(message, Dest::fresh(text));
        }
        self.code.jump(Op::JumpIfNot { a: details, to: 0 }, done, span);
        self.code.emit(Op::LoadFalse { dst: holds }, span);
        if message.is_some() {
            let whole = self.code.alloc();
            let behind = self.code.alloc();
            self.code.emit(Op::Move { dst: whole, src: text }, span);
            self.code.emit(Op::Move { dst: behind, src: details }, span);
            self.code.emit(Op::Concat { dst: text, base: whole, count: 2 }, span);
        } else {
            self.code.emit(Op::Move { dst: text, src: details }, span);
        }
        self.code.emit(Op::CallBuiltin { base, builtin: assert, argc: 2 }, span);
        self.code.bind(done);
        self.code.emit(Op::LoadVoid { dst: dest.register }, span);
        self.code.free_to(mark);
    }

    /// Goes to `holds` if a condition does; otherwise puts it and its values into words, which begin with `start`.
    fn check_part(&mut self, condition: ExprId, holds: Label, start: &str, details: Reg) {
        let mark = self.code.top();
        let (mut condition, mut sense) = (self.strip_parens(condition), true);
        while let ExprKind::Unary { op: UnaryOp::Not, operand } = self.ast.expr(condition).kind {
            (condition, sense) = (self.strip_parens(operand), !sense);
        }
        let expr = *self.ast.expr(condition);
        let values = match expr.kind {
            ExprKind::Binary { op, left, right } if op.is_comparison() => {
                let (a, b) = (self.expr_top(left), self.expr_top(right));
                let result = self.code.alloc();
                self.operate(op, a, b, result, expr.span);
                self.jump_on(result, sense, holds, expr.span);
                vec![("   left: ", a), ("  right: ", b)]
            }
            _ => {
                let value = self.expr_top(condition);
                self.jump_on(value, sense, holds, expr.span);
                vec![("  value: ", value)]
            }
        };
        let base = self.code.top();
        let mut count = 0;
        for (index, (label, value)) in values.into_iter().enumerate() {
            let start = if index == 0 { start } else { "" };
            let words = Constant::Str(self.builder.string(&format!("{start}\n{label}")));
            let text = self.code.alloc();
            self.load_constant(words, text, expr.span);
            self.shown(value, expr.span);
            count += 2;
        }
        self.code.emit(Op::Concat { dst: details, base: Reg(base.min(u32::from(u16::MAX)) as u16), count }, expr.span);
        self.code.free_to(mark);
    }

    /// A value as `core.repr` shows it, in the register that is next to be allocated.
    fn shown(&mut self, value: Reg, span: Span) {
        self.call_core(self.builder.symbols.repr, value, span);
    }

    /// An expression as it stands in the source, on one line.
    fn source_of(&self, expr: ExprId) -> String {
        let span = self.ast.expr(expr).span;
        let text = self.builder.sources.file(self.file.file).text();
        let text = text.get(span.lo as usize..span.hi as usize).unwrap_or_default();
        if text.contains('\n') { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { text.to_string() }
    }
}
