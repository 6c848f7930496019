//! Ids that states give, by their check digits: those of Germany, France, Spain, Italy, the Netherlands,
//! Belgium, Poland, Portugal, Sweden, Finland, and the form of the United Kingdom's. Of those of digits
//! alone one of ten or so passes by chance: they count under a name, or in a vote of many values.

use super::number::{Number, luhn, value, weighted};

/// An id with letters.
pub(super) struct Lettered {
    /// One value is enough.
    pub(super) sure: bool,
}

/// Digits of an id, in any grouping, under a name that says that it is one.
pub(super) fn is_number(digits: &[u8]) -> bool {
    match digits.len() {
        9 => is_bsn(digits) || is_nif(digits),
        10 => is_personnummer(digits),
        11 => is_tax_id(digits) || is_pesel(digits) || is_belgian(digits),
        12 => is_personnummer(&digits[2..]) && matches!(&digits[..2], b"18" | b"19" | b"20"),
        15 => is_nir(digits),
        _ => false,
    }
}

/// Of those the ones with a date or the like in them besides the check digit, plain or grouped as the
/// country writes them.
pub(super) fn is_structured(number: &Number) -> bool {
    let digits = number.digits();
    match digits.len() {
        10 => (number.is_plain() || number.is_parted(&[6, 4])) && is_personnummer(digits),
        11 if number.is_plain() => is_tax_id(digits) || is_pesel(digits) || is_belgian(digits),
        11 => number.is_parted(&[2, 2, 2, 3, 2]) && is_belgian(digits),
        12 => (number.is_plain() || number.is_parted(&[8, 4])) && is_number(digits),
        15 => (number.is_plain() || number.is_parted(&[1, 2, 2, 2, 3, 3, 2])) && is_nir(digits),
        _ => false,
    }
}

