//! Security requirements of a document: which schemes each operation declares.

use std::collections::BTreeMap;

use super::super::{Format, ParameterPlace, Scheme};
use super::files::Files;
use crate::inventory::yaml::Node;

/// Schemes by name, and what is required where an operation says nothing.
pub(super) struct Schemes {
    schemes: BTreeMap<String, Scheme>,
    usual: Vec<Vec<Scheme>>,
}

impl Schemes {
    pub(super) fn of(files: &Files, format: Format) -> Schemes {
        let root = files.root();
        let defined = match format {
            Format::Swagger20 => root.member("securityDefinitions"),
            _ => root.member("components").and_then(|components| components.member("securitySchemes")),
        };
        let mut schemes = BTreeMap::new();
        for (name, _, node) in defined.map_or(&[][..], |defined| defined.node.members()) {
            // One that cannot be found is one that is not known.
            let node = files.resolve(root.to(node), "").map_or(node, |spot| spot.node);
            schemes.insert(name.clone(), scheme(node));
        }
        let mut all = Schemes { schemes, usual: Vec::new() };
        all.usual = root.node.member("security").map(|node| all.requirements(node)).unwrap_or_default();
        all
    }

    pub(super) fn is_declared(&self) -> bool {
        !self.schemes.is_empty()
    }

    /// Of an operation: its own, else those of the document.
    pub(super) fn of_operation(&self, operation: &Node) -> Vec<Vec<Scheme>> {
        match operation.member("security") {
            Some(node) => self.requirements(node),
            None => self.usual.clone(),
        }
    }

    fn requirements(&self, node: &Node) -> Vec<Vec<Scheme>> {
        let each = |node: &Node| {
            let names = node.members().iter().map(|(name, ..)| name);
            names.map(|name| self.schemes.get(name).cloned().unwrap_or(Scheme::Other)).collect()
        };
        node.items().iter().map(each).collect()
    }
}

fn scheme(node: &Node) -> Scheme {
    let text = |name: &str| node.member(name).and_then(Node::text).unwrap_or_default();
    match text("type") {
        "basic" => Scheme::Basic,
        "oauth2" | "openIdConnect" => Scheme::Bearer,
        "mutualTLS" => Scheme::Certificate,
        "http" => match text("scheme").to_ascii_lowercase().as_str() {
            "basic" => Scheme::Basic,
            "bearer" => Scheme::Bearer,
            "digest" => Scheme::Digest,
            "negotiate" | "ntlm" => Scheme::Negotiate,
            _ => Scheme::Other,
        },
        "apiKey" => {
            let place = match text("in") {
                "query" => ParameterPlace::Query,
                "cookie" => ParameterPlace::Cookie,
                _ => ParameterPlace::Header,
            };
            let name = text("name");
            let name =
                if place == ParameterPlace::Header { name.to_ascii_lowercase() } else { name.to_owned() };
            Scheme::Key(place, name)
        }
        _ => Scheme::Other,
    }
}
