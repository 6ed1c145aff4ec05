//! Responses, as a client reads them.

use super::head::{Field, Head};
use super::{Arriving, Body, Checked, Framing, Rejection, is_bodyless, length_of, version_of};

/// A response that is whole, where it lies.
#[derive(Debug)]
pub struct Response {
    head: Head,
    pub status: u16,
    is_http_1_0: bool,
    pub body: Body,
}

impl Response {
    pub fn version(&self) -> &'static str {
        version_of(self.is_http_1_0)
    }

    pub fn fields(&self) -> &[Field] {
        self.head.fields()
    }
}

/// What came of looking at a response.
#[derive(Debug)]
pub enum Step {
    More,
    /// So many bytes are one that another follows, and are to be dropped.
    Interim(usize),
    Whole(Response),
}

/// A response that is arriving.
#[derive(Debug, Default)]
pub struct Incoming {
    head: Head,
    rest: Option<(u16, bool, Arriving)>,
}

impl Incoming {
    /// Looks at what has arrived of the response to a request of that method.
    pub fn advance(&mut self, message: &[u8], is_at_end: bool, max_body: usize, method: &str) -> Checked<Step> {
        if self.rest.is_none() {
            let Some(length) = self.head.advance(message, |line| parse(line).map(|_| ()))? else {
                return Ok(Step::More);
            };
            let (status, is_http_1_0) = parse(self.head.line(message))?;
            if matches!(status, 100..=199) && status != 101 {
                *self = Incoming::default();
                return Ok(Step::Interim(length));
            }
            let has_body = method != "HEAD" && !is_bodyless(status.into());
            let framing = if has_body { framing(&self.head, message)? } else { Framing::Length(0) };
            self.rest = Some((status, is_http_1_0, Arriving::new(length, framing)));
        }
        let Some((status, is_http_1_0, body)) = &mut self.rest else { return Ok(Step::More) };
        let (status, is_http_1_0) = (*status, *is_http_1_0);
        let Some(body) = body.advance(message, is_at_end, max_body)? else { return Ok(Step::More) };
        let head = std::mem::take(&mut self.head);
        Ok(Step::Whole(Response { head, status, is_http_1_0, body }))
    }
}

/// The status of a status line, and whether it is one of HTTP/1.0.
fn parse(line: &[u8]) -> Checked<(u16, bool)> {
    const INVALID: Rejection = Rejection::malformed("an invalid status line");
    let (version, rest) = line.split_at_checked(9).ok_or(INVALID)?;
    let is_http_1_0 = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return Err(INVALID),
    };
    let (status, reason) = rest.split_at_checked(3).ok_or(INVALID)?;
    let status = length_of(status).and_then(|status| u16::try_from(status).ok()).ok_or(INVALID)?;
    let is_fit = (100..=599).contains(&status) && matches!(reason, [] | [b' ', ..]);
    if is_fit { Ok((status, is_http_1_0)) } else { Err(INVALID) }
}

fn framing(head: &Head, message: &[u8]) -> Checked<Framing> {
    let mut lengths = head.values(message, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Rejection::malformed("more than one content-length"));
    }
    let mut codings = head.values(message, "transfer-encoding").flat_map(super::items);
    match (codings.next(), codings.next(), length) {
        (None, _, None) => Ok(Framing::ToTheEnd),
        (None, _, Some(length)) => {
            length_of(length).map(Framing::Length).ok_or(Rejection::malformed("an invalid content-length"))
        }
        (Some(_), _, Some(_)) => Err(Rejection::malformed("both content-length and transfer-encoding")),
        (Some(coding), None, None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(Rejection::malformed("an unknown transfer-encoding")),
    }
}
