//! A bounded, keep-alive HTTP/1.1 client for the test API that knows exactly what it sent: a plan that
//! depends on nothing but the number of calls, and checked answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::netns::Netns;
use crate::servers::Tally;

/// How a run of traffic is shaped.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Calls in all.
    pub calls: usize,
    /// Connections, each with one call at a time.
    pub connections: usize,
    /// Upper bound of the rate over all connections; 0 for as fast as it goes.
    pub calls_per_second: u32,
}

/// One call of the plan.
struct Planned {
    method: &'static str,
    path: String,
    /// Bytes of the answer that are asked for, if any.
    size: Option<usize>,
    /// Bytes of the request's JSON body, if it has one.
    body: Option<usize>,
    status: u16,
}

/// A stream of bytes to a server: plain, or what stands above it.
pub trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// Sends the plan's first `load.calls` calls; gives what was sent and answered as planned.
pub fn drive(netns: &Netns, server: SocketAddr, load: Load) -> Result<Tally> {
    drive_over(netns, server, load, &|stream| Ok(Box::new(stream)))
}

/// As [`drive`], over what `wrap` makes of each connection.
pub fn drive_over(
    netns: &Netns,
    server: SocketAddr,
    load: Load,
    wrap: &(dyn Fn(TcpStream) -> Result<Box<dyn Stream>> + Sync),
) -> Result<Tally> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let mut tally = Tally::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..load.connections)
            .map(|_| scope.spawn(|| netns.enter().and_then(|()| work(server, load, &next, started, wrap))))
            .collect();
        for worker in workers {
            let part = worker.join().map_err(|_| anyhow::anyhow!("a client thread panicked"))??;
            for (key, count) in part {
                *tally.entry(key).or_default() += count;
            }
        }
        Ok(tally)
    })
}

fn work(
    server: SocketAddr,
    load: Load,
    next: &AtomicUsize,
    started: Instant,
    wrap: &dyn Fn(TcpStream) -> Result<Box<dyn Stream>>,
) -> Result<Tally> {
    let mut connection = Connection::over(server, wrap)?;
    let mut tally = Tally::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.calls {
            return Ok(tally);
        }
        if load.calls_per_second > 0 {
            let due = Duration::from_secs_f64(number as f64 / f64::from(load.calls_per_second));
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        connection.send(number, &mut tally)?;
    }
}

/// The plan: all methods, ids in paths, errors, bodies of 0 B to 1 MB in both directions.
fn planned(number: usize) -> Planned {
    let id = 1000 + number % 97;
    let word = |name: &str| format!("/api/v1/{name}");
    let call = |method, path, size, body, status| Planned { method, path, size, body, status };
    match number {
        n if n % 1000 == 501 => return call("GET", word("documents"), Some(1_048_576), None, 200),
        n if n % 1000 == 502 => return call("POST", word("documents"), None, Some(1_048_576), 201),
        n if n % 200 == 103 => return call("GET", word("reports"), Some(262_144), None, 200),
        n if n % 200 == 104 => return call("PUT", word("reports"), None, Some(262_144), 200),
        _ => {}
    }
    match number % 20 {
        0..=3 => call("GET", word("items"), Some(1024), None, 200),
        4 | 5 => call("GET", word("items"), Some(64), None, 200),
        6 => call("GET", word("items"), Some(0), None, 200),
        7 => call("GET", word("reports"), Some(16_384), None, 200),
        8 => call("HEAD", word("items"), Some(1024), None, 200),
        9 | 10 => call("GET", format!("/api/v1/orders/{id}"), Some(64), None, 200),
        11 | 12 => call("POST", word("orders"), None, Some(300), 201),
        13 => call("POST", word("items"), None, Some(0), 201),
        14 => call("POST", word("reports"), None, Some(16_384), 201),
        15 => call("PUT", format!("/api/v1/orders/{id}"), None, Some(900), 200),
        16 => call("PATCH", format!("/api/v1/users/{id}"), None, Some(40), 200),
        17 => call("DELETE", format!("/api/v1/orders/{id}"), None, None, 204),
        18 => call("GET", word("archive"), None, None, 404),
        _ => call("GET", word("failure"), None, None, 500),
    }
}

/// A keep-alive connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    server: SocketAddr,
    /// Bytes read past the last answer.
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects from the namespace that the calling thread is in.
    pub fn open(server: SocketAddr) -> Result<Self> {
        Self::over(server, &|stream| Ok(Box::new(stream)))
    }

    fn over(server: SocketAddr, wrap: &dyn Fn(TcpStream) -> Result<Box<dyn Stream>>) -> Result<Self> {
        let stream = TcpStream::connect(server).with_context(|| format!("cannot connect to {server}"))?;
        stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)).context("timeouts")?;
        Ok(Connection { stream: wrap(stream)?, server, buffer: Vec::new() })
    }

    /// Sends the plan's call of that number and adds it to the tally once it is answered as planned.
    pub fn send(&mut self, number: usize, tally: &mut Tally) -> Result<()> {
        let call = planned(number);
        self.call(&call).with_context(|| format!("call {number}: {} {}", call.method, call.path))?;
        *tally.entry((call.method.to_owned(), call.path, call.status)).or_default() += 1;
        Ok(())
    }

    fn call(&mut self, call: &Planned) -> Result<()> {
        let query = call.size.map(|size| format!("?size={size}")).unwrap_or_default();
        let mut request = format!(
            "{} {}{query} HTTP/1.1\r\nHost: {}\r\nUser-Agent: traffic\r\nAccept: application/json\r\n",
            call.method, call.path, self.server
        );
        if let Some(size) = call.body {
            request.push_str(&format!("Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"));
            request.push_str(&json_of(size));
        } else {
            request.push_str("\r\n");
        }
        self.stream.write_all(request.as_bytes()).context("cannot send")?;

        let (status, length) = self.head()?;
        ensure!(status == call.status, "answered {status}, not {}", call.status);
        let length = if call.method == "HEAD" || status == 204 { 0 } else { length };
        if let (Some(size), "GET") = (call.size, call.method) {
            ensure!(length == size, "answered {length} bytes, not {size}");
        }
        self.skip(length)
    }

    /// Status and length of the next answer. The test API always sends a length where there is a body.
    fn head(&mut self) -> Result<(u16, usize)> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end]).context("head is no text")?;
                let status = head.get(9..12).and_then(|text| text.parse().ok()).context("no status line")?;
                let mut length = 0;
                for line in head.lines().skip(1) {
                    let Some((name, value)) = line.split_once(':') else {
                        bail!("no header field: {line:?}")
                    };
                    if name.eq_ignore_ascii_case("content-length") {
                        length = value.trim().parse().context("no content length")?;
                    }
                    let chunked = name.eq_ignore_ascii_case("transfer-encoding");
                    ensure!(!chunked, "the test API sends lengths, not chunks");
                }
                self.buffer.drain(..end + 4);
                return Ok((status, length));
            }
            self.fill()?;
        }
    }

    fn skip(&mut self, mut length: usize) -> Result<()> {
        loop {
            let here = length.min(self.buffer.len());
            self.buffer.drain(..here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut piece = [0; 65_536];
        let count = self.stream.read(&mut piece).context("cannot receive")?;
        ensure!(count > 0, "the server closed the connection");
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

fn json_of(size: usize) -> String {
    if size == 0 { String::new() } else { format!("{{\"name\":\"{}\"}}", "x".repeat(size - 11)) }
}
