//! The rules about facts: whatever they name exists, and tables have the program's lengths. They may still be wrong;
//! whether they agree with the code, the room `facts` finds out, from the tables that are made here.

use std::fmt;

use crate::bytecode::facts::{Bound, Facts, Region, TypeFacts, TypeId, Verdict};
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Slot, Tags, Type};
use crate::bytecode::{FuncId, FunctionKind, GlobalId, LoopId, Program, Reg, StructId, VERDICT_RULES_VERSION};

/// What is wrong with facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FactsError {
    /// They are no facts about this program: the file is damaged or crafted.
    Malformed(&'static str),
    /// The instruction at this index of `Program::code` does something the declared types do not allow.
    Inconsistent { pc: u32 },
    /// Two declarations contradict each other.
    Contradictory(&'static str),
    /// The verdicts were made by another version of the rules than [`VERDICT_RULES_VERSION`].
    OtherRules { file: u32 },
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FactsError::Malformed(what) => write!(f, "malformed facts: {what}"),
            FactsError::Inconsistent { pc } => write!(f, "the facts do not agree with instruction {pc}"),
            FactsError::Contradictory(what) => write!(f, "the facts contradict themselves: {what}"),
            FactsError::OtherRules { file } => {
                write!(
                    f,
                    "the verdicts are by version {file} of the rules, and this is version {VERDICT_RULES_VERSION}"
                )
            }
        }
    }
}

impl std::error::Error for FactsError {}

/// Whether facts are well formed: whatever they name exists, and tables have the program's lengths. The program's other
/// parts have been verified. Facts that pass may still be wrong.
pub fn validate(program: &Program, facts: &Facts) -> Result<(), FactsError> {
    FactTables::new(program, facts)?;
    validate_regions(program, facts)
}

/// What a register holds, and the number of that type if a frame has declared it so: most registers go from one frame
/// to the next as they are, and numbers are compared sooner than types.
///
/// The fields are those of a [`Type`], but none leaves a gap: copying a type copies its gap as well, together with the
/// field beside it, and a processor waits where it reads in other portions what it has just written.
#[derive(Clone, Copy)]
pub struct Held {
    /// The identities above, the class below.
    ids_class: u64,
    tags: u32,
    pub declared: TypeId,
}

impl Held {
    /// As an instruction has left it.
    #[inline(always)]
    pub const fn of(ty: Type) -> Held {
        Held::declared(ty, TypeId(u32::MAX))
    }

    #[inline(always)]
    pub const fn declared(ty: Type, declared: TypeId) -> Held {
        Held { ids_class: (ty.ids.0 as u64) << 32 | ty.class.0 as u64, tags: ty.tags.0 as u32, declared }
    }

    #[inline(always)]
    pub fn ty(self) -> Type {
        let (ids, class) = ((self.ids_class >> 32) as u32, self.ids_class as u32);
        Type { tags: Tags(self.tags as u16), class: ClassId(class), ids: IdSet(ids) }
    }

    #[inline(always)]
    pub fn is_declared(&self, declared: TypeId) -> bool {
        self.declared == declared
    }

    #[inline(always)]
    pub fn is_of(&self, other: &Held) -> bool {
        self.ids_class == other.ids_class && self.tags == other.tags
    }
}

/// Well-formed facts: what is declared, apart from what is being checked against it. Places keep the numbers of their
/// types, as in the file: they are smaller than types, and nearly every place is looked at once.
pub struct FactTables<'p> {
    pub program: &'p Program,
    pub facts: &'p TypeFacts,
    /// [`TypeFacts::types`], with sets as they are called in `sets`.
    pub types: Vec<Held>,
    /// By the bit of each tag, which of `types` is that kind of value alone; of kinds that have classes or identities,
    /// or of which no type is declared, none.
    plain: [TypeId; 16],
    pub sets: IdSets,
    pub frames: Frames,
    pub first_param: Vec<u32>,
    pub first_capture: Vec<u32>,
    pub first_field: Vec<u32>,
}

/// Where frames are declared.
pub struct Frames {
    /// Where the registers of each start in [`TypeFacts::frame_registers`]; behind the last, where they end.
    pub starts: Vec<u32>,
    /// For each pc of the program, which frame of its [`BLOCK`](Frames::BLOCK) is declared there, counted from 1; 0 if
    /// none is. A byte is enough, and of code that frames are looked up in at random, much of this stays in the cache.
    within: Vec<u8>,
    /// How many frames are declared before each block.
    before: Vec<u32>,
}

impl Frames {
    const BLOCK: usize = 128;

