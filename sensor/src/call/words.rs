//! The dictionary of words that API routes are made of (`words.txt`, written for this program: no
//! names of people or places, no diseases), and the rule by which a path segment is kept in clear,
//! as a hash, or as a shape. The one place of that rule:
//!
//! 1. versions, and segments whose parts are all in the dictionary (plurals too): [`Segment::Word`];
//! 2. numbers, ids, dates, addresses: [`Segment::Parameter`] of that shape;
//! 3. what could be a word ([`super::lexicon`]): [`Segment::Hidden`], as long as its place keeps words
//!    apart ([`super::evidence`]);
//! 4. all else: [`SegmentKind::Text`].
//!
//! A value may have a file extension: [`Segment::File`].

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashTable;

use super::evidence::{Evidence, Group, Look, Spot};
use super::hash::Seed;
use super::lexicon::Lexicon;
use super::looks::parts;
use super::segment::{is_bare_version, is_version, shape};
use super::{Extension, Segment, SegmentKind, WordClass};
use crate::counter::Counters;

/// Segments whose look-up is remembered.
const SEGMENTS_REMEMBERED_MAX: usize = 16_384;

/// Parts of a segment that is a word; slugs have more.
const WORD_PARTS_MAX: usize = 5;

/// Longest word of the dictionary, in bytes.
const WORD_BYTES_MAX: usize = 24;

/// Longest segment that is looked at, in bytes.
const SEGMENT_BYTES_MAX: usize = 64;

static WORDS: &str = include_str!("words.txt");

/// Words and abbreviations that names of fields are made of besides, made the same way.
static FIELD_WORDS: &str = include_str!("field_words.txt");

/// Parts of a field's name.
const NAME_PARTS_MAX: usize = 8;

/// Words known to be part of routes and of names of fields.
pub(super) struct Dictionary {
    seed: Seed,
    table: HashTable<&'static str>,
    field_words: HashTable<&'static str>,
}

impl Dictionary {
    pub(super) fn new(seed: Seed) -> Dictionary {
        let table_of = |words: &'static str| {
            let mut table = HashTable::with_capacity(4096);
            for word in words.lines() {
                table.insert_unique(seed.bytes(0, word.as_bytes()), word, |w| seed.bytes(0, w.as_bytes()));
            }
            table
        };
        Dictionary { seed, table: table_of(WORDS), field_words: table_of(FIELD_WORDS) }
    }

    fn has(&self, word: &[u8], of_field: bool) -> bool {
        let hash = self.seed.bytes(0, word);
        let is = |known: &&'static str| known.as_bytes() == word;
        self.table.find(hash, is).is_some() || (of_field && self.field_words.find(hash, is).is_some())
    }

    /// The word in any case, or its singular, is in the dictionary, or else among the words of
    /// fields if it may be `of_field`.
    pub(super) fn knows(&self, part: &[u8], of_field: bool) -> bool {
        if part.len() > WORD_BYTES_MAX {
            return false;
        }
        let mut small = [0; WORD_BYTES_MAX];
        let small = &mut small[..part.len()];
        small.copy_from_slice(part);
        small.make_ascii_lowercase();
        self.has(small, of_field)
            || std::str::from_utf8(small).is_ok_and(|word| self.has(singular(word).as_bytes(), of_field))
    }

    /// The name of a field is made of known words, single letters and small numbers alone.
    pub(super) fn is_name(&self, name: &[u8]) -> bool {
        let mut count = 0;
        let known = parts(name).all(|part| {
            count += 1;
            count <= NAME_PARTS_MAX && self.is_name_part(part)
        });
        known && count > 0
    }

    fn is_name_part(&self, part: &[u8]) -> bool {
        const DIGITS_MAX: usize = 2;
        const COMPOUND_WORD_BYTES_MIN: usize = 4;
        if self.knows(part, true) || is_version(part) {
            return true;
        }
        let letters = part.len() - part.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if part.len() - letters > DIGITS_MAX {
            return false;
        }
        let stem = &part[..letters];
        if stem.len() <= 1 || (letters < part.len() && self.knows(stem, true)) {
            return true;
        }
        // `pagesize`, `orderid`; shorter words would make names of people (`david`, `newman`).
        let last = stem.len().saturating_sub(COMPOUND_WORD_BYTES_MIN);
        let two = (COMPOUND_WORD_BYTES_MIN..=last)
            .any(|at| self.knows(&stem[..at], false) && self.knows(&stem[at..], false));
        let id = stem.len().checked_sub(2).filter(|&at| at >= COMPOUND_WORD_BYTES_MIN);
        two || id.is_some_and(|at| stem[at..].eq_ignore_ascii_case(b"id") && self.knows(&stem[..at], false))
    }

    /// All parts of the text are words of the dictionary, and nothing is between them but one of
    /// `-`, `_`, `.`.
    pub(super) fn is_route(&self, text: &[u8]) -> bool {
        let framed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > SEGMENT_BYTES_MAX || !text.iter().all(framed) {
            return false;
        }
        if self.knows(text, false) {
            return true;
        }
        let mut count = 0;
        let known = parts(text).all(|part| {
            count += 1;
            count <= WORD_PARTS_MAX && (self.knows(part, false) || is_version(part))
        });
        known && count > 0
    }
}

