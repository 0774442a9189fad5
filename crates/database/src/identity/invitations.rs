//! Invitations: a token that works once, for a while, and makes somebody a member.

use super::{NewPerson, add_person, grant, people::person_changed, role_names, roles};
use crate::{
    ChangeError, CorruptRow, Error,
    events::Act,
    idempotency::{self, KeyedRequest},
    schema::{invitations, people},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::Role,
    ids::{InvitationId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// An invitation to send.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// To which organisation.
    pub organisation: OrganisationId,
    /// Who is invited.
    pub email: String,
    /// To hold which roles.
    pub roles: Vec<Role>,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// An invitation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// To which organisation.
    pub organisation: OrganisationId,
    /// Who is invited.
    pub email: String,
    /// To hold which roles.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
}

/// Invites somebody.
pub async fn invite(
    conn: &mut AsyncPgConnection,
    invitation: &NewInvitation,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        insert_invitation(conn, invitation, act).await
    })
    .await
}

/// Stores an invitation; call it inside a transaction.
pub(crate) async fn insert_invitation(
    conn: &mut AsyncPgConnection,
    invitation: &NewInvitation,
    act: &Act,
) -> Result<(), ChangeError> {
    let by = act.person.unwrap_or(PersonId::from_uuid(Uuid::nil()));
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(invitation.id.as_uuid()),
            invitations::organisation.eq(invitation.organisation.as_uuid()),
            invitations::email.eq(&invitation.email),
            invitations::roles.eq(role_names(&invitation.roles)),
            invitations::token_hash.eq(invitation.token_hash.as_slice()),
            invitations::invited_by.eq(by.as_uuid()),
            invitations::created_at.eq(act.at.to_diesel()),
            invitations::expires_at.eq(invitation.expires_at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let change = format!("invited as {}", role_names(&invitation.roles).join(", "));
    // Nobody is known yet under that address: the event is about the invitation.
    let invited = PersonId::from_uuid(invitation.id.as_uuid());
    Ok(person_changed(conn, invited, invitation.organisation, change, act).await?)
}

/// The invitation with this token that can still be accepted.
pub async fn find_invitation(
    conn: &mut AsyncPgConnection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Invitation>, Error> {
    let row = InvitationRow::query()
        .filter(invitations::token_hash.eq(token_hash.as_slice()))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::expires_at.gt(now.to_diesel()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Invitation::try_from).transpose()?)
}

/// An organisation's invitations, newest first.
pub async fn invitations(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    before: Option<InvitationId>,
    limit: u16,
) -> Result<Vec<Invitation>, Error> {
    let rows: Vec<InvitationRow> = InvitationRow::query()
        .filter(invitations::organisation.eq(organisation.as_uuid()))
        .filter(invitations::id.lt(before.map_or(Uuid::max(), InvitationId::as_uuid)))
        .order(invitations::id.desc())
        .limit(limit.into())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Makes whoever was invited a member: a new person, or one who is known already.
///
/// Two who use the same token at once: one of them is told that there is no such invitation.
pub async fn accept_invitation(
    conn: &mut AsyncPgConnection,
    invitation: &Invitation,
    accepted_by: &Accepting,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        let person = match accepted_by {
            Accepting::New(person) => {
                add_person(conn, person, act.at).await?;
                person.id
            }
            Accepting::Known { person, chosen_password_hash } => {
                if let Some(hash) = chosen_password_hash {
                    diesel::update(people::table.find(person.as_uuid()))
                        .filter(people::password_hash.is_null())
                        .set(people::password_hash.eq(hash))
                        .execute(conn)
                        .await?;
                }
                *person
            }
        };
        let open = invitations::id
            .eq(invitation.id.as_uuid())
            .and(invitations::accepted_at.is_null())
            .and(invitations::expires_at.gt(act.at.to_diesel()));
        let accepted = diesel::update(invitations::table.filter(open))
            .set((
                invitations::accepted_by.eq(person.as_uuid()),
                invitations::accepted_at.eq(act.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        if accepted == 0 {
            return Err(ChangeError::Unknown("invitation"));
        }
        let act = Act { person: Some(person), ..act.clone() };
        grant(conn, person, invitation.organisation, &invitation.roles, &act).await
    })
    .await
}

/// Who accepts an invitation.
#[derive(Clone, Debug)]
pub enum Accepting {
    /// Somebody who was not known yet.
    New(NewPerson),
    /// Somebody who is known.
    Known {
        /// Who.
        person: PersonId,
        /// The hash of the password they choose, where they had none.
        chosen_password_hash: Option<String>,
    },
}

#[derive(HasQuery)]
#[diesel(table_name = invitations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct InvitationRow {
    id: Uuid,
    organisation: Uuid,
    email: String,
    roles: Vec<String>,
    created_at: jiff_diesel::Timestamp,
    expires_at: jiff_diesel::Timestamp,
    accepted_at: Option<jiff_diesel::Timestamp>,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = CorruptRow;

    fn try_from(row: InvitationRow) -> Result<Self, CorruptRow> {
        Ok(Self {
            id: InvitationId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            email: row.email,
            roles: roles("invitations", row.id, &row.roles)?,
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
            accepted_at: row.accepted_at.map(Into::into),
        })
    }
}
