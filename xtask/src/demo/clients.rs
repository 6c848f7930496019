//! The demo's callers: curl by a list, Python and Node by scripts, all at once and bounded.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::shop::Shop;
use crate::netns::Netns;
use crate::process::{POLL, Process};
use crate::{layout, shell};

/// One client must be done by then.
const DEADLINE: Duration = Duration::from_secs(120);

/// What curl is asked, one call each: arguments, then the path.
const CURL: &[(&[&str], &str)] = &[
    (&[], "/health"),
    (&["--head"], "/health"),
    (&["--compressed"], "/static/catalog/index.json"),
    (&["-H", "If-None-Match: \"x\""], "/static/catalog/index.json"),
    (&[], "/static/catalog/none.json"),
    (&["-H", "X-Api-Key: k-123"], "/api/products/1"),
    (&["-G", "-d", "q=Engine", "-d", "_sort=price"], "/api/products"),
    (&["-u", "ada:secret"], "/api/users/2"),
    (&["-b", "session=abc; theme=dark"], "/api/users/3"),
    (&["--json", "{\"product\":2,\"stars\":4}"], "/api/reviews"),
    (&["-d", "product=1&stars=3"], "/api/reviews"),
    (&["-H", "Expect: 100-continue", "--json", "{\"product\":1,\"text\":\"long\"}"], "/api/reviews"),
    (&["-H", "Transfer-Encoding: chunked", "--json", "{\"product\":1}"], "/api/reviews"),
    (&["-X", "PROPFIND"], "/api/products"),
    (&["--http1.0"], "/health"),
];

/// Runs all clients to their end; gives the number of calls that they made.
pub fn drive(netns: &Netns, shop: &Shop, rounds: u32) -> Result<u64> {
    let front = shop.front.to_string();
    let demo = layout::root().join("xtask/demo");

    let mut python = netns.command(layout::venv().join("bin/python"));
    python.arg(demo.join("client.py")).args([&front, &rounds.to_string()]);
    let mut node = netns.command("node");
    node.arg(demo.join("client.mjs")).args([&front, &shop.application.to_string(), &rounds.to_string()]);

    let mut clients = Vec::new();
    for (name, mut command) in [("Python client", python), ("Node client", node)] {
        command.stdout(Stdio::piped());
        // Proxies of the user's environment are not the demo's.
        for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(variable);
        }
        clients.push((name, Process::start(name, &mut command)?));
    }
    let mut calls = curl(netns, shop, rounds.div_ceil(5))?;
    for (name, client) in &mut clients {
        finish(name, client)?;
        let mut text = String::new();
        let output = client.child().stdout.as_mut().with_context(|| format!("no output of the {name}"))?;
        output.read_to_string(&mut text).with_context(|| format!("cannot read the {name}"))?;
        calls += text.trim().parse::<u64>().with_context(|| format!("the {name} printed {text:?}"))?;
    }
    Ok(calls)
}

/// Waits for a client's end, unless the user has enough.
fn finish(name: &str, client: &mut Process) -> Result<()> {
    let started = Instant::now();
    loop {
        shell::check_interrupt()?;
        match client.ended()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("the {name} failed ({status})"),
            None if started.elapsed() > DEADLINE => {
                bail!("the {name} is not done after {} s", DEADLINE.as_secs())
            }
            None => std::thread::sleep(POLL),
        }
    }
}

/// One curl program per round: its calls share a connection where HTTP lets them.
fn curl(netns: &Netns, shop: &Shop, rounds: u32) -> Result<u64> {
    let port = shop.front.port();
    for _ in 0..rounds {
        shell::check_interrupt()?;
        let mut command = netns.command("curl");
        for (number, (arguments, path)) in CURL.iter().enumerate() {
            if number > 0 {
                command.arg("--next");
            }
            command.args([
                "--silent",
                "--show-error",
                "--max-time",
                "10",
                "--noproxy",
                "*",
                "--output",
                "/dev/null",
            ]);
            command.args(["--resolve", &format!("api.shop.test:{port}:{}", shop.front.ip())]);
            command.args(*arguments).arg(format!("http://api.shop.test:{port}{path}"));
        }
        finish("curl", &mut Process::start("curl", &mut command)?)?;
    }
    Ok(u64::from(rounds) * CURL.len() as u64)
}
