//! What walrusc learned about a program, as plain data: types, and one entry per loop and function.
//!
//! Facts are hints. Type facts can be checked in one pass (`facts::check`); what has not been checked may
//! choose a strategy and nothing else. A program runs the same without facts.

use std::ops::Range;

use super::types::{Identity, Slot, Type};
use super::{FuncId, GlobalId, LoopId, Program, Reg, StructId};
use crate::source::Span;

/// Everything in the `facts` section.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts {
    /// [`super::VERDICT_RULES_VERSION`] of the compiler that wrote the verdicts.
    pub rules: u32,
    pub types: TypeFacts,
    /// In the order of [`Program::loops`], then of [`Program::functions`] without the bodies of modules.
    pub regions: Vec<RegionFacts>,
}

/// A type of [`TypeFacts::types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct TypeId(pub u32);

impl TypeId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The types that inference found, in the form that can be checked.
///
/// In [`TypeFacts::types`], `ids` is a position in `id_sets` (whose first is the empty set) or `TOP`, and `class` one
/// in `classes`, counted from 1 because 0 is `ANY`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TypeFacts {
    pub id_sets: Vec<Vec<Identity>>,
    pub types: Vec<Type>,
    pub classes: Vec<[TypeId; Slot::COUNT]>,
    pub globals: Vec<TypeId>,
    /// Of all functions, end to end.
    pub params: Vec<TypeId>,
    pub results: Vec<TypeId>,
    /// Of all functions, end to end.
    pub captures: Vec<TypeId>,
    /// Of all structs, end to end; after the fields of each comes the type of all fields its layout does not name.
    pub fields: Vec<TypeId>,
    pub thrown: TypeId,
    pub functions: Vec<FunctionFacts>,
    pub structs: Vec<StructFacts>,
    /// Modules whose names unknown code may look up.
    pub escaped_modules: Vec<bool>,
    /// Globals that unknown code may read through a module.
    pub escaped_globals: Vec<bool>,
    /// Classes of what instructions make, by index into `Program::code`, ascending.
    pub sites: Vec<(u32, u32)>,
    /// The types of live registers where jumps lead, and at the start of each function; ascending.
    pub frames: Vec<FrameFacts>,
    /// The registers of all frames, end to end, ascending within a frame.
    pub frame_registers: Vec<(Reg, TypeId)>,
}

/// How a function may be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FunctionFacts {
    pub reached: bool,
    /// Called by unknown code, with unknown arguments.
    pub escaped: bool,
    /// What it returns gets to unknown code.
    pub result_escaped: bool,
    /// Its registers have types; of a function too large to follow they have none.
    pub followed: bool,
}

/// Whether unknown code may hold a struct, or its instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StructFacts {
    pub escaped: bool,
    pub instances_escaped: bool,
}

/// Where a frame's types are declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameFacts {
    /// Index into `Program::code`.
    pub pc: u32,
    /// How many entries of [`TypeFacts::frame_registers`] are this frame's.
    pub count: u32,
}

/// What is known of a loop or a function.
#[derive(Clone, PartialEq, Debug)]
pub struct RegionFacts {
    pub region: Region,
    /// The loop's head, or where the function is defined.
    pub span: Span,
    pub verdict: Verdict,
    /// For `Conditional`: what must hold for the region to compile.
    pub conditions: Vec<Condition>,
    /// For `Incompatible`.
    pub reason: Option<Obstacle>,
    /// Whether control can get there at all. The verdict of a region that is never reached is about what its code would
    /// need.
    pub reached: bool,
    pub blocks: u32,
    pub instructions: u32,
    /// Registers whose values at the header matter, with their types.
    pub live_in: Vec<(Reg, TypeId)>,
    /// Registers written inside whose values matter after the loop, with their types at the exits.
    pub live_out: Vec<(Reg, TypeId)>,
    /// Live-in registers that nothing inside writes.
    pub invariants: Vec<Reg>,
    pub inductions: Vec<Induction>,
    /// How often the body runs, where that is known.
    pub trip_count: Option<u64>,
    pub effects: RegionEffects,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Region {
    Loop(LoopId),
    Function(FuncId),
}

impl Region {
    /// What regions are ordered by: loops come before functions.
    pub fn position(self) -> (bool, u32) {
        match self {
            Region::Loop(id) => (false, id.0),
            Region::Function(id) => (true, id.0),
        }
    }

