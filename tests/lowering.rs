//! What lowering makes of small programs, as disassembly; and that everything it makes verifies.

use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::verify::verify;
use walrus::compile::compile_text;

/// The disassembly of a program without its constants and globals.
fn lower(text: &str) -> String {
    let compilation = compile_text("t.walrus", text);
    let program = compilation.program.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics));
    let listing = disassemble(&program);
    verify(program).unwrap_or_else(|error| panic!("{error}\n{listing}"));
    listing[listing.find("fn0").expect("a body")..].to_string()
}

#[test]
fn recursion_is_direct() {
    insta::assert_snapshot!(lower(
        "fn fib : n { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); }\nprintln(fib(20));"
    ));
}
