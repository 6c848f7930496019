//! The demo's servers, none of them ours: nginx in front, json-server (Node) as the shop's API and
//! httpbin (Python, under gunicorn) as its tools, each at an address of its own on loopback.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::layout;
use crate::netns::Netns;
use crate::process::Process;

const NGINX: &str = include_str!("../../demo/nginx.conf");
const DATA: &str = include_str!("../../demo/shop.json");

/// The running servers.
pub struct Shop {
    /// nginx.
    pub front: SocketAddr,
    /// json-server.
    pub application: SocketAddr,
    // Stopped in this order.
    servers: Vec<Process>,
}

impl Shop {
    /// Starts all three; returns once they accept connections.
    pub fn open(netns: &Netns, folder: &Path) -> Result<Self> {
        let front = SocketAddr::from(([127, 0, 0, 10], 80));
        let application = SocketAddr::from(([127, 0, 0, 21], 3000));
        let tools = SocketAddr::from(([127, 0, 0, 22], 8000));

        let data = folder.join("shop.json");
        fs::write(&data, DATA).context("cannot write shop.json")?;
        let mut node = netns.command("node");
        node.arg(layout::tools().join("node/node_modules/json-server/lib/cli/bin.js"));
        node.args(["--quiet", "--host", &application.ip().to_string()]);
        node.args(["--port", &application.port().to_string()]).arg(&data);

        let mut python = netns.command(layout::venv().join("bin/python"));
        python.args(["-m", "gunicorn", "--bind", &tools.to_string(), "--threads", "8"]);
        python.args(["--keep-alive", "60", "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]);
        python.args(["--log-level", "warning", "--graceful-timeout", "1", "httpbin:app"]);

        fs::create_dir_all(folder.join("static/catalog")).context("cannot make nginx's files")?;
        fs::write(folder.join("static/catalog/index.json"), DATA).context("cannot write nginx's files")?;
        let configuration = NGINX
            .replace("{folder}", &folder.display().to_string())
            .replace("{front}", &front.to_string())
            .replace("{shop}", &application.to_string())
            .replace("{tools}", &tools.to_string());
        fs::write(folder.join("nginx.conf"), configuration).context("cannot write nginx.conf")?;
        let mut nginx = netns.command("nginx");
        nginx.arg("-p").arg(folder).arg("-e").arg(folder.join("start.log"));
        nginx.arg("-c").arg(folder.join("nginx.conf"));

        let mut servers = Vec::new();
        for (name, command, address) in [
            ("nginx", &mut nginx, front),
            ("json-server", &mut node, application),
            ("httpbin", &mut python, tools),
        ] {
            servers.push((start(name, command, folder)?, name, address));
        }
        for (process, name, address) in &mut servers {
            process.wait_listening(netns, *address).with_context(|| output_of(folder, name))?;
            eprintln!("    {name} listens on {address}");
        }
        let servers = servers.into_iter().map(|(process, ..)| process).collect();
        Ok(Shop { front, application, servers })
    }

    /// Stops all.
    pub fn close(mut self) -> Result<()> {
        for server in &mut self.servers {
            server.stop(Signal::TERM)?;
        }
        Ok(())
    }
}

fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Process> {
    let output =
        File::create(folder.join(format!("{name}.out"))).context("cannot write a server's output")?;
    command.stdout(output.try_clone().context("cannot share a server's output")?).stderr(Stdio::from(output));
    // json-server watches no file and writes only its own; a home of its own keeps the user's out.
    command.env("HOME", folder).current_dir(folder);
    Process::start(name, command)
}

fn output_of(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(format!("{name}.out"))).unwrap_or_default()
}
