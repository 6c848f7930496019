//! An opened file -> which TLS library is in it and at which offsets of the file probes see its
//! plaintext, or why none can. Only reads: nothing is attached here, no code is run, and what the file
//! says is believed only within bounds.

mod bytes;
mod cheap;
mod code;
mod elf;
mod go;
mod symbols;
mod traces;

use std::fs::File;

use bytes::{Bytes, Fault};
use elf::{Elf, Head};
use symbols::Meaning;

use crate::limits::BINARY_PROBES_MAX;

/// An implementation of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Library {
    /// OpenSSL 1.1 or later, or LibreSSL; the library itself or linked in.
    OpenSsl,
    /// Google's fork of OpenSSL.
    BoringSsl,
    /// GnuTLS.
    GnuTls,
    /// `crypto/tls` of Go.
    Go,
    /// rustls.
    Rustls,
    /// NSS, of Firefox and some Linux tools.
    Nss,
    /// The virtual machine of Java, whose TLS is Java code.
    Java,
    /// Mbed TLS.
    MbedTls,
    /// wolfSSL.
    WolfSsl,
    /// s2n-tls.
    S2n,
}

/// A function that is probed. Functions marked *outer* call another one of this list in some versions:
/// of nested calls of one thread only the outermost counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `int SSL_read(SSL *, void *, int)`
    SslRead,
    /// `int SSL_read_ex(SSL *, void *, size_t, size_t *read)`
    SslReadEx,
    /// `int SSL_read_early_data(SSL *, void *, size_t, size_t *read)`; outer of `SSL_read_ex`.
    SslReadEarlyData,
    /// `int SSL_write(SSL *, const void *, int)`
    SslWrite,
    /// `int SSL_write_ex(SSL *, const void *, size_t, size_t *written)`; outer of `SSL_write_ex2` from
    /// OpenSSL 3.3 on.
    SslWriteEx,
    /// `int SSL_write_ex2(SSL *, const void *, size_t, uint64_t flags, size_t *written)`
    SslWriteEx2,
    /// `int SSL_write_early_data(SSL *, const void *, size_t, size_t *written)`; outer of `SSL_write_ex`.
    SslWriteEarlyData,
    /// `ssize_t SSL_sendfile(SSL *, int fd, off_t, size_t, int flags)`: kernel TLS, no plaintext in
    /// memory.
    SslSendfile,
    /// `int SSL_do_handshake(SSL *)`; `SSL_connect` and `SSL_accept` end in it.
    SslDoHandshake,
    /// `int SSL_set_fd(SSL *, int fd)`
    SslSetFd,
    /// `void SSL_free(SSL *)`
    SslFree,
    /// `ssize_t gnutls_record_recv(session, void *, size_t)`
    GnutlsRecordRecv,
    /// `ssize_t gnutls_record_recv_seq(session, void *, size_t, unsigned char *)`
    GnutlsRecordRecvSeq,
    /// `ssize_t gnutls_record_recv_early_data(session, void *, size_t)`
    GnutlsRecordRecvEarlyData,
    /// `ssize_t gnutls_record_send(session, const void *, size_t)`; outer of `gnutls_record_send2`. Data
    /// of `NULL` and size zero sends what an earlier call gave.
    GnutlsRecordSend,
    /// `ssize_t gnutls_record_send2(session, const void *, size_t, size_t pad, unsigned flags)`
    GnutlsRecordSend2,
    /// `ssize_t gnutls_record_send_range(session, const void *, size_t, const gnutls_range_st *)`
    GnutlsRecordSendRange,
    /// `ssize_t gnutls_record_send_early_data(session, const void *, size_t)`: zero is success.
    GnutlsRecordSendEarlyData,
    /// `ssize_t gnutls_record_send_file(session, int fd, off_t *, size_t)`; outer of
    /// `gnutls_record_send`, which has the plaintext.
    GnutlsRecordSendFile,
    /// `int gnutls_record_uncork(session, unsigned)`; outer of `gnutls_record_send` without data: what it
    /// sends was given to calls before.
    GnutlsRecordUncork,
    /// `int gnutls_handshake(session)`
    GnutlsHandshake,
    /// `void gnutls_deinit(session)`
    GnutlsDeinit,
    /// `func (c *Conn) Read(b []byte) (int, error)`: registers of the ABI of Go 1.17, connection in
    /// `rax`, slice in `rbx`, `rcx`, `rdi`; results in `rax`, `rbx`, `rcx`; goroutine in `r14`. Its entry
    /// comes twice where the stack has to grow first.
    GoRead,
    /// `func (c *Conn) Write(b []byte) (int, error)`: as [`Function::GoRead`].
    GoWrite,
    /// `func (c *Conn) Close() error`
    GoClose,
}

