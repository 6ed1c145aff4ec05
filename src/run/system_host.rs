//! The host of a program that runs on this machine: standard streams, files, clocks.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ending;
use crate::runtime::host::{Host, HostFile, OpenMode};
use crate::runtime::output::Pending;

/// See the module documentation.
pub struct SystemHost {
    args: Vec<String>,
    started: Instant,
    input: BufReader<io::Stdin>,
}

impl SystemHost {
    /// `args`: the program's path, then the user's arguments.
    pub fn new(args: Vec<String>) -> SystemHost {
        SystemHost { args, started: Instant::now(), input: BufReader::new(io::stdin()) }
    }
}

impl Host for SystemHost {
    fn out_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    fn keep_output(&mut self, pending: &Arc<Pending>) {
        ending::keep(pending);
    }

    fn write_out(&mut self, pending: &Pending) -> io::Result<()> {
        let written = pending.write_with(ending::write_to_stdout);
        ending::end_if_told();
        written
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line)
    }

    fn timestamp(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        }
    }

    fn clock(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn pause(&mut self, seconds: f64) {
        if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
            std::thread::sleep(duration);
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        // `var_os` panics on these; no variable has such a name.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn args(&self) -> &[String] {
        &self.args
    }

    fn current_dir(&self) -> io::Result<String> {
        Ok(std::env::current_dir()?.to_string_lossy().into_owned())
    }

    fn open(&mut self, path: &str, mode: OpenMode) -> io::Result<Box<dyn HostFile>> {
        let mut options = OpenOptions::new();
        match mode {
            OpenMode::Read => options.read(true),
            OpenMode::Write => options.write(true).create(true).truncate(true),
            OpenMode::Append => options.append(true).create(true),
            OpenMode::ReadWrite => options.read(true).write(true).create(true).truncate(false),
        };
        let file = options.open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(SystemFile { reader: BufReader::new(file), written: Vec::new() }))
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn read_file(&self, path: &str) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn write_file(&mut self, path: &str, text: &str) -> io::Result<()> {
        std::fs::write(path, text)
    }
}

/// A file with its reads and writes buffered; what is not written yet goes out before a read and at the end.
struct SystemFile {
    reader: BufReader<File>,
    written: Vec<u8>,
}

/// Bytes of writes held back.
const BLOCK: usize = 64 << 10;

impl HostFile for SystemFile {
    fn read_rest(&mut self) -> io::Result<String> {
        self.flush()?;
        let mut text = String::new();
        self.reader.read_to_string(&mut text)?;
        Ok(text)
    }

    fn read_line(&mut self) -> io::Result<String> {
        self.flush()?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        Ok(line)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if self.written.is_empty() {
            // What was read ahead does not count: a write goes on where the program's reading stopped.
            let ahead = self.reader.buffer().len() as i64;
            if ahead > 0 {
                let position = self.reader.stream_position()?;
                self.reader.seek(SeekFrom::Start(position))?;
            }
        }
        self.written.extend_from_slice(text.as_bytes());
        if self.written.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.written.is_empty() {
            let written = self.reader.get_mut().write_all(&self.written);
            self.written.clear();
            written?;
        }
        Ok(())
    }
}

impl Drop for SystemFile {
    fn drop(&mut self) {
        // Whoever cares about the error closes the file; this is the end of a program that did not.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_goes_on_where_reading_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f").to_string_lossy().into_owned();
        let mut host = SystemHost::new(Vec::new());
        host.write_file(&path, "one\ntwo\n").unwrap();
        let mut file = host.open(&path, OpenMode::ReadWrite).unwrap();
        assert_eq!(file.read_line().unwrap(), "one\n");
        file.write("TWO").unwrap();
        file.flush().unwrap();
        assert_eq!(host.read_file(&path).unwrap(), "one\nTWO\n");
    }
}
