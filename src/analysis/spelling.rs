//! Names of members that come close to one that there is not, and what other languages call them.

use crate::bytecode::builtins::builtins_of;
use crate::bytecode::methods::{METHODS, Receiver};
use crate::bytecode::types::Tags;
use crate::bytecode::{ModuleKind, Program};
use crate::facts::rules::Owner;
use crate::source::spelling::closest;

/// The names of members that a value has.
pub fn names_of(program: &Program, owner: Owner) -> Vec<&str> {
    let text = |id| program.strings.get(id).unwrap_or("");
    match owner {
        Owner::Kind(tags) => {
            let receivers = Receiver::ALL.iter().filter(|(tag, _)| tags.meets(*tag)).map(|&(_, receiver)| receiver);
            let of = |receiver| METHODS.iter().filter(move |method| method.receiver == receiver);
            receivers.flat_map(of).map(|method| method.name).collect()
        }
        Owner::Instance(def) => {
            let def = &program.structs[def.index()];
            def.methods
                .iter()
                .map(|method| text(method.name))
                .chain(def.fields.iter().map(|&field| text(field)))
                .collect()
        }
        Owner::Struct(def) => program.structs[def.index()].methods.iter().map(|method| text(method.name)).collect(),
        Owner::Module(module) => {
            let module = &program.modules[module.index()];
            match module.kind {
                ModuleKind::Std(path) => builtins_of(text(path)).map(|(_, spec)| spec.name).collect(),
                ModuleKind::File(_) => module.exports.iter().map(|export| text(export.name)).collect(),
            }
        }
    }
}

pub fn closest_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    closest(name, known.iter().copied())
}

/// What a member of another language, or another library, is in Walrus.
pub fn of_other_languages(program: &Program, owner: Owner, name: &str) -> Option<String> {
    let written = match owner {
        Owner::Kind(Tags::RANGE) => return of_range(name),
        Owner::Kind(tags) => of_value(tags, name)?,
        Owner::Module(module) => {
            let module = &program.modules[module.index()];
            let ModuleKind::Std(path) = module.kind else { return None };
            let path = program.strings.get(path)?;
            match of_module(path.strip_prefix("std/")?, name) {
                Some(written) => written,
                None => return of_other_module(program, path, name),
            }
        }
        Owner::Struct(def) if matches!(name, "new" | "create" | "__init__" | "constructor") => {
            let name = program.strings.get(program.structs[def.index()].name)?;
            return Some(format!("calling a struct makes an instance: `{name}(…)`"));
        }
        Owner::Instance(_) | Owner::Struct(_) => return None,
    };
    Some(format!("write `{written}`"))
}

/// The one other module of the library that has the name.
fn of_other_module(program: &Program, path: &str, name: &str) -> Option<String> {
    // What is often called so, and no slip for what the module itself has.
    const LOOKED_IN: [&str; 10] = ["core", "math", "io", "sys", "json", "fs", "path", "process", "time", "regex"];
    let has_it = |module: &&str| builtins_of(&format!("std/{module}")).any(|(_, spec)| spec.name == name);
    let mut others = LOOKED_IN.into_iter().filter(has_it);
    let (Some(module), None) = (others.next(), others.next()) else { return None };
    let is_imported = module == "core"
        || program.modules.iter().any(|other| {
            matches!(other.kind, ModuleKind::Std(known) if program.strings.get(known) == Some(&format!("std/{module}")))
        });
    let owner = path.strip_prefix("std/").unwrap_or(path);
    let import = if is_imported { String::new() } else { format!(", and `import \"std/{module}\";` at the top") };
    Some(format!("`{name}` is not one of `{owner}`: write `{module}.{name}(…)`{import}"))
}

fn of_value(tags: Tags, name: &str) -> Option<&'static str> {
    if name == "toString" || name == "to_string" || name == "str" {
        return Some("core.str(x)");
    }
    match tags {
        Tags::LIST => of_list(name),
        Tags::STR => of_string(name),
        Tags::DICT => of_dict(name),
        Tags::TUPLE => of_any_sequence(name),
        Tags::INT | Tags::FLOAT => of_number(name),
        _ => None,
    }
}

