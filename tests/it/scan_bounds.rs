//! A scan of many random paths over a thousand hosts: rows, database and templates stay flat, what is
//! over a bound is visible, and a real service that is called before, during and after stays right.

use std::collections::BTreeMap;

use sensor::call::CallClass;
use sensor::counter::Counter;
use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::inventory::catalog::{Catalog, Service};
use sensor::limits::{NOISE_PER_RUN_MAX, PAGE_ROWS_PER_RUN_MAX, SERVICES_MAX};
use sensor::store::Store;
use sensor::store::memory::MemoryStore;
use sensor::store::sqlite::SqliteStore;

use crate::inventory_noise::Sensor;
use crate::store_fixture::run_start;

const HOSTS: u64 = 1000;
const REAL: &str = "api.shop.example";
const JSON: &str = "application/json";
const CLIENT: u8 = 2;
const SCANNER: u8 = 9;

/// Method, path (`#` is a number that changes) and template of each endpoint of the real service.
const ENDPOINTS: [(&str, &str, &str); 20] = [
    ("GET", "/users", "/users"),
    ("POST", "/users", "/users"),
    ("GET", "/users/#", "/users/{userId}"),
    ("DELETE", "/users/#", "/users/{userId}"),
    ("GET", "/users/#/orders", "/users/{userId}/orders"),
    ("GET", "/orders", "/orders"),
    ("POST", "/orders", "/orders"),
    ("GET", "/orders/#", "/orders/{orderId}"),
    ("PUT", "/orders/#/status", "/orders/{orderId}/status"),
    ("GET", "/orders/#/items/#", "/orders/{orderId}/items/{itemId}"),
    ("GET", "/api/v1/products", "/api/v1/products"),
    ("GET", "/api/v1/products/#", "/api/v1/products/{productId}"),
    ("GET", "/api/v1/products/#/reviews", "/api/v1/products/{productId}/reviews"),
    ("POST", "/api/v1/search", "/api/v1/search"),
    ("GET", "/api/v1/reports/2026-01-31", "/api/v1/reports/{reportDate}"),
    ("GET", "/profile", "/profile"),
    ("PATCH", "/profile", "/profile"),
    ("POST", "/login", "/login"),
    ("POST", "/logout", "/logout"),
    ("GET", "/teams/#/members/#", "/teams/{teamId}/members/{memberId}"),
];

/// Numbers that look random and are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn segment(&mut self) -> String {
        const WORDS: &[&str] = &[
            "admin", "backup", "config", "users", "login", "api", "v1", "test", "old", "private", "data",
            "export", "orders", "settings", "internal", "debug", "status", "search", "files", "images",
            "reports", "system",
        ];
        const ENDINGS: &[&str] = &[".php", ".bak", ".json", ".zip", "~", ".old", ".aspx", ".env"];
        let number = self.next();
        match self.below(7) {
            0 | 1 => WORDS[self.below(WORDS.len() as u64) as usize].to_owned(),
            2 => self.letters(4 + number % 9),
            3 => format!("{number:016x}"),
            4 => (number % 100_000).to_string(),
            5 => format!("{}{}", self.letters(6), ENDINGS[(number % 8) as usize]),
            _ => format!("{}-{}", WORDS[(number % 22) as usize], self.letters(5)),
        }
    }

    fn letters(&mut self, count: u64) -> String {
        (0..count).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    fn path(&mut self) -> String {
        let depth = if self.below(10) == 0 { 5 + self.below(12) } else { 1 + self.below(3) };
        let path: String = (0..depth).map(|_| format!("/{}", self.segment())).collect();
        if self.below(5) == 0 { format!("{path}?{}={}", self.letters(5), self.below(1000)) } else { path }
    }
}

/// Calls of the client in a round, as the catalog must show them: twice answered, once missed.
fn real_calls(sensor: &mut Sensor, random: &mut Random, at_s: u64) {
    for (method, path, _) in ENDPOINTS {
        for status in [200, 200, 404] {
            let mut request = format!("{method} ");
            for (at, part) in path.split('#').enumerate() {
                if at > 0 {
                    request.push_str(&random.below(1_000_000).to_string());
                }
                request.push_str(part);
            }
            let body = format!("{{\"value\":{}}}", random.below(1_000_000));
            sensor.call(REAL, &request, (status, JSON, &body), CLIENT, at_s);
        }
    }
}

