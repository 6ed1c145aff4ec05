//! The rules about instructions. What each operand must be is read from the instruction table, by kind; what an
//! instruction's windows must have room for follows from its other operands.

use std::cell::Cell;

use super::pools::{Demand, Tables};
use super::{ErrorPlace, Rule, VerifyError};
use crate::bytecode::op::RawOperand;
use crate::bytecode::op::operand::Kind;
use crate::bytecode::op::window::{Call, Iter, MethodCall, New, Range};
use crate::bytecode::types::Tags;
use crate::bytecode::{Constant, FunctionKind, Op, Program, disassemble};

pub fn check(program: &Program, tables: &Tables) -> Result<(), VerifyError> {
    let site_uses = vec![Cell::new(SiteUse::None); program.sites.len()];
    for (id, function) in program.functions.iter().enumerate() {
        let frame = Frame {
            program,
            tables,
            registers: function.registers.into(),
            captures: function.captures.len() as u32,
            sites: &site_uses[function.sites.range()],
            code_len: function.code.len.into(),
            is_async: function.kind == FunctionKind::Async,
        };
        let code = &program.code[function.code.range()];
        for (pc, op) in code.iter().enumerate() {
            if let Err(rule) = frame.check(pc, *op) {
                return Err(error_at(program, id, pc, *op, rule));
            }
        }
        let last = code.len() - 1;
        if !code[last].effects().ends {
            return Err(error_at(program, id, last, code[last], Rule::LastInstruction));
        }
    }
    Ok(())
}

/// What the instructions seen so far use a site for: what its inline cache holds means different things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SiteUse {
    None,
    Member,
    Call,
}

/// What the instructions of one function may name.
struct Frame<'a> {
    program: &'a Program,
    tables: &'a Tables,
    registers: u32,
    captures: u32,
    sites: &'a [Cell<SiteUse>],
    code_len: i64,
    is_async: bool,
}

