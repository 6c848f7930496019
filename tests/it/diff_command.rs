//! What changed: by time and between two stores, as functions and as a command.

use std::path::Path;

use proptest::prelude::*;
use sensor::call::{DataClass, Facts, Place};
use sensor::flow::Timestamp;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::diff::{Change, Changed, Part, Stretch, between, by_time};
use sensor::inventory::{ClassKey, ClassStats, FieldKey, FieldStats, Inventory, Seen};

use crate::cli_commands::{apicensus, folder_with};
use crate::store_fixture::{NEW_YEAR, SECOND, any_inventory, shop};

fn at(second: u64) -> Timestamp {
    Timestamp(NEW_YEAR + second * SECOND)
}

fn key(name: &str) -> FieldKey {
    FieldKey { place: Place::ResponseBody, name: name.into() }
}

/// The shop with a field and a class of which the times are known.
fn timed() -> Inventory {
    let mut shop = shop();
    let stats = shop.endpoints.values_mut().find(|stats| stats.calls == 12).expect("the users");
    let seen = |from, to| Seen { first: at(from), last: at(to) };
    for (name, seen) in [("/email", seen(0, 100)), ("/id", seen(0, 3600)), ("/phone", seen(2000, 3600))] {
        let facts = Facts::STRING;
        stats.fields.insert(key(name), FieldStats { calls: 1, facts, seen, ..FieldStats::default() });
    }
    let class = ClassKey { field: key("/phone"), class: DataClass::Phone };
    stats.classes.insert(class, ClassStats { values: 3, seen: seen(2000, 3600) });
    shop
}

fn lines(changes: &[Changed]) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Service => "service".to_owned(),
        Part::Endpoint => "endpoint".to_owned(),
        Part::Caller(peer) => {
            let program = peer.workload.as_deref().map(|workload| workload.program.to_string());
            format!("caller {}", program.unwrap_or_else(|| peer.address.to_string()))
        }
        Part::Auth(credential) => format!("auth {}", credential.name()),
        Part::Field(key) => format!("field {}", key.name),
        Part::Class(key) => format!("class {} {}", key.field.name, key.class.name()),
    };
    let line = |changed: &Changed| {
        let endpoint = changed.endpoint.as_ref().map_or(String::new(), |(m, p)| format!("{} {p} ", m.name()));
        format!("{:?} {endpoint}{}", changed.change, part(&changed.part))
    };
    changes.iter().map(line).collect()
}

#[test]
fn by_time_new_and_gone() {
    let catalog = Catalog::of(&timed());
    let since = |second| lines(&by_time(&catalog, Stretch { from: at(second), to: None }));
    let users = catalog.services.iter().flat_map(|service| &service.endpoints);
    let template = &users.clone().find(|endpoint| endpoint.stats.calls == 12).expect("the users").template;
    let changes = since(1000);
    for expected in [
        format!("New GET {template} field /phone"),
        format!("New GET {template} class /phone phone"),
        format!("Gone GET {template} field /email"),
        format!("Gone GET {template} caller curl"),
        format!("Gone GET {template} auth none"),
    ] {
        assert!(changes.contains(&expected), "{expected} is missing: {changes:#?}");
    }
    assert!(!changes.iter().any(|line| line.contains("/id")), "{changes:#?}");
    // Before anything was seen: all of it is new, and no field is listed by itself.
    let all = since(0);
    assert!(all.iter().all(|line| line.starts_with("New") && !line.contains(" field ")), "{all:#?}");
    // After everything: all of it is gone, as a whole.
    let none = since(1_000_000);
    assert!(none.iter().all(|line| line.starts_with("Gone")), "{none:#?}");
    assert!(none.iter().all(|line| line.ends_with("service") || line.ends_with("endpoint")), "{none:#?}");
    // What came after the second time is not looked at.
    let between = lines(&by_time(&catalog, Stretch { from: at(1000), to: Some(at(1500)) }));
    assert!(!between.iter().any(|line| line.contains("/phone")), "{between:#?}");
}

#[test]
fn between_two_inventories() {
    let (before, mut after) = (timed(), timed());
    let stats = after.endpoints.values_mut().find(|stats| stats.calls == 12).expect("the users");
    stats.fields.value_mut(&key("/id")).expect("it is there").facts |= Facts::UUID;
    stats.fields.retain(|field, _| *field != key("/email"));
    let gone = after.endpoints.keys().find(|key| key.method.name() == "POST").cloned().expect("a POST");
    after.endpoints.remove(&gone);
    let changes = between(&Catalog::of(&before), &Catalog::of(&after));
    let changed: Vec<_> = changes.iter().filter(|changed| changed.change == Change::Changed).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!((&*changed[0].was, &*changed[0].is), ("string", "string uuid"));
    let lines = lines(&changes);
    assert!(
        lines.iter().any(|line| line.starts_with("Gone POST ") && line.ends_with("endpoint")),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line.ends_with("field /email")), "{lines:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changed_between_a_thing_and_itself(inventory in any_inventory()) {
        let catalog = Catalog::of(&inventory);
        prop_assert_eq!(between(&catalog, &catalog), []);
    }

    #[test]
    fn what_is_new_one_way_is_gone_the_other(one in any_inventory(), other in any_inventory()) {
        let (one, other) = (Catalog::of(&one), Catalog::of(&other));
        let there = between(&one, &other);
        let back = between(&other, &one);
        let count = |changes: &[Changed], wanted| {
            let is = |changed: &&Changed| changed.change == wanted && changed.part == Part::Endpoint;
            changes.iter().filter(is).count()
        };
        prop_assert_eq!(count(&there, Change::New), count(&back, Change::Gone));
        prop_assert_eq!(count(&there, Change::Changed), count(&back, Change::Changed));
    }
}

fn diff(folder: &Path, arguments: &[&str]) -> String {
    apicensus(folder, &[&["diff", "--store", "apis.db"], arguments].concat())
}

#[test]
fn diff_commands() {
    let folder = folder_with(&shop());
    let folder = folder.path();
    insta::assert_snapshot!("text", diff(folder, &["--since", "2025-01-01T01:00:00Z"]));
    insta::assert_snapshot!("markdown", diff(folder, &["--since", "2025-01-01T00:30:00Z", "--format", "md"]));
    insta::assert_snapshot!("nothing", diff(folder, &["--against", "apis.db"]));
    insta::assert_snapshot!("which", diff(folder, &[]));
    let backwards = ["--between", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"];
    insta::assert_snapshot!("backwards", diff(folder, &backwards));
}
