//! Numbers for operators, at `/metrics` in the format of Prometheus.

use actix_web::{HttpResponse, http::header::CONTENT_TYPE};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};
use tokio_util::sync::CancellationToken;

/// Bounds of every histogram in seconds: from a cached read to a hopeless request.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting; again is harmless, so that tests may run several services in a process.
pub fn init() {
    HANDLE.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .expect("the buckets are not empty")
            .install_recorder()
            .expect("nothing else installs a recorder")
    });
}

/// Keeps the histograms small until the process stops.
pub async fn upkeep(shutdown: CancellationToken) {
    while let Some(handle) = HANDLE.get() {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_INTERVAL) => handle.run_upkeep(),
        }
    }
}

/// `GET /metrics`
pub(crate) async fn page() -> HttpResponse {
    let text = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4")).body(text)
}
