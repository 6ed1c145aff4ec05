//! The expectations that fixture programs carry in their comments; `fixtures/README.md` is the user's view of this.

use serde_json::Value;

/// Everything a fixture says about its run.
#[derive(Default, Debug)]
pub struct Expectations {
    /// The lines of standard output.
    pub stdout: Vec<String>,
    pub error: Option<ExpectedError>,
    /// Texts that lines of standard error contain, in this order.
    pub trace: Vec<String>,
    pub exit: Option<i32>,
    pub compile_errors: Vec<CompileError>,
    /// Warnings, which must be all that there are if any is expected.
    pub warnings: Vec<CompileError>,
    /// Whether there must be none.
    pub no_warnings: bool,
    pub jit: Vec<JitClaim>,
    pub args: Vec<String>,
    pub flags: Vec<String>,
    pub stdin: String,
    /// Modes the fixture does not run in.
    pub skipped: Vec<String>,
}

/// An uncaught error.
#[derive(Debug)]
pub struct ExpectedError {
    pub message: String,
    /// Where it is thrown; `None` when that is in another file.
    pub line: Option<u32>,
}

#[derive(Debug)]
pub struct CompileError {
    /// `None` when it is reported for another file.
    pub line: Option<u32>,
    pub message: String,
}

/// Reads the directives of a program.
pub fn parse<'a>(source: &str, modes: impl Iterator<Item = &'a str> + Clone) -> Result<Expectations, String> {
    let mut expected = Expectations::default();
    let mut anything = false;
    for (number, text) in (1u32..).zip(source.lines()) {
        let at = |problem: String| format!("line {number}: {problem}");
        if let Some((_, directive)) = text.split_once("// expect") {
            anything = true;
            parse_expectation(directive, number, &mut expected).map_err(at)?;
        } else if let Some(args) = directive(text, "args") {
            expected.args.extend(args.split_whitespace().map(str::to_owned));
        } else if let Some(flags) = directive(text, "flags") {
            expected.flags.extend(flags.split_whitespace().map(str::to_owned));
        } else if let Some(line) = directive(text, "stdin") {
            expected.stdin.push_str(line);
            expected.stdin.push('\n');
        } else if let Some(skip) = text.strip_prefix("// skip ") {
            let (mode, reason) = skip.split_once(':').ok_or_else(|| at("a skip needs a reason".into()))?;
            if reason.trim().is_empty() || !modes.clone().any(|name| name == mode) || mode == "interp" {
                return Err(at(format!("cannot skip '{mode}': unknown mode, the reference mode, or no reason")));
            }
            expected.skipped.push(mode.to_owned());
        } else if text.to_lowercase().contains("//expect") || text.to_lowercase().contains("// expected") {
            return Err(at("this looks like an expectation and is none".into()));
        }
    }
    if !anything {
        return Err("the program expects nothing".into());
    }
    let runs = !expected.stdout.is_empty() || expected.error.is_some() || expected.exit.is_some();
    if !expected.compile_errors.is_empty() && (runs || !expected.jit.is_empty()) {
        return Err("a program that does not compile has no output".into());
    }
    if !runs && !expected.trace.is_empty() {
        return Err("a trace needs an error".into());
    }
    Ok(expected)
}

/// The text after `// word:` of a line that holds nothing else.
fn directive<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix("// ")?.strip_prefix(word)?.strip_prefix(':')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

fn parse_expectation(directive: &str, line: u32, expected: &mut Expectations) -> Result<(), String> {
    let (kind, text) = directive.split_once(':').ok_or("an expectation has a colon")?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    match kind {
        "" => expected.stdout.push(text.to_owned()),
        " escaped" => expected.stdout.push(unescape(text)?),
        " error" | " error elsewhere" => {
            if expected.error.is_some() {
                return Err("only one error can end a program".into());
            }
            let line = (kind == " error").then_some(line);
            expected.error = Some(ExpectedError { message: text.to_owned(), line });
        }
        " trace" => expected.trace.push(text.to_owned()),
        " exit" => expected.exit = Some(text.trim().parse().map_err(|_| format!("'{text}' is no exit status"))?),
        " compile error" | " compile error elsewhere" => {
            let line = (kind == " compile error").then_some(line);
            expected.compile_errors.push(CompileError { line, message: text.to_owned() });
        }
        " warnings" if text == "none" => expected.no_warnings = true,
        " warning" => {
            expected.warnings.push(CompileError { line: Some(line), message: text.to_owned() });
        }
        " jit" => {
            for claim in text.split(',') {
                expected.jit.push(JitClaim::parse(claim, line)?);
            }
        }
        _ => return Err(format!("unknown expectation '// expect{kind}:'")),
    }
    Ok(())
}

