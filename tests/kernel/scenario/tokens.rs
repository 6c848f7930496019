//! JSON Web Tokens of the scenario, each with what a rule is about, signed with HMAC-SHA256 (RFC 2104).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A key that nobody guesses.
pub const STRONG: &str = "0f1c9b3e7d5a48f2b6e1a7c3d9f04b82e6a5c1d7";

/// A token with header and claims as given; not signed without a key.
pub fn token(header: &str, claims: &str, key: Option<&str>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.map_or(Vec::new(), |key| hmac(key.as_bytes(), signed.as_bytes()));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `Bearer` with a token of HS256 and a strong key, that was issued at `now` (seconds since the epoch) and
/// lives for an hour.
pub fn good(now: u64, subject: &str) -> String {
    bearer(&claims(now, now + 3600, subject), STRONG)
}

/// `Bearer` with a token of HS256.
pub fn bearer(claims: &str, key: &str) -> String {
    format!("Bearer {}", token(r#"{"alg":"HS256","typ":"JWT"}"#, claims, Some(key)))
}

/// Claims with a beginning and an end.
pub fn claims(issued: u64, expires: u64, subject: &str) -> String {
    format!(r#"{{"iss":"https://id.shop.test","sub":"{subject}","iat":{issued},"exp":{expires}}}"#)
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}
