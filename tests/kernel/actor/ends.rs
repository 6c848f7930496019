//! The actor's connection to itself: both ends in one process, and the truth of its server end, which
//! the conformance test compares with what the sensor saw. The calls under test are not made here.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

/// One connection to itself, with the truth of its server end.
pub(super) struct Ends {
    pub(super) client: OwnedFd,
    pub(super) server: OwnedFd,
    pub(super) received: Vec<u8>,
    pub(super) sent: Vec<u8>,
}

pub(super) struct Actor {
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    pub(super) done: usize,
    pub(super) ends: Option<Ends>,
}

pub(super) const REQUEST: &[u8] = b"GET /conformance HTTP/1.1\r\nHost: x\r\n\r\n";

pub(super) fn check(result: isize) -> io::Result<usize> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as usize) }
}

/// Bytes that repeat nowhere within a case.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

pub(super) fn send_all(fd: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: a live slice.
        let count = check(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) })?;
        bytes = &bytes[count..];
    }
    Ok(())
}

pub(super) fn receive_exact(fd: RawFd, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let rest = &mut bytes[filled..];
        // SAFETY: a live slice.
        let count = check(unsafe { libc::recv(fd, rest.as_mut_ptr().cast(), rest.len(), 0) })?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
    }
    Ok(bytes)
}

pub(super) fn vectors(parts: &mut [Vec<u8>]) -> Vec<libc::iovec> {
    parts.iter_mut().map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() }).collect()
}

pub(super) fn message(vectors: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: all members may be zero.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = vectors.as_mut_ptr();
    header.msg_iovlen = vectors.len();
    header
}

pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which are then owned here alone.
    unsafe {
        check(libc::pipe(ends.as_mut_ptr()) as isize)?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

impl Actor {
    /// A connection over 127.0.0.1 whose server end has received one request.
    pub(super) fn connect(&mut self) -> io::Result<&mut Ends> {
        self.connect_quietly("127.0.0.1:0")?;
        let ends = self.ends.as_mut().expect("connected");
        send_all(ends.client.as_raw_fd(), REQUEST)?;
        ends.take(REQUEST.len())?;
        Ok(ends)
    }

    /// A connection without a byte so far.
    pub(super) fn connect_quietly(&mut self, address: &str) -> io::Result<&mut Ends> {
        let listener = std::net::TcpListener::bind(address)?;
        let mut target = listener.local_addr()?;
        if address.starts_with("[::]") {
            target.set_ip([127, 0, 0, 1].into());
        }
        let client = std::net::TcpStream::connect(target)?;
        let (server, _) = listener.accept()?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.port = target.port();
        Ok(self.ends.insert(Ends {
            client: client.into(),
            server: server.into(),
            received: Vec::new(),
            sent: Vec::new(),
        }))
    }

    /// Closes the connection and writes down its truth.
    pub(super) fn hang_up(&mut self) -> io::Result<()> {
        if let Some(ends) = self.ends.take() {
            std::fs::write(self.folder.join(format!("in-{}", self.done)), &ends.received)?;
            std::fs::write(self.folder.join(format!("out-{}", self.done)), &ends.sent)?;
            std::fs::write(self.folder.join("port"), self.port.to_string())?;
            self.done += 1;
        }
        Ok(())
    }
}

impl Ends {
    pub(super) fn c(&self) -> RawFd {
        self.client.as_raw_fd()
    }

    pub(super) fn s(&self) -> RawFd {
        self.server.as_raw_fd()
    }

    /// The client sends; nothing is received yet.
    pub(super) fn offer(&mut self, bytes: &[u8]) -> io::Result<()> {
        send_all(self.c(), bytes)
    }

    /// The server receives by plain `recv`.
    pub(super) fn take(&mut self, length: usize) -> io::Result<()> {
        let bytes = receive_exact(self.s(), length)?;
        self.received.extend(bytes);
        Ok(())
    }

    /// Notes what the server sent and lets the client receive it.
    pub(super) fn gave(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent.extend_from_slice(bytes);
        let got = receive_exact(self.c(), bytes.len())?;
        assert!(got == bytes, "the client received what the server sent");
        Ok(())
    }

    /// The server sends by plain `send`.
    pub(super) fn give(&mut self, bytes: &[u8]) -> io::Result<()> {
        send_all(self.s(), bytes)?;
        self.gave(bytes)
    }

    /// Waits until so many bytes can be received at once.
    pub(super) fn wait_for(&self, fd: RawFd, length: usize) -> io::Result<()> {
        let mut ready: libc::c_int = 0;
        while (ready as usize) < length {
            // SAFETY: a live integer.
            check(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut ready) } as isize)?;
            std::thread::yield_now();
        }
        Ok(())
    }
}
