//! What exists: calls become a mergeable [`Inventory`]. Any split of the traffic over nodes,
//! restarts and orders merges to the same inventory; templates are a pure function of it.

mod aside;
mod budget;
pub mod catalog;
mod classes;
pub mod compare;
pub mod confirm;
mod coverage;
pub mod diff;
pub mod explain;
pub mod guidance;
pub mod spec;
mod fit;
mod histogram;
mod learner;
mod merge;
pub mod noise;
pub mod policy;
mod principals;
mod recorder;
mod said;
mod small_map;
mod soft;
pub mod template;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use coverage::{CoverageKey, CoverageStats, Reading, TlsCoverage};
pub(crate) use merge::merge_values;
pub use principals::Principals;
pub use recorder::{OVER_BUDGET, Recorder};
pub use small_map::SmallMap;

use crate::call::{CallClass, Credential, DataClass, Facts, Method, Path, Place, Segment, Sign};
use crate::flow::{Peer, Timestamp, Transport};

/// Everything that was observed, as sums, sets and bounds, so that merging commutes.
///
/// It is both the delta that a flush hands to a store and the whole that a store gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Statistics per raw endpoint (path not yet templated).
    pub endpoints: BTreeMap<EndpointKey, EndpointStats>,
    /// Clear text of path words that were shown to be route words, by keyed hash.
    pub words: BTreeMap<u64, Arc<str>>,
    /// Connections by what could be read of them.
    pub coverage: BTreeMap<CoverageKey, CoverageStats>,
    /// Named losses and caps, kernel and agent.
    pub losses: BTreeMap<Arc<str>, u64>,
}

/// What one raw endpoint is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Authority.
    pub service: Arc<str>,
    /// Method.
    pub method: Method,
    /// Path as words, hidden words and shapes.
    pub path: Path,
    /// Which kind of calls it sums.
    pub class: CallClass,
}

/// Sums over the calls of one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointStats {
    /// Calls seen.
    pub calls: u64,
    /// First and last seen.
    pub seen: Seen,
    /// Calls by status code; 0 stands for "no response seen".
    pub statuses: SmallMap<u16, u64>,
    /// Calls by status of the RPC within them.
    pub rpc_statuses: SmallMap<u16, u64>,
    /// Messages of streams.
    pub messages: Messages,
    /// Time to the first byte of the response.
    pub latency: Histogram,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies.
    pub response_bytes: u64,
    /// Calls by media type of the request body.
    pub request_types: SmallMap<Arc<str>, u64>,
    /// Calls by media type of the response body.
    pub response_types: SmallMap<Arc<str>, u64>,
    /// Calls by status code and media type of the response body.
    pub contents: SmallMap<(u16, Arc<str>), u64>,
    /// Fields.
    pub fields: SmallMap<FieldKey, FieldStats>,
    /// Fields with few values, all of them words of our vocabulary, as long as they have no others.
    pub values: SmallMap<FieldKey, Values>,
    /// Calls by how they went over the network, all of them.
    pub transports: SmallMap<Transport, u64>,
    /// Who called.
    pub callers: SmallMap<CallerKey, CallerStats>,
    /// Who answered.
    pub servers: SmallMap<Peer, u64>,
    /// Evidence that it exists.
    pub answered: Answered,
    /// Whether its responses were one and the same.
    pub page: Page,
    /// What rules ask about.
    pub signs: SmallMap<Sign, SignStats>,
    /// Sensitive data by field and class.
    pub classes: SmallMap<ClassKey, ClassStats>,
}

/// Messages of the streams of an endpoint: sums, and the most in one call or part of one, each of the
/// requests and of the responses. More than one in a call is a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Sums.
    pub sums: [u64; 2],
    /// Maxima.
    pub most: [u64; 2],
}

/// Calls that had a sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignStats {
    /// Calls.
    pub calls: u64,
    /// First and last of them.
    pub seen: Seen,
}

/// A class of sensitive data in a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey {
    /// Where.
    pub field: FieldKey,
    /// Which.
    pub class: DataClass,
}

/// Values of a field that were of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassStats {
    /// Values.
    pub values: u64,
    /// First and last call with one.
    pub seen: Seen,
}

