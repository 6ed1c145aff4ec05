//! `walrusc report`: the page, as text and as a person sees it in a browser.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::path::Path;
use std::process::Command;

use folder::Folder;
use support::{Outcome, run, walrus_run, walrusc};

/// A program with a loop of each verdict, code that nothing runs, and texts that would be tags.
const SHOP: &str = r#"// Prices of <b>things</b> & more
struct Item {
    fn init : self, name, price { self.name = name; self.price = price; }
    fn total : self, count { return self.price * count; }
}
fn sum : xs {
    let s = 0;
    for i in 0..xs.len() { s += xs[i]; }
    return s;
}
fn unused : n { return n + 1; }
let items = [Item("pen", 1.5), Item("</span><script>document.title = 'gone'</script>", 20.25)];
let total = 0.0;
for item in items { total += item.total(3); }
println(total, sum([1, 0.5]));
let text = "";
for c in "hello" { text = c + text; }
println(text);
if total < 0 { println(1 + "a"); }
"#;

/// A run of it.
const WORK: &str = r#"{"version": 1, "program": "HASH", "flags": "--jit", "news": {},
"total": {"interpreted": 51200, "iterations": 402000, "calls": 10000, "steps": 3, "allocations": 12, "allocated_bytes": 960, "exits": {"unseen": 1}},
"regions": [
{"id": 1, "kind": "function", "function": "Item.total", "ordinal": 0, "file": "shop.walrus", "line": 4, "column": 5, "calls": 6, "interpreted": 24, "exits": {}},
{"id": 3, "kind": "loop", "function": "sum", "ordinal": 0, "file": "shop.walrus", "line": 8, "column": 5, "interpreted": 1200, "iterations": 402000,
 "native_iterations": 401800, "calls": 0, "steps": 3, "allocations": 0, "exits": {"type<": 2}, "later": true}]}"#;

fn report(folder: &Folder, args: &[&str]) -> Outcome {
    run(walrusc().current_dir(folder.root()).arg("report").args(args), b"").expect("walrusc ends")
}

/// Writes a page, which must succeed, and gives its text.
fn page(folder: &Folder, args: &[&str]) -> String {
    let outcome = report(folder, &[args, &["-o", "report.html"]].concat());
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    String::from_utf8(folder.read("report.html")).expect("UTF-8")
}

#[test]
fn a_page_needs_nothing_and_escapes_everything() {
    let folder = Folder::new(&[("shop.walrus", SHOP)]);
    let html = page(&folder, &["shop.walrus"]);
    assert!(html.starts_with("<!DOCTYPE html>"));
    for word in ["<script", "http:", "https:", "src=", "url(", "@import", "<b>things"] {
        assert!(!html.contains(word), "the page has {word}");
    }
    assert!(html.contains("&lt;b&gt;things&lt;/b&gt; &amp; more"));
    assert!(html.contains("default-src 'none'"));
    for word in [
        "conditional</b> function &#39;sum&#39;",
        "proven</b> function &#39;Item.total&#39;",
        "never reached</b> function &#39;unused&#39;",
    ] {
        assert!(html.contains(word), "the page lacks {word}");
    }
    assert!(html.contains("data-type=\"list of int or float\">xs<"), "types on names");
    assert!(html.contains("data-type=\"gives float\">total<"), "what calls give");
    assert!(html.contains("W0301") || html.contains("W03"), "warnings of what always fails");
    assert_eq!(html, page(&folder, &["shop.walrus"]), "the same bytes each time");
    assert_eq!(report(&folder, &["shop.walrus"]).stdout, html.as_bytes(), "without -o it goes to standard output");
}

#[test]
fn work_is_shown_where_it_was_done() {
    let folder = Folder::new(&[("shop.walrus", SHOP), ("work.json", WORK)]);
    let html = page(&folder, &["shop.walrus", "--with", "work.json"]);
    assert!(html.contains("is of other sources than these"), "the hash is another");
    assert!(html.contains("402,000 iterations, 99.9 % native"), "{html}");
    assert!(html.contains("2 exits: 2 type&lt;"));
    assert!(html.contains("title=\"402,000 times, mostly native\""), "heat on lines");
    assert!(html.contains("title=\"6 times, mostly interpreted\""));
    // Lines may move when the sources do.
    folder.write("shop.walrus", &format!("\n\n{SHOP}"));
    assert!(page(&folder, &["shop.walrus", "--with", "work.json"]).contains("402,000 iterations, 99.9 % native"));
    let stats = "{\"version\": 1, \"functions_compiled\": 1, \"regions\": []}";
    for (text, why) in [
        ("{\"version\": 2, \"regions\": []}", "version 2"),
        ("[]", "no work report"),
        ("{", "no JSON"),
        (stats, "no work report but what --jit-stats=json says"),
    ] {
        folder.write("work.json", text);
        let outcome = report(&folder, &["shop.walrus", "--with", "work.json"]);
        assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
        assert!(outcome.err().contains(why) && outcome.err().contains("work.json"), "{}", outcome.err());
    }
    assert_eq!(report(&folder, &["shop.walrus", "--with", "missing.json"]).status, Some(2));
}

