//! `lodestone settings`, and the settings that the other commands share with the services.

use crate::output::{answer, say};
use clap::Args;
use serde::Serialize;
use service::settings::{SETTINGS, Settings};

/// The commands listen nowhere; settings that are loaded have an address all the same.
const NO_PORT: u16 = 0;

#[derive(Args)]
pub struct Arguments {
    /// For programs: a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    key: &'static str,
    variable: String,
    default: Option<&'static str>,
    description: &'static str,
}

/// Lists what can be set. Values are not shown: some of them are secrets.
pub fn list(arguments: &Arguments) -> anyhow::Result<()> {
    let all = SETTINGS.iter().map(|setting| View {
        key: setting.key,
        variable: setting.variable(),
        default: setting.default,
        description: setting.description,
    });
    if arguments.json {
        return answer(&all.collect::<Vec<_>>());
    }
    for setting in all {
        let default = setting.default.map(|default| format!(" [{default}]")).unwrap_or_default();
        say(&format!("{}{default}", setting.key))?;
        say(&format!("    {}", setting.variable))?;
        say(&format!("    {}", setting.description))?;
    }
    Ok(())
}

/// The database that the services' settings name.
pub fn database_target() -> anyhow::Result<database::Target> {
    Ok(Settings::load(NO_PORT)?.database_target()?)
}
