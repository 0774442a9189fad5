use super::*;
use crate::{
    mass::ElementMasses,
    metrology::{Errors, Metrology},
};
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::dec;
use std::fmt::Write;
use uuid::Uuid;

pub(in super::super) const TERMS: MatchTerms = MatchTerms {
    sigmas: 4.0,
    floor_mg: 1_000.0,
    class: Metrology {
        unstated: Errors { random: 0.01, systematic: 0.005 },
        weighing: Errors { random: 0.0, systematic: 0.0 },
    },
    amount_percent: dec!(1),
    window_days: 60,
    due_days: 30,
};
const SELLER: &str = "91350100M000100Y43";
const BUYER: &str = "914403001922038216";

fn movement(number: u128) -> MovementId {
    MovementId::from_uuid(Uuid::from_u128(number))
}

/// A dispatch of so many kilograms of dysprosium oxide.
fn sold(number: u128, kilograms: i64) -> SoldGoods {
    let mut elements = ElementMasses::ZERO;
    elements.0[Element::Dy.index()] = kilograms * 871_321;
    let mut content = OxideContent::NOTHING;
    content.add(&elements, &[0; ELEMENT_COUNT]);
    SoldGoods {
        movement: movement(number),
        seller: OrganisationId::from_uuid(Uuid::from_u128(1)),
        seller_code: Some(SELLER.to_owned()),
        buyer_code: Some(BUYER.to_owned()),
        dispatched_on: date(2026, 10, 2),
        content,
        value: Some(Money {
            amount: Decimal::from(kilograms * 1_600),
            currency: CurrencyCode::CNY,
        }),
    }
}

fn invoice(number: &str, kilograms: i64) -> TaxInvoice {
    TaxInvoice {
        number: number.to_owned(),
        credits: None,
        issued_on: date(2026, 10, 5),
        seller: SELLER.to_owned(),
        buyer: BUYER.to_owned(),
        currency: CurrencyCode::CNY,
        lines: vec![InvoicedGoods {
            element: Some(Element::Dy),
            oxide_grams: kilograms * 1_000,
            amount: Decimal::from(kilograms * 1_600),
        }],
    }
}

fn settlement(
    dispatches: Vec<SoldGoods>,
    invoices: Vec<TaxInvoice>,
    links: &[(u128, &str)],
) -> Settlement {
    let links = links.iter().map(|(id, number)| (movement(*id), (*number).to_owned())).collect();
    Settlement { dispatches, invoices, links }
}

