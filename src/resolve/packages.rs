//! Where `import @name;` leads: `Walrus.toml` says which folder, `Walrus.lock` which version.
//!
//! The manifest is the nearest `Walrus.toml` at or above the importing file. A lock file beside it pins versions: every
//! dependency that is imported must then stand in it, with a version the manifest allows and the package itself declares.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `Walrus.toml`, as far as resolving reads it.
#[derive(Debug, Default, Deserialize)]
pub struct Manifest {
    package: Option<Package>,
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Deserialize)]
struct Package {
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    version: Option<String>,
    path: Option<String>,
}

/// `Walrus.lock`.
#[derive(Debug, Default, Deserialize)]
pub struct Lock {
    #[serde(default)]
    package: Vec<Pinned>,
}

#[derive(Debug, Deserialize)]
struct Pinned {
    name: String,
    version: String,
}

impl Manifest {
    pub fn parse(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| first_line(error.message()))
    }

    /// The folder or file of a dependency, relative to the manifest; `Ok(None)` if it does not list the name.
    pub fn locate(&self, name: &str, lock: Option<&Lock>) -> Result<Option<&str>, String> {
        let Some(dependency) = self.dependencies.get(name) else { return Ok(None) };
        if let Some(lock) = lock {
            let Some(pinned) = lock.find(name) else {
                return Err(format!("'{name}' is a dependency, but Walrus.lock does not pin it"));
            };
            if let Some(wanted) = &dependency.version
                && !satisfies(&pinned.version, wanted)
            {
                let version = &pinned.version;
                return Err(format!("Walrus.lock pins '{name}' to {version}, but Walrus.toml asks for {wanted}"));
            }
        }
        match &dependency.path {
            Some(path) => Ok(Some(path)),
            None => Err(format!("the dependency '{name}' has no 'path' in Walrus.toml")),
        }
    }

    /// Checks the version that a package's own manifest declares against what the importing one wants.
    pub fn check_version(&self, name: &str, lock: Option<&Lock>, package: &Manifest) -> Result<(), String> {
        let Some(found) = package.package.as_ref().and_then(|package| package.version.as_deref()) else {
            return Ok(());
        };
        if let Some(pinned) = lock.and_then(|lock| lock.find(name)) {
            if pinned.version != found {
                return Err(format!(
                    "Walrus.lock pins '{name}' to {}, but the package there is {found}",
                    pinned.version
                ));
            }
        } else if let Some(wanted) = self.dependencies.get(name).and_then(|dependency| dependency.version.as_deref())
            && !satisfies(found, wanted)
        {
            return Err(format!("Walrus.toml asks for '{name}' {wanted}, but the package there is {found}"));
        }
        Ok(())
    }
}

impl Lock {
    pub fn parse(text: &str) -> Result<Lock, String> {
        toml::from_str(text).map_err(|error| first_line(error.message()))
    }

    fn find(&self, name: &str) -> Option<&Pinned> {
        self.package.iter().find(|pinned| pinned.name == name)
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("not valid TOML").to_string()
}

/// Whether a version meets a requirement in cargo's notation: `1.2` (the same leftmost number that is not zero, and not older),
/// `=1.2.3` (exactly), `*`.
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
        let lock = |text| Lock::parse(text).unwrap();
        assert_eq!(manifest.locate("util", None), Ok(Some("libs/util")));
        assert_eq!(manifest.locate("other", None), Ok(None));
        let good = lock("[[package]]\nname = \"util\"\nversion = \"1.4.0\"");
        assert_eq!(manifest.locate("util", Some(&good)), Ok(Some("libs/util")));
        let old = lock("[[package]]\nname = \"util\"\nversion = \"1.0.0\"");
        assert!(manifest.locate("util", Some(&old)).unwrap_err().contains("asks for 1.2"));
        assert!(manifest.locate("util", Some(&lock(""))).unwrap_err().contains("does not pin"));
        let package = Manifest::parse("[package]\nversion = \"1.5.0\"").unwrap();
        assert!(manifest.check_version("util", Some(&good), &package).is_err());
        assert!(manifest.check_version("util", None, &package).is_ok());
    }
}
