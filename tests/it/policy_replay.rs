//! Manifests read back: what an export allows is allowed and nothing else is denied by accident; edited
//! ones mean what their tools say they mean; what is not understood is named.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::policy::{LeftOut, Why, edges};
use sensor::report::policy::{Form, Identities, Manifests, PolicyCheck};

use crate::policy_export::{identities, inventory, named, observed, written};

const FORMS: [Form; 3] = [Form::Kubernetes, Form::Cilium, Form::Istio];

fn read(text: &str) -> Manifests {
    let mut manifests = Manifests::default();
    manifests.read(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    manifests
}

fn texts(files: &[(String, String)]) -> String {
    let texts: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
    texts.join("---\n")
}

type Name = (String, String, String, String);

fn denied(check: &PolicyCheck) -> BTreeSet<Name> {
    let rows = check.denied.iter();
    rows.map(|row| {
        let of = &row.endpoint;
        (of.service.clone(), of.method.clone(), of.path.clone(), row.caller.clone())
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Half of the edges deny exactly the other half; in a NetworkPolicy, those of callers that have no
    /// edge to the service at all.
    #[test]
    fn an_export_allows_what_it_was_made_of_and_no_more(granted in proptest::collection::vec(0u8..8, 6), half in any::<u32>()) {
        let inventory = inventory(&granted);
        let catalog = Catalog::of(&inventory);
        let all = observed(&catalog);
        for form in FORMS {
            let whole = read(&texts(&written(&all, form).files));
            let check = PolicyCheck::of_manifests(&whole, &identities(), &catalog);
            prop_assert_eq!(&denied(&check), &BTreeSet::new(), "{:?}", form);
            prop_assert!(check.unmapped_text().is_none() && check.open_services.is_empty());
            prop_assert_eq!(check.checked, edges(&catalog).filter(|edge| edge.stats.granted > 0).count() as u64);

            let mut part = all.clone();
            let mut number = 0;
            let (kept, others): (Vec<_>, Vec<_>) = part.policy.edges.drain(..).partition(|_| { number += 1; half >> number & 1 == 1 });
            part.policy.edges = kept;
            part.left_out.extend(others.into_iter().map(|edge| LeftOut { edge, why: Why::NotSeenSince }));
            let half = read(&texts(&written(&part, form).files));
            let check = PolicyCheck::of_manifests(&half, &identities(), &catalog);
            let allowed = |(service, method, path, caller): &Name| part.policy.edges.iter().any(|edge| {
                let same = edge.service == *service && edge.caller == *caller;
                let of_template = |name: &str| edge.path.text().replace(":integer}", "}").replace(":uuid}", "}") == name;
                same && (form == Form::Kubernetes || (edge.method.is_some_and(|known| known.name() == method) && of_template(path)))
            });
            let expected: BTreeSet<Name> = edges(&catalog)
                .filter(|edge| edge.stats.granted > 0)
                .map(|edge| named(&edge))
                .map(|(service, method, path, caller)| (service, method.to_owned(), path, caller))
                .filter(|name| !allowed(name))
                .collect();
            prop_assert_eq!(denied(&check), expected, "{:?}", form);
        }
    }
}

/// Callers of all that is granted: web (pod), cron (pod), 192.0.2.7.
fn whole() -> Catalog {
    Catalog::of(&inventory(&[7; 6]))
}

fn replayed(text: &str) -> PolicyCheck {
    PolicyCheck::of_manifests(&read(text), &identities(), &whole())
}

/// `caller method path` of what is denied at the shop.
fn at_shop(text: &str) -> Vec<String> {
    let check = replayed(text);
    let rows = check.denied.iter().filter(|row| row.endpoint.service.starts_with("shop"));
    rows.map(|row| {
        let caller = row.caller.split(['@', ' ']).next().unwrap_or_default();
        format!("{caller} {} {}", row.endpoint.method, row.endpoint.path)
    })
    .collect()
}

fn network(ingress: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n, namespace: shop}}\nspec:\n  \
         podSelector: {{}}\n  {ingress}\n"
    )
}

