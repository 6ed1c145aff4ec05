//! `// @jit` comments that mark no loop: a gate that holds marked loops to being compiled would pass without them.

use std::collections::BTreeSet;

use crate::source::{Diagnostic, Diagnostics, FileId, SourceFile, Span};
use crate::syntax::ast::{Ast, StmtKind};

/// Warns of each comment that begins with `@jit` and marks no loop.
pub fn warn(ast: &Ast, file: FileId, source: &SourceFile, diagnostics: &mut Diagnostics) {
    if ast.jit_comments.is_empty() {
        return;
    }
    let is_loop = |kind: &StmtKind| matches!(kind, StmtKind::While { .. } | StmtKind::For { .. });
    let loops: BTreeSet<u32> =
        ast.stmts.iter().filter(|stmt| is_loop(&stmt.kind)).map(|stmt| source.line(stmt.span.lo)).collect();
    for &(lo, hi) in &ast.jit_comments {
        let line = source.line(lo);
        let is_mark = ast.jit_marks.binary_search(&lo).is_ok();
        if is_mark && (loops.contains(&line) || loops.contains(&(line + 1))) {
            continue;
        }
        let span = Span::new(file, lo, hi);
        let warning = Diagnostic::warning("W0206", "This comment marks no loop", span);
        diagnostics.push(if is_mark {
            let next = loops.range(line + 1..).next().filter(|&&next| next <= line + 4);
            let labelled = warning.labelled("no loop begins on this line or the next");
            match next {
                Some(next) => {
                    labelled.with_help(format!("the next loop begins on line {next}: put the mark right above it"))
                }
                None => labelled.with_help("a mark stands on the line before `for` or `while`, or behind it"),
            }
        } else {
            warning.labelled("begins like a mark, and is none").with_suggestion("a mark is written so", span, "// @jit")
        });
    }
}
