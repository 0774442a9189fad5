//! Is a price far from what others ask for the same goods?

use crate::{
    Abstention, Evidence, FilingContext, Outcome, ParameterName, PeerPrice, PriceKey, Subject,
    finding::Opinion,
    statistics::{robust, stated},
};
use domain::{
    codes::{Category, Severity},
    filing::{Claim, Line},
    identifiers::CurrencyCode,
    regime::Sentence,
};
use jiff::{Span, Timestamp, tz::TimeZone};
use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive, ToPrimitive},
};
use serde::Serialize;

/// A price far from its peers'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FarPrice {
    /// Which line.
    pub line: u16,
    /// What kind of goods.
    pub category: Category,
    /// Their trade grade.
    pub grade: Option<String>,
    /// The price per kilogram.
    pub price: Decimal,
    /// The middle of the peers' prices.
    pub peer_median: Decimal,
    /// Of what money.
    pub currency: CurrencyCode,
    /// How many sales of others were compared.
    pub peers: usize,
    /// Robust deviations of log price from their middle.
    pub robust_z: Decimal,
}

/// Flags sales whose price is far below or above what others asked for the same goods.
///
/// Typologies 9 and 10. Peers are the latest sales of other filers in the same category, grade
/// and currency within a window around the sale: a fixed price floor would flag the market
/// itself. Robust z on log price; the spread is never taken below a floor. Under
/// `price_peers` sales: abstains.
pub(crate) fn far_from_peers(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    if !matches!(filing.claim, Claim::Dispatch { .. } | Claim::Export { .. }) {
        return Vec::new();
    }
    let mut worst: Option<FarPrice> = None;
    let (mut compared, mut priced) = (false, false);
    for line in &filing.lines {
        let Some((key, price)) = priced_goods(line) else { continue };
        priced = true;
        let Some((middle, spread, peers)) = peers_of(context, &key) else { continue };
        compared = true;
        let Some(far) = judge(context, line, &key, price, (middle, spread, peers)) else {
            continue;
        };
        if worst.as_ref().is_none_or(|worst| worst.robust_z.abs() < far.robust_z.abs()) {
            worst = Some(far);
        }
    }
    if !priced {
        return Vec::new();
    }
    let outcome = match worst {
        Some(far) => Outcome::Found((Severity::Warning, Evidence::FarPrice(far))),
        None if compared => Outcome::Clean,
        None => Outcome::Abstained(Abstention::TooFewPeers),
    };
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

/// What a line sells, for how much.
pub fn priced_goods(line: &Line) -> Option<(PriceKey, Decimal)> {
    let (category, money) = (line.category?, line.unit_price?);
    let key = PriceKey { category, grade: line.grade.clone(), currency: money.currency };
    Some((key, money.amount)).filter(|(_, price)| Decimal::ZERO < *price)
}

/// Middle and spread of the peers' log prices, and how many there are; none when too few.
fn peers_of(context: &FilingContext, key: &PriceKey) -> Option<(f64, f64, usize)> {
    let parameters = &context.law.parameters;
    let days = parameters.whole(ParameterName::PriceWindowDays).clamp(0, 3_650);
    let at = context.filing.happened_at;
    let is_peer = |peer: &&PeerPrice| {
        peer.organisation != context.filing.organisation && within_days(peer.happened_at, at, days)
    };
    let peers = context.prices.get(key).map(Vec::as_slice).unwrap_or_default();
    let mut logs: Vec<f64> =
        peers.iter().filter(is_peer).filter_map(|peer| log(peer.price)).collect();
    let count = logs.len();
    let needed = parameters.whole(ParameterName::PricePeers).max(2);
    if i64::try_from(count).unwrap_or(i64::MAX) < needed {
        return None;
    }
    let (middle, spread) = robust(&mut logs)?;
    Some((middle, spread, count))
}

pub(crate) fn within_days(one: Timestamp, other: Timestamp, days: i64) -> bool {
    let span = Span::new().try_days(days).unwrap_or_default();
    let one = one.to_zoned(TimeZone::UTC);
    let other = other.to_zoned(TimeZone::UTC);
    let (early, late) = if one <= other { (one, other) } else { (other, one) };
    early.checked_add(span).map_or(true, |limit| late <= limit)
}

fn log(price: Decimal) -> Option<f64> {
    price.to_f64().map(f64::ln).filter(|log| log.is_finite())
}

fn judge(
    context: &FilingContext,
    line: &Line,
    key: &PriceKey,
    price: Decimal,
    (middle, spread, peers): (f64, f64, usize),
) -> Option<FarPrice> {
    let parameters = &context.law.parameters;
    let floor = (parameters.real(ParameterName::PriceSpreadFloorPercent) / 100.0).ln_1p();
    let z = (log(price)? - middle) / spread.max(floor).max(1e-6);
    if z.abs() <= parameters.real(ParameterName::PriceRobustZ) {
        return None;
    }
    Some(FarPrice {
        line: line.number,
        category: key.category,
        grade: key.grade.clone(),
        price,
        peer_median: Decimal::from_f64(middle.exp())?.round_dp(2).normalize(),
        currency: key.currency,
        peers,
        robust_z: stated(z)?,
    })
}

impl FarPrice {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { price, peer_median, peers, .. } = self;
        let currency = self.currency.as_str();
        let price = price.normalize();
        let (zh, en) = if self.robust_z < Decimal::ZERO {
            ("远低于", "far below")
        } else {
            ("远高于", "far above")
        };
        Sentence::new(
            format!(
                "单价 {price} {currency}/千克{zh}其他企业同类产品 {peers} 笔交易的中位数 {peer_median}。"
            ),
            format!(
                "The price of {price} {currency}/kg is {en} the median of {peer_median} in {peers} sales of such goods by others."
            ),
        )
    }
}
