//! Objects that stay in the region are not made: what is in them are values of their own, and an exit makes those that
//! the interpreter wants to see. Allocation sinking as in LuaJIT 2.1, scalar replacement of what does not escape.
//!
//! # Which objects are not made
//! An object may be read and written at places that are known, be compared with nothing, be kept in another object that
//! is not made, and stand in exits. It may go through the parameters of blocks, so that a variable of a loop which is a
//! new object in each iteration is a few numbers. Any other use makes it an object like others, where it was made in
//! the first place: calls, elements of lists, fields of objects that are there, results.
//!
//! - **A variable of a loop** begins with an object that is there already. While the loop has made none, that one is
//!   it: a word beside the parts says which it is, 0 for a new one. Its fields are read in front of the loop, if
//!   nothing in the loop or behind it may assign them.
//! - **Each object is one**: where control meets, an object goes on under one name only. If it had two, an exit would
//!   make it twice.
//! - **Collections** find what they must keep at home. Before a call that may collect, whatever is alive is written
//!   there, which is a use that makes the object. An exit makes its objects without a collection in between.

mod escape;
mod rewrite;
mod uses;

use rustc_hash::FxHashSet;

use escape::Objects;
use rewrite::Rewriter;

use super::SpeculationBan;
use super::cfg::Cfg;
use crate::jit::ir::{Element, Inst, Region, Shape, Terminator, Width};
use crate::runtime::object::{Header, List, ObjKind, Storage};

/// How often it is tried again with fewer objects.
const ATTEMPTS: usize = 8;
/// What all exits together may have to write into objects, in words. Beyond, their code would take more to compile than
/// the objects cost.
const MOST_WORDS: usize = 3_000;
const WORD: i32 = size_of::<u64>() as i32;
/// The words of an instance in front of its fields: its struct, and where other fields are.
const INSTANCE_WORDS: usize = 2;

/// Removes objects from the region. Whether there were any to remove.
pub fn unmake(region: &mut Region, cfg: &Cfg, ban: &SpeculationBan) -> bool {
    let has_objects =
        region.order.iter().any(|id| region.block(*id).insts.iter().any(|(_, inst)| matches!(inst, Inst::Make { .. })));
    if !has_objects || !meets_by_jumps(region, cfg) {
        return false;
    }
    let mut real = FxHashSet::default();
    for _ in 0..ATTEMPTS {
        let objects = Objects::find(region, cfg, ban, &mut real);
        if objects.kinds.is_empty() {
            return false;
        }
        let before = (region.blocks.clone(), region.loops.clone(), region.exits.len(), region.reprs.len());
        let mut rewriter = Rewriter::new(region, cfg, &objects);
        rewriter.run();
        let conflicts = std::mem::take(&mut rewriter.conflicts);
        let is_small = rewriter.made_words <= MOST_WORDS;
        if conflicts.is_empty() && is_small {
            rewriter.finish();
            return true;
        }
        real.extend(conflicts);
        let (blocks, loops, exits, reprs) = before;
        (region.blocks, region.loops) = (blocks, loops);
        region.exits.truncate(exits);
        region.reprs.truncate(reprs);
        if !is_small {
            return false;
        }
    }
    false
}

/// Whether parameters can be added wherever edges meet.
fn meets_by_jumps(region: &Region, cfg: &Cfg) -> bool {
    region.order.iter().all(|id| {
        let preds = cfg.preds(*id);
        preds.len() <= 1 || preds.iter().all(|pred| matches!(region.block(*pred).end, Terminator::Jump(..)))
    })
}

/// What an object is made of. Objects of one kind can be one variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kind {
    shape: Shape,
    words: usize,
}

impl Kind {
    /// The word that an access is about.
    fn word(self, offset: i32) -> Option<usize> {
        let behind_header = offset - size_of::<Header>() as i32;
        let fits = self.shape.kind != ObjKind::List
            && behind_header >= 0
            && behind_header % WORD == 0
            && ((behind_header / WORD) as usize) < self.words;
        fits.then_some((behind_header / WORD) as usize)
    }

    fn offset(word: usize) -> i32 {
        size_of::<Header>() as i32 + word as i32 * WORD
    }

    /// The word that an element of a list is.
    fn element(self, element: Element, index: i64) -> Option<usize> {
        let storage = self.shape.flags;
        let (wanted, place) = match element {
            Element::Int => (Storage::Ints, index),
            Element::Float => (Storage::Floats, index),
            Element::Bool => (Storage::Bools, index),
            Element::ValueTag => (Storage::Values, index.checked_mul(2)?),
            Element::ValuePayload => (Storage::Values, index.checked_mul(2)?.checked_add(1)?),
            Element::Byte | Element::DictTag | Element::DictPayload => return None,
        };
        let fits = self.shape.kind == ObjKind::List && storage == wanted as u16;
        usize::try_from(place).ok().filter(|place| fits && *place < self.words)
    }

    fn list_len(self) -> i64 {
        let per_element = if self.shape.flags == Storage::Values as u16 { 2 } else { 1 };
        (self.words / per_element) as i64
    }

