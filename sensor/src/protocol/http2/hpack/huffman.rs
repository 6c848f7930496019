//! The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), four bits at a time.
//!
//! The code is canonical: lengths are all that need be written down. Tables are made when the crate
//! is compiled.

use super::Malformed;

/// Bits of the code of each byte, then of the end of the string (appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The symbol that stands for the end of a string; it is never sent.
const END: u16 = 256;

/// What four bits do at a node of the code's tree. Codes have five bits and more, so that four end
/// one at most.
#[derive(Clone, Copy)]
struct Step {
    node: u8,
    symbol: u8,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// On the way to a symbol.
    Nothing,
    /// `symbol` ended among them.
    Symbol,
    /// The end symbol: a decoding error.
    Fail,
}

struct Tables {
    steps: [[Step; 16]; 256],
    /// A string may end at the node: what led there are at most seven bits, all ones.
    ends: [bool; 256],
}

static TABLES: Tables = tables();

/// The inner nodes of the tree: below 256 a child is a node, from there on a symbol.
const fn tree() -> [[u16; 2]; 256] {
    const NONE: u16 = u16::MAX;
    let mut nodes = [[NONE; 2]; 256];
    let mut used = 1;
    let mut code: u32 = 0;
    let mut length = 1;
    while length <= 30 {
        code <<= 1;
        let mut symbol = 0;
        while symbol <= END as usize {
            if LENGTHS[symbol] == length {
                let mut node = 0;
                let mut bit = length - 1;
                while bit > 0 {
                    let side = (code >> bit & 1) as usize;
                    if nodes[node][side] == NONE {
                        nodes[node][side] = used;
                        used += 1;
                    }
                    node = nodes[node][side] as usize;
                    bit -= 1;
                }
                nodes[node][(code & 1) as usize] = 256 + symbol as u16;
                code += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    nodes
}

const fn tables() -> Tables {
    let nodes = tree();
    let mut steps = [[Step { node: 0, symbol: 0, what: What::Nothing }; 16]; 256];
    let mut at = 0;
    while at < 256 {
        let mut bits = 0;
        while bits < 16 {
            let mut step = Step { node: 0, symbol: 0, what: What::Nothing };
            let mut node = at;
            let mut bit = 4;
            while bit > 0 {
                bit -= 1;
                let child = nodes[node][bits >> bit & 1];
                if child < 256 {
                    node = child as usize;
                } else {
                    node = 0;
                    if child == 256 + END {
                        step.what = What::Fail;
                    } else {
                        step.symbol = (child - 256) as u8;
                        step.what = What::Symbol;
                    }
                }
            }
            step.node = node as u8;
            steps[at][bits] = step;
            bits += 1;
        }
        at += 1;
    }
    let mut ends = [false; 256];
    let mut node = 0;
    let mut depth = 0;
    while depth <= 7 {
        ends[node] = true;
        node = nodes[node][1] as usize;
        depth += 1;
    }
    Tables { steps, ends }
}

/// Appends the decoded string to `out`: at most 8/5 of the bytes of `coded`.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.reserve(coded.len() + coded.len() / 2);
    let mut node = 0u8;
    for &byte in coded {
        for bits in [byte >> 4, byte & 15] {
            // In bounds: a node is a byte, and `bits` are four.
            let step = TABLES.steps[node as usize][bits as usize];
            match step.what {
                What::Nothing => {}
                What::Symbol => out.push(step.symbol),
                What::Fail => return Err(Malformed),
            }
            node = step.node;
        }
    }
    if TABLES.ends[node as usize] { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of a symbol, counted as appendix B orders them: by length, then by symbol.
    fn code(symbol: usize) -> (u32, u8) {
        let mut code = 0;
        for length in 1..=30 {
            code <<= 1;
            for (other, _) in LENGTHS.iter().enumerate().filter(|&(_, &bits)| bits == length) {
                if other == symbol {
                    return (code, length);
                }
                code += 1;
            }
        }
        panic!("every symbol has a code")
    }

    #[test]
    fn every_byte_is_read_from_its_code() {
        // As the appendix writes them.
        let written = [(0, 0x1ff8, 13), (10, 0x3fff_fffc, 30), (48, 0, 5), (92, 0x7fff0, 19), (122, 0x7b, 7)];
        for (symbol, bits, length) in
            written.into_iter().chain([(255, 0x03ff_ffee, 26), (256, 0x3fff_ffff, 30)])
        {
            assert_eq!(code(symbol), (bits, length));
        }
        for symbol in 0..=255u8 {
            let (bits, length) = code(usize::from(symbol));
            // Thrice, so that it begins at three places in a byte; then ones up to the next byte.
            let mut coded = Vec::new();
            let (mut buffer, mut filled) = (0u64, 0);
            for (bits, length) in [(bits, length); 3].into_iter().chain([(0x7f, 7)]) {
                buffer = buffer << length | u64::from(bits);
                filled += length;
                while filled >= 8 {
                    filled -= 8;
                    coded.push((buffer >> filled) as u8);
                }
            }
            let mut out = Vec::new();
            assert_eq!(decode(&coded, &mut out), Ok(()));
            assert_eq!(out, [symbol; 3]);
        }
    }

    #[test]
    fn padding_must_be_short_and_of_ones() {
        let mut out = Vec::new();
        assert_eq!(decode(&[0x1f], &mut out), Ok(()), "a with three ones");
        assert_eq!(decode(&[0x18], &mut out), Err(Malformed), "zeros");
        assert_eq!(decode(&[0x1f, 0xff], &mut out), Err(Malformed), "eleven ones");
        assert_eq!(decode(&[0xff; 4], &mut out), Err(Malformed), "the end symbol");
    }
}
