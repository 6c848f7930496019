//! Our own form: what `Policy::read` reads, with paths as text.

use std::collections::BTreeMap;

use super::{ByService, line, object};
use crate::inventory::policy::{Allowed, LeftOut};
use crate::report::openapi::{Json, yaml};

pub(super) fn files(kept: &ByService<'_, &Allowed>, left_out: &[LeftOut]) -> Vec<(String, String)> {
    let mut text =
        "# Learnt by apicensus from traffic: exactly the calls that were seen and answered with 2xx.\n"
            .to_owned();
    for LeftOut { edge, why } in left_out {
        text.push_str(&format!("# not allowed, {}: {}\n", why.text(), line(edge)));
    }
    let services = by_method(kept, |edge| {
        object([("caller", edge.caller.as_str().into()), ("path", edge.path.text().into())])
    });
    text.push_str(&yaml(&object([("version", Json::Number(1)), ("services", services)])));
    vec![("policy.yaml".to_owned(), text)]
}

/// Services, below each its methods, below each its edges.
pub(super) fn by_method(kept: &ByService<'_, &Allowed>, each: impl Fn(&Allowed) -> Json) -> Json {
    let services = kept.iter().map(|(service, edges)| {
        let mut methods: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for edge in edges {
            methods.entry(edge.method.map_or("*", |method| method.name())).or_default().push(each(edge));
        }
        let methods = methods.into_iter().map(|(method, edges)| (method.to_owned(), Json::List(edges)));
        ((*service).to_owned(), Json::Object(methods.collect()))
    });
    Json::Object(services.collect())
}
