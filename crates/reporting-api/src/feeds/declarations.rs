//! `POST /v1/feeds/declarations`: customs declarations, handed in by the customs.

use super::{Desk, Faults, Feed, FeedAnswer, invoices::amount, take};
use crate::reading::ReadingPools;
use actix_web::{HttpRequest, post, web};
use database::{
    Connection,
    feeds::{
        HandedIn, Stored,
        declarations::{self, NewDeclaration, NewDeclarationLine},
    },
};
use domain::{
    identifiers::{CountryCode, CurrencyCode, HsCode, Uscc},
    mass::Kilograms,
    money::Money,
    regime::Regime,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    identity::Customs,
    problem::{Problem, ProblemDetails, Violation},
    regimes::Regimes,
    trace::TraceContext,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A version of a customs declaration.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarationForm {
    /// Its number.
    #[schema(example = "310120260000123456")]
    number: String,
    /// Which version: later ones take the place of earlier ones.
    #[serde(default = "first")]
    version: u16,
    /// Whether this version takes the declaration back.
    #[serde(default)]
    void: bool,
    /// When it was made.
    #[schema(value_type = String, example = "2026-10-05")]
    declared_on: Date,
    /// Who exports, by the unified social credit code.
    #[schema(value_type = String)]
    exporter: Uscc,
    /// Where it goes, as ISO 3166-1.
    #[schema(value_type = String, example = "DE")]
    destination: CountryCode,
    /// What is declared.
    #[serde(default)]
    lines: Vec<DeclarationLineForm>,
}

/// A line of a customs declaration.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarationLineForm {
    /// Its number on the declaration, from 1.
    line: u16,
    /// Its tariff code.
    #[schema(value_type = String, example = "8505111000")]
    hs_code: HsCode,
    /// Mass with packing.
    #[schema(value_type = String, example = "105.000")]
    gross_kg: Kilograms,
    /// Mass without.
    #[schema(value_type = String, example = "100.000")]
    net_kg: Kilograms,
    /// What it costs.
    #[schema(example = "41250.00")]
    value: String,
    /// In which currency (ISO 4217).
    #[schema(value_type = String, example = "CNY")]
    currency: CurrencyCode,
    /// The number of the licence it is exported under, if it needs one.
    #[serde(default)]
    licence: Option<String>,
}

const fn first() -> u16 {
    1
}

/// Hands in customs declarations of exports. It takes a customs officer.
///
/// A JSON array, or NDJSON with one declaration a line: at most 50,000 of at most 1 MiB each,
/// recorded as they arrive. Each has a verdict. A declaration is known by its number and version, so
/// no idempotency key is needed: the same again adds nothing. Suspicious declarations are recorded
/// like all others; only what cannot be read is refused.
#[utoipa::path(
    tag = "feeds",
    request_body(content = Vec<DeclarationForm>, description = "Or application/x-ndjson"),
    responses(
        (status = 200, body = FeedAnswer),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 415, body = ProblemDetails),
        (status = 503, body = ProblemDetails),
    )
)]
#[post("/v1/feeds/declarations")]
pub async fn receive(
    officer: Customs,
    pools: web::Data<ReadingPools>,
    regimes: web::Data<Regimes>,
    trace: TraceContext,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<web::Json<FeedAnswer>, Problem> {
    let desk = Desk { signed: &officer, pools: &pools, regimes: &regimes, trace };
    take::<Declarations>(&desk, &request, payload).await
}

struct Declarations;

impl Feed for Declarations {
    type Form = DeclarationForm;
    type New = NewDeclaration;

    fn check(
        form: DeclarationForm,
        hash: [u8; 32],
        _law: &Regime,
    ) -> Result<NewDeclaration, Vec<Violation>> {
        let mut faults = Faults::default();
        faults.text("/number", &form.number);
        faults.version(form.version);
        faults.lines(form.lines.len(), form.void);
        let (mut lines, mut numbers) = (Vec::new(), BTreeSet::new());
        for (index, line) in form.lines.into_iter().enumerate().take(super::LINES_LIMIT) {
            if !numbers.insert(line.line) {
                let pointer = format!("/lines/{index}/line");
                faults.add(
                    &pointer,
                    "duplicate_line",
                    "another line has this number",
                    "each number once",
                );
            }
            lines.extend(checked(&mut faults, index, line));
        }
        faults.done(Some(NewDeclaration {
            id: Uuid::now_v7(),
            number: form.number,
            version: form.version,
            is_void: form.void,
            declared_on: form.declared_on,
            exporter: form.exporter,
            destination: form.destination,
            content_hash: hash,
            lines,
        }))
    }

    fn name(new: &NewDeclaration) -> (&str, u16) {
        (&new.number, new.version)
    }

    async fn record(
        conn: &mut Connection,
        new: &[NewDeclaration],
        handed_in: &HandedIn,
    ) -> Result<Vec<Stored>, database::Error> {
        declarations::record(conn, new, handed_in).await
    }
}

fn checked(
    faults: &mut Faults,
    index: usize,
    line: DeclarationLineForm,
) -> Option<NewDeclarationLine> {
    let at = |member: &str| format!("/lines/{index}/{member}");
    let number = i16::try_from(line.line).ok().filter(|number| 0 < *number);
    if number.is_none() {
        faults.add(&at("line"), "out_of_range", "no line has this number", "1 to 32767");
    }
    if line.gross_kg.grams() < line.net_kg.grams() {
        faults.add(
            &at("gross_kg"),
            "gross_below_net",
            "the goods weigh less with their packing than without",
            "at least the net mass",
        );
    }
    let value = amount(&line.value);
    if value.is_none() {
        faults.add(
            &at("value"),
            "invalid_amount",
            "this is no amount",
            "a decimal number with at most four decimals, not negative",
        );
    }
    if let Some(licence) = &line.licence {
        faults.text(&at("licence"), licence);
    }
    Some(NewDeclarationLine {
        line: number?,
        hs_code: line.hs_code,
        gross_grams: line.gross_kg.grams_signed(),
        net_grams: line.net_kg.grams_signed(),
        value: Money { amount: value?, currency: line.currency },
        licence: line.licence,
    })
}
