//! Reading what may have no end: a device, a pipe, a file with holes.

use std::io::{self, Read};

/// Reads to the end, at most `limit` bytes. More is an error: at once if `size`, what the system says of it, is more.
pub fn read_at_most(reader: impl Read, size: u64, limit: usize) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", limit >> 20));
    if size > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size as usize)?;
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        assert_eq!(read_at_most(io::repeat(7), 0, 1 << 20).unwrap_err().to_string(), "it is larger than 1 MiB");
        assert_eq!(read_at_most(io::repeat(7).take(1 << 20), 0, 1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        struct Unread;
        impl Read for Unread {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("nothing is to be read")
            }
        }
        assert_eq!(read_at_most(Unread, 8 << 30, 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
