//! The process that makes the system calls of the conformance test: this test binary, started again
//! with a case to play. It writes down what its server end really received and sent.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::Mutex;

use schema::loss::Loss;
use sensor::source::kernel::FrontEnd;

mod ends;

use ends::{Actor, REQUEST, check, message, noise, pipe, receive_exact, send_all, vectors};

/// What the ring must say of one direction.
#[derive(Clone, Copy)]
pub enum Expect {
    /// Every byte.
    Exact,
    /// Some bytes are missing, for this reason.
    Missing(Loss),
    /// Some bytes are missing, for one of these reasons.
    MissingOneOf(&'static [Loss]),
    /// Bytes may be missing, but only for this reason.
    Either(Loss),
}

/// One case: what the actor does and what must be seen of its server end.
pub struct Case {
    pub name: &'static str,
    /// Connections that the server end has, one after the other.
    pub connections: usize,
    pub inbound: fn(FrontEnd) -> Expect,
    pub outbound: fn(FrontEnd) -> Expect,
    act: fn(&mut Actor) -> io::Result<()>,
}

fn exact(_: FrontEnd) -> Expect {
    Expect::Exact
}

/// Seen by the socket front end for what it is, by the other only through the socket's counters.
macro_rules! by_front_end {
    ($socket:expr, $syscall:expr) => {
        |front_end| match front_end {
            FrontEnd::Socket => $socket,
            FrontEnd::Syscall => $syscall,
        }
    };
}

macro_rules! case {
    ($name:literal, $inbound:expr, $outbound:expr, $act:expr) => {
        Case { name: $name, connections: 1, inbound: $inbound, outbound: $outbound, act: $act }
    };
}

use Expect::{Either, Missing, MissingOneOf};
use Loss::{BodyBudget, Compat, ForeignSyscall, IoUring, MessageBatch, Splice, Truncated, UnknownSyscall};
use Loss::{Unordered, Urgent, VectorTooLong};

/// All cases.
pub const CASES: &[Case] = &[
    case!("read-write", exact, exact, read_write),
    case!("readv-writev", exact, exact, readv_writev),
    case!("sendto-recvfrom", exact, exact, sendto_recvfrom),
    case!("sendmsg-recvmsg", exact, exact, sendmsg_recvmsg),
    case!("sendmmsg-recvmmsg", |_| Missing(MessageBatch), |_| Missing(MessageBatch), sendmmsg_recvmmsg),
    case!("peek", exact, exact, peek),
    case!("truncate", |_| Missing(Truncated), exact, truncate),
    case!("sendfile", exact, |_| Missing(Splice), sendfile),
    case!("splice-to-socket", exact, |_| Missing(Splice), splice_to_socket),
    case!(
        "splice-from-socket",
        by_front_end!(Missing(Unordered), Missing(Splice)),
        exact,
        splice_from_socket
    ),
    case!(
        "io-uring",
        by_front_end!(Missing(IoUring), Missing(Unordered)),
        by_front_end!(Missing(IoUring), Missing(Unordered)),
        io_uring_both
    ),
    case!(
        "io-uring-task-work",
        by_front_end!(MissingOneOf(&[ForeignSyscall, UnknownSyscall, IoUring]), Missing(Unordered)),
        exact,
        io_uring_task_work
    ),
    case!(
        "unknown-call",
        by_front_end!(Missing(UnknownSyscall), Missing(Unordered)),
        by_front_end!(Missing(UnknownSyscall), Missing(Unordered)),
        unknown_call
    ),
    case!("dup", exact, exact, dup),
    case!("fork", exact, exact, fork),
    case!("pass-descriptor", exact, exact, pass_descriptor),
    Case { name: "descriptor-reuse", connections: 2, inbound: exact, outbound: exact, act: descriptor_reuse },
    case!("threads-in-turn", exact, exact, threads_in_turn),
    case!("threads-racing", exact, |_| Either(Unordered), threads_racing),
    case!("threads-duplex", exact, exact, threads_duplex),
    case!("megabyte", exact, |_| Missing(BodyBudget), megabyte),
    case!("partial-write", exact, |_| Missing(BodyBudget), partial_write),
    case!("byte-by-byte", exact, exact, byte_by_byte),
    case!("ipv6", exact, exact, ipv6),
    case!("v4-mapped", exact, exact, v4_mapped),
    case!("urgent-data", |_| Missing(Unordered), |_| Missing(Urgent), urgent_data),
    case!("end-with-last-bytes", exact, exact, end_with_last_bytes),
    case!("short-first-segment", exact, exact, short_first_segment),
    case!("reset", exact, exact, reset),
    case!("long-vector", exact, |_| Missing(VectorTooLong), long_vector),
    case!("vector-with-bad-memory", exact, exact, vector_with_bad_memory),
    case!("nothing-moved", exact, exact, nothing_moved),
    case!("compat", exact, by_front_end!(Missing(Compat), Missing(Unordered)), compat),
];

/// Plays the case of the environment; does nothing when the test runner is asked for ignored tests.
#[test]
#[ignore = "started by the conformance test"]
fn act() {
    let (Ok(name), Some(folder)) =
        (std::env::var("APICENSUS_TEST_CASE"), std::env::var_os("APICENSUS_TEST_FOLDER"))
    else {
        return;
    };
    let case = CASES.iter().find(|case| case.name == name).expect("a known case");
    let mut actor = Actor { folder: folder.into(), port: 0, done: 0, ends: None };
    (case.act)(&mut actor).expect("the calls of the case");
    actor.hang_up().expect("the truth is written");
}

fn read_write(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(5000, 1))?;
    let mut got = 0;
    while got < 5000 {
        let mut buffer = [0u8; 700];
        // SAFETY: a live buffer.
        let count = check(unsafe { libc::read(ends.s(), buffer.as_mut_ptr().cast(), buffer.len()) })?;
        ends.received.extend_from_slice(&buffer[..count]);
        got += count;
    }
    for (length, seed) in [(1, 2), (511, 3), (512, 4), (513, 5), (2048, 6), (8193, 7), (40_000, 8)] {
        let bytes = noise(length, seed);
        // SAFETY: a live buffer.
        let count = check(unsafe { libc::write(ends.s(), bytes.as_ptr().cast(), bytes.len()) })?;
        ends.gave(&bytes[..count])?;
    }
    Ok(())
}

