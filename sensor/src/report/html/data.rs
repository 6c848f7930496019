//! What the script of the page needs of each endpoint: an index for filters and sorting, and the
//! details in blocks that are read only when somebody opens one of them. Both have bounds; what does not
//! fit is counted, so that the page can say what is missing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::markup::Markup;
use crate::report::document::{Caller, EndpointReport, Field, Report};
use crate::report::sums::{field_name, place};

/// Bytes of the fields of all endpoints, about.
const FIELD_BYTES_MAX: usize = 12 << 20;

/// Bytes of the callers of all endpoints, about; the same again for the index.
const CALLER_BYTES_MAX: usize = 4 << 20;

/// Endpoints of one block of details.
const BLOCK: usize = 200;

/// Bytes of a row of a list besides its texts, about.
const ROW_BYTES: usize = 24;

/// Texts that occur once, and stand elsewhere by their number.
#[derive(Default, Serialize)]
#[serde(transparent)]
struct Texts {
    list: Vec<String>,
    #[serde(skip)]
    numbers: BTreeMap<String, u32>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

#[derive(Default, Serialize)]
struct Index {
    texts: Texts,
    endpoints: Vec<IndexRow>,
}

/// What rows are found and sorted by.
#[derive(Serialize)]
struct IndexRow {
    service: u32,
    method: u32,
    path: u32,
    calls: u64,
    /// Calls answered with 4xx or 5xx.
    failed: u64,
    /// Why it is not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<u32>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95: Option<f64>,
    fields: u64,
    callers: u64,
    last: u32,
    credentials: Vec<u32>,
    who: Vec<u32>,
}

#[derive(Default, Serialize)]
struct Block {
    texts: Texts,
    endpoints: Vec<Details>,
}

/// Place, name, types, formats, classes, calls, of, required.
type FieldData = (u32, u32, u32, u32, u32, u64, u64, u8);

#[derive(Serialize)]
struct Details {
    statuses: Vec<(u32, u64)>,
    /// Successes, seconds between first and last, callers, paths.
    evidence: (u64, f64, u32, u32),
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<(f64, f64)>,
    bytes: (u64, u64),
    request_types: Vec<(u32, u64)>,
    response_types: Vec<(u32, u64)>,
    parameters: Vec<(u32, u32)>,
    first: u32,
    /// Calls by sign.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signs: Vec<(u32, u64)>,
    fields: Vec<FieldData>,
    fields_cut: u64,
    /// Who, credential, calls, refused, last seen.
    callers: Vec<(u32, u32, u64, u64, u32)>,
    callers_cut: u64,
    servers: Vec<(u32, u64)>,
}

/// What there was no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    pub fields: u64,
    pub callers: u64,
}

/// Appends the data of the first `shown` endpoints in the document's order.
pub(super) fn append(report: &Report, shown: usize, page: &mut Markup) -> Cut {
    let services = report.services.iter();
    let endpoints: Vec<(&str, &EndpointReport)> = services
        .flat_map(|service| service.endpoints.iter().map(|endpoint| (service.name.as_str(), endpoint)))
        .take(shown)
        .collect();
    let field_bytes =
        level(endpoints.iter().map(|(_, each)| each.fields.iter().map(cost_of_field).sum()), FIELD_BYTES_MAX);
    let caller_bytes = level(
        endpoints.iter().map(|(_, each)| each.callers.iter().map(cost_of_caller).sum()),
        CALLER_BYTES_MAX,
    );
    let mut cut = Cut::default();
    let mut index = Index::default();
    for (service, endpoint) in &endpoints {
        let row = index_row(&mut index.texts, service, endpoint, caller_bytes);
        index.endpoints.push(row);
    }
    page.raw("<script type=\"application/json\" id=index>").json(&index).raw("</script>\n");
    for endpoints in endpoints.chunks(BLOCK) {
        let mut block = Block::default();
        for (_, endpoint) in endpoints {
            let details = details(&mut block.texts, endpoint, field_bytes, caller_bytes);
            cut.fields += details.fields_cut;
            cut.callers += details.callers_cut;
            block.endpoints.push(details);
        }
        page.raw("<script type=\"application/json\" class=block data-size=")
            .digits(BLOCK as u64)
            .raw(">")
            .json(&block)
            .raw("</script>\n");
    }
    cut
}

fn index_row(texts: &mut Texts, service: &str, endpoint: &EndpointReport, caller_bytes: usize) -> IndexRow {
    let row = &endpoint.endpoint;
    let (callers, _) = fitting(&endpoint.callers, caller_bytes, cost_of_caller, |caller| caller.calls);
    let mut who: Vec<u32> = callers.iter().map(|caller| texts.number(&label(caller))).collect();
    who.sort_unstable();
    who.dedup();
    let failed = row.statuses.iter().filter(|(status, _)| status.starts_with(['4', '5']));
    IndexRow {
        service: texts.number(service),
        method: texts.number(&row.name.method),
        path: texts.number(&row.name.path),
        calls: row.calls,
        failed: failed.fold(0, |sum, (_, calls)| sum.saturating_add(*calls)),
        doubt: row.doubt.as_ref().map(|doubt| texts.number(doubt)),
        p95: row.latency_ms.map(|latency| latency.p95),
        fields: endpoint.fields.len() as u64,
        callers: row.caller_count,
        last: texts.number(&row.last_seen),
        credentials: row.credentials.keys().map(|name| texts.number(name)).collect(),
        who,
    }
}

