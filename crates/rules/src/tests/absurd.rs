//! Whatever numbers arrive, detectors answer, and ignorance never becomes suspicion.

use super::{cases::cases, world::*};
use crate::{
    FilingContext, GoodsStatus, Judgement, LicenceLookup, Outcome, QuotaStand, evaluate, status_of,
};
use domain::{
    codes::LineRole,
    element::{ELEMENT_COUNT, Element},
    filing::Claim,
    mass::{ElementMasses, Kilograms},
    regime::QuotaScope,
};
use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::sync::{Arc, LazyLock};

fn any_mass() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(-1),
        Just(0),
        Just(1),
        any::<i64>(),
        -1_000_000_i64..1_000_000,
    ]
}

fn any_masses() -> impl Strategy<Value = [i64; ELEMENT_COUNT]> {
    proptest::collection::vec(any_mass(), ELEMENT_COUNT)
        .prop_map(|masses| masses.try_into().unwrap())
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        seconds.prop_map(|s| Timestamp::from_second(s).unwrap())
    ]
}

fn any_case() -> impl Strategy<Value = FilingContext> {
    static CONTEXTS: LazyLock<Vec<FilingContext>> =
        LazyLock::new(|| cases().into_iter().map(|case| case.context).collect());
    (0..CONTEXTS.len()).prop_map(|index| CONTEXTS[index].clone())
}

/// What a filing looks like of which nothing but its header is known.
fn forget(context: &mut FilingContext) {
    context.stocks.clear();
    context.site_month = None;
    context.quotas.clear();
    context.group = None;
    context.same_invoice.clear();
    context.same_moment.clear();
    context.prices = Arc::default();
    context.movement = None;
    context.export = None;
    context.recent.clear();
    if let Some(settlement) = &mut context.settlement {
        let settlement = Arc::make_mut(settlement);
        settlement.invoices.clear();
        settlement.links.clear();
    }
    if let Some(declared) = &mut context.declared {
        Arc::make_mut(declared).declaration = None;
    }
    Arc::make_mut(&mut context.law).listed.clear();
    for line in &mut context.filing.lines {
        (line.category, line.lot, line.elements) = (None, None, ElementMasses::ZERO);
    }
}

