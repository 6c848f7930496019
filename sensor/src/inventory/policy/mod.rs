//! Who may call what: a list of allowed edges, learnt from a catalog or read from a file, and what of a
//! catalog is outside of it. What is not listed is not allowed; there are no rules that forbid.
//! How other tools are told is in `report/policy`.

mod observed;
mod pattern;
mod read;
mod violation;

pub use observed::{LeftOut, Observed, Wanted, Why, edges, has_hidden_word, port};
pub use pattern::{Part, Parts, Pattern};
pub use violation::Judge;

use std::sync::Arc;

use super::catalog::Endpoint;
use super::{CallerKey, CallerStats};
use crate::call::{Credential, Method, fits};
use crate::flow::Peer;

/// Edges that are allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Sorted and each once where they were learnt; in the order of the file where they were read.
    pub edges: Vec<Allowed>,
}

/// Who may call what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// Name of a service, with `*` for any characters.
    pub service: String,
    /// Method; `None` for any.
    pub method: Option<Method>,
    /// Paths.
    pub path: Pattern,
    /// A caller as [`caller_name`] has it, or its program, cgroup, container or address alone; with `*`
    /// for any characters.
    pub caller: String,
    /// Kinds of credentials that it must use one of; empty for any.
    pub credentials: Vec<Credential>,
}

/// A caller of an endpoint with one kind of credential, as it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// Service.
    pub service: &'a Arc<str>,
    /// Endpoint.
    pub endpoint: &'a Endpoint,
    /// Caller and credential.
    pub key: &'a CallerKey,
    /// Calls.
    pub stats: &'a CallerStats,
}

impl Edge<'_> {
    /// Its caller's name.
    pub fn caller(&self) -> String {
        caller_name(&self.key.peer)
    }
}

/// Names a caller: program and cgroup of a workload on this host, else the address. The same for all
/// processes of a container or unit, and different for two of them.
pub fn caller_name(peer: &Peer) -> String {
    match peer.workload.as_deref() {
        Some(workload) => format!("{}@{}", workload.program, workload.cgroup),
        None => peer.address.to_string(),
    }
}

/// A pattern fits a caller by one of its names: that of [`caller_name`], program, cgroup, container,
/// address. The address of a workload on this host is none of its names: it shares it with others.
pub fn is_caller(pattern: &str, peer: &Peer) -> bool {
    if fits(pattern, &caller_name(peer)) {
        return true;
    }
    peer.workload.as_deref().is_some_and(|workload| {
        fits(pattern, &workload.program)
            || fits(pattern, &workload.cgroup)
            || workload.container.as_deref().is_some_and(|container| fits(pattern, container))
    })
}