/// At which moment of a call a probe sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// At its first instruction.
    Entry,
    /// When it returns: a uretprobe on the first instruction.
    Return,
    /// At one of its return instructions: an ordinary uprobe there. Only Go, whose stacks move, so that a
    /// uretprobe would crash it.
    Exit,
}

/// A place to be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probe {
    /// Of what.
    pub function: Function,
    /// When.
    pub moment: Moment,
    /// Bytes from the beginning of the file, as `perf_event_open` takes them; of code, and in the file.
    pub offset: u64,
}

/// What a file offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binary {
    /// The implementation of TLS in it; with several, one that can be probed.
    pub library: Option<Library>,
    /// Its version where the file says it in a place of its own (Go only).
    pub version: Option<String>,
    /// Where to look; empty where there is nothing or an obstacle to all of it.
    pub probes: Vec<Probe>,
    /// Why TLS in it cannot be read, or why it is unknown whether there is some. Beside probes: a Go
    /// program that cannot be read has a C library that can.
    pub obstacle: Option<Obstacle>,
}

/// Why a file offers no probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// A library is linked in whose functions have no names.
    NoSymbols(Library),
    /// A library without functions that a probe could read at.
    Unsupported(Library),
    /// An executable of another architecture.
    ForeignArchitecture,
    /// An ELF file that contradicts itself or is cut.
    Malformed,
    /// It takes more reading than `limits::BINARY_READ_BYTES_MAX`.
    TooLarge,
    /// The system refused to read it.
    Unreadable,
    /// Go before 1.17, which passes arguments on the stack.
    GoTooOld,
    /// A Go program whose table of functions has a form that is not known.
    GoTableUnknown,
    /// A Go function whose instructions could not be followed.
    GoCodeUnknown,
}

impl Library {
    /// Its name in reports, for ever.
    pub fn name(self) -> &'static str {
        match self {
            Library::OpenSsl => "openssl",
            Library::BoringSsl => "boringssl",
            Library::GnuTls => "gnutls",
            Library::Go => "go",
            Library::Rustls => "rustls",
            Library::Nss => "nss",
            Library::Java => "java",
            Library::MbedTls => "mbedtls",
            Library::WolfSsl => "wolfssl",
            Library::S2n => "s2n",
        }
    }
}

impl Function {
    /// The library that has it. OpenSSL stands for BoringSSL too.
    pub fn library(self) -> Library {
        use Function::*;
        match self {
            SslRead | SslReadEx | SslReadEarlyData | SslWrite | SslWriteEx | SslWriteEx2
            | SslWriteEarlyData | SslSendfile | SslDoHandshake | SslSetFd | SslFree => Library::OpenSsl,
            GnutlsRecordRecv
            | GnutlsRecordRecvSeq
            | GnutlsRecordRecvEarlyData
            | GnutlsRecordSend
            | GnutlsRecordSend2
            | GnutlsRecordSendRange
            | GnutlsRecordSendEarlyData
            | GnutlsRecordSendFile
            | GnutlsRecordUncork
            | GnutlsHandshake
            | GnutlsDeinit => Library::GnuTls,
            GoRead | GoWrite | GoClose => Library::Go,
        }
    }

    /// What happens at the end of a call says nothing.
    fn entry_only(self) -> bool {
        matches!(self, Function::SslFree | Function::SslSetFd | Function::GnutlsDeinit | Function::GoClose)
    }

    /// It moves plaintext, so that its library is worth probes.
    fn is_transfer(self) -> bool {
        use Function::*;
        matches!(
            self,
            SslRead
                | SslReadEx
                | SslWrite
                | SslWriteEx
                | GnutlsRecordRecv
                | GnutlsRecordSend
                | GoRead
                | GoWrite
        )
    }
}

impl Obstacle {
    /// Its name in reports and counters, for ever.
    pub fn name(self) -> &'static str {
        match self {
            Obstacle::NoSymbols(_) => "no-symbols",
            Obstacle::Unsupported(_) => "unsupported-library",
            Obstacle::ForeignArchitecture => "foreign-architecture",
            Obstacle::Malformed => "malformed",
            Obstacle::TooLarge => "too-large",
            Obstacle::Unreadable => "unreadable",
            Obstacle::GoTooOld => "go-too-old",
            Obstacle::GoTableUnknown => "go-table-unknown",
            Obstacle::GoCodeUnknown => "go-code-unknown",
        }
    }

    /// One sentence for people, without the file's name.
    pub fn sentence(self) -> String {
        match self {
            Obstacle::NoSymbols(library) => {
                format!("{} is linked in and stripped of its symbols", library.name())
            }
            Obstacle::Unsupported(Library::Java) => {
                "TLS of Java is Java code, where no probe can be set".into()
            }
            Obstacle::Unsupported(library) => format!("{} cannot be read yet", library.name()),
            Obstacle::ForeignArchitecture => "it is built for another architecture".into(),
            Obstacle::Malformed => "it is damaged or cut".into(),
            Obstacle::TooLarge => "it takes too much reading to find its functions".into(),
            Obstacle::Unreadable => "the system refuses to read it".into(),
            Obstacle::GoTooOld => "it is built with Go before 1.17".into(),
            Obstacle::GoTableUnknown => {
                "its Go is newer than this sensor: the function table is unknown".into()
            }
            Obstacle::GoCodeUnknown => "the instructions of its TLS functions cannot be followed".into(),
        }
    }
}

