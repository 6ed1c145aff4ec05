//! The table of native library functions: what both programs know about `std/…`.
//!
//! [`for_each_builtin!`](crate::for_each_builtin) has one row per function: module, name, parameters, effect, memory,
//! result, doc sentence. walrusc takes from it which names exist, what a call may do and what it gives; the runtime
//! takes its dispatch table from it, so a row without an implementation does not compile, and holds each call to its
//! row in debug builds. A `.wbc` names builtins by module and name ([`super::BuiltinRef`]), never by position in this
//! table.

use super::signature::{Memory, Shape, Takes, results::*, takes};

/// Calls `$then!` with every row.
///
/// Parameters in parentheses, each with what it takes ([`Takes`]); those after `;` may be left out. Effects: `pure`
/// (result depends on the arguments alone, no effect; may still throw), `reads` (depends on or changes hidden state
/// such as the clock or the random generator, but touches no Walrus value), `io` (outside world), `calls` (may run
/// Walrus code). Then what it does to the heap: `none`, `allocates`, `collects` ([`Memory`]). Behind the arrow the
/// result: a [`Shape`], or a [`BuiltinResult`] in brackets. The module's std path is `std/` followed by the row's first
/// word. The doc sentences, and behind `Errors: ` the errors that are not about the types or the number of arguments,
/// are what the library's page in `docs/` shows.
#[macro_export]
macro_rules! for_each_builtin {
    ($then:ident) => {
        $then! {
            /// Number of elements, characters or entries.
            /// Errors: `Cannot get length of non-indexable type 'int'`.
            core len (x: SIZED;) pure none -> INT;
            /// The text of a value.
            core str (x: ANY;) pure allocates -> STRING;
            /// The name of a value's type.
            core type (x: ANY;) pure allocates -> STRING;
            /// Converts a number (toward zero), bool or decimal text to an int.
            /// Errors: `Cannot convert '4x' to int`.
            core int (x: TO_INT;) pure none -> INT;
            /// Converts a number, bool or decimal text to a float.
            /// Errors: `Cannot convert 'x' to float`.
            core float (x: TO_FLOAT;) pure none -> FLOAT;
            /// Prints a prompt and reads a line, its newline included; an empty string at the end of input.
            /// Errors: `Failed to read input: …`.
            core input (; prompt: ANY) io allocates -> STRING;
            /// Collects garbage; a dict of counts.
            core gc (;) reads collects -> DICT_OF_INTS;
            /// A dict of heap figures.
            core heap_stats (;) reads allocates -> DICT_OF_INTS;
            /// Sets how many bytes may be allocated between collections; returns the previous number.
            /// Errors: `core.gc_threshold: invalid threshold`.
            core gc_threshold (n: INT;) reads collects -> INT;
            /// Milliseconds since 1970.
            core timestamp (;) reads none -> INT;
            /// Monotonic seconds.
            core clock (;) reads none -> FLOAT;
            /// Throws unless the condition is truthy.
            /// Errors: `Assertion failed`, with `: ` and the message if there is one.
            core assert (cond: ANY; message: ANY) pure none -> VOID;
            /// A value in a format, as in a hole of an f-string. Errors: `Invalid format 'q.q'`,
            /// `Unknown format 'd' for type 'float'`, `Invalid character number -1`, `Value too large`.
            core format (x: ANY, spec: STRING;) pure allocates -> STRING;
            /// The text of a value as a program would write it: strings quoted, instances with their fields.
            core repr (x: ANY;) pure allocates -> STRING;
            /// The character of a number.
            /// Errors: `Invalid character number -1`.
            core chr (n: INT;) pure allocates -> STRING;
            /// The number of a character.
            /// Errors: `Expected one character`.
            core ord (c: STRING;) pure none -> INT;
            /// The UTF-8 bytes of a text.
            core bytes (text: STRING;) pure allocates -> LIST_OF_INTS;
            /// The text of UTF-8 bytes.
            /// Errors: `Invalid UTF-8 at byte 3`, `Invalid byte 256`.
            core text (bytes: LIST;) pure allocates -> STRING;
            /// Writes the text of a value and a newline to standard error.
            core print_error (x: ANY;) io none -> VOID;

            /// The circle constant.
            math pi (;) pure none -> FLOAT;
            /// Euler's number.
            math e (;) pure none -> FLOAT;
            /// Twice pi.
            math tau (;) pure none -> FLOAT;
            /// Positive infinity.
            math inf (;) pure none -> FLOAT;
            /// Not a number.
            math nan (;) pure none -> FLOAT;
            /// Absolute value, of the operand's type.
            math abs (x: NUMBER;) pure none -> [BuiltinResult::Number(1)];
            /// -1, 0 or 1, an int.
            math sign (x: NUMBER;) pure none -> INT;
            /// The smaller of two numbers.
            math min (a: NUMBER, b: NUMBER;) pure none -> [BuiltinResult::Number(2)];
            /// The larger of two numbers.
            math max (a: NUMBER, b: NUMBER;) pure none -> [BuiltinResult::Number(2)];
            /// `x` limited to `lo..=hi`.
            /// Errors: `math.clamp: invalid range`.
            math clamp (x: NUMBER, lo: NUMBER, hi: NUMBER;) pure none -> [BuiltinResult::Number(3)];
            /// Largest integral float not above `x`.
            math floor (x: NUMBER;) pure none -> FLOAT;
            /// Smallest integral float not below `x`.
            math ceil (x: NUMBER;) pure none -> FLOAT;
            /// Nearest integral float, halves away from zero.
            math round (x: NUMBER;) pure none -> FLOAT;
            /// `x` without its fraction.
            math trunc (x: NUMBER;) pure none -> FLOAT;
            /// The fraction of `x`.
            math fract (x: NUMBER;) pure none -> FLOAT;
            /// Square root.
            /// Errors: `math.sqrt: domain error`.
            math sqrt (x: NUMBER;) pure none -> FLOAT;
            /// Cube root.
            math cbrt (x: NUMBER;) pure none -> FLOAT;
            /// `x` to the power `y`, a float.
            math pow (x: NUMBER, y: NUMBER;) pure none -> FLOAT;
            /// Length of the hypotenuse.
            math hypot (x: NUMBER, y: NUMBER;) pure none -> FLOAT;
            /// Sine of radians.
            math sin (x: NUMBER;) pure none -> FLOAT;
            /// Cosine of radians.
            math cos (x: NUMBER;) pure none -> FLOAT;
            /// Tangent of radians.
            math tan (x: NUMBER;) pure none -> FLOAT;
            /// Inverse sine.
            /// Errors: `math.asin: domain error`.
            math asin (x: NUMBER;) pure none -> FLOAT;
            /// Inverse cosine.
            /// Errors: `math.acos: domain error`.
            math acos (x: NUMBER;) pure none -> FLOAT;
            /// Inverse tangent.
            math atan (x: NUMBER;) pure none -> FLOAT;
            /// Angle of the point `(x, y)`.
            math atan2 (y: NUMBER, x: NUMBER;) pure none -> FLOAT;
            /// e to the power `x`.
            math exp (x: NUMBER;) pure none -> FLOAT;
            /// Natural logarithm.
            /// Errors: `math.ln: domain error`.
            math ln (x: NUMBER;) pure none -> FLOAT;
            /// Logarithm to base 2.
            /// Errors: `math.log2: domain error`.
            math log2 (x: NUMBER;) pure none -> FLOAT;
            /// Logarithm to base 10.
            /// Errors: `math.log10: domain error`.
            math log10 (x: NUMBER;) pure none -> FLOAT;
            /// Logarithm to a given base.
            /// Errors: `math.log: invalid base`, `math.log: domain error`.
            math log (x: NUMBER, base: NUMBER;) pure none -> FLOAT;
            /// `a + (b - a) * t`.
            math lerp (a: NUMBER, b: NUMBER, t: NUMBER;) pure none -> FLOAT;
            /// Radians to degrees.
            math degrees (x: NUMBER;) pure none -> FLOAT;
            /// Degrees to radians.
            math radians (x: NUMBER;) pure none -> FLOAT;
            /// Whether `x` is neither infinite nor NaN.
            math is_finite (x: NUMBER;) pure none -> BOOL;
            /// Whether `x` is NaN.
            math is_nan (x: NUMBER;) pure none -> BOOL;
            /// Whether `x` is infinite.
            math is_inf (x: NUMBER;) pure none -> BOOL;
            /// Starts the random sequence anew.
            math seed (n: INT;) reads none -> VOID;
            /// A float in `0..1`.
            math rand_float (;) reads none -> FLOAT;
            /// `true` or `false`.
            math rand_bool (;) reads none -> BOOL;
            /// An int from `a` to `b`, both included.
            /// Errors: `math.rand_int: invalid range`.
            math rand_int (a: INT, b: INT;) reads none -> INT;
            /// A float from `a` up to, not including, `b`.
            /// Errors: `math.rand_range: invalid range`.
            math rand_range (a: NUMBER, b: NUMBER;) reads none -> FLOAT;

            /// Opens a file; the handle is an int.
            /// Errors: `Invalid file mode 'x'. Supported modes: r, w, a, rw`, `Failed to open file 'p': …`.
            io file_open (path: STRING, mode: STRING;) io none -> INT;
            /// The rest of an open file.
            /// Errors: `Invalid file handle: 7`, `Failed to read 'p': …`.
            io file_read (handle: INT;) io allocates -> STRING;
            /// The next line without its newline; void at the end.
            /// Errors: `Invalid file handle: 7`, `Failed to read 'p': …`.
            io file_read_line (handle: INT;) io allocates -> STRING_OR_VOID;
            /// Writes text; the number of bytes written.
            /// Errors: `Invalid file handle: 7`, `Failed to write 'p': …`.
            io file_write (handle: INT, text: STRING;) io none -> INT;
            /// Closes a handle.
            /// Errors: `Invalid file handle: 7`, `Failed to write 'p': …`.
            io file_close (handle: INT;) io none -> VOID;
            /// Whether a path exists.
            io file_exists (path: STRING;) io none -> BOOL;
            /// The text of a whole file.
            /// Errors: `Failed to read 'p': …`.
            io read_file (path: STRING;) io allocates -> STRING;
            /// Replaces a file's text.
            /// Errors: `Failed to write 'p': …`.
            io write_file (path: STRING, text: STRING;) io none -> VOID;
            /// The lines of a whole file.
            /// Errors: `Failed to read 'p': …`.
            io read_lines (path: STRING;) io allocates -> LIST_OF_STRINGS;
            /// Writes text behind what is in a file.
            /// Errors: `Failed to write 'p': …`.
            io append_file (path: STRING, text: STRING;) io none -> VOID;
            /// All that is left of standard input.
            /// Errors: `Failed to read input: …`.
            io read_stdin (;) io allocates -> STRING;
            /// The bytes of a whole file.
            /// Errors: `Failed to read 'p': …`.
            io read_bytes (path: STRING;) io allocates -> LIST_OF_INTS;
            /// Replaces a file's bytes.
            /// Errors: `Failed to write 'p': …`, `Invalid byte 256`.
            io write_bytes (path: STRING, bytes: LIST;) io none -> VOID;

            /// Whether there is something at a path.
            fs exists (path: STRING;) io none -> BOOL;
            /// Whether there is a file.
            fs is_file (path: STRING;) io none -> BOOL;
            /// Whether there is a folder.
            fs is_dir (path: STRING;) io none -> BOOL;
            /// Bytes of a file.
            /// Errors: `Failed to look at 'p': …`.
            fs size (path: STRING;) io none -> INT;
            /// When a file was changed, in milliseconds since 1970.
            /// Errors: `Failed to look at 'p': …`.
            fs modified (path: STRING;) io none -> INT;
            /// The names in a folder, sorted.
            /// Errors: `Failed to list 'p': …`.
            fs list_dir (path: STRING;) io allocates -> LIST_OF_STRINGS;
            /// Makes a folder and those that it is to be in; one that is there is fine.
            /// Errors: `Failed to make folder 'p': …`.
            fs make_dir (path: STRING;) io none -> VOID;
            /// Removes a file or an empty folder.
            /// Errors: `Failed to remove 'p': …`.
            fs remove (path: STRING;) io none -> VOID;
            /// Removes a file, or a folder with all in it.
            /// Errors: `Failed to remove 'p': …`.
            fs remove_all (path: STRING;) io none -> VOID;
            /// Gives a file or folder another path.
            /// Errors: `Failed to rename 'a' to 'b': …`.
            fs rename (from: STRING, to: STRING;) io none -> VOID;
            /// Copies a file.
            /// Errors: `Failed to copy 'a' to 'b': …`.
            fs copy (from: STRING, to: STRING;) io none -> VOID;
            /// The system's folder for what need not last.
            fs temp_dir (;) io allocates -> STRING;
            /// Makes a new folder there.
            /// Errors: `Failed to make a folder in '/tmp': …`.
            fs make_temp_dir (;) io allocates -> STRING;

            /// Paths as one; also takes a list.
            path join (a: PATHS; b: STRING, c: STRING, d: STRING, e: STRING, f: STRING, g: STRING, h: STRING) pure allocates -> STRING;
            /// The last name of a path.
            path base (path: STRING;) pure allocates -> STRING;
            /// What stands before the last name.
            path dir (path: STRING;) pure allocates -> STRING;
            /// The last name without its extension.
            path stem (path: STRING;) pure allocates -> STRING;
            /// The extension without its dot.
            path ext (path: STRING;) pure allocates -> STRING;
            /// The path without `.`, `..` and doubled slashes.
            path normalize (path: STRING;) pure allocates -> STRING;
            /// The path from the root on.
            /// Errors: `Failed to make 'p' absolute: …`.
            path absolute (path: STRING;) io allocates -> STRING;
            /// Whether a path begins at the root.
            path is_absolute (path: STRING;) pure none -> BOOL;

            /// Runs a program to its end; a dict of its status and of what it wrote.
            /// Errors: `Failed to run 'p': …`.
            process run (program: STRING, args: LIST; input: STRING) io allocates -> DICT_OF_INTS_AND_STRINGS;

            /// Milliseconds since 1970.
            time now (;) reads none -> INT;
            /// Waits for so many milliseconds, and all tasks with it.
            /// Errors: `time.sleep: milliseconds must be >= 0`.
            time sleep (ms: NUMBER;) io none -> VOID;
            /// A moment as text, by a pattern of strftime, in UTC.
            /// Errors: `Invalid time pattern '%Q': …`, `Time out of range: …`.
            time format (ms: INT, pattern: STRING;) pure allocates -> STRING;
            /// The moment that a text tells by a pattern of strptime, in UTC.
            /// Errors: `Failed to parse 'x' as '%F': …`, `Invalid time pattern '%Q': …`.
            time parse (text: STRING, pattern: STRING;) pure none -> INT;
            /// Year, month, day and so on of a moment, in UTC.
            /// Errors: `Time out of range: …`.
            time parts (ms: INT;) pure allocates -> DICT_OF_INTS;

            /// Whether a pattern matches anywhere in a text.
            /// Errors: `Invalid pattern 'a(b': unclosed group at character 1`.
            regex matches (pattern: STRING, text: STRING;) pure none -> BOOL;
            /// A dict of the first match, or void.
            /// Errors: `Invalid pattern 'a(b': unclosed group at character 1`.
            regex find (pattern: STRING, text: STRING;) pure allocates -> DICT_OR_VOID;
            /// A list of a dict for each match.
            /// Errors: `Invalid pattern 'a(b': unclosed group at character 1`.
            regex find_all (pattern: STRING, text: STRING;) pure allocates -> LIST_OF_DICTS;
            /// The text with all matches replaced: by a text in which `$1` and `$name` are groups, or by what a
            /// function makes of the match. Errors: `Invalid pattern 'a(b': unclosed group at character 1`.
            regex replace (pattern: STRING, text: STRING, with: TEXT_OR_FUNCTION;) calls collects -> STRING;
            /// The parts of a text between the matches.
            /// Errors: `Invalid pattern 'a(b': unclosed group at character 1`.
            regex split (pattern: STRING, text: STRING;) pure allocates -> LIST_OF_STRINGS;

            /// Calls a function of the program that embeds this one. Programs reach it through modules that are made of
            /// declarations.
            host call (module: STRING, name: STRING, arguments: LIST;) calls collects -> ANYTHING;

            /// An environment variable; void if unset.
            sys env_get (name: STRING;) io allocates -> STRING_OR_VOID;
            /// The program's path and the user's arguments.
            sys args (;) reads allocates -> LIST_OF_STRINGS;
            /// The current folder.
            /// Errors: `Failed to get the current folder: …`.
            sys cwd (;) io allocates -> STRING;
            /// Ends the program.
            sys exit (code: INT;) io none -> VOID;

            /// JSON text of a value: compact, or with so many spaces a level; keys sorted, or in their own order.
            /// Errors: `json.encode: cannot encode NaN`, `json.encode: keys must be strings, but found type 'int'`,
            /// `json.encode: value contains itself`.
            json encode (value: ANY; indent: INT, sorted: BOOL) pure allocates -> STRING;
            /// The value of JSON text.
            /// Errors: `json.decode: … at line 1 column 6`.
            json decode (text: STRING;) pure allocates -> JSON;

            /// Makes a call a task; the arguments are a list.
            async spawn (f: CALLABLE; args: LIST) calls collects -> [BuiltinResult::Spawned];
            /// A task that is ready after so many milliseconds.
            /// Errors: `async.sleep: milliseconds must be >= 0`.
            async sleep (ms: NUMBER;) calls allocates -> TASK_OF_VOID;
            /// A task that ends as the given one, which is cancelled if that takes longer.
            /// Errors: `async.timeout: milliseconds must be >= 0`; the task fails with `task timed out`.
            async timeout (task: TASK, ms: NUMBER;) calls allocates -> [BuiltinResult::Same];
            /// A task of the values of tasks, in order; fails with the first failure.
            async gather (tasks: LIST;) calls allocates -> [BuiltinResult::Gathered];
            /// A task of the first success among tasks, else of the last failure.
            /// Errors: of no tasks: `async.race: no tasks`.
            async race (tasks: LIST;) calls allocates -> [BuiltinResult::OneOf];
            /// A task of a dict for each task: how it ended, and with what.
            async all_settled (tasks: LIST;) calls allocates -> TASK_OF_LIST;
            /// How far a task is: pending, ready, failed or cancelled.
            async status (task: TASK;) calls allocates -> STRING;
            /// Cancels a task; whether it had not ended.
            async cancel (task: TASK;) calls allocates -> BOOL;
            /// Whether a task was cancelled.
            async cancelled (task: TASK;) calls none -> BOOL;
            /// Lets the other tasks that are ready run first.
            async yield (;) calls collects -> VOID;
            /// The two ends of a channel, sender and receiver, with room for so many values.
            /// Errors: `async.channel: size must be >= 1`.
            async channel (; size: INT) calls allocates -> LIST_OF_CHANNELS;
            /// Sends a value; whether the channel is open. With a size: a task of that, which waits for room.
            /// Errors: `Expected a sender, but found a receiver`.
            async send (sender: CHANNEL, value: ANY;) calls allocates -> TASK_OR_BOOL;
            /// A task of the next value; void once the channel is closed and empty.
            /// Errors: `Expected a receiver, but found a sender`.
            async recv (receiver: CHANNEL;) calls allocates -> TASK;
            /// Closes a channel by either end; whether it was open.
            async close (end: CHANNEL;) calls allocates -> BOOL;

            /// Listens on an address and a port; the handle. Port 0 takes a free one.
            /// Errors: `net.tcp_bind: invalid port 70000`, `Failed to bind to '…': …`.
            net tcp_bind (host: STRING, port: INT;) calls collects -> INT;
            /// The port that a listener listens on.
            /// Errors: `net.tcp_local_port: invalid listener handle 7`.
            net tcp_local_port (listener: INT;) calls collects -> INT;
            /// A task of the handle of the next connection.
            /// Errors: `net.tcp_accept: invalid listener handle 7`.
            net tcp_accept (listener: INT;) calls collects -> TASK_OF_INT;
            /// Closes a listener.
            /// Errors: `net.tcp_close_listener: invalid listener handle 7`.
            net tcp_close_listener (listener: INT;) calls collects -> VOID;
            /// A task of the handle of a connection to a host and port.
            /// Errors: `net.tcp_connect: invalid port 0`; the task: `Failed to connect to '…': …`.
            net tcp_connect (host: STRING, port: INT;) calls collects -> TASK_OF_INT;
            /// The address of the other side.
            /// Errors: `net.tcp_peer_addr: invalid stream handle 7`.
            net tcp_peer_addr (stream: INT;) calls collects -> STRING;
            /// The stream's own address.
            /// Errors: `net.tcp_stream_local_addr: invalid stream handle 7`.
            net tcp_stream_local_addr (stream: INT;) calls collects -> STRING;
            /// Limits the time of reads that begin later; void: no limit. Errors:
            /// `net.tcp_set_read_timeout: invalid stream handle 7`,
            /// `net.tcp_set_read_timeout: milliseconds must be >= 0`.
            net tcp_set_read_timeout (stream: INT, ms: NUMBER_OR_VOID;) calls collects -> VOID;
            /// Limits the time of writes that begin later; void: no limit. Errors:
            /// `net.tcp_set_write_timeout: invalid stream handle 7`,
            /// `net.tcp_set_write_timeout: milliseconds must be >= 0`.
            net tcp_set_write_timeout (stream: INT, ms: NUMBER_OR_VOID;) calls collects -> VOID;
            /// Whether small pieces are sent at once.
            /// Errors: `net.tcp_set_nodelay: invalid stream handle 7`.
            net tcp_set_nodelay (stream: INT, nodelay: BOOL;) calls collects -> VOID;
            /// Ends a side of a stream: "read", "write" or "both".
            /// Errors: `net.tcp_shutdown: invalid side 'up'. Supported sides: read, write, both`.
            net tcp_shutdown (stream: INT, side: STRING;) calls collects -> VOID;
            /// Closes a stream; what was written is still sent.
            /// Errors: `net.tcp_close: invalid stream handle 7`.
            net tcp_close (stream: INT;) calls collects -> VOID;
            /// A task of text that was received; void at the end.
            /// Errors: `net.tcp_read: invalid limit 0`; the task: `Failed to read from '…': …`.
            net tcp_read (stream: INT, max: INT;) calls collects -> TASK_OF_TEXT;
            /// A task of a list of bytes that were received; void at the end.
            /// Errors: `net.tcp_read_bytes: invalid limit 0`; the task: `Failed to read from '…': …`.
            net tcp_read_bytes (stream: INT, max: INT;) calls collects -> TASK_OF_BYTES;
            /// A task of the next line without its end; void at the end. Errors:
            /// `net.tcp_read_line: invalid stream handle 7`; the task: `Line too long`, `Failed to read from '…': …`.
            net tcp_read_line (stream: INT;) calls collects -> TASK_OF_TEXT;
            /// A task of the number of bytes written.
            /// Errors: `net.tcp_write: invalid stream handle 7`; the task: `Failed to write to '…': …`.
            net tcp_write (stream: INT, text: STRING;) calls collects -> TASK_OF_INT;
            /// A task of the number of bytes written, of a list of them.
            /// Errors: `net.tcp_write_bytes: 256 is no byte`; the task: `Failed to write to '…': …`.
            net tcp_write_bytes (stream: INT, bytes: LIST;) calls collects -> TASK_OF_INT;

            /// The parts of a request line, or what is wrong with it.
            http parse_request_line (line: STRING;) pure allocates -> DICT;
            /// Names and values of a query; the last of a name wins.
            http parse_query (text: STRING;) pure allocates -> DICT_OF_STRINGS;
            /// Names and values of a query, in order.
            http parse_query_pairs (text: STRING;) pure allocates -> LIST_OF_LISTS;
            /// The text of a query.
            http encode_query (dict: DICT;) pure allocates -> STRING;
            /// A path without `.` and `..`.
            http normalize_path (path: STRING;) pure allocates -> STRING;
            /// What the names and the `*` of a pattern took of a path.
            http match_route (pattern: STRING, path: STRING;) pure allocates -> DICT;
            /// What the standards call a status.
            /// Errors: `http.status_text: invalid status code 99`.
            http status_text (status: INT;) pure allocates -> STRING;
            /// The text of a whole response.
            /// Errors: `http.response: invalid status code 99`.
            http response (status: INT, body: STRING;) pure allocates -> STRING;
            /// The text of a whole response with these headers. Errors:
            /// `http.response_with_headers: invalid status code 99`,
            /// `http.response_with_headers: header names/values must not contain newlines`.
            http response_with_headers (status: INT, body: STRING, headers: DICT;) pure allocates -> STRING;
            /// A dict of a response.
            /// Errors: `http.make_response: invalid status code 99`.
            http make_response (status: INT, body: BODY;) calls allocates -> DICT;
            /// A dict of a response with these headers. Errors:
            /// `http.make_response_with_headers: invalid status code 99`,
            /// `http.make_response_with_headers: header names/values must not contain newlines`.
            http make_response_with_headers (status: INT, body: BODY, headers: DICT;) calls allocates -> DICT;
            /// The text of a response that is given as a dict.
            /// Errors: `http.serialize_response: invalid status code 99`.
            http serialize_response (response: DICT;) pure allocates -> STRING;
            /// A task of the next request of a stream, as a dict; void at the end.
            /// Errors: `http.read_request: invalid stream handle 7`, `http.read_request: max_body_bytes must be >= 0`.
            http read_request (stream: INT, max_body: INT;) calls collects -> TASK_OF_DICT_OR_VOID;
            /// A task that answers the requests of a listener's connections with what a function gives for them, until
            /// the listener is closed. Errors: `http.serve: invalid listener handle 7`,
            /// `http.serve: max_body_bytes must be >= 0`, `http.serve: listener 7 is served already`.
            http serve (listener: INT, handler: CALLABLE; max_body: INT) calls collects -> TASK_OF_VOID;
            /// A task of the response to a request, as a dict. Errors: `http.fetch: only http is supported`,
            /// `http.fetch: invalid url '…'`; the task: `Failed to connect to '…': …`, `Failed to read from '…': …`.
            http fetch (method: STRING, url: STRING, headers: ANY, body: ANY;) calls collects -> TASK_OF_DICT;
        }
    };
}

