//! Request target and authority: bytes of a start line and of a `Host` field in; raw path, query
//! and a checked authority out (RFC 9112 section 3.2, RFC 9110 section 7.2).

use std::net::{IpAddr, Ipv6Addr};

use smallvec::SmallVec;

/// The parts of a request target, raw.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Authority of the absolute or authority form.
    pub(super) authority: Option<&'a [u8]>,
    /// Port that goes without saying; `None` in a tunnel request, where no port does.
    pub(super) default_port: Option<u16>,
    /// Path, empty in authority form, `*` in asterisk form.
    pub(super) path: &'a [u8],
    /// Query behind the `?`.
    pub(super) query: &'a [u8],
}

/// Takes a target apart.
pub(super) fn parse(target: &[u8], connect: bool) -> Target<'_> {
    if connect {
        return Target { authority: Some(target), default_port: None, path: b"", query: b"" };
    }
    let target = &target[..memchr::memchr(b'#', target).unwrap_or(target.len())];
    let (authority, default_port, rest) = match absolute(target) {
        Some((scheme_port, rest)) => {
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
            let authority = &rest[..end];
            // User information is not part of the service (RFC 9110 section 4.2.4).
            let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
            (Some(host), scheme_port, &rest[end..])
        }
        None => (None, 80, target),
    };
    let (path, query) = match memchr::memchr(b'?', rest) {
        Some(mark) => (&rest[..mark], &rest[mark + 1..]),
        None => (rest, &b""[..]),
    };
    Target { authority, default_port: Some(default_port), path, query }
}

fn absolute(target: &[u8]) -> Option<(u16, &[u8])> {
    if target.first() == Some(&b'/') {
        return None;
    }
    [(&b"http://"[..], 80), (b"https://", 443), (b"ws://", 80), (b"wss://", 443)].iter().find_map(
        |(scheme, port)| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some((*port, rest))
        },
    )
}

/// Raw segments of a path.
pub(super) type Segments<'a> = SmallVec<[&'a [u8]; 16]>;

/// Segments of a raw path, still percent-coded, without empty ones, dot segments resolved
/// (RFC 3986 section 5.2.4) and path parameters (`;x=y`) cut off. Appends to `segments`.
pub(super) fn segments<'a>(path: &'a [u8], segments: &mut Segments<'a>) {
    for raw in path.split(|&byte| byte == b'/') {
        let segment = &raw[..memchr::memchr(b';', raw).unwrap_or(raw.len())];
        if is_dots(segment, 1) || segment.is_empty() {
            continue;
        }
        if is_dots(segment, 2) {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
}

/// Exactly `count` dots, each plain or percent-coded.
fn is_dots(segment: &[u8], count: usize) -> bool {
    if !matches!(segment.first(), Some(b'.' | b'%')) {
        return false;
    }
    let mut rest = segment;
    for _ in 0..count {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
    }
    rest.is_empty()
}

/// Host in lower case with its port unless that goes without saying; `None` if it is no host that
/// could be asked for.
pub(super) fn authority(raw: &[u8], default_port: Option<u16>) -> Option<String> {
    const HOST_BYTES_MAX: usize = 253;
    let raw = std::str::from_utf8(raw).ok()?;
    let (host, port) = match raw.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (format!("[{address}]"), after)
        }
        None => {
            let (name, after) = raw.split_at(raw.find(':').unwrap_or(raw.len()));
            let name = name.strip_suffix('.').unwrap_or(name);
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            };
            if name.len() > HOST_BYTES_MAX || !name.split('.').all(label) {
                return None;
            }
            (name.to_ascii_lowercase(), after)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok().filter(|&port| port > 0)?)
        }
        _ => return None,
    };
    Some(match port {
        Some(port) if Some(port) != default_port => format!("{host}:{port}"),
        _ => host,
    })
}

/// Authority of a server that is known by its address only.
pub(super) fn authority_of_address(address: IpAddr, port: u16) -> String {
    let host = match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    if port == 80 { host } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(authority: Option<&'a str>, port: u16, path: &'a str, query: &'a str) -> Target<'a> {
        Target {
            authority: authority.map(str::as_bytes),
            default_port: Some(port),
            path: path.as_bytes(),
            query: query.as_bytes(),
        }
    }

    #[test]
    fn the_four_forms() {
        assert_eq!(parse(b"/a/b?c=d?e#f", false), target(None, 80, "/a/b", "c=d?e"));
        assert_eq!(parse(b"HTTPS://u:p@Host:8/a?b", false), target(Some("Host:8"), 443, "/a", "b"));
        assert_eq!(parse(b"http://host?b", false), target(Some("host"), 80, "", "b"));
        assert_eq!(parse(b"*", false), target(None, 80, "*", ""));
        let tunnel = parse(b"host:443", true);
        assert_eq!((tunnel.authority, tunnel.default_port), (Some(&b"host:443"[..]), None));
        assert_eq!(parse(b"//host/a", false), target(None, 80, "//host/a", ""));
    }

    #[test]
    fn paths_are_normalised() {
        for (path, expected) in [
            ("/", ""),
            ("", ""),
            ("/a//b/", "a b"),
            ("/a/./b/../c", "a c"),
            ("/../../a", "a"),
            ("/a/%2E%2e/b", "b"),
            ("/a/...", "a ..."),
            ("/a;sid=1/b;x", "a b"),
            ("/a%2Fb", "a%2Fb"),
        ] {
            let mut found = Segments::new();
            segments(path.as_bytes(), &mut found);
            assert_eq!(found.as_slice().join(&b' '), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn authorities_are_checked() {
        let long = "a".repeat(64);
        for (raw, expected) in [
            ("Example.ORG", Some("example.org")),
            ("example.org.", Some("example.org")),
            ("example.org:80", Some("example.org")),
            ("example.org:", Some("example.org")),
            ("example.org:8080", Some("example.org:8080")),
            ("10.0.0.1:443", Some("10.0.0.1:443")),
            ("[::1]:80", Some("[::1]")),
            ("[2001:DB8::1]:81", Some("[2001:db8::1]:81")),
            ("my_service", Some("my_service")),
            ("", None),
            ("a b", None),
            ("a/b", None),
            ("a..b", None),
            ("example.org:http", None),
            ("example.org:0", None),
            ("example.org:99999", None),
            ("[::1", None),
            ("[x]", None),
            ("b\u{fc}cher", None),
            (&long, None),
        ] {
            assert_eq!(authority(raw.as_bytes(), Some(80)).as_deref(), expected, "{raw}");
        }
        assert_eq!(authority(b"host:80", None).as_deref(), Some("host:80"));
        assert_eq!(authority_of_address("::ffff:10.0.0.1".parse().unwrap(), 80), "10.0.0.1");
        assert_eq!(authority_of_address("2001:db8::1".parse().unwrap(), 8080), "[2001:db8::1]:8080");
    }
}
