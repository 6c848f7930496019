//! Specifications that people gave: OpenAPI, gRPC descriptor sets, GraphQL. Text in, one model out.

/// All that are in force, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Specs {}

impl Specs {
    /// None was given.
    pub fn is_empty(&self) -> bool {
        true
    }
}
