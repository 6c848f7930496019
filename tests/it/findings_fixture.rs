//! Inventories with something planted, for the tests of rules: endpoints by the line, and differences
//! as a comparison with specifications gives them.

use sensor::call::{
    CallClass, Credential, DataClass, Facts, Method, Path, Place, Segment, SegmentKind, Sign,
};
use sensor::findings::{
    Context, Finding, Findings, Looked, Settings, check_endpoint, check_service, evaluate,
};
use sensor::flow::{Peer, Timestamp, Transport, Verdict, Workload};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::compare::{Difference, DifferenceKind};
use sensor::inventory::spec::{Spec, Specs};
use sensor::inventory::{
    Answered, CallerKey, CallerStats, ClassKey, ClassStats, CoverageKey, CoverageStats, EndpointKey,
    EndpointStats, FieldKey, FieldStats, Inventory, Page, Seen, SignStats, SmallMap,
};

use super::store_fixture::{NEW_YEAR, SECOND, workload};

pub const HOUR: u64 = 3600 * SECOND;
pub const DAY: u64 = 24 * HOUR;

/// When the tests ask: long after the learning time of what is planted.
pub const NOW: Timestamp = Timestamp(NEW_YEAR + 100 * DAY);

/// So many hours before now.
pub fn ago(hours: u64) -> Timestamp {
    Timestamp(NOW.0 - hours * HOUR)
}

/// What is there, and what a comparison says of it.
#[derive(Clone)]
pub struct Planted {
    pub inventory: Inventory,
    pub differences: Vec<Difference>,
    pub settings: Settings,
    pub specs: Specs,
}

/// One raw endpoint in the making. Calls are from 20 days ago to an hour ago unless set otherwise.
pub struct Row {
    stats: EndpointStats,
    seen: Seen,
}

impl Planted {
    pub fn nothing() -> Planted {
        let settings = Settings::default_at(NOW);
        Planted {
            inventory: Inventory::default(),
            differences: Vec::new(),
            settings,
            specs: Specs::default(),
        }
    }

    /// A shop with one endpoint that is as it should be, so that it was learnt long ago.
    pub fn shop() -> Planted {
        Planted::nothing().with("shop", "GET /users/{}", |row| row.granted("web", Credential::Bearer, 20))
    }

    /// Adds calls to `METHOD /path` with `{}` for a number.
    pub fn with(mut self, service: &str, endpoint: &str, make: impl FnOnce(Row) -> Row) -> Planted {
        let (method, path) = endpoint.split_once(' ').expect("a method and a path");
        let segment = |segment: &str| match segment {
            "{}" => Segment::Parameter(SegmentKind::Integer),
            word => Segment::Word(word.into()),
        };
        let path: Path = path.split('/').skip(1).map(segment).collect();
        let method = Method::of_name(method).expect("a method");
        let key = EndpointKey { service: service.into(), method, path, class: CallClass::Found };
        let row = make(Row {
            stats: EndpointStats { page: Page::Several, ..EndpointStats::default() },
            seen: Seen { first: ago(20 * 24), last: ago(1) },
        });
        self.inventory.endpoints.entry(key).or_default().merge(row.stats);
        self
    }

    /// Adds a difference of `METHOD /template`, or of the whole service if that is empty.
    pub fn differs(
        mut self,
        kind: DifferenceKind,
        service: &str,
        endpoint: &str,
        make: impl FnOnce(&mut Difference),
    ) -> Planted {
        let endpoint = endpoint
            .split_once(' ')
            .map(|(method, template)| (Method::of_name(method).expect("a method"), template.to_owned()));
        let mut difference = Difference {
            kind,
            spec: Some("shop.yaml".into()),
            pointer: "/paths".to_owned(),
            service: service.into(),
            endpoint,
            field: None,
            specified: String::new(),
            observed: String::new(),
        };
        make(&mut difference);
        self.differences.push(difference);
        self
    }

    pub fn covered(mut self, program: &str, port: u16, verdict: Verdict, bytes: u64) -> Planted {
        let key = CoverageKey::plain(workload(program, "/", None), port, verdict);
        self.inventory.coverage.entry(key).or_default().merge(CoverageStats {
            connections: 3,
            bytes,
            ..Default::default()
        });
        self
    }

    pub fn lost(mut self, cause: &str, times: u64) -> Planted {
        *self.inventory.losses.entry(cause.into()).or_default() += times;
        self
    }

    /// A specification without operations for another service is given.
    pub fn specified_elsewhere(mut self) -> Planted {
        let services = vec!["elsewhere".to_owned()];
        self.specs = Specs::of(vec![Spec { name: "elsewhere.yaml".to_owned(), services, ..Spec::default() }]);
        self
    }

    pub fn set(mut self, set: impl FnOnce(&mut Settings)) -> Planted {
        set(&mut self.settings);
        self
    }

    /// Everything of several.
    pub fn and(mut self, other: Planted) -> Planted {
        self.inventory.merge(other.inventory);
        self.differences.extend(other.differences);
        self
    }

