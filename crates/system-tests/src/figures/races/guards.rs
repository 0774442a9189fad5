//! The constraints behind the law of cases and licences, one table, and what each refuses.

use super::{Race, Templates};
use crate::docket::{House, copy};
use anyhow::Context;
use database::Role;
use testkit::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

/// A constraint, and what no service may write because of it.
#[derive(Debug)]
pub struct Guard {
    /// Its name in the database.
    pub constraint: &'static str,
    /// The table it is on.
    pub table: &'static str,
    /// How it is enforced.
    pub kind: Kind,
    /// The races it stands behind.
    pub race: Race,
    /// The case that it is tried on.
    on: On,
    /// What makes it ready, as the owner; `$1` is the case.
    ready: Option<&'static str>,
    /// What two connections then write at once; `$1` is the case, `FIRST` and `SECOND` two senior
    /// officers, `OTHER` an officer who has not recommended. Nothing else refuses it.
    tried: [&'static str; 2],
    /// Counts what must not be; `$1` are the cases.
    broken: &'static str,
}

/// How a constraint is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the table.
    Constraint,
    /// By a trigger, where it takes a look at another table.
    Trigger,
}

#[derive(Clone, Copy, Debug)]
enum On {
    Recommended,
    Approved,
}

/// Every constraint that stands behind a race.
pub static GUARDS: [Guard; 14] = [
    Guard {
        constraint: "licences_case_id_key",
        table: "licences",
        kind: Kind::Constraint,
        race: Race::TwoOfficers,
        on: On::Approved,
        ready: None,
        tried: [ANOTHER_LICENCE; 2],
        broken: "select count(*) from (select from licences where case_id = any ($1) group by case_id
            having 1 < count(*)) twice",
    },
    Guard {
        constraint: "case_events_pkey",
        table: "case_events",
        kind: Kind::Constraint,
        race: Race::TwoOfficers,
        on: On::Recommended,
        ready: None,
        tried: [ANOTHER_STEP; 2],
        broken: "select count(*) from (select from case_events where case_id = any ($1) group by case_id, version
            having 1 < count(*)) twice",
    },
    Guard {
        constraint: "case_four_eyes",
        tried: ["update cases set countersigned_by = recommended_by, reviewer = OTHER where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and countersigned_by = recommended_by",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_countersigned_by_another_than_the_reviewer",
        tried: ["update cases set countersigned_by = reviewer, recommended_by = OTHER where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and countersigned_by = reviewer",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_not_decided_by_its_author",
        tried: ["update cases set recommended_by = created_by where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and recommended_by = created_by",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_signed_by_others",
        tried: ["update cases set signed_by = array[recommended_by] where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and recommended_by = any (signed_by)",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_signed_once_by_each",
        tried: ["update cases set signed_by = array[FIRST, FIRST] where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and cardinality(signed_by) = 2",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_signed_by_enough",
        tried: ["update cases set state = 'approved', licence = id, countersigned_by = FIRST where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and state = 'approved'",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_decided_by_two",
        tried: ["update cases set state = 'approved', licence = id, signed_by = array[FIRST] where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and state = 'approved'",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "case_last_signature_decides",
        tried: ["update cases set state = 'approved', licence = id, signed_by = array[FIRST],
            countersigned_by = SECOND where id = $1"; 2],
        broken: "select count(*) from cases where id = any ($1) and state = 'approved'",
        ..OF_A_DECISION
    },
    Guard {
        constraint: "reservation_under_a_licence_in_force",
        table: "licence_reservations",
        kind: Kind::Trigger,
        race: Race::Suspension,
        on: On::Approved,
        ready: Some("update licences set state = 'suspended' where case_id = $1"),
        tried: [ANOTHER_RESERVATION; 2],
        broken: "select count(*) from licence_reservations r join licences l on l.id = r.licence
            where l.case_id = any ($1) and r.state = 'reserved'",
    },
    Guard {
        constraint: "licence_line_balance",
        table: "licence_lines",
        kind: Kind::Constraint,
        race: Race::Suspension,
        on: On::Approved,
        ready: Some("update licence_lines set reserved_grams = licensed_grams
            where licence = (select id from licences where case_id = $1)"),
        tried: ["update licence_lines set reserved_grams = reserved_grams + 1
            where licence = (select id from licences where case_id = $1)"; 2],
        broken: "select count(*) from licence_lines n join licences l on l.id = n.licence
            where l.case_id = any ($1) and licensed_grams < reserved_grams + confirmed_grams",
    },
    Guard {
        constraint: "licence_reservations_licence_line_declaration_declaration_l_key",
        table: "licence_reservations",
        kind: Kind::Constraint,
        race: Race::DoubleSubmission,
        on: On::Approved,
        ready: None,
        tried: [RESERVATION; 2],
        broken: "select count(*) from (select from licence_reservations r join licences l on l.id = r.licence
            where l.case_id = any ($1) group by r.licence, r.line, r.declaration, r.declaration_line
            having 1 < count(*)) twice",
    },
    Guard {
        constraint: "licensing_requests_pkey",
        table: "licensing_requests",
        kind: Kind::Constraint,
        race: Race::DoubleSubmission,
        on: On::Approved,
        ready: None,
        tried: ["insert into licensing_requests (organisation, key, request_hash, answer, created_at)
            select organisation, 'race ' || id, sha256(number::bytea), '{}', now() from cases where id = $1"; 2],
        broken: "select count(*) from (select from licensing_requests r join cases c on r.key = 'race ' || c.id
            where c.id = any ($1) group by c.id having 1 < count(*)) twice",
    },
];

/// What the constraints on who decides have in common.
const OF_A_DECISION: Guard = Guard {
    constraint: "",
    table: "cases",
    kind: Kind::Constraint,
    race: Race::Recommender,
    on: On::Recommended,
    ready: None,
    tried: [""; 2],
    broken: "",
};

const ANOTHER_LICENCE: &str = "
    insert into licences (id, number, case_id, organisation, version, kind, state, valid_from, valid_until, destination,
        consignee, end_user, end_use, issued_at, issued_by, signed_content, signing_key, signature)
    select made, made::text, case_id, organisation, 1, kind, 'issued', valid_from, valid_until, destination, consignee,
        end_user, end_use, now(), issued_by, signed_content, signing_key, signature
    from licences, gen_random_uuid() made where case_id = $1 limit 1";
const ANOTHER_STEP: &str = "
    insert into case_events (case_id, version, action, state, occurred_at, occurred_on, detail)
    select id, version + 1, 'note', state, now(), current_date, '{}' from cases where id = $1";
const RESERVATION: &str = "
    insert into licence_reservations (id, licence, line, declaration, declaration_line, grams, state, reserved_by,
        reserved_at)
    select gen_random_uuid(), id, 1, 'RACE', 1, 130, 'reserved', issued_by, now() from licences where case_id = $1";
/// Of another declaration each time.
const ANOTHER_RESERVATION: &str = "
    insert into licence_reservations (id, licence, line, declaration, declaration_line, grams, state, reserved_by,
        reserved_at)
    select made, id, 1, made::text, 1, 130, 'reserved', issued_by, now()
    from licences, gen_random_uuid() made where case_id = $1";

/// What came of trying a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Statements that the constraint refused.
    pub refused: u64,
    /// What is there that must not be.
    pub broken: u64,
}

/// Takes a constraint away.
pub async fn drop_guard(database: &TestDatabase, guard: &Guard) -> anyhow::Result<()> {
    let Guard { constraint, table, .. } = guard;
    let statement = match guard.kind {
        Kind::Constraint => format!("alter table {table} drop constraint {constraint}"),
        Kind::Trigger => format!("drop trigger {constraint} on {table}"),
    };
    let client = database.owner().await;
    client.batch_execute(&statement).await.with_context(|| format!("{constraint} is not there"))
}

/// Writes past our code, at once from two connections, what a constraint forbids, on so many copies.
pub async fn guard_holds(
    house: &House,
    database: &TestDatabase,
    templates: &Templates,
    guard: &Guard,
    copies: usize,
) -> anyhow::Result<Tried> {
    let template = match guard.on {
        On::Recommended => templates.recommended,
        On::Approved => templates.approved,
    };
    let cases: Vec<Uuid> =
        copy(house, database, &vec![template; copies]).await?.iter().map(|it| it.case).collect();
    let owner = database.owner().await;
    let lanes = [database.as_role(Role::Licensing).await, database.as_role(Role::Licensing).await];
    let tried = guard.tried.map(|statement| named(statement, house));
    let mut refused = 0;
    for case in &cases {
        if let Some(statement) = guard.ready {
            owner.execute(statement, &[case]).await?;
        }
        let (one, other) = tokio::join!(
            attempt(&lanes[0], &tried[0], *case, guard),
            attempt(&lanes[1], &tried[1], *case, guard),
        );
        refused += one? + other?;
    }
    let row = owner.query_one(guard.broken, &[&cases]).await?;
    Ok(Tried { refused, broken: row.get::<_, i64>(0).unsigned_abs() })
}

fn named(statement: &str, house: &House) -> String {
    let person = |person: Uuid| format!("'{person}'::uuid");
    statement
        .replace("FIRST", &person(house.seniors[0].person))
        .replace("SECOND", &person(house.seniors[1].person))
        .replace("OTHER", &person(house.officers[1].person))
}

/// Tries one statement. Whether this constraint refused it; another refusal is an error.
async fn attempt(
    client: &Client,
    statement: &str,
    case: Uuid,
    guard: &Guard,
) -> anyhow::Result<u64> {
    let Err(error) = client.execute(statement, &[&case]).await else { return Ok(0) };
    let constraint = error.as_db_error().and_then(|error| error.constraint());
    if constraint == Some(guard.constraint) {
        return Ok(1);
    }
    Err(error).with_context(|| format!("{} was tried", guard.constraint))
}
