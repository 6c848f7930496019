//! The OpenAPI export against the traffic that it was learnt from: it takes every call of it, and
//! no call that differs.

use std::path::PathBuf;
use std::process::Command;

use sensor::inventory::Inventory;
use sensor::inventory::catalog::Catalog;
use sensor::report::json;
use sensor::report::openapi::{self, Version};
use serde_json::{Value, json};

use crate::openapi_judge::Judge;
use crate::openapi_traffic::{Dice, Talk, conversations, deltas};

const VERSIONS: [Version; 2] = [Version::V3_0, Version::V3_1];

fn merged(deltas: impl IntoIterator<Item = Inventory>) -> Inventory {
    let mut whole = Inventory::default();
    deltas.into_iter().for_each(|delta| whole.merge(delta));
    whole
}

fn documents(inventory: &Inventory, version: Version) -> Vec<(String, String)> {
    let documents = openapi::documents(&Catalog::of(inventory), version);
    documents.into_iter().map(|(name, document)| (name, json::render(&document))).collect()
}

fn document_of(documents: &[(String, String)], service: &str) -> String {
    documents.iter().find(|(name, _)| name == service).expect("a document").1.clone()
}

#[test]
fn a_document_takes_the_traffic_it_was_learnt_from() {
    for count in [30, 300, 3000] {
        let talks = conversations(count);
        let inventory = merged(deltas(&talks, 37));
        for version in VERSIONS {
            let documents = documents(&inventory, version);
            let mut judges: Vec<(&String, Judge)> =
                documents.iter().map(|(name, text)| (name, Judge::new(text))).collect();
            for talk in &talks {
                let judge = judges.iter_mut().find(|(name, _)| **name == talk.service);
                let differences = judge.expect("a document").1.differences(talk);
                assert!(differences.is_empty(), "{count} {version:?} {differences:#?}\n{talk:#?}");
            }
        }
    }
}

#[test]
fn a_document_takes_nothing_that_differs() {
    let talks = conversations(2000);
    let inventory = merged(deltas(&talks, 100));
    let of = |service: &str, method: &str, status: u16, path: &str| -> Talk {
        let is_it = |t: &&Talk| {
            t.service == service && t.method == method && t.status == status && t.target.starts_with(path)
        };
        talks.iter().find(is_it).expect("such a call").clone()
    };
    let body = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).expect("JSON") };
    let shop = "shop.example:8080";
    let mut mutants: Vec<(&str, Talk)> = Vec::new();
    let created = of(shop, "POST", 201, "/api/v1/orders");
    let mut mutate = |what: &'static str, talk: &Talk, change: &dyn Fn(&mut Talk)| {
        let mut talk = talk.clone();
        change(&mut talk);
        mutants.push((what, talk));
    };
    mutate("a member is missing", &created, &|talk| {
        let mut value = body(&talk.body);
        value["customer"].as_object_mut().expect("an object").remove("email");
        talk.body = value.to_string().into();
    });
    mutate("another type", &created, &|talk| {
        let mut value = body(&talk.body);
        value["items"] = json!("none");
        talk.body = value.to_string().into();
    });
    mutate("another type in an array", &created, &|talk| {
        let mut value = body(&talk.body);
        value["items"] = json!([{"sku": 7, "quantity": 1}]);
        talk.body = value.to_string().into();
    });
    mutate("an item lacks a member", &created, &|talk| {
        let mut value = body(&talk.body);
        value["items"] = json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-1"}]);
        talk.body = value.to_string().into();
    });
    mutate("no mail address", &created, &|talk| {
        let mut value = body(&talk.body);
        value["customer"]["email"] = json!("nobody");
        talk.body = value.to_string().into();
    });
    mutate("no body", &created, &|talk| talk.body.clear());
    mutate("another status", &created, &|talk| talk.status = 418);
    mutate("an error's body for a success", &created, &|talk| {
        talk.response = br#"{"error":{"code":"E1","message":"no"}}"#.to_vec();
    });
    mutate("another type of body", &created, &|talk| talk.headers[1].1 = "text/csv".to_owned());
    mutate("no credential", &created, &|talk| talk.headers.retain(|(name, _)| name != "Authorization"));
    mutate("another method", &created, &|talk| talk.method = "PATCH");
    mutate("another path", &created, &|talk| talk.target = "/api/v1/baskets".to_owned());
    mutate("another query", &of(shop, "GET", 200, "/api/v1/orders?page"), &|talk| {
        talk.target.push_str("&colour=red")
    });
    mutate("no number", &of(shop, "GET", 200, "/api/v1/orders?page"), &|talk| {
        talk.target = "/api/v1/orders?page=last".to_owned();
    });
    mutate("another type in a map", &of("people.example", "GET", 200, "/stats/users"), &|talk| {
        talk.response =
            br#"{"users":{"6f1c2a9e-8b1d-4c3e-9f00-0123456789ab":7},"days":{},"labels":{}}"#.to_vec();
    });
    mutate("a field of a form is missing", &of("people.example", "POST", 200, "/login"), &|talk| {
        talk.body = b"user=u1".to_vec();
    });
    for version in VERSIONS {
        let documents = documents(&inventory, version);
        for (what, talk) in &mutants {
            let mut judge = Judge::new(&document_of(&documents, talk.service));
            assert!(!judge.differences(talk).is_empty(), "{version:?}: nobody sees {what}");
        }
        let mut judge = Judge::new(&document_of(&documents, shop));
        assert_eq!(judge.differences(&created), [""; 0]);
    }
}

