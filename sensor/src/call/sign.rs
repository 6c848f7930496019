//! Signs: what rules ask about one call, as a set of bits. Each says that something was so, never how a
//! value read.

/// Something about one call that a rule asks about. Stable for ever: names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// A credential stood in the query (RFC 6750 section 5.3, RFC 9110 section 17.9).
    CredentialInUrl,
    /// A value of a sensitive class stood in the path or query.
    SensitiveInUrl,
    /// The call went over a network between hosts, unencrypted.
    ClearTransport,
    /// As before, with a credential.
    CredentialInClear,
    /// As before, with Basic.
    BasicInClear,
    /// As before, with data of a sensitive class in the request or the response.
    SensitiveInClear,
    /// A JWT with `alg` none or without one was answered with 2xx (RFC 8725 section 3.2).
    JwtNone,
    /// A JWT past its `exp` by more than a minute was answered with 2xx (RFC 7519 section 4.1.4).
    JwtExpiredAccepted,
    /// A JWT has no `exp`.
    JwtNoExpiry,
    /// A JWT lives longer than [`crate::limits::JWT_LIFETIME_S`].
    JwtLongLived,
    /// A JWT is signed (HS*) with one of the keys that everybody knows (RFC 8725 section 3.5).
    JwtWeakKey,
    /// A claim of a JWT is of a sensitive class; e-mail does not count.
    JwtSensitiveClaims,
    /// An answer with 4xx or 5xx holds a stack trace or the error of a database.
    VerboseError,
    /// The answer lets the asking origin read with credentials, and it is any origin that asks.
    CorsAnyOriginWithCredentials,
    /// An array of an answer with 2xx has [`crate::limits::RECORDS_MANY`] items or more.
    ManyRecords,
    /// A body was there and could not be read, or only in part.
    BodyUnread,
}

/// A set of [`Sign`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs(u32);

impl Signs {
    /// Adds one.
    pub fn add(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u32;
    }

    /// It is in the set.
    pub const fn contains(self, sign: Sign) -> bool {
        self.0 & 1 << sign as u32 != 0
    }

    /// There are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All in the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Sign> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            // None past the last one: only `add` sets bits.
            let sign = Sign::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*sign)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_added() {
        let mut signs = Signs::default();
        assert!(signs.is_empty() && signs.iter().next().is_none());
        for &sign in Sign::ALL.iter().rev() {
            assert!(!signs.contains(sign));
            signs.add(sign);
            signs.add(sign);
        }
        assert_eq!(signs.iter().collect::<Vec<_>>(), Sign::ALL);
        assert!(
            Sign::ALL.iter().enumerate().all(|(at, &sign)| sign as usize == at),
            "bits are by their order"
        );
    }
}
