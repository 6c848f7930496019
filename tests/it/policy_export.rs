//! Policies: a fresh one allows all that was granted and nothing else, in our own form and in OPA, which
//! is evaluated for real; what the others write is read back and looked at.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sensor::call::{CallClass, Credential, Method, Segment, SegmentKind};
use sensor::flow::{Peer, Timestamp};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::policy::{Edge, Observed, Policy, Wanted, edges};
use sensor::inventory::{CallerKey, CallerStats, EndpointKey, EndpointStats, Inventory, Seen, SmallMap};
use sensor::report::policy::{Export, Form, Identities, export};
use serde_json::{Value, json};

use crate::page_fixture::hostile;
use crate::store_fixture::{NEW_YEAR, SECOND, workload};

fn word(text: &str) -> Segment {
    Segment::Word(text.into())
}

fn caller(number: usize) -> CallerKey {
    let peer = match number {
        0 => Peer {
            address: "0.0.0.0".parse().expect("an address"),
            workload: Some(workload("web", "/kubepods/web-1", None)),
        },
        1 => Peer {
            address: "0.0.0.0".parse().expect("an address"),
            workload: Some(workload("cron \"x\"", "/system.slice/cron: #1\n---", None)),
        },
        _ => Peer { address: "192.0.2.7".parse().expect("an address"), workload: None },
    };
    CallerKey { peer, credential: Credential::Jwt }
}

