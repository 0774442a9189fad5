//! The papers of applications: taken in piece by piece, judged by their bytes, never shown as
//! anything that could act.
//!
//! A paper leaves as an attachment of the type that was found, with `nosniff` and a policy under
//! which nothing in it may run. Every look of an official is logged for the applicant to see.

pub(crate) mod intake;
mod kinds;
pub(crate) mod scanner;
pub(crate) mod shelf;

use crate::{
    app::{self, App},
    cases::{log_read, may_see},
};
use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use database::{
    Connection, cases,
    documents::{self, DocumentError, DocumentRecord, NewDocument},
    licensing_requests::{Answered, Request},
};
use domain::{
    case::StateName,
    ids::{CaseId, DocumentId},
};
use intake::check_names;
use scanner::Scanner;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{
    idempotency::{IdempotencyKey, fingerprint_of},
    identity::{Exporter, Official},
    problem::{Problem, ProblemDetails},
    settings::Settings,
    trace::TraceContext,
};
use shelf::Shelf;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Nothing in a paper may run, load or be framed.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// Where papers go and what is done with them first.
#[derive(Clone, Debug)]
pub(crate) struct Papers {
    pub(crate) shelf: Shelf,
    limit_bytes: usize,
    scanner: Option<Scanner>,
}

impl Papers {
    /// As the settings say.
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let scanner = settings.documents.clamd.as_deref().map(Scanner::read).transpose()?;
        let limit_bytes = settings.documents.limit_bytes;
        Ok(Self { shelf: Shelf::open(settings)?, limit_bytes, scanner })
    }
}

/// What a paper is.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadQuery {
    /// Which of the papers that are asked for.
    #[param(example = "technical_description_or_test_report")]
    pub(crate) kind: String,
    /// What the file is called.
    #[param(example = "report 42.pdf")]
    pub(crate) name: String,
}

/// A paper.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentView {
    /// Its id.
    id: Uuid,
    /// Which of the papers that are asked for.
    kind: String,
    /// What the file is called.
    name: String,
    /// Which version of the paper of this kind and name.
    version: u32,
    /// What it was found to be.
    media_type: String,
    /// How large it is.
    size_bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    sha256: String,
    /// Whether a scanner looked at it.
    scanned: bool,
    /// Whether an end user released it through the sealed channel.
    released_by_end_user: bool,
    /// When it came.
    uploaded_at: String,
}

/// The papers of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentList {
    /// The oldest first.
    documents: Vec<DocumentView>,
}

/// Hands a paper in: the file as the body, of the type that `Content-Type` says. A paper of the
/// same kind and name is a new version of it.
#[utoipa::path(
    tag = "documents",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("id" = Uuid, Path), UploadQuery, ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = DocumentView),
        (status = 200, description = "It was handed in before by the same request", body = DocumentView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "The application is decided", body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 422, description = "Not what it says, an archive bomb, infected: see `violations`", body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/documents")]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(crate) async fn upload(
    app: web::Data<App>,
    exporter: Exporter,
    key: IdempotencyKey,
    trace: TraceContext,
    request: HttpRequest,
    id: web::Path<CaseId>,
    query: web::Query<UploadQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    check_names(&query.kind, &query.name)?;
    let organisation = exporter.organisation;
    // Before a byte is taken: somebody else's application takes none.
    app.own(organisation, async |conn| still_open(conn, *id).await).await?;
    let received = app.papers.receive(payload, claimed_type(&request)).await?;
    let document = DocumentId::from_uuid(Uuid::now_v7());
    app.papers.shelf.keep(document, received.file).await?;
    let new = NewDocument {
        id: document,
        organisation,
        case: *id,
        kind: query.kind.clone(),
        name: query.name.clone(),
        media_type: received.media_type.to_owned(),
        size_bytes: received.size_bytes,
        sha256: received.sha256,
        scanned: received.scanned,
        person: Some(exporter.person),
    };
    let asked = json!([id.as_uuid(), query.kind, query.name, hex::encode(received.sha256)]);
    let key = format!("documents {}", key.as_str());
    let asked = Request { organisation, key: &key, hash: fingerprint_of(&asked) };
    let added = app.own(organisation, async |conn| {
        still_open(conn, new.case).await?;
        let answer = |record: &DocumentRecord| {
            serde_json::to_value(DocumentView::from(record)).expect("a view is plain JSON")
        };
        documents::add(conn, Some(&asked), &new, &moment, answer).await.map_err(of_document)
    });
    let added = added.await;
    if !matches!(added, Ok(Answered::Now(_))) {
        app.papers.shelf.put_away(document).await;
    }
    match added? {
        Answered::Now(view) => Ok(HttpResponse::Created().json(view)),
        Answered::Before(view) => Ok(HttpResponse::Ok().json(view)),
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// The papers of one of your applications.
#[utoipa::path(
    tag = "documents",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = DocumentList), (status = 404, body = ProblemDetails))
)]
#[get("/v1/applications/{id}/documents")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<CaseId>,
) -> Result<web::Json<DocumentList>, Problem> {
    app.own(exporter.organisation, async |conn| {
        cases::find(conn, *id).await?.ok_or(Problem::NotFound("application"))?;
        list_of(conn, *id).await
    })
    .await
}

