//! What was seen against specifications: each kind of difference fires once where it is planted and at the
//! place where it is, what conforms gives none, and what a specification allows besides never adds any.

use proptest::prelude::*;
use sensor::call::{Credential, Facts, Place};
use sensor::flow::Timestamp;
use sensor::inventory::catalog::{Catalog, Endpoint};
use sensor::inventory::compare::{self, Comparison, Difference, DifferenceKind as Kind, Window};
use sensor::inventory::spec::{Specs, Statuses};

use crate::spec_fixture::{Change, HOUR, endpoint, of_texts, service, spec};

fn specs() -> Specs {
    Specs::of(vec![spec("shop.yaml"), spec("shop-1.json")])
}

fn list() -> Endpoint {
    endpoint("GET", "/v2/orders", 20)
        .content(200, "application/json")
        .field(Place::Query, "region", Facts::STRING | Facts::TEXT)
        .partly(Place::Query, "page", Facts::STRING | Facts::DIGITS, 4)
        .partly(Place::Query, "since", Facts::STRING | Facts::DATE, 2)
        .partly(Place::Query, "filter[state]", Facts::STRING | Facts::TEXT, 2)
        .field(Place::RequestHeader, "x-tenant", Facts::STRING | Facts::TEXT)
        .field(Place::RequestHeader, "x-api-key", Facts::STRING | Facts::TEXT)
        .field(Place::RequestHeader, "traceparent", Facts::STRING | Facts::TEXT)
        .field(Place::ResponseBody, "", Facts::ARRAY)
        .field(Place::ResponseBody, "/*", Facts::OBJECT)
        .field(Place::ResponseBody, "/*/id", Facts::STRING | Facts::UUID)
        .field(Place::ResponseBody, "/*/customer", Facts::STRING | Facts::EMAIL)
        .partly(Place::ResponseBody, "/*/labels", Facts::OBJECT, 3)
        .partly(Place::ResponseBody, "/*/labels/{key}", Facts::STRING | Facts::TEXT, 3)
        .partly(Place::ResponseBody, "/*/labels/colour", Facts::STRING | Facts::TEXT, 3)
}

fn create() -> Endpoint {
    endpoint("POST", "/v2/orders", 20)
        .only(201)
        .content(201, "application/json")
        .sends("application/json", 20)
        .field(Place::RequestBody, "", Facts::OBJECT)
        .field(Place::RequestBody, "/customer", Facts::STRING | Facts::EMAIL)
        .field(Place::RequestBody, "/secret", Facts::STRING | Facts::TEXT)
        .partly(Place::RequestBody, "/quantity", Facts::INTEGER, 10)
        .partly(Place::RequestBody, "/note", Facts::STRING | Facts::NULL | Facts::TEXT, 10)
        .partly(Place::RequestBody, "/parent", Facts::OBJECT, 2)
        .partly(Place::RequestBody, "/parent/customer", Facts::STRING | Facts::EMAIL, 2)
        .field(Place::ResponseBody, "", Facts::OBJECT)
        .field(Place::ResponseBody, "/id", Facts::STRING | Facts::UUID)
        .field(Place::ResponseBody, "/customer", Facts::STRING | Facts::EMAIL)
}

fn one() -> Endpoint {
    endpoint("GET", "/v2/orders/{orderId}", 9).content(200, "application/json")
}

fn live() -> Endpoint {
    endpoint("GET", "/v2/health/live", 9).by(Credential::None, 9)
}

fn differences(endpoint: &Endpoint) -> Vec<Difference> {
    let service = service("shop:8080", vec![endpoint.clone()]);
    compare::endpoint(&specs(), &service, endpoint)
}

