//! A filtered catalog into documents. Orders are those of the catalog and of sorted maps, so equal
//! inventories give equal documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::{
    Caller, CallerRow, Callers, Coverage, EndpointName, EndpointReport, EndpointRow, Endpoints, Evidence,
    Explanation, Field, FieldRow, Fields, Latency, Parameter, Party, Report, SCHEMA_VERSION, Server,
    ServiceReport, Stream, Weight,
};
use super::findings::stored::StoredFindings;
use super::{format, noise};
use crate::call::{Facts, Place};
use crate::flow::Peer;
use crate::inventory::catalog::{Catalog, Endpoint};
use crate::inventory::explain;
use crate::inventory::{
    CallerKey, CallerStats, CoverageKey, CoverageStats, EndpointStats, FieldKey, FieldStats, Inventory,
    Messages, Reading, SmallMap,
};

impl Report {
    /// All of a filtered catalog; coverage and losses are those of the whole inventory.
    pub fn of(catalog: &Catalog, inventory: &Inventory) -> Report {
        let services = catalog.services.iter().map(|service| ServiceReport {
            name: service.name.to_string(),
            endpoints: service
                .endpoints
                .iter()
                .map(|endpoint| EndpointReport {
                    endpoint: row(&service.name, endpoint),
                    fields: fields(&endpoint.stats).collect(),
                    callers: endpoint.stats.callers.iter().map(caller).collect(),
                    servers: endpoint
                        .stats
                        .servers
                        .iter()
                        .map(|(peer, calls)| Server { server: party(peer), calls: *calls })
                        .collect(),
                })
                .collect(),
        });
        Report {
            schema_version: SCHEMA_VERSION,
            services: services.collect(),
            noise: noise::sums(catalog),
            scanners: catalog.noise.scanners.len() as u64,
            coverage: inventory.coverage.iter().map(coverage).collect(),
            losses: inventory.losses.iter().map(|(cause, count)| (cause.to_string(), *count)).collect(),
            findings: None,
        }
    }

    /// The same with findings.
    pub fn with_findings(self, findings: StoredFindings) -> Report {
        Report { findings: Some(findings), ..self }
    }
}

impl Endpoints {
    /// The endpoints of a filtered catalog.
    pub fn of(catalog: &Catalog) -> Endpoints {
        let endpoints = each(catalog).map(|(service, endpoint)| row(service, endpoint)).collect();
        Endpoints { schema_version: SCHEMA_VERSION, endpoints }
    }
}

impl Callers {
    /// The callers of a filtered catalog.
    pub fn of(catalog: &Catalog) -> Callers {
        let callers = each(catalog).flat_map(|(service, endpoint)| {
            let name = name(service, endpoint);
            let callers = endpoint.stats.callers.iter();
            callers.map(move |pair| CallerRow { endpoint: name.clone(), caller: caller(pair) })
        });
        Callers { schema_version: SCHEMA_VERSION, callers: callers.collect() }
    }
}

impl Fields {
    /// The fields of a filtered catalog.
    pub fn of(catalog: &Catalog) -> Fields {
        let fields = each(catalog).flat_map(|(service, endpoint)| {
            let name = name(service, endpoint);
            fields(&endpoint.stats).map(move |field| FieldRow { endpoint: name.clone(), field })
        });
        Fields { schema_version: SCHEMA_VERSION, fields: fields.collect() }
    }
}

fn each(catalog: &Catalog) -> impl Iterator<Item = (&str, &Endpoint)> {
    let services = catalog.services.iter();
    services.flat_map(|service| service.endpoints.iter().map(|endpoint| (&*service.name, endpoint)))
}

fn name(service: &str, endpoint: &Endpoint) -> EndpointName {
    EndpointName {
        service: service.to_owned(),
        method: endpoint.method.name().to_owned(),
        path: endpoint.template.clone(),
    }
}

/// <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>
fn rpc_status(status: u16) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(usize::from(status)).copied().unwrap_or("UNKNOWN")
}

