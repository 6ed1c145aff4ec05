//! The one style of Walrus source.
//!
//! Works on tokens with the comments between them. `pieces` groups tokens by brackets and statements, without knowing
//! more of the grammar than where a statement ends, so that new forms of expressions need a rule only where they want
//! one; `layout` decides on lines, `spacing` on blanks.
//!
//! Invariants, checked for each text before anything is given out: the formatted text has the same tree and the same
//! comments; formatting it again changes nothing. What has errors is not formatted.

mod layout;
mod pieces;
mod spacing;

use crate::source::{Diagnostics, FileId, SourceMap};
use crate::syntax::print::print;
use crate::syntax::{Interner, parse};

/// Why a text is left alone.
#[derive(Debug)]
pub enum FormatError {
    /// It is no program. The map holds the text, for rendering what is wrong.
    Errors(Box<(SourceMap, Diagnostics)>),
    /// The formatter is at fault: this would not hold for its result.
    Broken(&'static str),
}

/// The text in the one style. `name` is for messages.
pub fn format(name: &str, text: &str) -> Result<String, FormatError> {
    let (tree, comments, formatted) = once(name, text)?;
    let (same_tree, same_comments, again) =
        once(name, &formatted).map_err(|_| FormatError::Broken("it could still be parsed"))?;
    if tree != same_tree {
        return Err(FormatError::Broken("it would still mean the same"));
    }
    if comments != same_comments {
        return Err(FormatError::Broken("it would keep its comments"));
    }
    if again != formatted {
        return Err(FormatError::Broken("formatting it again would change nothing"));
    }
    Ok(formatted)
}

/// Tree and comments of a text, for comparing, and what formatting it gives.
fn once(name: &str, text: &str) -> Result<(String, Vec<String>, String), FormatError> {
    let mut interner = Interner::default();
    let mut diagnostics = Diagnostics::new();
    let mut sources = SourceMap::new();
    let file = sources.add(name, None, text);
    let ast = parse(text, file, &mut interner, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(FormatError::Errors(Box::new((sources, diagnostics))));
    }
    let tree = print(&ast, &interner);
    let tokens = pieces::tokens(text, FileId(0), &mut interner);
    let comments = tokens.iter().flat_map(|token| &token.before).map(|comment| comment.text.clone()).collect();
    let formatted = layout::layout(&pieces::pieces(&tokens), &tokens);
    Ok((tree, comments, formatted))
}

#[cfg(test)]
mod tests;
