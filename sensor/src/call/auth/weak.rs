//! Keys of HMAC signatures that everybody knows: of examples, defaults of frameworks and tutorials. Who
//! knows the key signs what he likes (RFC 8725 section 3.5).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// HMAC of RFC 7518 section 3.2.
#[derive(Clone, Copy)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

impl Algorithm {
    pub(super) fn of_name(name: &str) -> Option<Algorithm> {
        match name {
            "HS256" => Some(Algorithm::Hs256),
            "HS384" => Some(Algorithm::Hs384),
            "HS512" => Some(Algorithm::Hs512),
            _ => None,
        }
    }
}

/// Most frequent first, so that what is found is found soon.
static KEYS: &str = include_str!("weak_keys.txt");

/// One of the keys gives that signature of these bytes.
pub(super) fn is_weak(algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    let length = match algorithm {
        Algorithm::Hs256 => 32,
        Algorithm::Hs384 => 48,
        Algorithm::Hs512 => 64,
    };
    // The empty key is one too.
    let keys = std::iter::once("").chain(KEYS.lines());
    signature.len() == length
        && keys.map(str::as_bytes).any(|key| match algorithm {
            Algorithm::Hs256 => gives::<Hmac<Sha256>>(key, signed, signature),
            Algorithm::Hs384 => gives::<Hmac<Sha384>>(key, signed, signature),
            Algorithm::Hs512 => gives::<Hmac<Sha512>>(key, signed, signature),
        })
}

fn gives<M: Mac + KeyInit>(key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    // HMAC takes keys of any length.
    let Ok(mac) = <M as KeyInit>::new_from_slice(key) else { return false };
    mac.chain_update(signed).verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_what_they_sign() {
        for key in ["", "secret", "changeme", "your-256-bit-secret", "a-string-secret-at-least-256-bits-long"]
        {
            let sign = |mac: Hmac<Sha512>| mac.chain_update(b"a.b").finalize().into_bytes();
            let signature = sign(Hmac::<Sha512>::new_from_slice(key.as_bytes()).expect("any length"));
            assert!(is_weak(Algorithm::Hs512, b"a.b", &signature), "{key}");
            assert!(!is_weak(Algorithm::Hs512, b"a.c", &signature), "{key}");
            assert!(!is_weak(Algorithm::Hs256, b"a.b", &signature), "{key}");
        }
        let mac = Hmac::<Sha256>::new_from_slice(b"nobody knows this one 7f3a9c").expect("any length");
        assert!(!is_weak(Algorithm::Hs256, b"a.b", &mac.chain_update(b"a.b").finalize().into_bytes()));
    }

    #[test]
    fn the_list_has_each_once() {
        let mut keys: Vec<&str> = KEYS.lines().collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert!(keys.len() == count && count >= 80 && !keys.contains(&""), "{count}");
    }
}
