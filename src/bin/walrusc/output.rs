//! Writing what was asked for: whole files or nothing, and standard output without noise when nobody reads it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The words of an I/O error, without the number of the operating system.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

/// Puts a file in place by renaming: whoever looks sees the old one or the whole new one.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write_atomically(path, bytes).map_err(|error| format!("cannot write '{}': {}", path.display(), reason(&error)))
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()),
        _ => path.to_path_buf(),
    };
    if let Ok(found) = fs::metadata(&target) {
        if found.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        // A device or pipe is written to, not replaced.
        if !found.is_file() {
            return fs::OpenOptions::new().write(true).open(&target)?.write_all(bytes);
        }
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".walrusc-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: the umask takes away what it must.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Writes to standard output. A closed pipe is no error: the reader has had enough.
pub fn write_stdout(bytes: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {}", reason(&error)))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; there is nowhere to report a failure of that.
pub fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a report to a file, or to standard output for `-` or nothing.
pub fn write_report(path: Option<&Path>, bytes: &[u8]) -> Result<(), String> {
    match path {
        Some(path) if path != Path::new("-") => write_file(path, bytes),
        _ => write_stdout(bytes),
    }
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
