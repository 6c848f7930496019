//! Values as real APIs have them in their paths: what a parameter's name and type suggest, drawn from
//! pools with Zipf frequencies. Which kind of value an opaque `id` has, how large the pool is and how
//! steep its frequencies, is drawn per service and parameter.

use super::corpus::Typed;
use super::rng::Rng;

static ENGLISH: &str = include_str!("../../src/call/english.txt");

#[rustfmt::skip]
const FIRST: &[&str] = &[
    "james", "mary", "robert", "patricia", "john", "jennifer", "michael", "linda", "david", "elizabeth",
    "william", "barbara", "richard", "susan", "joseph", "jessica", "thomas", "sarah", "carlos", "maria", "ahmed",
    "fatima", "wei", "yuki", "ivan", "olga", "pierre", "chloe", "hans", "greta", "luca", "giulia", "raj",
    "priya", "kofi", "amara", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "oscar",
    "peggy", "trent", "victor", "walter",
];
#[rustfmt::skip]
const LAST: &[&str] = &[
    "smith", "johnson", "williams", "brown", "jones", "garcia", "miller", "davis", "rodriguez", "martinez",
    "lopez", "wilson", "anderson", "taylor", "moore", "jackson", "martin", "lee", "perez", "thompson", "white",
    "harris", "sanchez", "clark", "lewis", "robinson", "walker", "young", "king", "wright", "scott", "torres",
    "nguyen", "hill", "flores", "green", "adams", "nelson", "baker", "muller", "schmidt", "dubois", "rossi",
    "tanaka", "kim", "chen", "silva",
];
#[rustfmt::skip]
const FOREIGN: &[&str] = &[
    "maison", "strasse", "casa", "perro", "gato", "haus", "baum", "fleur", "rivi\u{e8}re", "monta\u{f1}a",
    "\u{438}\u{433}\u{440}\u{443}\u{448}\u{43a}\u{430}", "\u{43a}\u{43d}\u{438}\u{433}\u{430}",
    "\u{6771}\u{4eac}", "\u{3055}\u{304f}\u{3089}", "amor", "libro", "voiture", "fromage", "brot",
    "k\u{e4}se", "queso", "agua", "wasser", "feuer", "cielo", "stern", "\u{e9}toile", "luna", "sonne", "tierra",
    "mundo", "welt", "monde", "vida", "leben", "viento", "hiver", "sommer", "invierno", "printemps", "herbst",
    "rojo", "bleu", "gr\u{fc}n", "amarillo", "noir", "blanc", "grande", "schnell", "lento", "joli", "kirja",
    "ksi\u{105}\u{17c}ka", "huis", "stad", "water", "skog", "fjell",
];
#[rustfmt::skip]
const TECH: &[&str] = &[
    "api", "web", "app", "core", "server", "client", "frontend", "backend", "service", "gateway", "auth",
    "user", "admin", "data", "utils", "cli", "sdk", "docs", "website", "blog", "test", "demo", "example",
    "starter", "template", "plugin", "bot", "kit", "tools", "engine", "platform", "mobile", "ios", "android",
    "react", "vue", "node", "go", "rust", "python", "java", "docker", "k8s", "terraform", "infra", "config",
    "dotfiles", "notes", "site", "lib", "common", "shared", "models", "queue", "worker", "proxy", "cache",
    "store", "search", "analytics", "metrics", "logger", "monitor", "dashboard", "portal", "console",
];
const DOMAINS: &[&str] = &["com", "org", "net", "io", "dev", "de", "fr", "co.uk"];
const LANGUAGES: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "ja", "zh", "ko", "ru", "ar", "pl", "sv", "en-US", "de-DE",
    "pt-BR", "zh-CN", "fr-CA",
];
const COUNTRIES: &[&str] = &[
    "us", "de", "fr", "gb", "es", "it", "nl", "jp", "cn", "br", "in", "ca", "au", "mx", "se", "no", "US",
    "DE", "FR", "GB", "JP", "USA", "DEU", "FRA",
];
const CURRENCIES: &[&str] = &["USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "BTC", "ETH", "CNY"];
const REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-1",
    "europe-west1",
    "eastus",
    "westeurope",
];
const EXTENSIONS: &[&str] =
    &["pdf", "png", "jpg", "txt", "csv", "zip", "tar.gz", "js", "json", "md", "xml", "docx"];
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Kind of the values of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[rustfmt::skip]
pub enum Kind {
    Integer, Small, Uuid, Hex, Sha, Token, Prefixed, Ulid, Code, Key, User, Organization, Repository, Slug,
    Word, Name, File, Date, Time, Year, Language, Country, Currency, Email, Domain, Ip, Version, Region,
    Number, Type, Camel, Boolean, Phone, Listed,
}

