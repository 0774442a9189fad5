//! What officers, agencies and the applicant have done with a case, beside where it stands.
//!
//! All of it follows from the steps that were taken: the same function notes a step that is taken
//! now and one that is read back.

use super::{
    Action, ActionName, Advice, AdviceLevel, GivenAdvice, Slug, State, StateName,
    action::RaisedFlag,
};
use crate::{
    ids::{OrganisationId, PersonId, QueryId},
    licence::Condition,
    regime::{ClockExemption, ClockStop, FlagEffect},
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A flag that is raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// What it does.
    pub effect: FlagEffect,
    /// By whose people; nobody's when a routing rule raised it.
    pub agency: Option<OrganisationId>,
    /// By whom.
    pub person: Option<PersonId>,
    /// Since when.
    pub on: Date,
}

/// A question to the applicant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query {
    /// Its id.
    pub id: QueryId,
    /// What was asked.
    pub question: String,
    /// By whom.
    pub asked_by: Option<PersonId>,
    /// When.
    pub asked_on: Date,
    /// What was answered.
    pub answer: Option<String>,
    /// When.
    pub answered_on: Option<Date>,
    /// It is settled.
    pub closed_on: Option<Date>,
}

/// An agency whose answer is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedAgency {
    /// Which.
    pub agency: OrganisationId,
    /// What it was asked.
    pub question: String,
    /// When.
    pub asked_on: Date,
}

/// What an agency that is asked asks the department back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedBack {
    /// Its id.
    pub id: QueryId,
    /// Which agency asks.
    pub agency: Option<OrganisationId>,
    /// What.
    pub question: String,
    /// By whom.
    pub asked_by: Option<PersonId>,
    /// When.
    pub asked_on: Date,
    /// What was answered.
    pub answer: Option<String>,
    /// By whom.
    pub answered_by: Option<PersonId>,
    /// When.
    pub answered_on: Option<Date>,
}

/// A note for the next officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// By whom.
    pub person: Option<PersonId>,
    /// Acting for whom.
    pub agency: Option<OrganisationId>,
    /// When.
    pub on: Date,
    /// What.
    pub text: String,
}

/// A step that a second person may still take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// The version that the step led to.
    pub version: u32,
    /// Which step.
    pub action: ActionName,
    /// By whom.
    pub person: PersonId,
    /// Where the case stood before.
    pub before: State,
    /// What else the step changed.
    clock_stopped_for: Option<ClockStop>,
    signed: Vec<PersonId>,
    asked: Vec<AskedAgency>,
    /// What a recommendation that was sent back had put on the licence.
    conditions: Option<(Vec<Condition>, BTreeSet<u16>)>,
}

/// Everything beside the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Whoever wrote or submitted it: they never decide on it.
    pub prepared_by: BTreeSet<PersonId>,
    /// Whoever took part in an earlier decision on it: a reconsideration is for others.
    pub decided_before: BTreeSet<PersonId>,
    /// Whoever took part in a decision since.
    pub took_part: BTreeSet<PersonId>,
    /// The cause that has stopped the clock, while it is stopped.
    pub clock_stopped_for: Option<ClockStop>,
    /// The kind of case without a time limit that it was found to be.
    pub exemption: Option<ClockExemption>,
    /// Who shall examine it, before anybody does.
    pub assigned_to: Option<PersonId>,
    /// The queue it lies in.
    pub queue: Option<Slug>,
    /// The flags that are raised.
    pub flags: BTreeMap<Slug, Flag>,
    /// Questions to the applicant, the first one first.
    pub queries: Vec<Query>,
    /// Agencies whose answer is awaited.
    pub asked: Vec<AskedAgency>,
    /// What agencies asked back, the first one first.
    pub asked_back: Vec<AskedBack>,
    /// Advice, the first given first.
    pub advice: Vec<GivenAdvice>,
    /// Conditions of the licence that it may become.
    pub conditions: Vec<Condition>,
    /// The numbers of those that came with the recommendation, and go with it.
    recommended: BTreeSet<u16>,
    /// Notes, the first one first.
    pub notes: Vec<Note>,
    /// Who has signed the recommendation, where one signature does not suffice.
    pub signed: Vec<PersonId>,
    /// Steps that can be taken back, the last one last.
    pub undoable: Vec<Undoable>,
}

/// A step as it is noted.
#[derive(Clone, Copy, Debug)]
pub struct TakenStep<'a> {
    /// What.
    pub action: &'a Action,
    /// By whom; nobody when the law took it.
    pub person: Option<PersonId>,
    /// Acting for whom.
    pub agency: Option<OrganisationId>,
    /// When.
    pub on: Date,
    /// The version it led to.
    pub version: u32,
}

impl Work {
    /// Of a case that somebody has begun to write.
    pub fn begun_by(person: PersonId) -> Self {
        Self { prepared_by: BTreeSet::from([person]), ..Self::default() }
    }