/// Routes called by some of three callers each; bit `n` of `granted` is whether caller `n` was.
pub fn inventory(granted: &[u8]) -> Inventory {
    let integer = || Segment::Parameter(SegmentKind::Integer);
    let uuid = || Segment::Parameter(SegmentKind::Uuid);
    let routes: [(&str, &'static str, Vec<Segment>); 6] = [
        ("shop.example:8080", "GET", vec![word("users"), integer()]),
        ("shop.example:8080", "GET", vec![word("users")]),
        ("shop.example:8080", "POST", vec![word("users")]),
        ("shop.example:8080", "GET", vec![word("orders"), uuid(), word("items")]),
        ("pay.example", "POST", vec![word("payments")]),
        ("pay.example", "GET", vec![]),
    ];
    let mut inventory = Inventory::default();
    for ((service, method, path), bits) in routes.into_iter().zip(granted) {
        let seen = Seen { first: Timestamp(NEW_YEAR), last: Timestamp(NEW_YEAR + 90 * SECOND) };
        let callers: SmallMap<CallerKey, CallerStats> = (0..3)
            .map(|number| {
                let granted = u64::from(bits >> number & 1) * 5;
                (
                    caller(number),
                    CallerStats { calls: 6, granted, denied: 6 - granted, seen, ..CallerStats::default() },
                )
            })
            .collect();
        let stats = EndpointStats {
            calls: 18,
            seen,
            statuses: [(200, 18)].into(),
            callers,
            ..EndpointStats::default()
        };
        let key = EndpointKey {
            service: service.into(),
            method: Method(method),
            path: path.into_iter().collect(),
            class: CallClass::Found,
        };
        inventory.endpoints.insert(key, stats);
    }
    inventory
}

pub fn observed(catalog: &Catalog) -> Observed {
    Observed::of(catalog, &Wanted::default())
}

pub fn named(edge: &Edge<'_>) -> (String, &'static str, String, String) {
    (edge.service.to_string(), edge.endpoint.method.name(), edge.endpoint.template.clone(), edge.caller())
}

pub fn written(observed: &Observed, form: Form) -> Export {
    export(observed, form, &identities())
}

pub fn identities() -> Identities {
    Identities::read(
        "callers:
  - {name: web, namespace: front, labels: {app: web}, service_account: web}
  - {name: 'cron*', namespace: jobs, labels: {app: cron}, principal: 'spiffe://cluster.local/ns/jobs/sa/cron'}
services:
  - {name: 'shop.example:8080', namespace: shop, labels: {app: shop}}
  - {name: pay.example, namespace: pay, labels: {app: pay}, port: 9090}
",
    )
    .expect("identities")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// In both forms that are read back; half of the edges deny exactly the other half.
    #[test]
    fn a_policy_allows_what_it_was_made_of_and_no_more(granted in proptest::collection::vec(0u8..8, 6), half in any::<u32>()) {
        let inventory = inventory(&granted);
        let catalog = Catalog::of(&inventory);
        let all = observed(&catalog);
        for form in [Form::Edges, Form::Opa] {
            let export = written(&all, form);
            let text = &export.files.last().expect("a file").1;
            let policy = Policy::read(text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            prop_assert_eq!(policy.violations(&catalog).len(), 0, "{}", text);
            let mut part = all.clone();
            let mut number = 0;
            part.policy.edges.retain(|_| { number += 1; half >> number & 1 == 1 });
            let kept: BTreeSet<_> = part.policy.edges.iter().map(|edge| (edge.service.clone(), edge.method, edge.path.text(), edge.caller.clone())).collect();
            let policy = Policy::read(&written(&part, form).files.last().expect("a file").1).expect("a policy");
            let denied: BTreeSet<_> = policy.violations(&catalog).iter().map(named).collect();
            let expected: BTreeSet<_> = edges(&catalog)
                .filter(|edge| edge.stats.granted > 0)
                .filter(|edge| {
                    let path = sensor::inventory::policy::Pattern::of(edge.endpoint).text();
                    !kept.contains(&(edge.service.to_string(), Some(edge.endpoint.method), path, edge.caller()))
                })
                .map(|edge| named(&edge))
                .collect();
            prop_assert_eq!(denied, expected);
        }
    }
}

fn opa(export: &Export) -> regorus::Engine {
    let mut engine = regorus::Engine::new();
    engine.add_policy(export.files[0].0.clone(), export.files[0].1.clone()).expect("Rego v1");
    engine.add_data(regorus::Value::from_json_str(&export.files[1].1).expect("JSON")).expect("data");
    engine
}

fn allows(engine: &mut regorus::Engine, input: &Value) -> bool {
    engine.set_input(regorus::Value::from_json_str(&input.to_string()).expect("JSON"));
    let value = engine.eval_rule("data.apicensus.authz.allow".to_owned()).expect("it evaluates");
    *value.as_bool().expect("true or false")
}

#[test]
fn opa_allows_every_edge_and_none_that_is_changed() {
    let inventory = inventory(&[1, 2, 3, 4, 7, 5]);
    let catalog = Catalog::of(&inventory);
    let mut engine = opa(&written(&observed(&catalog), Form::Opa));
    let uuid = "6f1c2a9e-8b1d-4c3e-9f00-0123456789ab";
    let mut asked = 0;
    for edge in edges(&catalog) {
        let path: Vec<&str> =
            edge.endpoint.template.split('/').filter(|segment| !segment.is_empty()).collect();
        let path: Vec<&str> = path
            .into_iter()
            .map(|segment| match segment {
                "{userId}" => "42",
                "{orderId}" => uuid,
                word => word,
            })
            .collect();
        let input = json!({"caller": edge.caller(), "service": &**edge.service, "method": edge.endpoint.method.name(), "path": path});
        assert_eq!(allows(&mut engine, &input), edge.stats.granted > 0, "{input}");
        asked += 1;
        for (member, other) in [
            ("caller", json!("nobody@/")),
            ("service", json!("other.example")),
            ("method", json!("DELETE")),
            ("path", json!(["admin"])),
        ] {
            let mut input = input.clone();
            input[member] = other;
            assert!(!allows(&mut engine, &input), "{input}");
        }
    }
    assert_eq!(asked, 18);
    let web = "web@/kubepods/web-1";
    let ask =
        |path: Value| json!({"caller": web, "service": "shop.example:8080", "method": "GET", "path": path});
    assert!(allows(&mut engine, &ask(json!(["users", "-7"]))));
    for path in
        [json!(["users", "me"]), json!(["users", "42", "x"]), json!(["users", "42\n"]), json!("users")]
    {
        assert!(!allows(&mut engine, &ask(path.clone())), "{path}");
    }
    assert!(!allows(&mut engine, &json!({})));
}

#[test]
fn forms_of_kubernetes() {
    let inventory = inventory(&[1, 6, 3, 4, 7, 5]);
    let catalog = Catalog::of(&inventory);
    for (name, form) in [
        ("policy_kubernetes", Form::Kubernetes),
        ("policy_cilium", Form::Cilium),
        ("policy_istio", Form::Istio),
        ("policy_opa", Form::Opa),
        ("policy_edges", Form::Edges),
    ] {
        let export = written(&observed(&catalog), form);
        let texts: Vec<&str> = export.files.iter().map(|(_, text)| text.as_str()).collect();
        insta::assert_snapshot!(name, texts.join("---\n"));
        assert_eq!(export, written(&observed(&catalog), form));
    }
}

/// Without identities nothing is widened: only what has an address of its own could be said.
#[test]
fn what_has_no_identity_is_left_out_and_named() {
    let inventory = inventory(&[7, 7, 7, 7, 7, 7]);
    let catalog = Catalog::of(&inventory);
    for form in [Form::Kubernetes, Form::Cilium, Form::Istio] {
        let export = export(&observed(&catalog), form, &Identities::default());
        assert!(export.files.is_empty());
        let told = export.unmapped_text().expect("names");
        assert!(told.contains("service pay.example") && told.contains("service shop.example:8080"), "{told}");
        let only_services = "services:\n  - {name: '*', namespace: a, labels: {app: a}}\n";
        let identities = Identities::read(only_services).expect("identities");
        let export = sensor::report::policy::export(&observed(&catalog), form, &identities);
        let told = export.unmapped_text().expect("names");
        assert!(told.contains("caller web@/kubepods/web-1") && !told.contains("service"), "{told}");
        assert!(export.files.iter().all(|(_, text)| text.contains("192.0.2.7/32")));
        assert_eq!(export.allowed, 6);
    }
}

/// Names from traffic end no comment, no text and no document.
#[test]
fn hostile_names_stay_texts() {
    let mut inventory = hostile();
    for stats in inventory.endpoints.values_mut() {
        for number in 0..stats.callers.len() {
            let key = stats.callers.keys().nth(number).expect("a caller").clone();
            stats.callers.value_mut(&key).expect("a caller").granted = 5;
        }
    }
    let catalog = Catalog::of(&inventory);
    let all = observed(&catalog);
    assert!(!all.policy.edges.is_empty());
    let identities = Identities::read(
        "callers: [{name: '*', namespace: a, labels: {app: a}, service_account: a}]\nservices: [{name: '*', namespace: a, labels: {app: a}}]",
    )
    .expect("identities");
    for form in [Form::Kubernetes, Form::Cilium, Form::Istio, Form::Opa, Form::Edges] {
        for (name, text) in export(&all, form, &identities).files {
            let harmful =
                |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202e}' | '\u{2028}');
            assert!(!text.contains(harmful), "{form:?} {name}");
            let ends = text.lines().filter(|line| line.starts_with("---") || line.starts_with("...")).count();
            assert_eq!(ends, 0, "{form:?} {name}");
        }
        if form == Form::Opa {
            opa(&export(&all, form, &identities));
        }
    }
    let text = &export(&all, Form::Edges, &identities).files[0].1;
    let policy = Policy::read(text).expect("a policy");
    // The sensor writes services in lower case; nothing else is.
    let is_no_host = |edge: &Edge<'_>| edge.service.to_lowercase() != **edge.service;
    let starred = |edge: &Edge<'_>| edge.caller().contains('*') || edge.service.contains('*');
    let denied = policy.violations(&catalog);
    let denied: Vec<_> =
        denied.iter().filter(|edge| !starred(edge) && !is_no_host(edge)).map(named).collect();
    assert!(denied.is_empty(), "{denied:?}");
}

/// A service of which nothing may be allowed is closed, not left open for want of a manifest; no list of
/// peers is ever empty, which would stand for everybody.
#[test]
fn what_has_nothing_allowed_is_closed() {
    let inventory = inventory(&[7, 7, 7, 7, 0, 0]);
    let catalog = Catalog::of(&inventory);
    for form in [Form::Kubernetes, Form::Cilium, Form::Istio] {
        let export = written(&observed(&catalog), form);
        assert_eq!(export.files.len(), 2, "{form:?}");
        let text = &export.files[0].1;
        assert!(
            text.contains("# Nothing is allowed.") && text.contains("# seen and not allowed: 6 edges"),
            "{text}"
        );
        let closed = match form {
            Form::Kubernetes => text.ends_with("policyTypes:\n    - \"Ingress\"\n  ingress: []\n"),
            Form::Cilium => text.ends_with("  ingress:\n    - {}\n"),
            _ => text.ends_with("  action: \"ALLOW\"\n"),
        };
        assert!(closed, "{form:?}: {text}");
        for (_, text) in &export.files {
            assert!(!text.contains("from: []") && !text.contains("fromEndpoints: []"), "{text}");
        }
    }
    // Callers that have no identity, and are no addresses: the service is closed to all.
    let services = "services:\n  - {name: '*', namespace: a, labels: {app: a}}\n";
    let mut all = observed(&catalog);
    all.policy.edges.retain(|edge| edge.caller.contains('@'));
    for form in [Form::Kubernetes, Form::Cilium, Form::Istio] {
        let export = export(&all, form, &Identities::read(services).expect("identities"));
        assert_eq!((export.allowed, export.files.len()), (0, 2), "{form:?}");
        assert!(export.files.iter().all(|(_, text)| text.contains("# Nothing is allowed.")), "{form:?}");
        assert!(export.unmapped_text().is_some());
    }
}

/// A caller with several kinds of credentials is one edge of a policy, and its calls are counted together.
#[test]
fn few_calls_are_few_of_a_caller() {
    let mut inventory = inventory(&[1]);
    for stats in inventory.endpoints.values_mut() {
        let key = caller(0);
        let known = stats.callers.get(&key).expect("a caller").clone();
        stats.callers.insert(CallerKey { credential: Credential::Basic, ..key }, known);
    }
    let catalog = Catalog::of(&inventory);
    let count =
        |calls_min| Observed::of(&catalog, &Wanted { calls_min, ..Wanted::default() }).policy.edges.len();
    assert_eq!((count(10), count(11)), (1, 0), "five calls with each of two kinds");
}

/// The Python interpreter that has the schemas of manifests, as `cargo xtask setup` installs it.
fn judge() -> Option<std::path::PathBuf> {
    let path = std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/tools/manifests/bin/python"
    ));
    if path.is_file() {
        return Some(path);
    }
    let skip = std::env::var_os("APICENSUS_SKIP_VALIDATOR").is_some_and(|value| value == "1");
    assert!(
        skip,
        "{} is missing: run `cargo xtask setup`, or say APICENSUS_SKIP_VALIDATOR=1",
        path.display()
    );
    eprintln!("##  SKIPPED as asked: no manifest was shown to its schema.  ##");
    None
}