/// Draws values.
pub struct Values {
    english: Vec<&'static str>,
}

/// Values of one parameter with their frequencies added up.
pub struct Pool {
    values: Vec<String>,
    weights: Vec<f64>,
}

impl Pool {
    /// One value, the first ones most often.
    pub fn draw(&self, rng: &mut Rng) -> &str {
        let all = self.weights.last().copied().unwrap_or(1.0);
        let at = rng.unit() * all;
        let index = self.weights.partition_point(|&weight| weight <= at);
        &self.values[index.min(self.values.len() - 1)]
    }
}

fn text(rng: &mut Rng, count: usize, from: &[u8]) -> String {
    (0..count).map(|_| char::from(from[rng.below(from.len())])).collect()
}

impl Values {
    pub fn new() -> Values {
        Values { english: ENGLISH.lines().filter(|word| (3..=12).contains(&word.len())).collect() }
    }

    fn english(&self, rng: &mut Rng) -> &'static str {
        rng.pick(&self.english)
    }

    /// The pool of one parameter of one service.
    pub fn pool(&self, seed: u64, service: &str, parameter: &str, typed: &Typed) -> Pool {
        let mut rng = Rng::of(seed, &["pool", service, &parameter.to_lowercase()]);
        let kind = kind(parameter, typed, &mut rng);
        let few = match kind {
            Kind::Boolean | Kind::Listed => 5,
            Kind::Language | Kind::Country | Kind::Currency | Kind::Region | Kind::Year => 20,
            _ => usize::MAX,
        };
        // 5 to 2,000 values, as many pools of each size.
        let count = (10_f64.powf(rng.between(0.7, 3.3)) as usize).min(few);
        let mut values: Vec<String> = Vec::with_capacity(count);
        if kind == Kind::Listed {
            values.extend(typed.values.iter().filter(|value| !value.is_empty()).take(count).cloned());
        }
        for _ in values.len()..if kind == Kind::Listed { 1 } else { count } {
            values.push(self.value(kind, &mut rng));
        }
        let mut seen = std::collections::HashSet::new();
        values.retain(|value| seen.insert(value.clone()));
        let steepness = rng.between(0.6, 1.3);
        let mut sum = 0.0;
        let weights = (1..=values.len()).map(|rank| {
            sum += (rank as f64).powf(-steepness);
            sum
        });
        Pool { weights: weights.collect(), values }
    }

    fn value(&self, kind: Kind, rng: &mut Rng) -> String {
        match kind {
            Kind::Integer => format!("{}", 10_f64.powf(rng.between(1.0, 9.0)) as u64),
            Kind::Small => (1 + rng.below(300)).to_string(),
            Kind::Uuid => {
                let x = text(rng, 32, HEX);
                format!("{}-{}-4{}-a{}-{}", &x[..8], &x[8..12], &x[13..16], &x[17..20], &x[20..])
            }
            Kind::Hex => text(rng, 24, HEX),
            Kind::Sha => text(rng, 40, HEX),
            Kind::Token => {
                let count = 8 + rng.below(15);
                text(rng, count, BASE62)
            }
            Kind::Prefixed => {
                let prefix = rng.pick(&["cus", "ch", "acct", "prj", "wrk", "itm", "usr"]);
                format!("{prefix}_{}", text(rng, 14, BASE62))
            }
            Kind::Ulid => text(rng, 26, CROCKFORD),
            Kind::Code => {
                let letters = 2 + rng.below(3);
                let letters = text(rng, letters, UPPER);
                let digits = 1 + rng.below(4);
                letters + &text(rng, digits, DIGITS)
            }
            Kind::Key => {
                let letters = 2 + rng.below(4);
                format!("{}-{}", text(rng, letters, UPPER), 1 + rng.below(999))
            }
            Kind::User => self.user(rng),
            Kind::Organization => match rng.below(5) {
                0 | 1 => self.english(rng).to_owned(),
                2 => {
                    format!("{}{}", self.english(rng), rng.pick(&["hq", "labs", "inc", "io", "soft", "corp"]))
                }
                3 => format!("{}-{}", self.english(rng), self.english(rng)),
                _ => format!("{}{}", rng.pick(LAST), rng.pick(&["", "-labs", "co"])),
            },
            Kind::Repository => match rng.below(20) {
                0..3 => rng.pick(TECH).to_owned(),
                3..10 => format!("{}-{}", rng.pick(TECH), rng.pick(TECH)),
                10..14 => format!("{}-{}", self.english(rng), rng.pick(TECH)),
                14..16 => self.english(rng).to_owned(),
                16..18 => format!("{}{}", self.english(rng), rng.pick(&[".js", "-py", ".net", "4j", "_rs"])),
                _ => format!("{}_{}", self.english(rng), self.english(rng)),
            },
            Kind::Slug => self.slug(rng),
            Kind::Word => match rng.below(5) {
                0 | 1 => rng.pick(FOREIGN).to_owned(),
                _ => self.english(rng).to_owned(),
            },
            Kind::Type => self.english(rng).to_owned(),
            Kind::Camel => {
                let second = self.english(rng);
                format!("{}{}{}", self.english(rng), second[..1].to_uppercase(), &second[1..])
            }
            Kind::Name => match rng.below(10) {
                0..3 => self.english(rng).to_owned(),
                3 | 4 => self.slug(rng),
                5 => format!("{}-{}", rng.pick(TECH), rng.pick(TECH)),
                6 => {
                    let word = self.english(rng);
                    word[..1].to_uppercase() + &word[1..]
                }
                7 => format!("{} {}", self.english(rng), self.english(rng)),
                8 => format!("{}{}", self.english(rng), 1 + rng.below(99)),
                _ => rng.pick(FOREIGN).to_owned(),
            },
            Kind::File => {
                let stem = rng.pick(&["", "-v2", "_final", ".min", "2024"]);
                format!("{}{stem}.{}", self.english(rng), rng.pick(EXTENSIONS))
            }
            Kind::Date => date(rng),
            Kind::Time => format!("{}T{:02}:{:02}:00Z", date(rng), rng.below(24), rng.below(60)),
            Kind::Year => (1990 + rng.below(37)).to_string(),
            Kind::Language => rng.pick(LANGUAGES).to_owned(),
            Kind::Country => rng.pick(COUNTRIES).to_owned(),
            Kind::Currency => rng.pick(CURRENCIES).to_owned(),
            Kind::Region => rng.pick(REGIONS).to_owned(),
            Kind::Email => format!("{}@{}", self.user(rng), self.domain(rng)),
            Kind::Domain => self.domain(rng),
            Kind::Ip => (0..4).map(|_| (1 + rng.below(254)).to_string()).collect::<Vec<_>>().join("."),
            Kind::Version => format!("{}.{}.{}", rng.below(10), rng.below(21), rng.below(10)),
            Kind::Number => format!("{:.4}", rng.between(-90.0, 180.0)),
            Kind::Boolean => rng.pick(&["true", "false"]).to_owned(),
            Kind::Phone => format!("+1{}", text(rng, 10, DIGITS)),
            Kind::Listed => self.english(rng).to_owned(),
        }
    }

    fn user(&self, rng: &mut Rng) -> String {
        let (first, last) = (rng.pick(FIRST), rng.pick(LAST));
        match rng.below(20) {
            0..6 => first.to_owned(),
            6..10 => format!("{first}{last}"),
            10..12 => format!("{}{last}", &first[..1]),
            12..14 => format!("{first}.{last}"),
            14..16 => format!("{first}{}", 1 + rng.below(999)),
            16 | 17 => format!("{first}-{last}"),
            18 => format!("{}{}", self.english(rng), self.english(rng)),
            _ => format!("{}{}", self.english(rng), 1 + rng.below(99)),
        }
    }

    fn slug(&self, rng: &mut Rng) -> String {
        let count = 2 + rng.below(5);
        let mut slug = (0..count).map(|_| self.english(rng)).collect::<Vec<_>>().join("-");
        if rng.below(10) < 3 {
            slug += &format!("-{}", 1 + rng.below(2030));
        }
        slug
    }

    fn domain(&self, rng: &mut Rng) -> String {
        format!("{}{}.{}", self.english(rng), rng.pick(&["", ".app", "-shop", ".api"]), rng.pick(DOMAINS))
    }
}

