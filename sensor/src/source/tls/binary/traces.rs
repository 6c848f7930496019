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
    ("ssl/ssl_lib.cc\0", Library::BoringSsl),
    ("ssl/ssl_lib.c\0", Library::OpenSsl),
    // SSL_state_string_long.
    ("TLS client send_client_hello\0", Library::BoringSsl),
    ("SSLv3/TLS write client hello\0", Library::OpenSsl),
    // Display of rustls::Error. Rust's texts have no end mark.
    ("received corrupt message of type ", Library::Rustls),
    ("received unexpected handshake message: ", Library::Rustls),
];

/// The first implementation, in the order of the list.
pub(super) fn find(elf: &Elf, bytes: &mut Bytes) -> Result<Option<Library>, Fault> {
    let needles: Vec<Finder> = TEXTS.iter().map(|(text, _)| Finder::new(text)).collect();
    let mut first: Option<usize> = None;
    for range in elf.constants() {
        let range = range.start..range.end.min(bytes.length());
        bytes.search(range, &needles, |index, _, _| {
            first = Some(first.map_or(index, |first| first.min(index)));
            first != Some(0)
        })?;
        if first.is_some() {
            break;
        }
    }
    Ok(first.map(|index| TEXTS[index].1))
}
