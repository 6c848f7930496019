//! Coverage and losses -> plain sentences on what the sensor could not see. The reader of a page is
//! told before he believes the rest; nothing here judges the traffic itself.

use std::collections::BTreeMap;

use super::document::{Coverage, Report};
use super::format::{bytes, count, grouped};
use super::losses::meaning;
use super::reasons;
use super::sums::whereabouts;

/// Rows of programs and ports in words; more of them are summed.
const ROWS_SHOWN_MAX: usize = 40;

/// What is missing in a report, and why.
pub(super) struct Unseen {
    /// Something is missing that the user can be told of.
    pub incomplete: bool,
    /// Everything in one sentence or two.
    pub headline: String,
    /// For each program and port that could not be read: which, and what it carried.
    pub unreadable: Vec<(String, String)>,
    /// Losses that happened: cause, count, meaning.
    pub losses: Vec<Loss>,
}

/// One cause of losses.
pub(super) struct Loss {
    pub cause: String,
    pub count: u64,
    pub cost: Cost,
    pub meaning: &'static str,
}

/// What a loss takes from the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    Calls,
    Answers,
    Fields,
    Detail,
    Bytes,
    Nothing,
}

impl Cost {
    /// In one or two words.
    pub const fn name(self) -> &'static str {
        match self {
            Cost::Calls => "calls",
            Cost::Answers => "answers",
            Cost::Fields => "fields",
            Cost::Detail => "detail",
            Cost::Bytes => "some bytes",
            Cost::Nothing => "nothing",
        }
    }
}

/// True of every report.
pub(super) const ALWAYS: &[&str] = &[
    "HTTP/1.x and HTTP/2 are read in clear, and inside of TLS where a program uses a library that can be probed \
     (OpenSSL, BoringSSL, GnuTLS, Go). HTTP/3 is not seen.",
    "Only what ran within the scope of the sensor, while it ran, can be in this report.",
    "An API that nobody called is not in this report: absence here proves nothing.",
    "No value from traffic is kept: this file holds names, shapes and counts.",
];

impl Unseen {
    pub fn of(report: &Report) -> Unseen {
        let losses = losses(&report.losses);
        let (mut all, mut unread) = (0u64, 0u64);
        for row in &report.coverage {
            all = all.saturating_add(row.connections);
            if !row.readable {
                unread = unread.saturating_add(row.connections);
            }
        }
        let lost = losses.iter().any(|loss| loss.cost < Cost::Nothing);
        let mut headline = match (all, unread) {
            (0, _) => {
                "Nothing is known of connections, so this report cannot say how much is missing.".to_owned()
            }
            (1, 0) => "The one connection that was seen could be read.".to_owned(),
            (_, 0) => format!("All {} connections that were seen could be read.", grouped(all)),
            _ if unread == all => "None of the connections that were seen could be read.".to_owned(),
            _ => format!(
                "{} of {} connections ({}) could not be read.",
                grouped(unread),
                grouped(all),
                percent(unread, all)
            ),
        };
        headline.push_str(&match losses.iter().find(|loss| loss.cause == "calls-lost") {
            Some(calls) => format!(" About {} are in no report.", count(calls.count, "call")),
            None if losses.iter().any(|loss| loss.cost == Cost::Calls) => {
                " Some calls may be missing.".to_owned()
            }
            None if losses.iter().any(|loss| loss.cost < Cost::Bytes) => {
                " No call is known to be missing, but some details are.".to_owned()
            }
            None if lost => " Some bytes were not copied; what stood in them may be missing.".to_owned(),
            None => " Nothing that was read is known to be missing.".to_owned(),
        });
        Unseen {
            incomplete: unread > 0 || lost || all == 0,
            headline,
            unreadable: unreadable(&report.coverage),
            losses,
        }
    }
}

/// `33 %`, never rounded to none or to all.
fn percent(part: u64, of: u64) -> String {
    let exact = part as f64 * 100.0 / of as f64;
    if exact < 1.0 {
        "under 1 %".to_owned()
    } else if exact > 99.0 {
        "over 99 %".to_owned()
    } else {
        format!("{exact:.0} %")
    }
}

fn unreadable(coverage: &[Coverage]) -> Vec<(String, String)> {
    let mut rows: Vec<&Coverage> = coverage.iter().filter(|row| !row.readable).collect();
    // The largest first; equal ones stay in the document's order.
    rows.sort_by_key(|row| std::cmp::Reverse((row.connections, row.bytes)));
    let mut parts: Vec<_> = rows.iter().take(ROWS_SHOWN_MAX).map(|row| words(row)).collect();
    let rest = rows.get(ROWS_SHOWN_MAX..).unwrap_or_default();
    if !rest.is_empty() {
        let connections = rest.iter().fold(0u64, |sum, row| sum.saturating_add(row.connections));
        parts.push((
            format!("{} more programs and ports", grouped(rest.len() as u64)),
            format!("{}, not read", count(connections, "connection")),
        ));
    }
    parts
}