/// What a range has none of, since it holds nothing but its ends.
fn of_range(name: &str) -> Option<String> {
    let written = match name {
        "reversed" | "reverse" | "rev" => "`0..n` goes upwards only: `for i in 0..n { let k = n - 1 - i; }`",
        "step" | "step_by" | "stepBy" | "by" => {
            "a range has no step: `let i = 0; while i < n { …; i += 2; }`, or `for i in 0..n { let k = i * 2; }`"
        }
        "sum" => "the ints of `a..b` add up to `(a + b - 1) * (b - a) / 2`; a loop adds up anything",
        "min" | "first" | "begin" => "the first int of a range is its `start`",
        "max" | "last" => "the last int of a range is one less than its `end`",
        "stop" | "finish" => "a range ends before its `end`",
        "to_list" | "toList" | "to_a" | "collect" | "list" => "a list of its ints: `let xs = []; xs.extend(0..n);`",
        "forEach" | "for_each" | "each" => "write `for i in 0..n { … }`",
        _ => match of_any_sequence(name) {
            Some(written) => return Some(format!("write `{written}`")),
            None if is_method_of_list(name) => "lists have this, a range does not: `let xs = []; xs.extend(0..n);`",
            None => return None,
        },
    };
    Some(written.to_owned())
}

fn is_method_of_list(name: &str) -> bool {
    METHODS.iter().any(|method| method.receiver == Receiver::List && method.name == name) || of_list(name).is_some()
}

fn of_any_sequence(name: &str) -> Option<&'static str> {
    Some(match name {
        "size" | "length" | "count" | "len" => "x.len()",
        "isEmpty" | "is_empty" | "empty" => "core.len(x) == 0",
        "includes" | "has" | "contains" => "x in values",
        _ => return None,
    })
}

fn of_list(name: &str) -> Option<&'static str> {
    Some(match name {
        "append" | "push_back" | "add" | "append_all" | "emplace_back" => "xs.push(x)",
        "size" | "length" | "len" | "Length" | "Count" => "xs.len()",
        "isEmpty" | "is_empty" | "empty" => "core.len(xs) == 0",
        "includes" | "has" | "member" => "xs.contains(x)",
        "indexOf" | "index" => "xs.index_of(x)",
        "pop_back" | "popBack" | "remove_last" | "removeLast" => "xs.pop()",
        "shift" | "pop_front" | "popFront" => "xs.remove(0)",
        "unshift" | "push_front" | "prepend" => "xs.insert(0, x)",
        "slice" | "subList" | "sublist" => "xs[a..b]",
        "concat" => "xs + ys",
        "forEach" | "for_each" | "each" => "for x in xs { … }",
        "front" | "head" => "xs.first()",
        "back" | "tail" => "xs.last()",
        "fold" | "foldl" | "inject" => "xs.reduce(f, init)",
        "collect" => "xs.map(f)",
        "select" => "xs.filter(f)",
        "some" => "xs.any(f)",
        "every" => "xs.all(f)",
        "clone" => "xs.copy()",
        "addAll" | "extend_from" | "push_all" => "xs.extend(ys)",
        "flatMap" => "xs.flat_map(f)",
        "sortBy" => "xs.sort_by(key)",
        "groupBy" => "xs.group_by(f)",
        _ => return None,
    })
}

fn of_string(name: &str) -> Option<&'static str> {
    Some(match name {
        "size" | "length" | "len" => "s.len()",
        "isEmpty" | "is_empty" | "empty" => "s == \"\"",
        "toUpperCase" | "to_upper" | "to_uppercase" | "toUpper" | "upcase" => "s.upper()",
        "toLowerCase" | "to_lower" | "to_lowercase" | "toLower" | "downcase" => "s.lower()",
        "strip" => "s.trim()",
        "lstrip" | "trimStart" | "trim_left" => "s.trim_start()",
        "rstrip" | "trimEnd" | "trim_right" => "s.trim_end()",
        "startsWith" | "startswith" | "start_with" => "s.starts_with(prefix)",
        "endsWith" | "endswith" | "end_with" => "s.ends_with(suffix)",
        "includes" | "has" => "s.contains(part)",
        "indexOf" | "find" | "index" => "s.index_of(part)",
        "charAt" | "char_at" | "at" => "s[i]",
        "charCodeAt" => "s.code_at(i)",
        "substring" | "substr" | "slice" | "sub" => "s[a..b]",
        "splitlines" => "s.lines()",
        "isdigit" | "isnumeric" => "s.is_digit()",
        "isalpha" => "s.is_alpha()",
        "isspace" => "s.is_space()",
        "isupper" => "s.is_upper()",
        "islower" => "s.is_lower()",
        "join" => "parts.join(separator)",
        "format" => "f\"… {x} …\"",
        "padStart" | "rjust" => "s.pad_left(n, \" \")",
        "padEnd" | "ljust" => "s.pad_right(n, \" \")",
        "replaceAll" | "replace_all" | "gsub" => "s.replace(old, new)",
        "concat" => "s + t",
        "parse" | "to_i" | "toInt" => "s.to_int()",
        "to_f" | "toFloat" => "s.to_float()",
        "reverse" => "s.reversed()",
        _ => return None,
    })
}

