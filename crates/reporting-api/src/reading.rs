//! Reading what belongs to an organisation: as its own people, or as an official with a purpose.
//!
//! Own people read through the role that sees one organisation. Officials read through another
//! role; they say whose data and why, and the read is logged, for the owner to see, before
//! anything is shown.

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use database::{Connection, Pool, events};
use domain::{
    codes::{OrganisationKind, Role},
    ids::{OrganisationId, PersonId},
};
use serde::Deserialize;
use service::{
    clock,
    identity::Signed,
    problem::{Location, Problem, Violation},
    secret::ServerSecret,
    trace::TraceContext,
};
use std::{collections::BTreeSet, future::Future, pin::Pin};
use uuid::{Builder, Uuid};

/// The header in which officials say why they read.
pub const PURPOSE: &str = "Lodestone-Purpose";
const PURPOSE_LENGTH_LIMIT: usize = 500;

/// The pools that reading goes through.
#[derive(Clone)]
pub struct ReadingPools {
    /// As the role that sees one organisation.
    pub reporting: Pool,
    /// As the role that sees all.
    pub official: Pool,
}

/// A request to read, by somebody who is signed in.
pub struct Reading {
    signed: Signed,
    purpose: Option<String>,
    pools: ReadingPools,
    trace: TraceContext,
    secret: ServerSecret,
}

/// Whose data is read, and what of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingQuery {
    organisation: Option<OrganisationId>,
    #[serde(skip)]
    subject: String,
}

/// A connection on which one organisation's data may be read.
pub struct Access {
    /// The connection.
    pub conn: Connection,
    /// Whose data.
    pub organisation: OrganisationId,
    /// Whether the reader belongs to it: only then are parties named.
    pub is_owner: bool,
    /// What parties are called to the reader.
    pub pseudonyms: Pseudonyms,
}

/// Clients, suppliers and end users as a reader sees them.
///
/// To its owner a party has the owner's own id. To an official it has a pseudonym that is the same
/// in everything that this person reads, whatever the purpose, and another for everybody else: what
/// two officials write down cannot be put together, and nobody can try names, as they could with
/// the owner's id, which is derived from them.
#[derive(Clone)]
pub struct Pseudonyms {
    /// Who reads, and the secret; `None` for the owner.
    viewer: Option<(PersonId, ServerSecret)>,
}

impl Pseudonyms {
    /// What this person may call parties of others.
    pub fn seen_by(viewer: PersonId, secret: &ServerSecret) -> Self {
        Self { viewer: Some((viewer, secret.clone())) }
    }

    /// What the reader may call a party of this organisation.
    pub fn of(&self, organisation: OrganisationId, party: Uuid) -> Uuid {
        let Some((viewer, secret)) = &self.viewer else { return party };
        let bytes = [viewer.as_uuid(), organisation.as_uuid(), party].map(Uuid::into_bytes);
        let mac = secret.mac("a party's pseudonym", bytes.as_flattened());
        let half = std::array::from_fn(|index| mac[index]);
        Builder::from_custom_bytes(half).into_uuid()
    }
}

/// Access to one organisation's data, whose connection is opened when it is needed.
pub struct AccessWhenNeeded<'a> {
    reading: &'a Reading,
    conn: Option<Connection>,
    /// Whose data.
    pub organisation: OrganisationId,
    /// Whether the reader belongs to it.
    pub is_owner: bool,
}

impl AccessWhenNeeded<'_> {
    /// The connection.
    pub async fn conn(&mut self) -> Result<&mut Connection, Problem> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.reading.own_connection().await?,
        };
        Ok(self.conn.insert(conn))
    }

    /// Logs that an answer shows something of further organisations; see [`Reading::also_of`].
    pub async fn also_of(
        &mut self,
        owners: impl FnOnce() -> BTreeSet<OrganisationId>,
        subject: &str,
    ) -> Result<(), Problem> {
        if self.is_owner {
            return Ok(());
        }
        let mut others = owners();
        others.remove(&self.organisation);
        let reading = self.reading;
        let act = reading.signed.act(clock::now(), reading.trace);
        let purpose = reading.purpose()?;
        events::append_reads(self.conn().await?, &act, &others, subject, purpose).await?;
        Ok(())
    }
}

