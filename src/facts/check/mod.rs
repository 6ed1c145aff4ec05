//! Checks type facts against the code: one pass, no iteration.
//!
//! The check runs the rules of [`super::rules`] once over every function that is said to be reached. Frames declare the
//! types where jumps lead; between them types follow from the instructions, and every store, call, return and jump must
//! be consistent with what is declared. If all are, the facts hold in every execution that starts at the main module's
//! body with these declarations true of nothing yet, which is how every execution starts.
//!
//! Facts that are malformed (positions out of range, entries out of order) make the file invalid; facts that are merely
//! wrong are dropped. A frame says nothing about registers it does not name: reading one is an inconsistency.

mod checker;
mod tables;

use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::{FxHashMap, FxHashSet};

use self::checker::Checker;
use super::absent::first_misuse;
use super::rules::RuleIndex;
use crate::bytecode::facts::Facts;
use crate::bytecode::op::shape::{Iteration, Over};
use crate::bytecode::op::window;
use crate::bytecode::parallel::both;
use crate::bytecode::types::{ClassId, IdSet, IdSets, Identity, Slot, Tags, Type};
use crate::bytecode::verify::FactTables;
use crate::bytecode::{FactsError, FuncId, GlobalId, Op, Program, Reg, StructId};

/// Type facts that hold, in the form in which they are asked.
#[derive(Clone, Debug)]
pub struct CheckedTypes {
    record: Record,
    /// Frames: pc, and where their registers start. The last is one of no code.
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

/// What instructions write.
#[derive(Clone, Debug, Default)]
struct Record {
    /// Per instruction of `Program::code`: the type of what it writes. `NEVER` where it is never executed, or writes
    /// nothing.
    written: Vec<Type>,
    /// For the pairing loops' second item.
    second: FxHashMap<u32, Type>,
    /// The instructions that always fail.
    fails: FxHashSet<u32>,
}

impl Record {
    fn set(&mut self, op: Op, pc: u32, reg: Reg, ty: Type) {
        if op.result() == Some(reg) {
            self.written[pc as usize] = ty;
        } else if second_item(op) == Some(reg) {
            self.second.insert(pc, ty);
        }
    }
}

impl CheckedTypes {
    /// The type of the value that the instruction at `pc` (an index into `Program::code`) leaves in `register`, if that
    /// is a register it writes. `None` also for iterator state, which is no value.
    pub fn written(&self, op: Op, pc: u32, register: Reg) -> Option<Type> {
        let main = op.result()?;
        let ty = if register == main {
            *self.record.written.get(pc as usize)?
        } else {
            match op.as_iteration() {
                Some(Iteration { over: Over::Range, base, .. })
                    if [window::Range::COUNTER, window::Range::END]
                        .map(|slot| base.above(slot))
                        .contains(&register) =>
                {
                    *self.record.written.get(pc as usize)?
                }
                _ if second_item(op) == Some(register) => *self.record.second.get(&pc)?,
                _ => return None,
            }
        };
        (!ty.tags.meets(Tags::ITER) || ty == Type::ANY).then_some(ty)
    }

    /// Whether the instruction at `pc` (an index into `Program::code`) fails whenever it is executed, by the types of
    /// its operands.
    pub fn always_fails(&self, pc: u32) -> bool {
        self.record.fails.contains(&pc)
    }

    /// The declared types of live registers at `pc` (an index into `Program::code`), where a frame is declared: at loop
    /// headers, jump targets and function starts.
    pub fn frame(&self, pc: u32) -> Option<&[(Reg, Type)]> {
        let index = self.frames.binary_search_by_key(&pc, |frame| frame.0).ok()?;
        let end = self.frames.get(index + 1)?.1;
        Some(&self.frame_registers[self.frames[index].1 as usize..end as usize])
    }

    pub fn global(&self, global: GlobalId) -> Type {
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

/// The register of the second part of an item that an iteration unpacks.
fn second_item(op: Op) -> Option<Reg> {
    let iteration = op.as_iteration().filter(|iteration| iteration.over == Over::Pairs)?;
    Some(iteration.base.above(window::Iter::SECOND))
}

/// A check of facts that threads share: functions do not depend on one another once everything is declared.
pub struct Check<'p> {
    program: &'p Program,
    tables: FactTables<'p>,
    index: RuleIndex,
    /// How many pieces of the code have been taken.
    taken: AtomicUsize,
}

impl<'p> Check<'p> {
    /// Instructions in a piece: enough that taking one costs nothing, few enough that threads end together.
    const PIECE: usize = 1024;

