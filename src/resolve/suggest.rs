//! What is said of names that mean nothing, or that nothing reads: what they are likely to be meant for.

use super::Var;
use crate::source::Diagnostic;

/// What a name of another language, or of `core` without its module, is in Walrus.
pub fn foreign_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "null" | "NULL" | "nil" | "undefined" | "nullptr" => "void",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "this" => "self",
        "len" => "core.len",
        "str" => "core.str",
        "int" => "core.int",
        "float" => "core.float",
        "type" | "typeof" => "core.type",
        "input" => "core.input",
        "assert" => "core.assert",
        "format" => "core.format",
        "repr" => "core.repr",
        "ord" => "core.ord",
        "chr" => "core.chr",
        "bytes" => "core.bytes",
        _ => return None,
    })
}

/// What is done here that other languages do with a name, where no other name stands for it.
pub fn hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "range" | "xrange" => "a range is written with two dots: `0..n`, and `..n` begins at 0",
        "console" | "System" | "printf" | "fprintf" | "fmt" | "cout" | "puts" | "echo" | "print_r" | "p" => {
            "`println value;` writes a line, `print value;` without its end; a text with values in it is `f\"x = {x}\"`"
        }
        "sprintf" => "a text with values in it is `f\"x = {x}\"`",
        "Math" => "the functions of mathematics are in a module: `import \"std/math\";`",
        "JSON" => "JSON is read and written by a module: `import \"std/json\";`",
        "os" | "fs" | "shutil" | "pathlib" => {
            "files and folders are in modules: `import \"std/fs\";`, `import \"std/path\";`"
        }
        "re" | "RegExp" => "patterns are in a module: `import \"std/regex\";`",
        "random" | "rand" => "`import \"std/math\";` has `math.rand_int(a, b)` and `math.rand_float()`",
        "datetime" | "Date" => "the time is in a module: `import \"std/time\";`",
        "subprocess" => "programs are run by a module: `import \"std/process\";`",
        "setTimeout" | "sleep" => "`import \"std/async\" as tasks;` has `await tasks.sleep(ms)` and `tasks.spawn(f)`",
        "fetch" => "`import \"std/http\";` has `await http.fetch(\"GET\", url, {}, \"\")`",
        "list" | "Array" | "vec" | "Vec" => {
            "a list is written `[1, 2]`; one of what another sequence has is made by `let xs = []; xs.extend(0..5);`"
        }
        "dict" | "Object" | "Map" | "HashMap" | "table" => "a dict is written `{\"key\": value}`",
        "set" | "Set" => {
            "a dict whose values are `true` does what a set does; `xs.unique()` takes out what comes twice"
        }
        "tuple" => "a tuple is written `(1, 2)`",
        "String" | "Integer" | "Number" | "parseInt" | "parseFloat" | "tonumber" | "tostring" => {
            "`core.str(x)`, `core.int(x)` and `core.float(x)` convert"
        }
        "bool" | "Boolean" => "any value can be a condition; `not not x` is `true` or `false`",
        "Error" | "Exception" | "ValueError" | "TypeError" | "RuntimeError" => {
            "any value can be thrown: `throw \"what is wrong\";`"
        }
        "panic" | "error" | "die" => "an error is thrown, and any value can be: `throw \"what is wrong\";`",
        "Some" | "Ok" => "a value stands for itself; `void` is what is not there, and errors are thrown",
        "Err" => "errors are thrown, and any value can be: `throw \"what is wrong\";`",
        "require" | "include" => "a module is imported by a statement: `import \"std/math\";`",
        "__name__" => "a file is a program from its first line on; what it imports runs once, at its import",
        "zip" | "enumerate" => "lists have methods for this: `for i, x in xs.enumerate()`, `for x, y in xs.zip(ys)`",
        "min" | "max" => {
            "lists have methods for this, `xs.min()` and `xs.max()`; `import \"std/math\";` has `math.min(a, b)` of two numbers"
        }
        "sum" | "sorted" | "reversed" | "map" | "filter" | "any" | "all" => {
            "lists have methods for this: `xs.sum()`, `xs.sorted()`, `xs.map(f)`"
        }
        "abs" | "round" | "floor" | "ceil" | "sqrt" | "pow" => {
            "the functions of mathematics are in a module: `import \"std/math\";`"
        }
        "exit" | "quit" => "`import \"std/sys\";` has `sys.exit(status)`",
        "open" => "files are in a module: `import \"std/io\";` has `io.read_file(path)` and `io.file_open(path, mode)`",
        "isinstance" | "instanceof" => "`core.type(x)` tells the type of a value: `core.type(x) == \"int\"`",
        "pass" => "an empty block needs no word",
        "super" => "structs do not inherit; keep an instance of the other struct in a field",
        "end" => "blocks end with `}`",
        _ => return None,
    })
}

/// The warning about a variable that nothing reads.
pub(super) fn unused_variable(var: &Var, text: &str) -> Diagnostic {
    let warning = Diagnostic::warning("W0201", format!("Unused variable '{text}'"), var.span);
    match var.renews {
        Some(r#let) => warning.labelled(format!("another variable than the '{text}' outside")).with_suggestion(
            format!("to change the outer '{text}', assign to it"),
            r#let,
            "",
        ),
        None => {
            let advice = "if this is intended, begin its name with '_'";
            warning.with_suggestion(advice, var.span, format!("_{text}"))
        }
    }
}
