//! `GET /v1/case-rules`: the dated rows that officers work by.

use crate::{
    app::{self, App},
    once,
    queues::READERS,
};
use actix_web::{get, web};
use domain::{codes::Role, regime::Dated};
use serde::Serialize;
use service::{
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;

/// What officers work by today.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseRulesView {
    /// The version of the law.
    regime_version: String,
    /// Why an application may be refused.
    refusal_grounds: Vec<RefusalGroundView>,
    /// What a case may be marked with.
    flags: Vec<CaseFlagView>,
    /// Who signs, by risk.
    countersigning: Vec<CountersigningView>,
}

/// Why an application may be refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusalGroundView {
    /// The reason, as a recommendation names it.
    reason: String,
    /// Where it stands.
    article: String,
    /// In Chinese.
    zh: String,
    /// In English.
    en: String,
    /// Where that comes from.
    #[serde(flatten)]
    provenance: ProvenanceView,
}

/// What a case may be marked with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseFlagView {
    /// The flag.
    flag: String,
    /// `blocks_decision` or `tells`.
    effect: &'static str,
    /// In Chinese.
    zh: String,
    /// In English.
    en: String,
    /// Where that comes from.
    #[serde(flatten)]
    provenance: ProvenanceView,
}

/// Who signs a decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountersigningView {
    /// The risk.
    risk: String,
    /// The role of each signature.
    signatures: Vec<&'static str>,
    /// Where that comes from.
    #[serde(flatten)]
    provenance: ProvenanceView,
}

/// Where a row comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenanceView {
    /// An article, an address, or what else leads to the original.
    source: String,
    /// How well it was checked.
    verification: &'static str,
}

/// Refusal grounds, flags and who signs, as dated rows with their sources.
#[utoipa::path(
    tag = "casework",
    responses((status = 200, body = CaseRulesView), (status = 403, body = ProblemDetails))
)]
#[get("/v1/case-rules")]
pub(crate) async fn read(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
) -> Result<web::Json<CaseRulesView>, Problem> {
    once::require(&official, &[READERS, &[Role::AgencyAdviser]].concat())?;
    let moment = app::moment(&trace);
    let regime = app.regimes.in_force(&mut app.connection().await?, moment.at).await?;
    let day = moment.today();
    let grounds = regime.refusal_grounds(day).map(|row| RefusalGroundView {
        reason: row.key.clone(),
        article: row.value.article.clone(),
        zh: row.value.text.zh.clone(),
        en: row.value.text.en.clone(),
        provenance: ProvenanceView::of(row),
    });
    let flags = regime.case_flags(day).map(|row| CaseFlagView {
        flag: row.key.clone(),
        effect: row.value.effect.as_str(),
        zh: row.value.text.zh.clone(),
        en: row.value.text.en.clone(),
        provenance: ProvenanceView::of(row),
    });
    let countersigning = regime.countersign_rules(day).map(|row| CountersigningView {
        risk: row.key.clone(),
        signatures: row.value.signatures.iter().map(|role| role.as_str()).collect(),
        provenance: ProvenanceView::of(row),
    });
    Ok(web::Json(CaseRulesView {
        regime_version: regime.version().to_string(),
        refusal_grounds: grounds.collect(),
        flags: flags.collect(),
        countersigning: countersigning.collect(),
    }))
}

impl ProvenanceView {
    fn of<T>(row: &Dated<T>) -> Self {
        Self {
            source: row.provenance.source.clone(),
            verification: row.provenance.verification.as_str(),
        }
    }
}
