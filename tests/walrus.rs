//! `walrus` as its users meet it: programs run in one step, from the cache and anew, and the commands of a package.

#[path = "support/folder.rs"]
mod folder;
mod support;
#[path = "walrus/testing.rs"]
mod testing;

use std::fs;
use std::process::Command;

use folder::Folder;
use support::{Outcome, clean, run, walrus_run, walrusc};

/// Running walrus in a folder, with the folder `cache` in it as the user's cache.
trait Runs {
    fn command(&self, args: &[&str]) -> Command;

    fn walrus_with(&self, args: &[&str], stdin: &str) -> Outcome {
        run(&mut self.command(args), stdin.as_bytes()).expect("walrus ends")
    }

    /// Runs walrus, which must end with this status.
    #[track_caller]
    fn expect(&self, status: i32, args: &[&str]) -> Outcome {
        let outcome = self.walrus_with(args, "");
        assert_eq!(outcome.status, Some(status), "walrus {args:?}: {}", outcome.describe());
        outcome
    }

    fn cached(&self) -> Vec<String>;
}

impl Runs for Folder {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = clean(Command::new(env!("CARGO_BIN_EXE_walrus")));
        command.current_dir(self.root()).env("XDG_CACHE_HOME", self.path("cache")).args(args);
        command
    }

    fn cached(&self) -> Vec<String> {
        let Ok(found) = fs::read_dir(self.path("cache/walrus")) else { return Vec::new() };
        let mut names: Vec<_> = found.map(|entry| entry.expect("readable").path().display().to_string()).collect();
        names.sort();
        names
    }
}

const HELLO: &str = "println(\"hello\");\n";
const SHOW_ARGS: &str = "import \"std/sys\"; println(sys.args().join(\"|\"));\n";

#[test]
fn a_program_runs_in_one_step() {
    let folder = Folder::new(&[("p.walrus", SHOW_ARGS), ("fails.walrus", "let x = 1;\nthrow \"no\";\n")]);
    for _ in 0..2 {
        assert_eq!(folder.expect(0, &["p.walrus", "a", "--jit", "-e"]).out(), "p.walrus|a|--jit|-e\n");
        assert_eq!(folder.expect(0, &["run", "--no-jit", "p.walrus", "--jit-wait", "--", "-V"]).out(), "p.walrus|-V\n");
        assert_eq!(folder.expect(0, &["--jit", "p.walrus", "a"]).out(), "p.walrus|a\n", "a flag of walrus-run");
    }
    let outcome = folder.expect(1, &["fails.walrus"]);
    assert!(
        outcome.err().starts_with("Thrown value: no\n") && outcome.err().contains("fails.walrus:2"),
        "{}",
        outcome.err()
    );
    assert_eq!(folder.expect(1, &["fails.walrus"]), outcome, "from the cache it fails alike");
    assert_eq!(folder.expect(5, &["-e", "import \"std/sys\"; sys.exit(5);"]).out(), "");
    assert_eq!(folder.expect(0, &["-e", "-1; println(-2 ** 2);"]).out(), "-4\n", "a text that begins like a flag");
    assert_eq!(folder.expect(0, &["-e", SHOW_ARGS, "a", "b"]).out(), "-e|a|b\n");
    assert_eq!(folder.walrus_with(&["-", "x"], SHOW_ARGS).out(), "-|x\n");
}

#[test]
#[cfg(unix)]
fn a_script_may_name_the_program_that_runs_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("tool", &format!("#!{}\n{SHOW_ARGS}", env!("CARGO_BIN_EXE_walrus")))]);
    fs::set_permissions(folder.path("tool"), fs::Permissions::from_mode(0o755)).expect("modes can be set");
    let mut script = Command::new(folder.path("tool"));
    let outcome = run(script.env("XDG_CACHE_HOME", folder.path("cache")).arg("-x"), b"").expect("it ends");
    assert_eq!(outcome.status, Some(2), "a flag before the first own argument is for walrus: {}", outcome.describe());
    let mut script = Command::new(folder.path("tool"));
    let outcome = run(script.env("XDG_CACHE_HOME", folder.path("cache")).args(["a", "-x"]), b"").expect("it ends");
    assert!(outcome.out().ends_with("tool|a|-x\n"), "{}", outcome.describe());
}

