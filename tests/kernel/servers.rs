//! Real HTTP servers with access logs: nginx, gunicorn, node:http and Go's net/http, all with the API
//! that `tests/data/servers/README.md` describes.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::netns::Netns;
use crate::process::Process;

/// Calls by method, path and status.
pub type Tally = BTreeMap<(String, String, u16), u64>;

/// Response sizes that nginx has a file for; the others make any size.
pub const SIZES: &[usize] = &[0, 64, 1024, 16_384, 262_144, 1_048_576];

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// nginx with one worker: static files by sendfile; reads a request's body before it answers, as it
    /// does as a proxy.
    Nginx,
    /// The same, but answers once it has a request's head and discards the body afterwards.
    HastyNginx,
    /// gunicorn, one process with 64 threads.
    Python,
    /// node:http.
    Node,
    /// net/http.
    Go,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Nginx, Kind::HastyNginx, Kind::Python, Kind::Node, Kind::Go];
}

/// What a server needs for TLS, and copies of the libraries that it uses: a probe is in a file, for all who
/// run it, and the machine's own programs run the machine's files.
pub struct Encryption {
    folder: PathBuf,
}

impl Encryption {
    /// Makes a key, a certificate for `localhost` and `127.0.0.1`, and the copies, in `folder`.
    pub fn create(folder: &Path) -> Result<Self> {
        let folder = folder.join("tls");
        let libraries = folder.join("lib");
        fs::create_dir_all(&libraries).context("cannot make the folder of libraries")?;
        let system = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        for name in ["libssl.so.3", "libcrypto.so.3", "libgnutls.so.30"] {
            fs::copy(system.join(name), libraries.join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
        let encryption = Encryption { folder };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(encryption.key())
            .arg("-out")
            .arg(encryption.certificate())
            .output()
            .context("cannot run openssl")?;
        ensure!(made.status.success(), "openssl req: {}", String::from_utf8_lossy(&made.stderr));
        Ok(encryption)
    }

    /// The certificate, which signs itself, as PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// The private key, as PEM.
    pub fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Folder of the copied libraries, for `LD_LIBRARY_PATH`.
    pub fn libraries(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// A copy of a program of the machine.
    pub fn copy_of(&self, program: &str) -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found =
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
        let found = found.with_context(|| format!("there is no {program}"))?;
        let copy = self.folder.join(program);
        if !copy.exists() {
            fs::copy(found, &copy).with_context(|| format!("cannot copy {program}"))?;
        }
        Ok(copy)
    }
}

/// A running server.
pub struct Server {
    process: Process,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts one inside of `netns`; its files go to `folder`. Returns once it accepts connections.
    pub fn start(kind: Kind, netns: &Netns, address: SocketAddr, folder: &Path) -> Result<Self> {
        Self::start_in(kind, netns, address, folder, None)
    }

    /// As [`Server::start`], with TLS.
    pub fn start_tls(
        kind: Kind,
        netns: &Netns,
        address: SocketAddr,
        folder: &Path,
        encryption: &Encryption,
    ) -> Result<Self> {
        Self::start_with(kind, netns, address, folder, None, Some(encryption))
    }

    /// As [`Server::start`], but as a member of the cgroup at that path from its beginning on.
    pub fn start_in(
        kind: Kind,
        netns: &Netns,
        address: SocketAddr,
        folder: &Path,
        cgroup: Option<&Path>,
    ) -> Result<Self> {
        Self::start_with(kind, netns, address, folder, cgroup, None)
    }

    fn start_with(
        kind: Kind,
        netns: &Netns,
        address: SocketAddr,
        folder: &Path,
        cgroup: Option<&Path>,
        encryption: Option<&Encryption>,
    ) -> Result<Self> {
        let log = folder.join("access.log");
        fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
        let output = fs::File::create(folder.join("server.out")).context("cannot write server.out")?;
        let mut command = match kind {
            Kind::Nginx => nginx(netns, address, folder, &log, READ_THEN_ANSWER, encryption)?,
            Kind::HastyNginx => nginx(netns, address, folder, &log, ANSWER_THEN_READ, encryption)?,
            Kind::Python => python(netns, address, folder, &log),
            Kind::Node => {
                let node = encryption.map(|encryption| encryption.copy_of("node")).transpose()?;
                let mut command = netns.command(node.unwrap_or_else(|| "node".into()));
                command.arg(data("server.mjs")).args([address.ip().to_string(), address.port().to_string()]);
                command.arg(&log);
                command
            }
            Kind::Go => {
                let mut command = netns.command(tools().join("go-server"));
                command.arg(address.to_string()).arg(&log);
                command
            }
        };
        if let Some(encryption) = encryption {
            command.env("LD_LIBRARY_PATH", encryption.libraries());
            match kind {
                Kind::Nginx | Kind::HastyNginx => {}
                Kind::Python => {
                    command.arg("--keyfile").arg(encryption.key());
                    command.arg("--certfile").arg(encryption.certificate());
                }
                Kind::Node | Kind::Go => {
                    command.arg(encryption.certificate()).arg(encryption.key());
                }
            }
        }
        if let Some(cgroup) = cgroup {
            command = joined(&command, cgroup);
        }
        command.stdout(output.try_clone().context("cannot share server.out")?).stderr(Stdio::from(output));
        let mut process = Process::start(&format!("{kind:?}"), &mut command)?;
        process.wait_listening(netns, address).with_context(|| {
            format!(
                "output of the server: {}",
                fs::read_to_string(folder.join("server.out")).unwrap_or_default()
            )
        })?;
        Ok(Server { process, address, log })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Id of its first process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Calls that it has logged so far.
    pub fn logged(&self) -> Result<usize> {
        let log = fs::read(&self.log).context("cannot read the access log")?;
        Ok(log.iter().filter(|&&byte| byte == b'\n').count())
    }

    /// Stops it in order and reads its access log: connections that are still open are closed, what
    /// was answered is logged.
    pub fn stop(mut self) -> Result<Tally> {
        self.process.stop(Signal::TERM)?;
        tally_of(&fs::read_to_string(&self.log).context("cannot read the access log")?)
    }
}

/// The same command, started by a shell that joins a cgroup first.
fn joined(command: &Command, cgroup: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(cgroup.join("cgroup.procs"));
    shell.arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// Reads lines of `METHOD PATH STATUS`.
pub fn tally_of(log: &str) -> Result<Tally> {
    let mut tally = Tally::new();
    for line in log.lines() {
        let mut words = line.split(' ');
        let (Some(method), Some(path), Some(status), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            anyhow::bail!("access log line {line:?} is not `METHOD PATH STATUS`");
        };
        let status = status.parse().with_context(|| format!("status in access log line {line:?}"))?;
        *tally.entry((method.to_owned(), path.to_owned(), status)).or_default() += 1;
    }
    Ok(tally)
}

fn python(netns: &Netns, address: SocketAddr, folder: &Path, log: &Path) -> Command {
    let mut command = netns.command(tools().join("venv/bin/python"));
    command.args(["-m", "gunicorn", "--bind", &address.to_string(), "--workers", "1", "--threads", "64"]);
    command.args(["--worker-class", "gthread", "--keep-alive", "60", "--no-control-socket"]);
    command.args(["--graceful-timeout", "1", "--worker-tmp-dir", "/dev/shm"]);
    command.args(["--access-logformat", "%(m)s %(U)s %(s)s", "--access-logfile"]).arg(log);
    command.arg("--chdir").arg(data("")).arg("server:application");
    command.env("PYTHONPYCACHEPREFIX", folder).env("HOME", folder);
    command
}

/// `return` answers in the rewrite phase, before any body is read.
const ANSWER_THEN_READ: &str = r#"
      if ($request_method = POST) { return 201 '{"received":0}'; }
      if ($request_method = DELETE) { return 204; }
      if ($request_method ~ ^(PUT|PATCH)$) { return 200 '{"received":0}'; }"#;

/// The mirror module reads the body before the content phase, which refuses all but GET and HEAD; the
/// page for that refusal gives the answer.
const READ_THEN_ANSWER: &str = r#"
      mirror /mirrored;
      if ($request_method = DELETE) { return 204; }
      error_page 405 = @changed;"#;

fn nginx(
    netns: &Netns,
    address: SocketAddr,
    folder: &Path,
    log: &Path,
    changes: &str,
    encryption: Option<&Encryption>,
) -> Result<Command> {
    let files = folder.join("files");
    fs::create_dir_all(&files).context("cannot make the folder of nginx's files")?;
    for &size in SIZES {
        let body =
            if size == 0 { String::new() } else { format!("{{\"name\":\"{}\"}}", "x".repeat(size - 11)) };
        fs::write(files.join(format!("{size}.json")), body).context("cannot write nginx's files")?;
    }
    let (listen, certificate) = match encryption {
        None => ("", String::new()),
        Some(encryption) => (
            " ssl",
            format!(
                "ssl_certificate {}; ssl_certificate_key {};",
                encryption.certificate().display(),
                encryption.key().display()
            ),
        ),
    };
    let (folder, files, log) = (folder.display(), files.display(), log.display());
    let configuration = format!(
        r#"
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  map $request_uri $request_path {{ "~^(?<part>[^?]*)" $part; }}
  map $arg_size $file {{ "~^[0-9]+$" $arg_size; default 64; }}
  log_format calls '$request_method $request_path $status';
  access_log {log} calls;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 4m; keepalive_requests 1000000; keepalive_timeout 60s; sendfile on;
  types {{ }} default_type application/json;
  server {{
    listen {address}{listen} backlog=1024;
    {certificate}
    location = /api/v1/archive {{ return 404 '{{"error":"archive"}}'; }}
    location = /api/v1/failure {{ return 500 '{{"error":"failure"}}'; }}
    location = /mirrored {{ internal; return 204; }}
    location @changed {{ if ($request_method = POST) {{ return 201 '{{"received":0}}'; }} return 200 '{{"received":0}}'; }}
    location / {{
      root {files};
{changes}
      rewrite ^ /$file.json break;
    }}
  }}
}}
"#
    );
    let path = Path::new(&folder.to_string()).join("nginx.conf");
    fs::write(&path, configuration).context("cannot write nginx.conf")?;
    let mut command = netns.command("nginx");
    command
        .arg("-p")
        .arg(folder.to_string())
        .arg("-e")
        .arg(format!("{folder}/start.log"))
        .arg("-c")
        .arg(path);
    Ok(command)
}

/// What `cargo xtask setup` installed.
pub fn tools() -> PathBuf {
    repository().join("target/tools")
}

pub fn data(name: &str) -> PathBuf {
    repository().join("tests/data/servers").join(name)
}

pub fn repository() -> &'static Path {
    // Both packages that use this file lie right below the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package lies in the repository")
}
