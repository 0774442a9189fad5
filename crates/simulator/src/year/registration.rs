//! Registers the firms of a year, their quotas and the listed parties, as the authority would.

use super::{FIRST_EVALUATION_SEED, Year, data::Ware, firms::Firm, making::content};
use crate::{
    SITE,
    api::{Api, text},
    filing::Party,
};
use anyhow::Context;
use domain::{
    composition::{Basis, StatedComposition},
    ids::OrganisationId,
    mass::kilograms_of_grams,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use rust_decimal::{Decimal, dec};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where the numbers of a year come from.
pub const SOURCE: &str = "made up by the simulator";
/// Registering costs a password hash each; more at once would only queue.
const AT_ONCE: usize = 4;

/// A firm that is registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its id.
    pub id: OrganisationId,
    /// The key that its system files with.
    pub key: String,
}

/// Everybody who is registered.
#[derive(Clone, Debug)]
pub struct Nation {
    /// Ids of the groups, by their number.
    pub groups: Vec<Uuid>,
    /// The firms, in their order.
    pub firms: Vec<Registered>,
}

/// What a seed may be used for.
pub const fn purpose(seed: u64) -> &'static str {
    if seed < FIRST_EVALUATION_SEED { "development" } else { "evaluation" }
}

/// Registers everything, in the order of the firms.
pub async fn register(api: &Api, year: &Year, administrator: &str) -> anyhow::Result<Nation> {
    let mut groups = Vec::new();
    let count = year.firms.iter().filter_map(|firm| firm.group).max().map_or(0, |last| last + 1);
    for number in 0..count {
        let form = json!({"name_zh": format!("第{}稀土集团", number + 1), "name_en": format!("Rare Earth Group {}", number + 1)});
        let key = format!("year-group-{number}");
        let request = api.reporting("POST", "/v1/groups").by(administrator).once(&key).with(&form);
        groups.push(text(&api.send(&request).await?.body, "id")?);
    }
    for quota in &year.quotas {
        let form = json!({
            "group": groups[quota.group], "year": quota.year, "scope": quota.scope, "batch": 1,
            "granted_reo_kg": kilograms_of_grams(quota.granted_reo_grams.cast_signed()),
            "source": SOURCE, "verification": "fictitious",
        });
        let key = format!("year-quota-{}-{}-{}", quota.group, quota.year, quota.scope);
        let request =
            api.reporting("POST", "/v1/regime/quotas").by(administrator).once(&key).with(&form);
        api.send(&request).await?;
    }
    for (number, party) in year.listed.iter().enumerate() {
        let request = api
            .reporting("POST", "/v1/regime/listed-parties")
            .by(administrator)
            .once(&format!("year-listed-{number}"))
            .with(&listed_form(party));
        api.send(&request).await?;
    }
    let registrations = year.firms.iter().map(|firm| {
        let group = firm.group.map(|group| groups[group].clone());
        register_one(api, administrator, firm, group)
    });
    let firms = stream::iter(registrations).buffered(AT_ONCE).try_collect().await?;
    let groups = groups.iter().map(|group| group.parse()).collect::<Result<_, _>>()?;
    Ok(Nation { groups, firms })
}

async fn register_one(
    api: &Api,
    administrator: &str,
    firm: &Firm,
    group: Option<String>,
) -> anyhow::Result<Registered> {
    let password = crate::demonstration::people::password();
    let form = form(firm, group.as_deref(), Some(&password));
    let request =
        api.reporting("POST", "/v1/organisations").by(administrator).once(&firm.handle).with(&form);
    let answer = api.send(&request).await?.body;
    Ok(Registered {
        id: text(&answer, "id")?.parse().context("an organisation's id")?,
        key: text(&answer, "first_key/key")?,
    })
}

/// The request that registers a firm with its site and products.
pub(crate) fn form(firm: &Firm, group: Option<&str>, password: Option<&str>) -> Value {
    let facts = firm.line.facts();
    let products: Vec<Value> = Ware::all()
        .map(|ware| {
            let facts = ware.facts();
            json!({
                "code": facts.code, "name_zh": facts.name_zh, "name_en": facts.name_en,
                "category": facts.category, "form": facts.form, "hs_code": facts.hs_code,
                "grade": facts.grade, "composition": brochure(ware),
            })
        })
        .collect();
    json!({
        "kind": "filer", "uscc": firm.uscc, "country": "CN", "name_zh": firm.name_zh, "name_en": firm.name_en,
        "stages": facts.stages, "group": group,
        "sites": [{"code": SITE, "name_zh": "一厂", "name_en": "Plant 1", "region": firm.division, "stages": facts.stages}],
        "products": products,
        "first_administrator": {
            "email": format!("files@{}.example", firm.handle), "name": format!("{} 申报员", firm.name_zh),
            "password": password, "roles": ["administrator", "reporter", "exporter"],
        },
        "first_key": {"name": "ERP", "scopes": ["reporter", "exporter"]},
    })
}

/// The request that lists a party.
pub(crate) fn listed_form(party: &Party) -> Value {
    json!({
        "list": "control", "name": party.name, "country": party.country,
        "valid_from": super::FIRST_DAY, "source": SOURCE, "verification": "fictitious",
    })
}

/// What a ware is said to hold where nobody measured.
fn brochure(ware: Ware) -> StatedComposition {
    let percent: BTreeMap<_, _> = ware
        .facts()
        .content_ppm
        .iter()
        .map(|(element, ppm)| (*element, Decimal::from(*ppm) / dec!(10_000)))
        .collect();
    let basis: Basis = ware.facts().basis;
    debug_assert!(0 < content(ware, 1_000).total_mg());
    StatedComposition { basis, percent, uncertainty_percent: BTreeMap::new() }
}
