//! Stores of specifications: one contract, run against each.

use sensor::flow::Timestamp;
use sensor::inventory::spec::{Format, Operation, Spec};
use sensor::store::memory::MemoryStore;
use sensor::store::specs::{Added, GivenSpec, SpecStore};
use sensor::store::sqlite::SqliteStore;

use crate::store_sqlite::execute;

fn given(name: &str, version: &str, paths: &[&str], digest: &str) -> GivenSpec {
    let operations = paths.iter().map(|path| Operation {
        method: "GET".to_owned(),
        path: (*path).to_owned(),
        ..Operation::default()
    });
    let spec = Spec {
        name: name.to_owned(),
        title: format!("The {name}"),
        version: version.to_owned(),
        format: Format::Openapi30,
        services: vec![format!("{name}.example:8080")],
        operations: operations.collect(),
        ..Spec::default()
    };
    GivenSpec { spec, digest: digest.to_owned() }
}

async fn keeps_the_contract(mut store: impl SpecStore) {
    let at = Timestamp(1_000);
    let first = [given("shop", "1", &["/a", "/b"], "x"), given("users", "1", &[], "y")];
    assert_eq!(store.add_specs(&first, at).await.expect("adds"), [Added::Added, Added::Added]);
    // The same again changes nothing, not even the time.
    let later = Timestamp(2_000);
    assert_eq!(store.add_specs(&first[..1], later).await.expect("adds"), [Added::Unchanged]);
    assert_eq!(store.specs().await.expect("lists")[0].added, at);
    let second = [given("shop", "2", &["/a"], "z"), given("shop", "1", &["/c"], "w")];
    assert_eq!(store.add_specs(&second, later).await.expect("adds"), [Added::Added, Added::Replaced]);
    let kept = store.specs().await.expect("lists");
    let shown: Vec<_> =
        kept.iter().map(|k| (k.name.as_str(), k.version.as_str(), k.operations, k.added)).collect();
    assert_eq!(shown, [("shop", "1", 1, later), ("shop", "2", 1, later), ("users", "1", 0, at)]);
    assert_eq!(kept[0].services, ["shop.example:8080"]);
    assert_eq!((kept[0].title.as_str(), kept[0].format.as_str()), ("The shop", "OpenAPI 3.0"));
    let loaded = store.load_specs().await.expect("loads");
    assert_eq!(loaded, [second[1].spec.clone(), second[0].spec.clone(), first[1].spec.clone()]);
    assert_eq!(store.remove_spec("shop", Some("9")).await.expect("removes"), 0);
    assert_eq!(store.remove_spec("shop", Some("1")).await.expect("removes"), 1);
    assert_eq!(store.remove_spec("shop", None).await.expect("removes"), 1);
    assert_eq!(store.load_specs().await.expect("loads"), [first[1].spec.clone()]);
}

#[tokio::test]
async fn memory() {
    keeps_the_contract(MemoryStore::default()).await;
}

#[tokio::test]
async fn sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    keeps_the_contract(SqliteStore::create(&folder.path().join("a.db")).await.expect("a new store")).await;
}

#[tokio::test]
async fn other_forms_are_left_out_and_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let shop = [given("shop", "1", &["/a"], "x"), given("users", "1", &[], "y")];
    store.add_specs(&shop, Timestamp(1)).await.expect("adds");
    execute(&path, "UPDATE spec SET model_version = 0, model = 'x' WHERE name = 'shop'").await;
    assert_eq!(store.load_specs().await.expect("loads"), [shop[1].spec.clone()]);
    let foreign: Vec<bool> = store.specs().await.expect("lists").iter().map(|kept| kept.is_foreign).collect();
    assert_eq!(foreign, [true, false]);
    assert_eq!(
        store.add_specs(&shop, Timestamp(2)).await.expect("adds"),
        [Added::Replaced, Added::Unchanged]
    );
    assert_eq!(store.load_specs().await.expect("loads").len(), 2);
    // A row in our form that we would not write is damage, not a panic.
    execute(&path, "UPDATE spec SET model = '{}' WHERE name = 'shop'").await;
    assert!(store.load_specs().await.is_err());
}
