//! From pcs to places in the source, for traces and statistics.

use super::image::Image;
use crate::source::Span;

/// Longest part of a source line that is shown, in characters.
const SHOWN_WIDTH: usize = 120;

impl Image {
    /// The span of an instruction, given as an index into the program's code; `None` in a stripped program.
    pub fn span_at(&self, pc: u32) -> Option<Span> {
        let lines = &self.program.debug.as_ref()?.lines;
        let after = lines.partition_point(|entry| entry.pc <= pc);
        Some(lines.get(after.checked_sub(1)?)?.span)
    }

    /// `file:line:column` of a span's start.
    pub fn place(&self, span: Span) -> Option<String> {
        let (name, line, column) = self.position(span)?;
        Some(format!("{name}:{line}:{column}"))
    }

    /// File name, line and column (both from 1, the column in characters) of a span's start.
    pub fn position(&self, span: Span) -> Option<(&str, usize, usize)> {
        let file = self.program.debug.as_ref()?.files.get(span.file.0 as usize)?;
        let before = file.text.get(..span.lo as usize)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        Some((&file.name, line, before[line_start..].chars().count() + 1))
    }

    /// The line a span starts in, with carets below it.
    pub fn excerpt(&self, span: Span) -> Option<String> {
        let file = self.program.debug.as_ref()?.files.get(span.file.0 as usize)?;
        let (name, line, column) = self.position(span)?;
        let start = file.text[..span.lo as usize].rfind('\n').map_or(0, |newline| newline + 1);
        let text = file.text[start..].lines().next().unwrap_or_default();
        let marked = file.text.get(span.lo as usize..span.hi as usize).unwrap_or_default();
        // A line far too long is shown from a little before the span on.
        let skipped = if column > SHOWN_WIDTH { column - 1 - SHOWN_WIDTH / 4 } else { 0 };
        let shown: String = text.chars().skip(skipped).take(SHOWN_WIDTH).collect();
        // A tab stays a tab, so that carets stand where they should whatever its width.
        let indent: String =
            text.chars().skip(skipped).take(column - 1 - skipped).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let rest = shown.chars().count().saturating_sub(column - 1 - skipped);
        let carets = marked.lines().next().unwrap_or_default().chars().count().clamp(1, rest.max(1));
        let gutter = " ".repeat(line.to_string().len());
        Some(format!(
            "{gutter}--> {name}:{line}:{column}\n{gutter} |\n{line} | {shown}\n{gutter} | {indent}{}\n",
            "^".repeat(carets)
        ))
    }
}
