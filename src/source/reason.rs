//! The words of an error of the system.

use std::io;

/// Why the system refused something, without the number that it has for that.
pub fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(offset) = text.rfind(" (os error ") {
        text.truncate(offset);
    }
    text
}
