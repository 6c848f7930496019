//! Telephone numbers: international ones (E.164) by their `+`, national ones only under a name that says
//! so, since any id may read like them.

use super::number::Number;

/// Digits of an international number with its country code: 15 at most (E.164 section 6.2.1).
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;

/// Of one without separators and name: shorter ones may be numbers with a sign.
const PLAIN_MIN: usize = 10;

/// Digits of a national number.
const NATIONAL: std::ops::RangeInclusive<usize> = 6..=15;

/// A number that was written with `+`.
pub(super) fn is_international(number: &Number, named: bool) -> bool {
    let digits = number.digits();
    INTERNATIONAL.contains(&digits.len())
        && (named || !number.is_plain() || digits.len() >= PLAIN_MIN)
        && is_country(digits)
}

/// A number of those that have no country code, if the name of the field says that it is one.
pub(super) fn is_national(number: &Number) -> bool {
    let digits = number.digits();
    NATIONAL.contains(&digits.len()) && digits.iter().any(|digit| *digit != digits[0])
}

/// Begins with a country code that is assigned (ITU-T E.164 list of 2016).
fn is_country(digits: &[u8]) -> bool {
    match digits {
        [b'1' | b'7', ..] => true,
        [b'2', b'8', ..] | [b'8', b'3' | b'9', ..] | [b'0', ..] => false,
        [b'2', b'1', third, ..] => !matches!(third, b'0' | b'4' | b'5' | b'7' | b'9'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn international(text: &str) -> bool {
        Number::read(text.as_bytes()).is_some_and(|n| n.plus && is_international(&n, false))
    }

    #[test]
    fn with_a_plus() {
        for text in
            ["+4930123456789", "+49 30 123456", "+1 (202) 555-0143", "+33 1 23 45 67 89", "+442079460958"]
        {
            assert!(international(text), "{text}");
        }
        for text in [
            "+4.20",
            "+123456",
            "+0049 30 123456",
            "+12345678901234567",
            "+1 day",
            "+12345678",
            "+28 123 456 78",
        ] {
            assert!(!international(text), "{text}");
        }
    }

    #[test]
    fn under_a_name() {
        let national = |text: &str| Number::read(text.as_bytes()).is_some_and(|n| is_national(&n));
        for text in ["030 123456", "(202) 555-0143", "2025550143", "06 12 34 56 78"] {
            assert!(national(text), "{text}");
        }
        for text in ["", "110", "0000000000", "ext. 12", "1234567890123456"] {
            assert!(!national(text), "{text}");
        }
    }
}
