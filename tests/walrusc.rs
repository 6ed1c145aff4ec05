//! `walrusc` as its users meet it: every flag, exit status and output of `walrusc --help`.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs;
use std::process::Command;

use folder::Folder;
use support::{Outcome, run, walrus_run, walrusc};

/// Running walrusc in a folder.
trait Compiles {
    fn command(&self, args: &[&str]) -> Command;
    fn walrusc_with(&self, args: &[&str], stdin: &str) -> Outcome;

    fn walrusc(&self, args: &[&str]) -> Outcome {
        self.walrusc_with(args, "")
    }

    /// Runs walrusc, which must end with this status.
    #[track_caller]
    fn expect(&self, status: i32, args: &[&str]) -> Outcome {
        let outcome = self.walrusc(args);
        assert_eq!(outcome.status, Some(status), "walrusc {args:?}: {}", outcome.describe());
        outcome
    }
}

impl Compiles for Folder {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = walrusc();
        command.current_dir(self.root()).args(args);
        command
    }

    fn walrusc_with(&self, args: &[&str], stdin: &str) -> Outcome {
        run(&mut self.command(args), stdin.as_bytes()).expect("walrusc ends")
    }
}

const HELLO: &str = "println(\"hello\");\n";

#[test]
fn the_output_stands_beside_the_source() {
    let folder = Folder::new(&[("sub/prog.walrus", HELLO)]);
    let outcome = folder.expect(0, &["sub/prog.walrus"]);
    assert_eq!(outcome.out() + &outcome.err(), "");
    let ran = run(walrus_run().arg(folder.path("sub/prog.wbc")), b"").unwrap();
    assert_eq!(ran.out(), "hello\n");
    folder.expect(0, &["sub/prog.walrus", "-o", "other.wbc"]);
    assert_eq!(folder.read("other.wbc"), folder.read("sub/prog.wbc"));
}

#[test]
fn many_programs_go_to_a_folder_and_errors_keep_their_order() {
    let names: Vec<String> = (0..20).map(|i| format!("p{i:02}.walrus")).collect();
    let folder = Folder::new(&[("out/.keep", "")]);
    for (i, name) in names.iter().enumerate() {
        folder.write(name, if i % 7 == 3 { "println(missing);" } else { HELLO });
    }
    let mut args: Vec<&str> = names.iter().map(String::as_str).collect();
    args.extend(["--out-dir", "out", "--message-format", "short"]);
    let outcome = folder.expect(1, &args);
    let files: Vec<&str> = outcome
        .err()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(file, _)| file)
        .filter(|file| file.ends_with(".walrus"))
        .map(|file| names.iter().find(|name| *name == file).expect("a source").as_str())
        .collect();
    assert_eq!(files, ["p03.walrus", "p10.walrus", "p17.walrus"]);
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 18);
}

#[test]
fn outputs_that_would_collide_are_refused() {
    let folder = Folder::new(&[("a/x.walrus", HELLO), ("b/x.walrus", HELLO)]);
    let outcome = folder.expect(2, &["a/x.walrus", "b/x.walrus", "--out-dir", "."]);
    assert!(outcome.err().contains("would both be written"), "{}", outcome.err());
    folder.expect(2, &["a/x.walrus", "b/x.walrus", "-o", "y.wbc"]);
    folder.expect(2, &["a/x.walrus", "--emit", "wbc,ast", "-o", "y.wbc"]);
    folder.expect(2, &["a/x.walrus", "b/x.walrus", "--depfile", "y.d"]);
    let outcome = folder.expect(2, &["a/x.walrus", "-o", "a/x.walrus"]);
    assert!(outcome.err().contains("is a source of the program"), "{}", outcome.err());
    assert_eq!(folder.read("a/x.walrus"), HELLO.as_bytes());
}

