//! reporting-api

fn main() {}
