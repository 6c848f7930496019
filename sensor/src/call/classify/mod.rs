//! Sensitive data in values: a value with its [`Facts`] and what the name of its field says in, its
//! [`DataClass`] out. Most values are told off by their facts, first bytes and length. Says what a value
//! may be; whether a field is of a class is decided over many values, when the inventory is read.

mod alphabet;
mod birth;
mod card;
mod context;
mod iban;
mod national;
mod number;
mod phone;
mod secret;
mod ssn;

pub(crate) use context::Context;

use super::{DataClass, Facts};
use number::Number;

/// A value is of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Which.
    pub(super) class: DataClass,
    /// One value is enough to say so; else other things that come by the million may read so by chance.
    pub(super) sure: bool,
}

impl Found {
    /// It is nothing that anybody may know; addresses are on cards of business.
    pub(super) fn is_secret(self) -> bool {
        self.sure && self.class != DataClass::Email
    }
}

/// Shortest texts without a name that are looked at, in bytes.
const TEXT_BYTES_MIN: usize = 8;

/// Longest text that may be a number, an id or an account, in bytes.
const NUMBER_BYTES_MAX: usize = 42;

/// Shortest token, in bytes: below are words and short codes.
const TOKEN_BYTES_MIN: usize = 16;

/// Fewest digits of a JSON number that may be of a class.
pub(super) const DIGITS_MIN: usize = 7;

/// The same without a name.
pub(super) const PLAIN_DIGITS_MIN: usize = 10;

const fn sure(class: DataClass) -> Option<Found> {
    Some(Found { class, sure: true })
}

/// The class of a text value.
#[inline]
pub(super) fn of_text(text: &[u8], facts: Facts, context: Context) -> Option<Found> {
    const FORMATS: u32 = Facts::TEXT.0
        | Facts::HEX.0
        | Facts::BASE64.0
        | Facts::DIGITS.0
        | Facts::DECIMAL.0
        | Facts::EMAIL.0
        | Facts::JWT.0
        | Facts::URI.0;
    if text.is_empty() {
        return None;
    }
    if context.is_none() {
        if facts.0 & FORMATS == 0 || text.len() < TEXT_BYTES_MIN {
            // The shortest address: `a@b.c`.
            return if facts.contains(Facts::EMAIL) { sure(DataClass::Email) } else { None };
        }
        const WORDS: u32 = Facts::TEXT.0 | Facts::HEX.0 | Facts::BASE64.0;
        let short_number = facts.contains(Facts::DIGITS) && text.len() < PLAIN_DIGITS_MIN;
        if short_number || (facts.0 & WORDS != 0 && !may_begin(text, facts)) {
            return None;
        }
    }
    look(text, facts, context)
}

/// A text may begin so that is of a class by itself. Words, sentences and checksums do not.
#[inline]
fn may_begin(text: &[u8], facts: Facts) -> bool {
    const CODE_BYTES: usize = 16;
    let &[first, second, third, ..] = text else { return false };
    match first {
        // Of hex digits only an id of eight and a letter.
        b'0'..=b'9' => text.len() == 9 || !facts.contains(Facts::HEX),
        b'+' | b'(' | b'-' | b' ' | b'\n' => true,
        b'A'..=b'Z' => {
            let coded = |byte: u8| byte.is_ascii_digit() || byte == b' ';
            (second.is_ascii_digit() || (second.is_ascii_uppercase() && coded(third)))
                || (text.len() == CODE_BYTES && third.is_ascii_uppercase())
                || secret::may_begin(text)
        }
        _ => secret::may_begin(text),
    }
}

#[inline(never)]
fn look(text: &[u8], facts: Facts, context: Context) -> Option<Found> {
    if facts.contains(Facts::EMAIL) {
        return sure(DataClass::Email);
    }
    if facts.contains(Facts::JWT) {
        return sure(DataClass::Token);
    }
    if facts.contains(Facts::URI) {
        return if secret::is_hook(text) { sure(DataClass::Secret) } else { None };
    }
    if secret::is_private_key(text) {
        return sure(DataClass::PrivateKey);
    }
    if secret::is_secret(text) {
        return sure(DataClass::Secret);
    }
    if context.has(Context::BIRTH) && birth::is_date(text, facts) {
        return sure(DataClass::BirthDate);
    }
    let dated = Facts::DATE.0 | Facts::DATE_TIME.0 | Facts::BOOLEAN_TEXT.0;
    if context.has(Context::PASSWORD) && facts.0 & dated == 0 && !is_masked(text) {
        return sure(DataClass::Password);
    }
    if context.has(Context::TOKEN) && facts.0 & dated == 0 && is_token(text) {
        return sure(DataClass::Token);
    }
    if facts.0 & (dated | Facts::UUID.0 | Facts::IPV4.0 | Facts::IPV6.0) != 0 {
        return None;
    }
    if text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    if facts.contains(Facts::DECIMAL) && text[0] != b'+' && context.is_none() {
        return None;
    }
    match Number::read(text) {
        Some(number) => of_number(&number, context),
        None => lettered(text, context),
    }
}

/// The class of a JSON number without fraction and exponent, by its digits.
#[inline(never)]
pub(super) fn of_integer(digits: &[u8], context: Context) -> Option<Found> {
    let number = Number::read(digits)?;
    // `0612…` is no JSON number, so that what a number holds of a telephone's is only a part.
    of_number(&number, context)
}

fn of_number(number: &Number, context: Context) -> Option<Found> {
    let digits = number.digits();
    if number.plus {
        let named = context.has(Context::PHONE);
        return if phone::is_international(number, named) { sure(DataClass::Phone) } else { None };
    }
    if context.has(Context::PHONE) && phone::is_national(number) {
        return sure(DataClass::Phone);
    }
    if ssn::is_ssn(digits) && (context.has(Context::SSN) || number.is_dashed(&[3, 2, 4])) {
        return sure(DataClass::UsSsn);
    }
    let card = card::is_card(digits) && number.is_plain_or_grouped();
    let named = context.has(Context::CARD);
    if card && (named || number.is_grouped()) {
        return sure(DataClass::Card);
    }
    if context.has(Context::NATIONAL_ID) && national::is_number(digits) {
        return sure(DataClass::NationalId);
    }
    let chance = |class| Some(Found { class, sure: false });
    if card {
        return chance(DataClass::Card);
    }
    national::is_structured(number).then_some(())?;
    chance(DataClass::NationalId)
}

/// Of letters and digits.
fn lettered(text: &[u8], context: Context) -> Option<Found> {
    if iban::is_iban(text) {
        return sure(DataClass::Iban);
    }
    let kind = national::of_letters(text)?;
    Some(Found { class: DataClass::NationalId, sure: kind.sure || context.has(Context::NATIONAL_ID) })
}

/// Is shown in place of a secret: one character many times.
fn is_masked(text: &[u8]) -> bool {
    let masked = |byte: &u8| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'#' | b'-' | 0x80..);
    text.iter().all(masked)
}

/// One word of no language: long, and nothing between but what tokens have.
fn is_token(text: &[u8]) -> bool {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=:|$".contains(byte);
    text.len() >= TOKEN_BYTES_MIN
        && text.iter().all(inside)
        && text.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
