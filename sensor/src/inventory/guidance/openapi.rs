//! Routes of an OpenAPI document that is named beside a command, by the reader of specifications: text in,
//! [`Document`]s out, one for each base path. It has to be right no further than routes go.

use super::Document;
use crate::inventory::spec;
use crate::inventory::yaml::Fault;
use crate::limits::PATH_SEGMENTS_MAX;

/// Reads the text of a document. It is for the services of its servers (`*` where they have no host),
/// or for `service` if that is given. References to other files are not followed: a path whose methods
/// stand there is a route all the same.
///
/// # Errors
/// It is no such document, or has no paths.
pub fn read(text: &str, service: Option<&str>) -> Result<Vec<Document>, Fault> {
    let mut spec = spec::read_openapi_routes(text).map_err(|fault| match fault.line {
        0 => Fault::at(0, fault.to_string()),
        line => Fault::at(line, fault.what),
    })?;
    spec.services = service.map(super::service_name).into_iter().collect();
    let mut documents = spec.documents();
    for document in &mut documents {
        document.routes.retain(|route| route.segments.len() <= PATH_SEGMENTS_MAX);
    }
    documents.retain(|document| !document.routes.is_empty());
    Ok(documents)
}
