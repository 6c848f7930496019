//! One function per command: open what it needs, let the stages work, print what they made.

mod diff;

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::CommandFactory;
use serde::Serialize;

use crate::cli::{
    self, Cli, Command, DocumentFormat, Export, Format, OpenApi, OpenApiVersion, Output, Query, ReportFormat,
};
use crate::config::{self, Failure};
use crate::inventory::Inventory;
use crate::inventory::catalog::Catalog;
use crate::pipeline::evaluate::{self, Looked};
use crate::pipeline::replay::Kind;
use crate::report::doctor::{CheckRow, Doctor, Outcome};
use crate::report::document::{Callers, Endpoints, Fields, Report};
use crate::report::explain;
use crate::report::findings::document::Item;
use crate::report::findings::stored::StoredFindings;
use crate::report::ledger::Ledger;
use crate::report::noise::Noise;
use crate::report::openapi::{self, Version};
use crate::report::status::{RunFacts, Status};
use crate::report::text::{self, Style};
use crate::report::{html, json, markdown};
use crate::source::check::{self, Check};
use crate::store::findings::FindingStore;
use crate::store::specs::{SpecStore, warn_of_foreign};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, Run, Store, StoreError};
use crate::telemetry::{self, Progress, Verbosity};

mod findings;
mod spec;
mod policy;
mod replay;

/// How long one write of a run waits for another program's lock.
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_millis(500);

/// Does what was asked for; the exit code where that went well.
pub fn execute(cli: &Cli) -> Result<u8, Failure> {
    let progress = match &cli.command {
        Command::Run(_) | Command::Replay(_) | Command::ImportHar(_) => Progress::on_terminal(),
        _ => Progress::none(),
    };
    let verbosity = Verbosity { more: cli.global.verbose, less: cli.global.quiet };
    telemetry::init(verbosity, cli.global.log.as_deref(), &progress).map_err(Failure::Usage)?;
    let store = || config::Store::of(&cli.global.store);
    match &cli.command {
        Command::Run(typed) => run(config::Run::of(typed, store()?)?, progress),
        Command::Replay(cli::replay::Replay { files, messages, output, routes }) => {
            let config = config::Replay::of(files, Kind::Packets, routes, messages)?;
            replay::replay(&store()?, &config, *output, &progress)
        }
        Command::ImportHar(cli::replay::ImportHar { files, output, routes }) => {
            let config = config::Replay::of(files, Kind::Archives, routes, &cli::Messages::default())?;
            replay::replay(&store()?, &config, *output, &progress)
        }
        Command::Report(typed) => report(&store()?, typed),
        Command::Endpoints(cli::Endpoints { query, explain }) => {
            let (_, catalog) = load_and(&store()?, query, *explain)?;
            let as_text = if *explain { explain::explained } else { text::endpoints };
            show(query.output, &Endpoints::of(&catalog), as_text)
        }
        Command::Callers(query) => {
            let (_, catalog) = load(&store()?, query)?;
            show(query.output, &Callers::of(&catalog), text::callers)
        }
        Command::Fields(query) => {
            let (_, catalog) = load(&store()?, query)?;
            show(query.output, &Fields::of(&catalog), text::fields)
        }
        Command::Noise(query) => {
            let (_, catalog) = load(&store()?, query)?;
            show(query.output, &Noise::of(&catalog), text::noise)
        }
        Command::Diff(typed) => diff::diff(&store()?, typed),
        Command::Findings(typed) => findings::findings(&store()?, typed),
        Command::Spec(typed) => spec::spec(&store()?, typed),
        Command::Export(Export::Openapi(typed)) => export_openapi(&store()?, typed),
        Command::Export(Export::Policy(typed)) => policy::export(&store()?, typed),
        Command::Policy(cli::policy::Policy::Check(typed)) => policy::check(&store()?, typed),
        Command::Coverage(typed) => coverage(&store()?, *typed),
        Command::Status(output) => status(&store()?, *output),
        Command::Doctor(output) => doctor(checks(), *output),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "apicensus", &mut script);
            print(&script)
        }
    }
}

#[cfg(feature = "kernel")]
fn run(config: config::Run, progress: Progress) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let (store, key) = runtime.block_on(open(&config.store))?;
    runtime.block_on(crate::pipeline::live::run(&config, &progress, store, key))?;
    Ok(0)
}

#[cfg(not(feature = "kernel"))]
fn run(_: config::Run, _: Progress) -> Result<u8, Failure> {
    Err(Failure::environment(crate::source::kernel::KernelError.to_string()))
}

