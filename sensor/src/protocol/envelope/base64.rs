//! Base64 as gRPC-Web sends it: any cut, padding wherever a part ended (RFC 4648 section 4).

/// Base64 that may be padded in the middle: each part was encoded for itself.
#[derive(Default)]
pub(super) struct Base64 {
    bits: u32,
    /// Digits of a group of four so far, and how many of them are padding.
    digits: u8,
    padding: u8,
}

impl Base64 {
    /// Bytes written to `out`, which has 3/4 of the length of `coded` (a multiple of 4) at the least, and
    /// whether it is base64 to its end: what stands before the fault is the same however it is cut.
    pub fn decode(&mut self, coded: &[u8], out: &mut [u8; 768]) -> (usize, bool) {
        let mut length = 0;
        for &byte in coded {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' if self.digits >= 2 => {
                    self.padding += 1;
                    0
                }
                b'\r' | b'\n' => continue,
                _ => return (length, false),
            };
            if self.padding > 0 && byte != b'=' {
                return (length, false);
            }
            self.bits = self.bits << 6 | u32::from(digit);
            self.digits += 1;
            if self.digits == 4 {
                let [_, decoded @ ..] = self.bits.to_be_bytes();
                let count = 3 - usize::from(self.padding);
                let Some(room) = out.get_mut(length..length + count) else { return (length, false) };
                room.copy_from_slice(&decoded[..count]);
                length += count;
                *self = Base64::default();
            }
        }
        (length, true)
    }
}
