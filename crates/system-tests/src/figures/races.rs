//! `race_violations`: whatever two people do at once, there is one outcome.
//!
//! Each kind of race is run over HTTP, where the service judges under a lock. A part of them is run
//! again past our code: two connections of the service's own database role write at once what the law
//! forbids, as a service would that had forgotten to judge. Then the constraint that stands behind
//! the law must refuse it. `--without CONSTRAINT` drops one of [`GUARDS`] first; such a run must find
//! violations, or the constraint would guard nothing.

mod guards;

pub use guards::{GUARDS, Guard, drop_guard, guard_holds};

use super::{Bench, reservations::declaration_of};
use crate::{
    connection::{Answer, Connection},
    docket::{Copied, House, consignee_of, copy, draft, if_match, key},
    filers::grant_key_to,
    measure::{Figure, real},
};
use anyhow::Context;
use std::sync::Arc;
use testkit::TestDatabase;
use tokio::sync::Mutex;
use uuid::Uuid;

/// So many races of a kind, as the issue asks for.
const RACES: usize = 10_000;
const QUICK_RACES: usize = 500;
/// Past our code, for each constraint.
const PAST_THE_CODE: usize = 200;
/// Races under way at once; each has two or three requests under way itself.
const AT_ONCE: usize = 8;

/// The kinds of races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Race {
    /// Two officers decide on one case.
    TwoOfficers,
    /// Whoever recommends countersigns too, by another account or key.
    Recommender,
    /// Goods are declared under a licence that is suspended at that moment.
    Suspension,
    /// The same application is begun twice, and handed in twice.
    DoubleSubmission,
}

impl Race {
    const ALL: [Self; 4] =
        [Self::TwoOfficers, Self::Recommender, Self::Suspension, Self::DoubleSubmission];

    const fn as_str(self) -> &'static str {
        match self {
            Self::TwoOfficers => "two_officers",
            Self::Recommender => "countersign_by_the_recommender",
            Self::Suspension => "reservation_against_suspension",
            Self::DoubleSubmission => "double_submission",
        }
    }
}

/// Runs every kind of race; without one of the constraints, if that is asked for.
pub async fn measure(bench: &Bench, without: Option<&Guard>) -> anyhow::Result<Vec<Figure>> {
    let races = if bench.quick { QUICK_RACES } else { RACES };
    let stack = bench.stack(vec!["licensing"]).await;
    let house = House::open(&stack).await?;
    let templates = Templates::make(&house, stack.database()).await?;
    if let Some(guard) = without {
        drop_guard(stack.database(), guard).await?;
    }
    let mut figures = Vec::with_capacity(Race::ALL.len());
    for race in Race::ALL {
        let arena = Arc::new(Arena::open(race, &house, stack.database(), &templates, races).await?);
        let mut violations = run(&arena, races).await?;
        violations += arena.broken(stack.database()).await?;
        let mut refused = 0;
        let guards = GUARDS.iter().filter(|guard| guard.race == race);
        for guard in guards.clone() {
            let tried =
                guard_holds(&house, stack.database(), &templates, guard, PAST_THE_CODE).await?;
            violations += tried.broken;
            refused += tried.refused;
        }
        let constraints: Vec<&str> = guards.map(|guard| guard.constraint).collect();
        figures.push(
            Figure::of_runs("race_violations", "violations", Some(0.0), &[real(violations)])
                .with("race", race.as_str())
                .with("races", races)
                .with("past_the_code", constraints.len() * PAST_THE_CODE)
                .with("refused_by_constraints", refused)
                .with("without", without.map(|guard| guard.constraint)),
        );
    }
    Ok(figures)
}

/// Cases that are copied for races.
#[derive(Clone, Copy, Debug)]
pub struct Templates {
    examined: Uuid,
    recommended: Uuid,
    approved: Uuid,
}

impl Templates {
    /// Takes one case to each place from which races start.
    pub async fn make(house: &House, database: &TestDatabase) -> anyhow::Result<Self> {
        Ok(Self {
            examined: house.examined(database).await?,
            recommended: house.recommended(database).await?,
            approved: house.approved(database).await?,
        })
    }
}

/// What the races of a kind are about.
struct Arena {
    race: Race,
    house: House,
    cases: Vec<Copied>,
    /// The version that the cases are in.
    version: u64,
    /// Another account of the officer who recommends, and another key in the same house.
    disguises: [String; 2],
}

