//! The only caller of the probe-read helpers, and of direct loads through trusted pointers.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};

/// Loads a number through a pointer that the verifier knows by BTF type (an argument of a BTF
/// tracepoint, or reached from one). `offset` must be a constant to the verifier.
///
/// # Safety
/// `pointer` is BTF-typed; the load may fault and then gives zero (exception table of the JIT).
#[inline(always)]
pub unsafe fn load<T: Copy>(pointer: *const u8, offset: u32) -> T {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(pointer.add(offset as usize).cast::<T>()) }
}

/// Reads a number from kernel memory; zero if it cannot be read.
#[inline(always)]
pub fn kernel<T: Copy + Default>(address: u64, offset: u32) -> T {
    let mut value = T::default();
    // SAFETY: writes `size_of::<T>()` bytes into a local of that size.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<T>() as u32,
            (address + offset as u64) as *const _,
        );
    }
    value
}

/// Copies `length` bytes of user memory to `to`; false if it cannot be read.
///
/// # Safety
/// `to` has room for `length` bytes, in a way that the verifier sees.
#[inline(always)]
pub unsafe fn user(to: *mut u8, length: u64, address: u64) -> bool {
    // SAFETY: as above.
    unsafe { bpf_probe_read_user(to.cast(), length as u32, address as *const _) == 0 }
}

/// Reads one number of user memory.
#[inline(always)]
pub fn user_number(address: u64) -> Option<u64> {
    let mut value = 0u64;
    // SAFETY: eight bytes into a local of eight bytes.
    unsafe { user((&raw mut value).cast(), 8, address) }.then_some(value)
}

/// The same number, which must be below 16 Mi, with nothing else known of it: neither the compiler nor the verifier
/// connects what is found out about the copy with the original.
///
/// Without this, each branch on a length splits all that follows into paths with different ranges,
/// and a loop of them is past the verifier's limit.
#[inline(always)]
pub fn unlinked(number: u64) -> u64 {
    let mut copy = number;
    // SAFETY: one arithmetic instruction on a register.
    unsafe { core::arch::asm!("{0} &= 0xffffff", inout(reg) copy, options(pure, nomem, nostack)) };
    copy
}

/// A number below or at `max` in a register that the verifier knows to be so. LLVM likes to compare
/// one copy of a number and use another; what comes out of an opaque instruction has only one.
#[inline(always)]
pub fn clamped(number: u64, max: u64) -> u64 {
    let copy = unlinked(if number > max { max } else { number });
    if copy > max { max } else { copy }
}
