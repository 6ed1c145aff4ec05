//! From region IR to executable memory.
//!
//! Helpers are called at absolute addresses, so the code has no relocations and is just copied into memory that is then
//! made executable: it is never writable and executable at once.

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, FinalizedRelocTarget, control::ControlPlane};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{ArenaMemoryProvider, BranchProtection, JITMemoryKind, JITMemoryProvider};
use memmap2::MmapOptions;

use super::dump::Texts;
use super::emit::{self, EmitOptions};
use super::ir::Region;
use super::translate::Refusal;
use crate::runtime::abi::NativeCode;

/// Address space for code. Pages are taken as code is made.
const CODE_SPACE: usize = 64 << 20;

/// Code that can be entered.
pub struct Compiled {
    pub code: NativeCode,
    pub size: usize,
    /// CLIF and assembly, if they were asked for.
    pub clif: Option<String>,
    pub asm: Option<String>,
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
    /// A backend for this machine, unless Cranelift does not support it, or no executable memory is to be had.
    pub fn new() -> Result<Backend, Refusal> {
        if cfg!(windows) {
            // Native code returns two words in registers, which the C calling convention of Windows does not do.
            return Err(Refusal::Backend);
        }
        // The provider of memory panics where it is refused.
        if !memory_may_be_executable() {
            return Err(Refusal::Forbidden);
        }
        Self::with_memory().ok_or(Refusal::Backend)
    }

    fn with_memory() -> Option<Backend> {
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
        let isa = builder_for_this_machine()?.finish(settings::Flags::new(flags)).ok()?;
        Some(Backend {
            isa,
            context: Context::new(),
            registers: regalloc2::Ctx::default(),
            builder: FunctionBuilderContext::new(),
            memory: ArenaMemoryProvider::new_with_size(CODE_SPACE).ok()?,
        })
    }

    /// Compiles a region.
    pub fn compile(&mut self, region: &Region, options: EmitOptions, texts: Texts) -> Result<Compiled, Refusal> {
        self.context.clear();
        emit::emit(region, &*self.isa, options, &mut self.context.func, &mut self.builder);
        let clif = texts.clif.then(|| self.context.func.display().to_string());
        // As `Context::compile` does, but without its passes over the whole function: there is no unreachable code, no
        // alias, and no parameter that is always the same value, as the passes over the region have seen to that.
        self.context.compute_cfg();
        self.context.compute_domtree();
        let compiled = self.context.verify_if(&*self.isa).and_then(|()| {
            let Context { func, domtree, .. } = &self.context;
            self.isa.compile_function(func, domtree, &mut self.registers, texts.asm, &mut ControlPlane::default())
        });
        let code = match compiled {
            Ok(code) => code,
            Err(error) => {
                debug_assert!(false, "{error:?}");
                return Err(Refusal::Backend);
            }
        };
        let asm = code.vcode.clone();
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
        // SAFETY: the bytes are a function of this signature for this machine, and executable now. The memory is freed
        // when nobody runs it any more: see `Drop`.
        let code = unsafe { std::mem::transmute::<*mut u8, NativeCode>(place) };
        Ok(Compiled { code, size, clif, asm })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // SAFETY: a backend goes with the tier that it compiles for, and that is held by the machine which runs the
        // code, for as long as it lives (`Vm::set_hooks`): no code is on its way, and none is entered any more. The
        // stacks of tasks that still wait are dropped without being unwound.
        unsafe { self.memory.free_memory() };
    }
}

/// Whether memory that was written may be made executable. Hardened systems forbid it by process (`PR_SET_MDWE`,
/// seccomp).
fn memory_may_be_executable() -> bool {
    match MmapOptions::new().len(1).map_anon() {
        Ok(memory) => memory.make_exec().is_ok(),
        // That there is no memory is found out elsewhere.
        Err(_) => true,
    }
}

/// A builder that knows what this processor can do; `None` if Cranelift does not support it.
fn builder_for_this_machine() -> Option<isa::Builder> {
    #[cfg(target_arch = "x86_64")]
    {
        // Finding out everything takes two dozen CPUID instructions, each of which is an exit to the hypervisor in a
        // virtual machine: a fifth of what a small region takes. Three tell that a processor can do all that regions
        // make use of, as those of the last ten years can.
        cpufeatures::new!(recent, "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "bmi1", "bmi2");
        const FLAGS: [&str; 10] = [
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
            "has_avx",
            "has_avx2",
            "has_fma",
            "has_bmi1",
            "has_bmi2",
        ];
        if recent::get() {
            let mut builder = cranelift_native::builder_with_options(false).ok()?;
            FLAGS.into_iter().try_for_each(|flag| builder.enable(flag)).ok()?;
            return Some(builder);
        }
    }
    cranelift_native::builder().ok()
}
