//! Conversations -> packets -> capture files, byte by byte: what a network card and `tcpdump` would make
//! of them, in any link layer and any tunnel. Check sums are left zero, as cards leave them.

/// Acknowledges; all segments but the first do.
pub const ACK: u8 = 0x10;
/// The end of what a program wrote.
pub const PUSH: u8 = 0x08;
/// Ends a connection at once.
pub const RESET: u8 = 0x04;
/// Opens a direction.
pub const SYN: u8 = 0x02;
/// Ends a direction.
pub const FIN: u8 = 0x01;

/// Ethernet's number of IPv4.
pub const IPV4: u16 = 0x0800;
/// Ethernet's number of IPv6.
pub const IPV6: u16 = 0x86dd;
/// IP's number of TCP.
pub const TCP: u8 = 6;
/// IP's number of UDP.
pub const UDP: u8 = 17;

/// Bytes of payload in one segment.
pub const SEGMENT_BYTES: usize = 1400;

/// One segment of TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who sends it.
    pub from_client: bool,
    /// Port of the client; the server's is 80.
    pub port: u16,
    /// Number of its first byte.
    pub sequence: u32,
    /// The next byte that is waited for.
    pub acknowledgment: u32,
    /// See the constants.
    pub flags: u8,
    /// What it carries.
    pub payload: Vec<u8>,
    /// When, in nanoseconds since the epoch.
    pub at: u64,
}

/// One connection under way.
pub struct Talk {
    /// What was sent so far.
    pub segments: Vec<Segment>,
    port: u16,
    next: [u32; 2],
    at: u64,
}

/// When conversations begin: in November 2026.
pub const START_NS: u64 = 1_795_000_000_000_000_000;

impl Talk {
    /// Of a client at that port, opened.
    pub fn new(port: u16) -> Talk {
        Talk::from(port, 1_000, 5_000)
    }

    /// The same, with the numbers of both SYNs.
    pub fn from(port: u16, client: u32, server: u32) -> Talk {
        let mut talk = Talk { segments: Vec::new(), port, next: [client, server], at: START_NS };
        talk.send(true, SYN, &[]);
        talk.send(false, SYN | ACK, &[]);
        talk.send(true, ACK, &[]);
        talk
    }

    /// One segment more.
    pub fn send(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let [mine, other] = if from_client { [0, 1] } else { [1, 0] };
        let takes = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        let acknowledgment = if flags & ACK == 0 { 0 } else { self.next[other] };
        self.at += 100_000;
        self.segments.push(Segment {
            from_client,
            port: self.port,
            sequence: self.next[mine],
            acknowledgment,
            flags,
            payload: payload.to_vec(),
            at: self.at,
        });
        self.next[mine] = self.next[mine].wrapping_add(takes);
    }

    /// What a program writes, in segments of at most `bytes`.
    pub fn write(&mut self, from_client: bool, text: &[u8], bytes: usize) {
        let count = text.chunks(bytes).count();
        for (number, part) in text.chunks(bytes).enumerate() {
            let push = if number + 1 == count { PUSH } else { 0 };
            self.send(from_client, ACK | push, part);
        }
    }

    /// A request without a body and its response.
    pub fn call(&mut self, path: &str, body: &str) {
        self.write(true, request(path).as_bytes(), SEGMENT_BYTES);
        self.write(false, response(body).as_bytes(), SEGMENT_BYTES);
    }

    /// Both sides end.
    pub fn close(&mut self) {
        self.send(true, FIN | ACK, &[]);
        self.send(false, FIN | ACK, &[]);
        self.send(true, ACK, &[]);
    }
}

/// A request as a client writes it.
pub fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n")
}

/// A response with a JSON body.
pub fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Segment {
    /// Header and payload.
    pub fn tcp(&self) -> Vec<u8> {
        let (source, destination) = if self.from_client { (self.port, 80) } else { (80, self.port) };
        let mut bytes = Vec::with_capacity(20 + self.payload.len());
        bytes.extend(source.to_be_bytes());
        bytes.extend(destination.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgment.to_be_bytes());
        bytes.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(&self.payload);
        bytes
    }

    /// In IPv4.
    pub fn ipv4(&self) -> Vec<u8> {
        ipv4(self.ends4(), TCP, &self.tcp())
    }

    /// In IPv6.
    pub fn ipv6(&self) -> Vec<u8> {
        ipv6(self.ends6(), TCP, &self.tcp())
    }

    /// Last bytes of both addresses.
    pub fn ends4(&self) -> [u8; 2] {
        if self.from_client { [2, 1] } else { [1, 2] }
    }

    /// The same: IPv6 addresses differ in the last byte too.
    pub fn ends6(&self) -> [u8; 2] {
        self.ends4()
    }

    /// In IPv4 in Ethernet.
    pub fn frame(&self) -> Vec<u8> {
        ethernet(IPV4, &self.ipv4())
    }
}

