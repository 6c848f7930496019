//! Writes the capture: pcap with Ethernet, segments of at most 1,448 bytes, an acknowledgment for each
//! message, connections that last and take turns.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

use crate::messages::{Exchange, Messages};

/// Connections open at once.
const CONNECTIONS: usize = 64;
/// Calls on one connection before it ends and another begins.
const CALLS_PER_CONNECTION: usize = 500;
const ENDPOINTS: usize = 500;
const SEGMENT_BYTES: usize = 1448;
const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH: u8 = 8;
const FIN: u8 = 1;

struct Socket {
    number: u32,
    client_port: u16,
    sequences: [u32; 2],
    calls: usize,
}

struct Writer {
    file: BufWriter<File>,
    now_us: u64,
}

/// Makes it; the number of calls.
pub fn make(path: &Path, calls: usize) -> Result<usize> {
    let mut writer = Writer { file: BufWriter::with_capacity(1 << 20, File::create(path)?), now_us: 1_700_000_000_000_000 };
    writer.file.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    for half in [2u16, 4] {
        writer.file.write_all(&half.to_le_bytes())?;
    }
    for word in [0u32, 0, 262_144, 1] {
        writer.file.write_all(&word.to_le_bytes())?;
    }
    let mut messages = Messages::new(false);
    let mut exchange = Exchange::default();
    let mut opened = 0;
    let mut open = |writer: &mut Writer| -> Result<Socket> {
        let mut socket = Socket {
            number: opened,
            client_port: 20_000 + (opened % 40_000) as u16,
            sequences: [opened.wrapping_mul(2_654_435_761), opened.wrapping_mul(40_503)],
            calls: 0,
        };
        opened += 1;
        writer.packet(&mut socket, 0, SYN, &[])?;
        writer.packet(&mut socket, 1, SYN | ACK, &[])?;
        writer.packet(&mut socket, 0, ACK, &[])?;
        Ok(socket)
    };
    let mut sockets = (0..CONNECTIONS).map(|_| open(&mut writer)).collect::<Result<Vec<_>>>()?;
    for call in 0..calls {
        let slot = call % CONNECTIONS;
        if sockets[slot].calls == CALLS_PER_CONNECTION {
            for side in [0, 1] {
                writer.packet(&mut sockets[slot], side, FIN | ACK, &[])?;
            }
            writer.packet(&mut sockets[slot], 0, ACK, &[])?;
            sockets[slot] = open(&mut writer)?;
        }
        let socket = &mut sockets[slot];
        socket.calls += 1;
        messages.write(call * 7919 % ENDPOINTS, (slot % 24) as u8, &mut exchange);
        writer.message(socket, 0, &exchange.request)?;
        writer.message(socket, 1, &exchange.response)?;
    }
    for socket in &mut sockets {
        for side in [0, 1] {
            writer.packet(socket, side, FIN | ACK, &[])?;
        }
    }
    writer.file.flush()?;
    Ok(calls)
}

impl Writer {
    fn message(&mut self, socket: &mut Socket, side: usize, bytes: &[u8]) -> Result<()> {
        let count = bytes.len().div_ceil(SEGMENT_BYTES);
        for (at, piece) in bytes.chunks(SEGMENT_BYTES).enumerate() {
            let push = if at + 1 == count { PUSH } else { 0 };
            self.packet(socket, side, ACK | push, piece)?;
        }
        self.packet(socket, 1 - side, ACK, &[])
    }

    /// `side`: 0 for the client.
    fn packet(&mut self, socket: &mut Socket, side: usize, flags: u8, payload: &[u8]) -> Result<()> {
        self.now_us += 3;
        let length = 14 + 20 + 20 + payload.len();
        let file = &mut self.file;
        for word in [(self.now_us / 1_000_000) as u32, (self.now_us % 1_000_000) as u32, length as u32, length as u32] {
            file.write_all(&word.to_le_bytes())?;
        }
        file.write_all(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])?;
        let client = [10, 1, (socket.number % 24) as u8, 9];
        let server = [10, 0, 0, (socket.number % 16) as u8 + 1];
        let ends = if side == 0 { [client, server] } else { [server, client] };
        let server_port = 8080 + (socket.number % 16) as u16;
        let ports = if side == 0 { [socket.client_port, server_port] } else { [server_port, socket.client_port] };
        let total = (length - 14) as u16;
        file.write_all(&[0x45, 0])?;
        file.write_all(&total.to_be_bytes())?;
        file.write_all(&[0, 0, 0x40, 0, 64, 6, 0, 0])?;
        file.write_all(&ends[0])?;
        file.write_all(&ends[1])?;
        file.write_all(&ports[0].to_be_bytes())?;
        file.write_all(&ports[1].to_be_bytes())?;
        file.write_all(&socket.sequences[side].to_be_bytes())?;
        file.write_all(&socket.sequences[1 - side].to_be_bytes())?;
        file.write_all(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0])?;
        file.write_all(payload)?;
        let more = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        socket.sequences[side] = socket.sequences[side].wrapping_add(more);
        Ok(())
    }
}
