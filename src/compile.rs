//! The compiler in one screen: load the import graph, resolve names, lower to bytecode, encode.
//!
//! The façade reads files only through the [`FileLoader`] it is given; [`Disk`] is the one that programs hand in. It runs on a thread
//! of its own, as trees may be deep and the main thread's stack is not ours to size.

use std::io;
use std::path::{Path, PathBuf};

use crate::bytecode::natives::{STD_MODULES, STD_MODULES_TO_COME};
use crate::bytecode::{Program, wbc};
use crate::lower::{self, lower};
use crate::resolve::graph::{self, FileModule, ModuleGraph, ModuleSource, StdModules};
use crate::resolve::resolve;
use crate::source::{Diagnostics, SourceMap};
use crate::syntax::Interner;

pub use crate::resolve::graph::{Entry, FileLoader, InputContents, InputFile};

/// Address space for the stack of a compilation. The parser bounds nesting; this is enough for the deepest tree it lets through.
const STACK_SIZE: usize = 512 << 20;

/// How far to go and what to leave out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Leave out names, line tables and sources that running does not need.
    pub strip: bool,
}

/// What came out of compiling one program.
#[derive(Debug, Default)]
pub struct Compilation {
    pub sources: SourceMap,
    pub interner: Interner,
    pub graph: ModuleGraph,
    pub diagnostics: Diagnostics,
    /// Absent if there are errors.
    pub program: Option<Program>,
}

impl Compilation {
    /// The bytes of the `.wbc` file, if the program compiled.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let files = self.sources.files().iter().map(|file| (file.name.as_str(), file.text()));
        let meta = wbc::Meta::new(wbc::hash_sources(files));
        self.program.as_ref().map(|program| wbc::encode(program, &meta))
    }

    /// The files of the program with their trees, the entry file first.
    pub fn files(&self) -> impl Iterator<Item = &FileModule> {
        self.graph.modules.iter().filter_map(|module| match &module.source {
            ModuleSource::File(file) => Some(file),
            ModuleSource::Std(_) => None,
        })
    }
}

/// Compiles a program. What is wrong with it is found in the diagnostics; an error means that the entry file cannot be read.
pub fn compile(entry: Entry, loader: &(dyn FileLoader + Sync), options: Options) -> io::Result<Compilation> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compile".to_string()).stack_size(STACK_SIZE);
        let running = thread.spawn_scoped(scope, || run(entry, loader, options))?;
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run(entry: Entry, loader: &dyn FileLoader, options: Options) -> io::Result<Compilation> {
    let Compilation { mut sources, mut interner, mut diagnostics, .. } = Compilation::default();
    let std = StdModules { available: STD_MODULES, to_come: STD_MODULES_TO_COME };
    let graph = graph::load(entry, loader, std, &mut sources, &mut interner, &mut diagnostics)?;
    let resolution = resolve(&graph, &mut interner, &mut diagnostics);
    let mut program = None;
    if !diagnostics.has_errors() {
        let input = lower::Input { graph: &graph, resolution: &resolution, interner: &interner, sources: &sources };
        program = Some(lower(input, &mut diagnostics));
    }
    if diagnostics.has_errors() {
        program = None;
    }
    if let (true, Some(program)) = (options.strip, &mut program) {
        program.debug = None;
    }
    Ok(Compilation { sources, interner, graph, diagnostics, program })
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileLoader for Disk {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        // The folder of a file named without one.
        std::fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Compiles text without imports, for tests and tools.
pub fn compile_text(name: &str, text: &str) -> Compilation {
    let entry = Entry::Text { name: name.to_string(), text: text.into(), folder: PathBuf::new() };
    compile(entry, &NoFiles, Options::default()).expect("text needs no reading")
}

/// A file system without files.
struct NoFiles;

impl FileLoader for NoFiles {
    fn canonicalize(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
