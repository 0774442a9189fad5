//! `/v1/people`: an organisation's own people and their roles.

use super::{
    Registrar,
    forms::{Check, distinct},
    problem,
};
use crate::paging::PageQuery;
use actix_web::{HttpResponse, get, post, put, web};
use database::{
    Connection,
    identity::{self, Language, Member},
    registry,
};
use domain::{
    codes::{OrganisationKind, Role},
    ids::{OrganisationId, PersonId},
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    identity::{OrganisationAdministrator, Signed},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A language.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
pub enum LanguageName {
    /// 中文。
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// Somebody who holds roles in an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The person's id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// The language they read.
    pub language: LanguageName,
    /// Their roles.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeoplePage {
    /// In no particular order.
    pub people: Vec<MemberView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Whose people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PeopleQuery {
    /// An administrator of the authority: of this organisation; otherwise your own.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// Lists your organisation's people and their roles.
#[utoipa::path(
    tag = "people",
    params(PeopleQuery),
    responses((status = 200, body = PeoplePage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/people")]
pub async fn list(
    registrar: web::Data<Registrar>,
    signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<PeopleQuery>,
) -> Result<web::Json<PeoplePage>, Problem> {
    let PeopleQuery { organisation, cursor, limit } = query.into_inner();
    // An agent acts for its principal; who works there is not its business.
    if signed.delegated {
        return Err(Problem::Forbidden("your organisation is not the one you act for".into()));
    }
    let organisation = of_organisation(&signed, organisation)?;
    let page = PageQuery::new(cursor, limit)
        .of::<PersonId>(format!("people of {organisation}"), &secret)?;
    let mut conn = registrar.connection().await?;
    let found = identity::members(&mut conn, organisation, page.after, page.limit).await?;
    let next = page.next(&found, |member| member.person);
    Ok(web::Json(PeoplePage { people: found.into_iter().map(MemberView::from).collect(), next }))
}

/// Whose people are meant: those of the caller's organisation, or of any for the authority.
pub(super) fn of_organisation(
    signed: &Signed,
    wanted: Option<OrganisationId>,
) -> Result<OrganisationId, Problem> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != signed.organisation) else {
        return Ok(signed.organisation);
    };
    let is_authoritys = signed.kind == OrganisationKind::Authority;
    if is_authoritys && signed.has(Role::Administrator) {
        Ok(wanted)
    } else {
        Err(Problem::NotFound("organisation"))
    }
}

/// The roles that people of this organisation can hold.
pub(super) async fn possible_roles(
    conn: &mut Connection,
    organisation: OrganisationId,
) -> Result<&'static [Role], Problem> {
    let found = registry::find(conn, organisation).await?;
    let open = found.filter(|organisation| organisation.closed_at.is_none());
    Ok(open.ok_or(Problem::NotFound("organisation"))?.kind.roles())
}

/// The roles somebody holds from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesForm {
    /// All of them.
    #[schema(value_type = Vec<String>, example = json!(["reporter", "exporter"]))]
    roles: Vec<Role>,
    /// An administrator of the authority: in this organisation; otherwise in your own.
    #[schema(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// Makes these the roles that a colleague holds. It takes an administrator of the organisation.
#[utoipa::path(
    tag = "people",
    params(("id" = Uuid, Path)),
    request_body = RolesForm,
    responses(
        (status = 204, description = "These are their roles now"),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "The last administrator stays one", body = ProblemDetails),
    )
)]
#[put("/v1/people/{id}/roles")]
pub async fn set_roles(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    id: web::Path<PersonId>,
    trace: TraceContext,
    form: JsonBody<RolesForm>,
) -> Result<HttpResponse, Problem> {
    let RolesForm { roles, organisation } = form.value;
    let organisation = of_organisation(&administrator, organisation)?;
    let mut conn = registrar.connection().await?;
    let mut check = Check::default();
    check.roles("/roles", &roles, possible_roles(&mut conn, organisation).await?);
    check.done()?;
    let act = administrator.act(clock::now(), trace);
    identity::set_roles(&mut conn, *id, organisation, &distinct(&roles), &act)
        .await
        .map_err(problem)?;
    registrar.authenticator.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// Where somebody's membership ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndForm {
    /// An administrator of the authority: in this organisation; otherwise in your own.
    #[schema(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// Ends a colleague's membership: they left. Their keys end with it.
#[utoipa::path(
    tag = "people",
    params(("id" = Uuid, Path)),
    request_body = EndForm,
    responses(
        (status = 204, description = "They hold no role here any more"),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "The last administrator stays", body = ProblemDetails),
    )
)]
#[post("/v1/people/{id}/end")]
pub async fn end_membership(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    id: web::Path<PersonId>,
    trace: TraceContext,
    form: JsonBody<EndForm>,
) -> Result<HttpResponse, Problem> {
    let organisation = of_organisation(&administrator, form.value.organisation)?;
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    identity::set_roles(&mut conn, *id, organisation, &[], &act).await.map_err(problem)?;
    registrar.authenticator.forget();
    Ok(HttpResponse::NoContent().finish())
}

impl From<Language> for LanguageName {
    fn from(language: Language) -> Self {
        match language {
            Language::Chinese => Self::Chinese,
            Language::English => Self::English,
        }
    }
}

impl From<LanguageName> for Language {
    fn from(language: LanguageName) -> Self {
        match language {
            LanguageName::Chinese => Self::Chinese,
            LanguageName::English => Self::English,
        }
    }
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            id: member.person.as_uuid(),
            name: member.name,
            email: member.email,
            language: member.language.into(),
            roles: member.roles,
        }
    }
}
