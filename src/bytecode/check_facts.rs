//! Checks type facts against the code: one pass, no iteration.
//!
//! The check runs the rules of [`super::type_rules`] once over every function that is said to be reached. Frames declare the types
//! where jumps lead; between them types follow from the instructions, and every store, call, return and jump must be consistent with what is
//! declared. If all are, the facts hold in every execution that starts at the main module's body with these declarations true of nothing
//! yet, which is how every execution starts.
//!
//! Facts that are malformed (positions out of range, entries out of order) make the file invalid; facts that are merely wrong are
//! dropped. A frame says nothing about registers it does not name: reading one is an inconsistency.

use std::fmt;

use super::facts::{Bound, Facts, Region, TypeFacts, TypeId, Verdict};
use super::type_rules::{At, Members, Place, RuleIndex, SIDE_FIELDS, TypeEnv, step};
use super::types::{ClassId, IdKind, IdSet, IdSets, Identity, Slot, Tags, Type};
use super::{FuncId, FunctionKind, LoopId, ModuleKind, Op, Program, Reg, StructId};

/// What is wrong with facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FactsError {
    /// They are no facts about this program: the file is damaged or crafted.
    Malformed(&'static str),
    /// The instruction at this index of `Program::code` does something the declared types do not allow.
    Inconsistent { pc: u32 },
    /// Two declarations contradict each other.
    Contradictory(&'static str),
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FactsError::Malformed(what) => write!(f, "malformed facts: {what}"),
            FactsError::Inconsistent { pc } => write!(f, "the facts do not agree with instruction {pc}"),
            FactsError::Contradictory(what) => write!(f, "the facts contradict themselves: {what}"),
        }
    }
}

impl std::error::Error for FactsError {}

/// Type facts that hold, in the form in which they are asked.
#[derive(Clone, Debug)]
pub struct CheckedTypes {
    /// Per instruction of `Program::code`: the type of what it writes. `NEVER` where it is never executed, or writes nothing.
    written: Vec<Type>,
    /// For the pairing loops' second item.
    second: rustc_hash::FxHashMap<u32, Type>,
    /// Frames: pc, and where their registers end.
    frames: Vec<(u32, u32)>,
    frame_registers: Vec<(Reg, Type)>,
    sets: IdSets,
    classes: Vec<[Type; Slot::COUNT]>,
    globals: Vec<Type>,
    results: Vec<Type>,
    params: Vec<Type>,
    first_param: Vec<u32>,
    fields: Vec<Type>,
    first_field: Vec<u32>,
}

impl CheckedTypes {
    /// The type of the value that the instruction at `pc` (an index into `Program::code`) leaves in `register`, if that is a register it
    /// writes. `None` also for iterator state, which is no value.
    pub fn written(&self, op: Op, pc: u32, register: Reg) -> Option<Type> {
        let main = main_register(op)?;
        let ty = if register == main {
            *self.written.get(pc as usize)?
        } else {
            match op {
                Op::ForPrep { base, .. } | Op::ForLoop { base, .. } if (base.0..base.0 + 2).contains(&register.0) => {
                    *self.written.get(pc as usize)?
                }
                Op::IterPrep2 { base, .. } | Op::IterNext2 { base, .. } if register.0 == base.0 + 4 => {
                    *self.second.get(&pc)?
                }
                _ => return None,
            }
        };
        (!ty.tags.meets(Tags::ITER) || ty == Type::ANY).then_some(ty)
    }

    /// The declared types of live registers at `pc` (an index into `Program::code`), where a frame is declared: at loop headers, jump targets
    /// and function starts.
    pub fn frame(&self, pc: u32) -> Option<&[(Reg, Type)]> {
        let at = self.frames.binary_search_by_key(&pc, |frame| frame.0).ok()?;
        let start = if at == 0 { 0 } else { self.frames[at - 1].1 as usize };
        Some(&self.frame_registers[start..self.frames[at].1 as usize])
    }

    pub fn global(&self, global: super::GlobalId) -> Type {
        self.globals[global.index()]
    }