#[test]
fn standard_input_and_output() {
    let folder = Folder::new(&[("lib.walrus", "let x = 7;")]);
    let text = "import \"./lib.walrus\"; println(lib.x);";
    let outcome = folder.walrusc_with(&["-", "-o", "-"], text);
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    fs::write(folder.path("x.wbc"), &outcome.stdout).unwrap();
    assert_eq!(run(walrus_run().arg(folder.path("x.wbc")), b"").unwrap().out(), "7\n");
    assert_eq!(folder.walrusc_with(&["-"], text).status, Some(2), "the output needs a name");
    assert_eq!(folder.walrusc_with(&["--check", "-"], text).status, Some(0));
    assert_eq!(folder.walrusc_with(&["-", "-", "--check"], text).status, Some(2));
}

#[test]
fn check_writes_nothing() {
    let folder = Folder::new(&[("p.walrus", "println(1); break; println(nope);")]);
    let outcome = folder.expect(1, &["--check", "p.walrus"]);
    for message in ["Break statement outside of loop", "Undefined variable 'nope'"] {
        assert!(outcome.err().contains(message), "{}", outcome.err());
    }
    assert_eq!(folder.names(), ["p.walrus"]);
    folder.expect(2, &["--check", "p.walrus", "-o", "x.wbc"]);
}

#[test]
fn each_kind_of_output() {
    let folder = Folder::new(&[("p.walrus", "import \"./lib.walrus\"; println(lib.x);"), ("lib.walrus", "let x = 1;")]);
    folder.expect(0, &["p.walrus", "--emit", "wbc,ast,bytecode,deps"]);
    assert_eq!(folder.names(), ["lib.walrus", "p.ast", "p.bytecode", "p.d", "p.walrus", "p.wbc"]);
    assert!(String::from_utf8(folder.read("p.bytecode")).unwrap().contains("SetGlobal"));
    assert_eq!(String::from_utf8(folder.read("p.d")).unwrap(), "p.wbc: \\\n  p.walrus \\\n  lib.walrus\n");
    let deps = folder.expect(0, &["p.walrus", "--emit", "deps", "-o", "-"]).stdout;
    assert_eq!(deps, folder.read("p.d"), "the rule is about the program, wherever it is written");
    assert_eq!(folder.walrusc_with(&["-", "--emit", "deps", "-o", "-"], HELLO).status, Some(2));
    folder.expect(0, &["p.walrus", "--emit", "ast,wbc,ast"]);
    let ast = folder.expect(0, &["p.walrus", "--emit", "ast", "-o", "-"]).out();
    assert_eq!(ast.as_bytes(), folder.read("p.ast"));
    assert!(ast.contains("lib.walrus"), "{ast}");
    let outcome = folder.expect(2, &["p.walrus", "--emit", "nonsense"]);
    assert!(outcome.err().contains("nonsense"));
}

#[test]
fn a_loop_writes_items_if_a_function_that_it_calls_assigns_an_entry_by_name() {
    let text = "fn set : d, i { d.x = i; }\nlet d = {\"x\": 0};\nfor i in 0..9 { set(d, i); }\nprintln(d);\n";
    let folder = Folder::new(&[("p.walrus", text)]);
    let facts = folder.expect(0, &["p.walrus", "--emit", "facts", "-o", "-"]).out();
    let of_loop = facts.split("loop at top level").nth(1).expect("facts about the loop");
    assert!(of_loop.contains("writes items"), "{facts}");
}

#[test]
fn a_variable_that_renews_an_outer_one_is_told_of_assigning() {
    let text = "fn f : n { let t = 0; for i in 0..n { let t = t + i; } return t; }\nprintln(f(3));\n";
    let warned = Folder::new(&[("p.walrus", text)]).expect(0, &["p.walrus", "--check"]);
    assert!(warned.err().contains("help: to change the outer 't', assign to it"), "{}", warned.err());
}

