//! Names of fields as numbers. A name is a place and a key under a parent, kept once; a call's
//! fields are gathered as numbers with [`Facts`]. Keys that look like data are never kept, those of
//! unknown words not until [`super::held`] shows them: they stand as `{key}` (JSON) or `{name}`.

use std::sync::Arc;

use hashbrown::HashTable;

use super::classify::{self, Context};
use super::hash::Seed;
use super::held::Held;
use super::looks::looks_like_data;
use super::tally::Tally;
use super::values::{self, Values};
use super::words::Dictionary;
use super::{Claim, ClassSeen, Facts, FieldId, FieldSeen, Place, ValueSeen};
use crate::counter::{Counter, Counters};
use crate::limits::{CALL_FIELDS_MAX, FIELD_CHILDREN_MAX, FIELD_NAME_BYTES_MAX, FIELD_NAMES_MAX};

/// No field: what is under it is not kept either.
pub(super) const NONE: u32 = 0;

/// Every field name met, numbered; a number never changes its meaning within a run.
pub struct FieldNames {
    seed: Seed,
    dictionary: Arc<Dictionary>,
    held: Held,
    nodes: Vec<Node>,
    /// As many as nodes.
    hot: Vec<Hot>,
    /// Keys, each with a quote behind it, so that a JSON key is compared with its end in one go.
    keys: Vec<u8>,
    table: HashTable<u32>,
    /// The key that was asked for last is held back.
    kept_back: bool,
    /// A bit for each node whose name was held back before it was shown; may be short.
    late: Vec<u64>,
    /// Hash of what kind of call is read, for `followers`.
    kind: u64,
    /// What came where the first guess was wrong, by kind of call and the key before: keys like `id`
    /// are in most objects, each with another one behind it.
    followers: Vec<u32>,
}

/// Size of `followers` in bits: for some hundred kinds of calls. More share places, and guess less.
const FOLLOWERS_BITS: u32 = 14;

struct Node {
    place: Place,
    parent: u32,
    key_start: u32,
    /// Behind the key, where its quote stands.
    key_end: u32,
    children: u32,
    /// Of a late node: the endpoint at which it last claimed what it had before it was shown.
    claimed_at: u64,
    name: Arc<str>,
}

/// What each value of a field needs of its node, in one cache line.
#[repr(align(64))]
struct Hot {
    /// Key and quote as far as they fit.
    head: u128,
    parent: u32,
    /// Bytes of the key.
    length: u32,
    /// Child that was met first under this node the last time the guess was wrong.
    first: u32,
    /// Sibling that followed this one the last time the guess was wrong.
    next: u32,
    /// What the call that is read has of the field.
    slot: Slot,
    /// What the name says of values.
    context: Context,
    /// The name says that values are of no closed set.
    is_sensitive: bool,
    /// It stands for other names.
    is_stand_in: bool,
}

const HEAD_BYTES: usize = size_of::<u128>();

/// Ones where a key of so many bytes and its quote stand in a head.
static MASKS: [u128; HEAD_BYTES] = masks();

const fn masks() -> [u128; HEAD_BYTES] {
    let mut masks = [0; HEAD_BYTES];
    let mut length = 0;
    while length < HEAD_BYTES {
        masks[length] = u128::MAX >> (8 * (HEAD_BYTES - 1 - length));
        length += 1;
    }
    masks
}

/// A key and the quote behind it, as far as they fit.
fn head_of(key: &[u8]) -> u128 {
    let mut head = [0; HEAD_BYTES];
    let length = key.len().min(HEAD_BYTES);
    head[..length].copy_from_slice(&key[..length]);
    if let Some(slot) = head.get_mut(length) {
        *slot = b'"';
    }
    u128::from_le_bytes(head)
}

impl FieldNames {
    pub(super) fn new(seed: Seed, dictionary: Arc<Dictionary>) -> FieldNames {
        let mut names = FieldNames {
            seed,
            dictionary,
            held: Held::new(seed),
            nodes: Vec::new(),
            hot: Vec::new(),
            keys: Vec::new(),
            table: HashTable::new(),
            kept_back: false,
            late: Vec::new(),
            kind: 0,
            followers: vec![NONE; 1 << FOLLOWERS_BITS],
        };
        names.push(NONE, Place::Query, b"", "".into());
        for &place in Place::ALL {
            names.push(NONE, place, b"", "".into());
        }
        names
    }

