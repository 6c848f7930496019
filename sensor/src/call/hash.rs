//! A seeded 64-bit hash for tables whose keys come from traffic: short keys in a few nanoseconds,
//! and not to be steered into collisions without the installation's key. For tables only: what is
//! stored is hashed with SipHash ([`super::words`]).

/// Seed of the tables of one run.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    start: u64,
    multiplier: u64,
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

impl Seed {
    /// A seed made of the installation's key.
    pub(crate) fn new(key: [u8; 16]) -> Seed {
        let number = u128::from_le_bytes(key);
        let (low, high) = (number as u64, (number >> 64) as u64);
        Seed { start: fold(low ^ ODD, ODD) ^ high, multiplier: fold(high ^ ODD, !ODD) | 1 }
    }

    /// Hash of bytes behind a number that tells tables or parents apart.
    pub(crate) fn bytes(self, context: u64, bytes: &[u8]) -> u64 {
        let mut hash = self.number(context, bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            hash = fold(hash ^ u64::from_le_bytes(word), self.multiplier);
        }
        let rest = chunks.remainder();
        if rest.is_empty() {
            return hash;
        }
        let tail = rest.iter().fold(0, |tail: u64, &byte| tail << 8 | u64::from(byte));
        fold(hash ^ tail, self.multiplier)
    }

    /// Hash of two numbers.
    pub(crate) fn number(self, context: u64, number: u64) -> u64 {
        fold(fold(self.start ^ context, self.multiplier) ^ number, self.multiplier)
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn every_byte_and_the_seed_matter() {
        let seed = Seed::new([7; 16]);
        let text = b"a key of some length";
        for cut in 1..=text.len() {
            for at in 0..cut {
                let mut other = text[..cut].to_vec();
                other[at] ^= 1;
                assert_ne!(seed.bytes(1, &text[..cut]), seed.bytes(1, &other));
            }
        }
        assert_ne!(seed.bytes(1, text), seed.bytes(2, text));
        assert_ne!(seed.bytes(1, text), Seed::new([8; 16]).bytes(1, text));
    }
}
