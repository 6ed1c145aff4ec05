//! The import graph: which files and standard modules a program consists of.
//!
//! Files are named relative to the entry file's folder, so that nothing a program becomes depends on where it was
//! compiled; which file a path means is decided by its canonical form, so a file is one module however it is spelled.
//! The graph is walked with a stack of its own: a chain of a hundred thousand imports needs no native stack.

use std::io;
use std::path::{Component, Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::ModuleIndex;
use super::packages::{Lock, Manifest};
use crate::source::spelling::closest;
use crate::source::{Diagnostic, Diagnostics, FileId, SourceMap, Span, reason};
use crate::syntax::ast::{Ast, Ident, ImportPath, StmtId, StmtKind, Symbol};
use crate::syntax::{Interner, parse};

/// How the compiler reads files. The library brings none along: a program hands one in.
pub trait FileLoader {
    /// The one name of an existing file or folder.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The file that a program starts in.
#[derive(Clone, Debug)]
pub enum Entry {
    File(PathBuf),
    /// Text that is no file, such as standard input; its imports are relative to `folder`.
    Text {
        name: String,
        text: Vec<u8>,
        folder: PathBuf,
    },
}

/// The modules that are no files, which this room does not know by itself.
#[derive(Clone, Copy, Debug)]
pub struct StdModules<'a> {
    pub available: &'static [&'static str],
    /// Modules of the language that this version cannot run.
    pub to_come: &'static [&'static str],
    /// The one that only modules made of [`HostModule`]s import.
    pub host: &'static str,
    pub host_modules: &'a [HostModule],
}

/// A module `host/NAME` of the program that embeds Walrus: its functions with the numbers of their arguments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostModule {
    pub name: String,
    pub functions: Vec<(String, usize)>,
}

impl HostModule {
    /// The module as Walrus code, which passes all calls on.
    fn text(&self) -> String {
        let mut text = String::from("import \"std/host\" as host;\n");
        for (name, arity) in &self.functions {
            let params = (0..*arity).map(|index| format!("a{index}")).collect::<Vec<_>>().join(", ");
            let module = &self.name;
            text.push_str(&format!(
                "fn {name} : {params} {{ return host.call(\"{module}\", \"{name}\", [{params}]); }}\n"
            ));
        }
        text
    }
}

/// The modules of a program, the entry file's first, then in the order of their first import.
#[derive(Debug, Default)]
pub struct ModuleGraph {
    pub modules: Vec<Module>,
    /// Every file that was read, sources and manifests.
    pub inputs: Vec<InputFile>,
}

#[derive(Debug)]
pub struct Module {
    /// As `<module name>` shows it.
    pub name: String,
    pub source: ModuleSource,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all modules are files, so a box would save nothing")]
pub enum ModuleSource {
    /// The import path, `std/math`.
    Std(&'static str),
    File(FileModule),
}

#[derive(Debug)]
pub struct FileModule {
    pub file: FileId,
    pub ast: Ast,
    /// In order of statement ids.
    pub imports: Vec<ImportBinding>,
}

/// What an import statement binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImportBinding {
    pub stmt: StmtId,
    pub name: Ident,
    /// Absent if the import failed; the error was reported.
    pub module: Option<ModuleIndex>,
}

/// A file that the compilation read.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Relative to the entry file's folder.
    pub name: String,
    /// Absent for text that came from no file.
    pub path: Option<PathBuf>,
    pub contents: InputContents,
}

#[derive(Clone, Debug)]
pub enum InputContents {
    Source(FileId),
    Manifest(String),
}

/// Reads and parses the entry file and everything it imports. An error means that the entry file itself cannot be read;
/// all else is reported as diagnostics.
pub fn load(
    entry: Entry,
    loader: &dyn FileLoader,
    std: StdModules<'_>,
    sources: &mut SourceMap,
    interner: &mut Interner,
    diagnostics: &mut Diagnostics,
) -> io::Result<ModuleGraph> {
    let mut load = Load {
        loader,
        std,
        sources,
        interner,
        diagnostics,
        graph: ModuleGraph::default(),
        folder: PathBuf::new(),
        by_path: FxHashMap::default(),
        unreadable: FxHashMap::default(),
        by_std: FxHashMap::default(),
        by_host: FxHashMap::default(),
        manifests: FxHashMap::default(),
        open: Vec::new(),
        loading: FxHashSet::default(),
    };
    load.entry(entry)?;
    load.run();
    // Every file can say `core` without importing it.
    load.std_module("std/core");
    Ok(load.graph)
}

