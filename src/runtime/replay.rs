//! Running a stretch of a program twice, to compare what came of it.
//!
//! A [`Snapshot`] holds what a frame can reach and change: its registers, the globals, and the contents of every list,
//! dict, instance and cell that can be reached from these. Taken before a stretch and again after it, it lets the
//! stretch be undone, run another way, compared and redone. What a snapshot cannot undo must not happen in between:
//! input and output, the clock and the random generator, collections ([`Snapshot::is_intact`]). [`Vm::replay`] executes
//! only what is harmless in this sense.

use std::collections::HashSet;

use super::call::Begun;
use super::error::Result;
use super::methods::receiver_of;
use super::object::{Dict, DictImage, Gc, Instance, Storage};
use super::step::Stepped;
use super::value::{Tag, Value};
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect};
use crate::bytecode::methods::{METHODS, MethodEffect, find_method};
use crate::bytecode::op::window::Call;
use crate::bytecode::{FuncId, Op, Reg};

/// The contents of an object that can change.
enum Contents {
    List(Storage, Vec<Value>),
    Dict(DictImage),
    Instance(Vec<Value>, Option<Gc<Dict>>),
    Cell(Value),
}

impl Contents {
    /// The contents of an object, if they can change.
    fn of(vm: &Vm, object: Value) -> Option<Contents> {
        Some(match object.tag() {
            Tag::List => object.as_list().map(|list| Contents::List(list.storage(), list.to_vec()))?,
            Tag::Dict => object.as_dict().map(|dict| Contents::Dict(dict.image(&vm.heap)))?,
            Tag::Instance => {
                object.as_instance().map(|instance| Contents::Instance(fields_of(instance), instance.extra()))?
            }
            Tag::Cell => object.as_cell().map(|cell| Contents::Cell(cell.get()))?,
            _ => return None,
        })
    }

    fn put_back(&self, vm: &mut Vm, object: Value) -> Result<()> {
        match self {
            Contents::List(storage, items) => match object.as_list() {
                Some(list) => list.set_contents(&mut vm.heap, *storage, items)?,
                None => debug_assert!(false, "the image of a list"),
            },
            Contents::Dict(image) => match object.as_dict() {
                Some(dict) => dict.set_image(&mut vm.heap, image),
                None => debug_assert!(false, "the image of a dict"),
            },
            Contents::Instance(fields, extra) => match object.as_instance() {
                Some(instance) => {
                    fields.iter().enumerate().for_each(|(slot, value)| instance.set_slot(slot, *value));
                    instance.set_extra(*extra);
                }
                None => debug_assert!(false, "the image of an instance"),
            },
            Contents::Cell(value) => match object.as_cell() {
                Some(cell) => cell.set(*value),
                None => debug_assert!(false, "the image of a cell"),
            },
        }
        Ok(())
    }
}

fn fields_of(instance: Gc<Instance>) -> Vec<Value> {
    instance.slots().iter().map(|slot| slot.get()).collect()
}

/// What a value refers to directly.
fn for_each_part(vm: &Vm, value: Value, visit: &mut impl FnMut(Value)) {
    if let Some(list) = value.as_list() {
        list.as_values(&vm.heap).into_iter().flatten().for_each(|item| visit(*item));
    } else if let Some(tuple) = value.as_tuple() {
        tuple.items().iter().for_each(|item| visit(*item));
    } else if let Some(dict) = value.as_dict() {
        dict.entries(&vm.heap).for_each(|(key, item)| {
            visit(key);
            visit(item);
        });
    } else if let Some(instance) = value.as_instance() {
        instance.slots().iter().for_each(|slot| visit(slot.get()));
        visit(Value::from_struct(instance.class()));
        instance.extra().into_iter().for_each(|extra| visit(Value::from_dict(extra)));
    } else if let Some(cell) = value.as_cell() {
        visit(cell.get());
    } else if let Some(closure) = value.as_closure() {
        closure.captures().iter().for_each(|capture| visit(capture.get()));
    } else if let Some(object) = value.as_struct() {
        object.methods().iter().for_each(|method| visit(method.get()));
    } else if let Some(bound) = value.as_bound_method() {
        visit(bound.receiver);
        visit(bound.method);
    }
}

/// A state that the machine can be put back into. See the module documentation.
pub struct Snapshot {
    depth: usize,
    base: Window,
    pc: u32,
    collections: usize,
    registers: Vec<Value>,
    globals: Vec<Value>,
    objects: Vec<(Value, Contents)>,
}

