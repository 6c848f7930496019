//! Names of symbols -> what of TLS is there and at which address. Exported functions are looked up in
//! the hash table that the loader uses, some reads for each name, whatever the size of the library and
//! also where sections are stripped. Those of the full table (`.symtab`, of a static library) are found
//! by searching the texts first: a program has a hundred thousand symbols and none of ours.

use std::ops::Range;

use memchr::memmem::Finder;

use super::bytes::{Bytes, Fault};
use super::elf::{Dynamic, Elf, u16_of, u32_of, u64_of};
use super::{Function, Library};

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A function to be probed.
    Function(Function),
    /// A library that is there.
    Trace(Library),
}

/// All names that are looked for; of two at one address the first counts.
const NAMES: &[(&str, Meaning)] = &[
    ("SSL_read", Meaning::Function(Function::SslRead)),
    ("SSL_read_ex", Meaning::Function(Function::SslReadEx)),
    ("SSL_read_early_data", Meaning::Function(Function::SslReadEarlyData)),
    ("SSL_write", Meaning::Function(Function::SslWrite)),
    ("SSL_write_ex", Meaning::Function(Function::SslWriteEx)),
    ("SSL_write_ex2", Meaning::Function(Function::SslWriteEx2)),
    ("SSL_write_early_data", Meaning::Function(Function::SslWriteEarlyData)),
    ("SSL_sendfile", Meaning::Function(Function::SslSendfile)),
    ("SSL_do_handshake", Meaning::Function(Function::SslDoHandshake)),
    ("SSL_set_fd", Meaning::Function(Function::SslSetFd)),
    ("SSL_free", Meaning::Function(Function::SslFree)),
    ("gnutls_record_recv", Meaning::Function(Function::GnutlsRecordRecv)),
    ("gnutls_record_recv_seq", Meaning::Function(Function::GnutlsRecordRecvSeq)),
    ("gnutls_record_recv_early_data", Meaning::Function(Function::GnutlsRecordRecvEarlyData)),
    ("gnutls_record_send2", Meaning::Function(Function::GnutlsRecordSend2)),
    ("gnutls_record_send", Meaning::Function(Function::GnutlsRecordSend)),
    ("gnutls_record_send_range", Meaning::Function(Function::GnutlsRecordSendRange)),
    ("gnutls_record_send_early_data", Meaning::Function(Function::GnutlsRecordSendEarlyData)),
    ("gnutls_record_send_file", Meaning::Function(Function::GnutlsRecordSendFile)),
    ("gnutls_record_uncork", Meaning::Function(Function::GnutlsRecordUncork)),
    ("gnutls_handshake", Meaning::Function(Function::GnutlsHandshake)),
    ("gnutls_deinit", Meaning::Function(Function::GnutlsDeinit)),
    ("SSL_CTX_set_grease_enabled", Meaning::Trace(Library::BoringSsl)),
    ("BORINGSSL_self_test", Meaning::Trace(Library::BoringSsl)),
    ("SSL_ImportFD", Meaning::Trace(Library::Nss)),
    ("JNI_CreateJavaVM", Meaning::Trace(Library::Java)),
    ("mbedtls_ssl_read", Meaning::Trace(Library::MbedTls)),
    ("wolfSSL_read", Meaning::Trace(Library::WolfSsl)),
    ("s2n_recv", Meaning::Trace(Library::S2n)),
];

/// How the names begin, to search texts for few patterns.
const BEGINNINGS: &[&str] =
    &["SSL_", "gnutls_", "BORINGSSL_", "JNI_CreateJavaVM", "mbedtls_ssl_read", "wolfSSL_read", "s2n_recv"];

/// Places of such names in one table of texts. Tools that wrap a library repeat each a few times.
const PLACES_MAX: usize = 4096;

/// Symbols of one bucket that are compared; loaders' tables have one or two.
const CHAIN_MAX: u32 = 512;

/// A symbol that was found.
pub(super) struct Symbol {
    /// What it is.
    pub(super) meaning: Meaning,
    /// Where its code is loaded, before relocation.
    pub(super) address: u64,
    /// Its place in [`NAMES`].
    order: usize,
}

/// All symbols that matter, exported or not, in the order of the list, each address once.
pub(super) fn find(elf: &Elf, bytes: &mut Bytes) -> Result<Vec<Symbol>, Fault> {
    let mut found = Vec::new();
    if let Some(dynamic) = elf.dynamic(bytes)? {
        exported(elf, bytes, &dynamic, &mut found)?;
    }
    if let Some((symbols, strings)) = elf.sections.symbols.clone() {
        // Of no use to the loader: damage here takes nothing from what is exported.
        match listed(bytes, symbols, strings, &mut found) {
            Err(Fault::TooLarge) if found.is_empty() => return Err(Fault::TooLarge),
            Err(Fault::Unreadable) => return Err(Fault::Unreadable),
            _ => {}
        }
    }
    found.sort_by_key(|symbol| (symbol.address, symbol.order));
    found.dedup_by_key(|symbol| symbol.address);
    found.sort_by_key(|symbol| symbol.order);
    Ok(found)
}

