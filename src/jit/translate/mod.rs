//! Bytecode to region IR.
//!
//! The builder walks the blocks of a hot loop in order, with an abstract frame ([`Env`]) that maps homes to SSA values
//! of known type. Registers live in SSA; memory is written by exits, and before helpers that look at it. Several things
//! are done while building, rather than in passes of their own:
//!
//! - **Typing.** Live-ins take the types they have when the loop is compiled; what comes from memory takes the types
//!   that feedback has seen, guarded.
//! - **Hoisting.** Every loop has a preheader that stays open while its body is built; checks and loads whose operands
//!   are defined outside go there, with the state at the header as their exit.
//! - **Inlining.** A call of a known function is walked through like any other code, its registers above the caller's.
//! - **Promotion.** Globals are homes like registers, unless the region runs code that may see them.
//!
//! # Attempts
//! Some decisions depend on what comes later in the loop: whether a variable changes its type from one iteration to the
//! next, whether lists may change, whether something may look at globals. They are assumed favourably; if that turns
//! out wrong, the [`Plan`] is amended and the region built anew.

mod built_ins;
mod calls;
mod counting;
mod dicts;
mod env;
mod forms;
mod functions;
mod heap_use;
mod iterators;
mod leading;
mod list_loops;
mod lists;
mod loops;
mod make;
mod math;
mod members;
mod memory;
mod numbers;
mod objects;
mod open;
mod ops;
mod proofs;
mod texts;
mod throws;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::feedback::{Seen, TagSet, TypeFeedback, TypeProfile};
use super::ir::{
    Binary, BlockId, Compare, Exit, ExitId, ExitReason, Home, InlinedFrame, Inst, Loop, Mem, Region, Repr, Terminator,
    Unary, Val, Width,
};
use super::static_types::StaticTypes;
use crate::bytecode::facts::{MAX_REGION_INSTRUCTIONS, Reason, Why};
use crate::bytecode::flow::{self, Flow, RegSet};
use crate::bytecode::{FuncId, GlobalId, Op, Program, Reg};
use crate::facts::native_forms::observed;
use crate::runtime::counts::NativeCounts;
use crate::runtime::object::{Gc, Str};
use crate::runtime::regions::Entry;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;
use env::{Env, Slot, Typed};

/// Why a loop stays interpreted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// Control flow that no structured program has.
    Irreducible,
    /// The attempts to build it did not come to an end.
    Untranslatable,
    /// A register is read that nothing has written.
    Undefined,
    /// Cranelift refused the code.
    Backend,
    /// Cranelift panicked.
    Panic,
    /// The system gives no executable memory.
    Forbidden,
    /// Native code kept being left for errors of arithmetic.
    Numbers,
    /// Native code kept being left for the same reasons, whatever it was compiled for.
    Unstable,
    /// The budget for compilation is spent.
    Budget,
    /// walrusc says so.
    Static(Reason),
}

impl Refusal {
    /// The row of the table of what only running shows, or of static reasons.
    fn reason(self) -> Result<Why, Reason> {
        match self {
            Refusal::Irreducible => Err(Reason::Irregular),
            Refusal::Untranslatable => Ok(Why::Untranslatable),
            Refusal::Undefined => Ok(Why::Undefined),
            Refusal::Backend => Ok(Why::Backend),
            Refusal::Panic => Ok(Why::Panic),
            Refusal::Forbidden => Ok(Why::Forbidden),
            Refusal::Numbers => Ok(Why::Numbers),
            Refusal::Unstable => Ok(Why::Unstable),
            Refusal::Budget => Ok(Why::Spent),
            Refusal::Static(reason) => Err(reason),
        }
    }

    /// The reason's code in statistics, known to `walrusc --explain`.
    pub fn code(self) -> &'static str {
        self.reason().map_or_else(Reason::code, Why::code)
    }

    /// The reason in a few words, to follow "it".
    pub fn text(self) -> &'static str {
        self.reason().map_or_else(Reason::text, Why::text)
    }
}

/// Why an attempt to build a region ended early.
#[derive(Debug)]
pub enum Stop {
    /// The plan was amended.
    Again,
    Refused(Refusal),
}

type Built<T> = Result<T, Stop>;

