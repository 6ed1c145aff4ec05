//! The compiler in one screen: load the import graph, resolve names, lower to bytecode, analyse, encode.
//!
//! The façade reads files only through the [`FileLoader`] it is given; [`Disk`] is the one that programs hand in. It
//! runs on a thread of its own, as trees may be deep and the main thread's stack is not ours to size.

mod page;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::analysis::costs::Cost;
use crate::analysis::hovers::Hover;
use crate::analysis::losses::Losses;
use crate::analysis::{Analysis, Asked, failures, lay_out_and_examine, report};
use crate::bytecode::builtins::{HOST_MODULE, STD_MODULES, STD_MODULES_TO_COME};
use crate::bytecode::disassemble::disassemble;
use crate::bytecode::{self, Program, VERDICT_RULES_VERSION, wbc};
use crate::lower::{self, lower};
use crate::resolve::graph::{self, FileModule, ModuleGraph, ModuleSource, StdModules};
use crate::resolve::resolve;
use crate::source::codes::{CODES, find_code};
use crate::source::{Diagnostic, Diagnostics, Severity, SourceMap, read_at_most, render};
use crate::syntax::ast::StmtKind;
use crate::syntax::{Interner, print};

pub use crate::resolve::graph::{Entry, FileLoader, HostModule, InputContents, InputFile};
pub use crate::resolve::packages::Manifest;
pub use crate::source::render::Format;

pub use self::page::Dump;
pub use self::page::work::WorkReport;

/// Address space for the stack of a compilation. The parser bounds nesting; this is enough for the deepest tree it lets
/// through.
const STACK_SIZE: usize = 512 << 20;

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Goal {
    /// Read and parse the program's files.
    Load,
    /// Find everything there is to report.
    Check,
    /// Make the program.
    #[default]
    Build,
}

/// What becomes of a warning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Allow,
    Warn,
    Deny,
}

/// How far to go, what to leave out, and how to take warnings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub goal: Goal,
    /// Leave out names, line tables and sources that running does not need.
    pub strip: bool,
    /// Codes of warnings, `warnings` for all, or a lint about verdicts; the last that fits decides.
    pub levels: Vec<(String, Level)>,
    /// Add a note for every loop and function: whether it is compiled, under which conditions, or why not.
    pub explain: bool,
    /// Of what is never reached as well.
    pub explain_all: bool,
    /// Find out what loops and functions cost, for [`Compilation::loops_text`].
    pub costs: bool,
    /// Find out which types names have where they stand, for [`Compilation::page_text`].
    pub hovers: bool,
    /// A failed `core.assert` shows its condition and the operands, as tests want it.
    pub explain_asserts: bool,
    /// The modules `host/NAME` that the program which embeds Walrus offers.
    pub host_modules: Vec<HostModule>,
}

impl Options {
    fn level(&self, code: &str) -> Level {
        let is_gate = |name: &str| {
            code == STRAY_MARK && JitLint::find(name).is_some_and(|lint| lint.gate == report::Gate::Marked)
        };
        let fits = |name: &str| name == ALL_WARNINGS || name.eq_ignore_ascii_case(code) || is_gate(name);
        self.levels.iter().rev().find(|(name, _)| fits(name)).map_or(Level::Warn, |&(_, level)| level)
    }

    /// Whether there may be warnings about loops that are compiled only if types agree.
    fn gates_conditional_loops(&self) -> bool {
        JIT_LINTS.iter().any(|lint| lint.is_conditional && self.level_of(lint) != Level::Allow)
    }

    fn level_of(&self, lint: &JitLint) -> Level {
        let decides = |(name, _): &&(String, Level)| lint.is_decided_by(name);
        self.levels.iter().rev().find(decides).map_or(lint.level, |&(_, level)| level)
    }

    /// A diagnostic at the level that its code has: a warning may be silenced or become an error.
    fn apply(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        if diagnostic.severity == Severity::Warning {
            match self.level(diagnostic.code) {
                Level::Allow => return None,
                Level::Warn => {}
                Level::Deny => diagnostic.severity = Severity::Error,
            }
        }
        Some(diagnostic)
    }
}

/// A lint about verdicts: a gate for CI.
struct JitLint {
    name: &'static str,
    /// The loops it is about.
    gate: report::Gate,
    /// Of loops that are compiled only if types agree; otherwise of those that cannot be compiled.
    is_conditional: bool,
    /// Where no flag names it.
    level: Level,
}

