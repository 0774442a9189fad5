//! What a batch is judged by, read while nobody else can change it.

use super::ReservationRequest;
use crate::{
    CorruptRow, Error,
    licences::{
        row::LicenceLineRecord,
        usage::{ReservationRecord, sql_line},
    },
    row::Reader,
};
use domain::{
    calendar_month::beijing_date,
    ids::{CaseId, LicenceId, OrganisationId, ReservationId},
    licence::{Balance, EarlierUse, LicenceContent, LicenceState, ReservationState, SerialNumber},
    regime::ControlCode,
};
use futures_util::{future::try_join_all, try_join};
use jiff::Timestamp;
use postgres_types::ToSql;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

/// What a declaration is known by: the licence and its line, the declaration and its line.
pub(super) type Key = (LicenceId, u16, String, u16);

/// A licence that is held.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: LicenceId,
    pub(super) organisation: OrganisationId,
    pub(super) state: LicenceState,
    pub(super) pending_change: Option<CaseId>,
    pub(super) content: Arc<LicenceContent>,
    pub(super) lines: Vec<LicenceLineRecord>,
    /// Declarations under which goods have left, where one shipment ends the licence.
    pub(super) left: Vec<String>,
    /// What was declared before and not released, where a condition looks back on it.
    pub(super) earlier: Vec<EarlierUse>,
}

/// A reservation that is there, and what it was of before it was ever amended.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) record: ReservationRecord,
    pub(super) first_grams: u64,
}

/// All that a batch is judged by.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) licences: HashMap<SerialNumber, Result<Open, CorruptRow>>,
    pub(super) before: HashMap<Key, Before>,
}

/// The statements that read it.
#[derive(Debug)]
pub(super) struct Reading {
    hold_licences: Statement,
    hold_lines: Statement,
    licences: Statement,
    before: Statement,
    left: Statement,
    earlier: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

const RESERVATION: &str =
    "r.id, r.licence, r.line, r.declaration, r.declaration_line, r.grams, r.state, r.reserved_at,
    r.settled_at, r.amendment, r.declared";

impl Reading {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let before = format!(
            "select {RESERVATION}, coalesce((select a.grams from reservation_amendments a where a.reservation = r.id
                 order by a.amendment limit 1), r.grams) as first_grams
             from unnest($1::text[], $2::smallint[], $3::text[], $4::smallint[]) w (number, line, declaration, declaration_line)
             join licences l on l.number = w.number
             join licence_reservations r on r.licence = l.id and r.line = w.line and r.declaration = w.declaration
                 and r.declaration_line = w.declaration_line"
        );
        Ok(Self {
            // In the order of their ids, as everybody who holds several.
            hold_licences: client
                .prepare("select id from licences where number = any ($1::text[]) order by id for share")
                .await?,
            hold_lines: client
                .prepare(
                    "select licence, line, control_code, description, hs_code, licensed_grams, reserved_grams, confirmed_grams
                     from licence_lines where licence in (select id from licences where number = any ($1::text[]))
                     order by licence, line for update of licence_lines",
                )
                .await?,
            licences: client
                .prepare(
                    "select l.id, l.number, l.organisation, l.state, l.shipped, l.signed_content, (select c.case_id
                         from licence_changes c where c.licence = l.id and c.ended_at is null) as pending
                     from licences l where l.number = any ($1::text[])",
                )
                .await?,
            before: client.prepare(&before).await?,
            left: client
                .prepare(
                    "select distinct declaration from licence_reservations where licence = $1 and state = 'confirmed'",
                )
                .await?,
            earlier: client
                .prepare(
                    "select declaration, line, grams, reserved_at from licence_reservations
                     where licence = $1 and state <> 'released' order by id",
                )
                .await?,
        })
    }

    /// Begins a transaction, holds the licences and their lines, and reads all that counts.
    ///
    /// Each statement sees what was committed when it begins, so those after the locks see the truth.
    pub(super) async fn begin_and_read(
        &self,
        client: &Client,
        requests: &[&ReservationRequest],
        contents: &mut HashMap<LicenceId, Arc<LicenceContent>>,
    ) -> Result<Known, Error> {
        let numbers: Vec<String> =
            requests.iter().map(|request| request.number.to_string()).collect();
        let distinct: Vec<String> =
            numbers.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let lines: Vec<i16> = requests.iter().map(|it| sql_line(it.wanted.line)).collect();
        let declarations: Vec<&str> =
            requests.iter().map(|it| it.wanted.declared.number.as_str()).collect();
        let declaration_lines: Vec<i16> =
            requests.iter().map(|it| sql_line(it.wanted.declaration_line)).collect();
        let held: Parameters = &[&distinct];
        let wanted: Parameters = &[&numbers, &lines, &declarations, &declaration_lines];
        // Sent together, in this order: one round trip.
        let ((), _, lines, licences, before) = try_join!(
            client.batch_execute("begin"),
            client.execute(&self.hold_licences, held),
            client.query(&self.hold_lines, held),
            client.query(&self.licences, held),
            client.query(&self.before, wanted),
        )?;
        let mut known = Known::default();
        for row in before {
            let first_grams = row.get::<_, i64>("first_grams").unsigned_abs();
            let record = reservation(&row)?;
            let key =
                (record.licence, record.line, record.declaration.clone(), record.declaration_line);
            known.before.insert(key, Before { record, first_grams });
        }
        let mut of_licence: HashMap<Uuid, Vec<Row>> = HashMap::new();
        for row in lines {
            of_licence.entry(row.get("licence")).or_default().push(row);
        }
        let mut shipped = Vec::new();
        for row in licences {
            let id: Uuid = row.get("id");
            let reader = Reader { table: "licences", id };
            let number: SerialNumber = reader.word("number", row.get("number"))?;
            let lines = of_licence.remove(&id).unwrap_or_default();
            if row.get("shipped") {
                shipped.push(number);
            }
            known.licences.insert(number, open(reader, &row, &lines, contents));
        }
        self.look_back(client, &shipped, &mut known).await?;
        Ok(known)
    }

    /// Reads what only some licences are judged by.
    async fn look_back(
        &self,
        client: &Client,
        shipped: &[SerialNumber],
        known: &mut Known,
    ) -> Result<(), Error> {
        let licences = known.licences.iter_mut().filter_map(|(number, open)| {
            let open = open.as_mut().ok()?;
            let looks_back =
                open.content.conditions.iter().any(|condition| condition.requirement.looks_back());
            let has_left = shipped.contains(number);
            (looks_back || has_left).then_some((open, looks_back, has_left))
        });
        let read = licences.map(async |(open, looks_back, has_left)| {
            let id = open.id.as_uuid();
            if has_left {
                let rows = client.query(&self.left, &[&id]).await?;
                open.left = rows.iter().map(|row| row.get(0)).collect();
            }
            if looks_back {
                let rows = client.query(&self.earlier, &[&id]).await?;
                open.earlier = rows.iter().map(earlier).collect();
            }
            Ok::<_, tokio_postgres::Error>(())
        });
        try_join_all(read).await?;
        Ok(())
    }
}

