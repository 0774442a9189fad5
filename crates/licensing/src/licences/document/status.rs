//! Which licences are revoked or suspended, as Bitstring Status Lists (W3C): one bit for each licence
//! of a year, so that whoever checks one does not tell which.

use super::{
    base,
    credential::{contexts, issuer},
};
use crate::app::{self, App};
use actix_web::{HttpRequest, HttpResponse, get, web};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use database::licences::{self, Withdrawn};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use serde_json::json;
use service::{
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::io::Write;
use utoipa::IntoParams;

/// One bit for every serial number of a year.
const BITS: usize = 1_000_000;
/// How long a list may be kept, in milliseconds.
const TTL_MILLISECONDS: u32 = 300_000;

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For good.
    Revocation,
    /// For now.
    Suspension,
}

impl Purpose {
    pub(super) const ALL: [Self; 2] = [Self::Revocation, Self::Suspension];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
        }
    }
}

/// Which list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `revocation` or `suspension`; revocation unless said.
    purpose: Option<String>,
    /// The year of the licences' numbers; the present one unless said.
    year: Option<u16>,
}

/// Where a list is read.
pub(super) fn list_url(base: &str, purpose: Purpose, year: u16) -> String {
    format!("{base}/v1/status-list?purpose={}&year={year}", purpose.as_str())
}

/// Which licences of a year are revoked, or suspended: a `BitstringStatusListCredential`, secured as
/// a JWT. The index of a licence is the serial of its number. For anybody.
#[utoipa::path(
    tag = "public", security(()),
    params(ListQuery),
    responses(
        (status = 200, description = "The list", content_type = "application/vc+jwt", body = String),
        (status = 400, body = ProblemDetails),
    )
)]
#[get("/v1/status-list")]
pub(crate) async fn list(
    app: web::Data<App>,
    trace: TraceContext,
    request: HttpRequest,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let purpose = known(query.purpose.as_deref())?;
    let year = query.year.unwrap_or_else(|| moment.today().year().unsigned_abs());
    let mut conn = app.connection().await?;
    let withdrawn = licences::withdrawn(&mut conn, year).await?;
    let url = list_url(&base(&request), purpose, year);
    let credential = json!({
        "@context": contexts(),
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer(&app.signer),
        "validFrom": moment.at.to_string(),
        "credentialSubject": {
            "id": format!("{url}#list"),
            "type": "BitstringStatusList",
            "statusPurpose": purpose.as_str(),
            "encodedList": encoded(&withdrawn, purpose)?,
            "ttl": TTL_MILLISECONDS,
        },
    });
    let bytes = serde_json::to_vec(&credential).map_err(anyhow::Error::from)?;
    let jws = app.signer.compact_jws("vc+jwt", &bytes);
    Ok(HttpResponse::Ok().content_type("application/vc+jwt").body(jws))
}

fn known(purpose: Option<&str>) -> Result<Purpose, Problem> {
    let wanted = purpose.unwrap_or(Purpose::Revocation.as_str());
    Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == wanted).ok_or_else(|| {
        Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: "purpose".into() },
            code: "unknown_purpose".into(),
            detail: "there is no such list".to_owned(),
            expected: Some("revocation or suspension".to_owned()),
        }))
    })
}

/// The bits, the first one leftmost, compressed, in multibase's base64url.
fn encoded(withdrawn: &[Withdrawn], purpose: Purpose) -> anyhow::Result<String> {
    let mut bits = vec![0_u8; BITS / 8];
    for licence in withdrawn {
        let concerns = match purpose {
            Purpose::Revocation => licence.for_good,
            Purpose::Suspension => !licence.for_good,
        };
        let index = usize::try_from(licence.number.serial())?;
        if concerns && let Some(byte) = bits.get_mut(index / 8) {
            *byte |= 0x80 >> (index % 8);
        }
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&bits)?;
    Ok(format!("u{}", BASE64_URL_SAFE_NO_PAD.encode(gzip.finish()?)))
}
