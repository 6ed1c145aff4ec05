//! One pass over functions, with the types that frames declare.

use std::collections::BinaryHeap;
use std::ops::Range;

use super::Record;
use crate::bytecode::facts::{TypeFacts, TypeId};
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Identity, Tags, Type};
use crate::bytecode::verify::{FactTables, Held};
use crate::bytecode::{FactsError, FuncId, Function, Op, Program, Reg};
use crate::facts::rules::{At, Place, RuleIndex, TypeEnv, step, told_failure};

/// Registers below this one are cleared without asking which are set, up to the last that is: nearly no function has
/// more, and clearing a run costs less than remembering. Of the others, those that are set are remembered, so that
/// clearing takes no longer than setting has.
const NEAR: usize = 64;

/// Where control is at an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    /// It comes from the one before.
    Here,
    /// It comes from jumps, if at all.
    Elsewhere,
    /// The check has come to its end.
    Ended,
}

/// A function with more instructions is checked in parts, as any that starts with a frame can be checked by itself.
const UNDIVIDED: u32 = 4096;

/// Each part finds the segments of all handlers anew, so a function that has more than this many is not divided.
const FEW_HANDLERS: usize = 64;

fn is_divided(function: &Function) -> bool {
    function.code.len > UNDIVIDED && function.handlers.len() <= FEW_HANDLERS
}

/// Runs the rules over functions.
pub struct Checker<'p> {
    program: &'p Program,
    facts: &'p TypeFacts,
    known: &'p FactTables<'p>,
    index: &'p RuleIndex,
    /// The tables' and those that the rules have made of them.
    pub sets: IdSets,
    /// What instructions write, if that is asked for.
    pub record: Option<Record>,
    /// Next entries of `facts.frames` and `facts.sites` to be met.
    next_frame: usize,
    next_site: usize,
    site: (u32, ClassId),
    /// The first instruction that does not agree with what is declared.
    inconsistent: Option<u32>,
    /// Unset but for those below `top` and those in `far`.
    registers: Vec<Held>,
    /// One past the last set register of the first [`NEAR`].
    top: usize,
    /// The set ones of the other registers.
    far: BinaryHeap<u16>,
    func: FuncId,
    followed: bool,
    /// Whether writing a register takes more than noting its type.
    watched: bool,
    /// The pcs of the next frame and of the last of a function that is followed.
    frame_pc: u32,
    entered: u32,
    /// What begins with a frame from here on is another part of the function.
    part_end: u32,
    /// The handler of the instruction being checked: its target, and the register that gets the error.
    handler: Option<(u32, Reg)>,
    /// Whether an instruction that may throw has found all registers to be as the handler declares them.
    handler_checked: bool,
    /// Registers written since an instruction that may throw last checked them against the handler.
    touched: Vec<Reg>,
    pc: u32,
}

impl<'p> Checker<'p> {
    pub fn new(known: &'p FactTables<'p>, index: &'p RuleIndex) -> Checker<'p> {
        let functions = &known.program.functions;
        let max_registers = functions.iter().map(|function| function.registers).max().unwrap_or(0);
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
            registers: vec![Held::UNSET; usize::from(max_registers) + 8],
            top: 0,
            far: BinaryHeap::new(),
            func: FuncId(0),
            followed: true,
            watched: false,
            frame_pc: 0,
            entered: 0,
            part_end: u32::MAX,
            handler: None,
            handler_checked: false,
            touched: Vec::new(),
            pc: 0,
        }
    }

    /// Checks all functions.
    pub fn all(&mut self) -> Result<(), FactsError> {
        self.piece(0..u32::MAX)
    }

