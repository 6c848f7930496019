//! All rules together: a conforming service gives nothing, and neither the order of an inventory, nor
//! its parts, nor the same traffic again change a finding.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;
use sensor::call::Credential::*;
use sensor::call::{DataClass, Place, Sign};
use sensor::findings::{
    Context, Finding, Fingerprint, Level, Settings, Subject, evaluate, evaluate_endpoint,
};
use sensor::flow::Verdict;
use sensor::inventory::Inventory;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::spec::Specs;

use super::findings_fixture::{NOW, Planted};
use super::findings_rules::{Case, cases};

/// A service that does nearly everything, each thing as it should be.
fn twin() -> Planted {
    let outside = "198.51.100.7";
    Planted::nothing()
        .with("shop", "POST /v2/login", |row| {
            row.granted(outside, None, 50)
                .denied(outside, None, 5)
                .class(Place::RequestBody, "/password", DataClass::Password)
                .class(Place::ResponseBody, "/token", DataClass::Token)
        })
        .with("shop", "GET /v2/products/{}", |row| {
            // Public; some who look at it happen to be signed in.
            row.granted(outside, None, 800)
                .granted(outside, SessionCookie, 300)
                .granted("203.0.113.9", Bearer, 90)
                .field(Place::ResponseBody, "/price")
                .sign(Sign::BodyUnread, 3)
        })
        .with("shop", "GET /v2/orders/{}", |row| {
            row.granted(outside, Bearer, 90)
                .granted(outside, Jwt, 80)
                .granted("web", SessionCookie, 60)
                .denied(outside, None, 30)
                .called(outside, None, 404, 4, &[])
                .called("web", Bearer, 503, 1, &[])
                .field(Place::ResponseBody, "/total")
        })
        .with("shop", "GET /v2/orders", |row| {
            row.granted("web", Bearer, 90).sign(Sign::ManyRecords, 40).field(Place::ResponseBody, "/*/total")
        })
        .with("shop", "PUT /v2/orders/{}", |row| {
            row.granted("web", Bearer, 90)
                .field(Place::RequestBody, "/status")
                .field(Place::ResponseBody, "/status")
        })
        .with("shop", "GET /v2/customers/{}", |row| {
            row.granted("web", Certificate, 90).class(Place::ResponseBody, "/mail", DataClass::Email).class(
                Place::ResponseBody,
                "/card",
                DataClass::Card,
            )
        })
        .with("shop", "GET /v2/admin/orders", |row| row.granted("web", Bearer, 20).denied(outside, None, 20))
        .with("shop", "GET /metrics", |row| row.granted("prometheus", None, 9000).denied(outside, None, 2))
        .with("bank", "POST /transfers", |row| {
            row.granted("shop", Signed, 20).server("10.0.0.9").class(
                Place::RequestBody,
                "/iban",
                DataClass::Iban,
            )
        })
        .with("archive", "GET /v1/old", |row| {
            row.between(1500, 1400).granted("web", None, 9).sign(Sign::JwtNone, 9)
        })
        .covered("nginx", 8080, Verdict::Http1, 1 << 20)
        .lost("body-cut", 3)
}

/// Specifications are of all; what needs its own is tested alone.
fn is_of_all(case: &Case) -> bool {
    // A specification or a policy is of all services.
    case.planted.specs.is_empty() && case.rule != "policy-violation"
}

/// Everything that is planted for the rules, each in a service of its own.
fn everything() -> Planted {
    let mut all = Planted::nothing();
    for (number, case) in cases().into_iter().enumerate().filter(|(_, case)| is_of_all(case)) {
        let mut planted = case.planted;
        let name = |service: &str| -> std::sync::Arc<str> { format!("{service}-{number}").into() };
        let endpoints = std::mem::take(&mut planted.inventory.endpoints);
        for (mut key, stats) in endpoints {
            key.service = name(&key.service);
            planted.inventory.endpoints.insert(key, stats);
        }
        planted.differences.iter_mut().for_each(|difference| difference.service = name(&difference.service));
        all = all.and(planted);
    }
    all
}

/// What a finding is besides its counts.
fn identity(finding: &Finding) -> (Level, &'static str, Subject) {
    (finding.level, finding.rule, finding.subject.clone())
}

#[test]
fn a_conforming_service_gives_nothing() {
    assert_eq!(twin().findings(), []);
}

#[test]
fn beside_everything_that_is_wrong_it_still_gives_nothing() {
    let all = everything();
    let with_twin = all.clone().and(twin());
    let (alone, beside) = (all.findings(), with_twin.findings());
    assert_eq!(
        alone.len(),
        cases().iter().filter(|case| is_of_all(case)).map(|case| case.expected().len()).sum::<usize>()
    );
    assert_eq!(alone, beside);
}

#[test]
fn findings_are_in_order_and_each_is_one() {
    let findings = everything().findings();
    let place = |finding: &Finding| {
        let subject = finding.subject.clone();
        (std::cmp::Reverse(finding.level), subject.service, subject.endpoint, finding.rule)
    };
    assert!(findings.is_sorted_by_key(place));
    let fingerprints: BTreeSet<Fingerprint> = findings.iter().map(Fingerprint::of).collect();
    assert_eq!(fingerprints.len(), findings.len());
    for finding in &findings {
        assert!(finding.edges.len() <= 5 && !finding.message.is_empty(), "{finding:?}");
        assert!(finding.edges.is_sorted_by_key(|edge| std::cmp::Reverse(edge.calls)), "{finding:?}");
    }
}