    /// Where a field stands.
    pub fn place(&self, field: FieldId) -> Place {
        self.node(field.0).place
    }

    /// Its name: of a body field the JSON pointer (empty for the whole body, `*` for array items,
    /// `{key}` for keys that are data), else the field's own name.
    pub fn name(&self, field: FieldId) -> &Arc<str> {
        &self.node(field.0).name
    }

    /// Names known, with the places themselves.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The node that all names of a place are under; of a body, the body itself.
    pub(super) fn root(place: Place) -> u32 {
        1 + place as u32
    }

    fn node(&self, number: u32) -> &Node {
        // Numbers are made by `push` only. One of another run's names falls back to the first node.
        self.nodes.get(number as usize).unwrap_or(&self.nodes[0])
    }

    /// What the name of a field says about its values.
    #[inline]
    pub(super) fn context(&self, field: u32) -> Context {
        self.hot(field).context
    }

    /// The name of a field, or one above it, speaks of what must stay unknown.
    #[inline]
    pub(super) fn is_sensitive(&self, field: u32) -> bool {
        self.hot(field).is_sensitive
    }

    /// In bounds: within the reader, numbers are those that `push` made.
    #[inline(always)]
    fn hot(&self, number: u32) -> &Hot {
        &self.hot[number as usize]
    }

    /// The field that is likely to come next in an object: behind `last`, or first under `parent`.
    #[inline]
    pub(super) fn guess(&self, parent: u32, last: u32) -> u32 {
        if last == NONE { self.hot(parent).first } else { self.hot(last).next }
    }

    /// Length of the guessed key if `rest` begins with it and a quote.
    #[inline(always)]
    pub(super) fn guess_holds(&self, number: u32, rest: &[u8]) -> Option<usize> {
        let guess = self.hot(number);
        let length = guess.length as usize;
        let holds = match (rest.first_chunk::<HEAD_BYTES>(), MASKS.get(length)) {
            (Some(head), Some(mask)) => (u128::from_le_bytes(*head) ^ guess.head) & mask == 0,
            _ => self.long_guess_holds(number, rest),
        };
        // No field has no key, so that a quote alone is one.
        (holds && number != NONE).then_some(length)
    }

    #[cold]
    fn long_guess_holds(&self, number: u32, rest: &[u8]) -> bool {
        let node = self.node(number);
        rest.starts_with(&self.keys[node.key_start as usize..=node.key_end as usize])
    }

    fn key(&self, number: u32) -> &[u8] {
        let node = self.node(number);
        &self.keys[node.key_start as usize..node.key_end as usize]
    }

    /// Says which kind of call is read from here on: those of one kind have their keys in one order.
    pub(super) fn set_kind(&mut self, kind: u64) {
        self.kind = kind;
    }