/// Those about marked loops stand before those about all, which include them.
const JIT_LINTS: [JitLint; 4] = [
    JitLint { name: "jit-incompatible", gate: report::Gate::Marked, is_conditional: false, level: Level::Warn },
    JitLint { name: "jit-incompatible=all", gate: report::Gate::All, is_conditional: false, level: Level::Allow },
    JitLint { name: "jit-conditional", gate: report::Gate::Marked, is_conditional: true, level: Level::Allow },
    JitLint { name: "jit-conditional=all", gate: report::Gate::All, is_conditional: true, level: Level::Allow },
];

impl JitLint {
    fn find(name: &str) -> Option<&'static JitLint> {
        JIT_LINTS.iter().find(|lint| lint.name == name)
    }

    /// Whether a flag that names this lint, or all warnings, decides about it.
    fn is_decided_by(&self, name: &str) -> bool {
        let includes = |other: &JitLint| {
            other.name == self.name || other.gate == report::Gate::All && other.is_conditional == self.is_conditional
        };
        match JitLint::find(name) {
            Some(named) => includes(named),
            None => name == ALL_WARNINGS && self.level == Level::Warn,
        }
    }
}

/// The code of comments that begin like a mark and mark nothing. Whoever denies a lint about marked loops denies them,
/// too.
const STRAY_MARK: &str = "W0206";

/// The lint name that stands for every warning.
const ALL_WARNINGS: &str = "warnings";

/// What came out of compiling one program.
#[derive(Debug, Default)]
pub struct Compilation {
    pub sources: SourceMap,
    pub interner: Interner,
    pub graph: ModuleGraph,
    pub diagnostics: Diagnostics,
    /// Absent if there are errors.
    pub program: Option<Program>,
    /// What its regions cost, in the order of their facts, if that was asked for.
    costs: Vec<Cost>,
    losses: Losses,
    hovers: Vec<Hover>,
}

impl Compilation {
    /// The bytes of the `.wbc` file, if the program compiled.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let files = || self.sources.files().iter().map(|file| (file.name.as_str(), file.text()));
        let meta = || wbc::Meta::new(wbc::hash_sources(files()));
        self.program.as_ref().map(|program| wbc::encode_with(program, meta))
    }

    /// A line that changes exactly when the output could: it covers the tool, the format, the rules, the flags, and the
    /// names and contents of all files that were read.
    pub fn cache_key(&self, options: &Options, flags: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(env!("CARGO_PKG_VERSION").as_bytes());
        add(&wbc::FORMAT_VERSION.to_le_bytes());
        add(&VERDICT_RULES_VERSION.to_le_bytes());
        add(&[u8::from(options.strip), u8::from(options.explain_asserts)]);
        add(flags.as_bytes());
        for (code, level) in &options.levels {
            add(format!("{code}={level:?}").as_bytes());
        }
        for declared in &options.host_modules {
            let name = format!("host/{}", declared.name);
            if self.graph.modules.iter().any(|module| module.name == name) {
                add(format!("{name}: {:?}", declared.functions).as_bytes());
            }
        }
        for input in &self.graph.inputs {
            add(input.name.as_bytes());
            add(match &input.contents {
                InputContents::Source(file) => self.sources.file(*file).text().as_bytes(),
                InputContents::Manifest(text) => text.as_bytes(),
            });
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The diagnostics as text, and whether there are errors among them.
    pub fn render_diagnostics(&mut self, format: Format, colour: bool) -> (String, bool) {
        let report = std::mem::take(&mut self.diagnostics).into_report();
        (render::report(&report, &self.sources, format, colour), report.has_errors())
    }

    /// The diagnostics for the one document of all programs.
    pub fn findings(&mut self) -> Findings {
        let report = std::mem::take(&mut self.diagnostics).into_report();
        Findings(render::Sarif::of(&report, &self.sources))
    }

    /// The syntax trees as text.
    pub fn trees_text(&self) -> String {
        let trees = self.files().map(|file| {
            let name = &self.sources.file(file.file).name;
            format!("// {name}\n{}", print::print(&file.ast, &self.interner))
        });
        trees.collect::<Vec<_>>().join("\n")
    }

    /// The instructions as text, if the program compiled.
    pub fn bytecode_text(&self) -> Option<String> {
        self.program.as_ref().map(disassemble)
    }

    /// How many loops and functions have which verdict, and what costs most, if the program compiled and costs were
    /// asked for.
    pub fn summary_text(&self) -> Option<String> {
        self.judged().filter(|_| !self.costs.is_empty()).map(|judged| report::summary(&judged))
    }

    /// Each loop and function with its verdict as JSON, if the program compiled.
    pub fn loops_text(&self) -> Option<String> {
        self.judged().map(|judged| report::loops_json(&judged))
    }

    /// The program with what is known of it, if it compiled.
    fn judged(&self) -> Option<report::Subject<'_>> {
        let program = self.program.as_ref()?;
        let facts = program.facts.as_ref()?;
        Some(report::Subject { program, facts, costs: &self.costs, losses: &self.losses, sources: &self.sources })
    }

    /// The program as a page of HTML, with what a run did and what the JIT made of it, if the program compiled. Costs
    /// and hovers are to be asked for.
    pub fn page_text(&self, work: Option<&WorkReport>, dumps: &[Dump]) -> Option<String> {
        let files = self.sources.files().iter().map(|file| (file.name.as_str(), file.text()));
        let page = page::Page {
            subject: self.judged()?,
            hovers: &self.hovers,
            diagnostics: self.diagnostics.iter().collect(),
            hash: blake3::Hash::from_bytes(wbc::hash_sources(files)).to_hex().to_string(),
            work,
            dumps,
        };
        Some(page.html())
    }

    /// Everything the analysis knows as text, if the program compiled.
    pub fn facts_text(&self) -> Option<String> {
        let program = self.program.as_ref()?;
        Some(report::facts_text(program, program.facts.as_ref()?, &self.sources))
    }

    /// Where the program's files were read from, the entry file first.
    pub fn input_paths(&self) -> Vec<PathBuf> {
        self.graph.inputs.iter().filter_map(|input| input.path.clone()).collect()
    }

    /// The functions of the entry file's top level in the order of their definition, and whether they are async.
    pub fn top_level_functions(&self) -> Vec<(String, bool)> {
        let Some(module) = self.files().next() else { return Vec::new() };
        let functions = module.ast.block(module.ast.root).iter().filter_map(|&stmt| match module.ast.stmt(stmt).kind {
            StmtKind::Function(id) => Some(module.ast.function(id)),
            _ => None,
        });
        functions
            .filter_map(|function| Some((self.interner.get(function.name?.name).to_string(), function.is_async)))
            .collect()
    }

    /// The files of the program with their trees, the entry file first.
    pub fn files(&self) -> impl Iterator<Item = &FileModule> {
        self.graph.modules.iter().filter_map(|module| match &module.source {
            ModuleSource::File(file) => Some(file),
            ModuleSource::Std(_) => None,
        })
    }
}

