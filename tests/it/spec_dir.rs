//! A watched folder of specifications: what is new, changed, swapped by a link, and broken.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use sensor::pipeline::spec_dir::watch;
use sensor::store::specs::SpecStore;
use sensor::store::sqlite::SqliteStore;

fn document(version: &str, path: &str) -> String {
    format!(
        "openapi: 3.0.3\ninfo: {{title: Shop, version: {version}}}\nservers: [{{url: 'http://shop.test'}}]\n\
         paths: {{{path}: {{get: {{responses: {{'200': {{description: all}}}}}}}}}}\n"
    )
}

/// Versions and paths that are stored, sorted.
async fn stored(store: &Path) -> Vec<(String, String)> {
    let store = SqliteStore::open(store).await.expect("opens");
    let specs = store.load_specs().await.expect("loads");
    let mut all: Vec<_> = specs
        .into_iter()
        .map(|spec| {
            (spec.version, spec.operations.into_iter().map(|one| one.path).collect::<Vec<_>>().join(" "))
        })
        .collect();
    all.sort();
    all
}

async fn wait_for(store: &Path, expected: &[(&str, &str)]) {
    let wanted: Vec<(String, String)> =
        expected.iter().map(|(version, path)| ((*version).to_owned(), (*path).to_owned())).collect();
    for _ in 0..500 {
        if stored(store).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {wanted:?} but {:?}", stored(store).await);
}

#[tokio::test]
async fn what_changes_is_stored_and_what_breaks_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    SqliteStore::create(&path).await.expect("a new store").close().await.expect("closes");
    let specs = folder.path().join("specs");
    // As a ConfigMap is mounted: names are links through `..data`, which is swapped as a whole.
    let version = |name: &str, text: &str| {
        let inner = specs.join(name);
        fs::create_dir_all(&inner).expect("a folder");
        fs::write(inner.join("shop.yaml"), text).expect("written");
        symlink(name, specs.join("..next")).expect("a link");
        fs::rename(specs.join("..next"), specs.join("..data")).expect("swapped");
    };
    version("..2026_1", &document("1.0", "/a"));
    symlink("..data/shop.yaml", specs.join("shop.yaml")).expect("a link");
    let task = tokio::spawn(watch(specs.clone(), Vec::new(), path.clone(), Duration::from_millis(30)));
    wait_for(&path, &[("1.0", "/a")]).await;
    version("..2026_2", &document("2.0", "/b"));
    wait_for(&path, &[("1.0", "/a"), ("2.0", "/b")]).await;
    version("..2026_3", "openapi: 3.0.3\npaths: [broken\n");
    fs::write(specs.join("other.yaml"), document("3.0", "/c")).expect("written");
    wait_for(&path, &[("1.0", "/a"), ("2.0", "/b"), ("3.0", "/c")]).await;
    task.abort();
}
