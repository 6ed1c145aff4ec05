//! Many jobs at a time, of which each is told in its turn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// How many jobs are run at a time where nobody says.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs the jobs with the numbers below `count`, `at_once` of them at a time, and tells what each came to in the order
/// of the numbers, as soon as those before it are told. Once telling fails, no more jobs are begun.
pub fn in_order<T: Send, E>(
    count: usize,
    at_once: usize,
    run: impl Fn(usize) -> T + Sync,
    mut tell: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        let worker = || {
            let (send, next, run) = (send.clone(), &next, &run);
            move || {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more if telling has failed.
                    if job >= count || send.send((job, run(job))).is_err() {
                        return;
                    }
                }
            }
        };
        let start = || std::thread::Builder::new().spawn_scoped(scope, worker()).is_ok();
        // If the system has no thread to give, this one does it all.
        if (0..at_once.min(count)).filter(|_| start()).count() == 0 {
            worker()();
        }
        drop(send);
        let (mut waiting, mut turn) = (BTreeMap::new(), 0);
        for (job, result) in receive {
            waiting.insert(job, result);
            while let Some(result) = waiting.remove(&turn) {
                tell(turn, result)?;
                turn += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_told_in_order() {
        let mut told = Vec::new();
        let square = |job: usize| job * job;
        in_order(20, 4, square, |job, result| -> Result<(), ()> {
            told.push((job, result));
            Ok(())
        })
        .unwrap();
        assert_eq!(told, (0..20).map(|job| (job, job * job)).collect::<Vec<_>>());
    }

    #[test]
    fn failing_to_tell_ends_it() {
        let told = in_order(100, 3, |job| job, |_, job| if job == 3 { Err("gone") } else { Ok(()) });
        assert_eq!(told, Err("gone"));
    }
}
