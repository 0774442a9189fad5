//! People and the roles they hold in organisations.

use crate::{
    ChangeError, CorruptRow, Error,
    events::{self, Act},
    row::Reader,
    schema::{api_keys, memberships, people},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, HasQuery, JoinOnDsl, OptionalExtension, QueryDsl,
    define_sql_function, query_dsl::methods, sql_types::Text,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::Role,
    event::Event,
    ids::{OrganisationId, PersonId},
    mails::MailRhythm,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::{fmt, str::FromStr};
use uuid::Uuid;

define_sql_function! {
    fn lower(text: Text) -> Text;
}

/// The language somebody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// 中文。
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// Its code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = domain::codes::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "zh" => Ok(Self::Chinese),
            "en" => Ok(Self::English),
            _ => Err(domain::codes::UnknownWord { expected: vec!["zh", "en"] }),
        }
    }
}

/// A person to add.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Their id.
    pub id: PersonId,
    /// Their e-mail address: what they sign in with, in any case.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The language they read.
    pub language: Language,
    /// Argon2id, as a PHC string; `None` until they choose a password.
    pub password_hash: Option<String>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The language they read.
    pub language: Language,
    /// The hash of their password, when they have one.
    pub password_hash: Option<String>,
    /// Since when they cannot do anything.
    pub disabled_at: Option<Timestamp>,
    /// How mails about open items reach them.
    pub mails: MailRhythm,
}

/// Adds a person who holds no role yet.
pub async fn add_person(
    conn: &mut AsyncPgConnection,
    person: &NewPerson,
    at: Timestamp,
) -> Result<(), ChangeError> {
    diesel::insert_into(people::table)
        .values((
            people::id.eq(person.id.as_uuid()),
            people::email.eq(&person.email),
            people::name.eq(&person.name),
            people::language.eq(person.language.as_str()),
            people::password_hash.eq(person.password_hash.as_deref()),
            people::created_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds a person who holds roles in an organisation from the first, or nobody at all.
pub async fn add_member(
    conn: &mut AsyncPgConnection,
    person: &NewPerson,
    organisation: OrganisationId,
    roles: &[Role],
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        add_person(conn, person, act.at).await?;
        grant(conn, person.id, organisation, roles, act).await
    })
    .await
}

/// Finds a person.
pub async fn find_person(
    conn: &mut AsyncPgConnection,
    id: PersonId,
) -> Result<Option<Person>, Error> {
    let row = PersonRow::query().find(id.as_uuid()).first(conn).await.optional()?;
    Ok(row.map(Person::try_from).transpose()?)
}

/// Finds a person by e-mail address, whatever its case.
pub async fn person_with_email(
    conn: &mut AsyncPgConnection,
    email: &str,
) -> Result<Option<Person>, Error> {
    let row = PersonRow::query()
        .filter(lower(people::email).eq(lower(email)))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Person::try_from).transpose()?)
}

#[derive(HasQuery)]
#[diesel(table_name = people)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct PersonRow {
    id: Uuid,
    email: String,
    name: String,
    language: String,
    password_hash: Option<String>,
    disabled_at: Option<jiff_diesel::Timestamp>,
    mails: String,
}

impl TryFrom<PersonRow> for Person {
    type Error = CorruptRow;

    fn try_from(row: PersonRow) -> Result<Self, CorruptRow> {
        Ok(Self {
            id: PersonId::from_uuid(row.id),
            email: row.email,
            name: row.name,
            language: Reader { table: "people", id: row.id }.word("language", &row.language)?,
            password_hash: row.password_hash,
            disabled_at: row.disabled_at.map(Into::into),
            mails: Reader { table: "people", id: row.id }.word("mails", &row.mails)?,
        })
    }
}

/// Notes how mails are to reach a person, with the event where they belong to somebody.
pub async fn choose_mails(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: Option<OrganisationId>,
    mails: MailRhythm,
    act: &Act,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        diesel::update(people::table.find(person.as_uuid()))
            .set(people::mails.eq(mails.as_str()))
            .execute(conn)
            .await?;
        if let Some(organisation) = organisation {
            person_changed(conn, person, organisation, format!("mails {mails}"), act).await?;
        }
        Ok(())
    })
    .await
}

/// Gives a person roles in an organisation, with the event. Roles they hold already stay as
/// they are; one that had ended begins anew.
pub async fn grant(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: OrganisationId,
    granted: &[Role],
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        for role in granted {
            insert_membership(conn, person, organisation, *role, act).await?;
        }
        let names: Vec<_> = granted.iter().map(|role| role.as_str()).collect();
        let change = format!("granted {}", names.join(", "));
        Ok(person_changed(conn, person, organisation, change, act).await?)
    })
    .await
}