fn readv_writev(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(3801, 1))?;
    ends.wait_for(ends.s(), 3801)?;
    let mut parts = vec![vec![0; 100], vec![], vec![0; 700], vec![0; 1], vec![0; 3500]];
    let list = vectors(&mut parts);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::readv(ends.s(), list.as_ptr(), 5) })?;
    ends.received.extend_from_slice(&parts.concat()[..count]);
    let mut parts = vec![noise(100, 2), vec![], noise(600, 3), noise(1, 4), noise(9000, 5)];
    let list = vectors(&mut parts);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::writev(ends.s(), list.as_ptr(), 5) })?;
    ends.gave(&parts.concat()[..count])
}

fn sendto_recvfrom(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(900, 1))?;
    let mut buffer = [0u8; 2000];
    let (none, zero) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: a live buffer, no address.
    let count = check(unsafe { libc::recvfrom(ends.s(), buffer.as_mut_ptr().cast(), 2000, 0, none, zero) })?;
    ends.received.extend_from_slice(&buffer[..count]);
    let bytes = noise(1500, 2);
    // SAFETY: as above.
    let count = check(unsafe {
        libc::sendto(ends.s(), bytes.as_ptr().cast(), 1500, libc::MSG_NOSIGNAL, ptr::null(), 0)
    })?;
    ends.gave(&bytes[..count])
}

fn sendmsg_recvmsg(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(2500, 1))?;
    ends.wait_for(ends.s(), 2500)?;
    let mut parts = vec![vec![0; 1000], vec![0; 1000], vec![0; 1000]];
    let mut list = vectors(&mut parts);
    let mut header = message(&mut list);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::recvmsg(ends.s(), &raw mut header, 0) })?;
    ends.received.extend_from_slice(&parts.concat()[..count]);
    let mut parts = vec![noise(10, 2), noise(3000, 3), noise(500, 4)];
    let mut list = vectors(&mut parts);
    let header = message(&mut list);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::sendmsg(ends.s(), &raw const header, 0) })?;
    ends.gave(&parts.concat()[..count])
}

