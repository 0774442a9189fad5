//! What a batch led to: its events, in its transaction, and its numbers, after the commit.

use database::{
    Error, Transaction,
    events::{self, Origin},
    findings::{Closed, Recorded},
};
use domain::{event::Event, ids::EventId};
use jiff::Timestamp;
use rules::{Judgement, Outcome};
use std::collections::HashMap;
use uuid::Uuid;

/// What a batch led to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Messages that were judged, by event.
    pub(crate) screened: HashMap<&'static str, u64>,
    /// Findings raised: the detector, and since when it could have found it.
    raised: Vec<(&'static str, Timestamp)>,
    /// Findings closed, by reason.
    closed: Vec<&'static str>,
    /// Judgements that could not be made: the detector, and why not.
    abstained: HashMap<(&'static str, &'static str), u64>,
}

impl Told {
    /// Tells everybody what was found and what no longer holds.
    ///
    /// `traces` are the traces of the messages, by what they were about.
    pub(crate) async fn tell(
        &mut self,
        transaction: &mut Transaction,
        recorded: Recorded,
        traces: &HashMap<Uuid, String>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for raised in recorded.raised {
            let event = Event::FindingRaised {
                finding: raised.id,
                detector: raised.detector.to_owned(),
                severity: raised.severity,
                organisation: raised.organisation,
            };
            let origin = origin(traces.get(&raised.subject).cloned(), now);
            events::append(transaction, &origin, raised.id.as_uuid(), &event).await?;
            self.raised.push((raised.detector, raised.caused_at));
        }
        for Closed { id, because } in recorded.closed {
            let event = Event::FindingClosed { finding: id, reason: because.as_str().to_owned() };
            events::append(transaction, &origin(None, now), id.as_uuid(), &event).await?;
            self.closed.push(because.as_str());
        }
        Ok(())
    }

    /// Counts what could not be judged.
    pub(crate) fn count_abstentions<'a>(
        &mut self,
        judgements: impl Iterator<Item = &'a Judgement>,
    ) {
        for judgement in judgements {
            if let Outcome::Abstained(reason) = judgement.outcome {
                let key = (judgement.detector.name, reason.as_str());
                *self.abstained.entry(key).or_default() += 1;
            }
        }
    }

    /// Reports the numbers, once everything is committed.
    pub(crate) fn measure(&self, now: Timestamp) {
        for (event, count) in &self.screened {
            metrics::counter!("worker_screened_total", "event" => *event).increment(*count);
        }
        for (detector, caused_at) in &self.raised {
            metrics::counter!("worker_findings_raised_total", "detector" => *detector).increment(1);
            let latency = now.duration_since(*caused_at).as_secs_f64().max(0.0);
            metrics::histogram!("worker_flag_latency_seconds").record(latency);
        }
        for because in &self.closed {
            metrics::counter!("worker_findings_closed_total", "because" => *because).increment(1);
        }
        for ((detector, reason), count) in &self.abstained {
            metrics::counter!("worker_abstentions_total", "detector" => *detector, "reason" => *reason)
                .increment(*count);
        }
    }
}

/// The system itself did it, as part of this trace.
pub(crate) fn origin(traceparent: Option<String>, now: Timestamp) -> Origin {
    Origin { id: EventId::from_uuid(Uuid::now_v7()), occurred_at: now, person: None, traceparent }
}
