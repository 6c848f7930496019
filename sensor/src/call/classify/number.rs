//! Digits of a text that is a number as people write it, with blanks, dashes, dots and the like between
//! groups, and how they were grouped. No number as computers compute.

/// Most digits of any number that is looked at.
const DIGITS_MAX: usize = 19;

/// Most groups; more are no number.
const GROUPS_MAX: usize = 8;

/// What was read.
pub(super) struct Number {
    digits: [u8; DIGITS_MAX],
    length: usize,
    /// Begins with `+`.
    pub(super) plus: bool,
    groups: [u8; GROUPS_MAX],
    count: usize,
    /// Bits of the separators: blank, dash, other.
    separators: u8,
}

const BLANK: u8 = 1;
const DASH: u8 = 2;
const OTHER: u8 = 4;

impl Number {
    /// Reads a whole text; `None` at the first byte that is of no such number.
    pub(super) fn read(text: &[u8]) -> Option<Number> {
        let text = text.trim_ascii();
        let (plus, text) = match text {
            [b'+', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut number = Number {
            digits: [0; DIGITS_MAX],
            length: 0,
            plus,
            groups: [0; GROUPS_MAX],
            count: 0,
            separators: 0,
        };
        let mut inside = false;
        for &byte in text {
            let separator = match byte {
                b'0'..=b'9' => {
                    *number.digits.get_mut(number.length)? = byte;
                    number.length += 1;
                    if !inside {
                        number.count += 1;
                    }
                    *number.groups.get_mut(number.count - 1)? += 1;
                    inside = true;
                    continue;
                }
                b' ' => BLANK,
                b'-' => DASH,
                b'.' | b'/' | b'(' | b')' => OTHER,
                _ => return None,
            };
            inside = false;
            number.separators |= separator;
        }
        // Behind the last group nothing may stand.
        (inside && number.length > 0).then_some(number)
    }

    /// The digits, at most 19.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    /// No separators at all.
    pub(super) fn is_plain(&self) -> bool {
        self.separators == 0
    }

    /// Groups of these sizes with any separators.
    pub(super) fn is_parted(&self, groups: &[u8]) -> bool {
        self.groups[..self.count] == *groups
    }

    /// The same with dashes alone.
    pub(super) fn is_dashed(&self, groups: &[u8]) -> bool {
        self.separators == DASH && self.is_parted(groups)
    }

    /// Grouped as cards are printed, by blanks or by dashes.
    pub(super) fn is_grouped(&self) -> bool {
        let four = |group: &u8| *group == 4;
        matches!(self.separators, BLANK | DASH)
            && match &self.groups[..self.count] {
                [4, 6, 5] | [4, 6, 4] => true,
                [first @ .., last] => first.len() >= 3 && first.iter().all(four) && (1..=4).contains(last),
                [] => false,
            }
    }

    /// Plain, or grouped as cards are printed.
    pub(super) fn is_plain_or_grouped(&self) -> bool {
        self.is_plain() || self.is_grouped()
    }
}

/// Sum of the Luhn algorithm (ISO/IEC 7812-1 annex B) is a multiple of ten.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            if at % 2 == 1 { doubled(digit) } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The digits as a number; of at most 19 digits.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |sum: u64, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))))
}

/// Sum of digits by weights, as many as both have.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum()
}
