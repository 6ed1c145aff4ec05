//! The package that a command is about: the nearest `Walrus.toml` at or above the working folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compile::Manifest;
use crate::source::reason;

/// A package: where it is and what its manifest says.
#[derive(Debug)]
pub struct Package {
    /// Relative to the working folder, which is the empty path itself.
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Package {
    /// The nearest package; `None` if there is none.
    pub fn nearest() -> Result<Option<Package>, String> {
        let here = std::env::current_dir()
            .map_err(|error| format!("the working folder cannot be found: {}", reason(&error)))?;
        let mut folder = PathBuf::new();
        for _ in here.ancestors() {
            if let Some(package) = Package::in_folder(&folder)? {
                return Ok(Some(package));
            }
            folder.push("..");
        }
        Ok(None)
    }

    /// The package of a folder; `None` if it has no manifest.
    pub fn in_folder(folder: &Path) -> Result<Option<Package>, String> {
        let path = folder.join("Walrus.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read '{}': {}", path.display(), reason(&error))),
        };
        let manifest = Manifest::parse(&text).map_err(|error| format!("'{}' is not valid: {error}", path.display()))?;
        Ok(Some(Package { folder: folder.to_path_buf(), manifest }))
    }

    /// The nearest package, which must be there.
    pub fn required(what_for: &str) -> Result<Package, String> {
        Package::nearest()?
            .ok_or_else(|| format!("{what_for}, and there is no Walrus.toml here or above (see 'walrus new')"))
    }

    /// The files of its programs, the first the one that `walrus run` runs.
    pub fn programs(&self) -> Result<Vec<PathBuf>, String> {
        let programs: Vec<PathBuf> = self.manifest.programs().iter().map(|name| self.folder.join(name)).collect();
        match programs.is_empty() {
            true => Err(format!("'{}' lists no programs", self.folder.join("Walrus.toml").display())),
            false => Ok(programs),
        }
    }

    /// What `Walrus.lock` should say: each dependency with the version that is there now.
    pub fn lock(&self) -> Result<String, String> {
        self.manifest.lock(|name, path| {
            let target = self.folder.join(path);
            if !target.exists() {
                return Err(format!(
                    "Walrus.toml says that '{name}' is at '{}', but nothing is there",
                    target.display()
                ));
            }
            Ok(Package::in_folder(&target)?.and_then(|package| package.manifest.version().map(str::to_string)))
        })
    }
}
