//! One endpoint into an Operation Object: parameters, request body, responses. Everything that is
//! required is so by counts over all calls, which are shown.

use super::Version;
use std::sync::Arc;

use super::path::PathTemplate;
use super::schema;
use super::security::{self, Schemes};
use super::tree;
use super::value::{Json, Members, put};
use crate::call::{Facts, Place, carries_credential};
use crate::inventory::catalog::Endpoint;
use crate::inventory::{EndpointStats, FieldKey, FieldStats};

/// Answers below 400 from which on an operation is well known, and from which on it is known at all.
const CALLS_HIGH: u64 = 50;
const CALLS_MEDIUM: u64 = 5;

/// Names that OpenAPI describes elsewhere than among the parameters.
const HEADERS_ELSEWHERE: &[&str] = &["accept", "content-type", "authorization", "proxy-authorization"];

/// What the operation of an endpoint is.
pub(super) fn of(
    endpoint: &Endpoint,
    path: &PathTemplate,
    id: String,
    schemes: &mut Schemes,
    version: Version,
) -> Members {
    let stats = &endpoint.stats;
    let mut operation = Members::new();
    put(&mut operation, "operationId", id);
    let parameters = parameters(stats, path);
    if !parameters.is_empty() {
        put(&mut operation, "parameters", parameters);
    }
    if let Some(body) = request_body(stats, version) {
        put(&mut operation, "requestBody", body);
    }
    put(&mut operation, "responses", responses(stats, version));
    if let Some(security) = schemes.requirements(stats) {
        put(&mut operation, "security", security);
    }
    put(&mut operation, "x-apicensus-calls", stats.calls);
    put(&mut operation, "x-apicensus-confidence", confidence(stats));
    let credentials = security::by_kind(stats).into_iter().map(|(kind, (calls, refused))| {
        let counts = vec![("calls".to_owned(), calls.into()), ("refused".to_owned(), refused.into())];
        (kind.name().to_owned(), counts.into())
    });
    put(&mut operation, "x-apicensus-credentials", credentials.collect::<Members>());
    let unnamed = [Place::Query, Place::RequestHeader, Place::Cookie, Place::Form];
    let unnamed = unnamed.into_iter().filter_map(|place| {
        sums_of(stats, place, "{name}").map(|sums| (place.name().to_owned(), sums.calls.into()))
    });
    let unnamed: Members = unnamed.collect();
    if !unnamed.is_empty() {
        put(&mut operation, "x-apicensus-unnamed", unnamed);
    }
    operation
}

fn sums_of<'a>(stats: &'a EndpointStats, place: Place, name: &str) -> Option<&'a FieldStats> {
    stats.fields.iter().find(|(key, _)| key.place == place && &*key.name == name).map(|(_, sums)| sums)
}

/// How sure it is that there is such an operation, in a word.
fn confidence(stats: &EndpointStats) -> &'static str {
    let answered = stats.statuses.iter().filter(|(status, _)| (100..400).contains(*status));
    match answered.map(|(_, calls)| *calls).fold(0, u64::saturating_add) {
        CALLS_HIGH.. => "high",
        CALLS_MEDIUM.. => "medium",
        _ => "low",
    }
}