    /// Checks a piece of the code: the functions that start in it, and of those that are divided what starts in it.
    pub fn piece(&mut self, piece: Range<u32>) -> Result<(), FactsError> {
        let functions = &self.program.functions;
        let first = functions.partition_point(|function| function.code.start < piece.start);
        self.site.0 = u32::MAX;
        self.next_frame = self.facts.frames.partition_point(|frame| frame.pc < piece.start);
        self.next_site = self.facts.sites.partition_point(|site| site.0 < piece.start);
        if let Some(before) = first.checked_sub(1)
            && is_divided(&functions[before])
        {
            self.function(FuncId(before as u32), piece.clone())?;
        }
        for (index, function) in functions.iter().enumerate().skip(first) {
            if function.code.start >= piece.end {
                break;
            }
            let end = if is_divided(function) { piece.end } else { u32::MAX };
            self.function(FuncId(index as u32), piece.start..end)?;
        }
        Ok(())
    }

    fn is_within(&self, a: Type, b: Type) -> bool {
        self.known.is_within(&self.sets, a, b)
    }

    #[inline(always)]
    fn demand(&mut self, holds: bool) {
        if !holds {
            self.disagree();
        }
    }

    #[cold]
    fn disagree(&mut self) {
        self.inconsistent.get_or_insert(self.pc);
    }

