//! What can be asked of licensing, on one screen, and what its handlers work with.

use crate::licences::document::{DocumentFont, DocumentSeal};
use crate::{
    applications, cases, cases::history::Decided, changes, determinations, documents, keys,
    licences, officers, processing_times, queues, routing, sealed, webhooks, workflow,
};
use database::{Connection, Pool, cases::Moment, licences::ReservationWriter};
use domain::{ids::OrganisationId, regime::Regime};
use jiff::Timestamp;
use service::{
    clock, identity::Signed, problem::Problem, regimes::Regimes, secret::ServerSecret,
    signer::Signer, trace::TraceContext,
};
use std::sync::Arc;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_actix_web::service_config::ServiceConfig;

/// What every handler works with.
#[derive(Clone)]
pub(crate) struct App {
    /// Connections of the role that sees everybody's: for officials, customs and anybody's checks.
    pub(crate) pool: Pool,
    /// Connections of the role that sees one organisation's.
    pub(crate) applicants: Pool,
    /// What reserves goods under licences.
    pub(crate) reservations: ReservationWriter,
    /// The law, by version.
    pub(crate) regimes: Arc<Regimes>,
    /// What signs licences and determinations.
    pub(crate) signer: Arc<Signer>,
    /// What signs documents.
    pub(crate) seal: Arc<DocumentSeal>,
    /// What documents are written with.
    pub(crate) font: DocumentFont,
    /// What seals cursors, and what secrets of webhooks are derived from.
    pub(crate) secret: ServerSecret,
    /// Cases that were decided, for forecasts and processing times.
    pub(crate) decided: Arc<Decided>,
    /// Whether webhooks may be neighbours of this machine.
    pub(crate) allow_private_webhooks: bool,
    /// Where papers go.
    pub(crate) papers: documents::Papers,
    /// What the keys of sealed channels are wrapped with, where that is configured.
    pub(crate) wrapping_keys: Option<sealed::seal::WrappingKeys>,
}

impl App {
    /// A connection that sees everybody's, waited for a little.
    pub(crate) async fn connection(&self) -> Result<Connection, Problem> {
        Ok(self.pool.get().await.map_err(database::Error::from)?)
    }

    /// The law in force, by a connection that is free again afterwards.
    pub(crate) async fn regime(&self, at: Timestamp) -> Result<Arc<Regime>, Problem> {
        self.regimes.in_force(&mut self.connection().await?, at).await
    }

    /// Does `work` in one transaction to which no other organisation's applications, licences and
    /// answers exist.
    pub(crate) async fn own<T>(
        &self,
        organisation: OrganisationId,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        database::acting_for(&self.applicants, organisation, work).await
    }

    /// Does `work` on what somebody may see: officials everything, anybody else their own.
    pub(crate) async fn seen_by<T>(
        &self,
        signed: &Signed,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if signed.is_official() {
            return work(&mut self.connection().await?).await;
        }
        self.own(signed.organisation, work).await
    }
}

/// This moment, as part of a request.
pub(crate) fn moment(trace: &TraceContext) -> Moment {
    Moment { at: clock::now(), traceparent: Some(trace.to_string()) }
}

/// The general part of the API's description.
pub(crate) fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Lodestone licensing")
        .description(Some(
            "Is it controlled? Applications and their cases, licences, and their use at the border.",
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// Every route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        // Anybody
        .service(workflow::read)
        .service(processing_times::read)
        .service(licences::verify::verify)
        .service(keys::list)
        .service(keys::compromise)
        .service(licences::document::status::list)
        // Is it controlled?
        .service(determinations::batch::determine_all)
        .service(determinations::batch::find_all)
        .service(determinations::determine)
        .service(determinations::find)
        // Applicants
        .service(applications::create)
        .service(applications::list)
        .service(applications::find)
        .service(applications::edit)
        .service(applications::complete::checklist)
        .service(applications::complete::first_time)
        .service(applications::submit)
        .service(applications::withdraw)
        .service(applications::reconsider)
        .service(cases::queries::list)
        .service(cases::queries::answer)
        // Their systems
        .service(changes::list)
        .service(webhooks::create)
        .service(webhooks::list)
        .service(webhooks::find)
        .service(webhooks::edit)
        .service(webhooks::remove)
        .service(webhooks::rotate)
        .service(webhooks::calls)
        .service(webhooks::replay)
        .service(documents::upload)
        .service(documents::list)
        .service(documents::download)
        .service(sealed::begin)
        .service(sealed::list)
        .service(sealed::revoke)
        // Foreign end users, who do not sign in
        .service(sealed::end_user::see)
        .service(sealed::end_user::open)
        .service(sealed::end_user::hand_in)
        .service(sealed::end_user::complete)
        .service(sealed::end_user::release)
        // Officials
        .service(queues::list)
        .service(queues::make)
        .service(queues::list_teams)
        .service(queues::make_team)
        .service(queues::set_members)
        .service(routing::list)
        .service(routing::make)
        .service(officers::list)
        .service(officers::enter_absence)
        .service(officers::absences)
        .service(officers::end_absence)
        .service(officers::declare_conflict)
        .service(cases::rules::read)
        .service(cases::queue::read)
        .service(cases::assignments::assign)
        .service(cases::find)
        .service(documents::list_for_officials)
        .service(documents::download_for_officials)
        .service(sealed::officials::list)
        .service(sealed::officials::read)
        .service(cases::act::act)
        // Licences
        .service(licences::list)
        // Before the licence itself, whose number would match their names too
        .service(licences::document::pdf)
        .service(licences::document::vc)
        .service(licences::find)
        // Customs
        .service(licences::usage::list)
        .service(licences::usage::reserve)
        .service(licences::usage::confirm)
        .service(licences::usage::release)
        .service(licences::amendments::amend)
        .service(licences::amendments::list)
        .service(licences::reconciliation::reconcile)
        .service(licences::reconciliation::list)
        .service(licences::arrivals::report)
        .service(licences::arrivals::list)
        // After those above: `{action}` would match `reservations` too
        .service(licences::act);
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    /// `UPDATE_EXPECT=1` writes the page anew.
    #[test]
    fn the_page_of_urls_is_the_table() {
        let api = service::openapi::describe(description(), routes);
        let page = format!(
            "# What can be asked: licensing\n\nRendered from its OpenAPI description, which it \
             serves at `/openapi.json` and, to browse,\nat `/docs/`.\n\n{}",
            service::openapi::markdown(&api)
        );
        expect_file!["../../../docs/urls-licensing.md"].assert_eq(&page);
    }
}
