//! `apicensus export policy` and `apicensus policy check`.

use super::{load, load_with, print, show, write_files};
use crate::cli::policy::{Check, ExportPolicy, PolicyFormat};
use crate::config::policy::Given;
use crate::config::{self, Failure};
use crate::findings::{Settings, Unknown};
use crate::inventory::policy::{Observed, Wanted};
use crate::pipeline::evaluate;
use crate::report::policy::{Form, Identities, PolicyCheck, check_text, export as write};
use crate::store;

/// Writes the policies; names without an identity are a failure, after all that could be said is written.
pub(super) fn export(store: &config::Store, typed: &ExportPolicy) -> Result<u8, Failure> {
    let since = typed.observed_since.as_deref().map(|text| config::since(text, store::now())).transpose()?;
    let wanted = Wanted { since, calls_min: typed.min_calls, confirmed: typed.confirmed };
    let identities = match &typed.identities {
        Some(path) => config::policy::identities(path)?,
        None => Identities::default(),
    };
    let settings = Settings::default_at(store::now());
    let ((_, catalog), unknown) =
        load_with(store, &typed.filters.clone().into(), false, async |opened, looked| {
            match typed.acknowledged {
                true => evaluate::unknown(opened, looked, &settings).await,
                false => Ok(Unknown::default()),
            }
        })?;
    let form = match typed.format {
        PolicyFormat::Kubernetes => Form::Kubernetes,
        PolicyFormat::Cilium => Form::Cilium,
        PolicyFormat::Istio => Form::Istio,
        PolicyFormat::Opa => Form::Opa,
        PolicyFormat::Edges => Form::Edges,
    };
    let observed = Observed::but(&catalog, &wanted, |edge| unknown.has(edge, &settings));
    let export = write(&observed, form, &identities);
    if let Some(text) = export.unacknowledged_text() {
        tracing::warn!("{text}");
    }
    match &typed.output {
        None if form == Form::Opa => {
            return Err(Failure::Usage(
                "--format opa writes a module and its data; name a folder with --output".to_owned(),
            ));
        }
        None => {
            let texts: Vec<&str> = export.files.iter().map(|(_, text)| text.as_str()).collect();
            print(texts.join("---\n").as_bytes())?;
        }
        Some(folder) => {
            write_files(folder, export.files.iter().cloned())?;
        }
    }
    match export.unmapped_text() {
        Some(text) => Err(Failure::Usage(text)),
        None => Ok(0),
    }
}

/// Replays what is stored against a policy.
pub(super) fn check(store: &config::Store, typed: &Check) -> Result<u8, Failure> {
    let given = config::policy::given(&typed.file)?;
    let identities = typed.identities.as_deref().map(config::policy::identities).transpose()?;
    let (_, catalog) = load(store, &typed.query)?;
    let document = match given {
        Given::Own(_) if identities.is_some() => {
            return Err(Failure::Usage(
                "--identities is for manifests; our own form names callers and services as they are"
                    .to_owned(),
            ));
        }
        Given::Own(policy) => PolicyCheck::of(&policy, &catalog),
        Given::Manifests(manifests) => {
            PolicyCheck::of_manifests(&manifests, &identities.unwrap_or_default(), &catalog)
        }
    };
    show(typed.query.output, &document, check_text)?;
    match document.unmapped_text() {
        Some(text) if !document.denied.is_empty() => {
            tracing::warn!("{text}");
            Ok(1)
        }
        None if !document.denied.is_empty() => Ok(1),
        Some(text) => Err(Failure::Usage(text)),
        None => Ok(0),
    }
}