impl Frame<'_> {
    fn check(&self, pc: usize, op: Op) -> Result<(), Rule> {
        let starts = pc == 0 && self.is_async;
        let mut result = if matches!(op, Op::StartTask {}) && !starts { Err(Rule::Async) } else { Ok(()) };
        // The window that starts at one operand has a size that another tells, whichever comes first.
        let mut base = 0;
        let mut fixed = 0;
        let mut count = 0;
        let mut scale = 1;
        op.for_each_operand(|operand| {
            let mut window = |above: u16, per_item: u32| {
                base = operand.value as u32;
                fixed = above.into();
                scale = per_item;
            };
            match operand.kind {
                Kind::Out | Kind::In => {
                    if operand.value >= i64::from(self.registers) {
                        result = Err(Rule::Register);
                    }
                }
                Kind::Seq => window(0, 1),
                Kind::PairSeq => window(0, 2),
                Kind::CallBase | Kind::BuiltinBase | Kind::FnBase => window(Call::ARGS, 1),
                Kind::NewBase | Kind::InitBase => window(New::INSTANCE + 1, 1),
                Kind::MethodBase => window(MethodCall::ARGS, 1),
                Kind::RangeStart | Kind::RangeNext => window(Range::LEN, 1),
                Kind::IterStart | Kind::IterNext => window(Iter::ITEM + 1, 1),
                Kind::PairsStart | Kind::PairsNext => window(Iter::SECOND + 1, 1),
                Kind::Count => count = operand.value as u32,
                Kind::Imm => {}
                _ => match self.check_other(pc, op, operand) {
                    Ok(arguments) => count += arguments,
                    Err(rule) => result = Err(rule),
                },
            }
        });
        if base + fixed + scale * count > self.registers {
            return Err(Rule::Register);
        }
        result
    }

    /// Operands that are no registers and no numbers. `Ok` is how many registers the operand adds to the window.
    #[inline]
    fn check_other(&self, pc: usize, op: Op, operand: RawOperand) -> Result<u32, Rule> {
        let program = self.program;
        let value = operand.value;
        let within = |len: usize, rule| if (value as usize) < len { Ok(0) } else { Err(rule) };
        match operand.kind {
            Kind::Const | Kind::AnyConst => within(program.constants.len(), Rule::ConstantIndex),
            Kind::NumConst => match program.constants.get(value as usize) {
                None => Err(Rule::ConstantIndex),
                Some(Constant::Str(_)) => Err(Rule::NumericConstant),
                Some(Constant::Int(_) | Constant::Float(_)) => Ok(0),
            },
            Kind::Func | Kind::CalledFunc | Kind::ClosureFunc => self.check_function(operand.kind, value as usize),
            Kind::Struct | Kind::NewStruct | Kind::ClosureStruct => self.check_struct(operand.kind, value as usize),
            Kind::Builtin => {
                let arity = self.tables.builtins.get(value as usize).ok_or(Rule::BuiltinIndex)?;
                match op {
                    Op::CallBuiltin { argc, .. } if !(arity.0..=arity.1).contains(&argc.into()) => {
                        Err(Rule::BuiltinArity)
                    }
                    _ => Ok(0),
                }
            }
            Kind::Module => within(program.modules.len(), Rule::ModuleIndex),
            Kind::Global => within(program.globals.len(), Rule::GlobalIndex),
            Kind::Capture => within(self.captures as usize, Rule::CaptureIndex),
            Kind::Site => self.check_site(SiteUse::Member, value as usize),
            Kind::CallSite => self.check_site(SiteUse::Call, value as usize),
            Kind::Jump16 | Kind::Jump32 => {
                let target = pc as i64 + 1 + value;
                if (0..self.code_len).contains(&target) { Ok(0) } else { Err(Rule::JumpTarget) }
            }
            Kind::Flag => {
                if value <= 1 {
                    Ok(0)
                } else {
                    Err(Rule::FlagValue)
                }
            }
            Kind::Types => {
                if Tags(value as u16).within(Tags::VISIBLE) {
                    Ok(0)
                } else {
                    Err(Rule::TypeSet)
                }
            }
            // What registers there must be is asked of windows, and any number will do.
            Kind::Out
            | Kind::In
            | Kind::Seq
            | Kind::PairSeq
            | Kind::CallBase
            | Kind::FnBase
            | Kind::BuiltinBase
            | Kind::MethodBase
            | Kind::NewBase
            | Kind::InitBase
            | Kind::RangeStart
            | Kind::RangeNext
            | Kind::IterStart
            | Kind::IterNext
            | Kind::PairsStart
            | Kind::PairsNext
            | Kind::Imm
            | Kind::Count => Ok(0),
        }
    }

    fn check_site(&self, wanted: SiteUse, site: usize) -> Result<u32, Rule> {
        let known = self.sites.get(site).ok_or(Rule::SiteIndex)?;
        match known.replace(wanted) {
            SiteUse::None => Ok(0),
            found if found == wanted => Ok(0),
            _ => Err(Rule::SiteKind),
        }
    }

    fn check_function(&self, kind: Kind, func: usize) -> Result<u32, Rule> {
        let function = self.program.functions.get(func).ok_or(Rule::FunctionIndex)?;
        if function.kind == FunctionKind::Body {
            return Err(Rule::BodyCall);
        }
        let demand = self.tables.functions[func];
        match kind {
            Kind::ClosureFunc => self.meet(demand),
            _ if demand.any => Err(Rule::NoCaptures),
            Kind::CalledFunc => Ok(function.params.into()),
            _ => Ok(0),
        }
    }

    fn check_struct(&self, kind: Kind, def: usize) -> Result<u32, Rule> {
        let facts = self.tables.structs.get(def).ok_or(Rule::StructIndex)?;
        match kind {
            Kind::ClosureStruct => self.meet(facts.demand),
            _ if facts.demand.any => Err(Rule::NoCaptures),
            // The scratch register and `self` lie between the instance and the arguments.
            Kind::NewStruct => Ok(facts.init.map_or(0, |arguments| u32::from(New::SELF) + arguments)),
            _ => Ok(0),
        }
    }

    fn meet(&self, demand: Demand) -> Result<u32, Rule> {
        if demand.registers <= self.registers && demand.captures <= self.captures {
            Ok(0)
        } else {
            Err(Rule::CaptureSource)
        }
    }
}

#[cold]
pub(super) fn error_at(program: &Program, func: usize, pc: usize, op: Op, rule: Rule) -> VerifyError {
    let function = &program.functions[func];
    let len = function.code.len;
    let what = match rule {
        Rule::Register => format!("the frame has {} registers", function.registers),
        Rule::Unwritten => "it reads, or leads back to where is read, what not every way there has written".to_owned(),
        Rule::CaptureIndex | Rule::CaptureSource => {
            format!("the function has {} registers and {} captures", function.registers, function.captures.len())
        }
        Rule::SiteIndex => format!("the function has {} sites", function.sites.len),
        Rule::JumpTarget => format!("the function has {len} instructions"),
        _ => "the instruction is not allowed here".to_owned(),
    };
    let name = program.strings.get(function.name).unwrap_or("?").to_owned();
    let text = disassemble::instruction(program, op);
    VerifyError { rule, place: ErrorPlace::Instruction { id: func as u32, name, pc: pc as u32, text }, what }
}