fn sendmmsg_recvmmsg(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(1000, 1))?;
    ends.wait_for(ends.s(), 1000)?;
    let mut parts = [vec![0; 400], vec![0; 600]];
    let mut lists: Vec<_> = parts.chunks_mut(1).map(vectors).collect();
    let mut headers: Vec<_> =
        lists.iter_mut().map(|list| libc::mmsghdr { msg_hdr: message(list), msg_len: 0 }).collect();
    // SAFETY: live buffers.
    let count =
        check(unsafe { libc::recvmmsg(ends.s(), headers.as_mut_ptr(), 2, 0, ptr::null_mut()) } as isize)?;
    let length: u32 = headers[..count].iter().map(|header| header.msg_len).sum();
    ends.received.extend_from_slice(&parts.concat()[..length as usize]);
    let mut parts = [noise(500, 2), noise(700, 3), noise(900, 4)];
    let mut lists: Vec<_> = parts.chunks_mut(1).map(vectors).collect();
    let mut headers: Vec<_> =
        lists.iter_mut().map(|list| libc::mmsghdr { msg_hdr: message(list), msg_len: 0 }).collect();
    // SAFETY: live buffers.
    let count = check(unsafe { libc::sendmmsg(ends.s(), headers.as_mut_ptr(), 3, 0) } as isize)?;
    let length: u32 = headers[..count].iter().map(|header| header.msg_len).sum();
    ends.gave(&parts.concat()[..length as usize])?;
    ends.offer(&noise(50, 5))?;
    ends.take(50)?;
    ends.give(&noise(60, 6))
}

fn peek(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(300, 1))?;
    ends.wait_for(ends.s(), 300)?;
    let mut buffer = [0u8; 300];
    for _ in 0..3 {
        // SAFETY: a live buffer.
        check(unsafe { libc::recv(ends.s(), buffer.as_mut_ptr().cast(), 200, libc::MSG_PEEK) })?;
    }
    ends.take(300)?;
    ends.give(&noise(10, 2))
}

fn truncate(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let bytes = noise(500, 1);
    ends.offer(&bytes)?;
    ends.wait_for(ends.s(), 500)?;
    let mut buffer = [0u8; 500];
    // SAFETY: a live buffer, although TCP drops the bytes instead of writing them (tcp(7)).
    let count = check(unsafe { libc::recv(ends.s(), buffer.as_mut_ptr().cast(), 500, libc::MSG_TRUNC) })?;
    ends.received.extend_from_slice(&bytes[..count]);
    ends.offer(&noise(20, 2))?;
    ends.take(20)
}

fn sendfile(actor: &mut Actor) -> io::Result<()> {
    let path = actor.folder.join("file");
    let bytes = noise(20_000, 1);
    std::fs::write(&path, &bytes)?;
    let file = std::fs::File::open(&path)?;
    let ends = actor.connect()?;
    ends.give(&noise(100, 2))?;
    let mut sent = 0;
    while sent < bytes.len() {
        let rest = bytes.len() - sent;
        // SAFETY: two open descriptors.
        sent += check(unsafe { libc::sendfile(ends.s(), file.as_raw_fd(), ptr::null_mut(), rest) })?;
    }
    ends.gave(&bytes)?;
    ends.give(&noise(100, 3))
}

fn splice_to_socket(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (out, into) = pipe()?;
    let bytes = noise(3000, 1);
    // SAFETY: live buffer, open descriptors.
    unsafe {
        check(libc::write(into.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()))?;
        let mut left = bytes.len();
        while left > 0 {
            left -=
                check(libc::splice(out.as_raw_fd(), ptr::null_mut(), ends.s(), ptr::null_mut(), left, 0))?;
        }
    }
    ends.gave(&bytes)?;
    ends.give(&noise(100, 2))
}

fn splice_from_socket(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (out, into) = pipe()?;
    ends.offer(&noise(3000, 1))?;
    ends.wait_for(ends.s(), 3000)?;
    // SAFETY: open descriptors.
    let count = check(unsafe {
        libc::splice(ends.s(), ptr::null_mut(), into.as_raw_fd(), ptr::null_mut(), 2000, 0)
    })?;
    let mut buffer = vec![0u8; count];
    // SAFETY: a live buffer.
    check(unsafe { libc::read(out.as_raw_fd(), buffer.as_mut_ptr().cast(), count) })?;
    ends.received.extend_from_slice(&buffer);
    ends.take(3000 - count)?;
    ends.offer(&noise(100, 2))?;
    ends.take(100)
}

