//! The lines of the source: coloured words, the types of names, and how hot each line was.

use std::fmt::Write;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{Entry, code_lines, escape, grouped, line_id};
use crate::analysis::hovers::Hover;
use crate::analysis::report::Subject;
use crate::bytecode::facts::type_text;
use crate::source::{FileId, SourceFile};
use crate::syntax::Interner;
use crate::syntax::lexer::{Token, comment_len, lex};

/// Most entries about one name that are looked at to find what surrounds a word.
const SURROUNDING: usize = 200;

/// What lines are written from.
pub struct FileLines<'a> {
    subject: &'a Subject<'a>,
    /// By file, words in the order of the text.
    words: Vec<Vec<Word>>,
    heat: FxHashMap<(FileId, u32), Heat>,
    hottest: u64,
    hovers: Hovers<'a>,
}

/// A part of the text that is coloured or explained.
struct Word {
    range: Range<usize>,
    kind: WordKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WordKind {
    Keyword,
    Number,
    Text,
    Comment,
    Name,
}

/// How often the code of a line was gone through.
#[derive(Clone, Copy, Default)]
struct Heat {
    runs: u64,
    native: u64,
    /// How much code the region has whose counts these are.
    size: u32,
}

impl<'a> FileLines<'a> {
    pub fn of(subject: &'a Subject<'a>, hovers: &'a [Hover], entries: &[Entry<'_>]) -> FileLines<'a> {
        let files = subject.sources.files().iter().enumerate();
        let words = files.map(|(index, file)| words(file, FileId(index as u32))).collect();
        let mut heat: FxHashMap<(FileId, u32), Heat> = FxHashMap::default();
        for entry in entries {
            let Some(work) = entry.work else { continue };
            let (runs, native) = (work.counts.runs(entry.is_loop), work.counts.native_runs(entry.is_loop));
            let own = Heat { runs, native, size: entry.facts.instructions };
            for line in code_lines(subject.program, subject.sources, entry.facts) {
                let known = heat.entry((entry.facts.span.file, line)).or_insert(own);
                // The innermost region tells how often a line ran.
                if own.size < known.size {
                    *known = own;
                }
            }
        }
        let hottest = heat.values().map(|heat| heat.runs).max().unwrap_or(0);
        FileLines { subject, words, heat, hottest, hovers: Hovers::new(hovers) }
    }

    /// Writes a line of a file.
    pub fn write(&self, out: &mut String, id: FileId, line: u32) {
        let file = self.subject.sources.file(id);
        let anchor = line_id(id, line);
        let _ = write!(
            out,
            "<div class=\"l\" id=\"{anchor}\"><a href=\"#{anchor}\">{line}</a>{}<span>",
            self.heat(id, line)
        );
        let range = file.line_range(line);
        let mut offset = range.start;
        let words = &self.words[id.0 as usize];
        let first = words.partition_point(|word| word.range.end <= range.start);
        for word in words[first..].iter().take_while(|word| word.range.start < range.end) {
            let (lo, hi) = (word.range.start.max(range.start), word.range.end.min(range.end));
            if lo < offset || hi <= lo {
                continue;
            }
            out.push_str(&escape(&file.text()[offset..lo]));
            self.word(out, id, word, &file.text()[lo..hi]);
            offset = hi;
        }
        out.push_str(&escape(file.text()[offset..range.end].trim_start_matches('\u{FEFF}')));
        out.push_str("</span></div>\n");
    }

    fn word(&self, out: &mut String, file: FileId, word: &Word, text: &str) {
        let class = match word.kind {
            WordKind::Keyword => "k",
            WordKind::Number => "m",
            WordKind::Text => "s",
            WordKind::Comment => "c",
            WordKind::Name => {
                match self.hovers.text(self.subject, file, word.range.clone(), text) {
                    Some(ty) => {
                        let _ = write!(out, "<span class=\"t\" data-type=\"{}\">{}</span>", escape(&ty), escape(text));
                    }
                    None => out.push_str(&escape(text)),
                }
                return;
            }
        };
        let _ = write!(out, "<span class=\"{class}\">{}</span>", escape(text));
    }

    /// The strip beside a line: nothing without a work report, stronger with each power of ten otherwise.
    fn heat(&self, file: FileId, line: u32) -> String {
        let Some(heat) = self.heat.get(&(file, line)).filter(|heat| heat.runs > 0) else { return "<i></i>".to_owned() };
        let share = ((heat.runs + 1) as f64).ln() / ((self.hottest + 1) as f64).ln();
        let percent = (8.0 + 92.0 * share).round() as u32;
        let is_native = heat.native * 2 >= heat.runs;
        let class = if is_native { "h n" } else { "h" };
        let how = if is_native { "native" } else { "interpreted" };
        format!(
            "<i class=\"{class}\" style=\"--h:{percent}%\" title=\"{} times, mostly {how}\"></i>",
            grouped(heat.runs)
        )
    }
}

