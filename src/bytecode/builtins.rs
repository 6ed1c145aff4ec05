//! The table of native library functions: what both programs know about `std/…`.
//!
//! [`for_each_builtin!`](crate::for_each_builtin) has one row per function: module, name, parameters, effects, doc sentence. walrusc takes from it which names
//! exist, and what a call may do; the runtime takes its dispatch table from it, so a row without an implementation does not
//! compile. A `.wbc` names builtins by module and name ([`super::BuiltinRef`]), never by position in this table.

/// Calls `$then!` with every row.
///
/// Parameters in parentheses; those after `;` may be left out. Effects: `pure` (result depends on the arguments alone, no effect; may
/// still throw), `reads` (depends on or changes hidden state such as the clock or the random generator, but touches no Walrus
/// value), `io` (outside world), `calls` (may run Walrus code).
/// The module's std path is `std/` followed by the row's first word.
#[macro_export]
macro_rules! for_each_builtin {
    ($then:ident) => {
        $then! {
            /// Number of elements, characters or entries.
            core len (x;) pure;
            /// The text of a value.
            core str (x;) pure;
            /// The name of a value's type.
            core type (x;) pure;
            /// Converts a number (toward zero), bool or decimal text to an int.
            core int (x;) pure;
            /// Converts a number, bool or decimal text to a float.
            core float (x;) pure;
            /// Prints a prompt and reads a line, its newline included; an empty string at the end of input.
            core input (;prompt) io;
            /// Collects garbage; a dict of counts.
            core gc (;) reads;
            /// A dict of heap figures.
            core heap_stats (;) reads;
            /// Sets how many bytes may be allocated between collections; returns the previous number.
            core gc_threshold (n;) reads;
            /// Milliseconds since 1970.
            core timestamp (;) reads;
            /// Monotonic seconds.
            core clock (;) reads;
            /// Throws unless the condition is truthy.
            core assert (cond; message) pure;

            /// The circle constant.
            math pi (;) pure;
            /// Euler's number.
            math e (;) pure;
            /// Twice pi.
            math tau (;) pure;
            /// Positive infinity.
            math inf (;) pure;
            /// Not a number.
            math nan (;) pure;
            /// Absolute value, of the operand's type.
            math abs (x;) pure;
            /// -1, 0 or 1, an int.
            math sign (x;) pure;
            /// The smaller of two numbers.
            math min (a, b;) pure;
            /// The larger of two numbers.
            math max (a, b;) pure;
            /// `x` limited to `lo..=hi`.
            math clamp (x, lo, hi;) pure;
            /// Largest integral float not above `x`.
            math floor (x;) pure;
            /// Smallest integral float not below `x`.
            math ceil (x;) pure;
            /// Nearest integral float, halves away from zero.
            math round (x;) pure;
            /// `x` without its fraction.
            math trunc (x;) pure;
            /// The fraction of `x`.
            math fract (x;) pure;
            /// Square root.
            math sqrt (x;) pure;
            /// Cube root.
            math cbrt (x;) pure;
            /// `x` to the power `y`, a float.
            math pow (x, y;) pure;
            /// Length of the hypotenuse.
            math hypot (x, y;) pure;
            /// Sine of radians.
            math sin (x;) pure;
            /// Cosine of radians.
            math cos (x;) pure;
            /// Tangent of radians.
            math tan (x;) pure;
            /// Inverse sine.
            math asin (x;) pure;
            /// Inverse cosine.
            math acos (x;) pure;
            /// Inverse tangent.
            math atan (x;) pure;
            /// Angle of the point `(x, y)`.
            math atan2 (y, x;) pure;
            /// e to the power `x`.
            math exp (x;) pure;
            /// Natural logarithm.
            math ln (x;) pure;
            /// Logarithm to base 2.
            math log2 (x;) pure;
            /// Logarithm to base 10.
            math log10 (x;) pure;
            /// Logarithm to a given base.
            math log (x, base;) pure;
            /// `a + (b - a) * t`.
            math lerp (a, b, t;) pure;
            /// Radians to degrees.
            math degrees (x;) pure;
            /// Degrees to radians.
            math radians (x;) pure;
            /// Whether `x` is neither infinite nor NaN.
            math is_finite (x;) pure;
            /// Whether `x` is NaN.
            math is_nan (x;) pure;
            /// Whether `x` is infinite.
            math is_inf (x;) pure;
            /// Starts the random sequence anew.
            math seed (n;) reads;
            /// A float in `0..1`.
            math rand_float (;) reads;
            /// `true` or `false`.
            math rand_bool (;) reads;
            /// An int from `a` to `b`, both included.
            math rand_int (a, b;) reads;
            /// A float from `a` up to, not including, `b`.
            math rand_range (a, b;) reads;

            /// Opens a file; the handle is an int.
            io file_open (path, mode;) io;
            /// The rest of an open file.
            io file_read (handle;) io;
            /// The next line without its newline; void at the end.
            io file_read_line (handle;) io;
            /// Writes text; the number of bytes written.
            io file_write (handle, text;) io;
            /// Closes a handle.
            io file_close (handle;) io;
            /// Whether a path exists.
            io file_exists (path;) io;
            /// The text of a whole file.
            io read_file (path;) io;
            /// Replaces a file's text.
            io write_file (path, text;) io;

            /// An environment variable; void if unset.
            sys env_get (name;) io;
            /// The program's path and the user's arguments.
            sys args (;) reads;
            /// The current folder.
            sys cwd (;) io;
            /// Ends the program.
            sys exit (code;) io;

            /// JSON text of a value.
            json encode (value;) pure;
            /// The value of JSON text.
            json decode (text;) pure;
        }
    };
}

