//! Members of bodies against schemas: pointers as they are stored are walked through the schemas of all
//! operations at once. What one of them describes is described; only the uppermost member that none does
//! is told. Keys that are data, and names still held back, may be any member: they are walked through all
//! of them and never told themselves.

use std::collections::{BTreeSet, HashMap};

use super::members::{format_outside, texts_outside};
use super::parameters::names;
use super::{Difference, DifferenceKind, Documented, Seen};
use crate::call::{Facts, Place};
use crate::inventory::spec::{Media, Member, SchemaId};
use crate::inventory::{FieldKey, FieldStats};
use crate::limits::JSON_DEPTH_MAX;

/// A kind of body of an endpoint with what is specified of it.
pub(super) struct Body {
    pub(super) place: Place,
    /// Calls with such a body that are described; `None` if there may be others.
    pub(super) calls: Option<u64>,
    /// One for each operation.
    pub(super) roots: Vec<Root>,
}

/// Schemas of a body of one operation, alternatives to each other.
#[derive(Clone, Default)]
pub(super) struct Root {
    /// Anything is allowed.
    pub(super) free: bool,
    pub(super) places: Vec<SchemaId>,
    pub(super) pointer: String,
}

/// Where a member is in the schemas of one operation.
#[derive(Clone, PartialEq)]
enum Spot {
    /// Anything is allowed there.
    Free,
    At(Vec<SchemaId>),
    /// It is not described.
    Unknown,
}

impl Seen<'_> {
    pub(super) fn request(&self, found: &mut Vec<Difference>) {
        let stats = &self.endpoint.stats;
        let bodies = || self.operations.iter().map(|one| one.operation.body.as_ref());
        let is_grpc = stats.request_types.keys().any(|media| media.starts_with("application/grpc"));
        for (media, calls) in &stats.request_types {
            let takes = |body: Option<&crate::inventory::spec::Body>| {
                body.is_some_and(|body| {
                    body.content.is_empty() || body.content.iter().any(|one| one.takes(media))
                })
            };
            if bodies().any(takes) || is_grpc || &**media == "other" || !self.evidence.is_taken(*calls) {
                continue;
            }
            let difference = self.differs(DifferenceKind::UndocumentedContentType);
            let first = bodies().flatten().next();
            let ranges =
                first.map_or(Vec::new(), |b| b.content.iter().map(|one| one.range.as_str()).collect());
            found.push(Difference {
                pointer: first.map_or(difference.pointer.clone(), |body| body.pointer.clone()),
                specified: if first.is_none() { "no body".to_owned() } else { ranges.join(", ") },
                observed: format!("{media} in {calls} calls"),
                ..difference
            });
        }
        if let Some((first, body)) =
            self.operations.first().and_then(|one| Some((one, one.operation.body.as_ref()?)))
            && bodies().all(|body| body.is_some_and(|body| body.required))
            && stats.request_bytes == 0
            && self.evidence.granted > 0
        {
            found.push(Difference {
                pointer: body.pointer.clone(),
                specified: "required".to_owned(),
                observed: format!("no body in any of {} calls", stats.calls),
                ..first.differs(self.of, self.endpoint, DifferenceKind::MissingRequired)
            });
        }
        // Without a described body its content is told as such.
        if bodies().any(|body| body.is_none()) {
            return;
        }
        for (place, wanted) in [
            (Place::RequestBody, Media::may_be_json as fn(&Media) -> bool),
            (Place::Form, Media::may_be_form),
        ] {
            let root = |body: Option<&crate::inventory::spec::Body>| {
                let body = body?;
                let content: Vec<&Media> = body.content.iter().filter(|one| wanted(one)).collect();
                Some(Root {
                    free: content.is_empty() || content.iter().any(|one| one.schema.is_none()),
                    places: content.iter().filter_map(|one| one.schema).collect(),
                    pointer: format!("{}/content", body.pointer),
                })
            };
            let roots: Vec<Root> = bodies().map(|body| root(body).unwrap_or_default()).collect();
            let of_kind = |media: &str| match place {
                Place::Form => media.contains("form"),
                _ => media.contains("json"),
            };
            let typed = stats.request_types.iter().filter(|(media, _)| of_kind(media));
            let calls = typed.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
            compare(self, &Body { place, calls: Some(calls), roots }, found);
        }
    }
}

