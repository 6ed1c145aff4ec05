//! A verified program made ready to run: code in place, constants as values, one table entry per function.
//!
//! Invariant: the tables here are never resized after [`Image::new`], so pointers into them stay valid as long as the
//! image. Every index an instruction holds was proven by the verifier to be in range of the table it names.

use std::cell::OnceCell;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::heap::Heap;
use super::object::StructObject;
use super::ops::Names;
use super::value::Value;
use crate::bytecode::builtins::{BUILTINS, find_builtin};
use crate::bytecode::verify::limits;
use crate::bytecode::{
    BuiltinId, CaptureSource, ConstId, Constant, FuncId, FunctionKind, Handler, Method, ModuleId, ModuleKind, Op,
    Program, Reg, StrId, StructDef, StructId, VerifiedProgram,
};

/// A function as the interpreter and native code see it.
#[derive(Debug)]
#[repr(C)]
pub struct Function {
    /// The first instruction.
    pub code: *const Op,
    /// The inline caches of the function's sites.
    pub sites: *mut Site,
    pub registers: u16,
    /// Parameters, `self` included.
    pub params: u16,
    /// How many of them have no default.
    pub required: u16,
    /// 1 if the first parameter is the receiver, which messages about arity do not count.
    pub receiver: u16,
    pub id: FuncId,
    pub name: StrId,
    pub handlers: Box<[Handler]>,
    pub captures: Box<[CaptureSource]>,
}

impl Function {
    /// Whether it may be called with so many arguments, the receiver among them.
    pub fn takes(&self, count: usize) -> bool {
        (usize::from(self.required)..=usize::from(self.params)).contains(&count)
    }
}

/// The inline cache of one member access or method call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Site {
    /// What the cache knows: for a member the number of a struct, whose instances have the field; for a method that
    /// number with [`Site::METHOD`], or the tag of a type with [`Site::BUILT_IN`]; [`Site::EMPTY`] if nothing. So a
    /// cache is never taken for one of another kind.
    pub key: u32,
    /// For a member: the field's slot. For a method of a struct: its position in the definition. For a built-in method:
    /// its position in the table of methods.
    pub slot: u32,
    /// For a method of a struct: the function to call, if it captures nothing. Null otherwise.
    pub target: *const Function,
    /// The member's name, a string.
    pub name: Value,
    /// Calls of the site come behind a `FindMethod` that has found a method, so they do not look for values of that
    /// name.
    pub is_found: bool,
}

impl Site {
    /// No struct has this number: the verifier limits them.
    pub const EMPTY: u32 = u32::MAX;
    /// With this bit set, and not the other, the key is a struct whose method the cache knows.
    pub const METHOD: u32 = 1 << 30;
    /// With this bit set the key is the tag of a type with built-in methods.
    pub const BUILT_IN: u32 = 1 << 31;
}

const _: () =
    assert!(limits::STRUCTS <= Site::METHOD as usize, "a struct's number leaves the bits free that tell caches apart");

/// A struct definition with what lookups need.
#[derive(Debug)]
pub struct Struct {
    pub id: StructId,
    pub name: StrId,
    /// Names of the fixed slots. Shared, as many structs may have fields of one long name.
    pub fields: Box<[Rc<str>]>,
    pub methods: Box<[MethodEntry]>,
    /// Position of `init` in `methods`.
    pub init: Option<usize>,
}

#[derive(Debug)]
pub struct MethodEntry {
    pub name: Rc<str>,
    pub func: FuncId,
    pub takes_self: bool,
}

impl Struct {
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| **field == *name)
    }

    pub fn method(&self, name: &str) -> Option<usize> {
        self.methods.iter().position(|method| *method.name == *name)
    }
}

/// See the module documentation.
pub struct Image {
    pub program: VerifiedProgram,
    pub functions: Box<[Function]>,
    sites: Box<[Site]>,
    pub constants: Box<[Value]>,
    pub structs: Box<[Struct]>,
    /// For each struct whose methods capture nothing: its one struct object. Void for the others.
    pub struct_objects: Box<[Value]>,
    /// Positions in [`BUILTINS`] of the built-ins that the program names.
    pub builtins: Box<[usize]>,
    /// See [`Names::own_fields`]; found out when it is first asked for.
    own_fields: OnceCell<Box<[usize]>>,
}

/// For each struct, how many of its first slots reach to the last one that a method assigns as `self.name`.
fn own_fields(program: &Program) -> Box<[usize]> {
    let assigned = |method: &Method| {
        let function = &program.functions[method.func.index()];
        let sites = &program.sites[function.sites.range()];
        program.code[function.code.range()].iter().filter_map(move |op| match *op {
            Op::SetMember { object: Reg(0), site, .. } => sites.get(site.index()).copied(),
            _ => None,
        })
    };
    let of_struct = |def: &StructDef| {
        let methods = def.methods.iter().filter(|method| method.takes_self);
        let name = |id: StrId| program.strings.get(id);
        let names: FxHashSet<Option<&str>> = methods.flat_map(assigned).map(name).collect();
        def.fields.iter().rposition(|&field| names.contains(&name(field))).map_or(0, |last| last + 1)
    };
    program.structs.iter().map(of_struct).collect()
}

