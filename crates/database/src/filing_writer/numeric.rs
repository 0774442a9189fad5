//! A decimal in Postgres's binary `numeric` format, which the writer's row types need.
//!
//! `rust_decimal` can do this itself, but only through a feature that would reach the core.

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use rust_decimal::Decimal;
use std::error::Error;

/// Decimals a price is stored with; one group of four digits after the point.
const SCALE: u32 = 4;

/// An amount with at most four decimals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numeric(pub(super) Decimal);

impl ToSql for Numeric {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mut scaled = self.0;
        scaled.rescale(SCALE);
        let negative = scaled.is_sign_negative();
        let mut rest = scaled.mantissa().unsigned_abs();
        let mut groups: Vec<i16> = Vec::with_capacity(8);
        while 0 < rest {
            groups.push(i16::try_from(rest % 10_000)?);
            rest /= 10_000;
        }
        // The last group is the four decimals: the one before it has weight 0.
        let weight = i16::try_from(groups.len())? - 2;
        let header = [i16::try_from(groups.len())?, weight, if negative { 0x4000 } else { 0 }];
        for value in header.into_iter().chain([i16::try_from(SCALE)?]) {
            out.extend_from_slice(&value.to_be_bytes());
        }
        for group in groups.into_iter().rev() {
            out.extend_from_slice(&group.to_be_bytes());
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::NUMERIC
    }

    to_sql_checked!();
}
