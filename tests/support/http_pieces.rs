//! What holds of any bytes that a client or a server sends: whole and byte by byte they are the same message, or are
//! refused for the same reason, and are never more than what has arrived. The fuzz target `http` asks it too.

use walrus::runtime::http::{Rejection, request, response};

const MAX_BODY: usize = 1000;

/// What came of a message: its end, with the body; a refusal; or that more is to come.
type Came = Result<Option<(usize, Vec<u8>)>, Rejection>;

/// Fails unless it holds of these bytes, as a request and as a response; whether they are a whole request, and a whole
/// response.
pub fn check(message: &[u8]) -> (bool, bool) {
    let whole = std::iter::once(message.len());
    let pieces = 0..=message.len();
    // More than one message may have arrived; the first is the same.
    let (requested, responded) = (request(message, whole.clone()), response(message, whole));
    assert_eq!(request(message, pieces.clone()), requested, "as a request");
    assert_eq!(response(message, pieces), responded, "as a response");
    (matches!(requested, Ok(Some(_))), matches!(responded, Ok(Some(_))))
}

fn request(message: &[u8], cuts: impl Iterator<Item = usize>) -> Came {
    let mut incoming = request::Incoming::default();
    for cut in cuts {
        loop {
            match incoming.advance(&message[..cut], MAX_BODY)? {
                request::Step::Continue => continue,
                request::Step::More => break,
                request::Step::Whole(found) => {
                    let end = found.body.end();
                    assert!(end <= cut, "a request of {end} bytes, of which {cut} have arrived");
                    return Ok(Some((end, found.body.bytes(&message[..cut]).into_owned())));
                }
            }
        }
    }
    Ok(None)
}

fn response(message: &[u8], cuts: impl Iterator<Item = usize>) -> Came {
    let mut incoming = response::Incoming::default();
    let mut start = 0;
    for cut in cuts {
        loop {
            match incoming.advance(&message[start..cut], cut == message.len(), MAX_BODY, "GET")? {
                response::Step::Interim(length) => start += length,
                response::Step::More => break,
                response::Step::Whole(found) => {
                    let end = start + found.body.end();
                    assert!(end <= cut, "a response of {end} bytes, of which {cut} have arrived");
                    return Ok(Some((end, found.body.bytes(&message[start..cut]).into_owned())));
                }
            }
        }
    }
    Ok(None)
}