impl From<Fault> for Obstacle {
    fn from(fault: Fault) -> Obstacle {
        match fault {
            Fault::Malformed => Obstacle::Malformed,
            Fault::TooLarge => Obstacle::TooLarge,
            Fault::Unreadable => Obstacle::Unreadable,
        }
    }
}

/// What `file` offers. Never panics; reads at most `limits::BINARY_READ_BYTES_MAX` bytes and holds some
/// hundred KiB. A file that is no ELF file has nothing, without an obstacle.
pub fn read(file: &File) -> Binary {
    let mut binary = Binary::default();
    if let Err(obstacle) = look(file, &mut binary) {
        binary.obstacle = Some(obstacle);
    }
    binary
}

/// The probes of what [`read`] found in the same file, at the places where they cost least. Functions may
/// stand for others that call them.
pub fn cheap(file: &File, binary: &Binary) -> Vec<Probe> {
    match Bytes::new(file) {
        Ok(mut bytes) => cheap::moved(&mut bytes, binary),
        Err(_) => binary.probes.clone(),
    }
}

fn look(file: &File, binary: &mut Binary) -> Result<(), Obstacle> {
    let mut bytes = Bytes::new(file)?;
    let elf = match elf::read(&mut bytes)? {
        Head::Other => return Ok(()),
        Head::Foreign => return Err(Obstacle::ForeignArchitecture),
        Head::Elf(elf) => elf,
    };
    let unsupported = named(&elf, &mut bytes, binary)?;
    go::read(&elf, &mut bytes, binary)?;
    if !binary.probes.is_empty() {
        return Ok(());
    }
    if let Some(library) = unsupported {
        binary.library = Some(library);
        return Err(Obstacle::Unsupported(library));
    }
    if let Some(library) = traces::find(&elf, &mut bytes)? {
        binary.library = Some(library);
        return Err(match library {
            Library::Rustls => Obstacle::Unsupported(library),
            _ => Obstacle::NoSymbols(library),
        });
    }
    Ok(())
}

/// Reads any bytes as a file and checks what must hold of every answer.
pub fn fuzz(data: &[u8]) {
    let Ok(memory) = rustix::fs::memfd_create("binary", rustix::fs::MemfdFlags::CLOEXEC) else { return };
    let file = File::from(memory);
    if std::os::unix::fs::FileExt::write_all_at(&file, data, 0).is_err() {
        return;
    }
    let binary = read(&file);
    let moved = cheap(&file, &binary);
    assert!(moved.len() <= binary.probes.len(), "more probes than there were");
    assert!(binary.probes.iter().all(|probe| probe.offset < data.len() as u64), "a probe outside");
    assert!(binary.probes.is_empty() || binary.library.is_some(), "probes of nothing");
}

/// Probes of functions that have symbols. Returns a library that is there and has none to be probed.
fn named(elf: &Elf, bytes: &mut Bytes, binary: &mut Binary) -> Result<Option<Library>, Obstacle> {
    let symbols = symbols::find(elf, bytes)?;
    let (mut probes, mut boring, mut unsupported) = (Vec::new(), false, None);
    for symbol in &symbols {
        let function = match symbol.meaning {
            Meaning::Function(function) => function,
            Meaning::Trace(Library::BoringSsl) => {
                boring = true;
                continue;
            }
            Meaning::Trace(library) => {
                unsupported = unsupported.or(Some(library));
                continue;
            }
        };
        // A symbol that names no code of this file can be no function of it.
        let Ok(offset) = elf.code_offset(symbol.address) else { continue };
        if offset >= bytes.length() {
            return Err(Obstacle::Malformed);
        }
        if probes.len() + 2 > BINARY_PROBES_MAX {
            return Err(Obstacle::TooLarge);
        }
        probes.push(Probe { function, moment: Moment::Entry, offset });
        if !function.entry_only() {
            probes.push(Probe { function, moment: Moment::Return, offset });
        }
    }
    let transfer = probes.iter().find(|probe: &&Probe| probe.function.is_transfer());
    // Some of its names without the ones that matter are something else.
    if let Some(library) = transfer.map(|probe| probe.function.library()) {
        let boring = boring && library == Library::OpenSsl;
        binary.library = Some(if boring { Library::BoringSsl } else { library });
        binary.probes = probes;
    }
    Ok(unsupported)
}
