//! Member access: fields of instances through inline caches, methods as values, names of modules, entries of dicts.

use super::error::{Error, Result};
use super::image::Site;
use super::object::BoundMethod;
use super::ops::index::{get_index, set_index};
use super::stack::Frame;
use super::value::{Tag, Value};
use super::vm::Vm;
use crate::bytecode::builtins::builtins_of;
use crate::bytecode::op::HeapUse;
use crate::bytecode::{ModuleId, SiteId};

/// The text of a member's name, for messages.
#[cold]
pub(super) fn name_text(name: Value) -> String {
    name.as_str().map_or_else(String::new, |name| name.as_str().to_owned())
}

impl Vm {
    #[inline(always)]
    pub(super) fn site(&self, frame: *mut Frame, site: SiteId) -> Site {
        // SAFETY: the frame is alive, and the verifier proved the site to be one of its function's.
        unsafe { *(*(*frame).function).sites.add(site.index()) }
    }

    #[inline(always)]
    pub(super) fn site_mut(&mut self, frame: *mut Frame, site: SiteId) -> &mut Site {
        // SAFETY: as for `site`; sites are only reached through `&mut self`.
        unsafe { &mut *(*(*frame).function).sites.add(site.index()) }
    }

    /// The field that the site remembers for instances of this struct, if it is assigned.
    #[inline(always)]
    pub(super) fn cached_field(&self, object: Value, frame: *mut Frame, site: SiteId) -> Option<Value> {
        let instance = object.as_instance()?;
        self.touches(HeapUse::FIELDS);
        // SAFETY: as for `site`.
        let cache = unsafe { &*(*(*frame).function).sites.add(site.index()) };
        if cache.key != instance.struct_id().0 {
            return None;
        }
        let value = instance.slot(cache.slot as usize);
        if value.is_undef() { None } else { Some(value) }
    }

    /// Assigns the field that the site remembers; false if it knows none for this struct.
    #[inline(always)]
    pub(super) fn set_cached_field(&mut self, object: Value, value: Value, frame: *mut Frame, site: SiteId) -> bool {
        let Some(instance) = object.as_instance() else { return false };
        self.touches(HeapUse::FIELDS);
        // SAFETY: as for `site`.
        let cache = unsafe { &*(*(*frame).function).sites.add(site.index()) };
        if cache.key != instance.struct_id().0 {
            return false;
        }
        instance.set_slot(cache.slot as usize, value);
        true
    }

    #[inline(never)]
    pub(super) fn member_at(&mut self, object: Value, frame: *mut Frame, site: SiteId) -> Result<Value> {
        let name = self.site(frame, site).name;
        self.remember_field(object, name, frame, site);
        self.member(object, name)
    }

    #[inline(never)]
    pub(super) fn set_member_at(&mut self, object: Value, value: Value, frame: *mut Frame, site: SiteId) -> Result<()> {
        let name = self.site(frame, site).name;
        self.remember_field(object, name, frame, site);
        self.set_member(object, name, value)
    }

    /// Fills the site's cache if the name is a fixed slot of the instance's struct.
    fn remember_field(&mut self, object: Value, name: Value, frame: *mut Frame, site: SiteId) {
        let Some(instance) = object.as_instance() else { return };
        let Some(name) = name.as_str() else { return };
        let id = instance.struct_id();
        if let Some(slot) = self.image.struct_def(id).field(name.as_str()) {
            let cache = self.site_mut(frame, site);
            cache.key = id.0;
            cache.slot = slot as u32;
        }
    }

    /// An instance's own field of this name.
    pub(super) fn field(&self, object: Value, name: Value) -> Option<Value> {
        let instance = object.as_instance()?;
        self.touches(HeapUse::FIELDS);
        let name = name.as_str()?;
        match self.image.struct_def(instance.struct_id()).field(name.as_str()) {
            Some(slot) => Some(instance.slot(slot)).filter(|value| !value.is_undef()),
            None => instance.extra_field(&self.heap, name),
        }
    }

