//! Which objects need not be made: those of which every use is known.

use rustc_hash::{FxHashMap, FxHashSet};

use super::uses::{Uses, definitions};
use super::{INSTANCE_WORDS, Kind};
use crate::jit::ir::{BlockId, BoxedTag, Compare, Exit, Inst, Mem, MemSet, Region, Terminator, Unary, Val, Width};
use crate::jit::opt::SpeculationBan;
use crate::jit::opt::cfg::Cfg;
use crate::runtime::object::{Instance, ObjKind};

/// The objects that are not made.
pub(super) struct Objects {
    pub(super) kinds: FxHashMap<Val, Kind>,
    /// Names of such objects, and of the elements of lists, with what they stand for.
    pub(super) names: FxHashMap<Val, Val>,
    /// Parameters that are an object which exists already, until there is a new one.
    pub(super) may_exist: FxHashSet<Val>,
    /// The instance that a loop's variable begins with.
    pub(super) begins_with: FxHashMap<Val, Val>,
    pub(super) ints: FxHashMap<Val, i64>,
    /// Headers of loops in front of which nothing may be checked that an iteration might not come to.
    banned: FxHashSet<BlockId>,
}

/// Where an object comes to be, and the blocks at whose beginning it is alive under its own name.
struct Life {
    made_in: BlockId,
    alive_in: FxHashSet<BlockId>,
}

type Lives = FxHashMap<Val, Life>;

impl Objects {
    pub(super) fn resolve(&self, val: Val) -> Val {
        self.names.get(&val).copied().unwrap_or(val)
    }

    pub(super) fn object(&self, val: Val) -> Option<Val> {
        Some(self.resolve(val)).filter(|val| self.kinds.contains_key(val))
    }

    /// Finds the objects that need not be made; those in `real` have to be, and others that turn out so are added.
    pub(super) fn find(region: &Region, cfg: &Cfg, ban: &SpeculationBan, real: &mut FxHashSet<Val>) -> Objects {
        let mut objects = Objects {
            kinds: FxHashMap::default(),
            names: FxHashMap::default(),
            may_exist: FxHashSet::default(),
            begins_with: FxHashMap::default(),
            ints: FxHashMap::default(),
            banned: region.loops.iter().filter(|of| ban.applies_to(of)).map(|of| of.header).collect(),
        };
        for &id in &region.order {
            for (result, inst) in &region.block(id).insts {
                match (result, inst) {
                    (Some(result), Inst::Make { shape, words, .. }) if !real.contains(result) => {
                        objects.kinds.insert(*result, Kind { shape: *shape, words: words.len() });
                    }
                    (Some(result), Inst::Int(value)) => _ = objects.ints.insert(*result, *value),
                    _ => {}
                }
            }
        }
        objects.find_parameters(region, cfg, real);
        objects.find_names(region);
        loop {
            let escaping = objects.escaping(region, cfg);
            if escaping.is_empty() {
                break;
            }
            for val in escaping {
                objects.kinds.remove(&val);
                objects.may_exist.remove(&val);
                objects.begins_with.remove(&val);
                real.insert(val);
            }
        }
        let kinds = &objects.kinds;
        objects.names.retain(|_, object| kinds.contains_key(object));
        objects
    }

    /// Takes every parameter that some object comes to for one; those that others come to as well drop out as escaping.
    fn find_parameters(&mut self, region: &Region, cfg: &Cfg, real: &FxHashSet<Val>) {
        let mut changed = true;
        while changed {
            changed = false;
            for &id in &region.order {
                for &pred in cfg.preds(id) {
                    let Terminator::Jump(_, args) = &region.block(pred).end else { continue };
                    for (&param, arg) in region.block(id).params.iter().zip(args) {
                        if let Some(kind) = self.kinds.get(arg).copied()
                            && !real.contains(&param)
                            && !self.kinds.contains_key(&param)
                        {
                            self.kinds.insert(param, kind);
                            changed = true;
                        }
                    }
                }
            }
        }
    }

    fn find_names(&mut self, region: &Region) {
        for &id in &region.order {
            for (result, inst) in &region.block(id).insts {
                let (Some(result), of) = (result, |val: &Val| self.object(*val)) else { continue };
                let named = match inst {
                    Inst::Unary(Unary::Refine, a) => of(a),
                    Inst::Load { base, offset, width, .. } => {
                        of(base).filter(|object| self.kinds[object].is_list_data(*offset, *width))
                    }
                    _ => None,
                };
                if let Some(object) = named {
                    self.names.insert(*result, object);
                }
            }
        }
    }

