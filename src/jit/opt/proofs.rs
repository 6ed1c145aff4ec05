//! Guards that checked facts prove are dropped, behind all passes that move code past guards: until then they tell
//! where what they prove holds. One that was moved in front of a loop has a new exit, and stays; there it costs little,
//! and may stand before what the proof rests on.
//!
//! Debug builds and `--jit-stress facts` test the rest all the same: to fail is an internal error.

use crate::jit::ir::{ExitReason, Inst, Region};

/// Drops the guards that facts prove, or makes them tests of these proofs.
pub fn drop_proved(region: &mut Region) {
    for place in 0..region.order.len() {
        let id = region.order[place];
        let (exits, tests) = (&mut region.exits, region.tests_proofs);
        region.blocks[id.0 as usize].insts.retain(|(_, inst)| {
            let Inst::Guard { exit, .. } = inst else { return true };
            let exit = &mut exits[exit.0 as usize];
            if exit.proved && tests {
                exit.reason = ExitReason::Fact;
            }
            !exit.proved || tests
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::{Compare, Exit, Mem, Val};
    use crate::jit::opt::test_regions::{TestRegion, text};

    fn dropped(tests_proofs: bool) -> String {
        let mut test = TestRegion::new();
        let word = test.load(Mem::Frame, Val(1), 0);
        let zero = test.int(0);
        for (proved, op) in [(true, Compare::Gt), (false, Compare::Ne)] {
            let condition = test.push(Inst::Icmp(op, word, zero));
            let exit = test.region.new_exit(Exit { proved, ..Exit::plain(ExitReason::Type, 9) });
            test.effect(Inst::Guard { condition, expect: true, exit });
        }
        let mut region = test.finish();
        region.tests_proofs = tests_proofs;
        drop_proved(&mut region);
        let reasons: Vec<ExitReason> = region.exits.iter().map(|exit| exit.reason).collect();
        format!("{}{reasons:?}", text(&region, region.order[0]))
    }

    #[test]
    fn what_is_proved_needs_no_guard() {
        let released = dropped(false);
        assert_eq!(released.matches("guard").count(), 1, "{released}");
        let tested = dropped(true);
        assert_eq!(tested.matches("guard").count(), 2, "{tested}");
        assert!(tested.contains("[Fact, Type"), "{tested}");
    }
}