fn service<'a>(catalog: &'a Catalog, name: &str) -> &'a Service {
    catalog.services.iter().find(|service| &*service.name == name).expect("the real service")
}

fn assert_real_is_right(catalog: &Catalog, rounds: u64) {
    let found: BTreeMap<(&str, &str), (u64, u64, u64)> = service(catalog, REAL)
        .endpoints
        .iter()
        .map(|endpoint| {
            let client =
                endpoint.stats.callers.iter().filter(|(key, _)| key.peer.address.to_string() == "10.0.0.2");
            let (calls, refused) = client.fold((0, 0), |sum, (_, c)| (sum.0 + c.calls, sum.1 + c.refused));
            let answered = endpoint.stats.statuses.get(&200).copied().unwrap_or(0);
            assert_eq!(endpoint.evidence().1, None, "{} is confirmed", endpoint.template);
            ((endpoint.method.name(), &*endpoint.template), (calls, refused, answered))
        })
        .collect();
    let expected: BTreeMap<(&str, &str), (u64, u64, u64)> = ENDPOINTS
        .iter()
        .map(|(method, _, template)| ((*method, *template), (3 * rounds, rounds, 2 * rounds)))
        .collect();
    assert_eq!(found, expected);
}

/// What the store holds at one point of the scan.
struct Size {
    /// Rows that may be endpoints.
    found: usize,
    noise: usize,
    /// Rows of all tables, about.
    rows: usize,
    file_bytes: u64,
    /// Of the whole test process, in KiB: to look at, other tests run at the same time.
    resident: u64,
}

impl std::fmt::Debug for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Size { found, noise, rows, file_bytes, resident } = self;
        let (file, resident) = (*file_bytes as f64 / 1048576.0, resident >> 10);
        write!(f, "{found} + {noise} endpoint rows, {rows} rows, {file:.1} MiB file, {resident} MiB resident")
    }
}

