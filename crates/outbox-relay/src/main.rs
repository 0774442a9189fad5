//! outbox-relay

fn main() {}
