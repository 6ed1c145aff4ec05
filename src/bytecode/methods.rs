//! The table of built-in methods: receiver type, name, parameters, effects. walrusc reads it for analysis and suggestions; the
//! runtime takes its dispatch table from it, so a row without an implementation does not compile.

/// Calls `$then!` with every row. Parameters after `;` may be left out. Effects: `reads` (looks at the receiver and its elements),
/// `mutates` (changes the receiver), `calls` (runs a function it is given).
#[macro_export]
macro_rules! for_each_method {
    ($then:ident) => {
        $then! {
            list push (x;) mutates;
            list pop (;) mutates;
            list len (;) reads;
            list clear (;) mutates;
            list reverse (;) mutates;
            list contains (x;) reads;
            list insert (i, x;) mutates;
            list remove (i;) mutates;
            list sort (;by) calls;
            list sorted (;by) calls;
            list map (f;) calls;
            list filter (f;) calls;
            list reduce (f, init;) calls;
            list join (sep;) reads;
            list index_of (x;) reads;
            list extend (iterable;) calls;
            list copy (;) reads;
            list first (;) reads;
            list last (;) reads;
            list sum (;) reads;
            list min (;) reads;
            list max (;) reads;

            string len (;) reads;
            string upper (;) reads;
            string lower (;) reads;
            string trim (;) reads;
            string split (sep;) reads;
            string contains (s;) reads;
            string starts_with (s;) reads;
            string ends_with (s;) reads;
            string replace (a, b;) reads;
            string chars (;) reads;
            string lines (;) reads;
            string index_of (s;) reads;
            string repeat (n;) reads;
            string pad_left (n, s;) reads;
            string pad_right (n, s;) reads;
            string to_int (;) reads;
            string to_float (;) reads;

            dict len (;) reads;
            dict keys (;) reads;
            dict values (;) reads;
            dict items (;) reads;
            dict contains (k;) reads;
            dict get (k; default) reads;
            dict remove (k;) mutates;
            dict clear (;) mutates;
            dict copy (;) reads;

            tuple len (;) reads;
            tuple contains (x;) reads;
            tuple index_of (x;) reads;

            range len (;) reads;
            range contains (x;) reads;
        }
    };
}

/// Types that have built-in methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Receiver {
    List,
    String,
    Dict,
    Tuple,
    Range,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodEffect {
    Reads,
    Mutates,
    Calls,
}

/// A row of the table.
#[derive(Debug)]
pub struct MethodSpec {
    pub receiver: Receiver,
    pub name: &'static str,
    /// Names of all parameters, the receiver not among them.
    pub params: &'static [&'static str],
    /// How many of them must be given.
    pub required: usize,
    pub effect: MethodEffect,
}

macro_rules! define_methods {
    ($( $receiver:ident $name:ident ($($param:ident),* ; $($optional:ident),*) $effect:ident; )*) => {
        /// Every built-in method, in the order of the table.
        pub static METHODS: &[MethodSpec] = &[$( MethodSpec {
            receiver: define_methods!(@receiver $receiver),
            name: stringify!($name),
            params: &[$( stringify!($param), )* $( stringify!($optional), )*],
            required: <[&str]>::len(&[$( stringify!($param) ),*]),
            effect: define_methods!(@effect $effect),
        }, )*];
    };
    (@receiver list) => { Receiver::List };
    (@receiver string) => { Receiver::String };
    (@receiver dict) => { Receiver::Dict };
    (@receiver tuple) => { Receiver::Tuple };
    (@receiver range) => { Receiver::Range };
    (@effect reads) => { MethodEffect::Reads };
    (@effect mutates) => { MethodEffect::Mutates };
    (@effect calls) => { MethodEffect::Calls };
}

for_each_method!(define_methods);

/// Position in [`METHODS`] of a type's method.
pub fn find_method(receiver: Receiver, name: &str) -> Option<usize> {
    METHODS.iter().position(|method| method.receiver == receiver && method.name == name)
}
