//! Whom credentials stand for, as keyed hashes, and the tokens met last with what they say: most calls
//! come with a token that came before, which then costs one quick hash.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::super::hash::Seed;
use super::jwt::{self, Jwt};
use crate::counter::{Counter, Counters};
use crate::flow::Timestamp;
use crate::limits::JWT_KEYS_TRIED_PER_MINUTE;

/// Places for what was met last, by hash: 64 B each.
const REMEMBERED: usize = 512;

const MINUTE_NS: u64 = 60 * 1_000_000_000;

/// What a text is that stands for somebody: the same text as another is somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    JwtSubject,
    Token,
    BasicUser,
    ApiKey,
    Session,
    Certificate,
    KeyId,
    User,
}

/// Hashes of one installation, stored in the inventory.
pub(in super::super) struct Tokens {
    key: [u8; 16],
    seed: Seed,
    remembered: Vec<Option<Met>>,
    minute: u64,
    tried: u32,
}

#[derive(Clone, Copy)]
struct Met {
    quick: u64,
    principal: u64,
    jwt: Jwt,
}

impl Tokens {
    pub(in super::super) fn new(key: [u8; 16], seed: Seed) -> Tokens {
        Tokens { key, seed, remembered: vec![None; REMEMBERED], minute: 0, tried: 0 }
    }

    /// Keyed hash of a text, the same in all runs of one installation.
    pub(super) fn principal(&mut self, of: Of, text: &[u8]) -> u64 {
        self.met(of, text, |tokens| (tokens.hash(of, text), Jwt::default())).principal
    }

    /// What a token says, and whom it stands for; if it does not say, it stands for itself.
    pub(super) fn jwt(&mut self, token: &[u8], at: Timestamp, counters: &mut Counters) -> (u64, Jwt) {
        let met = self.met(Of::JwtSubject, token, |tokens| {
            let (jwt, subject) = jwt::decode(token, || tokens.may_try(at, counters));
            let principal = match &*subject {
                [] => tokens.hash(Of::Token, token),
                subject => tokens.hash(Of::JwtSubject, subject),
            };
            (principal, jwt)
        });
        (met.principal, met.jwt)
    }

    /// It was read as a token before, not long ago: nothing else is remembered as one.
    pub(super) fn knows_jwt(&self, text: &[u8]) -> bool {
        let quick = self.quick(Of::JwtSubject, text);
        self.remembered[quick as usize % REMEMBERED].is_some_and(|met| met.quick == quick)
    }

    fn quick(&self, of: Of, text: &[u8]) -> u64 {
        self.seed.bytes(3 << 8 | of as u64, text)
    }

    fn met(&mut self, of: Of, text: &[u8], read: impl FnOnce(&mut Tokens) -> (u64, Jwt)) -> Met {
        let quick = self.quick(of, text);
        let place = quick as usize % REMEMBERED;
        if let Some(met) = self.remembered[place]
            && met.quick == quick
        {
            return met;
        }
        let (principal, jwt) = read(self);
        let met = Met { quick, principal, jwt };
        self.remembered[place] = Some(met);
        met
    }

    fn hash(&self, of: Of, text: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&[b'p', of as u8]);
        hasher.write(text);
        hasher.finish()
    }

    /// There is time left to try the keys that everybody knows.
    fn may_try(&mut self, at: Timestamp, counters: &mut Counters) -> bool {
        let minute = at.0 / MINUTE_NS;
        if minute != self.minute {
            (self.minute, self.tried) = (minute, 0);
        }
        if self.tried >= JWT_KEYS_TRIED_PER_MINUTE {
            counters.add(Counter::KeysUntried);
            return false;
        }
        self.tried += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_the_same_and_all_else_is_another() {
        let mut tokens = Tokens::new([7; 16], Seed::new([7; 16]));
        let first = tokens.principal(Of::ApiKey, b"abc");
        assert_eq!(tokens.principal(Of::ApiKey, b"abc"), first);
        assert_ne!(tokens.principal(Of::Session, b"abc"), first);
        assert_ne!(tokens.principal(Of::ApiKey, b"abd"), first);
        for number in 0..2000_u32 {
            tokens.principal(Of::ApiKey, &number.to_le_bytes());
        }
        assert_eq!(tokens.principal(Of::ApiKey, b"abc"), first);
        let mut other = Tokens::new([8; 16], Seed::new([8; 16]));
        assert_ne!(other.principal(Of::ApiKey, b"abc"), first);
    }

    #[test]
    fn so_many_keys_are_tried_in_a_minute() {
        let mut tokens = Tokens::new([7; 16], Seed::new([7; 16]));
        let mut counters = Counters::default();
        let tried = |tokens: &mut Tokens, at: u64, counters: &mut Counters| {
            (0..1000).filter(|_| tokens.may_try(Timestamp(at), counters)).count()
        };
        assert_eq!(tried(&mut tokens, 5 * MINUTE_NS, &mut counters), JWT_KEYS_TRIED_PER_MINUTE as usize);
        assert_eq!(tried(&mut tokens, 6 * MINUTE_NS, &mut counters), JWT_KEYS_TRIED_PER_MINUTE as usize);
        assert_eq!(counters.count(Counter::KeysUntried), 2 * (1000 - u64::from(JWT_KEYS_TRIED_PER_MINUTE)));
    }
}