#[test]
fn bad_programs_are_told_apart_from_bad_invocations() {
    let folder = Folder::new(&[("bad.walrus", "println(nope);"), ("w.walrus", "{ let unused = 1; }"), ("d/x", "")]);
    let outcome = folder.expect(1, &["bad.walrus"]);
    assert!(outcome.err().contains("error[E0301]") && outcome.out().is_empty(), "{}", outcome.err());
    for _ in 0..2 {
        assert!(folder.expect(0, &["w.walrus"]).err().contains("W0201"), "warnings are seen each time");
    }
    folder.expect(1, &["--deny", "W0201", "w.walrus"]);
    assert_eq!(folder.expect(0, &["--deny", "W0201", "--allow", "W0201", "w.walrus"]).err(), "");
    for args in [
        &["nope.walrus"][..],
        &["d"],
        &["--nonsense", "w.walrus"],
        &["--deny", "X", "w.walrus"],
        &[],
        &["run"],
        &["build"],
    ] {
        let outcome = folder.expect(2, args);
        assert!(outcome.out().is_empty() && !outcome.err().is_empty(), "{args:?}: {}", outcome.describe());
    }
}

#[test]
fn its_errors_begin_with_its_own_name() {
    let folder = Folder::new(&[("p.walrus", "println(1);")]);
    let args = ["--dump", "ir:p.walrus/folder", "p.walrus"];
    let said = folder.expect(2, &args).err();
    assert!(said.contains("walrus: cannot make the folder 'p.walrus/folder' for --dump"), "{said}");
    #[cfg(target_os = "linux")]
    {
        let full = fs::File::options().write(true).open("/dev/full").expect("there is such a device");
        let ended = folder.command(&["p.walrus"]).stdout(full).output().expect("walrus ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains("walrus: cannot write the output"), "{said}");
    }
}

#[test]
fn what_was_compiled_is_kept_until_something_changes() {
    let folder = Folder::new(&[
        ("p.walrus", "import \"./lib.walrus\"; import @pack; println(lib.x, pack.y);"),
        ("lib.walrus", "let x = 1;"),
        ("pack/main.walrus", "let y = 1;"),
    ]);
    let out = || folder.expect(0, &["p.walrus"]).out();
    assert_eq!(out(), "1 1\n");
    let kept = folder.cached();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(out(), "1 1\n");
    assert_eq!(folder.cached(), kept);
    folder.write("lib.walrus", "let x = 2;");
    assert_eq!(out(), "2 1\n", "an import changed");
    // Nothing that was read changes, but the import leads elsewhere.
    folder.write("Walrus.toml", "[dependencies]\npack = { path = \"other\" }");
    folder.write("other/main.walrus", "let y = 5;");
    assert_eq!(out(), "2 5\n", "a manifest appeared");
    let kept = folder.cached();
    assert_eq!(folder.expect(0, &["--no-cache", "p.walrus"]).out(), "2 5\n");
    assert_eq!(folder.expect(0, &["--allow", "W0201", "--no-cache", "p.walrus"]).out(), "2 5\n");
    assert_eq!(folder.cached(), kept, "--no-cache keeps nothing");
}

#[test]
fn a_broken_entry_is_made_anew() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    let whole: Vec<Vec<u8>> = folder.cached().iter().map(|path| fs::read(path).expect("readable")).collect();
    for broken in ["", "no entry at all", "\0\0\n\0"] {
        for path in folder.cached() {
            fs::write(path, broken).expect("the cache is ours");
            let outcome = folder.expect(0, &["p.walrus"]);
            assert_eq!((outcome.out().as_str(), outcome.err().as_str()), ("hello\n", ""));
            let now: Vec<Vec<u8>> = folder.cached().iter().map(|path| fs::read(path).expect("readable")).collect();
            assert_eq!(now, whole);
        }
    }
    fs::remove_dir_all(folder.path("cache")).expect("the cache is ours");
    fs::write(folder.path("cache"), "no folder").expect("files can be written");
    assert_eq!(folder.expect(0, &["p.walrus"]).out(), "hello\n", "a cache that cannot be is no error");
}