    fn follower(&self, parent: u32, last: u32) -> usize {
        let before = u64::from(if last == NONE { parent } else { last });
        let hash = (self.kind ^ before).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (u64::BITS - FOLLOWERS_BITS)) as usize
    }

    /// The field that came behind `last` in the last call of this kind; [`NONE`] if not known.
    pub(super) fn second_guess(&self, parent: u32, last: u32) -> u32 {
        // In bounds: the table has a place for every number of so many bits.
        let follower = self.followers[self.follower(parent, last)];
        if self.hot(follower).parent == parent { follower } else { NONE }
    }

    /// Remembers what came behind `last`, or first under `parent`, for the next guess.
    pub(super) fn learn(&mut self, parent: u32, last: u32, came: u32) {
        let node = if last == NONE { parent } else { last };
        if node == NONE || came == NONE {
            return;
        }
        let follower = self.follower(parent, last);
        self.followers[follower] = came;
        let guess = &mut self.hot[node as usize];
        if last == NONE { guess.first = came } else { guess.next = came }
    }

    /// The items of an array.
    pub(super) fn items(&mut self, parent: u32, counters: &mut Counters) -> u32 {
        let first = self.hot(parent).first;
        let guess = self.hot(first);
        if guess.length == 1 && guess.head as u8 == b'*' {
            return first;
        }
        let items = self.literal(parent, b"*", counters);
        self.learn(parent, NONE, items);
        items
    }

    /// What comes now is of this endpoint and this caller, by their hashes.
    pub(super) fn begin(&mut self, endpoint: u64, caller: u64) {
        self.held.begin(endpoint, caller);
    }

    /// The field of a key as sent; `text` is all that it was sent in.
    pub(super) fn child(&mut self, parent: u32, key: &[u8], text: &[u8], counters: &mut Counters) -> u32 {
        if parent == NONE {
            return NONE;
        }
        if let Some(known) = self.find(parent, key) {
            return known;
        }
        self.kept_back = false;
        if looks_like_data(key) {
            return self.data(parent, counters);
        }
        if self.dictionary.is_name(key) {
            return self.literal(parent, key, counters);
        }
        if !self.held.sight(parent, key, text, counters) {
            self.kept_back = true;
            return self.data(parent, counters);
        }
        let field = self.literal(parent, key, counters);
        if field != NONE && !self.is_stand_in(field) {
            let word = field as usize / 64;
            if self.late.len() <= word {
                self.late.resize(word + 1, 0);
            }
            self.late[word] |= 1 << (field % 64);
        }
        field
    }

    /// How often a late field came at this endpoint before it was shown, and what its values looked
    /// like; asked again, nothing. Names in heads are held back for all endpoints of a server
    /// together, so of those it is not known.
    fn claim(&mut self, field: u32) -> (u32, Facts) {
        let endpoint = self.held.endpoint();
        let node = &mut self.nodes[field as usize];
        let in_head = matches!(
            node.place,
            Place::RequestHeader | Place::Cookie | Place::ResponseHeader | Place::SetCookie
        );
        if in_head || node.claimed_at == endpoint {
            return (0, Facts::NONE);
        }
        node.claimed_at = endpoint;
        self.held.claim(node.parent, &self.keys[node.key_start as usize..node.key_end as usize])
    }

    /// The field stands for keys that are data or held back, so that the next look-up of such a key
    /// may find another.
    pub(super) fn is_stand_in(&self, field: u32) -> bool {
        self.hot(field).is_stand_in
    }

    /// The field that stands for all keys under a parent that are data.
    pub(super) fn data(&mut self, parent: u32, counters: &mut Counters) -> u32 {
        let key: &[u8] = if self.is_pointer(parent) { b"{key}" } else { b"{name}" };
        self.literal(parent, key, counters)
    }

    fn is_pointer(&self, number: u32) -> bool {
        self.node(number).place.is_json()
    }

    fn find(&self, parent: u32, key: &[u8]) -> Option<u32> {
        let hash = self.seed.bytes(u64::from(parent), key);
        let head = head_of(key);
        let is_long = key.len() >= HEAD_BYTES;
        let same = |&number: &u32| {
            let hot = self.hot(number);
            let begins = hot.parent == parent && hot.length as usize == key.len() && hot.head == head;
            begins && (!is_long || self.key(number) == key)
        };
        self.table.find(hash, same).copied()
    }

    pub(super) fn literal(&mut self, parent: u32, key: &[u8], counters: &mut Counters) -> u32 {
        if parent == NONE {
            return NONE;
        }
        if let Some(known) = self.find(parent, key) {
            return known;
        }
        let of_parent = self.node(parent);
        // Keys of our own making begin with `{` or are `*`; no sent key that is kept does.
        let ours = matches!(key, b"*" | b"{key}" | b"{name}");
        if !ours && of_parent.children as usize >= FIELD_CHILDREN_MAX {
            counters.add(Counter::FieldNamesFull);
            return self.data(parent, counters);
        }
        let name_bytes = of_parent.name.len() + 1 + key.len();
        if self.nodes.len() >= FIELD_NAMES_MAX || name_bytes > FIELD_NAME_BYTES_MAX {
            counters.add(Counter::FieldNamesFull);
            return NONE;
        }
        let mut name = String::with_capacity(name_bytes);
        if self.is_pointer(parent) {
            name.push_str(&of_parent.name);
            name.push('/');
        }
        // Kept keys are ASCII without `~` and `/`, so a JSON pointer needs no escapes.
        name.extend(key.iter().map(|&byte| char::from(byte)));
        let place = of_parent.place;
        self.nodes[parent as usize].children += 1;
        self.push(parent, place, key, name.into())
    }

    fn push(&mut self, parent: u32, place: Place, key: &[u8], name: Arc<str>) -> u32 {
        // At most FIELD_NAMES_MAX nodes of at most FIELD_NAME_BYTES_MAX bytes: both fit.
        let number = self.nodes.len() as u32;
        let key_start = self.keys.len() as u32;
        self.keys.extend_from_slice(key);
        let key_end = self.keys.len() as u32;
        self.keys.push(b'"');
        let context = Context::of(place, &name);
        let is_sensitive = values::is_sensitive(&name);
        self.nodes.push(Node { place, parent, key_start, key_end, children: 0, claimed_at: 0, name });
        self.hot.push(Hot {
            head: head_of(key),
            parent,
            length: key.len() as u32,
            first: NONE,
            next: NONE,
            slot: Slot::default(),
            context,
            is_sensitive,
            is_stand_in: key.starts_with(b"{"),
        });
        if parent != NONE {
            let (seed, keys, nodes) = (self.seed, &self.keys, &self.nodes);
            let hash_of = |number: &u32| {
                let node = &nodes[*number as usize];
                seed.bytes(u64::from(node.parent), &keys[node.key_start as usize..node.key_end as usize])
            };
            self.table.insert_unique(hash_of(&number), number, hash_of);
        }
        number
    }
}