fn io_uring_both(actor: &mut Actor) -> io::Result<()> {
    let mut ring = io_uring::IoUring::new(8)?;
    let ends = actor.connect()?;
    ends.offer(&noise(1000, 1))?;
    ends.wait_for(ends.s(), 1000)?;
    let mut buffer = vec![0u8; 1000];
    let descriptor = io_uring::types::Fd(ends.s());
    let entry = io_uring::opcode::Recv::new(descriptor, buffer.as_mut_ptr(), 1000).build();
    let count = submit(&mut ring, &entry)?;
    ends.received.extend_from_slice(&buffer[..count]);
    let bytes = noise(2000, 2);
    let entry = io_uring::opcode::Send::new(descriptor, bytes.as_ptr(), 2000).build();
    let count = submit(&mut ring, &entry)?;
    ends.gave(&bytes[..count])?;
    // Plain calls behind them: their bytes stand in the right places.
    ends.offer(&noise(100, 3))?;
    ends.take(100)?;
    ends.give(&noise(100, 4))?;
    ends.offer(&noise(100, 5))?;
    ends.take(100)?;
    ends.give(&noise(100, 6))
}

fn submit(ring: &mut io_uring::IoUring, entry: &io_uring::squeue::Entry) -> io::Result<usize> {
    // SAFETY: the caller keeps the buffer until the completion, which is awaited here.
    unsafe { ring.submission().push(entry) }.map_err(|_| io::Error::other("the queue is full"))?;
    ring.submit_and_wait(1)?;
    let done = ring.completion().next().ok_or(io::ErrorKind::UnexpectedEof)?;
    check(done.result() as isize)
}

fn io_uring_task_work(actor: &mut Actor) -> io::Result<()> {
    let mut ring = io_uring::IoUring::new(8)?;
    let ends = actor.connect()?;
    let (out, into) = pipe()?;
    let mut buffer = vec![0u8; 800];
    let entry = io_uring::opcode::Recv::new(io_uring::types::Fd(ends.s()), buffer.as_mut_ptr(), 800).build();
    // SAFETY: the buffer lives until the completion below.
    unsafe { ring.submission().push(&entry) }.map_err(|_| io::Error::other("the queue is full"))?;
    ring.submit()?;
    // Nothing is there yet: the receive completes in the middle of whatever this thread does later.
    ends.offer(&noise(800, 1))?;
    let mut byte = [7u8; 1];
    let mut count = None;
    while count.is_none() {
        // SAFETY: a live byte, open descriptors.
        unsafe {
            check(libc::write(into.as_raw_fd(), byte.as_ptr().cast(), 1))?;
            check(libc::read(out.as_raw_fd(), byte.as_mut_ptr().cast(), 1))?;
        }
        count = ring.completion().next().map(|done| done.result());
    }
    let count = check(count.unwrap_or(0) as isize)?;
    ends.received.extend_from_slice(&buffer[..count]);
    ends.take(800 - count)?;
    ends.offer(&noise(100, 2))?;
    ends.take(100)
}

fn unknown_call(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.offer(&noise(600, 1))?;
    ends.wait_for(ends.s(), 600)?;
    let mut parts = vec![vec![0; 600]];
    let list = vectors(&mut parts);
    // SAFETY: live buffers; an offset of -1 means the current position, as a socket needs it.
    let count = check(unsafe { libc::preadv2(ends.s(), list.as_ptr(), 1, -1, 0) })?;
    ends.received.extend_from_slice(&parts[0][..count]);
    let mut parts = vec![noise(700, 2)];
    let list = vectors(&mut parts);
    // SAFETY: as above.
    let count = check(unsafe { libc::pwritev2(ends.s(), list.as_ptr(), 1, -1, 0) })?;
    ends.gave(&parts[0][..count])?;
    ends.offer(&noise(50, 3))?;
    ends.take(50)?;
    ends.give(&noise(60, 4))
}

fn dup(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let other = ends.server.try_clone()?;
    ends.give(&noise(100, 1))?;
    ends.server = other;
    ends.offer(&noise(200, 2))?;
    ends.take(200)?;
    ends.give(&noise(300, 3))
}