    /// `object.name`; `name` is a string.
    pub(super) fn member(&mut self, object: Value, name: Value) -> Result<Value> {
        let found = match object.tag() {
            Tag::Instance => match self.field(object, name) {
                Some(value) => Some(value),
                None => self.method_value(object, name),
            },
            Tag::Struct => object.as_struct().and_then(|class| {
                let name = name.as_str()?;
                let position = self.image.struct_def(class.id()).method(name.as_str())?;
                Some(class.method(position))
            }),
            Tag::Module => match object.as_module() {
                Some(module) => self.module_member(module, name)?,
                None => None,
            },
            Tag::Dict => match object.as_dict() {
                Some(dict) => dict.get(&self.heap, name)?,
                None => None,
            },
            Tag::Range => object.as_range().and_then(|range| match name.as_str()?.as_str() {
                "start" => Some(Value::int(range.start)),
                "end" => Some(Value::int(range.end)),
                _ => None,
            }),
            _ => None,
        };
        found.ok_or_else(|| self.no_member(object, name))
    }

    #[cold]
    fn no_member(&self, object: Value, name: Value) -> Error {
        let type_name = match object.as_instance() {
            Some(instance) => self.image.str(self.image.struct_def(instance.struct_id()).name),
            None => object.tag().type_name(),
        };
        Error::message(format!("Type '{type_name}' has no member '{}'", name_text(name)))
    }

    /// A method of an instance's struct as a value: bound to the instance if it takes `self`.
    fn method_value(&mut self, object: Value, name: Value) -> Option<Value> {
        let instance = object.as_instance()?;
        let def = self.image.struct_def(instance.struct_id());
        let position = def.method(name.as_str()?.as_str())?;
        let method = instance.class().method(position);
        if def.methods[position].takes_self {
            Some(Value::from_bound_method(BoundMethod::new(&mut self.heap, object, method)))
        } else {
            Some(method)
        }
    }

    fn module_member(&self, module: ModuleId, name: Value) -> Result<Option<Value>> {
        let Some(name) = name.as_str() else { return Ok(None) };
        if let Some(path) = self.image.std_path(module) {
            return Ok(builtins_of(path)
                .find(|(_, builtin)| builtin.name == name.as_str())
                .map(|(index, _)| Value::builtin(index)));
        }
        let exports = &self.image.program.modules[module.index()].exports;
        let Some(export) = exports.iter().find(|export| self.image.str(export.name) == name.as_str()) else {
            return Ok(None);
        };
        self.touches(HeapUse::GLOBALS);
        let value = self.globals[export.global.index()];
        if value.is_undef() { Err(self.undefined_global(export.global)) } else { Ok(Some(value)) }
    }

    /// Name and value of each defined name of a module, in order.
    pub(super) fn module_names(&self, module: ModuleId) -> impl Iterator<Item = (&str, Value)> {
        self.touches(HeapUse::GLOBALS);
        let builtins = self.image.std_path(module).into_iter().flat_map(builtins_of);
        let exports = self.image.program.modules[module.index()].exports.iter();
        let exports = exports.map(|export| (self.image.str(export.name), self.globals[export.global.index()]));
        builtins
            .map(|(index, builtin)| (builtin.name, Value::builtin(index)))
            .chain(exports.filter(|(_, value)| !value.is_undef()))
    }

    /// `object.name = value`; `name` is a string.
    pub(super) fn set_member(&mut self, object: Value, name: Value, value: Value) -> Result<()> {
        if let (Some(instance), Some(text)) = (object.as_instance(), name.as_str()) {
            self.touches(HeapUse::FIELDS);
            match self.image.struct_def(instance.struct_id()).field(text.as_str()) {
                Some(slot) => instance.set_slot(slot, value),
                None => instance.set_extra_field(&mut self.heap, text, value)?,
            }
            return Ok(());
        }
        match object.as_dict() {
            Some(dict) => {
                self.touches(HeapUse::DICTS);
                dict.insert(&mut self.heap, name, value).map(|_| ())
            }
            None => Err(Error::message(format!("Cannot assign into type '{}'", object.tag().type_name()))),
        }
    }

    /// `object[index]`.
    #[inline(never)]
    pub(super) fn index(&mut self, object: Value, index: Value) -> Result<Value> {
        if matches!(object.tag(), Tag::Module | Tag::Instance) && index.tag() == Tag::Str {
            return self.member(object, index);
        }
        get_index(&mut self.heap, &self.image, object, index)
    }

    /// `object[index] = value`.
    #[inline(never)]
    pub(super) fn set_index(&mut self, object: Value, index: Value, value: Value) -> Result<()> {
        if object.tag() == Tag::Instance && index.tag() == Tag::Str {
            return self.set_member(object, index, value);
        }
        // Anything else is an error.
        match object.tag() {
            Tag::Dict => self.touches(HeapUse::DICTS),
            Tag::List => self.touches(HeapUse::LISTS),
            _ => {}
        }
        set_index(&mut self.heap, object, index, value)
    }
}
