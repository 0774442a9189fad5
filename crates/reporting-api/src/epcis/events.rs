//! `GET /v1/epcis/events`: events as they were captured, in the order in which they happened.
//!
//! The parameters are those of EPCIS 2.0's `SimpleEventQuery` that say something about goods, places,
//! papers and times; a parameter that is not known is refused. Values are separated by `|`, and one
//! of them must hold. A word matches however it is written.

use super::view::query_document;
use crate::reading::{Reading, ReadingQuery};
use ::epcis::{
    context::Context,
    terms::{Field, Term},
    vocabulary::Vocabulary,
};
use actix_web::{HttpResponse, get, web};
use database::epcis::{Cursor, Question, search};
use domain::ids::OrganisationId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    clock, cursor,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
};
use uuid::Uuid;

const PAGE_DEFAULT: u16 = 30;
const PAGE_LIMIT: u16 = 100;
const PARAMETERS_LIMIT: usize = 40;
const VALUES_LIMIT: usize = 100;

/// Where a page ended, sealed into its token.
#[derive(Serialize, Deserialize)]
struct Place {
    event_time: Timestamp,
    id: Uuid,
}

/// What the address asks for.
#[derive(Debug, Default)]
struct Asked {
    question: Question,
    organisation: Option<OrganisationId>,
    per_page: u16,
    token: Option<String>,
    /// The parameters that make the list, for its token.
    list: String,
}

/// Lists captured EPCIS events, oldest first, as an `EPCISQueryDocument`.
///
/// `nextPageToken` of the next page stands in `Link`. `recordTime` is when we captured an event: how
/// late it came is its distance from `eventTime`. Officials name an organisation and, in
/// `Lodestone-Purpose`, why; the read is logged for that organisation to see.
#[utoipa::path(
    tag = "epcis",
    params(
        ("eventType" = Option<String>, Query, description = "`ObjectEvent` and so on"),
        ("GE_eventTime" = Option<String>, Query, description = "Also LT_eventTime, GE_recordTime, LT_recordTime"),
        ("EQ_action" = Option<String>, Query, description = "Also EQ_bizStep, EQ_disposition, EQ_readPoint, EQ_bizLocation, EQ_transformationID, EQ_eventID"),
        ("MATCH_epc" = Option<String>, Query, description = "Also MATCH_parentID, MATCH_inputEPC, MATCH_outputEPC, MATCH_anyEPC"),
        ("MATCH_epcClass" = Option<String>, Query, description = "Also MATCH_inputEPCClass, MATCH_outputEPCClass, MATCH_anyEPCClass"),
        ("EQ_bizTransaction_inv" = Option<String>, Query, description = "EQ_bizTransaction_, EQ_source_ or EQ_destination_ and a type"),
        ("EXISTS_errorDeclaration" = Option<bool>, Query, description = "Only those declared wrong"),
        ("perPage" = Option<u16>, Query, description = "1 to 100"),
        ("nextPageToken" = Option<String>, Query, description = "Where the last page said the list goes on"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why"),
    ),
    responses((status = 200, description = "An EPCISQueryDocument", body = Object), (status = 400, body = ProblemDetails))
)]
#[get("/v1/epcis/events")]
pub async fn list(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let mut asked = read(&query)?;
    let mut access = reading.of(&ReadingQuery::new(asked.organisation, "EPCIS events")).await?;
    let organisation = access.organisation;
    let list = format!("epcis events of {organisation} {}", asked.list);
    if let Some(token) = &asked.token {
        let Place { event_time, id } = cursor::open(&secret, &list, token)?;
        asked.question.after = Some(Cursor { event_time, id });
    }
    let found = search(&mut access.conn, organisation, &asked.question, asked.per_page).await?;
    let next = (found.len() == usize::from(asked.per_page)).then(|| found.last()).flatten();
    let next = next.map(|last| {
        cursor::seal(&secret, &list, &Place { event_time: last.event_time, id: last.id })
    });
    let mut answer = HttpResponse::Ok();
    if let Some(next) = next {
        let link =
            format!("</v1/epcis/events?{}nextPageToken={next}>; rel=\"next\"", again(&query));
        answer.insert_header(("Link", link));
    }
    Ok(answer.json(query_document(&found, clock::now())?))
}

/// The events with an id: the event, and what declares it wrong.
#[utoipa::path(
    tag = "epcis",
    params(("event_id" = String, Path, description = "The `eventID`, or the CBV 2.0 hash, percent-encoded"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, description = "An EPCISQueryDocument", body = Object), (status = 404, body = ProblemDetails))
)]
#[get("/v1/epcis/events/{event_id}")]
pub async fn find(
    reading: Reading,
    id: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<HttpResponse, Problem> {
    let mut access = reading.of(&query.about("an EPCIS event")).await?;
    let organisation = access.organisation;
    let term = Term::new(Field::EventId, None, &id, &Context::default()).to_i64();
    let question = Question { selective: Some(vec![term]), ..Question::default() };
    let found = search(&mut access.conn, organisation, &question, PAGE_LIMIT).await?;
    if found.is_empty() {
        return Err(Problem::NotFound("event"));
    }
    Ok(HttpResponse::Ok().json(query_document(&found, clock::now())?))
}

/// The same parameters again, for the address of the next page.
fn again(query: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in query.iter().filter(|(name, _)| name != "nextPageToken") {
        for part in [name.as_str(), "=", value.as_str(), "&"] {
            if matches!(part, "=" | "&") {
                text.push_str(part);
            } else {
                encode(part, &mut text);
            }
        }
    }
    text
}

fn encode(text: &str, into: &mut String) {
    use std::fmt::Write;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            write!(into, "%{byte:02X}").expect("a string takes everything");
        }
    }
}