/// The store of a run, made where there is none, with the key of this installation.
async fn open(
    store: &config::Store,
) -> Result<(SqliteStore, [u8; crate::store::key::KEY_BYTES]), StoreError> {
    if store.is_default {
        SqliteStore::make_folder(&store.path)?;
    }
    let mut opened = SqliteStore::create(&store.path).await?;
    let key = opened.install_key().await?;
    // From here on the flusher waits and tries again.
    opened.wait_for_lock(LOCK_WAIT).await?;
    Ok((opened, key))
}

fn checks() -> Vec<Check> {
    crate::source::kernel::checks()
}

fn load(store: &config::Store, query: &Query) -> Result<(Inventory, Catalog), Failure> {
    load_and(store, query, false)
}

/// The inventory, and as people read it; with reasons if asked to `explain`.
fn load_and(store: &config::Store, query: &Query, explain: bool) -> Result<(Inventory, Catalog), Failure> {
    let (looked, _) = load_with(store, query, explain, async |_, _| Ok(()))?;
    Ok(looked)
}

/// As [`load_and`], with what `ask` wants to know of the store and of all that was looked at, whatever is
/// filtered out after it.
fn load_with<T>(
    store: &config::Store,
    query: &Query,
    explain: bool,
    ask: impl AsyncFnOnce(&SqliteStore, &Looked) -> Result<T, StoreError>,
) -> Result<((Inventory, Catalog), T), Failure> {
    let filter = config::filter(query, store::now())?;
    let guidance = config::guidance(&query.routes)?;
    let (looked, asked) = blocking(async {
        let opened = SqliteStore::open(&store.path).await?;
        warn_of_foreign(&opened.specs().await?);
        let looked = evaluate::look(&opened, &guidance, explain).await?;
        let asked = ask(&opened, &looked).await?;
        Ok((looked, asked))
    })?;
    let Looked { inventory, catalog, without_key, .. } = looked;
    let strangers = guidance.strangers(inventory.endpoints.keys().map(|key| &*key.service));
    if !strangers.is_empty() && !inventory.endpoints.is_empty() {
        let names: Vec<&str> = strangers.into_iter().take(10).collect();
        tracing::warn!(
            "--openapi changes nothing: no service of the store is {}; say which it is with --openapi SERVICE=FILE",
            names.join(" or ")
        );
    }
    if let Some(error) = without_key {
        warn_of_key(&error);
    }
    Ok(((inventory, filter.apply(catalog)), asked))
}

/// Without the key, what was said of words that are stored as hashes cannot be applied.
fn warn_of_key(error: &StoreError) {
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        why.push_str(&format!(": {error}"));
        cause = error.source();
    }
    tracing::warn!("--hints and --openapi apply to words that are stored in clear only: {why}");
}

fn report(store: &config::Store, typed: &cli::Report) -> Result<u8, Failure> {
    let (query, now) = (typed.filters.clone().into(), store::now());
    let filter = config::filter(&query, now)?;
    let ((inventory, catalog), known) =
        load_with(store, &query, false, async |opened, _| opened.known().await)?;
    let kept = known.iter().filter(|(_, kept)| filter.keeps_finding(&kept.subject, kept.state.shown));
    let items = kept.map(|(fingerprint, kept)| Item {
        fingerprint,
        rule: &kept.rule,
        level: kept.level,
        subject: &kept.subject,
        message: &kept.message,
        found: None,
        state: &kept.state,
        suppressed: None,
    });
    let found = StoredFindings::of(items, now);
    let report = Report::of(&catalog, &inventory).with_findings(found);
    let text = match typed.format {
        // A file has no width and no colour.
        ReportFormat::Text if typed.output.is_some() => text::report(&report, Style::default()),
        ReportFormat::Text => text::report(&report, style()),
        ReportFormat::Json => json::render(&report),
        ReportFormat::Html => html::render(&report, &Noise::of(&catalog)),
        ReportFormat::Markdown => markdown::render(&report, &Noise::of(&catalog)),
    };
    deliver(&text, typed.output.as_deref())
}

/// Writes a text to the file that was asked for, else prints it.
fn deliver(text: &str, output: Option<&Path>) -> Result<u8, Failure> {
    let Some(path) = output else { return print(text.as_bytes()) };
    fs::write(path, text).map_err(|error| cannot_write(path, error))?;
    Ok(0)
}

fn cannot_write(path: &Path, error: io::Error) -> Failure {
    Failure::environment_because(format!("cannot write {}", path.display()), error)
}

