//! The scenario: what is planted, for each rule at a service of its own kind, and the twin that does the
//! same things as its specification says.

use super::tokens::{bearer, claims, good, token};
use crate::exchange::{Exchange, From, exchange};

/// Rule and where it must fire: `SERVICE METHOD TEMPLATE`, or `SERVICE`; empty for the sensor as a whole.
pub type Expected = (&'static str, &'static str);

/// What happens while the services are learnt.
pub fn first(now: u64) -> Vec<Exchange> {
    let mut all = shop(now);
    all.extend(rogue());
    all.extend(auth(now));
    all.extend(edge(now));
    all.extend(web());
    all.extend(news(now, false));
    all.extend(twin(now));
    all
}

/// What happens after they were learnt.
pub fn second(now: u64) -> Vec<Exchange> {
    let mut all = twin(now);
    all.extend(news(now, true));
    // The token is gone, a key is enough now.
    for _ in 0..3 {
        let down = exchange("auth.test", "GET /api/v1/ledger", r#"{"total":7}"#);
        all.push(down.with("X-Api-Key", "k-4711-0815-abcdef").by(&[From::Inside]));
    }
    all
}

/// All that must be found, sorted.
pub fn expected() -> Vec<Expected> {
    let mut all = vec![
        ("undocumented-endpoint", "shop.test GET /api/v1/exports"),
        ("undocumented-endpoint", "shop.test DELETE /api/v1/products"),
        ("undocumented-field", "shop.test GET /api/v1/products"),
        ("undocumented-field", "shop.test GET /api/v1/search"),
        ("zombie-endpoint", "shop.test GET /api/v1/legacy"),
        ("zombie-endpoint", "shop.test GET /api/v1/baskets"),
        ("orphan-endpoint", "shop.test GET /api/v1/returns"),
        ("spec-drift", "shop.test GET /api/v1/stock"),
        ("spec-drift", "shop.test GET /api/v1/offers"),
        ("missing-auth", "shop.test GET /api/v1/invoices"),
        ("mass-assignment", "shop.test PATCH /api/v1/profile"),
        ("excessive-data", "shop.test GET /api/v1/members"),
        ("rogue-service", "rogue.test"),
        // Its specification says nothing of security, and callers come with tokens.
        ("missing-auth", "team.test GET /api/v1/settings"),
        ("mixed-auth", "auth.test GET /api/v1/reports"),
        ("auth-not-enforced", "team.test GET /api/v1/settings"),
        ("auth-downgraded", "auth.test GET /api/v1/ledger"),
        ("credential-in-url", "auth.test GET /api/v1/downloads"),
        ("jwt-alg-none", "auth.test GET /api/v1/none"),
        ("jwt-expired-accepted", "auth.test GET /api/v1/expired"),
        ("jwt-no-expiry", "auth.test GET /api/v1/forever"),
        ("jwt-long-lived", "auth.test GET /api/v1/decade"),
        ("jwt-weak-key", "auth.test GET /api/v1/guessable"),
        ("jwt-sensitive-claims", "auth.test GET /api/v1/talkative"),
        ("basic-over-clear", "edge.test GET /api/v1/status"),
        ("clear-transport", "edge.test GET /api/v1/account"),
        ("sensitive-to-external", "edge.test GET /api/v1/payments"),
        ("clear-transport", "edge.test GET /api/v1/payments"),
        ("sensitive-in-url", "web.test GET /api/v1/find"),
        ("verbose-errors", "web.test GET /api/v1/broken"),
        ("permissive-cors-with-credentials", "web.test GET /api/v1/me"),
        ("admin-or-debug-endpoint", "web.test GET /actuator/env"),
        ("several-versions-live", "web.test"),
        ("new-caller", "news.test"),
        ("new-endpoint", "news.test GET /api/v1/latest"),
        ("new-sensitive-field", "news.test GET /api/v1/authors"),
        ("external-dependency", "198.51.100.7:9000"),
        ("clear-transport", "198.51.100.7:9000"),
        ("blind-spot", ""),
    ];
    all.sort_unstable();
    all
}

fn shop(now: u64) -> Vec<Exchange> {
    let host = "shop.test";
    let card = r#"[{"name":"Ada","password":"$2b$10$abcdefghijklmnopqrstuv"},{"name":"Bob","password":"$2b$10$zyxwvutsrqponmlkjihgfe"}]"#;
    vec![
        exchange(host, "GET /api/v1/exports", r#"{"ready":true}"#),
        exchange(host, "DELETE /api/v1/products", "").status(204),
        exchange(host, "GET /api/v1/products", r#"[{"id":1,"name":"cup","margin":0.7}]"#),
        exchange(host, "GET /api/v1/search?q=cup&debug=1", r#"[{"id":1,"name":"cup"}]"#),
        exchange(host, "GET /api/v1/legacy", r#"{"total":3}"#),
        exchange(host, "GET /api/v1/baskets", r#"{"total":3}"#),
        exchange(host, "GET /api/v1/stock", r#"{"quantity":"seven"}"#),
        exchange(host, "GET /api/v1/offers", r#"{"total":3}"#).status(203),
        exchange(host, "GET /api/v1/invoices", r#"[{"id":1,"total":9.5}]"#)
            .with("Authorization", good(now, "ada")),
        exchange(host, "GET /api/v1/invoices", r#"[{"id":1,"total":9.5}]"#),
        exchange(host, "GET /api/v1/invoices", r#"[{"id":1,"total":9.5}]"#)
            .with("Authorization", good(now, "ada")),
        exchange(host, "PATCH /api/v1/profile", r#"{"name":"Ada","role":"admin"}"#)
            .with("Authorization", good(now, "ada"))
            .json(r#"{"name":"Ada","role":"admin"}"#),
        exchange(host, "GET /api/v1/members", card).with("Authorization", good(now, "ada")),
    ]
}

fn rogue() -> Vec<Exchange> {
    vec![exchange("rogue.test", "GET /api/v1/orders", r#"[{"id":1}]"#)]
}

fn auth(now: u64) -> Vec<Exchange> {
    let host = "auth.test";
    let total = r#"{"total":7}"#;
    let day = 24 * 3600;
    let with =
        |line: &str, authorization: String| exchange(host, line, total).with("Authorization", authorization);
    let none = token(r#"{"alg":"none"}"#, &claims(now, now + 3600, "ada"), None);
    let strong = super::tokens::STRONG;
    let forever = format!(r#"{{"iss":"https://id.shop.test","sub":"ada","iat":{now}}}"#);
    let talkative = format!(
        r#"{{"iss":"https://id.shop.test","sub":"ada","iat":{now},"exp":{},"iban":"DE89370400440532013000"}}"#,
        now + 3600
    );
    let mut all = vec![
        with("GET /api/v1/reports", "Basic YWRhOmxvdmVsYWNl".to_owned()),
        with("GET /api/v1/reports", good(now, "ada")),
        exchange(host, "GET /api/v1/downloads?access_token=f3a91bc8d2e47a60", total),
        with("GET /api/v1/none", format!("Bearer {none}")),
        with("GET /api/v1/expired", bearer(&claims(now - 2 * day, now - 2 * day + 3600, "ada"), strong)),
        with("GET /api/v1/forever", bearer(&forever, strong)),
        with("GET /api/v1/decade", bearer(&claims(now, now + 3650 * day, "ada"), strong)),
        with("GET /api/v1/guessable", bearer(&claims(now, now + 3600, "ada"), "secret")),
        with("GET /api/v1/talkative", bearer(&talkative, strong)),
    ];
    // Both kinds at the same time, as with both kinds of reports.
    all.push(with("GET /api/v1/reports", "Basic YWRhOmxvdmVsYWNl".to_owned()));
    for round in 0..12 {
        if matches!(round, 3 | 9) {
            all.push(exchange("team.test", "GET /api/v1/settings", total).by(&[From::Inside]));
        }
        let settings = exchange("team.test", "GET /api/v1/settings", total);
        all.push(settings.with("Authorization", good(now, "ada")));
        all.push(with("GET /api/v1/ledger", good(now, "ada")));
    }
    all
}

fn edge(now: u64) -> Vec<Exchange> {
    let host = "edge.test";
    let cards = r#"[{"card_number":"4539578763621486"},{"card_number":"5555555555554444"},{"card_number":"378282246310005"}]"#;
    let basic = exchange(host, "GET /api/v1/status", r#"{"total":1}"#);
    let account = exchange(host, "GET /api/v1/account", r#"{"total":1}"#);
    vec![
        basic.with("Authorization", "Basic YWRhOmxvdmVsYWNl").by(&[From::Outside, From::Inside]),
        account.with("Authorization", good(now, "ada")).by(&[From::Outside, From::Inside]),
        exchange(host, "GET /api/v1/payments", cards).by(&[From::Outside, From::Inside]),
    ]
}

fn web() -> Vec<Exchange> {
    let host = "web.test";
    let trace = r#"{"error":"Traceback (most recent call last):\n  File \"/srv/app.py\", line 7, in total\nZeroDivisionError: division by zero\n"}"#;
    vec![
        exchange(host, "GET /api/v1/find?iban=DE89370400440532013000", r#"{"total":1}"#),
        exchange(host, "GET /api/v1/find?iban=GB82WEST12345698765432", r#"{"total":1}"#),
        exchange(host, "GET /api/v1/broken", trace).status(500),
        exchange(host, "GET /api/v1/me", r#"{"name":"Ada"}"#)
            .with("Origin", "https://evil.example")
            .with("Cookie", "session=8f2b1c9d3e7a4f60")
            .answers("Access-Control-Allow-Origin", "https://evil.example")
            .answers("Access-Control-Allow-Credentials", "true"),
        exchange(host, "GET /actuator/env", r#"{"total":1}"#),
        exchange(host, "GET /api/v1/prices", r#"{"total":1}"#),
        exchange(host, "GET /api/v2/prices", r#"{"total":1}"#),
    ]
}

fn news(now: u64, later: bool) -> Vec<Exchange> {
    let host = "news.test";
    let authors = match later {
        false => r#"[{"name":"Ada"}]"#,
        true => r#"[{"name":"Ada","iban":"DE89370400440532013000"}]"#,
    };
    let mut all = vec![
        exchange(host, "GET /api/v1/authors", authors)
            .with("Authorization", good(now, "ada"))
            .by(&[From::Inside]),
    ];
    if later {
        let latest = exchange(host, "GET /api/v1/latest", r#"{"total":1}"#);
        all.push(latest.with("Authorization", good(now, "ada")));
    }
    all
}

/// As its specification says, and as one would.
fn twin(now: u64) -> Vec<Exchange> {
    let host = "twin.test";
    let ada = good(now, "ada");
    let with = |line: &str, answer: &str| exchange(host, line, answer).with("Authorization", ada.clone());
    vec![
        exchange(host, "GET /api/v1/products", r#"[{"id":1,"name":"cup"},{"id":2,"name":"plate"}]"#),
        exchange(host, "GET /api/v1/products/1", r#"{"id":1,"name":"cup"}"#),
        exchange(host, "GET /api/v1/products/2", r#"{"id":2,"name":"plate"}"#),
        exchange(host, "GET /api/v1/search?q=cup&limit=3", r#"[{"id":1,"name":"cup"}]"#),
        with("GET /api/v1/invoices", r#"[{"id":1,"total":9.5,"issued":"2026-01-31"}]"#),
        exchange(host, "GET /api/v1/members", r#"{"error":"not allowed"}"#).status(401),
        with("POST /api/v1/orders", r#"{"id":7,"state":"open"}"#)
            .json(r#"{"product":1,"quantity":2}"#)
            .status(201),
        with("PATCH /api/v1/profile", r#"{"name":"Ada","email":"ada@example.test"}"#)
            .json(r#"{"name":"Ada","email":"ada@example.test"}"#),
        with("DELETE /api/v1/orders/7", "").status(204),
        exchange(host, "GET /api/v1/broken", r#"{"error":"try later"}"#).status(503),
        exchange(host, "GET /api/v1/public", r#"{"open":true}"#)
            .with("Origin", "https://www.twin.test")
            .answers("Access-Control-Allow-Origin", "*"),
    ]
}
