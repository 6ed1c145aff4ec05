//! What `--dump` shows of each region that is compiled: its stages on stderr, or each in a file of a folder, named by
//! the region's place and function and by the number of the version: `prog.walrus-3-5-loop-sum_to.1.ir`.

use std::cell::Cell;
use std::path::{Path, PathBuf};

/// A stage of compilation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The typed SSA of the region.
    Ir,
    Clif,
    Asm,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Ir => "ir",
            Stage::Clif => "clif",
            Stage::Asm => "asm",
        }
    }
}

/// A stage that is to be shown: on stderr, or in files of a folder that exists.
#[derive(Clone, Debug)]
pub struct Dump {
    pub stage: Stage,
    pub folder: Option<PathBuf>,
}

/// What is to be shown.
#[derive(Default, Debug)]
pub struct Dumps {
    wanted: Vec<Dump>,
    tool: &'static str,
    has_failed: Cell<bool>,
}

/// Which of the backend's stages are to be written down.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Texts {
    pub clif: bool,
    pub asm: bool,
}

impl Dumps {
    pub fn new(wanted: Vec<Dump>, tool: &'static str) -> Dumps {
        Dumps { wanted, tool, has_failed: Cell::new(false) }
    }

    pub fn wants(&self, stage: Stage) -> bool {
        self.wanted.iter().any(|dump| dump.stage == stage)
    }

    /// What the backend has to write down.
    pub fn texts(&self) -> Texts {
        Texts { clif: self.wants(Stage::Clif), asm: self.wants(Stage::Asm) }
    }

    /// Shows a stage of a version. `place` is where the region stands, for people; `name` is it as part of a file's
    /// name.
    pub fn show(&self, stage: Stage, place: &str, name: &str, version: u32, text: &str) {
        for dump in self.wanted.iter().filter(|dump| dump.stage == stage) {
            match &dump.folder {
                None if stage == Stage::Ir => eprintln!("region {place}:\n{text}"),
                None => eprintln!("{text}"),
                Some(folder) => {
                    self.write(&folder.join(format!("{name}.{version}.{}", stage.name())), text);
                }
            }
        }
    }

    /// Nothing else depends on such a file, so a failure is told once.
    fn write(&self, path: &Path, text: &str) {
        if let Err(error) = std::fs::write(path, text)
            && !self.has_failed.replace(true)
        {
            eprintln!("{}: cannot write '{}' for --dump: {error}", self.tool, path.display());
        }
    }
}