fn words(row: &Coverage) -> (String, String) {
    let why = match (&*row.verdict, &row.reason) {
        ("tls", Some(reason)) => {
            format!(
                "encrypted (TLS), so nothing in it could be read ({reason}: {})",
                reasons::meaning(reason)
            )
        }
        ("tls", None) => "encrypted (TLS), so nothing in it could be read".to_owned(),
        ("other", _) => "no HTTP that the sensor recognises".to_owned(),
        _ => "something that this version does not read".to_owned(),
    };
    let name = row.server_name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    let program = if row.program.is_empty() { "a program" } else { &row.program };
    (
        format!(
            "{program} ({}), port {}{name}",
            whereabouts(row.container.as_deref(), &row.cgroup),
            row.port
        ),
        format!("{}, {}: {why}", count(row.connections, "connection"), bytes(row.bytes)),
    )
}

fn losses(losses: &BTreeMap<String, u64>) -> Vec<Loss> {
    let mut rows: Vec<Loss> = losses
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(cause, count)| Loss {
            cause: cause.clone(),
            count: *count,
            cost: cost(cause),
            meaning: meaning(cause).unwrap_or("a loss that this version does not know"),
        })
        .collect();
    rows.sort_by_key(|row| row.cost);
    rows
}

/// What a loss of that name costs the report. Names of another version cost some bytes.
fn cost(cause: &str) -> Cost {
    match cause {
        "calls-lost"
        | "message-lost"
        | "request-missing"
        | "connection-unknown"
        | "connections-full"
        | "connection-idle"
        | "buffers-full"
        | "framing-conflict"
        | "connection-panic"
        | "flush-dropped"
        | "state-full"
        | "control-ring-full"
        | "message-unrecognized"
        | "head-too-large"
        | "head-malformed"
        | "pipeline-full"
        | "connection-upgraded"
        | "out-of-scope"
        | "record-malformed"
        | "batch-full"
        | "frame-malformed"
        | "streams-full"
        | "resets-full" => Cost::Calls,
        "response-missing" | "status-unknown" => Cost::Answers,
        "body-budget"
        | "body-cut"
        | "chunk-malformed"
        | "coding-malformed"
        | "coding-limit"
        | "coding-unknown"
        | "json-malformed"
        | "json-too-deep"
        | "xml-malformed"
        | "block-malformed"
        | "field-unknown"
        | "table-full"
        | "envelope-malformed"
        | "pieces-full"
        | "binary-malformed"
        | "fields-full"
        | "field-names-full"
        | "field-names-held-full"
        | "field-values-full" => Cost::Fields,
        "target-unknown"
        | "path-too-long"
        | "classes-full"
        | "keys-untried"
        | "path-words-full"
        | "endpoints-full"
        | "noise-full"
        | "services-full"
        | "coverage-full"
        | "callers-full"
        | "servers-full"
        | "session-unattributed" => Cost::Detail,
        "flush-retried"
        | "segment-duplicate"
        | "evaluation-failed"
        | "notification-retried"
        | "notifications-dropped" => Cost::Nothing,
        _ => Cost::Bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(coverage: &[(&str, u64)], losses: &[(&str, u64)]) -> Report {
        let row = |(verdict, connections): &(&str, u64)| Coverage {
            program: "nginx".to_owned(),
            cgroup: "/".to_owned(),
            container: None,
            port: 443,
            verdict: (*verdict).to_owned(),
            readable: verdict.starts_with("http"),
            inside: None,
            reason: None,
            server_name: None,
            tls_version: None,
            alpn: None,
            connections: *connections,
            bytes: 2048,
            plaintext_bytes: 0,
            lost_bytes: 0,
        };
        Report {
            schema_version: 1,
            services: Vec::new(),
            noise: BTreeMap::new(),
            scanners: 0,
            coverage: coverage.iter().map(row).collect(),
            losses: losses.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect(),
            findings: None,
        }
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let all = Unseen::of(&report(&[("http1", 3)], &[("segment-duplicate", 2), ("gap", 0)]));
        assert!(!all.incomplete);
        assert_eq!(
            all.headline,
            "All 3 connections that were seen could be read. Nothing that was read is known to be missing."
        );
        let some = Unseen::of(&report(&[("http1", 2), ("tls", 1)], &[("calls-lost", 7), ("body-cut", 1)]));
        assert!(some.incomplete);
        assert_eq!(
            some.headline,
            "1 of 3 connections (33 %) could not be read. About 7 calls are in no report."
        );
        assert_eq!(
            some.unreadable,
            [(
                "nginx (this host), port 443".to_owned(),
                "1 connection, 2.0 KiB: encrypted (TLS), so nothing in it could be read".to_owned()
            )]
        );
        let bytes = Unseen::of(&report(&[("http1", 1)], &[("gap", 1)]));
        assert!(bytes.incomplete && bytes.headline.ends_with("what stood in them may be missing."));
        assert!(Unseen::of(&report(&[], &[])).incomplete);
        assert_eq!((percent(1, 100_000), percent(99_999, 100_000)), ("under 1 %".into(), "over 99 %".into()));
    }
}
