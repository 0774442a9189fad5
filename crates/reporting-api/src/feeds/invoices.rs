//! `POST /v1/feeds/invoices`: tax invoices, handed in by the tax authority.

use super::{Desk, Faults, Feed, FeedAnswer, take};
use crate::reading::ReadingPools;
use actix_web::{HttpRequest, post, web};
use database::{
    Connection,
    feeds::{
        HandedIn, Stored,
        invoices::{self, NewInvoice, NewInvoiceLine},
    },
};
use domain::{
    identifiers::{CurrencyCode, Uscc},
    mass::Kilograms,
    movement::MovementReference,
    regime::{GoodsOrigin, Regime},
};
use jiff::civil::Date;
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use service::{
    identity::TaxOfficer,
    problem::{Problem, ProblemDetails, Violation},
    regimes::Regimes,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Beyond it an amount cannot be kept.
const AMOUNT_LIMIT: Decimal = dec!(1_000_000_000_000);
const AMOUNT_DECIMALS: u32 = 4;

/// A version of a tax invoice.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceForm {
    /// Its number.
    #[schema(example = "24442000000012345678")]
    number: String,
    /// Which version: later ones take the place of earlier ones.
    #[serde(default = "first")]
    version: u16,
    /// Whether this version takes the invoice back as a whole.
    #[serde(default)]
    void: bool,
    /// The number of the invoice that this one, a credit note, takes back in part. Its quantities
    /// and amounts are written without a sign.
    #[serde(default)]
    credits: Option<String>,
    /// When it was issued.
    #[schema(value_type = String, example = "2026-10-05")]
    issued_on: Date,
    /// Who sold, by the unified social credit code.
    #[schema(value_type = String)]
    seller: Uscc,
    /// Who bought.
    #[schema(value_type = String)]
    buyer: Uscc,
    /// In which currency (ISO 4217).
    #[serde(default = "yuan")]
    #[schema(value_type = String, example = "CNY")]
    currency: CurrencyCode,
    /// The movements it says it is for, by their references.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    movements: Vec<MovementReference>,
    /// What was sold. Ore and separated products never stand in one invoice.
    #[serde(default)]
    lines: Vec<InvoiceLineForm>,
}

/// A line of a tax invoice.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceLineForm {
    /// The code of the goods in the catalogue: rows of the law of kind `invoice_goods`.
    #[schema(example = "separated.dy")]
    goods: String,
    /// How much, in oxide equivalent.
    #[schema(example = "1.250")]
    quantity: String,
    /// `kg` or `t`.
    #[schema(value_type = String, example = "t")]
    unit: Unit,
    /// What it costs, without tax.
    #[schema(example = "2000000.00")]
    amount: String,
}

/// The unit of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Unit {
    #[serde(rename = "kg")]
    Kilogram,
    #[serde(rename = "t")]
    Tonne,
}

const fn first() -> u16 {
    1
}

const fn yuan() -> CurrencyCode {
    CurrencyCode::CNY
}