/// What a call of a native function may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinEffect {
    /// The result depends on the arguments alone (and on what they refer to); nothing else happens, but it may throw or
    /// allocate.
    Pure,
    /// Reads or changes state of the runtime that is no Walrus value.
    Reads,
    /// Touches the outside world.
    Io,
    /// May run Walrus code.
    Calls,
}

/// What a call of a built-in gives. Unless its effect is [`BuiltinEffect::Calls`], it neither keeps its arguments nor
/// gives them back, and a container that it makes holds nothing of them that the shape does not name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinResult {
    Is(Shape),
    /// A number of the kind of one of so many arguments from the first on.
    Number(u16),
    /// A task that gives what the first argument does, which is one.
    Same,
    /// A task that gives what one of a list of tasks does.
    OneOf,
    /// A task of the list of what a list of tasks give.
    Gathered,
    /// A task of what the first argument gives when it is called with the items of the second, a list.
    Spawned,
}

impl BuiltinResult {
    /// Whether it is a task, and tells all that becomes of the arguments.
    pub fn is_about_tasks(self) -> bool {
        use BuiltinResult::*;
        matches!(self, Same | OneOf | Gathered | Spawned)
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct BuiltinSpec {
    /// The import path, `std/math`.
    pub module: &'static str,
    pub name: &'static str,
    /// Names of all parameters.
    pub params: &'static [&'static str],
    /// What each of them takes.
    pub takes: &'static [Takes],
    /// How many of them must be given.
    pub required: usize,
    pub effect: BuiltinEffect,
    pub memory: Memory,
    pub result: BuiltinResult,
    pub doc: &'static str,
}

impl BuiltinSpec {
    /// Whether it may be called with so many arguments.
    pub fn fits(&self, argc: usize) -> bool {
        (self.required..=self.params.len()).contains(&argc)
    }