impl Arena {
    async fn open(
        race: Race,
        house: &House,
        database: &TestDatabase,
        templates: &Templates,
        races: usize,
    ) -> anyhow::Result<Self> {
        let template = match race {
            Race::TwoOfficers => templates.recommended,
            Race::Recommender | Race::DoubleSubmission => templates.examined,
            Race::Suspension => templates.approved,
        };
        let wanted = if race == Race::DoubleSubmission { 0 } else { races };
        let cases = copy(house, database, &vec![template; wanted]).await?;
        let client = database.owner().await;
        let row = client.query_one("select version from cases where id = $1", &[&template]).await?;
        let officer = house.officers[0].person;
        let (here, there) = (house.authority, house.other_authority);
        Ok(Self {
            race,
            house: house.clone(),
            cases,
            version: u64::from(row.get::<_, i32>(0).unsigned_abs()),
            disguises: [
                grant_key_to(database, officer, there, &["senior_officer"]).await,
                grant_key_to(database, officer, here, &["officer", "senior_officer"]).await,
            ],
        })
    }

    /// What the database says of it afterwards, whatever was answered.
    async fn broken(&self, database: &TestDatabase) -> anyhow::Result<u64> {
        let ids: Vec<Uuid> = self.cases.iter().map(|copied| copied.case).collect();
        let query = match self.race {
            Race::TwoOfficers => {
                "select count(*) from cases c where id = any ($1) and (state <> 'approved'
                     or (select count(*) from licences l where l.case_id = c.id) <> 1
                     or (select count(*) from case_events e where e.case_id = c.id and e.action = 'countersign') <> 1)"
            }
            Race::Recommender => {
                "select count(*) from cases c where id = any ($1) and (state <> 'countersign' or signed_by <> '{}'
                     or countersigned_by is not null or exists (select from licences l where l.case_id = c.id))"
            }
            Race::Suspension => {
                "select count(*) from licences l where case_id = any ($1) and (state <> 'suspended'
                     or exists (select from licence_lines n where n.licence = l.id and n.reserved_grams <>
                         (select coalesce(sum(grams), 0) from licence_reservations r
                          where (r.licence, r.line) = (n.licence, n.line))))"
            }
            Race::DoubleSubmission => {
                "select count(*) from (
                     select count(*) as begun, bool_and(c.state = 'submitted') as submitted,
                         sum((select count(*) from case_events e where e.case_id = c.id and e.action = 'submit')) as steps,
                         sum((select count(*) from events e where e.subject = c.id and e.name = 'application.submitted'))
                             as told
                     from cases c where $1::uuid[] = '{}' and c.content #>> '{consignees,0,name}' like '% race %'
                     group by c.content #>> '{consignees,0,name}') races
                 where (begun, submitted, steps, told) <> (1, true, 1, 1)"
            }
        };
        let client = database.owner().await;
        let row = client.query_one(query, &[&ids]).await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }
}

/// Runs the races over HTTP, some at once. Answers how many had another outcome than one.
async fn run(arena: &Arc<Arena>, races: usize) -> anyhow::Result<u64> {
    let next = Arc::new(Mutex::new(0..races));
    let mut runners = Vec::with_capacity(AT_ONCE);
    for _ in 0..AT_ONCE {
        let (arena, next) = (Arc::clone(arena), Arc::clone(&next));
        runners.push(tokio::spawn(async move {
            let mut lanes = [arena.house.connect().await?, arena.house.connect().await?];
            let mut violations = 0;
            loop {
                let Some(place) = next.lock().await.next() else { break };
                if let Err(error) = arena.race_once(place, &mut lanes).await? {
                    eprintln!("{}: race {place}: {error}", arena.race.as_str());
                    violations += 1;
                }
            }
            Ok::<u64, anyhow::Error>(violations)
        }));
    }
    let mut violations = 0;
    for runner in runners {
        violations += runner.await??;
    }
    Ok(violations)
}

/// What was wrong with a race.
type Outcome = Result<(), String>;

impl Arena {
    async fn race_once(
        &self,
        place: usize,
        lanes: &mut [Connection; 2],
    ) -> anyhow::Result<Outcome> {
        match self.race {
            Race::TwoOfficers => self.two_officers(place, lanes).await,
            Race::Recommender => self.recommender(place, lanes).await,
            Race::Suspension => self.suspension(place, lanes).await,
            Race::DoubleSubmission => self.double_submission(place, lanes).await,
        }
    }

    async fn two_officers(
        &self,
        place: usize,
        [one, other]: &mut [Connection; 2],
    ) -> anyhow::Result<Outcome> {
        let path = format!("/v1/cases/{}/countersign", self.cases[place].case);
        let [first, second] = &self.house.seniors;
        let read = if_match(self.version);
        let answers = tokio::try_join!(
            one.send(("POST", &path), &first.token, &read, "{}"),
            other.send(("POST", &path), &second.token, &read, "{}"),
        )?;
        Ok(one_of(&[answers.0, answers.1], &[409, 412]))
    }

