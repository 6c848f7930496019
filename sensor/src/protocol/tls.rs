//! The first bytes of one direction of a TLS connection -> what its hello says in clear: the name of the
//! server, the protocols inside and the version. Nothing is decrypted and nothing after the hello is
//! looked at; a hello that is cut gives what came. RFC 8446 section 4.1, RFC 6066 section 3, RFC 7301.
//!
//! Of texts only a well-formed host name is handed on; protocols and versions are closed sets.

pub use crate::flow::{Alpn, TlsVersion as Version};
use crate::limits::{TLS_EXTENSIONS_MAX, TLS_HELLO_BYTES_MAX, TLS_PROTOCOLS_MAX};

/// What a hello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// It is the client's; what it names is offered. Else it is the server's, and chosen.
    pub is_client: bool,
    /// `server_name` of a client, in small letters: a DNS name of 253 bytes at the most.
    pub server_name: Option<String>,
    /// Protocols above TLS, in the order of preference; each once. Of a server one, and in TLS 1.3 none,
    /// as it is encrypted there.
    pub alpn: Vec<Alpn>,
    /// The highest version that is offered, or the chosen one.
    pub version: Option<Version>,
    /// It offers to encrypt the real hello (ECH): the name may be that of a front.
    pub encrypted_hello: bool,
    /// It was read to its end.
    pub whole: bool,
}

/// The version of a number on the wire.
fn version_of(number: u16) -> Option<Version> {
    Some(match number {
        0x0300 => Version::Ssl3,
        0x0301 => Version::Tls10,
        0x0302 => Version::Tls11,
        0x0303 => Version::Tls12,
        0x0304 => Version::Tls13,
        _ => return None,
    })
}

/// The protocol of a name on the wire.
fn alpn_of(name: &[u8]) -> Option<Alpn> {
    Some(match name {
        b"http/1.0" => Alpn::Http10,
        b"http/1.1" => Alpn::Http11,
        b"h2" => Alpn::Http2,
        b"h3" => Alpn::Http3,
        // What clients add so that servers do not stumble over the unknown (RFC 8701).
        [a, b] if a == b && a & 0xf == 0xa => return None,
        _ => Alpn::Other,
    })
}

/// Reads the hello at the beginning of `bytes`, the first bytes of one direction: records of type
/// handshake, over which the hello may be spread. `None` if they begin with something else or end before
/// the version. Looks at `limits::TLS_HELLO_BYTES_MAX` bytes.
pub fn read(bytes: &[u8]) -> Option<Hello> {
    let handshake = handshake(bytes);
    let mut input = Input(&handshake);
    let is_client = match input.u8()? {
        1 => true,
        2 => false,
        _ => return None,
    };
    let length = input.u24()?;
    let mut cut = input.0.len() < length;
    let mut input = Input(&input.0[..length.min(input.0.len())]);
    let version = version_of(input.u16()?);
    let mut hello = Hello {
        is_client,
        server_name: None,
        alpn: Vec::new(),
        // Before `supported_versions` this was the offer.
        version,
        encrypted_hello: false,
        whole: false,
    };
    version?;
    if let Some(mut extensions) = hello_extensions(&mut input, is_client, &mut cut) {
        for _ in 0..TLS_EXTENSIONS_MAX {
            let Some((kind, content)) = extensions.u16().zip(extensions.vector16(&mut cut)) else { break };
            extension(&mut hello, kind, content);
        }
        cut |= !extensions.0.is_empty();
    }
    hello.whole = !cut;
    Some(hello)
}

/// What comes before the extensions, down to them. `None` if they are not reached or there are none.
fn hello_extensions<'a>(input: &mut Input<'a>, is_client: bool, cut: &mut bool) -> Option<Input<'a>> {
    let before = *cut;
    *cut = true;
    input.take(32)?;
    let session = input.u8()?;
    input.take(usize::from(session))?;
    if is_client {
        let ciphers = input.u16()?;
        input.take(usize::from(ciphers))?;
        let compressions = input.u8()?;
        input.take(usize::from(compressions))?;
    } else {
        input.take(3)?;
    }
    *cut = before;
    if input.0.is_empty() {
        return None;
    }
    let extensions = input.vector16(cut);
    *cut |= extensions.is_none();
    extensions
}

