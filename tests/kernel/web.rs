//! nginx with HTTP/1 and HTTP/2 on two ports, and what curl, nghttp and h2load ask of it. All paths are
//! made of words that the sensor's dictionary has, so that single calls can be told apart in its report.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::netns::Netns;
use crate::process::{DEADLINE, Process};
use crate::servers::Tally;

/// Where HTTP/1 is.
pub const HTTP1: &str = "127.0.0.1:8080";
/// Where HTTP/2 is, by prior knowledge.
pub const HTTP2: &str = "127.0.0.1:8085";

/// Calls that h2load makes.
const H2LOAD_CALLS: u32 = 300;

/// A running nginx.
pub struct Web<'a> {
    netns: &'a Netns,
    process: Process,
    folder: PathBuf,
}

impl<'a> Web<'a> {
    /// Starts it inside of `netns` with its files in `folder`.
    pub fn start(netns: &'a Netns, folder: &Path) -> Result<Self> {
        let folder = folder.join("web");
        fs::create_dir_all(folder.join("files"))?;
        let users: Value =
            (0..20).map(|id| json!({"id": id, "name": "Ann", "email": "a@example.com"})).collect();
        fs::write(folder.join("files/users.json"), users.to_string())?;
        fs::write(folder.join("files/orders.json"), r#"{"orders":[{"id":7,"total":5}]}"#)?;
        let rows: Value = (0..4000).map(|id| json!({"id": id, "total": id * 7})).collect();
        fs::write(folder.join("files/report.json"), rows.to_string())?;
        fs::write(folder.join("body.json"), json!({"note": "7".repeat(40_000)}).to_string())?;
        let at = folder.display();
        // The mirror makes nginx read a request's body before it answers.
        let configuration = format!(
            r#"
daemon off; worker_processes 1; user root; pid {at}/nginx.pid; error_log {at}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  map $request_uri $request_path {{ "~^(?<part>[^?]*)" $part; }}
  log_format calls '$request_method $request_path $status';
  access_log {at}/access.log calls;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  client_max_body_size 4m; large_client_header_buffers 4 64k; http2_max_concurrent_streams 200;
  gzip on; gzip_types application/json; gzip_min_length 20;
  types {{ }} default_type application/json;
  server {{
    listen {HTTP1}; listen {HTTP2} http2;
    root {at}/files;
    location = /api/v1/failure {{ return 500 '{{"error":"failure"}}'; }}
    location = /api/v1/archive {{ return 404 '{{"error":"archive"}}'; }}
    location = /mirrored {{ internal; return 204; }}
    location @created {{ return 201 '{{"id":7,"total":5}}'; }}
    location /api/v1/orders {{
      mirror /mirrored; error_page 405 = @created;
      rewrite ^ /orders.json break;
    }}
    location /api/v1/report {{ rewrite ^ /report.json break; }}
    location /api/v1/users {{ rewrite ^ /users.json break; }}
  }}
}}
"#
        );
        fs::write(folder.join("nginx.conf"), configuration)?;
        let mut command = netns.command("nginx");
        command.arg("-p").arg(&folder).arg("-e").arg(folder.join("start.log"));
        command.arg("-c").arg(folder.join("nginx.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Process::start("nginx", &mut command)?;
        process.wait_listening(netns, HTTP1.parse()?)?;
        Ok(Web { netns, process, folder })
    }

    /// Keep-alive, compression, HEAD, errors, `Expect`, a chunked request, pipelining.
    pub fn http1(&self) -> Result<()> {
        let url = |path: &str| format!("http://{HTTP1}/api/v1/{path}");
        let (users, orders, failure) = (url("users"), url("orders?limit=3"), url("failure"));
        let archive = url("archive");
        self.curl(&["--compressed"], &[&users, &orders, &failure, &archive, &users])?;
        self.curl(&["--head"], &[&users, &archive])?;
        let body = format!("@{}", self.folder.join("body.json").display());
        let json = "Content-Type: application/json";
        self.curl(&["-H", json, "-H", "Expect: 100-continue", "--data-binary", &body], &[&orders])?;
        self.curl(&["-H", json, "-H", "Transfer-Encoding: chunked", "--data-binary", &body], &[&orders])?;
        self.netns.within(|| -> Result<()> {
            let mut stream = TcpStream::connect(HTTP1)?;
            stream.set_read_timeout(Some(DEADLINE))?;
            let request = |path: &str, more: &str| {
                format!("GET /api/v1/{path} HTTP/1.1\r\nHost: {HTTP1}\r\n{more}\r\n")
            };
            let pipelined = ["users", "orders", "archive", "failure", "users"].map(|path| request(path, ""));
            stream
                .write_all((pipelined.concat() + &request("orders", "Connection: close\r\n")).as_bytes())?;
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers)?;
            let count = answers.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
            ensure!(count == 6, "{count} answers to what was pipelined");
            Ok(())
        })?
    }

    /// Few streams and many, large bodies both ways, large header fields, load.
    pub fn http2(&self) -> Result<()> {
        let url = |path: &str| format!("http://{HTTP2}/api/v1/{path}");
        let (users, orders, failure) = (url("users"), url("orders?limit=3"), url("failure"));
        let (archive, report) = (url("archive"), url("report"));
        let body = self.folder.join("body.json").display().to_string();
        let json = "Content-Type: application/json";
        let prior = "--http2-prior-knowledge";
        // One by one: some releases of curl cannot use such a connection again.
        for url in [&users, &orders, &failure, &report] {
            self.curl(&[prior, "--compressed"], &[url])?;
        }
        self.curl(&[prior, "--head"], &[&users])?;
        self.curl(&[prior, "-H", json, "--data-binary", &format!("@{body}")], &[&orders])?;
        let nghttp = |arguments: &[&str]| {
            let mut command = self.netns.command("nghttp");
            command.args(["--null-out", "--timeout=20"]).args(arguments);
            run(&mut command)
        };
        nghttp(&["-m", "20", &users, &report, &orders, &archive])?;
        nghttp(&["-m", "4", "-H", json, "-d", &body, &orders])?;
        // Past one frame's payload: CONTINUATION follows.
        nghttp(&["-H", &format!("x-note: {}", "a note ".repeat(2500)), "-H", "x-large: 1", &users])?;
        let mut load = self.netns.command("h2load");
        load.args(["-n", &H2LOAD_CALLS.to_string(), "-c", "3", "-m", "20"]).args([&users, &orders, &failure]);
        run(&mut load)
    }

    fn curl(&self, arguments: &[&str], urls: &[&str]) -> Result<()> {
        let mut command = self.netns.command("curl");
        command.args(["--silent", "--show-error", "--max-time", "20"]).args(arguments);
        for url in urls {
            command.args(["--output", "/dev/null", url]);
        }
        run(&mut command)
    }

    /// Ends it; calls by method, path and status as it logged them.
    pub fn stop(mut self) -> Result<Tally> {
        self.process.stop(Signal::QUIT)?;
        crate::servers::tally_of(&fs::read_to_string(self.folder.join("access.log"))?)
    }
}

/// Runs a client to its end, which must be a good one.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("cannot run a client")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{command:?}: {}: {}", output.status, String::from_utf8_lossy(&said));
    Ok(())
}
