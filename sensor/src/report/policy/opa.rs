//! A module of Rego v1 and its data: nothing from traffic stands in the module, only in the data, which
//! is JSON.

use super::own::by_method;
use super::{ByService, object, regex};
use crate::call::SegmentKind;
use crate::inventory::policy::{Allowed, LeftOut, Part};
use crate::report::json;
use crate::report::openapi::Json;

const MODULE: &str = r#"# Written by apicensus: allows exactly the calls that are in the data beside it, data.apicensus.
#
# Input:
#   {"caller":  "program@/cgroup, or an address, as in the data",
#    "service": "host:port as in the Host header, in lower case; port 80 goes without saying",
#    "method":  "GET",
#    "path":    ["users", "42"]}   segments, decoded, without empty ones
package apicensus.authz

import rego.v1

default allow := false

allow if {
	some edge in data.apicensus.services[input.service][input.method]
	edge.caller == input.caller
	count(edge.path) == count(input.path)
	every at, segment in edge.path {
		fits(segment, input.path[at])
	}
}

fits(segment, text) if segment == text

fits(segment, text) if regex.match(segment.pattern, text)
"#;

pub(super) fn files(kept: &ByService<'_, &Allowed>, left_out: &[LeftOut]) -> Vec<(String, String)> {
    let mut module = MODULE.to_owned();
    if !left_out.is_empty() {
        module.push_str(&format!("\n# {} edges were seen and are not allowed:\n", left_out.len()));
    }
    for LeftOut { edge, why } in left_out {
        module.push_str(&format!("# {}: {}\n", why.text(), super::line(edge)));
    }
    let services = by_method(kept, |edge| {
        let segments = edge.path.segments.iter().map(|parts| segment(parts)).collect();
        object([
            ("caller", edge.caller.as_str().into()),
            ("template", edge.path.text().into()),
            ("path", Json::List(segments)),
        ])
    });
    let data = object([("apicensus", object([("version", Json::Number(1)), ("services", services)]))]);
    vec![("apicensus.rego".to_owned(), module), ("data.json".to_owned(), json::render(&data))]
}

fn segment(parts: &[Part]) -> Json {
    match parts {
        [Part::Text(text)] => text.as_str().into(),
        [Part::Value { name, kind }] => object([
            ("name", name.as_str().into()),
            ("kind", kind.name().into()),
            ("pattern", regex::segment(parts).into()),
        ]),
        parts => {
            let each = parts.iter().map(|part| match part {
                Part::Text(text) => text.as_str().into(),
                Part::Value { name, kind } => value(name, *kind),
            });
            object([("parts", Json::List(each.collect())), ("pattern", regex::segment(parts).into())])
        }
    }
}

fn value(name: &str, kind: SegmentKind) -> Json {
    object([("name", name.into()), ("kind", kind.name().into())])
}
