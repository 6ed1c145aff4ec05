//! The instruction table: one row per instruction.

/// Calls `$then!` with every row of the instruction table.
///
/// Operand kinds (each a type in [`operand`](super::operand)) say what an operand is and which registers it reads and
/// writes. Effects, in brackets: `throws` (may raise a catchable error), `allocates` (may collect garbage), `calls`
/// (may run Walrus code or built-ins with arbitrary effects), `outputs` (prints), `ends` (control never reaches the
/// following instruction).
///
/// `heap(…)` says what the instruction may look at or change where the runtime executes it, see
/// [`HeapUse`](super::HeapUse); every row has to say it, and debug builds check it. `inline(yes)`: it can have a native
/// form, so that it may stand in a function that native code inlines. Behind `as`, for instructions that many readers
/// treat alike: the shape ([`mod@super::shape`]), with the row's operands.
#[macro_export]
macro_rules! for_each_op {
    ($then:ident) => {
        $then! {
            /// `dst = src`.
            Move { dst: Out, src: In } [] heap(none) inline(yes);
            /// `dst =` a small integer.
            LoadInt { dst: Out, value: Imm } [] heap(none) inline(yes);
            /// `dst =` a constant of the program.
            LoadConst { dst: Out, constant: Const } [] heap(none) inline(yes);
            /// `dst = void`.
            LoadVoid { dst: Out } [] heap(none) inline(yes);
            /// `dst =` no value: an argument that is left out, for a parameter with a default.
            LoadAbsent { dst: Out } [] heap(none) inline(yes);
            /// `dst = true`.
            LoadTrue { dst: Out } [] heap(none) inline(yes);
            /// `dst = false`.
            LoadFalse { dst: Out } [] heap(none) inline(yes);
            /// `dst =` a function that captures nothing.
            LoadFn { dst: Out, func: Func } [] heap(none) inline(yes);
            /// `dst =` a native function of the standard library.
            LoadBuiltin { dst: Out, builtin: Builtin } [] heap(none) inline(yes);
            /// `dst =` a module; its body may not have run yet.
            LoadModule { dst: Out, module: Module } [] heap(none) inline(yes);
            /// `dst =` a struct whose methods capture nothing.
            LoadStruct { dst: Out, def: Struct } [] heap(none) inline(yes);

            /// `dst =` a global; an error if its `let` has not run.
            GetGlobal { dst: Out, global: Global } [throws] heap(globals) inline(yes);
            /// A global `= src`.
            SetGlobal { src: In, global: Global } [] heap(globals) inline(yes);
            /// `dst =` a new cell that holds `src`: the home of a captured variable that is assigned after capture.
            NewCell { dst: Out, src: In } [allocates] heap(none) inline(yes);
            /// `dst =` the value in a cell.
            GetCell { dst: Out, cell: In } [throws] heap(fields) inline(yes);
            /// The value in a cell `= src`.
            SetCell { cell: In, src: In } [throws] heap(fields) inline(yes);
            /// `dst =` a captured variable that was copied into the closure (or the cell itself, to pass it on).
            GetCapture { dst: Out, capture: Capture } [] heap(none) inline(yes);
            /// `dst =` the value in a captured cell.
            GetCaptureCell { dst: Out, capture: Capture } [throws] heap(fields) inline(yes);
            /// The value in a captured cell `= src`.
            SetCaptureCell { src: In, capture: Capture } [throws] heap(fields) inline(yes);
            /// `dst =` a closure of `func` over the variables its capture list names: a new function each time, even if
            /// it names none.
            MakeClosure { dst: Out, func: ClosureFunc } [allocates] heap(none) inline(yes);
            /// `dst =` a struct whose methods are closures over this frame.
            MakeStruct { dst: Out, def: ClosureStruct } [allocates] heap(none) inline(no);

            /// `dst = a + b`.
            Add { dst: Out, a: In, b: In } [throws, allocates] heap(none) inline(yes) as binary(Add, dst, a, b);
            /// `dst = a - b`.
            Sub { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Sub, dst, a, b);
            /// `dst = a * b`.
            Mul { dst: Out, a: In, b: In } [throws, allocates] heap(none) inline(yes) as binary(Mul, dst, a, b);
            /// `dst = a / b`.
            Div { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Div, dst, a, b);
            /// `dst = a % b`.
            Mod { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Mod, dst, a, b);
            /// `dst = a ** b`.
            Pow { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Pow, dst, a, b);
            /// `dst = a & b`.
            BitAnd { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(BitAnd, dst, a, b);
            /// `dst = a | b`.
            BitOr { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(BitOr, dst, a, b);
            /// `dst = a ^ b`.
            BitXor { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(BitXor, dst, a, b);
            /// `dst = a << b`.
            Shl { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Shl, dst, a, b);
            /// `dst = a >> b`.
            Shr { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as binary(Shr, dst, a, b);
            /// `dst = a + k`, `k` an int or float constant.
            AddK { dst: Out, a: In, k: NumConst } [throws] heap(none) inline(yes) as binary(Add, dst, a, k);
            /// `dst = a - k`.
            SubK { dst: Out, a: In, k: NumConst } [throws] heap(none) inline(yes) as binary(Sub, dst, a, k);
            /// `dst = a * k`.
            MulK { dst: Out, a: In, k: NumConst } [throws, allocates] heap(none) inline(yes) as binary(Mul, dst, a, k);
            /// `dst = a / k`.
            DivK { dst: Out, a: In, k: NumConst } [throws] heap(none) inline(yes) as binary(Div, dst, a, k);
            /// `dst = a % k`.
            ModK { dst: Out, a: In, k: NumConst } [throws] heap(none) inline(yes) as binary(Mod, dst, a, k);
            /// `dst = k + b`, the constant on the left.
            KAdd { dst: Out, k: NumConst, b: In } [throws] heap(none) inline(yes) as binary(Add, dst, k, b);
            /// `dst = k - b`.
            KSub { dst: Out, k: NumConst, b: In } [throws] heap(none) inline(yes) as binary(Sub, dst, k, b);
            /// `dst = k * b`.
            KMul { dst: Out, k: NumConst, b: In } [throws, allocates] heap(none) inline(yes) as binary(Mul, dst, k, b);
            /// `dst = k / b`.
            KDiv { dst: Out, k: NumConst, b: In } [throws] heap(none) inline(yes) as binary(Div, dst, k, b);
            /// `dst = -a`.
            Neg { dst: Out, a: In } [throws] heap(none) inline(yes);
            /// `dst = not a`.
            Not { dst: Out, a: In } [] heap(none) inline(yes);
            /// `dst = ~a`.
            BitNot { dst: Out, a: In } [throws] heap(none) inline(yes);

            /// `dst = a == b`.
            Eq { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Eq, dst, a, b);
            /// `dst = a != b`.
            Ne { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Ne, dst, a, b);
            /// `dst = a < b`.
            Lt { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Lt, dst, a, b);
            /// `dst = a <= b`.
            Le { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Le, dst, a, b);
            /// `dst = a > b`.
            Gt { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Gt, dst, a, b);
            /// `dst = a >= b`.
            Ge { dst: Out, a: In, b: In } [throws] heap(none) inline(yes) as comparison(Ge, dst, a, b);
            /// `dst =` whether `object` has the member `item`: an element, a part of a string, a key, an int of a
            /// range.
            Contains { dst: Out, item: In, object: In } [throws] heap(fields, globals) inline(yes);

            /// Go to `to`.
            Jump { to: Jump32 } [ends] heap(none) inline(yes);
            /// Go to `to` if `a` is truthy.
            JumpIf { a: In, to: Jump32 } [] heap(none) inline(yes);
            /// Go to `to` if `a` is falsy.
            JumpIfNot { a: In, to: Jump32 } [] heap(none) inline(yes);
            /// Go to `to` if the parameter `a` was given an argument; else its default follows.
            JumpIfGiven { a: In, to: Jump32 } [] heap(none) inline(yes);
            /// Go to `to` if `a == b`.
            JumpEq { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Eq, a, b, to);
            /// Go to `to` if `a != b`.
            JumpNe { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Ne, a, b, to);
            /// Go to `to` if `a < b`.
            JumpLt { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Lt, a, b, to);
            /// Go to `to` if `a <= b`.
            JumpLe { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Le, a, b, to);
            /// Go to `to` if `a > b`.
            JumpGt { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Gt, a, b, to);
            /// Go to `to` if `a >= b`.
            JumpGe { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Ge, a, b, to);
            /// Go to `to` unless `a < b` (which is not `a >= b` when one is NaN).
            JumpNotLt { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Lt, a, b, to);
            /// Go to `to` unless `a <= b`.
            JumpNotLe { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Le, a, b, to);
            /// Go to `to` unless `a > b`.
            JumpNotGt { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Gt, a, b, to);
            /// Go to `to` unless `a >= b`.
            JumpNotGe { a: In, b: In, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Ge, a, b, to);
            /// Go to `to` if `a == k`.
            JumpEqK { a: In, k: AnyConst, to: Jump16 } [] heap(none) inline(yes) as compare_jump(Eq, a, k, to);
            /// Go to `to` if `a != k`.
            JumpNeK { a: In, k: AnyConst, to: Jump16 } [] heap(none) inline(yes) as compare_jump(Ne, a, k, to);
            /// Go to `to` if `a < k`.
            JumpLtK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Lt, a, k, to);
            /// Go to `to` if `a <= k`.
            JumpLeK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Le, a, k, to);
            /// Go to `to` if `a > k`.
            JumpGtK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Gt, a, k, to);
            /// Go to `to` if `a >= k`.
            JumpGeK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(Ge, a, k, to);
            /// Go to `to` unless `a < k`.
            JumpNotLtK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Lt, a, k, to);
            /// Go to `to` unless `a <= k`.
            JumpNotLeK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Le, a, k, to);
            /// Go to `to` unless `a > k`.
            JumpNotGtK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Gt, a, k, to);
            /// Go to `to` unless `a >= k`.
            JumpNotGeK { a: In, k: NumConst, to: Jump16 } [throws] heap(none) inline(yes) as compare_jump(not Ge, a, k, to);
            /// Go to `to` if the type of `a`, as `core.type` tells it, is one of `types`.
            JumpIfType { a: In, types: Types, to: Jump16 } [] heap(none) inline(yes);
            /// Go to `to` unless the type of `a` is one of `types`.
            JumpIfNotType { a: In, types: Types, to: Jump16 } [] heap(none) inline(yes);

            /// Start `for i in a..b`: `base` is the counter, `base + 1` the end, `base + 2` the variable. Goes to
            /// `exit` if the range is empty, else sets the variable; an error unless both bounds are ints.
            ForPrep { base: RangeStart, exit: Jump32 } [throws] heap(none) inline(yes) as iteration(Range, start, base, exit);
            /// Count `base` up; while below `base + 1`, set the variable `base + 2` and go to `back`.
            ForLoop { base: RangeNext, back: Jump32 } [] heap(none) inline(yes) as iteration(Range, next, base, back);
            /// Start `for x in v`: `base` holds `v` and becomes the iterator's first state slot (`base + 1` and
            /// `base + 2` are the others). Puts the first item into `base + 3`, or goes to `exit`.
            IterPrep { base: IterStart, exit: Jump32 } [throws, allocates, calls] heap(any) inline(yes) as iteration(Items, start, base, exit);
            /// Put the next item into `base + 3` and go to `back`; falls through at the end.
            IterNext { base: IterNext, back: Jump32 } [throws, allocates, calls] heap(any) inline(yes) as iteration(Items, next, base, back);
            /// As `IterPrep`, unpacking each item, a sequence of two, into `base + 3` and `base + 4`.
            IterPrep2 { base: PairsStart, exit: Jump32 } [throws, allocates, calls] heap(any) inline(yes) as iteration(Pairs, start, base, exit);
            /// As `IterNext`, unpacking.
            IterNext2 { base: PairsNext, back: Jump32 } [throws, allocates, calls] heap(any) inline(yes) as iteration(Pairs, next, base, back);

            /// `dst =` a list of `count` items from `base` up.
            MakeList { dst: Out, base: Seq, count: Count } [allocates] heap(none) inline(yes);
            /// Append `count` items from `base` up to a list that a literal is building.
            ListAppend { list: In, base: Seq, count: Count } [throws, allocates] heap(lists) inline(no);
            /// `dst =` a tuple of `count` items from `base` up.
            MakeTuple { dst: Out, base: Seq, count: Count } [allocates] heap(none) inline(yes);
            /// `dst =` a tuple of the items of a list that a literal has built.
            TupleFromList { dst: Out, list: In } [throws, allocates] heap(none) inline(no);
            /// `dst =` a dict of `count` pairs (key, value) from `base` up.
            MakeDict { dst: Out, base: PairSeq, count: Count } [throws, allocates] heap(none) inline(no);
            /// Insert `count` pairs from `base` up into a dict that a literal is building.
            DictInsert { dict: In, base: PairSeq, count: Count } [throws, allocates] heap(dicts) inline(no);
            /// `dst = src`, which must be a list, tuple or string of `count` items, or a list of such a range: what is
            /// then taken apart by `GetIndex` with the positions in turn.
            Unpack { dst: Out, src: In, count: Count } [throws, allocates] heap(none) inline(yes);
            /// `dst = a..b`.
            MakeRange { dst: Out, a: In, b: In } [throws, allocates] heap(none) inline(yes);
            /// `dst =` the texts of `count` values from `base` up, joined.
            Concat { dst: Out, base: Seq, count: Count } [throws, allocates] heap(none) inline(yes);
            /// Print the texts of `count` values from `base` up with spaces between them, then a newline if `newline`
            /// is 1.
            Print { base: Seq, count: Count, newline: Flag } [throws, outputs] heap(none) inline(no);

            /// `dst = object[index]`.
            GetIndex { dst: Out, object: In, index: In } [throws, allocates] heap(fields, globals) inline(yes);
            /// `object[index] = value`.
            SetIndex { object: In, index: In, value: In } [throws, allocates] heap(lists, dicts, fields) inline(yes);
            /// `dst = object.name`, the name taken from the site.
            GetMember { dst: Out, object: In, site: Site } [throws, allocates] heap(fields, globals) inline(yes);
            /// `object.name = value`.
            SetMember { object: In, value: In, site: Site } [throws, allocates] heap(dicts, fields) inline(yes);
            /// `dst = object.name` for functions with more sites than a `SiteId` can name; `name` holds the string.
            GetMemberNamed { dst: Out, object: In, name: In } [throws, allocates] heap(fields, globals) inline(no);
            /// `object.name = value` for functions with more sites than a `SiteId` can name.
            SetMemberNamed { object: In, name: In, value: In } [throws, allocates] heap(dicts, fields) inline(no);

            /// Call the value in `base` with `argc` arguments.
            Call { base: CallBase, argc: Count } [throws, allocates, calls] heap(any) inline(yes);
            /// Call a function known when compiling; the argument count is its parameter count.
            CallFn { base: FnBase, func: CalledFunc } [throws, allocates, calls] heap(any) inline(yes);
            /// Call a native function known when compiling.
            CallBuiltin { base: BuiltinBase, builtin: Builtin, argc: Count } [throws, allocates, calls] heap(any) inline(yes);
            /// Call the method (or the function in the field) that the site names, of the receiver in `base + 1`.
            CallMethod { base: MethodBase, argc: Count, site: CallSite } [throws, allocates, calls] heap(any) inline(yes);
            /// Make an instance of a struct known when compiling and call its `init`, if any.
            New { base: NewBase, def: NewStruct } [throws, allocates, calls] heap(any) inline(yes);
            /// `return` the call of the value in `base`. If that is a Walrus function the call takes over the frame;
            /// any other is called as by `Call`, and the `Return` of `base` that follows hands its result on.
            TailCall { base: CallBase, argc: Count } [throws, allocates, calls] heap(any) inline(yes);
            /// `return` the call of a known function, which takes over the frame.
            TailCallFn { base: FnBase, func: CalledFunc } [throws, allocates, calls, ends] heap(any) inline(yes);
            /// `return` a method call; as `TailCall`, a `Return` of `base` follows.
            TailCallMethod { base: MethodBase, argc: Count, site: CallSite } [throws, allocates, calls] heap(any) inline(yes);
            /// Return `src` to the caller.
            Return { src: In } [ends] heap(none) inline(yes);
            /// Return `void` to the caller.
            ReturnVoid {} [ends] heap(none) inline(yes);
            /// Throw `src`.
            Throw { src: In } [throws, ends] heap(none) inline(yes);
            /// Run a module's body unless it has begun already; `base` is left undefined.
            InitModule { base: InitBase, module: Module } [throws, allocates, calls] heap(any) inline(no);
            /// What an async function begins with, and nothing else has: called, it returns a task that is queued to go
            /// on behind this.
            StartTask {} [allocates] heap(any) inline(no);
            /// `dst =` the result of the task in `src`, waiting for it.
            Await { dst: Out, src: In } [throws, allocates, calls] heap(any) inline(no);
            /// Look the site's method up in `object` before its arguments are evaluated: `dst =` what is to be called
            /// if that is a value that is found under the name, and no value if it is a method. A `CallMethod` of the
            /// same site then calls the method, whatever was assigned to that name since.
            FindMethod { dst: Out, object: In, site: CallSite } [throws] heap(fields, globals) inline(yes);
        }
    };
}
