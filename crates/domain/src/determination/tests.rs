use super::*;
use crate::{
    codes::Category,
    composition::Composition,
    element::Element,
    regime::{ControlItem, Dated, RegimeRow, Standing},
};
use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;
use rust_decimal::{Decimal, dec};
use std::{collections::BTreeMap, fmt::Write};

const TODAY: Date = date(2026, 11, 23);
/// No. 18 is in force, nothing else has been announced.
const SUMMER_2025: Date = date(2025, 7, 1);

/// `"Nd 30, Fe 68, B 1, Dy 0.08 ± 0.02"`, with `..` at the end when something is left unsaid.
fn stated(text: &str) -> Result<Assay, InvalidAssay> {
    let (text, completeness) = match text.strip_suffix(" ..") {
        Some(text) => (text, Completeness::Partial),
        None => (text, Completeness::Complete),
    };
    let share = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let uncertainty = words.get(3).map_or(dec!(0), |number| number.parse().unwrap());
        let percent = words[1].parse().unwrap();
        (words[0].parse().unwrap(), Share { percent, uncertainty_percent: uncertainty })
    };
    let shares: BTreeMap<Symbol, Share> = text.split(", ").map(share).collect();
    Assay::new(shares, completeness)
}

fn assay(text: &str) -> Assay {
    stated(text).unwrap()
}

fn an(category: ItemCategory, text: &str) -> Item {
    Item { assay: Some(assay(text)), ..Item::of(category) }
}

fn short(answer: &Determination) -> String {
    match &answer.outcome {
        Outcome::Controlled { codes } => {
            let codes: Vec<&str> = codes.iter().map(|code| code.0.as_str()).collect();
            format!("controlled {}", codes.join(" "))
        }
        Outcome::NotControlled => "not controlled".to_owned(),
        Outcome::Undetermined { doubts } => {
            let kinds: Vec<&str> = doubts.iter().map(|doubt| doubt.kind.as_str()).collect();
            format!("undetermined {}", kinds.join(" "))
        }
    }
}

fn binds(answer: &Determination) -> &'static str {
    if answer.binding == Binding::Binding { "binding" } else { "not binding" }
}

#[rstest]
#[case::clean("Nd 30, Fe 69, B 1", "not controlled")]
#[case::dy_and_tb_measured_as_nothing("Nd 30, Fe 66, B 1, Dy 0, Tb 0 ..", "not controlled")]
#[case::dysprosium("Nd 27, Fe 69, B 1, Dy 3", "controlled 1C905.a.4")]
#[case::terbium("Nd 29, Fe 69, B 1, Tb 0.2", "controlled 1C904.a.4")]
#[case::both("Nd 28, Fe 69, B 1, Dy 1, Tb 0.2", "controlled 1C904.a.4 1C905.a.4")]
#[case::together_above_practice(
    "Nd 29, Fe 69, B 1, Dy 0.06, Tb 0.06",
    "controlled 1C904.a.4 1C905.a.4"
)]
#[case::fined_at_ningbo("Nd 29, Fe 69, B 1, Tb 0.11", "controlled 1C904.a.4")]
#[case::just_at_practice("Nd 29, Fe 69, B 1, Dy 0.1", "undetermined at_or_below_trade_practice")]
#[case::below_practice("Nd 29, Fe 69, B 1, Dy 0.04", "undetermined at_or_below_trade_practice")]
#[case::straddles("Nd 29, Fe 69, B 1, Dy 0.12 ± 0.02", "undetermined straddles_limit")]
#[case::surely_above("Nd 29, Fe 69, B 1, Dy 0.15 ± 0.02", "controlled 1C905.a.4")]
#[case::not_quite_nothing(
    "Nd 29, Fe 69, B 1, Dy 0 ± 0.01",
    "undetermined at_or_below_trade_practice"
)]
#[case::dysprosium_not_analysed("Nd 30, Fe 66, B 1 ..", "undetermined composition_missing")]
#[case::terbium_not_analysed("Nd 30, Fe 66, B 1, Dy 0 ..", "undetermined composition_missing")]
#[case::nothing_left_unsaid("Nd 30.5, Fe 68.5, B 1 ..", "not controlled")]
#[case::with_gadolinium("Nd 28, Fe 69, B 1, Gd 2", "undetermined wording_unclear")]
fn a_neodymium_magnet_is_judged_by_dysprosium_and_terbium(
    #[case] made_of: &str,
    #[case] answer: &str,
) {
    let regime = Regime::default_china_2025();
    let item = an(ItemCategory::Magnet, made_of);
    assert_eq!(short(&determine(&regime, &item, SUMMER_2025)), answer);
}