/// What was found in any number of programs, for one SARIF document.
#[derive(Debug, Default)]
pub struct Findings(render::Sarif);

impl Findings {
    pub fn add(&mut self, other: Findings) {
        self.0.add(other.0);
    }

    pub fn document(self) -> String {
        self.0.document()
    }
}

/// Compiles a program. What is wrong with it is found in the diagnostics; an error means that the entry file cannot be
/// read.
pub fn compile(entry: Entry, loader: &(dyn FileLoader + Sync), options: &Options) -> io::Result<Compilation> {
    let entry = Mutex::new(Some(entry));
    // Taken by the thread, or here if the system has none to give.
    let work = || {
        let entry = entry.lock().unwrap_or_else(PoisonError::into_inner).take();
        run(entry.expect("only one of them works"), loader, options)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compile".to_string()).stack_size(STACK_SIZE);
        match thread.spawn_scoped(scope, work) {
            Ok(running) => running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => stacker::grow(STACK_SIZE, work),
        }
    })
}

fn run(entry: Entry, loader: &dyn FileLoader, options: &Options) -> io::Result<Compilation> {
    let mut all = Compilation::default();
    let std = StdModules {
        available: STD_MODULES,
        to_come: STD_MODULES_TO_COME,
        host: HOST_MODULE,
        host_modules: &options.host_modules,
    };
    all.graph = graph::load(entry, loader, std, &mut all.sources, &mut all.interner, &mut all.diagnostics)?;
    if options.goal != Goal::Load {
        let mut resolution = resolve(&all.graph, &mut all.interner, &mut all.diagnostics);
        if !all.diagnostics.has_errors() {
            let Compilation { graph, interner, sources, diagnostics, .. } = &mut all;
            let input = lower::Input {
                graph,
                resolution: &mut resolution,
                interner,
                sources,
                explains_asserts: options.explain_asserts,
            };
            all.program = Some(lower(input, diagnostics));
        }
    }
    apply_levels(&mut all.diagnostics, options);
    if all.diagnostics.has_errors() {
        all.program = None;
    }
    let tries: Vec<_> = all.files().flat_map(|file| file.ast.try_bodies()).collect();
    if let Some(program) = &mut all.program {
        let with_costs = options.explain || options.costs || options.gates_conditional_loops();
        let asked = Asked { failures: true, costs: with_costs, hovers: options.hovers };
        let Analysis { facts, failures, warnings, costs, losses, hovers } = lay_out_and_examine(program, asked);
        for warning in failures::warnings(program, &failures, &tries).into_iter().chain(warnings) {
            if let Some(warning) = options.apply(warning) {
                all.diagnostics.push(warning);
            }
        }
        program.refused = facts.refused();
        program.facts = Some(facts);
        (all.costs, all.losses, all.hovers) = (costs, losses, hovers);
        let mut diagnostics = std::mem::take(&mut all.diagnostics);
        if let Some(judged) = all.judged() {
            report_verdicts(&judged, options, &mut diagnostics);
        }
        all.diagnostics = diagnostics;
    }
    if let Some(program) = all.program.as_mut().filter(|_| options.strip) {
        program.debug = None;
    }
    if all.diagnostics.has_errors() {
        all.program = None;
    }
    Ok(all)
}

