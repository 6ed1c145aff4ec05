//! Ends that are not the program's own: by a signal, an abort, a panic. What the program has printed is written in
//! each.
//!
//! Nothing is polled. The handler of a signal writes what is held back itself, then restores the default action and
//! raises the signal again, so it works wherever the program is: in native loops and recursion, in long built-ins,
//! while it waits. Everything it calls is safe in a handler: `write`, `sigaction`, `setitimer`, `pthread_kill`, and
//! loads and stores of atomics.
//!
//! - A signal may interrupt a write, and then nobody knows how much has left. The handler notes the signal, and whoever
//!   writes ends the process once the write has returned ([`end_if_told`]). A timer interrupts a write that began just
//!   after.
//! - A reader that takes nothing must not keep the process alive: a timer ends it though something is left.
//! - A signal may reach any thread; the one that runs the program deals with it, as only that one does not print
//!   meanwhile.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::runtime::output::Pending;

/// The output of the program that runs.
static PENDING: AtomicPtr<Pending> = AtomicPtr::new(ptr::null_mut());

/// Remembers where output waits, and handles the signals that end a process. To be called on the thread that runs the
/// program.
pub fn keep(pending: &Arc<Pending>) {
    // Never freed, as a handler may look at any time.
    PENDING.store(Arc::into_raw(Arc::clone(pending)).cast_mut(), Ordering::Release);
    #[cfg(unix)]
    signals::handle();
}

