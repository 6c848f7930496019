//! What rules ask about an exchange as a whole: how it went over the network, what its error says, whom
//! its answer lets read. Raw heads and bodies in, signs out; bounded looks, most of them at errors only.

use std::net::IpAddr;

use memchr::memmem;

use super::{Credential, Sign, Signs};
use crate::limits::ERROR_BYTES_MAX;

/// Between programs of which one is not on this host. Loopback and one's own address lead nowhere.
pub(super) fn is_between_hosts(local: IpAddr, remote: IpAddr, remote_is_known: bool) -> bool {
    let (local, remote) = (local.to_canonical(), remote.to_canonical());
    !remote_is_known && !remote.is_loopback() && local != remote
}

/// Adds what follows from plain bytes on a network.
pub(super) fn in_clear(signs: &mut Signs, credential: Credential, sensitive: bool) {
    signs.add(Sign::ClearTransport);
    // What is signed or answers a challenge shows no key to who listens; a certificate shows none at all.
    let shows_key = matches!(
        credential,
        Credential::Basic
            | Credential::Bearer
            | Credential::Jwt
            | Credential::ApiKey
            | Credential::SessionCookie
            | Credential::Other
    );
    if shows_key {
        signs.add(Sign::CredentialInClear);
    }
    if credential == Credential::Basic {
        signs.add(Sign::BasicInClear);
    }
    if sensitive {
        signs.add(Sign::SensitiveInClear);
    }
}

/// What only a program in trouble says: of Python, PHP, Go, Java, .NET, Ruby, their frameworks and the
/// databases behind them.
const TRACES: &[&str] = &[
    "Traceback (most recent call last)",
    "Werkzeug Debugger",
    "DEBUG = True</code>",
    "PHP Fatal error",
    "Fatal error</b>:",
    "Fatal error: Uncaught",
    "Stack trace:\n#0",
    "panic: runtime error",
    "thread 'main' panicked at",
    "Action Controller: Exception caught",
    "Whoops, looks like something went wrong",
    "Exception in thread \"",
    ".NullReferenceException:",
    "java.lang.NullPointerException",
    "org.hibernate.",
    "org.springframework.dao.",
    "SQLSTATE[",
    "SQLSTATE:",
    "syntax error at or near",
    "You have an error in your SQL syntax",
    "Unclosed quotation mark after the character string",
    "Incorrect syntax near",
    "SQLSyntaxErrorException",
    "System.Data.SqlClient",
    "sqlite3.OperationalError",
    "SQLITE_ERROR",
    "psycopg2.",
    "sqlalchemy.exc.",
    "pg_query(",
    "violates foreign key constraint",
    "violates not-null constraint",
    "E11000 duplicate key error",
    "ActiveRecord::StatementInvalid",
];

/// An error's body shows how the program is made.
pub(super) fn is_verbose(body: &[u8]) -> bool {
    let body = &body[..body.len().min(ERROR_BYTES_MAX)];
    TRACES.iter().any(|trace| memmem::find(body, trace.as_bytes()).is_some())
        || has_frame(body)
        || follows(body, b"goroutine ", |rest| numbered(rest).is_some_and(|rest| rest.starts_with(b" [")))
        || follows(body, b"ORA-", |rest| rest.len() >= 5 && rest[..5].iter().all(u8::is_ascii_digit))
}

/// A line of a stack: where in which file it was.
fn has_frame(body: &[u8]) -> bool {
    let behind_at = |at: usize| {
        let line = &body[at.saturating_sub(200)..at];
        memmem::find(line, b"at ").is_some()
    };
    let java = [&b".java:"[..], b".kt:", b".scala:"];
    let node = [&b".js:"[..], b".mjs:", b".cjs:", b".ts:"];
    let is = |ends: &[&[u8]], fits: fn(&[u8]) -> bool| {
        ends.iter()
            .any(|end| memmem::find_iter(body, end).any(|at| fits(&body[at + end.len()..]) && behind_at(at)))
    };
    is(&java, |rest| numbered(rest).is_some_and(|rest| rest.starts_with(b")")))
        || is(&node, |rest| {
            numbered(rest).and_then(|rest| rest.strip_prefix(b":")).and_then(numbered).is_some()
        })
        || is(&[b".cs:line "], |rest| numbered(rest).is_some())
        || follows(body, b".rb:", |rest| numbered(rest).is_some_and(|rest| rest.starts_with(b":in ")))
}

/// Behind some place of `word` stands what fits.
fn follows(body: &[u8], word: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    memmem::find_iter(body, word).any(|at| fits(&body[at + word.len()..]))
}

/// What is behind a number; `None` if there is none.
fn numbered(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &text[digits..])
}

/// The answer lets an origin read with the user's credentials, and it is any that asks: the one that
/// asked is neither the service nor of its site (Fetch standard, "CORS protocol and credentials").
pub(super) fn lets_anyone_read(
    origin: Option<&[u8]>,
    allowed: Option<&[u8]>,
    credentials: Option<&[u8]>,
    service: &str,
) -> bool {
    let (Some(allowed), Some(b"true")) = (allowed, credentials) else { return false };
    match (allowed, origin) {
        (b"*" | b"null", _) => true,
        (allowed, Some(origin)) => {
            allowed == origin && !is_of_site(host_of(origin), host(service.as_bytes()))
        }
        (_, None) => false,
    }
}