    /// Objects among those left that have to be made.
    fn escaping(&mut self, region: &Region, cfg: &Cfg) -> FxHashSet<Val> {
        let mut escaping = FxHashSet::default();
        let mut nested = FxHashSet::default();
        let mut uses = Uses::default();
        for (place, &id) in region.order.iter().enumerate() {
            let block = region.block(id);
            let here = (place, id);
            for (result, inst) in &block.insts {
                inst.for_each_arg(|arg| {
                    if let Some(object) = self.object(arg) {
                        uses.note(object, here);
                    }
                });
                self.escaping_by(inst, *result, &mut escaping, &mut nested);
                if let Some(exit) = inst.exit() {
                    self.escaping_by_exit(region.exit(exit), &mut escaping, |object| uses.note(object, here));
                }
            }
            match &block.end {
                Terminator::Exit(exit) => {
                    self.escaping_by_exit(region.exit(*exit), &mut escaping, |object| uses.note(object, here));
                }
                Terminator::Jump(target, args) => {
                    for (&param, &arg) in region.block(*target).params.iter().zip(args) {
                        let Some(object) = self.object(arg) else { continue };
                        uses.note(object, here);
                        let is_object = self.kinds.get(&param) == Some(&self.kinds[&object]);
                        // By another name it would not be known to be the same.
                        let is_itself = self.kinds.contains_key(&arg);
                        let again = args.iter().zip(&region.block(*target).params);
                        let names = again.filter(|(other, _)| self.object(**other) == Some(object)).count();
                        if !is_object || !is_itself || names > 1 {
                            escaping.insert(object);
                        }
                    }
                }
                end => end.for_each_arg(|arg| escaping.extend(self.object(arg))),
            }
        }
        for region_loop in &region.loops {
            let preheader = region_loop.preheader;
            let place = region.order.iter().position(|id| *id == preheader).unwrap_or(usize::MAX);
            self.escaping_by_exit(&region_loop.entry, &mut escaping, |object| uses.note(object, (place, preheader)));
        }
        let lives = self.lives(region, cfg, &uses);
        let mut before = usize::MAX;
        while before != self.may_exist.len() {
            before = self.may_exist.len();
            for (place, &id) in region.order.iter().enumerate() {
                self.escaping_at_merge(region, cfg, (place, id), &nested, (&uses, &lives), &mut escaping);
            }
        }
        self.escaping_by_aliases(region, cfg, &lives, &mut escaping);
        // An object that is made needs those that it keeps.
        for &id in &region.order {
            for (result, inst) in &region.block(id).insts {
                let (keeper, kept) = match (result, inst) {
                    (Some(result), Inst::Make { words, .. }) => (*result, words.as_slice()),
                    (_, Inst::Store { base, value, .. }) => (self.resolve(*base), std::slice::from_ref(value)),
                    _ => continue,
                };
                if !self.kinds.contains_key(&keeper) || escaping.contains(&keeper) {
                    escaping.extend(kept.iter().filter_map(|val| self.object(*val)));
                }
            }
        }
        escaping
    }

    /// What an instruction wants to be there.
    fn escaping_by(
        &self,
        inst: &Inst,
        result: Option<Val>,
        escaping: &mut FxHashSet<Val>,
        nested: &mut FxHashSet<Val>,
    ) {
        let kind_of = |val: Val| self.object(val).map(|object| self.kinds[&object]);
        match inst {
            Inst::Unary(Unary::Refine, _) => {}
            Inst::Load { base, offset, width, .. } => {
                if let Some(kind) = kind_of(*base) {
                    let is_word = *width == Width::Full && kind.word(*offset).is_some();
                    let known =
                        is_word || kind.constant(*offset, *width).is_some() || kind.is_list_data(*offset, *width);
                    if !known || self.is_data_name(*base) {
                        escaping.extend(self.object(*base));
                    }
                }
            }
            Inst::Store { base, offset, value, .. } => {
                nested.extend(self.object(*value));
                if kind_of(*base).is_some_and(|kind| kind.word(*offset).is_none()) {
                    escaping.extend(self.object(*base));
                }
            }
            Inst::LoadElement { element, data, index } | Inst::StoreElement { element, data, index, .. } => {
                let place = |kind: Kind| kind.element(*element, *self.ints.get(index)?);
                if !self.is_data_name(*data) || kind_of(*data).and_then(place).is_none() {
                    escaping.extend(self.object(*data));
                }
                escaping.extend(self.object(*index));
                if let Inst::StoreElement { value, .. } = inst {
                    escaping.extend(self.object(*value));
                }
            }
            Inst::Make { words, .. } if result.is_some_and(|result| self.kinds.contains_key(&result)) => {
                nested.extend(words.iter().filter_map(|word| self.object(*word)));
            }
            _ => inst.for_each_arg(|arg| escaping.extend(self.object(arg))),
        }
    }

