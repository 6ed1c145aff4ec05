//! One program as one page of HTML: its source with the verdict, the types, the cost and the remedy of each loop and
//! function, and what a run did there.
//!
//! Invariants: the page needs nothing from elsewhere and runs no script, which its content security policy demands of
//! it; every text that comes from outside goes through [`escape`].

mod source;
pub mod work;

use std::fmt::Write;

use rustc_hash::FxHashMap;

use self::source::FileLines;
use self::work::{Counts, RegionWork, WorkReport};
use crate::analysis::costs::Cost;
use crate::analysis::hovers::Hover;
use crate::analysis::names::Names;
use crate::analysis::report::{Subject, function_name, in_source_order, note, title};
use crate::bytecode::Program;
use crate::bytecode::facts::{Facts, RegionFacts, Verdict};
use crate::source::{Diagnostic, FileId, Severity, SourceMap, Span};

const STYLE: &str = include_str!("style.css");

/// All that is on a page.
pub struct Page<'a> {
    pub subject: Subject<'a>,
    pub hovers: &'a [Hover],
    /// What the compiler warns of, notes on regions left out.
    pub diagnostics: Vec<&'a Diagnostic>,
    /// The hash of the sources, in hexadecimal.
    pub hash: String,
    pub work: Option<&'a WorkReport>,
    pub dumps: &'a [Dump],
}

/// A stage of one version of a region, as `walrus-run --dump` wrote it into a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dump {
    /// The region's place and function as the file's name has them: `prog.walrus-3-5-loop-sum_to`.
    pub region: String,
    pub version: u32,
    /// What the stage is called on the page.
    pub stage: &'static str,
    pub text: String,
}

impl Dump {
    /// From the name of a file, such as `prog.walrus-3-5-loop-sum_to.1.ir`, and what is in it. Nothing if no dump is
    /// called so.
    pub fn of_file(name: &str, text: impl FnOnce() -> Result<String, String>) -> Option<Result<Dump, String>> {
        let (rest, stage) = name.rsplit_once('.')?;
        let stage = match stage {
            "ir" => "region IR",
            "clif" => "CLIF",
            "asm" => "assembly",
            _ => return None,
        };
        let (region, version) = rest.rsplit_once('.')?;
        let version = version.parse().ok()?;
        Some(text().map(|text| Dump { region: region.to_owned(), version, stage, text }))
    }
}

/// A region with what the page says of it.
struct Entry<'a> {
    id: usize,
    facts: &'a RegionFacts,
    note: Diagnostic,
    cost: Option<&'a Cost>,
    cost_line: Option<String>,
    work: Option<&'a RegionWork>,
    is_loop: bool,
}

impl Entry<'_> {
    /// How it is coloured.
    fn class(&self) -> &'static str {
        if self.facts.reached { self.facts.verdict.name() } else { "unreached" }
    }

    fn runs(&self) -> u64 {
        self.work.map_or(0, |work| work.counts.runs(self.is_loop))
    }
}

