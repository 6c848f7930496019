//! Specifications of `tests/data/specs`, and endpoints as a catalog has them, made by hand.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sensor::call::{Credential, Facts, Method, Place, SegmentKind};
use sensor::flow::{Peer, Timestamp};
use sensor::inventory::catalog::{Endpoint, Parameter, Service};
use sensor::inventory::spec::{Fault, Spec, read_openapi};
use sensor::inventory::{CallerKey, CallerStats, EndpointStats, FieldKey, FieldStats, Seen};

pub const HOUR: u64 = 3_600_000_000_000;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/specs")
}

/// A specification of the folder.
pub fn spec(name: &str) -> Spec {
    let mut load =
        |path: &str| std::fs::read_to_string(folder().join(path)).map_err(|error| error.kind().to_string());
    let mut spec = read_openapi(name, &mut load).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    spec.name = spec.title.to_lowercase();
    spec
}

/// A specification of texts, the first of them its root.
pub fn of_texts(files: &[(&str, &str)]) -> Result<Spec, Fault> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let root = files.keys().find(|name| name.starts_with("api")).expect("a root");
    let mut load =
        |path: &str| files.get(path).map(|text| (*text).to_owned()).ok_or("it is not there".to_owned());
    read_openapi(root, &mut load)
}

pub fn service(name: &str, endpoints: Vec<Endpoint>) -> Service {
    Service { name: name.into(), endpoints }
}

/// An endpoint with `calls` calls that are answered with 200, by one caller with a key.
pub fn endpoint(method: &'static str, template: &str, calls: u64) -> Endpoint {
    let parameters = template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| Parameter { name: name.to_owned(), kind: SegmentKind::Integer })
        .collect();
    let seen = Seen { first: Timestamp(HOUR), last: Timestamp(3 * HOUR) };
    let mut stats = EndpointStats { calls, seen, ..EndpointStats::default() };
    stats.statuses = [(200, calls)].into();
    stats.answered.seen = seen;
    stats.answered.callers = 0b11;
    stats.answered.paths = 0b11;
    Endpoint {
        method: Method(method),
        template: template.to_owned(),
        parameters,
        confidence: 1.0,
        explanation: Vec::new(),
        stats,
    }
    .by(Credential::ApiKey, calls)
}

/// Changes to an endpoint.
pub trait Change: Sized {
    fn by(self, credential: Credential, granted: u64) -> Self;
    fn answered(self, status: u16, calls: u64) -> Self;
    fn only(self, status: u16) -> Self;
    fn content(self, status: u16, media: &str) -> Self;
    fn sends(self, media: &str, calls: u64) -> Self;
    fn field(self, place: Place, name: &str, facts: Facts) -> Self;
    fn partly(self, place: Place, name: &str, facts: Facts, calls: u64) -> Self;
}

impl Change for Endpoint {
    fn by(mut self, credential: Credential, granted: u64) -> Self {
        let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), workload: None };
        let stats = CallerStats { calls: granted, granted, seen: self.stats.seen, ..CallerStats::default() };
        if credential == Credential::None {
            self.stats.callers = Default::default();
        }
        self.stats.callers.insert(CallerKey { peer, credential }, stats);
        self
    }

    fn answered(mut self, status: u16, calls: u64) -> Self {
        self.stats.calls += calls;
        self.stats.statuses.insert(status, calls);
        self
    }

    fn only(mut self, status: u16) -> Self {
        self.stats.statuses = [(status, self.stats.calls)].into();
        self
    }

    fn content(mut self, status: u16, media: &str) -> Self {
        let calls = self.stats.statuses.get(&status).copied().unwrap_or(1);
        self.stats.contents.insert((status, Arc::from(media)), calls);
        self
    }

    fn sends(mut self, media: &str, calls: u64) -> Self {
        self.stats.request_types.insert(Arc::from(media), calls);
        self.stats.request_bytes += 100;
        self
    }

    fn field(self, place: Place, name: &str, facts: Facts) -> Self {
        let calls = self.stats.calls;
        self.partly(place, name, facts, calls)
    }

    fn partly(mut self, place: Place, name: &str, facts: Facts, calls: u64) -> Self {
        let objects = if facts.contains(Facts::OBJECT) { calls } else { 0 };
        let stats = FieldStats { calls, facts, present: calls, objects, held: 0, seen: self.stats.seen };
        self.stats.fields.insert(FieldKey { place, name: name.into() }, stats);
        self
    }
}