#[test]
fn lints_have_levels_and_the_last_one_counts() {
    let folder = Folder::new(&[("p.walrus", "{ let unused = 1; }")]);
    let outcome = folder.expect(0, &["p.walrus"]);
    assert!(outcome.err().contains("W0201"), "{}", outcome.err());
    fs::remove_file(folder.path("p.wbc")).unwrap();
    assert_eq!(folder.expect(0, &["p.walrus", "--allow", "W0201", "--check"]).err(), "");
    assert_eq!(folder.expect(0, &["p.walrus", "--deny", "W0201", "--allow", "w0201", "--check"]).err(), "");
    let outcome = folder.expect(1, &["p.walrus", "--allow", "W0201", "--deny", "warnings"]);
    assert!(outcome.err().contains("error[W0201]"), "{}", outcome.err());
    assert!(!folder.has("p.wbc"), "a denied lint is an error");
    folder.expect(1, &["p.walrus", "--deny", "W0201", "--check"]);
    folder.expect(0, &["p.walrus", "--deny", "W0201", "--warn", "W0201", "--check"]);
    folder.expect(2, &["p.walrus", "--deny", "W9999"]);
    folder.expect(2, &["p.walrus", "--allow", "E0301"]);
}

#[test]
fn messages_for_people_and_for_tools() {
    let folder = Folder::new(&[("p.walrus", "let count = 1;\nprintln(cuont);\nprintln(other);\n")]);
    let human = folder.expect(1, &["p.walrus"]).err();
    assert!(human.contains("error[E0301]") && human.contains("did you mean") && human.contains("2 errors"), "{human}");
    let short = folder.expect(1, &["p.walrus", "--message-format", "short"]).err();
    assert!(short.starts_with("p.walrus:2:9: "), "{short}");
    let json = folder.expect(1, &["p.walrus", "--message-format", "json"]).err();
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["code"], "E0301");
    assert_eq!(lines[0]["suggestions"][0]["replacement"], "count");
    let github = folder.expect(1, &["p.walrus", "--message-format", "github"]).err();
    assert!(github.starts_with("::error file=p.walrus,line=2,endLine=2,col=9,endColumn=14,title=E0301::"), "{github}");
}

#[test]
fn sarif_is_one_document_for_all_programs_with_fixes() {
    let folder = Folder::new(&[
        ("p.walrus", "import \"./lib.walrus\"; println(lib.x);"),
        ("q.walrus", "import \"./lib.walrus\"; let count = 1; println(cuont);"),
        ("lib.walrus", "let x = 1; println(other);"),
    ]);
    let flags = ["--message-format", "sarif", "p.walrus", "q.walrus"];
    let text = folder.expect(1, &flags).out();
    let sarif: serde_json::Value = serde_json::from_str(&text).expect("one document");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 2, "what two programs share is said once: {text}");
    assert!(text.contains("\"deletedRegion\"") && text.contains("\"count\""), "{text}");
    folder.expect(1, &[&flags[..], &["--check", "-o", "out.sarif"]].concat());
    assert_eq!(folder.read("out.sarif"), text.as_bytes());
    folder.expect(2, &["--message-format", "sarif", "p.walrus", "-o", "-"]);
}

#[test]
fn files_are_named_as_their_user_names_them() {
    let folder = Folder::new(&[
        ("a/b/p.walrus", "import \"../lib.walrus\"; println(lib.x); nope;"),
        ("a/lib.walrus", "let x = 1; oops;"),
    ]);
    let err = folder.expect(1, &["a/./b/../b/p.walrus", "--message-format", "short"]).err();
    assert!(err.contains("a/b/p.walrus:1:") && err.contains("a/lib.walrus:1:"), "{err}");
    let absolute = folder.path("a/b/p.walrus");
    let err = folder.expect(1, &[absolute.to_str().expect("UTF-8"), "--message-format", "short"]).err();
    assert!(err.contains(&format!("{}:1:", folder.path("a/lib.walrus").display())), "{err}");
}