    /// The flags that block a decision.
    pub fn blocking(&self) -> Vec<Slug> {
        let blocks = |flag: &Flag| flag.effect == FlagEffect::BlocksDecision;
        self.flags.iter().filter(|(_, flag)| blocks(flag)).map(|(code, _)| code.clone()).collect()
    }

    /// Questions that wait for the applicant.
    pub fn open_queries(&self) -> usize {
        self.queries.iter().filter(|it| it.answer.is_none() && it.closed_on.is_none()).count()
    }

    /// Answers that wait for the officer.
    pub fn answered_queries(&self) -> usize {
        self.queries.iter().filter(|it| it.answer.is_some() && it.closed_on.is_none()).count()
    }

    /// Notes a step that was taken from `before`.
    pub fn note(&mut self, before: &State, step: TakenStep<'_>) {
        self.note_what_can_be_undone(before, step);
        self.note_part(before, step);
        match step.action {
            Action::Assign { officer } => self.assigned_to = Some(*officer),
            Action::BeginReview | Action::Return { .. } => self.assigned_to = None,
            Action::Route { queue, flags, .. } => {
                self.queue = Some(queue.clone());
                for raised in flags {
                    self.raise(raised, step);
                }
            }
            Action::Move { queue, .. } => self.queue = Some(queue.clone()),
            Action::RaiseFlag { flag, .. } => self.raise(flag, step),
            Action::ClearFlag { flag, .. } => drop(self.flags.remove(flag)),
            Action::AskApplicant { .. }
            | Action::AnswerQuery { .. }
            | Action::CloseQuery { .. } => self.note_query(step),
            Action::AskAgency { agency, question } => {
                let (agency, question) = (*agency, question.clone());
                self.asked.push(AskedAgency { agency, question, asked_on: step.on });
            }
            Action::AskBack { .. } | Action::AnswerAgency { .. } => self.note_asked_back(step),
            Action::Recall => self.asked.clear(),
            Action::Advise { advice, level, .. } => self.note_advice(*advice, *level, step),
            Action::Note { text } => self.notes.push(Note {
                person: step.person,
                agency: step.agency,
                on: step.on,
                text: text.clone(),
            }),
            Action::StopClock { cause } => self.clock_stopped_for = Some(*cause),
            Action::ResumeClock => self.clock_stopped_for = None,
            Action::Exempt { exemption, .. } => self.exemption = Some(*exemption),
            Action::Countersign { .. } | Action::ConfirmRefusal => self.signed.extend(step.person),
            Action::RecommendApproval { conditions, .. } => {
                self.signed.clear();
                for condition in conditions {
                    let number = self.attach(condition.clone());
                    self.recommended.insert(number);
                }
            }
            Action::RecommendRefusal { .. } => self.signed.clear(),
            Action::SendBack { .. } => {
                self.signed.clear();
                self.drop_recommended();
            }
            Action::AttachCondition { condition } => drop(self.attach(condition.clone())),
            Action::RemoveCondition { number } => {
                self.conditions.retain(|condition| condition.number != *number);
            }
            Action::Undo { .. } => self.take_back(),
            Action::Submit
            | Action::Withdraw
            | Action::Accept
            | Action::DeemAccepted
            | Action::Reassign { .. }
            | Action::BeginFinalReview
            | Action::RequestReconsideration { .. } => {}
        }
    }

    /// What the step means for everybody's further part.
    fn note_part(&mut self, before: &State, step: TakenStep<'_>) {
        match step.action {
            Action::Submit => self.prepared_by.extend(step.person),
            Action::RecommendApproval { .. }
            | Action::RecommendRefusal { .. }
            | Action::Countersign { .. }
            | Action::ConfirmRefusal
            | Action::SendBack { .. } => self.took_part.extend(step.person),
            Action::RequestReconsideration { .. } => {
                if let State::Refused { decided_by, .. } = before {
                    self.took_part.extend([decided_by.recommended_by(), decided_by.confirmed_by()]);
                }
                self.decided_before.append(&mut self.took_part);
                self.recommended.clear();
                self.signed.clear();
                self.clock_stopped_for = None;
            }
            _ => {}
        }
    }

    fn raise(&mut self, raised: &RaisedFlag, step: TakenStep<'_>) {
        let flag =
            Flag { effect: raised.effect, agency: step.agency, person: step.person, on: step.on };
        self.flags.entry(raised.flag.clone()).or_insert(flag);
    }

