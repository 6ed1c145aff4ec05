//! Calls of every kind: functions, closures, builtins, structs, bound methods, methods; and tail calls.
//!
//! The window table at the head of [`crate::bytecode::op`] says where callee, receiver, arguments and result stand.
//! Calls known to the compiler find their operands there; dynamic ones move the arguments by a slot or two first.

use super::builtins;
use super::error::{Error, ErrorKind, Result};
use super::host::Capability;
use super::image::{Function, Site};
use super::member::name_text;
use super::methods;
use super::object::{Closure, Gc, Instance};
use super::stack::Frame;
use super::value::{Tag, Value};
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect, BuiltinResult, BuiltinSpec};
use crate::bytecode::methods::find_method;
use crate::bytecode::op::window::{Call, MethodCall, New};
use crate::bytecode::signature::{Memory, Takes, arity_message};
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, FunctionKind, ModuleId, ModuleKind, SiteId, StructId};

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begun {
    /// A frame was started: its result will come to the call's `base`.
    Frame,
    /// The result is there.
    Done,
}

/// What a call of a value comes to.
pub(super) enum Callee {
    Function(FuncId, Option<Gc<Closure>>),
    Other,
}

pub(super) fn callee_of(value: Value) -> Callee {
    match value.tag() {
        Tag::Function => Callee::Function(FuncId(value.bits() as u32), None),
        Tag::Closure => match value.as_closure() {
            Some(closure) => Callee::Function(closure.func(), Some(closure)),
            None => Callee::Other,
        },
        _ => Callee::Other,
    }
}

/// What the name of a method call means.
enum Found {
    /// A value that is called without the receiver.
    Value(Value),
    /// A method that takes the receiver, with what it has captured.
    Method(FuncId, Option<Gc<Closure>>),
    /// A row of the table of built-in methods.
    BuiltIn(usize),
}