/// A module whose imports are being loaded.
struct OpenModule {
    module: ModuleIndex,
    /// Relative to the entry file's folder.
    name: PathBuf,
    imports: Vec<StmtId>,
    next: usize,
    bindings: Vec<ImportBinding>,
}

struct PackageFiles {
    /// Relative to the entry file's folder.
    folder: PathBuf,
    manifest: Manifest,
    lock: Option<Lock>,
}

struct Load<'a> {
    loader: &'a dyn FileLoader,
    std: StdModules<'a>,
    sources: &'a mut SourceMap,
    interner: &'a mut Interner,
    diagnostics: &'a mut Diagnostics,
    graph: ModuleGraph,
    /// The entry file's.
    folder: PathBuf,
    by_path: FxHashMap<PathBuf, ModuleIndex>,
    /// Why files could not be read: a second import tries no second time, as a pipe is there but once.
    unreadable: FxHashMap<PathBuf, String>,
    by_std: FxHashMap<&'static str, ModuleIndex>,
    by_host: FxHashMap<String, ModuleIndex>,
    /// By folder: the nearest manifest at or above it, by position in a list; or a message if it is not valid.
    manifests: FxHashMap<PathBuf, Option<Result<std::rc::Rc<PackageFiles>, String>>>,
    open: Vec<OpenModule>,
    /// The modules of `open`.
    loading: FxHashSet<ModuleIndex>,
}

/// Why an import leads nowhere.
struct NotFound {
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl NotFound {
    fn module(spelled: &str, help: Option<String>) -> Self {
        NotFound { code: "E0401", message: format!("Module '{spelled}' not found"), help }
    }

    fn package(message: String) -> Self {
        NotFound { code: "E0403", message, help: None }
    }
}

impl Load<'_> {
    fn entry(&mut self, entry: Entry) -> io::Result<()> {
        match entry {
            Entry::File(path) => {
                let path = self.shortest(path);
                let bytes = self.loader.read(&path)?;
                let identity = self.loader.canonicalize(&path).unwrap_or_else(|_| path.clone());
                self.folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
                let name = PathBuf::from(path.file_name().unwrap_or(path.as_os_str()));
                let module = self.add_file(stem(&name), name, Some(path), bytes);
                self.by_path.insert(identity, module);
            }
            Entry::Text { name, text, folder } => {
                self.folder = folder;
                let stem = stem(Path::new(&name));
                self.add_file(stem, PathBuf::from(name), None, text);
            }
        }
        Ok(())
    }

    /// Parses a file and puts it on the stack of modules whose imports are to be loaded.
    fn add_file(&mut self, module_name: String, name: PathBuf, path: Option<PathBuf>, bytes: Vec<u8>) -> ModuleIndex {
        let shown = slashes(&name);
        let file = match self.sources.add_bytes(shown.clone(), path.as_deref(), bytes) {
            Ok(file) => Ok(file),
            Err(failure) => {
                let (file, diagnostic) = *failure;
                self.diagnostics.push(diagnostic);
                Err(file)
            }
        };
        let (file, ast) = match file {
            Ok(file) => (file, parse(self.sources.file(file).text(), file, self.interner, self.diagnostics)),
            Err(file) => (file, Ast::default()),
        };
        self.graph.inputs.push(InputFile { name: shown, path, contents: InputContents::Source(file) });
        let is_import = |stmt: &StmtId| matches!(ast.stmt(*stmt).kind, StmtKind::Import { .. });
        let mut imports: Vec<StmtId> = (0..ast.stmts.len() as u32).map(StmtId).filter(is_import).collect();
        imports.sort_by_key(|&stmt| ast.stmt(stmt).span.lo);
        let module = ModuleIndex(self.graph.modules.len() as u32);
        let source = ModuleSource::File(FileModule { file, ast, imports: Vec::new() });
        self.graph.modules.push(Module { name: module_name, source });
        self.loading.insert(module);
        self.open.push(OpenModule { module, name, imports, next: 0, bindings: Vec::new() });
        module
    }

