//! What undefined names are likely to mean: modules, and names of other languages.

/// Modules that are likely to be meant where their name is undefined.
pub const STANDARD_MODULES: [&str; 12] =
    ["async", "fs", "http", "io", "json", "math", "net", "path", "process", "regex", "sys", "time"];

/// What a name of another language, or of `core` without its module, is in Walrus.
pub fn foreign_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "null" | "NULL" | "nil" | "undefined" => "void",
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
        _ => return None,
    })
}
