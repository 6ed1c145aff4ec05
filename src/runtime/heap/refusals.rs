//! `--alloc-stress`: every request for memory fails once before it succeeds.
//!
//! An operation that is refused memory must have had no effect, for it is executed again after a collection. That is
//! seldom put to the test: most requests are small, and those are never refused; and what is left must meet a full
//! heap. So here all requests are refused, of any size, the first attempt of an operation at its first request, the
//! second at its second, and so on until it gets through. Between two attempts garbage is collected, as it would be.
//!
//! When an operation has succeeded, the next safepoint notices it ([`super::Heap::expect_success`]); built-ins and the
//! calls that they make are operations of their own ([`Operation`]).

use std::cell::Cell;

use crate::runtime::error::{Error, ErrorKind, Result};

/// So many requests of an operation are refused one by one. Of the later ones only some are: the attempts before them
/// take time.
const ONE_BY_ONE: usize = 16;

/// What is asked for in a request that is refused for the sake of the test: nothing.
const FOR_THE_TEST: usize = 0;

/// Which requests are refused.
#[derive(Default)]
pub(in crate::runtime) struct Refusals {
    on: bool,
    operation: Cell<Operation>,
    /// A request was refused, and no safepoint has noticed yet that its operation has succeeded since.
    expects_success: Cell<bool>,
}

/// How far an operation has come.
#[derive(Clone, Copy, Default)]
pub(in crate::runtime) struct Operation {
    /// So many requests are granted before one is refused.
    granted: usize,
    /// Requests of this attempt.
    asked: usize,
}

impl Refusals {
    pub(super) fn turn(&mut self, on: bool) {
        *self = Refusals { on, ..Refusals::default() };
    }

    pub(in crate::runtime) fn are_on(&self) -> bool {
        self.on
    }

    /// Refuses a request, if it is its turn.
    pub(super) fn ask(&self) -> Result<()> {
        if !self.on {
            return Ok(());
        }
        let Operation { granted, asked } = self.operation.get();
        if asked < granted {
            self.operation.set(Operation { granted, asked: asked + 1 });
            return Ok(());
        }
        let granted = if granted < ONE_BY_ONE { granted + 1 } else { 2 * granted };
        self.operation.set(Operation { granted, asked: 0 });
        Err(Error::new(ErrorKind::NeedsMemory(FOR_THE_TEST)))
    }

    /// Whether a request was refused by [`Refusals::ask`], so that trying again is sure to help in the end.
    pub(in crate::runtime) fn is_for_the_test(&self, error: &Error) -> bool {
        self.on && matches!(error.kind(), ErrorKind::NeedsMemory(FOR_THE_TEST))
    }

    pub(super) fn expect_success(&self) {
        self.expects_success.set(true);
    }

    pub(super) fn expects_success(&self) -> bool {
        self.expects_success.get()
    }

    /// A safepoint is reached: whatever was tried again has succeeded. Says whether that was waited for.
    pub(super) fn take_success(&self) -> bool {
        if self.on {
            self.operation.set(Operation::default());
        }
        self.expects_success.replace(false)
    }

    /// Begins an operation inside of another, whose state is returned.
    #[inline]
    pub(in crate::runtime) fn enter(&self) -> Operation {
        if self.on { self.operation.take() } else { Operation::default() }
    }

    /// Goes on with the operation that [`Refusals::enter`] has interrupted.
    #[inline]
    pub(in crate::runtime) fn leave(&self, outer: Operation) {
        if self.on {
            self.operation.set(outer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of the request at which each attempt fails, until one gets through.
    fn refused(refusals: &Refusals, requests: usize) -> Vec<usize> {
        let attempt = || (1..=requests).find(|_| refusals.ask().is_err());
        std::iter::from_fn(attempt).collect()
    }

    #[test]
    fn each_request_of_an_operation_is_refused_once() {
        let mut refusals = Refusals::default();
        refusals.turn(true);
        assert_eq!(refused(&refusals, 3), [1, 2, 3]);
        assert!(!refusals.take_success());
        assert_eq!(refused(&refusals, 1), [1]);
        refusals.take_success();
        let many = refused(&refusals, 100);
        assert_eq!((many[15], many[16], many[17], many.len()), (16, 17, 33, 19));
    }

    #[test]
    fn an_inner_operation_does_not_disturb_the_outer_one() {
        let mut refusals = Refusals::default();
        refusals.turn(true);
        assert!(refusals.ask().is_err());
        assert!(refusals.ask().is_ok());
        let outer = refusals.enter();
        assert_eq!(refused(&refusals, 2), [1, 2]);
        refusals.leave(outer);
        assert!(refusals.ask().is_err());
        refusals.turn(false);
        assert!(refused(&refusals, 2).is_empty());
    }
}
