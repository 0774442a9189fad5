//! What was applied for, decided, licensed and confirmed at customs, line by line, for statistics.
//! Read as the official role; what may be published of it is for [`domain::disclosure`] to say.

use crate::{CorruptRow, Error, act_for, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Date as SqlDate, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{calendar_month::Month, ids::CaseId, licensed::LicensingFact};
use uuid::Uuid;

/// A licence that takes another's place counts as licensed anew. Of goods that left while the line
/// was down, what the licence covers stands among the reservations, the rest among departures.
const FACTS: &str = "
    with period as (select $1 as first_day, ($2 + interval '1 month')::date as end_day,
        $1::timestamp at time zone 'Asia/Shanghai' as from_at,
        ($2 + interval '1 month')::timestamp at time zone 'Asia/Shanghai' as until_at),
    said as (
        select c.id as case_id, c.organisation, c.destination, c.submitted_at, line.value as line
        from lodestone.cases c
        cross join lateral jsonb_array_elements(
            case jsonb_typeof(c.content -> 'lines') when 'array' then c.content -> 'lines' else '[]' end) line
        where c.submitted_at is not null),
    used as (
        select r.licence, r.line, date_trunc('month', r.settled_at at time zone 'Asia/Shanghai')::date as month, r.grams
        from period join lodestone.licence_reservations r on r.state = 'confirmed'
            and r.settled_at >= period.from_at and r.settled_at < period.until_at
        union all
        select d.licence, d.line, date_trunc('month', d.departed_on)::date, d.excess_grams
        from period join lodestone.licence_departures d on d.licence is not null and d.excess_grams > 0
            and d.departed_on >= period.first_day and d.departed_on < period.end_day),
    happened as (
        select 'applied' as happened, date_trunc('month', s.submitted_at at time zone 'Asia/Shanghai')::date as month,
            s.organisation, s.case_id, s.line ->> 'control_code' as control_code, s.destination,
            ((s.line ->> 'quantity_kg')::numeric * 1000)::bigint as grams, s.line -> 'goods' as goods
        from period join said s on s.submitted_at >= period.from_at and s.submitted_at < period.until_at
        union all
        select e.state, date_trunc('month', e.occurred_on)::date, s.organisation, s.case_id,
            s.line ->> 'control_code', s.destination, ((s.line ->> 'quantity_kg')::numeric * 1000)::bigint,
            s.line -> 'goods'
        from period join lodestone.case_events e on e.action in ('countersign', 'confirm_refusal')
            and e.state in ('approved', 'refused')
            and e.occurred_on >= period.first_day and e.occurred_on < period.end_day
        join said s on s.case_id = e.case_id
        union all
        select 'licensed', date_trunc('month', l.issued_at at time zone 'Asia/Shanghai')::date, l.organisation, l.case_id,
            line.control_code, l.destination, line.licensed_grams, c.content #> array['lines', (line.line - 1)::text, 'goods']
        from period join lodestone.licences l on l.issued_at >= period.from_at and l.issued_at < period.until_at
        join lodestone.licence_lines line on line.licence = l.id
        join lodestone.cases c on c.id = l.case_id
        union all
        select 'exported', used.month, l.organisation, l.case_id, line.control_code, l.destination,
            sum(used.grams)::bigint, c.content #> array['lines', (line.line - 1)::text, 'goods']
        from used
        join lodestone.licences l on l.id = used.licence
        join lodestone.licence_lines line on line.licence = used.licence and line.line = used.line
        join lodestone.cases c on c.id = l.case_id
        group by used.month, l.id, line.licence, line.line, c.id)
    select h.happened, h.month, coalesce(o.group_id, o.id) as contributor, h.case_id,
        coalesce(h.control_code, '') as control_code, coalesce(h.destination, '') as destination,
        coalesce(h.grams, 0) as grams, h.goods
    from happened h join lodestone.organisations o on o.id = h.organisation
    limit $3";

#[derive(QueryableByName)]
struct FactRow {
    #[diesel(sql_type = Text)]
    happened: String,
    #[diesel(sql_type = SqlDate)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = SqlUuid)]
    contributor: Uuid,
    #[diesel(sql_type = SqlUuid)]
    case_id: Uuid,
    #[diesel(sql_type = Text)]
    control_code: String,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = BigInt)]
    grams: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    goods: Option<serde_json::Value>,
}

/// Everything that happened from one month to another, at most `limit`, in no order.
pub async fn facts(
    conn: &mut AsyncPgConnection,
    (from, until): (Month, Month),
    limit: i64,
) -> Result<Vec<LicensingFact>, Error> {
    let rows: Vec<FactRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[]).await?;
            diesel::sql_query(FACTS)
                .bind::<SqlDate, _>(jiff_diesel::Date::from(from.first_day()))
                .bind::<SqlDate, _>(jiff_diesel::Date::from(until.first_day()))
                .bind::<BigInt, _>(limit)
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    rows.into_iter().map(|row| fact(row).map_err(Error::from)).collect()
}

fn fact(row: FactRow) -> Result<LicensingFact, CorruptRow> {
    let reader = Reader { table: "cases", id: row.case_id };
    let goods = row.goods.filter(|goods| !goods.is_null()).map(serde_json::from_value);
    Ok(LicensingFact {
        happened: reader.word("happened", &row.happened)?,
        month: Month::of(row.month.to_jiff()),
        by: row.contributor,
        case: CaseId::from_uuid(row.case_id),
        control_code: row.control_code,
        destination: row.destination,
        grams: row.grams,
        goods: goods.transpose().map_err(|_| reader.corrupt("content"))?,
    })
}
