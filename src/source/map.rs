//! The files of one compilation, and the way from a byte to a line and a column.

use std::path::{Path, PathBuf};

use super::{Diagnostic, FileId, Span};

/// The texts of one compilation. Files are added and never removed, so a [`FileId`] stays valid.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// One source file: how it is called, where it was read from, and its text.
#[derive(Debug)]
pub struct SourceFile {
    /// What the compiled program calls the file: relative to the main file's folder, so the same on every machine.
    pub name: String,
    /// What diagnostics call the file: where it was read from as its user would name it, or its name.
    pub shown: String,
    /// Where it was read from; absent for standard input and tests.
    pub path: Option<PathBuf>,
    text: String,
    /// Byte offset of the first byte of each line.
    lines: Vec<u32>,
}

/// A position for people: both numbers count from 1, columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LineColumn {
    pub line: u32,
    pub column: u32,
}

impl SourceMap {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file whose text is known to be UTF-8. A byte-order mark at its start stays in the text, so that spans are
    /// offsets into the file as it is on disk; the lexer skips it.
    ///
    /// A text of 4 GiB or more is the caller's to refuse (see [`SourceMap::add_bytes`]).
    pub fn add(&mut self, name: impl Into<String>, path: Option<&Path>, text: impl Into<String>) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(SourceFile::new(name.into(), path.map(Path::to_path_buf), text.into()));
        id
    }

    /// Adds a file as it was read. If it is not UTF-8 or too large, the file is added with the readable part, and the
    /// diagnostic says what is wrong.
    pub fn add_bytes(
        &mut self,
        name: impl Into<String>,
        path: Option<&Path>,
        bytes: Vec<u8>,
    ) -> Result<FileId, Box<(FileId, Diagnostic)>> {
        if bytes.len() >= u32::MAX as usize {
            let id = self.add(name, path, String::new());
            let size = bytes.len();
            return Err(Box::new((
                id,
                Diagnostic::error("E0110", format!("Source file is too large: {size} bytes"), Span::new(id, 0, 0))
                    .with_help("split the program into modules of less than 4 GiB"),
            )));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.add(name, path, text)),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let wrong = bytes[offset];
                // The rest is kept readable, so that the message can show the line.
                let id = self.add(name, path, String::from_utf8_lossy(&bytes).into_owned());
                let lo = offset as u32;
                Err(Box::new((
                    id,
                    Diagnostic::error("E0109", format!("Invalid UTF-8 at byte offset {offset}"), Span::new(id, lo, lo))
                        .labelled(format!("the byte 0x{wrong:02X} starts no UTF-8 character here"))
                        .with_help("save the file as UTF-8"),
                )))
            }
        }
    }

    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Where a span begins.
    pub fn position(&self, span: Span) -> LineColumn {
        self.file(span.file).position(span.lo)
    }

    /// The text a span covers; empty if the span does not fit the file.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.lo as usize..span.hi as usize).unwrap_or("")
    }
}

impl SourceFile {
    fn new(name: String, path: Option<PathBuf>, text: String) -> Self {
        let mut lines = vec![0];
        lines.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|offset| offset as u32 + 1));
        let shown = path.as_ref().map_or_else(|| name.clone(), |path| path.display().to_string());
        SourceFile { name, shown, path, text, lines }
    }

    /// The whole text, with its byte-order mark if it has one.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line number, counted from 1, of a byte. Offsets past the end belong to the last line.
    pub fn line(&self, offset: u32) -> u32 {
        self.lines.partition_point(|&start| start <= offset) as u32
    }

    /// Line and column of a byte. An offset inside a character belongs to that character.
    pub fn position(&self, offset: u32) -> LineColumn {
        let line = self.line(offset);
        let start = self.lines[line as usize - 1] as usize;
        let end = self.floor_char(offset as usize);
        let before = self.text[start.min(end)..end].trim_start_matches('\u{FEFF}');
        LineColumn { line, column: before.chars().count() as u32 + 1 }
    }

    /// The bytes of a line, counted from 1, without its line break.
    pub fn line_range(&self, line: u32) -> std::ops::Range<usize> {
        let index = (line.max(1) as usize - 1).min(self.lines.len() - 1);
        let start = self.lines[index] as usize;
        let end = self.lines.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        let text = &self.text[start..end];
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        start..start + text.len()
    }

    /// The text of a line, counted from 1, without its line break.
    pub fn line_text(&self, line: u32) -> &str {
        &self.text[self.line_range(line)]
    }

    /// The largest character boundary at or below `offset`.
    pub(super) fn floor_char(&self, offset: usize) -> usize {
        let mut boundary = offset.min(self.text.len());
        while !self.text.is_char_boundary(boundary) {
            boundary -= 1;
        }
        boundary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let mut map = SourceMap::new();
        let id = map.add("a.walrus", None, "ab\r\néé x\n");
        let file = map.file(id);
        assert_eq!(file.position(0), LineColumn { line: 1, column: 1 });
        assert_eq!(file.position(4), LineColumn { line: 2, column: 1 });
        assert_eq!(file.position(6), LineColumn { line: 2, column: 2 });
        assert_eq!(file.position(5), LineColumn { line: 2, column: 1 });
        assert_eq!(file.position(1000), LineColumn { line: 3, column: 1 });
        assert_eq!(file.line_text(1), "ab");
        assert_eq!(file.line_text(2), "éé x");
        assert_eq!(file.line_text(3), "");
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        let mut map = SourceMap::new();
        let id = map.add("a.walrus", None, "\u{FEFF}let");
        assert_eq!(map.file(id).position(3), LineColumn { line: 1, column: 1 });
    }

    #[test]
    fn invalid_utf8_names_the_byte() {
        let mut map = SourceMap::new();
        let (_, diagnostic) = *map.add_bytes("a.walrus", None, b"let a\xFF".to_vec()).unwrap_err();
        assert_eq!(diagnostic.message, "Invalid UTF-8 at byte offset 5");
        assert!(diagnostic.labels[0].text.contains("0xFF"));
    }
}
