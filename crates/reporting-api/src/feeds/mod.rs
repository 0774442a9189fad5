//! `/v1/feeds`: what other authorities hand in, to be matched with what was filed.
//!
//! Entries are read as they arrive, checked on their own and recorded in batches, each durably; a
//! verdict for each comes back in their order. An entry that is well formed is recorded whatever it
//! says. The same again adds nothing, so whoever is cut off sends everything again. Filers see
//! nothing of it, not even invoices of their own.

pub mod declarations;
mod entries;
pub mod invoices;
pub mod unmatched;

use crate::reading::ReadingPools;
use actix_web::{HttpRequest, http::header::CONTENT_TYPE, web};
use database::{
    Connection,
    feeds::{HandedIn, Stored},
};
use domain::regime::Regime;
use entries::{Cutter, ENTRY_LIMIT_BYTES, Layout, Piece};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use service::{
    body::parse_or_violation,
    clock,
    identity::Signed,
    problem::{Problem, Violation},
    regimes::Regimes,
    trace::TraceContext,
};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Entries that are recorded in one transaction.
const BATCH: usize = 200;
/// Entries of one request, and bytes of its body.
const ENTRIES_LIMIT: usize = 50_000;
const BODY_LIMIT_BYTES: usize = 256 << 20;
const TEXT_LIMIT: usize = 100;
const LINES_LIMIT: usize = 1_000;

/// What became of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryVerdict {
    /// Its place among the entries, counted from 1.
    pub entry: usize,
    /// Its number, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u16>,
    /// `recorded`; `replaces` an earlier version; `late`: kept beneath a later version;
    /// `duplicate`: known already; or `refused`.
    #[schema(example = "recorded")]
    pub verdict: &'static str,
    /// The other version: the one it replaces, or the one that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_version: Option<u16>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub violations: Vec<Violation>,
}

/// What became of everything that was handed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedAnswer {
    /// One for each entry, in their order.
    pub verdicts: Vec<EntryVerdict>,
    /// How many entries there were.
    pub entries: usize,
    /// How many of them were added: recorded, replacing or late.
    pub added: usize,
    /// How many were refused.
    pub refused: usize,
}

/// A feed: how its entries are read, checked and recorded.
trait Feed {
    type Form: DeserializeOwned + Serialize;
    type New;

    /// What a form says, or every fault in it. `hash` is of the entry, whatever its layout.
    fn check(form: Self::Form, hash: [u8; 32], law: &Regime) -> Result<Self::New, Vec<Violation>>;

    /// The number and version of an entry.
    fn name(new: &Self::New) -> (&str, u16);

    async fn record(
        conn: &mut Connection,
        new: &[Self::New],
        handed_in: &HandedIn,
    ) -> Result<Vec<Stored>, database::Error>;
}

/// Who hands in, and with what.
struct Desk<'a> {
    signed: &'a Signed,
    pools: &'a ReadingPools,
    regimes: &'a Regimes,
    trace: TraceContext,
}

/// Reads a whole body and records what is right of it.
async fn take<F: Feed>(
    desk: &Desk<'_>,
    request: &HttpRequest,
    mut payload: web::Payload,
) -> Result<web::Json<FeedAnswer>, Problem> {
    let layout = layout(request)?;
    let mut conn = desk.pools.official.get().await.map_err(database::Error::from)?;
    let law = desk.regimes.in_force(&mut conn, clock::now()).await?;
    let (mut cutter, mut waiting, mut verdicts) = (Cutter::new(layout), Vec::new(), Vec::new());
    let mut read_bytes = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| cut_off(&error))?;
        read_bytes += chunk.len();
        if BODY_LIMIT_BYTES < read_bytes {
            return Err(Problem::TooLarge { limit_bytes: BODY_LIMIT_BYTES });
        }
        cutter.push(&chunk, &mut waiting).map_err(not_an_array)?;
        if BATCH <= waiting.len() {
            settle::<F>(desk, &mut conn, &law, &mut waiting, &mut verdicts).await?;
        }
    }
    cutter.finish(&mut waiting).map_err(not_an_array)?;
    settle::<F>(desk, &mut conn, &law, &mut waiting, &mut verdicts).await?;
    let count = |pick: fn(&EntryVerdict) -> bool| verdicts.iter().filter(|it| pick(it)).count();
    Ok(web::Json(FeedAnswer {
        entries: verdicts.len(),
        added: count(|it| matches!(it.verdict, "recorded" | "replaces" | "late")),
        refused: count(|it| it.verdict == "refused"),
        verdicts,
    }))
}