/// Writes what a run that has ended by a panic left behind, as far as that is possible.
fn write_rest() {
    // SAFETY: null, or from an `Arc` that is never freed.
    let Some(pending) = (unsafe { PENDING.load(Ordering::Acquire).as_ref() }) else { return };
    while !pending.rest().is_empty() {
        match pending.write_with(write_to_stdout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}

/// What the work comes to; nothing after a panic, and then the output that was left behind has been written.
pub fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Nothing that the work has used is looked at after a panic, but for its output.
    catch_unwind(AssertUnwindSafe(work)).inspect_err(|_| write_rest()).ok()
}

/// Writes some of the bytes to standard output, with no buffer in between.
#[cfg(unix)]
pub fn write_to_stdout(bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are valid for reads.
    let written = unsafe { libc::write(libc::STDOUT_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Writes some of the bytes to standard output.
#[cfg(not(unix))]
pub fn write_to_stdout(bytes: &[u8]) -> io::Result<usize> {
    use std::io::Write;
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(bytes.len())
}

/// Ends the process if a signal wanted that while output was being written.
pub fn end_if_told() {
    #[cfg(unix)]
    signals::end_if_told();
}

#[cfg(unix)]
mod signals {
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

    use libc::c_int;

    use super::{PENDING, write_rest};

    /// Signals that end a process unless it is made otherwise, and that are sent to make it end. All but SIGABRT, which
    /// a process sends itself.
    const ENDING: [c_int; 6] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGALRM, libc::SIGXCPU];

    /// How long what is left may take to be written, in microseconds.
    const TIME_TO_WRITE: libc::suseconds_t = 60_000;
    /// How soon a write that began after the signal is interrupted, and how often.
    const TIME_TO_RETURN: libc::suseconds_t = 5_000;

    /// The thread that runs the program.
    static RUNNER: AtomicUsize = AtomicUsize::new(0);
    /// The signal that came during a write; 0 if none.
    static TOLD: AtomicI32 = AtomicI32::new(0);
    /// The signal that the process is ending by; 0 if none.
    static ENDS_BY: AtomicI32 = AtomicI32::new(0);

    pub fn handle() {
        RUNNER.store(this_thread(), Ordering::Release);
        for signal in ENDING {
            set_unless_ignored(signal, on_signal);
        }
        set_unless_ignored(libc::SIGABRT, on_abort);
        // A limit on the size of files is a full disk: with a handler, the write fails. Ignored, it would be so for
        // child processes, too.
        set_unless_ignored(libc::SIGXFSZ, on_nothing);
    }

    fn this_thread() -> usize {
        // SAFETY: takes nothing and cannot fail.
        unsafe { libc::pthread_self() as usize }
    }

    fn set_unless_ignored(signal: c_int, handler: extern "C" fn(c_int)) {
        // What was ignored when the process began stays so: that is how `nohup` works.
        if set(signal, handler as libc::sighandler_t) == libc::SIG_IGN {
            set(signal, libc::SIG_IGN);
        }
    }

    /// Sets what a signal does; returns what it did.
    fn set(signal: c_int, handler: libc::sighandler_t) -> libc::sighandler_t {
        // SAFETY: all zeros is a valid action; both actions are valid for the call. No SA_RESTART: a write must return.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = handler;
            if signal != libc::SIGALRM {
                for other in ENDING {
                    if other != libc::SIGALRM {
                        libc::sigaddset(&mut action.sa_mask, other);
                    }
                }
            }
            let mut before: libc::sigaction = MaybeUninit::zeroed().assume_init();
            libc::sigaction(signal, &action, &mut before);
            before.sa_sigaction
        }
    }

    extern "C" fn on_nothing(_: c_int) {}

    extern "C" fn on_signal(signal: c_int) {
        if handed_to_runner(signal) {
            return;
        }
        // SAFETY: not null since there are handlers, and never freed.
        let is_being_written =
            unsafe { PENDING.load(Ordering::Acquire).as_ref() }.is_some_and(|it| it.is_being_written());
        if is_being_written {
            TOLD.store(signal, Ordering::Release);
            set_timer(TIME_TO_RETURN);
        } else {
            end_by(signal);
        }
    }

    /// Passes a signal on if this is not the thread that runs the program.
    fn handed_to_runner(signal: c_int) -> bool {
        let runner = RUNNER.load(Ordering::Acquire);
        // SAFETY: the runner is a thread that lives until the process ends.
        runner != this_thread() && unsafe { libc::pthread_kill(runner as libc::pthread_t, signal) } == 0
    }

    pub fn end_if_told() {
        match TOLD.load(Ordering::Acquire) {
            0 => {}
            signal => end_by(signal),
        }
    }

    fn end_by(signal: c_int) -> ! {
        ENDS_BY.store(signal, Ordering::Release);
        set_timer(TIME_TO_WRITE);
        write_rest();
        die_by(signal)
    }

    fn die_by(signal: c_int) -> ! {
        set(signal, libc::SIG_DFL);
        // SAFETY: the set is initialised before it is used, and all of it may be called in a handler.
        unsafe {
            let mut set = MaybeUninit::uninit();
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), signal);
            libc::raise(signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
            // The first process of a container is not ended by default.
            libc::_exit(128 + signal)
        }
    }

    /// Has [`on_timer`] called again and again.
    fn set_timer(microseconds: libc::suseconds_t) {
        set(libc::SIGALRM, on_timer as *const () as libc::sighandler_t);
        let time = libc::timeval { tv_sec: 0, tv_usec: microseconds };
        let timer = libc::itimerval { it_interval: time, it_value: time };
        // SAFETY: the timer is valid for reads, and the old one is not asked for.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) };
    }

    /// Interrupts the write that is under way, or the process that has had its time to write.
    extern "C" fn on_timer(signal: c_int) {
        match ENDS_BY.load(Ordering::Acquire) {
            0 => drop(handed_to_runner(signal)),
            signal => die_by(signal),
        }
    }

    extern "C" fn on_abort(signal: c_int) {
        end_by(signal);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::run::SystemHost;
    use crate::runtime::output::Output;

    /// The test runs itself in a process of its own, which prints, panics, and ends in the way that its environment
    /// says.
    #[test]
    fn output_outlives_panics_and_aborts() {
        const HOW: &str = "WALRUS_TEST_ENDING";
        match std::env::var(HOW).as_deref() {
            Ok(how) => {
                let mut host = SystemHost::new(Vec::new());
                let mut output = Output::new(&mut host);
                output.write(&mut host, b"this was printed", b"\n").expect("nothing is written yet");
                if how == "abort" {
                    std::process::abort();
                }
                assert!(unless_it_panics(|| panic!("on purpose")).is_none());
                std::process::exit(0)
            }
            Err(_) => {
                for how in ["panic", "abort"] {
                    let mut command = Command::new(std::env::current_exe().expect("this program"));
                    command.args(["--exact", "run::ending::tests::output_outlives_panics_and_aborts", "--nocapture"]);
                    let output = command.env(HOW, how).output().expect("it starts");
                    let text = String::from_utf8_lossy(&output.stdout);
                    assert!(text.contains("this was printed\n"), "{how}: {text}");
                }
            }
        }
    }
}
