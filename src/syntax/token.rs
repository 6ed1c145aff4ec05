//! Tokens, as the lexer makes them and parser, printer and formatter take them; and which words are keywords.

use super::ast::Symbol;
use crate::source::Diagnostic;

/// A token without its place. Numbers and decoded texts are indices into [`Tokens::numbers`] and the interner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token {
    Ident(Symbol),
    Int(u32),
    Float(u32),
    Str(Symbol),
    StrPart(Symbol),
    FStringStart,
    FStringEnd,
    HoleStart,
    /// The format in a hole, behind its `:`.
    HoleFormat(Symbol),
    HoleEnd,
    Let,
    Fn,
    Async,
    Await,
    Struct,
    /// `if` that begins a statement.
    If,
    /// `if` that begins a conditional expression.
    IfExpr,
    Else,
    While,
    For,
    In,
    Break,
    Continue,
    Return,
    Import,
    As,
    Print,
    Println,
    Throw,
    Try,
    Catch,
    And,
    Or,
    Not,
    True,
    False,
    Void,
    LParen,
    RParen,
    LBracket,
    RBracket,
    /// `{` of a block or struct body.
    LBrace,
    /// `{` of a dict.
    LDict,
    RBrace,
    Comma,
    Semicolon,
    Colon,
    Dot,
    DotDot,
    At,
    Assign,
    AddAssign,
    SubAssign,
    MulAssign,
    DivAssign,
    ModAssign,
    PowAssign,
    BitAndAssign,
    BitOrAssign,
    BitXorAssign,
    ShlAssign,
    ShrAssign,
    AndAssign,
    OrAssign,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    StarStar,
    Amp,
    Pipe,
    Caret,
    Tilde,
    Shl,
    Shr,
    /// Stands for an expression that could not be read; an error was reported.
    ErrorExpr,
    /// Stands for a statement that could not be read; an error was reported.
    ErrorStmt,
}

/// The keywords and their tokens, in the order of the first symbols of every [`Interner`](super::Interner).
pub const KEYWORDS: [(&str, Token); 26] = [
    ("let", Token::Let),
    ("fn", Token::Fn),
    ("async", Token::Async),
    ("await", Token::Await),
    ("struct", Token::Struct),
    ("if", Token::If),
    ("else", Token::Else),
    ("while", Token::While),
    ("for", Token::For),
    ("in", Token::In),
    ("break", Token::Break),
    ("continue", Token::Continue),
    ("return", Token::Return),
    ("import", Token::Import),
    ("as", Token::As),
    ("print", Token::Print),
    ("println", Token::Println),
    ("throw", Token::Throw),
    ("try", Token::Try),
    ("catch", Token::Catch),
    ("and", Token::And),
    ("or", Token::Or),
    ("not", Token::Not),
    ("true", Token::True),
    ("false", Token::False),
    ("void", Token::Void),
];

impl Token {
    /// Whether an expression can end with this token.
    pub fn ends_operand(self) -> bool {
        use Token::*;
        matches!(
            self,
            Ident(_)
                | Int(_)
                | Float(_)
                | Str(_)
                | FStringEnd
                | True
                | False
                | Void
                | RParen
                | RBracket
                | RBrace
                | ErrorExpr
        )
    }

    /// Whether an operand is due after this token and a statement cannot begin, so that `{` opens a dict. The colon
    /// depends on more (see `Lexer::colon_wants_value`).
    pub(super) fn wants_operand(self) -> bool {
        use Token::*;
        matches!(
            self,
            HoleStart
                | Await
                | If
                | IfExpr
                | While
                | In
                | Return
                | Print
                | Println
                | Throw
                | And
                | Or
                | Not
                | LParen
                | LBracket
                | LDict
                | Comma
                | DotDot
                | Assign
                | AddAssign
                | SubAssign
                | MulAssign
                | DivAssign
                | ModAssign
                | PowAssign
                | BitAndAssign
                | BitOrAssign
                | BitXorAssign
                | ShlAssign
                | ShrAssign
                | AndAssign
                | OrAssign
                | Eq
                | Ne
                | Lt
                | Le
                | Gt
                | Ge
                | Plus
                | Minus
                | Star
                | Slash
                | Percent
                | StarStar
                | Amp
                | Pipe
                | Caret
                | Tilde
                | Shl
                | Shr
        )
    }
}

/// A token and the bytes it covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lexeme {
    pub token: Token,
    pub lo: u32,
    pub hi: u32,
}

/// The tokens of one file.
#[derive(Debug, Default)]
pub struct Tokens {
    pub lexemes: Vec<Lexeme>,
    /// The magnitudes of integer literals, and the bits of float literals.
    pub numbers: Vec<u64>,
    /// Byte offsets of the `// @jit` comments.
    pub jit_marks: Vec<u32>,
    /// Where comments start and end that begin with `@jit`, be they such marks or mistakes.
    pub jit_comments: Vec<(u32, u32)>,
    pub diagnostics: Vec<Diagnostic>,
    /// The lexer stopped before the end of the text and said why, so that a missing `}` at the end is no news.
    pub truncated: bool,
}