    /// All findings, with those of the differences.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings_of(&Catalog::of(&self.inventory))
    }

    /// The same for a catalog of its inventory.
    pub fn findings_of(&self, catalog: &Catalog) -> Vec<Finding> {
        let context =
            Context { catalog, inventory: &self.inventory, specs: &self.specs, settings: &self.settings };
        let mut findings = Findings::default();
        evaluate(&context).into_iter().for_each(|finding| findings.add(finding));
        for service in &catalog.services {
            let own: Vec<_> = self.differences.iter().filter(|found| found.service == service.name).collect();
            let learnt_at = context.learnt_at(service);
            for endpoint in &service.endpoints {
                let place = Some((endpoint.method, endpoint.template.clone()));
                let differences: Vec<_> =
                    own.iter().filter(|found| found.endpoint == place).map(|&found| found.clone()).collect();
                if !differences.is_empty() {
                    let looked = Looked { service, endpoint, differences: &differences, learnt_at };
                    check_endpoint(&context, &looked, &mut findings);
                }
            }
            let is_whole =
                |found: &&&Difference| found.endpoint.is_none() || found.kind == DifferenceKind::Orphan;
            let whole: Vec<_> = own.iter().filter(is_whole).map(|&found| found.clone()).collect();
            check_service(&context, service, &whole, &mut findings);
        }
        findings.settled()
    }

    /// Ids of the rules that fired, once for each finding.
    pub fn rules(&self) -> Vec<&'static str> {
        let mut rules: Vec<_> = self.findings().iter().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules
    }
}

impl Row {
    /// Times of what follows, in hours before now.
    pub fn between(mut self, first_h: u64, last_h: u64) -> Row {
        self.seen = Seen { first: ago(first_h), last: ago(last_h) };
        self
    }

    /// Calls answered with 200, of a program of this host or of an address.
    pub fn granted(self, who: &str, credential: Credential, calls: u64) -> Row {
        self.called(who, credential, 200, calls, &[])
    }

    /// Calls answered with 401.
    pub fn denied(self, who: &str, credential: Credential, calls: u64) -> Row {
        self.called(who, credential, 401, calls, &[])
    }

    pub fn called(
        mut self,
        who: &str,
        credential: Credential,
        status: u16,
        calls: u64,
        principals: &[u64],
    ) -> Row {
        let of = |statuses: std::ops::Range<u16>| if statuses.contains(&status) { calls } else { 0 };
        let caller = CallerStats {
            calls,
            refused: of(400..600),
            granted: of(200..300),
            denied: of(401..402) + of(403..404),
            encrypted: 0,
            seen: self.seen,
            paths: 1,
            principals: principals.iter().copied().collect(),
        };
        let mut answered = Answered::default();
        if status < 400 {
            answered = Answered { seen: self.seen, callers: 1, paths: 1 };
        }
        self.stats.merge(EndpointStats {
            calls,
            seen: self.seen,
            statuses: SmallMap::from([(status, calls)]),
            callers: SmallMap::from([(CallerKey { peer: peer(who), credential }, caller)]),
            answered,
            ..EndpointStats::default()
        });
        self
    }

    /// Some of the calls of a caller went inside TLS.
    pub fn encrypted(mut self, who: &str, credential: Credential, calls: u64) -> Row {
        let key = CallerKey { peer: peer(who), credential };
        self.stats.callers.value_mut(&key).expect("it called").encrypted += calls;
        let encrypted = self.stats.callers.values().map(|caller| caller.encrypted).sum();
        let clear = self.stats.calls - encrypted;
        self.stats.transports = SmallMap::from([(Transport::Clear, clear), (Transport::TLS, encrypted)]);
        self
    }

    pub fn server(mut self, who: &str) -> Row {
        let calls = self.stats.calls;
        self.stats.servers.insert(peer(who), calls);
        self
    }

    pub fn field(mut self, place: Place, name: &str) -> Row {
        let calls = self.stats.calls;
        let stats =
            FieldStats { calls, facts: Facts::STRING, present: calls, objects: 0, held: 0, seen: self.seen };
        self.stats.fields.insert(FieldKey { place, name: name.into() }, stats);
        self
    }

    /// A field whose values all are of a class.
    pub fn class(self, place: Place, name: &str, class: DataClass) -> Row {
        let mut row = self.field(place, name);
        let key = ClassKey { field: FieldKey { place, name: name.into() }, class };
        row.stats.classes.insert(key, ClassStats { values: row.stats.calls, seen: row.seen });
        row
    }

    pub fn sign(mut self, sign: Sign, calls: u64) -> Row {
        self.stats.signs.insert(sign, SignStats { calls, seen: self.seen });
        self
    }
}

/// A program of this host, or somebody at an address.
fn peer(who: &str) -> Peer {
    match who.parse() {
        Ok(address) => Peer { address, workload: None },
        Err(_) => {
            let workload: std::sync::Arc<Workload> = workload(who, "/system.slice", None);
            Peer { address: [0, 0, 0, 0].into(), workload: Some(workload) }
        }
    }
}
