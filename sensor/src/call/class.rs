//! Which kind of call one is, by what it asks and how it was answered, and by nothing else: so the
//! order of calls does not matter. What no client of an API means (files of a web page, probes of a
//! load balancer, the questions of a browser, guesses) is told apart from the first call on. Texts
//! that decide (`User-Agent`, file names) are looked at here and kept nowhere.

use super::target::Target;
use super::{CallClass, Credential, Method, Path, Segment, SegmentKind};

/// Path word that stands for the names of all files of a folder.
const FILE: &str = "{file}";

/// What a call is judged by.
pub(super) struct Traits<'a> {
    pub(super) method: Method,
    pub(super) target: &'a Target<'a>,
    /// `None` when no response was seen.
    pub(super) status: Option<u16>,
    /// Name of the response's media type, if it has a body.
    pub(super) response_type: Option<&'static str>,
    pub(super) user_agent: Option<&'a [u8]>,
    /// `Origin` and `Access-Control-Request-Method` are there.
    pub(super) asks_for_origin: bool,
    pub(super) credential: Credential,
    /// Bytes of the request body.
    pub(super) request_bytes: u64,
}

/// The class of a call.
pub(super) fn class(traits: &Traits) -> CallClass {
    let reads = matches!(traits.method.0, "GET" | "HEAD");
    if traits.method.0 == "OPTIONS" && traits.asks_for_origin {
        CallClass::Preflight
    } else if matches!(traits.status, Some(404 | 405 | 410 | 501)) {
        CallClass::Missed
    } else if reads && is_health_check(traits) {
        CallClass::HealthCheck
    } else if reads && is_static_file(traits) {
        CallClass::StaticFile
    } else {
        CallClass::Found
    }
}

/// The path as its class keeps it: the files of a folder are one.
pub(super) fn coarse(class: CallClass, path: &mut Path) {
    if class != CallClass::StaticFile {
        return;
    }
    for segment in path.iter_mut() {
        if let Segment::Hidden(_) = segment {
            *segment = Segment::Parameter(SegmentKind::Text);
        }
    }
    if let Some(last) = path.last_mut() {
        *last = Segment::Word(FILE.into());
    }
}

/// Paths that nobody asks for but to know whether the service lives, without slash at the end, as they
/// stand behind an optional `/api` and version.
const HEALTH_PATHS: &[&str] = &[
    "/-/healthy",
    "/-/ready",
    "/_health",
    "/_healthz",
    "/_ping",
    "/_status/healthz",
    "/actuator/health",
    "/actuator/health/liveness",
    "/actuator/health/readiness",
    "/alive",
    "/health",
    "/health-check",
    "/health/check",
    "/health/live",
    "/health/liveness",
    "/health/ready",
    "/health/readiness",
    "/health/startup",
    "/healthcheck",
    "/healthcheck.html",
    "/healthz",
    "/healthz/live",
    "/healthz/ready",
    "/heartbeat",
    "/live",
    "/liveness",
    "/livez",
    "/ping",
    "/ready",
    "/readiness",
    "/readyz",
    "/startupz",
    "/status/health",
    "/status/live",
    "/status/ready",
];

/// Longest of [`HEALTH_PATHS`], in bytes.
const HEALTH_PATH_BYTES_MAX: usize = 26;

/// How programs that only probe name themselves. Not those that also walk through real endpoints
/// (uptime services): what they call is an endpoint.
const PROBES: &[&[u8]] = &[
    b"kube-probe/",
    b"ELB-HealthChecker/",
    b"GoogleHC/",
    b"Consul Health Check",
    b"Envoy/HC",
    b"Amazon-Route53-Health-Check-Service",
    b"GoogleStackdriverMonitoring-UptimeChecks",
    b"HealthCheck/",
];

