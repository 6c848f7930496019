//! Inventories for pages: a company of services that call each other, of any size, and one whose names
//! were chosen by an attacker.

use std::sync::Arc;

use sensor::call::{CallClass, Credential, Facts, Method, Path, Place, Segment, SegmentKind};
use sensor::flow::{Peer, Timestamp, Verdict};
use sensor::inventory::{
    Answered, CallerKey, CallerStats, CoverageKey, CoverageStats, EndpointKey, EndpointStats, FieldKey,
    FieldStats, Histogram, Inventory, Page, Seen, SmallMap,
};

use crate::store_fixture::{NEW_YEAR, SECOND, workload};

const THINGS: &[&str] = &[
    "orders",
    "users",
    "invoices",
    "payments",
    "carts",
    "products",
    "sessions",
    "shipments",
    "returns",
    "reviews",
    "coupons",
    "accounts",
    "teams",
    "projects",
    "messages",
    "devices",
    "reports",
    "exports",
    "webhooks",
    "tokens",
];

const ROUTES: &[(&str, &[&str], bool)] = &[
    ("GET", &[], false),
    ("POST", &[], false),
    ("GET", &[], true),
    ("PUT", &[], true),
    ("DELETE", &[], true),
    ("GET", &["items"], true),
    ("POST", &["items"], true),
    ("GET", &["history"], true),
    ("PATCH", &["status"], true),
    ("GET", &["search"], false),
];

const FIELDS: &[(Place, &str, Facts)] = &[
    (Place::Query, "limit", Facts::INTEGER),
    (Place::Query, "cursor", Facts::STRING),
    (Place::RequestHeader, "authorization", Facts::STRING),
    (Place::RequestBody, "", Facts::OBJECT),
    (Place::RequestBody, "/customer", Facts::OBJECT),
    (Place::RequestBody, "/customer/email", Facts::STRING),
    (Place::RequestBody, "/lines", Facts::ARRAY),
    (Place::RequestBody, "/lines/*/sku", Facts::STRING),
    (Place::ResponseBody, "", Facts::OBJECT),
    (Place::ResponseBody, "/id", Facts::INTEGER),
    (Place::ResponseBody, "/created_at", Facts::STRING),
    (Place::ResponseBody, "/total/amount", Facts::NUMBER),
    (Place::ResponseBody, "/total/currency", Facts::STRING),
    (Place::ErrorBody, "/error", Facts::STRING),
];

/// A caller as the sensor saw it.
fn caller(program: &str, place: &str, credential: Credential) -> CallerKey {
    let peer = if program.is_empty() {
        Peer { address: place.parse().expect("an address"), workload: None }
    } else {
        Peer {
            address: "127.0.0.1".parse().expect("an address"),
            workload: Some(workload(program, place, None)),
        }
    };
    CallerKey { peer, credential }
}

fn segments(words: &[&str]) -> Path {
    words
        .iter()
        .map(|word| match *word {
            "{}" => Segment::Parameter(SegmentKind::Integer),
            word => Segment::Word(word.into()),
        })
        .collect()
}

fn seen(first_s: u64, last_s: u64) -> Seen {
    Seen { first: Timestamp(NEW_YEAR + first_s * SECOND), last: Timestamp(NEW_YEAR + last_s * SECOND) }
}