/// What a call of a native function may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinEffect {
    /// The result depends on the arguments alone (and on what they refer to); nothing else happens, but it may throw or allocate.
    Pure,
    /// Reads or changes state of the runtime that is no Walrus value.
    Reads,
    /// Touches the outside world.
    Io,
    /// May run Walrus code.
    Calls,
}

/// A row of the table.
#[derive(Debug)]
pub struct BuiltinSpec {
    /// The import path, `std/math`.
    pub module: &'static str,
    pub name: &'static str,
    /// Names of all parameters.
    pub params: &'static [&'static str],
    /// How many of them must be given.
    pub required: usize,
    pub effect: BuiltinEffect,
    pub doc: &'static str,
}

macro_rules! define_builtins {
    ($( $(#[doc = $doc:literal])* $module:ident $name:ident ($($param:ident),* ; $($optional:ident),*) $effect:ident; )*) => {
        /// Every native function, in the order of the table.
        pub static BUILTINS: &[BuiltinSpec] = &[$( BuiltinSpec {
            module: concat!("std/", stringify!($module)),
            name: stringify!($name),
            params: &[$( stringify!($param), )* $( stringify!($optional), )*],
            required: <[&str]>::len(&[$( stringify!($param) ),*]),
            effect: define_builtins!(@effect $effect),
            doc: concat!($($doc),*),
        }, )*];
    };
    (@effect pure) => { BuiltinEffect::Pure };
    (@effect reads) => { BuiltinEffect::Reads };
    (@effect io) => { BuiltinEffect::Io };
    (@effect calls) => { BuiltinEffect::Calls };
}

for_each_builtin!(define_builtins);

/// Import paths that exist, those whose functions are not built yet included.
pub const STD_MODULES: &[&str] = &["std/core", "std/math", "std/io", "std/sys", "std/json"];

/// Modules of the language that this version cannot run; importing one is a compile error that says so.
pub const STD_MODULES_TO_COME: &[&str] = &["std/async", "std/net", "std/http"];

/// Position in [`BUILTINS`] of a function, by import path and name.
pub fn find_builtin(module: &str, name: &str) -> Option<usize> {
    BUILTINS.iter().position(|builtin| builtin.module == module && builtin.name == name)
}

/// The functions of one module, in table order.
pub fn builtins_of(module: &str) -> impl Iterator<Item = (usize, &'static BuiltinSpec)> {
    BUILTINS.iter().enumerate().filter(move |(_, builtin)| builtin.module == module)
}