fn earlier(row: &Row) -> EarlierUse {
    EarlierUse {
        declaration: row.get("declaration"),
        line: row.get::<_, i16>("line").unsigned_abs(),
        grams: row.get::<_, i64>("grams").unsigned_abs(),
        day: beijing_date(row.get::<_, Timestamp>("reserved_at")),
    }
}

/// A licence as its row says, and what it says as was signed: read once, for it never changes.
fn open(
    reader: Reader,
    row: &Row,
    lines: &[Row],
    contents: &mut HashMap<LicenceId, Arc<LicenceContent>>,
) -> Result<Open, CorruptRow> {
    let id = LicenceId::from_uuid(reader.id);
    let content = if let Some(content) = contents.get(&id) {
        Arc::clone(content)
    } else {
        let content = serde_json::from_slice(row.get("signed_content"));
        let content: LicenceContent = content.map_err(|_| reader.corrupt("signed_content"))?;
        let content = Arc::new(content);
        contents.insert(id, Arc::clone(&content));
        content
    };
    Ok(Open {
        id,
        organisation: OrganisationId::from_uuid(row.get("organisation")),
        state: reader.word("state", row.get("state"))?,
        pending_change: row.get::<_, Option<Uuid>>("pending").map(CaseId::from_uuid),
        content,
        lines: lines.iter().map(|row| line(reader.id, row)).collect::<Result<_, _>>()?,
        left: Vec::new(),
        earlier: Vec::new(),
    })
}

fn line(licence: Uuid, row: &Row) -> Result<LicenceLineRecord, CorruptRow> {
    let reader = Reader { table: "licence_lines", id: licence };
    let grams = |column: &'static str| {
        u64::try_from(row.get::<_, i64>(column)).map_err(|_| reader.corrupt(column))
    };
    Ok(LicenceLineRecord {
        line: row.get::<_, i16>("line").unsigned_abs(),
        control_code: ControlCode(row.get("control_code")),
        description: row.get("description"),
        hs_code: reader.optional_word("hs_code", row.get("hs_code"))?,
        balance: Balance {
            licensed_grams: grams("licensed_grams")?,
            reserved_grams: grams("reserved_grams")?,
            confirmed_grams: grams("confirmed_grams")?,
        },
    })
}

fn reservation(row: &Row) -> Result<ReservationRecord, CorruptRow> {
    let id: Uuid = row.get("id");
    let reader = Reader { table: "licence_reservations", id };
    let state: ReservationState = reader.word("state", row.get("state"))?;
    let declared: Option<serde_json::Value> = row.get("declared");
    let declared = declared.map(serde_json::from_value).transpose();
    Ok(ReservationRecord {
        id: ReservationId::from_uuid(id),
        licence: LicenceId::from_uuid(row.get("licence")),
        line: row.get::<_, i16>("line").unsigned_abs(),
        declaration: row.get("declaration"),
        declaration_line: row.get::<_, i16>("declaration_line").unsigned_abs(),
        grams: row.get::<_, i64>("grams").unsigned_abs(),
        state,
        reserved_at: row.get("reserved_at"),
        settled_at: row.get("settled_at"),
        amendment: row.get::<_, i16>("amendment").unsigned_abs(),
        declared: declared.map_err(|_| reader.corrupt("declared"))?,
    })
}