fn of_dict(name: &str) -> Option<&'static str> {
    Some(match name {
        "size" | "length" | "len" => "d.len()",
        "isEmpty" | "is_empty" | "empty" => "core.len(d) == 0",
        "has" | "has_key" | "hasKey" | "containsKey" | "contains_key" | "includes" => "d.contains(key)",
        "iteritems" | "entries" | "iter" => "d.items()",
        "setdefault" | "putIfAbsent" | "entry" => "d.get_or_insert(key, default)",
        "put" | "set" | "insert" | "add" => "d[key] = value",
        "pop" | "delete" | "del" | "erase" | "discard" => "d.remove(key)",
        "update" | "merge" | "extend" => "d + other",
        "clone" => "d.copy()",
        _ => return None,
    })
}

fn of_number(name: &str) -> Option<&'static str> {
    Some(match name {
        "abs" => "math.abs(x)",
        "sqrt" => "math.sqrt(x)",
        "floor" => "math.floor(x)",
        "ceil" => "math.ceil(x)",
        "round" => "math.round(x)",
        "pow" => "x ** y",
        "toFixed" => "f\"{x:.2f}\"",
        "times" => "for i in 0..n { … }",
        _ => return None,
    })
}

fn of_module(module: &str, name: &str) -> Option<&'static str> {
    Some(match (module, name) {
        ("math", "PI" | "Pi") => "math.pi()",
        ("math", "E") => "math.e()",
        ("math", "TAU") => "math.tau()",
        ("math", "INFINITY" | "Infinity" | "infinity" | "huge") => "math.inf()",
        ("math", "NAN" | "NaN") => "math.nan()",
        ("math", "squareroot" | "square_root" | "isqrt") => "math.sqrt(x)",
        ("math", "power" | "exponent") => "math.pow(x, y)",
        ("math", "random") => "math.rand_float()",
        ("math", "randint" | "randrange" | "random_int") => "math.rand_int(a, b)",
        ("math", "absolute" | "fabs") => "math.abs(x)",
        ("math", "ceiling") => "math.ceil(x)",
        ("math", "isnan" | "isNaN") => "math.is_nan(x)",
        ("math", "isinf") => "math.is_inf(x)",
        ("math", "isfinite" | "isFinite") => "math.is_finite(x)",
        ("core", "length" | "size" | "count") => "core.len(x)",
        ("core", "string" | "to_string" | "toString") => "core.str(x)",
        ("core", "typeof" | "type_of") => "core.type(x)",
        ("core", "print") => "print(x)",
        ("core", "println") => "println(x)",
        ("core", "range") => "0..n",
        ("core", "time" | "now") => "core.clock()",
        ("core", "readline" | "read_line") => "core.input(\"\")",
        ("io", "open") => "io.file_open(path, mode)",
        ("io", "read") => "io.read_file(path)",
        ("io", "write") => "io.write_file(path, text)",
        ("sys", "argv") => "sys.args()",
        ("sys", "getenv" | "env" | "environ") => "sys.env_get(name)",
        ("json", "stringify" | "dumps" | "dump" | "to_string") => "json.encode(value)",
        ("json", "parse" | "loads" | "load") => "json.decode(text)",
        ("regex", "match" | "test" | "is_match" | "fullmatch") => "regex.matches(pattern, text)",
        ("regex", "search" | "exec") => "regex.find(pattern, text)",
        ("regex", "findall" | "finditer" | "match_all" | "scan") => "regex.find_all(pattern, text)",
        ("regex", "sub" | "gsub" | "replace_all") => "regex.replace(pattern, text, with)",
        ("time", "time" | "timestamp" | "epoch" | "millis" | "clock") => "time.now()",
        ("time", "strftime") => "time.format(ms, pattern)",
        ("time", "strptime") => "time.parse(text, pattern)",
        _ => return None,
    })
}
