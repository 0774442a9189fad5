//! Who hears what: the one table of exchanges, queues and bindings.
//!
//! Everybody declares all of it on every connection, the publisher before its first message: an
//! event cannot be lost because its consumer was never started. An event no binding matches is
//! no error, it stays in the log; one that a binding matches and no queue took is published
//! again ([`Topology::is_heard`]).

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use std::{fmt::Write, time::Duration};

/// Somebody who hears events, on a queue of the same name.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Its name, and its queue's.
    pub name: &'static str,
    /// The events it hears, as patterns of routing keys.
    pub hears: &'static [&'static str],
    /// What it does with them, for the documentation.
    pub purpose: &'static str,
}

/// Everybody who hears events.
pub const CONSUMERS: &[ConsumerSpec] = &[FILINGS, APPLICATIONS, LICENCES, LISTS, FEEDS];

/// The worker's screening of filings.
pub const FILINGS: ConsumerSpec = ConsumerSpec {
    name: "worker.filings",
    hears: &["filing.*"],
    purpose: "anomaly-worker screens what was filed and raises findings",
};
/// The worker's assessment of applications.
pub const APPLICATIONS: ConsumerSpec = ConsumerSpec {
    name: "worker.applications",
    hears: &["application.submitted"],
    purpose: "anomaly-worker assesses the risk of an application for its officer",
};
/// The worker's matching of exports with licences.
pub const LICENCES: ConsumerSpec = ConsumerSpec {
    name: "worker.licences",
    hears: &["licence.*"],
    purpose: "anomaly-worker matches exports filed against licence use",
};

/// The worker's second look at applications.
pub const LISTS: ConsumerSpec = ConsumerSpec {
    name: "worker.lists",
    hears: &["party.listed", "regime.imported"],
    purpose: "anomaly-worker screens open applications and live licences against lists that changed",
};

/// The worker's matching of what authorities hand in.
pub const FEEDS: ConsumerSpec = ConsumerSpec {
    name: "worker.feeds",
    hears: &["feed.*"],
    purpose: "anomaly-worker matches invoices and customs declarations with what was filed",
};

/// How long a failed message waits before its next attempt; later attempts wait the longest.
pub const RETRY_DELAYS: &[Duration] =
    &[Duration::from_secs(1), Duration::from_secs(10), Duration::from_mins(1)];

/// How often RabbitMQ delivers a message whose consumer dies of it before it gives it up.
/// RabbitMQ 3.10 has no limit of its own. Attempts that fail in order are counted elsewhere, so
/// this must only be larger than the number of times an innocent consumer is killed in a row.
pub const DELIVERY_LIMIT: i32 = 100;

const EXCHANGE: &str = "lodestone";
const DEAD_EXCHANGE: &str = "lodestone.dead";
const DEAD_QUEUE: &str = "lodestone.dead-letters";

/// The table under a prefix, so that tests on one broker do not meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    prefix: String,
}

impl Topology {
    /// The table with every name prefixed.
    pub fn prefixed(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// Whether some consumer hears this event.
    pub fn is_heard(event: &str) -> bool {
        CONSUMERS.iter().flat_map(|consumer| consumer.hears).any(|pattern| matches(pattern, event))
    }

    /// Whether there is a consumer of this name.
    pub fn has_consumer(name: &str) -> bool {
        CONSUMERS.iter().any(|consumer| consumer.name == name)
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}{EXCHANGE}", self.prefix)
    }

    pub(crate) fn queue(&self, consumer: &str) -> String {
        format!("{}{consumer}", self.prefix)
    }

