//! Where `import @name;` leads: `Walrus.toml` says which folder, `Walrus.lock` which version.
//!
//! The manifest is the nearest `Walrus.toml` at or above the importing file. A lock file beside it pins path and
//! version of each dependency: one that is imported must stand in it as the manifest says, with a version the manifest
//! allows and the package itself declares. Messages say which of the two files is wrong and what to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `Walrus.toml`.
#[derive(Debug, Default, Deserialize)]
pub struct Manifest {
    package: Option<Package>,
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Deserialize)]
struct Package {
    version: Option<String>,
    #[serde(default = "default_programs")]
    programs: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a table, as `{ version = \"1.2\", path = \"lib/name\" }`")]
struct Dependency {
    version: Option<String>,
    path: Option<String>,
}

fn default_programs() -> Vec<String> {
    vec!["main.walrus".to_string()]
}

/// The version of the lock file's form.
const LOCK_VERSION: u32 = 1;

/// `Walrus.lock`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    #[serde(default)]
    packages: BTreeMap<String, Pinned>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    version: String,
    path: String,
}

impl Manifest {
    pub fn parse(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| described(&error, text))
    }

    /// The version that the package declares.
    pub fn version(&self) -> Option<&str> {
        self.package.as_ref().and_then(|package| package.version.as_deref())
    }

    /// The files of the package's programs, relative to its folder.
    pub fn programs(&self) -> Vec<String> {
        self.package.as_ref().map_or_else(default_programs, |package| package.programs.clone())
    }

    /// The folder or file of a dependency, relative to the manifest; `Ok(None)` if it does not list the name.
    pub fn locate(&self, name: &str, lock: Option<&Lock>) -> Result<Option<&str>, String> {
        let Some(dependency) = self.dependencies.get(name) else { return Ok(None) };
        let path = dependency.path(name)?;
        let Some(lock) = lock else { return Ok(Some(path)) };
        let Some(pinned) = lock.packages.get(name) else {
            return Err(format!(
                "Walrus.lock is out of date: it does not pin the dependency '{name}'; run 'walrus lock'"
            ));
        };
        let found = &pinned.path;
        if found != path {
            return Err(format!(
                "Walrus.lock is out of date: it has '{name}' at '{found}', and Walrus.toml at '{path}'; run 'walrus lock'"
            ));
        }
        if let Some(wanted) = &dependency.version
            && !satisfies(&pinned.version, wanted)
        {
            let version = &pinned.version;
            return Err(format!(
                "Walrus.lock is out of date: it pins '{name}' to {version}, and Walrus.toml asks for {wanted}; run 'walrus lock'"
            ));
        }
        Ok(Some(path))
    }

    /// Checks the version that a package's own manifest declares against what the importing one wants.
    pub fn check_version(&self, name: &str, lock: Option<&Lock>, package: &Manifest) -> Result<(), String> {
        let Some(found) = package.version() else { return Ok(()) };
        if let Some(wanted) = self.dependencies.get(name).and_then(|dependency| dependency.version.as_deref())
            && !satisfies(found, wanted)
        {
            return Err(format!(
                "Walrus.toml asks for '{name}' {wanted}, but the package there is {found}: change one of the two"
            ));
        }
        match lock.and_then(|lock| lock.packages.get(name)) {
            Some(pinned) if pinned.version != found => Err(format!(
                "Walrus.lock is out of date: it pins '{name}' to {}, but the package there is {found}; run 'walrus lock'",
                pinned.version
            )),
            _ => Ok(()),
        }
    }

    /// The text of the lock file that fits this manifest. `version_at` is asked for the version that a dependency, at
    /// its path, declares.
    pub fn lock(&self, version_at: impl Fn(&str, &str) -> Result<Option<String>, String>) -> Result<String, String> {
        let mut packages = BTreeMap::new();
        for (name, dependency) in &self.dependencies {
            let path = dependency.path(name)?;
            let wanted = dependency.version.as_deref();
            let version = match (version_at(name, path)?, wanted) {
                (Some(found), Some(wanted)) if !satisfies(&found, wanted) => {
                    return Err(format!(
                        "Walrus.toml asks for '{name}' {wanted}, but the package there is {found}: change one of the two"
                    ));
                }
                (Some(found), _) => found,
                // A file, or a folder that declares nothing, is what it is asked to be.
                (None, wanted) => wanted.and_then(lowest).unwrap_or_else(|| "0.0.0".to_string()),
            };
            packages.insert(name.clone(), Pinned { version, path: path.to_string() });
        }
        let lock = Lock { version: LOCK_VERSION, packages };
        let text = toml::to_string(&lock).map_err(|error| format!("Walrus.lock cannot be written: {error}"))?;
        Ok(format!("# Written by 'walrus lock'.\n{text}"))
    }
}

impl Dependency {
    fn path(&self, name: &str) -> Result<&str, String> {
        self.path.as_deref().ok_or_else(|| {
            format!("Walrus.toml has no 'path' for the dependency '{name}': write {name} = {{ version = \"…\", path = \"…\" }}")
        })
    }
}

impl Lock {
    /// The error says what to do.
    pub fn parse(text: &str) -> Result<Lock, String> {
        /// What every version of the form has.
        #[derive(Deserialize)]
        struct Form {
            version: Option<u32>,
        }
        let form: Form = toml::from_str(text).map_err(|error| described(&error, text))?;
        match form.version {
            Some(LOCK_VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "it has version {other}, and this walrusc reads version {LOCK_VERSION}; run 'walrus lock'"
                ));
            }
            None => return Err(format!("it does not say 'version = {LOCK_VERSION}'; run 'walrus lock'")),
        }
        toml::from_str(text).map_err(|error| format!("{}; run 'walrus lock'", described(&error, text)))
    }
}

