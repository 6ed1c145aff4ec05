//! What watches a run: counts of its work and the limit of fuel, the tier's counters, the judge of types.

use std::cell::Cell;
use std::rc::Rc;

use super::counts::Counts;
use super::hooks::{Hooks, Tier};
use super::oracle::Oracle;

/// See the module documentation. Each is absent if nobody asked for it.
pub(super) struct Watch {
    /// Fuel and counts.
    pub(super) counts: Option<Box<Counts>>,
    /// Where the interpreter counts the instruction at address 0, if it does.
    pub(super) executed: *const Cell<u64>,
    /// Counting of back edges and calls for the tier and the limit of fuel.
    pub(super) hooks: Option<Box<Hooks>>,
    /// [`Hooks::counters`] of the hooks, if there are any.
    pub(super) counters: *const Cell<u32>,
    /// The judge of static types, in the testing mode that has one.
    pub(super) oracle: Option<Box<Oracle>>,
}

impl Watch {
    /// Nobody watches yet.
    pub(super) fn nobody() -> Watch {
        Watch { counts: None, executed: std::ptr::null(), hooks: None, counters: std::ptr::null(), oracle: None }
    }

    pub(super) fn has_tier(&self) -> bool {
        self.hooks.as_ref().is_some_and(|hooks| hooks.has_tier())
    }

    pub(super) fn tier(&self) -> Option<Rc<dyn Tier>> {
        self.hooks.as_ref()?.tier()
    }
}