/// Runs `work` in a forked child; an error there is an error here.
fn in_child(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: the child only makes system calls on what it inherits and leaves by `_exit`.
    unsafe {
        let child = libc::fork();
        check(child as isize)?;
        if child == 0 {
            libc::_exit(i32::from(work().is_err()));
        }
        let mut status = 0;
        check(libc::waitpid(child, &raw mut status, 0) as isize)?;
        if status == 0 { Ok(()) } else { Err(io::Error::other("the child failed")) }
    }
}

fn fork(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (first, second) = (noise(1000, 1), noise(1100, 2));
    let descriptor = ends.s();
    in_child(|| send_all(descriptor, &first))?;
    ends.gave(&first)?;
    ends.give(&second)?;
    ends.offer(&noise(10, 3))?;
    ends.take(10)
}

fn pass_descriptor(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (here, there) = std::os::unix::net::UnixStream::pair()?;
    let bytes = noise(1200, 1);
    let mut control = [0u64; 8];
    let mut payload = vec![vec![1u8]];
    // SAFETY: `control` has room and alignment for one header and one descriptor.
    unsafe {
        let mut list = vectors(&mut payload);
        let mut header = message(&mut list);
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(4) as usize;
        let part = libc::CMSG_FIRSTHDR(&raw const header);
        (*part).cmsg_level = libc::SOL_SOCKET;
        (*part).cmsg_type = libc::SCM_RIGHTS;
        (*part).cmsg_len = libc::CMSG_LEN(4) as usize;
        libc::CMSG_DATA(part).cast::<RawFd>().write_unaligned(ends.s());
        check(libc::sendmsg(here.as_raw_fd(), &raw const header, 0))?;
    }
    in_child(|| {
        let mut control = [0u64; 8];
        let mut payload = vec![vec![0u8]];
        // SAFETY: as above.
        let descriptor = unsafe {
            let mut list = vectors(&mut payload);
            let mut header = message(&mut list);
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of_val(&control);
            check(libc::recvmsg(there.as_raw_fd(), &raw mut header, 0))?;
            libc::CMSG_DATA(libc::CMSG_FIRSTHDR(&raw const header)).cast::<RawFd>().read_unaligned()
        };
        send_all(descriptor, &bytes)
    })?;
    ends.gave(&bytes)?;
    ends.give(&noise(70, 2))
}

fn descriptor_reuse(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let before = ends.s();
    ends.give(&noise(100, 1))?;
    actor.hang_up()?;
    let port = actor.port;
    // The same port as well, so that only the socket itself tells the two apart.
    actor.connect_quietly(&format!("127.0.0.1:{port}"))?;
    let ends = actor.ends.as_mut().expect("connected");
    assert_eq!(before, ends.s(), "the descriptor is used again");
    ends.offer(REQUEST)?;
    ends.take(REQUEST.len())?;
    ends.give(&noise(200, 2))
}

fn threads_in_turn(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (server, client) = (ends.s(), ends.c());
    let sent = Mutex::new(Vec::new());
    std::thread::scope(|scope| -> io::Result<()> {
        let writers: Vec<_> = (0..4u64)
            .map(|thread| {
                let sent = &sent;
                scope.spawn(move || -> io::Result<()> {
                    for turn in 0..50 {
                        let bytes = noise(300, 1 + thread * 100 + turn);
                        let mut sent = sent.lock().expect("no writer panics");
                        send_all(server, &bytes)?;
                        sent.extend(bytes);
                    }
                    Ok(())
                })
            })
            .collect();
        receive_exact(client, 4 * 50 * 300)?;
        writers.into_iter().try_for_each(|writer| writer.join().expect("no writer panics"))
    })?;
    ends.sent = sent.into_inner().expect("no writer panics");
    Ok(())
}

fn threads_racing(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (server, client) = (ends.s(), ends.c());
    let got = std::thread::scope(|scope| -> io::Result<Vec<u8>> {
        for thread in 0..4u64 {
            scope.spawn(move || {
                for turn in 0..200 {
                    send_all(server, &noise(300, 1 + thread * 1000 + turn)).expect("the client receives");
                }
            });
        }
        receive_exact(client, 4 * 200 * 300)
    })?;
    // Only the receiver knows in which order they went.
    ends.sent.extend(got);
    ends.give(&noise(100, 9999))
}

