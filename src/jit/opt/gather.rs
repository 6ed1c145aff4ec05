//! Gathering: what is stored into an object right behind the place where it is made is made with it. So an instance is
//! written once, with what its `init` assigns, and not first as one without fields.

use rustc_hash::FxHashMap;

use crate::jit::ir::{Inst, Region, Unary, Val};
use crate::runtime::object::{Header, ObjKind};

/// Gathers stores into new objects. Whether there were any.
pub fn gather(region: &mut Region) -> bool {
    let mut floats: FxHashMap<Val, Val> = FxHashMap::default();
    let mut changed = false;
    for place in 0..region.order.len() {
        let id = region.order[place];
        let insts = std::mem::take(&mut region.block_mut(id).insts);
        let mut kept: Vec<(Option<Val>, Inst)> = Vec::with_capacity(insts.len());
        // The object that is being made: it moves down past what has no effect and does not look at it.
        let mut open: Option<(Val, Inst)> = None;
        for (result, inst) in insts {
            if let (Some(result), Inst::Unary(Unary::FloatToBits, float)) = (result, &inst) {
                floats.insert(result, *float);
            }
            if let Some((object, make)) = &mut open {
                if let Some((word, value)) = stored_in(*object, make, &inst) {
                    *word = floats.get(&value).copied().unwrap_or(value);
                    changed = true;
                    continue;
                }
                let mut is_used = false;
                inst.for_each_arg(|arg| is_used |= arg == *object);
                if inst.is_pure() && !is_used {
                    kept.push((result, inst));
                    continue;
                }
                kept.extend(open.take().map(|(object, make)| (Some(object), make)));
            }
            match (result, &inst) {
                (Some(object), Inst::Make { shape, .. }) if shape.kind != ObjKind::List => open = Some((object, inst)),
                _ => kept.push((result, inst)),
            }
        }
        kept.extend(open.map(|(object, make)| (Some(object), make)));
        region.block_mut(id).insts = kept;
    }
    changed
}

/// The word of a new object that an instruction stores, and what it becomes.
fn stored_in<'m>(object: Val, make: &'m mut Inst, inst: &Inst) -> Option<(&'m mut Val, Val)> {
    let (Inst::Make { words, .. }, &Inst::Store { base, offset, value, .. }) = (make, inst) else { return None };
    let behind_header = usize::try_from(offset).ok()?.checked_sub(size_of::<Header>())?;
    let is_word = base == object && value != object && behind_header.is_multiple_of(size_of::<u64>());
    words.get_mut(behind_header / size_of::<u64>()).filter(|_| is_word).map(|word| (word, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, text};

    fn gathered(between: impl FnOnce(&mut TestRegion, Val)) -> String {
        let mut region = TestRegion::new();
        let (zero, one, exit) = (region.int(0), region.int(1), region.exit(ExitReason::Safepoint));
        let shape = Shape { kind: ObjKind::Instance, flags: 1, aux: 3 };
        let object = region.push(Inst::Make { shape, words: vec![zero; 4], exit });
        between(&mut region, object);
        let sum = region.push(Inst::Binary(Binary::Iadd, one, one));
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: 32, value: sum });
        let mut region = region.finish();
        gather(&mut region);
        text(&region, region.order[0])
    }

    #[test]
    fn what_is_stored_at_once_is_made_with_the_object() {
        let text = gathered(|_, _| {});
        assert!(!text.contains("store") && text.find("iadd") < text.find("make"), "{text}");
    }

    #[test]
    fn what_may_leave_in_between_finds_the_object_whole() {
        let text = gathered(|region, _| {
            let word = region.load(Mem::Frame, Val(1), 48);
            let odd = region.push(Inst::Icmp(Compare::Ne, word, Val(0)));
            region.guard(odd, ExitReason::Domain);
        });
        assert!(text.contains("store") && text.find("make") < text.find("guard"), "{text}");
        let text = gathered(|region, object| _ = region.load(Mem::Field, object, 32));
        assert!(text.contains("store"), "{text}");
    }
}
