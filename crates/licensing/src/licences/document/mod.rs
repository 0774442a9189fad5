//! A licence as people and machines carry it: a signed PDF in both languages with a QR code, the
//! short signed form in that code, and a W3C Verifiable Credential.
//!
//! Each is made anew from the signed content whenever it is asked for; none is stored.

mod compact;
mod credential;
mod layout;
mod seal;
pub(crate) mod status;

pub(crate) use seal::{DocumentSeal, DocumentSealView};

use super::{may_read, view::kilograms, visible};
use crate::app::{self, App};
use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use anyhow::{Context, anyhow};
use database::licences::LicenceRecord;
use krilla::text::Font;
use service::{
    identity::Signed,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// In collections of Noto CJK the third face is the simplified Chinese one.
const SIMPLIFIED_CHINESE_FACE: u32 = 2;

/// The font of documents, read when the first is made.
#[derive(Clone)]
pub(crate) struct DocumentFont {
    file: PathBuf,
    font: Arc<OnceLock<Font>>,
}

impl DocumentFont {
    /// The font in a file, which is not read yet.
    pub(crate) fn in_file(file: &Path) -> Self {
        Self { file: file.to_owned(), font: Arc::default() }
    }

    fn read(&self) -> anyhow::Result<Font> {
        if let Some(font) = self.font.get() {
            return Ok(font.clone());
        }
        let bytes = std::fs::read(&self.file)
            .with_context(|| format!("cannot read the font in {}", self.file.display()))?;
        let bytes = Arc::new(bytes);
        let face = |index| Font::new(Arc::clone(&bytes).into(), index);
        let font = face(SIMPLIFIED_CHINESE_FACE).or_else(|| face(0));
        let font = font.with_context(|| format!("{} is no font", self.file.display()))?;
        Ok(self.font.get_or_init(|| font).clone())
    }
}

/// The licence as a PDF in Chinese and English, signed (`PAdES`), with a QR code that is checked
/// without a network.
#[utoipa::path(
    tag = "licences",
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses(
        (status = 200, description = "The document", content_type = "application/pdf", body = String),
        (status = 404, body = ProblemDetails),
        (status = 503, description = "No font is installed", body = ProblemDetails),
    )
)]
#[get("/v1/licences/{number}.pdf")]
pub(crate) async fn pdf(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let record = seen(&app, &signed, &trace, &number).await?;
    let (font, signer) = (app.font.clone(), Arc::clone(&app.signer));
    let name = format!("inline; filename=\"{}.pdf\"", record.number);
    let drawn = web::block(move || {
        let font = font.read().map_err(Problem::DependencyDown)?;
        let code = compact::qr(&signer, &record)?;
        Ok::<_, Problem>(layout::pdf(&record, &code, &font)?)
    });
    let drawn = drawn.await.map_err(|_| anyhow!("the document was not finished"))??;
    let sealed = app.seal.sign(&drawn).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(sealed))
}

/// The licence as a W3C Verifiable Credential 2.0, secured as a JWT (VC-JOSE-COSE).
#[utoipa::path(
    tag = "licences",
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses(
        (status = 200, description = "The credential", content_type = "application/vc+jwt", body = String),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/licences/{number}.vc")]
pub(crate) async fn vc(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    request: HttpRequest,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let record = seen(&app, &signed, &trace, &number).await?;
    let credential = credential::of(&record, &app.signer, &base(&request));
    let bytes = serde_json::to_vec(&credential).map_err(anyhow::Error::from)?;
    let jws = app.signer.compact_jws("vc+jwt", &bytes);
    Ok(HttpResponse::Ok().content_type("application/vc+jwt").body(jws))
}

async fn seen(
    app: &App,
    signed: &Signed,
    trace: &TraceContext,
    number: &str,
) -> Result<LicenceRecord, Problem> {
    may_read(signed)?;
    let moment = app::moment(trace);
    app.seen_by(signed, async |conn| visible(conn, signed, number, &moment).await).await
}

/// The address under which the caller knows this service.
fn base(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}
