//! Requests: what RFC 9112 allows to refuse is refused.

use std::ops::Range;

use super::head::{Field, Head};
use super::{Arriving, Body, Checked, Framing, Rejection, is_token, length_of, version_of};

/// A request that is whole, where it lies.
#[derive(Debug)]
pub struct Request {
    head: Head,
    parts: Parts,
    is_http_1_0: bool,
    pub keeps_alive: bool,
    pub body: Body,
}

/// What a request line is made of.
#[derive(Clone, Debug)]
struct Parts {
    method: Range<usize>,
    target: Range<usize>,
    path: Range<usize>,
    query: Range<usize>,
}

impl Request {
    pub fn method<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &self.head.line(message)[self.parts.method.clone()]
    }

    pub fn target<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &self.head.line(message)[self.parts.target.clone()]
    }

    pub fn path<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &self.head.line(message)[self.parts.path.clone()]
    }

    pub fn query<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &self.head.line(message)[self.parts.query.clone()]
    }

    pub fn version(&self) -> &'static str {
        version_of(self.is_http_1_0)
    }

    pub fn fields(&self) -> &[Field] {
        self.head.fields()
    }
}

/// What came of looking at a request.
#[derive(Debug)]
pub enum Step {
    /// The rest has not arrived.
    More,
    /// The client waits to be told to go on, and then looked at again.
    Continue,
    Whole(Request),
}

/// A request that is arriving.
#[derive(Debug, Default)]
pub struct Incoming {
    head: Head,
    /// What follows the head, once that is whole.
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    parts: Parts,
    is_http_1_0: bool,
    keeps_alive: bool,
    expects_continue: bool,
    body: Arriving,
}

impl Incoming {
    /// Whether the head is whole, so that it is the body that is waited for.
    pub fn has_head(&self) -> bool {
        self.rest.is_some()
    }

    /// Looks at what has arrived of a request, from its first byte on.
    pub fn advance(&mut self, message: &[u8], max_body: usize) -> Checked<Step> {
        if self.rest.is_none() {
            let Some(length) = self.head.advance(message, |line| parse(line).map(|_| ()))? else {
                return Ok(Step::More);
            };
            self.rest = Some(Rest::new(&self.head, message, length)?);
        }
        let Some(rest) = &mut self.rest else { return Ok(Step::More) };
        let body = rest.body.advance(message, false, max_body)?;
        if std::mem::take(&mut rest.expects_continue) && body.is_none() {
            return Ok(Step::Continue);
        }
        let Some(body) = body else { return Ok(Step::More) };
        let Incoming { head, rest } = std::mem::take(self);
        let Some(rest) = rest else { return Ok(Step::More) };
        let Rest { parts, is_http_1_0, keeps_alive, .. } = rest;
        Ok(Step::Whole(Request { head, parts, is_http_1_0, keeps_alive, body }))
    }
}

impl Rest {
    fn new(head: &Head, message: &[u8], length: usize) -> Checked<Rest> {
        let (parts, is_http_1_0) = parse(head.line(message))?;
        check_host(head, message, is_http_1_0)?;
        let body = Arriving::new(length, framing(head, message, is_http_1_0)?);
        let mut expectations = head.values(message, "expect").peekable();
        let expects = expectations.peek().is_some();
        if !expectations.all(|value| value.eq_ignore_ascii_case(b"100-continue")) {
            return Err(Rejection::new(417, "an expectation other than 100-continue"));
        }
        let closes = head.lists(message, "connection", "close");
        let keeps_alive = !closes && (!is_http_1_0 || head.lists(message, "connection", "keep-alive"));
        let expects_continue = expects && !is_http_1_0 && !body.is_empty();
        Ok(Rest { parts, is_http_1_0, keeps_alive, expects_continue, body })
    }
}

