//! The world that programs see which a test runs inside its own process.

use std::io;
use std::sync::{Arc, Mutex};

use walrus::runtime::host::{Host, HostFile, OpenMode};
use walrus::runtime::network::Network;
use walrus::runtime::output::Pending;

/// A world with nothing in it but an output.
#[derive(Default)]
pub struct MemoryHost {
    pub out: Arc<Mutex<Vec<u8>>>,
}

fn nothing<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl Host for MemoryHost {
    fn out_is_terminal(&self) -> bool {
        false
    }

    fn write_out(&mut self, pending: &Pending) -> io::Result<()> {
        pending.write_with(|bytes| {
            self.out.lock().expect("no writer panics").extend_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn read_line(&mut self, _: usize) -> io::Result<String> {
        Ok(String::new())
    }

    fn timestamp(&self) -> i64 {
        0
    }

    fn clock(&self) -> f64 {
        0.0
    }

    fn pause(&mut self, _: f64) {}

    fn network(&mut self) -> io::Result<Box<dyn Network>> {
        nothing()
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn args(&self) -> &[String] {
        &[]
    }

    fn current_dir(&self) -> io::Result<String> {
        nothing()
    }

    fn open(&mut self, _: &str, _: OpenMode) -> io::Result<Box<dyn HostFile>> {
        nothing()
    }

    fn exists(&self, _: &str) -> bool {
        false
    }

    fn read_file(&self, _: &str, _: usize) -> io::Result<Vec<u8>> {
        nothing()
    }

    fn write_file(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        nothing()
    }
}
