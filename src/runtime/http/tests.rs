//! The same bytes give the same, however they are cut.

use proptest::prelude::*;

use super::date::http_date;
use super::request::{Incoming, Step};
use super::url::Url;
use super::{Rejection, response};

/// What comes of a request that arrives in pieces that end at these places: its end, or why it is refused.
fn outcome(message: &[u8], cuts: impl Iterator<Item = usize>) -> Option<Result<(usize, Vec<u8>), Rejection>> {
    let mut incoming = Incoming::default();
    for cut in cuts.chain([message.len()]) {
        loop {
            match incoming.advance(&message[..cut], 1000) {
                Ok(Step::More) => break,
                Ok(Step::Continue) => {}
                Ok(Step::Whole(request)) => {
                    return Some(Ok((request.body.end(), request.body.bytes(message).into_owned())));
                }
                Err(refusal) => return Some(Err(refusal)),
            }
        }
    }
    None
}

const REQUESTS: &[&str] = &[
    "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\nGET",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello!",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\\\"\"\r\nabc\r\n0a\r\n0123456789\r\n0\r\nt: u\r\n\r\nX",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/9.9\r\nHost: \x01\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

#[test]
fn a_split_at_each_byte_changes_nothing() {
    for request in REQUESTS {
        let message = request.as_bytes();
        let whole = outcome(message, std::iter::empty());
        for cut in 0..message.len() {
            assert_eq!(outcome(message, std::iter::once(cut)), whole, "{request:?} split at {cut}");
        }
        assert_eq!(outcome(message, 0..message.len()), whole, "{request:?} byte by byte");
    }
}

#[test]
fn bodies_are_taken_out_of_their_chunks() {
    assert_eq!(
        outcome(REQUESTS[2].as_bytes(), std::iter::empty()),
        Some(Ok((REQUESTS[2].len() - 1, b"abc0123456789".to_vec())))
    );
    assert_eq!(
        outcome(REQUESTS[1].as_bytes(), std::iter::empty()),
        Some(Ok((REQUESTS[1].len() - 1, b"hello".to_vec())))
    );
    assert_eq!(outcome(REQUESTS[7].as_bytes(), std::iter::empty()), None);
    assert_eq!(
        outcome(REQUESTS[8].as_bytes(), std::iter::empty()),
        Some(Err(Rejection::new(413, "the body is too large")))
    );
}

proptest! {
    /// Bytes that look like requests, damaged in places, and cut anywhere.
    #[test]
    fn damaged_requests_are_the_same_however_they_are_cut(
        which in 0..REQUESTS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut message = REQUESTS[which].as_bytes().to_vec();
        for (index, byte) in damage {
            let index = index.index(message.len());
            message[index] = byte;
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(message.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(outcome(&message, cuts.into_iter()), outcome(&message, std::iter::empty()));
    }

    /// Anything at all may be a response.
    #[test]
    fn responses_of_any_bytes_end_somehow(head in ".*", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut message = format!("HTTP/1.1 200 {head}\r\n").into_bytes();
        message.extend(bytes);
        let mut incoming = response::Incoming::default();
        for end in 0..=message.len() {
            let _ = incoming.advance(&message[..end], end == message.len(), 1000, "GET").is_ok();
        }
    }
}

#[test]
fn dates() {
    for (timestamp, date) in [
        (784_111_777_000, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_799_999, "Tue, 29 Feb 2000 23:59:59 GMT"),
        (4_107_542_400_000, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (1_735_689_599_000, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (-1_000, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ] {
        assert_eq!(http_date(timestamp), date);
    }
}

#[test]
fn addresses() {
    let url = |text: &str| Url::parse(text).map(|url| (url.host, url.port, url.authority, url.target));
    let parts =
        |host: &str, port, authority: &str, target: &str| Ok((host.into(), port, authority.into(), target.into()));
    assert_eq!(url("http://a"), parts("a", 80, "a", "/"));
    assert_eq!(url("HTTP://a.b:8080/c?d#e"), parts("a.b", 8080, "a.b:8080", "/c?d"));
    assert_eq!(url("http://a:80?q"), parts("a", 80, "a", "/?q"));
    assert_eq!(url("http://[::1]:99/"), parts("::1", 99, "[::1]:99", "/"));
    assert_eq!(url("https://a"), Err("only http is supported".into()));
    for bad in [
        "",
        "a",
        "http:/a",
        "http://",
        "http://:80",
        "http://a:0",
        "http://a:65536",
        "http://a:b",
        "http://u@a",
        "http://a b",
        "http://a/ b",
        "http://a/\u{e4}",
        "http://[::1",
        "http://[::1]x",
        "http://[a]",
        "http://a:1:2",
        "http://a/\n",
    ] {
        assert_eq!(url(bad), Err(format!("invalid url '{bad}'")), "{bad}");
    }
}
