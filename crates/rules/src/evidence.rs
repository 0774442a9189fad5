//! What findings rest on, as typed fields; each kind can say itself in a sentence.

use crate::{
    ArrivedOtherwise, BeyondLicence, BrokenBalance, DifferentDeclaration, DifferentInvoice,
    DifferentReceipt, DuplicateFiling, DuplicateInvoice, ExcessUse, ExportedWithoutLicence,
    FarPrice, JustUnder, ListedPartyMatch, NegativeStock, NotFiled, OreFed, QuotaOverrun,
};
use domain::regime::Sentence;
use serde::Serialize;

/// What a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the evidence of the detector that makes it")]
pub enum Evidence {
    NegativeStock(NegativeStock),
    BrokenBalance(BrokenBalance),
    QuotaOverrun(QuotaOverrun),
    DuplicateInvoice(DuplicateInvoice),
    DuplicateFiling(DuplicateFiling),
    FarPrice(FarPrice),
    DifferentReceipt(DifferentReceipt),
    DifferentInvoice(DifferentInvoice),
    DifferentDeclaration(DifferentDeclaration),
    ExportedWithoutLicence(ExportedWithoutLicence),
    BeyondLicence(BeyondLicence),
    OreFed(OreFed),
    ListedParty(ListedPartyMatch),
    JustUnder(JustUnder),
    ExcessUse(ExcessUse),
    NotFiled(NotFiled),
    ArrivedOtherwise(ArrivedOtherwise),
}

impl Evidence {
    /// One plain sentence in both languages.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::NegativeStock(evidence) => evidence.sentence(),
            Self::BrokenBalance(evidence) => evidence.sentence(),
            Self::QuotaOverrun(evidence) => evidence.sentence(),
            Self::DuplicateInvoice(evidence) => evidence.sentence(),
            Self::DuplicateFiling(evidence) => evidence.sentence(),
            Self::FarPrice(evidence) => evidence.sentence(),
            Self::DifferentReceipt(evidence) => evidence.sentence(),
            Self::DifferentInvoice(evidence) => evidence.sentence(),
            Self::DifferentDeclaration(evidence) => evidence.sentence(),
            Self::ExportedWithoutLicence(evidence) => evidence.sentence(),
            Self::BeyondLicence(evidence) => evidence.sentence(),
            Self::OreFed(evidence) => evidence.sentence(),
            Self::ListedParty(evidence) => evidence.sentence(),
            Self::JustUnder(evidence) => evidence.sentence(),
            Self::ExcessUse(evidence) => evidence.sentence(),
            Self::NotFiled(evidence) => evidence.sentence(),
            Self::ArrivedOtherwise(evidence) => evidence.sentence(),
        }
    }
}
