//! Officials of the authority and of customs, and what everybody signs in with.

use crate::{
    api::{Api, text},
    chance::Chance,
    identifiers,
};
use rand::RngExt;
use serde::Serialize;
use serde_json::json;

/// What somebody signs in with, or a program shows.
#[derive(Clone, Debug, Serialize)]
pub struct Credential {
    /// Who that is, for people.
    pub who: String,
    /// The role that makes them interesting.
    pub role: &'static str,
    /// The address to sign in with.
    pub email: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A key for programs.
    pub api_key: Option<String>,
    /// The organisation they belong to.
    pub organisation: Option<String>,
}

/// An official who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Official {
    pub(super) token: String,
    credential: Credential,
}

/// Everybody on the state's side.
#[derive(Debug)]
pub(super) struct Officials {
    pub(super) officer: Official,
    pub(super) senior_officer: Official,
    /// Signs where the risk asks for two signatures.
    pub(super) second_senior_officer: Official,
    pub(super) customs: Official,
    others: Vec<Credential>,
}

impl Officials {
    pub(super) fn credentials(&self) -> impl Iterator<Item = Credential> {
        let deciding =
            [&self.officer, &self.senior_officer, &self.second_senior_officer, &self.customs];
        deciding.into_iter().map(|official| &official.credential).chain(&self.others).cloned()
    }
}

/// A password for a demonstration: drawn, not derived from the seed, which everybody may know.
pub(crate) fn password() -> String {
    let mut generator = rand::rng();
    let letters = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut word = || -> String {
        (0..5).map(|_| char::from(letters[generator.random_range(0..letters.len())])).collect()
    };
    format!("{}-{}-{}", word(), word(), word())
}

/// Invites and registers everybody.
pub(super) async fn officials(api: &Api, administrator: &str) -> anyhow::Result<Officials> {
    let authority = |role: &'static str, name| {
        join_authority(api, administrator, role, role.replace('_', "."), name)
    };
    let officer = authority("officer", "陈静 Chen Jing").await?;
    let senior_officer = authority("senior_officer", "周国强 Zhou Guoqiang").await?;
    let second = "senior.officer.2".to_owned();
    let second_senior_officer =
        join_authority(api, administrator, "senior_officer", second, "吴敏 Wu Min").await?;
    let mut others = Vec::new();
    for (role, name) in
        [("analyst", "刘洋 Liu Yang"), ("inspector", "孙丽 Sun Li"), ("auditor", "马骏 Ma Jun")]
    {
        others.push(authority(role, name).await?.credential);
    }
    let office = Office {
        kind: "customs",
        role: "customs",
        name_zh: "演示海关",
        name_en: "Demonstration Customs",
        person: "黄海 Huang Hai",
        division: "330200",
    };
    let customs = join_office(api, administrator, &office).await?;
    let agency = Office {
        kind: "agency",
        role: "agency_adviser",
        name_zh: "演示工业主管部门",
        name_en: "Demonstration Ministry of Industry",
        person: "何敏 He Min",
        division: "110000",
    };
    others.push(join_office(api, administrator, &agency).await?.credential);
    Ok(Officials { officer, senior_officer, second_senior_officer, customs, others })
}

async fn join_authority(
    api: &Api,
    administrator: &str,
    role: &'static str,
    address: String,
    name: &str,
) -> anyhow::Result<Official> {
    let email = format!("{address}@authority.example");
    let form = json!({"email": email, "roles": [role]});
    let invitation =
        api.reporting("POST", "/v1/invitations").by(administrator).once(&email).with(&form);
    let token = text(&api.send(&invitation).await?.body, "token")?;
    let password = password();
    let form = json!({"token": token, "name": name, "password": password});
    api.send(&api.reporting("POST", "/v1/invitations/accept").with(&form)).await?;
    signed_in(api, role, name, email, password, "Demonstration Authority").await
}

/// An office other than the authority, with its one official.
struct Office {
    kind: &'static str,
    role: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
    person: &'static str,
    division: &'static str,
}

async fn join_office(api: &Api, administrator: &str, office: &Office) -> anyhow::Result<Official> {
    let mut chance = Chance::of_seed(rand::rng().random());
    let email = format!("{}@{}.example", office.role.replace('_', "."), office.kind);
    let password = password();
    let form = json!({
        "kind": office.kind, "name_zh": office.name_zh, "name_en": office.name_en,
        "uscc": identifiers::public_body(&mut chance, office.division),
        "first_administrator":
            {"email": email, "name": office.person, "password": password, "roles": [office.role]},
    });
    let request =
        api.reporting("POST", "/v1/organisations").by(administrator).once(&email).with(&form);
    api.send(&request).await?;
    signed_in(api, office.role, office.person, email, password, office.name_en).await
}

async fn signed_in(
    api: &Api,
    role: &'static str,
    name: &str,
    email: String,
    password: String,
    organisation: &str,
) -> anyhow::Result<Official> {
    let token = api.sign_in(&email, &password).await?;
    let credential = Credential {
        who: name.to_owned(),
        role,
        email: Some(email),
        password: Some(password),
        api_key: None,
        organisation: Some(organisation.to_owned()),
    };
    Ok(Official { token, credential })
}
