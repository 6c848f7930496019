//! One event over the wire of its sink. Everything is bounded in time; no error text holds an address.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};

use super::sink::{Form, Sink, Target};
use super::{Event, form};
use crate::limits::{NOTIFICATION_ANSWER_BYTES_MAX, NOTIFICATION_TIMEOUT_S};

/// The longest wait that a sink may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// What became of one try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken.
    Taken,
    /// The sink does not want this one, and says so by an HTTP status.
    Refused(u16),
    /// The sink cannot be reached or cannot take any now; for as long as it said.
    Away(String, Option<Duration>),
}

/// What sends.
pub(super) struct Wire {
    agent: ureq::Agent,
    host: String,
}

impl Wire {
    pub fn new() -> Wire {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(NOTIFICATION_TIMEOUT_S)))
            // What is told is not for whoever the sink points at.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("apicensus/", env!("CARGO_PKG_VERSION")))
            // As this host trusts: companies have authorities of their own.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Wire { agent: ureq::Agent::new_with_config(config), host }
    }

    pub fn send(&self, sink: &Sink, event: &Event, now_ns: u64) -> Answer {
        match &sink.target {
            Target::Webhook(url, Form::Json) => self.post(url, event, &form::generic(event)),
            Target::Webhook(url, Form::Slack) => self.post(url, event, &form::slack(event)),
            Target::OtlpLogs(url) => self.post(url, event, &form::otlp(event, now_ns)),
            Target::File(path) => {
                let open = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
                // One write, so that lines of several writers do not mix.
                written(open.and_then(|mut file| file.write_all(format!("{}\n", event.line()).as_bytes())))
            }
            Target::SyslogUnix(path) => {
                let message = self.syslog(event);
                written(UnixDatagram::unbound().and_then(|socket| {
                    socket.set_write_timeout(Some(timeout()))?;
                    socket.send_to(message.as_bytes(), path).map(drop)
                }))
            }
            Target::SyslogUdp(address) => {
                let message = self.syslog(event);
                written(resolved(address).and_then(|to| {
                    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    UdpSocket::bind(any)?.send_to(message.as_bytes(), to).map(drop)
                }))
            }
            Target::SyslogTcp(address) => {
                let message = self.syslog(event);
                written(resolved(address).and_then(|to| {
                    let mut stream = TcpStream::connect_timeout(&to, timeout())?;
                    stream.set_write_timeout(Some(timeout()))?;
                    stream.write_all(format!("{} {message}", message.len()).as_bytes())
                }))
            }
        }
    }

    fn syslog(&self, event: &Event) -> String {
        form::syslog(event, &self.host, std::process::id())
    }

    fn post(&self, url: &str, event: &Event, body: &Value) -> Answer {
        let request = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header("idempotency-key", &event.id);
        let mut response = match request.send(body.to_string()) {
            Ok(response) => response,
            Err(error) => return Answer::Away(words(&error).to_owned(), None),
        };
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = header.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let after = after.map(|after: Duration| after.min(RETRY_AFTER_MAX));
        // Read, so that the connection can be used again; what it says does not matter.
        let _ = response.body_mut().with_config().limit(NOTIFICATION_ANSWER_BYTES_MAX).read_to_vec();
        match status {
            200..=299 => Answer::Taken,
            408 | 425 | 429 | 500.. => Answer::Away(format!("it answers {status}"), after),
            _ => Answer::Refused(status),
        }
    }
}

fn timeout() -> Duration {
    Duration::from_secs(NOTIFICATION_TIMEOUT_S)
}

fn resolved(address: &str) -> io::Result<std::net::SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

fn written(result: io::Result<()>) -> Answer {
    match result {
        Ok(()) => Answer::Taken,
        Err(error) => Answer::Away(error.kind().to_string(), None),
    }
}

/// What went wrong, in words of our own: those of the library may hold the address.
fn words(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "it does not answer in time",
        ureq::Error::HostNotFound => "its host is not known",
        ureq::Error::ConnectionFailed => "it cannot be connected to",
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "it refuses connections",
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "it does not answer in time",
            _ => "the connection broke",
        },
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "its TLS certificate is not trusted or TLS failed",
        _ => "it cannot be reached",
    }
}