/// Path segments of one run: the dictionary, what was looked up in it, and words under observation.
pub(super) struct Words {
    pub(super) dictionary: Arc<Dictionary>,
    pub(super) evidence: Evidence,
    lexicon: Lexicon,
    seed: Seed,
    /// Texts of [`Segment::Word`]s.
    known: HashTable<Arc<str>>,
    /// Classes of segments by hash; two of one hash are one class, no more.
    classes: HashTable<(u64, Option<WordClass>)>,
}

/// Where a segment stands in its path, and in which call.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) spot: Spot,
    /// A version without a `v` may stand here: nothing but prefixes is before.
    pub(super) leading: bool,
    /// It is the last one.
    pub(super) last: bool,
    /// The call may teach new words.
    pub(super) teaches: bool,
}

impl Words {
    pub(super) fn new(key: [u8; 16], seed: Seed) -> Words {
        Words {
            dictionary: Arc::new(Dictionary::new(seed)),
            evidence: Evidence::new(key),
            lexicon: Lexicon::new(seed),
            seed,
            known: HashTable::new(),
            classes: HashTable::new(),
        }
    }

    /// What is kept of one decoded segment, never empty.
    pub(super) fn segment(&mut self, text: &[u8], position: Position, counters: &mut Counters) -> Segment {
        // No word begins like a number: ids, the most frequent values, need no look-up.
        if let Some(b'0'..=b'9' | b'-') = text.first()
            && !(position.leading && is_bare_version(text))
            && let Some(kind) = shape(text)
        {
            return Segment::Parameter(kind);
        }
        let hash = self.seed.bytes(1, text);
        if let Some(known) = self.known.find(hash, |word| word.as_bytes() == text) {
            return Segment::Word(known.clone());
        }
        if is_version(text) || (position.leading && is_bare_version(text)) {
            // All its bytes were just shown to be ASCII.
            return Segment::Word(String::from_utf8_lossy(text).into());
        }
        if self.dictionary.is_route(text) {
            let word: Arc<str> = String::from_utf8_lossy(text).into();
            if self.known.len() < SEGMENTS_REMEMBERED_MAX {
                let seed = self.seed;
                self.known.insert_unique(hash, word.clone(), |w| seed.bytes(1, w.as_bytes()));
            }
            return Segment::Word(word);
        }
        if let Some(kind) = shape(text) {
            return Segment::Parameter(kind);
        }
        let (stem, extension) = match Extension::split(text).filter(|_| position.last) {
            Some((stem, extension)) => (stem, Some(extension)),
            None => (text, None),
        };
        let value = |kind| match extension {
            Some(extension) => Segment::File(kind, extension),
            None => Segment::Parameter(kind),
        };
        if let Some(kind) = shape(stem) {
            return value(kind);
        }
        let place = position.spot.place;
        if Group::ALL.iter().all(|group| self.evidence.is_full(place, *group)) {
            return value(SegmentKind::Names);
        }
        let Some(class) = self.class(stem) else { return value(SegmentKind::Text) };
        if extension.is_some() && Group::of(class) == Group::Names {
            // `report.json` is a file far more often than a route.
            return value(SegmentKind::Text);
        }
        let look = Look { class, extension };
        match self.evidence.sight(position.spot, text, look, position.teaches, counters) {
            Ok(hidden) => Segment::Hidden(hidden),
            Err(kind) => value(kind),
        }
    }

    fn class(&mut self, text: &[u8]) -> Option<WordClass> {
        let hash = self.seed.bytes(2, text);
        if let Some((_, class)) = self.classes.find(hash, |(known, _)| *known == hash) {
            return *class;
        }
        let class = self.lexicon.class(&self.dictionary, text);
        if self.classes.len() >= SEGMENTS_REMEMBERED_MAX {
            self.classes.clear();
        }
        self.classes.insert_unique(hash, (hash, class), |(known, _)| *known);
        class
    }
}

/// The last part of a word names many things of one kind, so that one of them is likely to follow.
pub(crate) fn is_plural(word: &str) -> bool {
    let Some(last) = parts(word.as_bytes()).last().and_then(|last| std::str::from_utf8(last).ok()) else {
        return false;
    };
    let last = last.to_ascii_lowercase();
    singular(&last) != last
}