#[rstest]
#[case::sm2co17_of_the_customs_case(
    "Sm 25.4, Co 48.5, Fe 16, Cu 7, Zr 3 ..",
    "controlled 1C902.a.4 binding"
)]
#[case::smco5("Sm 33.79, Co 66.21", "controlled 1C902.a.4 binding")]
#[case::samarium_iron_nitride("Sm 24, Fe 73, N 3", "undetermined wording_unclear not binding")]
#[case::ferrite("Sr 8, Fe 63, O 29", "not controlled not binding")]
#[case::terbium_row_is_verbatim("Nd 29, Fe 69, B 1, Tb 0.2", "controlled 1C904.a.4 binding")]
#[case::dysprosium_row_is_partial("Nd 27, Fe 69, B 1, Dy 3", "controlled 1C905.a.4 not binding")]
fn a_magnet_is_judged_by_its_alloy_system(#[case] made_of: &str, #[case] answer: &str) {
    let determination =
        determine(&Regime::default_china_2025(), &an(ItemCategory::Magnet, made_of), SUMMER_2025);
    assert_eq!(format!("{} {}", short(&determination), binds(&determination)), answer);
}

#[rstest]
#[case::smco(MagnetFamily::SmCo, None, "controlled 1C902.a.4")]
#[case::ndfeb(MagnetFamily::NdFeB, None, "undetermined composition_missing")]
#[case::other(MagnetFamily::Other, None, "not controlled")]
#[case::contradiction(
    MagnetFamily::NdFeB,
    Some("Sm 33.79, Co 66.21"),
    "undetermined magnet_family_unclear"
)]
fn a_stated_alloy_system_counts_unless_the_composition_contradicts(
    #[case] family: MagnetFamily,
    #[case] made_of: Option<&str>,
    #[case] answer: &str,
) {
    let item = Item {
        magnet_family: Some(family),
        assay: made_of.map(assay),
        ..Item::of(ItemCategory::Magnet)
    };
    assert_eq!(short(&determine(&Regime::default_china_2025(), &item, SUMMER_2025)), answer);
}

#[rstest]
#[case::metal(ItemCategory::Metal, "Dy 99.9 ..", "controlled 1C905.a.1")]
#[case::mischmetal(ItemCategory::Metal, "Ce 60, La 38, Sm 2", "controlled 1C902.a.2")]
#[case::neodymium_metal(ItemCategory::Metal, "Nd 99.9, Fe 0.1", "not controlled")]
#[case::smco_alloy_with_more(
    ItemCategory::Alloy,
    "Sm 25, Co 50, Fe 15, Cu 7, Zr 3",
    "controlled 1C902.a.2.a"
)]
#[case::dysprosium_iron(ItemCategory::Alloy, "Dy 80, Fe 20", "controlled 1C905.a.2.a")]
#[case::terfenol(ItemCategory::Alloy, "Tb 17, Dy 43, Fe 40", "controlled 1C904.a.2 1C905.a.2.b")]
#[case::magnet_alloy(ItemCategory::Alloy, "Nd 29, Fe 69, B 1, Dy 1", "controlled 1C905.a.2")]
#[case::an_unnamed_partner(ItemCategory::Alloy, "Sm 50, Zn 50", "controlled 1C902.a.2")]
#[case::dysprosium_oxide(ItemCategory::Oxide, "Dy 87, O 13", "controlled 1C905.b")]
#[case::neodymium_oxide(ItemCategory::Oxide, "Nd 85.7, O 14.3", "not controlled")]
#[case::with_a_trace(ItemCategory::Oxide, "Nd 85.7, O 14.25, Dy 0.05", "undetermined trace")]
#[case::about_a_trace(
    ItemCategory::Oxide,
    "Nd 85.6, O 14.2, Dy 0.11 ± 0.05",
    "undetermined straddles_limit"
)]
#[case::something_left_unsaid(
    ItemCategory::Oxide,
    "Nd 80, O 14 ..",
    "undetermined composition_missing"
)]
#[case::mixed_chloride(ItemCategory::Compound, "La 30, Ce 40, Y 1, Cl 29", "controlled 1C908.c")]
#[case::mixture(ItemCategory::Mixture, "Tb 40, O 20, F 40", "controlled 1C904.b 1C904.c")]
#[case::pure_target(ItemCategory::Target, "Gd 99.99 ..", "controlled 1C903.a.3.a")]
#[case::rotor(ItemCategory::Assembly, "Fe 90, Nd 3, Dy 0.3 ..", "undetermined assembly")]
#[case::swarf(ItemCategory::Scrap, "Nd 25, Fe 60, Dy 2, O 13", "undetermined wording_unclear")]
#[case::clean_swarf(ItemCategory::Scrap, "Nd 27, Fe 60, O 13", "not controlled")]
#[case::laser_crystal(
    ItemCategory::FunctionalMaterial,
    "Y 45, Al 22, O 32, Nd 1",
    "undetermined wording_unclear"
)]
fn form_and_composition_decide(
    #[case] category: ItemCategory,
    #[case] made_of: &str,
    #[case] answer: &str,
) {
    let item = an(category, made_of);
    assert_eq!(short(&determine(&Regime::default_china_2025(), &item, SUMMER_2025)), answer);
}

