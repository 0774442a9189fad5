//! Fills an empty system with the nation's half-year, through its public interfaces only.

mod licensing;
pub(crate) mod people;
mod queues;
mod registration;
mod sending;

use crate::{Plan, api::Api};
use anyhow::Context;
use domain::ids::OrganisationId;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::Path, time::Instant};

pub use people::Credential;

/// Who may register organisations.
#[derive(Clone, Debug)]
pub struct AdministratorSignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Everything that was done, for whoever wants to look at it.
#[derive(Debug)]
pub struct Demonstration {
    /// Everybody who can sign in or holds a key.
    pub credentials: Vec<Credential>,
    /// Numbers and ids that a tour can use.
    pub story: Value,
}

#[derive(Serialize)]
struct Deed<'a> {
    detector: &'a str,
    what: &'a str,
    organisation: &'a str,
    organisation_id: OrganisationId,
    filings: Vec<Value>,
}

/// Sends a plan. `today` is the day the services believe it is.
pub async fn run(
    api: &Api,
    plan: &Plan,
    administrator: &AdministratorSignIn,
    concurrency: usize,
    today: Date,
) -> anyhow::Result<Demonstration> {
    let began = Instant::now();
    let token = api.sign_in(&administrator.email, &administrator.password).await;
    let token = token.context("the administrator cannot sign in")?;
    let progress = progress(plan.filings.len());
    progress.set_message("registering");
    let officials =
        people::officials(api, &token).await.context("officials cannot be registered")?;
    let filers = registration::register(api, plan, &token).await;
    let filers = filers.context("organisations cannot be registered")?;
    let registered = began.elapsed();
    progress.set_message("filing");
    let sent = sending::send(api, plan, &filers, concurrency, &progress).await?;
    let filed = began.elapsed();
    progress.set_message("licensing");
    let licensing = licensing::play(api, plan, &filers, &officials, today).await;
    let licensing = licensing.context("the licensing story stopped")?;
    progress.set_message("queues");
    let queues = queues::make(api, &officials).await.context("queues cannot be made")?;
    progress.finish_and_clear();
    let mut credentials = vec![Credential {
        who: "administrator of the authority".to_owned(),
        role: "administrator",
        email: Some(administrator.email.clone()),
        password: Some(administrator.password.clone()),
        api_key: None,
        organisation: None,
    }];
    credentials.extend(officials.credentials());
    credentials.extend(filers.iter().map(registration::Filer::credential));
    let story = json!({
        "filings": plan.filings.len(),
        "organisations": plan.nation.organisations.len(),
        "months": plan.months,
        "seconds": {
            "registration": seconds(registered), "filing": seconds(filed.saturating_sub(registered)),
            "licensing": seconds(began.elapsed().saturating_sub(filed)),
        },
        "licence": licensing["licence"]["number"],
        "planted": deeds(plan, &filers, &sent),
        "licensing": licensing,
        "queues": queues,
    });
    Ok(Demonstration { credentials, story })
}

impl Demonstration {
    /// Writes who can sign in, and the story.
    pub fn write(&self, credentials: &Path, story: &Path) -> anyhow::Result<()> {
        for (path, text) in [
            (credentials, serde_json::to_vec_pretty(&self.credentials)?),
            (story, serde_json::to_vec_pretty(&self.story)?),
        ] {
            std::fs::write(path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(())
    }
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{}.{:01}", duration.as_secs(), duration.subsec_millis() / 100)
}

fn deeds<'a>(
    plan: &'a Plan,
    filers: &'a [registration::Filer],
    sent: &sending::Sent,
) -> Vec<Deed<'a>> {
    plan.planted
        .iter()
        .map(|planted| Deed {
            detector: planted.detector,
            what: planted.what,
            organisation: &plan.nation.organisations[planted.organisation].name_en,
            organisation_id: filers[planted.organisation].id,
            filings: planted
                .references
                .iter()
                .map(|reference| {
                    let filing = sent.id_of(plan, planted.organisation, reference);
                    json!({"reference": reference, "id": filing})
                })
                .collect(),
        })
        .collect()
}

/// Shown on a terminal only.
fn progress(filings: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(filings).unwrap_or(u64::MAX));
    let style =
        ProgressStyle::with_template("{msg:12} {bar:40} {pos}/{len} filings, {per_sec}, {elapsed}");
    bar.with_style(style.expect("the template is a constant"))
}
