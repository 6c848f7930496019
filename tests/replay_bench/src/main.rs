//! A capture of keep-alive JSON calls as a file, and two readers of it to measure `apicensus replay` beside:
//! the floor (a walk over the packets with a flow table, httparse and `serde_json` without values), and the
//! protolens crate. Each says how many calls it saw; `cargo xtask bench replay` measures the processes.

mod capture;
mod floor;
mod lens;
#[path = "../../../sensor/examples/pipeline_bench/messages.rs"]
mod messages;
mod packet;

use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let calls = match arguments[..] {
        ["make", file, calls] => capture::make(Path::new(file), calls.parse()?)?,
        ["floor", file] => floor::run(Path::new(file))?,
        ["protolens", file] => lens::run(Path::new(file))?,
        _ => bail!("usage: replay-bench make FILE CALLS | floor FILE | protolens FILE"),
    };
    println!("{calls}");
    Ok(())
}
