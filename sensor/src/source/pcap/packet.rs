//! A packet -> the TCP segments in it: link layer, VLAN tags, IP with fragments and extension headers,
//! and what tunnels carry (VXLAN, GENEVE, GRE with ERSPAN, IP in IP), since mirrored traffic comes so.
//!
//! Check sums are not looked at: network cards fill them in after the capture. What is no TCP is
//! counted and passed over.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    Ipv4HeaderSlice, Ipv6ExtensionSlice, Ipv6ExtensionsSlice, Ipv6HeaderSlice, TcpSlice, UdpSlice,
};

use super::Packet;
use super::fragments::{Fragment, FragmentKey, Fragments};
use crate::counter::{Counter, Counters};
use crate::limits::TUNNELS_MAX;

/// One TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Which virtual network it was in, by the tunnels around it; 0 outside of all.
    pub overlay: u64,
    /// Sequence number of its first byte.
    pub sequence: u32,
    /// The next byte that the sender waits for.
    pub acknowledgment: Option<u32>,
    /// It opens a direction.
    pub syn: bool,
    /// It ends a direction.
    pub fin: bool,
    /// It ends the connection at once.
    pub rst: bool,
    /// The sender's program ended what it wrote with it.
    pub push: bool,
    /// What was captured of its payload.
    pub payload: &'a [u8],
    /// Length of the payload as it was sent.
    pub span: u32,
}

/// Finds segments; keeps fragments that wait for others.
#[derive(Default)]
pub struct Walker {
    fragments: Fragments,
}

/// Where in a packet the walk is.
#[derive(Clone, Copy, Default)]
struct Depth {
    tunnels: usize,
    overlay: u64,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Transparent Ethernet bridging: a whole frame in GRE or GENEVE (RFC 1701).
const BRIDGED: u16 = 0x6558;
/// ERSPAN types I and II (draft-foschiano-erspan), and III.
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

impl Walker {
    /// Hands on each TCP segment of a packet.
    pub fn walk(
        &mut self,
        packet: &Packet<'_>,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let bytes = packet.bytes;
        let depth = Depth::default();
        match packet.link {
            // Loopback of BSD: an address family, by the byte order of who captured or of the network.
            0 | 108 => self.of_version(bytes.get(4..).unwrap_or_default(), depth, counters, sink),
            1 => self.ethernet(bytes, depth, counters, sink),
            // Raw IP; the first numbers are what some systems write for the second.
            12 | 14 | 101 | 228 | 229 => self.of_version(bytes, depth, counters, sink),
            // Linux cooked, version 1 and 2.
            113 => self.cooked(bytes.get(14..16), bytes.get(16..), depth, counters, sink),
            276 => self.cooked(bytes.get(0..2), bytes.get(20..), depth, counters, sink),
            // PPP with and without its framing in front (RFC 1661).
            9 | 50 => {
                let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
                match bytes {
                    [0x00, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => {
                        self.of_version(rest, depth, counters, sink);
                    }
                    _ => counters.add(Counter::PacketUnread),
                }
            }
            _ => counters.add(Counter::LinkUnknown),
        }
    }

    fn ethernet(
        &mut self,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        self.cooked(bytes.get(12..14), bytes.get(14..), depth, counters, sink);
    }

    /// A type of Ethernet and what follows it.
    fn cooked(
        &mut self,
        kind: Option<&[u8]>,
        bytes: Option<&[u8]>,
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let (Some(&[high, low]), Some(mut bytes)) = (kind, bytes) else {
            return counters.add(Counter::PacketMalformed);
        };
        let mut kind = u16::from_be_bytes([high, low]);
        // IEEE 802.1Q, 802.1ad, and what came before it; a tag is two bytes and the next type.
        while matches!(kind, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300) {
            let &[_, _, high, low, ref rest @ ..] = bytes else {
                return counters.add(Counter::PacketMalformed);
            };
            (kind, bytes) = (u16::from_be_bytes([high, low]), rest);
        }
        match kind {
            IPV4 | IPV6 => self.of_version(bytes, depth, counters, sink),
            // MPLS (RFC 3032): labels until the one with the bottom bit; what follows is known by its
            // first four bits only.
            0x8847 | 0x8848 => {
                while let &[_, _, label, _, ref rest @ ..] = bytes {
                    bytes = rest;
                    if label & 1 == 1 {
                        return self.of_version(bytes, depth, counters, sink);
                    }
                }
                counters.add(Counter::PacketMalformed);
            }
            // PPPoE session (RFC 2516).
            0x8864 => match bytes.get(6..) {
                Some([0x00, 0x21 | 0x57, rest @ ..]) => self.of_version(rest, depth, counters, sink),
                _ => counters.add(Counter::PacketUnread),
            },
            _ => counters.add(Counter::PacketUnread),
        }
    }

    fn of_version(
        &mut self,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(bytes, depth, counters, sink),
            Some(6) => self.ipv6(bytes, depth, counters, sink),
            _ => counters.add(Counter::PacketMalformed),
        }
    }