impl Snapshot {
    /// The state now, with `window` registers of the top frame. `None` if more than `most` objects and elements can be
    /// reached.
    pub fn take(vm: &Vm, window: u32, most: usize) -> Option<Snapshot> {
        let mut snapshot = Snapshot::of_homes(vm, vm.depth(), vm.top_base(), window);
        let mut seen = HashSet::new();
        let mut work: Vec<Value> = snapshot.registers.iter().chain(&snapshot.globals).copied().collect();
        work.extend(vm.top_closure());
        let mut size = 0;
        while let Some(value) = work.pop() {
            if !value.tag().is_heap() || !seen.insert(value.bits()) {
                continue;
            }
            size += 1 + value.as_list().map_or(0, |list| list.len());
            for_each_part(vm, value, &mut |part| {
                size += 1;
                work.push(part);
            });
            if size > most {
                return None;
            }
            if let Some(contents) = Contents::of(vm, value) {
                snapshot.objects.push((value, contents));
            }
        }
        Some(snapshot)
    }

    fn of_homes(vm: &Vm, depth: usize, base: Window, window: u32) -> Snapshot {
        // SAFETY: the caller made room for the window, and every slot below the stack's limit holds a valid value.
        let registers = unsafe { base.values(window as usize) }.to_vec();
        Snapshot {
            depth,
            base,
            pc: vm.top_pc(),
            collections: vm.heap.collections(),
            registers,
            globals: vm.globals.to_vec(),
            objects: Vec::new(),
        }
    }

    /// What the same homes and objects hold now. The frame is on top again.
    pub fn again(&self, vm: &Vm) -> Snapshot {
        debug_assert_eq!(self.depth, vm.depth());
        let mut now = Snapshot::of_homes(vm, self.depth, self.base, self.registers.len() as u32);
        let contents = |object: Value| Contents::of(vm, object).map(|contents| (object, contents));
        now.objects = self.objects.iter().filter_map(|(object, _)| contents(*object)).collect();
        now
    }

    /// Whether nothing was collected since: what the snapshot refers to is alive.
    pub fn is_intact(&self, vm: &Vm) -> bool {
        self.collections == vm.heap.collections()
    }

    /// Puts the machine back into this state. It must be intact.
    pub fn restore(&self, vm: &mut Vm) -> Result<()> {
        debug_assert!(self.is_intact(vm));
        vm.stack.unwind_to(self.depth);
        vm.set_top_pc_unchecked(self.pc);
        // The values are alive as nothing was collected.
        self.base.fill(&self.registers);
        vm.globals.copy_from_slice(&self.globals);
        self.objects.iter().try_for_each(|(object, contents)| contents.put_back(vm, *object))
    }

    /// Number of values that a comparison looks at.
    pub fn size(&self) -> usize {
        let contents = self.objects.iter().map(|(_, contents)| match contents {
            Contents::List(_, items) => items.len(),
            Contents::Dict(image) => image.len(),
            Contents::Instance(fields, _) => fields.len(),
            Contents::Cell(_) => 1,
        });
        self.registers.len() + self.globals.len() + contents.sum::<usize>()
    }

    /// Where the frame stood.
    pub fn pc(&self) -> u32 {
        self.pc
    }

    /// A register, counted from the frame's base.
    pub fn register(&self, register: u32) -> Option<Value> {
        self.registers.get(register as usize).copied()
    }

    /// The first difference between this state and the machine's, which runs on from the same beginning; only the
    /// registers `live` count.
    pub fn difference(&self, vm: &Vm, live: &[u32]) -> Option<String> {
        let mut pairing = Pairing::new(vm, self);
        for &register in live {
            let Some(value) = self.register(register) else { continue };
            let now = self.base.far_above(register).get(0);
            if !pairing.alike(value, now) {
                return Some(format!("register {register} is {value:?}, and {now:?} when interpreted"));
            }
        }
        for (index, (&value, &now)) in self.globals.iter().zip(vm.globals.iter()).enumerate() {
            if !pairing.alike(value, now) {
                return Some(format!("global {index} is {value:?}, and {now:?} when interpreted"));
            }
        }
        for (object, contents) in &self.objects {
            if !pairing.contents_alike(contents, *object) {
                return Some(format!("{object:?} has other contents than when interpreted"));
            }
        }
        None
    }
}

/// Which objects made in one run stand for which of the other.
struct Pairing<'a> {
    vm: &'a Vm,
    /// Objects from before; those are the same or different, whatever is in them.
    old: HashSet<u64>,
    paired: HashSet<(u64, u64)>,
}

