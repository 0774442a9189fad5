//! `/v1/organisations`: the public register, kept by the authority.

use super::{
    Registrar,
    catalogue::{ProductForm, SiteForm, check_product, check_site},
    created,
    forms::{Check, distinct},
    invitations::{INVITATION_DAYS, InvitationToken},
    keys::{KEY_DAYS, KEY_DAYS_LIMIT, ShownKey},
    people::LanguageName,
    problem,
};
use crate::paging::PageQuery;
use actix_web::{HttpResponse, get, patch, post, web};
use database::{
    identity::{NewInvitation, NewKey, NewPerson},
    registry::{
        self, Identifier, Names, NewOrganisation, Organisation, OrganisationChange,
        OrganisationFilter, Registration,
    },
};
use domain::{
    codes::{OrganisationKind, Role, Stage},
    identifiers::{CountryCode, Lei, Uscc},
    ids::{CredentialId, GroupId, InvitationId, OrganisationId, PersonId},
};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{Administrator, Signed, Token, TokenKind, check_choice},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const SITES_LIMIT: usize = 200;
const PRODUCTS_LIMIT: usize = 500;

/// An organisation to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationForm {
    /// `filer`, `authority`, `agency` or `customs`.
    #[schema(value_type = String, example = "filer")]
    kind: OrganisationKind,
    /// Its unified social credit code; required in China. The check character is verified.
    #[schema(value_type = Option<String>, example = "91110000600037341L")]
    uscc: Option<Uscc>,
    /// Abroad: its legal entity identifier. The check digits are verified.
    #[schema(value_type = Option<String>)]
    lei: Option<Lei>,
    /// Abroad, without an LEI: its number in its country's register.
    registration: Option<String>,
    /// Where it is registered; China, where nothing is said.
    #[schema(value_type = Option<String>, example = "CN")]
    country: Option<CountryCode>,
    /// 中文名称。
    #[schema(example = "赣南稀土有限公司")]
    name_zh: String,
    /// Its name in English.
    #[schema(example = "Gannan Rare Earth Co., Ltd.")]
    name_en: String,
    /// The stages of the chain it is registered for.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["mining", "separation"]))]
    stages: Vec<Stage>,
    /// The group it belongs to.
    #[schema(value_type = Option<Uuid>)]
    group: Option<GroupId>,
    /// For sandboxes and for taking over an existing register: its sites.
    #[serde(default)]
    sites: Vec<SiteForm>,
    /// For sandboxes and for taking over an existing register: its products.
    #[serde(default)]
    products: Vec<ProductForm>,
    /// Who administers it first. Without a password they are invited, and choose one.
    first_administrator: Option<FirstAdministratorForm>,
    /// For sandboxes and for taking over an existing register: a key of its first administrator.
    first_key: Option<FirstKeyForm>,
}

/// The first administrator of an organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdministratorForm {
    /// Their e-mail address; nobody else's.
    #[schema(example = "li.na@example.com")]
    email: String,
    /// Their name.
    #[schema(example = "李娜")]
    name: String,
    /// The language they read.
    #[serde(default)]
    language: LanguageName,
    /// For sandboxes: their password.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// Their roles; of a filer `administrator` and the scopes of its first key, otherwise the
    /// first role of its kind.
    #[schema(value_type = Option<Vec<String>>)]
    roles: Option<Vec<Role>>,
}

/// The first key of an organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstKeyForm {
    /// What people call it.
    #[schema(example = "ERP")]
    name: String,
    /// The roles it may use.
    #[schema(value_type = Vec<String>, example = json!(["reporter"]))]
    scopes: Vec<Role>,
}

/// An organisation that was registered, with its secrets, which are shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredView {
    /// The organisation.
    #[serde(flatten)]
    pub organisation: OrganisationView,
    /// The id of its first administrator, where they are known already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_administrator: Option<Uuid>,
    /// The invitation to its first administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationToken>,
    /// Its first key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_key: Option<ShownKey>,
}

/// An organisation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrganisationView {
    /// Its id.
    pub id: Uuid,
    /// `filer`, `authority`, `agency` or `customs`.
    #[schema(value_type = String, example = "filer")]
    pub kind: OrganisationKind,
    /// Its unified social credit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uscc: Option<String>,
    /// Its legal entity identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
    /// Its number in its country's register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// Where it is registered.
    #[schema(example = "CN")]
    pub country: String,
    /// 中文名称。
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// The stages of the chain it is registered for.
    #[schema(value_type = Vec<String>)]
    pub stages: Vec<Stage>,
    /// The group it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Uuid>,
    /// Since when it takes part.
    pub registered_at: String,
    /// Since when it no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
}