#[test]
fn outputs_keep_what_they_are() {
    let folder = Folder::new(&[("p.walrus", HELLO), ("real/keep", "")]);
    folder.expect(0, &["p.walrus", "-o", "made/here/p.wbc"]);
    folder.expect(0, &["p.walrus", "--out-dir", "made/there"]);
    assert_eq!(folder.read("made/here/p.wbc"), folder.read("made/there/p.wbc"));
    let written = || fs::metadata(folder.path("made/here/p.wbc")).and_then(|found| found.modified()).expect("times");
    let before = written();
    folder.expect(0, &["p.walrus", "-o", "made/here/p.wbc"]);
    assert_eq!(written(), before, "an output that would not change is not touched");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        symlink("../real/p.wbc", folder.path("made/link.wbc")).expect("links can be made");
        folder.expect(0, &["p.walrus", "-o", "made/link.wbc"]);
        assert!(folder.path("real/p.wbc").is_file() && folder.path("made/link.wbc").is_symlink());
        fs::set_permissions(folder.path("real/p.wbc"), fs::Permissions::from_mode(0o750)).expect("modes can be set");
        folder.write("p.walrus", "println(2);");
        folder.expect(0, &["p.walrus", "-o", "made/link.wbc"]);
        let mode = fs::metadata(folder.path("real/p.wbc")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
    }
}

#[test]
fn what_killed_compilers_left_is_removed() {
    let folder = Folder::new(&[("p.walrus", HELLO), (".walrusc-abc123.tmp", "half"), (".walrusc-kept", "a file")]);
    let busy = fs::File::create(folder.path(".walrusc-busy00.tmp")).expect("files can be made");
    busy.lock().expect("files can be locked");
    folder.expect(0, &["p.walrus"]);
    assert_eq!(folder.names(), [".walrusc-busy00.tmp", ".walrusc-kept", "p.walrus", "p.wbc"]);
}

#[test]
fn arguments_may_come_from_a_file() {
    let folder = Folder::new(&[("my p.walrus", HELLO), ("args", "my p.walrus\r\n-o\n\nx.wbc\n")]);
    folder.expect(0, &["@args"]);
    assert!(folder.has("x.wbc"));
    assert!(folder.expect(2, &["@none"]).err().contains("cannot read the arguments in 'none'"));
}

#[test]
fn gates_end_with_the_status_of_their_program() {
    let old = "fn f : k { let t = 0; for i in 0..3 { t += i * k; } return t; }\nprintln(f(2));\n";
    let new = old.replace("f(2)", "f(json.decode(\"2\"))").replacen("fn f", "import \"std/json\"; fn f", 1);
    let folder =
        Folder::new(&[("a.walrus", old), ("b.walrus", &new), ("m.walrus", &new.replace("for", "\n// @jit\nfor"))]);
    folder.expect(0, &["a.walrus", "b.walrus"]);
    folder.expect(0, &["diff", "a.wbc", "b.wbc"]);
    assert!(folder.expect(1, &["diff", "--exit-code", "a.wbc", "b.wbc"]).out().contains("proven -> conditional"));
    folder.expect(0, &["diff", "--exit-code", "b.wbc", "a.wbc"]);
    folder.expect(0, &["--check", "--deny", "jit-conditional", "a.walrus", "b.walrus"]);
    assert!(folder.expect(1, &["--check", "--deny", "jit-conditional", "m.walrus"]).err().contains("error[W0106]"));
    folder.expect(1, &["--check", "--deny", "jit-conditional=all", "b.walrus"]);
    assert!(folder.expect(0, &["--explain", "jit-conditional"]).out().starts_with("jit-conditional\n"));
    assert!(folder.expect(0, &["--explain", "jit-incompatible=all"]).out().contains("W0102"));
}

#[test]
fn a_stripped_build_costs_what_the_other_does() {
    // Two lists at one place, and steps in one expression.
    let text = "fn f : n { let t = []; for i in 0..n { for k, v in {i: 1, -i: 2} { t = [[k], [v]] + [core.repr(v), core.repr(k)]; } } return t; }\n\
                for i in 0..9 { println(f(i), f(i + 1)); }\n";
    let folder = Folder::new(&[("a.walrus", text)]);
    folder.expect(0, &["a.walrus", "-o", "a.wbc"]);
    folder.expect(0, &["--strip", "a.walrus", "-o", "b.wbc"]);
    for (old, new) in [("a.wbc", "b.wbc"), ("b.wbc", "a.wbc")] {
        assert_eq!(folder.expect(0, &["diff", "--exit-code", old, new]).out(), "");
    }
}