/// The calls that were answered with a status below 400, as hull and sets: the same call told twice
/// changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// First and last of them.
    pub seen: Seen,
    /// A bit of 64 for each caller: their number gives how many there were at least.
    pub callers: u64,
    /// The same for each raw path.
    pub paths: u64,
}

/// Response bodies of one endpoint, compared by a keyed hash: none, one and the same, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// No response had a body.
    #[default]
    None,
    /// All bodies have this hash.
    One(u32),
    /// They differ.
    Several,
}

/// A place for data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKey {
    /// Where.
    pub place: Place,
    /// Name (`{name}` for all names that are data), or JSON pointer: empty for the whole body, `*`
    /// for array items, `{key}` for all keys that are data.
    pub name: Arc<str>,
}

/// Sums over the calls that had the field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldStats {
    /// Calls that had it.
    pub calls: u64,
    /// Union of types, marks and formats.
    pub facts: Facts,
    /// Objects that had it (for items: arrays); outside of bodies: calls. All of the objects of the
    /// parent did if the two numbers are the same. Of what stands for other names: sightings of names
    /// that are held back and may be fields.
    pub present: u64,
    /// How many of its values were objects.
    pub objects: u64,
    /// How many of `present` are counted at what stands for other names too, since the name was held
    /// back then; a few per run, so that it fits.
    pub held: u32,
    /// First and last call that had it.
    pub seen: Seen,
}

/// Values of one field by keyed hash, at most [`crate::limits::FIELD_VALUES_MAX`]; with their text as
/// far as it is shown.
pub type Values = SmallMap<u64, Option<Arc<str>>>;

/// Who called and with which kind of credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerKey {
    /// Workload or address. A local workload is listed once, whatever its address, which then is
    /// `0.0.0.0`.
    pub peer: Peer,
    /// Kind of credential.
    pub credential: Credential,
}

/// Sums over the calls of one caller to one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerStats {
    /// Calls.
    pub calls: u64,
    /// Calls answered with 4xx or 5xx.
    pub refused: u64,
    /// Calls answered with 2xx.
    pub granted: u64,
    /// Calls answered with 401 or 403.
    pub denied: u64,
    /// Calls inside TLS; all others went in clear.
    pub encrypted: u64,
    /// First and last seen.
    pub seen: Seen,
    /// A bit of 64 for each raw path that was asked for.
    pub paths: u64,
    /// Whom the credentials stand for.
    pub principals: Principals,
}

impl CallerStats {
    /// Calls that went unencrypted.
    pub fn in_clear(&self) -> u64 {
        self.calls.saturating_sub(self.encrypted)
    }
}

/// An interval of time; merging takes the hull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// First.
    pub first: Timestamp,
    /// Last.
    pub last: Timestamp,
}

/// Latency in powers of two: bucket `i` counts calls of `2^i` to `2^(i+1)` microseconds; the first
/// also those below, the last also those above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Counts.
    pub buckets: [u64; 28],
}

impl Inventory {
    /// A path has a word whose text is not known.
    pub fn has_hidden_words(&self) -> bool {
        let unknown =
            |segment: &Segment| matches!(segment, Segment::Hidden(h) if !self.words.contains_key(h));
        self.endpoints.keys().any(|key| key.path.iter().any(unknown))
    }
}

impl EndpointStats {
    /// Calls whose RPC failed, whatever the status of HTTP around it.
    pub fn rpc_failures(&self) -> u64 {
        self.rpc_statuses
            .iter()
            .filter(|(status, _)| **status != 0)
            .fold(0, |sum, (_, n)| n.saturating_add(sum))
    }

    /// Calls inside TLS.
    pub fn encrypted(&self) -> u64 {
        self.transports
            .iter()
            .filter(|(transport, _)| !transport.is_clear())
            .fold(0, |sum, (_, calls)| calls.saturating_add(sum))
    }

    /// Different callers, whatever their credential.
    pub fn caller_count(&self) -> u64 {
        let mut peers: Vec<&Peer> = self.callers.keys().map(|key| &key.peer).collect();
        // Keys are in the order of their peers.
        peers.dedup();
        peers.len() as u64
    }
}

impl Default for Seen {
    fn default() -> Self {
        Seen { first: Timestamp(u64::MAX), last: Timestamp(0) }
    }
}
