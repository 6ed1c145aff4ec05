//! What calls of members find: methods, and values in fields and entries, which come before methods.
//!
//! If instances of several structs were seen, a chain of checks finds which an instance is of, and each that has
//! something else under the name has a case of its own: a field at another offset, a method of its own.

use super::calls::Called;
use super::env::Typed;
use super::{Builder, Built, Goes};
use crate::bytecode::methods::find_method;
use crate::bytecode::op::window::MethodCall;
use crate::bytecode::{Reg, SiteId, StructId};
use crate::facts::native_forms::FEW_INLINED;
use crate::jit::feedback::TagSet;
use crate::jit::ir::{Binary, Compare, ExitId, ExitReason, Inst, Mem, Repr, Terminator, Val};
use crate::runtime::methods::receiver_of;
use crate::runtime::value::Tag;

/// What structs have under a name, each with the structs that have it.
pub(super) type ByStruct<T> = Vec<(T, Vec<StructId>)>;

/// What each of some structs has, if there are any and all have something.
pub(super) fn by_struct<T: PartialEq>(ids: &[StructId], found: impl Fn(StructId) -> Option<T>) -> Option<ByStruct<T>> {
    let mut groups: ByStruct<T> = Vec::new();
    for &id in ids {
        let found = found(id)?;
        match groups.iter_mut().find(|(known, _)| *known == found) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((found, vec![id])),
        }
    }
    (!groups.is_empty()).then_some(groups)
}

/// What instances have under the name of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    /// A field at this offset.
    Field(i32),
    /// A method that takes the instance.
    Method,
}

/// Goes on where it is known what an instance has, and that its struct is one of these.
type WithMember<'b, 'a, T> = &'b mut dyn FnMut(&mut Builder<'a>, T, &[StructId]) -> Built<()>;

impl<'a> Builder<'a> {
    /// Goes on with what the struct of an instance has; takes an exit if it is none of these. Ends the block.
    pub(super) fn choose_by_struct<T: Copy>(
        &mut self,
        instance: Val,
        mut groups: ByStruct<T>,
        go_on: WithMember<'_, 'a, T>,
    ) -> Built<()> {
        let found = self.struct_of(instance);
        let last = groups.pop();
        for (what, ids) in groups {
            let is_here = self.is_one_of(found, &ids);
            let (yes, no) = (self.new_block(), self.new_block());
            self.finish(Terminator::Branch(is_here, yes, no));
            let before = self.env.clone();
            self.current = yes;
            go_on(self, what, &ids)?;
            (self.current, self.env) = (no, before);
        }
        if let Some((what, ids)) = last {
            let is_here = self.is_one_of(found, &ids);
            let exit = self.exit(ExitReason::Field);
            self.guard(is_here, true, exit);
            go_on(self, what, &ids)?;
        }
        Ok(())
    }

    /// Whether the number of a struct is one of these.
    fn is_one_of(&mut self, found: Val, ids: &[StructId]) -> Val {
        let mut is_one = self.truth(false);
        for (index, id) in ids.iter().enumerate() {
            let wanted = self.int(id.0.into());
            let same = self.push(Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool);
            is_one = if index == 0 { same } else { self.push(Inst::Binary(Binary::BoolOr, is_one, same), Repr::Bool) };
        }
        is_one
    }

    /// What the structs seen at the instruction at hand have under a name that is called.
    fn members_seen(&self, name: &str) -> Option<ByStruct<Member>> {
        let feedback = self.feedback();
        let only = feedback.instance_of.one();
        by_struct(only.as_ref().map_or(feedback.structs.all(), std::slice::from_ref), |id| {
            // A field that is not in the layout would come before the method.
            let has_method = || !feedback.extra && self.vm.has_plain_method(id, name);
            self.offset_of_field(id, name).map(Member::Field).or_else(|| has_method().then_some(Member::Method))
        })
    }

