//! The code of one function while it is made: instructions, labels, registers, and what is known about them.
//!
//! Registers are a stack: locals in the order of their scopes, temporaries above them. Code that cannot be reached is
//! dropped as it is emitted, so whoever lowers a statement need not ask whether control gets there.

use crate::bytecode::{Function, Op, Reg};
use crate::source::Span;

/// A place in the code that jumps lead to, bound at most once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(u32);

const UNBOUND: u32 = u32::MAX;

/// How far a fused compare-and-branch reaches.
const SHORT_REACH: std::ops::RangeInclusive<i64> = i16::MIN as i64..=i16::MAX as i64;

/// Registers a function may use. The few below `u16::MAX` are room for call windows.
pub const REGISTER_LIMIT: u32 = 65_000;

#[derive(Default)]
pub struct Code {
    pub ops: Vec<Op>,
    /// The span of the instructions from a position on.
    pub spans: Vec<(u32, Span)>,
    labels: Vec<Target>,
    jumps: Vec<(u32, Label)>,
    next_register: u32,
    registers: u32,
    pub reachable: bool,
    /// While control does not get here: whether that is so by a setting of the program, which is no mistake.
    pub dead_by_setting: bool,
    /// Emit fused branches inverted over a `Jump`, which reaches everywhere.
    long_jumps: bool,
}

#[derive(Clone, Copy)]
struct Target {
    position: u32,
    used: bool,
}

/// A jump did not reach: the function has to be lowered again with long jumps.
pub struct JumpTooLong;

impl Code {
    pub fn new(params: u32, long_jumps: bool) -> Self {
        Code { next_register: params, registers: params.max(1), reachable: true, long_jumps, ..Code::default() }
    }

    pub fn pc(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Appends an instruction, if control can get here.
    pub fn emit(&mut self, op: Op, span: Span) {
        if !self.reachable {
            return;
        }
        if self.spans.last().is_none_or(|&(_, last)| last != span) {
            self.spans.push((self.pc(), span));
        }
        self.ops.push(op);
        if matches!(
            op,
            Op::Jump { .. } | Op::Return { .. } | Op::ReturnVoid {} | Op::Throw { .. } | Op::TailCallFn { .. }
        ) {
            self.reachable = false;
            self.dead_by_setting = false;
        }
    }

    pub fn new_label(&mut self) -> Label {
        self.labels.push(Target { position: UNBOUND, used: false });
        Label(self.labels.len() as u32 - 1)
    }

    /// Whether a jump to the label was emitted.
    pub fn is_used(&self, label: Label) -> bool {
        self.labels[label.0 as usize].used
    }

    /// Binds a label here; control gets here if a jump to it was emitted.
    pub fn bind(&mut self, label: Label) {
        let position = self.pc();
        let target = &mut self.labels[label.0 as usize];
        debug_assert_eq!(target.position, UNBOUND);
        target.position = position;
        self.reachable |= target.used;
    }

    /// Emits a jump, given with any offset, to a label.
    pub fn jump(&mut self, op: Op, to: Label, span: Span) {
        if !self.reachable {
            return;
        }
        if self.long_jumps
            && let Some(mut inverse) = inverted(op)
        {
            set_offset(&mut inverse, 1);
            self.emit(inverse, span);
            self.jump(Op::Jump { to: 0 }, to, span);
            self.reachable = true;
            return;
        }
        self.jumps.push((self.pc(), to));
        self.labels[to.0 as usize].used = true;
        self.emit(op, span);
    }

    /// Fills in the offsets of all jumps.
    pub fn link(&mut self) -> Result<(), JumpTooLong> {
        for &(pc, label) in &self.jumps {
            let offset = i64::from(self.labels[label.0 as usize].position) - i64::from(pc) - 1;
            let op = &mut self.ops[pc as usize];
            if is_short(op) && !SHORT_REACH.contains(&offset) {
                return Err(JumpTooLong);
            }
            set_offset(op, offset as i32);
        }
        Ok(())
    }

    // Registers.

    /// Takes the next register. Past the limit it keeps giving out the last one; `overflowed` tells.
    pub fn alloc(&mut self) -> Reg {
        let register = self.next_register;
        self.next_register += 1;
        self.registers = self.registers.max(self.next_register);
        Reg(register.min(REGISTER_LIMIT) as u16)
    }

    /// The register that `alloc` would give.
    pub fn top(&self) -> u32 {
        self.next_register
    }

    /// Frees the registers from `mark`, a former `top`, up.
    pub fn free_to(&mut self, mark: u32) {
        debug_assert!(mark <= self.next_register);
        self.next_register = mark;
    }

    pub fn is_topmost(&self, register: Reg) -> bool {
        u32::from(register.0) + 1 == self.next_register
    }

    pub fn register_count(&self) -> u32 {
        self.registers
    }

    pub fn overflowed(&self) -> bool {
        self.registers > REGISTER_LIMIT
    }

    /// Writes what is known here into the function.
    pub fn finish(&self, function: &mut Function) {
        function.registers = self.registers.min(REGISTER_LIMIT) as u16;
    }
}

macro_rules! fused_jumps {
    ($then:ident $($args:tt)*) => {
        $then! { ($($args)*)
            JumpEq JumpNe JumpLt JumpLe JumpGt JumpGe JumpNotLt JumpNotLe JumpNotGt JumpNotGe
            JumpEqK JumpNeK JumpLtK JumpLeK JumpGtK JumpGeK JumpNotLtK JumpNotLeK JumpNotGtK JumpNotGeK
            JumpIfType JumpIfNotType
        }
    };
}

fn is_short(op: &Op) -> bool {
    macro_rules! check {
        (($op:ident) $($name:ident)*) => { matches!($op, $( Op::$name { .. } )|*) };
    }
    fused_jumps!(check op)
}

fn set_offset(op: &mut Op, offset: i32) {
    macro_rules! set {
        (($op:ident $offset:ident) $($name:ident)*) => {
            match $op {
                $( Op::$name { to, .. } => *to = $offset as i16, )*
                Op::Jump { to } | Op::JumpIf { to, .. } | Op::JumpIfNot { to, .. } | Op::JumpIfGiven { to, .. } => {
                    *to = $offset
                }
                Op::ForPrep { exit, .. } | Op::IterPrep { exit, .. } | Op::IterPrep2 { exit, .. } => *exit = $offset,
                Op::ForLoop { back, .. } | Op::IterNext { back, .. } | Op::IterNext2 { back, .. } => *back = $offset,
                _ => unreachable!("only jumps have labels"),
            }
        };
    }
    fused_jumps!(set op offset)
}

/// The fused branch that is taken exactly when `op` is not.
fn inverted(op: Op) -> Option<Op> {
    macro_rules! pairs {
        ($($yes:ident $no:ident $b:ident;)*) => {
            match op {
                $(
                    Op::$yes { a, $b, to } => Op::$no { a, $b, to },
                    Op::$no { a, $b, to } => Op::$yes { a, $b, to },
                )*
                _ => return None,
            }
        };
    }
    Some(pairs! {
        JumpEq JumpNe b;
        JumpLt JumpNotLt b;
        JumpLe JumpNotLe b;
        JumpGt JumpNotGt b;
        JumpGe JumpNotGe b;
        JumpEqK JumpNeK k;
        JumpLtK JumpNotLtK k;
        JumpLeK JumpNotLeK k;
        JumpGtK JumpNotGtK k;
        JumpGeK JumpNotGeK k;
        JumpIfType JumpIfNotType types;
    })
}
