//! Which story a piece of work belongs to: W3C trace context, from the request through the
//! outbox and the broker to the finding.

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use std::{
    fmt,
    future::{Ready, ready},
    str::FromStr,
};

/// The header it travels in, over HTTP and AMQP alike.
pub const HEADER: &str = "traceparent";

/// A position in a distributed trace (W3C Trace Context, version 00).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    // Neither id is all zeros: the standard calls those invalid.
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

impl TraceContext {
    /// Begins a trace.
    pub fn begin() -> Self {
        Self { trace_id: nonzero(rand::random), span_id: nonzero(rand::random), flags: 1 }
    }

    /// The next piece of work in the same trace.
    #[must_use]
    pub fn continued(self) -> Self {
        Self { span_id: nonzero(rand::random), ..self }
    }

    /// Continues what a header says, or begins anew where it says nothing that can be read.
    pub fn from_header(header: Option<&str>) -> Self {
        match header.and_then(|header| header.parse::<Self>().ok()) {
            Some(caller) => caller.continued(),
            None => Self::begin(),
        }
    }

    /// The id that all work in the trace shares.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// A span to work in, marked with the trace: for messages, whose sender is long gone.
    pub fn span(&self, work: &'static str) -> tracing::Span {
        tracing::info_span!("work", work, trace.id = %self.trace_id())
    }
}

fn nonzero<const N: usize>(draw: fn() -> [u8; N]) -> [u8; N] {
    loop {
        let drawn = draw();
        if drawn != [0; N] {
            return drawn;
        }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, flags } = self;
        write!(f, "00-{}-{}-{flags:02x}", hex::encode(trace_id), hex::encode(span_id))
    }
}

/// The header is not a `traceparent` that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no traceparent of version 00")]
pub struct NoTraceparent;

impl FromStr for TraceContext {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace, span, flags] = parts[..] else { return Err(NoTraceparent) };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NoTraceparent);
        }
        let (mut trace_id, mut span_id, mut flag) = ([0; 16], [0; 8], [0; 1]);
        hex::decode_to_slice(trace, &mut trace_id).map_err(|_| NoTraceparent)?;
        hex::decode_to_slice(span, &mut span_id).map_err(|_| NoTraceparent)?;
        hex::decode_to_slice(flags, &mut flag).map_err(|_| NoTraceparent)?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(NoTraceparent);
        }
        Ok(Self { trace_id, span_id, flags: flag[0] })
    }
}

/// The trace of the request, for the event it causes.
impl FromRequest for TraceContext {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.extensions().get::<Self>().copied();
        ready(Ok(context.unwrap_or_else(Self::begin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_and_writes_the_same() {
        assert_eq!(SAMPLE.parse::<TraceContext>().unwrap().to_string(), SAMPLE);
    }

    #[test]
    fn work_for_a_caller_keeps_its_trace_under_a_span_of_its_own() {
        let context = TraceContext::from_header(Some(SAMPLE));
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(context.to_string(), SAMPLE);
    }

    #[test]
    fn what_cannot_be_read_begins_a_new_trace() {
        for header in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(header.parse::<TraceContext>(), Err(NoTraceparent), "{header}");
            assert_ne!(TraceContext::from_header(Some(header)), TraceContext::from_header(None));
        }
    }
}