fn is_health_check(traits: &Traits) -> bool {
    let path = traits.target.path.strip_suffix(b"/").unwrap_or(traits.target.path);
    let behind = without_prefix(path);
    // Most paths of an API are of other lengths, or begin otherwise.
    if behind.len() <= HEALTH_PATH_BYTES_MAX
        && matches!(behind.get(1), Some(b'-' | b'_' | b'a' | b'h' | b'l' | b'p' | b'r' | b's'))
        && HEALTH_PATHS.iter().any(|health| health.as_bytes() == behind)
    {
        return true;
    }
    // Whoever wants to stay unseen can name himself a probe: but no probe has a key, a query or a body.
    let bare =
        traits.credential == Credential::None && traits.target.query.is_empty() && traits.request_bytes == 0;
    let Some(agent) = traits.user_agent.filter(|_| bare) else { return false };
    PROBES.iter().any(|probe| agent.starts_with(probe))
        || (agent.starts_with(b"Prometheus/") && path.ends_with(b"/metrics"))
}

/// The path behind `/api`, `/v1` and `/api/v1`.
fn without_prefix(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"/api").filter(|rest| rest.starts_with(b"/")).unwrap_or(path);
    match path {
        [b'/', b'v', b'0'..=b'9', rest @ ..] if rest.starts_with(b"/") => rest,
        _ => path,
    }
}

/// Names of files of web pages by how they end, with what a response says that carries one. Data that
/// an API may give as a file (`.json`, `.xml`, `.csv`, `.pdf`, `.zip`, ...) is not among them.
const EXTENSIONS: &[(&[u8], Kind)] = &[
    (b"js", Kind::Script),
    (b"mjs", Kind::Script),
    (b"css", Kind::Style),
    (b"map", Kind::Json),
    (b"webmanifest", Kind::Json),
    (b"png", Kind::Image),
    (b"jpg", Kind::Image),
    (b"jpeg", Kind::Image),
    (b"gif", Kind::Image),
    (b"ico", Kind::Image),
    (b"svg", Kind::Image),
    (b"webp", Kind::Image),
    (b"avif", Kind::Image),
    (b"woff", Kind::Font),
    (b"woff2", Kind::Font),
    (b"ttf", Kind::Font),
    (b"otf", Kind::Font),
    (b"eot", Kind::Font),
    (b"wasm", Kind::Binary),
    (b"html", Kind::Page),
    (b"htm", Kind::Page),
];

/// Longest of [`EXTENSIONS`], in bytes.
const EXTENSION_BYTES_MAX: usize = 11;

/// Files that are named as a whole.
const FILES: &[&[u8]] = &[b"robots.txt", b"humans.txt", b"security.txt", b"ads.txt", b"sitemap.xml"];

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Style,
    Json,
    Image,
    Font,
    Binary,
    Page,
}

fn is_static_file(traits: &Traits) -> bool {
    let path = traits.target.path;
    let last = &path[memchr::memrchr(b'/', path).map_or(0, |at| at + 1)..];
    let name = &last[..memchr::memchr(b';', last).unwrap_or(last.len())];
    if FILES.contains(&name) {
        return traits.response_type.is_none_or(|media| media.starts_with("text/") || media.contains("xml"));
    }
    let Some(dot) = memchr::memrchr(b'.', name) else { return false };
    let extension = &name[dot + 1..];
    if dot == 0 || extension.len() > EXTENSION_BYTES_MAX {
        return false;
    }
    let listed = EXTENSIONS.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(extension));
    listed.is_some_and(|&(_, kind)| agrees(kind, traits))
}

