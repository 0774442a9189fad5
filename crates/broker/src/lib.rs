//! All RabbitMQ: who hears what, publishing with confirms, consuming without loss.
//!
//! Nothing else in the workspace knows lapin. What is promised: a message counts as published
//! only after RabbitMQ confirmed it, and as handled only after its handler returned; in between,
//! whatever breaks leads to a repeat, never to a loss. So every handler must tolerate repeats.
//! Absent on purpose: lapin's own recovery, which hung publishes when brokers were killed.

mod consumer;
mod dead_letters;
mod message;
mod publisher;
mod session;
mod subscription;
pub mod topology;

pub use consumer::{Consumer, Failure, Handler, Limits, Verdict};
pub use dead_letters::{DeadLetter, DeadLetterHandler, DeadLetters};
pub use message::Message;
pub use publisher::{PublishError, Published, Publisher};
pub use session::{Broker, Link};
pub use topology::{CONSUMERS, ConsumerSpec, Topology};
