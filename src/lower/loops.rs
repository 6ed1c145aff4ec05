//! Loops. The test stands at the bottom, so that an iteration takes one jump: a small condition is written twice, once
//! before the loop and once at its end; a large one stays at the top.

use super::code::Label;
use super::function::{Dest, Lowering, OpenLoop, PendingLoop};
use crate::bytecode::{LoopKind, Op, Reg};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprId, ExprKind, Ident, IdentList, StmtId};

/// A condition of at most so many nodes is written twice.
const SMALL_CONDITION: u32 = 12;

impl Lowering<'_, '_> {
    pub fn while_loop(&mut self, condition: ExprId, body: Block, span: Span) {
        let head = Span { hi: self.ast.expr(condition).span.hi.max(span.lo), ..span };
        let exit = self.code.new_label();
        let header = self.code.new_label();
        let next = self.code.new_label();
        self.warn_if_constant(condition, true);
        let was_reachable = self.code.reachable;
        let is_endless = self.folded_truth(condition) == Some(true);
        let test_at_bottom = is_endless || self.is_small(condition);
        if test_at_bottom && !is_endless {
            self.branch(condition, exit, false);
        }
        self.open_loop(LoopKind::While, next, exit, head);
        let start = self.code.pc();
        // The back edge makes a header reachable only if the loop is entered at all.
        self.code.bind(header);
        if !test_at_bottom {
            self.branch(condition, exit, false);
        }
        self.block(body);
        self.code.bind(next);
        if is_endless || !test_at_bottom {
            self.code.jump(Op::Jump { to: 0 }, header, head);
        } else {
            self.branch(condition, header, true);
        }
        self.close_loop();
        self.code.bind(exit);
        if is_endless && self.is_setting(condition) {
            self.code.dead_by_setting = !self.code.reachable;
            let leaves = |op: &Op| op.effects().ends && !matches!(op, Op::Jump { .. });
            if was_reachable && !self.code.is_used(exit) && !self.code.ops[start as usize..].iter().any(leaves) {
                self.warn_of_waiting(condition);
            }
        }
    }

    pub fn for_loop(&mut self, stmt: StmtId, names: IdentList, iterable: ExprId, body: Block, span: Span) {
        let head = Span { hi: self.ast.expr(iterable).span.hi.max(span.lo), ..span };
        let names = self.ast.names(names);
        let mark = self.code.top();
        let iterable = self.strip_parens(iterable);
        let base = self.code.alloc();
        let start = self.code.pc();
        if self.indexed_loop(stmt, names, iterable, body, head, base) {
            self.warn_if_awaited_in_turn(names, body, start);
            return self.code.free_to(mark);
        }
        match (self.ast.expr(iterable).kind, names) {
            (ExprKind::Range { start, end }, [_]) => {
                match start {
                    Some(start) => self.expr_into(start, Dest::fresh(base)),
                    None => self.code.emit(Op::LoadInt { dst: base, value: 0 }, head),
                }
                self.expr_top(end);
                let item = self.code.alloc();
                let ops = (Op::ForPrep { base, exit: 0 }, Op::ForLoop { base, back: 0 });
                self.counted_loop(LoopKind::Range, ops, stmt, (names, item), body, head);
            }
            (_, [_, _]) => {
                self.expr_into(iterable, Dest::fresh(base));
                let [_, _, first, _] = [(); 4].map(|()| self.code.alloc());
                let ops = (Op::IterPrep2 { base, exit: 0 }, Op::IterNext2 { base, back: 0 });
                self.counted_loop(LoopKind::Pairs, ops, stmt, (names, first), body, head);
            }
            _ => {
                self.expr_into(iterable, Dest::fresh(base));
                let [_, _, item] = [(); 3].map(|()| self.code.alloc());
                let ops = (Op::IterPrep { base, exit: 0 }, Op::IterNext { base, back: 0 });
                self.counted_loop(LoopKind::Iterator, ops, stmt, (names, item), body, head);
            }
        }
        self.warn_if_awaited_in_turn(names, body, start);
        self.code.free_to(mark);
    }

    /// A loop that one instruction starts and another steps, with its variables and the first register that the steps
    /// write. Of more than two variables the steps know nothing: they give whole items.
    fn counted_loop(
        &mut self,
        kind: LoopKind,
        (prepare, step): (Op, Op),
        stmt: StmtId,
        (names, item): (&[Ident], Reg),
        body: Block,
        head: Span,
    ) {
        let exit = self.code.new_label();
        let header = self.code.new_label();
        let next = self.code.new_label();
        self.code.jump(prepare, exit, head);
        self.open_loop(kind, next, exit, head);
        self.code.bind(header);
        let locals = self.local_mark();
        let first = self.scopes.declared[stmt.0 as usize].expect("a loop declares its variables");
        let mut item = item;
        if names.len() > 2 {
            let parts = self.code.alloc();
            (1..names.len()).for_each(|_| _ = self.code.alloc());
            self.take_apart(item, parts, names.len(), head);
            item = parts;
        }
        for (position, &name) in names.iter().enumerate() {
            let var = crate::resolve::VarId(first.0 + position as u32);
            let item = Reg(item.0.saturating_add(position as u16));
            let mut register = item;
            if names.len() <= 2 && self.scopes.var(var).in_cell {
                // The step writes its own register; each iteration gets a cell of its own.
                register = self.code.alloc();
                self.code.emit(Op::Move { dst: register, src: item }, name.span);
            }
            self.bind_var(var, register, name.span);
        }
        self.block(body);
        self.close_locals(locals);
        self.code.bind(next);
        self.code.jump(step, header, head);
        self.close_loop();
        self.code.bind(exit);
    }

    pub fn open_loop(&mut self, kind: LoopKind, continue_to: Label, break_to: Label, span: Span) {
        let parent = self.open_loops.iter().rev().find_map(|&(_, pending)| pending);
        let pending = self.code.reachable.then(|| {
            let header = self.code.pc();
            let marked = self.is_marked(span.lo);
            self.loops.push(PendingLoop { kind, header, end: header, parent, marked, span });
            self.loops.len() - 1
        });
        self.open_loops.push((OpenLoop { continue_to, break_to }, pending));
    }

    pub fn close_loop(&mut self) {
        let (_, pending) = self.open_loops.pop().expect("loops are opened and closed in pairs");
        if let Some(pending) = pending {
            self.loops[pending].end = self.code.pc();
        }
    }

    /// Whether a `// @jit` comment stands on the line of a loop or the one above.
    fn is_marked(&self, offset: u32) -> bool {
        let marks = &self.ast.jit_marks;
        if marks.is_empty() {
            return false;
        }
        let source = self.builder.sources.file(self.file.file);
        let line = source.line(offset);
        // The nearest marks are the last one before the loop and the first one after its start.
        let next = marks.partition_point(|&mark| mark < offset);
        let before = next.checked_sub(1).map(|index| source.line(marks[index]));
        let after = marks.get(next).map(|&mark| source.line(mark));
        before.is_some_and(|mark| mark + 1 >= line) || after == Some(line)
    }

    /// Whether a condition may be written twice: it has few nodes and makes no closure.
    fn is_small(&self, condition: ExprId) -> bool {
        let mut nodes = 0;
        !self.ast.any_within(condition, |expr| match self.ast.expr(expr).kind {
            ExprKind::Lambda(_) => true,
            ExprKind::Paren(_) => false,
            _ => {
                nodes += 1;
                nodes > SMALL_CONDITION
            }
        })
    }
}
