//! Specifications that people gave, kept beside the inventory: in all versions, so that what is gone in a
//! newer one can be told. A store keeps models; it reads no files and asks no rules.

use super::StoreError;
use crate::flow::Timestamp;
use crate::inventory::spec::Spec;

/// Keeps specifications by name and version.
pub trait SpecStore {
    /// Adds all of them or none. One of the same name and version is replaced if it differs.
    fn add_specs(
        &mut self,
        given: &[GivenSpec],
        at: Timestamp,
    ) -> impl Future<Output = Result<Vec<Added>, StoreError>> + Send;

    /// What is kept, by name and version, without what each holds.
    fn specs(&self) -> impl Future<Output = Result<Vec<KeptSpec>, StoreError>> + Send;

    /// All that are in a form that this program reads, by name and version. [`SpecStore::specs`] tells which
    /// are not.
    fn load_specs(&self) -> impl Future<Output = Result<Vec<Spec>, StoreError>> + Send;

    /// Removes one version, or all of that name; gives how many.
    fn remove_spec(
        &mut self,
        name: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// A specification as it is given to a store.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenSpec {
    /// What was read.
    pub spec: Spec,
    /// Of all that it was read from and of what was said with it, hex digits.
    pub digest: String,
}

/// What adding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// There was none of this name and version.
    Added,
    /// It was there as it is.
    Unchanged,
    /// There was another one of this name and version.
    Replaced,
}

/// What is known of a specification without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSpec {
    /// By which people name it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Its own title.
    pub title: String,
    /// For people, as of [`crate::inventory::spec::Format::name`].
    pub format: String,
    /// Services that people said it is for; empty: those of its servers.
    pub services: Vec<String>,
    /// How many operations it has.
    pub operations: u64,
    /// When it came or was replaced.
    pub added: Timestamp,
    /// It is in a form of another version of this program and has to be added again.
    pub is_foreign: bool,
}

impl Added {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Added::Added => "added",
            Added::Unchanged => "unchanged",
            Added::Replaced => "replaced",
        }
    }
}

/// Says which of them have to be added again; once per command or run.
pub fn warn_of_foreign(kept: &[KeptSpec]) {
    for KeptSpec { name, version, .. } in kept.iter().filter(|kept| kept.is_foreign) {
        tracing::warn!(
            "the specification {name} {version} was stored by another version of apicensus and is left out; \
             give it again with `apicensus spec add`"
        );
    }
}
