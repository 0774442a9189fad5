//! What a foreign end user does: open the link, hand in, complete, release, and see who looked.
//!
//! Nobody signs in here: the link, and then the key, says who it is. Neither is kept in the clear.

use super::{
    hash, new_token,
    things::{Description, about_bytes, about_description, described, key_of, opened},
};
use crate::{
    app::{self, App},
    documents::{
        claimed_type,
        intake::{Received, check_names},
    },
    problems,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use database::{
    Transaction,
    documents::{self as papers, NewDocument},
    sealed::{self, ChannelRecord, SealedItem, SealedLook, Via},
};
use domain::{
    ids::{DocumentId, SealedItemId},
    sealed::{ChannelStep, SealedKind},
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{
    idempotency::IdempotencyKey,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use tokio::io::AsyncReadExt;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The paper that a released certificate becomes.
const CERTIFICATE: &str = "end_user_end_use_certificate";
const TOKEN_CHARACTERS_AT_MOST: usize = 100;

/// A channel as its end user sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndUserView {
    /// Who is asked.
    end_user: String,
    /// `waiting` for the link to be opened, `opened`, `complete`, `revoked` or `expired`.
    standing: &'static str,
    /// When the link ends.
    expires_at: String,
    /// What is asked for, in your language.
    asked: Vec<Asked>,
    /// What came in; absent before the link is opened. It cannot be read back here.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemView>>,
    /// Whether the certificate was released to the supplier.
    certificate_released: bool,
    /// Who of the authority looked at it, the latest first.
    looks: Vec<LookView>,
}

/// One thing that is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Asked {
    /// As what to hand it in.
    kind: &'static str,
    /// What it is, in your language.
    text: &'static str,
    /// Whether the answer is complete without it.
    required: bool,
}

/// Something that came in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemView {
    /// Its id.
    id: Uuid,
    /// What it is.
    kind: &'static str,
    /// When it came.
    added_at: String,
}

/// A look of an official.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LookView {
    /// At which item; absent for the list of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Uuid>,
    /// Of which office, in your language.
    office: String,
    /// Why.
    purpose: String,
    /// When.
    at: String,
}

/// What is handed in.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandInQuery {
    /// `certificate`, `photograph`, `drawing`, `list` or `other`.
    kind: String,
    /// What the file is called.
    name: String,
}

/// Where a channel stands, what is asked for, what came in and who looked at it.
#[utoipa::path(
    tag = "sealed channel",
    security(()),
    params(("token" = String, Path, description = "The link's token or, once it is opened, your key")),
    responses((status = 200, body = EndUserView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/sealed/{token}")]
pub(crate) async fn see(
    app: web::Data<App>,
    trace: TraceContext,
    token: web::Path<String>,
) -> Result<web::Json<EndUserView>, Problem> {
    let (channel, via) = found(&app, &token).await?;
    view(&app, &trace, &channel, via).await
}

/// Opens the link, once: the answer holds the key that is yours from now on.
#[utoipa::path(
    tag = "sealed channel",
    security(()),
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 201, description = "`key` takes the place of the token", body = Object),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "Somebody opened it before, or its time is over", body = ProblemDetails),
    )
)]
#[post("/v1/sealed/{token}/open")]
pub(crate) async fn open(
    app: web::Data<App>,
    trace: TraceContext,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let (channel, via) = found(&app, &token).await?;
    if via == Via::Key {
        return Err(Problem::NotFound("sealed channel"));
    }
    may(&channel, ChannelStep::Open, &trace)?;
    let key = new_token("lsk_");
    let mut conn = app.connection().await?;
    if sealed::open(&mut conn, channel.id, &hash(&key), &moment).await? {
        Ok(HttpResponse::Created()
            .json(json!({"key": key, "continue_at": format!("/v1/sealed/{key}")})))
    } else {
        Err(opened_before())
    }
}

