//! Region IR to CLIF.
//!
//! A region becomes one function `fn(vm, base, frame) -> exit number`. Each exit that is used gets a cold block of its
//! own which writes the exit's values home, or its number only if others write the same: one block for all guards
//! would make register allocation quadratic.

mod calls;
mod objects;

use cranelift_codegen::ir::condcodes::{CondCode, FloatCC, IntCC};
use cranelift_codegen::ir::{self, BlockArg, InstBuilder, MemFlagsData, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use rustc_hash::FxHashMap;

use super::helpers::{Argument, Helper};
use super::ir::{
    Binary, Block, BlockId, Boxed, BoxedTag, Compare, Element, ExitId, ExitReason, Home, Inst, Made, Mem, Region, Repr,
    Terminator, Unary, Val, Width, Word,
};
use crate::runtime::abi::{Outcome, TakenExit, layout};
use crate::runtime::counts::NativeCounts;
use crate::runtime::value::Value;

/// Addresses that emitted code holds.
#[derive(Clone, Copy, Default, Debug)]
pub struct EmitOptions {
    /// Address of the flags of `--jit-stress exits`, one byte per exit of the region, 1 as long as the exit is to be
    /// forced.
    pub stress: Option<usize>,
    /// What stands in the upper half of what the code says when it is left.
    pub version: u32,
    /// Count the iterations of the region's loop.
    pub counts_rounds: bool,
    /// The heap's table of strings of one character.
    pub chars: usize,
    /// What to do about events, if anything.
    pub counting: Option<NativeCounts>,
    /// Where the region begins: objects that exits make are counted there.
    pub pc: u32,
    /// Native code of the same function for values of other types, which goes on where these do not fit.
    pub older: Option<usize>,
}

/// What is known of accesses to a kind of memory. Kinds that do not overlap are not told apart: only Cranelift's
/// optimiser, which is off, would ask.
fn flags(mem: Mem) -> MemFlagsData {
    let flags = MemFlagsData::trusted();
    if mem == Mem::Constant { flags.with_readonly().with_can_move() } else { flags }
}

fn int_condition(op: Compare) -> IntCC {
    match op {
        Compare::Eq => IntCC::Equal,
        Compare::Ne => IntCC::NotEqual,
        Compare::Lt => IntCC::SignedLessThan,
        Compare::Le => IntCC::SignedLessThanOrEqual,
        Compare::Gt => IntCC::SignedGreaterThan,
        Compare::Ge => IntCC::SignedGreaterThanOrEqual,
        Compare::Below => IntCC::UnsignedLessThan,
        Compare::BelowEq => IntCC::UnsignedLessThanOrEqual,
    }
}

fn float_condition(op: Compare) -> FloatCC {
    match op {
        Compare::Eq => FloatCC::Equal,
        // Unordered: NaN differs from everything.
        Compare::Ne => FloatCC::NotEqual,
        Compare::Lt | Compare::Below => FloatCC::LessThan,
        Compare::Le | Compare::BelowEq => FloatCC::LessThanOrEqual,
        Compare::Gt => FloatCC::GreaterThan,
        Compare::Ge => FloatCC::GreaterThanOrEqual,
    }
}

fn clif_type(repr: Repr) -> ir::Type {
    match repr {
        Repr::I64 => types::I64,
        Repr::F64 => types::F64,
        Repr::Bool => types::I8,
        Repr::F64x2 => types::F64X2,
    }
}

/// The signature of a region's function; see [`NativeCode`](crate::runtime::abi::NativeCode).
pub fn signature(call_conv: CallConv) -> ir::Signature {
    returning_result(call_conv, 3)
}

/// The signature of what returns as native code does.
fn returning_result(call_conv: CallConv, params: usize) -> ir::Signature {
    let mut signature = ir::Signature::new(call_conv);
    signature.params.extend(std::iter::repeat_n(ir::AbiParam::new(types::I64), params));
    signature.returns.extend([ir::AbiParam::new(types::I64); 2]);
    signature
}

/// Fills `func` with the code of a region. The region's first two values are the machine and the frame's base.
pub fn emit(
    region: &Region,
    isa: &dyn TargetIsa,
    options: EmitOptions,
    func: &mut ir::Function,
    context: &mut FunctionBuilderContext,
) {
    func.signature = signature(isa.default_call_conv());
    let builder = FunctionBuilder::new(func, context);
    let mut emitter = Emitter {
        region,
        options,
        call_conv: isa.default_call_conv(),
        builder,
        values: vec![None; region.reprs.len()],
        constants: vec![None; region.reprs.len()],
        comparisons: vec![None; region.reprs.len()],
        made_in: vec![0; region.reprs.len()],
        place: 0,
        scaled: None,
        blocks: Vec::new(),
        threaded: threaded_blocks(region),
        exits: vec![None; region.exits.len()],
        leave: None,
        vm: ir::Value::from_u32(0),
        base: ir::Value::from_u32(0),
        frame: ir::Value::from_u32(0),
        globals: None,
        signatures: Vec::new(),
        native_signatures: None,
        call_payloads: Vec::new(),
    };
    emitter.run();
    emitter.builder.seal_all_blocks();
    emitter.builder.finalize(isa.frontend_config());
}

/// Whether a value is made where it is used. Made where it is defined, it would take a register from there on.
fn is_made_late(inst: &Inst) -> bool {
    matches!(
        inst,
        Inst::Int(_) | Inst::Float(_) | Inst::Bool(_) | Inst::Unary(Unary::CharOf, _) | Inst::Binary(Binary::Late, ..)
    )
}

/// Empty blocks between a branch and where it leads. Left in place, they would draw the computation of what they pass
/// out of the loop's body, and the loop would take two jumps a round. Those that lead to an exit would stand where the
/// loop goes on.
fn threaded_blocks(region: &Region) -> Vec<bool> {
    let mut threaded = vec![false; region.blocks.len()];
    for &id in &region.order {
        if let Terminator::Branch(_, yes, no) = region.block(id).end {
            for target in [yes, no] {
                let block = region.block(target);
                let only_jumps =
                    block.insts.is_empty() && matches!(block.end, Terminator::Jump(..) | Terminator::Exit(_));
                threaded[target.0 as usize] = only_jumps;
            }
        }
    }
    threaded
}

/// The offset of an element.
#[derive(Clone, Copy)]
struct Scaled {
    /// Index, shift, and the place it was computed in.
    of: (ir::Value, i64, u32),
    offset: ir::Value,
}

/// What an exit writes: homes, stores that were put off, and objects.
type Written<'a> = (&'a [(Home, Boxed)], &'a [(Word, Val)], &'a [Made]);