/// What one extension says. A cut one gives its beginning.
fn extension(hello: &mut Hello, kind: u16, mut content: Input) {
    const SERVER_NAME: u16 = 0;
    const ALPN: u16 = 16;
    const SUPPORTED_VERSIONS: u16 = 43;
    const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    match kind {
        SERVER_NAME if hello.is_client => hello.server_name = server_name(content),
        ALPN => alpn(hello, content),
        SUPPORTED_VERSIONS if hello.is_client => {
            let Some(_length) = content.u8() else { return };
            let mut highest = None;
            // RFC 8701 values and drafts are no versions here.
            while let Some(number) = content.u16() {
                highest = highest.max(version_of(number));
            }
            hello.version = highest.or(hello.version);
        }
        SUPPORTED_VERSIONS => {
            if let Some(version) = content.u16().and_then(version_of) {
                hello.version = Some(version);
            }
        }
        ENCRYPTED_CLIENT_HELLO if hello.is_client => hello.encrypted_hello = true,
        _ => {}
    }
}

fn server_name(mut content: Input) -> Option<String> {
    const HOST_NAME: u8 = 0;
    content.u16()?;
    (content.u8()? == HOST_NAME).then_some(())?;
    let length = content.u16()?;
    // A cut name is another name.
    let name = content.take(usize::from(length))?;
    is_dns_name(name).then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63 bytes, 253 together. An address is no
/// name here (RFC 6066 section 3).
fn is_dns_name(name: &[u8]) -> bool {
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    name.len() <= 253
        && name.split(|&byte| byte == b'.').all(label)
        && !last.iter().all(|byte| byte.is_ascii_digit())
}

fn alpn(hello: &mut Hello, mut content: Input) {
    let Some(_length) = content.u16() else { return };
    for _ in 0..TLS_PROTOCOLS_MAX {
        let Some(length) = content.u8() else { return };
        let Some(name) = content.take(usize::from(length)) else { return };
        if let Some(protocol) = alpn_of(name)
            && !hello.alpn.contains(&protocol)
        {
            hello.alpn.push(protocol);
        }
    }
}

/// The handshake bytes of the first records, without their heads.
fn handshake(bytes: &[u8]) -> Vec<u8> {
    const HANDSHAKE: u8 = 22;
    let mut input = Input(&bytes[..bytes.len().min(TLS_HELLO_BYTES_MAX)]);
    let mut handshake = Vec::new();
    // Other records (a change of cipher, an alert) end what is in clear.
    while let Some([HANDSHAKE, 3, _, high, low]) = input.take(5).and_then(|head| head.first_chunk::<5>()) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let content = &input.0[..length.min(input.0.len())];
        if content.is_empty() {
            break;
        }
        handshake.extend_from_slice(content);
        input.0 = &input.0[content.len()..];
    }
    handshake
}

/// Bytes still to be read; every number is big-endian.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| bytes.first_chunk()).map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn u24(&mut self) -> Option<usize> {
        self.take(3).map(|bytes| bytes.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    /// A vector with a length of two bytes, or as much of it as there is.
    fn vector16(&mut self, cut: &mut bool) -> Option<Input<'a>> {
        let length = usize::from(self.u16()?);
        *cut |= length > self.0.len();
        self.take(length.min(self.0.len())).map(Input)
    }
}

/// Reads any bytes and checks what must hold of every hello, also of every shorter beginning.
pub fn fuzz(data: &[u8]) {
    let whole = read(data);
    for hello in [&whole, &read(&data[..data.len() / 2])].into_iter().flatten() {
        assert!(hello.alpn.len() <= 5, "a protocol twice");
        assert!(hello.is_client || hello.server_name.is_none(), "a server that names itself");
        assert!(hello.server_name.as_ref().is_none_or(|name| is_dns_name(name.as_bytes())));
    }
}