/// One paper of one of your applications, as an attachment.
#[utoipa::path(
    tag = "documents",
    params(("id" = Uuid, Path), ("document" = Uuid, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/applications/{id}/documents/{document}")]
pub(crate) async fn download(
    app: web::Data<App>,
    exporter: Exporter,
    path: web::Path<(CaseId, DocumentId)>,
) -> Result<HttpResponse, Problem> {
    let (case, document) = path.into_inner();
    let found = app
        .own(exporter.organisation, async |conn| Ok(documents::find(conn, case, document).await?));
    let record = found.await?.ok_or(Problem::NotFound("document"))?;
    attachment(&app, &record).await
}

/// The papers of a case. The look is logged for the applicant to see.
#[utoipa::path(
    tag = "documents",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = DocumentList), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/cases/{id}/documents")]
pub(crate) async fn list_for_officials(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<web::Json<DocumentList>, Problem> {
    let mut conn = app.connection().await?;
    looked_at(&mut conn, &official, &trace, *id).await?;
    list_of(&mut conn, *id).await
}

/// One paper of a case, as an attachment. The look is logged for the applicant to see.
#[utoipa::path(
    tag = "documents",
    params(("id" = Uuid, Path), ("document" = Uuid, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/cases/{id}/documents/{document}")]
pub(crate) async fn download_for_officials(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    path: web::Path<(CaseId, DocumentId)>,
) -> Result<HttpResponse, Problem> {
    let (case, document) = path.into_inner();
    let mut conn = app.connection().await?;
    looked_at(&mut conn, &official, &trace, case).await?;
    let record = documents::find(&mut conn, case, document).await?;
    let record = record.ok_or(Problem::NotFound("document"))?;
    drop(conn);
    attachment(&app, &record).await
}

/// Whether an official may look at a case; the look is logged before anything is shown.
pub(crate) async fn looked_at(
    conn: &mut Connection,
    official: &Official,
    trace: &TraceContext,
    case: CaseId,
) -> Result<cases::CaseRecord, Problem> {
    let moment = app::moment(trace);
    let record = cases::find(conn, case).await?.ok_or(Problem::NotFound("case"))?;
    may_see(official, &record)?;
    log_read(conn, official, record.case.organisation, record.number, &moment).await?;
    Ok(record)
}

/// Papers may come until the decision: a question about the application may ask for one.
async fn still_open(conn: &mut Connection, case: CaseId) -> Result<(), Problem> {
    let record = cases::find(conn, case).await?.ok_or(Problem::NotFound("application"))?;
    let state = record.case.state.name();
    if matches!(state, StateName::Approved | StateName::Refused | StateName::Withdrawn) {
        let refusal = format!("no papers can be added while the application is {state}");
        return Err(Problem::NotAllowed(refusal.into()));
    }
    Ok(())
}

async fn list_of(conn: &mut Connection, case: CaseId) -> Result<web::Json<DocumentList>, Problem> {
    let documents = documents::of_case(conn, case).await?;
    Ok(web::Json(DocumentList { documents: documents.iter().map(DocumentView::from).collect() }))
}

async fn attachment(app: &App, record: &DocumentRecord) -> Result<HttpResponse, Problem> {
    let bytes = app.papers.shelf.stream(record.id).await?;
    Ok(attached(&record.name, &record.media_type).no_chunking(record.size_bytes).streaming(bytes))
}

/// The beginning of an answer that carries a file: to be saved, never to be shown.
pub(crate) fn attached(name: &str, media_type: &str) -> actix_web::HttpResponseBuilder {
    use header::{Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue};
    let name = DispositionParam::FilenameExt(ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: name.as_bytes().to_vec(),
    });
    let attachment =
        ContentDisposition { disposition: DispositionType::Attachment, parameters: vec![name] };
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type)
        .insert_header(attachment)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// What the caller says the file is.
pub(crate) fn claimed_type(request: &HttpRequest) -> Option<String> {
    Some(request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?.to_owned())
}

pub(crate) fn of_document(error: DocumentError) -> Problem {
    match error {
        DocumentError::NoSuchCase => Problem::NotFound("application"),
        DocumentError::TooMany => Problem::Conflict(error.to_string().into()),
        DocumentError::Database(error) => error.into(),
    }
}

impl From<&DocumentRecord> for DocumentView {
    fn from(record: &DocumentRecord) -> Self {
        Self {
            id: record.id.as_uuid(),
            kind: record.kind.clone(),
            name: record.name.clone(),
            version: record.version,
            media_type: record.media_type.clone(),
            size_bytes: record.size_bytes,
            sha256: hex::encode(&record.sha256),
            scanned: record.scanned,
            released_by_end_user: record.uploaded_by.is_none(),
            uploaded_at: record.uploaded_at.to_string(),
        }
    }
}