#[test]
fn help_calls_a_module_as_its_importer_does() {
    let text = "import \"std/async\" as aio;\nasync fn f : n { await aio.sleep(n); return n * 2; }\nlet t = 0;\nfor i in 0..3 { t += await f(i); }\nprintln(t);\n";
    let folder = Folder::new(&[("a.walrus", text)]);
    assert!(folder.expect(0, &["--check", "a.walrus"]).err().contains("together: `await aio.gather(made)`\n"));
}

#[test]
fn no_input_is_overwritten() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    let program = folder.read("p.wbc");
    folder.expect(2, &["dis", "p.wbc", "-o", "p.wbc"]);
    folder.expect(2, &["info", "p.wbc", "-o", "./p.wbc"]);
    folder.expect(2, &["diff", "p.wbc", "p.wbc", "-o", "p.wbc"]);
    assert_eq!(folder.read("p.wbc"), program);
    let outcome = folder.expect(2, &["p.walrus", "-o", "x", "--depfile", "x"]);
    assert!(outcome.err().contains("would both be written"), "{}", outcome.err());
}

#[test]
fn dependency_files_escape_names_and_refuse_line_breaks() {
    let folder = Folder::new(&[
        ("my lib$#.walrus", "let x = 1;"),
        ("p q.walrus", "import \"./my lib$#.walrus\" as lib; println(lib.x);"),
    ]);
    folder.expect(0, &["p q.walrus", "--depfile", "p.d"]);
    let rule = String::from_utf8(folder.read("p.d")).unwrap();
    assert_eq!(rule, "p\\ q.wbc: \\\n  p\\ q.walrus \\\n  my\\ lib$$\\#.walrus\n");
    folder.write("new\nline.walrus", HELLO);
    let outcome = folder.expect(2, &["new\nline.walrus", "--depfile", "n.d"]);
    assert!(outcome.err().contains("line break"), "{}", outcome.err());
    assert!(!folder.has("n.d") && !folder.has("new\nline.wbc"));
}

#[test]
fn the_cache_key_changes_when_the_output_could() {
    let folder = Folder::new(&[("p.walrus", "import \"./lib.walrus\"; println(lib.x);"), ("lib.walrus", "let x = 1;")]);
    let key = |args: &[&str]| {
        let out = folder.expect(0, &[&["--print", "cache-key", "p.walrus"], args].concat()).out();
        assert_eq!(out.lines().count(), 1);
        out
    };
    let first = key(&[]);
    assert_eq!(key(&[]), first);
    assert_eq!(key(&["--color", "never"]), first, "colours are not in the output");
    assert_ne!(key(&["--strip"]), first);
    assert_ne!(key(&["--deny", "warnings"]), first);
    assert_eq!(folder.names(), ["lib.walrus", "p.walrus"], "nothing is compiled");
    folder.write("lib.walrus", "let x = 2;");
    assert_ne!(key(&[]), first);
    folder.write("lib.walrus", "let x = 1;");
    assert_eq!(key(&[]), first);
    let elsewhere =
        Folder::new(&[("p.walrus", "import \"./lib.walrus\"; println(lib.x);"), ("lib.walrus", "let x = 1;")]);
    assert_eq!(elsewhere.expect(0, &["--print", "cache-key", "p.walrus"]).out(), first);
}

