//! What the tier asks about the loaded program while it compiles.

use crate::bytecode::methods::find_method;
use crate::bytecode::{FuncId, GlobalId, Program, Reg, SiteId, StructId};
use crate::runtime::call::{Callee, callee_of};
use crate::runtime::image::Image;
use crate::runtime::methods::receiver_of;
use crate::runtime::object::{Closure, Gc};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// What a call of a value comes to.
#[derive(Clone, Copy)]
pub struct Called {
    pub func: FuncId,
    pub closure: Option<Gc<Closure>>,
    /// What the method that is called is bound to: its first argument.
    pub receiver: Option<Value>,
}

impl Vm {
    /// The program as data.
    pub fn program(&self) -> &Program {
        &self.image.program
    }

    /// The loaded program.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The address of the strings of one ASCII character, by its number. They stay where they are, and are the only
    /// ones of their texts.
    pub fn char_table(&self) -> usize {
        self.heap.short_strings().as_ptr() as usize
    }

    /// The ASCII character that a string of one is, or none.
    pub fn ascii_char(&self, text: Value) -> Option<u8> {
        text.as_str().filter(|text| text.byte_len() == 1).map(|text| text.as_str().as_bytes()[0])
    }

    /// The empty string, of which there is no other.
    pub fn empty_text(&self) -> Value {
        Value::from_str(self.heap.empty_str())
    }

    /// The value of a global, `Undef` if its `let` has not run.
    pub fn global(&self, global: GlobalId) -> Value {
        self.globals[global.index()]
    }

    /// The member name of a site of a function.
    pub fn site_name(&self, func: FuncId, site: SiteId) -> &str {
        let function = &self.image.program.functions[func.index()];
        self.image.str(self.image.program.sites[function.sites.start as usize + site.index()])
    }

    /// The member name of a site of a function, as a string that lives as long as the program.
    pub fn site_name_value(&self, func: FuncId, site: SiteId) -> Value {
        let function = self.image.function(func);
        assert!(site.index() < self.image.program.functions[func.index()].sites.len as usize, "no such site");
        // SAFETY: a function's sites are as many as the program says.
        unsafe { (*function.sites.add(site.index())).name }
    }

    /// Whether a function takes that many arguments.
    pub fn takes(&self, func: FuncId, argc: u16) -> bool {
        self.image.function(func).params == argc
    }

    /// The function that a call of a method comes to for instances of a struct which have no fields beside their fixed
    /// slots: `None` unless it takes the receiver, captures nothing, and takes as many arguments.
    pub fn plain_method(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        self.own_method(id, name, argc).filter(|_| self.image.struct_def(id).field(name).is_none())
    }

    /// The function of a method that is looked for in the struct alone, whatever fields an instance has: `None` unless
    /// it takes the receiver, captures nothing, and takes as many arguments.
    pub fn own_method(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        let def = self.image.struct_def(id);
        let method = &def.methods[def.method(name)?];
        let function = self.image.function(method.func);
        let plain = method.takes_self && function.captures.is_empty() && function.params == argc.checked_add(1)?;
        plain.then_some(method.func)
    }

    /// Whether a call of a method of instances as in [`Vm::plain_method`] comes to a method that takes the receiver.
    pub fn has_plain_method(&self, id: StructId, name: &str) -> bool {
        let def = self.image.struct_def(id);
        def.field(name).is_none() && def.method(name).is_some_and(|method| def.methods[method].takes_self)
    }

    /// The function that a call of a method through the struct itself comes to: `None` unless it captures nothing and
    /// takes as many arguments.
    pub fn method_of_struct(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        let def = self.image.struct_def(id);
        let method = &def.methods[def.method(name)?];
        let function = self.image.function(method.func);
        (function.captures.is_empty() && function.params == argc).then_some(method.func)
    }

    /// What a call of a value comes to, if that is a function of the program.
    pub fn called(callee: Value) -> Option<Called> {
        let (callee, receiver) = match callee.as_bound_method() {
            Some(bound) => (bound.method, Some(bound.receiver)),
            None => (callee, None),
        };
        match callee_of(callee) {
            Callee::Function(func, closure) => Some(Called { func, closure, receiver }),
            Callee::Other => None,
        }
    }

    /// As [`Vm::called`], if that takes just so many arguments.
    pub fn called_with(&self, callee: Value, argc: u16) -> Option<Called> {
        let with_receiver = |called: &Called| argc.saturating_add(called.receiver.is_some().into());
        Vm::called(callee).filter(|called| self.takes(called.func, with_receiver(called)))
    }

    /// What is in the field of the receiver's struct, or the entry of the dict, that a call of a member at the top
    /// frame reads. Where the method was found before the arguments were evaluated, these no longer matter.
    pub fn called_field(&self, base: Reg, site: SiteId) -> Option<Value> {
        if self.site(self.stack.frame(), site).is_found {
            return None;
        }
        let receiver = self.top_register(u32::from(base.0) + 1);
        if let Some(dict) = receiver.as_dict() {
            return dict.get(&self.heap, self.site_name_value(self.top_function(), site)).ok()?;
        }
        let instance = receiver.as_instance()?;
        let name = self.site_name(self.top_function(), site);
        let slot = self.image.struct_def(instance.struct_id()).field(name)?;
        Some(instance.slot(slot))
    }

    /// The function that `New` calls to initialise instances of a struct.
    pub fn init_of_struct(&self, def: StructId) -> Option<FuncId> {
        let def = self.image.struct_def(def);
        Some(def.methods[def.init?].func)
    }

    /// Whether a method call comes to a built-in method, so that it starts no frame.
    pub fn calls_built_in(&self, base: Reg, site: SiteId) -> bool {
        let receiver = self.top_register(u32::from(base.0) + 1);
        let name = self.site_name(self.top_function(), site);
        let is_known = receiver_of(receiver.tag()).is_some_and(|kind| find_method(kind, name).is_some());
        let is_found = self.site(self.stack.frame(), site).is_found;
        is_known && (is_found || !self.has_entry(receiver, self.site_name_value(self.top_function(), site)))
    }

    /// Addresses that a call in native code needs: the function, and the instruction to go on at.
    pub fn call_addresses(&self, func: FuncId, return_pc: u32) -> [usize; 2] {
        let function = self.image.function(func);
        let return_pc = &raw const self.image.program.code[return_pc as usize];
        [&raw const *function as usize, return_pc as usize]
    }
}