    /// Whether native code, which has no form of its own for a call of it with so many arguments, gives a helper its
    /// row: its result depends on its arguments alone, and it runs no Walrus code.
    pub fn is_called_by_row(&self, argc: usize) -> bool {
        self.effect == BuiltinEffect::Pure && self.memory != Memory::Collects && self.fits(argc)
    }
}

macro_rules! define_builtins {
    ($(
        $(#[doc = $doc:literal])*
        $module:ident $name:ident ($($param:ident: $takes:ident),* ; $($optional:ident: $optional_takes:ident),*) $effect:ident $memory:ident -> $result:tt;
    )*) => {
        /// Every native function, in the order of the table.
        pub static BUILTINS: &[BuiltinSpec] = &[$( BuiltinSpec {
            module: concat!("std/", stringify!($module)),
            name: stringify!($name),
            params: &[$( stringify!($param), )* $( stringify!($optional), )*],
            takes: &[$( takes::$takes, )* $( takes::$optional_takes, )*],
            required: <[&str]>::len(&[$( stringify!($param) ),*]),
            effect: define_builtins!(@effect $effect),
            memory: define_builtins!(@memory $memory),
            result: define_builtins!(@result $result),
            doc: concat!($($doc),*),
        }, )*];
    };
    (@effect pure) => { BuiltinEffect::Pure };
    (@effect reads) => { BuiltinEffect::Reads };
    (@effect io) => { BuiltinEffect::Io };
    (@effect calls) => { BuiltinEffect::Calls };
    (@memory none) => { Memory::None };
    (@memory allocates) => { Memory::Allocates };
    (@memory collects) => { Memory::Collects };
    (@result [$result:expr]) => { $result };
    (@result $shape:ident) => { BuiltinResult::Is($shape) };
}

for_each_builtin!(define_builtins);

/// Import paths that exist, those whose functions are not built yet included.
pub const STD_MODULES: &[&str] = &[
    "std/core",
    "std/math",
    "std/io",
    "std/fs",
    "std/path",
    "std/process",
    "std/time",
    "std/regex",
    "std/sys",
    "std/json",
    "std/async",
    "std/net",
    "std/http",
];

/// The module through which `host/NAME` modules reach the program that embeds Walrus; no file of a user can import it.
pub const HOST_MODULE: &str = "std/host";

/// Modules of the language that this version cannot run; importing one is a compile error that says so.
pub const STD_MODULES_TO_COME: &[&str] = &[];

/// Position in [`BUILTINS`] of a function, by import path and name.
pub fn find_builtin(module: &str, name: &str) -> Option<usize> {
    BUILTINS.iter().position(|builtin| builtin.module == module && builtin.name == name)
}

/// The functions of one module, in table order.
pub fn builtins_of(module: &str) -> impl Iterator<Item = (usize, &'static BuiltinSpec)> {
    BUILTINS.iter().enumerate().filter(move |(_, builtin)| builtin.module == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_belongs_to_a_module_that_exists() {
        for builtin in BUILTINS {
            let is_known = STD_MODULES.contains(&builtin.module) || builtin.module == HOST_MODULE;
            assert!(is_known, "{} is in no module of STD_MODULES", builtin.module);
        }
    }
}
