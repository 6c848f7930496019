//! Any bytes as a specification of each language, and as YAML: no panic, bounded time and memory.

use super::{graphql, grpc, openapi};
use crate::inventory::yaml;

/// Levels of YAML that are kept.
const LEVELS: usize = 64;

/// Reads `data` as a descriptor set.
pub fn fuzz_descriptors(data: &[u8]) {
    let _ = grpc::read("a.binpb", data);
}

/// Reads `data` as a schema of GraphQL.
pub fn fuzz_graphql(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (graphql::is_root(text), graphql::read("a.graphqls", text));
    }
}

/// Reads `data` as a document of OpenAPI: its routes, and the whole with files that it refers to, which are
/// itself again.
pub fn fuzz_openapi(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (openapi::is_root(text), openapi::read_routes(text));
    let _ = openapi::read("a.yaml", &mut |_| Ok(text.to_owned()));
}

/// Reads `data` as YAML, with and without lines.
pub fn fuzz_yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (yaml::read(text, LEVELS), yaml::read_without_lines(text, LEVELS));
    let _ = yaml::read_all(text, yaml::SHALLOW, LEVELS);
}
