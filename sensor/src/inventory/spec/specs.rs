//! All specifications that are in force, ready to be asked: which cover a service, in which versions, and
//! which operations a path template is of. Built once; a question costs a few look-ups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::find::{Hit, Routes};
use super::openapi::routes::segments;
use super::{Format, Match, Operation, Spec};
use smallvec::SmallVec;

use crate::call::{SegmentKind, fits};
use crate::inventory::catalog::{Endpoint, Service};
use crate::inventory::guidance::{Document, RouteSegment};

/// Specifications with an index over them.
#[derive(Clone, Debug, Default)]
pub struct Specs(Arc<Index>);

#[derive(Debug, Default)]
struct Index {
    versions: Vec<Version>,
    /// Numbers of specifications by whole names of services.
    exact: HashMap<String, Vec<u32>>,
    /// Those with patterns.
    patterns: Vec<(String, u32)>,
    /// Those that name no host at all.
    anywhere: Vec<u32>,
}

/// One specification in one version.
#[derive(Debug)]
pub struct Version {
    /// As it was given.
    pub spec: Spec,
    /// Its name, shared.
    pub name: Arc<str>,
    pub(super) routes: Routes,
    /// Where it is, as far as versions are told apart by that.
    roots: BTreeSet<String>,
}

/// The specifications that cover one service.
#[derive(Clone, Debug)]
pub struct Covering<'a> {
    /// The newest of each title, below each base path: `/v1` and `/v2` are side by side.
    pub newest: Vec<&'a Version>,
    /// Versions before them.
    pub older: Vec<&'a Version>,
}

impl Specs {
    /// Of specifications in any order; where two have name and version in common, the later one counts.
    pub fn of(specs: Vec<Spec>) -> Specs {
        let mut by_name: BTreeMap<(String, String), Spec> = BTreeMap::new();
        for spec in specs {
            by_name.insert((spec.name.clone(), spec.version.clone()), spec);
        }
        let mut index = Index::default();
        for spec in by_name.into_values() {
            let number = index.versions.len() as u32;
            let mut services: BTreeSet<&str> =
                spec.places().flat_map(|(services, _)| services).map(String::as_str).collect();
            if spec.bases.is_empty() {
                services.extend(spec.services.iter().map(String::as_str));
            }
            for service in services {
                match service {
                    "*" => index.anywhere.push(number),
                    _ if service.contains('*') => index.patterns.push((service.to_owned(), number)),
                    _ => index.exact.entry(service.to_owned()).or_default().push(number),
                }
            }
            let routes = Routes::of(&spec);
            let roots = roots(&spec);
            index.versions.push(Version { name: Arc::from(spec.name.as_str()), spec, routes, roots });
        }
        Specs(Arc::new(index))
    }

    /// None was given.
    pub fn is_empty(&self) -> bool {
        self.0.versions.is_empty()
    }

    /// All of them, by name and version.
    pub fn iter(&self) -> impl Iterator<Item = &Version> {
        self.0.versions.iter()
    }

    /// Their routes, for the reader of templates.
    pub fn documents(&self) -> Vec<Document> {
        self.0.versions.iter().flat_map(|version| version.spec.documents()).collect()
    }

