//! Numbers that people read: gapless as far as transactions commit, one series per kind and year.

use crate::{CorruptRow, Error, schema::number_series};
use diesel::ExpressionMethods;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::licence::{SerialNumber, Series};
use jiff::civil::Date;
use uuid::Uuid;

/// Takes the next number of a series in the year of a day. Others who take one wait for this
/// transaction, so take it late.
pub(crate) async fn next(
    conn: &mut AsyncPgConnection,
    series: Series,
    day: Date,
) -> Result<SerialNumber, Error> {
    let year = day.year().unsigned_abs();
    let last: i64 = diesel::insert_into(number_series::table)
        .values((number_series::series.eq(format!("{series}-{year}")), number_series::last.eq(1)))
        .on_conflict(number_series::series)
        .do_update()
        .set(number_series::last.eq(number_series::last + 1))
        .returning(number_series::last)
        .get_result(conn)
        .await?;
    let full = CorruptRow { table: "number_series", column: "last", id: Uuid::nil() };
    let serial =
        u32::try_from(last).ok().and_then(|serial| SerialNumber::new(series, year, serial));
    Ok(serial.ok_or(full)?)
}
