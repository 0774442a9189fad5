//! Teams, queues and routing rules as they ship, so that applications lie in queues.

use super::people::Officials;
use crate::api::Api;
use domain::case::{ShippedRouting, shipped_routing};
use serde_json::{Value, json};

/// Makes what ships, with every officer in every team; answers the codes of the queues. It comes
/// after the story: a rule that routes a case makes it another version under somebody's hands.
pub(super) async fn make(api: &Api, officials: &Officials) -> anyhow::Result<Value> {
    let senior = &officials.senior_officer.token;
    let officers = api.send(&api.licensing("GET", "/v1/officers").by(senior)).await?.body;
    let members: Vec<&Value> =
        officers["officers"].as_array().into_iter().flatten().map(|it| &it["person"]).collect();
    let ShippedRouting { teams, queues, reason, rules } = shipped_routing();
    let made = async |path: &str, code: &str, form: &Value| {
        let key = format!("shipped-{code}");
        api.send(&api.licensing("POST", path).by(senior).once(&key).with(form)).await
    };
    for team in &teams {
        let form = json!({"code": team.code, "name_zh": team.name_zh, "name_en": team.name_en, "members": members});
        made("/v1/teams", team.code.as_str(), &form).await?;
    }
    for queue in &queues {
        made("/v1/queues", queue.code.as_str(), &serde_json::to_value(queue)?).await?;
    }
    made("/v1/routing", "routing", &json!({"rules": rules, "reason": reason})).await?;
    Ok(queues.iter().map(|queue| json!(queue.code)).collect())
}