/// A connection for a read that may concern several organisations.
pub struct AccessAcross {
    /// The connection.
    pub conn: Connection,
    /// For which filer; `None` for an official, who sees all.
    pub filer: Option<OrganisationId>,
}

impl ReadingQuery {
    /// A read of `subject`; officials must name the organisation.
    pub fn new(organisation: Option<OrganisationId>, subject: impl Into<String>) -> Self {
        Self { organisation, subject: subject.into() }
    }

    /// The same organisation, with what is read of it.
    #[must_use]
    pub fn about(&self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self.clone() }
    }
}

impl Reading {
    /// Opens access to what the query names, or says why not.
    pub async fn of(&self, query: &ReadingQuery) -> Result<Access, Problem> {
        if self.signed.is_official() {
            return self.as_official(query).await;
        }
        self.refuse_others(query)?;
        let conn = self.own_connection().await?;
        let pseudonyms = Pseudonyms { viewer: None };
        Ok(Access { conn, organisation: self.signed.organisation, is_owner: true, pseudonyms })
    }

    /// Opens access to what the query names; own people may come without asking the database. An
    /// official's read is logged at once.
    pub async fn when_needed(&self, query: &ReadingQuery) -> Result<AccessWhenNeeded<'_>, Problem> {
        let is_owner = !self.signed.is_official();
        let (conn, organisation) = if is_owner {
            self.refuse_others(query)?;
            (None, self.signed.organisation)
        } else {
            let Access { conn, organisation, .. } = self.as_official(query).await?;
            (Some(conn), organisation)
        };
        Ok(AccessWhenNeeded { reading: self, conn, organisation, is_owner })
    }

    /// Somebody else's organisation is answered like one that does not exist.
    fn refuse_others(&self, query: &ReadingQuery) -> Result<(), Problem> {
        match query.organisation {
            Some(wanted) if wanted != self.signed.organisation => {
                Err(Problem::NotFound("organisation"))
            }
            _ => Ok(()),
        }
    }

    async fn own_connection(&self) -> Result<Connection, Problem> {
        Ok(self.pools.reporting.get().await.map_err(database::Error::from)?)
    }

    async fn as_official(&self, query: &ReadingQuery) -> Result<Access, Problem> {
        let Some(organisation) = query.organisation else {
            let detail = "officials say whose data they read";
            let violation = Violation {
                location: Location::Parameter { parameter: "organisation".to_owned() },
                code: "missing".into(),
                detail: detail.to_owned(),
                expected: Some("the id of an organisation".to_owned()),
            };
            return Err(Problem::InvalidParameter(Box::new(violation)));
        };
        let purpose = self.purpose()?;
        let mut conn = self.pools.official.get().await.map_err(database::Error::from)?;
        let act = self.signed.act(clock::now(), self.trace);
        let owners = BTreeSet::from([organisation]);
        events::append_reads(&mut conn, &act, &owners, &query.subject, purpose).await?;
        let pseudonyms = Pseudonyms::seen_by(self.signed.person, &self.secret);
        Ok(Access { conn, organisation, is_owner: false, pseudonyms })
    }

    /// Logs that an answer shows something of further organisations, before it is given. Their own
    /// people reading what is theirs to know are not logged.
    pub async fn also_of(
        &self,
        access: &mut Access,
        owners: &BTreeSet<OrganisationId>,
        subject: &str,
    ) -> Result<(), Problem> {
        if access.is_owner {
            return Ok(());
        }
        let purpose = self.purpose()?;
        let act = self.signed.act(clock::now(), self.trace);
        let mut others = owners.clone();
        others.remove(&access.organisation);
        events::append_reads(&mut access.conn, &act, &others, subject, purpose).await?;
        Ok(())
    }

    /// Refuses officials who hold none of these roles in an authority; filers pass.
    pub fn as_official_only(&self, roles: &[Role], who: &'static str) -> Result<(), Problem> {
        let holds = self.signed.kind == OrganisationKind::Authority
            && roles.iter().any(|role| self.signed.has(*role));
        if self.signed.is_official() && !holds {
            return Err(Problem::Forbidden(who.into()));
        }
        Ok(())
    }

    /// Opens access to what may concern several organisations. An official's purpose is asked for
    /// at once; what was read is noted with [`Reading::note`] before it is shown.
    pub async fn across(&self) -> Result<AccessAcross, Problem> {
        let is_official = self.signed.is_official();
        if is_official {
            self.purpose()?;
        }
        let pool = if is_official { &self.pools.official } else { &self.pools.reporting };
        let conn = pool.get().await.map_err(database::Error::from)?;
        Ok(AccessAcross { conn, filer: (!is_official).then_some(self.signed.organisation) })
    }

    /// Notes, for each owner to see, that an official reads `subject` of theirs. A filer's own read
    /// is nobody else's matter.
    pub async fn note(
        &self,
        access: &mut AccessAcross,
        owners: &BTreeSet<OrganisationId>,
        subject: &str,
    ) -> Result<(), Problem> {
        if access.filer.is_some() {
            return Ok(());
        }
        let purpose = self.purpose()?;
        let act = self.signed.act(clock::now(), self.trace);
        events::append_reads(&mut access.conn, &act, owners, subject, purpose).await?;
        Ok(())
    }

    /// Notes that an official reads what belongs to all and so to nobody in particular: in the log of
    /// the official's own organisation, for auditors.
    pub async fn note_own(&self, access: &mut AccessAcross, subject: &str) -> Result<(), Problem> {
        self.note(access, &BTreeSet::from([self.signed.organisation]), subject).await
    }

    fn purpose(&self) -> Result<&str, Problem> {
        let purpose = self.purpose.as_deref().unwrap_or_default().trim();
        if (1..=PURPOSE_LENGTH_LIMIT).contains(&purpose.len()) {
            return Ok(purpose);
        }
        let violation = Violation {
            location: Location::Parameter { parameter: PURPOSE.to_owned() },
            code: "missing".into(),
            detail: "confidential data are read for a purpose, which their owner may see"
                .to_owned(),
            expected: Some(format!("the purpose, in 1 to {PURPOSE_LENGTH_LIMIT} bytes")),
        };
        Err(Problem::InvalidParameter(Box::new(violation)))
    }
}