/// Checks and records the entries that wait, in batches.
async fn settle<F: Feed>(
    desk: &Desk<'_>,
    conn: &mut Connection,
    law: &Regime,
    waiting: &mut Vec<Piece>,
    verdicts: &mut Vec<EntryVerdict>,
) -> Result<(), Problem> {
    if ENTRIES_LIMIT < verdicts.len() + waiting.len() {
        return Err(invalid("too_many", format!("more than {ENTRIES_LIMIT} entries")));
    }
    let act = desk.signed.act(clock::now(), desk.trace);
    let handed_in = HandedIn { office: desk.signed.organisation, act };
    let waiting = std::mem::take(waiting);
    for batch in waiting.chunks(BATCH) {
        let first = verdicts.len() + 1;
        let mut new = Vec::new();
        let mut places = Vec::new();
        for (place, piece) in (first..).zip(batch) {
            match checked::<F>(piece.as_deref(), law) {
                Ok(entry) => {
                    places.push(place);
                    new.push(entry);
                    verdicts.push(EntryVerdict::refused(place, Vec::new()));
                }
                Err(violations) => verdicts.push(EntryVerdict::refused(place, violations)),
            }
        }
        let stored = F::record(conn, &new, &handed_in).await?;
        for ((place, entry), stored) in places.into_iter().zip(&new).zip(stored) {
            verdicts[place - 1] = EntryVerdict::stored(place, F::name(entry), stored);
        }
    }
    Ok(())
}

fn checked<F: Feed>(piece: Option<&[u8]>, law: &Regime) -> Result<F::New, Vec<Violation>> {
    let Some(bytes) = piece else {
        let detail = format!("the entry is longer than {ENTRY_LIMIT_BYTES} bytes");
        return Err(vec![Violation::at("", "too_long", detail)]);
    };
    let form: F::Form = parse_or_violation(bytes).map_err(|violation| vec![violation])?;
    let canonical = serde_json::to_vec(&form).expect("a form that was read can be written");
    F::check(form, Sha256::digest(&canonical).into(), law)
}

impl EntryVerdict {
    const fn refused(entry: usize, violations: Vec<Violation>) -> Self {
        let (number, version, other_version) = (None, None, None);
        Self { entry, number, version, verdict: "refused", other_version, violations }
    }

    fn stored(entry: usize, (number, version): (&str, u16), stored: Stored) -> Self {
        let (verdict, other_version) = match stored {
            Stored::Recorded => ("recorded", None),
            Stored::Replaces { version } => ("replaces", Some(version)),
            Stored::Late { version } => ("late", Some(version)),
            Stored::Duplicate => ("duplicate", None),
            Stored::Taken => ("refused", None),
        };
        let violations = match stored {
            Stored::Taken => {
                let detail = "something else was handed in under this number and version";
                vec![
                    Violation::at("/version", "version_taken", detail).expecting("a later version"),
                ]
            }
            _ => Vec::new(),
        };
        Self {
            entry,
            number: Some(number.to_owned()),
            version: Some(version),
            verdict,
            other_version,
            violations,
        }
    }
}

fn layout(request: &HttpRequest) -> Result<Layout, Problem> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|header| header.to_str().ok());
    let essence = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Layout::Array),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Layout::Lines),
        _ => Err(Problem::UnsupportedMedia {
            expected: "application/json (an array) or application/x-ndjson",
        }),
    }
}

fn cut_off(error: &actix_web::error::PayloadError) -> Problem {
    invalid("incomplete", format!("the body ended early: {error}"))
}

fn not_an_array(error: entries::NotAnArray) -> Problem {
    let detail = format!("at byte {} the body is no array of objects", error.byte);
    invalid("malformed_json", detail)
}

fn invalid(code: &'static str, detail: String) -> Problem {
    Problem::InvalidBody(Box::new(Violation::at("", code, detail)))
}

/// Faults of a form, with the places they are at.
#[derive(Default)]
struct Faults(Vec<Violation>);

impl Faults {
    fn add(&mut self, pointer: &str, code: &'static str, detail: &str, expected: &str) {
        self.0.push(Violation::at(pointer, code, detail.to_owned()).expecting(expected.to_owned()));
    }

    /// A name of 1 to 100 characters without blanks around it.
    fn text(&mut self, pointer: &str, text: &str) {
        let length = text.chars().count();
        if !(1..=TEXT_LIMIT).contains(&length) || text.trim() != text {
            self.add(
                pointer,
                "invalid_text",
                "this cannot be kept",
                "1 to 100 characters, none of them a blank at either end",
            );
        }
    }

    fn version(&mut self, version: u16) {
        if !(1..=9_999).contains(&version) {
            self.add("/version", "out_of_range", "no such version", "1 to 9999");
        }
    }

    fn lines(&mut self, lines: usize, is_void: bool) {
        let least = usize::from(!is_void);
        if !(least..=LINES_LIMIT).contains(&lines) {
            self.add("/lines", "out_of_range", "so many lines", "1 to 1000 lines");
        }
    }

    fn done<T>(self, value: Option<T>) -> Result<T, Vec<Violation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