/// Hands something in: the file as the body. It is sealed before it is kept.
#[utoipa::path(
    tag = "sealed channel",
    security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("token" = String, Path, description = "Your key"), HandInQuery,
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = ItemView),
        (status = 200, description = "It came before by the same request", body = ItemView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "The channel takes nothing more", body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/sealed/{token}/items")]
pub(crate) async fn hand_in(
    app: web::Data<App>,
    trace: TraceContext,
    request: HttpRequest,
    token: web::Path<String>,
    query: web::Query<HandInQuery>,
    key: IdempotencyKey,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    check_names(&query.kind, &query.name)?;
    let kind: SealedKind = query.kind.parse().map_err(|error: domain::codes::UnknownWord| {
        let fault = Violation::new("/kind", "unknown_value", "this is not asked for");
        problems::of_faults(vec![fault.expecting(error.to_string())])
    })?;
    let channel = with_key(&app, &token, ChannelStep::Add, &trace).await?;
    let received = app.papers.receive(payload, claimed_type(&request)).await?;
    let id = Uuid::new_v5(&channel.id.as_uuid(), key.as_str().as_bytes());
    let thing = Thing { kind, name: query.name.clone(), id: SealedItemId::from_uuid(id) };
    keep(&app, &trace, &channel, thing, received).await
}

struct Thing {
    kind: SealedKind,
    name: String,
    id: SealedItemId,
}

/// Seals a thing and keeps it, once for each request.
async fn keep(
    app: &App,
    trace: &TraceContext,
    channel: &ChannelRecord,
    thing: Thing,
    received: Received,
) -> Result<HttpResponse, Problem> {
    let key = key_of(app, channel)?;
    let Received { mut file, media_type, size_bytes, sha256, scanned } = received;
    let mut plain = Vec::new();
    file.read_to_end(&mut plain).await.map_err(anyhow::Error::from)?;
    let object = Uuid::now_v7();
    let description = Description {
        kind: thing.kind,
        name: thing.name,
        media_type: media_type.to_owned(),
        size_bytes,
        sha256: hex::encode(sha256),
        scanned,
        object,
    };
    let bytes = serde_json::to_vec(&description).map_err(anyhow::Error::from)?;
    let sealed_description = key.seal(&about_description(channel.id, thing.id), &bytes);
    let sealed_bytes = key.seal(&about_bytes(channel.id, object), &plain);
    app.papers.shelf.keep_bytes(object, sealed_bytes).await?;
    let added = async {
        let mut conn = app.connection().await?;
        let moment = app::moment(trace);
        Ok::<_, Problem>(
            sealed::add_item(&mut conn, channel.id, thing.id, &sealed_description, &moment).await?,
        )
    };
    let added = added.await;
    let is_new = matches!(&added, Ok(Some(item)) if item.sealed_description == sealed_description);
    if !is_new {
        app.papers.shelf.put_away(object).await;
    }
    let refusal = "the channel takes nothing more";
    let item = added?.ok_or(Problem::NotAllowed(refusal.into()))?;
    let known = described(&key, channel.id, &item)?;
    if (known.kind, &known.name, &known.sha256)
        != (description.kind, &description.name, &description.sha256)
    {
        return Err(Problem::IdempotencyKeyReused);
    }
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(ItemView::of(&item, &known)))
}

/// Says that this is all: nothing more is taken, and the supplier is told that it is complete.
#[utoipa::path(
    tag = "sealed channel",
    security(()),
    params(("token" = String, Path, description = "Your key")),
    responses(
        (status = 200, body = EndUserView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
        (status = 422, description = "The certificate is missing", body = ProblemDetails),
    )
)]
#[post("/v1/sealed/{token}/complete")]
pub(crate) async fn complete(
    app: web::Data<App>,
    trace: TraceContext,
    token: web::Path<String>,
) -> Result<web::Json<EndUserView>, Problem> {
    let channel = with_key(&app, &token, ChannelStep::Complete, &trace).await?;
    if certificates(&app, &channel).await?.is_empty() {
        let detail = "the certificate of end user and end use is missing";
        let fault = Violation::new("/items", "missing_certificate", detail);
        return Err(problems::of_faults(vec![fault.expecting("an item of the kind certificate")]));
    }
    let moment = app::moment(&trace);
    if !sealed::complete(&mut *app.connection().await?, &channel, &moment).await? {
        return Err(Problem::NotAllowed("it is complete, or was taken back".into()));
    }
    let (channel, via) = found(&app, &token).await?;
    view(&app, &trace, &channel, via).await
}

/// Lets the supplier have the certificate, and nothing else: it becomes a paper of the application.
#[utoipa::path(
    tag = "sealed channel",
    security(()),
    params(("token" = String, Path, description = "Your key")),
    responses(
        (status = 200, body = EndUserView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is not complete yet, or was released before", body = ProblemDetails),
    )
)]
#[post("/v1/sealed/{token}/release")]
pub(crate) async fn release(
    app: web::Data<App>,
    trace: TraceContext,
    token: web::Path<String>,
) -> Result<web::Json<EndUserView>, Problem> {
    let channel = with_key(&app, &token, ChannelStep::Release, &trace).await?;
    let mut kept = Vec::new();
    let released = released(&app, &trace, &channel, &mut kept).await;
    if released.is_err() {
        for document in kept {
            app.papers.shelf.put_away(document).await;
        }
    }
    released?;
    let (channel, via) = found(&app, &token).await?;
    view(&app, &trace, &channel, via).await
}

