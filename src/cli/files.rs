//! Files that the programs write: whole or not at all, untouched if nothing would change, and rules that say what they
//! depend on.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::NamedTempFile;

use super::terminal::write_stdout;
use crate::compile;
use crate::source::reason;

/// How the names of files begin and end that are still being written.
const UNFINISHED: (&str, &str) = (".walrusc-", ".tmp");

/// Puts a file in place by renaming: whoever looks sees the old one or the whole new one. One that would not change is
/// not touched; mode and links of one that does are kept, and folders are made.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write_atomically(path, bytes).map_err(|error| format!("cannot write '{}': {}", path.display(), reason(&error)))
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = end_of_links(path)?;
    let old = match fs::metadata(&target) {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a folder")),
        // A device or pipe is written to, not replaced.
        Ok(found) if !found.is_file() => {
            return fs::OpenOptions::new().write(true).open(&target)?.write_all(bytes);
        }
        Ok(found) if found.len() == bytes.len() as u64 && holds(&target, bytes) => return Ok(()),
        Ok(found) => Some(found.permissions()),
        Err(_) => None,
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    remove_unfinished(folder);
    loop {
        let file = unfinished(folder, old.clone())?;
        file.as_file().write_all(bytes)?;
        match file.persist(&target) {
            Ok(_) => return Ok(()),
            // Between making and locking it, somebody took it for one that was left behind.
            Err(error) if error.error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {}
            Err(error) => return Err(error.error),
        }
    }
}

/// Where a link leads at last, also if there is nothing yet.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    /// More links in a row are a circle.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its symbolic links lead in a circle"))
}

fn holds(path: &Path, bytes: &[u8]) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let (mut part, mut rest) = ([0; 1 << 14], bytes);
    loop {
        match file.read(&mut part) {
            Ok(0) => return rest.is_empty(),
            Ok(len) => match rest.strip_prefix(&part[..len]) {
                Some(behind) => rest = behind,
                None => return false,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// A new file in the folder, locked for as long as it is being written.
fn unfinished(folder: &Path, permissions: Option<Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: the umask takes away what it must.
        builder.permissions(Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder)?;
    // Where files cannot be locked, nobody takes them for left behind either.
    let _ = file.as_file().lock();
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

/// Removes what killed compilers left in a folder: nobody holds the lock of their files. Each folder is looked at once.
fn remove_unfinished(folder: &Path) {
    static SEEN: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let is_new = SEEN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .get_or_insert_default()
        .insert(folder.to_path_buf());
    let Some(entries) = is_new.then(|| fs::read_dir(folder).ok()).flatten() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with(UNFINISHED.0) || !name.ends_with(UNFINISHED.1) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if !matches!(file.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))) {
            // Somebody else may have been quicker.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes a report to a file, or to standard output for `-` or nothing.
pub fn write_report(path: Option<&Path>, bytes: &[u8]) -> Result<(), String> {
    match path {
        Some(path) if path != Path::new("-") => write_file(path, bytes),
        _ => write_stdout(bytes),
    }
}

/// Refuses an output that is one of the files read.
pub fn refuse_overwriting(output: &Path, inputs: &[PathBuf]) -> Result<(), String> {
    let Ok(identity) = fs::canonicalize(output) else { return Ok(()) };
    match inputs.iter().find(|input| fs::canonicalize(input).is_ok_and(|input| input == identity)) {
        Some(_) => Err(format!("'{}' is read here; writing there would destroy it", output.display())),
        None => Ok(()),
    }
}

/// Reads a whole file, or standard input for `-`.
pub fn read(file: &Path) -> Result<Vec<u8>, String> {
    let read = if file == Path::new("-") {
        compile::read_input(io::stdin().lock())
    } else if file.is_dir() {
        return Err(format!("cannot read '{}': it is a folder", file.display()));
    } else {
        compile::read_compiled(file)
    };
    read.map_err(|error| format!("cannot read '{}': {}", file.display(), reason(&error)))
}

/// A rule for make and ninja: the target depends on the files.
pub fn dependency_rule(target: &Path, dependencies: &[PathBuf]) -> Result<Vec<u8>, String> {
    let mut rule = escape(target.as_os_str())?;
    rule.push(b':');
    for dependency in dependencies {
        rule.extend_from_slice(b" \\\n  ");
        rule.extend(escape(dependency.as_os_str())?);
    }
    rule.push(b'\n');
    Ok(rule)
}

/// A file name as make reads it. A line break cannot be written.
fn escape(name: &OsStr) -> Result<Vec<u8>, String> {
    let mut escaped = Vec::new();
    let mut backslashes = 0;
    for &byte in name.as_encoded_bytes() {
        match byte {
            b'\n' | b'\r' => {
                let name = name.to_string_lossy();
                return Err(format!("a dependency file cannot name {name:?}: it holds a line break"));
            }
            b' ' | b'\t' | b'#' | b':' => {
                // Backslashes before an escaped character would escape each other.
                escaped.extend(std::iter::repeat_n(b'\\', backslashes + 1));
            }
            b'$' => escaped.push(b'$'),
            _ => {}
        }
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        escaped.push(byte);
    }
    Ok(escaped)
}