#[test]
fn equal_traffic_gives_equal_bytes() {
    let talks = conversations(400);
    let one = deltas(&talks, 7);
    let mut shuffled = one.clone();
    let mut dice = Dice(3);
    for at in (1..shuffled.len()).rev() {
        shuffled.swap(at, dice.below(at as u64 + 1) as usize);
    }
    for version in VERSIONS {
        let first = documents(&merged(one.clone()), version);
        assert_eq!(first.len(), 3);
        assert_eq!(first, documents(&merged(shuffled.clone()), version));
        assert_eq!(first, documents(&merged(deltas(&talks, 1000)), version));
    }
}

#[test]
fn no_value_of_the_traffic_is_in_a_document() {
    let documents = documents(&merged(deltas(&conversations(2000), 100)), Version::V3_1);
    for (_, text) in &documents {
        for value in [
            "SKU-",
            "please ring",
            "@example.org",
            "2024-",
            "eyJ",
            "secret",
            "dXNlcjpwYXNz",
            "holiday",
            "Gr\u{f6}",
            "4c3e-9f00",
        ] {
            assert!(!text.contains(value), "{value} in {text}");
        }
    }
}

#[test]
fn a_small_document() {
    let talks: Vec<Talk> = conversations(600)
        .into_iter()
        .filter(|talk| talk.target.contains("/orders/") && talk.method == "GET")
        .collect();
    let inventory = merged(deltas(&talks, 50));
    for (version, name) in [(Version::V3_1, "openapi_3_1"), (Version::V3_0, "openapi_3_0")] {
        insta::assert_snapshot!(name, documents(&inventory, version)[0].1);
    }
    let document = &openapi::documents(&Catalog::of(&inventory), Version::V3_1)[0].1;
    insta::assert_snapshot!("openapi_yaml", openapi::yaml(document));
}

/// The schema of a member of the bodies that `count` calls of as many callers sent to one endpoint.
fn member(name: &str, values: &[Value], count: usize, callers: u8) -> Value {
    let talks: Vec<Talk> = (0..count)
        .map(|n| {
            let body = json!({"id": n, name: values[n % values.len()]});
            let caller = (n / values.len()) as u8 % callers;
            Talk::new("a.example", "POST", "/orders").json(&body).answer(204, "", "").by(caller)
        })
        .collect();
    let document: Value =
        serde_json::from_str(&documents(&merged(deltas(&talks, 13)), Version::V3_1)[0].1).expect("JSON");
    let body = &document["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"];
    body["schema"]["properties"][name].clone()
}

