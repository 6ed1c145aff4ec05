//! Calls: direct where the callee is known and the arguments fit, through the value otherwise, so that a wrong number
//! of arguments is the run-time error that it is.

use super::code::Label;
use super::function::{Dest, Lowering};
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect};
use crate::bytecode::op::window::{Call as ValueCall, MethodCall};
use crate::bytecode::{BuiltinId, FuncId, Op, Reg, SiteId, StructId};
use crate::resolve::{StaticValue, StructIndex};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, ExprList, Symbol, UnaryOp};

/// How a call is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Function(FuncId),
    Builtin(BuiltinId),
    New(StructId),
    /// A method, or a function in a field, of the object.
    Method {
        object: ExprId,
        name: Symbol,
    },
    /// Whatever the expression gives.
    Value(ExprId),
}

impl Lowering<'_, '_> {
    pub fn classify(&mut self, callee: ExprId, args: ExprList) -> Call {
        let callee = self.strip_parens(callee);
        let count = args.len as usize;
        match self.static_value(callee) {
            Some(StaticValue::Function(function)) => {
                let fits = self.builder.functions[function.0 as usize].takes(count);
                return if fits { Call::Function(FuncId(function.0)) } else { Call::Value(callee) };
            }
            Some(StaticValue::Struct(definition)) => {
                return if self.constructor_takes(definition, count) {
                    Call::New(StructId(definition.0))
                } else {
                    Call::Value(callee)
                };
            }
            Some(StaticValue::Module(_)) | None => {}
        }
        let ExprKind::Member { object, name } = self.ast.expr(callee).kind else { return Call::Value(callee) };
        let Some(StaticValue::Module(module)) = self.static_value(object) else {
            return Call::Method { object, name: name.name };
        };
        match self.builtin(module, name.name) {
            Some((builtin, row)) if BUILTINS[row].fits(count) => Call::Builtin(builtin),
            _ => Call::Value(callee),
        }
    }

    /// Whether `New` may make an instance with so many arguments.
    fn constructor_takes(&self, definition: StructIndex, count: usize) -> bool {
        match self.builder.struct_info(definition).init {
            None => count == 0,
            Some((_, false)) => false,
            Some((init, true)) => self.builder.functions[init.0 as usize].takes(count + 1),
        }
    }

    pub fn call(&mut self, call: Call, args: ExprList, dest: Dest, span: Span) {
        if let Call::Builtin(builtin) = call
            && self.explains(builtin)
        {
            return self.explained_assert(builtin, args, dest, span);
        }
        if let Call::Builtin(builtin) = call {
            self.warn_of_handler(builtin, args);
        }
        // The result's own register can be the base of the call if nothing alive lies above it. These calls write the
        // base last, so it may even be alive, unless a handler of this function would see it.
        let writes_base_last = match call {
            Call::Function(_) | Call::Builtin(_) => true,
            Call::Method { .. } => self.work_of_all(args) == Work::None,
            Call::New(_) | Call::Value(_) => false,
        };
        let may_use_dest = dest.fresh || (writes_base_last && self.open_tries == 0);
        let base = if may_use_dest && self.code.is_topmost(dest.register) { dest.register } else { self.code.alloc() };
        let argc = args.len.min(u32::from(u16::MAX)) as u16;
        let op = match call {
            Call::Function(func) => {
                self.arguments(args);
                self.missing_arguments(func, args.len, span);
                Op::CallFn { base, func }
            }
            Call::Builtin(builtin) => {
                self.arguments(args);
                Op::CallBuiltin { base, builtin, argc }
            }
            Call::New(def) => {
                // One for the call's own use, one for `self`.
                self.code.alloc();
                self.code.alloc();
                self.arguments(args);
                if let Some((init, _)) = self.builder.struct_info(StructIndex(def.0)).init {
                    self.missing_arguments(FuncId(init.0), args.len + 1, span);
                }
                Op::New { base, def }
            }
            Call::Method { object, name } => {
                let (site, values) = self.method_arguments(base, object, name, args, span);
                let Some(values) = values else {
                    return self.emit_call(Op::CallMethod { base, argc, site }, base, dest, span);
                };
                let end = self.code.new_label();
                self.code.emit(Op::CallMethod { base, argc, site }, span);
                self.code.jump(Op::Jump { to: 0 }, end, span);
                self.code.bind(values);
                self.leave_receiver_out(base, argc, span);
                self.code.emit(Op::Call { base, argc }, span);
                self.code.bind(end);
                return self.move_result(base, dest, span);
            }
            Call::Value(callee) => {
                self.expr_into(callee, Dest::fresh(base));
                self.arguments(args);
                Op::Call { base, argc }
            }
        };
        self.emit_call(op, base, dest, span);
    }

