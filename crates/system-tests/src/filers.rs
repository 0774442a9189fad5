//! Organisations that may file at once: registered straight into the database, because what is
//! measured or broken here is what happens afterwards.
//!
//! Their ids follow a pattern, so that a benchmark can name them by a number of its own.

use domain::{identifiers::Uscc, ids::CredentialId};
use service::identity::{Token, TokenKind};
use testkit::TestDatabase;
use uuid::Uuid;

/// The site that each of them has.
pub const SITE: &str = "S1";
/// What goes into a separation, and how much of it each filer is given.
pub const FEED: &str = "FEED";
const FEED_COMPOSITION: &str = r#"{"basis":"element","percent":{"La":"14","Nd":"20","Pr":"6"}}"#;
/// What comes out of a separation: code, customs code and composition.
pub const OXIDES: [(&str, &str, &str); 3] = [
    ("LA", "28469030", r#"{"basis":"element","percent":{"La":"85.0"}}"#),
    ("ND", "28469020", r#"{"basis":"element","percent":{"Nd":"85.0"}}"#),
    ("PR", "28469020", r#"{"basis":"element","percent":{"Pr":"85.0"}}"#),
];

/// The hexadecimal beginning of every organisation's id; two digits from [`FIRST`] on follow.
pub const ORGANISATION_PREFIX: &str = "000000000000700080000000000001";
/// The same for their sites.
pub const SITE_PREFIX: &str = "000000000000700080000000000002";
/// The number of the first filer.
pub const FIRST: usize = 10;
/// There are two digits.
pub const MOST: usize = 90;

/// An organisation with a site, products and a key.
#[derive(Clone, Debug)]
pub struct Filer {
    /// Its id.
    pub organisation: Uuid,
    /// Its name.
    pub name: String,
    /// Its unified social credit code.
    pub uscc: String,
    /// Its key, as sent after `Bearer`.
    pub token: String,
}

/// Registers filers: everything they need to file through the public interface.
pub async fn register(database: &TestDatabase, count: usize) -> Vec<Filer> {
    assert!(count <= MOST, "at most {MOST} filers");
    let mut filers = Vec::with_capacity(count);
    for number in FIRST..FIRST + count {
        filers.push(register_one(database, number).await);
    }
    filers
}

async fn register_one(database: &TestDatabase, number: usize) -> Filer {
    let client = database.owner().await;
    let organisation = patterned(ORGANISATION_PREFIX, number);
    let site = patterned(SITE_PREFIX, number);
    let name = format!("Separation Works {number}");
    let uscc = uscc(number);
    let registered = client
        .execute(
            "insert into organisations (id, kind, uscc, country, name_zh, name_en, stages, registered_at)
             values ($1, 'filer', $2, 'CN', $3, $3, '{mining,separation,trading}', now())",
            &[&organisation, &uscc, &name],
        )
        .await;
    registered.expect("a filer can be registered");
    let with_site = client
        .execute(
            "insert into sites (organisation, id, code, name_zh, name_en, region, stages)
             values ($1, $2, $3, $4, $4, '150200', '{mining,separation}')",
            &[&organisation, &site, &SITE, &name],
        )
        .await;
    with_site.expect("a filer can have a site");
    let feed = (FEED, "concentrate", "253090", FEED_COMPOSITION);
    let oxides = OXIDES.map(|(code, hs_code, composition)| (code, "oxide", hs_code, composition));
    for (code, category, hs_code, composition) in std::iter::once(feed).chain(oxides) {
        let with_product = client
            .execute(
                "insert into products (organisation, id, code, name_zh, name_en, category, hs_code, grade, composition)
                 values ($1, $2, $3, $3, $3, $4, $5, '99.5', $6::text::jsonb)",
                &[&organisation, &Uuid::now_v7(), &code, &category, &hs_code, &composition],
            )
            .await;
        with_product.expect("a filer can have products");
    }
    let token = grant_key(database, organisation, "reporter").await;
    Filer { organisation, name, uscc, token }
}

/// Registers any number of filers that extract and dispatch, in few statements.
pub async fn register_many(database: &TestDatabase, count: usize) -> Vec<Filer> {
    let client = database.owner().await;
    let numbers = 0..count;
    let filers: Vec<(Filer, Uuid, Token)> = numbers
        .map(|number| {
            let credential = Uuid::now_v7();
            let token = Token::random(TokenKind::Key(CredentialId::from_uuid(credential)));
            let filer = Filer {
                organisation: Uuid::now_v7(),
                name: format!("Mine {number}"),
                uscc: with_check(&format!("91150200MA1{number:06}")),
                token: token.reveal(),
            };
            (filer, credential, token)
        })
        .collect();
    let organisations: Vec<Uuid> = filers.iter().map(|(filer, ..)| filer.organisation).collect();
    let names: Vec<&str> = filers.iter().map(|(filer, ..)| filer.name.as_str()).collect();
    let codes: Vec<&str> = filers.iter().map(|(filer, ..)| filer.uscc.as_str()).collect();
    let credentials: Vec<Uuid> = filers.iter().map(|(_, credential, _)| *credential).collect();
    let hashes: Vec<Vec<u8>> = filers.iter().map(|(.., token)| token.hash().to_vec()).collect();
    let registered = client
        .execute(
            "with filer (id, name, code, key, hash) as (
                select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bytea[])),
             organisation as (insert into organisations (id, kind, uscc, country, name_zh, name_en, stages, registered_at)
                select id, 'filer', code, 'CN', name, name, '{mining,trading}', now() from filer),
             site as (insert into sites (organisation, id, code, name_zh, name_en, region, stages)
                select id, gen_random_uuid(), $6, name, name, '150200', '{mining}' from filer),
             product as (insert into products (organisation, id, code, name_zh, name_en, category, hs_code, composition)
                select id, gen_random_uuid(), $7, $7, $7, 'concentrate', '253090', $8::text::jsonb from filer),
             person as (insert into people (id, email, name, language, created_at)
                select key, key || '@example.com', name, 'en', now() from filer),
             member as (insert into memberships (person, organisation, role, granted_at)
                select key, id, 'reporter', now() from filer)
             insert into api_keys (id, organisation, person, name, key_hash, scopes, created_at, expires_at)
                select key, id, key, 'load', hash, array['reporter'], now(), now() + interval '1 day' from filer",
            &[&organisations, &names, &codes, &credentials, &hashes, &SITE, &FEED, &FEED_COMPOSITION],
        )
        .await;
    registered.expect("filers can be registered");
    filers.into_iter().map(|(filer, ..)| filer).collect()
}

/// Lets a new person work for an organisation in one role, and answers a key of that person.
pub async fn grant_key(database: &TestDatabase, organisation: Uuid, role: &str) -> String {
    let person = register_person(database).await;
    grant_key_to(database, person, organisation, &[role]).await
}

/// A new person, who belongs to nobody yet.
pub async fn register_person(database: &TestDatabase) -> Uuid {
    let client = database.owner().await;
    let person = Uuid::now_v7();
    let email = format!("{person}@example.com");
    let stored = client
        .execute(
            "insert into people (id, email, name, language, created_at) values ($1, $2, $2, 'en', now())",
            &[&person, &email],
        )
        .await;
    stored.expect("a person can be registered");
    person
}

/// Lets a person work for an organisation in these roles, and answers a key for them there.
pub async fn grant_key_to(
    database: &TestDatabase,
    person: Uuid,
    organisation: Uuid,
    roles: &[&str],
) -> String {
    let client = database.owner().await;
    let id = Uuid::now_v7();
    let token = Token::random(TokenKind::Key(CredentialId::from_uuid(id)));
    let member = client
        .execute(
            "insert into memberships (person, organisation, role, granted_at)
             select $1, $2, unnest($3::text[]), now() on conflict do nothing",
            &[&person, &organisation, &roles],
        )
        .await;
    member.expect("a person can become a member");
    let key = client
        .execute(
            "insert into api_keys (id, organisation, person, name, key_hash, scopes, created_at, expires_at)
             values ($1, $2, $3, 'load', $4, $5, now(), now() + interval '1 day')",
            &[&id, &organisation, &person, &token.hash().as_slice(), &roles],
        )
        .await;
    key.expect("a person can have a key");
    token.reveal()
}

/// A new organisation of a kind, such as `authority`.
pub async fn register_organisation(database: &TestDatabase, kind: &str) -> Uuid {
    let client = database.owner().await;
    let id = Uuid::now_v7();
    let stored = client
        .execute(
            "insert into organisations (id, kind, registration, country, name_zh, name_en, registered_at)
             values ($1, $2, $3, 'CN', '示范', $2, now())",
            &[&id, &kind, &id.to_string()],
        )
        .await;
    stored.expect("an organisation can be registered");
    id
}

/// The id with this beginning and these last two digits.
pub fn patterned(prefix: &str, number: usize) -> Uuid {
    format!("{prefix}{number:02}").parse().expect("a prefix of 30 digits and a number of two")
}

/// A code whose check character fits.
fn uscc(number: usize) -> String {
    with_check(&format!("91150200MA0LOAD{number:02}").replace('O', "0"))
}

fn with_check(body: &str) -> String {
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .map(|check| format!("{body}{check}"))
        .find(|code| code.parse::<Uscc>().is_ok())
        .expect("one of the alphabet's characters is the right one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filer_has_a_code_of_its_own_that_is_valid() {
        let codes: std::collections::HashSet<String> =
            (FIRST..FIRST + MOST).map(uscc).inspect(|code| assert_eq!(code.len(), 18)).collect();
        assert_eq!(codes.len(), MOST);
    }
}