fn cilium(ingress: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: c, namespace: shop}}\nspec:\n  \
         endpointSelector: {{matchLabels: {{app: shop}}}}\n  {ingress}\n"
    )
}

fn istio(rest: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: i, namespace: shop}}\nspec:\n  \
         selector: {{matchLabels: {{app: shop}}}}\n  {rest}\n"
    )
}

#[test]
fn network_policies_mean_what_kubernetes_says() {
    // Callers that are denied all of the four endpoints of the shop.
    for (ingress, callers) in [
        ("ingress: []", "192.0.2.7 cron web"),
        ("policyTypes: [Ingress]", "192.0.2.7 cron web"),
        ("ingress: [{}]", ""),
        ("ingress: [{from: []}]", ""),
        ("ingress: [{ports: [{port: 8080}]}]", ""),
        ("ingress: [{ports: [{port: 8081}]}]", "192.0.2.7 cron web"),
        ("ingress: [{ports: [{port: 8000, endPort: 8100}]}]", ""),
        ("ingress: [{ports: [{port: 8080, protocol: UDP}]}]", "192.0.2.7 cron web"),
        ("ingress: [{from: [{podSelector: {}}]}]", "192.0.2.7 cron web"),
        ("ingress: [{from: [{namespaceSelector: {}}]}]", "192.0.2.7"),
        (
            "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: jobs}}}]}]",
            "192.0.2.7 web",
        ),
        (
            "ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [web, x]}]}}]}]",
            "192.0.2.7 cron",
        ),
        (
            "ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}]",
            "192.0.2.7",
        ),
        (
            "ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: ''}}}]}]",
            "192.0.2.7 cron web",
        ),
        ("ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]", "cron web"),
        (
            "ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.7/32]}}]}]",
            "192.0.2.7 cron web",
        ),
    ] {
        let denied = at_shop(&network(ingress));
        let callers: Vec<&str> = callers.split_whitespace().collect();
        let seen: BTreeSet<&str> =
            denied.iter().map(|row| row.split(' ').next().expect("a caller")).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), callers, "{ingress}");
        assert_eq!(denied.len(), callers.len() * 4, "{ingress}");
    }
    let check = replayed(&network("ingress: [{}]"));
    assert_eq!(check.open_services, ["pay.example"], "no policy is about it");
    assert!(check.notes[0].contains("callers and ports only"));
    // Two documents are a union.
    let both = format!("{}---\n{}", network("ingress: []"), network("ingress: [{}]"));
    assert_eq!(at_shop(&both), [""; 0]);
}

