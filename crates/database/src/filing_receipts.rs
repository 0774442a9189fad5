//! What a filing's receipt says, as it was stored with the filing.

use crate::{
    Error, act_for,
    row::Reader,
    schema::{filing_references, filings},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::FilingKind,
    ids::{FilingId, OrganisationId},
};
use jiff::Timestamp;

/// A filing as its receipt names it.
#[derive(Clone, Debug)]
pub struct Receipted {
    /// The filer's reference.
    pub reference: String,
    /// Which version of it.
    pub version: u16,
    /// What it was filed as.
    pub kind: FilingKind,
    /// The month it belongs to.
    pub month: Month,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// SHA-256 of the claim.
    pub content_hash: Vec<u8>,
}

/// One version of an organisation's filing; `None` where it has none with this id.
pub async fn find(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    filing: FilingId,
) -> Result<Option<Receipted>, Error> {
    type Columns = (String, i16, String, jiff_diesel::Date, jiff_diesel::Timestamp, Vec<u8>);
    let (owner, id) = (organisation.as_uuid(), filing.as_uuid());
    let row: Option<Columns> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            let on_version = filing_references::organisation
                .eq(filings::organisation)
                .and(filing_references::reference.eq(filings::reference))
                .and(filing_references::version.eq(filings::version));
            filings::table
                .inner_join(filing_references::table.on(on_version))
                .filter(filings::organisation.eq(owner))
                .filter(filings::id.eq(id))
                .select((
                    filings::reference,
                    filings::version,
                    filings::kind,
                    filings::month,
                    filings::recorded_at,
                    filing_references::content_hash,
                ))
                .first(conn)
                .await
                .optional()
                .map_err(Error::from)
        })
        .await?;
    let reader = Reader { table: "filings", id };
    row.map(|(reference, version, kind, month, recorded_at, content_hash)| {
        Ok(Receipted {
            reference,
            version: u16::try_from(version).map_err(|_| reader.corrupt("version"))?,
            kind: reader.word("kind", &kind)?,
            month: Month::of(month.to_jiff()),
            recorded_at: recorded_at.to_jiff(),
            content_hash,
        })
    })
    .transpose()
}
