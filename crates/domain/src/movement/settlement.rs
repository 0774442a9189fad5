//! Which invoices settle which dispatches, and whether they say the same.
//!
//! A dispatch may be settled by several invoices and an invoice may settle several dispatches.
//! What an invoice states is allocated to the dispatches it is linked with so that as much as
//! possible is settled (a maximum flow); what is left over is shared in proportion, so that
//! nothing that was invoiced disappears. Quantities are compared dispatch by dispatch; elements
//! and amounts, which nobody allocates, over the whole settlement.

use super::{
    four_way::{Amounts, Difference, Leg, LegState, MatchTerms},
    oxide::{OxideContent, sigmas_apart},
};
use crate::{
    element::{ELEMENT_COUNT, Element},
    identifiers::CurrencyCode,
    ids::{MovementId, OrganisationId},
    metrology::{Sum, real},
    money::Money,
};
use jiff::civil::Date;
use petgraph::{
    algo::ford_fulkerson,
    graph::{DiGraph, NodeIndex},
    unionfind::UnionFind,
};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// A dispatch, as far as an invoice is compared with it.
#[derive(Clone, Debug, PartialEq)]
pub struct SoldGoods {
    /// Its movement.
    pub movement: MovementId,
    /// Who sold.
    pub seller: OrganisationId,
    /// The seller's unified social credit code, if it has one.
    pub seller_code: Option<String>,
    /// The buyer's.
    pub buyer_code: Option<String>,
    /// When it left.
    pub dispatched_on: Date,
    /// What it holds.
    pub content: OxideContent,
    /// What it costs; `None` unless every line has a price, all in one currency.
    pub value: Option<Money>,
}

/// A tax invoice in its latest version; void ones settle nothing and are not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxInvoice {
    /// Its number.
    pub number: String,
    /// The invoice that it takes back, for a credit note.
    pub credits: Option<String>,
    /// When it was issued.
    pub issued_on: Date,
    /// Who sold, by the unified social credit code.
    pub seller: String,
    /// Who bought.
    pub buyer: String,
    /// In which currency.
    pub currency: CurrencyCode,
    /// What was sold.
    pub lines: Vec<InvoicedGoods>,
}

/// A line of a tax invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvoicedGoods {
    /// Which rare earth; `None` for mixtures.
    pub element: Option<Element>,
    /// How much, in oxide equivalent.
    pub oxide_grams: i64,
    /// What it costs, without tax.
    pub amount: Decimal,
}

/// Dispatches and invoices that are linked with each other, and with nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settlement {
    /// The dispatches.
    pub dispatches: Vec<SoldGoods>,
    /// The invoices, and credit notes to them.
    pub invoices: Vec<TaxInvoice>,
    /// Which dispatch names which invoice, or the other way round.
    pub links: BTreeSet<(MovementId, String)>,
}

/// How a dispatch is invoiced.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceMatch {
    /// Its movement.
    pub movement: MovementId,
    /// Who sold.
    pub seller: OrganisationId,
    /// The leg; quantities in oxide equivalent.
    pub leg: Leg,
}

/// What an invoice states, less its credit notes.
struct Net {
    oxide_grams: i64,
    elements: [i64; ELEMENT_COUNT],
    /// Whether every line names a rare earth.
    elements_named: bool,
    amount: Decimal,
}

impl Settlement {
    /// Parts what is not linked: every part is a settlement of its own.
    pub fn parted(self) -> Vec<Self> {
        let mut places: BTreeMap<Node<'_>, usize> = BTreeMap::new();
        for dispatch in &self.dispatches {
            let next = places.len();
            places.entry(Node::Dispatch(dispatch.movement)).or_insert(next);
        }
        for invoice in &self.invoices {
            let next = places.len();
            places.entry(Node::Invoice(&invoice.number)).or_insert(next);
        }
        let mut sets = UnionFind::<usize>::new(places.len());
        let linked = self
            .links
            .iter()
            .map(|(movement, number)| (Node::Dispatch(*movement), Node::Invoice(number.as_str())));
        let credited = self.invoices.iter().filter_map(|note| {
            Some((Node::Invoice(note.credits.as_deref()?), Node::Invoice(&note.number)))
        });
        for (one, other) in linked.chain(credited) {
            if let (Some(one), Some(other)) = (places.get(&one), places.get(&other)) {
                sets.union(*one, *other);
            }
        }
        let set_of = |node: Node<'_>| places.get(&node).map(|place| sets.find(*place));
        let mut parts: BTreeMap<usize, Self> = BTreeMap::new();
        for dispatch in &self.dispatches {
            if let Some(set) = set_of(Node::Dispatch(dispatch.movement)) {
                parts.entry(set).or_default().dispatches.push(dispatch.clone());
            }
        }
        for invoice in &self.invoices {
            if let Some(set) = set_of(Node::Invoice(&invoice.number)) {
                parts.entry(set).or_default().invoices.push(invoice.clone());
            }
        }
        for link in &self.links {
            if let Some(set) = set_of(Node::Dispatch(link.0)) {
                parts.entry(set).or_default().links.insert(link.clone());
            }
        }
        parts.into_values().collect()
    }