fn details(texts: &mut Texts, endpoint: &EndpointReport, field_bytes: usize, caller_bytes: usize) -> Details {
    let row = &endpoint.endpoint;
    let (fields, fields_cut) = fitting(&endpoint.fields, field_bytes, cost_of_field, |field| field.calls);
    let (callers, callers_cut) =
        fitting(&endpoint.callers, caller_bytes, cost_of_caller, |caller| caller.calls);
    let mut sums =
        |map: &BTreeMap<String, u64>| map.iter().map(|(name, calls)| (texts.number(name), *calls)).collect();
    Details {
        statuses: sums(&row.statuses),
        signs: sums(&row.signs),
        request_types: sums(&row.request_types),
        response_types: sums(&row.response_types),
        evidence: (row.evidence.successes, row.evidence.span_s, row.evidence.callers, row.evidence.paths),
        latency: row.latency_ms.map(|latency| (latency.p50, latency.p95)),
        bytes: (row.request_bytes, row.response_bytes),
        parameters: row.parameters.iter().map(|p| (texts.number(&p.name), texts.number(&p.kind))).collect(),
        first: texts.number(&row.first_seen),
        fields: fields
            .iter()
            .map(|field| {
                (
                    texts.number(&field.place),
                    texts.number(field_name(&field.place, &field.name)),
                    texts.number(&field.types.join(", ")),
                    texts.number(&field.formats.join(", ")),
                    texts.number(&field.classes.join(", ")),
                    field.calls,
                    field.of,
                    u8::from(field.required),
                )
            })
            .collect(),
        fields_cut,
        callers: callers
            .iter()
            .map(|caller| {
                let who = texts.number(&label(caller));
                let last = texts.number(&caller.last_seen);
                (who, texts.number(&caller.credential), caller.calls, caller.refused, last)
            })
            .collect(),
        callers_cut,
        servers: endpoint
            .servers
            .iter()
            .take(100)
            .map(|server| {
                (texts.number(&caller_label(&server.server.name, &place(&server.server))), server.calls)
            })
            .collect(),
    }
}

fn label(caller: &Caller) -> String {
    caller_label(&caller.caller.name, &place(&caller.caller))
}

/// Who and where in one text; parties that share it are one in filters and in the picture.
pub(super) fn caller_label(name: &str, place: &str) -> String {
    if name == place { name.to_owned() } else { format!("{name} \u{b7} {place}") }
}

fn cost_of_field(field: &Field) -> usize {
    ROW_BYTES + field.name.len()
}

fn cost_of_caller(caller: &Caller) -> usize {
    ROW_BYTES + caller.caller.name.len() + caller.caller.cgroup.as_ref().map_or(20, String::len)
}

/// The largest level that keeps the sum of all costs, each cut at the level, within `bytes_max`.
fn level(costs: impl Iterator<Item = usize>, bytes_max: usize) -> usize {
    let mut costs: Vec<usize> = costs.collect();
    costs.sort_unstable();
    let mut left = bytes_max;
    for (index, cost) in costs.iter().enumerate() {
        let share = left / (costs.len() - index);
        if *cost > share {
            return share;
        }
        left -= cost;
    }
    usize::MAX
}

/// Those rows with most calls that fit, in their own order, and how many do not.
fn fitting<T>(
    rows: &[T],
    bytes_max: usize,
    cost: impl Fn(&T) -> usize,
    calls: impl Fn(&T) -> u64,
) -> (Vec<&T>, u64) {
    let mut by_calls: Vec<(usize, &T)> = rows.iter().enumerate().collect();
    by_calls.sort_by_key(|(index, row)| (std::cmp::Reverse(calls(row)), *index));
    let mut left = bytes_max;
    let mut kept: Vec<(usize, &T)> = by_calls
        .into_iter()
        .take_while(|(_, row)| {
            let fits = cost(row) <= left;
            left = left.saturating_sub(cost(row));
            fits
        })
        .collect();
    kept.sort_unstable_by_key(|(index, _)| *index);
    let cut = (rows.len() - kept.len()) as u64;
    (kept.into_iter().map(|(_, row)| row).collect(), cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_evenly() {
        assert_eq!(level([10, 20].into_iter(), 30), usize::MAX);
        // The small one keeps its 10, the others share what it leaves.
        assert_eq!(level([100, 10, 100].into_iter(), 110), 50);
        assert_eq!(level([].into_iter(), 0), usize::MAX);
        let (kept, cut) = fitting(&[5u64, 9, 1, 9], 30, |_| 10, |calls| *calls);
        assert_eq!((kept, cut), (vec![&5, &9, &9], 1));
    }
}