impl Vm {
    /// Starts a frame of a function that captures nothing, or of a closure.
    pub(super) fn start_frame(&mut self, func: FuncId, base: Window, closure: Option<Gc<Closure>>) -> Result<()> {
        let function: *const Function = self.image.function(func);
        // SAFETY: the image's tables never move while the program runs.
        match self.stack.enter(unsafe { &*function }, base, closure) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.stack_overflow()),
        }
    }

    /// As [`Vm::start_frame`], for a caller that does not know that the number of arguments is right. Those that are
    /// left out are marked so.
    fn start_checked(&mut self, func: FuncId, base: Window, argc: usize, closure: Option<Gc<Closure>>) -> Result<()> {
        let function = self.image.function(func);
        if !function.takes(argc) {
            return Err(self.wrong_arity(func, argc));
        }
        let missing = usize::from(function.params) - argc;
        self.start_frame(func, base, closure)?;
        (argc..argc + missing).for_each(|index| base.set(index as u16, Value::UNDEF));
        Ok(())
    }

    /// Checks that a value can be called with so many arguments, as its call would.
    pub(super) fn check_callable(&self, callee: Value, argc: usize) -> Result<()> {
        if let Callee::Function(func, _) = callee_of(callee) {
            return match self.image.function(func).takes(argc) {
                true => Ok(()),
                false => Err(self.wrong_arity(func, argc)),
            };
        }
        if let Some(index) = callee.as_builtin() {
            let spec = &BUILTINS[index];
            return check_arity(spec.name, spec.required, spec.params.len(), argc);
        }
        if let Some(object) = callee.as_struct() {
            let def = self.image.struct_def(object.id());
            return match def.init {
                Some(init) => self.check_callable(object.method(init), argc + 1),
                None if argc == 0 => Ok(()),
                None => Err(arity_error(self.image.str(def.name), 0, 0, argc)),
            };
        }
        match callee.as_bound_method() {
            Some(bound) => self.check_callable(bound.method, argc + 1),
            None => Err(Error::message(format!("Cannot call non-function '{}'", callee.tag().type_name()))),
        }
    }

    /// Whether a call of the value makes a task.
    pub(super) fn calls_async(&self, callee: Value) -> bool {
        let callee = callee.as_bound_method().map_or(callee, |bound| bound.method);
        match callee_of(callee) {
            Callee::Function(func, _) => self.image.program.functions[func.index()].kind == FunctionKind::Async,
            Callee::Other => false,
        }
    }

    #[cold]
    fn wrong_arity(&self, func: FuncId, argc: usize) -> Error {
        let function = self.image.function(func);
        // A method that is called on its struct without anything lacks its receiver.
        let receiver = usize::from(function.receiver).min(argc);
        let [required, most] =
            [function.required, function.params].map(|count| usize::from(count).saturating_sub(receiver));
        arity_error(self.image.str(function.name), required, most, argc - receiver)
    }

    /// Calls the value in `slot` with the arguments above it.
    #[inline(never)]
    pub(super) fn begin_call(&mut self, slot: Window, argc: u16) -> Result<Begun> {
        let callee = slot.get(Call::CALLEE);
        let args = slot.above(Call::ARGS);
        let count = usize::from(argc);
        if let Callee::Function(func, closure) = callee_of(callee) {
            self.start_checked(func, args, count, closure)?;
            return Ok(Begun::Frame);
        }
        match callee.tag() {
            Tag::Builtin => {
                let result = self.call_builtin(callee.bits() as usize, args, count)?;
                slot.set(Call::RESULT, result);
                Ok(Begun::Done)
            }
            Tag::Struct => {
                let Some(object) = callee.as_struct() else { unreachable!("the tag says so") };
                let id = object.id();
                let def = self.image.struct_def(id);
                match def.init.map(|init| (def.methods[init].func, object.method(init))) {
                    None if argc == 0 => {
                        let instance = self.new_instance(callee);
                        slot.set(New::INSTANCE, instance);
                        Ok(Begun::Done)
                    }
                    None => {
                        let name = self.image.str(def.name);
                        Err(arity_error(name, 0, 0, count))
                    }
                    Some((init, method)) => {
                        if !self.image.function(init).takes(count + 1) {
                            return Err(self.wrong_arity(init, count + 1));
                        }
                        if self.stack.make_room(slot, argc.saturating_add(3)).is_err() {
                            return Err(self.stack_overflow());
                        }
                        let instance = self.new_instance(callee);
                        args.shift(slot.above(New::ARGS), count);
                        slot.set(New::INSTANCE, instance);
                        slot.set(New::SELF, instance);
                        self.start_checked(init, slot.above(New::SELF), count + 1, method.as_closure())?;
                        Ok(Begun::Frame)
                    }
                }
            }
            Tag::BoundMethod => {
                let Some(bound) = callee.as_bound_method() else { unreachable!("the tag says so") };
                if self.stack.make_room(slot, argc.saturating_add(2)).is_err() {
                    return Err(self.stack_overflow());
                }
                args.shift(slot.above(MethodCall::ARGS), count);
                slot.set(Call::CALLEE, bound.method);
                slot.set(MethodCall::RECEIVER, bound.receiver);
                self.begin_call(slot, argc.saturating_add(1))
            }
            _ => Err(Error::message(format!("Cannot call non-function '{}'", callee.tag().type_name()))),
        }
    }

    /// Calls a native function with the arguments from `args` up.
    #[inline]
    pub(super) fn call_builtin(&mut self, index: usize, args: Window, count: usize) -> Result<Value> {
        // SAFETY: the arguments lie in the caller's window, below every frame that the native may start, so nothing
        // writes to them while it runs.
        self.call_builtin_with(index, unsafe { args.values(count) })
    }

    /// Calls a native function with arguments that survive a collection.
    #[inline]
    pub(super) fn call_builtin_with(&mut self, index: usize, args: &[Value]) -> Result<Value> {
        let spec = &BUILTINS[index];
        check_arity(spec.name, spec.required, spec.params.len(), args.len())?;
        if matches!(spec.effect, BuiltinEffect::Io | BuiltinEffect::Calls) {
            self.check_permission(spec)?;
        }
        let before = self.heap.bytes();
        let result = self.with_memory(|vm| builtins::FUNCTIONS[index](vm, args))?;
        if cfg!(debug_assertions) {
            let tags = match spec.result {
                BuiltinResult::Is(shape) => shape.tags,
                BuiltinResult::Number(_) => Tags::NUMBER,
                BuiltinResult::Same | BuiltinResult::OneOf | BuiltinResult::Gathered | BuiltinResult::Spawned => {
                    Tags::TASK
                }
            };
            self.hold_to_row(spec.name, result, tags, spec.memory, before)?;
            hold_arguments(spec.name, args, spec.takes)?;
        }
        Ok(result)
    }

    /// Whether the host lets the program call a built-in that reaches the outside world.
    fn check_permission(&self, spec: &BuiltinSpec) -> Result<()> {
        match Capability::needed(spec.module, spec.name) {
            Some(capability) if !self.io.host.permits(capability) => {
                Err(Error::message(format!("Not allowed: {}.{}", spec.module, spec.name)))
            }
            _ => Ok(()),
        }
    }

    /// Runs a native operation; if it wants memory, collects garbage and runs it once more.
    #[inline]
    pub fn with_memory<T>(&mut self, operation: impl FnMut(&mut Vm) -> Result<T>) -> Result<T> {
        let outer = self.heap.refusals().enter();
        let result = self.retrying(operation);
        self.heap.refusals().leave(outer);
        result
    }

    #[inline]
    fn retrying<T>(&mut self, mut operation: impl FnMut(&mut Vm) -> Result<T>) -> Result<T> {
        loop {
            match operation(self) {
                Err(error) if self.native.must_not_collect => return Err(error),
                Err(error) => {
                    let is_for_the_test = self.heap.refusals().is_for_the_test(&error);
                    self.make_memory(error)?;
                    if is_for_the_test {
                        continue;
                    }
                    return operation(self).map_err(|error| match error.kind() {
                        ErrorKind::NeedsMemory(bytes) => self.no_memory(*bytes),
                        _ => error,
                    });
                }
                done => return done,
            }
        }
    }

    /// Collects garbage if that is what the error asks for; any other error is handed back.
    #[cold]
    pub(super) fn make_memory(&mut self, error: Error) -> Result<()> {
        let ErrorKind::NeedsMemory(bytes) = *error.kind() else { return Err(error) };
        self.collect_garbage();
        if self.heap.refusals().is_for_the_test(&error) {
            return Ok(());
        }
        if self.heap.check_room(bytes).is_err() {
            self.collect_all_garbage();
            self.heap.give_back();
        }
        self.heap.check_room(bytes).map_err(|_| self.no_memory(bytes))
    }

    fn new_instance(&mut self, class: Value) -> Value {
        let Some(object) = class.as_struct() else { unreachable!("only structs make instances") };
        let slots = self.image.struct_def(object.id()).fields.len();
        Value::from_instance(Instance::new(&mut self.heap, object, slots as u16))
    }

    /// Makes an instance of a struct known to the compiler.
    pub(super) fn begin_new(&mut self, slot: Window, def: StructId) -> Result<Begun> {
        let class = self.image.struct_objects[def.index()];
        let instance = self.new_instance(class);
        let def = self.image.struct_def(def);
        slot.set(New::INSTANCE, instance);
        match def.init {
            None => Ok(Begun::Done),
            Some(init) => {
                let init = def.methods[init].func;
                slot.set(New::SELF, instance);
                self.start_frame(init, slot.above(New::SELF), None)?;
                Ok(Begun::Frame)
            }
        }
    }

    /// Runs a module's body if it has not begun.
    pub(super) fn begin_module(&mut self, slot: Window, module: ModuleId) -> Result<Begun> {
        let ModuleKind::File(body) = self.image.program.modules[module.index()].kind else { return Ok(Begun::Done) };
        if self.begun[module.index()] {
            return Ok(Begun::Done);
        }
        self.start_frame(body, slot.above(Call::ARGS), None)?;
        self.begun[module.index()] = true;
        Ok(Begun::Frame)
    }

    /// Calls the method that the site names of the receiver in `slot + 1`.
    #[inline]
    pub(super) fn begin_method_call(
        &mut self,
        slot: Window,
        argc: u16,
        frame: *mut Frame,
        site: SiteId,
    ) -> Result<Begun> {
        let receiver = slot.get(MethodCall::RECEIVER);
        let cache = self.site(frame, site);
        if let Some(instance) = receiver.as_instance() {
            if cache.key == Site::METHOD | instance.struct_id().0 && instance.extra().is_none() {
                // SAFETY: the cache holds functions of the image, which never move.
                let function = unsafe { &*cache.target };
                if usize::from(function.params) == usize::from(argc) + 1 {
                    return match self.stack.enter(function, slot.above(MethodCall::RECEIVER), None) {
                        Ok(()) => Ok(Begun::Frame),
                        Err(_) => Err(self.stack_overflow()),
                    };
                }
            }
        } else if cache.key == Site::BUILT_IN | receiver.tag() as u32
            && (cache.is_found || !self.has_entry(receiver, cache.name))
        {
            return self.call_builtin_method(cache.slot as usize, slot, argc);
        }
        self.begin_uncached_method_call(slot, argc, frame, site)
    }

    /// Whether the receiver is a dict with an entry of this name, which comes before the method.
    #[inline]
    pub(super) fn has_entry(&self, receiver: Value, name: Value) -> bool {
        match (receiver.as_dict(), name.as_str()) {
            (Some(dict), Some(name)) => dict.names_method() && dict.get_str(&self.heap, name).is_some(),
            _ => false,
        }
    }

    /// Calls a built-in method. The receiver and its arguments stand side by side.
    #[inline]
    fn call_builtin_method(&mut self, index: usize, slot: Window, argc: u16) -> Result<Begun> {
        // SAFETY: as in `call_builtin`.
        let args = unsafe { slot.above(MethodCall::RECEIVER).values(usize::from(argc) + 1) };
        let result = self.call_built_in_method_with(index, args)?;
        slot.set(Call::RESULT, result);
        Ok(Begun::Done)
    }

    /// Calls a built-in method with its receiver and arguments, which survive a collection.
    #[inline]
    pub(super) fn call_built_in_method_with(&mut self, index: usize, args: &[Value]) -> Result<Value> {
        let spec = &crate::bytecode::methods::METHODS[index];
        check_arity(spec.name, spec.required, spec.params.len(), args.len() - 1)?;
        let before = self.heap.bytes();
        let result = self.with_memory(|vm| methods::FUNCTIONS[index](vm, args))?;
        if cfg!(debug_assertions) {
            self.hold_to_row(spec.name, result, spec.rule.tags(), spec.memory, before)?;
            hold_arguments(spec.name, &args[1..], spec.takes)?;
        }
        Ok(result)
    }

    /// Compares what a call has done with what its row of the table says, which analysis and native code rely on.
    fn hold_to_row(&self, name: &str, result: Value, tags: Tags, memory: Memory, bytes_before: usize) -> Result<()> {
        let found = result.tag().kind();
        if !found.meets(tags) {
            return Err(Error::fatal(format!("internal error: '{name}' gives {found:?}, its row says {tags:?}")));
        }
        if memory == Memory::None && self.heap.bytes() > bytes_before {
            return Err(Error::fatal(format!("internal error: '{name}' allocates, its row says that it does not")));
        }
        Ok(())
    }

    #[inline(never)]
    fn begin_uncached_method_call(
        &mut self,
        slot: Window,
        argc: u16,
        frame: *mut Frame,
        site: SiteId,
    ) -> Result<Begun> {
        let is_found = self.site(frame, site).is_found;
        match self.look_up_method(slot.get(MethodCall::RECEIVER), frame, site, is_found)? {
            Found::Value(value) => self.call_without_receiver(slot, argc, value),
            Found::Method(func, closure) => {
                self.start_checked(func, slot.above(MethodCall::RECEIVER), usize::from(argc) + 1, closure)?;
                Ok(Begun::Frame)
            }
            Found::BuiltIn(index) => self.call_builtin_method(index, slot, argc),
        }
    }

    /// Looks up what a call of the site's method is to call, before its arguments are evaluated: a value found under
    /// that name, or `Undef` for a method.
    #[inline]
    pub(super) fn find_method(&mut self, receiver: Value, frame: *mut Frame, site: SiteId) -> Result<Value> {
        let cache = self.site(frame, site);
        let is_method = match receiver.as_instance() {
            Some(instance) => cache.key == Site::METHOD | instance.struct_id().0 && instance.extra().is_none(),
            None => cache.key == Site::BUILT_IN | receiver.tag() as u32 && receiver.tag() != Tag::Dict,
        };
        if is_method { Ok(Value::UNDEF) } else { self.find_uncached_method(receiver, frame, site) }
    }

    #[inline(never)]
    fn find_uncached_method(&mut self, receiver: Value, frame: *mut Frame, site: SiteId) -> Result<Value> {
        match self.look_up_method(receiver, frame, site, false)? {
            Found::Value(value) => Ok(value),
            Found::Method(..) | Found::BuiltIn(_) => Ok(Value::UNDEF),
        }
    }

    /// What a site's name means on a receiver; the site remembers it if it will mean that for all of the kind. Fields
    /// and entries come first, unless they have been looked through.
    fn look_up_method(&mut self, receiver: Value, frame: *mut Frame, site: SiteId, is_no_field: bool) -> Result<Found> {
        let name = self.site(frame, site).name;
        if let Some(instance) = receiver.as_instance() {
            if !is_no_field && let Some(value) = self.field(receiver, name) {
                return Ok(Found::Value(value));
            }
            let def = self.image.struct_def(instance.struct_id());
            let Some(position) = name.as_str().and_then(|name| def.method(name.as_str())) else {
                return Err(self.no_method(receiver, name));
            };
            let entry = &def.methods[position];
            let (func, takes_self, id) = (entry.func, entry.takes_self, def.id);
            // A field of this name would come first: only names that are no fixed slot may be remembered.
            let is_slot = name.as_str().is_some_and(|name| def.field(name.as_str()).is_some());
            let method = instance.class().method(position);
            if !takes_self {
                return Ok(Found::Value(method));
            }
            if method.tag() == Tag::Function && !is_slot {
                let target: *const Function = self.image.function(func);
                self.site_mut(frame, site).remember_method(id, position, target);
            }
            return Ok(Found::Method(func, method.as_closure()));
        }
        match receiver.tag() {
            Tag::Struct | Tag::Module => self.member(receiver, name).map(Found::Value),
            tag => {
                if !is_no_field
                    && let Some(dict) = receiver.as_dict()
                    && let Some(value) = dict.get(&self.heap, name)?
                {
                    return Ok(Found::Value(value));
                }
                let Some(index) = built_in_method(tag, name) else { return Err(self.no_method(receiver, name)) };
                self.site_mut(frame, site).remember_built_in(tag, index);
                Ok(Found::BuiltIn(index))
            }
        }
    }

    #[cold]
    fn no_method(&self, receiver: Value, name: Value) -> Error {
        let (text, tag) = (name_text(name), receiver.tag());
        let type_name = match receiver.as_instance() {
            Some(instance) => self.image.str(self.image.struct_def(instance.struct_id()).name),
            None if methods::receiver_of(tag).is_some() => tag.type_name(),
            None => {
                let type_name = tag.type_name();
                return Error::message(format!("Cannot call method '{text}' on value of type '{type_name}'"));
            }
        };
        Error::message(format!("Type '{type_name}' has no method '{text}'"))
    }

    /// Calls a value found under the method's name: the arguments move down over the receiver.
    fn call_without_receiver(&mut self, slot: Window, argc: u16, callee: Value) -> Result<Begun> {
        slot.above(MethodCall::ARGS).shift(slot.above(Call::ARGS), argc.into());
        slot.set(Call::CALLEE, callee);
        self.begin_call(slot, argc)
    }

    /// Lets a function take over the running frame with the arguments from `args` up.
    pub(super) fn replace_frame(&mut self, func: FuncId, args: Window, closure: Option<Gc<Closure>>) -> Result<()> {
        let frame = self.stack.frame();
        let function = self.image.function(func);
        // SAFETY: the frame is alive.
        let base = unsafe { (*frame).base };
        let (function_pointer, params): (*const Function, usize) = (function, function.params.into());
        if self.stack.make_room(base, function.registers).is_err() {
            return Err(self.stack_overflow());
        }
        args.shift(base, params);
        // SAFETY: the frame is alive, and the function belongs to the image.
        unsafe {
            *frame = Frame { function: function_pointer, base, pc: (*function_pointer).code, closure };
        }
        Ok(())
    }

    /// A call in tail position of the value in `slot`.
    pub(super) fn begin_tail_call(&mut self, slot: Window, argc: u16) -> Result<Begun> {
        let callee = slot.get(Call::CALLEE);
        let Callee::Function(func, closure) = callee_of(callee) else {
            let begun = self.begin_call(slot, argc)?;
            // What a constructor's frame returns is not its result.
            if begun == Begun::Frame && callee.tag() != Tag::Struct {
                self.replace_frame_below()?;
            }
            return Ok(begun);
        };
        let function = self.image.function(func);
        if !function.takes(argc.into()) {
            return Err(self.wrong_arity(func, argc.into()));
        }
        let missing = function.params - argc;
        if missing > 0 {
            if self.stack.make_room(slot, function.params.saturating_add(1)).is_err() {
                return Err(self.stack_overflow());
            }
            let args = slot.above(Call::ARGS);
            (argc..function.params).for_each(|index| args.set(index, Value::UNDEF));
        }
        self.replace_frame(func, slot.above(Call::ARGS), closure)?;
        Ok(Begun::Frame)
    }

    /// A method call in tail position. Started as any other, its frame then takes the place of the one below.
    pub(super) fn begin_tail_method_call(
        &mut self,
        slot: Window,
        argc: u16,
        frame: *mut Frame,
        site: SiteId,
    ) -> Result<Begun> {
        let begun = self.begin_method_call(slot, argc, frame, site)?;
        if begun == Begun::Frame {
            let started = *self.stack.frame_at(self.stack.depth());
            // A constructor starts one slot higher. Its result is not what its frame returns, so it keeps the frame
            // below.
            if started.base == slot.above(MethodCall::RECEIVER) {
                self.replace_frame_below()?;
            }
        }
        Ok(begun)
    }

    /// The frame that was just started takes the place of the one below.
    fn replace_frame_below(&mut self) -> Result<()> {
        let started = *self.stack.frame_at(self.stack.depth());
        self.stack.leave();
        // SAFETY: a frame's function lives as long as the image.
        let func = unsafe { (*started.function).id };
        self.replace_frame(func, started.base, started.closure)
    }
}

