//! Noise beside the inventory, and which endpoints are confirmed: calls through the reader and the
//! recorder, templates and noise out.

use proptest::prelude::*;
use sensor::call::{Reader, path_text};
use sensor::counter::{Counter, Counters};
use sensor::flow::Timestamp;
use sensor::inventory::catalog::{Catalog, Endpoint, Reading};
use sensor::inventory::guidance::{
    Document, Guidance, Hint, Pattern, PatternSegment, Route, RouteSegment, Rule,
};
use sensor::inventory::{Inventory, Recorder};
use sensor::limits::{MISSED_PER_SERVICE_MAX, PAGE_ROWS_PER_SERVICE_MAX, SERVICES_MAX};

use crate::call_exchange::{KEY, exchange, parties};

const SECOND: u64 = 1_000_000_000;

/// One sensor.
pub struct Sensor {
    reader: Reader,
    recorder: Recorder,
    pub counters: Counters,
}

impl Sensor {
    pub fn new() -> Sensor {
        Sensor { reader: Reader::new(KEY), recorder: Recorder::new(KEY), counters: Counters::default() }
    }

    /// A call of a caller at a time; the request is `METHOD path`, the response a status, a type and a
    /// body.
    pub fn call(&mut self, service: &str, request: &str, response: (u16, &str, &str), caller: u8, at_s: u64) {
        let (status, media, body) = response;
        let head = format!("{request} HTTP/1.1\nHost: {service}\n");
        let response = match (status, media) {
            (0, _) => String::new(),
            (_, "") => format!("HTTP/1.1 {status} X\n\n"),
            _ => format!("HTTP/1.1 {status} X\nContent-Type: {media}\n\n{body}"),
        };
        let mut raw = exchange(&head, &response);
        raw.request.first_byte = Timestamp(at_s * SECOND);
        let call = self.reader.read(raw, &parties(caller), &mut self.counters).expect("a call");
        self.recorder.record(&call, &mut self.counters);
    }

