//! Versions of one specification: a later one replaces what is at the same base path, and stands beside
//! what is at another.

use sensor::call::Credential;
use sensor::flow::Timestamp;
use sensor::inventory::compare::{self, DifferenceKind as Kind, Window};
use sensor::inventory::spec::{Spec, Specs};

use crate::spec_fixture::{Change, endpoint, of_texts, service};

/// A specification of `Shop` with these paths, each with GET.
fn version(version: &str, servers: &str, paths: &[&str]) -> Spec {
    let paths: Vec<String> =
        paths.iter().map(|path| format!("'{path}': {{get: {{responses: {{'200': {{}}}}}}}}")).collect();
    let text = format!(
        "openapi: 3.0.0\ninfo: {{title: Shop, version: '{version}'}}\nservers: [{servers}]\npaths: {{{}}}\n",
        paths.join(", ")
    );
    let mut spec = of_texts(&[("api.yaml", &text)]).expect("a specification");
    spec.name = "shop".to_owned();
    spec
}

/// Kinds of differences of calls to each of these.
fn told(specs: &Specs, templates: &[&'static str]) -> Vec<Option<Kind>> {
    let endpoints: Vec<_> =
        templates.iter().map(|template| endpoint("GET", template, 9).by(Credential::None, 9)).collect();
    let service = service("shop", endpoints);
    let kinds = service.endpoints.iter().map(|endpoint| {
        let found = compare::endpoint(specs, &service, endpoint);
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|one| one.kind)
    });
    kinds.collect()
}

#[test]
fn below_different_bases_they_are_side_by_side() {
    let ways = [
        // By their servers; by their paths; the later one at both.
        (
            version("1.4", "{url: 'http://shop/v1'}", &["/users", "/old"]),
            version("2.0", "{url: 'http://shop/v2'}", &["/users", "/new"]),
        ),
        (
            version("1.4", "{url: 'http://shop/'}", &["/api/v1/users", "/api/v1/old"]),
            version("2.0", "{url: 'http://shop'}", &["/api/v2/users", "/api/v2/new"]),
        ),
    ];
    for (one, two) in ways {
        let before = if one.operations[0].path.starts_with("/api") { "/api" } else { "" };
        let specs = Specs::of(vec![two, one]);
        let paths = ["/v1/users", "/v1/old", "/v2/users", "/v2/new"];
        let paths: Vec<&'static str> =
            paths.iter().map(|path| &*Box::leak(format!("{before}{path}").into_boxed_str())).collect();
        assert_eq!(told(&specs, &paths), [None; 4]);
        assert_eq!(specs.newest().len(), 2);
        // What neither is called for is an orphan of its own.
        let service = service("shop", vec![endpoint("GET", paths[0], 9)]);
        let whole = compare::service(&specs, &service, Window { since: Timestamp(0) });
        let mut orphans: Vec<_> = whole.into_iter().filter_map(|one| Some(one.endpoint?.1)).collect();
        let mut others = paths[1..].to_vec();
        orphans.sort();
        others.sort();
        assert_eq!(orphans, others);
    }
}

#[test]
fn at_the_same_base_the_later_one_replaces() {
    let at = |number, paths: &[&str]| version(number, "{url: 'http://shop/v1'}", paths);
    let specs = Specs::of(vec![at("1.0", &["/users", "/old"]), at("1.1", &["/users"])]);
    assert_eq!(told(&specs, &["/v1/users", "/v1/old"]), [None, Some(Kind::Removed)]);
    // A word that is no version is no base: a resource that was renamed is gone.
    let bare = |number, paths: &[&str]| version(number, "{url: 'http://shop'}", paths);
    let specs =
        Specs::of(vec![bare("1", &["/users", "/users/{id}"]), bare("2", &["/people", "/people/{id}"])]);
    assert_eq!(told(&specs, &["/users", "/people"]), [Some(Kind::Removed), None]);
}

#[test]
fn one_that_serves_both_replaces_both() {
    let both = "{url: 'http://shop/v1'}, {url: 'http://shop/v2'}";
    let specs = Specs::of(vec![
        version("1", "{url: 'http://shop/v1'}", &["/users", "/old"]),
        version("2", both, &["/users", "/new"]),
        version("3", "{url: 'http://shop/v3'}", &["/users"]),
    ]);
    let paths = ["/v1/users", "/v1/old", "/v2/new", "/v3/users"];
    assert_eq!(told(&specs, &paths), [None, Some(Kind::Removed), None, None]);
}
