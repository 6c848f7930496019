//! What templating costs: a call's path at the border in the steady state, and settling the templates of a
//! million stored path observations.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use sensor::call::{CallClass, Path};
use sensor::inventory::template::{Guide, Templates};

use super::corpus::Service;
use super::system;
use super::traffic::requests;
use super::values::Values;

/// Observations that are settled.
const OBSERVATIONS: usize = 1_000_000;

/// Measures and prints.
pub fn run(services: &[Service], values: &Values, seed: u64) {
    // Different raw paths of many services, as a store gives them back.
    let mut all: Vec<Vec<(Path, &'static str)>> = Vec::new();
    let mut count = 0;
    let mut calls = 0;
    'rounds: for round in 0.. {
        for service in services {
            let requests = requests(service, values, seed + round, 40, false);
            let outcome = system::run(&requests);
            calls += requests.len();
            let rows: BTreeSet<(Path, &'static str)> = outcome
                .paths
                .into_iter()
                .zip(&requests)
                .filter(|((_, class), _)| *class == CallClass::Found)
                .map(|((path, _), request)| (path, request.method))
                .collect();
            count += rows.len();
            all.push(rows.into_iter().collect());
            if count >= OBSERVATIONS {
                break 'rounds;
            }
        }
    }
    println!("{count} stored path observations of {} services, from {calls} calls", all.len());
    for _ in 0..3 {
        let started = Instant::now();
        let mut endpoints = 0;
        for rows in &all {
            let mut templates = Templates::default();
            for (path, method) in rows {
                let method = sensor::call::Method::of_token(method.as_bytes());
                templates.add(path, method, 7);
            }
            templates.settle(&Guide::default());
            let nodes: BTreeSet<_> = rows.iter().filter_map(|(path, _)| templates.locate(path)).collect();
            endpoints += nodes.len();
        }
        println!(
            "re-templated in {:.2} s on one core: {} templates",
            started.elapsed().as_secs_f64(),
            black_box(endpoints)
        );
    }
    let mut steady: Vec<f64> = services
        .iter()
        .filter(|service| service.routes.len() >= 50)
        .take(12)
        .map(|service| system::path_cost_ns(&requests(service, values, seed, 40, false)))
        .collect();
    steady.sort_by(f64::total_cmp);
    if let [first, .., last] = steady[..] {
        println!(
            "a call's path at the border, steady state: {:.0} ns more than a path of one word (median of {} \
             services, {first:.0} to {last:.0})",
            steady[steady.len() / 2],
            steady.len()
        );
    }
}
