//! `/v1/regime/listed-parties`: parties entered one by one on the watch list or control list.

use crate::{
    identity::{Registrar, created, forms::Check, problem},
    paging::PageQuery,
};
use actix_web::{HttpResponse, get, post, web};
use database::regime_entries::{self, ListedParty};
use domain::{
    identifiers::CountryCode,
    regime::{PartyList, Provenance, Verification},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{Administrator, Signed},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A party to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyForm {
    /// `watch` or `control`.
    #[schema(value_type = String, example = "control")]
    list: PartyList,
    /// Its name as published.
    name: String,
    /// Its registration number, where one was published.
    identifier: Option<String>,
    /// Where it is, as ISO 3166-1.
    #[schema(value_type = Option<String>, example = "US")]
    country: Option<CountryCode>,
    /// The first day on the list.
    #[schema(value_type = String, example = "2026-11-10")]
    valid_from: Date,
    /// The first day no longer on it, where that is known.
    #[schema(value_type = Option<String>)]
    valid_until: Option<Date>,
    /// The announcement that lists it.
    announcement: Option<String>,
    /// Where it is published.
    source: String,
    /// How well it was checked.
    #[schema(value_type = String, example = "verbatim")]
    verification: Verification,
}

/// A listed party.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyEntryView {
    /// Its id.
    pub id: Uuid,
    /// On which list.
    #[schema(value_type = String)]
    pub list: PartyList,
    /// Its name as published.
    pub name: String,
    /// Its registration number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The first day on the list.
    pub valid_from: String,
    /// The first day no longer on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The announcement that lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement: Option<String>,
    /// Where it is published.
    pub source: String,
    /// How well it was checked.
    #[schema(value_type = String)]
    pub verification: Verification,
}

/// A page of listed parties.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyPage {
    /// In the order they were entered.
    pub parties: Vec<PartyEntryView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Puts a party on the watch list or the control list. It takes an administrator of the authority.
#[utoipa::path(
    tag = "regime",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = PartyForm,
    responses((status = 201, body = PartyEntryView), (status = 422, body = ProblemDetails))
)]
#[post("/v1/regime/listed-parties")]
pub async fn enter(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<PartyForm>,
) -> Result<HttpResponse, Problem> {
    let JsonBody { value: form, bytes } = form;
    let mut check = Check::default();
    check.text("/name", &form.name);
    check.text("/source", &form.source);
    for (pointer, text) in
        [("/identifier", &form.identifier), ("/announcement", &form.announcement)]
    {
        if let Some(text) = text {
            check.text(pointer, text);
        }
    }
    if form.valid_until.is_some_and(|until| until <= form.valid_from) {
        let detail = "it ends before it begins";
        check.fault("/valid_until", "out_of_range", detail, "a day after `valid_from`");
    }
    check.done()?;
    let party = ListedParty {
        id: Uuid::now_v7(),
        list: form.list,
        name: form.name,
        identifier: form.identifier,
        country: form.country,
        valid_from: form.valid_from,
        valid_until: form.valid_until,
        announcement: form.announcement,
        provenance: Provenance { source: form.source, verification: form.verification },
    };
    let view = PartyEntryView::from(party.clone());
    let asked = ("listed parties", &*bytes);
    let request = registrar.keyed(administrator.organisation, key, asked, party.id, &view);
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let listed = regime_entries::list_party(&mut conn, &party, request.as_ref(), &act).await;
    created(listed, &view)
}

/// From when a party is no longer listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndForm {
    /// The first day no longer on the list.
    #[schema(value_type = String, example = "2027-01-01")]
    valid_until: Date,
}

/// Takes a party off its list from a day on. It takes an administrator of the authority.
#[utoipa::path(
    tag = "regime",
    params(("id" = Uuid, Path)),
    request_body = EndForm,
    responses(
        (status = 204, description = "It ends then"),
        (status = 404, description = "There is none, or it begins later", body = ProblemDetails),
    )
)]
#[post("/v1/regime/listed-parties/{id}/end")]
pub async fn end(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    id: web::Path<Uuid>,
    trace: TraceContext,
    form: JsonBody<EndForm>,
) -> Result<HttpResponse, Problem> {
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    regime_entries::delist_party(&mut conn, *id, form.value.valid_until, &act)
        .await
        .map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which parties.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PartiesQuery {
    /// Those listed on this day; all that ever were, where nothing is said.
    #[param(value_type = Option<String>, example = "2026-11-10")]
    as_of: Option<Date>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// Lists parties that were entered one by one. Those of a version of the law are its rows of
/// kind `listed_party`.
#[utoipa::path(
    tag = "regime",
    params(PartiesQuery),
    responses((status = 200, body = PartyPage))
)]
#[get("/v1/regime/listed-parties")]
pub async fn list(
    registrar: web::Data<Registrar>,
    _signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<PartiesQuery>,
) -> Result<web::Json<PartyPage>, Problem> {
    let PartiesQuery { as_of, cursor, limit } = query.into_inner();
    let page = PageQuery::new(cursor, limit)
        .of::<Uuid>(format!("listed parties as of {as_of:?}"), &secret)?;
    let mut conn = registrar.own_connection().await?;
    let found = regime_entries::parties(&mut conn, as_of, page.after, page.limit).await?;
    let next = page.next(&found, |party| party.id);
    Ok(web::Json(PartyPage {
        parties: found.into_iter().map(PartyEntryView::from).collect(),
        next,
    }))
}

impl From<ListedParty> for PartyEntryView {
    fn from(party: ListedParty) -> Self {
        Self {
            id: party.id,
            list: party.list,
            name: party.name,
            identifier: party.identifier,
            country: party.country.map(|country| country.to_string()),
            valid_from: party.valid_from.to_string(),
            valid_until: party.valid_until.map(|until| until.to_string()),
            announcement: party.announcement,
            source: party.provenance.source,
            verification: party.provenance.verification,
        }
    }
}
