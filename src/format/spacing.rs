//! Blanks between two tokens of one line.

use crate::syntax::lexer::Token;

/// What is known of two neighbours.
pub struct Neighbours {
    pub left: Token,
    pub right: Token,
    /// `left` is an operator before its operand, such as the minus of `-x`.
    pub left_is_prefix: bool,
    /// `right` is the colon between a key and its value.
    pub right_is_pair_colon: bool,
}

/// Whether a blank stands between them.
pub fn is_spaced(neighbours: &Neighbours) -> bool {
    use Token::*;
    let &Neighbours { left, right, left_is_prefix, right_is_pair_colon } = neighbours;
    if left_is_prefix || right_is_pair_colon {
        return false;
    }
    match (left, right) {
        (LParen | LBracket | LDict | Dot | At, _) => false,
        (_, RParen | RBracket | Comma | Semicolon) => false,
        // `1 .x` would read otherwise without its blank.
        (Int(_) | Float(_), Dot) => true,
        (_, Dot) => false,
        // The brace of a block has blanks inside, that of a dict has none; here only those of dicts are left.
        (_, RBrace) => false,
        (_, DotDot) if ends_operand(left) => false,
        (DotDot, _) => false,
        (Print | Println, LParen) => false,
        (_, LParen | LBracket) if ends_operand(left) => false,
        _ => true,
    }
}

/// Whether a token can be an operator before its operand, where no operand ends before it.
pub fn is_prefix(token: Token) -> bool {
    matches!(token, Token::Minus | Token::Tilde)
}

/// As [`Token::ends_operand`]; a format string is one token here.
pub fn ends_operand(token: Token) -> bool {
    token.ends_operand() || token == Token::FStringStart
}