fn stream(messages: Messages) -> Option<Stream> {
    let Messages { sums: [request_messages, response_messages], most } = messages;
    let kind = match most.map(|most| most > 1) {
        [false, false] => "none",
        [true, false] => "client",
        [false, true] => "server",
        [true, true] => "both",
    };
    (messages != Messages::default()).then(|| Stream {
        kind: kind.to_owned(),
        request_messages,
        response_messages,
        request_messages_max: most[0],
        response_messages_max: most[1],
    })
}

fn row(service: &str, endpoint: &Endpoint) -> EndpointRow {
    let stats = &endpoint.stats;
    let parameters = endpoint.parameters.iter();
    let mut credentials = BTreeMap::new();
    for (key, caller) in &stats.callers {
        *credentials.entry(key.credential.name().to_owned()).or_default() += caller.calls;
    }
    let (evidence, doubt) = endpoint.evidence();
    let requests = stats.fields.keys().filter(|key| is_of_request(key.place)).count();
    let latency = stats.latency.quantile(0.5).zip(stats.latency.quantile(0.95));
    EndpointRow {
        name: name(service, endpoint),
        parameters: parameters
            .map(|p| Parameter { name: p.name.clone(), kind: p.kind.name().to_owned() })
            .collect(),
        confidence: hundredths(endpoint.confidence),
        explanation: (!endpoint.explanation.is_empty())
            .then(|| endpoint.explanation.iter().map(explanation).collect()),
        confirmed: doubt.is_none(),
        doubt: doubt.map(|doubt| doubt.name().to_owned()),
        evidence: Evidence {
            successes: evidence.successes,
            span_s: (evidence.span_ns / 1_000_000) as f64 / 1000.0,
            callers: evidence.callers,
            paths: evidence.paths,
        },
        calls: stats.calls,
        statuses: statuses(stats),
        rpc_statuses: stats
            .rpc_statuses
            .iter()
            .map(|(status, calls)| (rpc_status(*status).to_owned(), *calls))
            .collect(),
        stream: stream(stats.messages),
        latency_ms: latency.map(|(p50, p95)| Latency { p50: p50 as f64 / 1000.0, p95: p95 as f64 / 1000.0 }),
        request_bytes: stats.request_bytes,
        response_bytes: stats.response_bytes,
        request_types: stats.request_types.iter().map(|(name, calls)| (name.to_string(), *calls)).collect(),
        response_types: stats.response_types.iter().map(|(name, calls)| (name.to_string(), *calls)).collect(),
        request_fields: requests as u64,
        response_fields: (stats.fields.len() - requests) as u64,
        credentials,
        transports: stats.transports.iter().map(|(name, calls)| (name.name().into_owned(), *calls)).collect(),
        caller_count: stats.caller_count(),
        signs: stats.signs.iter().map(|(sign, sum)| (sign.name().to_owned(), sum.calls)).collect(),
        first_seen: format::time(stats.seen.first),
        last_seen: format::time(stats.seen.last),
    }
}

fn explanation(of: &explain::Explanation) -> Explanation {
    Explanation {
        segment: of.segment.clone(),
        taken_for: of.taken_for.name().to_owned(),
        said: of.said,
        confidence: hundredths(of.confidence),
        calls: of.calls,
        words: of.words,
        shapes: of.kinds.iter().map(|(kind, calls)| ((*kind).to_owned(), *calls)).collect(),
        evidence: of
            .evidence
            .iter()
            .map(|(what, weight)| Weight { what: (*what).to_owned(), weight: hundredths(*weight) })
            .collect(),
    }
}

/// More digits would only be noise.
fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Calls by status.
pub(super) fn statuses(stats: &EndpointStats) -> BTreeMap<String, u64> {
    stats.statuses.iter().map(|(status, calls)| (status_name(*status), *calls)).collect()
}

fn status_name(status: u16) -> String {
    if status == 0 { "none".to_owned() } else { status.to_string() }
}

fn is_of_request(place: Place) -> bool {
    match place {
        Place::Query | Place::RequestHeader | Place::Cookie | Place::Form | Place::RequestBody => true,
        Place::ResponseHeader | Place::SetCookie | Place::ResponseBody | Place::ErrorBody => false,
    }
}

