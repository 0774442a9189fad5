//! Calls the systems of applicants about what changed, as Standard Webhooks describes it
//! (<https://www.standardwebhooks.com>). At least once: a call is claimed with the moment of its
//! next attempt before it is made, and noted afterwards.

use crate::{leading::pause, relay::Relay};
use anyhow::Context;
use database::{
    Connection,
    webhooks::calling::{self, Attempt, DueCall},
};
use jiff::SignedDuration;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_TYPE,
};
use serde_json::json;
use service::{
    clock,
    outward::{callable, is_public},
    secret::ServerSecret,
    settings,
    webhook::secret,
};
use standardwebhooks::Webhook;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinSet;

const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Calls under way at a time.
const AT_ONCE: usize = 32;
/// How long an endpoint may take to answer; whoever has more to do answers first.
const PATIENCE: Duration = Duration::from_secs(15);

/// What calls are made with.
#[derive(Clone)]
pub(crate) struct Telephone {
    client: Client,
    secret: ServerSecret,
    allow_private: bool,
    first_wait: SignedDuration,
}

impl Telephone {
    /// Sets it up; nothing is called yet.
    pub(crate) fn new(settings: &settings::Webhooks, secret: ServerSecret) -> anyhow::Result<Self> {
        let allow_private = settings.allow_private_addresses;
        let client = Client::builder()
            .timeout(PATIENCE)
            // An answer that points elsewhere was not looked at by us.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("lodestone/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(PublicNames { allow_private }))
            .build()
            .context("webhooks cannot be called")?;
        let first_wait = SignedDuration::from_secs(settings.retry_seconds.into());
        Ok(Self { client, secret, allow_private, first_wait })
    }

    /// Makes a call.
    async fn call(&self, call: &DueCall) -> Attempt {
        match self.attempt(call).await {
            Ok(status) => Attempt::Answered(status),
            Err(error) => Attempt::Failed(format!("{error:#}")),
        }
    }

    async fn attempt(&self, call: &DueCall) -> anyhow::Result<u16> {
        let url = callable(&call.url, self.allow_private)?;
        let body = json!({
            "type": call.change.kind,
            "timestamp": call.at.to_string(),
            "index": call.index,
            "data": call.change.data,
        });
        let body = body.to_string();
        let (id, now) = (call.event.to_string(), clock::now());
        let earlier = call.earlier_secret_until.is_some_and(|until| now < until);
        let first =
            if earlier { call.generation.saturating_sub(1).max(1) } else { call.generation };
        let signatures: Vec<String> = (first..=call.generation)
            .rev()
            .map(|generation| {
                let webhook = Webhook::new(&secret(&self.secret, call.webhook, generation))?;
                webhook.sign(&id, now.as_second(), body.as_bytes())
            })
            .collect::<Result<_, _>>()?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second().to_string())
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        // The answer's body is nobody's business: it is not read.
        Ok(request.send().await.map_err(reqwest::Error::without_url)?.status().as_u16())
    }
}

/// Resolves names, and knows no addresses but public ones.
struct PublicNames {
    allow_private: bool,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> =
                found.filter(|found| allow_private || is_public(found.ip())).collect();
            if addresses.is_empty() {
                return Err("the internet does not reach what this name stands for".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Calls until told to stop.
pub(crate) async fn run(relay: &Relay) {
    // Tasks of their own: a call goes on while the next ones are looked for.
    let mut under_way = JoinSet::new();
    loop {
        let Some(calls) = due(relay, AT_ONCE - under_way.len()).await else { return };
        for call in calls {
            let relay = relay.clone();
            under_way.spawn(async move { make(&relay, call).await });
        }
        tokio::select! {
            going_on = pause(relay, LOOK_AGAIN) => if !going_on { return },
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// Finds what is new and claims what is due; `None` when told to stop.
async fn due(relay: &Relay, most: usize) -> Option<Vec<DueCall>> {
    let (now, first_wait) = (clock::now(), relay.telephone.first_wait);
    let find = |mut conn: Connection| async move {
        calling::find_calls(&mut conn, now).await?;
        calling::claim(&mut conn, now, first_wait, most).await
    };
    relay.as_caller("look for webhooks to call", find).await
}

/// Makes a call and notes what became of it; `None` when told to stop.
async fn make(relay: &Relay, call: DueCall) -> Option<()> {
    let attempt = tokio::select! {
        () = relay.shutdown.cancelled() => return None,
        attempt = relay.telephone.call(&call) => attempt,
    };
    let outcome = match &attempt {
        Attempt::Answered(200..=299) => "delivered",
        Attempt::Answered(_) | Attempt::Failed(_) => "failed",
    };
    metrics::counter!("relay_webhook_calls_total", "outcome" => outcome).increment(1);
    let (call, attempt, now) = (&call, &attempt, clock::now());
    let note =
        |mut conn: Connection| async move { calling::note(&mut conn, call, attempt, now).await };
    relay.as_caller("note what became of a webhook call", note).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are judged by what they stand for at the moment of the call.
    #[tokio::test]
    async fn a_name_that_stands_for_a_neighbour_is_not_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = PublicNames { allow_private: false }.resolve(name()).await.err().unwrap();
        assert!(refused.to_string().contains("the internet does not reach"), "{refused}");
        let found = PublicNames { allow_private: true }.resolve(name()).await.unwrap();
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }
}