#[rstest]
#[case::before_anything(date(2025, 4, 3), "not controlled")]
#[case::announced(date(2025, 10, 20), "not controlled")]
#[case::suspended(date(2025, 11, 8), "not controlled")]
#[case::last_day(date(2026, 11, 10), "not controlled")]
#[case::nobody_knows(date(2026, 11, 11), "undetermined after_suspension")]
fn the_date_decides_about_holmium(#[case] day: Date, #[case] answer: &str) {
    let item = an(ItemCategory::Oxide, "Ho 87, O 13");
    let determination = determine(&Regime::default_china_2025(), &item, day);
    assert_eq!(short(&determination), answer);
    assert_eq!(binds(&determination), "not binding");
}

#[rstest]
#[case::ore_suspended(ItemCategory::Ore, date(2026, 1, 1), "not controlled")]
#[case::ore_today(ItemCategory::Ore, TODAY, "undetermined after_suspension")]
#[case::furnace_suspended(ItemCategory::Equipment, date(2026, 1, 1), "not controlled")]
#[case::furnace_today(ItemCategory::Equipment, TODAY, "undetermined description_decides")]
#[case::technology_in_its_four_weeks(
    ItemCategory::Technology,
    date(2025, 10, 20),
    "undetermined description_decides"
)]
#[case::technology_before(ItemCategory::Technology, date(2025, 10, 8), "not controlled")]
#[case::oxide_without_composition(
    ItemCategory::Oxide,
    SUMMER_2025,
    "undetermined composition_missing"
)]
fn goods_without_a_composition(
    #[case] category: ItemCategory,
    #[case] day: Date,
    #[case] answer: &str,
) {
    assert_eq!(short(&determine(&Regime::default_china_2025(), &Item::of(category), day)), answer);
}

#[test]
fn the_tariff_code_names_candidates_but_never_decides() {
    let hs = Some("2846901500".parse().unwrap());
    let item = Item { hs, ..Item::of(ItemCategory::Oxide) };
    let answer = determine(&Regime::default_china_2025(), &item, SUMMER_2025);
    let Outcome::Undetermined { doubts } = answer.outcome else { panic!("{:?}", answer.outcome) };
    assert_eq!(
        doubts[0].candidates.iter().map(|code| code.0.as_str()).collect::<Vec<_>>(),
        ["1C905.b"]
    );
}

#[rstest]
#[case::civil(EndUse::Civil, &[], "not controlled")]
#[case::military(EndUse::Military, &[], "undetermined end_use_or_party")]
#[case::watch_listed(EndUse::Civil, &[PartyList::Watch], "undetermined end_use_or_party")]
fn use_and_party_can_bring_unlisted_goods_before_a_person(
    #[case] end_use: EndUse,
    #[case] lists: &[PartyList],
    #[case] answer: &str,
) {
    let list_hits =
        lists.iter().map(|list| ListHit { list: *list, name: "Acme".to_owned() }).collect();
    let item = Item { end_use, list_hits, ..an(ItemCategory::Magnet, "Nd 30, Fe 69, B 1") };
    assert_eq!(short(&determine(&Regime::default_china_2025(), &item, SUMMER_2025)), answer);
}

