//! Who calls what, as a drawing: callers on the left, services on the right, a line for all calls of
//! one to the other. Laid out here, so that it needs no script and is the same for the same inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::markup::Markup;
use crate::report::document::Report;
use crate::report::escape::for_terminal;
use crate::report::sums::place;

/// Callers and services that are drawn by themselves; more of them are summed.
const NODES_MAX: usize = 60;

/// Times that each side is put in order by the other.
const SWEEPS: usize = 6;

const WIDTH: f64 = 1000.0;
const BOX_WIDTH: f64 = 280.0;
const TOP: f64 = 34.0;

/// All calls of one caller to one service.
#[derive(Clone, Default)]
struct Line {
    calls: u64,
    refused: u64,
    endpoints: u64,
    credentials: BTreeSet<String>,
}

/// One end of lines.
struct Node {
    name: String,
    /// Where a caller runs, who answers for a service.
    detail: String,
    calls: u64,
    /// Stands for several.
    is_rest: bool,
    /// Its number among the services of the report.
    number: Option<usize>,
}

/// The drawing with its explanation; a sentence where there is nothing to draw.
pub(super) fn draw(report: &Report, page: &mut Markup) {
    let (callers, services, lines) = graph(report);
    if lines.is_empty() {
        page.raw("<p>No call was seen, so there is nothing to draw.</p>");
        return;
    }
    let rest: Vec<&Node> = callers.iter().chain(&services).filter(|node| node.is_rest).collect();
    if !rest.is_empty() {
        page.raw("<p class=cut>The largest are drawn; ");
        for (index, node) in rest.iter().enumerate() {
            page.raw(if index > 0 { " and " } else { "" }).text(&node.name);
        }
        page.raw(" are summed in one box each.</p>");
    }
    let (left, right) = orders(callers.len(), services.len(), &lines, &callers, &services);
    let layout = Layout::of(&left, &right);
    page.raw(
        "<figure><div class=scroll><svg id=map role=group aria-label=\"Who calls what\" viewBox=\"0 0 1000 ",
    );
    page.coordinate(layout.height).raw("\">");
    page.raw("<text class=side x=0 y=14>CALLERS</text><text class=side x=1000 y=14 text-anchor=end>SERVICES</text>");
    draw_lines(&lines, &left, &right, &callers, &services, &layout, page);
    for (index, node) in callers.iter().enumerate() {
        draw_node(node, 'c', index, 0.0, layout.y(&left, index), layout.box_height, page);
    }
    for (index, node) in services.iter().enumerate() {
        let y = layout.y(&right, index);
        draw_node(node, 's', index, WIDTH - BOX_WIDTH, y, layout.box_height, page);
    }
    page.raw("</svg></div><figcaption>The wider a line, the more calls (each ten times as many add the same width). \
        <span class=bad-key>Dashed red</span>: half of the calls or more were refused (4xx, 5xx).\
        <span class=js> Point at a box or line to see what belongs to it; press a box to list its endpoints.</span>\
        </figcaption></figure>");
}

fn graph(report: &Report) -> (Vec<Node>, Vec<Node>, BTreeMap<(usize, usize), Line>) {
    let mut lines: BTreeMap<((String, String), usize), Line> = BTreeMap::new();
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
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
    let mut drawn: BTreeMap<(usize, usize), Line> = BTreeMap::new();
    for ((caller, service), line) in lines {
        let (Some(&caller), Some(&service)) = (caller_index.get(&caller), service_index.get(&service)) else {
            continue;
        };
        let sum = drawn.entry((caller, service)).or_default();
        sum.calls = sum.calls.saturating_add(line.calls);
        sum.refused = sum.refused.saturating_add(line.refused);
        sum.endpoints = sum.endpoints.saturating_add(line.endpoints);
        sum.credentials.extend(line.credentials);
    }
    (callers, services, drawn)
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
            name: crate::report::format::count(rest.len() as u64, &format!("more {noun}")),
            detail: String::new(),
            calls: rest.iter().fold(0, |sum, node| sum.saturating_add(node.calls)),
            is_rest: true,
            number: None,
        });
    }
    (nodes, index)
}

/// Which node stands where on each side (position of node 0, of node 1, ...): each side in turn in the
/// order of the middles of the other's ends, which keeps most lines from crossing.
fn orders(
    callers: usize,
    services: usize,
    lines: &BTreeMap<(usize, usize), Line>,
    caller_nodes: &[Node],
    service_nodes: &[Node],
) -> (Vec<usize>, Vec<usize>) {
    let (mut left, mut right): (Vec<usize>, Vec<usize>) = ((0..callers).collect(), (0..services).collect());
    for _ in 0..SWEEPS {
        left = order(caller_nodes, lines.iter().map(|(&(c, s), line)| (c, right.get(s), line)));
        right = order(service_nodes, lines.iter().map(|(&(c, s), line)| (s, left.get(c), line)));
    }
    (left, right)
}