/// Hands in tax invoices. It takes a tax officer of the tax authority.
///
/// A JSON array, or NDJSON with one invoice a line: at most 50,000 invoices of at most 1 MiB each,
/// recorded as they arrive. Each has a verdict. An invoice is known by its number and version, so
/// no idempotency key is needed: the same again adds nothing. Suspicious invoices are recorded like
/// all others; only what cannot be read is refused.
#[utoipa::path(
    tag = "feeds",
    request_body(content = Vec<InvoiceForm>, description = "Or application/x-ndjson"),
    responses(
        (status = 200, body = FeedAnswer),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 415, body = ProblemDetails),
        (status = 503, description = "No law is in force whose catalogue could be read", body = ProblemDetails),
    )
)]
#[post("/v1/feeds/invoices")]
pub async fn receive(
    officer: TaxOfficer,
    pools: web::Data<ReadingPools>,
    regimes: web::Data<Regimes>,
    trace: TraceContext,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<web::Json<FeedAnswer>, Problem> {
    let desk = Desk { signed: &officer, pools: &pools, regimes: &regimes, trace };
    take::<Invoices>(&desk, &request, payload).await
}

struct Invoices;

impl Feed for Invoices {
    type Form = InvoiceForm;
    type New = NewInvoice;

    fn check(
        form: InvoiceForm,
        hash: [u8; 32],
        law: &Regime,
    ) -> Result<NewInvoice, Vec<Violation>> {
        let mut faults = Faults::default();
        faults.text("/number", &form.number);
        faults.version(form.version);
        if let Some(credited) = &form.credits {
            faults.text("/credits", credited);
            if *credited == form.number {
                faults.add(
                    "/credits",
                    "own_number",
                    "it takes itself back",
                    "the number of another invoice, or `void`",
                );
            }
        }
        faults.lines(form.lines.len(), form.void);
        if super::LINES_LIMIT < form.movements.len() {
            faults.add("/movements", "out_of_range", "so many movements", "at most 1000");
        }
        let mut lines = Vec::new();
        for (index, line) in form.lines.iter().enumerate().take(super::LINES_LIMIT) {
            lines.extend(checked(&mut faults, index, line, form.issued_on, law));
        }
        let origin = |wanted| lines.iter().any(|line: &NewInvoiceLine| line.origin == wanted);
        if origin(GoodsOrigin::Ore) && origin(GoodsOrigin::Separated) {
            faults.add(
                "/lines",
                "mixed_goods",
                "ore and separated products in one invoice",
                "an invoice for each",
            );
        }
        let mut movements = form.movements;
        movements.sort_unstable();
        movements.dedup();
        faults.done(Some(NewInvoice {
            id: Uuid::now_v7(),
            number: form.number,
            version: form.version,
            is_void: form.void,
            credits: form.credits,
            issued_on: form.issued_on,
            seller: form.seller,
            buyer: form.buyer,
            currency: form.currency,
            content_hash: hash,
            lines,
            movements,
        }))
    }

    fn name(new: &NewInvoice) -> (&str, u16) {
        (&new.number, new.version)
    }

    async fn record(
        conn: &mut Connection,
        new: &[NewInvoice],
        handed_in: &HandedIn,
    ) -> Result<Vec<Stored>, database::Error> {
        invoices::record(conn, new, handed_in).await
    }
}

fn checked(
    faults: &mut Faults,
    index: usize,
    line: &InvoiceLineForm,
    day: Date,
    law: &Regime,
) -> Option<NewInvoiceLine> {
    let at = |member: &str| format!("/lines/{index}/{member}");
    let goods = law.invoice_goods(&line.goods, day);
    if goods.is_none() {
        faults.add(
            &at("goods"),
            "unknown_goods",
            "the catalogue has no such goods on that day",
            "a code of kind `invoice_goods`",
        );
    }
    let oxide = quantity(&line.quantity, line.unit);
    if oxide.is_none() {
        faults.add(
            &at("quantity"),
            "invalid_quantity",
            "this is no mass",
            "a decimal number, exact to the gram, at most 100000 t",
        );
    }
    let amount = amount(&line.amount);
    if amount.is_none() {
        faults.add(
            &at("amount"),
            "invalid_amount",
            "this is no amount",
            "a decimal number with at most four decimals, not negative",
        );
    }
    let goods = &goods?.value;
    Some(NewInvoiceLine {
        goods: line.goods.clone(),
        origin: goods.origin,
        element: goods.element,
        oxide_grams: oxide?.grams_signed(),
        amount: amount?,
    })
}

/// A mass in kilograms or tonnes, exact to the gram.
fn quantity(text: &str, unit: Unit) -> Option<Kilograms> {
    match unit {
        Unit::Kilogram => text.parse().ok(),
        Unit::Tonne => {
            let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
            let tonnes = Decimal::from_str_exact(text).ok().filter(|_| plain)?;
            tonnes.checked_mul(dec!(1_000))?.normalize().to_string().parse().ok()
        }
    }
}

/// An amount of money as it can be kept.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let amount = Decimal::from_str_exact(text).ok().filter(|_| plain)?.normalize();
    (amount <= AMOUNT_LIMIT && amount.scale() <= AMOUNT_DECIMALS).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_read_to_the_gram() {
        for (text, unit, grams) in [
            ("1.25", Unit::Tonne, Some(1_250_000)),
            ("0.000001", Unit::Tonne, Some(1)),
            ("0.0000001", Unit::Tonne, None),
            ("1250", Unit::Kilogram, Some(1_250_000)),
            ("-1", Unit::Tonne, None),
            ("1e3", Unit::Tonne, None),
            ("1,000", Unit::Kilogram, None),
            ("100000.000001", Unit::Tonne, None),
            ("79228162514264337593543950335", Unit::Tonne, None),
            ("", Unit::Tonne, None),
        ] {
            assert_eq!(quantity(text, unit).map(Kilograms::grams), grams, "{text}");
        }
    }

    #[test]
    fn an_amount_is_one_that_can_be_kept() {
        for (text, is) in [
            ("2000000.00", true),
            ("0", true),
            ("0.12345", false),
            ("-1", false),
            ("1000000000001", false),
            ("1e5", false),
            ("", false),
        ] {
            assert_eq!(amount(text).is_some(), is, "{text}");
        }
    }
}