/// So many endpoints of so many services, called by so many callers; `scale` spreads the calls.
pub fn company(endpoints: usize, services: usize, callers: usize) -> Inventory {
    const PROGRAMS: &[&str] =
        &["web", "mobile-gateway", "billing-worker", "python3.13", "curl", "cron", "node", ""];
    const SERVICES: &[&str] =
        &["api.shop.example:8080", "payments.internal:9000", "users.internal", "search:9200"];
    const CREDENTIALS: &[Credential] =
        &[Credential::Jwt, Credential::Bearer, Credential::Basic, Credential::None, Credential::ApiKey];
    let mut inventory = Inventory::default();
    let who = |number: usize| {
        let program = PROGRAMS[number % PROGRAMS.len()];
        let place = if program.is_empty() {
            format!("192.0.2.{}", number % 250)
        } else if number < PROGRAMS.len() {
            format!("/system.slice/{program}.service")
        } else {
            format!("/kubepods.slice/{program}-{number}.scope")
        };
        caller(program, &place, CREDENTIALS[number % CREDENTIALS.len()])
    };
    let nginx = Peer {
        address: "127.0.0.1".parse().expect("an address"),
        workload: Some(workload("nginx", "/system.slice/nginx.service", None)),
    };
    for number in 0..endpoints {
        let service = match SERVICES.get(number % services) {
            Some(service) => (*service).to_owned(),
            None => format!("service-{}.prod.example", number % services),
        };
        let route = number / services;
        let (method, tail, is_one) = ROUTES[route % ROUTES.len()];
        let thing = THINGS[(route / ROUTES.len() + number) % THINGS.len()];
        let version = format!("v{}", 1 + route / (ROUTES.len() * THINGS.len()));
        let mut words = vec!["api", &version, thing];
        if is_one {
            words.push("{}");
        }
        words.extend(tail);
        let calls = 4 + (number as u64 * 7919) % 97 * ((number as u64 * 31) % 113).pow(2);
        let failed = if number % 7 == 3 { calls / 9 } else { 0 };
        let mut latency = Histogram::default();
        latency.buckets[8 + number % 12] = calls;
        let callers = (0..1 + number % 3).map(|nth| {
            let key = who((number * 7 + nth * 11) % callers);
            let refused = if number % 11 == 5 { calls / 2 } else { failed / 2 };
            (
                key,
                CallerStats {
                    calls: calls / 3 + 1,
                    refused,
                    seen: seen(60, 86_400),
                    paths: 3,
                    ..CallerStats::default()
                },
            )
        });
        let is_rare = number % 9 == 8;
        let stats = EndpointStats {
            calls,
            seen: seen(60 + number as u64, 86_400 - number as u64 * 3),
            statuses: [(200, calls - failed), (404, failed / 2), (503, failed - failed / 2)]
                .into_iter()
                .filter(|(_, calls)| *calls > 0)
                .collect(),
            latency,
            request_bytes: if method == "GET" { 0 } else { calls * 310 },
            response_bytes: calls * 1204,
            request_types: if method == "GET" {
                SmallMap::new()
            } else {
                [("application/json".into(), calls)].into()
            },
            response_types: [("application/json".into(), calls)].into(),
            fields: FIELDS
                .iter()
                .filter(|(place, ..)| *place != Place::RequestBody || method != "GET")
                .map(|(place, name, facts)| {
                    field(*place, name, *facts, calls - calls / 4 * (name.len() as u64 % 3))
                })
                .collect(),
            callers: callers.collect(),
            servers: [(nginx.clone(), calls)].into(),
            answered: Answered {
                seen: if is_rare { seen(70, 70) } else { seen(70, 80_000) },
                callers: 1,
                paths: 1,
            },
            page: Page::Several,
            ..EndpointStats::default()
        };
        let key = EndpointKey {
            service: service.into(),
            method: Method(method),
            path: segments(&words),
            class: CallClass::Found,
        };
        inventory.endpoints.insert(key, stats);
    }
    for (program, port, verdict, connections) in [
        ("nginx", 8080, Verdict::Http1, 1_204),
        ("postgres", 5432, Verdict::Other, 40),
        ("envoy", 8443, Verdict::Tls, 310),
        ("grpc-server", 50_051, Verdict::Http2, 12),
    ] {
        let workload = workload(program, &format!("/system.slice/{program}.service"), None);
        inventory.coverage.insert(
            CoverageKey::plain(workload, port, verdict),
            CoverageStats { connections, bytes: connections * 61_000, ..Default::default() },
        );
    }
    inventory.losses =
        [("body-budget", 41), ("body-cut", 41), ("calls-lost", 3), ("flush-retried", 1), ("ring-full", 9)]
            .into_iter()
            .map(|(cause, count)| (cause.into(), count))
            .collect();
    for (class, path, status, calls) in [
        (CallClass::Missed, &["{}"][..], 404, 4_310),
        (CallClass::HealthCheck, &["healthz"], 200, 17_280),
        (CallClass::StaticFile, &["assets", "{file}"], 200, 812),
        (CallClass::Preflight, &["api", "v1", "orders"], 204, 96),
    ] {
        let missed = class == CallClass::Missed;
        let scanner = caller("", "198.51.100.9", Credential::None);
        let stats = CallerStats {
            calls,
            refused: if missed { calls } else { 0 },
            seen: seen(10, 70),
            paths: u64::MAX >> 8,
            ..CallerStats::default()
        };
        let stats = EndpointStats {
            calls,
            seen: seen(10, 70),
            statuses: [(status, calls)].into(),
            callers: [(scanner, stats)].into(),
            ..EndpointStats::default()
        };
        let method = Method(if class == CallClass::Preflight { "OPTIONS" } else { "GET" });
        let key = EndpointKey { service: SERVICES[0].into(), method, path: segments(path), class };
        inventory.endpoints.insert(key, stats);
    }
    inventory
}