/// What stands before the members of a field of a form: `a` of `a[b]` and of `a.b`.
fn stem(name: &str) -> &str {
    name.split(['[', '.']).next().unwrap_or_default()
}

/// Adds the differences of a body.
pub(super) fn compare(seen: &Seen<'_>, body: &Body, found: &mut Vec<Difference>) {
    let fields = &seen.endpoint.stats.fields;
    if body.roots.iter().any(|root| root.free) || body.roots.iter().all(|root| root.places.is_empty()) {
        return;
    }
    let is_request = matches!(body.place, Place::RequestBody | Place::Form);
    let mut walk = Walk { seen, body, known: HashMap::new() };
    let mut stems: BTreeSet<&str> = BTreeSet::new();
    let root = body
        .roots
        .iter()
        .map(|root| if root.places.is_empty() { Spot::Unknown } else { Spot::At(root.places.clone()) });
    walk.known.insert(String::new(), root.collect());
    for (key, stats) in fields.iter().filter(|(key, _)| key.place == body.place) {
        let name = walk.pointer(&key.name);
        let spots = if body.place == Place::Form { walk.form_spots(&key.name) } else { walk.spots(&name) };
        let Some(spots) = spots else { continue };
        if spots.iter().all(|spot| *spot == Spot::Unknown) {
            // Of lists and members of forms the first is told for all.
            if body.place != Place::Form || stems.insert(stem(&key.name)) {
                walk.undocumented(key, &name, stats, found);
            }
            continue;
        }
        if spots.contains(&Spot::Free) {
            continue;
        }
        if walk.is_for_others(&spots, is_request) && !name.is_empty() {
            if !is_request || seen.evidence.is_taken(stats.calls) {
                let (one, pointer) = walk.nearest(&spots);
                found.push(Difference {
                    pointer,
                    field: Some(key.clone()),
                    specified: if is_request { "readOnly" } else { "writeOnly" }.to_owned(),
                    ..one.differs(seen.of, seen.endpoint, DifferenceKind::UndocumentedField)
                });
            }
            continue;
        }
        walk.types(key, stats, &spots, found);
        walk.missing(key, &name, stats, &spots, found);
    }
}

struct Walk<'a> {
    seen: &'a Seen<'a>,
    body: &'a Body,
    /// By pointer.
    known: HashMap<String, Vec<Spot>>,
}

impl<'a> Walk<'a> {
    /// Names of forms as pointers.
    fn pointer(&self, name: &str) -> String {
        match self.body.place {
            Place::Form if name == "{name}" => "/{key}".to_owned(),
            Place::Form if name.is_empty() => String::new(),
            Place::Form => format!("/{}", stem(name)),
            _ => name.to_owned(),
        }
    }

    /// Where a field of a form is, for each operation: by its name as it is, or as a list. Of members of
    /// members (`a[b]`, `a.b`) nothing is said but whether the first is described.
    fn form_spots(&self, name: &str) -> Option<Vec<Spot>> {
        let roots = self.known.get("")?;
        if name.is_empty() || name == "{name}" {
            return Some(roots.clone());
        }
        let stem = stem(name);
        let spot = |(one, root): (&Documented<'_>, &Spot)| {
            let Spot::At(places) = root else { return root.clone() };
            let member = |name: &str| match one.schemas().member(places, Some(name)) {
                Member::Described(places) => Spot::At(places),
                Member::Free => Spot::Free,
                Member::Unknown => Spot::Unknown,
            };
            let whole = [name.to_owned(), name.trim_end_matches("[]").to_owned(), format!("{name}[]")];
            let whole = whole.iter().map(|name| member(name)).find(|spot| *spot != Spot::Unknown);
            let of_stem = || match [member(stem), member(&format!("{stem}[]"))] {
                [Spot::Unknown, Spot::Unknown] => Spot::Unknown,
                _ => Spot::Free,
            };
            whole.unwrap_or_else(of_stem)
        };
        Some(self.seen.operations.iter().zip(roots).map(spot).collect())
    }