impl<'a> Pairing<'a> {
    fn new(vm: &'a Vm, snapshot: &Snapshot) -> Pairing<'a> {
        let old = snapshot.objects.iter().map(|(object, _)| object.bits()).collect();
        Pairing { vm, old, paired: HashSet::new() }
    }

    fn contents_alike(&mut self, contents: &Contents, object: Value) -> bool {
        match contents {
            // A list of values may hold items of one kind, as one does that native code made for items of several; that
            // one is kept in a narrower way shows in nothing.
            Contents::List(storage, items) => object.as_list().is_some_and(|list| {
                let may_hold_any = [*storage, list.storage()].contains(&Storage::Values);
                (list.storage() == *storage || may_hold_any || items.is_empty())
                    && list.len() == items.len()
                    && items.iter().enumerate().all(|(i, item)| self.alike(*item, list.get(i)))
            }),
            Contents::Dict(image) => object.as_dict().is_some_and(|dict| {
                let now: Vec<(Value, Value)> = dict.entries(&self.vm.heap).collect();
                let then: Vec<(Value, Value)> = image.entries().collect();
                self.entries_alike(&then, &now)
            }),
            Contents::Instance(fields, extra) => object.as_instance().is_some_and(|instance| {
                let now = fields_of(instance);
                fields.iter().zip(&now).all(|(a, b)| self.alike(*a, *b)) && self.extra_alike(*extra, instance.extra())
            }),
            Contents::Cell(value) => object.as_cell().is_some_and(|cell| self.alike(*value, cell.get())),
        }
    }

    fn entries_alike(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.alike(a.0, b.0) && self.alike(a.1, b.1))
    }

    fn extra_alike(&mut self, a: Option<Gc<Dict>>, b: Option<Gc<Dict>>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => self.alike(Value::from_dict(a), Value::from_dict(b)),
            _ => false,
        }
    }

    /// Whether two values are the same as far as the program can tell.
    fn alike(&mut self, a: Value, b: Value) -> bool {
        if a.tag() != b.tag() {
            return false;
        }
        if a.bits() == b.bits() {
            return true;
        }
        if let (Some(a), Some(b)) = (a.as_float(), b.as_float()) {
            return a.is_nan() && b.is_nan();
        }
        if !a.tag().is_heap() || self.old.contains(&a.bits()) || self.old.contains(&b.bits()) {
            return false;
        }
        if !self.paired.insert((a.bits(), b.bits())) {
            return true;
        }
        match a.tag() {
            Tag::Str => a.as_str().zip(b.as_str()).is_some_and(|(a, b)| a.as_str() == b.as_str()),
            Tag::Range => a.as_range().zip(b.as_range()).is_some_and(|(a, b)| (a.start, a.end) == (b.start, b.end)),
            Tag::Closure => a.as_closure().zip(b.as_closure()).is_some_and(|(a, b)| {
                a.func() == b.func() && a.captures().iter().zip(b.captures()).all(|(a, b)| self.alike(a.get(), b.get()))
            }),
            Tag::Tuple => a.as_tuple().zip(b.as_tuple()).is_some_and(|(a, b)| {
                a.len() == b.len() && a.items().iter().zip(b.items()).all(|(a, b)| self.alike(*a, *b))
            }),
            Tag::BoundMethod => a
                .as_bound_method()
                .zip(b.as_bound_method())
                .is_some_and(|(a, b)| self.alike(a.receiver, b.receiver) && self.alike(a.method, b.method)),
            _ => Contents::of(self.vm, a).is_some_and(|contents| self.contents_alike(&contents, b)),
        }
    }
}

/// How [`Vm::replay`] went on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replayed {
    Executed,
    /// The instruction may do what cannot be undone; nothing was done.
    Refused,
}

