//! Commands as steps: each says what it does, shows that it is alive, and on failure shows its output.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::layout;

/// Lines of a failed step's output that are shown.
const TAIL_LINES: usize = 40;

/// Says what comes now.
pub fn announce(what: &str) {
    eprintln!("==> {what}");
}

/// Says that something is there already.
pub fn present(what: &str) {
    eprintln!("    {what}: present");
}

/// Runs a long, chatty command as one step: its output goes to a file under `target/tools/log`, its
/// last line to the terminal; the end of the output is shown if it fails.
pub fn step(title: &str, command: &mut Command) -> Result<()> {
    let folder = layout::tools().join("log");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let slug: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let log_path = folder.join(format!("{slug}.log"));
    let mut log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;

    let started = Instant::now();
    let bar = if io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("    {spinner} {prefix} [{elapsed}] {wide_msg:.dim}");
        let bar = ProgressBar::new_spinner().with_style(style.context("progress template")?);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar.with_prefix(title.to_owned())
    } else {
        eprintln!("    {title} ...");
        ProgressBar::hidden()
    };

    // One pipe for both streams, so that the log reads as a terminal would show it.
    let (reader, writer) = io::pipe().context("cannot make a pipe")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("cannot share a pipe")?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot start {}", name_of(command)))?;
    // The command keeps its ends of the pipe open until it is told to inherit.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tail: Vec<String> = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("cannot read the step's output")?).into_owned();
        writeln!(log, "{line}").ok();
        bar.set_message(line.clone());
        if tail.len() == TAIL_LINES {
            tail.remove(0);
        }
        tail.push(line);
    }
    let status = child.wait().context("cannot wait for the step")?;
    bar.finish_and_clear();
    if !status.success() {
        bail!(
            "{title} failed ({status}): {}\n{}\nfull output: {}",
            name_of(command),
            tail.join("\n"),
            log_path.display()
        );
    }
    eprintln!("    {title}: done in {} s", started.elapsed().as_secs());
    Ok(())
}

/// Runs a command with the terminal as its own; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} failed ({status})", name_of(command));
    }
    Ok(())
}

/// Runs a command with the terminal as its own.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot start {}", name_of(command)))
}

/// First line of what a command prints, `None` if it is missing or fails.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("").to_owned())
}

/// Whether a program of that name is on the search path or in an administrator's folder.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(Into::into))
        .any(|folder| folder.join(program).is_file())
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command with root's rights: as it is for root, else by sudo.
pub fn as_root(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--preserve-env=APICENSUS_STORE,APICENSUS_LOG,NO_COLOR").arg("--").arg(program);
    command
}

/// The cargo that runs this program, for the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(layout::root());
    // The first two are set by `cargo run` and would make build scripts look changed; all paths in
    // this program are below `target`.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    command
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C and SIGTERM no longer end this program at once: [`check_interrupt`] does, so
/// that everything that was started is taken down.
pub fn defer_interrupts() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("cannot catch Ctrl-C")
}

/// An error once the user asked to stop.
pub fn check_interrupt() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) { bail!("interrupted; everything was taken down") } else { Ok(()) }
}

/// The command as typed, cut where it gets long.
fn name_of(command: &Command) -> String {
    const SHOWN_MAX: usize = 160;
    let mut text = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    if let Some((end, _)) = text.char_indices().nth(SHOWN_MAX) {
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}
