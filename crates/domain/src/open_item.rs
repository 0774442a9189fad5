//! What is still to be done, by whom, by when, and who is told at which step.
//!
//! Every open item has an owner, a clock, reminders and an escalation. The clocks are dated rows of
//! the law; an item for which no row states one is open without anybody being chased. Who is told
//! follows from the item, the rows and the day alone, so that a sweep may run as often as it likes.
//! Nothing here is suspicion: what officials suspect has no part in it.

use crate::{
    calendar_month::Month,
    codes::words,
    ids::{MovementId, OrganisationId},
    movement::{MovementReference, MovementStanding, MovementState},
    regime::{Calendar, ParameterName, Regime, Sentence},
};
use jiff::{Timestamp, ToSpan, civil::Date};
use rust_decimal::prelude::ToPrimitive;

/// No clock of working days is longer, so that a slip in a row cannot keep a sweep busy.
const WORKING_DAYS_LIMIT: u32 = 500;

words! {
    /// What is still to be done.
    OpenItemKind {
        /// Say what arrived of a movement.
        ReceiptMissing = "receipt_missing",
        /// Explain a shortage or an excess.
        DifferenceUnexplained = "difference_unexplained",
        /// Accept or contest an explanation.
        ExplanationUnanswered = "explanation_unanswered",
        /// Explain anew what was contested.
        ExplanationContested = "explanation_contested",
        /// File the return that closes a month.
        ReturnMissing = "return_missing",
        /// Nothing: what was announced to its owner goes to somebody else.
        MovementWithdrawn = "movement_withdrawn",
        /// Explain why somebody received what was withdrawn from them.
        ReceivedThoughWithdrawn = "received_though_withdrawn",
    }
}

words! {
    /// A moment in the life of an open item at which somebody is told.
    Step {
        /// It has become somebody's turn.
        Opened = "opened",
        /// It is due in a few days.
        Reminder = "reminder",
        /// It was due.
        Overdue = "overdue",
        /// It was due long ago: officials are told.
        Escalation = "escalation",
    }
}

words! {
    /// Who is told.
    NotificationAudience {
        /// The people of the owner.
        Filer = "filer",
        /// The authority's people.
        Official = "official",
    }
}

/// What an open item is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemSubject {
    /// A movement.
    Movement(MovementId, MovementReference),
    /// The return of a site, by its code, for a month.
    Return {
        /// The code of the site.
        site: String,
        /// Which month.
        month: Month,
    },
}

/// Something that is still to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// What.
    pub kind: OpenItemKind,
    /// By whom.
    pub owner: OrganisationId,
    /// What it is about.
    pub subject: ItemSubject,
    /// Since when; a new turn begins a new item.
    pub since: Date,
    /// By when, where that is known already; otherwise the clock of its kind says.
    pub due: Option<Date>,
}

/// Somebody who is to be told, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueStep {
    /// At which step.
    pub step: Step,
    /// Who.
    pub audience: NotificationAudience,
    /// The day on which it became due to tell them.
    pub day: Date,
    /// By when the item is or was due.
    pub due: Date,
    /// What they are told.
    pub text: Sentence,
}

/// The clocks on a day, in working days; `None` where no row states one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    receipt: Option<u32>,
    explanation: Option<u32>,
    answer: Option<u32>,
    /// Before an item is due.
    reminder: Option<u32>,
    /// After an item was due.
    escalation: Option<u32>,
}

impl Clocks {
    /// The clocks that hold on a day.
    pub fn on(regime: &Regime, day: Date) -> Self {
        let days = |name| {
            let days = regime.parameter(name, day)?.value.value.trunc().to_u32()?;
            Some(days.min(WORKING_DAYS_LIMIT))
        };
        Self {
            receipt: days(ParameterName::MovementReceiptWorkingDays),
            explanation: days(ParameterName::DifferenceExplanationWorkingDays),
            answer: days(ParameterName::ExplanationAnswerWorkingDays),
            reminder: days(ParameterName::OpenItemReminderWorkingDays),
            escalation: days(ParameterName::OpenItemEscalationWorkingDays),
        }
    }