    fn note_query(&mut self, step: TakenStep<'_>) {
        let asked = |work: &mut Self, id: QueryId, note: &dyn Fn(&mut Query)| {
            work.queries.iter_mut().filter(|query| query.id == id).for_each(note);
        };
        match step.action {
            Action::AskApplicant { query, question } => self.queries.push(Query {
                id: *query,
                question: question.clone(),
                asked_by: step.person,
                asked_on: step.on,
                answer: None,
                answered_on: None,
                closed_on: None,
            }),
            Action::AnswerQuery { query, answer } => asked(self, *query, &|query| {
                query.answer = Some(answer.clone());
                query.answered_on = Some(step.on);
            }),
            Action::CloseQuery { query } => {
                asked(self, *query, &|query| query.closed_on = Some(step.on));
            }
            _ => {}
        }
    }

    fn note_asked_back(&mut self, step: TakenStep<'_>) {
        match step.action {
            Action::AskBack { query, question } => self.asked_back.push(AskedBack {
                id: *query,
                agency: step.agency,
                question: question.clone(),
                asked_by: step.person,
                asked_on: step.on,
                answer: None,
                answered_by: None,
                answered_on: None,
            }),
            Action::AnswerAgency { query, answer } => {
                for asked in self.asked_back.iter_mut().filter(|asked| asked.id == *query) {
                    asked.answer = Some(answer.clone());
                    asked.answered_by = step.person;
                    asked.answered_on = Some(step.on);
                }
            }
            _ => {}
        }
    }

    fn note_advice(&mut self, advice: Advice, level: AdviceLevel, step: TakenStep<'_>) {
        let (Some(agency), Some(person)) = (step.agency, step.person) else { return };
        self.advice.push(GivenAdvice { agency, person, level, advice });
        if level == AdviceLevel::Agency {
            self.asked.retain(|asked| asked.agency != agency);
        }
    }

    /// Whatever was told the applicant or decided stands; before it nothing is taken back.
    fn note_what_can_be_undone(&mut self, before: &State, step: TakenStep<'_>) {
        let name = step.action.name();
        if name.ends_what_can_be_undone() {
            self.undoable.clear();
        }
        if let Some(person) = step.person.filter(|_| name.can_be_undone()) {
            self.undoable.push(Undoable {
                version: step.version,
                action: name,
                person,
                before: before.clone(),
                clock_stopped_for: self.clock_stopped_for,
                signed: self.signed.clone(),
                asked: self.asked.clone(),
                conditions: (name == ActionName::SendBack)
                    .then(|| (self.conditions.clone(), self.recommended.clone())),
            });
        }
    }

    /// Numbers a condition after those that are there.
    fn attach(&mut self, condition: Condition) -> u16 {
        let last = self.conditions.iter().map(|attached| attached.number).max().unwrap_or(0);
        let number = last.saturating_add(1);
        self.conditions.push(Condition { number, ..condition });
        number
    }

    fn drop_recommended(&mut self) {
        let recommended = std::mem::take(&mut self.recommended);
        self.conditions.retain(|condition| !recommended.contains(&condition.number));
    }

    fn take_back(&mut self) {
        let Some(undone) = self.undoable.pop() else { return };
        if undone.action == ActionName::RecommendApproval {
            self.drop_recommended();
        }
        if let Some((conditions, recommended)) = undone.conditions {
            (self.conditions, self.recommended) = (conditions, recommended);
        }
        self.clock_stopped_for = undone.clock_stopped_for;
        self.signed = undone.signed;
        self.asked = undone.asked;
    }
}

impl ActionName {
    /// Whether a second person may take this back while nothing else has come of it.
    pub const fn can_be_undone(self) -> bool {
        matches!(
            self,
            Self::BeginReview
                | Self::AskAgency
                | Self::Recall
                | Self::BeginFinalReview
                | Self::StopClock
                | Self::ResumeClock
                | Self::RecommendApproval
                | Self::RecommendRefusal
                | Self::SendBack
                | Self::Countersign
                | Self::ConfirmRefusal
        )
    }

    /// Whether what came before it stands from then on: somebody outside has acted on it or was
    /// told, or the case has another officer.
    const fn ends_what_can_be_undone(self) -> bool {
        matches!(
            self,
            Self::Submit
                | Self::Withdraw
                | Self::Accept
                | Self::DeemAccepted
                | Self::Return
                | Self::Reassign
                | Self::Advise
                | Self::RequestReconsideration
        )
    }

    /// Whether the applicant is told of it, in the log and otherwise. What officials note, suspect
    /// and recommend is theirs.
    pub const fn is_told_to_the_applicant(self) -> bool {
        matches!(
            self,
            Self::Submit
                | Self::Withdraw
                | Self::Accept
                | Self::DeemAccepted
                | Self::Return
                | Self::BeginReview
                | Self::StopClock
                | Self::ResumeClock
                | Self::AskApplicant
                | Self::AnswerQuery
                | Self::CloseQuery
                | Self::Exempt
                | Self::RequestReconsideration
        )
    }
}

/// Whether an action that decides has decided: then everybody is told.
pub(super) const fn has_decided(state: StateName) -> bool {
    matches!(state, StateName::Approved | StateName::Refused)
}
