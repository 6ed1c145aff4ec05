//! Passes over the region IR, between the builder and the backend.
//!
//! | pass | does | file |
//! |---|---|---|
//! | value numbering | computes nothing twice, folds constants, forwards stores to loads, drops guards that passed before, multiplies instead of dividing by constants | [`numbering`], [`fold`], [`division`] |
//! | objects | what stays in the region is not made: its parts are values, and exits make it | [`unmake`] |
//! | gathering | makes new objects with what is stored into them at once | [`gather`] |
//! | hoisting | moves what does not change in a loop, guards included, in front of it | [`hoist`] |
//! | bounds checks | replaces the check of an index in each iteration by checks of its extremes in front of the loop | `hoist::bounds` |
//! | promotion | keeps fields, captured variables and globals that a loop reads and writes in registers, and stores them behind it | [`promote`] |
//! | proofs | drops guards of what checked facts prove | [`proofs`] |
//! | dead code | removes what nothing uses | [`dead`] |
//! | sinking | moves arithmetic to the paths that need it | [`sink`] |
//! | layout | chooses the target of a branch that the code falls through to | [`layout`] |
//! | pairing | does two iterations a round where their divisions can be done at once | [`pair`] |
//!
//! Cranelift's own optimiser is off: it would find little left to do for a quarter of the time of a compilation, and it
//! reorders arithmetic so that the next value of a loop's counter is computed before the last use of the present one,
//! which costs a move and a jump in each iteration.
//!
//! All rest on one analysis of the control flow, [`mod@cfg`], for no pass but the last changes it. Each is linear in
//! the size of the region. Debug builds check the form of the region behind each ([`mod@check`]).
//!
//! # What hoisting rests on
//! A guard in front of a loop leaves native code with the state at the loop's header, and the interpreter executes the
//! first iteration. So moving a guard there is right whatever happens; the question is what it costs. A guard that
//! every iteration meets would have failed anyway. Of the others, and of checks for all iterations at once, this is not
//! known: their exits have the reason [`Hoisted`](super::ir::ExitReason::Hoisted), and a loop where these are hot is
//! compiled again without them ([`SpeculationBan`]).

mod cfg;
mod check;
mod counts;
mod dead;
mod division;
mod fold;
mod gather;
mod hoist;
mod layout;
mod numbering;
mod pair;
mod promote;
mod proofs;
mod sink;
#[cfg(test)]
mod test_regions;
mod unmake;

use rustc_hash::FxHashSet;

use super::ir::{Loop, Region};

/// In front of which loops nothing may be checked that an iteration might not come to.
#[derive(Clone, Default, Debug)]
pub struct SpeculationBan {
    /// No loop at all.
    pub everywhere: bool,
    /// Loops by the pc of their header.
    pub loops: FxHashSet<u32>,
}

impl SpeculationBan {
    fn applies_to(&self, region_loop: &Loop) -> bool {
        self.everywhere || self.loops.contains(&region_loop.entry.pc)
    }
}

/// Whether the processor has registers for two floats, and Cranelift makes use of them.
const PAIRS: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
/// How often promotion is tried again with what it has made invariant.
const PROMOTIONS: usize = 3;

/// Runs all passes.
pub fn optimise(region: &mut Region, ban: &SpeculationBan) {
    let cfg = cfg::Cfg::of(region);
    assert_form(region, "building");
    numbering::number(region, &cfg);
    assert_form(region, "numbering");
    let is_less = unmake::unmake(region, &cfg, ban);
    assert_form(region, "removing objects");
    if gather::gather(region) || is_less {
        assert_form(region, "gathering stores");
        numbering::number(region, &cfg);
    }
    if !cfg.loops.is_empty() && hoist::hoist(region, &cfg, ban) {
        assert_form(region, "hoisting");
        numbering::number(region, &cfg);
    }
    // What is read through a promoted word does not change either.
    for _ in 0..PROMOTIONS {
        if cfg.loops.is_empty() || !promote::promote(region, &cfg, ban) {
            break;
        }
        assert_form(region, "promotion");
        numbering::number(region, &cfg);
        if hoist::hoist(region, &cfg, ban) {
            assert_form(region, "hoisting after promotion");
            numbering::number(region, &cfg);
        }
    }
    proofs::drop_proved(region);
    dead::remove(region, &cfg);
    assert_form(region, "removing dead code");
    sink::sink(region, &cfg);
    assert_form(region, "sinking");
    if region.counts {
        counts::cheapen(region, &cfg);
        assert_form(region, "making counts cheap");
    }
    layout::mark(region, &cfg);
    if PAIRS {
        pair::pair(region, &cfg);
        assert_form(region, "pairing");
    }
}

/// Stops a debug build at the first pass that leaves a region out of form.
fn assert_form(region: &Region, pass: &str) {
    if cfg!(debug_assertions)
        && let Err(wrong) = check::check(region, &cfg::Cfg::of(region))
    {
        panic!("after {pass}: {wrong}\n{region}");
    }
}
