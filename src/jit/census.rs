//! What this process has come by of the tier's tables: rows of native forms that code was made of, helpers that were
//! called, exits that were taken, and reasons why something was not native. The suite of random programs asks, so that
//! no row goes untested for want of a program. Debug builds count; in others all counts stay 0.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::helpers::Helper;
use super::ir::ExitReason;
use crate::bytecode::facts::{Reason, Why};
use crate::facts::native_forms::{self, Operation};

/// A row of one of the tables, and how often it occurred.
#[derive(Debug)]
pub struct Row {
    /// Which table: `form`, `helper`, `exit` or `reason`.
    pub table: &'static str,
    /// The row, without spaces.
    pub name: String,
    pub times: u64,
}

static EXITS: [AtomicU64; ExitReason::ALL.len()] = [const { AtomicU64::new(0) }; ExitReason::ALL.len()];
static FORMS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
static REASONS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// What is counted stays right if a thread has panicked.
fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Native code is made of an instruction.
pub(super) fn form(operation: &Operation) {
    if cfg!(debug_assertions) {
        *lock(&FORMS).entry(operation.row()).or_default() += 1;
    }
}

/// Native code is left.
pub(super) fn exit(reason: ExitReason) {
    if cfg!(debug_assertions) {
        EXITS[reason as usize].fetch_add(1, Relaxed);
    }
}

/// A region is not native, for the reason with a code.
pub(super) fn reason(code: &'static str) {
    if cfg!(debug_assertions) {
        *lock(&REASONS).entry(code).or_default() += 1;
    }
}

/// All rows of all tables.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |table, name: String, times| rows.push(Row { table, name: name.replace(' ', "_"), times });
    let forms = lock(&FORMS);
    for row in native_forms::rows() {
        let times = forms.get(&row).copied().unwrap_or(0);
        add("form", row, times);
    }
    for helper in Helper::ALL {
        add("helper", format!("{helper:?}"), helper.times_called());
    }
    for exit in ExitReason::ALL {
        add("exit", exit.name().to_owned(), EXITS[exit as usize].load(Relaxed));
    }
    let reasons = lock(&REASONS);
    let codes = Why::ALL.iter().map(|why| why.code()).chain(Reason::ALL.iter().map(|reason| reason.code()));
    for code in codes {
        add("reason", code.to_owned(), reasons.get(code).copied().unwrap_or(0));
    }
    rows
}
