//! Any bytes to header blocks, decoded twice: from the beginning and by one who joins late. What the
//! late one says must be what the other says.
//!
//! The first byte says after how many blocks the other joins; each block has a byte of length before it.

use super::Decoder;
use crate::limits::HPACK_TABLE_BYTES_MAX;

/// Decodes `data` and checks what must hold for any input.
pub fn fuzz(data: &[u8]) {
    let Some((&joins_after, mut data)) = data.split_first() else { return };
    let (mut whole, mut late) = (Decoder::new(), Decoder::joined());
    let mut index = 0;
    while let Some((&length, rest)) = data.split_first() {
        let (block, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        let known = fields(&mut whole, block);
        if index >= usize::from(joins_after) {
            let said = fields(&mut late, block);
            if let Some(known) = &known {
                let said = said.expect("what one can decode the other can");
                assert_eq!(said.len(), known.len());
                for (said, known) in said.iter().zip(known) {
                    // Where even the first lets entries go for want of room, it knows no more.
                    assert!(said.0.is_none() || known.0.is_none() || said.0 == known.0, "an invented name");
                    assert!(said.1.is_none() || known.1.is_none() || said.1 == known.1, "an invented value");
                }
            }
        }
        if known.is_none() {
            return;
        }
        assert!(whole.buffered_bytes() < 8 * HPACK_TABLE_BYTES_MAX);
        index += 1;
    }
}

type Owned = (Option<Vec<u8>>, Option<Vec<u8>>);

fn fields(decoder: &mut Decoder, block: &[u8]) -> Option<Vec<Owned>> {
    let mut fields = Vec::new();
    let own = |text: Option<&[u8]>| text.map(<[u8]>::to_vec);
    decoder.decode(block, |(name, value)| fields.push((own(name), own(value)))).ok()?;
    Some(fields)
}