impl FromRequest for Reading {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed = Signed::from_request(request, payload);
        let trace = TraceContext::from_request(request, payload);
        let purpose = request.headers().get(PURPOSE);
        let purpose =
            purpose.map(|purpose| String::from_utf8_lossy(purpose.as_bytes()).into_owned());
        let pools = request.app_data::<web::Data<ReadingPools>>().cloned();
        let secret = request.app_data::<web::Data<ServerSecret>>().cloned();
        Box::pin(async move {
            let pools =
                pools.ok_or_else(|| anyhow::anyhow!("the application has no reading pools"))?;
            let secret = secret.ok_or_else(|| anyhow::anyhow!("the application has no secret"))?;
            Ok(Self {
                secret: secret.get_ref().clone(),
                signed: signed.await?,
                purpose,
                pools: pools.get_ref().clone(),
                trace: trace.await.map_err(|_| Problem::Unauthenticated)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_one_viewers_and_nobody_elses() {
        let id = |byte| Uuid::from_bytes([byte; 16]);
        let secret = ServerSecret::from_bytes([3; 32]);
        let seen_by = |viewer: u8| Pseudonyms::seen_by(PersonId::from_uuid(id(viewer)), &secret);
        let of = |viewer, organisation, party| {
            seen_by(viewer).of(OrganisationId::from_uuid(id(organisation)), id(party))
        };
        assert_eq!(of(1, 5, 9), of(1, 5, 9), "it stays the same");
        let all = [of(1, 5, 9), of(2, 5, 9), of(1, 6, 9), of(1, 5, 8), id(9)];
        let distinct: BTreeSet<Uuid> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
        let owner = Pseudonyms { viewer: None };
        assert_eq!(owner.of(OrganisationId::from_uuid(id(5)), id(9)), id(9));
    }
}