fn size(inventory: &Inventory, file_bytes: u64) -> Size {
    let found = inventory.endpoints.keys().filter(|key| key.class == CallClass::Found).count();
    let rows = inventory.endpoints.values().map(|s| {
        1 + s.statuses.len() + s.fields.len() + s.callers.len() + s.servers.len() + s.response_types.len()
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Size {
        found,
        noise: inventory.endpoints.len() - found,
        rows: rows.sum(),
        file_bytes,
        resident: resident.and_then(|r| r.split_whitespace().next()?.parse().ok()).unwrap_or(0),
    }
}

/// Scans with as many calls; other hosts than the real one answer as `answer` says.
async fn scan(calls: u64, answer: (u16, &str, &str)) {
    const PARTS: u64 = 20;
    let started = std::time::Instant::now();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut file = SqliteStore::create(&path).await.expect("a new store");
    let mut memory = MemoryStore::default();
    let (run, _) = (file.begin_run(&run_start()).await.expect("a run"), memory.begin_run(&run_start()).await);
    let (mut sensor, mut random) = (Sensor::new(), Random(7));
    let mut sizes = BTreeMap::new();
    real_calls(&mut sensor, &mut random, 0);
    for part in 1..=PARTS {
        for call in 0..calls / PARTS {
            let at_s = part * 600 + call * 600 / (calls / PARTS);
            let request = format!("GET {}", random.path());
            if random.below(10) == 0 {
                sensor.call(REAL, &request, (404, JSON, "{\"error\":\"no such thing\"}"), SCANNER, at_s);
            } else {
                let host = format!("h{}.example", random.below(HOSTS));
                sensor.call(&host, &request, answer, SCANNER, at_s);
            }
            if call == calls / PARTS / 2 {
                real_calls(&mut sensor, &mut random, at_s);
            }
        }
        if part == PARTS {
            real_calls(&mut sensor, &mut random, 601 * part);
        }
        let delta = sensor.take();
        memory.merge(run, part, &delta, Timestamp(part)).await.expect("merges");
        // The file is slow: what it was not told yet comes with the next delta.
        file.merge(run, part, &delta, Timestamp(part)).await.expect("merges");
        if [PARTS / 10, PARTS / 2, PARTS].contains(&part) {
            let bytes = file_bytes(&path).await;
            sizes.insert(part * 100 / PARTS, size(&memory.load().await.expect("loads"), bytes));
        }
    }
    let scanned = started.elapsed();
    let inventory = file.load().await.expect("loads");
    assert_eq!(inventory, memory.load().await.expect("loads"));
    let started = std::time::Instant::now();
    let catalog = Catalog::of(&inventory);
    println!("{calls} calls answered {}: {scanned:?}, catalog in {:?}", answer.0, started.elapsed());
    for (percent, size) in &sizes {
        println!("  at {percent:3} %: {size:?}");
    }
    println!(
        "  losses {:?}\n  services {}, endpoints of others {}, noise rows {}, over budget {}, scanners {:?}",
        sensor.counters.named(),
        catalog.services.len(),
        catalog.services.iter().filter(|s| &*s.name != REAL).map(|s| s.endpoints.len()).sum::<usize>(),
        catalog.noise.rows.len(),
        catalog.noise.rows.iter().filter(|row| row.path == "/{over-budget}").count(),
        catalog
            .noise
            .scanners
            .iter()
            .map(|s| (s.peer.address, s.calls, s.missed, s.paths))
            .collect::<Vec<_>>(),
    );

    assert_real_is_right(&catalog, PARTS + 2);
    let (early, late) = (&sizes[&10], &sizes[&100]);
    let flat = |early: usize, late: usize| late <= early + early / 10 + 200;
    assert!(flat(early.found, late.found), "{sizes:?}");
    assert!(flat(early.noise, late.noise), "{sizes:?}");
    assert!(flat(early.rows, late.rows), "{sizes:?}");
    assert!(flat(early.file_bytes as usize >> 10, late.file_bytes as usize >> 10), "{sizes:?}");
    assert!(late.found <= PAGE_ROWS_PER_RUN_MAX + SERVICES_MAX + 21, "{late:?}");
    assert!(late.noise <= NOISE_PER_RUN_MAX * 9 / 8 + SERVICES_MAX + 1 + 20, "{late:?}");
    assert!(late.file_bytes < 48 << 20, "{late:?}");
    // No call is lost: those over a bound are in rows that say so.
    let total: u64 = inventory.endpoints.values().map(|stats| stats.calls).sum();
    assert_eq!(total, calls / PARTS * PARTS + (PARTS + 2) * 60);
    let over = catalog.noise.rows.iter().filter(|row| row.path == "/{over-budget}");
    assert!(over.map(|row| row.stats.calls).sum::<u64>() > calls / 20);
    assert!(sensor.counters.count(Counter::NoiseFull) > 0);
    let [scanner] = &catalog.noise.scanners[..] else { panic!("one scanner: {:?}", catalog.noise.scanners) };
    assert_eq!(scanner.peer.address.to_string(), "10.0.0.9");
    assert!(scanner.missed > calls * 8 / 10, "{scanner:?}");
}

async fn file_bytes(path: &std::path::Path) -> u64 {
    let mut connection = crate::store_sqlite::connect(path).await;
    let pages: i64 =
        sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.expect("a number of pages");
    pages as u64 * 4096
}

const NOT_FOUND: (u16, &str, &str) = (404, "text/html", "<html><title>404 Not Found</title></html>");
const CATCH_ALL: (u16, &str, &str) = (200, "text/html", "<!doctype html><html><div id=\"app\"></div></html>");

#[tokio::test]
async fn a_scan_of_missing_paths_stays_small() {
    scan(200_000, NOT_FOUND).await;
}

#[tokio::test]
async fn a_scan_of_catch_alls_stays_small() {
    scan(200_000, CATCH_ALL).await;
}

/// `cargo test -p sensor --test it scan_bounds -- --ignored --nocapture --test-threads 1`
#[tokio::test]
#[ignore = "a minute; says figures"]
async fn a_scan_of_a_million_missing_paths_stays_small() {
    scan(1_000_000, NOT_FOUND).await;
}

/// As above.
#[tokio::test]
#[ignore = "a minute; says figures"]
async fn a_scan_of_a_million_catch_alls_stays_small() {
    scan(1_000_000, CATCH_ALL).await;
}
