//! Dates as people write days of birth, under a name that says so: ISO, `30.07.1985`, `07/30/1985`,
//! `19850730`. Years that somebody who lives can be born in.

use super::super::Facts;
use super::number::Number;

const YEARS: std::ops::RangeInclusive<u32> = 1890..=2060;

/// A date.
pub(super) fn is_date(text: &[u8], facts: Facts) -> bool {
    if facts.0 & (Facts::DATE.0 | Facts::DATE_TIME.0) != 0 {
        // Of a date that was recognised the first four bytes are the year.
        return year(&text[..4]);
    }
    let Some(number) = Number::read(text).filter(|number| !number.plus) else { return false };
    let digits = number.digits();
    if digits.len() != 8 {
        return false;
    }
    let part = |from: usize, to: usize| value(&digits[from..to]);
    let day_and_month = |one: u32, other: u32| (1..=31).contains(&one) && (1..=12).contains(&other);
    let plain = year(&digits[..4]) && day_and_month(part(6, 8), part(4, 6));
    let (one, other) = (part(0, 2), part(2, 4));
    let parted = number.is_parted(&[2, 2, 4]) && year(&digits[4..]);
    plain || (parted && (day_and_month(one, other) || day_and_month(other, one)))
}

fn year(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_digit) && YEARS.contains(&value(digits))
}

/// Of at most nine digits.
fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0')))
}