fn order<'a>(nodes: &[Node], ends: impl Iterator<Item = (usize, Option<&'a usize>, &'a Line)>) -> Vec<usize> {
    let mut middles = vec![(0.0, 0.0); nodes.len()];
    for (node, other, line) in ends {
        if let (Some(middle), Some(&other)) = (middles.get_mut(node), other) {
            let weight = width(line.calls);
            *middle = (middle.0 + weight * other as f64, middle.1 + weight);
        }
    }
    let mut sorted: Vec<usize> = (0..nodes.len()).collect();
    let middle = |node: usize| middles.get(node).map_or(0.0, |(sum, weight)| sum / f64::max(*weight, 1.0));
    let is_rest = |node: usize| nodes.get(node).is_some_and(|node| node.is_rest);
    sorted
        .sort_by(|&a, &b| is_rest(a).cmp(&is_rest(b)).then(middle(a).total_cmp(&middle(b))).then(a.cmp(&b)));
    let mut positions = vec![0; nodes.len()];
    for (position, node) in sorted.into_iter().enumerate() {
        if let Some(place) = positions.get_mut(node) {
            *place = position;
        }
    }
    positions
}

/// Where boxes stand.
struct Layout {
    height: f64,
    box_height: f64,
    pitch: f64,
    rows: usize,
}

impl Layout {
    fn of(left: &[usize], right: &[usize]) -> Layout {
        let rows = left.len().max(right.len());
        let (box_height, pitch) = if rows > 14 { (36.0, 44.0) } else { (40.0, 56.0) };
        Layout { height: TOP + rows as f64 * pitch, box_height, pitch, rows }
    }

    /// The upper edge of a node's box; the shorter side stands in the middle.
    fn y(&self, positions: &[usize], node: usize) -> f64 {
        let free = (self.rows - positions.len()) as f64 * self.pitch / 2.0;
        TOP + free + positions.get(node).map_or(0.0, |&at| at as f64) * self.pitch
    }
}

/// Of a line: each ten times as many calls add the same.
fn width(calls: u64) -> f64 {
    1.25 + 1.75 * (calls.max(1) as f64).log10()
}

fn draw_lines(
    lines: &BTreeMap<(usize, usize), Line>,
    left: &[usize],
    right: &[usize],
    callers: &[Node],
    services: &[Node],
    layout: &Layout,
    page: &mut Markup,
) {
    // Ends of one box are spread over its side, in the order of the other ends.
    let ends = |this: fn(&(usize, usize)) -> usize,
                that: fn(&(usize, usize)) -> usize,
                positions: &[usize]| {
        let mut of_node: BTreeMap<usize, Vec<(usize, (usize, usize))>> = BTreeMap::new();
        for key in lines.keys() {
            let position = positions.get(that(key)).copied().unwrap_or_default();
            of_node.entry(this(key)).or_default().push((position, *key));
        }
        let mut shares = BTreeMap::new();
        for mut ends in of_node.into_values() {
            ends.sort_unstable();
            let parts = ends.len() as f64 + 1.0;
            shares
                .extend(ends.into_iter().enumerate().map(|(at, (_, key))| (key, (at as f64 + 1.0) / parts)));
        }
        shares
    };
    let from = ends(|key| key.0, |key| key.1, right);
    let to = ends(|key| key.1, |key| key.0, left);
    let at = |shares: &BTreeMap<(usize, usize), f64>, key: &(usize, usize), y: f64| {
        y + shares.get(key).copied().unwrap_or(0.5) * layout.box_height
    };
    // Thin ones above wide ones.
    let mut sorted: Vec<(&(usize, usize), &Line)> = lines.iter().collect();
    sorted.sort_by_key(|(key, line)| (std::cmp::Reverse(line.calls), **key));
    page.raw("<g class=lines>");
    for (key, line) in sorted {
        let (from, to) = (at(&from, key, layout.y(left, key.0)), at(&to, key, layout.y(right, key.1)));
        let is_refused = line.refused.saturating_mul(2) >= line.calls;
        page.raw(if is_refused { "<path class=bad data-c=" } else { "<path data-c=" });
        page.digits(key.0 as u64).raw(" data-s=").digits(key.1 as u64).raw(" d=\"M");
        page.coordinate(BOX_WIDTH).raw(" ").coordinate(from).raw("C500 ").coordinate(from);
        page.raw(" 500 ").coordinate(to).raw(" ").coordinate(WIDTH - BOX_WIDTH).raw(" ").coordinate(to);
        page.raw("\" stroke-width=").coordinate(width(line.calls)).raw("><title>");
        let name =
            |nodes: &[Node], node: usize| nodes.get(node).map(|node| node.name.clone()).unwrap_or_default();
        page.text(&name(callers, key.0)).raw(" \u{2192} ").text(&name(services, key.1)).raw(": ");
        page.count(line.calls, "call").raw(" at ").count(line.endpoints, "endpoint");
        if line.refused > 0 {
            page.raw(", ").number(line.refused).raw(" refused");
        }
        let credentials: Vec<&str> = line.credentials.iter().map(String::as_str).collect();
        page.raw("; credential: ").text(&credentials.join(", ")).raw("</title></path>");
    }
    page.raw("</g>");
}