fn field(place: Place, name: &str, facts: Facts, calls: u64) -> (FieldKey, FieldStats) {
    let facts = match name {
        "/customer/email" => facts | Facts::EMAIL,
        "authorization" => facts | Facts::JWT,
        _ => facts,
    };
    let objects = if facts.contains(Facts::OBJECT) { calls } else { 0 };
    (
        FieldKey { place, name: name.into() },
        FieldStats { calls, facts, present: calls, objects, held: 0, ..FieldStats::default() },
    )
}

/// What an attacker would like to be called.
pub const HOSTILE: &[&str] = &[
    "</script><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(2)>",
    "' onmouseover='alert(3)",
    "<!--<script>alert(4)</script>",
    "| a | b |\n| --- | --- |\n```\n<b>x</b>",
    "`` [link](http://evil.example) @someone #1 ``",
    "=cmd|' /C calc'!A0",
    "\u{202e}desrever\u{2028}\0\u{1b}[31m",
    "]]></style><style>*{display:none}",
    "javascript:alert(5)",
    "__proto__",
    "constructor",
];

/// Every name that can come from traffic or from this machine is hostile.
pub fn hostile() -> Inventory {
    let mut inventory = Inventory::default();
    for (number, name) in HOSTILE.iter().enumerate() {
        let place: Arc<str> = format!("/{name}").into();
        let key = caller(name, &place, Credential::None);
        let server = Peer { address: key.peer.address, workload: Some(workload(name, name, Some(name))) };
        let stats = EndpointStats {
            calls: 5,
            seen: seen(0, 90),
            statuses: [(200, 5)].into(),
            request_types: [((*name).into(), 5)].into(),
            response_types: [((*name).into(), 5)].into(),
            fields: [
                field(Place::Query, name, Facts::STRING, 5),
                field(Place::ResponseBody, "", Facts::OBJECT, 5),
                field(Place::ResponseBody, &format!("/{name}"), Facts::STRING, 5),
            ]
            .into(),
            callers: [(
                key,
                CallerStats { calls: 5, refused: 0, seen: seen(0, 90), paths: 1, ..CallerStats::default() },
            )]
            .into(),
            servers: [(server, 5)].into(),
            answered: Answered { seen: seen(0, 90), callers: 1, paths: 1 },
            ..EndpointStats::default()
        };
        for (class, service) in [
            (CallClass::Found, *name),
            (CallClass::Found, HOSTILE[(number + 1) % HOSTILE.len()]),
            (CallClass::StaticFile, name),
        ] {
            let path = [Segment::Word((*name).into())].into_iter().collect();
            inventory.endpoints.insert(
                EndpointKey { service: service.into(), method: Method("GET"), path, class },
                stats.clone(),
            );
        }
        let workload = workload(name, name, Some(name));
        inventory.coverage.insert(
            CoverageKey::plain(workload, 80, Verdict::Tls),
            CoverageStats { connections: 1, bytes: 1, ..Default::default() },
        );
        inventory.losses.insert((*name).into(), 1);
    }
    inventory
}