fn date(rng: &mut Rng) -> String {
    format!("20{}-{:02}-{:02}", 10 + rng.below(17), 1 + rng.below(12), 1 + rng.below(28))
}

/// What a parameter's values are likely to be.
fn kind(parameter: &str, typed: &Typed, rng: &mut Rng) -> Kind {
    let name: String =
        parameter.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-' | '$' | '+' | '*')).collect();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let ends = |parts: &[&str]| parts.iter().any(|part| name.ends_with(part));
    match (&*typed.kind, &*typed.format) {
        _ if !typed.values.is_empty() => return Kind::Listed,
        (_, "uuid" | "guid") => return Kind::Uuid,
        (_, "date") => return Kind::Date,
        (_, "date-time") => return Kind::Time,
        ("integer", _) if has(&["year"]) => return Kind::Year,
        ("integer", _) if has(&["page", "number", "index", "season", "week", "month"]) => return Kind::Small,
        ("integer", _) => return Kind::Integer,
        ("number", _) => return rng.weighted(&[(Kind::Number, 1), (Kind::Integer, 2)]),
        ("boolean", _) => return Kind::Boolean,
        _ => {}
    }
    let by_part: &[(&[&str], Kind)] = &[
        (&["email"], Kind::Email),
        (&["year"], Kind::Year),
        (&["date"], Kind::Date),
        (&["lang", "locale"], Kind::Language),
        (&["country"], Kind::Country),
        (&["currency"], Kind::Currency),
        (&["domain", "host"], Kind::Domain),
        (&["sha", "commit", "hash", "checksum", "digest"], Kind::Sha),
        (&["uuid", "guid"], Kind::Uuid),
        (&["latitude", "longitude", "lat", "lng"], Kind::Number),
        (&["phone", "msisdn"], Kind::Phone),
        (&["region", "zone", "location"], Kind::Region),
        (&["version"], Kind::Version),
    ];
    if let Some((_, kind)) = by_part.iter().find(|(parts, _)| has(parts)) {
        return *kind;
    }
    if name == "ip" || name.starts_with("ipaddress") {
        return Kind::Ip;
    }
    if ends(&["user", "username", "login", "owner", "author", "member", "workspace", "screenname", "handle"])
    {
        return Kind::User;
    }
    if ends(&["org", "company", "team", "tenant", "realm", "project", "namespace", "account", "customer"]) {
        return rng.weighted(&[(Kind::Organization, 3), (Kind::Repository, 1), (Kind::Name, 1)]);
    }
    if has(&["repo", "package", "branch", "image", "module", "plugin", "library"])
        || ends(&["app", "appname"])
    {
        return Kind::Repository;
    }
    if has(&["file", "path", "asset"]) || ends(&["document", "media", "object"]) {
        return rng.weighted(&[(Kind::File, 3), (Kind::Name, 1)]);
    }
    if has(&["slug", "permalink", "title"]) || ends(&["post", "article"]) {
        return Kind::Slug;
    }
    if has(&[
        "type", "category", "kind", "status", "scope", "field", "format", "mode", "metric", "source", "topic",
    ]) || has(&["query", "term", "tag", "label", "word"])
        || ends(&["group", "role", "resource", "collection", "index", "event"])
    {
        return rng.weighted(&[(Kind::Word, 2), (Kind::Type, 3), (Kind::Camel, 1), (Kind::Name, 1)]);
    }
    if ends(&["name"]) {
        return rng.weighted(&[(Kind::Name, 4), (Kind::Slug, 1), (Kind::Repository, 1)]);
    }
    if has(&["code", "sku", "symbol", "serial", "number", "abbr"]) {
        return rng.weighted(&[(Kind::Code, 3), (Kind::Key, 1), (Kind::Token, 1), (Kind::Integer, 2)]);
    }
    if ends(&["key", "sid", "hashid"]) || has(&["token", "secret"]) {
        let kinds = [(Kind::Token, 3), (Kind::Prefixed, 1), (Kind::Key, 1), (Kind::Hex, 1), (Kind::Uuid, 1)];
        return rng.weighted(&kinds);
    }
    if ends(&["id", "ids"]) {
        return rng.weighted(&[
            (Kind::Integer, 35),
            (Kind::Uuid, 25),
            (Kind::Hex, 8),
            (Kind::Token, 9),
            (Kind::Prefixed, 8),
            (Kind::Ulid, 4),
            (Kind::Code, 3),
            (Kind::Key, 3),
            (Kind::Slug, 3),
            (Kind::Name, 2),
        ]);
    }
    rng.weighted(&[
        (Kind::Integer, 10),
        (Kind::Uuid, 5),
        (Kind::Name, 20),
        (Kind::Slug, 10),
        (Kind::Word, 10),
        (Kind::Token, 8),
        (Kind::User, 5),
        (Kind::Code, 6),
        (Kind::Camel, 3),
    ])
}
