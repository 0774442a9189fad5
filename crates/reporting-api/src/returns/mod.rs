//! Monthly returns: where each stands, what the books already say, and filing one in one call.
//!
//! A return is a filing of kind `monthly_return` like any other and goes over the same desk; here
//! it is only made easy. Nothing said here rests on what officials suspect.

mod books;
mod filing;
mod standing;
mod view;

pub use books::prefill;
pub use filing::file;
pub use standing::list;

use database::{Connection, registry};
use domain::ids::OrganisationId;
use service::problem::Problem;

/// Sites of one organisation that returns are shown for.
const SITES_LIMIT: u16 = 500;

async fn sites_of(
    conn: &mut Connection,
    organisation: OrganisationId,
) -> Result<Vec<registry::Site>, Problem> {
    Ok(registry::sites(conn, organisation, "", SITES_LIMIT).await?)
}
