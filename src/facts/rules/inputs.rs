//! What the rules go through for a call or a member: arguments, and the identities a value may have. Both are looked up
//! where they are, one at a time, as a rule may change the judge's state between one and the next; copying them first
//! would cost more than most rules.

use super::TypeEnv;
use crate::bytecode::Reg;
use crate::bytecode::types::{IdKind, IdSet, Tags, Type};

/// The arguments of a call.
#[derive(Clone, Copy, Debug)]
pub enum Args<'a> {
    /// So many registers from the first on hold them.
    In { first: Reg, count: u16 },
    /// Their types, for a call that the run time makes.
    Of(&'a [Type]),
}

impl Args<'_> {
    pub fn len(self) -> u16 {
        match self {
            Args::In { count, .. } => count,
            Args::Of(types) => types.len() as u16,
        }
    }

    /// The type of one; of one that is not given, that of no value.
    #[inline(always)]
    pub fn get<E: TypeEnv>(self, env: &mut E, index: u16) -> Type {
        match self {
            Args::In { first, count } if index < count => env.get(Reg(first.0.saturating_add(index))),
            Args::In { .. } => Type::NEVER,
            Args::Of(types) => types.get(usize::from(index)).copied().unwrap_or(Type::NEVER),
        }
    }

    /// Lets all of them get to where nothing is known.
    pub fn escape<E: TypeEnv>(self, env: &mut E) {
        for index in 0..self.len() {
            let arg = self.get(env, index);
            env.escape(arg);
        }
    }
}

/// A way through the members of a set of identities other than `TOP`.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    set: IdSet,
    next: usize,
}

impl Members {
    pub fn of(set: IdSet) -> Members {
        Members { set, next: 0 }
    }

    #[inline(always)]
    pub fn next<E: TypeEnv>(&mut self, env: &E) -> Option<IdKind> {
        loop {
            let id = env.member(self.set, self.next)?;
            self.next += 1;
            if let Some(kind) = id.unpack() {
                return Some(kind);
            }
        }
    }

    /// The type of the instance that is the member met last.
    pub fn instance<E: TypeEnv>(self, env: &mut E, met: IdKind) -> Type {
        let is_only = self.next == 1 && env.member(self.set, 1).is_none();
        Type { ids: if is_only { self.set } else { env.identity(met) }, ..Type::of(Tags::INSTANCE) }
    }
}