#[test]
fn policies_of_cilium_mean_what_cilium_says() {
    let from = |rest: &str| {
        cilium(&format!(
            "ingress: [{{fromEndpoints: [{{matchLabels: {{app: web, 'k8s:io.kubernetes.pod.namespace': front}}}}], {rest}}}]"
        ))
    };
    let of_web = |text: &str| -> Vec<String> {
        at_shop(text).into_iter().filter_map(|row| row.strip_prefix("web ").map(str::to_owned)).collect()
    };
    let users = "GET /users";
    let user = "GET /users/{userId}";
    let items = "GET /orders/{orderId}/items";
    let post = "POST /users";
    for (rest, denied) in [
        ("toPorts: [{ports: [{port: '8080'}]}]", vec![]),
        ("toPorts: [{ports: [{port: '1', endPort: 9000, protocol: ANY}]}]", vec![]),
        ("toPorts: [{ports: [{port: '80'}]}]", vec![items, users, post, user]),
        ("toPorts: [{ports: [{port: '8080'}], rules: {http: [{method: GET}]}}]", vec![post]),
        ("toPorts: [{ports: [{port: '8080'}], rules: {http: [{path: '/users(/[0-9]+)?'}]}}]", vec![items]),
        // One user of many is not all of them; an anchor more or less is the same.
        (
            "toPorts: [{ports: [{port: '8080'}], rules: {http: [{path: '^/users/42$'}]}}]",
            vec![items, users, post, user],
        ),
        (
            "toPorts: [{ports: [{port: '8080'}], rules: {http: [{path: '/users', method: 'GET|POST', host: 'shop[.]example:8080'}]}}]",
            vec![items, user],
        ),
        (
            "toPorts: [{ports: [{port: '8080'}], rules: {http: [{host: 'other'}]}}]",
            vec![items, users, post, user],
        ),
    ] {
        assert_eq!(of_web(&from(rest)), denied, "{rest}");
    }
    assert_eq!(at_shop(&cilium("ingress: [{}]")).len(), 12, "a rule of nothing allows nothing");
    assert_eq!(at_shop(&cilium("ingress: [{fromEntities: [all]}]")), [""; 0]);
    assert_eq!(
        at_shop(&cilium("ingress: [{fromCIDRSet: [{cidr: 192.0.2.0/24}]}, {fromEndpoints: [{}]}]")).len(),
        8
    );
    // The network and the mesh must both let a call pass.
    let both = format!("{}---\n{}", cilium("ingress: [{fromEntities: [all]}]"), istio("action: ALLOW"));
    assert_eq!(at_shop(&both).len(), 12);
}

#[test]
fn policies_of_istio_mean_what_istio_says() {
    let of_web = |text: &str| -> Vec<String> {
        at_shop(text).into_iter().filter_map(|row| row.strip_prefix("web ").map(str::to_owned)).collect()
    };
    let (users, user, items, post) =
        ("GET /users", "GET /users/{userId}", "GET /orders/{orderId}/items", "POST /users");
    let all = vec![items, users, post, user];
    for (rest, denied) in [
        ("action: ALLOW", all.clone()),
        ("rules: []", all.clone()),
        ("rules: [{}]", vec![]),
        ("rules: [{from: [{source: {principals: ['*']}}]}]", vec![]),
        ("rules: [{from: [{source: {principals: ['*/sa/web']}}]}]", vec![]),
        (
            "rules: [{from: [{source: {principals: ['cluster.local/ns/front/*'], namespaces: [jobs]}}]}]",
            all.clone(),
        ),
        ("rules: [{from: [{source: {namespaces: [front]}}]}]", vec![]),
        ("rules: [{to: [{operation: {paths: ['/users*']}}]}]", vec![items]),
        ("rules: [{to: [{operation: {paths: ['/users/{*}']}}]}]", vec![items, users, post]),
        (
            "rules: [{to: [{operation: {paths: ['/orders/{**}', '/users'], methods: [GET]}}]}]",
            vec![post, user],
        ),
        ("rules: [{to: [{operation: {paths: ['/users/42']}}]}]", all.clone()),
        ("rules: [{to: [{operation: {hosts: ['SHOP.example:*'], ports: ['8080']}}]}]", vec![]),
        ("rules: [{to: [{operation: {ports: ['80']}}]}]", all.clone()),
    ] {
        assert_eq!(of_web(&istio(rest)), denied, "{rest}");
    }
    let block = "rules: [{from: [{source: {ipBlocks: [192.0.2.7]}}]}]";
    assert_eq!(at_shop(&istio(block)).len(), 8, "pods are known by their principals");
}

