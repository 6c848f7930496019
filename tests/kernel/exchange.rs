//! One exchange: what a client sends and what the server is to answer, and the sending of it by real
//! clients at different places.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::netns::Netns;
use crate::process::DEADLINE;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// This test's own program, in the server's namespace.
    Inside,
    /// curl, there.
    Curl,
    /// A host on another network, with a public address.
    Outside,
}

/// What is sent and answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Authority.
    pub host: &'static str,
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    status: u16,
    answer_headers: Vec<(&'static str, String)>,
    answer: String,
    /// Who sends it, one after the other.
    pub from: Vec<From>,
}

/// `METHOD TARGET` at a host, answered with 200 and a JSON text, sent by both clients inside.
pub fn exchange(host: &'static str, line: &str, answer: &str) -> Exchange {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| *known == method);
    Exchange {
        host,
        method: method.expect("a method"),
        target: target.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        status: 200,
        answer_headers: Vec::new(),
        answer: answer.to_owned(),
        from: vec![From::Inside, From::Curl],
    }
}

impl Exchange {
    /// With a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Exchange {
        self.headers.push((name, value.into()));
        self
    }

    /// With a JSON body.
    pub fn json(self, body: &str) -> Exchange {
        let mut exchange = self.with("Content-Type", "application/json");
        exchange.body = body.to_owned();
        exchange
    }

    /// Answered with this status.
    pub fn status(mut self, status: u16) -> Exchange {
        self.status = status;
        self
    }

    /// Answered with this header.
    pub fn answers(mut self, name: &'static str, value: impl Into<String>) -> Exchange {
        self.answer_headers.push((name, value.into()));
        self
    }

    /// Sent by these.
    pub fn by(mut self, from: &[From]) -> Exchange {
        self.from = from.to_vec();
        self
    }

    /// Its line in the server's table.
    pub fn answer(&self) -> Value {
        let path = self.target.split('?').next().unwrap_or_default();
        let authorized = self.headers.iter().any(|(name, _)| *name == "Authorization");
        json!({
            "host": self.host, "method": self.method, "path": path, "status": self.status,
            "headers": self.answer_headers, "body": self.answer, "authorized": authorized,
        })
    }

    /// Sends it from everywhere that it is said to come from.
    pub fn send(
        &self,
        inside: &Netns,
        outside: &Netns,
        server: SocketAddr,
        public: SocketAddr,
    ) -> Result<()> {
        for from in &self.from {
            match from {
                From::Inside => drop(inside.within(|| self.ask(server))??),
                From::Outside => drop(outside.within(|| self.ask(public))??),
                From::Curl => self.curl(inside, server)?,
            }
        }
        Ok(())
    }

    /// Sends it from the thread's namespace; gives the answer, head and body.
    pub fn ask(&self, server: SocketAddr) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&server, DEADLINE).context("cannot connect")?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).context("no timeout")?;
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        let request = format!("{head}Connection: close\r\n\r\n{}", self.body);
        stream.write_all(request.as_bytes()).context("cannot send")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("no answer")?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        ensure!(status == self.status.to_string(), "{} {}: {status}", self.method, self.target);
        Ok(answer)
    }

    fn curl(&self, inside: &Netns, server: SocketAddr) -> Result<()> {
        let mut command = inside.command("curl");
        command.args(["--silent", "--max-time", "10", "--globoff", "--output", "/dev/null"]);
        command.args(["--write-out", "%{http_code}", "--request", self.method]);
        command.args(["--header", &format!("Host: {}", self.host)]);
        for (name, value) in &self.headers {
            command.args(["--header", &format!("{name}: {value}")]);
        }
        if !self.body.is_empty() {
            command.args(["--data-binary", &self.body]);
        }
        let output =
            command.arg(format!("http://{server}{}", self.target)).output().context("cannot run curl")?;
        let status = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(status == self.status.to_string(), "curl {} {}: {status}", self.method, self.target);
        Ok(())
    }
}
