//! Input and output of a run: the host, and the program's output on its way there.

use super::error::Result;
use super::host::Host;
use super::output::Output;

/// See the module documentation. Whoever needs nothing else of the machine takes this.
pub struct Io {
    pub host: Box<dyn Host>,
    output: Output,
}

impl Io {
    /// What a run prints goes to this host, which is told of it.
    pub fn new(mut host: Box<dyn Host>) -> Io {
        let output = Output::new(&mut *host);
        Io { host, output }
    }

    /// Takes text, and what ends it, to be written sooner or later.
    #[inline]
    pub fn write(&mut self, bytes: &[u8], end: &[u8]) -> Result<()> {
        self.output.write(&mut *self.host, bytes, end)
    }

    /// Writes what is held back, as before the host does something else that can be seen. A closed pipe ends the
    /// program quietly.
    pub fn flush(&mut self) -> Result<()> {
        self.output.flush(&mut *self.host)
    }
}