    pub fn is_loop(self) -> bool {
        matches!(self, Region::Loop(_))
    }

    /// The function, or the one that the loop stands in.
    pub fn func(self, program: &Program) -> FuncId {
        match self {
            Region::Loop(id) => program.loops[id.index()].func,
            Region::Function(func) => func,
        }
    }

    /// Its instructions by index into the function's code. A loop begins with its header.
    pub fn code(self, program: &Program) -> Range<u32> {
        match self {
            Region::Loop(id) => program.loops[id.index()].header..program.loops[id.index()].end,
            Region::Function(func) => 0..program.functions[func.index()].code.len,
        }
    }

    /// The same by index into the program's code.
    pub fn pcs(self, program: &Program) -> Range<u32> {
        let start = program.functions[self.func(program).index()].code.start;
        let own = self.code(program);
        start + own.start..start + own.end
    }

    /// The loop's head, or where the function is defined, if that is known.
    pub fn span(self, program: &Program) -> Option<Span> {
        match self {
            Region::Loop(id) => Some(program.loops[id.index()].span),
            Region::Function(func) => program.debug.as_ref()?.functions.get(func.index()).copied(),
        }
    }

    /// What files about it are called, by the place of its head: `prog.walrus-3-5-loop-sum_to` for `prog.walrus:3:5`.
    pub fn file_name(self, program: &Program, place: &str) -> String {
        let kind = if self.is_loop() { "loop" } else { "fn" };
        let function = program.function_name(self.func(program)).unwrap_or("top");
        let name = format!("{}-{kind}-{function}", place.replace(':', "-"));
        name.replace(|c: char| !(c.is_alphanumeric() || "._-".contains(c)), "_")
    }
}

/// A region that is not compiled, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    pub region: Region,
    pub reason: Reason,
}

/// What walrusc says of a region; `docs/internals/facts.md` says how it comes to that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    Proven,
    Conditional,
    Incompatible,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Proven => "proven",
            Verdict::Conditional => "conditional",
            Verdict::Incompatible => "incompatible",
        }
    }
}

/// A value named as in the source, and the type it must have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Condition {
    pub name: String,
    pub ty: String,
}

/// What keeps a region from being compiled, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Obstacle {
    pub reason: Reason,
    pub span: Span,
}

