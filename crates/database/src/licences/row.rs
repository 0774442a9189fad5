//! How a licence lies in its columns. What it says is read from the signed bytes alone.

use crate::{
    CorruptRow,
    row::Reader,
    schema::{licence_lines, licences},
};
use diesel::HasQuery;
use domain::{
    identifiers::HsCode,
    ids::{CaseId, LicenceId, OrganisationId},
    licence::{Balance, LicenceContent, LicenceState, SerialNumber, Standing, standing},
    regime::ControlCode,
};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

/// A licence with its lines and balances.
#[derive(Clone, Debug)]
pub struct LicenceRecord {
    /// Which.
    pub id: LicenceId,
    /// Its number.
    pub number: SerialNumber,
    /// The application it answers.
    pub case: CaseId,
    /// Who holds it.
    pub organisation: OrganisationId,
    /// How often its state was changed; its `ETag`.
    pub version: u32,
    /// Where it stands.
    pub state: LicenceState,
    /// Whether anything has left under it.
    pub shipped: bool,
    /// The application to change it, while one is pending.
    pub pending_change: Option<CaseId>,
    /// What it says.
    pub content: LicenceContent,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The bytes that were signed.
    pub signed_content: Vec<u8>,
    /// The key that signed them.
    pub signing_key: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// Its lines.
    pub lines: Vec<LicenceLineRecord>,
}

/// One line with what is left of it.
#[derive(Clone, Debug)]
pub struct LicenceLineRecord {
    /// From 1.
    pub line: u16,
    /// The item of the control list.
    pub control_code: ControlCode,
    /// The goods in words.
    pub description: String,
    /// Their tariff code.
    pub hs_code: Option<HsCode>,
    /// What is left.
    pub balance: Balance,
}

impl LicenceRecord {
    /// Whether nothing is left to be declared: used up, or a single licence that was used once.
    pub fn is_exhausted(&self) -> bool {
        let left: u64 = self.lines.iter().map(|line| line.balance.left_grams()).sum();
        let ended = self.shipped && self.content.kind == domain::regime::LicenceKind::Single;
        left == 0 || ended
    }

    /// What it is worth on a day.
    pub fn standing(&self, day: Date) -> Standing {
        standing(self.state, self.content.validity, self.is_exhausted(), self.pending_change, day)
    }
}

#[derive(HasQuery)]
#[diesel(table_name = licences)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct LicenceRow {
    pub(super) id: Uuid,
    number: String,
    case_id: Uuid,
    organisation: Uuid,
    version: i32,
    state: String,
    shipped: bool,
    issued_at: jiff_diesel::Timestamp,
    signed_content: Vec<u8>,
    signing_key: String,
    signature: Vec<u8>,
}

#[derive(HasQuery)]
#[diesel(table_name = licence_lines)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct LineRow {
    line: i16,
    control_code: String,
    description: String,
    hs_code: Option<String>,
    licensed_grams: i64,
    reserved_grams: i64,
    confirmed_grams: i64,
}

/// A licence's row, its lines, and the application to change it that is pending.
pub(super) type Rows = (LicenceRow, Vec<LineRow>, Option<Uuid>);

impl TryFrom<Rows> for LicenceRecord {
    type Error = CorruptRow;

    fn try_from((row, lines, pending_change): Rows) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "licences", id: row.id };
        let content = serde_json::from_slice(&row.signed_content);
        let lines = lines.into_iter().map(|line| parsed(row.id, line));
        Ok(Self {
            id: LicenceId::from_uuid(row.id),
            number: reader.word("number", &row.number)?,
            case: CaseId::from_uuid(row.case_id),
            organisation: OrganisationId::from_uuid(row.organisation),
            version: row.version.unsigned_abs(),
            state: reader.word("state", &row.state)?,
            shipped: row.shipped,
            pending_change: pending_change.map(CaseId::from_uuid),
            content: content.map_err(|_| reader.corrupt("signed_content"))?,
            issued_at: row.issued_at.into(),
            signed_content: row.signed_content,
            signing_key: row.signing_key,
            signature: row.signature,
            lines: lines.collect::<Result<_, _>>()?,
        })
    }
}

fn parsed(licence: Uuid, row: LineRow) -> Result<LicenceLineRecord, CorruptRow> {
    let reader = Reader { table: "licence_lines", id: licence };
    let grams = |column, grams: i64| u64::try_from(grams).map_err(|_| reader.corrupt(column));
    Ok(LicenceLineRecord {
        line: row.line.unsigned_abs(),
        control_code: ControlCode(row.control_code),
        description: row.description,
        hs_code: reader.optional_word("hs_code", row.hs_code.as_deref())?,
        balance: Balance {
            licensed_grams: grams("licensed_grams", row.licensed_grams)?,
            reserved_grams: grams("reserved_grams", row.reserved_grams)?,
            confirmed_grams: grams("confirmed_grams", row.confirmed_grams)?,
        },
    })
}
