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
pub mod notification_sweep;
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
        self.stack_with(services, Vec::new()).await
    }

    /// The same with some settings.
    async fn stack_with(
        &self,
        services: Vec<&'static str>,
        settings: Vec<(&'static str, &'static str)>,
    ) -> Stack {
        let binaries = self.binaries.clone();
        let environment = std::iter::once(("LODESTONE_LOG__FILTER", DEFAULT_FILTER))
            .chain(settings)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Stack::start_with(StackOptions { binaries, services, environment, ..Default::default() })
            .await
    }
}

/// The default of `log.filter`.
const DEFAULT_FILTER: &str = "info,actix_server=warn";
