//! People, what they may do for whom, and what they prove it with.
//!
//! Only hashes of secrets are stored: a dump opens no session. Every change is written together
//! with its event. Roles end, they are not deleted: who could do what on a day stays known.

mod credentials;
mod delegations;
mod invitations;
mod people;
mod sign_in;

pub(crate) use credentials::insert_key;
pub use credentials::{
    Acting, ApiKey, CredentialKind, Identity, KeyFilter, NewKey, NewSession, authenticate,
    close_session, create_key, keys, open_session, revoke_key,
};
pub use delegations::{Delegation, NewDelegation, delegate, delegations, revoke_delegation};
pub(crate) use invitations::insert_invitation;
pub use invitations::{
    Accepting, Invitation, NewInvitation, accept_invitation, find_invitation, invitations, invite,
};
pub use people::{
    Language, Member, NewPerson, Person, add_member, add_person, choose_mails, find_person, grant,
    members, person_with_email, set_roles,
};
pub use sign_in::{Attempt, begin_sign_in, sign_in_succeeded};

use crate::CorruptRow;
use domain::codes::Role;
use uuid::Uuid;

/// Reads role names as they are stored.
fn roles(table: &'static str, id: Uuid, names: &[String]) -> Result<Vec<Role>, CorruptRow> {
    let reader = crate::row::Reader { table, id };
    let mut roles =
        names.iter().map(|name| reader.word("roles", name)).collect::<Result<Vec<Role>, _>>()?;
    roles.sort();
    roles.dedup();
    Ok(roles)
}

fn role_names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.as_str()).collect()
}
