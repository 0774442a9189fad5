//! `/v1/log/...`: the log as outsiders check it, without a credential.
//!
//! Whoever keeps a checkpoint can have it proven that an event is in the log
//! ([`prove_inclusion`]) and that the log of today begins with the log of then ([`prove_consistency`]). The
//! proofs are hashes only and tell nothing of what an event says. The tree's mathematics is
//! `domain::log`; whoever verifies needs nothing of ours but the checkpoint's public key.

use actix_web::{HttpResponse, get, http::header, web};
use database::{
    Connection, Pool,
    log::{self, SignedCheckpoint},
};
use domain::{
    ids::EventId,
    log::{Frontier, Hash, consistency_ranges, inclusion_ranges, node_hash},
};
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use service::problem::{Location, Problem, ProblemDetails, Violation};
use std::{future::Future, ops::Range, pin::Pin};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Leaves hashed at a time. Roots of complete subtrees this large never change and are kept.
const SUBTREE_LEAVES: u64 = 4_096;
const SUBTREES_KEPT: u64 = 100_000;
const LEAVES_PER_PAGE: u64 = 1_000;

/// Reads the log and remembers what can never change.
#[derive(Clone)]
pub struct LogReader {
    pool: Pool,
    subtrees: Cache<(u64, u64), Hash>,
}

/// A proof that an event is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct InclusionView {
    /// The event.
    pub event: Uuid,
    /// Its place in the log, from 0.
    pub index: u64,
    /// The hash of its canonical bytes, in base64.
    pub leaf_hash: String,
    /// How many leaves the checkpoint covers.
    pub size: u64,
    /// The proof (RFC 9162, 2.1.3), in base64.
    pub proof: Vec<String>,
    /// The signed checkpoint it leads to.
    pub checkpoint: String,
}

/// A proof that a later log begins with an earlier one.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyView {
    /// How many leaves the earlier log had.
    pub from: u64,
    /// How many the later has.
    pub to: u64,
    /// The proof (RFC 9162, 2.1.4), in base64.
    pub proof: Vec<String>,
}

/// Some leaves of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeavesView {
    /// In order, without gaps.
    pub leaves: Vec<LeafView>,
    /// How many the latest checkpoint covers; leaves beyond it are not shown.
    pub size: u64,
}

/// A leaf.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeafView {
    /// Its place, from 0.
    pub index: u64,
    /// The event it stands for.
    pub event: Uuid,
    /// The hash of the event's canonical bytes, in base64.
    pub leaf_hash: String,
}

/// The latest checkpoint of the log: a signed note (C2SP tlog-checkpoint). For anybody.
#[utoipa::path(
    tag = "log", security(()),
    responses(
        (status = 200, description = "A signed note", body = String, content_type = "text/plain"),
        (status = 404, description = "Nothing has been logged yet", body = ProblemDetails),
    )
)]
#[get("/v1/log/checkpoint")]
pub async fn latest_checkpoint(reader: web::Data<LogReader>) -> Result<HttpResponse, Problem> {
    let mut conn = reader.connection().await?;
    let latest = latest(&mut conn).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(latest.note))
}

/// Which event.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct InclusionQuery {
    /// The event's id.
    #[param(value_type = Uuid)]
    event: EventId,
}

/// Proves that an event is in the log, against its latest checkpoint. For anybody.
#[utoipa::path(
    tag = "log", security(()),
    params(InclusionQuery),
    responses(
        (status = 200, body = InclusionView),
        (status = 404, description = "No such event, or it waits for its place", body = ProblemDetails),
        (status = 409, description = "No checkpoint covers it yet", body = ProblemDetails),
    )
)]
#[get("/v1/log/proof/inclusion")]
pub async fn prove_inclusion(
    reader: web::Data<LogReader>,
    query: web::Query<InclusionQuery>,
) -> Result<web::Json<InclusionView>, Problem> {
    let mut conn = reader.connection().await?;
    let leaf = log::leaf_of(&mut conn, query.event).await?.ok_or(Problem::NotFound("event"))?;
    let checkpoint = latest(&mut conn).await?;
    if checkpoint.size <= leaf.index {
        let reason = "no checkpoint covers this event yet; ask again in some seconds";
        return Err(Problem::NotAllowed(reason.into()));
    }
    let ranges = inclusion_ranges(leaf.index, checkpoint.size);
    Ok(web::Json(InclusionView {
        event: leaf.event.as_uuid(),
        index: leaf.index,
        leaf_hash: leaf.hash.to_string(),
        size: checkpoint.size,
        proof: reader.roots(&mut conn, ranges).await?,
        checkpoint: checkpoint.note,
    }))
}

/// Which two logs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyQuery {
    /// How many leaves the earlier log had.
    from: u64,
    /// How many the later has; those of the latest checkpoint, where nothing is said.
    to: Option<u64>,
}

