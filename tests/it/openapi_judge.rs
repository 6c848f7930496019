//! Judges calls against an OpenAPI document, sharing nothing with the program that wrote it but the
//! text of the specification. Bodies are judged by an independent JSON Schema validator.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::openapi_traffic::Talk;

/// One document, with the validators of its schemas as far as they were needed.
pub struct Judge {
    document: Value,
    validators: HashMap<String, jsonschema::Validator>,
}

impl Judge {
    pub fn new(document: &str) -> Judge {
        let mut document: Value = serde_json::from_str(document).expect("JSON");
        if document["openapi"].as_str().expect("a version").starts_with("3.0") {
            without_nullable(&mut document);
        }
        Judge { document, validators: HashMap::new() }
    }

    /// What of the call the document does not say.
    pub fn differences(&mut self, talk: &Talk) -> Vec<String> {
        let (path, query) = talk.target.split_once('?').unwrap_or((&talk.target, ""));
        let mut found = Vec::new();
        let Some((item, values)) = self.path(path) else { return vec![format!("no path for {path}")] };
        let operation = item[talk.method.to_ascii_lowercase()].clone();
        if operation.is_null() {
            return vec![format!("no {} at {path}", talk.method)];
        }
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none).clone();
        let named = |location: &str| -> Vec<&Value> {
            parameters.iter().filter(|parameter| parameter["in"] == location).collect()
        };
        for parameter in named("path") {
            let name = parameter["name"].as_str().expect("a name");
            match values.get(name) {
                Some(value) => self.value(&parameter["schema"], value, name, &mut found),
                None => found.push(format!("path parameter {name} is not in the path")),
            }
        }
        if values.len() != named("path").len() {
            found.push(format!("{} values and other parameters", values.len()));
        }
        let cookies: Vec<(String, String)> = Talk::header_of(&talk.headers, "cookie")
            .into_iter()
            .flat_map(|line| line.split("; "))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let query = pairs(query);
        for (location, given) in [("query", &query), ("cookie", &cookies), ("header", &talk.headers)] {
            self.parameters(&named(location), location, given, &mut found);
        }
        let known: Vec<&str> = named("query").iter().filter_map(|p| p["name"].as_str()).collect();
        let unnamed = &operation["x-apicensus-unnamed"]["query"];
        for (name, _) in query.iter().filter(|(name, _)| !known.contains(&name.as_str()) && unnamed.is_null())
        {
            found.push(format!("query parameter {name} is unknown"));
        }
        self.request_body(&operation["requestBody"], talk, &mut found);
        if talk.status < 400 && !self.is_authorized(&operation, talk, &query, &cookies) {
            found.push("answered without what security asks for".to_owned());
        }
        let responses = &operation["responses"];
        let response = match &responses[talk.status.to_string()] {
            Value::Null => &responses["default"],
            named => named,
        };
        if response.is_null() {
            found.push(format!("status {} is unknown", talk.status));
        } else if !talk.response.is_empty() {
            let media = Talk::header_of(&talk.response_headers, "content-type").unwrap_or("*/*");
            self.body(&response["content"], media, &talk.response, "response body", &mut found);
        }
        found
    }

    /// The path item that fits, the one with most literals first, and the values of its parameters.
    fn path(&self, path: &str) -> Option<(Value, HashMap<String, String>)> {
        let mut best: Option<(usize, Value, HashMap<String, String>)> = None;
        for (template, item) in self.document["paths"].as_object().expect("paths") {
            let (wanted, given): (Vec<&str>, Vec<&str>) =
                (template.split('/').collect(), path.split('/').collect());
            if wanted.len() != given.len() {
                continue;
            }
            let mut values = HashMap::new();
            let fits = wanted.iter().zip(&given).all(|(wanted, given)| {
                match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) => values.insert(name.to_owned(), (*given).to_owned()).is_none(),
                    None => wanted == given,
                }
            });
            let literals = wanted.len() - values.len();
            if fits && best.as_ref().is_none_or(|(most, ..)| *most < literals) {
                best = Some((literals, item.clone(), values));
            }
        }
        best.map(|(_, item, values)| (item, values))
    }

    fn parameters(
        &mut self,
        known: &[&Value],
        location: &str,
        given: &[(String, String)],
        found: &mut Vec<String>,
    ) {
        for parameter in known {
            let name = parameter["name"].as_str().expect("a name");
            let is_it = |other: &str| {
                if location == "header" { other.eq_ignore_ascii_case(name) } else { other == name }
            };
            let values: Vec<&str> =
                given.iter().filter(|(other, _)| is_it(other)).map(|(_, value)| value.as_str()).collect();
            if values.is_empty() && parameter["required"] == true {
                found.push(format!("{location} parameter {name} is missing"));
            }
            if parameter["schema"]["type"] == "array" {
                for value in values {
                    self.value(&parameter["schema"]["items"], value, name, found);
                }
            } else {
                if values.len() > 1 {
                    found.push(format!("{location} parameter {name} comes several times"));
                }
                if let Some(value) = values.first() {
                    self.value(&parameter["schema"], value, name, found);
                }
            }
        }
    }

    fn request_body(&mut self, body: &Value, talk: &Talk, found: &mut Vec<String>) {
        if talk.body.is_empty() {
            if body["required"] == true {
                found.push("the request body is missing".to_owned());
            }
        } else if body.is_null() {
            found.push("a request body is unknown".to_owned());
        } else {
            let media = Talk::header_of(&talk.headers, "content-type").unwrap_or("*/*");
            self.body(&body["content"], media, &talk.body, "request body", found);
        }
    }

    fn body(&mut self, content: &Value, media: &str, body: &[u8], what: &str, found: &mut Vec<String>) {
        let essence = media.split(';').next().expect("a first part").trim();
        let Some(known) = content.get(essence) else {
            return found.push(format!("{what} of type {essence} is unknown"));
        };
        let schema = &known["schema"];
        let text = String::from_utf8_lossy(body);
        if essence == "application/x-www-form-urlencoded" {
            let mut object = Map::new();
            for (name, value) in pairs(&text) {
                let value = typed(&schema["properties"][&name], &value);
                object.insert(name, value);
            }
            self.json(schema, &Value::Object(object), what, found);
        } else if essence == "application/x-ndjson" {
            for line in text.lines() {
                self.json(schema, &serde_json::from_str(line).expect("JSON"), what, found);
            }
        } else if essence.contains("json") {
            self.json(schema, &serde_json::from_str(&text).expect("JSON"), what, found);
        }
    }

    fn value(&mut self, schema: &Value, text: &str, what: &str, found: &mut Vec<String>) {
        self.json(schema, &typed(schema, text), what, found);
    }

    fn json(&mut self, schema: &Value, value: &Value, what: &str, found: &mut Vec<String>) {
        let validator = self.validators.entry(schema.to_string()).or_insert_with(|| validator(schema));
        let errors = validator.iter_errors(value).take(3);
        found.extend(errors.map(|error| format!("{what} at {}: {error}", error.instance_path())));
    }

    fn is_authorized(
        &self,
        operation: &Value,
        talk: &Talk,
        query: &[(String, String)],
        cookies: &[(String, String)],
    ) -> bool {
        let none = Vec::new();
        let alternatives = operation["security"].as_array().unwrap_or(&none);
        let has =
            |pairs: &[(String, String)], name: &str| pairs.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        alternatives.is_empty()
            || alternatives.iter().any(|wanted| {
                wanted.as_object().expect("an object").keys().all(|name| {
                    let scheme = &self.document["components"]["securitySchemes"][name];
                    let text =
                        |key: &str| scheme[key].as_str().unwrap_or_else(|| panic!("{name} has no {key}"));
                    match (text("type"), scheme["in"].as_str()) {
                        ("http", _) => Talk::header_of(&talk.headers, "authorization").is_some_and(|value| {
                            value.split(' ').next().is_some_and(|s| s.eq_ignore_ascii_case(text("scheme")))
                        }),
                        // What proxies say of a handshake.
                        ("mutualTLS", _) => {
                            talk.headers.iter().any(|(n, _)| n.to_ascii_lowercase().contains("client-cert"))
                        }
                        (_, Some("header")) => has(&talk.headers, text("name")),
                        (_, Some("query")) => has(query, text("name")),
                        _ => has(cookies, text("name")),
                    }
                })
            })
    }
}

/// A validator that takes formats at their word.
pub fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .expect("a schema")
}

/// `nullable` of OpenAPI 3.0 as JSON Schema says it.
pub fn without_nullable(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(without_nullable);
            // A schema, not a property of that name.
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                if let Some(kind) = members.get_mut("type") {
                    *kind = Value::from(vec![kind.clone(), Value::from("null")]);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_nullable),
        _ => {}
    }
}

fn typed(schema: &Value, text: &str) -> Value {
    let parsed = || serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    match schema["type"].as_str() {
        Some("integer" | "number" | "boolean") => parsed(),
        _ => Value::from(text),
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.replace('+', " ")))
        .collect()
}