    fn escaping_by_exit(&self, exit: &Exit, escaping: &mut FxHashSet<Val>, mut uses: impl FnMut(Val)) {
        for (_, boxed) in &exit.values {
            if let Some(object) = self.object(boxed.payload) {
                uses(object);
                // A payload may be called by another name, but has to be the object itself.
                if self.is_data_name(boxed.payload) {
                    escaping.insert(object);
                }
            }
            if let BoxedTag::Dynamic(tag) = boxed.tag {
                escaping.extend(self.object(tag));
            }
        }
        for (word, value) in &exit.stores {
            escaping.extend([word.base, *value].into_iter().filter_map(|val| self.object(val)));
        }
        for made in &exit.made {
            escaping.extend(made.words.iter().chain(&made.existing).filter_map(|val| self.object(*val)));
        }
    }

    /// Whether a value is the buffer of a list, not the list.
    fn is_data_name(&self, val: Val) -> bool {
        self.names.contains_key(&val)
            && self.object(val).is_some_and(|object| self.kinds[&object].shape.kind == ObjKind::List)
    }

    /// What comes to the parameters of a block and may not, and parameters that something else comes to.
    fn escaping_at_merge(
        &mut self,
        region: &Region,
        cfg: &Cfg,
        (place, id): (usize, BlockId),
        nested: &FxHashSet<Val>,
        (uses, lives): (&Uses, &Lives),
        escaping: &mut FxHashSet<Val>,
    ) {
        let block = region.block(id);
        for (index, &param) in block.params.iter().enumerate() {
            let Some(&kind) = self.kinds.get(&param) else { continue };
            for &pred in cfg.preds(id) {
                let Terminator::Jump(_, args) = &region.block(pred).end else { continue };
                let (arg, comes_first) = (args[index], cfg.is_before(pred, id));
                match self.object(arg) {
                    Some(object) => {
                        // It goes on under this name alone. By its own it would be alive around a loop, too, that uses
                        // it in another iteration.
                        let goes_on = comes_first && uses.last(object).is_some_and(|last| last >= place)
                            || lives.get(&object).is_some_and(|live| live.alive_in.contains(&id));
                        if nested.contains(&object) || goes_on {
                            escaping.insert(object);
                        }
                        if escaping.contains(&object) {
                            escaping.insert(param);
                        }
                        if self.may_exist.contains(&object) && object != param {
                            self.may_exist.insert(param);
                        }
                    }
                    None if comes_first
                        && block.is_loop_header
                        && !self.banned.contains(&id)
                        && kind.shape.kind == ObjKind::Instance
                        && region.instances.contains(&param) =>
                    {
                        self.may_exist.insert(param);
                        self.begins_with.insert(param, arg);
                    }
                    None => _ = escaping.insert(param),
                }
            }
            if escaping.contains(&param) {
                let args = cfg.preds(id).iter().filter_map(|pred| match &region.block(*pred).end {
                    Terminator::Jump(_, args) => self.object(args[index]),
                    _ => None,
                });
                escaping.extend(args.collect::<Vec<_>>());
            }
        }
    }

    /// Where the objects that come to parameters come to be, and where they are alive.
    fn lives(&self, region: &Region, cfg: &Cfg, uses: &Uses) -> Lives {
        let jumps = region.order.iter().filter_map(|id| match &region.block(*id).end {
            Terminator::Jump(target, args) => Some((*target, args)),
            _ => None,
        });
        let pairs = jumps.flat_map(|(target, args)| region.block(target).params.iter().zip(args));
        let come: FxHashSet<Val> =
            pairs.flat_map(|(param, arg)| [self.object(*param), self.object(*arg)]).flatten().collect();
        if come.is_empty() {
            return Lives::default();
        }
        let made_in = definitions(region, &come);
        let of = |object: &Val| {
            let made_in = *made_in.get(object)?;
            Some((*object, Life { made_in, alive_in: uses.alive(*object, made_in, cfg) }))
        };
        come.iter().filter_map(of).collect()
    }

