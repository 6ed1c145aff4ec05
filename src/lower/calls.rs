//! Calls: direct where the callee is known and the arguments fit, through the value otherwise, so that a wrong number of
//! arguments is the run-time error that it is.

use super::function::{Dest, Lowering};
use super::*;
use crate::bytecode::{BuiltinId, Op, Reg, SiteId};
use crate::resolve::StaticValue;
use crate::syntax::ast::{ExprId, ExprKind, ExprList};

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
            Some((builtin, row)) if Builder::builtin_takes(row, count) => Call::Builtin(builtin),
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
        // The result's own register can be the base of the call if nothing alive lies above it. These calls write the
        // base last, so it may even be alive, unless a handler of this function would see it.
        let writes_base_last = matches!(call, Call::Function(_) | Call::Builtin(_) | Call::Method { .. });
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
                let site = self.method_arguments(object, name, args);
                Op::CallMethod { base, argc, site }
            }
            Call::Value(callee) => {
                self.expr_into(callee, Dest::fresh(base));
                self.arguments(args);
                Op::Call { base, argc }
            }
        };
        self.code.emit(op, span);
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
                let site = self.method_arguments(object, name, args);
                Op::TailCallMethod { base, argc, site }
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

    fn method_arguments(&mut self, object: ExprId, name: Symbol, args: ExprList) -> SiteId {
        self.expr_top(object);
        self.arguments(args);
        let name = self.builder.symbol(name);
        self.call_site(name)
    }
}
