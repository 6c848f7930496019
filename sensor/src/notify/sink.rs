//! Who is told, as it was typed, checked. The name of a sink is its kind and a hash of its address, by
//! which the store knows it; the address itself is shown nowhere.

use std::fmt;
use std::hash::Hasher;
use std::path::PathBuf;

use siphasher::sip::SipHasher13;

/// One receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Sink {
    name: String,
    pub(super) target: Target,
}

/// How a webhook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The event.
    Json,
    /// A message for a channel.
    Slack,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    Webhook(String, Form),
    OtlpLogs(String),
    File(PathBuf),
    SyslogUnix(PathBuf),
    SyslogUdp(String),
    SyslogTcp(String),
}

impl Sink {
    /// `URL`, `URL,form=json` or `URL,form=slack`. No error text holds the address.
    pub fn webhook(typed: &str) -> Result<Sink, String> {
        let (url, form) = match typed.rsplit_once(",form=") {
            None => (typed, Form::Json),
            Some((url, "json")) => (url, Form::Json),
            Some((url, "slack")) => (url, Form::Slack),
            Some((_, other)) => return Err(format!("form `{other}` is not known; json and slack are")),
        };
        let kind = match form {
            Form::Json => "webhook",
            Form::Slack => "slack",
        };
        Ok(Sink::named(kind, url, Target::Webhook(web_address(url)?, form)))
    }

    /// The address of an OTLP/HTTP collector for logs.
    pub fn otlp_logs(url: &str) -> Result<Sink, String> {
        Ok(Sink::named("otlp-logs", url, Target::OtlpLogs(web_address(url)?)))
    }

    /// A file to which lines of JSON are appended.
    pub fn file(path: PathBuf) -> Sink {
        let text = path.to_string_lossy().into_owned();
        Sink::named("events-file", &text, Target::File(path))
    }

    /// `unix:PATH`, `udp:HOST:PORT` or `tcp:HOST:PORT`.
    pub fn syslog(typed: &str) -> Result<Sink, String> {
        let wrong = || "it must be unix:/dev/log, udp:HOST:PORT or tcp:HOST:PORT".to_owned();
        let (kind, rest) = typed.split_once(':').ok_or_else(wrong)?;
        let has_port = rest
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        let target = match kind {
            "unix" if rest.starts_with('/') => Target::SyslogUnix(PathBuf::from(rest)),
            "udp" if has_port => Target::SyslogUdp(rest.to_owned()),
            "tcp" if has_port => Target::SyslogTcp(rest.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Sink::named("syslog", typed, target))
    }

    fn named(kind: &str, address: &str, target: Target) -> Sink {
        // Not keyed: the name must be the same at the next start. 64 bits of an address with a secret
        // give nobody the secret.
        let mut hasher = SipHasher13::new();
        hasher.write(address.as_bytes());
        Sink { name: format!("{kind}-{:016x}", hasher.finish()), target }
    }

    /// Kind and hash, as the store and logs have it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sink").field(&self.name).finish()
    }
}

/// Only web addresses with a host.
fn web_address(url: &str) -> Result<String, String> {
    let wrong = || "the address must be http://HOST/... or https://HOST/...".to_owned();
    let uri: ureq::http::Uri = url.parse().map_err(|_| wrong())?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(url.to_owned()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_named_without_their_address() {
        let url = "https://hooks.example/T0/secret-token";
        let sink = Sink::webhook(&format!("{url},form=slack")).expect("a sink");
        assert!(sink.target == Target::Webhook(url.to_owned(), Form::Slack));
        assert!(sink.name().starts_with("slack-") && !format!("{sink:?}").contains("secret"));
        for wrong in
            ["file:///etc/passwd", "hooks.example/secret", "ftp://secret", "https://", "http://h,form=xml"]
        {
            let fault = Sink::webhook(wrong).expect_err(wrong);
            assert!(!fault.contains("secret"), "{fault}");
        }
        for right in ["unix:/dev/log", "udp:127.0.0.1:514", "tcp:[::1]:6514"] {
            assert!(Sink::syslog(right).is_ok(), "{right}");
        }
        for wrong in ["/dev/log", "udp:host", "tcp::5", "udp:h:0", "unix:log"] {
            assert!(Sink::syslog(wrong).is_err(), "{wrong}");
        }
    }
}
