//! The bytes of one function -> where its body begins and where its return instructions are. Only lengths and kinds of
//! instructions matter; jumps are not followed, as Go keeps no data between instructions.

use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic};

/// Return instructions of one function; compilers write a handful, `crypto/tls` up to 20.
const RETURNS_MAX: usize = 256;

/// Instructions in which the check of the stack ends: the address of large frames, a comparison, a jump.
const CHECK_MAX: usize = 4;

/// Offset of the first instruction behind the check of the stack; zero if there is none. A stack that is
/// too small grows there, and the function begins once more: the check is passed twice, what is behind it
/// once. The arguments are in their registers still.
pub(super) fn body(code: &[u8]) -> u64 {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut compared = false;
    for _ in 0..CHECK_MAX {
        let instruction = decoder.decode();
        match instruction.mnemonic() {
            Mnemonic::Cmp => compared = true,
            Mnemonic::Jbe | Mnemonic::Jb if compared => return decoder.position() as u64,
            Mnemonic::Lea | Mnemonic::Sub => {}
            _ => break,
        }
    }
    0
}

/// Offsets from the beginning of `code`, in order; `None` if there is something that is no instruction or
/// no return at all. Padding (`int3`) may follow the last instruction.
pub(super) fn returns(code: &[u8]) -> Option<Vec<u64>> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut returns = Vec::new();
    while decoder.can_decode() {
        let at = decoder.position() as u64;
        let instruction = decoder.decode();
        if instruction.is_invalid() || returns.len() >= RETURNS_MAX {
            return None;
        }
        if matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16) {
            returns.push(at);
        }
    }
    (!returns.is_empty()).then_some(returns)
}