/// What some exits write before they return, in a block of its own that takes the exit's number if several edges lead
/// to it.
struct State<'a> {
    written: Written<'a>,
    /// How many exits and other states go on here.
    users: u32,
    /// A state that writes part of this, and so does the rest.
    tail: Option<usize>,
    block: Option<ir::Block>,
}

/// How many states are looked at for one that writes part of another: those of instructions close by are most alike.
const TAIL_CANDIDATES: usize = 8;

/// Which of the latest states writes most of what is to be written, and nothing else. Stores that were put off have to
/// be the same: they stay in order.
fn tail_of((values, stores, made): Written, states: &[State]) -> Option<usize> {
    if !made.is_empty() {
        return None;
    }
    let is_part = |part: &[(Home, Boxed)]| {
        let mut rest = values.iter();
        part.iter().all(|value| rest.any(|other| other == value))
    };
    let latest = states.len().saturating_sub(TAIL_CANDIDATES)..states.len();
    let parts = latest.filter(|&index| {
        let (part, put_off, made) = states[index].written;
        made.is_empty() && part.len() < values.len() && put_off == stores && is_part(part)
    });
    parts.max_by_key(|&index| states[index].written.0.len())
}

struct Emitter<'a> {
    region: &'a Region,
    options: EmitOptions,
    call_conv: CallConv,
    builder: FunctionBuilder<'a>,
    values: Vec<Option<ir::Value>>,
    constants: Vec<Option<&'a Inst>>,
    comparisons: Vec<Option<&'a Inst>>,
    /// The place where each constant was made last.
    made_in: Vec<u32>,
    /// Number of the block of the region, or of the exit, that is being emitted.
    place: u32,
    scaled: Option<Scaled>,
    blocks: Vec<ir::Block>,
    /// Blocks that only pass arguments on: the branch to them does it itself.
    threaded: Vec<bool>,
    exits: Vec<Option<ir::Block>>,
    /// The block that returns: one for all, as each carries the function's epilogue.
    leave: Option<ir::Block>,
    vm: ir::Value,
    base: ir::Value,
    /// The region's own frame.
    frame: ir::Value,
    globals: Option<ir::Value>,
    signatures: Vec<(Helper, ir::SigRef)>,
    /// Of native code itself, and of what runs it to its end.
    native_signatures: Option<[ir::SigRef; 2]>,
    /// Payloads of results by the value of their tag.
    call_payloads: Vec<(Val, ir::Value)>,
}