    /// Which consumer a queue belongs to.
    pub(crate) fn consumer<'a>(&self, queue: &'a str) -> &'a str {
        queue.strip_prefix(&self.prefix).unwrap_or(queue)
    }

    pub(crate) fn dead_exchange(&self) -> String {
        format!("{}{DEAD_EXCHANGE}", self.prefix)
    }

    pub(crate) fn dead_queue(&self) -> String {
        format!("{}{DEAD_QUEUE}", self.prefix)
    }

    /// The queue in which a consumer's message waits after its `attempts`-th failed attempt.
    pub(crate) fn retry_queue(&self, consumer: &str, attempts: u32) -> String {
        self.delayed_queue(consumer, delay_after(attempts))
    }

    fn delayed_queue(&self, consumer: &str, delay: Duration) -> String {
        format!("{}.retry.{}s", self.queue(consumer), delay.as_secs())
    }

    /// Declares the whole table. Harmless to repeat.
    pub(crate) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let (exchange, dead_exchange) = (self.exchange(), self.dead_exchange());
        declare_exchange(channel, &exchange, ExchangeKind::Topic).await?;
        declare_exchange(channel, &dead_exchange, ExchangeKind::Fanout).await?;
        declare_queue(channel, &self.dead_queue(), quorum()).await?;
        bind(channel, &self.dead_queue(), &dead_exchange, "").await?;
        for consumer in CONSUMERS {
            let queue = self.queue(consumer.name);
            let mut arguments = dying_to(&dead_exchange, &queue);
            arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
            declare_queue(channel, &queue, arguments).await?;
            for delay in RETRY_DELAYS {
                // The default exchange brings a message whose time is over back to its queue.
                let mut arguments = dying_to("", &queue);
                let milliseconds = i32::try_from(delay.as_millis()).expect("a delay is short");
                arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(milliseconds));
                declare_queue(channel, &self.delayed_queue(consumer.name, *delay), arguments)
                    .await?;
            }
            for pattern in consumer.hears {
                bind(channel, &queue, &exchange, pattern).await?;
            }
        }
        Ok(())
    }
}

/// The wait after the `attempts`-th failed attempt.
pub fn delay_after(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    *RETRY_DELAYS.get(index).or(RETRY_DELAYS.last()).expect("there is a delay")
}

/// The table for people.
pub fn markdown() -> String {
    let delays: Vec<_> =
        RETRY_DELAYS.iter().map(|delay| format!("{} s", delay.as_secs())).collect();
    let mut table = format!(
        "Topic exchange `{EXCHANGE}`; every queue is a durable quorum queue.\n\n\
         | queue | hears | what for |\n|---|---|---|\n"
    );
    for ConsumerSpec { name, hears, purpose } in CONSUMERS {
        let hears: Vec<_> = hears.iter().map(|pattern| format!("`{pattern}`")).collect();
        writeln!(table, "| `{name}` | {} | {purpose} |", hears.join(", "))
            .expect("writing to a string does not fail");
    }
    write!(
        table,
        "\nA message that failed waits in `<queue>.retry.<delay>` ({}, then the last again) and \
         returns to its own queue. One that cannot succeed, or was delivered {DELIVERY_LIMIT} times \
         to consumers that died of it, goes through `{DEAD_EXCHANGE}` to `{DEAD_QUEUE}`, from where \
         `outbox-relay` stores it for an administrator to read and replay.\n",
        delays.join(", ")
    )
    .expect("writing to a string does not fail");
    table
}

/// Topic matching as far as the table uses it: words, and `*` for one word.
fn matches(pattern: &str, event: &str) -> bool {
    let (mut wanted, mut words) = (pattern.split('.'), event.split('.'));
    loop {
        match (wanted.next(), words.next()) {
            (None, None) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            _ => return false,
        }
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

/// A queue whose messages go elsewhere when they die, at least once. RabbitMQ only promises that
/// when a full queue refuses instead of dropping.
fn dying_to(exchange: &str, routing_key: &str) -> FieldTable {
    let mut arguments = quorum();
    for (name, value) in [
        ("x-dead-letter-exchange", exchange),
        ("x-dead-letter-routing-key", routing_key),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments
}

async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> lapin::Result<()> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default())
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_who_hears_what() {
        insta::assert_snapshot!(markdown());
    }

    #[test]
    fn an_event_is_heard_when_a_binding_matches_it() {
        assert!(Topology::is_heard("filing.recorded"));
        assert!(Topology::is_heard("licence.used"));
        assert!(!Topology::is_heard("finding.raised"));
        assert!(!Topology::is_heard("application.assessed"));
        assert!(!Topology::is_heard("filing"));
        assert!(!Topology::is_heard("filing.recorded.twice"));
    }

    #[test]
    fn later_attempts_wait_longer_and_the_last_delay_repeats() {
        let waits: Vec<_> = (0..6).map(|attempts| delay_after(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 1, 10, 60, 60, 60]);
    }
}
