//! How long a comparison with specifications takes: 100,000 endpoints of 50 services, each with a
//! specification of 2,000 operations. Whole: differences, and all findings; incremental: one endpoint.

use std::time::{Duration, Instant};

use sensor::call::{Credential, Facts, Method, Place, SegmentKind};
use sensor::findings::{Context, Settings, evaluate, evaluate_endpoint};
use sensor::flow::{Peer, Timestamp};
use sensor::inventory::catalog::{Catalog, Endpoint, Parameter, Service};
use sensor::inventory::compare::{self, Comparison, Window};
use sensor::inventory::spec::{Specs, read_openapi};
use sensor::inventory::{CallerKey, CallerStats, EndpointStats, FieldKey, FieldStats, Inventory, Seen};

const SERVICES: usize = 50;
const OPERATIONS: usize = 2_000;
/// Members of each body.
const MEMBERS: usize = 20;
const WHOLE_MAX: Duration = Duration::from_secs(10);
const ONE_MAX: Duration = Duration::from_millis(50);

fn main() {
    let started = Instant::now();
    let specs = (0..SERVICES).map(|service| {
        let text = document(service);
        let mut load = |_: &str| Ok(text.clone());
        let mut spec = read_openapi("api.json", &mut load).expect("a specification");
        spec.name = format!("spec-{service}");
        spec
    });
    let specs = Specs::of(specs.collect());
    println!(
        "specifications: {SERVICES} of {OPERATIONS} operations, read in {:.2} s",
        started.elapsed().as_secs_f64()
    );
    let services = (0..SERVICES).map(|service| Service {
        name: format!("api-{service}.example").into(),
        endpoints: (0..OPERATIONS).map(endpoint).collect(),
    });
    let catalog = Catalog { services: services.collect(), ..Catalog::default() };
    let inventory = Inventory::default();
    let settings = Settings::default_at(Timestamp(3_600 * 1_000_000_000));

    let started = Instant::now();
    let mut differences = 0;
    for service in &catalog.services {
        let comparison = Comparison::of(&specs, service);
        differences += service.endpoints.iter().map(|one| comparison.endpoint(one).len()).sum::<usize>();
        differences += compare::service(&specs, service, Window { since: settings.since() }).len();
    }
    differences += compare::unseen(&specs, &catalog, Window { since: settings.since() }).len();
    let whole = started.elapsed();
    let context = Context { catalog: &catalog, inventory: &inventory, specs: &specs, settings: &settings };
    let started = Instant::now();
    let findings = evaluate(&context).len();
    let all_rules = started.elapsed();
    let mut slowest = Duration::ZERO;
    for (service, at) in catalog.services.iter().zip((0..OPERATIONS).step_by(41)) {
        let started = Instant::now();
        let found = evaluate_endpoint(&context, service, &service.endpoints[at]);
        slowest = slowest.max(started.elapsed());
        assert!(found.len() < 100, "an endpoint has few findings");
    }
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    println!(
        "endpoints: {} with {MEMBERS} members a body, {differences} differences, {findings} findings",
        SERVICES * OPERATIONS
    );
    println!(
        "  whole comparison   {:.2} s   target < 10 s: {}",
        whole.as_secs_f64(),
        verdict(whole < WHOLE_MAX)
    );
    println!(
        "  with all rules     {:.2} s   target < 10 s: {}",
        all_rules.as_secs_f64(),
        verdict(all_rules < WHOLE_MAX)
    );
    println!(
        "  one endpoint again {:.2} ms at the most of {SERVICES}   target < 50 ms: {}",
        slowest.as_secs_f64() * 1000.0,
        verdict(slowest < ONE_MAX)
    );
}

/// A specification in which every tenth operation lacks a member that is sent, and every twentieth path
/// is another.
fn document(service: usize) -> String {
    let members = |count: usize| {
        let each = (0..count).map(|member| format!(r#""member{member}":{{"type":"string"}}"#));
        each.collect::<Vec<_>>().join(",")
    };
    let paths = (0..OPERATIONS).map(|number| {
        let path = if number % 20 == 19 { "other" } else { "items" };
        let count = if number % 10 == 3 { MEMBERS - 1 } else { MEMBERS };
        format!(
            r#""/{path}{number}/{{id}}":{{"get":{{"parameters":[{{"name":"id","in":"path","required":true,"schema":{{"type":"integer"}}}}],"responses":{{"200":{{"description":"","content":{{"application/json":{{"schema":{{"type":"object","properties":{{{}}}}}}}}}}}}}}}}}"#,
            members(count)
        )
    });
    format!(
        r#"{{"openapi":"3.0.3","info":{{"title":"Api {service}","version":"1"}},"servers":[{{"url":"http://api-{service}.example"}}],"paths":{{{}}}}}"#,
        paths.collect::<Vec<_>>().join(",")
    )
}

fn endpoint(number: usize) -> Endpoint {
    let seen = Seen { first: Timestamp(1_000_000_000), last: Timestamp(3_000 * 1_000_000_000) };
    let mut stats = EndpointStats { calls: 40, seen, ..EndpointStats::default() };
    stats.statuses = [(200, 40)].into();
    stats.contents = [((200, "application/json".into()), 40)].into();
    stats.answered.seen = seen;
    stats.answered.paths = 0b11;
    let key = |name: String| FieldKey { place: Place::ResponseBody, name: name.into() };
    let field =
        |facts, objects| FieldStats { calls: 40, facts, present: 40, objects, seen, ..FieldStats::default() };
    stats.fields.insert(key(String::new()), field(Facts::OBJECT, 40));
    for member in 0..MEMBERS {
        stats.fields.insert(key(format!("/member{member}")), field(Facts::STRING | Facts::TEXT, 0));
    }
    for host in 1..4u8 {
        let peer = Peer { address: [10, 0, 0, host].into(), workload: None };
        let caller = CallerStats { calls: 13, granted: 13, seen, ..CallerStats::default() };
        stats.callers.insert(CallerKey { peer, credential: Credential::Jwt }, caller);
    }
    Endpoint {
        method: Method("GET"),
        template: format!("/items{number}/{{id}}"),
        parameters: vec![Parameter { name: "id".to_owned(), kind: SegmentKind::Integer }],
        confidence: 1.0,
        explanation: Vec::new(),
        stats,
    }
}
