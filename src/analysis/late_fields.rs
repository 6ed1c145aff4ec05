//! Fields that are assigned to instances outside of the methods of their struct: `person.rank = 3;`. The layout that
//! the compiler gives a struct has those that its methods assign, as `self.name`. Whose instances others are assigned
//! to only types tell, so these are added when types are known: without a slot, a field is looked up in a dict that
//! each such instance has beside it.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::infer::{Inference, TypeCursor};
use super::program_flow::{ProgramFlow, code_of};
use crate::bytecode::graph::Graph;
use crate::bytecode::types::IdKind;
use crate::bytecode::{FuncId, Op, Program, Reg, StrId, StructId};
use crate::facts::rules::{Members, Name, RuleIndex, TypeEnv};

/// More fields than this a struct is not given: whoever assigns as many has something else in mind.
const MOST_FIELDS: usize = 64;
/// Structs that the receiver of an assignment may be an instance of.
const MOST_STRUCTS: usize = 8;

/// The fields that code which is reached assigns to instances of structs that have no slot for them, each once, in the
/// order of the code. Names of methods are none: an instance that has a field of such a name calls that. The solution
/// is sealed.
pub fn find(program: &Program, flow: &ProgramFlow, types: &Inference<'_>) -> Vec<(StructId, StrId)> {
    let mut methods = vec![false; program.functions.len()];
    for method in program.structs.iter().flat_map(|def| &def.methods) {
        methods[method.func.index()] |= method.takes_self;
    }
    let mut suspects = Suspects { program, index: types.index(), by_name: FxHashMap::default() };
    let mut sizes: Vec<usize> = program.structs.iter().map(|def| def.fields.len()).collect();
    let (mut found, mut known) = (Vec::new(), FxHashSet::default());
    let mut cursor = TypeCursor::new(types);
    for number in 0..program.functions.len() as u32 {
        let func = FuncId(number);
        if !types.is_reached(func) || !suspects.are_assigned_in(func, methods[func.index()]) {
            continue;
        }
        for block in 0..flow.of(func).cfg.len() as u32 {
            cursor.block(func, block, |types, _, op| {
                let Op::SetMember { object, site, .. } = op else { return };
                let Some(name) = types.index().site_name(program, func, site) else { return };
                for def in structs_of(types, object) {
                    let size = &mut sizes[def.index()];
                    let late = (def, StrId(name.0));
                    if *size < MOST_FIELDS && is_unknown(types.index(), def, name) && known.insert(late) {
                        *size += 1;
                        found.push(late);
                    }
                }
            });
        }
    }
    found
}

/// The structs of which a value may be an instance; none if they are many, of which only some may have the field.
fn structs_of(types: &mut TypeCursor<'_>, object: Reg) -> SmallVec<[StructId; MOST_STRUCTS]> {
    let mut structs = SmallVec::new();
    let mut members = Members::of(types.register(object).ids);
    while let Some(id) = members.next(types) {
        let IdKind::Instance(def) = id else { continue };
        if structs.len() == MOST_STRUCTS {
            return SmallVec::new();
        }
        structs.push(def);
    }
    structs
}

/// Gives structs slots for fields that were found.
pub fn add(program: &mut Program, late: &[(StructId, StrId)]) {
    for &(def, name) in late {
        program.structs[def.index()].fields.push(name);
    }
}

fn is_unknown(index: &RuleIndex, def: StructId, name: Name) -> bool {
    index.field(def, name).is_none() && index.method(def, name).is_none()
}

/// Names that some struct has no member of: only where such are assigned is it worth asking for types.
struct Suspects<'a> {
    program: &'a Program,
    index: &'a RuleIndex,
    by_name: FxHashMap<Name, bool>,
}

impl Suspects<'_> {
    /// Whether a function assigns such to anything but the `self` of a method, which has slots for all of them.
    fn are_assigned_in(&mut self, func: FuncId, is_method: bool) -> bool {
        code_of(self.program, &self.program.functions[func.index()]).iter().any(|op| match *op {
            Op::SetMember { object, .. } if is_method && object == Reg(0) => false,
            Op::SetMember { site, .. } => {
                self.index.site_name(self.program, func, site).is_some_and(|name| self.is_one(name))
            }
            _ => false,
        })
    }

    fn is_one(&mut self, name: Name) -> bool {
        let structs = self.program.structs.len() as u32;
        *self.by_name.entry(name).or_insert_with(|| (0..structs).any(|def| is_unknown(self.index, StructId(def), name)))
    }
}
