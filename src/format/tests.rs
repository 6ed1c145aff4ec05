use super::*;

#[track_caller]
fn formatted(text: &str) -> String {
    match format("t.walrus", text) {
        Ok(text) => text,
        Err(FormatError::Broken(why)) => panic!("{why}:\n{text}"),
        Err(FormatError::Errors(_)) => panic!("errors in:\n{text}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
}

#[test]
fn blanks_are_where_they_belong() {
    check("let  x=1+ -2*( 3 );", "let x = 1 + -2 * (3);\n");
    check("f ( a,b , );x [0] . y ( ) ;", "f(a, b);\nx[0].y();\n");
    check("let d={a:1,\"b\" : [2,3],};", "let d = {a: 1, \"b\": [2, 3]};\n");
    check("let r=0 .. n+1;let t=(1 , );let u=(1,2,);", "let r = 0..n + 1;\nlet t = (1,);\nlet u = (1, 2);\n");
    check("fn f:a,b{return not a and ~ b;}", "fn f : a, b { return not a and ~b; }\n");
    check("xs.map( :x{return x*2;} );let g=:{ };", "xs.map(: x { return x * 2; });\nlet g = : { };\n");
    check(
        "import @p ;import\"./a.walrus\"as b;println (1,2);",
        "import @p;\nimport \"./a.walrus\" as b;\nprintln(1, 2);\n",
    );
    check("let s = f\"{ a+1 }  b\";;;", "let s = f\"{ a+1 }  b\";\n");
}

#[test]
fn all_forms_have_their_blanks() {
    check("let a ,b=1,2; a,b=b ,a;", "let a, b = 1, 2;\na, b = b, a;\n");
    check(
        "let s=if a>b{\"x\"}else if a==b{\"y\"}else{\"z\"};",
        "let s = if a > b { \"x\" } else if a == b { \"y\" } else { \"z\" };\n",
    );
    check("fn f:a,b=10,c=b+1{return a;}", "fn f : a, b = 10, c = b + 1 { return a; }\n");
    check("g(:x,y=2{return x;},if a{b}else{c});", "g(: x, y = 2 { return x; }, if a { b } else { c });\n");
    check("let v=x not  in [1,2]and not(y in d);", "let v = x not in [1, 2] and not (y in d);\n");
    check("async fn h:{for i,j,k in xs{await t**2;}}", "async fn h : {\n    for i, j, k in xs { await t ** 2; }\n}\n");
    check("#!/usr/bin/env walrus\nf ( );", "#!/usr/bin/env walrus\nf();\n");
}

#[test]
fn blocks_have_lines_unless_their_author_wrote_one() {
    check("if a {b();} else if c{ d(); }", "if a { b(); } else if c { d(); }\n");
    check("if a {\nb();} else { c(); }", "if a {\n    b();\n} else {\n    c();\n}\n");
    check("while a { b(); c(); };", "while a {\n    b();\n    c();\n}\n");
    check("struct S{fn init:self{}}", "struct S {\n    fn init : self { }\n}\n");
    check("try{\na();}catch e{\n}", "try {\n    a();\n} catch e { }\n");
    check("let f=:x{\nlet y=x;return y;};", "let f = : x {\n    let y = x;\n    return y;\n};\n");
    check("xs.map(1,:x,y{\nreturn x;});", "xs.map(1, : x, y {\n    return x;\n});\n");
}

#[test]
fn empty_lines_are_kept_one_at_a_time() {
    check("\n\na();\n\n\n\nb();\nif c {\n\n  d();\n\n}\n\n", "a();\n\nb();\nif c {\n    d();\n}\n");
}

#[test]
fn comments_stay_where_they_belong() {
    check(
        "// head\n\n// first\na(); // one\n  // two\nb();\n// end",
        "// head\n\n// first\na(); // one\n// two\nb();\n// end\n",
    );
    check(
        "if a { // why\n b(); // what\n // last\n} // done\n",
        "if a { // why\n    b(); // what\n    // last\n} // done\n",
    );
    check(
        "let xs=[ // all\n1, // one\n // two\n2 // 2\n];",
        "let xs = [ // all\n    1, // one\n    // two\n    2, // 2\n];\n",
    );
    check("f(a /* why */, b);", "f(a /* why */, b);\n");
    check("let x = // odd\n1;", "let x = // odd\n    1;\n");
}

#[test]
fn long_lines_are_broken() {
    let (a, b) = ("a".repeat(44), "b".repeat(44));
    check(&format!("let x = call({a}, {b});"), &format!("let x = call(\n    {a},\n    {b},\n);\n"));
    check(&format!("let x = ({a} + {b} + c);"), &format!("let x = (\n    {a} + {b} + c\n);\n"));
    check(&format!("return_it = {a} and {b} or c;"), &format!("return_it = {a}\n    and {b}\n    or c;\n"));
    let numbers = vec!["1234567"; 30].join(", ");
    let text = formatted(&format!("let xs = [{numbers}];"));
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn what_has_errors_is_refused() {
    assert!(matches!(format("t.walrus", "let = 1;"), Err(FormatError::Errors(_))));
    assert!(matches!(format("t.walrus", "let x = 1"), Err(FormatError::Errors(_))));
}

/// Every program of the fixtures that can be parsed.
#[test]
fn all_fixtures_mean_the_same_when_formatted() {
    fn visit(folder: &std::path::Path, count: &mut usize) {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                visit(&path, count);
            } else if let Ok(text) = std::fs::read_to_string(&path)
                && path.extension().is_some_and(|extension| extension == "walrus")
            {
                match format("t.walrus", &text) {
                    Ok(_) => *count += 1,
                    Err(FormatError::Errors(_)) => {}
                    Err(FormatError::Broken(why)) => panic!("{}: {why}", path.display()),
                }
            }
        }
    }
    let mut count = 0;
    visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut count);
    assert!(count > 100, "only {count} were formatted");
}
