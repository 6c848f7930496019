//! `apicensus replay` and `import-har` as typed.

use std::path::PathBuf;

use clap::Args;

use super::{Messages, Output, Routes};

/// `replay`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Files are one capture, read in the order given: connections go on from one to the next, as \
    those that `tcpdump -C` writes. Calls of a file that is read again are counted again.\n\nExamples:
  tcpdump -i eth0 -w api.pcap tcp port 8080
  apicensus --store api.db replay api.pcap
  zcat mirrored.pcap.gz | apicensus --store api.db replay -

Exit code 3 if a file could not be read to its end; what was read of it is stored."
)]
pub struct Replay {
    /// pcap or pcapng, also compressed with gzip or zstd; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What messages are.
    #[command(flatten)]
    pub messages: Messages,
    /// How to answer.
    #[command(flatten)]
    pub output: Output,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}

/// `import-har`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  apicensus --store api.db import-har session.har
  apicensus --store api.db import-har recordings/*.har

Exit code 3 if a file could not be read to its end; what was read of it is stored.")]
pub struct ImportHar {
    /// HTTP archive, as browsers, proxies and test tools write it; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How to answer.
    #[command(flatten)]
    pub output: Output,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}
