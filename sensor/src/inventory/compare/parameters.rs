//! Query parameters, headers and cookies against those of the operations. Their values are texts: types
//! are held against how the texts look. Counts are of all calls, so that only what more calls had than
//! were refused is a difference, and only what fewer calls had than were answered with 2xx is missing.

use super::members::{is_scalar, texts_outside};
use super::registered::is_registered;
use super::{Difference, DifferenceKind, Documented, Seen};
use crate::call::{Facts, Place};
use crate::inventory::spec::{Member, Parameter, ParameterPlace};
use crate::inventory::{FieldKey, FieldStats};

impl Seen<'_> {
    pub(super) fn parameters(&self, found: &mut Vec<Difference>) {
        // Of HTTP/2 calls there is nothing to be read yet.
        for (key, stats) in &self.endpoint.stats.fields {
            let Some(place) = place(key.place) else { continue };
            if key.name.starts_with('{') || key.name.is_empty() || is_registered(key.place, &key.name) {
                continue;
            }
            self.parameter(place, key, stats, found);
        }
        for &(kind, place) in PLACES {
            self.missing(kind, place, found);
        }
    }

    fn parameter(
        &self,
        place: ParameterPlace,
        key: &FieldKey,
        stats: &FieldStats,
        found: &mut Vec<Difference>,
    ) {
        let mut parameters: Vec<(Documented<'_>, &Parameter)> = Vec::new();
        for &one in self.operations {
            match lookup(one, place, &key.name) {
                Lookup::Free => return,
                Lookup::Found(parameter) => parameters.push((one, parameter)),
                Lookup::Unknown => {}
            }
        }
        if parameters.is_empty() {
            if self.evidence.is_taken(stats.calls) {
                let difference = self.differs(DifferenceKind::UndocumentedParameter);
                found.push(Difference { field: Some(key.clone()), ..difference });
            }
            return;
        }
        let mut nearest = None;
        for (one, parameter) in parameters {
            let Some(schema) = parameter.schema else { return };
            let Some((kind, specified, wrong)) = texts_outside(one.schemas(), &[schema], stats.facts) else {
                return;
            };
            nearest.get_or_insert((one, parameter, kind, specified, wrong));
        }
        if let Some((one, parameter, kind, specified, wrong)) = nearest
            && self.evidence.is_value_taken(stats, stats.facts.formats() == wrong)
        {
            found.push(Difference {
                pointer: parameter.pointer.clone(),
                field: Some(key.clone()),
                specified,
                observed: names(wrong),
                ..one.differs(self.of, self.endpoint, kind)
            });
        }
    }

    /// Required parameters that some call answered with 2xx did not have: if fewer calls had one, whatever
    /// their answer, than were answered so. Names that are held back at first count as any.
    fn missing(&self, kind: Place, place: ParameterPlace, found: &mut Vec<Difference>) {
        let fields = &self.endpoint.stats.fields;
        let sums = |name: &str| fields.get(&FieldKey { place: kind, name: name.into() });
        if sums("").is_some_and(|root| root.facts.contains(Facts::FULL)) {
            return;
        }
        let unnamed = sums("{name}").map_or(0, |sums| sums.calls.max(sums.present));
        let Some((first, rest)) = self.operations.split_first() else { return };
        let required = first.operation.parameters.iter().filter(|one| one.place == place && one.required);
        for parameter in required {
            let in_all = rest.iter().all(|other| {
                let mut all = other.operation.parameters.iter();
                all.any(|one| one.place == place && one.required && one.name == parameter.name)
            });
            // What has members or items may be spread over several names.
            let scalar = parameter.schema.is_none_or(|schema| is_scalar(first.schemas(), schema));
            if !in_all || !scalar || is_registered(kind, &parameter.name) {
                continue;
            }
            let had = sums(&parameter.name).map_or(0, |sums| sums.calls);
            if had.saturating_add(unnamed) < self.evidence.granted {
                found.push(Difference {
                    pointer: parameter.pointer.clone(),
                    field: Some(FieldKey { place: kind, name: parameter.name.as_str().into() }),
                    specified: "required".to_owned(),
                    observed: format!("in at most {} of {} calls", had + unnamed, self.endpoint.stats.calls),
                    ..first.differs(self.of, self.endpoint, DifferenceKind::MissingRequired)
                });
            }
        }
    }
}

const PLACES: &[(Place, ParameterPlace)] = &[
    (Place::Query, ParameterPlace::Query),
    (Place::RequestHeader, ParameterPlace::Header),
    (Place::Cookie, ParameterPlace::Cookie),
];

fn place(place: Place) -> Option<ParameterPlace> {
    PLACES.iter().find(|(known, _)| *known == place).map(|(_, place)| *place)
}

enum Lookup<'a> {
    Found(&'a Parameter),
    /// A parameter takes names that are not known.
    Free,
    Unknown,
}

/// The parameter that a name is of: by itself, as a member (`filter[name]`) or as a list (`ids[]`), or as
/// a member of an object that is spread over the query (style `form` with `explode`).
fn lookup<'a>(one: Documented<'a>, place: ParameterPlace, name: &str) -> Lookup<'a> {
    let parameters = || one.operation.parameters.iter().filter(move |one| one.place == place);
    if let Some(found) = parameters().find(|parameter| parameter.name == name) {
        return Lookup::Found(found);
    }
    if place != ParameterPlace::Query {
        return Lookup::Unknown;
    }
    if let Some((stem, _)) = name.split_once(['[', '.']) {
        let listed = |known: &str| known == stem || known.strip_suffix("[]") == Some(stem);
        if parameters().any(|parameter| listed(&parameter.name)) {
            return Lookup::Free;
        }
    }
    if parameters().any(|parameter| parameter.name.strip_suffix("[]") == Some(name)) {
        return Lookup::Free;
    }
    let schemas = one.schemas();
    for parameter in parameters() {
        let Some(schema) = parameter.schema else { continue };
        let types = schemas.types(&[schema]);
        if types.missing(Facts::OBJECT) != Facts::NONE || types.missing(Facts::STRING) == Facts::NONE {
            continue;
        }
        if schemas.member(&[schema], Some(name)) != Member::Unknown {
            return Lookup::Free;
        }
    }
    Lookup::Unknown
}

/// For people.
pub(super) fn names(facts: Facts) -> String {
    facts.names().collect::<Vec<_>>().join(", ")
}
