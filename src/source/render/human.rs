//! Diagnostics for people, laid out by `annotate-snippets`.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};

use crate::source::{Diagnostic, FileId, Severity, SourceFile, SourceMap, Span};

/// A line longer than this many bytes is shown in part.
const LONG_LINE: usize = 240;

/// Characters shown on either side of the place in a long line.
const AROUND: usize = 80;

/// Labels closer than this many lines share a snippet.
const NEAR: u32 = 30;

/// The source with the labels under it, notes, help and suggested edits; ends with a line break.
pub fn human(diagnostic: &Diagnostic, map: &SourceMap, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut main = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    // The layout engine counts columns in what it is shown; of a clipped line that is not the whole.
    let mut columns: Vec<(String, String)> = Vec::new();
    for cluster in clusters(diagnostic, map) {
        let file = map.file(cluster.file);
        let excerpt = Excerpt::new(file, &cluster);
        if excerpt.clipped {
            let position = file.position(cluster.first);
            let shown = excerpt.text[..excerpt.place(cluster.first as usize)].chars().count() + 1;
            columns.push((
                format!("{}:{}:{shown}\n", file.shown, position.line),
                format!("{}:{}:{}\n", file.shown, position.line, position.column),
            ));
        }
        main = main.element(excerpt.snippet(&cluster.labels).path(file.shown.as_str()));
    }
    for note in &diagnostic.notes {
        main = main.element(Level::NOTE.message(note.as_str()));
    }
    for help in &diagnostic.help {
        main = main.element(Level::HELP.message(help.as_str()));
    }
    let mut groups = vec![main];
    for suggestion in &diagnostic.suggestions {
        let title = Group::with_title(Level::HELP.secondary_title(suggestion.message.as_str()));
        let edit = map.get(suggestion.span.file).and_then(|file| patch(file, suggestion.span, &suggestion.replacement));
        groups.push(match edit {
            Some(snippet) => title.element(snippet),
            None => title,
        });
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = renderer.render(&groups);
    out.push('\n');
    for (shown, real) in columns {
        out = out.replacen(&shown, &real, 1);
    }
    out
}

/// Labels of one file that are shown in one snippet.
struct Cluster<'a> {
    file: FileId,
    /// Where the label begins that the header names.
    first: u32,
    lines: Range<u32>,
    labels: Vec<(Span, &'a str, AnnotationKind)>,
}

fn clusters<'a>(diagnostic: &'a Diagnostic, map: &SourceMap) -> Vec<Cluster<'a>> {
    let mut clusters: Vec<Cluster<'a>> = Vec::new();
    for (index, label) in diagnostic.labels.iter().enumerate() {
        let Some(file) = map.get(label.span.file) else { continue };
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let (first, last) = (file.line(label.span.lo), file.line(label.span.hi.max(label.span.lo)));
        // A long stretch is marked at its first line only.
        let last = if last - first > NEAR { first } else { last };
        let short = |line: u32| file.line_range(line).len() <= LONG_LINE;
        let near = clusters.iter_mut().find(|cluster| {
            let joined = cluster.lines.start.min(first)..cluster.lines.end.max(last + 1);
            cluster.file == label.span.file && joined.len() <= NEAR as usize && joined.clone().all(short)
        });
        let labelled = (label.span, label.text.as_str(), kind);
        match near {
            Some(cluster) => {
                cluster.lines = cluster.lines.start.min(first)..cluster.lines.end.max(last + 1);
                cluster.labels.push(labelled);
            }
            None => {
                let last = if (first..=last).all(short) { last } else { first };
                clusters.push(Cluster {
                    file: label.span.file,
                    first: label.span.lo,
                    lines: first..last + 1,
                    labels: vec![labelled],
                });
            }
        }
    }
    clusters
}

/// Some lines of a file, without carriage returns, the byte-order mark, and most of a long line.
struct Excerpt {
    text: String,
    line_start: usize,
    clipped: bool,
    /// For each line: its bytes in the file that are shown, and where they begin in `text`.
    pieces: Vec<(Range<usize>, usize)>,
}

impl Excerpt {
    fn new(file: &SourceFile, cluster: &Cluster) -> Excerpt {
        let mut excerpt = Excerpt {
            text: String::new(),
            line_start: cluster.lines.start as usize,
            clipped: false,
            pieces: Vec::new(),
        };
        for line in cluster.lines.clone() {
            let mut range = file.line_range(line);
            if file.text()[range.clone()].starts_with('\u{FEFF}') {
                range.start += '\u{FEFF}'.len_utf8();
            }
            let whole = range.clone();
            if range.len() > LONG_LINE {
                let middle = file.floor_char((cluster.first as usize).clamp(range.start, range.end));
                let text = file.text();
                let before = text[range.start..middle].char_indices().rev().take(AROUND).last();
                let after = text[middle..range.end].char_indices().nth(AROUND);
                range = before.map_or(middle, |(offset, _)| range.start + offset)
                    ..after.map_or(range.end, |(offset, _)| middle + offset);
                excerpt.clipped = true;
            }
            if range.start > whole.start {
                excerpt.text.push_str("... ");
            }
            excerpt.pieces.push((range.clone(), excerpt.text.len()));
            excerpt.text.push_str(&file.text()[range.clone()]);
            if range.end < whole.end {
                excerpt.text.push_str(" ...");
            }
            excerpt.text.push('\n');
        }
        excerpt
    }

    /// Where a byte of the file stands in the excerpt; what is not shown goes to the nearest place that is.
    fn place(&self, file_offset: usize) -> usize {
        let index = self.pieces.partition_point(|(range, _)| range.start <= file_offset).saturating_sub(1);
        let (range, start) = &self.pieces[index];
        let mut offset = start + file_offset.clamp(range.start, range.end) - range.start;
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn snippet<'a>(&self, labels: &[(Span, &'a str, AnnotationKind)]) -> Snippet<'a, Annotation<'a>> {
        let mut snippet = Snippet::source(self.text.clone()).line_start(self.line_start);
        for &(span, text, kind) in labels {
            let (lo, hi) = (self.place(span.lo as usize), self.place(span.hi.max(span.lo) as usize));
            let annotation = kind.span(lo..hi.max(lo));
            snippet = snippet.annotation(if text.is_empty() { annotation } else { annotation.label(text) });
        }
        snippet
    }
}

/// The edit shown in its lines; nothing if they are too long to show.
fn patch<'a>(file: &SourceFile, span: Span, replacement: &'a str) -> Option<Snippet<'a, Patch<'a>>> {
    let lines = file.line(span.lo)..file.line(span.hi.max(span.lo)) + 1;
    if lines.len() > NEAR as usize || lines.clone().any(|line| file.line_range(line).len() > LONG_LINE) {
        return None;
    }
    let cluster = Cluster { file: span.file, first: span.lo, lines, labels: Vec::new() };
    let excerpt = Excerpt::new(file, &cluster);
    let (lo, hi) = (excerpt.place(span.lo as usize), excerpt.place(span.hi.max(span.lo) as usize));
    let patch = Patch::new(lo..hi.max(lo), replacement);
    Some(Snippet::source(excerpt.text).line_start(excerpt.line_start).path(file.shown.clone()).patch(patch))
}
