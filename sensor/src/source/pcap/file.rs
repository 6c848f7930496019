//! Bytes of a capture file -> packets, whatever the format (pcap with either byte order and either
//! resolution, pcapng with several sections and interfaces) and the compression (gzip, zstd, none).
//!
//! Reads once from front to back, so that a pipe will do. Memory does not follow the size of the file.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::flow::Timestamp;
use crate::limits::{
    CAPTURE_BLOCK_BYTES_MAX, CAPTURE_BUFFER_BYTES, CAPTURE_INTERFACES_MAX, CAPTURE_ZSTD_WINDOW_BYTES_MAX,
};

/// One packet as captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When; zero if the file does not say.
    pub at: Timestamp,
    /// Link-layer header type (<https://www.tcpdump.org/linktypes.html>).
    pub link: i32,
    /// What was captured of it.
    pub bytes: &'a [u8],
}

/// Why a capture could not be read, or not to its end. What came before was handed on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Another kind of file.
    #[error("it is no pcap or pcapng file{0}")]
    Foreign(&'static str),
    /// It ends within a block.
    #[error("it ends within a packet or block that begins at byte {0}; what comes before was read")]
    Truncated(u64),
    /// A block that no reading fits.
    #[error("the block at byte {0} is malformed; what comes before was read")]
    Malformed(u64),
    /// A block that is larger than any packet.
    #[error("the block at byte {0} says that it is longer than {max} bytes; what comes before was read", max = CAPTURE_BLOCK_BYTES_MAX)]
    TooLarge(u64),
    /// The bytes could not be had: the disk, or a broken compression.
    #[error("it cannot be read past byte {at}: {why}; what comes before was read")]
    Unreadable {
        /// Bytes (decompressed) read.
        at: u64,
        /// Why.
        why: io::Error,
    },
}

/// An interface of a pcapng section.
#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    /// Units per second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

/// A capture that is being read.
pub struct CaptureFile {
    blocks: Box<dyn PcapReaderIterator>,
    trouble: Rc<RefCell<Option<io::Error>>>,
    /// Of a pcap file the only one.
    interfaces: Vec<Interface>,
    nanoseconds: bool,
    at: u64,
    capacity: usize,
}

impl CaptureFile {
    /// Opens a capture; what is compressed is decompressed on the way.
    ///
    /// # Errors
    /// It is empty, or no capture.
    pub fn open(from: impl Read + 'static) -> Result<CaptureFile, FileError> {
        let trouble = Rc::new(RefCell::new(None));
        let (first, from) = peek(from, 4).map_err(|why| FileError::Unreadable { at: 0, why })?;
        let plain: Box<dyn Read> = match first.as_slice() {
            [] => return Err(FileError::Empty),
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(from)),
            [0x28, 0xb5, 0x2f, 0xfd] => Box::new(Zstd::new(from)),
            [0xfd, b'7', b'z', b'X'] => {
                return Err(FileError::Foreign(": it is compressed with xz; decompress it first"));
            }
            [b'B', b'Z', b'h', _] => {
                return Err(FileError::Foreign(": it is compressed with bzip2; decompress it first"));
            }
            [0x04, 0x22, 0x4d, 0x18] => {
                return Err(FileError::Foreign(": it is compressed with lz4; decompress it first"));
            }
            _ => Box::new(from),
        };
        // Enough for the first block: the readers want it in one piece.
        let (first, plain) = peek(plain, HEADER_BYTES).map_err(|why| FileError::Unreadable { at: 0, why })?;
        let source = Source { from: plain, trouble: trouble.clone() };
        let blocks: Box<dyn PcapReaderIterator> = match first.first_chunk::<4>() {
            None => return Err(FileError::Truncated(0)),
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => {
                Box::new(PcapNGReader::new(CAPTURE_BUFFER_BYTES, source).map_err(|error| of_start(&error))?)
            }
            Some(magic) if is_pcap(*magic) => Box::new(
                LegacyPcapReader::new(CAPTURE_BUFFER_BYTES, source).map_err(|error| of_start(&error))?,
            ),
            Some([b'{' | b'[', ..]) => {
                return Err(FileError::Foreign("; HTTP archives (.har) are for `apicensus import-har`"));
            }
            Some(_) => return Err(FileError::Foreign("")),
        };
        Ok(CaptureFile {
            blocks,
            trouble,
            interfaces: Vec::new(),
            nanoseconds: false,
            at: 0,
            capacity: CAPTURE_BUFFER_BYTES,
        })
    }

    /// Bytes (decompressed) read so far.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Reads the next block and hands its packet on, if it has one; false at the end.
    ///
    /// # Errors
    /// The file is not as it should be from here on, or cannot be read.
    pub fn next(&mut self, sink: &mut impl FnMut(&Packet<'_>)) -> Result<bool, FileError> {
        let mut full = false;
        loop {
            let at = self.at;
            match self.blocks.next() {
                Ok((length, block)) => {
                    let read = take(&block, &mut self.interfaces, &mut self.nanoseconds, sink);
                    drop(block);
                    if !read {
                        return Err(FileError::Malformed(at));
                    }
                    self.blocks.consume_noshift(length);
                    self.at += length as u64;
                    return Ok(true);
                }
                Err(PcapError::Eof) => return self.trouble(at).map(|()| false),
                Err(PcapError::UnexpectedEof) => {
                    self.trouble(at)?;
                    return Err(FileError::Truncated(at));
                }
                Err(PcapError::Incomplete(_)) => {}
                Err(PcapError::BufferTooSmall) => full = true,
                Err(_) => return Err(FileError::Malformed(at)),
            }
            if full && self.blocks.position() == 0 {
                // The buffer has nothing but this block, and no room for the rest of it.
                if self.capacity >= CAPTURE_BLOCK_BYTES_MAX {
                    return Err(FileError::TooLarge(at));
                }
                self.capacity *= 2;
                self.blocks.grow(self.capacity);
            }
            let before = self.blocks.data().len();
            if self.blocks.refill().is_err() {
                return Err(FileError::Malformed(at));
            }
            full = self.blocks.data().len() == before && !self.blocks.reader_exhausted();
        }
    }

    /// The error that ended the bytes, if it was one.
    fn trouble(&self, at: u64) -> Result<(), FileError> {
        match self.trouble.borrow_mut().take() {
            Some(why) => Err(FileError::Unreadable { at, why }),
            None => Ok(()),
        }
    }
}

