//! `/v1/organisations/{id}/sites` and `/products`: what a filer's filings refer to.

use super::{Registrar, created, forms::Check};
use crate::{
    paging::PageQuery,
    reading::{Reading, ReadingQuery},
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    Connection,
    registry::{self, CatalogueProduct, Names, Site},
};
use domain::{
    calendar_month::beijing_date,
    codes::{Category, Role, Stage},
    composition::{Composition, StatedComposition},
    determination::{Binding, Determination, LicenceNeeded, Outcome, determine, of_product},
    identifiers::HsCode,
    ids::{OrganisationId, ProductId, SiteId},
    regime::{Regime, RegimeVersion, Sentence},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::Signed,
    problem::{Problem, ProblemDetails},
    regimes::Regimes,
    secret::ServerSecret,
    trace::TraceContext,
};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

const CODE_LENGTH_LIMIT: usize = 64;

/// A site: a mine, plant or warehouse.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteForm {
    /// What you call it: 1 to 64 visible ASCII characters.
    #[schema(example = "S1")]
    pub code: String,
    /// 中文名称。
    #[schema(example = "一号矿")]
    pub name_zh: String,
    /// Its name in English.
    #[schema(example = "Mine No. 1")]
    pub name_en: String,
    /// The administrative division it lies in, as its six-digit code or its name.
    #[schema(example = "360700")]
    pub region: String,
    /// The stages it is registered for.
    #[schema(value_type = Vec<String>, example = json!(["mining"]))]
    pub stages: Vec<Stage>,
}

/// A product: what lots are made of.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductForm {
    /// What you call it: 1 to 64 visible ASCII characters.
    #[schema(example = "N42SH")]
    pub code: String,
    /// 中文名称。
    #[schema(example = "烧结钕铁硼 N42SH")]
    pub name_zh: String,
    /// Its name in English.
    #[schema(example = "Sintered NdFeB N42SH")]
    pub name_en: String,
    /// What kind of goods.
    #[schema(value_type = String, example = "magnet")]
    pub category: Category,
    /// Its shape or state.
    #[schema(example = "sintered block")]
    pub form: Option<String>,
    /// Its customs code, six to ten digits.
    #[schema(value_type = String, example = "85051110")]
    pub hs_code: HsCode,
    /// Its trade grade.
    #[schema(example = "42SH")]
    pub grade: Option<String>,
    /// What it is made of unless a filing says otherwise.
    #[schema(value_type = Object, example = json!({"basis": "element", "percent": {"Nd": "29.5", "Dy": "0.8"}}))]
    pub composition: StatedComposition,
}

/// A site and its id.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteView {
    /// Its id.
    pub id: Uuid,
    /// What its organisation says of it.
    #[serde(flatten)]
    pub site: SiteForm,
}

/// A product and its id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductView {
    /// Its id.
    pub id: Uuid,
    /// What its organisation says of it.
    #[serde(flatten)]
    pub product: ProductForm,
    /// Whether it is controlled when it is exported, as the law stands today: known before anything
    /// is filed. `outcome`, codes or doubts, whether the answer binds, and reasons in both languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub control: Option<ControlView>,
}

/// What a product is to the control lists, by its composition as stated.
#[derive(Debug, Serialize)]
pub struct ControlView {
    #[serde(flatten)]
    outcome: Outcome,
    as_of: Date,
    regime_version: RegimeVersion,
    #[serde(flatten)]
    binding: Binding,
    licences_needed: Vec<LicenceNeeded>,
    reasons: Vec<Sentence>,
    advisories: Vec<Sentence>,
}

/// A page of sites.
#[derive(Debug, Serialize, ToSchema)]
pub struct SitePage {
    /// By their codes.
    pub sites: Vec<SiteView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of products.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductPage {
    /// By their codes.
    pub products: Vec<ProductView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Adds a site to your catalogue. It takes a reporter or an administrator.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = SiteForm,
    responses(
        (status = 201, body = SiteView),
        (status = 409, description = "The code is taken", body = ProblemDetails),
    )
)]
#[post("/v1/organisations/{id}/sites")]
pub async fn add_site(
    registrar: web::Data<Registrar>,
    signed: Signed,
    id: web::Path<OrganisationId>,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<SiteForm>,
) -> Result<HttpResponse, Problem> {
    let organisation = own(&signed, *id)?;
    let mut check = Check::default();
    check_site(&mut check, "", &form.value);
    check.done()?;
    let site = form.value.of(organisation);
    let view = SiteView::from(site.clone());
    let asked = ("sites", &*form.bytes);
    let request = registrar.keyed(organisation, key, asked, site.id.as_uuid(), &view);
    let act = signed.act(clock::now(), trace);
    let mut conn = registrar.own_connection().await?;
    let added = registry::add_site(&mut conn, organisation, &site, request.as_ref(), &act).await;
    created(added, &view)
}

