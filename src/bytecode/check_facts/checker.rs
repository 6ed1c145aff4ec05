//! One pass over functions, with the types that frames declare.

use std::collections::BinaryHeap;
use std::ops::Range;

use super::tables::{Tables, UNSET};
use super::{FactsError, Record};
use crate::bytecode::facts::{TypeFacts, TypeId};
use crate::bytecode::type_rules::{At, Members, Place, RuleIndex, TypeEnv, step};
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Type};
use crate::bytecode::{FuncId, Function, Op, Program, Reg};

/// What a register holds, and the number of that type if a frame has declared it so: most registers go from one frame to the next as they are, and
/// numbers are compared sooner than types.
#[derive(Clone, Copy)]
struct Register {
    ty: Type,
    declared: TypeId,
}

impl Register {
    const UNSET: Register = Register::of(UNSET);

    /// As an instruction has left it.
    const fn of(ty: Type) -> Register {
        Register { ty, declared: TypeId(u32::MAX) }
    }
}

/// Registers below this one are cleared without asking which are set: as many as nearly every function has, and few enough that this costs less than
/// remembering. Of a function with more, those that are set are remembered, so that clearing takes no longer than setting has.
const NEAR: usize = 64;

/// Runs the rules over functions.
pub struct Checker<'p> {
    program: &'p Program,
    facts: &'p TypeFacts,
    known: &'p Tables<'p>,
    index: &'p RuleIndex,
    /// The tables' and those that the rules have made of them.
    pub sets: IdSets,
    /// What instructions write, if that is asked for.
    pub record: Option<Record>,
    /// Next frame to be met, and next entry of `facts.sites`.
    next_frame: usize,
    next_site: usize,
    site: (u32, ClassId),
    /// The first instruction that does not agree with what is declared.
    inconsistent: Option<u32>,
    /// Unset but for those of the first [`Self::near`] and those in `far`.
    registers: Vec<Register>,
    /// How many registers are cleared together: those of the running function, of the first [`NEAR`].
    near: usize,
    /// The set ones of the other registers.
    far: BinaryHeap<u16>,
    func: FuncId,
    followed: bool,
    /// Whether writing a register takes more than noting its type.
    watched: bool,
    code_start: u32,
    /// For each pc of the function, one past the position of the frame declared there; 0 if there is none.
    frame_at: Vec<u32>,
    /// The handler of the instruction being checked: its frame, and the register that gets the error.
    handler: Option<(u32, Reg)>,
    /// Whether an instruction that may throw has found all registers to be as the handler declares them.
    handler_checked: bool,
    /// Registers written since an instruction that may throw last checked them against the handler.
    touched: Vec<Reg>,
    pc: u32,
}

impl<'p> Checker<'p> {
    pub fn new(known: &'p Tables<'p>, index: &'p RuleIndex) -> Checker<'p> {
        let functions = &known.program.functions;
        let max_registers = functions.iter().map(|function| function.registers).max().unwrap_or(0);
        let longest = functions.iter().map(|function| function.code.len).max().unwrap_or(0);
        Checker {
            program: known.program,
            facts: known.facts,
            known,
            index,
            sets: known.sets.clone(),
            record: None,
            next_frame: 0,
            next_site: 0,
            site: (u32::MAX, ClassId::ANY),
            inconsistent: None,
            registers: vec![Register::UNSET; usize::from(max_registers) + 8],
            near: 0,
            far: BinaryHeap::new(),
            func: FuncId(0),
            followed: true,
            watched: false,
            code_start: 0,
            frame_at: vec![0; longest as usize],
            handler: None,
            handler_checked: false,
            touched: Vec::new(),
            pc: 0,
        }
    }

    /// Checks a run of functions.
    pub fn functions(&mut self, functions: Range<usize>) -> Result<(), FactsError> {
        let start = self.program.functions.get(functions.start).map_or(0, |function| function.code.start);
        self.site.0 = u32::MAX;
        self.next_frame = self.known.frames.partition_point(|frame| frame.0 < start);
        self.next_site = self.facts.sites.partition_point(|site| site.0 < start);
        functions.into_iter().try_for_each(|at| self.function(FuncId(at as u32)))
    }

    fn is_within(&self, a: Type, b: Type) -> bool {
        self.known.is_within(&self.sets, a, b)
    }

    #[inline(always)]
    fn demand(&mut self, holds: bool) {
        if !holds {
            self.inconsistent.get_or_insert(self.pc);
        }
    }

    /// The registers of the frame declared at a pc of the running function.
    #[inline]
    fn frame(&self, pc: u32) -> Option<&'p [(Reg, TypeId)]> {
        let at = (*self.frame_at.get(pc as usize)?).checked_sub(1)?;
        Some(self.registers_of(at as usize))
    }

