//! From region IR to executable memory.
//!
//! Helpers are called at absolute addresses, so the code has no relocations and is just copied into memory that is then made executable: it is
//! never writable and executable at once.

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, FinalizedRelocTarget, control::ControlPlane};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{ArenaMemoryProvider, BranchProtection, JITMemoryKind, JITMemoryProvider};

use super::build::Refusal;
use super::emit::{self, EmitOptions};
use super::ir::*;
use crate::runtime::native::NativeCode;

/// Address space for code. Pages are taken as code is made.
const CODE_SPACE: usize = 64 << 20;

/// Which stages to print.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dump {
    pub region: bool,
    pub clif: bool,
    pub asm: bool,
}

/// Code that can be entered.
pub struct Compiled {
    pub code: NativeCode,
    pub size: usize,
    /// What `dump` asked for of this stage.
    pub text: String,
}

/// The compiler proper, made when it is first needed.
pub struct Backend {
    isa: OwnedTargetIsa,
    context: Context,
    registers: regalloc2::Ctx,
    builder: FunctionBuilderContext,
    memory: ArenaMemoryProvider,
}

impl Backend {
    /// A backend for this machine; `None` if Cranelift does not support it or no memory is to be had.
    pub fn new() -> Option<Backend> {
        if cfg!(windows) {
            // Native code returns two words in registers, which the C calling convention of Windows does not do.
            return None;
        }
        let mut flags = settings::builder();
        let options = [
            ("opt_level", "none"),
            ("regalloc_algorithm", "backtracking"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
            ("is_pic", "false"),
            ("use_colocated_libcalls", "false"),
            ("unwind_info", "false"),
            ("enable_probestack", "false"),
            ("enable_heap_access_spectre_mitigation", "false"),
            ("enable_table_access_spectre_mitigation", "false"),
        ];
        for (name, value) in options {
            flags.set(name, value).ok()?;
        }
        let isa = cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()?;
        Some(Backend {
            isa,
            context: Context::new(),
            registers: regalloc2::Ctx::default(),
            builder: FunctionBuilderContext::new(),
            memory: ArenaMemoryProvider::new_with_size(CODE_SPACE).ok()?,
        })
    }

    /// Compiles a region of a size for nothing: the first compilations of a process cost several times what later ones do, because the compiler
    /// itself has to come into memory and caches.
    pub fn warm_up(&mut self, size: u32) {
        // The code is never entered; what matters is that the compiler has run.
        let warmed = self.compile(&sample(size), EmitOptions::default(), Dump::default());
        debug_assert!(warmed.is_ok());
    }

    /// Compiles a region.
    pub fn compile(&mut self, region: &Region, options: EmitOptions, dump: Dump) -> Result<Compiled, Refusal> {
        let mut text = String::new();
        self.context.clear();
        emit::emit(region, &*self.isa, options, &mut self.context.func, &mut self.builder);
        if dump.clif {
            text.push_str(&self.context.func.display().to_string());
        }
        // As `Context::compile` does, but without its passes over the whole function: there is no unreachable code, no alias, and no parameter that is
        // always the same value, as the passes over the region have seen to that.
        self.context.compute_cfg();
        self.context.compute_domtree();
        let compiled = self.context.verify_if(&*self.isa).and_then(|()| {
            let Context { func, domtree, .. } = &self.context;
            self.isa.compile_function(func, domtree, &mut self.registers, dump.asm, &mut ControlPlane::default())
        });
        let code = match compiled {
            Ok(code) => code,
            Err(error) => {
                debug_assert!(false, "{error:?}");
                return Err(Refusal::Backend);
            }
        };
        if let Some(asm) = &code.vcode {
            text.push_str(asm);
        }
        // Without relocations the bytes may be put anywhere.
        let relocations = code.buffer.relocs();
        if relocations.iter().any(|reloc| !matches!(reloc.target, FinalizedRelocTarget::Func(_)))
            || !relocations.is_empty()
        {
            return Err(Refusal::Backend);
        }
        let bytes = code.code_buffer();
        let place = self.memory.allocate(bytes.len(), 64, JITMemoryKind::Executable).map_err(|_| Refusal::Budget)?;
        // SAFETY: the provider gave `bytes.len()` writable bytes that nothing else uses.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        let size = bytes.len();
        self.memory.finalize(BranchProtection::None).map_err(|_| Refusal::Budget)?;
        // SAFETY: the bytes are a function of this signature for this machine, and executable now. The memory is never freed.
        let code = unsafe { std::mem::transmute::<*mut u8, NativeCode>(place) };
        Ok(Compiled { code, size, text })
    }
}

/// A region like those that programs have: a loop over lists of ints and floats, with so many accesses.
fn sample(size: u32) -> Region {
    let mut region = Region::default();
    let (vm, base) = (region.new_val(Repr::I64), region.new_val(Repr::I64));
    let (entry, header) = (region.new_block(0), region.new_block(0));
    region.order = vec![entry, header];
    let count = def(&mut region, entry, Repr::I64, frame(base, 8, Repr::I64));
    let start = def(&mut region, entry, Repr::F64, frame(base, 24, Repr::F64));
    region.block_mut(entry).end = Terminator::Jump(header, vec![count, start]);
    let (index, mut sum) = (region.new_val(Repr::I64), region.new_val(Repr::F64));
    let block = region.block_mut(header);
    block.params = vec![index, sum];
    block.is_loop_header = true;
    for at in 0..size {
        let list = def(&mut region, entry, Repr::I64, frame(base, 32 + 16 * at as i32, Repr::I64));
        let load = |offset| Inst::Load { mem: Mem::Header, base: list, offset, repr: Repr::I64, width: Width::Full };
        let len = def(&mut region, entry, Repr::I64, load(8));
        let data = def(&mut region, entry, Repr::I64, load(24));
        let inside = def(&mut region, header, Repr::Bool, Inst::Icmp(Compare::Below, index, len));
        let values = vec![
            (Home::Register(0), Boxed { tag: BoxedTag::Known(0), payload: index }),
            (Home::Register(1), Boxed { tag: BoxedTag::Known(1), payload: sum }),
        ];
        region.exits.push(Exit { values, ..Exit::plain(ExitReason::Bounds, 0) });
        let exit = ExitId(region.exits.len() as u32 - 1);
        region.block_mut(header).insts.push((None, Inst::Guard { condition: inside, expect: true, exit }));
        let read = Inst::LoadElement { element: Element::Float, data, index };
        let element = def(&mut region, header, Repr::F64, read);
        let product = def(&mut region, header, Repr::F64, Inst::Binary(Binary::Fmul, element, element));
        sum = def(&mut region, header, Repr::F64, Inst::Binary(Binary::Fadd, sum, product));
        let write = Inst::StoreElement { element: Element::Float, data, index, value: sum };
        region.block_mut(header).insts.push((None, write));
    }
    let one = def(&mut region, header, Repr::I64, Inst::Int(1));
    let next = def(&mut region, header, Repr::I64, Inst::Binary(Binary::Iadd, index, one));
    let more = def(&mut region, header, Repr::Bool, Inst::Icmp(Compare::Lt, next, vm));
    region.exits.push(Exit::plain(ExitReason::LoopDone, 0));
    let exit = ExitId(region.exits.len() as u32 - 1);
    region.block_mut(header).insts.push((None, Inst::Guard { condition: more, expect: true, exit }));
    region.block_mut(header).end = Terminator::Jump(header, vec![next, sum]);
    region
}

fn frame(base: Val, offset: i32, repr: Repr) -> Inst {
    Inst::Load { mem: Mem::Frame, base, offset, repr, width: Width::Full }
}

fn def(region: &mut Region, block: BlockId, repr: Repr, inst: Inst) -> Val {
    let val = region.new_val(repr);
    region.block_mut(block).insts.push((Some(val), inst));
    val
}