/// Adds a product to your catalogue. It takes a reporter or an administrator.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ProductForm,
    responses(
        (status = 201, body = ProductView),
        (status = 409, description = "The code is taken", body = ProblemDetails),
    )
)]
#[post("/v1/organisations/{id}/products")]
pub async fn add_product(
    registrar: web::Data<Registrar>,
    regimes: web::Data<Regimes>,
    signed: Signed,
    id: web::Path<OrganisationId>,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<ProductForm>,
) -> Result<HttpResponse, Problem> {
    let organisation = own(&signed, *id)?;
    let mut check = Check::default();
    check_product(&mut check, "", &form.value);
    check.done()?;
    let product = form.value.of(organisation);
    let act = signed.act(clock::now(), trace);
    let mut conn = registrar.own_connection().await?;
    let law = Law::today(&regimes, &mut conn).await?;
    let view = law.shown(product.clone());
    let asked = ("products", &*form.bytes);
    let request = registrar.keyed(organisation, key, asked, product.id.as_uuid(), &view);
    let added =
        registry::add_product(&mut conn, organisation, &product, request.as_ref(), &act).await;
    created(added, &view)
}

/// Lists an organisation's sites. Officials say why they read, in `Lodestone-Purpose`.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path), PageQuery, ("Lodestone-Purpose" = Option<String>, Header)),
    responses((status = 200, body = SitePage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/organisations/{id}/sites")]
pub async fn sites(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    id: web::Path<OrganisationId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<SitePage>, Problem> {
    let mut access = reading.of(&ReadingQuery::new(Some(*id), "sites")).await?;
    let page = query.into_inner().of::<String>(format!("sites of {id}"), &secret)?;
    let after = page.after.as_deref().unwrap_or_default();
    let found = registry::sites(&mut access.conn, access.organisation, after, page.limit).await?;
    let next = page.next(&found, |site| site.code.clone());
    Ok(web::Json(SitePage { sites: found.into_iter().map(SiteView::from).collect(), next }))
}

/// Lists an organisation's products. Officials say why they read, in `Lodestone-Purpose`.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path), PageQuery, ("Lodestone-Purpose" = Option<String>, Header)),
    responses((status = 200, body = ProductPage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/organisations/{id}/products")]
pub async fn products(
    reading: Reading,
    regimes: web::Data<Regimes>,
    secret: web::Data<ServerSecret>,
    id: web::Path<OrganisationId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<ProductPage>, Problem> {
    let mut access = reading.of(&ReadingQuery::new(Some(*id), "products")).await?;
    let page = query.into_inner().of::<String>(format!("products of {id}"), &secret)?;
    let after = page.after.as_deref().unwrap_or_default();
    let found =
        registry::products(&mut access.conn, access.organisation, after, page.limit).await?;
    let next = page.next(&found, |product| product.code.clone());
    let law = Law::today(&regimes, &mut access.conn).await?;
    let products = found.into_iter().map(|product| law.shown(product)).collect();
    Ok(web::Json(ProductPage { products, next }))
}

/// The law of today, where one is in force: a catalogue is kept whether or not it is.
struct Law(Option<Arc<Regime>>, Date);

impl Law {
    async fn today(regimes: &Regimes, conn: &mut Connection) -> Result<Self, Problem> {
        let now = clock::now();
        let regime = match regimes.in_force(conn, now).await {
            Ok(regime) => Some(regime),
            Err(Problem::DependencyDown(_)) => None,
            Err(problem) => return Err(problem),
        };
        Ok(Self(regime, beijing_date(now)))
    }

    /// A product with what it is to the control lists.
    fn shown(&self, product: CatalogueProduct) -> ProductView {
        let control = self.0.as_deref().and_then(|regime| {
            let composition = Composition::try_from(&product.composition).ok()?;
            let (grade, hs) = (product.grade.as_deref(), Some(product.hs_code.clone()));
            let item = of_product(product.category, &composition, grade, hs);
            Some(ControlView::from(determine(regime, &item, self.1)))
        });
        ProductView { control, ..ProductView::from(product) }
    }
}

impl From<Determination> for ControlView {
    fn from(answer: Determination) -> Self {
        Self {
            outcome: answer.outcome,
            as_of: answer.as_of,
            regime_version: answer.regime_version,
            binding: answer.binding,
            licences_needed: answer.licences_needed,
            reasons: answer.reasons,
            advisories: answer.advisories,
        }
    }
}

/// The caller's own organisation. Somebody else's is answered like one that does not exist.
fn own(signed: &Signed, id: OrganisationId) -> Result<OrganisationId, Problem> {
    if signed.organisation != id {
        return Err(Problem::NotFound("organisation"));
    }
    if signed.has(Role::Reporter) || signed.has(Role::Administrator) {
        Ok(id)
    } else {
        Err(Problem::Forbidden("it takes a reporter or an administrator".into()))
    }
}

/// Finds what is wrong with a site at this place of a form.
pub(super) fn check_site(check: &mut Check, at: &str, form: &SiteForm) {
    check_code(check, &format!("{at}/code"), &form.code);
    check.text(&format!("{at}/name_zh"), &form.name_zh);
    check.text(&format!("{at}/name_en"), &form.name_en);
    check.text(&format!("{at}/region"), &form.region);
}

/// Finds what is wrong with a product at this place of a form.
pub(super) fn check_product(check: &mut Check, at: &str, form: &ProductForm) {
    check_code(check, &format!("{at}/code"), &form.code);
    check.text(&format!("{at}/name_zh"), &form.name_zh);
    check.text(&format!("{at}/name_en"), &form.name_en);
    for (member, text) in [("form", &form.form), ("grade", &form.grade)] {
        if let Some(text) = text {
            check.text(&format!("{at}/{member}"), text);
        }
    }
    if let Err(error) = Composition::try_from(&form.composition) {
        let expected = "mass percent of each element, together at most 100";
        let pointer = format!("{at}/composition");
        check.fault(pointer, "invalid_composition", error.to_string(), expected);
    }
}

fn check_code(check: &mut Check, pointer: &str, code: &str) {
    let is_visible = code.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_visible || !(1..=CODE_LENGTH_LIMIT).contains(&code.len()) {
        let expected = "1 to 64 visible ASCII characters";
        check.fault(pointer, "invalid_code", format!("{code:?} is no code"), expected);
    }
}

impl SiteForm {
    /// The site that it describes.
    pub(super) fn of(&self, organisation: OrganisationId) -> Site {
        Site {
            id: SiteId::of(organisation, &self.code),
            code: self.code.clone(),
            names: Names { zh: self.name_zh.clone(), en: self.name_en.clone() },
            region: self.region.clone(),
            stages: self.stages.clone(),
        }
    }
}

impl ProductForm {
    /// The product that it describes.
    pub(super) fn of(&self, organisation: OrganisationId) -> CatalogueProduct {
        CatalogueProduct {
            id: ProductId::of(organisation, &self.code),
            code: self.code.clone(),
            names: Names { zh: self.name_zh.clone(), en: self.name_en.clone() },
            category: self.category,
            form: self.form.clone(),
            hs_code: self.hs_code.clone(),
            grade: self.grade.clone(),
            composition: self.composition.clone(),
        }
    }
}

impl From<Site> for SiteView {
    fn from(site: Site) -> Self {
        Self {
            id: site.id.as_uuid(),
            site: SiteForm {
                code: site.code,
                name_zh: site.names.zh,
                name_en: site.names.en,
                region: site.region,
                stages: site.stages,
            },
        }
    }
}

impl From<CatalogueProduct> for ProductView {
    fn from(product: CatalogueProduct) -> Self {
        Self {
            id: product.id.as_uuid(),
            product: ProductForm {
                code: product.code,
                name_zh: product.names.zh,
                name_en: product.names.en,
                category: product.category,
                form: product.form,
                hs_code: product.hs_code,
                grade: product.grade,
                composition: product.composition,
            },
            control: None,
        }
    }
}