#[test]
fn the_practised_threshold_is_a_parameter_with_its_own_mark() {
    let mut rows = Regime::default_china_2025().rows();
    let row = rows.iter_mut().find(|row| row.key == "dy_tb_threshold_percent").unwrap();
    row.content["value"] = "0.02".into();
    let regime = Regime::from_rows(&rows).unwrap();
    let item = an(ItemCategory::Magnet, "Nd 29, Fe 69, B 1, Dy 0.04");
    assert_eq!(short(&determine(&regime, &item, SUMMER_2025)), "controlled 1C905.a.4");

    let below = determine(&Regime::default_china_2025(), &item, SUMMER_2025);
    let marks: Vec<String> =
        below.rests_on.iter().map(|row| format!("{} [{}]", row.row, row.verification)).collect();
    assert_eq!(marks, ["parameter dy_tb_threshold_percent [trade-practice]"]);
}

#[test]
fn an_officer_who_verifies_the_rows_makes_the_answer_bind() {
    let verified = |mut row: RegimeRow| {
        row.provenance.verification = crate::regime::Verification::Verbatim;
        row
    };
    let rows: Vec<_> = Regime::default_china_2025().rows().into_iter().map(verified).collect();
    let regime = Regime::from_rows(&rows).unwrap();
    for made_of in ["Nd 27, Fe 69, B 1, Dy 3", "Nd 30, Fe 69, B 1"] {
        let answer = determine(&regime, &an(ItemCategory::Magnet, made_of), SUMMER_2025);
        assert_eq!(binds(&answer), "binding", "{made_of}");
    }
}

#[test]
fn the_same_question_has_the_same_answer_years_later() {
    let item = an(ItemCategory::Magnet, "Nd 27, Fe 69, B 1, Dy 3");
    let stored = Regime::default_china_2025().rows();
    let first = determine(&Regime::default_china_2025(), &item, SUMMER_2025);
    let replayed = determine(&Regime::from_rows(&stored).unwrap(), &item, SUMMER_2025);
    assert_eq!(first, replayed);
}

#[test]
fn an_answer_reads_like_this() {
    let regime = Regime::default_china_2025();
    let smco = determine(&regime, &an(ItemCategory::Magnet, "Sm 33.79, Co 66.21"), TODAY);
    insta::assert_json_snapshot!("controlled", smco);
    let free = determine(&regime, &an(ItemCategory::Magnet, "Nd 30, Fe 69, B 1"), TODAY);
    insta::assert_json_snapshot!("not_controlled", free);
    let below = an(ItemCategory::Magnet, "Nd 29, Fe 69, B 1, Dy 0.04");
    insta::assert_json_snapshot!("undetermined", determine(&regime, &below, TODAY));
}

/// Goods that an item's wording describes.
fn goods_of(item: &ControlItem) -> Item {
    let element = item.element.map_or("La", Element::symbol);
    let mut parts = vec![(element, 40)];
    let magnet = item.magnet_family();
    match (magnet, item.category) {
        (Some(MagnetFamily::NdFeB), _) => {
            parts = vec![("Nd", 27), ("Fe", 69), ("B", 1), (element, 3)];
        }
        (_, ItemCategory::Oxide) => parts = vec![(element, 85), ("O", 15)],
        (_, ItemCategory::Compound) => parts = vec![(element, 60), ("Cl", 40)],
        (_, ItemCategory::Metal) => parts = vec![(element, 100)],
        _ if item.is_heading() => parts.push(("Zn", 60)),
        _ => {
            let partners = item.partners();
            let rest = 60 / i64::try_from(partners.len().max(1)).unwrap();
            parts.extend(partners.into_iter().map(|partner| (partner, rest)));
        }
    }
    let shares = parts.into_iter().map(|(symbol, percent)| {
        let percent = Decimal::from(percent);
        (symbol.parse().unwrap(), Share { percent, uncertainty_percent: dec!(0) })
    });
    let assay = Assay::new(shares.collect(), Completeness::Complete).unwrap();
    Item { assay: Some(assay), functional_form: item.form(), ..Item::of(item.category) }
}

#[test]
fn every_shipped_item_is_found_for_its_own_goods() {
    let regime = Regime::default_china_2025();
    let mut table = String::new();
    for row in regime.control_items() {
        let answers: Vec<String> = [SUMMER_2025, date(2025, 10, 20), date(2026, 6, 1), TODAY]
            .into_iter()
            .map(|day| short(&determine(&regime, &goods_of(&row.value), day)))
            .collect();
        writeln!(table, "{:<12} {}", row.value.code.0, answers.join(" | ")).unwrap();
        never_misses(&regime, row, &answers[0]);
    }
    insta::assert_snapshot!(table);
}

fn never_misses(regime: &Regime, row: &Dated<ControlItem>, answer: &str) {
    let in_force = regime.standing(&row.value.announcement, SUMMER_2025) == Standing::InForce;
    assert!(
        !in_force || answer.split(' ').any(|word| word == row.value.code.0),
        "{}: {answer}",
        row.key
    );
}