    /// The frames of facts that have so many types.
    fn new(program: &Program, facts: &TypeFacts, types: usize) -> Result<Frames, FactsError> {
        let malformed = |what| Err(FactsError::Malformed(what));
        let code = program.code.len();
        let mut starts = Vec::with_capacity(facts.frames.len() + 1);
        let mut within = vec![0; code];
        let mut before = vec![0; code.div_ceil(Frames::BLOCK)];
        let mut functions = program.functions.iter();
        let (mut registers, mut function_end) = (0, 0);
        let (mut end, mut next_pc, mut block) = (0u32, 0, 0);
        for (position, frame) in facts.frames.iter().enumerate() {
            if frame.pc as usize >= code || frame.pc < next_pc {
                return malformed("frames out of order");
            }
            next_pc = frame.pc + 1;
            while frame.pc as usize >= function_end {
                let Some(function) = functions.next() else { return malformed("a frame of no function") };
                (registers, function_end) = (function.registers, function.code.range().end);
            }
            let start = end;
            starts.push(start);
            let own = end.checked_add(frame.count).and_then(|sum| {
                end = sum;
                facts.frame_registers.get(start as usize..end as usize)
            });
            let Some(own) = own else { return malformed("frames without registers") };
            let mut next_reg = 0;
            for &(reg, ty) in own {
                if u32::from(reg.0) < next_reg {
                    return malformed("a frame's registers are out of order");
                }
                if ty.index() >= types {
                    return malformed("a type that does not exist");
                }
                next_reg = u32::from(reg.0) + 1;
            }
            if next_reg > u32::from(registers) {
                return malformed("a frame names a register that does not exist");
            }
            let own_block = frame.pc as usize / Frames::BLOCK;
            while block < own_block {
                block += 1;
                before[block] = position as u32;
            }
            within[frame.pc as usize] = (position as u32 - before[block] + 1) as u8;
        }
        if end as usize != facts.frame_registers.len() {
            return malformed("registers of no frame");
        }
        starts.push(end);
        Ok(Frames { starts, within, before })
    }

    /// The position of the frame declared at a pc of the program.
    #[inline(always)]
    pub fn at(&self, pc: u32) -> Option<usize> {
        let within = usize::from(*self.within.get(pc as usize)?).checked_sub(1)?;
        Some(self.before[pc as usize / Frames::BLOCK] as usize + within)
    }
}