#[test]
fn many_processes_share_the_cache() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    let children: Vec<_> = (0..12)
        .map(|_| folder.command(&["p.walrus"]).stdout(std::process::Stdio::piped()).spawn().expect("walrus starts"))
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("walrus ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
    }
    assert_eq!(folder.cached().len(), 2);
}

#[test]
fn old_entries_go() {
    let folder = Folder::new(&[("p.walrus", HELLO), ("cache/walrus/old.wbc", "x"), ("cache/walrus/young.wbc", "x")]);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60 * 24 * 60 * 60);
    let old = fs::File::options().write(true).open(folder.path("cache/walrus/old.wbc")).expect("it is there");
    old.set_modified(long_ago).expect("times can be set");
    folder.expect(0, &["p.walrus"]);
    assert!(!folder.has("cache/walrus/old.wbc") && folder.has("cache/walrus/young.wbc"));
}

#[test]
fn a_package_is_made_built_checked_and_run() {
    let folder = Folder::new(&[]);
    folder.expect(0, &["new", "shop"]);
    assert_eq!(folder.names(), ["shop"]);
    folder.expect(2, &["new", "shop"]);
    folder.expect(2, &["new", "../x"]);
    let inside = |args: &[&str]| run(folder.command(args).current_dir(folder.path("shop")), b"").expect("walrus ends");
    assert_eq!(inside(&["run"]).out(), "Hello, world!\n");
    assert_eq!(inside(&["main.walrus", "you"]).out(), "Hello, you!\n");
    assert_eq!(inside(&["check"]).status, Some(0));
    assert!(!folder.has("shop/main.wbc"));
    assert_eq!(inside(&["build"]).status, Some(0));
    let by_walrusc = run(walrusc().current_dir(folder.root()).args(["shop/main.walrus", "-o", "x.wbc"]), b"");
    assert_eq!(by_walrusc.expect("walrusc ends").status, Some(0));
    assert_eq!(folder.read("x.wbc"), folder.read("shop/main.wbc"));
    assert_eq!(run(walrus_run().arg(folder.path("x.wbc")), b"").expect("it ends").out(), "Hello, world!\n");
    assert_eq!(folder.expect(0, &["x.wbc"]).out(), "Hello, world!\n", "walrus runs compiled programs, too");
    assert_eq!(inside(&["fmt", "--check"]).out(), "", "what is made is in the one style");
    // From a folder below, files are named from there.
    folder.write("shop/sub/x", "");
    folder.write("shop/main.walrus", "println(nope);");
    let outcome =
        run(folder.command(&["check", "--message-format", "short"]).current_dir(folder.path("shop/sub")), b"");
    let outcome = outcome.expect("walrus ends");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.err().starts_with("../main.walrus:1:9: "), "{}", outcome.err());
}

#[test]
fn programs_of_a_package_are_those_its_manifest_names() {
    let folder = Folder::new(&[
        ("Walrus.toml", "[package]\nname = \"p\"\nversion = \"1.0.0\"\nprograms = [\"a.walrus\", \"b.walrus\"]\n"),
        ("a.walrus", "println(1);"),
        ("b.walrus", "println(2);"),
    ]);
    assert_eq!(folder.expect(0, &["run"]).out(), "1\n");
    folder.expect(0, &["build", "--out-dir", "out"]);
    assert!(folder.has("out/a.wbc") && folder.has("out/b.wbc"));
    folder.write("Walrus.toml", "[package]\nprograms = []\n");
    assert!(folder.expect(2, &["run"]).err().contains("lists no programs"));
    folder.write("Walrus.toml", "[package\n");
    assert!(folder.expect(2, &["check"]).err().contains("'Walrus.toml' is not valid: line 1: "));
    folder.write("Walrus.toml", "[package]\n[dependencies]\na = \"1\"\n");
    let err = folder.expect(2, &["lock"]).err();
    assert!(err.contains("line 3: ") && err.contains("expected a table, as `{ version = "), "{err}");
}

