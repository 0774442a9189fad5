//! licensing

fn main() {}