impl<'p> FactTables<'p> {
    /// The program need not have been verified yet; of facts about one that cannot be, anything may come out.
    pub fn new(program: &'p Program, facts: &'p Facts) -> Result<FactTables<'p>, FactsError> {
        let facts = &facts.types;
        let malformed = |what| FactsError::Malformed(what);
        let mut sets = IdSets::with_capacity(facts.id_sets.len());
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
        let mut plain = [TypeId(u32::MAX); 16];
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
            let number = TypeId(types.len() as u32);
            if *ty == Type::of(ty.tags) && ty.is_single() {
                plain[ty.tags.0.trailing_zeros() as usize] = number;
            }
            types.push(Held::declared(Type { ids, ..*ty }, number));
        }
        let starts = |counts: &mut dyn ExactSizeIterator<Item = usize>| {
            let mut next = 0u32;
            let mut starts: Vec<u32> = Vec::with_capacity(counts.len());
            for count in counts {
                starts.push(next);
                let sum = u32::try_from(count).ok().and_then(|count| next.checked_add(count));
                next = sum.ok_or(malformed("a table of more entries than can be counted"))?;
            }
            Ok((starts, next as usize))
        };
        let (first_param, params) = starts(&mut program.functions.iter().map(|f| usize::from(f.params)))?;
        let (first_capture, captures) = starts(&mut program.functions.iter().map(|f| f.captures.len()))?;
        let (first_field, fields) = starts(&mut program.structs.iter().map(|def| def.fields.len() + 1))?;
        let exist = |ids: &[TypeId]| ids.iter().all(|id| id.index() < types.len());
        let places = [
            (&facts.globals, program.globals.len()),
            (&facts.results, program.functions.len()),
            (&facts.params, params),
            (&facts.captures, captures),
            (&facts.fields, fields),
        ];
        if places.iter().any(|(ids, count)| ids.len() != *count) {
            return Err(malformed("a table of another length than the program's"));
        }
        let places = places.iter().all(|(ids, _)| exist(ids));
        if !(places && exist(facts.classes.as_flattened()) && exist(&[facts.thrown])) {
            return Err(malformed("a type that does not exist"));
        }
        let frames = Frames::new(program, facts, types.len())?;
        for pair in facts.sites.windows(2) {
            if pair[0].0 >= pair[1].0 {
                return Err(malformed("sites out of order"));
            }
        }
        if facts
            .sites
            .iter()
            .any(|&(pc, class)| pc as usize >= program.code.len() || class as usize > facts.classes.len())
        {
            return Err(malformed("a site that does not exist"));
        }
        if facts.functions.len() != program.functions.len()
            || facts.structs.len() != program.structs.len()
            || facts.escaped_modules.len() != program.modules.len()
            || facts.escaped_globals.len() != program.globals.len()
        {
            return Err(malformed("a table of another length than the program's"));
        }
        Ok(FactTables { program, facts, types, plain, sets, frames, first_param, first_capture, first_field })
    }

    /// The type with a number.
    #[inline(always)]
    pub fn of(&self, id: TypeId) -> Type {
        self.types[id.index()].ty()
    }

    /// What a register holds that an instruction has set. Most set simple types, whose numbers are soon asked for.
    #[inline(always)]
    pub fn held(&self, ty: Type) -> Held {
        if ty == Type::of(ty.tags) && ty.is_single() {
            Held::declared(ty, self.plain[ty.tags.0.trailing_zeros() as usize & 15])
        } else {
            Held::of(ty)
        }
    }

    /// The registers of the frame at a position.
    #[inline(always)]
    pub fn registers_of(&self, position: usize) -> &'p [(Reg, TypeId)] {
        &self.facts.frame_registers[self.frames.starts[position] as usize..self.frames.starts[position + 1] as usize]
    }

    /// The types with these numbers.
    pub fn all(&self, ids: &[TypeId]) -> Vec<Type> {
        ids.iter().map(|&id| self.of(id)).collect()
    }

    pub fn param(&self, func: FuncId, param: u16) -> Type {
        self.of(self.facts.params[self.first_param[func.index()] as usize + usize::from(param)])
    }

    pub fn field(&self, def: StructId, field: u32) -> Type {
        self.of(self.facts.fields[self.first_field[def.index()] as usize + field as usize])
    }

    pub fn result(&self, func: FuncId) -> Type {
        self.of(self.facts.results[func.index()])
    }

    pub fn global(&self, global: GlobalId) -> Type {
        self.of(self.facts.globals[global.index()])
    }

    /// What containers of a class hold; those of [`ClassId::ANY`], which is none of the file's, anything.
    pub fn slot(&self, class: ClassId, slot: Slot) -> Type {
        let of_file = |class: ClassId| self.facts.classes.get(class.index().checked_sub(1)?);
        match class {
            ClassId::NONE => Type::NEVER,
            class => of_file(class).map_or(Type::ANY, |slots| self.of(slots[slot as usize])),
        }
    }
}

/// The part of [`validate`] that is about regions.
pub fn validate_regions(program: &Program, facts: &Facts) -> Result<(), FactsError> {
    let malformed = |what| Err(FactsError::Malformed(what));
    let loops = (0..program.loops.len() as u32).map(|index| Region::Loop(LoopId(index)));
    let functions = (0..program.functions.len() as u32)
        .filter(|&index| program.functions[index as usize].kind != FunctionKind::Body)
        .map(|index| Region::Function(FuncId(index)));
    if !loops.chain(functions).eq(facts.regions.iter().map(|facts| facts.region)) {
        return malformed("the regions are not the program's");
    }
    let types = facts.types.types.len();
    for region in &facts.regions {
        let registers = program.functions[region.region.func(program).index()].registers;
        let exists = |reg: Reg| reg.0 < registers;
        let (mut registers_exist, mut types_exist) = (true, true);
        for live in [&region.live_in, &region.live_out] {
            for &(reg, ty) in live {
                registers_exist &= exists(reg);
                types_exist &= ty.index() < types;
            }
        }
        for &reg in &region.invariants {
            registers_exist &= exists(reg);
        }
        for induction in &region.inductions {
            registers_exist &= exists(induction.register);
            if let Bound::Register(bound) = induction.bound {
                registers_exist &= exists(bound);
            }
        }
        if !registers_exist {
            return malformed("a region names a register that does not exist");
        }
        if !types_exist {
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

fn exists(program: &Program, kind: IdKind) -> bool {
    match kind {
        IdKind::Function(func) => func.index() < program.functions.len(),
        IdKind::Builtin(builtin) => builtin.index() < program.builtins.len(),
        IdKind::Struct(def) | IdKind::Instance(def) => def.index() < program.structs.len(),
        IdKind::Module(module) => module.index() < program.modules.len(),
    }
}