/// Notes on all regions if they are asked for, and warnings about loops that cannot be compiled at the level they have.
fn report_verdicts(judged: &report::Subject<'_>, options: &Options, diagnostics: &mut Diagnostics) {
    let (program, facts) = (judged.program, judged.facts);
    // Those about all loops come first, so that of two warnings about one loop theirs is kept.
    for lint in JIT_LINTS.iter().rev() {
        let level = options.level_of(lint);
        if level == Level::Allow {
            continue;
        }
        let found = match lint.is_conditional {
            true => report::conditional_loops(judged, lint.gate),
            false => report::incompatible_loops(program, facts, lint.gate),
        };
        for mut warning in found.into_iter().filter_map(|warning| options.apply(warning)) {
            if level == Level::Deny {
                warning.severity = Severity::Error;
            }
            diagnostics.push(warning);
        }
    }
    if options.explain {
        for note in report::notes(judged, options.explain_all) {
            // Where a warning says the same already, the note has nothing to add.
            diagnostics.push(note);
        }
    }
}

/// Silences allowed warnings and makes errors of denied ones.
fn apply_levels(diagnostics: &mut Diagnostics, options: &Options) {
    if options.levels.is_empty() {
        return;
    }
    let mut kept = Diagnostics::new();
    for diagnostic in diagnostics.iter() {
        if let Some(diagnostic) = options.apply(diagnostic.clone()) {
            kept.push(diagnostic);
        }
    }
    // Past its limit the sink only counts errors; they must not get lost with the warnings before them.
    if !diagnostics.has_errors() || kept.has_errors() {
        *diagnostics = kept;
    }
}

/// Checks that a lint level names a warning, or all of them.
pub fn known_lint(name: &str) -> Result<(), String> {
    let is_warning = |code: &str| code.starts_with('W');
    if name == ALL_WARNINGS
        || JitLint::find(name).is_some()
        || find_code(name).is_some_and(|info| is_warning(info.code))
    {
        return Ok(());
    }
    let lints: Vec<&str> = CODES.iter().map(|info| info.code).filter(|code| is_warning(code)).collect();
    Err(format!(
        "there is no warning '{name}'; the warnings are {}, {} and '{ALL_WARNINGS}' for all",
        lints.join(", "),
        JIT_LINTS.map(|lint| lint.name).join(", ")
    ))
}

/// Whether a word names what `--explain` has a text for and no program: a code, or a lint about loops.
pub fn is_explained(word: &str) -> bool {
    let is_code = matches!(word.as_bytes(), [letter, digits @ ..]
        if letter.is_ascii_alphabetic() && digits.len() == 4 && digits.iter().all(u8::is_ascii_digit));
    is_code || JitLint::find(word).is_some()
}