    /// Specifications that name a service.
    fn named(&self, service: &str) -> Vec<u32> {
        let mut numbers = self.0.exact.get(service).cloned().unwrap_or_default();
        let patterns = self.0.patterns.iter().filter(|(pattern, _)| fits(pattern, service));
        numbers.extend(patterns.map(|(_, number)| *number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The specifications that cover a service: those that name it. One that names no host covers a
    /// service of which it has at least a third of the endpoints, if nothing names that service.
    pub fn covering(&self, service: &Service) -> Covering<'_> {
        let mut numbers = self.named(&service.name);
        if numbers.is_empty() {
            let has = |&number: &u32| {
                let version = &self.0.versions[number as usize];
                version.has_endpoints_of(service) * 3 >= service.endpoints.len().max(1)
            };
            numbers = self.0.anywhere.iter().copied().filter(has).collect();
        }
        newest(numbers.into_iter().map(|number| &self.0.versions[number as usize]))
    }

    /// The newest version of each title, whatever it covers.
    pub fn newest(&self) -> Vec<&Version> {
        newest(self.0.versions.iter()).newest
    }
}

/// Of versions, the newest of each title and those before.
fn newest<'a>(versions: impl Iterator<Item = &'a Version>) -> Covering<'a> {
    let mut by_title: BTreeMap<(String, Format), Vec<&Version>> = BTreeMap::new();
    for version in versions {
        let title = version.spec.title.trim();
        let title = if title.is_empty() { &version.spec.name } else { title };
        by_title.entry((title.to_lowercase(), version.spec.format.family())).or_default().push(version);
    }
    let mut covering = Covering { newest: Vec::new(), older: Vec::new() };
    for mut versions in by_title.into_values() {
        versions.sort_by_cached_key(|version| order(&version.spec.version));
        let orders: Vec<_> = versions.iter().map(|version| order(&version.spec.version)).collect();
        for (version, at) in versions.iter().zip(0..) {
            // One is replaced by a later one at the same place.
            let mut later = versions.iter().zip(&orders).skip(at + 1);
            let is_older =
                later.any(|(other, order)| *order > orders[at] && !other.roots.is_disjoint(&version.roots));
            if is_older { covering.older.push(version) } else { covering.newest.push(version) }
        }
    }
    covering
}

impl Covering<'_> {
    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }
}

impl Version {
    /// What fits a template of a service, best first. An endpoint that is one operation of many behind a
    /// path (`/graphql/#query/user`) is that operation to GraphQL, and the path to others.
    pub fn find(&self, service: &str, endpoint: &Endpoint) -> Match {
        let named = self.bases_for(service);
        self.find_at(endpoint, |base| named.is_none() || named.as_ref().is_some_and(|n| n.contains(&base)))
    }

    fn find_at(&self, endpoint: &Endpoint, wanted: impl Fn(u32) -> bool) -> Match {
        let kinds = kinds(endpoint);
        match (self.spec.format, behind_marker(&endpoint.template)) {
            (Format::Graphql, None) => Match::default(),
            (Format::Graphql, Some(at)) => {
                self.routes.find_behind(&endpoint.template[at..], &[]).unwrap_or_default()
            }
            (_, at) => {
                let path = &endpoint.template[..at.unwrap_or(endpoint.template.len())];
                self.routes.find(path, &kinds, wanted)
            }
        }
    }

    /// An operation of it is one of an endpoint on its path. GraphQL does not say by which method.
    pub(in crate::inventory) fn has_method_of(&self, operation: &Operation, endpoint: &Endpoint) -> bool {
        self.spec.format == Format::Graphql || operation.method == endpoint.method.name()
    }

    /// Bases that are for a service; `None` if all are.
    fn bases_for(&self, service: &str) -> Option<Vec<u32>> {
        let bases = &self.spec.bases;
        if !self.spec.services.is_empty() || bases.len() < 2 {
            return None;
        }
        let is_for = |base: &super::Base| base.services.iter().any(|pattern| fits(pattern, service));
        let own: Vec<u32> = (0..).zip(bases).filter(|(_, base)| is_for(base)).map(|(at, _)| at).collect();
        // It was found by its routes, whatever its servers.
        if own.is_empty() { None } else { Some(own) }
    }

    /// Operations of which an endpoint is one but for the base path.
    pub(in crate::inventory) fn find_elsewhere(&self, endpoint: &Endpoint) -> Option<Match> {
        let path = &endpoint.template[..behind_marker(&endpoint.template).unwrap_or(endpoint.template.len())];
        self.routes.find_behind(path, &kinds(endpoint))
    }

    /// An operation of it.
    pub fn operation(&self, hit: Hit) -> &Operation {
        &self.spec.operations[hit.operation as usize]
    }

    /// How many endpoints of a service are operations of it that have a word in their path.
    pub(in crate::inventory) fn has_endpoints_of(&self, service: &Service) -> usize {
        let is = |endpoint: &&Endpoint| {
            self.find_at(endpoint, |_| true).hits.iter().any(|hit| {
                let operation = self.operation(*hit);
                self.has_method_of(operation, endpoint) && operation.has_word()
            })
        };
        service.endpoints.iter().filter(is).count()
    }