/// Never a silent allow, nor a silent deny.
#[test]
fn what_is_not_understood_is_named() {
    for (text, told) in [
        (network("egress: []"), "document 1 (NetworkPolicy n): `spec.egress`: this is not supported"),
        (
            network("policyTypes: [Ingress, Egress]"),
            "`spec.policyTypes[1]`: only policies of what may come in",
        ),
        (network("ingress: [{form: []}]"), "`spec.ingress[0].form`: this is not supported"),
        (network("ingress: [{from: [{}]}]"), "`spec.ingress[0].from[0]`: there must be selectors"),
        (
            network("ingress: [{from: [{podSelector: {app: x}}]}]"),
            "`spec.ingress[0].from[0].podSelector.app`",
        ),
        (
            network("ingress: [{from: [{namespaceSelector: {matchLabels: {team: x}}}]}]"),
            "the label `team` of namespaces",
        ),
        (network("ingress: [{from: [{ipBlock: {cidr: a}}]}]"), "`a` is no network"),
        (network("ingress: [{ports: [{port: http}]}]"), "ports by name are not supported"),
        (network("ingress: {}"), "`spec.ingress`: there must be a list"),
        (network("ingress: []\n  ingress: [{}]"), "`spec.ingress`: it stands there twice"),
        (cilium("ingress: []"), "the list is empty"),
        (cilium("ingress: [{fromEndpoints: []}]"), "`spec.ingress[0].fromEndpoints`: the list is empty"),
        (cilium("egress: [{}]"), "`spec.egress`: this is not supported"),
        (cilium("description: x"), "there is no `ingress`"),
        (cilium("ingressDeny: [{}]"), "`spec.ingressDeny`: this is not supported"),
        (cilium("ingress: [{fromEntities: [world]}]"), "of entities only `all`"),
        (
            cilium("ingress: [{toPorts: [{ports: [], rules: {kafka: []}}]}]"),
            "rules.kafka`: this is not supported",
        ),
        (cilium("ingress: [{toPorts: [{rules: {http: [{path: '/a)|(/b'}]}}]}]"), "is no regular expression"),
        (
            cilium("ingress: [{toPorts: [{rules: {http: [{headers: [a]}]}}]}]"),
            "http[0].headers`: this is not supported",
        ),
        (istio("action: DENY"), "of actions only `ALLOW`"),
        (istio("targetRefs: []"), "`spec.targetRefs`: this is not supported"),
        (istio("rules: [{when: [{key: a}]}]"), "`spec.rules[0].when`: this is not supported"),
        (
            istio("rules: [{from: [{source: {notPrincipals: [a]}}]}]"),
            "source.notPrincipals`: this is not supported",
        ),
        (istio("rules: [{from: [{source: {}}]}]"), "and something in it"),
        (istio("rules: [{to: [{operation: {paths: []}}]}]"), "the list is empty"),
        (istio("rules: [{to: [{operation: {paths: ['/a*b']}}]}]"), "a star stands at one end only"),
        (istio("rules: [{to: [{operation: {paths: ['/a/x{*}']}}]}]"), "stand for whole segments"),
        ("kind: Service\napiVersion: v1\n".to_owned(), "there is kind `Service` of apiVersion `v1`"),
        ("a: b\n".to_owned(), "there is kind `` of apiVersion ``"),
        ("- a\n".to_owned(), "there is kind ``"),
        (network("ingress: []").replace(", namespace: shop", ""), "there is no `metadata.namespace`"),
        (network("ingress: []").replace("podSelector: {}", ""), "there is no `podSelector`"),
        (
            format!("{}---\n{}", network("ingress: []"), network("x: 1")),
            "document 2 (NetworkPolicy n): `spec.x`",
        ),
    ] {
        let fault = Manifests::default().read(&text).expect_err(&text).to_string();
        assert!(fault.contains(told), "{text}\n{fault}");
    }
}

#[test]
fn without_identities_nothing_is_judged_and_all_are_named() {
    let check = PolicyCheck::of_manifests(&read(&network("ingress: []")), &Identities::default(), &whole());
    assert_eq!((check.checked, check.denied.len()), (0, 0));
    let told = check.unmapped_text().expect("names");
    assert!(told.contains("service pay.example") && told.contains("service shop.example:8080"), "{told}");
}
