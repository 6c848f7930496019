//! `cargo xtask eval templates`: traffic that looks real, made from public API descriptions, through the
//! sensor's own stages; how many of its templates are right, beside the rules of other tools. Services
//! are split by provider into a half that weights and words were tuned on and one that was held out.

mod baselines;
mod boost;
mod corpus;
mod fit;
mod rng;
mod score;
mod speed;
mod system;
mod traffic;
mod values;

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use baselines::BASELINES;
use corpus::Service;
use score::Score;
use traffic::requests;
use values::Values;

#[derive(Parser)]
struct Options {
    /// OpenAPI documents (JSON) or folders with them; the first folder below each is the provider.
    #[arg(required = true)]
    documents: Vec<PathBuf>,
    /// Calls per route.
    #[arg(long, value_delimiter = ',', default_values_t = [5, 20, 40, 200])]
    calls: Vec<usize>,
    /// Which half of the services.
    #[arg(long, value_enum, default_value_t = Half::Both)]
    half: Half,
    /// Seed of all values and frequencies.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Routes are called as unevenly as real ones, a fifth to five times as often.
    #[arg(long)]
    uneven: bool,
    /// Every n-th service only.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Leave out the rules of other tools.
    #[arg(long)]
    no_baselines: bool,
    /// Show so many of the services with most wrong requests, with examples.
    #[arg(long, default_value_t = 0)]
    worst: usize,
    /// Fit the trees that weigh the evidence on the tuning half, and print them.
    #[arg(long)]
    fit: bool,
    /// Measure what templating costs instead.
    #[arg(long)]
    speed: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Half {
    /// The one that weights and words were tuned on.
    Tuning,
    /// The one that was held out.
    HeldOut,
    /// Both, one after the other.
    Both,
}

/// The half of a provider: even hashes are for tuning.
fn is_held_out(provider: &str) -> bool {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = provider.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    (hash ^ hash >> 32) & 1 == 1
}

fn main() -> Result<()> {
    let options = Options::parse();
    let services = corpus::read(&options.documents)?;
    ensure!(!services.is_empty(), "there is no OpenAPI document in what was named");
    let values = Values::new();
    let half = |held_out: bool| -> Vec<&Service> {
        let half = services.iter().filter(|service| is_held_out(&service.provider) == held_out);
        half.step_by(options.every.max(1)).collect()
    };
    if options.speed {
        speed::run(&services, &values, options.seed);
        return Ok(());
    }
    if options.fit {
        fit::run(&half(false), &values, options.seed);
        return Ok(());
    }
    for (name, held_out, asked) in
        [("tuning half", false, Half::Tuning), ("held-out half", true, Half::HeldOut)]
    {
        if options.half == Half::Both || options.half == asked {
            evaluate(name, &half(held_out), &values, &options);
        }
    }
    Ok(())
}

fn evaluate(half: &str, services: &[&Service], values: &Values, options: &Options) {
    let routes: usize = services.iter().map(|service| service.routes.len()).sum();
    println!("{half}: {} services, {routes} routes", services.len());
    println!(
        "{:<20} {:>6} {:>8} {:>10} {:>10} {:>12} {:>9} {:>10} {:>9}",
        "rule", "calls", "exact", "by service", "templates", "inventory", "pair F1", "by service", "requests"
    );
    let mut first_right: HashMap<(usize, usize), usize> = HashMap::new();
    for &calls in &options.calls {
        let mut own = Score::default();
        let mut causes = [0_usize; 4];
        let mut others = vec![Score::default(); BASELINES.len()];
        let mut wrong: Vec<(usize, usize, Vec<String>)> = Vec::new();
        for (number, service) in services.iter().enumerate() {
            let requests = requests(service, values, options.seed, calls, options.uneven);
            let outcome = system::run(&requests);
            let score = Score::of(&requests, &outcome.templates);
            own += score;
            for (request, template) in requests.iter().zip(&outcome.templates) {
                if let Some(cause) = cause(&request.truth, template) {
                    causes[cause] += 1;
                }
            }
            note_right(&mut first_right, number, calls, &requests, &outcome.templates);
            wrong.push((score.requests - score.exact, number, examples(&requests, &outcome.templates)));
            if !options.no_baselines {
                for (sum, baseline) in others.iter_mut().zip(BASELINES) {
                    *sum += Score::of(&requests, &baselines::templates(baseline, &requests));
                }
            }
        }
        line("apicensus", calls, &own);
        if !options.no_baselines {
            BASELINES.iter().zip(&others).for_each(|(baseline, score)| line(baseline.name, calls, score));
        }
        let all = own.requests.max(1) as f64;
        let [hidden, lost, kept, other] = causes.map(|count| count as f64 * 100.0 / all);
        println!(
            "    wrong: {hidden:.1} % right but for a word not shown, {lost:.1} % literal taken for a value, \
             {kept:.1} % value taken for a literal, {other:.1} % other"
        );
        wrong.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
        for (count, number, examples) in wrong.iter().take(options.worst) {
            println!("    {count} wrong at {}", services[*number].name);
            examples.iter().for_each(|example| println!("        {example}"));
        }
    }
    let mut needed: Vec<usize> = first_right.values().copied().collect();
    needed.sort_unstable();
    let share = |part: f64| match needed.get((part * routes as f64) as usize) {
        Some(calls) => calls.to_string(),
        None => "more than were made".to_owned(),
    };
    println!(
        "calls per route (of those tried) until a route is right and stays so: half of the routes {}, 80 % {}, \
         90 % {}; {:.1} % of the routes in the end\n",
        share(0.5),
        share(0.8),
        share(0.9),
        needed.len() as f64 * 100.0 / routes.max(1) as f64
    );
}

fn line(name: &str, calls: usize, score: &Score) {
    let (exact, ratio, f1) = score.per_service();
    println!(
        "{name:<20} {calls:>6} {:>7.1}% {:>9.1}% {:>9.1}% {:>6.2} ({ratio:.2}) {:>8.1}% {:>9.1}% {:>9}",
        score.exact_part() * 100.0,
        exact * 100.0,
        score.routes_right as f64 * 100.0 / score.routes.max(1) as f64,
        score.inventory(),
        score.pairwise_f1() * 100.0,
        f1 * 100.0,
        score.requests
    );
}

/// Keeps at how many calls each route became right, if it still is.
fn note_right(
    first: &mut HashMap<(usize, usize), usize>,
    service: usize,
    calls: usize,
    requests: &[traffic::Request],
    templates: &[String],
) {
    let mut right: HashMap<usize, bool> = HashMap::new();
    for (request, template) in requests.iter().zip(templates) {
        *right.entry(request.route).or_insert(true) &= *template == request.truth;
    }
    for (route, right) in right {
        if right {
            first.entry((service, route)).or_insert(calls);
        } else {
            first.remove(&(service, route));
        }
    }
}

/// Why a template is wrong: 0 a hidden word only, 1 a literal lost, 2 a value kept, 3 anything else.
fn cause(truth: &str, found: &str) -> Option<usize> {
    if truth == found {
        return None;
    }
    let (truth, found): (Vec<&str>, Vec<&str>) = (truth.split('/').collect(), found.split('/').collect());
    if truth.len() != found.len() {
        return Some(3);
    }
    let mut cause = 0;
    for (truth, found) in truth.iter().zip(found).filter(|(truth, found)| **truth != *found) {
        cause = cause.max(match (truth.contains('{'), found.contains('{')) {
            (false, true) => 1,
            (true, false) => 2,
            (false, false) if found.starts_with('~') => 0,
            _ => 3,
        });
    }
    Some(cause)
}

/// A few of the wrong ones, the most frequent first.
fn examples(requests: &[traffic::Request], templates: &[String]) -> Vec<String> {
    let mut wrong: HashMap<(&str, &str), usize> = HashMap::new();
    for (request, template) in requests.iter().zip(templates).filter(|(r, t)| r.truth != **t) {
        *wrong.entry((&request.truth, template)).or_default() += 1;
    }
    let mut wrong: Vec<_> = wrong.into_iter().collect();
    wrong.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let step = wrong.len().div_ceil(5).max(1);
    let shown = wrong.iter().step_by(step).take(5);
    shown.map(|((truth, found), count)| format!("{count:>5}  {truth}  ->  {found}")).collect()
}
