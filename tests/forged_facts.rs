//! Programs whose facts were forged do what they do without facts.
//!
//! Each file is a random program of which walrusc's facts were changed: made wider all over the program, which is
//! consistent with the code in most cases, or changed in one place, which mostly is not; and what no check looks at
//! (verdicts, trip counts, induction variables, effects) is made up. Facts that the check accepts are true, however
//! they came about: such a file runs with every proved type guarded (`Stress::Facts`), where a value of another type is
//! an internal error. Facts that it refuses must not matter at all.
//!
//! `WALRUS_FORGED=SEED:COUNT cargo test --release --test forged_facts` makes so many files from a seed on instead of
//! the usual few hundred.

use std::sync::{Arc, Mutex};

use host::MemoryHost;
use random_programs::program as random_program;
use random_programs::random::Random;
use walrus::bytecode::facts::{Bound, Facts, Induction, RegionFacts, TypeFacts, TypeId, Verdict};
use walrus::bytecode::types::{ClassId, IdSet, IdSets, Identity, Slot, Tags, Type};
use walrus::bytecode::{self, Program, Reg, verify, wbc};
use walrus::compile::compile_text;
use walrus::facts::check_facts;
use walrus::run::{JitSettings, RunOptions, Stress, run};

#[path = "support/host.rs"]
mod host;
#[path = "support/random_programs/mod.rs"]
mod random_programs;

/// What CI makes.
const SEED: u64 = 1;
const COUNT: u64 = 300;
/// Back edges and calls after which a program is dropped.
const FUEL: u64 = 60_000;
const MAX_HEAP: usize = 48 << 20;

type Forge = fn(&mut Forger);

/// The ways to forge, each with its name for who reads a failure.
const FORGERIES: &[(&str, Forge)] = &[
    ("a kind of value added to a kind, everywhere", Forger::widen_a_kind),
    ("a kind of value added to some types", Forger::widen_some),
    ("two classes of containers made one", Forger::merge_classes),
    ("two sets of identities made one", Forger::merge_identities),
    ("a declaration of another type", Forger::redeclare),
    ("a type without one of its kinds", Forger::narrow),
    ("a flag turned", Forger::turn_a_flag),
    ("regions made up", Forger::make_up_regions),
    ("a function not followed, but declared", Forger::declare_unfollowed),
];

struct Forger {
    random: Random,
    facts: Facts,
}

/// A random item of a slice that is not empty.
fn any<'a, T>(random: &mut Random, items: &'a mut [T]) -> &'a mut T {
    &mut items[random.below(items.len() as u64) as usize]
}

impl Forger {
    fn types(&mut self) -> &mut TypeFacts {
        &mut self.facts.types
    }

    fn kind(&mut self) -> Tags {
        Tags(1 << self.random.below(13))
    }

    /// Wherever one kind may be, so may be another: what follows from such types is wider, too, as the rules are
    /// monotonic.
    fn widen_a_kind(&mut self) {
        let (there, added) = (self.kind(), self.kind());
        for ty in &mut self.facts.types.types {
            if ty.tags.meets(there) {
                *ty = wider(*ty, added);
            }
        }
    }

    fn widen_some(&mut self) {
        let added = self.kind();
        for ty in &mut self.facts.types.types {
            if !ty.is_never() && self.random.percent(60) {
                *ty = wider(*ty, added);
            }
        }
    }

    fn merge_classes(&mut self) {
        let classes = self.types().classes.len() as u64;
        if classes < 2 {
            return;
        }
        // Classes are counted from 1.
        let mut pending = vec![(1 + self.random.below(classes) as u32, 1 + self.random.below(classes) as u32)];
        while let Some((kept, gone)) = pending.pop() {
            if kept == gone || [kept, gone].contains(&ClassId::ANY.0) {
                continue;
            }
            let types = self.types();
            let slots =
                Slot::ALL.map(|slot| [kept, gone].map(|class| types.classes[class as usize - 1][slot as usize]));
            for ty in types.types.iter_mut().filter(|ty| ty.class == ClassId(gone)) {
                ty.class = ClassId(kept);
            }
            types.sites.iter_mut().filter(|site| site.1 == gone).for_each(|site| site.1 = kept);
            pending.iter_mut().for_each(|pair| {
                [&mut pair.0, &mut pair.1].into_iter().filter(|class| **class == gone).for_each(|class| *class = kept);
            });
            for (slot, [a, b]) in slots.into_iter().enumerate() {
                let both = union(types, a, b, &mut pending);
                types.classes[kept as usize - 1][slot] = both;
            }
        }
    }

    fn merge_identities(&mut self) {
        let sets = self.types().id_sets.len() as u64;
        let (a, b) = (IdSet(self.random.below(sets) as u32), IdSet(self.random.below(sets) as u32));
        let types = self.types();
        let both = joined(types, a, b);
        let merged = types.types.iter_mut().filter(|ty| !ty.is_never() && (ty.ids == a || ty.ids == b));
        merged.filter(|ty| ty.tags.meets(Tags::IDENTIFIED)).for_each(|ty| ty.ids = both);
    }

