//! A message: one event on its way, with what is needed to take it into account once.

use jiff::Timestamp;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, LongString},
};
use uuid::Uuid;

const PERSISTENT: u8 = 2;
const OCCURRED_AT: &str = "occurred_at";
const TRACEPARENT: &str = "traceparent";
const ATTEMPTS: &str = "attempts";
const ERROR: &str = "error";

/// One event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's id; a repeat carries the same.
    pub id: Uuid,
    /// What happened, such as `filing.recorded`; the routing key.
    pub event: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The trace it belongs to (W3C).
    pub traceparent: Option<String>,
    /// How often handling it failed before; 0 at first.
    pub attempts: u32,
    /// The event itself, JSON.
    pub body: Vec<u8>,
}

/// The delivery is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error("a message without a proper {0}")]
pub(crate) struct Malformed(&'static str);

impl Message {
    pub(crate) fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(OCCURRED_AT.into(), text(self.occurred_at.to_string()));
        if let Some(traceparent) = &self.traceparent {
            headers.insert(TRACEPARENT.into(), text(traceparent.as_str()));
        }
        if 0 < self.attempts {
            headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(self.attempts.into()));
        }
        let seconds = u64::try_from(self.occurred_at.as_second()).unwrap_or_default();
        BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into())
            .with_message_id(self.id.to_string().into())
            .with_type(self.event.as_str().into())
            .with_timestamp(seconds)
            .with_headers(headers)
    }

    /// Reads a delivery. The event is in the properties: a retried message comes back under the
    /// name of its queue.
    pub(crate) fn read(delivery: &Delivery) -> Result<Self, Malformed> {
        let properties = &delivery.properties;
        let id = properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
        let event = properties.kind().as_ref().ok_or(Malformed("type"))?;
        let occurred_at = header(delivery, OCCURRED_AT).and_then(|text| text.parse().ok());
        Ok(Self {
            id: id.ok_or(Malformed("message id"))?,
            event: event.to_string(),
            occurred_at: occurred_at.ok_or(Malformed(OCCURRED_AT))?,
            traceparent: header(delivery, TRACEPARENT),
            attempts: attempts(delivery),
            body: delivery.data.clone(),
        })
    }

    /// Reads what can be read, for a person to look at.
    pub(crate) fn salvage(delivery: &Delivery) -> Self {
        Self::read(delivery).unwrap_or_else(|_| Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, &delivery.data),
            event: delivery
                .properties
                .kind()
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            occurred_at: Timestamp::UNIX_EPOCH,
            traceparent: header(delivery, TRACEPARENT),
            attempts: attempts(delivery),
            body: delivery.data.clone(),
        })
    }
}

/// The properties of a delivery that goes on its way to the dead letters, with the reason.
pub(crate) fn with_error(delivery: &Delivery, error: &str) -> BasicProperties {
    const LENGTH_LIMIT: usize = 4_000;
    let cut = error.char_indices().nth(LENGTH_LIMIT).map_or(error.len(), |(at, _)| at);
    let mut headers = delivery.properties.headers().clone().unwrap_or_default();
    headers.insert(ERROR.into(), text(&error[..cut]));
    delivery.properties.clone().with_headers(headers).with_delivery_mode(PERSISTENT)
}

/// Why a dead letter died, where a consumer said so.
pub(crate) fn error(delivery: &Delivery) -> Option<String> {
    header(delivery, ERROR)
}

fn attempts(delivery: &Delivery) -> u32 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(ATTEMPTS)) {
        Some(AMQPValue::LongLongInt(attempts)) => u32::try_from(*attempts).unwrap_or_default(),
        _ => 0,
    }
}

fn header(delivery: &Delivery, name: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn text(text: impl Into<Vec<u8>>) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text.into()))
}
