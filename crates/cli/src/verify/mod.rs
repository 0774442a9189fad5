//! `lodestone verify`: what anybody can check without trusting our answers.
//!
//! Signatures, hashes and proofs are computed here; a service is asked only for what it published.

mod keys;
mod licence;
mod log;
mod receipt;

use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// Is this licence real, and what is it worth today? Fails unless goods may leave under it.
    Licence(licence::Arguments),
    /// Was this filed, by whom and when? Fails unless the authority signed that it was.
    Receipt(receipt::Arguments),
    /// Does the log still hold everything it ever held?
    Log(log::Arguments),
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Licence(arguments) => licence::verify(&arguments).await,
        Command::Receipt(arguments) => receipt::verify(&arguments).await,
        Command::Log(arguments) => log::verify(&arguments).await,
    }
}
