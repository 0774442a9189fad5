//! Was the same thing filed, or the same invoice used, twice?

use crate::{
    Abstention, Evidence, FilingContext, LineDigest, OtherFiling, Outcome, Subject,
    finding::Opinion,
};
use domain::{
    calendar_month::Month,
    codes::Severity,
    filing::{Claim, Filing},
    ids::FilingId,
    regime::Sentence,
};
use serde::Serialize;

/// One of two filings that share what should be one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SameFiling {
    /// Which.
    pub filing: FilingId,
    /// Its reference.
    pub reference: String,
}

/// An invoice number that stands for more than one sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DuplicateInvoice {
    /// The number.
    pub invoice: String,
    /// The filing's own reference.
    pub reference: String,
    /// Whether the other sale was to somebody else.
    pub other_client: bool,
    /// The earlier filings that name it.
    pub others: Vec<SameFiling>,
}

/// A filing that says what another one said before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DuplicateFiling {
    /// The filing's own reference.
    pub reference: String,
    /// The earlier filings that say the same.
    pub others: Vec<SameFiling>,
}

/// Flags an invoice number that an earlier sale already used.
///
/// Typology 16. One invoice for several deliveries to one client is ordinary: then only the same
/// lot in the same quantity counts. To another client it always does. Earlier filings without
/// lines say nothing: abstains.
pub(crate) fn invoice(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    let Some(invoice) = invoice_of(filing) else { return Vec::new() };
    let lines = LineDigest::of(filing);
    let party = filing.claim.client().map(|client| client.party);
    let other_client = |other: &OtherFiling| other.party != party;
    let repeats = |other: &OtherFiling| {
        other.lines.iter().any(|line| line.lot.is_some() && lines.contains(line))
    };
    let same: Vec<&OtherFiling> =
        context.same_invoice.iter().filter(|other| other_client(other) || repeats(other)).collect();
    let unreadable = lines.is_empty() || context.same_invoice.iter().any(|o| o.lines.is_empty());
    let outcome = if same.is_empty() && unreadable && !context.same_invoice.is_empty() {
        Outcome::Abstained(Abstention::NothingToCompare)
    } else if same.is_empty() {
        Outcome::Clean
    } else {
        let to_another = same.iter().any(|other| other_client(other));
        let severity = if to_another { Severity::Alert } else { Severity::Warning };
        let evidence = DuplicateInvoice {
            invoice: invoice.to_owned(),
            reference: filing.reference.clone(),
            other_client: to_another,
            others: same.into_iter().map(SameFiling::from).collect(),
        };
        Outcome::Found((severity, Evidence::DuplicateInvoice(evidence)))
    };
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

/// Flags a filing that says the same as an earlier one under another reference.
///
/// Typology 16, or a machine that sent twice. Same kind, site, moment, party and terms, and the
/// same lots in the same quantities. Filings without lots cannot be told apart by them: abstains.
pub(crate) fn filing(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    let lines = LineDigest::of(filing);
    let (party, terms) = (filing.claim.client().map(|client| client.party), terms(filing));
    let says_the_same =
        |other: &&OtherFiling| other.party == party && other.terms == terms && other.lines == lines;
    let same: Vec<SameFiling> =
        context.same_moment.iter().filter(says_the_same).map(SameFiling::from).collect();
    let outcome = if same.is_empty() {
        Outcome::Clean
    } else if !matches!(filing.claim, Claim::MonthlyReturn { .. })
        && lines.iter().all(|line| line.lot.is_none())
    {
        Outcome::Abstained(Abstention::NothingToCompare)
    } else {
        let evidence = DuplicateFiling { reference: filing.reference.clone(), others: same };
        Outcome::Found((Severity::Warning, Evidence::DuplicateFiling(evidence)))
    };
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

/// The invoice a filing names.
pub fn invoice_of(filing: &Filing) -> Option<&str> {
    match &filing.claim {
        Claim::Dispatch { invoice, .. } | Claim::Export { invoice, .. } => invoice.as_deref(),
        _ => None,
    }
}

/// What must be equal, beside party and lines, for two filings to say the same.
pub fn terms(filing: &Filing) -> String {
    match &filing.claim {
        Claim::Receipt { movement, .. } => movement.to_string(),
        Claim::MonthlyReturn { nil } => terms_of_return(filing.month, *nil),
        Claim::Export { declaration, .. } | Claim::Import { declaration, .. } => {
            declaration.clone()
        }
        Claim::Transformation { process } => process.to_string(),
        _ => String::new(),
    }
}

/// What must be equal for two monthly returns to say the same.
pub fn terms_of_return(month: Month, nil: bool) -> String {
    format!("{month} nil={nil}")
}

impl From<&OtherFiling> for SameFiling {
    fn from(other: &OtherFiling) -> Self {
        Self { filing: other.filing, reference: other.reference.clone() }
    }
}

fn references(others: &[SameFiling]) -> (String, String) {
    let names: Vec<&str> = others.iter().take(5).map(|other| other.reference.as_str()).collect();
    (names.join("、"), names.join(", "))
}

impl DuplicateInvoice {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { invoice, reference, .. } = self;
        let (zh, en) = references(&self.others);
        if self.other_client {
            return Sentence::new(
                format!("发票 {invoice} 用于 {reference}，此前已用于另一客户的 {zh}。"),
                format!(
                    "Invoice {invoice} of {reference} was used before for another client, in {en}."
                ),
            );
        }
        Sentence::new(
            format!("发票 {invoice} 在 {reference} 中重复了 {zh} 的相同批次和数量。"),
            format!("Invoice {invoice} repeats in {reference} the lots and quantities of {en}."),
        )
    }
}

impl DuplicateFiling {
    pub(crate) fn sentence(&self) -> Sentence {
        let (zh, en) = references(&self.others);
        Sentence::new(
            format!("申报 {} 与此前的 {zh} 内容相同。", self.reference),
            format!("{} says the same as {en} before it.", self.reference),
        )
    }
}
