//! Where objects that are not made are used, and where they are alive.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::jit::ir::{BlockId, Region, Val};
use crate::jit::opt::cfg::Cfg;

/// Where objects are used under their own names.
#[derive(Default)]
pub(super) struct Uses {
    /// The place in the region's order of the last use.
    last: FxHashMap<Val, usize>,
    blocks: FxHashMap<Val, FxHashSet<BlockId>>,
}

impl Uses {
    pub fn note(&mut self, object: Val, (place, block): (usize, BlockId)) {
        let last = self.last.entry(object).or_insert(place);
        *last = (*last).max(place);
        self.blocks.entry(object).or_default().insert(block);
    }

    pub fn last(&self, object: Val) -> Option<usize> {
        self.last.get(&object).copied()
    }

    /// The blocks at whose beginning an object is alive that comes to be in the block `made_in`: from there control
    /// may come to a use without coming by `made_in`, where it would be another object.
    pub fn alive(&self, object: Val, made_in: BlockId, cfg: &Cfg) -> FxHashSet<BlockId> {
        let mut open: Vec<BlockId> = self.blocks.get(&object).into_iter().flatten().copied().collect();
        let mut alive = FxHashSet::default();
        while let Some(block) = open.pop() {
            if block != made_in && alive.insert(block) {
                open.extend(cfg.preds(block));
            }
        }
        alive
    }
}

/// The blocks in which these values come to be, as parameters or results.
pub(super) fn definitions(region: &Region, values: &FxHashSet<Val>) -> FxHashMap<Val, BlockId> {
    let mut found = FxHashMap::default();
    for &id in &region.order {
        let block = region.block(id);
        let results = block.insts.iter().filter_map(|(result, _)| *result);
        let own = block.params.iter().copied().chain(results);
        found.extend(own.filter(|val| values.contains(val)).map(|val| (val, id)));
    }
    found
}