/// Singular of an English word in lower case, good enough to name a parameter after it.
pub(crate) fn singular(word: &str) -> Cow<'_, str> {
    const SAME: &[&str] = &["series", "news", "data", "media", "species", "analytics", "metrics", "settings"];
    const ODD: &[(&str, &str)] = &[
        ("people", "person"),
        ("children", "child"),
        ("indices", "index"),
        ("matrices", "matrix"),
        ("vertices", "vertex"),
        ("criteria", "criterion"),
        ("movies", "movie"),
        ("cookies", "cookie"),
        ("caches", "cache"),
        ("databases", "database"),
        ("releases", "release"),
        ("purchases", "purchase"),
        ("licenses", "license"),
        ("courses", "course"),
        ("cases", "case"),
        ("expenses", "expense"),
        ("responses", "response"),
        ("warehouses", "warehouse"),
        ("houses", "house"),
        ("phases", "phase"),
        ("leases", "lease"),
        ("clauses", "clause"),
        ("causes", "cause"),
        ("nurses", "nurse"),
        ("devices", "device"),
    ];
    if SAME.contains(&word) {
        return Cow::Borrowed(word);
    }
    if let Some(&(_, one)) = ODD.iter().find(|&&(many, _)| many == word) {
        return Cow::Borrowed(one);
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return Cow::Owned(format!("{stem}y"));
    }
    for ending in ["sses", "shes", "ches", "xes", "uses"] {
        if let Some(stem) = word.strip_suffix("es").filter(|_| word.ends_with(ending)) {
            return Cow::Borrowed(stem);
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !["s", "u", "i"].iter().any(|end| stem.ends_with(end)) => {
            Cow::Borrowed(stem)
        }
        _ => Cow::Borrowed(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_sorted_and_plain() {
        for words in [WORDS, FIELD_WORDS] {
            let words: Vec<&str> = words.lines().collect();
            assert!(words.len() > 1400, "{}", words.len());
            for pair in words.windows(2) {
                assert!(pair[0] < pair[1], "{} before {}", pair[0], pair[1]);
            }
            for word in words {
                assert!(
                    word.len() <= WORD_BYTES_MAX
                        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                );
            }
        }
        assert!(FIELD_WORDS.lines().all(|word| !WORDS.lines().any(|route| route == word)));
    }

    #[test]
    fn names_of_fields() {
        let dictionary = Dictionary::new(Seed::new([1; 16]));
        for name in [
            "id",
            "user_id",
            "userId",
            "orderid",
            "pagesize",
            "firstName",
            "X-Request-Id",
            "@type",
            "$ref",
            "filter[name]",
            "sha256",
            "iso8601",
            "ipv4",
            "address1",
            "x-amz-meta-owner",
            "xml:lang",
            "_links",
            "p50",
            "k8s",
            "2fa_enabled",
            "createdAt",
            "is_active",
            "lat",
            "lng",
            "qty",
            "csrf_token",
            "a",
            "JSESSIONID",
            "utm_source",
            "X-B3-TraceId",
            "traceparent",
            "unitPrice",
            "vip",
            "sku",
            "h2",
        ] {
            assert!(dictionary.is_name(name.as_bytes()), "{name}");
        }
        for other in [
            "alice",
            "bob",
            "wilhelmina",
            "user_alice",
            "aliceId",
            "david",
            "ingrid",
            "newman",
            "berlin",
            "user123",
            "k7Qz",
            "",
            "--",
            "asthma",
            "de_facto_a_b_c_d_e_f_g",
            "mueller",
            "smith-jones",
        ] {
            assert!(!dictionary.is_name(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn routes() {
        let dictionary = Dictionary::new(Seed::new([1; 16]));
        for route in [
            "users",
            "order-items",
            "orderItems",
            "index.html",
            "api",
            "api-v2",
            "openapi.json",
            "oauth2",
            "healthz",
            "Statuses",
            "categories",
        ] {
            assert!(dictionary.is_route(route.as_bytes()), "{route}");
        }
        for other in
            ["", "wilhelmina", "users/7", "user7", "order--wilhelmina", "smith", "-", "berlin", "users~"]
        {
            assert!(!dictionary.is_route(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn singulars() {
        for (many, one) in [
            ("users", "user"),
            ("categories", "category"),
            ("addresses", "address"),
            ("statuses", "status"),
            ("boxes", "box"),
            ("status", "status"),
            ("people", "person"),
            ("series", "series"),
            ("class", "class"),
            ("searches", "search"),
            ("houses", "house"),
            ("analysis", "analysis"),
            ("", ""),
            ("s", "s"),
        ] {
            assert_eq!(singular(many), one);
        }
    }
}
