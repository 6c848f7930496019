//! Calls of one service: for each route as many as asked for, its methods in turn, its parameters
//! drawn from their pools, in an order that mixes the routes.

use std::collections::HashMap;

use super::corpus::Service;
use super::rng::Rng;
use super::values::{Pool, Values};

/// Different callers.
pub const CALLERS: usize = 8;

/// One request.
pub struct Request {
    pub method: &'static str,
    /// Path as it is sent, percent-coded.
    pub path: String,
    /// Its template with `{}` for parameters.
    pub truth: String,
    /// Number of its route.
    pub route: usize,
    pub caller: usize,
}

/// The calls of a service; `uneven`: some routes more often than others, the mean about the same.
pub fn requests(service: &Service, values: &Values, seed: u64, calls: usize, uneven: bool) -> Vec<Request> {
    let mut rng = Rng::of(seed, &["calls", &service.name, &calls.to_string()]);
    let mut pools: HashMap<String, Pool> = HashMap::new();
    let mut requests = Vec::with_capacity(service.routes.len() * calls);
    for (number, route) in service.routes.iter().enumerate() {
        let truth: Vec<String> = route.segments.iter().map(|segment| blank(segment)).collect();
        let truth = format!("/{}", truth.join("/"));
        let calls = match uneven {
            true => ((calls as f64 * 5_f64.powf(rng.between(-1.0, 1.0)) * 0.67) as usize).max(1),
            false => calls,
        };
        for call in 0..calls {
            let mut path = String::new();
            for segment in &route.segments {
                path.push('/');
                let mut rest = segment.as_str();
                while let Some((literal, (name, behind))) = rest
                    .split_once('{')
                    .and_then(|(literal, behind)| Some((literal, behind.split_once('}')?)))
                {
                    path.push_str(literal);
                    let pool = pools.entry(name.to_lowercase()).or_insert_with(|| {
                        let typed = route.parameters.get(name).cloned().unwrap_or_default();
                        values.pool(seed, &service.name, name, &typed)
                    });
                    encode(pool.draw(&mut rng), &mut path);
                    rest = behind;
                }
                path.push_str(rest);
            }
            let method = route.methods[call % route.methods.len()];
            let truth = truth.clone();
            requests.push(Request { method, path, truth, route: number, caller: rng.below(CALLERS) });
        }
    }
    for at in (1..requests.len()).rev() {
        requests.swap(at, rng.below(at + 1));
    }
    requests
}

/// A segment or a whole template with `{}` for each parameter.
pub fn blank(segment: &str) -> String {
    let mut text = String::new();
    let mut open = false;
    for character in segment.chars() {
        match character {
            '{' => {
                open = true;
                text.push_str("{}");
            }
            '}' => open = false,
            _ if !open => text.push(character),
            _ => {}
        }
    }
    text
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => into.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b'+' | b'$' | b',' | b'=' => {
                into.push(char::from(byte))
            }
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}
