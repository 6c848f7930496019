//! Statuses, media types and bodies of answers against the responses of the operations.

use super::bodies::{self, Body, Root};
use super::{Difference, DifferenceKind, Seen};
use crate::call::Place;
use crate::inventory::spec::{Media, Response};

impl Seen<'_> {
    pub(super) fn answers(&self, found: &mut Vec<Difference>) {
        let stats = &self.endpoint.stats;
        // Where none is described, nothing is said.
        if self.operations.iter().any(|one| one.operation.responses.is_empty()) {
            return;
        }
        for (&status, calls) in &stats.statuses {
            if status >= 200 && self.responses(status).next().is_none() {
                let difference = self.differs(DifferenceKind::UndocumentedStatus);
                let all = self.operations.iter().flat_map(|one| &one.operation.responses);
                let mut known: Vec<String> = all.map(|response| response.statuses.text()).collect();
                known.sort();
                known.dedup();
                found.push(Difference {
                    pointer: format!("{}/responses", difference.pointer),
                    specified: known.join(", "),
                    observed: format!("{status} in {calls} calls"),
                    ..difference
                });
            }
        }
        for ((status, media), calls) in &stats.contents {
            let responses: Vec<&Response> = self.responses(*status).map(|(_, response)| response).collect();
            let takes = |response: &&Response| {
                response.content.is_empty() || response.content.iter().any(|one| one.takes(media))
            };
            if let Some(nearest) = responses.first()
                && !responses.iter().any(takes)
            {
                let ranges: Vec<&str> = nearest.content.iter().map(|one| one.range.as_str()).collect();
                found.push(Difference {
                    pointer: format!("{}/content", nearest.pointer),
                    specified: ranges.join(", "),
                    observed: format!("{media} for {status} in {calls} calls"),
                    ..self.differs(DifferenceKind::UndocumentedContentType)
                });
            }
        }
        self.answer_bodies(Place::ResponseBody, |status| (200..400).contains(&status), found);
        self.answer_bodies(Place::ErrorBody, |status| status >= 400, found);
    }

    /// Responses for a status, of all operations.
    fn responses(&self, status: u16) -> impl Iterator<Item = (usize, &Response)> {
        let operations = self.operations.iter().enumerate();
        operations.flat_map(move |(at, one)| one.operation.responses_of(status).map(move |r| (at, r)))
    }

    /// The members of bodies are summed over all answers of one kind: each must be in one of the schemas of
    /// the responses that were seen, and all of them must require what is claimed to be missing.
    fn answer_bodies(&self, place: Place, wanted: fn(u16) -> bool, found: &mut Vec<Difference>) {
        let stats = &self.endpoint.stats;
        let mut roots: Vec<Root> = self.operations.iter().map(|_| Root::default()).collect();
        let mut described = true;
        let of_json =
            stats.contents.iter().filter(|((status, media), _)| wanted(*status) && media.contains("json"));
        let mut typed = 0u64;
        let mut seen: Vec<(u16, Option<&str>)> = Vec::new();
        for ((status, media), calls) in of_json {
            typed = typed.saturating_add(*calls);
            seen.push((*status, Some(media)));
        }
        if seen.is_empty() {
            seen.extend(
                stats.statuses.keys().filter(|status| wanted(**status)).map(|status| (*status, None)),
            );
            described = false;
        }
        for (status, media) in seen {
            let mut any = false;
            for (at, response) in self.responses(status) {
                any = true;
                let named = |one: &&Media| media.is_some_and(|media| one.takes(media));
                let exact: Vec<&Media> = response.content.iter().filter(named).collect();
                let json: Vec<&Media> = response.content.iter().filter(|one| one.may_be_json()).collect();
                let content = if exact.is_empty() { json } else { exact };
                // Nothing is said of the body, or of its form.
                roots[at].free |= content.is_empty() || content.iter().any(|one| one.schema.is_none());
                roots[at].places.extend(content.iter().filter_map(|one| one.schema));
                if roots[at].pointer.is_empty() {
                    roots[at].pointer = format!("{}/content", response.pointer);
                }
            }
            described &= any;
        }
        // The body of an answer that is not described may be anything.
        let body = Body { place, calls: described.then_some(typed), roots };
        bodies::compare(self, &body, found);
    }
}
