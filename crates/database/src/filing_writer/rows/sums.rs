//! What a batch adds to the sums that are kept beside filings: balances of accounts, flows of
//! months, and how often a site's month was touched. Each in one order for all writers.

use super::{
    BalanceRow, FlowRow, SiteMonthRow,
    filing::{Posted, posted},
};
use crate::filing_writer::Entry;
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{AccountKind, FilingKind},
    flow::{FlowKey, FlowMass, flows},
    ids::{OrganisationId, SiteId},
    mass::ElementMasses,
    posting::Account,
};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Net matter per organisation, account and month, in the order of the cache's key, so that two
/// writers never lock the same rows in opposite order.
#[derive(Default)]
pub(super) struct Balances(BTreeMap<(OrganisationId, Account, Date), (i64, ElementMasses)>);

impl Balances {
    pub(super) fn add(&mut self, entry: &Entry) {
        for Posted { posting, month, .. } in posted(entry) {
            for (account, sign) in [(posting.from, -1_i64), (posting.to, 1)] {
                // A process account is empty again at the end of every filing.
                if account.kind == AccountKind::Process {
                    continue;
                }
                let key = (entry.filing.organisation, account, month);
                let (gross, elements) = self.0.entry(key).or_default();
                *gross += sign * posting.gross_grams;
                *elements = match sign {
                    1 => elements.plus(&posting.elements),
                    _ => elements.minus(&posting.elements),
                };
            }
        }
    }

    pub(super) fn rows(self) -> Vec<BalanceRow> {
        self.0
            .into_iter()
            .map(|((organisation, account, month), (gross_grams, elements))| {
                let kind = account.kind.as_str();
                let organisation = organisation.as_uuid();
                row!(
                    BalanceRow {
                        organisation: organisation,
                        kind: kind,
                        key: account.key,
                        month: month,
                        gross_grams: gross_grams
                    },
                    elements
                )
            })
            .collect()
    }
}

/// What came into and went out of stocks, in one order for all writers, as with balances.
#[derive(Default)]
pub(super) struct Flows(BTreeMap<FlowKey, FlowMass>);

impl Flows {
    pub(super) fn add(&mut self, entry: &Entry) {
        let undone = entry.reversal.iter().flat_map(|reversal| &reversal.flows);
        let undone = undone.map(|(key, mass)| (key.clone(), mass.negated()));
        for (key, mass) in flows(&entry.filing).into_iter().chain(undone) {
            let sum = self.0.entry(key).or_default();
            *sum = sum.plus(mass);
        }
    }

    pub(super) fn rows(self) -> Vec<FlowRow> {
        let flows = self.0.into_iter().filter(|(_, mass)| *mass != FlowMass::default());
        flows
            .map(|(key, mass)| {
                row!(
                    FlowRow {
                        organisation: key.organisation.as_uuid(),
                        month: key.month.first_day(),
                        flow: key.kind.as_str(),
                        process: key.process.map_or("", domain::codes::Process::as_str),
                        category: key.category.map_or("", domain::codes::Category::as_str),
                        country: key.country.map_or_else(String::new, |it| it.to_string()),
                        site: key.site.as_uuid(),
                        gross_grams: mass.gross_grams
                    },
                    mass.elements
                )
            })
            .collect()
    }
}

/// Which sites' months something was filed or replaced in, in one order for all writers.
#[derive(Default)]
pub(super) struct SiteMonths(BTreeMap<(OrganisationId, SiteId, Month), i64>);

impl SiteMonths {
    pub(super) fn add(&mut self, entry: &Entry) {
        let filing = &entry.filing;
        // It moves and measures nothing.
        if filing.claim.kind() == FilingKind::MonthlyReturn {
            return;
        }
        let own = (filing.site, filing.happened_at);
        let undone = entry.reversal.iter().map(|reversal| (reversal.site, reversal.happened_at));
        for (site, happened_at) in std::iter::once(own).chain(undone) {
            let month = Month::of(beijing_date(happened_at));
            *self.0.entry((filing.organisation, site, month)).or_default() += 1;
        }
    }

    pub(super) fn rows(self) -> Vec<SiteMonthRow> {
        let row =
            |((organisation, site, month), version): ((OrganisationId, SiteId, Month), i64)| {
                SiteMonthRow {
                    organisation: organisation.as_uuid(),
                    site: site.as_uuid(),
                    month: month.first_day(),
                    version,
                }
            };
        self.0.into_iter().map(row).collect()
    }
}