/// The long text of a diagnostic code, or of a lint about loops.
pub fn explain(code: &str) -> Result<String, String> {
    if let Some(lint) = JitLint::find(code) {
        let (which, strays) = match lint.gate {
            report::Gate::Marked => (
                "marked `// @jit`",
                "\nA comment that begins with `@jit` and marks no loop (W0206) is an error, too, so that the gate cannot pass for want of a mark.\n",
            ),
            report::Gate::All => ("of the program and what it imports", ""),
        };
        let (what, codes) = match lint.is_conditional {
            false => ("cannot be compiled to native code", "W0102, W0104, W0105, whose texts say why and what to do"),
            true => ("is compiled only if values turn out to have the types that its conditions name", "W0106"),
        };
        return Ok(format!(
            "{code}\n\nA gate for CI: with `--deny {code}`, a loop {which} that {what} is an error.\nCodes: {codes}.\n{strays}"
        ));
    }
    match find_code(code) {
        Some(info) => Ok(format!("{}: {}\n\n{}\n", info.code, info.title, info.explanation.trim())),
        None => Err(format!("there is no diagnostic code '{code}'; codes look like E0301 or W0201")),
    }
}

/// The program in a `.wbc` file as readable bytecode.
pub fn disassemble_file(bytes: &[u8]) -> Result<String, String> {
    bytecode::load(bytes).map(|program| disassemble(&program)).map_err(|error| error.to_string())
}

/// The functions, loops and verdicts that differ between two `.wbc` files, a line each, and whether a verdict got
/// worse.
pub fn difference_of_files(old: &[u8], new: &[u8]) -> Result<report::Difference, String> {
    let load = |bytes: &[u8]| bytecode::load(bytes).map_err(|error| error.to_string());
    Ok(report::difference(&*load(old)?, &*load(new)?))
}

/// What a `.wbc` file of any version says of itself.
pub fn describe_file(bytes: &[u8]) -> Result<String, String> {
    wbc::info(bytes).map_err(|error| error.to_string())
}

/// What `--version` prints.
pub fn version_text() -> String {
    let (tool, format, rules) = (env!("CARGO_PKG_VERSION"), wbc::FORMAT_VERSION, VERDICT_RULES_VERSION);
    let target = target();
    format!("walrusc {tool}\n.wbc format {format}\nverdict rules {rules}\nCranelift not used\ntarget {target}\n")
}

/// What `--version --json` prints. No part needs escaping.
pub fn version_json() -> String {
    let (tool, format, rules) = (env!("CARGO_PKG_VERSION"), wbc::FORMAT_VERSION, VERDICT_RULES_VERSION);
    let target = target();
    format!(
        "{{\"tool\": \"walrusc\", \"version\": \"{tool}\", \"wbc_format\": {format}, \"verdict_rules\": {rules}, \
         \"cranelift\": null, \"target\": \"{target}\"}}\n"
    )
}

fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Longer source files are not read: positions in them are numbers of 32 bits, and nobody writes one.
const MAX_SOURCE_SIZE: usize = 256 << 20;

/// All that a stream holds, if it is no longer than a source file or a compiled program may be.
pub fn read_input(input: impl io::Read) -> io::Result<Vec<u8>> {
    read_at_most(input, 0, MAX_SOURCE_SIZE.max(wbc::MAX_FILE_SIZE))
}

/// The bytes of a compiled program, as far as they may be one.
pub fn read_compiled(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    read_at_most(file, size, wbc::MAX_FILE_SIZE)
}

/// Refuses a compiled program that walrus-run would refuse for its size; the message says what to do.
pub fn check_runnable(compiled: &[u8]) -> Result<(), String> {
    check_size(compiled.len(), wbc::MAX_FILE_SIZE)
}

fn check_size(size: usize, most: usize) -> Result<(), String> {
    if size <= most {
        return Ok(());
    }
    Err(format!(
        "the compiled program would take {} MiB, and walrus-run takes no file above {} MiB: read data at run time instead \
         of writing it into the program, or leave sources out with --strip",
        size.div_ceil(1 << 20),
        most >> 20
    ))
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
        let file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        read_at_most(file, size, MAX_SOURCE_SIZE)
    }
}

/// Compiles text without imports, for tests and tools.
pub fn compile_text(name: &str, text: &str) -> Compilation {
    let entry = Entry::Text { name: name.to_string(), text: text.into(), folder: PathBuf::new() };
    compile(entry, &NoFiles, &Options::default()).expect("text needs no reading")
}

/// A file system without files.
pub struct NoFiles;

impl FileLoader for NoFiles {
    fn canonicalize(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_walrus_run_would_refuse_is_not_written() {
        assert_eq!(check_size(3 << 20, 3 << 20), Ok(()));
        let refused = check_size((3 << 20) + 1, 3 << 20).unwrap_err();
        assert!(refused.contains("4 MiB") && refused.contains("3 MiB") && refused.contains("--strip"), "{refused}");
    }
}
