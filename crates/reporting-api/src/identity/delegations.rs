//! `/v1/delegations`: letting an agent or broker act for one's organisation.

use super::{
    Registrar, created,
    forms::{Check, delegable, distinct},
};
use crate::paging::PageQuery;
use actix_web::{HttpResponse, delete, get, post, web};
use database::identity::{self, Delegation, NewDelegation};
use domain::{
    codes::Role,
    ids::{DelegationId, OrganisationId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{OrganisationAdministrator, Signed},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// How long a delegation lasts at most.
const DELEGATION_DAYS_LIMIT: i64 = 1_096;

/// A delegation to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationForm {
    /// The organisation whose people may act for yours.
    #[schema(value_type = Uuid)]
    agent: OrganisationId,
    /// `reporter`, `exporter` or both. Only those of its people who hold such a role there may.
    #[schema(value_type = Vec<String>, example = json!(["exporter"]))]
    roles: Vec<Role>,
    /// From when; from now on, where nothing is said.
    #[schema(value_type = Option<String>)]
    valid_from: Option<Timestamp>,
    /// Until when: within three years.
    #[schema(value_type = String, example = "2027-12-31T16:00:00Z")]
    valid_until: Timestamp,
}

/// A delegation.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationView {
    /// Its id.
    pub id: Uuid,
    /// For whom the agent may act.
    pub organisation: Uuid,
    /// Whose people may.
    pub agent: Uuid,
    /// In which roles.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// From when.
    pub valid_from: String,
    /// Until when.
    pub valid_until: String,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A page of delegations.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationPage {
    /// Newest first.
    pub delegations: Vec<DelegationView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lets an agent's people act for your organisation. It takes an administrator of it.
///
/// They then name yours in `Lodestone-Organisation`.
#[utoipa::path(
    tag = "delegations",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = DelegationForm,
    responses(
        (status = 201, body = DelegationView),
        (status = 404, description = "There is no such agent", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/delegations")]
pub async fn delegate(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<DelegationForm>,
) -> Result<HttpResponse, Problem> {
    let now = clock::now();
    let DelegationForm { agent, roles, valid_from, valid_until } = form.value;
    let valid_from = valid_from.unwrap_or(now);
    let mut check = Check::default();
    check.roles("/roles", &roles, delegable(administrator.kind));
    check.end("/valid_until", valid_until, now, DELEGATION_DAYS_LIMIT);
    if valid_until <= valid_from {
        let detail = "it ends before it begins";
        check.fault("/valid_from", "out_of_range", detail, "a moment before `valid_until`");
    }
    if agent == administrator.organisation {
        let detail = "this is your own organisation";
        check.fault("/agent", "own_organisation", detail, "another organisation");
    }
    check.done()?;
    let new = NewDelegation {
        id: DelegationId::from_uuid(Uuid::now_v7()),
        organisation: administrator.organisation,
        agent,
        roles: distinct(&roles),
        granted_by: administrator.person,
        valid_from,
        valid_until,
    };
    let view = DelegationView::from(Delegation {
        id: new.id,
        organisation: new.organisation,
        agent,
        roles: new.roles.clone(),
        valid_from,
        valid_until,
        revoked_at: None,
    });
    let (asked, subject) = (("delegations", &*form.bytes), new.id.as_uuid());
    let request = registrar.keyed(new.organisation, key, asked, subject, &view);
    let act = administrator.act(now, trace);
    let mut conn = registrar.connection().await?;
    let outcome = identity::delegate(&mut conn, &new, request.as_ref(), &act).await;
    registrar.authenticator.forget();
    created(outcome, &view)
}

/// Lists delegations that your organisation gave or was given.
#[utoipa::path(
    tag = "delegations",
    params(PageQuery),
    responses((status = 200, body = DelegationPage))
)]
#[get("/v1/delegations")]
pub async fn list(
    registrar: web::Data<Registrar>,
    signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<DelegationPage>, Problem> {
    if signed.delegated {
        return Err(Problem::Forbidden("your organisation is not the one you act for".into()));
    }
    let organisation = signed.organisation;
    let page =
        query.into_inner().of::<DelegationId>(format!("delegations of {organisation}"), &secret)?;
    let mut conn = registrar.connection().await?;
    let found = identity::delegations(&mut conn, organisation, page.after, page.limit).await?;
    let next = page.next(&found, |delegation| delegation.id);
    let delegations = found.into_iter().map(DelegationView::from).collect();
    Ok(web::Json(DelegationPage { delegations, next }))
}

/// Ends a delegation; either side may. It takes an administrator of it.
#[utoipa::path(
    tag = "delegations",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "Revoked"), (status = 404, body = ProblemDetails))
)]
#[delete("/v1/delegations/{id}")]
pub async fn revoke(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    id: web::Path<DelegationId>,
    trace: TraceContext,
) -> Result<HttpResponse, Problem> {
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let own = administrator.organisation;
    if !identity::revoke_delegation(&mut conn, *id, own, &act).await? {
        return Err(Problem::NotFound("delegation"));
    }
    registrar.authenticator.forget();
    Ok(HttpResponse::NoContent().finish())
}

impl From<Delegation> for DelegationView {
    fn from(delegation: Delegation) -> Self {
        Self {
            id: delegation.id.as_uuid(),
            organisation: delegation.organisation.as_uuid(),
            agent: delegation.agent.as_uuid(),
            roles: delegation.roles,
            valid_from: delegation.valid_from.to_string(),
            valid_until: delegation.valid_until.to_string(),
            revoked_at: delegation.revoked_at.map(|at| at.to_string()),
        }
    }
}
