//! Public API descriptions as services with their routes: OpenAPI 2.0 and 3.x documents in JSON, from
//! folders or single files. Only servers, paths, methods and path parameters are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// Routes of one service that are taken at most: a few giants must not outweigh the others.
const ROUTES_MAX: usize = 300;

/// Documents of one provider that are taken: many are versions of one another.
const DOCUMENTS_PER_PROVIDER_MAX: usize = 2;

/// One API.
pub struct Service {
    /// Who offers it: decides the half that it is in.
    pub provider: String,
    /// Name of the document.
    pub name: String,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// One path.
pub struct Route {
    /// Segments with `{name}` for parameters, base path included.
    pub segments: Vec<String>,
    /// Methods.
    pub methods: Vec<&'static str>,
    /// Types of its parameters.
    pub parameters: BTreeMap<String, Typed>,
}

/// Type of a parameter as far as it is said.
#[derive(Clone, Default)]
pub struct Typed {
    /// `string`, `integer`, ...
    pub kind: String,
    /// `uuid`, `date`, ...
    pub format: String,
    /// Values are listed.
    pub values: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, rename = "basePath")]
    base_path: Option<String>,
    #[serde(default)]
    servers: Vec<Server>,
    #[serde(default)]
    paths: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Server {
    #[serde(default)]
    url: String,
}

/// Services of all documents at or below those paths, in order of provider and name.
pub fn read(roots: &[PathBuf]) -> Result<Vec<Service>> {
    let mut services = Vec::new();
    for root in roots {
        let mut files = Vec::new();
        collect(root, &mut files).with_context(|| format!("cannot read {}", root.display()))?;
        files.sort();
        let mut of_provider: BTreeMap<String, usize> = BTreeMap::new();
        for file in files {
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            let name = if name.is_empty() { file.to_string_lossy().into_owned() } else { name };
            let provider = name.split('/').next().unwrap_or(&name).trim_end_matches(".json").to_owned();
            let count = of_provider.entry(provider.clone()).or_default();
            if *count >= DOCUMENTS_PER_PROVIDER_MAX && file != *root {
                continue;
            }
            let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            // What is no OpenAPI document is none of ours: packages have other files too.
            let Ok(document) = serde_json::from_slice::<Document>(&text) else { continue };
            let routes = routes(&document);
            if !routes.is_empty() {
                *count += 1;
                services.push(Service { provider, name, routes });
            }
        }
    }
    Ok(services)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn routes(document: &Document) -> Vec<Route> {
    let base = match (&document.base_path, document.servers.first()) {
        (Some(base), _) => base.clone(),
        (None, Some(server)) => path_of_url(&server.url),
        (None, None) => String::new(),
    };
    let mut routes: Vec<Route> = Vec::new();
    for (path, item) in &document.paths {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let whole = format!("{base}/{path}");
        let segments: Vec<String> =
            whole.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        // What a base path leaves open is a word there.
        let usable = |segment: &String| segment.matches('{').count() == segment.matches('}').count();
        if segments.is_empty() || !segments.iter().all(usable) {
            continue;
        }
        let names = ["get", "put", "post", "delete", "patch", "head", "options"];
        let upper = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"];
        let methods: Vec<&'static str> =
            names.iter().zip(upper).filter(|(name, _)| item.get(name).is_some()).map(|(_, up)| up).collect();
        if methods.is_empty() {
            continue;
        }
        let mut parameters = BTreeMap::new();
        let operations = names.iter().filter_map(|name| item.get(name));
        for place in std::iter::once(item).chain(operations) {
            for parameter in place.get("parameters").and_then(|list| list.as_array()).into_iter().flatten() {
                if parameter.get("in").and_then(|v| v.as_str()) == Some("path")
                    && let Some(name) = parameter.get("name").and_then(|v| v.as_str())
                {
                    parameters.insert(name.to_owned(), typed(parameter));
                }
            }
        }
        routes.push(Route { segments, methods, parameters });
    }
    // Every n-th of the sorted paths: all corners of a giant.
    let step = routes.len().div_ceil(ROUTES_MAX).max(1);
    routes.into_iter().step_by(step).collect()
}

fn typed(parameter: &serde_json::Value) -> Typed {
    let schema = parameter.get("schema").unwrap_or(parameter);
    let text = |name: &str| schema.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let values = schema.get("enum").and_then(|v| v.as_array()).into_iter().flatten();
    let values = values.filter_map(|value| value.as_str()).map(str::to_owned).collect();
    Typed { kind: text("type"), format: text("format"), values }
}

/// Path of a server's URL, with what it leaves open as a word.
fn path_of_url(url: &str) -> String {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let mut path = String::new();
    let mut open = false;
    for character in rest.chars() {
        match character {
            '{' => open = true,
            '}' => {
                open = false;
                path.push_str("v1");
            }
            _ if open => {}
            _ => path.push(character),
        }
    }
    path
}