#[test]
fn closed_sets_are_shown_only_where_they_are_nobodys_own() {
    let words = || [json!("pending"), json!("open"), json!("closed")];
    let shown = member("status", &words(), 90, 3);
    assert_eq!(shown["enum"], json!(["closed", "open", "pending"]), "{shown}");
    let nullable = member("status", &[json!("open"), json!("closed"), json!(null), json!("")], 400, 3);
    assert_eq!(nullable["enum"], json!(["", "closed", "open", null]), "{nullable}");
    // Too few calls, too few callers: how many there are is known, which ones is not.
    for hidden in [member("status", &words(), 30, 3), member("status", &words(), 500, 2)] {
        assert_eq!((&hidden["enum"], &hidden["x-apicensus-distinct"]), (&Value::Null, &json!(3)), "{hidden}");
    }
    assert_eq!(member("status", &words(), 3000, 1)["enum"], json!(["closed", "open", "pending"]));
    // Words of nobody's vocabulary, names that speak of people, too many, too long, other types.
    let many = [
        "open", "closed", "pending", "active", "new", "old", "public", "private", "draft", "ready", "done",
        "failed", "error", "success", "enabled", "disabled", "paid", "sent", "archived",
    ];
    for open in [
        member("status", &[json!("open"), json!("wilhelmina")], 300, 5),
        member("gender", &words(), 300, 5),
        member("religion", &words(), 300, 5),
        member("owner", &words(), 300, 5),
        member("accessToken", &words(), 300, 5),
        member("status", &many.map(Value::from), 900, 5),
        member("status", &[json!("open"), json!("open-closed-pending-active")], 300, 5),
        member("status", &[json!("open"), json!("2024-01-01")], 300, 5),
        member("wombat", &[json!("first time"), json!("open")], 300, 5),
    ] {
        assert_eq!((&open["enum"], &open["x-apicensus-distinct"]), (&Value::Null, &Value::Null), "{open}");
        assert!(!open.to_string().contains("open"), "{open}");
    }
    let union = member("status", &[json!("open"), json!(7)], 300, 5);
    assert_eq!((&union["enum"], &union["x-apicensus-distinct"]), (&Value::Null, &json!(1)), "{union}");
}

/// The Python interpreter that has openapi-spec-validator, as `cargo xtask setup` installs it.
fn validator() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/openapi/bin/python"));
    if path.is_file() {
        return Some(path);
    }
    let skip = std::env::var_os("APICENSUS_SKIP_VALIDATOR").is_some_and(|value| value == "1");
    assert!(
        skip,
        "{} is missing: run `cargo xtask setup`, or say APICENSUS_SKIP_VALIDATOR=1",
        path.display()
    );
    eprintln!("##  SKIPPED as asked: no document was shown to openapi-spec-validator.  ##");
    None
}

/// What the public validator says of the files: `None` if all are valid.
fn objection(python: &PathBuf, files: &[PathBuf]) -> Option<String> {
    let output = Command::new(python)
        .args(["-m", "openapi_spec_validator"])
        .args(files)
        .output()
        .expect("the validator starts");
    let text = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_public_validator_takes_every_document() {
    let Some(python) = validator() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    let write = |name: String, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    };
    let inventories = [merged(deltas(&conversations(2000), 100)), crate::store_fixture::shop()];
    for (number, inventory) in inventories.iter().enumerate() {
        for version in VERSIONS {
            for (at, (_, document)) in openapi::documents(&Catalog::of(inventory), version).iter().enumerate()
            {
                let name = format!("{number}-{version:?}-{at}");
                files.push(write(format!("{name}.json"), &json::render(document)));
                files.push(write(format!("{name}.yaml"), &openapi::yaml(document)));
            }
        }
    }
    assert!(files.len() >= 16, "{}", files.len());
    assert_eq!(objection(&python, &files), None);
    // It would say so.
    let text = std::fs::read_to_string(&files[0]).expect("a document");
    let spoilt = write("spoilt.json".to_owned(), &text.replacen("\"responses\"", "\"answers\"", 1));
    assert!(objection(&python, &[spoilt]).is_some());
}