/// Fields of the call that is being read.
pub(super) struct Fields {
    pub(super) names: FieldNames,
    touched: Numbers,
    claims: Vec<Claim>,
    values: Values,
    pub(super) tally: Tally,
}

/// What a call has of one field; without facts it has not the field, and all else is left over.
#[derive(Clone, Copy, Default)]
struct Slot {
    facts: Facts,
    /// The object or array that was the last to have it.
    holder: u32,
    present: u32,
    objects: u32,
    values: u32,
}

/// A set of numbers that gives them back in order: a bit for each, and one for each word of them.
#[derive(Default)]
struct Numbers {
    words: Vec<u64>,
    filled: Vec<u64>,
    count: usize,
}

/// The holder of all that does not stand in a JSON object or array.
pub(super) const HEAD: u32 = 0;

impl Fields {
    pub(super) fn new(key: [u8; 16], seed: Seed, dictionary: Arc<Dictionary>) -> Fields {
        Fields {
            names: FieldNames::new(seed, dictionary.clone()),
            touched: Numbers::default(),
            claims: Vec::new(),
            values: Values::new(seed, key, dictionary),
            tally: Tally::default(),
        }
    }

    /// Says which endpoint values are of from here on, as the inventory tells them apart, and which
    /// caller.
    pub(super) fn set_endpoint(&mut self, endpoint: u64, caller: u64) {
        self.values.begin(endpoint, caller);
    }

    /// Looks whether a text may be of a closed set; `facts` are those of the text, and get a mark if
    /// the field can have none.
    #[inline]
    pub(super) fn text(&mut self, field: u32, facts: Facts, text: &[u8], counters: &mut Counters) -> Facts {
        // Texts of a format are never of one.
        if facts.contains(Facts::TEXT) && self.values.look(field, text, &self.names, counters) {
            return facts | Facts::OPEN;
        }
        facts
    }

    /// Looks whether a text is of a class of sensitive data.
    #[inline]
    pub(super) fn classify(&mut self, field: u32, facts: Facts, text: &[u8], counters: &mut Counters) {
        if let Some(found) = classify::of_text(text, facts, self.names.context(field)) {
            self.tally.note(FieldId(field), self.names.place(FieldId(field)), found, counters);
        }
    }

