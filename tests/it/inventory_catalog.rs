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
        "/api/v1/users/{integer}/{integer}",
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

#[test]
fn many_alike_words_are_values_but_not_at_the_start() {
    let word =
        |n: u32| format!("w{}", char::from(b'a' + (n % 26) as u8).to_string().repeat(1 + n as usize / 26));
    let paths =
        |count: u32, before: &str| (0..count).map(|n| format!("{before}/{}", word(n))).collect::<Vec<_>>();
    let count =
        |paths: &[String]| templates(&inventory(&paths.iter().map(String::as_str).collect::<Vec<_>>())).len();
    assert_eq!(count(&paths(39, "/tags")), 39);
    assert_eq!(count(&paths(45, "/tags")), 1);
    assert_eq!(count(&paths(45, "/api/v2")), 45);
    assert_eq!(count(&paths(45, "")), 45);
    // One that leads on is no leaf among leaves.
    let mut mixed = paths(45, "/tags");
    mixed.push("/tags/search/latest".to_owned());
    assert_eq!(count(&mixed), 2);
}