/// The words of a file that are not plain text.
fn words(file: &SourceFile, id: FileId) -> Vec<Word> {
    let text = file.text();
    let mut words = Vec::new();
    let mut end = 0;
    for lexeme in lex(text, id, &mut Interner::default()).lexemes {
        let range = lexeme.lo as usize..lexeme.hi as usize;
        comments(text, end..range.start, &mut words);
        end = end.max(range.end);
        let kind = match lexeme.token {
            Token::Ident(_) => WordKind::Name,
            Token::Int(_) | Token::Float(_) => WordKind::Number,
            Token::Str(_) | Token::StrPart(_) | Token::FStringStart | Token::FStringEnd | Token::HoleFormat(_) => {
                WordKind::Text
            }
            _ if text.get(range.clone()).is_some_and(|word| word.starts_with(char::is_alphabetic)) => WordKind::Keyword,
            _ => continue,
        };
        words.push(Word { range, kind });
    }
    comments(text, end..text.len(), &mut words);
    words
}

/// The comments between two tokens.
fn comments(text: &str, range: Range<usize>, words: &mut Vec<Word>) {
    let mut offset = range.start;
    while let Some(gap) = text.get(offset..range.end.max(offset)) {
        let Some(start) = gap.find(['/', '#']) else { return };
        let start = offset + start;
        let len = comment_len(&text[start..range.end]);
        words.push(Word { range: start..start + len, kind: WordKind::Comment });
        offset = start + len.max(1);
    }
}

/// The types of names, by file and name in the order of the text.
struct Hovers<'a>(FxHashMap<(FileId, &'a str), Vec<&'a Hover>>);

impl<'a> Hovers<'a> {
    fn new(all: &'a [Hover]) -> Hovers<'a> {
        let mut by_name: FxHashMap<(FileId, &str), Vec<&Hover>> = FxHashMap::default();
        for hover in all {
            by_name.entry((hover.span.file, &hover.name)).or_default().push(hover);
        }
        for hovers in by_name.values_mut() {
            hovers.sort_by_key(|hover| (hover.span.lo, hover.span.hi));
        }
        Hovers(by_name)
    }

    /// What is known of a name at a place: of the smallest span around it, or else of the nearest place that has the
    /// name in the same function.
    fn text(&self, subject: &Subject<'_>, file: FileId, word: Range<usize>, name: &str) -> Option<String> {
        let own = self.0.get(&(file, name))?;
        let (lo, hi) = (word.start as u32, word.end as u32);
        let after = own.partition_point(|hover| hover.span.lo <= lo);
        let around = own[after.saturating_sub(SURROUNDING)..after].iter().filter(|hover| hover.span.hi >= hi);
        let smallest = around.min_by_key(|hover| hover.span.hi - hover.span.lo).map(|hover| hover.span);
        let span = smallest.or_else(|| {
            let before = after.checked_sub(1).and_then(|index| own.get(index));
            let nearest = own.get(after).into_iter().chain(before).min_by_key(|hover| hover.span.lo.abs_diff(lo));
            nearest.map(|hover| hover.span)
        })?;
        let mut texts: Vec<String> = Vec::new();
        let first = own.partition_point(|hover| (hover.span.lo, hover.span.hi) < (span.lo, span.hi));
        for hover in own[first..].iter().take_while(|hover| hover.span == span) {
            let ty = type_text(subject.program, &subject.facts.types, hover.ty);
            let text = if hover.is_result { format!("gives {ty}") } else { ty };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        Some(texts.join(", then "))
    }
}
