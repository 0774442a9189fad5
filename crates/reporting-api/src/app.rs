//! What can be asked of the reporting API, on one screen.

use crate::{balances, filings, movements};
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
        .service(filings::list)
        .service(filings::find)
        .service(filings::versions)
        // What follows from them
        .service(movements::list)
        .service(balances::list);
}