macro_rules! reasons {
    (
        $(#[doc = $table:literal])* $enum:ident
        $( $(#[doc = $doc:literal])* $name:ident = $code:literal, $text:literal, $remedy:literal; )*
    ) => {
        $(#[doc = $table])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $enum { $( $(#[doc = $doc])* $name, )* }

        impl $enum {
            pub const ALL: &[$enum] = &[$( $enum::$name, )*];

            /// The code under which `walrusc --explain` has more to say.
            pub fn code(self) -> &'static str {
                match self { $( $enum::$name => $code, )* }
            }

            /// The reason in a few words, to follow "is not compiled: it".
            pub fn text(self) -> &'static str {
                match self { $( $enum::$name => $text, )* }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $( $enum::$name => $remedy, )* }
            }
        }
    };
}

reasons! {
    /// Why a region cannot be compiled: the table that verdicts, the JIT's refusals and their explanations share.
    Reason
    /// More instructions than [`MAX_REGION_INSTRUCTIONS`].
    TooLarge = "W0102", "is too large to compile", "move parts of it into functions";
    /// The control flow has a cycle that is entered in more than one place, or that no loop region describes.
    Irregular = "W0104", "has control flow that is no structured loop", "compile the program again with this version of walrusc";
    /// The body of a module may run inside.
    InitialisesModule = "W0105", "imports a module", "move the `import` to the top of the file";
}

reasons! {
    /// Why a hot region is not native at the moment, or stays interpreted, for a reason that only running shows.
    Why
    /// A loop around it will iterate soon, and it will be compiled as part of that.
    OuterLoop = "N0201", "waits for the loop around it", "nothing: it is compiled as part of that loop, or by itself if that begins no iteration soon";
    Function = "N0202", "waits for its function", "nothing: the function is called often, and will be compiled with the loop";
    Calls = "N0203", "waits for more calls", "nothing: a loop that calls it becomes native with it, or it is compiled once it was called twenty times as often";
    Compiler = "N0204", "waits for the compiler", "nothing: it is asked about again in a few iterations";
    /// Making native code has taken more time than the program has got back so far.
    Budget = "N0205", "waits for its share of the run time", "run longer, or pass `--jit-wait`, with which time does not count";
    NativeStack = "N0206", "waits for room on the native stack", "recurse less deeply";
    Recording = "N0207", "is being recorded", "nothing: it is compiled at one of its next iterations or calls";
    Compiling = "N0208", "is being compiled", "nothing: it is native once the compiler is done";
    Observing = "N0209", "is only observed", "pass `--jit`";
    /// Calling it only makes a task.
    Tasks = "N0210", "runs as a task", "nothing: loops in it are compiled; move what is hot outside of them into a function that is not asynchronous";
    Unstable = "N0211", "left its native code for other types again and again", "keep variables and fields to one type each";
    /// Compiling has taken too much of the run.
    Spent = "N0212", "is one of too many regions for the time that compiling may take", "run longer, or pass `--jit-wait`, with which time does not count";
    Untranslatable = "N0213", "could not be translated", "report it; dividing the region into functions may help";
    Undefined = "N0214", "reads a register that is not live where it is read", "report it; dividing the region into functions may help";
    Backend = "N0215", "was refused by the code generator", "report it; dividing the region into functions may help";
    /// Its exits are errors, of which no version knows more than another.
    Numbers = "N0216", "left its native code for errors of arithmetic again and again", "test the operand before, such as a divisor for 0";
    /// The system does not let memory be made executable.
    Forbidden = "N0217", "needs executable memory, which the system forbids here", "allow it, as with `MemoryDenyWriteExecute=no` of systemd, or run without `--jit`";
    /// A fault of the code generator, after which it goes on with other regions.
    Panic = "N0218", "made the code generator panic (backend-panic)", "report it; dividing the region into functions may help";
    /// As far as can be told, interpreting what is left takes less than making code for it.
    Worth = "N0219", "has too little to do yet to be worth its code", "run longer, or pass `--jit-wait`, with which all that is hot is compiled";
}

/// A region with more instructions is not compiled: native code would take longer to make than it could win back, and
/// what a program spends its time in is far smaller.
pub const MAX_REGION_INSTRUCTIONS: u32 = 4_000;

/// A register that changes by the same amount on each back edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Induction {
    pub register: Reg,
    /// Its value when the loop is entered, where known.
    pub start: Option<i64>,
    pub step: i64,
    pub bound: Bound,
}

/// What an induction variable is compared with to stay in the loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    None,
    Constant(i64),
    /// Does not change in the loop.
    Register(Reg),
}

/// What running the region may do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegionEffects {
    pub allocates: bool,
    pub throws: bool,
    pub outputs: bool,
    pub awaits: bool,
    /// Calls code that is not known, so anything may be read or written.
    pub calls_unknown: bool,
    /// Writes items of lists or dicts.
    pub writes_items: bool,
    pub globals_read: Vec<GlobalId>,
    pub globals_written: Vec<GlobalId>,
    /// Fields by struct and position in its layout.
    pub fields_read: Vec<(StructId, u32)>,
    pub fields_written: Vec<(StructId, u32)>,
    /// Functions called directly.
    pub calls: Vec<FuncId>,
}

impl Facts {
    /// The regions that are not compiled.
    pub fn refused(&self) -> Vec<Refused> {
        let refused = |facts: &RegionFacts| Some(Refused { region: facts.region, reason: facts.reason?.reason });
        self.regions.iter().filter_map(refused).collect()
    }

    /// Where the facts about a region stand; the bodies of modules have none.
    pub fn position(&self, region: Region) -> Option<usize> {
        let index = self.regions.partition_point(|known| known.region.position() < region.position());
        self.regions.get(index).is_some_and(|facts| facts.region == region).then_some(index)
    }

    /// The facts about a region.
    pub fn of(&self, region: Region) -> Option<&RegionFacts> {
        self.position(region).map(|index| &self.regions[index])
    }
}

/// A type in words: `int`, `list of float`, `int or void`, the name of a struct. One that contains itself has a name of
/// its own: `T, T is int or list of T`.
pub fn type_text(program: &Program, facts: &TypeFacts, ty: TypeId) -> String {
    let mut words = TypeWords {
        program,
        resolve: &|ty: TypeId| facts.types.get(ty.index()).copied().unwrap_or(Type::ANY),
        slots: &|class| facts.classes.get((class as usize).checked_sub(1)?).copied(),
        members: &|set| facts.id_sets.get(set as usize).cloned().unwrap_or_default(),
        around: Vec::new(),
        names: 0,
        named: Vec::new(),
    };
    words.whole(ty)
}

