//! Globals, captured variables, struct fields.

use super::env::{Slot, Typed};
use super::loops::ExitSource;
use super::members::{ByStruct, by_struct};
use super::{Builder, Built, Goes, VM};
use crate::bytecode::{CaptureId, GlobalId, Reg, SiteId, StructId};
use crate::jit::feedback::TagSet;
use crate::jit::ir::{Compare, ExitReason, Home, Inst, Mem, Repr, Val, Width};
use crate::runtime::abi::layout;
use crate::runtime::object::{Cell, Closure, Instance};
use crate::runtime::value::{Tag, Value};

impl Builder<'_> {
    pub(super) fn globals_base(&mut self) -> Val {
        if let Some(base) = self.globals {
            return base;
        }
        let base = self.at_entry(|builder| builder.load(Mem::Constant, VM, layout::GLOBALS, Repr::I64));
        self.globals = Some(base);
        base
    }

    pub(super) fn get_global(&mut self, dst: Reg, global: GlobalId) -> Built<Goes> {
        if self.plan.globals_in_memory {
            let (mem, base, offset) = self.place_of(Home::Global(global));
            // A function or struct is assigned once, so feedback about it is as good as about anything else.
            let seen = self.feedback().result.single();
            let value = self.load_seen(mem, base, offset, seen, TagSet::default(), ExitReason::Type);
            self.set(dst, value);
            return Ok(Goes::On);
        }
        let value = match self.env.globals.get(&global) {
            Some(Slot::Value { value, .. }) => *value,
            _ => {
                let value = self.initial(Home::Global(global));
                self.env.globals.insert(global, Slot::Value { value, dirty: false });
                value
            }
        };
        let value = match value {
            Typed::Any { tag, payload } => {
                // It may not have been assigned yet, which is an error.
                match self.feedback().result.single() {
                    Some(seen) => {
                        let exit = self.exit(ExitReason::Type);
                        self.guard_tag(tag, seen, exit);
                        self.unpack(seen, payload)
                    }
                    None => {
                        let undef = self.int(Tag::Undef as i64);
                        let unset = self.push(Inst::Icmp(Compare::Eq, tag, undef), Repr::Bool);
                        let exit = self.exit(ExitReason::Unseen);
                        self.guard(unset, false, exit);
                        value
                    }
                }
            }
            known => known,
        };
        self.set(dst, value);
        Ok(Goes::On)
    }

    pub(super) fn set_global(&mut self, src: Reg, global: GlobalId) -> Built<Goes> {
        let value = self.get(src)?;
        if self.plan.globals_in_memory {
            let (mem, base, offset) = self.place_of(Home::Global(global));
            self.store_value(mem, base, offset, value);
            return Ok(Goes::On);
        }
        if self.plan.written_globals.insert(global) {
            self.again = true;
        }
        self.env.globals.insert(global, Slot::Value { value, dirty: true });
        Ok(Goes::On)
    }

    /// Loads a value, of a known type if only one was seen; otherwise of any type but undefined. Facts say it to be of
    /// the types in `proof`, and not undefined, unless that is empty.
    pub(super) fn load_seen(
        &mut self,
        mem: Mem,
        base: Val,
        offset: i32,
        seen: Option<Tag>,
        proof: TagSet,
        reason: ExitReason,
    ) -> Typed {
        let exit = self.exit(reason);
        let tag = self.load(mem, base, offset + Value::TAG_OFFSET as i32, Repr::I64);
        match seen {
            Some(seen) => {
                self.guard_type(tag, seen, proof, exit);
                self.load_payload(mem, base, offset, seen)
            }
            None => {
                let undef = self.int(Tag::Undef as i64);
                let unset = self.push(Inst::Icmp(Compare::Eq, tag, undef), Repr::Bool);
                self.mark(exit, !proof.is_empty());
                self.guard(unset, false, exit);
                let payload = self.load(mem, base, offset + Value::PAYLOAD_OFFSET as i32, Repr::I64);
                Typed::Any { tag, payload }
            }
        }
    }

    pub(super) fn store_value(&mut self, mem: Mem, base: Val, offset: i32, value: Typed) {
        let (tag, payload) = self.parts(value);
        self.effect(Inst::Store { mem, base, offset: offset + Value::TAG_OFFSET as i32, value: tag });
        self.effect(Inst::Store { mem, base, offset: offset + Value::PAYLOAD_OFFSET as i32, value: payload });
    }

    /// A capture of the running closure, which in an inlined function was seen to be of this type. That of the region's
    /// own function is read once: captures do not change. `None` in an inlined function that has no closure.
    pub(super) fn capture(&mut self, capture: CaptureId, seen: Option<Tag>) -> Option<Typed> {
        let offset = (Closure::CAPTURES_OFFSET + capture.index() * size_of::<Value>()) as i32;
        if self.context.call_pc.is_some() {
            let closure = self.context.closure?;
            let exit = self.exit(ExitReason::Type);
            return Some(self.load_value(Mem::Capture, closure, offset, seen, |builder, tag, seen| {
                builder.guard_tag(tag, seen, exit);
            }));
        }
        if let Some(value) = self.captures.get(&capture.0) {
            return Some(*value);
        }
        let now = self.vm.top_capture(capture).tag();
        let value = self.at_entry(|builder| {
            let closure = match builder.closure {
                Some(closure) => closure,
                None => {
                    let frame = builder.load(Mem::Vm, VM, layout::TOP_FRAME, Repr::I64);
                    let closure = builder.load(Mem::Vm, frame, layout::FRAME_CLOSURE, Repr::I64);
                    builder.closure = Some(closure);
                    closure
                }
            };
            // Cells are made once; what was copied into a closure may differ from one closure to the next.
            let certain = now != Tag::Undef && (now == Tag::Cell || builder.plan.open.is_none());
            builder.load_value(Mem::Capture, closure, offset, certain.then_some(now), |builder, tag, wanted| {
                let exit = builder.entry_exit();
                builder.guard_tag(tag, wanted, exit);
            })
        });
        self.region.cells.extend(value.as_tag(Tag::Cell));
        self.captures.insert(capture.0, value);
        Some(value)
    }

    pub(super) fn get_cell(&mut self, dst: Reg, cell: Typed) -> Built<Goes> {
        let Some(cell) = cell.as_tag(Tag::Cell) else { return self.step() };
        let seen = self.feedback().result.single();
        // A cell may be read before the variable is assigned.
        let proof = TagSet::default();
        let value = self.load_seen(Mem::Field, cell, Cell::VALUE_OFFSET as i32, seen, proof, ExitReason::Type);
        self.set(dst, value);
        Ok(Goes::On)
    }

    pub(super) fn set_cell(&mut self, cell: Typed, src: Reg) -> Built<Goes> {
        let Some(cell) = cell.as_tag(Tag::Cell) else { return self.step() };
        let value = self.get(src)?;
        self.store_value(Mem::Field, cell, Cell::VALUE_OFFSET as i32, value);
        Ok(Goes::On)
    }

    /// The instance in a register and the offset of one of its fields, if its struct was seen and has the field. Guards
    /// the struct.
    pub(super) fn field(&mut self, object: Reg, site: SiteId) -> Built<Option<(Val, i32)>> {
        let feedback = *self.feedback();
        let object = self.operand(object, feedback.a)?;
        let (Some(instance), Some(id)) = (object.as_tag(Tag::Instance), feedback.instance_of.one()) else {
            return Ok(None);
        };
        let name = self.vm.site_name(self.context.func, site);
        let Some(offset) = self.offset_of_field(id, name) else { return Ok(None) };
        self.guard_struct(instance, id, self.proves_struct(id));
        Ok(Some((instance, offset)))
    }

    /// Goes on only with an instance of a struct, which facts may have proved it to be.
    pub(super) fn guard_struct(&mut self, instance: Val, id: StructId, proved: bool) {
        let mut known = self.env.struct_of(instance);
        let mut enclosing = self.current_loop;
        while let (None, Some(index)) = (known, enclosing) {
            known = self.loops[index].instances.iter().find(|(val, _)| *val == instance).map(|(_, id)| *id);
            enclosing = self.loops[index].parent;
        }
        if known == Some(id) {
            return;
        }
        // The struct of an instance never changes, so any loop it is defined outside of will do.
        let target = if known.is_none() { self.hoist_target(&[instance], |_| true) } else { None };
        self.region.struct_slots.insert(id.0, self.vm.image().struct_def(id).fields.len());
        let emit = |builder: &mut Self, source| {
            let exit = builder.exit_from(source, ExitReason::Field);
            // The exit in front of a loop may be that of other guards.
            if source == ExitSource::Here {
                builder.mark(exit, proved);
            }
            let found = builder.struct_of(instance);
            let wanted = builder.int(id.0.into());
            let same = builder.push(Inst::Icmp(Compare::Eq, found, wanted), Repr::Bool);
            builder.guard(same, true, exit);
        };
        match target {
            Some(index) => {
                self.in_preheader(index, emit);
                self.loops[index].instances.push((instance, id));
            }
            None => {
                emit(self, ExitSource::Here);
                self.env.instances.push((instance, id));
            }
        }
    }

    pub(super) fn get_member(&mut self, dst: Reg, object: Reg, site: SiteId) -> Built<Goes> {
        if let Some((dict, name)) = self.named_entry(object, site)? {
            self.dict_get(dst, dict, Typed::Known(Tag::Str, name), None);
            return Ok(Goes::On);
        }
        let seen = self.feedback().result.single();
        let read = |builder: &mut Self, instance, offset, ids: &[StructId]| {
            let proof = if builder.always_have(ids, offset) { builder.proof().result } else { TagSet::default() };
            let value = builder.load_seen(Mem::Field, instance, offset, seen, proof, ExitReason::Field);
            builder.set(dst, value);
        };
        self.access_field(object, site, read)
    }

    pub(super) fn set_member(&mut self, object: Reg, value: Reg, site: SiteId) -> Built<Goes> {
        let value = self.get(value)?;
        if let Some((dict, name)) = self.named_entry(object, site)? {
            self.dict_set(dict, Typed::Known(Tag::Str, name), value);
            return Ok(Goes::On);
        }
        let write = |builder: &mut Self, instance, offset, _: &[StructId]| {
            builder.store_value(Mem::Field, instance, offset, value)
        };
        self.access_field(object, site, write)
    }

    /// The dict in a register and the string that a site's name is, its key, if it is one that was seen.
    pub(super) fn named_entry(&mut self, object: Reg, site: SiteId) -> Built<Option<(Val, Val)>> {
        let object = self.operand(object, self.feedback().a)?;
        let Some(dict) = object.as_tag(Tag::Dict) else { return Ok(None) };
        Ok(Some((dict, self.name_of_site(site))))
    }

    /// The string that a site's name is.
    pub(super) fn name_of_site(&mut self, site: SiteId) -> Val {
        let name = self.vm.site_name_value(self.context.func, site);
        self.int(name.int_bits())
    }

    /// Accesses a field at the offset where the instance's struct has it. If several structs were seen, a chain of
    /// checks finds which it is.
    fn access_field(
        &mut self,
        object: Reg,
        site: SiteId,
        mut access: impl FnMut(&mut Self, Val, i32, &[StructId]),
    ) -> Built<Goes> {
        if let Some((instance, offset)) = self.field(object, site)? {
            let id = self.feedback().instance_of.one();
            access(self, instance, offset, id.as_slice());
            return Ok(Goes::On);
        }
        let Some((instance, places)) = self.field_of_few(object, site)? else { return self.step() };
        let mut ends = Vec::new();
        self.choose_by_struct(instance, places, &mut |builder, offset, ids| {
            access(builder, instance, offset, ids);
            ends.push((builder.current, builder.env.clone()));
            Ok(())
        })?;
        let alive = self.live[self.live_at + 1].clone();
        self.merge(ends, &alive)?;
        self.check_size()?;
        Ok(Goes::On)
    }

    /// The instance in a register and the offsets of one of its fields, each with the structs that have it there, if a
    /// few structs were seen and all have the field.
    fn field_of_few(&mut self, object: Reg, site: SiteId) -> Built<Option<(Val, ByStruct<i32>)>> {
        let feedback = *self.feedback();
        let object = self.operand(object, feedback.a)?;
        let Some(instance) = object.as_tag(Tag::Instance) else { return Ok(None) };
        let name = self.vm.site_name(self.context.func, site);
        let places = by_struct(feedback.structs.all(), |id| self.offset_of_field(id, name));
        Ok(places.map(|places| (instance, places)))
    }

    /// Where instances of a struct have a field, if they have one of this name in their layout.
    pub(super) fn offset_of_field(&self, id: StructId, name: &str) -> Option<i32> {
        let slot = self.vm.image().struct_def(id).field(name)?;
        Some((Instance::SLOTS_OFFSET + slot * size_of::<Value>()) as i32)
    }

    /// Whether all instances of these structs have the field at an offset where the instruction at hand looks at them.
    pub(super) fn always_have(&self, ids: &[StructId], offset: i32) -> bool {
        let slot = (offset as usize - Instance::SLOTS_OFFSET) / size_of::<Value>();
        self.types.is_some_and(|types| {
            ids.iter().all(|&id| types.always_has_field(self.program, id, slot, self.context.func))
        })
    }

    /// The number of an instance's struct.
    pub(super) fn struct_of(&mut self, instance: Val) -> Val {
        let offset = Instance::STRUCT_OFFSET as i32;
        let load = Inst::Load { mem: Mem::Header, base: instance, offset, repr: Repr::I64, width: Width::U32 };
        self.push(load, Repr::I64)
    }
}