fn parameters(stats: &EndpointStats, path: &PathTemplate) -> Vec<Json> {
    let mut parameters: Vec<Json> = Vec::new();
    for (name, kind) in &path.parameters {
        let mut parameter = named(name, "path", true);
        put(&mut parameter, "schema", schema::of_segment(*kind));
        parameters.push(parameter.into());
    }
    for (place, location) in
        [(Place::Query, "query"), (Place::RequestHeader, "header"), (Place::Cookie, "cookie")]
    {
        for (key, sums) in stats.fields.iter().filter(|(key, _)| key.place == place) {
            let elsewhere = place == Place::RequestHeader && HEADERS_ELSEWHERE.contains(&&*key.name);
            let token = sums.facts.formats() == Facts::JWT;
            if &*key.name == "{name}" || elsewhere || token || carries_credential(place, &key.name) {
                continue;
            }
            let mut parameter = named(&key.name, location, sums.present >= stats.calls);
            let facts = settled(stats, place, sums);
            if place == Place::Query && facts.contains(Facts::REPEATED) {
                let items = schema::of_parameter(facts, &values(stats, key, sums));
                let list = vec![("type".to_owned(), "array".into()), ("items".to_owned(), items.into())];
                put(&mut parameter, "schema", list);
            } else {
                put(&mut parameter, "schema", schema::of_parameter(facts, &values(stats, key, sums)));
            }
            put(&mut parameter, "x-apicensus-present", sums.present);
            parameters.push(parameter.into());
        }
    }
    parameters
}

fn named(name: &str, location: &str, required: bool) -> Members {
    vec![
        ("name".to_owned(), name.into()),
        ("in".to_owned(), location.into()),
        ("required".to_owned(), required.into()),
    ]
}

/// The closed set of values of a field. Of one that was held back the first values are not in it.
fn values(stats: &EndpointStats, key: &FieldKey, sums: &FieldStats) -> Vec<Option<Arc<str>>> {
    let known = stats.values.get(key).filter(|_| !sums.facts.contains(Facts::LATE));
    known.map(|values| values.values().cloned().collect()).unwrap_or_default()
}

/// With the facts of what may have been counted under the name for names held back.
fn settled(stats: &EndpointStats, place: Place, sums: &FieldStats) -> Facts {
    if !sums.facts.contains(Facts::LATE) {
        return sums.facts;
    }
    let own = stats.fields.iter().filter(|(key, _)| key.place == place && &*key.name != "{name}");
    let own = own.map(|(_, sums)| u64::from(sums.held)).fold(0, u64::saturating_add);
    let rest = sums_of(stats, place, "{name}").filter(|rest| rest.present > own);
    sums.facts | rest.map_or(Facts::NONE, |rest| rest.facts)
}

fn request_body(stats: &EndpointStats, version: Version) -> Option<Json> {
    let json = tree::of_body(stats, Place::RequestBody);
    let has_form = stats.fields.keys().any(|key| key.place == Place::Form);
    if stats.request_types.is_empty() && json.is_none() && !has_form {
        return None;
    }
    let total = |wanted: fn(&str) -> bool| {
        let types = stats.request_types.iter().filter(|(name, _)| wanted(name));
        types.map(|(_, calls)| *calls).fold(0, u64::saturating_add)
    };
    let (typed, of_json, of_forms) = (total(|_| true), total(is_json), total(is_form));
    // Command line clients call everything a form.
    let mixed = json.as_ref().is_some_and(|root| root.sums.calls > of_json);
    let mut content = Members::new();
    for (name, calls) in &stats.request_types {
        let mut media = Members::new();
        let schema = if is_json(name) {
            json.as_ref().map(|root| schema::of_body(root, version))
        } else if is_form(name) && !mixed {
            Some(form(stats, of_forms))
        } else {
            None
        };
        put(&mut media, "schema", schema.unwrap_or_default());
        put(&mut media, "x-apicensus-calls", *calls);
        put(&mut content, media_range(name), media);
    }
    if content.is_empty() {
        // Bodies that nobody says the type of.
        put(&mut content, "*/*", Members::new());
    }
    let mut body = vec![("content".to_owned(), content.into())];
    put(&mut body, "required", typed >= stats.calls);
    Some(body.into())
}

