//! Lines: what stands on one, and where one that is too long is broken.
//!
//! A block stays on one line if its author wrote it so, it holds at most one simple statement, and the line is not too
//! long. Brackets stay on one line if what is in them fits, the bodies of functions aside; else each item has its own,
//! with a comma behind the last. A line that is still too long is broken before its loosest `or`, `and` or `+`.

use super::pieces::{Comment, Item, Node, Piece, Statement};
use super::spacing::{Neighbours, ends_operand, is_prefix, is_spaced};
use crate::syntax::lexer::Token;

/// Lines are no longer than so many characters, where they can be broken.
const WIDTH: usize = 100;
const INDENT: usize = 4;

/// More plain items than this fill lines instead of having one each.
const MANY_ITEMS: usize = 8;

/// The text of a file.
pub fn layout(file: &[Statement], tokens: &[Piece]) -> String {
    let mut layout = Layout { tokens, out: String::new(), line_is_over: false };
    layout.statements(file, 0, tokens.len() - 1);
    if !layout.out.is_empty() {
        layout.out.push('\n');
    }
    layout.out
}

struct Layout<'a> {
    tokens: &'a [Piece<'a>],
    out: String,
    /// The last line ends with a comment that nothing can stand behind.
    line_is_over: bool,
}

fn first_token(nodes: &[Node]) -> Option<usize> {
    nodes.first().map(|node| match node {
        Node::Token(index) | Node::Group { open: index, .. } | Node::Block { open: index, .. } => *index,
    })
}

fn width(text: &str) -> usize {
    text.chars().count()
}