    /// The same of the digits of an integer.
    #[inline]
    pub(super) fn classify_integer(&mut self, field: u32, digits: &[u8], counters: &mut Counters) {
        if digits.len() < classify::DIGITS_MIN {
            return;
        }
        let context = self.names.context(field);
        if digits.len() < classify::PLAIN_DIGITS_MIN && context == Context::NONE {
            return;
        }
        if let Some(found) = classify::of_integer(digits, context) {
            self.tally.note(FieldId(field), self.names.place(FieldId(field)), found, counters);
        }
    }

    /// Items of an array that are objects, so far in this call.
    pub(super) fn objects(&self, field: u32) -> u32 {
        let Slot { facts, objects, .. } = self.names.hot(field).slot;
        if facts.0 == 0 { 0 } else { objects }
    }

    /// Notes that the call has a field and how its value looked; `facts` has a type at least. `holder`
    /// is the number of the object or array that it stands in, else [`HEAD`].
    #[inline(always)]
    pub(super) fn add(&mut self, field: u32, facts: Facts, holder: u32, counters: &mut Counters) {
        // In bounds: numbers are those of the names.
        let slot = &mut self.names.hot[field as usize].slot;
        if slot.facts.0 != 0 {
            slot.facts |= facts;
            slot.values += 1;
            slot.present += u32::from(slot.holder != holder);
            slot.holder = holder;
        } else if field != NONE && self.touched.count < CALL_FIELDS_MAX {
            *slot = Slot { facts, holder, present: 1, objects: 0, values: 1 };
            self.touched.insert(field);
        } else {
            self.add_no_room(field, counters);
        }
    }

    #[cold]
    fn add_no_room(&mut self, field: u32, counters: &mut Counters) {
        if field != NONE {
            counters.add(Counter::FieldsFull);
            self.mark(self.names.node(field).parent, Facts::FULL);
        }
    }

    /// What the call has of a field, if it has it.
    fn slot(&mut self, field: u32) -> Option<&mut Slot> {
        let slot = &mut self.names.hot.get_mut(field as usize)?.slot;
        (slot.facts.0 != 0).then_some(slot)
    }

    /// The same outside of JSON.
    #[inline(never)]
    pub(super) fn add_outside(&mut self, field: u32, facts: Facts, counters: &mut Counters) {
        self.add(field, facts, HEAD, counters);
    }

    /// Counts an object among the values of a field that was just added.
    #[inline]
    pub(super) fn add_object(&mut self, field: u32) {
        if let Some(slot) = self.slot(field) {
            slot.objects += 1;
        }
    }

    /// Adds what stands for the name that was asked for last: all of them that are held back count.
    pub(super) fn add_stand_in(&mut self, field: u32, facts: Facts, holder: u32, counters: &mut Counters) {
        let kept_back = self.names.kept_back;
        self.names.held.value(facts);
        let facts = if kept_back { facts } else { facts | Facts::DATA };
        let before = self.slot(field).map_or(0, |slot| slot.present);
        self.add(field, facts, holder, counters);
        if let Some(slot) = self.slot(field) {
            slot.present = before + u32::from(kept_back);
        }
    }

    /// Adds facts to a field that the call has, else nothing.
    pub(super) fn mark(&mut self, field: u32, facts: Facts) {
        if let Some(slot) = self.slot(field) {
            slot.facts |= facts;
        }
    }

    /// Adds a named value that is no JSON; `text` is all that it was sent in.
    pub(super) fn add_named(
        &mut self,
        place: Place,
        (name, value): (&[u8], &[u8]),
        facts: Facts,
        text: &[u8],
        counters: &mut Counters,
    ) {
        let field = self.names.child(FieldNames::root(place), name, text, counters);
        self.classify(field, facts, value, counters);
        self.add_child(field, facts, counters);
    }

    /// The same with its value, which may be of a closed set.
    pub(super) fn add_value(
        &mut self,
        place: Place,
        (name, value): (&[u8], &[u8]),
        facts: Facts,
        text: &[u8],
        counters: &mut Counters,
    ) {
        let field = self.names.child(FieldNames::root(place), name, text, counters);
        self.classify(field, facts, value, counters);
        let facts = self.text(field, facts, value, counters);
        self.add_child(field, facts, counters);
    }