#[test]
fn fingerprints_are_stable_for_ever() {
    let mut text = String::new();
    for finding in everything().findings() {
        let Fingerprint(print) = Fingerprint::of(&finding);
        let Subject { service, endpoint, field, of } = &finding.subject;
        let endpoint =
            endpoint.as_ref().map(|(method, path)| format!(" {} {path}", method.name())).unwrap_or_default();
        let field =
            field.as_ref().map(|field| format!(" {}:{}", field.place.name(), field.name)).unwrap_or_default();
        let of = of.as_ref().map(|of| format!(" [{of}]")).unwrap_or_default();
        writeln!(text, "{print} {:?} {} {service}{endpoint}{field}{of}", finding.level, finding.rule)
            .expect("a string takes all");
        writeln!(text, "    {}", finding.message).expect("a string takes all");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_traffic_twice_changes_counts_only() {
    for planted in [everything(), twin()] {
        let mut twice = planted.clone();
        twice.inventory.merge(planted.inventory.clone());
        let (once, twice) = (planted.findings(), twice.findings());
        let of = |findings: &[Finding]| findings.iter().map(identity).collect::<Vec<_>>();
        assert_eq!(of(&once), of(&twice));
        assert!(once.iter().zip(&twice).all(|(one, two)| one.seen == two.seen && one.calls <= two.calls));
    }
    for case in cases() {
        for planted in case.neighbours() {
            let mut twice = planted.clone();
            twice.inventory.merge(planted.inventory.clone());
            assert_eq!(planted.rules(), twice.rules(), "{}", case.rule);
        }
    }
}

#[test]
fn one_endpoint_gives_its_part_of_the_whole() {
    let planted = everything();
    let catalog = Catalog::of(&planted.inventory);
    let (specs, settings) = (Specs::default(), Settings::default_at(NOW));
    let context =
        Context { catalog: &catalog, inventory: &planted.inventory, specs: &specs, settings: &settings };
    let whole: BTreeSet<Fingerprint> = evaluate(&context).iter().map(Fingerprint::of).collect();
    let mut parts = BTreeSet::new();
    for service in &catalog.services {
        for endpoint in &service.endpoints {
            for finding in evaluate_endpoint(&context, service, endpoint) {
                let place = Some((endpoint.method, endpoint.template.clone()));
                assert_eq!((&finding.subject.service, &finding.subject.endpoint), (&service.name, &place));
                parts.insert(Fingerprint::of(&finding));
            }
        }
    }
    assert!(!parts.is_empty() && parts.is_subset(&whole));
    let services: BTreeSet<_> = evaluate(&context)
        .into_iter()
        .filter(|finding| finding.subject.endpoint.is_some())
        .map(|finding| Fingerprint::of(&finding))
        .collect();
    assert_eq!(parts, services);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_and_partition_gives_the_same(places in proptest::collection::vec(0usize..5, 300), turn in 0usize..5) {
        let planted = everything().and(twin());
        let whole = planted.findings();
        // Rows go to several sensors, losses and coverage to one of them.
        let mut parts = vec![Inventory::default(); 5];
        for (at, (key, stats)) in planted.inventory.endpoints.iter().enumerate() {
            // Callers of one row too: each sensor saw some of them.
            let mut rest = stats.clone();
            let mut some = stats.clone();
            let mut number = 0;
            rest.callers.retain(|_, _| { number += 1; places[(at + number) % places.len()] % 2 == 0 });
            let kept = rest.callers.clone();
            some.callers.retain(|key, _| kept.get(key).is_none());
            // Sums are of one of the two; sets and hulls may be of both.
            some.calls = 0;
            some.statuses = Default::default();
            some.fields = Default::default();
            some.classes = Default::default();
            some.signs = Default::default();
            some.servers = Default::default();
            let place = places[at % places.len()];
            for (place, part) in [(place, rest), ((place + turn) % 5, some)] {
                parts[place].endpoints.entry(key.clone()).or_default().merge(part);
            }
        }
        parts[0].coverage = planted.inventory.coverage.clone();
        parts[turn].losses = planted.inventory.losses.clone();
        let mut merged = planted.clone();
        merged.inventory = Inventory::default();
        merged.differences.rotate_left(turn);
        parts.rotate_left(turn);
        parts.into_iter().for_each(|part| merged.inventory.merge(part));
        prop_assert_eq!(&merged.inventory, &planted.inventory);
        prop_assert_eq!(merged.findings(), whole.clone());
        // The order of a catalog is fixed, and still no finding hangs on it.
        let mut catalog = Catalog::of(&planted.inventory);
        catalog.services.reverse();
        catalog.services.iter_mut().for_each(|service| service.endpoints.reverse());
        prop_assert_eq!(planted.findings_of(&catalog), whole);
    }
}
