//! Licences that exports name, and what was filed under them.

use super::{
    ask::{Ask, Bind, Statement},
    filings::{self, Known},
};
use crate::Error;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    filing::{Claim, Filing},
    ids::{FilingId, LicenceId, OrganisationId},
};
use rules::{ExportStand, Goods, GoodsStatus, Law, LicenceLookup, LicenceStand, status_of};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

struct Licences;

impl Statement for Licences {
    const TEXT: &'static str = "
        select l.id, l.number, l.organisation, l.state, l.valid_from, l.valid_until, l.destination,
            l.end_user, coalesce(lines.codes, '{}') as codes, lines.grams
        from licences l
        cross join lateral (
            select array_agg(line.control_code) as codes, saturated(sum(line.licensed_grams)) as grams
            from licence_lines line where line.licence = l.id
        ) lines
        where l.number = any (?::text[])";
}

#[derive(QueryableByName)]
struct LicenceRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Date)]
    valid_from: jiff_diesel::Date,
    #[diesel(sql_type = Date)]
    valid_until: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = Text)]
    end_user: String,
    #[diesel(sql_type = Array<Text>)]
    codes: Vec<String>,
    #[diesel(sql_type = BigInt)]
    grams: i64,
}

/// Exports under licences that still stand.
struct Exports;

impl Statement for Exports {
    const TEXT: &'static str = "
        select f.organisation, f.id as filing
        from filings f
        where f.licence_number = any (?::text[]) and f.kind = 'export'
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)";
}

#[derive(QueryableByName)]
struct ExportRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
}

/// What customs confirmed, by licence and declaration.
struct Confirmed;

impl Statement for Confirmed {
    const TEXT: &'static str = "
        select r.licence, r.declaration, saturated(sum(r.grams)) as grams
        from licence_reservations r
        where r.licence = any (?::uuid[]) and r.declaration = any (?::text[]) and r.state = 'confirmed'
        group by 1, 2";
}

#[derive(QueryableByName)]
struct ConfirmedRow {
    #[diesel(sql_type = SqlUuid)]
    licence: Uuid,
    #[diesel(sql_type = Text)]
    declaration: String,
    #[diesel(sql_type = BigInt)]
    grams: i64,
}

/// The exports under a licence, with the numbers of the licences found.
struct LicenceNumber;

impl Statement for LicenceNumber {
    const TEXT: &'static str = "
        with numbers as (select l.number from licences l where l.id = any (?::uuid[]))
        select f.organisation, f.id as filing
        from numbers join filings f on f.licence_number = numbers.number and f.kind = 'export'
        where not exists (select from filing_references newer where newer.organisation = f.organisation
            and newer.reference = f.reference and newer.version = f.version + 1)";
}

/// The exports that name one of these licences and still stand.
pub(super) async fn exports_under(
    conn: &mut AsyncPgConnection,
    licences: &[LicenceId],
) -> Result<Vec<(OrganisationId, FilingId)>, Error> {
    let licences = licences.iter().map(|licence| licence.as_uuid()).collect();
    let rows: Vec<ExportRow> =
        Ask::<LicenceNumber>::with(vec![Bind::Uuids(licences)]).load(conn).await?;
    Ok(rows.into_iter().map(ExportRow::named).collect())
}

impl ExportRow {
    const fn named(self) -> (OrganisationId, FilingId) {
        (OrganisationId::from_uuid(self.organisation), FilingId::from_uuid(self.filing))
    }
}

