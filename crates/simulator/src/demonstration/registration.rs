//! Registers the nation: groups with their quotas, organisations with sites, products and keys.

use super::people::{Credential, password};
use crate::{
    GROUPS, Organisation, Plan, SITE, Trade,
    api::{Api, text},
};
use anyhow::Context;
use domain::{ids::OrganisationId, mass::kilograms_of_grams};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

/// Registering costs a password hash each; more at once would only queue.
const AT_ONCE: usize = 4;

/// An organisation that is registered.
#[derive(Clone, Debug)]
pub(super) struct Filer {
    pub(super) id: OrganisationId,
    pub(super) key: String,
    name: String,
    role: &'static str,
    email: String,
    password: String,
}

impl Filer {
    pub(super) fn credential(&self) -> Credential {
        Credential {
            who: format!("{} ({})", self.name, self.id),
            role: self.role,
            email: Some(self.email.clone()),
            password: Some(self.password.clone()),
            api_key: Some(self.key.clone()),
            organisation: Some(self.name.clone()),
        }
    }
}

/// Registers everybody, in the plan's order.
pub(super) async fn register(
    api: &Api,
    plan: &Plan,
    administrator: &str,
) -> anyhow::Result<Vec<Filer>> {
    let mut groups = Vec::new();
    for (number, group) in GROUPS.iter().enumerate() {
        let form = json!({"name_zh": group.name_zh, "name_en": group.name_en});
        let request = api
            .reporting("POST", "/v1/groups")
            .by(administrator)
            .once(&format!("group-{number}"))
            .with(&form);
        groups.push(text(&api.send(&request).await?.body, "id")?);
    }
    for quota in &plan.quotas {
        let form = json!({
            "group": groups[quota.group], "year": quota.year, "scope": quota.scope, "batch": 1,
            "granted_reo_kg": kilograms_of_grams(quota.granted_reo_grams.cast_signed()),
            "source": "made up for the demonstration", "verification": "fictitious",
        });
        let key = format!("quota-{}-{}-{}", quota.group, quota.year, quota.scope);
        let request =
            api.reporting("POST", "/v1/regime/quotas").by(administrator).once(&key).with(&form);
        api.send(&request).await?;
    }
    let registrations = plan.nation.organisations.iter().map(|organisation| {
        let group = organisation.group.map(|group| groups[group].clone());
        register_one(api, administrator, organisation, group)
    });
    stream::iter(registrations).buffered(AT_ONCE).try_collect().await
}

async fn register_one(
    api: &Api,
    administrator: &str,
    organisation: &Organisation,
    group: Option<String>,
) -> anyhow::Result<Filer> {
    let (email, password) = (format!("files@{}.example", organisation.handle), password());
    let form = form(organisation, group.as_deref(), &email, &password);
    let request =
        api.reporting("POST", "/v1/organisations").by(administrator).once(&email).with(&form);
    let answer = api.send(&request).await?.body;
    Ok(Filer {
        id: text(&answer, "id")?.parse().context("an organisation's id")?,
        key: text(&answer, "first_key/key")?,
        name: organisation.name_en.clone(),
        role: if organisation.trade == Trade::Exporter { "exporter" } else { "reporter" },
        email,
        password,
    })
}

fn form(organisation: &Organisation, group: Option<&str>, email: &str, password: &str) -> Value {
    let products: Vec<Value> = organisation
        .goods
        .iter()
        .map(|good| {
            let facts = good.facts();
            json!({
                "code": facts.code, "name_zh": facts.name_zh, "name_en": facts.name_en,
                "category": facts.category, "form": facts.form, "hs_code": facts.hs_code,
                "grade": facts.grade, "composition": good.typical(),
            })
        })
        .collect();
    json!({
        "kind": "filer", "uscc": organisation.uscc, "country": "CN",
        "name_zh": organisation.name_zh, "name_en": organisation.name_en,
        "stages": organisation.stages, "group": group,
        "sites": [{
            "code": SITE, "name_zh": "一厂", "name_en": "Plant 1", "region": organisation.region,
            "stages": organisation.stages,
        }],
        "products": products,
        "first_administrator": {
            "email": email, "name": format!("{} 申报员", organisation.name_zh), "password": password,
            "roles": ["administrator", "reporter", "exporter"],
        },
        "first_key": {"name": "ERP", "scopes": ["reporter", "exporter"]},
    })
}
