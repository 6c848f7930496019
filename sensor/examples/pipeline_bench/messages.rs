//! HTTP exchanges as ordinary JSON APIs have them: endpoints of several services, about 14 request
//! and 8 response headers, bodies of 1 to 2 KB with about 45 keys whose values differ in each call.

use std::io::Write;

/// Services; endpoint `n` belongs to service `n % SERVICES.len()`.
pub const SERVICES: [&str; 16] = [
    "orders",
    "customers",
    "catalog",
    "billing",
    "shipping",
    "identity",
    "search",
    "reports",
    "inventory",
    "payments",
    "reviews",
    "messages",
    "devices",
    "projects",
    "content",
    "events",
];

const RESOURCES: [&str; 32] = [
    "orders",
    "customers",
    "products",
    "invoices",
    "payments",
    "shipments",
    "users",
    "accounts",
    "sessions",
    "tickets",
    "articles",
    "comments",
    "devices",
    "projects",
    "tasks",
    "files",
    "messages",
    "notifications",
    "reports",
    "events",
    "items",
    "categories",
    "carts",
    "reviews",
    "subscriptions",
    "plans",
    "teams",
    "roles",
    "groups",
    "tokens",
    "jobs",
    "locations",
];

const PARTS: [&str; 16] = [
    "history",
    "status",
    "details",
    "settings",
    "permissions",
    "attachments",
    "notes",
    "tags",
    "export",
    "summary",
    "lines",
    "audit",
    "members",
    "versions",
    "metrics",
    "links",
];

#[derive(Clone, Copy)]
enum Value {
    Integer,
    Amount,
    Uuid,
    Instant,
    Date,
    Email,
    Url,
    Code,
    Phrase,
    Sentence,
    Flag,
    Null,
}

const KEYS: [(&str, Value); 40] = [
    ("name", Value::Phrase),
    ("status", Value::Code),
    ("createdAt", Value::Instant),
    ("quantity", Value::Integer),
    ("unitPrice", Value::Amount),
    ("active", Value::Flag),
    ("ownerId", Value::Uuid),
    ("description", Value::Sentence),
    ("currency", Value::Code),
    ("updatedAt", Value::Instant),
    ("email", Value::Email),
    ("count", Value::Integer),
    ("discount", Value::Null),
    ("callbackUrl", Value::Url),
    ("title", Value::Phrase),
    ("version", Value::Integer),
    ("country", Value::Code),
    ("dueDate", Value::Date),
    ("total", Value::Amount),
    ("verified", Value::Flag),
    ("parentId", Value::Uuid),
    ("comment", Value::Sentence),
    ("reference", Value::Code),
    ("expiresAt", Value::Instant),
    ("firstName", Value::Phrase),
    ("priority", Value::Integer),
    ("weight", Value::Amount),
    ("archived", Value::Flag),
    ("accountId", Value::Uuid),
    ("lastName", Value::Phrase),
    ("language", Value::Code),
    ("startDate", Value::Date),
    ("deletedAt", Value::Null),
    ("size", Value::Integer),
    ("street", Value::Phrase),
    ("city", Value::Phrase),
    ("rate", Value::Amount),
    ("public", Value::Flag),
    ("imageUrl", Value::Url),
    ("kind", Value::Code),
];

const OBJECTS: [&str; 8] =
    ["customer", "address", "owner", "payment", "billing", "settings", "source", "location"];
const ARRAYS: [&str; 4] = ["items", "lines", "entries", "results"];
const PHRASES: [&str; 8] = [
    "Garden Chair",
    "Somewhere Road 12",
    "Blue",
    "Quarterly Summary",
    "Northern District",
    "Example",
    "Reading Lamp",
    "Extra Large",
];
const SENTENCES: [&str; 4] = [
    "Please leave it with the neighbours on the second floor, they are at home most of the day.",
    "Replaces the earlier one; nothing else was changed.",
    "The customer said \\\"before noon\\\", so the second tour is too late.",
    "Made of oak, treated twice, for use inside and outside of the house.",
];