impl Layout<'_> {
    fn token(&self, index: usize) -> Token {
        self.tokens[index].token
    }

    /// How much of the last line is written.
    fn column(&self) -> usize {
        width(&self.out[self.out.rfind('\n').map_or(0, |offset| offset + 1)..])
    }

    fn line(&mut self, indent: usize) {
        self.line_is_over = false;
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// An empty line, unless a block or the file has just begun.
    fn gap(&mut self, wanted: bool, is_first: bool) {
        if wanted && !is_first && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Statements, each on its own line, and the comments around them up to the token `end`.
    fn statements(&mut self, statements: &[Statement], indent: usize, end: usize) {
        let mut is_first = true;
        for statement in statements {
            let Some(first) = first_token(&statement.nodes) else { continue };
            is_first &= !self.comments(first, indent, is_first);
            self.gap(self.tokens[first].gap, is_first);
            self.line(indent);
            is_first = false;
            self.statement(statement, indent);
        }
        self.comments(end, indent, is_first);
    }

    /// The comments before the first token of a line. Says whether any stands on a line of its own.
    fn comments(&mut self, index: usize, indent: usize, is_first: bool) -> bool {
        let mut is_first = is_first;
        let mut any = false;
        for comment in &self.tokens[index].before {
            if comment.own_line || self.line_is_over {
                self.gap(comment.gap, is_first);
                self.line(indent);
                is_first = false;
                any = true;
            } else {
                self.out.push(' ');
            }
            self.out.push_str(&comment.text);
            self.line_is_over = comment.ends_line();
        }
        any
    }

    fn statement(&mut self, statement: &Statement, indent: usize) {
        match self.flat(&statement.nodes, true) {
            Some(text) if self.column() + width(&text) <= WIDTH => self.out.push_str(&text),
            _ if statement.has_blocks => self.nodes(&statement.nodes, indent, 0, true),
            _ => self.broken(&statement.nodes, indent, 0),
        }
    }

    /// Nodes that do not fit on one line: broken before operators, if there are any outside brackets.
    fn broken(&mut self, nodes: &[Node], indent: usize, tail: usize) {
        let has_block = nodes.iter().any(|node| matches!(node, Node::Block { .. }));
        let tokens = self.tokens;
        let is = |node: &Node, operator: Token| matches!(node, Node::Token(index) if tokens[*index].token == operator);
        let operator = [Token::Or, Token::And, Token::Plus]
            .into_iter()
            .find(|&operator| nodes.iter().skip(1).any(|node| is(node, operator)));
        let Some(operator) = operator.filter(|_| !has_block) else { return self.nodes(nodes, indent, tail, false) };
        let mut start = 0;
        for end in 1..=nodes.len() {
            if end < nodes.len() && !is(&nodes[end], operator) {
                continue;
            }
            let part = &nodes[start..end];
            let mut indent = indent;
            if let (true, Some(first)) = (start > 0, first_token(part)) {
                indent += INDENT;
                self.comments(first, indent, false);
                self.line(indent);
            }
            let tail = if end == nodes.len() { tail } else { 0 };
            match self.flat(part, true) {
                Some(text) if self.column() + width(&text) + tail <= WIDTH => self.out.push_str(&text),
                _ => self.broken(part, indent, tail),
            }
            start = end;
        }
    }

    /// Nodes one after another. `tail` is how much follows them on their last line; `opens` says that their blocks are
    /// those of statements.
    fn nodes(&mut self, nodes: &[Node], indent: usize, tail: usize, opens: bool) {
        for (position, node) in nodes.iter().enumerate() {
            let rest = self.up_to_bracket(&nodes[position + 1..], tail);
            let is_first = position == 0;
            match node {
                Node::Token(index) => self.write(*index, indent, is_first),
                Node::Group { open, items, close } => self.group((*open, items, *close), indent, rest, is_first),
                Node::Block { open, body, close } => {
                    let flat = if opens { None } else { self.flat(std::slice::from_ref(node), is_first) };
                    match flat {
                        Some(text) if self.column() + width(&text) + rest <= WIDTH => self.out.push_str(&text),
                        _ => {
                            self.write(*open, indent, is_first);
                            self.block(body, *close, indent);
                        }
                    }
                }
            }
        }
    }

    /// How wide what follows is, up to the next place where a line can end.
    fn up_to_bracket(&self, nodes: &[Node], tail: usize) -> usize {
        let mut sum = 0;
        for node in nodes {
            match node {
                Node::Token(index) => {
                    let is_operator = matches!(self.token(*index), Token::Or | Token::And | Token::Plus);
                    if is_operator {
                        return sum;
                    }
                    sum += usize::from(self.is_spaced(*index)) + width(self.tokens[*index].text);
                }
                Node::Group { .. } => return sum + 1,
                Node::Block { .. } => return sum + 2,
            }
        }
        sum + tail
    }

    /// A token with the blank and the comments before it. Those of the first token of a line are written already.
    fn write(&mut self, index: usize, indent: usize, is_first: bool) {
        let mut fresh = is_first;
        if !is_first {
            for comment in &self.tokens[index].before {
                if comment.own_line {
                    self.line(indent + INDENT);
                } else if !fresh {
                    self.out.push(' ');
                }
                self.out.push_str(&comment.text);
                fresh = comment.ends_line();
                if fresh {
                    self.line(indent + INDENT);
                }
            }
        }
        if !fresh && (self.is_spaced(index) || !self.tokens[index].before.is_empty()) {
            self.out.push(' ');
        }
        self.out.push_str(self.tokens[index].text);
    }

    /// What follows the `{` of a block that has lines of its own.
    fn block(&mut self, body: &[Statement], close: usize, indent: usize) {
        if body.is_empty() && self.tokens[close].before.is_empty() {
            self.out.push_str(" }");
            return;
        }
        self.statements(body, indent + INDENT, close);
        self.line(indent);
        self.out.push('}');
    }

    fn group(&mut self, group: (usize, &[Item], usize), indent: usize, rest: usize, is_first: bool) {
        let (open, items, close) = group;
        self.write(open, indent, is_first);
        let room = |layout: &Self, text: &str| layout.column() + width(text) + rest <= WIDTH;
        if let Some(text) = self.flat_items(open, items, close)
            && room(self, &text)
        {
            self.out.push_str(&text);
            return;
        }
        if self.head_around_body(items, close).is_some_and(|head| self.column() + head <= WIDTH) {
            self.around_body(group, indent);
            return;
        }
        let free = |index: usize| self.tokens[index].before.is_empty();
        let plain = |item: &Item| match item.nodes[..] {
            [Node::Token(index)] => free(index) && item.comma.is_none_or(free),
            _ => false,
        };
        let fills = self.token(open) == Token::LBracket && items.len() > MANY_ITEMS && items.iter().all(plain);
        for (index, item) in items.iter().enumerate() {
            let last = index + 1 == items.len();
            if let Some(first) = first_token(&item.nodes) {
                let next = width(self.tokens[first].text) + 2;
                if fills && index > 0 && self.column() + next <= WIDTH {
                    self.out.push(' ');
                } else {
                    self.comments(first, indent + INDENT, index == 0);
                    self.gap(self.tokens[first].gap && !fills, index == 0);
                    self.line(indent + INDENT);
                }
            }
            match self.flat(&item.nodes, true) {
                Some(text) if self.column() + width(&text) < WIDTH => self.out.push_str(&text),
                _ => self.broken(&item.nodes, indent + INDENT, 1),
            }
            if !last || self.takes_last_comma(open, items) {
                self.out.push(',');
            }
            if let Some(comma) = item.comma {
                self.comments(comma, indent + INDENT, false);
            }
        }
        self.comments(close, indent + INDENT, items.is_empty());
        self.line(indent);
        self.out.push_str(self.tokens[close].text);
    }

    /// How wide the items are up to the `{` of a function's body that ends the last of them; `None` if the brackets
    /// cannot stay where they are around it.
    fn head_around_body(&self, items: &[Item], close: usize) -> Option<usize> {
        let (last, others) = items.split_last()?;
        let Some((Node::Block { .. }, head)) = last.nodes.split_last() else { return None };
        let free = |index: usize| self.tokens[index].before.is_empty();
        let begins_free = |item: &Item| first_token(&item.nodes).is_none_or(free);
        if !free(close) || !items.iter().all(begins_free) || !items.iter().filter_map(|item| item.comma).all(free) {
            return None;
        }
        // A blank and the brace behind the last.
        let mut sum = width(&self.flat(head, true)?) + 2;
        for item in others {
            sum += width(&self.flat(&item.nodes, true)?) + 2;
        }
        Some(sum)
    }

    fn around_body(&mut self, (open, items, close): (usize, &[Item], usize), indent: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.nodes(&item.nodes, indent, 1, false);
        }
        if self.keeps_last_comma(open, items) {
            self.out.push(',');
        }
        self.out.push_str(self.tokens[close].text);
    }

    /// The nodes on one line; `None` if a comment or a block needs more. Blanks and comments before the first token are
    /// left out if `is_first`.
    fn flat(&self, nodes: &[Node], is_first: bool) -> Option<String> {
        let mut out = String::new();
        for (position, node) in nodes.iter().enumerate() {
            let is_first = is_first && position == 0;
            match node {
                Node::Token(index) => self.flat_token(&mut out, *index, is_first)?,
                Node::Group { open, items, close } => {
                    self.flat_token(&mut out, *open, is_first)?;
                    out.push_str(&self.flat_items(*open, items, *close)?);
                }
                Node::Block { open, body, close } => {
                    self.flat_token(&mut out, *open, is_first)?;
                    match &body[..] {
                        [] if self.tokens[*close].before.is_empty() => {}
                        [only] if !only.has_blocks => {
                            let first = first_token(&only.nodes)?;
                            let begins_line = (first..=*close).any(|index| self.tokens[index].begins_line);
                            if begins_line || !self.tokens[first].before.is_empty() {
                                return None;
                            }
                            out.push(' ');
                            out.push_str(&self.flat(&only.nodes, true)?);
                        }
                        _ => return None,
                    }
                    self.tokens[*close].before.is_empty().then_some(())?;
                    out.push_str(" }");
                }
            }
        }
        Some(out)
    }

    fn flat_token(&self, out: &mut String, index: usize, is_first: bool) -> Option<()> {
        let piece = &self.tokens[index];
        if !is_first {
            for comment in &piece.before {
                self.flat_comment(out, comment)?;
            }
            if self.is_spaced(index) || !piece.before.is_empty() {
                out.push(' ');
            }
        }
        out.push_str(piece.text);
        Some(())
    }

    fn flat_comment(&self, out: &mut String, comment: &Comment) -> Option<()> {
        (!comment.ends_line() && !comment.own_line && !comment.text.contains('\n')).then_some(())?;
        out.push(' ');
        out.push_str(&comment.text);
        Some(())
    }

    /// What follows the opening bracket, up to the closing one.
    fn flat_items(&self, open: usize, items: &[Item], close: usize) -> Option<String> {
        let mut out = String::new();
        let free = |index: usize| self.tokens[index].before.is_empty();
        for (index, item) in items.iter().enumerate() {
            let first = first_token(&item.nodes);
            first.is_none_or(free).then_some(())?;
            out.push_str(&self.flat(&item.nodes, true)?);
            for comment in item.comma.iter().flat_map(|&comma| &self.tokens[comma].before) {
                self.flat_comment(&mut out, comment)?;
            }
            if index + 1 < items.len() {
                out.push_str(", ");
            }
        }
        if self.keeps_last_comma(open, items) {
            out.push(',');
        }
        for comment in &self.tokens[close].before {
            self.flat_comment(&mut out, comment)?;
        }
        out.push_str(self.tokens[close].text);
        Some(out)
    }

    /// The brackets of a call or an index, not those of a value.
    fn follows_operand(&self, open: usize) -> bool {
        open > 0 && ends_operand(self.token(open - 1))
    }

    /// The comma that makes a tuple of one.
    fn keeps_last_comma(&self, open: usize, items: &[Item]) -> bool {
        let is_value = self.token(open) == Token::LParen && !self.follows_operand(open);
        is_value && items.len() == 1 && items[0].comma.is_some()
    }

    /// Whether a comma may stand behind the last of the items, each on its line.
    fn takes_last_comma(&self, open: usize, items: &[Item]) -> bool {
        match (self.token(open), self.follows_operand(open)) {
            (Token::LParen, false) => items.len() > 1 || self.keeps_last_comma(open, items),
            (Token::LBracket, true) => false,
            _ => true,
        }
    }

    /// Whether a blank stands before a token that does not begin a line.
    fn is_spaced(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return false };
        let ends_before = |index: usize| index > 0 && ends_operand(self.token(index - 1));
        let (left, right) = (self.token(before), self.token(index));
        let names_function = before > 0 && self.token(before - 1) == Token::Fn;
        is_spaced(&Neighbours {
            left,
            right,
            left_is_prefix: is_prefix(left) && !ends_before(before),
            right_is_pair_colon: right == Token::Colon && ends_operand(left) && !names_function,
        })
    }
}