fn found(judgements: &[Judgement]) -> Vec<&Judgement> {
    judgements.iter().filter(|judgement| matches!(judgement.outcome, Outcome::Found(_))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn absurd_numbers_are_answered(
        mut context in any_case(), masses in any_masses(), sigmas in any_masses(),
        grams in any_mass(), other_grams in any_mass(), at in any_time(), then in any_time(),
        price in any::<(i64, u8)>(), kilograms in 0..=100_000_000_000_u64,
    ) {
        context.filing.happened_at = at;
        for line in &mut context.filing.lines {
            line.elements = ElementMasses(masses);
            line.elements_sigma_mg = sigmas;
            line.quantity = Kilograms::from_grams(kilograms).unwrap();
            if let Some(money) = &mut line.unit_price {
                money.amount = Decimal::new(price.0, u32::from(price.1 % 28));
            }
        }
        for stock in &mut context.stocks {
            (stock.came_in_grams, stock.left_grams, stock.in_transit_grams) = (other_grams, grams, grams);
            (stock.left, stock.came_in) = (ElementMasses(masses), ElementMasses(sigmas));
        }
        if let Some(month) = &mut context.site_month {
            for flows in &mut month.flows {
                (flows.inputs, flows.outputs, flows.losses) = (ElementMasses(masses), ElementMasses(sigmas), ElementMasses(masses));
            }
        }
        for quota in &mut context.quotas {
            (quota.granted_reo_grams, quota.drawn_reo_grams) = (Some(other_grams), grams);
        }
        if let Some(movement) = &mut context.movement {
            for moved in movement.dispatched.iter_mut().chain(&mut movement.received) {
                (moved.grams, moved.elements, moved.sigma_mg) = (grams, ElementMasses(masses), sigmas);
            }
        }
        for shipment in &mut context.recent {
            (shipment.grams, shipment.happened_at) = (grams, then);
        }
        if let Some(export) = &mut context.export {
            export.goods.iter_mut().for_each(|goods| goods.grams = grams);
            if let LicenceLookup::Known(licence) = &mut export.licence {
                (licence.filed_before_grams, licence.licensed_grams) = (other_grams, grams);
                licence.confirmed_grams = Some(other_grams);
            }
        }
        if let Some(settlement) = &mut context.settlement {
            let settlement = Arc::make_mut(settlement);
            settlement.dispatches[0].content.add(&ElementMasses(masses), &sigmas);
            for line in settlement.invoices.iter_mut().flat_map(|invoice| &mut invoice.lines) {
                (line.oxide_grams, line.amount) = (grams, Decimal::new(price.0, u32::from(price.1 % 28)));
            }
        }
        if let Some(declared) = &mut context.declared {
            let declared = Arc::make_mut(declared);
            (declared.exports[0].goods[0].grams, declared.exports[0].goods[0].uncertainty_grams) = (grams, other_grams);
            for line in declared.declaration.iter_mut().flat_map(|paper| &mut paper.lines) {
                line.net_grams = other_grams;
            }
        }
        for judgement in evaluate(&context) {
            if let Outcome::Found(finding) = judgement.outcome {
                prop_assert!(serde_json::to_value(&finding.evidence).is_ok());
                prop_assert!(!finding.sentence.zh.is_empty() && !finding.sentence.en.is_empty());
            }
        }
    }

    #[test]
    fn ignorance_is_never_suspicion(mut context in any_case(), at in any_time()) {
        context.filing.happened_at = at;
        forget(&mut context);
        let judgements = evaluate(&context);
        prop_assert!(found(&judgements).is_empty(), "{:?}", found(&judgements));
    }

    #[test]
    fn a_transformation_that_keeps_every_element_is_never_flagged(masses in any_masses()) {
        let mut context = reduction(850);
        for line in &mut context.filing.lines {
            line.elements = ElementMasses(masses.map(i64::saturating_abs));
        }
        let judgements = evaluate(&context);
        prop_assert!(found(&judgements).is_empty());
    }

    #[test]
    fn a_quota_is_overrun_exactly_above_it(granted in 0_i64..=i64::MAX, drawn in 0_i64..=i64::MAX) {
        let mut context = context(Claim::Extraction, vec![line(1, LineRole::Item, 71, 5)]);
        context.group = Some(group());
        context.quotas = vec![QuotaStand {
            group: group(), year: 2026, scope: QuotaScope::Mining, granted_reo_grams: Some(granted),
            verification: String::new(), drawn_reo_grams: drawn,
        }];
        prop_assert_eq!(found(&evaluate(&context)).len(), usize::from(granted < drawn));
    }

    #[test]
    fn goods_of_any_composition_are_determined_or_doubted(masses in any_masses(), grams in 0_u64..=100_000_000_000) {
        let mut goods = line(1, LineRole::Item, 31, 1);
        goods.quantity = Kilograms::from_grams(grams).unwrap();
        goods.elements = ElementMasses(masses);
        let _ = status_of(&law().regime, &goods, "DE".parse().unwrap(), date(2026, 10, 3));
    }
}

#[test]
fn dysprosium_decides_whether_a_neodymium_magnet_is_controlled() {
    let law = law();
    let status = |dysprosium_grams: i64, on| {
        let mut magnets = line(1, LineRole::Item, 31, 100);
        magnets.elements = elements([(Element::Nd, 30_000), (Element::Dy, dysprosium_grams)]);
        status_of(&law.regime, &magnets, "DE".parse().unwrap(), on)
    };
    let controlled = status(800, date(2026, 10, 3));
    assert!(matches!(controlled, GoodsStatus::Controlled(_)), "{controlled:?}");
    assert_eq!(status(0, date(2026, 10, 3)), GoodsStatus::NotControlled);
    assert_eq!(status(800, date(2024, 10, 3)), GoodsStatus::NotControlled);
    assert_eq!(status(50, date(2026, 10, 3)), GoodsStatus::Undetermined);
}