/// Proves that the log of now begins with the log of then: nothing was removed or changed. For
/// anybody.
#[utoipa::path(
    tag = "log", security(()),
    params(ConsistencyQuery),
    responses((status = 200, body = ConsistencyView), (status = 400, body = ProblemDetails))
)]
#[get("/v1/log/proof/consistency")]
pub async fn prove_consistency(
    reader: web::Data<LogReader>,
    query: web::Query<ConsistencyQuery>,
) -> Result<web::Json<ConsistencyView>, Problem> {
    let mut conn = reader.connection().await?;
    let size = latest(&mut conn).await?.size;
    let ConsistencyQuery { from, to } = *query;
    let to = to.unwrap_or(size);
    if !(1..=to).contains(&from) || size < to {
        return Err(Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: "from".to_owned() },
            code: "out_of_range".into(),
            detail: format!("from {from} to {to}"),
            expected: Some(format!("sizes from 1 to {size}, the earlier first")),
        })));
    }
    let proof = reader.roots(&mut conn, consistency_ranges(from, to)).await?;
    Ok(web::Json(ConsistencyView { from, to, proof }))
}

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LeavesQuery {
    /// The first leaf.
    from: u64,
}

/// Up to 1,000 leaves, for whoever rebuilds the whole tree. For anybody.
#[utoipa::path(
    tag = "log", security(()),
    params(LeavesQuery),
    responses((status = 200, body = LeavesView))
)]
#[get("/v1/log/leaves")]
pub async fn list_leaves(
    reader: web::Data<LogReader>,
    query: web::Query<LeavesQuery>,
) -> Result<web::Json<LeavesView>, Problem> {
    let mut conn = reader.connection().await?;
    let size = log::latest_checkpoint(&mut conn).await?.map_or(0, |latest| latest.size);
    let end = query.from.saturating_add(LEAVES_PER_PAGE).min(size);
    let found = log::leaves(&mut conn, query.from..end).await?;
    let leaves = found
        .into_iter()
        .map(|leaf| LeafView {
            index: leaf.index,
            event: leaf.event.as_uuid(),
            leaf_hash: leaf.hash.to_string(),
        })
        .collect();
    Ok(web::Json(LeavesView { leaves, size }))
}

async fn latest(conn: &mut Connection) -> Result<SignedCheckpoint, Problem> {
    log::latest_checkpoint(conn).await?.ok_or(Problem::NotFound("checkpoint"))
}

impl LogReader {
    /// Reads through `pool`, which must be of the reporting role.
    pub fn new(pool: Pool) -> Self {
        Self { pool, subtrees: Cache::new(SUBTREES_KEPT) }
    }

    async fn connection(&self) -> Result<Connection, Problem> {
        Ok(self.pool.get().await.map_err(database::Error::from)?)
    }

    async fn roots(
        &self,
        conn: &mut Connection,
        ranges: Vec<Range<u64>>,
    ) -> Result<Vec<String>, Problem> {
        let mut roots = Vec::with_capacity(ranges.len());
        for range in ranges {
            roots.push(self.root(conn, range).await?.to_string());
        }
        Ok(roots)
    }

    /// The root over a range of leaves, as the tree cuts them.
    fn root<'a>(
        &'a self,
        conn: &'a mut Connection,
        range: Range<u64>,
    ) -> Pin<Box<dyn Future<Output = Result<Hash, Problem>> + 'a>> {
        Box::pin(async move {
            let size = range.end - range.start;
            if size < SUBTREE_LEAVES {
                return self.hash_leaves(conn, range).await;
            }
            let is_complete = size.is_power_of_two() && range.start.is_multiple_of(size);
            let place = (range.start, size);
            if is_complete && let Some(root) = self.subtrees.get(&place).await {
                return Ok(root);
            }
            let root = if size == SUBTREE_LEAVES {
                self.hash_leaves(conn, range).await?
            } else {
                let middle = range.start + (1 << (size - 1).ilog2());
                let left = self.root(conn, range.start..middle).await?;
                node_hash(left, self.root(conn, middle..range.end).await?)
            };
            if is_complete {
                self.subtrees.insert(place, root).await;
            }
            Ok(root)
        })
    }

    async fn hash_leaves(&self, conn: &mut Connection, range: Range<u64>) -> Result<Hash, Problem> {
        let leaves = log::leaves(conn, range.clone()).await?;
        let is_whole = u64::try_from(leaves.len()) == Ok(range.end - range.start);
        if !is_whole {
            return Err(anyhow::anyhow!("the log lacks leaves in {range:?}").into());
        }
        Ok(leaves.into_iter().map(|leaf| leaf.hash).collect::<Frontier>().root())
    }
}