    fn run(&mut self) {
        while let Some(open) = self.open.last_mut() {
            let Some(&stmt) = open.imports.get(open.next) else {
                let mut done = self.open.pop().expect("just looked at");
                self.loading.remove(&done.module);
                done.bindings.sort_by_key(|binding| binding.stmt);
                if let ModuleSource::File(file) = &mut self.graph.modules[done.module.0 as usize].source {
                    file.imports = done.bindings;
                }
                continue;
            };
            open.next += 1;
            let position = self.open.len() - 1;
            let binding = self.import(position, stmt);
            self.open[position].bindings.push(binding);
        }
    }

    fn import(&mut self, position: usize, stmt: StmtId) -> ImportBinding {
        let module = self.open[position].module;
        let ModuleSource::File(file) = &self.graph.modules[module.0 as usize].source else {
            unreachable!("standard modules import nothing")
        };
        let StmtKind::Import { what, path_span, alias } = file.ast.stmt(stmt).kind else {
            unreachable!("only imports are listed")
        };
        let (spelled, found) = match what {
            ImportPath::File(path) => {
                let spelled = self.interner.get(path).to_string();
                let found = self.file_import(position, &spelled, path_span);
                (spelled, found)
            }
            ImportPath::Package(name) => {
                let spelled = self.interner.get(name).to_string();
                let found = self.package_import(position, &spelled);
                (spelled, found)
            }
        };
        let name = alias.unwrap_or_else(|| Ident { name: self.default_alias(&spelled), span: path_span });
        let module = match found {
            Ok(module) => module,
            Err(failure) => {
                let mut diagnostic = Diagnostic::error(failure.code, failure.message, path_span);
                diagnostic.help.extend(failure.help);
                self.diagnostics.push(diagnostic);
                None
            }
        };
        ImportBinding { stmt, name, module }
    }

    fn default_alias(&mut self, spelled: &str) -> Symbol {
        self.interner.intern(&stem(Path::new(spelled)))
    }

