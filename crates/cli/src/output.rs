//! What a command answers, on standard output. Everything else goes to standard error.

use serde::Serialize;
use std::io::{self, Write};

/// Says a line.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Answers a program: JSON over several lines, which a person can read as well.
pub fn answer(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(say(&serde_json::to_string_pretty(value)?)?)
}