    pub fn take(&mut self) -> Inventory {
        self.recorder.take(&self.reader)
    }
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const NOTHING: (u16, &str, &str) = (404, JSON, "{\"error\":\"not found\"}");

/// `METHOD template statuses` of each endpoint.
fn endpoints(catalog: &Catalog) -> Vec<String> {
    let endpoints = catalog.services.iter().flat_map(|service| &service.endpoints);
    endpoints.map(|e| format!("{} {} {:?}", e.method.name(), e.template, e.stats.statuses)).collect()
}

/// `class METHOD path calls` of each row of noise.
fn noise(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.noise.rows.iter();
    rows.map(|row| format!("{} {} {} {}", row.class.name(), row.method.name(), row.path, row.stats.calls))
        .collect()
}

#[test]
fn misses_of_an_endpoint_are_its_own_and_others_are_noise() {
    let mut sensor = Sensor::new();
    let api = "api.example";
    // Before the endpoint was ever found, too.
    sensor.call(api, "GET /users/7", NOTHING, 2, 0);
    sensor.call(api, "GET /users/8", (200, JSON, "{\"id\":8}"), 2, 1);
    sensor.call(api, "GET /users/wombat", NOTHING, 2, 2);
    sensor.call(api, "GET /users/search", (200, JSON, "[]"), 2, 3);
    sensor.call(api, "GET /users/search", (410, JSON, "[]"), 2, 3);
    sensor.call(api, "DELETE /users", (405, "", ""), 2, 4);
    sensor.call(api, "GET /users/7/orders", NOTHING, 2, 5);
    sensor.call(api, "GET /wp-login.php", NOTHING, 2, 6);
    sensor.call(api, "POST /reports", (501, "", ""), 2, 7);
    let catalog = Catalog::of(&sensor.take());
    assert_eq!(
        endpoints(&catalog),
        ["GET /users/search {200: 1, 410: 1}", "GET /users/{userId} {200: 1, 404: 2}"]
    );
    assert_eq!(
        noise(&catalog),
        [
            "missed POST /reports 1",
            "missed DELETE /users 1",
            "missed GET /users/{integer}/orders 1",
            "missed GET /wp-login.php 1",
        ]
    );
}

#[test]
fn files_probes_and_preflights_are_counted_beside() {
    let mut sensor = Sensor::new();
    let web = "web.example";
    sensor.call(web, "GET /assets/app.3f2a.js", (200, "text/javascript", "a"), 2, 0);
    sensor.call(web, "GET /assets/style.css", (200, "text/css", "b"), 2, 0);
    sensor.call(web, "GET /assets/list", (200, JSON, "{}"), 2, 0);
    sensor.call(web, "GET /healthz", (200, "text/plain", "ok"), 3, 0);
    sensor.call(web, "GET /", (200, HTML, "<p>"), 2, 0);
    sensor.call(web, "GET /", (503, "", ""), 3, 1);
    let probe =
        exchange("GET / HTTP/1.1\nHost: web.example\nUser-Agent: kube-probe/1.30\n", "HTTP/1.1 200 OK\n\n");
    let asked = exchange(
        "OPTIONS /orders HTTP/1.1\nHost: web.example\nOrigin: https://a\nAccess-Control-Request-Method: PUT\n",
        "HTTP/1.1 204 No Content\n\n",
    );
    let options = exchange("OPTIONS /orders HTTP/1.1\nHost: web.example\n", "HTTP/1.1 204 No Content\n\n");
    for raw in [probe, asked, options] {
        let call = sensor.reader.read(raw, &parties(4), &mut sensor.counters).expect("a call");
        sensor.recorder.record(&call, &mut sensor.counters);
    }
    let catalog = Catalog::of(&sensor.take());
    // The probe asked for a page that others ask for too.
    assert_eq!(
        endpoints(&catalog),
        ["GET / {200: 2, 503: 1}", "GET /assets/list {200: 1}", "OPTIONS /orders {204: 1}"]
    );
    assert_eq!(
        noise(&catalog),
        ["static-file GET /assets/{file} 2", "health-check GET /healthz 1", "preflight OPTIONS /orders 1"]
    );
}

#[test]
fn a_page_for_any_path_is_no_endpoint() {
    let mut sensor = Sensor::new();
    let web = "web.example";
    let page = (200, HTML, "<html><div id=root></div></html>");
    for path in ["/", "/settings", "/users/7", "/users", "/quux/frob", "/report/3"] {
        sensor.call(web, &format!("GET {path}"), page, 2, 0);
    }
    sensor.call(web, "GET /api/users/7", (200, JSON, "{\"id\":7}"), 2, 0);
    sensor.call(web, "GET /about", (200, HTML, "<html>About</html>"), 2, 0);
    // One endpoint that thanks everybody in the same words.
    for token in ["abcdefg1", "abcdefg2", "abcdefg3", "abcdefg4", "abcdefg5", "abcdefg6"] {
        sensor.call(web, &format!("GET /unsubscribe/{token}"), (200, HTML, "<p>Goodbye</p>"), 2, 0);
    }
    // The same program at another host: one path is enough.
    sensor.call("mirror.example", "GET /users", page, 2, 0);
    let catalog = Catalog::of(&sensor.take());
    assert_eq!(
        endpoints(&catalog),
        [
            "GET / {200: 1}",
            "GET /about {200: 1}",
            "GET /api/users/{userId} {200: 1}",
            "GET /unsubscribe/{unsubscribeName} {200: 6}",
        ]
    );
    assert_eq!(catalog.noise.rows.len(), 6);
    assert!(catalog.noise.rows.iter().all(|row| row.class.name() == "soft-missed"), "{:?}", noise(&catalog));
}

/// The texts of redirects are alike and say nothing.
#[test]
fn redirects_are_endpoints() {
    let mut sensor = Sensor::new();
    for path in ["/users", "/orders/7", "/reports", "/teams/7/members", "/jobs"] {
        let moved = (302, HTML, "<html>302 Found</html>");
        sensor.call("links.example", &format!("GET {path}"), moved, 2, 0);
    }
    assert_eq!(endpoints(&Catalog::of(&sensor.take())).len(), 5);
}

#[test]
fn what_people_say_wins() {
    let mut sensor = Sensor::new();
    let page = (200, HTML, "<html><div id=root></div></html>");
    for path in ["/users", "/orders/7", "/reports", "/teams/7/members", "/jobs"] {
        sensor.call("web.example", &format!("GET {path}"), page, 2, 0);
    }
    sensor.call("web.example", "GET /health", (200, JSON, "{}"), 2, 0);
    sensor.call("web.example", "GET /internal/jobs", (200, JSON, "{\"a\":1}"), 2, 0);
    sensor.call("web.example", "GET /internal", (404, JSON, "{}"), 2, 0);
    sensor.call("other.example", "GET /internal/jobs", (200, JSON, "{\"a\":1}"), 2, 0);
    let inventory = sensor.take();
    let before = Catalog::of(&inventory);
    assert_eq!(endpoints(&before), ["GET /internal/jobs {200: 1}", "GET /internal/jobs {200: 1}"]);
    let literal = |word: &str| RouteSegment::Literal(word.to_owned());
    let id = RouteSegment::Parameter {
        name: "id".to_owned(),
        before: String::new(),
        behind: String::new(),
        takes: sensor::inventory::guidance::Takes::Any,
    };
    let route = |segments| Route { segments, methods: vec!["GET".to_owned()] };
    let never = Pattern(vec![PatternSegment::Literal("internal".to_owned())]);
    let guidance = Guidance {
        hints: vec![Hint { service: "web.*".to_owned(), rule: Rule::Never(never) }],
        documents: vec![Document {
            services: vec!["*".to_owned()],
            routes: vec![route(vec![literal("orders"), id]), route(vec![literal("health")])],
        }],
    };
    let reading = Reading { guidance: Some(&guidance), ..Reading::default() };
    let catalog = Catalog::read(&inventory, reading);
    assert_eq!(
        endpoints(&catalog),
        ["GET /internal/jobs {200: 1}", "GET /health {200: 1}", "GET /orders/{id} {200: 1}"]
    );
    assert_eq!(
        noise(&catalog)[4..],
        ["never GET /internal 1", "never GET /internal/jobs 1"],
        "{:?}",
        noise(&catalog)
    );
}

#[test]
fn two_pages_at_one_path_are_an_endpoint() {
    let mut sensor = Sensor::new();
    for path in ["/a", "/users", "/report", "/orders", "/settings"] {
        for body in ["<p>one</p>", "<p>two</p>"] {
            sensor.call("web.example", &format!("GET {path}"), (200, HTML, body), 2, 0);
        }
    }
    assert!(noise(&Catalog::of(&sensor.take())).is_empty());
}

/// Many endpoints of an API may answer in the same few bytes.
#[test]
fn an_api_that_says_ok_stays() {
    for body in ["{}", "{\"ok\":true}", "[]"] {
        let mut sensor = Sensor::new();
        let words = [
            "users", "orders", "reports", "settings", "jobs", "events", "teams", "roles", "tags", "files",
            "alerts", "groups", "tokens", "plans", "carts", "items", "pages", "posts", "media", "search",
        ];
        for word in words {
            for (method, path) in [("GET", ""), ("GET", "/7"), ("POST", ""), ("DELETE", "/7")] {
                sensor.call("api.example", &format!("{method} /api/{word}{path}"), (200, JSON, body), 2, 0);
            }
        }
        // Names of users have one row, however many there are.
        for n in 0..200 {
            let request = format!("GET /api/names/{}", guess(n));
            sensor.call("api.example", &request, (200, JSON, body), 2, 0);
        }
        // Words that no dictionary has, each used again and again.
        for n in 0..40 {
            for time in 0..4 {
                let request = format!("GET /{}/status", guess(n));
                sensor.call("odd.example", &request, (200, JSON, body), 2, time);
            }
        }
        let catalog = Catalog::of(&sensor.take());
        assert!(noise(&catalog).is_empty(), "{body}: {:?}", noise(&catalog));
        assert!(endpoints(&catalog).len() > 81);
    }
}

/// A server under test that answers everything alike is an API as any other.
#[test]
fn a_stub_is_an_api() {
    for (media, body) in [(JSON, "{}"), (HTML, "ok"), ("text/plain", "<ok/>")] {
        let mut sensor = Sensor::new();
        for n in 0..60 {
            for path in
                ["/repos/{}/issues", "/repos/{}/pulls", "/users/{}", "/users/{}/keys", "/teams/{}/members"]
            {
                let request = format!("GET {}", path.replace("{}", &guess(n)));
                sensor.call("stub.example", &request, (200, media, body), 2, n as u64);
            }
        }
        let catalog = Catalog::of(&sensor.take());
        assert!(noise(&catalog).is_empty(), "{body}: {:?}", noise(&catalog));
        assert_eq!(endpoints(&catalog).len(), 5, "{:?}", endpoints(&catalog));
    }
}

/// A text of letters that is no word.
fn guess(n: usize) -> String {
    let letters = (0..4).map(|at| char::from(b'a' + (n * 7919 / 26_usize.pow(at) % 26) as u8));
    format!("zq{}", letters.collect::<String>())
}

#[test]
fn scanners_are_told_from_clients_that_err() {
    let mut sensor = Sensor::new();
    for n in 0..100 {
        sensor.call("api.example", &format!("GET /{}/{n}", guess(n)), NOTHING, 9, n as u64);
        // A client that looks for what is not there, half of the time at one endpoint.
        sensor.call("api.example", &format!("HEAD /blobs/{n}"), (404, "", ""), 3, n as u64);
        sensor.call("api.example", &format!("GET /blobs/{n}"), (200, JSON, &format!("[{n}]")), 4, 0);
        // A client with one wrong address.
        sensor.call("api.example", "POST /old/path", NOTHING, 5, n as u64);
        // One that misses many, but works mostly.
        sensor.call("api.example", &format!("GET /gone/{n}"), NOTHING, 6, n as u64);
        for _ in 0..2 {
            sensor.call("api.example", "GET /blobs", (200, JSON, "[1]"), 6, n as u64);
        }
    }
    let catalog = Catalog::of(&sensor.take());
    let scanners: Vec<String> = catalog
        .noise
        .scanners
        .iter()
        .map(|s| format!("{} {} {}", s.peer.address, s.calls, s.missed))
        .collect();
    // HEAD has no endpoint here, so its misses are noise of one caller on many paths too.
    assert_eq!(scanners, ["10.0.0.3 100 100", "10.0.0.9 100 100"]);
    let paths = catalog.noise.scanners[1].paths;
    assert!((70..=140).contains(&paths), "{paths}");
}

#[test]
fn one_stray_call_confirms_nothing() {
    let doubt = |calls: &[(&str, u16, u8, u64)]| {
        let mut sensor = Sensor::new();
        for &(path, status, caller, at_s) in calls {
            sensor.call("api.example", &format!("GET {path}"), (status, JSON, "{}"), caller, at_s);
        }
        let catalog = Catalog::of(&sensor.take());
        let [endpoint]: &[Endpoint] = &catalog.services[0].endpoints else { panic!("{catalog:?}") };
        endpoint.evidence().1.map_or("confirmed", |doubt| doubt.name())
    };
    assert_eq!(doubt(&[("/users", 200, 2, 0)]), "one-try");
    assert_eq!(doubt(&[("/users", 200, 2, 0), ("/users/", 200, 2, 59)]), "one-try");
    assert_eq!(doubt(&[("/users", 200, 2, 0), ("/users", 500, 2, 90), ("/users", 401, 3, 90)]), "one-try");
    assert_eq!(doubt(&[("/users", 200, 2, 10), ("/users", 200, 2, 70)]), "confirmed");
    assert_eq!(doubt(&[("/users", 200, 2, 0), ("/users", 302, 3, 0)]), "confirmed");
    assert_eq!(doubt(&[("/users/1", 200, 2, 0), ("/users/2", 200, 2, 0)]), "confirmed");
    assert_eq!(doubt(&[("/users/1", 200, 2, 0), ("/users/1", 200, 2, 0)]), "one-try");
    assert_eq!(doubt(&[("/users/1", 200, 2, 0), ("/users/2", 404, 3, 90)]), "one-try");
    assert_eq!(doubt(&[("/users", 401, 2, 0), ("/users", 403, 3, 90)]), "refused");
    assert_eq!(doubt(&[("/users", 0, 2, 0), ("/users", 0, 3, 90)]), "no-response");
}

#[test]
fn misses_past_the_budget_are_visible_and_endpoints_keep_theirs() {
    let mut sensor = Sensor::new();
    let api = "api.example";
    sensor.call(api, "GET /users/1", (200, JSON, "{}"), 2, 0);
    let words =
        ["users", "orders", "reports", "settings", "jobs", "events", "teams", "roles", "tags", "files"];
    for a in words {
        for b in words {
            for c in words {
                sensor.call(api, &format!("GET /{a}/{b}/{c}"), NOTHING, 9, 0);
            }
        }
    }
    sensor.call(api, "GET /users/2", NOTHING, 2, 0);
    assert!(sensor.counters.count(Counter::NoiseFull) >= 1000 - MISSED_PER_SERVICE_MAX as u64);
    let catalog = Catalog::of(&sensor.take());
    assert_eq!(endpoints(&catalog), ["GET /users/{userId} {200: 1, 404: 1}"]);
    let rows = noise(&catalog);
    assert!((MISSED_PER_SERVICE_MAX..=MISSED_PER_SERVICE_MAX * 9 / 8 + 1).contains(&rows.len()));
    let over = catalog.noise.rows.iter().find(|row| row.path == "/{over-budget}").expect("visible");
    assert!(over.stats.calls >= 1000 - 2 * MISSED_PER_SERVICE_MAX as u64, "{rows:?}");
    assert_eq!(catalog.noise.rows.iter().map(|row| row.stats.calls).sum::<u64>(), 1000);
}

#[test]
fn a_scan_of_names_takes_no_place_from_services() {
    let mut sensor = Sensor::new();
    for n in 0..SERVICES_MAX + 10 {
        sensor.call(&format!("scan{n}.example"), "GET /a", NOTHING, 9, 0);
    }
    assert_eq!(sensor.counters.count(Counter::ServicesFull), 10);
    for n in 0..SERVICES_MAX + 10 {
        sensor.call(&format!("real{n}.example"), "GET /users", (200, JSON, "{}"), 2, 0);
    }
    assert_eq!(sensor.counters.count(Counter::ServicesFull), 20);
    let catalog = Catalog::of(&sensor.take());
    // And one that stands for those over the bound.
    assert_eq!(catalog.services.len(), SERVICES_MAX + 1);
}

#[test]
fn one_page_takes_a_part_of_a_service_only() {
    let mut sensor = Sensor::new();
    let words =
        ["users", "orders", "reports", "settings", "jobs", "events", "teams", "roles", "tags", "files"];
    for a in words {
        for b in words {
            for c in words {
                let request = format!("GET /{a}/{b}/{c}");
                sensor.call("web.example", &request, (200, HTML, "<html>any</html>"), 9, 0);
            }
        }
    }
    sensor.call("web.example", "GET /about", (200, HTML, "<html>about</html>"), 2, 0);
    let inventory = sensor.take();
    assert_eq!(inventory.endpoints.len(), PAGE_ROWS_PER_SERVICE_MAX + 2);
    let catalog = Catalog::of(&inventory);
    assert!(noise(&catalog).contains(&"soft-missed OTHER /{over-budget} 744".to_owned()));
    assert_eq!(endpoints(&catalog), ["GET /about {200: 1}"]);
}

/// One call in short: what it asks, how it is answered, caller, second.
type Short = (u8, u8, u8, u8);

fn play(sensor: &mut Sensor, &(asked, answered, caller, at_s): &Short) {
    let requests = [
        "GET /users/7",
        "GET /users/wombat",
        "POST /users",
        "GET /healthz",
        "GET /assets/app.js",
        "GET /zqkx/yyzx",
        "GET /settings",
        "GET /",
    ];
    let answers = [
        (200, JSON, "{\"a\":1}"),
        NOTHING,
        (200, HTML, "<html>any</html>"),
        (200, HTML, "<html>any</html>"),
        (500, "", ""),
        (0, "", ""),
    ];
    let request = requests[usize::from(asked) % requests.len()];
    let answer = answers[usize::from(answered) % answers.len()];
    sensor.call(&format!("s{}.example", caller % 2), request, answer, caller % 5, u64::from(at_s));
}

fn shorts() -> impl Strategy<Value = Vec<Short>> {
    proptest::collection::vec(any::<Short>(), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_does_not_depend_on_order_or_partition(
        (calls, shuffled) in shorts().prop_flat_map(|calls| (Just(calls.clone()), Just(calls).prop_shuffle())),
        cut in any::<prop::sample::Index>(),
    ) {
        let sum = |parts: &[&[Short]]| {
            let mut whole = Inventory::default();
            for part in parts {
                let mut sensor = Sensor::new();
                for call in *part {
                    play(&mut sensor, call);
                }
                whole.merge(sensor.take());
            }
            // Which words are shown depends on what one sensor saw of them.
            whole.words.clear();
            whole
        };
        let (one, other) = shuffled.split_at(cut.index(shuffled.len()));
        let whole = sum(&[&calls]);
        let parts = sum(&[other, one]);
        let keys = |inventory: &Inventory| -> Vec<String> {
            let keys = inventory.endpoints.keys();
            keys.map(|key| format!("{} {} {}", key.class.name(), key.service, path_text(&key.path))).collect()
        };
        prop_assert_eq!(keys(&whole), keys(&parts));
        prop_assert_eq!(&whole, &parts);
        let catalog = Catalog::of(&whole);
        prop_assert_eq!(&catalog, &Catalog::of(&parts));
        // Every call is an endpoint's or noise.
        let found: u64 = catalog.services.iter().flat_map(|s| &s.endpoints).map(|e| e.stats.calls).sum();
        let noise: u64 = catalog.noise.rows.iter().map(|row| row.stats.calls).sum();
        prop_assert_eq!(found + noise, calls.len() as u64);
        // Hulls and sets do not grow when the same is told twice.
        for stats in whole.endpoints.values() {
            let mut twice = stats.clone();
            twice.merge(stats.clone());
            prop_assert_eq!((twice.answered, twice.page), (stats.answered, stats.page));
        }
    }
}