    fn redeclare(&mut self) {
        let Forger { random, facts } = self;
        let types = &mut facts.types;
        let another = TypeId(random.below(types.types.len() as u64) as u32);
        let mut places: Vec<&mut TypeId> = Vec::new();
        places.extend(types.globals.iter_mut().chain(&mut types.params).chain(&mut types.results));
        places.extend(types.captures.iter_mut().chain(&mut types.fields).chain([&mut types.thrown]));
        places.extend(types.classes.iter_mut().flatten());
        places.extend(types.frame_registers.iter_mut().map(|(_, ty)| ty));
        **any(random, &mut places) = another;
    }

    fn narrow(&mut self) {
        let Forger { random, facts } = self;
        let ty = any(random, &mut facts.types.types);
        let kinds: Vec<Tags> = ty.tags.each().collect();
        if let Some(kind) = kinds.get(random.below(kinds.len().max(1) as u64) as usize) {
            *ty = ty.without(*kind);
        }
    }

    fn turn_a_flag(&mut self) {
        let Forger { random, facts } = self;
        let types = &mut facts.types;
        let mut flags: Vec<&mut bool> = Vec::new();
        for function in &mut types.functions {
            let f = function;
            flags.extend([&mut f.reached, &mut f.escaped, &mut f.result_escaped, &mut f.followed]);
        }
        types.structs.iter_mut().for_each(|s| flags.extend([&mut s.escaped, &mut s.instances_escaped]));
        flags.extend(types.escaped_modules.iter_mut().chain(&mut types.escaped_globals));
        let flag = any(random, &mut flags);
        **flag = !**flag;
    }

    /// No check looks at the frames of such a function, so nothing may believe them.
    fn declare_unfollowed(&mut self) {
        let Forger { random, facts } = self;
        let types = &mut facts.types;
        any(random, &mut types.functions).followed = false;
        let another = TypeId(random.below(types.types.len() as u64) as u32);
        types.frame_registers.iter_mut().filter(|_| random.percent(20)).for_each(|(_, ty)| *ty = another);
    }

    fn make_up_regions(&mut self) {
        let Forger { random, facts } = self;
        facts.regions.iter_mut().for_each(|region| make_up(random, region));
    }
}

/// A region of which nothing is true but which it is.
fn make_up(random: &mut Random, region: &mut RegionFacts) {
    if region.verdict != Verdict::Incompatible {
        let conditional = !region.conditions.is_empty() && random.percent(50);
        region.verdict = if conditional { Verdict::Conditional } else { Verdict::Proven };
        region.reached = random.percent(50);
    }
    region.trip_count = random.percent(50).then(|| random.below(100));
    let registers: Vec<Reg> = region.live_in.iter().chain(&region.live_out).map(|(reg, _)| *reg).collect();
    let pick = |random: &mut Random| registers[random.below(registers.len() as u64) as usize];
    if !registers.is_empty() {
        let mut invariants: Vec<Reg> = (0..random.below(4)).map(|_| pick(random)).collect();
        invariants.sort_by_key(|reg| reg.0);
        invariants.dedup();
        region.invariants = invariants;
        region.inductions = vec![Induction {
            register: pick(random),
            start: random.percent(50).then(|| random.between(-5, 5)),
            step: random.between(-3, 3),
            bound: match random.below(3) {
                0 => Bound::None,
                1 => Bound::Constant(random.between(-100, 100)),
                _ => Bound::Register(pick(random)),
            },
        }];
    }
    let effects = &mut region.effects;
    let flags = [&mut effects.allocates, &mut effects.throws, &mut effects.outputs, &mut effects.awaits];
    flags.into_iter().for_each(|flag| *flag = random.percent(50));
    effects.calls_unknown = random.percent(50);
    effects.writes_items = random.percent(50);
    if random.percent(50) {
        effects.globals_written.clear();
        effects.fields_written.clear();
    }
}

/// A type with more kinds, of which nothing else is known: its containers are of the class that it has, or of any.
fn wider(ty: Type, added: Tags) -> Type {
    let (gets_class, gets_ids) = (added.meets(Tags::CONTAINERS), added.meets(Tags::IDENTIFIED));
    Type {
        tags: ty.tags.or(added),
        class: if gets_class && ty.class == ClassId::NONE { ClassId::ANY } else { ty.class },
        ids: if gets_ids && ty.ids == IdSet::EMPTY { IdSet::TOP } else { ty.ids },
    }
}

/// The type of what is of one or the other. Classes that differ are to be merged.
fn union(types: &mut TypeFacts, a: TypeId, b: TypeId, pending: &mut Vec<(u32, u32)>) -> TypeId {
    if a == b {
        return a;
    }
    let [a, b] = [a, b].map(|id| types.types[id.index()]);
    let class = match (a.class, b.class) {
        (ClassId::NONE, class) | (class, ClassId::NONE) => class,
        (a, b) => {
            pending.push((a.0, b.0));
            a
        }
    };
    let ids = joined(types, a.ids, b.ids);
    types.types.push(Type { tags: a.tags.or(b.tags), class, ids });
    TypeId(types.types.len() as u32 - 1)
}

