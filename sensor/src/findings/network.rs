//! Addresses -> inside or outside. Inside are the private networks of the RFCs, this host, and what
//! people say is theirs; everything else is the internet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::Settings;
use crate::flow::Peer;

/// Addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address of it.
    pub address: IpAddr,
    /// Leading bits that count.
    pub bits: u8,
}

impl Network {
    const fn v4(a: u8, b: u8, bits: u8) -> Network {
        Network { address: IpAddr::V4(Ipv4Addr::new(a, b, 0, 0)), bits }
    }

    const fn v6(first: u16, last: u16, bits: u8) -> Network {
        Network { address: IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last)), bits }
    }

    /// It has the address. IPv4-mapped addresses (RFC 4291 section 2.5.5.2) are IPv4.
    pub fn has(&self, address: IpAddr) -> bool {
        let agree = |one: u128, other: u128, width: u32| {
            let apart = width - u32::from(self.bits).min(width);
            one.checked_shr(apart).unwrap_or(0) == other.checked_shr(apart).unwrap_or(0)
        };
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => agree(one.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => agree(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `10.0.0.0/8`, or an address alone.
    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is no network; one is an address with its bits, as in 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= width).ok_or_else(wrong)?,
        };
        Ok(Network { address, bits })
    }
}

/// Networks that are never the internet.
const PRIVATE: &[Network] = &[
    // RFC 1918.
    Network::v4(10, 0, 8),
    Network::v4(172, 16, 12),
    Network::v4(192, 168, 16),
    // Loopback and "this host" (RFC 1122 section 3.2.1.3).
    Network::v4(127, 0, 8),
    Network::v4(0, 0, 8),
    Network::v6(0, 1, 128),
    Network::v6(0, 0, 128),
    // Link-local (RFC 3927, RFC 4291).
    Network::v4(169, 254, 16),
    Network::v6(0xfe80, 0, 10),
    // Unique local (RFC 4193).
    Network::v6(0xfc00, 0, 7),
    // Between a provider and its customers (RFC 6598).
    Network::v4(100, 64, 10),
];

/// The address is inside.
pub fn is_internal(address: IpAddr, settings: &Settings) -> bool {
    PRIVATE.iter().chain(&settings.internal).any(|network| network.has(address))
}

/// It is neither on this host nor inside.
pub fn is_external(peer: &Peer, settings: &Settings) -> bool {
    peer.workload.is_none() && !is_internal(peer.address, settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Timestamp;

    #[test]
    fn inside_and_outside() {
        let mut settings = Settings::default_at(Timestamp(0));
        let is = |text: &str, settings: &Settings| is_internal(text.parse().expect("an address"), settings);
        for inside in [
            "10.255.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.3.4",
            "127.0.0.53",
            "0.0.0.0",
            "::1",
            "::",
            "169.254.169.254",
            "fe80::1",
            "febf::1",
            "fd12:3456::1",
            "100.64.0.1",
            "100.127.255.255",
            "::ffff:10.0.0.1",
        ] {
            assert!(is(inside, &settings), "{inside}");
        }
        for outside in [
            "11.0.0.1",
            "172.32.0.1",
            "172.15.0.1",
            "192.169.0.1",
            "100.128.0.1",
            "198.51.100.7",
            "2001:db8::1",
            "fec0::1",
            "::ffff:198.51.100.7",
            "::2",
        ] {
            assert!(!is(outside, &settings), "{outside}");
        }
        settings.internal =
            vec!["198.51.100.0/24".parse().expect("a network"), "2001:db8::1".parse().expect("one")];
        assert!(is("198.51.100.7", &settings) && is("::ffff:198.51.100.7", &settings));
        assert!(is("2001:db8::1", &settings) && !is("2001:db8::2", &settings));
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(all.has("203.0.113.9".parse().expect("an address")));
        for wrong in ["10.0.0.0/33", "10.0.0/8", "", "x", "::/129", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
