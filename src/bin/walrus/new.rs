//! `walrus new`: a package that runs, tests and formats.

use std::path::Path;

use walrus::cli::Status;
use walrus::cli::files::write_file;
use walrus::cli::terminal::write_stdout;

const MAIN: &str = r#"import "std/sys";
import "./greeting.walrus";

let args = sys.args();
let name = "world";
if core.len(args) > 1 {
    name = args[1];
}
println(greeting.greet(name));
"#;

const GREETING: &str = r#"fn greet : name {
    return f"Hello, {name}!";
}
"#;

const TESTS: &str = r#"import "./greeting.walrus";

fn test_greets_by_name : {
    core.assert(greeting.greet("Ada") == "Hello, Ada!");
}
"#;

const IGNORED: &str = "*.wbc\n";

/// Makes the folder `name` with a package in it.
pub fn new(name: &str) -> Result<Status, String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !is_name {
        return Err(format!("'{name}' is no name for a package: use letters, digits, '_' and '-', a letter first"));
    }
    let folder = Path::new(name);
    if folder.symlink_metadata().is_ok() {
        return Err(format!("'{name}' is there already"));
    }
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nprograms = [\"main.walrus\"]\n");
    let files = [
        ("Walrus.toml", manifest.as_str()),
        ("main.walrus", MAIN),
        ("greeting.walrus", GREETING),
        ("greeting_test.walrus", TESTS),
        (".gitignore", IGNORED),
    ];
    for (file, text) in files {
        write_file(&folder.join(file), text.as_bytes())?;
    }
    write_stdout(format!("Made the package '{name}'. Try it: cd {name} && walrus run && walrus test\n").as_bytes())?;
    Ok(Status::Success)
}
