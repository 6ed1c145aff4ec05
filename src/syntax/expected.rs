//! The words of syntax errors: what was expected, and what stands there instead.

use super::lexer::Token;

/// What the parser would have accepted, by the names of the grammar's terminals.
pub(super) struct Expected(Vec<String>);

impl Expected {
    /// LALRPOP gives names as they are written in the grammar, quotes included.
    pub fn new(names: Vec<String>) -> Self {
        Expected(names.into_iter().map(|name| name.trim_matches('"').to_string()).collect())
    }

    pub fn has(&self, terminal: &str) -> bool {
        self.0.iter().any(|name| name == terminal)
    }

    pub fn expression(&self) -> bool {
        self.has("int") && self.has("(")
    }

    pub fn statement(&self) -> bool {
        self.has("let")
    }

    /// The expectation in words: "an expression", "`,` or `)`".
    pub fn words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.statement() {
            parts.push("a statement".into());
        } else if self.has("fn") && self.has("}") {
            parts.push("a method".into());
        } else if self.expression() {
            parts.push("an expression".into());
        } else if self.has("identifier") {
            parts.push("a name".into());
        }
        let after_operand = self.has("+") && !self.expression();
        if after_operand || parts.is_empty() {
            for terminal in ["=", ",", ":", "in", ")", "]", "}", ";", "catch", "if"] {
                // Almost any expression statement could go on as an assignment, and what is assigned as a list; saying
                // so helps nobody.
                let is_remote = match terminal {
                    "=" => after_operand,
                    "in" => after_operand,
                    "," => self.has(";") || self.has("="),
                    _ => false,
                };
                if self.has(terminal) && !is_remote {
                    parts.push(format!("`{terminal}`"));
                }
            }
            if self.has("{") {
                parts.push("`{`".into());
            }
            if self.has("hole end") {
                parts.push("`}`".into());
            }
            if self.has("string") && !self.expression() {
                parts.push("a string".into());
            }
        } else {
            let closers = if self.statement() || self.has("fn") { &[][..] } else { &[")", "]", "}"] };
            parts.extend(closers.iter().filter(|closer| self.has(closer)).map(|closer| format!("`{closer}`")));
            if self.has("{") && !self.statement() {
                parts.push("`{`".into());
            }
        }
        if parts.is_empty() {
            parts.extend(self.0.iter().take(4).map(|name| format!("`{name}`")));
        }
        match parts.split_last() {
            None => "something else".into(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

/// A token as a message names it; `text` is how it is written.
pub(super) fn found(token: Option<Token>, text: &str) -> String {
    match token {
        None => "the end of the file".into(),
        Some(Token::Str(_)) => "a string".into(),
        Some(Token::FStringStart | Token::FStringEnd | Token::StrPart(_)) => "a format string".into(),
        Some(Token::HoleFormat(_)) => "a format".into(),
        Some(Token::HoleEnd) => "the end of the hole".into(),
        Some(Token::ErrorExpr | Token::ErrorStmt) => "this".into(),
        Some(_) => format!("`{}`", super::lexer::clip(text)),
    }
}

/// Modules that are likely to be meant where their name is not known.
pub const STANDARD_MODULES: [&str; 12] =
    ["async", "fs", "http", "io", "json", "math", "net", "path", "process", "regex", "sys", "time"];

/// Words that other languages use where Walrus has another: the word, the token it stands for, and what to write.
pub(super) fn foreign_keyword(word: &str) -> Option<(Token, &'static str)> {
    Some(match word {
        "function" | "def" | "func" | "fun" | "proc" | "sub" => (Token::Fn, "fn"),
        "var" | "const" | "local" | "auto" | "val" => (Token::Let, "let"),
        "class" | "record" => (Token::Struct, "struct"),
        "elif" | "elsif" | "elseif" => (Token::Else, "else if"),
        "loop" => (Token::While, "while true"),
        "until" => (Token::While, "while"),
        "foreach" => (Token::For, "for"),
        "raise" => (Token::Throw, "throw"),
        "except" | "rescue" => (Token::Catch, "catch"),
        "echo" | "puts" => (Token::Println, "println"),
        "require" | "include" | "use" => (Token::Import, "import"),
        _ => return None,
    })
}

/// A word that begins a statement, with one letter wrong, missing, too many, or swapped with its neighbour.
pub(super) fn misspelt_keyword(word: &str) -> Option<(Token, &'static str)> {
    const WORDS: [(&str, Token); 9] = [
        ("while", Token::While),
        ("for", Token::For),
        ("return", Token::Return),
        ("struct", Token::Struct),
        ("import", Token::Import),
        ("println", Token::Println),
        ("print", Token::Print),
        ("throw", Token::Throw),
        ("let", Token::Let),
    ];
    let found = WORDS.iter().find(|(keyword, _)| one_edit_apart(word.as_bytes(), keyword.as_bytes()));
    found.map(|&(keyword, token)| (token, keyword))
}

fn one_edit_apart(a: &[u8], b: &[u8]) -> bool {
    if a.len() > b.len() {
        return one_edit_apart(b, a);
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match b.len() - a.len() {
        0 => {
            let swapped = a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
            !a.is_empty() && (a[1..] == b[1..] || swapped)
        }
        1 => *a == b[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_told_from_other_words() {
        for word in ["whle", "whiel", "whille", "wjile", "retrun", "prin", "pritn"] {
            assert!(misspelt_keyword(word).is_some(), "{word}");
        }
        for word in ["x", "whale1", "list", "returned", "structs_"] {
            assert!(misspelt_keyword(word).is_none(), "{word}");
        }
    }
}
