//! `apicensus spec`.

use super::{blocking, print, show};
use crate::cli::spec::{Add, Remove, Show, Spec as Typed};
use crate::config::spec::{self, ReadSpec, Said};
use crate::config::{self, Failure};
use crate::report::spec::{self as report, SpecPages, SpecRow, Specs};
use crate::store::specs::{KeptSpec, SpecStore, warn_of_foreign};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, StoreError};

/// Does what was asked for.
pub(super) fn spec(store: &config::Store, typed: &Typed) -> Result<u8, Failure> {
    match typed {
        Typed::Add(typed) => add(store, typed),
        Typed::List(output) => {
            let kept = blocking(async { SqliteStore::open(&store.path).await?.specs().await })?;
            show(*output, &Specs::of(kept.into_iter().map(row).collect()), report::list)
        }
        Typed::Show(typed) => page(store, typed),
        Typed::Remove(Remove { name, version }) => {
            let count = blocking(async {
                SqliteStore::open(&store.path).await?.remove_spec(name, version.as_deref()).await
            })?;
            match count {
                0 => Err(unknown(name, version.as_deref())),
                1 => print(b"removed 1 version\n"),
                _ => print(format!("removed {count} versions\n").as_bytes()),
            }
        }
    }
}

fn add(store: &config::Store, Add { path, service, name }: &Add) -> Result<u8, Failure> {
    let read = spec::read(path, &Said { services: service.clone(), name: name.clone() })?;
    let (files, given): (Vec<String>, Vec<_>) =
        read.into_iter().map(|ReadSpec { file, given }| (file, given)).unzip();
    let done = blocking(async {
        if store.is_default {
            SqliteStore::make_folder(&store.path)?;
        }
        // Specifications may come before the first run.
        let mut opened = SqliteStore::create(&store.path).await?;
        let done = opened.add_specs(&given, store::now()).await?;
        opened.close().await?;
        Ok(done)
    })?;
    let mut text = String::new();
    for ((file, given), done) in files.iter().zip(&given).zip(done) {
        let spec = &given.spec;
        let count = spec.operations.len();
        let operations = if count == 1 { "operation" } else { "operations" };
        // Descriptor sets and GraphQL schemas have no version.
        let version = if spec.version.is_empty() { String::new() } else { format!(" {}", spec.version) };
        let line = format!(
            "{} {}{version} ({}, {count} {operations}) of {file}",
            done.name(),
            spec.name,
            spec.format.name()
        );
        text.extend(line.chars().filter(|c| !c.is_control()));
        text.push('\n');
    }
    print(text.as_bytes())
}

fn page(store: &config::Store, Show { name, version, output }: &Show) -> Result<u8, Failure> {
    let (kept, specs) = blocking(async {
        let opened = SqliteStore::open(&store.path).await?;
        let both: (Vec<KeptSpec>, _) = (opened.specs().await?, opened.load_specs().await?);
        Ok::<_, StoreError>(both)
    })?;
    let is_meant = |of: &str, at: &str| of == name && version.as_deref().is_none_or(|version| version == at);
    let kept: Vec<KeptSpec> = kept.into_iter().filter(|kept| is_meant(&kept.name, &kept.version)).collect();
    if kept.is_empty() {
        return Err(unknown(name, version.as_deref()));
    }
    warn_of_foreign(&kept);
    let specs: Vec<_> = specs.into_iter().filter(|spec| is_meant(&spec.name, &spec.version)).collect();
    show(*output, &SpecPages::of(kept.into_iter().map(row).collect(), &specs), report::pages)
}

fn row(kept: KeptSpec) -> SpecRow {
    SpecRow::new(
        [kept.name, kept.version, kept.title, kept.format],
        kept.services,
        kept.operations,
        kept.added,
        !kept.is_foreign,
    )
}

fn unknown(name: &str, version: Option<&str>) -> Failure {
    let version = version.map_or(String::new(), |version| format!(" in version {version}"));
    Failure::Usage(format!("there is no specification {name}{version}; `apicensus spec list` lists them"))
}
