//! Compiled programs in the user's cache folder.
//!
//! Two kinds of files: `KEY.wbc`, a program under its cache key, and `ENTRY.reads`, what compiling the program of an
//! entry file asked of the file system, with what it was told, and the key that came of it. Whoever asks again and is
//! told the same gets the same program, without parsing anything.
//!
//! Invariants: files appear whole, so any number of processes may read and write at once; whatever cannot be read or
//! does not fit is made anew; a cache that cannot be written is no error.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::files::write_file;
use crate::compile::{Disk, FileLoader, Options};

/// Entries that nobody used for so long are removed,
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// and the oldest of those that take more than this together.
const MAX_SIZE: u64 = 256 << 20;
/// When an entry was last used is known to this precision, so that using one seldom means writing.
const USED_PRECISION: Duration = Duration::from_secs(24 * 60 * 60);

/// The cache of one user for this build of the compiler.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    /// Tells this build from others of the same version.
    build: String,
}

/// The disk, and what was asked of it.
#[derive(Debug, Default)]
pub struct RecordingDisk(Mutex<Vec<String>>);

impl FileLoader for RecordingDisk {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let found = Disk.canonicalize(path);
        self.record(Question::RealPath, path, &real_path_answer(&found));
        found
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = Disk.read(path);
        self.record(Question::Contents, path, &contents_answer(&found));
        found
    }
}

impl RecordingDisk {
    fn record(&self, question: Question, path: &Path, answer: &str) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        // A name that is no text cannot be found again by this line, so the entry is never taken for valid.
        let line = format!("{}\0{}\0{answer}", question.word(), path.to_string_lossy());
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(line);
    }
}

/// What a compilation asks of the file system.
#[derive(Clone, Copy)]
enum Question {
    RealPath,
    Contents,
}

impl Question {
    fn word(self) -> &'static str {
        match self {
            Question::RealPath => "real-path",
            Question::Contents => "contents",
        }
    }

    fn of_word(word: &str) -> Option<Question> {
        [Question::RealPath, Question::Contents].into_iter().find(|question| question.word() == word)
    }

    fn answer(self, path: &Path) -> String {
        match self {
            Question::RealPath => real_path_answer(&Disk.canonicalize(path)),
            Question::Contents => contents_answer(&Disk.read(path)),
        }
    }
}

fn real_path_answer(found: &io::Result<PathBuf>) -> String {
    found.as_ref().map_or_else(|_| "none".to_string(), |path| path.to_string_lossy().into_owned())
}

fn contents_answer(found: &io::Result<Vec<u8>>) -> String {
    found.as_ref().map_or_else(|_| "none".to_string(), |bytes| blake3::hash(bytes).to_hex().to_string())
}

impl Cache {
    /// The user's cache; `None` where there is no folder for it.
    pub fn of_user() -> Option<Cache> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = folder("XDG_CACHE_HOME")
            .or_else(|| folder("LOCALAPPDATA"))
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
        let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
        let changed = program.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
        Some(Cache { folder: base.join("walrus"), build: format!("walrus {} {changed}", program.len()) })
    }

    /// The flags that [`crate::compile::Compilation::cache_key`] is to cover.
    pub fn flags(&self) -> &str {
        &self.build
    }

    /// The bytes of a program that was compiled before, if compiling it again would give the same.
    pub fn find(&self, entry: &Path, options: &Options) -> Option<Vec<u8>> {
        let reads_file = self.reads_file(entry, options)?;
        let reads = fs::read_to_string(&reads_file).ok()?;
        let (key, questions) = reads.split_once('\n')?;
        for line in questions.split_terminator('\n') {
            let mut parts = line.splitn(3, '\0');
            let (question, path, answer) = (Question::of_word(parts.next()?)?, parts.next()?, parts.next()?);
            if question.answer(Path::new(path)) != answer {
                return None;
            }
        }
        let program_file = self.program_file(key)?;
        let program = fs::read(&program_file).ok()?;
        mark_used(&reads_file);
        mark_used(&program_file);
        Some(program)
    }

    /// Keeps a program under its key. That it cannot be kept is no error.
    pub fn keep(&self, entry: &Path, options: &Options, disk: RecordingDisk, key: &str, program: &[u8]) {
        let reads = disk.0.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A line break in a name would read as two lines.
        if reads.iter().any(|line| line.contains('\n')) {
            return;
        }
        let (Some(reads_file), Some(program_file)) = (self.reads_file(entry, options), self.program_file(key)) else {
            return;
        };
        let text: String = [key.to_string()].iter().chain(&reads).flat_map(|line| [line.as_str(), "\n"]).collect();
        let kept = write_file(&program_file, program).and_then(|()| write_file(&reads_file, text.as_bytes()));
        if kept.is_ok() {
            self.prune();
        }
    }

    fn reads_file(&self, entry: &Path, options: &Options) -> Option<PathBuf> {
        let entry = fs::canonicalize(entry).ok()?;
        let about = format!("{}\0{}\0{:?}", self.build, entry.to_str()?, options);
        Some(self.folder.join(format!("{}.reads", blake3::hash(about.as_bytes()).to_hex())))
    }

    /// The file of a key; `None` if it is no key.
    fn program_file(&self, key: &str) -> Option<PathBuf> {
        key.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| self.folder.join(format!("{key}.wbc")))
    }

    /// Removes what is old, and the oldest of what is too much. Somebody else may be at it too.
    fn prune(&self) {
        let Ok(found) = fs::read_dir(&self.folder) else { return };
        let now = SystemTime::now();
        let mut files: Vec<(Duration, u64, PathBuf)> = found
            .flatten()
            .filter_map(|entry| {
                let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                let age = now.duration_since(about.modified().ok()?).unwrap_or_default();
                Some((age, about.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut size = 0;
        for (age, len, path) in files {
            size += len;
            if age > MAX_AGE || size > MAX_SIZE {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Makes a file as young as its last use.
fn mark_used(path: &Path) {
    let now = SystemTime::now();
    let used = fs::metadata(path).and_then(|about| about.modified());
    if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > USED_PRECISION)) {
        let _ = File::open(path).and_then(|file| file.set_modified(now));
    }
}