/// Host of an origin, without scheme and port.
fn host_of(origin: &[u8]) -> &[u8] {
    host(memmem::find(origin, b"://").map_or(origin, |at| &origin[at + 3..]))
}

fn host(authority: &[u8]) -> &[u8] {
    match authority {
        [b'[', rest @ ..] => &rest[..memchr::memchr(b']', rest).unwrap_or(rest.len())],
        _ => &authority[..memchr::memchr(b':', authority).unwrap_or(authority.len())],
    }
}

/// The same host, or both under one domain that somebody registered. Without a list of what can be
/// registered: two labels, three if they are as short as those of `co.uk`.
fn is_of_site(one: &[u8], other: &[u8]) -> bool {
    const SHORT: usize = 3;
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let is_address =
        |host: &[u8]| host.contains(&b':') || host.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if is_address(one) || is_address(other) {
        return is_local(one) && is_local(other);
    }
    let labels = one.rsplit(|&byte| byte == b'.').zip(other.rsplit(|&byte| byte == b'.'));
    let (mut count, mut short) = (0, true);
    for (one, other) in labels {
        if !one.eq_ignore_ascii_case(other) {
            break;
        }
        count += 1;
        short &= one.len() <= SHORT;
        if count >= 2 && !(count == 2 && short) {
            return true;
        }
    }
    is_local(one) && is_local(other)
}

/// Of a developer's own machine.
fn is_local(host: &[u8]) -> bool {
    host.eq_ignore_ascii_case(b"localhost") || host.starts_with(b"127.") || host == b"::1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_say_too_much() {
        for body in [
            "Traceback (most recent call last):\n  File \"/app/x.py\", line 3, in f",
            "{\"error\":\"java.lang.IllegalStateException\",\"trace\":\"\\n\\tat com.shop.Orders.find(Orders.java:42)\\n\"}",
            "TypeError: x is not a function\n    at handler (/app/index.js:10:15)\n",
            "   at Shop.Orders.Find(Int32 id) in /src/Orders.cs:line 12",
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()",
            "goroutine 34 [running]:",
            "<b>Fatal error</b>: Uncaught PDOException",
            "app/models/x.rb:12:in `find'",
            "SQLSTATE[42601]: Syntax error",
            "ORA-00933: SQL command not properly ended",
            "{\"message\":\"ERROR: syntax error at or near \\\"'\\\" at character 12\"}",
            "You have an error in your SQL syntax; check the manual",
        ] {
            assert!(is_verbose(body.as_bytes()), "{body}");
        }
        for body in [
            "",
            "{\"error\":\"not found\",\"code\":404}",
            "<html><script src=\"/app.js?v=1:2\"></script>look at main.js:</html>",
            "{\"detail\":\"file report.java: too large\"}",
            "{\"error\":\"internal error\",\"request_id\":\"6f1c2a9e\"}",
            "the goroutine of a traceback",
            "FLORA-12 ORA-12",
            "at 12:30 see index.js for more",
        ] {
            assert!(!is_verbose(body.as_bytes()), "{body}");
        }
        let late = format!("{}Traceback (most recent call last)", " ".repeat(ERROR_BYTES_MAX));
        assert!(!is_verbose(late.as_bytes()));
    }

    #[test]
    fn origins_that_may_read() {
        let lets = |origin: &str, allowed: &str, service: &str| {
            lets_anyone_read(Some(origin.as_bytes()), Some(allowed.as_bytes()), Some(b"true"), service)
        };
        for (origin, service) in [
            ("https://evil.example", "api.shop.example:8080"),
            ("https://evil.example", "127.0.0.1:8080"),
            ("https://evil.example", "localhost:8080"),
            ("https://a.co.uk", "b.co.uk"),
            ("https://shop.example.evil.org", "shop.example"),
        ] {
            assert!(lets(origin, origin, service), "{origin} {service}");
        }
        for (origin, service) in [
            ("https://shop.example", "api.shop.example:8080"),
            ("https://www.shop.example:444", "api.shop.example"),
            ("http://localhost:3000", "127.0.0.1:8080"),
            ("https://www.shop.co.uk", "api.shop.co.uk"),
            ("http://192.0.2.7:3000", "192.0.2.7:8080"),
        ] {
            assert!(!lets(origin, origin, service), "{origin} {service}");
        }
        assert!(lets("https://shop.example", "*", "shop.example"));
        assert!(lets("null", "null", "shop.example"));
        assert!(!lets("https://evil.example", "https://shop.example", "shop.example"));
        assert!(!lets_anyone_read(None, Some(b"https://a.example"), Some(b"true"), "b.example"));
        assert!(!lets_anyone_read(Some(b"https://a.example"), Some(b"https://a.example"), None, "b.example"));
        assert!(!lets_anyone_read(Some(b"https://a.example"), Some(b"*"), Some(b"false"), "b.example"));
    }

    #[test]
    fn networks() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let far = |local: &str, remote: &str| is_between_hosts(address(local), address(remote), false);
        assert!(far("10.0.0.1", "10.0.0.2") && far("::ffff:10.0.0.1", "10.0.0.2"));
        assert!(!far("127.0.0.1", "127.0.0.2") && !far("::1", "::1") && !far("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!far("10.0.0.1", "::ffff:127.0.0.1"));
        assert!(!is_between_hosts(address("10.0.0.1"), address("10.0.0.2"), true));
    }
}