#[test]
fn dependencies_are_pinned() {
    let folder = Folder::new(&[
        (
            "Walrus.toml",
            "[package]\nversion = \"1.0.0\"\n[dependencies]\nutil = { version = \"1.2\", path = \"libs/util\" }\n",
        ),
        ("libs/util/Walrus.toml", "[package]\nversion = \"1.4.0\"\n"),
        ("libs/util/main.walrus", "let x = 7;"),
        ("main.walrus", "import @util; println(util.x);"),
    ]);
    folder.expect(0, &["lock"]);
    let text = String::from_utf8(folder.read("Walrus.lock")).expect("text");
    assert!(text.ends_with("version = 1\n\n[packages.util]\nversion = \"1.4.0\"\npath = \"libs/util\"\n"), "{text}");
    assert_eq!(folder.expect(0, &["run"]).out(), "7\n");
    folder.write("libs/util/Walrus.toml", "[package]\nversion = \"1.5.0\"\n");
    let err = folder.expect(1, &["run"]).err();
    assert!(err.contains("Walrus.lock is out of date") && err.contains("run 'walrus lock'"), "{err}");
    folder.expect(0, &["lock"]);
    assert_eq!(folder.expect(0, &["run"]).out(), "7\n");
    folder.write("libs/util/Walrus.toml", "[package]\nversion = \"2.0.0\"\n");
    let err = folder.expect(2, &["lock"]).err();
    assert!(err.contains("Walrus.toml asks for 'util' 1.2, but the package there is 2.0.0"), "{err}");
    folder.write("Walrus.lock", "packages = 3");
    let err = folder.expect(1, &["run"]).err();
    assert!(err.contains("'Walrus.lock' is not valid"), "{err}");
}

#[test]
fn versions_completions_and_manual() {
    let folder = Folder::new(&[]);
    assert!(folder.expect(0, &["--version"]).out().starts_with("walrus 0."));
    let json: serde_json::Value = serde_json::from_str(&folder.expect(0, &["-V", "--json"]).out()).expect("JSON");
    assert_eq!(json["tool"], "walrus");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(folder.expect(0, &["completions", shell]).out().contains("walrus"), "{shell}");
    }
    let manual = folder.expect(0, &["man"]).out();
    assert!(manual.contains(".TH walrus") && manual.contains("no\\-cache") && manual.contains("depfile"), "{manual}");
    let help = folder.expect(0, &["--help"]).out();
    assert!(["run", "build", "check", "fmt", "lock", "new"].iter().all(|command| help.contains(command)), "{help}");
    assert!(folder.expect(0, &["run", "--help"]).out().contains("--no-cache"));
}

#[test]
fn files_are_brought_into_the_one_style() {
    let folder = Folder::new(&[
        ("a.walrus", "let  x=1;\n"),
        ("good.walrus", "let y = 1;\n"),
        ("sub/b.walrus", "f( );// why"),
        ("sub/bad.walrus", "let = ;\n"),
        (".hidden/c.walrus", "a ( );"),
        ("note.txt", "a ( );"),
    ]);
    let outcome = folder.expect(1, &["fmt", "--check", "a.walrus", "good.walrus", "sub/b.walrus"]);
    assert_eq!(outcome.out(), "a.walrus\nsub/b.walrus\n");
    let outcome = folder.expect(1, &["fmt"]);
    assert!(outcome.err().contains("'sub/bad.walrus' has errors and is left alone"), "{}", outcome.err());
    assert_eq!(folder.read("a.walrus"), b"let x = 1;\n");
    assert_eq!(folder.read("sub/b.walrus"), b"f(); // why\n");
    assert_eq!(folder.read("sub/bad.walrus"), b"let = ;\n");
    assert_eq!(folder.read(".hidden/c.walrus"), b"a ( );");
    assert_eq!(folder.expect(0, &["fmt", "--check", "a.walrus", "sub/b.walrus"]).out(), "");
    assert_eq!(folder.walrus_with(&["fmt", "-"], "a ( );").out(), "a();\n");
    folder.expect(2, &["fmt", "none.walrus"]);
}