/// Opens the certificates and makes papers of them; `kept` is what lies in the store meanwhile.
async fn released(
    app: &App,
    trace: &TraceContext,
    channel: &ChannelRecord,
    kept: &mut Vec<DocumentId>,
) -> Result<(), Problem> {
    let (moment, key) = (app::moment(trace), key_of(app, channel)?);
    let mut documents = Vec::new();
    for (_, description) in certificates(app, channel).await? {
        let bytes = opened(app, &key, channel.id, &description).await?;
        let id = DocumentId::from_uuid(Uuid::now_v7());
        kept.push(id);
        app.papers.shelf.keep_bytes(id, bytes).await?;
        documents.push(NewDocument {
            id,
            organisation: channel.organisation,
            case: channel.case,
            kind: CERTIFICATE.to_owned(),
            name: description.name,
            media_type: description.media_type,
            size_bytes: description.size_bytes,
            sha256: sha256_of(&description.sha256),
            scanned: description.scanned,
            person: None,
        });
    }
    // Held until the supplier has it: of two releases at once the second finds it released.
    let mut transaction = Transaction::begin(&app.pool).await?;
    if !sealed::release(&mut transaction, channel, &moment).await? {
        return Err(Problem::NotAllowed("the certificate was released before".into()));
    }
    app.own(channel.organisation, async |conn| {
        for document in &documents {
            let added = papers::add(conn, None, document, &moment, |_| Value::Null).await;
            added.map_err(crate::documents::of_document)?;
        }
        Ok(())
    })
    .await?;
    Ok(transaction.commit().await?)
}

fn sha256_of(hexadecimal: &str) -> [u8; 32] {
    let bytes = hex::decode(hexadecimal).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.expect("it was written as a hash, and sealed")
}

/// The certificates among what came in.
async fn certificates(
    app: &App,
    channel: &ChannelRecord,
) -> Result<Vec<(SealedItem, Description)>, Problem> {
    let key = key_of(app, channel)?;
    let items = sealed::items(&mut *app.connection().await?, channel.id).await?;
    let mut certificates = Vec::new();
    for item in items {
        let description = described(&key, channel.id, &item)?;
        if description.kind == SealedKind::Certificate {
            certificates.push((item, description));
        }
    }
    Ok(certificates)
}

/// The channel that a token belongs to. A token that nobody holds is answered like no channel.
async fn found(app: &App, token: &str) -> Result<(ChannelRecord, Via), Problem> {
    let missing = || Problem::NotFound("sealed channel");
    if TOKEN_CHARACTERS_AT_MOST < token.len() {
        return Err(missing());
    }
    let mut conn = app.connection().await?;
    sealed::by_token(&mut conn, &hash(token)).await?.ok_or_else(missing)
}

/// The channel of a key, if a step may be taken on it.
async fn with_key(
    app: &App,
    token: &str,
    step: ChannelStep,
    trace: &TraceContext,
) -> Result<ChannelRecord, Problem> {
    let (channel, via) = found(app, token).await?;
    if via == Via::Link {
        let refusal = "open the link first: its answer holds your key";
        return Err(Problem::NotAllowed(refusal.into()));
    }
    may(&channel, step, trace)?;
    Ok(channel)
}

fn may(channel: &ChannelRecord, step: ChannelStep, trace: &TraceContext) -> Result<(), Problem> {
    channel.life.take(step, app::moment(trace).at).map_err(|refusal| {
        if step == ChannelStep::Open && channel.opened_at.is_some() {
            return opened_before();
        }
        Problem::NotAllowed(refusal.to_string().into())
    })
}

fn opened_before() -> Problem {
    let warning = "somebody opened this link before; if it was not you, tell the authority 此链接已被打开；如非本人操作，请告知主管部门";
    Problem::NotAllowed(warning.into())
}

async fn view(
    app: &App,
    trace: &TraceContext,
    channel: &ChannelRecord,
    via: Via,
) -> Result<web::Json<EndUserView>, Problem> {
    let chinese = channel.language == "zh-CN";
    let (mut items, mut looks) = (None, Vec::new());
    if via == Via::Key {
        let key = key_of(app, channel)?;
        let mut conn = app.connection().await?;
        let found = sealed::items(&mut conn, channel.id).await?;
        looks = sealed::looks(&mut conn, channel.id).await?;
        let shown = |item: &SealedItem| {
            Ok::<_, Problem>(ItemView::of(item, &described(&key, channel.id, item)?))
        };
        items = Some(found.iter().map(shown).collect::<Result<_, _>>()?);
    }
    let asked = SealedKind::ALL.iter().map(|kind| {
        let (zh, en) = kind.asked();
        let required = *kind == SealedKind::Certificate;
        Asked { kind: kind.as_str(), text: if chinese { zh } else { en }, required }
    });
    Ok(web::Json(EndUserView {
        end_user: channel.end_user.clone(),
        standing: channel.life.standing(app::moment(trace).at).as_str(),
        expires_at: channel.life.expires_at.to_string(),
        asked: asked.collect(),
        items,
        certificate_released: channel.released_at.is_some(),
        looks: looks.into_iter().map(|look| LookView::of(look, chinese)).collect(),
    }))
}

impl ItemView {
    fn of(item: &SealedItem, description: &Description) -> Self {
        let (kind, added_at) = (description.kind.as_str(), item.added_at.to_string());
        Self { id: item.id.as_uuid(), kind, added_at }
    }
}

impl LookView {
    fn of(look: SealedLook, chinese: bool) -> Self {
        let (zh, en) = look.office;
        Self {
            item: look.item.map(SealedItemId::as_uuid),
            office: if chinese { zh } else { en },
            purpose: look.purpose,
            at: look.at.to_string(),
        }
    }
}