    /// Its routes with a base path, for people.
    pub fn path(&self, base: u32, operation: &Operation) -> String {
        let base = self.spec.bases.get(base as usize).map_or("", |base| base.path.as_str());
        format!("{}{}", base.trim_end_matches('/'), operation.path)
    }
}

/// Where the marker of an operation begins that stands behind the path of a template (`/#query/user`); no
/// path has one itself.
pub(in crate::inventory) fn behind_marker(template: &str) -> Option<usize> {
    template.find("/#")
}

/// Shapes of the parameters of an endpoint.
fn kinds(endpoint: &Endpoint) -> SmallVec<[SegmentKind; 4]> {
    endpoint.parameters.iter().map(|parameter| parameter.kind).collect()
}

impl Format {
    /// Generations of a language are versions of one specification.
    const fn family(self) -> Format {
        match self {
            Format::Openapi31 | Format::Openapi30 | Format::Swagger20 => Format::Openapi31,
            other => other,
        }
    }
}

/// Versions in their order: numbers by size, texts by letters; a version with a text behind it (`-beta`)
/// before the one without.
fn order(version: &str) -> (Vec<(u64, String)>, bool, String) {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let (main, rest) = match version.split_once(['-', '+']) {
        // A date is no pre-release.
        Some((main, rest)) if !rest.starts_with(|c: char| c.is_ascii_digit()) => (main, rest),
        _ => (version, ""),
    };
    let parts = main.split(['.', '-', '_', ' ']).map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        (part[..digits].parse().unwrap_or(0), part[digits..].to_lowercase())
    });
    let mut parts: Vec<(u64, String)> = parts.collect();
    while parts.len() > 1 && parts.last().is_some_and(|(number, text)| *number == 0 && text.is_empty()) {
        parts.pop();
    }
    (parts, rest.is_empty(), rest.to_lowercase())
}

/// Base paths of a specification, each with what is before all of its operations there up to a version: `/v1`
/// whether a server or every path says so.
fn roots(spec: &Spec) -> BTreeSet<String> {
    let mut common: Vec<Option<Vec<&str>>> = vec![None; spec.bases.len()];
    for operation in &spec.operations {
        let words = operation.segments.iter().map_while(|segment| match segment {
            RouteSegment::Literal(word) => Some(word.as_str()),
            RouteSegment::Parameter { .. } => None,
        });
        let words: Vec<&str> = words.collect();
        for &base in &operation.bases {
            let Some(common) = common.get_mut(base as usize) else { continue };
            match common {
                None => *common = Some(words.clone()),
                Some(common) => {
                    let same = common.iter().zip(&words).take_while(|(one, other)| one == other).count();
                    common.truncate(same);
                }
            }
        }
    }
    let root = |(base, common): (&super::Base, Option<Vec<&str>>)| {
        let common = common.unwrap_or_default();
        let upto = common.iter().position(|word| is_version(word)).map_or(0, |at| at + 1);
        let own = base.path.split('/').filter(|word| !word.is_empty());
        own.chain(common.into_iter().take(upto)).map(|word| format!("/{word}")).collect::<String>()
    };
    spec.bases.iter().zip(common).map(root).collect()
}

/// `v1`, `V2.1`, `v1beta1`, `2024-01-31`.
fn is_version(word: &str) -> bool {
    let number = word.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_date = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_date || number.starts_with(|c: char| c.is_ascii_digit())
}

/// Number of segments of a base path.
pub(super) fn base_segments(path: &str) -> Vec<RouteSegment> {
    segments(path)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn versions_in_order() {
        let row = ["1", "1.0.1", "1.2.0-beta", "1.2.0", "v1.10", "2", "2024-01-31", "2024-11-02"];
        for pair in row.windows(2) {
            assert!(order(pair[0]) < order(pair[1]), "{pair:?}");
        }
        assert_eq!(order("v1.0"), order("1"));
    }
}
