//! Conversations of made-up services that look like real ones, and their way through the whole
//! pipeline: bytes of sockets in, deltas of the inventory out.

use std::net::{Ipv4Addr, SocketAddr};

use sensor::flow::{ConnectionId, Direction, FourTuple, Timestamp, Verdict};
use sensor::inventory::Inventory;
use sensor::pipeline::Pipeline;
use sensor::source::{Connection, Event, Segment};
use sensor::stream::Ordering;
use serde_json::{Value, json};

use crate::call_exchange::{KEY, workload};

/// One call, as the judge reads it and as it is played.
#[derive(Clone, Debug, Default)]
pub struct Talk {
    pub service: &'static str,
    pub caller: u8,
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response: Vec<u8>,
}

impl Talk {
    pub fn new(service: &'static str, method: &'static str, target: impl Into<String>) -> Talk {
        Talk { service, method, target: target.into(), status: 200, ..Talk::default() }
    }

    pub fn by(mut self, caller: u8) -> Talk {
        self.caller = caller;
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Talk {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn send(self, media: &str, body: impl Into<Vec<u8>>) -> Talk {
        let mut talk = self.header("Content-Type", media);
        talk.body = body.into();
        talk
    }

    pub fn json(self, body: &Value) -> Talk {
        self.send("application/json", body.to_string())
    }

    pub fn answer(mut self, status: u16, media: &str, body: impl Into<Vec<u8>>) -> Talk {
        self.status = status;
        if !media.is_empty() {
            self.response_headers.push(("Content-Type".to_owned(), media.to_owned()));
        }
        self.response = body.into();
        self
    }

    pub fn answer_json(self, status: u16, body: &Value) -> Talk {
        self.answer(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Value of the first header of that name.
    pub fn header_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn request_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.service);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }

    fn response_bytes(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.response_headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 204 {
            text.push_str(&format!("Content-Length: {}\r\n", self.response.len()));
        }
        [text.as_bytes(), b"\r\n", &self.response].concat()
    }
}

/// The deltas that a sensor makes of the calls, one for every `flush_every`.
pub fn deltas(talks: &[Talk], flush_every: usize) -> Vec<Inventory> {
    let mut pipeline = Pipeline::new(Ordering::AsDelivered, KEY);
    let mut deltas = Vec::new();
    for (number, talk) in talks.iter().enumerate() {
        play(&mut pipeline, number as u64, talk);
        if number % flush_every == flush_every - 1 {
            deltas.push(pipeline.take_delta());
        }
    }
    pipeline.finish();
    deltas.push(pipeline.take_delta());
    assert_eq!(pipeline.calls(), talks.len() as u64, "a call was not read");
    deltas
}

fn play(pipeline: &mut Pipeline, number: u64, talk: &Talk) {
    let at = Timestamp(1_000_000_000 + number * 1_000_000);
    let id = ConnectionId(number);
    let address = |last: u8, port: u16| SocketAddr::from((Ipv4Addr::new(10, 0, 0, last), port));
    pipeline.take(Event::Opened(Connection {
        id,
        tuple: FourTuple { local: address(1, 8080), remote: address(talk.caller + 2, 50_000) },
        workload: Some(workload("app")),
        verdict: Some(Verdict::Http1),
        session: None,
        begun: [true; 2],
        at,
    }));
    let both = [(Direction::Inbound, talk.request_bytes()), (Direction::Outbound, talk.response_bytes())];
    for (direction, bytes) in &both {
        pipeline.take(Event::Segment(Segment {
            connection: id,
            direction: *direction,
            position: 0,
            bytes,
            span: bytes.len() as u64,
            burst_start: true,
            at,
        }));
    }
    let bytes = [both[0].1.len() as u64, both[1].1.len() as u64];
    pipeline.take(Event::Closed {
        connection: id,
        at,
        bytes,
        request_bursts: 1,
        unseen_bytes: [0; 2],
        unread: None,
    });
}

/// Numbers that look random and are the same each time (Numerical Recipes' generator).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }

    fn uuid(&mut self) -> String {
        let [a, b] = [self.below(u64::from(u32::MAX)), self.below(0xffff)];
        format!("{a:08x}-{b:04x}-4c3e-9f00-{:012x}", self.below(1 << 40))
    }

    fn time(&mut self) -> String {
        let [day, hour, second] = [28, 24, 60].map(|most| self.below(most));
        format!("2024-03-{:02}T{hour:02}:15:{second:02}Z", day + 1)
    }
}

/// Many calls of all services, the same each time.
pub fn conversations(count: usize) -> Vec<Talk> {
    let mut dice = Dice(7);
    (0..count)
        .map(|_| {
            let caller = dice.below(6) as u8;
            let talk = match dice.below(3) {
                0 => shop(&mut dice),
                1 => people(&mut dice),
                _ => odd(&mut dice),
            };
            talk.by(caller)
        })
        .collect()
}

fn order(dice: &mut Dice) -> Value {
    let items = (0..dice.below(4)).map(|_| {
        let mut item = json!({"sku": format!("SKU-{}", dice.below(9999)), "quantity": 1 + dice.below(5)});
        if dice.one_in(3) {
            item["price"] = json!(dice.below(100) as f64 + 0.5);
        }
        if dice.one_in(4) {
            item["wombatLevel"] = if dice.one_in(2) { json!(null) } else { json!(dice.below(9)) };
        }
        item
    });
    let items: Vec<Value> = items.collect();
    let mut order = json!({
        "items": items,
        "status": dice.of(&["pending", "shipped", "cancelled"]),
        "customer": {"id": dice.uuid(), "email": format!("c{}@example.org", dice.below(99))},
    });
    if dice.one_in(2) {
        order["note"] = if dice.one_in(3) { json!(null) } else { json!("please ring twice") };
    }
    if dice.one_in(3) {
        order["customer"]["frobnicator"] = json!({"grade": dice.below(7), "zorp": dice.one_in(2)});
    }
    order
}

fn error(dice: &mut Dice, talk: Talk, status: u16) -> Talk {
    if status == 500 {
        return talk.answer(500, "text/html", "<h1>oops</h1>");
    }
    let mut body = json!({"error": {"code": format!("E{}", dice.below(50)), "message": "no"}});
    if status == 422 {
        body["details"] = json!([{"field": "items", "reason": null}]);
    }
    talk.answer(status, "application/problem+json", body.to_string())
}

const SHOP: &str = "shop.example:8080";

fn shop(dice: &mut Dice) -> Talk {
    let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn{}.c2lnbmF0dXJl", dice.below(9));
    let id = dice.below(5000);
    let signed = |talk: Talk| talk.header("Authorization", format!("Bearer {token}"));
    match dice.below(6) {
        0 => {
            let mut target = "/api/v1/orders".to_owned();
            let mut pairs = Vec::new();
            if dice.one_in(2) {
                pairs.push(format!("page={}", dice.below(20)));
            }
            if dice.one_in(3) {
                pairs.push("sort=created&sort=status".to_owned());
            }
            if dice.one_in(3) {
                pairs.push(format!("since=2024-03-{:02}", 1 + dice.below(28)));
            }
            if !pairs.is_empty() {
                target = format!("{target}?{}", pairs.join("&"));
            }
            let orders: Vec<Value> = (0..dice.below(4)).map(|_| order(dice)).collect();
            let body = json!({"orders": orders, "total": dice.below(99), "next": null});
            signed(Talk::new(SHOP, "GET", target)).answer_json(200, &body)
        }
        1 => {
            let talk = Talk::new(SHOP, "GET", format!("/api/v1/orders/{id}"));
            match dice.below(8) {
                0 => error(dice, signed(talk), 404),
                1 => error(dice, talk, 401),
                _ => {
                    let mut body = order(dice);
                    body["id"] = json!(id);
                    body["createdAt"] = json!(dice.time());
                    signed(talk).header("X-Request-Id", dice.uuid()).answer_json(200, &body)
                }
            }
        }
        2 => {
            let talk = signed(Talk::new(SHOP, "POST", "/api/v1/orders")).json(&order(dice));
            match dice.below(8) {
                0 => error(dice, talk, 422),
                1 => error(dice, talk, 500),
                _ => {
                    let mut talk = talk.answer_json(201, &json!({"id": id, "createdAt": dice.time()}));
                    talk.response_headers.push(("X-Rate-Limit".to_owned(), dice.below(100).to_string()));
                    talk
                }
            }
        }
        3 => signed(Talk::new(SHOP, "PUT", format!("/api/v1/orders/{id}")))
            .json(&order(dice))
            .answer_json(200, &order(dice)),
        4 => signed(Talk::new(SHOP, "DELETE", format!("/api/v1/orders/{id}"))).answer(204, "", ""),
        _ => Talk::new(SHOP, "GET", format!("/api/v1/orders/{id}/items/{}", dice.uuid()))
            .header("X-Api-Key", format!("k{}", dice.below(9)))
            .answer_json(
                200,
                &json!({"sku": "SKU-1", "tags": dice.of(&[json!([]), json!(["a"]), json!([1, null])])}),
            ),
    }
}

const PEOPLE: &str = "people.example";

fn people(dice: &mut Dice) -> Talk {
    match dice.below(6) {
        0 => {
            let users: serde_json::Map<String, Value> = (0..1 + dice.below(3))
                .map(|_| (dice.uuid(), json!({"count": dice.below(9), "last": dice.time()})))
                .collect();
            let days = json!({"2024-01-01": dice.below(9), "2024-01-02": 0.5});
            Talk::new(PEOPLE, "GET", "/stats/users")
                .answer_json(200, &json!({"users": users, "days": days, "labels": {}}))
        }
        1 => {
            let value = dice.of(&[
                json!("text"),
                json!(7),
                json!(7.5),
                json!({"unit": "kg", "amount": 3}),
                json!([1, "x"]),
                json!(true),
            ]);
            Talk::new(PEOPLE, "PATCH", format!("/users/{}/settings", dice.uuid()))
                .header("Authorization", "Basic dXNlcjpwYXNz")
                .send("application/merge-patch+json", json!({"value": value}).to_string())
                .answer_json(200, &json!({"value": value, "previous": null}))
        }
        2 => {
            let mut form = format!("user=u{}&password=secret+{}", dice.below(99), dice.below(99));
            if dice.one_in(3) {
                form.push_str("&remember=true");
            }
            let talk = Talk::new(PEOPLE, "POST", "/login").send("application/x-www-form-urlencoded", form);
            if dice.one_in(4) {
                return error(dice, talk, 401);
            }
            let mut talk = talk.answer_json(200, &json!({"expires": dice.below(3600)}));
            talk.response_headers.push(("Set-Cookie".to_owned(), "sid=abc; HttpOnly".to_owned()));
            talk
        }
        3 => {
            let cookie = format!("sid=s{}; theme=dark", dice.below(99));
            Talk::new(PEOPLE, "GET", "/users/me").header("Cookie", cookie).answer_json(
                200,
                &json!({"id": dice.uuid(), "site": "https://example.org/a", "ip": "10.0.0.7"}),
            )
        }
        4 => {
            let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nPNG\r\n\
                        --b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday\r\n--b--\r\n";
            Talk::new(PEOPLE, "POST", format!("/users/{}/photos", dice.uuid()))
                .header("Authorization", "Bearer 0123456789")
                .send("multipart/form-data; boundary=b", body)
                .answer(201, "", "")
        }
        _ => {
            let mut talk = Talk::new(
                PEOPLE,
                "GET",
                format!("/users/search?query=x{}&active={}", dice.below(50), dice.one_in(2)),
            );
            if dice.one_in(2) {
                talk = talk.header("Authorization", "Bearer 0123456789");
            }
            talk.answer_json(200, &json!([]))
        }
    }
}

const ODD: &str = "odd.example";

fn odd(dice: &mut Dice) -> Talk {
    match dice.below(7) {
        0 => {
            let items: Vec<Value> = (0..dice.below(5))
                .map(|_| {
                    dice.of(&[
                        json!(1),
                        json!("a"),
                        json!(null),
                        json!({"id": 1}),
                        json!({"id": "x", "name": "y"}),
                        json!([]),
                    ])
                })
                .collect();
            Talk::new(ODD, "GET", "/items").answer_json(200, &Value::from(items))
        }
        1 => Talk::new(ODD, "GET", "/count").answer_json(200, &dice.of(&[json!(1), json!(2.5)])),
        2 => Talk::new(ODD, "GET", "/empty").answer_json(200, &dice.of(&[json!({}), json!([]), json!(null)])),
        3 => {
            let line = |dice: &mut Dice| {
                json!({"time": dice.time(), "level": dice.of(&["info", "error"]), "fields": {"n": 1}})
                    .to_string()
            };
            let lines = [line(dice), line(dice), line(dice)].join("\n");
            Talk::new(ODD, "POST", "/events").send("application/x-ndjson", lines).answer(202, "", "")
        }
        4 => {
            let mut deep = json!({"leaf": dice.below(9)});
            for _ in 0..dice.below(40) {
                deep = json!({"child": deep, "items": []});
            }
            Talk::new(ODD, "GET", "/tree").answer_json(200, &deep)
        }
        5 => {
            let key = dice.of(&["Gr\u{f6}\u{df}e", "a/b", "quuxify", "glorp"]);
            Talk::new(ODD, "GET", "/values")
                .answer_json(200, &json!({key: dice.of(&[json!(1), json!("x")]), "id": 1}))
        }
        _ => Talk::new(ODD, "GET", "/version").answer(200, "text/plain", "ok"),
    }
}