/// What is known about those of these filings that are exports.
pub(super) async fn exports(
    conn: &mut AsyncPgConnection,
    known: &[Known],
    law: &Law,
) -> Result<HashMap<FilingId, ExportStand>, Error> {
    let named: Vec<(&Filing, Option<&str>, &str)> = known
        .iter()
        .filter_map(|it| match &it.filing.claim {
            Claim::Export { licence, declaration, .. } => {
                Some((&it.filing, licence.as_deref(), declaration.as_str()))
            }
            _ => None,
        })
        .collect();
    let numbers: BTreeSet<&str> = named.iter().filter_map(|(_, number, _)| *number).collect();
    let licences = licences(conn, &numbers).await?;
    let filed = filed_under(conn, &numbers, law).await?;
    let declarations: BTreeSet<&str> = named.iter().map(|(.., declaration)| *declaration).collect();
    let confirmed = confirmed(conn, &licences, &declarations).await?;
    let stands = named.into_iter().map(|(filing, number, declaration)| {
        let licence = match number {
            None => LicenceLookup::NotNamed,
            Some(number) => match licences.get(number) {
                None => LicenceLookup::Unknown { number: number.to_owned() },
                Some(licence) => {
                    let before =
                        filed.iter().filter(|it| it.number == number && it.filing < filing.id);
                    let key = (licence.licence.as_uuid(), declaration.to_owned());
                    LicenceLookup::Known(Box::new(LicenceStand {
                        filed_before_grams: before.fold(0, |sum, it| sum.saturating_add(it.grams)),
                        confirmed_grams: confirmed.get(&key).copied(),
                        ..licence.clone()
                    }))
                }
            },
        };
        (filing.id, ExportStand { goods: goods(filing, law), licence })
    });
    Ok(stands.collect())
}

async fn licences(
    conn: &mut AsyncPgConnection,
    numbers: &BTreeSet<&str>,
) -> Result<HashMap<String, LicenceStand>, Error> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    let rows: Vec<LicenceRow> =
        Ask::<Licences>::with(vec![Bind::Texts(numbers)]).load(conn).await?;
    let stands = rows.into_iter().map(|row| {
        let stand = LicenceStand {
            licence: LicenceId::from_uuid(row.id),
            number: row.number,
            holder: OrganisationId::from_uuid(row.organisation),
            state: row.state,
            valid_from: row.valid_from.into(),
            valid_until: row.valid_until.into(),
            destination: row.destination,
            end_user: row.end_user,
            codes: row.codes,
            licensed_grams: row.grams,
            filed_before_grams: 0,
            confirmed_grams: None,
        };
        (stand.number.clone(), stand)
    });
    Ok(stands.collect())
}

/// Mass that an export took from a licence.
struct Filed {
    number: String,
    filing: FilingId,
    grams: i64,
}

async fn filed_under(
    conn: &mut AsyncPgConnection,
    numbers: &BTreeSet<&str>,
    law: &Law,
) -> Result<Vec<Filed>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    let rows: Vec<ExportRow> = Ask::<Exports>::with(vec![Bind::Texts(numbers)]).load(conn).await?;
    let named: Vec<_> = rows.into_iter().map(ExportRow::named).collect();
    let exports = filings::load(conn, &named).await?;
    let filed = exports.into_iter().filter_map(|it| {
        let Claim::Export { licence: Some(number), .. } = &it.filing.claim else { return None };
        let licensable = goods(&it.filing, law)
            .into_iter()
            .filter(|goods| goods.status != GoodsStatus::NotControlled)
            .fold(0_i64, |sum, goods| sum.saturating_add(goods.grams));
        Some(Filed { number: number.clone(), filing: it.filing.id, grams: licensable })
    });
    Ok(filed.collect())
}

async fn confirmed(
    conn: &mut AsyncPgConnection,
    licences: &HashMap<String, LicenceStand>,
    declarations: &BTreeSet<&str>,
) -> Result<HashMap<(Uuid, String), i64>, Error> {
    if licences.is_empty() {
        return Ok(HashMap::new());
    }
    let binds = vec![
        Bind::Uuids(licences.values().map(|licence| licence.licence.as_uuid()).collect()),
        Bind::Texts(declarations.iter().map(|declaration| (*declaration).to_owned()).collect()),
    ];
    let rows: Vec<ConfirmedRow> = Ask::<Confirmed>::with(binds).load(conn).await?;
    Ok(rows.into_iter().map(|row| ((row.licence, row.declaration), row.grams)).collect())
}

/// Whether the goods of an export are controlled, line by line, as of its day.
fn goods(filing: &Filing, law: &Law) -> Vec<Goods> {
    let Claim::Export { destination, .. } = filing.claim else { return Vec::new() };
    let day = beijing_date(filing.happened_at);
    let goods = filing.lines.iter().map(|line| Goods {
        line: line.number,
        grams: line.quantity.grams_signed(),
        status: status_of(&law.regime, line, destination, day),
    });
    goods.collect()
}