/// A defined function.
fn address(entry: &[u8; 24]) -> Option<u64> {
    const FUNCTION: u8 = 2;
    let defined = u16_of(entry, 6) != 0;
    (entry[4] & 0xf == FUNCTION && defined).then(|| u64_of(entry, 8))
}

fn exported(elf: &Elf, bytes: &mut Bytes, dynamic: &Dynamic, out: &mut Vec<Symbol>) -> Result<(), Fault> {
    let table = match (dynamic.gnu_hash, dynamic.hash) {
        (Some(address), _) => Table::gnu(elf, bytes, address)?,
        (None, Some(address)) => Table::system_v(elf, bytes, address)?,
        (None, None) => return Ok(()),
    };
    if table.buckets == 0 {
        return Ok(());
    }
    let symbols = elf.offset(dynamic.symbols)?;
    let strings = elf.offset(dynamic.strings)?;
    for (order, &(name, meaning)) in NAMES.iter().enumerate() {
        table.each(bytes, name, |bytes, index| {
            let entry: [u8; 24] = bytes.array(symbols.saturating_add(u64::from(index) * 24))?;
            let text = u64::from(u32_of(&entry, 0));
            if let Some(address) = address(&entry)
                && text < dynamic.strings_bytes
                && bytes.is_text(strings.saturating_add(text), name)?
            {
                out.push(Symbol { meaning, address, order });
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A hash table of exported symbols, of either kind.
struct Table {
    gnu: bool,
    buckets: u32,
    buckets_at: u64,
    chains_at: u64,
    /// The first symbol of a GNU table that can be looked up.
    first: u32,
}

impl Table {
    fn gnu(elf: &Elf, bytes: &mut Bytes, address: u64) -> Result<Table, Fault> {
        let at = elf.offset(address)?;
        let head: [u8; 16] = bytes.array(at)?;
        let buckets = u32_of(&head, 0);
        let buckets_at = at + 16 + u64::from(u32_of(&head, 8)) * 8;
        let chains_at = buckets_at + u64::from(buckets) * 4;
        Ok(Table { gnu: true, buckets, buckets_at, chains_at, first: u32_of(&head, 4) })
    }

    fn system_v(elf: &Elf, bytes: &mut Bytes, address: u64) -> Result<Table, Fault> {
        let at = elf.offset(address)?;
        let buckets = bytes.u32(at)?;
        let buckets_at = at + 8;
        let chains_at = buckets_at + u64::from(buckets) * 4;
        Ok(Table { gnu: false, buckets, buckets_at, chains_at, first: 0 })
    }

    /// Every symbol that may be called `name`. The table has a bucket.
    fn each(
        &self,
        bytes: &mut Bytes,
        name: &str,
        mut each: impl FnMut(&mut Bytes, u32) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let hash = if self.gnu { hash_gnu(name) } else { hash_system_v(name) };
        let mut index = bytes.u32(self.buckets_at + u64::from(hash % self.buckets) * 4)?;
        for _ in 0..CHAIN_MAX {
            if index == 0 {
                break;
            }
            let place = u64::from(index.checked_sub(self.first).ok_or(Fault::Malformed)?);
            let link = bytes.u32(self.chains_at + place * 4)?;
            // A GNU chain holds hashes, the lowest bit marks the end; the other kind the next index.
            if !self.gnu || link | 1 == hash | 1 {
                each(bytes, index)?;
            }
            index = match self.gnu {
                true if link & 1 == 1 => break,
                true => index.checked_add(1).ok_or(Fault::Malformed)?,
                false => link,
            };
        }
        Ok(())
    }
}

fn hash_gnu(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

fn hash_system_v(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

fn listed(
    bytes: &mut Bytes,
    symbols: Range<u64>,
    strings: Range<u64>,
    out: &mut Vec<Symbol>,
) -> Result<(), Fault> {
    let beginnings: Vec<Finder> = BEGINNINGS.iter().map(Finder::new).collect();
    // A name may be the end of a longer one, whose place it then shares.
    let mut names: Vec<(u32, usize)> = Vec::new();
    bytes.search(strings.clone(), &beginnings, |_, at, seen| {
        let text = seen.iter().position(|&byte| byte == 0).map(|end| &seen[..end]);
        let order = NAMES.iter().position(|(name, _)| Some(name.as_bytes()) == text);
        if let (Some(order), Ok(place)) = (order, u32::try_from(at - strings.start)) {
            names.push((place, order));
        }
        names.len() < PLACES_MAX
    })?;
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    bytes.entries::<24>(symbols, |_, entry| {
        if let Ok(found) = names.binary_search_by_key(&u32_of(entry, 0), |&(place, _)| place)
            && let Some(address) = address(entry)
        {
            let order = names[found].1;
            out.push(Symbol { meaning: NAMES[order].1, address, order });
        }
        out.len() < PLACES_MAX
    })
}
