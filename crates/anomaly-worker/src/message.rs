//! Messages as the worker hears them.

use broker::Message;
use domain::event::{EVENT_VERSION, Event};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// A message with its event.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The message's id, which is its event's.
    pub(crate) id: Uuid,
    /// What happened.
    pub(crate) event: Event,
    /// When it was committed, as near as anybody knows.
    pub(crate) occurred_at: Timestamp,
    /// The trace it belongs to.
    pub(crate) traceparent: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    event_version: u16,
}

impl Heard {
    /// Reads a message. What cannot be read now never can be.
    pub(crate) fn read(message: &Message) -> anyhow::Result<Self> {
        let Version { event_version } = serde_json::from_slice(&message.body)?;
        anyhow::ensure!(
            event_version == EVENT_VERSION,
            "the event is of version {event_version}; this worker knows {EVENT_VERSION}"
        );
        Ok(Self {
            id: message.id,
            event: serde_json::from_slice(&message.body)?,
            occurred_at: message.occurred_at,
            traceparent: message.traceparent.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        Message {
            id: Uuid::nil(),
            event: "application.assessed".to_owned(),
            occurred_at: Timestamp::UNIX_EPOCH,
            traceparent: None,
            attempts: 0,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn an_event_of_another_version_is_refused() {
        let event = r#""event":"application.assessed","case":"00000000-0000-0000-0000-000000000001","version":1"#;
        assert!(Heard::read(&message(&format!(r#"{{{event},"event_version":1}}"#))).is_ok());
        assert!(Heard::read(&message(&format!(r#"{{{event},"event_version":2}}"#))).is_err());
        assert!(Heard::read(&message(&format!("{{{event}}}"))).is_err());
        assert!(Heard::read(&message("not json")).is_err());
    }
}