/// Escapes of the language, for output that a comment cannot show.
fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        plain.push(match chars.next() {
            Some('t') => '\t',
            Some('r') => '\r',
            Some('0') => '\0',
            Some('s') => ' ',
            Some('\\') => '\\',
            other => return Err(format!("unknown escape {other:?} in an expectation")),
        });
    }
    Ok(plain)
}

/// One assertion about `--jit-stats=json`.
#[derive(Debug, PartialEq)]
pub struct JitClaim {
    scope: JitScope,
    what: JitFact,
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum JitScope {
    Program,
    /// The region of this kind that starts on this line.
    Region {
        kind: RegionKind,
        line: u32,
    },
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum RegionKind {
    Loop,
    Function,
}

#[derive(Debug, PartialEq)]
enum JitFact {
    Number {
        field: &'static str,
        relation: Relation,
        number: u64,
    },
    Verdict(String),
    /// Hot, and interpreted for the reason of this code, or of any.
    Refused(Option<String>),
    Polymorphic,
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Relation {
    Equal,
    AtLeast,
    AtMost,
}

impl JitClaim {
    /// `compiled 1`, `exits <= 3`, `loop compiled`, `loop refused W0105`, `function verdict proven`,
    /// `loop polymorphic`.
    fn parse(text: &str, line: u32) -> Result<JitClaim, String> {
        let mut words = text.split_whitespace().peekable();
        let kind = match words.peek() {
            Some(&"loop") => Some(RegionKind::Loop),
            Some(&"function") => Some(RegionKind::Function),
            _ => None,
        };
        let scope = match kind {
            Some(kind) => {
                words.next();
                JitScope::Region { kind, line }
            }
            None => JitScope::Program,
        };
        let region = kind.is_some();
        let what = match words.next() {
            Some("compiled") if region => number("compiled", &mut words)?,
            Some("compiled") => number("functions_compiled", &mut words)?,
            Some("exits") => number("exits", &mut words)?,
            Some("entered") if region => number("entered", &mut words)?,
            Some("count") if region => number("count", &mut words)?,
            Some("steps") if region => number("steps", &mut words)?,
            Some("refused") if region => JitFact::Refused(words.next().map(str::to_owned)),
            Some("verdict") if region => match words.next() {
                Some(verdict @ ("proven" | "conditional" | "incompatible")) => JitFact::Verdict(verdict.to_owned()),
                other => return Err(format!("unknown verdict {other:?}")),
            },
            Some("polymorphic") if region => JitFact::Polymorphic,
            other => return Err(format!("unknown claim {other:?} in '// expect jit:{text}'")),
        };
        match words.next() {
            Some(extra) => Err(format!("'{extra}' is left over in '// expect jit:{text}'")),
            None => Ok(JitClaim { scope, what }),
        }
    }

    /// Holds the claim against the statistics of one run; `file` is the name of the fixture's file.
    pub fn check(&self, statistics: &Value, file: &str) -> Result<(), String> {
        let subject = match self.scope {
            JitScope::Program => statistics,
            JitScope::Region { kind, line } => find_region(statistics, kind, line, file)
                .ok_or_else(|| format!("the statistics have no {kind:?} on line {line}"))?,
        };
        let holds = match &self.what {
            JitFact::Number { field, relation, number } => {
                let actual = subject[field].as_u64().ok_or_else(|| format!("the statistics lack '{field}'"))?;
                match relation {
                    Relation::Equal => actual == *number,
                    Relation::AtLeast => actual >= *number,
                    Relation::AtMost => actual <= *number,
                }
            }
            JitFact::Verdict(verdict) => subject["verdict"] == verdict.as_str(),
            JitFact::Refused(None) => subject["refused"].is_string(),
            JitFact::Refused(Some(code)) => subject["refused"] == code.as_str(),
            JitFact::Polymorphic => subject["polymorphic"] == true,
        };
        if holds { Ok(()) } else { Err(format!("{self:?} does not hold")) }
    }
}

/// `[=|>=|<=] N`; nothing means at least one.
fn number<'a>(field: &'static str, words: &mut impl Iterator<Item = &'a str>) -> Result<JitFact, String> {
    let (relation, digits) = match words.next() {
        None => return Ok(JitFact::Number { field, relation: Relation::AtLeast, number: 1 }),
        Some(">=") => (Relation::AtLeast, words.next()),
        Some("<=") => (Relation::AtMost, words.next()),
        digits => (Relation::Equal, digits),
    };
    let number = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| format!("'{field}' lacks its number"))?;
    Ok(JitFact::Number { field, relation, number })
}

fn find_region<'a>(statistics: &'a Value, kind: RegionKind, line: u32, file: &str) -> Option<&'a Value> {
    let kind = match kind {
        RegionKind::Loop => "loop",
        RegionKind::Function => "function",
    };
    statistics["regions"].as_array()?.iter().find(|region| {
        region["kind"] == kind
            && region["line"] == line
            && region["file"].as_str().is_some_and(|path| path.rsplit(['/', '\\']).next() == Some(file))
    })
}
