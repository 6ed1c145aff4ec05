//! Tokens with their comments, and their grouping by brackets, blocks and statements.

use crate::source::FileId;
use crate::syntax::Interner;
use crate::syntax::lexer::{Lexeme, Token, comment_len, lex};

/// A token as it is written, and what stands before it.
pub struct Piece<'a> {
    pub token: Token,
    /// A format string is one token, from its first quote to its last.
    pub text: &'a str,
    pub before: Vec<Comment>,
    /// An empty line stands before the token or its first comment.
    pub gap: bool,
    /// The token begins a line.
    pub begins_line: bool,
}

/// A comment between tokens.
pub struct Comment {
    pub text: String,
    /// It begins a line; otherwise it stands behind the token before it.
    pub own_line: bool,
    /// An empty line stands before it.
    pub gap: bool,
}

impl Comment {
    /// Nothing can stand behind it on its line.
    pub fn ends_line(&self) -> bool {
        !self.text.starts_with("/*")
    }
}

/// A stretch of tokens, grouped.
pub enum Node {
    Token(usize),
    /// Something in brackets; each item is what stands between two commas.
    Group {
        open: usize,
        items: Vec<Item>,
        close: usize,
    },
    /// The braces of a function's body or of one side of a choice inside an expression.
    Block {
        open: usize,
        body: Vec<Statement>,
        close: usize,
    },
}

pub struct Item {
    pub nodes: Vec<Node>,
    pub comma: Option<usize>,
}

/// A statement; what belongs to it ends with its `;` or its last block.
pub struct Statement {
    pub nodes: Vec<Node>,
    /// Its blocks are statements' blocks, not those of functions inside an expression.
    pub has_blocks: bool,
}

/// The tokens of a text, the last one an empty one that carries the comments at the end.
pub fn tokens<'a>(text: &'a str, file: FileId, interner: &mut Interner) -> Vec<Piece<'a>> {
    let lexemes = lex(text, file, interner).lexemes;
    let mut pieces: Vec<Piece> = Vec::with_capacity(lexemes.len() + 1);
    let mut end = 0;
    let mut index = 0;
    while index < lexemes.len() {
        let last = end_of_format_string(&lexemes, index);
        let (lo, hi) = (lexemes[index].lo as usize, lexemes[last].hi as usize);
        pieces.push(piece(lexemes[index].token, text, end, lo, hi));
        end = hi;
        index = last + 1;
    }
    pieces.push(piece(Token::ErrorStmt, text, end, text.len(), text.len()));
    pieces
}

/// The last token of the format string that begins here; the token itself, if none does.
fn end_of_format_string(lexemes: &[Lexeme], index: usize) -> usize {
    let mut depth = 0;
    for (offset, lexeme) in lexemes[index..].iter().enumerate() {
        match lexeme.token {
            Token::FStringStart => depth += 1,
            Token::FStringEnd => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + offset;
        }
    }
    index
}

fn piece(token: Token, text: &str, from: usize, lo: usize, hi: usize) -> Piece<'_> {
    let mut before = Vec::new();
    let mut rest = text[from..lo].trim_start_matches('\u{FEFF}');
    // The start of a file begins a line.
    let mut lines = usize::from(from == 0);
    let mut gap = false;
    loop {
        let blank = rest.len() - rest.trim_start().len();
        lines += rest[..blank].matches('\n').count();
        rest = &rest[blank..];
        let empty_line = lines > 1 && (from > 0 || !before.is_empty());
        if before.is_empty() {
            gap = empty_line;
        }
        if rest.is_empty() {
            let begins_line = lines > 0;
            // An empty line between the last comment and the token.
            let gap = if before.is_empty() { gap } else { empty_line };
            return Piece { token, text: &text[lo..hi], before, gap, begins_line };
        }
        let len = comment_len(rest);
        let text = rest[..len].trim_end().replace("\r\n", "\n");
        before.push(Comment { text, own_line: lines > 0, gap: empty_line });
        rest = &rest[len..];
        lines = 0;
    }
}

/// The statements of a file.
pub fn pieces(tokens: &[Piece]) -> Vec<Statement> {
    let mut reader = Reader { tokens, position: 0 };
    reader.statements()
}

struct Reader<'a> {
    tokens: &'a [Piece<'a>],
    position: usize,
}

