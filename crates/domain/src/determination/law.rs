//! The lists as they stand on one day: read once, asked for every item of a catalogue.

use super::{Determination, Item, judge, verdict::RestsOn};
use crate::{
    element::{ELEMENT_COUNT, Element},
    identifiers::{CountryCode, HsCode},
    regime::{
        ControlItem, Dated, DestinationNotice, FunctionalForm, ItemCategory, MagnetFamily,
        Parameter, ParameterName, PartyList, Regime, Standing, TariffCondition,
    },
};
use jiff::civil::Date;
use rust_decimal::{Decimal, dec};
use std::ops::Deref;

/// An item of the lists with what its wording says, and what it is worth on the day.
pub(super) struct ListedItem<'a> {
    row: &'a Dated<ControlItem>,
    pub(super) standing: Standing,
    pub(super) is_heading: bool,
    pub(super) partners: Vec<&'static str>,
    pub(super) form: Option<FunctionalForm>,
    pub(super) magnet_family: Option<MagnetFamily>,
    pub(super) rests_on: RestsOn,
    is_target: bool,
}

impl<'a> ListedItem<'a> {
    fn of(row: &'a Dated<ControlItem>, regime: &Regime, day: Date) -> Self {
        let item = &row.value;
        let standing = match (regime.standing(&item.announcement, day), row.from) {
            (Standing::InForce, Some(from)) if day < from => Standing::NotYet { from },
            (standing, _) => standing,
        };
        let rests_on = RestsOn::of(&item.code.0, &row.provenance);
        Self {
            row,
            standing,
            is_heading: item.is_heading(),
            partners: item.partners(),
            form: item.form(),
            magnet_family: item.magnet_family(),
            rests_on,
            is_target: item.is_about(ItemCategory::Target),
        }
    }

    /// Whether its wording is about goods of this category.
    pub(super) fn is_about(&self, category: ItemCategory) -> bool {
        self.row.value.category == category || (category == ItemCategory::Target && self.is_target)
    }

    /// Whether it matters on the day: in force, or possibly in force.
    pub(super) const fn matters(&self) -> bool {
        matches!(self.standing, Standing::InForce | Standing::NotKnown { .. })
    }
}

impl Deref for ListedItem<'_> {
    type Target = Dated<ControlItem>;

    fn deref(&self) -> &Dated<ControlItem> {
        self.row
    }
}

/// The law of one day, ready to be asked about many items.
pub struct Judge<'a> {
    regime: &'a Regime,
    day: Date,
    /// Items whose dates are not over and whose number is not kept free.
    items: Vec<ListedItem<'a>>,
    /// Positions in `items`, by element.
    by_element: [Vec<usize>; ELEMENT_COUNT],
    practice: Option<&'a Dated<Parameter>>,
    trace: Option<&'a Dated<Parameter>>,
    unnamed_parties: u32,
}

impl<'a> Judge<'a> {
    /// Reads the lists as they stand on a day.
    pub fn on(regime: &'a Regime, day: Date) -> Self {
        let over = |row: &Dated<ControlItem>| row.until.is_some_and(|until| until <= day);
        let rows = regime.control_items().iter();
        let items: Vec<ListedItem<'a>> = rows
            .filter(|row| !over(row) && !row.value.is_reserved())
            .map(|row| ListedItem::of(row, regime, day))
            .collect();
        let mut by_element: [Vec<usize>; ELEMENT_COUNT] = Default::default();
        for (position, item) in items.iter().enumerate() {
            if let Some(element) = item.value.element {
                by_element[element.index()].push(position);
            }
        }
        let unnamed = PartyList::ALL.iter().map(|list| regime.unnamed_parties(*list, day));
        Self {
            regime,
            day,
            items,
            by_element,
            practice: regime.parameter(ParameterName::DyTbThresholdPercent, day),
            trace: regime.parameter(ParameterName::TracePercent, day),
            unnamed_parties: unnamed.sum(),
        }
    }

    /// Judges an item.
    pub fn determine(&self, item: &Item) -> Determination {
        judge(self, item)
    }

    pub(super) const fn regime(&self) -> &'a Regime {
        self.regime
    }

    pub(super) const fn day(&self) -> Date {
        self.day
    }

    pub(super) const fn unnamed_parties(&self) -> u32 {
        self.unnamed_parties
    }

    /// What traders regard of dysprosium and terbium together, with its row.
    pub(super) const fn practice(&self) -> Option<&'a Dated<Parameter>> {
        self.practice
    }

    /// The content at or below which a person looks, with its row.
    pub(super) const fn trace(&self) -> Option<&'a Dated<Parameter>> {
        self.trace
    }

    /// The items that satisfy a condition.
    pub(super) fn items(
        &self,
        condition: impl Fn(&ListedItem<'a>) -> bool,
    ) -> Vec<&ListedItem<'a>> {
        self.items.iter().filter(|item| condition(item)).collect()
    }

    /// The items about one element that satisfy a condition.
    pub(super) fn of(
        &self,
        element: Element,
        condition: impl Fn(&ListedItem<'a>) -> bool,
    ) -> Vec<&ListedItem<'a>> {
        let positions = &self.by_element[element.index()];
        let items = positions.iter().map(|position| &self.items[*position]);
        items.filter(|item| condition(item)).collect()
    }

    /// What customs asks for under a tariff code.
    pub(super) fn tariff_condition(&self, hs: &HsCode) -> Option<&'a Dated<TariffCondition>> {
        self.regime.tariff_condition(hs, self.day)
    }

    /// What is to be known about a destination.
    pub(super) fn notices(
        &self,
        destination: CountryCode,
    ) -> impl Iterator<Item = &'a Dated<DestinationNotice>> {
        self.regime.destination_notices(destination, self.day)
    }
}

/// The number of a parameter; zero, the strictest reading, where no row holds it.
pub(super) fn percent(parameter: Option<&Dated<Parameter>>) -> Decimal {
    parameter.map_or(dec!(0), |row| row.value.value)
}