/// The parts of a request line, and whether it is one of HTTP/1.0.
fn parse(line: &[u8]) -> Checked<(Parts, bool)> {
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (Some(first), Some(second), None) = (spaces.next(), spaces.next(), spaces.next()) else {
        return Err(Rejection::malformed("expected a method, a target and a version with one space between them"));
    };
    let (method, target) = (0..first, first + 1..second);
    if !is_token(&line[method.clone()]) {
        return Err(Rejection::malformed("invalid method"));
    }
    let is_http_1_0 = match &line[second + 1..] {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(Rejection::new(505, "a version other than HTTP/1.1 and HTTP/1.0"));
        }
        _ => return Err(Rejection::malformed("invalid version")),
    };
    let Some(path_and_query) = path_and_query(&line[method.clone()], &line[target.clone()]) else {
        return Err(Rejection::malformed("invalid target"));
    };
    let (start, end) = (target.start + path_and_query.start, target.start + path_and_query.end);
    let mark = memchr::memchr(b'?', &line[start..end]).map(|offset| start + offset);
    let (path, query) = mark.map_or((start..end, end..end), |mark| (start..mark, mark + 1..end));
    Ok((Parts { method, target, path, query }, is_http_1_0))
}

/// Where in a target its path and query are, if it is one for the method.
fn path_and_query(method: &[u8], target: &[u8]) -> Option<Range<usize>> {
    let all = 0..target.len();
    if target.contains(&b'#') {
        return None;
    }
    if method == b"CONNECT" {
        let colon = target.iter().rposition(|&byte| byte == b':')?;
        let has_both = colon > 0 && colon + 1 < target.len();
        return (has_both && is_authority(target)).then_some(all);
    }
    match target {
        [b'/', ..] => Some(all),
        b"*" => (method == b"OPTIONS").then_some(all),
        _ => {
            let scheme = memchr::memmem::find(target, b"://")?;
            let is_http = [&b"http"[..], b"https"].iter().any(|name| target[..scheme].eq_ignore_ascii_case(name));
            let start = scheme + 3;
            let length = target[start..].iter().position(|byte| b"/?".contains(byte)).unwrap_or(target.len() - start);
            let authority = &target[start..start + length];
            (is_http && !authority.is_empty() && is_authority(authority)).then_some(start + length..target.len())
        }
    }
}

/// Whether a text may be a host with or without a port.
fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let is_address =
                end > 0 && rest[..end].iter().all(|byte| byte.is_ascii_alphanumeric() || b":.".contains(byte));
            match &rest[end + 1..] {
                _ if !is_address => return false,
                [] => return true,
                [b':', port @ ..] => (&b""[..], port),
                _ => return false,
            }
        }
        _ => match memchr::memchr(b':', text) {
            Some(colon) => (&text[..colon], &text[colon + 1..]),
            None => (text, &b""[..]),
        },
    };
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte);
    host.iter().all(is_of_name) && port.iter().all(u8::is_ascii_digit)
}

fn check_host(head: &Head, message: &[u8], is_http_1_0: bool) -> Checked<()> {
    let mut hosts = head.values(message, "host");
    match (hosts.next(), hosts.next()) {
        (None, _) if is_http_1_0 => Ok(()),
        (None, _) => Err(Rejection::malformed("no Host")),
        (Some(_), Some(_)) => Err(Rejection::malformed("more than one Host")),
        (Some(host), None) if is_authority(host) => Ok(()),
        (Some(_), None) => Err(Rejection::malformed("an invalid Host")),
    }
}

fn framing(head: &Head, message: &[u8], is_http_1_0: bool) -> Checked<Framing> {
    let mut lengths = head.values(message, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Rejection::malformed("more than one content-length"));
    }
    let mut codings = head.values(message, "transfer-encoding").flat_map(super::items).peekable();
    if codings.peek().is_none() {
        return match length.map(length_of) {
            None => Ok(Framing::Length(0)),
            Some(Some(length)) => Ok(Framing::Length(length)),
            Some(None) => Err(Rejection::malformed("an invalid content-length")),
        };
    }
    if length.is_some() {
        return Err(Rejection::malformed("both content-length and transfer-encoding"));
    }
    if is_http_1_0 {
        return Err(Rejection::malformed("a transfer-encoding in HTTP/1.0"));
    }
    let codings: Vec<&[u8]> = codings.collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.as_slice() {
        [coding] if is_chunked(coding) => Ok(Framing::Chunked),
        codings if codings.iter().all(is_chunked) => Err(Rejection::malformed("chunked more than once")),
        codings if codings.iter().any(|coding| coding.is_empty()) => {
            Err(Rejection::malformed("a coding without a name"))
        }
        _ => Err(Rejection::new(501, "an unknown transfer-encoding")),
    }
}