    fn ipv4(
        &mut self,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let Ok(header) = Ipv4HeaderSlice::from_slice(bytes) else {
            return counters.add(Counter::PacketMalformed);
        };
        let start = header.slice().len();
        let total = usize::from(header.total_len());
        // Zero where the card cuts what the kernel sends in one piece, past 64 KiB.
        let sent = if total == 0 { bytes.len() - start } else { total.saturating_sub(start) };
        let captured = &bytes[start..];
        let captured = captured.get(..sent).unwrap_or(captured);
        let (source, destination) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
        let protocol = header.protocol().0;
        let ip = Ip { source, destination, protocol, depth };
        if !header.is_fragmenting_payload() {
            return self.transport(ip, captured, sent, counters, sink);
        }
        let identification = u32::from(header.identification());
        let fragment =
            Fragment { offset: header.fragments_offset(), more: header.more_fragments(), bytes: captured };
        self.fragment(ip, identification, &fragment, sent, counters, sink);
    }

    fn ipv6(
        &mut self,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let Ok(header) = Ipv6HeaderSlice::from_slice(bytes) else {
            return counters.add(Counter::PacketMalformed);
        };
        let rest = &bytes[header.slice().len()..];
        let sent = match usize::from(header.payload_length()) {
            // A jumbogram, or cut by the card: its real length is that of the capture.
            0 => rest.len(),
            length => length,
        };
        let captured = rest.get(..sent).unwrap_or(rest);
        let (extensions, protocol, payload, trouble) =
            Ipv6ExtensionsSlice::from_slice_lax(header.next_header(), captured);
        if trouble.is_some() {
            return counters.add(Counter::PacketMalformed);
        }
        let sent = sent - (captured.len() - payload.len());
        let (source, destination) = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
        let ip = Ip { source, destination, protocol: protocol.0, depth };
        if !extensions.is_fragmenting_payload() {
            return self.transport(ip, payload, sent, counters, sink);
        }
        let fragment = extensions.into_iter().find_map(|extension| match extension {
            Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment),
            _ => None,
        });
        let Some(fragment) = fragment else { return counters.add(Counter::PacketMalformed) };
        let piece =
            Fragment { offset: fragment.fragment_offset(), more: fragment.more_fragments(), bytes: payload };
        self.fragment(ip, fragment.identification(), &piece, sent, counters, sink);
    }

    fn fragment(
        &mut self,
        ip: Ip,
        identification: u32,
        fragment: &Fragment<'_>,
        sent: usize,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        // With a part of a fragment the packet never becomes whole.
        if fragment.bytes.len() < sent {
            return counters.add(Counter::FragmentLost);
        }
        let Ip { source, destination, protocol, depth } = ip;
        let key = FragmentKey { source, destination, identification, protocol, overlay: depth.overlay };
        if let Some(whole) = self.fragments.take(key, fragment, counters) {
            self.transport(ip, &whole, whole.len(), counters, sink);
        }
    }

    /// What IP carries; `sent` is the length of it, of which `bytes` may be the beginning only.
    fn transport(
        &mut self,
        ip: Ip,
        bytes: &[u8],
        sent: usize,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let Ip { source, destination, protocol, depth } = ip;
        match protocol {
            6 => {
                let Ok(tcp) = TcpSlice::from_slice(bytes) else {
                    return counters.add(Counter::PacketMalformed);
                };
                let span = sent - tcp.header_slice().len();
                let segment = TcpSegment {
                    source: SocketAddr::new(source, tcp.source_port()),
                    destination: SocketAddr::new(destination, tcp.destination_port()),
                    overlay: depth.overlay,
                    sequence: tcp.sequence_number(),
                    acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    push: tcp.psh(),
                    payload: tcp.payload(),
                    // At most what one packet holds.
                    span: span as u32,
                };
                sink(&segment, counters);
            }
            17 => match UdpSlice::from_slice_lax(bytes) {
                Ok(udp) => self.udp(udp.destination_port(), udp.payload(), depth, counters, sink),
                Err(_) => counters.add(Counter::PacketMalformed),
            },
            47 => self.gre(bytes, depth, counters, sink),
            // IP in IP (RFC 2003, RFC 4213).
            4 | 41 => match depth.into_tunnel(0) {
                Some(depth) => self.of_version(bytes, depth, counters, sink),
                None => counters.add(Counter::PacketUnread),
            },
            _ => counters.add(Counter::PacketUnread),
        }
    }

