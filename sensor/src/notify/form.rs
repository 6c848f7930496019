//! An event in the forms of those who read it. Pure.
//!
//! Slack: <https://api.slack.com/reference/block-kit/blocks>. OTLP: JSON encoding of
//! `ExportLogsServiceRequest`, opentelemetry-proto 1.x. Syslog: RFC 5424, over TCP framed by RFC 6587
//! section 3.4.1.

use serde_json::{Value, json};

use super::Event;

/// Characters of a text of a Slack block; Slack takes 3,000.
const SLACK_CHARS_MAX: usize = 2_900;

/// Private enterprise number of the structured data: the one for examples (RFC 5612), since the project
/// has none of its own.
const ENTERPRISE: &str = "apicensus@32473";

/// Facility local0 (RFC 5424 section 6.2.1).
const FACILITY: u8 = 16;

/// The event itself.
pub fn generic(event: &Event) -> Value {
    // A struct of texts and numbers always serializes.
    serde_json::to_value(event).unwrap_or_default()
}

/// A message of a Slack incoming webhook: a text for notifications, blocks for the channel.
pub fn slack(event: &Event) -> Value {
    let head = format!("{}: {} {}", event.level, event.rule, event.state);
    let text = slack_text(&format!("{head} – {}", event.place()));
    let mut body =
        format!("*{}*\n`{}`\n{}", slack_text(&head), slack_code(&event.place()), slack_text(&event.message));
    if event.state != "resolved" && !event.remediation.is_empty() {
        body.push_str(&format!("\n_{}_", slack_text(&event.remediation).replace('_', "\u{2009}_")));
    }
    let context = format!("{} · {} · {}", slack_text(&event.title), event.at, event.fingerprint);
    json!({
        "text": shortened(&text),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": shortened(&body) } },
            { "type": "context", "elements": [ { "type": "plain_text", "text": shortened(&context), "emoji": false } ] },
        ],
    })
}

/// The three characters that Slack acts on (<https://api.slack.com/reference/surfaces/formatting#escaping>).
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack_code(text: &str) -> String {
    slack_text(text).replace('`', "'")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SLACK_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(SLACK_CHARS_MAX).chain(['…']).collect()
}

/// An OTLP request with one log record.
pub fn otlp(event: &Event, observed_ns: u64) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let mut attributes = vec![
        text("apicensus.event.id", &event.id),
        text("apicensus.finding.fingerprint", &event.fingerprint),
        text("apicensus.finding.state", &event.state),
        text("apicensus.finding.rule", &event.rule),
    ];
    for (key, value) in [
        ("server.address", &event.service),
        ("http.request.method", &event.method),
        ("http.route", &event.path),
        ("apicensus.finding.field", &event.field),
        ("apicensus.finding.of", &event.of),
    ] {
        if !value.is_empty() {
            attributes.push(text(key, value));
        }
    }
    // Severity numbers of the logs data model: INFO, WARN, ERROR.
    let (number, severity) = match event.level.as_str() {
        "error" => (17, "ERROR"),
        "warning" => (13, "WARN"),
        _ => (9, "INFO"),
    };
    let record = json!({
        // 64-bit numbers are texts in the JSON form of protobuf.
        "timeUnixNano": event.at_ns.to_string(),
        "observedTimeUnixNano": observed_ns.to_string(),
        "severityNumber": number,
        "severityText": severity,
        "body": { "stringValue": event.message },
        "attributes": attributes,
    });
    let version = env!("CARGO_PKG_VERSION");
    json!({ "resourceLogs": [ {
        "resource": { "attributes": [ text("service.name", "apicensus"), text("service.version", version) ] },
        "scopeLogs": [ { "scope": { "name": "apicensus.findings", "version": version }, "logRecords": [record] } ],
    } ] })
}

/// A syslog message; `host` is this host's name.
pub fn syslog(event: &Event, host: &str, pid: u32) -> String {
    let severity = match event.level.as_str() {
        "error" => 3,
        "warning" => 4,
        _ => 5,
    };
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let mut data = format!("[{ENTERPRISE}");
    for (name, value) in [
        ("id", &event.id),
        ("fingerprint", &event.fingerprint),
        ("rule", &event.rule),
        ("level", &event.level),
        ("state", &event.state),
        ("service", &event.service),
        ("method", &event.method),
        ("path", &event.path),
        ("field", &event.field),
        ("of", &event.of),
    ] {
        if !value.is_empty() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
            data.push_str(&format!(" {name}=\"{value}\""));
        }
    }
    format!(
        "<{}>1 {} {host} apicensus {pid} finding-{} {data}] \u{feff}{} {}: {}",
        FACILITY * 8 + severity,
        event.at,
        event.state,
        event.rule,
        event.place(),
        event.message
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            schema_version: 1,
            id: "00ff-open-5".to_owned(),
            state: "open".to_owned(),
            at: "2025-01-01T00:00:00.000Z".to_owned(),
            at_ns: 1_735_689_600_000_000_000,
            fingerprint: "00ff".to_owned(),
            rule: "missing-auth".to_owned(),
            title: "Answers without credentials".to_owned(),
            level: "error".to_owned(),
            owasp: vec!["API2".to_owned()],
            message: "12 calls <without> a credential & answered".to_owned(),
            remediation: "Ask for one.".to_owned(),
            service: "shop:8080".to_owned(),
            method: "GET".to_owned(),
            path: "/a\"]\\/{id}".to_owned(),
            field: String::new(),
            of: String::new(),
        }
    }

    #[test]
    fn slack_acts_on_no_name() {
        let message = slack(&event());
        let text = message["blocks"][0]["text"]["text"].as_str().expect("a text");
        assert!(text.contains("&lt;without&gt;") && text.contains("&amp; answered"), "{text}");
        assert_eq!(message["text"], "error: missing-auth open – GET /a\"]\\/{id} at shop:8080");
        let long = Event { message: "<".repeat(9_000), ..event() };
        let text = slack(&long)["blocks"][0]["text"]["text"].as_str().expect("a text").chars().count();
        assert!(text <= 3_000);
    }

    #[test]
    fn syslog_keeps_its_grammar() {
        let line = syslog(&event(), "host name", 7);
        assert!(
            line.starts_with("<131>1 2025-01-01T00:00:00.000Z hostname apicensus 7 finding-open ["),
            "{line}"
        );
        assert!(line.contains(r#" path="/a\"\]\\/{id}"] "#), "{line}");
        assert!(syslog(&Event { level: "note".to_owned(), ..event() }, "", 7).starts_with("<133>1 "));
    }

    #[test]
    fn logs_have_severity_and_time() {
        let request = otlp(&event(), 9);
        let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["timeUnixNano"], "1735689600000000000");
        assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(17), &json!("ERROR")));
        assert_eq!(record["body"]["stringValue"], event().message);
        let route =
            record["attributes"].as_array().expect("a list").iter().find(|a| a["key"] == "http.route");
        assert_eq!(route.expect("the route")["value"]["stringValue"], event().path);
    }
}
