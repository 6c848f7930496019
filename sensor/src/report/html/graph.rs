//! Who calls what, as boxes and lines: the callers and services with most calls, and one box each for
//! the rest. How they are drawn is `picture`'s.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::document::Report;
use crate::report::format;
use crate::report::sums::place;

/// Callers and services that are drawn by themselves; more of them are summed.
const NODES_MAX: usize = 60;

/// Number of a caller and of a service.
pub(super) type Key = (usize, usize);

/// All lines; their order is that of the numbers.
pub(super) type Lines = BTreeMap<Key, Line>;

/// Name and place of a caller.
type Who = (String, String);

/// All calls of one caller to one service.
#[derive(Clone, Default)]
pub(super) struct Line {
    pub calls: u64,
    pub refused: u64,
    pub endpoints: u64,
    pub credentials: BTreeSet<String>,
}

/// One end of lines.
pub(super) struct Node {
    pub name: String,
    /// Where a caller runs, who answers for a service.
    pub detail: String,
    pub calls: u64,
    /// Stands for several.
    pub is_rest: bool,
    /// Its number among the services of the report.
    pub number: Option<usize>,
}

/// Both sides, with most calls first, and what is between them.
pub(super) struct Graph {
    pub callers: Vec<Node>,
    pub services: Vec<Node>,
    pub lines: Lines,
}

impl Graph {
    pub fn of(report: &Report) -> Graph {
        let mut lines: BTreeMap<(Who, usize), Line> = BTreeMap::new();
        let mut sums: BTreeMap<Who, u64> = BTreeMap::new();
        let mut services = Vec::new();
        for (number, service) in report.services.iter().enumerate() {
            let mut answered = BTreeSet::new();
            let mut calls = 0u64;
            for endpoint in &service.endpoints {
                answered.extend(endpoint.servers.iter().map(|server| server.server.name.as_str()));
                // Once per endpoint, whatever the number of credentials.
                let mut counted = BTreeSet::new();
                for caller in &endpoint.callers {
                    let key = (caller.caller.name.clone(), place(&caller.caller));
                    let line = lines.entry((key.clone(), number)).or_default();
                    line.calls = line.calls.saturating_add(caller.calls);
                    line.refused = line.refused.saturating_add(caller.refused);
                    line.credentials.insert(caller.credential.clone());
                    line.endpoints += u64::from(counted.insert(key.clone()));
                    let sum = sums.entry(key).or_default();
                    *sum = sum.saturating_add(caller.calls);
                    calls = calls.saturating_add(caller.calls);
                }
            }
            if calls > 0 {
                let names: Vec<&str> = answered.iter().copied().take(3).collect();
                let more = if answered.len() > names.len() { ", ..." } else { "" };
                let detail = if names.is_empty() {
                    String::new()
                } else {
                    format!("served by {}{more}", names.join(", "))
                };
                services.push(Node {
                    name: service.name.clone(),
                    detail,
                    calls,
                    is_rest: false,
                    number: Some(number),
                });
            }
        }
        let callers = sums.into_iter().map(|((name, detail), calls)| {
            let detail = if detail == name { String::new() } else { detail };
            Node { name, detail, calls, is_rest: false, number: None }
        });
        let callers: Vec<Node> = callers.collect();
        let services_max = services.len().min((NODES_MAX / 2).max(NODES_MAX.saturating_sub(callers.len())));
        let callers_max = NODES_MAX - services_max;
        let caller_at = |node: &Node| {
            (node.name.clone(), if node.detail.is_empty() { node.name.clone() } else { node.detail.clone() })
        };
        let (callers, caller_index) = largest(callers, callers_max, "caller", caller_at);
        let (services, service_index) =
            largest(services, services_max, "service", |node| node.number.unwrap_or_default());
        let mut drawn = Lines::new();
        for ((caller, service), line) in lines {
            let (Some(&caller), Some(&service)) = (caller_index.get(&caller), service_index.get(&service))
            else {
                continue;
            };
            let sum = drawn.entry((caller, service)).or_default();
            sum.calls = sum.calls.saturating_add(line.calls);
            sum.refused = sum.refused.saturating_add(line.refused);
            sum.endpoints = sum.endpoints.saturating_add(line.endpoints);
            sum.credentials.extend(line.credentials);
        }
        Graph { callers, services, lines: drawn }
    }
}

/// The nodes with most calls, one that stands for the rest, and where each of the given ones went.
fn largest<K: Ord>(
    mut nodes: Vec<Node>,
    max: usize,
    noun: &str,
    key: impl Fn(&Node) -> K,
) -> (Vec<Node>, BTreeMap<K, usize>) {
    nodes.sort_by(|a, b| {
        b.calls.cmp(&a.calls).then_with(|| a.name.cmp(&b.name)).then_with(|| a.detail.cmp(&b.detail))
    });
    let index = nodes.iter().enumerate().map(|(at, node)| (key(node), at.min(max))).collect();
    if nodes.len() > max {
        let rest = nodes.split_off(max);
        nodes.push(Node {
            name: format::count(rest.len() as u64, &format!("more {noun}")),
            detail: String::new(),
            calls: rest.iter().fold(0, |sum, node| sum.saturating_add(node.calls)),
            is_rest: true,
            number: None,
        });
    }
    (nodes, index)
}
