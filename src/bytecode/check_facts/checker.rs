//! One pass over functions, with the types that frames declare.

use std::ops::Range;

use super::tables::{Tables, UNSET};
use super::{FactsError, Record};
use crate::bytecode::facts::{TypeFacts, TypeId};
use crate::bytecode::type_rules::{At, Members, Place, RuleIndex, TypeEnv, step};
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Type};
use crate::bytecode::{FuncId, Function, Program, Reg};

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
    consistent: bool,
    registers: Vec<Register>,
    high: u16,
    func: FuncId,
    followed: bool,
    /// Whether writing a register takes more than noting its type.
    watched: bool,
    code_start: u32,
    /// For each pc of the function, one past the position of the frame declared there; 0 if there is none.
    frame_at: Vec<u32>,
    /// The handler of the instruction being checked: its frame, and the register that gets the error.
    handler: Option<(u32, Reg)>,
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
            consistent: true,
            registers: vec![Register::UNSET; usize::from(max_registers) + 8],
            high: 0,
            func: FuncId(0),
            followed: true,
            watched: false,
            code_start: 0,
            frame_at: vec![0; longest as usize],
            handler: None,
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

    fn demand(&mut self, holds: bool) {
        self.consistent &= holds;
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
        let start = if at == 0 { 0 } else { frames[at - 1].1 as usize };
        &self.facts.frame_registers[start..frames[at].1 as usize]
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
        while frames.get(self.next_frame).is_some_and(|frame| frame.0 < code.start) {
            self.next_frame += 1;
        }
        if !said.reached {
            return Ok(());
        }
        let first = self.next_frame;
        let own = frames[first..].iter().take_while(|frame| frame.0 < code.start + code.len);
        for (at, frame) in own.enumerate() {
            self.frame_at[(frame.0 - code.start) as usize] = (first + at) as u32 + 1;
        }
        let result = self.body(func, first);
        let own = frames[first..].iter().take_while(|frame| frame.0 < code.start + code.len);
        for frame in own {
            self.frame_at[(frame.0 - code.start) as usize] = 0;
        }
        result
    }

    /// Checks a function that is reached. Its frames, and those of the functions behind it, start at `next_frame`.
    fn body(&mut self, func: FuncId, mut next_frame: usize) -> Result<(), FactsError> {
        let program = self.program;
        let function = &program.functions[func.index()];
        let said = self.facts.functions[func.index()];
        let start = function.code.start;
        let frames = &self.known.frames;
        self.func = func;
        self.followed = said.followed;
        self.code_start = start;
        self.pc = start;
        self.handler = None;
        self.watched = !said.followed || self.record.is_some();
        if said.followed {
            let entry = self.frame(0).ok_or(FactsError::Inconsistent { pc: start })?;
            for &(reg, ty) in entry {
                let passed = if reg.0 < function.params { self.known.param(func, reg.0) } else { Type::ANY };
                self.demand(self.is_within(passed, self.known.types[ty.index()]));
            }
        }
        let handlers = (!function.handlers.is_empty()).then(|| HandlerMap::new(function));
        let mut running = !said.followed;
        let mut entered_handler = false;
        let mut before = None;
        for (&op, pc) in program.code[function.code.range()].iter().zip(start..) {
            self.pc = pc;
            if frames.get(next_frame).is_some_and(|frame| frame.0 == pc) {
                let frame = self.registers_of(next_frame);
                next_frame += 1;
                if said.followed {
                    self.demand(!running || self.is_at(frame));
                    self.load(frame);
                    running = true;
                    entered_handler = false;
                    self.touched.clear();
                    before = None;
                }
            }
            if !running {
                continue;
            }
            if let Some(handlers) = &handlers {
                let handler = handlers.at(pc - start);
                if handler != self.handler {
                    self.handler = handler;
                    self.watched = !said.followed || handler.is_some() || self.record.is_some();
                    entered_handler = false;
                    self.touched.clear();
                }
                if handler.is_some() && said.followed && op.effects().throws {
                    if entered_handler {
                        self.recheck_handler();
                    } else {
                        self.enter_handler();
                    }
                    entered_handler = true;
                    self.touched.clear();
                }
            }
            let at = At { func, pc: pc - start, global_pc: pc, before };
            running = step(self, &at, op) || !said.followed;
            if !self.consistent {
                return Err(FactsError::Inconsistent { pc });
            }
            before = Some(op);
        }
        Ok(())
    }

    /// Begins with what a frame declares.
    fn load(&mut self, frame: &[(Reg, TypeId)]) {
        let clear = usize::from(self.high) + 1;
        self.registers[..clear].fill(Register::UNSET);
        for &(reg, declared) in frame {
            self.registers[reg.index()] = Register { ty: self.known.types[declared.index()], declared };
        }
        self.high = frame.last().map_or(0, |last| last.0.0);
    }

    /// As [`Self::enter_handler`], for the registers written since the handler was last looked at.
    fn recheck_handler(&mut self) {
        for at in 0..self.touched.len() {
            let reg = self.touched[at];
            if let Some(declared) = self.at_handler(reg) {
                self.demand(self.register_within(reg, declared));
            }
        }
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
        self.registers[reg.index()] = Register::of(ty);
        self.high = self.high.max(reg.0);
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = Register::of(ty);
        }
    }

    fn clobber_above(&mut self, base: Reg) {
        let (first, end) = (usize::from(base.0) + 1, usize::from(self.high) + 1);
        if first < end {
            self.registers[first..end].fill(Register::UNSET);
        }
        self.high = self.high.min(base.0);
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

    #[inline]
    fn read(&mut self, place: Place) -> Type {
        self.known.declared(place)
    }

    #[inline]
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

/// The innermost handler of each pc, as segments of code.
struct HandlerMap {
    /// Start of each segment, ascending, with the handler's target and error register.
    segments: Vec<(u32, Option<(u32, Reg)>)>,
}

impl HandlerMap {
    fn new(function: &Function) -> HandlerMap {
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
        HandlerMap { segments }
    }

    fn at(&self, pc: u32) -> Option<(u32, Reg)> {
        let after = self.segments.partition_point(|segment| segment.0 <= pc);
        self.segments[after.checked_sub(1)?].1
    }
}