    fn udp(
        &mut self,
        port: u16,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        match (port, bytes) {
            // VXLAN (RFC 7348), also at the port that Linux used before. The flag says that there is a
            // network identifier.
            (4789 | 8472, &[flags, _, _, _, a, b, c, _, ref frame @ ..]) if flags & 0x08 != 0 => {
                match depth.into_tunnel(u32::from_be_bytes([1, a, b, c])) {
                    Some(depth) => self.ethernet(frame, depth, counters, sink),
                    None => counters.add(Counter::PacketUnread),
                }
            }
            // GENEVE (RFC 8926): version 0, options in words of four bytes.
            (6081, &[first, _, high, low, a, b, c, _, ref rest @ ..]) if first >> 6 == 0 => {
                let options = usize::from(first & 0x3f) * 4;
                let depth = depth.into_tunnel(u32::from_be_bytes([2, a, b, c]));
                match (depth, rest.get(options..), u16::from_be_bytes([high, low])) {
                    (Some(depth), Some(frame), BRIDGED) => self.ethernet(frame, depth, counters, sink),
                    (Some(depth), Some(packet), IPV4 | IPV6) => {
                        self.of_version(packet, depth, counters, sink);
                    }
                    _ => counters.add(Counter::PacketUnread),
                }
            }
            _ => counters.add(Counter::PacketUnread),
        }
    }

    /// GRE (RFC 2784, RFC 2890).
    fn gre(
        &mut self,
        bytes: &[u8],
        depth: Depth,
        counters: &mut Counters,
        sink: &mut impl FnMut(&TcpSegment<'_>, &mut Counters),
    ) {
        let &[flags, version, high, low, ref rest @ ..] = bytes else {
            return counters.add(Counter::PacketMalformed);
        };
        if version & 0x07 != 0 {
            // Version 1 is PPTP.
            return counters.add(Counter::PacketUnread);
        }
        let word = |flag: u8| usize::from(flags & flag != 0) * 4;
        let (checksum, key, sequence) = (word(0x80), word(0x20), word(0x10));
        let network = match rest.get(checksum..checksum + key) {
            Some(&[_, b, c, d]) => u32::from_be_bytes([3, b, c, d]),
            _ => 3 << 24,
        };
        let inner = rest.get(checksum + key + sequence..);
        let (Some(depth), Some(inner)) = (depth.into_tunnel(network), inner) else {
            return counters.add(Counter::PacketUnread);
        };
        match u16::from_be_bytes([high, low]) {
            IPV4 | IPV6 => self.of_version(inner, depth, counters, sink),
            BRIDGED => self.ethernet(inner, depth, counters, sink),
            // With a sequence number it is type II, which has a header of its own.
            ERSPAN if sequence > 0 => {
                self.ethernet(inner.get(8..).unwrap_or_default(), depth, counters, sink);
            }
            ERSPAN => self.ethernet(inner, depth, counters, sink),
            // The last bit of its header says that eight more bytes follow.
            ERSPAN_3 => {
                let more = if inner.get(11).is_some_and(|last| last & 1 == 1) { 20 } else { 12 };
                self.ethernet(inner.get(more..).unwrap_or_default(), depth, counters, sink);
            }
            _ => counters.add(Counter::PacketUnread),
        }
    }
}

/// Facts of an IP header.
#[derive(Clone, Copy)]
struct Ip {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    depth: Depth,
}

impl Depth {
    /// One tunnel further in; `None` past the bound.
    fn into_tunnel(self, network: u32) -> Option<Depth> {
        let overlay = self.overlay.rotate_left(32) ^ u64::from(network);
        (self.tunnels < TUNNELS_MAX).then_some(Depth { tunnels: self.tunnels + 1, overlay })
    }
}
