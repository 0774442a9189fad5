//! Runs the tool.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What the tool did.
pub struct Ran {
    pub succeeded: bool,
    pub said: String,
    pub complained: String,
}

/// Runs it with these arguments, this environment and this on standard input.
pub fn lodestone(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lodestone"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A tool that reads nothing may be gone before it is written to.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        succeeded: output.status.success(),
        said: String::from_utf8(output.stdout).unwrap(),
        complained: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// What it said, if it succeeded.
    pub fn well(self) -> String {
        assert!(self.succeeded, "{}{}", self.said, self.complained);
        self.said
    }
}