fn fields(stats: &EndpointStats) -> impl Iterator<Item = Field> {
    let answered = stats.calls.saturating_sub(stats.statuses.get(&0).copied().unwrap_or(0));
    let with = |types: &SmallMap<Arc<str>, u64>, wanted: fn(&str) -> bool| -> u64 {
        types.iter().filter(|(name, _)| wanted(name)).map(|(_, calls)| calls).sum()
    };
    let forms = with(&stats.request_types, |name| name.contains("form"));
    let mut classes: BTreeMap<&FieldKey, Vec<String>> = BTreeMap::new();
    for (field, class, _) in stats.data_classes() {
        classes.entry(field).or_default().push(class.name().to_owned());
    }
    stats.fields.iter().map(move |(key, field)| {
        let possible = match key.place {
            Place::Query | Place::RequestHeader | Place::Cookie => stats.calls,
            Place::Form => forms,
            Place::ResponseHeader | Place::SetCookie => answered,
            // The body as a whole is counted with each of them.
            Place::RequestBody | Place::ResponseBody | Place::ErrorBody => {
                sums_of(stats, key.place, "").map_or(0, |body| body.calls)
            }
        };
        let of = possible.max(field.calls);
        // A member is required where all objects had it that it could stand in.
        let required = match key.name.rsplit_once('/').filter(|_| key.place.is_json()) {
            Some((_, "*" | "{key}")) | None => field.calls == of,
            Some((parent, _)) => {
                sums_of(stats, key.place, parent).is_some_and(|p| p.objects > 0 && p.objects == field.present)
            }
        };
        Field {
            place: key.place.name().to_owned(),
            name: key.name.to_string(),
            types: texts(field.facts.types()),
            formats: texts(field.facts.formats()),
            classes: classes.get(key).cloned().unwrap_or_default(),
            calls: field.calls,
            of,
            required,
        }
    })
}

fn sums_of<'a>(stats: &'a EndpointStats, place: Place, name: &str) -> Option<&'a FieldStats> {
    stats.fields.get(&FieldKey { place, name: name.into() })
}

fn texts(facts: Facts) -> Vec<String> {
    facts.names().map(str::to_owned).collect()
}

/// Who is at one end.
pub(super) fn party(peer: &Peer) -> Party {
    let workload = peer.workload.as_deref();
    let address = peer.address.to_string();
    let program = workload.map(|workload| workload.program.to_string());
    Party {
        name: program.clone().filter(|program| !program.is_empty()).unwrap_or_else(|| {
            // What carries a session of TLS is not always found.
            if peer.address.is_unspecified() { "(not known)".to_owned() } else { address.clone() }
        }),
        address,
        program,
        cgroup: workload.map(|workload| workload.cgroup.to_string()),
        container: workload.and_then(|workload| workload.container.as_deref()).map(str::to_owned),
    }
}

fn caller((key, stats): (&CallerKey, &CallerStats)) -> Caller {
    Caller {
        caller: party(&key.peer),
        credential: key.credential.name().to_owned(),
        calls: stats.calls,
        refused: stats.refused,
        encrypted_calls: stats.encrypted,
        first_seen: format::time(stats.seen.first),
        last_seen: format::time(stats.seen.last),
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// One row of a coverage table.
pub(super) fn coverage((key, stats): (&CoverageKey, &CoverageStats)) -> Coverage {
    Coverage {
        program: key.workload.program.to_string(),
        cgroup: key.workload.cgroup.to_string(),
        container: key.workload.container.as_deref().map(str::to_owned),
        port: key.port,
        verdict: key.verdict.name().to_owned(),
        readable: key.is_read(),
        inside: match &key.tls.reading {
            Reading::Read(verdict) => Some(verdict.name().to_owned()),
            _ => None,
        },
        reason: match &key.tls.reading {
            Reading::Unread(reason) => Some(reason.to_string()),
            _ => None,
        },
        server_name: known(&key.tls.server_name),
        tls_version: known(&key.tls.version),
        alpn: known(&key.tls.alpn),
        connections: stats.connections,
        bytes: stats.bytes,
        plaintext_bytes: stats.plaintext_bytes,
        lost_bytes: stats.lost_bytes,
    }
}
