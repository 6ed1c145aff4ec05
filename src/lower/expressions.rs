//! Expressions as values.
//!
//! A result goes where the context wants it ([`Dest`]). While a destination is *live*, that is, holds a variable whose
//! old value can still be read, nothing is written to it before the last instruction of the expression.

use super::fold::Folded;
use super::function::{Dest, Lowering};
use crate::bytecode::op::window::Call;
use crate::bytecode::{BuiltinId, Constant, Op, Reg, ShortConst};
use crate::lower::Builder;
use crate::resolve::graph::ModuleSource;
use crate::resolve::{ModuleIndex, StaticValue};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, ExprList, Ident, LogicOp, Symbol, UnaryOp};

/// Literals are built in pieces of so many registers or pairs.
const CHUNK: usize = 64;

impl Lowering<'_, '_> {
    pub fn strip_parens(&self, mut expr: ExprId) -> ExprId {
        while let ExprKind::Paren(inner) = self.ast.expr(expr).kind {
            expr = inner;
        }
        expr
    }

    /// The value in some register: that of a local variable, or a temporary at the top, which the caller frees.
    pub fn expr_any(&mut self, expr: ExprId) -> Reg {
        self.plain_local(expr).unwrap_or_else(|| self.expr_top(expr))
    }

    /// The value in the register that is next to be allocated.
    pub fn expr_top(&mut self, expr: ExprId) -> Reg {
        let register = self.code.alloc();
        self.expr_into(expr, Dest::fresh(register));
        register
    }

    /// The value in some register: that of a local, or `scratch` if it is given, or a temporary.
    fn operand(&mut self, expr: ExprId, scratch: Option<Reg>) -> Reg {
        match (self.plain_local(expr), scratch) {
            (Some(local), _) => local,
            (None, Some(scratch)) => {
                self.expr_into(expr, Dest::fresh(scratch));
                scratch
            }
            (None, None) => self.expr_top(expr),
        }
    }

    /// The values in consecutive registers; a single one may stay where it is.
    pub fn sequence(&mut self, items: &[ExprId]) -> Reg {
        match items {
            [] => Reg(0),
            [item] => self.expr_any(*item),
            [first, rest @ ..] => {
                let base = self.expr_top(*first);
                for &item in rest {
                    self.expr_top(item);
                }
                base
            }
        }
    }

    /// Evaluates into a register. Temporaries are freed.
    pub fn expr_into(&mut self, expr: ExprId, dest: Dest) {
        let mark = self.code.top();
        let expr = self.strip_parens(expr);
        let node = *self.ast.expr(expr);
        let (dst, span) = (dest.register, node.span);
        if let Some(value) = self.folded(expr) {
            self.load_folded(value, dst, span);
            return self.code.free_to(mark);
        }
        match node.kind {
            ExprKind::Error => self.code.emit(Op::LoadVoid { dst }, span),
            ExprKind::Name(_) => self.load_name(self.scopes.names[expr.0 as usize], dst, span),
            ExprKind::Format(parts) => self.format(parts, dest, span),
            ExprKind::Formatted { value, format, .. } => self.formatted(value, format, dest, span),
            ExprKind::List(items) => self.list(items, dest, span),
            ExprKind::Tuple(items) => self.tuple(items, dst, span),
            ExprKind::Dict(items) => self.dict(items, dest, span),
            ExprKind::Range { start, end } => {
                let a = self.range_start(start, span);
                let b = self.expr_any(end);
                self.code.emit(Op::MakeRange { dst, a, b }, span);
            }
            ExprKind::Unary { op, operand } => {
                let a = self.operand(operand, dest.fresh.then_some(dst));
                let op = match op {
                    UnaryOp::Neg => Op::Neg { dst, a },
                    UnaryOp::Not => Op::Not { dst, a },
                    UnaryOp::BitNot => Op::BitNot { dst, a },
                };
                self.code.emit(op, span);
            }
            ExprKind::Binary { op, left, right } if self.is_type_test(op, left, right) => {
                self.condition_into(expr, dst, span);
            }
            ExprKind::Binary { op: BinaryOp::In | BinaryOp::NotIn, right, .. }
                if self.range_bounds(right).is_some() =>
            {
                self.condition_into(expr, dst, span);
            }
            ExprKind::Binary { .. } => self.binary_chain(expr, dest),
            ExprKind::Logic { op, .. } => self.logic(expr, op, dest, span),
            ExprKind::If { condition, then, otherwise } => {
                self.conditional(condition, span, then, otherwise, |this, part| this.expr_into(part, dest));
            }
            ExprKind::Call { callee, args } => {
                let call = self.classify(callee, args);
                self.call(call, args, dest, span);
            }
            ExprKind::Index { object, index } => {
                let object = self.operand(object, dest.fresh.then_some(dst));
                let index = self.expr_any(index);
                self.code.emit(Op::GetIndex { dst, object, index }, span);
            }
            ExprKind::Member { object, name } => self.member(object, name, dest, span),
            ExprKind::Lambda(function) => self.make_closure(function, dst, span),
            ExprKind::Await(operand) => {
                let src = self.expr_any(operand);
                self.code.emit(Op::Await { dst, src }, span);
            }
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Str(_)
            | ExprKind::Void
            | ExprKind::Paren(_) => unreachable!("literals are constants, and parentheses were stripped"),
        }
        self.code.free_to(mark);
    }