impl Emitter<'_> {
    fn run(&mut self) {
        let region = self.region;
        self.blocks = region.blocks.iter().map(|_| self.builder.create_block()).collect();
        let entry = self.blocks[region.order[0].0 as usize];
        self.builder.append_block_params_for_function_params(entry);
        self.builder.switch_to_block(entry);
        let params = self.builder.block_params(entry);
        (self.vm, self.base, self.frame) = (params[0], params[1], params[2]);
        self.values[0] = Some(self.vm);
        self.values[1] = Some(self.base);
        // Blocks without predecessors were never filled and are not in the order.
        for &id in &region.order {
            let block = self.blocks[id.0 as usize];
            for &param in &region.block(id).params {
                let value = self.builder.append_block_param(block, clif_type(region.repr(param)));
                self.values[param.0 as usize] = Some(value);
            }
        }
        let uses_globals =
            region.exits.iter().flat_map(|exit| &exit.values).any(|(home, _)| matches!(home, Home::Global(_)));
        if uses_globals {
            let flags = flags(Mem::Constant);
            self.globals = Some(self.builder.ins().load(types::I64, flags, self.vm, layout::GLOBALS));
        }
        if region.is_function {
            self.check_room();
        }
        for &id in &region.order {
            for (result, inst) in &region.block(id).insts {
                match (result, inst) {
                    (Some(result), inst) if is_made_late(inst) => {
                        self.constants[result.0 as usize] = Some(inst);
                    }
                    (Some(result), Inst::Icmp(..) | Inst::Fcmp(..)) => {
                        self.comparisons[result.0 as usize] = Some(inst);
                    }
                    _ => {}
                }
            }
        }
        for &id in &region.order {
            if self.threaded[id.0 as usize] {
                continue;
            }
            self.place += 1;
            if id != region.order[0] {
                self.builder.switch_to_block(self.blocks[id.0 as usize]);
            }
            let block = region.block(id);
            if self.options.counts_rounds && region.loops.first().is_some_and(|outermost| outermost.header == id) {
                let of_machine = flags(Mem::Vm);
                let rounds = self.builder.ins().load(types::I64, of_machine, self.vm, layout::ROUNDS);
                let rounds = self.builder.ins().iadd_imm_s(rounds, 1);
                self.builder.ins().store(of_machine, rounds, self.vm, layout::ROUNDS);
            }
            for (result, inst) in &block.insts {
                let value = self.inst(inst, *result);
                if let (Some(result), Some(value)) = (result, value) {
                    self.values[result.0 as usize] = Some(value);
                }
            }
            self.terminator(block);
        }
        self.emit_exits();
        if let Some(leave) = self.leave {
            self.builder.switch_to_block(leave);
            let number = self.builder.block_params(leave)[0];
            self.builder.ins().return_(&[number, number]);
        }
    }

    /// A value in the current block. Constants are made anew in each block that uses them: from the entry block on,
    /// each would take a register.
    fn value(&mut self, val: Val) -> ir::Value {
        if let Some(constant) = self.constants[val.0 as usize]
            && self.made_in[val.0 as usize] != self.place
        {
            if let Inst::Unary(Unary::CharOf, code) = *constant {
                let text = self.char_of(code);
                self.values[val.0 as usize] = Some(text);
                self.made_in[val.0 as usize] = self.place;
                return text;
            }
            if let Inst::Binary(Binary::Late, a, b) = *constant {
                let sum = self.binary(Binary::Iadd, a, b);
                self.values[val.0 as usize] = Some(sum);
                self.made_in[val.0 as usize] = self.place;
                return sum;
            }
            let ins = self.builder.ins();
            self.values[val.0 as usize] = Some(match *constant {
                Inst::Float(bits) => ins.f64const(f64::from_bits(bits)),
                Inst::Bool(value) => ins.iconst(types::I8, i64::from(value)),
                Inst::Int(value) => ins.iconst(types::I64, value),
                _ => unreachable!("only these are constants"),
            });
            self.made_in[val.0 as usize] = self.place;
        }
        self.values[val.0 as usize].expect("a definition stands before its uses in the order of blocks")
    }

    fn inst(&mut self, inst: &Inst, result: Option<Val>) -> Option<ir::Value> {
        Some(match *inst {
            ref inst if is_made_late(inst) => return None,
            Inst::Int(_) | Inst::Float(_) | Inst::Bool(_) => unreachable!("these are made late"),
            Inst::Unary(op, a) => self.unary(op, a),
            Inst::Binary(op, a, b) => self.binary(op, a, b),
            Inst::Icmp(op, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().icmp(int_condition(op), a, b)
            }
            Inst::Fcmp(op, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().fcmp(float_condition(op), a, b)
            }
            Inst::Pack(a, b) => self.pack(a, b),
            Inst::Select(c, a, b) => {
                let (c, a, b) = (self.value(c), self.value(a), self.value(b));
                self.builder.ins().select(c, a, b)
            }
            Inst::Load { mem, base, offset, repr, width } => {
                let flags = flags(mem);
                let base = self.value(base);
                match width {
                    Width::Full => self.builder.ins().load(clif_type(repr), flags, base, offset),
                    Width::U16 => self.builder.ins().uload16(types::I64, flags, base, offset),
                    Width::U32 => self.builder.ins().uload32(flags, base, offset),
                }
            }
            Inst::Store { mem, base, offset, value } => {
                let flags = flags(mem);
                let (base, value) = (self.value(base), self.value(value));
                self.builder.ins().store(flags, value, base, offset);
                return None;
            }
            Inst::LoadElement { element, data, index } => {
                let (address, offset) = self.element_address(element, data, index);
                let ty = match element {
                    Element::Float => types::F64,
                    Element::Bool => types::I8,
                    Element::Byte | Element::DictTag => {
                        return Some(self.builder.ins().uload8(types::I64, MemFlagsData::trusted(), address, offset));
                    }
                    _ => types::I64,
                };
                self.builder.ins().load(ty, MemFlagsData::trusted(), address, offset)
            }
            Inst::StoreElement { element, data, index, value } => {
                let (address, offset) = self.element_address(element, data, index);
                let value = self.value(value);
                match element {
                    Element::DictTag => self.builder.ins().istore8(MemFlagsData::trusted(), value, address, offset),
                    _ => self.builder.ins().store(MemFlagsData::trusted(), value, address, offset),
                };
                return None;
            }
            Inst::Guard { condition, expect, exit } => {
                self.guard(condition, expect, exit);
                return None;
            }
            Inst::Find { helper, ref args, guess: Some(position) } => self.find_at(position, helper, args),
            Inst::Call { helper, ref args, .. } | Inst::Find { helper, ref args, guess: None } => {
                return self.call(helper, args, result);
            }
            Inst::Make { shape, ref words, exit } => self.make(shape, words, exit),
            Inst::StartFrames(ref frames) => {
                self.start_frames(frames);
                self.set_top_frame(frames.len());
                return None;
            }
            Inst::EndFrames => {
                self.set_top_frame(0);
                return None;
            }
            Inst::TakeOver(function) => {
                self.give_frame_to(function, None);
                return None;
            }
            Inst::CallFunction { ref frames, func, closure, base, addresses, exit, is_caught } => {
                let finish = if is_caught { Helper::FinishCaughtCall } else { Helper::FinishCall };
                return self.call_function(result, frames, (func, closure), base, addresses, (finish, exit));
            }
        })
    }

    fn element_address(&mut self, element: Element, data: Val, index: Val) -> (ir::Value, i32) {
        let (data, index) = (self.value(data), self.value(index));
        let (scale, offset) = match element {
            Element::Bool | Element::Byte | Element::DictTag => (0, 0),
            Element::Int | Element::Float | Element::DictPayload => (3, 0),
            Element::ValueTag => (4, Value::TAG_OFFSET as i32),
            Element::ValuePayload => (4, Value::PAYLOAD_OFFSET as i32),
        };
        // Tag and payload of an element stand side by side: the place of one is that of the other.
        let scaled = match self.scaled {
            _ if scale == 0 => index,
            Some(known) if known.of == (index, scale, self.place) => known.offset,
            _ => {
                let offset = self.builder.ins().ishl_imm_u(index, scale);
                self.scaled = Some(Scaled { of: (index, scale, self.place), offset });
                offset
            }
        };
        (self.builder.ins().iadd(data, scaled), offset)
    }

    /// Two floats in one register.
    fn pack(&mut self, a: Val, b: Val) -> ir::Value {
        if let (true, Some(&Inst::Float(bits))) = (a == b, self.constants[a.0 as usize]) {
            let bytes = bits.to_le_bytes().repeat(2);
            let constant = self.builder.func.dfg.constants.insert(bytes.into());
            return self.builder.ins().vconst(types::F64X2, constant);
        }
        let (first, second) = (self.value(a), self.value(b));
        let both = self.builder.ins().splat(types::F64X2, first);
        if a == b { both } else { self.builder.ins().insertlane(both, second, 1) }
    }

    fn unary(&mut self, op: Unary, a: Val) -> ir::Value {
        if op == Unary::CallPayload {
            let of = self.call_payloads.iter().find(|(tag, _)| *tag == a);
            return of.expect("a call stands before the uses of its result").1;
        }
        let a = self.value(a);
        let ins = self.builder.ins();
        match op {
            Unary::Refine => a,
            Unary::Ineg => ins.ineg(a),
            Unary::Inot => ins.bnot(a),
            Unary::Fneg => ins.fneg(a),
            Unary::Fabs => ins.fabs(a),
            Unary::Sqrt => ins.sqrt(a),
            Unary::Floor => ins.floor(a),
            Unary::Ceil => ins.ceil(a),
            Unary::Trunc => ins.trunc(a),
            Unary::IntToFloat => ins.fcvt_from_sint(types::F64, a),
            Unary::FloatToInt => ins.fcvt_to_sint_sat(types::I64, a),
            Unary::FloatToBits => ins.bitcast(types::I64, MemFlagsData::new(), a),
            Unary::BitsToFloat => ins.bitcast(types::F64, MemFlagsData::new(), a),
            Unary::Not => ins.bxor_imm_u(a, 1),
            Unary::BoolToBits => ins.uextend(types::I64, a),
            Unary::First => ins.extractlane(a, 0),
            Unary::Second => ins.extractlane(a, 1),
            Unary::BitsToBool => ins.icmp_imm_s(IntCC::NotEqual, a, 0),
            Unary::CharOf | Unary::CallPayload => unreachable!("dealt with elsewhere"),
        }
    }

    /// The string of a character, from the heap's table.
    fn char_of(&mut self, code: Val) -> ir::Value {
        let table = self.options.chars as i64;
        let scale = size_of::<usize>().ilog2();
        let place = match self.constants[code.0 as usize] {
            Some(&Inst::Int(code)) => self.builder.ins().iconst(types::I64, table + (code << scale)),
            _ => {
                let code = self.value(code);
                let offset = self.builder.ins().ishl_imm_u(code, i64::from(scale));
                let table = self.builder.ins().iconst(types::I64, table);
                self.builder.ins().iadd(table, offset)
            }
        };
        self.builder.ins().load(types::I64, flags(Mem::Constant), place, 0)
    }

    fn binary(&mut self, op: Binary, a: Val, b: Val) -> ir::Value {
        let (a, b) = (self.value(a), self.value(b));
        let ins = self.builder.ins();
        match op {
            Binary::Iadd | Binary::Late => ins.iadd(a, b),
            Binary::Isub => ins.isub(a, b),
            Binary::Imul => ins.imul(a, b),
            Binary::Idiv => ins.sdiv(a, b),
            Binary::Irem => ins.srem(a, b),
            Binary::And | Binary::BoolAnd => ins.band(a, b),
            Binary::Or | Binary::BoolOr => ins.bor(a, b),
            Binary::Xor => ins.bxor(a, b),
            Binary::Shl => ins.ishl(a, b),
            Binary::Shr => ins.sshr(a, b),
            Binary::ShrUnsigned => ins.ushr(a, b),
            Binary::MulHigh => ins.smulhi(a, b),
            Binary::Fadd => ins.fadd(a, b),
            Binary::Fsub => ins.fsub(a, b),
            Binary::Fmul => ins.fmul(a, b),
            Binary::Fdiv => ins.fdiv(a, b),
        }
    }

    fn exit_block(&mut self, exit: ExitId) -> ir::Block {
        match self.exits[exit.0 as usize] {
            Some(block) => block,
            None => {
                let block = self.builder.create_block();
                self.builder.set_cold_block(block);
                self.exits[exit.0 as usize] = Some(block);
                block
            }
        }
    }

    fn guard(&mut self, condition: Val, expect: bool, exit: ExitId) {
        let mut condition = self.value(condition);
        let block = self.exit_block(exit);
        let next = self.builder.create_block();
        // What a helper's status says cannot be forced: the instruction may have had its effect.
        let reason = self.region.exit(exit).reason;
        if let Some(flags) = self.options.stress
            && !matches!(reason, ExitReason::Throw | ExitReason::Safepoint | ExitReason::Fuel | ExitReason::Fact)
        {
            let address = flags.wrapping_add(exit.0 as usize) as i64;
            let address = self.builder.ins().iconst(types::I64, address);
            let forced = self.builder.ins().load(types::I8, MemFlagsData::trusted(), address, 0);
            // A forced guard behaves as if its condition were not as expected.
            condition = if expect {
                let inverse = self.builder.ins().bxor_imm_u(forced, 1);
                self.builder.ins().band(condition, inverse)
            } else {
                self.builder.ins().bor(condition, forced)
            };
        }
        let (yes, no) = if expect { (next, block) } else { (block, next) };
        self.builder.ins().brif(condition, yes, &[], no, &[]);
        self.builder.switch_to_block(next);
    }

    fn call(&mut self, helper: Helper, args: &[Val], result: Option<Val>) -> Option<ir::Value> {
        let args: Vec<ir::Value> = args.iter().map(|&arg| self.value(arg)).collect();
        let value = self.call_helper(helper, &args);
        result.map(|_| value)
    }

    fn call_helper(&mut self, helper: Helper, args: &[ir::Value]) -> ir::Value {
        let signature = match self.signatures.iter().find(|(known, _)| *known == helper) {
            Some((_, signature)) => *signature,
            None => {
                let keeps_registers = helper.keeps_registers();
                let mut signature =
                    ir::Signature::new(if keeps_registers { CallConv::PreserveAll } else { self.call_conv });
                let clif = |argument: &Argument| match argument {
                    Argument::Int => ir::AbiParam::new(types::I64),
                    Argument::Float => ir::AbiParam::new(types::F64),
                };
                signature.params.extend(helper.params().iter().copied().flatten().map(clif));
                signature.returns.extend(helper.result().iter().map(clif).filter(|_| !keeps_registers));
                let signature = self.builder.import_signature(signature);
                self.signatures.push((helper, signature));
                signature
            }
        };
        let address = self.builder.ins().iconst(types::I64, helper.address() as i64);
        let call = self.builder.ins().call_indirect(signature, address, args);
        match self.builder.inst_results(call) {
            [result] => *result,
            _ => {
                let offset = layout::RESULT + Value::PAYLOAD_OFFSET as i32;
                self.builder.ins().load(types::I64, flags(Mem::Vm), self.vm, offset)
            }
        }
    }

    /// Goes on in a new block if the condition holds.
    fn go_on_if(&mut self, condition: ir::Value, otherwise: ir::Block) -> ir::Block {
        let next = self.builder.create_block();
        self.builder.ins().brif(condition, next, &[], otherwise, &[]);
        self.builder.switch_to_block(next);
        next
    }

    fn terminator(&mut self, block: &Block) {
        match &block.end {
            Terminator::None => unreachable!("every block in the order was finished"),
            Terminator::Jump(target, args) => {
                let args: Vec<BlockArg> = args.iter().map(|&arg| BlockArg::Value(self.value(arg))).collect();
                self.builder.ins().jump(self.blocks[target.0 as usize], &args);
            }
            Terminator::Branch(condition, yes, no) => {
                let ((yes, yes_args), (no, no_args)) = (self.target(*yes), self.target(*no));
                // The backend lays the second target out next.
                if block.stays_in_loop {
                    let inverse = self.inverse(*condition);
                    self.builder.ins().brif(inverse, no, &no_args, yes, &yes_args);
                } else {
                    let condition = self.value(*condition);
                    self.builder.ins().brif(condition, yes, &yes_args, no, &no_args);
                }
            }
            Terminator::Return(tag, payload) => {
                let below = self.builder.ins().iadd_imm_s(self.frame, -i64::from(layout::FRAME_SIZE));
                self.builder.ins().store(flags(Mem::Vm), below, self.vm, layout::TOP_FRAME);
                let result = [self.value(*tag), self.value(*payload)];
                self.builder.ins().return_(&result);
            }
            Terminator::TailCall(function) => {
                if let Some((function, closure)) = *function {
                    self.give_frame_to(function, closure);
                }
                let outcome = self.builder.ins().iconst(types::I64, Outcome::TAIL_CALLED.bits() as i64);
                self.builder.ins().return_(&[outcome, outcome]);
            }
            Terminator::Exit(exit) => {
                let block = self.exit_block(*exit);
                self.builder.ins().jump(block, &[]);
            }
        }
    }

    /// Where a branch to a block leads in the end.
    fn target(&mut self, id: BlockId) -> (ir::Block, Vec<BlockArg>) {
        match &self.region.block(id).end {
            Terminator::Jump(target, args) if self.threaded[id.0 as usize] => {
                let args = args.iter().map(|&arg| BlockArg::Value(self.value(arg))).collect();
                (self.blocks[target.0 as usize], args)
            }
            Terminator::Exit(exit) if self.threaded[id.0 as usize] => (self.exit_block(*exit), Vec::new()),
            _ => (self.blocks[id.0 as usize], Vec::new()),
        }
    }

    /// What is true when a condition is not: a comparison of its own, which the backend fuses with the branch.
    fn inverse(&mut self, condition: Val) -> ir::Value {
        match self.comparisons[condition.0 as usize] {
            Some(&Inst::Icmp(op, a, b)) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().icmp(int_condition(op).complement(), a, b)
            }
            Some(&Inst::Fcmp(op, a, b)) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().fcmp(float_condition(op).complement(), a, b)
            }
            _ => {
                let condition = self.value(condition);
                self.builder.ins().icmp_imm_u(IntCC::Equal, condition, 0)
            }
        }
    }

    /// Emits the exits that are used. Each is its number; what it writes is shared with others that write the same or
    /// more, and the return with all.
    fn emit_exits(&mut self) {
        let exits = &self.region.exits;
        let mut states: Vec<State> = Vec::new();
        let mut known: FxHashMap<Written, usize> = FxHashMap::default();
        let state_of: Vec<Option<usize>> = exits
            .iter()
            .zip(&self.exits)
            .map(|(exit, block)| {
                let written: Written = (&exit.values, &exit.stores, &exit.made);
                if block.is_none() || (written.0.is_empty() && written.1.is_empty()) {
                    return None;
                }
                let state = *known.entry(written).or_insert_with(|| {
                    let tail = tail_of(written, &states);
                    if let Some(tail) = tail {
                        states[tail].users += 1;
                    }
                    states.push(State { written, users: 0, tail, block: None });
                    states.len() - 1
                });
                states[state].users += 1;
                Some(state)
            })
            .collect();
        for (index, state) in state_of.into_iter().enumerate() {
            let Some(block) = self.exits[index] else { continue };
            self.builder.switch_to_block(block);
            if let Some(older) = self.options.older
                && exits[index].reason == ExitReason::EntryType
            {
                self.go_on_in(older);
                continue;
            }
            let outcome = Outcome::exited(TakenExit { version: self.options.version, exit: index as u32 });
            let number = self.builder.ins().iconst(types::I64, outcome.bits() as i64);
            self.go_to_state(state, number, &mut states);
        }
        // A state comes behind those that are its tails.
        for index in (0..states.len()).rev() {
            if let Some(block) = states[index].block {
                self.builder.switch_to_block(block);
                let number = self.builder.block_params(block)[0];
                self.write_state(index, number, &mut states);
            }
        }
    }

    /// Ends as other code of the function does, which is entered instead of this: nothing was done yet.
    fn go_on_in(&mut self, code: usize) {
        let [signature, _] = self.native_signatures();
        let code = self.builder.ins().iconst(types::I64, code as i64);
        let call = self.builder.ins().call_indirect(signature, code, &[self.vm, self.base, self.frame]);
        let results = self.builder.inst_results(call).to_vec();
        self.builder.ins().return_(&results);
    }

    /// Goes on with a state, or leaves. What only one edge leads to is written there.
    fn go_to_state(&mut self, state: Option<usize>, number: ir::Value, states: &mut [State]) {
        let block = match state {
            None => self.leave_block(),
            Some(state) if states[state].users == 1 => return self.write_state(state, number, states),
            Some(state) => match states[state].block {
                Some(block) => block,
                None => *states[state].block.insert(self.cold_block()),
            },
        };
        self.builder.ins().jump(block, &[number.into()]);
    }

    /// Writes what a state has beyond its tail, and goes on with that.
    fn write_state(&mut self, state: usize, number: ir::Value, states: &mut [State]) {
        self.place += 1;
        let State { written: (values, stores, made), tail, .. } = states[state];
        self.make_for_exit(made);
        let (of_tail, stores) = match tail {
            Some(tail) => (states[tail].written.0, [].as_slice()),
            None => ([].as_slice(), stores),
        };
        self.write_home(values, of_tail);
        for (word, value) in stores {
            let (base, value) = (self.value(word.base), self.value(*value));
            self.builder.ins().store(flags(word.mem), value, base, word.offset);
        }
        self.go_to_state(tail, number, states);
    }

    /// A cold block that takes the number of an exit.
    fn cold_block(&mut self) -> ir::Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        self.builder.append_block_param(block, types::I64);
        block
    }

    fn leave_block(&mut self) -> ir::Block {
        match self.leave {
            Some(block) => block,
            None => {
                let block = self.cold_block();
                self.leave = Some(block);
                block
            }
        }
    }

    /// Writes values to where the interpreter has them, except some of them.
    fn write_home(&mut self, values: &[(Home, Boxed)], except: &[(Home, Boxed)]) {
        let mut except = except.iter().peekable();
        let mut latest_tag = None;
        for value in values {
            if except.next_if_eq(&value).is_some() {
                continue;
            }
            let (home, boxed) = *value;
            let (base, offset, mem) = match home {
                Home::Register(register) => (self.base, register as i32 * size_of::<Value>() as i32, Mem::Frame),
                Home::Global(global) => {
                    let globals = self.globals.expect("loaded if any exit writes a global");
                    (globals, global.0 as i32 * size_of::<Value>() as i32, Mem::Globals)
                }
            };
            let tag = match boxed.tag {
                BoxedTag::Known(tag) => match latest_tag {
                    Some((latest, constant)) if latest == tag => constant,
                    _ => {
                        let constant = self.builder.ins().iconst(types::I64, tag as i64);
                        latest_tag = Some((tag, constant));
                        constant
                    }
                },
                BoxedTag::Dynamic(tag) => self.value(tag),
            };
            let mut payload = self.value(boxed.payload);
            if self.region.repr(boxed.payload) == Repr::Bool {
                payload = self.builder.ins().uextend(types::I64, payload);
            }
            let flags = flags(mem);
            self.builder.ins().store(flags, tag, base, offset + Value::TAG_OFFSET as i32);
            self.builder.ins().store(flags, payload, base, offset + Value::PAYLOAD_OFFSET as i32);
        }
    }
}