    /// The blocks in which what a variable began with may stand for it or for a variable that it came to.
    fn reach(&self, region: &Region, variable: Val, lives: &Lives) -> FxHashSet<BlockId> {
        let mut reached = FxHashSet::from_iter([variable]);
        let mut before = 0;
        while before != reached.len() {
            before = reached.len();
            for &id in &region.order {
                let Terminator::Jump(target, args) = &region.block(id).end else { continue };
                for (param, arg) in region.block(*target).params.iter().zip(args) {
                    if self.object(*arg).is_some_and(|object| reached.contains(&object)) {
                        reached.insert(*param);
                    }
                }
            }
        }
        let lives = reached.iter().filter_map(|object| lives.get(object));
        lives.flat_map(|life| life.alive_in.iter().copied().chain([life.made_in])).collect()
    }

    /// Variables that begin with an object which exists, where something may assign its fields.
    fn escaping_by_aliases(&self, region: &Region, cfg: &Cfg, lives: &Lives, escaping: &mut FxHashSet<Val>) {
        if self.may_exist.is_empty() {
            return;
        }
        let variable = |&param: &Val| {
            let header = lives.get(&param).map(|life| life.made_in);
            (param, header, self.reach(region, param, lives))
        };
        let variables: Vec<(Val, Option<BlockId>, FxHashSet<BlockId>)> =
            self.begins_with.keys().map(variable).collect();
        let is_make = |(result, inst): &(Option<Val>, Inst)| (*result).filter(|_| matches!(inst, Inst::Make { .. }));
        let blocks = region.order.iter().map(|id| (*id, &region.block(*id).insts));
        let made_in: FxHashMap<Val, BlockId> =
            blocks.flat_map(|(id, insts)| insts.iter().filter_map(is_make).map(move |made| (made, id))).collect();
        for &id in &region.order {
            for (place, (_, inst)) in region.block(id).insts.iter().enumerate() {
                let stored = match *inst {
                    Inst::Store { mem: Mem::Field, base, offset, .. } => match self.object(base) {
                        // The object that exists would have to be changed.
                        Some(object) => {
                            escaping.extend(Some(object).filter(|object| self.may_exist.contains(object)));
                            continue;
                        }
                        None => Some((base, offset)),
                    },
                    Inst::Call { .. } | Inst::CallFunction { .. } if inst.writes().meets(MemSet::of(Mem::Field)) => {
                        None
                    }
                    _ => continue,
                };
                for &(param, header, ref reach) in &variables {
                    let kind = self.kinds[&param];
                    let may_be = stored.is_none_or(|(base, offset)| {
                        let is_field = kind.word(offset).is_some_and(|word| word >= INSTANCE_WORDS);
                        // What was made behind the header is another object than the one from in front of it.
                        let is_new = made_in
                            .get(&base)
                            .is_some_and(|made_in| header.is_some_and(|header| cfg.dominates(header, *made_in)));
                        is_field && !is_new && !is_of_other_struct(region, cfg, base, kind.shape.aux, (id, place))
                    });
                    let is_behind = header.is_none_or(|header| cfg.dominates(header, id)) || reach.contains(&id);
                    if may_be && is_behind {
                        escaping.insert(param);
                    }
                }
            }
        }
    }
}

/// Whether a guard in front of a place has found an instance to be of another struct than this.
fn is_of_other_struct(region: &Region, cfg: &Cfg, base: Val, id: u32, (block, place): (BlockId, usize)) -> bool {
    let mut found: FxHashSet<Val> = FxHashSet::default();
    let mut wanted: FxHashMap<Val, i64> = FxHashMap::default();
    let mut differs: FxHashSet<Val> = FxHashSet::default();
    for &dominator in region.order.iter().filter(|dominator| cfg.dominates(**dominator, block)) {
        let insts = &region.block(dominator).insts;
        let before = if dominator == block { &insts[..place] } else { insts };
        for (result, inst) in before {
            match (*result, inst) {
                (Some(result), Inst::Int(value)) => _ = wanted.insert(result, *value),
                (Some(result), Inst::Load { base: of, offset, width: Width::U32, .. })
                    if *of == base && *offset == Instance::STRUCT_OFFSET as i32 =>
                {
                    found.insert(result);
                }
                (Some(result), Inst::Icmp(Compare::Eq, a, b))
                    if found.contains(a) && wanted.get(b).is_some_and(|wanted| *wanted != i64::from(id)) =>
                {
                    differs.insert(result);
                }
                (_, Inst::Guard { condition, expect: true, .. }) if differs.contains(condition) => return true,
                _ => {}
            }
        }
    }
    false
}