/// The set of what is in one or the other.
fn joined(types: &mut TypeFacts, a: IdSet, b: IdSet) -> IdSet {
    if a == b {
        return a;
    }
    if a == IdSet::TOP || b == IdSet::TOP {
        return IdSet::TOP;
    }
    let mut members: Vec<Identity> = [a, b].iter().flat_map(|set| types.id_sets[set.0 as usize].clone()).collect();
    members.sort();
    members.dedup();
    if members.len() > IdSets::MAX {
        return IdSet::TOP;
    }
    let found = types.id_sets.iter().position(|set| *set == members);
    let index = found.unwrap_or_else(|| {
        types.id_sets.push(members);
        types.id_sets.len() - 1
    });
    IdSet(index as u32)
}

/// How a file is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tier {
    Interpreter,
    Native { guarded: bool },
}

/// What a program did, as a user sees it.
#[derive(PartialEq, Eq, Debug)]
struct Observed {
    status: i32,
    stdout: String,
    stderr: String,
}

fn observe(bytes: &[u8], tier: Tier, fuel: Option<u64>) -> Observed {
    let program = bytecode::load(bytes).expect("forged facts leave a file valid");
    let jit = JitSettings {
        compile: tier != Tier::Interpreter,
        loop_threshold: 1,
        function_threshold: 1,
        stress: if tier == (Tier::Native { guarded: true }) { vec![Stress::Facts, Stress::Exits] } else { Vec::new() },
        wait: true,
        ..JitSettings::default()
    };
    let options = RunOptions { max_heap: MAX_HEAP, fuel, jit, ..RunOptions::default() };
    let out = Arc::new(Mutex::new(Vec::new()));
    let outcome = run(program, &options, Box::new(MemoryHost { out: Arc::clone(&out) }));
    let stdout = String::from_utf8_lossy(&out.lock().expect("no writer panics")).into_owned();
    Observed { status: outcome.status, stdout, stderr: outcome.message }
}

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The program takes too long, or nothing of its facts was changed.
    Dropped,
    /// The check refuses the facts, or the file is invalid with them.
    Refused,
    Accepted,
}

/// Forges the facts of the program of a seed and runs it.
fn forge_and_run(seed: u64) -> (&'static str, Fate) {
    let (how, forge) = FORGERIES[(seed % FORGERIES.len() as u64) as usize];
    let original = compile_text("main.walrus", &random_program(seed)).program.expect("it compiles");
    let facts = original.facts.clone().expect("walrusc writes facts");
    let mut forger = Forger { random: Random::new(!seed), facts };
    forge(&mut forger);
    let forged = Program { facts: Some(forger.facts), ..original.clone() };
    if forged.facts == original.facts {
        return (how, Fate::Dropped);
    }
    let encode = |program: &Program| wbc::encode(program, &wbc::Meta::new([0; 32]));
    let expected = observe(&encode(&original), Tier::Interpreter, Some(FUEL));
    if ["Out of fuel", "Out of memory"].iter().any(|end| expected.stderr.starts_with(end)) {
        return (how, Fate::Dropped);
    }
    let accepted = verify(forged.clone()).is_ok_and(|program| check_facts(&program).is_ok());
    let bytes = encode(&forged);
    for tier in [Tier::Native { guarded: false }, Tier::Native { guarded: true }] {
        let seen = observe(&bytes, tier, None);
        assert_eq!(seen, expected, "seed {seed}, {how}, accepted: {accepted}, {tier:?}");
    }
    (how, if accepted { Fate::Accepted } else { Fate::Refused })
}

#[test]
fn forged_facts_change_nothing() {
    let wanted = std::env::var("WALRUS_FORGED").unwrap_or_else(|_| format!("{SEED}:{COUNT}"));
    let (first, count) = wanted.split_once(':').expect("WALRUS_FORGED is SEED:COUNT");
    let [first, count]: [u64; 2] = [first, count].map(|number| number.parse().expect("a number"));
    let fates: Vec<(&str, Fate)> = (first..first + count).map(forge_and_run).collect();
    let total = |fate: Fate| fates.iter().filter(|(_, of)| *of == fate).count();
    for (how, _) in FORGERIES {
        let of = |fate: Fate| fates.iter().filter(|made| **made == (*how, fate)).count();
        println!(
            "{how}: {} accepted, {} refused, {} dropped",
            of(Fate::Accepted),
            of(Fate::Refused),
            of(Fate::Dropped)
        );
    }
    let accepted = total(Fate::Accepted) as u64;
    println!("{count} files, {accepted} accepted");
    assert!(accepted * 5 >= count, "only {accepted} of {count} forged files were accepted");
    assert!(total(Fate::Refused) > 0, "the check refused nothing");
}