    pub fn result(&self, func: FuncId) -> Type {
        self.results[func.index()]
    }

    pub fn param(&self, func: FuncId, param: u16) -> Type {
        self.params[self.first_param[func.index()] as usize + usize::from(param)]
    }

    pub fn field(&self, def: StructId, field: u32) -> Type {
        self.fields[self.first_field[def.index()] as usize + field as usize]
    }

    /// The type of what containers of a class hold.
    pub fn slot(&self, class: ClassId, slot: Slot) -> Type {
        match class {
            ClassId::NONE => Type::NEVER,
            _ => self.classes.get(class.index()).map_or(Type::ANY, |slots| slots[slot as usize]),
        }
    }

    /// The identities in a set; `None` if any are possible.
    pub fn identities(&self, set: IdSet) -> Option<&[Identity]> {
        (set != IdSet::TOP).then(|| self.sets.members(set))
    }
}

/// The register an instruction writes first and foremost.
fn main_register(op: Op) -> Option<Reg> {
    use super::op::operand::Kind;
    let mut main = None;
    op.for_each_operand(|operand| {
        let reg = operand.value as u16;
        match operand.kind {
            Kind::Out | Kind::CallBase | Kind::FnBase | Kind::NativeBase | Kind::MethodBase | Kind::NewBase => {
                main = Some(Reg(reg));
            }
            Kind::RangeBase => main = Some(Reg(reg.saturating_add(2))),
            Kind::IterBase | Kind::PairIterBase => main = Some(Reg(reg.saturating_add(3))),
            _ => {}
        }
    });
    main
}

/// Checks the type facts of a verified program.
pub fn check(program: &Program, facts: &Facts) -> Result<CheckedTypes, FactsError> {
    let mut checker = Checker::new(program, facts)?;
    checker.declarations()?;
    for at in 0..program.functions.len() {
        checker.function(FuncId(at as u32))?;
    }
    Ok(checker.known)
}

/// Whether facts are well formed: whatever they name exists, and tables have the program's lengths. The program's other parts have been
/// verified. Facts that pass may still be wrong.
pub fn validate(program: &Program, facts: &Facts) -> Result<(), FactsError> {
    Checker::new(program, facts)?;
    validate_regions(program, facts)
}

fn validate_regions(program: &Program, facts: &Facts) -> Result<(), FactsError> {
    let malformed = |what| Err(FactsError::Malformed(what));
    let loops = (0..program.loops.len() as u32).map(|at| Region::Loop(LoopId(at)));
    let functions = (0..program.functions.len() as u32)
        .filter(|&at| program.functions[at as usize].kind != FunctionKind::Body)
        .map(|at| Region::Function(FuncId(at)));
    if !loops.chain(functions).eq(facts.regions.iter().map(|facts| facts.region)) {
        return malformed("the regions are not the program's");
    }
    for region in &facts.regions {
        let func = match region.region {
            Region::Loop(id) => program.loops[id.index()].func,
            Region::Function(func) => func,
        };
        let registers = program.functions[func.index()].registers;
        let bounds = region.inductions.iter().filter_map(|induction| match induction.bound {
            Bound::Register(reg) => Some(reg),
            Bound::Constant(_) | Bound::None => None,
        });
        let named = (region.live_in.iter().chain(&region.live_out).map(|entry| entry.0))
            .chain(region.invariants.iter().copied())
            .chain(region.inductions.iter().map(|induction| induction.register))
            .chain(bounds);
        if named.into_iter().any(|reg| reg.0 >= registers) {
            return malformed("a region names a register that does not exist");
        }
        if region.live_in.iter().chain(&region.live_out).any(|entry| entry.1.index() >= facts.types.types.len()) {
            return malformed("a region names a type that does not exist");
        }
        let effects = &region.effects;
        let field = |&(def, field): &(StructId, u32)| {
            program.structs.get(def.index()).is_some_and(|def| (field as usize) < def.fields.len())
        };
        if !(effects.globals_read.iter().chain(&effects.globals_written).all(|id| id.index() < program.globals.len())
            && effects.fields_read.iter().chain(&effects.fields_written).all(field)
            && effects.calls.iter().all(|id| id.index() < program.functions.len()))
        {
            return malformed("a region's effects name what does not exist");
        }
        if region.span.lo > region.span.hi || region.reason.is_some_and(|refusal| refusal.span.lo > refusal.span.hi) {
            return malformed("a reason's span ends before it starts");
        }
        if (region.verdict == Verdict::Incompatible) != region.reason.is_some() {
            return malformed("a verdict without its reason");
        }
    }
    Ok(())
}

