//! Findings as SARIF 2.1.0 (OASIS standard), for code scanning and other tools: rules with their manual
//! pages, OWASP's list as taxonomy, logical locations since there are no files, acknowledged findings
//! as suppressed. Resolved ones are left out. There is no `baselineState`: the states of a store are not
//! those of one earlier run.

use serde_json::{Value, json};

use super::document::{FindingRow, Findings, RuleRow};
use super::owasp::{self, LIST, RISKS};
use crate::report::json;

/// Name of the fingerprint among others that a viewer may add.
const FINGERPRINT: &str = "apicensus/v1";

/// The file.
pub fn render(document: &Findings) -> String {
    json::render(&log(document))
}

fn log(document: &Findings) -> Value {
    let results = document.findings.iter().filter(|row| row.state != "resolved");
    let results: Vec<Value> = results.map(|row| result(document, row)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [ {
            "tool": { "driver": {
                "name": "apicensus",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": document.rules.iter().map(rule).collect::<Vec<_>>(),
                "supportedTaxonomies": [ { "name": LIST.0, "index": 0 } ],
            } },
            "taxonomies": [ taxonomy() ],
            "invocations": [ { "executionSuccessful": true, "endTimeUtc": document.looked_at.at } ],
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "lookedAt": document.looked_at },
        } ],
    })
}

fn taxonomy() -> Value {
    let taxa = RISKS.iter().map(|(id, title, page)| {
        json!({
            "id": format!("{id}:{}", LIST.1),
            "name": title,
            "shortDescription": { "text": title },
            "helpUri": owasp::address(page),
        })
    });
    json!({
        "name": LIST.0,
        "version": LIST.1,
        "organization": "OWASP",
        "shortDescription": { "text": "The ten most critical API security risks" },
        "informationUri": "https://owasp.org/API-Security/editions/2023/en/0x11-t10/",
        "isComprehensive": true,
        "taxa": taxa.collect::<Vec<_>>(),
    })
}

fn rule(rule: &RuleRow) -> Value {
    let relationships = rule.owasp.iter().filter_map(|id| {
        let index = RISKS.iter().position(|(known, ..)| known == id)?;
        Some(json!({
            "target": {
                "id": format!("{id}:{}", LIST.1),
                "index": index,
                "toolComponent": { "name": LIST.0, "index": 0 },
            },
            "kinds": ["relevant"],
        }))
    });
    let mut tags = vec!["security".to_owned(), "api".to_owned()];
    tags.extend(rule.owasp.iter().map(|id| format!("owasp-api-2023/{id}")));
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.rationale },
        "help": {
            "text": format!("{}\n\nWhat to do: {}", rule.rationale, rule.remediation),
            "markdown": format!("{}\n\n**What to do:** {}", rule.rationale, rule.remediation),
        },
        "defaultConfiguration": { "level": rule.level },
        "relationships": relationships.collect::<Vec<_>>(),
        "properties": { "tags": tags },
    })
}

fn result(document: &Findings, row: &FindingRow) -> Value {
    let mut result = json!({
        "ruleId": row.rule,
        "level": row.level,
        "message": { "text": row.message },
        "locations": [ { "logicalLocations": [location(row)] } ],
        "partialFingerprints": { FINGERPRINT: row.fingerprint },
        "properties": {
            "state": row.state,
            "since": row.since,
            "firstFound": row.first_found,
            "calls": row.calls,
            "edges": row.edges,
        },
    });
    if let Some(index) = document.rules.iter().position(|rule| rule.id == row.rule) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(specified) = &row.specified {
        result["properties"]["specified"] = json!(specified);
    }
    // Present and empty where nothing is suppressed, section 3.27.23: it was looked at.
    result["suppressions"] = json!(suppressions(row));
    result
}

/// Service, endpoint, field: the innermost one that is known, with its whole name.
fn location(row: &FindingRow) -> Value {
    let mut whole = if row.service.is_empty() { "everything".to_owned() } else { row.service.clone() };
    let (mut name, mut kind) = (whole.clone(), "namespace");
    if row.path.is_some() {
        (name, kind) = (row.place(), "resource");
        whole = format!("{whole} {name}");
    }
    if let Some(field) = row.field_text() {
        whole = format!("{whole} {field}");
        (name, kind) = (field, "property");
    }
    json!({ "name": name, "fullyQualifiedName": whole, "kind": kind })
}

fn suppressions(row: &FindingRow) -> Vec<Value> {
    let mut suppressions = Vec::new();
    if let Some(known) = row.acknowledged.as_ref().filter(|_| row.state == "acknowledged") {
        suppressions.push(json!({
            "kind": "external",
            "status": "accepted",
            "justification": known.why,
            "properties": { "by": known.by, "until": known.until },
        }));
    }
    if let Some(why) = &row.suppressed {
        suppressions.push(json!({ "kind": "external", "status": "accepted", "justification": why }));
    }
    suppressions
}
