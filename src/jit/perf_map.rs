//! The map of native code that Linux `perf` reads, for `--perf-map`.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The map file that `perf` reads, in a folder where anybody may put files. Its name can be guessed, so what has it
/// already may be somebody else's, or a link to a file that must not be written: only a file made here and now is
/// taken.
#[derive(Default)]
pub struct PerfMap {
    /// Absent until there is something to write; `None` inside if the file cannot be made.
    file: OnceCell<Option<File>>,
}

impl PerfMap {
    /// Adds a line. Without its map `perf` shows addresses; nothing else depends on it, so a failure is told once and
    /// costs nothing more.
    pub fn add(&self, address: usize, size: usize, name: &str, tool: &str) {
        let make = || {
            let path = std::env::temp_dir().join(format!("perf-{}.map", std::process::id()));
            let made = make_anew(&path);
            if let Err(error) = &made {
                eprintln!("{tool}: no map for perf: cannot make '{}': {error}", path.display());
            }
            made.ok()
        };
        if let Some(file) = self.file.get_or_init(make) {
            let mut file: &File = file;
            let _ = writeln!(file, "{address:x} {size:x} walrus:{name}");
        }
    }
}

/// Makes a file that was not there. One that an earlier process of the same number left behind is removed, a link
/// itself and not what it leads to.
fn make_anew(path: &Path) -> io::Result<File> {
    let make = || File::options().append(true).create_new(true).open(path);
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            make()
        }
        made => made,
    }
}
