//! What the load goes to: nginx that answers from memory (the worst case for a sensor: next to no work
//! of its own), and a real application server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::layout;
use crate::netns::Netns;
use crate::process::Process;
use crate::servers::{Encryption, Kind, Server};

/// Bytes of the JSON answer.
const ANSWER_BYTES: usize = 1024;

/// The same of the large one.
const LARGE_BYTES: usize = 65_536;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// nginx, one worker, 1 KB of JSON from memory, no log.
    Nginx,
    /// The same with 64 KB.
    NginxLarge,
    /// json-server (Express on Node), a small table; without TLS only.
    Application,
    /// gunicorn, one process with threads, 1 KB of JSON; with TLS only.
    Python,
}

/// A running server.
pub struct Running {
    server: Started,
    /// What wrk asks for.
    pub url: String,
}

enum Started {
    Process(Process),
    Server(Server),
}

impl Running {
    /// Id of its first process.
    pub fn pid(&self) -> u32 {
        match &self.server {
            Started::Process(process) => process.pid(),
            Started::Server(server) => server.pid(),
        }
    }
}

impl Target {
    /// Starts it; returns once it accepts connections.
    pub fn start(self, netns: &Netns, folder: &Path, encryption: Option<&Encryption>) -> Result<Running> {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let output = fs::File::create(folder.join("server.out")).context("cannot write server.out")?;
        let (mut command, path) = match self {
            Target::Nginx | Target::NginxLarge => {
                let bytes = if self == Target::Nginx { ANSWER_BYTES } else { LARGE_BYTES };
                let (configuration, answer) = nginx(folder, address, bytes, encryption);
                fs::write(folder.join("answer.json"), answer).context("cannot write nginx's answer")?;
                fs::write(folder.join("nginx.conf"), configuration).context("cannot write nginx.conf")?;
                let mut command = netns.command("nginx");
                command.arg("-p").arg(folder).arg("-e").arg(folder.join("start.log"));
                command.arg("-c").arg(folder.join("nginx.conf"));
                (command, "/api/v1/items")
            }
            Target::Python => {
                let encryption = encryption.context("the target `python` is measured with TLS only")?;
                let server = Server::start_tls(Kind::Python, netns, address, folder, encryption)?;
                let url = format!("https://{address}/api/v1/items?size={ANSWER_BYTES}");
                return Ok(Running { server: Started::Server(server), url });
            }
            Target::Application if encryption.is_some() => {
                bail!("the target `application` is measured without TLS only")
            }
            Target::Application => {
                let data = layout::root().join("xtask/demo/shop.json");
                let copy = folder.join("shop.json");
                fs::copy(&data, &copy).with_context(|| format!("cannot copy {}", data.display()))?;
                let mut command = netns.command("node");
                command.arg(layout::tools().join("node/node_modules/json-server/lib/cli/bin.js"));
                command.args(["--quiet", "--host", &address.ip().to_string()]);
                command.args(["--port", &address.port().to_string()]).arg(&copy);
                command.env("HOME", folder).current_dir(folder);
                (command, "/products")
            }
        };
        if let Some(encryption) = encryption {
            command.env("LD_LIBRARY_PATH", encryption.libraries());
        }
        command.stdout(output.try_clone().context("cannot share server.out")?).stderr(Stdio::from(output));
        let mut process = Process::start(&format!("{self:?}"), &mut command)?;
        process
            .wait_listening(netns, address)
            .with_context(|| fs::read_to_string(folder.join("server.out")).unwrap_or_default())?;
        let scheme = if encryption.is_some() { "https" } else { "http" };
        Ok(Running { server: Started::Process(process), url: format!("{scheme}://{address}{path}") })
    }
}

/// The configuration, and what is in the file that it serves, if it serves one.
fn nginx(
    folder: &Path,
    address: SocketAddr,
    bytes: usize,
    encryption: Option<&Encryption>,
) -> (String, Vec<u8>) {
    let tls = encryption.map_or(String::new(), |encryption| {
        let (certificate, key) = (encryption.certificate(), encryption.key());
        format!(" ssl; ssl_certificate {}; ssl_certificate_key {}", certificate.display(), key.display())
    });
    let folder = folder.display();
    let item =
        r#"{"id":1042,"name":"Ada Lovelace","email":"ada@example.test","active":true,"tags":["a","b"]}"#;
    let mut answer = format!("{{\"items\":[{item}");
    while answer.len() + item.len() + 20 < bytes {
        answer.push(',');
        answer.push_str(item);
    }
    answer.push_str("],\"pad\":\"");
    answer.push_str(&"x".repeat((bytes - 2).saturating_sub(answer.len())));
    answer.push_str("\"}");
    // nginx takes no long texts; a file is read for each request, as files are.
    let (files, answer) = match bytes == ANSWER_BYTES {
        true => (Vec::new(), format!("return 200 '{answer}';")),
        false => (answer.into_bytes(), format!("root {folder}; rewrite ^ /answer.json break;")),
    };
    let configuration = format!(
        r#"
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 60s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ }} default_type application/json;
  server {{ listen {address}{tls}; location / {{ {answer} }} }}
}}
"#
    );
    (configuration, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_answers_one_kilobyte_of_json() {
        let (text, _) =
            nginx(Path::new("/folder"), SocketAddr::from(([127, 0, 0, 1], 1)), ANSWER_BYTES, None);
        let (start, end) = (text.find("200 '").expect("an answer") + 5, text.rfind('\'').expect("its end"));
        assert_eq!(end - start, ANSWER_BYTES);
        serde_json::from_str::<serde_json::Value>(&text[start..end]).expect("JSON");
    }
}
