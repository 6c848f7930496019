//! Which endpoint a path belongs to that did not help to make the templates.

use std::collections::BTreeMap;

use super::template::{NodeId, Templates};
use crate::call::{Method, Path};

/// The settled templates of one service, with the places of the endpoints made of them.
#[derive(Default)]
pub(super) struct Places {
    pub(super) templates: Templates,
    /// Position of the endpoint of each node and method.
    pub(super) endpoints: BTreeMap<(NodeId, Method), usize>,
}

impl Places {
    /// Position of the endpoint that a path falls under.
    pub(super) fn endpoint(&self, method: Method, path: &Path) -> Option<usize> {
        self.endpoints.get(&(self.templates.locate(path)?, method)).copied()
    }
}
