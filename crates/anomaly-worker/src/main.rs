//! anomaly-worker

fn main() {}
