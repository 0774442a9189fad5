//! `lodestone administrator`: somebody who can begin. Everybody else is invited by them.

use crate::{
    output::{answer, say},
    settings::database_target,
};
use anyhow::{Context, anyhow, bail, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use database::{
    Connection,
    events::Act,
    identity::{self, Language, NewPerson, Person},
    registry::{self, Identifier, Names, NewOrganisation, Registration},
};
use domain::{
    codes::{OrganisationKind, Role},
    ids::{OrganisationId, PersonId},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use service::{
    clock,
    identity::{Passwords, check_choice},
};
use std::io::Read;
use uuid::Uuid;

/// 144 random bits; written down in 24 letters.
const PASSWORD_BYTES: usize = 18;
/// A line on standard input is not longer than any password may be.
const INPUT_LIMIT_BYTES: u64 = 4096;
const MEMBERS_AT_ONCE: u16 = 200;

#[derive(Subcommand)]
pub enum Command {
    /// Makes an administrator of the authority; on first use the authority as well.
    Create(Create),
}

#[derive(Args)]
pub struct Create {
    /// What they sign in with.
    #[arg(long)]
    email: String,
    /// Their name.
    #[arg(long)]
    name: String,
    /// The authority's name in Chinese, when it is made.
    #[arg(long, default_value = "主管部门")]
    organisation_name_zh: String,
    /// The authority's name in English, when it is made.
    #[arg(long, default_value = "Competent Authority")]
    organisation_name_en: String,
    /// Reads the password from standard input; otherwise one is made and shown once.
    #[arg(long)]
    password_stdin: bool,
    /// For programs: a JSON object.
    #[arg(long)]
    json: bool,
}

/// What was done, as it is answered.
#[derive(Debug, Serialize)]
struct Outcome {
    created: bool,
    person: PersonId,
    organisation: OrganisationId,
    email: String,
    /// Only one that was made here, and only this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Create(create) = command;
    // Read in any case: whoever writes it into a pipe must not find nobody at the other end.
    let password = choose_password(&create)?;
    let pool = database_target()?.pool(database::Role::Identity, 1);
    let mut conn = pool.get().await.context("cannot reach the database")?;
    let outcome = create_administrator(&mut conn, &create, password).await?;
    if create.json {
        return answer(&outcome);
    }
    if !outcome.created {
        let email = &outcome.email;
        return Ok(say(&format!("{email} is an administrator already; nothing was changed"))?);
    }
    say(&format!("{} is an administrator of the authority", outcome.email))?;
    if let Some(password) = outcome.password {
        say(&format!("password, shown only now: {password}"))?;
    }
    Ok(())
}

/// Harmless to repeat: somebody who is an administrator keeps their password.
async fn create_administrator(
    conn: &mut Connection,
    create: &Create,
    (chosen, shown): (SecretString, Option<String>),
) -> anyhow::Result<Outcome> {
    let authority = registry::any_authority(conn).await?.map(|authority| authority.id);
    if let Some(person) = identity::person_with_email(conn, &create.email).await? {
        return existing(conn, authority, person).await;
    }
    let hash = Passwords::new()?.hash(&chosen).await?;
    let person = NewPerson {
        id: PersonId::from_uuid(Uuid::now_v7()),
        email: create.email.clone(),
        name: create.name.clone(),
        language: Language::Chinese,
        password_hash: Some(hash),
    };
    let id = person.id;
    let act = Act { person: None, at: clock::now(), traceparent: None };
    let roles = vec![Role::Administrator];
    let organisation = match authority {
        Some(authority) => {
            identity::add_member(conn, &person, authority, &roles, &act).await?;
            authority
        }
        None => found_authority(conn, create, (person, roles), &act).await?,
    };
    Ok(Outcome {
        created: true,
        person: id,
        organisation,
        email: create.email.clone(),
        password: shown,
    })
}

async fn existing(
    conn: &mut Connection,
    authority: Option<OrganisationId>,
    person: Person,
) -> anyhow::Result<Outcome> {
    let email = person.email;
    let is_administrator = match authority {
        Some(authority) => is_administrator(conn, authority, person.id).await?,
        None => false,
    };
    match authority {
        Some(organisation) if is_administrator => {
            Ok(Outcome { created: false, person: person.id, organisation, email, password: None })
        }
        _ => bail!("{email} is taken by somebody who is no administrator of the authority"),
    }
}

async fn is_administrator(
    conn: &mut Connection,
    authority: OrganisationId,
    person: PersonId,
) -> anyhow::Result<bool> {
    let mut after = None;
    loop {
        let members = identity::members(conn, authority, after, MEMBERS_AT_ONCE).await?;
        if let Some(member) = members.iter().find(|member| member.person == person) {
            return Ok(member.roles.contains(&Role::Administrator));
        }
        match members.last() {
            Some(last) => after = Some(last.person),
            None => return Ok(false),
        }
    }
}

async fn found_authority(
    conn: &mut Connection,
    create: &Create,
    administrator: (NewPerson, Vec<Role>),
    act: &Act,
) -> anyhow::Result<OrganisationId> {
    let id = OrganisationId::from_uuid(Uuid::now_v7());
    let names =
        Names { zh: create.organisation_name_zh.clone(), en: create.organisation_name_en.clone() };
    let organisation = NewOrganisation {
        id,
        kind: OrganisationKind::Authority,
        // No register of companies knows an authority; this one is its own.
        identifier: Identifier::Registration("authority".to_owned()),
        country: "CN".parse().expect("CN is a country"),
        names,
        stages: Vec::new(),
        group: None,
    };
    let registration = Registration {
        organisation,
        sites: Vec::new(),
        products: Vec::new(),
        administrator: Some(administrator),
        invitation: None,
        key: None,
    };
    registry::register(conn, &registration, None, act).await?;
    Ok(id)
}

/// The password to keep, and the same to show when nobody knows it yet.
fn choose_password(create: &Create) -> anyhow::Result<(SecretString, Option<String>)> {
    if !create.password_stdin {
        let made = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; PASSWORD_BYTES]>());
        return Ok((made.clone().into(), Some(made)));
    }
    let mut input = String::new();
    std::io::stdin().take(INPUT_LIMIT_BYTES).read_to_string(&mut input)?;
    let chosen: SecretString = input.trim_end_matches(['\r', '\n']).into();
    ensure!(!chosen.expose_secret().is_empty(), "no password came on standard input");
    check_choice("/password", &chosen).map_err(|violation| {
        anyhow!("{}, not {}", violation.detail, violation.expected.unwrap_or_default())
    })?;
    Ok((chosen, None))
}
