//! What values looked like, as a set of bits: JSON types in the lowest byte, marks in the next one,
//! formats of texts in the high half. Says what was seen, never how a value read.

use std::ops::{BitOr, BitOrAssign};

/// Set of types (lowest byte), marks (second byte) and formats (high half) seen; union is `|`. Stable
/// bits: they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts(pub u32);

macro_rules! facts {
    ($($(#[$doc:meta])* $fact:ident = $bit:literal, $name:literal;)*) => {
        impl Facts {
            $($(#[$doc])* pub const $fact: Facts = Facts(1 << $bit);)*

            /// Every bit with its name, types first.
            pub const NAMED: &'static [(Facts, &'static str)] = &[$((Facts::$fact, $name),)*];
        }
    };
}

facts! {
    /// JSON null.
    NULL = 0, "null";
    /// JSON true or false.
    BOOLEAN = 1, "boolean";
    /// JSON number without fraction and exponent.
    INTEGER = 2, "integer";
    /// JSON number with fraction or exponent.
    NUMBER = 3, "number";
    /// JSON string, or any value outside of JSON.
    STRING = 4, "string";
    /// JSON object.
    OBJECT = 5, "object";
    /// JSON array.
    ARRAY = 6, "array";
    /// An empty string, array or object.
    EMPTY = 7, "empty";
    /// RFC 9562 text form.
    UUID = 16, "uuid";
    /// RFC 3339 full-date.
    DATE = 17, "date";
    /// RFC 3339 date-time, zone optional.
    DATE_TIME = 18, "date-time";
    /// One `@` between a local part and a dotted domain.
    EMAIL = 19, "email";
    /// Absolute URI with `://`.
    URI = 20, "uri";
    /// Dotted quad.
    IPV4 = 21, "ipv4";
    /// RFC 4291 text form.
    IPV6 = 22, "ipv6";
    /// RFC 7519 compact form.
    JWT = 23, "jwt";
    /// Eight or more hex digits, decimals and letters.
    HEX = 24, "hex";
    /// Base64 or base64url of 16 or more characters, of mixed kind.
    BASE64 = 25, "base64";
    /// Decimal digits only.
    DIGITS = 26, "digits";
    /// A signed or broken decimal number as text.
    DECIMAL = 27, "decimal";
    /// `true` or `false` as text.
    BOOLEAN_TEXT = 28, "boolean-text";
    /// A text of none of these formats: without this bit every text had one.
    TEXT = 31, "text";
}

impl Facts {
    /// Nothing seen.
    pub const NONE: Facts = Facts(0);

    /// Mark: not all of the value was read (cut, malformed, over a bound); what follows from a member
    /// that was not seen is not known.
    pub const PARTIAL: Facts = Facts(1 << 8);

    /// Mark: a text of a format that only a lenient reading takes for it: a date-time without zone, a
    /// mail address or URI that is not ASCII, digits that are no number (`007`).
    pub const IRREGULAR: Facts = Facts(1 << 9);

    /// Mark: the name is in no vocabulary and was held back at first; values may have been counted
    /// under the name that stands for such names.
    pub const LATE: Facts = Facts(1 << 10);

    /// Mark of what stands for other names: some of them are data.
    pub const DATA: Facts = Facts(1 << 11);

    /// Mark: texts that are no member of a small closed set.
    pub const OPEN: Facts = Facts(1 << 12);

    /// Mark: more than once in one query, head or form.
    pub const REPEATED: Facts = Facts(1 << 13);

    /// Mark: there was no room for some of its members, whose values are not known.
    pub const FULL: Facts = Facts(1 << 14);

    /// Types only.
    pub const fn types(self) -> Facts {
        Facts(self.0 & 0xff)
    }

    /// Formats only.
    pub const fn formats(self) -> Facts {
        Facts(self.0 & 0xffff_0000)
    }

    /// All bits of `other` are set.
    pub const fn contains(self, other: Facts) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, types first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Facts::NAMED.iter().filter(move |(fact, _)| self.contains(*fact)).map(|&(_, name)| name)
    }
}

impl BitOr for Facts {
    type Output = Facts;

    fn bitor(self, other: Facts) -> Facts {
        Facts(self.0 | other.0)
    }
}

impl BitOrAssign for Facts {
    fn bitor_assign(&mut self, other: Facts) {
        self.0 |= other.0;
    }
}