/// A loop of the region, across attempts: its header's pc and the base of the (inlined) frame it runs in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct LoopKey {
    pc: u32,
    base: u32,
}

/// What earlier attempts have taught.
#[derive(Default, Debug)]
pub struct Plan {
    /// Loop variables that change their type from one iteration to the next.
    widened: HashSet<(LoopKey, Home)>,
    /// Loop variables that are strings of one character first and others later.
    not_chars: HashSet<(LoopKey, Home)>,
    /// Calls, by pc, that are not to be inlined.
    not_inlined: HashSet<u32>,
    /// The same of the leading blocks of what they call.
    not_leading: HashSet<u32>,
    /// No call is to be inlined.
    no_inlining: bool,
    /// Methods of lists, by the pc of their call, whose results are not all kept in the same way.
    mixed_results: HashSet<u32>,
    /// Loops in which lists may change length or storage.
    lists_change: HashSet<LoopKey>,
    /// Something in the region may look at globals.
    globals_in_memory: bool,
    /// Globals that the region assigns.
    written_globals: BTreeSet<GlobalId>,
    /// For a version that is to fit whatever comes: the types that homes had before.
    open: Option<EntryTypes>,
}

/// Flow graphs, made once per function.
#[derive(Default, Debug)]
pub struct Flows(FxHashMap<FuncId, Result<Rc<Flow>, Refusal>>);

/// Functions with more basic blocks than this, or more blocks times loops, or blocks times words of a set of registers,
/// are not analysed: it would take longer than a short run. What is written by hand stays far below.
const MOST_BLOCKS: u64 = 1 << 16;
const MOST_BLOCKS_BY_LOOPS: u64 = 1 << 26;
const MOST_WORDS: u64 = 1 << 20;

/// Whether analysing a function takes reasonable time, by a look at its jumps.
fn can_be_analysed(program: &Program, func: FuncId) -> bool {
    let function = &program.functions[func.index()];
    let (mut blocks, mut loops) = (1 + 3 * function.handlers.len() as u64, 0);
    for op in &program.code[function.code.range()] {
        let offset = op.jump_offset();
        blocks += 2 * u64::from(offset.is_some()) + u64::from(op.effects().ends);
        loops += u64::from(offset.is_some_and(|offset| offset < 0));
    }
    let words = u64::from(function.registers).div_ceil(64);
    blocks <= MOST_BLOCKS && blocks * loops <= MOST_BLOCKS_BY_LOOPS && blocks * words <= MOST_WORDS
}

/// Whether a loop is too large to compile, by its last backward jump alone: so a large one costs no analysis.
pub fn is_too_large(program: &Program, func: FuncId, header: u32) -> bool {
    let range = program.functions[func.index()].code.range();
    let leads_back = |pc: usize| {
        let target = |offset: i32| pc as i64 + 1 + i64::from(offset);
        program.code[pc].jump_offset().is_some_and(|offset| target(offset) == i64::from(header))
    };
    // In a file made by hand, jumps may lead forward to it alone.
    let last = (header as usize..range.end).rev().find(|&pc| leads_back(pc));
    last.is_some_and(|last| last as u32 - header >= MAX_REGION_INSTRUCTIONS)
}

impl Flows {
    pub fn of(&mut self, program: &Program, func: FuncId) -> Result<Rc<Flow>, Refusal> {
        let analyse = || {
            if !can_be_analysed(program, func) {
                return Err(Refusal::Static(Reason::TooLarge));
            }
            Flow::of(program, &program.functions[func.index()]).map(Rc::new).map_err(|_| Refusal::Irreducible)
        };
        self.0.entry(func).or_insert_with(analyse).clone()
    }
}

/// Largest region with functions inlined into it, in values. A larger one is built without: what walrusc calls small
/// enough ([`MAX_REGION_INSTRUCTIONS`]) must be compiled, whatever it calls.
const MAX_WITH_INLINING: usize = 6_000;
/// Functions of more instructions are called if they make calls or leave anything to the run time, as inlining gains
/// little beside what those take; and all such functions are in a region that has grown as large.
const MAX_INLINED_WITH_STEPS: u32 = 20;
const MAX_WITH_STEPS_INLINED: usize = 2_000;
/// Attempts after which nothing is inlined any more: calls that turn out to be in the way cost one each.
const ATTEMPTS_WITH_INLINING: usize = 20;
/// Attempts after which building is given up.
const MAX_ATTEMPTS: usize = 40;

