//! **blind-spot**: the sensor saw connections that it cannot read, or lost calls or endpoints.
//!
//! Fires as a note, once for each program, port and name of a server with TLS that was not read, by its
//! reason, and once for each cause by which whole calls, callers or endpoints are missing. Does not fire
//! for TLS that was read, for connections that only began too early where later ones were read, for
//! protocols that are no HTTP, nor for losses of details such as a body that was kept in part.
//!
//! Absence from the inventory proves nothing there. Let the sensor run where TLS is taken off, give it
//! more memory or a smaller scope, or know the gap and acknowledge it.

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::evidence::count;
use crate::findings::{Check, Context, Finding, Findings, Level, Rule, Subject};
use crate::flow::{Verdict, unread};
use crate::inventory::{CoverageStats, Reading, Seen};

/// Causes by which calls, callers or endpoints are missing from the inventory.
const GRAVE: &[&str] = &[
    "calls-lost",
    "connections-full",
    "buffers-full",
    "message-lost",
    "pipeline-full",
    "state-full",
    "connection-panic",
    "endpoints-full",
    "services-full",
    "callers-full",
    "coverage-full",
    "flush-dropped",
];

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "blind-spot",
    title: "Traffic that the sensor cannot see",
    level: Level::Note,
    owasp: &["API9"],
    rationale: "What cannot be read is in no inventory and in no finding: an API behind it is unknown, not \
                absent.",
    remediation: "Run the sensor where TLS is taken off, enlarge its bounds or narrow its scope; otherwise \
                  acknowledge the gap so that it is known.",
    checks: &[Check::Whole(check)],
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    // Not by container: a new one makes no new gap. Bytes are counted when a connection ends.
    let mut gaps: BTreeMap<(&str, u16, &str, &str), CoverageStats> = BTreeMap::new();
    let mut read: BTreeSet<(&str, u16)> = BTreeSet::new();
    for (key, stats) in &context.inventory.coverage {
        let at = (&*key.workload.program, key.port);
        let reason = match (key.verdict, &key.tls.reading) {
            (Verdict::Tls, Reading::Unread(reason)) => &**reason,
            (Verdict::Tls, Reading::Unknown) => "",
            (Verdict::Tls, Reading::Read(_)) => {
                read.insert(at);
                continue;
            }
            _ => continue,
        };
        gaps.entry((at.0, at.1, &*key.tls.server_name, reason)).or_default().merge(*stats);
    }
    for ((program, port, name, reason), stats) in gaps {
        if reason == unread::ATTACHED_LATE && read.contains(&(program, port)) {
            continue;
        }
        let connections = count(stats.connections, "connection");
        let named = if name.is_empty() { String::new() } else { format!(" ({name})") };
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let message =
            format!("{program} at port {port}{named}: {connections} of TLS that cannot be read{why}");
        let mut of = format!("{program}:{port} TLS");
        for part in [name, reason].into_iter().filter(|part| !part.is_empty()) {
            of.push(' ');
            of.push_str(part);
        }
        add(findings, of, message, stats.connections);
    }
    for (cause, &times) in &context.inventory.losses {
        if times > 0 && GRAVE.contains(&&**cause) {
            let message = format!("calls, callers or endpoints are missing: {cause}, {times} times");
            add(findings, cause.to_string(), message, times);
        }
    }
}

fn add(findings: &mut Findings, of: String, message: String, calls: u64) {
    findings.add(Finding {
        rule: RULE.id,
        level: RULE.level,
        subject: Subject { of: Some(of), ..Subject::default() },
        message,
        calls,
        seen: Seen::default(),
        edges: Vec::new(),
        specified: None,
    });
}

#[cfg(test)]
mod tests {
    use crate::counter::Counter;

    #[test]
    fn causes_have_their_names_from_the_counters() {
        let kernel = schema::loss::Loss::ALL.iter().map(|loss| loss.name());
        let known: Vec<&str> = Counter::ALL.iter().map(|counter| counter.name()).chain(kernel).collect();
        for cause in super::GRAVE {
            assert!(known.contains(cause), "{cause} is no loss");
        }
    }
}
