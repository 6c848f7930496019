//! Payment card numbers: issuer range and length of the network, then the Luhn check digit (ISO/IEC
//! 7812-1). One of ten numbers of a range passes by chance: see [`super::Found::sure`].

use super::number::luhn;

/// First and last prefix of a range, and the lengths of its numbers as bits.
struct Range(u32, u32, u32);

const fn bits(lengths: &[u32]) -> u32 {
    let mut set = 0;
    let mut at = 0;
    while at < lengths.len() {
        set |= 1 << lengths[at];
        at += 1;
    }
    set
}

const SIXTEEN_UP: u32 = bits(&[16, 17, 18, 19]);
const MAESTRO: u32 = bits(&[13, 14, 15, 16, 17, 18, 19]);

/// Of six digits each, ascending: as the networks publish them.
const RANGES: &[Range] = &[
    // Mastercard, second range.
    Range(222_100, 272_099, bits(&[16])),
    // Diners Club.
    Range(300_000, 305_999, bits(&[14, 16])),
    Range(309_500, 309_599, bits(&[14, 16])),
    // American Express.
    Range(340_000, 349_999, bits(&[15])),
    // JCB.
    Range(352_800, 358_999, SIXTEEN_UP),
    // Diners Club, American Express.
    Range(360_000, 369_999, bits(&[14, 16])),
    Range(370_000, 379_999, bits(&[15])),
    Range(380_000, 399_999, bits(&[14, 16])),
    // Visa.
    Range(400_000, 499_999, bits(&[13, 16, 19])),
    // Maestro, Mastercard.
    Range(501_800, 501_899, MAESTRO),
    Range(502_000, 502_099, MAESTRO),
    Range(503_800, 503_899, MAESTRO),
    Range(510_000, 559_999, bits(&[16])),
    Range(589_300, 589_399, MAESTRO),
    // Discover, UnionPay, Maestro.
    Range(601_100, 601_199, SIXTEEN_UP),
    Range(620_000, 629_999, SIXTEEN_UP),
    Range(630_400, 630_499, MAESTRO),
    Range(644_000, 659_999, SIXTEEN_UP),
    Range(675_900, 675_999, MAESTRO),
    Range(676_100, 676_399, MAESTRO),
    // UnionPay, Troy.
    Range(810_000, 817_199, SIXTEEN_UP),
    Range(979_200, 979_299, bits(&[16])),
];

/// Mir, which would not stand in order.
const MIR: Range = Range(220_000, 220_499, SIXTEEN_UP);

/// A card number, of digits alone.
pub(super) fn is_card(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let prefix = digits[..6].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let fits = |range: &Range| (range.0..=range.1).contains(&prefix) && range.2 >> digits.len() & 1 != 0;
    (RANGES.iter().any(fits) || fits(&MIR)) && luhn(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_tests_of_the_networks() {
        for number in [
            "4111111111111111",
            "4012888888881881",
            "4222222222222",
            "4000056655665556",
            "5555555555554444",
            "5105105105105100",
            "2223003122003222",
            "378282246310005",
            "371449635398431",
            "30569309025904",
            "38520000023237",
            "3056930009020004",
            "6011111111111117",
            "6011000990139424",
            "3566002020360505",
            "6200000000000005",
            "6759649826438453",
            "2200000000000004",
        ] {
            assert!(is_card(number.as_bytes()), "{number}");
        }
    }

    #[test]
    fn other_numbers_of_that_length() {
        for number in [
            "4111111111111112",
            "1735689600000",
            "1735689600000000",
            "1735689600000000000",
            "1234567890123456",
            "9999999999999995",
            "0000000000000000",
            "41111111111111",
            "79927398713",
            "1800000000000000018",
        ] {
            assert!(!is_card(number.as_bytes()), "{number}");
        }
    }
}