impl Image {
    pub fn new(program: VerifiedProgram, heap: &mut Heap) -> Image {
        let string = |id: StrId| program.strings.get(id).expect("the verifier checks string ids");
        // A string of the file becomes one value however many entries name it, or a small file could fill the memory.
        let mut values = vec![Value::VOID; program.strings.len()];
        let mut value_of = |id: StrId| {
            let value = &mut values[id.index()];
            if value.is_void() {
                *value = heap.str_value(string(id));
            }
            *value
        };
        let constants: Box<[Value]> = program
            .constants
            .iter()
            .map(|constant| match *constant {
                Constant::Int(value) => Value::int(value),
                Constant::Float(bits) => Value::float(f64::from_bits(bits)),
                Constant::Str(id) => value_of(id),
            })
            .collect();
        let mut sites: Box<[Site]> = program
            .sites
            .iter()
            .map(|&name| Site {
                key: Site::EMPTY,
                slot: 0,
                target: std::ptr::null(),
                name: value_of(name),
                is_found: false,
            })
            .collect();
        for function in &program.functions {
            for op in &program.code[function.code.range()] {
                if let Op::FindMethod { site, .. } = op {
                    sites[function.sites.start as usize + site.index()].is_found = true;
                }
            }
        }
        let async_methods: FxHashSet<FuncId> = program
            .structs
            .iter()
            .flat_map(|def| &def.methods)
            .filter(|method| method.takes_self && program.functions[method.func.index()].kind == FunctionKind::Async)
            .map(|method| method.func)
            .collect();
        let functions = program
            .functions
            .iter()
            .enumerate()
            .map(|(index, function)| Function {
                code: &program.code[function.code.start as usize],
                sites: sites[function.sites.range()].as_mut_ptr(),
                registers: function.registers,
                params: function.params,
                receiver: match function.kind {
                    FunctionKind::Method(_) => 1,
                    FunctionKind::Async => async_methods.contains(&FuncId(index as u32)).into(),
                    _ => 0,
                },
                required: function.required,
                id: FuncId(index as u32),
                name: function.name,
                handlers: function.handlers.clone().into(),
                captures: function.captures.clone().into(),
            })
            .collect();
        let mut names: Vec<Option<Rc<str>>> =
            vec![None; if program.structs.is_empty() { 0 } else { program.strings.len() }];
        let mut name_of = |id: StrId| Rc::clone(names[id.index()].get_or_insert_with(|| string(id).into()));
        let structs: Box<[Struct]> = program
            .structs
            .iter()
            .enumerate()
            .map(|(index, def)| Struct {
                id: StructId(index as u32),
                name: def.name,
                fields: def.fields.iter().map(|&field| name_of(field)).collect(),
                methods: def
                    .methods
                    .iter()
                    .map(|method| MethodEntry {
                        name: name_of(method.name),
                        func: method.func,
                        takes_self: method.takes_self,
                    })
                    .collect(),
                init: def.methods.iter().position(|method| string(method.name) == "init"),
            })
            .collect();
        let struct_objects = structs
            .iter()
            .map(|def| {
                let captures_nothing =
                    def.methods.iter().all(|method| program.functions[method.func.index()].captures.is_empty());
                if captures_nothing {
                    let methods: Vec<Value> = def.methods.iter().map(|method| Value::function(method.func)).collect();
                    Value::from_struct(StructObject::new(heap, def.id, &methods))
                } else {
                    Value::VOID
                }
            })
            .collect();
        let builtins = program
            .builtins
            .iter()
            .map(|builtin| {
                find_builtin(string(builtin.module), string(builtin.name)).expect("the verifier checks builtins")
            })
            .collect();
        Image { functions, sites, constants, structs, struct_objects, builtins, own_fields: OnceCell::new(), program }
    }

    #[inline(always)]
    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.index()]
    }

    #[inline(always)]
    pub fn constant(&self, id: ConstId) -> Value {
        self.constants[id.index()]
    }

    pub fn struct_def(&self, id: StructId) -> &Struct {
        &self.structs[id.index()]
    }

    pub fn builtin(&self, id: BuiltinId) -> usize {
        self.builtins[id.index()]
    }

    pub fn str(&self, id: StrId) -> &str {
        self.program.strings.get(id).expect("the verifier checks string ids")
    }

    /// The import path of a standard module (`std/math`); `None` for a file.
    pub fn std_path(&self, module: ModuleId) -> Option<&str> {
        match self.program.modules[module.index()].kind {
            ModuleKind::Std(path) => Some(self.str(path)),
            ModuleKind::File(_) => None,
        }
    }

    /// Calls `visit` with every value the image holds on to.
    pub fn for_each_root(&self, mut visit: impl FnMut(Value)) {
        self.constants.iter().chain(&self.struct_objects).for_each(|&value| visit(value));
        self.sites.iter().for_each(|site| visit(site.name));
    }
}

impl Names for Image {
    fn function_name(&self, id: FuncId) -> &str {
        self.str(self.function(id).name)
    }

    fn function_is_async(&self, id: FuncId) -> bool {
        self.program.functions[id.index()].kind == FunctionKind::Async
    }

    fn struct_name(&self, id: StructId) -> &str {
        self.str(self.struct_def(id).name)
    }

    fn field_name(&self, id: StructId, slot: usize) -> Option<&str> {
        let name = *self.program.structs[id.index()].fields.get(slot)?;
        Some(self.str(name))
    }

    fn own_fields(&self, id: StructId) -> usize {
        self.own_fields.get_or_init(|| own_fields(&self.program))[id.index()]
    }

    fn module_name(&self, id: ModuleId) -> &str {
        self.str(self.program.modules[id.index()].name)
    }

    fn module_is_empty(&self, id: ModuleId) -> bool {
        let module = &self.program.modules[id.index()];
        module.exports.is_empty() && self.std_path(id).is_none()
    }

    fn builtin_name(&self, index: usize) -> &str {
        BUILTINS[index].name
    }
}
