//! What work costs: the time that a processor gave to the thread that did it. On a machine that is busy a clock on the
//! wall counts what others do, and native code would seem to cost many times what it does.

use std::time::Duration;

/// Measures from where it was started, on the same thread.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(thread_time())
    }

    pub fn elapsed(self) -> Duration {
        thread_time().saturating_sub(self.0)
    }
}

/// What the running thread has had of a processor.
#[cfg(target_os = "linux")]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere, the clock on the wall has to do.
#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    use std::time::Instant;
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    BEGAN.with(|began| began.elapsed())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_counts_and_sleep_does_not() {
        let asleep = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(30));
        assert!(asleep.elapsed() < Duration::from_millis(20));
        let at_work = Stopwatch::start();
        while at_work.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    }
}