/// Bytes of the first block that are waited for.
const HEADER_BYTES: usize = 4096;

/// Magic numbers of pcap: microseconds, nanoseconds, and the form with longer packet headers that some
/// old kernels wrote; each in both byte orders.
fn is_pcap(magic: [u8; 4]) -> bool {
    [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34]
        .iter()
        .any(|&known: &u32| known == u32::from_le_bytes(magic) || known == u32::from_be_bytes(magic))
}

fn of_start(error: &PcapError<&[u8]>) -> FileError {
    match error {
        PcapError::Eof | PcapError::Incomplete(_) | PcapError::UnexpectedEof => FileError::Truncated(0),
        _ => FileError::Malformed(0),
    }
}

/// False if the block contradicts those before it.
fn take(
    block: &PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    nanoseconds: &mut bool,
    sink: &mut impl FnMut(&Packet<'_>),
) -> bool {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            *nanoseconds = header.is_nanosecond_precision();
            // The upper bits say whether and how long frames have a check sequence.
            let link = header.network.0 & 0x0fff_ffff;
            interfaces.push(Interface { link, resolution: 0, offset: 0 });
        }
        PcapBlockOwned::Legacy(packet) => {
            let Some(interface) = interfaces.first() else { return false };
            let fraction = u64::from(packet.ts_usec) * if *nanoseconds { 1 } else { 1000 };
            let at = Timestamp(u64::from(packet.ts_sec) * 1_000_000_000 + fraction);
            let bytes = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
            sink(&Packet { at, link: interface.link, bytes });
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            if interfaces.len() >= CAPTURE_INTERFACES_MAX {
                return false;
            }
            interfaces.push(Interface {
                link: interface.linktype.0,
                resolution: interface.ts_resolution().unwrap_or(1_000_000).max(1),
                offset: interface.ts_offset(),
            });
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let Some(interface) = interfaces.get(packet.if_id as usize) else { return false };
            let at = time(*interface, u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low));
            sink(&Packet { at, link: interface.link, bytes: packet.packet_data() });
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let Some(interface) = interfaces.first() else { return false };
            sink(&Packet { at: Timestamp(0), link: interface.link, bytes: packet.packet_data() });
        }
        // Names, statistics, keys, and what is not known.
        PcapBlockOwned::NG(_) => {}
    }
    true
}

fn time(interface: Interface, units: u64) -> Timestamp {
    let Interface { resolution, offset, .. } = interface;
    let seconds = (units / resolution).saturating_add_signed(offset);
    let fraction = u128::from(units % resolution) * 1_000_000_000 / u128::from(resolution);
    Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(fraction as u64))
}

/// The first bytes, up to `count`, and a reader that begins with them.
fn peek<R: Read>(mut from: R, count: usize) -> io::Result<(Vec<u8>, impl Read + use<R>)> {
    let mut first = Vec::with_capacity(count);
    from.by_ref().take(count as u64).read_to_end(&mut first)?;
    Ok((first.clone(), io::Cursor::new(first).chain(from)))
}

/// Keeps the error that the readers of blocks drop.
struct Source<R> {
    from: R,
    trouble: Rc<RefCell<Option<io::Error>>>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.from.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *self.trouble.borrow_mut() = Some(error);
                    // As an end: what is in the buffer is read first.
                    return Ok(0);
                }
                read => return read,
            }
        }
    }
}

/// Frames of zstd in a row, one decoder for each.
struct Zstd<R: Read> {
    from: Option<BufReader<R>>,
    frame: Option<StreamingDecoder<BufReader<R>, FrameDecoder>>,
}

impl<R: Read> Zstd<R> {
    fn new(from: R) -> Zstd<R> {
        Zstd { from: Some(BufReader::new(from)), frame: None }
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let length = frame.read(buffer)?;
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
            }
            if let Some(frame) = self.frame.take() {
                self.from = Some(frame.into_inner());
            }
            let Some(mut from) = self.from.take() else { return Ok(0) };
            if from.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = StreamingDecoder::new_with_max_window_size(from, CAPTURE_ZSTD_WINDOW_BYTES_MAX);
            self.frame = Some(frame.map_err(io::Error::other)?);
        }
    }
}
