//! Double-entry accounting of matter: every filing line moves mass from one account to another.
//!
//! [`postings`] is the whole of it. For each filing it conserves exactly: a transformation's
//! `process` account is empty again when the filing is written, because what its outputs and
//! losses do not explain is posted too — elements to or from `unaccounted`, the rest of the gross
//! mass to or from `other_matter`. Suspicion starts from those two; nothing is refused for them.

use crate::{
    codes::{AccountKind, Beyond, LineRole},
    filing::{Claim, Filing, Line},
    ids::{FilingId, LotId, MovementId, SiteId},
    mass::ElementMasses,
};
use uuid::Uuid;

/// Where matter is, or is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// What kind of place.
    pub kind: AccountKind,
    /// Which one: a site, a movement or, for `process`, the filing.
    pub key: Uuid,
}

/// One movement of matter between two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The line it comes from; 0 for what closes a transformation.
    pub line: u16,
    /// Which lot moved.
    pub lot: Option<LotId>,
    /// Where from.
    pub from: Account,
    /// Where to.
    pub to: Account,
    /// Gross mass; never negative.
    pub gross_grams: i64,
    /// Rare earths in it; never negative.
    pub elements: ElementMasses,
}

impl Posting {
    /// The posting that undoes this one, as a correction needs it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { from: self.to, to: self.from, ..self }
    }
}

/// All postings of one filing, in line order.
pub fn postings(filing: &Filing) -> Vec<Posting> {
    let site = Account::of_site(AccountKind::Site, filing.site);
    let beyond = |kind| Account::of_site(kind, filing.site);
    let process = Account::of_filing(filing.id);
    let between = |line: &Line, from, to| Posting {
        line: line.number,
        lot: line.lot,
        from,
        to,
        gross_grams: line.quantity.grams_signed(),
        elements: line.elements,
    };
    let simple = |from, to| filing.lines.iter().map(|line| between(line, from, to)).collect();
    match &filing.claim {
        Claim::Extraction => simple(beyond(AccountKind::Nature), site),
        Claim::Import { .. } => simple(beyond(AccountKind::Abroad), site),
        Claim::Export { .. } => simple(site, beyond(AccountKind::Abroad)),
        Claim::Dispatch { movement: Some(movement), .. } => {
            simple(site, Account::of_movement(*movement))
        }
        Claim::Dispatch { movement: None, .. } => simple(site, beyond(AccountKind::DomesticUse)),
        Claim::Receipt { movement, .. } => simple(Account::of_movement(*movement), site),
        Claim::Collection { from, .. } => simple(beyond(from.account()), site),
        Claim::Disposal { to } => simple(site, beyond(to.account())),
        // A measurement moves nothing, and neither does closing a month.
        Claim::Stocktake | Claim::MonthlyReturn { .. } => Vec::new(),
        Claim::Transformation { .. } => {
            let mut postings: Vec<Posting> = filing
                .lines
                .iter()
                .map(|line| match line.role {
                    LineRole::Input => between(line, site, process),
                    LineRole::Loss => between(line, process, beyond(AccountKind::ProcessLoss)),
                    _ => between(line, process, site),
                })
                .collect();
            postings.extend(closing(filing.site, process, &postings));
            postings
        }
    }
}

/// What brings the process account back to nothing.
fn closing(site: SiteId, process: Account, postings: &[Posting]) -> Vec<Posting> {
    let (mut gross, mut elements) = (0_i64, ElementMasses::ZERO);
    for posting in postings {
        if posting.to == process {
            gross += posting.gross_grams;
            elements = elements.plus(&posting.elements);
        } else {
            gross -= posting.gross_grams;
            elements = elements.minus(&posting.elements);
        }
    }
    let unaccounted = Account::of_site(AccountKind::Unaccounted, site);
    let other_matter = Account::of_site(AccountKind::OtherMatter, site);
    let line = |from, to, gross_grams, elements| Posting {
        line: 0,
        lot: None,
        from,
        to,
        gross_grams,
        elements,
    };
    [
        // The elements' own weight is part of the gross difference, so only one of the two
        // accounts may carry it: gross mass goes to `other_matter`, element masses here.
        line(process, unaccounted, 0, elements.surplus()),
        line(unaccounted, process, 0, elements.deficit()),
        line(process, other_matter, gross.max(0), ElementMasses::ZERO),
        line(other_matter, process, (-gross).max(0), ElementMasses::ZERO),
    ]
    .into_iter()
    .filter(|posting| posting.gross_grams != 0 || !posting.elements.is_zero())
    .collect()
}

impl Account {
    /// An account kept per site.
    pub const fn of_site(kind: AccountKind, site: SiteId) -> Self {
        Self { kind, key: site.as_uuid() }
    }

    /// Goods under way.
    pub const fn of_movement(movement: MovementId) -> Self {
        Self { kind: AccountKind::InTransit, key: movement.as_uuid() }
    }

    /// A transformation while it is written down.
    pub const fn of_filing(filing: FilingId) -> Self {
        Self { kind: AccountKind::Process, key: filing.as_uuid() }
    }
}

impl Beyond {
    const fn account(self) -> AccountKind {
        match self {
            Self::DomesticUse => AccountKind::DomesticUse,
            Self::EndOfLife => AccountKind::EndOfLife,
            Self::Waste => AccountKind::Waste,
            Self::Seized => AccountKind::Seized,
        }
    }
}
