//! Which endpoint a path belongs to that did not help to make the templates.

use std::collections::BTreeMap;

use super::template::{Guide, NodeId, Templates};
use crate::call::{Method, Path};

/// The settled templates of one service, with the places of the endpoints made of them.
#[derive(Default)]
pub(super) struct Places {
    pub(super) templates: Templates,
    /// Position of the endpoint of each node and method.
    pub(super) endpoints: BTreeMap<(NodeId, Method), usize>,
    /// Those that documents have, by number of the route, and who knows these.
    pub(super) routes: BTreeMap<(u32, Method), usize>,
    pub(super) guide: Guide,
}

impl Places {
    /// Position of the endpoint that a path falls under.
    pub(super) fn endpoint(&self, method: Method, path: &Path) -> Option<usize> {
        if let Some((route, _)) = self.guide.route(path) {
            return self.routes.get(&(route, method)).copied();
        }
        self.endpoints.get(&(self.templates.locate(path)?, method)).copied()
    }
}