    /// The constant that an expression is, if it is a number or a string known now.
    pub fn known_constant(&mut self, expr: ExprId) -> Option<Constant> {
        match self.folded(expr)? {
            Folded::Str(text) => Some(self.string_constant(text)),
            value => value.number(),
        }
    }

    /// A number known now as a short operand.
    fn short_number(&mut self, expr: ExprId) -> Option<ShortConst> {
        let constant = self.folded(expr)?.number()?;
        self.builder.pools.short_constant(&mut self.builder.program, constant)
    }

    // Operators.

    /// A chain such as `a + b - c`, along its left spine without recursion.
    fn binary_chain(&mut self, chain: ExprId, dest: Dest) {
        let mut spine = Vec::new();
        let mut left = chain;
        while let ExprKind::Binary { op, left: inner, right } = self.ast.expr(left).kind
            && self.folded(left).is_none()
        {
            spine.push((op, right, self.ast.expr(left).span));
            left = inner;
        }
        let mark = self.code.top();
        // Results on the way go to the destination if nothing alive is there, else to one temporary.
        let mut scratch = dest.fresh.then_some(dest.register);
        let mut rest = spine.into_iter().rev();
        let (op, right, span) = rest.next().expect("the chain is a binary expression");
        let is_last = rest.len() == 0;
        let mut target = |this: &mut Self, is_last: bool| match (is_last, scratch) {
            (true, _) => dest,
            (false, Some(scratch)) => Dest::fresh(scratch),
            (false, None) => Dest::fresh(*scratch.insert(this.code.alloc())),
        };
        if let Some(k) = self.left_number(op, left, right) {
            let to = target(self, is_last);
            let operand_mark = self.code.top();
            let b = self.operand(right, to.fresh.then_some(to.register));
            let dst = to.register;
            let op = match op {
                BinaryOp::Add => Op::KAdd { dst, k, b },
                BinaryOp::Sub => Op::KSub { dst, k, b },
                BinaryOp::Mul => Op::KMul { dst, k, b },
                _ => Op::KDiv { dst, k, b },
            };
            self.code.emit(op, span);
            self.code.free_to(operand_mark);
        } else {
            let to = target(self, is_last);
            let operand_mark = self.code.top();
            let a = self.operand(left, to.fresh.then_some(to.register));
            self.binary_onto(op, a, right, to, span);
            self.code.free_to(operand_mark);
        }
        while let Some((op, right, span)) = rest.next() {
            let a = target(self, false).register;
            let to = target(self, rest.len() == 0);
            self.binary_onto(op, a, right, to, span);
        }
        self.code.free_to(mark);
    }