    fn add_child(&mut self, field: u32, facts: Facts, counters: &mut Counters) {
        if self.names.is_stand_in(field) {
            return self.add_stand_in(field, facts, HEAD, counters);
        }
        let mark = if self.slot(field).is_some() { Facts::REPEATED } else { Facts::NONE };
        self.add_outside(field, facts | mark, counters);
    }

    /// Values met for the first time or shown since the last time.
    pub(super) fn take_values(&mut self) -> Vec<ValueSeen> {
        self.values.take()
    }

    /// Sensitive data in the call's fields, counted as [`FieldSeen::present`] is, or at what stands for
    /// other names once. To be asked before the fields are taken.
    pub(super) fn take_classes(&mut self) -> Vec<ClassSeen> {
        let names = &self.names;
        self.tally.take(|FieldId(field)| {
            let Slot { facts, present, values, .. } = names.hot(field).slot;
            match facts.0 {
                0 => (0, 0),
                _ => (values, if names.is_stand_in(field) { 1 } else { present }),
            }
        })
    }

    /// All fields of the call, each once, sorted, and what they had before they were shown; ready for
    /// the next call.
    pub(super) fn take(&mut self) -> (Vec<FieldSeen>, Vec<Claim>) {
        let mut seen = Vec::with_capacity(self.touched.count);
        let (names, claims) = (&mut self.names, &mut self.claims);
        if !names.late.is_empty() {
            let late = std::mem::take(&mut names.late);
            self.touched.common(&late, |field| {
                names.hot[field as usize].slot.facts |= Facts::LATE;
                let (count, facts) = names.claim(field);
                if count > 0 {
                    claims.push(Claim { field: FieldId(field), count, facts });
                }
            });
            names.late = late;
        }
        self.touched.drain(|field| {
            let Slot { facts, present, objects, .. } = &mut names.hot[field as usize].slot;
            let (facts, present, objects) = (std::mem::take(facts), *present, *objects);
            seen.push(FieldSeen { field: FieldId(field), facts, present, objects });
        });
        (seen, std::mem::take(claims))
    }
}

impl Numbers {
    /// Adds a number that is not in it.
    #[inline]
    fn insert(&mut self, number: u32) {
        self.count += 1;
        let word = number as usize / 64;
        match self.words.get_mut(word) {
            Some(bits) if *bits != 0 => *bits |= 1 << (number % 64),
            _ => self.insert_first(number),
        }
    }

    /// The same of the first one of its word.
    #[inline(never)]
    fn insert_first(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.words.len() {
            self.words.resize((word + 1).next_power_of_two(), 0);
            self.filled.resize(self.words.len().div_ceil(64), 0);
        }
        self.words[word] |= 1 << (number % 64);
        self.filled[word / 64] |= 1 << (word % 64);
    }

    /// Those that have a bit in `others` too.
    fn common(&self, others: &[u64], mut each: impl FnMut(u32)) {
        for (word, (own, other)) in self.words.iter().zip(others).enumerate() {
            let mut bits = own & other;
            while bits != 0 {
                each((word * 64) as u32 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
    }

    /// Takes all out, the smallest first.
    fn drain(&mut self, mut take: impl FnMut(u32)) {
        for (block, filled) in self.filled.iter_mut().enumerate() {
            while *filled != 0 {
                let word = block * 64 + filled.trailing_zeros() as usize;
                *filled &= *filled - 1;
                let mut bits = std::mem::take(&mut self.words[word]);
                while bits != 0 {
                    take((word * 64) as u32 + bits.trailing_zeros());
                    bits &= bits - 1;
                }
            }
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back_in_order(rounds in proptest::collection::vec(proptest::collection::btree_set(0..9000_u32, 0..60), 1..4)) {
            let mut numbers = Numbers::default();
            for round in rounds {
                round.iter().rev().for_each(|&number| numbers.insert(number));
                prop_assert_eq!(numbers.count, round.len());
                let mut back = Vec::new();
                numbers.drain(|number| back.push(number));
                prop_assert_eq!(back, round.into_iter().collect::<Vec<_>>());
                prop_assert_eq!(numbers.count, 0);
            }
        }
    }
}
