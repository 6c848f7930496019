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
fn hidden_words_are_one_parameter_until_they_are_shown() {
    let mut inventory = inventory(&[
        "/users/~0000000000000001",
        "/users/~0000000000000002",
        "/users/~0000000000000003/avatar",
        "/users/{integer}",
        "/pets/~0000000000000001",
        "/~0000000000000004",
    ]);
    assert_eq!(
        templates(&inventory),
        [
            "/pets/{petName} x1 [petName text]",
            "/users/{userId} x3 [userId text]",
            "/users/{userId}/avatar x1 [userId text]",
            "/{name} x1 [name text]",
        ]
    );
    // Members of a collection stay hidden whatever the store says of their hashes.
    inventory.words.insert(1, "wombats".into());
    inventory.words.insert(4, "quokkas".into());
    assert_eq!(
        templates(&inventory),
        [
            "/pets/{petName} x1 [petName text]",
            "/quokkas x1 []",
            "/users/{userId} x3 [userId text]",
            "/users/{userId}/avatar x1 [userId text]",
        ]
    );
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