/// Raw bytes of one exchange.
#[derive(Default)]
pub struct Exchange {
    /// Request, head and body.
    pub request: Vec<u8>,
    /// Bytes of its head.
    pub request_head: usize,
    /// Response, head and body.
    pub response: Vec<u8>,
    /// Bytes of its head.
    pub response_head: usize,
}

/// Writes exchanges; the same ones in each run.
pub struct Messages {
    random: u64,
    /// Divides the members of each object.
    divisor: usize,
    body: Vec<u8>,
}

impl Messages {
    /// From the start; `half`: with half as many keys in the bodies.
    pub fn new(half: bool) -> Self {
        Messages { random: 1, divisor: 1 + usize::from(half), body: Vec::new() }
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// The next call of `endpoint` by `caller`.
    pub fn write(&mut self, endpoint: usize, caller: u8, exchange: &mut Exchange) {
        // Writing to a vector cannot fail.
        self.try_write(endpoint, caller, exchange).expect("vectors grow");
    }

    fn try_write(&mut self, endpoint: usize, caller: u8, exchange: &mut Exchange) -> std::io::Result<()> {
        let (service, number) = (endpoint % SERVICES.len(), endpoint / SERVICES.len());
        // Of three endpoints two are read and one is written, the last two on one path.
        let (post, path) = (number % 3 == 2, number - number / 3 - usize::from(number % 3 == 2));
        let out = &mut exchange.request;
        out.clear();
        out.extend_from_slice(if post { b"POST " } else { b"GET " });
        self.path(service, path, out)?;
        if !post && path.is_multiple_of(2) {
            write!(out, "?page={}&limit=50&sort=createdAt&expand=items", 1 + self.next() % 9)?;
        }
        let (id, trace, session) = (self.next(), self.next(), u64::from(caller) * 0x0123_4567_89ab);
        write!(
            out,
            " HTTP/1.1\r\nHost: {}.example.internal\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36\r\n\
             Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en;q=0.8,de;q=0.5\r\n\
             Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\
             Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ{session:016x}\
             IiwiZXhwIjoxNzM1Njg5NjAwfQ.{session:032x}{session:032x}\r\n\
             Cookie: session={session:032x}; locale=en-GB; theme=dark\r\n\
             X-Request-Id: {:08x}-8b1d-4c3e-9f00-{:012x}\r\n\
             traceparent: 00-{trace:016x}{id:016x}-{trace:016x}-01\r\n\
             X-Forwarded-For: 203.0.113.{caller}\r\nX-Forwarded-Proto: https\r\n",
            SERVICES[service],
            id >> 32,
            id & 0xffff_ffff_ffff,
        )?;
        let schema = path * 3 + service;
        if post {
            self.body(schema + 1)?;
            write!(out, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", self.body.len())?;
        } else {
            write!(
                out,
                "Cache-Control: no-cache\r\nReferer: https://shop.example/orders/{}\r\n\r\n",
                id % 100_000
            )?;
        }
        exchange.request_head = out.len();
        if post {
            out.extend_from_slice(&self.body);
        }
        self.body(schema)?;
        let out = &mut exchange.response;
        out.clear();
        write!(
            out,
            "HTTP/1.1 {}\r\nServer: nginx\r\nDate: Tue, 05 Mar 2024 10:00:{:02} GMT\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\
             Cache-Control: no-store\r\nVary: Accept-Encoding\r\nX-RateLimit-Remaining: {}\r\n\r\n",
            if post { "201 Created" } else { "200 OK" },
            id % 60,
            self.body.len(),
            id % 1000,
        )?;
        exchange.response_head = out.len();
        out.extend_from_slice(&self.body);
        Ok(())
    }

    /// Path number `path` of a service: no two have the same words.
    fn path(&mut self, service: usize, path: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
        // One service in four has a word of its own in its routes.
        let root = if service % 4 == 3 { "zorbly" } else { "api" };
        let (resource, part) = (RESOURCES[path % RESOURCES.len()], path / RESOURCES.len());
        write!(out, "/{root}/v2/{resource}/")?;
        self.id(path, out)?;
        if let Some(part) = part.checked_sub(1) {
            write!(out, "/{}", PARTS[part % PARTS.len()])?;
            if path % 4 == 1 {
                out.push(b'/');
                self.id(path + 1, out)?;
            }
        }
        Ok(())
    }

    /// A value of a path parameter.
    fn id(&mut self, kind: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
        let (one, other) = (self.next(), self.next());
        match kind % 5 {
            0 => write!(out, "{}", one % 1_000_000),
            1 => write!(out, "{:08x}-8b1d-4c3e-9f00-{:012x}", one >> 32, other >> 16),
            2 => write!(out, "5f{one:022x}"),
            3 => write!(out, "2024-{:02}-{:02}", 1 + one % 12, 1 + other % 28),
            _ => write!(out, "garden-chair-{}-{}", one % 1000, other % 100),
        }
    }

    /// A JSON object of kind `schema`, into `self.body`.
    fn body(&mut self, schema: usize) -> std::io::Result<()> {
        let mut out = std::mem::take(&mut self.body);
        out.clear();
        let variant = self.next();
        let schema = schema % 40;
        out.push(b'{');
        // Clients and servers leave out what is not set.
        self.members(schema, 12 - usize::from(variant.is_multiple_of(4)), &mut out)?;
        for (object, count) in [(schema, 8), (schema + 3, 7)] {
            write!(out, ",\"{}\":{{", OBJECTS[object % OBJECTS.len()])?;
            self.members(object + 11, count, &mut out)?;
            out.push(b'}');
        }
        write!(out, ",\"{}\":[{{", ARRAYS[schema % ARRAYS.len()])?;
        self.members(schema + 23, 7, &mut out)?;
        out.extend_from_slice(b"},{");
        self.members(schema + 23, 7, &mut out)?;
        out.extend_from_slice(b"}],\"tags\":[\"express\",\"gift\"]}");
        self.body = out;
        Ok(())
    }

    /// `"id"` and `count` members that belong to `seed`.
    fn members(&mut self, seed: usize, count: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(out, "\"id\":{}", self.next() % 10_000_000)?;
        for member in 0..count / self.divisor {
            // 7 and 40 have no common factor: no key comes twice.
            let (key, value) = KEYS[(seed * 3 + member * 7) % KEYS.len()];
            write!(out, ",\"{key}\":")?;
            self.value(value, out)?;
        }
        Ok(())
    }

    fn value(&mut self, value: Value, out: &mut Vec<u8>) -> std::io::Result<()> {
        let word = self.next();
        let pick = word as usize;
        match value {
            Value::Integer => write!(out, "{}", word % 5000),
            Value::Amount => write!(out, "{}.{:02}", word % 900, word % 97),
            Value::Uuid => write!(out, "\"{:08x}-8b1d-4c3e-9f00-{:012x}\"", word >> 32, word >> 16),
            Value::Instant => write!(out, "\"2024-03-{:02}T10:{:02}:30.123Z\"", 1 + word % 28, word % 60),
            Value::Date => write!(out, "\"2024-{:02}-{:02}\"", 1 + word % 12, 1 + word % 28),
            Value::Email => write!(out, "\"customer{}@example.org\"", word % 100_000),
            Value::Url => write!(out, "\"https://hooks.example.org/{}/events?kind=status\"", word % 100_000),
            Value::Code => write!(out, "\"{}\"", ["EUR", "open", "DE-BE", "ORD-2024-77"][pick % 4]),
            Value::Phrase => write!(out, "\"{}\"", PHRASES[pick % PHRASES.len()]),
            Value::Sentence => write!(out, "\"{}\"", SENTENCES[pick % SENTENCES.len()]),
            Value::Flag => write!(out, "{}", word.is_multiple_of(2)),
            Value::Null if word.is_multiple_of(2) => write!(out, "null"),
            Value::Null => write!(out, "{}", word % 50),
        }
    }
}
