//! Pages for people: each kind of person gets the pages of their work, in Chinese and English.
//!
//! The portal owns no data. It calls the two interfaces with the person's own session, so what a
//! page can do, an integrator can do. Every form works without scripts; nothing is loaded from
//! elsewhere. What is deliberately absent: SQL, messages, and any judgement of its own.

mod api;
mod app;
mod assets;
#[cfg(test)]
mod components_test;
mod form;
mod language;
mod navigation;
mod pages;
mod refusal;
mod seal;
mod surround;
mod templates;
mod visitor;
#[cfg(test)]
mod words_test;

use crate::app::Portal;
use mimalloc::MiMalloc;
use service::{
    health::Health,
    http::Server,
    openapi,
    process::{self, Context, Process},
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROCESS: Process = Process { name: "portal", port: 8080 };

fn main() -> ExitCode {
    process::run(PROCESS, run)
}

async fn run(context: Context) -> anyhow::Result<()> {
    let portal = Portal::new(&context.settings)?;
    // Ready without the interfaces behind it: pages say themselves which half is down.
    let server = Server::of(&context, Health::new(), openapi::without_routes(PROCESS.name));
    server.run(move |config| app::configure(config, &portal)).await
}