/// Registers an organisation, with what it begins with. It takes an administrator of the
/// authority.
///
/// A unified social credit code or LEI is registered once. Secrets are shown in this answer
/// only: the same `Idempotency-Key` again answers without them.
#[utoipa::path(
    tag = "organisations",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = OrganisationForm,
    responses(
        (status = 201, body = RegisteredView),
        (status = 409, description = "It, or its administrator's address, is registered already", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/organisations")]
pub async fn register(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<OrganisationForm>,
) -> Result<HttpResponse, Problem> {
    let JsonBody { value: form, bytes } = form;
    check(&form)?;
    let now = clock::now();
    let (registration, secrets) = registrar.registration(form, now).await?;
    let view = |secrets: Secrets| RegisteredView {
        organisation: OrganisationView::new(&registration.organisation, now),
        first_administrator: registration
            .administrator
            .as_ref()
            .map(|(person, _)| person.id.as_uuid()),
        invitation: registration
            .invitation
            .as_ref()
            .map(|invitation| InvitationToken::of(invitation, secrets.invitation.as_ref())),
        first_key: registration.key.as_ref().map(|key| ShownKey::of(key, secrets.key.as_ref())),
    };
    let id = registration.organisation.id;
    let without_secrets = view(Secrets::default());
    let asked = ("organisations", &*bytes);
    let request =
        registrar.keyed(administrator.organisation, key, asked, id.as_uuid(), &without_secrets);
    let act = administrator.act(now, trace);
    let mut conn = registrar.connection().await?;
    let registered = registry::register(&mut conn, &registration, request.as_ref(), &act).await;
    created(registered, &view(secrets))
}

/// What is shown once.
#[derive(Default)]
struct Secrets {
    invitation: Option<Token>,
    key: Option<Token>,
}

impl Registrar {
    /// What a form that was checked asks for.
    async fn registration(
        &self,
        form: OrganisationForm,
        now: Timestamp,
    ) -> Result<(Registration, Secrets), Problem> {
        let id = OrganisationId::from_uuid(Uuid::now_v7());
        let mut registration = Registration {
            sites: form.sites.iter().map(|site| site.of(id)).collect(),
            products: form.products.iter().map(|product| product.of(id)).collect(),
            administrator: None,
            invitation: None,
            key: None,
            organisation: NewOrganisation {
                id,
                kind: form.kind,
                identifier: identifier(form.uscc, form.lei, form.registration)?,
                country: form.country.unwrap_or(CountryCode::CHINA),
                names: Names { zh: form.name_zh, en: form.name_en },
                stages: form.stages,
                group: form.group,
            },
        };
        let mut secrets = Secrets::default();
        let Some(first) = form.first_administrator else { return Ok((registration, secrets)) };
        let scopes = form.first_key.as_ref().map_or(&[][..], |key| &key.scopes);
        let roles = first_roles(form.kind, first.roles.as_deref(), scopes);
        let person = PersonId::from_uuid(Uuid::now_v7());
        if first.password.is_none() {
            let token = Token::random(TokenKind::Invitation);
            registration.invitation = Some(NewInvitation {
                id: InvitationId::from_uuid(Uuid::now_v7()),
                organisation: id,
                email: first.email.clone(),
                roles: roles.clone(),
                token_hash: token.hash(),
                expires_at: now + SignedDuration::from_hours(24 * INVITATION_DAYS),
            });
            secrets.invitation = Some(token);
        }
        // A key needs somebody who answers for it, even before they chose a password.
        if first.password.is_some() || form.first_key.is_some() {
            let password_hash = match &first.password {
                Some(password) => Some(self.passwords.hash(password).await?),
                None => None,
            };
            let (email, name) = (first.email, first.name);
            let language = first.language.into();
            let new = NewPerson { id: person, email, name, language, password_hash };
            registration.administrator = Some((new, roles));
        }
        if let Some(key) = form.first_key {
            let key_id = CredentialId::from_uuid(Uuid::now_v7());
            let token = Token::random(TokenKind::Key(key_id));
            registration.key = Some(NewKey {
                id: key_id,
                key_hash: token.hash(),
                organisation: id,
                person,
                name: key.name,
                scopes: distinct(&key.scopes),
                expires_at: now + SignedDuration::from_hours(24 * KEY_DAYS),
            });
            secrets.key = Some(token);
        }
        Ok((registration, secrets))
    }
}

const _: () = assert!(KEY_DAYS <= KEY_DAYS_LIMIT);

fn first_roles(kind: OrganisationKind, asked: Option<&[Role]>, scopes: &[Role]) -> Vec<Role> {
    if let Some(roles) = asked {
        return distinct(roles);
    }
    let can_be_administered = kind.roles().contains(&Role::Administrator);
    let first =
        if can_be_administered { Some(Role::Administrator) } else { kind.roles().first().copied() };
    distinct(&first.into_iter().chain(scopes.iter().copied()).collect::<Vec<_>>())
}

fn check(form: &OrganisationForm) -> Result<(), Problem> {
    let mut check = Check::default();
    check.text("/name_zh", &form.name_zh);
    check.text("/name_en", &form.name_en);
    let country = form.country.unwrap_or(CountryCode::CHINA);
    let identifiers = [form.uscc.is_some(), form.lei.is_some(), form.registration.is_some()];
    let in_china = country == CountryCode::CHINA;
    if identifiers.into_iter().filter(|present| *present).count() != 1
        || form.uscc.is_some() != in_china
    {
        let (pointer, expected) = if in_china {
            ("/uscc", "its unified social credit code, and nothing else")
        } else {
            ("/lei", "either its LEI or its registration number")
        };
        check.fault(pointer, "identifier_needed", "it takes exactly one identifier", expected);
    }
    if let Some(number) = &form.registration {
        check.text("/registration", number);
    }
    if SITES_LIMIT < form.sites.len() || PRODUCTS_LIMIT < form.products.len() {
        let detail = format!("{} sites, {} products", form.sites.len(), form.products.len());
        check.fault("", "too_many", detail, "at most 200 sites and 500 products at once");
    }
    for (index, site) in form.sites.iter().enumerate() {
        check_site(&mut check, &format!("/sites/{index}"), site);
    }
    for (index, product) in form.products.iter().enumerate() {
        check_product(&mut check, &format!("/products/{index}"), product);
    }
    check_first(&mut check, form);
    check.done()
}

fn check_first(check: &mut Check, form: &OrganisationForm) {
    let scopes = form.first_key.as_ref().map_or(&[][..], |key| &key.scopes);
    if let Some(first) = &form.first_administrator {
        check.email("/first_administrator/email", &first.email);
        check.text("/first_administrator/name", &first.name);
        if let Some(roles) = &first.roles {
            check.roles("/first_administrator/roles", roles, form.kind.roles());
        }
        if let Some(password) = &first.password {
            check.outcome(check_choice("/first_administrator/password", password));
        }
    }
    let Some(key) = &form.first_key else { return };
    check.text("/first_key/name", &key.name);
    match &form.first_administrator {
        None => {
            let detail = "a key needs somebody who answers for it";
            check.fault("/first_administrator", "missing", detail, "the first administrator");
        }
        Some(first) => {
            let held = first_roles(form.kind, first.roles.as_deref(), scopes);
            let allowed: Vec<Role> =
                form.kind.roles().iter().copied().filter(|role| held.contains(role)).collect();
            check.roles("/first_key/scopes", &key.scopes, &allowed);
        }
    }
}

fn identifier(
    uscc: Option<Uscc>,
    lei: Option<Lei>,
    registration: Option<String>,
) -> Result<Identifier, Problem> {
    let identifier = uscc
        .map(Identifier::Uscc)
        .or_else(|| lei.map(Identifier::Lei))
        .or_else(|| registration.map(Identifier::Registration));
    identifier.ok_or_else(|| anyhow::anyhow!("a checked form has an identifier").into())
}

/// Which organisations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OrganisationsQuery {
    /// Of this kind only.
    #[param(value_type = Option<String>)]
    kind: Option<OrganisationKind>,
    /// With this unified social credit code or LEI.
    identifier: Option<String>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// A page of organisations.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganisationPage {
    /// In the order of their registration.
    pub organisations: Vec<OrganisationView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lists the register. It is public to everybody who is signed in.
#[utoipa::path(
    tag = "organisations",
    params(OrganisationsQuery),
    responses((status = 200, body = OrganisationPage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/organisations")]
pub async fn list(
    registrar: web::Data<Registrar>,
    _signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<OrganisationsQuery>,
) -> Result<web::Json<OrganisationPage>, Problem> {
    let OrganisationsQuery { kind, identifier, cursor, limit } = query.into_inner();
    let name = format!("organisations {kind:?} {identifier:?}");
    let page = PageQuery::new(cursor, limit).of::<OrganisationId>(name, &secret)?;
    let filter = OrganisationFilter { kind, identifier, after: page.after };
    let mut conn = registrar.own_connection().await?;
    let found = registry::list(&mut conn, &filter, page.limit).await?;
    let next = page.next(&found, |organisation| organisation.id);
    let organisations = found.into_iter().map(OrganisationView::from).collect();
    Ok(web::Json(OrganisationPage { organisations, next }))
}

/// One organisation of the register.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = OrganisationView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/organisations/{id}")]
pub async fn find(
    registrar: web::Data<Registrar>,
    _signed: Signed,
    id: web::Path<OrganisationId>,
) -> Result<web::Json<OrganisationView>, Problem> {
    let mut conn = registrar.own_connection().await?;
    let found = registry::find(&mut conn, *id).await?.ok_or(Problem::NotFound("organisation"))?;
    Ok(web::Json(found.into()))
}

/// What is to change about an organisation; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationPatch {
    /// 中文名称。
    name_zh: Option<String>,
    /// Its name in English.
    name_en: Option<String>,
    /// The stages of the chain it is registered for.
    #[schema(value_type = Option<Vec<String>>)]
    stages: Option<Vec<Stage>>,
    /// The group it belongs to; `null`: to none.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<Uuid>)]
    #[expect(clippy::option_option, reason = "nothing said, said none, said one")]
    group: Option<Option<GroupId>>,
}

/// Tells `null` from nothing said.
fn even_null<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Changes an organisation's names, stages or group. It takes an administrator of the authority.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path)),
    request_body = OrganisationPatch,
    responses((status = 200, body = OrganisationView), (status = 404, body = ProblemDetails))
)]
#[patch("/v1/organisations/{id}")]
pub async fn change(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    id: web::Path<OrganisationId>,
    trace: TraceContext,
    form: JsonBody<OrganisationPatch>,
) -> Result<web::Json<OrganisationView>, Problem> {
    let OrganisationPatch { name_zh, name_en, stages, group } = form.value;
    let mut check = Check::default();
    for (pointer, name) in [("/name_zh", &name_zh), ("/name_en", &name_en)] {
        if let Some(name) = name {
            check.text(pointer, name);
        }
    }
    check.done()?;
    let change = OrganisationChange { name_zh, name_en, stages, group };
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let changed = registry::change(&mut conn, *id, &change, &act).await.map_err(problem)?;
    Ok(web::Json(changed.into()))
}

/// Closes an organisation: from now on nobody acts for it. What it filed stays. It takes an
/// administrator of the authority; the authority itself stays open.
#[utoipa::path(
    tag = "organisations",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = OrganisationView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is your own", body = ProblemDetails),
    )
)]
#[post("/v1/organisations/{id}/close")]
pub async fn close(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    id: web::Path<OrganisationId>,
    trace: TraceContext,
) -> Result<web::Json<OrganisationView>, Problem> {
    if *id == administrator.organisation {
        return Err(Problem::NotAllowed("nobody closes their own organisation".into()));
    }
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let closed = registry::close(&mut conn, *id, &act).await.map_err(problem)?;
    registrar.authenticator.forget();
    Ok(web::Json(closed.into()))
}

impl OrganisationView {
    fn new(organisation: &NewOrganisation, registered_at: Timestamp) -> Self {
        let NewOrganisation { id, kind, identifier, country, names, stages, group } =
            organisation.clone();
        Organisation {
            id,
            kind,
            identifier,
            country,
            names,
            stages,
            group,
            registered_at,
            closed_at: None,
        }
        .into()
    }
}

impl From<Organisation> for OrganisationView {
    fn from(organisation: Organisation) -> Self {
        let (mut uscc, mut lei, mut registration) = (None, None, None);
        match organisation.identifier {
            Identifier::Uscc(code) => uscc = Some(code.to_string()),
            Identifier::Lei(code) => lei = Some(code.to_string()),
            Identifier::Registration(number) => registration = Some(number),
        }
        Self {
            id: organisation.id.as_uuid(),
            kind: organisation.kind,
            uscc,
            lei,
            registration,
            country: organisation.country.to_string(),
            name_zh: organisation.names.zh,
            name_en: organisation.names.en,
            stages: organisation.stages,
            group: organisation.group.map(GroupId::as_uuid),
            registered_at: organisation.registered_at.to_string(),
            closed_at: organisation.closed_at.map(|at| at.to_string()),
        }
    }
}