impl Vm {
    /// Executes the instruction at the top frame's pc, unless it may do what a snapshot cannot undo. Calls start a
    /// frame, returns above `depth` end one. Prints are passed over.
    pub fn replay(&mut self, depth: usize) -> Result<Replayed> {
        let pc = self.top_pc();
        let op = self.image.program.code[pc as usize];
        match op {
            Op::Return { .. } | Op::ReturnVoid {} if self.depth() > depth => {
                let result = if let Op::Return { src } = op { self.top_register(src.0.into()) } else { Value::VOID };
                if self.is_in_next() {
                    self.finish_next(result, false)?;
                } else {
                    self.step_out(result);
                }
                return Ok(Replayed::Executed);
            }
            Op::Print { .. } => {
                self.set_top_pc_unchecked(pc + 1);
                return Ok(Replayed::Executed);
            }
            Op::Throw { src } if self.throw_above(src, depth) => return Ok(Replayed::Executed),
            _ if let Some(called) = self.called_by_step(op) => {
                self.step_into_next(called, op)?;
                return Ok(Replayed::Executed);
            }
            Op::CallMethod { .. } | Op::TailCallMethod { .. } if self.is_list_loop(op) => {
                self.step_into_list_loop(op)?;
                return Ok(Replayed::Executed);
            }
            Op::CallFn { base, func } => {
                self.step_into(func, base)?;
                return Ok(Replayed::Executed);
            }
            Op::New { base, def } => {
                self.step_into_new(def, base)?;
                return Ok(Replayed::Executed);
            }
            Op::TailCallFn { base, func } if self.depth() > depth => {
                self.step_into_instead(func, None, base)?;
                return Ok(Replayed::Executed);
            }
            Op::TailCall { base, argc }
                if self.depth() > depth
                    && let Some(called) = self.called_with(self.top_register(base.0.into()), argc) =>
            {
                if !self.put_receiver_of(&called, base, Call::ARGS, argc) {
                    return Ok(Replayed::Refused);
                }
                self.step_into_instead(called.func, called.closure, base)?;
                return Ok(Replayed::Executed);
            }
            Op::Call { base, argc } if let Some(called) = self.called_with(self.top_register(base.0.into()), argc) => {
                if !self.put_receiver_of(&called, base, Call::ARGS, argc) {
                    return Ok(Replayed::Refused);
                }
                self.step_into_closure(called.func, called.closure, base)?;
                return Ok(Replayed::Executed);
            }
            Op::CallMethod { base, argc, site } if self.starts_frame(base, argc, site) => {
                let frame = self.stack.frame();
                self.set_top_pc_unchecked(pc + 1);
                let slot = self.top_base().of(base);
                let begun = self.begin_method_call(slot, argc, frame, site)?;
                debug_assert_eq!(begun, Begun::Frame);
                return Ok(Replayed::Executed);
            }
            Op::TailCallMethod { base, argc, site } if self.depth() > depth && self.starts_frame(base, argc, site) => {
                return self.tail_call_at(pc).map(|_| Replayed::Executed);
            }
            _ => {}
        }
        if !self.is_harmless(&op) {
            return Ok(Replayed::Refused);
        }
        let stepped = match self.without_collections(|vm| vm.step_at_without_safepoint(pc)) {
            Ok(stepped) => stepped,
            Err(error) => return self.raise_above(error, pc, depth).map(|()| Replayed::Executed),
        };
        if stepped == Stepped::Jump {
            let offset = op.jump_offset().unwrap_or(0);
            self.set_top_pc_unchecked((i64::from(pc) + 1 + i64::from(offset)) as u32);
        }
        Ok(Replayed::Executed)
    }

    /// Whether a method call comes to a function of a struct, or in a field or an entry.
    fn starts_frame(&self, base: Reg, argc: u16, site: crate::bytecode::SiteId) -> bool {
        let receiver = self.top_register(u32::from(base.0) + 1);
        let name = self.site_name(self.top_function(), site);
        if self.called_field(base, site).and_then(|value| self.called_with(value, argc)).is_some() {
            return true;
        }
        if let Some(instance) = receiver.as_instance() {
            return instance.extra().is_none() && self.plain_method(instance.struct_id(), name, argc).is_some();
        }
        receiver.as_struct().is_some_and(|object| self.method_of_struct(object.id(), name, argc).is_some())
    }

    fn is_harmless(&self, op: &Op) -> bool {
        match *op {
            Op::CallBuiltin { builtin, .. } => BUILTINS[self.image.builtin(builtin)].effect == BuiltinEffect::Pure,
            Op::CallMethod { base, site, .. } | Op::TailCallMethod { base, site, .. } => {
                let receiver = self.top_register(u32::from(base.0) + 1);
                let name = self.site_name(self.top_function(), site);
                let method = receiver_of(receiver.tag()).and_then(|kind| find_method(kind, name));
                self.calls_built_in(base, site)
                    && method.is_some_and(|method| {
                        METHODS[method].effect != MethodEffect::Calls || self.is_loop_over_nothing(*op)
                    })
            }
            Op::IterPrep { base, .. } | Op::IterPrep2 { base, .. } => {
                matches!(
                    self.top_register(base.0.into()).tag(),
                    Tag::List | Tag::Tuple | Tag::Str | Tag::Dict | Tag::Range
                )
            }
            Op::IterNext { base, .. } | Op::IterNext2 { base, .. } => {
                self.top_register(base.0.into()).tag() != Tag::Instance
            }
            _ => {
                let effects = op.effects();
                !effects.calls && !effects.outputs && (!effects.ends || matches!(op, Op::Jump { .. }))
            }
        }
    }

    /// Frames above a depth, lowest first: function, base, and where the frame below goes on.
    pub fn frames_above(&self, depth: usize) -> impl Iterator<Item = (FuncId, Window, u32)> + '_ {
        (depth + 1..=self.depth()).map(|level| {
            let frame = self.stack.frame_at(level);
            let below = self.stack.frame_at(level - 1);
            // SAFETY: functions of frames live as long as the image, and saved pcs point into its code.
            unsafe { ((*frame.function).id, frame.base, below.pc.offset_from(self.image.program.code.as_ptr()) as u32) }
        })
    }

    fn top_closure(&self) -> Option<Value> {
        self.stack.frame_at(self.depth()).closure.map(Value::from_closure)
    }
}