    fn emit_call(&mut self, op: Op, base: Reg, dest: Dest, span: Span) {
        self.code.emit(op, span);
        self.move_result(base, dest, span);
    }

    fn move_result(&mut self, base: Reg, dest: Dest, span: Span) {
        if base != dest.register {
            self.code.emit(Op::Move { dst: dest.register, src: base }, span);
        }
    }

    /// A call in tail position.
    pub fn tail_call(&mut self, call: Call, args: ExprList, span: Span) {
        let mark = self.code.top();
        let base: Reg = self.code.alloc();
        let argc = args.len.min(u32::from(u16::MAX)) as u16;
        let op = match call {
            Call::Function(func) => {
                self.arguments(args);
                self.missing_arguments(func, args.len, span);
                Op::TailCallFn { base, func }
            }
            Call::Method { object, name } => {
                let (site, values) = self.method_arguments(base, object, name, args, span);
                if let Some(values) = values {
                    self.code.emit(Op::TailCallMethod { base, argc, site }, span);
                    self.code.emit(Op::Return { src: base }, span);
                    self.code.bind(values);
                    self.leave_receiver_out(base, argc, span);
                    Op::TailCall { base, argc }
                } else {
                    Op::TailCallMethod { base, argc, site }
                }
            }
            Call::Value(callee) => {
                self.expr_into(callee, Dest::fresh(base));
                self.arguments(args);
                Op::TailCall { base, argc }
            }
            Call::Builtin(_) | Call::New(_) => unreachable!("builtins and constructors have no frame to reuse"),
        };
        self.code.emit(op, span);
        // Built-ins and structs have no frame to take over; their result comes back like that of any call.
        self.code.emit(Op::Return { src: base }, span);
        self.code.free_to(mark);
    }

    fn arguments(&mut self, args: ExprList) {
        for &arg in self.ast.list(args) {
            self.expr_top(arg);
        }
    }

    /// Says of the parameters of a known function behind those that are given that they are not.
    fn missing_arguments(&mut self, func: FuncId, given: u32, span: Span) {
        for _ in given..u32::from(self.builder.functions[func.index()].params) {
            let dst = self.code.alloc();
            self.code.emit(Op::LoadAbsent { dst }, span);
        }
    }

    /// Receiver and arguments of a method call. The callee is looked up before the arguments are evaluated, which takes
    /// an instruction only where one could tell the difference. If they may even change what is found, the label
    /// returned is where to go on if it is a value, and no method.
    fn method_arguments(
        &mut self,
        base: Reg,
        object: ExprId,
        name: Symbol,
        args: ExprList,
        span: Span,
    ) -> (SiteId, Option<Label>) {
        let work = self.work_of_all(args);
        let object = self.expr_top(object);
        debug_assert_eq!(object, base.above(MethodCall::RECEIVER));
        let name = self.builder.symbol(name);
        if work == Work::None {
            self.arguments(args);
            return (self.call_site(name, false), None);
        }
        let site = self.call_site(name, true);
        self.code.emit(Op::FindMethod { dst: base, object, site }, span);
        self.arguments(args);
        if work != Work::RunsCode {
            // Nothing can have changed, so all that counted was that something was found.
            return (self.call_site(name, false), None);
        }
        let values = self.code.new_label();
        self.code.jump(Op::JumpIfGiven { a: base, to: 0 }, values, span);
        (site, Some(values))
    }