impl<'a> Page<'a> {
    pub fn html(&self) -> String {
        let Subject { facts, sources, .. } = self.subject;
        let entries = self.entries();
        let name = sources.files().first().map_or("", |file| file.shown.as_str());
        let mut out = String::with_capacity(1 << 16);
        let _ = write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0} · Walrus</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<header><h1>{0}</h1>\
             <div class=\"choices\"><label><input type=\"checkbox\" id=\"quiet\"> only what is not proven</label>\
             <label><input type=\"radio\" name=\"theme\" checked> auto</label>\
             <label><input type=\"radio\" name=\"theme\" id=\"light\"> light</label>\
             <label><input type=\"radio\" name=\"theme\" id=\"dark\"> dark</label></div></header>\n",
            escape(name)
        );
        self.notices(&mut out, &entries);
        self.cards(&mut out, &entries, facts);
        self.table(&mut out, &entries);
        let lines = FileLines::of(&self.subject, self.hovers, &entries);
        for (index, file) in sources.files().iter().enumerate() {
            let id = FileId(index as u32);
            if sources.files().len() > 1 {
                let _ = writeln!(out, "<h2 id=\"F{index}\">{}</h2>", escape(&file.shown));
            } else {
                out.push_str("<h2>Source</h2>\n");
            }
            out.push_str("<div class=\"file\"><div class=\"code\">\n");
            let mut below = self.below(id, &entries);
            for line in 1..=file.line_count() as u32 {
                // What ends with a line break has no line behind it.
                if line as usize == file.line_count() && file.line_text(line).is_empty() && line > 1 {
                    break;
                }
                lines.write(&mut out, id, line);
                for text in below.remove(&line).into_iter().flatten() {
                    out.push_str(&text);
                }
            }
            out.push_str("</div></div>\n");
        }
        let _ = writeln!(
            out,
            "<footer>Written by walrusc {}. Point at an underlined name for its type. \
             <code>walrusc --explain CODE</code> tells more of a code.</footer>\n</body>\n</html>",
            env!("CARGO_PKG_VERSION")
        );
        out
    }

    fn entries(&self) -> Vec<Entry<'a>> {
        let subject = self.subject;
        let names = Names::new(subject.program);
        let regions = in_source_order(subject.facts);
        let matched = self.work.map_or(Vec::new(), |work| self.matched(work, &regions));
        let entry = |(id, &facts): (usize, &&'a RegionFacts)| Entry {
            id,
            facts,
            note: note(&subject, &names, facts),
            cost: subject.cost(facts),
            cost_line: subject.cost_line(facts),
            work: matched.get(id).copied().flatten(),
            is_loop: facts.region.is_loop(),
        };
        regions.iter().enumerate().map(entry).collect()
    }

    /// For each region what the run did in it: by function and order, so that lines may have moved.
    fn matched(&self, work: &'a WorkReport, regions: &[&RegionFacts]) -> Vec<Option<&'a RegionWork>> {
        let Subject { program, sources, .. } = self.subject;
        let mut by_order = FxHashMap::default();
        for one in &work.regions {
            by_order.insert((one.is_loop, one.file.as_str(), one.function.as_deref(), one.ordinal), one);
        }
        let mut counts: FxHashMap<(bool, &str, Option<&str>), u64> = FxHashMap::default();
        let found = regions.iter().map(|facts| {
            let is_loop = facts.region.is_loop();
            let function = function_name(program, facts.region);
            let file = sources.file(facts.span.file).name.as_str();
            let count = counts.entry((is_loop, file, function)).or_default();
            let ordinal = *count;
            *count += 1;
            by_order.get(&(is_loop, file, function, ordinal)).copied()
        });
        found.collect()
    }

    fn is_of_these_sources(&self, work: &WorkReport) -> bool {
        work.program == self.hash
    }

    fn notices(&self, out: &mut String, entries: &[Entry<'_>]) {
        let Some(work) = self.work else { return };
        if !self.is_of_these_sources(work) {
            out.push_str(
                "<p class=\"notice\">The work report is of other sources than these: regions are matched by function and \
                 order, and counts may be of other code.</p>\n",
            );
        }
        let matched = entries.iter().filter(|entry| entry.work.is_some()).count();
        if matched < work.regions.len() {
            let _ = writeln!(
                out,
                "<p class=\"notice\">{} of the {} regions in the work report are none of this program.</p>",
                work.regions.len() - matched,
                work.regions.len()
            );
        }
    }

    fn cards(&self, out: &mut String, entries: &[Entry<'_>], facts: &Facts) {
        out.push_str("<div class=\"cards\">\n");
        for (what, is_loop) in [("loops", true), ("functions", false)] {
            let own: Vec<&Entry<'_>> =
                entries.iter().filter(|entry| entry.is_loop == is_loop && entry.facts.reached).collect();
            let _ = write!(out, "<div class=\"card\"><b>{}</b> {what} reached<div class=\"bar\">", own.len());
            let mut items = String::new();
            for verdict in [Verdict::Proven, Verdict::Conditional, Verdict::Incompatible] {
                let count = own.iter().filter(|entry| entry.facts.verdict == verdict).count();
                if count > 0 {
                    let name = verdict.name();
                    let _ = write!(out, "<i class=\"{name}\" style=\"flex:{count}\"></i>");
                    let _ = write!(items, "<li><span class=\"dot {name}\"></span>{count} {name}</li>");
                }
            }
            let _ = writeln!(out, "</div><ul>{items}</ul></div>");
        }
        let unreached = facts.regions.iter().filter(|region| !region.reached).count();
        if unreached > 0 {
            let _ = writeln!(
                out,
                "<div class=\"card\"><b>{unreached}</b> never reached<ul><li>loops and functions that nothing runs</li></ul></div>"
            );
        }
        if !self.diagnostics.is_empty() {
            let count = self.diagnostics.len();
            let plural = if count == 1 { "" } else { "s" };
            let _ = writeln!(out, "<div class=\"card\"><b>{count}</b> warning{plural}<ul>");
            for one in self.diagnostics.iter().take(4) {
                let _ = writeln!(out, "<li>{} {}</li>", self.place(one.primary(), None), escape(&one.message));
            }
            out.push_str("</ul></div>\n");
        }
        if let Some(work) = self.work {
            let total = &work.total;
            let runs = grouped(total.iterations + total.calls);
            let _ = write!(out, "<div class=\"card\"><b>{runs}</b> iterations and calls<ul>");
            for (count, what) in [
                (total.interpreted, "instructions interpreted"),
                (total.steps, "steps through the run time"),
                (total.allocations, "allocations"),
            ] {
                let _ = write!(out, "<li>{} {what}</li>", grouped(count));
            }
            let _ = writeln!(out, "<li>{}</li></ul></div>", exits_text(total));
        }
        out.push_str("</div>\n");
    }

    /// The regions in a table: by work if there is some, what is not proven first otherwise.
    fn table(&self, out: &mut String, entries: &[Entry<'_>]) {
        let mut order: Vec<&Entry<'_>> = entries.iter().filter(|entry| entry.facts.reached).collect();
        if order.is_empty() {
            return;
        }
        let weight = |entry: &Entry<'_>| entry.cost.map_or(0, |cost| cost.counts().iter().sum());
        order.sort_by_key(|entry: &&Entry<'_>| {
            let weight: usize = weight(entry);
            (std::cmp::Reverse(entry.runs()), std::cmp::Reverse(entry.facts.verdict), std::cmp::Reverse(weight))
        });
        out.push_str("<h2>Loops and functions</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>verdict</th><th>what</th><th>where</th>");
        if self.work.is_some() {
            out.push_str(
                "<th class=\"r\">runs</th><th class=\"r\">native</th><th class=\"r\">interpreted</th><th class=\"r\">steps</th>\
                 <th class=\"r\">allocations</th><th class=\"r\">exits</th>",
            );
        }
        out.push_str("<th>cost of one iteration or call</th></tr></thead>\n<tbody>\n");
        for entry in order {
            let class = entry.class();
            let _ = write!(
                out,
                "<tr class=\"{class}\"><td class=\"verdict\"><span class=\"dot {class}\"></span>{}</td><td>{}</td><td>{}</td>",
                entry.facts.verdict.name(),
                escape(&title(self.subject.program, entry.facts.region)),
                self.place(entry.facts.span, Some(entry.id)),
            );
            if self.work.is_some() {
                match entry.work {
                    Some(work) => {
                        let counts = &work.counts;
                        let runs = counts.runs(entry.is_loop);
                        let native = counts.native_runs(entry.is_loop);
                        for text in [
                            grouped(runs),
                            share(native, runs),
                            grouped(counts.interpreted),
                            grouped(counts.steps),
                            grouped(counts.allocations),
                            grouped(counts.exit_count()),
                        ] {
                            let _ = write!(out, "<td class=\"r\">{text}</td>");
                        }
                    }
                    None => out.push_str("<td class=\"r soft\" colspan=\"6\">not in the work report</td>"),
                }
            }
            let cost = entry.cost_line.as_deref().unwrap_or("");
            let _ = writeln!(out, "<td class=\"w soft\">{}</td></tr>", escape(cost));
        }
        out.push_str("</tbody></table></div>\n");
    }

    /// What stands below the lines of a file: notes on the regions that begin there, and warnings.
    fn below(&self, file: FileId, entries: &[Entry<'_>]) -> FxHashMap<u32, Vec<String>> {
        let sources = self.subject.sources;
        let mut below: FxHashMap<u32, Vec<String>> = FxHashMap::default();
        let mut add = |span: Span, text: &dyn Fn(usize) -> String| {
            let position = sources.position(span);
            let line = sources.file(file).line_text(position.line);
            below.entry(position.line).or_default().push(text(indentation(line)));
        };
        for one in self.diagnostics.iter().filter(|one| one.primary().file == file) {
            add(one.primary(), &|indent| self.diagnostic(one, indent));
        }
        for entry in entries.iter().filter(|entry| entry.facts.span.file == file) {
            add(entry.facts.span, &|indent| self.region(entry, indent));
        }
        below
    }

    fn region(&self, entry: &Entry<'_>, indent: usize) -> String {
        let class = entry.class();
        let open = if entry.facts.reached && entry.facts.verdict != Verdict::Proven { " open" } else { "" };
        let mut out = format!(
            "<details class=\"note {class}\" id=\"r{}\" style=\"--in:{indent}\"{open}><summary><b>{}</b> {}",
            entry.id,
            if entry.facts.reached { entry.facts.verdict.name() } else { "never reached" },
            escape(&title(self.subject.program, entry.facts.region)),
        );
        if let Some(work) = entry.work {
            let (runs, native) = (work.counts.runs(entry.is_loop), work.counts.native_runs(entry.is_loop));
            let what = if entry.is_loop { "iteration" } else { "call" };
            let plural = if runs == 1 { "" } else { "s" };
            let _ = write!(out, "<span class=\"tag\">{} {what}{plural}", grouped(runs));
            if runs > 0 {
                let _ = write!(out, ", {} native", share(native, runs));
            }
            out.push_str("</span>");
            if work.counts.exit_count() > 0 {
                let _ = write!(out, "<span class=\"tag\">{}</span>", exits_text(&work.counts));
            }
        }
        if open.is_empty()
            && entry.cost.is_some_and(|cost| !cost.is_nothing())
            && let Some(cost) = &entry.cost_line
        {
            let _ = write!(out, " · {}", escape(cost));
        }
        out.push_str("</summary><div class=\"box\">\n");
        let file = entry.facts.span.file;
        let (first, others) = entry.note.labels.split_first().expect("a diagnostic has a place");
        let head = match (&entry.facts.reason, first.text.is_empty()) {
            (Some(refusal), _) => {
                format!(
                    "{} <span class=\"tag\">{}</span>",
                    escape(&format!("it {}", refusal.reason.text())),
                    refusal.reason.code()
                )
            }
            (None, false) => escape(&first.text),
            (None, true) => String::new(),
        };
        let _ = writeln!(out, "<p>{head}</p>");
        for label in others {
            let _ = writeln!(out, "<p>{} {}</p>", self.place_from(label.span, file), code_words(&label.text));
        }
        remedies(&mut out, &entry.note);
        if let Some(work) = entry.work {
            work_list(&mut out, &work.counts, entry.is_loop);
        }
        for dump in self.dumps_of(entry) {
            let _ = writeln!(
                out,
                "<details><summary>{} of version {}</summary><pre>{}</pre></details>",
                dump.stage,
                dump.version,
                escape(&dump.text)
            );
        }
        out.push_str("</div></details>\n");
        out
    }

    /// The stages of a region, version by version.
    fn dumps_of(&self, entry: &Entry<'_>) -> Vec<&'a Dump> {
        let Subject { program, sources, .. } = self.subject;
        let span = entry.facts.span;
        let position = sources.position(span);
        let place = format!("{}:{}:{}", sources.file(span.file).name, position.line, position.column);
        let name = entry.facts.region.file_name(program, &place);
        let mut own: Vec<&Dump> = self.dumps.iter().filter(|dump| dump.region == name).collect();
        own.sort_by_key(|dump| dump.version);
        own
    }

    fn diagnostic(&self, one: &Diagnostic, indent: usize) -> String {
        let (class, word) = match one.severity {
            Severity::Error => ("error", "error"),
            Severity::Warning => ("warning", "warning"),
            Severity::Note => ("warning", "note"),
        };
        let mut out = format!(
            "<details class=\"note {class}\" style=\"--in:{indent}\" open><summary><b>{word}</b> {}<span class=\"tag\">{}</span></summary><div class=\"box\">\n",
            code_words(&one.message),
            escape(one.code)
        );
        let file = one.primary().file;
        for (index, label) in one.labels.iter().enumerate().filter(|(_, label)| !label.text.is_empty()) {
            let place = if index == 0 { String::new() } else { self.place_from(label.span, file) + " " };
            let _ = writeln!(out, "<p>{place}{}</p>", code_words(&label.text));
        }
        remedies(&mut out, one);
        out.push_str("</div></details>\n");
        out
    }

    /// A link to a place: to the note on a region if it is one, else to the line.
    fn place(&self, span: Span, region: Option<usize>) -> String {
        let sources = self.subject.sources;
        let position = sources.position(span);
        let file =
            if sources.files().len() > 1 { format!("{}:", sources.file(span.file).shown) } else { String::new() };
        let target = match region {
            Some(id) => format!("r{id}"),
            None => line_id(span.file, position.line),
        };
        format!("<a class=\"mono\" href=\"#{target}\">{}{}:{}</a>", escape(&file), position.line, position.column)
    }

    /// The same from a place in a file.
    fn place_from(&self, span: Span, file: FileId) -> String {
        let position = self.subject.sources.position(span);
        match span.file == file {
            true => format!(
                "<a class=\"mono\" href=\"#{}\">{}:{}</a>",
                line_id(file, position.line),
                position.line,
                position.column
            ),
            false => self.place(span, None),
        }
    }
}

/// What helps against what a diagnostic says, and what it notes.
fn remedies(out: &mut String, one: &Diagnostic) {
    for help in one.help.iter().chain(one.suggestions.iter().map(|suggestion| &suggestion.message)) {
        let _ = writeln!(out, "<p class=\"remedy\">{}</p>", code_words(help));
    }
    for note in &one.notes {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", code_words(note));
    }
}

/// The counts of a region that are not zero.
fn work_list(out: &mut String, counts: &Counts, is_loop: bool) {
    out.push_str("<dl>");
    let what = if is_loop { "iterations" } else { "calls" };
    let mut rows = vec![
        (what.to_owned(), counts.runs(is_loop)),
        ("in native code".to_owned(), counts.native_runs(is_loop)),
        ("instructions interpreted".to_owned(), counts.interpreted),
        ("steps through the run time".to_owned(), counts.steps),
        ("allocations".to_owned(), counts.allocations),
    ];
    rows.extend(counts.exits.iter().map(|(reason, count)| (format!("exits: {reason}"), *count)));
    for (name, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
        let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(&name), grouped(count));
    }
    out.push_str("</dl>\n");
}

fn exits_text(counts: &Counts) -> String {
    let count = counts.exit_count();
    let plural = if count == 1 { "" } else { "s" };
    let reasons: Vec<String> =
        counts.exits.iter().map(|(reason, count)| format!("{} {}", grouped(*count), escape(reason))).collect();
    match reasons.is_empty() {
        true => "no exits".to_owned(),
        false => format!("{} exit{plural}: {}", grouped(count), reasons.join(", ")),
    }
}

/// `12,345`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in percent; 100 % only of all, 0 % only of nothing.
fn share(part: u64, all: u64) -> String {
    match all {
        0 => "–".to_owned(),
        _ if part >= all => "100 %".to_owned(),
        _ if part == 0 => "0 %".to_owned(),
        _ => format!("{:.1} %", (part as f64 * 100.0 / all as f64).clamp(0.1, 99.9)),
    }
}

/// How many columns a line is indented.
fn indentation(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum::<usize>().min(80)
}

/// What a line is called in links.
fn line_id(file: FileId, line: u32) -> String {
    format!("L{}-{line}", file.0)
}

/// Escaped text in which what stands between backquotes is code.
fn code_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        match is_code && parts.peek().is_some() {
            true => {
                let _ = write!(out, "<code>{}</code>", escape(part));
            }
            false if is_code => {
                let _ = write!(out, "`{}", escape(part));
            }
            false => out.push_str(&escape(part)),
        }
        is_code = !is_code;
    }
    out
}

/// Text as it stands in HTML, between tags and in quoted attributes. What a page may not hold is replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() => out.push('\u{FFFD}'),
            // What changes the direction of text would show another program than the one that is compiled.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "\\u{{{:X}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// The lines of a region that have code in them, in the file that it is in.
fn code_lines(program: &Program, sources: &SourceMap, facts: &RegionFacts) -> Vec<u32> {
    let Some(debug) = &program.debug else { return Vec::new() };
    let pcs = facts.region.pcs(program);
    let first = debug.lines.partition_point(|line| line.pc <= pcs.start).saturating_sub(1);
    let own = debug.lines[first..].iter().take_while(|line| line.pc < pcs.end).map(|line| line.span);
    let file = facts.span.file;
    let mut lines: Vec<u32> =
        own.filter(|span| span.file == file).map(|span| sources.file(file).line(span.lo)).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escape("a<b>&\"'\u{0}\t"), "a&lt;b&gt;&amp;&quot;&#39;\u{FFFD}\t");
        assert_eq!(escape("\u{202E}x"), "\\u{202E}x");
        assert_eq!(code_words("call `f<` or `g"), "call <code>f&lt;</code> or `g");
    }

    #[test]
    fn dumps_are_known_by_their_names() {
        let dump = Dump::of_file("lib_a.walrus-3-5-loop-sum_to.12.clif", || Ok("x".to_owned())).unwrap().unwrap();
        assert_eq!((dump.region.as_str(), dump.version, dump.stage), ("lib_a.walrus-3-5-loop-sum_to", 12, "CLIF"));
        for name in ["notes.txt", "x.asm", "x.y.asm", "3"] {
            assert_eq!(Dump::of_file(name, || panic!("it is not read")), None, "{name}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_shares_are_honest() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(share(999_999, 1_000_000), "99.9 %");
        assert_eq!(share(1, 1_000_000), "0.1 %");
        assert_eq!([share(0, 5), share(5, 5), share(0, 0)], ["0 %", "100 %", "–"]);
    }
}