    /// How each dispatch is invoiced.
    pub fn matches(&self, terms: &MatchTerms, today: Date) -> Vec<InvoiceMatch> {
        let net: Vec<Net> = self.invoices.iter().map(|invoice| self.net(invoice)).collect();
        let shares = self.allocate(&net);
        let whole = self.whole(&net, terms);
        let leg = |(index, goods): (usize, &SoldGoods)| {
            let mut leg = self.leg(terms, index, &shares, today);
            if let Some(Whole { differences, elements, amounts }) =
                whole.as_ref().filter(|_| leg.quantities.is_some())
            {
                for difference in differences {
                    leg.differs_in(*difference);
                }
                leg.elements.clone_from(elements);
                leg.amounts.clone_from(amounts);
                leg = leg.judged();
            }
            InvoiceMatch { movement: goods.movement, seller: goods.seller, leg }
        };
        self.dispatches.iter().enumerate().map(leg).collect()
    }

    /// A dispatch that names no invoice, among the invoices between the same two parties that
    /// nothing names: the one that fits, if only one does and fits no other such dispatch.
    pub fn inferred(
        terms: &MatchTerms,
        goods: &SoldGoods,
        rivals: &[SoldGoods],
        candidates: &[TaxInvoice],
        today: Date,
    ) -> Leg {
        let with = |goods: &SoldGoods, invoice: &TaxInvoice| Self {
            dispatches: vec![goods.clone()],
            invoices: vec![invoice.clone()],
            links: BTreeSet::from([(goods.movement, invoice.number.clone())]),
        };
        let leg_of = |goods: &SoldGoods, invoice: &TaxInvoice| {
            let matches = with(goods, invoice).matches(terms, today);
            matches.into_iter().next().map(|matched| matched.leg)
        };
        let fits = |goods: &SoldGoods, invoice: &TaxInvoice| {
            leg_of(goods, invoice).is_some_and(|leg| leg.state == LegState::Matched)
        };
        let fitting: Vec<&TaxInvoice> =
            candidates.iter().filter(|candidate| fits(goods, candidate)).collect();
        match fitting[..] {
            [] => Leg::missing(terms, goods.dispatched_on, today),
            [only] if !rivals.iter().any(|rival| fits(rival, only)) => leg_of(goods, only)
                .unwrap_or_else(|| Leg::missing(terms, goods.dispatched_on, today)),
            _ => {
                let papers = fitting.iter().map(|invoice| invoice.number.clone()).collect();
                Leg { papers, ..Leg::empty(LegState::Ambiguous) }
            }
        }
    }

    fn is_linked(&self, goods: &SoldGoods, invoice: &TaxInvoice) -> bool {
        invoice.credits.is_none() && self.links.contains(&(goods.movement, invoice.number.clone()))
    }

    /// Somebody else's invoice settles nothing, whoever names it.
    fn settles(&self, goods: &SoldGoods, invoice: &TaxInvoice) -> bool {
        self.is_linked(goods, invoice) && goods.seller_code.as_ref() == Some(&invoice.seller)
    }

    fn net(&self, invoice: &TaxInvoice) -> Net {
        let mut net = Net {
            oxide_grams: 0,
            elements: [0; ELEMENT_COUNT],
            elements_named: true,
            amount: Decimal::ZERO,
        };
        let credits = |note: &&TaxInvoice| note.credits.as_deref() == Some(&*invoice.number);
        let notes = self.invoices.iter().filter(credits).map(|note| (note, -1));
        for (paper, sign) in std::iter::once((invoice, 1)).chain(notes) {
            for line in &paper.lines {
                let grams = line.oxide_grams.saturating_mul(sign);
                net.oxide_grams = net.oxide_grams.saturating_add(grams);
                net.amount = net.amount.saturating_add(line.amount * Decimal::from(sign));
                match line.element {
                    Some(element) => {
                        let of_element = &mut net.elements[element.index()];
                        *of_element = of_element.saturating_add(grams);
                    }
                    None => net.elements_named = false,
                }
            }
        }
        // More taken back than sold leaves nothing to settle with.
        net.oxide_grams = net.oxide_grams.max(0);
        net
    }

