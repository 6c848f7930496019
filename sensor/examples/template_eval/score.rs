//! How right templates are, over the requests of one service.

use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;

use super::traffic::Request;

/// Sums over services.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub services: usize,
    pub requests: usize,
    /// Requests whose template is exactly the true one.
    pub exact: usize,
    pub routes: usize,
    /// Routes all of whose requests have exactly the true template.
    pub routes_right: usize,
    /// Different methods with templates, found and true.
    pub found: usize,
    pub truth: usize,
    /// Pairs of requests under one template: in both, found, true.
    pairs: [f64; 3],
    /// Sums over services of the share that is exact, and of found over true.
    exact_share: f64,
    ratio: f64,
    f1: f64,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Score) {
        self.services += other.services;
        self.requests += other.requests;
        self.exact += other.exact;
        self.routes += other.routes;
        self.routes_right += other.routes_right;
        self.found += other.found;
        self.truth += other.truth;
        self.exact_share += other.exact_share;
        self.ratio += other.ratio;
        self.f1 += other.f1;
        for (sum, more) in self.pairs.iter_mut().zip(other.pairs) {
            *sum += more;
        }
    }
}

impl Score {
    /// Of one service.
    pub fn of(requests: &[Request], templates: &[String]) -> Score {
        let mut right: HashMap<usize, bool> = HashMap::new();
        let (mut found, mut truth) = (HashMap::<_, f64>::new(), HashMap::<_, f64>::new());
        let mut both = HashMap::<_, f64>::new();
        let (mut found_rows, mut true_rows) = (HashSet::new(), HashSet::new());
        let mut exact = 0;
        for (request, template) in requests.iter().zip(templates) {
            let is_exact = *template == request.truth;
            exact += usize::from(is_exact);
            *right.entry(request.route).or_insert(true) &= is_exact;
            *found.entry(template).or_default() += 1.0;
            *truth.entry(&request.truth).or_default() += 1.0;
            *both.entry((template, &request.truth)).or_default() += 1.0;
            found_rows.insert((request.method, template));
            true_rows.insert((request.method, &request.truth));
        }
        let (found_rows, true_rows) = (found_rows.len(), true_rows.len());
        let pairs = [pairs(both.values()), pairs(found.values()), pairs(truth.values())];
        Score {
            f1: f1(pairs),
            pairs,
            services: 1,
            requests: requests.len(),
            exact,
            routes: right.len(),
            routes_right: right.values().filter(|right| **right).count(),
            found: found_rows,
            truth: true_rows,
            exact_share: exact as f64 / requests.len().max(1) as f64,
            ratio: found_rows as f64 / true_rows.max(1) as f64,
        }
    }

    /// Share of requests with exactly the true template.
    pub fn exact_part(&self) -> f64 {
        self.exact as f64 / self.requests.max(1) as f64
    }

    /// Harmonic mean of precision and recall of "both are under one template", over pairs of requests
    /// of one service.
    pub fn pairwise_f1(&self) -> f64 {
        f1(self.pairs)
    }

    /// Found endpoints over true ones.
    pub fn inventory(&self) -> f64 {
        self.found as f64 / self.truth.max(1) as f64
    }

    /// Mean over services of the exact share, of found over true, and of the pairwise F1.
    pub fn per_service(&self) -> (f64, f64, f64) {
        let services = self.services.max(1) as f64;
        (self.exact_share / services, self.ratio / services, self.f1 / services)
    }
}

fn f1([both, found, truth]: [f64; 3]) -> f64 {
    if found + truth == 0.0 { 1.0 } else { 2.0 * both / (found + truth) }
}

fn pairs<'a>(counts: impl Iterator<Item = &'a f64>) -> f64 {
    counts.map(|count| count * (count - 1.0) / 2.0).sum()
}