/// An id that has letters in it.
pub(super) fn of_letters(text: &[u8]) -> Option<Lettered> {
    let found = |yes: bool, sure: bool| yes.then_some(Lettered { sure });
    match text.len() {
        9 if text[8].is_ascii_uppercase() => found(is_dni(text) || is_nino(text), false),
        11 => found(is_hetu(text), true),
        13 if text.contains(&b' ') => found(is_nino_spaced(text), false),
        15 => found(is_nir_of_corsica(text), true),
        16 => found(is_codice_fiscale(text), true),
        _ => None,
    }
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

fn is_day(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Germany, tax number: ISO 7064 mod 11,10; of the first ten digits one comes twice or three times.
fn is_tax_id(digits: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    digits[..10].iter().for_each(|&byte| counts[digit(byte) as usize % 10] += 1);
    let repeated = counts.iter().filter(|&&count| count > 1).count();
    if digits[0] == b'0' || repeated != 1 || counts.iter().any(|&count| count > 3) {
        return false;
    }
    let product = digits[..10].iter().fold(10, |product, &byte| {
        let sum = (product + digit(byte)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == digit(digits[10])
}

/// France, NIR: sex, year, month, place, number, and 97 less the rest as a key.
fn is_nir(digits: &[u8]) -> bool {
    let month = value(&digits[3..5]);
    matches!(digits[0], b'1'..=b'4' | b'7' | b'8')
        && (matches!(month, 1..=12 | 20..=42 | 50..=99))
        && value(&digits[13..]) == 97 - value(&digits[..13]) % 97
}

/// The same of those born on Corsica: `2A` counts as 19, `2B` as 18.
fn is_nir_of_corsica(text: &[u8]) -> bool {
    let place: &[u8] = match &text[5..7] {
        b"2A" => b"19",
        b"2B" => b"18",
        _ => return false,
    };
    let mut digits = [0; 15];
    digits.copy_from_slice(text);
    digits[5..7].copy_from_slice(place);
    digits.iter().all(u8::is_ascii_digit) && is_nir(&digits)
}

/// Spain, DNI and NIE: the letter is the rest by 23; `X`, `Y`, `Z` of foreigners count as 0, 1, 2.
fn is_dni(text: &[u8]) -> bool {
    let mut digits = [0; 8];
    digits.copy_from_slice(&text[..8]);
    if let Some(at) = b"XYZ".iter().position(|letter| *letter == digits[0]) {
        digits[0] = b'0' + at as u8;
    }
    digits.iter().all(u8::is_ascii_digit)
        && b"TRWAGMYFPDXBNJZSQVHLCKE"[(value(&digits) % 23) as usize] == text[8]
}

/// Italy, codice fiscale, also with letters for digits where two people had the same.
fn is_codice_fiscale(text: &[u8]) -> bool {
    const DIGITS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];
    const ODD: &[u8; 26] =
        &[1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let fits = |(at, byte): (usize, &u8)| match DIGITS.contains(&at) {
        true => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
        false => byte.is_ascii_uppercase(),
    };
    if !text.iter().enumerate().all(fits) || !b"ABCDEHLMPRST".contains(&text[8]) {
        return false;
    }
    let sum: u32 = text[..15]
        .iter()
        .enumerate()
        .map(|(at, &byte)| {
            let rank = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            // Positions count from 1. Ranks are below 26: a letter or a digit.
            if at % 2 == 0 { u32::from(ODD[usize::from(rank)]) } else { u32::from(rank) }
        })
        .sum();
    sum % 26 == u32::from(text[15] - b'A')
}

/// The Netherlands, BSN: weights 9 to 2 and -1, a multiple of 11.
fn is_bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    value(digits) > 9_999_999 && sum % 11 == digit(digits[8])
}

/// Belgium, national number: date, number, and 97 less the rest; with a 2 before since 2000.
fn is_belgian(digits: &[u8]) -> bool {
    let (month, day) = (value(&digits[2..4]), value(&digits[4..6]));
    let key = value(&digits[9..]);
    let number = value(&digits[..9]);
    let fits = |number: u64| key == 97 - number % 97;
    is_day(month, day) && (fits(number) || fits(2_000_000_000 + number))
}

/// Poland, PESEL: date with the century in the month, weights 1 3 7 9.
fn is_pesel(digits: &[u8]) -> bool {
    let (month, day) = (value(&digits[2..4]), value(&digits[4..6]));
    let sum = weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    is_day(month % 20, day) && (10 - sum % 10) % 10 == digit(digits[10])
}

/// Portugal, NIF: weights 9 to 2, mod 11.
fn is_nif(digits: &[u8]) -> bool {
    let rest = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    matches!(digits[0], b'1'..=b'3' | b'5' | b'6' | b'8' | b'9') && check == digit(digits[8])
}

/// Sweden, ten digits: date (the day may have 60 added) and Luhn.
fn is_personnummer(digits: &[u8]) -> bool {
    let (month, day) = (value(&digits[2..4]), value(&digits[4..6]));
    is_day(month, if day > 60 { day - 60 } else { day }) && luhn(digits)
}

/// Finland, HETU: date, sign of the century, number, and a character by 31.
fn is_hetu(text: &[u8]) -> bool {
    let mut digits = [0; 9];
    digits[..6].copy_from_slice(&text[..6]);
    digits[6..].copy_from_slice(&text[7..10]);
    digits.iter().all(u8::is_ascii_digit)
        && b"+-YXWVUABCDEF".contains(&text[6])
        && is_day(value(&digits[2..4]), value(&digits[..2]))
        && b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(value(&digits) % 31) as usize] == text[10]
}

/// United Kingdom, National Insurance number: there is no check digit, only rules of its letters.
fn is_nino(text: &[u8]) -> bool {
    let &[a, b, ref digits @ .., last] = text else { return false };
    let first = |byte: u8| byte.is_ascii_uppercase() && !b"DFIQUV".contains(&byte);
    first(a)
        && first(b)
        && b != b'O'
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[a, b])
        && digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&last)
}

/// `AB 12 34 56 C`.
fn is_nino_spaced(text: &[u8]) -> bool {
    let mut plain = [0; 9];
    let mut count = 0;
    for (at, &byte) in text.iter().enumerate() {
        let blank = matches!(at, 2 | 5 | 8 | 11);
        if blank != (byte == b' ') {
            return false;
        }
        if !blank {
            plain[count] = byte;
            count += 1;
        }
    }
    is_nino(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_digits() {
        for (text, country) in [
            ("86095742719", "DE"),
            ("47036892816", "DE"),
            ("65929970489", "DE"),
            ("111222333", "NL"),
            ("123456782", "NL"),
            ("85073003328", "BE"),
            ("44051401359", "PL"),
            ("02070803628", "PL"),
            ("123456789", "PT"),
            ("501442600", "PT"),
            ("8112189876", "SE"),
            ("198112189876", "SE"),
            ("255081416802538", "FR"),
        ] {
            assert!(is_number(text.as_bytes()), "{country} {text}");
        }
        for text in [
            "86095742718",
            "12345678901",
            "111222334",
            "85073003329",
            "44051401358",
            "8112189875",
            "255081416802539",
            "1735689600",
            "1",
            "",
        ] {
            assert!(!is_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn of_letters_and_digits() {
        for (text, certain) in [
            ("12345678Z", false),
            ("X1234567L", false),
            ("RSSMRA85T10A562S", true),
            ("131052-308T", true),
            ("AB123456C", false),
            ("AB 12 34 56 C", false),
        ] {
            assert_eq!(of_letters(text.as_bytes()).map(|id| id.sure), Some(certain), "{text}");
        }
        for text in [
            "12345678A",
            "X1234567M",
            "RSSMRA85T10A562T",
            "131052-308U",
            "BG123456A",
            "DA123456A",
            "AB123456E",
            "GIT-123456",
            "ABCDEFGHIJKLMNOP",
            "AB-12-34-56-C",
            "",
        ] {
            assert!(of_letters(text.as_bytes()).is_none(), "{text}");
        }
    }
}