    /// How many grams of each invoice go to each dispatch: `[dispatch][invoice]`.
    fn allocate(&self, net: &[Net]) -> Vec<Vec<i64>> {
        let mut shares = vec![vec![0_i64; self.invoices.len()]; self.dispatches.len()];
        let mut graph: DiGraph<(), u64> = DiGraph::new();
        let (source, sink) = (graph.add_node(()), graph.add_node(()));
        let goods: Vec<NodeIndex> = self.dispatches.iter().map(|_| graph.add_node(())).collect();
        for (node, dispatch) in goods.iter().zip(&self.dispatches) {
            graph.add_edge(*node, sink, dispatch.content.grams().max(0).unsigned_abs());
        }
        let mut edges = Vec::new();
        for (column, (invoice, net)) in self.invoices.iter().zip(net).enumerate() {
            let paper = graph.add_node(());
            graph.add_edge(source, paper, net.oxide_grams.unsigned_abs());
            for (row, (node, dispatch)) in goods.iter().zip(&self.dispatches).enumerate() {
                if self.settles(dispatch, invoice) {
                    let edge = graph.add_edge(paper, *node, net.oxide_grams.unsigned_abs());
                    edges.push((edge, row, column));
                }
            }
        }
        let (_, flows) = ford_fulkerson(&graph, source, sink);
        for (edge, row, column) in &edges {
            let flow = flows.get(edge.index()).copied().unwrap_or(0);
            shares[*row][*column] = i64::try_from(flow).unwrap_or(i64::MAX);
        }
        for (column, net) in net.iter().enumerate() {
            let linked: Vec<usize> =
                edges.iter().filter(|edge| edge.2 == column).map(|edge| edge.1).collect();
            let settled =
                linked.iter().fold(0_i64, |sum, row| sum.saturating_add(shares[*row][column]));
            let weights: Vec<i64> =
                linked.iter().map(|row| self.dispatches[*row].content.grams().max(1)).collect();
            let over = net.oxide_grams.saturating_sub(settled);
            for (row, part) in linked.iter().zip(in_proportion(over, &weights)) {
                shares[*row][column] = shares[*row][column].saturating_add(part);
            }
        }
        shares
    }

    fn leg(&self, terms: &MatchTerms, index: usize, shares: &[Vec<i64>], today: Date) -> Leg {
        let goods = &self.dispatches[index];
        let linked: Vec<&TaxInvoice> =
            self.invoices.iter().filter(|invoice| self.is_linked(goods, invoice)).collect();
        if linked.is_empty() {
            return Leg::missing(terms, goods.dispatched_on, today);
        }
        let mut leg = Leg::empty(LegState::Matched);
        for invoice in &linked {
            leg.papers.push(invoice.number.clone());
            if goods.seller_code.as_ref() != Some(&invoice.seller) {
                leg.differs_in(Difference::Seller);
            }
            if goods.buyer_code.as_ref() != Some(&invoice.buyer) {
                leg.differs_in(Difference::Buyer);
            }
            if terms.days_differ(goods.dispatched_on, invoice.issued_on) {
                leg.differs_in(Difference::Date);
            }
        }
        if linked.iter().any(|invoice| self.settles(goods, invoice)) {
            let mut invoiced = Sum::NOTHING;
            for grams in &shares[index] {
                invoiced.add(grams.saturating_mul(1_000), 0);
            }
            let (quantities, beyond) = terms.compare(&goods.content.total, &invoiced);
            leg.quantities = Some(quantities);
            if beyond {
                leg.differs_in(Difference::Quantity);
            }
        }
        leg.judged()
    }

