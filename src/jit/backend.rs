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
    builder: FunctionBuilderContext,
    memory: ArenaMemoryProvider,
}

impl Backend {
    /// A backend for this machine; `None` if Cranelift does not support it or no memory is to be had.
    pub fn new() -> Option<Backend> {
        let mut flags = settings::builder();
        let options = [
            ("opt_level", "speed"),
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
            builder: FunctionBuilderContext::new(),
            memory: ArenaMemoryProvider::new_with_size(CODE_SPACE).ok()?,
        })
    }

    /// A backend that has compiled something: the first compilation of a process costs several times what later ones do.
    pub fn warm() -> Option<Backend> {
        let mut backend = Backend::new()?;
        let mut region = Region::default();
        let (vm, base) = (region.new_val(Repr::I64), region.new_val(Repr::I64));
        let (entry, header) = (region.new_block(0), region.new_block(0));
        region.order = vec![entry, header];
        let exit = Exit { reason: ExitReason::LoopDone, pc: 0, frames: Vec::new(), values: Vec::new() };
        region.exits.push(exit);
        let number = region.new_val(Repr::I64);
        region
            .block_mut(entry)
            .insts
            .push((Some(number), Inst::Load { mem: Mem::Frame, base, offset: 0, repr: Repr::I64, width: Width::Full }));
        region.block_mut(entry).end = Terminator::Jump(header, vec![number]);
        let (param, sum, less) = (region.new_val(Repr::I64), region.new_val(Repr::I64), region.new_val(Repr::Bool));
        let block = region.block_mut(header);
        block.params.push(param);
        block.insts.push((Some(sum), Inst::Binary(Binary::Iadd, param, vm)));
        block.insts.push((Some(less), Inst::Icmp(Compare::Lt, sum, number)));
        block.insts.push((None, Inst::Guard { condition: less, expect: true, exit: ExitId(0) }));
        block.end = Terminator::Jump(header, vec![sum]);
        // The code is never entered; what matters is that the compiler has run.
        backend.compile(&region, EmitOptions { stress: None }, Dump::default()).ok()?;
        Some(backend)
    }

    /// Compiles a region.
    pub fn compile(&mut self, region: &Region, options: EmitOptions, dump: Dump) -> Result<Compiled, Refusal> {
        let mut text = String::new();
        self.context.clear();
        emit::emit(region, &*self.isa, options, &mut self.context.func, &mut self.builder);
        if dump.clif {
            text.push_str(&self.context.func.display().to_string());
        }
        self.context.set_disasm(dump.asm);
        let code = match self.context.compile(&*self.isa, &mut ControlPlane::default()) {
            Ok(code) => code,
            Err(error) => {
                debug_assert!(false, "{:?}", error.inner);
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
