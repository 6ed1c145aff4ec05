//! Standard output and standard error: colours where they are wanted, and no noise when nobody reads.

use std::io::{self, IsTerminal, Write};

pub use crate::source::reason;
use clap::ValueEnum;

/// Whether messages are coloured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Default, Debug)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether what goes to standard error is coloured.
    pub fn on_stderr(self) -> bool {
        self.on(io::stderr().is_terminal())
    }

    /// Whether what goes to standard output is coloured.
    pub fn on_stdout(self) -> bool {
        self.on(io::stdout().is_terminal())
    }

    fn on(self, is_terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => wanted(is_terminal, &|name| std::env::var(name).ok()),
        }
    }
}

/// What the environment says about colours. `NO_COLOR` wins over all; a terminal that cannot show them says so in
/// `TERM`.
fn wanted(is_terminal: bool, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    let is_dumb = cfg!(unix) && set("TERM").is_none_or(|value| value == "dumb");
    is_terminal && !is_dumb && set("CLICOLOR").is_none_or(|value| value != "0")
}

/// Writes to standard output. A closed pipe is no error: the reader has had enough.
pub fn write_stdout(bytes: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {}", reason(&error)))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; there is nowhere to report a failure of that.
pub fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a message to standard error, its first line emphasised where colour is wanted.
pub fn report(message: &str, color: Color) {
    match message.split_once('\n') {
        Some((first, rest)) if color.on_stderr() => write_stderr(&format!("\x1b[1;31m{first}\x1b[0m\n{rest}")),
        _ => write_stderr(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_on_colours() {
        for (is_terminal, variables, expected) in [
            (true, &[("TERM", "xterm")][..], true),
            (false, &[("TERM", "xterm")], false),
            (true, &[], false),
            (true, &[("TERM", "dumb")], false),
            (true, &[("TERM", "xterm"), ("CLICOLOR", "0")], false),
            (true, &[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (true, &[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (false, &[("CLICOLOR_FORCE", "1")], true),
            (false, &[("CLICOLOR_FORCE", "0"), ("TERM", "xterm")], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
            // Elsewhere than on Unix, `TERM` says nothing.
            if cfg!(unix) {
                assert_eq!(wanted(is_terminal, &variable), expected, "{is_terminal} {variables:?}");
            }
        }
    }
}