    /// Resolves what is declared. The program need not have been verified yet.
    pub fn prepare(program: &'p Program, facts: &'p Facts) -> Result<Check<'p>, FactsError> {
        Ok(Check::of(program, FactTables::new(program, facts)?, RuleIndex::new(program)))
    }

    fn of(program: &'p Program, tables: FactTables<'p>, index: RuleIndex) -> Check<'p> {
        Check { program, tables, index, taken: AtomicUsize::new(0) }
    }

    /// Checks the rules between declarations. From here on the program's pools and code must have been verified.
    pub fn declarations(&self) -> Result<(), FactsError> {
        self.tables.declarations()
    }

    /// [`RuleIndex::names_differ`].
    pub fn names_differ(&self) -> bool {
        self.index.names_differ()
    }

    /// Checks pieces of the code until all are taken. All threads' results together are the check's ([`first_error`]).
    pub fn take_part(&self) -> Result<(), FactsError> {
        let mut checker = Checker::new(&self.tables, &self.index);
        loop {
            let start = self.taken.fetch_add(1, Ordering::Relaxed) * Self::PIECE;
            if start >= self.program.code.len() {
                return Ok(());
            }
            // Pieces before this one are taken, so whoever has them finds an error that comes first.
            checker.piece(start as u32..(start + Self::PIECE) as u32)?;
        }
    }
}

/// What two threads' shares of a check come to: the error is that of the first instruction in the code at which one is
/// found.
pub fn first_error(a: Result<(), FactsError>, b: Result<(), FactsError>) -> Result<(), FactsError> {
    match (a, b) {
        (Err(FactsError::Inconsistent { pc: a }), Err(FactsError::Inconsistent { pc: b })) => {
            Err(FactsError::Inconsistent { pc: a.min(b) })
        }
        (a, b) => a.and(b),
    }
}

/// Checks the type facts of a verified program, those of a large one on two threads.
pub fn check(program: &Program, facts: &Facts) -> Result<(), FactsError> {
    let (tables, index) = both(program, || FactTables::new(program, facts), || RuleIndex::new(program));
    let check = Check::of(program, tables?, index);
    check.declarations()?;
    let (first, second) = both(program, || check.take_part(), || check.take_part());
    first_error(first, second)
}

/// As [`check`], and writes down the type of what each instruction writes. Native code rests on that, so of absent
/// values, which types do not tell of, nothing may make ordinary ones.
pub fn checked_types(program: &Program, facts: &Facts) -> Result<CheckedTypes, FactsError> {
    let (tables, index) = (FactTables::new(program, facts)?, RuleIndex::new(program));
    tables.declarations()?;
    let mut checker = Checker::new(&tables, &index);
    checker.record = Some(Record { written: vec![Type::NEVER; program.code.len()], ..Record::default() });
    checker.all()?;
    if let Some(pc) = first_misuse(program) {
        return Err(FactsError::Inconsistent { pc });
    }
    let (record, sets) = (checker.record.take().unwrap_or_default(), std::mem::take(&mut checker.sets));
    let types = &facts.types;
    let unknown = [Type::ANY; Slot::COUNT];
    let mut frame_registers: Vec<(Reg, Type)> =
        types.frame_registers.iter().map(|&(reg, ty)| (reg, tables.of(ty))).collect();
    // What is declared of code that was not followed has not been checked.
    for (function, claimed) in program.functions.iter().zip(&types.functions) {
        if !(claimed.reached && claimed.followed) {
            let code = function.code.range();
            let [first, end] = [code.start, code.end]
                .map(|pc| types.frames.partition_point(|frame| (frame.pc as usize) < pc))
                .map(|frame| tables.frames.starts[frame] as usize);
            frame_registers[first..end].iter_mut().for_each(|(_, ty)| *ty = Type::ANY);
        }
    }
    let pcs = types.frames.iter().map(|frame| frame.pc).chain([u32::MAX]);
    let frames = pcs.zip(tables.frames.starts.iter().copied()).collect();
    let slots = |class| Slot::ALL.map(|slot| tables.slot(ClassId(class), slot));
    Ok(CheckedTypes {
        record,
        sets,
        frame_registers,
        classes: std::iter::once(unknown).chain((1..=types.classes.len() as u32).map(slots)).collect(),
        globals: tables.all(&types.globals),
        results: tables.all(&types.results),
        params: tables.all(&types.params),
        fields: tables.all(&types.fields),
        frames,
        first_param: tables.first_param,
        first_field: tables.first_field,
    })
}
