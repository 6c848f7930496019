//! Templates: raw paths in, what people read out.

use sensor::call::{CallClass, Method, path_of_text};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{EndpointKey, EndpointStats, Inventory};

fn inventory(paths: &[&str]) -> Inventory {
    let mut inventory = Inventory::default();
    for path in paths {
        let key = EndpointKey {
            service: "a".into(),
            method: Method("GET"),
            path: path_of_text(path).unwrap(),
            class: CallClass::Found,
        };
        let stats = EndpointStats { calls: 1, ..EndpointStats::default() };
        inventory.merge(Inventory { endpoints: [(key, stats)].into(), ..Inventory::default() });
    }
    inventory
}

/// Templates with their calls and the shapes of their parameters.
fn templates(inventory: &Inventory) -> Vec<String> {
    let catalog = Catalog::of(inventory);
    let endpoints = catalog.services.iter().flat_map(|service| &service.endpoints);
    endpoints
        .map(|endpoint| {
            let kinds: Vec<_> =
                endpoint.parameters.iter().map(|p| format!("{} {}", p.name, p.kind.name())).collect();
            format!("{} x{} [{}]", endpoint.template, endpoint.stats.calls, kinds.join(", "))
        })
        .collect()
}

#[test]
fn parameters_are_named_after_their_parent() {
    let found = templates(&inventory(&[
        "/",
        "/api/v1/users",
        "/api/v1/users/{integer}",
        "/api/v1/users/{uuid}",
        "/api/v1/users/me",
        "/api/v1/users/{integer}/order-items/{integer}",
        "/users/{integer}/users/{integer}",
        "/days/{date}",
        "/v1/{integer}",
        "/accounts/{email}/categories/{hex}",
    ]));
    insta::assert_json_snapshot!(found);
}

#[test]
fn hidden_words_are_told_apart_by_their_hash_until_they_are_shown() {
    // The low bits say how a word reads: 8 is one part that is no English word.
    let mut inventory = inventory(&[
        "/users/~0000000a00000008",
        "/users/~0000000b00000008",
        "/users/~0000000c00000008/avatar",
        "/users/~0000000b00000008/avatar",
        "/users/{integer}",
        "/users/{integer}/avatar",
        "/~0000000d00000007/list",
    ]);
    let users = ["/users/{userId} x3 [userId text]", "/users/{userId}/avatar x3 [userId text]"];
    assert_eq!(templates(&inventory), [users[0], users[1], "/~0000000d/list x1 []"]);
    inventory.words.insert(0xd_0000_0007, "boxscores".into());
    assert_eq!(templates(&inventory), ["/boxscores/list x1 []", users[0], users[1]]);
}