#[test]
fn dumps_stand_behind_their_regions() {
    let folder = Folder::new(&[
        ("shop.walrus", SHOP),
        ("dumps/shop.walrus-8-5-loop-sum.1.ir", "v1 = load <item>"),
        ("dumps/shop.walrus-8-5-loop-sum.1.asm", "mov rax, rbx"),
        ("dumps/notes.txt", "nothing"),
        ("empty/notes.txt", "nothing"),
    ]);
    let html = page(&folder, &["shop.walrus", "--dumps", "dumps"]);
    assert!(folder.names().contains(&"report.html".to_owned()));
    assert!(html.contains("<summary>region IR of version 1</summary><pre>v1 = load &lt;item&gt;</pre>"));
    assert!(html.contains("<summary>assembly of version 1</summary><pre>mov rax, rbx</pre>"));
    assert!(!html.contains("nothing</pre>"));
    for wrong in ["empty", "missing"] {
        let outcome = report(&folder, &["shop.walrus", "--dumps", wrong]);
        assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
        assert!(outcome.err().contains(wrong), "{}", outcome.err());
    }
}

#[test]
#[cfg(feature = "jit")]
fn what_walrus_run_dumps_is_found() {
    let hot = "let total = 0;\nfor i in 0..5000 { total += i; }\nprintln(total);\n";
    let folder = Folder::new(&[("sub/shop.walrus", hot)]);
    let compiled = run(walrusc().current_dir(folder.root()).arg("sub/shop.walrus"), b"").unwrap();
    assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
    let flags = ["--jit", "--jit-wait", "--dump", "ir,clif,asm:dumps", "sub/shop.wbc"];
    let ran = run(walrus_run().current_dir(folder.root()).args(flags), b"").unwrap();
    assert_eq!(ran.status, Some(0), "{}", ran.describe());
    let html = page(&folder, &["sub/shop.walrus", "--dumps", "dumps"]);
    for stage in ["region IR of version", "CLIF of version", "assembly of version"] {
        assert!(html.contains(stage), "{stage}: {}", ran.describe());
    }
}

#[test]
fn wrong_programs_and_outputs_are_refused() {
    let folder = Folder::new(&[("p.walrus", "println(missing);"), ("work.json", WORK), ("shop.walrus", SHOP)]);
    let outcome = report(&folder, &["p.walrus", "-o", "p.html"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert!(outcome.err().contains("E0301") && !folder.has("p.html"));
    assert_eq!(report(&folder, &["shop.walrus", "-o", "shop.walrus"]).status, Some(2));
    assert_eq!(report(&folder, &["shop.walrus", "--with", "work.json", "-o", "work.json"]).status, Some(2));
    assert_eq!(folder.read("shop.walrus"), SHOP.as_bytes());
    assert_eq!(report(&folder, &["nowhere.walrus"]).status, Some(2));
}

#[test]
fn what_a_person_sees_in_a_browser() {
    let Some(browser) = browser() else {
        println!("no Chromium is installed, so what a person sees was not looked at");
        return;
    };
    let folder = Folder::new(&[("shop.walrus", SHOP), ("work.json", WORK)]);
    let html = page(&folder, &["shop.walrus", "--with", "work.json"]);
    let dom = seen(&browser, &folder, &html, &[]);
    assert!(dom.contains("<title>shop.walrus · Walrus</title>"), "the program's texts run nothing: {dom}");
    // A copy that may run a script tells what is visible; nothing else in it differs.
    let policy = html.lines().find(|line| line.contains("Content-Security-Policy")).expect("a policy");
    let probe = "<script>const seen = document.body.innerText; \
        const style = getComputedStyle(document.body); \
        const wide = document.documentElement.scrollWidth > innerWidth; \
        document.body.textContent = seen + '\\nBACKGROUND ' + style.backgroundColor + '\\nWIDE ' + wide;</script></body>";
    let open = html.replace(policy, "").replace("</body>", probe);
    let light = seen(&browser, &folder, &open, &["--blink-settings=preferredColorScheme=1"]);
    for text in [
        "3 loops reached",
        "conditional function 'sum'",
        "compiled if xs",
        "proven function 'Item.total'",
        "402,000 iterations, 99.9 % native",
        "2 exits: 2 type&lt;",
        "for i in 0..xs.len() { s += xs[i]; }",
        "&lt;/span&gt;&lt;script&gt;document.title",
        "iterations and calls",
    ] {
        assert!(light.contains(text), "a person does not see {text:?}: {light}");
    }
    assert!(light.contains("WIDE false"), "the page itself does not scroll sideways");
    let dark = seen(&browser, &folder, &open, &["--blink-settings=preferredColorScheme=0"]);
    let background = |text: &str| text.lines().find(|line| line.starts_with("BACKGROUND")).map(str::to_owned);
    assert!(background(&light).is_some() && background(&light) != background(&dark), "{light}\n{dark}");
    // What is proven is folded, and goes away where only the rest is asked for.
    let quiet = open.replace("id=\"quiet\"", "id=\"quiet\" checked");
    let quiet = seen(&browser, &folder, &quiet, &[]);
    assert!(!quiet.contains("proven function 'Item.total'") && quiet.contains("conditional function 'sum'"), "{quiet}");
}

/// The name of a Chromium that works.
fn browser() -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let works = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    names.iter().find(works).map(|name| (*name).to_owned())
}

/// The document that a browser makes of a page.
fn seen(browser: &str, folder: &Folder, html: &str, flags: &[&str]) -> String {
    folder.write("seen.html", html);
    let profile = folder.path("profile");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--window-size=1200,900"]);
    command.arg(format!("--user-data-dir={}", profile.display())).args(flags).arg(address(&folder.path("seen.html")));
    let outcome = run(&mut command, b"").expect("the browser ends");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    outcome.out()
}

fn address(path: &Path) -> String {
    format!("file://{}", path.display())
}
