//! HTTP/1.1 on the wire: heads, bodies and dates, from bytes that arrive in pieces of any size. Nothing here knows
//! values or sockets.
//!
//! A message is looked at where it lies, from the buffer's first byte, and nothing is taken before all of it is there;
//! so whoever gives up waiting has taken nothing. What is wrong is found in the order of the bytes, as soon as it has
//! arrived, and is the same however they were cut.

pub mod chunked;
pub mod date;
pub mod head;
pub mod request;
pub mod response;
pub mod url;

#[cfg(test)]
mod tests;

/// The most bytes of a first line and headers together.
pub const MAX_HEAD: usize = 64 << 10;

/// The most headers.
pub const MAX_FIELDS: usize = 1_000;

/// The most bytes of extensions in the chunks of a body.
pub const MAX_EXTENSIONS: usize = 4 << 10;

/// Why a message is not taken: the status that says so, and the reason in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejection {
    pub status: u16,
    pub error: &'static str,
}

/// Whether responses of that status have no body.
pub fn is_bodyless(status: i64) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// The version that a message names.
fn version_of(is_http_1_0: bool) -> &'static str {
    if is_http_1_0 { "HTTP/1.0" } else { "HTTP/1.1" }
}

impl Rejection {
    pub const fn new(status: u16, error: &'static str) -> Rejection {
        Rejection { status, error }
    }

    pub const fn malformed(error: &'static str) -> Rejection {
        Rejection { status: 400, error }
    }
}

pub type Checked<T> = Result<T, Rejection>;

/// How long the body is that follows a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    Length(usize),
    Chunked,
    /// Until the other side ends the stream; responses only.
    ToTheEnd,
}

/// A whole body where it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Body {
    start: usize,
    end: usize,
    is_chunked: bool,
}

impl Body {
    /// The bytes of the body, taken out of their chunks.
    pub fn bytes<'a>(&self, message: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        let body = &message[self.start..self.end];
        if self.is_chunked { chunked::decode(body).into() } else { body.into() }
    }

    /// Where the message ends.
    pub fn end(&self) -> usize {
        self.end
    }
}

/// How far the body of a message has arrived.
#[derive(Debug)]
pub struct Arriving {
    start: usize,
    framing: Framing,
    chunks: chunked::Scanner,
}

impl Arriving {
    pub fn new(start: usize, framing: Framing) -> Arriving {
        Arriving { start, framing, chunks: chunked::Scanner::default() }
    }

    /// Whether the body has no byte.
    pub fn is_empty(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    /// The body, once all of it is there.
    pub fn advance(&mut self, message: &[u8], is_at_end: bool, max: usize) -> Checked<Option<Body>> {
        const TOO_LARGE: Rejection = Rejection::new(413, "the body is too large");
        let arrived = message.len() - self.start;
        let (length, is_chunked) = match self.framing {
            Framing::Length(length) if length > max => return Err(TOO_LARGE),
            Framing::Length(length) => ((arrived >= length).then_some(length), false),
            Framing::ToTheEnd if arrived > max => return Err(TOO_LARGE),
            Framing::ToTheEnd => (is_at_end.then_some(arrived), false),
            Framing::Chunked => {
                let is_whole = self.chunks.advance(&message[self.start..], max, None)?;
                (is_whole.then(|| self.chunks.end()), true)
            }
        };
        Ok(length.map(|length| Body { start: self.start, end: self.start + length, is_chunked }))
    }
}

/// Whether a byte may stand in a method or in the name of a field.
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a name may stand for a method or a field.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// A number in plain digits, as far as it can be told from others.
fn length_of(digits: &[u8]) -> Option<usize> {
    let add = |number: usize, digit: &u8| number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| digits.iter().fold(0, add))
}

/// The items of a list in a field, without white space.
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}