impl Reader<'_> {
    fn token(&self) -> Option<Token> {
        // The last one stands for the end.
        (self.position + 1 < self.tokens.len()).then(|| self.tokens[self.position].token)
    }

    fn take(&mut self) -> usize {
        self.position += 1;
        self.position - 1
    }

    /// Up to the `}` around them, or the end.
    fn statements(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        while let Some(token) = self.token() {
            if token == Token::RBrace {
                break;
            }
            // An empty statement that says nothing is left out.
            if token == Token::Semicolon && self.tokens[self.position].before.is_empty() {
                self.position += 1;
                continue;
            }
            statements.push(self.statement());
        }
        statements
    }

    fn statement(&mut self) -> Statement {
        let mut nodes = Vec::new();
        let blocks = match self.token() {
            Some(Token::LBrace | Token::If | Token::While | Token::For | Token::Try | Token::Fn | Token::Struct) => {
                true
            }
            Some(Token::Async) => self.tokens[self.position + 1].token == Token::Fn,
            _ => false,
        };
        if !blocks {
            self.expression(&mut nodes, |token| matches!(token, Token::Semicolon | Token::RBrace));
            if self.token() == Some(Token::Semicolon) {
                nodes.push(Node::Token(self.take()));
            }
            // Only a text with errors has a token here that begins nothing; it must not hold up the reader.
            if nodes.is_empty() {
                nodes.push(Node::Token(self.take()));
            }
            return Statement { nodes, has_blocks: false };
        }
        loop {
            // The head of a function has a colon that begins no function.
            if matches!(self.token(), Some(Token::Async)) {
                nodes.push(Node::Token(self.take()));
            }
            if self.token() == Some(Token::Fn) {
                for _ in 0..3 {
                    if self.token().is_some() {
                        nodes.push(Node::Token(self.take()));
                    }
                }
            } else if matches!(self.token(), Some(Token::If)) {
                nodes.push(Node::Token(self.take()));
            }
            self.expression(&mut nodes, |token| matches!(token, Token::LBrace | Token::RBrace | Token::Semicolon));
            if self.token() != Some(Token::LBrace) {
                break;
            }
            nodes.push(self.block());
            match self.token() {
                Some(Token::Else | Token::Catch) => nodes.push(Node::Token(self.take())),
                _ => break,
            }
        }
        Statement { nodes, has_blocks: true }
    }

    fn block(&mut self) -> Node {
        let open = self.take();
        let body = self.statements();
        Node::Block { open, body, close: self.close(open) }
    }

    /// The closing bracket. Only a text with errors lacks it, and that is not formatted.
    fn close(&mut self, open: usize) -> usize {
        if self.token().is_some() { self.take() } else { open }
    }

    /// Nodes up to a token outside brackets that ends them.
    fn expression(&mut self, nodes: &mut Vec<Node>, ends: fn(Token) -> bool) {
        // How many bodies are due, of functions and choices that have begun.
        let mut bodies = 0;
        while let Some(token) = self.token() {
            match token {
                Token::LBrace if bodies > 0 => {
                    bodies -= 1;
                    nodes.push(self.block());
                    if self.token() == Some(Token::Else) {
                        nodes.push(Node::Token(self.take()));
                        // `else if` begins a choice by itself.
                        bodies += usize::from(self.token() == Some(Token::LBrace));
                    }
                    continue;
                }
                _ if ends(token) && bodies == 0 => return,
                Token::RBrace | Token::Semicolon | Token::RParen | Token::RBracket => return,
                Token::LParen | Token::LBracket | Token::LDict => {
                    nodes.push(self.group());
                    continue;
                }
                // Whichever token a conditional expression begins with, it is written so.
                _ if self.tokens[self.position].text == "if" => bodies += 1,
                Token::Colon if !self.ends_operand_before() => bodies += 1,
                _ => {}
            }
            nodes.push(Node::Token(self.take()));
        }
    }

    /// Whether the token before can end an operand, so that a colon here belongs to a pair.
    fn ends_operand_before(&self) -> bool {
        let before = self.position.checked_sub(1).map(|index| self.tokens[index].token);
        before.is_some_and(|token| token.ends_operand() || token == Token::FStringStart)
    }

    fn group(&mut self) -> Node {
        let open = self.take();
        let mut items = Vec::new();
        while let Some(token) = self.token() {
            if matches!(token, Token::RParen | Token::RBracket | Token::RBrace) {
                break;
            }
            let mut nodes = Vec::new();
            // The commas between parameters of a function do not end its item: its body is due.
            self.expression(&mut nodes, |token| token == Token::Comma);
            let comma = (self.token() == Some(Token::Comma)).then(|| self.take());
            let stuck = nodes.is_empty() && comma.is_none();
            items.push(Item { nodes, comma });
            if stuck {
                break;
            }
        }
        Node::Group { open, items, close: self.close(open) }
    }
}
