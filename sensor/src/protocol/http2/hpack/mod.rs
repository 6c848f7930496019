//! Header blocks to fields (RFC 7541), for a reader that may have joined late.
//!
//! A name or value that stands in bytes not seen is `None`, never a guess: see [`table`] for why what
//! is said is true. It is no judge of fields; of sizes it checks what decoding needs.

mod fuzz;
mod huffman;
mod statics;
mod table;

pub use fuzz::fuzz;

use self::table::{Found, Table};

/// The decoder of one direction.
pub struct Decoder {
    table: Table,
    /// A string that was decoded.
    scratch: [Vec<u8>; 2],
    /// Entries were let go for want of room, and no one asked yet.
    dropped: bool,
}

/// A block that breaks the grammar. What the table holds is not to be trusted then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Name and value of a field; `None` where it is not known.
pub type Field<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

impl Default for Decoder {
    fn default() -> Self {
        Decoder { table: Table::new(), scratch: Default::default(), dropped: false }
    }
}

impl Decoder {
    /// A decoder that sees its direction from the beginning.
    pub fn new() -> Self {
        Decoder::default()
    }

    /// A decoder that joins late: what was inserted before is unknown.
    pub fn joined() -> Self {
        Decoder { table: Table::unknown(), ..Decoder::default() }
    }

    /// A block or a part of one was missed.
    pub fn forget(&mut self) {
        self.table.forget();
    }

    /// Bytes held.
    pub fn buffered_bytes(&self) -> usize {
        self.table.buffered_bytes() + self.scratch.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Whether entries were let go for want of room since this was last asked.
    pub fn dropped(&mut self) -> bool {
        std::mem::take(&mut self.dropped)
    }

    /// Lets buffers for strings go that are larger than so many bytes.
    pub fn release(&mut self, kept: usize) {
        for text in self.scratch.iter_mut().filter(|text| text.capacity() > kept) {
            *text = Vec::new();
        }
    }

    /// Decodes a whole block and hands out its fields in order. After an error the caller must
    /// [`Decoder::forget`].
    pub fn decode(&mut self, block: &[u8], mut field: impl FnMut(Field<'_>)) -> Result<(), Malformed> {
        let Decoder { table, scratch: [name_text, value_text], dropped } = self;
        let mut block = Reader(block);
        while let Some(&first) = block.0.first() {
            match first {
                0x80.. => match table.find(block.integer(7)?) {
                    Found::Entry(name, value) => field((name, Some(value))),
                    Found::Unknown => field((None, None)),
                    Found::Nothing => return Err(Malformed),
                },
                0x20..0x40 => *dropped |= table.resize(block.integer(5)?),
                0x40.. => {
                    let index = block.integer(6)?;
                    // Kept apart: inserting may push the entry out that lends its name.
                    name_text.clear();
                    let name = match table.find(index) {
                        _ if index == 0 => Some(block.string(value_text)?),
                        Found::Entry(name, _) => name,
                        Found::Unknown => None,
                        Found::Nothing => return Err(Malformed),
                    };
                    name_text.extend_from_slice(name.unwrap_or_default());
                    let name = name.is_some().then_some(&name_text[..]);
                    let value = block.string(value_text)?;
                    field((name, Some(value)));
                    *dropped |= table.insert(name, value);
                }
                _ => {
                    let index = block.integer(4)?;
                    let name = match table.find(index) {
                        _ if index == 0 => Some(block.string(name_text)?),
                        Found::Entry(name, _) => name,
                        Found::Unknown => None,
                        Found::Nothing => return Err(Malformed),
                    };
                    field((name, Some(block.string(value_text)?)));
                }
            }
        }
        Ok(())
    }
}

/// What is left of a block.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// An integer with a prefix of so many bits (RFC 7541 section 5.1).
    fn integer(&mut self, prefix_bits: u32) -> Result<usize, Malformed> {
        let mask = (1usize << prefix_bits) - 1;
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        let mut value = usize::from(first) & mask;
        if value < mask {
            return Ok(value);
        }
        // Four bytes more make 28 bits: nothing that is sent needs more.
        for shift in [0, 7, 14, 21] {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value += (usize::from(byte) & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        // Zeros may follow, as some write all integers alike.
        match self.0.split_first() {
            Some((&byte @ 0..8, rest)) => {
                self.0 = rest;
                Ok(value + (usize::from(byte) << 28))
            }
            _ => Err(Malformed),
        }
    }

    /// A string (RFC 7541 section 5.2), in `text` if it had to be decoded.
    fn string<'b>(&mut self, text: &'b mut Vec<u8>) -> Result<&'b [u8], Malformed>
    where
        'a: 'b,
    {
        let coded = self.0.first().ok_or(Malformed)? & 0x80 != 0;
        let length = self.integer(7)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        if !coded {
            return Ok(string);
        }
        text.clear();
        huffman::decode(string, text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