    /// The registers of the frame at a position.
    #[inline(always)]
    fn registers_of(&self, at: usize) -> &'p [(Reg, TypeId)] {
        let frames = &self.known.frames;
        &self.facts.frame_registers[frames[at].1 as usize..frames[at + 1].1 as usize]
    }

    /// Whether what a register holds is within the type with this number.
    #[inline(always)]
    fn register_within(&self, reg: Reg, declared: TypeId) -> bool {
        let register = &self.registers[reg.index()];
        register.declared == declared || self.is_within(register.ty, self.known.types[declared.index()])
    }

    /// Whether all registers hold what a frame declares.
    fn is_at(&self, frame: &[(Reg, TypeId)]) -> bool {
        frame.iter().all(|&(reg, declared)| self.register_within(reg, declared))
    }

    fn function(&mut self, func: FuncId) -> Result<(), FactsError> {
        let said = self.facts.functions[func.index()];
        let code = self.program.functions[func.index()].code;
        // Frames of this function; those of functions that never run are passed over.
        let frames = &self.known.frames;
        while frames[self.next_frame].0 < code.start {
            self.next_frame += 1;
        }
        if !said.reached {
            return Ok(());
        }
        let end = code.start + code.len;
        let first = self.next_frame;
        while frames[self.next_frame].0 < end {
            self.frame_at[(frames[self.next_frame].0 - code.start) as usize] = self.next_frame as u32 + 1;
            self.next_frame += 1;
        }
        let own = first..self.next_frame;
        let result = self.body(func, own.clone());
        for frame in &frames[own] {
            self.frame_at[(frame.0 - code.start) as usize] = 0;
        }
        result
    }

    /// Checks a function that is reached. Its frames are at these positions.
    fn body(&mut self, func: FuncId, own: Range<usize>) -> Result<(), FactsError> {
        let program = self.program;
        let function = &program.functions[func.index()];
        let followed = self.facts.functions[func.index()].followed;
        let start = function.code.start;
        self.func = func;
        self.followed = followed;
        self.near = usize::from(function.registers).min(NEAR);
        self.code_start = start;
        self.pc = start;
        self.enter_segment(None);
        if followed {
            let entry = self.frame(0).ok_or(FactsError::Inconsistent { pc: start })?;
            for &(reg, ty) in entry {
                let passed = if reg.0 < function.params { self.known.param(func, reg.0) } else { Type::ANY };
                self.demand(self.is_within(passed, self.known.types[ty.index()]));
            }
        }
        let code = &program.code[function.code.range()];
        let mut frames = if followed { own } else { own.end..own.end };
        let segments = handler_segments(function);
        let mut segments = segments.iter().peekable();
        let mut running = !followed;
        let mut before = None;
        let mut at = 0;
        // Frames are declared, and handlers change, only where a stretch of code begins.
        while at < function.code.len {
            if let Some(&(_, handler)) = segments.next_if(|segment| segment.0 == at)
                && handler != self.handler
            {
                self.enter_segment(handler);
            }
            if !frames.is_empty() && self.known.frames[frames.start].0 == start + at {
                let frame = self.registers_of(frames.start);
                frames.start += 1;
                self.pc = start + at;
                self.demand(!running || self.is_at(frame));
                self.load(frame);
                running = true;
                before = None;
            }
            let next_frame = if frames.is_empty() { u32::MAX } else { self.known.frames[frames.start].0 - start };
            let next_segment = segments.peek().map_or(u32::MAX, |segment| segment.0);
            let end = next_frame.min(next_segment).min(function.code.len);
            if running {
                let stretch = code[at as usize..end as usize].iter().copied();
                running = self.stretch(stretch.zip(at..), &mut before);
            }
            if let Some(pc) = self.inconsistent {
                return Err(FactsError::Inconsistent { pc });
            }
            at = end;
        }
        Ok(())
    }

    /// Runs the rules over code that has frames and changes of handler at most at its start; whether control goes on behind it.
    #[inline(always)]
    fn stretch(&mut self, code: impl Iterator<Item = (Op, u32)>, before: &mut Option<Op>) -> bool {
        let guarded = self.handler.is_some() && self.followed;
        for (op, pc) in code {
            self.pc = self.code_start + pc;
            if guarded && op.effects().throws {
                self.check_handler();
            }
            let at = At { func: self.func, pc, global_pc: self.pc, before: *before };
            if !step(self, &at, op) && self.followed {
                return false;
            }
            *before = Some(op);
        }
        true
    }

    /// Code begins that has this handler.
    fn enter_segment(&mut self, handler: Option<(u32, Reg)>) {
        self.handler = handler;
        self.watched = !self.followed || handler.is_some() || self.record.is_some();
        self.handler_checked = false;
        self.touched.clear();
    }

    /// Begins with what a frame declares.
    fn load(&mut self, frame: &[(Reg, TypeId)]) {
        self.clear(0);
        for &(reg, declared) in frame {
            self.registers[reg.index()] = Register { ty: self.known.types[declared.index()], declared };
        }
        let far = frame.iter().rev().take_while(|entry| entry.0.index() >= NEAR);
        self.far.extend(far.map(|entry| entry.0.0));
        self.handler_checked = false;
        self.touched.clear();
    }

    /// Unsets registers from this one on.
    fn clear(&mut self, first: usize) {
        if first < self.near {
            self.registers[first..self.near].fill(Register::UNSET);
        }
        while let Some(&reg) = self.far.peek()
            && usize::from(reg) >= first
        {
            self.far.pop();
            self.registers[usize::from(reg)] = Register::UNSET;
        }
    }

    /// An error may reach the handler with the registers as they are now: all are looked at the first time, then those written since.
    fn check_handler(&mut self) {
        if self.handler_checked {
            for at in 0..self.touched.len() {
                let reg = self.touched[at];
                if let Some(declared) = self.at_handler(reg) {
                    self.demand(self.register_within(reg, declared));
                }
            }
        } else {
            self.enter_handler();
        }
        self.handler_checked = true;
        self.touched.clear();
    }

    /// An error may reach the handler with the registers as they are now.
    fn enter_handler(&mut self) {
        let Some((target, error)) = self.handler else { return };
        let Some(frame) = self.frame(target) else { return self.demand(false) };
        let caught = self.join(self.known.declared(Place::Thrown), Type::STR);
        for &(reg, declared) in frame {
            self.demand(if reg == error {
                self.is_within(caught, self.known.types[declared.index()])
            } else {
                self.register_within(reg, declared)
            });
        }
    }

    /// The type declared for a register at the handler, if the handler needs it.
    fn at_handler(&self, reg: Reg) -> Option<TypeId> {
        let (target, error) = self.handler?;
        if reg == error {
            return None;
        }
        let frame = self.frame(target)?;
        let at = frame.binary_search_by_key(&reg, |entry| entry.0).ok()?;
        Some(frame[at].1)
    }

    /// The type of whatever is of one of two types, which must have one class.
    fn join_different(&mut self, a: Type, b: Type) -> Type {
        let class = match (a.class, b.class) {
            (ClassId::NONE, class) | (class, ClassId::NONE) => class,
            (x, y) => {
                self.demand(x == y);
                x
            }
        };
        let ids = self.sets.union(a.ids, b.ids);
        if ids == IdSet::TOP {
            let escaped = |ids| self.known.ids_escaped(&self.sets, ids);
            self.demand(escaped(a.ids) && escaped(b.ids));
        }
        Type { tags: a.tags.or(b.tags), class, ids }
    }

    /// What writing a register takes where more is asked than its type; whether the type is to be noted.
    fn note(&mut self, reg: Reg, ty: Type) -> bool {
        if let Some(record) = &mut self.record {
            let seen = if self.followed { ty } else { Type::ANY };
            record.set(self.program.code[self.pc as usize], self.pc, reg, seen);
        }
        if !self.followed {
            self.escape(ty);
        } else if self.handler.is_some() {
            self.touched.push(reg);
        }
        self.followed
    }
}