    /// The left operand as a short constant, where an instruction takes it so and the right is none.
    fn left_number(&mut self, op: BinaryOp, left: ExprId, right: ExprId) -> Option<ShortConst> {
        let has_form = matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div);
        if !has_form || self.known_constant(right).is_some() { None } else { self.short_number(left) }
    }

    /// `dest = a op right`, `a` already being in a register.
    pub fn binary_onto(&mut self, op: BinaryOp, a: Reg, right: ExprId, dest: Dest, span: Span) {
        let dst = dest.register;
        let takes_constant =
            matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod);
        if takes_constant && let Some(k) = self.short_number(right) {
            let op = match op {
                BinaryOp::Add => Op::AddK { dst, a, k },
                BinaryOp::Sub => Op::SubK { dst, a, k },
                BinaryOp::Mul => Op::MulK { dst, a, k },
                BinaryOp::Div => Op::DivK { dst, a, k },
                _ => Op::ModK { dst, a, k },
            };
            return self.code.emit(op, span);
        }
        let mark = self.code.top();
        let scratch = (dest.fresh && dst != a).then_some(dst);
        let b = self.operand(right, scratch);
        self.code.free_to(mark);
        self.operate(op, a, b, dst, span);
    }

    /// `dst = a op b`.
    pub fn operate(&mut self, op: BinaryOp, a: Reg, b: Reg, dst: Reg, span: Span) {
        let op = match op {
            BinaryOp::In => Op::Contains { dst, item: a, object: b },
            BinaryOp::NotIn => {
                // The destination may be alive, but reading ends with the first of the two.
                self.code.emit(Op::Contains { dst, item: a, object: b }, span);
                Op::Not { dst, a: dst }
            }
            BinaryOp::Add => Op::Add { dst, a, b },
            BinaryOp::Sub => Op::Sub { dst, a, b },
            BinaryOp::Mul => Op::Mul { dst, a, b },
            BinaryOp::Div => Op::Div { dst, a, b },
            BinaryOp::Mod => Op::Mod { dst, a, b },
            BinaryOp::Pow => Op::Pow { dst, a, b },
            BinaryOp::BitAnd => Op::BitAnd { dst, a, b },
            BinaryOp::BitOr => Op::BitOr { dst, a, b },
            BinaryOp::BitXor => Op::BitXor { dst, a, b },
            BinaryOp::Shl => Op::Shl { dst, a, b },
            BinaryOp::Shr => Op::Shr { dst, a, b },
            BinaryOp::Eq => Op::Eq { dst, a, b },
            BinaryOp::Ne => Op::Ne { dst, a, b },
            BinaryOp::Lt => Op::Lt { dst, a, b },
            BinaryOp::Le => Op::Le { dst, a, b },
            BinaryOp::Gt => Op::Gt { dst, a, b },
            BinaryOp::Ge => Op::Ge { dst, a, b },
        };
        self.code.emit(op, span);
    }

    /// `and` and `or` give one of their operands, so each is evaluated into the destination and the rest skipped.
    fn logic(&mut self, chain: ExprId, op: LogicOp, dest: Dest, span: Span) {
        let target = if dest.fresh { dest.register } else { self.code.alloc() };
        let end = self.code.new_label();
        let mut operands = self.logic_operands(chain, op);
        // What comes after an operand that decides is not evaluated, and one that decides nothing is left out, unless
        // it is the last.
        let decisive = Some(op == LogicOp::Or);
        if let Some(index) = operands.iter().position(|&operand| self.folded_truth(operand) == decisive) {
            operands.truncate(index + 1);
        }
        let (last, others) = operands.split_last().expect("a chain has operands");
        let others =
            others.iter().filter(|&&operand| self.folded_truth(operand).is_none()).copied().collect::<Vec<_>>();
        for operand in others {
            self.expr_into(operand, Dest::fresh(target));
            let jump = match op {
                LogicOp::And => Op::JumpIfNot { a: target, to: 0 },
                LogicOp::Or => Op::JumpIf { a: target, to: 0 },
            };
            self.code.jump(jump, end, span);
        }
        self.expr_into(*last, Dest::fresh(target));
        self.code.bind(end);
        if !dest.fresh {
            self.code.emit(Op::Move { dst: dest.register, src: target }, span);
        }
    }

    /// Does `with` the part of a conditional expression that its condition selects.
    pub fn conditional(
        &mut self,
        condition: ExprId,
        span: Span,
        then: ExprId,
        otherwise: ExprId,
        mut with: impl FnMut(&mut Self, ExprId),
    ) {
        self.warn_if_constant(condition, false);
        if let Some(truth) = self.folded_truth(condition) {
            return with(self, if truth { then } else { otherwise });
        }
        let (other, end) = (self.code.new_label(), self.code.new_label());
        self.branch(condition, other, false);
        with(self, then);
        self.code.jump(Op::Jump { to: 0 }, end, span);
        self.code.bind(other);
        with(self, otherwise);
        self.code.bind(end);
    }

    // Literals.

    fn format(&mut self, parts: ExprList, dest: Dest, span: Span) {
        let (parts, dst) = (self.ast.list(parts), dest.register);
        match parts {
            [] => {
                let constant = Constant::Str(self.builder.string(""));
                return self.load_constant(constant, dst, span);
            }
            &[only] if matches!(self.ast.expr(only).kind, ExprKind::Formatted { .. }) => {
                return self.expr_into(only, dest);
            }
            _ => {}
        }
        // A hole is text before the next is looked at, which shows if code runs there that changes the value.
        let last_to_run = parts.iter().rposition(|&part| self.may_run_code(part)).unwrap_or(0);
        let base = match parts {
            [only] => self.expr_any(*only),
            _ => Reg(self.code.top().min(u32::from(u16::MAX)) as u16),
        };
        for (index, &part) in parts.iter().enumerate().filter(|_| parts.len() > 1) {
            let register = self.expr_top(part);
            let is_text = self.folded(part).is_some()
                || matches!(self.ast.expr(part).kind, ExprKind::Format(_) | ExprKind::Formatted { .. });
            if index < last_to_run && !is_text {
                let span = self.ast.expr(part).span;
                self.code.emit(Op::Concat { dst: register, base: register, count: 1 }, span);
            }
        }
        self.code.emit(Op::Concat { dst, base, count: parts.len().min(usize::from(u16::MAX)) as u16 }, span);
    }

    /// Where a range starts: at 0, if that is left out.
    pub(super) fn range_start(&mut self, start: Option<ExprId>, span: Span) -> Reg {
        start.map(|start| self.expr_any(start)).unwrap_or_else(|| {
            let zero = self.code.alloc();
            self.code.emit(Op::LoadInt { dst: zero, value: 0 }, span);
            zero
        })
    }

    /// Whether evaluating an expression may run code of the program, or wait for a task that does.
    fn may_run_code(&self, expr: ExprId) -> bool {
        self.ast.any_within(expr, |expr| matches!(self.ast.expr(expr).kind, ExprKind::Call { .. } | ExprKind::Await(_)))
    }

    /// A hole with a format: a call of `core.format`.
    fn formatted(&mut self, value: ExprId, format: Symbol, dest: Dest, span: Span) {
        let is_base = dest.fresh && self.code.is_topmost(dest.register);
        let base = if is_base { dest.register } else { self.code.alloc() };
        self.expr_top(value);
        let register = self.code.alloc();
        let constant = self.string_constant(format);
        self.load_constant(constant, register, span);
        let builtin = self.core_builtin(self.builder.symbols.format);
        self.code.emit(Op::CallBuiltin { base, builtin, argc: 2 }, span);
        if base != dest.register {
            self.code.emit(Op::Move { dst: dest.register, src: base }, span);
        }
    }

    fn core_builtin(&mut self, name: Symbol) -> BuiltinId {
        let Builder { pools, program, interner, .. } = &mut *self.builder;
        let (builtin, _) = pools.builtin(program, interner, "std/core", name).expect("the library has it");
        builtin
    }

    /// What a function of `std/core` gives for a value, in the register that is next to be allocated.
    pub(super) fn call_core(&mut self, name: Symbol, value: Reg, span: Span) -> Reg {
        let base = self.code.alloc();
        let argument = self.code.alloc();
        debug_assert_eq!(base.above(Call::ARGS), argument);
        self.code.emit(Op::Move { dst: argument, src: value }, span);
        let builtin = self.core_builtin(name);
        self.code.emit(Op::CallBuiltin { base, builtin, argc: 1 }, span);
        self.code.free_to(u32::from(argument.0));
        base
    }

    fn list(&mut self, items: ExprList, dest: Dest, span: Span) {
        let items = self.ast.list(items);
        if items.len() <= CHUNK {
            let base = if items.is_empty() { dest.register } else { self.sequence(items) };
            return self.code.emit(Op::MakeList { dst: dest.register, base, count: items.len() as u16 }, span);
        }
        let list = if dest.fresh { dest.register } else { self.code.alloc() };
        self.long_list(items, list, span);
        if !dest.fresh {
            self.code.emit(Op::Move { dst: dest.register, src: list }, span);
        }
    }

    /// Builds a list of many items piece by piece, so that it needs few registers.
    fn long_list(&mut self, items: &[ExprId], list: Reg, span: Span) {
        let mark = self.code.top();
        for (number, chunk) in items.chunks(CHUNK).enumerate() {
            let (base, count) = (self.sequence(chunk), chunk.len() as u16);
            let op = if number == 0 {
                Op::MakeList { dst: list, base, count }
            } else {
                Op::ListAppend { list, base, count }
            };
            self.code.emit(op, span);
            self.code.free_to(mark);
        }
    }

    fn tuple(&mut self, items: ExprList, dst: Reg, span: Span) {
        let items = self.ast.list(items);
        if items.len() <= CHUNK {
            let base = if items.is_empty() { dst } else { self.sequence(items) };
            return self.code.emit(Op::MakeTuple { dst, base, count: items.len() as u16 }, span);
        }
        let list = self.code.alloc();
        self.long_list(items, list, span);
        self.code.emit(Op::TupleFromList { dst, list }, span);
    }

    fn dict(&mut self, items: ExprList, dest: Dest, span: Span) {
        let items = self.ast.list(items);
        let fits = items.len() <= 2 * CHUNK;
        let dict = if fits || dest.fresh { dest.register } else { self.code.alloc() };
        if items.is_empty() {
            return self.code.emit(Op::MakeDict { dst: dict, base: dict, count: 0 }, span);
        }
        let mark = self.code.top();
        for (number, chunk) in items.chunks(2 * CHUNK).enumerate() {
            let (base, count) = (self.sequence(chunk), (chunk.len() / 2) as u16);
            let op = if number == 0 {
                Op::MakeDict { dst: dict, base, count }
            } else {
                Op::DictInsert { dict, base, count }
            };
            self.code.emit(op, span);
            self.code.free_to(mark);
        }
        if dict != dest.register {
            self.code.emit(Op::Move { dst: dest.register, src: dict }, span);
        }
    }

    // Members.

    fn member(&mut self, object: ExprId, name: Ident, dest: Dest, span: Span) {
        let dst = dest.register;
        if let Some(value) = self.static_member(object, name.name) {
            return self.load_static(value, dst, span);
        }
        if let Some(StaticValue::Module(module)) = self.static_value(object) {
            if let Some(global) = self.builder.resolution.export(module, name.name) {
                return self.load_name(crate::resolve::NameRef::Global(global), dst, span);
            }
            if let Some((builtin, _)) = self.builtin(module, name.name) {
                return self.code.emit(Op::LoadBuiltin { dst, builtin }, span);
            }
        }
        let object = self.operand(object, dest.fresh.then_some(dst));
        self.get_member(dst, object, name.name, span);
    }

    /// The value that an expression always has, if that is known: a function, struct or module by name.
    pub fn static_value(&self, expr: ExprId) -> Option<StaticValue> {
        let expr = self.strip_parens(expr);
        match self.ast.expr(expr).kind {
            ExprKind::Name(_) => self.static_name(self.scopes.names[expr.0 as usize]),
            ExprKind::Member { object, name } => self.static_member(object, name.name),
            _ => None,
        }
    }

    /// A constant export of a module, or a method of a struct, known by name.
    fn static_member(&self, object: ExprId, name: Symbol) -> Option<StaticValue> {
        // Only `name.name` and `module.struct.name` can be constant. Looking no further keeps a long chain of members
        // from being walked to its beginning for each link.
        let kind = |expr: ExprId| self.ast.expr(self.strip_parens(expr)).kind;
        match kind(object) {
            ExprKind::Name(_) => {}
            ExprKind::Member { object, .. } if matches!(kind(object), ExprKind::Name(_)) => {}
            _ => return None,
        }
        match self.static_value(object)? {
            StaticValue::Module(module) => {
                let global = self.builder.resolution.export(module, name)?;
                self.builder.resolution.global(global).static_value()
            }
            StaticValue::Struct(definition) => {
                self.builder.struct_info(definition).methods.get(&name).map(|&method| StaticValue::Function(method))
            }
            StaticValue::Function(_) => None,
        }
    }

    /// A function of a standard module.
    pub fn builtin(&mut self, module: ModuleIndex, name: Symbol) -> Option<(BuiltinId, usize)> {
        let ModuleSource::Std(path) = self.builder.graph.modules[module.0 as usize].source else { return None };
        self.builder.pools.builtin(&mut self.builder.program, self.builder.interner, path, name)
    }
}