    /// The registers of the frame declared at a pc.
    #[inline(always)]
    fn frame(&self, pc: u32) -> Option<&'p [(Reg, TypeId)]> {
        let known = self.known;
        Some(known.registers_of(known.frames.at(pc)?))
    }

    /// Whether what a register holds is within the type with this number.
    #[inline(always)]
    fn register_within(&mut self, reg: Reg, declared: TypeId) -> bool {
        self.registers[reg.index()].is_within(declared, self.known, &self.sets)
    }

    /// [`Self::register_within`] of one that has not been declared so. Out of line, so that what is done for the others
    /// needs few machine registers.
    #[inline(never)]
    fn comes_to(&mut self, reg: Reg, declared: TypeId) -> bool {
        self.register_within(reg, declared)
    }

    /// The pc of the next frame.
    #[inline(always)]
    fn next_frame_pc(&self) -> u32 {
        self.facts.frames.get(self.next_frame).map_or(u32::MAX, |frame| frame.pc)
    }

    /// Checks a function if it is reached, or a part of it: from its start or its first frame in this code, up to its
    /// first frame behind it.
    fn function(&mut self, func: FuncId, part: Range<u32>) -> Result<(), FactsError> {
        let program = self.program;
        let function = &program.functions[func.index()];
        let claimed = self.facts.functions[func.index()];
        let (start, end) = (function.code.start, function.code.start + function.code.len);
        // The frames of functions that never run are passed over.
        while self.next_frame_pc() < start {
            self.next_frame += 1;
        }
        if !claimed.reached {
            return Ok(());
        }
        self.func = func;
        self.followed = claimed.followed;
        self.pc = start;
        self.enter_segment(None);
        let mut first = start;
        if part.start > start {
            first = self.next_frame_pc();
            if !claimed.followed || first >= end.min(part.end) {
                return Ok(());
            }
        } else if claimed.followed {
            let entry = self.frame(start).ok_or(FactsError::Inconsistent { pc: start })?;
            for &(reg, ty) in entry {
                let passed = if reg.0 < function.params { self.known.param(func, reg.0) } else { Type::ANY };
                self.demand(self.is_within(passed, self.known.of(ty)));
            }
        }
        self.entered = start;
        self.part_end = part.end;
        self.frame_pc = if claimed.followed { self.next_frame_pc() } else { u32::MAX };
        let mut control = if claimed.followed { Control::Elsewhere } else { Control::Here };
        if function.handlers.is_empty() {
            self.segment(first..end, control);
        } else {
            let segments = handler_segments(function);
            for (index, &(segment, handler)) in segments.iter().enumerate() {
                let segment_end = segments.get(index + 1).map_or(end, |next| start + next.0);
                if segment_end <= first || control == Control::Ended {
                    continue;
                }
                if handler != self.handler {
                    self.enter_segment(handler);
                }
                control = self.segment(first.max(start + segment)..segment_end, control);
            }
        }
        self.inconsistent.map_or(Ok(()), |pc| Err(FactsError::Inconsistent { pc }))
    }

    /// Checks code that has one handler; where control is behind it.
    fn segment(&mut self, code: Range<u32>, mut control: Control) -> Control {
        let program = self.program;
        let guarded = self.handler.is_some() && self.followed;
        let ops = &program.code[..code.end as usize];
        let mut pc = if control == Control::Here { code.start } else { self.frame_pc.min(code.end) };
        while let Some(&op) = ops.get(pc as usize) {
            self.pc = pc;
            if pc == self.frame_pc {
                if self.inconsistent.is_some() {
                    return Control::Ended;
                }
                self.arrive(control == Control::Here);
                if pc >= self.part_end {
                    return Control::Ended;
                }
                control = Control::Here;
            }
            if guarded && op.effects().throws {
                self.check_handler();
            }
            if self.record.is_some() {
                self.note_certain_failure(op);
            }
            if step(self, op) || !self.followed {
                pc += 1;
            } else {
                control = Control::Elsewhere;
                pc = self.frame_pc.min(code.end);
            }
        }
        control
    }

    /// Writes down whether an instruction always fails. Looking at its operands for that is no part of the check.
    fn note_certain_failure(&mut self, op: Op) {
        let found = self.inconsistent;
        let fails = told_failure(self, op).is_some();
        let agrees = std::mem::replace(&mut self.inconsistent, found) == found;
        if let Some(record) = &mut self.record
            && fails
            && agrees
        {
            record.fails.insert(self.pc);
        }
    }

    /// Code begins that has this handler.
    fn enter_segment(&mut self, handler: Option<(u32, Reg)>) {
        self.handler = handler;
        self.watched = !self.followed || handler.is_some() || self.record.is_some();
        self.handler_checked = false;
        self.touched.clear();
    }

    /// Goes on with what the next frame declares, and with that alone. If control comes from the instruction before,
    /// registers must hold what is declared.
    #[inline(never)]
    fn arrive(&mut self, running: bool) {
        let frame = self.known.registers_of(self.next_frame);
        self.next_frame += 1;
        self.frame_pc = self.next_frame_pc();
        self.entered = self.pc;
        let near = match frame.last() {
            Some(last) if last.0.index() >= NEAR => frame.partition_point(|entry| entry.0.index() < NEAR),
            _ => frame.len(),
        };
        let (near, far) = frame.split_at(near);
        let mut next = 0;
        for &(reg, declared) in near {
            if next < reg.index() {
                self.registers[next..reg.index()].fill(Held::UNSET);
            }
            next = reg.index() + 1;
            self.declare(reg, declared, running);
        }
        self.clear_near(next);
        self.top = next;
        if !(far.is_empty() && self.far.is_empty()) {
            self.arrive_far(far, running);
        }
        self.handler_checked = false;
        self.touched.clear();
    }

    /// The part of [`Self::arrive`] about registers from [`NEAR`] on.
    #[cold]
    fn arrive_far(&mut self, frame: &[(Reg, TypeId)], running: bool) {
        for &(reg, declared) in frame {
            self.declare(reg, declared, running);
        }
        let mut set = std::mem::take(&mut self.far).into_vec();
        for &reg in &set {
            if frame.binary_search_by_key(&reg, |entry| entry.0.0).is_err() {
                self.registers[usize::from(reg)] = Held::UNSET;
            }
        }
        set.clear();
        set.extend(frame.iter().map(|entry| entry.0.0));
        self.far = set.into();
    }

    /// From here on a register holds what is declared. If control comes from the instruction before, it must do so
    /// already.
    #[inline(always)]
    fn declare(&mut self, reg: Reg, declared: TypeId, running: bool) {
        if !self.registers[reg.index()].is_declared(declared) {
            let holds = !running || self.comes_to(reg, declared);
            self.registers[reg.index()] = self.known.types[declared.index()];
            self.demand(holds);
        }
    }

    /// Unsets registers from this one on.
    #[inline(always)]
    fn clear(&mut self, first: usize) {
        self.clear_near(first);
        if !self.far.is_empty() {
            self.clear_far(first);
        }
    }

    #[inline(always)]
    fn clear_near(&mut self, first: usize) {
        if first < self.top {
            self.registers[first..self.top].fill(Held::UNSET);
            self.top = first;
        }
    }

    #[cold]
    fn clear_far(&mut self, first: usize) {
        while let Some(&reg) = self.far.peek()
            && usize::from(reg) >= first
        {
            self.far.pop();
            self.registers[usize::from(reg)] = Held::UNSET;
        }
    }

    /// Lets a register hold something.
    #[inline(always)]
    fn put(&mut self, reg: Reg, register: Held) {
        let index = reg.index();
        if index >= self.top {
            self.raise(index);
        }
        self.registers[index] = register;
    }

    /// A register above the top is about to be set.
    #[inline(always)]
    fn raise(&mut self, index: usize) {
        if index < NEAR {
            self.top = index + 1;
        } else if self.registers[index].is_unset() {
            self.far.push(index as u16);
        }
    }

    /// An error may reach the handler with the registers as they are now: all are looked at the first time, then those
    /// written since.
    fn check_handler(&mut self) {
        if self.handler_checked {
            for index in 0..self.touched.len() {
                let reg = self.touched[index];
                if let Some(declared) = self.at_handler(reg) {
                    let holds = self.register_within(reg, declared);
                    self.demand(holds);
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
            let holds = if reg == error {
                self.is_within(caught, self.known.of(declared))
            } else {
                self.register_within(reg, declared)
            };
            self.demand(holds);
        }
    }

    /// The type declared for a register at the handler, if the handler needs it.
    fn at_handler(&self, reg: Reg) -> Option<TypeId> {
        let (target, error) = self.handler?;
        if reg == error {
            return None;
        }
        let frame = self.frame(target)?;
        let index = frame.binary_search_by_key(&reg, |entry| entry.0).ok()?;
        Some(frame[index].1)
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
    fn at(&self) -> At {
        At { func: self.func, pc: self.pc, entered: self.entered }
    }

    #[inline(always)]
    fn register(&mut self, reg: Reg) -> Type {
        if self.followed { self.registers[reg.index()].ty() } else { Type::ANY }
    }

    #[inline(always)]
    fn set(&mut self, reg: Reg, ty: Type) {
        if !self.watched || self.note(reg, ty) {
            self.put(reg, self.known.held(ty));
        }
    }

    #[inline(always)]
    fn copy(&mut self, dst: Reg, src: Reg) {
        let register = self.registers[src.index()];
        if self.watched || register.ty().tags.meets(Tags::ITER) {
            let ty = self.get(src);
            self.set(dst, ty);
        } else {
            self.put(dst, register);
        }
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        // Of a function that is not followed nothing is known, and nobody would clear it for the next one.
        if self.followed {
            self.put(reg, Held::of(ty));
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

    #[inline(never)]
    fn edge(&mut self, to: i32) {
        if !self.followed {
            return;
        }
        let Some(frame) = self.frame((self.pc + 1).wrapping_add_signed(to)) else { return self.disagree() };
        for &(reg, declared) in frame {
            if !self.registers[reg.index()].is_declared(declared) && !self.comes_to(reg, declared) {
                return self.disagree();
            }
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
            Some(&(site_pc, class)) if site_pc == pc => ClassId(class),
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

    #[inline(always)]
    fn member(&self, set: IdSet, index: usize) -> Option<Identity> {
        self.sets.members(set).get(index).copied()
    }
}

/// The innermost handler of each pc, as segments of code: the start of each in the function, ascending, with the
/// handler's target in the program and its error register.
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
        let mut index = segments.partition_point(|segment| segment.0 < handler.start);
        loop {
            while next[index] as usize != index {
                next[index] = next[next[index] as usize];
                index = next[index] as usize;
            }
            if index >= count || segments[index].0 >= handler.end {
                break;
            }
            segments[index].1 = Some((function.code.start + handler.target, handler.error));
            next[index] = index as u32 + 1;
            index += 1;
        }
    }
    segments
}
