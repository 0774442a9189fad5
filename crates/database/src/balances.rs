//! What each account holds, month by month: a cache over postings, and its check.
//!
//! The cache of flows (`monthly_flows`) and that of material balances are checked and rebuilt
//! together with it.

use crate::{
    Error, Target, act_for, material_balances,
    row::{ElementColumns, Reader, element_columns, masses},
    schema::{account_balances, sites},
};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, QueryableByName, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::{
    calendar_month::Month, codes::AccountKind, element::Element, ids::OrganisationId,
    mass::ElementMasses,
};
use std::fmt::Write;

/// What one account of a site gained or lost in a month.
#[derive(Clone, Debug)]
pub struct SiteMonth {
    /// The site's code.
    pub site: String,
    /// The account.
    pub account: AccountKind,
    /// The month.
    pub month: Month,
    /// Net gross mass in grams; negative when more left than came.
    pub net_grams: i64,
    /// Net rare earths.
    pub net_elements: ElementMasses,
}

/// A place where the books contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Contradiction {
    /// What is wrong: `cache_differs`, `flow_differs`, `process_not_empty`, `line_not_posted`,
    /// `site_month_differs` or `material_balance_differs`.
    #[diesel(sql_type = sql_types::Text)]
    pub what: String,
    /// Which account and month, or which filing.
    #[diesel(sql_type = sql_types::Text)]
    pub place: String,
}

/// What every account of an organisation's sites gained or lost, by site, account and month.
pub async fn by_site_and_month(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    from: Month,
    until: Month,
) -> Result<Vec<SiteMonth>, Error> {
    type Columns = (String, String, jiff_diesel::Date, i64, ElementColumns);
    let rows: Vec<Columns> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            account_balances::table
                .inner_join(sites::table.on(sites::id.eq(account_balances::key)))
                .filter(account_balances::organisation.eq(organisation.as_uuid()))
                .filter(account_balances::month.ge(jiff_diesel::Date::from(from.first_day())))
                .filter(account_balances::month.le(jiff_diesel::Date::from(until.first_day())))
                .order((sites::code, account_balances::month, account_balances::kind))
                .select((
                    sites::code,
                    account_balances::kind,
                    account_balances::month,
                    account_balances::gross_grams,
                    element_columns!(account_balances),
                ))
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    let reader = Reader { table: "account_balances", id: organisation.as_uuid() };
    rows.into_iter()
        .map(|(site, kind, month, net_grams, elements)| {
            Ok(SiteMonth {
                site,
                account: reader.word("kind", &kind)?,
                month: Month::of(month.to_jiff()),
                net_grams,
                net_elements: masses(elements),
            })
        })
        .collect()
}

/// Compares the books with themselves, as the owner: the cache with the sum of its postings, and
/// every transformation's process account with nothing. Answers at most `most` contradictions.
pub async fn check(target: &Target, most: u32) -> anyhow::Result<Vec<Contradiction>> {
    let mut conn = AsyncPgConnection::establish(target.owner_url()).await?;
    let differs =
        columns(|column| format!("cached.{column} is distinct from summed.{column}")).join(" or ");
    // A flow of which everything was taken back stays as a row of nothing.
    let flow_differs =
        columns(|column| format!("coalesce(cached.{column}, 0) <> coalesce(summed.{column}, 0)"))
            .join(" or ");
    let not_empty = columns(|column| {
        format!("sum(case when to_kind = 'process' then {column} else -{column} end) <> 0")
    })
    .join(" or ");
    let summed = summed_postings();
    let statement = format!(
        "select 'cache_differs' as what,
                concat_ws(' ', organisation, kind, key, month) as place
         from ({summed}) summed full join account_balances cached using (organisation, kind, key, month)
         where {differs}
         union all
         select 'flow_differs', concat_ws(' ', organisation, month, flow, process, category, country, site)
         from summed_flows() summed full join monthly_flows cached
             using (organisation, month, flow, process, category, country, site)
         where {flow_differs}
         union all
         select 'process_not_empty', filing::text from postings
         where 'process' in (from_kind, to_kind)
         group by filing, reversal having {not_empty}
         union all
         select 'line_not_posted', filing || ' line ' || line from filing_lines
         where role <> 'measured' and quantity_grams > 0 and not exists (
             select from postings where postings.organisation = filing_lines.organisation
                 and postings.filing = filing_lines.filing and postings.line = filing_lines.line
                 and not postings.reversal and postings.gross_grams = filing_lines.quantity_grams)
         limit {most}"
    );
    let mut found: Vec<Contradiction> = diesel::sql_query(statement).load(&mut conn).await?;
    found.extend(material_balances::check(&mut conn).await?);
    found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(found)
}

/// Sums balances anew from the postings and flows from the lines, as the owner, while nobody
/// writes.
pub async fn rebuild(target: &Target) -> anyhow::Result<()> {
    let mut conn = AsyncPgConnection::establish(target.owner_url()).await?;
    let names = columns(str::to_owned).join(", ");
    let summed = summed_postings();
    conn.batch_execute(&format!(
        "begin;
         lock table account_balances in exclusive mode;
         delete from account_balances;
         insert into account_balances (organisation, kind, key, month, {names}) {summed};
         lock table monthly_flows in exclusive mode;
         delete from monthly_flows;
         insert into monthly_flows select * from summed_flows();
         commit;"
    ))
    .await?;
    material_balances::rebuild(&mut conn).await?;
    Ok(())
}

/// Net matter per organisation, account and month. `process` is empty after every filing.
fn summed_postings() -> String {
    let sums = columns(|column| format!("sum(sign * {column})::bigint as {column}")).join(", ");
    let mut sides = String::new();
    for (side, sign, join) in [("to", 1, ""), ("from", -1, " union all ")] {
        let names = columns(str::to_owned).join(", ");
        write!(
            sides,
            "{join}select organisation, {side}_kind as kind, {side}_key as key, month,
                    {sign} as sign, {names} from postings where {side}_kind <> 'process'"
        )
        .expect("writing to a string cannot fail");
    }
    format!(
        "select organisation, kind, key, month, {sums} from ({sides}) moved
         group by organisation, kind, key, month"
    )
}

/// Gross mass and the seventeen elements, each through `f`.
fn columns(f: impl Fn(&str) -> String) -> Vec<String> {
    let elements =
        Element::ALL.map(|element| format!("{}_mg", element.symbol().to_ascii_lowercase()));
    std::iter::once("gross_grams".to_owned()).chain(elements).map(|column| f(&column)).collect()
}
