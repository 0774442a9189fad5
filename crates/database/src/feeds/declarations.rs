//! Customs declarations as the customs hand them in.

use super::{Entry, HandedIn, Stored, StoredRow, in_one_order, outcomes, recorded_at, sql_version};
use crate::{
    Error, events,
    row::to_numeric,
    schema::{customs_declaration_lines, customs_declarations},
};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    identifiers::{CountryCode, HsCode, Uscc},
    ids::PersonId,
    money::Money,
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use std::collections::HashSet;
use uuid::Uuid;

/// Rows of lines that go into one statement: a statement has at most 65,535 parameters.
const LINES_AT_ONCE: usize = 5_000;

/// A version of a customs declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeclaration {
    /// Its own id.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// Which version.
    pub version: u16,
    /// Whether this version takes it back as a whole.
    pub is_void: bool,
    /// When it was made.
    pub declared_on: Date,
    /// Who exports.
    pub exporter: Uscc,
    /// Where it goes.
    pub destination: CountryCode,
    /// SHA-256 of the entry.
    pub content_hash: [u8; 32],
    /// What is declared.
    pub lines: Vec<NewDeclarationLine>,
}

/// A line of a customs declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeclarationLine {
    /// Its number on the declaration.
    pub line: i16,
    /// Its tariff code.
    pub hs_code: HsCode,
    /// Mass with packing.
    pub gross_grams: i64,
    /// Mass without.
    pub net_grams: i64,
    /// What it costs.
    pub value: Money,
    /// The licence it is exported under.
    pub licence: Option<String>,
}

/// Records declarations and answers, in their order, what became of each. All of it is durable, or
/// nothing.
pub async fn record(
    conn: &mut AsyncPgConnection,
    declarations: &[NewDeclaration],
    handed_in: &HandedIn,
) -> Result<Vec<Stored>, Error> {
    if declarations.is_empty() {
        return Ok(Vec::new());
    }
    conn.transaction(async |conn| {
        let new = insert(conn, declarations, handed_in).await?;
        let recorded: Vec<&NewDeclaration> =
            declarations.iter().filter(|declaration| new.contains(&declaration.id)).collect();
        insert_lines(conn, &recorded).await?;
        let told: Vec<(Uuid, Event)> = recorded
            .iter()
            .map(|it| {
                let (number, version) = (it.number.clone(), it.version);
                (it.id, Event::DeclarationRecorded { declaration: it.id, number, version })
            })
            .collect();
        events::append_all(conn, &handed_in.act, &told).await?;
        let numbers = declarations.iter().map(|declaration| &declaration.number);
        let stored: Vec<StoredRow> = customs_declarations::table
            .filter(customs_declarations::number.eq_any(numbers))
            .select((
                customs_declarations::id,
                customs_declarations::number,
                customs_declarations::version,
                customs_declarations::content_hash,
            ))
            .load(conn)
            .await?;
        let stored: Vec<Entry<'_>> = stored.iter().map(Entry::from).collect();
        let entries: Vec<Entry<'_>> = declarations.iter().map(NewDeclaration::entry).collect();
        Ok(outcomes(&entries, &stored))
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    declarations: &[NewDeclaration],
    handed_in: &HandedIn,
) -> Result<HashSet<Uuid>, Error> {
    let person = handed_in.act.person.map_or(Uuid::nil(), PersonId::as_uuid);
    let rows: Vec<_> = in_one_order(declarations, NewDeclaration::entry)
        .into_iter()
        .map(|it| {
            (
                customs_declarations::id.eq(it.id),
                customs_declarations::number.eq(&it.number),
                customs_declarations::version.eq(it.entry().version),
                customs_declarations::is_void.eq(it.is_void),
                customs_declarations::declared_on.eq(it.declared_on.to_diesel()),
                customs_declarations::exporter.eq(it.exporter.as_str()),
                customs_declarations::destination.eq(it.destination.as_str()),
                customs_declarations::content_hash.eq(&it.content_hash[..]),
                customs_declarations::office.eq(handed_in.office.as_uuid()),
                customs_declarations::person.eq(person),
                customs_declarations::recorded_at.eq(recorded_at(handed_in)),
            )
        })
        .collect();
    let new: Vec<Uuid> = diesel::insert_into(customs_declarations::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(customs_declarations::id)
        .get_results(conn)
        .await?;
    Ok(new.into_iter().collect())
}

async fn insert_lines(
    conn: &mut AsyncPgConnection,
    declarations: &[&NewDeclaration],
) -> Result<(), Error> {
    let lines: Vec<_> = declarations
        .iter()
        .flat_map(|it| it.lines.iter().map(move |line| (it.id, line)))
        .map(|(declaration, line)| {
            (
                customs_declaration_lines::declaration.eq(declaration),
                customs_declaration_lines::line.eq(line.line),
                customs_declaration_lines::hs_code.eq(line.hs_code.as_str()),
                customs_declaration_lines::gross_grams.eq(line.gross_grams),
                customs_declaration_lines::net_grams.eq(line.net_grams),
                customs_declaration_lines::value.eq(to_numeric(line.value.amount)),
                customs_declaration_lines::currency.eq(line.value.currency.to_string()),
                customs_declaration_lines::licence_number.eq(&line.licence),
            )
        })
        .collect();
    for lines in lines.chunks(LINES_AT_ONCE) {
        diesel::insert_into(customs_declaration_lines::table)
            .values(lines.to_vec())
            .execute(conn)
            .await?;
    }
    Ok(())
}

impl NewDeclaration {
    fn entry(&self) -> Entry<'_> {
        Entry {
            id: self.id,
            number: &self.number,
            version: sql_version(self.version),
            content_hash: &self.content_hash,
        }
    }
}
