//! Whether what exporters file agrees with what they declared to the customs.
//!
//! A declaration may cover several exports. Its net mass is compared with the goods that were
//! filed, both weighed, and each filed line with a declared tariff code; destination, licence,
//! value and day are compared as they are.

use super::{
    four_way::{Amounts, Difference, Leg, LegState, MatchTerms},
    oxide::OxideContent,
};
use crate::{
    identifiers::HsCode,
    ids::{FilingId, OrganisationId},
    metrology::Sum,
    money::Money,
};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// An export as it was filed.
#[derive(Clone, Debug, PartialEq)]
pub struct FiledExport {
    /// The filing.
    pub filing: FilingId,
    /// Who exports.
    pub exporter: OrganisationId,
    /// The exporter's unified social credit code, if it has one.
    pub exporter_code: Option<String>,
    /// When it left.
    pub exported_on: Date,
    /// Where it goes, as ISO 3166-1.
    pub destination: String,
    /// The licence it names.
    pub licence: Option<String>,
    /// Its lines.
    pub goods: Vec<ExportedGoods>,
    /// What they hold.
    pub content: OxideContent,
    /// What they cost; `None` unless every line has a price, all in one currency.
    pub value: Option<Money>,
}

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedGoods {
    /// Its tariff code, if it says one.
    pub hs_code: Option<HsCode>,
    /// Its mass.
    pub grams: i64,
    /// One standard uncertainty of that; zero where none was stated.
    pub uncertainty_grams: i64,
}

/// A customs declaration in its latest version; void ones are not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomsDeclaration {
    /// Its number.
    pub number: String,
    /// When it was made.
    pub declared_on: Date,
    /// Who exports, by the unified social credit code.
    pub exporter: String,
    /// Where it goes, as ISO 3166-1.
    pub destination: String,
    /// What is declared.
    pub lines: Vec<DeclaredGoods>,
}

/// A line of a customs declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredGoods {
    /// Its tariff code.
    pub hs_code: HsCode,
    /// Net mass.
    pub net_grams: i64,
    /// What it costs.
    pub value: Money,
    /// The licence it is exported under.
    pub licence: Option<String>,
}

/// Exports that name one declaration number, and the declaration, if the customs handed it in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredExports {
    /// The exports.
    pub exports: Vec<FiledExport>,
    /// The declaration.
    pub declaration: Option<CustomsDeclaration>,
}

impl DeclaredExports {
    /// How each export agrees with the declaration; quantities in grams of goods.
    pub fn matches(&self, terms: &MatchTerms, today: Date) -> Vec<(FilingId, OrganisationId, Leg)> {
        let leg = |export: &FiledExport| {
            let leg = match &self.declaration {
                None => Leg::missing(terms, export.exported_on, today),
                Some(declaration) => self.leg(terms, export, declaration),
            };
            (export.filing, export.exporter, leg)
        };
        self.exports.iter().map(leg).collect()
    }

    fn leg(&self, terms: &MatchTerms, export: &FiledExport, paper: &CustomsDeclaration) -> Leg {
        let mut leg = Leg { papers: vec![paper.number.clone()], ..Leg::empty(LegState::Matched) };
        if export.exporter_code.as_ref() != Some(&paper.exporter) {
            // Somebody else's declaration: nothing in it is about these goods.
            leg.differs_in(Difference::Exporter);
            return leg.judged();
        }
        let own = |other: &&FiledExport| other.exporter_code.as_ref() == Some(&paper.exporter);
        let exports: Vec<&FiledExport> = self.exports.iter().filter(own).collect();
        let (quantities, beyond) = terms.compare(&weighed(&exports), &declared(paper));
        leg.quantities = Some(quantities);
        let differs = [
            (beyond, Difference::Quantity),
            (export.destination != paper.destination, Difference::Destination),
            (terms.days_differ(export.exported_on, paper.declared_on), Difference::Date),
            (has_undeclared_goods(export, paper), Difference::HsCode),
            (licences_differ(export, &exports, paper), Difference::Licence),
        ];
        for (_, difference) in differs.into_iter().filter(|(differs, _)| *differs) {
            leg.differs_in(difference);
        }
        compare_values(&mut leg, terms, &exports, paper);
        leg.judged()
    }
}

fn weighed(exports: &[&FiledExport]) -> Sum {
    let mut sum = Sum::NOTHING;
    for goods in exports.iter().flat_map(|export| &export.goods) {
        let mg = |grams: i64| grams.saturating_mul(1_000);
        sum.add(mg(goods.grams), mg(goods.uncertainty_grams));
    }
    sum
}

fn declared(paper: &CustomsDeclaration) -> Sum {
    let mut sum = Sum::NOTHING;
    for line in &paper.lines {
        sum.add(line.net_grams.saturating_mul(1_000), 0);
    }
    sum
}

fn has_undeclared_goods(export: &FiledExport, paper: &CustomsDeclaration) -> bool {
    let mut codes = export.goods.iter().filter_map(|goods| goods.hs_code.as_ref());
    codes.any(|code| !paper.lines.iter().any(|line| line.hs_code.agrees_with(code)))
}

/// The export names a licence that no declared line is under, or a line is under one that no
/// export names.
fn licences_differ(
    export: &FiledExport,
    exports: &[&FiledExport],
    paper: &CustomsDeclaration,
) -> bool {
    let declared =
        |licence: &String| paper.lines.iter().any(|line| line.licence.as_ref() == Some(licence));
    let filed =
        |licence: &String| exports.iter().any(|export| export.licence.as_ref() == Some(licence));
    export.licence.as_ref().is_some_and(|licence| !declared(licence))
        || paper
            .lines
            .iter()
            .filter_map(|line| line.licence.as_ref())
            .any(|licence| !filed(licence))
}

fn compare_values(
    leg: &mut Leg,
    terms: &MatchTerms,
    exports: &[&FiledExport],
    paper: &CustomsDeclaration,
) {
    let filed: Option<Vec<Money>> = exports.iter().map(|export| export.value).collect();
    let (Some(filed), Some(first)) = (filed, paper.lines.first()) else { return };
    let currency = first.value.currency;
    let stated = paper.lines.iter().map(|line| line.value);
    if filed.iter().copied().chain(stated.clone()).any(|value| value.currency != currency) {
        leg.differs_in(Difference::Currency);
        return;
    }
    let sum = |values: &mut dyn Iterator<Item = Money>| {
        values.fold(Decimal::ZERO, |sum, value| sum.saturating_add(value.amount))
    };
    let amounts = Amounts {
        filed: sum(&mut filed.into_iter()),
        stated: sum(&mut stated.into_iter()),
        currency: currency.to_string(),
    };
    if terms.amounts_differ(&amounts, &weighed(exports), &declared(paper)) {
        leg.differs_in(Difference::Amount);
    }
    leg.amounts = Some(amounts);
}

#[cfg(test)]
mod tests;
