//! The grammars for editors (`editors/`) read every program that the compiler takes, each by its real engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tree_sitter::{Language, Node, Parser, Query};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All programs of the repository that compile.
fn programs() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "walrus") {
                let text = String::from_utf8_lossy(&fs::read(&path).expect("readable")).into_owned();
                if !text.contains("// expect compile error") {
                    found.push(path);
                }
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["fixtures", "examples"] {
        collect(&root().join(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 200, "only {} programs were found", found.len());
    found
}

fn language() -> Language {
    tree_sitter_walrus::LANGUAGE.into()
}

fn parser() -> Parser {
    let mut parser = Parser::new();
    parser.set_language(&language()).expect("the engine knows the version of the generated parser");
    parser
}

/// The first place in a tree that the grammar has nothing for.
fn first_error(node: Node<'_>) -> Option<Node<'_>> {
    if node.is_error() || node.is_missing() {
        return Some(node);
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).filter(Node::has_error).find_map(first_error)
}

#[test]
fn tree_sitter_reads_every_program_without_an_error() {
    let mut parser = parser();
    let mut wrong = Vec::new();
    for path in programs() {
        let tree = parser.parse(fs::read(&path).expect("readable"), None).expect("there is no limit to its time");
        if let Some(node) = first_error(tree.root_node()) {
            let place = node.start_position();
            wrong.push(format!("{}:{}:{}", path.display(), place.row + 1, place.column + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A grammar that takes everything would pass the test above.
#[test]
fn tree_sitter_gives_the_structure_and_finds_errors() {
    let tree = |text: &str| parser().parse(text, None).expect("there is no limit to its time");
    let shape = |text: &str| {
        let tree = tree(text);
        tree.root_node().child(0).expect("a statement").to_sexp()
    };
    assert_eq!(
        shape("-a ** 2 + not b;"),
        "(expression_statement (binary left: (unary operand: (binary left: (identifier) right: (integer))) \
         right: (unary operand: (identifier))))"
    );
    assert_eq!(
        shape("x = f\"a{b:>3}\\n\";"),
        "(assignment target: (identifier) value: (format_string (hole (identifier) (format)) (escape)))"
    );
    assert_eq!(shape("{}"), "(block)");
    assert_eq!(shape("if a { b; } else { c; }").matches("if_statement").count(), 1);
    assert_eq!(shape("x = if a { b } else { c }(1);").matches("(call function: (if_expression").count(), 1);
    assert_eq!(shape("m.in.if();").matches("member_name").count(), 2);
    for wrong in ["let = 1;", "f(;", "a b;", "if { }", "\"open"] {
        assert!(tree(wrong).root_node().has_error(), "{wrong}");
    }
    Query::new(&language(), tree_sitter_walrus::HIGHLIGHTS_QUERY).expect("the query fits the grammar");
}

/// Runs the engine of VS Code; `None` if it is not installed.
fn textmate(files: &[PathBuf]) -> Option<(bool, String)> {
    let script = root().join("editors/vscode/test.mjs");
    let output = Command::new("node").arg(script).args(files).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(3) { None } else { Some((output.status.success(), text)) }
}

#[test]
fn the_textmate_grammar_has_a_valid_scope_for_everything() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wrong = folder.path().join("wrong.walrus");
    fs::write(&wrong, "let a = 12ab;\nlet b = \"\\q\";\nlet c = ?;\n").expect("writable");
    let Some((passes, report)) = textmate(&[wrong]) else {
        println!("not run: node with the modules of editors/vscode is not installed (npm ci --prefix editors/vscode)");
        return;
    };
    assert!(!passes && report.matches("invalid.illegal").count() == 3, "{report}");
    let (passes, report) = textmate(&programs()).expect("it ran a moment ago");
    assert!(passes, "{report}");
}

#[test]
fn both_grammars_know_every_keyword() {
    let tree_sitter = fs::read_to_string(root().join("editors/tree-sitter-walrus/grammar.js")).expect("readable");
    let textmate = fs::read_to_string(root().join("editors/vscode/syntaxes/walrus.tmLanguage.json")).expect("readable");
    for (keyword, _) in walrus::syntax::lexer::KEYWORDS {
        assert!(tree_sitter.contains(&format!("\"{keyword}\"")), "{keyword} is missing in grammar.js");
        let places = [format!("{keyword}\\\\b"), format!("{keyword}|"), format!("|{keyword})"), format!("({keyword})")];
        assert!(places.iter().any(|place| textmate.contains(place)), "{keyword} is missing in the TextMate grammar");
    }
}