fn draw_node(node: &Node, side: char, index: usize, x: f64, y: f64, height: f64, page: &mut Markup) {
    let link = side == 's' && node.number.is_some();
    if link {
        page.raw("<a href=\"#s").digits(node.number.unwrap_or_default() as u64).raw("\" class=node");
    } else {
        page.raw("<g class=node");
    }
    page.raw(if side == 's' { " data-side=s" } else { " data-side=c" });
    page.raw(" data-n=").digits(index as u64);
    if !node.is_rest {
        page.raw(" data-name=\"").text(&label(&node.name, &node.detail, side)).raw("\"");
    }
    page.raw("><title>").text(&node.name);
    if !node.detail.is_empty() {
        page.raw(" (").text(&node.detail).raw(")");
    }
    page.raw(": ").count(node.calls, "call").raw("</title><rect x=").coordinate(x).raw(" y=").coordinate(y);
    page.raw(" width=280 height=").coordinate(height).raw(" rx=7 />");
    let middle = y + height / 2.0;
    page.raw("<text x=").coordinate(x + 12.0).raw(" y=");
    page.coordinate(if node.detail.is_empty() { middle + 4.5 } else { middle - 2.0 });
    page.raw(" class=name>").text(&shortened(&node.name, 27)).raw("</text>");
    if !node.detail.is_empty() {
        page.raw("<text x=").coordinate(x + 12.0).raw(" y=").coordinate(middle + 12.0);
        page.raw(" class=detail>").text(&shortened(&node.detail, 34)).raw("</text>");
    }
    page.raw("<text x=").coordinate(x + BOX_WIDTH - 12.0).raw(" y=").coordinate(middle + 4.5);
    page.raw(" class=calls text-anchor=end>").text(&short_count(node.calls)).raw("</text>");
    page.raw(if link { "</a>" } else { "</g>" });
}

/// As the script knows a caller or a service.
fn label(name: &str, detail: &str, side: char) -> String {
    if side == 's' || detail.is_empty() { name.to_owned() } else { super::data::caller_label(name, detail) }
}

/// With the middle left out where it is long; characters outside of ASCII count twice.
fn shortened(text: &str, columns_max: usize) -> String {
    let text = for_terminal(text);
    let columns = |c: char| if c.is_ascii() { 1 } else { 2 };
    if text.chars().map(columns).sum::<usize>() <= columns_max {
        return text.into_owned();
    }
    let part = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut left = room;
        let taken = chars.take_while(|&c| {
            let fits = columns(c) <= left;
            left = left.saturating_sub(columns(c));
            fits
        });
        taken.collect::<Vec<char>>()
    };
    let head = part(&mut text.chars(), columns_max / 2);
    let mut tail = part(&mut text.chars().rev(), (columns_max - 1) / 2);
    tail.reverse();
    head.into_iter().chain(['\u{2026}']).chain(tail).collect()
}

/// `950`, `12k`, `3.4M`.
fn short_count(number: u64) -> String {
    for (unit, name) in [(1_000_000_000_000u64, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if number >= unit {
            let value = number as f64 / unit as f64;
            return if value < 10.0 { format!("{value:.1}{name}") } else { format!("{value:.0}{name}") };
        }
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_in_their_middle() {
        assert_eq!(shortened("api.example", 27), "api.example");
        assert_eq!(shortened("abcdefghij", 7), "abc\u{2026}hij");
        assert_eq!(shortened("ééééé", 7), "é\u{2026}é");
        assert_eq!(
            ["950", "1.2k", "12k", "3.4M"],
            [950, 1_200, 12_000, 3_400_000].map(short_count).each_ref().map(|t| &**t)
        );
    }
}
