//! The one style over random programs: what is formatted has the same tree and comments, and formatting it again
//! changes nothing. `walrus::format` makes sure of that itself, so a text it refuses is a failure here.
//!
//! Each program is formatted as it was generated, on as few lines as it can be, and with comments and line breaks
//! between its tokens. `WALRUS_GENERATED=10000 cargo test --test format` takes that many programs instead of the usual
//! few hundred.
#![cfg(feature = "compile")]

use random_programs::program;
use walrus::format::{FormatError, format};
use walrus::source::FileId;
use walrus::syntax::Interner;
use walrus::syntax::lexer::{Token, lex};

#[path = "support/random_programs/mod.rs"]
mod random_programs;

#[test]
fn random_programs_mean_the_same_when_formatted() {
    let count = std::env::var("WALRUS_GENERATED").ok().and_then(|count| count.parse().ok()).unwrap_or(300u64);
    for seed in 1..=count {
        let text = program(seed);
        check(seed, &text);
        check(seed, &rewritten(&text, || " "));
        let fillers = [" ", "\n", " /* c */ ", " // c\n", "\n\n\n", "\n// own\n", "\t"];
        let mut state = seed;
        let commented = rewritten(&text, || {
            // A linear congruence is random enough to vary where comments stand.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            fillers[(state >> 33) as usize % fillers.len()]
        });
        check(seed, &commented);
    }
}

#[track_caller]
fn check(seed: u64, text: &str) {
    match format("t.walrus", text) {
        Ok(_) => {}
        Err(FormatError::Broken(why)) => panic!("seed {seed}: {why}\n{text}"),
        Err(FormatError::Errors(_)) => panic!("seed {seed}: errors in\n{text}"),
    }
}

/// The text with something else between its tokens. Format strings stay as they are.
fn rewritten(text: &str, mut between: impl FnMut() -> &'static str) -> String {
    let lexemes = lex(text, FileId(0), &mut Interner::default()).lexemes;
    let mut out = String::new();
    let mut depth = 0;
    for (index, lexeme) in lexemes.iter().enumerate() {
        match lexeme.token {
            Token::FStringStart => depth += 1,
            Token::FStringEnd => depth -= 1,
            _ => {}
        }
        out.push_str(&text[lexeme.lo as usize..lexeme.hi as usize]);
        let next = lexemes.get(index + 1).map_or(text.len(), |next| next.lo as usize);
        if depth == 0 && index + 1 < lexemes.len() {
            out.push_str(between());
        } else {
            out.push_str(&text[lexeme.hi as usize..next]);
        }
    }
    out
}