impl TypeEnv for Checker<'_> {
    fn program(&self) -> &Program {
        self.program
    }

    fn index(&self) -> &RuleIndex {
        self.index
    }

    #[inline(always)]
    fn register(&mut self, reg: Reg) -> Type {
        if self.followed { self.registers[reg.index()].ty } else { Type::ANY }
    }

    #[inline(always)]
    fn set(&mut self, reg: Reg, ty: Type) {
        if self.watched && !self.note(reg, ty) {
            return;
        }
        let register = &mut self.registers[reg.index()];
        if reg.index() >= NEAR && register.ty == UNSET {
            self.far.push(reg.0);
        }
        *register = Register::of(ty);
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        // Of a function that is not followed nothing is known, and nobody would clear it for the next one.
        if self.followed {
            self.registers[reg.index()] = Register::of(ty);
        }
    }

    fn clobber_above(&mut self, base: Reg) {
        self.clear(base.index() + 1);
        if let Some((target, error)) = self.handler
            && let Some(frame) = self.frame(target)
        {
            let mut lost = frame.iter().rev().take_while(|entry| entry.0 > base);
            let safe = lost.all(|entry| entry.0 == error);
            self.demand(safe);
        }
    }

    fn edge(&mut self, target: u32) {
        if self.followed {
            let holds = self.frame(target).is_some_and(|frame| self.is_at(frame));
            self.demand(holds);
        }
    }

    #[inline(always)]
    fn read(&mut self, place: Place) -> Type {
        self.known.declared(place)
    }

    #[inline(always)]
    fn flow(&mut self, place: Place, ty: Type) {
        let declared = self.known.declared(place);
        self.demand(self.is_within(ty, declared));
    }

    #[inline]
    fn join(&mut self, a: Type, b: Type) -> Type {
        if b.is_never() || a == b {
            a
        } else if a.is_never() {
            b
        } else {
            self.join_different(a, b)
        }
    }

    fn escape(&mut self, ty: Type) {
        self.demand(self.known.has_escaped(&self.sets, ty));
    }

    fn site(&mut self, pc: u32) -> ClassId {
        if self.site.0 == pc {
            return self.site.1;
        }
        let sites = &self.facts.sites;
        // Functions that are never run are skipped, with their sites.
        while sites.get(self.next_site).is_some_and(|site| site.0 < pc) {
            self.next_site += 1;
        }
        let class = match sites.get(self.next_site) {
            Some(&(at, class)) if at == pc => ClassId(class),
            _ => ClassId::ANY,
        };
        self.site = (pc, class);
        class
    }

    fn reach(&mut self, func: FuncId) {
        self.demand(self.facts.functions[func.index()].reached);
    }

    fn identity(&mut self, kind: IdKind) -> IdSet {
        self.sets.singleton(kind)
    }

    fn members(&self, set: IdSet) -> Members {
        self.sets.members(set).into()
    }
}

/// The innermost handler of each pc, as segments of code: the start of each, ascending, with the handler's target and error register.
fn handler_segments(function: &Function) -> Vec<(u32, Option<(u32, Reg)>)> {
    if function.handlers.is_empty() {
        return Vec::new();
    }
    let mut starts: Vec<u32> =
        function.handlers.iter().flat_map(|handler| [handler.start, handler.end]).chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut segments: Vec<(u32, Option<(u32, Reg)>)> = starts.into_iter().map(|start| (start, None)).collect();
    // Handlers come innermost first, so a segment belongs to the first that covers it; owned ones are skipped.
    let count = segments.len();
    let mut next: Vec<u32> = (0..=count as u32).collect();
    for handler in &function.handlers {
        let mut at = segments.partition_point(|segment| segment.0 < handler.start);
        loop {
            while next[at] as usize != at {
                next[at] = next[next[at] as usize];
                at = next[at] as usize;
            }
            if at >= count || segments[at].0 >= handler.end {
                break;
            }
            segments[at].1 = Some((handler.target, handler.error));
            next[at] = at as u32 + 1;
            at += 1;
        }
    }
    segments
}
