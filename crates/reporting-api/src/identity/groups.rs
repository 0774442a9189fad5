//! `/v1/groups`: groups of organisations that share quotas, kept by the authority.

use super::{Registrar, created, forms::Check};
use crate::paging::PageQuery;
use actix_web::{HttpResponse, get, post, web};
use database::registry::{self, Group, Names};
use domain::ids::GroupId;
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
use utoipa::ToSchema;
use uuid::Uuid;

/// A group to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupForm {
    /// 中文名称。
    name_zh: String,
    /// Its name in English.
    name_en: String,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupView {
    /// Its id.
    pub id: Uuid,
    /// 中文名称。
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
}

/// A page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPage {
    /// In the order of their registration.
    pub groups: Vec<GroupView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Registers a group. It takes an administrator of the authority.
#[utoipa::path(
    tag = "organisations",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = GroupForm,
    responses((status = 201, body = GroupView), (status = 422, body = ProblemDetails))
)]
#[post("/v1/groups")]
pub async fn register(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<GroupForm>,
) -> Result<HttpResponse, Problem> {
    let mut check = Check::default();
    check.text("/name_zh", &form.value.name_zh);
    check.text("/name_en", &form.value.name_en);
    check.done()?;
    let group = Group {
        id: GroupId::from_uuid(Uuid::now_v7()),
        names: Names { zh: form.value.name_zh, en: form.value.name_en },
    };
    let view = GroupView::from(group.clone());
    let (asked, own) = (("groups", &*form.bytes), administrator.organisation);
    let request = registrar.keyed(own, key, asked, view.id, &view);
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let outcome = registry::add_group(&mut conn, &group, request.as_ref(), &act).await;
    created(outcome, &view)
}

/// Lists groups.
#[utoipa::path(
    tag = "organisations",
    params(PageQuery),
    responses((status = 200, body = GroupPage))
)]
#[get("/v1/groups")]
pub async fn list(
    registrar: web::Data<Registrar>,
    _signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<GroupPage>, Problem> {
    let page = query.into_inner().of::<GroupId>("groups", &secret)?;
    let mut conn = registrar.own_connection().await?;
    let found = registry::list_groups(&mut conn, page.after, page.limit).await?;
    let next = page.next(&found, |group| group.id);
    Ok(web::Json(GroupPage { groups: found.into_iter().map(GroupView::from).collect(), next }))
}

impl From<Group> for GroupView {
    fn from(group: Group) -> Self {
        Self { id: group.id.as_uuid(), name_zh: group.names.zh, name_en: group.names.en }
    }
}
