//! The catalogue of diagnostic codes: one row per code, with the long text that `walrusc --explain CODE` prints.
//!
//! Families: `E01xx` lexical, `E02xx` syntax, `E03xx` names and scopes, `E04xx` modules, `E05xx` limits and what is not
//! built yet, `N01xx` notes on what is compiled, `N02xx` why a hot region is not native at run time, `W01xx` why a
//! region is not compiled, `W02xx` lints, `W03xx` what always fails where it runs. The texts are Markdown files beside
//! this one, so that they read and diff as prose.
//!
//! Invariant: each code that a diagnostic carries has a row, and a code keeps its meaning for ever.

/// A row of the catalogue.
pub struct CodeInfo {
    pub code: &'static str,
    /// A few words: what the fault is.
    pub title: &'static str,
    /// Markdown: what is wrong, an example, how to mend it.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($code:literal $title:literal)*) => {
        /// All codes, ascending.
        pub static CODES: &[CodeInfo] = &[
            $(CodeInfo {
                code: $code,
                title: $title,
                explanation: include_str!(concat!("explanations/", $code, ".md")),
            }),*
        ];
    };
}

codes! {
    "E0101" "invalid token"
    "E0102" "invalid number literal"
    "E0103" "number too large"
    "E0104" "invalid escape sequence"
    "E0105" "invalid unicode escape sequence"
    "E0106" "unterminated string"
    "E0107" "unterminated block comment"
    "E0108" "broken expression in a format string"
    "E0109" "source is not UTF-8"
    "E0110" "source file too large"
    "E0111" "single brace in a format string"
    "E0112" "invalid format in a format string"
    "E0201" "unexpected token"
    "E0202" "missing semicolon"
    "E0203" "unclosed bracket"
    "E0204" "unmatched closing bracket"
    "E0205" "invalid assignment target"
    "E0206" "comparisons do not chain"
    "E0207" "assignment in a condition"
    "E0208" "word or operator of another language"
    "E0209" "parameters in another form"
    "E0210" "`not` before `in`"
    "E0211" "as many values as targets"
    "E0212" "misplaced or missing default"
    "E0301" "undefined variable"
    "E0302" "local variable defined twice"
    "E0303" "definition given twice"
    "E0304" "break outside of a loop"
    "E0305" "continue outside of a loop"
    "E0306" "return outside of a function"
    "E0401" "module not found"
    "E0402" "circular import"
    "E0403" "bad manifest or lock file"
    "E0404" "module cannot be read"
    "E0501" "too many of something"
    "E0502" "nested too deeply"
    "E0504" "module of the standard library not available yet"
    "N0101" "proven: compiled when hot"
    "N0102" "conditional: compiled if types agree"
    "N0201" "waits for the loop around it"
    "N0202" "waits for its function"
    "N0203" "waits for more calls"
    "N0204" "waits for the compiler"
    "N0205" "waits for its share of the run time"
    "N0206" "waits for room on the native stack"
    "N0207" "is being recorded"
    "N0208" "is being compiled"
    "N0209" "is only observed"
    "N0210" "runs as a task"
    "N0211" "left its native code again and again"
    "N0212" "one of too many regions to compile"
    "N0213" "could not be translated"
    "N0214" "reads a register that is not live"
    "N0215" "refused by the code generator"
    "N0216" "left its native code for errors of arithmetic again and again"
    "N0217" "executable memory is forbidden"
    "N0218" "panic of the code generator"
    "N0219" "has too little to do"
    "W0102" "too large to compile"
    "W0104" "irregular control flow"
    "W0105" "imports a module"
    "W0106" "loop is compiled only if types agree"
    "W0201" "unused variable"
    "W0202" "unreachable code"
    "W0203" "condition that never changes"
    "W0204" "comparison with a name that no type has"
    "W0205" "value computed and dropped"
    "W0206" "mark that marks no loop"
    "W0207" "task whose value nobody waits for"
    "W0208" "tasks that wait for each other in a loop"
    "W0209" "handler that returns a whole response as text"
    "W0210" "nothing used as a value"
    "W0301" "operation that always fails"
    "W0302" "member or method that there is not"
    "W0303" "wrong number of arguments"
    "W0304" "call of what is no function"
    "W0305" "argument that is always refused"
    "W0306" "value that cannot be used so"
}

/// The row of a code, matched without regard to case.
pub fn find_code(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|info| info.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every string literal in `src` that looks like a code.
    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the source is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("source/codes.rs")
            {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                for literal in text.split('"') {
                    let (family, number) = literal.split_at_checked(1).unwrap_or(("", ""));
                    let digits =
                        number.len() == 4 && number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
                    if matches!(family, "E" | "N" | "W") && digits {
                        found.insert(literal.to_string());
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_in_the_source_has_a_row() {
        let mut found = BTreeSet::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.contains("E0201"), "the search finds nothing");
        let missing: Vec<&String> = found.iter().filter(|code| find_code(code).is_none()).collect();
        assert!(missing.is_empty(), "no row for {missing:?}");
    }

    #[test]
    fn rows_are_sorted_and_explained() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        for info in CODES {
            assert!(!info.title.is_empty() && info.explanation.len() > 80, "{}", info.code);
            assert!(!info.explanation.contains("\r"), "{}", info.code);
        }
    }

    #[test]
    fn codes_are_found_in_any_case() {
        assert_eq!(find_code("e0201").map(|info| info.code), Some("E0201"));
        assert!(find_code("E9999").is_none());
    }
}