#[test]
fn what_conforms_gives_none() {
    for endpoint in [list(), create(), one(), live()] {
        assert_eq!(differences(&endpoint), [], "{} {}", endpoint.method.name(), endpoint.template);
    }
    // Refused calls may have been anything.
    let refused = create()
        .answered(400, 3)
        .content(400, "application/problem+json")
        .partly(Place::RequestBody, "/amount", Facts::INTEGER, 3)
        .partly(Place::RequestBody, "/quantity", Facts::INTEGER | Facts::STRING, 13)
        .partly(Place::RequestBody, "/customer", Facts::STRING | Facts::EMAIL | Facts::TEXT, 20);
    assert_eq!(differences(&refused), []);
}

#[test]
fn each_kind_fires_once() {
    let text = Facts::STRING | Facts::TEXT;
    let cases: Vec<(Kind, Endpoint, &str)> = vec![
        (Kind::UndocumentedEndpoint, endpoint("GET", "/v2/admin/dump", 9), "/paths"),
        (Kind::UndocumentedEndpoint, endpoint("GET", "/v2/orders/export", 9), "/paths"),
        (
            Kind::UndocumentedMethod,
            endpoint("DELETE", "/v2/orders/{orderId}", 9),
            "/paths/~1orders~1{orderId}",
        ),
        (Kind::UndocumentedParameter, list().field(Place::Query, "debug", text), "/paths/~1orders/get"),
        (
            Kind::UndocumentedParameter,
            list().field(Place::RequestHeader, "x-role", text),
            "/paths/~1orders/get",
        ),
        (Kind::UndocumentedParameter, list().field(Place::Cookie, "basket", text), "/paths/~1orders/get"),
        (
            Kind::UndocumentedField,
            create().field(Place::RequestBody, "/isAdmin", Facts::BOOLEAN),
            "/components/schemas/Order",
        ),
        (
            Kind::UndocumentedField,
            list().field(Place::ResponseBody, "/*/internal", Facts::OBJECT).field(
                Place::ResponseBody,
                "/*/internal/margin",
                Facts::NUMBER,
            ),
            "/components/schemas/Order",
        ),
        (
            Kind::UndocumentedField,
            create().field(Place::RequestBody, "/id", Facts::STRING | Facts::UUID),
            "/components/schemas/Base/properties/id",
        ),
        (
            Kind::UndocumentedField,
            list().field(Place::ResponseBody, "/*/secret", text),
            "/components/schemas/Order/allOf/1/properties/secret",
        ),
        (Kind::UndocumentedStatus, one().answered(500, 1), "/paths/~1orders~1{orderId}/get/responses"),
        (
            Kind::UndocumentedContentType,
            one().content(200, "text/csv"),
            "/paths/~1orders~1{orderId}/get/responses/200/content",
        ),
        (
            Kind::UndocumentedContentType,
            create().sends("application/xml", 9),
            "/paths/~1orders/post/requestBody",
        ),
        (
            Kind::TypeDrift,
            list().partly(Place::Query, "page", text | Facts::DIGITS, 4),
            "/paths/~1orders/get/parameters/0",
        ),
        (
            Kind::TypeDrift,
            create().partly(Place::RequestBody, "/quantity", Facts::INTEGER | Facts::STRING, 9),
            "/components/schemas/Order/allOf/1/properties/quantity",
        ),
        (
            Kind::FormatDrift,
            list().partly(Place::Query, "since", Facts::STRING | Facts::DATE_TIME, 4),
            "/paths/~1orders/get/parameters/1",
        ),
        (
            Kind::FormatDrift,
            list().field(Place::ResponseBody, "/*/id", Facts::STRING | Facts::DIGITS),
            "/components/schemas/Base/properties/id",
        ),
        (
            Kind::MissingRequired,
            list().partly(Place::Query, "region", text, 19),
            "/paths/~1orders/get/parameters/2",
        ),
        (
            Kind::MissingRequired,
            create().partly(Place::RequestBody, "/customer", Facts::STRING | Facts::EMAIL, 19),
            "/components/schemas/Order",
        ),
        (
            Kind::MissingRequired,
            list().partly(Place::ResponseBody, "/*/id", Facts::STRING | Facts::UUID, 19),
            "/components/schemas/Order",
        ),
        (Kind::AuthMissing, one().by(Credential::None, 9), "/paths/~1orders~1{orderId}/get"),
        (Kind::AuthUndeclared, one().by(Credential::Basic, 3), "/paths/~1orders~1{orderId}/get"),
        (Kind::Deprecated, endpoint("GET", "/v2/legacy/report", 9), "/paths/~1legacy~1report/get"),
        (Kind::Removed, endpoint("GET", "/v2/baskets/{id}", 9), "/paths/~1baskets~1{id}/get"),
        (Kind::BasePath, endpoint("GET", "/v3/orders/{orderId}", 9), "/paths/~1orders~1{orderId}/get"),
    ];
    for (kind, endpoint, pointer) in cases {
        let found = differences(&endpoint);
        let told: Vec<(Kind, &str)> = found.iter().map(|one| (one.kind, one.pointer.as_str())).collect();
        assert_eq!(told, [(kind, pointer)], "{} {} {found:?}", endpoint.method.name(), endpoint.template);
        assert_eq!(found[0].spec.as_deref(), Some("shop"));
    }
}