/// What is wrong with a text, and in which line.
fn described(error: &toml::de::Error, text: &str) -> String {
    let what = error.message().lines().next().unwrap_or("not valid TOML");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(|| what.to_string(), |before| format!("line {}: {what}", before.matches('\n').count() + 1))
}

/// Whether a version meets a requirement in cargo's notation: `1.2` (the same leftmost number that is not zero, and not
/// older), `=1.2.3` (exactly), `*`.
fn satisfies(version: &str, wanted: &str) -> bool {
    let wanted = wanted.trim();
    if wanted == "*" || wanted == version {
        return true;
    }
    if let Some(exact) = wanted.strip_prefix('=') {
        return exact.trim() == version;
    }
    let (Some(version), Some(wanted)) = (parts(version), parts(wanted.strip_prefix('^').unwrap_or(wanted))) else {
        return false;
    };
    let leading = wanted.iter().position(|&part| part != 0).unwrap_or(2);
    version >= wanted && version[..=leading] == wanted[..=leading]
}

/// The oldest version that meets a requirement, if it names one.
fn lowest(wanted: &str) -> Option<String> {
    let version = wanted.trim().trim_start_matches(['^', '=']).trim();
    parts(version).map(|_| version.to_string())
}

fn parts(version: &str) -> Option<[u64; 3]> {
    let mut parts = [0; 3];
    let mut fields = version.trim().split('.');
    for part in &mut parts {
        match fields.next() {
            Some(field) => *part = field.parse().ok()?,
            None => break,
        }
    }
    fields.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_cargo_reads_them() {
        for (version, wanted, expected) in [
            ("1.2.3", "1.2", true),
            ("1.9.0", "1.2", true),
            ("2.0.0", "1.2", false),
            ("1.1.9", "1.2", false),
            ("0.2.5", "0.2.1", true),
            ("0.3.0", "0.2.1", false),
            ("1.2.3", "=1.2.3", true),
            ("1.2.4", "=1.2.3", false),
            ("7.0.0", "*", true),
            ("x", "1", false),
        ] {
            assert_eq!(satisfies(version, wanted), expected, "{version} for {wanted}");
        }
    }

    #[test]
    fn a_lock_must_agree_with_its_manifest() {
        let manifest = Manifest::parse("[dependencies]\nutil = { version = \"1.2\", path = \"libs/util\" }").unwrap();
        assert_eq!(manifest.locate("util", None), Ok(Some("libs/util")));
        assert_eq!(manifest.locate("other", None), Ok(None));
        let lock = |version: &str, path: &str| {
            let text = format!("version = 1\n[packages.util]\nversion = \"{version}\"\npath = \"{path}\"\n");
            Lock::parse(&text).unwrap()
        };
        let good = lock("1.4.0", "libs/util");
        assert_eq!(manifest.locate("util", Some(&good)), Ok(Some("libs/util")));
        for (lock, says) in [
            (lock("1.0.0", "libs/util"), "pins 'util' to 1.0.0, and Walrus.toml asks for 1.2; run 'walrus lock'"),
            (lock("1.4.0", "elsewhere"), "at 'elsewhere', and Walrus.toml at 'libs/util'; run 'walrus lock'"),
            (Lock::parse("version = 1").unwrap(), "does not pin the dependency 'util'; run 'walrus lock'"),
        ] {
            let message = manifest.locate("util", Some(&lock)).unwrap_err();
            assert!(message.starts_with("Walrus.lock is out of date") && message.contains(says), "{message}");
        }
        let package = |version: &str| Manifest::parse(&format!("[package]\nversion = \"{version}\"")).unwrap();
        let message = manifest.check_version("util", Some(&good), &package("1.5.0")).unwrap_err();
        assert!(message.contains("pins 'util' to 1.4.0, but the package there is 1.5.0"), "{message}");
        let message = manifest.check_version("util", Some(&good), &package("2.0.0")).unwrap_err();
        assert!(message.starts_with("Walrus.toml asks for 'util' 1.2, but the package there is 2.0.0"), "{message}");
        assert!(manifest.check_version("util", None, &package("1.5.0")).is_ok());
    }

    #[test]
    fn a_lock_says_what_is_wrong_with_it() {
        for (text, says) in [
            ("[[package]]\nname = \"util\"", "it does not say 'version = 1'"),
            ("version = 2", "it has version 2"),
            ("version = 1\n[packages.util]\nversion = \"1.0.0\"", "missing field `path`"),
            ("version = 1\n[package.util]", "unknown field `package`"),
        ] {
            let message = Lock::parse(text).unwrap_err();
            assert!(message.contains(says) && message.ends_with("run 'walrus lock'"), "{message}");
        }
    }

    #[test]
    fn a_lock_pins_what_is_there() {
        let text = "[dependencies]\nb = { version = \"^1.2\", path = \"b.walrus\" }\na = { path = \"a\" }";
        let manifest = Manifest::parse(text).unwrap();
        let lock = manifest.lock(|name, _| Ok((name == "a").then(|| "3.1.4".to_string()))).unwrap();
        let pinned =
            "[packages.a]\nversion = \"3.1.4\"\npath = \"a\"\n\n[packages.b]\nversion = \"1.2\"\npath = \"b.walrus\"\n";
        assert_eq!(lock, format!("# Written by 'walrus lock'.\nversion = 1\n\n{pinned}"));
        assert_eq!(manifest.locate("b", Some(&Lock::parse(&lock).unwrap())), Ok(Some("b.walrus")));
        assert!(manifest.lock(|_, _| Ok(Some("2.0.0".to_string()))).unwrap_err().contains("asks for 'b' ^1.2"));
    }
}