fn threads_duplex(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (server, client) = (ends.s(), ends.c());
    let (up, down) = (noise(100_000, 1), noise(120_000, 2));
    let received = std::thread::scope(|scope| -> io::Result<Vec<u8>> {
        let client_writes = scope.spawn(|| up.chunks(777).try_for_each(|bytes| send_all(client, bytes)));
        let server_writes = scope.spawn(|| down.chunks(1313).try_for_each(|bytes| send_all(server, bytes)));
        let server_reads = scope.spawn(|| receive_exact(server, up.len()));
        assert!(receive_exact(client, down.len())? == down);
        client_writes.join().expect("no panic")?;
        server_writes.join().expect("no panic")?;
        server_reads.join().expect("no panic")
    })?;
    ends.received.extend(received);
    ends.sent.extend(down);
    Ok(())
}

fn megabyte(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let (server, client) = (ends.s(), ends.c());
    let bytes = noise(1 << 20, 1);
    let count = std::thread::scope(|scope| -> io::Result<usize> {
        let reader = scope.spawn(|| receive_exact(client, bytes.len()));
        // SAFETY: a live buffer.
        let count = check(unsafe { libc::write(server, bytes.as_ptr().cast(), bytes.len()) })?;
        reader.join().expect("no panic").map(|_| count)
    })?;
    assert_eq!(count, bytes.len(), "one call");
    ends.sent.extend_from_slice(&bytes);
    ends.offer(&noise(30, 2))?;
    ends.take(30)?;
    ends.give(&noise(40, 3))
}