#[test]
fn path_parameters_refuse_what_they_do_not_take() {
    use sensor::call::SegmentKind;
    let mut endpoint = one();
    endpoint.parameters[0].kind = SegmentKind::Uuid;
    let found = differences(&endpoint);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind, &*found[0].specified), (Kind::TypeDrift, "orderId: integer"));
}

#[test]
fn services_as_wholes() {
    let window = Window { since: Timestamp(2 * HOUR) };
    let told =
        |name: &str, endpoints: Vec<Endpoint>| compare::service(&specs(), &service(name, endpoints), window);
    let rogue = told("ghost", vec![endpoint("GET", "/things", 9)]);
    assert_eq!((rogue.len(), rogue[0].kind, &rogue[0].spec), (1, Kind::RogueService, &None));
    let mut once = endpoint("GET", "/things", 1);
    once.stats.answered = Default::default();
    assert_eq!(told("ghost", vec![once]), []);
    let moved = told("other:1", vec![list(), create(), one()]);
    assert_eq!((moved.len(), moved[0].kind, moved[0].spec.as_deref()), (1, Kind::BasePath, Some("shop")));
    let orphans = told("shop:8080", vec![list(), create(), one()]);
    let names: Vec<&str> = orphans.iter().filter_map(|one| Some(one.endpoint.as_ref()?.1.as_str())).collect();
    assert_eq!(names, ["/v2/legacy/report", "/v2/health/live"]);
    assert!(orphans.iter().all(|one| one.kind == Kind::Orphan));
    // Long ago is not seen.
    let mut old = list();
    old.stats.seen.last = Timestamp(HOUR);
    assert_eq!(told("shop:8080", vec![old]).len(), 5);
    let catalog = Catalog { services: vec![service("shop:8080", vec![list()])], ..Catalog::default() };
    assert_eq!(compare::unseen(&specs(), &catalog, window), []);
    assert_eq!(compare::unseen(&specs(), &Catalog::default(), window).len(), 5);
}

#[test]
fn who_is_covered() {
    let text = "openapi: 3.0.0\ninfo: {title: T, version: '1'}\npaths: {/items: {get: {responses: {}}}}";
    let mut anywhere = of_texts(&[("api.yaml", text)]).expect("a specification");
    let own = service("a:1", vec![endpoint("GET", "/items", 9), endpoint("GET", "/more", 9)]);
    let other = service("b:1", vec![endpoint("GET", "/else", 9)]);
    let covers = |specs: &Specs, service| Comparison::of(specs, service).is_covered();
    let specs = Specs::of(vec![anywhere.clone()]);
    assert!(covers(&specs, &own) && !covers(&specs, &other));
    anywhere.services = vec!["b:*".to_owned()];
    let specs = Specs::of(vec![anywhere]);
    assert!(!covers(&specs, &own) && covers(&specs, &other));
}