    /// By when an item is due.
    pub fn due(&self, item: &OpenItem, calendar: &Calendar) -> Option<Date> {
        let days = match item.kind {
            OpenItemKind::ReceiptMissing => self.receipt,
            OpenItemKind::DifferenceUnexplained
            | OpenItemKind::ExplanationContested
            | OpenItemKind::ReceivedThoughWithdrawn => self.explanation,
            OpenItemKind::ExplanationUnanswered => self.answer,
            OpenItemKind::ReturnMissing | OpenItemKind::MovementWithdrawn => None,
        };
        item.due.or_else(|| Some(calendar.add_working_days(item.since, days?).value()))
    }

    /// What is to be told by today: of everything that has become due, the latest step for each
    /// audience. Who was not told in time is not told everything at once.
    pub fn to_tell(&self, item: &OpenItem, calendar: &Calendar, today: Date) -> Vec<DueStep> {
        let due = self.due_steps(item, calendar, today);
        let latest = |audience| due.iter().rev().find(|told| told.audience == audience).cloned();
        NotificationAudience::ALL.iter().filter_map(|audience| latest(*audience)).collect()
    }

    /// Everything that has become due by today, the earliest first.
    fn due_steps(&self, item: &OpenItem, calendar: &Calendar, today: Date) -> Vec<DueStep> {
        if item.kind == OpenItemKind::MovementWithdrawn {
            return item.news();
        }
        let Some(due) = self.due(item, calendar) else { return Vec::new() };
        let opened = item.kind.is_told_at_once().then_some(item.since);
        let reminder = self.reminder.map(|days| working_days_before(calendar, due, days));
        let reminder = reminder.filter(|day| item.since < *day || opened.is_none());
        let escalation = self.escalation.map(|days| calendar.add_working_days(due, days).value());
        let steps = [
            (Step::Opened, NotificationAudience::Filer, opened),
            (Step::Reminder, NotificationAudience::Filer, reminder),
            (Step::Overdue, NotificationAudience::Filer, due.checked_add(1.day()).ok()),
            (Step::Escalation, NotificationAudience::Official, escalation),
        ];
        steps
            .into_iter()
            .filter_map(|(step, audience, day)| Some((step, audience, day?)))
            .filter(|(_, _, day)| *day <= today)
            .map(|(step, audience, day)| {
                let text = item.sentence(step, due);
                DueStep { step, audience, day, due, text }
            })
            .collect()
    }
}

/// The working day that is the `count`th before a day.
fn working_days_before(calendar: &Calendar, day: Date, count: u32) -> Date {
    let mut left = count;
    let mut current = day;
    while 0 < left {
        let Ok(before) = current.checked_sub(1.day()) else { break };
        current = before;
        left -= u32::from(calendar.is_working_day(current).value());
    }
    current
}

impl OpenItemKind {
    /// Whether its owner is told when it becomes its turn. Goods under way and returns to come are
    /// too many and no news.
    const fn is_told_at_once(self) -> bool {
        match self {
            Self::DifferenceUnexplained
            | Self::ExplanationUnanswered
            | Self::ExplanationContested
            | Self::MovementWithdrawn
            | Self::ReceivedThoughWithdrawn => true,
            Self::ReceiptMissing | Self::ReturnMissing => false,
        }
    }

    /// What has to be done about it, in both languages, after "please".
    const fn task(self) -> (&'static str, &'static str) {
        match self {
            Self::ReceiptMissing => ("申报签收", "say what arrived"),
            Self::DifferenceUnexplained => ("说明收发差额", "explain the difference"),
            Self::ExplanationUnanswered => {
                ("接受或者不接受对方的说明", "accept or contest the explanation")
            }
            Self::ExplanationContested => {
                ("重新说明对方不接受的差额", "explain anew what was contested")
            }
            Self::ReturnMissing => ("申报月度报表", "file the monthly return"),
            Self::MovementWithdrawn => {
                ("留意：对方已更正发货申报", "note that its seller has corrected the dispatch")
            }
            Self::ReceivedThoughWithdrawn => (
                "说明已改发他人的货物为何由原收货方签收",
                "explain why goods that go to somebody else now were received by whom they went to before",
            ),
        }
    }