#[rstest]
#[case::too_much("Nd 60, Fe 41", InvalidAssay::MoreThanAll(dec!(101)))]
#[case::negative("Nd -1", InvalidAssay::OutOfRange("Nd".parse().unwrap()))]
#[case::absurd_uncertainty("Nd 10 ± 101", InvalidAssay::Uncertainty("Nd".parse().unwrap()))]
fn an_impossible_composition_is_refused(#[case] made_of: &str, #[case] error: InvalidAssay) {
    assert_eq!(stated(made_of), Err(error));
}

#[test]
fn a_symbol_is_that_of_a_chemical_element() {
    assert!("Fe".parse::<Symbol>().is_ok());
    assert_eq!(
        "Xx".parse::<Symbol>().unwrap_err().to_string(),
        "\"Xx\" is not the symbol of a chemical element such as \"Dy\" or \"Fe\""
    );
}

#[rstest]
#[case::both("2846902200", "controlled", &["dual_use", "ordinary_export"], "34Bxy")]
#[case::seen_in_another_order("2846902100", "controlled", &["dual_use", "ordinary_export"], "4Bxy3")]
#[case::own_sum("2846901500", "controlled", &["dual_use", "ordinary_export"], "own-assumption")]
#[case::ordinary_only("2846902400", "not controlled", &["ordinary_export"], "4Bxy")]
#[case::unknown_code("2846909999", "controlled", &["dual_use"], "")]
fn a_compound_may_need_two_licences(
    #[case] hs: &str,
    #[case] answer: &str,
    #[case] licences: &[&str],
    #[case] said: &str,
) {
    let made_of = if answer == "controlled" { "Dy 60, Cl 40" } else { "Nd 60, Cl 40" };
    let hs = Some(hs.parse().unwrap());
    let item = Item { hs, ..an(ItemCategory::Compound, made_of) };
    let determination = determine(&Regime::default_china_2025(), &item, SUMMER_2025);
    assert!(short(&determination).starts_with(answer), "{}", short(&determination));
    let needed: Vec<&str> =
        determination.licences_needed.iter().map(|licence| licence.as_str()).collect();
    assert_eq!(needed, licences);
    assert!(determination.advisories.iter().any(|text| text.en.contains(said)));
}

#[rstest]
#[case::before(date(2026, 1, 5), 0)]
#[case::since(date(2026, 1, 6), 1)]
fn a_destination_has_its_notice_from_its_day_on(#[case] day: Date, #[case] notices: usize) {
    let destination = Some("JP".parse().unwrap());
    let item = Item { destination, ..an(ItemCategory::Magnet, "Sm 33.79, Co 66.21") };
    let answer = determine(&Regime::default_china_2025(), &item, day);
    let said = answer.advisories.iter().filter(|text| text.en.contains("Japanese")).count();
    assert_eq!(said, notices);
}

#[rstest]
#[case::magnet(Category::Magnet, &[("Nd", "29"), ("Dy", "1.2")], None, "controlled 1C905.a.4")]
#[case::clean_magnet(Category::Magnet, &[("Nd", "30")], None, "not controlled")]
#[case::smco(Category::Magnet, &[("Sm", "25")], Some("SmCo 2:17"), "controlled 1C902.a.4")]
#[case::unsaid_samarium(Category::Magnet, &[("Sm", "25")], None, "undetermined composition_missing")]
#[case::oxide(Category::Oxide, &[("Tb", "85")], None, "controlled 1C904.b")]
#[case::nothing_stated(Category::Oxide, &[], None, "undetermined composition_missing")]
fn a_registered_product_is_a_question(
    #[case] category: Category,
    #[case] percent: &[(&str, &str)],
    #[case] grade: Option<&str>,
    #[case] answer: &str,
) {
    let shares = percent.iter().map(|(element, percent)| {
        (element.parse::<Element>().unwrap(), percent.parse::<Decimal>().unwrap())
    });
    let composition = Composition::of_elements(shares).unwrap();
    let item = of_product(category, &composition, grade, None);
    assert_eq!(short(&determine(&Regime::default_china_2025(), &item, SUMMER_2025)), answer);
}