    /// What a load of the header gives, if that is always the same.
    fn constant(self, offset: i32, width: Width) -> Option<i64> {
        match (width, offset) {
            (Width::U32, _) if offset == Header::AUX_OFFSET as i32 => Some(self.shape.aux.into()),
            (Width::U16, _) if offset == Header::FLAGS_OFFSET as i32 => Some(self.shape.flags.into()),
            (Width::Full, _)
                if self.shape.kind == ObjKind::List
                    && [List::LEN_OFFSET as i32, List::CAP_OFFSET as i32].contains(&offset) =>
            {
                Some(self.list_len())
            }
            _ => None,
        }
    }

    fn is_list_data(self, offset: i32, width: Width) -> bool {
        self.shape.kind == ObjKind::List && width == Width::Full && offset == List::DATA_OFFSET as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, in_loops};
    use crate::runtime::object::Instance;

    const FIELD: i32 = Instance::SLOTS_OFFSET as i32;

    /// Makes an instance with one field, which holds the counter.
    fn make(region: &mut TestRegion, counter: Val) -> Val {
        let (class, none, exit) = (region.int(4096), region.int(0), region.exit(ExitReason::Safepoint));
        let shape = Shape { kind: ObjKind::Instance, flags: 1, aux: 3 };
        let object = region.push(Inst::Make { shape, words: vec![class, none, none, none], exit });
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: FIELD + 8, value: counter });
        object
    }

    /// A loop that makes an object in each iteration, without those that need not be.
    fn unmade(body: impl FnOnce(&mut TestRegion, Val, Val)) -> Region {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        region.counted(zero, 1, Compare::Lt, end, |region, counter| {
            let object = make(region, counter);
            body(region, counter, object);
        });
        let mut region = region.finish();
        crate::jit::opt::optimise(&mut region, &Default::default());
        region
    }

    fn writes_home(region: &mut TestRegion, value: Val) {
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 40, value });
    }

    /// A guard whose exit finds the object in some registers.
    fn guard_with(region: &mut TestRegion, counter: Val, homes: &[u32], object: Val) {
        let wanted = region.load(Mem::Frame, Val(1), 64);
        let differs = region.push(Inst::Icmp(Compare::Ne, counter, wanted));
        region.guard(differs, ExitReason::Domain);
        let boxed = Boxed { tag: BoxedTag::Known(15), payload: object };
        let exit = region.region.exits.last_mut().unwrap();
        exit.values.extend(homes.iter().map(|home| (Home::Register(*home), boxed)));
    }

    #[test]
    fn an_object_that_is_only_read_is_not_made() {
        let region = unmade(|region, _, object| {
            let field = region.load(Mem::Field, object, FIELD + 8);
            writes_home(region, field);
        });
        let text = in_loops(&region);
        assert!(!text.contains("make") && !text.contains("field"), "{region}");
    }

    #[test]
    fn an_object_that_is_given_away_is_made() {
        let uses: [fn(&mut TestRegion, Val, Val); 4] = [
            |region, _, object| writes_home(region, object),
            |region, counter, object| {
                let same = region.push(Inst::Icmp(Compare::Eq, counter, object));
                region.guard(same, ExitReason::Domain);
            },
            |region, counter, object| {
                let element = Element::ValuePayload;
                region.effect(Inst::StoreElement { element, data: Val(1), index: counter, value: object });
            },
            |region, _, object| {
                let other = region.load(Mem::Frame, Val(1), 64);
                region.effect(Inst::Store { mem: Mem::Field, base: other, offset: FIELD + 8, value: object });
            },
        ];
        for body in uses {
            let region = unmade(body);
            assert_eq!(in_loops(&region).matches("make instance").count(), 1, "{region}");
        }
    }

    #[test]
    fn an_exit_makes_an_object_once() {
        let region = unmade(|region, counter, object| guard_with(region, counter, &[3, 5], object));
        assert!(!in_loops(&region).contains("make"), "{region}");
        let exit = region.exits.iter().find(|exit| exit.reason == ExitReason::Domain && !exit.made.is_empty());
        let exit = exit.expect("the exit makes it");
        assert_eq!(exit.made.len(), 1, "{region}");
        assert!(exit.values.iter().all(|(_, boxed)| boxed.payload == exit.made[0].object), "{region}");
    }

    #[test]
    fn an_object_in_another_is_made_with_it() {
        let inside = |escapes: bool| {
            unmade(|region, counter, object| {
                let outer = make(region, counter);
                region.effect(Inst::Store { mem: Mem::Field, base: outer, offset: FIELD + 8, value: object });
                if escapes {
                    writes_home(region, outer);
                } else {
                    guard_with(region, counter, &[3], outer);
                }
            })
        };
        let region = inside(true);
        assert_eq!(in_loops(&region).matches("make instance").count(), 2, "{region}");
        let region = inside(false);
        assert!(!in_loops(&region).contains("make"), "{region}");
        assert!(region.exits.iter().any(|exit| exit.made.len() == 2), "{region}");
    }

    #[test]
    fn one_side_of_a_branch_changes_the_object() {
        let region = unmade(|region, counter, object| {
            let word = region.load(Mem::Frame, Val(1), 48);
            let odd = region.push(Inst::Icmp(Compare::Ne, counter, word));
            region.when(odd, |region| {
                region.effect(Inst::Store { mem: Mem::Field, base: object, offset: FIELD + 8, value: word });
            });
            let field = region.load(Mem::Field, object, FIELD + 8);
            writes_home(region, field);
        });
        assert!(!in_loops(&region).contains("make"), "{region}");
        assert_eq!(region.blocks.iter().filter(|block| !block.is_loop_header && block.params.len() == 1).count(), 1);
    }
}