/// What a word must be when a region is entered.
#[derive(Clone, Copy, Debug)]
enum EntryCheck {
    /// The tag of this type.
    Tag(Tag),
    /// The same as another word.
    Same(Val),
}

/// Types that homes had when earlier versions of a loop's code were made.
pub type EntryTypes = FxHashMap<Home, TagSet>;

/// Builds the region of the loop or function that the top frame of the machine is about to execute. With `open`, homes
/// that had other types before are taken to be of any type: no entry fails for them.
pub fn build(
    vm: &Vm,
    profile: &TypeProfile,
    flows: &mut Flows,
    entry: Entry,
    types: Option<&StaticTypes>,
    open: Option<&EntryTypes>,
) -> Result<Region, Refusal> {
    let mut plan = Plan { open: open.cloned(), ..Plan::default() };
    for attempt in 0..MAX_ATTEMPTS {
        plan.no_inlining |= attempt == ATTEMPTS_WITH_INLINING;
        match Builder::new(vm, profile, flows, types, &mut plan, entry).and_then(Builder::run) {
            Ok(region) => return Ok(region),
            Err(Stop::Again) => {}
            Err(Stop::Refused(refusal)) => return Err(refusal),
        }
    }
    Err(Refusal::Untranslatable)
}

/// A function being walked through: the region's own, or one inlined into it.
struct Context {
    func: FuncId,
    flow: Rc<Flow>,
    /// Its register 0, counted from the base of the region's frame.
    base: u32,
    /// Frames of inlined functions up to this one, outermost first.
    frames: Vec<InlinedFrame>,
    /// Registers of the callers that are alive after the call.
    saved: Vec<u32>,
    /// The call that is inlined.
    call_pc: Option<u32>,
    /// The loop the call stands in.
    outer_loop: Option<usize>,
    /// The closure that runs, if it is inlined and one.
    closure: Option<Val>,
    /// Functions that have given up this frame by a tail call.
    tail_calls: usize,
    /// The innermost call of a method of lists, by pc, that this runs in a loop of.
    list_loop: Option<u32>,
    /// Of the callers, the innermost that catches what leaves this function: how many frames stand below its own.
    catcher: Option<usize>,
    purpose: Purpose,
}

/// What a function is walked through for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Whole,
    /// For its leading blocks alone: see [`leading`].
    Leading,
    /// As the `next` of an iteration whose items are taken apart into two.
    Pairs,
    /// As what a method of lists calls with each item: see [`list_loops`].
    Item(list_loops::ItemOf),
}

/// In which form a value of the language goes through parameters of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passed {
    /// Of any type: tag and payload.
    Open,
    Of(Tag),
    /// A string of one ASCII character, as its number.
    Char,
}

/// A loop of the region.
struct LoopState {
    key: LoopKey,
    parent: Option<usize>,
    preheader: BlockId,
    header: BlockId,
    /// The homes that its parameters stand for.
    params: Vec<(Home, Passed)>,
    /// The state at the header, for the exits of what is hoisted into the preheader.
    entry: Exit,
    /// Facts about lists that hold everywhere in the loop.
    lists: Vec<(Val, env::ListFacts)>,
    /// The same about strings.
    texts: Vec<(Val, texts::TextFacts)>,
    instances: Vec<(Val, crate::bytecode::StructId)>,
}

