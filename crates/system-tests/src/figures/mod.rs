//! What is measured, one module a figure.

pub mod bulk;
pub mod casework;
pub mod determination;
pub mod documents;
pub mod epcis;
pub mod filing_single;
pub mod flag_latency;
pub mod idle_memory;
pub mod material;
pub mod month_close;
pub mod races;
pub mod reservations;
pub mod trace;
pub mod up_warm;

use testkit::{Binaries, Stack, StackOptions};

/// With what everything is measured.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The binaries that are measured.
    pub binaries: Binaries,
    /// Fewer and shorter runs.
    pub quick: bool,
}

impl Bench {
    /// A stack of some services, with the settings that an operator has who sets nothing.
    async fn stack(&self, services: Vec<&'static str>) -> Stack {
        let binaries = self.binaries.clone();
        let filter = ("LODESTONE_LOG__FILTER".to_owned(), DEFAULT_FILTER.to_owned());
        let environment = vec![filter];
        Stack::start_with(StackOptions { binaries, services, environment, ..Default::default() })
            .await
    }
}

/// The default of `log.filter`.
const DEFAULT_FILTER: &str = "info,actix_server=warn";