#[test]
fn functions_of_an_embedding_program_are_declared() {
    let folder = Folder::new(&[("rules.walrus", "import \"host/shop\";\nprintln(shop.price(\"tea\") + 1);\n")]);
    let declared = ["--host", "shop.price/1", "--host", "shop.charge/2"];
    folder.expect(0, &[&declared[..], &["rules.walrus", "-o", "rules.wbc"]].concat());
    let wrong = folder.expect(1, &["--check", "rules.walrus"]);
    assert!(
        wrong.err().contains("Module 'host/shop' not found") && wrong.err().contains("--host"),
        "{}",
        wrong.describe()
    );
    // The analysis knows the module's names, and how many arguments its functions take.
    let warned = folder.expect(0, &["--check", "--host", "shop.price/2", "rules.walrus"]);
    assert!(warned.err().contains("Function 'price' expected 2 arg(s) but got 1 arg(s)"), "{}", warned.describe());
    let warned = folder.expect(0, &["--check", "--host", "shop.prize/1", "rules.walrus"]);
    assert!(warned.err().contains("has no member 'price'"), "{}", warned.describe());
    for bad in ["shop", "shop.price", "shop.price/x", "shop.price/-1", "1.price/1", "shop./1", "a.b.c/1"] {
        let refused = folder.expect(2, &["--host", bad, "rules.walrus"]);
        assert!(refused.err().contains("'shop.price/1'"), "{bad}: {}", refused.describe());
    }
    folder.expect(2, &["--host", "shop.price/1", "--host", "shop.price/2", "rules.walrus"]);
    // The key follows what is declared, where the program uses it.
    let key = |args: &[&str]| folder.expect(0, &[&["--print", "cache-key"], args].concat()).out();
    let plain = key(&["--host", "shop.price/1", "rules.walrus"]);
    assert_ne!(plain, key(&["--host", "shop.price/2", "rules.walrus"]));
    assert_eq!(plain, key(&["--host", "shop.price/1", "--host", "other.f/1", "rules.walrus"]));
    // Whoever runs it without the functions is told their names.
    let ran = run(walrus_run().arg(folder.root().join("rules.wbc")), b"").expect("walrus-run ends");
    assert_eq!(ran.status, Some(2), "{}", ran.describe());
    assert!(ran.err().contains("host/shop.price (1 arg(s))"), "{}", ran.describe());
}

#[test]
fn stripped_programs_are_smaller_and_run() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    folder.expect(0, &["p.walrus", "--strip", "-o", "s.wbc"]);
    assert!(folder.read("s.wbc").len() < folder.read("p.wbc").len());
    assert_eq!(run(walrus_run().arg(folder.path("s.wbc")), b"").unwrap().out(), "hello\n");
}

#[test]
fn reports_about_compiled_files() {
    let folder = Folder::new(&[("p.walrus", HELLO), ("bad.wbc", "not a program")]);
    folder.expect(0, &["p.walrus"]);
    assert!(folder.expect(0, &["dis", "p.wbc"]).out().contains("Print"));
    assert!(folder.expect(0, &["info", "p.wbc"]).out().contains("walrusc"));
    folder.expect(0, &["dis", "p.wbc", "-o", "p.txt"]);
    assert_eq!(folder.read("p.txt"), folder.expect(0, &["dis", "p.wbc", "-o", "-"]).stdout);
    for command in ["dis", "info"] {
        assert_eq!(folder.expect(2, &[command, "bad.wbc"]).err().lines().count(), 1);
        assert_eq!(folder.expect(2, &[command, "nope.wbc"]).err().lines().count(), 1);
        assert_eq!(folder.expect(2, &[command, "."]).err().lines().count(), 1);
    }
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new(&[]);
    assert!(folder.expect(0, &["--explain", "e0301"]).out().starts_with("E0301: undefined variable"));
    let outcome = folder.expect(2, &["--explain", "E9999"]);
    assert!(outcome.err().contains("no diagnostic code 'E9999'"), "{}", outcome.err());
}

#[test]
fn versions_and_help() {
    let folder = Folder::new(&[]);
    assert!(folder.expect(0, &["-V"]).out().starts_with("walrusc "));
    let json: serde_json::Value = serde_json::from_str(&folder.expect(0, &["--version", "--json"]).out()).unwrap();
    assert_eq!(json["tool"], "walrusc");
    assert!(json["wbc_format"].is_number());
    assert!(folder.expect(0, &["--help"]).out().contains("--emit"));
    for heading in ["Output:", "Messages:"] {
        assert!(folder.expect(0, &["--help"]).out().contains(heading));
    }
    folder.expect(2, &["--json"]);
}