/// Any goods at all: some elements with some content and some doubt about it.
fn any_item() -> impl Strategy<Value = Item> {
    let symbols = ["Nd", "Dy", "Tb", "Sm", "Fe", "Co", "B", "O", "Ho", "Y", "Zn"];
    let share = (0..symbols.len(), 0_u32..3_000, 0_u32..100);
    let shares = prop::collection::vec(share, 0..5);
    (0..ItemCategory::ALL.len(), shares, any::<bool>()).prop_map(
        move |(category, shares, whole)| {
            let shares = shares.into_iter().map(|(symbol, percent, uncertainty)| {
                let share = Share {
                    percent: Decimal::new(percent.into(), 2),
                    uncertainty_percent: Decimal::new(uncertainty.into(), 2),
                };
                (symbols[symbol].parse().unwrap(), share)
            });
            let completeness = if whole { Completeness::Complete } else { Completeness::Partial };
            let assay = Assay::new(shares.collect(), completeness).ok();
            Item { assay, ..Item::of(ItemCategory::ALL[category]) }
        },
    )
}

proptest! {
    #[test]
    fn an_answer_is_whole_whatever_is_asked(item in any_item(), days in 0_i32..800) {
        let regime = Regime::default_china_2025();
        let day = SUMMER_2025.saturating_add(jiff::Span::new().days(days));
        let answer = determine(&regime, &item, day);
        // Nothing that trade merely practises ever sets goods free.
        let practised = answer.rests_on.iter().any(|row| !row.row.starts_with("parameter") && row.verification == crate::regime::Verification::TradePractice);
        prop_assert!(!practised);
        match &answer.outcome {
            Outcome::Controlled { codes } => {
                prop_assert!(!codes.is_empty());
                for code in codes {
                    let row = regime.control_item(&code.0).unwrap();
                    prop_assert_eq!(regime.standing(&row.value.announcement, day), Standing::InForce);
                }
            }
            Outcome::NotControlled => {
                prop_assert!(answer.rests_on.iter().all(|row| &*row.row != "parameter dy_tb_threshold_percent"));
            }
            Outcome::Undetermined { doubts } => {
                prop_assert!(!doubts.is_empty());
                prop_assert!(answer.binding != Binding::Binding);
            }
        }
        let doubled = |texts: &[crate::regime::Sentence]| texts.iter().all(|text| !text.zh.is_empty() && !text.en.is_empty());
        prop_assert!(doubled(&answer.reasons) && doubled(&answer.advisories) && doubled(&answer.would_change));
        prop_assert_eq!(answer, Judge::on(&regime, day).determine(&item));
    }
}

#[test]
fn a_catalogue_says_of_each_item_what_the_item_alone_is_told() {
    let regime = Regime::default_china_2025();
    let judge = Judge::on(&regime, TODAY);
    let items = [
        ("magnet", Ok(an(ItemCategory::Magnet, "Nd 27, Fe 69, B 1, Dy 3"))),
        ("again", Ok(an(ItemCategory::Magnet, "Nd 27, Fe 69, B 1, Dy 3"))),
        ("clean", Ok(an(ItemCategory::Magnet, "Nd 30, Fe 69, B 1"))),
        ("rotor", Ok(Item::of(ItemCategory::Assembly))),
        ("absurd", Err("the shares add up to 120 percent".to_owned())),
    ];
    let asked = items.clone().map(|(reference, item)| (reference.to_owned(), item));
    let catalogue = judge.catalogue(asked);
    assert_eq!(
        catalogue.counts,
        Counts { controlled: 2, not_controlled: 1, undetermined: 1, faulty: 1 }
    );
    for ((reference, item), verdict) in items.into_iter().zip(&catalogue.verdicts) {
        assert_eq!(reference, verdict.reference);
        let Ok(item) = item else {
            assert!(matches!(verdict.answer, VerdictAnswer::Faulty { .. }));
            continue;
        };
        let alone = judge.determine(&item);
        let said = match &verdict.answer {
            VerdictAnswer::Controlled { said, codes } => {
                assert_eq!(alone.outcome, Outcome::Controlled { codes: codes.clone() });
                said
            }
            VerdictAnswer::NotControlled { said } | VerdictAnswer::Undetermined { said, .. } => {
                said
            }
            VerdictAnswer::Faulty { fault } => panic!("{fault}"),
        };
        let told: Vec<_> =
            said.reasons.iter().map(|at| &catalogue.sentences[*at as usize]).collect();
        assert_eq!(told, alone.reasons.iter().collect::<Vec<_>>(), "{reference}");
        assert_eq!(said.binds, alone.binding == Binding::Binding, "{reference}");
    }
    let mut once = catalogue.sentences.clone();
    once.dedup();
    assert_eq!(once.len(), catalogue.sentences.len());
}
