//! Capture files with their packets out of order, twice or missing, as a seed says. Of the classic format,
//! as tcpdump writes it here.

use anyhow::{Context, Result, ensure};

/// Bytes before the first packet, and before each packet's bytes.
const FILE_HEAD: usize = 24;
const PACKET_HEAD: usize = 16;

/// A capture file, packet by packet.
pub struct Packets {
    head: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

/// What is done to the packets, each in percent of them.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// Put up to three places later, but not behind a packet of another sender.
    pub late: u64,
    /// Put up to three places later.
    pub crossed: u64,
    /// There twice, the second time up to three places later.
    pub twice: u64,
    /// Not there.
    pub lost: u64,
}

impl Packets {
    /// Takes a file apart.
    pub fn read(file: &[u8]) -> Result<Self> {
        ensure!(file.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]), "no capture file of this machine's tcpdump");
        let (head, mut rest) = file.split_at_checked(FILE_HEAD).context("no head")?;
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let size = rest.get(8..12).context("a head that is cut off")?;
            let size = u32::from_le_bytes(size.try_into()?) as usize;
            let (packet, behind) =
                rest.split_at_checked(PACKET_HEAD + size).context("a packet that is cut off")?;
            packets.push(packet.to_vec());
            rest = behind;
        }
        Ok(Packets { head: head.to_vec(), packets })
    }

    /// The file with that done to it.
    pub fn damaged(&self, damage: Damage, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: u64| {
            // xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut placed = Vec::new();
        for (index, packet) in self.packets.iter().enumerate() {
            if random(100) < damage.lost {
                continue;
            }
            let place = 4 * index as u64;
            let mut late = if random(100) < damage.crossed { 4 + random(12) } else { 0 };
            if random(100) < damage.late {
                let same =
                    self.packets.iter().skip(index + 1).take_while(|next| sender(next) == sender(packet));
                late = late.max((4 + random(12)).min(4 * same.take(4).count() as u64 + 3));
            }
            placed.push((place + late, packet));
            if random(100) < damage.twice {
                placed.push((place + 4 + random(12), packet));
            }
        }
        placed.sort_by_key(|&(place, _)| place);
        let packets = placed.into_iter().flat_map(|(_, packet)| packet);
        self.head.iter().chain(packets).copied().collect()
    }
}

/// Addresses and ports: Ethernet, IPv4 without options, TCP.
fn sender(packet: &[u8]) -> &[u8] {
    packet.get(PACKET_HEAD + 26..PACKET_HEAD + 38).unwrap_or_default()
}
