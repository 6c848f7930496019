//! Development aid: prints decoded events of one network namespace.
use sensor::source::decode::Decoder;
use sensor::source::kernel::*;
fn main() {
    use std::os::unix::fs::MetadataExt;
    let ns = std::env::args().nth(1).expect("netns path");
    let fe = match std::env::args().nth(2).as_deref() {
        Some("socket") => Some(FrontEnd::Socket),
        Some("syscall") => Some(FrontEnd::Syscall),
        _ => None,
    };
    let inode = std::fs::metadata(ns).unwrap().ino() as u32;
    let mut c = Capture::start(&Settings {
        front_end: fe,
        scope: schema::control::Scope { network_namespace: inode, ..Default::default() },
        processes: vec![],
        operation_bytes_max: 65536,
        burst_bytes_max: 262144,
    })
    .unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(3)
    });
    eprintln!("capturing {}", c.front_end().name());
    let mut d = Decoder::new(epoch_offset_ns());
    let mut counters = Default::default();
    loop {
        c.wait(std::time::Duration::from_millis(10)).unwrap();
        c.drain(usize::MAX, |r| println!("{:?}", d.decode(r, &mut counters)));
    }
}
