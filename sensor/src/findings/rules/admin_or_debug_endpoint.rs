//! **admin-or-debug-endpoint**: a path that is made for developers or administrators answers callers
//! that it should not.
//!
//! Fires by words of the path, if calls were granted (2xx): consoles, profilers, dumps, `.env`, `.git`,
//! actuators for anybody, an error for external callers; metrics, health of actuators and the pages of
//! API documentation for external callers only; paths with `admin` or `internal` if they are granted
//! without any credential. Does not fire for refused calls, nor for words that the sensor does not show
//! yet.
//!
//! Such endpoints give memory, settings, code or power over everything. Bind them to an inner port or
//! network, require a strong credential, and leave debug tools out of what is deployed.

use crate::call::Credential;
use crate::findings::evidence::{count, edges};
use crate::findings::network::is_external;
use crate::findings::paths::words;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::CallerKey;

/// Tools: nobody but developers needs them.
const DEBUG: &[&str] = &[
    ".env",
    ".git",
    ".svn",
    "__debug__",
    "_debug",
    "_profiler",
    "actuator",
    "adminer",
    "console",
    "debug",
    "h2-console",
    "heapdump",
    "jmx-console",
    "jolokia",
    "phpinfo",
    "phpinfo.php",
    "phpmyadmin",
    "pprof",
    "server-status",
    "telescope",
    "threaddump",
];

/// Needed inside, nobody's business outside.
const INSIDE: &[&str] =
    &["api-docs", "graphiql", "metrics", "prometheus", "redoc", "swagger", "swagger-ui", "swagger-ui.html"];

/// Of actuators, what monitoring asks.
const MONITORED: &[&str] = &["health", "info", "liveness", "metrics", "prometheus", "readiness"];

/// For administrators or other services.
const ADMIN: &[&str] = &["admin", "administration", "administrator", "backoffice", "internal", "superuser"];

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "admin-or-debug-endpoint",
    title: "Administration or debugging is open",
    level: Level::Warning,
    owasp: &["API5", "API8"],
    rationale: "Endpoints for developers and administrators give memory, settings, source or power over \
                everything, and are the first that scanners try.",
    remediation: "Take debug tools out of what is deployed, bind management to an inner port or network, \
                  and require a strong credential with the right role for the rest.",
    checks: &[Check::Endpoint(check)],
};

/// Callers that should not be answered.
type Is<'a> = &'a dyn Fn(&CallerKey) -> bool;

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let words = words(&looked.endpoint.template);
    let has = |list: &[&str]| words.iter().find(|word| list.contains(&word.as_str())).cloned();
    let outside = |key: &CallerKey| is_external(&key.peer, context.settings);
    let anybody = |_: &CallerKey| true;
    let nobody = |key: &CallerKey| key.credential == Credential::None;
    let debug = has(DEBUG);
    let is_monitored = debug.as_deref() == Some("actuator")
        && words.last().is_some_and(|word| MONITORED.contains(&word.as_str()));
    let (word, what, is): (String, &str, Is<'_>) = match (debug, has(INSIDE), has(ADMIN)) {
        (Some(word), ..) if is_monitored => (word, "monitoring answers external callers", &outside),
        (Some(word), ..) => (word, "a debugging or management tool answers", &anybody),
        (None, _, Some(word)) => (word, "administration answers without a credential", &nobody),
        (None, Some(word), None) => (word, "an inner page answers external callers", &outside),
        (None, None, None) => return,
    };
    let granted = looked.granted(context.settings, is);
    if granted.calls == 0 {
        return;
    }
    let is_out = looked.granted(context.settings, |key| is(key) && outside(key)).calls > 0;
    let is_worst = is_out && !is_monitored && !INSIDE.contains(&word.as_str());
    let level = if is_worst { Level::Error } else { Level::Warning };
    let message = format!("{what}: {word} in the path, {} answered with 2xx", count(granted.calls, "call"));
    let by = edges(looked.stats(), |key, _| is(key), |caller| caller.granted);
    findings.add(looked.finding(&RULE, message).level(level).shown(granted.calls, granted.seen).by(by));
}
