//! The kinds of exits of native code, and what each means to whoever decides whether to make the code anew.

/// Why native code is left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExitReason {
    /// A value that entered had another type.
    EntryType,
    /// The loop is done, or control leaves it.
    LoopDone,
    /// Code that had not run when the region was compiled.
    Unseen,
    /// A check made once before a loop, for all its iterations, failed; a single iteration need not.
    Hoisted,
    /// A value had another type than those seen.
    Type,
    /// A list kept its elements in another way than seen.
    Storage,
    /// An index was not in the list.
    Bounds,
    /// A divisor of 0 or -1.
    Divisor,
    /// An int too large to be compared with a float by converting it.
    Magnitude,
    /// A negative shift count, a square root of a negative number and their like.
    Domain,
    /// A field had not been assigned, or the instance was of another struct.
    Field,
    /// Another function was called than seen.
    Callee,
    /// The instruction always ends native execution.
    Leaves,
    /// Memory ran short: a collection is due.
    Safepoint,
    /// An error was raised by the run time.
    Throw,
    /// The fuel is used up: this error is raised there.
    Fuel,
    /// A value was not of the type that was proved for it.
    Fact,
}

impl ExitReason {
    /// All, in the order in which they are declared.
    pub const ALL: [ExitReason; 17] = [
        ExitReason::EntryType,
        ExitReason::LoopDone,
        ExitReason::Unseen,
        ExitReason::Hoisted,
        ExitReason::Type,
        ExitReason::Storage,
        ExitReason::Bounds,
        ExitReason::Divisor,
        ExitReason::Magnitude,
        ExitReason::Domain,
        ExitReason::Field,
        ExitReason::Callee,
        ExitReason::Leaves,
        ExitReason::Safepoint,
        ExitReason::Throw,
        ExitReason::Fuel,
        ExitReason::Fact,
    ];

    /// Whether many such exits mean that the code was compiled for the wrong types.
    pub fn asks_for_recompilation(self) -> bool {
        !matches!(
            self,
            ExitReason::LoopDone
                | ExitReason::Leaves
                | ExitReason::Safepoint
                | ExitReason::Throw
                | ExitReason::Fuel
                | ExitReason::Fact
        )
    }

    /// Whether the exit is about an error of arithmetic, if not about a number of a kind that had not been seen. Code
    /// that was compiled anew would be left for the error just as often.
    pub fn is_about_numbers(self) -> bool {
        matches!(self, ExitReason::Divisor | ExitReason::Domain)
    }

    /// Whether the exit may be about an error that the operands tell: then it is worth another version only if these
    /// show anything new.
    pub fn may_be_an_error(self) -> bool {
        self == ExitReason::Bounds || self.is_about_numbers()
    }

    pub fn name(self) -> &'static str {
        match self {
            ExitReason::EntryType => "entry-type",
            ExitReason::LoopDone => "loop-done",
            ExitReason::Unseen => "unseen",
            ExitReason::Hoisted => "hoisted-check",
            ExitReason::Type => "type",
            ExitReason::Storage => "storage",
            ExitReason::Bounds => "bounds",
            ExitReason::Divisor => "divisor",
            ExitReason::Magnitude => "magnitude",
            ExitReason::Domain => "domain",
            ExitReason::Field => "field",
            ExitReason::Callee => "callee",
            ExitReason::Leaves => "leaves",
            ExitReason::Safepoint => "safepoint",
            ExitReason::Throw => "throw",
            ExitReason::Fuel => "fuel",
            ExitReason::Fact => "fact",
        }
    }
}
