//! The wire format of Protocol Buffers as far as descriptors need it
//! (<https://protobuf.dev/programming-guides/encoding>): fields one by one, each with its place in the file.
//! Nothing is copied or kept, and nothing goes deeper than the one message that is asked for.

/// A stretch of the file: a message, a text, or what is read over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    bytes: &'a [u8],
    /// Bytes of the file before it.
    at: usize,
}

/// Value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(u64),
    Part(Part<'a>),
    /// Of a fixed size; no descriptor has one that matters.
    Fixed,
}

/// Why bytes are no message, and where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// Goes over the fields of a message; past a fault there are none.
pub(super) struct Fields<'a> {
    rest: Part<'a>,
}

impl<'a> Part<'a> {
    pub(super) fn of_file(bytes: &'a [u8]) -> Part<'a> {
        Part { bytes, at: 0 }
    }

    /// Its fields, as a message.
    pub(super) fn fields(self) -> Fields<'a> {
        Fields { rest: self }
    }

    /// Its fields that are messages or texts, with their numbers.
    pub(super) fn parts(self) -> impl Iterator<Item = Result<(u64, Part<'a>), Broken>> {
        self.fields().filter_map(|field| match field {
            Ok((number, Value::Part(part))) => Some(Ok((number, part))),
            Ok(_) => None,
            Err(broken) => Some(Err(broken)),
        })
    }

    /// Its fields that are numbers, booleans or enums.
    pub(super) fn numbers(self) -> impl Iterator<Item = Result<(u64, u64), Broken>> {
        self.fields().filter_map(|field| match field {
            Ok((number, Value::Number(value))) => Some(Ok((number, value))),
            Ok(_) => None,
            Err(broken) => Some(Err(broken)),
        })
    }

    /// The last field of a number that is a text; empty if there is none.
    pub(super) fn text_at(self, wanted: u64, bytes_max: usize) -> Result<&'a str, Broken> {
        let mut text = "";
        for part in self.parts() {
            let (number, part) = part?;
            if number == wanted {
                text = part.text(bytes_max)?;
            }
        }
        Ok(text)
    }

    /// It as a text.
    pub(super) fn text(self, bytes_max: usize) -> Result<&'a str, Broken> {
        if self.bytes.len() > bytes_max {
            return Err(self.broken("there is a name that is too long"));
        }
        std::str::from_utf8(self.bytes).map_err(|_| self.broken("there is a name that is no UTF-8"))
    }

    pub(super) fn broken(self, what: &'static str) -> Broken {
        Broken { at: self.at, what }
    }

    fn take(&mut self, length: usize) -> Result<Part<'a>, Broken> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            return Err(self.broken("there is a field that goes past the end"));
        };
        let part = Part { bytes: taken, at: self.at };
        *self = Part { bytes: rest, at: self.at + length };
        Ok(part)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let start = *self;
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?.bytes.first().copied().unwrap_or_default();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(start.broken("there is a number of more than ten bytes"))
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Broken> {
        let start = *self;
        let key = self.varint()?;
        if key >> 3 == 0 {
            return Err(start.broken("there is a field with the number 0"));
        }
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Part(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // Groups are of the first generation; descriptors never had any.
            _ => return Err(start.broken("there is a field of a kind that descriptors have not")),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.bytes.is_empty() {
            return None;
        }
        let field = self.rest.field();
        if field.is_err() {
            self.rest.bytes = &[];
        }
        Some(field)
    }
}