    /// Looks up the method that a call behind its arguments will call, or the value that it finds instead.
    pub(super) fn find_method(&mut self, dst: Reg, object: Reg, site: SiteId) -> Built<Goes> {
        let receiver = self.operand(object, self.feedback().a)?;
        let name = self.vm.site_name(self.context.func, site);
        if let Some(kind) = receiver.tag().and_then(receiver_of)
            && find_method(kind, name).is_some()
        {
            if let Some(dict) = receiver.as_tag(Tag::Dict) {
                self.guard_no_entry(dict, site);
            }
            self.set_constant(dst, Tag::Undef, 0);
            return Ok(Goes::On);
        }
        if let Some((dict, name)) = self.named_entry(object, site)? {
            let exit = self.exit(ExitReason::Throw);
            let value = self.value_at_name(dict, name, exit);
            self.set(dst, value);
            return Ok(Goes::On);
        }
        let (Some(instance), Some(members)) = (receiver.as_tag(Tag::Instance), self.members_seen(name)) else {
            return self.step();
        };
        if let [(member, ids)] = &*members
            && let &[id] = &**ids
        {
            self.guard_struct(instance, id, self.proves_struct(id));
            self.find_member(dst, instance, *member, ids);
            return Ok(Goes::On);
        }
        let mut ends = Vec::new();
        self.choose_by_struct(instance, members, &mut |builder, member, ids| {
            builder.find_member(dst, instance, member, ids);
            ends.push((builder.current, builder.env.clone()));
            Ok(())
        })?;
        let alive = self.live[self.live_at + 1].clone();
        self.merge(ends, &alive)?;
        self.check_size()?;
        Ok(Goes::On)
    }

    /// `dst =` what an instance of one of these structs has: a value, or that it is a method.
    fn find_member(&mut self, dst: Reg, instance: Val, member: Member, ids: &[StructId]) {
        match member {
            Member::Method => {
                let only = if let &[id] = ids { Some(id) } else { None };
                self.guard_no_extra(instance, only);
                self.set_constant(dst, Tag::Undef, 0);
            }
            Member::Field(offset) => {
                let value = self.value_at(instance, offset, ids);
                self.set(dst, value);
            }
        }
    }

    /// The value of a field. Leaves if it was not assigned yet: there may be a method of its name.
    fn value_at(&mut self, instance: Val, offset: i32, ids: &[StructId]) -> Typed {
        let proof = if self.always_have(ids, offset) { TagSet::ALL } else { TagSet::default() };
        self.load_seen(Mem::Field, instance, offset, None, proof, ExitReason::Field)
    }

    /// What is in the field or entry of the receiver that the call of a member reads, and the exit for when that is
    /// none of the functions seen: the interpreter executes the call then. Both come before methods.
    pub(super) fn value_in_field(&mut self, base: Reg, site: SiteId) -> Built<Option<(Typed, ExitId)>> {
        if let Some((dict, name)) = self.named_entry(base.above(MethodCall::RECEIVER), site)? {
            let exit = self.exit(ExitReason::Callee);
            return Ok(Some((self.value_at_name(dict, name, exit), exit)));
        }
        let Some((instance, offset)) = self.field(base.above(MethodCall::RECEIVER), site)? else { return Ok(None) };
        let exit = self.exit(ExitReason::Callee);
        let value = self.load_value(Mem::Field, instance, offset, None, |_, _, _| ());
        Ok(Some((value, exit)))
    }

    /// Calls what an instance of one of several structs has: some of them have it in a field. `None` if some call no
    /// function of their own, and nothing was done.
    pub(super) fn member_of_several(
        &mut self,
        base: Reg,
        argc: u16,
        name: &str,
        receiver: Typed,
    ) -> Built<Option<Goes>> {
        let (Some(instance), Some(members)) = (receiver.as_tag(Tag::Instance), self.members_seen(name)) else {
            return Ok(None);
        };
        let is_method = |(member, _): &&(Member, Vec<StructId>)| *member == Member::Method;
        let ids = members.iter().find(is_method).map_or(&[][..], |(_, ids)| ids);
        let (Some(callees), Some(methods)) = (self.callees_of(argc), self.methods_of(ids, argc, name, instance)) else {
            return Ok(None);
        };
        let are_many = callees.len() + methods.len() > FEW_INLINED;
        let mut ends = Vec::new();
        self.choose_by_struct(instance, members, &mut |builder, member, _| match member {
            Member::Field(offset) => {
                let exit = builder.exit(ExitReason::Callee);
                let value = builder.load_value(Mem::Field, instance, offset, None, |_, _, _| ());
                let called = Called { value, first: MethodCall::ARGS, argc };
                builder.choose_callee(called, &callees, exit, &mut |builder, callee| {
                    builder.call_in_case(base, callee, are_many, &mut ends)
                })
            }
            Member::Method => builder.choose_method(instance, methods.clone(), &mut |builder, callee| {
                builder.call_in_case(base, callee, are_many, &mut ends)
            }),
        })?;
        self.meet_cases(base, ends).map(Some)
    }
}