struct TypeWords<'a> {
    program: &'a Program,
    resolve: &'a dyn Fn(TypeId) -> Type,
    slots: &'a dyn Fn(u32) -> Option<[TypeId; Slot::COUNT]>,
    members: &'a dyn Fn(u32) -> Vec<Identity>,
    /// The types around the one that is being told, and a name for each that has come up again in itself.
    around: Vec<(TypeId, Option<String>)>,
    /// How many names have been given.
    names: usize,
    /// What types that contain themselves are, by their names.
    named: Vec<(String, String)>,
}

/// Types in types that are told, one in the other.
const TOLD_DEPTH: usize = 4;

/// Functions or structs of one type that are told by name.
const TOLD_NAMES: usize = 4;

impl TypeWords<'_> {
    fn whole(&mut self, id: TypeId) -> String {
        let text = self.text(id);
        let definitions = self.named.iter().map(|(name, is)| format!(", {name} is {is}"));
        text + &definitions.collect::<String>()
    }

    fn text(&mut self, id: TypeId) -> String {
        if let Some((_, name)) = self.around.iter_mut().find(|(other, _)| *other == id) {
            let names = &mut self.names;
            let new_name = || {
                *names += 1;
                if *names == 1 { "T".to_owned() } else { format!("T{names}") }
            };
            return name.get_or_insert_with(new_name).clone();
        }
        if self.around.len() > TOLD_DEPTH {
            return "…".to_owned();
        }
        self.around.push((id, None));
        let text = self.unfolded(id);
        match self.around.pop() {
            Some((_, Some(name))) => {
                self.named.push((name.clone(), text));
                name
            }
            _ => text,
        }
    }

    fn unfolded(&mut self, id: TypeId) -> String {
        use super::types::Tags;
        let ty = (self.resolve)(id);
        let tags = ty.tags.and(Tags::VISIBLE);
        if ty.tags.meets(Tags::ITER) && ty.tags != Tags::ALL {
            return "iterator".to_owned();
        }
        if tags == Tags::VISIBLE {
            return "anything".to_owned();
        }
        if tags.is_empty() {
            return if ty.tags.meets(Tags::CELL) { "cell".to_owned() } else { "nothing".to_owned() };
        }
        let slots = (self.slots)(ty.class.0);
        let slot = |words: &mut Self, slot: Slot| match slots {
            Some(slots) => words.text(slots[slot as usize]),
            None => "anything".to_owned(),
        };
        let mut words = Vec::new();
        for name in tags.names() {
            words.push(match name {
                "list" => match slot(self, Slot::Item).as_str() {
                    "anything" => "list".to_owned(),
                    "nothing" => "empty list".to_owned(),
                    item => format!("list of {item}"),
                },
                "dict" => match (slot(self, Slot::Key).as_str(), slot(self, Slot::Value).as_str()) {
                    ("anything", "anything") => "dict".to_owned(),
                    ("nothing", _) => "empty dict".to_owned(),
                    (key, value) => format!("dict of {key} to {value}"),
                },
                "task" => match slot(self, Slot::Value).as_str() {
                    "anything" | "nothing" => "task".to_owned(),
                    value => format!("task of {value}"),
                },
                "struct instance" => self.identities(ty, name, |kind| match kind {
                    super::types::IdKind::Instance(def) => Some(self.program.structs.get(def.index())?.name),
                    _ => None,
                }),
                "function" => self.identities(ty, name, |kind| match kind {
                    super::types::IdKind::Function(func) => Some(self.program.functions.get(func.index())?.name),
                    _ => None,
                }),
                _ => name.to_owned(),
            });
        }
        words.join(" or ")
    }

    fn identities(
        &self,
        ty: Type,
        fallback: &str,
        name: impl Fn(super::types::IdKind) -> Option<super::StrId>,
    ) -> String {
        let members = (self.members)(ty.ids.0);
        let mut names: Vec<&str> =
            members.iter().filter_map(|id| self.program.strings.get(name(id.unpack()?)?)).collect();
        let all = names.len();
        names.dedup();
        match all {
            0 => fallback.to_owned(),
            // Many closures without names, and more than anybody reads.
            _ if names.len() < all || all > TOLD_NAMES => format!("one of {all} {fallback}s"),
            _ => names.join(" or "),
        }
    }
}