    /// The item that a movement in this state is.
    const fn of_movement(state: MovementState) -> Option<Self> {
        match state {
            MovementState::UnderWay => Some(Self::ReceiptMissing),
            MovementState::DifferenceOpen => Some(Self::DifferenceUnexplained),
            MovementState::Explained => Some(Self::ExplanationUnanswered),
            MovementState::Contested => Some(Self::ExplanationContested),
            MovementState::Received
            | MovementState::WithinUncertainty
            | MovementState::Agreed
            | MovementState::Refused
            | MovementState::Withdrawn => None,
        }
    }
}

impl ItemSubject {
    /// Its name, the same for every step and every sweep.
    pub fn key(&self) -> String {
        match self {
            Self::Movement(movement, _) => movement.to_string(),
            Self::Return { site, month } => format!("{month} {site}"),
        }
    }

    /// What kind of thing it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Movement(..) => "movement",
            Self::Return { .. } => "return",
        }
    }

    fn shown(&self) -> (String, String) {
        match self {
            Self::Movement(_, reference) => {
                (format!("货物移动 {reference}"), format!("Movement {reference}"))
            }
            Self::Return { site, month } => (
                format!("场所 {site} 的 {month} 月度报表"),
                format!("Return {month} of site {site}"),
            ),
        }
    }
}

impl OpenItem {
    /// What is still to be done about a movement, if anything is.
    pub fn of_movement(
        movement: MovementId,
        reference: MovementReference,
        standing: &MovementStanding,
    ) -> Option<Self> {
        Some(Self {
            kind: OpenItemKind::of_movement(standing.state)?,
            owner: standing.owner?,
            subject: ItemSubject::Movement(movement, reference),
            since: crate::calendar_month::beijing_date(standing.since),
            due: None,
        })
    }

    /// The same about what a buyer received of a dispatch that was corrected to somebody else.
    pub fn of_withdrawn(
        movement: MovementId,
        reference: MovementReference,
        standing: &MovementStanding,
    ) -> Option<Self> {
        let item = Self::of_movement(movement, reference, standing)?;
        Some(match item.kind {
            OpenItemKind::DifferenceUnexplained => {
                Self { kind: OpenItemKind::ReceivedThoughWithdrawn, ..item }
            }
            _ => item,
        })
    }

    /// That what was announced to a buyer goes to somebody else: news, and nothing to be done.
    pub fn withdrawal(
        movement: MovementId,
        reference: MovementReference,
        buyer: OrganisationId,
        withdrawn_at: Timestamp,
    ) -> Self {
        Self {
            kind: OpenItemKind::MovementWithdrawn,
            owner: buyer,
            subject: ItemSubject::Movement(movement, reference),
            since: crate::calendar_month::beijing_date(withdrawn_at),
            due: None,
        }
    }

    /// What is told once, on the day on which it became so.
    fn news(&self) -> Vec<DueStep> {
        let (subject_zh, subject_en) = self.subject.shown();
        let text = Sentence::new(
            format!(
                "{subject_zh}：发货方已更正申报，该货物不再发往贵单位，贵单位无需再办理。如货物已经到达，请照实申报签收。"
            ),
            format!(
                "{subject_en}: its seller has corrected the dispatch; it is no longer on its way to \
                 you, and nothing is left for you to do. If goods have arrived, say what arrived."
            ),
        );
        let (step, audience) = (Step::Opened, NotificationAudience::Filer);
        vec![DueStep { step, audience, day: self.since, due: self.since, text }]
    }