    /// Where a member is, for each operation; `None` below one that is not described.
    fn spots(&mut self, pointer: &str) -> Option<Vec<Spot>> {
        if let Some(known) = self.known.get(pointer) {
            return Some(known.clone());
        }
        let (above, step) = pointer.rsplit_once('/')?;
        let parent = self.spots(above)?;
        if parent.iter().all(|spot| *spot == Spot::Unknown) {
            return None;
        }
        let child = |(one, spot): (&Documented<'_>, &Spot)| match spot {
            Spot::Free => Spot::Free,
            Spot::Unknown => Spot::Unknown,
            Spot::At(places) if step == "*" => match one.schemas().items(places) {
                Some(items) => Spot::At(items),
                // Of what is no array nothing is said of items: its type is the difference.
                None => Spot::Free,
            },
            Spot::At(places) => {
                // The type is the difference where there may be no object.
                if one.schemas().types(places).missing(Facts::OBJECT) != Facts::NONE {
                    return Spot::Free;
                }
                match one.schemas().member(places, (step != "{key}").then_some(step)) {
                    Member::Described(places) => Spot::At(places),
                    Member::Free => Spot::Free,
                    Member::Unknown => Spot::Unknown,
                }
            }
        };
        let spots: Vec<Spot> = self.seen.operations.iter().zip(&parent).map(child).collect();
        self.known.insert(pointer.to_owned(), spots.clone());
        Some(spots)
    }

    fn undocumented(&self, key: &FieldKey, pointer: &str, stats: &FieldStats, found: &mut Vec<Difference>) {
        let is_request = matches!(self.body.place, Place::RequestBody | Place::Form);
        if pointer.is_empty()
            || pointer.ends_with("/{key}")
            || pointer.ends_with("/*")
            || (is_request && !self.seen.evidence.is_taken(stats.calls))
        {
            return;
        }
        let above = pointer.rsplit_once('/').map_or("", |(above, _)| above);
        let parent = self.known.get(above).cloned().unwrap_or_default();
        let (one, pointer) = self.nearest(&parent);
        found.push(Difference {
            pointer,
            field: Some(key.clone()),
            observed: names(stats.facts.types()),
            ..one.differs(self.seen.of, self.seen.endpoint, DifferenceKind::UndocumentedField)
        });
    }

    /// The operation that describes a place, and where.
    fn nearest(&self, spots: &[Spot]) -> (Documented<'a>, String) {
        let operations = self.seen.operations.iter().zip(&self.body.roots);
        for ((one, _), spot) in operations.clone().zip(spots) {
            if let Spot::At(places) = spot
                && let Some(schema) = places.first().and_then(|&id| one.schemas().schema(id))
            {
                return (*one, schema.pointer.clone());
            }
        }
        let first = operations.clone().find(|(_, root)| !root.pointer.is_empty());
        let (one, pointer) = match first {
            Some((one, root)) => (*one, root.pointer.clone()),
            None => (self.seen.operations[0], String::new()),
        };
        (one, pointer)
    }

    /// All that describe it are for the other direction only.
    fn is_for_others(&self, spots: &[Spot], is_request: bool) -> bool {
        let mut any = false;
        for (one, spot) in self.seen.operations.iter().zip(spots) {
            let Spot::At(places) = spot else { continue };
            any = true;
            if !one.schemas().is_only(places, is_request) {
                return false;
            }
        }
        any
    }

