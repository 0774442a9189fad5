//! The rows of one filing's own: its header, lines and postings, and what claims its reference.

use super::{
    FilingRow, FirstReceiptRow, IdempotencyRow, LineRow, PartyRow, PostingRow, ReferenceRow,
};
use crate::filing_writer::{Entry, numeric::Numeric};
use domain::{
    filing::{Claim, Filing, Line},
    ids::OrganisationId,
    posting::Posting,
};
use jiff::{Timestamp, civil::Date};

pub(in crate::filing_writer) fn reference_row(entry: &Entry) -> ReferenceRow {
    ReferenceRow {
        organisation: entry.filing.organisation.as_uuid(),
        reference: entry.filing.reference.clone(),
        version: entry.filing.version.cast_signed(),
        filing: entry.filing.id.as_uuid(),
        content_hash: entry.content_hash.to_vec(),
        recorded_in: None,
    }
}

pub(in crate::filing_writer) fn idempotency_row(entry: &Entry) -> Option<IdempotencyRow> {
    entry.idempotency.as_ref().map(|idempotency| IdempotencyRow {
        organisation: entry.filing.organisation.as_uuid(),
        key: idempotency.key.clone(),
        request_hash: idempotency.request_hash.to_vec(),
        subject: entry.filing.id.as_uuid(),
        answer: entry.answer.clone(),
        created_at: entry.filing.recorded_at,
    })
}

pub(in crate::filing_writer) fn first_receipt_row(entry: &Entry) -> Option<FirstReceiptRow> {
    entry.first_receipt.map(|first| FirstReceiptRow {
        organisation: entry.filing.organisation.as_uuid(),
        movement: first.movement.as_uuid(),
        reference: entry.filing.reference.clone(),
        filing: entry.filing.id.as_uuid(),
    })
}

pub(super) fn party(filing: &Filing) -> Option<PartyRow> {
    filing.claim.client().map(|client| PartyRow {
        organisation: filing.organisation.as_uuid(),
        id: client.party.as_uuid(),
        name: client.name.clone(),
        identifier: client.identifier.clone(),
        country: client.country.to_string(),
        party_organisation: client.organisation.map(OrganisationId::as_uuid),
    })
}

pub(super) fn filing_row(filing: &Filing) -> FilingRow {
    let client = filing.claim.client();
    let mut row = FilingRow {
        organisation: filing.organisation.as_uuid(),
        id: filing.id.as_uuid(),
        site: filing.site.as_uuid(),
        kind: filing.claim.kind().as_str(),
        reference: filing.reference.clone(),
        version: filing.version.cast_signed(),
        replaces: filing.correction.as_ref().map(|correction| correction.replaces.as_uuid()),
        correction_reason: filing.correction.as_ref().map(|correction| correction.reason.clone()),
        happened_at: filing.happened_at,
        recorded_at: filing.recorded_at,
        month: filing.month.first_day(),
        channel: filing.channel.as_str(),
        filed_by: filing.filed_by.as_uuid(),
        process: None,
        party: client.map(|client| client.party.as_uuid()),
        party_organisation: client
            .and_then(|client| client.organisation)
            .map(OrganisationId::as_uuid),
        movement: None,
        outcome: None,
        beyond: None,
        contract: None,
        invoice: None,
        licence_number: None,
        customs_declaration: None,
        country: None,
        nil: None,
    };
    match &filing.claim {
        Claim::Extraction | Claim::Stocktake => {}
        Claim::Transformation { process } => row.process = Some(process.as_str()),
        Claim::Dispatch { movement, contract, invoice, .. } => {
            row.movement = movement.map(domain::ids::MovementId::as_uuid);
            row.contract.clone_from(contract);
            row.invoice.clone_from(invoice);
        }
        Claim::Receipt { movement, outcome } => {
            row.movement = Some(movement.as_uuid());
            row.outcome = Some(outcome.as_str());
        }
        Claim::Collection { from, .. } => row.beyond = Some(from.as_str()),
        Claim::Import { declaration, origin, .. } => {
            row.customs_declaration = Some(declaration.clone());
            row.country = Some(origin.to_string());
        }
        Claim::Export { licence, declaration, destination, invoice, .. } => {
            row.licence_number.clone_from(licence);
            row.customs_declaration = Some(declaration.clone());
            row.country = Some(destination.to_string());
            row.invoice.clone_from(invoice);
        }
        Claim::Disposal { to } => row.beyond = Some(to.as_str()),
        Claim::MonthlyReturn { nil } => row.nil = Some(*nil),
    }
    row
}

pub(super) fn line_row(filing: &Filing, line: &Line) -> LineRow {
    let sigma = line.elements_sigma_mg;
    row!(
        LineRow {
            organisation: filing.organisation.as_uuid(),
            filing: filing.id.as_uuid(),
            line: line.number.cast_signed(),
            role: line.role.as_str(),
            lot: line.lot.map(domain::ids::LotId::as_uuid),
            lot_number: line.lot_number.clone(),
            product: line.product.map(domain::ids::ProductId::as_uuid),
            category: line.category.map(domain::codes::Category::as_str),
            hs_code: line.hs_code.as_ref().map(ToString::to_string),
            grade: line.grade.clone(),
            quantity_grams: line.quantity.grams_signed(),
            refused_grams: line.refused.grams_signed(),
            unit_price: line.unit_price.map(|price| Numeric(price.amount)),
            currency: line.unit_price.map(|price| price.currency.to_string()),
            sigma_mg: sigma.iter().any(|sigma| *sigma != 0).then(|| sigma.to_vec()),
            uncertainty_grams: Some(line.uncertainty.grams_signed()).filter(|grams| 0 < *grams)
        },
        line.elements
    )
}

/// A posting with the time it belongs to.
pub(super) struct Posted<'a> {
    pub(super) posting: &'a Posting,
    reversal: bool,
    happened_at: Timestamp,
    pub(super) month: Date,
}

/// Everything an entry posts: first what undoes the version before, then its own.
pub(super) fn posted(entry: &Entry) -> impl Iterator<Item = Posted<'_>> {
    let undone = entry.reversal.iter().flat_map(|reversal| {
        reversal.postings.iter().map(|posting| Posted {
            posting,
            reversal: true,
            happened_at: reversal.happened_at,
            month: reversal.month.first_day(),
        })
    });
    undone.chain(entry.postings.iter().map(|posting| Posted {
        posting,
        reversal: false,
        happened_at: entry.filing.happened_at,
        month: entry.filing.month.first_day(),
    }))
}

pub(super) fn posting_row(filing: &Filing, number: usize, posted: &Posted<'_>) -> PostingRow {
    let posting = posted.posting;
    row!(
        PostingRow {
            organisation: filing.organisation.as_uuid(),
            filing: filing.id.as_uuid(),
            posting: i16::try_from(number).unwrap_or(i16::MAX),
            line: posting.line.cast_signed(),
            reversal: posted.reversal,
            lot: posting.lot.map(domain::ids::LotId::as_uuid),
            from_kind: posting.from.kind.as_str(),
            from_key: posting.from.key,
            to_kind: posting.to.kind.as_str(),
            to_key: posting.to.key,
            happened_at: posted.happened_at,
            month: posted.month,
            gross_grams: posting.gross_grams
        },
        posting.elements
    )
}