#[test]
fn the_examples_are_in_the_one_style() {
    let folder = Folder::new(&[]);
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    assert_eq!(folder.expect(0, &["fmt", "--check", examples]).out(), "");
}

#[test]
#[cfg(unix)]
fn formatting_a_folder_waits_for_no_pipe() {
    let folder = Folder::new(&[("a.walrus", "a ( );")]);
    let made = Command::new("mkfifo").arg(folder.path("pipe.walrus")).status().expect("mkfifo is there");
    assert!(made.success());
    folder.expect(0, &["fmt"]);
    assert_eq!(folder.read("a.walrus"), b"a();\n");
}

#[test]
#[cfg(unix)]
fn formatting_keeps_modes_and_leaves_read_only_files_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("x.walrus", "a ( );"), ("r.walrus", "a ( );")]);
    let mode = |name: &str| fs::metadata(folder.path(name)).expect("it is there").permissions().mode() & 0o777;
    let set =
        |name: &str, mode| fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).expect("modes");
    set("x.walrus", 0o755);
    set("r.walrus", 0o444);
    let outcome = folder.expect(2, &["fmt"]);
    assert!(outcome.err().contains("'r.walrus' is read-only"), "{}", outcome.err());
    assert_eq!((mode("x.walrus"), mode("r.walrus")), (0o755, 0o444));
    assert_eq!(folder.read("r.walrus"), b"a ( );");
    assert_eq!(folder.read("x.walrus"), b"a();\n");
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_utf_8_are_names_all_the_same() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new(&[("d/x", "")]);
    let name = OsStr::from_bytes(b"caf\xe9.walrus");
    fs::write(folder.path("d").join(name), "println ( 1 );\n").expect("writable");
    let run_in = |args: &[&OsStr]| {
        let mut command = folder.command(&[]);
        run(command.current_dir(folder.path("d")).args(args), b"").expect("walrus ends")
    };
    for _ in 0..2 {
        assert_eq!(run_in(&[name]).out(), "1\n");
    }
    assert_eq!(run_in(&[OsStr::new("fmt")]).status, Some(0));
    assert_eq!(fs::read(folder.path("d").join(name)).expect("readable"), b"println(1);\n");
    // To a program such a name is text with what cannot be told, and no way to the file.
    let code = "import \"std/fs\"; import \"std/io\"; for name in fs.list_dir(\".\") { \
                try { println(core.repr(name), io.read_file(name)); } catch e { println(e); } }";
    let said = run_in(&[OsStr::new("-e"), OsStr::new(code)]).out();
    assert_eq!(said, "Failed to read 'caf\u{fffd}.walrus': No such file or directory\n\"x\" \n");
}

#[test]
#[cfg(unix)]
fn folders_without_rights_are_told_and_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("d/a.walrus", "a ( );"), ("p.walrus", "println(1);")]);
    let set = |mode| fs::set_permissions(folder.path("d"), fs::Permissions::from_mode(mode)).expect("modes");
    set(0o555);
    if fs::write(folder.path("d/probe"), "").is_ok() {
        println!("not run: this user may write everywhere");
        return;
    }
    let code = "import \"std/fs\"; try { fs.make_dir(\"d/e\"); } catch e { println(e); }";
    for (args, said) in [
        (&["fmt", "d"][..], "cannot write 'd/a.walrus': Permission denied"),
        (&["build", "p.walrus", "-o", "d/p.wbc"], "cannot write 'd/p.wbc': Permission denied"),
    ] {
        assert!(folder.expect(2, args).err().contains(said), "{args:?}");
    }
    assert_eq!(folder.expect(0, &["-e", code]).out(), "Failed to make folder 'd/e': Permission denied\n");
    assert_eq!(folder.read("d/a.walrus"), b"a ( );");
    set(0o000);
    for args in [&["fmt", "d"][..], &["test", "d"], &["d/a.walrus"]] {
        assert!(folder.expect(2, args).err().contains("Permission denied"), "{args:?}");
    }
    set(0o755);
}