    /// `Ok(None)` if the import is at fault in a way that was reported already.
    fn file_import(&mut self, position: usize, spelled: &str, span: Span) -> Result<Option<ModuleIndex>, NotFound> {
        if let Some(name) = spelled.strip_prefix("host/") {
            return self.host_module(name).map(Some);
        }
        if spelled == self.std.host && self.by_host.values().any(|&module| module == self.open[position].module) {
            return Ok(Some(self.std_module(self.std.host)));
        }
        if spelled.starts_with("std/") {
            if self.std.to_come.contains(&spelled) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "E0504",
                        format!("Module '{spelled}' is not supported by this version of Walrus"),
                        span,
                    )
                    .with_help(format!("the standard modules of this version are {}", self.std.available.join(", "))),
                );
                return Ok(None);
            }
            return match self.std.available.iter().copied().find(|&name| name == spelled) {
                Some(name) => Ok(Some(self.std_module(name))),
                None => {
                    let similar = closest(spelled, self.std.available.iter().chain(self.std.to_come).copied());
                    Err(NotFound::module(spelled, similar.map(|name| format!("did you mean '{name}'?"))))
                }
            };
        }
        let folder = self.open[position].name.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = self.relative(&folder, Path::new(spelled));
        match self.open_file(&name, stem(&name))? {
            Some(module) => Ok(Some(module)),
            None => {
                let mut longer = spelled.to_string();
                longer.push_str(".walrus");
                let candidate = self.folder.join(self.relative(&folder, Path::new(&longer)));
                let is_there = self.loader.canonicalize(&candidate).is_ok();
                let standard = format!("std/{spelled}");
                let is_standard = self.std.available.contains(&standard.as_str());
                let similar = if is_there { Some(longer) } else { is_standard.then_some(standard) };
                let help = similar.map(|name| format!("did you mean '{name}'?"));
                Err(NotFound::module(spelled, help))
            }
        }
    }

    fn package_import(&mut self, position: usize, name: &str) -> Result<Option<ModuleIndex>, NotFound> {
        let spelled = format!("@{name}");
        let folder = self.open[position].name.parent().unwrap_or(Path::new("")).to_path_buf();
        let found = match self.manifest_above(&folder) {
            None => {
                let file = normalize(&folder.join(name).join("main.walrus"));
                let help = format!("without a Walrus.toml, a package is the file '{}'", self.shown(&file));
                return self
                    .open_file(&file, name.to_string())?
                    .map(Some)
                    .ok_or_else(|| NotFound::module(&spelled, Some(help)));
            }
            Some(Err(message)) => return Err(NotFound::package(message)),
            Some(Ok(files)) => files,
        };
        let Some(path) = found.manifest.locate(name, found.lock.as_ref()).map_err(NotFound::package)? else {
            let help = format!("add it to [dependencies] in '{}'", self.shown(&found.folder.join("Walrus.toml")));
            return Err(NotFound::module(&spelled, Some(help)));
        };
        let target = self.relative(&found.folder, Path::new(path));
        let file = if target.extension().is_some_and(|extension| extension == "walrus") {
            target.clone()
        } else {
            target.join("main.walrus")
        };
        if let Some(Ok(package)) = self.manifest_in(&target) {
            found.manifest.check_version(name, found.lock.as_ref(), &package.manifest).map_err(NotFound::package)?;
        }
        let help = format!("Walrus.toml says it is the file '{}'", self.shown(&file));
        self.open_file(&file, name.to_string())?.map(Some).ok_or_else(|| NotFound::module(&spelled, Some(help)))
    }

    /// The nearest manifest at or above a folder.
    fn manifest_above(&mut self, folder: &Path) -> Option<Result<std::rc::Rc<PackageFiles>, String>> {
        let mut folder = folder.to_path_buf();
        let mut identity = self.loader.canonicalize(&self.folder.join(&folder).join(".")).ok()?;
        loop {
            if let Some(found) = self.manifest_in(&folder) {
                return Some(found);
            }
            folder = normalize(&folder.join(".."));
            identity = identity.parent()?.to_path_buf();
        }
    }

    fn manifest_in(&mut self, folder: &Path) -> Option<Result<std::rc::Rc<PackageFiles>, String>> {
        if !self.manifests.contains_key(folder) {
            let found = self.read_manifest(folder);
            self.manifests.insert(folder.to_path_buf(), found);
        }
        match &self.manifests[folder] {
            None => None,
            Some(Ok(files)) => Some(Ok(files.clone())),
            Some(Err(message)) => Some(Err(message.clone())),
        }
    }

    fn read_manifest(&mut self, folder: &Path) -> Option<Result<std::rc::Rc<PackageFiles>, String>> {
        let name = folder.join("Walrus.toml");
        let text = match self.read_text(&name)? {
            Ok(text) => text,
            Err(message) => return Some(Err(message)),
        };
        let invalid = |name: &str, message| format!("'{name}' is not valid: {message}");
        let manifest = match Manifest::parse(&text) {
            Ok(manifest) => manifest,
            Err(message) => return Some(Err(invalid(&self.shown(&name), message))),
        };
        let lock_name = folder.join("Walrus.lock");
        let lock = match self.read_text(&lock_name) {
            None => None,
            Some(Err(message)) => return Some(Err(message)),
            Some(Ok(text)) => match Lock::parse(&text) {
                Ok(lock) => Some(lock),
                Err(message) => return Some(Err(invalid(&self.shown(&lock_name), message))),
            },
        };
        Some(Ok(std::rc::Rc::new(PackageFiles { folder: folder.to_path_buf(), manifest, lock })))
    }

    /// The text of a manifest; `None` if there is no such file.
    fn read_text(&mut self, name: &Path) -> Option<Result<String, String>> {
        let path = self.shortest(self.folder.join(name));
        let bytes = match self.loader.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return Some(Err(format!("'{}' cannot be read: {error}", self.shown(name)))),
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return Some(Err(format!("'{}' is not UTF-8", self.shown(name))));
        };
        let contents = InputContents::Manifest(text.clone());
        self.graph.inputs.push(InputFile { name: slashes(name), path: Some(path), contents });
        Some(Ok(text))
    }

    /// A module that the embedding program declared, loading it if it is new.
    fn host_module(&mut self, name: &str) -> Result<ModuleIndex, NotFound> {
        if let Some(&module) = self.by_host.get(name) {
            return Ok(module);
        }
        let Some(declared) = self.std.host_modules.iter().find(|module| module.name == name) else {
            let help = match closest(name, self.std.host_modules.iter().map(|module| module.name.as_str())) {
                Some(similar) => format!("did you mean 'host/{similar}'?"),
                None => "modules of `host/` are declared by the program that embeds Walrus, or with --host".to_string(),
            };
            return Err(NotFound::module(&format!("host/{name}"), Some(help)));
        };
        let (shown, text) = (format!("<host/{name}>"), declared.text().into_bytes());
        let module = self.add_file(format!("host/{name}"), PathBuf::from(shown), None, text);
        self.by_host.insert(name.to_string(), module);
        Ok(module)
    }

    fn std_module(&mut self, path: &'static str) -> ModuleIndex {
        *self.by_std.entry(path).or_insert_with(|| {
            let index = ModuleIndex(self.graph.modules.len() as u32);
            let name = path.strip_prefix("std/").unwrap_or(path).to_string();
            self.graph.modules.push(Module { name, source: ModuleSource::Std(path) });
            index
        })
    }

    /// The module of a file, loading it if it is new; `Ok(None)` if there is no such file.
    fn open_file(&mut self, name: &Path, module_name: String) -> Result<Option<ModuleIndex>, NotFound> {
        let path = self.shortest(self.folder.join(name));
        let Ok(identity) = self.loader.canonicalize(&path) else { return Ok(None) };
        if let Some(&module) = self.by_path.get(&identity) {
            if self.loading.contains(&module) {
                return Err(self.circular(module));
            }
            return Ok(Some(module));
        }
        if !self.unreadable.contains_key(&identity) {
            match self.loader.read(&path) {
                Ok(bytes) => {
                    let module = self.add_file(module_name, name.to_path_buf(), Some(path), bytes);
                    self.by_path.insert(identity, module);
                    return Ok(Some(module));
                }
                Err(error) => {
                    self.unreadable.insert(identity.clone(), reason(&error));
                }
            }
        }
        let message = format!("Module '{}' cannot be read: {}", self.shown(name), self.unreadable[&identity]);
        Err(NotFound { code: "E0404", message, help: None })
    }

    fn circular(&self, module: ModuleIndex) -> NotFound {
        let from = self.open.iter().position(|open| open.module == module).expect("the caller found it open");
        let name = self.shown(&self.open[from].name);
        let mut chain: Vec<String> = self.open[from..].iter().map(|open| self.shown(&open.name)).collect();
        // A long chain is known by its ends.
        if chain.len() > 8 {
            chain.splice(4..chain.len() - 3, ["…".to_string()]);
        }
        chain.push(name.clone());
        NotFound {
            code: "E0402",
            message: format!("Circular import detected: module '{name}' is already being imported"),
            help: Some(format!("the chain of imports is {}", chain.join(" → "))),
        }
    }

    /// The path without `a/../`, unless `a` is a link that leads elsewhere.
    fn shortest(&self, path: PathBuf) -> PathBuf {
        let short = normalize(&path);
        if short == path || self.loader.canonicalize(&short).ok() == self.loader.canonicalize(&path).ok() {
            return short;
        }
        path
    }

    /// How messages name what the program names relative to the entry file's folder.
    fn shown(&self, name: &Path) -> String {
        slashes(&normalize(&self.folder.join(name)))
    }

    /// `path`, as written in a file of `folder`, relative to the entry file's folder.
    fn relative(&self, folder: &Path, path: &Path) -> PathBuf {
        if path.is_absolute()
            && let Ok(base) = self.loader.canonicalize(&self.folder.join("."))
        {
            let path = normalize(path);
            let shared = base.components().zip(path.components()).take_while(|(a, b)| a == b).count();
            let up = base.components().skip(shared).map(|_| Component::ParentDir);
            return up.chain(path.components().skip(shared)).collect();
        }
        normalize(&folder.join(path))
    }
}

/// The name without folders and extension.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "main".to_string(), |stem| stem.to_string_lossy().into_owned())
}

/// The path with `/` between its parts on every machine.
fn slashes(path: &Path) -> String {
    if path.has_root() {
        return path.to_string_lossy().into_owned();
    }
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Removes `.`, and `..` where something stands before it.
fn normalize(path: &Path) -> PathBuf {
    let mut parts: Vec<Component> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match parts.last() {
                Some(Component::Normal(_)) => {
                    parts.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}
