//! Numbers by which calls are told apart and compared without what they were about: which bit of a
//! small set a path or a caller has, and a short keyed hash of a response body.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::protocol::Message;

use super::hash::Seed;

/// Bytes at each end of a body that its mark is made of, besides its length and [`SAMPLES`] of what is
/// between: enough to tell pages apart, little enough to cost a tenth of a microsecond.
const END_BYTES: usize = 128;

/// Words of eight bytes, evenly spread, between the ends.
const SAMPLES: usize = 16;

/// The bit that a hash has in a set of 64: its size gives a number of different things, at least.
pub(super) fn bit(seed: Seed, hash: u64) -> u64 {
    // Mixed once more: texts that differ in one byte must differ in the few bits that count here.
    1 << (seed.number(2, hash) >> 58)
}

/// Bit of a path behind a hash of its service. A slash more or less at its end is the same path.
pub(super) fn path_bit(seed: Seed, service: u64, path: &[u8]) -> u64 {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at + 1);
    bit(seed, seed.bytes(service, &path[..end]))
}

/// Keyed hash of an HTML document, the same for the same in all runs of one installation; `None` for any
/// other body: APIs answer `{}` or `ok` in many places, and mean it. 32 bits: it is to be compared with
/// few, and tells the less.
pub(super) fn page(key: &[u8; 16], seed: Seed, response: &Message) -> Option<u32> {
    let body = &response.body;
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if !(text.starts_with(b"<!") || text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<html"))) {
        return None;
    }
    // As it was before a coding, if it is all there: not every client takes one.
    let length = if response.body_whole { body.len() as u64 } else { response.body_bytes };
    let (start, rest) = body.split_at(body.len().min(END_BYTES));
    let end = &rest[rest.len().saturating_sub(END_BYTES)..];
    let between = &rest[..rest.len() - end.len()];
    let mut quick = seed.bytes(seed.bytes(length, start), end);
    let samples = between.chunks(between.len().div_ceil(SAMPLES).max(size_of::<u64>()));
    for sample in samples.filter_map(|sample| sample.first_chunk()) {
        quick = seed.number(quick, u64::from_le_bytes(*sample));
    }
    // The seed's hash is for tables; what is stored is hashed as words are.
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write_u64(quick);
    Some((hasher.finish() >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_spread() {
        let seed = Seed::new([7; 16]);
        let bits = |paths: u32| {
            (0..paths).fold(0, |set, n| set | path_bit(seed, 1, format!("/users/{n}").as_bytes()))
        };
        assert_eq!(bits(1).count_ones(), 1);
        assert!(bits(20).count_ones() > 13 && bits(1000).count_ones() == 64);
        assert_eq!(path_bit(seed, 1, b"/users/"), path_bit(seed, 1, b"/users"));
        assert_ne!(path_bit(seed, 1, b"/users"), path_bit(seed, 2, b"/users"));
    }
}