/// Parameters that are one field each.
const FIELDS: [(&str, &[Field]); 17] = [
    ("eventType", &[Field::EventType]),
    ("EQ_action", &[Field::Action]),
    ("EQ_disposition", &[Field::Disposition]),
    ("EQ_readPoint", &[Field::ReadPoint]),
    ("EQ_bizLocation", &[Field::BusinessLocation]),
    ("EQ_transformationID", &[Field::Transformation]),
    ("EQ_eventID", &[Field::EventId]),
    ("MATCH_epc", &[Field::Epc]),
    ("MATCH_parentID", &[Field::Parent]),
    ("MATCH_inputEPC", &[Field::InputEpc]),
    ("MATCH_outputEPC", &[Field::OutputEpc]),
    ("MATCH_anyEPC", &[Field::Epc, Field::Parent, Field::InputEpc, Field::OutputEpc]),
    ("MATCH_epcClass", &[Field::Class]),
    ("MATCH_inputEPCClass", &[Field::InputClass]),
    ("MATCH_outputEPCClass", &[Field::OutputClass]),
    ("MATCH_anyEPCClass", &[Field::Class, Field::InputClass, Field::OutputClass]),
    ("EQ_bizStep", &[Field::BusinessStep]),
];
/// Parameters that end with the type of what they name.
const TYPED: [(&str, Field); 3] = [
    ("EQ_bizTransaction_", Field::Transaction),
    ("EQ_source_", Field::Source),
    ("EQ_destination_", Field::Destination),
];

fn read(query: &[(String, String)]) -> Result<Asked, Problem> {
    let mut asked = Asked { per_page: PAGE_DEFAULT, ..Asked::default() };
    if PARAMETERS_LIMIT < query.len() {
        return Err(wrong("query", format!("{} parameters", query.len()), "fewer"));
    }
    for (name, value) in query {
        match name.as_str() {
            "organisation" => {
                let id = value.parse().map_err(|_| wrong(name, format!("{value:?}"), "an id"))?;
                asked.organisation = Some(id);
            }
            "perPage" => {
                let number = value.parse().ok().filter(|it| (1..=PAGE_LIMIT).contains(it));
                asked.per_page =
                    number.ok_or_else(|| wrong(name, format!("{value:?} per page"), "1 to 100"))?;
            }
            "nextPageToken" => asked.token = Some(value.clone()),
            _ => filter(name, value, &mut asked)?,
        }
    }
    Ok(asked)
}

fn filter(name: &str, value: &str, asked: &mut Asked) -> Result<(), Problem> {
    asked.list.push_str(name);
    asked.list.push('=');
    asked.list.push_str(value);
    asked.list.push(' ');
    let question = &mut asked.question;
    match name {
        "GE_eventTime" => question.from = Some(time(name, value)?),
        "LT_eventTime" => question.until = Some(time(name, value)?),
        "GE_recordTime" => question.recorded_from = Some(time(name, value)?),
        "LT_recordTime" => question.recorded_until = Some(time(name, value)?),
        "EXISTS_errorDeclaration" if value == "true" => question.declared_wrong = true,
        "EXISTS_errorDeclaration" => return Err(wrong(name, format!("{value:?}"), "true")),
        _ => return terms(name, value, question),
    }
    Ok(())
}

fn terms(name: &str, value: &str, question: &mut Question) -> Result<(), Problem> {
    let context = Context::default();
    let typed = || {
        TYPED.iter().find_map(|(prefix, field)| {
            let kind = name.strip_prefix(prefix).filter(|kind| !kind.is_empty())?;
            Some((std::slice::from_ref(field), Some(kind)))
        })
    };
    let known = FIELDS.iter().find(|(known, _)| *known == name);
    let Some((fields, kind)) = known.map(|(_, fields)| (*fields, None)).or_else(typed) else {
        let detail = "there is no such parameter";
        return Err(wrong(
            name,
            detail.to_owned(),
            "a parameter of SimpleEventQuery named in the documentation",
        ));
    };
    let values: Vec<&str> = value.split('|').filter(|value| !value.is_empty()).collect();
    if !(1..=VALUES_LIMIT).contains(&values.len()) {
        return Err(wrong(name, format!("{} values", values.len()), "1 to 100 values"));
    }
    if fields == [Field::BusinessStep] && question.steps.is_none() {
        let full = |step: &&str| Vocabulary::BusinessStep.in_full(step, &context).into_owned();
        question.steps = Some(values.iter().map(full).collect());
        return Ok(());
    }
    let wanted = values.iter().flat_map(|value| {
        fields.iter().map(|field| Term::new(*field, kind, value, &Context::default()).to_i64())
    });
    let wanted: Vec<i64> = wanted.collect();
    if question.selective.is_none() && fields.iter().all(|field| field.is_selective()) {
        question.selective = Some(wanted);
    } else {
        question.terms.push(wanted);
    }
    Ok(())
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    value.parse().map_err(|_| {
        wrong(name, format!("{value:?} is no point in time"), "a time such as 2026-10-03T00:00:00Z")
    })
}

fn wrong(name: &str, detail: String, expected: &str) -> Problem {
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: name.to_owned() },
        code: "invalid_parameter".into(),
        detail,
        expected: Some(expected.to_owned()),
    }))
}