/// What the schemas say of the files: `None` if all are valid.
fn objection(python: &std::path::Path, files: &[std::path::PathBuf]) -> Option<String> {
    let output = std::process::Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/manifests/validate.py"))
        .args(files)
        .output()
        .expect("Python starts");
    let text = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_schemas_take_every_manifest_and_nothing_else() {
    let Some(python) = judge() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: String, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    };
    let starred = Identities::read(
        "callers: [{name: '*', namespace: a, labels: {app: a}, service_account: a}]\nservices: [{name: '*', namespace: a, labels: {app: a}}]",
    )
    .expect("identities");
    let mut files = Vec::new();
    for form in [Form::Kubernetes, Form::Istio] {
        for (number, granted) in
            [[1, 6, 3, 4, 7, 5], [7, 7, 7, 7, 7, 7], [7, 7, 7, 7, 0, 0], [0; 6]].iter().enumerate()
        {
            let export = written(&observed(&Catalog::of(&inventory(granted))), form);
            assert_eq!(export.files.len(), 2);
            for (name, text) in export.files {
                files.push(file(format!("{form:?}-{number}-{name}"), &text));
            }
        }
        for (name, text) in export(&observed(&Catalog::of(&hostile())), form, &starred).files {
            files.push(file(format!("{form:?}-hostile-{name}"), &text));
        }
    }
    assert!(files.len() >= 16);
    if let Some(objection) = objection(&python, &files) {
        panic!("{objection}");
    }
    // They do look: a member too many, a wrong type and a wrong word are refused.
    for (of, with) in [
        ("Kubernetes-0", ("  policyTypes:", "  policyTypos:")),
        ("Kubernetes-0", ("protocol: \"TCP\"", "protocol: [TCP]")),
        ("Kubernetes-0", ("    -\n      from:", "    -\n      form:")),
        ("Istio-0", ("principals:", "principal:")),
        ("Istio-0", ("action: \"ALLOW\"", "action: \"ALLOWED\"")),
        ("Istio-0", ("- \"8080\"", "- 8080")),
    ] {
        let texts = files.iter().filter(|path| path.to_string_lossy().contains(of));
        let mut texts = texts.map(|path| std::fs::read_to_string(path).expect("readable"));
        let text = texts.find(|text| text.contains(with.0)).unwrap_or_else(|| panic!("{of}: {with:?}"));
        let wrong = file("wrong.yaml".to_owned(), &text.replace(with.0, with.1));
        assert!(objection(&python, &[wrong]).is_some(), "{of}: {with:?}");
    }
}
