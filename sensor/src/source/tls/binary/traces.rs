//! Texts that a TLS implementation leaves in a binary without symbols -> which one it is. They only
//! explain why nothing can be read there; nothing is probed on their word.

use memchr::memmem::Finder;

use super::Library;
use super::bytes::{Bytes, Fault};
use super::elf::Elf;

/// Texts of error paths and states, which no build option but `OPENSSL_NO_FILENAMES` takes out. Those of
/// the layer above the ciphers only: libcrypto alone is no TLS.
const TEXTS: &[(&str, Library)] = &[
    // Source files in error records; BoringSSL is C++.
    ("ssl/ssl_lib.cc", Library::BoringSsl),
    ("ssl/ssl_lib.c", Library::OpenSsl),
    // SSL_state_string_long.
    ("TLS client send_client_hello", Library::BoringSsl),
    ("SSLv3/TLS write client hello", Library::OpenSsl),
    // Display of rustls::Error.
    ("received corrupt message of type ", Library::Rustls),
    ("received unexpected handshake message: ", Library::Rustls),
];

/// The first implementation, in the order of the list.
pub(super) fn find(elf: &Elf, bytes: &mut Bytes) -> Result<Option<Library>, Fault> {
    let needles: Vec<Finder> = TEXTS.iter().map(|(text, _)| Finder::new(text)).collect();
    let mut first: Option<usize> = None;
    for range in elf.constants() {
        let range = range.start..range.end.min(bytes.length());
        bytes.search(range, &needles, |index, _, seen| {
            let (text, library) = TEXTS[index];
            // C ends its texts with a zero; Rust does not, nor does this list in this program.
            if library == Library::Rustls || seen.get(text.len()) == Some(&0) {
                first = Some(first.map_or(index, |first| first.min(index)));
            }
            first != Some(0)
        })?;
        if first.is_some() {
            break;
        }
    }
    Ok(first.map(|index| TEXTS[index].1))
}
