//! Requests that are refused, each with the status that it gets. The names say what is wrong.

/// Name, request, status.
pub type Row = (&'static str, Vec<u8>, u16);

fn row(name: &'static str, request: impl AsRef<[u8]>, status: u16) -> Row {
    (name, request.as_ref().to_vec(), status)
}

/// A request with these fields behind its Host.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

/// A request whose body in chunks is this.
fn chunks(body: &str) -> String {
    format!("{}{body}", with("Transfer-Encoding: chunked"))
}

fn line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

pub fn rows() -> Vec<Row> {
    let mut rows = request_lines();
    rows.extend(lines_and_bytes());
    rows.extend(fields());
    rows.extend(framing());
    rows.extend(chunked());
    rows.extend(limits());
    rows
}

fn request_lines() -> Vec<Row> {
    vec![
        row("no version", line("GET /"), 400),
        row("no target", line("GET"), 400),
        row("no target but a version", line("GET HTTP/1.1"), 400),
        row("an empty target", line("GET  HTTP/1.1"), 400),
        row("two spaces before the target", line("GET  / HTTP/1.1"), 400),
        row("two spaces before the version", line("GET /  HTTP/1.1"), 400),
        row("a space in front", line(" GET / HTTP/1.1"), 400),
        row("a space behind", line("GET / HTTP/1.1 "), 400),
        row("a word too many", line("GET / / HTTP/1.1"), 400),
        row("a tab between the words", line("GET\t/\tHTTP/1.1"), 400),
        row("a method that is no token", line("GE(T / HTTP/1.1"), 400),
        row("a method with a colon", line("GET: / HTTP/1.1"), 400),
        row("a method beyond ASCII", line("GÉT / HTTP/1.1"), 400),
        row("a target without a slash", line("GET a HTTP/1.1"), 400),
        row("a star for GET", line("GET * HTTP/1.1"), 400),
        row("an authority for GET", line("GET a:80 HTTP/1.1"), 400),
        row("a path for CONNECT", line("CONNECT / HTTP/1.1"), 400),
        row("no port for CONNECT", line("CONNECT a HTTP/1.1"), 400),
        row("a fragment", line("GET /a#b HTTP/1.1"), 400),
        row("a target beyond ASCII", line("GET /ä HTTP/1.1"), 400),
        row("an absolute target of another scheme", line("GET ftp://a/ HTTP/1.1"), 400),
        row("an absolute target without a host", line("GET http:/// HTTP/1.1"), 400),
        row("an absolute target with a user", line("GET http://u@a/ HTTP/1.1"), 400),
        row("a control character in the target", line("GET /\x01 HTTP/1.1"), 400),
        row("DEL in the target", line("GET /\x7f HTTP/1.1"), 400),
        row("NUL in the target", line("GET /\0 HTTP/1.1"), 400),
        row("a version in lower case", line("GET / http/1.1"), 400),
        row("a version without a point", line("GET / HTTP/11"), 400),
        row("a version without a minor number", line("GET / HTTP/1."), 400),
        row("a version with two digits", line("GET / HTTP/1.10"), 400),
        row("a version with a leading zero", line("GET / HTTP/01.1"), 400),
        row("a version of letters", line("GET / HTTP/a.b"), 400),
        row("another protocol", line("GET / HTTQ/1.1"), 400),
        row("HTTP/0.9 without a version", "GET /\r\n", 400),
        row("version 0.9", line("GET / HTTP/0.9"), 505),
        row("version 1.2", line("GET / HTTP/1.2"), 505),
        row("version 2.0", line("GET / HTTP/2.0"), 505),
        row("version 3.1", line("GET / HTTP/3.1"), 505),
        row("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        row("a beginning of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        row("two empty lines in front", format!("\r\n\r\n{}", line("GET / HTTP/1.1")), 400),
    ]
}

fn lines_and_bytes() -> Vec<Row> {
    vec![
        row("LF alone behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        row("LF alone behind a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        row("LF alone at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        row("LF alone everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400),
        row("LF in front", format!("\n{}", line("GET / HTTP/1.1")), 400),
        row("CR alone behind the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        row("CR alone in a value", with("X: a\rb"), 400),
        row("CR alone in a name", with("X\rY: a"), 400),
        row("CR twice", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
        row("CR alone at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400),
        row("a control character in a value", with("X: a\x02b"), 400),
        row("NUL in a value", with("X: a\0b"), 400),
        row("DEL in a value", with("X: a\x7fb"), 400),
        row("ESC in a value", with("X: \x1b[1m"), 400),
        row("a vertical tab in a value", with("X: a\x0bb"), 400),
        row("a form feed in a value", with("X: a\x0cb"), 400),
        row("a control character in a name", with("X\x02: a"), 400),
        row("NUL in a name", with("X\0: a"), 400),
        row("a folded line", with("X: a\r\n b"), 400),
        row("a line folded with a tab", with("X: a\r\n\tb"), 400),
        row("white space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        row("a folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400),
    ]
}

fn fields() -> Vec<Row> {
    vec![
        row("white space before a colon", with("X : a"), 400),
        row("a tab before a colon", with("X\t: a"), 400),
        row("white space before the colon of Host", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        row("no colon", with("X"), 400),
        row("no name", with(": a"), 400),
        row("a space in a name", with("X Y: a"), 400),
        row("parentheses in a name", with("X(): a"), 400),
        row("a slash in a name", with("X/Y: a"), 400),
        row("a name beyond ASCII", with("Ä: a"), 400),
        row("a name in quotes", with("\"X\": a"), 400),
        row("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
        row("two Hosts", with("Host: b"), 400),
        row("the same Host twice", with("host: a"), 400),
        row("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        row("two names in a Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        row("a path in a Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        row("a user in a Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        row("a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        row("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
        row("brackets without an end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        row("text behind brackets", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400),
        row("empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400),
        row("an expectation", with("Expect: 200-ok\r\nContent-Length: 1"), 417),
        row("two expectations", with("Expect: 100-continue, more\r\nContent-Length: 1"), 417),
        row("an expectation without a body", with("Expect: more"), 417),
    ]
}

fn framing() -> Vec<Row> {
    let length = |value: &str| with(&format!("Content-Length: {value}"));
    let coding = |value: &str| with(&format!("Transfer-Encoding: {value}"));
    vec![
        row("a length with a sign", length("+1"), 400),
        row("a negative length", length("-1"), 400),
        row("an empty length", length(""), 400),
        row("a length of letters", length("one"), 400),
        row("a length in hexadecimal", length("0x1"), 400),
        row("a length with a point", length("1.0"), 400),
        row("a length with an exponent", length("1e1"), 400),
        row("a length with a space", length("1 1"), 400),
        row("a length in quotes", length("\"1\""), 400),
        row("a length with separators", length("1_0"), 400),
        row("a length in other digits", length("١"), 400),
        row("a listed length", length("1, 1"), 400),
        row("two lengths", length("1\r\nContent-Length: 2"), 400),
        row("the same length twice", length("1\r\ncontent-length: 1"), 400),
        row("a length and chunks", length("4\r\nTransfer-Encoding: chunked"), 400),
        row("chunks and a length", coding("chunked\r\nContent-Length: 4"), 400),
        row("a length and an unknown coding", length("4\r\nTransfer-Encoding: gzip"), 400),
        row("chunked twice", coding("chunked, chunked"), 400),
        row("chunked in two headers", coding("chunked\r\nTransfer-Encoding: chunked"), 400),
        row("an empty coding", coding(""), 400),
        row("an empty item of codings", coding("chunked,"), 400),
        row("gzip", coding("gzip"), 501),
        row("gzip and chunked", coding("gzip, chunked"), 501),
        row("chunked and gzip", coding("chunked, gzip"), 501),
        row("identity", coding("identity"), 501),
        row("a coding that only begins like chunked", coding("chunkedx"), 501),
        row("chunked in quotes", coding("\"chunked\""), 501),
        row("chunked with a parameter", coding("chunked;q=1"), 501),
        row("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        row("a length beyond the limit", length("10000001"), 413),
        row("a length beyond any number", length("99999999999999999999999999"), 413),
    ]
}

fn chunked() -> Vec<Row> {
    vec![
        row("a size of letters", chunks("g\r\n"), 400),
        row("a size with a sign", chunks("+1\r\na\r\n0\r\n\r\n"), 400),
        row("a negative size", chunks("-1\r\n"), 400),
        row("a size with a prefix", chunks("0x1\r\na\r\n0\r\n\r\n"), 400),
        row("no size", chunks("\r\n"), 400),
        row("a space before a size", chunks(" 1\r\na\r\n0\r\n\r\n"), 400),
        row("a space behind a size", chunks("1 \r\na\r\n0\r\n\r\n"), 400),
        row("two sizes", chunks("1, 1\r\na\r\n0\r\n\r\n"), 400),
        row("LF alone behind a size", chunks("1\na\r\n0\r\n\r\n"), 400),
        row("CR alone behind a size", chunks("1\ra\r\n0\r\n\r\n"), 400),
        row("LF alone behind a chunk", chunks("1\r\na\n0\r\n\r\n"), 400),
        row("a chunk longer than its size", chunks("1\r\nab\r\n0\r\n\r\n"), 400),
        row("a chunk shorter than its size", chunks("3\r\na\r\n0\r\n\r\n"), 400),
        row("a size beyond the limit", chunks("989681\r\n"), 413),
        row("sizes beyond the limit together", chunks(&format!("5\r\nabcde\r\n{:x}\r\n", 9_999_996)), 413),
        row("a size beyond any number", chunks("fffffffffffffffff\r\n"), 400),
        row("a size that wraps around", chunks("10000000000000001\r\na"), 400),
        row("an extension without a name", chunks("1;\r\na\r\n0\r\n\r\n"), 400),
        row("a control character in an extension", chunks("1;a\x01\r\na\r\n0\r\n\r\n"), 400),
        row("LF alone behind an extension", chunks("1;a\na\r\n0\r\n\r\n"), 400),
        row("CR alone in an extension", chunks("1;a\rb\r\na\r\n0\r\n\r\n"), 400),
        row("a line's end in an extension's quotes", chunks("1;a=\"\r\n\"\r\na\r\n0\r\n\r\n"), 400),
        row("a trailer without a colon", chunks("0\r\nx\r\n\r\n"), 400),
        row("white space before a trailer's colon", chunks("0\r\nx : y\r\n\r\n"), 400),
        row("a folded trailer", chunks("0\r\nx: y\r\n z\r\n\r\n"), 400),
        row("LF alone behind the last chunk", chunks("0\n\n"), 400),
        row("LF alone behind the trailers", chunks("0\r\n\n"), 400),
        row("NUL in a trailer", chunks("0\r\nx: \0\r\n\r\n"), 400),
        row("extensions without an end", chunks(&format!("1;{}", "a".repeat(5000))), 413),
        row("many extensions", chunks(&format!("1;{}\r\na\r\n", "a".repeat(90)).repeat(50)), 413),
        row("trailers without an end", chunks(&format!("0\r\nx: {}", "a".repeat(70_000))), 431),
    ]
}

fn limits() -> Vec<Row> {
    let many = |count: usize| with(&vec!["x: y"; count].join("\r\n"));
    vec![
        row("a request line without an end", format!("GET /{}", "a".repeat(70_000)), 414),
        row("a request line beyond the limit", line(&format!("GET /{} HTTP/1.1", "a".repeat(65_536))), 414),
        row("a header without an end", format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(70_000)), 431),
        row("headers beyond the limit", with(&format!("X: {}", "a".repeat(65_530))), 431),
        row("a name without an end", format!("GET / HTTP/1.1\r\n{}", "a".repeat(70_000)), 431),
        row("too many headers", many(1_000), 431),
    ]
}

/// Requests that must not be refused, with what the test's handler gives for them: method, target and length of the
/// body.
pub fn well_formed() -> Vec<(Vec<u8>, &'static str)> {
    let row = |request: String, given| (request.into_bytes(), given);
    vec![
        row(line("GET / HTTP/1.1"), "GET / 0"),
        row(format!("\r\n{}", line("GET / HTTP/1.1")), "GET / 0"),
        row(line("GET /a?b=c&d HTTP/1.1"), "GET /a?b=c&d 0"),
        row("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n".into(), "GET http://a/b 0"),
        row("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n".into(), "GET http://a 0"),
        row(line("OPTIONS * HTTP/1.1"), "OPTIONS * 0"),
        row(line("CONNECT a:80 HTTP/1.1"), "CONNECT a:80 0"),
        row(line("M-SEARCH /x HTTP/1.1"), "M-SEARCH /x 0"),
        row("GET / HTTP/1.0\r\n\r\n".into(), "GET / 0"),
        row("GET / HTTP/1.1\r\nHost:\r\n\r\n".into(), "GET / 0"),
        row("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".into(), "GET / 0"),
        row("GET / HTTP/1.1\r\nhOsT:\t a.b:80 \t\r\nX:\r\nY: \u{e4}\r\n\r\n".into(), "GET / 0"),
        row(with("X: y\r\nX: z"), "POST / 0"),
        row(format!("{}abc", with("Content-Length: 3")), "POST / 3"),
        row(format!("{}abc", with("Content-Length:003 ")), "POST / 3"),
        row(with("Content-Length: 0"), "POST / 0"),
        row(chunks("0\r\n\r\n"), "POST / 0"),
        row(chunks("3\r\nabc\r\n0\r\n\r\n"), "POST / 3"),
        row(chunks("0003\r\nabc\r\nA\r\n0123456789\r\n000\r\nx: y\r\n\r\n"), "POST / 13"),
        row(chunks("3;a=b;c=\"d;\\\"e\" ; f\r\nabc\r\n0;z\r\n\r\n"), "POST / 3"),
        row(format!("{}3\r\nabc\r\n0\r\n\r\n", with("transfer-encoding: CHUNKED")), "POST / 3"),
        row(with(&vec!["x: y"; 999].join("\r\n")), "POST / 0"),
        row(line(&format!("GET /{} HTTP/1.1", "a".repeat(60_000))), ""),
    ]
}
