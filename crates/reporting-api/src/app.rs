//! What can be asked of the reporting API, on one screen.

use crate::{
    access_log, balances, dead_letters, epcis, feeds, filings, findings,
    identity::{
        catalogue, delegations, groups, invitations, keys, organisations, people, sessions,
    },
    log, lots, material, movements, notifications, quotas as quota_stands, regime,
    regime::{listed_parties, quotas},
    releases, returns, statistics, unmaskings,
};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_actix_web::service_config::ServiceConfig;

/// The general part of the API's description.
pub fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Lodestone reporting")
        .description(Some(
            "Producers report what they make, trade and hold; officials see it whole.",
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// Every route.
pub fn routes(config: &mut ServiceConfig) {
    config
        // Filings
        .service(filings::record)
        .service(filings::bulk::receive)
        .service(filings::bulk::mapping::find)
        .service(filings::bulk::mapping::set)
        .service(filings::bulk::reading::find)
        .service(filings::bulk::reading::verdicts)
        .service(filings::bulk::reading::rejected)
        .service(filings::bulk::annotated::annotated)
        .service(filings::templates::template)
        .service(filings::list)
        .service(filings::find)
        .service(filings::versions)
        .service(filings::receipt::show)
        .service(returns::list)
        .service(returns::prefill)
        .service(returns::file)
        // Events of GS1 EPCIS 2.0
        .service(epcis::capture::capture)
        .service(epcis::capture::find_job)
        .service(epcis::events::list)
        .service(epcis::events::find)
        .service(epcis::export::export)
        // What follows from them
        .service(movements::list)
        .service(movements::find)
        .service(movements::receipt::prefill)
        .service(movements::talk::explain)
        .service(movements::talk::answer)
        .service(movements::matching::show)
        .service(feeds::invoices::receive)
        .service(feeds::declarations::receive)
        .service(feeds::unmatched::list)
        .service(notifications::list)
        .service(notifications::mark_read)
        .service(balances::list)
        .service(material::list)
        .service(lots::trace)
        .service(quota_stands::list)
        .service(releases::publish)
        .service(releases::list)
        .service(releases::show)
        .service(statistics::table)
        // What is suspicious about them
        .service(findings::list)
        .service(findings::find)
        .service(findings::dispose)
        // Signing in
        .service(sessions::sign_in)
        .service(sessions::sign_out)
        .service(sessions::who_am_i)
        .service(sessions::change_me)
        // The register
        .service(organisations::register)
        .service(organisations::list)
        .service(organisations::find)
        .service(organisations::change)
        .service(organisations::close)
        .service(catalogue::add_site)
        .service(catalogue::sites)
        .service(catalogue::add_product)
        .service(catalogue::products)
        .service(groups::register)
        .service(groups::list)
        // People, and what they may do
        .service(people::list)
        .service(people::set_roles)
        .service(people::end_membership)
        .service(invitations::invite)
        .service(invitations::list)
        .service(invitations::accept)
        .service(delegations::delegate)
        .service(delegations::list)
        .service(delegations::revoke)
        .service(keys::create)
        .service(keys::list)
        .service(keys::revoke)
        // The law
        .service(regime::list_versions)
        .service(regime::import)
        .service(regime::diff)
        .service(regime::list_rows)
        .service(quotas::grant)
        .service(quotas::list)
        .service(listed_parties::enter)
        .service(listed_parties::end)
        .service(listed_parties::list)
        // What can be checked
        .service(access_log::list)
        .service(unmaskings::ask)
        .service(unmaskings::list)
        .service(unmaskings::find)
        .service(unmaskings::decide)
        .service(log::latest_checkpoint)
        .service(log::prove_inclusion)
        .service(log::prove_consistency)
        .service(log::list_leaves)
        // What went wrong
        .service(dead_letters::list)
        .service(dead_letters::replay);
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
            "# What can be asked: reporting-api\n\nRendered from its OpenAPI description, which it \
             serves at `/openapi.json` and, to browse,\nat `/docs/`.\n\n{}",
            service::openapi::markdown(&api)
        );
        expect_file!["../../../docs/urls-reporting-api.md"].assert_eq(&page);
    }
}