fn export_openapi(store: &config::Store, typed: &OpenApi) -> Result<u8, Failure> {
    let (_, catalog) = load(store, &typed.filters.clone().into())?;
    let version = match typed.openapi_version {
        OpenApiVersion::V3_0 => Version::V3_0,
        OpenApiVersion::V3_1 => Version::V3_1,
    };
    let (render, ending): (fn(&openapi::Json) -> String, _) = match typed.format {
        DocumentFormat::Json => (|document| json::render(document), "json"),
        DocumentFormat::Yaml => (openapi::yaml, "yaml"),
    };
    let documents = openapi::documents(&catalog, version);
    if let Some(folder) = &typed.output {
        let names = openapi::file_names(&documents).into_iter();
        let files =
            names.zip(&documents).map(|(name, (_, document))| (format!("{name}.{ending}"), render(document)));
        return write_files(folder, files);
    }
    match &documents[..] {
        [(_, document)] => print(render(document).as_bytes()),
        [] => Err(Failure::Usage(
            "there is no service with operations to export; `apicensus endpoints` lists what was found"
                .to_owned(),
        )),
        several => {
            let names: Vec<&str> = several.iter().take(10).map(|(name, _)| name.as_str()).collect();
            let more = if several.len() > names.len() { ", ..." } else { "" };
            Err(Failure::Usage(format!(
                "{} services to export, and standard output takes one; name it with --service, or a folder for all \
                 with --output: {}{more}",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

/// Writes files (name and text) into a folder, made if it is missing, and prints their paths.
fn write_files(folder: &Path, files: impl IntoIterator<Item = (String, String)>) -> Result<u8, Failure> {
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
    let mut lines = String::new();
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| cannot_write(&path, error))?;
        lines.push_str(&format!("{}\n", path.display()));
    }
    print(lines.as_bytes())
}

fn coverage(store: &config::Store, typed: cli::Coverage) -> Result<u8, Failure> {
    let ledger = match typed.run {
        None => Ledger::of(&blocking(async { SqliteStore::open(&store.path).await?.load().await })?.coverage),
        Some(number) => {
            let runs = blocking(async { SqliteStore::open(&store.path).await?.runs().await })?;
            let run = runs.iter().find(|run| run.id.0 == number).ok_or_else(|| {
                Failure::Usage(format!("there is no run {number}; `apicensus status` lists the last ones"))
            })?;
            Ledger::of(&run.coverage)
        }
    };
    show(typed.output, &ledger, text::ledger)
}

fn status(store: &config::Store, output: Output) -> Result<u8, Failure> {
    let runs = blocking(async { SqliteStore::open(&store.path).await?.runs().await })?;
    let facts = runs.iter().map(|Run { id, start, flushed, ended, calls, losses, coverage }| RunFacts {
        id: id.0,
        version: &start.version,
        front_end: &start.front_end,
        scope: &start.scope,
        started: start.at,
        flushed: *flushed,
        ended: *ended,
        calls: *calls,
        losses,
        coverage,
    });
    show(output, &Status::of(&store.path.to_string_lossy(), facts), text::status)
}

fn doctor(checks: Vec<Check>, output: Output) -> Result<u8, Failure> {
    let rows = checks.into_iter().map(|Check { name, outcome, detail, remedy }| CheckRow {
        name,
        outcome: match outcome {
            check::Outcome::Ok => Outcome::Ok,
            check::Outcome::Degraded => Outcome::Degraded,
            check::Outcome::Failed => Outcome::Failed,
        },
        detail,
        remedy,
    });
    let doctor = Doctor::of(rows.collect());
    show(output, &doctor, text::doctor)?;
    Ok(if doctor.can_capture { 0 } else { 3 })
}

fn show<D: Serialize>(output: Output, document: &D, as_text: fn(&D, Style) -> String) -> Result<u8, Failure> {
    let text = match output.format {
        Format::Text => as_text(document, style()),
        Format::Json => json::render(document),
    };
    print(text.as_bytes())
}

fn style() -> Style {
    let stdout = io::stdout();
    let width = stdout.is_terminal().then(terminal_size::terminal_size).flatten();
    Style { width: width.map(|(width, _)| width.0), colour: telemetry::wants_colour(&stdout) }
}

fn print(bytes: &[u8]) -> Result<u8, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::environment_because("cannot write to standard output", error)),
        Ok(()) => Ok(0),
    }
}

fn blocking<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    Ok(runtime()?.block_on(work)?)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // One thread: the store has its own, and a capture adds its own.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::environment_because("cannot start the runtime", error))
}