async fn insert_membership(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: OrganisationId,
    role: Role,
    act: &Act,
) -> Result<(), ChangeError> {
    let by = (
        memberships::granted_by.eq(act.person.map(PersonId::as_uuid)),
        memberships::granted_at.eq(act.at.to_diesel()),
    );
    let membership = diesel::insert_into(memberships::table)
        .values((
            memberships::person.eq(person.as_uuid()),
            memberships::organisation.eq(organisation.as_uuid()),
            memberships::role.eq(role.as_str()),
            by,
        ))
        .on_conflict((memberships::person, memberships::organisation, memberships::role))
        .do_update()
        .set((by, memberships::ended_at.eq(None::<jiff_diesel::Timestamp>)));
    // `QueryDsl::filter` is for tables; this one is the statement's own WHERE.
    methods::FilterDsl::filter(membership, memberships::ended_at.is_not_null())
        .execute(conn)
        .await?;
    Ok(())
}

/// Somebody who holds roles in an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub person: PersonId,
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The language they read.
    pub language: Language,
    /// Their roles.
    pub roles: Vec<Role>,
}

/// Who holds roles in an organisation now, in the order of their ids.
pub async fn members(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    after: Option<PersonId>,
    limit: u16,
) -> Result<Vec<Member>, Error> {
    type Row = (Uuid, String, String, String, String);
    let roles_each = i64::try_from(Role::ALL.len()).expect("there are few roles");
    let rows: Vec<Row> = memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person)))
        .filter(memberships::organisation.eq(organisation.as_uuid()))
        .filter(memberships::ended_at.is_null())
        .filter(memberships::person.gt(after.map_or(Uuid::nil(), PersonId::as_uuid)))
        .order((memberships::person, memberships::role))
        .limit(i64::from(limit) * roles_each)
        .select((people::id, people::email, people::name, people::language, memberships::role))
        .load(conn)
        .await?;
    let mut found: Vec<Member> = Vec::new();
    for (id, email, name, language, role) in rows {
        let person = PersonId::from_uuid(id);
        let role = Reader { table: "memberships", id }.word("role", &role)?;
        match found.last_mut() {
            Some(member) if member.person == person => member.roles.push(role),
            _ => found.push(Member {
                person,
                email,
                name,
                language: Reader { table: "people", id }.word("language", &language)?,
                roles: vec![role],
            }),
        }
    }
    found.truncate(usize::from(limit));
    Ok(found)
}

/// Makes these the roles that a member holds; none at all when somebody leaves.
///
/// Whoever leaves, leaves no keys behind. An organisation keeps an administrator if it has one.
pub async fn set_roles(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: OrganisationId,
    wanted: &[Role],
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        let of_member = memberships::organisation
            .eq(organisation.as_uuid())
            .and(memberships::ended_at.is_null());
        // Everybody's rows are locked, so that two administrators cannot remove each other.
        let held: Vec<(Uuid, String)> = memberships::table
            .filter(of_member)
            .order((memberships::person, memberships::role))
            .select((memberships::person, memberships::role))
            .for_update()
            .load(conn)
            .await?;
        let own: Vec<&str> = held
            .iter()
            .filter(|(holder, _)| *holder == person.as_uuid())
            .map(|(_, role)| role.as_str())
            .collect();
        if own.is_empty() {
            return Err(ChangeError::Unknown("member"));
        }
        let administrator = Role::Administrator.as_str();
        let is_last = own.contains(&administrator)
            && held.iter().filter(|(_, role)| role == administrator).count() == 1;
        if is_last && !wanted.contains(&Role::Administrator) {
            return Err(ChangeError::NotAllowed(
                "this is the last administrator: make somebody else one first",
            ));
        }
        let ended = of_member
            .and(memberships::person.eq(person.as_uuid()))
            .and(memberships::role.ne_all(super::role_names(wanted)));
        diesel::update(memberships::table.filter(ended))
            .set(memberships::ended_at.eq(act.at.to_diesel()))
            .execute(conn)
            .await?;
        for role in wanted {
            insert_membership(conn, person, organisation, *role, act).await?;
        }
        if wanted.is_empty() {
            end_keys(conn, person, organisation, act).await?;
        }
        let names: Vec<_> = wanted.iter().map(|role| role.as_str()).collect();
        let change = if names.is_empty() {
            "left".to_owned()
        } else {
            format!("holds {}", names.join(", "))
        };
        Ok(person_changed(conn, person, organisation, change, act).await?)
    })
    .await
}

async fn end_keys(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: OrganisationId,
    act: &Act,
) -> Result<(), Error> {
    let theirs = api_keys::person
        .eq(person.as_uuid())
        .and(api_keys::organisation.eq(organisation.as_uuid()))
        .and(api_keys::revoked_at.is_null());
    diesel::update(api_keys::table.filter(theirs))
        .set(api_keys::revoked_at.eq(act.at.to_diesel()))
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn person_changed(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    organisation: OrganisationId,
    change: String,
    act: &Act,
) -> Result<(), Error> {
    let event = Event::PersonChanged { person, organisation, change };
    events::append(conn, &act.origin(), person.as_uuid(), &event).await
}