struct Builder<'a> {
    vm: &'a Vm,
    program: &'a Program,
    profile: &'a TypeProfile,
    flows: &'a mut Flows,
    /// For instructions that were not executed while recording.
    types: Option<&'a StaticTypes>,
    plan: &'a mut Plan,
    region: Region,
    /// What the value is, if it is a constant.
    constants: Vec<Option<Inst>>,
    /// Strings of one character that were made of its number.
    chars: HashMap<Val, Val>,
    /// Constant texts of more than a character.
    constant_texts: HashMap<Val, Gc<Str>>,
    /// The loop that a value is defined in.
    defined_in: Vec<Option<usize>>,
    /// Truth values that are the negation of others, so that branches can test those.
    inverse_of: HashMap<Val, Val>,
    header_pc: u32,
    entry: BlockId,
    initial: HashMap<Home, Typed>,
    /// Words loaded in the entry block from homes, and what they must be. One guard checks them all.
    entry_checks: Vec<(Val, EntryCheck)>,
    /// Where everything leads that is not as it should be before anything has happened.
    entry_exit: Option<ExitId>,
    captures: HashMap<u16, Typed>,
    closure: Option<Val>,
    globals: Option<Val>,
    context: Context,
    /// The function that the region is of, or stands in.
    own_function: FuncId,
    loops: Vec<LoopState>,
    current: BlockId,
    current_loop: Option<usize>,
    env: Env,
    /// Index into the program's code of the instruction being translated.
    pc: u32,
    /// Registers live before and after it.
    live: Rc<Vec<RegSet>>,
    live_at: usize,
    /// The loop that tail calls of the region's own function to itself make.
    tail_loop: Option<usize>,
    /// Where functions that were called last by the inlined one at hand return to its caller.
    tail_returns: Vec<loops::Return>,
    /// Errors on their way to handlers.
    thrown: Vec<throws::Thrown>,
    /// How the instruction being translated raises an error, if it was seen to raise one that is caught.
    raising: Option<throws::Raising>,
    /// What [`Builder::feedback`] has found for the instruction at a pc, in the frame with such a base.
    asked: Cell<Option<((u32, u32), &'a TypeFeedback)>>,
    /// Blocks in which walking through leading blocks has stopped: the function is to be called there.
    stopped: Vec<BlockId>,
    /// The plan was amended, but the attempt goes on to learn more.
    again: bool,
    /// What native code does about back edges and calls.
    counting: Option<NativeCounts>,
}

/// Whether control goes on after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goes {
    On,
    /// The block was ended.
    Nowhere,
}

const VM: Val = Val(0);
const BASE: Val = Val(1);

