//! Sums that several forms of the report show: over the endpoints of a service, over all services,
//! and how a party, a time, a status is named in few words.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Party, Report, ServiceReport};
use super::format::grouped;
use super::noise::NoiseSum;

/// One caller with one kind of credential, over all endpoints of a service.
pub(super) struct CallerSum<'a> {
    pub party: &'a Party,
    pub credential: &'a str,
    pub endpoints: u64,
    pub calls: u64,
    pub refused: u64,
}

/// Callers of a service, by name.
pub(super) fn callers(service: &ServiceReport) -> Vec<CallerSum<'_>> {
    let mut sums: BTreeMap<(&Party, &str), (BTreeSet<usize>, u64, u64)> = BTreeMap::new();
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        for caller in &endpoint.callers {
            let sum = sums.entry((&caller.caller, &caller.credential)).or_default();
            sum.0.insert(index);
            sum.1 = sum.1.saturating_add(caller.calls);
            sum.2 = sum.2.saturating_add(caller.refused);
        }
    }
    let sums = sums.into_iter().map(|((party, credential), (endpoints, calls, refused))| CallerSum {
        party,
        credential,
        endpoints: endpoints.len() as u64,
        calls,
        refused,
    });
    sums.collect()
}

/// One field over all endpoints of a service.
#[derive(Default)]
pub(super) struct FieldSum<'a> {
    pub place: &'a str,
    pub name: &'a str,
    pub types: BTreeSet<&'a str>,
    pub formats: BTreeSet<&'a str>,
    pub classes: BTreeSet<&'a str>,
    pub endpoints: u64,
    pub calls: u64,
}

/// Fields of a service, by place and name.
pub(super) fn fields(service: &ServiceReport) -> Vec<FieldSum<'_>> {
    let mut sums: BTreeMap<(&str, &str), FieldSum<'_>> = BTreeMap::new();
    for endpoint in &service.endpoints {
        for field in &endpoint.fields {
            let sum = sums.entry((&field.place, &field.name)).or_default();
            (sum.place, sum.name) = (&field.place, &field.name);
            sum.types.extend(field.types.iter().map(String::as_str));
            sum.formats.extend(field.formats.iter().map(String::as_str));
            sum.classes.extend(field.classes.iter().map(String::as_str));
            sum.endpoints += 1;
            sum.calls = sum.calls.saturating_add(field.calls);
        }
    }
    sums.into_values().collect()
}

/// Calls by class of status: `2xx`, ..., `none`.
pub(super) fn status_classes(statuses: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    for (status, calls) in statuses {
        let class = match status.as_bytes() {
            [class @ b'1'..=b'9', _, _] => format!("{}xx", char::from(*class)),
            _ => "none".to_owned(),
        };
        let sum = classes.entry(class).or_default();
        *sum = sum.saturating_add(*calls);
    }
    classes
}

/// Calls of a service by transport, whatever the protocol inside: `clear 12, tls1.3 40`; empty if it is
/// not known.
pub(super) fn transports(service: &ServiceReport) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, calls) in service.endpoints.iter().flat_map(|each| &each.endpoint.transports) {
        let version = name.split(' ').next().unwrap_or_default();
        let sum = sums.entry(version).or_default();
        *sum = sum.saturating_add(*calls);
    }
    let parts = sums.iter().map(|(version, calls)| format!("{version} {}", grouped(*calls)));
    parts.collect::<Vec<_>>().join(", ")
}

/// How many of some calls were inside TLS: `all`, `none` or `2 of 5`.
pub(super) fn encrypted(encrypted: u64, calls: u64) -> String {
    match encrypted {
        0 => "none".to_owned(),
        some if some >= calls => "all".to_owned(),
        some => format!("{some} of {calls}"),
    }
}

/// Calls of a service.
pub(super) fn calls(service: &ServiceReport) -> u64 {
    service.endpoints.iter().fold(0, |sum, each| sum.saturating_add(each.endpoint.calls))
}

/// The whole report in a few numbers.
pub(super) struct Totals<'a> {
    pub services: u64,
    pub endpoints: u64,
    pub unconfirmed: u64,
    pub calls: u64,
    /// Different callers, by name and place.
    pub callers: u64,
    /// Different fields of each endpoint, summed.
    pub fields: u64,
    pub noise: NoiseSum,
    /// First and last call of an endpoint, RFC 3339; empty where there is none.
    pub first_seen: &'a str,
    pub last_seen: &'a str,
}

impl Totals<'_> {
    pub fn of(report: &Report) -> Totals<'_> {
        let endpoints = || report.services.iter().flat_map(|service| &service.endpoints);
        let mut callers = BTreeSet::new();
        for caller in endpoints().flat_map(|each| &each.callers) {
            callers.insert((&caller.caller.name, place(&caller.caller)));
        }
        let noise = report.noise.values().fold(NoiseSum::default(), |sum, each| NoiseSum {
            rows: sum.rows.saturating_add(each.rows),
            calls: sum.calls.saturating_add(each.calls),
        });
        // All of one form, so that texts order as times do.
        let times = || endpoints().map(|each| &each.endpoint);
        Totals {
            services: report.services.len() as u64,
            endpoints: endpoints().count() as u64,
            unconfirmed: endpoints().filter(|each| !each.endpoint.confirmed).count() as u64,
            calls: report.services.iter().fold(0, |sum, each| sum.saturating_add(calls(each))),
            callers: callers.len() as u64,
            fields: endpoints().map(|each| each.fields.len() as u64).sum(),
            noise,
            first_seen: times().map(|row| &*row.first_seen).filter(|at| !at.is_empty()).min().unwrap_or(""),
            last_seen: times().map(|row| &*row.last_seen).max().unwrap_or(""),
        }
    }
}

/// Container, cgroup or address: where a party is, as short as it is telling.
pub(super) fn place(party: &Party) -> String {
    match (&party.cgroup, &party.program) {
        (Some(cgroup), _) => whereabouts(party.container.as_deref(), cgroup),
        (None, Some(_)) => whereabouts(party.container.as_deref(), "/"),
        (None, None) => party.address.clone(),
    }
}

/// Where a program of this host runs: the first digits of its container's id, as tools show it, else
/// its cgroup.
pub(super) fn whereabouts(container: Option<&str>, cgroup: &str) -> String {
    match container {
        Some(container) => format!("container {}", container.chars().take(12).collect::<String>()),
        None if cgroup != "/" => cgroup.to_owned(),
        None => "this host".to_owned(),
    }
}

/// The field's name; a body as a whole has none, an odd query may have none.
pub(super) fn field_name<'a>(place: &str, name: &'a str) -> &'a str {
    match name {
        "" if place.ends_with("-body") => "(body)",
        "" => "(no name)",
        name => name,
    }
}

/// Seconds are enough for people.
pub(super) fn short_time(rfc3339: &str) -> String {
    match rfc3339.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => rfc3339.to_owned(),
    }
}

/// To the minute and without `T`, for pages: `2025-01-01 00:00`.
pub(super) fn minute(rfc3339: &str) -> String {
    let minute: String = rfc3339.chars().take(16).collect();
    minute.replace('T', " ")
}

/// In few words why an endpoint is not confirmed.
pub(super) fn doubt(name: &str) -> &str {
    match name {
        "no-response" => "no response seen",
        "refused" => "always refused",
        "one-try" => "one success only",
        "over-budget" => "too many paths",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_were_encrypted() {
        assert_eq!(
            [(0, 5), (5, 5), (2, 5), (0, 0)].map(|(of, calls)| encrypted(of, calls)),
            ["none", "all", "2 of 5", "none"]
        );
    }
}
