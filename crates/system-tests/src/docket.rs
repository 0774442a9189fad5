//! A house with a full docket: some cases go through the public interface, each to another point of
//! the procedure, and are then copied in the database until there are as many as are wanted.
//!
//! So the rows are like real ones without anybody keeping a list of columns. A copy has an id, a
//! number, an exporter and names of its own; the licence of a copy carries the signature of the
//! licence it was copied from, which is not looked at by what is measured here.

use crate::{
    connection::{Answer, Connection},
    filers::{self, Filer},
    work::socket,
};
use anyhow::{Context, ensure};
use database::{Role, events::Origin, regime};
use domain::{
    ids::EventId,
    licence::{SerialNumber, Series},
    regime::Regime,
};
use jiff::{SignedDuration, ToSpan};
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{Stack, TestDatabase};
use tokio_postgres::Client;
use uuid::Uuid;

/// What customs are told is declared.
pub const CONTROL_CODE: &str = "1C905.a.4";
/// To where everything goes.
pub const DESTINATION: &str = "DE";
/// How much each line of a case asks for, in kilograms: more than any run draws.
pub const LINE_KG: &str = "50000000.000";
/// Stands in a case for what is another name in each copy.
const NAME: &str = "@@";
/// So many end users are named in turn: what was decided for one is a precedent for its others.
const END_USERS: usize = 3_000;
/// The numbers of copies begin here; those that the service gives are far below.
const FIRST_SERIAL: u32 = 100_000;
/// The hexadecimal beginning of every copied licence's id; eight digits of its place follow.
pub const LICENCE_PREFIX: &str = "000000000000700080000003";

/// Somebody with a key.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// Who.
    pub person: Uuid,
    /// Their key, as sent after `Bearer`.
    pub token: String,
}

/// Everybody who works on cases, and where.
#[derive(Clone, Debug)]
pub struct House {
    /// Where licensing is.
    pub address: SocketAddr,
    /// Who applies.
    pub exporter: Somebody,
    /// Whose exporter that is.
    pub organisation: Uuid,
    /// The authority.
    pub authority: Uuid,
    /// Another authority, in which somebody may have another account.
    pub other_authority: Uuid,
    /// Two officers.
    pub officers: [Somebody; 2],
    /// Two senior officers.
    pub seniors: [Somebody; 2],
    /// Who advises.
    pub adviser: Somebody,
    /// The adviser's agency.
    pub agency: Uuid,
    /// Customs.
    pub customs: Somebody,
    /// Exporters that copies belong to.
    pub exporters: Vec<Filer>,
}

/// How a case gets to where it stands: who does what, with which body.
type Way = &'static [(Who, &'static str, &'static str)];

#[derive(Clone, Copy, Debug)]
enum Who {
    Officer,
    Senior,
    Adviser,
    /// The exporter answers the question that was asked.
    Answer,
}