    fn sentence(&self, step: Step, due: Date) -> Sentence {
        let (subject_zh, subject_en) = self.subject.shown();
        let (task_zh, task_en) = self.kind.task();
        match step {
            Step::Opened => Sentence::new(
                format!("{subject_zh}：请于 {due} 前{task_zh}。"),
                format!("{subject_en}: please {task_en} by {due}."),
            ),
            Step::Reminder => Sentence::new(
                format!("提醒：{subject_zh}：请于 {due} 前{task_zh}。"),
                format!("Reminder. {subject_en}: please {task_en} by {due}."),
            ),
            Step::Overdue => Sentence::new(
                format!("已逾期：{subject_zh}：应于 {due} 前{task_zh}。"),
                format!("Overdue. {subject_en}: please {task_en}; it was due by {due}."),
            ),
            Step::Escalation => Sentence::new(
                format!("长期逾期：{subject_zh}：申报者应于 {due} 前{task_zh}，至今未办。"),
                format!(
                    "Long overdue. {subject_en}: its owner was to {task_en} by {due} and has not."
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::fmt::Write;
    use uuid::Uuid;

    fn clocks() -> Clocks {
        Clocks::on(&Regime::default_china_2025(), date(2026, 9, 1))
    }

    fn item(kind: OpenItemKind, since: Date) -> OpenItem {
        let movement = MovementId::from_uuid(Uuid::from_u128(1));
        OpenItem {
            kind,
            owner: OrganisationId::from_uuid(Uuid::from_u128(2)),
            subject: ItemSubject::Movement(movement, MovementReference::of_number(1)),
            since,
            due: None,
        }
    }

    #[test]
    fn who_is_told_what_and_when() {
        let regime = Regime::default_china_2025();
        let mut table = String::new();
        // Tuesday; 1 to 7 October and the Mid-Autumn days are holidays.
        let since = date(2026, 9, 15);
        let mut items: Vec<OpenItem> =
            OpenItemKind::ALL.iter().map(|kind| item(*kind, since)).collect();
        for item in &mut items {
            if item.kind == OpenItemKind::ReturnMissing {
                let month = "2026-09".parse().unwrap();
                item.subject = ItemSubject::Return { site: "S1".to_owned(), month };
                item.due = Some(date(2026, 10, 10));
            }
            writeln!(table, "{}", item.kind).unwrap();
            for told in clocks().due_steps(item, regime.calendar(), date(2027, 12, 31)) {
                let DueStep { step, audience, day, text, .. } = told;
                writeln!(table, "  {day} {step}, to {audience}: {} {}", text.en, text.zh).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_step_becomes_due_on_its_day_and_stays_due() {
        let regime = Regime::default_china_2025();
        let item = item(OpenItemKind::DifferenceUnexplained, date(2026, 11, 2));
        let steps = |today| clocks().due_steps(&item, regime.calendar(), today).len();
        let due = clocks().due(&item, regime.calendar()).unwrap();
        assert_eq!(steps(date(2026, 11, 1)), 0);
        assert_eq!(steps(date(2026, 11, 2)), 1);
        assert_eq!(steps(due), 2, "reminded before, not yet overdue");
        assert_eq!(steps(due.tomorrow().unwrap()), 3);
        assert_eq!(steps(date(2027, 11, 2)), 4);
    }

    #[test]
    fn who_was_not_told_in_time_is_told_the_latest_step_only() {
        let regime = Regime::default_china_2025();
        let item = item(OpenItemKind::DifferenceUnexplained, date(2026, 1, 5));
        let told = clocks().to_tell(&item, regime.calendar(), date(2026, 12, 1));
        let told: Vec<_> = told.into_iter().map(|it| (it.audience, it.step)).collect();
        let expected = [
            (NotificationAudience::Filer, Step::Overdue),
            (NotificationAudience::Official, Step::Escalation),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn where_no_row_states_a_clock_nobody_is_chased() {
        let none = Clocks::default();
        let regime = Regime::default_china_2025();
        for kind in OpenItemKind::ALL {
            let item = item(*kind, date(2020, 1, 1));
            let told = none.due_steps(&item, regime.calendar(), date(2026, 1, 1));
            // News has no clock.
            let news = usize::from(*kind == OpenItemKind::MovementWithdrawn);
            assert_eq!(told.len(), news, "{kind}");
        }
    }

    #[test]
    fn only_states_with_something_left_to_do_are_open_items() {
        let movement = MovementId::from_uuid(Uuid::from_u128(1));
        let reference = MovementReference::of_number(1);
        let mut table = String::new();
        for state in MovementState::ALL {
            let standing = MovementStanding {
                state: *state,
                since: "2026-11-02T17:00:00Z".parse().unwrap(),
                owner: Some(OrganisationId::from_uuid(Uuid::from_u128(2))),
                lots: Vec::new(),
            };
            let item = OpenItem::of_movement(movement, reference, &standing);
            let shown = item.map(|item| format!("{} since {}", item.kind, item.since));
            writeln!(table, "{state}: {}", shown.unwrap_or_default()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
