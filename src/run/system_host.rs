//! The host of a program that runs on this machine: standard streams, files, clocks.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ending;
use super::simulation::Simulation;
use super::system_network::SystemNetwork;
use crate::runtime::host::{Capability, EndedProcess, FileInfo, Host, HostFile, HostValue, OpenMode};
use crate::runtime::network::Network;
use crate::runtime::output::Pending;

mod processes;

/// See the module documentation.
pub struct SystemHost {
    args: Vec<String>,
    started: Instant,
    input: BufReader<io::Stdin>,
    forbidden: Vec<Capability>,
    offered: Vec<Offered>,
    /// What stands in for clocks and network.
    simulation: Option<Simulation>,
}

/// What a function of an embedding program does.
type HostFn = Box<dyn FnMut(&[HostValue]) -> Result<HostValue, String>>;

/// A function that programs may call.
struct Offered {
    module: String,
    name: String,
    arguments: usize,
    function: HostFn,
}

impl SystemHost {
    /// `args`: the program's path, then the user's arguments.
    pub fn new(args: Vec<String>) -> SystemHost {
        SystemHost {
            args,
            started: Instant::now(),
            input: BufReader::new(io::stdin()),
            forbidden: Vec::new(),
            offered: Vec::new(),
            simulation: None,
        }
    }

    /// The same host with a function `name` of the module `host/MODULE`, which takes so many arguments.
    pub fn offering(
        mut self,
        module: &str,
        name: &str,
        arguments: usize,
        function: impl FnMut(&[HostValue]) -> Result<HostValue, String> + 'static,
    ) -> SystemHost {
        let function: HostFn = Box::new(function);
        self.offered.push(Offered { module: module.to_string(), name: name.to_string(), arguments, function });
        self
    }

    /// The same host with a simulated clock and network, which varies by the seed.
    pub fn simulating(self, seed: u64) -> SystemHost {
        SystemHost { simulation: Some(Simulation::new(seed)), ..self }
    }

    /// The same host, which keeps programs from these parts of the library.
    pub fn forbidding(self, forbidden: Vec<Capability>) -> SystemHost {
        SystemHost { forbidden, ..self }
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

    fn read_line(&mut self, most: usize) -> io::Result<String> {
        text(read_line_within(&mut self.input, most)?)
    }

    fn read_input(&mut self, most: usize) -> io::Result<Vec<u8>> {
        read_within(&mut self.input, most)
    }

    fn write_error(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::stderr().write_all(bytes)
    }

    fn permits(&self, capability: Capability) -> bool {
        !self.forbidden.contains(&capability)
    }

    fn offers(&self, module: &str, function: &str, arguments: usize) -> bool {
        let fits =
            |offered: &Offered| offered.module == module && offered.name == function && offered.arguments == arguments;
        self.offered.iter().any(fits)
    }

    fn call(&mut self, module: &str, function: &str, arguments: Vec<HostValue>) -> Result<HostValue, String> {
        let fits = |offered: &&mut Offered| {
            offered.module == module && offered.name == function && offered.arguments == arguments.len()
        };
        match self.offered.iter_mut().find(fits) {
            Some(offered) => (offered.function)(&arguments),
            None => Err(format!("host/{module} has no function '{function}'")),
        }
    }

    fn timestamp(&self) -> i64 {
        self.simulation.as_ref().map_or_else(|| epoch_ms(SystemTime::now()), Simulation::timestamp)
    }

    fn clock(&self) -> f64 {
        self.simulation.as_ref().map_or_else(|| self.started.elapsed().as_secs_f64(), Simulation::clock)
    }

    fn nanoseconds(&self) -> u64 {
        self.simulation.as_ref().map_or_else(|| self.started.elapsed().as_nanos() as u64, Simulation::nanoseconds)
    }

    fn network(&mut self) -> io::Result<Box<dyn Network>> {
        match &self.simulation {
            Some(simulation) => Ok(simulation.network()),
            None => Ok(Box::new(SystemNetwork::new()?)),
        }
    }

    fn pause(&mut self, seconds: f64) {
        if let Some(simulation) = &self.simulation {
            return simulation.pause(seconds);
        }
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

    fn read_file(&self, path: &str, most: usize) -> io::Result<Vec<u8>> {
        read_within(&mut File::open(path)?, most)
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        std::fs::write(path, bytes)
    }

    fn append_file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
    }

    fn info(&self, path: &str) -> io::Result<FileInfo> {
        let metadata = std::fs::metadata(path)?;
        Ok(FileInfo {
            is_file: metadata.is_file(),
            is_dir: metadata.is_dir(),
            size: metadata.len(),
            modified: epoch_ms(metadata.modified()?),
        })
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn make_dir(&mut self, path: &str) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        // A link to a folder is removed as the file that it is.
        if std::fs::symlink_metadata(path)?.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) }
    }

    fn remove_all(&mut self, path: &str) -> io::Result<()> {
        if std::fs::symlink_metadata(path)?.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn copy(&mut self, from: &str, to: &str) -> io::Result<()> {
        if is_same_file(from, to) {
            // The system would empty it first and then find nothing to copy.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "they are the same file"));
        }
        std::fs::copy(from, to).map(|_| ())
    }

    fn temp_dir(&self) -> String {
        std::env::temp_dir().to_string_lossy().into_owned()
    }

    fn make_temp_dir(&mut self) -> io::Result<String> {
        let parent = std::env::temp_dir();
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        loop {
            // Making it fails if it is there, so a name that somebody guessed costs a round and no more.
            let number = RandomState::new().hash_one(std::process::id());
            let path = parent.join(format!("walrus-{number:016x}"));
            match builder.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| path.to_string_lossy().into_owned()),
            }
        }
    }

    fn run(&mut self, program: &str, args: &[String], input: &str, most: usize) -> io::Result<EndedProcess> {
        processes::run(program, args, input, most)
    }
}

/// Milliseconds since 1970, negative before it.
fn epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// All that a reader gives, if that is not more than `most` bytes.
pub(super) fn read_within(reader: &mut dyn Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Whether two paths lead to one file, by links too.
fn is_same_file(one: &str, other: &str) -> bool {
    #[cfg(unix)]
    let identity = |path: &str| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).map(|about| (about.dev(), about.ino()))
    };
    #[cfg(not(unix))]
    let identity = |path: &str| std::fs::canonicalize(path);
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// The next line with its newline, likewise.
fn read_line_within(reader: &mut dyn BufRead, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// A file with its reads and writes buffered; what is not written yet goes out before a read and at the end.
struct SystemFile {
    reader: BufReader<File>,
    written: Vec<u8>,
}

/// Bytes of writes held back.
const BLOCK: usize = 64 << 10;

impl HostFile for SystemFile {
    fn read_rest(&mut self, most: usize) -> io::Result<String> {
        self.flush()?;
        text(read_within(&mut self.reader, most)?)
    }

    fn read_line(&mut self, most: usize) -> io::Result<String> {
        self.flush()?;
        text(read_line_within(&mut self.reader, most)?)
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
        host.write_file(&path, b"one\ntwo\n").unwrap();
        let mut file = host.open(&path, OpenMode::ReadWrite).unwrap();
        assert_eq!(file.read_line(100).unwrap(), "one\n");
        file.write("TWO").unwrap();
        file.flush().unwrap();
        assert_eq!(host.read_file(&path, 100).unwrap(), b"one\nTWO\n");
    }
}