fn with<T>(mut thing: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut thing);
    thing
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_way_in_which_dispatches_and_invoices_agree_or_do_not() {
    let today = date(2026, 10, 20);
    let one = |goods, paper: TaxInvoice| settlement(vec![goods], vec![paper], &[(1, "A")]);
    let of = |element| move |paper: &mut TaxInvoice| paper.lines[0].element = element;
    let cases = [
        ("the same", one(sold(1, 100), invoice("A", 100))),
        ("three percent apart", one(sold(1, 100), invoice("A", 97))),
        ("ten percent apart", one(sold(1, 100), invoice("A", 90))),
        ("another element", one(sold(1, 100), with(invoice("A", 100), of(Some(Element::La))))),
        ("a mixture", one(sold(1, 100), with(invoice("A", 100), of(None)))),
        (
            "a rebate of a tenth",
            one(sold(1, 100), with(invoice("A", 100), |it| it.lines[0].amount = dec!(144000))),
        ),
        (
            "in dollars",
            one(sold(1, 100), with(invoice("A", 100), |it| it.currency = "USD".parse().unwrap())),
        ),
        ("without a price", one(with(sold(1, 100), |it| it.value = None), invoice("A", 100))),
        (
            "for another buyer",
            one(sold(1, 100), with(invoice("A", 100), |it| it.buyer = SELLER.to_owned())),
        ),
        (
            "somebody else's invoice",
            one(sold(1, 100), with(invoice("A", 100), |it| it.seller = BUYER.to_owned())),
        ),
        (
            "half a year later",
            one(sold(1, 100), with(invoice("A", 100), |it| it.issued_on = date(2027, 4, 1))),
        ),
        ("none yet", settlement(vec![sold(1, 100)], Vec::new(), &[])),
        (
            "none for a long time",
            settlement(
                vec![with(sold(1, 100), |it| it.dispatched_on = date(2026, 8, 1))],
                Vec::new(),
                &[],
            ),
        ),
        (
            "two invoices",
            settlement(
                vec![sold(1, 100)],
                vec![invoice("A", 60), invoice("B", 40)],
                &[(1, "A"), (1, "B")],
            ),
        ),
        (
            "two dispatches",
            settlement(
                vec![sold(1, 60), sold(2, 40)],
                vec![invoice("A", 100)],
                &[(1, "A"), (2, "A")],
            ),
        ),
        (
            "two of which one is not invoiced in full",
            settlement(
                vec![sold(1, 60), sold(2, 40)],
                vec![invoice("A", 60), invoice("B", 20)],
                &[(1, "A"), (2, "B")],
            ),
        ),
        (
            "a chain",
            settlement(
                vec![sold(1, 100), sold(2, 50)],
                vec![invoice("A", 50), invoice("B", 100)],
                &[(1, "A"), (1, "B"), (2, "B")],
            ),
        ),
        (
            "more than was sent",
            settlement(
                vec![sold(1, 60), sold(2, 40)],
                vec![invoice("A", 300)],
                &[(1, "A"), (2, "A")],
            ),
        ),
        (
            "less a credit note",
            settlement(
                vec![sold(1, 80)],
                vec![
                    invoice("A", 100),
                    with(invoice("R", 20), |it| it.credits = Some("A".to_owned())),
                ],
                &[(1, "A")],
            ),
        ),
        (
            "all of it taken back",
            settlement(
                vec![sold(1, 80)],
                vec![
                    invoice("A", 100),
                    with(invoice("R", 200), |it| it.credits = Some("A".to_owned())),
                ],
                &[(1, "A")],
            ),
        ),
    ];
    let mut table = String::new();
    for (story, settlement) in cases {
        writeln!(table, "{story}").unwrap();
        for matched in settlement.matches(&TERMS, today) {
            let leg = matched.leg;
            let quantities = leg.quantities.map(|it| {
                format!(
                    "{} g against {} g, {:.1} sigma",
                    it.filed_grams, it.stated_grams, it.sigmas
                )
            });
            writeln!(
                table,
                "  {}: {} {:?} {:?} {} {:?} {:?}",
                matched.movement.as_uuid().as_u128(),
                leg.state,
                leg.differences.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
                leg.elements,
                quantities.unwrap_or_default(),
                leg.papers,
                leg.due,
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_dispatch_without_an_invoice_number_finds_the_one_that_fits_and_never_guesses() {
    let today = date(2026, 10, 20);
    let find = |rivals: &[SoldGoods], candidates: &[TaxInvoice]| {
        let leg = Settlement::inferred(&TERMS, &sold(1, 100), rivals, candidates, today);
        (leg.state, leg.papers)
    };
    let papers = |numbers: &[&str]| numbers.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let (a, b) = (invoice("A", 100), invoice("B", 40));
    assert_eq!(find(&[], &[a.clone(), b.clone()]), (LegState::Matched, papers(&["A"])));
    assert_eq!(find(&[sold(2, 40)], std::slice::from_ref(&a)), (LegState::Matched, papers(&["A"])));
    assert_eq!(
        find(&[sold(2, 100)], std::slice::from_ref(&a)),
        (LegState::Ambiguous, papers(&["A"]))
    );
    let twice = [a, invoice("C", 101)];
    assert_eq!(find(&[], &twice), (LegState::Ambiguous, papers(&["A", "C"])));
    assert_eq!(find(&[], &[b]), (LegState::NotYetDue, Vec::new()));
}

#[test]
fn what_is_not_linked_is_a_settlement_of_its_own() {
    let credit = with(invoice("R", 1), |it| it.credits = Some("B".to_owned()));
    let invoices = vec![invoice("A", 10), invoice("B", 20), credit];
    let links = &[(1, "A"), (2, "A"), (3, "B")];
    let whole = settlement(vec![sold(1, 5), sold(2, 5), sold(3, 20)], invoices, links);
    let parts = whole.parted();
    let shape: Vec<(usize, usize, usize)> = parts
        .iter()
        .map(|part| (part.dispatches.len(), part.invoices.len(), part.links.len()))
        .collect();
    assert_eq!(shape, [(2, 1, 2), (1, 2, 1)]);
}

#[test]
fn absurd_quantities_break_nothing() {
    let mut goods = sold(1, 1);
    goods.content.total.add(i64::MAX, i64::MAX);
    goods.value = Some(Money { amount: Decimal::MAX, currency: CurrencyCode::CNY });
    let mut paper = invoice("A", 1);
    paper.lines =
        vec![InvoicedGoods { element: None, oxide_grams: i64::MAX, amount: Decimal::MAX }; 3];
    let absurd = settlement(vec![goods], vec![paper], &[(1, "A")]);
    assert_eq!(absurd.matches(&TERMS, date(2026, 10, 20)).len(), 1);
}

proptest! {
    /// Who pays whom for what, drawn first; dispatches and invoices are its rows and columns.
    #[test]
    fn what_was_settled_in_full_matches_however_it_was_linked(
        paid in prop::collection::vec(prop::collection::vec(0_i64..500, 4), 1..5),
    ) {
        let rows: Vec<i64> = paid.iter().map(|row| row.iter().sum()).collect();
        let columns: Vec<i64> = (0..4).map(|column| paid.iter().map(|row| row[column]).sum()).collect();
        let names = ["A", "B", "C", "D"];
        let dispatches: Vec<SoldGoods> = (1..).zip(&rows).map(|(id, sum)| sold(id, *sum)).collect();
        let invoices: Vec<TaxInvoice> =
            names.iter().zip(&columns).map(|(name, sum)| invoice(name, *sum)).collect();
        let mut links = Vec::new();
        for (id, row) in (1..).zip(&paid) {
            links.extend(names.iter().zip(row).filter(|(_, part)| **part != 0).map(|(name, _)| (id, *name)));
        }
        for part in settlement(dispatches, invoices, &links).parted() {
            for matched in part.matches(&TERMS, date(2026, 10, 20)) {
                let leg = matched.leg;
                prop_assert!(matches!(leg.state, LegState::Matched | LegState::NotYetDue), "{leg:?}");
            }
        }
    }

    #[test]
    fn all_that_was_invoiced_is_shared_out_and_nothing_else(
        sent in prop::collection::vec(0_i64..1_000, 1..6), invoiced in prop::collection::vec(0_i64..1_000, 1..6),
        links in prop::collection::btree_set((0_usize..6, 0_usize..6), 0..20),
    ) {
        let names = ["A", "B", "C", "D", "E", "F"];
        let dispatches: Vec<SoldGoods> = (0..).zip(&sent).map(|(id, sum)| sold(id, *sum)).collect();
        let invoices: Vec<TaxInvoice> =
            names.iter().zip(&invoiced).map(|(name, sum)| invoice(name, *sum)).collect();
        let links: Vec<(u128, &str)> = links
            .into_iter()
            .filter(|(row, column)| *row < sent.len() && *column < invoiced.len())
            .map(|(row, column)| (row as u128, names[column]))
            .collect();
        let whole = settlement(dispatches, invoices, &links);
        let net: Vec<Net> = whole.invoices.iter().map(|invoice| whole.net(invoice)).collect();
        let shares = whole.allocate(&net);
        for (column, grams) in invoiced.iter().map(|sum| sum * 1_000).enumerate() {
            let given: i64 = shares.iter().map(|row| row[column]).sum();
            let linked = links.iter().any(|(_, name)| *name == names[column]);
            prop_assert_eq!(given, if linked { grams } else { 0 });
        }
        prop_assert!(shares.iter().flatten().all(|grams| 0 <= *grams));
    }
}
