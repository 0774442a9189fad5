//! Is the process alive, and can it do its work?
//!
//! Live means that it answers. Ready means that everything it depends on answers too; what does
//! not is named, and the reason is logged, not shown.

use actix_web::{HttpResponse, web};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use serde::Serialize;
use std::{future::Future, sync::Arc, time::Duration};

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Probe = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// What must answer before the process is ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<Vec<(&'static str, Probe)>>,
}

impl Health {
    /// Nothing to wait for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds something that must answer.
    ///
    /// Call it before the health is shared: the list is closed once a server has a copy.
    #[must_use]
    pub fn with<F>(
        mut self,
        name: &'static str,
        probe: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let checks = Arc::get_mut(&mut self.checks).expect("checks are added before sharing");
        checks.push((name, Box::new(move || probe().boxed())));
        self
    }

    async fn check(&self) -> Vec<Check> {
        join_all(self.checks.iter().map(async |(name, probe)| {
            let outcome = tokio::time::timeout(CHECK_TIMEOUT, probe()).await;
            let ready = match outcome {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::warn!(check = name, error = %format!("{error:#}"), "not ready");
                    false
                }
                Err(_) => {
                    tracing::warn!(check = name, "not ready: no answer within {CHECK_TIMEOUT:?}");
                    false
                }
            };
            Check { name, ready }
        }))
        .await
    }
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ready: bool,
}

/// `GET /health/live`
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "live" }))
}

/// `GET /health/ready`
pub(crate) async fn ready(health: web::Data<Health>) -> HttpResponse {
    let checks = health.check().await;
    if checks.iter().all(|check| check.ready) {
        HttpResponse::Ok().json(Readiness { status: "ready", checks })
    } else {
        HttpResponse::ServiceUnavailable().json(Readiness { status: "not_ready", checks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn readiness(health: Health) -> String {
        let response = ready(web::Data::new(health)).await;
        let status = response.status().as_u16();
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        format!("{status} {}", std::str::from_utf8(&body).unwrap())
    }

    #[actix_web::test]
    async fn ready_means_that_everything_answers_and_says_what_does_not() {
        let health = Health::new().with("database", async || Ok(()));
        insta::assert_snapshot!(readiness(health).await, @r#"200 {"status":"ready","checks":[{"name":"database","ready":true}]}"#);
        let health = Health::new()
            .with("database", async || Ok(()))
            .with("broker", async || Err(anyhow::anyhow!("connection refused by 10.0.0.1")));
        insta::assert_snapshot!(readiness(health).await, @r#"503 {"status":"not_ready","checks":[{"name":"database","ready":true},{"name":"broker","ready":false}]}"#);
    }

    #[actix_web::test]
    async fn what_hangs_is_not_ready() {
        tokio::time::pause();
        let health = Health::new().with("database", std::future::pending);
        insta::assert_snapshot!(readiness(health).await, @r#"503 {"status":"not_ready","checks":[{"name":"database","ready":false}]}"#);
    }
}