/// The built-in method of this name that values of a type have: its position in the table.
fn built_in_method(tag: Tag, name: Value) -> Option<usize> {
    find_method(methods::receiver_of(tag)?, name.as_str()?.as_str())
}

impl Site {
    fn remember_built_in(&mut self, tag: Tag, index: usize) {
        self.key = Site::BUILT_IN | tag as u32;
        self.slot = index as u32;
        self.target = std::ptr::null();
    }

    fn remember_method(&mut self, id: StructId, position: usize, target: *const Function) {
        self.key = Site::METHOD | id.0;
        self.slot = position as u32;
        self.target = target;
    }
}

/// Checks the number of arguments of a native, of which the last may be left out.
#[inline]
fn check_arity(name: &str, required: usize, most: usize, got: usize) -> Result<()> {
    if (required..=most).contains(&got) { Ok(()) } else { Err(arity_error(name, required, most, got)) }
}

/// Whether a call that has succeeded was given only what its row says that it takes. What always fails is told from the
/// rows.
fn hold_arguments(name: &str, args: &[Value], takes: &[Takes]) -> Result<()> {
    match args.iter().zip(takes).find(|(arg, takes)| !arg.tag().kind().meets(takes.tags)) {
        Some((arg, takes)) => Err(Error::fatal(format!(
            "internal error: '{name}' takes {:?}, its row says {:?}",
            arg.tag().kind(),
            takes.tags
        ))),
        None => Ok(()),
    }
}

#[cold]
fn arity_error(name: &str, required: usize, most: usize, got: usize) -> Error {
    Error::message(arity_message(name, required, most, got))
}
