//! Which rule a program breaks and where: data, rendered to one line.

use std::fmt;

macro_rules! rules {
    ($( $name:ident = $sentence:literal; )*) => {
        /// The rules, each with the sentence that errors quote.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Rule { $( #[doc = $sentence] $name, )* }

        impl Rule {
            pub const ALL: &[Rule] = &[$( Rule::$name, )*];

            pub fn sentence(self) -> &'static str {
                match self { $( Rule::$name => $sentence, )* }
            }
        }
    };
}

rules! {
    Limits = "a pool may not have more entries than its limit";
    StringBounds = "strings lie inside the text, one after another, at character boundaries";
    StringIndex = "a string must exist";
    ConstantIndex = "a constant must exist";
    NumericConstant = "a numeric operand must be an int or float constant";
    FunctionIndex = "a function must exist";
    StructIndex = "a struct must exist";
    ModuleIndex = "a module must exist";
    GlobalIndex = "a global must exist";
    BuiltinIndex = "a native function must be in the program's table";
    SiteIndex = "a site must be one of the function's";
    CaptureIndex = "a capture must be one of the function's";
    CodePartition = "the functions' code divides the program's code, in order and without gap";
    LastInstruction = "the last instruction of a function does not fall through";
    JumpTarget = "a jump leads to an instruction of its function";
    Register = "registers and windows lie inside the frame";
    Unwritten = "a register is written before it is read, whichever way control came";
    Registers = "a function has fewer registers where it has many jumps: which are written cannot be found out";
    Frame = "a frame has at least one register and room for the parameters";
    Sites = "a function's sites are among the program's, and no other function's";
    SiteKind = "a site belongs to accesses of members or to calls of methods, not to both";
    Handler = "a handler covers instructions of its function, its target is behind them, and its register lies inside the frame";
    BodyShape = "a module body belongs to its file alone, takes no parameters and captures nothing";
    BodyCall = "a module body is run by InitModule only";
    FunctionModule = "a function, struct or global belongs to a file of the program";
    MethodShape = "a method's function names its struct and takes self exactly if the method does";
    CaptureSource = "what a closure captures exists in the frame that makes it";
    NoCaptures = "a function that captures is made by MakeClosure, and a struct whose methods do by MakeStruct";
    UniqueNames = "fields, methods and exports have different names";
    Exports = "an export is a global of its module, and a standard module has none";
    MainModule = "the entry module is a file";
    UnknownModule = "a standard module must exist in this version";
    UnknownBuiltin = "a native function must exist in this version";
    BuiltinArity = "a native function gets as many arguments as it takes";
    FlagValue = "a flag is 0 or 1";
    TypeSet = "an operand of types names such as values of the language have";
    Async = "an async function begins with StartTask, which stands nowhere else";
    LoopRegion = "a loop region lies inside its function and its parent, and its back edges are jumps to its header from inside";
    DebugInfo = "debug information ascends and lies inside files and functions";
    Facts = "facts are about parts that the program has";
}

/// Where a rule is broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorPlace {
    /// An entry of a pool, or the pool as a whole.
    Pool {
        pool: &'static str,
        index: Option<usize>,
    },
    Function {
        id: u32,
        name: String,
    },
    /// An instruction, its pc counted from the function's first.
    Instruction {
        id: u32,
        name: String,
        pc: u32,
        text: String,
    },
}

/// Why a program may not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyError {
    pub rule: Rule,
    pub place: ErrorPlace,
    /// What stands there, in words.
    pub what: String,
}

impl VerifyError {
    pub(super) fn pool(
        rule: Rule,
        pool: &'static str,
        index: impl Into<Option<usize>>,
        what: impl Into<String>,
    ) -> Self {
        VerifyError { rule, place: ErrorPlace::Pool { pool, index: index.into() }, what: what.into() }
    }
}

impl fmt::Display for ErrorPlace {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ErrorPlace::Pool { pool, index: None } => write!(f, "{pool}"),
            ErrorPlace::Pool { pool, index: Some(index) } => write!(f, "{pool}[{index}]"),
            ErrorPlace::Function { id, name } => write!(f, "fn{id}({})", name.escape_debug()),
            ErrorPlace::Instruction { id, name, pc, text } => {
                write!(f, "fn{id}({}) at {pc} `{text}`", name.escape_debug())
            }
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let VerifyError { rule, place, what } = self;
        let advice = match rule {
            Rule::UnknownModule | Rule::UnknownBuiltin => {
                "use the walrus-run of the walrusc that built it, or run walrusc again"
            }
            _ => "run walrusc again",
        };
        write!(f, "invalid program: {place}: {what} ({}): {advice}", rule.sentence())
    }
}

impl std::error::Error for VerifyError {}
