//! Sets of ASCII characters as bits, to check the body of a secret in one pass.

/// A set of characters below 128.
#[derive(Clone, Copy)]
pub(super) struct Alphabet(u128);

impl Alphabet {
    /// `a-f`, `0-9`.
    pub(super) const HEX: Alphabet = Alphabet::of(b"0123456789abcdef");
    /// Letters and digits.
    pub(super) const ALNUM: Alphabet =
        Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    /// Capitals and digits.
    pub(super) const UPPER: Alphabet = Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    /// Letters, digits, `_`.
    pub(super) const WORD: Alphabet = Alphabet(Alphabet::ALNUM.0 | Alphabet::of(b"_").0);
    /// As base64url (RFC 4648 section 5).
    pub(super) const URL: Alphabet = Alphabet(Alphabet::WORD.0 | Alphabet::of(b"-").0);
    /// And dots.
    pub(super) const DOTTED: Alphabet = Alphabet(Alphabet::URL.0 | Alphabet::of(b".=").0);

    const fn of(characters: &[u8]) -> Alphabet {
        let mut set = 0;
        let mut at = 0;
        while at < characters.len() {
            set |= 1 << characters[at];
            at += 1;
        }
        Alphabet(set)
    }

    /// All bytes are in the set.
    pub(super) fn has_all(self, text: &[u8]) -> bool {
        text.iter().all(|&byte| byte < 128 && self.0 >> byte & 1 != 0)
    }
}