#[test]
fn bad_invocations_are_told_apart_from_bad_programs() {
    let folder = Folder::new(&[("p.walrus", HELLO), ("latin.walrus", "")]);
    fs::write(folder.path("latin.walrus"), b"println(\"\xE9\");").unwrap();
    for args in [
        &[][..],
        &["--nonsense", "p.walrus"],
        &["nope.walrus"],
        &["."],
        &["p.walrus", "-o", "p.walrus/x.wbc"],
        &["p.walrus", "-o", "."],
    ] {
        let outcome = folder.expect(2, args);
        assert_eq!(outcome.out(), "", "{args:?}");
        assert!(outcome.err().starts_with("error: "), "{args:?}: {}", outcome.err());
    }
    assert_eq!(
        folder.expect(2, &["nope.walrus"]).err(),
        "error: cannot read 'nope.walrus': No such file or directory\n"
    );
    assert!(folder.expect(1, &["latin.walrus"]).err().contains("Invalid UTF-8 at byte offset 9"));
}

#[test]
fn the_same_program_gives_the_same_bytes_in_every_folder() {
    let files: &[(&str, &str)] = &[
        ("app/p.walrus", "import \"../shared/a.walrus\"; import @pack; println(a.x, pack.y); fn f : n { return n; }"),
        ("shared/a.walrus", "let x = 1;"),
        ("packs/pack/main.walrus", "let y = 2;"),
        ("Walrus.toml", "[dependencies]\npack = { version = \"1\", path = \"packs/pack\" }"),
    ];
    let (one, two) = (Folder::new(files), Folder::new(files));
    one.expect(0, &["app/p.walrus"]);
    let absolute = two.path("app/p.walrus");
    two.expect(0, &[absolute.to_str().unwrap()]);
    assert_eq!(one.read("app/p.wbc"), two.read("app/p.wbc"));
    let inside = run(walrusc().current_dir(one.path("app")).args(["p.walrus", "-o", "q.wbc"]), b"").unwrap();
    assert_eq!(inside.status, Some(0), "{}", inside.describe());
    assert_eq!(one.read("app/q.wbc"), two.read("app/p.wbc"));
    let text = String::from_utf8_lossy(&one.read("app/p.wbc")).into_owned();
    assert!(!text.contains(one.path("").to_str().unwrap()), "the folder's name is in the output");
}

#[test]
fn a_failed_compile_leaves_the_old_file_alone() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    let old = folder.read("p.wbc");
    folder.write("p.walrus", "println(missing);");
    folder.expect(1, &["p.walrus"]);
    assert_eq!(folder.read("p.wbc"), old);
    assert_eq!(folder.names(), ["p.walrus", "p.wbc"], "nothing temporary is left");
}

#[test]
fn a_reader_sees_whole_files_only() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    let whole = folder.read("p.wbc");
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..10).for_each(|_| drop(folder.expect(0, &["p.walrus"]))))).collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            assert_eq!(folder.read("p.wbc"), whole);
        }
    });
}

#[cfg(unix)]
#[test]
fn new_files_have_the_usual_permissions_and_devices_are_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    folder.expect(0, &["p.walrus"]);
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("p.wbc"), mode("p.walrus"));
    folder.expect(0, &["p.walrus", "-o", "/dev/null"]);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_a_closed_pipe_is_not() {
    let folder = Folder::new(&[("p.walrus", HELLO)]);
    let outcome = folder.expect(2, &["p.walrus", "-o", "/dev/full"]);
    assert!(outcome.err().contains("cannot write '/dev/full'"), "{}", outcome.err());
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = folder.command(&["p.walrus", "-o", "-"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = folder.command(&["p.walrus", "-o", "-"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn colour_is_for_terminals_or_by_demand() {
    let folder = Folder::new(&[("p.walrus", "println(missing);")]);
    let coloured = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = folder.command(&[&["p.walrus"], args].concat());
        command.envs(variables.iter().copied());
        run(&mut command, b"").unwrap().err().contains('\u{1B}')
    };
    assert!(!coloured(&[], &[]), "a pipe is no terminal");
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn many_errors_in_one_go_are_cut_at_twenty() {
    let text: String = (0..30).map(|i| format!("println(missing_{i});\n")).collect();
    let folder = Folder::new(&[("p.walrus", &text)]);
    let err = folder.expect(1, &["p.walrus"]).err();
    assert_eq!(err.matches("error[E0301]").count(), 20);
    assert!(err.contains("10 more"), "{err}");
}