/// Everything that can be seen of the operations above, at random.
fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let facts = prop::sample::select(vec![
        Facts::STRING | Facts::TEXT,
        Facts::STRING | Facts::DIGITS,
        Facts::STRING | Facts::UUID,
        Facts::INTEGER,
        Facts::OBJECT,
        Facts::NULL | Facts::ARRAY,
    ]);
    let names = prop::sample::select(vec![
        (Place::Query, "page"),
        (Place::Query, "debug"),
        (Place::RequestBody, ""),
        (Place::RequestBody, "/quantity"),
        (Place::RequestBody, "/extra"),
        (Place::RequestBody, "/parent"),
        (Place::RequestBody, "/parent/extra"),
        (Place::ResponseBody, ""),
        (Place::ResponseBody, "/*"),
        (Place::ResponseBody, "/extra"),
        (Place::ResponseBody, "/*/extra"),
        (Place::ErrorBody, ""),
        (Place::ErrorBody, "/title"),
    ]);
    let whole = prop::sample::select(vec![list(), create(), one(), endpoint("GET", "/v2/admin", 3)]);
    let fields = prop::collection::vec((names, facts, 1u64..20), 0..8);
    let statuses = prop::collection::vec(prop::sample::select(vec![200u16, 204, 404, 500]), 0..3);
    (whole, fields, statuses).prop_map(|(endpoint, fields, statuses)| {
        let endpoint = fields.into_iter().fold(endpoint, |endpoint, ((place, name), facts, calls)| {
            endpoint.partly(place, name, facts, calls)
        });
        statuses.into_iter().fold(endpoint, |endpoint, status| {
            endpoint.answered(status, 2).content(status, "application/json")
        })
    })
}

/// A way to let more through, and what it is at: numbers pick among what there is.
fn widen(spec: &mut sensor::inventory::spec::Spec, how: u8, pick: usize) {
    let at = pick % spec.operations.len();
    match how {
        0 => {
            let mut more = spec.operations[at].clone();
            more.method = "DELETE".to_owned();
            spec.operations.push(more);
        }
        1 => {
            let at = pick % spec.schemas.len();
            spec.schemas[at].additional = sensor::inventory::spec::Additional::Any;
        }
        2 => {
            let at = pick % spec.schemas.len();
            spec.schemas[at].types = Default::default();
        }
        3 => {
            let response = spec.operations[at].responses.first().cloned();
            if let Some(mut response) = response {
                let status = [200, 204, 404, 500][pick % 4];
                response.statuses = Statuses::One(status);
                // One that is more exact than what there is would take from it.
                let exact = response.statuses;
                let is_wider = spec.operations[at].responses_of(status).all(|one| one.statuses == exact);
                if is_wider && spec.operations[at].responses_of(200).next().is_some() {
                    spec.operations[at].responses.push(response);
                }
            }
        }
        4 => spec.operations[at].security.push(Vec::new()),
        _ => {
            let at = pick % spec.schemas.len();
            spec.schemas[at].required.clear();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn more_that_is_allowed_is_never_more_to_tell(
        endpoint in any_endpoint(),
        changes in prop::collection::vec((0u8..6, any::<prop::sample::Index>()), 1..6),
    ) {
        let narrow = spec("shop.yaml");
        let mut wide = narrow.clone();
        for (how, index) in changes {
            widen(&mut wide, how, index.index(1000));
        }
        let service = service("shop:8080", vec![endpoint.clone()]);
        let told = |spec| {
            let all = compare::endpoint(&Specs::of(vec![spec]), &service, &endpoint);
            all.into_iter().map(|one| (one.kind, one.field)).collect::<std::collections::BTreeSet<_>>()
        };
        let (before, after) = (told(narrow), told(wide));
        prop_assert!(
            after.iter().all(|one| before.contains(one)
                // Documented now, so that the rest of it is looked at.
                || before.iter().any(|(kind, _)| matches!(kind, Kind::UndocumentedMethod | Kind::UndocumentedStatus | Kind::UndocumentedEndpoint))),
            "{before:?} {after:?}"
        );
    }
}