    fn types(&self, key: &FieldKey, stats: &FieldStats, spots: &[Spot], found: &mut Vec<Difference>) {
        let is_form = self.body.place == Place::Form;
        let is_request = is_form || self.body.place == Place::RequestBody;
        let mut wrong: Option<(Documented<'_>, String, DifferenceKind, String, Facts)> = None;
        for (one, spot) in self.seen.operations.iter().zip(spots) {
            let Spot::At(places) = spot else { continue };
            let schemas = one.schemas();
            let outside = if is_form {
                texts_outside(schemas, places, stats.facts)
            } else {
                let types = schemas.types(places);
                let missing = types.missing(stats.facts);
                if missing != Facts::NONE {
                    Some((DifferenceKind::TypeDrift, types.text(), missing))
                } else {
                    format_outside(schemas, places, stats.facts)
                }
            };
            let Some((kind, specified, facts)) = outside else { return };
            let pointer = places.first().and_then(|&id| schemas.schema(id)).map(|s| s.pointer.clone());
            wrong.get_or_insert((*one, pointer.unwrap_or_default(), kind, specified, facts));
        }
        let Some((one, pointer, kind, specified, facts)) = wrong else { return };
        let all = if kind == DifferenceKind::TypeDrift && !is_form {
            Facts(stats.facts.types().0 & !Facts::EMPTY.0)
        } else {
            stats.facts.formats()
        };
        if is_request && !self.seen.evidence.is_value_taken(stats, facts == all) {
            return;
        }
        found.push(Difference {
            pointer,
            field: Some(key.clone()),
            specified,
            observed: names(facts),
            ..one.differs(self.seen.of, self.seen.endpoint, kind)
        });
    }

    /// Members that all schemas require and not all objects had.
    ///
    /// Relies on: `objects` of the parent and `present` of the member count each object once; names held
    /// back are counted at `{key}`; a body that was not read to its end, or a parent with more members than
    /// there was room for, is marked. In requests, objects of calls that were not answered with 2xx are
    /// taken off, which needs one object for each call at the most: no arrays or maps above.
    fn missing(
        &self,
        key: &FieldKey,
        pointer: &str,
        stats: &FieldStats,
        spots: &[Spot],
        found: &mut Vec<Difference>,
    ) {
        let fields = &self.seen.endpoint.stats.fields;
        let is_form = self.body.place == Place::Form;
        let is_request = is_form || self.body.place == Place::RequestBody;
        let sums = |name: String| fields.get(&FieldKey { place: self.body.place, name: name.into() });
        let root = sums(String::new());
        let unsure = Facts::PARTIAL | Facts::FULL;
        let is_sure = |stats: &FieldStats| stats.facts.0 & unsure.0 == 0;
        let (Some(described), false) = (self.body.calls, is_form) else { return };
        let Some(root) = root.filter(|root| is_sure(root) && root.calls <= described) else { return };
        if !is_sure(stats) || pointer.matches('/').count() + 1 >= JSON_DEPTH_MAX {
            return;
        }
        if pointer.contains("/{key}") || (is_request && (pointer.contains("/*") || root.objects > root.calls))
        {
            return;
        }
        let mut required: Option<Vec<&str>> = None;
        for (one, spot) in self.seen.operations.iter().zip(spots) {
            let Spot::At(places) = spot else { return };
            let schemas = one.schemas();
            let mut names = schemas.required(places);
            names.retain(|name| match schemas.member(places, Some(name)) {
                // What is only for the other direction is required there only.
                Member::Described(of) => !schemas.is_only(&of, is_request),
                // What it is there is not known, so neither is for which direction.
                Member::Free => false,
                Member::Unknown => true,
            });
            match &mut required {
                None => required = Some(names),
                Some(all) => all.retain(|name| names.contains(name)),
            }
        }
        let unnamed = sums(format!("{pointer}/{{key}}")).map_or(0, |rest| rest.calls.max(rest.present));
        let others = if is_request { self.seen.evidence.others } else { 0 };
        for name in required.unwrap_or_default() {
            let member = sums(format!("{pointer}/{name}"));
            let had = member.map_or(0, |member| member.present).saturating_add(unnamed);
            let lacking = stats.objects.saturating_sub(had);
            if stats.objects <= had || lacking <= others {
                continue;
            }
            let (one, at) = self.nearest(spots);
            found.push(Difference {
                pointer: at,
                field: Some(FieldKey { place: key.place, name: format!("{pointer}/{name}").into() }),
                specified: "required".to_owned(),
                observed: format!("missing in at least {} of {} objects", lacking - others, stats.objects),
                ..one.differs(self.seen.of, self.seen.endpoint, DifferenceKind::MissingRequired)
            });
        }
    }
}
