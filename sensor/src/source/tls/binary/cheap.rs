//! Probes of functions -> the same calls seen at places where a probe costs least. The kernel emulates a
//! few instructions (a push of a register, a near call or jump, a no-op) and steps through a copy of all
//! others, which takes a second trap: in a virtual machine ten times as much.
//!
//! <https://github.com/torvalds/linux/blob/v6.12/arch/x86/kernel/uprobes.c> (`branch_setup_xol_ops`,
//! `push_setup_xol_ops`)

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::bytes::Bytes;
use super::{Binary, Function, Moment, Probe};

/// Bytes at the beginning of a function that are looked at.
const BEGINNING_BYTES: usize = 96;
/// Instructions that are looked at; compilers put the call of a thin wrapper among the first.
const INSTRUCTIONS_MAX: usize = 16;

/// The probes of C functions in `binary`, moved to where they cost least. Those of Go stand well already:
/// behind the check of its stack a function pushes a register.
pub(super) fn moved(bytes: &mut Bytes, binary: &Binary) -> Vec<Probe> {
    let entry = |function| {
        let found = binary.probes.iter().find(|p| p.function == function && p.moment == Moment::Entry);
        found.map(|probe| probe.offset)
    };
    let mut probes = binary.probes.clone();
    // What reads or writes by a number or by a pointer is a thin wrapper of one inner function, with the
    // arguments of the latter.
    let inner_write =
        if entry(Function::SslWriteEx2).is_some() { Function::SslWriteEx2 } else { Function::SslWriteEx };
    for (wrappers, inner) in [
        ([Function::SslRead, Function::SslReadEx, Function::SslReadEarlyData], Function::SslReadEx),
        ([Function::SslWrite, Function::SslWriteEx, Function::SslWriteEarlyData], inner_write),
    ] {
        let [Some(one), Some(two)] = [entry(wrappers[0]), entry(wrappers[1])] else { continue };
        if two == one || is_cheap(bytes, one) {
            continue;
        }
        let (Some(called), Some(also)) = (called(bytes, one), called(bytes, two)) else { continue };
        if called != also || !is_cheap(bytes, called) {
            continue;
        }
        probes.retain(|probe| !wrappers.contains(&probe.function) && probe.function != inner);
        for moment in [Moment::Entry, Moment::Return] {
            probes.push(Probe { function: inner, moment, offset: called });
        }
    }
    // `gnutls_record_send` is a jump to the other.
    if entry(Function::GnutlsRecordSend2).is_some() {
        probes.retain(|probe| probe.function != Function::GnutlsRecordSend);
    }
    for probe in &mut probes {
        if probe.function.library() != super::Library::Go {
            probe.offset += lead(bytes, probe.offset, probe.function.entry_only());
        }
    }
    probes
}

fn beginning(bytes: &mut Bytes, offset: u64) -> Option<[u8; BEGINNING_BYTES]> {
    bytes.array(offset).ok()
}

fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction> + '_ {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    (0..INSTRUCTIONS_MAX).map_while(move |_| {
        let instruction = decoder.decode();
        (!instruction.is_invalid()).then_some(instruction)
    })
}

/// Whether the kernel emulates it.
fn is_emulated(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Push => instruction.op0_kind() == OpKind::Register,
        Mnemonic::Nop => instruction.len() == 1,
        _ => matches!(instruction.flow_control(), FlowControl::ConditionalBranch),
    }
}

/// Whether a function begins with an instruction that is emulated, behind the landing pad of indirect calls.
fn is_cheap(bytes: &mut Bytes, offset: u64) -> bool {
    let Some(code) = beginning(bytes, offset) else { return false };
    instructions(&code)
        .find(|instruction| instruction.mnemonic() != Mnemonic::Endbr64)
        .is_some_and(|instruction| is_emulated(&instruction))
}

/// How far behind the first instruction a probe sees the same: the arguments in their registers and, unless
/// only the entry is probed, the return address on top of the stack.
fn lead(bytes: &mut Bytes, offset: u64, entry_only: bool) -> u64 {
    let Some(code) = beginning(bytes, offset) else { return 0 };
    let mut at = 0;
    for instruction in instructions(&code) {
        if is_emulated(&instruction) {
            return at;
        }
        let passes = match instruction.mnemonic() {
            Mnemonic::Endbr64 => true,
            Mnemonic::Test | Mnemonic::Cmp => entry_only,
            _ => false,
        };
        if !passes {
            return 0;
        }
        at += instruction.len() as u64;
    }
    0
}

/// The function that is called first, with the first three arguments as they came; `None` if there is none
/// or if one of these is changed before. The third may be widened.
fn called(bytes: &mut Bytes, offset: u64) -> Option<u64> {
    let code = beginning(bytes, offset)?;
    for instruction in instructions(&code) {
        match instruction.flow_control() {
            FlowControl::Call | FlowControl::UnconditionalBranch => {
                let is_near = instruction.op0_kind() == OpKind::NearBranch64;
                // The decoder began at zero: the target is relative to the function.
                return is_near.then(|| offset.wrapping_add(instruction.near_branch_target()));
            }
            FlowControl::Next | FlowControl::ConditionalBranch => {}
            _ => return None,
        }
        let changed = instruction.op_count() > 0
            && instruction.op0_kind() == OpKind::Register
            && !matches!(instruction.mnemonic(), Mnemonic::Test | Mnemonic::Cmp | Mnemonic::Push);
        let register = instruction.op0_register().full_register();
        let is_widened = matches!(instruction.mnemonic(), Mnemonic::Movsxd | Mnemonic::Cdqe)
            && instruction.op1_register().full_register() == register;
        if changed && !is_widened && matches!(register, Register::RDI | Register::RSI | Register::RDX) {
            return None;
        }
    }
    None
}