/// A packet from 10.0.0.a to 10.0.0.b.
pub fn ipv4(ends: [u8; 2], protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(ends, protocol, 0x4000, 0, payload)
}

/// The same; `place` holds flags (0x2000: more follow) and offset in eights of bytes.
pub fn ipv4_fragment(ends: [u8; 2], protocol: u8, place: u16, number: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + payload.len() as u16).to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(place.to_be_bytes());
    bytes.extend([64, protocol, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]]);
    bytes.extend(payload);
    bytes
}

/// A packet from fd00::a to fd00::b; `next` names what the payload begins with.
pub fn ipv6(ends: [u8; 2], next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    for end in ends {
        bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
    }
    bytes.extend(payload);
    bytes
}

/// An extension header of eight bytes before `payload`, which begins with `next`.
pub fn extension(next: u8, payload: &[u8]) -> Vec<u8> {
    // One option of padding: four bytes of data.
    [&[next, 0, 1, 4, 0, 0, 0, 0], payload].concat()
}

/// A fragment header; `place` holds the offset (a multiple of eight bytes) and in its last bit whether more
/// follow.
pub fn ipv6_fragment(next: u8, place: u16, number: u32, payload: &[u8]) -> Vec<u8> {
    [&[next, 0][..], &place.to_be_bytes(), &number.to_be_bytes(), payload].concat()
}

/// A datagram.
pub fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    [&[0xc0, 0x00][..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// A frame.
pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind.to_be_bytes(), payload].concat()
}

/// What follows the type of a tag (0x8100, 0x88a8): the tag, then the real type.
pub fn tagged(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 7][..], &kind.to_be_bytes(), payload].concat()
}

/// A pcap file (microseconds, this byte order: little-endian).
pub fn pcap(link: u32, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = pcap_start(link);
    for (at, bytes) in packets {
        pcap_packet(&mut file, *at, bytes);
    }
    file
}

/// Its header.
pub fn pcap_start(link: u32) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(link.to_le_bytes());
    file
}

/// Appends a packet.
pub fn pcap_packet(file: &mut Vec<u8>, at_ns: u64, bytes: &[u8]) {
    let seconds = (at_ns / 1_000_000_000) as u32;
    let micros = (at_ns % 1_000_000_000 / 1000) as u32;
    for number in [seconds, micros, bytes.len() as u32, bytes.len() as u32] {
        file.extend(number.to_le_bytes());
    }
    file.extend(bytes);
}

/// A pcapng file with one section and one interface (microseconds, little-endian).
pub fn pcapng(link: u16, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = pcapng_start(link);
    for (at, bytes) in packets {
        pcapng_packet(&mut file, *at, bytes);
    }
    file
}

/// Its section and interface.
pub fn pcapng_start(link: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    section.extend([1, 0, 0, 0]);
    section.extend([0xff; 8]);
    pcapng_block(&mut file, 0x0a0d_0d0a, &section);
    let mut interface = u32::from(link).to_le_bytes().to_vec();
    interface.extend([0; 4]);
    pcapng_block(&mut file, 1, &interface);
    file
}

/// Appends an enhanced packet.
pub fn pcapng_packet(file: &mut Vec<u8>, at_ns: u64, bytes: &[u8]) {
    let micros = at_ns / 1000;
    let mut body = Vec::new();
    for number in [0, (micros >> 32) as u32, micros as u32, bytes.len() as u32, bytes.len() as u32] {
        body.extend(number.to_le_bytes());
    }
    body.extend(bytes);
    pcapng_block(file, 6, &body);
}

/// Appends a block of any kind, padded.
pub fn pcapng_block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = (12 + body.len() + padding) as u32;
    file.extend(kind.to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend(body);
    file.extend(&[0; 3][..padding]);
    file.extend(length.to_le_bytes());
}

/// Each segment by `wrap`, with its time.
pub fn wrapped(segments: &[Segment], wrap: impl Fn(&Segment) -> Vec<u8>) -> Vec<(u64, Vec<u8>)> {
    segments.iter().map(|segment| (segment.at, wrap(segment))).collect()
}