    /// What differs over all of it, and cannot be said of one dispatch alone.
    fn whole(&self, net: &[Net], terms: &MatchTerms) -> Option<Whole> {
        let pairs = || {
            self.dispatches.iter().flat_map(|goods| self.invoices.iter().map(move |it| (goods, it)))
        };
        let settling = |paper: &TaxInvoice| {
            pairs().any(|(goods, it)| it.number == paper.number && self.settles(goods, it))
        };
        let settled = |sold: &SoldGoods| {
            pairs().any(|(goods, it)| goods.movement == sold.movement && self.settles(goods, it))
        };
        let papers: Vec<(&TaxInvoice, &Net)> =
            self.invoices.iter().zip(net).filter(|(paper, _)| settling(paper)).collect();
        let goods: Vec<&SoldGoods> = self.dispatches.iter().filter(|sold| settled(sold)).collect();
        let currency = papers.first()?.0.currency;
        let (filed, stated) = contents(&goods, &papers);
        let mut whole = Whole::default();
        if papers.iter().all(|(_, net)| net.elements_named) {
            whole.elements = elements_apart(&filed, &stated, terms);
        }
        if !whole.elements.is_empty() {
            whole.differences.push(Difference::Elements);
        }
        let values: Option<Vec<Money>> = goods.iter().map(|goods| goods.value).collect();
        let Some(values) = values else { return Some(whole) };
        if papers.iter().any(|(invoice, _)| invoice.currency != currency)
            || values.iter().any(|value| value.currency != currency)
        {
            whole.differences.push(Difference::Currency);
            return Some(whole);
        }
        let amounts = Amounts {
            filed: sum(values.iter().map(|value| value.amount)),
            stated: sum(papers.iter().map(|(_, net)| net.amount)),
            currency: currency.to_string(),
        };
        if terms.amounts_differ(&amounts, &filed.total, &stated.total) {
            whole.differences.push(Difference::Amount);
        }
        whole.amounts = Some(amounts);
        Some(whole)
    }
}

/// What differs over all of a settlement.
#[derive(Default)]
struct Whole {
    differences: Vec<Difference>,
    elements: Vec<Element>,
    amounts: Option<Amounts>,
}

fn sum(amounts: impl Iterator<Item = Decimal>) -> Decimal {
    amounts.fold(Decimal::ZERO, Decimal::saturating_add)
}

/// What was filed and what is invoiced, all together.
fn contents(goods: &[&SoldGoods], papers: &[(&TaxInvoice, &Net)]) -> (OxideContent, OxideContent) {
    let (mut filed, mut stated) = (OxideContent::NOTHING, OxideContent::NOTHING);
    for goods in goods {
        filed.total = filed.total.plus(goods.content.total);
        for (sum, element) in filed.elements.iter_mut().zip(&goods.content.elements) {
            *sum = sum.plus(*element);
        }
    }
    for (_, net) in papers {
        stated.total.add(net.oxide_grams.saturating_mul(1_000), 0);
        for (sum, grams) in stated.elements.iter_mut().zip(net.elements) {
            sum.add(grams.saturating_mul(1_000), 0);
        }
    }
    (filed, stated)
}

/// Elements that invoices state otherwise although there is as much of all together. Measured
/// against the doubt of the whole: an invoice of one oxide does not name its traces.
fn elements_apart(filed: &OxideContent, stated: &OxideContent, terms: &MatchTerms) -> Vec<Element> {
    if terms.compare(&filed.total, &stated.total).1 {
        return Vec::new();
    }
    let whole = filed.total.variance(&terms.class) + stated.total.variance(&terms.class);
    let apart = |element: &Element| {
        let (one, other) = (&filed.elements[element.index()], &stated.elements[element.index()]);
        let apart_mg = real(one.mass_mg.saturating_sub(other.mass_mg)).abs();
        terms.floor_mg < apart_mg
            && terms.sigmas < apart_mg / whole.sqrt().max(1.0)
            && terms.sigmas < sigmas_apart(one, other, &terms.class)
    };
    Element::ALL.into_iter().filter(apart).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node<'a> {
    Dispatch(MovementId),
    Invoice(&'a str),
}

/// Parts a whole in proportion to weights, exactly: what does not divide goes to the first.
fn in_proportion(whole: i64, weights: &[i64]) -> Vec<i64> {
    let all = weights.iter().map(|weight| i128::from(*weight)).sum::<i128>().max(1);
    let mut parts: Vec<i64> = weights
        .iter()
        .map(|weight| {
            let part = i128::from(whole) * i128::from(*weight) / all;
            i64::try_from(part).unwrap_or(i64::MAX)
        })
        .collect();
    let rest = parts.iter().fold(whole, |rest, part| rest.saturating_sub(*part));
    if let Some(first) = parts.first_mut() {
        *first = first.saturating_add(rest);
    }
    parts
}

#[cfg(test)]
mod tests;
