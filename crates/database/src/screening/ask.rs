//! Statements as fixed texts, prepared once a connection.
//!
//! diesel's `sql_query` is never prepared, and its query builder has no `unnest`, `lateral` or
//! arrays of sums.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{
        Array, BigInt, Date, Integer, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
    },
};
use domain::element::Element;
use std::marker::PhantomData;
use uuid::Uuid;

/// A fixed statement.
///
/// In its text `?` stands for the next parameter, and `{each: EXPRESSION}` for an array of that
/// expression for each element, with `@` for the element's column.
pub(crate) trait Statement: Send + Sync + 'static {
    const TEXT: &'static str;
}

/// A parameter.
#[derive(Debug)]
pub(crate) enum Bind {
    Uuids(Vec<Uuid>),
    Texts(Vec<String>),
    OptionalTexts(Vec<Option<String>>),
    Integers(Vec<i32>),
    Dates(Vec<jiff_diesel::Date>),
    Uuid(Option<Uuid>),
    Number(i64),
    Moment(Option<jiff_diesel::Timestamp>),
    Date(jiff_diesel::Date),
}

/// A statement with its parameters.
#[derive(Debug)]
pub(crate) struct Ask<S> {
    binds: Vec<Bind>,
    statement: PhantomData<S>,
}

impl<S: Statement> Ask<S> {
    pub(crate) const fn with(binds: Vec<Bind>) -> Self {
        Self { binds, statement: PhantomData }
    }
}

impl<S: Statement> QueryId for Ask<S> {
    type QueryId = Ask<S>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S> Query for Ask<S> {
    type SqlType = Untyped;
}

impl<S: Statement> QueryFragment<Pg> for Ask<S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let text = with_elements(S::TEXT);
        let mut pieces = text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, bind) in pieces.zip(&self.binds) {
            match bind {
                Bind::Uuids(ids) => out.push_bind_param::<Array<SqlUuid>, _>(ids)?,
                Bind::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts)?,
                Bind::OptionalTexts(texts) => {
                    out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
                }
                Bind::Integers(numbers) => out.push_bind_param::<Array<Integer>, _>(numbers)?,
                Bind::Dates(dates) => out.push_bind_param::<Array<Date>, _>(dates)?,
                Bind::Uuid(id) => out.push_bind_param::<Nullable<SqlUuid>, _>(id)?,
                Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Bind::Moment(moment) => out.push_bind_param::<Nullable<Timestamptz>, _>(moment)?,
                Bind::Date(date) => out.push_bind_param::<Date, _>(date)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// Writes `{each: ..}` out.
fn with_elements(text: &str) -> String {
    const OPENS: &str = "{each: ";
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPENS) {
        let (expression, after) = after.split_once('}').expect("what opens closes");
        let each = Element::ALL.map(|element| {
            expression.replace('@', &format!("{}_mg", element.symbol().to_ascii_lowercase()))
        });
        written.push_str(before);
        written.push_str("array[");
        written.push_str(&each.join(", "));
        written.push(']');
        rest = after;
    }
    written.push_str(rest);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_written_for_each_element_in_storage_order() {
        let written = with_elements("select {each: l.@}, 1");
        assert!(written.starts_with("select array[l.la_mg, l.ce_mg, l.pr_mg,"));
        assert!(written.ends_with("l.sc_mg, l.y_mg], 1"));
    }
}
