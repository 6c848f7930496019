//! Who calls what, as a drawing: callers on the left, services on the right, a line for all calls of
//! one to the other. Laid out here, so that it needs no script and is the same for the same inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::markup::Markup;
use crate::report::document::Report;
use crate::report::escape::for_terminal;
use crate::report::sums::place;

/// Callers and services that are drawn by themselves; more of them are summed.
const NODES_MAX: usize = 60;

/// Lines in full strength; the thinner ones stay in the background, where there are more.
const LINES_STRONG: usize = 150;

/// Times that each side is put in order by the other.
const SWEEPS: usize = 6;

const WIDTH: f64 = 1000.0;
const BOX_WIDTH: f64 = 280.0;
const TOP: f64 = 30.0;

/// Between two boxes of one side.
const GAP: f64 = 14.0;

/// Between the edge of a box and its first line.
const PADDING: f64 = 5.0;

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
    let base = if callers.len().max(services.len()) > 14 { 34.0 } else { 40.0 };
    let mut from =
        Side::of(&left, lines.iter().map(|(key, line)| (key.0, width(line.calls, lines.len()))), base);
    let mut to =
        Side::of(&right, lines.iter().map(|(key, line)| (key.1, width(line.calls, lines.len()))), base);
    let height = from.height.max(to.height);
    from.spread(&left, height);
    to.spread(&right, height);
    page.raw(
        "<figure><div class=scroll><svg id=map role=group aria-label=\"Who calls what\" viewBox=\"0 0 1000 ",
    );
    page.coordinate(TOP + height).raw("\"><text class=side x=0 y=14>CALLERS</text>");
    page.raw("<text class=side x=1000 y=14 text-anchor=end>SERVICES</text>");
    draw_lines(
        &lines,
        &ends(&lines, &from, &right, |key| *key),
        &ends(&lines, &to, &left, |key| (key.1, key.0)),
        &callers,
        &services,
        page,
    );
    for (index, node) in callers.iter().enumerate() {
        draw_node(node, 'c', index, 0.0, from.of_node(index), page);
    }
    for (index, node) in services.iter().enumerate() {
        draw_node(node, 's', index, WIDTH - BOX_WIDTH, to.of_node(index), page);
    }
    page.raw("</svg></div><figcaption>The wider a line, the more calls (each ten times as many add the same width). \
        <span class=bad-key>Dashed red</span>: half of the calls or more were refused (4xx, 5xx).\
        <span class=js> Point at a box or line to see what belongs to it; press a box to list its endpoints.</span>\
        </figcaption></figure>");
}

/// Lines by caller and service.
type Lines = BTreeMap<(usize, usize), Line>;

/// Where a line's other end stands, the line, and its width.
type Strand = (usize, (usize, usize), f64);

