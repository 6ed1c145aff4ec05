//! Helpers that leave all registers as they are: their result is left in the machine, as Cranelift wants it of such.
//!
//! A call in a place that control seldom comes to, as where a block of cells is used up, would have the values of the
//! whole loop around it kept in memory: whatever is alive across a call must not be in a register that the callee may
//! change, and a value that is in memory in one place of a loop is so in all of it. Behind these wrappers the callee
//! changes none.

use super::Helper;
#[cfg(all(target_arch = "x86_64", not(windows)))]
use crate::runtime::{abi::layout, value::Value};

#[cfg(all(target_arch = "x86_64", not(windows)))]
macro_rules! keeping_registers {
    ($(#[$doc:meta])* $name:ident = $function:ident) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub(super) unsafe extern "C" fn $name() {
            // All that the C calling convention lets a callee change. Native code uses the lower halves of vector
            // registers alone. With nine words and the return address the stack is at a multiple of 16 again. The
            // machine is the first argument, in `rdi`.
            core::arch::naked_asm!(
                "push rax",
                "push rcx",
                "push rdx",
                "push rsi",
                "push rdi",
                "push r8",
                "push r9",
                "push r10",
                "push r11",
                "sub rsp, 256",
                "movups [rsp], xmm0",
                "movups [rsp + 16], xmm1",
                "movups [rsp + 32], xmm2",
                "movups [rsp + 48], xmm3",
                "movups [rsp + 64], xmm4",
                "movups [rsp + 80], xmm5",
                "movups [rsp + 96], xmm6",
                "movups [rsp + 112], xmm7",
                "movups [rsp + 128], xmm8",
                "movups [rsp + 144], xmm9",
                "movups [rsp + 160], xmm10",
                "movups [rsp + 176], xmm11",
                "movups [rsp + 192], xmm12",
                "movups [rsp + 208], xmm13",
                "movups [rsp + 224], xmm14",
                "movups [rsp + 240], xmm15",
                "call {function}",
                "movups xmm0, [rsp]",
                "movups xmm1, [rsp + 16]",
                "movups xmm2, [rsp + 32]",
                "movups xmm3, [rsp + 48]",
                "movups xmm4, [rsp + 64]",
                "movups xmm5, [rsp + 80]",
                "movups xmm6, [rsp + 96]",
                "movups xmm7, [rsp + 112]",
                "movups xmm8, [rsp + 128]",
                "movups xmm9, [rsp + 144]",
                "movups xmm10, [rsp + 160]",
                "movups xmm11, [rsp + 176]",
                "movups xmm12, [rsp + 192]",
                "movups xmm13, [rsp + 208]",
                "movups xmm14, [rsp + 224]",
                "movups xmm15, [rsp + 240]",
                "add rsp, 256",
                "pop r11",
                "pop r10",
                "pop r9",
                "pop r8",
                "pop rdi",
                "mov [rdi + {result}], rax",
                "pop rsi",
                "pop rdx",
                "pop rcx",
                "pop rax",
                "ret",
                function = sym super::shims::$function,
                result = const layout::RESULT as usize + Value::PAYLOAD_OFFSET,
            )
        }
    };
}

#[cfg(all(target_arch = "x86_64", not(windows)))]
keeping_registers! {
    /// # Safety
    /// As for [`super::shims::new_cell`], by a call that expects all registers to be kept, and the result in the
    /// machine.
    new_cell_keeping = new_cell
}

#[cfg(all(target_arch = "x86_64", not(windows)))]
keeping_registers! {
    /// # Safety
    /// As for [`super::shims::list_push`], by a call that expects all registers to be kept, and the result in the
    /// machine.
    list_push_keeping = list_push
}

/// Where the wrapper of a helper is, if it has one.
#[cfg(all(target_arch = "x86_64", not(windows)))]
pub(super) fn wrapper(helper: Helper) -> Option<usize> {
    match helper {
        Helper::NewCell => Some(new_cell_keeping as *const () as usize),
        Helper::ListPush => Some(list_push_keeping as *const () as usize),
        _ => None,
    }
}

/// Elsewhere none has: all are called in the same way.
#[cfg(not(all(target_arch = "x86_64", not(windows))))]
pub(super) fn wrapper(_: Helper) -> Option<usize> {
    None
}