/// A register that no frame names and nothing has set. No rule makes this type: it has a class but no kinds.
const UNSET: Type = Type { tags: Tags::NONE, class: ClassId::ANY, ids: IdSet::EMPTY };

struct Checker<'p> {
    program: &'p Program,
    facts: &'p TypeFacts,
    index: RuleIndex,
    known: CheckedTypes,
    captures: Vec<Type>,
    first_capture: Vec<u32>,
    thrown: Type,
    /// Next entry of `facts.sites` to be met.
    next_site: usize,
    site: (u32, ClassId),
    consistent: bool,
    registers: Vec<Type>,
    high: u16,
    func: FuncId,
    followed: bool,
    code_start: u32,
    /// The handler of the instruction being checked: its frame, and the register that gets the error.
    handler: Option<(u32, Reg)>,
    /// Registers written since an instruction that may throw last checked them against the handler.
    touched: Vec<Reg>,
    pc: u32,
}

impl<'p> Checker<'p> {
    fn new(program: &'p Program, facts: &'p Facts) -> Result<Checker<'p>, FactsError> {
        let facts = &facts.types;
        let malformed = |what| FactsError::Malformed(what);
        let mut sets = IdSets::default();
        let mut numbers = Vec::with_capacity(facts.id_sets.len());
        for members in &facts.id_sets {
            if members.len() > IdSets::MAX || members.windows(2).any(|pair| pair[0] >= pair[1]) {
                return Err(malformed("a set of identities is too large or out of order"));
            }
            if !members.iter().all(|id| id.unpack().is_some_and(|kind| exists(program, kind))) {
                return Err(malformed("an identity that does not exist"));
            }
            numbers.push(sets.intern(members));
        }
        let mut types = Vec::with_capacity(facts.types.len());
        for ty in &facts.types {
            let ids = match ty.ids {
                IdSet::TOP => IdSet::TOP,
                set => *numbers.get(set.0 as usize).ok_or(malformed("a set of identities that does not exist"))?,
            };
            if ty.class != ClassId::NONE && ty.class.index() > facts.classes.len() {
                return Err(malformed("a class that does not exist"));
            }
            if (ty.class != ClassId::NONE) != ty.tags.meets(Tags::CONTAINERS) {
                return Err(malformed("a type whose class and kinds do not fit"));
            }
            if (ids != IdSet::EMPTY) != ty.tags.meets(Tags::IDENTIFIED) {
                return Err(malformed("a type whose identities and kinds do not fit"));
            }
            types.push(Type { ids, ..*ty });
        }
        let resolve = |id: &TypeId| types.get(id.index()).copied().ok_or(malformed("a type that does not exist"));
        let all = |ids: &[TypeId], expected: usize| {
            if ids.len() != expected {
                return Err(malformed("a table of another length than the program's"));
            }
            ids.iter().map(resolve).collect::<Result<Vec<Type>, _>>()
        };
        let starts = |counts: &mut dyn Iterator<Item = usize>| {
            let mut next = 0u32;
            let mut starts: Vec<u32> = Vec::new();
            for count in counts {
                starts.push(next);
                next += count as u32;
            }
            (starts, next as usize)
        };
        let (first_param, params) = starts(&mut program.functions.iter().map(|f| usize::from(f.params)));
        let (first_capture, captures) = starts(&mut program.functions.iter().map(|f| f.captures.len()));
        let (first_field, fields) = starts(&mut program.structs.iter().map(|def| def.fields.len() + 1));
        let mut classes = vec![[Type::ANY; Slot::COUNT]];
        for slots in &facts.classes {
            let mut resolved = [Type::NEVER; Slot::COUNT];
            for (to, from) in resolved.iter_mut().zip(slots) {
                *to = resolve(from)?;
            }
            classes.push(resolved);
        }
        let mut frames = Vec::with_capacity(facts.frames.len());
        let (mut end, mut function) = (0u32, 0);
        for frame in &facts.frames {
            if frame.pc as usize >= program.code.len() || frames.last().is_some_and(|&(pc, _)| pc >= frame.pc) {
                return Err(malformed("frames out of order"));
            }
            let start = end as usize;
            end = end.checked_add(frame.count).ok_or(malformed("frames with too many registers"))?;
            let registers =
                facts.frame_registers.get(start..end as usize).ok_or(malformed("frames without registers"))?;
            if registers.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                return Err(malformed("a frame's registers are out of order"));
            }
            while program.functions[function].code.range().end <= frame.pc as usize {
                function += 1;
            }
            if registers.last().is_some_and(|last| last.0.0 >= program.functions[function].registers) {
                return Err(malformed("a frame names a register that does not exist"));
            }
            frames.push((frame.pc, end));
        }
        if end as usize != facts.frame_registers.len() {
            return Err(malformed("registers of no frame"));
        }
        let mut frame_registers = Vec::with_capacity(facts.frame_registers.len());
        for (reg, ty) in &facts.frame_registers {
            frame_registers.push((*reg, resolve(ty)?));
        }
        for pair in facts.sites.windows(2) {
            if pair[0].0 >= pair[1].0 {
                return Err(malformed("sites out of order"));
            }
        }
        if facts.sites.iter().any(|&(pc, class)| pc as usize >= program.code.len() || class as usize >= classes.len()) {
            return Err(malformed("a site that does not exist"));
        }
        if facts.functions.len() != program.functions.len()
            || facts.structs.len() != program.structs.len()
            || facts.escaped_modules.len() != program.modules.len()
            || facts.escaped_globals.len() != program.globals.len()
        {
            return Err(malformed("a table of another length than the program's"));
        }
        let max_registers = program.functions.iter().map(|function| function.registers).max().unwrap_or(0);
        Ok(Checker {
            program,
            facts,
            index: RuleIndex::new(program),
            captures: all(&facts.captures, captures)?,
            first_capture,
            thrown: resolve(&facts.thrown)?,
            known: CheckedTypes {
                written: vec![Type::NEVER; program.code.len()],
                second: Default::default(),
                frames,
                frame_registers,
                classes,
                globals: all(&facts.globals, program.globals.len())?,
                results: all(&facts.results, program.functions.len())?,
                params: all(&facts.params, params)?,
                first_param,
                fields: all(&facts.fields, fields)?,
                first_field,
                sets,
            },
            next_site: 0,
            site: (u32::MAX, ClassId::ANY),
            consistent: true,
            registers: vec![UNSET; usize::from(max_registers) + 8],
            high: 0,
            func: FuncId(0),
            followed: true,
            code_start: 0,
            handler: None,
            touched: Vec::new(),
            pc: 0,
        })
    }

    /// Rules between declarations: what is said to have escaped must be declared unknown.
    fn declarations(&mut self) -> Result<(), FactsError> {
        let facts = self.facts;
        let need = |holds: bool, what: &'static str| if holds { Ok(()) } else { Err(FactsError::Contradictory(what)) };
        let main = self.program.modules.get(self.program.main.index()).map(|module| module.kind);
        if let Some(ModuleKind::File(body)) = main {
            need(facts.functions[body.index()].reached, "the main program is said not to run")?;
        }
        for (at, function) in self.program.functions.iter().enumerate() {
            let (func, said) = (FuncId(at as u32), facts.functions[at]);
            if said.escaped {
                need(said.reached, "a function called by unknown code is said not to run")?;
                let params = (0..function.params).all(|param| self.known.param(func, param) == Type::ANY);
                need(params, "a parameter that unknown code sets has a type")?;
            }
            if said.escaped || said.result_escaped || function.kind == FunctionKind::Async {
                need(self.has_escaped(self.known.results[at]), "what unknown code gets is not said to escape")?;
            }
            if said.reached && !said.followed {
                let params = (0..function.params).all(|param| self.has_escaped(self.known.param(func, param)));
                need(params, "a function without types is passed values that are not said to escape")?;
            }
        }
        for (at, def) in self.program.structs.iter().enumerate() {
            let (id, said) = (StructId(at as u32), facts.structs[at]);
            if said.escaped {
                need(said.instances_escaped, "unknown code can make instances that are not said to escape")?;
                let methods = def.methods.iter().all(|method| facts.functions[method.func.index()].escaped);
                need(methods, "unknown code can call a method that is not said to escape")?;
            }
            if said.instances_escaped {
                let fields = 0..=def.fields.len() as u32;
                need(
                    fields.into_iter().all(|f| self.known.field(id, f) == Type::ANY),
                    "a field that unknown code sets has a type",
                )?;
                let instance = Type { ids: self.identity(IdKind::Instance(id)), ..Type::of(Tags::INSTANCE) };
                for method in &def.methods {
                    let said = facts.functions[method.func.index()];
                    need(
                        said.reached && said.result_escaped,
                        "unknown code can call a method that is said not to run",
                    )?;
                    for param in 0..self.program.functions[method.func.index()].params {
                        let declared = self.known.param(method.func, param);
                        let passed = if method.takes_self && param == 0 { instance } else { Type::ANY };
                        need(self.is_within(passed, declared), "a parameter that unknown code sets has a type")?;
                    }
                }
            }
        }
        for (at, module) in self.program.modules.iter().enumerate() {
            if facts.escaped_modules[at] {
                for export in &module.exports {
                    need(facts.escaped_globals[export.global.index()], "unknown code can read a global of a module")?;
                }
            }
        }
        for at in 0..facts.escaped_globals.len() {
            if facts.escaped_globals[at] {
                need(self.has_escaped(self.known.globals[at]), "what unknown code gets is not said to escape")?;
            }
        }
        Ok(())
    }

    /// Whether unknown code may have a value of this type.
    fn has_escaped(&self, ty: Type) -> bool {
        (ty.class == ClassId::NONE || ty.class == ClassId::ANY) && self.ids_escaped(ty.ids)
    }

    fn ids_escaped(&self, set: IdSet) -> bool {
        let facts = self.facts;
        set == IdSet::TOP
            || self.known.sets.members(set).iter().all(|id| match id.unpack() {
                Some(IdKind::Function(func)) => facts.functions[func.index()].escaped,
                Some(IdKind::Struct(def)) => facts.structs[def.index()].escaped,
                Some(IdKind::Instance(def)) => facts.structs[def.index()].instances_escaped,
                Some(IdKind::Module(module)) => facts.escaped_modules[module.index()],
                Some(IdKind::Native(_)) => true,
                None => false,
            })
    }

    fn is_within(&self, a: Type, b: Type) -> bool {
        a == b
            || (a != UNSET
                && a.tags.within(b.tags)
                && (a.class == ClassId::NONE || a.class == b.class)
                && (self.known.sets.is_subset(a.ids, b.ids) || (b.ids == IdSet::TOP && self.ids_escaped(a.ids))))
    }

    fn demand(&mut self, holds: bool) {
        self.consistent &= holds;
    }

    /// The registers of the frame declared at a pc.
    fn frame_at(&self, pc: u32) -> Option<std::ops::Range<usize>> {
        let frames = &self.known.frames;
        let at = frames.binary_search_by_key(&pc, |frame| frame.0).ok()?;
        let start = if at == 0 { 0 } else { frames[at - 1].1 as usize };
        Some(start..frames[at].1 as usize)
    }

    fn function(&mut self, func: FuncId) -> Result<(), FactsError> {
        let function = &self.program.functions[func.index()];
        let said = self.facts.functions[func.index()];
        if !said.reached {
            return Ok(());
        }
        let start = function.code.start;
        self.func = func;
        self.followed = said.followed;
        self.code_start = start;
        self.pc = start;
        self.handler = None;
        if said.followed {
            let entry = self.frame_at(start).ok_or(FactsError::Inconsistent { pc: start })?;
            for at in entry {
                let (reg, ty) = self.known.frame_registers[at];
                let passed = if reg.0 < function.params { self.known.param(func, reg.0) } else { Type::ANY };
                self.demand(self.is_within(passed, ty));
            }
        }
        let handlers = HandlerMap::new(function);
        // Frames of this function, in the order in which they are met.
        let mut next_frame = self.known.frames.partition_point(|frame| frame.0 < start);
        let mut running = !said.followed;
        let mut entered_handler = false;
        let mut before = None;
        for pc in start..start + function.code.len {
            self.pc = pc;
            if said.followed && self.known.frames.get(next_frame).is_some_and(|frame| frame.0 == pc) {
                if running {
                    self.edge(pc - start);
                }
                next_frame += 1;
                self.load(pc);
                running = true;
                entered_handler = false;
                self.touched.clear();
                before = None;
            }
            if !running {
                continue;
            }
            let handler = handlers.at(pc - start);
            if handler != self.handler {
                self.handler = handler;
                entered_handler = false;
                self.touched.clear();
            }
            let op = self.program.code[pc as usize];
            if said.followed && op.effects().throws && self.handler.is_some() {
                if entered_handler {
                    self.recheck_handler();
                } else {
                    self.enter_handler();
                }
                entered_handler = true;
                self.touched.clear();
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

    fn load(&mut self, pc: u32) {
        let clear = usize::from(self.high) + 1;
        self.registers[..clear].fill(UNSET);
        self.high = 0;
        for at in self.frame_at(pc).unwrap_or_default() {
            let (reg, ty) = self.known.frame_registers[at];
            self.registers[reg.index()] = ty;
            self.high = self.high.max(reg.0);
        }
    }

    /// As [`Self::enter_handler`], for the registers written since the handler was last looked at.
    fn recheck_handler(&mut self) {
        for at in 0..self.touched.len() {
            let reg = self.touched[at];
            if let Some(declared) = self.at_handler(reg) {
                let ty = self.registers[reg.index()];
                self.demand(self.is_within(ty, declared));
            }
        }
    }

    /// An error may reach the handler with the registers as they are now.
    fn enter_handler(&mut self) {
        let Some((target, error)) = self.handler else { return };
        let Some(frame) = self.frame_at(self.code_start + target) else { return self.demand(false) };
        let caught = self.join(self.thrown, Type::STR);
        for at in frame {
            let (reg, declared) = self.known.frame_registers[at];
            let ty = if reg == error { caught } else { self.registers[reg.index()] };
            self.demand(self.is_within(ty, declared));
        }
    }

    /// The type declared for a register at the handler, if the handler needs it.
    fn at_handler(&self, reg: Reg) -> Option<Type> {
        let (target, error) = self.handler?;
        if reg == error {
            return None;
        }
        let frame = &self.known.frame_registers[self.frame_at(self.code_start + target)?];
        frame.binary_search_by_key(&reg, |entry| entry.0).ok().map(|at| frame[at].1)
    }

    fn declared(&mut self, place: Place) -> Type {
        let known = &self.known;
        match place {
            Place::Global(global) => known.globals[global.index()],
            Place::Field(def, SIDE_FIELDS) => known.field(def, self.program.structs[def.index()].fields.len() as u32),
            Place::Field(def, field) => known.field(def, field),
            Place::Capture(func, capture) => self.captures[self.first_capture[func.index()] as usize + capture.index()],
            Place::Param(func, param) => known.param(func, param),
            Place::Result(func) => known.results[func.index()],
            Place::Slot(class, slot) => known.slot(class, slot),
            Place::Thrown => self.thrown,
        }
    }
}

fn exists(program: &Program, kind: IdKind) -> bool {
    match kind {
        IdKind::Function(func) => func.index() < program.functions.len(),
        IdKind::Native(native) => native.index() < program.natives.len(),
        IdKind::Struct(def) | IdKind::Instance(def) => def.index() < program.structs.len(),
        IdKind::Module(module) => module.index() < program.modules.len(),
    }
}

impl TypeEnv for Checker<'_> {
    fn program(&self) -> &Program {
        self.program
    }

    fn index(&self) -> &RuleIndex {
        &self.index
    }

    fn register(&mut self, reg: Reg) -> Type {
        if !self.followed {
            return Type::ANY;
        }
        self.registers[reg.index()]
    }

    fn get(&mut self, reg: Reg) -> Type {
        let ty = self.register(reg);
        if ty == UNSET {
            self.demand(false);
            return Type::ANY;
        }
        if ty.tags.meets(Tags::ITER) {
            self.escape(ty);
            return Type::ANY;
        }
        ty
    }

    fn set(&mut self, reg: Reg, ty: Type) {
        let op = self.program.code[self.pc as usize];
        if main_register(op) == Some(reg) {
            self.known.written[self.pc as usize] = ty;
        } else if let Op::IterPrep2 { base, .. } | Op::IterNext2 { base, .. } = op
            && reg.0 == base.0 + 4
        {
            self.known.second.insert(self.pc, ty);
        }
        if !self.followed {
            self.known.written[self.pc as usize] = Type::ANY;
            return self.escape(ty);
        }
        self.registers[reg.index()] = ty;
        self.high = self.high.max(reg.0);
        if self.handler.is_some() {
            self.touched.push(reg);
        }
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = ty;
        }
    }

    fn clobber_above(&mut self, base: Reg) {
        let (first, end) = (usize::from(base.0) + 1, usize::from(self.high) + 1);
        if first < end {
            self.registers[first..end].fill(UNSET);
        }
        self.high = self.high.min(base.0);
        if let Some((target, error)) = self.handler
            && let Some(frame) = self.frame_at(self.code_start + target)
        {
            let lost = self.known.frame_registers[frame].iter().rev().take_while(|entry| entry.0 > base);
            let safe = lost.into_iter().all(|entry| entry.0 == error);
            self.demand(safe);
        }
    }

    fn edge(&mut self, target: u32) {
        if !self.followed {
            return;
        }
        let Some(frame) = self.frame_at(self.code_start + target) else { return self.demand(false) };
        for at in frame {
            let (reg, declared) = self.known.frame_registers[at];
            let ty = self.registers[reg.index()];
            self.demand(self.is_within(ty, declared));
        }
    }

    fn read(&mut self, place: Place) -> Type {
        self.declared(place)
    }

    fn flow(&mut self, place: Place, ty: Type) {
        let declared = self.declared(place);
        self.demand(self.is_within(ty, declared));
    }

    fn join(&mut self, a: Type, b: Type) -> Type {
        if a == b || b.is_never() {
            return a;
        }
        if a.is_never() {
            return b;
        }
        let class = match (a.class, b.class) {
            (ClassId::NONE, class) | (class, ClassId::NONE) => class,
            (x, y) => {
                self.demand(x == y);
                x
            }
        };
        let ids = self.known.sets.union(a.ids, b.ids);
        if ids == IdSet::TOP {
            self.demand(self.ids_escaped(a.ids) && self.ids_escaped(b.ids));
        }
        Type { tags: a.tags.or(b.tags), class, ids }
    }

    fn escape(&mut self, ty: Type) {
        self.demand(self.has_escaped(ty));
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
        self.known.sets.singleton(kind)
    }

    fn members(&self, set: IdSet) -> Members {
        self.known.sets.members(set).into()
    }
}

/// The innermost handler of each pc, as segments of code.
struct HandlerMap {
    /// Start of each segment, ascending, with the handler's target and error register.
    segments: Vec<(u32, Option<(u32, Reg)>)>,
}

impl HandlerMap {
    fn new(function: &super::Function) -> HandlerMap {
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
