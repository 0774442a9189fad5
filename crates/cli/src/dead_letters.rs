//! `lodestone dead-letters`: messages that could not be handled, and another try at them.

use crate::{
    client::{Access, Service},
    output::{answer, say},
};
use clap::Subcommand;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Subcommand)]
pub enum Command {
    /// Lists them.
    List {
        #[command(flatten)]
        access: Access,
        /// For programs: a JSON array with what each message says.
        #[arg(long)]
        json: bool,
    },
    /// Gives messages back to the consumers that could not handle them.
    Replay {
        /// Which; otherwise all that wait.
        #[arg(required_unless_present = "all")]
        ids: Vec<Uuid>,
        /// All that wait.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Deserialize, Serialize)]
struct DeadLetter {
    id: Uuid,
    consumer: String,
    event: String,
    message: Uuid,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    died_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_requested_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed_at: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    dead_letters: Vec<DeadLetter>,
    next: Option<String>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { access, json } => {
            let letters = all(&Service::with_key(access)?).await?;
            if json { answer(&letters) } else { letters.iter().try_for_each(show) }
        }
        Command::Replay { mut ids, all: every, access } => {
            let service = Service::with_key(access)?;
            if every {
                let letters = all(&service).await?;
                let waiting = letters.iter().filter(|letter| letter.replay_requested_at.is_none());
                ids.extend(waiting.map(|letter| letter.id));
            }
            for id in &ids {
                let path = format!("/v1/dead-letters/{id}/replay");
                service.send(service.request(Method::POST, &path)?).await?;
            }
            Ok(say(&format!("{} will be tried again", ids.len()))?)
        }
    }
}

async fn all(service: &Service) -> anyhow::Result<Vec<DeadLetter>> {
    let (mut letters, mut cursor) = (Vec::new(), None);
    loop {
        let query: Vec<_> = cursor.into_iter().map(|cursor| ("cursor", cursor)).collect();
        let page: Page = service.get("/v1/dead-letters", &query).await?;
        letters.extend(page.dead_letters);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(letters);
        }
    }
}

fn show(letter: &DeadLetter) -> anyhow::Result<()> {
    let DeadLetter { id, consumer, event, died_at, .. } = letter;
    let state = match (&letter.replayed_at, &letter.replay_requested_at) {
        (Some(at), _) => format!("given back {at}"),
        (None, Some(at)) => format!("replay asked for {at}"),
        (None, None) => "waits".to_owned(),
    };
    say(&format!("{id}  {consumer}  {event}  died {died_at}, {state}"))?;
    let error = letter.error.as_deref().unwrap_or("its consumer died of it");
    Ok(say(&format!("    {error}"))?)
}