const ACCEPT: (Who, &str, &str) = (Who::Officer, "accept", "{}");
const BEGIN: (Who, &str, &str) = (Who::Officer, "begin_review", "{}");
const ASK_AGENCY: (Who, &str, &str) =
    (Who::Officer, "ask_agency", r#"{"agency":"AGENCY","question":"is the end user known?"}"#);
const ADVISE: (Who, &str, &str) =
    (Who::Adviser, "advise", r#"{"advice":"proviso","note":"with a condition"}"#);
const ATTACH: (Who, &str, &str) = (
    Who::Adviser,
    "attach_condition",
    r#"{"requirement":{"kind":"shipment_at_most","quantity_kg":"40000000"}}"#,
);
const FLAG: (Who, &str, &str) =
    (Who::Officer, "raise_flag", r#"{"flag":"legal_review","note":"read the contract"}"#);
const NOTE: (Who, &str, &str) = (Who::Officer, "note", r#"{"text":"the end user was visited"}"#);
const ASK: (Who, &str, &str) =
    (Who::Officer, "ask_applicant", r#"{"question":"which line are the magnets for?"}"#);
const RECOMMEND: (Who, &str, &str) =
    (Who::Officer, "recommend_approval", r#"{"note":"the end user is known"}"#);
const REFUSE: (Who, &str, &str) = (
    Who::Officer,
    "recommend_refusal",
    r#"{"reason":"end_user_or_end_use","note":"the end user is not known"}"#,
);

/// Open cases, by where they stand: ten that share the docket evenly.
const OPEN: [(&str, Way); 10] = [
    ("low", &[]),
    ("low", &[ACCEPT]),
    ("medium", &[ACCEPT, (Who::Officer, "assign", r#"{"officer":"OFFICER"}"#), FLAG]),
    ("low", &[ACCEPT, BEGIN]),
    ("low", &[ACCEPT, BEGIN, ASK, NOTE]),
    ("medium", &[ACCEPT, BEGIN, ASK, (Who::Answer, "", ""), NOTE]),
    ("high", &[ACCEPT, BEGIN, ASK_AGENCY]),
    ("high", &[ACCEPT, BEGIN, ASK_AGENCY, ATTACH, ADVISE]),
    ("low", &[ACCEPT, BEGIN, NOTE, RECOMMEND]),
    ("medium", &[ACCEPT, BEGIN, (Who::Officer, "stop_clock", r#"{"cause":"expert_opinion"}"#)]),
];
/// Where a case waits for its second signature, with nothing beside it.
const RECOMMENDED: Way = &[ACCEPT, BEGIN, RECOMMEND];
/// Cases that were decided.
const APPROVED: Way = &[ACCEPT, BEGIN, NOTE, RECOMMEND, (Who::Senior, "countersign", "{}")];
const REFUSED: Way = &[ACCEPT, BEGIN, REFUSE, (Who::Senior, "confirm_refusal", "{}")];

/// A case that was copied, or that others are copied from.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Which.
    pub case: Uuid,
    /// Whose.
    pub organisation: Uuid,
    /// The licence it became, if the first one became one.
    pub licence: Uuid,
    /// The number of that licence.
    pub licence_number: String,
}

impl House {
    /// Registers everybody and puts the law into force.
    pub async fn open(stack: &Stack) -> anyhow::Result<Self> {
        let database = stack.database();
        import_law(database).await?;
        let organisation = filers::register(database, 1).await.remove(0).organisation;
        let authority = filers::register_organisation(database, "authority").await;
        let other_authority = filers::register_organisation(database, "authority").await;
        let agency = filers::register_organisation(database, "agency").await;
        let customs = filers::register_organisation(database, "customs").await;
        let somebody = async |of: Uuid, roles: &'static [&'static str]| {
            let person = filers::register_person(database).await;
            Somebody { person, token: filers::grant_key_to(database, person, of, roles).await }
        };
        Ok(Self {
            address: socket(&stack.url("licensing"))?,
            exporter: somebody(organisation, &["exporter"]).await,
            organisation,
            authority,
            other_authority,
            officers: [
                somebody(authority, &["officer"]).await,
                somebody(authority, &["officer"]).await,
            ],
            seniors: [
                somebody(authority, &["senior_officer"]).await,
                somebody(authority, &["senior_officer"]).await,
            ],
            adviser: somebody(agency, &["agency_adviser"]).await,
            agency,
            customs: somebody(customs, &["customs"]).await,
            exporters: filers::register_many(database, 200).await,
        })
    }

    /// A connection to licensing.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.address).await.context("licensing does not answer")
    }

    /// Open cases, each at another point, and one approved and one refused: all are copied by
    /// [`fill`].
    pub async fn templates(&self, database: &TestDatabase) -> anyhow::Result<Templates> {
        let mut open = Vec::with_capacity(OPEN.len());
        for (place, (risk, way)) in OPEN.into_iter().enumerate() {
            let queue = format!("q{place}");
            self.make_queue(&queue).await?;
            let mut body = draft("general", NAME);
            if place == 0 {
                // Some have a party more than the others.
                let third = json!({"name": format!("Werkzeug {NAME} KG"), "country": DESTINATION});
                body["end_users"].as_array_mut().context("a draft has end users")?.push(third);
            }
            open.push(self.case(database, &body, risk, Some(&queue), way).await?);
        }
        let body = draft("general", NAME);
        let approved = self.case(database, &body, "low", None, APPROVED).await?;
        let refused = self.case(database, &body, "low", None, REFUSED).await?;
        Ok(Templates { open, approved, refused })
    }

    /// A case that waits for its second signature.
    pub async fn recommended(&self, database: &TestDatabase) -> anyhow::Result<Uuid> {
        self.case(database, &draft("general", NAME), "low", None, RECOMMENDED).await
    }

    /// A case that an officer examines.
    pub async fn examined(&self, database: &TestDatabase) -> anyhow::Result<Uuid> {
        self.case(database, &draft("general", NAME), "low", None, &[ACCEPT, BEGIN]).await
    }

    /// A case that became a licence.
    pub async fn approved(&self, database: &TestDatabase) -> anyhow::Result<Uuid> {
        self.case(database, &draft("general", NAME), "low", None, APPROVED).await
    }

    async fn make_queue(&self, code: &str) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let senior = &self.seniors[0].token;
        let mut body = json!({"code": code, "name_zh": "队列", "name_en": code});
        accepted(connection.post("/v1/teams", senior, &key(), &body.to_string()).await?)?;
        body["team"] = code.into();
        accepted(connection.post("/v1/queues", senior, &key(), &body.to_string()).await?)?;
        Ok(())
    }

    /// Begins and submits an application, and takes it where it shall stand.
    async fn case(
        &self,
        database: &TestDatabase,
        body: &Value,
        risk: &str,
        queue: Option<&str>,
        way: Way,
    ) -> anyhow::Result<Uuid> {
        let mut connection = self.connect().await?;
        let exporter = &self.exporter.token;
        let body = body.to_string();
        let begun = connection.post("/v1/applications", exporter, &key(), &body).await?;
        let begun = accepted(begun)?;
        let id: Uuid = begun["id"].as_str().context("no id")?.parse()?;
        let path = format!("/v1/applications/{id}/submit");
        let submitted = connection.send(("POST", &path), exporter, &if_match(1), "{}").await?;
        let mut version = version_of(&accepted(submitted)?)?;
        database
            .owner()
            .await
            .execute(
                "insert into application_assessments (id, case_id, case_version, risk, reasons, assessed_at)
                 values (gen_random_uuid(), $1, $2, $3, $4, now())",
                &[&id, &i32::try_from(version)?, &risk, &json!([{"reason": "parties_screened"}])],
            )
            .await?;
        if let Some(queue) = queue {
            let body = json!({"queue": queue, "reason": "by hand"}).to_string();
            version = self.act(&mut connection, id, version, (Who::Officer, "move", &body)).await?;
        }
        for step in way {
            version = self.act(&mut connection, id, version, *step).await?;
        }
        Ok(id)
    }

    async fn act(
        &self,
        connection: &mut Connection,
        case: Uuid,
        version: u64,
        (who, action, body): (Who, &str, &str),
    ) -> anyhow::Result<u64> {
        if matches!(who, Who::Answer) {
            return self.answer(connection, case, version).await;
        }
        let somebody = match who {
            Who::Officer | Who::Answer => &self.officers[0],
            Who::Senior => &self.seniors[0],
            Who::Adviser => &self.adviser,
        };
        let body = body
            .replace("AGENCY", &self.agency.to_string())
            .replace("OFFICER", &self.officers[0].person.to_string());
        let path = format!("/v1/cases/{case}/{action}");
        let done =
            connection.send(("POST", &path), &somebody.token, &if_match(version), &body).await?;
        version_of(&accepted(done).with_context(|| action.to_owned())?)
    }

    async fn answer(
        &self,
        connection: &mut Connection,
        case: Uuid,
        version: u64,
    ) -> anyhow::Result<u64> {
        let (path, token) = (format!("/v1/applications/{case}/queries"), &self.exporter.token);
        let asked = accepted(connection.get(&path, token).await?)?;
        let body = json!({"query": asked["queries"][0]["query"], "answer": "the second"});
        let done =
            connection.send(("POST", &path), token, &if_match(version), &body.to_string()).await?;
        accepted(done)?;
        Ok(version + 1)
    }
}

/// Cases to be copied.
#[derive(Clone, Debug)]
pub struct Templates {
    /// Open ones.
    pub open: Vec<Uuid>,
    /// One that became a licence.
    pub approved: Uuid,
    /// One that was refused.
    pub refused: Uuid,
}

/// Copies cases until so many are open and so many decided, each in its turn.
pub async fn fill(
    house: &House,
    database: &TestDatabase,
    templates: &Templates,
    open: usize,
    decided: usize,
) -> anyhow::Result<Vec<Copied>> {
    let mut wanted: Vec<Uuid> = (0..open - templates.open.len())
        .map(|n| templates.open[n % templates.open.len()])
        .collect();
    // One in five is refused.
    wanted.extend((0..decided).map(|n| match n % 5 {
        4 => templates.refused,
        _ => templates.approved,
    }));
    copy(house, database, &wanted).await
}

/// Copies each of these cases once, with its steps, its assessment and its licence.
pub async fn copy(
    house: &House,
    database: &TestDatabase,
    templates: &[Uuid],
) -> anyhow::Result<Vec<Copied>> {
    let mut client = database.owner().await;
    let first = next_place(&client).await?;
    let copies: Vec<(Copied, String)> = templates
        .iter()
        .enumerate()
        .map(|(place, _)| {
            let place = first + u32::try_from(place)?;
            let number = |series| SerialNumber::new(series, 2026, place).context("too many cases");
            let exporter = &house.exporters[place as usize % house.exporters.len()];
            let licence = format!("{LICENCE_PREFIX}{place:08}").parse()?;
            let licence_number = number(Series::Licence)?.to_string();
            let organisation = exporter.organisation;
            let copied = Copied { case: Uuid::now_v7(), organisation, licence, licence_number };
            Ok((copied, number(Series::Case)?.to_string()))
        })
        .collect::<anyhow::Result<_>>()?;
    let transaction = client.transaction().await?;
    let ids: Vec<Uuid> = copies.iter().map(|(copied, _)| copied.case).collect();
    let numbers: Vec<&str> = copies.iter().map(|(_, number)| number.as_str()).collect();
    let owners: Vec<Uuid> = copies.iter().map(|(copied, _)| copied.organisation).collect();
    let licences: Vec<Uuid> = copies.iter().map(|(copied, _)| copied.licence).collect();
    let licence_numbers: Vec<&str> =
        copies.iter().map(|(copied, _)| copied.licence_number.as_str()).collect();
    transaction
        .execute(
            "create temp table copies on commit drop as
             select template, id, number, organisation, licence, licence_number, place
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[])
                 with ordinality as copy (template, id, number, organisation, licence, licence_number, place)",
            &[&templates, &ids, &numbers, &owners, &licences, &licence_numbers],
        )
        .await?;
    for table in COPIED {
        let columns = columns(&transaction, table.name).await?;
        transaction.batch_execute(&table.statement(&columns)).await.context(table.name)?;
    }
    transaction.commit().await?;
    // Each by itself: together they would be a transaction, in which nothing can be vacuumed.
    client.batch_execute("vacuum analyze").await?;
    client.batch_execute("checkpoint").await?;
    Ok(copies.into_iter().map(|(copied, _)| copied).collect())
}

/// A table of which rows are copied with their case.
struct Table {
    name: &'static str,
    /// How its rows belong to the case that is copied.
    of: &'static str,
    /// What is another in each copy, as the members of a JSON object.
    other: &'static str,
}

const COPIED: [Table; 6] = [
    Table {
        name: "cases",
        of: "row.id = copy.template",
        other: "'id', copy.id, 'number', copy.number, 'organisation', copy.organisation,
            'submitted_at', row.submitted_at - copy.place * interval '1 second',
            'routed_at', row.submitted_at, 'content', replace(row.content::text, '@@', NAMED)::jsonb,
            'licence', case when row.licence is not null then copy.licence end",
    },
    Table {
        name: "case_events",
        of: "row.case_id = copy.template",
        other: "'case_id', copy.id, 'detail', replace(row.detail::text, '@@', NAMED)::jsonb",
    },
    Table {
        name: "application_assessments",
        of: "row.case_id = copy.template",
        other: "'case_id', copy.id, 'id', gen_random_uuid()",
    },
    Table {
        name: "licences",
        of: "row.case_id = copy.template",
        other: "'id', copy.licence, 'number', copy.licence_number, 'case_id', copy.id,
            'organisation', copy.organisation,
            'signed_content', convert_to(replace(replace(replace(convert_from(row.signed_content, 'utf8'),
                row.number, copy.licence_number), row.id::text, copy.licence::text), '@@', NAMED), 'utf8')",
    },
    Table {
        name: "licence_lines",
        of: "row.licence = (select id from licences l where l.case_id = copy.template)",
        other: "'licence', copy.licence",
    },
    Table {
        name: "licence_events",
        of: "row.licence = (select id from licences l where l.case_id = copy.template)",
        other: "'licence', copy.licence, 'id', gen_random_uuid()",
    },
];

impl Table {
    fn statement(&self, columns: &str) -> String {
        let Self { name, of, other } = self;
        let other = other.replace("NAMED", &format!("(copy.place % {END_USERS})::text"));
        format!(
            "insert into {name} ({columns}) select {columns} from (
                 select made.* from copies copy join {name} row on {of}
                 cross join lateral jsonb_populate_record(row, jsonb_build_object({other})) made) copied"
        )
    }
}

/// The columns of a table that are written, not worked out.
async fn columns(
    client: &impl tokio_postgres::GenericClient,
    table: &str,
) -> anyhow::Result<String> {
    let row = client
        .query_one(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
             where attrelid = $1::text::regclass and 0 < attnum and not attisdropped and attgenerated = ''",
            &[&table],
        )
        .await?;
    Ok(row.get(0))
}

/// The serial number of the next copy.
async fn next_place(client: &Client) -> anyhow::Result<u32> {
    let row = client
        .query_one("select coalesce(max(substr(number, 9, 6)::integer), 0) from cases", &[])
        .await?;
    Ok(FIRST_SERIAL.max(u32::try_from(row.get::<_, i32>(0))? + 1))
}

/// An application with two lines and three parties that says enough.
pub fn draft(kind: &str, name: &str) -> Value {
    let papers = [
        "application_form",
        "id_legal_rep_managers_handler",
        "contract_or_other_proof",
        "technical_description_or_test_report",
        "end_user_end_use_certificate",
        "icp_operation_statement",
        "licence_use_statement",
        "channels_and_end_users_statement",
    ];
    let paper =
        |kind: &str| json!({"kind": kind, "name": format!("{kind}.pdf"), "sha256": "a".repeat(64)});
    let today = service::clock::date_in_beijing(service::clock::now());
    let line = |description: &str, dysprosium: &str, neodymium: &str| {
        json!({
            "description": description,
            "goods": {"category": "magnet", "composition": {
                "percent": {"Nd": neodymium, "Fe": "69", "B": "1", "Dy": dysprosium},
                "completeness": "complete",
            }},
            "control_code": CONTROL_CODE,
            "hs_code": "8505111000",
            "quantity_kg": LINE_KG,
        })
    };
    json!({
        "kind": kind,
        "destination": DESTINATION,
        "consignees": [{"name": consignee(name), "country": DESTINATION}],
        "end_users": [
            {"name": format!("Fahrwerk {name} GmbH"), "country": DESTINATION},
            {"name": format!("Antriebe {name} AG"), "country": DESTINATION},
        ],
        "end_use": {"category": "civil", "description": "traction motors for trains"},
        "valid_from": today.to_string(),
        "valid_until": (today + 300.days()).to_string(),
        "lines": [line("sintered NdFeB magnets 42SH", "3", "27"), line("sintered NdFeB magnets 38UH", "5", "25")],
        "documents": papers.map(paper),
    })
}

fn consignee(name: &str) -> String {
    format!("Beispiel Motoren {name} GmbH")
}

/// Who receives what the copy at this place, from 1, of its batch is for.
pub fn consignee_of(place: usize) -> String {
    consignee(&(place % END_USERS).to_string())
}

/// The header line that says which version was read.
pub fn if_match(version: u64) -> String {
    format!("If-Match: \"{version}\"\r\n")
}

/// The answer's JSON, unless it is a refusal.
#[expect(clippy::needless_pass_by_value, reason = "an answer is at its end here")]
pub fn accepted(answer: Answer) -> anyhow::Result<Value> {
    ensure!(answer.is_success(), "refused with {}: {}", answer.status, answer.json());
    Ok(answer.json())
}

/// An idempotency key that nobody used.
pub fn key() -> String {
    Uuid::now_v7().to_string()
}

fn version_of(answer: &Value) -> anyhow::Result<u64> {
    answer["version"].as_u64().context("an answer without a version")
}

/// The shipped law, in force already.
pub async fn import_law(database: &TestDatabase) -> anyhow::Result<()> {
    let now = service::clock::now();
    let origin = Origin {
        id: EventId::from_uuid(Uuid::now_v7()),
        occurred_at: now,
        person: None,
        traceparent: None,
    };
    let mut conn = database.pool(Role::Identity).get().await?;
    let yesterday = now - SignedDuration::from_hours(24);
    regime::import(&mut conn, &Regime::default_china_2025(), yesterday, &origin).await?;
    Ok(())
}
