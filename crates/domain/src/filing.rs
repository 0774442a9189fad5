//! Filings: what a filer claims to have happened, parsed and well formed, whatever it says.
//!
//! A filing is immutable. A correction is a new version that reverses the postings of the one
//! before and posts its own. Whether a claim is *plausible* is judged elsewhere (`rules`).

use crate::{
    calendar_month::Month,
    codes::{Beyond, Category, Channel, FilingKind, LineRole, Outcome, Process},
    element::ELEMENT_COUNT,
    identifiers::{CountryCode, HsCode},
    ids::{FilingId, LotId, MovementId, OrganisationId, PartyId, PersonId, ProductId, SiteId},
    mass::{ElementMasses, Kilograms},
    money::Money,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One version of a filing.
#[derive(Clone, Debug, PartialEq)]
pub struct Filing {
    /// This version's own id.
    pub id: FilingId,
    /// Who files.
    pub organisation: OrganisationId,
    /// Where it happened.
    pub site: SiteId,
    /// The filer's own reference, unique within the organisation.
    pub reference: String,
    /// 1 for the first claim, one more for each correction.
    pub version: u16,
    /// What this version corrects, if it does.
    pub correction: Option<Correction>,
    /// When it happened, as claimed.
    pub happened_at: Timestamp,
    /// When it was recorded here.
    pub recorded_at: Timestamp,
    /// The month it belongs to.
    pub month: Month,
    /// How it reached us.
    pub channel: Channel,
    /// Who filed it.
    pub filed_by: PersonId,
    /// What is claimed.
    pub claim: Claim,
    /// The lines, in the filer's order.
    pub lines: Vec<Line>,
}

/// Why and what a version corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The version that is replaced.
    pub replaces: FilingId,
    /// The filer's reason.
    pub reason: String,
}

/// What a filing claims, by kind; masses are in its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Outputs were taken from nature.
    Extraction,
    /// Inputs became outputs and losses.
    Transformation {
        /// By which process.
        process: Process,
    },
    /// Items were sent to a client.
    Dispatch {
        /// Who bought.
        client: Client,
        /// The movement this starts, when the client files too.
        movement: Option<MovementId>,
        /// The contract it was sold under.
        contract: Option<String>,
        /// The invoice.
        invoice: Option<String>,
    },
    /// Items of a movement arrived.
    Receipt {
        /// The movement that ended here.
        movement: MovementId,
        /// How the goods were found.
        outcome: Outcome,
    },
    /// Outputs were collected from those who do not file.
    Collection {
        /// From whom.
        supplier: Client,
        /// What kind of source that is.
        from: Beyond,
    },
    /// Outputs came from abroad.
    Import {
        /// Who supplied them.
        supplier: Client,
        /// The customs declaration.
        declaration: String,
        /// Where they were shipped from.
        origin: CountryCode,
    },
    /// Items left the country.
    Export {
        /// Who uses them in the end.
        end_user: Client,
        /// The export licence, when one was needed.
        licence: Option<String>,
        /// The customs declaration.
        declaration: String,
        /// Where they go.
        destination: CountryCode,
        /// The invoice.
        invoice: Option<String>,
    },
    /// Stock was measured.
    Stocktake,
    /// Items left the chain.
    Disposal {
        /// Where to.
        to: Beyond,
    },
    /// The month is closed.
    MonthlyReturn {
        /// Nothing happened in it.
        nil: bool,
    },
}

/// A client, supplier or end user as the filer names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The filer's own id for it.
    pub party: PartyId,
    /// Its name as the filer writes it.
    pub name: String,
    /// USCC, LEI or registration number.
    pub identifier: Option<String>,
    /// Its country.
    pub country: CountryCode,
    /// Who that is, when it is registered here.
    pub organisation: Option<OrganisationId>,
}

/// One line of a filing.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// From 1.
    pub number: u16,
    /// What the line stands for.
    pub role: LineRole,
    /// The lot it is about; losses may have none.
    pub lot: Option<LotId>,
    /// The lot's number as its maker calls it, for a lot made here.
    pub lot_number: Option<String>,
    /// The product, for a lot made here.
    pub product: Option<ProductId>,
    /// What kind of goods.
    pub category: Option<Category>,
    /// Their customs code.
    pub hs_code: Option<HsCode>,
    /// Their trade grade, such as `N35` or `42SH`.
    pub grade: Option<String>,
    /// Gross mass.
    pub quantity: Kilograms,
    /// Gross mass that the receiver refused; zero but for receipts.
    pub refused: Kilograms,
    /// One standard uncertainty of the weighing (JCGM 100:2008, 2.3.1); zero where none was stated.
    pub uncertainty: Kilograms,
    /// Rare earths in `quantity`.
    pub elements: ElementMasses,
    /// One standard deviation of `elements`, where it was stated.
    pub elements_sigma_mg: [i64; ELEMENT_COUNT],
    /// Price per kilogram.
    pub unit_price: Option<Money>,
}

impl Claim {
    /// The kind it is filed as.
    pub const fn kind(&self) -> FilingKind {
        match self {
            Self::Extraction => FilingKind::Extraction,
            Self::Transformation { .. } => FilingKind::Transformation,
            Self::Dispatch { .. } => FilingKind::Dispatch,
            Self::Receipt { .. } | Self::Collection { .. } => FilingKind::Receipt,
            Self::Import { .. } => FilingKind::Import,
            Self::Export { .. } => FilingKind::Export,
            Self::Stocktake => FilingKind::Stocktake,
            Self::Disposal { .. } => FilingKind::Disposal,
            Self::MonthlyReturn { .. } => FilingKind::MonthlyReturn,
        }
    }

    /// The other side of the trade, where there is one.
    pub const fn client(&self) -> Option<&Client> {
        match self {
            Self::Dispatch { client, .. } => Some(client),
            Self::Collection { supplier, .. } | Self::Import { supplier, .. } => Some(supplier),
            Self::Export { end_user, .. } => Some(end_user),
            _ => None,
        }
    }
}

impl Filing {
    /// The lots that a transformation made from others: every input is a parent of every output,
    /// once, however many lines it came in.
    pub fn lot_edges(&self) -> BTreeSet<(LotId, LotId)> {
        let lots = |role| self.lines.iter().filter(move |l| l.role == role).filter_map(|l| l.lot);
        lots(LineRole::Input)
            .flat_map(|input| lots(LineRole::Output).map(move |output| (input, output)))
            .filter(|(input, output)| input != output)
            .collect()
    }
}
