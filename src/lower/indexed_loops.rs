//! `for` over `xs.enumerate()` and `xs.zip(ys)` as the whole head: it goes over the lists themselves and makes no list
//! of pairs.
//!
//! Whether the receiver is a list shows when it runs. If so, the loop is one over its items, with a counter beside it;
//! the counter is void where the method was called as any other and its result is iterated. Where the types are known,
//! only one of the two ways is left.

use super::calls::Work;
use super::code::Label;
use super::function::Lowering;
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::types::Tags;
use crate::bytecode::{Constant, LoopKind, Op, Reg};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprId, ExprKind, Ident, StmtId, Symbol};

/// What a head goes over, besides the items of its receiver.
#[derive(Clone, Copy)]
enum Beside {
    Index,
    /// The items of a list.
    Items(Reg),
}

/// The registers of such a loop.
#[derive(Clone, Copy)]
struct Registers {
    /// Of the iteration; its item follows at a fixed distance.
    base: Reg,
    item: Reg,
    /// How many rounds there were, or void.
    count: Reg,
    beside: Beside,
}

impl Lowering<'_, '_> {
    /// Lowers a loop if its head is such a call; `base` is the topmost register.
    pub fn indexed_loop(
        &mut self,
        stmt: StmtId,
        names: &[Ident],
        head: ExprId,
        body: Block,
        span: Span,
        base: Reg,
    ) -> bool {
        let ExprKind::Call { callee, args } = self.ast.expr(head).kind else { return false };
        let callee = self.strip_parens(callee);
        let ExprKind::Member { object, name } = self.ast.expr(callee).kind else { return false };
        let args = self.ast.list(args);
        let is_indexed = match (self.builder.interner.get(name.name), args) {
            ("enumerate", []) | ("zip", [_]) => names.len() <= 2 && self.static_value(object).is_none(),
            _ => false,
        };
        if !is_indexed {
            return false;
        }
        let call_span = self.ast.expr(head).span;
        self.expr_into(object, super::function::Dest::fresh(base));
        let [_, _, item, count] = [(); 4].map(|()| self.code.alloc());
        let beside = match args {
            [other] => {
                // As in any call, the method is looked up before an argument that can tell the difference.
                if self.work_of(*other) != Work::None {
                    let symbol = self.builder.symbol(name.name);
                    let site = self.call_site(symbol, true);
                    self.code.emit(Op::FindMethod { dst: count, object: base, site }, call_span);
                }
                Beside::Items(self.expr_top(*other))
            }
            _ => Beside::Index,
        };
        let registers = Registers { base, item, count, beside };
        self.prepare(name.name, registers, call_span);
        self.run_indexed(stmt, names, body, span, registers);
        true
    }

    /// Starts the counter if lists are gone over, or calls the method.
    fn prepare(&mut self, name: Symbol, registers: Registers, span: Span) {
        let Registers { base, count, beside, .. } = registers;
        let (general, ready) = (self.code.new_label(), self.code.new_label());
        self.code.emit(Op::LoadInt { dst: count, value: 0 }, span);
        let not_list = |a| Op::JumpIfNotType { a, types: Tags::LIST, to: 0 };
        self.code.jump(not_list(base), general, span);
        if let Beside::Items(other) = beside {
            self.code.jump(not_list(other), general, span);
        }
        self.code.jump(Op::Jump { to: 0 }, ready, span);
        self.code.bind(general);
        let mark = self.code.top();
        let call = self.code.alloc();
        let receiver = self.code.alloc();
        debug_assert_eq!(call.above(MethodCall::RECEIVER), receiver);
        self.code.emit(Op::Move { dst: receiver, src: base }, span);
        let mut argc = 0;
        if let Beside::Items(other) = beside {
            let argument = self.code.alloc();
            self.code.emit(Op::Move { dst: argument, src: other }, span);
            argc = 1;
        }
        let name = self.builder.symbol(name);
        let site = self.call_site(name, false);
        self.code.emit(Op::CallMethod { base: call, argc, site }, span);
        self.code.emit(Op::Move { dst: base, src: call }, span);
        self.code.free_to(mark);
        self.code.emit(Op::LoadVoid { dst: count }, span);
        self.code.bind(ready);
    }

    fn run_indexed(&mut self, stmt: StmtId, names: &[Ident], body: Block, span: Span, registers: Registers) {
        let exit = self.code.new_label();
        let header = self.code.new_label();
        let next = self.code.new_label();
        self.code.jump(Op::IterPrep { base: registers.base, exit: 0 }, exit, span);
        self.open_loop(LoopKind::Iterator, next, exit, span);
        self.code.bind(header);
        let locals = self.local_mark();
        let first = self.scopes.declared[stmt.0 as usize].expect("a loop declares its variables");
        let mark = self.code.top();
        let parts = [self.code.alloc(), self.code.alloc()];
        self.pair(names.len(), parts, exit, span, registers);
        for (position, &name) in names.iter().enumerate() {
            self.bind_var(crate::resolve::VarId(first.0 + position as u32), parts[position], name.span);
        }
        self.block(body);
        self.close_locals(locals);
        self.code.bind(next);
        self.code.jump(Op::IterNext { base: registers.base, back: 0 }, header, span);
        self.close_loop();
        self.code.bind(exit);
        self.code.free_to(mark);
    }

    /// Puts both parts of a round's pair, or the pair as one, into the first of `parts`.
    fn pair(&mut self, names: usize, parts: [Reg; 2], exit: Label, span: Span, registers: Registers) {
        let Registers { item, count, beside, .. } = registers;
        let (general, done) = (self.code.new_label(), self.code.new_label());
        self.code.jump(Op::JumpIfNotType { a: count, types: Tags::INT, to: 0 }, general, span);
        match beside {
            Beside::Index => {
                self.code.emit(Op::Move { dst: parts[0], src: count }, span);
                self.code.emit(Op::Move { dst: parts[1], src: item }, span);
            }
            Beside::Items(other) => {
                let more = self.code.new_label();
                let len = self.length(other, span);
                self.code.jump(Op::JumpLt { a: count, b: len, to: 0 }, more, span);
                self.code.jump(Op::Jump { to: 0 }, exit, span);
                self.code.bind(more);
                self.code.emit(Op::GetIndex { dst: parts[1], object: other, index: count }, span);
                self.code.emit(Op::Move { dst: parts[0], src: item }, span);
            }
        }
        self.add_one(count, span);
        if names == 1 {
            self.code.emit(Op::MakeTuple { dst: parts[0], base: parts[0], count: 2 }, span);
        }
        self.code.jump(Op::Jump { to: 0 }, done, span);
        self.code.bind(general);
        if names == 1 {
            self.code.emit(Op::Move { dst: parts[0], src: item }, span);
        } else {
            self.take_apart(item, parts[0], 2, span);
        }
        self.code.bind(done);
    }

    /// The length of a list in a register that is free again.
    fn length(&mut self, list: Reg, span: Span) -> Reg {
        let mark = self.code.top();
        let length = self.call_core(self.builder.symbols.len, list, span);
        self.code.free_to(mark);
        length
    }

    fn add_one(&mut self, count: Reg, span: Span) {
        let op = match self.builder.pools.short_constant(&mut self.builder.program, Constant::Int(1)) {
            Some(k) => Op::AddK { dst: count, a: count, k },
            None => {
                let mark = self.code.top();
                let one = self.code.alloc();
                self.code.emit(Op::LoadInt { dst: one, value: 1 }, span);
                self.code.free_to(mark);
                Op::Add { dst: count, a: count, b: one }
            }
        };
        self.code.emit(op, span);
    }
}
