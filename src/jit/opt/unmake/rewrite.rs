//! Rewriting a region without some of its objects: what is in them, word by word, at each point.

use rustc_hash::{FxHashMap, FxHashSet};

use super::escape::Objects;
use super::{INSTANCE_WORDS, Kind};
use crate::jit::ir::{
    BlockId, Compare, Exit, ExitId, ExitReason, Inst, Loop, Made, Mem, Region, Repr, Terminator, Unary, Val, Width,
};
use crate::jit::opt::cfg::Cfg;
use crate::runtime::object::Instance;

/// What is in the objects at a point.
type State = FxHashMap<Val, Vec<Val>>;

/// What an added parameter of a header stands for.
#[derive(Clone, Copy)]
enum Source {
    Word(Val, usize),
    Existing(Val),
}

/// A region on the way to fewer objects.
pub(super) struct Rewriter<'a> {
    region: &'a mut Region,
    cfg: &'a Cfg,
    objects: &'a Objects,
    rename: FxHashMap<Val, Val>,
    /// Pure instructions that convert, by what they define.
    definitions: FxHashMap<Val, Inst>,
    constants: Vec<(Option<Val>, Inst)>,
    known_constants: FxHashMap<Inst, Val>,
    at_end: Vec<State>,
    /// The word that says which object exists already, by parameter.
    existing: FxHashMap<Val, Val>,
    /// Parameters that were added, and what the loops' headers want of those that come back.
    added: FxHashMap<Val, BlockId>,
    carried: FxHashMap<BlockId, Vec<(Val, Source)>>,
    /// By loop header, the places of its parameters that were objects.
    taken: FxHashMap<BlockId, Vec<(usize, Val)>>,
    /// Objects that the loop with a header writes.
    written: FxHashMap<BlockId, FxHashSet<Val>>,
    /// Words of instances that are read as floats.
    floats: FxHashSet<(u32, usize)>,
    /// Variables that begin with an instance, which is read in front of the loop at last: loop, variable, the
    /// parameters for its words.
    beginnings: Vec<(usize, Val, Vec<Val>)>,
    /// Where each object comes from.
    made_in: FxHashMap<Val, BlockId>,
    /// Objects that turn out to be used in another way than was thought.
    pub(super) conflicts: FxHashSet<Val>,
    /// The size of the objects that exits make.
    pub(super) made_words: usize,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(region: &'a mut Region, cfg: &'a Cfg, objects: &'a Objects) -> Rewriter<'a> {
        let mut definitions = FxHashMap::default();
        let mut known_constants = FxHashMap::default();
        let (mut written, mut floats): (FxHashMap<BlockId, FxHashSet<Val>>, _) =
            (FxHashMap::default(), FxHashSet::default());
        for &id in &region.order {
            for (result, inst) in &region.block(id).insts {
                if let (Some(result), Inst::Int(_) | Inst::Unary(Unary::FloatToBits | Unary::BitsToFloat, _)) =
                    (result, inst)
                {
                    definitions.insert(*result, inst.clone());
                }
                if let (Some(result), Inst::Int(_), true) = (result, inst, id == region.order[0]) {
                    known_constants.entry(inst.clone()).or_insert(*result);
                }
                if let Inst::Load { base, offset, repr: Repr::F64, .. } = inst
                    && let Some(kind) = objects.object(*base).map(|object| objects.kinds[&object])
                    && let Some(word) = kind.word(*offset)
                {
                    floats.insert((kind.shape.aux, word));
                }
                if let Inst::Store { base: to, .. } | Inst::StoreElement { data: to, .. } = inst
                    && let Some(object) = objects.object(*to)
                {
                    for blocks in &cfg.loops {
                        if blocks.blocks.contains(&id) {
                            written.entry(region.loops[blocks.index].header).or_default().insert(object);
                        }
                    }
                }
            }
        }
        let at_end = vec![State::default(); region.blocks.len()];
        Rewriter {
            region,
            cfg,
            objects,
            rename: FxHashMap::default(),
            definitions,
            constants: Vec::new(),
            known_constants,
            at_end,
            existing: FxHashMap::default(),
            added: FxHashMap::default(),
            carried: FxHashMap::default(),
            taken: FxHashMap::default(),
            written,
            floats,
            beginnings: Vec::new(),
            made_in: FxHashMap::default(),
            conflicts: FxHashSet::default(),
            made_words: 0,
        }
    }

    fn resolve(&self, mut val: Val) -> Val {
        while let Some(other) = self.rename.get(&val) {
            val = *other;
        }
        val
    }

    /// An int that is defined in front of everything.
    fn int(&mut self, value: i64) -> Val {
        let inst = Inst::Int(value);
        if let Some(known) = self.known_constants.get(&inst) {
            return *known;
        }
        let val = self.region.new_val(Repr::I64);
        self.constants.push((Some(val), inst.clone()));
        self.definitions.insert(val, inst.clone());
        self.known_constants.insert(inst, val);
        val
    }

    fn int_of(&self, val: Val) -> Option<i64> {
        match self.definitions.get(&val) {
            Some(Inst::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn run(&mut self) {
        for place in 0..self.region.order.len() {
            let id = self.region.order[place];
            let mut state = self.enter(id);
            let insts = std::mem::take(&mut self.region.block_mut(id).insts);
            let mut kept = Vec::with_capacity(insts.len());
            for (result, inst) in insts {
                self.visit(id, (result, inst), &mut state, &mut kept);
            }
            self.region.block_mut(id).insts = kept;
            self.end(id, &state);
            self.at_end[id.0 as usize] = state;
        }
        let entries: Vec<(usize, BlockId)> =
            self.region.loops.iter().enumerate().map(|(index, region_loop)| (index, region_loop.preheader)).collect();
        for (index, preheader) in entries {
            let mut entry = self.region.loops[index].entry.clone();
            let state = std::mem::take(&mut self.at_end[preheader.0 as usize]);
            self.complete(&mut entry, &state);
            self.at_end[preheader.0 as usize] = state;
            self.region.loops[index].entry = entry;
        }
        self.begin_variables();
    }

    /// What is in the objects at the start of a block, whose parameters are replaced.
    fn enter(&mut self, id: BlockId) -> State {
        let preds: Vec<BlockId> =
            self.cfg.preds(id).iter().copied().filter(|pred| self.cfg.is_before(*pred, id)).collect();
        let Some(&first) = preds.first() else { return State::default() };
        let mut state = self.at_end[first.0 as usize].clone();
        let is_header = self.cfg.preds(id).len() > preds.len();
        if self.cfg.preds(id).len() > 1 {
            self.merge(id, &preds, is_header, &mut state);
        }
        // The block's own variables.
        let params = self.region.block(id).params.clone();
        let is_object = |(_, param): &(usize, &Val)| self.objects.kinds.contains_key(param);
        let taken: Vec<(usize, Val)> =
            params.iter().enumerate().filter(is_object).map(|(place, param)| (place, *param)).collect();
        self.taken.insert(id, taken.clone());
        for (_, param) in taken {
            let place = self.region.block(id).params.iter().position(|other| *other == param).expect("it is there");
            self.region.block_mut(id).params.remove(place);
            let mut brought: Vec<Val> = Vec::new();
            for &pred in &preds {
                if let Terminator::Jump(_, args) = &mut self.region.block_mut(pred).end {
                    brought.push(args.remove(place));
                }
            }
            self.bring_variable(id, param, &preds, &brought, &mut state);
        }
        state
    }

    /// Merges what different edges bring for the objects that all of them know.
    fn merge(&mut self, id: BlockId, preds: &[BlockId], is_header: bool, state: &mut State) {
        for pred in &preds[1..] {
            let other = &self.at_end[pred.0 as usize];
            state.retain(|object, _| other.contains_key(object));
        }
        let none = FxHashSet::default();
        let written: FxHashSet<Val> = if is_header { self.written.get(&id).unwrap_or(&none).clone() } else { none };
        let mut objects: Vec<Val> = state.keys().copied().collect();
        objects.sort_unstable();
        for object in objects {
            for word in 0..state[&object].len() {
                let brought: Vec<Val> = preds.iter().map(|pred| self.at_end[pred.0 as usize][&object][word]).collect();
                let is_same = brought.iter().all(|val| *val == brought[0]);
                if is_same && !(is_header && written.contains(&object)) {
                    continue;
                }
                if let Some(nested) = brought.iter().find_map(|val| self.objects.object(*val)) {
                    self.conflicts.insert(nested);
                }
                let param = self.add_parameter(id, &brought, preds, Source::Word(object, word));
                state.get_mut(&object).expect("it is known")[word] = param;
            }
        }
    }

    fn add_parameter(&mut self, id: BlockId, brought: &[Val], preds: &[BlockId], source: Source) -> Val {
        let is_float = brought.iter().all(|val| self.region.repr(*val) == Repr::F64);
        let param = self.new_parameter(id, if is_float { Repr::F64 } else { Repr::I64 }, source);
        for (&val, &pred) in brought.iter().zip(preds) {
            self.bring(pred, val, param);
        }
        param
    }

    fn new_parameter(&mut self, id: BlockId, repr: Repr, source: Source) -> Val {
        let param = self.region.new_val(repr);
        self.region.block_mut(id).params.push(param);
        self.added.insert(param, id);
        if self.region.block(id).is_loop_header {
            self.carried.entry(id).or_default().push((param, source));
        }
        param
    }

    /// Adds an argument to the jump at the end of a block.
    fn bring(&mut self, pred: BlockId, val: Val, param: Val) {
        let mut kept = std::mem::take(&mut self.region.block_mut(pred).insts);
        let val = self.converted(val, self.region.repr(param), &mut kept);
        self.region.block_mut(pred).insts = kept;
        if let Terminator::Jump(_, args) = &mut self.region.block_mut(pred).end {
            args.push(val);
        }
    }

    /// A word as bits or as a float.
    fn converted(&mut self, val: Val, repr: Repr, kept: &mut Vec<(Option<Val>, Inst)>) -> Val {
        let inst = match (self.region.repr(val), repr, self.definitions.get(&val)) {
            (Repr::I64, Repr::F64, Some(Inst::Unary(Unary::FloatToBits, float))) => return self.resolve(*float),
            (Repr::F64, Repr::I64, Some(Inst::Unary(Unary::BitsToFloat, bits))) => return self.resolve(*bits),
            (Repr::I64, Repr::F64, _) => Inst::Unary(Unary::BitsToFloat, val),
            (Repr::F64, Repr::I64, _) => Inst::Unary(Unary::FloatToBits, val),
            (Repr::Bool, Repr::I64, _) => Inst::Unary(Unary::BoolToBits, val),
            (Repr::I64, Repr::Bool, _) => Inst::Unary(Unary::BitsToBool, val),
            _ => return val,
        };
        let converted = self.region.new_val(repr);
        self.definitions.insert(converted, inst.clone());
        kept.push((Some(converted), inst));
        converted
    }

    /// Splits a variable into its words.
    fn bring_variable(&mut self, id: BlockId, param: Val, preds: &[BlockId], brought: &[Val], state: &mut State) {
        let kind = self.objects.kinds[&param];
        let begins = self.objects.begins_with.contains_key(&param);
        let mut words = Vec::with_capacity(kind.words);
        for word in 0..kind.words {
            let source = Source::Word(param, word);
            let reads_float = self.floats.contains(&(kind.shape.aux, word));
            if begins {
                // The argument is known when it is known what the loop brings.
                let added = self.new_parameter(id, if reads_float { Repr::F64 } else { Repr::I64 }, source);
                if let Terminator::Jump(_, args) = &mut self.region.block_mut(preds[0]).end {
                    args.push(added);
                }
                words.push(added);
                continue;
            }
            let from = brought.iter().zip(preds);
            let word_of = |(object, pred): (&Val, &BlockId)| Some(self.at_end[pred.0 as usize].get(object)?[word]);
            let Some(vals) = from.map(word_of).collect::<Option<Vec<Val>>>() else {
                self.conflicts.insert(param);
                words.push(self.int(0));
                continue;
            };
            self.conflicts.extend(vals.iter().filter_map(|val| self.objects.object(*val)));
            let added = match reads_float && vals.iter().any(|val| self.region.repr(*val) == Repr::F64) {
                true => {
                    let added = self.new_parameter(id, Repr::F64, source);
                    vals.iter().zip(preds).for_each(|(val, pred)| self.bring(*pred, *val, added));
                    added
                }
                false => self.add_parameter(id, &vals, preds, source),
            };
            words.push(added);
        }
        if self.objects.may_exist.contains(&param) {
            let added = self.new_parameter(id, Repr::I64, Source::Existing(param));
            for (&object, &pred) in brought.iter().zip(preds) {
                let existing = self.existing_of(object);
                self.bring(pred, existing, added);
            }
            self.existing.insert(param, added);
        }
        if begins && let Some(index) = self.region.loops.iter().position(|region_loop| region_loop.header == id) {
            self.beginnings.push((index, param, words.clone()));
        }
        self.made_in.insert(param, id);
        state.insert(param, words);
    }

    /// The word that says whether an object exists already: 0 if it does not.
    fn existing_of(&mut self, val: Val) -> Val {
        match self.objects.object(val) {
            None => val,
            Some(object) => match self.existing.get(&object) {
                Some(existing) => *existing,
                None => self.int(0),
            },
        }
    }

    /// What stands for a value: an object, if it is one by whatever name.
    fn known_as(&self, val: Val) -> Val {
        self.objects.resolve(self.resolve(val))
    }

    fn is_object(&self, val: Val) -> bool {
        self.objects.kinds.contains_key(&val)
    }

    fn visit(
        &mut self,
        block: BlockId,
        (result, mut inst): (Option<Val>, Inst),
        state: &mut State,
        kept: &mut Vec<(Option<Val>, Inst)>,
    ) {
        inst.for_each_arg_mut(|arg| *arg = self.known_as(*arg));
        match (&inst, result) {
            (
                Inst::Load { base: object, .. }
                | Inst::Store { base: object, .. }
                | Inst::LoadElement { data: object, .. }
                | Inst::StoreElement { data: object, .. },
                _,
            ) if self.is_object(*object) => return self.access(block, result, &inst, *object, state, kept),
            (Inst::Unary(Unary::Refine, object), Some(result)) if self.is_object(*object) => {
                self.rename.insert(result, *object);
                return;
            }
            (Inst::Make { words, .. }, Some(result)) if self.is_object(result) => {
                state.insert(result, words.clone());
                self.made_in.insert(result, block);
                return;
            }
            _ => {}
        }
        // An object that was read from another one may be used in ways that are not allowed.
        inst.for_each_arg(|arg| self.conflicts.extend(Some(arg).filter(|arg| self.objects.kinds.contains_key(arg))));
        if let Some(exit) = inst.exit_mut() {
            *exit = self.own_exit(*exit, state);
        }
        kept.push((result, inst));
    }

    /// Reads or writes a part of an object that is not made.
    fn access(
        &mut self,
        block: BlockId,
        result: Option<Val>,
        inst: &Inst,
        object: Val,
        state: &mut State,
        kept: &mut Vec<(Option<Val>, Inst)>,
    ) {
        let kind = self.objects.kinds[&object];
        let place = match *inst {
            Inst::Load { offset, .. } | Inst::Store { offset, .. } => kind.word(offset),
            Inst::LoadElement { element, index, .. } | Inst::StoreElement { element, index, .. } => {
                self.objects.ints.get(&index).and_then(|index| kind.element(element, *index))
            }
            _ => None,
        };
        match *inst {
            Inst::Load { offset, width, .. } if place.is_none() || width != Width::Full => {
                let Some(result) = result else { return };
                match kind.constant(offset, width) {
                    Some(value) => {
                        let value = self.int(value);
                        self.rename.insert(result, value);
                    }
                    None if kind.is_list_data(offset, width) => _ = self.rename.insert(result, object),
                    None => _ = self.conflicts.insert(object),
                }
            }
            Inst::Load { .. } | Inst::LoadElement { .. } => {
                let (Some(words), Some(place), Some(result)) = (state.get(&object), place, result) else {
                    self.conflicts.insert(object);
                    return;
                };
                let value = self.converted(words[place], self.region.repr(result), kept);
                self.rename.insert(result, value);
            }
            Inst::Store { value, .. } | Inst::StoreElement { value, .. } => {
                let mut value = value;
                // Where a loop carries what is in an object is known of objects that are written by name only.
                let is_from_outside = self
                    .made_in
                    .get(&object)
                    .is_none_or(|made_in| self.cfg.innermost(*made_in) != self.cfg.innermost(block));
                let may_exist = self.objects.may_exist.contains(&object);
                if may_exist || (is_from_outside && !self.is_written_by_name(block, object)) {
                    self.conflicts.insert(object);
                }
                if let Some(Inst::Unary(Unary::FloatToBits, float)) = self.definitions.get(&value) {
                    value = self.resolve(*float);
                }
                match (state.get_mut(&object), place) {
                    (Some(words), Some(place)) => words[place] = value,
                    _ => _ = self.conflicts.insert(object),
                }
            }
            _ => {}
        }
    }

    /// Whether all loops around a block that the object comes into from outside know that it is written.
    fn is_written_by_name(&self, block: BlockId, object: Val) -> bool {
        self.cfg.loops.iter().filter(|blocks| blocks.blocks.contains(&block)).all(|blocks| {
            let header = self.region.loops[blocks.index].header;
            let is_inside = self.made_in.get(&object).is_some_and(|made_in| blocks.blocks.contains(made_in));
            is_inside || self.written.get(&header).is_some_and(|written| written.contains(&object))
        })
    }

    /// The exit of a place where the objects are in this state.
    fn own_exit(&mut self, exit: ExitId, state: &State) -> ExitId {
        let is_concerned = |val: Val| self.is_object(self.known_as(val));
        if !self.region.exit(exit).values.iter().any(|(_, boxed)| is_concerned(boxed.payload)) {
            return exit;
        }
        let mut own = self.region.exit(exit).clone();
        self.complete(&mut own, state);
        self.region.new_exit(own)
    }

    /// Has an exit make the objects that it mentions.
    fn complete(&mut self, exit: &mut Exit, state: &State) {
        let mut made: Vec<Made> = Vec::new();
        let mut pending: Vec<Val> = Vec::new();
        for (_, boxed) in &mut exit.values {
            let object = self.known_as(boxed.payload);
            if self.is_object(object) {
                boxed.payload = object;
                pending.push(object);
            }
        }
        while let Some(object) = pending.pop() {
            if made.iter().any(|made| made.object == object) {
                continue;
            }
            let Some(words) = state.get(&object) else {
                self.conflicts.insert(object);
                continue;
            };
            let kind = self.objects.kinds[&object];
            pending.extend(words.iter().copied().filter(|word| self.objects.kinds.contains_key(word)));
            let existing = self.existing.get(&object).copied();
            self.made_words += words.len();
            made.push(Made { object, shape: kind.shape, words: words.clone(), existing });
        }
        // Where one is made that exists already, its parts are no objects that are made.
        made.sort_by_key(|made| (made.existing.is_none(), made.object));
        exit.made = made;
    }

    /// The end of a block: what it brings back to a header.
    fn end(&mut self, id: BlockId, state: &State) {
        let mut end = std::mem::replace(&mut self.region.block_mut(id).end, Terminator::None);
        end.for_each_arg_mut(|arg| *arg = self.known_as(*arg));
        let header = match &mut end {
            Terminator::Exit(exit) => {
                *exit = self.own_exit(*exit, state);
                None
            }
            Terminator::Jump(target, args) if self.cfg.is_before(id, *target) => {
                for (arg, param) in args.iter().zip(&self.region.block(*target).params) {
                    if self.objects.kinds.contains_key(arg) && !self.objects.kinds.contains_key(param) {
                        self.conflicts.insert(*arg);
                    }
                }
                None
            }
            Terminator::Jump(target, _) => Some(*target),
            end => {
                end.for_each_arg(|arg| {
                    self.conflicts.extend(Some(arg).filter(|arg| self.objects.kinds.contains_key(arg)))
                });
                None
            }
        };
        let mut brought: FxHashMap<Val, Val> = FxHashMap::default();
        if let (Some(header), Terminator::Jump(_, args)) = (header, &mut end) {
            let taken = self.taken.get(&header).map_or(&[][..], Vec::as_slice);
            brought.extend(taken.iter().map(|(place, param)| (*param, args[*place])));
            let mut place = 0;
            args.retain(|_| {
                place += 1;
                !taken.iter().any(|(removed, _)| *removed == place - 1)
            });
            self.conflicts.extend(args.iter().filter(|arg| self.objects.kinds.contains_key(arg)));
        }
        self.region.block_mut(id).end = end;
        let Some(header) = header else { return };
        for (param, source) in self.carried.get(&header).cloned().unwrap_or_default() {
            let of = |object: Val| brought.get(&object).copied().unwrap_or(object);
            let val = match source {
                Source::Existing(object) => self.existing_of(of(object)),
                Source::Word(object, word) => match state.get(&of(object)) {
                    Some(words) => words[word],
                    None => {
                        self.conflicts.insert(object);
                        param
                    }
                },
            };
            self.conflicts.extend(self.objects.object(val));
            self.bring(id, val, param);
        }
    }

    /// Reads the instances that variables begin with, in front of their loops.
    fn begin_variables(&mut self) {
        for (index, object, params) in std::mem::take(&mut self.beginnings) {
            let kind = self.objects.kinds[&object];
            let instance = self.resolve(self.objects.begins_with[&object]);
            let load = |offset, repr, width| Inst::Load { mem: Mem::Header, base: instance, offset, repr, width };
            let id = self.before(index, load(Instance::STRUCT_OFFSET as i32, Repr::I64, Width::U32), Repr::I64);
            let wanted = self.int(kind.shape.aux.into());
            self.guard_before(index, id, wanted);
            for (word, param) in params.into_iter().enumerate() {
                let constant = self.constant_of(param);
                let value = match (word, constant) {
                    (0, Some(class)) => self.int(class),
                    (0, None) => {
                        self.conflicts.insert(object);
                        return;
                    }
                    (1, _) => {
                        let extra = load(Instance::EXTRA_OFFSET as i32, Repr::I64, Width::Full);
                        let (extra, none) = (self.before(index, extra, Repr::I64), self.int(0));
                        self.guard_before(index, extra, none);
                        none
                    }
                    _ => {
                        let repr = self.region.repr(param);
                        let (base, offset) = (instance, Kind::offset(word));
                        let read = Inst::Load { mem: Mem::Field, base, offset, repr, width: Width::Full };
                        let read = self.before(index, read, repr);
                        match constant.filter(|_| (word - INSTANCE_WORDS).is_multiple_of(2)) {
                            Some(tag) => {
                                let tag = self.int(tag);
                                self.guard_before(index, read, tag);
                                tag
                            }
                            None => read,
                        }
                    }
                };
                let Loop { header, preheader, .. } = self.region.loops[index];
                let place = self.region.block(header).params.iter().position(|other| *other == param);
                if let (Some(place), Terminator::Jump(_, args)) = (place, &mut self.region.block_mut(preheader).end) {
                    args[place] = value;
                }
            }
        }
    }

    /// Computes something at the end of a loop's preheader.
    fn before(&mut self, index: usize, inst: Inst, repr: Repr) -> Val {
        let val = self.region.new_val(repr);
        let preheader = self.region.loops[index].preheader;
        self.region.block_mut(preheader).insts.push((Some(val), inst));
        val
    }

    fn guard_before(&mut self, index: usize, found: Val, wanted: Val) {
        let condition = self.before(index, Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool);
        let Loop { preheader, ref entry, .. } = self.region.loops[index];
        // No iteration need come to it: the variable may be a new object before anyone looks at its fields.
        let exit = Exit { reason: ExitReason::Hoisted, ..entry.clone() };
        let exit = self.region.new_exit(exit);
        self.region.block_mut(preheader).insts.push((None, Inst::Guard { condition, expect: true, exit }));
    }

    /// What comes to an added parameter in the end, by way of other added parameters. It itself is no news.
    fn leaves(&self, param: Val) -> FxHashSet<Val> {
        let (mut leaves, mut seen, mut pending) = (FxHashSet::default(), FxHashSet::default(), vec![param]);
        while let Some(param) = pending.pop() {
            let Some(&id) = self.added.get(&param) else { continue };
            if !seen.insert(param) {
                continue;
            }
            let Some(place) = self.region.block(id).params.iter().position(|other| *other == param) else { continue };
            for &pred in self.cfg.preds(id) {
                let Terminator::Jump(_, args) = &self.region.block(pred).end else { continue };
                let Some(&arg) = args.get(place) else { continue };
                let arg = self.resolve(arg);
                if self.added.contains_key(&arg) { pending.push(arg) } else { _ = leaves.insert(arg) }
            }
        }
        leaves
    }

    /// The int that an added parameter always is.
    fn constant_of(&self, param: Val) -> Option<i64> {
        let leaves = self.leaves(param);
        let first = self.int_of(*leaves.iter().next()?)?;
        leaves.iter().all(|leaf| self.int_of(*leaf) == Some(first)).then_some(first)
    }

    /// Removes added parameters that are always the same, and applies the renaming.
    pub(super) fn finish(mut self) {
        let mut params: Vec<Val> = self.added.keys().copied().collect();
        params.sort_unstable();
        for param in params {
            let same = match self.constant_of(param) {
                Some(value) => Some(self.int(value)),
                None => {
                    let leaves = self.leaves(param);
                    let only = leaves.iter().next().copied();
                    only.filter(|only| leaves.len() == 1 && self.region.repr(*only) == self.region.repr(param))
                }
            };
            let (Some(same), Some(id)) = (same, self.added.remove(&param)) else { continue };
            self.rename.insert(param, same);
            let Some(place) = self.region.block(id).params.iter().position(|other| *other == param) else { continue };
            self.region.block_mut(id).params.remove(place);
            for pred in self.cfg.preds(id) {
                if let Terminator::Jump(_, args) = &mut self.region.block_mut(*pred).end {
                    args.remove(place);
                }
            }
        }
        let Rewriter { region, rename, constants, definitions, .. } = self;
        let resolve = |val: &mut Val| {
            while let Some(other) = rename.get(val) {
                *val = *other;
            }
        };
        for place in 0..region.order.len() {
            let block = region.block_mut(region.order[place]);
            block.insts.iter_mut().for_each(|(_, inst)| inst.for_each_arg_mut(resolve));
            block.end.for_each_arg_mut(resolve);
        }
        let exits = region.exits.iter_mut().chain(region.loops.iter_mut().map(|region_loop| &mut region_loop.entry));
        for exit in exits {
            exit.for_each_val_mut(resolve);
            for made in &mut exit.made {
                made.existing = made.existing.filter(|existing| definitions.get(existing) != Some(&Inst::Int(0)));
            }
        }
        region.cells.iter_mut().for_each(resolve);
        let entry = region.order[0];
        region.block_mut(entry).insts.splice(0..0, constants);
    }
}
