//! US social security numbers: ranges that are assigned (SSA, since 2011 at random). There is no check
//! digit, so that the form with dashes or the name of the field must say what it is.

/// Area, group and serial number are none that are never given.
pub(super) fn is_ssn(digits: &[u8]) -> bool {
    digits.len() == 9
        && digits[0] != b'9'
        && !matches!(&digits[..3], b"000" | b"666")
        && &digits[3..5] != b"00"
        && &digits[5..] != b"0000"
}

#[cfg(test)]
mod tests {
    use super::is_ssn;

    #[test]
    fn ranges() {
        for digits in ["123456789", "078051120", "899999999"] {
            assert!(is_ssn(digits.as_bytes()), "{digits}");
        }
        for digits in ["000456789", "666456789", "900456789", "123006789", "123450000", "12345678", ""] {
            assert!(!is_ssn(digits.as_bytes()), "{digits}");
        }
    }
}