fn partial_write(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let bytes = noise(8 << 20, 1);
    // SAFETY: a live buffer.
    let count =
        check(unsafe { libc::send(ends.s(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) })?;
    assert!(count < bytes.len(), "the call takes only a part");
    ends.gave(&bytes[..count])?;
    ends.give(&noise(40, 3))
}

fn byte_by_byte(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect_quietly("127.0.0.1:0")?;
    for byte in REQUEST {
        ends.offer(&[*byte])?;
        ends.take(1)?;
    }
    for byte in noise(60, 1) {
        ends.give(&[byte])?;
    }
    Ok(())
}

fn over(actor: &mut Actor, address: &str) -> io::Result<()> {
    let ends = actor.connect_quietly(address)?;
    ends.offer(REQUEST)?;
    ends.take(REQUEST.len())?;
    ends.give(&noise(3000, 1))?;
    ends.offer(&noise(1000, 2))?;
    ends.take(1000)
}

fn ipv6(actor: &mut Actor) -> io::Result<()> {
    over(actor, "[::1]:0")
}

fn v4_mapped(actor: &mut Actor) -> io::Result<()> {
    over(actor, "[::]:0")
}

fn urgent_data(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let bytes = noise(100, 1);
    ends.offer(&bytes)?;
    ends.take(100)?;
    let urgent = [0x21u8];
    // SAFETY: a live byte.
    check(unsafe { libc::send(ends.c(), urgent.as_ptr().cast(), 1, libc::MSG_OOB) })?;
    let after = noise(100, 2);
    ends.offer(&after)?;
    // The urgent byte has its place in the stream, but an ordinary receive steps over it.
    ends.received.push(urgent[0]);
    ends.take(100)?;
    ends.give(&noise(50, 3))?;
    // SAFETY: a live byte.
    check(unsafe { libc::send(ends.s(), urgent.as_ptr().cast(), 1, libc::MSG_OOB) })?;
    ends.sent.push(urgent[0]);
    ends.give(&noise(50, 4))
}

/// The last bytes and the end of the direction are taken by one receive.
fn end_with_last_bytes(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.give(&noise(80, 1))?;
    ends.offer(&noise(300, 2))?;
    // SAFETY: an open descriptor.
    check(unsafe { libc::shutdown(ends.c(), libc::SHUT_WR) } as isize)?;
    let mut poll = libc::pollfd { fd: ends.s(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one valid pollfd.
    check(unsafe { libc::poll(&raw mut poll, 1, 5000) } as isize)?;
    let mut buffer = [0u8; 1000];
    // SAFETY: a live buffer.
    let count = check(unsafe { libc::recv(ends.s(), buffer.as_mut_ptr().cast(), 1000, 0) })?;
    ends.received.extend_from_slice(&buffer[..count]);
    ends.give(&noise(90, 3))
}

/// The start line stands in several segments, the first ones too short to tell anything.
fn short_first_segment(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect_quietly("127.0.0.1:0")?;
    ends.offer(REQUEST)?;
    ends.wait_for(ends.s(), REQUEST.len())?;
    let mut parts = vec![vec![0; 0], vec![0; 2], vec![0; 400]];
    let list = vectors(&mut parts);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::readv(ends.s(), list.as_ptr(), 3) })?;
    ends.received.extend_from_slice(&parts.concat()[..count]);
    ends.give(&noise(100, 1))
}

/// The server closes by a reset, which clears the counters of its socket.
fn reset(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    ends.give(&noise(100, 1))?;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of_val(&linger) as libc::socklen_t;
    // SAFETY: a live structure of that size.
    check(unsafe {
        libc::setsockopt(ends.s(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size)
    } as isize)
    .map(drop)
}

fn long_vector(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let mut parts: Vec<_> = (0..40).map(|i| noise(50, 1 + i)).collect();
    let list = vectors(&mut parts);
    // SAFETY: live buffers.
    let count = check(unsafe { libc::writev(ends.s(), list.as_ptr(), 40) })?;
    ends.gave(&parts.concat()[..count])?;
    ends.give(&noise(100, 99))
}

fn vector_with_bad_memory(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    // More than one packet's worth: what was copied before the bad address is sent.
    let mut good = vec![noise(200_000, 1)];
    let mut list = vectors(&mut good);
    list.push(libc::iovec { iov_base: 8 as *mut _, iov_len: 100 });
    // SAFETY: the kernel checks the bad address and stops before it.
    let count = check(unsafe { libc::writev(ends.s(), list.as_ptr(), 2) })?;
    ends.gave(&good[0][..count])?;
    ends.give(&noise(100, 2))
}

fn nothing_moved(actor: &mut Actor) -> io::Result<()> {
    let ends = actor.connect()?;
    let mut buffer = [0u8; 10];
    // SAFETY: a live buffer. The first moves nothing, the second fails with EAGAIN.
    unsafe {
        check(libc::send(ends.s(), buffer.as_ptr().cast(), 0, 0))?;
        let nothing = libc::recv(ends.s(), buffer.as_mut_ptr().cast(), 10, libc::MSG_DONTWAIT);
        assert!(nothing < 0);
        let wrong = libc::write(ends.s(), 8 as *const _, 10);
        assert!(wrong < 0, "EFAULT");
    }
    ends.give(&noise(100, 1))?;
    ends.offer(&noise(100, 2))?;
    ends.take(100)
}

/// `write` by the 32-bit entry of a 64-bit process.
#[cfg(target_arch = "x86_64")]
fn compat(actor: &mut Actor) -> io::Result<()> {
    let bytes = noise(600, 1);
    // SAFETY: a mapping of its own in the low 4 GiB, where 32-bit addresses reach.
    let low = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let low = libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        assert!(low != libc::MAP_FAILED);
        ptr::copy_nonoverlapping(bytes.as_ptr(), low.cast(), bytes.len());
        low
    };
    let write_32 = |descriptor: RawFd| -> isize {
        let mut result: i64 = 4;
        // SAFETY: `int 0x80` with the 32-bit number of `write`; rbx is saved around it.
        unsafe {
            std::arch::asm!(
                "xchg rbx, {descriptor}", "int 0x80", "xchg rbx, {descriptor}",
                descriptor = inout(reg) i64::from(descriptor) => _,
                inout("rax") result, in("rcx") low, in("rdx") bytes.len(),
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        result as i32 as isize
    };
    let probe = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    // A kernel without 32-bit emulation ends the process, so a child tries it.
    if in_child(|| check(write_32(probe.as_raw_fd())).map(drop)).is_err() {
        std::fs::write(actor.folder.join("skipped"), "this kernel has no 32-bit system calls")?;
        return Ok(());
    }
    let ends = actor.connect()?;
    let count = write_32(ends.s());
    assert!(count > 0, "write by int 0x80");
    ends.gave(&bytes[..count as usize])?;
    ends.give(&noise(100, 2))
}

#[cfg(not(target_arch = "x86_64"))]
fn compat(actor: &mut Actor) -> io::Result<()> {
    std::fs::write(actor.folder.join("skipped"), "not an x86-64 machine")
}