fn graph(report: &Report) -> (Vec<Node>, Vec<Node>, Lines) {
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
    lines: &Lines,
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
            let weight = width(line.calls, 1);
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

/// The boxes of one side, from above.
struct Side {
    /// Upper edge and height of each node's box.
    boxes: Vec<(f64, f64)>,
    height: f64,
}

impl Side {
    /// Boxes high enough for their lines, in the given positions; `base` is the height of the lowest.
    fn of(positions: &[usize], lines: impl Iterator<Item = (usize, f64)>, base: f64) -> Side {
        let mut needed = vec![PADDING * 2.0; positions.len()];
        for (node, width) in lines {
            if let Some(needed) = needed.get_mut(node) {
                *needed += width + 1.5;
            }
        }
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by_key(|&node| positions.get(node).copied());
        let mut boxes = vec![(0.0, base); positions.len()];
        let mut at = 0.0;
        for node in order {
            if let (Some(place), Some(needed)) = (boxes.get_mut(node), needed.get(node)) {
                *place = (at, needed.clamp(base, base * 4.0));
                at += place.1 + GAP;
            }
        }
        Side { boxes, height: at }
    }

    /// Moves the boxes apart and down, so that the side takes its place in the middle of `height`.
    fn spread(&mut self, positions: &[usize], height: f64) {
        let free = (height - self.height).max(0.0);
        let apart = (free / self.boxes.len().max(1) as f64).min(GAP * 2.0);
        let down = (free - apart * (self.boxes.len().max(1) - 1) as f64) / 2.0;
        for ((y, _), position) in self.boxes.iter_mut().zip(positions) {
            *y += TOP + down + apart * *position as f64;
        }
    }

    fn of_node(&self, node: usize) -> (f64, f64) {
        self.boxes.get(node).copied().unwrap_or_default()
    }
}

/// Of a line: each ten times as many calls add the same.
fn width(calls: u64, lines: usize) -> f64 {
    // Thinner where there are many.
    let share = (LINES_STRONG as f64 / lines.max(1) as f64).clamp(0.3, 1.0);
    share * (1.25 + 1.25 * (calls.max(1) as f64).log10())
}

/// Where each line meets the boxes of one side: below each other in the order of their other ends, each
/// with the room that it is wide. `this_first` turns a line's key into (node of this side, other node).
fn ends(
    lines: &Lines,
    side: &Side,
    other_positions: &[usize],
    this_first: fn(&(usize, usize)) -> (usize, usize),
) -> BTreeMap<(usize, usize), f64> {
    let mut of_node: BTreeMap<usize, Vec<Strand>> = BTreeMap::new();
    for (key, line) in lines {
        let (this, other) = this_first(key);
        let position = other_positions.get(other).copied().unwrap_or_default();
        of_node.entry(this).or_default().push((position, *key, width(line.calls, lines.len())));
    }
    let mut ends = BTreeMap::new();
    for (node, mut lines) in of_node {
        lines.sort_by_key(|(position, key, _)| (*position, *key));
        let (y, height) = side.of_node(node);
        let all: f64 = lines.iter().map(|(_, _, width)| width).sum();
        // More room than they need is left between them, less makes them overlap.
        let apart = (height - PADDING * 2.0 - all) / (lines.len() as f64 + 1.0);
        let mut at = y + PADDING;
        for (_, key, width) in lines {
            ends.insert(key, at + apart + width / 2.0);
            at += apart + width;
        }
    }
    ends
}

fn draw_lines(
    lines: &Lines,
    from: &BTreeMap<(usize, usize), f64>,
    to: &BTreeMap<(usize, usize), f64>,
    callers: &[Node],
    services: &[Node],
    page: &mut Markup,
) {
    // Thin ones above wide ones.
    let mut sorted: Vec<(&(usize, usize), &Line)> = lines.iter().collect();
    sorted.sort_by_key(|(key, line)| (std::cmp::Reverse(line.calls), **key));
    page.raw("<g class=lines>");
    for (rank, (key, line)) in sorted.into_iter().enumerate() {
        let at = |ends: &BTreeMap<(usize, usize), f64>| ends.get(key).copied().unwrap_or_default();
        let (from, to) = (at(from), at(to));
        let is_refused = line.refused.saturating_mul(2) >= line.calls;
        page.raw(match (is_refused, rank < LINES_STRONG) {
            (true, true) => "<path class=bad data-c=",
            (false, true) => "<path data-c=",
            (true, false) => "<path class=\"bad minor\" data-c=",
            (false, false) => "<path class=minor data-c=",
        });
        page.digits(key.0 as u64).raw(" data-s=").digits(key.1 as u64).raw(" d=\"M");
        page.coordinate(BOX_WIDTH).raw(" ").coordinate(from).raw("C500 ").coordinate(from);
        page.raw(" 500 ").coordinate(to).raw(" ").coordinate(WIDTH - BOX_WIDTH).raw(" ").coordinate(to);
        page.raw("\" stroke-width=").coordinate(width(line.calls, lines.len())).raw("><title>");
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

fn draw_node(node: &Node, side: char, index: usize, x: f64, (y, height): (f64, f64), page: &mut Markup) {
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
        page.raw(" class=detail>")
            .text(&if side == 's' { shortened(&node.detail, 33) } else { ending(&node.detail, 33) })
            .raw("</text>");
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

/// Its end where it is long, from a `/` on if there is one: the last parts of a cgroup tell most.
fn ending(text: &str, columns_max: usize) -> String {
    let text = for_terminal(text);
    match text.char_indices().rev().nth(columns_max - 1) {
        Some((at, _)) if at > 0 => {
            let end = text.get(at..).unwrap_or_default();
            let end =
                end.find('/').filter(|at| end.len() - at > 8).and_then(|at| end.get(at..)).unwrap_or(end);
            format!("\u{2026}{end}")
        }
        _ => text.into_owned(),
    }
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
        assert_eq!(ending("/kubepods.slice/gateway-17.scope", 20), "\u{2026}/gateway-17.scope");
        assert_eq!(ending("abcdefghij", 4), "\u{2026}ghij");
        assert_eq!(
            ["950", "1.2k", "12k", "3.4M"],
            [950, 1_200, 12_000, 3_400_000].map(short_count).each_ref().map(|t| &**t)
        );
    }
}
