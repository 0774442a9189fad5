//! Permissions as types, taken from the request.

use super::Authenticator;
use crate::{
    problem::{Location, Problem, Violation},
    trace::TraceContext,
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use database::{
    events::Act,
    identity::{Acting, CredentialKind, Identity},
};
use domain::{
    codes::{OrganisationKind, Role},
    ids::{CredentialId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use std::{future::Future, pin::Pin, sync::Arc};

/// The header that chooses among several organisations.
pub const ORGANISATION: &str = "Lodestone-Organisation";

/// Somebody who is signed in, acting for one organisation.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Who.
    pub person: PersonId,
    /// For which organisation.
    pub organisation: OrganisationId,
    /// What kind of organisation that is.
    pub kind: OrganisationKind,
    /// In which roles.
    pub roles: Vec<Role>,
    /// Whether that organisation lent these roles to the person's own.
    pub delegated: bool,
    /// Through which session or key.
    pub credential: CredentialId,
    /// What kind of credential that is.
    pub credential_kind: CredentialKind,
}

impl Signed {
    /// Whether this is somebody of an authority, agency or the customs.
    pub fn is_official(&self) -> bool {
        self.kind != OrganisationKind::Filer
    }

    /// Whether the role is held here.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// What surrounds the events of what they now do.
    pub fn act(&self, at: Timestamp, trace: TraceContext) -> Act {
        Act { person: Some(self.person), at, traceparent: Some(trace.to_string()) }
    }

    /// Chooses the organisation to act for, among those the identity may act for.
    fn choose(identity: &Identity, wanted: Option<OrganisationId>) -> Result<Self, Problem> {
        let own = || identity.acting.iter().filter(|acting| !acting.delegated);
        let membership: Option<&Acting> = match wanted {
            Some(wanted) => identity.acting.iter().find(|held| held.organisation == wanted),
            None if identity.acting.len() == 1 => identity.acting.first(),
            None => match own().collect::<Vec<_>>()[..] {
                [only] => Some(only),
                _ => return Err(ambiguous(identity)),
            },
        };
        let membership =
            membership.ok_or(Problem::Forbidden("you do not act for this organisation".into()))?;
        if membership.roles.is_empty() {
            let reason = "whoever answers for this key has none of its scopes any more";
            return Err(Problem::Forbidden(reason.into()));
        }
        Ok(Self {
            person: identity.person,
            organisation: membership.organisation,
            kind: membership.kind,
            roles: membership.roles.clone(),
            delegated: membership.delegated,
            credential: identity.credential,
            credential_kind: identity.kind,
        })
    }
}

/// Somebody who is signed in, whatever organisation they may act for.
#[derive(Clone, Debug)]
pub struct Identified(pub Arc<Identity>);

impl FromRequest for Identified {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identity(&request).await.map(Self) })
    }
}

fn ambiguous(identity: &Identity) -> Problem {
    let choices: Vec<String> =
        identity.acting.iter().map(|held| held.organisation.to_string()).collect();
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: ORGANISATION.to_owned() },
        code: "missing".into(),
        detail: "you act for several organisations; say for which one now".to_owned(),
        expected: Some(format!("one of {}", choices.join(", "))),
    }))
}

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let identity = identity(&request).await?;
            Self::choose(&identity, wanted(&request)?)
        })
    }
}

/// Who is asking; asked once per request, whatever the handler takes.
async fn identity(request: &HttpRequest) -> Result<Arc<Identity>, Problem> {
    if let Some(identity) = request.extensions().get::<Arc<Identity>>() {
        return Ok(Arc::clone(identity));
    }
    let authenticator = request
        .app_data::<web::Data<Authenticator>>()
        .ok_or_else(|| anyhow::anyhow!("the application has no authenticator"))?;
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    // Who shows nothing guesses nothing: only what is shown and wrong counts as a failure.
    let token = token.ok_or(Problem::Unauthenticated)?;
    let identity = authenticator.authenticate(token, request.peer_addr()).await?;
    request.extensions_mut().insert(Arc::clone(&identity));
    Ok(identity)
}

fn wanted(request: &HttpRequest) -> Result<Option<OrganisationId>, Problem> {
    let Some(value) = request.headers().get(ORGANISATION) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| {
        Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: ORGANISATION.to_owned() },
            code: "invalid_id".into(),
            detail: "this is no organisation's id".to_owned(),
            expected: Some("a UUID".to_owned()),
        }))
    })
}

/// Declares a permission: signed in, for an organisation of the right kind, in the right role.
macro_rules! permission {
    ($(#[$doc:meta])* $name:ident, $what:literal, |$signed:ident| $holds:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(
            // Only made by the check below.
            Signed,
        );

        impl std::ops::Deref for $name {
            type Target = Signed;

            fn deref(&self) -> &Signed {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = Problem;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let signed = Signed::from_request(request, payload);
                Box::pin(async move {
                    let $signed = signed.await?;
                    if $holds {
                        Ok(Self($signed))
                    } else {
                        Err(Problem::Forbidden(concat!("it takes ", $what).into()))
                    }
                })
            }
        }
    };
}

permission!(/// May file for an organisation.
    Reporter, "a reporter", |signed| signed.has(Role::Reporter));
permission!(/// May apply for export licences.
    Exporter, "an exporter", |signed| signed.has(Role::Exporter));
permission!(/// May review applications.
    Officer, "an officer", |signed| signed.has(Role::Officer));
permission!(/// May countersign.
    SeniorOfficer, "a senior officer", |signed| signed.has(Role::SeniorOfficer));
permission!(/// May advise officers.
    AgencyAdviser, "an agency's adviser", |signed| signed.has(Role::AgencyAdviser));
permission!(/// May draw down licences.
    Customs, "a customs officer", |signed| signed.has(Role::Customs));
permission!(/// May hand in the tax authority's invoices.
    TaxOfficer, "a tax officer", |signed| signed.has(Role::TaxOfficer));
permission!(/// May read statistics and balances.
    Analyst, "an analyst", |signed| signed.has(Role::Analyst));
permission!(/// May follow up findings.
    Inspector, "an inspector", |signed| signed.has(Role::Inspector));
permission!(/// May read the log and who read what.
    Auditor, "an auditor", |signed| signed.has(Role::Auditor));
permission!(/// Manages the whole system for the authority.
    Administrator, "an administrator of the authority",
    |signed| signed.kind == OrganisationKind::Authority && signed.has(Role::Administrator));
permission!(/// Manages people and keys of an organisation.
    OrganisationAdministrator, "an administrator of the organisation",
    |signed| signed.has(Role::Administrator));
permission!(/// Works for an authority, an agency or the customs.
    Official, "an official", |signed| signed.is_official());
