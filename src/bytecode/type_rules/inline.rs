//! Short lists on the stack: what the rules collect for a call would otherwise be an allocation for nearly every call.

use std::ops::Deref;

use crate::bytecode::types::{IdKind, IdSets, Identity, Type};

/// The members of a set of identities, copied out of it.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    ids: [Identity; IdSets::MAX],
    next: usize,
    end: usize,
}

impl From<&[Identity]> for Members {
    /// Sets have at most [`IdSets::MAX`] members; what is beyond that is left out.
    fn from(ids: &[Identity]) -> Members {
        debug_assert!(ids.len() <= IdSets::MAX);
        let mut members = Members { ids: [Identity(0); IdSets::MAX], next: 0, end: ids.len().min(IdSets::MAX) };
        members.ids[..members.end].copy_from_slice(&ids[..members.end]);
        members
    }
}

impl Iterator for Members {
    type Item = IdKind;

    fn next(&mut self) -> Option<IdKind> {
        while self.next < self.end {
            let id = self.ids[self.next];
            self.next += 1;
            if let Some(kind) = id.unpack() {
                return Some(kind);
            }
        }
        None
    }
}

/// As many arguments as nearly all calls have.
const FEW: usize = 4;

/// The types of a call's arguments.
#[derive(Clone, Debug)]
pub struct Args {
    few: [Type; FEW],
    len: usize,
    /// All of them, once there are more than [`FEW`].
    many: Vec<Type>,
}

impl Args {
    pub fn new() -> Args {
        Args { few: [Type::NEVER; FEW], len: 0, many: Vec::new() }
    }

    pub fn push(&mut self, ty: Type) {
        if let Some(place) = self.few.get_mut(self.len) {
            *place = ty;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(ty);
        }
        self.len += 1;
    }

    /// An instance, then the arguments its method is called with.
    pub fn with_self(this: Type, args: &[Type]) -> Args {
        let mut all = Args::new();
        all.push(this);
        args.iter().for_each(|&arg| all.push(arg));
        all
    }
}

impl Deref for Args {
    type Target = [Type];

    fn deref(&self) -> &[Type] {
        if self.many.is_empty() { &self.few[..self.len] } else { &self.many }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::types::{ClassId, Tags};

    #[test]
    fn arguments_stay_in_order_past_the_inline_ones() {
        let ty = |at: u32| Type::container(Tags::LIST, ClassId(at));
        for count in [0, 1, FEW as u32 - 1, FEW as u32, FEW as u32 + 1, 40] {
            let mut args = Args::new();
            (0..count).for_each(|at| args.push(ty(at)));
            assert_eq!(*args, *(0..count).map(ty).collect::<Vec<_>>());
            let with_self = Args::with_self(Type::INT, &args);
            assert_eq!((with_self[0], &with_self[1..]), (Type::INT, &args[..]));
        }
    }
}