/// The response is what the name says; one without a type (304, none seen) may be.
fn agrees(kind: Kind, traits: &Traits) -> bool {
    // A page that is asked a question is a program.
    if kind == Kind::Page && !traits.target.query.is_empty() {
        return false;
    }
    let Some(media) = traits.response_type else { return true };
    if matches!(media, "application/octet-stream" | "text/plain" | "other") {
        return true;
    }
    match kind {
        Kind::Script => media.ends_with("/javascript"),
        Kind::Style => media == "text/css",
        Kind::Json => media.ends_with("json"),
        Kind::Image => media.starts_with("image/"),
        Kind::Font => media.starts_with("font/"),
        Kind::Binary => media == "application/wasm",
        Kind::Page => matches!(media, "text/html" | "application/xhtml+xml"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::target;
    use super::*;

    fn of(method: &'static str, target: &str, status: u16, media: Option<&'static str>) -> CallClass {
        with(method, target, status, media, None, Credential::None)
    }

    fn with(
        method: &'static str,
        target: &str,
        status: u16,
        response_type: Option<&'static str>,
        agent: Option<&str>,
        credential: Credential,
    ) -> CallClass {
        class(&Traits {
            method: Method(method),
            target: &target::parse(target.as_bytes(), false),
            status: (status > 0).then_some(status),
            response_type,
            user_agent: agent.map(str::as_bytes),
            asks_for_origin: false,
            credential,
            request_bytes: 0,
        })
    }

    #[test]
    fn what_was_not_there() {
        for status in [404, 405, 410, 501] {
            assert_eq!(of("GET", "/users/7", status, None), CallClass::Missed);
        }
        for status in [0, 200, 204, 301, 304, 400, 401, 403, 409, 422, 429, 500, 502, 503] {
            assert_eq!(of("POST", "/users", status, None), CallClass::Found, "{status}");
        }
        assert_eq!(of("GET", "/app.js", 404, Some("text/html")), CallClass::Missed);
        assert_eq!(of("GET", "/healthz", 404, None), CallClass::Missed);
    }

    #[test]
    fn files_of_pages() {
        for (target, media) in [
            ("/assets/app.3f2a.js?v=3", Some("text/javascript")),
            ("/App.JS", Some("application/javascript")),
            ("/a/b/style.css", Some("text/css")),
            ("/app.js.map", Some("application/json")),
            ("/logo.png", Some("image/png")),
            ("/logo.svg", None),
            ("/favicon.ico", Some("other")),
            ("/f/x.woff2", Some("application/octet-stream")),
            ("/index.html", Some("text/html")),
            ("/robots.txt", Some("text/plain")),
            ("/site.webmanifest", Some("application/manifest+json")),
        ] {
            assert_eq!(of("GET", target, 200, media), CallClass::StaticFile, "{target}");
            assert_eq!(of("HEAD", target, 200, None), CallClass::StaticFile, "{target}");
            assert_eq!(of("POST", target, 200, media), CallClass::Found, "{target}");
        }
        for (target, media) in [
            ("/openapi.json", Some("application/json")),
            ("/feed.xml", Some("application/xml")),
            ("/report.csv", Some("text/csv")),
            ("/invoice.pdf", Some("application/pdf")),
            // A page for whatever was asked.
            ("/app.js", Some("text/html")),
            ("/users/ada.png", Some("application/json")),
            ("/search.html?q=a", Some("text/html")),
            ("/repos/node.js", Some("application/json")),
            ("/.png", Some("image/png")),
            ("/js", Some("text/javascript")),
            ("/a.js/b", Some("text/javascript")),
        ] {
            assert_eq!(of("GET", target, 200, media), CallClass::Found, "{target}");
        }
    }

    #[test]
    fn the_lists_are_sound() {
        for path in HEALTH_PATHS {
            assert!(path.len() <= HEALTH_PATH_BYTES_MAX);
            assert_eq!(of("GET", path, 200, None), CallClass::HealthCheck, "{path}");
        }
        assert!(EXTENSIONS.iter().all(|(extension, _)| extension.len() <= EXTENSION_BYTES_MAX));
    }

    #[test]
    fn probes() {
        for target in ["/health", "/healthz/", "/api/v1/health", "/api/ping", "/v2/readyz", "/-/ready"] {
            assert_eq!(of("GET", target, 200, None), CallClass::HealthCheck, "{target}");
            assert_eq!(of("GET", target, 503, None), CallClass::HealthCheck, "{target}");
            assert_eq!(of("POST", target, 200, None), CallClass::Found, "{target}");
        }
        for target in ["/health/records", "/patients/health", "/apihealth", "/status", "/users/ping"] {
            assert_eq!(of("GET", target, 200, None), CallClass::Found, "{target}");
        }
        let by = |target, agent, credential| with("GET", target, 200, None, Some(agent), credential);
        let none = Credential::None;
        assert_eq!(by("/", "kube-probe/1.30", none), CallClass::HealthCheck);
        assert_eq!(by("/metrics", "Prometheus/2.53", none), CallClass::HealthCheck);
        assert_eq!(by("/users", "Prometheus/2.53", none), CallClass::Found);
        assert_eq!(by("/users", "curl/8 kube-probe/1", none), CallClass::Found);
        assert_eq!(by("/users?all=1", "kube-probe/1.30", none), CallClass::Found);
        assert_eq!(by("/users", "kube-probe/1.30", Credential::Bearer), CallClass::Found);
    }
}
