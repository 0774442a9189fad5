//! What is answered about captures, and events as a query document.

use database::epcis::{Capture, Stored};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::problem::Violation;
use utoipa::ToSchema;
use uuid::Uuid;

/// GS1's context of EPCIS 2.0.
pub const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// A capture job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaptureJob {
    /// Its id.
    #[serde(rename = "captureID")]
    pub capture_id: Uuid,
    /// When the document came.
    pub created_at: String,
    /// When everything was done.
    pub finished_at: String,
    /// Whether it is still being worked on; a job is answered when it is done.
    pub running: bool,
    /// Whether nothing was wrong with the document.
    pub success: bool,
    /// `rollback` or `proceed`.
    pub capture_error_behaviour: String,
    /// How many events were stored.
    pub captured: u32,
    /// How many were stored before.
    pub duplicates: u32,
    /// How many are recorded as filings.
    pub filings: u32,
    /// What was wrong, each with its place in the document.
    #[schema(value_type = Vec<Violation>)]
    pub errors: Value,
    /// Which events became filings, and why others are none.
    #[schema(value_type = Vec<Outcome>)]
    pub outcomes: Value,
}

/// What an event came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// Where the event stands in the document.
    pub pointer: String,
    /// The filing it is recorded as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filing: Option<Uuid>,
    /// Why it is no filing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_filing: Option<String>,
}

impl From<Capture> for CaptureJob {
    fn from(capture: Capture) -> Self {
        Self {
            capture_id: capture.id,
            created_at: capture.created_at.to_string(),
            finished_at: capture.finished_at.to_string(),
            running: false,
            success: capture.success,
            capture_error_behaviour: capture.error_behaviour,
            captured: capture.captured,
            duplicates: capture.duplicates,
            filings: capture.filings,
            errors: capture.errors,
            outcomes: capture.outcomes,
        }
    }
}

/// Faults as a job keeps them.
pub fn errors(faults: &[Violation]) -> Value {
    serde_json::to_value(faults).expect("faults are always valid JSON")
}

/// Events as an `EPCISQueryDocument`.
pub fn query_document(events: &[Stored], at: Timestamp) -> anyhow::Result<Value> {
    let events: Vec<Value> = events.iter().map(event).collect::<Result<_, _>>()?;
    Ok(json!({
        "@context": [CONTEXT],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": at.to_string(),
        "epcisBody": { "queryResults": {
            "queryName": "SimpleEventQuery",
            "resultsBody": { "eventList": events },
        } },
    }))
}

/// An event with the id it is known by and the time it was recorded at: later than it happened.
fn event(stored: &Stored) -> anyhow::Result<Value> {
    let mut members: Map<String, Value> = serde_json::from_slice(&stored.body)?;
    members.insert("eventID".to_owned(), json!(stored.event_id));
    members.insert("recordTime".to_owned(), json!(stored.recorded_at.to_string()));
    Ok(Value::Object(members))
}