impl<'a> Builder<'a> {
    fn new(
        vm: &'a Vm,
        profile: &'a TypeProfile,
        flows: &'a mut Flows,
        types: Option<&'a StaticTypes>,
        plan: &'a mut Plan,
        start: Entry,
    ) -> Built<Builder<'a>> {
        let header_pc = start.pc();
        let program = vm.program();
        let func = vm.top_function();
        let is_too_large = match start {
            Entry::Function(_) => program.functions[func.index()].code.len > MAX_REGION_INSTRUCTIONS,
            Entry::Loop(header) => is_too_large(program, func, header),
        };
        if is_too_large {
            return Err(Stop::Refused(Refusal::Static(Reason::TooLarge)));
        }
        let flow = flows.of(program, func).map_err(Stop::Refused)?;
        let mut region = Region::default();
        let entry = region.new_block(header_pc);
        region.order.push(entry);
        region.new_val(Repr::I64);
        region.new_val(Repr::I64);
        let registers = program.functions[func.index()].registers;
        region.window = registers.into();
        region.is_function = matches!(start, Entry::Function(_));
        let counting = vm.native_counts().map_err(|_| Stop::Refused(Refusal::Budget))?;
        region.counts = counting.is_some();
        region.tests_proofs = cfg!(debug_assertions) || types.is_some_and(|types| types.judging().is_some());
        let context = Context {
            func,
            flow,
            base: 0,
            frames: Vec::new(),
            saved: Vec::new(),
            call_pc: None,
            outer_loop: None,
            closure: None,
            tail_calls: 0,
            list_loop: None,
            catcher: None,
            purpose: Purpose::Whole,
        };
        let env = Env {
            registers: vec![Slot::Initial; registers.into()],
            globals: Default::default(),
            lists: Vec::new(),
            instances: Vec::new(),
        };
        Ok(Builder {
            vm,
            program,
            profile,
            flows,
            types,
            plan,
            region,
            constants: vec![None; 2],
            defined_in: vec![None; 2],
            chars: HashMap::new(),
            constant_texts: HashMap::new(),
            inverse_of: HashMap::new(),
            header_pc,
            entry,
            initial: HashMap::new(),
            entry_checks: Vec::new(),
            entry_exit: None,
            captures: HashMap::new(),
            closure: None,
            globals: None,
            context,
            own_function: func,
            loops: Vec::new(),
            current: entry,
            current_loop: None,
            env,
            pc: header_pc,
            live: Rc::new(Vec::new()),
            live_at: 0,
            tail_loop: None,
            tail_returns: Vec::new(),
            thrown: Vec::new(),
            raising: None,
            asked: Cell::new(None),
            stopped: Vec::new(),
            again: false,
            counting,
        })
    }

    fn run(mut self) -> Built<Region> {
        let flow = Rc::clone(&self.context.flow);
        if self.region.is_function {
            // The entry block is for what holds before anything has happened.
            let first = self.new_block();
            self.finish(Terminator::Jump(first, Vec::new()));
            self.current = first;
            if self.calls_itself_last() {
                self.open_tail_loop(&flow)?;
            }
            self.count_call();
            self.walk(None, flow::BlockId(0), (self.current, self.env.clone()))?;
        } else {
            let region_loop =
                flow.loop_with_header(self.header_pc - flow.start).ok_or(Stop::Refused(Refusal::Irreducible))?;
            if flow.instructions(region_loop) > MAX_REGION_INSTRUCTIONS {
                return Err(Stop::Refused(Refusal::Static(Reason::TooLarge)));
            }
            let start = (self.entry, self.env.clone());
            self.walk(Some(region_loop), flow.loop_at(region_loop).header, start)?;
        }
        if self.again {
            return Err(Stop::Again);
        }
        self.check_entry_types();
        let state = |state: LoopState| Loop { header: state.header, preheader: state.preheader, entry: state.entry };
        self.region.loops = self.loops.into_iter().map(state).collect();
        Ok(self.region)
    }

    // Emitting.

    /// Appends an instruction with a result to the current block.
    fn push(&mut self, inst: Inst, repr: Repr) -> Val {
        let (block, in_loop) = (self.current, self.current_loop);
        self.push_to(block, in_loop, inst, repr)
    }

    fn push_to(&mut self, block: BlockId, in_loop: Option<usize>, inst: Inst, repr: Repr) -> Val {
        let constant = matches!(inst, Inst::Int(_) | Inst::Float(_) | Inst::Bool(_)).then(|| inst.clone());
        let val = self.new_val(repr, in_loop);
        self.constants[val.0 as usize] = constant;
        self.region.block_mut(block).insts.push((Some(val), inst));
        val
    }

    fn new_val(&mut self, repr: Repr, in_loop: Option<usize>) -> Val {
        self.constants.push(None);
        self.defined_in.push(in_loop);
        self.region.new_val(repr)
    }

    /// Appends an instruction without a result.
    fn effect(&mut self, inst: Inst) {
        let block = self.current;
        self.region.block_mut(block).insts.push((None, inst));
    }

    fn int(&mut self, value: i64) -> Val {
        self.push(Inst::Int(value), Repr::I64)
    }

    fn float(&mut self, value: f64) -> Val {
        self.push(Inst::Float(value.to_bits()), Repr::F64)
    }

    fn truth(&mut self, value: bool) -> Val {
        self.push(Inst::Bool(value), Repr::Bool)
    }

    fn const_int(&self, val: Val) -> Option<i64> {
        if let Some(Inst::Int(value)) = self.constants[val.0 as usize] { Some(value) } else { None }
    }

    fn const_bool(&self, val: Val) -> Option<bool> {
        if let Some(Inst::Bool(value)) = self.constants[val.0 as usize] { Some(value) } else { None }
    }

    fn new_block(&mut self) -> BlockId {
        let block = self.region.new_block(self.pc);
        self.region.order.push(block);
        block
    }

    fn finish(&mut self, end: Terminator) {
        let block = self.current;
        debug_assert_eq!(self.region.block(block).end, Terminator::None);
        self.region.block_mut(block).end = end;
    }

    /// Goes on only if the condition is as expected.
    fn guard(&mut self, condition: Val, expect: bool, exit: ExitId) {
        if self.const_bool(condition) == Some(expect) {
            return;
        }
        if self.region.exit(exit).proved {
            self.effect(Inst::Guard { condition, expect, exit });
            return;
        }
        match self.raising.take() {
            Some(raising) if raising.stands_in(self.current_loop) && self.is_of_instruction(exit) => {
                self.raise_unless(condition, expect, &raising);
                self.raising = Some(raising);
            }
            raising => {
                self.effect(Inst::Guard { condition, expect, exit });
                self.raising = raising;
            }
        }
    }

    /// Whether an exit stands in front of the current instruction, whose error it may be about.
    fn is_of_instruction(&self, exit: ExitId) -> bool {
        let exit = &self.region.exits[exit.0 as usize];
        exit.pc == self.pc && (exit.reason.may_be_an_error() || exit.reason == ExitReason::Throw)
    }

    // Exits.

    /// An exit that re-executes the current instruction.
    fn exit(&mut self, reason: ExitReason) -> ExitId {
        let live = Rc::clone(&self.live);
        self.exit_with(reason, self.pc, &live[self.live_at])
    }

    fn exit_with(&mut self, reason: ExitReason, pc: u32, live: &RegSet) -> ExitId {
        let exit = self.state(reason, pc, live);
        self.region.new_exit(exit)
    }

    /// What must be in memory for the interpreter to go on at a pc.
    fn state(&self, reason: ExitReason, pc: u32, live: &RegSet) -> Exit {
        let own = live.iter().map(|reg| self.context.base + u32::from(reg.0));
        let registers =
            self.context.saved.iter().copied().chain(own).filter_map(|register| match self.env.register(register) {
                Slot::Value { value, dirty: true } => Some((Home::Register(register), value.boxed())),
                _ => None,
            });
        let globals = self.env.globals.iter().filter_map(|(&global, slot)| match slot {
            Slot::Value { value, dirty: true } => Some((Home::Global(global), value.boxed())),
            _ => None,
        });
        let values = registers.chain(globals).collect();
        Exit {
            frames: self.context.frames.clone(),
            uncounted: self.context.purpose == Purpose::Leading,
            values,
            ..Exit::plain(reason, pc)
        }
    }

    // Homes.

    fn home(&self, reg: Reg) -> u32 {
        self.context.base + u32::from(reg.0)
    }

    /// The value of a register.
    fn get(&mut self, reg: Reg) -> Built<Typed> {
        let register = self.home(reg);
        match self.env.register(register) {
            Slot::Value { value, .. } => Ok(value),
            Slot::Initial => {
                let value = self.initial(Home::Register(register));
                self.env.set_register(register, Slot::Value { value, dirty: false });
                Ok(value)
            }
            Slot::Dead => Err(Stop::Refused(Refusal::Undefined)),
        }
    }

    fn set(&mut self, reg: Reg, value: Typed) {
        let register = self.home(reg);
        self.env.set_register(register, Slot::Value { value, dirty: true });
    }

    /// Remembers that a register's value has turned out to be of a known type.
    fn refine(&mut self, reg: Reg, value: Typed) {
        let register = self.home(reg);
        if let Slot::Value { value: old, dirty } = self.env.register(register)
            && old.tag().is_none()
        {
            self.env.set_register(register, Slot::Value { value, dirty });
        }
    }

    /// What a home holds when the region is entered, checked there to be of the type that it has now.
    fn initial(&mut self, home: Home) -> Typed {
        if let Some(value) = self.initial.get(&home) {
            return *value;
        }
        let key = LoopKey { pc: self.header_pc, base: 0 };
        let now = match home {
            Home::Register(register) => self.vm.top_register(register).tag(),
            Home::Global(global) => self.vm.global(global).tag(),
        };
        let changes =
            self.plan.open.as_ref().and_then(|open| open.get(&home)).is_some_and(|seen| seen.single() != Some(now));
        let wanted = (now != Tag::Undef && !changes && !self.plan.widened.contains(&(key, home))).then_some(now);
        self.region.entry_types.push((home, now));
        let (mem, base, offset) = self.place_of(home);
        let value = self.at_entry(|builder| {
            builder.load_value(mem, base, offset, wanted, |builder, tag, wanted| {
                builder.entry_checks.push((tag, EntryCheck::Tag(wanted)))
            })
        });
        self.region.cells.extend(value.as_tag(Tag::Cell));
        self.initial.insert(home, value);
        value
    }

    /// Has the entry check that two words loaded from homes are the same.
    fn check_same_at_entry(&mut self, a: Val, b: Val) {
        debug_assert!([a, b].iter().all(|&val| self.initial.values().any(|home| home.as_tag(Tag::Int) == Some(val))));
        self.entry_checks.push((a, EntryCheck::Same(b)));
    }

    /// Puts the check of all types that homes must have at the front of the entry block: without branches between, in
    /// one guard, because each block and each exit costs the compiler more time than a comparison.
    fn check_entry_types(&mut self) {
        if self.entry_checks.is_empty() {
            return;
        }
        let globals = self.globals;
        let reads_homes = |(result, inst): &(Option<Val>, Inst)| match inst {
            Inst::Load { base, .. } => *base == BASE || Some(*base) == globals || (*result == globals && *base == VM),
            _ => false,
        };
        let entry = self.entry;
        let insts = std::mem::take(&mut self.region.block_mut(entry).insts);
        let (loads, rest): (Vec<_>, Vec<_>) = insts.into_iter().partition(reads_homes);
        self.region.block_mut(entry).insts = loads;
        let checks = std::mem::take(&mut self.entry_checks);
        self.at_entry(|builder| {
            let mut differs = None;
            for (value, wanted) in checks {
                let differs_here = match wanted {
                    EntryCheck::Tag(Tag::Int) => value,
                    EntryCheck::Tag(tag) => {
                        let wanted = builder.int(tag as i64);
                        builder.push(Inst::Binary(Binary::Xor, value, wanted), Repr::I64)
                    }
                    EntryCheck::Same(other) => builder.push(Inst::Binary(Binary::Xor, value, other), Repr::I64),
                };
                differs = Some(match differs {
                    None => differs_here,
                    Some(before) => builder.push(Inst::Binary(Binary::Or, before, differs_here), Repr::I64),
                });
            }
            let (Some(differs), zero) = (differs, builder.int(0)) else { return };
            let same = builder.push(Inst::Icmp(Compare::Eq, differs, zero), Repr::Bool);
            let exit = builder.entry_exit();
            builder.guard(same, true, exit);
        });
        self.region.block_mut(entry).insts.extend(rest);
    }

    fn place_of(&mut self, home: Home) -> (Mem, Val, i32) {
        let size = size_of::<Value>() as i32;
        match home {
            Home::Register(register) => (Mem::Frame, BASE, register as i32 * size),
            Home::Global(global) => (Mem::Globals, self.globals_base(), global.0 as i32 * size),
        }
    }

    /// Runs `emit` in the entry block, where nothing has happened yet.
    fn at_entry<T>(&mut self, emit: impl FnOnce(&mut Self) -> T) -> T {
        let (block, in_loop) = (self.current, self.current_loop);
        (self.current, self.current_loop) = (self.entry, None);
        let result = emit(self);
        (self.current, self.current_loop) = (block, in_loop);
        result
    }

    /// An exit of the entry block: nothing has changed yet.
    fn entry_exit(&mut self) -> ExitId {
        if let Some(exit) = self.entry_exit {
            return exit;
        }
        let exit = Exit::plain(ExitReason::EntryType, self.header_pc);
        let exit = self.region.new_exit(exit);
        self.entry_exit = Some(exit);
        exit
    }

    /// Loads a value in the entry block. If a type is wanted, `check` sees to it that the tag is that of this type.
    fn load_value(
        &mut self,
        mem: Mem,
        base: Val,
        offset: i32,
        wanted: Option<Tag>,
        check: impl FnOnce(&mut Self, Val, Tag),
    ) -> Typed {
        let tag = self.load(mem, base, offset + Value::TAG_OFFSET as i32, Repr::I64);
        match wanted {
            None => {
                let payload = self.load(mem, base, offset + Value::PAYLOAD_OFFSET as i32, Repr::I64);
                Typed::Any { tag, payload }
            }
            Some(wanted) => {
                check(self, tag, wanted);
                self.load_payload(mem, base, offset, wanted)
            }
        }
    }

    fn load_payload(&mut self, mem: Mem, base: Val, offset: i32, tag: Tag) -> Typed {
        let offset = offset + Value::PAYLOAD_OFFSET as i32;
        let payload = match tag {
            Tag::Float => self.load(mem, base, offset, Repr::F64),
            Tag::Bool => {
                let bits = self.load(mem, base, offset, Repr::I64);
                self.push(Inst::Unary(Unary::BitsToBool, bits), Repr::Bool)
            }
            Tag::Void => self.int(0),
            _ => self.load(mem, base, offset, Repr::I64),
        };
        Typed::Known(tag, payload)
    }

    fn load(&mut self, mem: Mem, base: Val, offset: i32, repr: Repr) -> Val {
        self.push(Inst::Load { mem, base, offset, repr, width: Width::Full }, repr)
    }

    fn guard_tag(&mut self, tag: Val, wanted: Tag, exit: ExitId) {
        let wanted = self.int(wanted as i64);
        let same = self.push(Inst::Icmp(Compare::Eq, tag, wanted), Repr::Bool);
        self.guard(same, true, exit);
    }

    /// The payload of a value of open type in the form that suits a type it was found to have.
    fn unpack(&mut self, tag: Tag, payload: Val) -> Typed {
        let payload = match tag {
            Tag::Float => self.push(Inst::Unary(Unary::BitsToFloat, payload), Repr::F64),
            Tag::Bool => self.push(Inst::Unary(Unary::BitsToBool, payload), Repr::Bool),
            // A value of its own: were it the payload, what reads the object could be hoisted to where that is defined,
            // past the guard.
            _ if tag.is_heap() => self.push(Inst::Unary(Unary::Refine, payload), Repr::I64),
            _ => payload,
        };
        Typed::Known(tag, payload)
    }

    /// Tag and payload of any value, as two ints.
    fn parts(&mut self, value: Typed) -> (Val, Val) {
        match value {
            Typed::Any { tag, payload } => (tag, payload),
            Typed::Known(tag, payload) => {
                let payload = match self.region.repr(payload) {
                    Repr::I64 => payload,
                    Repr::F64 => self.push(Inst::Unary(Unary::FloatToBits, payload), Repr::I64),
                    Repr::Bool => self.push(Inst::Unary(Unary::BoolToBits, payload), Repr::I64),
                    Repr::F64x2 => unreachable!("no value of the language is a pair"),
                };
                (self.int(tag as i64), payload)
            }
        }
    }

    /// What was seen of the instruction. If it was not executed while recording, has only failed, or is made for a call
    /// whose operand is of a kind that was not seen there, what facts say of it.
    fn feedback(&self) -> &'a TypeFeedback {
        let place = (self.pc, self.context.base);
        match self.asked.get() {
            Some((known, feedback)) if known == place => feedback,
            _ => {
                let feedback = self.look_up_feedback();
                self.asked.set(Some((place, feedback)));
                feedback
            }
        }
    }

    fn look_up_feedback(&self) -> &'a TypeFeedback {
        let seen = self.profile.at(self.pc);
        match self.types {
            Some(types) if !seen.reached || self.is_of_another_kind(seen) || self.has_only_failed(seen) => {
                types.expected_at(self.program, self.context.func, self.pc)
            }
            _ => seen,
        }
    }

    /// Whether the instruction was executed, and its operands have never been such that it could succeed.
    fn has_only_failed(&self, seen: &TypeFeedback) -> bool {
        let is_none = |register: Option<Reg>, seen: TagSet| register.is_some() && seen.is_empty();
        seen.raised && {
            let (first, second) = observed(&self.op());
            is_none(first, seen.a) || is_none(second, seen.b)
        }
    }

    /// Whether the first observed operand is known to be of a type that was not seen, or to be a list while no access
    /// to one has succeeded. The state of an iteration tells by its kind what drives it.
    fn is_of_another_kind(&self, seen: &TypeFeedback) -> bool {
        let op = self.op();
        if seen.a.is_empty() || op.as_iteration().is_some() {
            return false;
        }
        let register = observed(&op).0.map(|register| self.env.register(self.home(register)));
        let Some(Slot::Value { value: Typed::Known(tag, _), .. }) = register else { return false };
        let is_access = matches!(op, Op::GetIndex { .. } | Op::SetIndex { .. });
        !seen.a.contains(tag) || is_access && tag == Tag::List && seen.storage == Seen::Nothing
    }

    fn op(&self) -> Op {
        self.program.code[self.pc as usize]
    }

    /// Gives up inlining where it makes the region too large.
    fn check_size(&mut self) -> Built<()> {
        if !self.plan.no_inlining && self.region.inlined_depth > 0 && self.region.reprs.len() > MAX_WITH_INLINING {
            self.plan.no_inlining = true;
            return Err(Stop::Again);
        }
        Ok(())
    }
}
