//! The rules of names and modules, each as a tiny program.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::graph::{Entry, FileLoader, ModuleGraph, StdModules, load};
use super::*;
use crate::source::{Diagnostics, SourceMap};
use crate::syntax::Interner;

const STD: StdModules<'_> =
    StdModules { available: &["std/core", "std/math"], to_come: &["std/async"], host: "std/host", host_modules: &[] };

/// Files in memory; a path has one spelling once `.` and `..` are gone.
struct Files(HashMap<PathBuf, String>);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        Files(
            files
                .iter()
                .map(|(name, text)| (Files::clean(&Path::new("/top/app").join(name)), text.to_string()))
                .collect(),
        )
    }

    fn clean(path: &Path) -> PathBuf {
        let mut clean = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::ParentDir => {
                    clean.pop();
                }
                std::path::Component::CurDir => {}
                _ => clean.push(part),
            }
        }
        clean
    }
}

impl FileLoader for Files {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let path = Files::clean(path);
        let is_there = self.0.keys().any(|file| file.starts_with(&path));
        is_there.then_some(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(&Files::clean(path));
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct Resolved {
    graph: ModuleGraph,
    resolution: Resolution,
    interner: Interner,
    messages: Vec<String>,
}

impl Resolved {
    fn var(&self, name: &str) -> &Var {
        let scopes = self.resolution.files[0].as_ref().expect("the entry is a file");
        let symbol = self.interner.find(name).expect("the program has the name");
        scopes.vars.iter().find(|var| var.name == symbol).expect("the program has the variable")
    }

    fn modules(&self) -> Vec<&str> {
        self.graph.modules.iter().map(|module| module.name.as_str()).collect()
    }
}

/// Resolves `/top/app/main.walrus` of some files.
fn resolve_files(files: &[(&str, &str)]) -> Resolved {
    let (mut sources, mut interner, mut diagnostics) = (SourceMap::new(), Interner::new(), Diagnostics::new());
    let entry = Entry::File(PathBuf::from("/top/app/main.walrus"));
    let files = Files::new(files);
    let graph = load(entry, &files, STD, &mut sources, &mut interner, &mut diagnostics).expect("main is there");
    let mut resolution = resolve(&graph, &mut interner, &mut diagnostics);
    for (module, scopes) in graph.modules.iter().zip(&mut resolution.files) {
        if let (graph::ModuleSource::File(file), Some(scopes)) = (&module.source, scopes) {
            scopes.finalise(&file.ast, |_| false);
        }
    }
    let messages = diagnostics
        .into_report()
        .diagnostics
        .into_iter()
        .map(|d| {
            let position = sources.position(d.primary());
            let suggestions: Vec<String> = d.suggestions.iter().map(|s| format!(" [{}]", s.message)).collect();
            let help: Vec<String> = d.help.iter().map(|help| format!(" [{help}]")).collect();
            format!("{}:{} {}{}{}", position.line, position.column, d.message, suggestions.concat(), help.concat())
        })
        .collect();
    Resolved { graph, resolution, interner, messages }
}

fn resolve_text(text: &str) -> Resolved {
    resolve_files(&[("main.walrus", text)])
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(resolve_text(text).messages, expected);
}

#[test]
fn undefined_names_are_reported_each_with_what_was_meant() {
    check(
        "let counter = 1;\nprintln(coutner);\nfn f : value { return vlaue + nothing_like_it; }",
        &[
            "2:9 Undefined variable 'coutner' [did you mean 'counter'?]",
            "3:23 Undefined variable 'vlaue' [did you mean 'value'?]",
            "3:31 Undefined variable 'nothing_like_it'",
        ],
    );
}

#[test]
fn an_undefined_name_in_a_method_may_be_a_field() {
    check(
        "struct P { fn init : self { self.x = 1; } fn get : self { return x; } fn inc : self { x += y; } }",
        &[
            "1:66 Undefined variable 'x' [a field is written with its instance]",
            "1:87 Undefined variable 'x' [a field is written with its instance]",
            "1:92 Undefined variable 'y'",
        ],
    );
    check(
        "struct P { fn init : a { self.x = a; } }",
        &["1:26 Undefined variable 'self' [the first parameter of a method is `self`: `fn init : self, a { }`]"],
    );
}

#[test]
fn what_is_assigned_to_is_defined_first() {
    check(
        "struct P { } p = P(); sum += 1; countre = 1; let counter = 2;",
        &[
            "1:14 Undefined variable 'p' [define it with `let`]",
            "1:23 Undefined variable 'sum' [define it before, with the value to begin with: `let sum = 0;`]",
            "1:33 Undefined variable 'countre' [did you mean 'counter'?]",
        ],
    );
}

#[test]
fn top_level_names_are_visible_in_the_whole_file() {
    check("fn even : n { return odd(n); } fn odd : n { return even(n) + late; } let late = T(); struct T { }", &[]);
}

#[test]
fn a_local_is_visible_from_its_let_on() {
    check("{ println(x); let x = 1; println(x); }", &["1:11 Undefined variable 'x'"]);
    check("fn f : { let x = x; return x; }", &["1:18 Undefined variable 'x'"]);
    check("let x = 1; fn f : { let x = x; return x; }", &[]);
    check(
        "{ let x = 1; } println(x);",
        &["1:7 Unused variable 'x' [if this is intended, begin its name with '_']", "1:24 Undefined variable 'x'"],
    );
}

#[test]
fn redefinition_is_for_globals_only() {
    check("let a = 1; let a = 2;", &[]);
    let help = "[to change the variable, assign to it: a = …]";
    check(
        "{ let a = 1; let a = 2; println(a); }",
        &[
            "1:7 Unused variable 'a' [if this is intended, begin its name with '_']",
            &format!("1:18 Cannot redefine local variable with name 'a' {help}"),
        ],
    );
    check("fn f : a, a { return a; }", &[&format!("1:11 Cannot redefine local variable with name 'a' {help}")]);
    check("for a, a in [] { println(a); }", &[&format!("1:8 Cannot redefine local variable with name 'a' {help}")]);
}

#[test]
fn bodies_are_inner_to_parameters_loop_and_catch_variables() {
    check(
        "fn f : a { let a = a; return a; } for i in 0..3 { let i = i; println(i); } try { } catch e { let e = e; println(e); }",
        &[],
    );
}

#[test]
fn duplicate_definitions_are_reported() {
    check("fn f : { } struct f { }", &["1:19 Duplicate definition of 'f'"]);
    check("struct S { fn m : { } fn m : self { } }", &["1:26 Duplicate definition of 'm'"]);
}

#[test]
fn jumps_need_something_to_leave() {
    check(
        "break; return; while true { : { continue; }; break; }",
        &[
            "1:1 Break statement outside of loop",
            "1:8 Return statement outside of function",
            "1:33 Continue statement outside of loop",
        ],
    );
}

#[test]
fn methods_see_their_siblings_by_bare_name() {
    check("struct S { fn a : x { return b(x); } fn b : x { return x; } } println(S.a(1));", &[]);
    check(
        "struct S { fn a : x { return b(x); } } fn c : { return a(1); }",
        &["1:30 Undefined variable 'b'", "1:56 Undefined variable 'a'"],
    );
}

#[test]
fn fields_assigned_through_self_have_slots() {
    let resolved = resolve_text(
        "struct S { fn init : self, o { self.a = 1; o.no = 2; self.b += 1; let f = : { self.c = 3; }; f(); }
           fn m : x { x.no = 1; } fn n : self { self.a = 2; self.d = 1; } }",
    );
    assert_eq!(resolved.messages, [""; 0]);
    let fields = &resolved.resolution.files[0].as_ref().unwrap().structs[0].fields;
    let names: Vec<&str> = fields.iter().map(|&field| resolved.interner.get(field)).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn only_what_changes_after_its_capture_lives_in_a_cell() {
    let in_cell = |text| resolve_text(text).var("x").in_cell;
    assert!(!in_cell("fn f : { let x = 1; return : { return x; }; }"));
    assert!(!in_cell("fn f : { let x = 1; x = 2; return : { return x; }; }"), "assigned before the capture");
    assert!(in_cell("fn f : { let x = 1; let g = : { return x; }; x = 2; return g; }"), "assigned after it");
    assert!(in_cell("fn f : { let x = 1; return : { x = 2; }; }"), "assigned by the closure");
    assert!(in_cell("fn f : { let x = 1; while x { x = 2; let g = : { return x; }; g(); } }"), "the loop iterates");
    assert!(
        !in_cell("fn f : { while true { let x = 1; x = 2; let g = : { return x; }; g(); } }"),
        "new in each iteration"
    );
    assert!(!in_cell("fn f : { for x in [1] { let g = : { return x; }; g(); } }"));
    assert!(
        in_cell("fn f : x { let g = : { return : { return x; }; }; x = 1; return g; }"),
        "captured through another"
    );
}

#[test]
fn local_functions_that_capture_nothing_are_static() {
    let is_static = |text, name| resolve_text(text).var(name).is_static;
    assert!(is_static("{ fn g : n { return g(n); } g(1); }", "g"), "itself does not count");
    assert!(is_static("{ fn a : { } fn g : { return a(); } g(); }", "g"), "neither do other static ones");
    assert!(!is_static("{ let v = 1; fn g : { return v; } g(); }", "g"));
    assert!(!is_static("{ fn g : { } g(); g = 1; }", "g"));
    assert!(is_static("{ struct S { fn m : { return S(); } } S(); }", "S"));
    assert!(!is_static("{ let v = 1; struct S { fn m : { return v; } } S(); }", "S"));
    assert!(is_static("{ import \"std/math\" as m; fn g : { return m.pi(); } g(); }", "g"));
}

#[test]
fn a_function_that_mentions_outer_variables_is_static_only_while_it_is_called() {
    let is_static = |text, name| resolve_text(text).var(name).is_static;
    assert!(!is_static("{ fn a : { } fn g : { return a(); } let h = g; h(); }", "g"), "each g is another function");
    assert!(
        is_static("{ fn a : { } fn g : { return a(); } let h = g; h(); }", "a"),
        "a is called and mentions nothing"
    );
    assert!(is_static("{ fn g : { return g; } let h = g; h(); }", "g"), "its own name does not count");
    assert!(!is_static("{ fn a : { } struct S { fn m : { return a(); } } let h = S.m; h(); }", "S"));
    assert!(!is_static("{ fn a : { } struct S { fn m : { return a(); } fn n : { return m; } } S.n(); }", "S"));
    assert!(is_static("{ fn a : { } struct S { fn m : { return a(); } fn n : { return m(); } } S.n(); }", "S"));
}

#[test]
fn one_module_however_it_is_spelled() {
    let resolved = resolve_files(&[
        ("main.walrus", "import \"./lib/a.walrus\"; import \"lib/../lib/b.walrus\" as b; println(a, b);"),
        ("lib/a.walrus", "import \"./b.walrus\"; import \"../lib/b.walrus\" as again; let x = b.y + again.y;"),
        ("lib/b.walrus", "let y = 1;"),
    ]);
    assert_eq!(resolved.messages, [""; 0]);
    assert_eq!(resolved.modules(), ["main", "a", "b", "core"]);
}

#[test]
fn imports_that_lead_nowhere() {
    check(
        "import \"./nope.walrus\"; import \"std/mat\"; import \"std/async\"; println(nope, mat);",
        &[
            "1:8 Module './nope.walrus' not found",
            "1:32 Module 'std/mat' not found [did you mean 'std/math'?]",
            "1:50 Module 'std/async' is not supported by this version of Walrus [the standard modules of this version are std/core, std/math]",
        ],
    );
    let resolved = resolve_files(&[("main.walrus", "import \"./lib\";"), ("lib.walrus", "")]);
    assert_eq!(resolved.messages, ["1:8 Module './lib' not found [did you mean './lib.walrus'?]"]);
    check("import \"math\"; println(math);", &["1:8 Module 'math' not found [did you mean 'std/math'?]"]);
}

#[test]
fn circular_imports_name_the_chain() {
    let resolved = resolve_files(&[
        ("main.walrus", "import \"./a.walrus\";"),
        ("a.walrus", "import \"./b.walrus\";"),
        ("b.walrus", "fn late : { import \"./a.walrus\"; }"),
    ]);
    assert_eq!(
        resolved.messages,
        ["1:20 Circular import detected: module '/top/app/a.walrus' is already being imported \
          [the chain of imports is /top/app/a.walrus → /top/app/b.walrus → /top/app/a.walrus]"]
    );
}

#[test]
fn packages_without_a_manifest_stand_beside_the_importing_file() {
    let resolved = resolve_files(&[
        ("main.walrus", "import @shapes; println(shapes.area);"),
        ("shapes/main.walrus", "import @deep; let area = deep.x;"),
        ("shapes/deep/main.walrus", "let x = 1;"),
    ]);
    assert_eq!(resolved.messages, [""; 0]);
    assert_eq!(resolved.modules(), ["main", "shapes", "deep", "core"]);
}

#[test]
fn packages_with_a_manifest_stand_where_it_says() {
    let manifest = "[dependencies]\nshapes = { version = \"1\", path = \"libs/shapes\" }\n";
    let files = [
        ("main.walrus", "import @shapes; import @other;"),
        ("../Walrus.toml", manifest),
        ("../libs/shapes/main.walrus", "let area = 1;"),
        ("../libs/shapes/Walrus.toml", "[package]\nversion = \"1.4.0\"\n"),
    ];
    let resolved = resolve_files(&files);
    assert_eq!(resolved.messages, ["1:24 Module '@other' not found [add it to [dependencies] in '/top/Walrus.toml']"]);
    let names: Vec<&str> = resolved.graph.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["main.walrus", "../Walrus.toml", "../libs/shapes/Walrus.toml", "../libs/shapes/main.walrus"]);

    let mut pinned = files.to_vec();
    pinned.push(("../Walrus.lock", "version = 1\n[packages.shapes]\nversion = \"1.3.0\"\npath = \"libs/shapes\"\n"));
    let resolved = resolve_files(&pinned);
    assert_eq!(
        resolved.messages[0],
        "1:8 Walrus.lock is out of date: it pins 'shapes' to 1.3.0, but the package there is 1.4.0; run 'walrus lock'"
    );
}

#[test]
fn aliases_are_static_unless_something_else_has_their_name() {
    let alias = |text| {
        let resolved = resolve_text(text);
        let name = resolved.interner.find("math").unwrap();
        let global = resolved.resolution.globals.iter().find(|global| global.name == name).unwrap();
        (global.static_value().is_some(), global.exported)
    };
    assert_eq!(alias("import \"std/math\";"), (true, false));
    assert_eq!(alias("import \"std/math\"; import \"std/math\";"), (true, false));
    assert_eq!(alias("import \"std/math\"; math = 1;"), (false, false));
    assert_eq!(alias("import \"std/math\"; let math = 1;"), (false, true));
    check("println(math); import \"std/math\";", &["1:9 Undefined variable 'math'"]);
}

#[test]
fn unused_locals_are_reported_but_not_parameters_globals_or_underscores() {
    check(
        "let g = 1; fn f : p { let a = 1; let _b = 2; let c = 3; c = 4; for i in 0..3 { } try { } catch e { } }",
        &[
            "1:27 Unused variable 'a' [if this is intended, begin its name with '_']",
            "1:50 Unused variable 'c' [if this is intended, begin its name with '_']",
        ],
    );
}