    /// Moves the arguments of a method call over its receiver, which a value that was found under the method's name
    /// does not get.
    fn leave_receiver_out(&mut self, base: Reg, argc: u16, span: Span) {
        for index in 0..argc {
            let (dst, src) = (base.above(ValueCall::ARGS + index), base.above(MethodCall::ARGS + index));
            self.code.emit(Op::Move { dst, src }, span);
        }
    }

    fn work_of_all(&self, exprs: ExprList) -> Work {
        self.ast.list(exprs).iter().map(|&expr| self.work_of(expr)).max().unwrap_or(Work::None)
    }

    /// What evaluating an expression may do that shows. Variables count as nothing, though a global may be undefined.
    /// Chains of operators and members may be long, so they are followed along their left side without recursion.
    pub(super) fn work_of(&self, mut expr: ExprId) -> Work {
        let mut work = Work::None;
        loop {
            let (inner, also) = match self.ast.expr(expr).kind {
                ExprKind::Int(_)
                | ExprKind::Float(_)
                | ExprKind::Bool(_)
                | ExprKind::Void
                | ExprKind::Str(_)
                | ExprKind::Name(_)
                | ExprKind::Lambda(_)
                | ExprKind::Error => return work,
                _ if self.folded(expr).is_some() => return work,
                ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Format(parts) => {
                    return work.max(self.work_of_all(parts));
                }
                ExprKind::Dict(parts) => return work.max(self.work_of_all(parts)).max(Work::MayFail),
                ExprKind::Paren(inner) | ExprKind::Unary { op: UnaryOp::Not, operand: inner } => (inner, Work::None),
                ExprKind::Binary { op: BinaryOp::Eq | BinaryOp::Ne, left, right }
                | ExprKind::Logic { left, right, .. } => (left, self.work_of(right)),
                ExprKind::If { condition, then, otherwise } => {
                    (otherwise, self.work_of(condition).max(self.work_of(then)))
                }
                ExprKind::Formatted { value, .. } => (value, Work::MayFail),
                ExprKind::Range { start, end } => {
                    (end, start.map_or(Work::MayFail, |start| self.work_of(start).max(Work::MayFail)))
                }
                ExprKind::Unary { operand, .. } => (operand, Work::MayFail),
                ExprKind::Binary { left, right, .. } => (left, self.work_of(right).max(Work::MayFail)),
                ExprKind::Index { object, index } => (object, self.work_of(index).max(Work::MayFail)),
                ExprKind::Member { object, .. } => (object, Work::MayFail),
                ExprKind::Call { callee, args } if self.calls_nothing_of_the_program(callee) => {
                    return work.max(self.work_of_all(args)).max(Work::MayFail);
                }
                ExprKind::Call { .. } | ExprKind::Await(_) => return Work::RunsCode,
            };
            work = work.max(also);
            if work == Work::RunsCode {
                return work;
            }
            expr = inner;
        }
    }

    /// Whether the callee is a built-in that is known and runs no code of the program.
    fn calls_nothing_of_the_program(&self, callee: ExprId) -> bool {
        let ExprKind::Member { object, name } = self.ast.expr(self.strip_parens(callee)).kind else { return false };
        let Some(StaticValue::Module(module)) = self.static_value(object) else { return false };
        let effect = self.builder.builtin_effect(module, name.name);
        matches!(effect, Some(BuiltinEffect::Pure | BuiltinEffect::Reads))
    }
}

/// What evaluating an argument may do that a callee which is looked up too late would show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    None,
    /// It may end in an error.
    MayFail,
    /// It may run code of the program, which may assign what the callee is found under.
    RunsCode,
}