    async fn recommender(
        &self,
        place: usize,
        [one, other]: &mut [Connection; 2],
    ) -> anyhow::Result<Outcome> {
        let case = self.cases[place].case;
        let (recommend, countersign) = (
            format!("/v1/cases/{case}/recommend_approval"),
            format!("/v1/cases/{case}/countersign"),
        );
        let officer = &self.house.officers[0].token;
        let disguise = &self.disguises[place % 2];
        let (read, next) = (if_match(self.version), if_match(self.version + 1));
        let (recommended, signed) = tokio::try_join!(
            one.send(("POST", &recommend), officer, &read, r#"{"note":"known"}"#),
            other.send(("POST", &countersign), disguise, &next, "{}"),
        )?;
        // Whatever came first: now it is recommended.
        let again = other.send(("POST", &countersign), disguise, &next, "{}").await?;
        if recommended.status != 200 {
            return Ok(Err(format!("not recommended: {}", told(&recommended))));
        }
        if again.status != 403 || !matches!(signed.status, 403 | 409 | 412) {
            return Ok(Err(format!("countersigned: {} {}", told(&signed), told(&again))));
        }
        Ok(Ok(()))
    }

    async fn suspension(
        &self,
        place: usize,
        [one, other]: &mut [Connection; 2],
    ) -> anyhow::Result<Outcome> {
        let number = &self.cases[place].licence_number;
        let (reserve, suspend) = (
            format!("/v1/licences/{number}/reservations"),
            format!("/v1/licences/{number}/suspend"),
        );
        let (customs, officer) = (&self.house.customs.token, &self.house.officers[1].token);
        let body = declaration_of(1, "RACE-1", &consignee_of(place + 1));
        let (read, reason) = (if_match(1), r#"{"reason":"a doubt"}"#);
        let (reserved, suspended) = tokio::try_join!(
            one.post(&reserve, customs, "race", &body),
            other.send(("POST", &suspend), officer, &read, reason),
        )?;
        let body = declaration_of(1, "RACE-2", &consignee_of(place + 1));
        let late = one.post(&reserve, customs, "late", &body).await?;
        if suspended.status != 200 || late.status != 409 || !matches!(reserved.status, 201 | 409) {
            let said = [&reserved, &suspended, &late].map(told);
            return Ok(Err(format!("reserved, suspended, late: {said:?}")));
        }
        // Whoever suspends sees all that was reserved before, and nothing is reserved afterwards.
        let seen = suspended.json()["lines"][0]["reserved_kg"].as_str() != Some("0.000");
        if seen != (reserved.status == 201) {
            return Ok(Err("reserved after it was suspended".to_owned()));
        }
        Ok(Ok(()))
    }

    async fn double_submission(
        &self,
        place: usize,
        [one, other]: &mut [Connection; 2],
    ) -> anyhow::Result<Outcome> {
        let (exporter, key) = (&self.house.exporter.token, key());
        let body = draft("general", &format!("race {place}")).to_string();
        let begun = tokio::try_join!(
            one.post("/v1/applications", exporter, &key, &body),
            other.post("/v1/applications", exporter, &key, &body),
        )?;
        let (first, second) = (begun.0.json(), begun.1.json());
        let statuses = [begun.0.status, begun.1.status];
        let once = statuses.contains(&201) && statuses.contains(&200);
        if !once || first["id"] != second["id"] {
            return Ok(Err(format!("begun twice: {statuses:?}")));
        }
        let id = first["id"].as_str().context("no id")?;
        let (path, read) = (format!("/v1/applications/{id}/submit"), if_match(1));
        let answers = tokio::try_join!(
            one.send(("POST", &path), exporter, &read, "{}"),
            other.send(("POST", &path), exporter, &read, "{}"),
        )?;
        Ok(one_of(&[answers.0, answers.1], &[409, 412]))
    }
}

/// Exactly one had its effect, and the other was told why not.
fn one_of(answers: &[Answer; 2], refusals: &[u16]) -> Outcome {
    let well = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| refusals.contains(&answer.status)).count();
    if (well, refused) == (1, 1) {
        return Ok(());
    }
    Err(format!("{:?}", answers.each_ref().map(told)))
}

fn told(answer: &Answer) -> String {
    let said = String::from_utf8_lossy(&answer.body);
    format!("{} {}", answer.status, said.chars().take(160).collect::<String>())
}
