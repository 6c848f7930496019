//! Packets of the capture, by the few bytes that matter of headers without options.

use std::fs::File;
use std::path::Path;

use anyhow::{Result, bail};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError};

/// One TCP segment.
pub struct Segment<'a> {
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub flags: u8,
    pub payload: &'a [u8],
}

/// Hands on each segment.
pub fn each(path: &Path, mut sink: impl FnMut(Segment<'_>)) -> Result<()> {
    let mut reader = match LegacyPcapReader::new(256 << 10, File::open(path)?) {
        Ok(reader) => reader,
        Err(error) => bail!("no pcap: {error:?}"),
    };
    loop {
        match reader.next() {
            Ok((length, block)) => {
                if let PcapBlockOwned::Legacy(packet) = &block
                    && let Some(segment) = segment(packet.data)
                {
                    sink(segment);
                }
                drop(block);
                reader.consume_noshift(length);
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_) | PcapError::BufferTooSmall) => {
                if reader.refill().is_err() {
                    bail!("cannot read on");
                }
            }
            Err(error) => bail!("{error:?}"),
        }
    }
}

fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    let ip = frame.get(14..)?;
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    let start = usize::from(ip[0] & 0x0f) * 4;
    let tcp = ip.get(start..total)?;
    let header = usize::from(tcp.get(12)? >> 4) * 4;
    Some(Segment {
        source: *ip.get(12..)?.first_chunk()?,
        destination: *ip.get(16..)?.first_chunk()?,
        source_port: u16::from_be_bytes([tcp[0], tcp[1]]),
        destination_port: u16::from_be_bytes([tcp[2], tcp[3]]),
        sequence: u32::from_be_bytes(*tcp.get(4..)?.first_chunk()?),
        flags: tcp[13],
        payload: tcp.get(header..)?,
    })
}