fn form(stats: &EndpointStats, forms: u64) -> Members {
    let mut schema = vec![("type".to_owned(), Json::from("object"))];
    let fields = stats.fields.iter().filter(|(key, _)| key.place == Place::Form && &*key.name != "{name}");
    let mut properties = Members::new();
    let mut required: Vec<Json> = Vec::new();
    for (key, sums) in fields {
        let facts = settled(stats, Place::Form, sums);
        let mut field = schema::of_parameter(facts, &values(stats, key, sums));
        if facts.contains(Facts::REPEATED) {
            field = vec![("type".to_owned(), "array".into()), ("items".to_owned(), field.into())];
        }
        put(&mut field, "x-apicensus-present", sums.present);
        put(&mut properties, &key.name, field);
        if sums.present >= forms {
            required.push(Json::from(&*key.name));
        }
    }
    if !properties.is_empty() {
        put(&mut schema, "properties", properties);
    }
    if !required.is_empty() {
        put(&mut schema, "required", required);
    }
    schema
}

fn responses(stats: &EndpointStats, version: Version) -> Members {
    let success = tree::of_body(stats, Place::ResponseBody).map(|root| schema::of_body(&root, version));
    let error = tree::of_body(stats, Place::ErrorBody).map(|root| schema::of_body(&root, version));
    let headers = headers(stats);
    let mut responses = Members::new();
    let answered = stats.statuses.iter().filter(|(status, _)| **status != 0);
    let (named, odd): (Vec<_>, Vec<_>) = answered.partition(|(status, _)| (100..600).contains(*status));
    let codes = named.into_iter().map(|(status, calls)| (vec![*status], status.to_string(), *calls));
    let default = (!odd.is_empty()).then(|| {
        let calls = odd.iter().map(|(_, calls)| **calls).fold(0, u64::saturating_add);
        (odd.iter().map(|(status, _)| **status).collect(), "default".to_owned(), calls)
    });
    for (statuses, code, calls) in codes.chain(default) {
        let mut content = Members::new();
        for ((status, name), calls) in stats.contents.iter().filter(|((s, _), _)| statuses.contains(s)) {
            let body = if *status >= 400 { &error } else { &success };
            let schema = body.as_ref().filter(|_| is_json(name)).cloned().unwrap_or_default();
            let mut media = vec![("schema".to_owned(), schema.into())];
            put(&mut media, "x-apicensus-calls", *calls);
            let range = media_range(name);
            if !content.iter().any(|(known, _)| known == range) {
                put(&mut content, range, media);
            }
        }
        let times = if calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") };
        let mut response = vec![("description".to_owned(), format!("Answer of {times}.").into())];
        if !headers.is_empty() {
            put(&mut response, "headers", headers.clone());
        }
        if !content.is_empty() {
            put(&mut response, "content", content);
        }
        put(&mut response, "x-apicensus-calls", calls);
        put(&mut responses, &code, response);
    }
    if responses.is_empty() {
        let unseen = vec![("description".to_owned(), Json::from("No answer was seen."))];
        put(&mut responses, "default", unseen);
    }
    responses
}

/// Response headers of the endpoint; which status has which is not told apart.
fn headers(stats: &EndpointStats) -> Members {
    let fields = stats.fields.iter().filter(|(key, _)| key.place == Place::ResponseHeader);
    let fields = fields.filter(|(key, _)| !matches!(&*key.name, "{name}" | "content-type"));
    let headers = fields.map(|(key, sums)| {
        let facts = settled(stats, Place::ResponseHeader, sums);
        let mut header =
            vec![("schema".to_owned(), schema::of_parameter(facts, &values(stats, key, sums)).into())];
        put(&mut header, "x-apicensus-present", sums.present);
        (key.name.to_string(), header.into())
    });
    headers.collect()
}

fn is_json(media: &str) -> bool {
    media.contains("json")
}

fn is_form(media: &str) -> bool {
    matches!(media, "application/x-www-form-urlencoded" | "multipart/form-data")
}

/// The name of a type as a media range; types that are in no list have no name.
fn media_range(media: &str) -> &str {
    match media {
        "other" => "*/*",
        "other+json" => "application/*+json",
        known => known,
    }
}
