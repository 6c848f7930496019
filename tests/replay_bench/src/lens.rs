//! The protolens crate as its documentation shows it: a task for each connection, the packets given to it,
//! the fields of HTTP taken from its callbacks. It wants packets that live on, so the file is in memory.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use protolens::{L7Proto, Packet, Prolens, TransProto};

use crate::packet;

#[derive(Clone)]
struct Owned(Rc<Inner>);

struct Inner {
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    destination_port: u16,
    sequence: u32,
    flags: u8,
    payload: Box<[u8]>,
}

impl Packet for Owned {
    fn trans_proto(&self) -> TransProto {
        TransProto::Tcp
    }
    fn sip(&self) -> IpAddr {
        self.0.source
    }
    fn dip(&self) -> IpAddr {
        self.0.destination
    }
    fn tu_sport(&self) -> u16 {
        self.0.source_port
    }
    fn tu_dport(&self) -> u16 {
        self.0.destination_port
    }
    fn seq(&self) -> u32 {
        self.0.sequence
    }
    fn syn(&self) -> bool {
        self.0.flags & 2 != 0
    }
    fn fin(&self) -> bool {
        self.0.flags & 1 != 0
    }
    fn payload_len(&self) -> usize {
        self.0.payload.len()
    }
    fn payload(&self) -> &[u8] {
        &self.0.payload
    }
}

/// Reads the capture; the number of calls.
pub fn run(path: &Path) -> Result<usize> {
    let (starts, bytes) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(0_usize)));
    let mut lens = Prolens::<Owned>::default();
    let count = starts.clone();
    lens.set_cb_http_start_line(move |_, _, _, _| count.set(count.get() + 1));
    let seen = bytes.clone();
    lens.set_cb_http_header(move |head, _, _, _| seen.set(seen.get() + head.len()));
    let seen = bytes.clone();
    lens.set_cb_http_body(move |body, _, _, _, _, _| seen.set(seen.get() + body.len()));
    let mut tasks = HashMap::new();
    packet::each(path, |segment| {
        let ends = ((segment.source, segment.source_port), (segment.destination, segment.destination_port));
        let key = if ends.0 < ends.1 { ends } else { (ends.1, ends.0) };
        if segment.flags & 2 != 0 && segment.flags & 16 == 0 {
            let mut task = lens.new_task(TransProto::Tcp);
            lens.set_task_parser(&mut task, L7Proto::Http);
            tasks.insert(key, task);
        }
        let packet = Owned(Rc::new(Inner {
            source: IpAddr::V4(Ipv4Addr::from(segment.source)),
            destination: IpAddr::V4(Ipv4Addr::from(segment.destination)),
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            sequence: segment.sequence,
            flags: segment.flags,
            payload: segment.payload.into(),
        }));
        if let Some(task) = tasks.get_mut(&key) {
            lens.run_task(task, packet);
        }
    })?;
    std::hint::black_box(bytes.get());
    Ok(starts.get() / 2)
}
